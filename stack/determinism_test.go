package stack

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"strings"
	"testing"
	"time"

	"menuos/stack/wire"
)

// runLog runs a hello, a transfer that loses segments and a refused connect,
// and writes all that can be observed: events with packets and stacks.
func runLog(t *testing.T, seed uint64, out io.Writer) (story string, syn segment) {
	t.Helper()
	s := New(Config{Seed: seed})
	defer s.Close()
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	w := s.Watch(1 << 14)
	s.Spawn("replyhi", nil, replyhiProgram(t))
	s.Advance(time.Second)
	s.Wait(s.Exec("hello", nil, helloProgram(t)))
	s.Wait(s.Exec("refused", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		wantErrno(t, "connect", p.Connect(fd, at(5999)), ECONNREFUSED)
		return 0
	}))
	s.Wait(s.Exec("udp", nil, udpProgram(t)))
	s.Advance(2 * time.Minute)
	evs, lost := w.Next()
	if lost != 0 {
		t.Fatalf("%d events lost", lost)
	}
	var b strings.Builder
	for i := range evs {
		ev := &evs[i]
		fmt.Fprintln(out, ev.Time, ev.Seq, ev.Name, ev.Context, ev.Pid, ev.Comm, ev.Dev, ev.SkbID, ev.SkbAddr, ev.SkbLen, ev.Protocol,
			ev.Sock, ev.OldState, ev.NewState, ev.Reason, ev.Timer, ev.Runs, ev.Expires)
		fmt.Fprintf(out, "%x\n", ev.Packet)
		io.WriteString(out, chainString(s.Frames(ev)))
		if ev.Name == "net_dev_queue" {
			if seg, ok := segmentOf(ev.Packet); ok {
				if seg.flags == wire.SYN && syn.seq == 0 {
					syn = seg
				}
				fmt.Fprintln(&b, ev.Time, seg.dst == 5001, seg.flags, seg.len, seg.win)
			}
		}
	}
	return b.String(), syn
}

func seeds(t *testing.T) uint64 {
	if testing.Short() {
		return 10
	}
	return 100
}

// TestDeterminism runs each seed twice: all that can be observed is the same.
func TestDeterminism(t *testing.T) {
	digest := func(seed uint64) (string, string, segment) {
		var h hash.Hash = sha256.New()
		story, syn := runLog(t, seed, h)
		return fmt.Sprintf("%x", h.Sum(nil)), story, syn
	}
	numbers := make(map[uint32]uint64)
	ports := make(map[uint16]bool)
	first := ""
	for seed := range seeds(t) {
		a, story, syn := digest(seed)
		b, _, _ := digest(seed)
		if a != b {
			t.Errorf("seed %d: two runs differ", seed)
			var x, y strings.Builder
			runLog(t, seed, &x)
			runLog(t, seed, &y)
			la, lb := strings.Split(x.String(), "\n"), strings.Split(y.String(), "\n")
			for i := range min(len(la), len(lb)) {
				if la[i] != lb[i] {
					t.Fatalf("line %d:\n%s\n%s", i, la[i], lb[i])
				}
			}
		}
		if other, ok := numbers[syn.seq]; ok {
			t.Errorf("seeds %d and %d begin with the same sequence number", seed, other)
		}
		numbers[syn.seq] = seed
		ports[syn.src] = true
		if first == "" {
			first = story
		} else if story != first {
			t.Errorf("seed %d tells another story:\n%s\nseed 0:\n%s", seed, story, first)
		}
	}
	if len(ports) < 3 {
		t.Errorf("the client always has one of %d ports", len(ports))
	}
}
