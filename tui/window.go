// Windows: what stands above the panes and gets all keys while it is open.

package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// window is an overlay. Cells are counted from its own corner, so that a click
// outside of it has a coordinate below 0 or beyond what it drew last.
type window interface {
	// draw gives its lines for a screen of w×h cells, and where its corner stands.
	draw(sc *scene, w, h int) (lines []string, x, y int)
	// key handles a key. closed tells that the window is done; the message, nil or
	// not, goes to the UI.
	key(sc *scene, k tea.KeyPressMsg) (msg tea.Msg, closed bool)
	click(sc *scene, x, y int) (msg tea.Msg, closed bool)
	wheel(sc *scene, by int)
	// cursor is where the terminal's cursor stands; false: nowhere.
	cursor() (x, y int, ok bool)
}

// paster is a window that takes pasted text.
type paster interface {
	paste(sc *scene, text string) tea.Msg
}

// copyMsg puts text into the clipboard.
type copyMsg struct{ text string }

// isEnter tells whether a key is the Enter key: a terminal may send a line feed.
func isEnter(key string) bool { return key == "enter" || key == "ctrl+j" || key == "ctrl+m" }

// frameEdge is what a frame takes at each side: its line and a blank.
const frameEdge = 2

// framed puts lines into a frame of exactly w×h cells. The title stands in its
// upper line, with right at the other end if there is room; hint in its lower one.
func framed(l *look, title, right, hint string, lines []string, w, h int) []string {
	g := l.glyph
	if !framable(w, h) {
		return box(lines, w, h, g.ellipsis)
	}
	side := l.ink.rule.on(g.vertical)
	out := []string{frameRule(l, g.cornerTL, g.cornerTR, l.ink.titleFocus.on(title), l.ink.dim.on(right), w)}
	for _, line := range box(lines, w-2*frameEdge, h-2, g.ellipsis) {
		out = append(out, side+" "+line+" "+side)
	}
	return append(out, frameRule(l, g.cornerBL, g.cornerBR, "", l.ink.dim.on(hint), w))
}

// framable tells whether w×h cells are enough for a frame with something in it.
func framable(w, h int) bool { return w > 2*frameEdge && h > 2 }

// frameRule is a frame's upper or lower line with a text near each end. The one
// at the left is cut, the one at the right left out if there is no room.
func frameRule(l *look, from, to, left, right string, w int) string {
	g := l.glyph
	room := w - 2 // between the corners
	if left != "" {
		left = " " + cut(left, max(room-4, 1), g.ellipsis) + " "
	}
	if right != "" {
		right = " " + right + " "
	}
	if cells(left)+cells(right)+3 > room {
		right = ""
	}
	rest := room - cells(left) - cells(right)
	head := min(1, rest)
	tail := 0
	if right != "" {
		tail = 1
	}
	line := func(n int) string { return strings.Repeat(g.horizontal, max(n, 0)) }
	rule := l.ink.rule
	return rule.on(from+line(head)) + left + rule.on(line(rest-head-tail)) + right + rule.on(line(tail)+to)
}

// centred is where a box of w×h cells stands in the middle of the screen, a
// little above it where there is room.
func centred(w, h, screenW, screenH int) (x, y int) {
	return max((screenW-w)/2, 0), max((screenH-h)*2/5, 0)
}

// within tells whether a cell is in a box of w×h cells.
func within(x, y, w, h int) bool { return x >= 0 && y >= 0 && x < w && y < h }
