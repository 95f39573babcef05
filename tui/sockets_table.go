// The columns of the sockets pane: which there are in the room there is.

package tui

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
)

const (
	sockMark = iota // is it selected
	sockNetid
	sockState
	sockRecvQ
	sockSendQ
	sockLocal
	sockPeer
	sockProcess
	sockTimerCol
	sockCwnd
	sockRtt
	sockCols
)

// sockTable lays sockets out in lines of w cells.
type sockTable struct {
	sc      *scene
	w       int
	inState bool // what is not TCP's says so in the State column
	short   bool // every address has the same host, which is left out
	width   [sockCols]int
	head    [sockCols]string
	// Cells of the addresses before the colon and after it.
	host, port [2]int
}

// newSockTable chooses the columns: first what every socket has, then what there
// is room for. The widths depend on the sockets alone, not on which has just
// changed, so that columns stand still.
func newSockTable(sc *scene, rows []*stack.SockInfo, w int) *sockTable {
	t := &sockTable{sc: sc, w: w}
	t.head = [sockCols]string{sockNetid: "Netid", sockState: "State", sockRecvQ: "Rcv", sockSendQ: "Snd",
		sockLocal: "Local", sockPeer: "Peer", sockProcess: "Process", sockTimerCol: "Timer", sockCwnd: "cwnd", sockRtt: "rtt"}
	t.width[sockMark] = 1
	for _, c := range []int{sockState, sockRecvQ, sockSendQ} {
		t.measure(rows, c)
	}
	t.measureAddrs(rows)
	if mixed(rows) {
		t.addColumn(rows, sockNetid)
		t.inState = t.width[sockNetid] == 0
	}
	if t.total() > w && sameHost(rows) {
		t.short = true
		t.measureAddrs(rows)
	}
	if t.total() > w {
		t.width[sockRecvQ], t.width[sockSendQ] = 0, 0
	}
	for i, c := range []int{sockPeer, sockLocal, sockState} {
		over := t.total() - w
		if over <= 0 {
			break
		}
		t.width[c] -= min(t.width[c], over)
		if port := t.port[1-min(i, 1)] + len("…:"); c != sockState && t.width[c] < port {
			t.width[c] = 0
		}
	}
	t.extend(rows)
	return t
}

// extend adds columns and longer headings as long as there is room.
func (t *sockTable) extend(rows []*stack.SockInfo) {
	t.rename(sockRecvQ, "Recv-Q", sockSendQ, "Send-Q")
	t.addColumn(rows, sockProcess)
	if !t.short {
		t.rename(sockLocal, "Local Address:Port", sockPeer, "Peer Address:Port")
	}
	if t.width[sockProcess] > 0 {
		t.widen(sockProcess, t.width[sockProcess]+len(" <--"))
	}
	for _, c := range []int{sockTimerCol, sockCwnd, sockRtt} {
		t.addColumn(rows, c)
	}
	t.widen(sockState, len("FIN-WAIT-1>FIN-WAIT-2"))
}

func (t *sockTable) widen(c, w int) {
	if t.total()+w-t.width[c] <= t.w {
		t.width[c] = max(t.width[c], w)
	}
}

func (t *sockTable) addColumn(rows []*stack.SockInfo, c int) {
	t.measure(rows, c)
	if t.total() > t.w {
		t.width[c] = 0
	}
}

// rename gives two columns longer headings if they are there and there is room.
func (t *sockTable) rename(c int, head string, d int, second string) {
	was := *t
	t.head[c], t.width[c] = head, max(t.width[c], cells(head))
	t.head[d], t.width[d] = second, max(t.width[d], cells(second))
	if t.total() > t.w || was.width[c] == 0 || was.width[d] == 0 {
		*t = was
	}
}

// measure makes a column as wide as what is in it; one that is empty vanishes.
func (t *sockTable) measure(rows []*stack.SockInfo, c int) {
	n := 0
	for _, k := range rows {
		n = max(n, cells(t.cell(k, c)))
	}
	switch {
	case n == 0 && c != sockState:
	case c == sockState:
		n = max(n, len("FIN-WAIT-1")) + len("*")
	case c == sockProcess:
		n = max(n, cells(t.head[c])) + len(" u")
	case c == sockTimerCol:
		n = max(n, len("keepalive 119min/0")) // a countdown must not move the columns
	case c == sockRtt:
		n = max(n, len("0.000ms"))
	default:
		n = max(n, cells(t.head[c]))
	}
	t.width[c] = n
}

