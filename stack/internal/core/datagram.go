// Receiving packets one at a time, for protocols that do (net/core/datagram.c).

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

func connectionBased(sk *Sock) bool { return sk.SkType == SockStream }

// receiverWakeFunction wakes a reader only for what a reader waits for.
func (n *Net) receiverWakeFunction(e *kernel.WaitQueueEntry, key uint32) bool {
	if key != 0 && key&(POLLIN|POLLERR) == 0 {
		return false
	}
	return n.cb.autoremove(e, key)
}

// SkbWaitForMorePackets__ sleeps until something other than skb is last in the
// queue. It returns 0 if the caller should look again; otherwise *err says
// why not (__skb_wait_for_more_packets).
func (n *Net) SkbWaitForMorePackets__(sk *Sock, err *int, timeoP *int64, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // __skb_wait_for_more_packets net/core/datagram.c:89

	wait := n.DefineWait()
	wait.Func = n.cb.receiver
	n.PrepareToWaitExclusive(SkSleep(sk), wait, kernel.TaskInterruptible)
	result := 0
	if e := SockError(sk); e != 0 {
		*err, result = e, e
	} else if sk.SkReceiveQueue.Last != skb {
		result = 0
	} else if sk.SkShutdown&RcvShutdown != 0 {
		*err, result = 0, 1
	} else if connectionBased(sk) && sk.SkState != TcpEstablished && sk.SkState != TcpListen {
		*err, result = -ENOTCONN, -ENOTCONN
	} else if n.SignalPending(n.Current()) {
		*err = SockIntrErrno(*timeoP)
		result = *err
	} else {
		*timeoP = n.ScheduleTimeout(*timeoP) // :118
	}
	n.FinishWait(wait)
	return result
}

// skbSetPeeked marks a packet as seen by a peek, in a clone if somebody else
// holds it too.
func (n *Net) skbSetPeeked(q *SkBuffHead, skb *SkBuff) *SkBuff {
	kernel.Fentry1(&n.Kernel, skb) // skb_set_peeked net/core/datagram.c:138

	if skb.Peeked {
		return skb
	}
	if skb.Shared() {
		nskb := n.SkbClone(skb) // :145
		q.Replace(skb, nskb)
		n.ConsumeSkb(skb) // :154
		skb = nskb
	}
	skb.Peeked = true
	return skb
}

// SkbTryRecvFromQueue__ takes the first packet off a queue, or with MSG_PEEK
// only a reference on the one that holds *off. last becomes the last packet of
// the queue (__skb_try_recv_from_queue).
func (n *Net) SkbTryRecvFromQueue__(sk *Sock, queue *SkBuffHead, flags int, destructor func(sk *Sock, skb *SkBuff), peeked *bool, off *int, err *int, last **SkBuff) *SkBuff {
	kernel.Fentry3(&n.Kernel, sk, queue, flags) // __skb_try_recv_from_queue net/core/datagram.c:171

	peekAtOff := false
	skip := 0
	if flags&MsgPeek != 0 && *off >= 0 {
		peekAtOff = true
		skip = *off
	}
	*last = queue.Last
	for skb := queue.First; skb != nil; skb = skb.Next {
		if flags&MsgPeek != 0 {
			if peekAtOff && skip >= skb.Len && (skip != 0 || skb.Peeked) {
				skip -= skb.Len
				continue
			}
			if skb.Len == 0 {
				skb = n.skbSetPeeked(queue, skb) // :189
			}
			*peeked = true
			skb.Get()
		} else {
			queue.Unlink(skb)
			if destructor != nil {
				destructor(sk, skb) // :200
			}
		}
		*off = skip
		return skb
	}
	return nil
}

// SkbTryRecvDatagram__ takes the next packet of the receive queue without
// waiting (__skb_try_recv_datagram).
func (n *Net) SkbTryRecvDatagram__(sk *Sock, flags int, destructor func(sk *Sock, skb *SkBuff), peeked *bool, off *int, err *int, last **SkBuff) *SkBuff {
	kernel.Fentry2(&n.Kernel, sk, flags) // __skb_try_recv_datagram net/core/datagram.c:250

	if e := SockError(sk); e != 0 {
		*err = e
		return nil
	}
	*peeked = false
	skb := n.SkbTryRecvFromQueue__(sk, &sk.SkReceiveQueue, flags, destructor, peeked, off, err, last) // :270
	if skb == nil {
		*err = -EAGAIN
	}
	return skb
}

