package tui

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// TestPaintMatches: every place is painted, whatever its case, and nothing else
// of the line changes.
func TestPaintMatches(t *testing.T) {
	l := newLook("dark", "en", false)
	for _, test := range []struct {
		line, what string
		want       int
	}{
		{"tcp_v4_rcv", "TCP", 1},
		{"S. 0:0(0) ack 1", "0", 3},
		{l.ink.sent.on("aaa") + l.ink.dim.on("aab"), "aa", 2},
		{"启动 retransmit 定时器", "定时", 1},
		{"启动 retransmit 定时器", "trans", 1},
		{"nothing", "tcp", 0},
		{"nothing", "", 0},
		{"", "x", 0},
	} {
		got := paintMatches(l, test.line, test.what)
		if ansi.Strip(got) != ansi.Strip(test.line) {
			t.Errorf("%q in %q: the text is now %q", test.what, ansi.Strip(test.line), ansi.Strip(got))
		}
		if n := strings.Count(got, l.ink.match.before); n != test.want {
			t.Errorf("%q in %q: painted %d times, want %d: %q", test.what, ansi.Strip(test.line), n, test.want, got)
		}
	}
}
