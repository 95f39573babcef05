// The feed: the goroutine that brings the screen what has happened. It takes
// steps and a snapshot at most once a frame, and only if something has changed.

package tui

import (
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"menuos/stack"
	"menuos/stack/steps"
)

const (
	// frameTime is the least time between two frames' news.
	frameTime = time.Second / 60
	// tickTime is how often the time that is left is drawn anew while a timer will
	// soon run out, slowTick how often while none will.
	tickTime = 100 * time.Millisecond
	slowTick = 500 * time.Millisecond
	soon     = 10 * time.Second
	// shareOfTime bounds what looking costs: after a look that took d the feed
	// rests shareOfTime times d.
	shareOfTime = 4
	// stepRoom is how many steps may come between two looks.
	stepRoom = 4096
	// describedFully is how many steps between two looks are told with the context
	// that their backtraces show; those behind them with less.
	describedFully = 256
)

// feedMsg is the news of a frame.
type feedMsg struct {
	steps    []*step
	snap     *stack.Snapshot
	shellOut string
	gdbOut   string
	lab      labState
	paused   bool
	speed    float64
	trace    *backtrace // to be shown live; nil: the same as before
}

// feed looks at the laboratory for the screen.
type feed struct {
	lab  *lab
	rec  *stack.Recorder
	post func(feedMsg)
	died func(fault)

	poked chan struct{} // look again
	quit  chan struct{}
	over  sync.WaitGroup

	mu   sync.Mutex
	look *look

	tell teller
	best *step // the newest step with something to see

	shownStop *stack.Stop // whose backtrace was brought last
	shownStep *step
	running   bool      // a command ran at the last look
	fades     time.Time // until then something on screen fades
}

func newFeed(l *lab, look *look, post func(feedMsg), died func(fault)) *feed {
	return &feed{lab: l, look: look, post: post, died: died, poked: make(chan struct{}, 1), quit: make(chan struct{}),
		rec: l.m.Record(stepRoom, steps.Snap, steps.Names...)}
}

func (f *feed) start() { f.over.Go(f.loop) }

// poke asks for a look: output has come, the speed was changed.
func (f *feed) poke() {
	select {
	case f.poked <- struct{}{}:
	default:
	}
}

// speak changes the language and glyphs of what the feed writes.
func (f *feed) speak(l *look) {
	f.mu.Lock()
	f.look = l
	f.mu.Unlock()
	f.poke()
}

func (f *feed) close() {
	close(f.quit)
	f.over.Wait()
	f.rec.Close()
}

func (f *feed) loop() {
	defer func() {
		if r := recover(); r != nil {
			f.died(fault{"feed", r, string(debug.Stack())})
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	tick := time.Duration(0)
	for {
		if tick > 0 {
			timer.Reset(tick)
		}
		select {
		case <-f.quit:
			return
		case <-f.poked:
		case <-f.rec.Wake:
		case <-timer.C:
		}
		began := time.Now()
		msg := f.gather()
		tick = f.moves(&msg)
		f.post(msg) // from here on it is the screen's
		rest := time.NewTimer(max(frameTime, shareOfTime*time.Since(began)))
		select {
		case <-f.quit:
			rest.Stop()
			return
		case <-rest.C:
		}
	}
}

// moves tells how soon the picture changes by itself, because time left runs down
// or something fades: 0 if it does not.
func (f *feed) moves(msg *feedMsg) time.Duration {
	if time.Now().Before(f.fades) {
		return tickTime
	}
	if msg.paused || msg.snap.Stopped != nil || math.IsInf(msg.speed, 1) {
		return 0
	}
	tick := time.Duration(0)
	if msg.lab.running {
		tick = slowTick
	}
	for _, t := range msg.snap.Timers {
		if float64(t.Left) < msg.speed*float64(soon) {
			return tickTime
		}
		tick = slowTick
	}
	return tick
}

// gather looks at the laboratory.
func (f *feed) gather() feedMsg {
	f.mu.Lock()
	look := f.look
	f.mu.Unlock()
	m := f.lab.m
	var msg feedMsg
	news := f.rec.Next()
	for i := range news {
		st := &step{Step: news[i]}
		st.line = f.tell.describe(m, &st.Event, look.lang, i < describedFully)
		msg.steps = append(msg.steps, st)
		if telling(st.line.Kind) {
			f.best = st
		}
	}
	msg.snap = m.Snapshot()
	msg.shellOut, msg.gdbOut, msg.lab = f.lab.take(look)
	msg.paused, msg.speed = m.Paused(), m.Speed()
	if len(msg.steps) > 0 || msg.lab.running != f.running {
		f.fades = time.Now().Add(fade + tickTime)
	}
	f.running = msg.lab.running
	f.backtrace(&msg)
	return msg
}

// backtrace brings the backtrace that is shown live, if it is another one than
// before: the stop's, else that of the newest step with something to see.
func (f *feed) backtrace(msg *feedMsg) {
	stop := msg.snap.Stopped
	if stop == f.shownStop && (stop != nil || f.best == f.shownStep) {
		return
	}
	f.shownStop, f.shownStep = stop, f.best
	switch {
	case stop != nil:
		msg.trace = &backtrace{stop: stop, frames: stop.Frames}
	case f.best != nil:
		msg.trace = traceOf(f.lab.m, f.best)
		return
	default:
		msg.trace = new(backtrace)
	}
	msg.trace.texts = frameTexts(f.lab.m, msg.trace.frames)
}

// traceOf is a step's backtrace. It waits for the machine.
func traceOf(m *stack.Stack, s *step) *backtrace {
	t := &backtrace{step: s, frames: m.Frames(&s.Event)}
	t.texts = frameTexts(m, t.frames)
	return t
}

// telling tells whether a step's backtrace is one to show by itself.
func telling(k steps.Kind) bool { return k != steps.Wakeup && !slices.Contains(passedBy, k) }
