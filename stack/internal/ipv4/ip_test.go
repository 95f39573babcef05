package ipv4

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const testProto = 253 // for experiments (RFC 3692)

// testPacket is a packet of an unused protocol as a device would bring it.
func (n *Net) testPacket(dev *core.NetDevice, src, dst wire.Addr, id uint16, payload []byte) *core.SkBuff {
	skb := n.AllocSkb(128 + len(payload))
	skb.Reserve(64)
	iph := wire.IPv4(skb.Put(wire.IPv4MinLen + len(payload)))
	clear(iph[:wire.IPv4MinLen])
	iph.SetVersionIHL(wire.IPv4MinLen)
	iph.SetTotalLen(uint16(skb.Len))
	iph.SetID(id)
	iph.SetTTL(64)
	iph.SetProtocol(testProto)
	iph.SetSrc(src)
	iph.SetDst(dst)
	copy(iph[wire.IPv4MinLen:], payload)
	iph.UpdateChecksum()
	skb.ResetMacHeader()
	skb.ResetNetworkHeader()
	skb.TransportHeader = skb.NetworkHeader + wire.IPv4MinLen
	skb.Dev, skb.SkbIif = dev, dev.Ifindex
	skb.Protocol = wire.EtherTypeIPv4
	skb.PktType = core.PacketHost
	return skb
}

// receiver collects what arrives for testProto.
func (n *Net) receiver() *[][]byte {
	got := new([][]byte)
	n.InetAddProtocol(&NetProtocol{Handler: func(skb *core.SkBuff) int {
		b := make([]byte, skb.Len)
		n.SkbCopyBits(skb, 0, b)
		*got = append(*got, b)
		n.ConsumeSkb(skb)
		return 0
	}}, testProto)
	return got
}

// softirq runs body the way a device's receive softirq would.
func (n *Net) softirq(body func()) {
	n.process(func() {
		n.LocalBhDisable()
		body()
		n.LocalBhEnable()
	})
}

func TestIpRcvHeader(t *testing.T) {
	n := dummyMachine(t)
	got := n.receiver()
	dev := n.DevGetByName("dummy0")
	for _, tc := range []struct {
		name  string
		spoil func(skb *core.SkBuff)
		mib   int // that counts it, besides InReceives
	}{
		{"good", func(*core.SkBuff) {}, core.MibIpInDelivers},
		{"checksum", func(skb *core.SkBuff) { skb.Ip().SetChecksum(skb.Ip().Checksum() ^ 1) }, core.MibIpExtInCsumErrors},
		{"checksum", func(skb *core.SkBuff) { skb.Ip().SetChecksum(skb.Ip().Checksum() ^ 1) }, core.MibIpInHdrErrors},
		{"version", func(skb *core.SkBuff) { skb.Ip()[0] = 0x65 }, core.MibIpInHdrErrors},
		{"short header", func(skb *core.SkBuff) { skb.Ip()[0] = 0x44 }, core.MibIpInHdrErrors},
		{"truncated", func(skb *core.SkBuff) { skb.Ip().SetTotalLen(60); skb.Ip().UpdateChecksum() }, core.MibIpExtInTruncatedPkts},
		{"shorter than its header", func(skb *core.SkBuff) { skb.Ip().SetTotalLen(19); skb.Ip().UpdateChecksum() }, core.MibIpInHdrErrors},
		{"a runt", func(skb *core.SkBuff) { skb.Trim(19) }, core.MibIpInHdrErrors},
		{"bad options", func(skb *core.SkBuff) {
			skb.Ip().SetVersionIHL(24)
			copy(skb.Ip()[20:], []byte{7, 9, 4, 0}) // record route, longer than the header
			skb.Ip().UpdateChecksum()
		}, core.MibIpInHdrErrors},
		{"unknown protocol", func(skb *core.SkBuff) { skb.Ip().SetProtocol(254); skb.Ip().UpdateChecksum() }, core.MibIpInUnknownProtos},
		{"not for us", func(skb *core.SkBuff) { skb.Ip().SetDst(ip4(t, "8.8.8.8")); skb.Ip().UpdateChecksum() }, core.MibIpInAddrErrors},
		{"padded by the link", func(skb *core.SkBuff) { skb.Put(20) }, core.MibIpInDelivers},
	} {
		*got = nil
		before := n.Mib
		skb := n.testPacket(dev, ip4(t, "10.0.0.2"), ip4(t, "10.9.9.1"), 1, []byte("a payload of 20 byte"))
		tc.spoil(skb)
		n.softirq(func() { n.ipRcv(skb, dev, nil, dev) })
		if n.Mib[tc.mib] != before[tc.mib]+1 {
			t.Errorf("%s: counter %d went up by %d", tc.name, tc.mib, n.Mib[tc.mib]-before[tc.mib])
		}
		if delivered := tc.mib == core.MibIpInDelivers; delivered != (len(*got) == 1) {
			t.Errorf("%s: delivered %q", tc.name, *got)
		} else if delivered && string((*got)[0]) != "a payload of 20 byte" {
			t.Errorf("%s: delivered %q", tc.name, *got)
		}
	}
}

