package shell

import (
	"strconv"
	"strings"
	"testing"

	"menuos/stack"
)

func TestStraceHello(t *testing.T) {
	s, out := open(t, Config{})
	got := run(t, s, out, "replyhi", "strace -o f hello", "cat f")
	const want = `socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3
connect(3, {sa_family=AF_INET, sin_port=htons(5001), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
send(3, "hello", 5, MSG_NOSIGNAL)       = 5
recv(3, "hi", 1024, 0)                  = 2
close(3)                                = 0
exit_group(0)                           = ?
+++ exited with 0 +++
`
	if !strings.HasSuffix(got, want) {
		t.Errorf("%s\nwant at its end\n%s", got, want)
	}
}

// TestStraceServer traces a server behind the prompt, until it is killed.
func TestStraceServer(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "strace -o f -tt replyhi", "hello")
	got := run(t, s, out, "kill %1", "cat f")
	const want = `12:00:01.000000 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3
12:00:01.000000 bind(3, {sa_family=AF_INET, sin_port=htons(5001), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
12:00:01.000000 listen(3, 1024)         = 0
12:00:01.000000 accept(3, {sa_family=AF_INET, sin_port=htons(60934), sin_addr=inet_addr("127.0.0.1")}, [16]) = 4
12:00:01.000000 recv(4, "hello", 1024, 0) = 5
12:00:01.000000 send(4, "hi", 2, MSG_NOSIGNAL) = 2
12:00:01.000000 close(4)                = 0
12:00:01.000000 accept(3, NULL, NULL)   = ? ERESTARTSYS (To be restarted if SA_RESTART is set)
12:00:01.000000 --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=1, si_uid=0} ---
12:00:01.000000 +++ killed by SIGTERM +++
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestStraceUnfinished: two traced processes in one text.
func TestStraceUnfinished(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "replyhi")
	pid := s.Jobs()[0].Pid
	s.m.Kill(pid, stack.SIGKILL)
	run(t, s, out, "wait", "strace replyhi")
	got := run(t, s, out, "hello", "kill -9 %1")
	for _, want := range []string{"<... accept resumed>{sa_family=AF_INET, sin_port=htons(", "+++ killed by SIGKILL +++\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "--- SIGKILL") {
		t.Errorf("SIGKILL is delivered: %s", got)
	}
}

func TestStraceAttach(t *testing.T) {
	s, out := open(t, Config{})
	run(t, s, out, "replyhi")
	pid := s.Jobs()[0].Pid
	p := strings.NewReplacer("PID", strconv.Itoa(pid))
	got := run(t, s, out, p.Replace("strace -o f -p PID &"), "hello", p.Replace("strace -p PID"), "kill %1", "cat f")
	for _, want := range []string{p.Replace("strace: attach: ptrace(PTRACE_SEIZE, PID): Operation not permitted\n"), p.Replace("strace: Process PID attached\n"),
		"recv(4, \"hello\", 1024, 0)               = 5\n", "accept(3, NULL, NULL)                   = ? ERESTARTSYS", "+++ killed by SIGTERM +++\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "socket(") {
		t.Errorf("calls from before it was attached: %s", got)
	}
	if got := run(t, s, out, "strace -p 4711"); got != "strace: attach: ptrace(PTRACE_SEIZE, 4711): No such process\n" {
		t.Error(got)
	}
}

func TestStraceCount(t *testing.T) {
	s, out := open(t, Config{})
	got := run(t, s, out, "strace -c hello", "strace -c sleep 2")
	for _, want := range []string{"% time     seconds  usecs/call     calls    errors syscall\n------ -----------",
		"  0.00    0.000000           0         1         1 connect\n", "100.00    2.000000     2000000         1           nanosleep\n", "100.00    2.000000     2000000         1           total\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "connect(") {
		t.Errorf("calls are printed, too: %s", got)
	}
}

func TestStraceSets(t *testing.T) {
	s, out := open(t, Config{})
	for line, want := range map[string]string{
		"strace -e connect hello":            "connect(3",
		"strace -e trace=network hello":      "socket(AF_INET",
		"strace -e trace=desc,process hello": "close(3)",
	} {
		got := run(t, s, out, line)
		if !strings.Contains(got, want) || !strings.Contains(got, "+++ exited with 1 +++") {
			t.Errorf("%s:\n%s", line, got)
		}
		for _, not := range []string{"socket(", "close("} {
			if not[:5] != want[:5] && strings.Contains(got, not) && !strings.Contains(line, "network") {
				t.Errorf("%s has %s:\n%s", line, not, got)
			}
		}
	}
	if got := run(t, s, out, "strace -e !network sleep 1"); !strings.Contains(got, "nanosleep({tv_sec=1, tv_nsec=0}, NULL)  = 0\n") {
		t.Error(got)
	}
	for line, want := range map[string]string{
		"strace -e foo hello": "strace: invalid system call 'foo'\n", "strace foo": "strace: Can't stat 'foo': No such file or directory\n",
		"strace": "an argument is missing", "strace ss -l": "strace: ss runs no program in the machine\n", "strace -p 3 hello": "unexpected argument",
	} {
		if got := run(t, s, out, line); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// TestStraceDecode prints calls that the laboratory's programs do not make.
func TestStraceDecode(t *testing.T) {
	x := straceText{limit: 8}
	sa := []byte{2, 0, 0, 53, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}
	for _, c := range []struct {
		ev   stack.CallEvent
		want string
	}{
		{stack.CallEvent{Name: "socket", Args: [6]int64{2, 0x802, 17}, Ret: 3}, "AF_INET, SOCK_DGRAM|SOCK_NONBLOCK, IPPROTO_UDP = 3"},
		{stack.CallEvent{Name: "setsockopt", Args: [6]int64{3, 1, 2, 0, 4}, Buf: []byte{1, 0, 0, 0}}, "3, SOL_SOCKET, SO_REUSEADDR, [1], 4 = 0"},
		{stack.CallEvent{Name: "setsockopt", Args: [6]int64{3, 1, 13, 0, 8}, Buf: []byte{1, 0, 0, 0, 5, 0, 0, 0}}, "3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, 8 = 0"},
		{stack.CallEvent{Name: "getsockopt", Args: [6]int64{3, 1, 4, 0, 0, 4}, Buf: []byte{111, 0, 0, 0}}, "3, SOL_SOCKET, SO_ERROR, [111], [4] = 0"},
		{stack.CallEvent{Name: "sendto", Args: [6]int64{3, 0, 12, 0x40, 0, 16}, Buf: []byte("a\n\"\x00" + "1\xff123456"), Addr: sa, Ret: 12},
			`3, "a\n\"\0001\37712"..., 12, MSG_DONTWAIT, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, 16 = 12`},
		{stack.CallEvent{Name: "recvfrom", Args: [6]int64{3, 0, 64, 0, 0, 16}, Buf: []byte("ab--"), Addr: sa, Ret: 2},
			`3, "ab", 64, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, [16] = 2`},
		{stack.CallEvent{Name: "recv", Args: [6]int64{3, 0, 64, 2}, Ret: -11}, "3, NULL, 64, MSG_PEEK = -1 EAGAIN (Resource temporarily unavailable)"},
		{stack.CallEvent{Name: "shutdown", Args: [6]int64{3, 1}}, "3, SHUT_WR = 0"},
		{stack.CallEvent{Name: "fcntl64", Args: [6]int64{3, 4, 0x802}}, "3, F_SETFL, O_RDWR|O_NONBLOCK = 0"},
		{stack.CallEvent{Name: "poll", Args: [6]int64{0, 0, 1000}, Fds: []stack.PollFd{{Fd: 3, Events: 1, Revents: 1}}, Ret: 1},
			"[{fd=3, events=POLLIN}], 1, 1000 = 1 ([{fd=3, revents=POLLIN}])"},
		{stack.CallEvent{Name: "poll", Args: [6]int64{0, 0, -1}, Fds: []stack.PollFd{{Fd: 3, Events: 4}}}, "[{fd=3, events=POLLOUT}], 1, -1 = 0 (Timeout)"},
	} {
		if got := x.begin(&c.ev) + x.end(&c.ev) + " = " + x.result(&c.ev); got != c.want {
			t.Errorf("%s(%s\nwant %s", c.ev.Name, got, c.want)
		}
	}
}
