// Shorthands for route lookups (include/net/route.h, include/net/flow.h). Left
// out: the flow's security label, user id and tunnel key.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Flowi4InitOutput fills a flow for an output lookup (flowi4_init_output).
func Flowi4InitOutput(fl4 *Flowi4, oif int, mark uint32, tos, scope, proto, flags uint8,
	daddr, saddr wire.Addr, dport, sport uint16) {
	*fl4 = Flowi4{
		Oif: oif, Iif: loopbackIfindex, Mark: mark, Tos: tos, Scope: scope, Proto: proto,
		Flags: flags, Daddr: daddr, Saddr: saddr, Dport: dport, Sport: sport,
	}
}

// flowi4UpdateOutput changes what ip_route_connect learnt in its first lookup
// (flowi4_update_output).
func flowi4UpdateOutput(fl4 *Flowi4, oif int, tos uint8, daddr, saddr wire.Addr) {
	fl4.Oif, fl4.Tos, fl4.Daddr, fl4.Saddr = oif, tos, daddr, saddr
}

// RtTos is the part of a type of service that routing looks at (RT_TOS).
func RtTos(tos uint8) uint8 { return tos & iptosTosMask }

// RtConnFlags is a socket's type of service for a lookup, with RTO_ONLINK if it
// asked for SO_DONTROUTE (RT_CONN_FLAGS).
func RtConnFlags(sk *core.Sock) uint8 { return RtConnFlagsTos(sk, InetSk(sk).Tos) }

// RtConnFlagsTos is RtConnFlags for a given type of service (RT_CONN_FLAGS_TOS).
func RtConnFlagsTos(sk *core.Sock, tos uint8) uint8 {
	f := RtTos(tos)
	if sk.SkFlags&(1<<core.SockLocalroute) != 0 {
		f |= RtoOnlink
	}
	return f
}

// RtNexthop is the neighbour that a packet to daddr goes to (rt_nexthop).
func RtNexthop(rt *Rtable, daddr wire.Addr) wire.Addr {
	if rt.RtGateway != 0 {
		return rt.RtGateway
	}
	return daddr
}

// SkbRtable is a packet's route, nil if it has none (skb_rtable).
func SkbRtable(skb *core.SkBuff) *Rtable { return RtableOf(skb.Dst) }

// InetIif is the interface that a packet came in through (inet_iif).
func InetIif(skb *core.SkBuff) int {
	if rt := SkbRtable(skb); rt != nil && rt.RtIif != 0 {
		return rt.RtIif
	}
	return skb.SkbIif
}

// Ip4DstHoplimit is the TTL that a route's packets start with (ip4_dst_hoplimit).
func (n *Net) Ip4DstHoplimit(dst *core.DstEntry) int {
	if h := dst.Metrics[core.RtaxHoplimit]; h != 0 {
		return int(h)
	}
	return n.Sysctl.IpDefaultTtl
}

// IpRtPut drops a reference to a route, which may be nil (ip_rt_put).
func (n *Net) IpRtPut(rt *Rtable) {
	if rt != nil {
		n.DstRelease(&rt.DstEntry)
	}
}

// rtTos2priority maps a type of service to the priority of a packet
// (rt_tos2priority, ip_tos2prio).
func rtTos2priority(tos uint8) uint32 {
	return uint32([16]uint8{0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4}[tos&iptosTosMask>>1])
}

// ipRouteOutputKey__ resolves a flow.
func (n *Net) ipRouteOutputKey__(flp *Flowi4) (*Rtable, int) {
	kernel.Fentry0(&n.Kernel) // __ip_route_output_key include/net/route.h:124

	return n.ipRouteOutputKeyHash(flp, nil) // :124
}

// IpRouteOutputKey resolves a flow that belongs to no socket.
func (n *Net) IpRouteOutputKey(flp *Flowi4) (*Rtable, int) {
	kernel.Fentry0(&n.Kernel) // ip_route_output_key include/net/route.h:134

	return n.IpRouteOutputFlow(flp, nil) // :134
}

// IpRouteOutputPorts resolves a flow given field by field, and leaves it in fl4.
func (n *Net) IpRouteOutputPorts(fl4 *Flowi4, sk *core.Sock, daddr, saddr wire.Addr,
	dport, sport uint16, proto, tos uint8, oif int) (*Rtable, int) {
	kernel.Fentry4(&n.Kernel, sk, daddr, saddr, dport) // ip_route_output_ports include/net/route.h:161

	var mark uint32
	var flags uint8
	if sk != nil {
		mark, flags = sk.SkMark, InetSkFlowiFlags(sk)
	}
	Flowi4InitOutput(fl4, oif, mark, tos, RtScopeUniverse, proto, flags, daddr, saddr, dport, sport)
	return n.IpRouteOutputFlow(fl4, sk) // :161
}

// IpRouteConnect finds the route of a connection and, where the caller does not
// know them, its addresses, which it leaves in fl4. The ports may still be open:
// IpRouteNewports comes back when they are known.
func (n *Net) IpRouteConnect(fl4 *Flowi4, dst, src wire.Addr, tos uint8, oif int, protocol uint8,
	sport, dport uint16, sk *core.Sock) (*Rtable, int) {
	kernel.Fentry5(&n.Kernel, dst, src, tos, oif, protocol) // ip_route_connect include/net/route.h:297

	var flags uint8
	if InetSk(sk).Transparent {
		flags = FlowiFlagAnysrc
	}
	Flowi4InitOutput(fl4, oif, sk.SkMark, tos, RtScopeUniverse, protocol, flags, dst, src, dport, sport)
	if dst == 0 || src == 0 {
		rt, err := n.ipRouteOutputKey__(fl4) // :302
		if err != 0 {
			return nil, err
		}
		n.IpRtPut(rt)
		flowi4UpdateOutput(fl4, oif, tos, fl4.Daddr, fl4.Saddr)
	}
	return n.IpRouteOutputFlow(fl4, sk) // :309
}

// IpRouteNewports looks the route up again if choosing ports changed the flow;
// it takes over the reference to rt.
func (n *Net) IpRouteNewports(fl4 *Flowi4, rt *Rtable, origSport, origDport, sport, dport uint16,
	sk *core.Sock) (*Rtable, int) {
	kernel.Fentry5(&n.Kernel, rt, origSport, origDport, sport, dport) // ip_route_newports include/net/route.h:317

	if sport == origSport && dport == origDport {
		return rt, 0
	}
	fl4.Dport, fl4.Sport = dport, sport
	n.IpRtPut(rt)
	flowi4UpdateOutput(fl4, int(sk.SkBoundDevIf), RtConnFlags(sk), fl4.Daddr, fl4.Saddr)
	return n.IpRouteOutputFlow(fl4, sk) // :325
}

// ipRouteInput is ip_route_input_noref for a packet that will keep its route.
func (n *Net) ipRouteInput(skb *core.SkBuff, dst, src wire.Addr, tos uint8, devin *core.NetDevice) int {
	kernel.Fentry5(&n.Kernel, skb, dst, src, tos, devin) // ip_route_input include/net/route.h:191

	err := n.ipRouteInputNoref(skb, dst, src, tos, devin) // :192
	if err == 0 {
		n.SkbDstForce(skb)
		if skb.Dst == nil {
			err = -core.EINVAL
		}
	}
	return err
}
