package wire

import "encoding/binary"

// appendOptions prints TCP options, comma between them. SACK edges count in the sequence space of the peer, as
// acknowledgments do, hence ackBase.
func appendOptions(b, opts []byte, ackBase uint32) []byte {
	for first := true; len(opts) > 0; first = false {
		kind, data, rest, err := NextOption(opts)
		if !first {
			b = append(b, ',')
		}
		if err != nil {
			b = appendField(b, "[kind ", uint32(kind))
			b = append(b, ": "...)
			b = append(b, err.Error()...)
			return append(b, ']')
		}
		b = appendOption(b, kind, data, ackBase)
		opts = rest
	}
	return b
}

// appendOption prints one option; one that is unknown, or whose length is not that of its kind, prints its bytes.
func appendOption(b []byte, kind byte, data []byte, ackBase uint32) []byte {
	switch {
	case kind == OptEOL:
		return append(b, "eol"...)
	case kind == OptNOP:
		return append(b, "nop"...)
	case kind == OptMSS && len(data) == OptLenMSS-2:
		return appendField(b, "mss ", uint32(binary.BigEndian.Uint16(data)))
	case kind == OptWindow && len(data) == OptLenWindow-2:
		return appendField(b, "wscale ", uint32(data[0]))
	case kind == OptSACKPerm && len(data) == OptLenSACKPerm-2:
		return append(b, "sackOK"...)
	case kind == OptSACK && len(data) > 0 && len(data)%OptLenSACKPerBlock == 0:
		b = append(b, "sack"...)
		for ; len(data) > 0; data = data[OptLenSACKPerBlock:] {
			b = appendField(b, " ", binary.BigEndian.Uint32(data)-ackBase)
			b = appendField(b, ":", binary.BigEndian.Uint32(data[4:])-ackBase)
		}
		return b
	case kind == OptTimestamp && len(data) == OptLenTimestamp-2:
		b = appendField(b, "TS val ", binary.BigEndian.Uint32(data))
		return appendField(b, " ecr ", binary.BigEndian.Uint32(data[4:]))
	case kind == OptMD5Sig && len(data) == OptLenMD5Sig-2:
		return appendHex(append(b, "md5 "...), data)
	case kind == OptFastOpen:
		return appendBlob(b, "FO", data)
	case kind == OptExp && len(data) >= 2 && binary.BigEndian.Uint16(data) == FastOpenMagic:
		return appendBlob(b, "FOEXP", data[2:])
	}
	b = appendField(b, "unknown-", uint32(kind))
	if len(data) > 0 {
		b = appendHex(append(b, " 0x"...), data)
	}
	return b
}

// appendBlob prints a name and, unless it is empty, a value in hexadecimal.
func appendBlob(b []byte, name string, data []byte) []byte {
	b = append(b, name...)
	if len(data) > 0 {
		b = appendHex(append(b, ' '), data)
	}
	return b
}

// icmpTypes are packetdrill's names of the ICMP types (its icmp_packet.c).
var icmpTypes = [...]string{
	ICMPEchoReply:      "echo_reply",
	ICMPDestUnreach:    "unreachable",
	ICMPSourceQuench:   "source_quench",
	ICMPRedirect:       "redirect",
	ICMPEcho:           "echo_request",
	ICMPTimeExceeded:   "time_exceeded",
	ICMPParameterProb:  "parameter_problem",
	ICMPTimestamp:      "timestamp_request",
	ICMPTimestampReply: "timestamp_reply",
	ICMPInfoRequest:    "information_request",
	ICMPInfoReply:      "information_reply",
	ICMPAddress:        "address_mask_request",
	ICMPAddressReply:   "address_mask_reply",
}

// icmpUnreachCodes are packetdrill's names of the codes of ICMPDestUnreach, the one type whose codes it names.
var icmpUnreachCodes = [...]string{
	ICMPNetUnreach:    "net_unreachable",
	ICMPHostUnreach:   "host_unreachable",
	ICMPProtUnreach:   "protocol_unreachable",
	ICMPPortUnreach:   "port_unreachable",
	ICMPFragNeeded:    "frag_needed",
	ICMPSRFailed:      "source_route_failed",
	ICMPNetUnknown:    "net_unknown",
	ICMPHostUnknown:   "host_unknown",
	ICMPHostIsolated:  "source_host_isolated",
	ICMPNetAno:        "net_prohibited",
	ICMPHostAno:       "host_prohibited",
	ICMPNetUnrTOS:     "net_unreachable_for_tos",
	ICMPHostUnrTOS:    "host_unreachable_for_tos",
	ICMPPktFiltered:   "packet_filtered",
	ICMPPrecViolation: "precedence_violation",
	ICMPPrecCutoff:    "precedence_cutoff",
}

// appendICMP prints type and code by name where packetdrill has one, otherwise as type_N and code_N, which its
// scripts take too. A code 0 goes without saying, except where it has a name.
func appendICMP(b []byte, ic ICMPv4) []byte {
	if err := ic.Check(); err != nil {
		return appendBad(b, "icmp", err)
	}
	typ, code := ic.Type(), ic.Code()
	b = append(b, "icmp "...)
	if int(typ) < len(icmpTypes) && icmpTypes[typ] != "" {
		b = append(b, icmpTypes[typ]...)
	} else {
		b = appendField(b, "type_", uint32(typ))
	}
	if typ == ICMPDestUnreach && int(code) < len(icmpUnreachCodes) {
		b = append(b, ' ')
		b = append(b, icmpUnreachCodes[code]...)
	} else if code != 0 {
		b = appendField(b, " code_", uint32(code))
	}
	switch typ {
	case ICMPEcho, ICMPEchoReply:
		b = appendField(b, " id ", uint32(ic.ID()))
		b = appendField(b, " seq ", uint32(ic.Seq()))
	case ICMPDestUnreach:
		if code == ICMPFragNeeded {
			b = appendField(b, " mtu ", uint32(ic.MTU()))
		}
	}
	return b
}
