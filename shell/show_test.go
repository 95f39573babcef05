package shell

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"menuos/stack/wire"
)

// want fails if what lines printed is not what it should be.
func want(t *testing.T, line, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("MenuOS>>%s\nprints\n%s\nwant\n%s", line, got, want)
	}
}

const helloLadder = `tcp         127.0.0.1:60934                            127.0.0.1:5001 LISTEN
  0.000000  SYN-SENT   ─── S 0:0(0) <mss 65495,sackOK,wscale 6> ────> SYN-RECV
  0.000000  ESTAB      <── S. 0:0(0) ack 1 win 65483 ────────────────
  0.000000             ─── . 1:1(0) ack 1 win 1024 ─────────────────> ESTAB
  0.000000             ─── P. 1:6(5) ack 1 win 1024 ────────────────>
  0.000000             <── . 1:1(0) ack 6 win 1024 ──────────────────
  0.000000             <── P. 1:3(2) ack 6 win 1024 ─────────────────
  0.000000             ─── . 6:6(0) ack 3 win 1024 ─────────────────>
  0.000000  FIN-WAIT-1 ─── F. 6:6(0) ack 3 win 1024 ────────────────> CLOSE-WAIT
  0.000000  FIN-WAIT-2 <── F. 3:3(0) ack 7 win 1024 ───────────────── LAST-ACK
  0.000000  TIME-WAIT  ─── . 7:7(0) ack 4 win 1024 ─────────────────> UNCONN
`

func TestShowLadder(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "show steps on", "replyhi", "hello")
	for range 2 { // reading does not consume
		want(t, "show ladder", run(t, s, out, "show ladder"), helloLadder)
	}
	want(t, "show ladder 5001", run(t, s, out, "show ladder 5001"), helloLadder)
	want(t, "show ladder 80", run(t, s, out, "show ladder 80"), "(no packets among the recorded steps)\n")
	ascii := strings.NewReplacer("─", "-").Replace(helloLadder)
	want(t, "show ladder --ascii", run(t, s, out, "show ladder --ascii"), ascii)
	run(t, s, out, "UDP_Client")
	got := run(t, s, out, "show ladder")
	if !strings.HasPrefix(got, helloLadder+"\nudp ") || !strings.HasSuffix(got, "\n(x lost)\n") {
		t.Errorf("the ladder with a datagram that nobody takes:\n%s", got)
	}
}

func TestShowSteps(t *testing.T) {
	s, out := open(t, Config{})
	begin := "show: nothing is recorded yet: type `show steps on`, then what you want to see (`hello`), then `show steps` or `show ladder`\n"
	for _, line := range []string{"show steps", "show ladder", "bt 1"} {
		got := run(t, s, out, line)
		want(t, line, got, strings.Replace(begin, "show:", strings.Fields(line)[0]+":", 1))
	}
	want(t, "show steps on", run(t, s, out, "show steps on", "show steps"), "recording steps\n(none)\n")
	run(t, s, out, "replyhi", "hello")
	all := run(t, s, out, "show steps")
	want(t, "show steps", run(t, s, out, "show steps"), all)
	lines := strings.SplitAfter(strings.TrimSuffix(all, "\n"), "\n")
	if len(lines) != 49 || !strings.HasPrefix(lines[0], "#1    +0.000000  ~ 127.0.0.1:5001   listen replyhi/3 ") {
		t.Errorf("show steps prints %d lines, want 49:\n%s", len(lines), all)
	}
	what := strings.LastIndex(lines[0], "UNCONN -> LISTEN")
	for _, line := range lines {
		if len(line) < what || line[what-1] != ' ' || line[what] == ' ' {
			t.Errorf("the last column of %q does not begin at %d", line, what)
		}
	}
	want(t, "show steps -n 1", run(t, s, out, "show steps -n 1"),
		"#49   +0.000000  0 127.0.0.1:5001  backlog replyhi/3  tcp_rcv_state_process  socket destroyed\n")
	got := run(t, s, out, "show steps -t state,reset")
	if strings.Count(got, "\n") != 11 || strings.Count(got, " ~ ") != 11 {
		t.Errorf("the state changes are\n%s\nwant 11 lines with a ~", got)
	}
	got = run(t, s, out, "show steps -t packets -n 1")
	if !strings.HasPrefix(got, "#45 ") || strings.Count(got, "\n") != 1 {
		t.Errorf("the last packet is\n%s\nwant step 45", got)
	}
	run(t, s, out, "show steps off", "hello")
	want(t, "show steps after off", run(t, s, out, "show steps"), all)
	want(t, "show steps clear", run(t, s, out, "show steps on", "show steps clear", "show steps"), "recording steps\n(none)\n")
	want(t, "show steps off; show steps clear; show steps", run(t, s, out, "show steps off; show steps clear; show steps off; show steps"), begin)
}

