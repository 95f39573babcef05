package packetdrill

import (
	"encoding/binary"
	"fmt"
	"time"

	"menuos/stack/wire"
)

// flow is a connection under test: whom it is between, and how the script's
// numbers become those on the wire.
type flow struct {
	state  flowState
	proto  uint8
	local  wire.Addr
	remote wire.Addr
	lport  uint16
	rport  uint16
	fd     int // of the machine, -1 for none yet

	scriptISN uint32 // the local initial sequence number as the script has it
	localISN  uint32 // … and on the wire
	remoteISN uint32 // the script's own

	tsMap    map[uint32]uint32 // outbound TS val: script to wire
	tsSeen   bool
	tsScript uint32 // the first one
	tsWire   uint32
}

type flowState uint8

const (
	flowNew flowState = iota
	flowListening
	flowConnecting // connect was called
	flowSynSent
	flowSynReceived // a peer's first packet
	flowSynackSent
	flowOpen
)

// frame is a packet that the machine sent.
type frame struct {
	at  time.Duration
	pkt wire.IPv4
}

func (f frame) tcp() wire.TCP {
	if f.pkt.Protocol() != wire.ProtoTCP || wire.TCP(f.pkt.Payload()).Check() != nil {
		return nil
	}
	return wire.TCP(f.pkt.Payload())
}

// from reports whether the frame is of the flow; a SYN of a connection that is
// being made tells the flow its port.
func (fl *flow) from(f frame) bool {
	ip := f.pkt
	if ip.Dst() != fl.remote {
		return false
	}
	if ip.Protocol() == wire.ProtoICMP {
		return true
	}
	p := ip.Payload()
	if ip.Protocol() != fl.proto || len(p) < 4 {
		return false
	}
	src, dst := binary.BigEndian.Uint16(p), binary.BigEndian.Uint16(p[2:])
	if dst != fl.rport {
		return false
	}
	if fl.proto == wire.ProtoUDP && fl.lport == 0 {
		fl.lport = src
	}
	if th := f.tcp(); fl.state == flowSynSent && fl.lport == 0 && th != nil && th.Flags()&(wire.SYN|wire.ACK) == wire.SYN {
		fl.lport, fl.localISN = src, th.Seq()
	}
	return src == fl.lport
}

// seqOffset is what to add to a sequence number of the script, whose packets
// with SYN have absolute numbers.
func (fl *flow) seqOffset(local, syn bool) uint32 {
	switch {
	case local && syn:
		return fl.localISN - fl.scriptISN
	case local:
		return fl.localISN
	case syn:
		return 0
	}
	return fl.remoteISN
}

func ipPacket(src, dst wire.Addr, proto, tos, ttl uint8, payload []byte) wire.IPv4 {
	b := wire.IPv4(make([]byte, wire.IPv4MinLen+len(payload)))
	b.SetVersionIHL(wire.IPv4MinLen)
	b.SetTOS(tos)
	b.SetTotalLen(uint16(len(b)))
	if ttl == 0 {
		ttl = 255
	}
	b.SetTTL(ttl)
	b.SetProtocol(proto)
	b.SetSrc(src)
	b.SetDst(dst)
	b.UpdateChecksum()
	copy(b[wire.IPv4MinLen:], payload)
	return b
}

func tcpSegment(t *TCPSpec, sport, dport uint16) wire.TCP {
	hlen := wire.TCPMinLen + len(t.Options)
	b := wire.TCP(make([]byte, hlen+t.Len))
	b.SetSrcPort(sport)
	b.SetDstPort(dport)
	b.SetSeq(t.Seq)
	b.SetAck(t.Ack)
	b.SetDataOffFlags(hlen, wire.TCPFlags(t.Flags))
	b[12] = b[12]&0xfe | byte(t.Flags>>8&1)
	b.SetWindow(uint16(max(t.Win, 0)))
	b.SetUrgent(t.Urg)
	copy(b[wire.TCPMinLen:], t.Options)
	return b
}

