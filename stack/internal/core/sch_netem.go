// Network emulation: packets that wait, are lost, doubled, spoilt, overtaken or
// slowed down (net/sched/sch_netem.c). The random numbers and models of loss are
// in sch_netem_random.go, options in sch_netem_change.go. Left out: slots.
//
// menuos keeps packets that overtake others in a list in the order of their
// time, where Linux has a tree: the place of one is looked for from the end.

package core

import (
	"time"

	"menuos/stack/internal/kernel"
)

// Models of loss (loss_model).
const (
	NetemLossRandom  = iota // CLG_RANDOM
	NetemLoss4States        // CLG_4_STATES
	NetemLossGilbEll        // CLG_GILB_ELL
)

// netemSched is what netem keeps of a queue (struct netem_sched_data). Packets
// that are due in the order in which they came wait in linear (t_head to
// t_tail), those that overtake in root (t_root).
type netemSched struct {
	linear, root SkBuffHead
	child        *Qdisc
	watchdog     QdiscWatchdog

	latency, jitter                               time.Duration
	loss, gap, duplicate, reorder, corrupt        uint32
	ecn                                           bool
	limit, counter                                uint32
	rate                                          uint64 // bytes a second
	packetOverhead, cellOverhead                  int32
	cellSize                                      uint32
	delayCor, lossCor, dupCor, reorderCor, corCor crndstate
	delayDist                                     []int16
	lossModel                                     int
	clg                                           clgstate
}

func (n *Net) netemOps() *QdiscOps {
	return &QdiscOps{
		Id: "netem", Enqueue: n.netemEnqueue, Dequeue: n.netemDequeue, Peek: n.qdiscPeekDequeued,
		Init: n.netemInit, Change: n.netemChange, Reset: n.netemReset, Destroy: n.netemDestroy,
		Dump: netemDump, Graft: n.netemGraft, Leaf: func(sch *Qdisc) *Qdisc { return sch.Priv.(*netemSched).child },
	}
}

// packetTimeNs is how long a packet of length bytes takes at the rate.
func (n *Net) packetTimeNs(length uint64, q *netemSched) time.Duration {
	kernel.Fentry2(&n.Kernel, length, q) // packet_time_ns net/sched/sch_netem.c:350

	length += uint64(q.packetOverhead)
	if q.cellSize != 0 {
		cells := uint32(length) / q.cellSize
		if length > uint64(cells)*uint64(q.cellSize) {
			cells++
		}
		length = uint64(cells) * uint64(q.cellSize+uint32(q.cellOverhead))
	}
	return time.Duration(length * uint64(time.Second) / q.rate)
}

// tfifoEnqueue puts a packet at the place of its time.
func (n *Net) tfifoEnqueue(nskb *SkBuff, sch *Qdisc) {
	kernel.Fentry2(&n.Kernel, nskb, sch) // tfifo_enqueue net/sched/sch_netem.c:383

	q := sch.Priv.(*netemSched)
	if tail := q.linear.Last; tail == nil || nskb.timeToSend >= tail.timeToSend {
		q.linear.QueueTail(nskb)
	} else {
		prev := q.root.Last
		for prev != nil && prev.timeToSend > nskb.timeToSend {
			prev = prev.Prev
		}
		q.root.InsertAfter(prev, nskb)
	}
	sch.Qlen++
}

func (n *Net) tfifoReset(sch *Qdisc) {
	kernel.Fentry1(&n.Kernel, sch) // tfifo_reset net/sched/sch_netem.c:365

	q := sch.Priv.(*netemSched)
	n.freeQueue(&q.root)   // :374
	n.freeQueue(&q.linear) // :377
}

// netemSegment cuts a packet of which one segment is to be spoilt.
func (n *Net) netemSegment(skb *SkBuff, sch *Qdisc) *SkBuff {
	kernel.Fentry2(&n.Kernel, skb, sch) // netem_segment net/sched/sch_netem.c:418

	features := n.NetifSkbFeatures(skb)                            // :420
	segs, err := n.SkbGsoSegment(skb, features&^NetifFGsoSoftware) // :422
	if err < 0 || segs == nil {
		n.qdiscDrop(skb, sch, dropNetemCorrupt)
		return nil
	}
	n.ConsumeSkb(skb) // :428
	return segs
}

