// Options of the IP level (net/ipv4/ip_sockglue.c). Left out: source filters of
// groups, multicast routing, xfrm policies and packets of options (IP_PKTOPTIONS).

package ipv4

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Options of SOL_IP besides those in core.
const (
	ipRouterAlert    = 5
	ipTransparent    = 19
	ipRecvorigdstadr = 20
	ipMinttl         = 21
	ipNodefrag       = 22
	ipRecvfragsize   = 25
	ipMulticastAll   = 49
	ipUnicastIf      = 50
)

// IpSetsockopt sets an option of the IP level. Errors: ENOPROTOOPT, EINVAL, and
// what joining groups returns.
func (n *Net) IpSetsockopt(sk *core.Sock, level, optname int, optval []byte) int {
	kernel.Fentry3(&n.Kernel, sk, level, optname) // ip_setsockopt net/ipv4/ip_sockglue.c:1243

	if level != core.SolIp {
		return -core.ENOPROTOOPT
	}
	return n.doIpSetsockopt(sk, level, optname, optval) // :1246
}

func (n *Net) doIpSetsockopt(sk *core.Sock, level, optname int, optval []byte) int {
	kernel.Fentry3(&n.Kernel, sk, level, optname) // do_ip_setsockopt net/ipv4/ip_sockglue.c:591

	val := 0
	switch {
	case len(optval) >= 4:
		val = int(int32(binary.LittleEndian.Uint32(optval)))
	case len(optval) >= 1:
		val = int(optval[0])
	}
	if optname == ipRouterAlert {
		return -core.EINVAL // menuos has no IP_ROUTER_ALERT, because no daemon would look at such packets.
	}
	inet := InetSk(sk)
	err := 0
	n.LockSock(sk) // :643
	switch optname {
	case core.IpOptionsOpt:
		var opt []byte
		opt, err = n.ipOptionsGet(optval) // :652
		if err == 0 {
			old := len(inet.InetOpt)
			inet.InetOpt = opt
			if inet.IsIcsk && n.Csk.ExtHdrLen != nil {
				n.Csk.ExtHdrLen(sk, len(opt)-old) // :670
			}
		}
	case core.IpTos:
		tos := uint8(val)
		if sk.SkType == core.SockStream {
			tos = tos&^inetEcnMask | inet.Tos&inetEcnMask
		}
		if inet.Tos != tos {
			inet.Tos = tos
			sk.SkPriority = rtTos2priority(tos)
			n.SkDstReset(sk) // :751
		}
	case core.IpRecverr:
		inet.Recverr = val != 0
		if val == 0 {
			n.SkbQueuePurge(&sk.SkErrorQueue) // :786
		}
	case core.IpMulticastIf, core.IpAddMembership, core.IpDropMembership:
		mreq, ok := parseMreq(optval, optname == core.IpMulticastIf)
		switch {
		case optname != core.IpMulticastIf && inet.IsIcsk:
			err = -core.EPROTO
		case !ok, optname == core.IpMulticastIf && sk.SkType == core.SockStream:
			err = -core.EINVAL
		case optname == core.IpAddMembership:
			err = n.ipMcJoinGroup(sk, &mreq) // :925
		case optname == core.IpDropMembership:
			err = n.ipMcLeaveGroup(sk, &mreq) // :927
		default:
			if mreq.ifindex == 0 && mreq.address != addrAny {
				if dev := n.ipDevFind__(mreq.address, true); dev != nil { // include/linux/inetdevice.h:176
					mreq.ifindex = dev.Ifindex
				}
			}
			err = n.setMulticastIf(sk, mreq)
		}
	default:
		err = n.setIpOption(sk, optname, val, optval)
	}
	n.ReleaseSock(sk) // :1185
	return err
}

// setFlag is bit of flags set or cleared.
func setFlag(flags uint16, bit uint16, on bool) uint16 {
	if on {
		return flags | bit
	}
	return flags &^ bit
}

