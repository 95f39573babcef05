// Timers: every armed one, how much of its time is left, and what will run.

package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	tea "charm.land/bubbletea/v2"

	"menuos/stack"
	"menuos/stack/steps"
)

var wordsTimers = map[string]text{
	"timers.title":                 {"Timers", "定时器"},
	"timers.socket":                {"selected socket", "所选套接字"},
	"timers.tcp":                   {"TCP", "TCP"},
	"timers.timer":                 {"timer", "定时器"},
	"timers.owner":                 {"owner", "所属"},
	"timers.left":                  {"left", "剩余"},
	"timers.runs":                  {"runs", "将运行"},
	"timers.kind":                  {"kind", "种类"},
	"timers.is.on":                 {"RTO", "RTO"},
	"timers.is.retransmit":         {"RTO", "RTO"},
	"timers.is.tlp":                {"TLP", "TLP"},
	"timers.is.rack":               {"RACK reorder", "RACK 乱序"},
	"timers.is.persist":            {"window probe", "窗口探测"},
	"timers.is.reqsk":              {"SYN-ACK", "SYN-ACK"},
	"timers.is.delack":             {"delayed ACK", "延迟 ACK"},
	"timers.is.keepalive":          {"keepalive", "保活"},
	"timers.is.timewait":           {"TIME_WAIT", "TIME_WAIT"},
	"timers.is.finwait2":           {"FIN_WAIT2", "FIN_WAIT2"},
	"timers.is.pacing":             {"pacing", "发送节拍"},
	"timers.is.compressedAck":      {"compressed ACK", "合并 ACK"},
	"timers.is.schedule_timeout":   {"timeout", "超时"},
	"timers.is.schedule_hrtimeout": {"timeout", "超时"},
	"timers.is.ipfrag":             {"reassembly", "分片重组"},
	"timers.is.neigh":              {"ARP", "ARP"},
	"timers.due":                   {"due", "到期"},
	"timers.fired":                 {"fired", "已触发"},
	"timers.cancelled":             {"cancelled", "已取消"},
	"timers.none":                  {"The selected socket has no timer armed: t shows all.", "所选套接字没有运行中的定时器:按 t 显示全部。"},
	"timers.notcp":                 {"TCP has no timer armed: t shows all.", "TCP 没有运行中的定时器:按 t 显示全部。"},
	"timers.empty": {"No timer is armed. A hello that nobody answers arms one, its RTO:\n" +
		"ip link add dummy0 type dummy; ip addr add 10.9.9.1/8 dev dummy0; ip link set dummy0 up; hello --host 10.9.9.9",
		"没有运行中的定时器。无人应答的 hello 会启动一个 RTO:\n" +
			"ip link add dummy0 type dummy; ip addr add 10.9.9.1/8 dev dummy0; ip link set dummy0 up; hello --host 10.9.9.9"},
}

// timersPane lists timers, the next to expire first; above them stand those that
// have just fired or been cancelled, below them the kernel's own:
//
//	  timer       owner                left  runs
//	  delayed ACK :5001 > :60934      fired  tcp_delack_timer
//	› RTO x2      :60934 > :5001 ███░░ 199ms tcp_write_timer   › selected
//	│ TIME_WAIT   :60934 > :5001 ████░ 59sec tw_timer_handler  │ of the selected socket
type timersPane struct {
	list
	filter timerFilter
	at     timerKey          // the selected row
	rows   []timerRow        // as drawn last
	head   int               // lines above the rows
	owners map[uint64]string // of the rows that were drawn last, for those whose socket is gone by now
}

// timerFilter is which timers show.
type timerFilter int

const (
	timersAll timerFilter = iota
	timersOfSocket
	timersOfTCP
	timerFilters
)

// timerKey names a timer from one frame to the next. Expires tells apart those
// that have no owner; it changes when a timer is armed anew.
type timerKey struct {
	kind    string
	sock    uint64
	task    int
	expires time.Duration
}

// timerRow is one row: a timer that is armed, or one that was.
type timerRow struct {
	stack.TimerInfo
	gone, fired bool
}

func (r *timerRow) key() timerKey { return timerKey{r.Kind, r.Sock, r.Task, r.Expires} }

// same reports whether two rows are of one timer.
func (k timerKey) same(o timerKey) bool {
	return k.kind == o.kind && k.sock == o.sock && k.task == o.task
}

