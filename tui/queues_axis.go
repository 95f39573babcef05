// The sequence axis: a stretch of a connection's sequence space as a line, with
// marks such as snd_una where something begins, and ranges between them. What is
// small gets enough room to be seen, so the scale is broken (//) where the
// numbers are far apart.

package tui

import (
	"sort"
	"strconv"
	"strings"
)

// axisMark is a named place; several at one place share a mark.
type axisMark struct {
	seq         uint32
	name, short string
}

// axisFill is a range that is drawn above what lies between the marks. A sign
// stands between it and the one before it if that ends where it begins.
type axisFill struct {
	from, to uint32
	glyph    string
	ink      ink
	rank     int // where two share a cell the higher one shows, up to maxRank
}

const maxRank = 3

// axis is a stretch of the sequence space, from the first of its marks to the
// last. Sequence numbers wrap: all are distances from base, -2^31 to 2^31-1.
type axis struct {
	base   uint32 // near the marks
	number uint32 // what the numbers count from
	marks  []axisMark
	fills  []axisFill
	// between is how the stretch between two marks is drawn, by a distance in it.
	between func(d int64) (glyph string, ink ink, data bool)
}

// knot is a distance and the cell where it is drawn.
type knot struct {
	d     int64
	x     int
	names []string // of a mark
	short []string
	label string
}

// axisCell is a cell of the drawn line.
type axisCell struct {
	s    string
	ink  ink
	line bool // nothing but the line
}

func (a *axis) dist(seq uint32) int64 { return int64(int32(seq - a.base)) }

// knots are the marks in order, those at the same place as one.
func (a *axis) knots() []knot {
	var out []knot
	for _, m := range a.marks {
		out = append(out, knot{d: a.dist(m.seq), names: []string{m.name}, short: []string{m.short}})
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].d < out[j].d })
	n := 0
	for _, k := range out {
		if n > 0 && out[n-1].d == k.d {
			out[n-1].names = append(out[n-1].names, k.names...)
			out[n-1].short = append(out[n-1].short, k.short...)
			continue
		}
		out[n] = k
		n++
	}
	return out[:n]
}

// Labels get shorter until all of them fit.
const (
	labelNames = iota
	labelShort
	labelNumbers
	labelNone
)

func (a *axis) label(k *knot, level int) string {
	number := strconv.FormatUint(uint64(a.base+uint32(k.d)-a.number), 10)
	switch level {
	case labelNames:
		return strings.Join(k.names, "=") + " " + number
	case labelShort:
		return strings.Join(k.short, "=") + " " + number
	case labelNumbers:
		return number
	}
	return ""
}

// place gives the marks and the ends of ranges their cells, in w of them; it
// returns the marks, and all of them in order.
func (a *axis) place(w int) (marks, all []knot) {
	marks = a.knots()
	edges := a.edges(marks)
	for _, try := range []struct{ level, each int }{
		{labelNames, 3}, {labelNames, 2}, {labelShort, 2}, {labelShort, 1},
		{labelNames, 0}, {labelShort, 0}, {labelNumbers, 0}, {labelNone, 0}} {
		for i := range marks {
			marks[i].label = a.label(&marks[i], try.level)
		}
		need := a.needs(marks, edges, w, try.each)
		if gaps, ok := share(w-1, need, spans(marks)); ok || try.level == labelNone {
			for i, gap := range gaps {
				marks[i+1].x = min(marks[i].x+gap, w-1)
			}
			return marks, a.refine(marks, edges, try.each)
		}
	}
	return marks, marks
}

// edges are the ends of the ranges within each gap between two marks, in order.
func (a *axis) edges(marks []knot) [][]int64 {
	out := make([][]int64, max(len(marks)-1, 0))
	var ds []int64
	for _, f := range a.fills {
		ds = append(ds, a.dist(f.from), a.dist(f.to))
	}
	sort.Slice(ds, func(i, j int) bool { return ds[i] < ds[j] })
	g := 0
	for i, d := range ds {
		for g < len(out) && d >= marks[g+1].d {
			g++
		}
		if g < len(out) && d > marks[g].d && (i == 0 || d != ds[i-1]) {
			out[g] = append(out[g], d)
		}
	}
	return out
}