func (t *sockTable) measureAddrs(rows []*stack.SockInfo) {
	for i, c := range []int{sockLocal, sockPeer} {
		t.host[i], t.port[i] = 0, 0
		for _, k := range rows {
			host, port := t.addr(k, c)
			t.host[i], t.port[i] = max(t.host[i], len(host)), max(t.port[i], len(port))
		}
		if !t.short {
			t.host[i], t.port[i] = max(t.host[i], len("127.0.0.1")), max(t.port[i], len("60934"))
		}
		t.width[c] = max(t.host[i]+1+t.port[i], cells(t.head[c]))
	}
}

func (t *sockTable) total() int {
	n := -1
	for c, w := range t.width {
		if w > 0 {
			n += w + 1
		}
		if c == sockMark {
			n-- // the mark stands before the first column at once
		}
	}
	return n + 1
}

// mixed tells whether there are others than TCP's.
func mixed(rows []*stack.SockInfo) bool {
	for _, k := range rows {
		if k.Netid != "tcp" {
			return true
		}
	}
	return false
}

// sameHost tells whether all addresses have one host, wildcards apart.
func sameHost(rows []*stack.SockInfo) bool {
	var host netip.Addr
	for _, k := range rows {
		for _, a := range []netip.Addr{k.Local.Addr(), k.Peer.Addr()} {
			switch {
			case !a.IsValid() || a.IsUnspecified():
			case !host.IsValid():
				host = a
			case host != a:
				return false
			}
		}
	}
	return true
}

// addr is an address as ss prints it, before and after the colon.
func (t *sockTable) addr(k *stack.SockInfo, c int) (host, port string) {
	a := k.Local
	if c == sockPeer {
		a = k.Peer
	}
	port = "*"
	if a.Port() != 0 {
		port = strconv.Itoa(int(a.Port()))
	}
	if k.Netid == "raw" {
		port = "*"
		if c == sockLocal {
			port = rawProtocol(k.Proto)
		}
	}
	switch {
	case !a.Addr().IsValid():
		return "*", port
	case t.short && a.Addr().IsUnspecified():
		return "*", port
	case t.short:
		return "", port
	}
	return a.Addr().String(), port
}

// rawProtocol is the protocol of a raw socket, which ss prints as its port.
func rawProtocol(proto uint8) string {
	switch proto {
	case stack.IPPROTO_ICMP:
		return "icmp"
	case stack.IPPROTO_TCP:
		return "tcp"
	case stack.IPPROTO_UDP:
		return "udp"
	}
	return "ipproto-" + strconv.Itoa(int(proto))
}

// cell is what stands in a column, without colours and marks of the moment.
func (t *sockTable) cell(k *stack.SockInfo, c int) string {
	switch c {
	case sockNetid:
		return k.Netid
	case sockState:
		if k.Kind == stack.SockRequest {
			return t.sc.glyph.cornerBL + " " + k.State
		}
		if t.inState && k.Netid != "tcp" {
			return k.State + " " + k.Netid
		}
		return k.State
	case sockRecvQ:
		return strconv.Itoa(k.RecvQ)
	case sockSendQ:
		return strconv.Itoa(k.SendQ)
	case sockLocal, sockPeer:
		host, port := t.addr(k, c)
		return host + ":" + port
	case sockProcess:
		return sockOwner(k)
	case sockTimerCol:
		return sockTimer(t.sc, k)
	}
	if k.Tcp == nil || k.State == "LISTEN" || k.Kind != stack.SockFull {
		return ""
	}
	switch {
	case c == sockCwnd:
		return strconv.Itoa(int(k.Tcp.SndCwnd))
	case c == sockRtt && k.Tcp.Rtt > 0:
		return fmt.Sprintf("%.4gms", float64(k.Tcp.Rtt)/1000)
	}
	return ""
}

// sockOwner is the process that holds a socket, and how many more do. A half-open
// connection belongs to none: it is no socket yet but a request, in the state
// NEW_SYN_RECV.
func sockOwner(k *stack.SockInfo) string {
	switch {
	case k.Kind == stack.SockRequest:
		return "NEW_SYN_RECV"
	case len(k.Users) == 0:
		return ""
	}
	s := fmt.Sprintf("%s/%d", k.Users[0].Comm, k.Users[0].Pid)
	if more := len(k.Users) - 1; more > 0 {
		s += fmt.Sprintf("+%d", more)
	}
	return s
}

// heads are the headings, of the addresses with the colon above the colons.
func (t *sockTable) heads() [sockCols]string {
	h := t.head
	for i, c := range []int{sockLocal, sockPeer} {
		if before, _, ok := strings.Cut(h[c], ":"); ok {
			pad := max(0, t.host[i]-cells(before), t.width[c]-cells(h[c])-t.port[i])
			h[c] = blank(min(pad, t.width[c]-cells(h[c]))) + h[c]
		}
	}
	return h
}