// SkbRecvDatagram__ takes the next packet of the receive queue and waits for
// one unless the socket or flags say not to (__skb_recv_datagram).
func (n *Net) SkbRecvDatagram__(sk *Sock, flags int, destructor func(sk *Sock, skb *SkBuff), peeked *bool, off *int, err *int) *SkBuff {
	kernel.Fentry2(&n.Kernel, sk, flags) // __skb_recv_datagram net/core/datagram.c:300

	var last *SkBuff
	timeo := SockRcvtimeo(sk, flags&MsgDontwait != 0)
	for {
		skb := n.SkbTryRecvDatagram__(sk, flags, destructor, peeked, off, err, &last) // :303
		if skb != nil {
			return skb
		}
		if *err != -EAGAIN || timeo == 0 {
			return nil
		}
		if n.SkbWaitForMorePackets__(sk, err, &timeo, last) != 0 { // :311
			return nil
		}
	}
}

// SkbRecvDatagram is SkbRecvDatagram__ for a simple protocol; nil and a
// negative errno if there is none (skb_recv_datagram).
func (n *Net) SkbRecvDatagram(sk *Sock, flags int, noblock bool) (*SkBuff, int) {
	kernel.Fentry3(&n.Kernel, sk, flags, noblock) // skb_recv_datagram net/core/datagram.c:320

	if noblock {
		flags |= MsgDontwait
	}
	peeked, off, err := false, 0, 0
	skb := n.SkbRecvDatagram__(sk, flags, nil, &peeked, &off, &err) // :322
	if skb != nil {
		err = 0
	}
	return skb, err
}

// SkbFreeDatagram frees a packet that has been read (skb_free_datagram).
func (n *Net) SkbFreeDatagram(sk *Sock, skb *SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // skb_free_datagram net/core/datagram.c:329

	n.ConsumeSkb(skb)         // :329
	n.SkMemReclaimPartial(sk) // :330
}

// SkbFreeDatagramLocked__ is SkbFreeDatagram for a caller without the socket's
// lock (__skb_free_datagram_locked).
func (n *Net) SkbFreeDatagramLocked__(sk *Sock, skb *SkBuff, length int) {
	kernel.Fentry3(&n.Kernel, sk, skb, length) // __skb_free_datagram_locked net/core/datagram.c:338

	if !skbUnref(skb) {
		SkPeekOffsetBwd(sk, length)
		return
	}
	slow := n.LockSockFast(sk) // :343
	SkPeekOffsetBwd(sk, length)
	n.SkbOrphan(skb)           // :345
	n.SkMemReclaimPartial(sk)  // :346
	n.UnlockSockFast(sk, slow) // :347
	n.KfreeSkb__(skb)          // :350
}

// SkQueueDropSkb__ takes a bad packet, which the caller holds, off its queue
// (__sk_queue_drop_skb).
func (n *Net) SkQueueDropSkb__(sk *Sock, skQueue *SkBuffHead, skb *SkBuff, flags int, destructor func(sk *Sock, skb *SkBuff)) int {
	kernel.Fentry4(&n.Kernel, sk, skQueue, skb, flags) // __sk_queue_drop_skb net/core/datagram.c:359

	err := 0
	if flags&MsgPeek != 0 {
		err = -ENOENT
		if skb.List == skQueue {
			skQueue.Unlink(skb)
			skb.Users--
			if destructor != nil {
				destructor(sk, skb) // :368
			}
			err = 0
		}
	}
	sk.SkDrops++
	return err
}

// SkbKillDatagram throws a bad packet away (skb_kill_datagram).
func (n *Net) SkbKillDatagram(sk *Sock, skb *SkBuff, flags int) int {
	kernel.Fentry3(&n.Kernel, sk, skb, flags) // skb_kill_datagram net/core/datagram.c:402

	err := n.SkQueueDropSkb__(sk, &sk.SkReceiveQueue, skb, flags, nil) // :402
	n.KfreeSkb(skb)                                                    // :405
	n.SkMemReclaimPartial(sk)                                          // :406
	return err
}

// SkbCopyDatagramIter copies length bytes at offset of a packet into a
// message's room (skb_copy_datagram_iter).
func (n *Net) SkbCopyDatagramIter(skb *SkBuff, offset int, to *Msghdr, length int) int {
	kernel.Fentry4(&n.Kernel, skb, offset, to, length) // skb_copy_datagram_iter net/core/datagram.c:529

	return n.skbDatagramIter__(skb, offset, to, length) // :530
}

