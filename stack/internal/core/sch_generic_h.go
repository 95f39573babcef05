// What a queueing discipline is, and the small operations on one
// (include/net/sch_generic.h). Left out: filters, classes beyond the one that
// netem and tbf have, hardware offload, size tables.

package core

import "menuos/stack/internal/kernel"

// Handles and parents of queues (include/uapi/linux/pkt_sched.h): the major
// number in the upper half, the minor in the lower.
const (
	TcHRoot    = 0xffffffff
	tcHMajMask = 0xffff0000
	tcHMinMask = 0x0000ffff
)

// netXmitBypass tells a parent that its count does not change
// (__NET_XMIT_BYPASS).
const netXmitBypass = 0x00020000

// QdiscOps is a kind of queueing discipline (struct Qdisc_ops). Enqueue takes
// skb and returns NetXmit*; what it drops goes through qdiscDrop. Dequeue
// returns nil if nothing may leave now; a discipline that holds packets back
// arms a QdiscWatchdog. Init and Change take options of the kind's own type,
// nil if there are none. Graft and Leaf make a discipline one that has another
// in it.
type QdiscOps struct {
	Id        string
	Enqueue   func(skb *SkBuff, sch *Qdisc) int
	Dequeue   func(sch *Qdisc) *SkBuff
	Peek      func(sch *Qdisc) *SkBuff
	Init      func(sch *Qdisc, opt any) int
	Change    func(sch *Qdisc, opt any) int
	Reset     func(sch *Qdisc)
	Destroy   func(sch *Qdisc)
	Dump      func(sch *Qdisc) any
	DumpStats func(sch *Qdisc) any
	Graft     func(sch, child *Qdisc) (old *Qdisc)
	Leaf      func(sch *Qdisc) *Qdisc
}

// Qdisc is a device's queue, or one inside another (struct Qdisc).
type Qdisc struct {
	Ops         *QdiscOps
	Dev         *NetDevice
	Handle      uint32
	Parent      uint32 // TcHRoot or the class of another queue
	Refs        int
	Limit       int
	Invisible   bool // not listed: tbf's own fifo
	Priv        any  // the discipline's own
	CanBypass   bool // an empty queue may be passed by
	Running     bool
	Scheduled   bool
	Deactivated bool
	GsoSkb      SkBuffHead // packets that the driver gave back, or that Peek has taken
	Q           SkBuffHead // of a fifo, and of what netem sends at once

	Qlen                        int
	Backlog                     int // bytes
	Bytes, Packets              uint64
	Drops, Requeues, Overlimits uint64

	nextSched *Qdisc
}

// sched is what queues have in common in a machine.
type sched struct {
	base       []*QdiscOps // every kind (qdisc_base)
	toFree     *SkBuff     // packets to be dropped once the queue is let go (to_free)
	autohandle uint32
	watchdog   kernel.HrtimerKind
	pfifo      *QdiscOps
	bfifo      *QdiscOps
}

// Why a queue dropped a packet: values of SkBuff.reason beyond those that
// drivers give.
const (
	dropQdiscFull = 2 + iota
	dropQdiscDown
	dropNetemLoss
	dropNetemFull
	dropNetemCorrupt
	dropTbfBurst
	dropFqFull
	dropFqFlowFull
)

// queueDrop notes for kfree_skb's event why a queue dropped a packet, if one did.
func (n *Net) queueDrop(skb *SkBuff) {
	switch skb.reason {
	case dropQdiscFull:
		n.drop("queue full")
	case dropQdiscDown:
		n.drop("queue down")
	case dropNetemLoss:
		n.drop("netem loss")
	case dropNetemFull:
		n.drop("netem limit")
	case dropNetemCorrupt:
		n.drop("netem corrupt")
	case dropTbfBurst:
		n.drop("larger than tbf's burst")
	case dropFqFull:
		n.drop("fq limit")
	case dropFqFlowFull:
		n.drop("fq flow_limit")
	}
}

// qdiscDrop__ puts a packet among those that are freed once the queue is let go
// (__qdisc_drop).
func (n *Net) qdiscDrop__(skb *SkBuff, reason uint8) {
	skb.reason = reason
	skb.Prev = nil
	skb.Next = n.sched.toFree
	n.sched.toFree = skb
}

// qdiscDrop drops a packet that the discipline does not take, for the given
// reason (qdisc_drop).
func (n *Net) qdiscDrop(skb *SkBuff, sch *Qdisc, reason uint8) int {
	n.qdiscDrop__(skb, reason)
	sch.Drops++
	return NetXmitDrop
}

// qdiscDropAll drops a packet and others that were cut from the same
// (qdisc_drop_all).
func (n *Net) qdiscDropAll(skb, segs *SkBuff, sch *Qdisc, reason uint8) {
	for segs != nil {
		next := segs.Next
		n.qdiscDrop__(segs, reason)
		segs = next
	}
	n.qdiscDrop(skb, sch, reason)
}

// takeToFree hands over the packets that are to be dropped.
func (n *Net) takeToFree() *SkBuff {
	skb := n.sched.toFree
	n.sched.toFree = nil
	return skb
}

