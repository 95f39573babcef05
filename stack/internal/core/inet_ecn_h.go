// Explicit congestion notification in the IP header (include/net/inet_ecn.h).

package core

import "menuos/stack/wire"

// InetECNSetCe marks a packet as having met congestion; it reports whether its
// sender understands that (INET_ECN_set_ce).
func InetECNSetCe(skb *SkBuff) bool {
	if skb.Protocol != wire.EtherTypeIPv4 || skb.Tail-skb.NetworkHeader < wire.IPv4MinLen {
		return false
	}
	const mask = 3
	ip := skb.Ip()
	switch tos := ip.TOS(); tos & mask {
	case 0:
		return false
	case mask:
		return true
	default:
		ip.SetTOS(tos | mask)
		ip.UpdateChecksum()
		return true
	}
}
