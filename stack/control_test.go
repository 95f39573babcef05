package stack

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func anyEvent(*Event) bool { return true }

func named(name string) func(*Event) bool {
	return func(ev *Event) bool { return ev.Name == name }
}

// eventText is all of an event that two runs can have in common.
func eventText(s *Stack, ev *Event) string {
	return fmt.Sprint(ev.Time, ev.Seq, ev.Name, ev.Context, ev.Pid, ev.Comm, ev.Dev, ev.SkbID, ev.SkbAddr, ev.SkbLen, ev.Protocol,
		ev.Sock, ev.OldState, ev.NewState, ev.Reason, ev.Timer, ev.Runs, ev.Expires, fmt.Sprintf("%x", ev.Packet), chainString(s.Frames(ev)))
}

// sameEvents compares two runs.
func sameEvents(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s: %d events, want %d; the first that is missing:\n%s", what, len(got), len(want), want[i])
		case i >= len(want):
			t.Fatalf("%s: %d events, want %d; the first that is too many:\n%s", what, len(got), len(want), got[i])
		case got[i] != want[i]:
			t.Fatalf("%s: event %d is\n%s\nwant\n%s", what, i, got[i], want[i])
		}
	}
}

// helloEvents are the events of replyhi and a hello, to the end of TIME_WAIT.
func helloEvents(t *testing.T) []string {
	t.Helper()
	s := virtualMachine(t)
	defer s.Close()
	w := s.Watch(1 << 14)
	server := s.Spawn("replyhi", nil, replyhiProgram(t))
	if o := s.Wait(server); o != Stuck {
		t.Fatalf("replyhi is %v", o)
	}
	if o := s.Wait(s.Exec("hello", nil, helloProgram(t))); o != Done {
		t.Fatalf("hello is %v", o)
	}
	if o := s.Wait(server); o != Stuck {
		t.Fatalf("replyhi is %v", o)
	}
	events, lost := w.Next()
	if lost != 0 || len(events) < 50 {
		t.Fatalf("%d events, %d lost", len(events), lost)
	}
	var all []string
	for i := range events {
		all = append(all, eventText(s, &events[i]))
	}
	return all
}

// TestRunToEventStepsThroughHello holds the machine at each event of a hello in
// turn: they are those of a run that nobody disturbs.
func TestRunToEventStepsThroughHello(t *testing.T) {
	want := helloEvents(t)
	step := func(t *testing.T, s *Stack) {
		w := s.Watch(1 << 14)
		var stops []string
		run := func() {
			for <-s.RunToEvent(anyEvent) {
				stop := s.Stopped()
				if stop == nil || stop.Event == nil {
					t.Fatalf("held at %+v", stop)
				}
				ev := stop.Event
				stops = append(stops, eventText(s, ev))
				snap := s.Snapshot()
				if snap.Time != ev.Time || stop.Time != ev.Time || snap.Stopped != stop {
					t.Errorf("%s at %v: the machine shows %v, the stop %v", ev.Name, ev.Time, snap.Time, stop.Time)
				}
				if stop.Sym == nil || stop.Sym != stop.Frames[0].Sym || chainString(stop.Frames) != chainString(s.Frames(ev)) {
					t.Errorf("%s: held in %v\n%s\nthe event's stack is\n%s", ev.Name, stop.Sym, chainString(stop.Frames), chainString(s.Frames(ev)))
				}
				if stop.Context != ev.Context || stop.Pid != ev.Pid || stop.Comm != ev.Comm {
					t.Errorf("%s: held in %s of %s/%d, want %s of %s/%d", ev.Name, stop.Context, stop.Comm, stop.Pid, ev.Context, ev.Comm, ev.Pid)
				}
			}
			if s.Stopped() != nil {
				t.Errorf("given up, and held at %+v", s.Stopped())
			}
		}
		s.Spawn("replyhi", nil, replyhiProgram(t))
		run()
		j := s.Exec("hello", nil, helloProgram(t))
		run()
		if !j.Done() || j.ExitCode() != 0 {
			t.Errorf("hello is done: %v, exit code %d", j.Done(), j.ExitCode())
		}
		sameEvents(t, "stops", stops, want)
		events, _ := w.Next()
		var seen []string
		for i := range events {
			seen = append(seen, eventText(s, &events[i]))
		}
		sameEvents(t, "the watcher", seen, want)
	}
	for _, speed := range []float64{1, 0.001, math.Inf(1)} {
		t.Run(fmt.Sprint(speed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, began := realMachine(t, speed)
				defer s.Close()
				s.Pause()
				step(t, s)
				if !s.Paused() || time.Since(began) != 0 {
					t.Errorf("paused %v after %v of the host", s.Paused(), time.Since(began))
				}
			})
		})
	}
	t.Run("virtual", func(t *testing.T) {
		s := virtualMachine(t)
		defer s.Close()
		step(t, s)
	})
}

