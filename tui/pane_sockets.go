// The sockets of the machine, in the columns and the order of ss -a.

package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
)

var wordsSockets = map[string]text{
	"sockets.title":   {"Sockets %d", "套接字 %d"},
	"sockets.some":    {"Sockets %d/%d %s", "套接字 %d/%d %s"},
	"sockets.tcp":     {"tcp", "tcp"},
	"sockets.notw":    {"without TIME-WAIT", "不含 TIME-WAIT"},
	"sockets.empty":   {"No socket yet: type replyhi at the MenuOS prompt.", "还没有套接字:在 MenuOS 提示符输入 replyhi。"},
	"sockets.then":    {"There was no socket then.", "那时还没有套接字。"},
	"sockets.hidden":  {"The filter hides all %d sockets: t changes it.", "过滤隐藏了全部 %d 个套接字:按 t 更改。"},
	"sockets.partial": {"State as of %.6f s: none was recorded at this step.", "这是 %.6f 秒时的状态:这一步发生的事太多,没有记录。"},
	"sockets.nostate": {"Sockets were not recorded at this step: too much happened at once.", "这一步没有记录套接字:同时发生的事太多。"},
}

// sockFilter is which sockets show.
type sockFilter int

const (
	sockAll    sockFilter = iota
	sockTCP               // no udp, no raw
	sockNoWait            // no TIME-WAIT
	sockFilters
)

func (f sockFilter) shows(k *stack.SockInfo) bool {
	switch f {
	case sockTCP:
		return k.Netid == "tcp"
	case sockNoWait:
		return k.Kind != stack.SockTimewait
	}
	return true
}

// socketsPane keeps which sockets show and how far they are scrolled; which one
// is selected is the scene's.
type socketsPane struct {
	filter sockFilter
	scroll scroller
	drawn  uint64 // the socket that was selected when it was drawn last
}

func (p *socketsPane) title(sc *scene) string {
	all, n := sockRows(sc, sockAll), 0
	if p.filter == sockAll {
		return sc.say("sockets.title", len(all))
	}
	for _, k := range all {
		if p.filter.shows(k) {
			n++
		}
	}
	name := sc.say([]string{sockTCP: "sockets.tcp", sockNoWait: "sockets.notw"}[p.filter])
	return sc.say("sockets.some", n, len(all), name)
}

func (p *socketsPane) draw(sc *scene, w, h int) []string {
	if w <= 0 || h <= 0 {
		return nil
	}
	rows := sockRows(sc, p.filter)
	note := partialNote(sc, w)
	if len(rows) == 0 {
		p.scroll.size(0, h)
		return sockEmpty(sc, w, h)
	}
	room := h - 1
	if room > len(note) {
		room -= len(note)
	} else {
		note = nil
	}
	p.scroll.size(len(rows), room)
	p.reveal(sc, rows)
	t := newSockTable(sc, rows, w)
	lines := []string{sc.ink.heading.on(t.line(t.heads()))}
	for _, k := range rows[p.scroll.top:min(p.scroll.top+p.scroll.h, len(rows))] {
		lines = append(lines, t.row(k))
	}
	lines = append(lines[:min(len(lines), h)], note...)
	return lines
}

// reveal scrolls to the selected socket when another one has been selected.
func (p *socketsPane) reveal(sc *scene, rows []*stack.SockInfo) {
	if sc.sock == p.drawn {
		return
	}
	p.drawn = sc.sock
	if i := sockIndex(rows, sc.sock); i >= 0 {
		p.scroll.top = max(min(p.scroll.top, i), i-p.scroll.h+1)
	}
}

// sockEmpty says why there is nothing to see.
func sockEmpty(sc *scene, w, h int) []string {
	say := sc.say("sockets.empty")
	switch n := len(sockRows(sc, sockAll)); {
	case n > 0:
		say = sc.say("sockets.hidden", n)
	case !sc.live && sc.partial && sc.socks == nil:
		say = sc.say("sockets.nostate")
	case !sc.live:
		say = sc.say("sockets.then")
	}
	return paragraph(sc.look, say, w, h)
}

// partialNote says of which moment the state is, where it was not recorded at the
// step that the cursor stands on.
func partialNote(sc *scene, w int) []string {
	if sc.live || !sc.partial {
		return nil
	}
	note := cut(sc.say("sockets.partial", sc.asOf.Seconds()), w, sc.glyph.ellipsis)
	return []string{sc.ink.warn.on(note)}
}

