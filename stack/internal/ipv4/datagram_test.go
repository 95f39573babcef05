package ipv4

import (
	"bytes"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const testLo = wire.AddrLoopback

// testMachine is a machine whose loopback is up.
func testMachine(t testing.TB) *Net {
	n := new(Net)
	n.Init(kernel.Config{Seed: 1})
	t.Cleanup(n.Close)
	n.process(func() {
		if err := n.DevChangeFlags(n.Loopback, n.Loopback.Flags|core.IffUp); err != 0 {
			t.Fatalf("lo: %d", err)
		}
	})
	return n
}

// process runs body in a process until it ends, and then the machine until
// nothing is left to do now.
func (n *Net) process(body func()) {
	task := n.Fork(nil, "test", func(*kernel.Task) int { body(); return 0 })
	n.Run(n.Now()+time.Hour, func() bool { return n.Task(task.Pid) != task })
}

func (n *Net) socket(t testing.TB, typ uint8, protocol int) *core.Socket {
	sock := &core.Socket{Type: typ}
	if err := n.InetCreate(&n.Net, sock, protocol, false); err != 0 {
		t.Fatalf("socket: %d", err)
	}
	return sock
}

func (n *Net) udpSocket(t testing.TB) *core.Socket { return n.socket(t, core.SockDgram, 0) }

func sendTo(sock *core.Socket, data []byte, flags int, to core.Sockaddr) int {
	msg := core.Msghdr{Iter: data, Flags: flags, Name: to}
	return sock.Ops.Sendmsg(sock, &msg, len(data))
}

// recvFrom receives up to size bytes.
func recvFrom(sock *core.Socket, size, flags int) (data []byte, from core.Sockaddr, msgFlags, res int) {
	buf := make([]byte, size)
	msg := core.Msghdr{Iter: buf, Name: make(core.Sockaddr, 0, 128)}
	res = sock.Ops.Recvmsg(sock, &msg, size, flags)
	return buf[:max(size-len(msg.Iter), 0)], msg.Name, msg.Flags, res
}

func bindTo(t testing.TB, sock *core.Socket, addr wire.Addr, port uint16) {
	if err := sock.Ops.Bind(sock, sin(core.AfInet, addr, port), sizeofSockaddrIn); err != 0 {
		t.Fatalf("bind %v:%d: %d", addr, port, err)
	}
}

// TestUdpSession is the life of two UDP sockets: a datagram each way, then one
// to a port where nobody listens.
func TestUdpSession(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		s, c := n.udpSocket(t), n.udpSocket(t)
		bindTo(t, s, testLo, 5002)
		if r := sendTo(c, []byte("hello"), 0, sin(core.AfInet, testLo, 5002)); r != 5 {
			t.Fatalf("sendto: %d", r)
		}
		data, from, _, r := recvFrom(s, 100, 0)
		if r != 5 || string(data) != "hello" || sinAddr(from) != testLo || sinPort(from) != c.Sk.SkNum {
			t.Fatalf("recvfrom: %d %q %v", r, data, from)
		}
		if r := sendTo(s, []byte("hi"), 0, from); r != 2 {
			t.Fatalf("reply: %d", r)
		}
		if data, from, _, r := recvFrom(c, 100, 0); r != 2 || string(data) != "hi" || sinPort(from) != 5002 {
			t.Fatalf("reply: %d %q %v", r, data, from)
		}

		if r := c.Ops.Connect(c, sin(core.AfInet, testLo, 5998), sizeofSockaddrIn, 0); r != 0 {
			t.Fatalf("connect: %d", r)
		}
		if c.Sk.SkState != core.TcpEstablished || c.Sk.SkRcvSaddr != testLo {
			t.Errorf("connected: state %d, bound to %v", c.Sk.SkState, c.Sk.SkRcvSaddr)
		}
		if r := sendTo(c, []byte("x"), 0, nil); r != 1 {
			t.Fatalf("send: %d", r)
		}
		if _, _, _, r := recvFrom(c, 100, core.MsgDontwait); r != -core.ECONNREFUSED {
			t.Errorf("recv from a closed port: %d", r)
		}
		if _, _, _, r := recvFrom(c, 100, core.MsgDontwait); r != -core.EAGAIN {
			t.Errorf("recv again: %d", r)
		}
		for _, sock := range []*core.Socket{s, c} {
			if r := sock.Ops.Release(sock); r != 0 {
				t.Errorf("close: %d", r)
			}
		}
	})
	for mib, want := range map[int]uint64{
		core.MibUdpInDatagrams:      2,
		core.MibUdpOutDatagrams:     3,
		core.MibUdpNoPorts:          1,
		core.MibIcmpOutMsgs:         1,
		core.MibIcmpOutDestUnreachs: 1,
		core.MibIcmpInMsgs:          1,
		core.MibIcmpInDestUnreachs:  1,
		core.MibIcmpInErrors:        0,
		core.MibUdpInErrors:         0,
	} {
		if got := n.Mib[mib]; got != want {
			t.Errorf("%s: %d, want %d", core.MibNames[mib], got, want)
		}
	}
	gracePeriod(n)
	if n.udp.prot.Inuse != 0 || n.udp.prot.MemoryAllocated != 0 {
		t.Errorf("left: %d sockets, %d pages", n.udp.prot.Inuse, n.udp.prot.MemoryAllocated)
	}
}

