package wire

import "encoding/binary"

// ICMPv4 is a view of an ICMP message, header first (RFC 792): type, code, checksum and four bytes whose meaning
// depends on the type; then data, or the header of the packet that an error is about.
type ICMPv4 []byte

// ICMPv4Len is the size of the ICMP header in bytes (RFC 792).
const ICMPv4Len = 8

// Check returns ErrShort when the header is not there in full.
func (b ICMPv4) Check() error {
	if len(b) < ICMPv4Len {
		return ErrShort
	}
	return nil
}

// Valid reports whether Check finds nothing wrong.
func (b ICMPv4) Valid() bool { return b.Check() == nil }

// Type returns the type, ICMPEcho and so on.
func (b ICMPv4) Type() uint8 { return b[0] }

// Code returns the code, ICMPPortUnreach and so on; its meaning depends on the type.
func (b ICMPv4) Code() uint8 { return b[1] }

// Checksum returns the checksum field.
func (b ICMPv4) Checksum() uint16 { return binary.BigEndian.Uint16(b[2:]) }

// Rest returns the four bytes after the checksum as one number: Linux's un.
func (b ICMPv4) Rest() uint32 { return binary.BigEndian.Uint32(b[4:]) }

// ID returns the identifier of an echo or another query.
func (b ICMPv4) ID() uint16 { return binary.BigEndian.Uint16(b[4:]) }

// Seq returns the sequence number of an echo or another query.
func (b ICMPv4) Seq() uint16 { return binary.BigEndian.Uint16(b[6:]) }

// MTU returns the next hop's MTU in bytes of an ICMPFragNeeded; 0 from routers older than RFC 1191 section 4.
func (b ICMPv4) MTU() uint16 { return binary.BigEndian.Uint16(b[6:]) }

// Gateway returns the better router of an ICMPRedirect.
func (b ICMPv4) Gateway() Addr { return Addr(binary.BigEndian.Uint32(b[4:])) }

// Pointer returns which byte of the quoted header an ICMPParameterProb is about.
func (b ICMPv4) Pointer() uint8 { return b[4] }

// Payload returns the bytes after the header: an echo's data, or the packet that an error quotes (RFC 1122 section
// 3.2.2: its IP header and at least 8 bytes more, so IPv4.Check on it may well say ErrTruncated).
func (b ICMPv4) Payload() []byte { return b[ICMPv4Len:] }

// IsError reports whether the message is an error, to which no error may answer (RFC 1122 section 3.2.2).
func (b ICMPv4) IsError() bool {
	switch b[0] {
	case ICMPDestUnreach, ICMPSourceQuench, ICMPRedirect, ICMPTimeExceeded, ICMPParameterProb:
		return true
	}
	return false
}

// ChecksumOK reports whether the checksum over the whole view is right. ICMP has no pseudo-header.
func (b ICMPv4) ChecksumOK() bool { return Fold(Sum(b, 0)) == 0 }

// SetType sets the type.
func (b ICMPv4) SetType(v uint8) { b[0] = v }

// SetCode sets the code.
func (b ICMPv4) SetCode(v uint8) { b[1] = v }

// SetChecksum sets the checksum field.
func (b ICMPv4) SetChecksum(v uint16) { binary.BigEndian.PutUint16(b[2:], v) }

// SetRest sets the four bytes after the checksum.
func (b ICMPv4) SetRest(v uint32) { binary.BigEndian.PutUint32(b[4:], v) }

// SetID sets the identifier of an echo or another query.
func (b ICMPv4) SetID(v uint16) { binary.BigEndian.PutUint16(b[4:], v) }

// SetSeq sets the sequence number of an echo or another query.
func (b ICMPv4) SetSeq(v uint16) { binary.BigEndian.PutUint16(b[6:], v) }

// SetMTU sets the next hop's MTU in bytes of an ICMPFragNeeded.
func (b ICMPv4) SetMTU(v uint16) { binary.BigEndian.PutUint16(b[6:], v) }

// SetGateway sets the better router of an ICMPRedirect.
func (b ICMPv4) SetGateway(a Addr) { binary.BigEndian.PutUint32(b[4:], uint32(a)) }

// UpdateChecksum computes the checksum over the whole view and stores it.
func (b ICMPv4) UpdateChecksum() {
	b.SetChecksum(0)
	b.SetChecksum(Fold(Sum(b, 0)))
}
