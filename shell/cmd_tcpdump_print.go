package shell

// How tcpdump 4.9 prints a packet. Names of hosts and ports are never looked
// up, as if -n were always given.

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"menuos/stack"
	"menuos/stack/wire"
)

// packetPrinter prints packets one after the other; it remembers connections,
// whose numbers it prints relative to the first.
type packetPrinter struct {
	verbose   int  // -v
	quiet     bool // -q
	link      bool // -e
	absolute  bool // -S
	times     int  // -t: 1 none, 2 since the epoch, 3 since the line before, 4 with the date, 5 since the first
	number    bool // -#
	hex       int  // -x: 2 with the link's header
	hexASCII  int  // -X
	ascii     int  // -A
	conns     map[tcpPair]*tcpBase
	first     time.Time
	last      time.Time
	count     int
	noSumming bool // checksums cannot be checked: the frame is cut
	b         strings.Builder
}

// tcpPair is a connection, the end with the smaller port first.
type tcpPair struct{ a, b netip.AddrPort }

// tcpBase is what the numbers of a connection's two ends are relative to.
type tcpBase struct{ seq, ack uint32 }

// linkKind is what a frame begins with (LINKTYPE_*).
type linkKind int

const (
	linkEthernet linkKind = 1
	linkRaw      linkKind = 101
	linkCooked   linkKind = 113
	cookedLen             = 16
)

var linkNames = map[linkKind]string{linkEthernet: "EN10MB (Ethernet)", linkRaw: "RAW (Raw IP)", linkCooked: "LINUX_SLL (Linux cooked)"}

// cookedHeader is the header that stands in the place of a link's own when
// packets of all interfaces are captured (struct sll_header).
func cookedHeader(f *stack.CapturedFrame) []byte {
	h := make([]byte, cookedLen)
	kind := uint16(f.PktType)
	if f.Outgoing {
		kind = 4
	}
	h[1] = byte(kind)
	h[2], h[3] = byte(f.Type>>8), byte(f.Type)
	if f.Type != stack.ARPHRD_NONE && len(f.Data) >= 14 {
		h[5] = 6
		copy(h[6:], f.Data[6:12])
	}
	h[14], h[15] = byte(f.Protocol>>8), byte(f.Protocol)
	return h
}

// viewFrame finds the network header.
func viewFrame(kind linkKind, data []byte, size int) frameView {
	f := frameView{link: data, size: size}
	switch {
	case kind == linkEthernet && len(data) >= 14:
		f.hasMAC, f.ethertype, f.net = true, be16(data[12:]), data[14:]
	case kind == linkCooked && len(data) >= cookedLen:
		f.ethertype, f.net = be16(data[14:]), data[cookedLen:]
	case kind == linkRaw:
		f.net = data
		if len(data) > 0 && data[0]>>4 == 4 {
			f.ethertype = etherIPv4
		}
	}
	return f
}

// line is the text of one packet, with its line feed.
func (p *packetPrinter) line(at time.Time, kind linkKind, data []byte, size int) string {
	p.b.Reset()
	p.count++
	if p.number {
		p.printf("%5d  ", p.count)
	}
	p.timestamp(at)
	f := viewFrame(kind, data, size)
	if p.link {
		p.linkHeader(kind, &f)
	}
	header := len(data) - len(f.net)
	p.noSumming = size > len(data)
	switch {
	case f.net == nil:
		p.printf("[|ether]")
	case f.ethertype == etherIPv4:
		p.ip(f.net, size-header)
	case f.ethertype == etherARP:
		p.arp(f.net, size-header)
	case p.link:
		p.printf("Unknown, length %d", size-header)
	default:
		p.printf("ethertype %s, length %d: ", etherName(f.ethertype), size)
	}
	p.dump(f.net, data)
	p.b.WriteByte('\n')
	return p.b.String()
}

func (p *packetPrinter) printf(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *packetPrinter) timestamp(at time.Time) {
	if p.first.IsZero() {
		p.first, p.last = at, at
	}
	const clock = "15:04:05.000000"
	switch p.times {
	case 0:
		p.printf("%s ", at.Format(clock))
	case 1:
	case 2:
		p.printf("%d.%06d ", at.Unix(), at.Nanosecond()/1000)
	case 3:
		p.printf("%s ", time.Time{}.Add(at.Sub(p.last)).Format(clock))
	case 4:
		p.printf("%s ", at.Format("2006-01-02 "+clock))
	default:
		p.printf("%s ", time.Time{}.Add(at.Sub(p.first)).Format(clock))
	}
	p.last = at
}