// TestPing sends an echo request from a raw socket, which hears its own request
// first and then the reply.
func TestPing(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		sock := n.socket(t, core.SockRaw, int(wire.ProtoICMP))
		req := make(wire.ICMPv4, wire.ICMPv4Len+8)
		req.SetType(wire.ICMPEcho)
		req.SetID(77)
		req.SetSeq(1)
		copy(req[wire.ICMPv4Len:], "menuos!!")
		req.UpdateChecksum()
		if r := sendTo(sock, req, 0, sin(core.AfInet, testLo, 0)); r != len(req) {
			t.Fatalf("sendto: %d", r)
		}
		for i, typ := range []uint8{wire.ICMPEcho, wire.ICMPEchoReply} {
			data, from, _, r := recvFrom(sock, 100, core.MsgDontwait)
			if r != 36 || sinAddr(from) != testLo {
				t.Fatalf("packet %d: %d %v", i, r, from)
			}
			ip := wire.IPv4(data)
			icmp := wire.ICMPv4(ip.Payload())
			if !ip.ChecksumOK() || ip.Src() != testLo || ip.Dst() != testLo || !icmp.ChecksumOK() ||
				icmp.Type() != typ || icmp.ID() != 77 || icmp.Seq() != 1 || string(icmp.Payload()) != "menuos!!" {
				t.Errorf("packet %d: % x", i, data)
			}
		}
		if r := sock.Ops.Release(sock); r != 0 {
			t.Errorf("close: %d", r)
		}
	})
	if n.Mib[core.MibIcmpInEchos] != 1 || n.Mib[core.MibIcmpOutEchoReps] != 1 || n.Mib[core.MibIcmpInEchoReps] != 1 {
		t.Error("counters")
	}
}

