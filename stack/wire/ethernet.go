package wire

import "encoding/binary"

// MAC is an Ethernet hardware address, in the order of the wire.
type MAC [6]byte

// MACBroadcast is ff:ff:ff:ff:ff:ff, every station of the link.
var MACBroadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// IsBroadcast reports whether m is MACBroadcast.
func (m MAC) IsBroadcast() bool { return m == MACBroadcast }

// IsMulticast reports whether m is a group address; the broadcast is one too (RFC 1112 section 6.4).
func (m MAC) IsMulticast() bool { return m[0]&1 != 0 }

// AppendTo appends the form of String to b.
func (m MAC) AppendTo(b []byte) []byte {
	for i, v := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hexDigits[v>>4], hexDigits[v&0xf])
	}
	return b
}

// String returns six pairs of lower-case hexadecimal digits with colons, as ip link prints them.
func (m MAC) String() string {
	var buf [17]byte
	return string(m.AppendTo(buf[:0]))
}

const hexDigits = "0123456789abcdef"

// Ethernet is a view of an Ethernet II frame, header first (RFC 894): destination, source, EtherType. There is no
// frame check sequence; the card has taken it off.
type Ethernet []byte

// EthernetLen is the size of the Ethernet header in bytes (RFC 894): Linux's ETH_HLEN.
const EthernetLen = 14

// Check returns ErrShort when the header is not there in full.
func (b Ethernet) Check() error {
	if len(b) < EthernetLen {
		return ErrShort
	}
	return nil
}

// Valid reports whether Check finds nothing wrong.
func (b Ethernet) Valid() bool { return b.Check() == nil }

// Dst returns the destination address.
func (b Ethernet) Dst() MAC { return MAC(b[0:6]) }

// Src returns the source address.
func (b Ethernet) Src() MAC { return MAC(b[6:12]) }

// Type returns the EtherType, EtherTypeIPv4 and so on; below 0x0600 it is an 802.3 length instead (RFC 894).
func (b Ethernet) Type() uint16 { return binary.BigEndian.Uint16(b[12:]) }

// Payload returns the bytes after the header, the padding of a short frame included.
func (b Ethernet) Payload() []byte { return b[EthernetLen:] }

// SetDst sets the destination address.
func (b Ethernet) SetDst(m MAC) { *(*MAC)(b[0:6]) = m }

// SetSrc sets the source address.
func (b Ethernet) SetSrc(m MAC) { *(*MAC)(b[6:12]) = m }

// SetType sets the EtherType.
func (b Ethernet) SetType(v uint16) { binary.BigEndian.PutUint16(b[12:], v) }
