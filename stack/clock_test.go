package stack

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Tests of the real clock run in bubbles of testing/synctest: the host's time is
// theirs, and exact.

var nobody = netip.MustParseAddrPort("192.168.40.77:5001") // behind a dummy

// realMachine is a booted machine with a real clock and the host time at which
// its time began to run.
func realMachine(t *testing.T, speed float64) (s *Stack, began time.Time) {
	t.Helper()
	began = time.Now()
	s = New(Config{Seed: 1, Clock: ClockReal, Speed: speed})
	noErr(t, s.Boot())
	return s, began
}

func virtualMachine(t *testing.T) *Stack {
	t.Helper()
	s := New(Config{Seed: 1})
	noErr(t, s.Boot())
	return s
}

// connectNobody sends a SYN that nobody answers.
func connectNobody(p *Proc) int {
	fd, err := p.Socket(AF_INET, SOCK_STREAM, 0)
	check(err)
	if err := p.Connect(fd, nobody); err != ETIMEDOUT {
		panic(fmt.Sprintf("connect: %v", err))
	}
	return 0
}

// sleeper sleeps for d of the machine's time.
func sleeper(d time.Duration) func(p *Proc) int {
	return func(p *Proc) int {
		p.Sleep(d)
		return 0
	}
}

// synTimes are the times at which a SYN that nobody answers is sent, and at which
// connect gives up, on a virtual clock.
func synTimes(t *testing.T) (sent []time.Duration, end time.Duration) {
	t.Helper()
	s := virtualMachine(t)
	defer s.Close()
	w := s.Watch(100, "net_dev_queue")
	if o := s.Wait(s.Spawn("syn", nil, connectNobody)); o != Done {
		t.Fatalf("connect is %v", o)
	}
	events, _ := w.Next()
	for _, ev := range events {
		sent = append(sent, ev.Time)
	}
	if len(sent) != 7 {
		t.Fatalf("%d SYNs, want 7", len(sent))
	}
	return sent, s.Now()
}

// hostTimes collects when, by the host's clock, packets are sent.
func hostTimes(s *Stack, began time.Time) (machine, host func() []time.Duration, stop func()) {
	r := s.Record(1000, 0, "net_dev_queue")
	quit, done := make(chan struct{}), make(chan struct{})
	var at, on []time.Duration
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-r.Wake:
			}
			for _, step := range r.Next() {
				at, on = append(at, step.Time), append(on, time.Since(began))
			}
		}
	}()
	stop = func() {
		close(quit)
		<-done
		r.Close()
	}
	return func() []time.Duration { return at }, func() []time.Duration { return on }, stop
}

const boot = time.Second // what a machine's clock shows when it is made

// TestClockSpeeds sends SYNs that nobody answers at several speeds: each goes out
// at the very moment of the machine's time at which it does on a virtual clock.
func TestClockSpeeds(t *testing.T) {
	sent, end := synTimes(t)
	for _, speed := range []float64{1, 10, 3, 0.001, 7.3, 1e6, math.Inf(1)} {
		t.Run(fmt.Sprint(speed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, began := realMachine(t, speed)
				defer s.Close()
				machine, host, stop := hostTimes(s, began)
				if o := s.Wait(s.Spawn("syn", nil, connectNobody)); o != Done {
					t.Errorf("connect is %v", o)
				}
				took := time.Since(began)
				synctest.Wait()
				stop()
				if got := machine(); !slices.Equal(got, sent) {
					t.Errorf("SYNs at %v, want %v", got, sent)
				}
				for i, at := range sent {
					if i < len(host()) && !reachedAt(host()[i], at, speed) {
						t.Errorf("SYN %d after %v of the host, want %v / %v", i, host()[i], at-boot, speed)
					}
				}
				if now := s.Now(); !reachedAt(took, end, speed) || now < end || float64(now-end) > speed+1 && speed < 1e9 {
					t.Errorf("connect gives up after %v of the host, at %v, want (%v - 1s) / %v", took, now, end, speed)
				}
				if math.IsInf(speed, 1) && s.Now() != end {
					t.Errorf("connect has given up at %v, want %v", s.Now(), end)
				}
			})
		})
	}
}