// sockRows are the sockets that show: listeners first, requests below their
// listener, then the kernel's own order.
func sockRows(sc *scene, f sockFilter) []*stack.SockInfo {
	var rows []*stack.SockInfo
	requests := make(map[uint64][]*stack.SockInfo)
	for _, k := range sc.socks {
		if k.Kind == stack.SockRequest && k.Listener != 0 {
			requests[k.Listener] = append(requests[k.Listener], k)
		}
	}
	add := func(k *stack.SockInfo) {
		if sockShows(sc, k) && f.shows(k) {
			rows = append(rows, k)
		}
	}
	for _, netid := range []string{"raw", "udp", "tcp"} {
		for _, k := range sc.socks {
			if k.Netid == netid && k.State == "LISTEN" {
				add(k)
				for _, r := range requests[k.Cookie] {
					add(r)
				}
				delete(requests, k.Cookie)
			}
		}
		for _, k := range sc.socks {
			if k.Netid != netid || k.State == "LISTEN" {
				continue
			}
			if _, orphan := requests[k.Listener]; k.Kind != stack.SockRequest || k.Listener == 0 || orphan {
				add(k)
			}
		}
	}
	return rows
}

// sockShows tells whether ss -a has the socket: one without a port is in none of
// the tables that ss reads, nor are the kernel's own raw ones. What the step at
// the cursor is about shows in any case.
func sockShows(sc *scene, k *stack.SockInfo) bool {
	switch {
	case k.Netid == "raw":
		return len(k.Users) > 0
	case k.Local.Port() != 0 && !(k.Netid == "tcp" && k.State == "UNCONN"):
		return true
	case sc.live || sc.step == nil || k.Cookie == 0 || sc.step.Sock.Cookie != k.Cookie:
		return false
	}
	for _, other := range sc.socks { // what a closed socket leaves behind has its cookie
		if other.Cookie == k.Cookie && other.Kind == stack.SockTimewait {
			return false
		}
	}
	return true
}

func sockIndex(rows []*stack.SockInfo, cookie uint64) int {
	for i, k := range rows {
		if k.Cookie == cookie && cookie != 0 {
			return i
		}
	}
	return -1
}

func (p *socketsPane) act(sc *scene, a action) (tea.Msg, bool) {
	rows := sockRows(sc, p.filter)
	switch a {
	case actFilter:
		p.filter = (p.filter + 1) % sockFilters
		return nil, true
	case actEnter:
		if sockIndex(rows, sc.sock) < 0 {
			return nil, true
		}
		return selectSockMsg{sc.sock, true}, true
	}
	l := list{sel: sockIndex(rows, sc.sock), top: p.scroll.top}
	l.size(len(rows), p.scroll.h)
	if !l.act(a) {
		return nil, false
	}
	if l.sel < 0 || rows[l.sel].Cookie == sc.sock {
		return nil, true
	}
	return selectSockMsg{rows[l.sel].Cookie, false}, true
}

func (p *socketsPane) click(sc *scene, x, y int, double bool) tea.Msg {
	rows := sockRows(sc, p.filter)
	i := p.scroll.top + y - 1
	if y < 1 || y > p.scroll.h || i >= len(rows) {
		return nil
	}
	return selectSockMsg{rows[i].Cookie, double}
}

func (p *socketsPane) wheel(sc *scene, by int) { p.scroll.by(by) }

func (p *socketsPane) text(sc *scene) string {
	rows := sockRows(sc, p.filter)
	t := newSockTable(sc, rows, 400)
	lines := []string{t.line(t.heads())}
	for _, k := range rows {
		lines = append(lines, ansi.Strip(t.row(k)))
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// sockTimer is what ss -o says of a socket's timer: on 200ms/0 is the
// retransmission timer, 0 times fired in a row.
func sockTimer(sc *scene, k *stack.SockInfo) string {
	t := k.Timer
	if t == nil {
		return ""
	}
	s := t.Name + " " + sockTime(t.Expires-sc.now)
	if k.Kind == stack.SockTimewait {
		return s
	}
	return fmt.Sprintf("%s/%d", s, t.Retrans)
}

// sockTime is a time in ss's words; what has passed is 0.
func sockTime(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d >= 10*time.Minute, d >= time.Minute && d%time.Minute < time.Second:
		return fmt.Sprintf("%dmin", d/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dmin%dsec", d/time.Minute, d%time.Minute/time.Second)
	case d >= 10*time.Second:
		return fmt.Sprintf("%dsec", d/time.Second)
	case d >= time.Second:
		return fmt.Sprintf("%d.%dsec", d/time.Second, d%time.Second/(time.Second/10))
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}
