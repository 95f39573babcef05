package stack

import (
	"net/netip"
	"time"
)

// connectStories tell of connects that do not wait, links that go down, and UDP.
var connectStories = []storyCase{
	{"connect without waiting", func(st *story) {
		st.run(func(p *Proc) {
			l := st.listen(p, 8)
			st.ok("O_NONBLOCK", p.SetNonblock(l, true))
			_, _, err := p.Accept(l)
			st.errno("accept", err, EAGAIN)
			c, err := p.Socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0)
			st.ok("socket", err)
			st.errno("connect", p.Connect(c, at(5001)), EINPROGRESS)
			fds := []PollFd{{Fd: c, Events: POLLOUT}, {Fd: l, Events: POLLIN}}
			n, err := p.Poll(fds, time.Second)
			if n != 2 || err != nil || fds[0].Revents != POLLOUT || fds[1].Revents != POLLIN {
				st.t.Errorf("poll: %d, %v, %+v", n, err, fds)
			}
			so, err := p.GetsockoptInt(c, SOL_SOCKET, SO_ERROR)
			if so != 0 || err != nil {
				st.t.Errorf("SO_ERROR: %d, %v", so, err)
			}
			st.ok("connect again", p.Connect(c, at(5001)))
			st.errno("connect a third time", p.Connect(c, at(5001)), EISCONN)
			_, err = p.Recv(c, make([]byte, 1), 0)
			st.errno("recv", err, EAGAIN)
			s, _, err := p.Accept4(l, SOCK_NONBLOCK)
			st.ok("accept4", err)
			_, err = p.Recv(s, make([]byte, 1), 0)
			st.errno("recv", err, EAGAIN)
			fds = []PollFd{{Fd: s, Events: POLLIN | POLLRDHUP}}
			if n, err := p.Poll(fds, 50*time.Millisecond); n != 0 || err != nil {
				st.t.Errorf("poll of a quiet socket: %d, %v", n, err)
			}
			p.Close(c)
			if n, err := p.Poll(fds, time.Second); n != 1 || err != nil || fds[0].Revents != POLLIN|POLLRDHUP {
				st.t.Errorf("poll after the FIN: %d, %v, %+v", n, err, fds)
			}
		})
	}},
	{"refused without waiting", func(st *story) {
		st.run(func(p *Proc) {
			c, err := p.Socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0)
			st.ok("socket", err)
			st.errno("connect", p.Connect(c, at(5999)), EINPROGRESS)
			fds := []PollFd{{Fd: c, Events: POLLOUT}}
			if n, err := p.Poll(fds, time.Second); n != 1 || err != nil || fds[0].Revents != POLLOUT|POLLERR|POLLHUP {
				st.t.Errorf("poll: %d, %v, %+v", n, err, fds)
			}
			so, err := p.GetsockoptInt(c, SOL_SOCKET, SO_ERROR)
			if Errno(so) != ECONNREFUSED || err != nil {
				st.t.Errorf("SO_ERROR: %d, %v", so, err)
			}
		})
	}},
	{"lo goes down and up", func(st *story) {
		j := st.s.Spawn("conn", nil, func(p *Proc) int {
			c, s, _ := st.pair(p)
			p.Sleep(time.Second)
			st.send(p, c, "while down")
			st.recv(p, s, "while down")
			p.Sleep(time.Second)
			return 0
		})
		st.s.Advance(500 * time.Millisecond)
		st.ok("down", st.s.IfDown("lo"))
		st.s.Advance(2500 * time.Millisecond)
		st.ok("up", st.s.IfUp("lo"))
		if o := st.s.Wait(j); o != Done || j.ExitCode() != 0 {
			st.t.Errorf("the program is %v", o)
		}
		st.want("lo",
			"1s c>s PSH|ACK 10",
			"1.208s c>s PSH|ACK 10",
			"1.616s c>s PSH|ACK 10",
			"2.424s c>s PSH|ACK 10",
			"4.088s c>s PSH|ACK 10",
			"4.088s s>c ACK 0",
			"5.088s c>s FIN|ACK 0",
			"5.088s s>c FIN|ACK 0",
			"5.088s c>s ACK 0")
	}},
	{"UDP errors", func(st *story) {
		st.run(func(p *Proc) {
			c, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
			st.ok("socket", err)
			st.ok("connect", p.Connect(c, at(5998)))
			st.send(p, c, "x")
			_, err = p.Send(c, []byte("y"), 0)
			st.errno("send", err, ECONNREFUSED)
			st.send(p, c, "z")
			so, _ := p.GetsockoptInt(c, SOL_SOCKET, SO_ERROR)
			if Errno(so) != ECONNREFUSED {
				st.t.Errorf("SO_ERROR: %d", so)
			}
			fds := []PollFd{{Fd: c, Events: POLLIN}}
			if n, err := p.Poll(fds, 0); n != 0 || err != nil {
				st.t.Errorf("poll: %d, %v, %+v", n, err, fds)
			}
			st.ok("disconnect", p.ConnectRaw(c, Sockaddr(AF_UNSPEC, at(0))))
			_, err = p.Send(c, []byte("x"), 0)
			st.errno("send", err, EDESTADDRREQ)
			_, err = p.Sendto(c, make([]byte, 65508), 0, at(5998))
			st.errno("sendto", err, EMSGSIZE)
			_, err = p.Sendto(c, make([]byte, 65507), 0, at(5998))
			st.ok("sendto", err)
			_, err = p.Sendto(c, nil, 0, netip.MustParseAddrPort("192.168.40.255:9"))
			st.errno("sendto", err, EACCES)
			p.Close(c)
		})
	}},
}