// TestMartians drops, without a word, what cannot come in through a wire.
func TestMartians(t *testing.T) {
	n := dummyMachine(t)
	got := n.receiver()
	dev := n.DevGetByName("dummy0")
	for _, a := range [][2]string{
		{"127.0.0.1", "10.9.9.1"}, {"10.0.0.2", "127.0.0.1"}, {"224.0.0.1", "10.9.9.1"}, {"255.255.255.255", "10.9.9.1"},
		{"0.0.0.0", "10.9.9.1"}, {"10.0.0.2", "0.0.0.1"}, {"10.9.9.1", "10.9.9.1"}, {"10.0.0.2", "239.1.2.3"},
	} {
		skb := n.testPacket(dev, ip4(t, a[0]), ip4(t, a[1]), 1, []byte("x"))
		n.softirq(func() { n.ipRcv(skb, dev, nil, dev) })
		if len(*got) != 0 {
			t.Errorf("a packet from %s to %s was delivered", a[0], a[1])
			*got = nil
		}
	}
}

// fragments cuts a packet for a link with the given MTU.
func (n *Net) fragments(t testing.TB, skb *core.SkBuff, mtu int) []*core.SkBuff {
	dev := n.DevGetByName("dummy0")
	dev.Mtu = mtu
	fl4 := Flowi4{Daddr: ip4(t, "10.0.0.2")}
	rt, err := n.IpRouteOutputFlow(&fl4, nil)
	if err != 0 {
		t.Fatalf("no route: %d", err)
	}
	core.SkbDstSet(skb, &rt.DstEntry)
	var out []*core.SkBuff
	if err := n.ipDoFragment(&n.Net, nil, skb, func(_ *core.Net, _ *core.Sock, skb *core.SkBuff) int {
		out = append(out, skb)
		return 0
	}); err != 0 {
		t.Fatalf("ip_do_fragment: %d", err)
	}
	return out
}

// receive brings a packet in as if it came from the wire.
func (n *Net) receive(skb *core.SkBuff) {
	n.SkbDstDrop(skb)
	dev := n.DevGetByName("dummy0")
	skb.Dev, skb.SkbIif = dev, dev.Ifindex
	n.softirq(func() { n.ipRcv(skb, dev, nil, dev) })
}

