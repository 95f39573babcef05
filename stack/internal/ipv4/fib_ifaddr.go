// The routes that come and go with addresses and devices
// (net/ipv4/fib_frontend.c).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// fibMagic adds or deletes (cmd) a route that an address brings.
func (n *Net) fibMagic(cmd, typ int, dst wire.Addr, dstLen int, ifa *InIfaddr, rtPriority uint32) {
	kernel.Fentry5(&n.Kernel, cmd, typ, dst, dstLen, ifa) // fib_magic net/ipv4/fib_frontend.c:961

	cfg := FibConfig{Protocol: RtprotKernel, Type: uint8(typ), Dst: dst, DstLen: uint8(dstLen), Priority: rtPriority,
		Prefsrc: ifa.IfaLocal, Oif: ifa.IfaDev.Dev.Ifindex, Nlflags: NlmFCreate | NlmFAppend}
	tb := n.fib.local
	if typ == RtnUnicast {
		tb = n.fib.main
	}
	cfg.Table = tb.TbId
	cfg.Scope = RtScopeLink
	if typ == RtnLocal {
		cfg.Scope = RtScopeHost
	}
	if cmd == rtmNewroute {
		n.fibTableInsert(tb, &cfg) // :996
	} else {
		n.fibTableDelete(tb, &cfg) // :998
	}
}

// prefixRtn is the type of the route to the subnet of a device's address.
func prefixRtn(dev *core.NetDevice) int {
	if dev.Flags&core.IffLoopback != 0 {
		return RtnLocal
	}
	return RtnUnicast
}

// fibAddIfaddr adds the routes of an address: the local one and, if the device
// is up, those to its subnet and broadcast addresses.
func (n *Net) fibAddIfaddr(ifa *InIfaddr) {
	kernel.Fentry1(&n.Kernel, ifa) // fib_add_ifaddr net/ipv4/fib_frontend.c:1003

	inDev := ifa.IfaDev
	dev := inDev.Dev
	prim := ifa
	mask, addr := ifa.IfaMask, ifa.IfaLocal
	prefix := ifa.IfaAddress & mask
	secondary := ifa.IfaFlags&IfaFSecondary != 0
	if secondary {
		if prim = n.inetIfaByprefix(inDev, prefix, mask); prim == nil {
			return
		}
	}
	n.fibMagic(rtmNewroute, RtnLocal, addr, 32, prim, 0) // :1018
	if dev.Flags&core.IffUp == 0 {
		return
	}
	if ifa.IfaBroadcast != 0 && !ifa.IfaBroadcast.IsBroadcast() {
		n.fibMagic(rtmNewroute, RtnBroadcast, ifa.IfaBroadcast, 32, prim, 0) // :1025
	}
	if !prefix.IsZeronet() && !secondary && (prefix != addr || ifa.IfaPrefixlen < 32) {
		if ifa.IfaFlags&IfaFNoprefixroute == 0 {
			n.fibMagic(rtmNewroute, prefixRtn(dev), prefix, ifa.IfaPrefixlen, prim, ifa.IfaRtPriority) // :1031
		}
		if ifa.IfaPrefixlen < 31 {
			n.fibMagic(rtmNewroute, RtnBroadcast, prefix, 32, prim, 0)       // :1038
			n.fibMagic(rtmNewroute, RtnBroadcast, prefix|^mask, 32, prim, 0) // :1040
		}
	}
}

// What the addresses that remain still need, when one goes.
const (
	localOk = 1 << iota
	brdOk
	brd0Ok
	brd1Ok
)

// fibDelIfaddr deletes the routes of an address that no other address needs.
// With iprim, whose subnet is about to get another primary address, that
// subnet's addresses count as gone.
func (n *Net) fibDelIfaddr(ifa, iprim *InIfaddr) {
	kernel.Fentry2(&n.Kernel, ifa, iprim) // fib_del_ifaddr net/ipv4/fib_frontend.c:1076

	inDev := ifa.IfaDev
	dev := inDev.Dev
	prim := ifa
	brd, any := ifa.IfaAddress|^ifa.IfaMask, ifa.IfaAddress&ifa.IfaMask
	subnet := false
	if ifa.IfaFlags&IfaFSecondary != 0 {
		prim = n.inetIfaByprefix(inDev, any, ifa.IfaMask)
		if prim == nil || iprim != nil && iprim != prim {
			return
		}
	} else if !any.IsZeronet() && (any != ifa.IfaLocal || ifa.IfaPrefixlen < 32) {
		if ifa.IfaFlags&IfaFNoprefixroute == 0 {
			n.fibMagic(rtmDelroute, prefixRtn(dev), any, ifa.IfaPrefixlen, prim, 0) // :1108
		}
		subnet = true
	}
	var ok int
	gone := true
	if !inDev.Dead {
		ok, gone = n.stillNeeded(ifa, iprim, prim, brd, any)
	}
	if ok&brdOk == 0 {
		n.fibMagic(rtmDelroute, RtnBroadcast, ifa.IfaBroadcast, 32, prim, 0) // :1194
	}
	if subnet && ifa.IfaPrefixlen < 31 {
		if ok&brd1Ok == 0 {
			n.fibMagic(rtmDelroute, RtnBroadcast, brd, 32, prim, 0) // :1198
		}
		if ok&brd0Ok == 0 {
			n.fibMagic(rtmDelroute, RtnBroadcast, any, 32, prim, 0) // :1201
		}
	}
	if ok&localOk == 0 {
		n.fibMagic(rtmDelroute, RtnLocal, ifa.IfaLocal, 32, prim, 0)       // :1207
		if gone && n.inetAddrTypeDevTable(dev, ifa.IfaLocal) != RtnLocal { // :1210
			// Nothing prefers a source address that is no more.
			if n.fibSyncDownAddr(dev, ifa.IfaLocal) != 0 { // :1219
				n.fibFlush() // :1220
			}
		}
	}
}