// TestRunToEventWhileRunning lets a machine that runs go on to an event: time
// jumps to it, stands, and then goes on at the machine's speed.
func TestRunToEventWhileRunning(t *testing.T) {
	sent, end := synTimes(t)
	synctest.Test(t, func(t *testing.T) {
		s, began := realMachine(t, 2)
		defer s.Close()
		machine, host, stop := hostTimes(s, began)
		j := s.Spawn("syn", nil, connectNobody)
		time.Sleep(100 * time.Millisecond)
		waited := make(chan Outcome)
		go func() { waited <- s.Wait(j) }()
		expired := func(ev *Event) bool { return ev.Name == "timer_expire_entry" && ev.Timer == "retransmit" }
		if !<-s.RunToEvent(expired) {
			t.Fatal("no retransmission timer fires")
		}
		if o := <-waited; o != Stopped {
			t.Errorf("who waits meanwhile hears %v", o)
		}
		at := s.Stopped()
		if at.Time != sent[1] || at.Sym.Name != "call_timer_fn" || time.Since(began) != 100*time.Millisecond {
			t.Errorf("held in %s at %v after %v of the host, want call_timer_fn at %v", at.Sym.Name, at.Time, time.Since(began), sent[1])
		}
		time.Sleep(time.Hour)
		if s.Now() != sent[1] {
			t.Errorf("held, time goes from %v to %v", sent[1], s.Now())
		}
		s.Continue()
		if o := s.Wait(j); o != Done || s.Now() != end {
			t.Errorf("connect is %v at %v, want done at %v", o, s.Now(), end)
		}
		stop()
		if got := machine(); fmt.Sprint(got) != fmt.Sprint(sent) {
			t.Errorf("SYNs at %v, want %v", got, sent)
		}
		if got, want := host()[2], 100*time.Millisecond+time.Hour+(sent[2]-sent[1])/2; got != want {
			t.Errorf("the third SYN went out after %v of the host, want %v", got, want)
		}
	})
}

// TestRunToEventGivesUp: a search ends when nothing can happen any more, when
// the machine is paused, and when another one begins.
func TestRunToEventGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := realMachine(t, 1)
		defer s.Close()
		none := func(*Event) bool { return false }
		j := s.Spawn("sleep", nil, sleeper(time.Minute))
		if <-s.RunToEvent(none) || !j.Done() || s.Paused() || s.Stopped() != nil {
			t.Errorf("given up: the program is done: %v, paused %v, stopped %v", j.Done(), s.Paused(), s.Stopped())
		}
		now := s.Now()
		if now < boot+time.Minute {
			t.Errorf("it is %v", now)
		}
		time.Sleep(time.Second)
		if got := s.Now(); got != now+time.Second {
			t.Errorf("given up, time goes from %v to %v in a second", now, got)
		}

		// A program that never rests: the search would go on for ever.
		s.Spawn("clock", nil, func(p *Proc) int {
			for {
				p.Sleep(time.Second)
			}
		})
		found := s.RunToEvent(none)
		s.Pause()
		if <-found || !s.Paused() {
			t.Error("Pause did not end the search")
		}
		found = s.RunToEvent(none)
		other := s.RunToEvent(none)
		if <-found {
			t.Error("another search did not end the search")
		}
		now = s.Now()
		s.Pause()
		if <-other || s.Now() < now {
			t.Error("Pause did not end the other search")
		}
	})
}

