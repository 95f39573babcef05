// The queues of what is no connection: a listener, a request, what TIME_WAIT
// leaves, datagrams.

package tui

import (
	"fmt"
	"strconv"
	"time"

	"menuos/stack"
)

// listener shows the SYN queue and the accept queue.
func (q *queueSheet) listener(k *stack.SockInfo) {
	sc := q.sc
	n, limit := len(k.SynQueue), k.SynMax
	full := ""
	if n > 0 && n >= limit {
		full = sc.say("queues.synfull")
	}
	q.gauge(sc.say("queues.syn"), n, limit, limit, full)
	q.requests(k)
	q.gap()
	limit = k.AcceptMax
	n = max(len(k.Accept), k.RecvQ)
	switch {
	case n > limit:
		full = sc.say("queues.acceptfull", limit)
	case n > 0 && n == limit:
		full = sc.say("queues.acceptlast", limit)
	default:
		full = ""
	}
	q.gauge(sc.say("queues.accept"), n, limit, limit+1, full)
	q.waiting(k)
}

// gauge is a queue as n/limit with a bar that is full at most.
func (q *queueSheet) gauge(name string, n, limit, most int, full string) {
	sc := q.sc
	w := max(cells(sc.say("queues.syn")), cells(sc.say("queues.accept")))
	text := fmt.Sprintf("%s %s", fit(name, w, ""), flushRight(fmt.Sprintf("%d/%d", n, limit), 8, ""))
	ink := sc.ink.bar
	if full != "" {
		ink = sc.ink.barSoon
	}
	line := sc.ink.bold.on(text) + " "
	if room := min(24, q.w-cells(line)); room > 2 {
		line += ink.on(q.bar(room, n, most))
	}
	q.add(cut(line, q.w, ""))
	if full != "" {
		q.sentence(sc.ink.err, "  "+full)
	}
}

// requests are the half-open connections of the SYN queue.
func (q *queueSheet) requests(k *stack.SockInfo) {
	var rows [][]string
	var cookies []uint64
	for i := range k.SynQueue {
		r := &k.SynQueue[i]
		next := ""
		if r.Expires > 0 {
			next = sockTime(r.Expires - q.sc.now)
		}
		rows = append(rows, []string{" ", r.Peer.String(), sockTime(r.Age), strconv.Itoa(r.Retrans), next})
		cookies = append(cookies, q.requestOf(k.Cookie, r))
	}
	q.table([]column{{}, {head: q.sc.say("queues.peer"), least: 8, give: 1}, {head: q.sc.say("queues.age"), right: true, give: 3},
		{head: q.sc.say("queues.resent"), right: true, give: 4}, {head: q.sc.say("queues.next"), right: true, give: 2}}, rows, cookies)
}

// requestOf is the cookie of a request in a listener's SYN queue.
func (q *queueSheet) requestOf(listener uint64, r *stack.RequestInfo) uint64 {
	for _, s := range q.sc.socks {
		if s.Kind == stack.SockRequest && s.Listener == listener && s.Peer == r.Peer {
			return s.Cookie
		}
	}
	return 0
}

// waiting are the connections of the accept queue.
func (q *queueSheet) waiting(k *stack.SockInfo) {
	var rows [][]string
	var cookies []uint64
	for i := range k.Accept {
		r := &k.Accept[i]
		unread, cookie := "", uint64(0)
		for _, s := range q.sc.socks {
			if s.Kind == stack.SockFull && s.Peer == r.Peer && s.Local.Port() == k.Local.Port() && s.Netid == "tcp" {
				unread, cookie = strconv.Itoa(s.RecvQ), s.Cookie
			}
		}
		rows = append(rows, []string{" ", r.Peer.String(), sockTime(r.Age), unread})
		cookies = append(cookies, cookie)
	}
	q.table([]column{{}, {head: q.sc.say("queues.peer"), least: 8, give: 1}, {head: q.sc.say("queues.age"), right: true, give: 3},
		{head: "Recv-Q", right: true, give: 4}}, rows, cookies)
}

// table adds rows under their heading, if there are any.
func (q *queueSheet) table(cols []column, rows [][]string, cookies []uint64) {
	if len(rows) == 0 {
		return
	}
	head, lines := table(q.sc.look, cols, rows, q.w)
	q.add(head)
	for i, line := range lines {
		q.lines = append(q.lines, queueLine{line, cookies[i]})
	}
}

// request shows a half-open connection.
func (q *queueSheet) request(k *stack.SockInfo) {
	sc := q.sc
	q.sentence(sc.ink.plain, sc.say("queues.request"))
	listener := sc.sockOf(k.Listener)
	if listener != nil {
		for i := range listener.SynQueue {
			if r := &listener.SynQueue[i]; r.Peer == k.Peer {
				q.note(sc.ink.plain, sc.say("queues.requestage", sockTime(r.Age), r.Retrans))
			}
		}
	}
	q.countdown("queues.requestnext", k.Timer)
}

// timewait shows what is left of a connection.
func (q *queueSheet) timewait(k *stack.SockInfo) {
	sc := q.sc
	if k.State == "FIN-WAIT-2" {
		q.sentence(sc.ink.plain, sc.say("queues.finwait2"))
	} else {
		q.sentence(sc.ink.plain, sc.say("queues.timewait"))
	}
	q.countdown("queues.left", k.Timer)
}

// countdown is a timer in words and as a bar that runs empty.
func (q *queueSheet) countdown(key string, t *stack.TimerInfo) {
	if t == nil {
		return
	}
	left, whole := max(t.Expires-q.sc.now, 0), t.Expires-t.Armed
	q.note(q.sc.ink.plain, q.sc.say(key, sockTime(left), sockTime(whole)))
	q.add(q.sc.ink.bar.on(q.bar(min(q.w, 40), int(left/time.Millisecond), int(whole/time.Millisecond))))
}

// datagrams shows what UDP and raw sockets hold.
func (q *queueSheet) datagrams(k *stack.SockInfo) {
	m, sc := k.Mem, q.sc
	q.rows(sc.say("queues.grams"), []queueRow{
		{name: sc.say("queues.rcv"), segs: k.Receive, used: m.RmemAlloc, room: m.Rcvbuf, datagrams: true},
		{name: sc.say("queues.backlog"), segs: k.Backlog, used: m.Backlog, room: m.Rcvbuf + m.Sndbuf, datagrams: true},
	})
	if m.Drops > 0 {
		q.note(sc.ink.err, sc.say("queues.drops", m.Drops))
	}
	q.note(sc.ink.dim, sc.say("queues.sent", m.WmemAlloc, m.Sndbuf))
}
