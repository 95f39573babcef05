// What a receiver does when its buffer is full: copy many small packets into
// few large ones, and at last drop what came out of order; after
// net/ipv4/tcp_input.c. Both queues are lists here, so that one function serves
// them.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpCollapseOne frees skb, whose data has been copied, and returns the next.
func (n *Net) tcpCollapseOne(sk *core.Sock, skb *core.SkBuff, list *core.SkBuffHead) *core.SkBuff {
	kernel.Fentry3(&n.Kernel, sk, skb, list) // tcp_collapse_one net/ipv4/tcp_input.c:4813

	next := skb.Next
	list.Unlink(skb)
	n.KfreeSkb__(skb) // :4820
	n.Mib[core.MibTcpExtTCPRcvCollapsed]++
	return next
}

// tcpCollapse copies the data [start, end) of the packets from head up to tail
// (nil: to the end) into as few packets as it takes, from the first place on
// where that saves memory. A packet with SYN or FIN stays as it is.
func (n *Net) tcpCollapse(sk *core.Sock, list *core.SkBuffHead, head, tail *core.SkBuff, start, end uint32) {
	kernel.Fentry5(&n.Kernel, sk, head, tail, start, end) // tcp_collapse net/ipv4/tcp_input.c:4857

	skb := head
	for ; ; skb = skb.Next {
		for skb != nil && skb != tail && !wire.Before(start, skb.Cb.EndSeq) {
			skb = n.tcpCollapseOne(sk, skb, list) // :4870
		}
		if skb == nil || skb == tail {
			return
		}
		bloated := n.tcpWinFromSpace(sk, skb.Truesize) > skb.Len
		if skb.Cb.TcpFlags&(tcphdrSyn|tcphdrFin) == 0 && (bloated || wire.Before(skb.Cb.Seq, start)) {
			break
		}
		if next := skb.Next; next != nil && next != tail && skb.Cb.EndSeq != next.Cb.Seq {
			break
		}
		start = skb.Cb.EndSeq
	}
	if skb.Cb.TcpFlags&(tcphdrSyn|tcphdrFin) != 0 {
		return
	}

	for wire.Before(start, end) {
		room := int(min(uint32(core.SkbMaxOrder(0, 0)), end-start))
		nskb := n.AllocSkb(room) // :4907
		if nskb == nil {
			return
		}
		nskb.Cb = skb.Cb
		nskb.Cb.Seq, nskb.Cb.EndSeq = start, start
		list.InsertBefore(skb, nskb)
		n.SkbSetOwnerR(nskb, sk) // :4920
		for room > 0 {
			if size := int(int32(skb.Cb.EndSeq - start)); size > 0 {
				size = min(room, size)
				offset := int(start - skb.Cb.Seq)
				n.SkbCopyBits(skb, offset, nskb.Put(size)) // :4930
				nskb.Cb.EndSeq += uint32(size)
				room -= size
				start += uint32(size)
			}
			if !wire.Before(start, skb.Cb.EndSeq) {
				skb = n.tcpCollapseOne(sk, skb, list) // :4937
				if skb == nil || skb == tail || skb.Cb.TcpFlags&(tcphdrSyn|tcphdrFin) != 0 {
					return
				}
			}
		}
	}
}

// tcpCollapseOfoQueue collapses each range without a hole in the out-of-order
// queue. Ranges of one small packet are left alone, up to an eighth of the
// buffer.
func (n *Net) tcpCollapseOfoQueue(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_collapse_ofo_queue net/ipv4/tcp_input.c:4959

	tp := tcpSk(sk)
	sumTiny := 0
	skb := tp.OutOfOrderQueue.First
	for skb != nil {
		head := skb
		start, end := skb.Cb.Seq, skb.Cb.EndSeq
		truesize := skb.Truesize
		for skb = skb.Next; skb != nil; skb = skb.Next {
			if wire.After(skb.Cb.Seq, end) || wire.Before(skb.Cb.EndSeq, start) {
				break
			}
			truesize += skb.Truesize
			if wire.Before(skb.Cb.Seq, start) {
				start = skb.Cb.Seq
			}
			if wire.After(skb.Cb.EndSeq, end) {
				end = skb.Cb.EndSeq
			}
		}
		if truesize != head.Truesize || int(end-start) >= core.SkbMaxOrder(0, 0) {
			n.tcpCollapse(sk, &tp.OutOfOrderQueue, head, skb, start, end) // :4986
			tp.OooLastSkb = tp.OutOfOrderQueue.Last
		} else if sumTiny += truesize; sumTiny > sk.SkRcvbuf>>3 {
			return
		}
	}
}

// tcpPruneOfoQueue drops segments from the end of the out-of-order queue, an
// eighth of the buffer at a time, until the socket is within its limits. It
// reports whether there was anything to drop.
func (n *Net) tcpPruneOfoQueue(sk *core.Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // tcp_prune_ofo_queue net/ipv4/tcp_input.c:5017

	tp := tcpSk(sk)
	if tp.OutOfOrderQueue.First == nil {
		return false
	}
	n.Mib[core.MibTcpExtOfoPruned]++
	goal := sk.SkRcvbuf >> 3
	for skb := tp.OutOfOrderQueue.Last; skb != nil; {
		prev := skb.Prev
		tp.ofoUnlink(skb)
		goal -= skb.Truesize
		n.traceDrop(sk, skb, "pruned: receive buffer full")
		n.tcpDrop(sk, skb) // :5031
		if prev == nil || goal <= 0 {
			n.SkMemReclaim(sk) // :5033
			if sk.SkBacklog.RmemAlloc <= sk.SkRcvbuf && !n.tcpUnderMemoryPressure(sk) {
				break
			}
			goal = sk.SkRcvbuf >> 3
		}
		skb = prev
	}
	// What was reported in SACK blocks is no longer true (RFC 2018 section 8).
	if tp.RxOpt.SackOk != 0 {
		tcpSackReset(&tp.RxOpt)
	}
	return true
}

// tcpPruneQueue tries to bring the socket back within its receive buffer.
// Below zero it has failed, and data must be dropped until the program reads.
func (n *Net) tcpPruneQueue(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // tcp_prune_queue net/ipv4/tcp_input.c:5062

	tp := tcpSk(sk)
	n.Mib[core.MibTcpExtPruneCalled]++
	if sk.SkBacklog.RmemAlloc >= sk.SkRcvbuf {
		n.tcpClampWindow(sk) // :5069
	} else if n.tcpUnderMemoryPressure(sk) {
		tp.RcvSsthresh = min(tp.RcvSsthresh, 4*uint32(tp.Advmss))
	}
	if sk.SkBacklog.RmemAlloc <= sk.SkRcvbuf {
		return 0
	}

	n.tcpCollapseOfoQueue(sk) // :5076
	if q := &sk.SkReceiveQueue; q.First != nil {
		n.tcpCollapse(sk, q, q.First, nil, tp.CopiedSeq, tp.RcvNxt) // :5078
	}
	n.SkMemReclaim(sk) // :5082
	if sk.SkBacklog.RmemAlloc <= sk.SkRcvbuf {
		return 0
	}

	n.tcpPruneOfoQueue(sk) // :5090
	if sk.SkBacklog.RmemAlloc <= sk.SkRcvbuf {
		return 0
	}
	n.Mib[core.MibTcpExtRcvPruned]++
	tp.PredFlags = 0
	return -1
}
