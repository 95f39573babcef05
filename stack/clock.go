package stack

import (
	"context"
	"math"
	"runtime"
	"sync"
	"time"

	"menuos/stack/internal/kernel"
)

// hostClock turns the host's time into the machine's, at a speed. It stands
// still while the machine is paused, held, or searching for an event; at an
// infinite speed it shows how far the machine has come.
type hostClock struct {
	at      time.Duration // machine time at since
	since   time.Time
	speed   float64 // machine seconds a host second
	stopped bool
}

// long is how long the pump sleeps when it waits for nothing but to be woken.
const long = time.Hour

// farFuture bounds the clock at speeds that would carry it past what a Duration
// holds.
const farFuture = time.Duration(1) << 61

func (c *hostClock) start(at time.Duration, speed float64) {
	c.at, c.since, c.speed = at, time.Now(), speed
}

// jumps reports whether time goes from event to event, as on a virtual clock.
func (c *hostClock) jumps() bool { return math.IsInf(c.speed, 1) }

func (c *hostClock) now() time.Duration {
	if c.stopped || c.jumps() {
		return c.at
	}
	return min(c.at+c.passed(time.Since(c.since)), farFuture)
}

// passed is how much of the machine's time passes in d of the host's.
func (c *hostClock) passed(d time.Duration) time.Duration {
	return time.Duration(min(float64(d)*c.speed, float64(farFuture)))
}

// wait is how long the host has to wait until the clock shows t.
func (c *hostClock) wait(t time.Duration) time.Duration {
	if t == kernel.Forever || c.stopped || c.jumps() {
		return long
	}
	gone := time.Since(c.since)
	d := time.Duration(math.Ceil(min(float64(t-c.at)/c.speed, float64(gone+long))))
	if d < gone+long && c.at+c.passed(d) < t {
		d++ // the division was rounded
	}
	return max(d-gone, 0)
}

func (c *hostClock) hold() {
	c.at = c.now()
	c.stopped = true
}

func (c *hostClock) resume() {
	if c.stopped {
		c.stopped = false
		c.since = time.Now()
	}
}

// reached tells the clock that the machine has come further by itself.
func (c *hostClock) reached(t time.Duration) {
	if t > c.now() {
		c.at, c.since = t, time.Now()
	}
}

// pump is the goroutine that keeps a machine with a real clock going.
type pump struct {
	s    *Stack
	wake chan struct{}
	quit chan struct{}
	done sync.WaitGroup
}

func newPump(s *Stack) *pump {
	p := &pump{s: s, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	p.done.Go(p.loop)
	return p
}

func (p *pump) close() {
	close(p.quit)
	p.done.Wait()
}

func (p *pump) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-timer.C:
		case <-p.wake:
		}
		p.s.lock()
		if p.s.closed {
			p.s.mu.Unlock()
			return
		}
		next := p.s.turn()
		p.s.mu.Unlock()
		timer.Reset(next)
	}
}

func (s *Stack) wakePump() {
	if s.pump == nil {
		return
	}
	select {
	case s.pump.wake <- struct{}{}:
	default:
	}
}

// real reports whether the host's clock moves the machine's time.
func (s *Stack) real() bool { return s.cfg.Clock == ClockReal }

// catchUp lets the time of an idle machine catch up with the host's clock, so
// that what is looked at, or begins, is of now.
func (s *Stack) catchUp() {
	if s.closed || s.still > 0 || s.paused || s.stop != nil || s.search != nil {
		return
	}
	if now := s.clock.now(); now > s.n.Now() && s.n.NextEvent() > now {
		s.n.Run(now, nil)
	}
}

// due is how far the machine's time has come by the clock: what is armed until
// then may run.
func (s *Stack) due() time.Duration {
	if !s.real() {
		return s.n.Now()
	}
	return max(s.n.Now(), s.clock.now())
}

// slice and sliceTurns bound how long the machine runs before others may look
// at it.
const (
	slice      = 5 * time.Millisecond
	sliceTurns = 1024
)

// run runs the machine up to limit, until others want it or a slice is over; for
// a turn at least, so that those who take turns with others get on. The time of
// a machine that is never idle follows the host's from turn to turn, so that its
// timers expire.
func (s *Stack) run(limit time.Duration) kernel.Halt {
	began, first := time.Now(), s.turns
	jumps := s.real() && s.clock.jumps() && s.search == nil
	until := func() bool {
		s.turns++
		s.follow()
		s.ran.Store(int64(s.n.Now()))
		return jumps && s.someDone() || s.turns-first > 1 && s.want.Load() > 0 || s.turns&63 == 0 && (s.turns-first > sliceTurns || time.Since(began) > slice)
	}
	h := s.n.Run(limit, until)
	switch h {
	case kernel.HaltStop:
		s.hasStopped()
	case kernel.HaltIdle:
		s.busyFor = 0
	}
	return h
}

// busyTurns is after how many turns a machine counts as one that is not about to
// be idle, where time moves exactly from event to event.
const busyTurns = 64

// follow lets the time of a busy machine be the host's, where that moves it.
func (s *Stack) follow() {
	if s.busyFor++; s.busyFor%busyTurns == 0 && s.real() && s.search == nil && !s.clock.jumps() {
		s.n.Follow(s.clock.now())
	}
}

// hasStopped notes that a breakpoint, or a search, holds the machine.
func (s *Stack) hasStopped() {
	if s.real() {
		s.clock.hold()
		s.clock.reached(s.n.Now())
	}
	s.endSearch(true)
	s.changed.Broadcast()
}

