// netem's options (net/sched/sch_netem.c).

package core

import (
	"time"

	"menuos/stack/internal/kernel"
)

// NetemProb is how often something happens, and how much the next time depends
// on the last: each a share of the largest uint32.
type NetemProb struct{ Probability, Correlation uint32 }

// NetemCorr are correlations (struct tc_netem_corr).
type NetemCorr struct{ Delay, Loss, Dup uint32 }

// NetemRate is the rate of a link in bytes a second, and what is added to each
// packet, or to each cell of a link that sends cells (struct tc_netem_rate).
type NetemRate struct {
	Rate           uint64
	PacketOverhead int32
	CellSize       uint32
	CellOverhead   int32
}

// NetemLoss is a model of loss with memory: NetemLoss4States with p13, p31, p32,
// p14 and p23, or NetemLossGilbEll with p, r, h and 1-k.
type NetemLoss struct {
	Model int
	P     [5]uint32
}

// NetemQopt are netem's options (struct tc_netem_qopt and its attributes). What
// is nil is left as it is by a change.
type NetemQopt struct {
	Latency, Jitter      time.Duration
	Limit                uint32 // packets
	Loss, Gap, Duplicate uint32
	Corr                 *NetemCorr
	Reorder, Corrupt     *NetemProb
	Rate                 *NetemRate
	Ecn                  bool // set: mark, where a packet allows it, in place of losing
	LossModel            *NetemLoss
	DelayDist            []int16 // see NetemDistribution
}

func (n *Net) getCorrelation(q *netemSched, c *NetemCorr) {
	kernel.Fentry2(&n.Kernel, q, c) // get_correlation net/sched/sch_netem.c:822

	n.initCrandom(&q.delayCor, c.Delay) // :825
	n.initCrandom(&q.lossCor, c.Loss)   // :826
	n.initCrandom(&q.dupCor, c.Dup)     // :827
}

func (n *Net) getReorder(q *netemSched, r *NetemProb) {
	kernel.Fentry2(&n.Kernel, q, r) // get_reorder net/sched/sch_netem.c:831

	q.reorder = r.Probability
	n.initCrandom(&q.reorderCor, r.Correlation) // :835
}

func (n *Net) getCorrupt(q *netemSched, r *NetemProb) {
	kernel.Fentry2(&n.Kernel, q, r) // get_corrupt net/sched/sch_netem.c:839

	q.corrupt = r.Probability
	n.initCrandom(&q.corCor, r.Correlation) // :843
}

func (n *Net) getRate(q *netemSched, r *NetemRate) {
	kernel.Fentry2(&n.Kernel, q, r) // get_rate net/sched/sch_netem.c:847

	q.rate, q.packetOverhead = r.Rate, r.PacketOverhead
	q.cellSize, q.cellOverhead = r.CellSize, r.CellOverhead
}

func (n *Net) getLossClg(q *netemSched, l *NetemLoss) int {
	kernel.Fentry2(&n.Kernel, q, l) // get_loss_clg net/sched/sch_netem.c:861

	if l.Model != NetemLoss4States && l.Model != NetemLossGilbEll {
		return -EINVAL
	}
	q.lossModel = l.Model
	q.clg = clgstate{txInGapPeriod, l.P[0], l.P[1], l.P[2], l.P[3], l.P[4]} // goodState is the same number
	return 0
}

// netemChange sets a queue's options.
func (n *Net) netemChange(sch *Qdisc, opt any) int {
	kernel.Fentry2(&n.Kernel, sch, opt) // netem_change net/sched/sch_netem.c:948

	o, ok := opt.(*NetemQopt)
	if !ok {
		return -EINVAL
	}
	q := sch.Priv.(*netemSched)
	if o.LossModel != nil {
		if ret := n.getLossClg(q, o.LossModel); ret != 0 { // :969
			return ret
		}
	} else {
		q.lossModel = NetemLossRandom
	}
	if o.DelayDist != nil {
		q.delayDist = o.DelayDist
	}
	sch.Limit, q.limit = int(o.Limit), o.Limit
	q.latency, q.jitter = o.Latency, o.Jitter
	q.gap, q.counter = o.Gap, 0
	q.loss, q.duplicate = o.Loss, o.Duplicate
	if q.gap != 0 {
		q.reorder = ^uint32(0)
	}
	if o.Corr != nil {
		n.getCorrelation(q, o.Corr) // :1009
	}
	if o.Reorder != nil {
		n.getReorder(q, o.Reorder) // :1012
	}
	if o.Corrupt != nil {
		n.getCorrupt(q, o.Corrupt) // :1015
	}
	if o.Rate != nil {
		n.getRate(q, o.Rate) // :1018
	}
	if o.Ecn {
		q.ecn = true
	}
	return 0
}

func (n *Net) netemInit(sch *Qdisc, opt any) int {
	kernel.Fentry2(&n.Kernel, sch, opt) // netem_init net/sched/sch_netem.c:1050

	q := new(netemSched)
	sch.Priv = q
	n.qdiscWatchdogInit(&q.watchdog, sch) // :1054
	if opt == nil {
		return -EINVAL
	}
	return n.netemChange(sch, opt) // :1060
}

func (n *Net) netemDestroy(sch *Qdisc) {
	kernel.Fentry1(&n.Kernel, sch) // netem_destroy net/sched/sch_netem.c:1067

	q := sch.Priv.(*netemSched)
	n.qdiscWatchdogCancel(&q.watchdog) // :1070
	if q.child != nil {
		n.qdiscPut(q.child) // :1072
	}
}

func netemDump(sch *Qdisc) any {
	q := sch.Priv.(*netemSched)
	o := &NetemQopt{
		Latency: q.latency, Jitter: q.jitter, Limit: q.limit, Loss: q.loss, Gap: q.gap, Duplicate: q.duplicate,
		Corr:    &NetemCorr{q.delayCor.rho, q.lossCor.rho, q.dupCor.rho},
		Reorder: &NetemProb{q.reorder, q.reorderCor.rho},
		Corrupt: &NetemProb{q.corrupt, q.corCor.rho},
		Rate:    &NetemRate{q.rate, q.packetOverhead, q.cellSize, q.cellOverhead},
		Ecn:     q.ecn,
	}
	if q.lossModel != NetemLossRandom {
		o.LossModel = &NetemLoss{q.lossModel, [5]uint32{q.clg.a1, q.clg.a2, q.clg.a3, q.clg.a4, q.clg.a5}}
	}
	return o
}

func (n *Net) netemGraft(sch, child *Qdisc) *Qdisc {
	kernel.Fentry2(&n.Kernel, sch, child) // netem_graft net/sched/sch_netem.c:1225

	return n.qdiscReplace(sch, child, &sch.Priv.(*netemSched).child) // :1228
}