// needs is how many cells each gap must have: for the label of the mark before
// it, and each cells for every range.
func (a *axis) needs(marks []knot, edges [][]int64, w, each int) []int {
	need := make([]int, len(edges))
	for i := range need {
		need[i] = max(cells(marks[i].label)+1, 1+each*(len(edges[i])+1))
		if i == len(need)-1 { // the last label ends where the line does
			need[i] = max(need[i], cells(marks[i].label)+cells(marks[i+1].label))
		}
		if _, _, data := a.between((marks[i].d + marks[i+1].d) / 2); data && each > 1 {
			need[i] = max(need[i], w/5)
		}
	}
	return need
}

func spans(marks []knot) []int64 {
	var out []int64
	for i := 1; i < len(marks); i++ {
		out = append(out, marks[i].d-marks[i-1].d)
	}
	return out
}

// share deals w cells out by the spans, but none gets less than it needs; false:
// there are too few, and they are dealt out evenly.
func share(w int, need []int, span []int64) ([]int, bool) {
	out := make([]int, len(span))
	fixed := make([]bool, len(span))
	for again := true; again; {
		again = false
		room, sum := w, int64(0)
		for i := range span {
			if fixed[i] {
				room -= need[i]
			} else {
				sum += span[i]
			}
		}
		if room < 0 {
			for i := range out {
				out[i] = (i+1)*w/len(out) - i*w/len(out)
			}
			return out, false
		}
		for i := range span {
			if fixed[i] {
				out[i] = need[i]
				continue
			}
			out[i] = int(int64(room) * span[i] / max(sum, 1))
			if out[i] < need[i] {
				fixed[i], again = true, true
			}
		}
	}
	last, rest := len(out)-1, w // what rounding left over goes to the last that can take it
	for i, n := range out {
		rest -= n
		if !fixed[i] {
			last = i
		}
	}
	if last >= 0 {
		out[last] += rest
	}
	return out, true
}

// refine adds the ends of ranges to the marks, where each can have its cells.
func (a *axis) refine(marks []knot, edges [][]int64, each int) []knot {
	var all []knot
	for i, m := range marks {
		all = append(all, m)
		if i == len(edges) || len(edges[i]) == 0 || each == 0 {
			continue
		}
		n := len(edges[i]) + 1
		need, span, from := make([]int, n), make([]int64, n), m.d
		for j := range n {
			to := marks[i+1].d
			if j < len(edges[i]) {
				to = edges[i][j]
			}
			need[j], span[j], from = each, to-from, to
		}
		parts, ok := share(marks[i+1].x-m.x-1, need, span)
		if !ok {
			continue
		}
		x := m.x + 1
		for j, d := range edges[i] {
			x += parts[j]
			all = append(all, knot{d: d, x: x})
		}
	}
	return all
}

// cellOf is where a distance is drawn: between two knots in proportion.
func cellOf(all []knot, d int64) int {
	i := sort.Search(len(all), func(i int) bool { return all[i].d > d })
	switch {
	case i == 0:
		return all[0].x
	case i == len(all):
		return all[i-1].x
	}
	a, b := all[i-1], all[i]
	return a.x + int(int64(b.x-a.x)*(d-a.d)/(b.d-a.d))
}

