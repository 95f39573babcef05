package debug

import (
	"io"
	"strings"
	"testing"
)

func TestBreakAndBacktrace(t *testing.T) {
	newSession().expect(t, `
(gdb) info b
No breakpoints or watchpoints.
(gdb) bt
No stack.
(gdb) b tcp_v4_rcv
Breakpoint 1 at 0xffffffff81936870: file net/ipv4/tcp_ipv4.c, line 1782.
(gdb) run

Breakpoint 1, tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
(gdb) bt
#0  tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
#1  0xffffffff8190c375 in ip_protocol_deliver_rcu (net=<optimized out>, skb=0xffff8880069d20e0, protocol=6) at net/ipv4/ip_input.c:208
#2  0xffffffff8190c710 in dst_input (skb=0xffff8880069d20e0) at ./include/net/dst.h:450
#3  ip_rcv_finish (net=<optimized out>, sk=0x0, skb=0xffff8880069d20e0) at net/ipv4/ip_input.c:414
#4  [drain] ()
#5  0xffffffff81c0005f in entry_SYSCALL_compat () at arch/x86/entry/entry_64_compat.S:257
#6  0x00000000f7fd0549 in ?? ()
(gdb) where 1
#0  tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
(More stack frames follow...)
(gdb) bt -1
#6  0x00000000f7fd0549 in ?? ()
(gdb) up
#1  0xffffffff8190c375 in ip_protocol_deliver_rcu (net=<optimized out>, skb=0xffff8880069d20e0, protocol=6) at net/ipv4/ip_input.c:208
(gdb) 
#2  0xffffffff8190c710 in dst_input (skb=0xffff8880069d20e0) at ./include/net/dst.h:450
(gdb) down 2
#0  tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
(gdb) down
Bottom (innermost) frame selected; you cannot go down.
(gdb) frame 9
No frame at level 9.
(gdb) f 1
#1  0xffffffff8190c375 in ip_protocol_deliver_rcu (net=<optimized out>, skb=0xffff8880069d20e0, protocol=6) at net/ipv4/ip_input.c:208
(gdb) info args
net = <optimized out>
skb = 0xffff8880069d20e0
protocol = 6
(gdb) p net
$1 = <optimized out>
(gdb) p net->loopback_dev
value has been optimized out
(gdb) info locals
No locals.
(gdb) info frame
Stack level 1, frame of ip_protocol_deliver_rcu:
 rip = 0xffffffff8190c375 in ip_protocol_deliver_rcu (net/ipv4/ip_input.c:208); saved rip = 0xffffffff8190c710
 called by dst_input
 caller of tcp_v4_rcv
 source language c.
 args: net=<optimized out>, skb=0xffff8880069d20e0, protocol=6
(gdb) c
Continuing.

Breakpoint 1, tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
(gdb) i b
Num     Type           Disp Enb Address            What
1       breakpoint     keep y   0xffffffff81936870 in tcp_v4_rcv at net/ipv4/tcp_ipv4.c:1782
	breakpoint already hit 2 times
(gdb) d
(gdb) c
Continuing.
(gdb) info b
No breakpoints or watchpoints.
`)
}

