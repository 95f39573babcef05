package stack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"menuos/stack/internal/core"
)

// percent is a share of the largest uint32, as netem takes it.
func percent(p float64) uint32 { return uint32(math.Round(p / 100 * math.MaxUint32)) }

// qdiscMachine boots a machine and gives lo a root queue.
func qdiscMachine(t *testing.T, kind string, opt any) *Stack {
	t.Helper()
	s := New(Config{Seed: 7})
	t.Cleanup(s.Close)
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	setQdisc(t, s, QdiscRequest{Parent: QdiscRoot, Kind: kind, Options: opt, Create: true, Excl: true})
	return s
}

func setQdisc(t *testing.T, s *Stack, r QdiscRequest) {
	t.Helper()
	r.Dev = "lo"
	if err := s.ModifyQdisc(r); err != nil {
		t.Fatalf("%s: %v", r.Kind, err)
	}
}

// loQdisc is lo's root queue, or the first of the kind.
func loQdisc(t *testing.T, s *Stack, kind string) Qdisc {
	t.Helper()
	for _, q := range s.Qdiscs() {
		if q.Dev == "lo" && q.Kind == kind {
			return q
		}
	}
	t.Fatalf("lo has no %s: %+v", kind, s.Qdiscs())
	return Qdisc{}
}

// arrival is a datagram that came: which, and when, from when it was sent.
type arrival struct {
	seq int
	at  time.Duration // since the first was sent
	lat time.Duration
}

// cross sends count datagrams of size bytes over lo, gap apart, and lists those
// that arrive in the order in which they do.
func cross(t *testing.T, s *Stack, count, size int, gap time.Duration) []arrival {
	t.Helper()
	var out []arrival
	began, done := time.Duration(0), false
	in := s.Spawn("in", nil, func(p *Proc) int {
		fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
		if err == nil {
			err = p.SetsockoptInt(fd, SOL_SOCKET, core.SoRcvbufforce, 1<<26)
		}
		if err == nil {
			err = p.Bind(fd, at(9))
		}
		buf := make([]byte, 1<<16)
		for err == nil {
			var n int
			if n, err = p.Poll([]PollFd{{Fd: fd, Events: POLLIN}}, 20*time.Second); n == 0 && done {
				return 0
			}
			if n > 0 {
				_, err = p.Recv(fd, buf, MSG_DONTWAIT)
				seq, sent := binary.BigEndian.Uint32(buf), time.Duration(binary.BigEndian.Uint64(buf[4:]))
				if err == nil {
					out = append(out, arrival{int(seq), p.Now() - began, p.Now() - sent})
				} else if errors.Is(err, EAGAIN) {
					err = nil // it was spoilt
				}
			}
		}
		t.Errorf("receiver: %v", err)
		return 1
	})
	s.Settle()
	send := s.Spawn("out", nil, func(p *Proc) int { return datagrams(t, p, count, size, gap, &began) })
	s.Wait(send)
	done = true
	if o := s.Wait(in); o != Done {
		t.Fatalf("the receiver is %v", o)
	}
	return out
}

func datagrams(t *testing.T, p *Proc, count, size int, gap time.Duration, began *time.Duration) int {
	fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
	if err == nil {
		err = p.SetsockoptInt(fd, SOL_SOCKET, core.SoSndbufforce, 1<<26)
	}
	*began = p.Now()
	b := make([]byte, size)
	for seq := 0; seq < count && err == nil; seq++ {
		binary.BigEndian.PutUint32(b, uint32(seq))
		binary.BigEndian.PutUint64(b[4:], uint64(p.Now()))
		_, err = p.Sendto(fd, b, 0, at(9))
		if gap > 0 {
			p.Sleep(gap)
		}
		if errors.Is(err, ENOBUFS) {
			err = nil
		}
	}
	if err != nil {
		t.Errorf("sender: %v", err)
		return 1
	}
	return 0
}

