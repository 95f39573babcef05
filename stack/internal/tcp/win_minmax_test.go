package tcp

import (
	"math/rand/v2"
	"testing"
)

func TestMinmaxRunningMin(t *testing.T) {
	n := new(Net)
	var m minmax
	minmaxReset(&m, 0, ^uint32(0))
	const win = 100
	for _, step := range []struct{ t, meas, want uint32 }{
		{0, 50, 50},   // the first measurement
		{10, 60, 50},  // worse: a second choice
		{20, 40, 40},  // better: all else is forgotten
		{50, 45, 40},  // past a quarter of the window: second choice
		{80, 48, 40},  // past half of it: third choice
		{120, 70, 40}, // the best is just within the window
		{121, 70, 45}, // it has left, the second choice stands in
		{151, 80, 48}, // so has that
		{400, 90, 90}, // nothing left of all that
	} {
		if got := n.minmaxRunningMin(&m, win, step.t, step.meas); got != step.want {
			t.Errorf("at %d: min = %d after %d, want %d", step.t, got, step.meas, step.want)
		}
	}
}

// The result is a value measured within the window, never below the true
// minimum; for the maximum the mirror image.
func TestMinmaxWindow(t *testing.T) {
	n := new(Net)
	rng := rand.New(rand.NewPCG(1, 2))
	type sample struct{ t, v uint32 }
	const win = 64
	var mn, mx minmax
	var all []sample
	now := uint32(1<<32 - 500) // across the wrap
	for range 5000 {
		now += rng.Uint32N(20)
		v := 1 + rng.Uint32N(1000)
		all = append(all, sample{now, v})
		if len(all) == 1 {
			minmaxReset(&mn, now, v)
			minmaxReset(&mx, now, v)
		}
		gotMin, gotMax := n.minmaxRunningMin(&mn, win, now, v), n.minmaxRunningMax(&mx, win, now, v)
		lo, hi, seenMin, seenMax := v, v, false, false
		for i := len(all) - 1; i >= 0 && now-all[i].t <= win; i-- {
			lo, hi = min(lo, all[i].v), max(hi, all[i].v)
			seenMin = seenMin || all[i].v == gotMin
			seenMax = seenMax || all[i].v == gotMax
		}
		if !seenMin || gotMin < lo || !seenMax || gotMax > hi {
			t.Fatalf("at %d: min %d max %d, in the window [%d, %d]", now, gotMin, gotMax, lo, hi)
		}
	}
}
