package stack

import (
	"io"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// The work that docs/ compares stacks by: bulk transfer, round trips,
// connections, memory, and what tracing costs. Peers (the host's sockets,
// net.Pipe) run in the same process for a ratio that outlives the machine.

const bulkChunk = 64 << 10

var benchAddr = netip.MustParseAddrPort("127.0.0.1:5001")

func benchStack(tb testing.TB, mtu int) *Stack {
	tb.Helper()
	s := New(Config{Seed: 1})
	tb.Cleanup(s.Close)
	noErr(tb, s.IfUp("lo"))
	if mtu != 0 {
		noErr(tb, s.SetMTU("lo", mtu))
	}
	return s
}

func noErr(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// check is noErr for a program inside the machine.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

func listenTCP(p *Proc, at netip.AddrPort, backlog int) int {
	fd, err := p.Socket(AF_INET, SOCK_STREAM, 0)
	check(err)
	check(p.SetsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1))
	check(p.Bind(fd, at))
	check(p.Listen(fd, backlog))
	return fd
}

func connectTCP(p *Proc, to netip.AddrPort) int {
	fd, err := p.Socket(AF_INET, SOCK_STREAM, 0)
	check(err)
	check(p.Connect(fd, to))
	return fd
}

func sendAll(p *Proc, fd int, b []byte) {
	for len(b) > 0 {
		n, err := p.Send(fd, b, MSG_NOSIGNAL)
		check(err)
		b = b[n:]
	}
}

// startSink runs a server that reads one connection to its end.
func startSink(s *Stack, at netip.AddrPort, total *int64) *Job {
	j := s.Spawn("sink", io.Discard, func(p *Proc) int {
		fd, _, err := p.Accept(listenTCP(p, at, 16))
		check(err)
		buf := make([]byte, bulkChunk)
		for {
			n, err := p.Recv(fd, buf, 0)
			check(err)
			if n == 0 {
				return 0
			}
			*total += int64(n)
		}
	})
	s.Settle()
	return j
}

// gate lets a program in the machine wait until the measuring begins.
type gate struct{ wq kernel.WaitQueueHead }

func (g *gate) wait(p *Proc) {
	n := &p.s.n.Kernel
	e := n.DefineWait()
	n.PrepareToWait(&g.wq, e, kernel.TaskUninterruptible)
	n.Schedule()
	n.FinishWait(e)
}

func (g *gate) open(s *Stack) { s.n.WakeUp(&g.wq, 0, 0) }

func gbits(b *testing.B, bytes int64) {
	b.SetBytes(bytes / int64(b.N))
	b.ReportMetric(float64(bytes)*8/float64(b.Elapsed().Nanoseconds()), "Gbit/s")
}

func perSecond(b *testing.B, unit string) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), unit)
}

func benchBulk(b *testing.B, s *Stack) {
	var got int64
	sink := startSink(s, benchAddr, &got)
	var g gate
	src := s.Spawn("source", io.Discard, func(p *Proc) int {
		fd := connectTCP(p, benchAddr)
		buf := make([]byte, bulkChunk)
		for range 64 {
			sendAll(p, fd, buf)
		}
		g.wait(p)
		for range b.N {
			sendAll(p, fd, buf)
		}
		return 0
	})
	s.Settle()
	b.ReportAllocs()
	b.ResetTimer()
	g.open(s)
	if s.Wait(src) != Done || s.Wait(sink) != Done {
		b.Fatal("the transfer is stuck")
	}
	b.StopTimer()
	if want := int64(b.N+64) * bulkChunk; got != want {
		b.Fatalf("%d bytes came, want %d", got, want)
	}
	gbits(b, int64(b.N)*bulkChunk)
}

func BenchmarkBulkLo(b *testing.B)        { benchBulk(b, benchStack(b, 0)) }
func BenchmarkBulkLoMTU1500(b *testing.B) { benchBulk(b, benchStack(b, 1500)) }

func BenchmarkBulkLoEvents(b *testing.B) {
	s := benchStack(b, 0)
	w := s.WatchSnap(1<<12, 128)
	defer w.Close()
	benchBulk(b, s)
	events, lost := w.Next()
	b.ReportMetric(float64(len(events)+int(lost))/float64(b.N+64), "events/op")
}

