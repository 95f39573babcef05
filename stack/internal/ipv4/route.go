// Output routes: from a flow to a route (net/ipv4/route.c). Routes hang, ready to
// use, on the next hops of the routing tables, so that looking up a flow again
// allocates nothing. Left out: xfrm policies, tunnels, multipath and L3 master
// devices.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// fnheReclaimDepth bounds the exceptions of a next hop (FNHE_RECLAIM_DEPTH).
const fnheReclaimDepth = 5

// routeState is what route.c keeps for a machine.
type routeState struct {
	ops          core.DstOps
	genid        int // rt_genid: routes of an older one are stale
	fnheGenid    int
	devAddrGenid int // dev_addr_genid: source addresses of an older one are stale

	// Bound once, for DstEntry.Input and Output.
	ipOutput, ipMcOutput, ipRtBug      core.Okfn
	ipLocalDeliver, ipError, ipForward func(skb *core.SkBuff) int

	inetSockDestruct func(sk *core.Sock)
}

// ipRtInit readies routing.
func (n *Net) ipRtInit() {
	r := &n.rt
	r.ops = core.DstOps{
		Check:          n.ipv4DstCheck,
		DefaultAdvmss:  n.ipv4DefaultAdvmss,
		Mtu:            n.ipv4Mtu,
		NegativeAdvice: n.ipv4NegativeAdvice,
		LinkFailure:    n.ipv4LinkFailure,
		UpdatePmtu:     n.ipRtUpdatePmtu,
		NeighLookup:    n.ipv4NeighLookup,
		ConfirmNeigh:   n.ipv4ConfirmNeigh,
		Redirect:       n.IpDoRedirect,
		LocalOut:       n.ipLocalOut__,
		Family:         core.AfInet,
	}
	r.ipOutput, r.ipMcOutput, r.ipRtBug = n.ipOutput, n.ipMcOutput, n.ipRtBug
	r.inetSockDestruct = n.InetSockDestruct
	r.ipLocalDeliver, r.ipError, r.ipForward = n.ipLocalDeliver, n.ipError, n.ipForward
	n.devinetInit()
	n.ipFibInit()
}

// rtCacheFlush makes every route that was handed out stale.
func (n *Net) rtCacheFlush() {
	kernel.Fentry0(&n.Kernel) // rt_cache_flush net/ipv4/route.c:430

	n.rt.genid++
}

// IpRouteOutputFlow resolves a flow for a socket, which may be nil.
func (n *Net) IpRouteOutputFlow(flp4 *Flowi4, sk *core.Sock) (*Rtable, int) {
	kernel.Fentry1(&n.Kernel, sk) // ip_route_output_flow net/ipv4/route.c:2578

	return n.ipRouteOutputKey__(flp4) // :2579
}

// ipRouteOutputKeyHash resolves a flow. It completes the flow's addresses.
func (n *Net) ipRouteOutputKeyHash(fl4 *Flowi4, skb *core.SkBuff) (*Rtable, int) {
	kernel.Fentry1(&n.Kernel, skb) // ip_route_output_key_hash net/ipv4/route.c:2308

	res := fibResult{Type: RtnUnspec}
	tos := fl4.Tos & (iptosRtMask | RtoOnlink)
	fl4.Iif = loopbackIfindex
	fl4.Tos = tos & iptosRtMask
	fl4.Scope = RtScopeUniverse
	if tos&RtoOnlink != 0 {
		fl4.Scope = RtScopeLink
	}
	return n.ipRouteOutputKeyHashRcu(fl4, &res, skb) // :2324
}

