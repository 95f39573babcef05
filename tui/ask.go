// A line that is typed: in the window that asks for one, and in the palette.

package tui

import (
	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
)

// typedLine is a line being edited with emacs' keys. Bubbles' text input keeps
// and edits it; it is drawn here, because that one counts characters where a
// terminal counts cells.
type typedLine struct {
	in textinput.Model
	at int // first cell that shows
}

func newTypedLine(value string) typedLine {
	in := textinput.New()
	in.SetVirtualCursor(false)
	in.KeyMap.Paste = key.NewBinding() // the terminal pastes
	in.Focus()
	in.SetValue(value)
	in.CursorEnd()
	return typedLine{in: in}
}

func (t *typedLine) value() string { return t.in.Value() }

// key edits the line and tells whether its text has changed.
func (t *typedLine) key(k tea.KeyPressMsg) (changed bool) { return t.update(k) }

// paste inserts text where the cursor stands; line ends become blanks.
func (t *typedLine) paste(text string) (changed bool) { return t.update(tea.PasteMsg{Content: text}) }

func (t *typedLine) update(msg tea.Msg) bool {
	before := t.in.Value()
	t.in, _ = t.in.Update(msg)
	return t.in.Value() != before
}

// draw gives w cells of the line, those around the cursor, and the cursor's.
func (t *typedLine) draw(w int) (text string, cursor int) {
	all := []rune(t.in.Value())
	before := cells(string(all[:t.in.Position()]))
	t.at = min(t.at, before)
	t.at = max(t.at, before-w+1, 0)
	shown := clip(string(all), t.at, max(w, 0))
	return fit(shown, w, ""), max(before-t.at, 0)
}

// searchMsg searches in the pane that has the focus: from the selection on if the
// text is new, else for the next match in the direction dir. An empty text ends
// the search.
type searchMsg struct {
	text string
	dir  int
	next bool // asked for by a key, not typed
}

// askWindow asks for a line at the bottom of the screen.
type askWindow struct {
	prompt string
	line   typedLine
	answer func(string) tea.Msg // Enter
	search bool                 // each change is told at once
	x      int                  // of the cursor in what was drawn last
	w      int
}

// newAsk asks for a line; Enter sends what answer makes of it, Esc nothing.
func newAsk(prompt, value string, answer func(string) tea.Msg) *askWindow {
	return &askWindow{prompt: prompt, line: newTypedLine(value), answer: answer}
}

// newSearch asks what to search for and searches with every key that is typed;
// down and up go from match to match, Enter stays at one, Esc ends the search.
func newSearch(prompt, value string) *askWindow {
	w := newAsk(prompt, value, func(string) tea.Msg { return nil })
	w.search = true
	return w
}

func (a *askWindow) draw(sc *scene, w, h int) (lines []string, x, y int) {
	a.w = w
	hint := sc.say("ask.enter")
	if a.search {
		hint = sc.say("ask.search")
	}
	prompt := cut(a.prompt, w/2, sc.glyph.ellipsis)
	room := w - cells(prompt)
	if cells(hint)+1 > room/2 {
		hint = ""
	}
	if hint != "" {
		hint = " " + hint
	}
	text, cursor := a.line.draw(room - cells(hint))
	a.x = cells(prompt) + cursor
	return []string{sc.ink.key.on(prompt) + sc.ink.plain.on(text) + sc.ink.dim.on(hint)}, 0, max(h-1, 0)
}

func (a *askWindow) key(sc *scene, k tea.KeyPressMsg) (msg tea.Msg, closed bool) {
	switch name := k.String(); {
	case isEnter(name):
		return a.answer(a.line.value()), true
	case name == "esc" || name == "ctrl+g":
		if a.search {
			return searchMsg{dir: 1}, true
		}
		return nil, true
	case a.search && (name == "down" || name == "ctrl+n"):
		return searchMsg{text: a.line.value(), dir: 1, next: true}, false
	case a.search && (name == "up" || name == "ctrl+p"):
		return searchMsg{text: a.line.value(), dir: -1, next: true}, false
	}
	return a.told(a.line.key(k)), false
}

func (a *askWindow) paste(sc *scene, text string) tea.Msg { return a.told(a.line.paste(text)) }

// told is the message of a change.
func (a *askWindow) told(changed bool) tea.Msg {
	if !changed || !a.search {
		return nil
	}
	return searchMsg{text: a.line.value(), dir: 1}
}

// click outside of the line leaves it, and a search as it stands.
func (a *askWindow) click(sc *scene, x, y int) (tea.Msg, bool) { return nil, !within(x, y, a.w, 1) }

func (a *askWindow) wheel(sc *scene, by int) {}

func (a *askWindow) cursor() (x, y int, ok bool) { return min(a.x, max(a.w-1, 0)), 0, true }
