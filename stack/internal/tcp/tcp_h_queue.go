// The write and retransmit queues (include/net/tcp.h). A segment waits in
// SkWriteQueue until it is first sent, then in TcpRtxQueue until it is
// acknowledged; sent segments also stand in the order of their last
// transmission, for RACK. Linux keeps the retransmit queue in a tree; here it is
// a list by sequence number, because segments leave it at the front.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// tcpSkbPcount is how many segments a packet becomes on the wire, 0 before that
// is known (tcp_skb_pcount).
func tcpSkbPcount(skb *core.SkBuff) int            { return int(skb.Cb.TcpGsoSegs) }
func tcpSkbPcountSet(skb *core.SkBuff, segs int)   { skb.Cb.TcpGsoSegs = uint16(segs) }
func tcpSkbPcountAdd(skb *core.SkBuff, segs int)   { skb.Cb.TcpGsoSegs += uint16(segs) }
func tcpSkbMss(skb *core.SkBuff) int               { return int(skb.Cb.TcpGsoSize) }
func tcpSkbCanCollapseTo(skb *core.SkBuff) bool    { return !skb.Cb.Eor }
func tcpRtxQueueHead(sk *core.Sock) *core.SkBuff   { return sk.TcpRtxQueue.First }
func tcpWriteQueueTail(sk *core.Sock) *core.SkBuff { return sk.SkWriteQueue.Last }
func tcpSendHead(sk *core.Sock) *core.SkBuff       { return sk.SkWriteQueue.First }
func tcpWriteQueueEmpty(sk *core.Sock) bool        { return sk.SkWriteQueue.First == nil }
func tcpRtxQueueEmpty(sk *core.Sock) bool          { return sk.TcpRtxQueue.First == nil }

// tcpSkbIsLast reports whether skb is the last of the write queue (tcp_skb_is_last).
func tcpSkbIsLast(sk *core.Sock, skb *core.SkBuff) bool { return sk.SkWriteQueue.Last == skb }

// tcpRtxAndWriteQueuesEmpty reports whether the socket has nothing to send or to
// send again (tcp_rtx_and_write_queues_empty).
func tcpRtxAndWriteQueuesEmpty(sk *core.Sock) bool {
	return tcpRtxQueueEmpty(sk) && tcpWriteQueueEmpty(sk)
}

// tcpAddWriteQueueTail__ queues a segment (__tcp_add_write_queue_tail).
func tcpAddWriteQueueTail__(sk *core.Sock, skb *core.SkBuff) { sk.SkWriteQueue.QueueTail(skb) }

// tcpAddWriteQueueTail queues a segment; the first one starts the busy clock.
func (n *Net) tcpAddWriteQueueTail(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_add_write_queue_tail include/net/tcp.h:1729

	tcpAddWriteQueueTail__(sk, skb)
	if sk.SkWriteQueue.First == skb {
		n.tcpChronoStart(sk, tcpChronoBusy) // :1733
	}
}

// tcpInsertWriteQueueBefore queues new in front of skb
// (tcp_insert_write_queue_before).
func tcpInsertWriteQueueBefore(new, skb *core.SkBuff, sk *core.Sock) {
	sk.SkWriteQueue.InsertBefore(skb, new)
}

// tcpUnlinkWriteQueue takes a segment off the write queue
// (tcp_unlink_write_queue).
func tcpUnlinkWriteQueue(skb *core.SkBuff, sk *core.Sock) {
	tcpSkbTsortedAnchorCleanup(skb)
	sk.SkWriteQueue.Unlink(skb)
}

// tcpSkbTsortedAnchorCleanup readies a segment to be freed
// (tcp_skb_tsorted_anchor_cleanup).
func tcpSkbTsortedAnchorCleanup(skb *core.SkBuff) {
	skb.Destructor, skb.Dst = nil, nil
}

// tcpRbtreeInsert puts a segment into a queue by its sequence number, looking
// from the end (tcp_rbtree_insert).
func tcpRbtreeInsert(root *core.SkBuffHead, skb *core.SkBuff) {
	after := root.Last
	for after != nil && int32(skb.Cb.Seq-after.Cb.Seq) < 0 {
		after = after.Prev
	}
	root.InsertAfter(after, skb)
}

// tcpRtxQueueUnlink takes a segment off the retransmit queue
// (tcp_rtx_queue_unlink).
func tcpRtxQueueUnlink(skb *core.SkBuff, sk *core.Sock) {
	tcpSkbTsortedAnchorCleanup(skb)
	sk.TcpRtxQueue.Unlink(skb)
}