// reachedAt reports whether host is the first nanosecond of the host at which a
// machine with that speed has reached at.
func reachedAt(host, at time.Duration, speed float64) bool {
	want := float64(at-boot) / speed
	return float64(host) >= want-1e-3 && float64(host) < want+1.001
}

// TestClockChangesSpeed changes the speed midway: time goes on from where it was.
func TestClockChangesSpeed(t *testing.T) {
	sent, _ := synTimes(t)
	synctest.Test(t, func(t *testing.T) {
		s, began := realMachine(t, 0)
		defer s.Close()
		if got := s.Speed(); got != 1 {
			t.Errorf("a machine's speed is %v at first, want 1", got)
		}
		machine, host, stop := hostTimes(s, began)
		s.Spawn("syn", nil, connectNobody)
		var sum time.Duration // of the machine's time
		for _, part := range []struct {
			speed float64
			host  time.Duration
		}{{1, 500 * time.Millisecond}, {10, 10 * time.Millisecond}, {0.001, time.Second}, {100, time.Millisecond}, {1, 200 * time.Millisecond}} {
			before := s.Now()
			s.SetSpeed(part.speed)
			if now := s.Now(); now != before || s.Speed() != part.speed {
				t.Errorf("speed %v: time goes from %v to %v", s.Speed(), before, now)
			}
			time.Sleep(part.host)
			sum += time.Duration(float64(part.host) * part.speed)
			if got, want := s.Now()-boot, sum; got != want {
				t.Errorf("after %v at speed %v %v have passed, want %v", part.host, part.speed, got, want)
			}
		}
		left := sent[1] - boot - sum // until the SYN is sent again
		s.SetSpeed(1e-3)
		set := time.Since(began)
		time.Sleep(1000 * left)
		synctest.Wait()
		stop()
		if got := machine(); len(got) != 2 || got[1] != sent[1] {
			t.Fatalf("SYNs at %v, want %v", got, sent[:2])
		}
		if got, want := host()[1], set+1000*left; got != want {
			t.Errorf("the second SYN went out after %v of the host, want %v", got, want)
		}
	})
}

// TestClockSpeedToInfinity changes between a finite speed and none.
func TestClockSpeedToInfinity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := realMachine(t, 1)
		defer s.Close()
		j := s.Spawn("sleep", nil, sleeper(time.Hour))
		time.Sleep(time.Minute)
		s.SetSpeed(math.Inf(1))
		time.Sleep(time.Minute)
		if got, want := s.Now(), boot+time.Minute; got != want {
			t.Errorf("nobody waits, and it is %v, want %v", got, want)
		}
		wait := time.Now()
		if o := s.Wait(j); o != Done || s.Now() != boot+time.Hour {
			t.Errorf("sleep is %v at %v, want done at %v", o, s.Now(), boot+time.Hour)
		}
		if d := time.Since(wait); d != 0 {
			t.Errorf("waiting took %v", d)
		}
		s.SetSpeed(2)
		time.Sleep(time.Second)
		if got, want := s.Now(), boot+time.Hour+2*time.Second; got != want {
			t.Errorf("it is %v, want %v", got, want)
		}
		j = s.Spawn("sleep", nil, sleeper(time.Hour))
		done := make(chan Outcome)
		go func() { done <- s.Wait(j) }()
		time.Sleep(time.Second)
		s.SetSpeed(math.Inf(1)) // somebody waits already
		if o := <-done; o != Done || s.Now() != boot+2*time.Hour+2*time.Second {
			t.Errorf("sleep is %v at %v", o, s.Now())
		}
	})
}

