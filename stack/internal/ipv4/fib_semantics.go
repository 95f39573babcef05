// What routes mean: their next hops, and what happens to them when devices and
// addresses come and go (net/ipv4/fib_semantics.c). Left out: multipath routes,
// netlink messages, and the hash tables over what is a short list here.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const rtnhCompareMask = RtnhFDead | RtnhFLinkdown

// fibProps says of each route type the error that it stands for and the widest
// scope that it may have (fib_props).
var fibProps = [rtnMax + 1]struct {
	err   int
	scope uint8
}{
	RtnUnspec:      {0, RtScopeNowhere},
	RtnUnicast:     {0, RtScopeUniverse},
	RtnLocal:       {0, RtScopeHost},
	RtnBroadcast:   {0, RtScopeLink},
	RtnAnycast:     {0, RtScopeLink},
	RtnMulticast:   {0, RtScopeUniverse},
	RtnBlackhole:   {-core.EINVAL, RtScopeUniverse},
	RtnUnreachable: {-core.EHOSTUNREACH, RtScopeUniverse},
	RtnProhibit:    {-core.EACCES, RtScopeUniverse},
	RtnThrow:       {-core.EAGAIN, RtScopeUniverse},
	10:             {-core.EINVAL, RtScopeNowhere},
	11:             {-core.EINVAL, RtScopeNowhere},
}

// freeFibInfo lets go of the routes cached for a fib_info.
func (n *Net) freeFibInfo(fi *fibInfo) {
	kernel.Fentry0(&n.Kernel) // free_fib_info net/ipv4/fib_semantics.c:228

	nh := &fi.FibNh
	for _, fnhe := range nh.NhExceptions {
		n.fnheFlushRoutes(fnhe) // :216
	}
	nh.NhExceptions = nil
	n.rtFibinfoFree(&nh.NhRthOutput) // :217
	n.rtFibinfoFree(&nh.NhRthInput)  // :218
}

// rtFibinfoFree lets go of a route cached for a next hop.
func (n *Net) rtFibinfoFree(rtp **Rtable) {
	kernel.Fentry0(&n.Kernel) // rt_fibinfo_free net/ipv4/fib_semantics.c:146

	rt := *rtp
	if rt == nil {
		return
	}
	*rtp = nil
	n.DstDevPut(&rt.DstEntry) // :156
	n.DstRelease(&rt.DstEntry)
}

// fibReleaseInfo drops a route's reference to its fib_info.
func (n *Net) fibReleaseInfo(fi *fibInfo) {
	kernel.Fentry0(&n.Kernel) // fib_release_info net/ipv4/fib_semantics.c:245

	if fi.FibTreeref--; fi.FibTreeref > 0 {
		return
	}
	for i, f := range n.fib.infos {
		if f == fi {
			n.fib.infos = append(n.fib.infos[:i], n.fib.infos[i+1:]...)
			break
		}
	}
	fi.FibDead = true
	n.freeFibInfo(fi) // include/net/ip_fib.h:449
}

// fibFindInfo is the fib_info in use that equals nfi, nil if there is none
// (fib_find_info, nh_comp).
func (n *Net) fibFindInfo(nfi *fibInfo) *fibInfo {
	for _, fi := range n.fib.infos {
		a, b := &fi.FibNh, &nfi.FibNh
		if fi.FibProtocol == nfi.FibProtocol && fi.FibScope == nfi.FibScope && fi.FibPrefsrc == nfi.FibPrefsrc &&
			fi.FibPriority == nfi.FibPriority && fi.FibType == nfi.FibType && fi.FibMetrics == nfi.FibMetrics &&
			fi.FibMtuLock == nfi.FibMtuLock && (fi.FibFlags^nfi.FibFlags)&^rtnhCompareMask == 0 &&
			a.NhOif == b.NhOif && a.NhGw == b.NhGw && a.NhScope == b.NhScope && (a.NhFlags^b.NhFlags)&^rtnhCompareMask == 0 {
			return fi
		}
	}
	return nil
}

// fibNhMatch reports whether a route is as cfg asks, where it asks
// (fib_nh_match).
func fibNhMatch(cfg *FibConfig, fi *fibInfo) bool {
	return (cfg.Priority == 0 || cfg.Priority == fi.FibPriority) &&
		(cfg.Oif == 0 || cfg.Oif == fi.FibNh.NhOif) && (cfg.Gw == 0 || cfg.Gw == fi.FibNh.NhGw)
}

