package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

var typedNames = map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft,
	"right": tea.KeyRight, "tab": tea.KeyTab, "backspace": tea.KeyBackspace, "home": tea.KeyHome, "end": tea.KeyEnd}

// typed is a press of a named key or of a letter.
func typed(s string) tea.KeyPressMsg {
	if code, ok := typedNames[s]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	if letter, ok := strings.CutPrefix(s, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(letter[0]), Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(s)[0], Text: s}
}

// typeInto presses keys and returns what the last one gave.
func typeInto(sc *scene, win window, keys ...string) (msg tea.Msg, closed bool) {
	for _, k := range keys {
		if _, named := typedNames[k]; named || strings.HasPrefix(k, "ctrl+") {
			msg, closed = win.key(sc, typed(k))
			continue
		}
		for _, r := range k {
			msg, closed = win.key(sc, typed(string(r)))
		}
	}
	return msg, closed
}

// goldenWindow draws a window on a screen and compares it with its golden.
func goldenWindow(t *testing.T, name string, win window, sc *scene, w, h int) {
	t.Helper()
	lines, x, y := win.draw(sc, w, h)
	checkWindow(t, lines, x, y, w, h)
	out := []string{fmt.Sprintf("== at %d,%d of %dx%d", x, y, w, h)}
	golden(t, name, append(out, lines...))
}

func checkWindow(t *testing.T, lines []string, x, y, w, h int) {
	t.Helper()
	if x < 0 || y < 0 || y+len(lines) > h {
		t.Errorf("%d lines at %d,%d are not within %dx%d", len(lines), x, y, w, h)
	}
	for _, line := range lines {
		if got := cells(line); got != cells(lines[0]) || x+got > w {
			t.Errorf("a line has %d cells, the first %d, at %d of %d: %q", got, cells(lines[0]), x, w, ansi.Strip(line))
		}
	}
}

func windowScene(lang string, ascii bool) *scene {
	return &scene{look: goldenLook(lang, ascii), live: true, rec: new(record), focus: paneBacktrace}
}

var dialogAnswers = []answer{
	{keys: []string{"y", "q", "ctrl+d"}, label: "leave", msg: quitMsg{}},
	{keys: []string{"n"}, label: "stay"},
}

func TestDialog(t *testing.T) {
	sc := windowScene("en", false)
	goldenWindow(t, "dialog", newDialog("Leave menuos?", dialogAnswers), sc, 80, 24)
	goldenWindow(t, "dialog_zh", newDialog("退出 menuos?", []answer{{keys: []string{"y"}, label: "退出"}, {keys: []string{"n"}, label: "留下"}}),
		windowScene("zh", true), 40, 10)
	for _, c := range []struct {
		keys []string
		msg  tea.Msg
	}{
		{[]string{"enter"}, nil}, {[]string{"esc"}, nil}, {[]string{"n"}, nil}, {[]string{"y"}, quitMsg{}}, {[]string{"ctrl+d"}, quitMsg{}},
		{[]string{"left", "enter"}, quitMsg{}}, {[]string{"tab", "tab", "enter"}, nil}, {[]string{"up", "ctrl+j"}, quitMsg{}},
	} {
		if msg, closed := typeInto(sc, newDialog("Leave?", dialogAnswers), c.keys...); msg != c.msg || !closed {
			t.Errorf("%v: message %v, closed %v; want %v, true", c.keys, msg, closed, c.msg)
		}
	}
	if msg, closed := typeInto(sc, newDialog("Leave?", dialogAnswers), "x"); msg != nil || closed {
		t.Errorf("a key that answers nothing gives %v, closed %v", msg, closed)
	}
}

func TestDialogClicks(t *testing.T) {
	sc := windowScene("en", false)
	d := newDialog("Leave menuos?", dialogAnswers)
	lines, _, _ := d.draw(sc, 80, 24)
	for y, line := range plain(lines) {
		before, _, ok := strings.Cut(line, "leave")
		if !ok || strings.Contains(line, "Leave") {
			continue
		}
		if msg, closed := d.click(sc, cells(before)+1, y); msg != (quitMsg{}) || !closed {
			t.Errorf("a click on leave gives %v, closed %v", msg, closed)
		}
	}
	if msg, closed := d.click(sc, 1, 0); msg != nil || closed {
		t.Errorf("a click on the frame gives %v, closed %v", msg, closed)
	}
	if msg, closed := d.click(sc, -1, 0); msg != nil || !closed {
		t.Errorf("a click outside gives %v, closed %v; want it closed", msg, closed)
	}
}

