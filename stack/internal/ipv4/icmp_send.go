// Errors that this machine reports by ICMP (net/ipv4/icmp.c, include/net/icmp.h;
// the reverse decoding of a packet is net/ipv4/xfrm4_policy.c's).
//
// Left out: IPsec policies, so that the look-up of the reverse route never
// changes the answer; it is done all the same, because Linux does it.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// iptosPrecInternetcontrol is the precedence of messages that keep the network
// running (RFC 791 section 3.1).
const iptosPrecInternetcontrol = 0xc0

// xfrmDecodeSessionReverse fills fl4 with the flow that answers skb's.
func xfrmDecodeSessionReverse(skb *core.SkBuff, fl4 *Flowi4) {
	iph := skb.Ip()
	*fl4 = Flowi4{
		Oif:   skb.SkbIif,
		Mark:  skb.Mark,
		Proto: iph.Protocol(),
		Daddr: iph.Src(),
		Saddr: iph.Dst(),
		Tos:   iph.TOS(),
	}
	if iph.IsFragment() {
		return
	}
	switch iph.Protocol() {
	case wire.ProtoUDP, wire.ProtoTCP:
		if at := skb.NetworkHeader + iph.IHL(); at+4 <= skb.Tail {
			ports := wire.UDP(skb.Head.B[at : at+4])
			fl4.Sport, fl4.Dport = ports.DstPort(), ports.SrcPort()
		}
	}
}

// icmpRouteLookup finds the route on which an error about skbIn goes back and
// leaves the flow in fl4.
func (n *Net) icmpRouteLookup(fl4 *Flowi4, skbIn *core.SkBuff, saddr wire.Addr, tos uint8, typ, code int, param *icmpBxm) (*Rtable, int) {
	kernel.Fentry5(&n.Kernel, skbIn, saddr, tos, typ, code) // icmp_route_lookup net/ipv4/icmp.c:464

	*fl4 = Flowi4{Daddr: skbIn.Ip().Src(), Saddr: saddr, Tos: RtTos(tos), Proto: wire.ProtoICMP}
	if param.replyopts.Srr != 0 {
		fl4.Daddr = param.replyopts.Faddr
	}
	rt, err := n.ipRouteOutputKeyHash(fl4, skbIn) // :489
	if err != 0 {
		return nil, err
	}

	var fl4Dec Flowi4
	xfrmDecodeSessionReverse(skbIn, &fl4Dec)
	var rt2 *Rtable
	if n.inetAddrTypeDevTable(skbIn.Dst.Dev, fl4Dec.Saddr) == RtnLocal { // :510
		rt2, err = n.ipRouteOutputKey__(&fl4Dec) // :512
	} else {
		fl42 := Flowi4{Daddr: fl4Dec.Saddr}
		rt2, err = n.IpRouteOutputKey(&fl42) // :520
		if err != 0 {
			return rt, 0
		}
		orefdst, noref := skbIn.Dst, skbIn.NoRefDst
		skbIn.Dst, skbIn.NoRefDst = nil, false
		err = n.ipRouteInput(skbIn, fl4Dec.Daddr, fl4Dec.Saddr, RtTos(tos), rt2.Dev) // :528
		n.IpRtPut(rt2)                                                               // :531
		rt2 = nil
		if skbIn.Dst != nil {
			rt2 = RtableOf(skbIn.Dst)
		}
		skbIn.Dst, skbIn.NoRefDst = orefdst, noref
	}
	if err == 0 && rt2 != nil {
		n.IpRtPut(rt2) // :539
	}
	return rt, 0
}

// icmpSend reports an error about skbIn to its sender, subject to all the rules
// about when one must not.
func (n *Net) icmpSend(skbIn *core.SkBuff, typ, code int, info uint32) {
	kernel.Fentry4(&n.Kernel, skbIn, typ, code, info) // icmp_send include/net/icmp.h:47

	n.icmpSend__(skbIn, typ, code, info, &skbIn.Ipcb) // :47
}

