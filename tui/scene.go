// What a frame is drawn from: values, never the machine.

package tui

import (
	"time"

	"menuos/stack"
)

// scene is everything that the panes draw. It shows the machine as it is, or as
// it was at the step that the cursor stands on.
type scene struct {
	*look

	live   bool          // the machine as it is
	now    time.Duration // the machine's time at what is shown
	socks  []*stack.SockInfo
	timers []stack.TimerInfo
	// partial says that the state was not recorded at the selected step, because
	// too many came at once: what is shown is of the moment at asOf before it.
	partial bool
	asOf    time.Duration

	counters []stack.Counter // always as they are now
	tasks    []stack.TaskInfo

	rec  *record
	cur  int   // number of the step that the cursor stands on; 0: live
	step *step // … and the step itself, nil if live or lost from the record

	sock    uint64              // cookie of the selected socket, 0: none
	lit     map[uint64]litState // sockets whose state has just changed
	gone    []goneTimer         // timers that have just fired or been cancelled
	stop    *stack.Stop         // where the machine is held now, nil if it is not
	frames  []stack.Frame       // backtrace of the selected step; live: of the stop, or of the newest step
	texts   []frameText         // the same as gdb prints them
	whose   backtraceOf         // what frames belongs to
	status  status
	focus   paneID           // pane that has the focus
	helpFor paneID           // pane that had it when help was asked for
	from    func() time.Time // the host's clock, for what fades
}

// backtraceOf names the owner of a backtrace.
type backtraceOf struct {
	step    int // number of a step; 0: the stop
	context string
	comm    string
	pid     int
}

// backtrace is the backtrace of a step or of a stop.
type backtrace struct {
	step   *step       // nil: the stop's
	stop   *stack.Stop // nil, too: nobody's
	frames []stack.Frame
	texts  []frameText
}

// of names whose backtrace it is.
func (b *backtrace) of() backtraceOf {
	switch {
	case b.step != nil:
		return backtraceOf{b.step.n, b.step.Context, b.step.Comm, b.step.Pid}
	case b.stop != nil:
		return backtraceOf{0, b.stop.Context, b.stop.Comm, b.stop.Pid}
	}
	return backtraceOf{}
}

// status is what the machine does.
type status struct {
	paused bool
	speed  float64 // machine seconds a second; +Inf: waiting takes no time
	lab    labState
	waits  string // what the command waits for, empty if none does
}

// litState is a socket that has changed its state.
type litState struct {
	from, to string
	at       time.Time // host time
}

// goneTimer is a timer that is armed no more.
type goneTimer struct {
	kind, runs string
	sock       uint64
	fired      bool      // else cancelled
	at         time.Time // host time
	when       time.Duration
}

// fade is how long what has changed stays lit, and a gone timer in sight.
const fade = 1500 * time.Millisecond

// selected is the socket that is selected, nil if it is not there.
func (sc *scene) selected() *stack.SockInfo { return sc.sockOf(sc.sock) }

// sockOf finds a socket by its cookie.
func (sc *scene) sockOf(cookie uint64) *stack.SockInfo {
	for _, k := range sc.socks {
		if k.Cookie == cookie && cookie != 0 {
			return k
		}
	}
	return nil
}

// isLit tells whether a socket has just changed its state: live for a moment; in
// the past if the step that the cursor stands on is that change.
func (sc *scene) isLit(cookie uint64) (litState, bool) {
	if !sc.live {
		if s := sc.step; s != nil && s.Sock.Cookie == cookie && s.OldState != s.NewState {
			return litState{from: stack.StateName(s.OldState), to: stack.StateName(s.NewState)}, true
		}
		return litState{}, false
	}
	l, ok := sc.lit[cookie]
	return l, ok && sc.from().Sub(l.at) < fade
}

// goTo puts the cursor in time on the step with the number n, or on the next
// older one that is kept: sockets and timers are then what was recorded there.
// The backtrace is the caller's to bring.
func (sc *scene) goTo(n int) {
	i := sc.rec.find(n)
	if i < 0 {
		return
	}
	s := sc.rec.at(i)
	sc.live, sc.cur, sc.step, sc.now = false, s.n, s, s.Time
	sc.frames, sc.whose = nil, backtraceOf{s.n, s.Context, s.Comm, s.Pid}
	sc.socks, sc.timers, sc.partial, sc.asOf = nil, nil, s.At == nil, s.Time
	if at := sc.rec.before(i); at != nil {
		sc.socks, sc.asOf = at.At.Socks, at.At.Time
		sc.timers = make([]stack.TimerInfo, len(at.At.Timers))
		copy(sc.timers, at.At.Timers)
		for i := range sc.timers {
			sc.timers[i].Left = sc.timers[i].Expires - s.Time
		}
	}
}
