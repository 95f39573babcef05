// Data that comes in: in sequence it goes to the receive queue, behind a hole
// to the out-of-order queue, after net/ipv4/tcp_input.c.
//
// menuos keeps the out-of-order queue as a list in sequence order, where Linux
// has a tree: the place of a segment is looked for from the end, where it nearly
// always is.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpTryCoalesce appends the data of from to the packet to, if it follows
// without a gap and costs less there. Then from is left to be freed; fragstolen
// says that its buffer now belongs to to.
func (n *Net) tcpTryCoalesce(sk *core.Sock, to, from *core.SkBuff) (merged, fragstolen bool) {
	kernel.Fentry3(&n.Kernel, sk, to, from) // tcp_try_coalesce net/ipv4/tcp_input.c:4355

	if from.Cb.Seq != to.Cb.EndSeq {
		return false, false
	}
	fragstolen, delta, ok := n.SkbTryCoalesce(to, from) // :4366
	if !ok {
		return false, false
	}
	sk.SkBacklog.RmemAlloc += delta
	n.SkMemCharge(sk, delta)
	n.Mib[core.MibTcpExtTCPRcvCoalesce]++
	to.Cb.EndSeq = from.Cb.EndSeq
	to.Cb.AckSeq = from.Cb.AckSeq
	to.Cb.TcpFlags |= from.Cb.TcpFlags
	if from.Cb.HasRxtstamp {
		to.Cb.HasRxtstamp = true
		to.Tstamp = from.Tstamp
	}
	return true, fragstolen
}

// tcpOooTryCoalesce is tcpTryCoalesce in the out-of-order queue, where a packet
// must know how many segments it stands for, should it be dropped.
func (n *Net) tcpOooTryCoalesce(sk *core.Sock, to, from *core.SkBuff) (merged, fragstolen bool) {
	kernel.Fentry3(&n.Kernel, sk, to, from) // tcp_ooo_try_coalesce net/ipv4/tcp_input.c:4390

	merged, fragstolen = n.tcpTryCoalesce(sk, to, from) // :4390
	if merged {
		segs := max(1, uint32(to.Head.GsoSegs)) + max(1, uint32(from.Head.GsoSegs))
		to.Head.GsoSegs = uint16(min(segs, 0xffff))
	}
	return merged, fragstolen
}

// tcpRcvNxtUpdate moves rcv_nxt on to seq and counts the bytes
// (tcp_rcv_nxt_update).
func tcpRcvNxtUpdate(tp *TcpSock, seq uint32) {
	tp.BytesReceived += uint64(seq - tp.RcvNxt)
	tp.RcvNxt = seq
}

// tcpDrop frees skb and counts it as lost to the socket.
func (n *Net) tcpDrop(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_drop net/ipv4/tcp_input.c:4404

	sk.SkDrops += max(1, int(skb.Head.GsoSegs))
	n.KfreeSkb__(skb) // :4405
}

// tcpOfoQueue moves what now is in sequence from the out-of-order queue to the
// receive queue.
func (n *Net) tcpOfoQueue(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_ofo_queue net/ipv4/tcp_input.c:4413

	tp := tcpSk(sk)
	dsackHigh := tp.RcvNxt
	for skb := tp.OutOfOrderQueue.First; skb != nil; skb = tp.OutOfOrderQueue.First {
		if wire.After(skb.Cb.Seq, tp.RcvNxt) {
			break
		}
		if wire.Before(skb.Cb.Seq, dsackHigh) {
			dsack := dsackHigh
			if wire.Before(skb.Cb.EndSeq, dsackHigh) {
				dsackHigh = skb.Cb.EndSeq
			}
			n.tcpDsackExtend(sk, skb.Cb.Seq, dsack) // :4429
		}
		tp.ofoUnlink(skb)
		if !wire.After(skb.Cb.EndSeq, tp.RcvNxt) {
			n.tcpDrop(sk, skb) // :4436
			continue
		}
		tail := sk.SkReceiveQueue.Last
		eaten, fragstolen := false, false
		if tail != nil {
			eaten, fragstolen = n.tcpTryCoalesce(sk, tail, skb) // :4444
		}
		tcpRcvNxtUpdate(tp, skb.Cb.EndSeq)
		fin := skb.Cb.TcpFlags&tcphdrFin != 0
		if !eaten {
			sk.SkReceiveQueue.QueueTail(skb)
		} else {
			n.KfreeSkbPartial(skb, fragstolen) // :4450
		}
		if fin {
			n.tcpFin(sk) // :4453
			break        // what lay behind the FIN is gone
		}
	}
}

// ofoUnlink takes skb off the out-of-order queue.
func (tp *TcpSock) ofoUnlink(skb *core.SkBuff) {
	tp.OutOfOrderQueue.Unlink(skb)
	tp.OooLastSkb = tp.OutOfOrderQueue.Last
}

