package shell

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"menuos/stack"
)

// shown is what one prompt's screen shows; the machine's programs write to it
// while the test reads.
type shown struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *shown) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

var kernelAddr = regexp.MustCompile(`0xffff[0-9a-f]{12}`)

// take gives what was written since it was last called, addresses left out.
func (p *shown) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := kernelAddr.ReplaceAllString(p.b.String(), "0x~")
	p.b.Reset()
	return s
}

// screen is a session with two prompts on a real clock.
type screen struct {
	t        *testing.T
	s        *Session
	out, gdb shown
}

func openScreen(t *testing.T, cfg Config) *screen {
	t.Helper()
	sc := &screen{t: t}
	cfg.Clock, cfg.Interactive = stack.ClockReal, true
	cfg.Out, cfg.GdbOut = &sc.out, &sc.gdb
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sc.s = s
	return sc
}

// want compares what the screens show since the last look.
func (sc *screen) want(what, out, gdb string) {
	sc.t.Helper()
	if got := sc.out.take(); got != out {
		sc.t.Errorf("%s: MenuOS shows\n%s\nwant\n%s", what, got, out)
	}
	if got := sc.gdb.take(); got != gdb {
		sc.t.Errorf("%s: (gdb) shows\n%s\nwant\n%s", what, got, gdb)
	}
}

func (sc *screen) exec(lines ...string) (status int) {
	for _, l := range lines {
		status = sc.s.Exec(context.Background(), l)
	}
	return status
}

func (sc *screen) execGdb(line string) int { return sc.s.ExecGdb(context.Background(), line) }

// idle has the owner idle for a time.
func (sc *screen) idle(d time.Duration) {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	sc.s.Idle(done)
}

// after has the owner's session interjected in a time from now.
func (sc *screen) after(d time.Duration, fn func()) {
	time.AfterFunc(d, func() { sc.s.Interject(fn) })
}

const (
	heldAt = "(the machine is stopped at %s; `gdb c`, or c at the (gdb) prompt, lets it go on)\n"
	// saidHi is what a hello in init and its replyhi print; saidHiToo, one that was forked.
	saidHi    = "send \"hello\" to 127.0.0.1:5001\nrecv \"hello\" from 127.0.0.1:%[1]d\nrecv \"hi\" from 127.0.0.1:5001\nsend \"hi\" to 127.0.0.1:%[1]d\n"
	saidHiToo = "send \"hello\" to 127.0.0.1:5001\nrecv \"hello\" from 127.0.0.1:%[1]d\nsend \"hi\" to 127.0.0.1:%[1]d\nrecv \"hi\" from 127.0.0.1:5001\n"
	stopConn  = "\nBreakpoint 1, tcp_v4_connect (sk=0x~, uaddr=0x~, addr_len=16) at net/ipv4/tcp_ipv4.c:203\n"
)

// bubble runs a test in a world whose time is the test's; a goroutine that is
// left behind fails it.
func bubble(t *testing.T, cfg Config, test func(sc *screen)) {
	synctest.Test(t, func(t *testing.T) {
		sc := openScreen(t, cfg)
		defer sc.s.Close()
		test(sc)
	})
}

