package stack

import (
	"errors"
	"math"
	"testing"
	"time"

	"menuos/stack/internal/core"
)

// TestFqFairness queues the datagrams of one socket before those of another,
// with tbf as the bottleneck and fq in it: they take turns all the same.
func TestFqFairness(t *testing.T) {
	s := qdiscMachine(t, "tbf", &TbfOptions{Rate: 125000, Burst: 1250, Limit: 1 << 20})
	root := loQdisc(t, s, "tbf").Handle
	setQdisc(t, s, QdiscRequest{Parent: root | 1, Kind: "fq", Create: true, Excl: true,
		Options: &FqOptions{Quantum: new(uint32(1250)), InitialQuantum: new(uint32(1250))}})
	w := s.Watch(1000, "netif_rx")
	var jobs []*Job
	for range 2 {
		jobs = append(jobs, s.Spawn("out", nil, func(p *Proc) int { return datagrams(t, p, 20, wireSize(1250), 0, new(time.Duration)) }))
	}
	for _, j := range jobs {
		s.Wait(j)
	}
	s.Advance(time.Minute)
	evs, _ := w.Next()
	var order []uint16
	for i := range evs {
		if b := evs[i].Packet; len(b) > 24 && b[9] == 17 {
			order = append(order, uint16(b[20])<<8|uint16(b[21]))
		}
	}
	if len(order) != 40 {
		t.Fatalf("%d datagrams came, want 40", len(order))
	}
	// The first two are of the first socket: one is sent at once, one lies in
	// tbf's hands when the second socket begins.
	for i := 3; i < 38; i++ {
		if order[i] == order[i-1] {
			t.Errorf("number %d is of the same socket as the one before: %v", i, order)
			break
		}
	}
}

func TestFqPacing(t *testing.T) {
	s := qdiscMachine(t, "fq", &FqOptions{Quantum: new(uint32(1250)), InitialQuantum: new(uint32(1250)), MaxRate: new(uint32(125000))})
	for i, a := range cross(t, s, 50, wireSize(1250), 0) {
		if want := time.Duration(i) * 10 * time.Millisecond; a.at != want {
			t.Errorf("datagram %d came at %v, want %v", a.seq, a.at, want)
		}
	}
	if st := loQdisc(t, s, "fq").Own.(*FqStats); st.Throttled != 49 || st.Flows != 1 || st.ThrottledFlows != 0 {
		t.Errorf("%+v", st)
	}
}

// TestFqPacesTcp holds that fq takes the pacing of a connection over from TCP's
// own timer, and that its rate is that of the socket.
func TestFqPacesTcp(t *testing.T) {
	const size, rate = 2 << 20, 1 << 20
	for _, kind := range []string{"fq", "pfifo"} {
		s := qdiscMachine(t, kind, nil)
		if err := s.SetMTU("lo", 1500); err != nil {
			t.Fatal(err)
		}
		took, status := bulk(t, s, size, func(p *Proc, fd int) error {
			return p.SetsockoptInt(fd, SOL_SOCKET, core.SoMaxPacingRate, rate)
		})
		within(t, kind+": seconds", took.Seconds(), size/rate, 0.1)
		want := uint8(core.SkPacingNeeded)
		if kind == "fq" {
			want = core.SkPacingFq
		}
		if status != want {
			t.Errorf("%s: pacing status %d, want %d", kind, status, want)
		}
	}
}

// bulk sends size bytes over a TCP connection and checks each; it tells how long
// that took, and how the sender was paced.
func bulk(t *testing.T, s *Stack, size int, tune func(p *Proc, fd int) error) (took time.Duration, pacing uint8) {
	t.Helper()
	got := 0
	in := s.Spawn("in", nil, func(p *Proc) int {
		l, err := p.Socket(AF_INET, SOCK_STREAM, 0)
		err = errors.Join(err, p.Bind(l, at(5001)), p.Listen(l, 8))
		c, _, err2 := p.Accept(l)
		err = errors.Join(err, err2)
		buf := make([]byte, 1<<16)
		for err == nil {
			var n int
			if n, err = p.Recv(c, buf, 0); n == 0 {
				break
			}
			for i, b := range buf[:n] {
				if b != byte((got+i)%251) {
					t.Errorf("byte %d is %d", got+i, b)
					return 1
				}
			}
			got += n
		}
		if err != nil {
			t.Error(err)
		}
		return 0
	})
	s.Settle()
	out := s.Spawn("out", nil, func(p *Proc) int {
		fd, err := p.Socket(AF_INET, SOCK_STREAM, 0)
		if tune != nil {
			err = errors.Join(err, tune(p, fd))
		}
		err = errors.Join(err, p.Connect(fd, at(5001)))
		buf := make([]byte, 30000)
		for sent := 0; sent < size && err == nil; {
			b := buf[:min(len(buf), size-sent)]
			for i := range b {
				b[i] = byte((sent + i) % 251)
			}
			var n int
			n, err = p.Send(fd, b, 0)
			sent += n
		}
		s.n.ForEachSock(func(sk *core.SockCommon) {
			if sk.Full != nil && sk.SkDport == 5001 {
				pacing = max(pacing, sk.Full.SkPacingStatus)
			}
		})
		if err != nil {
			t.Error(err)
		}
		return 0
	})
	began := s.n.Now()
	s.Wait(out)
	s.Wait(in)
	took = s.n.Now() - began
	if got != size {
		t.Errorf("%d bytes came, want %d", got, size)
	}
	return took, pacing
}