// TestFragmentRoundTrip cuts packets of any size for any MTU, shuffles and
// doubles the pieces, and gets the packet back, once.
func TestFragmentRoundTrip(t *testing.T) {
	n := dummyMachine(t)
	got := n.receiver()
	rng := rand.New(rand.NewPCG(3, 4))
	for id := range uint16(200) {
		payload := make([]byte, 1+rng.IntN(9000))
		for i := range payload {
			payload[i] = byte(rng.Uint32())
		}
		mtu := 68 + rng.IntN(1500)
		skb := n.testPacket(n.DevGetByName("dummy0"), ip4(t, "10.0.0.2"), ip4(t, "10.9.9.1"), id, payload)
		frags := n.fragments(t, skb, mtu)
		for _, f := range frags {
			iph := f.Ip()
			if f.Len > mtu || !iph.ChecksumOK() || int(iph.TotalLen()) != f.Len || iph.ID() != id {
				t.Fatalf("bad fragment of %d bytes for MTU %d: % x", f.Len, mtu, iph[:20])
			}
		}
		if len(frags) > 1 && rng.IntN(3) == 0 {
			frags = append(frags, n.SkbCopy(frags[rng.IntN(len(frags))]))
		}
		rng.Shuffle(len(frags), func(i, j int) { frags[i], frags[j] = frags[j], frags[i] })
		*got = nil
		for _, f := range frags {
			n.receive(f)
		}
		if len(*got) != 1 || !bytes.Equal((*got)[0], payload) {
			t.Fatalf("%d bytes in %d pieces came back %d times", len(payload), len(frags), len(*got))
		}
	}
	n.Run(n.Now()+time.Minute, nil) // copies that came late wait in vain
	if n.frags.mem != 0 || len(n.frags.queues) != 0 {
		t.Errorf("%d bytes in %d queues are left", n.frags.mem, len(n.frags.queues))
	}
}

// pieces builds fragments by hand, from pairs of start and end.
func (n *Net) piece(t testing.TB, id uint16, payload []byte, start, end int, more bool) *core.SkBuff {
	skb := n.testPacket(n.DevGetByName("dummy0"), ip4(t, "10.0.0.2"), ip4(t, "10.9.9.1"), id, payload[start:end])
	flags := uint16(0)
	if more {
		flags = wire.IPv4MF
	}
	skb.Ip().SetFrag(flags, start)
	skb.Ip().UpdateChecksum()
	return skb
}

func TestFragmentErrors(t *testing.T) {
	n := dummyMachine(t)
	got := n.receiver()
	data := make([]byte, 64)
	for i, tc := range []struct {
		name   string
		pieces [][3]int // start, end, more
		mib    int
	}{
		{"overlap", [][3]int{{0, 24, 1}, {16, 40, 1}, {40, 64, 0}}, core.MibIpExtReasmOverlaps},
		{"overlap from below", [][3]int{{16, 40, 1}, {8, 32, 1}}, core.MibIpExtReasmOverlaps},
		{"two ends", [][3]int{{40, 64, 0}, {40, 48, 0}}, core.MibIpReasmReqds},
		{"beyond the end", [][3]int{{16, 32, 0}, {32, 48, 1}}, core.MibIpReasmReqds},
		{"empty", [][3]int{{8, 8, 1}}, core.MibIpReasmReqds},
	} {
		before := n.Mib
		for _, p := range tc.pieces {
			n.receive(n.piece(t, uint16(i), data, p[0], p[1], p[2] != 0))
		}
		if len(*got) != 0 {
			t.Errorf("%s: delivered", tc.name)
		}
		if n.Mib[tc.mib] == before[tc.mib] {
			t.Errorf("%s: not counted", tc.name)
		}
		*got = nil
		n.Run(n.Now()+time.Minute, nil)
		if n.frags.mem != 0 || len(n.frags.queues) != 0 {
			t.Fatalf("%s: %d bytes in %d queues are left", tc.name, n.frags.mem, len(n.frags.queues))
		}
	}
}