func (p *timersPane) title(sc *scene) string {
	n := 0
	for i := range sc.timers {
		if p.shows(sc, sc.timers[i].Sock) {
			n++
		}
	}
	t := sc.say("timers.title")
	if len(sc.timers) > 0 {
		t += " " + strconv.Itoa(n)
	}
	if p.filter == timersAll {
		return t
	}
	if len(sc.timers) > 0 {
		t += "/" + strconv.Itoa(len(sc.timers))
	}
	return t + " " + sc.glyph.dot + " " + sc.say([...]string{"", "timers.socket", "timers.tcp"}[p.filter])
}

// shows tells whether the filter lets a socket's timers through.
func (p *timersPane) shows(sc *scene, sock uint64) bool {
	switch p.filter {
	case timersOfSocket:
		return sock != 0 && sock == sc.sock
	case timersOfTCP:
		return sock != 0
	}
	return true
}

// collect brings the rows up to date and the selection to its timer.
func (p *timersPane) collect(sc *scene) {
	p.rows = p.rows[:0]
	p.collectGone(sc)
	armed := len(p.rows)
	for i := range sc.timers {
		if p.shows(sc, sc.timers[i].Sock) {
			p.rows = append(p.rows, timerRow{TimerInfo: sc.timers[i]})
		}
	}
	order := func(a, b timerRow) int {
		if x, y := housekeeping(&a.TimerInfo), housekeeping(&b.TimerInfo); x != y {
			if x {
				return 1
			}
			return -1
		}
		return int(min(max(a.Expires-b.Expires, -1), 1))
	}
	if rows := p.rows[armed:]; !slices.IsSortedFunc(rows, order) {
		slices.SortStableFunc(rows, order)
	}
	p.sel = -1
	for i := range p.rows {
		k := p.rows[i].key()
		if k == p.at {
			p.sel = i
			break
		}
		if p.sel < 0 && k.same(p.at) {
			p.sel = i
		}
	}
}

// collectGone takes the timers that have just fired or been cancelled, the last
// of each; in the past the one whose end the cursor stands on. One that was
// cancelled only to be armed anew says nothing.
func (p *timersPane) collectGone(sc *scene) {
	add := func(r timerRow) {
		if !p.shows(sc, r.Sock) || slices.ContainsFunc(p.rows, func(o timerRow) bool { return o.key().same(r.key()) }) {
			return
		}
		if !r.fired && slices.ContainsFunc(sc.timers, func(t stack.TimerInfo) bool { return t.Kind == r.Kind && t.Sock == r.Sock }) {
			return
		}
		p.rows = append(p.rows, r)
	}
	if !sc.live {
		if s := sc.step; s != nil && (s.line.Kind == steps.TimerFired || s.line.Kind == steps.TimerCancelled) {
			add(timerRow{stack.TimerInfo{Name: s.Timer, Kind: s.Timer, Runs: s.Runs, Sock: s.Sock.Cookie, Expires: s.Time}, true, s.line.Kind == steps.TimerFired})
		}
		return
	}
	now := sc.from()
	for i := len(sc.gone) - 1; i >= 0; i-- {
		if g := &sc.gone[i]; now.Sub(g.at) < fade {
			add(timerRow{stack.TimerInfo{Name: g.kind, Kind: g.kind, Runs: g.runs, Sock: g.sock, Expires: g.when}, true, g.fired})
		}
	}
	slices.SortStableFunc(p.rows, func(a, b timerRow) int { return int(min(max(a.Expires-b.Expires, -1), 1)) })
}

func (p *timersPane) draw(sc *scene, w, h int) []string {
	if w <= 0 || h <= 0 {
		return nil
	}
	p.collect(sc)
	foot := partialNote(sc, w)
	if h < 2 {
		foot = nil
	}
	if len(p.rows) == 0 {
		p.size(0, h)
		none := [...]string{"timers.empty", "timers.none", "timers.notcp"}[p.filter]
		return append(paragraph(sc.look, sc.say(none), w, h-len(foot)), foot...)
	}
	p.head = 0
	if h-len(foot) >= 5 {
		p.head = 1
	}
	p.size(len(p.rows), h-len(foot)-p.head)
	from, to := p.span()
	texts := p.texts(sc, from, to)
	head := timerText{sc.say("timers.timer"), sc.say("timers.left"), sc.say("timers.runs"), sc.say("timers.kind"), [ownerForms]string{}}
	for f := ownerPorts; f < ownerForms; f++ {
		head.owner[f] = sc.say("timers.owner")
	}
	widths := planTimers(append(texts, head), w)
	var lines []string
	if p.head > 0 {
		lines = append(lines, sc.ink.heading.on(cut("  "+widths.line(sc, &head, blank(widths.bar)), w, sc.glyph.ellipsis)))
	}
	for i := from; i < to; i++ {
		lines = append(lines, p.row(sc, &widths, i, &texts[i-from], w))
	}
	return append(lines, foot...)
}

