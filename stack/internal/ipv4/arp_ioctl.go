// What arp(8) asks of the kernel (net/ipv4/arp.c). Left out: published entries,
// which are for proxies.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Commands of ArpIoctl (include/uapi/linux/sockios.h).
const (
	SIOCDARP = 0x8953
	SIOCGARP = 0x8954
	SIOCSARP = 0x8955
)

// Flags of an Arpreq (include/uapi/linux/if_arp.h).
const (
	AtfCom  = 0x02 // the address is known
	AtfPerm = 0x04 // the entry is permanent
	AtfPubl = 0x08 // the entry is answered for
)

// Arpreq is the argument of ArpIoctl (struct arpreq).
type Arpreq struct {
	ArpPa    wire.Addr
	ArpHa    wire.MAC
	ArpFlags int
	ArpDev   string // "": the device that the route to ArpPa leads through
}

const enxio = 6 // ENXIO

// ArpIoctl sets, deletes or reads an ARP entry. Errors: ENODEV, ENXIO for no such
// entry, EINVAL, ENETUNREACH if no route tells the device (arp_ioctl).
func (n *Net) ArpIoctl(cmd uint32, r *Arpreq) int {
	kernel.Fentry2(&n.Kernel, cmd, r) // arp_ioctl net/ipv4/arp.c:1181

	var dev *core.NetDevice
	switch {
	case cmd != SIOCDARP && cmd != SIOCSARP && cmd != SIOCGARP:
		return -core.EINVAL
	case r.ArpFlags&AtfPubl != 0: // menuos does not answer for others, because it has no proxy ARP
		return -core.EINVAL
	case r.ArpDev != "":
		if dev = n.DevGetByName(r.ArpDev); dev == nil { // :1210
			return -core.ENODEV
		}
	case cmd == SIOCGARP:
		return -core.ENODEV
	}
	switch cmd {
	case SIOCDARP:
		return n.arpReqDelete(r, dev) // :1227
	case SIOCSARP:
		return n.arpReqSet(r, dev) // :1230
	}
	return n.arpReqGet(r, dev) // :1233
}

func (n *Net) arpReqSet(r *Arpreq, dev *core.NetDevice) int {
	kernel.Fentry2(&n.Kernel, r, dev) // arp_req_set net/ipv4/arp.c:1029

	if r.ArpFlags&AtfPerm != 0 {
		r.ArpFlags |= AtfCom
	}
	if dev == nil {
		fl4 := Flowi4{Daddr: r.ArpPa, Tos: RtoOnlink}
		rt, err := n.IpRouteOutputKey(&fl4) // include/net/route.h:146
		if err != 0 {
			return err
		}
		dev = rt.Dev
		n.IpRtPut(rt) // :1040
	}
	if dev.Type != core.ArphrdEther {
		return -core.EINVAL
	}
	neigh, err := n.NeighLookupErrno__(&n.ArpTbl, r.ArpPa, dev) // :1066
	if err < 0 {
		return err
	}
	state := uint8(core.NudStale)
	if r.ArpFlags&AtfPerm != 0 {
		state = core.NudPermanent
	}
	var ha *wire.MAC
	if r.ArpFlags&AtfCom != 0 {
		ha = &r.ArpHa
	}
	err = n.NeighUpdate(neigh, ha, state, core.NeighUpdateFOverride|core.NeighUpdateFAdmin) // :1072
	n.NeighRelease(neigh)                                                                   // :1076
	return err
}

// ArpStateToFlags is a neighbour's state in the words of arp(8)
// (arp_state_to_flags).
func ArpStateToFlags(neigh *core.Neighbour) int {
	switch {
	case neigh.NudState&core.NudPermanent != 0:
		return AtfPerm | AtfCom
	case neigh.NudState&core.NudValid != 0:
		return AtfCom
	}
	return 0
}

func (n *Net) arpReqGet(r *Arpreq, dev *core.NetDevice) int {
	kernel.Fentry2(&n.Kernel, r, dev) // arp_req_get net/ipv4/arp.c:1097

	neigh := n.NeighLookup(&n.ArpTbl, r.ArpPa, dev) // :1101
	if neigh == nil {
		return -enxio
	}
	err := -enxio
	if neigh.NudState&core.NudNoarp == 0 {
		r.ArpHa, r.ArpFlags, r.ArpDev = neigh.Ha, ArpStateToFlags(neigh), dev.Name
		err = 0
	}
	n.NeighRelease(neigh) // :1112
	return err
}

// arpInvalidate makes an entry fail, and removes it unless it is in use.
func (n *Net) arpInvalidate(dev *core.NetDevice, ip wire.Addr) int {
	kernel.Fentry2(&n.Kernel, dev, ip) // arp_invalidate net/ipv4/arp.c:1119

	neigh := n.NeighLookup(&n.ArpTbl, ip, dev) // :1119
	if neigh == nil {
		return -enxio
	}
	err := -enxio
	if neigh.NudState&^core.NudNoarp != 0 {
		err = n.NeighUpdate(neigh, nil, core.NudFailed, core.NeighUpdateFOverride|core.NeighUpdateFAdmin) // :1125
	}
	n.NeighRelease(neigh)              // :1129
	n.NeighRemoveOne(neigh, &n.ArpTbl) // :1130
	return err
}

func (n *Net) arpReqDelete(r *Arpreq, dev *core.NetDevice) int {
	kernel.Fentry2(&n.Kernel, r, dev) // arp_req_delete net/ipv4/arp.c:1157

	if dev == nil {
		fl4 := Flowi4{Daddr: r.ArpPa, Tos: RtoOnlink}
		rt, err := n.IpRouteOutputKey(&fl4) // include/net/route.h:146
		if err != 0 {
			return err
		}
		dev = rt.Dev
		n.IpRtPut(rt) // :1166
	}
	return n.arpInvalidate(dev, r.ArpPa) // :1170
}
