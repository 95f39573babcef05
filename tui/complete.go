// Completion: one word that fits is put in the line at once; of several, what
// they have in common, and then a menu to choose from.

package tui

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// menu is the list of words that may follow. They stand in columns that are read
// from top to bottom, on as many pages as it takes:
//
//	╭───────────────────╮
//	│›route   sleep     │
//	│ seq     sort      │
//	╰──────────────1/57─╯
type menu struct {
	head, tail string   // of the line, before and behind the word
	asked      string   // the word when the words were asked for
	all        []string // that begin with asked
	words      []string // those of them that fit what is typed by now
	sel        int      // -1: none is chosen yet

	x, y, w, h int // the box as it was drawn last
	grid       menuGrid
}

// menuGrid is how the words of a page are laid out.
type menuGrid struct {
	cols, rows int
	width      int // cells of a column
	first      int // word of the page
	framed     bool
}

// complete takes the words that the line may go on with.
func (c *console) complete(m completionMsg) {
	p := c.prompt
	words := slices.Clone(m.words)
	slices.Sort(words)
	words = slices.Compact(words)
	typed, ok := strings.CutPrefix(p.before(), m.head)
	switch {
	case !ok || len(words) == 0:
		return
	case len(words) == 1:
		p.put(m.head, words[0], m.tail)
		return
	}
	if common := commonPrefix(words); len(common) > len(typed) && strings.HasPrefix(common, typed) {
		typed = common
		p.set(m.head+common, m.tail)
	}
	c.menu = &menu{head: m.head, tail: m.tail, asked: typed, all: words, words: words, sel: -1}
}

// put puts a word in its place. Its trailing blank is not doubled.
func (p *prompt) put(head, word, tail string) {
	if strings.HasSuffix(word, " ") && strings.HasPrefix(tail, " ") {
		tail = tail[1:]
	}
	p.set(head+word, tail)
}

// commonPrefix is what all words begin with.
func commonPrefix(words []string) string {
	common := words[0]
	for _, w := range words[1:] {
		n := 0
		for n < len(common) && n < len(w) && common[n] == w[n] {
			n++
		}
		common = common[:n]
	}
	for common != "" && !utf8.ValidString(common) { // not amid a character
		common = common[:len(common)-1]
	}
	return common
}

// narrow takes over what has been typed since; false: the menu has no more to
// say.
func (m *menu) narrow(p *prompt) bool {
	typed, ok := strings.CutPrefix(p.before(), m.head)
	if !ok || !strings.HasPrefix(typed, m.asked) || p.behind() != m.tail {
		return false
	}
	m.words = m.words[:0:0]
	for _, w := range m.all {
		if strings.HasPrefix(w, typed) {
			m.words = append(m.words, w)
		}
	}
	m.sel = -1
	if len(m.words) == 1 && strings.TrimRight(m.words[0], " ") == typed {
		return false
	}
	return len(m.words) > 0
}

// menuKey does what a key means to the menu that is open; false: the key is still
// to be handled.
func (c *console) menuKey(k tea.KeyPressMsg) bool {
	m := c.menu
	switch k.Keystroke() {
	case "esc", "ctrl+g":
		c.menu = nil
	case "tab":
		c.menuTab()
	case "shift+tab", "up", "ctrl+p":
		m.move(-1)
	case "down", "ctrl+n":
		m.move(1)
	case "left":
		if m.sel < 0 {
			return false
		}
		m.jump(-m.grid.rows)
	case "right":
		if m.sel < 0 {
			return false
		}
		m.jump(m.grid.rows)
	case "enter", "ctrl+j", "ctrl+m":
		if m.sel < 0 {
			return false
		}
		c.choose(m.sel)
	case "space":
		if m.sel < 0 {
			return false
		}
		c.prompt.put(m.head, strings.TrimRight(m.words[m.sel], " ")+" ", m.tail)
		c.menu = nil
	default:
		return false
	}
	return true
}

// menuTab goes to the next word, unless what is left has more in common than is
// typed, or is one word alone.
func (c *console) menuTab() {
	m := c.menu
	common := commonPrefix(m.words)
	switch {
	case len(m.words) == 1:
		c.choose(0)
	case m.sel < 0 && len(m.head)+len(common) > len(c.prompt.before()):
		c.prompt.set(m.head+common, m.tail)
	default:
		m.move(1)
	}
}

// choose puts a word of the menu in the line.
func (c *console) choose(i int) {
	c.prompt.put(c.menu.head, c.menu.words[i], c.menu.tail)
	c.menu = nil
}

