// IP input: from the device to the transport protocol (net/ipv4/ip_input.c). Left
// out: receiving lists of packets at once, router alerts, source routing (which
// Linux refuses unless told otherwise) and L3 master devices.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// ipProtocolDeliverRcu hands a packet to its transport protocol and to raw
// sockets. The protocol may return another protocol, negated, to go on with.
func (n *Net) ipProtocolDeliverRcu(net *core.Net, skb *core.SkBuff, protocol int) {
	kernel.Fentry3(&n.Kernel, net, skb, protocol) // ip_protocol_deliver_rcu net/ipv4/ip_input.c:192

	for {
		raw := n.rawLocalDeliver(skb, protocol) // :197
		ipprot := n.protos[protocol]
		if ipprot != nil {
			ret := ipprot.Handler(skb) // :208
			if ret < 0 {
				protocol = -ret
				continue
			}
			n.Mib[core.MibIpInDelivers]++
			return
		}
		if raw {
			n.Mib[core.MibIpInDelivers]++
			n.ConsumeSkb(skb) // :224
			return
		}
		n.Mib[core.MibIpInUnknownProtos]++
		n.icmpSend(skb, int(wire.ICMPDestUnreach), int(wire.ICMPProtUnreach), 0) // :218
		n.Drop("unknown protocol")
		n.KfreeSkb(skb) // :221
		return
	}
}

// ipLocalDeliverFinish takes the IP header off.
func (n *Net) ipLocalDeliverFinish(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_local_deliver_finish net/ipv4/ip_input.c:231

	skb.Pull(skb.NetworkHeaderLen())
	n.ipProtocolDeliverRcu(net, skb, int(skb.Ip().Protocol())) // :234
	return 0
}

// ipLocalDeliver takes packets that are for this machine, and waits for their
// other fragments.
func (n *Net) ipLocalDeliver(skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // ip_local_deliver net/ipv4/ip_input.c:244

	if skb.Ip().IsFragment() {
		if n.ipDefrag(skb, ipDefragLocalDeliver) != 0 { // :251
			return 0
		}
	}
	return n.NFHOOK(core.NfprotoIpv4, core.NfInetLocalIn, &n.Net, nil, skb, skb.Dev, nil, n.ok.ipLocalDeliverFinish) // :255
}

// ipRcvOptions parses a received packet's options; true means: drop it.
func (n *Net) ipRcvOptions(skb *core.SkBuff) bool {
	kernel.Fentry1(&n.Kernel, skb) // ip_rcv_options net/ipv4/ip_input.c:264

	if n.SkbCow(skb, skb.Headroom()) != 0 { // :273
		n.Mib[core.MibIpInDiscards]++
		return true
	}
	var opt IpOptions
	opt.Optlen = uint8(skb.Ip().IHL() - wire.IPv4MinLen)
	if n.ipOptionsCompile(&opt, skb) != 0 { // :282
		n.Mib[core.MibIpInHdrErrors]++
		return true
	}
	opt.saveIpcb(skb)
	// A source route is refused (accept_source_route is off for all devices).
	return opt.Srr != 0
}

// ipRcvFinishCore finds the route of a packet.
func (n *Net) ipRcvFinishCore(net *core.Net, sk *core.Sock, skb *core.SkBuff, dev *core.NetDevice) int {
	kernel.Fentry4(&n.Kernel, net, sk, skb, dev) // ip_rcv_finish_core net/ipv4/ip_input.c:312

	err := 0
	iph := skb.Ip()
	if n.Sysctl.IpEarlyDemux && skb.Dst == nil && skb.Sk == nil && !iph.IsFragment() {
		if ipprot := n.protos[iph.Protocol()]; ipprot != nil && ipprot.EarlyDemux != nil {
			err = ipprot.EarlyDemux(skb) // :326
			if err != 0 {
				n.Drop("martian address")
				goto drop
			}
			iph = skb.Ip()
		}
	}
	if skb.Dst == nil {
		err = n.ipRouteInputNoref(skb, iph.Dst(), iph.Src(), iph.TOS(), dev) // :339
		if err != 0 {
			n.Drop("martian address")
			goto drop
		}
	}
	if iph.IHL() > wire.IPv4MinLen {
		if n.ipRcvOptions(skb) { // :356
			n.Drop("IP options")
			goto drop
		}
	}
	switch rt := SkbRtable(skb); {
	case rt.RtType == RtnMulticast:
		n.Mib[core.MibIpExtInMcastPkts]++
		n.Mib[core.MibIpExtInMcastOctets] += uint64(skb.Len)
	case rt.RtType == RtnBroadcast:
		n.Mib[core.MibIpExtInBcastPkts]++
		n.Mib[core.MibIpExtInBcastOctets] += uint64(skb.Len)
	case skb.PktType == core.PacketBroadcast || skb.PktType == core.PacketMulticast:
		if in := inDevGet(dev); in != nil && in.dropUnicastInL2Multicast() {
			n.Drop("broadcast frame")
			goto drop
		}
	}
	return core.NetRxSuccess

drop:
	if err == -exdev {
		n.Mib[core.MibTcpExtIPReversePathFilter]++
		n.Drop("reverse path")
	}
	n.KfreeSkb(skb) // :391
	return core.NetRxDrop
}

