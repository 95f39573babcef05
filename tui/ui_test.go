package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"menuos/stack/steps"
)

// TestFirstMinute is what a person does first, on the four panes of the mission.
func TestFirstMinute(t *testing.T) {
	sit(t, 120, 35, func(p *person) {
		p.sees(paneShell, "Type replyhi, then hello", "MenuOS>>")
		p.says("RUNNING")
		p.line("replyhi")
		p.sees(paneShell, "MenuOS>>replyhi", "Please input hello...")
		p.sees(paneSockets, "LISTEN", "128", "127.0.0.1:5001")
		p.sees(paneQueues, "0/128")
		p.line("hello")
		p.sees(paneShell, `recv "hi" from 127.0.0.1:5001`, "MenuOS>>")
		p.sees(paneSockets, "LISTEN", "TIME-WAIT")
		p.sees(paneTimers, "TIME_WAIT")
		p.sees(paneBacktrace, "#0 ", "system call")
		if n := p.u.scene.rec.n; n < 20 {
			t.Errorf("the record has %d steps", n)
		}
		p.wait(70 * time.Second) // the timer wheel is coarse
		if got := strings.Join(p.pane(paneSockets), "\n"); strings.Contains(got, "TIME-WAIT") {
			t.Errorf("TIME_WAIT is over, and is still there:\n%s", got)
		}
		p.line("quit")
		if !p.left {
			t.Error("quit does not leave")
		}
	})
}

// TestAStop: a breakpoint holds hello; the panes show the moment, the frames can
// be walked, the screen resized, and c goes on.
func TestAStop(t *testing.T) {
	sit(t, 160, 45, func(p *person) {
		p.line("replyhi", "gdb b tcp_v4_rcv", "hello")
		p.says("STOPPED", "tcp_v4_rcv", "softirq", "hello/1")
		p.sees(paneGdb, "Breakpoint 1, tcp_v4_rcv (skb=0x")
		p.sees(paneShell, "stopped at tcp_v4_rcv")
		p.sees(paneBacktrace, "#0 ", "tcp_v4_rcv", "net/ipv4/tcp_ipv4.c:1782")
		p.sees(paneSockets, "SYN-SENT", "LISTEN")
		before := p.u.scene.now
		p.wait(5 * time.Minute)
		if p.u.scene.now != before {
			t.Errorf("the machine's time went on by %v while it was stopped", p.u.scene.now-before)
		}
		p.resize(80, 24)
		p.says("STOPPED")
		p.sees(paneBacktrace, "tcp_v4_rcv")
		p.resize(220, 60)
		p.press("alt+7", "u", "u")
		p.sees(paneGdb, "(gdb) frame 2", "#2  0x")
		p.press("c")
		p.says("STOPPED")
		p.sees(paneSockets, "SYN-RECV")
		p.press("f5")
		p.press("esc")
		p.line("gdb delete")
		p.press("f5")
		p.sees(paneShell, `recv "hi" from 127.0.0.1:5001`)
		p.says("RUNNING")
	})
}

const dummy = "ip link add dummy0 type dummy; ip addr add 10.9.9.1/8 dev dummy0; ip link set dummy0 up"

// TestALostSyn: nobody answers; the RTO's bar runs down, the timer fires, and
// what the command waits for stands in the status line.
func TestALostSyn(t *testing.T) {
	sit(t, 120, 35, func(p *person) {
		p.line(dummy, "hello --host 10.9.9.9")
		p.says("WAITING", "10.9.9.9:5001")
		p.sees(paneSockets, "SYN-SENT")
		p.sees(paneTimers, "RTO")
		p.wait(600 * time.Millisecond)
		p.press("alt+6")
		p.wait(600 * time.Millisecond)
		p.sees(paneSteps, "tcp_retransmit", "S 0:0(0)")
		p.wait(7 * time.Second)
		p.press("esc")
		p.line("nstat | grep TCPSynRetrans") // typed ahead
		p.press("ctrl+c")
		p.sees(paneShell, "^C", "MenuOS>>")
		p.line("nstat | grep TCPSynRetrans")
		p.sees(paneShell, "TcpExtTCPSynRetrans             3")
	})
}

// TestCursorInTime: a step selected brings its backtrace and the state of that
// moment; End is live again.
func TestCursorInTime(t *testing.T) {
	sit(t, 220, 60, func(p *person) {
		p.line("replyhi", "hello")
		p.sees(paneSockets, "TIME-WAIT")
		syn := 0
		for i := range p.u.scene.rec.n {
			if s := p.u.scene.rec.at(i); s.line.Kind == steps.Sent && strings.HasPrefix(s.line.What, "S 0:0(0)") {
				syn = s.n
				break
			}
		}
		if syn == 0 {
			t.Fatal("no SYN in the record")
		}
		p.press("esc")
		for p.u.scene.live || p.u.scene.cur > syn {
			p.press("[")
		}
		if p.u.scene.cur != syn {
			t.Fatalf("the cursor stands on step %d, the SYN is %d", p.u.scene.cur, syn)
		}
		p.says("PAST", fmt.Sprintf("step %d of", syn))
		p.sees(paneSockets, "SYN-SENT")
		p.sees(paneBacktrace, "tcp_connect", "system call")
		p.press(".")
		if p.u.scene.cur != syn+1 {
			t.Errorf(". went to step %d", p.u.scene.cur)
		}
		p.press(",", ",")
		if p.u.scene.cur != syn-1 {
			t.Errorf(", went to step %d", p.u.scene.cur)
		}
		p.press("end")
		p.says("RUNNING")
		p.sees(paneSockets, "TIME-WAIT")
	})
}

