// netem's random numbers: with correlation, after a distribution, and the
// models of loss with memory (net/sched/sch_netem.c). All come from the machine's
// own random source, so a seed repeats them.

package core

import (
	"math"
	"time"

	"menuos/stack/internal/kernel"
)

// netemDistScale is one standard deviation in a table of a distribution
// (NETEM_DIST_SCALE).
const netemDistScale = 8192

// crndstate makes random numbers that depend on the one before
// (struct crndstate).
type crndstate struct{ last, rho uint32 }

// States of the models of loss.
const (
	txInGapPeriod     = 1
	txInBurstPeriod   = 2
	lostInGapPeriod   = 3
	lostInBurstPeriod = 4

	goodState = 1
	badState  = 2
)

// clgstate is where a model of loss stands, and its probabilities: p13, p31,
// p32, p14 and p23 of the four states, or p, r, h and 1-k of Gilbert and Elliott
// (struct clgstate).
type clgstate struct {
	state              uint8
	a1, a2, a3, a4, a5 uint32
}

func (n *Net) initCrandom(state *crndstate, rho uint32) {
	kernel.Fentry2(&n.Kernel, state, rho) // init_crandom net/sched/sch_netem.c:176

	state.rho = rho
	state.last = n.PrandomU32()
}

// getCrandom draws a number that is correlated with the last.
func (n *Net) getCrandom(state *crndstate) uint32 {
	kernel.Fentry1(&n.Kernel, state) // get_crandom net/sched/sch_netem.c:186

	value := uint64(n.PrandomU32())
	if state == nil || state.rho == 0 {
		return uint32(value)
	}
	rho := uint64(state.rho) + 1
	state.last = uint32((value*(1<<32-rho) + uint64(state.last)*rho) >> 32)
	return state.last
}

// loss4state steps through states of good and bad periods, and reports whether
// this packet is lost.
func (n *Net) loss4state(q *netemSched) bool {
	kernel.Fentry1(&n.Kernel, q) // loss_4state net/sched/sch_netem.c:205

	clg := &q.clg
	rnd := n.PrandomU32()
	switch clg.state {
	case txInGapPeriod:
		switch {
		case rnd < clg.a4:
			clg.state = lostInBurstPeriod
			return true
		case clg.a4 < rnd && rnd < clg.a1+clg.a4:
			clg.state = lostInGapPeriod
			return true
		}
	case txInBurstPeriod:
		if rnd < clg.a5 {
			clg.state = lostInGapPeriod
			return true
		}
	case lostInGapPeriod:
		switch {
		case rnd < clg.a3:
			clg.state = txInBurstPeriod
		case clg.a3 < rnd && rnd < clg.a2+clg.a3:
			clg.state = txInGapPeriod
		case clg.a2+clg.a3 < rnd:
			return true
		}
	case lostInBurstPeriod:
		clg.state = txInGapPeriod
	}
	return false
}

// lossGilbEll steps between a good and a bad state, each of which has a loss of
// its own, and reports whether this packet is lost.
func (n *Net) lossGilbEll(q *netemSched) bool {
	kernel.Fentry1(&n.Kernel, q) // loss_gilb_ell net/sched/sch_netem.c:270

	clg := &q.clg
	if clg.state == goodState {
		if n.PrandomU32() < clg.a1 {
			clg.state = badState
		}
		return n.PrandomU32() < clg.a4
	}
	if n.PrandomU32() < clg.a2 {
		clg.state = goodState
	}
	return n.PrandomU32() > clg.a3
}

// lossEvent reports whether a packet is lost.
func (n *Net) lossEvent(q *netemSched) bool {
	kernel.Fentry1(&n.Kernel, q) // loss_event net/sched/sch_netem.c:291

	switch q.lossModel {
	case NetemLoss4States:
		return n.loss4state(q) // :303
	case NetemLossGilbEll:
		return n.lossGilbEll(q) // :311
	}
	return q.loss != 0 && q.loss >= n.getCrandom(&q.lossCor) // :295
}

// tabledist draws a time around mu, sigma away in the middle of a distribution;
// without a table all times up to sigma away are as likely.
func (n *Net) tabledist(mu time.Duration, sigma int32, state *crndstate, dist []int16) time.Duration {
	kernel.Fentry4(&n.Kernel, mu, sigma, state, dist) // tabledist net/sched/sch_netem.c:325

	if sigma == 0 {
		return mu
	}
	rnd := n.getCrandom(state) // :333
	if dist == nil {
		return time.Duration(rnd%uint32(2*sigma)) + mu - time.Duration(sigma)
	}
	t := int64(dist[rnd%uint32(len(dist))])
	x := int64(sigma%netemDistScale) * t
	if x >= 0 {
		x += netemDistScale / 2
	} else {
		x -= netemDistScale / 2
	}
	return time.Duration(x/netemDistScale+int64(sigma/netemDistScale)*t) + mu
}

// NetemDistribution is the table of a distribution: "uniform", "normal",
// "pareto" or "paretonormal", nil for any other name. iproute2 reads such tables
// from files that somebody measured or drew; these are computed: the quantiles of
// the distribution, in standard deviations around its mean, cut off where 16 bits
// end, at 4. pareto is that of the exponent 3; paretonormal a quarter of normal
// and three quarters of pareto, as in iproute2.
func NetemDistribution(name string) []int16 {
	const size = 4096
	quantile := netemQuantile(name)
	if quantile == nil {
		return nil
	}
	table := make([]int16, size)
	for i := range table {
		x := quantile((float64(i) + 0.5) / size)
		table[i] = int16(math.Round(max(-4, min(x, 32767.0/netemDistScale)) * netemDistScale))
	}
	return table
}

// netemQuantile is the inverse of a distribution with mean 0 and deviation 1.
func netemQuantile(name string) func(p float64) float64 {
	normal := func(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
	const a = 3
	mean, dev := a/(a-1.0), math.Sqrt(a/((a-1.0)*(a-1.0)*(a-2.0)))
	pareto := func(p float64) float64 { return (math.Pow(1-p, -1.0/a) - mean) / dev }
	switch name {
	case "uniform":
		return func(p float64) float64 { return math.Sqrt(3) * (2*p - 1) }
	case "normal":
		return normal
	case "pareto":
		return pareto
	case "paretonormal":
		return func(p float64) float64 { return 0.25*normal(p) + 0.75*pareto(p) }
	}
	return nil
}
