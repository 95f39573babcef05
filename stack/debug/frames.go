// The stack, in gdb's form.

package debug

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"menuos/stack"
)

// userAddr is where a 32-bit program's system calls return to, in its vdso.
const userAddr = 0xf7fd0549

// frames is the backtrace of the stop, with the user's frame that gdb sees
// below a system call; nil while the machine runs.
func (d *Debugger) frames() []stack.Frame {
	stop := d.t.Stopped()
	if stop == nil {
		return nil
	}
	return withUser(stop.Frames)
}

func withUser(frames []stack.Frame) []stack.Frame {
	n := len(frames)
	if n == 0 || frames[n-1].Func != "entry_SYSCALL_compat" {
		return frames
	}
	return append(frames[:n:n], stack.Frame{Func: "??", Addr: userAddr})
}

// selected is the frame that print and info look at, nil while the machine runs.
func (d *Debugger) selected() *stack.Frame {
	frames := d.frames()
	if d.frame >= len(frames) {
		return nil
	}
	return &frames[d.frame]
}

// frameLine is a line of a backtrace.
func (d *Debugger) frameLine(i int) string {
	return fmt.Sprintf("#%-2d %s", i, d.location(i))
}

// location is a frame as a stop prints it.
func (d *Debugger) location(i int) string {
	frames := d.frames()
	if i >= len(frames) {
		return "?? ()"
	}
	return d.frameText(frames, i).String()
}

// argText is an argument as a frame shows it: scalars only.
func (d *Debugger) argText(a stack.Arg) string {
	if !a.Known {
		return optimizedOut
	}
	v := d.valueOf(a.Value)
	if v.kind == kindStruct || v.kind == kindArray || v.kind == kindPtr && !v.placed {
		return "..."
	}
	return d.format(v, formatting{nested: true})
}

func (d *Debugger) cmdBacktrace(c *call) error {
	n, all, full := 0, true, false
	for _, w := range strings.Fields(c.args) {
		if w == "full" || w == "-full" {
			full = true
			continue
		}
		v, err := d.number(w)
		if err != nil {
			return err
		}
		n, all = int(v), false
	}
	frames := d.frames()
	if frames == nil {
		return errors.New("No stack.")
	}
	from, to := 0, len(frames)
	switch {
	case all:
	case n >= 0:
		to = min(n, to)
	default:
		from = max(0, to+n)
	}
	for i := from; i < to; i++ {
		c.printf("%s\n", d.frameLine(i))
		if full {
			d.showLocals(c, &frames[i], "        ")
		}
	}
	if to < len(frames) {
		c.printf("(More stack frames follow...)\n")
	}
	return nil
}

// showLocals prints what Linux's locals the frame has.
func (d *Debugger) showLocals(c *call, f *stack.Frame, indent string) {
	found := false
	for _, name := range localNames {
		if hasParam(f, name) {
			continue
		}
		if raw, ok := d.t.Var(*f, name); ok {
			found = true
			c.printf("%s%s = %s\n", indent, name, d.format(d.valueOf(raw), formatting{nested: true}))
		}
	}
	if !found {
		c.printf("%sNo locals.\n", indent)
	}
}

func hasParam(f *stack.Frame, name string) bool {
	for _, a := range f.Args {
		if a.Name == name {
			return true
		}
	}
	return false
}

func (d *Debugger) cmdFrame(c *call) error {
	frames := d.frames()
	if frames == nil {
		return errors.New("No stack.")
	}
	word, rest := splitWord(c.args)
	switch {
	case c.args == "":
	case word == "function":
		return d.frameOf(c, frames, rest)
	default:
		n, err := d.number(strings.TrimPrefix(c.args, "level "))
		if err != nil {
			return err
		}
		if n < 0 || int(n) >= len(frames) {
			return fmt.Errorf("No frame at level %s.", strings.TrimPrefix(c.args, "level "))
		}
		d.frame = int(n)
	}
	d.showFrame(c)
	return nil
}

func (d *Debugger) frameOf(c *call, frames []stack.Frame, name string) error {
	for i := range frames {
		if frames[i].Func == name {
			d.frame = i
			d.showFrame(c)
			return nil
		}
	}
	return fmt.Errorf("No frame for function \"%s\".", name)
}

func (d *Debugger) showFrame(c *call) {
	d.list = listing{}
	c.printf("%s\n", d.frameLine(d.frame))
}

func (d *Debugger) cmdUp(c *call) error   { return d.move(c, 1) }
func (d *Debugger) cmdDown(c *call) error { return d.move(c, -1) }

