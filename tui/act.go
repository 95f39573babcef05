// What the actions of the key table do.

package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"menuos/stack"
	"menuos/stack/steps"
)

// actionMsg has the UI do what a key of the table does.
type actionMsg struct{ act action }

func (u *UI) act(a action) tea.Cmd {
	if a > actFocusPane && a <= actFocusPane+10 {
		id := paneID(a - actFocusPane)
		u.show(id)
		u.setFocus(id)
		return nil
	}
	if cmd, ok := u.actScreen(a); ok {
		return cmd
	}
	if cmd, ok := u.actTime(a); ok {
		return cmd
	}
	if cmd, ok := u.actGdb(a); ok {
		return cmd
	}
	msg, _ := u.panes[u.focus].act(u.scene, a)
	return u.do(msg)
}

// actScreen: focus, splits, windows, and the way out.
func (u *UI) actScreen(a action) (tea.Cmd, bool) {
	switch a {
	case actHelp:
		u.help()
	case actPalette:
		u.window = newPalette(u.scene)
	case actLanguage:
		u.setLook(u.scene.theme, map[string]string{"en": "zh", "zh": "en"}[u.scene.lang])
		return u.retell(), true
	case actTheme:
		names := themeNames[1:]
		u.setLook(names[(slices.Index(names, u.scene.theme)+1)%len(names)], u.scene.lang)
		u.say(u.scene.say("theme", u.scene.theme))
	case actFocusNext:
		u.cycle(1)
	case actFocusPrev:
		u.cycle(-1)
	case actPrompt:
		if _, used := u.panes[u.focus].act(u.scene, actEscape); !used || u.atPrompt() {
			u.toPrompt()
		}
	case actZoom:
		u.zoomed()
	case actWider, actNarrower, actTaller, actShorter:
		u.resize(a)
	case actSplitReset:
		u.moved = make(shares)
		u.arrange()
	case actRedraw:
		return tea.ClearScreen, true
	case actSuspend:
		return tea.Suspend, true
	case actInterrupt:
		return u.interrupt(), true
	case actQuit:
		return u.leave(), true
	case actCopy:
		return u.copy(u.panes[u.focus].text(u.scene)), true
	case actSearch:
		u.window = newSearch(u.scene.say("search"), u.search)
	case actSearchNext, actSearchPrev:
		dir := 1
		if a == actSearchPrev {
			dir = -1
		}
		return u.searchFor(searchMsg{text: u.search, dir: dir, next: true}), true
	default:
		return nil, false
	}
	return nil, true
}

// copy puts text into the terminal's clipboard (OSC 52).
func (u *UI) copy(text string) tea.Cmd {
	u.say(u.scene.say("copied", strings.Count(strings.TrimRight(text, "\n"), "\n")+1))
	return tea.SetClipboard(text)
}

// speeds are the machine's, in machine seconds a second.
var speeds = []float64{0.001, 0.01, 0.1, 1, 10, 100, 1000, math.Inf(1)}

// actTime: the machine's clock and the cursor in time.
func (u *UI) actTime(a action) (tea.Cmd, bool) {
	m := u.lab.m
	switch a {
	case actPause:
		if u.scene.stop != nil {
			return u.gdbContinue(), true
		}
		pause := !u.scene.status.paused
		return u.machine(func() {
			if pause {
				m.Pause()
			} else {
				m.Unpause()
			}
		}), true
	case actFaster, actSlower:
		return u.speed(a), true
	case actStepNext:
		return u.walk(1, false), true
	case actStepPrev:
		return u.walk(-1, false), true
	case actSegmentNext:
		return u.walk(1, true), true
	case actSegmentPrev:
		return u.walk(-1, true), true
	case actFollow:
		if u.scene.live {
			u.panes[u.focus].act(u.scene, actEnd)
		}
		u.follow()
		return nil, true
	case actRunEvent:
		u.follow()
		return u.runEvent(), true
	}
	return nil, false
}

// machine does something to the machine, beside the screen, and looks again.
func (u *UI) machine(fn func()) tea.Cmd {
	return func() tea.Msg {
		fn()
		u.feed.poke()
		return nil
	}
}

func (u *UI) speed(a action) tea.Cmd {
	now := u.scene.status.speed
	i := 0
	for i < len(speeds)-1 && speeds[i] < now {
		i++
	}
	if a == actFaster && speeds[i] <= now {
		i = min(i+1, len(speeds)-1)
	}
	if a == actSlower {
		i = max(i-1, 0)
	}
	to := speeds[i]
	u.scene.status.speed = to
	u.say(u.scene.say("speed", speedText(u.scene, to)))
	return u.machine(func() { u.lab.m.SetSpeed(to) })
}

