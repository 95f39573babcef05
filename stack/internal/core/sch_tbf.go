// The token bucket: packets leave at a rate, in bursts of a given size, and, if
// there is a peak rate, no faster than that within a burst
// (net/sched/sch_tbf.c). Left out: link layers of cells (ATM).

package core

import (
	"time"

	"menuos/stack/internal/kernel"
)

// TbfQopt are tbf's options (struct tc_tbf_qopt and its attributes): rates in
// bytes a second, Limit, Burst and Mtu in bytes. Buffer and MtuTime are the
// burst and the mtu as times at their rates, which are what is kept.
type TbfQopt struct {
	Rate, PeakRate  uint64
	Limit           uint32
	Burst, Mtu      uint32
	Overhead        uint16
	Buffer, MtuTime time.Duration // as tc shows them; set by Dump alone
}

// tbfSched is what tbf keeps of a queue (struct tbf_sched_data). Tokens are
// nanoseconds of sending.
type tbfSched struct {
	limit      uint32
	maxSize    int
	buffer     int64
	mtu        int64
	rate, peak psRatecfg

	tokens, ptokens int64
	tC              time.Duration
	child           *Qdisc
	watchdog        QdiscWatchdog
}

func (n *Net) tbfOps() *QdiscOps {
	return &QdiscOps{
		Id: "tbf", Enqueue: n.tbfEnqueue, Dequeue: n.tbfDequeue, Peek: n.qdiscPeekDequeued,
		Init: n.tbfInit, Change: n.tbfChange, Reset: n.tbfReset, Destroy: n.tbfDestroy,
		Dump: tbfDump, Graft: n.tbfGraft, Leaf: func(sch *Qdisc) *Qdisc { return sch.Priv.(*tbfSched).child },
	}
}

// precompute makes a multiplication and a shift of a rate, as large as they may be
// without overflow (psched_ratecfg_precompute).
func (r *psRatecfg) precompute(rate uint64, overhead uint16) {
	*r = psRatecfg{rate: rate, overhead: overhead, mult: 1}
	if rate == 0 {
		return
	}
	for factor := uint64(time.Second); ; factor <<= 1 {
		r.mult = uint32(factor / rate)
		if r.mult&(1<<31) != 0 || factor&(1<<63) != 0 {
			return
		}
		r.shift++
	}
}

// tbfSegment cuts a packet that is too large for the bucket. menuos counts the
// bytes of its segments as backlog, because Linux 5.0.1 forgets them and counts
// below zero when they leave.
func (n *Net) tbfSegment(skb *SkBuff, sch *Qdisc) int {
	kernel.Fentry2(&n.Kernel, skb, sch) // tbf_segment net/sched/sch_tbf.c:150

	q := sch.Priv.(*tbfSched)
	prevLen := skb.PktLen
	features := n.NetifSkbFeatures(skb)                            // :153
	segs, err := n.SkbGsoSegment(skb, features&^NetifFGsoSoftware) // :157
	if err < 0 || segs == nil {
		return n.qdiscDrop(skb, sch, dropTbfBurst)
	}
	nb, length := 0, 0
	for segs != nil {
		next := segs.Next
		segs.Next, segs.Prev = nil, nil
		segs.PktLen = segs.Len
		size := segs.Len
		if n.qdiscEnqueue(segs, q.child) != NetXmitSuccess { // :168
			sch.Drops++
		} else {
			nb++
			length += size
		}
		segs = next
	}
	sch.Qlen += nb
	sch.Backlog += length
	if nb > 1 {
		n.qdiscTreeReduceBacklog(sch, 1-nb, prevLen-length) // :179
	}
	n.ConsumeSkb(skb) // :180
	if nb == 0 {
		return NetXmitDrop
	}
	return NetXmitSuccess
}

// tbfEnqueue queues a packet if the bucket can ever hold enough for it.
func (n *Net) tbfEnqueue(skb *SkBuff, sch *Qdisc) int {
	kernel.Fentry2(&n.Kernel, skb, sch) // tbf_enqueue net/sched/sch_tbf.c:186

	q := sch.Priv.(*tbfSched)
	length := skb.PktLen
	if length > q.maxSize {
		if skb.IsGso() && skb.gsoMacSeglen() <= q.maxSize {
			return n.tbfSegment(skb, sch) // :194
		}
		return n.qdiscDrop(skb, sch, dropTbfBurst)
	}
	ret := n.qdiscEnqueue(skb, q.child) // :197
	if ret != NetXmitSuccess {
		sch.Drops++
		return ret
	}
	sch.Backlog += length
	sch.Qlen++
	return NetXmitSuccess
}

// gsoMacSeglen is the length of the largest packet that this one is cut into
// (skb_gso_mac_seglen).
func (skb *SkBuff) gsoMacSeglen() int {
	return skb.TransportHeader - skb.MacHeader + skb.Tcp().DataOff() + int(skb.Head.GsoSize)
}

