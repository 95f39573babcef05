package stack

// A machine on an Ethernet whose other stations are the test: what it sends is
// told in words like tcpdump's, what it receives is built byte by byte.

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"menuos/stack/wire"
)

const (
	ourIP, hostIP, otherIP = "192.168.40.254", "192.168.40.1", "192.168.40.7"
)

var (
	ourMAC   = wire.MAC{2, 0, 0, 0, 0, 0xfe}
	hostMAC  = wire.MAC{0x52, 0x54, 0, 0x12, 0x34, 0x56}
	otherMAC = wire.MAC{0x52, 0x54, 0, 0, 0, 7}
)

// lan is the machine, and what it has sent and nobody has looked at.
type lan struct {
	*Stack
	t   *testing.T
	eth *Ether
	out []string
	raw [][]byte
	at  time.Duration // what times in out count from
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	l := &lan{Stack: New(Config{Seed: 3}), t: t}
	t.Cleanup(l.Close)
	var err error
	l.eth, err = l.AttachEther(EtherConfig{Name: "eth0", MAC: ourMAC}, func(_ VnetHdr, frame []byte) bool {
		f := append([]byte(nil), frame...)
		l.raw = append(l.raw, f)
		l.out = append(l.out, fmt.Sprintf("%.3f %s", (l.n.Now()-l.at).Seconds(), frameText(f)))
		return true
	})
	l.ok(err)
	l.ok(l.AddAddr("eth0", netip.MustParsePrefix(ourIP+"/24")))
	l.ok(l.IfUp("lo"))
	l.ok(l.IfUp("eth0"))
	l.Settle()
	l.mark()
	return l
}

