package shell

// How tcpdump 4.9 prints TCP, UDP and ICMP.

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"menuos/stack/wire"
)

var tcpdumpFlags = []struct {
	bit  wire.TCPFlags
	name string
}{{wire.FIN, "F"}, {wire.SYN, "S"}, {wire.RST, "R"}, {wire.PSH, "P"}, {wire.ACK, "."}, {wire.URG, "U"}, {wire.ECE, "E"}, {wire.CWR, "W"}}

func (p *packetPrinter) tcp(ip wire.IPv4, b []byte, size int, whole bool) {
	if len(b) < 4 {
		p.printf("%s > %s: [|tcp]", ip.Src(), ip.Dst())
		return
	}
	src := netip.AddrPortFrom(ip.Src().Netip(), be16(b))
	dst := netip.AddrPortFrom(ip.Dst().Netip(), be16(b[2:]))
	p.printf("%s.%d > %s.%d: ", src.Addr(), src.Port(), dst.Addr(), dst.Port())
	th := wire.TCP(b)
	if len(b) < wire.TCPMinLen {
		p.printf("[|tcp]")
		return
	}
	off := th.DataOff()
	if off < wire.TCPMinLen || off > size {
		p.printf("tcp %d [bad hdr length %d - too %s]", max(size-off, 0), off, map[bool]string{true: "short, < 20", false: fmt.Sprintf("long, > %d", size)}[off < wire.TCPMinLen])
		return
	}
	length := size - off
	if p.quiet {
		p.printf("tcp %d", length)
		return
	}
	seq, ack, base, rev := p.relative(src, dst, th)
	flags := ""
	for _, f := range tcpdumpFlags {
		if th.Flags()&f.bit != 0 {
			flags += f.name
		}
	}
	if flags == "" {
		flags = "none"
	}
	p.printf("Flags [%s]", flags)
	if p.verbose > 0 && whole {
		if sum := wire.TransportChecksum(ip.Src(), ip.Dst(), wire.ProtoTCP, b); sum == 0 {
			p.printf(", cksum 0x%04x (correct)", th.Checksum())
		} else {
			p.printf(", cksum 0x%04x (incorrect -> 0x%04x)", th.Checksum(), transportSum(ip, b, 16))
		}
	}
	if length > 0 || th.Flags()&(wire.SYN|wire.FIN|wire.RST) != 0 {
		p.printf(", seq %d", seq)
		if length > 0 {
			p.printf(":%d", seq+uint32(length))
		}
	}
	if th.Flags()&wire.ACK != 0 {
		p.printf(", ack %d", ack)
	}
	p.printf(", win %d", th.Window())
	if th.Flags()&wire.URG != 0 {
		p.printf(", urg %d", th.Urgent())
	}
	if off > wire.TCPMinLen && len(b) >= off {
		p.printf(", options [%s]", tcpOptionText(b[wire.TCPMinLen:off], base, rev))
	}
	p.printf(", length %d", length)
}

// transportSum is what a segment's checksum, at offset at, should be.
func transportSum(ip wire.IPv4, b []byte, at int) uint16 {
	c := append([]byte(nil), b...)
	c[at], c[at+1] = 0, 0
	return wire.TransportChecksum(ip.Src(), ip.Dst(), ip.Protocol(), c)
}

// relative gives a segment's numbers, relative to its connection's first ones
// unless it begins the connection; rev: it comes from the end with the larger port.
func (p *packetPrinter) relative(src, dst netip.AddrPort, th wire.TCP) (seq, ack uint32, base tcpBase, rev bool) {
	seq, ack = th.Seq(), th.Ack()
	if p.absolute || th.Flags()&wire.ACK == 0 {
		return seq, ack, tcpBase{}, false
	}
	rev = src.Port() > dst.Port() || src.Port() == dst.Port() && dst.Addr().Less(src.Addr())
	pair := tcpPair{src, dst}
	if rev {
		pair = tcpPair{dst, src}
	}
	c := p.conns[pair]
	if c == nil || th.Flags()&wire.SYN != 0 {
		c = &tcpBase{seq, ack - 1}
		if rev {
			c = &tcpBase{ack - 1, seq}
		}
		if p.conns == nil {
			p.conns = make(map[tcpPair]*tcpBase)
		}
		p.conns[pair] = c
		return seq, ack, *c, rev
	}
	if rev {
		return seq - c.ack, ack - c.seq, *c, rev
	}
	return seq - c.seq, ack - c.ack, *c, rev
}

func tcpOptionText(o []byte, base tcpBase, rev bool) string {
	var out []string
	for len(o) > 0 {
		kind := o[0]
		if kind <= 1 {
			out = append(out, []string{"eol", "nop"}[kind])
			if o = o[1:]; kind == 0 {
				break
			}
			continue
		}
		if len(o) < 2 || o[1] < 2 || int(o[1]) > len(o) {
			out = append(out, "[bad opt]")
			break
		}
		out = append(out, tcpOption(kind, o[2:o[1]], base, rev))
		o = o[o[1]:]
	}
	return strings.Join(out, ",")
}

