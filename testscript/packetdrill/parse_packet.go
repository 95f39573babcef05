package packetdrill

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"

	"menuos/stack/wire"
)

// Bits of TCPSpec.Flags by the letters of scripts.
var flagLetters = map[rune]uint16{
	'F': 0x01, 'S': 0x02, 'R': 0x04, 'P': 0x08, '.': 0x10, 'U': 0x20, 'E': 0x40, 'W': 0x80, 'A': 0x100,
}

const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagPSH = 0x08
	flagACK = 0x10
)

// Kinds of TCP options.
const (
	optEOL       = 0
	optNOP       = 1
	optMSS       = 2
	optWscale    = 3
	optSackOK    = 4
	optSack      = 5
	optTimestamp = 8
	optMD5       = 19
	optFastOpen  = 34
)

// packet reads a packet: direction, IP, TCP or UDP or ICMP.
func (p *parser) packet() (*Packet, error) {
	k := &Packet{Inbound: p.is("<")}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.is("[") || p.is("(") {
		if err := p.ipInfo(k); err != nil {
			return nil, err
		}
	}
	switch {
	case p.is("ipv4") || p.is("ipv6") || p.is("gre") || p.is("GREv0") || p.is("mpls") || p.is("encap"):
		return nil, p.errorf("%s: encapsulation is not supported", p.tok.text)
	case p.is("udp"):
		return k, p.udp(k)
	case p.is("icmp"):
		return k, p.icmp(k)
	}
	return k, p.tcp(k)
}