func (l *lan) ok(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// mark begins to count time, and to listen, from now on.
func (l *lan) mark() {
	l.at, l.out, l.raw = l.Now(), nil, nil
}

// sent compares what the machine has sent with what it should have.
func (l *lan) sent(want ...string) {
	l.t.Helper()
	l.Settle()
	if got := strings.Join(l.out, "\n"); got != strings.Join(want, "\n") {
		l.t.Errorf("it sent\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	l.out, l.raw = nil, nil
}

// receive lets frames arrive.
func (l *lan) receive(frames ...[]byte) {
	l.t.Helper()
	for _, f := range frames {
		if refused := l.eth.Receive(EtherFrame{Data: f}); refused != 0 {
			l.t.Fatalf("%d frames refused", refused)
		}
		l.Settle()
	}
}

// counts compares how counters have changed since before.
func (l *lan) counts(before []Counter, want map[string]int) {
	l.t.Helper()
	seen := make(map[string]bool)
	for i, c := range l.Counters() {
		if w, ok := want[c.Name]; ok {
			seen[c.Name] = true
			if got := int(c.Value - before[i].Value); got != w {
				l.t.Errorf("%s counted %d, want %d", c.Name, got, w)
			}
		}
	}
	for name := range want {
		if !seen[name] {
			l.t.Errorf("there is no counter %s", name)
		}
	}
}

// set sets a knob.
func (l *lan) set(name, value string) {
	l.t.Helper()
	l.ok(l.SysctlSet(name, value))
}

// know makes the machine know a station for good.
func (l *lan) know(ip string, mac wire.MAC) {
	l.t.Helper()
	l.ok(l.AddNeigh(Neigh{Addr: netip.MustParseAddr(ip), Dev: "eth0", MAC: mac, State: NUD_PERMANENT}, NeighAdd))
}

// neigh is the machine's entry of a station in a few words.
func (l *lan) neigh(ip string) string {
	for _, e := range l.Neighbours() {
		if e.Addr.String() == ip {
			if e.State&NUD_VALID == 0 {
				return e.State.String()
			}
			return e.MAC.String() + " " + e.State.String()
		}
	}
	return "none"
}

// history tells how an entry changes within d, to the millisecond.
func (l *lan) history(ip string, d time.Duration) string {
	var out []string
	last := ""
	for range d / time.Millisecond {
		if now := l.neigh(ip); now != last {
			out, last = append(out, fmt.Sprintf("%.3f %s", (l.Now()-l.at).Seconds(), now)), now
		}
		l.Advance(time.Millisecond)
	}
	return strings.Join(out, "\n")
}

func addr(s string) wire.Addr {
	a, err := wire.ParseAddr(s)
	if err != nil {
		panic(err)
	}
	return a
}

func ether(dst, src wire.MAC, typ uint16, payload []byte) []byte {
	f := wire.Ethernet(make([]byte, wire.EthernetLen, wire.EthernetLen+len(payload)))
	f.SetDst(dst)
	f.SetSrc(src)
	f.SetType(typ)
	return append(f, payload...)
}

// arp is an ARP message as it lies on the wire.
func arp(dst wire.MAC, op uint16, sha wire.MAC, spa string, tha wire.MAC, tpa string) []byte {
	a := wire.ARP(make([]byte, wire.ARPLen))
	a.SetFormat()
	a.SetOp(op)
	a.SetSHA(sha)
	a.SetSPA(addr(spa))
	a.SetTHA(tha)
	a.SetTPA(addr(tpa))
	return ether(dst, sha, wire.EtherTypeARP, a)
}

func arpReply(mac wire.MAC, ip string) []byte {
	return arp(ourMAC, wire.ARPReply, mac, ip, ourMAC, ourIP)
}

// ipOpts is what may be odd about an IP packet.
type ipOpts struct {
	id      uint16
	frag    uint16 // flags and offset in bytes: MF is 1
	options []byte
	ttl     uint8
	tos     uint8
}

// ipv4 is an IP packet.
func ipv4Packet(src, dst string, proto uint8, payload []byte, o ipOpts) []byte {
	hlen := wire.IPv4MinLen + len(o.options)
	b := wire.IPv4(make([]byte, hlen, hlen+len(payload)))
	b.SetVersionIHL(hlen)
	b.SetTOS(o.tos)
	b.SetTotalLen(uint16(hlen + len(payload)))
	b.SetID(o.id)
	flags := uint16(0)
	if o.frag&1 != 0 {
		flags = wire.IPv4MF
	}
	b.SetFrag(flags, int(o.frag&^7))
	if o.ttl == 0 {
		o.ttl = 64
	}
	b.SetTTL(o.ttl)
	b.SetProtocol(proto)
	b.SetSrc(addr(src))
	b.SetDst(addr(dst))
	copy(b[wire.IPv4MinLen:], o.options)
	b.UpdateChecksum()
	return append(b, payload...)
}

// fromHost is an IP packet of the host's in a frame to us.
func fromHost(src, dst string, proto uint8, payload []byte, o ipOpts) []byte {
	return ether(ourMAC, hostMAC, wire.EtherTypeIPv4, ipv4Packet(src, dst, proto, payload, o))
}

func icmp(typ, code uint8, rest uint32, payload []byte) []byte {
	b := wire.ICMPv4(append(make([]byte, wire.ICMPv4Len), payload...))
	b.SetType(typ)
	b.SetCode(code)
	b.SetRest(rest)
	b.UpdateChecksum()
	return b
}

func udp(src, dst string, sport, dport uint16, payload []byte) []byte {
	b := wire.UDP(append(make([]byte, wire.UDPLen), payload...))
	b.SetSrcPort(sport)
	b.SetDstPort(dport)
	b.SetLength(uint16(len(b)))
	b.UpdateChecksum(addr(src), addr(dst))
	return b
}

func tcpSegment(src, dst string, sport, dport uint16, seq, ack uint32, flags wire.TCPFlags, payload []byte) []byte {
	b := wire.TCP(append(make([]byte, wire.TCPMinLen), payload...))
	b.SetSrcPort(sport)
	b.SetDstPort(dport)
	b.SetSeq(seq)
	b.SetAck(ack)
	b.SetDataOffFlags(wire.TCPMinLen, flags)
	b.SetWindow(65535)
	b.UpdateChecksum(addr(src), addr(dst))
	return b
}

func macText(m wire.MAC) string {
	switch m {
	case ourMAC:
		return "us"
	case hostMAC:
		return "host"
	case otherMAC:
		return "other"
	case wire.MACBroadcast:
		return "all"
	}
	return m.String()
}

// frameText tells a frame in words.
func frameText(f wire.Ethernet) string {
	switch f.Type() {
	case wire.EtherTypeARP:
		a := wire.ARP(f.Payload())
		if a.Op() == wire.ARPRequest {
			return fmt.Sprintf("to %s: who-has %s tell %s", macText(f.Dst()), a.TPA(), a.SPA())
		}
		return fmt.Sprintf("to %s: %s is-at %s", macText(f.Dst()), a.SPA(), macText(a.SHA()))
	case wire.EtherTypeIPv4:
		return fmt.Sprintf("to %s: %s", macText(f.Dst()), packetText(f.Payload()))
	}
	return fmt.Sprintf("to %s: type %#x", macText(f.Dst()), f.Type())
}

func packetText(ip wire.IPv4) string {
	s := fmt.Sprintf("%s > %s ", ip.Src(), ip.Dst())
	if !ip.ChecksumOK() {
		s += "bad IP checksum "
	}
	if ip.IsFragment() {
		s += fmt.Sprintf("frag %d@%d", len(ip.Payload()), ip.FragOff())
		if ip.MF() {
			s += "+"
		}
		return s
	}
	switch p := ip.Payload(); ip.Protocol() {
	case wire.ProtoICMP:
		m := wire.ICMPv4(p)
		if !m.ChecksumOK() {
			s += "bad ICMP checksum "
		}
		s += fmt.Sprintf("icmp %d/%d", m.Type(), m.Code())
		switch {
		case m.IsError():
			q := wire.IPv4(m.Payload())
			s += fmt.Sprintf(" about %s > %s, %d bytes", q.Src(), q.Dst(), len(m.Payload()))
		case len(m.Payload()) > 0:
			s += fmt.Sprintf(" %d bytes", len(m.Payload()))
		}
	case wire.ProtoUDP:
		u := wire.UDP(p)
		if u.Checksum() != 0 && !u.ChecksumOK(ip.Src(), ip.Dst()) {
			s += "bad UDP checksum "
		}
		s += fmt.Sprintf("udp %d > %d, %d bytes", u.SrcPort(), u.DstPort(), len(p)-wire.UDPLen)
	case wire.ProtoTCP:
		c := wire.TCP(p)
		if !c.ChecksumOK(ip.Src(), ip.Dst()) {
			s += "bad TCP checksum "
		}
		s += fmt.Sprintf("tcp %s, %d bytes", c.Flags(), len(c.Payload()))
	default:
		s += fmt.Sprintf("protocol %d, %d bytes", ip.Protocol(), len(p))
	}
	return s
}
