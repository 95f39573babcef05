// Addresses of devices (net/ipv4/devinet.c). devinet_config.go has the calls that
// change them, devinet_conf.go a device's settings. Left out: address lifetimes,
// labels of aliases, and netlink.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// devinetState is what devinet.c keeps for a machine.
type devinetState struct {
	addrs             []*InIfaddr // every address, the newest first (inet_addr_lst)
	customLocalRoutes bool        // somebody added local routes by hand
	all               Ipv4Devconf // for all devices, beside their own
	dflt              Ipv4Devconf // for devices that come
}

// InDevice is IPv4's part of a device (struct in_device).
type InDevice struct {
	Dev     *core.NetDevice
	Dead    bool
	IfaList *InIfaddr // the primary addresses in front
	Cnf     Ipv4Devconf
	all     *Ipv4Devconf
	cnfSet  uint32 // settings that somebody has set, by their place in devconfVars
	mcList  []mcGroup
}

// mcGroup is a multicast group that sockets have joined on a device.
type mcGroup struct {
	addr  wire.Addr
	users int
}

// InIfaddr is an address of a device (struct in_ifaddr).
type InIfaddr struct {
	IfaNext       *InIfaddr
	IfaDev        *InDevice
	IfaLocal      wire.Addr
	IfaAddress    wire.Addr // of the peer on a point-to-point link, else as IfaLocal
	IfaMask       wire.Addr
	IfaBroadcast  wire.Addr
	IfaScope      uint8
	IfaPrefixlen  int
	IfaFlags      uint32
	IfaRtPriority uint32
	IfaLabel      string
}

// inDevGet is IPv4's part of a device, nil if it has none (__in_dev_get_rcu).
func inDevGet(dev *core.NetDevice) *InDevice {
	if dev.IpPtr == nil {
		return nil
	}
	return dev.IpPtr.(*InDevice)
}

// InDevGet is inDevGet for higher layers.
func InDevGet(dev *core.NetDevice) *InDevice { return inDevGet(dev) }

// inetIfaMatch reports whether addr is in the subnet of ifa (inet_ifa_match).
func inetIfaMatch(addr wire.Addr, ifa *InIfaddr) bool { return (addr^ifa.IfaAddress)&ifa.IfaMask == 0 }

// devinetInit sets the defaults and hears of devices (devinet_init).
func (n *Net) devinetInit() {
	n.devinet.dflt = Ipv4Devconf{AcceptRedirects: true, SendRedirects: true}
	n.devinet.all = n.devinet.dflt
	n.confInit()
	n.RegisterNetdeviceNotifier(n.inetdevEvent)
}

// ipDevFind__ is the device that an address is on, nil if it is not ours.
func (n *Net) ipDevFind__(addr wire.Addr, devref bool) *core.NetDevice {
	kernel.Fentry2(&n.Kernel, addr, devref) // __ip_dev_find net/ipv4/devinet.c:151

	if ifa := n.inetLookupIfaddrRcu(addr); ifa != nil { // :155
		return ifa.IfaDev.Dev
	}
	// Whole subnets are local on loopback.
	fl4 := Flowi4{Daddr: addr}
	var res fibResult
	if n.fibTableLookup(n.fib.local, &fl4, &res, FibLookupNoref) == 0 && res.Type == RtnLocal { // :166
		return res.nh().NhDev
	}
	return nil
}

// inetLookupIfaddrRcu is the address of ours that equals addr.
func (n *Net) inetLookupIfaddrRcu(addr wire.Addr) *InIfaddr {
	kernel.Fentry1(&n.Kernel, addr) // inet_lookup_ifaddr_rcu net/ipv4/devinet.c:182

	for _, ifa := range n.devinet.addrs {
		if ifa.IfaLocal == addr {
			return ifa
		}
	}
	return nil
}

func (n *Net) inetHashInsert(ifa *InIfaddr) {
	n.devinet.addrs = append(n.devinet.addrs, nil)
	copy(n.devinet.addrs[1:], n.devinet.addrs)
	n.devinet.addrs[0] = ifa
}

func (n *Net) inetHashRemove(ifa *InIfaddr) {
	for i, a := range n.devinet.addrs {
		if a == ifa {
			n.devinet.addrs = append(n.devinet.addrs[:i], n.devinet.addrs[i+1:]...)
			return
		}
	}
}

// inetdevInit gives a device its IPv4 part.
func (n *Net) inetdevInit(dev *core.NetDevice) *InDevice {
	kernel.Fentry1(&n.Kernel, dev) // inetdev_init net/ipv4/devinet.c:253

	in := &InDevice{Dev: dev, Cnf: n.devinet.dflt, all: &n.devinet.all}
	if dev.Flags&core.IffLoopback != 0 {
		in.Cnf.Noxfrm, in.Cnf.Nopolicy = true, true
	}
	dev.IpPtr = in
	return in
}

