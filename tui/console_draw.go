// How a console is drawn and scrolled: rows are made from the end of the output,
// or from the place to which one has scrolled back, and only those that show.

package tui

import (
	"math"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

func (c *console) act(sc *scene, a action) (msg tea.Msg, used bool) {
	switch a {
	case actUp:
		c.scroll(sc, -1)
	case actDown:
		c.scroll(sc, 1)
	case actPageUp:
		c.scroll(sc, -c.page())
	case actPageDown:
		c.scroll(sc, c.page())
	case actHome:
		c.toTop()
	case actEnd:
		c.away = false
	default:
		return nil, false
	}
	return nil, true
}

func (c *console) wheel(sc *scene, by int) { c.scroll(sc, by) }

// scrollKey does what a key means to the scrollback; false: nothing.
func (c *console) scrollKey(sc *scene, stroke string) bool {
	switch stroke {
	case "pgup":
		c.scroll(sc, -c.page())
	case "pgdown":
		c.scroll(sc, c.page())
	case "ctrl+home":
		c.toTop()
	case "ctrl+end":
		c.away = false
	default:
		return false
	}
	return true
}

// page is how many rows a page is: one of the last page stays.
func (c *console) page() int { return max(1, c.h-1) }

func (c *console) toTop() { c.away, c.top = true, place{c.back.lowest(), 0} }

// scroll moves by rows, down if positive. Drawing finds out whether the end shows
// again.
func (c *console) scroll(sc *scene, by int) {
	if c.w <= 0 || c.back.highest() < c.back.lowest() || by > 0 && !c.away {
		return
	}
	to := c.moved(sc.look, c.top, by)
	c.away = c.away || to != c.top
	c.top = to
}

// moved is the place that stands by rows below (or above) another.
func (c *console) moved(l *look, p place, by int) place {
	if p = c.kept(p); p.line > c.back.highest() { // behind the end
		p, by = place{c.back.highest(), math.MaxInt}, min(by+1, 0)
	}
	for {
		line := c.back.line(l, p.line)
		rows := line.rows(c.w)
		to := rowOf(rows, p.off) + by
		switch {
		case to < 0 && p.line > c.back.lowest():
			p, by = place{p.line - 1, math.MaxInt}, to+1
		case to >= len(rows) && p.line < c.back.highest():
			p, by = place{p.line + 1, 0}, to-len(rows)
		default:
			return place{p.line, rows[max(0, min(to, len(rows)-1))]}
		}
	}
}

// kept is a place, or the oldest one that is still there.
func (c *console) kept(p place) place {
	if p.line < c.back.lowest() {
		return place{c.back.lowest(), 0}
	}
	return p
}

// rowOf is the row, of those that begin at the places rows, on which a byte
// stands.
func rowOf(rows []int, off int) int {
	i := len(rows) - 1
	for i > 0 && rows[i] > off {
		i--
	}
	return i
}

// draw shows the end of the output and the line behind it, or the rows to which
// one has scrolled back.
func (c *console) draw(sc *scene, w, h int) []string {
	c.w, c.h, c.curOn = w, h, false
	if w <= 0 || h <= 0 {
		return nil
	}
	if c.away {
		if lines := c.drawAway(sc.look, w, h); lines != nil {
			return lines
		}
		c.away = false
	}
	typed, x, joined := c.typed(sc.look, w)
	typed = typed[max(0, len(typed)-h):]
	lines := append(c.output(sc.look, w, h-len(typed), joined), typed...)
	row := len(lines) - 1
	c.cur, c.curOn, c.pos = point{x, row}, true, c.prompt.edit.Position()
	for i, line := range lines {
		lines[i] = cut(line, w, sc.glyph.ellipsis)
	}
	if c.menu != nil && sc.focus == c.id {
		word := x - cells(strings.TrimPrefix(c.prompt.before(), c.menu.head))
		lines = c.menu.over(sc.look, lines, w, h, row, word)
	}
	return lines
}

// typed gives the rows of what is typed, the last one with the cursor in the cell
// x. While a command runs, the first one begins with the open line of the output:
// joined tells so.
func (c *console) typed(l *look, w int) (rows []string, x int, joined bool) {
	if !c.busy {
		row, x := c.prompt.row(l, w, l.ink.prompt.on(c.sign))
		return []string{row}, x, false
	}
	line := c.back.line(l, c.back.end)
	starts := line.rows(w)
	prefix := line.row(starts, len(starts)-1)
	for _, ahead := range c.ahead {
		rows = append(rows, prefix+l.ink.dim.on(ahead))
		prefix = ""
	}
	if prefix != "" && (c.prompt.search != nil || w-cells(prefix) < leastRoom(c.prompt.line(), w)) {
		rows = append(rows, prefix)
		prefix = ""
	}
	row, x := c.prompt.row(l, w, prefix)
	return append(rows, row), x, true
}

// output gives the last h rows of output, without the row that is joined with
// what is typed.
func (c *console) output(l *look, w, h int, joined bool) []string {
	n := c.back.highest()
	c.top = place{n + 1, 0}
	if joined {
		n = c.back.end
		c.top = place{n, math.MaxInt}
	}
	var rows []string // the last one first
	for ; n >= c.back.lowest() && len(rows) < h; n-- {
		line := c.back.line(l, n)
		starts := line.rows(w)
		i := len(starts) - 1
		if joined && n == c.back.end {
			i--
		}
		for ; i >= 0 && len(rows) < h; i-- {
			rows = append(rows, line.row(starts, i))
			c.top = place{n, starts[i]}
		}
	}
	slices.Reverse(rows)
	return rows
}

// drawAway draws from the place on to which one has scrolled back; nil: the end
// shows there.
func (c *console) drawAway(l *look, w, h int) []string {
	c.top = c.kept(c.top)
	typed, _, joined := c.typed(l, w)
	last, below := c.back.highest(), len(typed)
	if joined {
		last = c.back.end
		below--
	}
	var lines []string
	for n := c.top.line; n <= last; n++ {
		line := c.back.line(l, n)
		starts := line.rows(w)
		i, end := 0, len(starts)
		if n == c.top.line {
			i = rowOf(starts, c.top.off)
		}
		if joined && n == c.back.end {
			end--
		}
		for ; i < end; i++ {
			if len(lines) == h {
				return c.marked(l, lines, w, last-n+1+below)
			}
			lines = append(lines, line.row(starts, i))
		}
	}
	if len(lines)+len(typed) <= h {
		return nil
	}
	more := len(lines) + len(typed) - h
	return c.marked(l, append(lines, typed...)[:h], w, more)
}

// marked puts a mark at the bottom right: how many lines follow.
func (c *console) marked(l *look, lines []string, w, more int) []string {
	for i, line := range lines {
		lines[i] = cut(line, w, l.glyph.ellipsis)
	}
	c.mark = l.say("prompt.more", l.glyph.down, more)
	if cells(c.mark) > w/2 {
		c.mark = l.glyph.down
	}
	last := len(lines) - 1
	overlay(lines[last:], []string{l.ink.selected.on(c.mark)}, w-cells(c.mark), 0)
	return lines
}
