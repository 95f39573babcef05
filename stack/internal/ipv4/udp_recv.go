// How a program reads UDP datagrams, and how it lets go of its peer and of its
// socket (net/ipv4/udp.c). Left out: receive timestamps (SO_TIMESTAMP) and the
// count of drops (SO_RXQ_OVFL) as ancillary messages.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// udpDestructSock frees what nobody read.
func (n *Net) udpDestructSock(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // udp_destruct_sock net/ipv4/udp.c:1506

	up := udpSk(sk)
	total := 0
	up.readerQueue.SpliceTailInit(&sk.SkReceiveQueue)
	for skb := up.readerQueue.Dequeue(); skb != nil; skb = up.readerQueue.Dequeue() {
		total += skb.Truesize
		n.KfreeSkb(skb) // :1509
	}
	n.udpRmemRelease(sk, total, 0, true) // :1511
	n.InetSockDestruct(sk)               // :1513
}

// udpInitSock readies a new socket.
func (n *Net) udpInitSock(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // udp_init_sock net/ipv4/udp.c:1519

	sk.SkDestruct = n.udp.destruct
	return 0
}

// skbConsumeUdp lets go of a datagram that has been read. len is how much of
// it, negative if it was only peeked at.
func (n *Net) skbConsumeUdp(sk *core.Sock, skb *core.SkBuff, len int) {
	kernel.Fentry3(&n.Kernel, sk, skb, len) // skb_consume_udp net/ipv4/udp.c:1527

	if sk.SkPeekOff >= 0 {
		slow := n.LockSockFast(sk) // :1528
		core.SkPeekOffsetBwd(sk, len)
		n.UnlockSockFast(sk, slow) // :1531
	}
	n.ConsumeSkb(skb) // :1542
}

// udpLibChecksumComplete is 0 if a datagram's checksum is right or was checked
// before.
func (n *Net) udpLibChecksumComplete(skb *core.SkBuff) uint16 {
	kernel.Fentry1(&n.Kernel, skb) // udp_lib_checksum_complete include/net/udp.h:121

	if core.SkbCsumUnnecessary(skb) {
		return 0
	}
	return n.udpLibChecksumComplete__(skb) // :122
}

func (n *Net) udpLibChecksumComplete__(skb *core.SkBuff) uint16 {
	kernel.Fentry1(&n.Kernel, skb) // __udp_lib_checksum_complete include/net/udp.h:114

	return n.SkbChecksumComplete__(skb) // :115
}

// firstPacketLength__ drops datagrams with a wrong checksum from the front of
// a queue and returns the first good one and how much memory was freed.
func (n *Net) firstPacketLength__(sk *core.Sock, rcvq *core.SkBuffHead) (skb *core.SkBuff, total int) {
	kernel.Fentry2(&n.Kernel, sk, rcvq) // __first_packet_length net/ipv4/udp.c:1552

	for skb = rcvq.Peek(); skb != nil; skb = rcvq.Peek() {
		if n.udpLibChecksumComplete(skb) == 0 { // :1553
			break
		}
		n.Mib[core.MibUdpInCsumErrors]++
		n.Mib[core.MibUdpInErrors]++
		sk.SkDrops++
		rcvq.Unlink(skb)
		total += skb.Truesize
		n.Drop("checksum")
		n.KfreeSkb(skb) // :1561
	}
	return skb, total
}

// firstPacketLength is the length of the datagram that will be read next, -1
// if there is none.
func (n *Net) firstPacketLength(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // first_packet_length net/ipv4/udp.c:1582

	rcvq, skQueue := &udpSk(sk).readerQueue, &sk.SkReceiveQueue
	n.LocalBhDisable()
	skb, total := n.firstPacketLength__(sk, rcvq) // :1589
	if skb == nil && !skQueue.Empty() {
		rcvq.SpliceTailInit(skQueue)
		var more int
		skb, more = n.firstPacketLength__(sk, rcvq) // :1595
		total += more
	}
	res := -1
	if skb != nil {
		res = skb.Len
	}
	if total != 0 {
		n.udpRmemRelease(sk, total, 1, false) // :1599
	}
	n.SpinUnlockBh() // :1600
	return res
}

