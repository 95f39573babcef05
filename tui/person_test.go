// A person at the screen: presses keys, clicks, resizes, waits, and reads the
// panes. Time is the test's own (testing/synctest), so a machine whose clock is
// real runs the same each time.

package tui

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/adrg/xdg"
	"github.com/charmbracelet/x/ansi"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "menuos")
	if err != nil {
		panic(err)
	}
	os.Setenv("XDG_STATE_HOME", dir) // the histories of the tests, not of the person who runs them
	xdg.Reload()
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

type person struct {
	t    *testing.T
	u    *UI
	clip string
	left bool // the program has ended

	mu   sync.Mutex
	mail []tea.Msg
}

// sit runs a test at a screen of w×h cells.
func sit(t *testing.T, w, h int, body func(p *person)) { sitAt(t, Config{Width: w, Height: h}, body) }

func sitAt(t *testing.T, cfg Config, body func(p *person)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &person{t: t}
		if cfg.Shell.Lang == "" {
			cfg.Shell.Lang = "en"
		}
		if cfg.Speed == 0 {
			cfg.Speed = 1
		}
		if cfg.Theme == "" {
			cfg.Theme = "mono"
		}
		cfg.Mouse = true
		cfg.Shell.Version = "test"
		u, err := New(cfg, p.post)
		if err != nil {
			t.Fatal(err)
		}
		p.u = u
		defer func() {
			if err := u.Close(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}()
		u.Start()
		p.run(u.Init())
		p.settle()
		body(p)
	})
}

func (p *person) post(m tea.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mail = append(p.mail, m)
}

// deliver passes what has come to the screen; it reports whether anything has.
func (p *person) deliver() bool {
	synctest.Wait()
	p.mu.Lock()
	mail := p.mail
	p.mail = nil
	p.mu.Unlock()
	for _, m := range mail {
		p.update(m)
	}
	return len(mail) > 0
}

func (p *person) update(m tea.Msg) {
	switch m := m.(type) {
	case nil:
		return
	case tea.QuitMsg:
		p.left = true
		return
	case tea.BatchMsg:
		for _, cmd := range m {
			p.run(cmd)
		}
		return
	}
	if fmt.Sprintf("%T", m) == "tea.setClipboardMsg" {
		p.clip = fmt.Sprint(m)
		return
	}
	_, cmd := p.u.Update(m)
	if f := p.u.fault; f != nil {
		p.t.Fatalf("%v\n%s", f, f.stack)
	}
	p.check()
	p.run(cmd)
}

func (p *person) run(cmd tea.Cmd) {
	if cmd != nil {
		go func() { p.post(cmd()) }()
	}
}

// settle lets a few frames pass, always as many: so that a test takes the same time
// by its own clock each time.
func (p *person) settle() {
	for range 4 {
		for p.deliver() {
		}
		time.Sleep(frameTime + time.Millisecond)
	}
	for p.deliver() {
	}
}

// wait lets time pass.
func (p *person) wait(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		for p.deliver() {
		}
		time.Sleep(min(frameTime, time.Until(end)))
	}
	p.settle()
}

// check holds for each picture: exactly the screen's cells.
func (p *person) check() {
	p.t.Helper()
	checkCells(p.t, strings.Split(p.u.View().Content, "\n"), p.u.w, p.u.h, p.u.w > 0 && p.u.h > 0)
}

var keyCodes = map[string]rune{"enter": tea.KeyEnter, "tab": tea.KeyTab, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown,
	"left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
	"backspace": tea.KeyBackspace, "delete": tea.KeyDelete, "f1": tea.KeyF1, "f2": tea.KeyF2, "f3": tea.KeyF3, "f5": tea.KeyF5,
	"f8": tea.KeyF8, "f9": tea.KeyF9, "f10": tea.KeyF10, "f11": tea.KeyF11, "f12": tea.KeyF12}

