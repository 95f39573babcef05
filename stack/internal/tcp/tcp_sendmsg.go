// Sending (net/ipv4/tcp.c, tcp_sendmsg and what it needs): the program's bytes
// are cut into segments and queued, and as many are sent as windows allow. Left
// out: MSG_ZEROCOPY, MSG_FASTOPEN (which is ignored) and timestamping.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpMarkPush has a segment pushed to the reader (tcp_mark_push).
func tcpMarkPush(tp *TcpSock, skb *core.SkBuff) {
	skb.Cb.TcpFlags |= tcphdrPsh
	tp.PushedSeq = tp.WriteSeq
}

// forcedPush reports whether so much was queued since the last push that it is
// time for another (forced_push).
func forcedPush(tp *TcpSock) bool {
	return wire.After(tp.WriteSeq, tp.PushedSeq+tp.MaxWindow>>1)
}

// skbEntail queues a new segment, still empty.
func (n *Net) skbEntail(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // skb_entail net/ipv4/tcp.c:665

	tp := tcpSk(sk)
	cb := &skb.Cb
	skb.Csum = 0
	cb.Seq, cb.EndSeq = tp.WriteSeq, tp.WriteSeq
	cb.TcpFlags = tcphdrAck
	cb.Sacked = 0
	skb.HeaderRelease()
	n.tcpAddWriteQueueTail(sk, skb) // :670
	sk.SkWmemQueued += skb.Truesize
	n.SkMemCharge(sk, skb.Truesize)
	tp.Nonagle &^= tcpNaglePush
	n.tcpSlowStartAfterIdleCheck(sk) // :676
}

// tcpMarkUrg notes the end of urgent data (tcp_mark_urg).
func tcpMarkUrg(tp *TcpSock, flags int) {
	if flags&core.MsgOob != 0 {
		tp.SndUp = tp.WriteSeq
	}
}

// tcpShouldAutocork reports whether a segment that is not full should wait for
// more data until packets below have left, since that will be soon
// (tcp_should_autocork).
func (n *Net) tcpShouldAutocork(sk *core.Sock, skb *core.SkBuff, sizeGoal int) bool {
	return skb.Len < sizeGoal && n.Sysctl.TcpAutocorking &&
		!tcpRtxQueueEmpty(sk) && sk.SkWmemAlloc > skb.Truesize
}

// tcpPush ends a write: the last segment is marked and sent.
func (n *Net) tcpPush(sk *core.Sock, flags, mssNow, nonagle, sizeGoal int) {
	kernel.Fentry5(&n.Kernel, sk, flags, mssNow, nonagle, sizeGoal) // tcp_push net/ipv4/tcp.c:710

	tp := tcpSk(sk)
	skb := tcpWriteQueueTail(sk)
	if skb == nil {
		return
	}
	if flags&core.MsgMore == 0 || forcedPush(tp) {
		tcpMarkPush(tp, skb)
	}
	tcpMarkUrg(tp, flags)
	if n.tcpShouldAutocork(sk, skb, sizeGoal) {
		if sk.SkTsqFlags&tsqfThrottled == 0 {
			n.Mib[core.MibTcpExtTCPAutoCorking]++
			sk.SkTsqFlags |= tsqfThrottled
		}
		if sk.SkWmemAlloc > skb.Truesize {
			return
		}
	}
	if flags&core.MsgMore != 0 {
		nonagle = tcpNagleCork
	}
	n.tcpPushPendingFrames__(sk, uint32(mssNow), nonagle) // :735
}

// skStreamAllocSkb allocates a segment for the write queue; nil if there is no
// memory for it. With forceSchedule the socket's share may be exceeded.
func (n *Net) skStreamAllocSkb(sk *core.Sock, size int, forceSchedule bool) *core.SkBuff {
	kernel.Fentry3(&n.Kernel, sk, size, forceSchedule) // sk_stream_alloc_skb net/ipv4/tcp.c:869

	size = (size + 3) &^ 3
	if n.tcpUnderMemoryPressure(sk) {
		n.SkMemReclaimPartial(sk) // :872
	}
	skb := n.AllocSkbFclone(size + sk.SkProt.MaxHeader) // :874
	ok := true
	if forceSchedule {
		n.skForcedMemSchedule(sk, skb.Truesize) // :880
	} else {
		ok = n.SkWmemSchedule(sk, skb.Truesize) // :882
	}
	if !ok {
		n.KfreeSkb__(skb) // :894
		return nil
	}
	skb.Reserve(sk.SkProt.MaxHeader)
	skb.ReservedTailroom = skb.EndOffset() - skb.Tail - size
	skb.TsortedNext, skb.TsortedPrev = nil, nil
	return skb
}