func (q *Qdisc) runBegin() bool {
	if q.Running {
		return false
	}
	q.Running = true
	return true
}

// root is the queue that this one is in, or is (qdisc_root).
func (q *Qdisc) root() *Qdisc {
	if q.Dev == nil || q.Dev.Qdisc == nil {
		return q
	}
	return q.Dev.Qdisc
}

// bstatsUpdate counts a packet that leaves (qdisc_bstats_update).
func (q *Qdisc) bstatsUpdate(skb *SkBuff) {
	q.Bytes += uint64(skb.PktLen)
	if skb.IsGso() {
		q.Packets += uint64(skb.Head.GsoSegs)
	} else {
		q.Packets++
	}
}

// enqueueTail queues a packet in a fifo (qdisc_enqueue_tail).
func (q *Qdisc) enqueueTail(skb *SkBuff) int {
	q.Q.QueueTail(skb)
	q.Qlen++
	q.Backlog += skb.PktLen
	return NetXmitSuccess
}

// QdiscDequeueHead takes the first packet of a fifo (qdisc_dequeue_head).
func QdiscDequeueHead(sch *Qdisc) *SkBuff {
	skb := sch.Q.Dequeue()
	if skb != nil {
		sch.Qlen--
		sch.Backlog -= skb.PktLen
		sch.bstatsUpdate(skb)
	}
	return skb
}

// QdiscPeekHead looks at the first packet of a fifo (qdisc_peek_head).
func QdiscPeekHead(sch *Qdisc) *SkBuff { return sch.Q.Peek() }

// qdiscPeekDequeued looks at the next packet of a queue that holds back, by
// taking it and keeping it.
func (n *Net) qdiscPeekDequeued(sch *Qdisc) *SkBuff {
	kernel.Fentry1(&n.Kernel, sch) // qdisc_peek_dequeued include/net/sch_generic.h:993

	skb := sch.GsoSkb.Peek()
	if skb == nil {
		skb = sch.Ops.Dequeue(sch) // :997
		if skb != nil {
			sch.GsoSkb.QueueHead(skb)
			sch.Backlog += skb.PktLen
			sch.Qlen++
		}
	}
	return skb
}

// qdiscDequeuePeeked takes the packet that Peek has shown.
func (n *Net) qdiscDequeuePeeked(sch *Qdisc) *SkBuff {
	kernel.Fentry1(&n.Kernel, sch) // qdisc_dequeue_peeked include/net/sch_generic.h:1013

	if skb := sch.GsoSkb.Dequeue(); skb != nil {
		sch.Backlog -= skb.PktLen
		sch.Qlen--
		return skb
	}
	return sch.Ops.Dequeue(sch) // :1020
}

func (n *Net) qdiscEnqueue(skb *SkBuff, sch *Qdisc) int {
	kernel.Fentry2(&n.Kernel, skb, sch) // qdisc_enqueue include/net/sch_generic.h:752

	return sch.Ops.Enqueue(skb, sch) // :753
}

// freeQueue frees what a queue holds when it is emptied. menuos does not put
// that off to the end of the configuration (rtnl_kfree_skbs), because it has no
// lock there to be let go first.
func (n *Net) freeQueue(q *SkBuffHead) {
	for skb := q.Dequeue(); skb != nil; skb = q.Dequeue() {
		n.drop("queue reset")
		n.KfreeSkb(skb)
	}
}

func (n *Net) qdiscResetQueue__(qh *SkBuffHead) {
	kernel.Fentry1(&n.Kernel, qh) // __qdisc_reset_queue include/net/sch_generic.h:1032

	n.freeQueue(qh) // :1034
}

func (n *Net) qdiscResetQueue(sch *Qdisc) {
	kernel.Fentry1(&n.Kernel, sch) // qdisc_reset_queue include/net/sch_generic.h:1044

	n.qdiscResetQueue__(&sch.Q) // :1044
	sch.Backlog = 0
}

// qdiscReplace puts another queue into a class: what the old one holds is lost.
func (n *Net) qdiscReplace(sch, child *Qdisc, pold **Qdisc) *Qdisc {
	kernel.Fentry2(&n.Kernel, sch, child) // qdisc_replace include/net/sch_generic.h:1054

	old := *pold
	*pold = child
	if old != nil {
		qlen, backlog := old.Qlen, old.Backlog
		n.qdiscReset(old)                            // :1060
		n.qdiscTreeReduceBacklog(old, qlen, backlog) // :1061
	}
	return old
}

// psRatecfg is a rate as a multiplication and a shift (struct psched_ratecfg).
type psRatecfg struct {
	rate     uint64 // bytes a second; 0: none
	mult     uint32
	shift    uint8
	overhead uint16
}

// l2tNs is how long length bytes take at the rate, in nanoseconds
// (psched_l2t_ns).
func (r *psRatecfg) l2tNs(length int) int64 {
	return int64((uint64(length) + uint64(r.overhead)) * uint64(r.mult) >> r.shift)
}