// TestPauseAndEvents: paused, nothing moves; n brings one event after the other,
// each with its backtrace, through the whole handshake.
func TestPauseAndEvents(t *testing.T) {
	sit(t, 220, 60, func(p *person) {
		p.line("replyhi")
		p.press("f8")
		p.says("PAUSED")
		p.line("hello")
		p.says("PAUSED")
		if got := strings.Join(p.pane(paneSockets), ""); strings.Contains(got, "SYN-SENT") {
			t.Error("the machine runs while it is paused")
		}
		var kinds []string
		for range 60 {
			p.press("f11")
			if p.u.scene.stop == nil {
				break
			}
			if len(p.u.scene.frames) == 0 {
				t.Fatal("a stop without a backtrace")
			}
			s := p.u.scene.rec.at(p.u.scene.rec.n - 1)
			kinds = append(kinds, s.line.Kind.String()+" "+s.line.What)
		}
		story := strings.Join(kinds, "\n")
		for _, want := range []string{"UNCONN -> SYN-SENT", "sent S 0:0(0)", "received S 0:0(0)", "sent S. 0:0(0) ack 1", "SYN-SENT -> ESTAB", "sent P. 1:6(5) ack 1"} {
			i := strings.Index(story, want)
			if i < 0 {
				t.Fatalf("%q did not happen in this order:\n%s", want, strings.Join(kinds, "\n"))
			}
			story = story[i:]
		}
		p.press("f5")
		p.until(paneShell, `recv "hi" from`, 5*time.Second)
	})
}

// TestSpeeds: the machine's second takes as long as one says.
func TestSpeeds(t *testing.T) {
	sit(t, 120, 35, func(p *person) {
		p.press("esc", "-", "-", "-")
		p.says("1/1000x")
		p.press("+", "+", "+", "+")
		p.says("10x")
		p.press("esc")
		p.line("sleep 20")
		p.wait(1 * time.Second)
		p.says("WAITING")
		p.wait(1100 * time.Millisecond)
		p.says("RUNNING")
		p.press("esc", "+", "+", "+", "+")
		p.says("no waiting")
		if !math.IsInf(p.u.scene.status.speed, 1) {
			t.Errorf("the speed is %v", p.u.scene.status.speed)
		}
		p.press("esc")
		began := time.Now()
		p.line("sleep 3600")
		if took := time.Since(began); took > time.Second {
			t.Errorf("an hour took %v without waiting", took)
		}
		p.says("RUNNING")
	})
}

