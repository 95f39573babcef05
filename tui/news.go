// What the feed brings, and the cursor in time.

package tui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"menuos/shell"
	"menuos/stack"
	"menuos/stack/steps"
)

// news takes what has happened since the last frame.
func (u *UI) news(msg *feedMsg) tea.Cmd {
	sc := u.scene
	u.shell.write(msg.shellOut)
	u.gdb.write(msg.gdbOut)
	u.shell.setPrompt(msg.lab.shellPrompt, msg.lab.running)
	u.shell.reads = msg.lab.running && msg.lab.reads
	u.gdb.setPrompt(msg.lab.gdbPrompt, false)
	for _, s := range msg.steps {
		sc.rec.add(s)
		u.notice(s)
	}
	stopped := msg.snap.Stopped != nil && msg.snap.Stopped != sc.stop
	sc.stop, sc.counters, sc.tasks = msg.snap.Stopped, msg.snap.Counters, msg.snap.Tasks
	sc.status = status{paused: msg.paused, speed: msg.speed, lab: msg.lab}
	if msg.lab.running && msg.lab.pid != 0 {
		sc.status.waits = shell.WaitsFor(msg.snap, msg.lab.pid, sc.lang)
	}
	if msg.trace != nil {
		u.live = *msg.trace
	}
	u.newest = msg.snap
	u.forget(msg.snap)
	if stopped { // a stop is now: whoever was in the past comes back
		u.follow()
		u.onStop()
	}
	if sc.live {
		u.showLive()
	}
	u.pickSock()
	if msg.lab.over {
		u.quit, u.code = true, msg.lab.code
		return tea.Quit
	}
	return nil
}

// notice lights what a step has changed.
func (u *UI) notice(s *step) {
	sc := u.scene
	switch s.line.Kind {
	case steps.State:
		sc.lit[s.Sock.Cookie] = litState{stack.StateName(s.OldState), stack.StateName(s.NewState), time.Now()}
		u.recent = append(slices.DeleteFunc(u.recent, func(c uint64) bool { return c == s.Sock.Cookie }), s.Sock.Cookie)
		u.recent = u.recent[max(0, len(u.recent)-recentSocks):]
	case steps.TimerFired, steps.TimerCancelled:
		sc.gone = append(sc.gone, goneTimer{kind: s.Timer, runs: s.Runs, sock: s.Sock.Cookie,
			fired: s.line.Kind == steps.TimerFired, at: time.Now(), when: s.Time})
	}
}

// timerOf names a socket's timer.
type timerOf struct {
	kind string
	sock uint64
}

// recentSocks is how many sockets the screen remembers for having changed state.
const recentSocks = 32

// goneKept is how many gone timers stay in sight.
const goneKept = 16

// forget drops what has faded, and cancelled timers that are armed again.
func (u *UI) forget(snap *stack.Snapshot) {
	sc := u.scene
	now := time.Now()
	for cookie, l := range sc.lit {
		if now.Sub(l.at) >= fade {
			delete(sc.lit, cookie)
		}
	}
	armed := make(map[timerOf]bool)
	for _, t := range snap.Timers {
		armed[timerOf{t.Kind, t.Sock}] = true
	}
	kept := sc.gone[:0]
	for i, g := range sc.gone {
		again := !g.fired && armed[timerOf{g.kind, g.sock}]
		if now.Sub(g.at) < fade && !again && i >= len(sc.gone)-goneKept {
			kept = append(kept, g)
		}
	}
	sc.gone = kept
}

// showLive makes the scene the machine as it is.
func (u *UI) showLive() {
	sc := u.scene
	sc.live, sc.cur, sc.step, sc.partial = true, 0, nil, false
	if u.newest == nil {
		return
	}
	sc.now, sc.timers = u.newest.Time, u.newest.Timers
	for i := range sc.timers {
		sc.timers[i].Left = max(0, sc.timers[i].Expires-sc.now)
	}
	sc.socks = sc.socks[:0:0]
	for i := range u.newest.Socks {
		sc.socks = append(sc.socks, &u.newest.Socks[i])
	}
	sc.frames, sc.texts, sc.whose = u.live.frames, u.live.texts, u.live.of()
}