// stillNeeded says which routes of ifa other addresses of the device use, and
// whether ifa is off the device.
func (n *Net) stillNeeded(ifa, iprim, prim *InIfaddr, brd, any wire.Addr) (ok int, gone bool) {
	gone = true
	samePrefsrc := false
	var prim1 *InIfaddr
	for ifa1 := ifa.IfaDev.IfaList; ifa1 != nil; ifa1 = ifa1.IfaNext {
		if ifa1 == ifa {
			gone = false
			continue
		}
		if iprim != nil && ifa1.IfaMask == iprim.IfaMask && inetIfaMatch(ifa1.IfaAddress, iprim) {
			continue
		}
		if ifa1.IfaFlags&IfaFSecondary != 0 {
			switch {
			case ifa1.IfaMask == prim.IfaMask && inetIfaMatch(ifa1.IfaAddress, prim):
				prim1 = prim
			case !samePrefsrc:
				continue
			default:
				if prim1 == nil || ifa1.IfaMask != prim1.IfaMask || !inetIfaMatch(ifa1.IfaAddress, prim1) {
					prim1 = n.inetIfaByprefix(ifa.IfaDev, ifa1.IfaAddress, ifa1.IfaMask)
				}
				if prim1 == nil || prim1.IfaLocal != prim.IfaLocal {
					continue
				}
			}
		} else {
			if prim.IfaLocal != ifa1.IfaLocal {
				continue
			}
			prim1 = ifa1
			if prim != prim1 {
				samePrefsrc = true
			}
		}
		if ifa.IfaLocal == ifa1.IfaLocal {
			ok |= localOk
		}
		ok |= broadcastsCovered(ifa, brd, any, ifa1.IfaBroadcast, ifa1.IfaBroadcast)
		if prim1 == ifa1 && ifa1.IfaPrefixlen < 31 {
			if any1 := ifa1.IfaAddress & ifa1.IfaMask; !any1.IsZeronet() {
				ok |= broadcastsCovered(ifa, brd, any, ifa1.IfaAddress|^ifa1.IfaMask, any1)
			}
		}
	}
	return ok, gone
}

// broadcastsCovered says which broadcast routes of ifa are those to a or b.
func broadcastsCovered(ifa *InIfaddr, brd, any, a, b wire.Addr) (ok int) {
	if ifa.IfaBroadcast == a || ifa.IfaBroadcast == b {
		ok |= brdOk
	}
	if brd == a || brd == b {
		ok |= brd1Ok
	}
	if any == a || any == b {
		ok |= brd0Ok
	}
	return ok
}

// fibDisableIp takes out what went through a device.
func (n *Net) fibDisableIp(dev *core.NetDevice, event int, force bool) {
	kernel.Fentry3(&n.Kernel, dev, event, force) // fib_disable_ip net/ipv4/fib_frontend.c:1315

	if n.fibSyncDownDev(dev, event, force) != 0 { // :1315
		n.fibFlush() // :1316
	} else {
		n.rtCacheFlush() // :1318
	}
	n.arpIfdown(dev) // :1319
}

// fibInetaddrEvent hears of addresses that came or went.
func (n *Net) fibInetaddrEvent(event int, ifa *InIfaddr) {
	kernel.Fentry2(&n.Kernel, event, ifa) // fib_inetaddr_event net/ipv4/fib_frontend.c:1324

	dev := ifa.IfaDev.Dev
	switch event {
	case core.NetdevUp:
		n.fibAddIfaddr(ifa)         // :1330
		n.fibSyncUp(dev, RtnhFDead) // :1332
		n.rt.devAddrGenid++
		n.rtCacheFlush() // :1335
	case core.NetdevDown:
		n.fibDelIfaddr(ifa, nil) // :1338
		n.rt.devAddrGenid++
		if ifa.IfaDev.IfaList == nil {
			n.fibDisableIp(dev, event, true) // :1344
		} else {
			n.rtCacheFlush() // :1346
		}
	}
}

// fibNetdevEvent hears of devices that change.
func (n *Net) fibNetdevEvent(event int, dev *core.NetDevice) {
	kernel.Fentry2(&n.Kernel, event, dev) // fib_netdev_event net/ipv4/fib_frontend.c:1355

	if event == core.NetdevUnregister {
		n.fibDisableIp(dev, event, true) // :1363
		return
	}
	inDev := inDevGet(dev)
	if inDev == nil {
		return
	}
	switch event {
	case core.NetdevUp:
		for ifa := inDev.IfaList; ifa != nil; ifa = ifa.IfaNext {
			n.fibAddIfaddr(ifa) // :1375
		}
		n.fibSyncUp(dev, RtnhFDead) // :1378
		n.rt.devAddrGenid++
		n.rtCacheFlush() // :1381
	case core.NetdevDown:
		n.fibDisableIp(dev, event, false) // :1384
	case core.NetdevChange:
		if dev.Carrier {
			n.fibSyncUp(dev, RtnhFLinkdown) // :1389
		} else {
			n.fibSyncDownDev(dev, event, false) // :1391
		}
		n.rtCacheFlush() // :1392
	case core.NetdevChangemtu:
		n.fibSyncMtu(dev, 0) // :1395
		n.rtCacheFlush()     // :1396
	}
}