// turn runs what is due and returns how long the pump may sleep. The caller
// owns the machine.
func (s *Stack) turn() time.Duration {
	switch {
	case s.still > 0:
		return long
	case s.search != nil:
		return s.searchOn()
	case s.paused || s.held():
		return long
	}
	s.clock.resume()
	now := s.due()
	limit := now
	if s.clock.jumps() {
		limit = s.jumpTo(now)
	}
	h := s.run(limit)
	if h == kernel.HaltStop {
		return long
	}
	s.clock.reached(s.n.Now())
	s.serve(h == kernel.HaltIdle && limit == now)
	switch {
	case h == kernel.HaltUntil:
		return 0
	case s.clock.jumps():
		if limit == kernel.Forever || !s.awaited() {
			return long // nothing can happen, or nobody waits for it
		}
		return 0
	}
	return s.clock.wait(min(s.n.NextEvent(), s.nextLimit(s.clock.now())))
}

// waiter is somebody who waits for a machine with a real clock.
type waiter struct {
	limit   time.Duration // of the machine's time
	done    func() bool
	reached bool   // done holds, or the limit is there: time stands until …
	turns   uint64 // (count of turns then)
	settled bool   // … all that was due by then has happened
}

// settleTurns is how many turns tasks may still take after what was waited for
// has come: enough for all that follows from it at that moment, and a bound for
// a machine that is never idle, as during a long transfer.
const settleTurns = 4096

// over reports whether a waiter need not wait any more.
func (s *Stack) over(w *waiter) bool {
	if w.settled {
		return true
	}
	if s.clock.jumps() && !s.paused && s.search == nil {
		return false // the pump settles it
	}
	return w.done() || w.limit <= s.clock.now()
}

func (s *Stack) reach(w *waiter) {
	if !w.reached {
		w.reached, w.turns = true, s.turns
	}
}

// someDone looks whether what somebody waits for has come. It runs inside run.
func (s *Stack) someDone() bool {
	some := false
	for _, w := range s.waiters {
		switch {
		case w.settled:
		case w.reached:
			some = some || s.turns-w.turns > settleTurns
		case w.done():
			s.reach(w)
			some = true
		}
	}
	return some
}

// jumpTo is how far time may jump: to the first limit of those who wait, not at
// all when what one of them waits for is there, or nobody waits.
func (s *Stack) jumpTo(now time.Duration) time.Duration {
	limit, waiting, reached := kernel.Forever, false, false
	for _, w := range s.waiters {
		if w.settled {
			continue
		}
		waiting = true
		if w.limit <= now || w.done() {
			s.reach(w)
		}
		reached = reached || w.reached
		limit = min(limit, w.limit)
	}
	if reached || !waiting {
		return now
	}
	return limit
}

// awaited reports whether anybody still waits.
func (s *Stack) awaited() bool {
	for _, w := range s.waiters {
		if !w.settled {
			return true
		}
	}
	return false
}

// serve lets those go who have waited long enough; idle: nothing is left to do
// at this moment.
func (s *Stack) serve(idle bool) {
	some := false
	for _, w := range s.waiters {
		if w.reached && (idle || s.turns-w.turns > settleTurns) {
			w.settled = true
		}
		some = some || s.over(w)
	}
	if some {
		s.changed.Broadcast()
	}
}

// nextLimit is the first limit behind now that somebody waits for.
func (s *Stack) nextLimit(now time.Duration) time.Duration {
	next := kernel.Forever
	for _, w := range s.waiters {
		if w.limit > now {
			next = min(next, w.limit)
		}
	}
	return next
}

// driveReal waits while the pump runs the machine.
func (s *Stack) driveReal(ctx context.Context, limit time.Duration, done func() bool) (Outcome, error) {
	if limit < 0 {
		return s.settleReal(ctx)
	}
	stop := context.AfterFunc(ctx, func() {
		s.lock() // so that the waiter below is either before its look or asleep
		s.changed.Broadcast()
		s.mu.Unlock()
	})
	defer stop()
	w := &waiter{limit: limit, done: done}
	s.waiters = append(s.waiters, w)
	defer s.forget(w)
	s.wakePump()
	for {
		switch {
		case s.closed:
			return Stuck, nil
		case s.stopped() != nil:
			return Stopped, nil
		case s.over(w):
			return Done, nil
		case ctx.Err() != nil:
			return Done, ctx.Err()
		}
		s.changed.Wait()
	}
}

func (s *Stack) forget(w *waiter) {
	for i, o := range s.waiters {
		if o == w {
			s.waiters = append(s.waiters[:i:i], s.waiters[i+1:]...)
			return
		}
	}
}

// settleReal runs what is due until nothing is, but for settleTurns at most.
// What is paused, or searches for an event, is not touched.
func (s *Stack) settleReal(ctx context.Context) (Outcome, error) {
	defer s.wakePump()
	began := s.turns
	for s.turns-began <= settleTurns {
		switch {
		case s.closed:
			return Stuck, nil
		case s.stopped() != nil:
			return Stopped, nil
		case s.paused || s.search != nil:
			return Done, nil
		case s.still > 0:
			s.changed.Wait()
			continue
		case ctx.Err() != nil:
			return Done, ctx.Err()
		}
		s.held() // lets go of a stop that has been released
		s.clock.resume()
		switch s.run(s.due()) {
		case kernel.HaltStop:
			return Stopped, nil
		case kernel.HaltIdle:
			s.clock.reached(s.n.Now())
			s.serve(true)
			return Done, nil
		}
		s.mu.Unlock()
		runtime.Gosched()
		s.lock()
	}
	return Done, nil
}
