// Queues that are first in, first out, bounded by packets or by bytes
// (net/sched/sch_fifo.c).

package core

import "menuos/stack/internal/kernel"

// FifoQopt are a fifo's options (struct tc_fifo_qopt).
type FifoQopt struct {
	Limit uint32 // packets of a pfifo, bytes of a bfifo
}

func (n *Net) fifoOps(id string, enqueue func(*SkBuff, *Qdisc) int) *QdiscOps {
	return &QdiscOps{
		Id: id, Enqueue: enqueue, Dequeue: QdiscDequeueHead, Peek: QdiscPeekHead,
		Init: n.fifoInit, Change: n.fifoInit, Reset: n.qdiscResetQueue,
		Dump: func(sch *Qdisc) any { return &FifoQopt{uint32(sch.Limit)} },
	}
}

func (n *Net) bfifoEnqueue(skb *SkBuff, sch *Qdisc) int {
	kernel.Fentry2(&n.Kernel, skb, sch) // bfifo_enqueue net/sched/sch_fifo.c:25

	if sch.Backlog+skb.PktLen <= sch.Limit {
		return sch.enqueueTail(skb)
	}
	return n.qdiscDrop(skb, sch, dropQdiscFull)
}

func (n *Net) pfifoEnqueue(skb *SkBuff, sch *Qdisc) int {
	kernel.Fentry2(&n.Kernel, skb, sch) // pfifo_enqueue net/sched/sch_fifo.c:34

	if sch.Qlen < sch.Limit {
		return sch.enqueueTail(skb)
	}
	return n.qdiscDrop(skb, sch, dropQdiscFull)
}

// psMtu is the longest packet of a device with its header (psched_mtu).
func psMtu(dev *NetDevice) int { return dev.Mtu + dev.HardHeaderLen }

func (n *Net) fifoInit(sch *Qdisc, opt any) int {
	kernel.Fentry2(&n.Kernel, sch, opt) // fifo_init net/sched/sch_fifo.c:60

	least := 1
	if sch.Ops == n.sched.bfifo {
		least = psMtu(sch.Dev)
	}
	if opt == nil {
		sch.Limit = sch.Dev.TxQueueLen * least
	} else {
		sch.Limit = int(opt.(*FifoQopt).Limit)
	}
	sch.CanBypass = sch.Limit >= least
	return 0
}

// fifoSetLimit changes the limit of a queue if it is a fifo.
func (n *Net) fifoSetLimit(q *Qdisc, limit uint32) int {
	kernel.Fentry2(&n.Kernel, q, limit) // fifo_set_limit net/sched/sch_fifo.c:147

	if q.Ops != n.sched.pfifo && q.Ops != n.sched.bfifo {
		return 0
	}
	return q.Ops.Change(q, &FifoQopt{limit}) // :161
}

// fifoCreateDflt makes the fifo that another queue has inside.
func (n *Net) fifoCreateDflt(sch *Qdisc, ops *QdiscOps, limit uint32) *Qdisc {
	kernel.Fentry3(&n.Kernel, sch, ops, limit) // fifo_create_dflt net/sched/sch_fifo.c:171

	q := n.qdiscCreateDflt(sch.Dev, ops, sch.Handle|1) // :175
	n.fifoSetLimit(q, limit)                           // :178
	return q
}