// TestUdpRecvFlags reads one datagram in every way there is.
func TestUdpRecvFlags(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		s, c := n.udpSocket(t), n.udpSocket(t)
		bindTo(t, s, testLo, 5002)
		want := bytes.Repeat([]byte("0123456789"), 20)
		for range 3 {
			sendTo(c, want, 0, sin(core.AfInet, testLo, 5002))
		}
		check := func(name string, size, flags, res, msgFlags int) {
			t.Helper()
			data, _, mf, r := recvFrom(s, size, flags)
			if r != res || mf&core.MsgTrunc != msgFlags || !bytes.Equal(data, want[:len(data)]) || len(data) != min(size, 200) {
				t.Errorf("%s: %d, flags %x, %d bytes", name, r, mf, len(data))
			}
		}
		check("peek", 50, core.MsgPeek, 50, core.MsgTrunc)
		check("peek for the length", 50, core.MsgPeek|core.MsgTrunc, 200, core.MsgTrunc)
		check("whole", 300, 0, 200, 0)
		check("cut", 10, 0, 10, core.MsgTrunc)
		check("cut, for the length", 10, core.MsgTrunc, 200, core.MsgTrunc)
		if _, _, _, r := recvFrom(s, 10, core.MsgDontwait); r != -core.EAGAIN {
			t.Errorf("empty: %d", r)
		}
	})
}

// TestUdpRecvBlocks has a reader wait for a datagram, and another run into its
// timeout.
func TestUdpRecvBlocks(t *testing.T) {
	n := testMachine(t)
	var s *core.Socket
	n.process(func() {
		s = n.udpSocket(t)
		bindTo(t, s, testLo, 5002)
	})
	got := ""
	reader := n.Fork(nil, "reader", func(*kernel.Task) int {
		data, _, _, _ := recvFrom(s, 10, 0)
		got = string(data)
		return 0
	})
	n.Run(n.Now()+time.Second, nil)
	if n.Task(reader.Pid) != reader || got != "" {
		t.Fatal("the reader did not wait")
	}
	n.process(func() { sendTo(n.udpSocket(t), []byte("late"), 0, sin(core.AfInet, testLo, 5002)) })
	n.Run(n.Now()+time.Second, nil)
	if got != "late" {
		t.Errorf("got %q", got)
	}
	n.process(func() {
		s.Sk.SkRcvtimeo = 250
		from := n.Now()
		if _, _, _, r := recvFrom(s, 10, 0); r != -core.EAGAIN || n.Now()-from < 250*time.Millisecond {
			t.Errorf("timeout: %d after %v", r, n.Now()-from)
		}
	})
}

// TestUdpCork puts a datagram together from pieces, with MSG_MORE and with
// UDP_CORK.
func TestUdpCork(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		s, c := n.udpSocket(t), n.udpSocket(t)
		bindTo(t, s, testLo, 5002)
		to := sin(core.AfInet, testLo, 5002)
		sendTo(c, []byte("one "), core.MsgMore, to)
		sendTo(c, []byte("two "), core.MsgMore, to)
		if _, _, _, r := recvFrom(s, 100, core.MsgDontwait); r != -core.EAGAIN {
			t.Errorf("sent too early: %d", r)
		}
		sendTo(c, []byte("three"), 0, to)
		if data, _, _, r := recvFrom(s, 100, core.MsgDontwait); string(data) != "one two three" {
			t.Errorf("MSG_MORE: %d %q", r, data)
		}

		on, off := []byte{1, 0, 0, 0}, []byte{0, 0, 0, 0}
		if r := c.Ops.Setsockopt(c, core.SolUdp, udpOptCork, on); r != 0 {
			t.Fatalf("UDP_CORK: %d", r)
		}
		sendTo(c, []byte("a"), 0, to)
		sendTo(c, []byte("b"), 0, to)
		if r := c.Ops.Setsockopt(c, core.SolUdp, udpOptCork, off); r != 0 {
			t.Fatalf("UDP_CORK off: %d", r)
		}
		if data, _, _, r := recvFrom(s, 100, core.MsgDontwait); string(data) != "ab" {
			t.Errorf("UDP_CORK: %d %q", r, data)
		}
		if r := c.Ops.Setsockopt(c, core.SolUdp, 77, on); r != -core.ENOPROTOOPT {
			t.Errorf("unknown option: %d", r)
		}
		// A corked datagram that is never sent goes with its socket.
		sendTo(c, []byte("lost"), core.MsgMore, to)
		c.Ops.Release(c)
	})
}

