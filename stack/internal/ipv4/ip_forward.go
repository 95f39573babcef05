// Forwarding, for machines that are told to (net/ipv4/ip_forward.c). Left out:
// options that forwarding changes, redirects, and xfrm.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// ipForwardFinish sends a forwarded packet that passed the hook.
func (n *Net) ipForwardFinish(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_forward_finish net/ipv4/ip_forward.c:66

	n.Mib[core.MibIpForwDatagrams]++
	n.Mib[core.MibIpExtOutOctets] += uint64(skb.Len)
	return n.DstOutput(net, sk, skb) // :83
}

// ipExceedsMtu reports whether a packet must be cut and must not.
func ipExceedsMtu(skb *core.SkBuff, mtu int) bool {
	return skb.Len > mtu && skb.Ip().DF() && !skb.IgnoreDf && !(skb.IsGso() && gsoFits(skb, mtu))
}

// ipForward takes a packet for another machine.
func (n *Net) ipForward(skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // ip_forward net/ipv4/ip_forward.c:87

	rt := SkbRtable(skb)
	if skb.PktType != core.PacketHost || skb.Sk != nil || skb.Ipcb.IsStrictRoute && rt.RtUsesGateway {
		n.Drop("broadcast frame")
		n.KfreeSkb(skb) // :173
		return core.NetRxDrop
	}
	if skb.Ip().TTL() <= 1 {
		n.Mib[core.MibIpInHdrErrors]++
		n.icmpSend(skb, int(wire.ICMPTimeExceeded), int(wire.ICMPExcTTL), 0) // :171
		n.Drop("TTL")
		n.KfreeSkb(skb) // :173
		return core.NetRxDrop
	}
	skb.Ipcb.Flags |= IpskbForwarded
	mtu := min(rt.Dev.Mtu, IpMaxMtu)
	if ipMtuLocked(&rt.DstEntry) {
		mtu = int(n.ipv4Mtu(&rt.DstEntry))
	}
	if ipExceedsMtu(skb, mtu) {
		n.Mib[core.MibIpFragFails]++
		n.icmpSend(skb, int(wire.ICMPDestUnreach), int(wire.ICMPFragNeeded), uint32(mtu)) // :133
		n.Drop("too big")
		n.KfreeSkb(skb) // :173
		return core.NetRxDrop
	}
	if n.SkbCow(skb, core.LlReservedSpace(rt.Dev)) != 0 { // :139
		n.KfreeSkb(skb) // :173
		return core.NetRxDrop
	}
	iph := skb.Ip()
	iph.DecreaseTTL()
	if n.Sysctl.IpForwardUpdatePriority {
		skb.Priority = rtTos2priority(iph.TOS())
	}
	return n.NFHOOK(core.NfprotoIpv4, core.NfInetForward, &n.Net, nil, skb, skb.Dev, rt.Dev, n.ok.ipForwardFinish) // :157
}