// rtt is how long an echo of one ping takes.
func rtt(t *testing.T, s *Stack) time.Duration {
	t.Helper()
	var d time.Duration
	j := s.Exec("ping", nil, func(p *Proc) int {
		fd, err := p.Socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
		if err == nil {
			_, err = p.Sendto(fd, []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}, 0, netip.AddrPortFrom(at(0).Addr(), 0))
		}
		began := p.Now()
		buf := make([]byte, 100)
		for buf[20] = 8; err == nil && buf[20] == 8; {
			_, err = p.Recv(fd, buf, 0) // the request comes by, too
		}
		d = p.Now() - began
		if err != nil {
			t.Error(err)
		}
		return 0
	})
	if o := s.Wait(j); o != Done {
		t.Fatalf("ping is %v", o)
	}
	return d
}

func TestNetemDelayIsExact(t *testing.T) {
	s := qdiscMachine(t, "netem", &NetemOptions{Limit: 1000, Latency: 100 * time.Millisecond})
	if d := rtt(t, s); d != 200*time.Millisecond {
		t.Errorf("rtt %v, want 200ms", d)
	}
	for _, a := range cross(t, s, 20, 100, 3*time.Millisecond) {
		if a.lat != 100*time.Millisecond {
			t.Errorf("datagram %d took %v", a.seq, a.lat)
		}
	}
}

// TestNetemBacktrace holds that a sender's way ends at the queue, and that the
// packet goes on from the timer's interrupt.
func TestNetemBacktrace(t *testing.T) {
	s := qdiscMachine(t, "netem", &NetemOptions{Limit: 1000, Latency: 100 * time.Millisecond})
	w := s.Watch(100, "netif_rx")
	var held string
	s.SetHook(func(sym *Sym) bool { return held == "" }, []*Sym{s.Lookup("tfifo_enqueue")}, false)
	j := s.Spawn("out", nil, func(p *Proc) int { return datagrams(t, p, 1, 100, 0, new(time.Duration)) })
	if o := s.Wait(j); o != Stopped {
		t.Fatalf("Wait = %v, want stopped", o)
	}
	held = frameList(s.Stopped().Frames)
	s.Continue()
	s.SetHook(nil, nil, false)
	s.Advance(time.Second)
	const enqueue = "tfifo_enqueue < netem_enqueue:585 < __dev_xmit_skb:3516 < __dev_queue_xmit:3832 < dev_queue_xmit:3897 < neigh_resolve_output"
	if !strings.HasPrefix(held, enqueue) {
		t.Errorf("enqueued by\n  %s\nwant\n  %s …", held, enqueue)
	}
	evs, _ := w.Next()
	if len(evs) == 0 {
		t.Fatal("nothing was received")
	}
	const receive = "netif_rx_internal < netif_rx:4553 < loopback_xmit:89 < __netdev_start_xmit:4385 < netdev_start_xmit:4394 < " +
		"xmit_one:3278 < dev_hard_start_xmit:3294 < sch_direct_xmit:327 < qdisc_restart:390 < __qdisc_run:398 < qdisc_run:121 < " +
		"net_tx_action:4633 < __do_softirq:292 < invoke_softirq:373 < irq_exit:413 < exiting_irq:536 < smp_apic_timer_interrupt:1062 < " +
		"apic_timer_interrupt"
	if got := frameList(s.Frames(&evs[0])); !strings.HasPrefix(got, receive) || evs[0].Context != "softirq" {
		t.Errorf("received in %s by\n  %s\nwant\n  %s", evs[0].Context, got, receive)
	}
}

func frameList(frames []Frame) string {
	var out []string
	for i, f := range frames {
		if i == 0 {
			out = append(out, f.Func)
		} else {
			out = append(out, fmt.Sprintf("%s:%d", f.Func, f.Line))
		}
	}
	return strings.Join(out, " < ")
}

// within fails unless got is near want.
func within(t *testing.T, what string, got, want, off float64) {
	t.Helper()
	if math.Abs(got-want) > off {
		t.Errorf("%s is %.4g, want %.4g ± %.2g", what, got, want, off)
	}
}