// texts are those of the rows from, …, to-1.
func (p *timersPane) texts(sc *scene, from, to int) []timerText {
	owners := make(map[uint64]string, to-from)
	texts := make([]timerText, 0, to-from+1)
	for i := from; i < to; i++ {
		r := &p.rows[i]
		k := sc.sockOf(r.Sock)
		t := timerText{name: timerName(sc, &r.TimerInfo, k), left: leftText(sc, r.Left), runs: r.Runs, owner: timerOwner(sc, &r.TimerInfo, k)}
		if r.Kind != t.name {
			t.kind = r.Kind
		}
		if r.gone {
			t.left = sc.say("timers.cancelled")
			if r.fired {
				t.left = sc.say("timers.fired")
			}
			if had, ok := p.owners[r.Sock]; ok && k == nil {
				for f := ownerPorts; f < ownerForms; f++ {
					t.owner[f] = had
				}
			}
		}
		if r.Sock != 0 && t.owner[ownerPeer] != "-" {
			owners[r.Sock] = t.owner[ownerPeer]
		}
		texts = append(texts, t)
	}
	p.owners = owners
	return texts
}

// row is one row on screen.
func (p *timersPane) row(sc *scene, width *timerWidths, i int, t *timerText, w int) string {
	r := &p.rows[i]
	bar := blank(width.bar)
	if !r.gone && r.Expires > r.Armed {
		part := float64(r.Left) / float64(r.Expires-r.Armed)
		ink := sc.ink.bar
		if part < 0.2 {
			ink = sc.ink.barSoon
		}
		bar = paintBar(sc.look, ink, width.bar, part)
	}
	line := width.line(sc, t, bar)
	if i == p.sel {
		return sc.ink.selected.on(fit(sc.glyph.selected+" "+ansi.Strip(line), w, sc.glyph.ellipsis))
	}
	sign := " "
	if r.Sock != 0 && r.Sock == sc.sock {
		sign = sc.ink.key.on(sc.glyph.vertical)
	}
	if r.gone || housekeeping(&r.TimerInfo) {
		line = sc.ink.dim.on(ansi.Strip(line))
	}
	if width.narrow {
		return cut(sign+" "+line, w, sc.glyph.ellipsis)
	}
	return sign + " " + line
}

func (p *timersPane) act(sc *scene, a action) (tea.Msg, bool) {
	switch a {
	case actFilter:
		p.filter = (p.filter + 1) % timerFilters
		return nil, true
	case actEnter:
		return p.open(), true
	}
	p.collect(sc)
	p.size(len(p.rows), p.h)
	if !p.list.act(a) {
		return nil, false
	}
	p.keep()
	return nil, true
}

// keep remembers which timer is selected.
func (p *timersPane) keep() {
	p.at = timerKey{}
	if p.sel >= 0 && p.sel < len(p.rows) {
		p.at = p.rows[p.sel].key()
	}
}

// open selects the socket of the selected timer.
func (p *timersPane) open() tea.Msg {
	if p.sel < 0 || p.sel >= len(p.rows) || p.rows[p.sel].Sock == 0 {
		return nil
	}
	return selectSockMsg{cookie: p.rows[p.sel].Sock}
}

func (p *timersPane) click(_ *scene, _, y int, _ bool) tea.Msg {
	row := p.top + y - p.head
	if y < p.head || row >= len(p.rows) {
		return nil
	}
	p.pick(row)
	p.keep()
	return p.open()
}

func (p *timersPane) wheel(_ *scene, by int) {
	p.list.wheel(by)
	p.keep()
}

func (p *timersPane) text(sc *scene) string {
	p.collect(sc)
	var b strings.Builder
	for i, t := range p.texts(sc, 0, len(p.rows)) {
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\n", t.name, t.owner[ownerFull], t.left, t.runs, p.rows[i].Kind)
	}
	return b.String()
}