func BenchmarkBulkLoArmed(b *testing.B) {
	s := benchStack(b, 0)
	entries := 0
	s.SetHook(func(*Sym) bool { entries++; return false }, nil, true)
	benchBulk(b, s)
	b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkBulkLoEventsFull has whole packets in the events, as a capture does.
func BenchmarkBulkLoEventsFull(b *testing.B) {
	s := benchStack(b, 0)
	defer s.Watch(1 << 10).Close()
	benchBulk(b, s)
}

// BenchmarkBulkLoOneWatched has one rare function watched, as a breakpoint does.
func BenchmarkBulkLoOneWatched(b *testing.B) {
	s := benchStack(b, 0)
	s.SetHook(func(*Sym) bool { return false }, []*Sym{s.Lookup("tcp_reset")}, false)
	benchBulk(b, s)
}

// wireDev is one end of a cable between two machines: Ethernet without any
// offload, so that the stack cuts the segments and sums them.
type wireDev struct {
	s     *Stack
	dev   *core.NetDevice
	peer  *wireDev
	in    [][]byte // frames that have come
	free  [][]byte
	irq   *kernel.IrqDesc
	armed bool
}

func newWireDev(tb testing.TB, s *Stack, last byte) *wireDev {
	w := &wireDev{s: s}
	w.irq = s.n.RequestIrq(w.interrupt, w)
	ops := &core.NetDeviceOps{NdoStartXmit: w.xmit}
	check(s.errnoCall(func() int {
		w.dev = s.n.AllocNetdev("wire0", func(dev *core.NetDevice) {
			s.n.EtherSetup(dev)
			dev.Ops = ops
			dev.NoQueue = true
			dev.Flags |= core.IffNoarp
		})
		w.dev.DevAddr = wire.MAC{2, 0, 0, 0, 0, last}
		return s.n.RegisterNetdevice(w.dev)
	}))
	noErr(tb, s.IfUp("wire0"))
	noErr(tb, s.AddAddr("wire0", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, last}), 24)))
	return w
}

func (w *wireDev) xmit(skb *core.SkBuff, dev *core.NetDevice) int {
	p := w.peer
	var f []byte
	if l := len(p.free); l > 0 {
		f, p.free = p.free[l-1], p.free[:l-1]
	} else {
		f = make([]byte, 0, 2048)
	}
	f = append(f[:0], skb.Bytes()...)
	for i := range int(skb.Head.NrFrags) {
		f = append(f, skb.FragBytes(i)...)
	}
	copy(f, p.dev.DevAddr[:])
	p.in = append(p.in, f)
	w.s.n.ConsumeSkb(skb)
	return core.NetdevTxOk
}

func (w *wireDev) interrupt(int, any) {
	w.armed = false
	n := &w.s.n
	for _, f := range w.in {
		skb := n.NetdevAllocSkb(w.dev, len(f)+2)
		skb.Reserve(2)
		copy(skb.Put(len(f)), f)
		skb.Protocol = n.EthTypeTrans(skb, w.dev)
		n.NetifRx(skb)
		w.free = append(w.free, f)
	}
	w.in = w.in[:0]
}

// runCable runs both machines until done holds.
func runCable(a, b *wireDev, done func() bool) bool {
	for !done() {
		idle := true
		for _, w := range [...]*wireDev{a, b} {
			if len(w.in) > 0 && !w.armed {
				w.armed = true
				w.s.n.Interrupt(w.irq)
			}
			if w.s.n.NextEvent() <= w.s.n.Now() {
				idle = false
				w.s.n.Run(w.s.n.Now(), nil)
			}
		}
		if !idle {
			continue
		}
		next := min(a.s.n.NextEvent(), b.s.n.NextEvent())
		if next == kernel.Forever {
			return false
		}
		a.s.n.Run(next, nil)
		b.s.n.Run(next, nil)
	}
	return true
}

func BenchmarkBulkTwoMachinesMTU1500(b *testing.B) {
	x, y := newWireDev(b, benchStack(b, 0), 1), newWireDev(b, benchStack(b, 0), 2)
	x.peer, y.peer = y, x
	at := netip.MustParseAddrPort("10.0.0.2:5001")
	var got int64
	sink := startSink(y.s, at, &got)
	var g gate
	ready := false
	src := x.s.Spawn("source", io.Discard, func(p *Proc) int {
		fd := connectTCP(p, at)
		buf := make([]byte, bulkChunk)
		for range 64 {
			sendAll(p, fd, buf)
		}
		ready = true
		g.wait(p)
		for range b.N {
			sendAll(p, fd, buf)
		}
		return 0
	})
	if !runCable(x, y, func() bool { return ready }) {
		b.Fatal("no connection")
	}
	b.ReportAllocs()
	b.ResetTimer()
	g.open(x.s)
	if !runCable(x, y, func() bool { return src.Done() && sink.Done() }) {
		b.Fatal("the transfer is stuck")
	}
	b.StopTimer()
	if want := int64(b.N+64) * bulkChunk; got != want {
		b.Fatalf("%d bytes came, want %d", got, want)
	}
	gbits(b, int64(b.N)*bulkChunk)
}

func startEcho(s *Stack, at netip.AddrPort) {
	s.Spawn("echo", io.Discard, func(p *Proc) int {
		fd, _, err := p.Accept(listenTCP(p, at, 16))
		check(err)
		buf := make([]byte, 64)
		for {
			n, err := p.Recv(fd, buf, 0)
			check(err)
			if n == 0 {
				return 0
			}
			sendAll(p, fd, buf[:n])
		}
	})
	s.Settle()
}

