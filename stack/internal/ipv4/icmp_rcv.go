// ICMP messages that arrive (net/ipv4/icmp.c).

package ipv4

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// icmpSocketDeliver hands an error to the raw sockets and to the protocol of
// the packet that it quotes, which skb's data begins with.
func (n *Net) icmpSocketDeliver(skb *core.SkBuff, info uint32) {
	kernel.Fentry2(&n.Kernel, skb, info) // icmp_socket_deliver net/ipv4/icmp.c:751

	iph := wire.IPv4(skb.Bytes())
	protocol := int(iph.Protocol())
	// Every protocol may count on a whole IP header and eight bytes more.
	if !n.PskbMayPull(skb, iph.IHL()+8) { // :758
		n.Mib[core.MibIcmpInErrors]++
		return
	}
	n.rawIcmpError(skb, protocol, info) // :763
	if ipprot := n.protos[protocol]; ipprot != nil && ipprot.ErrHandler != nil {
		ipprot.ErrHandler(skb, info) // :767
	}
}

// icmpTagValidation reports whether a protocol checks what an error quotes.
func (n *Net) icmpTagValidation(proto uint8) bool {
	ipprot := n.protos[proto]
	return ipprot != nil && ipprot.IcmpStrictTagValidation
}

// icmpUnreach handles destination unreachable, time exceeded, source quench
// and parameter problem: whoever sent the packet hears of it.
func (n *Net) icmpUnreach(skb *core.SkBuff) bool {
	kernel.Fentry1(&n.Kernel, skb) // icmp_unreach net/ipv4/icmp.c:792

	if !n.PskbMayPull(skb, wire.IPv4MinLen) { // :800
		n.Mib[core.MibIcmpInErrors]++
		n.Drop("ICMP message")
		return false
	}
	icmph, iph := skb.Icmp(), wire.IPv4(skb.Bytes())
	if iph.IHL() < wire.IPv4MinLen {
		n.Mib[core.MibIcmpInErrors]++
		n.Drop("ICMP message")
		return false
	}
	info := uint32(0)
	switch icmph.Type() {
	case wire.ICMPDestUnreach:
		if icmph.Code()&15 == wire.ICMPFragNeeded {
			switch n.Sysctl.IpNoPmtuDisc {
			case 2:
				return true
			case 3:
				if !n.icmpTagValidation(iph.Protocol()) {
					return true
				}
				info = uint32(icmph.MTU())
			case 0:
				info = uint32(icmph.MTU())
			}
		}
		if icmph.Code() > NrIcmpUnreach {
			return true
		}
	case wire.ICMPParameterProb:
		info = icmph.Rest() >> 24
	case wire.ICMPTimeExceeded:
		if icmph.Code() == wire.ICMPExcFragTime {
			return true
		}
	}
	if !n.Sysctl.IcmpIgnoreBogusErrorResponses {
		if n.inetAddrTypeDevTable(skb.Dev, iph.Dst()) == RtnBroadcast { // :876
			return true
		}
	}
	n.icmpSocketDeliver(skb, info) // :884
	return true
}

// icmpRedirect handles a redirect: the protocol of the packet that it quotes
// may change its route.
func (n *Net) icmpRedirect(skb *core.SkBuff) bool {
	kernel.Fentry1(&n.Kernel, skb) // icmp_redirect net/ipv4/icmp.c:900

	if skb.Len < wire.IPv4MinLen {
		n.Mib[core.MibIcmpInErrors]++
		n.Drop("ICMP message")
		return false
	}
	if !n.PskbMayPull(skb, wire.IPv4MinLen) { // :905
		return false
	}
	n.icmpSocketDeliver(skb, skb.Icmp().Rest()) // :910
	return true
}

// icmpEcho answers an echo request with the data that it brought.
func (n *Net) icmpEcho(skb *core.SkBuff) bool {
	kernel.Fentry1(&n.Kernel, skb) // icmp_echo net/ipv4/icmp.c:926

	if !n.Sysctl.IcmpEchoIgnoreAll {
		icmpParam := &n.icmp.bxm
		*icmpParam = icmpBxm{skb: skb, dataLen: skb.Len, headLen: wire.ICMPv4Len}
		copy(icmpParam.data[:wire.ICMPv4Len], skb.Icmp())
		icmpParam.icmph().SetType(wire.ICMPEchoReply)
		n.icmpReply(icmpParam, skb) // :940
		icmpParam.skb = nil
	}
	return true
}

