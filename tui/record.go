// The record: the steps of the machine that the screen keeps.

package tui

import (
	"time"

	"menuos/stack"
	"menuos/stack/steps"
)

// recordSize is how many steps the screen keeps; older ones are forgotten, and
// the record says how many.
const recordSize = 8192

// step is a step of the machine with what is shown of it.
type step struct {
	stack.Step
	n    int // counts all steps since the start, from 1, lost ones too
	line steps.Line
}

// record is a ring of steps.
type record struct {
	ring  []*step
	first int // index of the oldest
	n     int
	last  int           // number of the newest step
	lost  uint64        // steps that the machine made faster than they were taken
	start time.Duration // since boot: when the first step of all happened
}

// add appends a step and gives it its number.
func (r *record) add(s *step) {
	if r.last == 0 {
		r.start = s.Time
	}
	r.lost += s.Lost
	r.last += 1 + int(s.Lost)
	s.n = r.last
	if r.ring == nil {
		r.ring = make([]*step, recordSize)
	}
	if r.n == len(r.ring) {
		r.ring[r.first] = s
		r.first = (r.first + 1) % len(r.ring)
		return
	}
	r.ring[(r.first+r.n)%len(r.ring)] = s
	r.n++
}

// at is the i-th step that is kept, oldest first.
func (r *record) at(i int) *step { return r.ring[(r.first+i)%len(r.ring)] }

// find is the place of the step with the number n, or of the next older one that
// is kept; -1 if there is none.
func (r *record) find(n int) int {
	lo, hi := 0, r.n
	for lo < hi {
		mid := (lo + hi) / 2
		if r.at(mid).n <= n {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// get is the step with the number n, nil if it is not kept.
func (r *record) get(n int) *step {
	if i := r.find(n); i >= 0 && r.at(i).n == n {
		return r.at(i)
	}
	return nil
}

// forgotten is how many steps are not kept any more.
func (r *record) forgotten() int { return r.last - r.n - int(r.lost) }

// before is the newest step up to the place i whose state was recorded, nil if
// there is none.
func (r *record) before(i int) *step {
	for ; i >= 0; i-- {
		if s := r.at(i); s.At != nil {
			return s
		}
	}
	return nil
}

// teller describes steps in the order in which they happened.
type teller struct{ rel steps.Relative }

// describe tells a step; fully asks the machine for its backtrace, to say what
// brought it about.
func (t *teller) describe(m *stack.Stack, ev *stack.Event, lang string, fully bool) steps.Line {
	var frames []stack.Frame
	if fully {
		frames = m.Frames(ev)
	}
	return t.rel.Describe(ev, frames, lang)
}
