package stack

import (
	"strings"
	"time"

	"menuos/stack/wire"
)

// abortStories tell of aborts, TIME_WAIT and the queues of a listener.
var abortStories = []storyCase{
	{"close with unread data", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.send(p, c, "unread")
			p.Close(s)
			st.recvErr(p, c, ECONNRESET)
			st.recv(p, c, "")
			_, err := p.Send(c, []byte("x"), MSG_NOSIGNAL)
			st.errno("send", err, EPIPE)
			st.wantState(p, "client", c, "CLOSE")
		})
		st.want("reset",
			"0s c>s PSH|ACK 6",
			"0s s>c ACK 0",
			"0s s>c RST|ACK 0")
	}},
	{"linger 0", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.ok("SO_LINGER", p.SetsockoptLinger(c, true, 0))
			p.Close(c)
			st.recvErr(p, s, ECONNRESET)
		})
		st.want("reset",
			"0s c>s RST|ACK 0")
	}},
	{"linger waits", func(st *story) {
		st.run(func(p *Proc) {
			c, _, _ := st.pair(p)
			st.lose = func(seg segment) bool { return seg.dst == 5001 }
			st.ok("SO_LINGER", p.SetsockoptLinger(c, true, 2*time.Second))
			began := p.Now()
			p.Close(c)
			if d := p.Now() - began; d < 2*time.Second || d > 2300*time.Millisecond {
				st.t.Errorf("close took %v, want 2 s", d)
			}
			st.lose = nil
		})
		st.want("linger",
			"0s c>s FIN|ACK 0",
			"208ms c>s FIN|ACK 0",
			"416ms c>s FIN|ACK 0",
			"824ms c>s FIN|ACK 0",
			"1.656s c>s FIN|ACK 0",
			"2.04s s>c FIN|ACK 0",
			"2.04s c>s ACK 0")
	}},
	{"TIME_WAIT answers", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			p.Close(c)
			lost := 0
			st.lose = func(seg segment) bool {
				if seg.dst == 5001 && lost == 0 {
					lost++
					return true
				}
				return false
			}
			p.Close(s)
			st.wantSocks("the last ACK is lost", "LAST_ACK s>c, TIME_WAIT c>s")
			p.Sleep(time.Second)
			st.wantSocks("TIME_WAIT has answered the FIN's retransmission", "TIME_WAIT c>s")
		})
		st.want("TIME_WAIT",
			"0s c>s FIN|ACK 0",
			"0s s>c FIN|ACK 0",
			"0s c>s ACK 0",
			"208ms s>c FIN|ACK 0",
			"208ms c>s ACK 0")
	}},
	{"TIME_WAIT ends", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			p.Close(c)
			p.Close(s)
			began := p.Now()
			for strings.Contains(st.socks(), "TIME_WAIT") && p.Now() < began+90*time.Second {
				p.Sleep(100 * time.Millisecond)
			}
			if d := p.Now() - began; d < 60*time.Second || d > 62*time.Second {
				st.t.Errorf("TIME_WAIT took %v", d)
			}
		})
	}},
	{"TIME_WAIT is used again", func(st *story) {
		st.run(func(p *Proc) {
			l := st.listen(p, 8)
			from := at(6001)
			for round := range 2 {
				c := st.socket(p)
				st.ok("SO_REUSEADDR", p.SetsockoptInt(c, SOL_SOCKET, SO_REUSEADDR, 1))
				st.ok("bind", p.Bind(c, from))
				st.ok("connect", p.Connect(c, at(5001)))
				s, _, err := p.Accept(l)
				st.ok("accept", err)
				if round == 0 {
					p.Close(c)
					p.Close(s)
					p.Sleep(2 * time.Second)
				}
			}
		})
		st.want("again",
			"1s c>s SYN 0",
			"1s s>c SYN|ACK 0",
			"1s c>s ACK 0",
			"1s c>s FIN|ACK 0",
			"1s s>c FIN|ACK 0",
			"1s c>s ACK 0",
			"3s c>s SYN 0",
			"3s s>c SYN|ACK 0",
			"3s c>s ACK 0",
			"3s c>s FIN|ACK 0",
			"3s s>c FIN|ACK 0",
			"3s c>s ACK 0")
	}},
	{"SYN to TIME_WAIT", func(st *story) {
		st.run(func(p *Proc) {
			l := st.listen(p, 8)
			from := at(6001)
			for round := range 2 {
				c := st.socket(p)
				st.ok("SO_REUSEADDR", p.SetsockoptInt(c, SOL_SOCKET, SO_REUSEADDR, 1))
				st.ok("bind", p.Bind(c, from))
				st.ok("connect", p.Connect(c, at(5001)))
				s, _, err := p.Accept(l)
				st.ok("accept", err)
				if round == 0 {
					p.Close(s) // TIME_WAIT at the server's side
					p.Close(c)
					p.Sleep(2 * time.Second)
				}
			}
		})
		st.want("again",
			"1s c>s SYN 0",
			"1s s>c SYN|ACK 0",
			"1s c>s ACK 0",
			"1s s>c FIN|ACK 0",
			"1s c>s FIN|ACK 0",
			"1s s>c ACK 0",
			"3s c>s SYN 0",
			"3s s>c SYN|ACK 0",
			"3s c>s ACK 0",
			"3s c>s FIN|ACK 0",
			"3s s>c FIN|ACK 0",
			"3s c>s ACK 0")
	}},
	{"reset in TIME_WAIT's place", func(st *story) {
		st.run(func(p *Proc) {
			c, s, l := st.pair(p)
			p.Close(l)
			st.wantState(p, "an accepted connection", s, "ESTABLISHED")
			st.send(p, c, "x")
			st.recv(p, s, "x")
			d := st.socket(p)
			st.errno("connect", p.Connect(d, at(5001)), ECONNREFUSED)
		})
	}},
	{"bind in use", func(st *story) {
		st.run(func(p *Proc) {
			c, s, l := st.pair(p)
			p.Close(s)
			p.Close(c)
			p.Close(l)
			fd := st.socket(p)
			st.errno("bind over TIME_WAIT", p.Bind(fd, at(5001)), EADDRINUSE)
			st.ok("SO_REUSEADDR", p.SetsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1))
			st.ok("bind", p.Bind(fd, at(5001)))
			st.ok("listen", p.Listen(fd, 1))
			fd2 := st.socket(p)
			st.ok("SO_REUSEADDR", p.SetsockoptInt(fd2, SOL_SOCKET, SO_REUSEADDR, 1))
			st.errno("bind beside a listener", p.Bind(fd2, at(5001)), EADDRINUSE)
		})
	}},
	{"accept queue overflows", func(st *story) {
		st.run(func(p *Proc) {
			l := st.listen(p, 1)
			var cs []int
			for range 4 {
				c := st.socket(p)
				st.ok("O_NONBLOCK", p.SetNonblock(c, true))
				if err := p.Connect(c, at(5001)); err != EINPROGRESS && err != nil {
					st.errno("connect", err, EINPROGRESS)
				}
				cs = append(cs, c)
			}
			p.Sleep(100 * time.Millisecond)
			if n := st.count("TcpExtListenOverflows"); n == 0 {
				st.t.Error("no listen overflow was counted")
			}
			p.Sleep(4 * time.Second)
			for range 2 {
				_, _, err := p.Accept(l)
				st.ok("accept", err)
			}
			p.Sleep(8 * time.Second)
			for _, c := range cs {
				st.wantState(p, "after room was made", c, "ESTABLISHED")
			}
		})
		st.want("overflow",
			"1s c>s SYN 0",
			"1s s>c SYN|ACK 0",
			"1s c>s ACK 0",
			"1s c>s SYN 0",
			"1s s>c SYN|ACK 0",
			"1s c>s ACK 0",
			"1s c>s SYN 0",
			"1s c>s SYN 0",
			"2.016s c>s SYN 0",
			"2.016s c>s SYN 0",
			"4.064s c>s SYN 0",
			"4.064s c>s SYN 0",
			"8.096s c>s SYN 0",
			"8.096s c>s SYN 0",
			"8.096s s>c SYN|ACK 0",
			"8.096s s>c SYN|ACK 0",
			"8.096s c>s ACK 0",
			"8.096s c>s ACK 0",
			"13.1s s>c RST|ACK 0",
			"13.1s s>c RST|ACK 0",
			"13.1s c>s FIN|ACK 0",
			"13.1s c>s FIN|ACK 0",
			"13.1s s>c FIN|ACK 0",
			"13.1s c>s ACK 0",
			"13.1s s>c FIN|ACK 0",
			"13.1s c>s ACK 0")
	}},
	{"SYN-ACK is sent again", func(st *story) {
		st.run(func(p *Proc) {
			st.listen(p, 8)
			c := st.socket(p)
			st.mark()
			st.lose = func(seg segment) bool { return seg.dst == 5001 && seg.flags&wire.SYN == 0 }
			st.ok("connect", p.Connect(c, at(5001)))
			p.Sleep(4 * time.Second)
			st.wantSocks("half open", "ESTABLISHED c>s, NEW_SYN_RECV s>c")
			st.lose = nil
			p.Sleep(4 * time.Second)
			st.wantSocks("open", "ESTABLISHED c>s, ESTABLISHED s>c")
		})
		st.want("SYN-ACK",
			"0s c>s SYN 0",
			"0s s>c SYN|ACK 0",
			"0s c>s ACK 0",
			"1.016s s>c SYN|ACK 0",
			"1.016s c>s ACK 0",
			"3.064s s>c SYN|ACK 0",
			"3.064s c>s ACK 0",
			"7.096s s>c SYN|ACK 0",
			"7.096s c>s ACK 0",
			"8s s>c RST|ACK 0")
	}},
	{"SYN-ACK in vain", func(st *story) {
		st.run(func(p *Proc) {
			st.listen(p, 8)
			c := st.socket(p)
			st.mark()
			st.lose = func(seg segment) bool { return seg.dst != 5001 }
			st.ok("O_NONBLOCK", p.SetNonblock(c, true))
			st.errno("connect", p.Connect(c, at(5001)), EINPROGRESS)
			p.Sleep(70 * time.Second)
			p.Close(c)
			p.Sleep(70 * time.Second)
			st.wantSocks("after all", "")
			st.lose = nil
		})
	}},
}
