// A list that is longer than its pane: which row is selected, which is the first
// that shows.

package tui

// list keeps a selection and a scroll position within n rows. It holds no rows.
type list struct {
	sel int // selected row, -1: none
	top int // first row that shows
	n   int // rows
	h   int // rows that show at once
}

// size tells the list how many rows there are and how many show; it keeps the
// selection on screen.
func (l *list) size(n, h int) {
	l.n, l.h = n, max(h, 1)
	l.sel = min(l.sel, n-1)
	if l.sel >= 0 {
		l.top = min(l.top, l.sel)
		l.top = max(l.top, l.sel-l.h+1)
	}
	l.top = max(0, min(l.top, n-l.h))
}

// pick selects a row.
func (l *list) pick(row int) {
	l.sel = max(-1, min(row, l.n-1))
	l.size(l.n, l.h)
}

// act moves the selection; false: the action is none of the list's.
func (l *list) act(a action) bool {
	switch a {
	case actUp:
		l.pick(max(l.sel-1, 0))
	case actDown:
		l.pick(l.sel + 1)
	case actPageUp:
		l.pick(max(l.sel-l.h, 0))
	case actPageDown:
		l.pick(max(l.sel, 0) + l.h)
	case actHome:
		l.pick(0)
	case actEnd:
		l.pick(l.n - 1)
	default:
		return false
	}
	return true
}

// wheel scrolls without selecting, unless the selection would leave the screen.
func (l *list) wheel(by int) {
	l.top = max(0, min(l.top+by, l.n-l.h))
	if l.sel >= 0 {
		l.sel = max(l.top, min(l.sel, l.top+l.h-1))
	}
}

// span is the rows that show.
func (l *list) span() (from, to int) { return l.top, min(l.top+l.h, l.n) }

// scroller is a scroll position within n lines of which h show.
type scroller struct{ top, n, h int }

func (s *scroller) size(n, h int) {
	s.n, s.h = n, max(h, 1)
	s.top = max(0, min(s.top, n-s.h))
}

func (s *scroller) by(d int) { s.top = max(0, min(s.top+d, s.n-s.h)) }

func (s *scroller) act(a action) bool {
	switch a {
	case actUp:
		s.by(-1)
	case actDown:
		s.by(1)
	case actPageUp:
		s.by(-s.h)
	case actPageDown:
		s.by(s.h)
	case actHome:
		s.top = 0
	case actEnd:
		s.by(s.n)
	default:
		return false
	}
	return true
}