func TestNetemLoss(t *testing.T) {
	const count = 10000
	for _, tt := range []struct {
		name string
		opt  NetemOptions
		want float64
		runs float64 // mean length of a run of losses
	}{
		{"random", NetemOptions{Loss: percent(10)}, 0.1, 1.11},
		// Correlated numbers crowd around the middle, so fewer are below 30 %.
		{"correlated", NetemOptions{Loss: percent(30), Corr: &NetemCorrelation{Loss: percent(50)}}, 0.12, 1.6},
		{"states", NetemOptions{LossModel: &NetemLossModel{Model: NetemLoss4States,
			P: [5]uint32{percent(5), percent(50), 0, 0, math.MaxUint32}}}, 1 / 11., 2},
		{"gemodel", NetemOptions{LossModel: &NetemLossModel{Model: NetemLossGilbEll, P: [5]uint32{percent(5), percent(25)}}}, 1 / 6., 4},
		{"gemodel with 1-h 50%", NetemOptions{LossModel: &NetemLossModel{Model: NetemLossGilbEll,
			P: [5]uint32{percent(5), percent(25), percent(50)}}}, 1 / 12., 1.6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.opt.Limit = 1000
			s := qdiscMachine(t, "netem", &tt.opt)
			w := s.Watch(1<<15, "kfree_skb")
			came := cross(t, s, count, 100, 0)
			q := loQdisc(t, s, "netem")
			if int(q.Drops) != count-len(came) || int(q.Packets) != len(came) {
				t.Errorf("%d came, %d were sent, %d dropped", len(came), q.Packets, q.Drops)
			}
			runs, last := 0, -1
			for _, a := range came {
				if a.seq != last+1 {
					runs++
				}
				last = a.seq
			}
			within(t, "loss", float64(q.Drops)/count, tt.want, 0.015)
			within(t, "a run of losses", float64(q.Drops)/float64(runs), tt.runs, tt.runs/10)
			evs, _ := w.Next()
			told := 0
			for i := range evs {
				if evs[i].Reason == "netem loss" {
					told++
				}
			}
			if told != int(q.Drops) {
				t.Errorf("%d losses are told, %d counted", told, q.Drops)
			}
		})
	}
}

// TestNetemLossRepeats holds that one seed loses the same packets again.
func TestNetemLossRepeats(t *testing.T) {
	lost := func() string {
		return fmt.Sprint(cross(t, qdiscMachine(t, "netem", &NetemOptions{Limit: 1000, Loss: percent(20)}), 100, 100, 0))
	}
	if a, b := lost(), lost(); a != b {
		t.Errorf("one seed, two runs:\n%s\n%s", a, b)
	}
}

// moments are the mean and the deviation of numbers, and the correlation of each
// with the next.
func moments(xs []float64) (mean, dev, rho float64) {
	sum, sq, lag := 0.0, 0.0, 0.0
	for i, x := range xs {
		sum += x
		sq += x * x
		if i > 0 {
			lag += x * xs[i-1]
		}
	}
	n := float64(len(xs))
	mean = sum / n
	variance := sq/n - mean*mean
	return mean, math.Sqrt(variance), (lag/n - mean*mean) / variance
}

// TestNetemJitter looks at delays of 100 ms with a jitter of 20 ms. The
// correlation asked for does not show, as in Linux: the remainder that
// tabledist takes of a number of 32 bits has none.
func TestNetemJitter(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		dist string
		corr uint32
		ends time.Duration // around 100 ms
	}{{"", 0, 20 * ms}, {"", percent(50), 20 * ms}, {"uniform", 0, 35 * ms}, {"normal", 0, 80 * ms}, {"pareto", 0, 80 * ms}, {"paretonormal", 0, 80 * ms}} {
		t.Run(fmt.Sprint(tt.dist, tt.corr), func(t *testing.T) {
			table := NetemDistribution(tt.dist)
			s := qdiscMachine(t, "netem", &NetemOptions{Limit: 100000, Latency: 100 * ms, Jitter: 20 * ms,
				Corr: &NetemCorrelation{Delay: tt.corr}, DelayDist: table})
			came := cross(t, s, 10000, 100, ms)
			if len(came) != 10000 {
				t.Fatalf("%d came", len(came))
			}
			slices.SortFunc(came, func(a, b arrival) int { return a.seq - b.seq })
			var lat, want []float64
			for _, a := range came {
				off := a.lat - 100*ms
				if off < -tt.ends || off > tt.ends {
					t.Fatalf("datagram %d took %v", a.seq, a.lat)
				}
				lat = append(lat, float64(off)/1e6)
			}
			for _, x := range table {
				want = append(want, float64(x)/8192*20)
			}
			wantMean, wantDev := 0.0, 20/math.Sqrt(3)
			if table != nil {
				wantMean, wantDev, _ = moments(want)
			}
			mean, dev, rho := moments(lat)
			within(t, "mean", mean, wantMean, 0.6)
			within(t, "deviation", dev, wantDev, 0.05*wantDev)
			within(t, "correlation", rho, 0, 0.04)
		})
	}
}