// move goes to the next or the last word, around the end.
func (m *menu) move(by int) {
	if m.sel < 0 && by < 0 {
		m.sel = 0
	}
	m.sel = (m.sel + by + len(m.words)) % len(m.words)
}

// jump goes to another column if there is a word.
func (m *menu) jump(by int) {
	if to := m.sel + by; to >= 0 && to < len(m.words) {
		m.sel = to
	}
}

// layout finds the columns for w cells and at most room rows, the frame's among
// them.
func (m *menu) layout(w, room int) menuGrid {
	longest := 0
	for _, word := range m.words {
		longest = max(longest, cells(label(word)))
	}
	g := menuGrid{cols: 1, framed: room >= 4 && w >= 6}
	if g.framed {
		w, room = w-2, room-2
	}
	g.width = max(1, min(longest+2, w)) // a mark before it, a blank behind
	for g.rows = len(m.words); g.rows > room && (g.cols+1)*g.width <= w; {
		g.cols++
		g.rows = (len(m.words) + g.cols - 1) / g.cols
	}
	g.rows = min(g.rows, room)
	g.cols = min(g.cols, (len(m.words)+g.rows-1)/g.rows)
	page := g.rows * g.cols
	g.first = max(0, m.sel) / page * page
	return g
}

// draw gives the menu's box for at most w cells and room rows.
func (m *menu) draw(l *look, w, room int) []string {
	m.grid = m.layout(w, room)
	var lines []string
	side := ""
	if m.grid.framed {
		side = l.ink.rule.on(l.glyph.vertical)
	}
	for row := range m.grid.rows {
		line := ""
		for col := range m.grid.cols {
			line += m.cell(l, m.grid.first+col*m.grid.rows+row)
		}
		lines = append(lines, side+line+side)
	}
	if m.grid.framed {
		lines = m.frame(l, lines)
	}
	return lines
}

// cell draws a word of the menu in its place.
func (m *menu) cell(l *look, i int) string {
	if i >= len(m.words) {
		return blank(m.grid.width)
	}
	if i != m.sel {
		return fit(" "+label(m.words[i]), m.grid.width, l.glyph.ellipsis)
	}
	return l.ink.selected.on(fit(l.glyph.selected+label(m.words[i]), m.grid.width, l.glyph.ellipsis))
}

// label is a word as the menu shows it.
func label(word string) string { return clean([]byte(strings.TrimRight(word, " "))) }

// frame draws the lines above and below; the lower one tells what does not show.
func (m *menu) frame(l *look, lines []string) []string {
	g, gl, inner := m.grid, l.glyph, m.grid.cols*m.grid.width
	place := ""
	if g.rows*g.cols < len(m.words) {
		place = fmt.Sprintf("%d/%d", max(m.sel, 0)+1, len(m.words))
	}
	if place == "" || cells(place) >= inner {
		place = gl.horizontal
	}
	above := gl.cornerTL + strings.Repeat(gl.horizontal, inner) + gl.cornerTR
	below := gl.cornerBL + strings.Repeat(gl.horizontal, inner-1-cells(place)) + place + gl.horizontal + gl.cornerBR
	return append(append([]string{l.ink.rule.on(above)}, lines...), l.ink.rule.on(below))
}

// over draws the menu over the lines of a pane of w by h cells, beside the row in
// which the prompt stands; x is the cell in which the word begins.
func (m *menu) over(l *look, lines []string, w, h, row, x int) []string {
	room := h / 2
	if room == 0 {
		return lines
	}
	top := m.draw(l, w, room)
	m.w, m.h = cells(top[0]), len(top)
	if m.grid.framed {
		x--
	}
	m.x = max(0, min(x-1, w-m.w)) // the words stand below the word
	m.y = row + 1
	if m.y+m.h > h {
		m.y = row - m.h
	}
	for len(lines) < m.y+m.h {
		lines = append(lines, "")
	}
	overlay(lines, top, m.x, m.y)
	return lines
}

// hit is the word at a cell of the pane, -1 if there is none.
func (m *menu) hit(x, y int) int {
	g := m.grid
	x, y = x-m.x, y-m.y
	if g.framed {
		x, y = x-1, y-1
	}
	if m.w == 0 || x < 0 || y < 0 || x >= g.cols*g.width || y >= g.rows {
		return -1
	}
	if i := g.first + x/g.width*g.rows + y; i < len(m.words) {
		return i
	}
	return -1
}