// cmsgBit is the bit of CmsgFlags that an option switches, 0 for other options.
func cmsgBit(optname int) uint16 {
	switch optname {
	case core.IpPktinfo:
		return IpCmsgPktinfo
	case core.IpRecvttl:
		return IpCmsgTtl
	case core.IpRecvtos:
		return IpCmsgTos
	case core.IpRecvopts:
		return IpCmsgRecvopts
	case ipRetopts:
		return IpCmsgRetopts
	case ipRecvorigdstadr:
		return IpCmsgOrigdstaddr
	case ipRecvfragsize:
		return IpCmsgRecvfragsize
	}
	return 0
}

// setIpOption sets the options that are mere values.
func (n *Net) setIpOption(sk *core.Sock, optname, val int, optval []byte) int {
	inet := InetSk(sk)
	if bit := cmsgBit(optname); bit != 0 {
		inet.CmsgFlags = setFlag(inet.CmsgFlags, bit, val != 0)
		return 0
	}
	on, stream, raw := val != 0, sk.SkType == core.SockStream, sk.SkType == core.SockRaw
	switch optname {
	case core.IpTtl:
		if len(optval) < 1 || val != -1 && (val < 1 || val > 255) {
			return -core.EINVAL
		}
		inet.UcTtl = int16(val)
	case core.IpHdrincl:
		if !raw {
			return -core.ENOPROTOOPT
		}
		inet.Hdrincl = on
	case ipNodefrag:
		if !raw {
			return -core.ENOPROTOOPT
		}
		inet.Nodefrag = on
	case core.IpBindAddressNoPort:
		inet.BindAddressNoPort = on
	case core.IpMtuDiscover:
		if val < core.IpPmtudiscDont || val > ipPmtudiscOmit {
			return -core.EINVAL
		}
		inet.Pmtudisc = uint8(val)
	case core.IpMulticastTtl:
		if val == -1 {
			val = 1
		}
		if stream || len(optval) < 1 || val < 0 || val > 255 {
			return -core.EINVAL
		}
		inet.McTtl = uint8(val)
	case core.IpMulticastLoop:
		if len(optval) < 1 {
			return -core.EINVAL
		}
		inet.McLoop = on
	case ipMulticastAll:
		if len(optval) < 1 || val != 0 && val != 1 {
			return -core.EINVAL
		}
		inet.McAll = on
	case ipUnicastIf:
		return n.setUnicastIf(sk, optval)
	case core.IpFreebind:
		if len(optval) < 1 {
			return -core.EINVAL
		}
		inet.Freebind = on
	case ipTransparent:
		if len(optval) < 1 {
			return -core.EINVAL
		}
		inet.Transparent = on
	case ipMinttl:
		if len(optval) < 1 || val < 0 || val > 255 {
			return -core.EINVAL
		}
		inet.MinTtl = uint8(val)
	default:
		return -core.ENOPROTOOPT
	}
	return 0
}

// setUnicastIf is IP_UNICAST_IF: packets without a route of their own leave
// through this interface, whose index is in network order.
func (n *Net) setUnicastIf(sk *core.Sock, optval []byte) int {
	if len(optval) != 4 {
		return -core.EINVAL
	}
	ifindex := int(binary.BigEndian.Uint32(optval))
	if ifindex != 0 {
		switch {
		case n.devGetByIndex(ifindex) == nil:
			return -core.EADDRNOTAVAIL
		case sk.SkBoundDevIf != 0:
			return -core.EINVAL
		}
	}
	InetSk(sk).UcIndex = ifindex
	return 0
}

// parseMreq reads a struct ip_mreqn, or a struct ip_mreq, or for IP_MULTICAST_IF
// a mere address.
func parseMreq(optval []byte, addrOnly bool) (m ipMreqn, ok bool) {
	addr := func(at int) wire.Addr { return wire.Addr(binary.BigEndian.Uint32(optval[at:])) }
	switch {
	case len(optval) >= 12:
		return ipMreqn{addr(0), addr(4), int(int32(binary.LittleEndian.Uint32(optval[8:])))}, true
	case len(optval) >= 8:
		return ipMreqn{multiaddr: addr(0), address: addr(4)}, true
	case len(optval) >= 4 && addrOnly:
		return ipMreqn{address: addr(0)}, true
	}
	return m, false
}

