// Fair queueing with pacing: each socket is a flow of its own, flows take turns,
// and a flow's packets leave no sooner than its rate or their own time allows
// (net/sched/sch_fq.c). The flows themselves are in sch_fq_flow.go.

package core

import (
	"math"
	"time"

	"menuos/stack/internal/kernel"
)

// FqQopt are fq's options (TCA_FQ_*); what is nil is left as it is by a change.
type FqQopt struct {
	Limit, FlowLimit         *uint32 // packets
	Quantum, InitialQuantum  *uint32 // bytes
	RateEnable               *uint32 // 0 or 1: pacing
	MaxRate                  *uint32 // bytes a second of a flow; the largest is none
	BucketsLog               *uint32
	RefillDelay, CeThreshold *uint32 // microseconds
	OrphanMask               *uint32
	LowRateThreshold         *uint32 // bytes a second
}

// FqStats are fq's own counters (struct tc_fq_qd_stats).
type FqStats struct {
	Flows, InactiveFlows, ThrottledFlows    uint32
	TimeNextDelayedFlow                     time.Duration // from now; 0 if none is known
	GcFlows, HighprioPackets, Throttled     uint64
	UnthrottleLatency                       time.Duration
	CeMark, FlowsPlimit, PktsTooLong, Alloc uint64
}

// fqSched is what fq keeps of a queue (struct fq_sched_data).
type fqSched struct {
	newFlows, oldFlows  fqFlowHead
	delayed             []*fqFlow // throttled, by their time
	timeNextDelayedFlow time.Duration
	unthrottleLatency   time.Duration
	internal            fqFlow // packets of control
	root                []*fqFlow
	treesLog            uint32

	quantum, initialQuantum uint32
	flowRefillDelay         uint64 // jiffies
	flowPlimit              uint32
	flowMaxRate             uint64
	ceThreshold             time.Duration
	orphanMask              uint32
	lowRateThreshold        uint32
	rateEnable              bool

	flows, inactiveFlows, throttledFlows uint32
	stat                                 FqStats
	watchdog                             QdiscWatchdog
}

const never = time.Duration(math.MaxInt64)

func (n *Net) fqOps() *QdiscOps {
	return &QdiscOps{
		Id: "fq", Enqueue: n.fqEnqueue, Dequeue: n.fqDequeue, Peek: n.qdiscPeekDequeued,
		Init: n.fqInit, Change: n.fqChange, Reset: n.fqReset, Destroy: n.fqDestroy,
		Dump: fqDump, DumpStats: n.fqStats,
	}
}

// fqEnqueue puts a packet into its flow's queue.
func (n *Net) fqEnqueue(skb *SkBuff, sch *Qdisc) int {
	kernel.Fentry2(&n.Kernel, skb, sch) // fq_enqueue net/sched/sch_fq.c:346

	q := sch.Priv.(*fqSched)
	if sch.Qlen >= sch.Limit {
		return n.qdiscDrop(skb, sch, dropFqFull)
	}
	f := n.fqClassify(skb, q) // :353
	if f.queue.Qlen >= int(q.flowPlimit) && f != &q.internal {
		q.stat.FlowsPlimit++
		return n.qdiscDrop(skb, sch, dropFqFlowFull)
	}
	sch.Backlog += skb.PktLen
	if f.state == fqDetached {
		n.fqFlowAddTail(&q.newFlows, f) // :364
		if n.Jiffies() > f.age+q.flowRefillDelay {
			f.credit = max(f.credit, int64(q.quantum))
		}
		if skb.Sk != nil && q.rateEnable {
			skb.Sk.SkPacingStatus = SkPacingFq
		}
		q.inactiveFlows--
	}
	n.flowQueueAdd(f, skb) // :377
	if f == &q.internal {
		q.stat.HighprioPackets++
	}
	sch.Qlen++
	return NetXmitSuccess
}

// fqCheckThrottled lets those flows take turns again whose time has come.
func (n *Net) fqCheckThrottled(q *fqSched, now time.Duration) {
	kernel.Fentry2(&n.Kernel, q, now) // fq_check_throttled net/sched/sch_fq.c:388

	if q.timeNextDelayedFlow > now {
		return
	}
	sample := now - q.timeNextDelayedFlow
	q.unthrottleLatency += sample>>3 - q.unthrottleLatency>>3
	q.timeNextDelayedFlow = never
	for len(q.delayed) > 0 {
		f := q.delayed[0]
		if f.timeNextPacket > now {
			q.timeNextDelayedFlow = f.timeNextPacket
			break
		}
		n.fqFlowUnsetThrottled(q, f) // :410
	}
}