// line puts cells of a row into their columns.
func (t *sockTable) line(cell [sockCols]string) string {
	var b strings.Builder
	tail := t.sc.glyph.ellipsis
	for c, w := range t.width {
		if w == 0 {
			continue
		}
		if c > sockNetid && b.Len() > 0 && !(c == sockState && t.width[sockNetid] == 0) {
			b.WriteByte(' ')
		}
		switch c {
		case sockRecvQ, sockSendQ, sockCwnd, sockRtt:
			b.WriteString(flushRight(cell[c], w, tail))
		default:
			b.WriteString(fit(cell[c], w, tail))
		}
	}
	return cut(b.String(), t.w, tail)
}

// row is the line of a socket, painted.
func (t *sockTable) row(k *stack.SockInfo) string {
	sc, in := t.sc, t.sc.ink
	var cell [sockCols]string
	for c := range cell {
		if t.width[c] > 0 {
			cell[c] = t.cell(k, c)
		}
	}
	lay := *t
	cell[sockMark] = " "
	cell[sockState] = lay.state(k, cell[sockState], cell[sockRecvQ])
	cell[sockNetid] = in.dim.on(cell[sockNetid])
	cell[sockLocal], cell[sockPeer] = t.address(k, 0, sockLocal), t.address(k, 1, sockPeer)
	for _, c := range []int{sockRecvQ, sockSendQ} {
		switch {
		case k.State == "LISTEN" && k.RecvQ > k.SendQ && c == sockRecvQ:
			cell[c] = in.err.on(cell[c])
		case cell[c] == "0":
			cell[c] = in.dim.on(cell[c])
		}
	}
	cell[sockProcess] = t.process(k, cell[sockProcess])
	cell[sockTimerCol] = in.timer.on(cell[sockTimerCol])
	if k.Cookie == sc.sock && sc.sock != 0 {
		cell[sockMark] = sc.glyph.selected
		return in.selected.on(fit(ansi.Strip(lay.line(cell)), t.w, ""))
	}
	return lay.line(cell)
}

// process is who holds the socket, and marks: u, a system call holds it now and
// what comes in goes to the backlog; <-- and --> as ss -e prints a shutdown.
func (t *sockTable) process(k *stack.SockInfo, who string) string {
	w := t.width[sockProcess]
	if w == 0 || k.Kind != stack.SockFull {
		return t.sc.ink.dim.on(who)
	}
	if k.Owned {
		who += t.sc.ink.warn.on(" u")
	}
	marks := [4]string{1: " -->", 2: " <--", 3: " ---"}[k.Shutdown&3]
	if cells(who)+len(marks) <= w {
		who += t.sc.ink.dim.on(marks)
	}
	return who
}

// address is an address with its colon in the column's own place; what does not
// fit is cut before the port.
func (t *sockTable) address(k *stack.SockInfo, i, c int) string {
	w := t.width[c]
	if w == 0 {
		return ""
	}
	host, port := t.addr(k, c)
	if lack := len(host) + 1 + len(port) - w; lack > 0 {
		if keep := len(host) - lack - 1; keep >= 0 {
			host = t.sc.glyph.ellipsis + host[len(host)-keep:]
		} else {
			return fit(":"+port, w, t.sc.glyph.ellipsis)
		}
	}
	// The heading may be wider than what is in the column: the colon then stands
	// as far right as the ports let it.
	pad := min(max(t.host[i], w-1-t.port[i])-cells(host), w-cells(host)-1-len(port))
	return blank(pad) + t.sc.ink.address.on(host+":") + port
}

// state is the state, or the change if that has just happened: the column then
// reaches over to where the next one is blank.
func (t *sockTable) state(k *stack.SockInfo, state, recvQ string) string {
	in := t.sc.ink
	lit, ok := t.sc.isLit(k.Cookie)
	if !ok {
		return stateInk(in, k.State).on(state)
	}
	arrow := "→"
	if t.sc.glyph.ascii {
		arrow = "->"
	}
	change := lit.from + arrow + lit.to
	lack := max(0, cells(change)-t.width[sockState])
	if lit.from == lit.to || lit.to != k.State || lack > 0 && lack > t.width[sockRecvQ]-len(recvQ) {
		return in.lit.on(state + "*")
	}
	t.width[sockState] += lack
	t.width[sockRecvQ] -= lack
	return in.lit.on(change)
}

func stateInk(in *inks, state string) ink {
	switch state {
	case "ESTAB":
		return in.good
	case "LISTEN":
		return in.number
	case "TIME-WAIT", "UNCONN":
		return in.dim
	}
	return in.state
}
