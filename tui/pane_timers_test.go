package tui

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
	"menuos/stack/steps"
)

// unanswered leaves a TIME_WAIT, a SYN that nobody answers and a sleeping task.
var unanswered = []string{"replyhi", "hello", "ip link add dummy0 type dummy", "ip addr add 10.9.9.1/8 dev dummy0",
	"ip link set dummy0 up", "hello --host 10.9.9.9 &", "sleep 100 &", "ping -c 1 10.9.9.8"}

// sockIn is the cookie of the first socket in a state.
func sockIn(t testing.TB, sc *scene, state string) uint64 {
	t.Helper()
	for _, k := range sc.socks {
		if k.State == state {
			return k.Cookie
		}
	}
	t.Fatalf("no socket is in %s", state)
	return 0
}

func TestTimersGolden(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, lang == "zh"))
		p := new(timersPane)
		goldenPane(t, "timers-empty-"+lang, p, b.sc, 57, 9)
		b.run(unanswered...)
		b.sc.sock = sockIn(t, b.sc, "SYN-SENT")
		p.act(b.sc, actDown)
		p.act(b.sc, actDown)
		for _, w := range []int{30, 40, 57, 80, 110} {
			goldenPane(t, fmt.Sprintf("timers-%d-%s", w, lang), p, b.sc, w, 9)
		}
		p.act(b.sc, actFilter)
		goldenPane(t, "timers-of-socket-"+lang, p, b.sc, 57, 9)
		b.sc.sock = 0
		goldenPane(t, "timers-none-"+lang, p, b.sc, 57, 9)
	}
}

// TestTimersAreGoneForAMoment: those that have fired or been cancelled stay in
// sight, with the word for it, until they have faded.
func TestTimersAreGoneForAMoment(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	now := time.Unix(100, 0)
	b.sc.from = func() time.Time { return now }
	b.run(unanswered...)
	p := new(timersPane)
	p.draw(b.sc, 57, 9)
	syn, tw := sockIn(t, b.sc, "SYN-SENT"), sockIn(t, b.sc, "TIME-WAIT")
	b.sc.gone = []goneTimer{
		{kind: "delack", runs: "tcp_delack_timer", sock: syn, at: now, when: time.Second},
		{kind: "timewait", runs: "tw_timer_handler", sock: tw, at: now, when: 2 * time.Second},                    // armed again: says nothing
		{kind: "retransmit", runs: "tcp_write_timer", sock: syn, fired: true, at: now, when: 3 * time.Second},     // the one before
		{kind: "retransmit", runs: "tcp_write_timer", sock: syn, fired: true, at: now, when: 5 * time.Second},     // armed again, but it has fired
		{kind: "delack", runs: "tcp_delack_timer", sock: 999, at: now.Add(-fade), fired: true, when: time.Second}, // long ago
	}
	goldenPane(t, "timers-gone", p, b.sc, 57, 9)
	now = now.Add(fade)
	for _, line := range p.draw(b.sc, 57, 9) {
		if strings.Contains(line, "fired") || strings.Contains(line, "cancelled") {
			t.Errorf("it should have faded: %s", line)
		}
	}
}

// TestTimerOfAGoneSocket: a timer that fired keeps the name of its socket, though
// that is gone.
func TestTimerOfAGoneSocket(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello")
	p := new(timersPane)
	p.draw(b.sc, 57, 9)
	tw := sockIn(t, b.sc, "TIME-WAIT")
	b.run("sleep 70")
	b.sc.gone = []goneTimer{{kind: "timewait", runs: "tw_timer_handler", sock: tw, fired: true, at: b.sc.from(), when: 61 * time.Second}}
	if b.sc.sockOf(tw) != nil || len(b.sc.timers) != 0 {
		t.Fatalf("TIME_WAIT is still there: %v", b.sc.timers)
	}
	got := strings.Fields(ansi.Strip(p.draw(b.sc, 57, 9)[1]))
	if want := []string{"TIME_WAIT", ":60934", ">", ":5001", "fired", "tw_timer_handler"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the row says %q, want %q", got, want)
	}
}