func etherName(et uint16) string {
	switch et {
	case etherIPv4:
		return "IPv4 (0x0800)"
	case etherARP:
		return "ARP (0x0806)"
	case 0x86dd:
		return "IPv6 (0x86dd)"
	}
	return fmt.Sprintf("Unknown (0x%04x)", et)
}

func (p *packetPrinter) linkHeader(kind linkKind, f *frameView) {
	switch {
	case kind == linkRaw:
		p.printf("ip: ")
	case f.net == nil:
	case kind == linkCooked:
		way := [...]string{" In", "  B", "  M", "  P", "Out"}[min(f.link[1], 4)]
		p.printf("%s ", way)
		if f.link[5] == 6 {
			p.printf("%s ", wire.MAC(f.link[6:12]))
		}
		p.printf("ethertype %s, length %d: ", etherName(f.ethertype), f.size)
	default:
		e := wire.Ethernet(f.link)
		p.printf("%s > %s", e.Src(), e.Dst())
		if p.quiet {
			p.printf(", %s", strings.Fields(etherName(f.ethertype))[0])
		} else {
			p.printf(", ethertype %s", etherName(f.ethertype))
		}
		p.printf(", length %d: ", f.size)
	}
}

// arp prints ARP; size is what it took on the wire.
func (p *packetPrinter) arp(b []byte, size int) {
	if !p.link {
		p.printf("ARP, ")
	}
	a := wire.ARP(b)
	if !a.Valid() {
		p.printf("[|ARP]")
		return
	}
	if p.verbose > 0 {
		p.printf("Ethernet (len 6), IPv4 (len 4), ")
	}
	switch a.Op() {
	case 1:
		p.printf("Request who-has %s", a.TPA())
		if a.THA() != (wire.MAC{}) {
			p.printf(" (%s)", a.THA())
		}
		p.printf(" tell %s", a.SPA())
	case 2:
		p.printf("Reply %s is-at %s", a.SPA(), a.SHA())
	default:
		p.printf("Unknown (%d)", a.Op())
	}
	p.printf(", length %d", size)
}

