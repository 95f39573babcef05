package debug

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func TestListInfoSet(t *testing.T) {
	newSession().expect(t, `
(gdb) list tcp_v4_rcv
(menuos's own source, not Linux's: tcp_ipv4.go)
7	source 7
8	source 8
9	source 9
10	source 10
11	source 11
12	source 12
13	source 13
14	source 14
15	source 15
16	source 16
(gdb) 
17	source 17
18	source 18
19	source 19
20	source 20
21	source 21
22	source 22
23	source 23
(gdb) l
Line number 24 out of range; tcp_ipv4.go has 23 lines.
(gdb) info symbol 0xffffffff81936880
tcp_v4_rcv + 16 in section .text
(gdb) info symbol 1
No symbol matches 1.
(gdb) info address tcp_v4_rcv
Symbol "tcp_v4_rcv" is a function at address 0xffffffff81936870.
(gdb) info line tcp_v4_rcv
Line 1782 of "net/ipv4/tcp_ipv4.c" starts at address 0xffffffff81936870 <tcp_v4_rcv>.
(gdb) info functions ^tcp
All functions matching regular expression "^tcp":

File net/ipv4/tcp_ipv4.c:
1529:	tcp_v4_do_rcv(sk, skb);
1782:	tcp_v4_rcv(skb);
(gdb) watch 1
Undefined command: "watch".  Try "help".
(gdb) info xyz
Undefined info command: "xyz".  Try "help info".
(gdb) di
Ambiguous command "di": disable, display.
(gdb) set foo bar
No symbol "foo" in current context.
(gdb) set pagination off
(gdb) show pagination
State of pagination is off.
(gdb) set height 0
(gdb) show height
Number of lines gdb thinks are in a page is unlimited.
(gdb) show confirm
Whether to confirm potentially dangerous operations is on.
(gdb) help ignore
Pass breakpoint N COUNT times before it stops again.
Usage: ignore N COUNT
(gdb) complete b tcp_v4_r
b tcp_v4_rcv
`)
}

func TestComplete(t *testing.T) {
	s := newSession()
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"fi", []string{"file", "finish"}},
		{"info s", []string{"info stack", "info symbol"}},
		{"b tcp_v4", []string{"b tcp_v4_do_rcv", "b tcp_v4_rcv"}},
		{"b sys_", []string{"b sys_socketcall"}},
		{"b tcp_v4_rcv i", []string{"b tcp_v4_rcv if"}},
		{"b tcp_v4_rcv if sk", []string{"b tcp_v4_rcv if skb", "b tcp_v4_rcv if skb_dst"}},
		{"help und", []string{"help undisplay"}},
		{"set pag", []string{"set pagination"}},
		{"zzz q", nil},
		{"", nil},
	} {
		got := s.d.Complete(tt.line)
		if tt.line == "" {
			if len(got) < 30 {
				t.Errorf("Complete(%q) has %d entries", tt.line, len(got))
			}
			continue
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("Complete(%q) = %q, want %q", tt.line, got, tt.want)
		}
	}
	s.line("b tcp_v4_do_rcv")
	s.run()
	for line, want := range map[string][]string{
		"p sk->sk_st":       {"p sk->sk_state"},
		"p 1 + tp->snd_u":   {"p 1 + tp->snd_una"},
		"p tcp_sk(sk)->snd": {"p tcp_sk(sk)->snd_cwnd", "p tcp_sk(sk)->snd_una"},
		"delete ":           {"delete 1"},
	} {
		if got := s.d.Complete(line); !slices.Contains(got, want[0]) {
			t.Errorf("Complete(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestStatusAndQuit(t *testing.T) {
	s := newSession()
	if got := s.d.Status(); got != "RUNNING" {
		t.Errorf("Status = %q", got)
	}
	s.line("b tcp_v4_rcv")
	s.run()
	if got, want := s.d.Status(), "STOPPED at tcp_v4_rcv in softirq of hello (pid 7)"; got != want {
		t.Errorf("Status = %q, want %q", got, want)
	}
	s.d.Lang = "zh"
	if got := s.d.Status(); !strings.HasPrefix(got, "停在 tcp_v4_rcv") {
		t.Errorf("Status = %q", got)
	}
	if act, err := s.d.Exec("q", io.Discard); act != Quit || err != nil {
		t.Errorf("quit = %v, %v", act, err)
	}
}

// TestConditionError: a condition that cannot be tested stops, as in gdb.
func TestConditionError(t *testing.T) {
	newSession().expect(t, `
(gdb) b __ia32_compat_sys_socketcall if regs->ax == 1
Breakpoint 1 at 0xffffffff81890000: file net/compat.c, line 838.
(gdb) run
Error in testing condition for breakpoint 1:
value has been optimized out

Breakpoint 1, __ia32_compat_sys_socketcall (regs=<optimized out>) at net/compat.c:838
`)
}

// TestTwoPlaces: a name that two functions bear is one breakpoint.
func TestTwoPlaces(t *testing.T) {
	s := newSession()
	s.m.syms = append(s.m.syms, sym("dst_input", "net/ipv6/other.c", 12, 0xffffffff81a00000, "skb"))
	s.d.Interactive = true
	s.expect(t, `
(gdb) b dst_input
Breakpoint 1 at 0xffffffff8190c700: dst_input. (2 locations)
(gdb) commands
Type commands for breakpoint(s) 1, one per line.
End with a line saying just "end".
>bt
>end
(gdb) info b
Num     Type           Disp Enb Address            What
1       breakpoint     keep y   <MULTIPLE>         
        bt
1.1                         y   0xffffffff8190c700 in dst_input at ./include/net/dst.h:450
1.2                         y   0xffffffff81a00000 in dst_input at net/ipv6/other.c:12
`)
}