// tcpXmitSizeGoal is how large a segment may grow, to be cut up by GSO: at most
// half of the largest window (tcp_xmit_size_goal).
func tcpXmitSizeGoal(sk *core.Sock, mssNow int, largeAllowed bool) int {
	if !largeAllowed {
		return mssNow
	}
	tp := tcpSk(sk)
	newGoal := tcpBoundToHalfWnd(tp, sk.SkGsoMaxSize-1-core.MaxTcpHeader)
	goal := int(tp.GsoSegs) * mssNow
	if newGoal < goal || newGoal >= goal+mssNow {
		tp.GsoSegs = uint16(min(newGoal/mssNow, int(sk.SkGsoMaxSegs)))
		goal = int(tp.GsoSegs) * mssNow
	}
	return max(goal, mssNow)
}

// tcpSendMss is the MSS of now and the size that a segment may grow to.
func (n *Net) tcpSendMss(sk *core.Sock, flags int) (mssNow, sizeGoal int) {
	kernel.Fentry2(&n.Kernel, sk, flags) // tcp_send_mss net/ipv4/tcp.c:931

	mssNow = int(n.tcpCurrentMss(sk)) // :931
	return mssNow, tcpXmitSizeGoal(sk, mssNow, flags&core.MsgOob == 0)
}

// selectSize is how much of a segment's data lies beside its header. Only that
// of a lone small one does (select_size, linear_payload_sz).
func selectSize(firstSkb bool) int {
	if firstSkb {
		return core.SkbWithOverhead(2048 - core.MaxTcpHeader)
	}
	return 0
}

