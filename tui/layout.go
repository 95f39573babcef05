// The layout: which panes stand where, a pure function of the screen's size.
//
//	80x24             120x35                    160x45                     220x60
//	┌──────────────┐  ┌───────────┬─────────┐   ┌───────┬───────┬───────┐   ┌──────┬──────┬──────┬──────┐
//	│ 3 to 9, 0    │  │ Backtrace │ Sockets │   │MenuOS │Sockets│ Steps │   │MenuOS│Socks │Steps │Back- │
//	├──────────────┤  │ Steps …   ├─────────┤   │       ├───────┤Ladder │   │      ├──────┤      │trace │
//	│ MenuOS       │  ├───────────┤ Queues  │   ├───────┤Queues ├───────┤   ├──────┤Queues├──────┤      │
//	│ (gdb)        │  │ MenuOS    ├─────────┤   │ (gdb) ├───────┤Back-  │   │(gdb) ├──────┤Ladder├──────┤
//	└──────────────┘  │ (gdb)     │ Timers  │   │       │Timers │trace  │   │      │Timers│      │Count.│
//	                  └───────────┴─────────┘   └───────┴───────┴───────┘   └──────┴──────┴──────┴──────┘

package tui

import "slices"

// sizeClass is one of the arrangements.
type sizeClass int

const (
	sizeTiny   sizeClass = iota // only the shell
	sizeSmall                   // the shell and one pane with tabs
	sizeMedium                  // the shell and four
	sizeLarge                   // all that matter
	sizeHuge                    // all
)

// classOf is the arrangement for a screen of w×h cells.
func classOf(w, h int) sizeClass {
	switch {
	case w < 60 || h < 16:
		return sizeTiny
	case w >= 205 && h >= 48:
		return sizeHuge
	case w >= 150 && h >= 38:
		return sizeLarge
	case w >= 110 && h >= 30:
		return sizeMedium
	}
	return sizeSmall
}

type rect struct{ x, y, w, h int }

func (r rect) has(x, y int) bool { return x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h }

// slot is a place on the screen: a title line, and one of its panes below.
type slot struct {
	rect
	panes []paneID
}

// inner is the room of the pane itself.
func (s slot) inner() rect { return rect{s.x, s.y + 1, s.w, max(s.h-1, 0)} }

// divider is a border that can be moved: the cells it is made of, and the two
// parts of a split that it stands between.
type divider struct {
	rect
	split splitKey
	i     int  // between the parts i and i+1
	side  bool // it stands upright
}

// layout is an arrangement for one size.
type layout struct {
	class    sizeClass
	slots    []slot
	dividers []divider
	bars     []rect // upright separators, one cell wide
	parts    map[splitKey][]rect
}

// splitKey names a split of an arrangement.
type splitKey struct {
	class sizeClass
	n     int
}

// shares are the parts of splits that a person has moved, in parts of their sum.
type shares map[splitKey][]int

// part is a node of an arrangement: a slot, or a split.
type part struct {
	panes []paneID
	side  bool // parts stand side by side
	parts []part
	share []int // in thousandths
}

var (
	consoles = []paneID{paneShell, paneGdb}
	shellBox = part{panes: consoles}
	machine  = part{parts: []part{
		{panes: []paneID{paneSockets, paneCounters}}, {panes: []paneID{paneQueues}}, {panes: []paneID{paneTimers}}},
		share: []int{300, 400, 300}}
	prompts = part{parts: []part{{panes: []paneID{paneShell}}, {panes: []paneID{paneGdb}}}, share: []int{560, 440}}
)