func (n *Net) skbDatagramIter__(skb *SkBuff, offset int, to *Msghdr, length int) int {
	kernel.Fentry4(&n.Kernel, skb, offset, to, length) // __skb_datagram_iter net/core/datagram.c:416

	if length > len(to.Iter) {
		length = len(to.Iter)
	}
	if err := n.SkbCopyBits(skb, offset, to.Iter[:length]); err != 0 { // :424
		return err
	}
	to.Iter = to.Iter[length:]
	return 0
}

// SkbCopyDatagramFromIter fills a packet with the next length bytes of a
// message, from offset (skb_copy_datagram_from_iter).
func (n *Net) SkbCopyDatagramFromIter(skb *SkBuff, offset int, from *Msghdr, length int) int {
	kernel.Fentry4(&n.Kernel, skb, offset, from, length) // skb_copy_datagram_from_iter net/core/datagram.c:548

	if len(from.Iter) < length {
		return -EFAULT
	}
	if err := n.SkbStoreBits(skb, offset, from.Iter[:length]); err != 0 { // :556
		return err
	}
	from.Iter = from.Iter[length:]
	return 0
}

func (n *Net) skbCopyAndCsumDatagram(skb *SkBuff, offset int, to *Msghdr, length int, csum uint32) (uint32, int) {
	kernel.Fentry4(&n.Kernel, skb, offset, to, length) // skb_copy_and_csum_datagram net/core/datagram.c:696

	room := to.Iter
	if err := n.skbDatagramIter__(skb, offset, to, length); err != 0 { // :696
		return csum, err
	}
	return wire.SumBlock(csum, wire.Sum(room[:length], 0), offset), 0
}

// SkbCopyAndCsumDatagramMsg copies a packet without its first hlen bytes and
// checks its transport checksum on the way; -EINVAL if that is wrong
// (skb_copy_and_csum_datagram_msg).
func (n *Net) SkbCopyAndCsumDatagramMsg(skb *SkBuff, hlen int, msg *Msghdr) int {
	kernel.Fentry3(&n.Kernel, skb, hlen, msg) // skb_copy_and_csum_datagram_msg net/core/datagram.c:716

	chunk := skb.Len - hlen
	if chunk == 0 {
		return 0
	}
	if len(msg.Iter) < chunk {
		if n.SkbChecksumComplete__(skb) != 0 { // :722
			return -EINVAL
		}
		return n.SkbCopyDatagramMsg(skb, hlen, msg, chunk) // :724
	}
	room := msg.Iter
	csum := wire.Sum(skb.Bytes()[:hlen], skb.Csum)
	csum, err := n.skbCopyAndCsumDatagram(skb, hlen, msg, chunk, csum) // :728
	if err != 0 {
		return -EFAULT
	}
	if wire.Fold(csum) != 0 {
		msg.Iter = room
		return -EINVAL
	}
	return 0
}

// DatagramPoll is what a poll of a datagram socket finds (datagram_poll).
func (n *Net) DatagramPoll(file *kernel.File, sock *Socket, wait *kernel.PollTable) uint32 {
	kernel.Fentry2(&n.Kernel, file, sock) // datagram_poll net/core/datagram.c:764

	sk := sock.Sk
	SockPollWait(sock, wait)
	mask := uint32(0)
	if sk.SkErr != 0 || !sk.SkErrorQueue.Empty() {
		mask |= POLLERR
		if SockFlag(sk, SockSelectErrQueue) {
			mask |= POLLPRI
		}
	}
	if sk.SkShutdown&RcvShutdown != 0 {
		mask |= POLLRDHUP | POLLIN | POLLRDNORM
	}
	if sk.SkShutdown == ShutdownMask {
		mask |= POLLHUP
	}
	if !sk.SkReceiveQueue.Empty() {
		mask |= POLLIN | POLLRDNORM
	}
	if connectionBased(sk) {
		if sk.SkState == TcpClose {
			mask |= POLLHUP
		}
		if sk.SkState == TcpSynSent {
			return mask
		}
	}
	if SockWriteable(sk) {
		mask |= POLLOUT | POLLWRNORM | POLLWRBAND
	}
	return mask
}