// fqDequeue takes the next packet of the flow whose turn it is.
func (n *Net) fqDequeue(sch *Qdisc) *SkBuff {
	kernel.Fentry1(&n.Kernel, sch) // fq_dequeue net/sched/sch_fq.c:415

	q := sch.Priv.(*fqSched)
	if sch.Qlen == 0 {
		return nil
	}
	if skb := n.fqDequeueHead(sch, &q.internal); skb != nil { // :427
		sch.bstatsUpdate(skb)
		return skb
	}
	now := n.Now()
	n.fqCheckThrottled(q, now) // :432
	for {
		head := &q.newFlows
		if head.first == nil {
			head = &q.oldFlows
		}
		f := head.first
		if f == nil {
			if q.timeNextDelayedFlow != never {
				n.qdiscWatchdogScheduleNs(&q.watchdog, q.timeNextDelayedFlow) // :439
			}
			return nil
		}
		if f.credit <= 0 {
			f.credit += int64(q.quantum)
			head.first = f.next
			n.fqFlowAddTail(&q.oldFlows, f) // :449
			continue
		}
		if skb := f.queue.First; skb != nil {
			due := max(skb.departure(), f.timeNextPacket)
			if now < due {
				head.first = f.next
				f.timeNextPacket = due
				n.fqFlowSetThrottled(q, f) // :461
				continue
			}
			if due != 0 && now-due > q.ceThreshold {
				InetECNSetCe(skb)
				q.stat.CeMark++
			}
		}
		skb := n.fqDequeueHead(sch, f) // :471
		if skb == nil {
			head.first = f.next
			if head == &q.newFlows && q.oldFlows.first != nil {
				n.fqFlowAddTail(&q.oldFlows, f) // :476
			} else {
				n.fqFlowSetDetached(f) // :478
				q.inactiveFlows++
			}
			continue
		}
		q.charge(f, skb, now)
		sch.bstatsUpdate(skb)
		return skb
	}
}

// departure is the earliest time that TCP wants the packet to leave, 0 if nobody
// does (skb->tstamp).
func (skb *SkBuff) departure() time.Duration { return time.Duration(skb.SkbMstampNs) }

// charge takes a packet off its flow's credit and sets when the next may leave.
func (q *fqSched) charge(f *fqFlow, skb *SkBuff, now time.Duration) {
	plen := skb.PktLen
	f.credit -= int64(plen)
	if !q.rateEnable {
		return
	}
	rate := q.flowMaxRate
	if skb.departure() == 0 {
		if skb.Sk != nil {
			rate = min(skb.Sk.SkPacingRate, rate)
		}
		if rate <= uint64(q.lowRateThreshold) {
			f.credit = 0
		} else {
			plen = max(plen, int(q.quantum))
			if f.credit > 0 {
				return
			}
		}
	}
	if rate == math.MaxUint64 {
		return
	}
	gap := time.Duration(plen) * time.Second
	if rate != 0 {
		gap = time.Duration(uint64(gap) / rate)
	}
	if gap > time.Second {
		gap = time.Second
		q.stat.PktsTooLong++
	}
	if f.timeNextPacket != 0 {
		gap -= min(gap/2, now-f.timeNextPacket)
	}
	f.timeNextPacket = now + gap
}

func (n *Net) fqReset(sch *Qdisc) {
	kernel.Fentry1(&n.Kernel, sch) // fq_reset net/sched/sch_fq.c:542

	q := sch.Priv.(*fqSched)
	sch.Qlen, sch.Backlog = 0, 0
	n.fqFlowPurge(&q.internal) // :552
	for i, f := range q.root {
		for ; f != nil; f = f.bucket {
			n.fqFlowPurge(f) // :563
		}
		q.root[i] = nil
	}
	q.newFlows, q.oldFlows, q.delayed = fqFlowHead{}, fqFlowHead{}, nil
	q.flows, q.inactiveFlows, q.throttledFlows = 0, 0, 0
	q.timeNextDelayedFlow = never
}

// fqResize changes the number of buckets.
func (n *Net) fqResize(sch *Qdisc, log uint32) int {
	kernel.Fentry2(&n.Kernel, sch, log) // fq_resize net/sched/sch_fq.c:627

	q := sch.Priv.(*fqSched)
	if q.root != nil && log == q.treesLog {
		return 0
	}
	old := q.root
	q.root, q.treesLog = make([]*fqFlow, 1<<log), log
	n.fqRehash(q, old) // :649
	return 0
}