// keyMsg is the message of a key as it is named in the key table.
func keyMsg(t testing.TB, name string) tea.KeyPressMsg {
	var k tea.Key
	rest := name
	for prefix, mod := range map[string]tea.KeyMod{"ctrl+": tea.ModCtrl, "alt+": tea.ModAlt, "shift+": tea.ModShift} {
		if r, ok := strings.CutPrefix(rest, prefix); ok && r != "" {
			rest, k.Mod = r, k.Mod|mod
		}
	}
	switch code, named := keyCodes[rest]; {
	case named:
		k.Code = code
	case rest == "space":
		k.Code, k.Text = ' ', " "
	default:
		r := []rune(rest)
		if len(r) != 1 {
			t.Fatalf("no key is named %q", name)
		}
		k.Code = r[0]
		if k.Mod == 0 {
			k.Text = rest
		}
	}
	msg := tea.KeyPressMsg(k)
	if got := msg.String(); got != name && !(name == "space") {
		t.Fatalf("the key %q is called %q", name, got)
	}
	return msg
}

// press presses keys, one after the other.
func (p *person) press(keys ...string) {
	p.t.Helper()
	for _, name := range keys {
		p.update(keyMsg(p.t, name))
		p.settle()
	}
}

// types types text, without Enter.
func (p *person) types(text string) {
	p.t.Helper()
	for _, r := range text {
		name := string(r)
		if r == ' ' {
			name = "space"
		}
		p.update(keyMsg(p.t, name))
	}
	p.settle()
}

// line types lines at the prompt that has the focus.
func (p *person) line(lines ...string) {
	p.t.Helper()
	for _, l := range lines {
		p.types(l)
		p.press("enter")
	}
}

// click clicks on a cell of a pane.
func (p *person) click(id paneID, x, y int) {
	p.t.Helper()
	r := p.room(id)
	m := tea.Mouse{X: r.x + x, Y: r.y + y, Button: tea.MouseLeft}
	p.update(tea.MouseClickMsg(m))
	p.update(tea.MouseReleaseMsg(m))
	p.settle()
}

// drags presses the button on a cell of the screen and lets it go on another.
func (p *person) drags(x, y, toX, toY int) {
	p.update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	p.update(tea.MouseMotionMsg{X: toX, Y: toY, Button: tea.MouseLeft})
	p.update(tea.MouseReleaseMsg{X: toX, Y: toY, Button: tea.MouseLeft})
	p.settle()
}

func (p *person) resize(w, h int) {
	p.update(tea.WindowSizeMsg{Width: w, Height: h})
	p.settle()
}

// screen is what is on screen, a string a line, without colours.
func (p *person) screen() []string {
	lines := strings.Split(ansi.Strip(p.u.View().Content), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return lines
}

func (p *person) room(id paneID) rect {
	p.t.Helper()
	i := p.u.layout.slotOf(id)
	if i < 0 || p.u.shows(p.u.layout.slots[i]) != id {
		p.t.Fatalf("pane %d does not show:\n%s", id, strings.Join(p.screen(), "\n"))
	}
	return p.u.room(p.u.layout.slots[i])
}

// pane is what a pane shows, without blanks at the ends.
func (p *person) pane(id paneID) []string {
	p.t.Helper()
	r := p.room(id)
	lines := strings.Split(p.u.View().Content, "\n")
	var out []string
	for y := r.y; y < r.y+r.h; y++ {
		out = append(out, strings.TrimRight(ansi.Strip(clip(lines[y], r.x, r.w)), " "))
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

// sees fails unless a pane shows all the texts.
func (p *person) sees(id paneID, texts ...string) {
	p.t.Helper()
	got := strings.Join(p.pane(id), "\n")
	for _, text := range texts {
		if !strings.Contains(got, text) {
			p.t.Fatalf("the pane does not show %q:\n%s\n\nthe screen:\n%s", text, got, strings.Join(p.screen(), "\n"))
		}
	}
}

// status is the last line of the screen.
func (p *person) status() string {
	s := p.screen()
	return s[len(s)-1]
}

// says fails unless the status line has all the texts.
func (p *person) says(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.status(), text) {
			p.t.Fatalf("the status line does not say %q:\n%s", text, strings.Join(p.screen(), "\n"))
		}
	}
}

// until lets time pass until a pane shows a text.
func (p *person) until(id paneID, text string, within time.Duration) {
	p.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); {
		p.settle()
		if slices.ContainsFunc(p.pane(id), func(l string) bool { return strings.Contains(l, text) }) {
			return
		}
	}
	p.t.Fatalf("%q did not come within %v:\n%s", text, within, strings.Join(p.screen(), "\n"))
}

func resizeMsg(w, h int) tea.Msg { return tea.WindowSizeMsg{Width: w, Height: h} }
