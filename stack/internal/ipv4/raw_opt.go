// Binding, closing, options and ioctl of raw sockets (net/ipv4/raw.c).

package ipv4

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const icmpFilterOpt = 1 // ICMP_FILTER

// rawClose closes a socket: nothing lingers.
func (n *Net) rawClose(sk *core.Sock, timeout int64) {
	kernel.Fentry2(&n.Kernel, sk, timeout) // raw_close net/ipv4/raw.c:706

	n.SkCommonRelease(sk) // :708
}

// rawDestroy throws away what a closing socket was putting together.
func (n *Net) rawDestroy(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // raw_destroy net/ipv4/raw.c:713

	n.LockSock(sk)             // :713
	n.ipFlushPendingFrames(sk) // :714
	n.ReleaseSock(sk)          // :715
}

// rawBind limits sk to packets for one of the machine's addresses, which it
// sends from too, or for a group.
func (n *Net) rawBind(sk *core.Sock, uaddr core.Sockaddr, addrLen int) int {
	kernel.Fentry3(&n.Kernel, sk, uaddr, addrLen) // raw_bind net/ipv4/raw.c:721

	if sk.SkState != core.TcpClose || addrLen < sizeofSockaddrIn || len(uaddr) < sizeofSockaddrIn {
		return -core.EINVAL
	}
	addr := sinAddr(uaddr)
	chkAddrRet := n.inetAddrTypeTable(addr, RtTableLocal) // :734
	group := chkAddrRet == RtnMulticast || chkAddrRet == RtnBroadcast
	if addr != 0 && chkAddrRet != RtnLocal && !group {
		return -core.EADDRNOTAVAIL
	}
	sk.SkRcvSaddr, InetSk(sk).InetSaddr = addr, addr
	if group {
		InetSk(sk).InetSaddr = 0
	}
	n.SkDstReset(sk) // :744
	return 0
}

// rawSkInit readies a new socket: ICMP of every type is welcome.
func (n *Net) rawSkInit(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // raw_sk_init net/ipv4/raw.c:809

	if sk.SkNum == uint16(wire.ProtoICMP) {
		rawSk(sk).filter = 0
	}
	return 0
}

// rawSetsockopt sets an option of the raw level, which is ICMP_FILTER, or,
// failing that, of IP's.
func (n *Net) rawSetsockopt(sk *core.Sock, level, optname int, optval []byte) int {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // raw_setsockopt net/ipv4/raw.c:859

	if level != core.SolRaw {
		return n.IpSetsockopt(sk, level, optname, optval) // :860
	}
	return n.doRawSetsockopt(sk, level, optname, optval) // :861
}

// doRawSetsockopt sets the filter. What the program leaves out of it stays.
func (n *Net) doRawSetsockopt(sk *core.Sock, level, optname int, optval []byte) int {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // do_raw_setsockopt net/ipv4/raw.c:847

	if optname != icmpFilterOpt {
		return -core.ENOPROTOOPT
	}
	if sk.SkNum != uint16(wire.ProtoICMP) {
		return -core.EOPNOTSUPP
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], rawSk(sk).filter)
	copy(b[:], optval)
	rawSk(sk).filter = binary.LittleEndian.Uint32(b[:])
	return 0
}

// rawGetsockopt reads an option of the raw level or, failing that, of IP's.
func (n *Net) rawGetsockopt(sk *core.Sock, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // raw_getsockopt net/ipv4/raw.c:889

	if level != core.SolRaw {
		return n.IpGetsockopt(sk, level, optname, optval) // :890
	}
	return n.doRawGetsockopt(sk, level, optname, optval) // :891
}

// doRawGetsockopt reads the filter.
func (n *Net) doRawGetsockopt(sk *core.Sock, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // do_raw_getsockopt net/ipv4/raw.c:877

	if optname != icmpFilterOpt {
		return 0, -core.ENOPROTOOPT
	}
	if sk.SkNum != uint16(wire.ProtoICMP) {
		return 0, -core.EOPNOTSUPP
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], rawSk(sk).filter)
	return copy(optval, b[:]), 0
}

// rawIoctl tells how much is on its way out, or the length of the packet that
// is read next. arg is where to put it, an *int.
func (n *Net) rawIoctl(sk *core.Sock, cmd uint32, arg any) int {
	kernel.Fentry2(&n.Kernel, sk, cmd) // raw_ioctl net/ipv4/raw.c:906

	to, _ := arg.(*int)
	amount := 0
	switch cmd {
	case siocoutq:
		amount = sk.SkWmemAlloc - 1
	case siocinq:
		n.LocalBhDisable()
		if skb := sk.SkReceiveQueue.Peek(); skb != nil {
			amount = skb.Len
		}
		n.SpinUnlockBh() // :920
	default:
		return -core.ENOIOCTLCMD
	}
	if to == nil {
		return -core.EFAULT
	}
	*to = amount
	return 0
}
