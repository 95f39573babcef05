// The queues of the selected socket.

package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
)

// queuesPane keeps how far it is scrolled, and what its lines stand for.
type queuesPane struct {
	scroll  scroller
	drawn   uint64   // the socket that was drawn last
	cookies []uint64 // of the lines that were drawn last; 0: no socket's
}

func (p *queuesPane) title(sc *scene) string {
	k := sc.selected()
	if k == nil {
		return sc.say("queues.title")
	}
	s := sc.say("queues.title") + " " + k.State + " " + k.Local.String()
	if k.State == "LISTEN" || !k.Peer.IsValid() || k.Peer.Port() == 0 {
		return s
	}
	return s + " > " + k.Peer.String()
}

// queueSheet is the pane's content while it is made: lines, and more of them
// below that are made when they come into sight.
type queueSheet struct {
	sc    *scene
	w, h  int
	tight bool // the pane is too low for all of it
	lines []queueLine
	more  []queueRow // each packet of these queues is a line
	gaps  []int      // where a blank line may stand
}

// queueLine is a line, and the socket that it stands for, 0 if none.
type queueLine struct {
	text   string
	cookie uint64
}

func (p *queuesPane) draw(sc *scene, w, h int) []string {
	p.cookies = p.cookies[:0]
	if w <= 0 || h <= 0 {
		return nil
	}
	if sc.sock != p.drawn {
		p.drawn, p.scroll.top = sc.sock, 0
	}
	note := partialNote(sc, w)
	if h > 1 {
		h -= len(note)
	} else {
		note = nil
	}
	q := newQueueSheet(sc, w, h)
	n := q.count()
	p.scroll.size(n, h)
	var lines []string
	for i := p.scroll.top; i < min(p.scroll.top+h, n); i++ {
		l := q.line(i)
		lines = append(lines, cut(l.text, w, sc.glyph.ellipsis))
		p.cookies = append(p.cookies, l.cookie)
	}
	if below := n - p.scroll.top - h; below > 0 {
		lines[h-1] = scrollMark(sc, lines[h-1], below, w)
	}
	return append(lines, note...)
}

// scrollMark puts at a line's end how many lines there are below, if it has room.
func scrollMark(sc *scene, line string, below, w int) string {
	mark := sc.glyph.down + " " + sc.say("queues.more", below)
	room := w - cells(line) - cells(mark)
	if room < 1 {
		return line
	}
	return line + blank(room) + sc.ink.dim.on(mark)
}

// newQueueSheet makes the content for a pane of w×h cells; h 0: any height.
func newQueueSheet(sc *scene, w, h int) *queueSheet {
	q := &queueSheet{sc: sc, w: w, h: h}
	if q.fill(); h > 0 && len(q.lines) > h {
		q = &queueSheet{sc: sc, w: w, h: h, tight: true}
		q.fill()
	}
	q.spread()
	return q
}

func (q *queueSheet) fill() {
	sc, k := q.sc, q.sc.selected()
	switch {
	case k == nil:
		q.nothing()
	case k.Kind == stack.SockRequest:
		q.request(k)
	case k.Kind == stack.SockTimewait:
		q.timewait(k)
	case k.State == "LISTEN":
		q.listener(k)
	case k.Netid != "tcp":
		q.datagrams(k)
	case k.Tcp == nil || k.State == "UNCONN":
		q.sentence(sc.ink.dim, sc.say("queues.closed"))
	default:
		q.connection(k)
	}
}

// nothing says how to get something to see.
func (q *queueSheet) nothing() {
	switch {
	case len(sockRows(q.sc, sockAll)) > 0:
		q.sentence(q.sc.ink.dim, q.sc.say("queues.none"))
	case q.sc.live:
		q.sentence(q.sc.ink.dim, q.sc.say("queues.empty"))
	default:
		q.sentence(q.sc.ink.dim, q.sc.say("sockets.then"))
	}
}

func (q *queueSheet) add(text string) { q.lines = append(q.lines, queueLine{text: text}) }

// note is a line in words.
func (q *queueSheet) note(i ink, s string) { q.add(i.on(cut(s, q.w, q.sc.glyph.ellipsis))) }

// sentence is as many lines as it takes.
func (q *queueSheet) sentence(i ink, s string) {
	for _, line := range fold(s, q.w) {
		q.note(i, strings.TrimRight(line, " "))
	}
}

// gap is where a blank line stands if there is room for all of them.
func (q *queueSheet) gap() { q.gaps = append(q.gaps, len(q.lines)) }

func (q *queueSheet) spread() {
	if q.count()+len(q.gaps) > q.h {
		return
	}
	for i := len(q.gaps) - 1; i >= 0; i-- {
		at := q.gaps[i]
		q.lines = append(q.lines[:at:at], append([]queueLine{{}}, q.lines[at:]...)...)
	}
}

// count is how many lines there are, made or not.
func (q *queueSheet) count() int {
	n := len(q.lines)
	for i := range q.more {
		n += len(q.more[i].segs)
	}
	return n
}

func (q *queueSheet) line(i int) queueLine {
	if i < len(q.lines) {
		return q.lines[i]
	}
	i -= len(q.lines)
	for r := range q.more {
		if n := len(q.more[r].segs); i < n {
			return queueLine{text: q.detail(&q.more[r], i)}
		} else {
			i -= n
		}
	}
	return queueLine{}
}

func (p *queuesPane) act(sc *scene, a action) (tea.Msg, bool) { return nil, p.scroll.act(a) }

func (p *queuesPane) click(sc *scene, x, y int, double bool) tea.Msg {
	if y < 0 || y >= len(p.cookies) || p.cookies[y] == 0 {
		return nil
	}
	return selectSockMsg{p.cookies[y], double}
}

func (p *queuesPane) wheel(sc *scene, by int) { p.scroll.by(by) }

func (p *queuesPane) text(sc *scene) string {
	q := newQueueSheet(sc, 120, 0)
	var b strings.Builder
	b.WriteString(p.title(sc) + "\n")
	for i := range q.count() {
		b.WriteString(strings.TrimRight(ansi.Strip(q.line(i).text), " ") + "\n")
	}
	return b.String()
}
