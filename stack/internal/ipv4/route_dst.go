// What routes can do once they are handed out: dst_ops, path MTU and redirects
// (net/ipv4/route.c). What is learnt of one destination hangs on the next hop as
// an exception.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// timeAfter reports whether jiffy a is later than b (time_after).
func timeAfter(a, b uint64) bool { return int64(b-a) < 0 }

// ipv4DstCheck returns dst if it may still be used, nil otherwise.
func (n *Net) ipv4DstCheck(dst *core.DstEntry, cookie uint32) *core.DstEntry {
	kernel.Fentry2(&n.Kernel, dst, cookie) // ipv4_dst_check net/ipv4/route.c:1181

	if dst.Obsolete != core.DstObsoleteForceChk || n.rtIsExpired(RtableOf(dst)) {
		return nil
	}
	return dst
}

// ipv4DefaultAdvmss is the MSS to announce along a route without one.
func (n *Net) ipv4DefaultAdvmss(dst *core.DstEntry) uint32 {
	kernel.Fentry1(&n.Kernel, dst) // ipv4_default_advmss net/ipv4/route.c:1259

	const headers = wire.TCPMinLen + wire.IPv4MinLen
	advmss := max(int(n.ipv4Mtu(dst))-headers, n.Sysctl.RouteMinAdvMss)
	return uint32(min(advmss, ipv4MaxPmtu-headers))
}

// ipv4Mtu is a route's MTU: what was learnt of the path, what the route says, or
// the device's (ipv4_mtu). It is no frame of its own, as dst_mtu is none.
func (n *Net) ipv4Mtu(dst *core.DstEntry) uint32 {
	rt := RtableOf(dst)
	mtu := rt.RtPmtu
	if mtu == 0 || !timeAfter(dst.Expires, n.Jiffies()) {
		mtu = dst.Metrics[core.RtaxMtu]
	}
	if mtu != 0 {
		return mtu
	}
	mtu = uint32(dst.Dev.Mtu)
	if ipMtuLocked(dst) && rt.RtUsesGateway && mtu > 576 {
		mtu = 576
	}
	return min(mtu, IpMaxMtu)
}

// ipv4NegativeAdvice hears that a route does not work; nil means: look it up again.
func (n *Net) ipv4NegativeAdvice(dst *core.DstEntry) *core.DstEntry {
	kernel.Fentry1(&n.Kernel, dst) // ipv4_negative_advice net/ipv4/route.c:828

	if dst == nil {
		return nil
	}
	rt := RtableOf(dst)
	if dst.Obsolete > 0 || rt.RtFlags&RtcfRedirected != 0 || dst.Expires != 0 {
		n.IpRtPut(rt)
		return nil
	}
	return dst
}

// ipv4LinkFailure hears that the neighbour of a packet does not answer.
func (n *Net) ipv4LinkFailure(skb *core.SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // ipv4_link_failure net/ipv4/route.c:1190

	n.icmpSend(skb, int(wire.ICMPDestUnreach), int(wire.ICMPHostUnreach), 0) // :1190
	if skb.Dst != nil {
		skb.Dst.Expires = max(n.Jiffies(), 1)
	}
}

// ipv4NeighLookup is the neighbour that a route's packets go to.
func (n *Net) ipv4NeighLookup(dst *core.DstEntry, skb *core.SkBuff, daddr wire.Addr) *core.Neighbour {
	kernel.Fentry3(&n.Kernel, dst, skb, daddr) // ipv4_neigh_lookup net/ipv4/route.c:437

	rt := RtableOf(dst)
	pkey := daddr
	if rt.RtGateway != 0 {
		pkey = rt.RtGateway
	} else if skb != nil {
		pkey = skb.Ip().Dst()
	}
	if neigh := n.Ipv4NeighLookupNoref__(dst.Dev, pkey); neigh != nil {
		neigh.Refs++
		return neigh
	}
	return n.NeighCreate__(pkey, dst.Dev, true) // :451
}

