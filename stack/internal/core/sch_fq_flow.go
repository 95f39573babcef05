// The flows of fq (net/sched/sch_fq.c). menuos keeps the flows of a bucket in a
// list, and those that wait for their time in another, where Linux has trees.

package core

import (
	"slices"
	"time"

	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Where a flow is.
const (
	fqListed    = iota // among the new or the old flows
	fqDetached         // empty, and on no list
	fqThrottled        // waiting for its time
)

// Bounds on how many idle flows are forgotten at a time, and after how long.
const (
	fqGcMax = 8
	fqGcAge = 3 * kernel.HZ
)

// fqFlow is the packets of one socket, or of those without a socket that hash to
// the same key (struct fq_flow).
type fqFlow struct {
	queue          SkBuffHead
	age            uint64 // jiffies when it was emptied
	key            uint64 // the socket's address; odd for packets without one
	socketHash     uint32
	credit         int64
	state          int
	next           *fqFlow // in its turn
	bucket         *fqFlow // next in its bucket
	timeNextPacket time.Duration
}

type fqFlowHead struct{ first, last *fqFlow }

func (n *Net) fqFlowSetDetached(f *fqFlow) {
	kernel.Fentry1(&n.Kernel, f) // fq_flow_set_detached net/sched/sch_fq.c:122

	f.state, f.next = fqDetached, nil
	f.age = n.Jiffies()
}

func (n *Net) fqFlowAddTail(head *fqFlowHead, flow *fqFlow) {
	kernel.Fentry2(&n.Kernel, head, flow) // fq_flow_add_tail net/sched/sch_fq.c:138

	if head.first != nil {
		head.last.next = flow
	} else {
		head.first = flow
	}
	head.last = flow
	flow.next, flow.state = nil, fqListed
}

func (n *Net) fqFlowUnsetThrottled(q *fqSched, f *fqFlow) {
	kernel.Fentry2(&n.Kernel, q, f) // fq_flow_unset_throttled net/sched/sch_fq.c:148

	if i := slices.Index(q.delayed, f); i >= 0 {
		q.delayed = slices.Delete(q.delayed, i, i+1)
	}
	q.throttledFlows--
	n.fqFlowAddTail(&q.oldFlows, f) // :151
}

func (n *Net) fqFlowSetThrottled(q *fqSched, f *fqFlow) {
	kernel.Fentry2(&n.Kernel, q, f) // fq_flow_set_throttled net/sched/sch_fq.c:155

	i := len(q.delayed)
	for i > 0 && q.delayed[i-1].timeNextPacket > f.timeNextPacket {
		i--
	}
	q.delayed = slices.Insert(q.delayed, i, f)
	q.throttledFlows++
	q.stat.Throttled++
	f.state, f.next = fqThrottled, nil
	q.timeNextDelayedFlow = min(q.timeNextDelayedFlow, f.timeNextPacket)
}

func (n *Net) fqGcCandidate(f *fqFlow) bool {
	return f.state == fqDetached && n.Jiffies() > f.age+fqGcAge
}

// fqGc forgets flows of a bucket that have been idle for long.
func (n *Net) fqGc(q *fqSched, root **fqFlow, key uint64) {
	kernel.Fentry3(&n.Kernel, q, root, key) // fq_gc net/sched/sch_fq.c:195

	count := uint32(0)
	for p := root; *p != nil && count < fqGcMax; {
		if f := *p; f.key != key && n.fqGcCandidate(f) {
			*p = f.bucket
			count++
		} else {
			p = &f.bucket
		}
	}
	q.flows -= count
	q.inactiveFlows -= count
	q.stat.GcFlows += uint64(count)
}

// hashPtr is the bucket of a key (hash_ptr).
func (q *fqSched) hashPtr(key uint64) **fqFlow {
	return &q.root[key*0x61c8864680b583eb>>(64-q.treesLog)]
}

// flowHash stands for the addresses and ports of a packet (skb_get_hash).
func (n *Net) flowHash(skb *SkBuff) uint32 {
	if skb.Hash != 0 || skb.Protocol != wire.EtherTypeIPv4 || skb.Tail-skb.NetworkHeader < wire.IPv4MinLen {
		return skb.Hash
	}
	ip := skb.Ip()
	ports := uint32(0)
	if at := skb.NetworkHeader + ip.IHL(); !ip.IsFragment() && skb.Tail >= at+4 &&
		(ip.Protocol() == wire.ProtoTCP || ip.Protocol() == wire.ProtoUDP) {
		b := skb.Head.B[at:]
		ports = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	return uint32(Siphash4u32(uint32(ip.Src()), uint32(ip.Dst()), ports, uint32(ip.Protocol()), &n.secret))
}

// fqClassify finds the flow of a packet, or begins one.
func (n *Net) fqClassify(skb *SkBuff, q *fqSched) *fqFlow {
	kernel.Fentry2(&n.Kernel, skb, q) // fq_classify net/sched/sch_fq.c:233

	const control = 7 // TC_PRIO_CONTROL
	if skb.Priority&15 == control {
		return &q.internal
	}
	var key uint64
	hash := uint32(0)
	if sk := skb.Sk; sk == nil || SkListener(&sk.SockCommon) {
		key = uint64(n.flowHash(skb)&q.orphanMask)<<1 | 1
		n.SkbOrphan(skb) // :259
	} else {
		key, hash = sk.Kaddr(), sk.SkHash
	}
	root := q.hashPtr(key)
	if q.flows >= 2<<q.treesLog && q.inactiveFlows > q.flows/2 {
		n.fqGc(q, root, key) // :266
	}
	for f := *root; f != nil; f = f.bucket {
		if f.key != key {
			continue
		}
		if skb.Sk != nil && f.socketHash != hash {
			f.credit = int64(q.initialQuantum)
			f.socketHash = hash
			if f.state == fqThrottled {
				n.fqFlowUnsetThrottled(q, f) // :285
			}
			f.timeNextPacket = 0
		}
		return f
	}
	f := &fqFlow{key: key, socketHash: hash, credit: int64(q.initialQuantum), bucket: *root}
	n.fqFlowSetDetached(f) // :301
	*root = f
	q.flows++
	q.inactiveFlows++
	return f
}

// fqDequeueHead takes the first packet of a flow.
func (n *Net) fqDequeueHead(sch *Qdisc, flow *fqFlow) *SkBuff {
	kernel.Fentry2(&n.Kernel, sch, flow) // fq_dequeue_head net/sched/sch_fq.c:318

	skb := flow.queue.Dequeue()
	if skb != nil {
		sch.Backlog -= skb.PktLen
		sch.Qlen--
	}
	return skb
}

func (n *Net) flowQueueAdd(flow *fqFlow, skb *SkBuff) {
	kernel.Fentry2(&n.Kernel, flow, skb) // flow_queue_add net/sched/sch_fq.c:332

	flow.queue.QueueTail(skb)
}

func (n *Net) fqFlowPurge(flow *fqFlow) {
	kernel.Fentry1(&n.Kernel, flow) // fq_flow_purge net/sched/sch_fq.c:535

	n.freeQueue(&flow.queue) // :536
}

// fqRehash moves the flows into the new buckets, but for those long idle.
func (n *Net) fqRehash(q *fqSched, old []*fqFlow) {
	kernel.Fentry2(&n.Kernel, q, old) // fq_rehash net/sched/sch_fq.c:579

	count := uint32(0)
	for _, f := range old {
		for f != nil {
			of := f
			f = f.bucket
			if n.fqGcCandidate(of) {
				count++
				continue
			}
			root := q.hashPtr(of.key)
			of.bucket, *root = *root, of
		}
	}
	q.flows -= count
	q.inactiveFlows -= count
	q.stat.GcFlows += uint64(count)
}
