// The picture: panes, titles, the status line and the window above them.

package tui

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// picture is what was drawn last.
type picture struct {
	stale            bool
	view             tea.View
	tabs             []tabs
	windowX, windowY int
}

// tabs are where the tabs of a slot's title stand.
type tabs []tab

type tab struct {
	id       paneID
	from, to int
}

// tabAt is the tab at a column of a slot's title.
func (p *picture) tabAt(slot, x int) paneID {
	if slot < len(p.tabs) {
		for _, t := range p.tabs[slot] {
			if x >= t.from && x < t.to {
				return t.id
			}
		}
	}
	return paneNone
}

// View gives the picture.
func (u *UI) View() (v tea.View) {
	if !u.picture.stale && u.picture.view.Content != "" {
		return u.picture.view
	}
	defer func() {
		if r := recover(); r != nil {
			f := fault{"picture", r, string(debug.Stack())}
			go u.post(f)
			v = tea.NewView("")
		}
	}()
	u.picture.stale = false
	lines := u.draw()
	v = tea.NewView(strings.Join(lines, "\n"))
	v.AltScreen = true
	v.WindowTitle = "menuos"
	if u.cfg.Mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if x, y, ok := u.cursor(); ok && x < u.w && y < u.h {
		v.Cursor = tea.NewCursor(x, y)
	}
	u.picture.view = v
	return v
}

// draw gives exactly h lines of w cells.
func (u *UI) draw() []string {
	sc := u.scene
	if u.w <= 0 || u.h <= 0 {
		return nil
	}
	rows := u.blank()
	u.picture.tabs = make([]tabs, len(u.layout.slots))
	parts := make([][]string, len(u.layout.slots))
	for i, s := range u.layout.slots {
		parts[i] = u.drawSlot(i, s)
	}
	u.tile(rows, parts)
	if u.h >= 2 {
		rows[u.h-1] = u.statusLine(u.w)
	}
	if u.window != nil {
		lines, x, y := u.window.draw(sc, u.w, u.h)
		u.picture.windowX, u.picture.windowY = x, y
		overlay(rows, lines, x, y)
	}
	return rows
}

func (u *UI) blank() []string {
	rows := make([]string, u.h)
	for i := range rows {
		rows[i] = blank(u.w)
	}
	return rows
}

// tile joins slots and separators: each row from left to right.
func (u *UI) tile(rows []string, parts [][]string) {
	bar := u.scene.ink.rule.on(u.scene.glyph.vertical)
	h := len(rows)
	if u.h >= 2 {
		h = u.h - 1
	}
	for y := range h {
		var line strings.Builder
		x := 0
		for x < u.w {
			next := u.w
			done := false
			for i, s := range u.layout.slots {
				if s.x == x && y >= s.y && y < s.y+s.h && s.w > 0 {
					line.WriteString(parts[i][y-s.y])
					x += s.w
					done = true
					break
				}
				if s.x > x {
					next = min(next, s.x)
				}
			}
			if done {
				continue
			}
			for _, b := range u.layout.bars {
				if b.has(x, y) {
					line.WriteString(bar)
					x++
					done = true
					break
				}
			}
			if !done {
				line.WriteString(blank(next - x))
				x = next
			}
		}
		rows[y] = line.String()
	}
}

// drawSlot draws a title and the pane below it.
func (u *UI) drawSlot(i int, s slot) []string {
	sc := u.scene
	id := u.shows(s)
	r := u.room(s)
	var head []string
	switch {
	case u.titled():
		if s.h > 0 {
			head = []string{u.title(i, s, id)}
		}
	case r.y > s.y:
		head = []string{sc.ink.dim.on(fit(sc.say("tiny", u.w, u.h), s.w, sc.glyph.ellipsis))}
	}
	return append(head, box(u.panes[id].draw(sc, r.w, r.h), r.w, r.h, sc.glyph.ellipsis)...)
}

// title is the line above a pane: the tabs of its slot. What does not fit is told
// more briefly: first the title of the pane that shows, then the other names.
func (u *UI) title(i int, s slot, shown paneID) string {
	sc := u.scene
	long := u.tabLabels(s, shown, true)
	gap := 3 // blank, rule, blank
	if need := tabsWidth(long, gap); need > s.w {
		gap = 1
	}
	if tabsWidth(long, gap) > s.w {
		long = u.tabLabels(s, shown, false)
	}
	for n, id := range s.panes {
		if over := tabsWidth(long, gap) - s.w; id == shown && over > 0 {
			long[n] = cut(long[n], max(cells(long[n])-over, 3), sc.glyph.ellipsis)
		}
	}
	line, at := "", 0
	for n, id := range s.panes {
		if n > 0 {
			between := " "
			if gap == 3 {
				between = " " + sc.ink.rule.on(sc.glyph.horizontal) + " "
			}
			line, at = line+between, at+gap
		}
		from := at
		mark, paint := " ", sc.ink.tab
		switch {
		case id == shown && id == u.focus:
			mark, paint = sc.glyph.focus, sc.ink.titleFocus
		case id == shown:
			paint = sc.ink.bold
		}
		if id == shown || n == 0 {
			line, at = line+paint.on(mark+long[n]), at+1+cells(long[n])
		} else {
			line, at = line+paint.on(long[n]), at+cells(long[n])
		}
		u.picture.tabs[i] = append(u.picture.tabs[i], tab{id, s.x + from, s.x + at})
	}
	if at < s.w {
		line, at = line+" ", at+1
	}
	line += sc.ink.rule.on(strings.Repeat(sc.glyph.horizontal, max(s.w-at, 0)))
	return fit(line, s.w, sc.glyph.ellipsis)
}

// tabLabels are a slot's tabs: numbers and names, or for those behind the one
// that shows the number alone.
func (u *UI) tabLabels(s slot, shown paneID, names bool) []string {
	sc := u.scene
	out := make([]string, len(s.panes))
	for n, id := range s.panes {
		out[n] = strconv.Itoa(int(id) % 10)
		switch {
		case id == shown:
			out[n] += " " + u.panes[id].title(sc)
		case names:
			out[n] += " " + sc.say(fmt.Sprintf("pane.%d", id))
		}
	}
	if names { // a long title gives way before the others' names do
		for n, id := range s.panes {
			short := fmt.Sprintf("%d %s", int(id)%10, sc.say(fmt.Sprintf("pane.%d", id)))
			if over := tabsWidth(out, 1) - s.w; id == shown && over > 0 && cells(out[n])-over >= cells(short) {
				out[n] = cut(out[n], cells(out[n])-over, sc.glyph.ellipsis)
			}
		}
	}
	return out
}

// tabsWidth is how many cells tabs take, with the marks before them and a blank
// behind.
func tabsWidth(labels []string, gap int) int {
	w := 3
	for n, l := range labels {
		if n > 0 {
			w += gap
		}
		w += cells(l)
	}
	return w
}

// cursor is where the terminal's cursor stands: in the window that is open, or at
// the prompt that has the focus.
func (u *UI) cursor() (x, y int, ok bool) {
	if u.window != nil {
		x, y, ok = u.window.cursor()
		return x + u.picture.windowX, y + u.picture.windowY, ok
	}
	if !u.atPrompt() {
		return 0, 0, false
	}
	i := u.layout.slotOf(u.focus)
	if i < 0 {
		return 0, 0, false
	}
	r := u.room(u.layout.slots[i])
	x, y, ok = u.console(u.focus).cursor(u.scene)
	return x + r.x, y + r.y, ok && x < r.w && y < r.h
}

// noteTime is how long a note of ours stands in the status line.
const noteTime = 4 * time.Second
