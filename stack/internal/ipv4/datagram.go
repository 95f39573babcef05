// What UDP and raw sockets share: connecting, and staying on a route that is
// still good (net/ipv4/datagram.c).

package ipv4

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// sizeofSockaddrIn is the length of a struct sockaddr_in.
const sizeofSockaddrIn = 16

// The fields of a struct sockaddr_in: the family in the machine's order, port
// and address in the network's.

func sinFamily(sa core.Sockaddr) int     { return int(binary.LittleEndian.Uint16(sa)) }
func sinPort(sa core.Sockaddr) uint16    { return binary.BigEndian.Uint16(sa[2:]) }
func sinAddr(sa core.Sockaddr) wire.Addr { return wire.Addr(binary.BigEndian.Uint32(sa[4:])) }

// putSockaddrIn stores an address in the room that sa has.
func putSockaddrIn(sa core.Sockaddr, addr wire.Addr, port uint16) core.Sockaddr {
	sa = append(sa[:0], core.AfInet, 0, byte(port>>8), byte(port))
	sa = binary.BigEndian.AppendUint32(sa, uint32(addr))
	return append(sa, 0, 0, 0, 0, 0, 0, 0, 0)
}

// ip4DatagramConnect__ gives sk a peer: it sends there by default, along the
// route found now, and hears nobody else. The caller owns sk.
func (n *Net) ip4DatagramConnect__(sk *core.Sock, uaddr core.Sockaddr, addrLen int) int {
	kernel.Fentry3(&n.Kernel, sk, uaddr, addrLen) // __ip4_datagram_connect net/ipv4/datagram.c:34

	if addrLen < sizeofSockaddrIn || len(uaddr) < sizeofSockaddrIn {
		return -core.EINVAL
	}
	if sinFamily(uaddr) != core.AfInet {
		return -core.EAFNOSUPPORT
	}
	n.SkDstReset(sk) // :40
	inet := InetSk(sk)
	daddr, dport := sinAddr(uaddr), sinPort(uaddr)
	oif, saddr := int(sk.SkBoundDevIf), inet.InetSaddr
	if daddr.IsMulticast() {
		if oif == 0 {
			oif = inet.McIndex
		}
		if saddr == 0 {
			saddr = inet.McAddr
		}
	}
	fl4 := &inet.Cork.Fl
	rt, err := n.IpRouteConnect(fl4, daddr, saddr, RtConnFlags(sk), oif, sk.SkProtocol, inet.InetSport, dport, sk) // :51
	if err != 0 {
		if err == -core.ENETUNREACH {
			n.Mib[core.MibIpOutNoRoutes]++
		}
		return err
	}
	if rt.RtFlags&RtcfBroadcast != 0 && sk.SkFlags&(1<<core.SockBroadcast) == 0 {
		n.IpRtPut(rt) // :63
		return -core.EACCES
	}
	if inet.InetSaddr == 0 {
		inet.InetSaddr = fl4.Saddr
	}
	if sk.SkRcvSaddr == 0 {
		sk.SkRcvSaddr = fl4.Saddr
		if sk.SkProt.Rehash != nil {
			sk.SkProt.Rehash(sk) // :72
		}
	}
	sk.SkDaddr = fl4.Daddr
	sk.SkDport = dport
	sk.SkState = core.TcpEstablished
	n.SkSetTxhash(sk) // :77
	inet.InetId = uint16(n.Jiffies())
	n.SkDstSet(sk, &rt.DstEntry) // :80
	return 0
}

// ip4DatagramConnect is the connect of UDP and raw sockets.
func (n *Net) ip4DatagramConnect(sk *core.Sock, uaddr core.Sockaddr, addrLen int) int {
	kernel.Fentry3(&n.Kernel, sk, uaddr, addrLen) // ip4_datagram_connect net/ipv4/datagram.c:88

	n.LockSock(sk)                                    // :91
	res := n.ip4DatagramConnect__(sk, uaddr, addrLen) // :92
	n.ReleaseSock(sk)                                 // :93
	return res
}

// ip4DatagramReleaseCb finds a connected socket a new route when its old one
// has become invalid.
func (n *Net) ip4DatagramReleaseCb(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // ip4_datagram_release_cb net/ipv4/datagram.c:104

	dst := sk.SkDstCache
	if dst == nil || dst.Obsolete == 0 || dst.Ops.Check(dst, 0) != nil { // :114
		return
	}
	inet := InetSk(sk)
	var fl4 Flowi4
	rt, err := n.IpRouteOutputPorts(&fl4, sk, sk.SkDaddr, inet.InetSaddr, sk.SkDport, inet.InetSport, sk.SkProtocol, RtConnFlags(sk), int(sk.SkBoundDevIf)) // :121
	if err != 0 {
		n.SkDstSet(sk, nil) // :127
		return
	}
	n.SkDstSet(sk, &rt.DstEntry) // :127
}
