package tui

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// typist sits at a console alone: it types, and keeps what the console asks for.
type typist struct {
	t     testing.TB
	c     *console
	sc    *scene
	w, h  int
	asked []tea.Msg
}

func newTypist(t testing.TB, id paneID, lang string, ascii bool, w, h int, history ...string) *typist {
	d := &typist{t: t, c: newConsole(id, history), sc: &scene{look: goldenLook(lang, ascii), focus: id}, w: w, h: h}
	sign := "MenuOS>>"
	if id == paneGdb {
		sign = "(gdb) "
	}
	d.c.setPrompt(sign, false)
	d.screen()
	return d
}

// press presses keys, which must all mean something to the console.
func (d *typist) press(keys ...string) {
	d.t.Helper()
	for _, name := range keys {
		msg, used := d.c.key(d.sc, keyMsg(d.t, name))
		if !used {
			d.t.Fatalf("the console has no use for %s", name)
		}
		if msg != nil {
			d.asked = append(d.asked, msg)
		}
		d.screen()
	}
}

func (d *typist) types(text string) {
	d.t.Helper()
	for _, r := range text {
		name := string(r)
		if r == ' ' {
			name = "space"
		}
		d.press(name)
	}
}

// screen draws the console and checks that it keeps to its room, the cursor too.
func (d *typist) screen() []string {
	d.t.Helper()
	lines := d.c.draw(d.sc, d.w, d.h)
	checkCells(d.t, lines, d.w, d.h, false)
	if x, y, ok := d.c.cursor(d.sc); ok && (x < 0 || x >= d.w || y < 0 || y >= len(lines)) {
		d.t.Fatalf("the cursor stands at %d,%d of %d×%d with %d lines", x, y, d.w, d.h, len(lines))
	}
	var out []string
	for _, l := range lines {
		out = append(out, strings.TrimRight(ansi.Strip(l), " "))
	}
	return out
}