func TestAsk(t *testing.T) {
	sc := windowScene("en", false)
	asked := func() *askWindow {
		return newAsk("break at: ", "", func(s string) tea.Msg { return breakMsg{s} })
	}
	goldenWindow(t, "ask", asked(), sc, 60, 24)
	if msg, closed := typeInto(sc, asked(), "tcp_v4_rcv", "enter"); msg != (breakMsg{"tcp_v4_rcv"}) || !closed {
		t.Errorf("Enter gives %v, closed %v", msg, closed)
	}
	if msg, closed := typeInto(sc, asked(), "tcp", "esc"); msg != nil || !closed {
		t.Errorf("Esc gives %v, closed %v", msg, closed)
	}
	a := asked()
	if msg, closed := typeInto(sc, a, "rcv", "home", "tcp_", "ctrl+e", "x", "backspace"); msg != nil || closed || a.line.value() != "tcp_rcv" {
		t.Errorf("editing gives %v, closed %v, the line %q", msg, closed, a.line.value())
	}
	a.paste(sc, " if\nskb")
	if got := a.line.value(); got != "tcp_rcv if skb" {
		t.Errorf("after a paste the line is %q", got)
	}
}

// TestAskCursor puts the cursor behind wide characters, in a line that is longer
// than its room too.
func TestAskCursor(t *testing.T) {
	sc := windowScene("zh", false)
	a := newSearch("搜索:", "")
	typeInto(sc, a, "三次握手")
	a.draw(sc, 40, 10)
	if x, y, ok := a.cursor(); x != cells("搜索:三次握手") || y != 0 || !ok {
		t.Errorf("the cursor is at %d,%d, want %d,0", x, y, cells("搜索:三次握手"))
	}
	typeInto(sc, a, strings.Repeat("三次握手", 20))
	for w := 1; w < 60; w += sizeStep(w) {
		lines, _, y := a.draw(sc, w, 10)
		checkCells(t, lines, w, 1, true)
		if x, _, _ := a.cursor(); x >= w || y != 9 {
			t.Errorf("in %d cells the cursor is at %d, the line at %d", w, x, y)
		}
	}
}

func TestSearchIsTyped(t *testing.T) {
	sc := windowScene("en", false)
	a := newSearch("search: ", "")
	var got []tea.Msg
	for _, k := range []string{"t", "c", "down", "up", "backspace", "left"} {
		msg, _ := typeInto(sc, a, k)
		got = append(got, msg)
	}
	want := []tea.Msg{searchMsg{text: "t", dir: 1}, searchMsg{text: "tc", dir: 1}, searchMsg{text: "tc", dir: 1, next: true},
		searchMsg{text: "tc", dir: -1, next: true}, searchMsg{text: "t", dir: 1}, nil}
	if !slices.Equal(got, want) {
		t.Errorf("typing sends %v, want %v", got, want)
	}
	if msg, closed := typeInto(sc, a, "enter"); msg != nil || !closed {
		t.Errorf("Enter gives %v, closed %v; want the search to stay", msg, closed)
	}
	if msg, closed := typeInto(sc, newSearch("search: ", "tcp"), "esc"); msg != (searchMsg{dir: 1}) || !closed {
		t.Errorf("Esc gives %v, closed %v; want the search to end", msg, closed)
	}
	goldenWindow(t, "search", newSearch("search: ", "tcp"), sc, 70, 24)
}

func TestPalette(t *testing.T) {
	sc := windowScene("en", false)
	goldenWindow(t, "palette", newPalette(sc), sc, 80, 24)
	for _, c := range []struct {
		keys []string
		want tea.Msg
	}{
		{[]string{"pause", "enter"}, actionMsg{actPause}},
		{[]string{"sockets", "enter"}, actionMsg{actFocusPane + action(paneSockets)}},
		{[]string{"replyhi", "enter"}, typeMsg{paneShell, "replyhi "}},
		{[]string{"bt", "enter"}, typeMsg{paneGdb, "backtrace "}},
		{[]string{"tbreak", "enter"}, typeMsg{paneGdb, "tbreak "}},
		{[]string{"finish", "enter"}, actionMsg{actGdbFinish}},
		{[]string{"finish", "down", "enter"}, typeMsg{paneGdb, "finish"}},
		{[]string{"version", "enter"}, shellMsg{"version"}},
	} {
		msg, closed := typeInto(sc, newPalette(sc), c.keys...)
		if msg != c.want || !closed {
			t.Errorf("%v gives %v, closed %v; want %v", c.keys, msg, closed, c.want)
		}
	}
	p := newPalette(sc)
	typeInto(sc, p, "bt")
	goldenWindow(t, "palette_typed", p, sc, 60, 14)
	if msg, closed := typeInto(sc, p, "xyzzy", "enter"); msg != nil || closed {
		t.Errorf("Enter where nothing fits gives %v, closed %v", msg, closed)
	}
	goldenWindow(t, "palette_none", p, sc, 60, 14)
	if _, closed := typeInto(sc, p, "esc"); !closed {
		t.Error("Esc leaves the palette open")
	}
	goldenWindow(t, "palette_zh", newPalette(windowScene("zh", false)), windowScene("zh", false), 80, 24)
	goldenWindow(t, "palette_ascii", newPalette(windowScene("en", true)), windowScene("en", true), 80, 12)
}

