package stack

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"menuos/stack/internal/core"
)

// transferStories tell of much data, and what sockets can be told.
var transferStories = []storyCase{
	{"large transfer", func(st *story) { transfer(st, 3<<20, 0) }},
	{"large transfer with small segments", func(st *story) {
		st.ok("mtu", st.s.SetMTU("lo", 1500))
		transfer(st, 1<<20, 0)
	}},
	{"transfer with losses", func(st *story) {
		st.ok("mtu", st.s.SetMTU("lo", 1500))
		n := 0
		st.lose = func(seg segment) bool {
			if !isData(seg) {
				return false
			}
			n++
			return n%13 == 0
		}
		transfer(st, 1<<20, 0)
		if st.count("TcpRetransSegs") == 0 || st.count("TcpExtTCPSackRecovery") == 0 {
			st.t.Errorf("%d retransmissions, %d recoveries by SACK", st.count("TcpRetransSegs"), st.count("TcpExtTCPSackRecovery"))
		}
	}},
	{"one large send", func(st *story) {
		j := st.s.Spawn("reader", nil, func(p *Proc) int {
			l := st.listen(p, 8)
			s, _, err := p.Accept(l)
			st.ok("accept", err)
			buf := make([]byte, 400_000)
			n, err := p.Recv(s, buf, MSG_WAITALL)
			if err != nil || n != len(buf) {
				st.t.Errorf("recv: %d, %v", n, err)
			}
			return 0
		})
		st.s.Settle()
		st.run(func(p *Proc) {
			c := st.socket(p)
			st.ok("connect", p.Connect(c, at(5001)))
			st.send(p, c, strings.Repeat("x", 400_000))
		})
		st.s.Wait(j)
	}},
	{"a datagram into nowhere", func(st *story) {
		st.run(func(p *Proc) {
			fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
			st.ok("socket", err)
			_, err = p.Sendto(fd, []byte("x"), 0, netip.MustParseAddrPort("192.168.40.7:9"))
			st.ok("sendto", err)
		})
	}},
	{"transfer to a slow reader", func(st *story) { transfer(st, 1<<20, 5*time.Millisecond) }},
	{"urgent data", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.send(p, c, "ab")
			n, err := p.Send(c, []byte("!"), MSG_OOB)
			if n != 1 || err != nil {
				st.t.Errorf("send urgent: %d, %v", n, err)
			}
			st.send(p, c, "cd")
			fds := []PollFd{{Fd: s, Events: POLLIN | core.POLLPRI}}
			if n, err := p.Poll(fds, 0); n != 1 || err != nil || fds[0].Revents != POLLIN|core.POLLPRI {
				st.t.Errorf("poll: %d, %v, %+v", n, err, fds)
			}
			buf := make([]byte, 8)
			n, err = p.Recv(s, buf, MSG_OOB)
			if n != 1 || err != nil || buf[0] != '!' {
				st.t.Errorf("recv urgent: %d, %v, %q", n, err, buf[0])
			}
			st.recv(p, s, "ab")
			st.recv(p, s, "cd")
		})
		st.want("urgent",
			"0s c>s PSH|ACK 2",
			"0s s>c ACK 0",
			"0s c>s PSH|ACK|URG 1",
			"0s s>c ACK 0",
			"0s c>s PSH|ACK 2",
			"0s s>c ACK 0",
			"0s c>s FIN|ACK 0",
			"0s s>c FIN|ACK 0",
			"0s c>s ACK 0")
	}},
	{"options", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			for _, o := range []struct{ level, name, set, get int }{
				{SOL_SOCKET, SO_SNDBUF, 10000, 20000},
				{SOL_SOCKET, SO_RCVBUF, 10000, 20000},
				{SOL_SOCKET, SO_KEEPALIVE, 1, 1},
				{SOL_SOCKET, SO_REUSEADDR, 1, 1},
				{SOL_SOCKET, SO_REUSEPORT, 1, 1},
				{SOL_SOCKET, SO_RCVLOWAT, 2, 2},
				{IPPROTO_IP, IP_TTL, 33, 33},
				{IPPROTO_IP, IP_TOS, 0x10, 0x10},
				{IPPROTO_TCP, TCP_NODELAY, 1, 1},
				{IPPROTO_TCP, TCP_CORK, 1, 1},
				{IPPROTO_TCP, TCP_CORK, 0, 0},
				{IPPROTO_TCP, TCP_KEEPIDLE, 10, 10},
				{IPPROTO_TCP, TCP_KEEPINTVL, 3, 3},
				{IPPROTO_TCP, TCP_KEEPCNT, 4, 4},
				{IPPROTO_TCP, TCP_SYNCNT, 2, 2},
				{IPPROTO_TCP, TCP_LINGER2, 5, 5},
				{IPPROTO_TCP, TCP_WINDOW_CLAMP, 30000, 30000},
				{IPPROTO_TCP, TCP_USER_TIMEOUT, 7000, 7000},
				{IPPROTO_TCP, TCP_QUICKACK, 1, 1},
			} {
				st.ok(fmt.Sprint("setsockopt ", o), p.SetsockoptInt(c, o.level, o.name, o.set))
				if v, err := p.GetsockoptInt(c, o.level, o.name); v != o.get || err != nil {
					st.t.Errorf("getsockopt %v: %d, %v", o, v, err)
				}
			}
			st.ok("TCP_CONGESTION", p.Setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, []byte("reno")))
			if b, err := p.Getsockopt(c, IPPROTO_TCP, TCP_CONGESTION, 16); err != nil || !bytes.HasPrefix(b, []byte("reno\x00")) {
				st.t.Errorf("TCP_CONGESTION: %q, %v", b, err)
			}
			st.errno("TCP_CONGESTION", p.Setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, []byte("nosuch")), ENOENT)
			st.errno("an unknown option", p.SetsockoptInt(c, IPPROTO_TCP, 99, 1), ENOPROTOOPT)
			st.errno("an option too short", p.Setsockopt(c, SOL_SOCKET, SO_SNDBUF, []byte{1}), EINVAL)
			st.ok("SO_RCVTIMEO", p.SetsockoptTimeval(s, SOL_SOCKET, SO_RCVTIMEO, 200*time.Millisecond))
			began := p.Now()
			st.recvErr(p, s, EAGAIN)
			if d := p.Now() - began; d < 200*time.Millisecond || d > 230*time.Millisecond {
				st.t.Errorf("the receive timed out after %v", d)
			}
			st.send(p, c, "corked no more")
			st.recv(p, s, "corked no more")
		})
	}},
	{"cork", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.ok("TCP_CORK", p.SetsockoptInt(c, IPPROTO_TCP, TCP_CORK, 1))
			st.send(p, c, "ab")
			st.send(p, c, "cd")
			p.Sleep(10 * time.Millisecond)
			st.want("corked")
			st.ok("TCP_CORK", p.SetsockoptInt(c, IPPROTO_TCP, TCP_CORK, 0))
			st.recv(p, s, "abcd")
			if n, err := p.Send(c, []byte("ef"), MSG_MORE); n != 2 || err != nil {
				st.t.Errorf("send with more to come: %d, %v", n, err)
			}
			st.send(p, c, "gh")
			st.recv(p, s, "efgh")
		})
	}},
	{"peek and wait for all", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.send(p, c, "abc")
			buf := make([]byte, 8)
			for range 2 {
				if n, err := p.Recv(s, buf, MSG_PEEK); n != 3 || err != nil || string(buf[:3]) != "abc" {
					st.t.Errorf("peek: %d, %v, %q", n, err, buf[:3])
				}
			}
			p.Fork("late", func(p *Proc) int {
				p.Sleep(30 * time.Millisecond)
				st.send(p, c, "defgh")
				return 0
			})
			began := p.Now()
			if n, err := p.Recv(s, buf, MSG_WAITALL); n != 8 || err != nil || string(buf) != "abcdefgh" {
				st.t.Errorf("recv all: %d, %v, %q", n, err, buf)
			}
			if d := p.Now() - began; d < 30*time.Millisecond {
				st.t.Errorf("all came after %v", d)
			}
			st.send(p, c, "dropped")
			if n, err := p.Recv(s, buf, MSG_TRUNC); n != 7 || err != nil {
				st.t.Errorf("recv and throw away: %d, %v", n, err)
			}
		})
	}},
	{"connect is interrupted", func(st *story) {
		j := st.s.Spawn("connect", nil, func(p *Proc) int {
			fd := st.socket(p)
			p.Connect(fd, netip.MustParseAddrPort("192.168.40.7:80"))
			st.t.Error("connect came back")
			return 0
		})
		st.s.Advance(100 * time.Millisecond)
		st.s.Interrupt(j)
		st.s.Settle()
		if !j.Done() || j.ExitCode() != 130 {
			st.t.Errorf("done %v, exit status %d, want 130", j.Done(), j.ExitCode())
		}
		st.wantSocks("after the signal", "")
	}},
	{"connect to a host that is not there", func(st *story) {
		st.run(func(p *Proc) {
			fd := st.socket(p)
			began := p.Now()
			st.errno("connect", p.Connect(fd, netip.MustParseAddrPort("192.168.40.7:80")), ETIMEDOUT)
			if d := p.Now() - began; d < 127*time.Second || d > 132*time.Second {
				st.t.Errorf("it took %v", d)
			}
		})
	}},
	{"listener closes with connections", func(st *story) {
		st.run(func(p *Proc) {
			l := st.listen(p, 8)
			c := st.socket(p)
			st.ok("connect", p.Connect(c, at(5001)))
			st.mark()
			p.Close(l)
			st.recvErr(p, c, ECONNRESET)
		})
		st.want("reset",
			"0s s>c RST|ACK 0")
	}},
	{"shutdown of a listener", func(st *story) {
		st.run(func(p *Proc) {
			l := st.listen(p, 8)
			st.ok("shutdown", p.Shutdown(l, SHUT_RD))
			_, _, err := p.Accept(l)
			st.errno("accept", err, EINVAL)
			c := st.socket(p)
			st.errno("connect", p.Connect(c, at(5001)), ECONNREFUSED)
			st.errno("shutdown", p.Shutdown(c, SHUT_RDWR), ENOTCONN)
		})
	}},
	{"connect to itself", func(st *story) {
		st.run(func(p *Proc) {
			fd := st.socket(p)
			st.ok("bind", p.Bind(fd, at(6000)))
			st.mark()
			st.ok("connect", p.Connect(fd, at(6000)))
			st.wantState(p, "itself", fd, "ESTABLISHED")
			st.send(p, fd, "echo")
			st.recv(p, fd, "echo")
		})
		st.want("simultaneous open",
			"0s c>c SYN 0",
			"0s c>c SYN|ACK 0",
			"0s c>c ACK 0",
			"0s c>c PSH|ACK 4",
			"0s c>c ACK 0",
			"0s c>c FIN|ACK 0",
			"0s c>c ACK 0")
	}},
	{"disconnect", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.ok("disconnect", p.ConnectRaw(c, Sockaddr(AF_UNSPEC, at(0))))
			st.recvErr(p, s, ECONNRESET)
			st.wantState(p, "client", c, "CLOSE")
			st.ok("connect again", p.Connect(c, at(5001)))
		})
	}},
	{"FIN_WAIT2 of an orphan", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			p.Close(c)
			p.Sleep(50 * time.Millisecond)
			st.wantSocks("the server has not closed", "CLOSE_WAIT s>c, TIME_WAIT c>s")
			st.send(p, s, "into the void")
			st.recv(p, s, "")
			_, err := p.Send(s, []byte("x"), MSG_NOSIGNAL)
			st.errno("send after the reset", err, EPIPE)
			st.wantState(p, "server", s, "CLOSE")
		})
	}},
	{"idle and slow start again", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			for range 3 {
				st.send(p, c, "x")
				st.recv(p, s, "x")
				st.send(p, s, "y")
				st.recv(p, c, "y")
				p.Sleep(2 * time.Second)
			}
		})
	}},
}

