// How addresses change: ifconfig, ip addr, devices that come up
// (net/ipv4/devinet.c).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Commands of devinet_ioctl (include/uapi/linux/sockios.h).
const (
	SIOCGIFFLAGS   = 0x8913
	SIOCSIFFLAGS   = 0x8914
	SIOCGIFADDR    = 0x8915
	SIOCSIFADDR    = 0x8916
	SIOCGIFDSTADDR = 0x8917
	SIOCSIFDSTADDR = 0x8918
	SIOCGIFBRDADDR = 0x8919
	SIOCSIFBRDADDR = 0x891a
	SIOCGIFNETMASK = 0x891b
	SIOCSIFNETMASK = 0x891c
)

// Ifreq is the argument of an interface ioctl (struct ifreq).
type Ifreq struct {
	IfrName  string
	IfrAddr  wire.Addr
	IfrFlags uint32
}

// inetDelIfa__ takes the address at *ifap off its device, and its secondary
// addresses with it unless one of them is promoted.
func (n *Net) inetDelIfa__(inDev *InDevice, ifap **InIfaddr, destroy bool) {
	kernel.Fentry2(&n.Kernel, inDev, destroy) // __inet_del_ifa net/ipv4/devinet.c:346

	ifa1 := *ifap
	var promote, prevProm *InIfaddr
	lastPrim := inDev.IfaList
	if !inDev.Dead && ifa1.IfaFlags&IfaFSecondary == 0 {
		for p := &ifa1.IfaNext; *p != nil; {
			ifa := *p
			secondary := ifa.IfaFlags&IfaFSecondary != 0
			if !secondary && ifa1.IfaScope <= ifa.IfaScope {
				lastPrim = ifa
			}
			if !secondary || ifa1.IfaMask != ifa.IfaMask || !inetIfaMatch(ifa1.IfaAddress, ifa) {
				p = &ifa.IfaNext
				prevProm = ifa
				continue
			}
			if inDev.promoteSecondaries() {
				promote = ifa
				break
			}
			n.inetHashRemove(ifa)
			*p = ifa.IfaNext
			n.fibInetaddrEvent(core.NetdevDown, ifa) // :382
		}
		for ifa := promote; ifa != nil; ifa = ifa.IfaNext {
			if ifa1.IfaMask == ifa.IfaMask && inetIfaMatch(ifa1.IfaAddress, ifa) {
				n.fibDelIfaddr(ifa, ifa1) // :400
			}
		}
	}
	*ifap = ifa1.IfaNext
	n.inetHashRemove(ifa1)
	n.fibInetaddrEvent(core.NetdevDown, ifa1) // :420
	if promote == nil {
		return
	}
	nextSec := promote.IfaNext
	if prevProm != nil {
		prevProm.IfaNext = promote.IfaNext
		promote.IfaNext = lastPrim.IfaNext
		lastPrim.IfaNext = promote
	}
	promote.IfaFlags &^= IfaFSecondary
	n.fibInetaddrEvent(core.NetdevUp, promote) // :433
	for ifa := nextSec; ifa != nil; ifa = ifa.IfaNext {
		if ifa1.IfaMask == ifa.IfaMask && inetIfaMatch(ifa1.IfaAddress, ifa) {
			n.fibAddIfaddr(ifa) // :439
		}
	}
}

// inetDelIfa is inetDelIfa__ without a message to answer.
func (n *Net) inetDelIfa(inDev *InDevice, ifap **InIfaddr, destroy bool) {
	kernel.Fentry2(&n.Kernel, inDev, destroy) // inet_del_ifa net/ipv4/devinet.c:450

	n.inetDelIfa__(inDev, ifap, destroy) // :450
}