// TestPaletteHasAll finds everything by its own name, in either language.
func TestPaletteHasAll(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		sc := windowScene(lang, false)
		all := newPalette(sc)
		for _, item := range all.items {
			p := newPalette(sc)
			p.line.paste(item.name + " " + item.what)
			p.filter()
			if !slices.ContainsFunc(p.fit, func(i int) bool { return p.items[i].msg == item.msg }) {
				t.Errorf("%s: %q is not found by its own words", lang, item.name+" "+item.what)
			}
		}
		for i := range bindings {
			b := &bindings[i]
			if b.act.alone() && b.panes == nil && b.act != actPalette && b.act != actFocusPane &&
				!slices.ContainsFunc(all.items, func(i paletteItem) bool { return i.msg == tea.Msg(actionMsg{b.act}) }) {
				t.Errorf("%s: the palette has nothing for %q", lang, b.help.en)
			}
		}
	}
}

func TestPaletteClicks(t *testing.T) {
	sc := windowScene("en", false)
	p := newPalette(sc)
	lines, _, _ := p.draw(sc, 80, 24)
	for y, line := range plain(lines) {
		if strings.Contains(line, "pause the machine") {
			if msg, closed := p.click(sc, 10, y); msg != (actionMsg{actPause}) || !closed {
				t.Errorf("a click on the pause gives %v, closed %v", msg, closed)
			}
		}
	}
	if _, closed := p.click(sc, 10, 1); closed {
		t.Error("a click on the line that is typed closes the palette")
	}
	if _, closed := p.click(sc, -3, 5); !closed {
		t.Error("a click outside leaves the palette open")
	}
	p.wheel(sc, 3)
	after, _, _ := p.draw(sc, 80, 24)
	if got, want := strings.Replace(plain(after)[3], "›", " ", 1), plain(lines)[6]; got != want {
		t.Errorf("after the wheel the first row is %q, want %q", got, want)
	}
}

func TestFuzzy(t *testing.T) {
	for _, c := range []struct {
		query, better, worse string
	}{
		{"bt", "bt", "print"}, {"brk", "break", "backtrack"}, {"ip", "ip addr", "pipe"}, {"step", "step [N]", "the next steep"},
		{"", "", ""}, {"队列", "所选套接字的队列", "队的行列"}, {"add ip", "ip address", "append it to a dummy ip"},
	} {
		better, ok := fuzzy(c.query, c.better)
		worse, _ := fuzzy(c.query, c.worse)
		if !ok || better < worse || c.query != "" && better == worse {
			t.Errorf("%q fits %q with %d (%v) and %q with %d; want the first to be better", c.query, c.better, better, ok, c.worse, worse)
		}
	}
	for _, c := range [][2]string{{"xyz", "tcp"}, {"tcpp", "tcp"}, {"pct", "tcp"}, {"tcp nothing", "tcp"}} {
		if n, ok := fuzzy(c[0], c[1]); ok {
			t.Errorf("%q fits %q with %d", c[0], c[1], n)
		}
	}
}

func testSource(b *bench) *sourceWindow {
	m := b.s.Machine()
	file, line, lines := m.SourceLine(b.sc.frames[1])
	return newSource("ip_protocol_deliver_rcu  net/ipv4/ip_input.c:208", file, line, lines)
}