// fqChange sets a queue's options.
func (n *Net) fqChange(sch *Qdisc, opt any) int {
	kernel.Fentry2(&n.Kernel, sch, opt) // fq_change net/sched/sch_fq.c:677

	o, ok := opt.(*FqQopt)
	if !ok {
		return -EINVAL
	}
	q := sch.Priv.(*fqSched)
	log, err := q.set(sch, o)
	if err == 0 {
		err = n.fqResize(sch, log) // :758
	}
	count, length := 0, 0
	for sch.Qlen > sch.Limit {
		skb := n.fqDequeue(sch) // :762
		if skb == nil {
			break
		}
		length += skb.PktLen
		n.drop("fq limit")
		n.KfreeSkb(skb) // :767
		count++
	}
	n.qdiscTreeReduceBacklog(sch, count, length) // :770
	return err
}

// set takes over what the options set, but for the number of buckets.
func (q *fqSched) set(sch *Qdisc, o *FqQopt) (log uint32, err int) {
	put := func(dst, src *uint32) {
		if src != nil {
			*dst = *src
		}
	}
	log = q.treesLog
	put(&log, o.BucketsLog)
	if log < 1 || log > 18 {
		err = -EINVAL
	}
	if o.Limit != nil {
		sch.Limit = int(*o.Limit)
	}
	put(&q.flowPlimit, o.FlowLimit)
	if o.Quantum != nil && *o.Quantum == 0 {
		err = -EINVAL
	} else {
		put(&q.quantum, o.Quantum)
	}
	put(&q.initialQuantum, o.InitialQuantum)
	if o.MaxRate != nil {
		if q.flowMaxRate = uint64(*o.MaxRate); *o.MaxRate == math.MaxUint32 {
			q.flowMaxRate = math.MaxUint64
		}
	}
	put(&q.lowRateThreshold, o.LowRateThreshold)
	if o.RateEnable != nil {
		q.rateEnable = *o.RateEnable != 0
	}
	if o.RefillDelay != nil {
		q.flowRefillDelay = (uint64(*o.RefillDelay)*kernel.HZ + 999999) / 1000000
	}
	put(&q.orphanMask, o.OrphanMask)
	if o.CeThreshold != nil {
		q.ceThreshold = time.Duration(*o.CeThreshold) * time.Microsecond
	}
	return log, err
}

func (n *Net) fqDestroy(sch *Qdisc) {
	kernel.Fentry1(&n.Kernel, sch) // fq_destroy net/sched/sch_fq.c:777

	n.fqReset(sch)                                       // :780
	n.qdiscWatchdogCancel(&sch.Priv.(*fqSched).watchdog) // :782
}

func (n *Net) fqInit(sch *Qdisc, opt any) int {
	kernel.Fentry2(&n.Kernel, sch, opt) // fq_init net/sched/sch_fq.c:787

	mtu := uint32(psMtu(sch.Dev))
	q := &fqSched{
		flowPlimit: 100, quantum: 2 * mtu, initialQuantum: 10 * mtu,
		flowRefillDelay: 40 * kernel.HZ / 1000, flowMaxRate: math.MaxUint64, timeNextDelayedFlow: never,
		rateEnable: true, treesLog: 10, orphanMask: 1023, lowRateThreshold: 550000 / 8,
		ceThreshold: math.MaxUint32 * time.Microsecond,
	}
	sch.Priv, sch.Limit = q, 10000
	n.qdiscWatchdogInit(&q.watchdog, sch) // :810
	if opt != nil {
		return n.fqChange(sch, opt) // :813
	}
	return n.fqResize(sch, q.treesLog) // :815
}

func fqDump(sch *Qdisc) any {
	q := sch.Priv.(*fqSched)
	enable := uint32(0)
	if q.rateEnable {
		enable = 1
	}
	return &FqQopt{
		Limit: new(uint32(sch.Limit)), FlowLimit: new(q.flowPlimit), Quantum: new(q.quantum), InitialQuantum: new(q.initialQuantum),
		RateEnable: new(enable), MaxRate: new(uint32(min(q.flowMaxRate, math.MaxUint32))), BucketsLog: new(q.treesLog),
		RefillDelay: new(uint32(q.flowRefillDelay * 1000000 / kernel.HZ)), OrphanMask: new(q.orphanMask),
		CeThreshold: new(uint32(q.ceThreshold / time.Microsecond)), LowRateThreshold: new(q.lowRateThreshold),
	}
}

func (n *Net) fqStats(sch *Qdisc) any {
	q := sch.Priv.(*fqSched)
	st := q.stat
	st.Flows, st.InactiveFlows, st.ThrottledFlows = q.flows, q.inactiveFlows, q.throttledFlows
	st.UnthrottleLatency = q.unthrottleLatency
	if q.timeNextDelayedFlow != never {
		st.TimeNextDelayedFlow = max(0, q.timeNextDelayedFlow-n.Now())
	}
	return &st
}
