package stack

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"menuos/stack/wire"
)

// fragment is a part of a ping from the host: bytes [from, to) of its ICMP message.
func fragment(id uint16, message []byte, from, to int) []byte {
	frag := uint16(from)
	if to < len(message) {
		frag |= 1
	}
	return fromHost(hostIP, ourIP, wire.ProtoICMP, message[from:to], ipOpts{id: id, frag: frag})
}

// pieces cuts a message at the given places.
func pieces(id uint16, message []byte, at ...int) [][]byte {
	var out [][]byte
	from := 0
	for _, to := range append(at, len(message)) {
		out = append(out, fragment(id, message, from, to))
		from = to
	}
	return out
}

// TestFragmentsReceived: which sets of fragments become a ping that is answered.
func TestFragmentsReceived(t *testing.T) {
	m := ping(1992) // with its header 2000 bytes
	for i := range m[wire.ICMPv4Len:] {
		m[wire.ICMPv4Len+i] = byte(i)
	}
	wire.ICMPv4(m).UpdateChecksum()
	whole := pieces(1, m, 800, 1600)
	answer := []string{"0.000 to host: 192.168.40.254 > 192.168.40.1 frag 1480@0+", "0.000 to host: 192.168.40.254 > 192.168.40.1 frag 520@1480"}
	var tiny []int
	for at := 8; at < len(m); at += 8 {
		tiny = append(tiny, at)
	}
	var death [][]byte // 66120 bytes in all
	for at := 0; at < 65120; at += 1480 {
		death = append(death, fromHost(hostIP, ourIP, wire.ProtoICMP, make([]byte, 1480), ipOpts{id: 1, frag: uint16(at) | 1}))
	}
	death = append(death, fromHost(hostIP, ourIP, wire.ProtoICMP, make([]byte, 1000), ipOpts{id: 1, frag: 65120}))
	raise := func(frames ...[]byte) [][]byte { return frames }
	for _, tc := range []struct {
		name   string
		frames [][]byte
		want   []string
		counts map[string]int
	}{
		{"in order", whole, answer, map[string]int{"IpReasmReqds": 3, "IpReasmOKs": 1, "IpFragCreates": 2, "IpFragOKs": 1}},
		{"backwards", raise(whole[2], whole[1], whole[0]), answer, map[string]int{"IpReasmOKs": 1}},
		{"the first last", raise(whole[1], whole[2], whole[0]), answer, map[string]int{"IpReasmOKs": 1}},
		{"250 tiny ones", pieces(2, m, tiny...), answer, map[string]int{"IpReasmReqds": 250, "IpReasmOKs": 1}},
		{"each twice", raise(whole[0], whole[0], whole[1], whole[1], whole[2]), answer, map[string]int{"IpReasmOKs": 1, "IpExtReasmOverlaps": 0}},
		{"one is missing", raise(whole[0], whole[2]), nil, map[string]int{"IpReasmOKs": 0, "IpReasmFails": 0}},
		{"of two datagrams", raise(whole[0], pieces(9, m, 800, 1600)[1], whole[2]), nil, map[string]int{"IpReasmOKs": 0}},
		{"one overlaps its neighbour", raise(whole[0], fragment(1, m, 792, 1600), whole[2]), nil, map[string]int{"IpExtReasmOverlaps": 1, "IpReasmOKs": 0}},
		{"one inside another", raise(whole[0], fragment(1, m, 8, 16), whole[1], whole[2]), answer, map[string]int{"IpReasmOKs": 1}},
		{"one around another", raise(fragment(1, m, 400, 800), fragment(1, m, 0, 1400), whole[1], whole[2]), nil, map[string]int{"IpExtReasmOverlaps": 1}},
		{"teardrop", raise(fragment(1, m, 0, 40), fromHost(hostIP, ourIP, wire.ProtoICMP, m[24:28], ipOpts{id: 1, frag: 24})), nil, map[string]int{"IpReasmOKs": 0}},
		{"two ends", raise(whole[0], whole[2], fromHost(hostIP, ourIP, wire.ProtoICMP, make([]byte, 16), ipOpts{id: 1, frag: 2400})), nil, map[string]int{"IpReasmOKs": 0}},
		{"an end before what came", raise(whole[1], fromHost(hostIP, ourIP, wire.ProtoICMP, m[800:816], ipOpts{id: 1, frag: 800})), nil, map[string]int{"IpReasmOKs": 0}},
		{"an empty one", raise(fromHost(hostIP, ourIP, wire.ProtoICMP, nil, ipOpts{id: 1, frag: 1}), whole[1], whole[2]), nil, map[string]int{"IpReasmOKs": 0}},
		{"a middle that does not end on eight", raise(whole[0], fragment(1, m, 800, 1603), whole[2]), answer, map[string]int{"IpReasmOKs": 1}},
		{"ping of death", death, nil, map[string]int{"IpReasmOKs": 0, "IpReasmReqds": 45, "IpReasmFails": 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLAN(t)
			l.know(hostIP, hostMAC)
			before := l.Counters()
			l.mark()
			l.receive(tc.frames...)
			frames := l.raw
			l.sent(tc.want...)
			l.counts(before, tc.counts)
			if tc.want != nil {
				got := append(bytes.Clone(wire.IPv4(frames[0][14:]).Payload()), wire.IPv4(frames[1][14:]).Payload()...)
				if !bytes.Equal(got[wire.ICMPv4Len:], m[wire.ICMPv4Len:]) {
					t.Errorf("the answer has other bytes than the ping")
				}
			}
		})
	}
}