var ipProtoNames = map[uint8]string{1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP"}

// ip prints an IPv4 packet of which size bytes were on the wire.
func (p *packetPrinter) ip(b []byte, size int) {
	if !p.link {
		p.printf("IP ")
	}
	p.ipPacket(b, size)
}

func (p *packetPrinter) ipPacket(b []byte, size int) {
	ip := wire.IPv4(b)
	if len(b) < wire.IPv4MinLen || ip.IHL() < wire.IPv4MinLen {
		p.printf("truncated-ip")
		return
	}
	total := int(ip.TotalLen())
	switch {
	case ip.IHL() > len(b):
		p.printf("[|ip]")
		return
	case total == 0 || total > size:
		if total > size {
			p.printf("truncated-ip - %d bytes missing! ", total-size)
		}
		total = size
	case total < ip.IHL():
		p.printf("bad-len %d", total)
		return
	}
	if p.verbose > 0 {
		p.ipDetails(ip, total)
	}
	payload := b[ip.IHL():min(total, len(b))]
	if ip.FragOff() != 0 {
		p.printf("%s > %s: ip-proto-%d", ip.Src(), ip.Dst(), ip.Protocol())
		return
	}
	whole := !p.noSumming && !ip.MF() && len(payload) == total-ip.IHL()
	p.transport(ip, payload, total-ip.IHL(), whole)
}

func (p *packetPrinter) ipDetails(ip wire.IPv4, total int) {
	p.printf("(tos 0x%x", ip.TOS())
	p.printf("%s", [...]string{"", ",ECT(1)", ",ECT(0)", ",CE"}[ip.TOS()&3])
	if ip.TTL() > 0 {
		p.printf(", ttl %d", ip.TTL())
	}
	var flags []string
	if ip.MF() {
		flags = append(flags, "+")
	}
	if ip.DF() {
		flags = append(flags, "DF")
	}
	if flags == nil {
		flags = []string{"none"}
	}
	name := ipProtoNames[ip.Protocol()]
	if name == "" {
		name = "unknown"
	}
	p.printf(", id %d, offset %d, flags [%s], proto %s (%d), length %d", ip.ID(), ip.FragOff(), strings.Join(flags, ", "), name, ip.Protocol(), total)
	if o := ip.Options(); len(o) > 0 {
		p.printf(", options (%s)", ipOptionNames(o))
	}
	if !ip.ChecksumOK() {
		p.printf(", bad cksum %x (->%x)!", ip.Checksum(), headerChecksum(ip))
	}
	p.printf(")\n    ")
}

func headerChecksum(ip wire.IPv4) uint16 {
	h := append(wire.IPv4(nil), ip[:ip.IHL()]...)
	h[10], h[11] = 0, 0
	return wire.Fold(wire.Sum(h, 0))
}

func ipOptionNames(o []byte) string {
	names := map[byte]string{0: "EOL", 1: "NOP", 7: "RR", 68: "timestamp", 131: "LSRR", 137: "SSRR", 148: "RA"}
	var out []string
	for len(o) > 0 {
		name, ok := names[o[0]]
		if !ok {
			name = fmt.Sprintf("unknown %d", o[0])
		}
		out = append(out, name)
		n := 1
		if o[0] > 1 {
			if len(o) < 2 || o[1] < 2 || int(o[1]) > len(o) {
				break
			}
			n = int(o[1])
		}
		o = o[n:]
	}
	return strings.Join(out, ",")
}

// transport prints what an IP packet carries: payload is what was captured of
// its size bytes; whole says that a checksum can be looked at.
func (p *packetPrinter) transport(ip wire.IPv4, payload []byte, size int, whole bool) {
	switch ip.Protocol() {
	case wire.ProtoTCP:
		p.tcp(ip, payload, size, whole)
	case wire.ProtoUDP:
		p.udp(ip, payload, size, whole)
	case wire.ProtoICMP:
		p.printf("%s > %s: ", ip.Src(), ip.Dst())
		p.icmp(payload, size, whole)
	case 2:
		p.printf("%s > %s: ", ip.Src(), ip.Dst())
		p.igmp(payload)
	default:
		p.printf("%s > %s:  ip-proto-%d %d", ip.Src(), ip.Dst(), ip.Protocol(), size)
	}
}

func (p *packetPrinter) igmp(b []byte) {
	if len(b) < 8 {
		p.printf("[|igmp]")
		return
	}
	group := wire.AddrFrom4([4]byte(b[4:8]))
	switch b[0] {
	case 0x11:
		p.printf("igmp query v2")
	case 0x12:
		p.printf("igmp v1 report %s", group)
	case 0x16:
		p.printf("igmp v2 report %s", group)
	case 0x17:
		p.printf("igmp leave %s", group)
	case 0x22:
		p.printf("igmp v3 report, %d group record(s)", be16(b[6:]))
	default:
		p.printf("igmp-%d", b[0])
	}
}

// dump prints the bytes that -x, -X and -A ask for.
func (p *packetPrinter) dump(net, all []byte) {
	pick := func(level int) []byte {
		if level > 1 || net == nil {
			return all
		}
		return net
	}
	switch {
	case p.ascii > 0:
		p.b.WriteByte('\n')
		p.plainText(pick(p.ascii))
	case p.hexASCII > 0:
		p.hexLines(pick(p.hexASCII), true)
	case p.hex > 0:
		p.hexLines(pick(p.hex), false)
	}
}

func (p *packetPrinter) plainText(b []byte) {
	for i, c := range b {
		switch {
		case c == '\r' && i+1 < len(b) && b[i+1] == '\n':
		case c == '\n' || c == '\t' || c >= ' ' && c < 127:
			p.b.WriteByte(c)
		default:
			p.b.WriteByte('.')
		}
	}
}

func (p *packetPrinter) hexLines(b []byte, text bool) {
	for at := 0; at < len(b); at += 16 {
		row := b[at:min(at+16, len(b))]
		var hex, ascii strings.Builder
		for i, c := range row {
			if i%2 == 0 {
				hex.WriteByte(' ')
			}
			fmt.Fprintf(&hex, "%02x", c)
			if c > ' ' && c < 127 {
				ascii.WriteByte(c)
			} else {
				ascii.WriteByte('.')
			}
		}
		p.printf("\n\t0x%04x: ", at)
		if text {
			p.printf("%-40s  %s", hex.String(), ascii.String())
		} else {
			p.printf("%s", hex.String())
		}
	}
}
