// The queues of a connection: what it sends and what it receives on the axis of
// sequence numbers, and each queue's packets and memory.

package tui

import (
	"fmt"
	"strings"

	"menuos/stack"
	"menuos/stack/wire"
)

// queueRow is a queue's line.
type queueRow struct {
	name       string
	segs       []stack.SegInfo
	used, room int // bytes of memory, as Linux counts them against the buffer
	note       string
	datagrams  bool   // the packets are no ranges of a sequence space
	number     uint32 // what the numbers count from
}

// connection is the content of the pane for a TCP connection.
func (q *queueSheet) connection(k *stack.SockInfo) {
	t := k.Tcp
	iss, known := q.isn(k)
	if !known {
		iss = t.SndUna
	}
	irs := t.RcvNxt - uint32(t.BytesReceived) - 1
	for i := range k.Backlog { // the SYN-ACK that a connect finds there
		if s := &k.Backlog[i]; k.State == "SYN-SENT" && s.Flags&wire.SYN != 0 {
			irs = s.Seq
		}
	}
	q.axis(q.sc.say("queues.send"), sendAxis(q.sc.look, k, iss))
	q.sendNotes(k, known)
	q.gap()
	if k.State == "SYN-SENT" {
		q.sentence(q.sc.ink.dim, q.sc.say("queues.nosyn"))
	} else {
		q.axis(q.sc.say("queues.receive"), receiveAxis(q.sc.look, k, irs))
		q.receiveNotes(k)
	}
	q.gap()
	q.rows(q.sc.say("queues.segs"), connRows(q.sc, k, iss, irs))
	q.legend(k)
}

// isn is the connection's initial send sequence number. If the moment does not
// tell, one before it in the record may.
func (q *queueSheet) isn(k *stack.SockInfo) (isn uint32, known bool) {
	if isn, known = sendISN(k); known {
		return isn, true
	}
	r := q.sc.rec
	last := r.n - 1
	if !q.sc.live {
		last = r.find(q.sc.cur)
	}
	for i := last; i >= max(0, last-isnSteps); i-- {
		at := r.at(i).At
		if at == nil {
			continue
		}
		for _, then := range at.Socks {
			if then.Cookie == k.Cookie && then.Kind == stack.SockFull && then.Tcp != nil {
				if isn, known = sendISN(then); known {
					return isn, true
				}
			}
		}
	}
	return 0, false
}

// isnSteps is how many steps back the start of a connection is looked for. What
// hides it, a segment or a FIN that is about to be sent, lasts a few.
const isnSteps = 256

// sendISN is the initial send sequence number as one moment tells it. Linux does
// not keep it, but two sums lead back to it. Of the bytes acknowledged the side
// that opened the connection counts its SYN, the other does not; which side it is
// the bytes sent tell. Those are a segment ahead of snd_nxt amid a transmission,
// so each segment that may be on its way makes a guess; if all that agree with
// the bytes acknowledged are one, it is known.
func sendISN(k *stack.SockInfo) (isn uint32, known bool) {
	t := k.Tcp
	opened := t.SndUna - uint32(t.BytesAcked)
	if k.State == "SYN-SENT" {
		return opened, true
	}
	fin, clear := finSent(k)
	if !clear {
		return 0, false
	}
	first := t.SndNxt - uint32(t.BytesSent-t.BytesRetrans) - fin - 1
	ambiguous := false
	guess := func(g uint32) {
		if g == opened || g+1 == opened {
			ambiguous = ambiguous || known && g != isn
			isn, known = g, true
		}
	}
	guess(first)
	if len(k.Write) > 0 {
		guess(first + uint32(k.Write[0].Len))
	}
	for i := 0; i < len(k.Rtx) && t.BytesRetrans > 0; i++ {
		guess(first - uint32(k.Rtx[i].Len))
	}
	return isn, known && !ambiguous
}

// finSent is 1 if snd_nxt has gone past the connection's own FIN. Between the
// change of state and the FIN, and between its ACK and the next change, that is
// not clear.
func finSent(k *stack.SockInfo) (fin uint32, clear bool) {
	switch k.State {
	case "FIN-WAIT-2", "TIME-WAIT":
		return 1, true
	case "FIN-WAIT-1", "CLOSING", "LAST-ACK":
	default:
		return 0, true
	}
	for i := range k.Write {
		if k.Write[i].Flags&wire.FIN != 0 {
			return 0, true
		}
	}
	for i := range k.Rtx {
		if k.Rtx[i].Flags&wire.FIN != 0 {
			return 1, true
		}
	}
	return 0, false
}

