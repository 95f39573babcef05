package wire

import "encoding/binary"

// TCP is a view of a TCP segment, header first (RFC 9293 section 3.1):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|          Source Port          |       Destination Port        |
//	|                        Sequence Number                        |
//	|                    Acknowledgment Number                      |
//	|  Data |       |C|E|U|A|P|R|S|F|                               |
//	| Offset| Rsrvd |W|C|R|C|S|S|Y|I|            Window             |
//	|       |       |R|E|G|K|H|T|N|N|                               |
//	|           Checksum            |         Urgent Pointer        |
//	|                           [Options]                           |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type TCP []byte

// Sizes of the TCP header in bytes (RFC 9293 section 3.1).
const (
	TCPMinLen = 20 // without options
	TCPMaxLen = 60 // with 40 bytes of options
)

// TCPFlags are the control bits of a TCP header (RFC 9293 section 3.1), each in its place in byte 13.
type TCPFlags uint8

// The control bits; ECE and CWR are RFC 3168 section 6.1.
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// String returns the flags as a packetdrill script spells them: the letters of FSRPUEW that are set, then "." for
// ACK; "-" when none is.
func (f TCPFlags) String() string {
	var buf [8]byte
	return string(f.appendTo(buf[:0]))
}

// flagLetters are those before the dot, in the order printed. A script's grammar takes one word and then the dot,
// so URG, ECE and CWR stand before it, though tcpdump puts them after.
var flagLetters = [...]struct {
	flag   TCPFlags
	letter byte
}{{FIN, 'F'}, {SYN, 'S'}, {RST, 'R'}, {PSH, 'P'}, {URG, 'U'}, {ECE, 'E'}, {CWR, 'W'}}

func (f TCPFlags) appendTo(b []byte) []byte {
	if f == 0 {
		return append(b, '-')
	}
	for _, l := range flagLetters {
		if f&l.flag != 0 {
			b = append(b, l.letter)
		}
	}
	if f&ACK != 0 {
		b = append(b, '.')
	}
	return b
}

// Check reports what tcp_v4_rcv would drop the segment for before it looks at the checksum: ErrShort, or
// ErrHeaderLen for a data offset below 20 or beyond the segment.
func (b TCP) Check() error {
	if len(b) < TCPMinLen {
		return ErrShort
	}
	if off := b.DataOff(); off < TCPMinLen || off > len(b) {
		return ErrHeaderLen
	}
	return nil
}

// Valid reports whether Check finds nothing wrong.
func (b TCP) Valid() bool { return b.Check() == nil }

// SrcPort returns the source port.
func (b TCP) SrcPort() uint16 { return binary.BigEndian.Uint16(b[0:]) }

// DstPort returns the destination port.
func (b TCP) DstPort() uint16 { return binary.BigEndian.Uint16(b[2:]) }

// Seq returns the sequence number of the first byte, or of the SYN.
func (b TCP) Seq() uint32 { return binary.BigEndian.Uint32(b[4:]) }

// Ack returns the acknowledgment number: the next sequence number expected. It means nothing without the ACK flag.
func (b TCP) Ack() uint32 { return binary.BigEndian.Uint32(b[8:]) }

// DataOff returns the header's length in bytes, options included: 20 to 60 in a valid header.
func (b TCP) DataOff() int { return int(b[12]>>4) << 2 }

// Flags returns the control bits.
func (b TCP) Flags() TCPFlags { return TCPFlags(b[13]) }

// Window returns the window field, unscaled (RFC 7323 section 2.3 scales it).
func (b TCP) Window() uint16 { return binary.BigEndian.Uint16(b[14:]) }

// Checksum returns the checksum field.
func (b TCP) Checksum() uint16 { return binary.BigEndian.Uint16(b[16:]) }

// Urgent returns the urgent pointer, in bytes from Seq. It means nothing without the URG flag.
func (b TCP) Urgent() uint16 { return binary.BigEndian.Uint16(b[18:]) }

