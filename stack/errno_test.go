package stack

import (
	"net/netip"
	"testing"
	"time"
)

// errnoCases are the ways in which system calls fail. Each runs in a machine of
// its own; l is a listener at port 5001 with room for one.
var errnoCases = []struct {
	name string
	want Errno
	call func(st *story, p *Proc, l int) error
}{
	{"connect with a short address", EINVAL, func(st *story, p *Proc, l int) error {
		return p.ConnectRaw(st.socket(p), Sockaddr(AF_INET, at(5001))[:8])
	}},
	{"bind to a short address", EINVAL, func(st *story, p *Proc, l int) error {
		return p.BindRaw(st.socket(p), Sockaddr(AF_INET, at(6000))[:8])
	}},
	{"bind twice", EINVAL, func(st *story, p *Proc, l int) error {
		fd := st.socket(p)
		st.ok("bind", p.Bind(fd, at(6000)))
		return p.Bind(fd, at(6001))
	}},
	{"accept without listen", EINVAL, func(st *story, p *Proc, l int) error {
		_, _, err := p.Accept(st.socket(p))
		return err
	}},
	{"listen on a connected socket", EINVAL, func(st *story, p *Proc, l int) error {
		fd := st.socket(p)
		st.ok("connect", p.Connect(fd, at(5001)))
		return p.Listen(fd, 1)
	}},
	{"shutdown with a wrong direction", EINVAL, func(st *story, p *Proc, l int) error {
		return p.Shutdown(l, 3)
	}},
	{"accept4 with wrong flags", EINVAL, func(st *story, p *Proc, l int) error {
		_, _, err := p.Accept4(l, 1)
		return err
	}},
	{"connect to another family", EAFNOSUPPORT, func(st *story, p *Proc, l int) error {
		return p.ConnectRaw(st.socket(p), Sockaddr(10, at(5001)))
	}},
	{"bind to another family", EAFNOSUPPORT, func(st *story, p *Proc, l int) error {
		return p.BindRaw(st.socket(p), Sockaddr(10, at(6000)))
	}},
	{"a socket of another family", EAFNOSUPPORT, func(st *story, p *Proc, l int) error {
		_, err := p.Socket(44, SOCK_STREAM, 0)
		return err
	}},
	{"a socket of another protocol", EPROTONOSUPPORT, func(st *story, p *Proc, l int) error {
		_, err := p.Socket(AF_INET, SOCK_STREAM, IPPROTO_UDP)
		return err
	}},
	{"a socket of another type", ESOCKTNOSUPPORT, func(st *story, p *Proc, l int) error {
		_, err := p.Socket(AF_INET, 4, 0)
		return err
	}},
	{"connect without a route", ENETUNREACH, func(st *story, p *Proc, l int) error {
		return p.Connect(st.socket(p), netip.MustParseAddrPort("10.250.0.1:80"))
	}},
	{"connect to a group", ENETUNREACH, func(st *story, p *Proc, l int) error {
		return p.Connect(st.socket(p), netip.MustParseAddrPort("224.0.0.1:80"))
	}},
	{"connect to everybody", ENETUNREACH, func(st *story, p *Proc, l int) error {
		return p.Connect(st.socket(p), netip.MustParseAddrPort("192.168.40.255:80"))
	}},
	{"connect twice", EISCONN, func(st *story, p *Proc, l int) error {
		fd := st.socket(p)
		st.ok("connect", p.Connect(fd, at(5001)))
		return p.Connect(fd, at(5001))
	}},
	{"connect a listener", EISCONN, func(st *story, p *Proc, l int) error {
		return p.Connect(l, at(5001))
	}},
	{"connect without waiting", EINPROGRESS, func(st *story, p *Proc, l int) error {
		fd := st.socket(p)
		st.ok("O_NONBLOCK", p.SetNonblock(fd, true))
		return p.Connect(fd, netip.MustParseAddrPort("192.168.40.7:80"))
	}},
	{"connect while it connects", EALREADY, func(st *story, p *Proc, l int) error {
		fd := st.socket(p)
		st.ok("O_NONBLOCK", p.SetNonblock(fd, true))
		to := netip.MustParseAddrPort("192.168.40.7:80")
		st.errno("connect", p.Connect(fd, to), EINPROGRESS)
		return p.Connect(fd, to)
	}},
	{"connect to a closed port", ECONNREFUSED, func(st *story, p *Proc, l int) error {
		return p.Connect(st.socket(p), at(5999))
	}},
	{"connect to nobody", ETIMEDOUT, func(st *story, p *Proc, l int) error {
		began := p.Now()
		err := p.Connect(st.socket(p), netip.MustParseAddrPort("192.168.40.7:80"))
		// Seven waits, of 1 to 64 s; the timer wheel rounds each up.
		if d := p.Now() - began; d != 131064*time.Millisecond {
			st.t.Errorf("it took %v, want 127 s in the wheel's steps: 2m11.064s", d)
		}
		return err
	}},
	{"bind to a listener's port", EADDRINUSE, func(st *story, p *Proc, l int) error {
		return p.Bind(st.socket(p), at(5001))
	}},
	{"bind to an address of another", EADDRNOTAVAIL, func(st *story, p *Proc, l int) error {
		return p.Bind(st.socket(p), netip.MustParseAddrPort("10.1.2.3:80"))
	}},
	{"connect from a used pair of addresses", EADDRNOTAVAIL, func(st *story, p *Proc, l int) error {
		for range 2 {
			fd := st.socket(p)
			st.ok("SO_REUSEADDR", p.SetsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1))
			st.ok("bind", p.Bind(fd, at(6001)))
			if err := p.Connect(fd, at(5001)); err != nil {
				return err
			}
		}
		return nil
	}},
	{"recv of nothing", EAGAIN, func(st *story, p *Proc, l int) error {
		fd := st.socket(p)
		st.ok("connect", p.Connect(fd, at(5001)))
		_, err := p.Recv(fd, make([]byte, 1), MSG_DONTWAIT)
		return err
	}},
	{"accept of nobody", EAGAIN, func(st *story, p *Proc, l int) error {
		st.ok("O_NONBLOCK", p.SetNonblock(l, true))
		_, _, err := p.Accept(l)
		return err
	}},
	{"accept with a timeout", EAGAIN, func(st *story, p *Proc, l int) error {
		st.ok("SO_RCVTIMEO", p.SetsockoptTimeval(l, SOL_SOCKET, SO_RCVTIMEO, time.Second))
		_, _, err := p.Accept(l)
		return err
	}},
	{"send after shutdown", EPIPE, func(st *story, p *Proc, l int) error {
		fd := st.socket(p)
		st.ok("connect", p.Connect(fd, at(5001)))
		st.ok("shutdown", p.Shutdown(fd, SHUT_WR))
		_, err := p.Send(fd, []byte("x"), MSG_NOSIGNAL)
		return err
	}},
	{"send on a fresh socket", EPIPE, func(st *story, p *Proc, l int) error {
		_, err := p.Send(st.socket(p), []byte("x"), MSG_NOSIGNAL)
		return err
	}},
	{"recv on a fresh socket", ENOTCONN, func(st *story, p *Proc, l int) error {
		_, err := p.Recv(st.socket(p), make([]byte, 1), 0)
		return err
	}},
	{"shutdown of a fresh socket", ENOTCONN, func(st *story, p *Proc, l int) error {
		return p.Shutdown(st.socket(p), SHUT_WR)
	}},
	{"getpeername of a fresh socket", ENOTCONN, func(st *story, p *Proc, l int) error {
		_, err := p.Getpeername(st.socket(p))
		return err
	}},
	{"recv on a listener", ENOTCONN, func(st *story, p *Proc, l int) error {
		_, err := p.Recv(l, make([]byte, 1), 0)
		return err
	}},
	{"recv after a reset", ECONNRESET, func(st *story, p *Proc, l int) error {
		fd := st.socket(p)
		st.ok("connect", p.Connect(fd, at(5001)))
		s, _, err := p.Accept(l)
		st.ok("accept", err)
		st.ok("SO_LINGER", p.SetsockoptLinger(s, true, 0))
		p.Close(s)
		_, err = p.Recv(fd, make([]byte, 1), 0)
		return err
	}},
	{"a descriptor that is not open", EBADF, func(st *story, p *Proc, l int) error {
		return p.Listen(99, 1)
	}},
	{"close twice", EBADF, func(st *story, p *Proc, l int) error {
		st.ok("close", p.Close(l))
		return p.Close(l)
	}},
	{"listen on a datagram socket", EOPNOTSUPP, func(st *story, p *Proc, l int) error {
		fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
		st.ok("socket", err)
		return p.Listen(fd, 1)
	}},
	{"accept on a datagram socket", EOPNOTSUPP, func(st *story, p *Proc, l int) error {
		fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
		st.ok("socket", err)
		_, _, err = p.Accept(fd)
		return err
	}},
	{"send to nobody", EDESTADDRREQ, func(st *story, p *Proc, l int) error {
		fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
		st.ok("socket", err)
		_, err = p.Send(fd, []byte("x"), 0)
		return err
	}},
	{"a datagram too long", EMSGSIZE, func(st *story, p *Proc, l int) error {
		fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
		st.ok("socket", err)
		_, err = p.Sendto(fd, make([]byte, 65508), 0, at(9))
		return err
	}},
	{"a datagram to everybody", EACCES, func(st *story, p *Proc, l int) error {
		fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
		st.ok("socket", err)
		_, err = p.Sendto(fd, []byte("x"), 0, netip.MustParseAddrPort("192.168.40.255:9"))
		return err
	}},
	{"an unknown option", ENOPROTOOPT, func(st *story, p *Proc, l int) error {
		return p.SetsockoptInt(l, IPPROTO_TCP, 99, 1)
	}},
	{"an unknown congestion control", ENOENT, func(st *story, p *Proc, l int) error {
		return p.Setsockopt(l, IPPROTO_TCP, TCP_CONGESTION, []byte("nosuch"))
	}},
}

