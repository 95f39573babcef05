// The ladder drawn: rows of text, each at most as wide as asked.

package steps

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Row is one line of the ladder.
type Row struct {
	Text string // without colours; every character takes one cell
	Step int    // the step that the row stands for; of a header, that of the next row
	Got  int    // the step of the packet's arrival, 0 if it has not arrived
	Kind Kind   // Sent; Retransmit; Dropped: lost; State; Other: a header
	// Left and Right are the states that the ends came to with this row, "" where
	// they did not change; LeftAt and RightAt the cells where they stand in Text,
	// -1 if there is no room for them.
	Left, Right     string
	LeftAt, RightAt int
	LeftToRight     bool // of a packet
	Open            bool // a packet of which nothing shows that it arrived: its head is ?
}

// The marks in a row. A packet's head is > or < where it arrived, or has left for
// another machine that need not answer it; x where it was lost; ? as long as the
// answer that would show its arrival has not come; and missing while it is on its
// way within this machine.
const (
	markLost  = "x"
	markOpen  = "?"
	markAgain = "!"
)

// Rows draws the rows from (included) to (excluded) of a conversation, or of all
// conversations for ID 0, width cells wide at most. ascii leaves out box-drawing
// characters and the ellipsis. from and to are cut to what there is.
//
//	0.000000  SYN-SENT   ─── S 0:0(0) <mss 65495,sackOK,wscale 6> ──> SYN-RECV
//	0.000000  ESTAB      <── S. 0:0(0) ack 1 win 65483 ──────────────
//	0.000000             ─── . 1:1(0) ack 1 win 1024 ───────────────> ESTAB
func (l *Ladder) Rows(id, from, to, width int, ascii bool) []Row {
	rungs := l.rows(id)
	from, to = max(from, 0), min(to, len(rungs))
	if from >= to || width < 1 {
		return nil
	}
	p := newPen(width, ascii)
	out := make([]Row, 0, to-from)
	for _, r := range rungs[from:to] {
		out = append(out, p.row(r, r.time-l.since))
	}
	return out
}

// pen knows the columns of a width.
type pen struct {
	width           int
	line, ellipsis  string
	timeW, decimals int // 0: no time
	stateW          int // 0: no states
	arrowW          int
}

const stateWidth = len("CLOSE-WAIT")

func newPen(width int, ascii bool) *pen {
	p := &pen{width: width, line: "─", ellipsis: "…"}
	if ascii {
		p.line, p.ellipsis = "-", "~"
	}
	switch {
	case width >= 68:
		p.timeW, p.decimals, p.stateW = 10, 6, stateWidth
	case width >= 56:
		p.timeW, p.decimals, p.stateW = 7, 3, stateWidth
	case width >= 44:
		p.stateW = stateWidth
	}
	p.arrowW = width
	if p.timeW > 0 {
		p.arrowW -= p.timeW + 2
	}
	if p.stateW > 0 {
		p.arrowW -= 2 * (p.stateW + 1)
	}
	return p
}

func (p *pen) row(r *rung, at time.Duration) Row {
	row := Row{Step: r.step, Got: r.got, Left: r.state[left], Right: r.state[right], LeftAt: -1, RightAt: -1}
	if r.isHeader {
		row.Text = p.header(r)
		return row
	}
	row.Kind, row.LeftToRight, row.Open = r.kind, r.from == left && r.kind == Sent, r.awaits
	switch {
	case r.lost:
		row.Kind = Dropped
	case r.again:
		row.Kind = Retransmit
	}
	middle := p.arrow(r)
	if r.kind == State {
		middle = p.pad(r.note, p.arrowW)
	}
	var b strings.Builder
	if p.timeW > 0 {
		b.WriteString(p.clock(at) + "  ")
	}
	if p.stateW > 0 {
		row.LeftAt = utf8.RuneCountInString(b.String())
		b.WriteString(p.pad(r.state[left], p.stateW) + " ")
	}
	b.WriteString(middle)
	if p.stateW > 0 {
		b.WriteString(" ")
		row.RightAt = utf8.RuneCountInString(b.String())
		b.WriteString(r.state[right])
	} else if r.kind == State {
		b.Reset() // the state is all that the row has to say
		b.WriteString(p.alone(r))
	}
	row.Text = strings.TrimRight(p.cut(b.String(), p.width), " ")
	return row
}

// alone is the row of a state change where states have no columns.
func (p *pen) alone(r *rung) string {
	if r.state[right] != "" {
		return fmt.Sprintf("%*s", p.width, p.cut(r.state[right], p.width))
	}
	return r.state[left]
}