func TestPrint(t *testing.T) {
	s := newSession()
	s.expect(t, `
(gdb) b tcp_v4_do_rcv if sk->sk_state == TCP_LISTEN
Breakpoint 1 at 0xffffffff81936500: file net/ipv4/tcp_ipv4.c, line 1529.
(gdb) run

Breakpoint 1, tcp_v4_do_rcv (sk=0xffff888006a01200, skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1529
(gdb) print sk->sk_state
$1 = 10 '\n'
(gdb) p sk
$2 = (struct sock *) 0xffff888006a01200
(gdb) p *sk
$3 = {sk_err = 0, sk_reuse = true, sk_socket = 0x0, sk_state = 10 '\n'}
(gdb) p $.sk_state
$4 = 10 '\n'
(gdb) p $$2 == sk
$5 = 1
(gdb) p/x sk->sk_state
$6 = 0xa
(gdb) p/t $1
$7 = 1010
(gdb) p tp->snd_una
$8 = 3000000000
(gdb) p ((struct tcp_sock *)sk)->snd_cwnd + tcp_sk(sk)->snd_cwnd * 2
$9 = 30
(gdb) p TCP_LISTEN
$10 = TCP_LISTEN
(gdb) p TCP_LISTEN + 0
$11 = 10
(gdb) p !sk || sk->sk_socket
$12 = 0
(gdb) p -5 / 2
$13 = -2
(gdb) p/x -1
$14 = 0xffffffff
(gdb) p (unsigned char)300
$15 = 44 ','
(gdb) p 1 ? 2 : 3
$16 = 2
(gdb) p jiffies
$17 = 4294668296
(gdb) p tcp_v4_rcv
$18 = {<text variable, no debug info>} 0xffffffff81936870 <tcp_v4_rcv>
(gdb) p $bpnum
$19 = 1
(gdb) p $foo
$20 = void
(gdb) p $foo = 7
$21 = 7
(gdb) p $foo * 2
$22 = 14
(gdb) p "hi"
$23 = "hi"
(gdb) p/c 65
$24 = 65 'A'
(gdb) p sk->sk_stat
There is no member named sk_stat.
Did you mean: sk_state?
(gdb) p sj
No symbol "sj" in current context.
Did you mean: sk?
(gdb) p sk->sk_socket->state
Cannot access memory at address 0x0
(gdb) p sk->sk_state->x
Attempt to extract a component of a value that is not a structure pointer.
(gdb) p 1/0
Division by zero
(gdb) p 1+
A syntax error in expression, near `+"`'"+`.
(gdb) p sk->sk_state = 7
The machine's memory is read-only here; only $variables of the debugger can be set.
(gdb) p $99
History has not yet reached $99.
(gdb) whatis sk
type = struct sock *
(gdb) ptype tp
type = struct tcp_sock {
    u32 snd_cwnd;
    u32 snd_una;
} *
(gdb) printf "%d %5x|%s %lu\n", sk->sk_state, 255, "a", jiffies
10    ff|a 4294668296
(gdb) printf "%d\n"
Wrong number of arguments for specified format-string
(gdb) echo hi\n
hi
(gdb) info locals
tp = 0xffff888006a01200
(gdb) set print pretty on
(gdb) p *tp
$25 = {
  snd_cwnd = 10,
  snd_una = 3000000000
}
(gdb) display sk->sk_state
1: sk->sk_state = 10 '\n'
(gdb) display/x tp->snd_cwnd
2: /x tp->snd_cwnd = 0xa
(gdb) undisplay 1
(gdb) info display
Auto-display expressions now in effect:
Num Enb Expression
2:   y  /x tp->snd_cwnd
(gdb) c
Continuing.

Breakpoint 1, tcp_v4_do_rcv (sk=0xffff888006a01200, skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1529
2: /x tp->snd_cwnd = 0xa
`)
}

