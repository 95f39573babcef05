package stack

import (
	"sync"
	"testing"
	"time"
)

// watchRun runs replyhi and n hellos while others look on, until it is done.
func watchRun(t *testing.T, s *Stack, n int) {
	t.Helper()
	s.Spawn("replyhi", nil, replyhiProgram(t))
	s.Advance(time.Second)
	for range n {
		if o := s.Wait(s.Exec("hello", nil, helloProgram(t))); o != Done {
			t.Errorf("hello is %v", o)
		}
	}
}

// TestObserve reads snapshots and events in other goroutines while a traced
// hello runs.
func TestObserve(t *testing.T) {
	s := New(Config{Seed: 1})
	defer s.Close()
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	w := s.Watch(1 << 16)
	defer w.Close()
	entries := 0
	s.SetHook(func(sym *Sym) bool {
		entries++
		s.CallChain()
		return false
	}, []*Sym{s.Lookup("tcp_v4_rcv"), s.Lookup("tcp_set_state")}, false)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	var events []Event
	var lost uint64
	states := make(map[string]bool)
	timers := make(map[string]bool)
	queued, snaps := 0, 0
	var last time.Duration
	wg.Go(func() {
		for {
			snap := s.Snapshot()
			snaps++
			if snap.Time < last {
				t.Errorf("time went back from %v to %v", last, snap.Time)
			}
			last = snap.Time
			for _, sk := range snap.Socks {
				states[sk.State] = true
				queued += len(sk.Rtx) + len(sk.Write) + len(sk.Receive) + len(sk.Backlog) + len(sk.Accept)
				if sk.Timer != nil {
					timers[sk.Timer.Kind] = true
				}
			}
			for _, tm := range snap.Timers {
				timers[tm.Kind] = true
				if tm.Runs == "" || tm.Expires < tm.Armed {
					t.Errorf("a timer without sense: %+v", tm)
				}
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	wg.Go(func() {
		for done := false; !done; {
			select {
			case <-stop:
				done = true
			default:
			}
			evs, n := w.Next()
			events = append(events, evs...)
			lost += n
			for i := range evs {
				if len(s.Frames(&evs[i])) == 0 && evs[i].Context == "softirq" {
					t.Errorf("event %s has no stack", evs[i].Name)
				}
			}
		}
	})
	watchRun(t, s, 50)
	close(stop)
	wg.Wait()

	if lost != 0 {
		t.Errorf("%d events lost", lost)
	}
	names := make(map[string]int)
	for i, ev := range events {
		names[ev.Name]++
		if i > 0 && ev.Seq != events[i-1].Seq+1 {
			t.Fatalf("event %d follows %d", ev.Seq, events[i-1].Seq)
		}
	}
	if names["net_dev_queue"] != 500 || names["netif_rx"] != 500 {
		t.Errorf("%d segments sent, %d received, want 500", names["net_dev_queue"], names["netif_rx"])
	}
	if names["inet_sock_set_state"] == 0 || names["timer_start"] == 0 {
		t.Errorf("events: %v", names)
	}
	if !states["LISTEN"] || !timers["timewait"] {
		t.Errorf("states seen: %v, timers: %v", states, timers)
	}
	if snaps < 2 || entries == 0 {
		t.Errorf("%d snapshots, %d entries", snaps, entries)
	}
	t.Logf("%d snapshots, %d queued packets in them, %d events; states %v, timers %v", snaps, queued, len(events), states, timers)
}

// TestObserveSteps stops a hello at each entry of a few functions and reads the
// sockets as they are there: their queues, timers and the stack.
func TestObserveSteps(t *testing.T) {
	s := New(Config{Seed: 1})
	defer s.Close()
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	s.Spawn("replyhi", nil, replyhiProgram(t))
	s.Advance(time.Second)
	s.SetHook(func(*Sym) bool { return true }, []*Sym{s.Lookup("tcp_v4_do_rcv"), s.Lookup("tcp_add_backlog"),
		s.Lookup("tcp_set_state"), s.Lookup("tcp_recvmsg"), s.Lookup("__release_sock"), s.Lookup("tcp_ack")}, false)
	j := s.Exec("hello", nil, helloProgram(t))
	seen := make(map[string]bool)
	stops := 0
	for s.Wait(j) == Stopped {
		stops++
		snap := s.Snapshot()
		if snap.Stopped == nil || len(snap.Stopped.Frames) == 0 || snap.Stopped.Frames[0].Func != snap.Stopped.Sym.Name {
			t.Fatalf("stop %d: %+v", stops, snap.Stopped)
		}
		for _, sk := range snap.Socks {
			seen[sk.State] = true
			if sk.Owned {
				seen["owned"] = true
			}
			for name, n := range map[string]int{"rtx": len(sk.Rtx), "receive": len(sk.Receive), "backlog": len(sk.Backlog),
				"accept": len(sk.Accept), "syn": len(sk.SynQueue)} {
				if n > 0 {
					seen[name] = true
				}
			}
		}
		for _, tm := range snap.Timers {
			seen["timer "+tm.Kind] = true
		}
		if stops > 1000 {
			t.Fatal("no end")
		}
		s.Continue()
	}
	if !j.Done() {
		t.Error("hello is not done")
	}
	for _, want := range []string{"LISTEN", "SYN-SENT", "SYN-RECV", "ESTAB", "FIN-WAIT-1", "CLOSE-WAIT", "LAST-ACK", "TIME-WAIT",
		"owned", "rtx", "receive", "backlog", "timer retransmit"} {
		if !seen[want] {
			t.Errorf("no stop showed %s", want)
		}
	}
	t.Logf("%d stops: %v", stops, seen)
}

// TestObserveSlowly gives a watcher little room and no attention: it loses
// events and is told how many, and the machine is none the slower.
func TestObserveSlowly(t *testing.T) {
	run := func(size int) (events []Event, lost uint64, end time.Duration) {
		s := New(Config{Seed: 1})
		defer s.Close()
		if err := s.Boot(); err != nil {
			t.Fatal(err)
		}
		w := s.Watch(size)
		defer w.Close()
		watchRun(t, s, 2)
		events, lost = w.Next()
		return events, lost, s.Now()
	}
	all, lost, end := run(1 << 16)
	if lost != 0 {
		t.Fatalf("%d lost with room for all", lost)
	}
	few, lost, slowEnd := run(10)
	if len(few) != 10 || lost != uint64(len(all)-10) {
		t.Errorf("%d events and %d lost, want 10 and %d", len(few), lost, len(all)-10)
	}
	if few[9].Seq != all[len(all)-1].Seq || end != slowEnd {
		t.Errorf("the last is %d at %v, want %d at %v", few[9].Seq, slowEnd, all[len(all)-1].Seq, end)
	}
}
