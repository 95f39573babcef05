// What a search finds, painted.

package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// containsFold reports whether s contains what, whatever the case.
func containsFold(s, what string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(what))
}

// paintMatches paints every place where a line contains what, whatever the case.
// The line keeps its inks and its width.
func paintMatches(l *look, s, what string) string {
	plain := ansi.Strip(s)
	lower, what := strings.ToLower(plain), strings.ToLower(what)
	if what == "" || len(lower) != len(plain) || !strings.Contains(lower, what) {
		return s
	}
	var b strings.Builder
	at := 0 // cells of s that are written
	for from := 0; ; {
		i := strings.Index(lower[from:], what)
		if i < 0 {
			break
		}
		x := cells(plain[:from+i])
		found := plain[from+i : from+i+len(what)]
		b.WriteString(clip(s, at, x-at))
		b.WriteString(l.ink.match.on(found))
		at = x + cells(found)
		from += i + len(what)
	}
	b.WriteString(clip(s, at, cells(plain)-at))
	return b.String()
}