// TestNetemDistributions holds that the tables are what their names say.
func TestNetemDistributions(t *testing.T) {
	for _, tt := range []struct {
		name             string
		median, q1, q995 float64 // quantiles, in deviations
	}{
		{"uniform", 0, -math.Sqrt(3) / 2, math.Sqrt(3) * 0.99},
		{"normal", 0, -0.6745, 2.5758},
		{"pareto", (math.Pow(2, 1/3.) - 1.5) / math.Sqrt(0.75), (math.Pow(4/3., 1/3.) - 1.5) / math.Sqrt(0.75), 4},
		{"paretonormal", 0.75 * (math.Pow(2, 1/3.) - 1.5) / math.Sqrt(0.75),
			-0.25*0.6745 + 0.75*(math.Pow(4/3., 1/3.)-1.5)/math.Sqrt(0.75), 3.9},
	} {
		table := NetemDistribution(tt.name)
		at := func(p float64) float64 { return float64(table[int(p*float64(len(table)))]) / 8192 }
		within(t, tt.name+"'s median", at(0.5), tt.median, 0.01)
		within(t, tt.name+"'s quartile", at(0.25), tt.q1, 0.01)
		within(t, tt.name+"'s 99.5 %", at(0.995), tt.q995, 0.15)
		if !slices.IsSorted(table) || table[len(table)-1] < 0 {
			t.Errorf("%s does not ascend to a positive end", tt.name)
		}
	}
	if NetemDistribution("other") != nil {
		t.Error("there is a distribution of any name")
	}
}

func TestNetemDuplicate(t *testing.T) {
	s := qdiscMachine(t, "netem", &NetemOptions{Limit: 1000, Latency: time.Millisecond, Duplicate: math.MaxUint32})
	came := cross(t, s, 10, 100, 10*time.Millisecond)
	seen := make(map[int]int)
	for _, a := range came {
		seen[a.seq]++
	}
	for seq := range 10 {
		if seen[seq] != 2 {
			t.Errorf("datagram %d came %d times", seq, seen[seq])
		}
	}
	if q := loQdisc(t, s, "netem"); q.Packets != 20 || q.Drops != 0 {
		t.Errorf("%+v", q)
	}
}

func TestNetemCorrupt(t *testing.T) {
	s := qdiscMachine(t, "netem", &NetemOptions{Limit: 1000, Corrupt: &NetemProbability{Probability: math.MaxUint32}})
	const count = 1000
	came := len(cross(t, s, count, 1000, 0))
	udp := s.n.Mib[core.MibUdpInCsumErrors]
	ip := s.n.Mib[core.MibIpInHdrErrors] + s.n.Mib[core.MibIpExtInCsumErrors]
	// The rest had a wrong bit in the link header, or in a port's or address's place.
	if udp < 900 || came > 20 || ip == 0 {
		t.Errorf("of %d: %d came, %d UDP and %d IP checksum errors", count, came, udp, ip)
	}
}

