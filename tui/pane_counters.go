// Counters: what nstat counts, as it counts, and how much since a mark.

package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"menuos/shell"
)

var wordsCounters = map[string]text{
	"counters.title": {"Counters", "计数器"},
	"counters.since": {"+ since Enter", "+ 自按 Enter 起"},
	"counters.now":   {"now", "当前值"},
	"counters.empty": {"Nothing has been counted yet: type replyhi and then hello at the MenuOS prompt.",
		"尚无计数:在 MenuOS 提示符处输入 replyhi,再输入 hello。"},
	"counters.hint": {"Enter: count from here on", "Enter:从此刻起计增量"},
}

// countersPane shows the counters that are not zero, in nstat's order, in as
// many columns as there is room for:
//
//	  IpInReceives              9   +9
//	* TcpActiveOpens            1   +1      * has just changed
//	› TcpExtTCPPureAcks         2   +2      › what a search found
type countersPane struct {
	scroller
	order   []int       // places of the counters that nstat shows
	last    []uint64    // values that were drawn last, by place
	changed []time.Time // host time at which they changed
	mark    []uint64    // values at the mark, nil: none was set
	what    string      // that is searched for
	hit     string      // name of the counter that was found
}

// counter is one row.
type counter struct {
	name         string
	value, since string
	lit          bool
}

func (p *countersPane) title(sc *scene) string {
	n := 0
	for _, i := range p.places(sc) {
		if sc.counters[i].Value != 0 {
			n++
		}
	}
	t := sc.say("counters.title")
	if n > 0 {
		t += " " + strconv.Itoa(n)
	}
	if !sc.live {
		t += " " + sc.glyph.dot + " " + sc.say("counters.now")
	}
	if p.mark != nil {
		t += " " + sc.glyph.dot + " " + sc.say("counters.since")
	}
	return t
}

// places are those of the counters that nstat shows.
func (p *countersPane) places(sc *scene) []int {
	if len(p.order) == 0 {
		p.order = shell.NstatOrder(sc.counters)
	}
	if len(sc.counters) < len(p.order) {
		return nil
	}
	return p.order
}

// notice remembers which values have changed since they were drawn last.
func (p *countersPane) notice(sc *scene) {
	first := len(p.last) != len(sc.counters)
	if first {
		p.last, p.changed = make([]uint64, len(sc.counters)), make([]time.Time, len(sc.counters))
	}
	for i := range sc.counters {
		if v := sc.counters[i].Value; v != p.last[i] {
			p.last[i] = v
			if !first {
				p.changed[i] = sc.from()
			}
		}
	}
}

// rows are the counters that are not zero.
func (p *countersPane) rows(sc *scene) []counter {
	var rows []counter
	now := sc.from()
	for _, i := range p.places(sc) {
		c := &sc.counters[i]
		if c.Value == 0 {
			continue
		}
		row := counter{name: c.Name, value: strconv.FormatUint(c.Value, 10)}
		if i < len(p.mark) && c.Value != p.mark[i] {
			row.since = fmt.Sprintf("%+d", int64(c.Value-p.mark[i]))
		}
		if i < len(p.changed) && !p.changed[i].IsZero() {
			row.lit = now.Sub(p.changed[i]) < fade
		}
		rows = append(rows, row)
	}
	return rows
}

// leastSince is how wide the column of changes is at least, so that the first
// change does not move all others.
const leastSince = 3

func (p *countersPane) draw(sc *scene, w, h int) []string {
	if w <= 0 || h <= 0 {
		return nil
	}
	p.notice(sc)
	rows := p.rows(sc)
	if len(rows) == 0 {
		p.size(0, h)
		return paragraph(sc.look, sc.say("counters.empty"), w, h)
	}
	name, value, since := 0, 0, 0
	if p.mark != nil {
		since = leastSince
	}
	for i := range rows {
		name = max(name, len(rows[i].name))
		value = max(value, len(rows[i].value))
		since = max(since, len(rows[i].since))
	}
	tail := value
	if since > 0 {
		tail += 1 + since
	}
	cell := 2 + name + 1 + tail
	side := max(1, (w+2)/(cell+2))
	if cell > w {
		name = max(0, w-3-tail)
	}
	n := (len(rows) + side - 1) / side
	p.size(n, h)
	var lines []string
	for y := p.top; y < min(p.top+h, n); y++ {
		line := ""
		for at := y; at < len(rows); at += n {
			if line != "" {
				line += "  "
			}
			line += p.cell(sc, &rows[at], name, value, since)
		}
		lines = append(lines, cut(line, w, sc.glyph.ellipsis))
	}
	if p.mark == nil && len(lines) < h-1 {
		lines = append(lines, "", sc.ink.dim.on(cut(sc.say("counters.hint"), w, sc.glyph.ellipsis)))
	}
	return lines
}

// cell is one counter in its column.
func (p *countersPane) cell(sc *scene, r *counter, name, value, since int) string {
	sign, label, number := " ", fit(r.name, name, sc.glyph.ellipsis), flushRight(r.value, value, sc.glyph.ellipsis)
	switch {
	case r.name == p.hit:
		sign = sc.glyph.selected
	case r.lit:
		sign = sc.ink.lit.on("*")
	}
	if r.name == p.hit {
		label = paintMatches(sc.look, label, p.what)
	}
	if r.lit {
		number = sc.ink.lit.on(number)
	}
	line := sign + " " + label + " " + number
	if since > 0 {
		line += " " + sc.ink.number.on(flushRight(r.since, since, sc.glyph.ellipsis))
	}
	return line
}

func (p *countersPane) act(sc *scene, a action) (tea.Msg, bool) {
	if a == actEnter {
		p.mark = make([]uint64, len(sc.counters))
		for i := range sc.counters {
			p.mark[i] = sc.counters[i].Value
		}
		return nil, true
	}
	return nil, p.scroller.act(a)
}

func (p *countersPane) click(*scene, int, int, bool) tea.Msg { return nil }

func (p *countersPane) wheel(_ *scene, by int) { p.by(by) }

// search finds the next counter whose name contains what, whatever its case.
func (p *countersPane) search(sc *scene, what string, dir int) bool {
	p.what = what
	rows := p.rows(sc)
	if what == "" || len(rows) == 0 {
		p.hit = ""
		return false
	}
	at := -1
	if dir < 0 {
		at = len(rows)
	}
	for i := range rows {
		if rows[i].name == p.hit {
			at = i
		}
	}
	for range rows {
		at = (at + dir + len(rows)) % len(rows)
		if containsFold(rows[at].name, what) {
			p.hit = rows[at].name
			line := at % max(p.n, 1)
			p.top = max(min(p.top, line), line-p.h+1)
			return true
		}
	}
	return false
}

func (p *countersPane) text(sc *scene) string {
	var b strings.Builder
	for _, r := range p.rows(sc) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-32s%-16s%s", r.name, r.value, r.since), " ") + "\n")
	}
	return b.String()
}