// TestTwoPrompts: what belongs to which screen.
func TestTwoPrompts(t *testing.T) {
	bubble(t, Config{}, func(sc *screen) {
		sc.exec("replyhi", "gdb b tcp_v4_connect")
		sc.want("gdb b", "Please input hello...\nBreakpoint 1 at 0x~: file net/ipv4/tcp_ipv4.c, line 203.\n", "")
		if st := sc.exec("hello; echo behind"); st != 0 || !sc.s.Held() || sc.s.Foreground() != "hello" || sc.s.ForegroundPid() != 1 {
			t.Errorf("hello: status %d, held %v, foreground %q, pid %d", st, sc.s.Held(), sc.s.Foreground(), sc.s.ForegroundPid())
		}
		sc.want("hello", fmt.Sprintf(heldAt, "tcp_v4_connect")+"behind\n", stopConn)

		sc.execGdb("bt 1")
		sc.want("bt", "", "#0  tcp_v4_connect (sk=0x~, uaddr=0x~, addr_len=16) at net/ipv4/tcp_ipv4.c:203\n(More stack frames follow...)\n")
		sc.exec("gdb p addr_len", "gdb")
		sc.want("gdb p", "$1 = 16\n", "")
		if st := sc.execGdb("ss"); st != 1 {
			t.Errorf("ss at (gdb): status %d", st)
		}
		sc.want("ss at (gdb)", "", "Undefined command: \"ss\".  Try \"help\".\nss is a command of MenuOS: type it at MenuOS's prompt.\n")
		if st := sc.exec("ss -ltn", "ping 127.0.0.1"); st != 1 {
			t.Errorf("ping while held: status %d", st)
		}
		sc.want("while held", "State     Recv-Q    Send-Q       Local Address:Port        Peer Address:Port\nLISTEN    0         128              127.0.0.1:5001             0.0.0.0:*\n"+
			"ping: the machine is stopped at tcp_v4_connect; `gdb c` lets it go on\n", "")
		sc.execGdb("finish")
		if sc.s.Foreground() != "hello" || !sc.s.Held() {
			t.Errorf("finish let go of %q", sc.s.Foreground())
		}
		if out, gdb := sc.out.take(), sc.gdb.take(); out != "" || !strings.HasPrefix(gdb, "Run till exit from #0  tcp_v4_connect") {
			t.Errorf("finish: MenuOS shows\n%s\n(gdb) shows\n%s", out, gdb)
		}
		if st := sc.execGdb("c"); st != 0 {
			t.Errorf("c: status %d", st)
		}
		sc.want("c", fmt.Sprintf(saidHi, 60934), "Continuing.\n")
		sc.execGdb("c")
		sc.want("c with nothing held", "", "Continuing.\n")
		sc.exec("gdb c")
		sc.want("gdb c with nothing held", "The program is not being run.\nThe machine is running: it stops when a command enters a function that has an enabled breakpoint. "+
			"Set one (b tcp_v4_rcv), then run a command that gets there (replyhi, hello).\n", "")
	})
}

// TestTwoPromptsBlock: a command that awaits its rest belongs to the prompt that
// it was begun at.
func TestTwoPromptsBlock(t *testing.T) {
	bubble(t, Config{}, func(sc *screen) {
		prompts := func(shell, gdb string) {
			t.Helper()
			if s, g := sc.s.ShellPrompt(), sc.s.GdbPrompt(); s != shell || g != gdb {
				t.Errorf("prompts %q and %q, want %q and %q", s, g, shell, gdb)
			}
		}
		prompts("MenuOS>>", "(gdb) ")
		sc.execGdb("b tcp_v4_connect")
		sc.execGdb("commands")
		prompts("MenuOS>>", ">")
		sc.exec("echo shell")
		sc.execGdb("silent")
		sc.execGdb("end")
		prompts("MenuOS>>", "(gdb) ")
		sc.want("in the pane", "shell\n", "Breakpoint 1 at 0x~: file net/ipv4/tcp_ipv4.c, line 203.\nType commands for breakpoint(s) 1, one per line.\nEnd with a line saying just \"end\".\n")
		sc.exec("gdb commands")
		prompts(">", ">")
		sc.exec("print 6*7", "continue", "end")
		prompts("MenuOS>>", "(gdb) ")
		sc.exec("gdb commands")
		sc.s.CancelLine()
		prompts("MenuOS>>", "(gdb) ")
		sc.exec("for i in 1 2")
		prompts("> ", "(gdb) ")
		sc.s.CancelLine()
		prompts("MenuOS>>", "(gdb) ")
		sc.execGdb("commands")
		if !sc.s.LeaveGdb() || sc.s.LeaveGdb() {
			t.Error("Ctrl-D at > leaves the command once")
		}
		prompts("MenuOS>>", "(gdb) ")
		if head, words, tail := sc.s.CompleteGdb("delet 1", 5); head != "" || len(words) != 1 || words[0] != "delete" || tail != " 1" {
			t.Errorf("CompleteGdb: %q %q %q", head, words, tail)
		}
	})
}

