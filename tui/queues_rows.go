// The lines of the queues pane: axes with their names, a queue's packets and
// memory, what the signs mean.

package tui

import (
	"fmt"
	"strconv"
	"strings"

	"menuos/stack"
	"menuos/stack/wire"
)

// axis puts an axis beside its name; a narrow pane has no room for the name.
func (q *queueSheet) axis(name string, a *axis) {
	gutter := max(cells(q.sc.say("queues.send")), cells(q.sc.say("queues.receive"))) + 1
	if q.w < 40 {
		name, gutter = "", 0
	}
	labels, line := a.draw(q.sc.look, q.w-gutter)
	q.add(q.sc.ink.bold.on(fit(name, gutter, "")) + labels)
	q.add(blank(gutter) + line)
}

// queueCols are the widths of the columns of queues.
type queueCols struct{ name, bytes, segs, memory, bar int }

func (q *queueSheet) cols(segs string, rows []queueRow) queueCols {
	c := queueCols{bytes: cells(q.sc.say("queues.bytes")), segs: cells(segs)}
	memory := cells(q.sc.say("queues.memory"))
	for i := range rows {
		r := &rows[i]
		c.name = max(c.name, cells(r.name))
		c.bytes = max(c.bytes, len(strconv.Itoa(r.bytes())))
		memory = max(memory, len(r.memory()))
	}
	if rest := q.w - c.before(); rest >= 24 {
		c.bar = 8
	}
	if rest := q.w - c.before(); rest >= memory+24 {
		c.memory = memory
	}
	return c
}

// before is how many cells stand before what is in the queue.
func (c *queueCols) before() int {
	n := 0
	for _, w := range []int{c.name, c.bytes, c.segs, c.memory, c.bar} {
		if w > 0 {
			n += w + 1
		}
	}
	return n
}

func (c *queueCols) line(name, bytes, segs, memory, bar, rest string) string {
	s := fit(name, c.name, "") + " " + flushRight(bytes, c.bytes, "") + " " + flushRight(segs, c.segs, "") + " "
	if c.memory > 0 {
		s += flushRight(memory, c.memory, "") + " "
	}
	if c.bar > 0 {
		s += fit(bar, c.bar, "") + " "
	}
	return s + rest
}

func (r *queueRow) bytes() int {
	n := 0
	for i := range r.segs {
		n += r.length(&r.segs[i])
	}
	return n
}

// length is a packet's payload: a segment in the backlog still has its header.
func (r *queueRow) length(s *stack.SegInfo) int {
	if r.datagrams {
		return s.Len
	}
	n := s.EndSeq - s.Seq
	for _, f := range []wire.TCPFlags{wire.SYN, wire.FIN} {
		if s.Flags&f != 0 && n > 0 {
			n--
		}
	}
	return min(s.Len, int(n))
}

func (r *queueRow) memory() string { return fmt.Sprintf("%d/%d", r.used, r.room) }

// rows are the queues, a line each: name, bytes, packets, memory against the
// buffer that it counts against, and what is in it as far as there is room. What
// does not fit comes below, a line a packet. In a low pane only queues that have
// something to tell show.
func (q *queueSheet) rows(segs string, rows []queueRow) {
	c := q.cols(segs, rows)
	sc, tail := q.sc, q.sc.glyph.ellipsis
	head := c.line("", sc.say("queues.bytes"), segs, sc.say("queues.memory"), "", "")
	if c.bar > 0 && c.memory == 0 {
		head = c.line("", sc.say("queues.bytes"), segs, "", sc.say("queues.memory"), "")
	}
	if !q.tight {
		q.add(sc.ink.heading.on(cut(head, q.w, "")))
	}
	for i := range rows {
		r := &rows[i]
		if q.tight && len(r.segs) == 0 && r.note == "" {
			continue
		}
		room := max(0, q.w-c.before())
		text, whole := r.ranges(room, tail)
		if !whole {
			q.more = append(q.more, *r)
		}
		if noted := strings.TrimSpace(text + "  " + r.note); text == "" || cells(noted) <= room {
			text = cut(noted, room, tail)
		}
		bar := q.bar(c.bar, r.used, r.room)
		if len(r.segs) == 0 {
			q.add(sc.ink.dim.on(cut(c.line(r.name, "0", "0", r.memory(), bar, text), q.w, "")))
			continue
		}
		ink := sc.ink.bar
		if r.used >= r.room-r.room/8 {
			ink = sc.ink.barSoon
		}
		q.add(c.line(r.name, strconv.Itoa(r.bytes()), strconv.Itoa(len(r.segs)), r.memory(), ink.on(bar), text))
	}
}

func (q *queueSheet) bar(w, n, of int) string {
	if of <= 0 {
		return q.sc.glyph.bar(w, 0)
	}
	return q.sc.glyph.bar(w, float64(n)/float64(of))
}

// detail is the line of one packet.
func (q *queueSheet) detail(r *queueRow, i int) string {
	s, name := &r.segs[i], ""
	if i == 0 {
		name = r.name
	}
	if r.datagrams {
		return fmt.Sprintf("%s #%d  %d B", fit(name, cells(r.name), ""), i+1, s.Len)
	}
	w := 0
	for _, end := range []uint32{r.segs[0].Seq, r.segs[len(r.segs)-1].EndSeq} {
		w = max(w, len(strconv.FormatUint(uint64(end-r.number), 10)))
	}
	flags := ""
	if s.Flags != 0 {
		flags = s.Flags.String()
	}
	return fmt.Sprintf("%s %*d..%-*d %6d B  %s%s", fit(name, cells(r.name), ""), w, s.Seq-r.number, w, s.EndSeq-r.number, r.length(s),
		q.sc.ink.dim.on(flags), q.sc.ink.bold.on(segLetters(s)))
}

// legend says what the signs on the axes mean, those that are there.
func (q *queueSheet) legend(k *stack.SockInfo) {
	g, in := q.sc.glyph, q.sc.ink
	if k.RecvQ == 0 && k.Tcp.SndNxt == k.Tcp.SndUna && len(k.Write)+len(k.Rtx)+len(k.Ooo)+len(k.Backlog) == 0 {
		return
	}
	var sacked, lost, again bool
	for i := range k.Rtx {
		s := &k.Rtx[i]
		sacked, lost, again = sacked || s.Sacked, lost || s.Lost, again || s.Retrans
	}
	line := ""
	for _, p := range []struct {
		on        bool
		sign, key string
		ink       ink
	}{
		{k.Tcp.SndNxt != k.Tcp.SndUna || len(k.Rtx) > 0, g.full, "flight", in.sent},
		{len(k.Write) > 0, g.shade, "unsent", in.number},
		{k.RecvQ > 0, g.full, "unread", in.received},
		{k.State != "SYN-SENT", g.horizontal, "window", in.rule},
		{sacked, "S", "sacked", in.received},
		{lost, "L", "lost", in.dropped},
		{again, "R", "again", in.retrans},
		{len(k.Ooo) > 0, "o", "ooosign", in.warn},
		{len(k.Backlog) > 0, "b", "backlogsign", in.timer},
	} {
		if !p.on {
			continue
		}
		part := p.ink.on(p.sign) + " " + in.dim.on(q.sc.say("queues."+p.key))
		if line != "" && cells(line)+2+cells(part) > q.w {
			q.add(line)
			line = ""
		}
		if line != "" {
			line += "  "
		}
		line += part
	}
	q.add(line)
}
