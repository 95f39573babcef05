package stack

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestAwait waits for all that it tells of, without driving the machine.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Clock: ClockReal})
		defer s.Close()
		began := time.Now()
		after := func(want time.Duration, what string, ok bool) {
			t.Helper()
			if got := time.Since(began); got != want || !ok {
				t.Errorf("%s: %v after %v, want true after %v", what, ok, got, want)
			}
		}
		j := s.Spawn("sleep", nil, func(p *Proc) int { p.Sleep(time.Second); return 0 })
		done := func(*Stop, bool) bool { return j.Done() }
		after(time.Second, "a job", s.Await(t.Context(), done))
		after(time.Second, "a job that is done", s.Await(t.Context(), done))

		time.AfterFunc(time.Second, s.Pause)
		after(2*time.Second, "a pause", s.Await(t.Context(), func(_ *Stop, paused bool) bool { return paused }))
		time.AfterFunc(time.Second, s.Unpause)
		after(3*time.Second, "its end", s.Await(t.Context(), func(_ *Stop, paused bool) bool { return !paused }))

		s.SetHook(func(*Sym) bool { return true }, []*Sym{s.Lookup("__sys_socket")}, false)
		s.Spawn("sock", nil, func(p *Proc) int {
			p.Sleep(time.Second)
			p.Socket(AF_INET, SOCK_STREAM, 0)
			return 0
		})
		after(4*time.Second, "a stop", s.Await(t.Context(), func(stop *Stop, _ bool) bool { return stop != nil }))
		time.AfterFunc(time.Second, s.Continue)
		after(5*time.Second, "going on", s.Await(t.Context(), func(stop *Stop, _ bool) bool { return stop == nil }))

		never := func(*Stop, bool) bool { return false }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		after(6*time.Second, "the context's end", !s.Await(ctx, never))
		time.AfterFunc(time.Second, s.Close)
		after(7*time.Second, "the machine's end", !s.Await(t.Context(), never))
	})
}

// TestStill: what a hook and Still share needs no guard (the race detector
// looks), and the machine stands while fn runs.
func TestStill(t *testing.T) {
	s := New(Config{Clock: ClockReal, Speed: 1e6})
	defer s.Close()
	hits := 0
	s.SetHook(func(*Sym) bool { hits++; return false }, []*Sym{s.Lookup("__sys_socket")}, false)
	j := s.Spawn("sock", nil, func(p *Proc) int {
		for range 1000 {
			fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
			p.Close(fd)
			p.Sleep(time.Second)
		}
		return 0
	})
	for !j.Done() {
		s.Still(func() {
			before, at := hits, s.n.Now()
			if s.Snapshot(); hits != before || s.n.Now() != at {
				t.Errorf("%d hits and %v, before %d and %v", hits, s.n.Now(), before, at)
			}
		})
	}
	if hits != 1000 {
		t.Errorf("%d hits", hits)
	}
}

// TestSettleAmongOthers: a machine that others look at all the time comes to
// rest nevertheless.
func TestSettleAmongOthers(t *testing.T) {
	s := New(Config{Clock: ClockReal})
	defer s.Close()
	quit := make(chan struct{})
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
					s.Now()
				}
			}
		})
	}
	for i := range 50 {
		j := s.Spawn("sock", nil, func(p *Proc) int {
			fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
			p.Close(fd)
			return 0
		})
		if o := s.SettleContext(t.Context()); o != Done || !j.Done() {
			t.Fatalf("round %d: %v, done %v", i, o, j.Done())
		}
	}
	close(quit)
	others.Wait()
}

// TestInterruptNotBegun: a job that init has not begun never runs.
func TestInterruptNotBegun(t *testing.T) {
	for _, clock := range []Clock{ClockVirtual, ClockReal} {
		s := New(Config{Clock: clock})
		s.Pause()
		ran := false
		j := s.Exec("job", nil, func(*Proc) int { ran = true; return 0 })
		s.Interrupt(j)
		if !j.Done() || j.ExitCode() != 130 {
			t.Errorf("clock %d: done %v, code %d", clock, j.Done(), j.ExitCode())
		}
		s.Unpause()
		next := s.Exec("next", nil, func(*Proc) int { return 7 })
		if o := s.Wait(next); o != Done || next.ExitCode() != 7 || ran {
			t.Errorf("clock %d: %v, code %d, the first one ran: %v", clock, o, next.ExitCode(), ran)
		}
		s.Close()
	}
}
