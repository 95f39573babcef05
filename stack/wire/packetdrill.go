package wire

import (
	"encoding/binary"
	"strconv"
)

// SeqBase names one TCP flow and the two sequence numbers that print as 0. Packets of both directions are
// recognised by their addresses and ports; those of another flow print absolute.
type SeqBase struct {
	Src, Dst         Addr
	SrcPort, DstPort uint16

	// SrcISN and DstISN are the initial sequence numbers that Src and Dst sent in their SYN. Zero leaves the
	// numbers of that side absolute.
	SrcISN, DstISN uint32
}

// bases returns what to subtract from the sequence number and from the acknowledgment of a packet. A nil SeqBase
// subtracts nothing.
func (s *SeqBase) bases(ip IPv4, th TCP) (seq, ack uint32) {
	if s == nil {
		return 0, 0
	}
	src, dst, sport, dport := ip.Src(), ip.Dst(), th.SrcPort(), th.DstPort()
	switch {
	case src == s.Src && sport == s.SrcPort && dst == s.Dst && dport == s.DstPort:
		return s.SrcISN, s.DstISN
	case src == s.Dst && sport == s.DstPort && dst == s.Src && dport == s.SrcPort:
		return s.DstISN, s.SrcISN
	}
	return 0, 0
}

// Packetdrill prints a whole IPv4 packet on one line in the notation of packetdrill's scripts:
//
//	S 0:0(0) win 65495 <mss 65495,sackOK,TS val 100 ecr 0,nop,wscale 6>
//	P. 1:6(5) ack 1 win 1024 <nop,nop,TS val 1 ecr 2>
//	udp (5)
//	icmp echo_request id 1 seq 1
//	icmp unreachable frag_needed mtu 1400
//
// The end of the sequence range is start plus payload: SYN and FIN are not counted in it. rel, which may be nil,
// makes sequence numbers, acknowledgments and SACK blocks relative.
//
// What a script cannot say prints so that it cannot be mistaken for one: what is malformed in square brackets, a
// fragment as tcpdump's "(frag id:size@offset+)", in bytes, with "+" when more follow, and a protocol without a
// notation as "ip-proto-N (bytes)". Any bytes print; none panic.
func Packetdrill(ip []byte, rel *SeqBase) string {
	var buf [160]byte
	return string(AppendPacketdrill(buf[:0], ip, rel))
}

// AppendPacketdrill appends what Packetdrill returns to b.
func AppendPacketdrill(b, ip []byte, rel *SeqBase) []byte {
	if err := IPv4(ip).Check(); err != nil {
		return appendBad(b, "ip", err)
	}
	return appendPacket(b, ip, rel)
}

// Summary prints a whole IPv4 packet on one line: source and destination as tcpdump writes them, then what
// Packetdrill prints. Packets without ports have addresses alone.
//
//	127.0.0.1.43116 > 127.0.0.1.5001: . 1:1(0) ack 1 win 1024
//	10.0.0.1 > 10.0.0.2: icmp echo_request id 1 seq 1
func Summary(ip []byte, rel *SeqBase) string {
	var buf [208]byte
	return string(AppendSummary(buf[:0], ip, rel))
}

// AppendSummary appends what Summary returns to b.
func AppendSummary(b, ip []byte, rel *SeqBase) []byte {
	v := IPv4(ip)
	if err := v.Check(); err != nil {
		return appendBad(b, "ip", err)
	}
	sport, dport, ok := ports(v)
	b = appendEndpoint(b, v.Src(), sport, ok)
	b = append(b, " > "...)
	b = appendEndpoint(b, v.Dst(), dport, ok)
	b = append(b, ": "...)
	return appendPacket(b, v, rel)
}

// ports returns the ports of a TCP or UDP packet; only the first fragment has them.
func ports(ip IPv4) (src, dst uint16, ok bool) {
	p := ip.Payload()
	if ip.FragOff() != 0 || len(p) < 4 || ip.Protocol() != ProtoTCP && ip.Protocol() != ProtoUDP {
		return 0, 0, false
	}
	return binary.BigEndian.Uint16(p), binary.BigEndian.Uint16(p[2:]), true
}

