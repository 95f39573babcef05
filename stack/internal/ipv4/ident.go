// Identifications of packets (net/ipv4/route.c): counters, one for each bucket of
// a hash over the addresses and the protocol, which also move with time.

package ipv4

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// identState are the counters. menuos has 256 counters for IP ids,
// Linux 2048 and, with more memory, up to 256k.
type identState struct {
	ids    [256]uint32
	stamps [256]uint32 // jiffies of the last use
	rnd    uint32
}

// ipIdentsReserve takes segs identifications off a counter.
func (n *Net) ipIdentsReserve(hash uint32, segs int) uint32 {
	kernel.Fentry2(&n.Kernel, hash, segs) // ip_idents_reserve net/ipv4/route.c:482

	s := &n.ident
	i := hash % uint32(len(s.ids))
	if now := n.TcpJiffies32(); s.stamps[i] != now {
		s.ids[i] += n.PrandomU32Max(now - s.stamps[i])
		s.stamps[i] = now
	}
	id := s.ids[i]
	s.ids[i] += uint32(segs)
	return id
}

// ipSelectIdent__ gives a packet, or the segs fragments that it will become, an
// identification that its receiver has not seen lately.
func (n *Net) ipSelectIdent__(iph wire.IPv4, segs int) {
	kernel.Fentry1(&n.Kernel, segs) // __ip_select_ident net/ipv4/route.c:506

	s := &n.ident
	for s.rnd == 0 {
		s.rnd = n.PrandomU32()
	}
	h := uint64(iph.Dst())<<32 | uint64(iph.Src())
	h ^= uint64(iph.Protocol()) + uint64(s.rnd)<<8
	h = (h ^ h>>31) * 0x9e3779b97f4a7c15
	iph.SetID(uint16(n.ipIdentsReserve(uint32(h>>32), segs))) // :512
}