// ipRouteOutputKeyHashRcu is the output route lookup proper.
func (n *Net) ipRouteOutputKeyHashRcu(fl4 *Flowi4, res *fibResult, skb *core.SkBuff) (*Rtable, int) {
	kernel.Fentry1(&n.Kernel, skb) // ip_route_output_key_hash_rcu net/ipv4/route.c:2336

	var devOut *core.NetDevice
	var flags uint32
	origOif := fl4.Oif
	if fl4.Saddr != 0 {
		if fl4.Saddr.IsMulticast() || fl4.Saddr.IsBroadcast() || fl4.Saddr.IsZeronet() {
			return nil, -core.EINVAL
		}
		if fl4.Oif == 0 && (fl4.Daddr.IsMulticast() || fl4.Daddr.IsBroadcast()) {
			// A multicast without a device leaves through that of its source.
			devOut = n.ipDevFind__(fl4.Saddr, false) // :2360
			if devOut == nil {
				return nil, -core.EINVAL
			}
			fl4.Oif = devOut.Ifindex
			return n.mkrouteOutput__(res, fl4, origOif, devOut, flags) // :2495
		}
		if fl4.Flags&FlowiFlagAnysrc == 0 {
			if n.ipDevFind__(fl4.Saddr, false) == nil { // :2385
				return nil, -core.EINVAL
			}
		}
	}

	if fl4.Oif != 0 {
		devOut = n.devGetByIndex(fl4.Oif)
		if devOut == nil {
			return nil, -core.ENODEV
		}
		if devOut.Flags&core.IffUp == 0 || inDevGet(devOut) == nil {
			return nil, -core.ENETUNREACH
		}
		if isLocalMulticast(fl4.Daddr) || fl4.Daddr.IsBroadcast() || fl4.Proto == wire.ProtoIGMP {
			if fl4.Saddr == 0 {
				fl4.Saddr = n.inetSelectAddr(devOut, 0, RtScopeLink) // :2406
			}
			return n.mkrouteOutput__(res, fl4, origOif, devOut, flags) // :2495
		}
		if fl4.Saddr == 0 {
			if fl4.Daddr.IsMulticast() {
				fl4.Saddr = n.inetSelectAddr(devOut, 0, int(fl4.Scope)) // :2412
			} else if fl4.Daddr == 0 {
				fl4.Saddr = n.inetSelectAddr(devOut, 0, RtScopeHost) // :2415
			}
		}
	}

	if fl4.Daddr == 0 {
		fl4.Daddr = fl4.Saddr
		if fl4.Daddr == 0 {
			fl4.Daddr, fl4.Saddr = addrLoopback, addrLoopback
		}
		devOut = n.Loopback
		fl4.Oif = loopbackIfindex
		res.Type = RtnLocal
		return n.mkrouteOutput__(res, fl4, origOif, devOut, flags|RtcfLocal) // :2495
	}

	if err := n.fibLookup(fl4, res, 0); err != 0 { // :2431
		res.Fi, res.Table = nil, nil
		if fl4.Oif == 0 {
			return nil, err
		}
		// Whoever names a device says that the destination is on its link.
		if fl4.Saddr == 0 {
			fl4.Saddr = n.inetSelectAddr(devOut, 0, RtScopeLink) // :2457
		}
		res.Type = RtnUnicast
		return n.mkrouteOutput__(res, fl4, origOif, devOut, flags) // :2495
	}

	if res.Type == RtnLocal {
		if fl4.Saddr == 0 {
			fl4.Saddr = fl4.Daddr
			if res.Fi.FibPrefsrc != 0 {
				fl4.Saddr = res.Fi.FibPrefsrc
			}
		}
		devOut = n.Loopback
		origOif = res.nh().NhOif
		fl4.Oif = devOut.Ifindex
		return n.mkrouteOutput__(res, fl4, origOif, devOut, flags|RtcfLocal) // :2495
	}

	n.fibSelectPath(res, fl4, skb) // :2488
	devOut = res.nh().NhDev
	fl4.Oif = devOut.Ifindex
	return n.mkrouteOutput__(res, fl4, origOif, devOut, flags) // :2495
}