// netemEnqueue decides what befalls a packet, and when it may leave.
func (n *Net) netemEnqueue(skb *SkBuff, sch *Qdisc) int {
	kernel.Fentry2(&n.Kernel, skb, sch) // netem_enqueue net/sched/sch_netem.c:440

	q := sch.Priv.(*netemSched)
	skb.Prev = nil
	count := 1
	if q.duplicate != 0 && q.duplicate >= n.getCrandom(&q.dupCor) { // :456
		count++
	}
	if n.lossEvent(q) { // :460
		if q.ecn && InetECNSetCe(skb) {
			sch.Drops++
		} else {
			count--
		}
	}
	if count == 0 {
		n.qdiscDrop(skb, sch, dropNetemLoss)
		return NetXmitSuccess | netXmitBypass
	}
	if q.latency != 0 || q.jitter != 0 || q.rate != 0 {
		n.SkbOrphanPartial(skb) // :476
	}
	dropped := NetXmitDrop
	if count > 1 {
		if skb2 := n.SkbClone(skb); skb2 != nil { // :483
			rootq, dupsave := sch.root(), q.duplicate
			q.duplicate = 0
			skb2.PktLen = skb.PktLen
			rootq.Ops.Enqueue(skb2, rootq) // :488
			q.duplicate = dupsave
			dropped = NetXmitSuccess
		}
	}
	var segs *SkBuff
	prevLen := skb.PktLen
	if q.corrupt != 0 && q.corrupt >= n.getCrandom(&q.corCor) { // :499
		if skb, segs = n.netemSpoil(skb, sch); skb == nil {
			n.netemFinishSegs(segs, sch, prevLen, 0)
			return dropped
		}
	}
	if sch.Qlen >= sch.Limit {
		n.qdiscDropAll(skb, segs, sch, dropNetemFull)
		return dropped
	}
	length := skb.PktLen
	sch.Backlog += length
	if q.gap == 0 || q.counter < q.gap-1 || q.reorder < n.getCrandom(&q.reorderCor) { // :536
		now := n.Now()
		delay := n.tabledist(q.latency, int32(q.jitter), &q.delayCor, q.delayDist) // :540
		if q.rate != 0 {
			if last, any := q.last(sch); any {
				delay = max(0, delay-(last-now))
				now = last
			}
			delay += n.packetTimeNs(uint64(length), q) // :580
		}
		skb.timeToSend = now + delay
		q.counter++
		n.tfifoEnqueue(skb, sch) // :585
	} else {
		skb.timeToSend = n.Now()
		q.counter = 0
		sch.Q.QueueHead(skb)
		sch.Qlen++
		sch.Requeues++
	}
	n.netemFinishSegs(segs, sch, prevLen, length)
	return NetXmitSuccess
}

// netemSpoil turns a bit of a packet over, in a copy of its own and with its
// checksum in place; nil if that cannot be done. Of a packet that is yet to be cut
// it spoils the first segment, and segs are the others.
func (n *Net) netemSpoil(skb *SkBuff, sch *Qdisc) (spoilt, segs *SkBuff) {
	if skb.IsGso() {
		if skb = n.netemSegment(skb, sch); skb == nil {
			return nil, nil
		}
		segs, skb.Next, skb.Prev = skb.Next, nil, nil
		skb.PktLen = skb.Len
	}
	skb = n.SkbUnshare(skb)
	if skb.IpSummed == ChecksumPartial && n.SkbChecksumHelp(skb) != 0 {
		n.qdiscDrop(skb, sch, dropNetemCorrupt)
		return nil, segs
	}
	at := n.PrandomU32() % uint32(skb.Headlen())
	skb.Bytes()[at] ^= 1 << (n.PrandomU32() % 8)
	return skb, segs
}