// tcpTryRmemSchedule reserves receive memory for skb; if there is none it
// prunes what may be pruned. Below zero: skb must be dropped.
func (n *Net) tcpTryRmemSchedule(sk *core.Sock, skb *core.SkBuff, size int) int {
	kernel.Fentry3(&n.Kernel, sk, skb, size) // tcp_try_rmem_schedule net/ipv4/tcp_input.c:4468

	if sk.SkBacklog.RmemAlloc <= sk.SkRcvbuf && n.SkRmemSchedule(sk, skb, size) { // :4469
		return 0
	}
	if n.tcpPruneQueue(sk) < 0 { // :4471
		return -1
	}
	for !n.SkRmemSchedule(sk, skb, size) { // :4474
		if !n.tcpPruneOfoQueue(sk) { // :4475
			return -1
		}
	}
	return 0
}

// tcpDataQueueOfo puts skb, which lies behind a hole, into the out-of-order
// queue, and what has come into the SACK blocks. Data that is there already is
// dropped and reported as D-SACK.
func (n *Net) tcpDataQueueOfo(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_data_queue_ofo net/ipv4/tcp_input.c:4484

	tp := tcpSk(sk)
	n.tcpEcnCheckCe(sk, skb)                              // :4490
	if n.tcpTryRmemSchedule(sk, skb, skb.Truesize) != 0 { // :4492
		n.Mib[core.MibTcpExtTCPOFODrop]++
		n.traceDrop(sk, skb, "receive buffer full")
		n.tcpDrop(sk, skb) // :4494
		return
	}
	tp.PredFlags = 0
	inetCskScheduleAck(sk)
	n.Mib[core.MibTcpExtTCPOFOQueue]++
	seq, endSeq := skb.Cb.Seq, skb.Cb.EndSeq
	q := &tp.OutOfOrderQueue

	last := q.Last
	if last == nil {
		if tcpIsSack(tp) {
			tp.RxOpt.NumSacks = 1
			tp.SelectiveAcks[0] = TcpSackBlock{seq, endSeq}
		}
		q.QueueTail(skb)
		tp.OooLastSkb = skb
	} else {
		merged, fragstolen := n.tcpOooTryCoalesce(sk, last, skb) // :4525
		prev := last
		if !merged && wire.Before(seq, last.Cb.EndSeq) {
			for prev != nil && wire.Before(seq, prev.Cb.Seq) {
				prev = prev.Prev
			}
			switch {
			case prev == nil:
			case !wire.Before(seq, prev.Cb.EndSeq):
				merged, fragstolen = n.tcpOooTryCoalesce(sk, prev, skb) // :4576
			case !wire.After(endSeq, prev.Cb.EndSeq):
				n.Mib[core.MibTcpExtTCPOFOMerge]++
				n.traceDrop(sk, skb, "already received")
				n.tcpDrop(sk, skb) // :4554
				skb = nil
				n.tcpDsackSet(sk, seq, endSeq) // :4556
			case wire.After(seq, prev.Cb.Seq):
				n.tcpDsackSet(sk, seq, prev.Cb.EndSeq) // :4561
			default: // skb begins where prev does, and covers it
				covered := prev
				prev = prev.Prev
				tp.ofoUnlink(covered)
				n.tcpDsackExtend(sk, covered.Cb.Seq, covered.Cb.EndSeq) // :4568
				n.Mib[core.MibTcpExtTCPOFOMerge]++
				n.tcpDrop(sk, covered) // :4573
			}
		}
		if merged {
			n.tcpGrowWindow(sk, skb)           // :4528
			n.KfreeSkbPartial(skb, fragstolen) // :4529
			skb = nil
		} else if skb != nil {
			if prev == nil {
				q.QueueHead(skb)
			} else {
				q.InsertAfter(prev, skb)
			}
			// Segments that skb covers are of no more use.
			for next := skb.Next; next != nil && wire.After(endSeq, next.Cb.Seq); next = skb.Next {
				if wire.Before(endSeq, next.Cb.EndSeq) {
					n.tcpDsackExtend(sk, next.Cb.Seq, endSeq) // :4593
					break
				}
				tp.ofoUnlink(next)
				n.tcpDsackExtend(sk, next.Cb.Seq, next.Cb.EndSeq) // :4598
				n.Mib[core.MibTcpExtTCPOFOMerge]++
				n.tcpDrop(sk, next) // :4601
			}
			tp.OooLastSkb = q.Last
		}
		if tcpIsSack(tp) {
			n.tcpSackNewOfoSkb(sk, seq, endSeq) // :4609
		}
	}
	if skb != nil {
		n.tcpGrowWindow(sk, skb) // :4612
		n.SkbCondense(skb)       // :4613
		n.SkbSetOwnerR(skb, sk)  // :4614
	}
}