// tbfDequeue lets the next packet go if there are tokens for it.
func (n *Net) tbfDequeue(sch *Qdisc) *SkBuff {
	kernel.Fentry1(&n.Kernel, sch) // tbf_dequeue net/sched/sch_tbf.c:215

	q := sch.Priv.(*tbfSched)
	skb := q.child.Ops.Peek(q.child) // :219
	if skb == nil {
		return nil
	}
	length := skb.PktLen
	now := n.Now()
	toks := min(int64(now-q.tC), q.buffer)
	ptoks := int64(0)
	if q.peak.rate != 0 {
		ptoks = min(toks+q.ptokens, q.mtu) - q.peak.l2tNs(length)
	}
	toks = min(toks+q.tokens, q.buffer) - q.rate.l2tNs(length)
	if toks|ptoks >= 0 {
		skb = n.qdiscDequeuePeeked(q.child) // :242
		if skb == nil {
			return nil
		}
		q.tC, q.tokens, q.ptokens = now, toks, ptoks
		sch.Backlog -= skb.PktLen
		sch.Qlen--
		sch.bstatsUpdate(skb)
		return skb
	}
	n.qdiscWatchdogScheduleNs(&q.watchdog, now+time.Duration(max(-toks, -ptoks))) // :255
	sch.Overlimits++
	return nil
}

func (n *Net) tbfReset(sch *Qdisc) {
	kernel.Fentry1(&n.Kernel, sch) // tbf_reset net/sched/sch_tbf.c:275

	q := sch.Priv.(*tbfSched)
	n.qdiscReset(q.child) // :278
	sch.Backlog, sch.Qlen = 0, 0
	q.tC, q.tokens, q.ptokens = n.Now(), q.buffer, q.mtu
	n.qdiscWatchdogCancel(&q.watchdog) // :284
}

// tbfChange sets a queue's options.
func (n *Net) tbfChange(sch *Qdisc, opt any) int {
	kernel.Fentry2(&n.Kernel, sch, opt) // tbf_change net/sched/sch_tbf.c:299

	o, ok := opt.(*TbfQopt)
	if !ok {
		return -EINVAL
	}
	q := sch.Priv.(*tbfSched)
	var rate, peak psRatecfg
	rate.precompute(o.Rate, o.Overhead)
	maxSize := int(o.Burst)
	buffer, mtu := rate.l2tNs(maxSize), int64(0)
	if o.PeakRate != 0 {
		peak.precompute(o.PeakRate, o.Overhead)
		if peak.rate <= rate.rate {
			return -EINVAL
		}
		maxSize = min(maxSize, int(o.Mtu))
		mtu = peak.l2tNs(int(o.Mtu))
	}
	if maxSize == 0 {
		return -EINVAL
	}
	if q.child != &n.softnet.noop {
		if err := n.fifoSetLimit(q.child, o.Limit); err != 0 { // :377
			return err
		}
	} else if o.Limit > 0 {
		q.child = n.fifoCreateDflt(sch, n.sched.bfifo, o.Limit) // :381
		q.child.Invisible = true
	}
	q.limit, q.maxSize = o.Limit, maxSize
	q.buffer, q.mtu = buffer, mtu
	q.tokens, q.ptokens = buffer, mtu
	q.rate, q.peak = rate, peak
	return 0
}

func (n *Net) tbfInit(sch *Qdisc, opt any) int {
	kernel.Fentry2(&n.Kernel, sch, opt) // tbf_init net/sched/sch_tbf.c:423

	q := &tbfSched{child: &n.softnet.noop}
	sch.Priv = q
	n.qdiscWatchdogInit(&q.watchdog, sch) // :426
	if opt == nil {
		return -EINVAL
	}
	q.tC = n.Now()
	return n.tbfChange(sch, opt) // :434
}

func (n *Net) tbfDestroy(sch *Qdisc) {
	kernel.Fentry1(&n.Kernel, sch) // tbf_destroy net/sched/sch_tbf.c:438

	q := sch.Priv.(*tbfSched)
	n.qdiscWatchdogCancel(&q.watchdog) // :441
	n.qdiscPut(q.child)                // :442
}

func tbfDump(sch *Qdisc) any {
	q := sch.Priv.(*tbfSched)
	return &TbfQopt{
		Rate: q.rate.rate, PeakRate: q.peak.rate, Limit: q.limit, Overhead: q.rate.overhead,
		Burst: uint32(q.maxSize), Buffer: time.Duration(q.buffer), MtuTime: time.Duration(q.mtu),
	}
}

func (n *Net) tbfGraft(sch, child *Qdisc) *Qdisc {
	kernel.Fentry2(&n.Kernel, sch, child) // tbf_graft net/sched/sch_tbf.c:496

	if child == nil {
		child = &n.softnet.noop
	}
	return n.qdiscReplace(sch, child, &sch.Priv.(*tbfSched).child) // :502
}
