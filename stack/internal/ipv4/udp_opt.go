// Options, ioctl and poll of UDP sockets (net/ipv4/udp.c).

package ipv4

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// Options of SOL_UDP, and the ioctls that ask how much is queued.
const (
	udpOptCork = 1

	siocinq  = 0x541b
	siocoutq = 0x5411
)

// udpIoctl tells how much is on its way out, or the length of the datagram
// that is read next. arg is where to put it, an *int.
func (n *Net) udpIoctl(sk *core.Sock, cmd uint32, arg any) int {
	kernel.Fentry2(&n.Kernel, sk, cmd) // udp_ioctl net/ipv4/udp.c:1610

	to, _ := arg.(*int)
	amount := 0
	switch cmd {
	case siocoutq:
		amount = sk.SkWmemAlloc - 1
	case siocinq:
		amount = max(n.firstPacketLength(sk), 0) // :1620
	default:
		return -core.ENOIOCTLCMD
	}
	if to == nil {
		return -core.EFAULT
	}
	*to = amount
	return 0
}

// udpLibSetsockopt sets an option of the UDP level. Ending UDP_CORK sends what
// has come together.
func (n *Net) udpLibSetsockopt(sk *core.Sock, level, optname int, optval []byte, pushPendingFrames func(sk *core.Sock) int) int {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // udp_lib_setsockopt net/ipv4/udp.c:2510

	if len(optval) < 4 {
		return -core.EINVAL
	}
	up := udpSk(sk)
	val := int32(binary.LittleEndian.Uint32(optval))
	if optname != udpOptCork {
		return -core.ENOPROTOOPT
	}
	up.corkflag = val != 0
	if val == 0 {
		n.LockSock(sk)        // :2529
		pushPendingFrames(sk) // :2530
		n.ReleaseSock(sk)     // :2531
	}
	return 0
}

// udpSetsockopt sets an option of the UDP level or, failing that, of IP's.
func (n *Net) udpSetsockopt(sk *core.Sock, level, optname int, optval []byte) int {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // udp_setsockopt net/ipv4/udp.c:2618

	if level == core.SolUdp {
		return n.udpLibSetsockopt(sk, level, optname, optval, n.udp.pushPendingFramesFn) // :2619
	}
	return n.IpSetsockopt(sk, level, optname, optval) // :2621
}

// udpLibGetsockopt reads an option of the UDP level.
func (n *Net) udpLibGetsockopt(sk *core.Sock, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // udp_lib_getsockopt net/ipv4/udp.c:2638

	if optname != udpOptCork {
		return 0, -core.ENOPROTOOPT
	}
	var val [4]byte
	if udpSk(sk).corkflag {
		val[0] = 1
	}
	return copy(optval, val[:]), 0
}

// udpGetsockopt reads an option of the UDP level or, failing that, of IP's.
func (n *Net) udpGetsockopt(sk *core.Sock, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // udp_getsockopt net/ipv4/udp.c:2695

	if level == core.SolUdp {
		return n.udpLibGetsockopt(sk, level, optname, optval) // :2696
	}
	return n.IpGetsockopt(sk, level, optname, optval) // :2697
}

// udpPoll reports what a socket is ready for. A blocking reader is not told of
// data until it is certain that some of it is sound.
func (n *Net) udpPoll(file *kernel.File, sock *core.Socket, wait *kernel.PollTable) uint32 {
	kernel.Fentry3(&n.Kernel, file, sock, wait) // udp_poll net/ipv4/udp.c:2724

	mask := n.DatagramPoll(file, sock, wait) // :2724
	sk := sock.Sk
	if !udpSk(sk).readerQueue.Empty() {
		mask |= core.POLLIN | core.POLLRDNORM
	}
	if mask&core.POLLRDNORM != 0 && !file.NonBlock && sk.SkShutdown&core.RcvShutdown == 0 {
		if n.firstPacketLength(sk) == -1 { // :2732
			mask &^= core.POLLIN | core.POLLRDNORM
		}
	}
	return mask
}
