package tui

import (
	"testing"
	"time"
)

// TestTypingToACommand: lines go to nc while it runs, Ctrl-D ends its input, and
// what is typed then is MenuOS's again.
func TestTypingToACommand(t *testing.T) {
	sit(t, 140, 45, func(p *person) {
		p.line("nc -l 7000 > got &", "nc -N localhost 7000")
		p.wait(time.Second)
		p.line("first", "")
		p.wait(time.Second)
		p.types("second")
		p.press("enter")
		p.wait(time.Second)
		p.press("ctrl+d")
		p.wait(time.Second)
		p.line("cat got | sort")
		p.wait(time.Second)
		p.sees(paneShell, "MenuOS>>nc -N localhost 7000", "MenuOS>>cat got | sort", "second")
		p.press("up", "up")
		if got := p.u.shell.prompt.line(); got != "nc -N localhost 7000" {
			t.Errorf("the history has what nc read: %q", got)
		}
		if b := p.u.shell.ahead; len(b) != 0 {
			t.Errorf("lines wait: %q", b)
		}
	})
}