// skbRecvUdp__ takes the next datagram, or with MSG_PEEK looks at it, and waits
// for it if it may. off says where in it to begin. nil is returned with *err
// set, which is 0 when the socket was shut down.
func (n *Net) skbRecvUdp__(sk *core.Sock, flags int, noblock bool, peeked *bool, off, err *int) *core.SkBuff {
	kernel.Fentry3(&n.Kernel, sk, flags, noblock) // __skb_recv_udp net/ipv4/udp.c:1636

	skQueue, queue := &sk.SkReceiveQueue, &udpSk(sk).readerQueue
	var last *core.SkBuff
	if noblock {
		flags |= core.MsgDontwait
	}
	timeo := core.SockRcvtimeo(sk, flags&core.MsgDontwait != 0)
	for {
		if *err = core.SockError(sk); *err != 0 {
			return nil
		}
		*peeked = false
		n.LocalBhDisable()
		skb := n.SkbTryRecvFromQueue__(sk, queue, flags, n.udp.skbDestructor, peeked, off, err, &last) // :1656
		if skb != nil {
			n.SpinUnlockBh() // :1661
			return skb
		}
		if skQueue.Empty() {
			n.SpinUnlockBh() // :1666
		} else {
			queue.SpliceTailInit(skQueue)
			skb = n.SkbTryRecvFromQueue__(sk, queue, flags, n.udp.skbDtorLocked, peeked, off, err, &last) // :1678
			n.SpinUnlockBh()                                                                              // :1683
			if skb != nil {
				return skb
			}
		}
		*err = -core.EAGAIN
		if timeo == 0 {
			return nil
		}
		if n.SkbWaitForMorePackets__(sk, err, &timeo, nil) != 0 { // :1696
			return nil
		}
	}
}

// udpRecvmsg reads a datagram into msg: as much as fits in len bytes, the rest
// is lost and MSG_TRUNC set. It returns how much it stored, or with MSG_TRUNC
// in flags how long the datagram was.
func (n *Net) udpRecvmsg(sk *core.Sock, msg *core.Msghdr, len int, noblock bool, flags int, addrLen *int) int {
	kernel.Fentry5(&n.Kernel, sk, msg, len, noblock, flags) // udp_recvmsg net/ipv4/udp.c:1711

	if flags&core.MsgErrqueue != 0 {
		return n.ipRecvError(sk, msg, len, addrLen) // :1722
	}
	peeking := flags&core.MsgPeek != 0
	for {
		off := core.SkPeekOffset(sk, flags)
		peeked, err := false, 0
		skb := n.skbRecvUdp__(sk, flags, noblock, &peeked, &off, &err) // :1727
		if skb == nil {
			return err
		}
		ulen := skb.Len
		copied := len
		if copied > ulen-off {
			copied = ulen - off
		} else if copied < ulen {
			msg.Flags |= core.MsgTrunc
		}

		// What is truncated or stays in the queue is checked as a whole first,
		// the rest while it is copied.
		err = 0
		valid, bad := core.SkbCsumUnnecessary(skb), false
		if !valid && (copied < ulen || peeking) {
			bad = n.SkbChecksumComplete__(skb) != 0 // :1747
			valid = !bad
		}
		switch {
		case bad:
		case valid && !skb.IsNonlinear():
			copyLinearSkb(skb, copied, off, msg)
		case valid:
			err = n.SkbCopyDatagramMsg(skb, off, msg, copied) // :1756
		default:
			err = n.SkbCopyAndCsumDatagramMsg(skb, off, msg) // :1758
			bad = err == -core.EINVAL
		}
		if bad {
			if n.SkQueueDropSkb__(sk, &udpSk(sk).readerQueue, skb, flags, n.udp.skbDestructor) == 0 { // :1803
				n.Mib[core.MibUdpInCsumErrors]++
				n.Mib[core.MibUdpInErrors]++
			}
			n.Drop("checksum")
			n.KfreeSkb(skb) // :1808
			n.CondResched() // :1811
			msg.Flags &^= core.MsgTrunc
			continue
		}
		if err != 0 {
			if !peeked {
				sk.SkDrops++
				n.Mib[core.MibUdpInErrors]++
			}
			n.KfreeSkb(skb) // :1770
			return err
		}
		if !peeked {
			n.Mib[core.MibUdpInDatagrams]++
		}
		if msg.Name != nil {
			msg.Name = putSockaddrIn(msg.Name, skb.Ip().Src(), skb.Udp().SrcPort())
			*addrLen = sizeofSockaddrIn
		}
		if InetSk(sk).CmsgFlags != 0 {
			n.ipCmsgRecvOffset(msg, sk, skb, 8, off) // :1793
		}
		took := copied
		if flags&core.MsgTrunc != 0 {
			took = ulen
		}
		if peeking {
			n.skbConsumeUdp(sk, skb, -took) // :1799
		} else {
			n.skbConsumeUdp(sk, skb, took) // :1799
		}
		return took
	}
}

