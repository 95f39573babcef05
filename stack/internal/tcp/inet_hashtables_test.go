package tcp

import (
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// newTestNet is a machine with TCP on it, whose loopback device is down.
func newTestNet(t testing.TB) *Net {
	t.Helper()
	n := new(Net)
	n.Init(kernel.Config{Seed: 7})
	t.Cleanup(n.Close)
	return n
}

// newTestTcpSock is a closed socket without a file.
func newTestTcpSock(n *Net) *TcpSock {
	tp := new(TcpSock)
	sk := &tp.Sock
	sk.Full = sk
	sk.SkProt = n.prot
	sk.SkNet = &n.Net.Net
	sk.SkFamily = core.AfInet
	sk.SkType = core.SockStream
	sk.SkProtocol = wire.ProtoTCP
	sk.SkState = core.TcpClose
	sk.SkRefcnt = 1
	return tp
}

// TestSizes keeps what a connection costs in view: beyond 2304 bytes the
// allocator takes the next larger class.
func TestSizes(t *testing.T) {
	if s := unsafe.Sizeof(TcpSock{}); s > 2304 {
		t.Errorf("a TcpSock takes %d bytes", s)
	}
	if s := unsafe.Sizeof(RequestSock{}); s > 416 {
		t.Errorf("a RequestSock takes %d bytes", s)
	}
	if s := unsafe.Sizeof(TimewaitSock{}); s > 320 {
		t.Errorf("a TimewaitSock takes %d bytes", s)
	}
	var tp TcpSock
	if unsafe.Pointer(&tp) != unsafe.Pointer(&tp.Sock) || unsafe.Pointer(&tp) != unsafe.Pointer(&tp.SockCommon) {
		t.Error("a TcpSock does not begin with its Sock")
	}
}

// TestEhashChurn inserts, replaces and removes connections at random and asks
// for each after each step.
func TestEhashChurn(t *testing.T) {
	n := newTestNet(t)
	r := rand.New(rand.NewPCG(1, 2))
	type key struct {
		daddr wire.Addr
		dport uint16
	}
	live := make(map[key]*TcpSock)
	var keys []key
	const laddr, lport = wire.Addr(0x0a000001), uint16(80)
	lookup := func(k key) *core.SockCommon {
		sk := n.inetLookupEstablished__(&n.Net.Net, &n.hashinfo, k.daddr, k.dport, laddr, lport, 1, 0)
		if sk != nil {
			sk.SkRefcnt--
		}
		return sk
	}
	for step := range 20000 {
		k := key{wire.Addr(0x0a000100 + r.Uint32N(64)), uint16(r.Uint32N(256))}
		tp := live[k]
		switch {
		case tp == nil:
			tp = newTestTcpSock(n)
			tp.SkDaddr, tp.SkDport, tp.SkRcvSaddr, tp.SkNum = k.daddr, k.dport, laddr, lport
			tp.SkState = core.TcpEstablished
			if !n.inetEhashInsert(&tp.SockCommon, nil) {
				t.Fatal("insert failed")
			}
			live[k] = tp
			keys = append(keys, k)
		case r.Uint32N(3) == 0:
			// Another one takes its place, as a child its request's.
			tp2 := newTestTcpSock(n)
			tp2.SkDaddr, tp2.SkDport, tp2.SkRcvSaddr, tp2.SkNum = k.daddr, k.dport, laddr, lport
			if !n.inetEhashInsert(&tp2.SockCommon, &tp.SockCommon) {
				t.Fatal("replacement failed")
			}
			if tp.Hashed || n.inetEhashInsert(&newTestTcpSock(n).SockCommon, &tp.SockCommon) {
				t.Fatal("the one that was replaced is still there")
			}
			live[k] = tp2
		default:
			n.hashinfo.ehashDel(&tp.SockCommon)
			delete(live, k)
		}
		for _, k := range [2]key{k, keys[r.IntN(len(keys))]} {
			got, want := lookup(k), live[k]
			if (got == nil) != (want == nil) || want != nil && got != &want.SockCommon {
				t.Fatalf("step %d: lookup of %v finds %v, want %v", step, k, got, want)
			}
		}
		if n.hashinfo.ehashCount != len(live) {
			t.Fatalf("step %d: %d entries, want %d", step, n.hashinfo.ehashCount, len(live))
		}
	}
	for k, tp := range live {
		if lookup(k) != &tp.SockCommon {
			t.Errorf("%v is lost", k)
		}
	}
	if len(n.hashinfo.ehash) < len(live)/ehashFillGrow/2 {
		t.Errorf("%d buckets for %d entries", len(n.hashinfo.ehash), len(live))
	}
}

func TestListenerLookup(t *testing.T) {
	n := newTestNet(t)
	listen := func(addr wire.Addr, port uint16, dev int32, reuseport bool) *core.Sock {
		tp := newTestTcpSock(n)
		tp.SkRcvSaddr, tp.SkNum, tp.SkBoundDevIf, tp.SkReuseport = addr, port, dev, reuseport
		tp.SkState = core.TcpListen
		n.inetHash(&tp.Sock)
		return &tp.Sock
	}
	find := func(addr wire.Addr, port uint16, dif int, sport uint16) *core.Sock {
		return n.inetLookupListener__(&n.Net.Net, &n.hashinfo, nil, 20, 0x01020304, sport, addr, port, dif, 0)
	}
	all := listen(0, 80, 0, false)
	one := listen(0x7f000001, 80, 0, false)
	dev2 := listen(0, 81, 2, false)
	if find(0x7f000001, 80, 1, 1) != one || find(0x0a000001, 80, 1, 1) != all || find(0x0a000001, 79, 1, 1) != nil {
		t.Error("a listener on the address must come before one on all")
	}
	if find(0x0a000001, 81, 1, 1) != nil || find(0x0a000001, 81, 2, 1) != dev2 {
		t.Error("a listener on a device takes from that alone")
	}
	n.inetUnhash(one)
	if find(0x7f000001, 80, 1, 1) != all {
		t.Error("a closed listener is still found")
	}

	group := map[*core.Sock]int{}
	for range 4 {
		group[listen(0, 90, 0, true)] = 0
	}
	for sport := range uint16(4000) {
		sk := find(0x0a000001, 90, 1, sport)
		if _, ok := group[sk]; !ok {
			t.Fatal("found a stranger")
		}
		if sk != find(0x0a000001, 90, 1, sport) {
			t.Fatal("a connection must always get the same listener")
		}
		group[sk]++
	}
	for sk, hits := range group {
		if hits < 800 || hits > 1200 {
			t.Errorf("%v got %d of 4000", sk.SkNum, hits)
		}
	}
}

// TestBindConflict has who may share a port with whom. Who holds it has bound
// with bind, and listens where it says so.
func TestBindConflict(t *testing.T) {
	type end struct {
		addr             wire.Addr
		dev              int32
		reuse, reuseport bool
		listen           bool
	}
	const a, b = wire.Addr(0x0a000001), wire.Addr(0x0a000002)
	for _, tt := range []struct {
		name    string
		has, by end
		ok      bool
	}{
		{"same address", end{addr: a}, end{addr: a}, false},
		{"other address", end{addr: a}, end{addr: b}, true},
		{"all after one", end{addr: a}, end{}, false},
		{"one after all", end{}, end{addr: a}, false},
		{"other device", end{dev: 1}, end{dev: 2}, true},
		{"same device", end{dev: 1}, end{dev: 1}, false},
		{"device and none", end{dev: 1}, end{}, false},
		{"reuse, both", end{reuse: true}, end{reuse: true}, true},
		{"reuse, one", end{reuse: true}, end{}, false},
		{"reuse, the other", end{}, end{reuse: true}, false},
		{"reuse, it listens", end{reuse: true, listen: true}, end{reuse: true}, false},
		{"reuseport, both", end{reuseport: true}, end{reuseport: true}, true},
		{"reuseport, it listens", end{reuseport: true, listen: true}, end{reuseport: true}, true},
		{"reuseport, one", end{reuseport: true}, end{}, false},
		{"reuseport, all and one", end{reuseport: true}, end{addr: a, reuseport: true}, true},
	} {
		n := newTestNet(t)
		mk := func(e end) *TcpSock {
			tp := newTestTcpSock(n)
			tp.SkRcvSaddr, tp.SkBoundDevIf, tp.SkReuseport = e.addr, e.dev, e.reuseport
			if e.reuse {
				tp.SkReuse = core.SkCanReuse
			}
			return tp
		}
		has := mk(tt.has)
		if n.inetCskGetPort(&has.Sock, 80) != 0 {
			t.Fatal("a free port is refused")
		}
		if tt.has.listen {
			if err := n.inetCskListenStart(&has.Sock, 1); err != 0 {
				t.Fatal("cannot listen:", err)
			}
		}
		by := mk(tt.by)
		if got := n.inetCskGetPort(&by.Sock, 80) == 0; got != tt.ok {
			t.Errorf("%s: allowed %v, want %v", tt.name, got, tt.ok)
		}
		if by.SkNum != 0 {
			n.inetPutPort(&by.Sock)
		}
		n.tcpSetStateForTest(&has.Sock)
		n.inetPutPort(&has.Sock)
		if n.hashinfo.bhashCount != 0 {
			t.Errorf("%s: a bucket is left", tt.name)
		}
		if n.inetCskGetPort(&mk(end{}).Sock, 80) != 0 {
			t.Errorf("%s: the port is not free again", tt.name)
		}
	}
}

// tcpSetStateForTest takes a listener out of the table.
func (n *Net) tcpSetStateForTest(sk *core.Sock) {
	n.inetUnhash(sk)
	sk.SkState = core.TcpClose
}

// TestListenAgain: two sockets that share a port by SO_REUSEADDR cannot both
// listen.
func TestListenAgain(t *testing.T) {
	n := newTestNet(t)
	var tps [2]*TcpSock
	for i := range tps {
		tps[i] = newTestTcpSock(n)
		tps[i].SkReuse = core.SkCanReuse
		if n.inetCskGetPort(&tps[i].Sock, 80) != 0 {
			t.Fatal("both have SO_REUSEADDR")
		}
	}
	if err := n.inetCskListenStart(&tps[0].Sock, 1); err != 0 {
		t.Fatal(err)
	}
	if err := n.inetCskListenStart(&tps[1].Sock, 1); err != -core.EADDRINUSE || tps[1].SkState != core.TcpClose {
		t.Errorf("the second listener: %d, state %d", err, tps[1].SkState)
	}
}

// connectPort does what connect does to a socket's port.
func connectPort(n *Net, tp *TcpSock, daddr wire.Addr, dport uint16) int {
	tp.SkRcvSaddr, tp.InetSaddr = 0x7f000001, 0x7f000001
	tp.SkDaddr, tp.SkDport = daddr, dport
	tp.SkState = core.TcpSynSent
	return n.inetHashConnect(&n.twRow, &tp.Sock)
}

func TestConnectPorts(t *testing.T) {
	n := newTestNet(t)
	n.Sysctl.IpLocalPortRange = [2]int{32768, 32768 + 99}
	used := make(map[uint16]bool)
	var socks []*TcpSock
	for i := range 100 {
		tp := newTestTcpSock(n)
		if err := connectPort(n, tp, 0x7f000001, 5001); err != 0 {
			t.Fatalf("connection %d: %d", i, err)
		}
		if used[tp.SkNum] || tp.SkNum < 32768 || tp.SkNum > 32867 || tp.InetSport != tp.SkNum {
			t.Fatalf("connection %d has port %d", i, tp.SkNum)
		}
		if even := tp.SkNum%2 == 0; even != (i < 50) {
			t.Errorf("connection %d has port %d: even ones come first", i, tp.SkNum)
		}
		used[tp.SkNum] = true
		socks = append(socks, tp)
	}
	tp := newTestTcpSock(n)
	if err := connectPort(n, tp, 0x7f000001, 5001); err != -core.EADDRNOTAVAIL {
		t.Errorf("one too many: %d", err)
	}
	if err := connectPort(n, tp, 0x7f000001, 5002); err != 0 {
		t.Errorf("another destination has all ports: %d", err)
	}
	if n.InInterrupt() {
		t.Fatal("bottom halves are still off")
	}

	// One goes, and only its port is free.
	gone := socks[42]
	port := gone.SkNum
	n.tcpSetState(&gone.Sock, core.TcpClose)
	tp = newTestTcpSock(n)
	if err := connectPort(n, tp, 0x7f000001, 5001); err != 0 || tp.SkNum != port {
		t.Errorf("got port %d (%d), want %d", tp.SkNum, err, port)
	}
}

// TestBindPorts: bind takes odd ports first, and none that connect uses for
// itself alone.
func TestBindPorts(t *testing.T) {
	n := newTestNet(t)
	n.Sysctl.IpLocalPortRange = [2]int{40000, 40019}
	used := make(map[uint16]bool)
	for i := range 20 {
		tp := newTestTcpSock(n)
		if n.inetCskGetPort(&tp.Sock, 0) != 0 || used[tp.SkNum] {
			t.Fatalf("socket %d has port %d", i, tp.SkNum)
		}
		if odd := tp.SkNum%2 == 1; odd != (i < 10) {
			t.Errorf("socket %d has port %d", i, tp.SkNum)
		}
		used[tp.SkNum] = true
	}
	if n.inetCskGetPort(&newTestTcpSock(n).Sock, 0) != 1 {
		t.Error("a port too many")
	}
	if err := connectPort(n, newTestTcpSock(n), 0x7f000001, 80); err != -core.EADDRNOTAVAIL {
		t.Errorf("connect takes a port that bind has given out: %d", err)
	}
	if n.InInterrupt() {
		t.Error("bottom halves are still off")
	}
}

// TestTimewaitReuse: a remnant keeps its ports until a connection with newer
// timestamps takes them over.
func TestTimewaitReuse(t *testing.T) {
	n := newTestNet(t)
	n.Run(time.Minute, nil)
	n.Sysctl.IpLocalPortRange = [2]int{32768, 32768}
	tp := newTestTcpSock(n)
	if err := connectPort(n, tp, 0x7f000001, 5001); err != 0 {
		t.Fatal(err)
	}
	tw := n.inetTwskAlloc(&tp.Sock, &n.twRow, core.TcpTimeWait)
	tw.TwTsRecentStamp, tw.TwTsRecent, tw.TwSndNxt = n.ktimeGetSeconds(), 77, 1000
	n.inetTwskSchedule(tw, tcpTimewaitLen)
	n.inetTwskHashdance(tw, &tp.Sock, &n.hashinfo)
	n.inetPutPort(&tp.Sock)
	if n.SockCount() == 0 || n.twRow.twCount != 1 || tp.Hashed {
		t.Fatal("no remnant")
	}
	if err := connectPort(n, newTestTcpSock(n), 0x7f000001, 5001); err != -core.EADDRNOTAVAIL {
		t.Errorf("in the same second: %d", err)
	}
	tw.TwTsRecentStamp -= 2
	tp2 := newTestTcpSock(n)
	before := n.SockCount()
	if err := connectPort(n, tp2, 0x7f000001, 5001); err != 0 {
		t.Fatal(err)
	}
	if tp2.WriteSeq != 1000+65535+2 || tp2.RxOpt.TsRecent != 77 {
		t.Errorf("the successor begins at %d with timestamp %d", tp2.WriteSeq, tp2.RxOpt.TsRecent)
	}
	if tw.Hashed || tw.TwTb != nil || tw.TwTimer.Pending() || n.twRow.twCount != 0 || n.SockCount() != before-1 {
		t.Error("the remnant is still there")
	}
	if n.hashinfo.ehashCount != 1 {
		t.Errorf("%d connections", n.hashinfo.ehashCount)
	}
}

func TestSecsToRetrans(t *testing.T) {
	for _, tt := range []struct{ secs, retrans, back int }{
		{0, 0, 0}, {-1, 0, 0}, {1, 1, 1}, {2, 2, 3}, {3, 2, 3}, {4, 3, 7}, {31, 5, 31}, {32, 6, 63}, {200, 8, 247},
	} {
		r := secsToRetrans(tt.secs, 1, 120)
		if int(r) != tt.retrans || retransToSecs(r, 1, 120) != tt.back {
			t.Errorf("%d s: %d retransmissions, %d s", tt.secs, r, retransToSecs(r, 1, 120))
		}
	}
}

func TestReqskThresh(t *testing.T) {
	for _, tt := range []struct{ qlen, young, want int32 }{
		{4, 4, 5}, {5, 5, 5}, {6, 2, 4}, {7, 1, 3}, {20, 0, 2},
	} {
		q := RequestSockQueue{Qlen: tt.qlen, Young: tt.young}
		if got := reqskThresh(&q, 5, 4); got != int(tt.want) {
			t.Errorf("%d requests, %d of them young: %d", tt.qlen, tt.young, got)
		}
	}
}

func TestTcpInfoSize(t *testing.T) {
	if b := (&TcpInfo{ReordSeen: 0x01020304}).AppendTo(nil); len(b) != 224 || b[220] != 4 {
		t.Errorf("struct tcp_info is %d bytes", len(b))
	}
}

func TestNewStates(t *testing.T) {
	for state, want := range map[uint8]int{
		core.TcpEstablished: core.TcpFinWait1 | tcpActionFin, core.TcpSynSent: core.TcpClose,
		core.TcpSynRecv: core.TcpFinWait1 | tcpActionFin, core.TcpFinWait1: core.TcpFinWait1,
		core.TcpFinWait2: core.TcpFinWait2, core.TcpTimeWait: core.TcpClose, core.TcpClose: core.TcpClose,
		core.TcpCloseWait: core.TcpLastAck | tcpActionFin, core.TcpLastAck: core.TcpLastAck,
		core.TcpListen: core.TcpClose, core.TcpClosing: core.TcpClosing,
	} {
		if got := tcpNewState(state); got != want {
			t.Errorf("state %d becomes %#x, want %#x", state, got, want)
		}
	}
}

// BenchmarkLookup finds one of 100,000 connections.
func BenchmarkLookup(b *testing.B) {
	n := newTestNet(b)
	for i := range 100000 {
		tp := newTestTcpSock(n)
		tp.SkDaddr, tp.SkDport, tp.SkRcvSaddr, tp.SkNum = wire.Addr(0x0a000000+i>>4), uint16(i), 0x0a000001, 80
		n.inetEhashInsert(&tp.SockCommon, nil)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		i %= 100000
		if n.inetLookupEstablished__(&n.Net.Net, &n.hashinfo, wire.Addr(0x0a000000+i>>4), uint16(i), 0x0a000001, 80, 1, 0) == nil {
			b.Fatal("lost")
		}
	}
}