// ipv4ConfirmNeigh hears that packets along dst arrive.
func (n *Net) ipv4ConfirmNeigh(dst *core.DstEntry, daddr wire.Addr) {
	kernel.Fentry2(&n.Kernel, dst, daddr) // ipv4_confirm_neigh net/ipv4/route.c:456

	rt := RtableOf(dst)
	pkey := daddr
	if rt.RtGateway != 0 {
		pkey = rt.RtGateway
	} else if daddr == 0 || rt.RtFlags&(RtcfMulticast|RtcfBroadcast|RtcfLocal) != 0 {
		return
	}
	if neigh := n.Ipv4NeighLookupNoref__(dst.Dev, pkey); neigh != nil {
		neigh.Confirmed = n.Jiffies()
	}
}

// ipRtBug takes packets that a received packet's route was asked to send.
func (n *Net) ipRtBug(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_rt_bug net/ipv4/route.c:1202

	n.KfreeSkb(skb) // :1202
	return 0
}

// ipError takes packets that there is no route for.
func (n *Net) ipError(skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // ip_error net/ipv4/route.c:930

	rt := SkbRtable(skb)
	inDev := inDevGet(skb.Dev)
	if inDev == nil {
		n.Drop("no route")
		n.KfreeSkb(skb) // :1000
		return 0
	}
	if !n.Sysctl.IpForward {
		switch rt.Error {
		case core.EHOSTUNREACH:
			n.Mib[core.MibIpInAddrErrors]++
		case core.ENETUNREACH:
			n.Mib[core.MibIpExtInNoRoutes]++
		}
		n.Drop("not for us")
		n.KfreeSkb(skb) // :1000
		return 0
	}
	var code int
	switch rt.Error {
	case core.EHOSTUNREACH:
		code = int(wire.ICMPHostUnreach)
	case core.ENETUNREACH:
		code = int(wire.ICMPNetUnreach)
		n.Mib[core.MibIpExtInNoRoutes]++
	case core.EACCES:
		code = int(wire.ICMPPktFiltered)
	default:
		n.KfreeSkb(skb) // :1000
		return 0
	}
	peer := n.inetGetpeerV4(skb.Ip().Src(), 0, true) // :981
	now := n.Jiffies()
	peer.RateTokens = min(peer.RateTokens+now-peer.RateLast, uint64(n.Sysctl.RouteErrorBurst))
	peer.RateLast = now
	cost := uint64(n.Sysctl.RouteErrorCost)
	send := peer.RateTokens >= cost
	if send {
		peer.RateTokens -= cost
	}
	n.inetPutpeer(peer) // :995
	if send {
		n.icmpSend(skb, int(wire.ICMPDestUnreach), code, 0) // :998
	}
	n.KfreeSkb(skb) // :1000
	return 0
}

// buildFlowKey__ is the flow of a packet that was sent: by sk if it is known,
// with the addresses in the header at iph.
func (n *Net) buildFlowKey__(fl4 *Flowi4, sk *core.Sock, iph wire.IPv4, oif int, tos, prot uint8, mark uint32, flowFlags uint8) {
	kernel.Fentry5(&n.Kernel, sk, oif, tos, prot, mark) // __build_flow_key net/ipv4/route.c:523

	if sk != nil {
		oif = int(sk.SkBoundDevIf)
		mark = sk.SkMark
		tos = RtConnFlags(sk)
		prot = sk.SkProtocol
		if InetSk(sk).Hdrincl {
			prot = wire.ProtoRaw
		}
	}
	Flowi4InitOutput(fl4, oif, mark, tos, RtScopeUniverse, prot, flowFlags, iph.Dst(), iph.Src(), 0, 0)
}

// buildSkFlowKey is the flow of a connected socket.
func (n *Net) buildSkFlowKey(fl4 *Flowi4, sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // build_sk_flow_key net/ipv4/route.c:553

	inet := InetSk(sk)
	prot := sk.SkProtocol
	if inet.Hdrincl {
		prot = wire.ProtoRaw
	}
	Flowi4InitOutput(fl4, int(sk.SkBoundDevIf), sk.SkMark, RtConnFlags(sk), RtScopeUniverse, prot,
		InetSkFlowiFlags(sk), sourceRouteDst(inet, sk.SkDaddr), inet.InetSaddr, 0, 0)
}

