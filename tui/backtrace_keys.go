// What one can do in the backtrace.

package tui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// scrollCells is how far a key scrolls to the side.
const scrollCells = 8

func (p *backtracePane) act(sc *scene, a action) (tea.Msg, bool) {
	t := traceIn(sc)
	p.same(sc, len(t.frames))
	if len(t.frames) == 0 {
		return nil, false
	}
	switch a {
	case actUp:
		p.walk(t, -1)
	case actDown:
		p.walk(t, 1)
	case actPageUp:
		p.walk(t, -max(p.h-1, 1))
	case actPageDown:
		p.walk(t, max(p.h-1, 1))
	case actHome:
		p.choose(0)
	case actEnd:
		p.choose(len(t.frames) - 1)
	case actLeft:
		p.left = max(p.left-scrollCells, 0)
	case actRight:
		p.left = min(p.left+scrollCells, p.widest(t))
	case actFrameUp:
		return p.frame(sc, t, 1), true
	case actFrameDown:
		return p.frame(sc, t, -1), true
	case actFold:
		p.fold(t, t.bandOf(p.sel))
	case actFoldAll:
		p.foldAll(t)
	case actEnter:
		return p.open(t), true
	default:
		return nil, false
	}
	return nil, true
}

// choose selects a frame and brings it into sight.
func (p *backtracePane) choose(frame int) { p.sel, p.reveal = frame, true }

// stops are the frames that can be selected with the arrows: all but those that
// are folded away, of which the innermost stands for all.
func (p *backtracePane) stops(t *trace) []int {
	var out []int
	for _, b := range t.bands {
		if p.folded[b.From] {
			out = append(out, b.From)
			continue
		}
		for f := b.From; f < b.To; f++ {
			out = append(out, f)
		}
	}
	return out
}

// walk moves the selection by n rows that can be selected.
func (p *backtracePane) walk(t *trace, n int) {
	stops := p.stops(t)
	at := 0
	for i, f := range stops {
		if f <= p.sel {
			at = i
		}
	}
	p.choose(stops[max(0, min(at+n, len(stops)-1))])
}

// frame is gdb's up (1) and down (-1). At a stop the debugger's selected frame
// follows.
func (p *backtracePane) frame(sc *scene, t *trace, by int) tea.Msg {
	to := p.sel + by
	if to < 0 || to >= len(t.frames) {
		return nil
	}
	p.unfold(t, to)
	p.choose(to)
	if sc.stop == nil || sc.whose.step != 0 {
		return nil
	}
	return gdbMsg{fmt.Sprintf("frame %d", to)}
}

// fold folds a band, or unfolds it.
func (p *backtracePane) fold(t *trace, band int) {
	if p.folded == nil {
		p.folded = make(map[int]bool)
	}
	b := t.bands[band]
	p.folded[b.From] = !p.folded[b.From]
	p.reveal = true
}

// foldAll folds all bands; if all are, it unfolds them.
func (p *backtracePane) foldAll(t *trace) {
	all := true
	for _, b := range t.bands {
		all = all && p.folded[b.From]
	}
	p.folded = make(map[int]bool)
	for _, b := range t.bands {
		p.folded[b.From] = !all
	}
	p.reveal = true
}

func (p *backtracePane) unfold(t *trace, frame int) {
	if from := t.bands[t.bandOf(frame)].From; p.folded[from] {
		p.folded[from] = false
	}
}

// open unfolds what is folded, or shows the source of the selected frame.
func (p *backtracePane) open(t *trace) tea.Msg {
	if p.folded[t.bands[t.bandOf(p.sel)].From] {
		p.unfold(t, p.sel)
		p.reveal = true
		return nil
	}
	return sourceMsg{p.sel}
}

// selectedFunc is the function of the selected frame, empty if it is none of
// Linux's.
func (p *backtracePane) selectedFunc(sc *scene) string {
	t := traceIn(sc)
	p.same(sc, len(t.frames))
	if p.sel >= len(t.frames) || t.frames[p.sel].Sym == nil {
		return ""
	}
	return t.frames[p.sel].Func
}

// search selects the next frame whose line of gdb's contains what: from the
// selection on if what is new, else beyond it.
func (p *backtracePane) search(sc *scene, what string, dir int) bool {
	t := traceIn(sc)
	p.same(sc, len(t.frames))
	at := p.sel
	if what == p.what {
		at += dir
	}
	p.what = what
	if what == "" {
		return false
	}
	n := len(t.frames)
	for i := range n {
		f := ((at+i*dir)%n + n) % n
		if containsFold(frameNumber(f)+t.texts[f].String(), what) {
			p.unfold(t, f)
			p.choose(f)
			return true
		}
	}
	return false
}

// click selects a frame, and a second one shows its source; on a rule it folds
// the band below.
func (p *backtracePane) click(sc *scene, x, y int, double bool) tea.Msg {
	t := traceIn(sc)
	p.same(sc, len(t.frames))
	y += p.top
	if len(t.frames) == 0 || y < 0 || y >= len(p.rows) {
		return nil
	}
	row := p.rows[y]
	switch {
	case row.band >= len(t.bands) || row.frame >= len(t.frames):
	case row.kind == rowBand, row.kind == rowFolded:
		p.sel = row.frame
		p.fold(t, row.band)
	case double: // the first click may have moved the rows
		return p.open(t)
	default:
		p.choose(row.frame)
	}
	return nil
}

func (p *backtracePane) wheel(sc *scene, by int) {
	p.top = max(0, min(p.top+by, len(p.rows)-p.h))
}

// widest is how far one may scroll to the right.
func (p *backtracePane) widest(t *trace) int {
	w := 0
	for _, f := range t.texts {
		w = max(w, len(f.String()))
	}
	return max(w-scrollCells, 0)
}

// text is the backtrace as gdb prints it, with the bands between the frames.
func (p *backtracePane) text(sc *scene) string {
	t := traceIn(sc)
	var b strings.Builder
	if whose := whoseTrace(sc); whose != "" {
		b.WriteString(whose + "\n")
	}
	for _, band := range t.bands {
		fmt.Fprintf(&b, "-- %s --\n", band.Text)
		for f := band.From; f < band.To; f++ {
			b.WriteString(frameNumber(f) + t.texts[f].String() + "\n")
		}
	}
	return b.String()
}
