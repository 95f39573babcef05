// The status line: what the machine does, its time, and what keys do here.

package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// statusLine is exactly w cells: the machine's state at the left, keys at the
// right.
func (u *UI) statusLine(w int) string {
	sc := u.scene
	badge, rest := u.state()
	left := badge + " " + rest
	if u.note.text != "" && time.Since(u.note.at) < noteTime {
		left = badge + " " + sc.ink.warn.on(u.note.text)
	}
	left = cut(left, w, sc.glyph.ellipsis)
	room := w - cells(left) - 2
	right := u.hints(room)
	return left + blank(w-cells(left)-cells(right)) + right
}

// state says what the machine does.
func (u *UI) state() (badge, rest string) {
	sc := u.scene
	st := &sc.status
	dot := " " + sc.glyph.dot + " "
	up := sc.say("status.up", sc.now.Seconds())
	clock := up + dot + speedText(sc, st.speed)
	if !sc.live {
		badge = sc.ink.paused.on(" " + sc.say("status.past") + " ")
		return badge, sc.say("status.step", sc.cur, sc.rec.last) + dot + sc.since(sc.now) + " s" + dot + sc.say("status.end")
	}
	switch stop := sc.stop; {
	case stop != nil && len(stop.Frames) > 0:
		badge = sc.ink.stopped.on(" " + sc.say("status.stopped") + " ")
		return badge, sc.say("status.at", stop.Frames[0].Func, stop.Context, fmt.Sprintf("%s/%d", stop.Comm, stop.Pid)) + dot + up
	case st.paused:
		return sc.ink.paused.on(" " + sc.say("status.paused") + " "), clock + u.waits(dot)
	case st.lab.running && st.waits != "":
		return sc.ink.waiting.on(" " + sc.say("status.waiting") + " "), st.waits + dot + clock
	}
	return sc.ink.running.on(" " + sc.say("status.running") + " "), clock
}

func (u *UI) waits(dot string) string {
	if w := u.scene.status.waits; w != "" {
		return dot + w
	}
	return ""
}

// speedText is a speed as people say it.
func speedText(sc *scene, x float64) string {
	switch {
	case math.IsInf(x, 1):
		return sc.say("speed.max")
	case x < 1 && x > 0:
		return fmt.Sprintf("1/%.0fx", 1/x)
	}
	return fmt.Sprintf("%gx", x)
}

// hints lists keys, in at most w cells: whole ones only. While the machine is
// stopped the debugger's come first.
func (u *UI) hints(w int) string {
	sc := u.scene
	line, n := "", 0
	add := func(b *binding) {
		word, key := b.hint.in(sc.lang), keyLabel(b.keys[0])
		size := cells(key) + 1 + cells(word)
		if n > 0 {
			size += 2
		}
		if n+size > w {
			return
		}
		if n > 0 {
			line += "  "
		}
		line += sc.ink.key.on(key) + " " + sc.ink.dim.on(word)
		n += size
	}
	stopped := sc.stop != nil && sc.live
	for _, first := range []bool{true, false} {
		for i := range bindings {
			if b := &bindings[i]; (stopped && b.group == helpGdb) == first && u.hinted(b, stopped) {
				add(b)
			}
		}
	}
	return line
}

// hinted tells whether a key is worth a hint here and now.
func (u *UI) hinted(b *binding, stopped bool) bool {
	prompt := u.atPrompt()
	switch {
	case b.hint.en == "", prompt && b.scope == inView, !prompt && b.scope == atPrompt:
		return false
	case b.act == actContinue && !stopped, b.act == actFollow && u.scene.live:
		return false
	case b.keys[0] == "f5" && !prompt, b.keys[0] == "f1" && !prompt:
		return false
	}
	return b.panes == nil || slices.Contains(b.panes, u.focus)
}

// keyLabel is a key's name as it is shown.
func keyLabel(key string) string {
	switch key {
	case "space":
		return "Space"
	case "enter", "esc", "tab", "end", "home", "up", "down", "left", "right", "pgup", "pgdown":
		return map[string]string{"enter": "Enter", "esc": "Esc", "tab": "Tab", "end": "End", "home": "Home", "up": "Up", "down": "Down",
			"left": "Left", "right": "Right", "pgup": "PgUp", "pgdown": "PgDn"}[key]
	}
	if name, ok := strings.CutPrefix(key, "ctrl+"); ok {
		return "Ctrl-" + strings.ToUpper(name)
	}
	if name, ok := strings.CutPrefix(key, "alt+"); ok {
		return "Alt-" + name
	}
	if key == "shift+tab" {
		return "Shift-Tab"
	}
	if len(key) > 1 && key[0] == 'f' && key[1] >= '1' && key[1] <= '9' {
		return "F" + key[1:]
	}
	return key
}