// TestRunToEventMeetsBreakpoint: a breakpoint on the way holds the machine.
func TestRunToEventMeetsBreakpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := realMachine(t, 1)
		defer s.Close()
		s.Spawn("replyhi", nil, replyhiProgram(t))
		s.Settle()
		s.Pause()
		s.SetHook(func(*Sym) bool { return true }, []*Sym{s.Lookup("tcp_v4_rcv")}, false)
		j := s.Exec("hello", nil, helloProgram(t))
		if !<-s.RunToEvent(named("netif_receive_skb")) || s.Stopped().Event == nil || s.Stopped().Event.Name != "netif_receive_skb" {
			t.Fatalf("held at %+v", s.Stopped())
		}
		if !<-s.RunToEvent(named("netif_receive_skb")) || s.Stopped().Event != nil || s.Stopped().Sym.Name != "tcp_v4_rcv" {
			t.Fatalf("held at %+v, want the breakpoint", s.Stopped())
		}
		if a := s.Stopped().Frames[0].Args; len(a) != 1 || !a[0].Known {
			t.Errorf("arguments at the breakpoint: %+v", a)
		}
		if !<-s.RunToEvent(named("inet_sock_set_state")) {
			t.Error("no state changes")
		}
		// A breakpoint is armed, so the entries have recorded their arguments.
		known := 0
		for _, f := range s.Stopped().Frames {
			for _, a := range f.Args {
				if a.Known {
					known++
				}
			}
		}
		if known < 20 {
			t.Errorf("%d arguments are known at\n%s", known, chainString(s.Stopped().Frames))
		}
		s.SetHook(nil, nil, false)
		if !s.Paused() {
			t.Error("the machine is not paused any more")
		}
		s.Continue()
		if s.Paused() || s.Stopped() != nil {
			t.Errorf("continued: paused %v, held at %v", s.Paused(), s.Stopped())
		}
		if o := s.Wait(j); o != Done {
			t.Errorf("hello is %v", o)
		}
	})
}

// TestTimersHaveOwners holds that what happens to the timers of requests and
// TIME_WAIT remnants is told with the connection that they belong to.
func TestTimersHaveOwners(t *testing.T) {
	s := virtualMachine(t)
	defer s.Close()
	w := s.Watch(1<<14, "timer_start", "timer_cancel", "timer_expire_entry")
	s.Spawn("replyhi", nil, replyhiProgram(t))
	s.Settle()
	s.Wait(s.Exec("hello", nil, helloProgram(t)))
	var timewait []TimerInfo
	for _, tm := range s.Snapshot().Timers {
		if tm.Kind == "timewait" {
			timewait = append(timewait, tm)
		}
	}
	if len(timewait) != 1 || timewait[0].Sock == 0 || timewait[0].Armed == 0 {
		t.Errorf("timers in TIME_WAIT: %+v", timewait)
	}
	s.Advance(2 * time.Minute)
	events, _ := w.Next()
	seen := make(map[string]bool)
	for _, ev := range events {
		switch ev.Timer {
		case "reqsk", "timewait":
			seen[strings.TrimPrefix(ev.Name, "timer_")+" "+ev.Timer] = true
			if ev.Sock.Cookie == 0 || ev.Sock.Sport != 5001 && ev.Sock.Dport != 5001 {
				t.Errorf("%s of %s: the socket is %+v", ev.Name, ev.Timer, ev.Sock)
			}
		}
	}
	for _, want := range []string{"start reqsk", "cancel reqsk", "start timewait", "expire_entry timewait"} {
		if !seen[want] {
			t.Errorf("no %s among %v", want, seen)
		}
	}
}