func TestSource(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "gdb b tcp_v4_rcv", "hello")
	s := testSource(b)
	lines, _, _ := s.draw(b.sc, 80, 24)
	marked := ""
	for _, line := range plain(lines) {
		if strings.Contains(line, "▶") {
			marked = line
		}
	}
	if !strings.Contains(marked, "// :208") {
		t.Errorf("the marked line is %q, want the call at Linux's line 208", marked)
	}
	if msg, closed := typeInto(b.sc, s, "y"); closed || msg != (copyMsg{s.text()}) || !strings.Contains(s.text(), "package ipv4\n") {
		t.Errorf("y gives %.60v, closed %v; want the file's text", msg, closed)
	}
	typeInto(b.sc, s, "home")
	if top, _, _ := s.draw(b.sc, 80, 24); !strings.Contains(plain(top)[1], " 1 ") {
		t.Errorf("after Home the first line is %q", plain(top)[1])
	}
	typeInto(b.sc, s, "/", "func (n *Net) ipRcv", "enter")
	first := s.found
	if !strings.Contains(s.lines[first].plain(), "ipRcv") {
		t.Errorf("the search found line %d: %q", first+1, s.lines[first].plain())
	}
	typeInto(b.sc, s, "n")
	if second := s.found; second == first || !strings.Contains(s.lines[second].plain(), "ipRcv") {
		t.Errorf("the next match is line %d, the first was %d", second+1, first+1)
	}
	typeInto(b.sc, s, "N")
	if s.found != first {
		t.Errorf("the match before is line %d, want %d", s.found+1, first+1)
	}
	if _, closed := typeInto(b.sc, s, "esc"); closed {
		t.Error("Esc closes the window; want it to end the search first")
	}
	if _, closed := typeInto(b.sc, s, "esc"); !closed {
		t.Error("a second Esc leaves the window open")
	}
	if _, closed := s.click(b.sc, 200, 0); !closed {
		t.Error("a click outside leaves the window open")
	}
}

func TestSourceGolden(t *testing.T) {
	sc := windowScene("en", false)
	lines := strings.Split("package x\n\n// Two lines of\n// comment.\nfunc f(s string) {\n\tif s == \"a\\tb\" { /* here */\n\t\tpanic('x')\n\t}\n}\n\nvar raw = `one\ntwo 三次握手`\n", "\n")
	s := newSource("f  net/ipv4/x.c:12", "x.go", 7, lines)
	goldenWindow(t, "source", s, sc, 60, 16)
	typeInto(sc, s, "/", "string")
	goldenWindow(t, "source_search", s, windowScene("zh", true), 50, 12)
	if x, y, ok := s.cursor(); !ok || x != frameEdge+cells("search: string") || y != 10 {
		t.Errorf("the cursor is at %d,%d (%v)", x, y, ok)
	}
	var classes []string
	for _, line := range s.lines {
		for _, r := range line {
			if r.class != sourcePlain {
				classes = append(classes, fmt.Sprintf("%d %s", r.class, strings.TrimSpace(r.text)))
			}
		}
	}
	want := []string{"2 package", "1 // Two lines of", "1 // comment.", "2 func", "2 if", `3 "a\tb"`, "1 /* here */", "3 'x'", "2 var", "3 `one", "3 two 三次握手`"}
	if !slices.Equal(classes, want) {
		t.Errorf("classes are\n%q, want\n%q", classes, want)
	}
}

// TestWindowSizes draws every window on every size of screen.
func TestWindowSizes(t *testing.T) {
	for _, sc := range []*scene{windowScene("en", false), windowScene("zh", true)} {
		searching := newSource("title", "x.go", 3, []string{"package x", "", "var s = 1"})
		typeInto(sc, searching, "/", "三")
		typedPalette := newPalette(sc)
		typeInto(sc, typedPalette, "t")
		for _, win := range []window{newDialog("Leave menuos, and the machine with it, for good?", dialogAnswers), newSearch("search: ", "三次握手"),
			newPalette(sc), typedPalette, searching, newSource("a title 三次握手", "x.go", 1, nil)} {
			for w := 1; w <= 120; w += 1 + w/30 {
				for _, h := range []int{1, 2, 3, 4, 5, 10, 24, 70} {
					lines, x, y := win.draw(sc, w, h)
					checkWindow(t, lines, x, y, w, h)
					if cx, cy, ok := win.cursor(); ok && (cx < 0 || cy < 0 || x+cx >= w || y+cy >= h) {
						t.Errorf("%T: the cursor %d,%d is outside of %dx%d", win, x+cx, y+cy, w, h)
					}
				}
			}
			if t.Failed() {
				t.Fatalf("%T", win)
			}
		}
	}
}

func BenchmarkPaletteTyping(b *testing.B) {
	sc := windowScene("en", false)
	p := newPalette(sc)
	for b.Loop() {
		p.line = newTypedLine("")
		p.key(sc, typed("t"))
		p.draw(sc, 100, 40)
	}
}