func tcpOption(kind byte, v []byte, base tcpBase, rev bool) string {
	be := binary.BigEndian
	switch {
	case kind == 2 && len(v) == 2:
		return fmt.Sprintf("mss %d", be.Uint16(v))
	case kind == 3 && len(v) == 1:
		return fmt.Sprintf("wscale %d", v[0])
	case kind == 4 && len(v) == 0:
		return "sackOK"
	case kind == 5 && len(v)%8 == 0:
		from := base.ack
		if rev {
			from = base.seq
		}
		text := fmt.Sprintf("sack %d ", len(v)/8)
		for ; len(v) > 0; v = v[8:] {
			text += fmt.Sprintf("{%d:%d}", be.Uint32(v)-from, be.Uint32(v[4:])-from)
		}
		return text
	case kind == 8 && len(v) == 8:
		return fmt.Sprintf("TS val %d ecr %d", be.Uint32(v), be.Uint32(v[4:]))
	case kind == 34 && len(v) == 0:
		return "tfo  cookiereq"
	case kind == 34:
		return fmt.Sprintf("tfo  cookie %x", v)
	}
	return fmt.Sprintf("unknown-%d 0x%x", kind, v)
}

func (p *packetPrinter) udp(ip wire.IPv4, b []byte, size int, whole bool) {
	if len(b) < wire.UDPLen {
		p.printf("%s > %s: [|udp]", ip.Src(), ip.Dst())
		return
	}
	u := wire.UDP(b)
	sport, dport := be16(b), be16(b[2:])
	p.printf("%s.%d > %s.%d: ", ip.Src(), sport, ip.Dst(), dport)
	length := int(be16(b[4:])) - wire.UDPLen
	if length < 0 {
		p.printf("truncated-udplength %d", length+wire.UDPLen)
		return
	}
	if p.quiet {
		p.printf("UDP, length %d", length)
		return
	}
	if p.verbose > 0 && whole {
		switch sum := be16(b[6:]); {
		case sum == 0:
			p.printf("[no cksum] ")
		case wire.TransportChecksum(ip.Src(), ip.Dst(), wire.ProtoUDP, u) != 0:
			p.printf("[bad udp cksum 0x%04x -> 0x%04x!] ", sum, transportSum(ip, b, 6))
		default:
			p.printf("[udp sum ok] ")
		}
	}
	data := b[wire.UDPLen:min(len(b), wire.UDPLen+length)]
	text := ""
	switch {
	case sport == 53 || dport == 53:
		text = tcpdumpDNS(data)
	case sport == 67 || dport == 67 || sport == 68 || dport == 68:
		text = tcpdumpDHCP(data, p.verbose > 0)
	}
	if text == "" {
		text = fmt.Sprintf("UDP, length %d", length)
	}
	p.printf("%s", text)
}

// tcpdumpDNS is a message of the domain name system, "" if it is none.
func tcpdumpDNS(b []byte) string {
	var d layers.DNS
	if d.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
		return ""
	}
	text := fmt.Sprintf("%d", d.ID)
	if !d.QR {
		if d.RD {
			text += "+"
		}
		if n := len(d.Additionals); n > 0 {
			text += fmt.Sprintf(" [%dau]", n)
		}
		for _, q := range d.Questions {
			text += fmt.Sprintf(" %s? %s.", q.Type, q.Name)
		}
		return fmt.Sprintf("%s (%d)", text, len(b))
	}
	if d.ResponseCode != 0 {
		text += " " + map[layers.DNSResponseCode]string{1: "FormErr", 2: "ServFail", 3: "NXDomain", 4: "NotImp", 5: "Refused"}[d.ResponseCode]
	}
	if d.AA {
		text += "*"
	}
	if !d.RA {
		text += "-"
	}
	text += fmt.Sprintf(" %d/%d/%d", len(d.Answers), len(d.Authorities), len(d.Additionals))
	for i, a := range d.Answers {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %s %s", a.Type, dnsRecordText(&a))
	}
	return fmt.Sprintf("%s (%d)", text, len(b))
}

func dnsRecordText(a *layers.DNSResourceRecord) string {
	switch a.Type {
	case layers.DNSTypeA, layers.DNSTypeAAAA:
		return a.IP.String()
	case layers.DNSTypeCNAME:
		return string(a.CNAME) + "."
	case layers.DNSTypeNS:
		return string(a.NS) + "."
	case layers.DNSTypePTR:
		return string(a.PTR) + "."
	case layers.DNSTypeTXT:
		return fmt.Sprintf("%q", string(a.TXT))
	}
	return ""
}