// TestErrno makes each system call fail as Linux lets it fail.
func TestErrno(t *testing.T) {
	for _, c := range errnoCases {
		t.Run(c.want.Name()+"/"+c.name, func(t *testing.T) {
			st := newStory(t, nil)
			st.run(func(p *Proc) {
				l := st.listen(p, 1)
				if err := c.call(st, p, l); err != c.want {
					t.Errorf("error is %v, want %v", err, c.want)
				}
			})
		})
	}
}

// TestErrnoInterrupted sends signals to programs that wait in system calls. A
// fatal signal ends the program; what it was in returns EINTR inside.
func TestErrnoInterrupted(t *testing.T) {
	for _, c := range []struct {
		name string
		wait func(st *story, p *Proc, l int)
	}{
		{"accept", func(st *story, p *Proc, l int) { p.Accept(l) }},
		{"recv", func(st *story, p *Proc, l int) {
			fd := st.socket(p)
			st.ok("connect", p.Connect(fd, at(5001)))
			p.Recv(fd, make([]byte, 1), 0)
		}},
		{"connect", func(st *story, p *Proc, l int) {
			p.Connect(st.socket(p), netip.MustParseAddrPort("192.168.40.7:80"))
		}},
		{"poll", func(st *story, p *Proc, l int) { p.Poll([]PollFd{{Fd: l, Events: POLLIN}}, -1) }},
		{"sleep", func(st *story, p *Proc, l int) { p.Sleep(time.Hour) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := newStory(t, nil)
			j := st.s.Spawn(c.name, nil, func(p *Proc) int {
				c.wait(st, p, st.listen(p, 1))
				return 0
			})
			st.s.Advance(100 * time.Millisecond)
			if j.Done() {
				t.Fatal("the program did not wait")
			}
			st.s.Interrupt(j)
			st.s.Settle()
			if !j.Done() || j.ExitCode() != 130 {
				t.Errorf("done %v, exit status %d, want 130", j.Done(), j.ExitCode())
			}
			if c.name != "sleep" {
				st.errno("the call inside", errnoOf(j.task.Regs.Ax), EINTR)
			}
		})
	}
}

// TestErrnoText holds the names and texts against each other.
func TestErrnoText(t *testing.T) {
	for e := range errnoName {
		if errnoText[e] == "" {
			t.Errorf("%s has no text", e.Name())
		}
	}
	if got := Errno(999).Error(); got != "errno 999" {
		t.Errorf("an unknown one says %q", got)
	}
}
