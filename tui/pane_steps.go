// Steps: everything that happened in the machine, in order.

package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	tea "charm.land/bubbletea/v2"

	"menuos/stack/steps"
)

var wordsSteps = map[string]text{
	"steps.title":     {"Steps", "步骤"},
	"steps.socket":    {"selected socket", "所选套接字"},
	"steps.segments":  {"segments", "报文段"},
	"steps.lost":      {"%s steps came too fast and are not kept", "有 %s 步来得太快,没有保留"},
	"steps.forgotten": {"%s older steps are not kept any more", "更早的 %s 步已不再保留"},
	"steps.none":      {"No step of the record has to do with the selected socket: t shows all.", "记录中没有与所选套接字有关的步骤:按 t 显示全部。"},
	"steps.nosegment": {"No segment is in the record: t shows all.", "记录中没有报文段:按 t 显示全部。"},
	"steps.empty": {"Nothing has happened yet: type replyhi and then hello at the MenuOS prompt.\nEvery segment, state change, timer and wake-up becomes a step here.",
		"尚未发生任何事件:在 MenuOS 提示符处输入 replyhi,再输入 hello。\n每个报文段、状态变化、定时器和唤醒都会成为这里的一步。"},
}

// stepsPane lists the steps, the newest at the bottom. While nothing is selected
// it follows the machine.
//
//	  12 +0.000000 > :60934 S 0:0(0) win 43690 <mss 65495,…>  connect hello/6
//	── 1,234 steps came too fast and are not kept ──
//	›1247 +1.016000 @ :60934 retransmit timer fires: tcp_write_timer  timer
type stepsPane struct {
	index  stepIndex
	filter stepFilter
	follower
	what    string
	hit     int // number of the step that the search found, 0: none
	nth, of int // it is the nth of so many
}

func (p *stepsPane) title(sc *scene) string {
	t := sc.say("steps.title")
	if p.filter == stepsAll {
		if sc.rec.last > 0 {
			t += " " + grouped(sc.rec.last)
		}
	} else {
		p.index.update(sc, p.filter)
		t += fmt.Sprintf(" %s/%s %s %s", grouped(p.index.steps), grouped(sc.rec.last), sc.glyph.dot,
			sc.say([...]string{"", "steps.socket", "steps.segments"}[p.filter]))
	}
	if p.hit != 0 {
		t += fmt.Sprintf(" %s /%s %d/%d", sc.glyph.dot, p.what, p.nth, p.of)
	}
	return t
}

// grouped is a number with its thousands set apart.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// since is a time as the steps count it: from the first one of all.
func (sc *scene) since(t time.Duration) string {
	return fmt.Sprintf("%+.6f", (t - sc.rec.start).Seconds())
}

// stepList is the index with one row above it if the record has forgotten older
// steps: the pane's rows.
type stepList struct {
	*stepIndex
	above int
}

func (p *stepsPane) rows(sc *scene) stepList {
	p.index.update(sc, p.filter)
	l := stepList{stepIndex: &p.index}
	if sc.rec.forgotten() > 0 && p.index.len() > 0 {
		l.above = 1
	}
	return l
}

func (l stepList) count() int         { return l.len() + l.above }
func (l stepList) stepAt(row int) int { return l.step(row-l.above, -1) }

func (l stepList) rowOf(step int) int {
	if i := l.find(step); i >= 0 {
		return i + l.above
	}
	return -1
}

// stepColumns are the widths of the columns; 0: a column that is left out.
type stepColumns struct {
	number, time, delta, where int
	address                    bool // whole addresses, not the ports alone
	by                         bool // the function that brought a step about, as far as there is room
	context                    int
	word                       bool // of the context only the first word
}

// stepPlan is which columns there are in w cells, and how wide they may get.
func stepPlan(sc *scene, w int) stepColumns {
	c := stepColumns{number: max(2, len(strconv.Itoa(sc.rec.last))), time: len(sc.since(sc.rec.at(sc.rec.n - 1).Time)), where: 9}
	if w < 40 {
		c.number, c.time = 0, 0
	}
	if w < 20 {
		c.where = 0
	}
	c.by = w >= 60
	if w >= 76 {
		c.context, c.word = 8, true
	}
	if w >= 100 {
		c.where, c.address, c.context, c.word = 21, true, 20, false
	}
	if w >= 132 {
		c.delta = c.time
	}
	return c
}

// measure makes columns no wider than the rows that show need them.
func (c *stepColumns) measure(sc *scene, rows stepList, from, to int) {
	where, context := 0, 0
	for row := from; row < to; row++ {
		if i := row - rows.above; i >= 0 && rows.at(i) > 0 {
			s := sc.rec.get(rows.at(i))
			where, context = max(where, len(c.whereOf(s))), max(context, cells(c.contextOf(s)))
		}
	}
	c.where, c.context = min(c.where, where), min(c.context, context)
}

