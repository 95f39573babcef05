package tui

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
)

// stepTo puts the cursor in time on the n-th step, from 1, that is a change to
// the state.
func (b *bench) stepTo(state string, n int) *scene {
	b.t.Helper()
	for i := range b.sc.rec.n {
		s := b.sc.rec.at(i)
		if s.OldState == s.NewState || stack.StateName(s.NewState) != state {
			continue
		}
		if n--; n == 0 {
			return b.goTo(s.n)
		}
	}
	b.t.Fatalf("no such change to %s in %d steps", state, b.sc.rec.n)
	return nil
}

// sockWith is the first socket of the scene in a state.
func sockWith(t testing.TB, sc *scene, state string) *stack.SockInfo {
	t.Helper()
	var have []string
	for _, k := range sc.socks {
		if k.State == state && k.Netid == "tcp" {
			return k
		}
		have = append(have, k.Netid+" "+k.State)
	}
	t.Fatalf("no socket in %s, but: %s", state, strings.Join(have, ", "))
	return nil
}

func TestSocketsGolden(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, false))
		p := new(socketsPane)
		goldenPane(t, "sockets_empty_"+lang, p, b.sc, 40, 5)
		b.run("replyhi", "hello")
		b.sc.sock = sockWith(t, b.sc, "LISTEN").Cookie
		goldenPane(t, "sockets_57_"+lang, p, b.sc, 57, 6)
		p.filter = sockNoWait
		goldenPane(t, "sockets_filter_"+lang, p, b.sc, 57, 6)
	}
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello", "UDP_Server")
	for _, w := range []int{24, 36, 44, 53, 80, 120} {
		goldenPane(t, fmt.Sprintf("sockets_udp_%d", w), new(socketsPane), b.sc, w, 6)
	}
}

// TestSocketsThroughHello shows the sockets at each change of state of a
// connection's life.
func TestSocketsThroughHello(t *testing.T) {
	for _, look := range []*look{goldenLook("en", false), goldenLook("en", true)} {
		b := newBench(t, look)
		b.run("replyhi", "hello")
		name := "sockets_hello"
		if look.glyph.ascii {
			name = "sockets_hello_ascii"
		}
		var all []string
		for i := range b.sc.rec.n {
			s := b.sc.rec.at(i)
			if s.OldState == s.NewState {
				continue
			}
			sc := b.goTo(s.n)
			p := new(socketsPane)
			for _, w := range []int{57, 84} {
				lines := p.draw(sc, w, 6)
				checkCells(t, lines, w, 6, false)
				all = append(all, fmt.Sprintf("== %s > %s, %d cells", stack.StateName(s.OldState), stack.StateName(s.NewState), w))
				all = append(all, lines...)
			}
		}
		golden(t, name, all)
	}
}

// TestSocketsAsSs compares the pane with what ss prints of the same machine.
func TestSocketsAsSs(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello", "hello", "UDP_Server", "hello &", "ip link add dummy0 type dummy", "ip addr add 10.9.9.1/8 dev dummy0",
		"ip link set dummy0 up", "hello --host 10.9.9.9 &", "ping -c 1 10.9.9.8 &")
	b.out.Reset()
	b.run("ss -anp")
	want := fieldsOf(b.out.String())
	got := fieldsOf(new(socketsPane).text(b.sc))
	for i, row := range want { // the process in ss's form
		if k := len(row) - 1; i > 0 && strings.HasPrefix(row[k], "users:") {
			var comm string
			var pid, fd int
			who := strings.NewReplacer(`"`, " ", ",", " ", "pid=", " ", "fd=", " ", "(", " ", ")", " ").Replace(strings.TrimPrefix(row[k], "users:"))
			if _, err := fmt.Sscan(who, &comm, &pid, &fd); err != nil {
				t.Fatal(err, row[k])
			}
			row[k] = fmt.Sprintf("%s/%d", comm, pid)
		}
	}
	if len(want) < 6 {
		t.Fatalf("ss has few sockets:\n%s", b.out.String())
	}
	for i := 1; i < max(len(want), len(got)); i++ {
		w, g := sockRow(want, i), sockRow(got, i)
		if len(g) > len(w) {
			g = g[:len(w)] // timers and what follows
		}
		if strings.Join(w, " ") != strings.Join(g, " ") {
			t.Errorf("row %d: ss has %q, the pane %q", i, w, g)
		}
	}
}