// mkrouteOutput__ makes the route of a lookup's result, or finds it where the
// last one left it.
func (n *Net) mkrouteOutput__(res *fibResult, fl4 *Flowi4, origOif int, devOut *core.NetDevice, flags uint32) (*Rtable, int) {
	kernel.Fentry3(&n.Kernel, origOif, devOut, flags) // __mkroute_output net/ipv4/route.c:2183

	inDev := inDevGet(devOut)
	loopback := devOut.Flags&core.IffLoopback != 0
	switch {
	case inDev == nil:
		return nil, -core.EINVAL
	case fl4.Saddr.IsLoopback() && !loopback && !inDev.routeLocalnet():
		return nil, -core.EINVAL
	}

	fi, typ := res.Fi, res.Type
	switch {
	case fl4.Daddr.IsBroadcast():
		typ = RtnBroadcast
	case fl4.Daddr.IsMulticast():
		typ = RtnMulticast
	case fl4.Daddr.IsZeronet():
		return nil, -core.EINVAL
	}
	if loopback {
		flags |= RtcfLocal
	}

	doCache := true
	switch {
	case typ == RtnBroadcast:
		flags |= RtcfBroadcast | RtcfLocal
		fi = nil
	case typ == RtnMulticast:
		flags |= RtcfMulticast | RtcfLocal
		if n.ipCheckMcRcu(inDev, fl4.Daddr, fl4.Saddr, fl4.Proto) == 0 { // :2216
			flags &^= RtcfLocal
		} else {
			doCache = false
		}
		if fi != nil && res.Prefixlen < 4 {
			fi = nil
		}
	case typ == RtnLocal && origOif != 0 && origOif != devOut.Ifindex:
		doCache = false
	}

	var fnhe *fibNhException
	doCache = doCache && fi != nil
	if fi != nil {
		nh := &fi.FibNh
		fnhe = n.findException(nh, fl4.Daddr) // :2247
		if doCache && fnhe == nil && fl4.Flags&FlowiFlagKnownNh != 0 && !(nh.NhGw != 0 && nh.NhScope == RtScopeLink) {
			doCache = false
		}
		if doCache {
			rth := nh.NhRthOutput
			if fnhe != nil {
				rth = fnhe.FnheRthOutput
			}
			if n.rtCacheValid(rth) { // :2263
				core.DstHold(&rth.DstEntry)
				return rth, 0
			}
		}
	}

	rth := n.rtDstAlloc(devOut, flags, typ, inDev.Cnf.Nopolicy, inDev.Cnf.Noxfrm, doCache) // :2268
	rth.RtIif = origOif
	if flags&(RtcfBroadcast|RtcfMulticast) != 0 && flags&RtcfLocal != 0 && !loopback {
		rth.Output = n.rt.ipMcOutput
	}
	n.rtSetNexthop(rth, fl4.Daddr, res, fnhe, fi, typ, 0, doCache) // :2296
	return rth, 0
}

// rtDstAlloc makes an empty route.
func (n *Net) rtDstAlloc(dev *core.NetDevice, flags uint32, typ uint8, nopolicy, noxfrm, willCache bool) *Rtable {
	kernel.Fentry5(&n.Kernel, dev, flags, typ, nopolicy, noxfrm) // rt_dst_alloc net/ipv4/route.c:1569

	rt := new(Rtable)
	var dflags uint16
	if !willCache {
		dflags |= core.DstHost
	}
	n.DstInit(&rt.DstEntry, &n.rt.ops, dev, 1, core.DstObsoleteForceChk, dflags) // :1569
	rt.RtGenid = n.rt.genid
	rt.RtFlags = flags
	rt.RtType = typ
	rt.Output = n.rt.ipOutput
	if flags&RtcfLocal != 0 {
		rt.Input = n.rt.ipLocalDeliver
	}
	return rt
}

