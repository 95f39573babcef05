package stack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// callLog notes what a tracer hears.
type callLog struct{ lines []string }

func (l *callLog) event(ev *CallEvent) {
	what := map[CallKind]string{CallEnter: "enter " + ev.Name, CallExit: fmt.Sprintf("exit %s %d", ev.Name, ev.Ret),
		CallSignal: fmt.Sprintf("signal %d", ev.Signal), CallEnded: fmt.Sprintf("ended %d by %d", ev.Code, ev.Signal)}[ev.Kind]
	l.lines = append(l.lines, fmt.Sprintf("%s %s", ev.Comm, what))
}

// TestTraceCalls follows a parent and its child through every kind of call.
func TestTraceCalls(t *testing.T) {
	for _, follow := range []bool{false, true} {
		s := New(Config{Seed: 1})
		var log callLog
		tr := &CallTracer{Event: log.event, Follow: follow}
		j := s.Spawn("parent", nil, func(p *Proc) int {
			p.TraceCalls(tr)
			fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
			p.SetNonblock(fd, true)
			p.Recv(fd, make([]byte, 1), 0)
			p.Fork("child", func(c *Proc) int {
				c.Sleep(time.Second)
				return 3
			})
			p.Close(fd)
			return 2
		})
		s.Wait(j)
		s.Advance(2 * time.Second)
		s.Close()
		want := []string{"parent enter socket", "parent exit socket 3", "parent enter fcntl64", "parent exit fcntl64 0", "parent enter recv", "parent exit recv -11",
			"parent enter fork", "parent exit fork 3", "parent enter close", "parent exit close 0", "parent ended 2 by 0"}
		if follow {
			want = append(want, "child enter nanosleep", "child exit nanosleep 0", "child ended 3 by 0")
		}
		if !slices.Equal(log.lines, want) {
			t.Errorf("follow %v:\n%s\nwant\n%s", follow, strings.Join(log.lines, "\n"), strings.Join(want, "\n"))
		}
		if n := tr.Live(); n != 0 {
			t.Errorf("%d processes are still traced", n)
		}
	}
}

// TestTraceCallsAttach traces a process that sleeps in a call, and a signal.
func TestTraceCallsAttach(t *testing.T) {
	s := New(Config{Seed: 1})
	defer s.Close()
	j := s.Spawn("server", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		p.Bind(fd, netip.MustParseAddrPort("0.0.0.0:9"))
		p.Recv(fd, make([]byte, 1), 0)
		return 0
	})
	s.Settle()
	var log callLog
	tr := &CallTracer{Event: log.event}
	if err := s.TraceCalls(j.Pid(), tr); err != nil {
		t.Fatal(err)
	}
	if err := s.TraceCalls(j.Pid(), &CallTracer{}); !errors.Is(err, EPERM) {
		t.Errorf("a second tracer: %v, want EPERM", err)
	}
	if err := s.TraceCalls(4711, tr); !errors.Is(err, ESRCH) {
		t.Errorf("no such process: %v, want ESRCH", err)
	}
	ended := false
	waiter := s.Spawn("waiter", nil, func(p *Proc) int {
		ended = tr.Wait(p)
		return 0
	})
	s.Settle()
	if waiter.Done() {
		t.Error("Wait returns while the process lives")
	}
	s.Kill(j.Pid(), SIGTERM)
	s.Wait(waiter)
	want := []string{"server exit recv -512", "server signal 15", "server ended 143 by 15"}
	if !slices.Equal(log.lines, want) || !ended {
		t.Errorf("%v, ended %v; want %v", log.lines, ended, want)
	}
}

// TestUntraceCalls: after it nothing is heard.
func TestUntraceCalls(t *testing.T) {
	s := New(Config{Seed: 1})
	defer s.Close()
	j := s.Spawn("sleeper", nil, func(p *Proc) int {
		p.Sleep(time.Second)
		p.Sleep(time.Second)
		return 0
	})
	s.Settle()
	var log callLog
	tr := &CallTracer{Event: log.event}
	if err := s.TraceCalls(j.Pid(), tr); err != nil {
		t.Fatal(err)
	}
	s.Advance(1500 * time.Millisecond)
	s.UntraceCalls(tr)
	s.Wait(j)
	if want := []string{"sleeper enter nanosleep"}; !slices.Equal(log.lines, want) || tr.Live() != 0 {
		t.Errorf("%v, %d traced; want %v", log.lines, tr.Live(), want)
	}
}

// TestCapture: what leaves and comes is seen once, through a filter, cut to the
// length asked for; what there is no room for is counted.
func TestCapture(t *testing.T) {
	s := New(Config{Seed: 1})
	defer s.Close()
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	const packets = 3000
	var received, dropped uint64
	var frames []CapturedFrame
	j := s.Spawn("sniffer", nil, func(p *Proc) int {
		c, err := p.OpenCapture("lo", 100, func(f *CapturedFrame) bool { return f.Len > 1000 })
		if err != nil {
			return 1
		}
		defer c.Close()
		p.Sleep(time.Second) // slow, while the other floods
		received, dropped = c.Stats()
		for range 2 {
			f, _ := c.Next()
			frames = append(frames, f)
		}
		if _, err := p.OpenCapture("eth7", 0, nil); err != ENODEV {
			return 2
		}
		return 0
	})
	s.Settle()
	s.Spawn("flood", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		sink, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		p.Bind(sink, netip.MustParseAddrPort("127.0.0.1:9"))
		for range packets {
			p.Sendto(fd, make([]byte, 1100), 0, netip.MustParseAddrPort("127.0.0.1:9"))
			p.Sendto(fd, make([]byte, 10), 0, netip.MustParseAddrPort("127.0.0.1:9"))
		}
		return 0
	})
	s.Wait(j)
	if j.ExitCode() != 0 || received != packets || dropped != 0 || len(frames) != 2 {
		t.Fatalf("exit %d, %d received, %d dropped, %d frames; want 0, %d, 0, 2", j.ExitCode(), received, dropped, len(frames), packets)
	}
	for _, f := range frames {
		if f.Dev != "lo" || f.Outgoing || f.Type != ARPHRD_LOOPBACK || f.Len != 14+20+8+1100 || len(f.Data) != 100 || f.Data[14]>>4 != 4 {
			t.Errorf("%+v", f)
		}
	}
}

// TestCaptureFull: a program that does not read loses packets, and is told.
func TestCaptureFull(t *testing.T) {
	s := New(Config{Seed: 1})
	defer s.Close()
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	var received, dropped uint64
	s.Wait(s.Spawn("sniffer", nil, func(p *Proc) int {
		c, err := p.OpenCapture("", 0, nil)
		if err != nil {
			return 1
		}
		defer c.Close()
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		for range 200 {
			p.Sendto(fd, make([]byte, 30_000), 0, netip.MustParseAddrPort("127.0.0.1:9"))
		}
		received, dropped = c.Stats()
		return 0
	}))
	if received < 200 || dropped == 0 || dropped >= received || (received-dropped)*1000 > captureRoom {
		t.Errorf("%d received, %d dropped", received, dropped)
	}
}