// TestTimersInThePast: the timers are those of the selected step, and if that is
// a timer's end, it stands there, too.
func TestTimersInThePast(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run(unanswered...)
	for i := range b.sc.rec.n {
		s := b.sc.rec.at(i)
		if s.line.Kind != steps.TimerFired {
			continue
		}
		sc := b.goTo(s.n)
		p := new(timersPane)
		golden := "timers-fires"
		goldenPane(t, golden, p, sc, 57, 9)
		sc.partial = true
		if lines := p.draw(sc, 57, 9); !strings.Contains(lines[len(lines)-1], ansi.Strip(partialNote(sc, 57)[0])) {
			t.Errorf("nothing says that the state is of another moment:\n%s", strings.Join(lines, "\n"))
		}
		return
	}
	t.Fatal("no timer fired")
}

func TestTimerNames(t *testing.T) {
	sc := &scene{look: goldenLook("en", false)}
	sock := func(state, timer, kind string, retrans int) *stack.SockInfo {
		return &stack.SockInfo{State: state, Timer: &stack.TimerInfo{Name: timer, Kind: kind, Retrans: retrans}}
	}
	for _, test := range []struct {
		name, kind string
		retrans    int
		sock       *stack.SockInfo
		want       string
	}{
		{"retransmit", "retransmit", 0, sock("ESTAB", "on", "retransmit", 0), "RTO"},
		{"retransmit", "retransmit", 0, sock("SYN-SENT", "on", "retransmit", 3), "RTO x3"},
		{"retransmit", "retransmit", 0, sock("ESTAB", "persist", "retransmit", 2), "window probe x2"},
		{"tlp", "retransmit", 0, sock("ESTAB", "on", "retransmit", 0), "TLP"},
		{"rack", "retransmit", 0, sock("ESTAB", "on", "retransmit", 0), "RACK reorder"},
		{"delack", "delack", 0, sock("ESTAB", "on", "retransmit", 1), "delayed ACK"},
		{"reqsk", "reqsk", 1, sock("SYN-RECV", "on", "reqsk", 1), "SYN-ACK x1"},
		{"keepalive", "keepalive", 0, sock("ESTAB", "keepalive", "keepalive", 0), "keepalive"},
		{"keepalive", "keepalive", 0, sock("FIN-WAIT-2", "keepalive", "keepalive", 0), "FIN_WAIT2"},
		{"timewait", "timewait", 0, sock("TIME-WAIT", "timewait", "timewait", 0), "TIME_WAIT"},
		{"timewait", "timewait", 0, sock("FIN-WAIT-2", "timewait", "timewait", 0), "FIN_WAIT2"},
		{"timewait", "timewait", 0, nil, "TIME_WAIT"},
		{"schedule_hrtimeout", "schedule_hrtimeout", 0, nil, "timeout"},
		{"something_new", "something_new", 0, nil, "something_new"},
	} {
		got := timerName(sc, &stack.TimerInfo{Name: test.name, Kind: test.kind, Retrans: test.retrans}, test.sock)
		if got != test.want {
			t.Errorf("%s of %+v is called %q, want %q", test.name, test.sock, got, test.want)
		}
	}
}

func TestTimeLeft(t *testing.T) {
	sc := &scene{look: goldenLook("en", false)}
	for _, test := range []struct {
		left time.Duration
		want string
	}{
		{-time.Second, "due"}, {0, "due"}, {500, "1us"}, {999 * time.Microsecond, "999us"}, {time.Millisecond, "1ms"},
		{199*time.Millisecond + 999999, "199ms"}, {time.Second, "1.0sec"}, {9999 * time.Millisecond, "9.9sec"}, {10 * time.Second, "10sec"},
		{59999 * time.Millisecond, "59sec"}, {time.Minute, "1min"}, {119 * time.Second, "1min59sec"}, {10*time.Minute + 5*time.Second, "10min"},
		{2 * time.Hour, "120min"},
	} {
		if got := leftText(sc, test.left); got != test.want {
			t.Errorf("%v is %q, want %q", test.left, got, test.want)
		}
	}
}

