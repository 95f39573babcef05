// The small operations on sockets (include/net/sock.h).

package core

import (
	"unsafe"

	"menuos/stack/internal/kernel"
)

// sameFunc reports whether two destructors are the same bound function. Bound
// functions are made once, so they are equal if their closures are.
func sameFunc(a, b func(*SkBuff)) bool {
	return *(*unsafe.Pointer)(unsafe.Pointer(&a)) == *(*unsafe.Pointer)(unsafe.Pointer(&b))
}

// SameDestructor reports whether a packet's destructor is fn, which was bound
// once.
func SameDestructor(skb *SkBuff, fn func(*SkBuff)) bool { return sameFunc(skb.Destructor, fn) }

// SockFlag reports whether one of SOCK_* is set (sock_flag).
func SockFlag(sk *Sock, flag uint) bool { return sk.SkFlags&(1<<flag) != 0 }

// SockSetFlag sets one of SOCK_* (sock_set_flag).
func SockSetFlag(sk *Sock, flag uint) { sk.SkFlags |= 1 << flag }

// SockResetFlag clears one of SOCK_* (sock_reset_flag).
func SockResetFlag(sk *Sock, flag uint) { sk.SkFlags &^= 1 << flag }

// SockValboolFlag sets or clears one of SOCK_* (sock_valbool_flag).
func SockValboolFlag(sk *Sock, flag uint, on bool) {
	if on {
		SockSetFlag(sk, flag)
	} else {
		SockResetFlag(sk, flag)
	}
}

// SockCopyFlags copies all flags (sock_copy_flags).
func SockCopyFlags(nsk, osk *Sock) { nsk.SkFlags = osk.SkFlags }

// SkSetSocket notes which file the socket belongs to (sk_set_socket).
func SkSetSocket(sk *Sock, sock *Socket) { sk.SkSocket = sock }

// SkSleep is where the socket's waiters wait (sk_sleep).
func SkSleep(sk *Sock) *kernel.WaitQueueHead { return &sk.SkWq.Wait }

// SockOwnedByUser reports whether a system call holds the socket
// (sock_owned_by_user).
func SockOwnedByUser(sk *Sock) bool { return sk.SkLock.Owned }

// SkFullsock reports whether this is neither a request nor a TIME_WAIT remnant
// (sk_fullsock).
func SkFullsock(sk *SockCommon) bool {
	return 1<<sk.SkState&^(TcpfTimeWait|TcpfNewSynRecv) != 0
}

// SkListener reports whether this listens or is a request (sk_listener).
func SkListener(sk *SockCommon) bool { return 1<<sk.SkState&(TcpfListen|TcpfNewSynRecv) != 0 }

// SockNet is the machine of a socket (sock_net).
func SockNet(sk *Sock) *Net { return sk.SkNet }

// SkAcceptqAdded and SkAcceptqRemoved count connections that wait for accept.
func SkAcceptqAdded(sk *Sock)   { sk.SkAckBacklog++ }
func SkAcceptqRemoved(sk *Sock) { sk.SkAckBacklog-- }

// SkAcceptqIsFull reports whether no further connection may wait for accept
// (sk_acceptq_is_full).
func SkAcceptqIsFull(sk *Sock) bool { return sk.SkAckBacklog > sk.SkMaxAckBacklog }

// SockError takes the socket's pending error as a negative errno (sock_error).
func SockError(sk *Sock) int {
	err := sk.SkErr
	sk.SkErr = 0
	return -err
}

// SockRcvtimeo is how long a receive may wait, in jiffies (sock_rcvtimeo).
func SockRcvtimeo(sk *Sock, noblock bool) int64 {
	if noblock {
		return 0
	}
	return sk.SkRcvtimeo
}

// SockSndtimeo is how long a send may wait, in jiffies (sock_sndtimeo).
func SockSndtimeo(sk *Sock, noblock bool) int64 {
	if noblock {
		return 0
	}
	return sk.SkSndtimeo
}

// SockRcvlowat is how much a receive of length bytes waits for (sock_rcvlowat).
func SockRcvlowat(sk *Sock, waitall bool, length int) int {
	v := length
	if !waitall {
		v = min(sk.SkRcvlowat, length)
	}
	return max(v, 1)
}

// SockIntrErrno is what an interrupted wait returns: the call is restarted
// only if it had no timeout (sock_intr_errno).
func SockIntrErrno(timeo int64) int {
	if timeo == kernel.MaxScheduleTimeout {
		return -ERESTARTSYS
	}
	return -EINTR
}

// SkWmemAllocGet is what packets under way cost the socket (sk_wmem_alloc_get).
func SkWmemAllocGet(sk *Sock) int { return sk.SkWmemAlloc - 1 }

// SkRmemAllocGet is what received packets cost the socket (sk_rmem_alloc_get).
func SkRmemAllocGet(sk *Sock) int { return sk.SkBacklog.RmemAlloc }

