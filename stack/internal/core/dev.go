// Devices: registration, opening and closing, and who hears of it
// (net/core/dev.c, kernel/notifier.c). Left out: name spaces, hardware
// addresses beyond one, stacked devices, ethtool and netlink.

package core

import (
	"fmt"
	"strings"

	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Events of devices and addresses (include/linux/netdevice.h).
const (
	NetdevUp           = 0x1
	NetdevDown         = 0x2
	NetdevReboot       = 0x3
	NetdevChange       = 0x4
	NetdevRegister     = 0x5
	NetdevUnregister   = 0x6
	NetdevChangemtu    = 0x7
	NetdevChangeaddr   = 0x8
	NetdevGoingDown    = 0x9
	NetdevChangename   = 0xa
	NetdevPreUp        = 0xd
	NetdevPostInit     = 0x10
	NetdevPrechangemtu = 0x17
)

// Bits of NetDevice.state.
const (
	linkStateStart   = 1 << 0
	linkStatePresent = 1 << 1
)

// DefaultTxQueueLen is how many packets a device queues by default.
const DefaultTxQueueLen = 1000

// AllocNetdev makes a device with defaults and lets setup change them
// (alloc_netdev). A "%d" in the name becomes the first free number.
func (n *Net) AllocNetdev(name string, setup func(dev *NetDevice)) *NetDevice {
	dev := &NetDevice{
		Name: name, Net: n, addr: n.NewAddr(2304),
		GsoMaxSize: 65536, GsoMaxSegs: 65535,
		DstRelease: true, Carrier: true,
	}
	setup(dev)
	if dev.TxQueueLen == 0 {
		dev.TxQueueLen = DefaultTxQueueLen
	}
	return dev
}

// NetifRunning reports whether the device is open (netif_running).
func NetifRunning(dev *NetDevice) bool { return dev.state&linkStateStart != 0 }

// NetifDevicePresent reports whether the device is there (netif_device_present).
func NetifDevicePresent(dev *NetDevice) bool { return dev.state&linkStatePresent != 0 }

// NetifCarrierOk reports whether the link is up (netif_carrier_ok).
func NetifCarrierOk(dev *NetDevice) bool { return dev.Carrier }

// DevGetByName finds a device by name, nil if there is none (dev_get_by_name).
func (n *Net) DevGetByName(name string) *NetDevice {
	for _, dev := range n.Devices {
		if dev.Name == name {
			return dev
		}
	}
	return nil
}

// DevGetByIndex finds a device by index, nil if there is none
// (dev_get_by_index).
func (n *Net) DevGetByIndex(ifindex int) *NetDevice {
	for _, dev := range n.Devices {
		if dev.Ifindex == ifindex {
			return dev
		}
	}
	return nil
}

// devGetValidName makes the device's name unique; it reports whether it could.
func (n *Net) devGetValidName(dev *NetDevice) bool {
	if strings.Contains(dev.Name, "%d") {
		for i := range 1 << 15 {
			name := fmt.Sprintf(dev.Name, i)
			if n.DevGetByName(name) == nil {
				dev.Name = name
				return true
			}
		}
		return false
	}
	return dev.Name != "" && len(dev.Name) < ifNameSize && n.DevGetByName(dev.Name) == nil
}

// RegisterNetdevice makes a device known (register_netdevice).
func (n *Net) RegisterNetdevice(dev *NetDevice) int {
	kernel.Fentry1(&n.Kernel, dev) // register_netdevice net/core/dev.c:8537

	dev.Net = n
	if !n.devGetValidName(dev) {
		return -EEXIST
	}
	if dev.Ops.NdoInit != nil {
		if ret := dev.Ops.NdoInit(dev); ret != 0 { // :8559
			return ret
		}
	}
	n.lastIfindex++
	dev.Ifindex = n.lastIfindex
	dev.HwFeatures |= softFeatures
	dev.Features |= softFeatures
	dev.WantedFeatures = dev.Features & dev.HwFeatures
	n.callNetdeviceNotifiers(NetdevPostInit, dev) // :8624
	n.netdevUpdateFeatures__(dev)                 // :8634
	dev.state |= linkStatePresent
	n.Devices = append(n.Devices, dev)
	n.callNetdeviceNotifiers(NetdevRegister, dev) // :8658
	return 0
}

// UnregisterNetdevice makes a device unknown again (unregister_netdevice).
func (n *Net) UnregisterNetdevice(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // unregister_netdevice include/linux/netdevice.h:2642

	n.unregisterNetdeviceQueue(dev) // :2642
}

func (n *Net) unregisterNetdeviceQueue(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // unregister_netdevice_queue net/core/dev.c:9188

	n.rollbackRegistered(dev) // :9191
}

func (n *Net) rollbackRegistered(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // rollback_registered net/core/dev.c:8143

	n.rollbackRegisteredMany(dev) // :8144
}

// rollbackRegisteredMany takes a device out; Linux takes a list of them.
func (n *Net) rollbackRegisteredMany(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // rollback_registered_many net/core/dev.c:8053

	n.DevClose(dev) // :8079
	for i, d := range n.Devices {
		if d == dev {
			n.Devices = append(n.Devices[:i:i], n.Devices[i+1:]...)
			break
		}
	}
	n.flushBacklog(dev)                             // :8087
	n.callNetdeviceNotifiers(NetdevUnregister, dev) // :8102
	if dev.Ops.NdoUninit != nil {
		dev.Ops.NdoUninit(dev) // :8116
	}
	dev.state &^= linkStatePresent
}

// RegisterNetdeviceNotifier lets fn hear of all that happens to devices, and of
// the devices that are there already (register_netdevice_notifier).
func (n *Net) RegisterNetdeviceNotifier(fn func(event int, dev *NetDevice)) {
	n.netdevChain = append(n.netdevChain, fn)
	for _, dev := range n.Devices {
		fn(NetdevRegister, dev)
		if dev.Flags&IffUp != 0 {
			fn(NetdevUp, dev)
		}
	}
}

func (n *Net) callNetdeviceNotifiers(val int, dev *NetDevice) int {
	kernel.Fentry2(&n.Kernel, val, dev) // call_netdevice_notifiers net/core/dev.c:1764

	return n.callNetdeviceNotifiersExtack(val, dev) // :1765
}

func (n *Net) callNetdeviceNotifiersExtack(val int, dev *NetDevice) int {
	kernel.Fentry2(&n.Kernel, val, dev) // call_netdevice_notifiers_extack net/core/dev.c:1746

	return n.callNetdeviceNotifiersInfo(val, dev) // :1746
}

func (n *Net) callNetdeviceNotifiersInfo(val int, dev *NetDevice) int {
	kernel.Fentry2(&n.Kernel, val, dev) // call_netdevice_notifiers_info net/core/dev.c:1738

	return n.rawNotifierCallChain(val, dev) // :1739
}

func (n *Net) rawNotifierCallChain(val int, v *NetDevice) int {
	kernel.Fentry2(&n.Kernel, val, v) // raw_notifier_call_chain kernel/notifier.c:401

	return n.rawNotifierCallChain__(val, v) // :401
}

func (n *Net) rawNotifierCallChain__(val int, v *NetDevice) int {
	kernel.Fentry2(&n.Kernel, val, v) // __raw_notifier_call_chain kernel/notifier.c:394

	return n.notifierCallChain(val, v) // :394
}

func (n *Net) notifierCallChain(val int, v *NetDevice) int {
	kernel.Fentry2(&n.Kernel, val, v) // notifier_call_chain kernel/notifier.c:75

	for _, nb := range n.netdevChain {
		nb(val, v) // :93
	}
	return 0
}

// DevOpen__ starts a device (__dev_open).
func (n *Net) devOpen__(dev *NetDevice) int {
	kernel.Fentry1(&n.Kernel, dev) // __dev_open net/core/dev.c:1370

	if !NetifDevicePresent(dev) {
		return -ENODEV
	}
	n.callNetdeviceNotifiersExtack(NetdevPreUp, dev) // :1384
	dev.state |= linkStateStart
	ret := 0
	if dev.Ops.NdoOpen != nil {
		ret = dev.Ops.NdoOpen(dev) // :1395
	}
	if ret != 0 {
		dev.state &^= linkStateStart
		return ret
	}
	dev.Flags |= IffUp
	n.devActivate(dev) // :1404
	return 0
}

// DevOpen starts a device and tells of it (dev_open).
func (n *Net) DevOpen(dev *NetDevice) int {
	kernel.Fentry1(&n.Kernel, dev) // dev_open net/core/dev.c:1426

	if dev.Flags&IffUp != 0 {
		return 0
	}
	ret := n.devOpen__(dev) // :1431
	if ret < 0 {
		return ret
	}
	n.callNetdeviceNotifiers(NetdevUp, dev) // :1436
	return ret
}

// devCloseMany__ stops a device; Linux takes a list of them.
func (n *Net) devCloseMany__(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // __dev_close_many net/core/dev.c:1443

	n.callNetdeviceNotifiers(NetdevGoingDown, dev) // :1453
	dev.state &^= linkStateStart
	n.devDeactivateMany(dev) // :1466
	if dev.Ops.NdoStop != nil {
		dev.Ops.NdoStop(dev) // :1479
	}
	dev.Flags &^= IffUp
}

func (n *Net) devClose__(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // __dev_close net/core/dev.c:1490

	n.devCloseMany__(dev) // :1491
}

// DevClose stops a device and tells of it (dev_close).
func (n *Net) DevClose(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // dev_close net/core/dev.c:1526

	if dev.Flags&IffUp != 0 {
		n.devCloseMany(dev) // :1530
	}
}

func (n *Net) devCloseMany(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // dev_close_many net/core/dev.c:1500

	n.devCloseMany__(dev)                     // :1504
	n.callNetdeviceNotifiers(NetdevDown, dev) // :1508
}

// DevGetFlags is what a program sees of the device's flags (dev_get_flags).
func DevGetFlags(dev *NetDevice) uint32 {
	flags := dev.Flags&^(IffPromisc|IffAllmulti|IffRunning|IffLowerUp) | dev.Gflags&(IffPromisc|IffAllmulti)
	if NetifRunning(dev) && dev.Carrier {
		flags |= IffRunning | IffLowerUp
	}
	return flags
}

func (n *Net) devChangeFlags__(dev *NetDevice, flags uint32) int {
	kernel.Fentry2(&n.Kernel, dev, flags) // __dev_change_flags net/core/dev.c:7531

	const user = IffNoarp | IffMulticast
	old := dev.Flags
	dev.Flags = flags&user | dev.Flags&^user
	ret := 0
	if (old^flags)&IffUp != 0 {
		if old&IffUp != 0 {
			n.devClose__(dev) // :7565
		} else {
			ret = n.devOpen__(dev) // :7567
		}
	}
	if (flags^dev.Gflags)&IffPromisc != 0 {
		inc := -1
		if flags&IffPromisc != 0 {
			inc = 1
		}
		dev.Gflags ^= IffPromisc
		DevSetPromiscuity(dev, inc)
	}
	if (flags^dev.Gflags)&IffAllmulti != 0 {
		dev.Gflags ^= IffAllmulti
		dev.Flags ^= IffAllmulti
	}
	return ret
}

// DevSetPromiscuity counts who wants to receive everything
// (dev_set_promiscuity).
func DevSetPromiscuity(dev *NetDevice, inc int) {
	dev.Promiscuity += inc
	dev.Flags &^= IffPromisc
	if dev.Promiscuity > 0 {
		dev.Flags |= IffPromisc
	}
}

func (n *Net) devNotifyFlags__(dev *NetDevice, oldFlags, gchanges uint32) {
	kernel.Fentry3(&n.Kernel, dev, oldFlags, gchanges) // __dev_notify_flags net/core/dev.c:7597

	changes := dev.Flags ^ oldFlags
	if changes&IffUp != 0 {
		if dev.Flags&IffUp != 0 {
			n.callNetdeviceNotifiers(NetdevUp, dev) // :7605
		} else {
			n.callNetdeviceNotifiers(NetdevDown, dev) // :7607
		}
	}
	const volatile = IffLoopback | IffPointopoint | IffBroadcast
	if dev.Flags&IffUp != 0 && changes&^(IffUp|IffPromisc|IffAllmulti|volatile) != 0 {
		n.callNetdeviceNotifiersInfo(NetdevChange, dev) // :7619
	}
}

// DevChangeFlags sets a device's flags; IFF_UP opens or closes it
// (dev_change_flags).
func (n *Net) DevChangeFlags(dev *NetDevice, flags uint32) int {
	kernel.Fentry2(&n.Kernel, dev, flags) // dev_change_flags net/core/dev.c:7636

	oldFlags, oldGflags := dev.Flags, dev.Gflags
	ret := n.devChangeFlags__(dev, flags) // :7638
	if ret < 0 {
		return ret
	}
	changes := (oldFlags ^ dev.Flags) | (oldGflags ^ dev.Gflags)
	n.devNotifyFlags__(dev, oldFlags, changes) // :7643
	return ret
}

// DevSetMtu changes a device's MTU (dev_set_mtu).
func (n *Net) DevSetMtu(dev *NetDevice, newMtu int) int {
	kernel.Fentry2(&n.Kernel, dev, newMtu) // dev_set_mtu net/core/dev.c:7719

	return n.devSetMtuExt(dev, newMtu) // :7720
}

func (n *Net) devSetMtuExt(dev *NetDevice, newMtu int) int {
	kernel.Fentry2(&n.Kernel, dev, newMtu) // dev_set_mtu_ext net/core/dev.c:7673

	if newMtu == dev.Mtu {
		return 0
	}
	if newMtu < dev.MinMtu || dev.MaxMtu > 0 && newMtu > dev.MaxMtu {
		return -EINVAL
	}
	if !NetifDevicePresent(dev) {
		return -ENODEV
	}
	n.callNetdeviceNotifiers(NetdevPrechangemtu, dev) // :7690
	if dev.Ops.NdoChangeMtu != nil {
		if err := dev.Ops.NdoChangeMtu(dev, newMtu); err != 0 { // :7696
			return err
		}
	} else {
		dev.Mtu = newMtu
	}
	n.callNetdeviceNotifiers(NetdevChangemtu, dev) // :7699
	return 0
}

// NetifCarrierOn says that the link is up (netif_carrier_on). menuos does not put
// the news of a carrier off to a work queue, because it has none: routes hear of
// it at once.
func (n *Net) NetifCarrierOn(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // netif_carrier_on net/sched/sch_generic.c:506

	if dev.Carrier {
		return
	}
	dev.Carrier = true
	n.linkwatchDoDev(dev) // :511
}

// NetifCarrierOff says that the link is down (netif_carrier_off).
func (n *Net) NetifCarrierOff(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // netif_carrier_off net/sched/sch_generic.c:525

	if !dev.Carrier {
		return
	}
	dev.Carrier = false
	n.linkwatchDoDev(dev) // :530
}

// linkwatchDoDev makes a device follow its carrier (linkwatch_do_dev).
func (n *Net) linkwatchDoDev(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // linkwatch_do_dev net/core/link_watch.c:150

	if dev.Flags&IffUp == 0 || !NetifDevicePresent(dev) {
		return
	}
	if dev.Carrier {
		n.devActivate(dev) // :160
	} else {
		n.devDeactivateMany(dev) // :162
	}
	n.callNetdeviceNotifiers(NetdevChange, dev) // :164
}

// DevHardHeader builds the link header (dev_hard_header).
func (n *Net) DevHardHeader(skb *SkBuff, dev *NetDevice, typ uint16, daddr, saddr *wire.MAC, length int) int {
	kernel.Fentry4(&n.Kernel, skb, dev, typ, length) // dev_hard_header include/linux/netdevice.h:2918

	if dev.HeaderOps == nil || dev.HeaderOps.Create == nil {
		return 0
	}
	return dev.HeaderOps.Create(skb, dev, typ, daddr, saddr, length) // :2921
}

// LlReservedSpace is the headroom that a device wants (LL_RESERVED_SPACE).
func LlReservedSpace(dev *NetDevice) int {
	return (dev.HardHeaderLen+dev.NeededHeadroom)&^(hhDataMod-1) + hhDataMod
}