func TestBreakpointCommands(t *testing.T) {
	newSession().expect(t, `
(gdb) b tcp_v4_recv
Function "tcp_v4_recv" not defined.
Did you mean: tcp_v4_rcv?
(gdb) b sys_socketcall
sys_socketcall is __ia32_compat_sys_socketcall in this kernel.
Breakpoint 1 at 0xffffffff81890000: file net/compat.c, line 838.
(gdb) b start_kernel
start_kernel runs while the machine boots, and this one has booted already: nothing will stop there. No breakpoint is set.
(gdb) b dst_input
Breakpoint 2 at 0xffffffff8190c700: file ./include/net/dst.h, line 450.
(gdb) tb tcp_ipv4.c:1782
Temporary breakpoint 3 at 0xffffffff81936870: file net/ipv4/tcp_ipv4.c, line 1782.
(gdb) b tcp_ipv4.c:1783
No line 1783 in file "tcp_ipv4.c".
menuos stops where a function is entered; the nearest such lines are 1782 (tcp_v4_rcv), 1529 (tcp_v4_do_rcv).
(gdb) b nosuch.c:1
No source file named nosuch.c.
(gdb) b *0x100
menuos stops where a function is entered: give its name instead of an address.
(gdb) b tcp_v4_rcv if skb->len == 40
Note: breakpoint 3 also set at pc 0xffffffff81936870.
Breakpoint 4 at 0xffffffff81936870: file net/ipv4/tcp_ipv4.c, line 1782.
(gdb) b tcp_v4_rcv if foo == 1
No symbol "foo" in current context.
(gdb) disable 2
(gdb) info b
Num     Type           Disp Enb Address            What
1       breakpoint     keep y   0xffffffff81890000 in __ia32_compat_sys_socketcall at net/compat.c:838
2       breakpoint     keep n   0xffffffff8190c700 in dst_input at ./include/net/dst.h:450
3       breakpoint     del  y   0xffffffff81936870 in tcp_v4_rcv at net/ipv4/tcp_ipv4.c:1782
4       breakpoint     keep y   0xffffffff81936870 in tcp_v4_rcv at net/ipv4/tcp_ipv4.c:1782
	stop only if skb->len == 40
(gdb) run

Temporary breakpoint 3, tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
(gdb) ignore 1 1
Will ignore next crossing of breakpoint 1.
(gdb) ignore 9 1
No breakpoint number 9.
(gdb) condition 4 skb->len > 1
(gdb) condition 4
Breakpoint 4 now unconditional.
(gdb) enable 2
(gdb) delete 9
No breakpoint number 9.
(gdb) delete foo
Bad breakpoint number 'foo'
(gdb) c 2
Will ignore next crossing of breakpoint 4.  Continuing.

Breakpoint 1, __ia32_compat_sys_socketcall (regs=<optimized out>) at net/compat.c:838
(gdb) info breakpoints 1 4
Num     Type           Disp Enb Address            What
1       breakpoint     keep y   0xffffffff81890000 in __ia32_compat_sys_socketcall at net/compat.c:838
	breakpoint already hit 2 times
4       breakpoint     keep y   0xffffffff81936870 in tcp_v4_rcv at net/ipv4/tcp_ipv4.c:1782
	breakpoint already hit 1 time
	ignore next 1 hits
(gdb) clear tcp_v4_rcv
Deleted breakpoint 4 
(gdb) clear tcp_v4_rcv
No breakpoint at tcp_v4_rcv.
(gdb) delete 1-2
(gdb) info b
No breakpoints or watchpoints.
`)
}

func TestCommandsEnd(t *testing.T) {
	newSession().expect(t, `
(gdb) b tcp_v4_rcv
Breakpoint 1 at 0xffffffff81936870: file net/ipv4/tcp_ipv4.c, line 1782.
(gdb) commands
>silent
>if skb->len > 20
 >bt 1
 >else
 >print 1
 >end
>c
>end
(gdb) b tcp_v4_do_rcv
Breakpoint 2 at 0xffffffff81936500: file net/ipv4/tcp_ipv4.c, line 1529.
(gdb) commands 2
>print sk->sk_state
>end
(gdb) info b
Num     Type           Disp Enb Address            What
1       breakpoint     keep y   0xffffffff81936870 in tcp_v4_rcv at net/ipv4/tcp_ipv4.c:1782
        silent
        if skb->len > 20
          bt 1
        else
          print 1
        end
        c
2       breakpoint     keep y   0xffffffff81936500 in tcp_v4_do_rcv at net/ipv4/tcp_ipv4.c:1529
        print sk->sk_state
(gdb) run
#0  tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
(More stack frames follow...)
Continuing.

Breakpoint 2, tcp_v4_do_rcv (sk=0xffff888006a01200, skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1529
$1 = 10 '\n'
(gdb) define twice
>echo $arg0 $arg0 of $argc\n
>end
(gdb) twice x
x x of 1
`)
}

