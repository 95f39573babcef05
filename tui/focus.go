// Which panes show, and which has the focus.

package tui

import "slices"

// arrange lays the panes out for the size of the screen.
func (u *UI) arrange() {
	class := classOf(u.w, u.h)
	h := u.h - 1 // the status line
	if u.h < 2 {
		h = u.h
	}
	u.layout = arrange(u.w, h, class, u.moved)
	if u.zoom != paneNone && class != sizeTiny {
		u.layout = layout{class: class, slots: []slot{{rect{0, 0, u.w, h}, []paneID{u.zoom}}}}
	}
	if u.layout.slotOf(u.focus) < 0 {
		u.setFocus(paneShell)
	}
}

// titled tells whether panes have a title line: a screen that has only the shell
// has none.
func (u *UI) titled() bool { return u.layout.class != sizeTiny }

// room is where a slot's pane is drawn.
func (u *UI) room(s slot) rect {
	if u.titled() {
		return s.inner()
	}
	r := s.rect
	if r.h > 4 { // the word about the size
		r.y++
		r.h--
	}
	return r
}

// shows is the pane that a slot shows: of its own the one that was brought to the
// front last.
func (u *UI) shows(s slot) paneID {
	for _, id := range u.shown {
		if slices.Contains(s.panes, id) {
			return id
		}
	}
	return s.panes[0]
}

// show brings a pane to the front of its slot. A zoomed screen changes to it.
func (u *UI) show(id paneID) {
	if u.zoom != paneNone && u.zoom != id {
		u.zoom = id
		u.arrange()
		u.setFocus(id)
		return
	}
	u.shown = append([]paneID{id}, slices.DeleteFunc(u.shown, func(o paneID) bool { return o == id })...)
}

// setFocus gives a pane the focus.
func (u *UI) setFocus(id paneID) {
	if u.layout.slotOf(id) < 0 {
		return
	}
	if id != u.focus && !u.atPrompt() {
		u.before = u.focus
	}
	u.focus, u.scene.focus = id, id
	if s := u.layout.slots[u.layout.slotOf(id)]; u.shows(s) != id {
		u.show(id)
	}
}

// cycle moves the focus among the panes that show.
func (u *UI) cycle(dir int) {
	at := u.layout.slotOf(u.focus)
	n := len(u.layout.slots)
	if n == 0 || at < 0 {
		return
	}
	if n == 1 { // zoomed: through all panes
		if u.zoom != paneNone {
			next := paneID((int(u.focus)-1+dir+int(paneHelp))%int(paneHelp) + 1)
			u.show(next)
		}
		return
	}
	u.setFocus(u.shows(u.layout.slots[(at+dir+n)%n]))
}

// toPrompt goes to the MenuOS prompt, and from a prompt back to where one was.
func (u *UI) toPrompt() {
	if !u.atPrompt() {
		if u.zoom != paneNone {
			u.zoomed()
		}
		u.setFocus(paneShell)
		return
	}
	if u.before != paneNone && u.layout.slotOf(u.before) >= 0 {
		u.setFocus(u.before)
		return
	}
	u.cycle(1)
	if u.atPrompt() {
		u.cycle(1)
	}
}

// zoomed gives the pane with the focus the whole screen, or takes it back.
func (u *UI) zoomed() {
	if u.zoom != paneNone {
		id := u.zoom
		u.zoom = paneNone
		u.arrange()
		u.show(id)
		u.setFocus(id)
		return
	}
	u.zoom = u.focus
	u.arrange()
}

// resize moves a border of the slot with the focus by a step.
func (u *UI) resize(a action) {
	s := u.layout.slots[u.layout.slotOf(u.focus)]
	side := a == actWider || a == actNarrower
	by := 2
	if !side {
		by = 1
	}
	if a == actNarrower || a == actShorter {
		by = -by
	}
	for _, d := range u.layout.dividers {
		if d.side != side {
			continue
		}
		if side && d.y < s.y+s.h && s.y < d.y+d.h {
			if d.x == s.x+s.w {
				u.layout.move(d, by, u.moved)
				break
			}
			if d.x == s.x-1 && u.lastColumn(s) {
				u.layout.move(d, -by, u.moved)
				break
			}
		}
		if !side && d.x < s.x+s.w && s.x < d.x+d.w {
			if d.y == s.y+s.h {
				u.layout.move(d, by, u.moved)
				break
			}
			if d.y == s.y && s.y+s.h >= u.h-1 {
				u.layout.move(d, -by, u.moved)
				break
			}
		}
	}
	u.arrange()
}

func (u *UI) lastColumn(s slot) bool { return s.x+s.w >= u.w }

// help shows the help, about the pane that has the focus.
func (u *UI) help() {
	if u.focus != paneHelp {
		u.scene.helpFor = u.focus
	}
	u.show(paneHelp)
	u.setFocus(paneHelp)
}

// onStop shows where the machine was stopped: the debugger's pane or the
// backtrace comes to the front where a slot shows something else.
func (u *UI) onStop() {
	if u.zoom == paneNone {
		u.show(paneBacktrace)
	}
}