func fieldsOf(s string) [][]string {
	var out [][]string
	for line := range strings.Lines(s) {
		if f := strings.Fields(line); len(f) > 0 {
			out = append(out, f)
		}
	}
	return out
}

func sockRow(rows [][]string, i int) []string {
	if i < len(rows) {
		return rows[i]
	}
	return nil
}

// TestSocketsColumnsStandStill changes what is lit, owned, counted and counted
// down: no column moves.
func TestSocketsColumnsStandStill(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello")
	p := new(socketsPane)
	k := *sockWith(t, b.sc, "TIME-WAIT")
	k.Kind, k.Cookie, k.State, k.Users = stack.SockFull, 99, "ESTAB", []stack.SockUser{{Comm: "hello", Pid: 7}}
	b.sc.socks = append(b.sc.socks, &k)
	for _, w := range []int{44, 57, 80, 120} {
		head := p.draw(b.sc, w, 9)[0]
		for i, change := range []func(k *stack.SockInfo){
			func(k *stack.SockInfo) { b.sc.lit[99] = litState{"SYN-SENT", k.State, b.sc.from()} },
			func(k *stack.SockInfo) { k.State = "FIN-WAIT-1" },
			func(k *stack.SockInfo) { k.State, k.Owned, k.Shutdown = "CLOSE-WAIT", true, 3 },
			func(k *stack.SockInfo) { k.RecvQ, k.SendQ = 12, 345 },
			func(k *stack.SockInfo) {
				k.Timer = &stack.TimerInfo{Name: "on", Expires: b.sc.now + 200*time.Millisecond}
			},
			func(k *stack.SockInfo) {
				k.Timer = &stack.TimerInfo{Name: "keepalive", Expires: b.sc.now + 9*time.Second}
			},
		} {
			next := k
			change(&next)
			b.sc.socks[len(b.sc.socks)-1] = &next
			if got := p.draw(b.sc, w, 9)[0]; got != head {
				t.Errorf("%d cells, change %d:\n%q\nwas\n%q", w, i, ansi.Strip(got), ansi.Strip(head))
			}
		}
		delete(b.sc.lit, 99)
	}
}

func TestSocketsLitFades(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi")
	at := b.sc.from()
	k := sockWith(t, b.sc, "LISTEN")
	b.sc.lit[k.Cookie] = litState{"UNCONN", "LISTEN", at}
	p := new(socketsPane)
	state := func() string { return strings.Fields(ansi.Strip(p.draw(b.sc, 80, 5)[1]))[0] }
	if got := state(); got != "UNCONN→LISTEN" {
		t.Errorf("just changed: %q", got)
	}
	b.sc.from = func() time.Time { return at.Add(fade) }
	if got := state(); got != "LISTEN" {
		t.Errorf("faded: %q", got)
	}
}

func TestSocketsKeys(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello", "UDP_Server")
	sc, p := b.sc, new(socketsPane)
	p.draw(sc, 80, 10)
	rows := sockRows(sc, sockAll)
	if len(rows) != 3 {
		t.Fatalf("%d sockets", len(rows))
	}
	press := func(a action, want any) {
		t.Helper()
		msg, used := p.act(sc, a)
		if !used || msg != want {
			t.Errorf("action %d gives %#v, %v, want %#v", a, msg, used, want)
		}
		if m, ok := msg.(selectSockMsg); ok {
			sc.sock = m.cookie
		}
		p.draw(sc, 80, 10)
	}
	press(actEnter, nil)
	press(actDown, selectSockMsg{rows[0].Cookie, false})
	press(actDown, selectSockMsg{rows[1].Cookie, false})
	press(actEnter, selectSockMsg{rows[1].Cookie, true})
	press(actEnd, selectSockMsg{rows[2].Cookie, false})
	press(actDown, nil)
	press(actHome, selectSockMsg{rows[0].Cookie, false})
	if _, used := p.act(sc, actCopy); used {
		t.Error("copying is the UI's")
	}
	if got, want := p.click(sc, 5, 3, true), any(selectSockMsg{rows[2].Cookie, true}); got != want {
		t.Errorf("a double click gives %#v, want %#v", got, want)
	}
	for _, y := range []int{-1, 0, 4, 99} {
		if got := p.click(sc, 5, y, false); got != nil {
			t.Errorf("a click beside the rows, at %d, gives %#v", y, got)
		}
	}
	for _, want := range []string{"Sockets 2/3 tcp", "Sockets 2/3 without TIME-WAIT", "Sockets 3"} {
		if p.act(sc, actFilter); p.title(sc) != want {
			t.Errorf("the title is %q, want %q", p.title(sc), want)
		}
	}
}