// pingPong starts a client that makes as many round trips of a byte as rounds
// asks for each time the gate opens.
func pingPong(s *Stack, g *gate, rounds *int) *Job {
	return s.Spawn("client", io.Discard, func(p *Proc) int {
		fd := connectTCP(p, benchAddr)
		buf := make([]byte, 1)
		for range 1000 {
			sendAll(p, fd, buf)
			_, err := p.Recv(fd, buf, 0)
			check(err)
		}
		for *rounds >= 0 {
			g.wait(p)
			for range *rounds {
				sendAll(p, fd, buf)
				_, err := p.Recv(fd, buf, 0)
				check(err)
			}
		}
		return 0
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	s := benchStack(b, 0)
	startEcho(s, benchAddr)
	var g gate
	rounds := 0
	pingPong(s, &g, &rounds)
	s.Settle()
	rounds = b.N
	b.ReportAllocs()
	b.ResetTimer()
	g.open(s)
	s.Settle()
	b.StopTimer()
	perSecond(b, "rt/s")
}

func connServer(p *Proc, fd int) {
	buf := make([]byte, 64)
	for {
		c, _, err := p.Accept(fd)
		check(err)
		_, err = p.Recv(c, buf, 0)
		check(err)
		sendAll(p, c, []byte("hi"))
		check(p.Close(c))
	}
}

// startConns starts a server and a client that makes as many connections as
// rounds asks for each time the gate opens. TIME_WAIT stays with the client;
// it is let expire at every few thousand, as a sleep in between does.
func startConns(s *Stack, g *gate, rounds *int) *Job {
	s.Spawn("server", io.Discard, func(p *Proc) int { connServer(p, listenTCP(p, benchAddr, 128)); return 0 })
	s.Settle()
	return s.Spawn("client", io.Discard, func(p *Proc) int {
		buf := make([]byte, 64)
		made := 0
		one := func() {
			fd := connectTCP(p, benchAddr)
			sendAll(p, fd, []byte("hello"))
			_, err := p.Recv(fd, buf, 0)
			check(err)
			check(p.Close(fd))
			if made++; made%10000 == 0 {
				p.Sleep(61 * time.Second)
			}
		}
		for range 500 {
			one()
		}
		for *rounds >= 0 {
			g.wait(p)
			for ; *rounds > 0; *rounds-- {
				one()
			}
		}
		return 0
	})
}

func BenchmarkConnections(b *testing.B) {
	s := benchStack(b, 0)
	var g gate
	rounds := 0
	startConns(s, &g, &rounds)
	s.Settle()
	s.Advance(70 * time.Second)
	rounds = b.N
	b.ReportAllocs()
	b.ResetTimer()
	g.open(s)
	s.Advance(time.Duration(b.N/10000+1) * 62 * time.Second)
	b.StopTimer()
	if rounds != 0 {
		b.Fatal("the connections are stuck")
	}
	perSecond(b, "conn/s")
}

// TestHotPathAllocatesNothing holds the machine to its pools: what goes on all
// the time takes no memory from Go.
func TestHotPathAllocatesNothing(t *testing.T) {
	if testing.CoverMode() != "" {
		t.Skip("coverage changes what escapes")
	}
	const runs = 50
	measure := func(t *testing.T, s *Stack, g *gate, rounds *int, each int, limit float64) {
		t.Helper()
		turn := func() {
			*rounds = each
			g.open(s)
			s.Settle()
		}
		for range 20 {
			turn()
		}
		if got := testing.AllocsPerRun(runs, turn) / float64(each); got > limit {
			t.Errorf("%.2f allocations a time, want at most %v", got, limit)
		}
	}
	t.Run("round trip", func(t *testing.T) {
		s := benchStack(t, 0)
		startEcho(s, benchAddr)
		var g gate
		rounds := 0
		pingPong(s, &g, &rounds)
		s.Settle()
		measure(t, s, &g, &rounds, 100, 0.1) // Settle itself takes a few
	})
	t.Run("bulk", func(t *testing.T) {
		for _, mtu := range []int{0, 1500} {
			s := benchStack(t, mtu)
			var got int64
			startSink(s, benchAddr, &got)
			var g gate
			rounds := 0
			s.Spawn("source", io.Discard, func(p *Proc) int {
				fd := connectTCP(p, benchAddr)
				buf := make([]byte, bulkChunk)
				for {
					g.wait(p)
					for range rounds {
						sendAll(p, fd, buf)
					}
				}
			})
			s.Settle()
			measure(t, s, &g, &rounds, 100, 0.1)
		}
	})
	t.Run("connection", func(t *testing.T) {
		s := benchStack(t, 0)
		var g gate
		rounds := 0
		startConns(s, &g, &rounds)
		s.Settle()
		measure(t, s, &g, &rounds, 20, 14)
	})
}

// openPairs makes a program that holds both ends of count connections.
func openPairs(s *Stack, count int, g *gate, work func(p *Proc, client, server []int)) *Job {
	return s.Spawn("pairs", io.Discard, func(p *Proc) int {
		l := listenTCP(p, benchAddr, 128)
		client, server := make([]int, count), make([]int, count)
		for i := range count {
			client[i] = connectTCP(p, benchAddr)
			var err error
			server[i], _, err = p.Accept(l)
			check(err)
		}
		for {
			g.wait(p)
			work(p, client, server)
		}
	})
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func pairBytes(tb testing.TB, pairs int) float64 {
	s := benchStack(tb, 0)
	var g gate
	openPairs(s, 1, &g, func(*Proc, []int, []int) {})
	s.Settle()
	s.Close()

	s = benchStack(tb, 0)
	before := heapInUse()
	openPairs(s, pairs, &g, func(*Proc, []int, []int) {})
	s.Settle()
	s.Advance(time.Minute)
	after := heapInUse()
	runtime.KeepAlive(s)
	return float64(int64(after-before)) / float64(pairs)
}

func BenchmarkIdlePairMemory(b *testing.B) {
	for range b.N {
		b.ReportMetric(pairBytes(b, 10000), "B/pair")
	}
	b.ReportMetric(0, "ns/op")
}

func Benchmark1000Connections(b *testing.B) {
	s := benchStack(b, 0)
	const count = 1000
	var g gate
	turn := func(p *Proc, client, server []int, rounds int) {
		var c [1]byte
		buf := c[:]
		for i := range rounds {
			k := i % count
			sendAll(p, client[k], buf)
			_, err := p.Recv(server[k], buf, 0)
			check(err)
			sendAll(p, server[k], buf)
			_, err = p.Recv(client[k], buf, 0)
			check(err)
		}
	}
	// One program holds both ends: that measures the stack without switches.
	openPairs(s, count, &g, func(p *Proc, client, server []int) { turn(p, client, server, b.N) })
	s.Settle()
	b.ReportAllocs()
	b.ResetTimer()
	g.open(s)
	s.Settle()
	b.StopTimer()
	perSecond(b, "rt/s")
}

// Benchmark1000ConnectionsTasks has a program for each end.
func Benchmark1000ConnectionsTasks(b *testing.B) {
	s := benchStack(b, 0)
	const count = 1000
	ended := 0
	s.Spawn("server", io.Discard, func(p *Proc) int {
		fd := listenTCP(p, benchAddr, 128)
		for {
			c, _, err := p.Accept(fd)
			check(err)
			p.Fork("echo", func(p *Proc) int {
				var b [1]byte
				for {
					n, err := p.Recv(c, b[:], 0)
					check(err)
					if n == 0 {
						return 0
					}
					sendAll(p, c, b[:])
				}
			})
			check(p.Close(c))
		}
	})
	s.Settle()
	var g gate
	each := 0
	for i := range count {
		if i%100 == 0 {
			s.Settle() // no more at a time than the backlog holds
		}
		s.Spawn("client", io.Discard, func(p *Proc) int {
			fd := connectTCP(p, benchAddr)
			buf := make([]byte, 1)
			g.wait(p)
			for range each {
				sendAll(p, fd, buf)
				_, err := p.Recv(fd, buf, 0)
				check(err)
			}
			ended++
			return 0
		})
	}
	s.Settle()
	each = (b.N + count - 1) / count
	b.ReportAllocs()
	b.ResetTimer()
	g.open(s)
	s.Settle()
	b.StopTimer()
	if ended != count {
		b.Fatalf("%d of %d clients have done their work; %v", ended, count, s.Now())
	}
	b.ReportMetric(float64(each*count)/b.Elapsed().Seconds(), "rt/s")
}

func BenchmarkFentryOff(b *testing.B) {
	k := kernel.New(kernel.Config{})
	defer k.Close()
	for i := range b.N {
		fentryProbe(k, i)
	}
}

//go:noinline
func fentryProbe(k *kernel.Kernel, i int) {
	kernel.Fentry2(k, k, i)
}

func BenchmarkFentryNone(b *testing.B) {
	k := kernel.New(kernel.Config{})
	defer k.Close()
	for i := range b.N {
		noFentryProbe(k, i)
	}
}

//go:noinline
func noFentryProbe(k *kernel.Kernel, i int) {}

// BenchmarkMachineStart is a machine from nothing to lo up.
func BenchmarkMachineStart(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		s := New(Config{Seed: 1})
		noErr(b, s.IfUp("lo"))
		s.Close()
	}
}