// pickSock selects a socket for a person who has not selected one: the one whose
// state changed last, else a listener.
func (u *UI) pickSock() {
	sc := u.scene
	if !sc.live {
		return
	}
	if sc.selected() == nil {
		u.chosen = false
	}
	if u.chosen {
		return
	}
	for _, cookie := range slices.Backward(u.recent) {
		if k := sc.sockOf(cookie); k != nil && k.State != "UNCONN" {
			sc.sock = cookie
			return
		}
	}
	sc.sock = 0
	for _, k := range sc.socks {
		if k.Netid == "tcp" && (sc.sock == 0 || k.State == "LISTEN") && k.State != "UNCONN" {
			sc.sock = k.Cookie
		}
	}
}

// follow goes back to the machine as it is.
func (u *UI) follow() {
	u.wanted = 0
	if !u.scene.live {
		u.showLive()
		u.pickSock()
	}
}

// goTo puts the cursor in time on a step and has its backtrace brought; 0 follows
// the machine again.
func (u *UI) goTo(n int) tea.Cmd {
	sc := u.scene
	if n <= 0 {
		u.follow()
		return nil
	}
	sc.goTo(n)
	s := sc.step
	if s == nil {
		u.say(sc.say("norecord"))
		return nil
	}
	sc.texts = nil
	if c := s.Sock.Cookie; c != 0 && sc.sockOf(c) != nil {
		sc.sock, u.chosen = c, false
	}
	u.wanted = s.n
	m := u.lab.m
	return func() tea.Msg { return traceMsg{s.n, traceOf(m, s)} }
}

// trace takes the backtrace that goTo asked for, if it is still wanted.
func (u *UI) trace(msg traceMsg) {
	if sc := u.scene; msg.step == u.wanted && sc.cur == msg.step {
		sc.frames, sc.texts, sc.whose = msg.trace.frames, msg.trace.texts, msg.trace.of()
	}
}

// walk moves the cursor in time by one step, or by one segment.
func (u *UI) walk(dir int, segments bool) tea.Cmd {
	sc := u.scene
	i := sc.rec.n // live is behind the newest
	if !sc.live {
		i = sc.rec.find(sc.cur)
	}
	for i += dir; i >= 0 && i < sc.rec.n; i += dir {
		s := sc.rec.at(i)
		if k := s.line.Kind; !segments || k == steps.Sent || k == steps.Received || k == steps.Dropped {
			return u.goTo(s.n)
		}
	}
	if i >= sc.rec.n {
		u.follow()
		return nil
	}
	u.say(sc.say("norecord"))
	return nil
}

// isGdbAlone reports whether a line asks for the debugger's prompt.
func isGdbAlone(line string) bool { return strings.TrimSpace(line) == "gdb" }

// retoldMsg brings the steps' lines in another language.
type retoldMsg struct {
	lang  string
	steps []*step
	lines []steps.Line
}

// retoldFully is how many of the newest steps are told anew with the context that
// their backtraces show.
const retoldFully = 1024

// retell has the record told in the language that the screen speaks now.
func (u *UI) retell() tea.Cmd {
	sc := u.scene
	kept := make([]*step, sc.rec.n)
	for i := range kept {
		kept[i] = sc.rec.at(i)
	}
	m, lang := u.lab.m, sc.lang
	return func() tea.Msg {
		var t teller
		lines := make([]steps.Line, len(kept))
		for i, s := range kept {
			lines[i] = t.describe(m, &s.Event, lang, i >= len(kept)-retoldFully)
		}
		return retoldMsg{lang, kept, lines}
	}
}

// retold takes the lines that retell asked for.
func (u *UI) retold(msg retoldMsg) {
	if msg.lang != u.scene.lang {
		return
	}
	for i, s := range msg.steps {
		s.line = msg.lines[i]
	}
}
