// Breakpoints: data, and the hook that asks them.

package debug

import (
	"slices"

	"menuos/stack"
)

type breakpoint struct {
	num      int
	name     string
	syms     []*stack.Sym
	disp     string // "keep", "del" or "dis": what becomes of it when hit
	enabled  bool
	cond     *expr
	condText string
	condErr  error // of the last test
	hits     int
	ignore   int
	commands []scriptLine
}

func (b *breakpoint) at(sym *stack.Sym) bool { return slices.Contains(b.syms, sym) }

func (b *breakpoint) silent() bool { return len(b.commands) > 0 && b.commands[0].word() == "silent" }

// BreaksAt reports whether there is a breakpoint at a function.
func (d *Debugger) BreaksAt(fn string) bool {
	for _, b := range d.breaks {
		for _, sym := range b.syms {
			if sym.Name == fn {
				return true
			}
		}
	}
	return false
}

// stepping is a step, next, finish or until under way.
type stepping struct {
	kind    byte // 's', 'n', 'f', 'u'
	pid     int
	depth   int // frames of the chain that the step started from
	until   []*stack.Sym
	count   int // entries to go
	reached bool
}

// arm has the machine ask the hook where it has to.
func (d *Debugger) arm() {
	var syms []*stack.Sym
	for _, b := range d.breaks {
		if b.enabled {
			syms = append(syms, b.syms...)
		}
	}
	all := d.step != nil
	if len(syms) == 0 && !all {
		d.t.SetHook(nil, nil, false)
		return
	}
	d.t.SetHook(d.hook, syms, all)
}

// hook runs inside the machine, at each watched entry.
func (d *Debugger) hook(sym *stack.Sym) bool {
	d.hits = d.hits[:0]
	for _, b := range d.breaks {
		if b.enabled && b.at(sym) && d.hit(b) {
			d.hits = append(d.hits, b)
		}
	}
	if d.step != nil && d.arrived(sym) {
		d.step.reached = true
	}
	return len(d.hits) > 0 || d.step != nil && d.step.reached
}

// hit tests the condition, counts and ignores, as gdb does and in its order.
func (d *Debugger) hit(b *breakpoint) bool {
	b.condErr = nil
	if b.cond != nil {
		v, err := d.evalIn(b.cond, scopeOf(d.t.CallChain(), 0))
		if err == nil {
			var ok bool
			if ok, err = v.truth(); err == nil && !ok {
				return false
			}
		}
		b.condErr = err
	}
	b.hits++
	if b.ignore > 0 {
		b.ignore--
		return false
	}
	return true
}

// arrived reports whether this entry is one that the step under way means.
func (d *Debugger) arrived(sym *stack.Sym) bool {
	s := d.step
	if s.kind == 's' {
		s.count--
		return s.count <= 0
	}
	if s.kind == 'u' && slices.Contains(s.until, sym) {
		return true
	}
	here := d.t.CallChain()
	if here.Pid != s.pid {
		return false
	}
	limit := s.depth
	if s.kind == 'f' {
		limit--
	}
	if len(here.Frames) > limit {
		return false
	}
	s.depth = len(here.Frames) // next N counts on from here
	s.count--
	return s.count <= 0
}

func (d *Debugger) breakpoint(num int) *breakpoint {
	for _, b := range d.breaks {
		if b.num == num {
			return b
		}
	}
	return nil
}

func (d *Debugger) remove(b *breakpoint) {
	d.breaks = slices.DeleteFunc(d.breaks, func(x *breakpoint) bool { return x == b })
	d.hits = slices.DeleteFunc(slices.Clone(d.hits), func(x *breakpoint) bool { return x == b })
}
