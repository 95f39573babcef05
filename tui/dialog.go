// A question with a few answers.

package tui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"
)

// answer is one that a dialog offers.
type answer struct {
	keys  []string // the first is shown
	label string
	msg   tea.Msg // sent when it is chosen; nil: nothing
}

// dialogWindow asks. Its last answer is the harmless one: Enter gives it unless
// another is selected, and so does Esc.
type dialogWindow struct {
	question string
	answers  []answer
	sel      int

	w, h    int      // of what was drawn last
	buttons []button // … and where its answers stand
}

type button struct{ y, from, to int }

func newDialog(question string, answers []answer) *dialogWindow {
	return &dialogWindow{question: question, answers: answers, sel: len(answers) - 1}
}

// dialogWidth is the widest that a question gets.
const dialogWidth = 56

func (d *dialogWindow) draw(sc *scene, w, h int) (lines []string, x, y int) {
	d.buttons = d.buttons[:0]
	labels := make([]string, len(d.answers))
	total := -2
	for i, a := range d.answers {
		labels[i] = fmt.Sprintf(" [%s] %s ", keyName(a.keys[0]), a.label)
		total += cells(labels[i]) + 3
	}
	inner := max(min(max(cells(d.question), total+2), dialogWidth, w-2*frameEdge), 1)
	for _, line := range fold(d.question, inner) {
		lines = append(lines, sc.ink.bold.on(line))
	}
	lines = append(lines, "")
	line, at := "", 0
	for i, label := range labels {
		if at > 0 && at+cells(label)+1 > inner {
			lines = append(lines, line)
			line, at = "", 0
		}
		d.buttons = append(d.buttons, button{len(lines) + 1, at + frameEdge, at + frameEdge + cells(label) + 1})
		if i == d.sel {
			line += sc.ink.selected.on(sc.glyph.selected + label)
		} else {
			line += " " + sc.ink.plain.on(label)
		}
		line += "  "
		at += cells(label) + 3
	}
	lines = append(lines, line)
	d.w, d.h = min(inner+2*frameEdge, w), min(len(lines)+2, h)
	x, y = centred(d.w, d.h, w, h)
	return framed(sc.look, "", "", "", lines, d.w, d.h), x, y
}

func (d *dialogWindow) key(sc *scene, k tea.KeyPressMsg) (msg tea.Msg, closed bool) {
	name := k.String()
	for _, a := range d.answers {
		if slices.Contains(a.keys, name) {
			return a.msg, true
		}
	}
	n := len(d.answers)
	switch {
	case isEnter(name), name == "space":
		return d.answers[d.sel].msg, true
	case name == "esc":
		return d.answers[n-1].msg, true
	case name == "left", name == "up", name == "shift+tab":
		d.sel = (d.sel + n - 1) % n
	case name == "right", name == "down", name == "tab":
		d.sel = (d.sel + 1) % n
	}
	return nil, false
}

// click chooses an answer; outside of the window it gives the harmless one.
func (d *dialogWindow) click(sc *scene, x, y int) (msg tea.Msg, closed bool) {
	if !within(x, y, d.w, d.h) {
		return d.answers[len(d.answers)-1].msg, true
	}
	for i, b := range d.buttons {
		if y == b.y && x >= b.from && x < b.to {
			return d.answers[i].msg, true
		}
	}
	return nil, false
}

func (d *dialogWindow) wheel(sc *scene, by int) {}

func (d *dialogWindow) cursor() (x, y int, ok bool) { return 0, 0, false }
