package wire

import "encoding/binary"

// ARP is a view of an ARP packet for IPv4 over Ethernet (RFC 826): hardware and protocol types and lengths, opcode,
// then hardware and protocol address of sender and target.
type ARP []byte

// ARPLen is the size in bytes of an ARP packet for IPv4 over Ethernet (RFC 826).
const ARPLen = 28

// ARPHTypeEthernet is the hardware type of Ethernet (RFC 826): Linux's ARPHRD_ETHER.
const ARPHTypeEthernet uint16 = 1

// Opcodes of ARP (RFC 826).
const (
	ARPRequest uint16 = 1
	ARPReply   uint16 = 2
)

// Check returns ErrShort, or ErrARPFormat when the types and lengths are not those of IPv4 over Ethernet, for which
// arp_rcv and arp_process drop the packet.
func (b ARP) Check() error {
	if len(b) < ARPLen {
		return ErrShort
	}
	if b.HType() != ARPHTypeEthernet || b.PType() != EtherTypeIPv4 || b.HLen() != 6 || b.PLen() != 4 {
		return ErrARPFormat
	}
	return nil
}

// Valid reports whether Check finds nothing wrong.
func (b ARP) Valid() bool { return b.Check() == nil }

// HType returns the hardware type, ARPHTypeEthernet.
func (b ARP) HType() uint16 { return binary.BigEndian.Uint16(b[0:]) }

// PType returns the protocol type, an EtherType: EtherTypeIPv4.
func (b ARP) PType() uint16 { return binary.BigEndian.Uint16(b[2:]) }

// HLen returns the length of a hardware address in bytes, 6.
func (b ARP) HLen() uint8 { return b[4] }

// PLen returns the length of a protocol address in bytes, 4.
func (b ARP) PLen() uint8 { return b[5] }

// Op returns the opcode, ARPRequest or ARPReply.
func (b ARP) Op() uint16 { return binary.BigEndian.Uint16(b[6:]) }

// SHA returns the sender's hardware address.
func (b ARP) SHA() MAC { return MAC(b[8:14]) }

// SPA returns the sender's protocol address; 0.0.0.0 in a probe (RFC 5227 section 1.1).
func (b ARP) SPA() Addr { return Addr(binary.BigEndian.Uint32(b[14:])) }

// THA returns the target's hardware address; nothing useful in a request.
func (b ARP) THA() MAC { return MAC(b[18:24]) }

// TPA returns the target's protocol address.
func (b ARP) TPA() Addr { return Addr(binary.BigEndian.Uint32(b[24:])) }

// SetFormat sets the types and lengths to those of IPv4 over Ethernet.
func (b ARP) SetFormat() {
	binary.BigEndian.PutUint16(b[0:], ARPHTypeEthernet)
	binary.BigEndian.PutUint16(b[2:], EtherTypeIPv4)
	b[4], b[5] = 6, 4
}

// SetOp sets the opcode.
func (b ARP) SetOp(v uint16) { binary.BigEndian.PutUint16(b[6:], v) }

// SetSHA sets the sender's hardware address.
func (b ARP) SetSHA(m MAC) { *(*MAC)(b[8:14]) = m }

// SetSPA sets the sender's protocol address.
func (b ARP) SetSPA(a Addr) { binary.BigEndian.PutUint32(b[14:], uint32(a)) }

// SetTHA sets the target's hardware address.
func (b ARP) SetTHA(m MAC) { *(*MAC)(b[18:24]) = m }

// SetTPA sets the target's protocol address.
func (b ARP) SetTPA(a Addr) { binary.BigEndian.PutUint32(b[24:], uint32(a)) }
