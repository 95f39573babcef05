package wire

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
)

// Addr is an IPv4 address in host order: 127.0.0.1 is 0x7f000001. It compares and masks as an integer. The zero
// Addr is 0.0.0.0, INADDR_ANY.
type Addr uint32

// Well-known addresses (RFC 1122 section 3.2.1.3, RFC 6890 section 2.2.2).
const (
	AddrAny       Addr = 0          // 0.0.0.0, this host on this network
	AddrLoopback  Addr = 0x7f000001 // 127.0.0.1
	AddrBroadcast Addr = 0xffffffff // 255.255.255.255, limited broadcast
)

// ErrAddr is what ParseAddr returns, wrapped, for a string that is not an IPv4 address in dotted decimal.
var ErrAddr = errors.New("not an IPv4 address")

// ParseAddr parses the dotted decimal form with four parts, "127.0.0.1". Leading zeros and the short forms of
// inet_aton are refused (RFC 6943 section 3.1.1 says why). The error wraps ErrAddr.
func ParseAddr(s string) (Addr, error) {
	ip, err := netip.ParseAddr(s)
	if err != nil || !ip.Is4() {
		return 0, fmt.Errorf("%q: %w", s, ErrAddr)
	}
	return AddrFrom4(ip.As4()), nil
}

// AddrFrom converts from net/netip. It accepts IPv4 and IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2); for
// any other, the zero one included, ok is false.
func AddrFrom(ip netip.Addr) (a Addr, ok bool) {
	ip = ip.Unmap()
	if !ip.Is4() {
		return 0, false
	}
	return AddrFrom4(ip.As4()), true
}

// AddrFrom4 converts from four bytes in network order.
func AddrFrom4(b [4]byte) Addr {
	return Addr(b[0])<<24 | Addr(b[1])<<16 | Addr(b[2])<<8 | Addr(b[3])
}

// As4 returns the four bytes in network order.
func (a Addr) As4() [4]byte {
	return [4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}
}

// Netip converts to net/netip.
func (a Addr) Netip() netip.Addr { return netip.AddrFrom4(a.As4()) }

// AppendTo appends the dotted decimal form to b.
func (a Addr) AppendTo(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(a>>24), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(a>>16&0xff), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(a>>8&0xff), 10)
	b = append(b, '.')
	return strconv.AppendUint(b, uint64(a&0xff), 10)
}

// String returns the dotted decimal form.
func (a Addr) String() string {
	var buf [len("255.255.255.255")]byte
	return string(a.AppendTo(buf[:0]))
}

// IsLoopback reports whether a is in 127.0.0.0/8 (RFC 1122 section 3.2.1.3 (g)).
func (a Addr) IsLoopback() bool { return a>>24 == 127 }

// IsMulticast reports whether a is in 224.0.0.0/4 (RFC 1112 section 4).
func (a Addr) IsMulticast() bool { return a>>28 == 0xe }

// IsBroadcast reports whether a is 255.255.255.255, the limited broadcast (RFC 919 section 7). A directed
// broadcast is known to the routing table alone.
func (a Addr) IsBroadcast() bool { return a == AddrBroadcast }

// IsZeronet reports whether a is in 0.0.0.0/8, "this network" (RFC 1122 section 3.2.1.3 (a) and (b)). Linux 5.0
// holds the whole /8 invalid on the wire (ipv4_is_zeronet).
func (a Addr) IsZeronet() bool { return a>>24 == 0 }

// MaskFromLen returns the netmask of a prefix of n bits: 24 gives 255.255.255.0 (RFC 4632 section 3.1). A length
// below 0 counts as 0, one above 32 as 32.
func MaskFromLen(n int) Addr {
	return ^Addr(0) << uint(32-min(max(n, 0), 32))
}

// MaskLen returns the length in bits of the prefix that mask stands for. When its ones are not contiguous it stands
// for none and ok is false (RFC 4632 section 5.1 forbids such masks).
func MaskLen(mask Addr) (n int, ok bool) {
	n = bits.LeadingZeros32(^uint32(mask))
	return n, mask == MaskFromLen(n)
}