// TestFragmentTimeout waits 30 seconds for the rest, then tells the sender.
func TestFragmentTimeout(t *testing.T) {
	n := dummyMachine(t)
	n.receive(n.piece(t, 1, make([]byte, 64), 0, 24, true))
	n.Run(n.Now()+29*time.Second, nil)
	if n.Mib[core.MibIpReasmTimeout] != 0 || len(n.frags.queues) != 1 {
		t.Error("gave up too soon")
	}
	n.Run(n.Now()+6*time.Second, nil)
	if n.Mib[core.MibIpReasmTimeout] != 1 || n.Mib[core.MibIpReasmFails] != 1 || len(n.frags.queues) != 0 {
		t.Error("waits for ever")
	}
	if n.Mib[core.MibIcmpOutTimeExcds] != 1 {
		t.Error("the sender hears nothing")
	}
}

// TestFragmentLimit keeps strangers from filling the memory.
func TestFragmentLimit(t *testing.T) {
	n := dummyMachine(t)
	n.Sysctl.IpfragHighThresh = 16 << 10
	for id := range uint16(100) {
		n.receive(n.piece(t, id, make([]byte, 1024), 0, 1000, true))
	}
	if n.frags.mem > 32<<10 {
		t.Errorf("%d bytes wait", n.frags.mem)
	}
	if n.Mib[core.MibIpReasmFails] == 0 {
		t.Error("nothing was refused")
	}
}

// TestIdent says what identifications packets get.
func TestIdent(t *testing.T) {
	n := testMachine(t)
	skb := n.testPacket(n.Loopback, testLo, testLo, 0, nil)
	sk := n.udpSocket(t).Sk
	skb.Ip().SetFrag(wire.IPv4DF, 0)
	n.ipSelectIdent(skb, sk)
	if got := skb.Ip().ID(); got != 0 {
		t.Errorf("DF, not connected: %d", got)
	}
	sk.SkDaddr = testLo
	InetSk(sk).InetId = 41
	n.ipSelectIdentSegs(skb, sk, 3)
	if got := skb.Ip().ID(); got != 41 || InetSk(sk).InetId != 44 {
		t.Errorf("DF, connected: %d, then %d", got, InetSk(sk).InetId)
	}
	skb.Ip().SetFrag(0, 0)
	n.ipSelectIdent(skb, sk)
	first := skb.Ip().ID()
	n.ipSelectIdent(skb, sk)
	if got := skb.Ip().ID(); got != first+1 {
		t.Errorf("without DF: %d after %d in the same instant", got, first)
	}
	n.KfreeSkb(skb)
}

