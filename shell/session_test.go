package shell

import (
	"bytes"
	"context"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"menuos/stack"
)

// open makes a session whose output the test reads.
func open(t *testing.T, cfg Config) (*Session, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	cfg.Out = &out
	before := runtime.NumGoroutine()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(end) {
				buf := make([]byte, 1<<16)
				t.Fatalf("goroutines are left:\n%s", buf[:runtime.Stack(buf, true)])
			}
		}
	})
	return s, &out
}

// run executes lines and returns what they printed.
func run(t *testing.T, s *Session, out *bytes.Buffer, lines ...string) string {
	t.Helper()
	out.Reset()
	for _, l := range lines {
		s.Exec(context.Background(), l)
	}
	return out.String()
}

func TestSameSeedSameBytes(t *testing.T) {
	session := func(seed uint64) string {
		s, out := open(t, Config{Seed: seed})
		return run(t, s, out, "show steps on", "replyhi", "gdb b tcp_v4_rcv", "hello", "gdb bt", "gdb delete", "gdb c",
			"hello & hello", "wait", "ss -tanoeimp", "nstat", "show steps", "show timers")
	}
	first := session(1)
	for range 5 {
		if got := session(1); got != first {
			t.Fatalf("two runs of one seed differ:\n%s\n%s", first, got)
		}
	}
	if session(2) == first {
		t.Error("another seed gives the same run")
	}
}

// TestHeld: while a breakpoint holds a command the prompt goes on.
func TestHeld(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "replyhi", "gdb b tcp_v4_connect", "x=1")
	got := run(t, s, out, "for i in 1 2; do hello; done; echo behind")
	if !strings.Contains(got, "Breakpoint 1, tcp_v4_connect") || !s.Held() || !strings.Contains(got, "behind") {
		t.Fatalf("not held: %s", got)
	}
	if got := run(t, s, out, "echo $x | cat", "ps", "ss -ltn"); !strings.HasPrefix(got, "1\n") || !strings.Contains(got, "replyhi") || !strings.Contains(got, "LISTEN") {
		t.Errorf("commands that only look: %s", got)
	}
	for _, l := range []string{"hello", "ping -c 1 127.0.0.1", "sleep 1", "ifconfig lo down", "ip link set lo down", "ip route add default dev lo"} {
		if got := run(t, s, out, l); !strings.Contains(got, "the machine is stopped at tcp_v4_connect; `gdb c` lets it go on") {
			t.Errorf("%s: %s", l, got)
		}
	}
	if got := run(t, s, out, "gdb c"); strings.Count(got, "recv \"hi\"") != 1 || !s.Held() {
		t.Errorf("the second round is not held: %s", got)
	}
	if got := run(t, s, out, "gdb c"); strings.Count(got, "recv \"hi\"") != 1 || s.Held() {
		t.Errorf("the loop does not end: %s", got)
	}
}

// TestStopInBackground: a breakpoint in a process behind the prompt.
func TestStopInBackground(t *testing.T) {
	s, out := open(t, Config{})
	got := run(t, s, out, "gdb tb inet_csk_accept", "replyhi")
	if !strings.Contains(got, "Please input hello...\n\nTemporary breakpoint 1, inet_csk_accept") {
		t.Fatalf("no stop: %s", got)
	}
	if got := run(t, s, out, "gdb c", "hello"); !strings.Contains(got, `recv "hi"`) {
		t.Errorf("hello: %s", got)
	}
}

// TestStopInConfiguration: a breakpoint in what ip does.
func TestStopInConfiguration(t *testing.T) {
	s, out := open(t, Config{})
	got := run(t, s, out, "gdb tb devinet_ioctl", "ifconfig lo down")
	if !s.Held() {
		t.Fatalf("the machine went on past the breakpoint: %s", got)
	}
	got = run(t, s, out, "gdb bt 1", "gdb c", "ip -br link show lo")
	if !strings.Contains(got, "DOWN") {
		t.Errorf("the command did not end: %s", got)
	}
}

func TestCloseWhileHeld(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "replyhi", "gdb b tcp_v4_rcv", "hello")
	if !s.Held() {
		t.Fatal(out.String())
	}
}

// TestInterrupt: Ctrl-C ends what waits and what does not.
func TestInterrupt(t *testing.T) {
	for _, line := range []string{"fg", "while true; do true; done", "while true; do sleep 1; done", "ping -c 1000000 127.0.0.1"} {
		s, out := open(t, Config{Interactive: true})
		run(t, s, out, "replyhi")
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		if st := s.Exec(ctx, line); st == 0 && !strings.HasPrefix(line, "ping") {
			t.Errorf("%s: status %d", line, st)
		}
		cancel()
		if got := run(t, s, out, "echo alive"); !strings.Contains(got, "alive") {
			t.Errorf("%s: %s", line, got)
		}
	}
}

