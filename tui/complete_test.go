package tui

import (
	"slices"
	"strings"
	"testing"
)

// commands are words that the shell might know.
var commands = strings.Fields("arp cat clear date echo exit grep head hello help hi ifconfig ip jobs kill ls netstat nstat ping ps quit " +
	"replyhi route seq sleep sort ss sysctl tail time uname uniq version wc")

func TestCompleteOneWord(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 60, 10)
	d.types("rep")
	d.finish(commands...)
	d.has("replyhi |")
	d.c.clear()
	d.types("ne -tan")
	d.press("home", "right", "right")
	d.finish(commands...)
	d.has("netstat |-tan") // its blank is not doubled
	if d.c.menu != nil {
		t.Error("one word opened a menu")
	}
	d.c.clear()
	d.types("xyz")
	d.finish(commands...)
	d.has("xyz|")
	d.wants()
	d.c.clear()
	d.types("echo 你")
	d.finish("你好世界")
	d.has("echo 你好世界 |")
}

func TestCompleteAnswersOnlyTheLineThatAsked(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 60, 10)
	d.types("rep")
	d.press("tab", "x")
	d.answerTo(completionMsg{paneShell, 1, "", []string{"replyhi "}, ""})
	d.has("repx|")
	d.press("backspace", "tab", "tab")
	d.answerTo(completionMsg{paneShell, 2, "", []string{"replyhi "}, ""})
	d.has("rep|") // that was not asked for last
	d.answerTo(completionMsg{paneShell, 3, "", []string{"replyhi "}, ""})
	d.has("replyhi |")
	d.answerTo(completionMsg{paneShell, 3, "", []string{"replyhi "}, ""})
	d.has("replyhi |")
}

func (d *typist) answerTo(m completionMsg) {
	d.t.Helper()
	d.asked = nil
	d.c.completed(m)
	d.screen()
}

func TestCompleteMenu(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 40, 12)
	d.c.write("MenuOS>>version\nmenuos\n")
	d.types("n")
	d.finish("netstat", "nstat", "nsenter")
	shows := d.screen()
	d.press("tab")
	shows = append(append(shows, ""), d.screen()...)
	d.press("esc")
	d.has("n|")
	d.types("s") // the menu is closed: nothing narrows
	d.finish("nstat", "nsenter")
	d.has("ns|")
	d.press("down", "down")
	shows = append(append(shows, ""), d.screen()...)
	golden(t, "console-menu", shows)
	d.press("enter")
	d.has("nstat |")
	d.wants()
}

func TestCompleteMenuKeys(t *testing.T) {
	for _, test := range []struct{ line, keys, want string }{
		{"h", "tab enter", "head |"},
		{"h", "tab tab enter", "hello |"},
		{"h", "tab shift+tab enter", "hi |"},
		{"h", "shift+tab enter", "hi |"},
		{"h", "up space", "hi |"},
		{"h", "down down up ctrl+j", "head |"},
		{"h", "ctrl+n ctrl+n ctrl+n ctrl+p enter", "hello |"},
		{"h", "e l tab", "hel|"},
		{"h", "e l tab enter", "hello |"},
		{"h", "e l l tab", "hello |"},
		{"h", "e l tab tab enter", "help |"},
		{"h", "tab esc", "h|"},
		{"h", "tab ctrl+g", "h|"},
		{"h", "tab backspace", "|"},
		{"h", "e backspace tab enter", "head |"}, // as wide as when it opened
		{"h", "space", "h |"},
		{"h", "left", "|h"},
		{"h", "right", "h|"},
		{"h", "tab right left enter", "head |"},
		{"h", "x", "hx|"},
		{"h", "ctrl+r esc", "h|"},
		{"h", "tab ctrl+c", "h|"},
		{"ne", "space", "netstat  |"}, // no menu for one word
		{"echo h | h", "tab enter", "echo h | head |"},
	} {
		d := newTypist(t, paneShell, "en", false, 60, 20)
		d.types(test.line)
		d.finish(commands...)
		d.press(strings.Fields(test.keys)...)
		for i, m := range d.asked { // Tab, where no menu was open any more
			if _, ok := m.(completeMsg); ok {
				d.asked = slices.Delete(d.asked, i, i+1)
			}
		}
		d.has(test.want)
		if d.c.menu != nil && strings.HasSuffix(test.want, " |") {
			t.Errorf("%s %s: the menu is still open", test.line, test.keys)
		}
	}
}

// With nothing chosen Enter runs the line; with something, it takes the word.
func TestCompleteMenuEnter(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 60, 20)
	d.types("s")
	d.finish(commands...)
	d.types("s")
	d.press("enter")
	d.wants(submitMsg{paneShell, []string{"ss"}})
	d.types("s")
	d.finish(commands...)
	d.press("tab", "enter")
	d.wants()
	d.has("seq |")
}