// sees fails unless the console shows these lines.
func (d *typist) sees(want ...string) {
	d.t.Helper()
	if got := d.screen(); !slices.Equal(got, want) {
		d.t.Errorf("the console shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// has fails unless the line is before, the cursor, behind.
func (d *typist) has(line string) {
	d.t.Helper()
	if got := d.c.prompt.before() + "|" + d.c.prompt.behind(); got != line {
		d.t.Errorf("the line is %q, want %q", got, line)
	}
}

// wants fails unless the console asked for exactly these things since last asked.
func (d *typist) wants(msgs ...tea.Msg) {
	d.t.Helper()
	if !slices.EqualFunc(d.asked, msgs, func(a, b tea.Msg) bool { return reflect.DeepEqual(a, b) }) {
		d.t.Errorf("the console asked for %#v\nwant %#v", d.asked, msgs)
	}
	d.asked = nil
}

// answer gives the words to the completion that was asked for.
func (d *typist) answer(head string, words ...string) {
	d.t.Helper()
	ask, ok := d.asked[len(d.asked)-1].(completeMsg)
	if !ok {
		d.t.Fatalf("no completion was asked for but %#v", d.asked)
	}
	d.asked = nil
	d.c.completed(completionMsg{ask.pane, ask.seq, head, words, ask.line[ask.pos:]})
	d.screen()
}

// finish presses Tab and gives the words that a shell would.
func (d *typist) finish(all ...string) {
	d.t.Helper()
	d.press("tab")
	ask := d.asked[len(d.asked)-1].(completeMsg)
	at := strings.LastIndexByte(ask.line[:ask.pos], ' ') + 1
	var words []string
	for _, w := range all {
		if strings.HasPrefix(w, ask.line[at:ask.pos]) {
			words = append(words, w+" ")
		}
	}
	d.answer(ask.line[:at], words...)
}

func TestPromptSubmits(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 40, 5)
	d.press("h", "e", "l", "l", "o", "enter")
	d.types("ss -tan")
	d.press("ctrl+j")
	d.press("ctrl+m", "enter")
	d.wants(submitMsg{paneShell, []string{"hello"}}, submitMsg{paneShell, []string{"ss -tan"}},
		submitMsg{paneShell, []string{""}}, submitMsg{paneShell, []string{""}})
	d.types("你好 hello")
	d.sees("MenuOS>>你好 hello")
	if x, y, ok := d.c.cursor(d.sc); x != 18 || y != 0 || !ok {
		t.Errorf("the cursor stands at %d,%d,%v, want 18,0", x, y, ok)
	}
	d.press("enter", "ctrl+d")
	d.wants(submitMsg{paneShell, []string{"你好 hello"}}, leaveMsg{paneShell})
	if got := d.c.history(); !slices.Equal(got, []string{"hello", "ss -tan", "你好 hello"}) {
		t.Errorf("the history of the session is %q", got)
	}
}

func TestPromptHistory(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 40, 5, "ps", "hello")
	d.types("re")
	d.press("up")
	d.has("hello|")
	d.press("ctrl+p", "up", "up")
	d.has("ps|")
	d.press("down", "ctrl+n")
	d.has("re|") // the unfinished line is still there
	d.press("down")
	d.has("re|")
	d.press("up", "up", "!", "enter")
	d.wants(submitMsg{paneShell, []string{"ps!"}})
	d.press("up")
	d.has("ps!|")
	d.press("enter", "up", "up") // the same line twice is kept once
	d.has("hello|")
	if got := d.c.history(); !slices.Equal(got, []string{"ps!"}) {
		t.Errorf("the history of the session is %q", got)
	}
}

func TestPromptEditing(t *testing.T) {
	for _, test := range []struct{ line, keys, want string }{
		{"one two", "ctrl+a X", "X|one two"},
		{"one two", "home ctrl+f ctrl+f ctrl+b delete", "o|e two"},
		{"one two", "home right right left end backspace", "one tw|"},
		{"one two", "ctrl+a ctrl+e ctrl+h", "one tw|"},
		{"one two", "ctrl+w", "one |"},
		{"one two", "alt+b ctrl+k", "one |"},
		{"one two", "alt+b ctrl+u", "|two"},
		{"one two", "ctrl+u ctrl+y", "one two|"},
		{"one two", "ctrl+w ctrl+a ctrl+y space", "two |one "},
		{"one two", "home alt+d ctrl+e ctrl+y", " twoone|"},
		{"one two", "alt+backspace ctrl+y ctrl+y", "one twotwo|"},
		{"one two", "left alt+d", "one tw|"}, // one character is left
		{"one two", "left left alt+d", "one t|"},
		{"one two", "left alt+d ctrl+y", "one two|"},
		{"one two", "alt+d ctrl+d", "one two|"},
		{"one two", "home alt+f ctrl+right ctrl+left ctrl+d", "one |wo"},
		{"你好 世界", "left ctrl+w X", "你好 X|界"},
		{"你", "left alt+d ctrl+y", "你|"},
		{"x", "backspace backspace delete ctrl+w alt+b alt+f ctrl+a ctrl+u", "|"},
	} {
		d := newTypist(t, paneShell, "en", false, 40, 5)
		d.types(test.line)
		d.press(strings.Fields(test.keys)...)
		d.has(test.want)
	}
}

func TestPromptLeavesOtherKeys(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 40, 5, "ps")
	keys := []string{"ctrl+c", "esc", "tab", "shift+tab", "f1", "f8", "f12", "alt+1", "alt+0", "alt+z", "ctrl+k", "ctrl+l", "ctrl+z", "ctrl+g",
		"ctrl+v", "ctrl+t"}
	for _, line := range []string{"", "ps"} {
		d.types(line)
		for _, name := range keys {
			if name == "tab" && line != "" {
				continue
			}
			if msg, used := d.c.key(d.sc, keyMsg(t, name)); used || msg != nil {
				t.Errorf("%s on the line %q was used: %#v", name, line, msg)
			}
		}
		d.has(line + "|")
	}
	// Text that an input method commits is text, whatever keys have that name.
	for _, text := range []string{"up", "tab", "enter", "f1"} {
		d.c.clear()
		d.c.key(d.sc, tea.KeyPressMsg{Text: text, Code: tea.KeyExtended})
		d.has(text + "|")
	}
	d.c.key(d.sc, tea.KeyPressMsg{Text: "a\nb"})
	d.has("f1|")
}

func TestPromptSearch(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		d := newTypist(t, paneShell, lang, false, 46, 5, "hello --host 10.9.9.9", "ss -tan", "hello", "nstat")
		d.c.write("MenuOS>>nstat\n")
		d.types("dra")
		d.press("ctrl+r")
		screens := d.screen()
		d.types("hel")
		screens = append(screens, d.screen()...)
		if x, _, _ := d.c.cursor(d.sc); x != cells(d.sc.say("prompt.search", "hel")) {
			t.Errorf("the cursor does not stand on the match but in cell %d", x)
		}
		d.press("ctrl+r")
		screens = append(screens, d.screen()...)
		d.types("x")
		screens = append(screens, d.screen()...)
		golden(t, "prompt-search-"+lang, screens)
		d.press("ctrl+g")
		d.has("dra|")
	}
}