// fibMetricsMatch is the same for metrics (fib_metrics_match).
func fibMetricsMatch(cfg *FibConfig, fi *fibInfo) bool {
	for i, v := range cfg.Metrics {
		if v != 0 && v != fi.FibMetrics[i] {
			return false
		}
	}
	return true
}

// fibCheckNh finds the device of a next hop: EINVAL, ENODEV, ENETDOWN or
// ENETUNREACH if that does not work.
func (n *Net) fibCheckNh(cfg *FibConfig, nh *fibNh) int {
	kernel.Fentry0(&n.Kernel) // fib_check_nh net/ipv4/fib_semantics.c:781

	if nh.NhGw == 0 {
		if nh.NhFlags&RtnhFOnlink != 0 {
			return -core.EINVAL
		}
		dev := n.devGetByIndex(nh.NhOif)
		switch {
		case dev == nil || inDevGet(dev) == nil:
			return -core.ENODEV
		case dev.Flags&core.IffUp == 0:
			return -core.ENETDOWN
		}
		nh.NhDev = dev
		nh.NhScope = RtScopeHost
		nh.markCarrier()
		return 0
	}
	if nh.NhFlags&RtnhFOnlink != 0 {
		dev := n.devGetByIndex(nh.NhOif)
		switch {
		case cfg.Scope >= RtScopeLink:
			return -core.EINVAL
		case dev == nil:
			return -core.ENODEV
		case dev.Flags&core.IffUp == 0:
			return -core.ENETDOWN
		}
		if n.inetAddrTypeDevTable(dev, nh.NhGw) != RtnUnicast { // :807
			return -core.EINVAL
		}
		nh.NhDev = dev
		nh.NhScope = RtScopeLink
		nh.markCarrier()
		return 0
	}
	fl4 := Flowi4{Daddr: nh.NhGw, Scope: max(cfg.Scope+1, RtScopeLink), Oif: nh.NhOif, Iif: loopbackIfindex}
	var res fibResult
	err := -core.EAGAIN
	if tbl := n.fibGetTable(cfg.Table); tbl != nil {
		err = n.fibTableLookup(tbl, &fl4, &res, FibLookupIgnoreLinkstate|FibLookupNoref) // :838
	}
	if err != 0 {
		err = n.fibLookup(&fl4, &res, FibLookupIgnoreLinkstate) // :847
	}
	switch {
	case err != 0:
		return err
	case res.Type != RtnUnicast && res.Type != RtnLocal:
		return -core.EINVAL
	case res.nh().NhDev.Flags&core.IffUp == 0:
		return -core.ENETDOWN
	}
	nh.NhScope = res.Scope
	nh.NhOif = res.nh().NhOif
	nh.NhDev = res.nh().NhDev
	nh.markCarrier()
	return 0
}

// markCarrier notes that a next hop's device has no carrier.
func (nh *fibNh) markCarrier() {
	if !nh.NhDev.Carrier {
		nh.NhFlags |= RtnhFLinkdown
	}
}

// fibInfoUpdateNhSaddr chooses the source address for packets to a next hop.
func (n *Net) fibInfoUpdateNhSaddr(nh *fibNh) wire.Addr {
	kernel.Fentry0(&n.Kernel) // fib_info_update_nh_saddr net/ipv4/fib_semantics.c:989

	nh.NhSaddr = n.inetSelectAddr(nh.NhDev, nh.NhGw, int(nh.NhParent.FibScope)) // :989
	nh.NhSaddrGenid = n.rt.devAddrGenid
	return nh.NhSaddr
}

// fibValidPrefsrc reports whether a route's preferred source is one of our
// addresses.
func (n *Net) fibValidPrefsrc(cfg *FibConfig, fibPrefsrc wire.Addr) bool {
	kernel.Fentry1(&n.Kernel, fibPrefsrc) // fib_valid_prefsrc net/ipv4/fib_semantics.c:999

	if cfg.Type == RtnLocal && cfg.Dst != 0 && fibPrefsrc == cfg.Dst {
		return true
	}
	tbId := cfg.Table
	if tbId == RtTableMain {
		tbId = RtTableLocal
	}
	rc := n.inetAddrTypeTable(fibPrefsrc, tbId) // :1007
	if rc != RtnLocal && tbId != RtTableLocal {
		rc = n.inetAddrTypeTable(fibPrefsrc, RtTableLocal) // :1011
	}
	return rc == RtnLocal
}

