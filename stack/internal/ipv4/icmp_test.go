package ipv4

import (
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// TestIcmpErrConvert has the errno and the fatality of each code, as
// ip(7) and RFC 1122 section 4.2.3.9 have them.
func TestIcmpErrConvert(t *testing.T) {
	want := []struct {
		errno int
		fatal bool
	}{{101, false}, {113, false}, {92, true}, {111, true}, {90, false}, {95, false}, {101, true}, {112, true},
		{64, true}, {101, true}, {113, true}, {101, false}, {113, false}, {113, true}, {113, true}, {113, true}}
	for code, w := range want {
		if got := IcmpErrConvert[code]; got.Errno != w.errno || got.Fatal != w.fatal {
			t.Errorf("code %d: %v", code, got)
		}
	}
}

func TestIcmpGlobalAllow(t *testing.T) {
	n := new(Net)
	n.Kernel.Init(kernel.Config{Seed: 1})
	defer n.Close()
	n.Sysctl.IcmpMsgsPerSec, n.Sysctl.IcmpMsgsBurst = 1000, 50
	count := func() (c int) {
		for range 200 {
			if n.icmpGlobalAllow() {
				c++
			}
		}
		return c
	}
	for _, tc := range []struct {
		wait time.Duration
		want int
	}{{0, 50}, {0, 0}, {10 * time.Millisecond, 0}, {15 * time.Millisecond, 25}, {time.Second, 50}} {
		n.Run(n.Now()+tc.wait, nil)
		if got := count(); got != tc.want {
			t.Errorf("after %v: %d messages, want %d", tc.wait, got, tc.want)
		}
	}
}

func TestIcmpMaskAllow(t *testing.T) {
	n := new(Net)
	n.Sysctl.IcmpRatemask = 0x1818
	for _, tc := range []struct {
		typ, code uint8
		want      bool
	}{
		{wire.ICMPEchoReply, 0, true},
		{wire.ICMPDestUnreach, wire.ICMPPortUnreach, false},
		{wire.ICMPDestUnreach, wire.ICMPFragNeeded, true},
		{wire.ICMPTimeExceeded, 0, false},
		{200, 0, true},
	} {
		if got := n.icmpv4MaskAllow(int(tc.typ), int(tc.code)); got != tc.want {
			t.Errorf("type %d code %d: %v", tc.typ, tc.code, got)
		}
	}
}

func TestRawLookupAndFilter(t *testing.T) {
	n := bareNet(t)
	const local, peer = wire.AddrLoopback, wire.AddrLoopback + 9
	sk := n.testSock(&n.raw.prot, core.SockRaw, wire.ProtoICMP)
	sk.SkNum = uint16(wire.ProtoICMP)
	n.rawHashSk(sk)
	head := n.raw.ht[wire.ProtoICMP].first
	look := func() bool { return n.rawV4Lookup__(head, uint16(wire.ProtoICMP), peer, local, 1) == sk }
	if !look() {
		t.Error("unbound socket not found")
	}
	for _, tc := range []struct {
		name string
		set  func()
		want bool
	}{
		{"bound to it", func() { sk.SkRcvSaddr = local }, true},
		{"bound elsewhere", func() { sk.SkRcvSaddr = local + 1 }, false},
		{"connected to it", func() { sk.SkRcvSaddr, sk.SkDaddr = 0, peer }, true},
		{"connected elsewhere", func() { sk.SkDaddr = peer + 1 }, false},
		{"on its device", func() { sk.SkDaddr, sk.SkBoundDevIf = 0, 1 }, true},
		{"on another device", func() { sk.SkBoundDevIf = 2 }, false},
	} {
		tc.set()
		if look() != tc.want {
			t.Errorf("%s: %v", tc.name, !tc.want)
		}
	}

	skb := n.AllocSkb(64)
	skb.Put(8)
	skb.ResetTransportHeader()
	skb.Icmp().SetType(wire.ICMPEcho)
	if n.icmpFilter(sk, skb) {
		t.Error("filtered without a filter")
	}
	if err := n.rawSetsockopt(sk, core.SolRaw, icmpFilterOpt, []byte{0, 1, 0, 0}); err != 0 || !n.icmpFilter(sk, skb) {
		t.Errorf("echo requests come through the filter: %d", err)
	}
	var b [4]byte
	if l, err := n.rawGetsockopt(sk, core.SolRaw, icmpFilterOpt, b[:]); l != 4 || err != 0 || b != [4]byte{0, 1, 0, 0} {
		t.Errorf("ICMP_FILTER: %v %d %d", b, l, err)
	}
	if err := n.rawSetsockopt(sk, core.SolRaw, 99, b[:]); err != -core.ENOPROTOOPT {
		t.Errorf("unknown option: %d", err)
	}
	sk.SkNum = 200
	if err := n.rawSetsockopt(sk, core.SolRaw, icmpFilterOpt, b[:]); err != -core.EOPNOTSUPP {
		t.Errorf("filter of another protocol: %d", err)
	}
	sk.SkNum = uint16(wire.ProtoICMP)
	n.rawUnhashSk(sk)
	if n.raw.ht[wire.ProtoICMP].first != nil || sk.Hashed {
		t.Error("still hashed")
	}
}

// TestIcmpTimestamp asks for the time of day.
func TestIcmpTimestamp(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		sock := n.socket(t, core.SockRaw, int(wire.ProtoICMP))
		req := make(wire.ICMPv4, wire.ICMPv4Len+12)
		req.SetType(wire.ICMPTimestamp)
		req.SetID(3)
		copy(req[8:], "\x00\x01\x02\x03")
		req.UpdateChecksum()
		n.ScheduleTimeout(5 * kernel.HZ)
		sendTo(sock, req, 0, sin(core.AfInet, testLo, 0))
		recvFrom(sock, 100, core.MsgDontwait)
		data, _, _, r := recvFrom(sock, 100, core.MsgDontwait)
		if r != 40 {
			t.Fatalf("reply: %d", r)
		}
		rep := wire.ICMPv4(data[20:])
		now := uint32(n.Now().Milliseconds())
		want := []byte{0, 1, 2, 3, byte(now >> 24), byte(now >> 16), byte(now >> 8), byte(now)}
		want = append(want, want[4:]...)
		if rep.Type() != wire.ICMPTimestampReply || rep.ID() != 3 || !rep.ChecksumOK() || string(rep[8:]) != string(want) {
			t.Errorf("reply: % x, want % x", rep, want)
		}
	})
}