func appendEndpoint(b []byte, a Addr, port uint16, withPort bool) []byte {
	b = a.AppendTo(b)
	if withPort {
		b = append(b, '.')
		b = appendUint(b, uint32(port))
	}
	return b
}

// appendPacket prints a packet that IPv4.Check has passed.
func appendPacket(b []byte, ip IPv4, rel *SeqBase) []byte {
	p := ip.Payload()
	switch {
	case ip.FragOff() != 0:
		b = appendProto(b, ip.Protocol(), len(p))
	case ip.Protocol() == ProtoTCP:
		b = appendTCP(b, ip, p, rel)
	case ip.Protocol() == ProtoUDP:
		b = appendUDP(b, p, ip.MF())
	case ip.Protocol() == ProtoICMP:
		b = appendICMP(b, p)
	default:
		b = appendProto(b, ip.Protocol(), len(p))
	}
	if !ip.IsFragment() {
		return b
	}
	b = append(b, " (frag "...)
	b = appendUint(b, uint32(ip.ID()))
	b = append(b, ':')
	b = appendUint(b, uint32(len(p)))
	b = append(b, '@')
	b = appendUint(b, uint32(ip.FragOff()))
	if ip.MF() {
		b = append(b, '+')
	}
	return append(b, ')')
}

func appendProto(b []byte, proto uint8, size int) []byte {
	b = append(b, "ip-proto-"...)
	b = appendUint(b, uint32(proto))
	return appendSize(append(b, ' '), size)
}

func appendTCP(b []byte, ip IPv4, th TCP, rel *SeqBase) []byte {
	if err := th.Check(); err != nil {
		return appendBad(b, "tcp", err)
	}
	seqBase, ackBase := rel.bases(ip, th)
	seq, size := th.Seq()-seqBase, len(th.Payload())
	b = th.Flags().appendTo(b)
	b = appendField(b, " ", seq)
	b = appendField(b, ":", seq+uint32(size))
	b = appendSize(b, size)
	if th.Flags()&ACK != 0 {
		b = appendField(b, " ack ", th.Ack()-ackBase)
	}
	b = appendField(b, " win ", uint32(th.Window()))
	if th.Flags()&URG != 0 {
		b = appendField(b, " urg ", uint32(th.Urgent()))
	}
	if opts := th.Options(); len(opts) > 0 {
		b = append(b, " <"...)
		b = appendOptions(b, opts, ackBase)
		b = append(b, '>')
	}
	return b
}

// appendUDP prints the payload's size: of the datagram, or of what this first fragment has of it.
func appendUDP(b []byte, uh UDP, first bool) []byte {
	err := uh.Check()
	if err == ErrTruncated && first {
		return appendSize(append(b, "udp "...), len(uh)-UDPLen)
	}
	if err != nil {
		return appendBad(b, "udp", err)
	}
	return appendSize(append(b, "udp "...), len(uh.Payload()))
}

// appendBad prints what is wrong with a header, in brackets.
func appendBad(b []byte, header string, err error) []byte {
	b = append(b, '[')
	b = append(b, header...)
	b = append(b, ": "...)
	b = append(b, err.Error()...)
	return append(b, ']')
}

func appendSize(b []byte, n int) []byte {
	b = append(b, '(')
	b = appendUint(b, uint32(n))
	return append(b, ')')
}

func appendField(b []byte, name string, v uint32) []byte {
	return appendUint(append(b, name...), v)
}

func appendUint(b []byte, v uint32) []byte { return strconv.AppendUint(b, uint64(v), 10) }

func appendHex(b, data []byte) []byte {
	for _, v := range data {
		b = append(b, hexDigits[v>>4], hexDigits[v&0xf])
	}
	return b
}