// inetInsertIfa__ puts an address on its device: as a secondary one if the
// device has one in the subnet. EEXIST if it is there, EINVAL if its scope is
// not that of its subnet.
func (n *Net) inetInsertIfa__(ifa *InIfaddr) int {
	kernel.Fentry1(&n.Kernel, ifa) // __inet_insert_ifa net/ipv4/devinet.c:460

	if ifa.IfaLocal == 0 {
		return 0
	}
	inDev := ifa.IfaDev
	ifa.IfaFlags &^= IfaFSecondary
	lastPrimary := &inDev.IfaList
	ifap := &inDev.IfaList
	for ; *ifap != nil; ifap = &(*ifap).IfaNext {
		ifa1 := *ifap
		if ifa1.IfaFlags&IfaFSecondary == 0 && ifa.IfaScope <= ifa1.IfaScope {
			lastPrimary = &ifa1.IfaNext
		}
		if ifa1.IfaMask == ifa.IfaMask && inetIfaMatch(ifa1.IfaAddress, ifa) {
			if ifa1.IfaLocal == ifa.IfaLocal {
				return -core.EEXIST
			}
			if ifa1.IfaScope != ifa.IfaScope {
				return -core.EINVAL
			}
			ifa.IfaFlags |= IfaFSecondary
		}
	}
	if ifa.IfaFlags&IfaFSecondary == 0 {
		ifap = lastPrimary
	}
	ifa.IfaNext = *ifap
	*ifap = ifa
	n.inetHashInsert(ifa)
	n.fibInetaddrEvent(core.NetdevUp, ifa) // :529
	return 0
}

// inetInsertIfa is inetInsertIfa__ without a message to answer.
func (n *Net) inetInsertIfa(ifa *InIfaddr) int {
	kernel.Fentry1(&n.Kernel, ifa) // inet_insert_ifa net/ipv4/devinet.c:536

	return n.inetInsertIfa__(ifa) // :536
}

// inetSetIfa gives a device an address.
func (n *Net) inetSetIfa(dev *core.NetDevice, ifa *InIfaddr) int {
	kernel.Fentry2(&n.Kernel, dev, ifa) // inet_set_ifa net/ipv4/devinet.c:541

	inDev := inDevGet(dev)
	if inDev == nil {
		return -core.ENOBUFS
	}
	ifa.IfaDev = inDev
	if ifa.IfaLocal.IsLoopback() {
		ifa.IfaScope = RtScopeHost
	}
	return n.inetInsertIfa(ifa) // :558
}

// inetAbcLen is the prefix length of an address's class, -1 for multicasts
// (inet_abc_len).
func inetAbcLen(addr wire.Addr) int {
	switch {
	case addr.IsZeronet() || addr.IsBroadcast():
		return 0
	case addr>>31 == 0:
		return 8
	case addr>>30 == 2:
		return 16
	case addr>>29 == 6:
		return 24
	case addr>>28 == 15:
		return 32
	}
	return -1
}

// setClassful makes an address what SIOCSIFADDR asks for: addr with the mask of
// its class.
func (ifa *InIfaddr) setClassful(dev *core.NetDevice, addr wire.Addr, plen int) {
	if dev.Flags&core.IffPointopoint != 0 {
		plen = 32
	}
	ifa.IfaAddress, ifa.IfaLocal = addr, addr
	ifa.IfaBroadcast, ifa.IfaScope = 0, 0
	ifa.IfaPrefixlen, ifa.IfaMask = plen, wire.MaskFromLen(plen)
	if dev.Flags&(core.IffPointopoint|core.IffBroadcast) == core.IffBroadcast && plen < 31 {
		ifa.IfaBroadcast = addr | ^ifa.IfaMask
	}
}

