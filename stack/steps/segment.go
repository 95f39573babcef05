// Packets: what a step says of its own.

package steps

import (
	"fmt"
	"net/netip"

	"menuos/stack"
	"menuos/stack/wire"
)

// Segment is what a step says of its packet. Numbers are as they print: relative
// if the connection's SYN has been seen.
type Segment struct {
	Src, Dst netip.AddrPort // port 0: it has none
	Proto    string         // tcp, udp, icmp, igmp, ip-proto-N

	Flags    wire.TCPFlags // of TCP alone, as the next three
	Seq, Ack uint32
	Win      uint16
	Len      int // bytes of payload: of TCP, UDP or what else IP carries

	// Text is the packet in packetdrill's notation, without the angle brackets
	// of a direction: "S 0:0(0) win 43690 <mss 65495,sackOK,TS val 1 ecr 0,nop,wscale 6>",
	// "udp (22)", "icmp echo_request id 4 seq 1". What is malformed stands in
	// square brackets.
	Text string

	proto uint8  // IP's number
	icmp  uint8  // ICMP's type
	id    uint16 // of an ICMP query
	nr    uint16 // … and its sequence number
	about *quote // of an ICMP error: the packet that it is about
}

// quote is the head of a packet that an ICMP error quotes.
type quote struct {
	proto    uint8
	src, dst netip.AddrPort
}

// SegmentOf reads the packet of an event; ok is false if it has none, or not so
// much as an IP header of it. rel, which may be nil, makes sequence numbers
// relative and learns from what it sees. A packet of which only the beginning was
// copied prints as if it were whole.
func SegmentOf(ev *stack.Event, rel *Relative) (seg Segment, ok bool) {
	ip := wire.IPv4(ev.Packet)
	if len(ip) < wire.IPv4MinLen {
		return seg, false
	}
	seg = Segment{Proto: protoName(ip.Protocol()), proto: ip.Protocol(),
		Src: netip.AddrPortFrom(ip.Src().Netip(), 0), Dst: netip.AddrPortFrom(ip.Dst().Netip(), 0)}
	whole := rel.complete(ip)
	switch {
	case whole.Check() != nil:
		seg.Text = wire.Packetdrill(whole, nil)
	case headersCut(ip):
		seg.Text = seg.Proto + " [cut]"
	default:
		seg.Len = len(whole.Payload())
		var base *wire.SeqBase
		if whole.FragOff() == 0 {
			base = seg.readTransport(whole, rel)
		}
		seg.Text = wire.Packetdrill(whole, base)
	}
	return seg, true
}

// readTransport fills in what the header behind IP's says and returns what the
// numbers are relative to.
func (seg *Segment) readTransport(ip wire.IPv4, rel *Relative) *wire.SeqBase {
	p := ip.Payload()
	switch ip.Protocol() {
	case wire.ProtoTCP:
		th := wire.TCP(p)
		if !th.Valid() {
			return nil
		}
		seg.setPorts(th.SrcPort(), th.DstPort())
		base := rel.base(ip, th)
		seg.Flags, seg.Seq, seg.Ack, seg.Win, seg.Len = th.Flags(), th.Seq(), th.Ack(), th.Window(), len(th.Payload())
		if base != nil {
			seq, ack := base.SrcISN, base.DstISN
			if ip.Src() != base.Src || th.SrcPort() != base.SrcPort {
				seq, ack = ack, seq
			}
			seg.Seq, seg.Ack = seg.Seq-seq, seg.Ack-ack
		}
		return base
	case wire.ProtoUDP:
		if uh := wire.UDP(p); len(uh) >= wire.UDPLen {
			seg.setPorts(uh.SrcPort(), uh.DstPort())
			seg.Len = len(p) - wire.UDPLen
		}
	case wire.ProtoICMP:
		if ic := wire.ICMPv4(p); ic.Valid() {
			seg.readICMP(ic)
		}
	}
	return nil
}

func (seg *Segment) setPorts(src, dst uint16) {
	seg.Src = netip.AddrPortFrom(seg.Src.Addr(), src)
	seg.Dst = netip.AddrPortFrom(seg.Dst.Addr(), dst)
}

func (seg *Segment) readICMP(ic wire.ICMPv4) {
	seg.Len, seg.icmp = len(ic.Payload()), ic.Type()
	if !ic.IsError() {
		seg.id, seg.nr = ic.ID(), ic.Seq()
		return
	}
	in := wire.IPv4(ic.Payload())
	if len(in) < wire.IPv4MinLen || in.IHL() < wire.IPv4MinLen || len(in) < in.IHL() {
		return
	}
	q := &quote{proto: in.Protocol()}
	var sport, dport uint16
	if rest := in[in.IHL():]; len(rest) >= 4 && in.FragOff() == 0 && (q.proto == wire.ProtoTCP || q.proto == wire.ProtoUDP) {
		sport, dport = uint16(rest[0])<<8|uint16(rest[1]), uint16(rest[2])<<8|uint16(rest[3])
	}
	q.src, q.dst = netip.AddrPortFrom(in.Src().Netip(), sport), netip.AddrPortFrom(in.Dst().Netip(), dport)
	seg.about = q
}

// complete fills a packet of which the rest was not copied up to the length that
// its header tells. What it fills in is never printed: sizes and headers are.
func (r *Relative) complete(ip wire.IPv4) wire.IPv4 {
	total := int(ip.TotalLen())
	if total <= len(ip) {
		return ip
	}
	var room []byte
	if r != nil {
		room = r.pad
	}
	if cap(room) < total {
		room = make([]byte, total)
		if r != nil {
			r.pad = room
		}
	}
	room = room[:total]
	clear(room[copy(room, ip):])
	return room
}

// headersCut reports whether a copy ends within the packet's headers.
func headersCut(ip wire.IPv4) bool {
	need := ip.IHL()
	switch ip.Protocol() {
	case wire.ProtoTCP:
		need += wire.TCPMinLen
		if len(ip) >= need {
			need = ip.IHL() + wire.TCP(ip[ip.IHL():]).DataOff()
		}
	case wire.ProtoUDP, wire.ProtoICMP:
		need += wire.UDPLen
	}
	return len(ip) < min(need, int(ip.TotalLen()))
}

func protoName(proto uint8) string {
	switch proto {
	case wire.ProtoTCP:
		return "tcp"
	case wire.ProtoUDP:
		return "udp"
	case wire.ProtoICMP:
		return "icmp"
	case wire.ProtoIGMP:
		return "igmp"
	}
	return fmt.Sprintf("ip-proto-%d", proto)
}