// TestScreenSaysWhatTheToolsSay holds the panes against ss, nstat and gdb.
func TestScreenSaysWhatTheToolsSay(t *testing.T) {
	sit(t, 220, 60, func(p *person) {
		p.line("replyhi", "hello", "gdb b tcp_v4_rcv", "hello")
		p.line("ss -Htan")
		p.wait(2 * fade)
		fields := func(lines []string, n int) (out []string) {
			for _, l := range lines {
				f := strings.Fields(strings.TrimLeft(l, " *›>"))
				if len(f) >= n && f[0] == strings.ToUpper(f[0]) && f[0] != "STATE" {
					out = append(out, strings.Join(f[:n], " "))
				}
			}
			slices.Sort(out)
			return out
		}
		_, text, _ := strings.Cut(p.u.shell.text(p.u.scene), "MenuOS>>ss -Htan\n")
		ss := strings.Split(text, "\n")
		want, got := fields(ss, 5), fields(p.pane(paneSockets), 5)
		if len(want) < 3 || !slices.Equal(want, got) {
			t.Errorf("ss says\n%s\nthe pane says\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
		p.press("alt+9")
		counters := strings.Join(p.pane(paneCounters), "\n")
		for _, c := range p.u.lab.m.Counters() {
			if c.Name == "TcpActiveOpens" && !strings.Contains(strings.Join(strings.Fields(counters), " "), fmt.Sprintf("%s %d", c.Name, c.Value)) {
				t.Errorf("nstat says %s %d, the pane\n%s", c.Name, c.Value, counters)
			}
		}
	})
}

// TestMouse: clicks focus and select, the wheel scrolls, tabs change, borders
// move.
func TestMouse(t *testing.T) {
	sit(t, 120, 35, func(p *person) {
		p.line("replyhi", "hello")
		p.click(paneSockets, 5, 1)
		if p.u.focus != paneSockets || p.u.scene.selected() == nil || p.u.scene.selected().State != "LISTEN" {
			t.Fatalf("a click on the listener selected %v in pane %d", p.u.scene.selected(), p.u.focus)
		}
		p.sees(paneQueues, "0/128")
		i := slices.IndexFunc(p.u.layout.dividers, func(d divider) bool { return d.side })
		d := p.u.layout.dividers[i]
		p.drags(d.x, d.y+3, d.x-10, d.y+3)
		if got := p.u.layout.dividers[i].x; got != d.x-10 {
			t.Errorf("the border was drawn from %d to %d and stands at %d", d.x, d.x-10, got)
		}
		title := p.u.picture.tabs[p.u.layout.slotOf(paneSteps)]
		for _, tab := range title {
			if tab.id == paneSteps {
				y := p.u.layout.slots[p.u.layout.slotOf(paneSteps)].y
				p.drags(tab.from+1, y, tab.from+1, y)
			}
		}
		p.sees(paneSteps, "LAST-ACK -> UNCONN")
		p.click(paneSteps, 4, 2)
		if p.u.scene.live {
			t.Error("a click on a step left the scene live")
		}
		p.says("PAST")
	})
}

// TestKeysOfTheScreen: numbers, Tab, zoom, splits, help, palette, language.
func TestKeysOfTheScreen(t *testing.T) {
	sit(t, 80, 24, func(p *person) {
		p.press("esc")
		for id := paneShell; id < paneEnd; id++ {
			p.press(fmt.Sprint("alt+", int(id)%10))
			if p.u.focus != id {
				t.Errorf("alt+%d gave the focus to pane %d", int(id)%10, p.u.focus)
			}
			p.room(id)
		}
		p.press("3", "z")
		if len(p.u.layout.slots) != 1 {
			t.Error("z did not zoom")
		}
		p.press("tab")
		if p.u.focus != paneQueues {
			t.Errorf("Tab in the zoomed screen goes to pane %d", p.u.focus)
		}
		p.press("z", "tab")
		if !p.u.atPrompt() {
			t.Errorf("Tab goes to pane %d", p.u.focus)
		}
		p.press("f1")
		p.sees(paneHelp, "Time")
		p.press("ctrl+k")
		p.types("timers")
		p.press("enter")
		p.press("f2")
		if p.u.scene.lang != "zh" {
			t.Error("F2 does not speak Chinese")
		}
		p.says("运行")
		p.press("f2", "f3")
		p.says("RUNNING")
	})
}

// TestLeaving: Ctrl-C interrupts, clears, asks; n stays, y leaves.
func TestLeaving(t *testing.T) {
	sit(t, 80, 24, func(p *person) {
		p.types("hel")
		p.press("ctrl+c")
		if p.u.window != nil {
			t.Fatal("Ctrl-C with text on the line asks whether to leave")
		}
		p.press("ctrl+c")
		if !strings.Contains(strings.Join(p.screen(), "\n"), "Leave menuos?") {
			t.Fatalf("Ctrl-C does not ask:\n%s", strings.Join(p.screen(), "\n"))
		}
		p.press("n")
		if p.left || p.u.window != nil {
			t.Fatal("n does not stay")
		}
		p.press("ctrl+c", "ctrl+c")
		if !p.left {
			t.Error("a second Ctrl-C does not leave")
		}
	})
}

// TestLeavingWhileHeld: Ctrl-C interrupts the command that a breakpoint holds, the
// next one asks whether to leave.
func TestLeavingWhileHeld(t *testing.T) {
	sit(t, 120, 35, func(p *person) {
		p.line("replyhi", "gdb b tcp_v4_rcv", "hello")
		p.says("STOPPED")
		p.press("ctrl+c")
		p.sees(paneShell, "^C")
		if p.u.window != nil {
			t.Fatal("the first Ctrl-C asks whether to leave")
		}
		p.press("ctrl+c")
		if p.u.window == nil {
			t.Fatal("the second Ctrl-C does not ask")
		}
		p.press("n")
		p.line("gdb delete")
		p.press("f5")
		p.says("RUNNING")
	})
}

// TestEverySize: no size breaks the picture, whatever shows.
func TestEverySize(t *testing.T) {
	sit(t, 120, 35, func(p *person) {
		p.line("replyhi", "gdb b tcp_v4_rcv", "hello")
		for _, keys := range []string{"", "ctrl+k", "f1", "f2"} {
			if keys != "" {
				p.press(keys)
			}
			for h := 0; h < 62; h += sizeStep(h) + h/12 {
				for w := 0; w < 230; w += sizeStep(w) + w/12 {
					p.update(resizeMsg(w, h))
				}
			}
			p.resize(120, 35)
			p.press("esc")
		}
	})
}