// TestUdpLarge sends datagrams that need fragments, up to the largest there is.
func TestUdpLarge(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		n.Loopback.Mtu = 1500
		s, c := n.udpSocket(t), n.udpSocket(t)
		bindTo(t, s, testLo, 5002)
		to := sin(core.AfInet, testLo, 5002)
		for _, size := range []int{0, 1, 1472, 1473, 3001, 9000, 65507} {
			want := make([]byte, size)
			for i := range want {
				want[i] = byte(i * 7)
			}
			if r := sendTo(c, want, 0, to); r != size {
				t.Errorf("send %d: %d", size, r)
				continue
			}
			data, _, _, r := recvFrom(s, 70000, core.MsgDontwait)
			if r != size || !bytes.Equal(data, want) {
				t.Errorf("receive %d: %d", size, r)
			}
		}
		if r := sendTo(c, make([]byte, 65508), 0, to); r != -core.EMSGSIZE {
			t.Errorf("too large: %d", r)
		}
	})
	if n.Mib[core.MibUdpInErrors] != 0 {
		t.Errorf("%d errors", n.Mib[core.MibUdpInErrors])
	}
}

// TestUdpErrno has the errors that a call runs into on a real machine.
func TestUdpErrno(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		c := n.udpSocket(t)
		for _, tc := range []struct {
			name string
			got  int
			want int
		}{
			{"no route", sendTo(c, []byte("x"), 0, sin(core.AfInet, 0x0a000001, 7)), -core.ENETUNREACH},
			{"connect without a route", c.Ops.Connect(c, sin(core.AfInet, 0x0a000001, 7), 16, 0), -core.ENETUNREACH},
			{"broadcast", sendTo(c, []byte("x"), 0, sin(core.AfInet, 0x7fffffff, 7)), -core.EACCES},
			{"bind to a stranger's", c.Ops.Bind(c, sin(core.AfInet, 0x0a000001, 7), 16), -core.EADDRNOTAVAIL},
			{"accept", c.Ops.Accept(c, c, 0, false), -core.EOPNOTSUPP},
			{"listen", c.Ops.Listen(c, 1), -core.EOPNOTSUPP},
		} {
			if tc.got != tc.want {
				t.Errorf("%s: %d, want %d", tc.name, tc.got, tc.want)
			}
		}
		// Disconnected by AF_UNSPEC it may connect again.
		if r := c.Ops.Connect(c, sin(core.AfInet, testLo, 7), 16, 0); r != 0 {
			t.Errorf("connect: %d", r)
		}
		if r := c.Ops.Connect(c, sin(core.AfUnspec, 0, 0), 16, 0); r != 0 || c.Sk.SkState != core.TcpClose || c.Sk.SkDaddr != 0 {
			t.Errorf("disconnect: %d", r)
		}
		if r := sendTo(c, []byte("x"), 0, nil); r != -core.EDESTADDRREQ {
			t.Errorf("send after that: %d", r)
		}
	})
	if n.Mib[core.MibIpOutNoRoutes] != 2 {
		t.Errorf("%d without a route", n.Mib[core.MibIpOutNoRoutes])
	}
}

// TestRawHdrincl sends a packet whose header the program wrote.
func TestRawHdrincl(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		s := n.udpSocket(t)
		bindTo(t, s, testLo, 5002)
		raw := n.socket(t, core.SockRaw, int(wire.ProtoRaw))
		pkt := make([]byte, 20+8+2)
		ip := wire.IPv4(pkt)
		ip.SetVersionIHL(20)
		ip.SetTTL(9)
		ip.SetProtocol(wire.ProtoUDP)
		ip.SetDst(testLo)
		udp := wire.UDP(pkt[20:])
		udp.SetSrcPort(1)
		udp.SetDstPort(5002)
		udp.SetLength(10)
		copy(pkt[28:], "ok")
		if r := sendTo(raw, pkt, 0, sin(core.AfInet, testLo, 0)); r != len(pkt) {
			t.Fatalf("send: %d", r)
		}
		if data, from, _, r := recvFrom(s, 10, core.MsgDontwait); string(data) != "ok" || sinPort(from) != 1 || sinAddr(from) != testLo {
			t.Errorf("got %q from %v: %d", data, from, r)
		}
		pkt[0] = 0x4f
		if r := sendTo(raw, pkt, 0, sin(core.AfInet, testLo, 0)); r != -core.EINVAL {
			t.Errorf("header longer than the packet: %d", r)
		}
		if r := sendTo(raw, pkt[:10], 0, sin(core.AfInet, testLo, 0)); r != -core.EINVAL {
			t.Errorf("no header: %d", r)
		}
	})
}