// TestTimersSelection: the selection stays with its timer when others come and go
// and when it is armed anew; Enter and a click select its socket.
func TestTimersSelection(t *testing.T) {
	addr := func(port uint16) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	}
	timer := func(kind string, sock uint64, expires time.Duration) stack.TimerInfo {
		return stack.TimerInfo{Name: kind, Kind: kind, Runs: "tcp_" + kind, Sock: sock, Expires: expires, Left: expires}
	}
	sc := &scene{look: goldenLook("en", false), live: true, rec: new(record), from: func() time.Time { return time.Unix(0, 0) }, socks: []*stack.SockInfo{
		{Cookie: 1, Local: addr(1000), Peer: addr(2000)}, {Cookie: 2, Local: addr(2000), Peer: addr(1000)}},
		timers: []stack.TimerInfo{timer("delack", 1, time.Second), timer("retransmit", 2, 2*time.Second), timer("keepalive", 2, time.Hour),
			timer("neigh", 0, 1), timer("neigh", 0, 2)}}
	p := new(timersPane)
	selected := func() string {
		for _, line := range p.draw(sc, 60, 10) {
			if plain := ansi.Strip(line); strings.HasPrefix(plain, "›") {
				return strings.Fields(plain)[1]
			}
		}
		return ""
	}
	if got := selected(); got != "" {
		t.Errorf("at first %q is selected", got)
	}
	p.act(sc, actDown)
	p.act(sc, actDown)
	if msg, _ := p.act(sc, actEnter); selected() != "RTO" || msg != (selectSockMsg{cookie: 2}) {
		t.Errorf("down twice selected %q, Enter %v", selected(), msg)
	}
	sc.timers = []stack.TimerInfo{timer("retransmit", 1, time.Second), timer("keepalive", 2, 2*time.Second), timer("retransmit", 2, 3*time.Second)}
	if msg, _ := p.act(sc, actEnter); selected() != "RTO" || msg != (selectSockMsg{cookie: 2}) {
		t.Errorf("armed anew, %q is selected, Enter %v", selected(), msg)
	}
	if msg := p.click(sc, 5, 1, false); msg != (selectSockMsg{cookie: 1}) {
		t.Errorf("a click on the first row: %v", msg)
	}
	if msg := p.click(sc, 5, 0, false); msg != nil {
		t.Errorf("a click on the heading: %v", msg)
	}
	if msg := p.click(sc, 5, 7, false); msg != nil {
		t.Errorf("a click below the rows: %v", msg)
	}
	sc.timers = []stack.TimerInfo{timer("neigh", 0, 1), timer("neigh", 0, 2), timer("delack", 1, time.Hour)}
	p.at = timerKey{}
	p.act(sc, actHome)
	for i, want := range []string{"delayed", "ARP", "ARP"} { // the kernel's own come last
		if got := selected(); got != want || p.sel != i {
			t.Errorf("row %d is selected, %s; want row %d, %s", p.sel, got, i, want)
		}
		p.act(sc, actDown)
	}
	if msg, used := p.act(sc, actEnter); msg != nil || !used {
		t.Errorf("Enter on a timer without a socket: %v", msg)
	}
}

func TestTimersEverySize(t *testing.T) {
	for _, look := range everyLook() {
		b := newBench(t, look)
		p := new(timersPane)
		everySize(t, p, b.sc)
		b.run(unanswered...)
		p.act(b.sc, actDown)
		b.sc.gone = []goneTimer{{kind: "delack", sock: 1, at: b.sc.from(), fired: true}, {kind: "keepalive", runs: "tcp_keepalive_timer", at: b.sc.from()}}
		everySize(t, p, b.sc)
		sc := b.goTo(b.sc.rec.last - 3)
		sc.partial = true
		everySize(t, p, sc)
		for range 2 {
			p.act(sc, actFilter)
			everySize(t, p, sc)
		}
	}
}

func BenchmarkTimersDraw(b *testing.B) {
	bench := newBench(b, newLook("dark", "en", false))
	bench.run(unanswered...)
	for i := range 40 {
		bench.sc.timers = append(bench.sc.timers, stack.TimerInfo{Name: "timewait", Kind: "timewait", Runs: "tw_timer_handler", Sock: uint64(1000 + i),
			Armed: time.Second, Expires: time.Minute, Left: time.Second * time.Duration(i)})
	}
	p := new(timersPane)
	for b.Loop() {
		p.draw(bench.sc, 80, 40)
	}
}
