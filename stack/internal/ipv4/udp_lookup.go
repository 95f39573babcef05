// Which UDP socket a packet is for (net/ipv4/udp.c; net/core/sock_reuseport.c
// as far as it goes).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// computeScore says how well sk fits a packet for daddr:hnum: the more of its
// own settings ask for just this packet the better, and -1 if one forbids it.
func (n *Net) computeScore(sk *core.Sock, saddr wire.Addr, sport uint16, daddr wire.Addr, hnum uint16, dif int) int {
	kernel.Fentry5(&n.Kernel, sk, saddr, sport, daddr, hnum) // compute_score net/ipv4/udp.c:374

	if udpSk(sk).udpPortHash != hnum || sk.SkRcvSaddr != daddr {
		return -1
	}
	score := 2
	if sk.SkDaddr != 0 {
		if sk.SkDaddr != saddr {
			return -1
		}
		score += 4
	}
	if sk.SkDport != 0 {
		if sk.SkDport != sport {
			return -1
		}
		score += 4
	}
	if sk.SkBoundDevIf != 0 && int(sk.SkBoundDevIf) != dif {
		return -1
	}
	score += 4
	if sk.SkIncomingCpu == 0 {
		score++ // it has received on this, the only CPU
	}
	return score
}

// udpEhashfn is the hash of a flow by which SO_REUSEPORT sockets share the
// load.
func (n *Net) udpEhashfn(laddr wire.Addr, lport uint16, faddr wire.Addr, fport uint16) uint32 {
	kernel.Fentry4(&n.Kernel, laddr, lport, faddr, fport) // udp_ehashfn net/ipv4/udp.c:415

	if n.udp.secret == 0 {
		n.udp.secret = n.PrandomU32() | 1
	}
	return jhash3words(uint32(laddr), uint32(faddr), uint32(lport)<<16|uint32(fport), n.udp.secret)
}

// reuseportGroup counts the sockets that share up's address and port with
// SO_REUSEPORT.
func (n *Net) reuseportGroup(up *udpSock) uint32 {
	group := uint32(0)
	for sk2 := n.udp.hash2[up.udpPortaddrHash&udpHtableMask].head; sk2 != nil; sk2 = sk2.portaddrNext {
		if up.sameReuseport(sk2) {
			group++
		}
	}
	return group
}

// reuseportMember is one of them, counted from the newest, which comes first in
// the slot.
func (n *Net) reuseportMember(up *udpSock, index uint32) *core.Sock {
	for sk2 := n.udp.hash2[up.udpPortaddrHash&udpHtableMask].head; sk2 != nil; sk2 = sk2.portaddrNext {
		if up.sameReuseport(sk2) {
			if index == 0 {
				return &sk2.Sock
			}
			index--
		}
	}
	return &up.Sock
}

// sameReuseport reports whether two sockets share one address and port.
func (up *udpSock) sameReuseport(sk2 *udpSock) bool {
	return sk2.SkReuseport && sk2.udpPortHash == up.udpPortHash &&
		sk2.SkBoundDevIf == up.SkBoundDevIf && sk2.SkRcvSaddr == up.SkRcvSaddr
}

// udp4LibLookup2 finds the socket with the highest score in a slot.
func (n *Net) udp4LibLookup2(saddr wire.Addr, sport uint16, daddr wire.Addr, hnum uint16, dif int) *core.Sock {
	kernel.Fentry5(&n.Kernel, saddr, sport, daddr, hnum, dif) // udp4_lib_lookup2 net/ipv4/udp.c:435

	var result *core.Sock
	badness := 0
	for up := n.udp.hash2[ipv4PortaddrHash(daddr, hnum)&udpHtableMask].head; up != nil; up = up.portaddrNext {
		sk := &up.Sock
		score := n.computeScore(sk, saddr, sport, daddr, hnum, dif) // :439
		if score <= badness {
			continue
		}
		if sk.SkReuseport {
			hash := n.udpEhashfn(daddr, hnum, saddr, sport) // :443
			group := n.reuseportGroup(up)
			return n.reuseportMember(up, group-1-n.ReuseportSelectSock(&sk.SockCommon, hash, group)) // :445
		}
		badness = score
		result = sk
	}
	return result
}

// udp4LibLookup__ finds the socket for a packet from saddr:sport to
// daddr:dport that came in by device dif: one bound to the address if there is
// any, else one bound to all.
func (n *Net) udp4LibLookup__(saddr wire.Addr, sport uint16, daddr wire.Addr, dport uint16, dif int) *core.Sock {
	kernel.Fentry5(&n.Kernel, saddr, sport, daddr, dport, dif) // __udp4_lib_lookup net/ipv4/udp.c:465

	result := n.udp4LibLookup2(saddr, sport, daddr, dport, dif) // :474
	if result == nil {
		result = n.udp4LibLookup2(saddr, sport, 0, dport, dif) // :482
	}
	return result
}