// TestIpOptions parses what a program may set.
func TestIpOptions(t *testing.T) {
	n := testMachine(t)
	for _, tc := range []struct {
		opt  []byte
		want int
	}{
		{nil, 0},
		{[]byte{1, 1, 1}, 0},
		{[]byte{7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0}, 0},            // record route
		{[]byte{7, 11, 3, 0, 0, 0, 0, 0, 0, 0, 0}, -core.EINVAL}, // pointer too small
		{[]byte{131, 7, 4, 10, 0, 0, 2}, 0},                      // loose source route
		{[]byte{131, 8, 4, 10, 0, 0, 2, 0}, -core.EINVAL},
		{[]byte{68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0}, // timestamps
		{[]byte{68, 3, 5}, -core.EINVAL},
		{[]byte{7, 50}, -core.EINVAL},
		{make([]byte, 41), -core.EINVAL},
	} {
		raw, err := n.ipOptionsGet(tc.opt)
		if err != tc.want {
			t.Errorf("% d: %d, want %d", tc.opt, err, tc.want)
		} else if err == 0 && len(raw)&3 != 0 {
			t.Errorf("% d: kept %d bytes", tc.opt, len(raw))
		}
	}
	raw, _ := n.ipOptionsGet([]byte{131, 11, 4, 10, 0, 0, 2, 10, 0, 0, 3})
	inet := &InetSock{InetOpt: raw}
	if got := sourceRouteDst(inet, ip4(t, "10.0.0.9")); got != ip4(t, "10.0.0.2") {
		t.Errorf("first hop %v", got)
	}
	if o := ipOptionsOf(raw); o.Faddr != ip4(t, "10.0.0.2") || o.Srr != 20 {
		t.Errorf("parsed: %+v", o)
	}
}

// TestRecordRoute sends an echo request that records its route to ourselves.
func TestRecordRoute(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		sock := n.socket(t, core.SockRaw, int(wire.ProtoICMP))
		rr := append([]byte{7, 15, 4}, make([]byte, 13)...)
		if err := n.IpSetsockopt(sock.Sk, core.SolIp, core.IpOptionsOpt, rr); err != 0 {
			t.Fatalf("IP_OPTIONS: %d", err)
		}
		req := wire.ICMPv4(make([]byte, 16))
		req.SetType(wire.ICMPEcho)
		req.UpdateChecksum()
		if res := sendTo(sock, req, 0, sin(core.AfInet, testLo, 0)); res != len(req) {
			t.Fatalf("send: %d", res)
		}
		for _, typ := range []uint8{wire.ICMPEcho, wire.ICMPEchoReply} {
			b, _, _, res := recvFrom(sock, 200, core.MsgDontwait)
			if res < wire.IPv4MinLen+16+16 {
				t.Fatalf("recv: %d", res)
			}
			iph := wire.IPv4(b)
			if got := wire.ICMPv4(iph.Payload()).Type(); got != typ || iph.IHL() != 36 || iph[22] <= 4 {
				t.Errorf("type %d, want %d; header % x", got, typ, b[:iph.IHL()])
			}
		}
	})
}

func TestSocketErrno(t *testing.T) {
	n := testMachine(t)
	create := func(typ uint8, protocol int) int {
		return n.InetCreate(&n.Net, &core.Socket{Type: typ}, protocol, false)
	}
	for _, tc := range []struct {
		typ      uint8
		protocol int
		want     int
	}{
		{core.SockDgram, 0, 0},
		{core.SockDgram, int(wire.ProtoUDP), 0},
		{core.SockDgram, int(wire.ProtoTCP), -core.EPROTONOSUPPORT},
		{core.SockRaw, 0, -core.EPROTONOSUPPORT},
		{core.SockRaw, 89, 0},
		{5, 0, -core.ESOCKTNOSUPPORT},
		{core.SockDgram, 256, -core.EINVAL},
		{core.SockDgram, -1, -core.EINVAL},
	} {
		if got := create(tc.typ, tc.protocol); got != tc.want {
			t.Errorf("socket of type %d for %d: %d, want %d", tc.typ, tc.protocol, got, tc.want)
		}
	}
	n.process(func() {
		sock := n.udpSocket(t)
		bind := func(sa core.Sockaddr) int { return sock.Ops.Bind(sock, sa, len(sa)) }
		for _, tc := range []struct {
			sa   core.Sockaddr
			want int
		}{
			{sin(core.AfInet, testLo, 53)[:15], -core.EINVAL},
			{sin(10, testLo, 53), -core.EAFNOSUPPORT},
			{sin(core.AfUnspec, testLo, 53), -core.EAFNOSUPPORT},
			{sin(core.AfInet, ip4(t, "10.9.9.1"), 53), -core.EADDRNOTAVAIL},
			{sin(core.AfUnspec, 0, 53), 0},
			{sin(core.AfInet, testLo, 54), -core.EINVAL}, // bound already
		} {
			if got := bind(tc.sa); got != tc.want {
				t.Errorf("bind to % x: %d, want %d", []byte(tc.sa), got, tc.want)
			}
		}
		if got := sock.Ops.Listen(sock, 1); got != -core.EOPNOTSUPP {
			t.Errorf("listen: %d", got)
		}
		if _, got := sock.Ops.Getname(sock, 1); got != -core.ENOTCONN {
			t.Errorf("getpeername: %d", got)
		}
		if got := sock.Ops.Shutdown(sock, 3); got != -core.EINVAL {
			t.Errorf("shutdown 3: %d", got)
		}
		if got := sock.Ops.Shutdown(sock, 0); got != -core.ENOTCONN {
			t.Errorf("shutdown: %d", got)
		}
	})
}