// fibCreateInfo makes what cfg says of a route, or finds it in use, with a
// reference for the caller.
func (n *Net) fibCreateInfo(cfg *FibConfig) (*fibInfo, int) {
	kernel.Fentry0(&n.Kernel) // fib_create_info net/ipv4/fib_semantics.c:1023

	if cfg.Type > rtnMax || fibProps[cfg.Type].scope > cfg.Scope || cfg.Flags&(RtnhFDead|RtnhFLinkdown) != 0 {
		return nil, -core.EINVAL
	}
	fi := &fibInfo{FibProtocol: cfg.Protocol, FibScope: cfg.Scope, FibFlags: cfg.Flags, FibPriority: cfg.Priority,
		FibPrefsrc: cfg.Prefsrc, FibType: cfg.Type, FibTbId: cfg.Table, FibMetrics: cfg.Metrics, FibMtuLock: cfg.MtuLock}
	nh := &fi.FibNh
	nh.NhParent = fi
	nh.NhOif, nh.NhGw, nh.NhFlags = cfg.Oif, cfg.Gw, cfg.Flags

	switch {
	case fibProps[cfg.Type].err != 0:
		if cfg.Gw != 0 || cfg.Oif != 0 {
			return nil, -core.EINVAL
		}
		return n.linkFibInfo(fi), 0
	case cfg.Type == RtnUnspec || cfg.Type > RtnMulticast || cfg.Scope > RtScopeHost:
		return nil, -core.EINVAL
	case cfg.Scope == RtScopeHost:
		if nh.NhGw != 0 {
			return nil, -core.EINVAL
		}
		nh.NhScope = RtScopeNowhere
		if nh.NhDev = n.devGetByIndex(nh.NhOif); nh.NhDev == nil {
			return nil, -core.ENODEV
		}
	default:
		if err := n.fibCheckNh(cfg, nh); err != 0 { // :1212
			return nil, err
		}
		fi.FibFlags |= nh.NhFlags & RtnhFLinkdown
	}
	if fi.FibPrefsrc != 0 && !n.fibValidPrefsrc(cfg, fi.FibPrefsrc) { // :1222
		return nil, -core.EINVAL
	}
	n.fibInfoUpdateNhSaddr(nh) // :1228
	return n.linkFibInfo(fi), 0
}

// linkFibInfo returns an equal fib_info in use, or takes fi into use.
func (n *Net) linkFibInfo(fi *fibInfo) *fibInfo {
	if ofi := n.fibFindInfo(fi); ofi != nil {
		ofi.FibTreeref++
		return ofi
	}
	fi.FibTreeref = 1
	n.fib.infos = append(n.fib.infos, fi)
	return fi
}

// fibSyncDownAddr marks the routes that prefer a source that is gone, and says
// how many.
func (n *Net) fibSyncDownAddr(dev *core.NetDevice, local wire.Addr) int {
	kernel.Fentry2(&n.Kernel, dev, local) // fib_sync_down_addr net/ipv4/fib_semantics.c:1408

	ret := 0
	for _, fi := range n.fib.infos {
		if local != 0 && fi.FibPrefsrc == local {
			fi.FibFlags |= RtnhFDead
			ret++
		}
	}
	return ret
}

// fibSyncDownDev marks the routes through a device that went down or lost its
// carrier (event); force includes its local addresses. It says how many.
func (n *Net) fibSyncDownDev(dev *core.NetDevice, event int, force bool) int {
	kernel.Fentry3(&n.Kernel, dev, event, force) // fib_sync_down_dev net/ipv4/fib_semantics.c:1518

	flags := uint32(RtnhFDead | RtnhFLinkdown)
	if event == core.NetdevChange {
		flags = RtnhFLinkdown
	}
	ret := 0
	for _, fi := range n.fib.infos {
		nh := &fi.FibNh
		if nh.NhDev != dev || nh.NhFlags&RtnhFDead == 0 && nh.NhScope == RtScopeNowhere && !force {
			continue
		}
		nh.NhFlags |= flags
		fi.FibFlags |= flags
		ret++
	}
	return ret
}

// fibSyncUp brings the routes through a device back to life, and says how many.
func (n *Net) fibSyncUp(dev *core.NetDevice, nhFlags uint32) int {
	kernel.Fentry2(&n.Kernel, dev, nhFlags) // fib_sync_up net/ipv4/fib_semantics.c:1669

	if dev.Flags&core.IffUp == 0 || inDevGet(dev) == nil {
		return 0
	}
	if nhFlags&RtnhFDead != 0 && dev.Carrier {
		nhFlags |= RtnhFLinkdown
	}
	ret := 0
	for _, fi := range n.fib.infos {
		if nh := &fi.FibNh; nh.NhDev == dev {
			nh.NhFlags &^= nhFlags
			fi.FibFlags &^= nhFlags
			ret++
		}
	}
	return ret
}