// tcpRtxQueueUnlinkAndFree frees a segment that has been acknowledged.
func (n *Net) tcpRtxQueueUnlinkAndFree(skb *core.SkBuff, sk *core.Sock) {
	kernel.Fentry2(&n.Kernel, skb, sk) // tcp_rtx_queue_unlink_and_free include/net/tcp.h:1760

	tsortedDel(tcpSk(sk), skb)
	tcpRtxQueueUnlink(skb, sk)
	n.SkWmemFreeSkb(sk, skb) // :1762
}

// tsortedOn reports whether a segment stands in the order of transmission.
func tsortedOn(tp *TcpSock, skb *core.SkBuff) bool {
	return skb.TsortedPrev != nil || skb.TsortedNext != nil || tp.TsortedFirst == skb
}

// tsortedAddTail puts a segment last in the order of transmission (list_add_tail
// of its tcp_tsorted_anchor).
func tsortedAddTail(tp *TcpSock, skb *core.SkBuff) {
	skb.TsortedPrev, skb.TsortedNext = tp.TsortedLast, nil
	if tp.TsortedLast != nil {
		tp.TsortedLast.TsortedNext = skb
	} else {
		tp.TsortedFirst = skb
	}
	tp.TsortedLast = skb
}

// tsortedAddAfter puts a segment behind another one (list_add). If that one has
// been taken out, being lost, the new one stays out as well.
func tsortedAddAfter(tp *TcpSock, skb, after *core.SkBuff) {
	if !tsortedOn(tp, after) {
		return
	}
	next := after.TsortedNext
	skb.TsortedPrev, skb.TsortedNext = after, next
	after.TsortedNext = skb
	if next != nil {
		next.TsortedPrev = skb
	} else {
		tp.TsortedLast = skb
	}
}

// tsortedDel takes a segment out of that order, if it stands in it
// (list_del_init).
func tsortedDel(tp *TcpSock, skb *core.SkBuff) {
	if !tsortedOn(tp, skb) {
		return
	}
	if skb.TsortedPrev != nil {
		skb.TsortedPrev.TsortedNext = skb.TsortedNext
	} else {
		tp.TsortedFirst = skb.TsortedNext
	}
	if skb.TsortedNext != nil {
		skb.TsortedNext.TsortedPrev = skb.TsortedPrev
	} else {
		tp.TsortedLast = skb.TsortedPrev
	}
	skb.TsortedPrev, skb.TsortedNext = nil, nil
}

// tsortedMoveTail makes a segment the last one sent (list_move_tail).
func tsortedMoveTail(tp *TcpSock, skb *core.SkBuff) {
	tsortedDel(tp, skb)
	tsortedAddTail(tp, skb)
}

// tcpPushPendingFrames sends what waits, as far as windows allow.
func (n *Net) tcpPushPendingFrames(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_push_pending_frames include/net/tcp.h:1770

	if tcpSendHead(sk) == nil {
		return
	}
	mss := n.tcpCurrentMss(sk)                                // :1770
	n.tcpPushPendingFrames__(sk, mss, int(tcpSk(sk).Nonagle)) // :1770
}

// tcpHighestSackSeq is where the segments begin that nothing behind which was
// sacked (tcp_highest_sack_seq).
func tcpHighestSackSeq(tp *TcpSock) uint32 {
	switch {
	case tp.SackedOut == 0:
		return tp.SndUna
	case tp.HighestSack == nil:
		return tp.SndNxt
	}
	return tp.HighestSack.Cb.Seq
}

// tcpAdvanceHighestSack moves that place behind skb (tcp_advance_highest_sack).
func tcpAdvanceHighestSack(sk *core.Sock, skb *core.SkBuff) { tcpSk(sk).HighestSack = skb.Next }

// tcpHighestSack is the segment at that place (tcp_highest_sack).
func tcpHighestSack(sk *core.Sock) *core.SkBuff { return tcpSk(sk).HighestSack }

// tcpHighestSackReset moves it to the front (tcp_highest_sack_reset).
func tcpHighestSackReset(sk *core.Sock) { tcpSk(sk).HighestSack = tcpRtxQueueHead(sk) }

// tcpHighestSackReplace follows a segment that another one replaces
// (tcp_highest_sack_replace).
func tcpHighestSackReplace(sk *core.Sock, old, new *core.SkBuff) {
	if tp := tcpSk(sk); tp.HighestSack == old {
		tp.HighestSack = new
	}
}