// What is typed narrows the menu; Tab adds what the words that are left have in
// common, and the last one whole.
func TestCompleteMenuNarrows(t *testing.T) {
	d := newTypist(t, paneGdb, "en", false, 60, 20)
	d.types("b ")
	d.finish("tcp_ack", "tcp_v4_rcv", "tcp_v4_do_rcv", "udp_rcv", "中文", "中断")
	d.types("t")
	d.press("tab")
	d.has("b tcp_|")
	d.types("v")
	d.press("tab")
	d.has("b tcp_v4_|")
	d.types("r")
	d.press("tab")
	d.has("b tcp_v4_rcv |")
	d.press("ctrl+w")
	d.finish("中文", "中断")
	d.has("b 中|") // not amid a character: two more bytes are the same
}

func TestCompleteMenuColumns(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 44, 12)
	for range 10 {
		d.c.write("a line of output that is wider than the menu\n")
	}
	d.types("echo x | ")
	d.finish(commands...)
	shows := d.screen()
	d.press("tab", "right", "right", "down")
	shows = append(append(shows, ""), d.screen()...)
	if got := d.c.menu.words[d.c.menu.sel]; got != "help " {
		t.Errorf("two columns on and one down stands %q", got)
	}
	d.press("right", "right") // on to the next page
	shows = append(append(shows, ""), d.screen()...)
	golden(t, "console-menu-columns", shows)
	d.press("left", "enter")
	d.has("echo x | jobs |")

	ascii := newTypist(t, paneShell, "zh", true, 24, 12)
	ascii.types("s")
	ascii.finish(append([]string{"s中文命令"}, commands...)...)
	ascii.press("tab", "tab")
	shows = ascii.screen()
	ascii.h = 5
	shows = append(append(shows, ""), ascii.screen()...)
	golden(t, "console-menu-ascii", shows)
}

func TestCompleteMenuClick(t *testing.T) {
	d := newTypist(t, paneShell, "en", false, 44, 12)
	d.types("h")
	d.finish(commands...)
	for i, line := range d.screen() {
		if x := strings.Index(line, "help"); x >= 0 {
			d.c.click(d.sc, cells(line[:x]), i, false)
		}
	}
	d.has("help |")
	d.c.clear()
	d.types("h")
	d.finish(commands...)
	d.c.click(d.sc, 40, 11, false)
	if d.c.menu != nil {
		t.Error("a click beside the menu leaves it open")
	}
	d.has("h|")
	d.types("ello 世界")
	y := len(d.screen()) - 1
	d.c.click(d.sc, len("MenuOS>>he"), y, false)
	d.has("he|llo 世界")
	d.c.click(d.sc, len("MenuOS>>hello ")+3, y, false) // on the right half
	d.has("hello 世|界")
	d.c.click(d.sc, 43, y, false)
	d.has("hello 世界|")
	d.c.click(d.sc, 0, y, false)
	d.has("|hello 世界")
	// Another pane gets the focus: the menu does not cover anything meanwhile.
	d.press("end", "backspace", "backspace", "backspace", "ctrl+u", "h")
	d.finish(commands...)
	d.sc.focus = paneSteps
	d.sees("MenuOS>>help ^C", "MenuOS>>h")
}

// What the shell and the debugger themselves complete fits the line.
func TestCompleteWithASession(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	for _, test := range []struct {
		id           paneID
		line, keys   string
		want, inMenu string
	}{
		{paneShell, "replyh", "tab", "replyhi |", ""},
		{paneShell, "hello --ho", "tab", "hello --host |", ""},
		{paneShell, "nstat | gre", "tab", "nstat | grep |", ""},
		{paneShell, "s", "tab", "s|", "sysctl"},
		{paneShell, "ss --li", "tab space x", "ss --listening  x|", ""},
		{paneGdb, "b tcp_v4_rc", "tab", "b tcp_v4_rcv|", ""},
		{paneGdb, "b tcp_v4_d", "tab tab tab enter", "b tcp_v4_do_rcv|", ""},
		{paneGdb, "b tcp_v4_", "tab", "b tcp_v4_|", "tcp_v4_connect"},
	} {
		d := newTypist(t, test.id, "en", false, 60, 40)
		d.types(test.line)
		for _, key := range strings.Fields(test.keys) {
			d.press(key)
			if n := len(d.asked); n > 0 {
				ask := d.asked[n-1].(completeMsg)
				complete := b.s.Complete
				if ask.pane == paneGdb {
					complete = b.s.CompleteGdb
				}
				head, words, tail := complete(ask.line, ask.pos)
				d.answerTo(completionMsg{ask.pane, ask.seq, head, words, tail})
			}
		}
		d.has(test.want)
		if got := strings.Join(d.screen(), "\n"); !strings.Contains(got, test.inMenu) || (d.c.menu != nil) != (test.inMenu != "") {
			t.Errorf("%s: want a menu with %q, the console shows\n%s", test.line, test.inMenu, got)
		}
	}
}