// TestClockInfinite holds that waiting for a machine with an infinite speed is as
// on a virtual clock, but never stuck, and that its time stands while nobody
// waits.
func TestClockInfinite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := virtualMachine(t)
		defer v.Close()
		s, _ := realMachine(t, math.Inf(1))
		defer s.Close()
		same := func(what string, do func(s *Stack) Outcome) {
			t.Helper()
			want, got := do(v), do(s)
			if got != want || s.Now() != v.Now() {
				t.Errorf("%s: %v at %v, on a virtual clock %v at %v", what, got, s.Now(), want, v.Now())
			}
		}
		same("advance", func(s *Stack) Outcome {
			s.Spawn("replyhi", nil, replyhiProgram(t))
			return s.Advance(1500 * time.Millisecond)
		})
		same("hello", func(s *Stack) Outcome { return s.Wait(s.Exec("hello", nil, helloProgram(t))) })
		same("the first of two", func(s *Stack) Outcome {
			return first(s.WaitAny(context.Background(), s.Spawn("long", nil, sleeper(time.Hour)), s.Spawn("short", nil, sleeper(time.Second))))
		})
		same("a SYN that is lost", func(s *Stack) Outcome {
			return first(s.WaitContext(context.Background(), s.Spawn("syn", nil, connectNobody)))
		})
		same("advance in between", func(s *Stack) Outcome { return s.Advance(time.Nanosecond) })
		same("hello again", func(s *Stack) Outcome { return s.Wait(s.Exec("hello", nil, helloProgram(t))) })
		same("settle", func(s *Stack) Outcome { return s.Settle() })

		look := func() string {
			snap := s.Snapshot()
			return fmt.Sprintf("%v %d %+v", snap.Time, len(snap.Socks), snap.Timers)
		}
		before := look()
		time.Sleep(24 * time.Hour)
		if after := look(); after != before {
			t.Errorf("a day later:\n%s\nwant:\n%s", after, before)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		began := time.Now()
		server := s.Spawn("server", nil, func(p *Proc) int {
			_, _, err := p.Accept(listenTCP(p, at(6000), 1))
			return int(err.(Errno))
		})
		o, err := s.WaitContext(ctx, server)
		if o != Done || err != context.DeadlineExceeded || time.Since(began) != time.Minute || server.Done() {
			t.Errorf("waiting for ever ends after %v with %v, %v", time.Since(began), o, err)
		}
	})
}

func first(o Outcome, _ error) Outcome { return o }

// TestClockInfiniteManyWaiters waits for several things at once: each wait ends
// at its own moment.
func TestClockInfiniteManyWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := realMachine(t, math.Inf(1))
		defer s.Close()
		s.Pause() // until all of them wait
		type end struct {
			what string
			at   time.Duration
		}
		ends := make(chan end, 10)
		w := s.Watch(1000)
		defer w.Close()
		for i := range 4 {
			d := time.Duration(i+1) * time.Second
			j := s.Spawn("sleep", nil, sleeper(d))
			go func() {
				s.Wait(j)
				ends <- end{"wait", d}
			}()
			go func() {
				s.Advance(d + time.Millisecond)
				ends <- end{"advance", d + time.Millisecond}
			}()
		}
		synctest.Wait()
		if len(ends) != 0 {
			t.Errorf("%d waits are over while the machine is paused", len(ends))
		}
		s.Unpause()
		last := time.Duration(0)
		for range 8 {
			e := <-ends
			last = max(last, e.at)
		}
		if got := s.Now(); got != boot+4*time.Second+time.Millisecond {
			t.Errorf("it is %v when all waits are over", got)
		}
	})
}

