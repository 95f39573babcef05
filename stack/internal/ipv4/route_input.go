// Input routes: where does a received packet go (net/ipv4/route.c). On loopback
// packets keep the route that they were sent with and never come here. Left out:
// multicast routing and redirects to hosts that send through us needlessly.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// ipMcValidateSource checks the source of a multicast.
func (n *Net) ipMcValidateSource(skb *core.SkBuff, daddr, saddr wire.Addr, tos uint8, dev *core.NetDevice, inDev *InDevice) int {
	kernel.Fentry5(&n.Kernel, skb, daddr, saddr, tos, dev) // ip_mc_validate_source net/ipv4/route.c:1603

	switch {
	case inDev == nil, saddr.IsMulticast(), saddr.IsBroadcast(), skb.Protocol != wire.EtherTypeIPv4:
		return -core.EINVAL
	case saddr.IsLoopback() && !inDev.routeLocalnet():
		return -core.EINVAL
	case saddr.IsZeronet():
		if !isLocalMulticast(daddr) {
			return -core.EINVAL
		}
		return 0
	}
	return min(n.fibValidateSource(skb, saddr, 0, tos, 0, dev, inDev), 0) // :1617
}

// ipRouteInputMc routes a multicast to the sockets that joined its group.
func (n *Net) ipRouteInputMc(skb *core.SkBuff, daddr, saddr wire.Addr, tos uint8, dev *core.NetDevice, our int) int {
	kernel.Fentry5(&n.Kernel, skb, daddr, saddr, tos, dev) // ip_route_input_mc net/ipv4/route.c:1629

	inDev := inDevGet(dev)
	if err := n.ipMcValidateSource(skb, daddr, saddr, tos, dev, inDev); err != 0 { // :1635
		return err
	}
	flags := uint32(RtcfMulticast)
	if our != 0 {
		flags |= RtcfLocal
	}
	rth := n.rtDstAlloc(n.Loopback, flags, RtnMulticast, inDev.Cnf.Nopolicy, false, false) // :1642
	rth.Output = n.rt.ipRtBug
	rth.RtIsInput = true
	core.SkbDstSet(skb, &rth.DstEntry)
	return 0
}

// mkrouteInput__ routes a packet that is to be forwarded.
func (n *Net) mkrouteInput__(skb *core.SkBuff, res *fibResult, inDev *InDevice, daddr, saddr wire.Addr, tos uint8) int {
	kernel.Fentry5(&n.Kernel, skb, inDev, daddr, saddr, tos) // __mkroute_input net/ipv4/route.c:1694

	nh := res.nh()
	outDev := inDevGet(nh.NhDev)
	if outDev == nil {
		return -core.EINVAL
	}
	err := n.fibValidateSource(skb, saddr, daddr, tos, nh.NhOif, inDev.Dev, inDev) // :1709
	if err < 0 {
		n.ipHandleMartianSource(inDev.Dev, skb, daddr, saddr) // :1712
		return err
	}
	fnhe := n.findException(nh, daddr) // :1740
	rth := nh.NhRthInput
	if fnhe != nil {
		rth = fnhe.FnheRthInput
	}
	if n.rtCacheValid(rth) { // :1746
		core.SkbDstSetNoref(skb, &rth.DstEntry)
		return 0
	}
	rth = n.rtDstAlloc(outDev.Dev, 0, res.Type, inDev.Cnf.Nopolicy, outDev.Cnf.Noxfrm, true) // :1752
	rth.RtIsInput = true
	rth.Input = n.rt.ipForward
	n.rtSetNexthop(rth, daddr, res, fnhe, res.Fi, res.Type, 0, true) // :1765
	core.SkbDstSet(skb, &rth.DstEntry)
	return 0
}

// ipMkrouteInput is mkrouteInput__ for the one next hop that routes have.
func (n *Net) ipMkrouteInput(skb *core.SkBuff, res *fibResult, inDev *InDevice, daddr, saddr wire.Addr, tos uint8) int {
	kernel.Fentry5(&n.Kernel, skb, inDev, daddr, saddr, tos) // ip_mkroute_input net/ipv4/route.c:1883

	return n.mkrouteInput__(skb, res, inDev, daddr, saddr, tos) // :1891
}

// ipHandleMartianSource hears of packets whose source cannot be true.
func (n *Net) ipHandleMartianSource(dev *core.NetDevice, skb *core.SkBuff, daddr, saddr wire.Addr) {
	kernel.Fentry4(&n.Kernel, dev, skb, daddr, saddr) // ip_handle_martian_source net/ipv4/route.c:1670
}

// martian says whether addresses have no place on a wire: 0 they have, 1 the
// destination is wrong, 2 the source.
func martian(daddr, saddr wire.Addr, inDev *InDevice) int {
	switch {
	case saddr.IsZeronet():
		return 2
	case daddr.IsZeronet():
		return 1
	case inDev.routeLocalnet():
		return 0
	case daddr.IsLoopback():
		return 1
	case saddr.IsLoopback():
		return 2
	}
	return 0
}