// udp4LibLookupSkb__ finds the socket for skb.
func (n *Net) udp4LibLookupSkb__(skb *core.SkBuff, sport, dport uint16) *core.Sock {
	kernel.Fentry3(&n.Kernel, skb, sport, dport) // __udp4_lib_lookup_skb net/ipv4/udp.c:496

	iph := skb.Ip()
	return n.udp4LibLookup__(iph.Src(), sport, iph.Dst(), dport, InetIif(skb)) // :498
}

// udpIsMcastSock__ reports whether a packet that went to a group or a
// broadcast address is for sk too.
func (n *Net) udpIsMcastSock__(sk *core.Sock, locPort uint16, locAddr wire.Addr, rmtPort uint16, rmtAddr wire.Addr, dif int) bool {
	kernel.Fentry5(&n.Kernel, sk, locPort, locAddr, rmtPort, rmtAddr) // __udp_is_mcast_sock net/ipv4/udp.c:533

	switch {
	case udpSk(sk).udpPortHash != locPort,
		sk.SkDaddr != 0 && sk.SkDaddr != rmtAddr,
		sk.SkDport != 0 && sk.SkDport != rmtPort,
		sk.SkRcvSaddr != 0 && sk.SkRcvSaddr != locAddr,
		sk.SkBoundDevIf != 0 && int(sk.SkBoundDevIf) != dif:
		return false
	}
	return n.ipMcSfAllow(sk, locAddr, rmtAddr, dif, 0) // :544
}

// udp4LibMcastDemuxLookup__ finds the one socket that a packet to a group is
// for; nil if there are several.
func (n *Net) udp4LibMcastDemuxLookup__(locPort uint16, locAddr wire.Addr, rmtPort uint16, rmtAddr wire.Addr, dif int) *core.Sock {
	kernel.Fentry5(&n.Kernel, locPort, locAddr, rmtPort, rmtAddr, dif) // __udp4_lib_mcast_demux_lookup net/ipv4/udp.c:2365

	hslot := &n.udp.hash[udpHashfn(locPort)]
	if hslot.count > 10 {
		return nil
	}
	var result *core.Sock
	for sk := hslot.head; sk != nil; sk = sk.HashNext {
		if n.udpIsMcastSock__(sk.Full, locPort, locAddr, rmtPort, rmtAddr, dif) { // :2375
			if result != nil {
				return nil
			}
			result = sk.Full
		}
	}
	return result
}

// udp4LibDemuxLookup__ finds the connected socket for a packet, if it is the
// first of its slot.
func (n *Net) udp4LibDemuxLookup__(locPort uint16, locAddr wire.Addr, rmtPort uint16, rmtAddr wire.Addr, dif int) *core.Sock {
	kernel.Fentry5(&n.Kernel, locPort, locAddr, rmtPort, rmtAddr, dif) // __udp4_lib_demux_lookup net/ipv4/udp.c:2395

	up := n.udp.hash2[ipv4PortaddrHash(locAddr, locPort)&udpHtableMask].head
	if up == nil || up.SkRcvSaddr != locAddr || up.SkDaddr != rmtAddr || up.SkNum != locPort || up.SkDport != rmtPort {
		return nil
	}
	if up.SkBoundDevIf != 0 && int(up.SkBoundDevIf) != dif {
		return nil
	}
	return &up.Sock
}

// udpV4EarlyDemux finds a connected socket's packet before it is routed, and
// spares it that.
func (n *Net) udpV4EarlyDemux(skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // udp_v4_early_demux net/ipv4/udp.c:2415

	if !n.PskbMayPull(skb, skb.TransportHeader-skb.Data+wire.UDPLen) { // :2426
		return 0
	}
	iph, uh := skb.Ip(), skb.Udp()
	dif := skb.Dev.Ifindex
	var sk *core.Sock
	switch skb.PktType {
	case core.PacketMulticast:
		sk = n.udp4LibMcastDemuxLookup__(uh.DstPort(), iph.Dst(), uh.SrcPort(), iph.Src(), dif) // :2443
	case core.PacketHost:
		sk = n.udp4LibDemuxLookup__(uh.DstPort(), iph.Dst(), uh.SrcPort(), iph.Src(), dif) // :2447
	}
	if sk == nil {
		return 0
	}
	n.SockHold(sk)
	skb.Sk = sk
	skb.Destructor = n.udp.sockEfree
	// An unconnected socket's route says nothing about this sender, and a
	// group's source must be looked at each time.
	if dst := sk.SkRxDst; dst != nil && sk.SkDaddr != 0 {
		if dst = core.DstCheck(dst, 0); dst != nil { // :2459
			skb.Dst, skb.NoRefDst = dst, true
		}
	}
	return 0
}
