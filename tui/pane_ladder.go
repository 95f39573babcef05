// Ladder: client and server as two columns, with the segments as arrows between
// them.

package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"menuos/stack/steps"
)

var wordsLadder = map[string]text{
	"ladder.title": {"Ladder", "时序图"},
	"ladder.all":   {"all conversations", "全部会话"},
	"ladder.gap":   {"steps are missing here: they came too fast", "这里缺少一些步骤:它们来得太快"},
	"ladder.empty": {"No packet yet: type replyhi and then hello at the MenuOS prompt.\nEvery segment becomes an arrow from the end that sends it to the other one.",
		"还没有报文:在 MenuOS 提示符处输入 replyhi,再输入 hello。\n每个报文段都会成为一支箭头,从发送端指向接收端。"},
}

// ladderPane draws one conversation, or all of them one below the other:
//
//	      tcp         127.0.0.1:60934                       127.0.0.1:5001 LISTEN
//	  0.000000  SYN-SENT   ─── S 0:0(0) win 43690 <mss 65495,…> ────> SYN-RECV
//	› 0.000000  ESTAB      <── S. 0:0(0) ack 1 win 43690 <…> ─────────
type ladderPane struct {
	follower
	ladder steps.Ladder
	next   int   // number of the first step that the ladder has not taken
	oldest int   // … that it has not forgotten
	gaps   []int // steps before which others were lost
	all    bool
	talk   int   // conversation that was drawn last
	drawn  []int // row of each line that was drawn, -1: none
}

func (p *ladderPane) title(sc *scene) string {
	if p.all {
		return sc.say("ladder.title") + " " + sc.glyph.dot + " " + sc.say("ladder.all")
	}
	return sc.say("ladder.title")
}

// update takes what is new in the record.
func (p *ladderPane) update(sc *scene) {
	rec := sc.rec
	if rec.n == 0 {
		return
	}
	oldest := rec.at(0).n
	for i := rec.find(p.next-1) + 1; i < rec.n; i++ {
		s := rec.at(i)
		if s.Lost > 0 || s.n == oldest && p.next > 0 && p.next < oldest {
			p.gaps = append(p.gaps, s.n)
		}
		p.ladder.Add(s.n, &s.Event)
	}
	p.next = rec.last + 1
	if oldest != p.oldest {
		p.ladder.Forget(oldest)
		p.oldest = oldest
		p.gaps = slices.DeleteFunc(p.gaps, func(n int) bool { return n < oldest })
	}
}

// ladderRows are the rows of a conversation below its header; of all
// conversations, headers included.
type ladderRows struct {
	*steps.Ladder
	talk, above int
}

func (l ladderRows) count() int         { return max(l.Len(l.talk)-l.above, 0) }
func (l ladderRows) rowOf(step int) int { return l.Find(l.talk, step) - l.above }

func (l ladderRows) stepAt(row int) int {
	if at := l.Rows(l.talk, row+l.above, row+l.above+1, 1, true); len(at) > 0 && row >= 0 {
		return at[0].Step
	}
	return 0
}

// rows are those of the selected socket's conversation, or if it has none, of the
// newest.
func (p *ladderPane) rows(sc *scene) ladderRows {
	p.update(sc)
	l := ladderRows{Ladder: &p.ladder}
	if p.all {
		return l
	}
	if l.talk = p.ladder.TalkOf(sc.sock); l.talk == 0 {
		if talks := p.ladder.Talks(); len(talks) > 0 {
			l.talk = talks[len(talks)-1].ID
		}
	}
	l.above = min(1, p.ladder.Len(l.talk))
	return l
}

func (p *ladderPane) draw(sc *scene, w, h int) []string {
	if w < 2 || h < 1 { // a sign and something behind it
		return nil
	}
	rows := p.rows(sc)
	p.drawn = p.drawn[:0]
	if rows.count() == 0 {
		return paragraph(sc.look, sc.say("ladder.empty"), w, h)
	}
	if rows.talk != p.talk {
		p.talk = rows.talk
		p.again()
	}
	var lines []string
	if rows.above > 0 && h > 2 {
		for _, r := range p.ladder.Rows(rows.talk, 0, 1, w-1, sc.glyph.ascii) {
			lines = append(lines, sc.ink.heading.on(" "+r.Text))
			p.drawn = append(p.drawn, -1)
		}
	}
	head := len(lines)
	from, to := p.span(sc, rows, h-head)
	cursor := -1
	if !sc.live {
		cursor = rows.rowOf(sc.cur)
	}
	last := 0
	if from > 0 {
		last = rows.stepAt(from - 1)
	}
	for i, r := range p.ladder.Rows(rows.talk, from+rows.above, to+rows.above, w-1, sc.glyph.ascii) {
		if last > 0 && p.gap(last, r.Step) && len(lines) < h {
			lines, p.drawn = append(lines, gapLine(sc, sc.say("ladder.gap"), w)), append(p.drawn, -1)
		}
		last = r.Step
		lines, p.drawn = append(lines, p.row(sc, &r, from+i == cursor, w)), append(p.drawn, from+i)
	}
	if over := len(lines) - h; over > 0 { // gaps take lines: the oldest rows make room
		lines, p.drawn = slices.Delete(lines, head, head+over), slices.Delete(p.drawn, head, head+over)
	}
	return lines
}