// inetdevDestroy takes it away again.
func (n *Net) inetdevDestroy(inDev *InDevice) {
	kernel.Fentry1(&n.Kernel, inDev) // inetdev_destroy net/ipv4/devinet.c:308

	inDev.Dead = true
	for inDev.IfaList != nil {
		n.inetDelIfa(inDev, &inDev.IfaList, false) // :315
	}
	inDev.Dev.IpPtr = nil
	n.arpIfdown(inDev.Dev) // :323
}

// inetAddrOnlink reports whether a, and b if given, are in a subnet of a device
// (inet_addr_onlink).
func (n *Net) inetAddrOnlink(inDev *InDevice, a, b wire.Addr) bool {
	for ifa := inDev.IfaList; ifa != nil && ifa.IfaFlags&IfaFSecondary == 0; ifa = ifa.IfaNext {
		if inetIfaMatch(a, ifa) && (b == 0 || inetIfaMatch(b, ifa)) {
			return true
		}
	}
	return false
}

// inetIfaByprefix is a device's primary address in a subnet (inet_ifa_byprefix).
func (n *Net) inetIfaByprefix(inDev *InDevice, prefix, mask wire.Addr) *InIfaddr {
	for ifa := inDev.IfaList; ifa != nil && ifa.IfaFlags&IfaFSecondary == 0; ifa = ifa.IfaNext {
		if ifa.IfaMask == mask && inetIfaMatch(prefix, ifa) {
			return ifa
		}
	}
	return nil
}

// inDevSelectAddr is a device's first address that may be used in a scope
// (in_dev_select_addr).
func inDevSelectAddr(inDev *InDevice, scope int) wire.Addr {
	for ifa := inDev.IfaList; ifa != nil && ifa.IfaFlags&IfaFSecondary == 0; ifa = ifa.IfaNext {
		if ifa.IfaScope != RtScopeLink && int(ifa.IfaScope) <= scope {
			return ifa.IfaLocal
		}
	}
	return 0
}

// inetSelectAddr chooses a source address for packets to dst through a device:
// one in dst's subnet, else the device's first, else that of any device.
func (n *Net) inetSelectAddr(dev *core.NetDevice, dst wire.Addr, scope int) wire.Addr {
	kernel.Fentry3(&n.Kernel, dev, dst, scope) // inet_select_addr net/ipv4/devinet.c:1260

	if inDev := inDevGet(dev); inDev != nil {
		var addr wire.Addr
		for ifa := inDev.IfaList; ifa != nil && ifa.IfaFlags&IfaFSecondary == 0; ifa = ifa.IfaNext {
			if int(ifa.IfaScope) > scope {
				continue
			}
			if dst == 0 || inetIfaMatch(dst, ifa) {
				return ifa.IfaLocal
			}
			if addr == 0 {
				addr = ifa.IfaLocal
			}
		}
		if addr != 0 {
			return addr
		}
	}
	for _, dev := range n.Devices {
		if dev == nil {
			continue
		}
		if inDev := inDevGet(dev); inDev != nil {
			if addr := inDevSelectAddr(inDev, scope); addr != 0 {
				return addr
			}
		}
	}
	return 0
}

// confirmAddrIndev is inet_confirm_addr on one device (confirm_addr_indev).
func confirmAddrIndev(inDev *InDevice, dst, local wire.Addr, scope int) wire.Addr {
	same := false
	var addr wire.Addr
	for ifa := inDev.IfaList; ifa != nil; ifa = ifa.IfaNext {
		if addr == 0 && (local == ifa.IfaLocal || local == 0) && int(ifa.IfaScope) <= scope {
			addr = ifa.IfaLocal
			if same {
				break
			}
		}
		if same {
			continue
		}
		same = (local == 0 || inetIfaMatch(local, ifa)) && (dst == 0 || inetIfaMatch(dst, ifa))
		if !same || addr == 0 {
			continue
		}
		if local != 0 || dst == 0 || inetIfaMatch(addr, ifa) {
			break
		}
		if int(ifa.IfaScope) <= scope {
			addr = ifa.IfaLocal
			break
		}
		same = false
	}
	if !same {
		return 0
	}
	return addr
}

// inetConfirmAddr finds an address of ours, on a device or, with nil, on any:
// equal to local unless that is 0, in the subnet of dst unless that is 0, and of
// at most the given scope.
func (n *Net) inetConfirmAddr(inDev *InDevice, dst, local wire.Addr, scope int) wire.Addr {
	kernel.Fentry3(&n.Kernel, dst, local, scope) // inet_confirm_addr net/ipv4/devinet.c:1369

	if inDev != nil {
		return confirmAddrIndev(inDev, dst, local, scope)
	}
	for _, dev := range n.Devices {
		if dev == nil {
			continue
		}
		if in := inDevGet(dev); in != nil {
			if addr := confirmAddrIndev(in, dst, local, scope); addr != 0 {
				return addr
			}
		}
	}
	return 0
}