// runEvent lets the machine run to its next step.
func (u *UI) runEvent() tea.Cmd {
	nothing := u.scene.say("nothing")
	return func() tea.Msg {
		held := <-u.lab.m.RunToEvent(func(ev *stack.Event) bool {
			return slices.Contains(steps.Names, ev.Name) && !slices.Contains(passedBy, steps.KindOf(ev))
		})
		u.feed.poke()
		if !held {
			return noteMsg(nothing)
		}
		return nil
	}
}

// passedBy are the steps that "run to the next event" does not stop at, and whose
// backtraces are not shown by themselves: they come with another one, by the dozen.
var passedBy = []steps.Kind{steps.TimerArmed, steps.TimerCancelled, steps.Destroyed, steps.Other}

// actGdb: the debugger's keys.
func (u *UI) actGdb(a action) (tea.Cmd, bool) {
	switch a {
	case actContinue:
		if u.scene.stop == nil && u.scene.status.paused {
			return u.machine(u.lab.m.Unpause), true
		}
		return u.gdbContinue(), true
	case actGdbStep:
		u.submit(paneGdb, "step")
	case actGdbNext:
		u.submit(paneGdb, "next")
	case actGdbFinish:
		u.submit(paneGdb, "finish")
	case actBreak:
		if fn := u.selectedFunc(); fn != "" {
			u.breakAt(fn)
			return nil, true
		}
		u.window = newAsk(u.scene.say("breakat"), "", func(s string) tea.Msg { return breakMsg{s} })
	case actFrameUp, actFrameDown:
		msg, _ := u.panes[paneBacktrace].act(u.scene, a)
		return u.do(msg), true
	default:
		return nil, false
	}
	return nil, true
}

func (u *UI) gdbContinue() tea.Cmd {
	u.submit(paneGdb, "continue")
	return nil
}

// selectedFunc is the function that b breaks at: of the selected frame, or the
// one that the selected step happened in.
func (u *UI) selectedFunc() string {
	if u.focus == paneBacktrace || u.focus == paneSteps && !u.scene.live {
		return u.panes[paneBacktrace].(*backtracePane).selectedFunc(u.scene)
	}
	return ""
}

// breakAt sets a breakpoint, or removes the one that is there.
func (u *UI) breakAt(fn string) {
	fn = strings.TrimSpace(fn)
	if fn == "" {
		return
	}
	u.lab.do(func() {
		line := "break " + fn
		u.lab.m.Still(func() {
			if u.lab.s.Debugger().BreaksAt(fn) {
				line = "clear " + fn
			}
		})
		go u.lab.submit(line, true)
	})
}

// interrupt is Ctrl-C: the command that runs, else what is typed, else whether to
// leave.
func (u *UI) interrupt() tea.Cmd {
	if u.lab.interrupt() {
		return nil
	}
	if u.atPrompt() && u.console(u.focus).clear() {
		return nil
	}
	return func() tea.Msg {
		if u.lab.interruptHeld() {
			return nil
		}
		return actionMsg{actQuit}
	}
}

// leave asks whether to leave.
func (u *UI) leave() tea.Cmd {
	sc := u.scene
	u.window = newDialog(sc.say("leave"), []answer{
		{keys: []string{"y", "q", "ctrl+d"}, label: sc.say("leave.yes"), msg: quitMsg{}},
		{keys: []string{"n"}, label: sc.say("leave.no"), msg: nil},
	})
	return nil
}

// searchFor searches in the pane that has the focus.
func (u *UI) searchFor(msg searchMsg) tea.Cmd {
	p, ok := u.panes[u.focus].(searcher)
	if !ok {
		return nil
	}
	u.search = msg.text
	found := p.search(u.scene, msg.text, msg.dir)
	if !found && msg.text != "" {
		u.say(u.scene.say("notfound", msg.text))
	}
	if s, ok := p.(*stepsPane); ok && found { // the cursor in time goes where the search does
		return u.goTo(s.hit)
	}
	return nil
}

// source has the source of a frame brought.
func (u *UI) source(frame int) tea.Cmd {
	sc := u.scene
	if frame < 0 || frame >= len(sc.frames) {
		return nil
	}
	f, m := sc.frames[frame], u.lab.m
	none := sc.say("nosource", f.Func)
	return func() tea.Msg {
		file, line, lines := m.SourceLine(f)
		if lines == nil {
			return noteMsg(none)
		}
		return sourceTextMsg{fmt.Sprintf("%s  %s:%d", f.Func, f.File, f.Line), file, line, lines}
	}
}