// last is when the last packet of the queue will have left, as far as is known;
// any says that there is one.
func (q *netemSched) last(sch *Qdisc) (at time.Duration, any bool) {
	for _, list := range [...]*SkBuffHead{&sch.Q, &q.root, &q.linear} {
		if skb := list.Last; skb != nil && (!any || skb.timeToSend > at) {
			at, any = skb.timeToSend, true
		}
	}
	return at, any
}

// netemFinishSegs is the end of netem_enqueue: the other segments of a packet
// that was cut, of which the first took length bytes, each find their own fate.
// menuos counts each of the segments of a packet once, because Linux 5.0.1 counts
// them twice and never has the length of its queue right again.
func (n *Net) netemFinishSegs(segs *SkBuff, sch *Qdisc, prevLen, length int) {
	if segs == nil {
		return
	}
	nb := 1
	for segs != nil {
		next := segs.Next
		segs.Next, segs.Prev = nil, nil
		segs.PktLen = segs.Len
		size := segs.Len
		before := sch.Qlen
		n.qdiscEnqueue(segs, sch)
		if sch.Qlen > before {
			nb++
			length += size
		}
		segs = next
	}
	n.qdiscTreeReduceBacklog(sch, 1-nb, prevLen-length)
}

func (n *Net) netemPeek(q *netemSched) *SkBuff {
	kernel.Fentry1(&n.Kernel, q) // netem_peek net/sched/sch_netem.c:646

	skb, head := q.root.First, q.linear.First
	switch {
	case skb == nil:
		return head
	case head == nil || skb.timeToSend < head.timeToSend:
		return skb
	}
	return head
}

func (n *Net) netemEraseHead(q *netemSched, skb *SkBuff) {
	kernel.Fentry2(&n.Kernel, q, skb) // netem_erase_head net/sched/sch_netem.c:663

	skb.List.Unlink(skb)
}

// netemDequeue lets the packet go whose time has come; if it has not, the
// watchdog will wake the queue.
func (n *Net) netemDequeue(sch *Qdisc) *SkBuff {
	kernel.Fentry1(&n.Kernel, sch) // netem_dequeue net/sched/sch_netem.c:674

	q := sch.Priv.(*netemSched)
	for {
		if skb := sch.Q.Dequeue(); skb != nil {
			sch.Qlen--
			sch.Backlog -= skb.PktLen
			sch.bstatsUpdate(skb)
			return skb
		}
		skb := n.netemPeek(q) // :686
		if skb == nil {
			break
		}
		if skb.timeToSend > n.Now() {
			if q.child != nil {
				if ready := q.child.Ops.Dequeue(q.child); ready != nil { // :734
					sch.bstatsUpdate(ready)
					return ready
				}
			}
			n.qdiscWatchdogScheduleNs(&q.watchdog, skb.timeToSend) // :739
			break
		}
		n.netemEraseHead(q, skb) // :697
		sch.Qlen--
		sch.Backlog -= skb.PktLen
		skb.Dev = sch.Dev
		if q.child == nil {
			sch.bstatsUpdate(skb)
			return skb
		}
		length := skb.PktLen
		err := n.qdiscEnqueue(skb, q.child) // :720
		n.KfreeSkbList(n.takeToFree())      // :721
		if err != NetXmitSuccess {
			sch.Drops++
			n.qdiscTreeReduceBacklog(sch, 1, length) // :725
		}
	}
	if q.child != nil {
		if skb := q.child.Ops.Dequeue(q.child); skb != nil { // :745
			sch.bstatsUpdate(skb)
			return skb
		}
	}
	return nil
}

func (n *Net) netemReset(sch *Qdisc) {
	kernel.Fentry1(&n.Kernel, sch) // netem_reset net/sched/sch_netem.c:753

	q := sch.Priv.(*netemSched)
	n.qdiscResetQueue(sch) // :756
	n.tfifoReset(sch)      // :757
	if q.child != nil {
		n.qdiscReset(q.child) // :759
	}
	n.qdiscWatchdogCancel(&q.watchdog) // :760
}