// DevinetIoctl reads or changes an interface's addresses and flags. Errors:
// ENODEV, EADDRNOTAVAIL if it has no address, EINVAL for what makes no sense.
func (n *Net) DevinetIoctl(cmd uint32, ifr *Ifreq) int {
	kernel.Fentry2(&n.Kernel, cmd, ifr) // devinet_ioctl net/ipv4/devinet.c:985

	if cmd < SIOCGIFFLAGS || cmd > SIOCSIFNETMASK || cmd == SIOCGIFFLAGS {
		return -core.EINVAL
	}
	dev := n.DevGetByName(ifr.IfrName) // :1034
	if dev == nil {
		return -core.ENODEV
	}
	inDev := inDevGet(dev)
	var ifap **InIfaddr
	if inDev != nil {
		for p := &inDev.IfaList; *p != nil; p = &(*p).IfaNext {
			if (*p).IfaLabel == ifr.IfrName {
				ifap = p
				break
			}
		}
	}
	if ifap == nil && cmd != SIOCSIFADDR && cmd != SIOCSIFFLAGS {
		return -core.EADDRNOTAVAIL
	}
	switch cmd {
	case SIOCGIFADDR:
		ifr.IfrAddr = (*ifap).IfaLocal
	case SIOCGIFBRDADDR:
		ifr.IfrAddr = (*ifap).IfaBroadcast
	case SIOCGIFDSTADDR:
		ifr.IfrAddr = (*ifap).IfaAddress
	case SIOCGIFNETMASK:
		ifr.IfrAddr = (*ifap).IfaMask
	case SIOCSIFFLAGS:
		return n.DevChangeFlags(dev, ifr.IfrFlags) // :1104
	case SIOCSIFADDR:
		plen := inetAbcLen(ifr.IfrAddr)
		if plen < 0 {
			return -core.EINVAL
		}
		ifa := &InIfaddr{IfaLabel: dev.Name, IfaFlags: IfaFPermanent}
		if ifap != nil {
			ifa = *ifap
			if ifa.IfaLocal == ifr.IfrAddr {
				return 0
			}
			n.inetDelIfa(inDev, ifap, false) // :1126
		}
		ifa.setClassful(dev, ifr.IfrAddr, plen)
		return n.inetSetIfa(dev, ifa) // :1145
	case SIOCSIFBRDADDR:
		if ifa := *ifap; ifa.IfaBroadcast != ifr.IfrAddr {
			n.inetDelIfa(inDev, ifap, false) // :1151
			ifa.IfaBroadcast = ifr.IfrAddr
			n.inetInsertIfa(ifa) // :1153
		}
	case SIOCSIFDSTADDR:
		ifa := *ifap
		if ifa.IfaAddress == ifr.IfrAddr {
			return 0
		}
		if inetAbcLen(ifr.IfrAddr) < 0 {
			return -core.EINVAL
		}
		n.inetDelIfa(inDev, ifap, false) // :1165
		ifa.IfaAddress = ifr.IfrAddr
		n.inetInsertIfa(ifa) // :1167
	case SIOCSIFNETMASK:
		plen, ok := wire.MaskLen(ifr.IfrAddr)
		if !ok {
			return -core.EINVAL
		}
		if ifa := *ifap; ifa.IfaMask != ifr.IfrAddr {
			oldMask := ifa.IfaMask
			n.inetDelIfa(inDev, ifap, false) // :1181
			ifa.IfaMask, ifa.IfaPrefixlen = ifr.IfrAddr, plen
			if dev.Flags&core.IffBroadcast != 0 && plen < 31 && ifa.IfaBroadcast == ifa.IfaLocal|^oldMask {
				ifa.IfaBroadcast = ifa.IfaLocal | ^ifr.IfrAddr
			}
			n.inetInsertIfa(ifa) // :1198
		}
	}
	return 0
}

// inetdevEvent hears of devices that change: it gives a new one its IPv4 part,
// and loopback its address.
func (n *Net) inetdevEvent(event int, dev *core.NetDevice) {
	kernel.Fentry2(&n.Kernel, event, dev) // inetdev_event net/ipv4/devinet.c:1474

	inDev := inDevGet(dev)
	if inDev == nil {
		switch {
		case event == core.NetdevRegister, event == core.NetdevChangemtu && dev.Mtu >= ipv4MinMtu:
			n.inetdevInit(dev) // :1480
		}
		return
	}
	switch event {
	case core.NetdevUp:
		if dev.Mtu < ipv4MinMtu {
			return
		}
		if dev.Flags&core.IffLoopback != 0 {
			ifa := &InIfaddr{IfaLocal: addrLoopback, IfaAddress: addrLoopback, IfaPrefixlen: 8, IfaMask: wire.MaskFromLen(8),
				IfaDev: inDev, IfaScope: RtScopeHost, IfaLabel: dev.Name, IfaFlags: IfaFPermanent}
			n.inetInsertIfa(ifa) // :1520
		}
		if inDev.arpNotify() != 0 {
			n.inetdevSendGratuitousArp(dev, inDev) // :1531
		}
	case core.NetdevChangeaddr:
		if inDev.arpNotify() != 0 {
			n.inetdevSendGratuitousArp(dev, inDev) // :1531
		}
	case core.NetdevChangemtu:
		if dev.Mtu < ipv4MinMtu {
			n.inetdevDestroy(inDev) // :1548
		}
	case core.NetdevUnregister:
		n.inetdevDestroy(inDev) // :1548
	}
}

