// Small questions to a socket of the family (include/net/inet_sock.h).

package ipv4

import "menuos/stack/internal/core"

// InetSkFlowiFlags are the flags of lookups for a socket (inet_sk_flowi_flags).
func InetSkFlowiFlags(sk *core.Sock) uint8 {
	if inet := InetSk(sk); inet.Transparent || inet.Hdrincl {
		return FlowiFlagAnysrc
	}
	return 0
}

// inetCanNonlocalBind reports whether a socket may bind to an address that is
// not ours (inet_can_nonlocal_bind).
func (n *Net) inetCanNonlocalBind(inet *InetSock) bool {
	return n.Sysctl.IpNonlocalBind || inet.Freebind || inet.Transparent
}

// InetBoundDevEq reports whether a socket bound to boundDevIf takes packets from
// dif (inet_bound_dev_eq; there are no L3 master devices).
func InetBoundDevEq(boundDevIf, dif, sdif int) bool {
	return boundDevIf == 0 || boundDevIf == dif || boundDevIf == sdif
}

// InetRequestBoundDevIf is the device that a listener's new connection is bound
// to (inet_request_bound_dev_if).
func InetRequestBoundDevIf(sk *core.Sock, _ *core.SkBuff) int32 { return sk.SkBoundDevIf }

// InetRequestMark is the mark of a listener's new connection (inet_request_mark;
// the sysctl tcp_fwmark_accept is 0).
func InetRequestMark(sk *core.Sock, _ *core.SkBuff) uint32 { return sk.SkMark }
