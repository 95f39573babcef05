package tui

import (
	"regexp"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"menuos/shell"
)

// TestSplitsByKeys: > < } { move a border of the pane with the focus, ~ puts all
// back.
func TestSplitsByKeys(t *testing.T) {
	for _, size := range []struct{ w, h int }{{80, 24}, {120, 35}, {160, 45}} {
		sit(t, size.w, size.h, func(p *person) {
			p.press("esc")
			for id := paneShell; id < paneEnd; id++ {
				p.press("alt+" + string(rune('0'+int(id)%10)))
				if p.u.atPrompt() {
					continue
				}
				for _, pair := range [][2]string{{">", "<"}, {"}", "{"}} {
					before := p.room(id)
					p.press(pair[0])
					grown := p.room(id)
					p.press(pair[1])
					back := p.room(id)
					wide := pair[0] == ">"
					switch {
					case wide && size.w > 80 && grown.w <= before.w, !wide && grown.h <= before.h && before.h < size.h-2:
						t.Errorf("%dx%d: %s leaves pane %d at %v", size.w, size.h, pair[0], id, grown)
					case back != before:
						t.Errorf("%dx%d: %s%s takes pane %d from %v to %v", size.w, size.h, pair[0], pair[1], id, before, back)
					}
				}
			}
			p.press("3", "}", "}", ">", "~")
			if len(p.u.moved) != 0 {
				t.Error("~ leaves borders moved")
			}
		})
	}
}

// TestCopy: y puts the pane's whole text into the clipboard.
func TestCopy(t *testing.T) {
	sit(t, 80, 24, func(p *person) {
		p.line("replyhi", "hello")
		p.press("esc", "6", "y")
		if n := strings.Count(p.clip, "\n"); n < 40 || !strings.Contains(p.clip, "S 0:0(0)") {
			t.Errorf("the clipboard has %d lines:\n%s", n, p.clip)
		}
		p.says("copied")
	})
}

// TestNoColour: with NO_COLOR nothing of colour reaches the terminal; without it
// colours do.
func TestNoColour(t *testing.T) {
	colour := regexp.MustCompile(`\x1b\[[0-9;:]*(3[0-8]|4[0-8]|9[0-7]|10[0-7])[0-9;:]*m`)
	for _, env := range []string{"", "NO_COLOR=1"} {
		p := newPipes()
		done := make(chan error, 1)
		go func() {
			_, err := run(t.Context(), Config{Shell: shell.Config{Lang: "en"}, Speed: 1, Theme: "dark", Width: 120, Height: 35},
				func(*UI) {}, tea.WithInput(p.in), tea.WithOutput(p), tea.WithWindowSize(120, 35),
				tea.WithEnvironment([]string{"TERM=xterm-256color", "TTY_FORCE=1", env}))
			done <- err
		}()
		p.await(t, "MenuOS>>")
		p.mu.Lock()
		all := string(p.all)
		p.mu.Unlock()
		if got := colour.FindString(all); (got == "") != (env != "") {
			t.Errorf("with %q the terminal got %q", env, got)
		}
		p.keys.Write([]byte("quit\r"))
		if err := <-done; err != nil {
			t.Error(err)
		}
		p.keys.Close()
	}
}

// TestCursorColumn reads what terminals answer when they are asked where the
// cursor stands.
func TestCursorColumn(t *testing.T) {
	for answer, want := range map[string]int{
		"\x1b[5;2R": 2, "\x1b[12;3R": 3, "typed\x1b[1;3Rmore": 3, "": 0, "\x1b[5R": 0, "\x1b[5;xR": 0, "\x1b[1;99999R": 0, "\x1b[": 0,
	} {
		if got := cursorColumn(strings.NewReader(answer)); got != want {
			t.Errorf("%q: column %d, want %d", answer, got, want)
		}
	}
}