func TestNetemReorderGap(t *testing.T) {
	s := qdiscMachine(t, "netem", &NetemOptions{Limit: 1000, Latency: 10 * time.Millisecond, Gap: 5,
		Reorder: &NetemProbability{Probability: math.MaxUint32}})
	var got []string
	for _, a := range cross(t, s, 10, 100, 0) {
		got = append(got, fmt.Sprintf("%d@%v", a.seq, a.at))
	}
	const want = "4@0s,9@0s,0@10ms,1@10ms,2@10ms,3@10ms,5@10ms,6@10ms,7@10ms,8@10ms"
	if g := strings.Join(got, ","); g != want {
		t.Errorf("came\n  %s\nwant\n  %s", g, want)
	}
	if q := loQdisc(t, s, "netem"); q.Requeues != 2 {
		t.Errorf("%d were put first, want 2", q.Requeues)
	}
}

// wireSize is a datagram's payload so that it takes total bytes on lo.
func wireSize(total int) int { return total - 14 - 20 - 8 }

func TestNetemRate(t *testing.T) {
	for _, tt := range []struct {
		rate NetemRate
		each time.Duration
	}{
		{NetemRate{Rate: 125000}, 10 * time.Millisecond},
		{NetemRate{Rate: 125000, PacketOverhead: -250}, 8 * time.Millisecond},
		{NetemRate{Rate: 125000, CellSize: 48, CellOverhead: 5}, 27 * 53 * 8 * time.Microsecond}, // 1250 bytes are 27 cells
	} {
		s := qdiscMachine(t, "netem", &NetemOptions{Limit: 1000, Rate: &tt.rate})
		for i, a := range cross(t, s, 10, wireSize(1250), 0) {
			if want := time.Duration(i+1) * tt.each; a.at != want || a.seq != i {
				t.Errorf("%+v: datagram %d came as number %d at %v, want %v", tt.rate, a.seq, i, a.at, want)
			}
		}
	}
}

func TestQueueLimits(t *testing.T) {
	for _, tt := range []struct {
		kind string
		opt  any
		fits int
		why  string
	}{
		{"netem", &NetemOptions{Limit: 10, Latency: time.Second}, 10, "netem limit"},
		{"tbf", &TbfOptions{Rate: 125000, Burst: 1250, Limit: 5000}, 5, "queue full"},
		{"fq", &FqOptions{FlowLimit: new(uint32(7)), MaxRate: new(uint32(125000)), Quantum: new(uint32(1250)),
			InitialQuantum: new(uint32(1250))}, 8, "fq flow_limit"},
		{"fq", &FqOptions{Limit: new(uint32(3)), MaxRate: new(uint32(125000)), Quantum: new(uint32(1250)),
			InitialQuantum: new(uint32(1250))}, 4, "fq limit"},
	} {
		s := qdiscMachine(t, tt.kind, tt.opt)
		w := s.Watch(1000, "kfree_skb")
		came := cross(t, s, 50, wireSize(1250), 0)
		q := loQdisc(t, s, tt.kind)
		if len(came) != tt.fits || int(q.Drops) != 50-tt.fits || q.Qlen != 0 || q.Backlog != 0 {
			t.Errorf("%s: %d came, want %d; %+v", tt.kind, len(came), tt.fits, q)
		}
		evs, _ := w.Next()
		if len(evs) != 50-tt.fits || evs[0].Reason != tt.why {
			t.Errorf("%s: %d told, the first as %q, want %q", tt.kind, len(evs), evs[0].Reason, tt.why)
		}
	}
}

func TestTbfRate(t *testing.T) {
	s := qdiscMachine(t, "tbf", &TbfOptions{Rate: 125000, Burst: 5000, Limit: 1 << 20})
	for i, a := range cross(t, s, 200, wireSize(1250), 0) {
		if want := max(0, time.Duration(i-3)*10*time.Millisecond); a.at != want {
			t.Errorf("datagram %d came at %v, want %v", a.seq, a.at, want)
		}
	}
	s = qdiscMachine(t, "tbf", &TbfOptions{Rate: 125000, Burst: 5000, Limit: 1 << 20, PeakRate: 250000, Mtu: 1250})
	for i, a := range cross(t, s, 100, wireSize(1250), 0) {
		peak, mean := time.Duration(i)*5*time.Millisecond, time.Duration(i-3)*10*time.Millisecond
		if want := max(peak, mean); a.at != want {
			t.Errorf("datagram %d came at %v, want %v with a peak rate", a.seq, a.at, want)
		}
	}
}