// TestPause holds that a paused machine stands still, and can be looked at.
func TestPause(t *testing.T) {
	sent, _ := synTimes(t)
	synctest.Test(t, func(t *testing.T) {
		s, began := realMachine(t, 1)
		defer s.Close()
		machine, host, stop := hostTimes(s, began)
		j := s.Spawn("syn", nil, connectNobody)
		time.Sleep(400 * time.Millisecond)
		s.Pause()
		if !s.Paused() {
			t.Error("a paused machine is not paused")
		}
		later := s.Spawn("later", nil, sleeper(0))
		waited := make(chan Outcome, 1)
		go func() { waited <- s.Wait(later) }()
		called := make(chan error, 1)
		go func() { called <- s.AddDummy("dummy0") }()
		time.Sleep(time.Hour)
		snap := s.Snapshot()
		if snap.Time != boot+400*time.Millisecond || snap.Stopped != nil {
			t.Errorf("paused at %v, stopped %v", snap.Time, snap.Stopped)
		}
		left := time.Duration(0)
		for _, tm := range snap.Timers {
			if tm.Kind == "retransmit" {
				left = tm.Left
			}
		}
		if left != 600*time.Millisecond {
			t.Errorf("the retransmission timer has %v left, want 600ms; timers %+v", left, snap.Timers)
		}
		if len(s.Counters()) == 0 || len(waited) != 0 || len(called) != 0 || later.Done() || s.Settle() != Done || later.Done() {
			t.Errorf("paused: %d waits and %d calls are over, the program is done: %v", len(waited), len(called), later.Done())
		}
		s.SetSpeed(2)
		s.Unpause()
		if o := <-waited; o != Done {
			t.Errorf("a wait over a pause is %v", o)
		}
		noErr(t, <-called)
		if got := s.Now(); got != boot+400*time.Millisecond {
			t.Errorf("after the pause it is %v", got)
		}
		time.Sleep((sent[1] - boot - 400*time.Millisecond) / 2)
		synctest.Wait()
		if got, want := host(), []time.Duration{0, 400*time.Millisecond + time.Hour + (sent[1]-boot-400*time.Millisecond)/2}; !slices.Equal(got, want) {
			t.Errorf("SYNs after %v of the host, want %v", got, want)
		}
		s.Wait(j)
		stop()
		if !slices.Equal(machine(), sent) {
			t.Errorf("SYNs at %v, want %v", machine(), sent)
		}
	})
}

// TestPauseWhileHeld pauses a machine that a breakpoint holds.
func TestPauseWhileHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := realMachine(t, 1)
		defer s.Close()
		s.Spawn("replyhi", nil, replyhiProgram(t))
		s.Settle()
		s.SetHook(func(*Sym) bool { return true }, []*Sym{s.Lookup("tcp_v4_connect")}, false)
		for _, goOn := range []struct {
			name  string
			do    func()
			stops bool // still
		}{{"continue", s.Continue, false}, {"unpause", s.Unpause, true}} {
			j := s.Spawn("hello", nil, helloProgram(t))
			if o := s.Wait(j); o != Stopped {
				t.Fatalf("%s: hello is %v", goOn.name, o)
			}
			now := s.Now()
			s.Pause()
			time.Sleep(time.Hour)
			if s.Stopped() == nil || s.Now() != now {
				t.Errorf("%s: paused, it is stopped at %v, and it is %v, want %v", goOn.name, s.Stopped(), s.Now(), now)
			}
			goOn.do()
			if s.Paused() || (s.Stopped() != nil) != goOn.stops {
				t.Errorf("after %s: paused %v, stopped %v", goOn.name, s.Paused(), s.Stopped())
			}
			s.Continue()
			if o := s.Wait(j); o != Done || s.Now() != now {
				t.Errorf("%s: hello is %v at %v, want done at %v", goOn.name, o, s.Now(), now)
			}
		}
	})
}