// rtCacheValid reports whether a cached route may be used.
func (n *Net) rtCacheValid(rt *Rtable) bool {
	kernel.Fentry1(&n.Kernel, rt) // rt_cache_valid net/ipv4/route.c:1512

	return rt != nil && rt.Obsolete == core.DstObsoleteForceChk && !n.rtIsExpired(rt)
}

// rtIsExpired reports whether a route was made before the tables last changed
// (rt_is_expired).
func (n *Net) rtIsExpired(rt *Rtable) bool { return rt.RtGenid != n.rt.genid }

// rtCacheRoute leaves a route on its next hop, in place of the one there.
func (n *Net) rtCacheRoute(nh *fibNh, rt *Rtable) bool {
	kernel.Fentry1(&n.Kernel, rt) // rt_cache_route net/ipv4/route.c:1424

	p := &nh.NhRthOutput
	if rt.RtIsInput {
		p = &nh.NhRthInput
	}
	orig := *p
	core.DstHold(&rt.DstEntry)
	*p = rt
	if orig != nil {
		n.DstDevPut(&orig.DstEntry) // :1441
		n.DstRelease(&orig.DstEntry)
	}
	return true
}

// rtSetNexthop gives a route its gateway and metrics and caches it if it may be.
func (n *Net) rtSetNexthop(rt *Rtable, daddr wire.Addr, res *fibResult, fnhe *fibNhException, fi *fibInfo,
	typ uint8, itag uint32, doCache bool) {
	kernel.Fentry5(&n.Kernel, rt, daddr, typ, itag, doCache) // rt_set_nexthop net/ipv4/route.c:1523

	if fi == nil {
		return
	}
	nh := &fi.FibNh
	if nh.NhGw != 0 && nh.NhScope == RtScopeLink {
		rt.RtGateway = nh.NhGw
		rt.RtUsesGateway = true
	}
	rt.Metrics = fi.FibMetrics
	rt.RtMtuLocked = fi.FibMtuLock
	cached := false
	if fnhe != nil {
		cached = n.rtBindException(rt, fnhe, daddr, doCache) // :1539
	} else if doCache {
		cached = n.rtCacheRoute(nh, rt) // :1541
	}
	if !cached && rt.RtGateway == 0 {
		rt.RtGateway = daddr
	}
}

// ipRtGetSource is the address that an option of a packet along rt records.
func (n *Net) ipRtGetSource(skb *core.SkBuff, rt *Rtable) wire.Addr {
	kernel.Fentry2(&n.Kernel, skb, rt) // ip_rt_get_source net/ipv4/route.c:1220

	iph := skb.Ip()
	if !rt.RtIsInput {
		return iph.Src()
	}
	fl4 := Flowi4{Daddr: iph.Dst(), Saddr: iph.Src(), Tos: RtTos(iph.TOS()), Oif: rt.Dev.Ifindex, Iif: skb.Dev.Ifindex, Mark: skb.Mark}
	var res fibResult
	if n.fibLookup(&fl4, &res, 0) == 0 { // :1235
		addr, ok := res.prefsrc(n.rt.devAddrGenid)
		if !ok {
			addr = n.fibInfoUpdateNhSaddr(res.nh()) // :1236
		}
		return addr
	}
	return n.inetSelectAddr(rt.Dev, RtNexthop(rt, iph.Dst()), RtScopeUniverse) // :1238
}

const (
	addrLoopback = wire.Addr(127<<24 | 1)
	addrAny      = wire.Addr(0)
)

// isLocalMulticast reports whether an address is in 224.0.0.0/24
// (ipv4_is_local_multicast).
func isLocalMulticast(a wire.Addr) bool { return a>>8 == 0xe00000 }

// devGetByIndex is the device with an index, nil if there is none
// (dev_get_by_index_rcu).
func (n *Net) devGetByIndex(ifindex int) *core.NetDevice {
	for _, dev := range n.Devices {
		if dev != nil && dev.Ifindex == ifindex {
			return dev
		}
	}
	return nil
}