func TestShowErrors(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "show steps on")
	for line, words := range map[string]string{
		"show":                "an argument is missing",
		"show frobs":          `unknown: "frobs"`,
		"show sockets all":    `unexpected argument "all"`,
		"show steps on off":   `unexpected argument "off"`,
		"show steps maybe":    `unknown: "maybe"`,
		"show steps -t frobs": `unknown: "frobs"; known are armed,`,
		"show steps -n -1":    `not a number: "-1"`,
		"show steps -n x":     `invalid argument "x"`,
		"show steps on -n 3":  "that option is not for steps on",
		"show timers -n 3":    "that option is not for timers",
		"show queues --ascii": "that option is not for queues",
		"show ladder five":    `not a number: "five"`,
		"show ladder 70000":   `not a number: "70000"`,
		"bt x":                `not a number: "x"`,
		"bt 1 2":              `unexpected argument "2"`,
	} {
		out.Reset()
		if st := s.Exec(context.Background(), line); st != 2 || !strings.Contains(out.String(), words) || !strings.Contains(out.String(), "Usage: ") {
			t.Errorf("%s: status %d, want 2 and %q:\n%s", line, st, words, out)
		}
	}
	for line, words := range map[string]string{
		"bt":   "bt: The machine is not stopped. bt NUMBER gives",
		"bt 7": "bt: there is no step 7: nothing has happened yet\n",
	} {
		out.Reset()
		if st := s.Exec(context.Background(), line); st != 1 || !strings.HasPrefix(out.String(), words) {
			t.Errorf("%s: status %d, want 1 and %q:\n%s", line, st, words, out)
		}
	}
	run(t, s, out, "hello")
	want(t, "bt 99", run(t, s, out, "bt 99"), "bt: there is no step 99; the record has 1 to 13\n")
}

// TestShowStepsLost: a record that was not looked at in time says what it lost,
// and one that was forgets the oldest.
func TestShowStepsLost(t *testing.T) {
	hellos := strings.Repeat("hello; ", 90) // 48 steps each, and 1
	s, out := open(t, Config{})
	run(t, s, out, "show steps on", "replyhi", hellos)
	got := run(t, s, out, "show steps")
	if !strings.HasPrefix(got, "(225 earlier steps were lost)\n#226 ") || strings.Count(got, "\n") != 4097 {
		t.Errorf("after 4,321 steps unseen show steps begins\n%.200s\nand has %d lines, want a line on 225 that were lost and 4,096", got, strings.Count(got, "\n"))
	}
	s, out = open(t, Config{})
	run(t, s, out, "show steps on", "replyhi")
	for range 3 {
		run(t, s, out, strings.Repeat("hello; ", 30), "show steps -n 1")
	}
	got = run(t, s, out, "show steps")
	if !strings.HasPrefix(got, "(the first 225 steps are not kept any more)\n#226 ") || strings.Count(got, "\n") != 4097 {
		t.Errorf("after 4,321 steps show steps begins\n%.200s\nand has %d lines, want a line on 225 that are gone and 4,096", got, strings.Count(got, "\n"))
	}
	got = run(t, s, out, "bt 1")
	want(t, "bt 1", got, "bt: there is no step 1; the record has 226 to 4321\n")
}

// TestBtOfStop: bt is gdb bt.
func TestBtOfStop(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "replyhi", "gdb b tcp_v4_rcv", "hello")
	gdb := run(t, s, out, "gdb bt")
	if !strings.HasPrefix(gdb, "#0  tcp_v4_rcv (skb=0x") {
		t.Fatal(gdb)
	}
	want(t, "bt", run(t, s, out, "bt"), gdb)
}

// TestBtOfStep: the backtrace of a step has the frames that a breakpoint there
// shows, with the contexts between them.
func TestBtOfStep(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "show steps on", "replyhi", "hello")
	got := run(t, s, out, "bt 9")
	head := "#9    +0.000000  ~ 127.0.0.1:60934  backlog hello/1  tcp_finish_connect  SYN-SENT -> ESTAB\n" +
		"-- socket backlog: what came while the call held the socket --\n#0  inet_sk_state_store ("
	if !strings.HasPrefix(got, head) {
		t.Errorf("bt 9 begins\n%.300s\nwant\n%s", got, head)
	}
	for _, part := range []string{"__release_sock (sk=0x", "-- system call connect of hello/1 --\n#", "-- hello/1 itself, in user space --\n#"} {
		if !strings.Contains(got, part) {
			t.Errorf("bt 9 has no %q:\n%s", part, got)
		}
	}
	if strings.Contains(got, "(sk=<optimized out>") {
		t.Errorf("arguments were not recorded:\n%s", got)
	}
	frames := regexp.MustCompile(`(?m)^#(\d+) `).FindAllStringSubmatch(got[strings.Index(got, "\n"):], -1)
	for i, f := range frames {
		if f[1] != fmt.Sprint(i) {
			t.Errorf("frame %d has number %s", i, f[1])
		}
	}
}