// header names the two ends, and what the right one was before the first packet.
func (p *pen) header(r *rung) string {
	t := r.t
	lead := ""
	if p.timeW > 0 {
		lead = p.pad(t.Proto, p.timeW+2)
	}
	a, b := hostPort(t.Left), hostPort(t.Right)
	room := p.width - utf8.RuneCountInString(lead)
	edge := room // where the right end's name ends
	if s := r.state[right]; s != "" && p.stateW > 0 {
		edge = room - p.stateW - 1
		b += " " + s
		edge += len(s) + 1
	} else if p.stateW > 0 {
		edge = room - p.stateW - 1
	}
	edge = min(edge, room)
	gap := edge - len(a) - len(b)
	if gap < 1 {
		return strings.TrimRight(p.cut(lead+a+" "+b, p.width), " ")
	}
	return strings.TrimRight(lead+a+strings.Repeat(" ", gap)+b, " ")
}

// clock is a time in the time column.
func (p *pen) clock(at time.Duration) string {
	for d := p.decimals; d > 0; d-- {
		if s := fmt.Sprintf("%*.*f", p.timeW, d, at.Seconds()); len(s) <= p.timeW {
			return s
		}
	}
	return p.cut(fmt.Sprintf("%*.0f", p.timeW, at.Seconds()), p.timeW)
}

// arrow draws a packet on its way: a head where it arrived.
func (p *pen) arrow(r *rung) string {
	head := ""
	switch {
	case r.lost:
		head = markLost
	case r.awaits:
		head = markOpen
	case r.arrived || r.out:
		head = ">"
	}
	shaft := 3 // line before the text; behind it there is at least one more
	if p.arrowW < 30 {
		shaft = 1
	}
	room := p.arrowW - shaft - 4 // blanks around it, one more of line, a head
	if room < 4 {
		return p.pad(p.narrow(r, head), p.arrowW)
	}
	text := p.fit(r, room)
	rest := strings.Repeat(p.line, p.arrowW-shaft-3-utf8.RuneCountInString(text))
	if head == "" {
		head = " "
	}
	if r.from == left {
		return strings.Repeat(p.line, shaft) + " " + text + " " + rest + head
	}
	if head == ">" {
		head = "<"
	}
	return head + strings.Repeat(p.line, shaft-1) + " " + text + " " + rest + p.line
}

// narrow is a packet where there is no room for an arrow.
func (p *pen) narrow(r *rung, head string) string {
	if head == "" {
		head = " "
	}
	if head == ">" && r.from == right {
		head = "<"
	}
	return p.cut(head+" "+r.text, p.arrowW)
}

// fit is the longest of the ways to write a packet that has room: whole; without
// timestamps; without the window; without options; or else cut.
func (p *pen) fit(r *rung, room int) string {
	before, after := "", ""
	if r.again {
		before = markAgain + " "
	}
	if r.note != "" {
		after = " (" + r.note + ")"
	}
	for _, s := range briefer(r.text) {
		if s = before + s + after; utf8.RuneCountInString(s) <= room {
			return s
		}
	}
	s := briefer(r.text)
	return p.cut(before+s[len(s)-1]+after, room)
}

// briefer lists ways to write a packet's text, the longest first. Only what TCP
// prints can be left out: options and window.
func briefer(text string) []string {
	out := []string{text}
	body, options, found := strings.Cut(text, " <")
	options = strings.TrimSuffix(options, ">")
	if !found {
		options = ""
	}
	var kept []string
	for _, o := range strings.Split(options, ",") {
		if o != "" && o != "nop" && o != "eol" && !strings.HasPrefix(o, "TS val ") {
			kept = append(kept, o)
		}
	}
	short := body
	if i := strings.Index(body, " win "); i >= 0 {
		short = body[:i]
		if j := strings.Index(body, " urg "); j > i {
			short += body[j:]
		}
	}
	if len(kept) > 0 {
		telling := " <" + strings.Join(kept, ",") + ">"
		out = append(out, body+telling, short+telling)
	}
	return append(out, body, short)
}

// cut shortens s to at most n cells.
func (p *pen) cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	runes := []rune(s)
	return string(runes[:n-1]) + p.ellipsis
}

// pad brings s to exactly n cells.
func (p *pen) pad(s string, n int) string {
	s = p.cut(s, n)
	return s + strings.Repeat(" ", max(n-utf8.RuneCountInString(s), 0))
}