// Addr is an address of a device as ip addr shows it.
type Addr struct {
	Dev       string
	Local     wire.Addr
	Peer      wire.Addr // equal to Local except on point-to-point links
	Prefixlen int
	Broadcast wire.Addr
	Scope     uint8
	Secondary bool
	Label     string
}

// AddAddr adds an address (ip addr add). Errors: ENODEV, EINVAL for a wrong
// prefix length, EEXIST.
func (n *Net) AddAddr(a Addr) int {
	dev := n.DevGetByName(a.Dev)
	switch {
	case a.Prefixlen < 0 || a.Prefixlen > 32:
		return -core.EINVAL
	case dev == nil:
		return -core.ENODEV
	case inDevGet(dev) == nil:
		return -core.ENOBUFS
	}
	ifa := &InIfaddr{IfaLocal: a.Local, IfaAddress: a.Peer, IfaPrefixlen: a.Prefixlen, IfaMask: wire.MaskFromLen(a.Prefixlen),
		IfaBroadcast: a.Broadcast, IfaScope: a.Scope, IfaDev: inDevGet(dev), IfaLabel: a.Label, IfaFlags: IfaFPermanent}
	if ifa.IfaAddress == 0 {
		ifa.IfaAddress = a.Local
	}
	if ifa.IfaLabel == "" {
		ifa.IfaLabel = dev.Name
	}
	if a.Local.IsLoopback() && a.Scope == RtScopeUniverse {
		ifa.IfaScope = RtScopeHost // as ip addr does
	}
	return n.inetRtmNewaddr(ifa)
}

func (n *Net) inetRtmNewaddr(ifa *InIfaddr) int {
	kernel.Fentry1(&n.Kernel, ifa) // inet_rtm_newaddr net/ipv4/devinet.c:894

	for ifa1 := ifa.IfaDev.IfaList; ifa1 != nil; ifa1 = ifa1.IfaNext {
		if ifa1.IfaMask == ifa.IfaMask && inetIfaMatch(ifa1.IfaAddress, ifa) && ifa1.IfaLocal == ifa.IfaLocal {
			return -core.EEXIST
		}
	}
	return n.inetInsertIfa__(ifa) // :921
}

// DelAddr removes an address (ip addr del); a Prefixlen of 0 stands for any.
// Errors: ENODEV, EADDRNOTAVAIL.
func (n *Net) DelAddr(devName string, local wire.Addr, prefixlen int) int {
	dev := n.DevGetByName(devName)
	if dev == nil || inDevGet(dev) == nil {
		return -core.ENODEV
	}
	return n.inetRtmDeladdr(inDevGet(dev), local, prefixlen)
}

func (n *Net) inetRtmDeladdr(inDev *InDevice, local wire.Addr, prefixlen int) int {
	kernel.Fentry3(&n.Kernel, inDev, local, prefixlen) // inet_rtm_deladdr net/ipv4/devinet.c:615

	for p := &inDev.IfaList; *p != nil; p = &(*p).IfaNext {
		if (*p).IfaLocal == local && (prefixlen == 0 || (*p).IfaPrefixlen == prefixlen) {
			n.inetDelIfa__(inDev, p, true) // :652
			return 0
		}
	}
	return -core.EADDRNOTAVAIL
}

// Addrs lists the addresses of a device, or of all devices for "".
func (n *Net) Addrs(devName string) []Addr {
	var out []Addr
	for _, dev := range n.Devices {
		if dev == nil || devName != "" && dev.Name != devName || inDevGet(dev) == nil {
			continue
		}
		for ifa := inDevGet(dev).IfaList; ifa != nil; ifa = ifa.IfaNext {
			out = append(out, Addr{Dev: dev.Name, Local: ifa.IfaLocal, Peer: ifa.IfaAddress, Prefixlen: ifa.IfaPrefixlen,
				Broadcast: ifa.IfaBroadcast, Scope: ifa.IfaScope, Secondary: ifa.IfaFlags&IfaFSecondary != 0, Label: ifa.IfaLabel})
		}
	}
	return out
}