// TestFragmentsExpire: after 30 seconds what did not become whole is forgotten, and
// its sender hears of it if its first fragment came.
func TestFragmentsExpire(t *testing.T) {
	m := ping(1992)
	for _, tc := range []struct {
		name  string
		first bool
	}{{"with the first", true}, {"without it", false}} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLAN(t)
			l.know(hostIP, hostMAC)
			before := l.Counters()
			l.mark()
			parts := pieces(1, m, 800, 1600)
			if tc.first {
				l.receive(parts[0], parts[1])
			} else {
				l.receive(parts[1], parts[2])
			}
			l.Advance(29 * time.Second)
			l.counts(before, map[string]int{"IpReasmTimeout": 0})
			l.Advance(5 * time.Second)
			l.counts(before, map[string]int{"IpReasmTimeout": 1, "IpReasmFails": 1})
			var want []string
			if tc.first {
				want = []string{"30.200 to host: 192.168.40.254 > 192.168.40.1 icmp 11/1 about 192.168.40.1 > 192.168.40.254, 548 bytes"}
			}
			l.sent(want...)
		})
	}
}

// TestFragmentFlood: a flood of first fragments stays under ipfrag_high_thresh, and
// honest ones get through once it is over.
func TestFragmentFlood(t *testing.T) {
	l := newLAN(t)
	l.know(hostIP, hostMAC)
	l.set("net.ipv4.ipfrag_high_thresh", "200000")
	before := l.Counters()
	m := ping(1992)
	for i := range 2000 {
		l.receive(fragment(uint16(i), m, 0, 800))
	}
	dropped := 0
	for i, c := range l.Counters() {
		if c.Name == "IpReasmFails" {
			dropped = int(c.Value - before[i].Value)
		}
	}
	// A fragment of 800 bytes counts 1 to 4 kB.
	if kept := 2000 - dropped; kept < 40 || kept > 200 {
		t.Errorf("of 2000 fragments %d wait, want as many as 200 kB hold", kept)
	}
	l.Advance(40 * time.Second)
	l.mark()
	l.receive(pieces(7, m, 800)...)
	if len(l.out) != 2 {
		t.Errorf("after the flood a ping was answered with %d fragments, want 2", len(l.out))
	}
}

// sendUDP sends a datagram of n zeros to the host from a new socket, with a policy
// for path MTU discovery (IP_PMTUDISC_*). The socket stays: who else is to hear of
// errors about the datagram?
func (l *lan) sendUDP(n, policy int) (err error) {
	l.t.Helper()
	l.Spawn("send", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		p.SetsockoptInt(fd, IPPROTO_IP, IP_MTU_DISCOVER, policy)
		if _, err = p.Sendto(fd, make([]byte, n), 0, hostPort); err == nil {
			p.Recv(fd, make([]byte, 1), 0)
		}
		return 0
	})
	l.Settle()
	return err
}

// fragNeeded is a router's word that a packet of ours did not fit.
func fragNeeded(mtu uint16, about []byte) []byte {
	return ether(ourMAC, hostMAC, wire.EtherTypeIPv4, ipv4Packet(otherIP, ourIP, wire.ProtoICMP,
		icmp(wire.ICMPDestUnreach, wire.ICMPFragNeeded, uint32(mtu), about), ipOpts{}))
}