func (p *parser) ipInfo(k *Packet) error {
	end := "]"
	if p.is("(") {
		end = ")"
	}
	if err := p.advance(); err != nil {
		return err
	}
	word := p.tok.text
	if err := p.advance(); err != nil {
		return err
	}
	switch word {
	case "noecn", "ect1", "ect0", "ce":
		k.TOSCheck = TOSECN
		k.TOS = map[string]uint8{"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}[word]
	case "ect01":
		if k.Inbound {
			return p.errorf("[ect01] is for outbound packets alone")
		}
		k.TOSCheck = TOSECT01
	case "tos":
		v, err := p.integer("a TOS byte", 0, 255)
		if err != nil {
			return err
		}
		k.TOSCheck, k.TOS = TOSWhole, uint8(v)
	case "ttl":
		v, err := p.integer("a TTL", 0, 255)
		if err != nil {
			return err
		}
		k.TTL = uint8(v)
	default:
		return p.errorf("unknown IP field %q", word)
	}
	return p.expect(end)
}

func (p *parser) ports(k *Packet) error {
	if p.tok.kind != tokInt {
		return nil
	}
	src, err := p.integer("a port", 0, math.MaxUint16)
	if err != nil {
		return err
	}
	if err := p.expect(">"); err != nil {
		return err
	}
	dst, err := p.integer("a port", 0, math.MaxUint16)
	k.SrcPort, k.DstPort = uint16(src), uint16(dst)
	return err
}

func (p *parser) udp(k *Packet) error {
	if err := p.advance(); err != nil {
		return err
	}
	if err := p.ports(k); err != nil {
		return err
	}
	n, err := p.size()
	k.UDP = &UDPSpec{Len: n}
	return err
}

// size reads (bytes).
func (p *parser) size() (int, error) {
	if err := p.expect("("); err != nil {
		return 0, err
	}
	n, err := p.integer("a payload size", 0, math.MaxUint16-60)
	if err != nil {
		return 0, err
	}
	return int(n), p.expect(")")
}

func (p *parser) icmp(k *Packet) error {
	m := &ICMPSpec{}
	k.ICMP = m
	if err := p.advance(); err != nil {
		return err
	}
	var ok bool
	if m.Type, ok = icmpNumber("type_", icmpTypes, p.tok.text); !ok {
		return p.errorf("unknown ICMP type %q", p.tok.text)
	}
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.kind == tokWord && !p.is("mtu") && !p.is("id") {
		if m.Code, ok = icmpNumber("code_", icmpCodes, p.tok.text); !ok {
			return p.errorf("unknown ICMP code %q", p.tok.text)
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name string
		to   *uint16
	}{{"mtu", &m.MTU}, {"id", &m.ID}} {
		got, err := p.accept(f.name)
		if err != nil {
			return err
		}
		if got {
			v, err := p.integer("a number", 0, math.MaxUint16)
			if err != nil {
				return err
			}
			*f.to = uint16(v)
		}
	}
	if !p.is("[") {
		return nil
	}
	if err := p.advance(); err != nil {
		return err
	}
	m.Echoed = true
	if p.is("udp") || p.is("raw") {
		m.UDP = p.is("udp")
		if err := p.advance(); err != nil {
			return err
		}
		n, err := p.size()
		if err != nil {
			return err
		}
		m.Len = n
		return p.expect("]")
	}
	var err error
	if m.Seq, m.Len, err = p.seq(); err != nil {
		return err
	}
	return p.expect("]")
}

// seq reads start:end(length).
func (p *parser) seq() (uint32, int, error) {
	start, err := p.integer("a sequence number", 0, math.MaxUint32)
	if err != nil {
		return 0, 0, err
	}
	if err := p.expect(":"); err != nil {
		return 0, 0, err
	}
	end, err := p.integer("a sequence number", 0, math.MaxUint32)
	if err != nil {
		return 0, 0, err
	}
	n, err := p.size()
	if err != nil {
		return 0, 0, err
	}
	if uint32(end) != uint32(start)+uint32(n) {
		return 0, 0, p.errorf("sequence numbers %d:%d do not fit the payload of %d", start, end, n)
	}
	return uint32(start), n, nil
}

func (p *parser) tcpFlags() (uint16, error) {
	var flags uint16
	switch {
	case p.tok.kind == tokWord:
		for _, c := range p.tok.text {
			bit, ok := flagLetters[c]
			if !ok {
				return 0, p.errorf("%q where a packet's protocol or TCP flags should be", p.tok.text)
			}
			flags |= bit
		}
		if err := p.advance(); err != nil {
			return 0, err
		}
		ok, err := p.accept(".")
		if ok {
			flags |= flagACK
		}
		return flags, err
	case p.is("."):
		return flagACK, p.advance()
	case p.is("-"):
		return 0, p.advance()
	}
	return 0, p.errorf("%q where TCP flags should be", p.tok.text)
}

func (p *parser) tcp(k *Packet) error {
	t := &TCPSpec{Win: -1}
	k.TCP = t
	err := p.ports(k)
	if err != nil {
		return err
	}
	if t.Flags, err = p.tcpFlags(); err != nil {
		return err
	}
	if t.Seq, t.Len, err = p.seq(); err != nil {
		return err
	}
	ack, win, urg := int64(0), int64(-1), int64(0)
	for _, f := range []struct {
		name string
		max  int64
		to   *int64
	}{{"ack", math.MaxUint32, &ack}, {"win", math.MaxUint16, &win}, {"urg", math.MaxUint16, &urg}} {
		ok, err := p.accept(f.name)
		if err != nil {
			return err
		}
		if ok {
			if *f.to, err = p.integer("a number", 0, f.max); err != nil {
				return err
			}
		}
	}
	t.Ack, t.Win, t.Urg = uint32(ack), int(win), uint16(urg)
	if k.Inbound && t.Win < 0 {
		t.Win = 0
	}
	// An option list opens on the segment's own line: a "<" after that is the
	// next event's direction only if a time stands before it.
	if !p.is("<") {
		return nil
	}
	return p.tcpOptions(k)
}

func (p *parser) tcpOptions(k *Packet) error {
	if err := p.advance(); err != nil {
		return err
	}
	t := k.TCP
	if p.tok.kind == tokEllipsis {
		if k.Inbound {
			return p.errorf("<...> is for outbound packets alone")
		}
		t.AnyOptions = true
		if err := p.advance(); err != nil {
			return err
		}
		return p.expect(">")
	}
	for {
		if err := p.tcpOption(t); err != nil {
			return err
		}
		if p.is(">") {
			break
		}
		if err := p.expect(","); err != nil {
			return err
		}
	}
	switch {
	case len(t.Options)%4 != 0:
		return p.errorf("TCP options of %d bytes: not a multiple of 4", len(t.Options))
	case len(t.Options) > wire.TCPMaxLen-wire.TCPMinLen:
		return p.errorf("TCP options of %d bytes: too long", len(t.Options))
	}
	return p.advance()
}

func (p *parser) tcpOption(t *TCPSpec) error {
	name := p.tok.text
	if p.tok.kind != tokWord {
		return p.errorf("%q where a TCP option should be", name)
	}
	if err := p.advance(); err != nil {
		return err
	}
	switch name {
	case "nop":
		t.Options = append(t.Options, optNOP)
	case "eol":
		t.Options = append(t.Options, optEOL)
	case "sackOK":
		t.Options = append(t.Options, optSackOK, 2)
	case "mss":
		v, err := p.integer("an MSS", 0, math.MaxUint16)
		t.Options = binary.BigEndian.AppendUint16(append(t.Options, optMSS, 4), uint16(v))
		return err
	case "wscale":
		v, err := p.integer("a window scale", 0, 255)
		t.Options = append(t.Options, optWscale, 3, byte(v))
		return err
	case "TS":
		t.Options = append(t.Options, optTimestamp, 10)
		for _, word := range []string{"val", "ecr"} {
			if err := p.expect(word); err != nil {
				return err
			}
			v, err := p.integer("a timestamp", 0, math.MaxUint32)
			if err != nil {
				return err
			}
			t.Options = binary.BigEndian.AppendUint32(t.Options, uint32(v))
		}
	case "sack":
		return p.sackBlocks(t)
	case "md5", "FO":
		kind := byte(optMD5)
		if name == "FO" {
			kind = optFastOpen
		}
		var data []byte
		if p.tok.kind == tokWord || p.tok.kind == tokInt {
			var err error
			if data, err = hex.DecodeString(p.tok.text); err != nil || len(data) > 38 {
				return p.errorf("%q is not hexadecimal bytes", p.tok.text)
			}
			if err := p.advance(); err != nil {
				return err
			}
		}
		t.Options = append(append(t.Options, kind, byte(2+len(data))), data...)
	default:
		return p.errorf("unknown TCP option %q", name)
	}
	return nil
}

func (p *parser) sackBlocks(t *TCPSpec) error {
	at := len(t.Options)
	t.Options = append(t.Options, optSack, 2)
	for p.tok.kind == tokInt && len(t.Options) < 64 {
		left, err := p.integer("a sequence number", 0, math.MaxUint32)
		if err != nil {
			return err
		}
		if err := p.expect(":"); err != nil {
			return err
		}
		right, err := p.integer("a sequence number", 0, math.MaxUint32)
		if err != nil {
			return err
		}
		t.Options = binary.BigEndian.AppendUint32(t.Options, uint32(left))
		t.Options = binary.BigEndian.AppendUint32(t.Options, uint32(right))
	}
	t.Options[at+1] = byte(len(t.Options) - at)
	return nil
}

// Names of ICMP types, and of the codes of "unreachable".
var (
	icmpTypes = strings.Fields("echo_reply 1 2 unreachable source_quench redirect 6 7 echo_request 9 10 time_exceeded " +
		"parameter_problem timestamp_request timestamp_reply information_request information_reply " +
		"address_mask_request address_mask_reply")
	icmpCodes = strings.Fields("net_unreachable host_unreachable protocol_unreachable port_unreachable frag_needed " +
		"source_route_failed net_unknown host_unknown source_host_isolated net_prohibited host_prohibited " +
		"net_unreachable_for_tos host_unreachable_for_tos packet_filtered precedence_violation precedence_cutoff")
)

func icmpNumber(prefix string, names []string, s string) (uint8, bool) {
	for i, name := range names {
		if name == s && !isDigit(name[0]) {
			return uint8(i), true
		}
	}
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || digits == "" || len(digits) > 3 || span(digits, isDigit) != len(digits) {
		return 0, false
	}
	v := 0
	for _, c := range digits {
		v = v*10 + int(c-'0')
	}
	return uint8(v), v < 256
}