func (p *stepsPane) draw(sc *scene, w, h int) []string {
	if w <= 0 || h <= 0 {
		return nil
	}
	rows := p.rows(sc)
	if p.seen != sc.cur && p.hit != sc.cur { // one has gone elsewhere
		p.hit = 0
	}
	from, to := p.span(sc, rows, h)
	if to == 0 {
		none := [...]string{"steps.empty", "steps.none", "steps.nosegment"}[p.filter]
		if sc.rec.n == 0 {
			none = "steps.empty"
		}
		return paragraph(sc.look, sc.say(none), w, h)
	}
	c := stepPlan(sc, w)
	c.measure(sc, rows, from, to)
	lines := make([]string, 0, to-from)
	for row := from; row < to; row++ {
		lines = append(lines, p.row(sc, &c, row-rows.above, w))
	}
	return lines
}

// row is one row on screen: of an entry of the index, or the one above them all.
func (p *stepsPane) row(sc *scene, c *stepColumns, entry, w int) string {
	if entry < 0 {
		return gapLine(sc, sc.say("steps.forgotten", grouped(sc.rec.forgotten())), w)
	}
	n := p.index.at(entry)
	i := sc.rec.find(abs(n))
	s := sc.rec.at(i)
	if n < 0 {
		return gapLine(sc, sc.say("steps.lost", grouped(int(s.Lost))), w)
	}
	delta := ""
	if c.delta > 0 && i > 0 {
		delta = stepDelta(s, sc.rec.at(i-1))
	}
	line := stepLine(sc, c, s, delta, w-1)
	if s.n == sc.cur && !sc.live {
		return sc.ink.selected.on(fit(sc.glyph.selected+ansi.Strip(line), w, sc.glyph.ellipsis))
	}
	sign := " "
	if s.n == p.hit {
		sign = sc.ink.match.on("/")
	}
	if p.what != "" {
		line = paintMatches(sc.look, line, p.what)
	}
	if w < 1+c.fixed() {
		return cut(sign+line, w, sc.glyph.ellipsis)
	}
	return sign + line
}

// stepDelta is the time between two steps, nothing if none passed.
func stepDelta(s, before *step) string {
	if s.Time == before.Time {
		return ""
	}
	return fmt.Sprintf("%.6f", (s.Time - before.Time).Seconds())
}

// gapLine marks the place of steps that are not there.
func gapLine(sc *scene, what string, w int) string {
	rule := sc.glyph.horizontal + sc.glyph.horizontal
	return sc.ink.dim.on(cut(rule+" "+what+" "+rule, w, sc.glyph.ellipsis))
}

// stepLine is a step in w cells.
func stepLine(sc *scene, c *stepColumns, s *step, delta string, w int) string {
	var b strings.Builder
	ink := stepInk(sc.ink, s)
	b.WriteString(sc.ink.dim.on(stepNumbers(sc, c, s, delta)))
	b.WriteString(ink.on(s.line.Mark) + " ")
	if c.where > 0 {
		b.WriteString(sc.ink.address.on(fit(c.whereOf(s), c.where, sc.glyph.ellipsis)) + " ")
	}
	room := w - c.fixed()
	what, width := s.line.What, cells(s.line.What)
	need := width
	if showsPacket(s.line.Kind) { // its end are options, which can be done without
		need = min(need, room*45/100)
	}
	by := ""
	if left := room - 2 - need; c.by && left >= leastBy && s.line.By != "" {
		by = cut(s.line.By, left, sc.glyph.ellipsis)
		room -= cells(by) + 1
	}
	if width > room {
		what = cut(what, room, sc.glyph.ellipsis)
		width = cells(what)
	}
	b.WriteString(ink.on(what) + blank(room-width))
	if by != "" {
		b.WriteString(" " + sc.ink.dim.on(by))
	}
	if c.context > 0 {
		b.WriteString(" " + sc.ink.dim.on(cut(c.contextOf(s), c.context, sc.glyph.ellipsis)))
	}
	return b.String()
}

// fixed is how many cells the columns take that are not what happened and by
// whom.
func (c *stepColumns) fixed() int {
	n := len("> ")
	for _, width := range []int{c.number, c.time, c.delta, c.where, c.context} {
		if width > 0 {
			n += width + 1
		}
	}
	return n
}

// whereOf is what stands in the column of the place.
func (c *stepColumns) whereOf(s *step) string {
	if i := strings.LastIndexByte(s.line.Where, ':'); i >= 0 && !c.address {
		return s.line.Where[i:]
	}
	return s.line.Where
}

// contextOf is what stands in the column of the context.
func (c *stepColumns) contextOf(s *step) string {
	if c.word {
		word, _, _ := strings.Cut(s.line.Context, " ")
		return word
	}
	return s.line.Context
}

// showsPacket tells whether steps of a kind show a packet.
func showsPacket(k steps.Kind) bool {
	return k == steps.Sent || k == steps.Received || k == steps.Dropped || k == steps.Retransmit
}

// leastBy is how many cells the function of a step gets at least, if any.
const leastBy = 10