// tcpSendmsgLocked queues msg for sending and waits for room if it may. It
// returns how much was queued.
func (n *Net) tcpSendmsgLocked(sk *core.Sock, msg *core.Msghdr, size int) int {
	kernel.Fentry3(&n.Kernel, sk, msg, size) // tcp_sendmsg_locked net/ipv4/tcp.c:1175

	tp := tcpSk(sk)
	flags := msg.Flags
	copied, err := 0, 0
	processBacklog := false
	timeo := core.SockSndtimeo(sk, flags&core.MsgDontwait != 0)
	n.tcpRateCheckAppLimited(sk) // :1217
	if 1<<sk.SkState&^(core.TcpfEstablished|core.TcpfCloseWait) != 0 {
		err = n.SkStreamWaitConnect(sk, &timeo) // :1225
	}
	var mssNow, sizeGoal int
	if err == 0 {
		core.SkClearBit(core.SockAsyncNospace, sk)
		mssNow, sizeGoal = n.tcpSendMss(sk, flags) // :1259
		if sk.SkErr != 0 || sk.SkShutdown&core.SendShutdown != 0 {
			err = -core.EPIPE
		}
	}
	for err == 0 && len(msg.Iter) > 0 {
		skb := tcpWriteQueueTail(sk)
		room := 0
		if skb != nil {
			room = sizeGoal - skb.Len
		}
		needSegment := room <= 0 || !tcpSkbCanCollapseTo(skb)
		waitSndbuf, waitMemory := false, false
	again:
		if needSegment {
			needSegment = false
			if !core.SkStreamMemoryFree(sk) {
				waitSndbuf = true
			} else if processBacklog && n.SkFlushBacklog(sk) { // :1280
				processBacklog = false
				mssNow, sizeGoal = n.tcpSendMss(sk, flags) // :1259
				if sk.SkErr != 0 || sk.SkShutdown&core.SendShutdown != 0 {
					err = -core.EPIPE
					break
				}
				continue
			} else {
				first := tcpRtxAndWriteQueuesEmpty(sk)
				skb = n.skStreamAllocSkb(sk, selectSize(first), first) // :1286
				if skb == nil {
					waitMemory = true
				} else {
					processBacklog = true
					skb.IpSummed = core.ChecksumPartial
					n.skbEntail(sk, skb) // :1294
					room = sizeGoal
				}
			}
		}
		if !waitSndbuf && !waitMemory {
			room = min(room, len(msg.Iter))
			if avail := skb.Availroom(); avail > 0 {
				room = min(room, avail)
				if err = n.SkbAddDataNocache(sk, skb, msg, room); err != 0 { // :1313
					break
				}
			} else {
				i := int(skb.Head.NrFrags)
				pfrag := core.SkPageFrag(sk)
				if !n.SkPageFragRefill(sk, pfrag) { // :1321
					waitMemory = true
				} else {
					merge := skb.CanCoalesce(i, pfrag.Page, int(pfrag.Offset))
					if !merge && i >= core.MaxSkbFrags {
						tcpMarkPush(tp, skb)
						needSegment = true
						goto again
					}
					room = min(room, int(pfrag.Size-pfrag.Offset))
					if !n.SkWmemSchedule(sk, room) { // :1335
						waitMemory = true
					} else {
						if err = n.SkbCopyToPageNocache(sk, msg, skb, pfrag.Page, int(pfrag.Offset), room); err != 0 { // :1338
							break
						}
						if merge {
							skb.FragSizeAdd(i-1, room)
						} else {
							skb.FillPageDesc(i, pfrag.Page, int(pfrag.Offset), room)
							core.GetPage(pfrag.Page)
						}
						pfrag.Offset += int32(room)
					}
				}
			}
		}
		if waitSndbuf || waitMemory {
			if waitSndbuf {
				sk.SkSocket.Flags |= 1 << core.SockNospace
			}
			if copied != 0 {
				n.tcpPush(sk, flags&^core.MsgMore, mssNow, tcpNaglePush, sizeGoal) // :1393
			}
			if err = n.SkStreamWaitMemory(sk, &timeo); err != 0 { // :1396
				break
			}
			mssNow, sizeGoal = n.tcpSendMss(sk, flags) // :1400
			continue
		}

		if copied == 0 {
			skb.Cb.TcpFlags &^= tcphdrPsh
		}
		tp.WriteSeq += uint32(room)
		skb.Cb.EndSeq += uint32(room)
		tcpSkbPcountSet(skb, 0)
		copied += room
		if len(msg.Iter) == 0 {
			if flags&core.MsgEor != 0 {
				skb.Cb.Eor = true
			}
			break
		}
		if skb.Len < sizeGoal || flags&core.MsgOob != 0 {
			continue
		}
		if forcedPush(tp) {
			tcpMarkPush(tp, skb)
			n.tcpPushPendingFrames__(sk, uint32(mssNow), tcpNaglePush) // :1384
		} else if skb == tcpSendHead(sk) {
			n.tcpPushOne(sk, uint32(mssNow)) // :1386
		}
	}
	if copied != 0 {
		n.tcpPush(sk, flags, mssNow, int(tp.Nonagle), sizeGoal) // :1406
		return copied
	}
	if err == 0 {
		return 0
	}
	err = n.SkStreamError(sk, flags, err) // :1427
	if sk.SkWriteQueue.Qlen == 0 && err == -core.EAGAIN {
		sk.SkWriteSpace(sk)                         // :1431
		n.tcpChronoStop(sk, tcpChronoSndbufLimited) // :1432
	}
	return err
}

// tcpSendmsg is tcpSendmsgLocked for a caller that does not hold the socket.
func (n *Net) tcpSendmsg(sk *core.Sock, msg *core.Msghdr, size int) int {
	kernel.Fentry3(&n.Kernel, sk, msg, size) // tcp_sendmsg net/ipv4/tcp.c:1442

	n.LockSock(sk)                           // :1442
	ret := n.tcpSendmsgLocked(sk, msg, size) // :1443
	n.ReleaseSock(sk)                        // :1444
	return ret
}
