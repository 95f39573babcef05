package stack

import (
	"context"
	"sync"
	"time"

	"menuos/stack/internal/kernel"
)

// hostClock turns the host's time into the machine's. It stands still while a
// breakpoint holds the machine.
type hostClock struct {
	at      time.Duration // machine time at since
	since   time.Time
	speed   float64
	stopped bool
}

func (c *hostClock) start(at time.Duration, speed float64) {
	if speed <= 0 {
		speed = 1
	}
	c.at = at
	c.speed = speed
	c.since = time.Now()
}

func (c *hostClock) now() time.Duration {
	if c.stopped {
		return c.at
	}
	return c.at + time.Duration(float64(time.Since(c.since))*c.speed)
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
		next := p.s.runDue()
		p.s.mu.Unlock()
		timer.Reset(next)
	}
}

// slice bounds how long the machine runs before others may look at it.
const slice = 5 * time.Millisecond

// runDue runs all that has fallen due by the host's clock and returns how long
// the host may sleep. The caller owns the machine.
func (s *Stack) runDue() time.Duration {
	const long = time.Hour
	if s.held() {
		return long
	}
	s.clock.resume()
	turns := 0
	began := time.Now()
	until := func() bool {
		turns++
		return s.want.Load() > 0 || turns&63 == 0 && time.Since(began) > slice
	}
	switch s.n.Run(s.clock.now(), until) {
	case kernel.HaltStop:
		s.clock.hold()
		s.changed.Broadcast()
		return long
	case kernel.HaltUntil:
		return 0
	}
	next := s.n.NextEvent()
	if next == kernel.Forever {
		return long
	}
	return max(0, time.Duration(float64(next-s.clock.now())/s.clock.speed))
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

// driveReal waits while the pump runs the machine.
func (s *Stack) driveReal(ctx context.Context, limit time.Duration, done func() bool) (Outcome, error) {
	stop := context.AfterFunc(ctx, s.changed.Broadcast)
	defer stop()
	if limit < 0 {
		limit = s.n.Now()
	}
	if limit != kernel.Forever {
		wait := time.Duration(float64(limit-s.clock.now()) / s.clock.speed)
		t := time.AfterFunc(wait+time.Millisecond, s.changed.Broadcast)
		defer t.Stop()
	}
	s.wakePump()
	for {
		switch {
		case s.closed:
			return Stuck, nil
		case s.stop != nil && !s.released:
			return Stopped, nil
		case done() || limit != kernel.Forever && s.clock.now() >= limit:
			return Done, nil
		case ctx.Err() != nil:
			return Done, ctx.Err()
		}
		s.changed.Wait()
	}
}