func TestShowStepsChinese(t *testing.T) {
	s, out := open(t, Config{Lang: "zh"})
	run(t, s, out, "show steps on", "hello")
	want(t, "show steps -n 4", run(t, s, out, "show steps -t packets,armed"), strings.TrimLeft(`
#2    +0.000000  > 127.0.0.1:60934  connect hello/1  tcp_connect        S 0:0(0) win 65495 <mss 65495,sackOK,TS val 1366271212 ecr 0,nop,wscale 6>
#3    +0.000000  < 127.0.0.1:5001   软中断 hello/1   process_backlog    S 0:0(0) win 65495 <mss 65495,sackOK,TS val 1366271212 ecr 0,nop,wscale 6>
#4    +0.000000  > 127.0.0.1:5001   软中断 hello/1   tcp_v4_send_reset  R. 0:0(0) ack 1 win 0
#5    +0.000000  x 127.0.0.1:5001   软中断 hello/1   tcp_v4_rcv         S 0:0(0) win 65495 <mss 65495,sackOK,TS val 1366271212 ecr 0,nop,wscale 6> 在 tcp_v4_rcv 中被丢弃
#6    +0.000000  < 127.0.0.1:60934  软中断 hello/1   process_backlog    R. 0:0(0) ack 1 win 0
#7    +0.000000  + 127.0.0.1:60934  connect hello/1  tcp_connect        启动 retransmit 定时器,1s 后触发:tcp_write_timer
`, "\n"))
}

// TestShowQueues: a listener's queues with who waits there.
func TestShowQueues(t *testing.T) {
	s, out := open(t, Config{})
	link, err := s.Machine().AttachLink("link0", 1500, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Machine().AddAddr("link0", netip.MustParsePrefix("192.0.2.1/24")); err != nil {
		t.Fatal(err)
	}
	run(t, s, out, "replyhi --host 192.0.2.1")
	link.Inject(syn("192.0.2.9:1000", "192.0.2.1:5001"))
	s.Machine().Settle()
	want(t, "show queues", run(t, s, out, "show queues"), strings.TrimLeft(`
SK  LOCAL           PEER       QUEUE   CONTENT
5   192.0.2.1:5001  0.0.0.0:*  syn     1/128: 192.0.2.9:1000 (0s old, 0 sent again, next in 1s)
5   192.0.2.1:5001  0.0.0.0:*  accept  0/128
`, "\n"))
	run(t, s, out, "sleep 2")
	got := run(t, s, out, "show queues")
	if !strings.Contains(got, "192.0.2.9:1000 (2s old, 1 sent again, next in 1.") {
		t.Errorf("two seconds later the request is not 2s old with one SYN-ACK sent again:\n%s", got)
	}
}

// syn is a SYN from one endpoint to another.
func syn(from, to string) []byte {
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	b := make([]byte, wire.IPv4MinLen+wire.TCPMinLen)
	ip, th := wire.IPv4(b), wire.TCP(b[wire.IPv4MinLen:])
	ip.SetVersionIHL(wire.IPv4MinLen)
	ip.SetTotalLen(uint16(len(b)))
	ip.SetTTL(64)
	ip.SetProtocol(wire.ProtoTCP)
	ip.SetSrc(wire.AddrFrom4(src.Addr().As4()))
	ip.SetDst(wire.AddrFrom4(dst.Addr().As4()))
	ip.UpdateChecksum()
	th.SetSrcPort(src.Port())
	th.SetDstPort(dst.Port())
	th.SetDataOffFlags(wire.TCPMinLen, wire.SYN)
	th.SetWindow(1000)
	th.UpdateChecksum(ip.Src(), ip.Dst())
	return b
}

func TestShowCompletes(t *testing.T) {
	s, _ := open(t, Config{})
	for line, words := range map[string][]string{
		"show s":           {"sockets ", "steps "},
		"show steps ":      {"clear ", "off ", "on "},
		"show steps -t wa": {"wakeup "},
		"show steps --l":   {"--last "},
	} {
		if _, got, _ := s.Complete(line, len(line)); !slices.Equal(got, words) {
			t.Errorf("%q completes to %q, want %q", line, got, words)
		}
	}
}

// TestStepsAreTheMachines: show steps, show ladder and the counters count the
// same segments.
func TestStepsAreTheMachines(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "show steps on", "replyhi", "hello")
	var segs uint64
	for _, c := range s.Machine().Counters() {
		if c.Name == "TcpOutSegs" {
			segs = c.Value
		}
	}
	steps, rows := strings.Count(run(t, s, out, "show steps -t sent"), "\n"), strings.Count(run(t, s, out, "show ladder"), "\n")-1
	if uint64(steps) != segs || steps != rows {
		t.Errorf("%d steps say sent, the ladder has %d rows, TcpOutSegs is %d", steps, rows, segs)
	}
}