// draw is the axis on w cells: its labels and its line.
func (a *axis) draw(l *look, w int) (labels, line string) {
	if w <= 0 || len(a.marks) == 0 {
		return "", ""
	}
	marks, all := a.place(w)
	row := make([]axisCell, w)
	for i := range row {
		row[i] = axisCell{s: " "}
	}
	isMark := make([]bool, w+1)
	for _, m := range marks {
		isMark[m.x] = true
	}
	for i := 1; i < len(marks); i++ {
		glyph, ink, data := a.between((marks[i-1].d + marks[i].d) / 2)
		for x := marks[i-1].x; x < marks[i].x; x++ {
			row[x] = axisCell{glyph, ink, !data && glyph != " "}
		}
	}
	a.drawFills(l, marks, all, isMark, row)
	breakScale(marks, isMark, row)
	for i, m := range marks {
		row[m.x] = axisCell{s: markGlyph(l.glyph, i, len(marks))}
	}
	return axisLabels(l, marks, w), paintCells(row)
}

func markGlyph(g *glyphs, i, n int) string {
	switch {
	case n == 1:
		return g.vertical
	case i == 0:
		return g.teeRight
	case i == n-1:
		return g.teeLeft
	}
	return g.cross
}

// drawFills draws the ranges, each at least one cell wide where there is one.
func (a *axis) drawFills(l *look, marks, all []knot, isMark []bool, row []axisCell) {
	for rank := range maxRank + 1 {
		for i := range a.fills {
			if f := &a.fills[i]; f.rank == rank {
				apart := i > 0 && a.fills[i-1].to == f.from
				a.drawFill(l, f, apart, marks, all, isMark, row)
			}
		}
	}
}

func (a *axis) drawFill(l *look, f *axisFill, apart bool, marks, all []knot, isMark []bool, row []axisCell) {
	from, to := a.dist(f.from), a.dist(f.to)
	first, last := marks[0].d, marks[len(marks)-1].d
	if to <= from || to <= first || from >= last {
		return
	}
	start, end := cellOf(all, from), cellOf(all, to)
	x := start
	if isMark[x] {
		x++
	}
	for end = max(end, x+1); x < end && x < len(row); x++ {
		if !isMark[x] {
			row[x] = axisCell{f.glyph, f.ink, false}
		}
	}
	if apart && from > first && !isMark[start] && end-start >= 3 {
		row[start] = axisCell{l.glyph.vertical, l.ink.plain, false}
	}
}

// breakScale marks the stretches of bare line that are drawn much shorter than
// their neighbours.
func breakScale(marks []knot, isMark []bool, row []axisCell) {
	scale := func(i int) float64 { return float64(marks[i].x-marks[i-1].x) / float64(marks[i].d-marks[i-1].d) }
	widest := 0.0
	for i := 1; i < len(marks); i++ {
		widest = max(widest, scale(i))
	}
	for i := 1; i < len(marks); i++ {
		mid := (marks[i-1].x + marks[i].x) / 2
		if scale(i)*2 > widest || marks[i].x-marks[i-1].x < 6 || !row[mid].line || !row[mid-1].line {
			continue
		}
		row[mid-1].s, row[mid].s = "/", "/"
	}
}

// axisLabels puts each label above its mark; the last one ends with the line.
func axisLabels(l *look, marks []knot, w int) string {
	var b strings.Builder
	at := 0
	for i, m := range marks {
		n := cells(m.label)
		x := m.x
		if i > 0 && i == len(marks)-1 {
			x = w - n
		}
		if n == 0 || x < at || x+n > w {
			continue
		}
		b.WriteString(blank(x - at))
		if name, number, ok := strings.Cut(m.label, " "); ok {
			b.WriteString(l.ink.dim.on(name) + " " + l.ink.number.on(number))
		} else {
			b.WriteString(l.ink.number.on(m.label))
		}
		at = x + n
		if at < w {
			b.WriteByte(' ')
			at++
		}
	}
	return b.String()
}

// paintCells joins cells, those of one ink under one.
func paintCells(row []axisCell) string {
	var b, run strings.Builder
	for i, c := range row {
		run.WriteString(c.s)
		if i == len(row)-1 || row[i+1].ink != c.ink {
			b.WriteString(c.ink.on(run.String()))
			run.Reset()
		}
	}
	return b.String()
}