// copyLinearSkb copies length bytes at off of a packet without fragments
// (copy_linear_skb).
func copyLinearSkb(skb *core.SkBuff, length, off int, msg *core.Msghdr) {
	copy(msg.Iter, skb.Bytes()[off:off+length])
	msg.Iter = msg.Iter[length:]
}

// udpPreConnect refuses an address that is too short.
func (n *Net) udpPreConnect(sk *core.Sock, uaddr core.Sockaddr, addrLen int) int {
	kernel.Fentry3(&n.Kernel, sk, uaddr, addrLen) // udp_pre_connect net/ipv4/udp.c:1822

	if addrLen < sizeofSockaddrIn {
		return -core.EINVAL
	}
	return 0
}

// udpDisconnect__ ends the association with a peer: addresses and a port that
// connect chose are given up. The caller owns sk.
func (n *Net) udpDisconnect__(sk *core.Sock, flags int) int {
	kernel.Fentry2(&n.Kernel, sk, flags) // __udp_disconnect net/ipv4/udp.c:1831

	inet := InetSk(sk)
	sk.SkState = core.TcpClose
	sk.SkDaddr, sk.SkDport = 0, 0
	sk.SkBoundDevIf = 0
	if sk.SkUserlocks&core.SockBindaddrLock == 0 {
		inet.InetSaddr, sk.SkRcvSaddr = 0, 0
	}
	if sk.SkUserlocks&core.SockBindportLock == 0 {
		sk.SkProt.Unhash(sk) // :1845
		inet.InetSport = 0
	}
	n.SkDstReset(sk) // :1848
	return 0
}

// udpDisconnect is udpDisconnect__ for one who does not own sk.
func (n *Net) udpDisconnect(sk *core.Sock, flags int) int {
	kernel.Fentry2(&n.Kernel, sk, flags) // udp_disconnect net/ipv4/udp.c:1855

	n.LockSock(sk)               // :1855
	n.udpDisconnect__(sk, flags) // :1856
	n.ReleaseSock(sk)            // :1857
	return 0
}

// udpDestroySock throws away what a closing socket was putting together.
func (n *Net) udpDestroySock(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // udp_destroy_sock net/ipv4/udp.c:2487

	slow := n.LockSockFast(sk)  // :2488
	n.udpFlushPendingFrames(sk) // :2489
	n.UnlockSockFast(sk, slow)  // :2490
}

// udpLibClose closes a socket: nothing lingers.
func (n *Net) udpLibClose(sk *core.Sock, timeout int64) {
	kernel.Fentry2(&n.Kernel, sk, timeout) // udp_lib_close include/net/udp.h:206

	n.SkCommonRelease(sk) // :206
}
