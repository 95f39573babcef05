// ICMP errors about UDP datagrams of this machine (net/ipv4/udp.c).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// udp4LibErr__ tells the socket that sent the datagram that skb's data quotes.
// A connected socket hears of hard errors in its next call; with IP_RECVERR
// any socket hears of all.
func (n *Net) udp4LibErr__(skb *core.SkBuff, info uint32) int {
	kernel.Fentry2(&n.Kernel, skb, info) // __udp4_lib_err net/ipv4/udp.c:648

	iph := wire.IPv4(skb.Bytes())
	uh := wire.UDP(iph[iph.IHL():])
	typ, code := skb.Icmp().Type(), skb.Icmp().Code()
	sk := n.udp4LibLookup__(iph.Dst(), uh.DstPort(), iph.Src(), uh.SrcPort(), skb.Dev.Ifindex) // :658
	if sk == nil {
		n.Mib[core.MibIcmpInErrors]++
		return -core.ENOENT
	}
	inet := InetSk(sk)
	err, harderr := core.EHOSTUNREACH, false
	switch typ {
	case wire.ICMPSourceQuench:
		return 0
	case wire.ICMPParameterProb:
		err, harderr = core.EPROTO, true
	case wire.ICMPDestUnreach:
		if code == wire.ICMPFragNeeded {
			n.Ipv4SkUpdatePmtu(skb, sk, info) // :696
			if inet.Pmtudisc == core.IpPmtudiscDont {
				return 0
			}
			err, harderr = core.EMSGSIZE, true
		} else if code <= NrIcmpUnreach {
			err, harderr = IcmpErrConvert[code].Errno, IcmpErrConvert[code].Fatal
		}
	case wire.ICMPRedirect:
		n.Ipv4SkRedirect(skb, sk) // :711
		return 0
	}
	if inet.Recverr {
		n.ipIcmpError(sk, skb, err, uh.DstPort(), info, skb.Data+iph.IHL()+wire.UDPLen) // :727
	} else if !harderr || sk.SkState != core.TcpEstablished {
		return 0
	}
	sk.SkErr = err
	sk.SkErrorReport(sk) // :730
	return 0
}

// udpErr hears of an error about a datagram of this machine.
func (n *Net) udpErr(skb *core.SkBuff, info uint32) int {
	kernel.Fentry2(&n.Kernel, skb, info) // udp_err net/ipv4/udp.c:737

	return n.udp4LibErr__(skb, info) // :737
}