// TestIdleStop: a stop in the background is reported when it comes, commands of
// the breakpoint included, and jobs that end are told of.
func TestIdleStop(t *testing.T) {
	bubble(t, Config{}, func(sc *screen) {
		sc.exec("replyhi", "gdb b tcp_v4_connect", "(sleep 2; hello) &")
		sc.out.take()
		sc.idle(1999 * time.Millisecond)
		sc.want("before", "", "")
		sc.idle(time.Millisecond)
		sc.want("the stop", "", stopConn)
		sc.idle(time.Hour)
		sc.want("held", "", "")
		sc.execGdb("commands 1")
		sc.execGdb("print addr_len")
		sc.execGdb("continue")
		sc.execGdb("end")
		sc.gdb.take()
		sc.execGdb("c")
		sc.want("c", fmt.Sprintf(saidHiToo, 60934)+"[2]+  Done                    (sleep 2; hello)\n", "Continuing.\n")
		sc.exec("(sleep 1; hello) &")
		sc.idle(time.Second)
		sc.want("commands", "[2]\n"+fmt.Sprintf(saidHiToo, 60936)+"[2]+  Done                    (sleep 1; hello)\n", stopConn+"$1 = 16\nContinuing.\n")
		sc.exec("sleep 1 &")
		if got := fmt.Sprint(sc.s.Jobs()); got != "[{1 3 replyhi Running} {2 8 sleep 1 Running}]" {
			t.Errorf("jobs: %s", got)
		}
		sc.exec("kill %1")
		sc.idle(time.Second)
		sc.want("jobs", "[2]\n[1]-  Terminated              replyhi\n[2]+  Done                    sleep 1\n", "")
	})
}

// TestInterject: others reach the session while a command waits.
func TestInterject(t *testing.T) {
	bubble(t, Config{}, func(sc *screen) {
		sc.exec("ip link add dummy0 type dummy", "ip addr add 10.9.9.1/8 dev dummy0", "ip link set dummy0 up")
		began := time.Now()
		var waits []string
		look := func() { waits = append(waits, sc.s.WaitsFor()) }
		sc.after(500*time.Millisecond, look)
		sc.after(5*time.Second, look)
		sc.after(6*time.Second, func() {
			for _, line := range []string{"c", "step", "b tcp_retransmit_timer"} {
				sc.execGdb(line)
			}
		})
		if st := sc.exec("hello --host 10.9.9.9"); st != 0 || !sc.s.Held() || time.Since(began) != 7096*time.Millisecond {
			t.Errorf("status %d, held %v after %v", st, sc.s.Held(), time.Since(began))
		}
		sc.want("the stop", fmt.Sprintf(heldAt, "tcp_retransmit_timer"), strings.Repeat("Cannot execute this command while the target is running.\n", 2)+
			"Breakpoint 1 at 0x~: file net/ipv4/tcp_timer.c, line 432.\n\nBreakpoint 1, tcp_retransmit_timer (sk=0x~) at net/ipv4/tcp_timer.c:432\n")
		if got := strings.Join(waits, "; "); got != "SYN-ACK from 10.9.9.9:5001; SYN-ACK from 10.9.9.9:5001 (SYN sent 3 times)" {
			t.Errorf("it waits for %q", got)
		}

		// An interrupt while it is held counts when the machine goes on.
		if !sc.s.Interrupt() || !sc.s.Held() || sc.s.Foreground() == "" {
			t.Error("the interrupt of a held command")
		}
		if st := sc.execGdb("c"); st != 130 || sc.s.Foreground() != "" || sc.s.Interrupt() {
			t.Errorf("c: status %d, foreground %q", st, sc.s.Foreground())
		}
		sc.want("interrupted", "", "Continuing.\n")
	})
}

// TestInterruptWait: Ctrl-C, and what was typed ahead of it runs in order.
func TestInterruptWait(t *testing.T) {
	bubble(t, Config{}, func(sc *screen) {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if st := sc.s.Exec(ctx, "sleep 10; echo not this"); st != 130 || time.Since(began) != 3*time.Second {
			t.Errorf("status %d after %v", st, time.Since(began))
		}
		lines := make(chan string, 4)
		go func() {
			defer close(lines)
			for _, l := range []string{"sleep 1; echo one", "sleep 2 &", "echo two", "fg"} {
				lines <- l
			}
		}()
		for l := range lines {
			sc.exec(l)
		}
		if time.Since(began) != 6*time.Second {
			t.Errorf("all done after %v", time.Since(began))
		}
		sc.want("typed ahead", "one\n[1]\ntwo\nsleep 2\n[1]+  Done                    sleep 2\n", "")
	})
}