// tcpdumpDHCP is a DHCP message, "" if it is none.
func tcpdumpDHCP(b []byte, verbose bool) string {
	var d layers.DHCPv4
	if d.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
		return ""
	}
	text := fmt.Sprintf("BOOTP/DHCP, Reply, length %d", len(b))
	if d.Operation == layers.DHCPOpRequest {
		text = fmt.Sprintf("BOOTP/DHCP, Request from %s, length %d", d.ClientHWAddr, len(b))
	}
	if !verbose {
		return text
	}
	text += fmt.Sprintf(", xid 0x%x, Flags [%s]", d.Xid, map[bool]string{true: "Broadcast", false: "none"}[d.Flags&0x8000 != 0])
	if !d.YourClientIP.IsUnspecified() {
		text += fmt.Sprintf("\n\t  Your-IP %s", d.YourClientIP)
	}
	for _, o := range d.Options {
		if o.Type == layers.DHCPOptMessageType && len(o.Data) == 1 {
			text += fmt.Sprintf("\n\t    DHCP-Message Option 53, length 1: %s", layers.DHCPMsgType(o.Data[0]))
		}
	}
	return text
}

var icmpUnreachText = map[uint8]string{0: "net %s unreachable", 1: "host %s unreachable", 5: "%s unreachable - source route failed",
	6: "net %s unreachable - unknown", 7: "host %s unreachable - unknown", 9: "net %s unreachable - admin prohibited",
	10: "host %s unreachable - admin prohibited", 13: "host %s unreachable - admin prohibited filter"}

func (p *packetPrinter) icmp(b []byte, size int, whole bool) {
	if len(b) < wire.ICMPv4Len {
		p.printf("[|icmp]")
		return
	}
	m := wire.ICMPv4(b)
	inner := wire.IPv4(m.Payload())
	if len(inner) < wire.IPv4MinLen || inner.IHL() < wire.IPv4MinLen || inner.IHL() > len(inner) {
		inner = nil
	}
	text := fmt.Sprintf("type-#%d", m.Type())
	switch m.Type() {
	case icmpEchoReply:
		text = fmt.Sprintf("echo reply, id %d, seq %d", m.ID(), m.Seq())
	case icmpEcho:
		text = fmt.Sprintf("echo request, id %d, seq %d", m.ID(), m.Seq())
	case icmpUnreachable:
		text = icmpUnreach(m, inner)
	case 5:
		text = fmt.Sprintf("redirect to host %s", m.Gateway())
		if inner != nil {
			text = fmt.Sprintf("redirect %s to host %s", inner.Dst(), m.Gateway())
		}
	case icmpTimeExceeded:
		text = [...]string{"time exceeded in-transit", "ip reassembly time exceeded"}[min(m.Code(), 1)]
	case 12:
		text = fmt.Sprintf("parameter problem - octet %d", m.Pointer())
	case 13:
		text = fmt.Sprintf("time stamp query id %d seq %d", m.ID(), m.Seq())
	case 14:
		text = fmt.Sprintf("time stamp reply id %d seq %d", m.ID(), m.Seq())
	}
	p.printf("ICMP %s, length %d", text, size)
	if p.verbose == 0 {
		return
	}
	if whole && !m.ChecksumOK() {
		p.printf(" (wrong icmp cksum %x (->%x)!)", m.Checksum(), icmpSum(b))
	}
	if m.IsError() && inner != nil {
		p.printf("\n\t")
		was := p.noSumming
		p.noSumming = true
		p.printf("IP ")
		p.ipPacket(inner, max(int(inner.TotalLen()), len(inner)))
		p.noSumming = was
	}
}

func icmpSum(b []byte) uint16 {
	c := append([]byte(nil), b...)
	c[2], c[3] = 0, 0
	return wire.Fold(wire.Sum(c, 0))
}

func icmpUnreach(m wire.ICMPv4, inner wire.IPv4) string {
	if inner == nil {
		return "unreachable"
	}
	switch m.Code() {
	case 2:
		return fmt.Sprintf("%s protocol %d unreachable", inner.Dst(), inner.Protocol())
	case 3:
		if ports := inner[inner.IHL():]; len(ports) >= 4 && (inner.Protocol() == wire.ProtoTCP || inner.Protocol() == wire.ProtoUDP) {
			return fmt.Sprintf("%s %s port %d unreachable", inner.Dst(), strings.ToLower(ipProtoNames[inner.Protocol()]), be16(ports[2:]))
		}
		return fmt.Sprintf("%s protocol %d port unreachable", inner.Dst(), inner.Protocol())
	case 4:
		if m.MTU() > 0 {
			return fmt.Sprintf("%s unreachable - need to frag (mtu %d)", inner.Dst(), m.MTU())
		}
		return fmt.Sprintf("%s unreachable - need to frag", inner.Dst())
	}
	if format, ok := icmpUnreachText[m.Code()]; ok {
		return fmt.Sprintf(format, inner.Dst())
	}
	return fmt.Sprintf("%s unreachable - #%d", inner.Dst(), m.Code())
}