// sendAxis is snd_una to the window's edge or to what was written, whichever is
// farther: in flight, not sent, free.
func sendAxis(l *look, k *stack.SockInfo, iss uint32) *axis {
	t, in, g := k.Tcp, l.ink, l.glyph
	a := &axis{base: t.SndUna, number: iss, marks: []axisMark{
		{t.SndUna, "una", "una"}, {t.SndNxt, "nxt", "nxt"}, {t.WriteSeq, "write_seq", "write"}}}
	if k.State != "SYN-SENT" { // the window is not known yet
		a.marks = append(a.marks, axisMark{t.SndUna + t.SndWnd, "una+wnd", "wnd"})
	}
	nxt, written, edge := a.dist(t.SndNxt), a.dist(t.WriteSeq), a.dist(t.SndUna+t.SndWnd)
	a.between = func(d int64) (string, ink, bool) {
		switch {
		case d < nxt:
			return g.full, in.sent, true
		case d < written:
			return g.shade, in.number, true
		case d < edge:
			return g.horizontal, in.rule, false
		}
		return " ", in.plain, false
	}
	for i := range k.Rtx {
		s := &k.Rtx[i]
		f := axisFill{s.Seq, s.EndSeq, g.full, in.sent, 0}
		switch {
		case s.Sacked:
			f.glyph, f.ink, f.rank = "S", in.received, 1
		case s.Retrans:
			f.glyph, f.ink, f.rank = "R", in.retrans, 2
		case s.Lost:
			f.glyph, f.ink, f.rank = "L", in.dropped, maxRank
		}
		a.fills = append(a.fills, f)
	}
	for i := range k.Write {
		a.fills = append(a.fills, axisFill{k.Write[i].Seq, k.Write[i].EndSeq, g.shade, in.number, 0})
	}
	return a
}

// receiveAxis is copied_seq to the edge of the window that was announced: not
// read, free, and islands of what came out of order or waits in the backlog.
func receiveAxis(l *look, k *stack.SockInfo, irs uint32) *axis {
	t, in, g := k.Tcp, l.ink, l.glyph
	a := &axis{base: t.CopiedSeq, number: irs, marks: []axisMark{
		{t.CopiedSeq, "copied_seq", "copied"}, {t.RcvNxt, "rcv_nxt", "nxt"}, {t.RcvWup + t.RcvWnd, "wup+wnd", "wnd"}}}
	nxt, edge := a.dist(t.RcvNxt), a.dist(t.RcvWup+t.RcvWnd)
	a.between = func(d int64) (string, ink, bool) {
		switch {
		case d < nxt:
			return g.full, in.received, true
		case d < edge:
			return g.horizontal, in.rule, false
		}
		return " ", in.plain, false
	}
	for rank, q := range []struct {
		segs  []stack.SegInfo
		glyph string
		ink   ink
	}{{k.Receive, g.full, in.received}, {k.Ooo, "o", in.warn}, {k.Backlog, "b", in.timer}} {
		for i := range q.segs {
			a.fills = append(a.fills, axisFill{q.segs[i].Seq, q.segs[i].EndSeq, q.glyph, q.ink, rank})
		}
	}
	return a
}

// sendNotes says in words what holds the sender up.
func (q *queueSheet) sendNotes(k *stack.SockInfo, known bool) {
	t, sc := k.Tcp, q.sc
	flight := t.SndNxt - t.SndUna
	switch {
	case k.State == "SYN-SENT" || k.State == "SYN-RECV":
	case t.SndWnd == 0 && k.Timer != nil && k.Timer.Name == "persist":
		q.note(sc.ink.err, sc.say("queues.zeroprobe", sockTime(k.Timer.Expires-sc.now)))
	case t.SndWnd == 0:
		q.note(sc.ink.err, sc.say("queues.zero"))
	case len(k.Write) > 0 && int64(t.SndWnd)-int64(flight) < int64(k.Write[0].Len):
		q.note(sc.ink.warn, sc.say("queues.wndfull", flight, t.SndWnd))
	case len(k.Write) > 0 && t.SndCwnd > 0 && t.Unacked-min(t.Unacked, t.Sacked+t.Lost)+t.Retrans >= t.SndCwnd:
		q.note(sc.ink.warn, sc.say("queues.cwndfull", t.SndCwnd))
	}
	if !known {
		q.note(sc.ink.dim, sc.say("queues.fromuna"))
	}
}

