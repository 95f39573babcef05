// What happens when the machine has stopped.

package debug

import (
	"fmt"
	"io"
	"slices"
)

// Report tells of the stop that holds the machine: where, the displays, the
// commands of its breakpoints, and the rest of a command file that was waiting
// for it. It does nothing while the machine runs, and tells of a stop once.
func (d *Debugger) Report(out io.Writer) (Action, error) {
	stop := d.t.Stopped()
	if stop == nil {
		if d.step != nil { // what was stepped through has ended
			d.step = nil
			d.arm()
		}
		return None, nil
	}
	if stop == d.shown {
		return None, nil
	}
	d.shown, d.frame, d.list = stop, 0, listing{}
	d.step = nil
	if stop.Event != nil {
		d.hits = nil // of an earlier stop: no breakpoint holds the machine now
	}
	hits := slices.Clone(d.hits)
	if len(hits) == 0 || !hits[0].silent() {
		d.showStop(out, hits)
		d.showDisplays(out)
	}
	for _, b := range hits {
		switch b.disp {
		case "del":
			d.remove(b)
		case "dis":
			b.enabled = false
		}
	}
	d.arm()
	return d.afterStop(hits, out)
}

// afterStop runs breakpoint commands, then what a command file still holds.
func (d *Debugger) afterStop(hits []*breakpoint, out io.Writer) (Action, error) {
	for _, b := range hits {
		act, err := d.runCommandsOf(b, out)
		if act != None || err != nil {
			return act, err
		}
	}
	lines := d.pending
	d.pending = nil
	return d.runLines(lines, out, true)
}

func (d *Debugger) runCommandsOf(b *breakpoint, out io.Writer) (Action, error) {
	lines := b.commands
	if b.silent() {
		lines = lines[1:]
	}
	return d.runLines(lines, out, false)
}

func (d *Debugger) showStop(out io.Writer, hits []*breakpoint) {
	if len(hits) == 0 {
		fmt.Fprintf(out, "%s\n", d.location(0))
		return
	}
	b := hits[0]
	if b.condErr != nil {
		fmt.Fprintf(out, "Error in testing condition for breakpoint %d:\n%v\n", b.num, b.condErr)
	}
	kind := "Breakpoint"
	if b.disp == "del" {
		kind = "Temporary breakpoint"
	}
	fmt.Fprintf(out, "\n%s %d, %s\n", kind, b.num, d.location(0))
}
