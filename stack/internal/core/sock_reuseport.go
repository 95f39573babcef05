// Sockets that share an address with SO_REUSEPORT, after
// net/core/sock_reuseport.c: which of the group a flow belongs to. The lookups
// of UDP and TCP know the group, because its members share their slot; programs
// that choose (SO_ATTACH_REUSEPORT_*) are left out.

package core

import "menuos/stack/internal/kernel"

// ReuseportSelectSock spreads flows over the sockets that share sk's address:
// the same hash always means the same member of the group, counted in the order
// in which they joined.
//
// menuos does not keep the group in an array, because its members are found by
// walking their slot.
func (n *Net) ReuseportSelectSock(sk *SockCommon, hash, group uint32) uint32 {
	kernel.Fentry3(&n.Kernel, sk, hash, group) // reuseport_select_sock net/core/sock_reuseport.c:270

	return uint32(uint64(hash) * uint64(group) >> 32)
}
