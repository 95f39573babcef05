// Keys, mouse and paste: who gets them.

package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// atPrompt tells whether a prompt has the focus.
func (u *UI) atPrompt() bool { return u.focus == paneShell || u.focus == paneGdb }

// key passes a key to the window that is open, to the prompt that has the focus,
// or to the key table, in that order.
func (u *UI) key(k tea.KeyPressMsg) tea.Cmd {
	u.note = note{}
	name := k.String()
	if u.window != nil {
		return u.windowKey(k)
	}
	prompt := u.atPrompt()
	if prompt {
		if msg, used := u.console(u.focus).key(u.scene, k); used {
			return u.do(msg)
		}
	}
	a := lookup(name, prompt, u.focus)
	if a == actNone && prompt && name == "tab" { // on an empty line
		a = actFocusNext
	}
	if a == actNone && prompt && name == "?" {
		a = actHelp
	}
	return u.act(a)
}

func (u *UI) windowKey(k tea.KeyPressMsg) tea.Cmd {
	if k.String() == "ctrl+c" {
		_, leaving := u.window.(*dialogWindow) // it asks about nothing else
		u.window = nil
		if leaving {
			return u.do(quitMsg{})
		}
		return nil
	}
	w := u.window
	msg, closed := w.key(u.scene, k)
	return u.fromWindow(w, msg, closed)
}

// fromWindow does what a window asked for.
func (u *UI) fromWindow(w window, msg tea.Msg, closed bool) tea.Cmd {
	if closed && u.window == w {
		u.window = nil
	}
	return u.do(msg)
}

func (u *UI) paste(text string) tea.Cmd {
	if p, ok := u.window.(paster); ok {
		return u.do(p.paste(u.scene, text))
	}
	if u.window != nil || !u.atPrompt() {
		return nil
	}
	return u.do(u.console(u.focus).paste(u.scene, text))
}

// mouseClick is a press of a button.
func (u *UI) mouseClick(m tea.Mouse) tea.Cmd {
	u.note = note{}
	if m.Button != tea.MouseLeft {
		return nil
	}
	now := time.Now()
	double := u.click.x == m.X && u.click.y == m.Y && now.Sub(u.click.at) < doubleClick
	u.click = clicked{m.X, m.Y, now}
	if w := u.window; w != nil {
		msg, closed := w.click(u.scene, m.X-u.picture.windowX, m.Y-u.picture.windowY)
		return u.fromWindow(w, msg, closed)
	}
	for i := range u.layout.dividers {
		if d := &u.layout.dividers[i]; d.has(m.X, m.Y) {
			u.drag = d
			if d.side {
				return nil
			}
		}
	}
	i := u.layout.slotAt(m.X, m.Y)
	if i < 0 {
		return nil
	}
	s := u.layout.slots[i]
	if m.Y == s.y && u.titled() {
		if id := u.picture.tabAt(i, m.X); id != paneNone {
			u.show(id)
			u.setFocus(id)
		}
		return nil
	}
	u.drag = nil
	id := u.shows(s)
	u.setFocus(id)
	r := u.room(s)
	return u.do(u.panes[id].click(u.scene, m.X-r.x, m.Y-r.y, double))
}

// mouseMotion moves the border that is held.
func (u *UI) mouseMotion(m tea.Mouse) {
	if u.drag == nil || m.Button != tea.MouseLeft {
		return
	}
	by := m.Y - u.drag.y
	if u.drag.side {
		by = m.X - u.drag.x
	}
	if by == 0 {
		return
	}
	key, i := u.drag.split, u.drag.i
	u.layout.move(*u.drag, by, u.moved)
	u.arrange()
	for j := range u.layout.dividers {
		if d := &u.layout.dividers[j]; d.split == key && d.i == i {
			u.drag = d
		}
	}
}

// wheelLines is how far a notch of the wheel scrolls.
const wheelLines = 3

func (u *UI) mouseWheel(m tea.Mouse) {
	by := 0
	switch m.Button {
	case tea.MouseWheelUp:
		by = -wheelLines
	case tea.MouseWheelDown:
		by = wheelLines
	}
	if u.window != nil {
		u.window.wheel(u.scene, by)
		return
	}
	if i := u.layout.slotAt(m.X, m.Y); i >= 0 && by != 0 {
		u.panes[u.shows(u.layout.slots[i])].wheel(u.scene, by)
	}
}