// TestUdpBadChecksum receives datagrams that somebody damaged.
func TestUdpBadChecksum(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		s := n.udpSocket(t)
		bindTo(t, s, testLo, 5002)
		raw := n.socket(t, core.SockRaw, int(wire.ProtoUDP))
		send := func(size int, damage bool) {
			d := make(wire.UDP, 8+size)
			d.SetSrcPort(1)
			d.SetDstPort(5002)
			d.SetLength(uint16(8 + size))
			d.UpdateChecksum(testLo, testLo)
			if damage {
				d[len(d)-1] ^= 1
			}
			if r := sendTo(raw, d, 0, sin(core.AfInet, testLo, 0)); r != len(d) {
				t.Fatalf("send: %d", r)
			}
		}
		for _, size := range []int{10, 1000} { // checked at once, and when read
			errs := n.Mib[core.MibUdpInCsumErrors]
			send(size, false)
			send(size, true)
			if _, _, _, r := recvFrom(s, 2000, core.MsgDontwait); r != size {
				t.Errorf("good one of %d: %d", size, r)
			}
			if _, _, _, r := recvFrom(s, 2000, core.MsgDontwait); r != -core.EAGAIN {
				t.Errorf("bad one of %d: %d", size, r)
			}
			if n.Mib[core.MibUdpInCsumErrors] != errs+1 {
				t.Errorf("bad one of %d is not counted", size)
			}
		}
		short := make(wire.UDP, 8)
		short.SetDstPort(5002)
		short.SetLength(100)
		sendTo(raw, short, 0, sin(core.AfInet, testLo, 0))
		if _, _, _, r := recvFrom(s, 10, core.MsgDontwait); r != -core.EAGAIN {
			t.Errorf("truncated: %d", r)
		}
	})
}

// TestUdpAllocs sends and receives a datagram without allocating.
func TestUdpAllocs(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		s, c := n.udpSocket(t), n.udpSocket(t)
		bindTo(t, s, testLo, 5002)
		if r := c.Ops.Connect(c, sin(core.AfInet, testLo, 5002), sizeofSockaddrIn, 0); r != 0 {
			t.Fatal(r)
		}
		data, buf := make([]byte, 1000), make([]byte, 1000)
		name := make(core.Sockaddr, 0, 16)
		msg := new(core.Msghdr)
		round := func() {
			*msg = core.Msghdr{Iter: data}
			if r := c.Ops.Sendmsg(c, msg, len(data)); r != len(data) {
				t.Fatal(r)
			}
			*msg = core.Msghdr{Iter: buf, Name: name}
			if r := s.Ops.Recvmsg(s, msg, len(buf), core.MsgDontwait); r != len(data) {
				t.Fatal(r)
			}
		}
		for range 100 {
			round()
		}
		if got := testing.AllocsPerRun(1000, round); got != 0 {
			t.Errorf("%v allocations a datagram", got)
		}
	})
}