// stepNumbers are the columns before the mark.
func stepNumbers(sc *scene, c *stepColumns, s *step, delta string) string {
	var b strings.Builder
	for _, part := range []struct {
		text  string
		width int
	}{{strconv.Itoa(s.n), c.number}, {sc.since(s.Time), c.time}, {delta, c.delta}} {
		if part.width > 0 {
			b.WriteString(blank(part.width-len(part.text)) + part.text + " ")
		}
	}
	return b.String()
}

// stepInk is the ink of a step's kind.
func stepInk(in *inks, s *step) ink {
	switch s.line.Kind {
	case steps.Sent:
		return in.sent
	case steps.Received:
		return in.received
	case steps.Dropped, steps.Reset:
		return in.dropped
	case steps.State:
		return in.state
	case steps.Retransmit:
		return in.retrans
	case steps.TimerArmed, steps.TimerCancelled, steps.TimerFired:
		return in.timer
	case steps.Wakeup:
		return in.wakeup
	}
	return in.dim
}

func (p *stepsPane) act(sc *scene, a action) (tea.Msg, bool) {
	switch a {
	case actFilter:
		p.filter = (p.filter + 1) % stepFilters
		p.again()
		return nil, true
	case actEnd:
		p.foot = 0
		return nil, true
	case actEscape:
		if p.what == "" {
			return nil, false
		}
		p.search(sc, "", 1)
		return nil, true
	}
	p.index.update(sc, p.filter)
	last := p.index.len() - 1
	at := last + 1 // live is behind the newest
	if p.hit != 0 {
		at = p.index.find(p.hit)
	} else if !sc.live {
		at = p.index.find(sc.cur)
	}
	n := 0
	switch a {
	case actUp:
		n = p.index.step(at-1, -1)
		if n == 0 {
			n = p.index.step(0, 1)
		}
	case actDown:
		n = p.index.step(at+1, 1)
	case actPageUp:
		n = p.index.step(max(at-p.h, 0), 1)
	case actPageDown:
		if at+1 <= last {
			n = p.index.step(min(at+p.h, last), -1)
		}
	case actHome:
		n = p.index.step(0, 1)
	case actEnter:
		if n = p.index.step(min(max(at, 0), last), -1); n == 0 {
			return nil, true
		}
	default:
		return nil, false
	}
	p.hit = 0
	return selectStepMsg{n: n, open: a == actEnter}, true
}

func (p *stepsPane) click(sc *scene, _, y int, double bool) tea.Msg {
	entry := p.top + y - p.rows(sc).above
	if y < 0 || y >= p.h || entry < 0 || entry >= p.index.len() || p.index.at(entry) < 0 {
		return nil
	}
	p.hit = 0
	return selectStepMsg{n: p.index.at(entry), open: double}
}

func (p *stepsPane) wheel(sc *scene, by int) { p.scroll(sc, p.rows(sc), by) }

// search finds the next step whose row contains what, whatever its case.
func (p *stepsPane) search(sc *scene, what string, dir int) bool {
	was := p.hit
	p.what, p.hit, p.seen = what, 0, sc.cur
	if what == "" {
		return false
	}
	p.index.update(sc, p.filter)
	var found []int
	for i := range p.index.len() {
		if n := p.index.at(i); n > 0 && stepHas(sc.rec.get(n), what) {
			found = append(found, n)
		}
	}
	if len(found) == 0 {
		return false
	}
	from := was
	if from == 0 {
		from = sc.cur
	}
	if from == 0 { // live is behind the newest: the way is up
		from = sc.rec.last + 1
	}
	p.hit, p.nth = nextHit(found, from, dir)
	p.of = len(found)
	rows := p.rows(sc)
	p.reveal(sc, rows, rows.rowOf(p.hit))
	return true
}

// nextHit is the number of the next step of found from the number from on, and
// which it is of them; beyond the last comes the first.
func nextHit(found []int, from, dir int) (n, nth int) {
	if dir > 0 {
		for i, n := range found {
			if n > from {
				return n, i + 1
			}
		}
		return found[0], 1
	}
	for i := len(found) - 1; i >= 0; i-- {
		if found[i] < from {
			return found[i], i + 1
		}
	}
	return found[len(found)-1], len(found)
}

func stepHas(s *step, what string) bool {
	return containsFold(s.line.What, what) || containsFold(s.line.Where, what) || containsFold(s.line.Context, what) ||
		containsFold(s.line.By, what)
}

func (p *stepsPane) text(sc *scene) string {
	p.index.update(sc, p.filter)
	var b strings.Builder
	for i := range p.index.len() {
		n := p.index.at(i)
		if n < 0 {
			fmt.Fprintf(&b, "-- %s --\n", sc.say("steps.lost", grouped(int(sc.rec.get(-n).Lost))))
			continue
		}
		s := sc.rec.get(n)
		l := &s.line
		fmt.Fprintf(&b, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", s.n, sc.since(s.Time), l.Mark, l.Where, l.What, l.By, l.Context)
	}
	return b.String()
}
