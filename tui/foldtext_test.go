package tui

import (
	"slices"
	"strings"
	"testing"
)

func TestFoldText(t *testing.T) {
	for _, c := range []struct {
		text string
		w    int
		want []string
	}{
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 13, []string{"one two three"}},
		{"use --glyphs=ascii here", 10, []string{"use", "--glyphs=a", "scii here"}},
		{"三次握手，四次挥手。", 8, []string{"三次握", "手，四次", "挥手。"}},
		{"三次握手,四次挥手", 8, []string{"三次握", "手,四次", "挥手"}},
		{"用 hello 连接", 8, []string{"用 hello", "连接"}},
		{"(三次)握手", 5, []string{"(三", "次)握", "手"}},
		{"三", 1, []string{"三"}},
		{"", 5, []string{""}},
	} {
		if got := foldText(c.text, c.w); !slices.Equal(got, c.want) {
			t.Errorf("%q in %d cells is %q, want %q", c.text, c.w, got, c.want)
		}
	}
}

func FuzzFoldText(f *testing.F) {
	f.Add("one two three", 5)
	f.Add("三次握手，TCP 的四次挥手。", 4)
	f.Add("  a  ́b ", 2)
	f.Fuzz(func(t *testing.T, s string, w int) {
		if w < 2 || w > 200 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0xfffd || r >= 0x7f && r < 0xa0 }) {
			t.Skip()
		}
		squeeze := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		lines := foldText(s, w)
		if got := squeeze(strings.Join(lines, "")); got != squeeze(s) {
			t.Errorf("%q in %d cells became %q", s, w, lines)
		}
		for _, line := range lines {
			if cells(line) > w {
				t.Errorf("%q in %d cells has the line %q of %d", s, w, line, cells(line))
			}
		}
	})
}