func TestRealClock(t *testing.T) {
	s, out := open(t, Config{Clock: stack.ClockReal, Speed: 100})
	got := run(t, s, out, "replyhi", "hello", "sleep 1", "gdb tb tcp_v4_connect", "hello", "gdb c", "kill %1", "jobs")
	if strings.Count(got, `recv "hi"`) != 2 || !strings.Contains(got, "Temporary breakpoint 1, tcp_v4_connect") {
		t.Errorf("real clock: %s", got)
	}
}

func TestComplete(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "replyhi", "echo a > file")
	for _, tt := range []struct{ line, head, word string }{
		{"hel", "", "hello "},
		{"echo a; ss -t | gr", "echo a; ss -t | ", "grep "},
		{"ss state est", "ss state ", "established "},
		{"kill %", "kill ", "%1 "},
		{"cat f", "cat ", "file "},
		{"echo > f", "echo > ", "file "},
		{"sysctl net.ipv4.tcp_syncoo", "sysctl ", "net.ipv4.tcp_syncookies "},
		{"ss --mem", "ss ", "--memory "},
		{"ifconfig e", "ifconfig ", "eth0 "},
		{"help lab", "help ", "lab-bugs "},
		{"gdb b tcp_v4_connec", "gdb b ", "tcp_v4_connect"},
		{"gdb delet", "gdb ", "delete"},
	} {
		head, words, tail := s.Complete(tt.line, len(tt.line))
		if head != tt.head || tail != "" || !slices.ContainsFunc(words, func(w string) bool { return strings.TrimSpace(w) == strings.TrimSpace(tt.word) }) {
			t.Errorf("Complete(%q) = %q, %q", tt.line, head, words)
		}
	}
	head, words, tail := s.Complete("hel world", 3)
	if head != "" || tail != " world" || len(words) == 0 {
		t.Errorf("in the middle: %q %q %q", head, words, tail)
	}
}

func TestSplitGdb(t *testing.T) {
	for line, want := range map[string]string{
		"gdb b f; hello; gdb bt":        "gdb b f|+ hello|gdb bt",
		"hello; ss":                     "+hello; ss",
		`gdb printf "a;b\n"; hello`:     `gdb printf "a;b\n"|+ hello`,
		"echo 'gdb x; y'; gdb c":        "+echo 'gdb x; y'|gdb c",
		"for i in 1; do gdb bt; done":   "+for i in 1; do gdb bt; done",
		"a; b; gdb c; d; e":             "+a; b|gdb c|+ d; e",
		"gdb p *sk # and ; more":        "gdb p *sk # and ; more",
		"gdb b f if (x->a == 1); hello": "gdb b f if (x->a == 1)|+ hello",
	} {
		var got []string
		for _, s := range splitGdb(line, false, false) {
			text := s.text
			if s.gdb {
				text = strings.TrimSpace(text)
			} else {
				text = "+" + text
			}
			got = append(got, text)
		}
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("%s: %q, want %q", line, g, want)
		}
	}
}

// TestMessages: every sentence stands in both languages, with the same verbs.
func TestMessages(t *testing.T) {
	verb := regexp.MustCompile(`%[-+#0-9.]*[a-zA-Z]`)
	check := func(what string, m text) {
		if m.en == "" || m.zh == "" {
			t.Errorf("%s lacks a language", what)
		}
		if a, b := verb.FindAllString(m.en, -1), verb.FindAllString(m.zh, -1); !slices.Equal(a, b) {
			t.Errorf("%s: verbs %q and %q", what, a, b)
		}
	}
	for k, m := range messages {
		check(k, m)
	}
	for _, bug := range labBugs {
		check("lab bug", bug)
	}
	for _, c := range Commands() {
		if c.Group != groupLab {
			check(c.Name, c.Summary)
		}
		if c.Help != (text{}) {
			check(c.Name, c.Help)
		}
		if c.Run == nil {
			t.Errorf("%s does nothing", c.Name)
		}
	}
}

func TestSsTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		119 * time.Second: "1min59sec", 60 * time.Second: "1min", 59 * time.Second: "59sec", 4250 * time.Millisecond: "4.250ms",
		204 * time.Millisecond: "204ms", 2 * time.Hour: "120min", 12345 * time.Millisecond: "12sec",
	} {
		if got := ssTime(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}

// TestSsFilter: filters with all their words.
func TestSsFilter(t *testing.T) {
	for _, bad := range []string{"state", "state foo", "sport = :x", "( sport = :1", "frob", "sport = :1 )"} {
		if _, err := parseSsFilter(strings.Fields(bad), allStates); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	k := &stack.SockInfo{State: "ESTAB"}
	for _, f := range []string{"state all", "exclude listening", "sport = :0", "sport=:0", "sport != :1 and dport < :1", "not sport = :1",
		"( sport = :1 or dport = :0 )", "state established dst * "} {
		flt, err := parseSsFilter(strings.Fields(f), allStates)
		if err != nil || !slices.Contains(flt.states, "ESTAB") || flt.match != nil && strings.Contains(f, "port") && !flt.match(k) {
			t.Errorf("%q: %v", f, err)
		}
	}
}