func TestIpSockopt(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		sk := n.udpSocket(t).Sk
		for _, tc := range []struct{ opt, set, err, get int }{
			{core.IpTtl, 7, 0, 7},
			{core.IpTtl, 256, -core.EINVAL, 7},
			{core.IpTtl, -1, 0, 64},
			{core.IpTos, 0x10, 0, 0x10},
			{core.IpMtuDiscover, core.IpPmtudiscDo, 0, core.IpPmtudiscDo},
			{core.IpMtuDiscover, 9, -core.EINVAL, core.IpPmtudiscDo},
			{core.IpRecverr, 1, 0, 1},
			{core.IpPktinfo, 1, 0, 1},
			{core.IpFreebind, 1, 0, 1},
			{core.IpMulticastTtl, -1, 0, 1},
			{core.IpHdrincl, 1, -core.ENOPROTOOPT, 0},
		} {
			if got := n.IpSetsockopt(sk, core.SolIp, tc.opt, leInt(tc.set)); got != tc.err {
				t.Errorf("set option %d to %d: %d, want %d", tc.opt, tc.set, got, tc.err)
			}
			b := make([]byte, 4)
			if l, err := n.IpGetsockopt(sk, core.SolIp, tc.opt, b); err != 0 || l != 4 || int(b[0]) != tc.get {
				t.Errorf("option %d: %d %d % x, want %d", tc.opt, l, err, b, tc.get)
			}
		}
		if _, err := n.IpGetsockopt(sk, core.SolIp, core.IpMtu, make([]byte, 4)); err != -core.ENOTCONN {
			t.Errorf("IP_MTU of nowhere: %d", err)
		}
		if got := n.IpSetsockopt(sk, core.SolIp, 99, leInt(1)); got != -core.ENOPROTOOPT {
			t.Errorf("option 99: %d", got)
		}
	})
}

// TestMulticast joins a group on lo and hears what is sent to it.
func TestMulticast(t *testing.T) {
	n := dummyMachine(t)
	group := ip4(t, "239.1.2.3")
	n.process(func() {
		sock, snd := n.udpSocket(t), n.udpSocket(t)
		bindTo(t, sock, 0, 5007)
		mreq := []byte{239, 1, 2, 3, 10, 9, 9, 1}
		if err := n.IpSetsockopt(sock.Sk, core.SolIp, core.IpAddMembership, mreq); err != 0 {
			t.Fatalf("join: %d", err)
		}
		if err := n.IpSetsockopt(sock.Sk, core.SolIp, core.IpAddMembership, mreq); err != -core.EADDRINUSE {
			t.Errorf("join again: %d", err)
		}
		n.IpSetsockopt(snd.Sk, core.SolIp, core.IpMulticastIf, []byte{10, 9, 9, 1})
		if res := sendTo(snd, []byte("hi"), 0, sin(core.AfInet, group, 5007)); res != 2 {
			t.Fatalf("send: %d", res)
		}
		if b, _, _, res := recvFrom(sock, 10, core.MsgDontwait); res != 2 || string(b) != "hi" {
			t.Errorf("received %q %d", b, res)
		}
		if err := n.IpSetsockopt(sock.Sk, core.SolIp, core.IpDropMembership, mreq); err != 0 {
			t.Errorf("leave: %d", err)
		}
		if err := n.IpSetsockopt(sock.Sk, core.SolIp, core.IpDropMembership, mreq); err != -core.EADDRNOTAVAIL {
			t.Errorf("leave again: %d", err)
		}
	})
}