func TestPromptSearchKeys(t *testing.T) {
	for _, test := range []struct{ keys, want string }{
		{"h e esc", "|hello"},
		{"e l ctrl+r esc", "h|ello --host"},
		{"e l ctrl+r ctrl+s esc", "h|ello"},
		{"e l x backspace esc", "h|ello"},
		{"h left", "|hello"},
		{"l end X", "helloX|"},
		{"h up", "ss -tan|"},
		{"h esc down down", "dra|"},
		{"h ctrl+g", "dra|"},
		{"h backspace backspace esc", "dra|"},
		{"z esc", "dra|"},
		{"h ctrl+g ctrl+r ctrl+r ctrl+r esc", "|hello --host"},
		{"ctrl+r ctrl+s esc", "dra|"},
		{"h ctrl+c", "dra|"},
	} {
		d := newTypist(t, paneShell, "en", false, 60, 5, "hello --host", "ss -tan", "hello", "nstat")
		d.types("dra")
		d.press("ctrl+r")
		d.press(strings.Fields(test.keys)...)
		if d.c.prompt.search != nil {
			t.Errorf("%s: the search goes on", test.keys)
		}
		d.has(test.want)
	}
	d := newTypist(t, paneShell, "en", false, 60, 5, "hello", "nstat")
	d.press("ctrl+r", "h", "enter")
	d.wants(submitMsg{paneShell, []string{"hello"}})
	d.press("ctrl+r", "t")
	d.c.paste(d.sc, "X")
	d.has("nsX|tat")
}

func TestPromptPaste(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 60, 9)
	d.types("ab")
	d.press("left")
	if msg := d.c.paste(d.sc, "1\t2\x1b\a"); msg != nil {
		t.Errorf("pasting a word asked for %#v", msg)
	}
	d.has("a1 2|b")
	d.asked = append(d.asked, d.c.paste(d.sc, "x\r\nreplyhi\n\nhel"))
	d.wants(submitMsg{paneShell, []string{"a1 2x", "replyhi", ""}})
	d.has("hel|b")
	if got := d.c.history(); !slices.Equal(got, []string{"a1 2x", "replyhi"}) {
		t.Errorf("the history is %q", got)
	}
	d = newTypist(t, paneGdb, "en", false, 60, 9)
	d.asked = append(d.asked, d.c.paste(d.sc, "b tcp_v4_rcv\r\rc\r"))
	d.wants(submitMsg{paneGdb, []string{"b tcp_v4_rcv", "c"}}) // an empty line would repeat the first
	if msg := d.c.paste(d.sc, "\n"); msg != nil {
		t.Errorf("an empty line was pasted to gdb: %#v", msg)
	}
	d.c.paste(d.sc, strings.Repeat("x", 10_000))
	if n := len(d.c.prompt.line()); n != promptLimit {
		t.Errorf("%d characters stand at the prompt, want %d", n, promptLimit)
	}
}

func TestPromptClear(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 40, 9, "ps")
	if d.c.clear() {
		t.Error("an empty line was cleared")
	}
	d.types("half a li")
	if !d.c.clear() {
		t.Error("the line was not cleared")
	}
	d.sees("MenuOS>>half a li^C", "MenuOS>>")
	d.press("up", "down")
	d.has("|")
}

// The view of a long line always has the cursor on the character that it stands
// before, at every width, from every side.
func TestPromptView(t *testing.T) {
	for _, line := range []string{"abcdefghijklmnopqrstuvwxyz0123456789", "在这里输入一个很长的命令看看它怎么滚动", "a中b文c字d宽e度f测g试h一i二j三k"} {
		for _, ascii := range []bool{false, true} {
			for w := 1; w < 60; w += sizeStep(w) {
				d := newTypist(t, paneShell, "en", ascii, w, 3)
				d.types(line)
				for range len(line) {
					d.press("left")
					checkCursor(t, d)
				}
				for range len(line) {
					d.press("right")
					checkCursor(t, d)
				}
				d.press("home")
				checkCursor(t, d)
				d.press("end")
				checkCursor(t, d)
			}
		}
	}
}

func checkCursor(t *testing.T, d *typist) {
	t.Helper()
	p := d.c.prompt
	behind := []rune(p.behind())
	x, y, ok := d.c.cursor(d.sc)
	lines := d.screen()
	if !ok || y != len(lines)-1 {
		t.Fatalf("the cursor stands at %d,%d,%v of\n%s", x, y, ok, strings.Join(lines, "\n"))
	}
	if len(behind) == 0 {
		if x != cells(lines[y]) {
			t.Errorf("width %d: the cursor stands in cell %d of %q, not behind it", d.w, x, lines[y])
		}
		return
	}
	if x+cells(string(behind[0])) > d.w { // no room for a wide character
		return
	}
	if got := clip(lines[y], x, cells(string(behind[0]))); got != string(behind[0]) {
		t.Errorf("width %d: the cursor stands in cell %d of %q on %q, not on %q", d.w, x, lines[y], got, string(behind[0]))
	}
}
