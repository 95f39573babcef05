// The commands that let the machine go on.

package debug

import (
	"errors"
	"fmt"
	"strings"
)

// held is nil if the machine is stopped, else what gdb says, and why.
func (d *Debugger) held() error {
	if d.t.Stopped() != nil {
		return nil
	}
	return errors.New("The program is not being run.")
}

// resume lets the machine go on.
func (d *Debugger) resume(c *call, s *stepping) {
	d.step, d.hits, d.frame = s, nil, 0
	d.list = listing{}
	d.arm()
	d.t.Continue()
	c.act = Resume
}

func (d *Debugger) cmdContinue(c *call) error {
	if d.t.Stopped() == nil {
		return d.continueRunning(c)
	}
	if c.args != "" {
		n, err := d.number(c.args)
		if err != nil {
			return err
		}
		if len(d.hits) == 0 {
			c.printf("Not stopped at any breakpoint; argument ignored.\n")
		} else {
			c.printf("%s  ", d.hits[0].setIgnore(int(n)-1))
		}
	}
	c.printf("Continuing.\n")
	d.resume(c, nil)
	return nil
}

// continueRunning is continue while nothing holds the machine. In a command
// file it waits for the next stop, as it would at a real kernel; but for the
// stop in a function of the boot, which is past, it does not.
func (d *Debugger) continueRunning(c *call) error {
	enabled := false
	for _, b := range d.breaks {
		enabled = enabled || b.enabled
	}
	if c.script.name == "" {
		why := d.msg("notRunning")
		if !enabled {
			why = d.msg("noBreaks") + " " + why
		}
		return fmt.Errorf("The program is not being run.\n%s", why)
	}
	c.printf("Continuing.\n")
	switch {
	case d.boot > 0:
		d.boot--
	case enabled:
		c.act = Resume
	}
	return nil
}

// startStep begins a step, next, finish or until from a frame.
func (d *Debugger) startStep(c *call, kind byte, frame int) error {
	if err := d.held(); err != nil {
		return err
	}
	s := &stepping{kind: kind, count: 1}
	if c.args != "" && kind != 'u' && kind != 'f' {
		n, err := d.number(c.args)
		if err != nil {
			return err
		}
		if n < 1 {
			return nil
		}
		s.count = int(n)
	}
	stop := d.t.Stopped()
	s.pid, s.depth = stop.Pid, len(stop.Frames)-frame
	d.resume(c, s)
	return nil
}

func (d *Debugger) cmdStep(c *call) error { return d.startStep(c, 's', 0) }
func (d *Debugger) cmdNext(c *call) error { return d.startStep(c, 'n', 0) }

func (d *Debugger) cmdFinish(c *call) error {
	if err := d.held(); err != nil {
		return err
	}
	if d.frame+1 >= len(d.t.Stopped().Frames) {
		return errors.New("\"finish\" not meaningful in the outermost frame.")
	}
	c.printf("Run till exit from %s\n", d.frameLine(d.frame))
	return d.startStep(c, 'f', d.frame)
}

func (d *Debugger) cmdUntil(c *call) error {
	if c.args == "" {
		return d.startStep(c, 'n', 0)
	}
	return d.cmdAdvance(c)
}

func (d *Debugger) cmdAdvance(c *call) error {
	if err := d.held(); err != nil {
		return err
	}
	if c.args == "" {
		return errors.New("Argument required (a location).")
	}
	syms, _, err := d.resolve(c.args)
	if err == errBooted {
		return errors.New(d.msg("booted", c.args))
	}
	if err != nil {
		return err
	}
	if err := d.startStep(c, 'u', 0); err != nil {
		return err
	}
	d.step.until = syms
	return nil
}

func (d *Debugger) cmdTarget(c *call) error {
	if c.args == "" {
		return errors.New("Argument required (target name).  Try \"help target\"")
	}
	c.printf("%s\n", d.msg("attached"))
	return nil
}

func (d *Debugger) cmdQuit(c *call) error {
	c.act = Quit
	return nil
}

func (d *Debugger) cmdFile(c *call) error {
	name := c.args
	if name == "" {
		return nil
	}
	c.printf("%s\n", d.msg("builtin", strings.Fields(name)[0]))
	return nil
}