// ipRouteInputSlow routes a received packet: to ourselves, onwards, or to where
// it is dropped and counted. It returns 0 or an errno for packets that are not
// even worth that.
func (n *Net) ipRouteInputSlow(skb *core.SkBuff, daddr, saddr wire.Addr, tos uint8, dev *core.NetDevice, res *fibResult) int {
	kernel.Fentry5(&n.Kernel, skb, daddr, saddr, tos, dev) // ip_route_input_slow net/ipv4/route.c:1908

	var (
		fl4     Flowi4
		rth     *Rtable
		doCache bool
		flags   uint32
		forward = n.Sysctl.IpForward
		err     = -core.EINVAL
	)
	inDev := inDevGet(dev)
	if inDev == nil {
		return err
	}
	n.SkbDstDrop(skb)
	if saddr.IsMulticast() || saddr.IsBroadcast() {
		goto martianSource
	}
	res.Fi, res.Table = nil, nil
	if daddr.IsBroadcast() || saddr == 0 && daddr == 0 {
		goto brdInput
	}
	switch martian(daddr, saddr, inDev) {
	case 1:
		return err
	case 2:
		goto martianSource
	}

	fl4 = Flowi4{Iif: dev.Ifindex, Mark: skb.Mark, Tos: tos, Scope: RtScopeUniverse, Daddr: daddr, Saddr: saddr}
	err = n.fibLookup(&fl4, res, 0) // :1985
	switch {
	case err != 0:
		if !forward {
			err = -core.EHOSTUNREACH
		}
		res.Type, res.Fi, res.Table = RtnUnreachable, nil, nil
		goto localInput
	case res.Type == RtnBroadcast:
		goto brdInput
	case res.Type == RtnLocal:
		err = n.fibValidateSource(skb, saddr, daddr, tos, 0, dev, inDev) // :1999
		if err < 0 {
			goto martianSource
		}
		goto localInput
	case !forward:
		err = -core.EHOSTUNREACH
		res.Type, res.Fi, res.Table = RtnUnreachable, nil, nil
		goto localInput
	case res.Type != RtnUnicast:
		return -core.EINVAL
	}
	return n.ipMkrouteInput(skb, res, inDev, daddr, saddr, tos) // :2014

brdInput:
	if skb.Protocol != wire.EtherTypeIPv4 {
		return -core.EINVAL
	}
	if !saddr.IsZeronet() {
		err = n.fibValidateSource(skb, saddr, 0, tos, 0, dev, inDev) // :2022
		if err < 0 {
			goto martianSource
		}
	}
	flags |= RtcfBroadcast
	res.Type = RtnBroadcast

localInput:
	doCache = res.Fi != nil
	if doCache {
		rth = res.nh().NhRthInput
		if n.rtCacheValid(rth) { // :2036
			core.SkbDstSetNoref(skb, &rth.DstEntry)
			return 0
		}
	}
	rth = n.rtDstAlloc(n.Loopback, flags|RtcfLocal, res.Type, inDev.Cnf.Nopolicy, false, doCache) // :2045
	rth.Output = n.rt.ipRtBug
	rth.RtIsInput = true
	if res.Type == RtnUnreachable {
		rth.Input = n.rt.ipError
		rth.Error = -err
		rth.RtFlags &^= RtcfLocal
	}
	if doCache {
		n.rtCacheRoute(res.nh(), rth) // :2074
	}
	core.SkbDstSet(skb, &rth.DstEntry)
	return 0

martianSource:
	n.ipHandleMartianSource(dev, skb, daddr, saddr) // :2108
	return err
}

// ipRouteInputNoref routes a received packet; it may only borrow the route.
func (n *Net) ipRouteInputNoref(skb *core.SkBuff, daddr, saddr wire.Addr, tos uint8, dev *core.NetDevice) int {
	kernel.Fentry5(&n.Kernel, skb, daddr, saddr, tos, dev) // ip_route_input_noref net/ipv4/route.c:2114

	var res fibResult
	return n.ipRouteInputRcu(skb, daddr, saddr, tos&iptosRtMask, dev, &res) // :2120
}

// ipRouteInputRcu parts multicasts, which go by the groups that were joined,
// from the rest, which goes by the routing tables.
func (n *Net) ipRouteInputRcu(skb *core.SkBuff, daddr, saddr wire.Addr, tos uint8, dev *core.NetDevice, res *fibResult) int {
	kernel.Fentry5(&n.Kernel, skb, daddr, saddr, tos, dev) // ip_route_input_rcu net/ipv4/route.c:2128

	if daddr.IsMulticast() {
		our := 0
		if inDev := inDevGet(dev); inDev != nil {
			our = n.ipCheckMcRcu(inDev, daddr, saddr, skb.Ip().Protocol()) // :2148
		}
		if our == 0 {
			return -core.EINVAL
		}
		return n.ipRouteInputMc(skb, daddr, saddr, tos, dev, our) // :2168
	}
	return n.ipRouteInputSlow(skb, daddr, saddr, tos, dev, res) // :2174
}