// Options returns the bytes of the options, padding included; empty when there are none. NextOption walks them.
func (b TCP) Options() []byte { return b[TCPMinLen:b.DataOff()] }

// Payload returns the bytes after the header.
func (b TCP) Payload() []byte { return b[b.DataOff():] }

// ChecksumOK reports whether the checksum under the pseudo-header of src and dst is right. The view must end where
// the segment ends.
func (b TCP) ChecksumOK(src, dst Addr) bool { return TransportChecksum(src, dst, ProtoTCP, b) == 0 }

// SetSrcPort sets the source port.
func (b TCP) SetSrcPort(v uint16) { binary.BigEndian.PutUint16(b[0:], v) }

// SetDstPort sets the destination port.
func (b TCP) SetDstPort(v uint16) { binary.BigEndian.PutUint16(b[2:], v) }

// SetSeq sets the sequence number.
func (b TCP) SetSeq(v uint32) { binary.BigEndian.PutUint32(b[4:], v) }

// SetAck sets the acknowledgment number.
func (b TCP) SetAck(v uint32) { binary.BigEndian.PutUint32(b[8:], v) }

// SetDataOffFlags sets the header's length in bytes, a multiple of 4 from 20 to 60, and the control bits; the
// reserved bits become zero.
func (b TCP) SetDataOffFlags(bytes int, f TCPFlags) {
	b[12] = byte(bytes>>2) << 4
	b[13] = byte(f)
}

// SetDataOff sets the header's length in bytes and keeps the reserved bits.
func (b TCP) SetDataOff(bytes int) { b[12] = byte(bytes>>2)<<4 | b[12]&0xf }

// SetFlags sets the control bits.
func (b TCP) SetFlags(f TCPFlags) { b[13] = byte(f) }

// SetWindow sets the window field, unscaled.
func (b TCP) SetWindow(v uint16) { binary.BigEndian.PutUint16(b[14:], v) }

// SetChecksum sets the checksum field.
func (b TCP) SetChecksum(v uint16) { binary.BigEndian.PutUint16(b[16:], v) }

// SetUrgent sets the urgent pointer, in bytes from Seq.
func (b TCP) SetUrgent(v uint16) { binary.BigEndian.PutUint16(b[18:], v) }

// UpdateChecksum computes the checksum under the pseudo-header and stores it. The view must end where the segment
// ends.
func (b TCP) UpdateChecksum(src, dst Addr) {
	b.SetChecksum(0)
	b.SetChecksum(TransportChecksum(src, dst, ProtoTCP, b))
}

// NextOption takes the first option off opts, the bytes of TCP.Options. data is what follows kind and length, empty
// for OptEOL and OptNOP; rest is what to give to the next call. It is empty after OptEOL, which ends the list
// whatever follows (RFC 9293 section 3.2), and after an error, so this loop ends on any bytes:
//
//	for len(opts) > 0 {
//		kind, data, rest, err := NextOption(opts)
//		...
//		opts = rest
//	}
//
// err is ErrOptionTruncated or ErrOptionLen, where tcp_parse_options stops too; kind is then that of the bad
// option. Whether data has the length that kind asks for is the caller's to see. Empty opts read as OptEOL.
func NextOption(opts []byte) (kind byte, data []byte, rest []byte, err error) {
	if len(opts) == 0 || opts[0] == OptEOL {
		return OptEOL, nil, nil, nil
	}
	kind = opts[0]
	if kind == OptNOP {
		return kind, nil, opts[1:], nil
	}
	if len(opts) < 2 {
		return kind, nil, nil, ErrOptionTruncated
	}
	n := int(opts[1])
	if n < 2 {
		return kind, nil, nil, ErrOptionLen
	}
	if n > len(opts) {
		return kind, nil, nil, ErrOptionTruncated
	}
	return kind, opts[2:n], opts[n:], nil
}