// TestClockCloses closes machines that stand still while others wait for them:
// nobody is left behind, which the end of a bubble checks.
func TestClockCloses(t *testing.T) {
	for name, still := range map[string]func(s *Stack){
		"paused":    (*Stack).Pause,
		"infinite":  func(s *Stack) { s.SetSpeed(math.Inf(1)) },
		"held":      holdAtConnect,
		"at event":  func(s *Stack) { <-s.RunToEvent(func(ev *Event) bool { return ev.Name == "inet_sock_set_state" }) },
		"searching": func(s *Stack) { s.Pause(); s.RunToEvent(func(*Event) bool { return false }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := realMachine(t, 1)
				s.Spawn("syn", nil, connectNobody)
				forever := s.Spawn("server", nil, func(p *Proc) int {
					p.Accept(listenTCP(p, at(6000), 1))
					return 0
				})
				still(s)
				ends := make(chan any, 10)
				wait := func(f func() any) { go func() { ends <- f() }() }
				wait(func() any { return s.Wait(forever) })
				wait(func() any { return s.Advance(365 * 24 * time.Hour) })
				wait(func() any { return s.Await(context.Background(), func(stop *Stop, _ bool) bool { return stop != nil }) })
				synctest.Wait()
				if name != "infinite" {
					wait(func() any { return s.IfDown("lo") })
				}
				s.Close()
				s.Close()
				n := 3
				if name != "infinite" {
					n++
				}
				for range n {
					<-ends
				}
				if err := s.IfUp("lo"); err != net.ErrClosed {
					t.Errorf("a closed machine says %v", err)
				}
				if found := <-s.RunToEvent(func(*Event) bool { return true }); found {
					t.Error("a closed machine found an event")
				}
			})
		})
	}
}

func holdAtConnect(s *Stack) {
	s.SetHook(func(*Sym) bool { return true }, []*Sym{s.Lookup("tcp_v4_connect")}, false)
	s.Wait(s.Spawn("syn", nil, connectNobody))
}

// TestClockIdleCatchesUp holds that what begins on a machine that has been idle
// begins now, not when it became idle.
func TestClockIdleCatchesUp(t *testing.T) {
	v := virtualMachine(t)
	defer v.Close()
	w := v.Watch(100, "net_dev_queue")
	v.Advance(100 * time.Second)
	v.Spawn("syn", nil, connectNobody)
	v.Advance(3100 * time.Millisecond)
	events, _ := w.Next()
	synctest.Test(t, func(t *testing.T) {
		s, began := realMachine(t, 1)
		defer s.Close()
		machine, host, stop := hostTimes(s, began)
		time.Sleep(100 * time.Second)
		s.Spawn("syn", nil, connectNobody)
		time.Sleep(3100 * time.Millisecond)
		stop()
		var want []time.Duration
		for _, ev := range events {
			want = append(want, ev.Time)
		}
		if got := machine(); !slices.Equal(got, want) || len(got) != 3 {
			t.Errorf("SYNs at %v, want 3 at %v", got, want)
		}
		for i, h := range host() {
			if h != machine()[i]-boot {
				t.Errorf("SYN %d after %v of the host, want %v", i, h, machine()[i]-boot)
			}
		}
	})
}

// TestVirtualClockHasNoSpeed: what the clock of the host is asked for does
// nothing on a virtual one.
func TestVirtualClockHasNoSpeed(t *testing.T) {
	s := virtualMachine(t)
	defer s.Close()
	s.SetSpeed(0.001)
	s.Pause()
	if !math.IsInf(s.Speed(), 1) || s.Paused() {
		t.Errorf("speed %v, paused %v", s.Speed(), s.Paused())
	}
	if o := s.Wait(s.Spawn("sleep", nil, sleeper(time.Hour))); o != Done || s.Now() != boot+time.Hour {
		t.Errorf("sleep is %v at %v", o, s.Now())
	}
	s.Unpause()
}

// TestClockNeverIdle has two programs that always have something to do: who
// waits for another is not kept by them.
func TestClockNeverIdle(t *testing.T) {
	for _, speed := range []float64{1, math.Inf(1)} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := realMachine(t, speed)
			defer s.Close()
			startEcho(s, benchAddr)
			s.Spawn("client", nil, func(p *Proc) int {
				fd := connectTCP(p, benchAddr)
				for b := []byte{1}; ; {
					sendAll(p, fd, b)
					if _, err := p.Recv(fd, b, 0); err != nil {
						return 1
					}
				}
			})
			j := s.Spawn("other", nil, sleeper(0))
			if o := s.Wait(j); o != Done || !j.Done() {
				t.Errorf("speed %v: the other program is %v", speed, o)
			}
			if o := s.Settle(); o != Done {
				t.Errorf("speed %v: what is due is %v", speed, o)
			}
			s.Pause()
			synctest.Wait()
		})
	}
}
