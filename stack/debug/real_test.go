package debug_test

import (
	"io"
	"net/netip"
	"strings"
	"testing"

	"menuos/stack"
	"menuos/stack/debug"
)

var _ debug.Target = (*stack.Stack)(nil)

var server = netip.MustParseAddrPort("127.0.0.1:5001")

func replyhi(p *stack.Proc) int {
	fd, err := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
	if err == nil {
		err = p.Bind(fd, server)
	}
	if err == nil {
		err = p.Listen(fd, 1024)
	}
	for err == nil {
		var nfd int
		if nfd, _, err = p.Accept(fd); err != nil {
			break
		}
		p.Recv(nfd, make([]byte, 64), 0)
		p.Send(nfd, []byte("hi\x00"), 0)
		p.Close(nfd)
	}
	return 1
}

func hello(p *stack.Proc) int {
	fd, err := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
	if err != nil {
		return 1
	}
	if err := p.Connect(fd, server); err != nil {
		return 2
	}
	p.Send(fd, []byte("hello\x00"), 0)
	p.Recv(fd, make([]byte, 64), 0)
	p.Close(fd)
	return 0
}

// laboratory is a machine with replyhi waiting, and its debugger.
func laboratory(t *testing.T) (*stack.Stack, *debug.Debugger) {
	t.Helper()
	s := stack.New(stack.Config{})
	t.Cleanup(s.Close)
	if err := s.IfUp("lo"); err != nil {
		t.Fatal(err)
	}
	s.Spawn("replyhi", io.Discard, replyhi)
	s.Settle()
	return s, debug.New(s)
}

// drive does what a shell does with a foreground job.
func drive(s *stack.Stack, d *debug.Debugger, j *stack.Job, act debug.Action, out io.Writer) error {
	var err error
	for act == debug.Resume && err == nil && s.Wait(j) == stack.Stopped {
		act, err = d.Report(out)
	}
	return err
}

func exec(t *testing.T, d *debug.Debugger, line string) string {
	t.Helper()
	var out strings.Builder
	if _, err := d.Exec(line, &out); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return out.String()
}

// TestLaboratory is the classic: a breakpoint at tcp_v4_rcv, and the backtrace
// of the first segment, which is received inside the sender's connect.
func TestLaboratory(t *testing.T) {
	s, d := laboratory(t)
	exec(t, d, "b tcp_v4_rcv")
	j := s.Spawn("hello", io.Discard, hello)
	var out strings.Builder
	if err := drive(s, d, j, debug.Resume, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "\nBreakpoint 1, tcp_v4_rcv (skb=0xffff8880") ||
		!strings.HasSuffix(out.String(), ") at net/ipv4/tcp_ipv4.c:1782\n") {
		t.Errorf("stop: %q", out.String())
	}
	bt := exec(t, d, "bt")
	from := 0
	for _, fn := range []string{"tcp_v4_rcv", "ip_protocol_deliver_rcu", "ip_local_deliver", "ip_rcv", "process_backlog",
		"net_rx_action", "__do_softirq", "ip_finish_output2", "__tcp_transmit_skb", "tcp_connect", "tcp_v4_connect",
		"__sys_connect", "entry_SYSCALL_compat", "??"} {
		i := strings.Index(bt[from:], " "+fn+" (")
		if i < 0 {
			t.Fatalf("bt lacks %s, in its place:\n%s", fn, bt)
		}
		from += i
	}
	for expr, want := range map[string]string{
		"skb->len": "40", "th->syn": "1", "tcp_hdr(skb)->ack": "0", "ip_hdr(skb)->protocol": `6 '\006'`,
	} {
		got := exec(t, d, "output "+expr)
		if got != want {
			t.Errorf("%s = %s, want %s", expr, got, want)
		}
	}
	exec(t, d, "delete")
	act, err := d.Exec("c", &out)
	if err == nil {
		err = drive(s, d, j, act, &out)
	}
	if err != nil || !j.Done() || j.ExitCode() != 0 {
		t.Errorf("hello: done %v, exit status %d, %v", j.Done(), j.ExitCode(), err)
	}
}

// TestCommandFile runs a whole hello under a command file.
func TestCommandFile(t *testing.T) {
	s, d := laboratory(t)
	const file = `set pagination off
b tcp_v4_rcv
commands
silent
printf "%d syn=%d\n", skb->len, tcp_hdr(skb)->syn
c
end
b tcp_set_state if sk->sk_state == TCP_LISTEN
`
	if _, err := d.ExecReader(strings.NewReader(file), "lab.gdb", io.Discard); err != nil {
		t.Fatal(err)
	}
	j := s.Spawn("hello", io.Discard, hello)
	var out strings.Builder
	if err := drive(s, d, j, debug.Resume, &out); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "syn=1"); got != 2 {
		t.Errorf("%d segments with SYN, want 2:\n%s", got, out.String())
	}
	if got := strings.Count(out.String(), "syn="); got != 10 {
		t.Errorf("%d segments, want 10:\n%s", got, out.String())
	}
}

// TestSteps: step, next and finish come to entries that fit.
func TestSteps(t *testing.T) {
	s, d := laboratory(t)
	exec(t, d, "tb tcp_v4_connect")
	j := s.Spawn("hello", io.Discard, hello)
	if err := drive(s, d, j, debug.Resume, io.Discard); err != nil {
		t.Fatal(err)
	}
	at := len(s.Stopped().Frames)
	for _, tt := range []struct {
		line string
		fits func(depth int) bool
	}{
		{"step", func(n int) bool { return n == at+1 }},
		{"next", func(n int) bool { return n <= at+1 }},
		{"finish", func(n int) bool { return n <= at }},
	} {
		act, err := d.Exec(tt.line, io.Discard)
		if err == nil {
			err = drive(s, d, j, act, io.Discard)
		}
		if err != nil || s.Stopped() == nil {
			t.Fatalf("%s: %v, not stopped", tt.line, err)
		}
		if n := len(s.Stopped().Frames); !tt.fits(n) {
			t.Errorf("%s stops at %s, %d frames from %d", tt.line, s.Stopped().Frames[0].Func, n, at)
		}
	}
}