// SkHasAllocations reports whether packets are under way or unread
// (sk_has_allocations).
func SkHasAllocations(sk *Sock) bool { return SkWmemAllocGet(sk) != 0 || SkRmemAllocGet(sk) != 0 }

// SockWspace is the room in the send buffer (sock_wspace).
func SockWspace(sk *Sock) int {
	if sk.SkShutdown&SendShutdown != 0 {
		return 0
	}
	return max(sk.SkSndbuf-sk.SkWmemAlloc, 0)
}

// SockWriteable reports whether a datagram may be sent (sock_writeable).
func SockWriteable(sk *Sock) bool { return sk.SkWmemAlloc < sk.SkSndbuf>>1 }

// SkPeekOffset is where a peek begins (sk_peek_offset).
func SkPeekOffset(sk *Sock, flags int) int {
	if flags&MsgPeek != 0 {
		return sk.SkPeekOff
	}
	return 0
}

// SkPeekOffsetBwd moves the peek offset back by what was read
// (sk_peek_offset_bwd).
func SkPeekOffsetBwd(sk *Sock, val int) {
	if sk.SkPeekOff >= 0 {
		sk.SkPeekOff = max(sk.SkPeekOff-val, 0)
	}
}

// SkPeekOffsetFwd moves the peek offset on (sk_peek_offset_fwd).
func SkPeekOffsetFwd(sk *Sock, val int) { SkPeekOffsetBwd(sk, -val) }

// SkSetPeekOff is the option SO_PEEK_OFF (sk_set_peek_off).
func SkSetPeekOff(sk *Sock, val int) int {
	sk.SkPeekOff = val
	return 0
}

// SkSetBit sets one of the flags of the socket's file (set_bit on
// sk_socket->flags).
func SkSetBit(nr uint, sk *Sock) {
	if sk.SkSocket != nil {
		sk.SkSocket.Flags |= 1 << nr
	}
}

// SkClearBit clears one of the flags of the socket's file.
func SkClearBit(nr uint, sk *Sock) {
	if sk.SkSocket != nil {
		sk.SkSocket.Flags &^= 1 << nr
	}
}

// SockTestBit reports whether a flag of a socket's file is set.
func SockTestBit(nr uint, sock *Socket) bool { return sock.Flags&(1<<nr) != 0 }

// SkHasSleeper reports whether anybody waits (skwq_has_sleeper).
func SkwqHasSleeper(wq *SocketWq) bool { return wq != nil && wq.Wait.Active() }

// SockPollWait registers a poll on the socket's queue (sock_poll_wait).
func SockPollWait(sock *Socket, p *kernel.PollTable) { p.PollWait(&sock.Wq.Wait) }

// The route that a socket keeps.

// SkDstGet__ is the socket's route without a reference (__sk_dst_get).
func SkDstGet__(sk *Sock) *DstEntry { return sk.SkDstCache }

// SkDstGet is the socket's route with a reference (sk_dst_get).
func SkDstGet(sk *Sock) *DstEntry {
	dst := sk.SkDstCache
	if dst != nil && !DstHoldSafe(dst) {
		return nil
	}
	return dst
}

// SkDstSet__ replaces the socket's route and takes over the reference on dst
// (__sk_dst_set).
func (n *Net) SkDstSet__(sk *Sock, dst *DstEntry) {
	sk.SkDstPendingConfirm = false
	old := sk.SkDstCache
	sk.SkDstCache = dst
	n.DstRelease(old)
}

// SkDstSet is SkDstSet__ for one who does not own the socket (sk_dst_set).
func (n *Net) SkDstSet(sk *Sock, dst *DstEntry) { n.SkDstSet__(sk, dst) }

// SkDstReset__ forgets the socket's route (__sk_dst_reset).
func (n *Net) SkDstReset__(sk *Sock) { n.SkDstSet__(sk, nil) }

// SkDstReset forgets the socket's route (sk_dst_reset).
func (n *Net) SkDstReset(sk *Sock) { n.SkDstSet(sk, nil) }

// SkDstCheck__ is the socket's route if it is still good (__sk_dst_check).
func (n *Net) SkDstCheck__(sk *Sock, cookie uint32) *DstEntry {
	kernel.Fentry2(&n.Kernel, sk, cookie) // __sk_dst_check net/core/sock.c:495

	dst := sk.SkDstCache
	if dst != nil && dst.Obsolete != 0 && dst.Ops.Check(dst, cookie) == nil { // :497
		sk.SkDstPendingConfirm = false
		sk.SkDstCache = nil
		n.DstRelease(dst)
		return nil
	}
	return dst
}

