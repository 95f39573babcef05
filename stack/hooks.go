package stack

import (
	"menuos/stack/internal/kernel"
)

// Lookup finds a modelled function by its Linux name, nil if there is none.
func (s *Stack) Lookup(name string) *Sym { return s.n.LookupSym(name) }

// Syms lists the modelled functions.
func (s *Stack) Syms() []*Sym { return s.n.Syms() }

// SetHook has hook asked at each entry of the given functions, or of every
// function if all is set. A nil hook turns it off.
func (s *Stack) SetHook(hook Hook, syms []*Sym, all bool) {
	s.lock()
	defer s.mu.Unlock()
	s.hook = hook
	if hook == nil {
		s.n.Kernel.Watch(nil, nil, false)
		return
	}
	s.n.Kernel.Watch(entryWatcher{s}, syms, all)
}

// entryWatcher passes function entries to the hook. It runs inside the machine.
type entryWatcher struct{ s *Stack }

// Entry stops the machine where the hook says so.
func (w entryWatcher) Entry(sym *Sym) {
	s := w.s
	if s.hook == nil || !s.hook(sym) {
		return
	}
	s.stop = s.here(sym)
	s.released = false
	s.n.Stop()
}

func (s *Stack) here(sym *Sym) *Stop {
	cur := s.n.Current()
	return &Stop{
		Sym:     sym,
		Frames:  s.n.Frames(s.n.EntryStack()),
		Context: s.n.Context(),
		Pid:     cur.Pid,
		Comm:    cur.Comm,
		Time:    s.n.Kernel.Now(),
	}
}

// CallChain is the backtrace at the function entry that a Hook is being asked
// about. Only a Hook may call it.
func (s *Stack) CallChain() *Stop { return s.here(nil) }

// Stopped is where a breakpoint, or RunToEvent, holds the machine, nil while it
// may run.
func (s *Stack) Stopped() *Stop {
	s.lock()
	defer s.mu.Unlock()
	return s.stopped()
}

func (s *Stack) stopped() *Stop {
	if s.released {
		return nil
	}
	return s.stop
}

// Continue lets the machine go on from the stop, when somebody next drives it,
// and from a pause.
func (s *Stack) Continue() {
	s.lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.released = true
	}
	s.paused = false
	s.changed.Broadcast()
	s.wakePump()
}

// SourceLine is where a frame stands in menuos's own source: the file's name,
// the line, and all lines of the file, nil if the frame models nothing.
func (s *Stack) SourceLine(f Frame) (file string, line int, lines []string) {
	if f.Sym == nil {
		return "", 0, nil
	}
	pkg := kernel.PackageOf(f.GoFunc)
	return f.Sym.GoFile, f.GoLine, s.n.SourceLines(pkg, f.Sym.GoFile)
}