// gap tells whether steps between two others were lost.
func (p *ladderPane) gap(from, to int) bool {
	i, _ := slices.BinarySearch(p.gaps, from+1)
	return i < len(p.gaps) && p.gaps[i] <= to
}

// row is one row on screen. cursor: it is the row of the step that the cursor in
// time stands on, or the last one before that.
func (p *ladderPane) row(sc *scene, r *steps.Row, cursor bool, w int) string {
	in := ladderInks{time: sc.ink.dim, arrow: arrowInk(sc.ink, r), state: sc.ink.state}
	switch {
	case cursor && (r.Step == sc.cur || r.Got == sc.cur):
		in = ladderInks{sc.ink.selected, sc.ink.selected, sc.ink.lit}
		return in.paint(sc.glyph.selected, r, fit(r.Text, w-1, sc.glyph.ellipsis))
	case cursor:
		return in.paint(sc.glyph.selected, r, r.Text)
	}
	return in.paint(" ", r, r.Text)
}

// ladderInks are those of a row's parts.
type ladderInks struct{ time, arrow, state ink }

// paint paints a row's text, of which every character takes a cell.
func (in *ladderInks) paint(sign string, r *steps.Row, text string) string {
	if r.Kind == steps.Other {
		return in.arrow.on(sign + text)
	}
	var b strings.Builder
	at := []rune(text)
	done := 0
	part := func(i ink, to int) {
		if to = min(to, len(at)); to > done {
			b.WriteString(i.on(string(at[done:to])))
			done = to
		}
	}
	b.WriteString(in.time.on(sign))
	if r.LeftAt >= 0 {
		part(in.time, r.LeftAt)
		part(in.state, r.LeftAt+len(r.Left))
	}
	if r.RightAt >= 0 {
		part(in.arrow, r.RightAt)
		part(in.state, r.RightAt+len(r.Right))
	}
	part(in.arrow, len(at))
	return b.String()
}

// arrowInk is the ink of a row's arrow.
func arrowInk(in *inks, r *steps.Row) ink {
	switch r.Kind {
	case steps.Sent:
		if r.LeftToRight {
			return in.sent
		}
		return in.received
	case steps.Dropped:
		return in.dropped
	case steps.Retransmit:
		return in.retrans
	case steps.State:
		return in.state
	}
	return in.heading
}

func (p *ladderPane) act(sc *scene, a action) (tea.Msg, bool) {
	switch a {
	case actFilter:
		p.all = !p.all
		return nil, true
	case actEnd:
		p.foot = 0
		return nil, true
	}
	rows := p.rows(sc)
	n := rows.count()
	at := n // live is behind the newest
	if !sc.live {
		at = rows.rowOf(sc.cur)
	}
	to := at
	switch a {
	case actUp:
		to--
	case actDown:
		to++
	case actPageUp:
		to -= p.h
	case actPageDown:
		to += p.h
		if at < n-1 {
			to = min(to, n-1)
		}
	case actHome:
		to = 0
	case actEnter:
		to = min(to, n-1)
	default:
		return nil, false
	}
	if a == actEnter && !sc.live {
		return selectStepMsg{n: sc.cur, open: true}, true
	}
	return selectStepMsg{n: p.stepAt(rows, max(to, 0), to >= at), open: a == actEnter}, true
}

// stepAt is the step of a row, 0 behind the last one. Headers stand for no step of
// their own: the row after or before them is meant.
func (p *ladderPane) stepAt(rows ladderRows, row int, down bool) int {
	dir := -1
	if down || row == 0 {
		dir = 1
	}
	for ; row >= 0 && row < rows.count(); row += dir {
		r := p.ladder.Rows(rows.talk, row+rows.above, row+rows.above+1, 1, true)
		if len(r) > 0 && r[0].Kind != steps.Other {
			return r[0].Step
		}
	}
	return 0
}

func (p *ladderPane) click(sc *scene, _, y int, double bool) tea.Msg {
	if y < 0 || y >= len(p.drawn) || p.drawn[y] < 0 {
		return nil
	}
	n := p.stepAt(p.rows(sc), p.drawn[y], true)
	if n == 0 {
		return nil
	}
	return selectStepMsg{n: n, open: double}
}

func (p *ladderPane) wheel(sc *scene, by int) { p.scroll(sc, p.rows(sc), by) }

// textWidth is how wide the ladder is that a copy takes.
const textWidth = 100

func (p *ladderPane) text(sc *scene) string {
	rows := p.rows(sc)
	var b strings.Builder
	for _, r := range p.ladder.Rows(rows.talk, 0, p.ladder.Len(rows.talk), textWidth, sc.glyph.ascii) {
		b.WriteString(r.Text + "\n")
	}
	return b.String()
}