// TestPaused: a command given to a machine that is paused waits, one that looks
// does not, and Ctrl-C gives the prompt back.
func TestPaused(t *testing.T) {
	bubble(t, Config{}, func(sc *screen) {
		m := sc.s.Machine()
		m.Pause()
		time.AfterFunc(time.Minute, m.Unpause)
		began := time.Now()
		sc.exec("echo at once", "ss -ltn", "ip -br link")
		if time.Since(began) != 0 {
			t.Errorf("looking took %v", time.Since(began))
		}
		sc.exec("replyhi")
		if time.Since(began) != time.Minute {
			t.Errorf("replyhi took %v", time.Since(began))
		}
		sc.out.take()

		m.Pause()
		for _, line := range []string{"hello", "sleep 1", "ip link set lo down", "replyhi --port 80", "sleep 1 &"} {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if st := sc.s.Exec(ctx, line); st != 130 && line != "sleep 1 &" || !m.Paused() {
				t.Errorf("%s: status %d, paused %v", line, st, m.Paused())
			}
			cancel()
		}
		time.AfterFunc(time.Second, m.Unpause)
		sc.idle(3 * time.Second) // the interrupted ones end, and the call that was under way is made
		if got := sc.exec("ip -br link show lo"); got != 0 || len(sc.s.lines) != 0 {
			t.Errorf("status %d, %d lines are left", got, len(sc.s.lines))
		}
		if out := sc.out.take(); !strings.Contains(out, "lo               DOWN") || strings.Contains(out, "recv") {
			t.Errorf("afterwards:\n%s", out)
		}
		sc.exec("ip link set lo up")
		if st := sc.exec("x=1", "hello", "test $x = 1"); st != 0 {
			t.Errorf("hello afterwards: %s", sc.out.take())
		}

		// The debugger's continue ends a pause, as it ends a stop.
		m.Pause()
		sc.out.take()
		sc.exec("gdb c")
		sc.want("gdb c", "Continuing.\n", "")
		if m.Paused() {
			t.Error("it is still paused")
		}
		m.Pause()
		if sc.execGdb("c"); m.Paused() {
			t.Error("it is still paused")
		}
	})
}

// TestInterruptBeside: an interrupt that comes by Interject ends the whole line,
// on a machine that runs and on one that is paused at that moment.
func TestInterruptBeside(t *testing.T) {
	for _, pause := range []bool{false, true} {
		bubble(t, Config{}, func(sc *screen) {
			m := sc.s.Machine()
			sc.after(time.Second, func() {
				if pause {
					m.Pause()
				}
				sc.s.Interrupt()
			})
			began := time.Now()
			if st := sc.exec("sleep 10; echo not this"); st != 130 || m.Paused() != pause || time.Since(began) != time.Second {
				t.Errorf("status %d, paused %v after %v", st, m.Paused(), time.Since(began))
			}
			m.Unpause()
			sc.idle(time.Second)
			if n := len(sc.s.lines); n != 0 {
				t.Errorf("%d lines are left", n)
			}
			sc.want("interrupted", "", "")
		})
	}
}

// TestRunToEventBeside: somebody else lets the machine go on, and holds it.
func TestRunToEventBeside(t *testing.T) {
	bubble(t, Config{}, func(sc *screen) {
		sc.exec("replyhi", "gdb b tcp_v4_connect", "hello")
		sc.out.take()
		sc.gdb.take()
		found := sc.s.Machine().RunToEvent(func(ev *stack.Event) bool { return ev.Name == "net_dev_queue" })
		sc.idle(time.Second)
		if out, gdb := sc.out.take(), sc.gdb.take(); !<-found || out != "" || !strings.HasPrefix(gdb, "__dev_queue_xmit (skb=0x~) at net/core/dev.c:") {
			t.Errorf("MenuOS shows\n%s\n(gdb) shows\n%s", out, gdb)
		}
		sc.exec("gdb c")
		sc.want("gdb c", "Continuing.\n"+fmt.Sprintf(saidHi, 60934), "")

		// Somebody lets a held command go on for good: it ends in Idle, or continue
		// waits for it.
		sc.exec("hello")
		sc.s.Machine().Continue()
		sc.idle(time.Second)
		if sc.s.Held() || sc.s.Foreground() != "" {
			t.Errorf("held %v, foreground %q", sc.s.Held(), sc.s.Foreground())
		}
		sc.exec("gdb delete", "gdb tb __sys_socket", "ping -c 3 127.0.0.1")
		sc.s.Machine().Continue()
		began := time.Now()
		sc.idle(time.Second)
		if sc.s.Foreground() != "ping -c 3 127.0.0.1" {
			t.Errorf("foreground %q", sc.s.Foreground())
		}
		sc.exec("gdb c")
		if d := time.Since(began); d != 2*time.Second || sc.s.Foreground() != "" {
			t.Errorf("ping took %v, foreground %q", d, sc.s.Foreground())
		}
	})
}