// tcpQueueRcv puts skb at the end of the receive queue, or its data into the
// last packet there; then eaten is true and skb is left to be freed.
func (n *Net) tcpQueueRcv(sk *core.Sock, skb *core.SkBuff) (eaten, fragstolen bool) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_queue_rcv net/ipv4/tcp_input.c:4622

	tail := sk.SkReceiveQueue.Last
	if tail != nil {
		eaten, fragstolen = n.tcpTryCoalesce(sk, tail, skb) // :4625
	}
	tcpRcvNxtUpdate(tcpSk(sk), skb.Cb.EndSeq)
	if !eaten {
		sk.SkReceiveQueue.QueueTail(skb)
		n.SkbSetOwnerR(skb, sk) // :4630
	}
	return eaten, fragstolen
}

// tcpDataReady wakes the reader, if there is as much as it waits for.
func (n *Net) tcpDataReady(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_data_ready net/ipv4/tcp_input.c:4692

	tp := tcpSk(sk)
	avail := int(int32(tp.RcvNxt - tp.CopiedSeq))
	if avail < sk.SkRcvlowat && !core.SockFlag(sk, core.SockDone) {
		return
	}
	sk.SkDataReady(sk) // :4695
}

// tcpDataQueue takes the data and the FIN of a segment that has passed all
// checks. It owns skb, whose header it cuts off.
func (n *Net) tcpDataQueue(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_data_queue net/ipv4/tcp_input.c:4699

	tp := tcpSk(sk)
	if skb.Cb.Seq == skb.Cb.EndSeq {
		n.KfreeSkb__(skb) // :4705
		return
	}
	n.SkbDstDrop(skb)
	skb.Pull(skb.Tcp().DataOff())
	n.tcpEcnAcceptCwr(sk, skb) // :4711
	tp.RxOpt.Dsack = false

	inSequence := skb.Cb.Seq == tp.RcvNxt
	if !inSequence {
		switch {
		case !wire.After(skb.Cb.EndSeq, tp.RcvNxt): // all of it is old
			n.tcpRcvSpuriousRetrans(sk, skb) // :4763
			n.Mib[core.MibTcpExtDelayedACKLost]++
			n.tcpDsackSet(sk, skb.Cb.Seq, skb.Cb.EndSeq) // :4766
			n.tcpEnterQuickackMode(sk, tcpMaxQuickacks)  // :4769
			inetCskScheduleAck(sk)
			n.traceDrop(sk, skb, "already received")
			n.tcpDrop(sk, skb) // :4772
			return
		case !wire.Before(skb.Cb.Seq, tp.RcvNxt+tcpReceiveWindow(tp)): // beyond the window
			n.tcpEnterQuickackMode(sk, tcpMaxQuickacks) // :4769
			inetCskScheduleAck(sk)
			n.traceDrop(sk, skb, "beyond the window")
			n.tcpDrop(sk, skb) // :4772
			return
		case wire.Before(skb.Cb.Seq, tp.RcvNxt): // its beginning is old
			n.tcpDsackSet(sk, skb.Cb.Seq, tp.RcvNxt) // :4786
		default:
			n.tcpDataQueueOfo(sk, skb) // :4798
			return
		}
	}
	if tcpReceiveWindow(tp) == 0 {
		n.Mib[core.MibTcpExtTCPZeroWindowDrop]++
		n.tcpEnterQuickackMode(sk, tcpMaxQuickacks) // :4769
		inetCskScheduleAck(sk)
		n.traceDrop(sk, skb, "window closed")
		n.tcpDrop(sk, skb) // :4772
		return
	}
	if sk.SkReceiveQueue.First == nil {
		n.skForcedMemSchedule(sk, skb.Truesize) // :4728
	} else if n.tcpTryRmemSchedule(sk, skb, skb.Truesize) != 0 { // :4729
		n.Mib[core.MibTcpExtTCPRcvQDrop]++
		n.traceDrop(sk, skb, "receive buffer full")
		n.tcpDrop(sk, skb) // :4772
		return
	}
	eaten, fragstolen := n.tcpQueueRcv(sk, skb) // :4734
	if skb.Len != 0 {
		n.tcpEventDataRecv(sk, skb) // :4736
	}
	if skb.Cb.TcpFlags&tcphdrFin != 0 {
		n.tcpFin(sk) // :4738
	}
	if tp.OutOfOrderQueue.First != nil {
		n.tcpOfoQueue(sk) // :4741
		if tp.OutOfOrderQueue.First == nil {
			tp.IcskAck.Pending |= icskAckNow // the hole is filled: RFC 5681 section 4.2
		}
	}
	if tp.RxOpt.NumSacks != 0 {
		n.tcpSackRemove(tp) // :4751
	}
	n.tcpFastPathCheck(sk) // :4753
	if eaten {
		n.KfreeSkbPartial(skb, fragstolen) // :4756
	}
	if !core.SockFlag(sk, core.SockDead) {
		n.tcpDataReady(sk) // :4758
	}
}
