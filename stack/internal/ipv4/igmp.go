// Multicast groups that sockets have joined (net/ipv4/igmp.c). menuos sends no
// IGMP messages and keeps no source filters: a group that is joined is received.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// ipMreqn names a group and an interface (struct ip_mreqn).
type ipMreqn struct {
	multiaddr, address wire.Addr
	ifindex            int
}

const igmpMaxMemberships = 20

const allHosts = wire.Addr(0xe0000001)

// ipMcFindDev is the device on which to join: the one named, or the one towards
// the group (ip_mc_find_dev). It completes imr.
func (n *Net) ipMcFindDev(imr *ipMreqn) *InDevice {
	kernel.Fentry0(&n.Kernel) // ip_mc_find_dev net/ipv4/igmp.c:1814

	var dev *core.NetDevice
	switch {
	case imr.ifindex != 0:
		dev = n.devGetByIndex(imr.ifindex)
	case imr.address != 0:
		if dev = n.ipDevFind__(imr.address, false); dev == nil { // :1819
			return nil
		}
	default:
		fl4 := Flowi4{Daddr: imr.multiaddr}
		rt, err := n.IpRouteOutputKey(&fl4) // include/net/route.h:146
		if err == 0 {
			dev = rt.Dev
			n.IpRtPut(rt)
		}
	}
	if dev == nil {
		return nil
	}
	imr.ifindex = dev.Ifindex
	return inDevGet(dev)
}

// ipMcJoinGroup makes a socket a member of a group. Errors: EINVAL for what is
// no multicast, ENODEV, EADDRINUSE if it is a member, ENOBUFS if of too many.
func (n *Net) ipMcJoinGroup(sk *core.Sock, imr *ipMreqn) int {
	kernel.Fentry1(&n.Kernel, sk) // ip_mc_join_group net/ipv4/igmp.c:2214

	if !imr.multiaddr.IsMulticast() {
		return -core.EINVAL
	}
	inDev := n.ipMcFindDev(imr) // :2177
	if inDev == nil {
		return -core.ENODEV
	}
	inet := InetSk(sk)
	for _, m := range inet.McList {
		if m.addr == imr.multiaddr && m.ifindex == imr.ifindex {
			return -core.EADDRINUSE
		}
	}
	if len(inet.McList) >= igmpMaxMemberships {
		return -core.ENOBUFS
	}
	inet.McList = append(inet.McList, mcMembership{imr.multiaddr, imr.ifindex})
	for i := range inDev.mcList {
		if inDev.mcList[i].addr == imr.multiaddr {
			inDev.mcList[i].users++
			return 0
		}
	}
	inDev.mcList = append(inDev.mcList, mcGroup{imr.multiaddr, 1})
	return 0
}

// ipMcLeaveGroup ends a membership; EADDRNOTAVAIL if there is none.
func (n *Net) ipMcLeaveGroup(sk *core.Sock, imr *ipMreqn) int {
	kernel.Fentry1(&n.Kernel, sk) // ip_mc_leave_group net/ipv4/igmp.c:2248

	inDev := n.ipMcFindDev(imr) // :2259
	if imr.ifindex == 0 && imr.address == 0 && inDev == nil {
		return -core.ENODEV
	}
	inet := InetSk(sk)
	for i, m := range inet.McList {
		if m.addr == imr.multiaddr && (imr.ifindex == 0 || m.ifindex == imr.ifindex) {
			inet.McList = append(inet.McList[:i], inet.McList[i+1:]...)
			n.ipMcDecGroup(m)
			return 0
		}
	}
	return -core.EADDRNOTAVAIL
}

// ipMcDecGroup takes one member off a device's group (ip_mc_dec_group).
func (n *Net) ipMcDecGroup(m mcMembership) {
	dev := n.devGetByIndex(m.ifindex)
	if dev == nil || inDevGet(dev) == nil {
		return
	}
	in := inDevGet(dev)
	for i := range in.mcList {
		if g := &in.mcList[i]; g.addr == m.addr {
			if g.users--; g.users == 0 {
				in.mcList = append(in.mcList[:i], in.mcList[i+1:]...)
			}
			return
		}
	}
}

// ipMcDropSocket ends all memberships of a socket that closes
// (ip_mc_drop_socket).
func (n *Net) ipMcDropSocket(sk *core.Sock) {
	inet := InetSk(sk)
	for len(inet.McList) > 0 {
		m := inet.McList[0]
		inet.McList = inet.McList[1:]
		n.ipMcDecGroup(m)
	}
}

// ipCheckMcRcu reports (1 or 0) whether anybody on a device wants a multicast.
func (n *Net) ipCheckMcRcu(inDev *InDevice, mcAddr, srcAddr wire.Addr, proto uint8) int {
	kernel.Fentry4(&n.Kernel, inDev, mcAddr, srcAddr, proto) // ip_check_mc_rcu net/ipv4/igmp.c:2703

	if mcAddr == allHosts {
		return 1
	}
	for i := range inDev.mcList {
		if inDev.mcList[i].addr == mcAddr {
			return 1
		}
	}
	return 0
}

// ipMcSfAllow reports whether a socket takes a packet to locAddr: a multicast
// only of a group that it joined, unless it takes those of any (IP_MULTICAST_ALL).
func (n *Net) ipMcSfAllow(sk *core.Sock, locAddr, rmtAddr wire.Addr, dif, sdif int) bool {
	kernel.Fentry5(&n.Kernel, sk, locAddr, rmtAddr, dif, sdif) // ip_mc_sf_allow net/ipv4/igmp.c:2631

	if !locAddr.IsMulticast() {
		return true
	}
	inet := InetSk(sk)
	for _, m := range inet.McList {
		if m.addr == locAddr && m.ifindex == dif {
			return true
		}
	}
	return inet.McAll
}