// TestIdleJumping: where time passes only while somebody waits, Idle does not.
func TestIdleJumping(t *testing.T) {
	bubble(t, Config{Speed: math.Inf(1)}, func(sc *screen) {
		began := time.Now()
		sc.exec("sleep 1000", "sleep 100 &")
		at := sc.s.Machine().Now()
		if time.Since(began) != 0 || at < 1000*time.Second {
			t.Errorf("%v passed, the machine is at %v", time.Since(began), at)
		}
		sc.idle(time.Hour)
		if now := sc.s.Machine().Now(); now != at {
			t.Errorf("the machine's time went from %v to %v", at, now)
		}
		sc.exec("wait")
		sc.want("wait", "[1]\n[1]+  Done                    sleep 100\n", "")
	})
}

// TestCloseUnderWay: whatever the session is at, Close ends it, and all its
// goroutines.
func TestCloseUnderWay(t *testing.T) {
	for name, at := range map[string]func(sc *screen){
		"waiting": func(sc *screen) { sc.exec("fg") },
		"held":    func(sc *screen) { sc.exec("gdb b tcp_v4_rcv", "hello"); sc.s.Idle(nil) },
		"paused":  func(sc *screen) { sc.s.Machine().Pause(); sc.exec("hello") },
		"called":  func(sc *screen) { sc.s.Machine().Pause(); sc.exec("ip link set lo down") },
		"in a call": func(sc *screen) {
			sc.exec("gdb b devinet_ioctl", "ifconfig lo down")
			sc.s.Idle(nil)
		},
		"idle":    func(sc *screen) { sc.exec("sleep 10 &"); sc.s.Idle(nil) },
		"at work": func(sc *screen) { sc.exec("while true; do true; done") },
	} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			sc := openScreen(t, Config{})
			sc.exec("replyhi")
			begun, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				close(begun)
				at(sc)
			}()
			<-begun
			if name != "at work" {
				heard := make(chan struct{})
				sc.s.Interject(func() { close(heard) })
				<-heard
			}
			sc.s.Close()
			<-done
			sc.s.Close()
			sc.s.Interject(func() { t.Error("a closed session is used") })
			if st := sc.exec("echo more"); st != 130 {
				t.Errorf("Exec of a closed session: status %d", st)
			}
			sc.s.Idle(nil)
		})
	}
}

// TestInterjectBusily has debugger and machine work side by side: a test for the
// race detector.
func TestInterjectBusily(t *testing.T) {
	sc := openScreen(t, Config{Speed: 1000})
	defer sc.s.Close()
	sc.exec("replyhi", "gdb b tcp_v4_connect if $seen >= 0", "gdb ignore 1 1000000", "gdb set $seen = 0")
	asked := 0
	var ask func()
	ask = func() {
		asked++
		for _, line := range []string{"info b", "set $seen = $seen + 1", "b tcp_v4_rcv if $seen < 0", "delete $bpnum", "disable 1", "enable 1"} {
			sc.execGdb(line)
		}
		sc.s.CompleteGdb("b tcp_v4", 8)
		if sc.s.Foreground() != "" {
			sc.s.Interject(ask)
		}
	}
	sc.s.Interject(ask)
	if st := sc.exec("for i in 1 2 3 4 5 6 7 8 9; do hello; sleep 1; done"); st != 0 || asked == 0 {
		t.Errorf("status %d, asked %d times", st, asked)
	}
	if out, gdb := sc.out.take(), sc.gdb.take(); strings.Count(out, `recv "hi"`) != 9 || strings.Contains(gdb, "Breakpoint 1,") {
		t.Errorf("MenuOS shows\n%s\n(gdb) shows\n%s", out, gdb)
	}
}