// setMulticastIf is IP_MULTICAST_IF: multicasts leave through this interface and
// from this address.
func (n *Net) setMulticastIf(sk *core.Sock, mreq ipMreqn) int {
	inet := InetSk(sk)
	switch {
	case mreq.ifindex == 0 && mreq.address == addrAny:
		inet.McIndex, inet.McAddr = 0, 0
		return 0
	case mreq.ifindex == 0 || n.devGetByIndex(mreq.ifindex) == nil:
		return -core.EADDRNOTAVAIL
	case sk.SkBoundDevIf != 0 && mreq.ifindex != int(sk.SkBoundDevIf):
		return -core.EINVAL
	}
	inet.McIndex, inet.McAddr = mreq.ifindex, mreq.address
	return 0
}

// IpGetsockopt reads an option of the IP level into optval; it returns how much
// of that it filled. Errors: ENOPROTOOPT, ENOTCONN for the MTU of nowhere.
func (n *Net) IpGetsockopt(sk *core.Sock, level, optname int, optval []byte) (int, int) {
	kernel.Fentry3(&n.Kernel, sk, level, optname) // ip_getsockopt net/ipv4/ip_sockglue.c:1559

	return n.doIpGetsockopt(sk, level, optname, optval) // :1559
}

func (n *Net) doIpGetsockopt(sk *core.Sock, level, optname int, optval []byte) (int, int) {
	kernel.Fentry3(&n.Kernel, sk, level, optname) // do_ip_getsockopt net/ipv4/ip_sockglue.c:1310

	if level != core.SolIp {
		return 0, -core.EOPNOTSUPP
	}
	n.LockSock(sk) // :1328
	inet := InetSk(sk)
	var val, err int
	switch optname {
	case core.IpOptionsOpt:
		length := copy(optval, inet.InetOpt)
		n.ReleaseSock(sk) // :1344
		return length, 0
	case core.IpMulticastIf:
		var addr [4]byte
		binary.BigEndian.PutUint32(addr[:], uint32(inet.McAddr))
		n.ReleaseSock(sk) // :1440
		return copy(optval, addr[:]), 0
	default:
		val, err = n.getIpOption(sk, optname)
	}
	n.ReleaseSock(sk) // :1529
	if err != 0 {
		return 0, err
	}
	if len(optval) < 4 && len(optval) > 0 && val >= 0 && val <= 255 {
		optval[0] = byte(val)
		return 1, 0
	}
	return copy(optval, leInt(val)), 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// getIpOption is the value of an option that is a number.
func (n *Net) getIpOption(sk *core.Sock, optname int) (val, err int) {
	inet := InetSk(sk)
	if bit := cmsgBit(optname); bit != 0 {
		return b2i(inet.CmsgFlags&bit != 0), 0
	}
	switch optname {
	case core.IpTos:
		return int(inet.Tos), 0
	case core.IpTtl:
		if inet.UcTtl == -1 {
			return n.Sysctl.IpDefaultTtl, 0
		}
		return int(inet.UcTtl), 0
	case core.IpHdrincl:
		return b2i(inet.Hdrincl), 0
	case ipNodefrag:
		return b2i(inet.Nodefrag), 0
	case core.IpBindAddressNoPort:
		return b2i(inet.BindAddressNoPort), 0
	case core.IpMtuDiscover:
		return int(inet.Pmtudisc), 0
	case core.IpMtu:
		if dst := sk.SkDstCache; dst != nil {
			return int(n.ipv4Mtu(dst)), 0
		}
		return 0, -core.ENOTCONN
	case core.IpRecverr:
		return b2i(inet.Recverr), 0
	case core.IpMulticastTtl:
		return int(inet.McTtl), 0
	case core.IpMulticastLoop:
		return b2i(inet.McLoop), 0
	case ipMulticastAll:
		return b2i(inet.McAll), 0
	case ipUnicastIf:
		return int(int32(binary.LittleEndian.Uint32(binary.BigEndian.AppendUint32(nil, uint32(inet.UcIndex))))), 0
	case core.IpFreebind:
		return b2i(inet.Freebind), 0
	case ipTransparent:
		return b2i(inet.Transparent), 0
	case ipMinttl:
		return int(inet.MinTtl), 0
	}
	return 0, -core.ENOPROTOOPT
}