// icmpSend__ builds the error: the header of skbIn and as much of it as fits
// into 576 bytes. It says nothing about broadcasts, later fragments, and ICMP
// errors themselves, and no more than the limits allow.
func (n *Net) icmpSend__(skbIn *core.SkBuff, typ, code int, info uint32, opt *core.IpSkbCb) {
	kernel.Fentry4(&n.Kernel, skbIn, typ, code, info) // __icmp_send net/ipv4/icmp.c:575

	if skbIn.Dst == nil || !n.icmpMayReport(skbIn, typ) {
		return
	}
	rt := RtableOf(skbIn.Dst)
	n.LocalBhDisable()
	if dev := skbIn.Dev; dev == nil || dev.Flags&core.IffLoopback == 0 {
		if !n.icmpv4GlobalAllow(typ, code) { // :663
			n.LocalBhEnable() // :743
			return
		}
	}
	sk := n.icmpXmitLock()
	if sk == nil {
		n.LocalBhEnable() // :743
		return
	}

	iph := skbIn.Ip()
	saddr := iph.Dst()
	if rt.RtFlags&RtcfLocal == 0 {
		saddr = 0
		if rt.RtIsInput && n.Sysctl.IcmpErrorsUseInboundIfaddr {
			if dev := n.devGetByIndex(InetIif(skbIn)); dev != nil {
				saddr = n.inetSelectAddr(dev, 0, RtScopeLink) // :684
			}
		}
	}
	tos := iph.TOS()
	if n.icmp.pointers[typ].error {
		tos = tos&iptosTosMask | iptosPrecInternetcontrol
	}

	icmpParam := &n.icmp.bxm
	*icmpParam = icmpBxm{skb: skbIn, offset: skbIn.NetworkHeader - skbIn.Data}
	if n.IpOptionsEcho__(&icmpParam.replyopts, skbIn, opt) != 0 { // :695
		icmpParam.skb = nil
		n.icmpXmitUnlock()
		n.LocalBhEnable() // :743
		return
	}
	icmph := icmpParam.icmph()
	icmph.SetType(uint8(typ))
	icmph.SetCode(uint8(code))
	icmph.SetRest(info)
	InetSk(sk).Tos = tos
	var ipc ipcmCookie
	ipcmInit(&ipc)
	ipc.Addr = iph.Src()
	ipc.Opt = icmpParam.replyopts.Data[:icmpParam.replyopts.Optlen]

	var fl4 Flowi4
	rt, err := n.icmpRouteLookup(&fl4, skbIn, saddr, tos, typ, code, icmpParam) // :715
	if err == 0 {
		if n.icmpv4XrlimAllow(rt, &fl4, typ, code) { // :721
			const most = 576
			mtu := int(n.DstMtu(&rt.DstEntry)) // :726
			room := min(mtu, most) - wire.IPv4MinLen - int(icmpParam.replyopts.Optlen) - wire.ICMPv4Len
			icmpParam.dataLen = min(skbIn.Len-icmpParam.offset, room)
			icmpParam.headLen = wire.ICMPv4Len
			n.icmpPushReply(icmpParam, &fl4, &ipc, &rt) // :737
		}
		n.IpRtPut(rt) // :739
	}
	icmpParam.skb = nil
	n.icmpXmitUnlock()
	n.LocalBhEnable() // :743
}

// icmpMayReport reports whether an ICMP message of a type may answer skb
// (RFC 1122 section 3.2.2).
func (n *Net) icmpMayReport(skb *core.SkBuff, typ int) bool {
	if skb.NetworkHeader < 0 || skb.NetworkHeader+wire.IPv4MinLen > skb.Tail {
		return false
	}
	if skb.PktType != core.PacketHost {
		return false
	}
	if RtableOf(skb.Dst).RtFlags&(RtcfBroadcast|RtcfMulticast) != 0 {
		return false
	}
	iph := skb.Ip()
	if iph.FragOff() != 0 {
		return false
	}
	if n.icmp.pointers[typ].error && iph.Protocol() == wire.ProtoICMP {
		at := skb.NetworkHeader + iph.IHL()
		if at >= skb.Tail {
			return false
		}
		// A type that nobody knows may well be an error.
		if inner := skb.Head.B[at]; inner > NrIcmpTypes || n.icmp.pointers[inner].error {
			return false
		}
	}
	return true
}