// TestPingAllocs does the same with an echo request and its reply.
func TestPingAllocs(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		sock := n.socket(t, core.SockRaw, int(wire.ProtoICMP))
		req := make(wire.ICMPv4, 64)
		req.SetType(wire.ICMPEcho)
		req.UpdateChecksum()
		to, buf, msg := sin(core.AfInet, testLo, 0), make([]byte, 100), new(core.Msghdr)
		round := func() {
			*msg = core.Msghdr{Iter: req, Name: to}
			if r := sock.Ops.Sendmsg(sock, msg, len(req)); r != len(req) {
				t.Fatal(r)
			}
			for range 2 {
				*msg = core.Msghdr{Iter: buf}
				if r := sock.Ops.Recvmsg(sock, msg, len(buf), core.MsgDontwait); r != 84 {
					t.Fatal(r)
				}
			}
		}
		for range 100 {
			round()
		}
		if got := testing.AllocsPerRun(1000, round); got != 0 {
			t.Errorf("%v allocations a ping", got)
		}
	})
}

// TestNoise sends what no program sends: ICMP and UDP of random bytes, half of
// it with checksums that are right. Nothing may break, and all memory comes
// back.
func TestNoise(t *testing.T) {
	n := testMachine(t)
	var closed []*core.Sock
	n.process(func() {
		u := n.udpSocket(t)
		bindTo(t, u, testLo, 5002)
		raws := map[uint8]*core.Socket{
			wire.ProtoICMP: n.socket(t, core.SockRaw, int(wire.ProtoICMP)),
			wire.ProtoUDP:  n.socket(t, core.SockRaw, int(wire.ProtoUDP)),
		}
		for i := range 20000 {
			b := make([]byte, 8+n.PrandomU32Max(80))
			for j := range b {
				b[j] = byte(n.PrandomU32())
			}
			proto := []uint8{wire.ProtoICMP, wire.ProtoUDP}[i&1]
			if proto == wire.ProtoICMP {
				b[0] %= 20
				if i&2 != 0 && len(b) > 30 { // quotes a datagram of the socket's
					ip := wire.IPv4(b[8:])
					ip.SetVersionIHL(int(n.PrandomU32Max(8)) * 4)
					ip.SetProtocol([]uint8{wire.ProtoICMP, wire.ProtoUDP, 200}[n.PrandomU32Max(3)])
				}
				if i&4 != 0 {
					wire.ICMPv4(b).UpdateChecksum()
				}
			} else {
				udp := wire.UDP(b)
				udp.SetDstPort(5002)
				if i&2 != 0 {
					udp.SetLength(uint16(len(b)))
				}
				if i&4 != 0 && udp.Valid() {
					udp.UpdateChecksum(testLo, testLo)
				}
			}
			sendTo(raws[proto], b, 0, sin(core.AfInet, testLo, 0))
			if i%50 == 0 {
				for _, sock := range []*core.Socket{u, raws[wire.ProtoICMP], raws[wire.ProtoUDP]} {
					for r := 0; r != -core.EAGAIN; {
						_, _, _, r = recvFrom(sock, 100, core.MsgDontwait)
					}
				}
			}
		}
		for _, sock := range []*core.Socket{u, raws[wire.ProtoICMP], raws[wire.ProtoUDP]} {
			sk := sock.Sk
			sock.Ops.Release(sock)
			closed = append(closed, sk)
		}
	})
	gracePeriod(n)
	for _, sk := range closed {
		if sk.SkBacklog.RmemAlloc != 0 || sk.SkForwardAlloc != 0 {
			t.Errorf("left: %d, %d", sk.SkBacklog.RmemAlloc, sk.SkForwardAlloc)
		}
	}
	if n.udp.prot.MemoryAllocated != 0 || n.raw.prot.MemoryAllocated != 0 {
		t.Errorf("left: %d, %d pages", n.udp.prot.MemoryAllocated, n.raw.prot.MemoryAllocated)
	}
}

// gracePeriod lets RCU callbacks run: closed UDP sockets are destroyed in one.
func gracePeriod(n *Net) { n.Run(n.Now()+10*time.Millisecond, nil) }