// ipRtBuildFlowKey is the flow of a packet, or of a socket if there is no packet.
func (n *Net) ipRtBuildFlowKey(fl4 *Flowi4, sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // ip_rt_build_flow_key net/ipv4/route.c:572

	if skb == nil {
		n.buildSkFlowKey(fl4, sk) // :575
		return
	}
	iph := skb.Ip()
	n.buildFlowKey__(fl4, sk, iph, skb.Dev.Ifindex, RtTos(iph.TOS()), iph.Protocol(), skb.Mark, 0) // :573
}

// ipRtUpdatePmtu learns that packets of more than mtu bytes do not get through.
func (n *Net) ipRtUpdatePmtu(dst *core.DstEntry, sk *core.Sock, skb *core.SkBuff, mtu uint32) {
	kernel.Fentry4(&n.Kernel, dst, sk, skb, mtu) // ip_rt_update_pmtu net/ipv4/route.c:1039

	var fl4 Flowi4
	n.ipRtBuildFlowKey(&fl4, sk, skb)            // :1042
	n.ipRtUpdatePmtu__(RtableOf(dst), &fl4, mtu) // :1043
}

func (n *Net) ipRtUpdatePmtu__(rt *Rtable, fl4 *Flowi4, mtu uint32) {
	kernel.Fentry2(&n.Kernel, rt, mtu) // __ip_rt_update_pmtu net/ipv4/route.c:1006

	dst := &rt.DstEntry
	oldMtu := n.ipv4Mtu(dst)
	lock := false
	minPmtu, expires := uint32(n.Sysctl.RouteMinPmtu), uint64(n.Sysctl.RouteMtuExpires)
	if ipMtuLocked(dst) || oldMtu < mtu {
		return
	}
	if mtu < minPmtu {
		lock = true
		mtu = min(oldMtu, minPmtu)
	}
	if rt.RtPmtu == mtu && !lock && timeAfter(dst.Expires-expires/2, n.Jiffies()) {
		return
	}
	var res fibResult
	if n.fibLookup(fl4, &res, 0) == 0 { // :1027
		n.updateOrCreateFnhe(res.nh(), fl4.Daddr, 0, mtu, lock, n.Jiffies()+expires) // :1030
	}
}

// Ipv4UpdatePmtu learns an MTU from an ICMP error about a packet, whose header
// skb holds, that no socket is known for.
func (n *Net) Ipv4UpdatePmtu(skb *core.SkBuff, mtu uint32, oif int, protocol uint8) {
	kernel.Fentry4(&n.Kernel, skb, mtu, oif, protocol) // ipv4_update_pmtu net/ipv4/route.c:1049

	iph := wire.IPv4(skb.Bytes())
	var fl4 Flowi4
	n.buildFlowKey__(&fl4, nil, iph, oif, RtTos(iph.TOS()), protocol, Ip4ReplyMark(skb.Mark), 0) // :1054
	rt, err := n.ipRouteOutputKey__(&fl4)                                                        // :1056
	if err == 0 {
		n.ipRtUpdatePmtu__(rt, &fl4, mtu) // :1058
		n.IpRtPut(rt)
	}
}

// Ipv4SkUpdatePmtu is Ipv4UpdatePmtu for the socket that sent the packet.
func (n *Net) Ipv4SkUpdatePmtu(skb *core.SkBuff, sk *core.Sock, mtu uint32) {
	kernel.Fentry3(&n.Kernel, skb, sk, mtu) // ipv4_sk_update_pmtu net/ipv4/route.c:1084

	if !IpSkAcceptPmtu(sk) {
		return
	}
	iph := wire.IPv4(skb.Bytes())
	var fl4 Flowi4
	n.buildFlowKey__(&fl4, sk, iph, 0, 0, 0, 0, 0) // :1103
	rt := RtableOf(sk.SkDstCache)
	usable := !sk.SkLock.Owned && rt != nil
	if usable {
		usable = n.ipv4DstCheck(&rt.DstEntry, 0) != nil // :1106
	}
	fresh := !usable
	if fresh {
		var err int
		rt, err = n.IpRouteOutputFlow(&fl4, sk) // :1107
		if err != 0 {
			return
		}
	}
	n.ipRtUpdatePmtu__(rt, &fl4, mtu)           // :1114
	if n.ipv4DstCheck(&rt.DstEntry, 0) == nil { // :1116
		if fresh {
			n.IpRtPut(rt)
		}
		var err int
		rt, err = n.IpRouteOutputFlow(&fl4, sk) // :1120
		if err != 0 {
			return
		}
		fresh = true
	}
	switch {
	case fresh && !sk.SkLock.Owned:
		n.SkDstSet(sk, &rt.DstEntry) // :1128
	case fresh:
		n.IpRtPut(rt)
	}
}

