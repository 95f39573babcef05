package wire

import "encoding/binary"

// UDP is a view of a UDP datagram, header first (RFC 768): source port, destination port, length, checksum, 16 bits
// each.
type UDP []byte

// UDPLen is the size of the UDP header in bytes (RFC 768).
const UDPLen = 8

// Check reports what udp_rcv would drop the datagram for before it looks at the checksum: ErrShort, ErrTruncated or
// ErrTotalLen.
func (b UDP) Check() error {
	if len(b) < UDPLen {
		return ErrShort
	}
	n := int(b.Length())
	if n > len(b) {
		return ErrTruncated
	}
	if n < UDPLen {
		return ErrTotalLen
	}
	return nil
}

// Valid reports whether Check finds nothing wrong.
func (b UDP) Valid() bool { return b.Check() == nil }

// SrcPort returns the source port.
func (b UDP) SrcPort() uint16 { return binary.BigEndian.Uint16(b[0:]) }

// DstPort returns the destination port.
func (b UDP) DstPort() uint16 { return binary.BigEndian.Uint16(b[2:]) }

// Length returns the length of header and payload in bytes.
func (b UDP) Length() uint16 { return binary.BigEndian.Uint16(b[4:]) }

// Checksum returns the checksum field; 0 means that the sender computed none.
func (b UDP) Checksum() uint16 { return binary.BigEndian.Uint16(b[6:]) }

// Payload returns the bytes after the header, up to Length.
func (b UDP) Payload() []byte { return b[UDPLen:b.Length()] }

// ChecksumOK reports whether the checksum is right under the pseudo-header of src and dst, or absent (RFC 768).
func (b UDP) ChecksumOK(src, dst Addr) bool {
	return b.Checksum() == 0 || TransportChecksum(src, dst, ProtoUDP, b[:b.Length()]) == 0
}

// SetSrcPort sets the source port.
func (b UDP) SetSrcPort(v uint16) { binary.BigEndian.PutUint16(b[0:], v) }

// SetDstPort sets the destination port.
func (b UDP) SetDstPort(v uint16) { binary.BigEndian.PutUint16(b[2:], v) }

// SetLength sets the length of header and payload in bytes.
func (b UDP) SetLength(v uint16) { binary.BigEndian.PutUint16(b[4:], v) }

// SetChecksum sets the checksum field.
func (b UDP) SetChecksum(v uint16) { binary.BigEndian.PutUint16(b[6:], v) }

// UpdateChecksum computes the checksum over Length bytes under the pseudo-header and stores it. "If the computed
// checksum is zero, it is transmitted as all ones" (RFC 768), Linux's CSUM_MANGLED_0.
func (b UDP) UpdateChecksum(src, dst Addr) {
	b.SetChecksum(0)
	sum := TransportChecksum(src, dst, ProtoUDP, b[:b.Length()])
	if sum == 0 {
		sum = 0xffff
	}
	b.SetChecksum(sum)
}