// icmpTimestamp answers a timestamp request: when it was sent, and twice the
// milliseconds since midnight.
func (n *Net) icmpTimestamp(skb *core.SkBuff) bool {
	kernel.Fentry1(&n.Kernel, skb) // icmp_timestamp net/ipv4/icmp.c:958

	if skb.Len < 4 || !n.PskbMayPull(skb, 4) { // :968
		n.Mib[core.MibIcmpInErrors]++
		n.Drop("ICMP message")
		return false
	}
	icmpParam := &n.icmp.bxm
	*icmpParam = icmpBxm{skb: skb, headLen: wire.ICMPv4Len + 12}
	copy(icmpParam.data[:wire.ICMPv4Len], skb.Icmp())
	icmpParam.icmph().SetType(wire.ICMPTimestampReply)
	icmpParam.icmph().SetCode(0)
	now := n.inetCurrentTimestamp() // :965
	copy(icmpParam.data[8:12], skb.Bytes())
	binary.BigEndian.PutUint32(icmpParam.data[12:], now)
	binary.BigEndian.PutUint32(icmpParam.data[16:], now)
	n.icmpReply(icmpParam, skb) // :977
	icmpParam.skb = nil
	return true
}

// icmpDiscard takes a message that means nothing to this machine.
func (n *Net) icmpDiscard(skb *core.SkBuff) bool {
	kernel.Fentry1(&n.Kernel, skb) // icmp_discard net/ipv4/icmp.c:988

	return true
}

// icmpRcv checks and counts a message and hands it to the handler of its type.
// It consumes skb.
func (n *Net) icmpRcv(skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // icmp_rcv net/ipv4/icmp.c:996

	n.Mib[core.MibIcmpInMsgs]++
	if core.SkbChecksumValidateNeeded__(skb, false, 0) && n.SkbChecksumValidateComplete__(skb, true, 0) != 0 { // :1023
		n.Mib[core.MibIcmpInCsumErrors]++
		n.Mib[core.MibIcmpInErrors]++
		n.Drop("checksum")
		n.KfreeSkb(skb) // :1074
		return core.NetRxDrop
	}
	if n.PskbPull(skb, wire.ICMPv4Len) == nil { // :1026
		n.Mib[core.MibIcmpInErrors]++
		n.Drop("ICMP message")
		n.KfreeSkb(skb) // :1074
		return core.NetRxDrop
	}
	typ := skb.Icmp().Type()
	if typ <= NrIcmpTypes && icmpInMibs[typ] != 0 {
		n.Mib[icmpInMibs[typ]]++
	}
	if typ > NrIcmpTypes || n.icmpIgnoreBroadcast(RtableOf(skb.Dst), typ) {
		n.Mib[core.MibIcmpInErrors]++
		n.Drop("ICMP message")
		n.KfreeSkb(skb) // :1074
		return core.NetRxDrop
	}
	if n.icmp.pointers[typ].handler(skb) { // :1066
		n.ConsumeSkb(skb) // :1069
		return core.NetRxSuccess
	}
	n.KfreeSkb(skb) // :1074
	return core.NetRxDrop
}

// icmpIgnoreBroadcast reports whether a message came to a broadcast or
// multicast address and is of a type that is not welcome there.
func (n *Net) icmpIgnoreBroadcast(rt *Rtable, typ uint8) bool {
	if rt.RtFlags&(RtcfBroadcast|RtcfMulticast) == 0 {
		return false
	}
	switch typ {
	case wire.ICMPEcho, wire.ICMPTimestamp:
		return n.Sysctl.IcmpEchoIgnoreBroadcasts
	case wire.ICMPAddress, wire.ICMPAddressReply:
		return false
	}
	return true
}

// icmpErr hears of errors about ICMP messages of this machine.
func (n *Net) icmpErr(skb *core.SkBuff, info uint32) int {
	kernel.Fentry2(&n.Kernel, skb, info) // icmp_err net/ipv4/icmp.c:1085

	quoted := skb.Bytes()[wire.IPv4(skb.Bytes()).IHL():]
	icmph := skb.Icmp()
	if wire.ICMPv4(quoted).Type() != wire.ICMPEchoReply {
		return 0 // for ping sockets, which menuos does not have
	}
	if icmph.Type() == wire.ICMPDestUnreach && icmph.Code() == wire.ICMPFragNeeded {
		n.Ipv4UpdatePmtu(skb, info, 0, wire.ProtoICMP) // :1102
	} else if icmph.Type() == wire.ICMPRedirect {
		n.Ipv4Redirect(skb, 0, wire.ProtoICMP) // :1104
	}
	return 0
}
