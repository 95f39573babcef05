// IP output: from the transport protocol to the device (net/ipv4/ip_output.c).
// ip_output_cork.go puts datagrams together, ip_output_frag.go cuts them. Left
// out: tunnels, xfrm and cgroups.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// ipLocalOut__ completes the header of a packet and asks netfilter: 1 means that
// the packet may go, anything else that it is gone.
func (n *Net) ipLocalOut__(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // __ip_local_out net/ipv4/ip_output.c:98

	iph := skb.Ip()
	iph.SetTotalLen(uint16(skb.Len))
	iph.UpdateChecksum()
	skb.Protocol = wire.EtherTypeIPv4
	return n.NfHook(core.NfprotoIpv4, core.NfInetLocalOut, net, sk, skb, nil, skb.Dst.Dev, n.ok.dstOutput) // :113
}

// ipLocalOut sends a packet of this machine whose header and route are set.
func (n *Net) ipLocalOut(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_local_out net/ipv4/ip_output.c:122

	err := n.ipLocalOut__(net, sk, skb) // :122
	if err == 1 {
		err = n.DstOutput(net, sk, skb) // :124
	}
	return err
}

// IpBuildAndSendPkt puts an IP header on a segment and sends it along the route
// that it carries; TCP sends its SYN-ACKs so. opt are raw IP options.
func (n *Net) IpBuildAndSendPkt(skb *core.SkBuff, sk *core.Sock, saddr, daddr wire.Addr, opt []byte) int {
	kernel.Fentry5(&n.Kernel, skb, sk, saddr, daddr, opt) // ip_build_and_send_pkt net/ipv4/ip_output.c:146

	inet := InetSk(sk)
	rt := SkbRtable(skb)
	skb.Push(wire.IPv4MinLen + len(opt))
	skb.ResetNetworkHeader()
	iph := skb.Ip()
	iph.SetVersionIHL(wire.IPv4MinLen + len(opt))
	iph.SetTOS(inet.Tos)
	iph.SetTTL(n.ipSelectTtl(inet, &rt.DstEntry))
	iph.SetSrc(saddr)
	iph.SetDst(daddr)
	iph.SetProtocol(sk.SkProtocol)
	if IpDontFragment(sk, &rt.DstEntry) {
		iph.SetFrag(wire.IPv4DF, 0)
		iph.SetID(0)
	} else {
		iph.SetFrag(0, 0)
		n.ipSelectIdent__(iph, 1) // :167
	}
	if len(opt) != 0 {
		o := ipOptionsOf(opt)
		if o.Srr != 0 {
			iph.SetDst(o.Faddr)
		}
		n.ipOptionsBuild(skb, o, daddr, rt, false) // :172
	}
	skb.Priority = sk.SkPriority
	if skb.Mark == 0 {
		skb.Mark = sk.SkMark
	}
	return n.ipLocalOut(sk.SkNet, skb.Sk, skb) // :180
}

// ipFinishOutput2 gives a packet to its neighbour.
func (n *Net) ipFinishOutput2(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_finish_output2 net/ipv4/ip_output.c:185

	rt := SkbRtable(skb)
	dev := rt.Dev
	switch rt.RtType {
	case RtnMulticast:
		n.Mib[core.MibIpExtOutMcastPkts]++
		n.Mib[core.MibIpExtOutMcastOctets] += uint64(skb.Len)
	case RtnBroadcast:
		n.Mib[core.MibIpExtOutBcastPkts]++
		n.Mib[core.MibIpExtOutBcastOctets] += uint64(skb.Len)
	}
	if hhLen := core.LlReservedSpace(dev); skb.Headroom() < hhLen && dev.HeaderOps != nil {
		skb2 := n.SkbReallocHeadroom(skb, hhLen) // :202
		if skb.Sk != nil {
			n.SkbSetOwnerW(skb2, skb.Sk) // :208
		}
		n.ConsumeSkb(skb) // :209
		skb = skb2
	}
	n.LocalBhDisable()
	nexthop := RtNexthop(rt, skb.Ip().Dst())
	neigh := n.Ipv4NeighLookupNoref__(dev, nexthop)
	if neigh == nil {
		neigh = n.NeighCreate__(nexthop, dev, false) // :224
	}
	if neigh != nil {
		n.SockConfirmNeigh(skb, neigh)
		res := n.NeighOutput(neigh, skb) // :229
		n.RcuReadUnlockBh()              // :231
		return res
	}
	n.RcuReadUnlockBh() // :234
	n.Drop("no neighbour")
	n.KfreeSkb(skb) // :238
	return -core.EINVAL
}