// TestTcpOverBadLines sends over all that netem can do; what arrives is whole,
// and nothing is left in the queue.
func TestTcpOverBadLines(t *testing.T) {
	const ms = time.Millisecond
	for name, opt := range map[string]NetemOptions{
		"loss, delay and reordering": {Loss: percent(2), Latency: 20 * ms, Gap: 1, Reorder: &NetemProbability{Probability: percent(25), Correlation: percent(50)}},
		"jitter and duplicates":      {Latency: 20 * ms, Jitter: 15 * ms, Duplicate: percent(5)},
		"corruption":                 {Latency: ms, Corrupt: &NetemProbability{Probability: percent(3)}},
		"a slow line, a short queue": {Latency: 5 * ms, Rate: &NetemRate{Rate: 1250000}, Limit: 30},
	} {
		for _, mtu := range []int{1500, 65536} {
			t.Run(name+" "+map[bool]string{true: "large", false: "small"}[mtu > 1500], func(t *testing.T) {
				o := opt
				if o.Limit == 0 {
					o.Limit = 1000
				}
				s := qdiscMachine(t, "netem", &o)
				if err := s.SetMTU("lo", mtu); err != nil {
					t.Fatal(err)
				}
				bulk(t, s, 1<<20, nil)
				s.Advance(5 * time.Minute)
				q := loQdisc(t, s, "netem")
				if q.Qlen != 0 || q.Backlog != 0 {
					t.Errorf("left in the queue: %+v", q)
				}
				if p := s.n.PoolUse(); p.Skbs != 0 || p.Fclones != 0 {
					t.Errorf("left of the packets: %+v", p)
				}
			})
		}
	}
}

// TestEcnInPlaceOfLoss holds that netem marks what it may, and drops the rest.
func TestEcnInPlaceOfLoss(t *testing.T) {
	s := qdiscMachine(t, "netem", &NetemOptions{Limit: 1000, Latency: time.Millisecond, Loss: percent(10), Ecn: true})
	if err := s.SysctlSet("net.ipv4.tcp_ecn", "1"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetMTU("lo", 1500); err != nil {
		t.Fatal(err)
	}
	bulk(t, s, 1<<20, nil)
	if n := s.n.Mib[core.MibTcpExtTCPDeliveredCE]; n == 0 {
		t.Error("no segment was delivered with a mark")
	}
	if n := s.n.Mib[core.MibIpExtInCEPkts]; n == 0 {
		t.Error("no packet came with a mark")
	}
}

// TestQueueChangesUnderway makes changes while packets wait.
func TestQueueChangesUnderway(t *testing.T) {
	slow := &NetemOptions{Limit: 1000, Latency: time.Second}
	for _, tt := range []struct {
		name   string
		change func(s *Stack) error
		comes  int
	}{
		{"change", func(s *Stack) error {
			return s.ModifyQdisc(QdiscRequest{Dev: "lo", Parent: QdiscRoot, Kind: "netem", Options: &NetemOptions{Limit: 1000}})
		}, 50},
		{"replace by the same", func(s *Stack) error {
			return s.ModifyQdisc(QdiscRequest{Dev: "lo", Parent: QdiscRoot, Kind: "netem", Options: &NetemOptions{Limit: 1000}, Create: true, Replace: true})
		}, 50},
		{"replace by another", func(s *Stack) error {
			return s.ModifyQdisc(QdiscRequest{Dev: "lo", Parent: QdiscRoot, Kind: "pfifo", Create: true, Replace: true})
		}, 0},
		{"del", func(s *Stack) error { return s.DeleteQdisc(QdiscRequest{Dev: "lo", Parent: QdiscRoot}) }, 0},
		{"link down and up", func(s *Stack) error { return errors.Join(s.IfDown("lo"), s.IfUp("lo")) }, 0},
		{"a queue inside", func(s *Stack) error {
			return s.ModifyQdisc(QdiscRequest{Dev: "lo", Parent: 1<<16 | 1, Kind: "tbf", Create: true,
				Options: &TbfOptions{Rate: math.MaxUint32, Burst: 1 << 20, Limit: 1 << 20}})
		}, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := qdiscMachine(t, "pfifo", nil)
			setQdisc(t, s, QdiscRequest{Parent: QdiscRoot, Handle: 1 << 16, Kind: "netem", Options: slow, Create: true, Replace: true})
			w := s.Watch(1000, "netif_rx")
			j := s.Spawn("out", nil, func(p *Proc) int { return datagrams(t, p, 50, 100, 0, new(time.Duration)) })
			s.Wait(j)
			if q := loQdisc(t, s, "netem"); q.Qlen != 50 || q.Backlog != 50*142 {
				t.Fatalf("50 wait: %+v", q)
			}
			if err := tt.change(s); err != nil {
				t.Fatal(err)
			}
			s.Advance(time.Minute)
			evs, _ := w.Next()
			came := 0
			for i := range evs {
				if b := evs[i].Packet; len(b) > 9 && b[9] == 17 {
					came++
				}
			}
			if came != tt.comes {
				t.Errorf("%d came, want %d", came, tt.comes)
			}
			for _, q := range s.Qdiscs() {
				if q.Qlen != 0 || q.Backlog != 0 {
					t.Errorf("%+v", q)
				}
			}
			if p := s.n.PoolUse(); p.Skbs != 0 || p.Fclones != 0 {
				t.Errorf("left of the packets: %+v", p)
			}
		})
	}
}