// wireDev is an Ethernet device that keeps what is sent.
func (n *Net) wireDev(t testing.TB, name string) (*core.NetDevice, *[][]byte) {
	sent := new([][]byte)
	dev := n.AllocNetdev(name, func(dev *core.NetDevice) {
		n.EtherSetup(dev)
		dev.DevAddr = wire.MAC{2, 0, 0, 0, 0, 1}
		dev.Ops = &core.NetDeviceOps{NdoStartXmit: func(skb *core.SkBuff, dev *core.NetDevice) int {
			b := make([]byte, skb.Len)
			n.SkbCopyBits(skb, 0, b)
			*sent = append(*sent, b)
			n.ConsumeSkb(skb)
			return core.NetdevTxOk
		}}
	})
	if err := n.RegisterNetdevice(dev); err != 0 {
		t.Fatalf("%s: %d", name, err)
	}
	n.process(func() {
		n.NetifCarrierOn(dev)
		n.AddAddr(Addr{Dev: name, Local: ip4(t, "172.30.0.1"), Prefixlen: 24})
		n.DevChangeFlags(dev, dev.Flags|core.IffUp)
	})
	return dev, sent
}

// wireIn brings a frame in.
func (n *Net) wireIn(dev *core.NetDevice, frame []byte) {
	n.Interrupt(n.RequestIrq(func(int, any) {
		skb := n.NetdevAllocSkb(dev, len(frame)+2)
		skb.Reserve(2)
		skb.PutData(frame)
		skb.Protocol = n.EthTypeTrans(skb, dev)
		n.NetifRx(skb)
	}, dev))
	n.Run(n.Now(), nil)
}

func arpFrame(dst, src wire.MAC, op uint16, spa, tpa wire.Addr, tha wire.MAC) []byte {
	b := make([]byte, wire.EthernetLen+wire.ARPLen)
	e := wire.Ethernet(b)
	e.SetDst(dst)
	e.SetSrc(src)
	e.SetType(wire.EtherTypeARP)
	a := wire.ARP(b[wire.EthernetLen:])
	a.SetFormat()
	a.SetOp(op)
	a.SetSHA(src)
	a.SetSPA(spa)
	a.SetTHA(tha)
	a.SetTPA(tpa)
	return b
}

// TestArp resolves a neighbour, sends what waited, and answers a question.
func TestArp(t *testing.T) {
	n := testMachine(t)
	dev, sent := n.wireDev(t, "eth0")
	us, them := ip4(t, "172.30.0.1"), ip4(t, "172.30.0.2")
	peer := wire.MAC{2, 0, 0, 0, 0, 2}
	n.process(func() {
		sock := n.udpSocket(t)
		if res := sendTo(sock, []byte("x"), 0, sin(core.AfInet, them, 9)); res != 1 {
			t.Fatalf("send: %d", res)
		}
	})
	if len(*sent) == 0 || !bytes.Equal((*sent)[0], arpFrame(wire.MACBroadcast, dev.DevAddr, wire.ARPRequest, us, them, wire.MAC{})) {
		t.Fatalf("no question: % x", *sent)
	}
	*sent = nil
	n.wireIn(dev, arpFrame(dev.DevAddr, peer, wire.ARPReply, them, us, dev.DevAddr))
	if len(*sent) != 1 || wire.Ethernet((*sent)[0]).Dst() != peer || wire.Ethernet((*sent)[0]).Type() != wire.EtherTypeIPv4 {
		t.Fatalf("after the answer: % x", *sent)
	}
	*sent = nil
	n.wireIn(dev, arpFrame(wire.MACBroadcast, peer, wire.ARPRequest, them, us, wire.MAC{}))
	if len(*sent) != 1 || !bytes.Equal((*sent)[0], arpFrame(peer, dev.DevAddr, wire.ARPReply, us, them, peer)) {
		t.Fatalf("our answer: % x", *sent)
	}
	*sent = nil
	n.wireIn(dev, arpFrame(wire.MACBroadcast, peer, wire.ARPRequest, them, ip4(t, "172.30.0.9"), wire.MAC{}))
	if len(*sent) != 0 {
		t.Errorf("an answer for somebody else: % x", *sent)
	}
}

