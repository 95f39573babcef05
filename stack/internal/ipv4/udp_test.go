package ipv4

import (
	"testing"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// bareNet is a machine whose devices are all down.
func bareNet(t testing.TB) *Net {
	n := new(Net)
	n.Init(kernel.Config{Seed: 1})
	t.Cleanup(n.Close)
	return n
}

func (n *Net) testSock(prot *core.Proto, typ, protocol uint8) *core.Sock {
	sk := n.SkAlloc(&n.Net, core.AfInet, prot, false)
	sock := &core.Socket{Type: typ}
	n.SockInitData(sock, sk)
	sk.SkProtocol = protocol
	prot.Init(sk)
	return sk
}

func (n *Net) testUdp() *core.Sock { return n.testSock(&n.udp.prot, core.SockDgram, wire.ProtoUDP) }

// testBind is what inet_bind does once it has checked the address.
func (n *Net) testBind(sk *core.Sock, addr wire.Addr, port uint16) int {
	sk.SkRcvSaddr, InetSk(sk).InetSaddr = addr, addr
	if err := n.udpV4GetPort(sk, port); err != 0 {
		return err
	}
	InetSk(sk).InetSport = sk.SkNum
	return 0
}

func sin(family int, addr wire.Addr, port uint16) core.Sockaddr {
	sa := putSockaddrIn(nil, addr, port)
	sa[0] = byte(family)
	return sa
}

func TestUdpSendmsgErrno(t *testing.T) {
	n := bareNet(t)
	lo := sin(core.AfInet, wire.AddrLoopback, 7)
	for _, tc := range []struct {
		name string
		msg  core.Msghdr
		len  int
		want int
	}{
		{"too long", core.Msghdr{Name: lo}, 0x10000, -core.EMSGSIZE},
		{"out of band", core.Msghdr{Name: lo, Flags: core.MsgOob}, 1, -core.EOPNOTSUPP},
		{"nobody to send to", core.Msghdr{}, 1, -core.EDESTADDRREQ},
		{"short address", core.Msghdr{Name: lo[:15]}, 1, -core.EINVAL},
		{"another family", core.Msghdr{Name: sin(10, wire.AddrLoopback, 7)}, 1, -core.EAFNOSUPPORT},
		{"port 0", core.Msghdr{Name: sin(core.AfInet, wire.AddrLoopback, 0)}, 1, -core.EINVAL},
		{"GSO", core.Msghdr{Name: lo, Control: []core.Cmsg{{Level: core.SolUdp, Type: 103}}}, 1, -core.EINVAL},
	} {
		sk := n.testUdp()
		tc.msg.Iter = make([]byte, tc.len)
		if got := n.udpSendmsg(sk, &tc.msg, tc.len); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestRawSendmsgErrno(t *testing.T) {
	n := bareNet(t)
	lo := sin(core.AfInet, wire.AddrLoopback, 0)
	for _, tc := range []struct {
		name string
		msg  core.Msghdr
		len  int
		want int
	}{
		{"too long", core.Msghdr{Name: lo}, 0x10000, -core.EMSGSIZE},
		{"out of band", core.Msghdr{Name: lo, Flags: core.MsgOob}, 1, -core.EOPNOTSUPP},
		{"nobody to send to", core.Msghdr{}, 8, -core.EDESTADDRREQ},
		{"short address", core.Msghdr{Name: lo[:8]}, 8, -core.EINVAL},
		{"another family", core.Msghdr{Name: sin(10, wire.AddrLoopback, 0)}, 8, -core.EAFNOSUPPORT},
		{"ICMP of one byte", core.Msghdr{Name: lo}, 1, -core.EFAULT},
	} {
		sk := n.testSock(&n.raw.prot, core.SockRaw, wire.ProtoICMP)
		tc.msg.Iter = make([]byte, tc.len)
		if got := n.rawSendmsg(sk, &tc.msg, tc.len); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestUdpConnectErrno(t *testing.T) {
	n := bareNet(t)
	for _, tc := range []struct {
		name string
		sa   core.Sockaddr
		want int
	}{
		{"short address", sin(core.AfInet, wire.AddrLoopback, 7)[:15], -core.EINVAL},
		{"another family", sin(10, wire.AddrLoopback, 7), -core.EAFNOSUPPORT},
	} {
		sk := n.testUdp()
		if got := n.ip4DatagramConnect__(sk, tc.sa, len(tc.sa)); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestUdpPortConflicts(t *testing.T) {
	const a, b = wire.AddrLoopback, wire.AddrLoopback + 1
	set := func(f func(sk *core.Sock)) func(*core.Sock) { return f }
	reuse := set(func(sk *core.Sock) { sk.SkReuse = core.SkCanReuse })
	reuseport := set(func(sk *core.Sock) { sk.SkReuseport = true })
	dev := func(ifindex int32) func(*core.Sock) { return func(sk *core.Sock) { sk.SkBoundDevIf = ifindex } }
	none := set(func(*core.Sock) {})
	for _, tc := range []struct {
		name          string
		first, second wire.Addr
		set1, set2    func(*core.Sock)
		want          int
	}{
		{"same address", a, a, none, none, 1},
		{"other address", a, b, none, none, 0},
		{"any, then one", 0, a, none, none, 1},
		{"one, then any", a, 0, none, none, 1},
		{"both reuse", a, a, reuse, reuse, 0},
		{"one reuses", a, a, reuse, none, 1},
		{"both reuseport", a, a, reuseport, reuseport, 0},
		{"one reuseport", a, a, none, reuseport, 1},
		{"other devices", a, a, dev(1), dev(2), 0},
		{"one device", a, a, dev(1), none, 1},
	} {
		n := bareNet(t)
		sk1, sk2 := n.testUdp(), n.testUdp()
		tc.set1(sk1)
		tc.set2(sk2)
		if err := n.testBind(sk1, tc.first, 5000); err != 0 {
			t.Fatalf("%s: first bind: %d", tc.name, err)
		}
		if got := n.testBind(sk2, tc.second, 5000); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
		n.udpLibUnhash(sk1)
		if sk1.Hashed || sk1.SkNum != 0 {
			t.Errorf("%s: still bound", tc.name)
		}
	}
}

// TestUdpLongChain has so many sockets in a port's slot that the table by
// address answers instead.
func TestUdpLongChain(t *testing.T) {
	n := bareNet(t)
	for i := range 20 {
		if err := n.testBind(n.testUdp(), wire.AddrLoopback+wire.Addr(i), 5000); err != 0 {
			t.Fatalf("bind %d: %d", i, err)
		}
	}
	for _, addr := range []wire.Addr{wire.AddrLoopback, wire.AddrLoopback + 19} {
		if n.testBind(n.testUdp(), addr, 5000) == 0 {
			t.Errorf("%v bound twice", addr)
		}
	}
	if err := n.testBind(n.testUdp(), wire.AddrLoopback+20, 5000); err != 0 {
		t.Errorf("another address: %d", err)
	}
}

func TestUdpEphemeralPorts(t *testing.T) {
	n := bareNet(t)
	n.Sysctl.IpLocalPortRange = [2]int{40000, 40599}
	seen := make(map[uint16]bool)
	for i := range 600 {
		sk := n.testUdp()
		if err := n.testBind(sk, 0, 0); err != 0 {
			t.Fatalf("port %d: %d", i, err)
		}
		if sk.SkNum < 40000 || sk.SkNum > 40599 || seen[sk.SkNum] {
			t.Fatalf("port %d is %d", i, sk.SkNum)
		}
		seen[sk.SkNum] = true
	}
	if n.testBind(n.testUdp(), 0, 0) == 0 {
		t.Error("a port more than there are")
	}
	if n.udp.prot.Inuse != 600 {
		t.Errorf("in use: %d", n.udp.prot.Inuse)
	}
}

func TestUdpLookup(t *testing.T) {
	n := bareNet(t)
	const local, peer = wire.AddrLoopback, wire.AddrLoopback + 9
	add := func(addr wire.Addr, f func(sk *core.Sock)) *core.Sock {
		sk := n.testUdp()
		sk.SkReuse = core.SkCanReuse
		if err := n.testBind(sk, addr, 53); err != 0 {
			t.Fatal(err)
		}
		if f != nil {
			f(sk)
		}
		return sk
	}
	wild := add(0, nil)
	bound := add(local, nil)
	conn := add(local, func(sk *core.Sock) { sk.SkDaddr, sk.SkDport = peer, 1000 })
	for _, tc := range []struct {
		name  string
		saddr wire.Addr
		sport uint16
		daddr wire.Addr
		dport uint16
		want  *core.Sock
	}{
		{"the peer's", peer, 1000, local, 53, conn},
		{"another port of the peer", peer, 1001, local, 53, bound},
		{"a stranger's", peer + 1, 1000, local, 53, bound},
		{"to another address", peer, 1000, local + 1, 53, wild},
		{"to another port", peer, 1000, local, 54, nil},
	} {
		if got := n.udp4LibLookup__(tc.saddr, tc.sport, tc.daddr, tc.dport, 1); got != tc.want {
			t.Errorf("%s: %p, want %p", tc.name, got, tc.want)
		}
	}

	// A socket whose address changes is found by the new one alone.
	bound.SkRcvSaddr = local + 5
	n.udpV4Rehash(bound)
	if n.udp4LibLookup__(peer, 1, local+5, 53, 1) != bound || n.udp4LibLookup__(peer, 1, local, 53, 1) != wild {
		t.Error("rehash")
	}
}

// TestUdpReuseport spreads flows over the sockets of a group, each flow over
// one.
func TestUdpReuseport(t *testing.T) {
	n := bareNet(t)
	hits := make(map[*core.Sock]int)
	for range 4 {
		sk := n.testUdp()
		sk.SkReuseport = true
		if err := n.testBind(sk, wire.AddrLoopback, 53); err != 0 {
			t.Fatal(err)
		}
		hits[sk] = 0
	}
	for port := range uint16(400) {
		sk := n.udp4LibLookup__(wire.AddrLoopback, 1000+port, wire.AddrLoopback, 53, 1)
		if sk != n.udp4LibLookup__(wire.AddrLoopback, 1000+port, wire.AddrLoopback, 53, 1) {
			t.Fatal("a flow changed sockets")
		}
		hits[sk]++
	}
	if len(hits) != 4 {
		t.Fatalf("%d sockets", len(hits))
	}
	for _, c := range hits {
		if c < 60 || c > 140 {
			t.Errorf("%d of 400 flows", c)
		}
	}
}

// TestUdpRmem fills a receive buffer: what does not fit is dropped and counted,
// and reading gives the memory back.
func TestUdpRmem(t *testing.T) {
	n := bareNet(t)
	sk := n.testUdp()
	sk.SkRcvbuf = 4096
	queued := 0
	for range 100 {
		skb := n.AllocSkb(512)
		skb.Put(100)
		if n.udpQueueRcvSkb__(sk, skb) == 0 {
			queued++
		}
	}
	if queued == 0 || queued == 100 || sk.SkBacklog.RmemAlloc > 4096+2*core.SkbTruesize(1024) {
		t.Errorf("%d queued, %d bytes", queued, sk.SkBacklog.RmemAlloc)
	}
	if got := n.Mib[core.MibUdpRcvbufErrors]; got != uint64(100-queued) || sk.SkDrops != 100-queued {
		t.Errorf("%d errors, %d drops, %d queued", got, sk.SkDrops, queued)
	}
	recv := func() (*core.SkBuff, int) {
		peeked, off, err := false, 0, 0
		skb := n.skbRecvUdp__(sk, 0, true, &peeked, &off, &err)
		return skb, err
	}
	for i := range queued {
		skb, err := recv()
		if skb == nil {
			t.Fatalf("datagram %d: %d", i, err)
		}
		n.skbConsumeUdp(sk, skb, skb.Len)
	}
	if _, err := recv(); err != -core.EAGAIN {
		t.Errorf("empty queue: %d", err)
	}
	n.udpRmemRelease(sk, 0, 0, true)
	if sk.SkBacklog.RmemAlloc != 0 || sk.SkForwardAlloc != 0 || n.udp.prot.MemoryAllocated != 0 {
		t.Errorf("left: %d, %d, %d", sk.SkBacklog.RmemAlloc, sk.SkForwardAlloc, n.udp.prot.MemoryAllocated)
	}
	sk.SkErr = core.ECONNREFUSED
	if _, err := recv(); err != -core.ECONNREFUSED {
		t.Errorf("error: %d", err)
	}
}