func TestStepping(t *testing.T) {
	newSession().expect(t, `
(gdb) s
The program is not being run.
(gdb) c
The program is not being run.
There is no enabled breakpoint, so nothing will stop it. The machine is running: it stops when a command enters a function that has an enabled breakpoint. Set one (b tcp_v4_rcv), then run a command that gets there (replyhi, hello).
(gdb) tb tcp_v4_rcv
Temporary breakpoint 1 at 0xffffffff81936870: file net/ipv4/tcp_ipv4.c, line 1782.
(gdb) run

Temporary breakpoint 1, tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
(gdb) step
tcp_v4_do_rcv (sk=0xffff888006a01200, skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1529
(gdb) next
__ia32_compat_sys_socketcall (regs=<optimized out>) at net/compat.c:838
(gdb) info line
Line 838 of "net/compat.c" is at address 0xffffffff81890000 <__ia32_compat_sys_socketcall>.
(gdb) next
(gdb) step
The program is not being run.
`)
	newSession().expect(t, `
(gdb) b tcp_v4_do_rcv
Breakpoint 1 at 0xffffffff81936500: file net/ipv4/tcp_ipv4.c, line 1529.
(gdb) run

Breakpoint 1, tcp_v4_do_rcv (sk=0xffff888006a01200, skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1529
(gdb) d 1
(gdb) finish
Run till exit from #0  tcp_v4_do_rcv (sk=0xffff888006a01200, skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1529
__ia32_compat_sys_socketcall (regs=<optimized out>) at net/compat.c:838
(gdb) advance tcp_v4_do_rcv
tcp_v4_do_rcv (sk=0xffff888006a01200, skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1529
`)
}

func TestScript(t *testing.T) {
	s := newSession()
	script := `# as for the real kernel
file vmlinux
target remote :1234
set pagination off
b start_kernel
c
b tcp_v4_rcv
b nosuch_at_all
c
bt 1
c
print 7
xyz
`
	act, err := s.d.ExecReader(strings.NewReader(script), "lab.gdb", &s.out)
	if act != Resume || err != nil {
		t.Fatalf("ExecReader = %v, %v; want resume", act, err)
	}
	s.run()
	want := `The symbols are built in; vmlinux is not read.
The machine is already attached.
start_kernel runs while the machine boots, and this one has booted already: nothing will stop there. No breakpoint is set.
Continuing.
Breakpoint 1 at 0xffffffff81936870: file net/ipv4/tcp_ipv4.c, line 1782.
Function "nosuch_at_all" not defined.
Continuing.

Breakpoint 1, tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
#0  tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
(More stack frames follow...)
Continuing.

Breakpoint 1, tcp_v4_rcv (skb=0xffff8880069d20e0) at net/ipv4/tcp_ipv4.c:1782
$1 = 7
lab.gdb:13: Error in sourced command file:
Undefined command: "xyz".  Try "help".
`
	if got := s.out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestScriptErrors(t *testing.T) {
	for _, tt := range []struct{ script, want string }{
		{"p foo", "x.gdb:1: Error in sourced command file:\nNo symbol \"foo\" in current context."},
		{"\nb tcp_v4_rcv\ncommands\nbt\n", "x.gdb:3: Error in sourced command file:\n\"commands\" is not closed by a line saying just \"end\"."},
		{"if 1\np 1\n", "x.gdb:1: Error in sourced command file:\n\"if\" is not closed by a line saying just \"end\"."},
		{"while 1\nend", "x.gdb:1: Error in sourced command file:\nwhile: more than 100000 rounds without a stop."},
		{"define f\nf\nend\nf", "Max user call depth exceeded -- command aborted."},
	} {
		_, err := newSession().d.ExecReader(strings.NewReader(tt.script), "x.gdb", io.Discard)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %q, want %q", tt.script, err, tt.want)
		}
	}
	newSession().expect(t, `
(gdb) source nosuch.gdb
nosuch.gdb: No such file or directory.
`)
}

func TestLoop(t *testing.T) {
	newSession().expect(t, `
(gdb) set $i = 0
(gdb) while $i < 3
>p $i
>set $i = $i + 1
>end
$1 = 0
$2 = 1
$3 = 2
`)
}
