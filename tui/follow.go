// Rows that grow at the end, each of which stands for a step.

package tui

// follower scrolls such rows. Live it keeps to the newest until somebody scrolls
// back; else it stays where it is, but goes along with the cursor in time.
type follower struct {
	foot int // number of the step in the last line; 0: the newest, whatever comes
	seen int // cursor when the rows were drawn last
	top  int // row in the first line
	h    int // lines
}

// stepRows are the rows that a follower scrolls.
type stepRows interface {
	// count is how many there are.
	count() int
	// rowOf is the row of a step, or of the next older one that has a row; -1 if
	// there is none.
	rowOf(step int) int
	// stepAt is the step of a row, or of the next older row that has one; 0 if there
	// is none.
	stepAt(row int) int
}

// span is the rows that h lines show.
func (f *follower) span(sc *scene, rows stepRows, h int) (from, to int) {
	f.h = h
	n := rows.count()
	moved := f.seen != sc.cur
	f.seen = sc.cur
	if moved && sc.live {
		f.foot = 0
	}
	to = n
	if f.foot != 0 {
		to = rows.rowOf(f.foot) + 1
	}
	if moved && !sc.live {
		if row := rows.rowOf(sc.cur); row >= 0 {
			to = min(max(to, row+1), row+h)
		}
	}
	to = min(max(to, h), n)
	f.top = max(0, to-h)
	f.hold(sc, rows, to)
	return f.top, to
}

// hold remembers the last row that shows, unless the newest are followed.
func (f *follower) hold(sc *scene, rows stepRows, to int) {
	f.foot = 0
	if !sc.live || to < rows.count() {
		f.foot = rows.stepAt(to - 1)
	}
}

// scroll is the wheel: the cursor in time stays where it is.
func (f *follower) scroll(sc *scene, rows stepRows, by int) {
	n := rows.count()
	to := min(f.top+f.h, n) + by
	f.hold(sc, rows, min(max(to, f.h), n))
}

// reveal scrolls so that a row is among those that show.
func (f *follower) reveal(sc *scene, rows stepRows, row int) {
	if row < f.top || row >= f.top+f.h {
		f.hold(sc, rows, min(row+1+f.h/2, rows.count()))
	}
}

// again brings the cursor's row, or the newest, back on screen: the rows are
// others now.
func (f *follower) again() { f.foot, f.seen = 0, -1 }