// TestArpNobody gives up after three questions, and the sender learns of it.
func TestArpNobody(t *testing.T) {
	n := testMachine(t)
	_, sent := n.wireDev(t, "eth0")
	n.process(func() {
		sock := n.udpSocket(t)
		sk := sock.Sk
		sk.SkRcvtimeo = 10 * kernel.HZ
		n.IpSetsockopt(sk, core.SolIp, core.IpRecverr, leInt(1))
		if err := sock.Ops.Connect(sock, sin(core.AfInet, ip4(t, "172.30.0.7"), 9), sizeofSockaddrIn, 0); err != 0 {
			t.Fatalf("connect: %d", err)
		}
		sendTo(sock, []byte("x"), 0, nil)
		if _, _, _, res := recvFrom(sock, 10, 0); res != -core.EHOSTUNREACH {
			t.Errorf("recv: %d, want EHOSTUNREACH", res)
		}
	})
	if len(*sent) != 3 {
		t.Errorf("%d questions", len(*sent))
	}
}

// TestGarbage brings in packets that are random but for some fields. None may do
// worse than be counted.
func TestGarbage(t *testing.T) {
	n := testMachine(t)
	dev, _ := n.wireDev(t, "eth0")
	rng := rand.New(rand.NewPCG(5, 6))
	n.process(func() { bindTo(t, n.udpSocket(t), 0, 0x0101); n.socket(t, core.SockRaw, testProto) })
	for range 20000 {
		frame := make([]byte, wire.EthernetLen+rng.IntN(120))
		for i := range frame {
			frame[i] = byte(rng.Uint32() & rng.Uint32())
		}
		e := wire.Ethernet(frame)
		e.SetDst(dev.DevAddr)
		e.SetType(wire.EtherTypeIPv4)
		if rng.IntN(8) == 0 {
			e.SetType(wire.EtherTypeARP)
		}
		if b := wire.IPv4(frame[wire.EthernetLen:]); len(b) >= wire.IPv4MinLen && rng.IntN(8) != 0 {
			ihl := min(5+rng.IntN(3)*rng.IntN(5), len(b)/4)
			b.SetVersionIHL(ihl * 4)
			b.SetTotalLen(uint16(len(b) - rng.IntN(2)*rng.IntN(len(b))))
			b.SetFrag(uint16(rng.IntN(2))*wire.IPv4MF, rng.IntN(2)*rng.IntN(4)*8)
			b.SetID(uint16(rng.IntN(4)))
			b.SetProtocol([]uint8{wire.ProtoICMP, wire.ProtoUDP, testProto, uint8(rng.Uint32())}[rng.IntN(4)])
			b.SetSrc(ip4(t, "172.30.0.2"))
			b.SetDst(ip4(t, []string{"172.30.0.1", "172.30.0.255", "255.255.255.255", "224.0.0.1"}[rng.IntN(4)]))
			b.UpdateChecksum()
		}
		n.wireIn(dev, frame)
	}
	n.Run(n.Now()+time.Minute, nil)
	if n.frags.mem != 0 || len(n.frags.queues) != 0 {
		t.Errorf("%d bytes in %d queues are left", n.frags.mem, len(n.frags.queues))
	}
	if n.Mib[core.MibIpInReceives] < 10000 || n.Mib[core.MibIpReasmOKs] == 0 || n.Mib[core.MibIpInDelivers] == 0 {
		t.Errorf("too little got through to mean anything: %d received, %d delivered, %d reassembled",
			n.Mib[core.MibIpInReceives], n.Mib[core.MibIpInDelivers], n.Mib[core.MibIpReasmOKs])
	}
}