// transfer sends size bytes from one program to another, whose reader waits
// pause before each call.
func transfer(st *story, size int, pause time.Duration) {
	got := 0
	reader := st.s.Spawn("reader", nil, func(p *Proc) int {
		l := st.listen(p, 8)
		s, _, err := p.Accept(l)
		st.ok("accept", err)
		buf := make([]byte, 10000)
		for {
			if pause > 0 {
				p.Sleep(pause)
			}
			n, err := p.Recv(s, buf, 0)
			if err != nil || n == 0 {
				st.ok("recv", err)
				return 0
			}
			for i, b := range buf[:n] {
				if b != byte((got+i)%251) {
					st.t.Errorf("byte %d is %d", got+i, b)
					return 1
				}
			}
			got += n
		}
	})
	st.s.Settle()
	writer := st.s.Spawn("writer", nil, func(p *Proc) int {
		c := st.socket(p)
		st.ok("connect", p.Connect(c, at(5001)))
		buf := make([]byte, 30000)
		for sent := 0; sent < size; {
			b := buf[:min(len(buf), size-sent)]
			for i := range b {
				b[i] = byte((sent + i) % 251)
			}
			n, err := p.Send(c, b, 0)
			if err != nil {
				st.ok("send", err)
				return 1
			}
			sent += n
		}
		return 0
	})
	st.s.Wait(writer)
	st.s.Wait(reader)
	if got != size {
		st.t.Errorf("%d bytes came, want %d", got, size)
	}
}