// move selects a frame further out or in.
func (d *Debugger) move(c *call, sign int) error {
	frames := d.frames()
	if frames == nil {
		return errors.New("No stack.")
	}
	n := int64(1)
	if c.args != "" {
		var err error
		if n, err = d.number(c.args); err != nil {
			return err
		}
	}
	to := min(max(d.frame+sign*int(n), 0), len(frames)-1)
	if to == d.frame && n != 0 {
		if sign*int(n) > 0 {
			return errors.New("Initial frame selected; you cannot go up.")
		}
		return errors.New("Bottom (innermost) frame selected; you cannot go down.")
	}
	d.frame = to
	d.showFrame(c)
	return nil
}

func (d *Debugger) infoFrame(c *call) error {
	f := d.selected()
	if f == nil {
		return errors.New("No stack.")
	}
	frames := d.frames()
	c.printf("Stack level %d, frame of %s:\n rip = %#x in %s", d.frame, f.Func, f.Addr, f.Func)
	if f.Sym != nil {
		c.printf(" (%s:%d)", shownFile(f.File), f.Line)
	}
	if d.frame+1 < len(frames) {
		c.printf("; saved rip = %#x\n called by %s", frames[d.frame+1].Addr, frames[d.frame+1].Func)
	}
	if d.frame > 0 {
		c.printf("\n caller of %s", frames[d.frame-1].Func)
	}
	c.printf("\n source language c.\n")
	if len(f.Args) > 0 {
		var args []string
		for _, a := range f.Args {
			args = append(args, a.Name+"="+d.argText(a))
		}
		c.printf(" args: %s\n", strings.Join(args, ", "))
	}
	return nil
}

func (d *Debugger) infoArgs(c *call) error {
	f := d.selected()
	if f == nil {
		return errors.New("No frame selected.")
	}
	if len(f.Args) == 0 {
		c.printf("No arguments.\n")
	}
	for _, a := range f.Args {
		s := optimizedOut
		if a.Known {
			s = d.format(d.valueOf(a.Value), formatting{nested: true})
		}
		c.printf("%s = %s\n", a.Name, s)
	}
	return nil
}

func (d *Debugger) infoLocals(c *call) error {
	f := d.selected()
	if f == nil {
		return errors.New("No frame selected.")
	}
	d.showLocals(c, f, "")
	return nil
}

// listing remembers how far list has come.
type listing struct {
	name        string
	lines       []string
	first, last int // shown last
}

func (d *Debugger) cmdList(c *call) error {
	size := max(1, d.intSetting("listsize", 10))
	from, to := 0, 0
	switch first, last, isRange := strings.Cut(c.args, ","); {
	case c.args == "" && d.list.lines == nil:
		line, err := d.openSource(d.selected())
		if err != nil {
			return err
		}
		from = max(1, line-size/2)
	case c.args == "":
		from = d.list.last + 1
	case c.args == "-":
		from = max(1, d.list.first-size)
		to = max(1, d.list.first-1)
	case isNumber(strings.TrimSpace(first)):
		if d.list.lines == nil {
			if _, err := d.openSource(d.selected()); err != nil {
				return err
			}
		}
		from, _ = strconv.Atoi(strings.TrimSpace(first))
		if n, err := strconv.Atoi(strings.TrimSpace(last)); err == nil {
			to = n
		} else if !isRange {
			from = max(1, from-size/2)
		}
	default:
		syms, _, err := d.resolve(c.args)
		if err == errBooted {
			return errors.New(d.msg("noSource", c.args))
		}
		if err != nil {
			return err
		}
		s := syms[0]
		line, err := d.openSource(&stack.Frame{Func: s.Name, Sym: s, GoFunc: s.GoFunc, GoFile: s.GoFile, GoLine: s.GoLine})
		if err != nil {
			return err
		}
		from = max(1, line-size/2)
	}
	if to == 0 {
		to = from + size - 1
	}
	return d.showSource(c, from, to)
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

func (d *Debugger) openSource(f *stack.Frame) (line int, err error) {
	if f == nil {
		return 0, errors.New("No stack.")
	}
	file, line, lines := d.t.SourceLine(*f)
	if len(lines) == 0 {
		return 0, errors.New(d.msg("noSource", f.Func))
	}
	d.list = listing{name: file, lines: lines}
	return line, nil
}

func (d *Debugger) showSource(c *call, from, to int) error {
	l := &d.list
	if from > len(l.lines) {
		return fmt.Errorf("Line number %d out of range; %s has %d lines.", from, l.name, len(l.lines))
	}
	if l.last == 0 {
		c.printf("%s\n", d.msg("goSource", l.name))
	}
	to = min(to, len(l.lines))
	for n := from; n <= to; n++ {
		c.printf("%d\t%s\n", n, l.lines[n-1])
	}
	l.first, l.last = from, to
	return nil
}
