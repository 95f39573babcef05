package wire

import "encoding/binary"

// IPv4 is a view of an IPv4 packet, header first (RFC 791 section 3.1):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|Version|  IHL  |Type of Service|          Total Length         |
//	|         Identification        |Flags|      Fragment Offset    |
//	|  Time to Live |    Protocol   |         Header Checksum       |
//	|                       Source Address                          |
//	|                    Destination Address                        |
//	|                    Options                    |    Padding    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
type IPv4 []byte

// Sizes of the IPv4 header in bytes (RFC 791 section 3.1).
const (
	IPv4MinLen = 20 // without options
	IPv4MaxLen = 60 // with 40 bytes of options
)

// Flags of the IPv4 header, in the place they have in the 16-bit word that they share with the fragment offset
// (RFC 791 section 3.1).
const (
	IPv4MF         uint16 = 0x2000 // more fragments
	IPv4DF         uint16 = 0x4000 // do not fragment
	IPv4CE         uint16 = 0x8000 // reserved, must be zero; Linux's IP_CE
	IPv4OffsetMask uint16 = 0x1fff // fragment offset in units of 8 bytes
)

// Check reports what ip_rcv would drop the packet for, the checksum apart: ErrShort, ErrVersion, ErrHeaderLen,
// ErrTruncated or ErrTotalLen. Bytes after TotalLen are padding of the link and no error.
func (b IPv4) Check() error {
	if len(b) < IPv4MinLen {
		return ErrShort
	}
	if b.Version() != 4 {
		return ErrVersion
	}
	ihl := b.IHL()
	if ihl < IPv4MinLen || ihl > len(b) {
		return ErrHeaderLen
	}
	tot := int(b.TotalLen())
	if tot > len(b) {
		return ErrTruncated
	}
	if tot < ihl {
		return ErrTotalLen
	}
	return nil
}

// Valid reports whether Check finds nothing wrong.
func (b IPv4) Valid() bool { return b.Check() == nil }

// Version returns the version, 4.
func (b IPv4) Version() uint8 { return b[0] >> 4 }

// IHL returns the header's length in bytes, options included: 20 to 60 in a valid header.
func (b IPv4) IHL() int { return int(b[0]&0xf) << 2 }

// TOS returns the type of service byte: DSCP (RFC 2474 section 3) and, in the low two bits, ECN (RFC 3168 section 5).
func (b IPv4) TOS() uint8 { return b[1] }

// TotalLen returns the length of header and payload in bytes.
func (b IPv4) TotalLen() uint16 { return binary.BigEndian.Uint16(b[2:]) }

// ID returns the identification that the fragments of a datagram share.
func (b IPv4) ID() uint16 { return binary.BigEndian.Uint16(b[4:]) }

// Frag returns the word of flags and fragment offset as on the wire: Linux's frag_off in host order.
func (b IPv4) Frag() uint16 { return binary.BigEndian.Uint16(b[6:]) }

// Flags returns the three flag bits in place: IPv4DF, IPv4MF, IPv4CE.
func (b IPv4) Flags() uint16 { return b.Frag() &^ IPv4OffsetMask }

// DF reports whether the packet must not be fragmented.
func (b IPv4) DF() bool { return b[6]&0x40 != 0 }

// MF reports whether more fragments follow.
func (b IPv4) MF() bool { return b[6]&0x20 != 0 }

// FragOff returns where in the datagram this fragment's payload begins, in bytes (a multiple of 8).
func (b IPv4) FragOff() int { return int(b.Frag()&IPv4OffsetMask) << 3 }

// IsFragment reports whether the packet is one of several fragments, as ip_is_fragment.
func (b IPv4) IsFragment() bool { return b.Frag()&(IPv4MF|IPv4OffsetMask) != 0 }

// TTL returns the time to live in hops.
func (b IPv4) TTL() uint8 { return b[8] }

// Protocol returns the protocol of the payload, ProtoTCP and so on.
func (b IPv4) Protocol() uint8 { return b[9] }

// Checksum returns the header checksum field.
func (b IPv4) Checksum() uint16 { return binary.BigEndian.Uint16(b[10:]) }

// Src returns the source address.
func (b IPv4) Src() Addr { return Addr(binary.BigEndian.Uint32(b[12:])) }

// Dst returns the destination address.
func (b IPv4) Dst() Addr { return Addr(binary.BigEndian.Uint32(b[16:])) }

// Options returns the bytes of the options, padding included; empty when there are none.
func (b IPv4) Options() []byte { return b[IPv4MinLen:b.IHL()] }

// Payload returns the bytes after the header, up to TotalLen.
func (b IPv4) Payload() []byte { return b[b.IHL():b.TotalLen()] }

// ChecksumOK reports whether the header checksum is right (RFC 791 section 3.1), as ip_fast_csum == 0.
func (b IPv4) ChecksumOK() bool { return Fold(Sum(b[:b.IHL()], 0)) == 0 }

// SetVersionIHL sets version 4 and the header's length in bytes, a multiple of 4 from 20 to 60.
func (b IPv4) SetVersionIHL(bytes int) { b[0] = 4<<4 | byte(bytes>>2)&0xf }

// SetTOS sets the type of service byte.
func (b IPv4) SetTOS(v uint8) { b[1] = v }

// SetTotalLen sets the length of header and payload in bytes.
func (b IPv4) SetTotalLen(v uint16) { binary.BigEndian.PutUint16(b[2:], v) }

// SetID sets the identification.
func (b IPv4) SetID(v uint16) { binary.BigEndian.PutUint16(b[4:], v) }

// SetFrag sets flags (IPv4DF, IPv4MF) and the fragment offset in bytes, which must be a multiple of 8.
func (b IPv4) SetFrag(flags uint16, off int) {
	binary.BigEndian.PutUint16(b[6:], flags&^IPv4OffsetMask|uint16(off>>3)&IPv4OffsetMask)
}

// SetTTL sets the time to live in hops.
func (b IPv4) SetTTL(v uint8) { b[8] = v }

// SetProtocol sets the protocol of the payload.
func (b IPv4) SetProtocol(v uint8) { b[9] = v }

// SetChecksum sets the header checksum field.
func (b IPv4) SetChecksum(v uint16) { binary.BigEndian.PutUint16(b[10:], v) }

// SetSrc sets the source address.
func (b IPv4) SetSrc(a Addr) { binary.BigEndian.PutUint32(b[12:], uint32(a)) }

// SetDst sets the destination address.
func (b IPv4) SetDst(a Addr) { binary.BigEndian.PutUint32(b[16:], uint32(a)) }

// UpdateChecksum computes the header checksum and stores it, as ip_send_check.
func (b IPv4) UpdateChecksum() {
	b.SetChecksum(0)
	b.SetChecksum(Fold(Sum(b[:b.IHL()], 0)))
}

// DecreaseTTL takes one from the TTL, corrects the checksum for it and returns what is left, as ip_decrease_ttl
// (RFC 1812 section 5.3.1, RFC 1624).
func (b IPv4) DecreaseTTL() uint8 {
	old := binary.BigEndian.Uint16(b[8:])
	b[8]--
	b.SetChecksum(ReplaceChecksum(b.Checksum(), old, binary.BigEndian.Uint16(b[8:])))
	return b[8]
}