// gsoFits reports whether the segments of a packet fit into mtu bytes
// (skb_gso_validate_network_len).
func gsoFits(skb *core.SkBuff, mtu int) bool {
	hlen := skb.TransportHeader - skb.NetworkHeader
	if skb.Head.GsoType&core.SkbGsoTcpv4 != 0 {
		hlen += skb.Tcp().DataOff()
	}
	return hlen+int(skb.Head.GsoSize) <= mtu
}

// ipFinishOutputGso sends a packet that the device will cut, or cuts it here if
// its segments exceed the MTU.
func (n *Net) ipFinishOutputGso(net *core.Net, sk *core.Sock, skb *core.SkBuff, mtu int) int {
	kernel.Fentry4(&n.Kernel, net, sk, skb, mtu) // ip_finish_output_gso net/ipv4/ip_output.c:246

	if gsoFits(skb, mtu) {
		return n.ipFinishOutput2(net, sk, skb) // :252
	}
	features := n.NetifSkbFeatures(skb)                         // :267
	segs, err := n.SkbGsoSegment(skb, features&^core.NetifFTso) // :269
	if err != 0 || segs == nil {
		n.KfreeSkb(skb) // :271
		return -core.ENOMEM
	}
	n.ConsumeSkb(skb) // :275
	ret := 0
	for segs != nil {
		next := segs.Next
		segs.Next, segs.Prev = nil, nil
		err := n.ipFragment(net, sk, segs, mtu, n.ok.ipFinishOutput2) // :282
		if err != 0 && ret == 0 {
			ret = err
		}
		segs = next
	}
	return ret
}

// ipFinishOutput cuts a packet that is too large and sends it on.
func (n *Net) ipFinishOutput(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_finish_output net/ipv4/ip_output.c:310

	mtu := n.ipSkbDstMtu(sk, skb)
	if skb.IsGso() {
		return n.ipFinishOutputGso(net, sk, skb, mtu) // :312
	}
	if skb.Len > mtu || skb.Ipcb.Flags&IpskbFragPmtu != 0 {
		return n.ipFragment(net, sk, skb, mtu, n.ok.ipFinishOutput2) // :315
	}
	return n.ipFinishOutput2(net, sk, skb) // :317
}

// ipMcFinishOutput loops a copy of a multicast or broadcast back.
func (n *Net) ipMcFinishOutput(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_mc_finish_output net/ipv4/ip_output.c:325

	return n.DevLoopbackXmit(net, sk, skb) // :331
}

// ipMcOutput sends a multicast or broadcast, also to ourselves.
func (n *Net) ipMcOutput(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_mc_output net/ipv4/ip_output.c:336

	rt := SkbRtable(skb)
	dev := rt.Dev
	n.countOut(skb)
	skb.Dev = dev
	skb.Protocol = wire.EtherTypeIPv4
	if rt.RtFlags&RtcfMulticast != 0 {
		if full := fullSk(sk); full == nil || InetSk(full).McLoop {
			if newskb := n.SkbClone(skb); newskb != nil { // :367
				n.NFHOOK(core.NfprotoIpv4, core.NfInetPostRouting, net, sk, newskb, nil, newskb.Dev, n.ok.ipMcFinishOutput) // :369
			}
		}
		if skb.Ip().TTL() == 0 {
			n.KfreeSkb(skb) // :377
			return 0
		}
	}
	if rt.RtFlags&RtcfBroadcast != 0 {
		if newskb := n.SkbClone(skb); newskb != nil { // :383
			n.NFHOOK(core.NfprotoIpv4, core.NfInetPostRouting, net, sk, newskb, nil, newskb.Dev, n.ok.ipMcFinishOutput) // :385
		}
	}
	return n.NFHOOKCOND(core.NfprotoIpv4, core.NfInetPostRouting, net, sk, skb, nil, dev, n.ok.ipFinishOutput, skb.Ipcb.Flags&IpskbRerouted == 0) // :390
}