// TestPathMTU: what a router says of a path holds for ten minutes and for all who
// send along it.
func TestPathMTU(t *testing.T) {
	l := newLAN(t)
	l.know(hostIP, hostMAC)
	mtu := func() string {
		a, err := l.AskRoute(RouteQuery{To: hostPort.Addr()})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d for %.0f", a.MTU, a.Expires.Seconds())
	}
	l.ok(l.sendUDP(4000, 0)) // IP_PMTUDISC_DONT: cut to fit the link
	l.sent("0.000 to host: 192.168.40.254 > 192.168.40.1 frag 1480@0+", "0.000 to host: 192.168.40.254 > 192.168.40.1 frag 1480@1480+",
		"0.000 to host: 192.168.40.254 > 192.168.40.1 frag 1048@2960")
	if err := l.sendUDP(4000, 2); err != EMSGSIZE { // IP_PMTUDISC_DO
		t.Errorf("a datagram that must not be cut says %v, want EMSGSIZE", err)
	}
	l.ok(l.sendUDP(1472, 2))
	about := bytes.Clone(l.raw[0][wire.EthernetLen:][:28])
	l.sent("0.000 to host: 192.168.40.254 > 192.168.40.1 udp " + ports(about) + ", 1472 bytes")

	if got := mtu(); got != "0 for 0" {
		t.Errorf("before a router spoke the path's MTU is %s", got)
	}
	l.receive(fragNeeded(1400, about))
	if got := mtu(); got != "1400 for 600" {
		t.Errorf("after it the path's MTU is %s, want 1400 for 600", got)
	}
	if err := l.sendUDP(1472, 2); err != EMSGSIZE {
		t.Errorf("the same datagram says %v, want EMSGSIZE", err)
	}
	l.ok(l.sendUDP(1372, 2))
	l.ok(l.sendUDP(1472, 1)) // IP_PMTUDISC_WANT: cut to fit the path
	if len(l.raw) != 3 || len(l.raw[0]) != 14+1400 || len(l.raw[1]) > 14+1400 {
		t.Errorf("it sent\n%s\nwant one packet of 1400 bytes and two fragments that fit", strings.Join(l.out, "\n"))
	}
	l.Advance(601 * time.Second)
	if got := mtu(); got != "0 for 0" {
		t.Errorf("after ten minutes the path's MTU is %s, want forgotten", got)
	}
	// Nobody makes us send scraps: below min_pmtu packets may be cut instead.
	l.receive(fragNeeded(68, about))
	if got := mtu(); got != "552 for 600" {
		t.Errorf("a router that says 68 makes it %s, want 552 for 600", got)
	}
}

func ports(packet wire.IPv4) string {
	u := wire.UDP(packet[packet.IHL():])
	return fmt.Sprintf("%d > %d", u.SrcPort(), u.DstPort())
}

// TestPathMTUOfTCP: a connection sends again in segments that fit, at once.
func TestPathMTUOfTCP(t *testing.T) {
	l := newLAN(t)
	l.know(hostIP, hostMAC)
	l.Spawn("connect", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		if p.Connect(fd, hostPort) != nil {
			return 1
		}
		p.Send(fd, make([]byte, 1460), 0)
		p.Recv(fd, make([]byte, 1), 0)
		return 0
	})
	l.Settle()
	syn := wire.TCP(wire.IPv4(l.raw[0][wire.EthernetLen:]).Payload())
	synAck := tcpSegment(hostIP, ourIP, syn.DstPort(), syn.SrcPort(), 1000, syn.Seq()+1, wire.SYN|wire.ACK, nil)
	synAck = append(synAck, 2, 4, 5, 180) // MSS 1460
	wire.TCP(synAck).SetDataOff(24)
	wire.TCP(synAck).UpdateChecksum(addr(hostIP), addr(ourIP))
	l.mark()
	l.receive(fromHost(hostIP, ourIP, wire.ProtoTCP, synAck, ipOpts{}))
	if len(l.raw) != 2 || len(l.raw[1]) != 14+1500 {
		t.Fatalf("it sent\n%s\nwant an ACK and a full segment", strings.Join(l.out, "\n"))
	}
	about := l.raw[1][wire.EthernetLen:][:28]
	stale := bytes.Clone(about)
	wire.TCP(stale[20:]).SetSeq(wire.TCP(about[20:]).Seq() + 1<<20)

	l.mark()
	before := l.Counters()
	l.receive(fragNeeded(1400, stale)) // quotes what was never sent: somebody guesses
	l.sent()
	l.counts(before, map[string]int{"TcpExtOutOfWindowIcmps": 1})
	l.receive(fragNeeded(1400, about))
	l.sent("0.000 to host: 192.168.40.254 > 192.168.40.1 tcp ., 1360 bytes", "0.000 to host: 192.168.40.254 > 192.168.40.1 tcp P., 100 bytes")
	l.counts(before, map[string]int{"TcpRetransSegs": 2})
}