// inbound builds the packet that the script injects, with the wire's numbers.
func (fl *flow) inbound(k *Packet) (wire.IPv4, error) {
	tos := k.TOS
	sport, dport := fl.rport, fl.lport
	if k.SrcPort != 0 {
		sport = k.SrcPort
	}
	if k.DstPort != 0 {
		dport = k.DstPort
	}
	switch {
	case k.UDP != nil:
		u := wire.UDP(make([]byte, wire.UDPLen+k.UDP.Len))
		u.SetSrcPort(sport)
		u.SetDstPort(dport)
		u.SetLength(uint16(len(u)))
		u.UpdateChecksum(fl.remote, fl.local)
		return ipPacket(fl.remote, fl.local, wire.ProtoUDP, tos, k.TTL, u), nil
	case k.ICMP != nil:
		return ipPacket(fl.remote, fl.local, wire.ProtoICMP, tos, k.TTL, fl.icmp(k.ICMP)), nil
	}
	t := *k.TCP
	t.Options = append([]byte(nil), t.Options...)
	syn := t.Flags&flagSYN != 0
	t.Seq += fl.seqOffset(false, syn)
	if t.Flags&flagACK != 0 {
		t.Ack += fl.seqOffset(true, syn)
	}
	var err error
	eachOption(t.Options, func(kind byte, data []byte) {
		switch {
		case kind == optSack:
			shiftBlocks(data, fl.seqOffset(true, syn))
		case kind == optTimestamp && len(data) == 8 && t.Flags&flagACK != 0:
			ecr := binary.BigEndian.Uint32(data[4:])
			live, ok := fl.tsMap[ecr]
			if !ok {
				err = fmt.Errorf("nothing outbound had TS val %d, which this packet echoes", ecr)
			}
			binary.BigEndian.PutUint32(data[4:], live)
		}
	})
	th := tcpSegment(&t, sport, dport)
	th.UpdateChecksum(fl.remote, fl.local)
	return ipPacket(fl.remote, fl.local, wire.ProtoTCP, tos, k.TTL, th), err
}

// icmp builds an ICMP message that quotes what the flow has sent.
func (fl *flow) icmp(m *ICMPSpec) []byte {
	b := wire.ICMPv4(make([]byte, wire.ICMPv4Len))
	b.SetType(m.Type)
	b.SetCode(m.Code)
	switch m.Type {
	case wire.ICMPEcho, wire.ICMPEchoReply:
		b.SetID(m.ID)
	case wire.ICMPDestUnreach:
		b.SetMTU(m.MTU)
	}
	if m.Echoed {
		quote := make([]byte, 8)
		binary.BigEndian.PutUint16(quote, fl.lport)
		binary.BigEndian.PutUint16(quote[2:], fl.rport)
		proto, hlen := uint8(wire.ProtoTCP), wire.TCPMinLen
		if m.UDP {
			proto, hlen = wire.ProtoUDP, wire.UDPLen
			binary.BigEndian.PutUint16(quote[4:], uint16(wire.UDPLen+m.Len))
		} else {
			binary.BigEndian.PutUint32(quote[4:], m.Seq+fl.seqOffset(true, false))
		}
		ip := ipPacket(fl.local, fl.remote, proto, 0, 0, quote)
		ip.SetTotalLen(uint16(wire.IPv4MinLen + hlen + m.Len))
		ip.UpdateChecksum()
		b = append(b, ip...)
	}
	b.UpdateChecksum()
	return b
}

// eachOption calls fn for the options of a TCP header that are whole.
func eachOption(opts []byte, fn func(kind byte, data []byte)) {
	for len(opts) > 0 {
		kind, data, rest, err := wire.NextOption(opts)
		if err != nil {
			return
		}
		fn(kind, data)
		opts = rest
	}
}

func shiftBlocks(b []byte, by uint32) {
	for ; len(b) >= 4; b = b[4:] {
		binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)+by)
	}
}

// toScript is a copy of an outbound packet with the script's numbers. k is what
// the script expects; its TS val stands for the packet's from now on.
func (fl *flow) toScript(pkt wire.IPv4, k *Packet) wire.IPv4 {
	c := append(wire.IPv4(nil), pkt...)
	th := frame{pkt: c}.tcp()
	if th == nil || k.TCP == nil {
		return c
	}
	syn := th.Flags()&wire.SYN != 0
	th.SetSeq(th.Seq() - fl.seqOffset(true, syn))
	if th.Flags()&wire.ACK != 0 {
		th.SetAck(th.Ack() - fl.seqOffset(false, syn))
	}
	scriptTS, hasTS := uint32(0), false
	eachOption(k.TCP.Options, func(kind byte, data []byte) {
		if kind == optTimestamp && len(data) == 8 {
			scriptTS, hasTS = binary.BigEndian.Uint32(data), true
		}
	})
	eachOption(th.Options(), func(kind byte, data []byte) {
		switch {
		case kind == optSack:
			shiftBlocks(data, -fl.seqOffset(false, syn))
		case kind == optTimestamp && len(data) == 8 && hasTS:
			val := binary.BigEndian.Uint32(data)
			fl.tsMap[scriptTS] = val
			if !fl.tsSeen {
				fl.tsSeen, fl.tsScript, fl.tsWire = true, scriptTS, val
			}
			binary.BigEndian.PutUint32(data, fl.tsScript+val-fl.tsWire)
		}
	})
	return c
}