// fibSyncMtu corrects path MTUs behind a device whose own MTU changed.
func (n *Net) fibSyncMtu(dev *core.NetDevice, origMtu uint32) {
	kernel.Fentry2(&n.Kernel, dev, origMtu) // fib_sync_mtu net/ipv4/fib_semantics.c:1500

	mtu := uint32(dev.Mtu)
	for _, fi := range n.fib.infos {
		if fi.FibNh.NhDev != dev {
			continue
		}
		for _, fnhe := range fi.FibNh.NhExceptions {
			if fnhe.FnheMtuLocked {
				if mtu <= fnhe.FnhePmtu {
					fnhe.FnhePmtu, fnhe.FnheMtuLocked = mtu, false
				}
			} else if mtu < fnhe.FnhePmtu || origMtu == fnhe.FnhePmtu {
				fnhe.FnhePmtu = mtu
			}
		}
	}
}

// deadState is what choosing between default routes remembers.
type deadState struct {
	lastResort *fibInfo
	lastIdx    int
}

// fibDetectDeath reports whether the gateway of a default route seems to be
// dead (fib_detect_death).
func (n *Net) fibDetectDeath(fi *fibInfo, order int, last *deadState, dflt int) bool {
	neigh := n.Ipv4NeighLookupNoref__(fi.FibNh.NhDev, fi.FibNh.NhGw)
	if neigh == nil || neigh.NudState == core.NudReachable {
		return false
	}
	valid := neigh.NudState&core.NudValid != 0
	if valid && order != dflt {
		return false
	}
	if valid || last.lastIdx < 0 && order > dflt && neigh.NudState != core.NudIncomplete {
		last.lastResort, last.lastIdx = fi, order
	}
	return true
}

// fibSelectDefault chooses between default routes of one metric: the first whose
// gateway is not known to be dead.
func (n *Net) fibSelectDefault(flp *Flowi4, res *fibResult) {
	kernel.Fentry0(&n.Kernel) // fib_select_default net/ipv4/fib_semantics.c:1585

	var fi *fibInfo
	var fa1 *fibAlias
	last := deadState{lastIdx: -1}
	order := -1
	lastPrio, lastTos := res.Fi.FibPriority, uint8(0)
	for _, fa := range res.FaHead.aliases {
		next := fa.FaInfo
		if fa.FaTos != 0 && fa.FaTos != flp.Tos || fa.TbId != res.Table.TbId {
			continue
		}
		if next.FibPriority > lastPrio && fa.FaTos == lastTos {
			if lastTos != 0 {
				continue
			}
			break
		}
		if next.FibFlags&RtnhFDead != 0 {
			continue
		}
		lastTos, lastPrio = fa.FaTos, next.FibPriority
		if next.FibScope != res.Scope || fa.FaType != RtnUnicast || next.FibNh.NhGw == 0 || next.FibNh.NhScope != RtScopeLink {
			continue
		}
		fa.FaState |= faSAccessed
		if fi == nil {
			if next != res.Fi {
				break
			}
			fa1 = fa
		} else if !n.fibDetectDeath(fi, order, &last, int(fa1.FaDefault)) {
			res.Fi, fa1.FaDefault = fi, int16(order)
			return
		}
		fi = next
		order++
	}
	switch {
	case order <= 0 || fi == nil:
		if fa1 != nil {
			fa1.FaDefault = -1
		}
	case !n.fibDetectDeath(fi, order, &last, int(fa1.FaDefault)):
		res.Fi, fa1.FaDefault = fi, int16(order)
	default:
		if last.lastIdx >= 0 {
			res.Fi = last.lastResort
		}
		fa1.FaDefault = int16(last.lastIdx)
	}
}

// fibSelectPath settles which of several routes a flow takes, and its source
// address.
func (n *Net) fibSelectPath(res *fibResult, fl4 *Flowi4, skb *core.SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // fib_select_path net/ipv4/fib_semantics.c:1770

	if fl4.Oif == 0 && res.Prefixlen == 0 && res.Table.TbNumDefault > 1 && res.Type == RtnUnicast {
		n.fibSelectDefault(fl4, res) // :1784
	}
	if fl4.Saddr == 0 {
		addr, ok := res.prefsrc(n.rt.devAddrGenid)
		if !ok {
			addr = n.fibInfoUpdateNhSaddr(res.nh()) // :1788
		}
		fl4.Saddr = addr
	}
}