// TestUDPErrors: what an ICMP error about a datagram does to its socket.
func TestUDPErrors(t *testing.T) {
	for _, tc := range []struct {
		name       string
		code       uint8
		connected  bool
		recverr    int
		want       error // of the next recv, nil: it waits
		wantQueued bool  // on the error queue
	}{
		{"refused", wire.ICMPPortUnreach, true, 0, ECONNREFUSED, false},
		{"refused, not connected", wire.ICMPPortUnreach, false, 0, nil, false},
		{"refused, not connected, curious", wire.ICMPPortUnreach, false, 1, ECONNREFUSED, true},
		{"host unreachable", wire.ICMPHostUnreach, true, 0, nil, false},
		{"host unreachable, curious", wire.ICMPHostUnreach, true, 1, EHOSTUNREACH, true},
		{"net unreachable, curious", wire.ICMPNetUnreach, true, 1, ENETUNREACH, true},
		{"prohibited", wire.ICMPPktFiltered, true, 0, EHOSTUNREACH, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLAN(t)
			l.know(hostIP, hostMAC)
			var err error
			var fd int
			j := l.Spawn("client", nil, func(p *Proc) int {
				fd, _ = p.Socket(AF_INET, SOCK_DGRAM, 0)
				p.SetsockoptInt(fd, IPPROTO_IP, IP_RECVERR, tc.recverr)
				if tc.connected {
					p.Connect(fd, hostPort)
					p.Send(fd, []byte("hi"), 0)
				} else {
					p.Sendto(fd, []byte("hi"), 0, hostPort)
				}
				_, err = p.Recv(fd, make([]byte, 8), 0)
				if !tc.wantQueued {
					return 0
				}
				if n, e := p.Recv(fd, make([]byte, 8), 0x2000); n != 2 || e != nil {
					t.Errorf("the error queue has %d bytes (%v), want what was sent", n, e) // 0x2000 is MSG_ERRQUEUE
				}
				return 0
			})
			l.Settle()
			l.receive(fromHost(hostIP, ourIP, wire.ProtoICMP, icmp(wire.ICMPDestUnreach, tc.code, 0, l.raw[0][wire.EthernetLen:][:30]), ipOpts{}))
			if err != tc.want || j.Done() != (tc.want != nil) {
				t.Errorf("recv said %v (back: %v), want %v", err, j.Done(), tc.want)
			}
		})
	}
}

// TestForwardedTTL: a router tells who sent a packet that it died on the way, and
// a host that a packet is not for says nothing.
func TestForwardedTTL(t *testing.T) {
	l := newLAN(t)
	l.know(hostIP, hostMAC)
	l.know(otherIP, otherMAC)
	l.ok(l.AddRoute(Route{Dst: netip.MustParsePrefix("10.0.0.0/8"), Gw: netip.MustParseAddr(otherIP), Dev: "eth0"}))
	l.set("net.ipv4.ip_forward", "1")
	through := func(ttl uint8) []byte { return fromHost(hostIP, "10.1.1.1", wire.ProtoICMP, ping(8), ipOpts{ttl: ttl}) }
	l.mark()
	l.receive(through(1))
	l.sent("0.000 to host: 192.168.40.254 > 192.168.40.1 icmp 11/0 about 192.168.40.1 > 10.1.1.1, 36 bytes")
	l.receive(through(2))
	l.sent("0.000 to other: 192.168.40.1 > 10.1.1.1 icmp 8/0 8 bytes")
}

// TestRedirect: a router that tells of a better one is believed once that one has
// been heard of; whoever is no gateway of ours is not.
func TestRedirect(t *testing.T) {
	const far = "10.1.1.1"
	l := newLAN(t)
	l.know(hostIP, hostMAC)
	l.ok(l.AddRoute(Route{Dst: netip.MustParsePrefix("10.0.0.0/8"), Gw: hostPort.Addr(), Dev: "eth0"}))
	l.Spawn("send", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		p.Sendto(fd, []byte("hi"), 0, netip.MustParseAddrPort(far+":7"))
		p.Recv(fd, make([]byte, 1), 0)
		return 0
	})
	l.Settle()
	about := bytes.Clone(l.raw[0][wire.EthernetLen:][:28])
	redirect := func(from string) []byte {
		return fromHost(from, ourIP, wire.ProtoICMP, icmp(wire.ICMPRedirect, 1, uint32(addr(otherIP)), about), ipOpts{})
	}
	way := func() string {
		a, err := l.AskRoute(RouteQuery{To: netip.MustParseAddr(far)})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("via %s, redirected %v", a.Gw, a.Redirected)
	}
	l.mark()
	l.receive(redirect("192.168.40.66"))
	l.sent()
	l.receive(redirect(hostIP))
	l.sent("0.000 to all: who-has 192.168.40.7 tell 192.168.40.254")
	if got := way(); got != "via "+hostIP+", redirected false" {
		t.Errorf("before the better router answers the way is %s", got)
	}
	l.receive(arpReply(otherMAC, otherIP), redirect(hostIP))
	if got := way(); got != "via "+otherIP+", redirected true" {
		t.Errorf("after it the way is %s", got)
	}
	for _, e := range l.Neighbours() {
		if e.Addr.String() == otherIP && e.Refs != 1 { // its timer
			t.Errorf("the better router's entry has %d users, want 1", e.Refs)
		}
	}
}