func (q *queueSheet) receiveNotes(k *stack.SockInfo) {
	t := k.Tcp
	switch room := int32(t.RcvWup + t.RcvWnd - t.RcvNxt); {
	case k.Mem.Rcvbuf > 0 && k.Mem.RmemAlloc > k.Mem.Rcvbuf:
		q.note(q.sc.ink.err, q.sc.say("queues.rcvfull", k.Mem.RmemAlloc, k.Mem.Rcvbuf))
	case room <= 0 && k.Shutdown&1 == 0 && k.State != "SYN-RECV":
		q.note(q.sc.ink.err, q.sc.say("queues.rcvzero"))
	}
}

// connRows are the five queues of a connection.
func connRows(sc *scene, k *stack.SockInfo, iss, irs uint32) []queueRow {
	m := k.Mem
	rows := []queueRow{
		{name: "write", segs: k.Write, used: truesize(k.Write), room: m.Sndbuf, number: iss},
		{name: "rtx", segs: k.Rtx, used: truesize(k.Rtx), room: m.Sndbuf, number: iss},
		{name: "rcv", segs: k.Receive, used: truesize(k.Receive), room: m.Rcvbuf, number: irs},
		{name: "ooo", segs: k.Ooo, used: truesize(k.Ooo), room: m.Rcvbuf, number: irs},
		{name: "backlog", segs: k.Backlog, used: truesize(k.Backlog), room: m.Rcvbuf + m.Sndbuf, number: irs},
	}
	if k.Shutdown&2 != 0 {
		rows[0].note = sc.say("queues.shut")
	}
	if k.Shutdown&1 != 0 {
		rows[2].note = sc.say("queues.shut")
	}
	if k.Owned {
		rows[4].note = sc.say("queues.owned")
	}
	for i := range rows {
		rows[i].name = sc.say("queues." + rows[i].name)
	}
	return rows
}

func truesize(segs []stack.SegInfo) int {
	n := 0
	for i := range segs {
		n += segs[i].Truesize
	}
	return n
}

// segMarks are SYN and FIN, which have a number of their own, ACK for a segment
// that has none, and S L R.
func segMarks(s *stack.SegInfo) string {
	out := ""
	if s.Seq == s.EndSeq {
		out += " ACK"
	}
	if s.Flags&wire.SYN != 0 {
		out += " SYN"
	}
	if s.Flags&wire.FIN != 0 {
		out += " FIN"
	}
	return out + segLetters(s)
}

// segLetters are S L R: sacked, lost, sent again.
func segLetters(s *stack.SegInfo) string {
	out := ""
	if s.Sacked {
		out += "S"
	}
	if s.Lost {
		out += "L"
	}
	if s.Retrans {
		out += "R"
	}
	if out != "" {
		out = " " + out
	}
	return out
}

// ranges are a queue's packets as stretches of the sequence space, in at most w
// cells; neighbours that are alike make one. whole tells whether each packet can
// be seen.
func (r *queueRow) ranges(w int, ellipsis string) (s string, whole bool) {
	if r.datagrams {
		return "", len(r.segs) == 0
	}
	var b strings.Builder
	whole = true
	for i := 0; i < len(r.segs); {
		first, last := &r.segs[i], &r.segs[i]
		for i++; i < len(r.segs) && r.segs[i].Seq == last.EndSeq && segMarks(&r.segs[i]) == segMarks(first); i++ {
			last = &r.segs[i]
			whole = false
		}
		if b.Len() > 0 {
			b.WriteString("  ")
		}
		fmt.Fprintf(&b, "%d", first.Seq-r.number)
		if last.EndSeq != first.Seq {
			fmt.Fprintf(&b, "..%d", last.EndSeq-r.number)
		}
		b.WriteString(segMarks(last))
		if b.Len() > w {
			return cut(b.String(), w, ellipsis), false
		}
	}
	return b.String(), whole
}
