package shell

import (
	"context"
	"strings"
	"testing"
	"time"

	"menuos/stack"
)

// TestInput: what a person types reaches the command that runs, on either clock;
// Ctrl-D ends it.
func TestInput(t *testing.T) {
	for _, clock := range []stack.Clock{stack.ClockVirtual, stack.ClockReal} {
		s, out := open(t, Config{Interactive: true, Clock: clock})
		if s.Input("nobody reads") || s.CloseInput() || s.Reads() {
			t.Error("a session without a command reads")
		}
		run(t, s, out, "nc -l 7000 > got &")
		typed := make(chan bool, 1)
		step := 0
		var look func()
		look = func() { // runs while the command waits
			switch {
			case !s.Reads():
			case step == 0:
				s.Input("one")
				step++
			case step == 1:
				s.Input("two")
				step++
			default:
				typed <- s.CloseInput()
				return
			}
			s.Interject(look)
		}
		s.Interject(look)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		if st := s.Exec(ctx, "nc -N localhost 7000"); st != 0 || !<-typed {
			t.Errorf("clock %v: status %d", clock, st)
		}
		cancel()
		if got := run(t, s, out, "cat got"); !strings.HasSuffix(got, "one\ntwo\n") {
			t.Errorf("clock %v: %q arrived, want one, two", clock, got)
		}
		if s.Reads() {
			t.Error("the command has ended, and reads")
		}
	}
}

// TestInputInterrupted: Ctrl-C ends a command that waits for a person.
func TestInputInterrupted(t *testing.T) {
	s, out := open(t, Config{Interactive: true})
	run(t, s, out, "nc -lk 7000 &")
	ctx, cancel := context.WithCancel(t.Context())
	s.Interject(func() { s.Interject(cancel) })
	if st := s.Exec(ctx, "nc localhost 7000"); st != statusInterrupted {
		t.Errorf("status %d, want %d", st, statusInterrupted)
	}
}