// TestIcmpIgnored has requests that get no answer: broken ones, unknown ones,
// and all if the machine is told so. An error is never answered by an error.
func TestIcmpIgnored(t *testing.T) {
	n := testMachine(t)
	n.process(func() {
		sock := n.socket(t, core.SockRaw, int(wire.ProtoICMP))
		send := func(typ uint8, damage byte) {
			req := make(wire.ICMPv4, 40)
			req.SetType(typ)
			wire.IPv4(req[8:]).SetVersionIHL(20)
			wire.IPv4(req[8:]).SetProtocol(wire.ProtoUDP)
			req.UpdateChecksum()
			req[39] ^= damage
			sendTo(sock, req, 0, sin(core.AfInet, testLo, 0))
		}
		out := n.Mib[core.MibIcmpOutMsgs]
		send(wire.ICMPEcho, 1)
		send(200, 0)
		send(wire.ICMPDestUnreach, 0)
		send(wire.ICMPRedirect, 0)
		send(wire.ICMPInfoRequest, 0)
		n.Sysctl.IcmpEchoIgnoreAll = true
		send(wire.ICMPEcho, 0)
		if got := n.Mib[core.MibIcmpOutMsgs] - out; got != 6 { // the requests themselves
			t.Errorf("%d messages for 6 requests", got)
		}
		if n.Mib[core.MibIcmpInCsumErrors] != 1 || n.Mib[core.MibIcmpInMsgs] != 6 || n.Mib[core.MibIcmpInErrors] != 4 {
			t.Errorf("counters: %d, %d, %d", n.Mib[core.MibIcmpInCsumErrors], n.Mib[core.MibIcmpInMsgs], n.Mib[core.MibIcmpInErrors])
		}
	})
}