// manySocks is a machine with a listener, requests and n connections.
func manySocks(sc *scene, n int) {
	addr := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}), uint16(1024+i))
	}
	local := netip.MustParseAddrPort("10.9.9.1:80")
	sc.socks = append(sc.socks, &stack.SockInfo{Netid: "tcp", State: "LISTEN", Cookie: 1000, Local: local,
		Peer: netip.MustParseAddrPort("0.0.0.0:0"), RecvQ: 129, SendQ: 128, AcceptMax: 128, SynMax: 128})
	for i := range n {
		k := &stack.SockInfo{Netid: "tcp", State: "ESTAB", Cookie: uint64(1001 + i), Local: local, Peer: addr(i), Tcp: new(stack.TcpInfo)}
		if i%4 == 0 {
			k.Kind, k.State, k.Listener, k.Tcp = stack.SockRequest, "SYN-RECV", 1000, nil
			k.Timer = &stack.TimerInfo{Name: "on", Expires: sc.now + time.Duration(i)*time.Millisecond}
		} else {
			k.Tcp.Rtt, k.Tcp.SndCwnd = 1234, 10
		}
		sc.socks = append(sc.socks, k)
	}
}

func TestSocketsScroll(t *testing.T) {
	sc := newBench(t, goldenLook("en", false)).sc
	manySocks(sc, 40)
	p := new(socketsPane)
	goldenPane(t, "sockets_many", p, sc, 80, 16)
	p.wheel(sc, 5)
	rows := sockRows(sc, sockAll)
	if got, want := p.click(sc, 0, 1, false), any(selectSockMsg{rows[5].Cookie, false}); got != want {
		t.Errorf("after the wheel the first row is %#v, want %#v", got, want)
	}
	sc.sock = rows[len(rows)-1].Cookie
	lines := p.draw(sc, 80, 16)
	if last := ansi.Strip(lines[len(lines)-1]); !strings.HasPrefix(last, sc.glyph.selected) {
		t.Errorf("the selected socket is not in sight: %q", last)
	}
	p.wheel(sc, -100)
	if first := ansi.Strip(p.draw(sc, 80, 16)[1]); !strings.HasPrefix(first, " LISTEN") {
		t.Errorf("the wheel cannot leave the selection: %q", first)
	}
}

func TestSocketsInEverySize(t *testing.T) {
	for _, look := range everyLook() {
		b := newBench(t, look)
		everySize(t, new(socketsPane), b.sc)
		b.run("replyhi", "hello", "UDP_Server")
		b.sc.sock = sockWith(t, b.sc, "LISTEN").Cookie
		everySize(t, new(socketsPane), b.sc)
		everySize(t, new(socketsPane), b.stepTo("ESTAB", 1))
		b.sc.partial = true
		everySize(t, new(socketsPane), b.sc)
		manySocks(b.sc, 30)
		everySize(t, new(socketsPane), b.sc)
	}
}

func TestSocketsPartial(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello")
	sc := b.stepTo("ESTAB", 1)
	sc.partial, sc.asOf = true, sc.now-time.Millisecond
	goldenPane(t, "sockets_partial", new(socketsPane), sc, 80, 6)
	sc.socks = nil
	goldenPane(t, "sockets_partial_none", new(socketsPane), sc, 50, 6)
}

func BenchmarkSocketsDraw(b *testing.B) {
	for _, n := range []int{4, 200, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			sc := newBench(b, newLook("dark", "en", false)).sc
			manySocks(sc, n)
			p := new(socketsPane)
			b.ReportAllocs()
			for b.Loop() {
				p.draw(sc, 80, 40)
			}
		})
	}
}
