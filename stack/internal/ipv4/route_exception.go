// Exceptions of next hops: path MTUs and redirects of single destinations
// (net/ipv4/route.c). A next hop keeps them in one list, in the order in which
// they were made; Linux hashes them into chains of at most six.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// fnheMax is how many exceptions one next hop keeps (FNHE_HASH_SIZE chains of
// FNHE_RECLAIM_DEPTH and one more).
const fnheMax = 2048 * (fnheReclaimDepth + 1)

// fnheFlushRoutes forgets the routes cached on an exception.
func (n *Net) fnheFlushRoutes(fnhe *fibNhException) {
	kernel.Fentry0(&n.Kernel) // fnhe_flush_routes net/ipv4/route.c:584

	if rt := fnhe.FnheRthInput; rt != nil {
		fnhe.FnheRthInput = nil
		n.DstDevPut(&rt.DstEntry) // :587
		n.DstRelease(&rt.DstEntry)
	}
	if rt := fnhe.FnheRthOutput; rt != nil {
		fnhe.FnheRthOutput = nil
		n.DstDevPut(&rt.DstEntry) // :593
		n.DstRelease(&rt.DstEntry)
	}
}

// fillRouteFromFnhe writes what was learnt into a route.
func (n *Net) fillRouteFromFnhe(rt *Rtable, fnhe *fibNhException) {
	kernel.Fentry1(&n.Kernel, rt) // fill_route_from_fnhe net/ipv4/route.c:624

	rt.RtPmtu = fnhe.FnhePmtu
	rt.RtMtuLocked = fnhe.FnheMtuLocked
	rt.Expires = fnhe.FnheExpires
	if fnhe.FnheGw != 0 {
		rt.RtFlags |= RtcfRedirected
		rt.RtGateway = fnhe.FnheGw
		rt.RtUsesGateway = true
	}
}

// updateOrCreateFnhe notes a gateway or a path MTU for daddr, until expires.
func (n *Net) updateOrCreateFnhe(nh *fibNh, daddr, gw wire.Addr, pmtu uint32, lock bool, expires uint64) {
	kernel.Fentry5(&n.Kernel, daddr, gw, pmtu, lock, expires) // update_or_create_fnhe net/ipv4/route.c:645

	var fnhe *fibNhException
	for _, f := range nh.NhExceptions {
		if f.FnheDaddr == daddr {
			fnhe = f
		}
	}
	if fnhe != nil {
		fnhe.FnheGenid = n.rt.fnheGenid
		if gw != 0 {
			fnhe.FnheGw = gw
		}
		if pmtu != 0 {
			fnhe.FnhePmtu, fnhe.FnheMtuLocked = pmtu, lock
		}
		fnhe.FnheExpires = max(expires, 1)
		if fnhe.FnheRthInput != nil {
			n.fillRouteFromFnhe(fnhe.FnheRthInput, fnhe) // :681
		}
		if fnhe.FnheRthOutput != nil {
			n.fillRouteFromFnhe(fnhe.FnheRthOutput, fnhe) // :684
		}
		fnhe.FnheStamp = n.Jiffies()
		return
	}

	if len(nh.NhExceptions) >= fnheMax {
		fnhe = n.fnheOldest(nh) // :687
	} else {
		fnhe = new(fibNhException)
		nh.NhExceptions = append(nh.NhExceptions, fnhe)
	}
	*fnhe = fibNhException{FnheDaddr: daddr, FnheGw: gw, FnhePmtu: pmtu, FnheMtuLocked: lock,
		FnheGenid: n.rt.fnheGenid, FnheExpires: max(expires, 1), FnheStamp: n.Jiffies()}
	// Whoever uses the next hop's cached routes must look them up again.
	if nh.NhRthInput != nil {
		nh.NhRthInput.Obsolete = core.DstObsoleteKill
	}
	if nh.NhRthOutput != nil {
		nh.NhRthOutput.Obsolete = core.DstObsoleteKill
	}
}

// fnheOldest empties the exception that was not used for the longest time.
func (n *Net) fnheOldest(nh *fibNh) *fibNhException {
	kernel.Fentry0(&n.Kernel) // fnhe_oldest net/ipv4/route.c:602

	oldest := nh.NhExceptions[0]
	for _, f := range nh.NhExceptions {
		if timeAfter(oldest.FnheStamp, f.FnheStamp) {
			oldest = f
		}
	}
	n.fnheFlushRoutes(oldest) // :608
	return oldest
}

// ipDelFnhe forgets what was learnt of daddr.
func (n *Net) ipDelFnhe(nh *fibNh, daddr wire.Addr) {
	kernel.Fentry1(&n.Kernel, daddr) // ip_del_fnhe net/ipv4/route.c:1292

	for i, f := range nh.NhExceptions {
		if f.FnheDaddr == daddr {
			nh.NhExceptions = append(nh.NhExceptions[:i], nh.NhExceptions[i+1:]...)
			n.fnheFlushRoutes(f) // :1306
			return
		}
	}
}

// findException is what was learnt of daddr, nil if nothing.
func (n *Net) findException(nh *fibNh, daddr wire.Addr) *fibNhException {
	kernel.Fentry1(&n.Kernel, daddr) // find_exception net/ipv4/route.c:1320

	for _, f := range nh.NhExceptions {
		if f.FnheDaddr != daddr {
			continue
		}
		if f.FnheExpires != 0 && timeAfter(n.Jiffies(), f.FnheExpires) {
			n.ipDelFnhe(nh, daddr) // :1334
			return nil
		}
		return f
	}
	return nil
}

// rtBindException applies an exception to a new route and caches the route on it.
func (n *Net) rtBindException(rt *Rtable, fnhe *fibNhException, daddr wire.Addr, doCache bool) bool {
	kernel.Fentry3(&n.Kernel, rt, daddr, doCache) // rt_bind_exception net/ipv4/route.c:1377

	if daddr != fnhe.FnheDaddr {
		return false
	}
	if fnhe.FnheGenid != n.rt.fnheGenid {
		fnhe.FnheGenid = n.rt.fnheGenid
		fnhe.FnheGw, fnhe.FnhePmtu, fnhe.FnheExpires, fnhe.FnheMtuLocked = 0, 0, 0, false
		n.fnheFlushRoutes(fnhe) // :1398
	}
	n.fillRouteFromFnhe(rt, fnhe) // :1401
	if rt.RtGateway == 0 {
		rt.RtGateway = daddr
	}
	if doCache {
		p := &fnhe.FnheRthOutput
		if rt.RtIsInput {
			p = &fnhe.FnheRthInput
		}
		orig := *p
		core.DstHold(&rt.DstEntry)
		*p = rt
		if orig != nil {
			n.DstDevPut(&orig.DstEntry) // :1409
			n.DstRelease(&orig.DstEntry)
		}
	}
	fnhe.FnheStamp = n.Jiffies()
	return doCache
}
