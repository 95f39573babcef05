package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"menuos/shell"
)

// TestScreens holds whole screens against goldens: what a person sees after the
// first two commands, and at a breakpoint.
func TestScreens(t *testing.T) {
	for _, size := range []struct{ w, h int }{{40, 10}, {80, 24}, {120, 35}, {160, 45}, {220, 60}} {
		for _, look := range []struct {
			name, lang string
			ascii      bool
		}{{"en", "en", false}, {"zh", "zh", false}, {"ascii", "en", true}} {
			name := fmt.Sprintf("screen-%dx%d-%s", size.w, size.h, look.name)
			t.Run(name, func(t *testing.T) {
				sitAt(t, Config{Width: size.w, Height: size.h, ASCII: look.ascii, Shell: shell.Config{Lang: look.lang}}, func(p *person) {
					p.press("f8") // paused, so that the time on the picture is that of the key
					golden(t, name+"-start", p.screen())
					p.press("f8")
					p.line("replyhi", "hello")
					p.press("f8")
					p.wait(2 * fade)
					golden(t, name+"-hello", p.screen())
					p.press("f8")
					p.line("gdb b tcp_v4_rcv", "hello")
					p.wait(2 * fade)
					golden(t, name+"-stop", p.screen())
				})
			})
		}
	}
}

// TestPanesOfTheSmallScreen: each of the panes behind the tabs of 80x24.
func TestPanesOfTheSmallScreen(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		t.Run(lang, func(t *testing.T) {
			sitAt(t, Config{Width: 80, Height: 24, Shell: shell.Config{Lang: lang}}, func(p *person) {
				p.line("replyhi", "hello")
				p.press("f8")
				p.wait(2 * fade)
				p.press("esc")
				for _, id := range []paneID{paneSockets, paneQueues, paneTimers, paneSteps, paneBacktrace, paneLadder, paneCounters, paneHelp} {
					p.press(fmt.Sprint(int(id)%10), "z")
					golden(t, fmt.Sprintf("zoom-%d-%s", id, lang), p.screen())
					p.press("z")
				}
			})
		})
	}
}

// brittlePane breaks when it is drawn once more.
type brittlePane struct {
	pane
	draws int
}

func (b *brittlePane) draw(sc *scene, w, h int) []string {
	if b.draws--; b.draws < 0 {
		panic("this pane is brittle")
	}
	return b.pane.draw(sc, w, h)
}

// brittleWindow breaks at a key.
type brittleWindow struct{ window }

func (brittleWindow) draw(*scene, int, int) ([]string, int, int)  { return nil, 0, 0 }
func (brittleWindow) cursor() (int, int, bool)                    { return 0, 0, false }
func (brittleWindow) key(*scene, tea.KeyPressMsg) (tea.Msg, bool) { panic("this window is brittle") }

// TestFaults: a panic in a pane, in a message and behind the screen ends the
// program with the terminal given back, and says what broke and where.
func TestFaults(t *testing.T) {
	for name, hurt := range map[string]func(u *UI){
		"pane": func(u *UI) { u.panes[paneQueues] = &brittlePane{u.panes[paneQueues], 1} },
		"key":  func(u *UI) { u.window = brittleWindow{} },
		"lab":  func(u *UI) { u.lab.do(func() { panic("the laboratory is brittle") }) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipes()
			done := make(chan error, 1)
			go func() {
				_, err := run(t.Context(), Config{Shell: shell.Config{Lang: "en"}, Speed: 1, Theme: "dark", Width: 120, Height: 35, Mouse: true}, hurt,
					tea.WithInput(p.in), tea.WithOutput(p), tea.WithWindowSize(120, 35), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
				done <- err
			}()
			if name != "lab" {
				p.await(t, "RUNNING")
				go p.keys.Write([]byte("x"))
			}
			select {
			case err := <-done:
				var f fault
				if !errors.As(err, &f) || f.what == nil || !strings.Contains(Trace(err), "goroutine") {
					t.Errorf("the error is %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the program does not end")
			}
			p.await(t, "\x1b[?1049l")
			p.keys.Close()
		})
	}
}

// TestEndings: the program ends when its input does, when its context does, and
// by a signal; each time the terminal is given back.
func TestEndings(t *testing.T) {
	for name, end := range map[string]func(p *pipes, u *UI, cancel func()){
		"context": func(p *pipes, u *UI, cancel func()) { cancel() },
		"input":   func(p *pipes, u *UI, cancel func()) { p.keys.CloseWithError(io.ErrUnexpectedEOF) },
		"signal":  func(p *pipes, u *UI, cancel func()) { u.post(signalMsg(15)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPipes()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			type result struct {
				code int
				err  error
			}
			done, ready := make(chan result, 1), make(chan *UI, 1)
			go func() {
				code, err := run(ctx, Config{Shell: shell.Config{Lang: "en"}, Speed: 1, Theme: "dark", Width: 80, Height: 24},
					func(u *UI) { ready <- u }, tea.WithInput(p.in), tea.WithOutput(p),
					tea.WithWindowSize(80, 24), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
				done <- result{code, err}
			}()
			u := <-ready
			p.await(t, "RUNNING")
			end(p, u, cancel)
			select {
			case r := <-done:
				if name == "signal" && (r.code != 128+15 || r.err != nil) || name != "signal" && r.err == nil {
					t.Errorf("it ended with %d, %v", r.code, r.err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the program does not end")
			}
			p.await(t, "\x1b[?1049l")
			p.keys.Close()
		})
	}
}