// ipRcvFinish routes a packet that passed the first hook and sends it on.
func (n *Net) ipRcvFinish(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_rcv_finish net/ipv4/ip_input.c:409

	ret := n.ipRcvFinishCore(net, sk, skb, skb.Dev) // :412
	if ret != core.NetRxDrop {
		ret = n.DstInput(skb) // :414
	}
	return ret
}

// ipHeaderError says which counter a packet's header is wrong for; -1 means that it
// is right.
func ipHeaderError(skb *core.SkBuff, iph wire.IPv4) int {
	switch {
	case !iph.ChecksumOK():
		return core.MibIpExtInCsumErrors
	case skb.Len < int(iph.TotalLen()):
		return core.MibIpExtInTruncatedPkts
	case int(iph.TotalLen()) < iph.IHL():
		return core.MibIpInHdrErrors
	}
	return -1
}

// ecnMib counts packets by the ECN bits of their header.
var ecnMib = [4]int{core.MibIpExtInNoECTPkts, core.MibIpExtInECT1Pkts, core.MibIpExtInECT0Pkts, core.MibIpExtInCEPkts}

// ipRcvCore checks a packet's header and cuts off what a link added behind it.
// It returns nil for packets that it dropped.
func (n *Net) ipRcvCore(skb *core.SkBuff, net *core.Net) *core.SkBuff {
	kernel.Fentry2(&n.Kernel, skb, net) // ip_rcv_core net/ipv4/ip_input.c:429

	mib := -1
	var iph wire.IPv4
	if skb.PktType == core.PacketOtherhost {
		n.Drop("other host")
		goto drop
	}
	n.Mib[core.MibIpInReceives]++
	n.Mib[core.MibIpExtInOctets] += uint64(skb.Len)
	skb = n.SkbShareCheck(skb) // :435
	if skb == nil {
		n.Mib[core.MibIpInDiscards]++
		return nil
	}
	mib = core.MibIpInHdrErrors
	if !n.PskbMayPull(skb, wire.IPv4MinLen) { // :441
		n.Drop("IP header")
		goto drop
	}
	iph = skb.Ip()
	if iph.IHL() < wire.IPv4MinLen || iph.Version() != 4 {
		n.Drop("IP header")
		goto drop
	}
	n.Mib[ecnMib[iph.TOS()&inetEcnMask]] += uint64(max(1, skb.Head.GsoSegs))
	if !n.PskbMayPull(skb, iph.IHL()) { // :467
		n.Drop("IP header")
		goto drop
	}
	iph = skb.Ip()
	if mib = ipHeaderError(skb, iph); mib >= 0 {
		if mib == core.MibIpExtInCsumErrors {
			n.Mib[mib]++
			mib = core.MibIpInHdrErrors
		}
		n.Drop("IP header")
		goto drop
	}
	if n.PskbTrimRcsum(skb, int(iph.TotalLen())) != 0 { // :486
		mib = core.MibIpInDiscards
		n.Drop("IP header")
		goto drop
	}
	skb.TransportHeader = skb.NetworkHeader + skb.Ip().IHL()
	skb.Ipcb = core.IpSkbCb{Iif: skb.SkbIif}
	n.SkbOrphan(skb) // :499
	return skb

drop:
	if mib >= 0 {
		n.Mib[mib]++
	}
	n.KfreeSkb(skb) // :508
	return nil
}

// ipRcv takes IP packets from devices.
func (n *Net) ipRcv(skb *core.SkBuff, dev *core.NetDevice, pt *core.PacketType, origDev *core.NetDevice) int {
	kernel.Fentry4(&n.Kernel, skb, dev, pt, origDev) // ip_rcv net/ipv4/ip_input.c:518

	skb = n.ipRcvCore(skb, &n.Net) // :521
	if skb == nil {
		return core.NetRxDrop
	}
	return n.NFHOOK(core.NfprotoIpv4, core.NfInetPreRouting, &n.Net, nil, skb, dev, nil, n.ok.ipRcvFinish) // :524
}