var arrangements = map[sizeClass]part{
	sizeTiny: shellBox,
	sizeSmall: {parts: []part{
		{panes: []paneID{paneSockets, paneQueues, paneTimers, paneSteps, paneBacktrace, paneLadder, paneCounters, paneHelp}}, shellBox},
		share: []int{500, 500}},
	sizeMedium: {side: true, parts: []part{
		{parts: []part{{panes: []paneID{paneBacktrace, paneSteps, paneLadder, paneHelp}}, shellBox}, share: []int{550, 450}}, machine},
		share: []int{520, 480}},
	sizeLarge: {side: true, parts: []part{prompts, machine,
		{parts: []part{{panes: []paneID{paneSteps, paneLadder, paneHelp}}, {panes: []paneID{paneBacktrace}}}, share: []int{420, 580}}},
		share: []int{300, 350, 350}},
	sizeHuge: {side: true, parts: []part{prompts,
		{parts: []part{{panes: []paneID{paneSockets}}, {panes: []paneID{paneQueues}}, {panes: []paneID{paneTimers}}}, share: []int{280, 400, 320}},
		{parts: []part{{panes: []paneID{paneSteps}}, {panes: []paneID{paneLadder}}}, share: []int{480, 520}},
		{parts: []part{{panes: []paneID{paneBacktrace}}, {panes: []paneID{paneCounters, paneHelp}}}, share: []int{700, 300}}},
		share: []int{245, 255, 255, 245}},
}

// Least sizes of a part: a title and two lines, twelve columns.
const (
	leastW = 12
	leastH = 3
)

// arrange lays the panes out on w×h cells.
func arrange(w, h int, class sizeClass, moved shares) layout {
	l := layout{class: class, parts: make(map[splitKey][]rect)}
	n := 0
	l.place(arrangements[class], rect{0, 0, max(w, 0), max(h, 0)}, moved, &n)
	return l
}

func (l *layout) place(p part, r rect, moved shares, n *int) {
	if len(p.parts) == 0 {
		l.slots = append(l.slots, slot{r, p.panes})
		return
	}
	key := splitKey{l.class, *n}
	*n++
	share := p.share
	if m := moved[key]; len(m) == len(share) {
		share = m
	}
	room, least := r.h, leastH
	if p.side {
		room, least = r.w-(len(p.parts)-1), leastW
	}
	x, y := r.x, r.y
	for i, size := range divide(room, share, least) {
		sub := rect{x, y, r.w, size}
		if p.side {
			sub = rect{x, y, size, r.h}
		}
		if i > 0 {
			d := divider{rect: rect{sub.x, sub.y, sub.w, 1}, split: key, i: i - 1, side: p.side}
			if p.side {
				d.rect = rect{sub.x - 1, sub.y, 1, sub.h}
				l.bars = append(l.bars, d.rect)
			}
			l.dividers = append(l.dividers, d)
		}
		l.parts[key] = append(l.parts[key], sub)
		l.place(p.parts[i], sub, moved, n)
		if p.side {
			x += size + 1
		} else {
			y += size
		}
	}
}

// divide shares n cells out; each part gets least if there is room for that.
func divide(n int, share []int, least int) []int {
	out := make([]int, len(share))
	total, given := 0, 0
	for _, s := range share {
		total += s
	}
	for i, s := range share {
		out[i] = max(n*s/total, 0)
		given += out[i]
	}
	out[len(out)-1] += n - given
	if n >= least*len(out) {
		for i := range out {
			for out[i] < least {
				from := slices.Index(out, slices.Max(out))
				out[from]--
				out[i]++
			}
		}
	}
	return out
}

// move shifts the border between the parts i and i+1 of a split by some cells.
func (l *layout) move(d divider, by int, moved shares) {
	var sizes []int
	for _, p := range l.parts[d.split] {
		size := p.h
		if d.side {
			size = p.w
		}
		sizes = append(sizes, size)
	}
	if d.i+1 >= len(sizes) {
		return
	}
	least := leastH
	if d.side {
		least = leastW
	}
	by = max(-(sizes[d.i] - least), min(by, sizes[d.i+1]-least))
	sizes[d.i] += by
	sizes[d.i+1] -= by
	moved[d.split] = sizes // as parts of their sum they are exact
}

// slotOf is the place of a pane, -1 if the arrangement has none for it.
func (l *layout) slotOf(id paneID) int {
	return slices.IndexFunc(l.slots, func(s slot) bool { return slices.Contains(s.panes, id) })
}

// slotAt is the slot at a cell, -1 if there is none.
func (l *layout) slotAt(x, y int) int {
	return slices.IndexFunc(l.slots, func(s slot) bool { return s.has(x, y) })
}