// TestQdiscErrors holds the kernel's answers to what cannot be.
func TestQdiscErrors(t *testing.T) {
	s := qdiscMachine(t, "netem", &NetemOptions{Limit: 1000})
	h := loQdisc(t, s, "netem").Handle
	for _, tt := range []struct {
		call func(QdiscRequest) error
		r    QdiscRequest
		want string
		as   Errno
	}{
		{s.ModifyQdisc, QdiscRequest{Parent: QdiscRoot, Kind: "pfifo", Create: true, Excl: true}, "Exclusivity flag on, cannot modify", EEXIST},
		{s.ModifyQdisc, QdiscRequest{Parent: QdiscRoot, Handle: 1 << 16, Kind: "pfifo", Create: true, Excl: true}, "NLM_F_REPLACE needed to override", EEXIST},
		{s.ModifyQdisc, QdiscRequest{Parent: QdiscRoot, Kind: "pfifo"}, "Invalid qdisc name", EINVAL},
		{s.ModifyQdisc, QdiscRequest{Parent: 5<<16 | 1, Kind: "pfifo", Create: true}, "Failed to find specified qdisc", ENOENT},
		{s.ModifyQdisc, QdiscRequest{Kind: "pfifo", Create: true}, "Handle cannot be zero", EINVAL},
		{s.ModifyQdisc, QdiscRequest{Parent: QdiscRoot, Kind: "sfq", Create: true, Replace: true}, "Specified qdisc not found", ENOENT},
		{s.ModifyQdisc, QdiscRequest{Parent: QdiscRoot, Handle: 1<<16 | 1, Kind: "netem", Create: true, Replace: true}, "Invalid minor handle", EINVAL},
		{s.ModifyQdisc, QdiscRequest{Parent: h | 1, Handle: h, Kind: "netem", Create: true, Replace: true}, "Qdisc parent/child loop detected", ELOOP},
		{s.ModifyQdisc, QdiscRequest{Parent: h | 1, Kind: "pfifo"}, "Qdisc not found. To create specify NLM_F_CREATE flag", ENOENT},
		{s.ModifyQdisc, QdiscRequest{Parent: QdiscRoot, Kind: "netem", Create: true, Replace: true, Handle: 9 << 16}, "Invalid argument", EINVAL},
		{s.DeleteQdisc, QdiscRequest{Parent: QdiscRoot, Handle: 1 << 16}, "Invalid handle", EINVAL},
		{s.DeleteQdisc, QdiscRequest{Handle: 1 << 16}, "Failed to find qdisc with specified handle", ENOENT},
		{s.DeleteQdisc, QdiscRequest{Handle: h}, "Classid cannot be zero", EINVAL},
		{s.DeleteQdisc, QdiscRequest{Parent: QdiscRoot}, "", 0},
		{s.DeleteQdisc, QdiscRequest{Parent: QdiscRoot}, "Cannot delete qdisc with handle of zero", ENOENT},
	} {
		tt.r.Dev = "lo"
		err := tt.call(tt.r)
		if tt.want == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != tt.want || !errors.Is(err, tt.as) {
			t.Errorf("%+v: %v, want %q (%v)", tt.r, err, tt.want, tt.as)
		}
	}
	if q := loQdisc(t, s, "noqueue"); q.Parent != QdiscRoot || q.Refs != 2 {
		t.Errorf("%+v", q)
	}
}