func (n *Net) countOut(skb *core.SkBuff) {
	n.Mib[core.MibIpOutRequests]++
	n.Mib[core.MibIpExtOutOctets] += uint64(skb.Len)
}

// ipOutput sends a packet along its route.
func (n *Net) ipOutput(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_output net/ipv4/ip_output.c:397

	dev := skb.Dst.Dev
	n.countOut(skb)
	skb.Dev = dev
	skb.Protocol = wire.EtherTypeIPv4
	return n.NFHOOKCOND(core.NfprotoIpv4, core.NfInetPostRouting, net, sk, skb, nil, dev, n.ok.ipFinishOutput, skb.Ipcb.Flags&IpskbRerouted == 0) // :405
}

// ipQueueXmit__ puts an IP header on a segment of a connected socket and sends
// it. EHOSTUNREACH if there is no route any more: TCP will try again.
func (n *Net) ipQueueXmit__(sk *core.Sock, skb *core.SkBuff, fl *Flowi4, tos uint8) int {
	kernel.Fentry3(&n.Kernel, sk, skb, tos) // __ip_queue_xmit net/ipv4/ip_output.c:430

	inet := InetSk(sk)
	var opt *IpOptions
	if len(inet.InetOpt) != 0 {
		opt = ipOptionsOf(inet.InetOpt)
	}
	err := 0
	rt := SkbRtable(skb)
	if rt == nil {
		rt = RtableOf(n.SkDstCheck__(sk, 0)) // :448
		if rt == nil {
			rt, err = n.IpRouteOutputPorts(fl, sk, sourceRouteDst(inet, sk.SkDaddr), inet.InetSaddr, sk.SkDport, inet.InetSport, sk.SkProtocol, RtConnFlagsTos(sk, tos), int(sk.SkBoundDevIf)) // :461
			if err == 0 {
				n.SkSetupCaps(sk, &rt.DstEntry) // :470
			}
		}
		if err == 0 {
			core.SkbDstSetNoref(skb, &rt.DstEntry)
		}
	}
	if err != 0 || opt != nil && opt.IsStrictroute && rt.RtUsesGateway {
		n.Mib[core.MibIpOutNoRoutes]++
		n.KfreeSkb(skb) // :512
		return -core.EHOSTUNREACH
	}

	hlen := wire.IPv4MinLen + len(inet.InetOpt)
	skb.Push(hlen)
	skb.ResetNetworkHeader()
	iph := skb.Ip()
	iph.SetVersionIHL(hlen)
	iph.SetTOS(tos)
	df := uint16(0)
	if IpDontFragment(sk, &rt.DstEntry) && !skb.IgnoreDf {
		df = wire.IPv4DF
	}
	iph.SetFrag(df, 0)
	iph.SetTTL(n.ipSelectTtl(inet, &rt.DstEntry))
	iph.SetProtocol(sk.SkProtocol)
	iph.SetSrc(fl.Saddr)
	iph.SetDst(fl.Daddr)
	if opt != nil {
		n.ipOptionsBuild(skb, opt, sk.SkDaddr, rt, false) // :495
	}
	n.ipSelectIdentSegs(skb, sk, max(1, int(skb.Head.GsoSegs))) // :498
	skb.Priority = sk.SkPriority
	skb.Mark = sk.SkMark
	return n.ipLocalOut(sk.SkNet, sk, skb) // :505
}