// SkDstCheck is SkDstCheck__ with a reference for the caller (sk_dst_check).
func (n *Net) SkDstCheck(sk *Sock, cookie uint32) *DstEntry {
	kernel.Fentry2(&n.Kernel, sk, cookie) // sk_dst_check net/core/sock.c:511

	dst := SkDstGet(sk)
	if dst != nil && dst.Obsolete != 0 && dst.Ops.Check(dst, cookie) == nil { // :513
		n.SkDstReset(sk)
		n.DstRelease(dst)
		return nil
	}
	return dst
}

// SkDstConfirm notes that the next hop has answered (sk_dst_confirm).
func SkDstConfirm(sk *Sock) { sk.SkDstPendingConfirm = true }

// SkbSetDstPendingConfirm passes on that note with a packet
// (skb_set_dst_pending_confirm).
func SkbSetDstPendingConfirm(skb *SkBuff, val bool) { skb.DstPendingConfirm = val }

// SockConfirmNeigh confirms a neighbour if the packet says that it answers
// (sock_confirm_neigh).
func (n *Net) SockConfirmNeigh(skb *SkBuff, neigh *Neighbour) {
	if !skb.DstPendingConfirm {
		return
	}
	neigh.Confirmed = n.Jiffies()
	if skb.Sk != nil && skb.Sk.SkDstPendingConfirm {
		skb.Sk.SkDstPendingConfirm = false
	}
}

// DstNegativeAdvice tells the socket's route that nothing gets through
// (dst_negative_advice).
func (n *Net) DstNegativeAdvice(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // dst_negative_advice include/net/sock.h:1863

	dst := sk.SkDstCache
	n.SkRethinkTxhash(sk)
	if dst == nil || dst.Ops.NegativeAdvice == nil {
		return
	}
	ndst := dst.Ops.NegativeAdvice(dst) // :1868
	if ndst != dst {
		sk.SkDstCache = ndst
		sk.SkDstPendingConfirm = false
	}
}

// SkSetTxhash draws the hash that the socket's packets bear (sk_set_txhash).
func (n *Net) SkSetTxhash(sk *Sock) { sk.SkTxhash = n.NetTxRndhash() }

// NetTxRndhash draws a hash that is not 0 (net_tx_rndhash).
func (n *Net) NetTxRndhash() uint32 {
	if v := n.PrandomU32(); v != 0 {
		return v
	}
	return 1
}

// SkRethinkTxhash draws a new hash if there is one (sk_rethink_txhash).
func (n *Net) SkRethinkTxhash(sk *Sock) {
	if sk.SkTxhash != 0 {
		n.SkSetTxhash(sk)
	}
}

// SkbSetHashFromSk gives a packet its socket's hash (skb_set_hash_from_sk).
func SkbSetHashFromSk(skb *SkBuff, sk *Sock) {
	if sk.SkTxhash != 0 {
		skb.L4Hash = true
		skb.Hash = sk.SkTxhash
	}
}

// SkCanGso reports whether packets of this socket may be cut later
// (sk_can_gso).
func SkCanGso(sk *Sock) bool {
	return sk.SkGsoType&SkbGsoTcpv4 == 0 || sk.SkRouteCaps&NetifFTso != 0
}

// SkNocapsAdd takes features from the socket for good (sk_nocaps_add).
func SkNocapsAdd(sk *Sock, flags uint64) {
	sk.SkRouteNocaps |= flags
	sk.SkRouteCaps &^= flags
}

// SkSetupCaps gives the socket a route and what its device can do
// (sk_setup_caps).
func (n *Net) SkSetupCaps(sk *Sock, dst *DstEntry) {
	kernel.Fentry2(&n.Kernel, sk, dst) // sk_setup_caps net/core/sock.c:1779

	maxSegs := uint16(1)
	n.SkDstSet(sk, dst)
	sk.SkRouteCaps = dst.Dev.Features | uint64(sk.SkRouteForcedCaps)
	if sk.SkRouteCaps&NetifFGso != 0 {
		sk.SkRouteCaps |= NetifFGsoSoftware
	}
	sk.SkRouteCaps &^= sk.SkRouteNocaps
	if SkCanGso(sk) {
		sk.SkRouteCaps |= NetifFSg | NetifFHwCsum
		sk.SkGsoMaxSize = dst.Dev.GsoMaxSize
		maxSegs = max(dst.Dev.GsoMaxSegs, 1)
	}
	sk.SkGsoMaxSegs = maxSegs
}

// SkPacingShiftUpdate sets how much of a second may be queued
// (sk_pacing_shift_update).
func SkPacingShiftUpdate(sk *Sock, val uint8) { sk.SkPacingShift = val }

// SkIncomingCpuUpdate notes the CPU that received (sk_incoming_cpu_update).
func SkIncomingCpuUpdate(sk *Sock) { sk.SkIncomingCpu = 0 }

// SkMarkNapiId would note the queue that received (sk_mark_napi_id); menuos
// does not poll from system calls.
func SkMarkNapiId(sk *Sock, skb *SkBuff) {}