// ipDoRedirect__ learns a better first hop from an ICMP redirect.
func (n *Net) ipDoRedirect__(rt *Rtable, skb *core.SkBuff, fl4 *Flowi4, killRoute bool) {
	kernel.Fentry3(&n.Kernel, rt, skb, killRoute) // __ip_do_redirect net/ipv4/route.c:729

	newGw, oldGw := skb.Icmp().Gateway(), skb.Ip().Src()
	if skb.Icmp().Code() > wire.ICMPRedirHostTOS || rt.RtGateway != oldGw {
		return
	}
	inDev := inDevGet(skb.Dev)
	if inDev == nil || newGw == oldGw || !inDev.acceptRedirects() || n.Sysctl.IpForward ||
		newGw.IsMulticast() || newGw.IsBroadcast() || newGw.IsZeronet() {
		return
	}
	if n.inetAddrType(newGw) != RtnUnicast { // :767
		return
	}
	neigh := n.Ipv4NeighLookupNoref__(rt.Dev, newGw)
	if neigh != nil {
		neigh.Refs++
	} else {
		neigh = n.NeighCreate__(newGw, rt.Dev, true) // :773
	}
	if neigh == nil {
		return
	}
	if neigh.NudState&core.NudValid == 0 {
		n.NeighEventSend(neigh, nil) // :776
	} else {
		var res fibResult
		if n.fibLookup(fl4, &res, 0) == 0 { // :778
			n.updateOrCreateFnhe(res.nh(), fl4.Daddr, newGw, 0, false, n.Jiffies()+uint64(n.Sysctl.RouteGcTimeout)) // :781
		}
		if killRoute {
			rt.Obsolete = core.DstObsoleteKill
		}
	}
	n.NeighRelease(neigh) // :789
}

// IpDoRedirect tells a socket's route of a redirect (dst_ops.redirect).
func (n *Net) IpDoRedirect(dst *core.DstEntry, sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry3(&n.Kernel, dst, sk, skb) // ip_do_redirect net/ipv4/route.c:813

	iph := wire.IPv4(skb.Bytes())
	var fl4 Flowi4
	n.buildFlowKey__(&fl4, sk, iph, skb.Dev.Ifindex, RtTos(iph.TOS()), iph.Protocol(), skb.Mark, 0) // :822
	n.ipDoRedirect__(RtableOf(dst), skb, &fl4, true)                                                // :823
}

// Ipv4Redirect learns from a redirect about a packet that no socket is known for.
func (n *Net) Ipv4Redirect(skb *core.SkBuff, oif int, protocol uint8) {
	kernel.Fentry3(&n.Kernel, skb, oif, protocol) // ipv4_redirect net/ipv4/route.c:1139

	iph := wire.IPv4(skb.Bytes())
	var fl4 Flowi4
	n.buildFlowKey__(&fl4, nil, iph, oif, RtTos(iph.TOS()), protocol, 0, 0) // :1143
	rt, err := n.ipRouteOutputKey__(&fl4)                                   // :1145
	if err == 0 {
		n.ipDoRedirect__(rt, skb, &fl4, false) // :1147
		n.IpRtPut(rt)
	}
}

// Ipv4SkRedirect is Ipv4Redirect for the socket that sent the packet.
func (n *Net) Ipv4SkRedirect(skb *core.SkBuff, sk *core.Sock) {
	kernel.Fentry2(&n.Kernel, skb, sk) // ipv4_sk_redirect net/ipv4/route.c:1155

	var fl4 Flowi4
	n.buildFlowKey__(&fl4, sk, wire.IPv4(skb.Bytes()), 0, 0, 0, 0, 0) // :1160
	rt, err := n.ipRouteOutputKey__(&fl4)                             // :1161
	if err == 0 {
		n.ipDoRedirect__(rt, skb, &fl4, false) // :1163
		n.IpRtPut(rt)
	}
}
