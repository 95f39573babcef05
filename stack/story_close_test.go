package stack

import (
	"time"

	"menuos/stack/wire"
)

// closeStories tell of how connections end, stay alive and stall.
var closeStories = []storyCase{
	{"half close", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.ok("shutdown", p.Shutdown(c, SHUT_WR))
			st.wantState(p, "client", c, "FIN_WAIT1")
			st.wantState(p, "server", s, "CLOSE_WAIT")
			p.Sleep(50 * time.Millisecond)
			st.wantState(p, "client, its FIN acknowledged late", c, "FIN_WAIT2")
			st.recv(p, s, "")
			st.send(p, s, "late")
			st.recv(p, c, "late")
			_, err := p.Send(c, []byte("x"), MSG_NOSIGNAL)
			st.errno("send after shutdown", err, EPIPE)
			p.Close(s)
			st.recv(p, c, "")
			st.wantSocks("after both FINs", "TIME_WAIT c>s")
			st.ok("close", p.Close(c))
		})
		st.want("half close",
			"0s c>s FIN|ACK 0",
			"1ms s>c ACK 0",
			"50ms s>c PSH|ACK 4",
			"50ms c>s ACK 0",
			"50ms s>c FIN|ACK 0",
			"50ms c>s ACK 0")
	}},
	{"server closes first", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.ok("close", p.Close(s))
			st.recv(p, c, "")
			st.wantState(p, "client", c, "CLOSE_WAIT")
			st.ok("close", p.Close(c))
			st.wantSocks("after both FINs", "TIME_WAIT s>c")
		})
		st.want("server closes first",
			"0s s>c FIN|ACK 0",
			"0s c>s FIN|ACK 0",
			"0s s>c ACK 0")
	}},
	{"both close at once", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			lost := 0
			st.lose = func(seg segment) bool {
				if seg.flags&wire.FIN != 0 && seg.dst == 5001 && lost == 0 {
					lost++
					return true
				}
				return false
			}
			p.Close(c)
			st.wantSocks("the client's FIN is lost", "FIN_WAIT1 c>s, ESTABLISHED s>c")
			p.Close(s)
			st.wantSocks("the server's FIN has crossed it", "CLOSING c>s, TIME_WAIT s>c")
			p.Sleep(time.Second)
			st.wantSocks("the client's FIN came again", "TIME_WAIT s>c, TIME_WAIT c>s")
		})
		st.want("both close",
			"0s c>s FIN|ACK 0",
			"0s s>c FIN|ACK 0",
			"0s c>s ACK 0",
			"208ms c>s FIN|ACK 0",
			"208ms s>c ACK 0")
	}},
	{"keepalive answered", func(st *story) {
		st.run(func(p *Proc) {
			c, _, _ := st.pair(p)
			st.ok("SO_KEEPALIVE", p.SetsockoptInt(c, SOL_SOCKET, SO_KEEPALIVE, 1))
			st.ok("TCP_KEEPIDLE", p.SetsockoptInt(c, IPPROTO_TCP, TCP_KEEPIDLE, 5))
			st.ok("TCP_KEEPINTVL", p.SetsockoptInt(c, IPPROTO_TCP, TCP_KEEPINTVL, 5))
			p.Sleep(11 * time.Second)
			st.wantState(p, "client", c, "ESTABLISHED")
		})
		st.want("probes",
			"5.112s c>s ACK 0",
			"5.112s s>c ACK 0",
			"10.232s c>s ACK 0",
			"10.232s s>c ACK 0",
			"11s c>s FIN|ACK 0",
			"11s s>c FIN|ACK 0",
			"11s c>s ACK 0")
	}},
	{"keepalive times out", func(st *story) {
		st.run(func(p *Proc) {
			c, _, _ := st.pair(p)
			st.ok("SO_KEEPALIVE", p.SetsockoptInt(c, SOL_SOCKET, SO_KEEPALIVE, 1))
			st.ok("TCP_KEEPIDLE", p.SetsockoptInt(c, IPPROTO_TCP, TCP_KEEPIDLE, 5))
			st.ok("TCP_KEEPINTVL", p.SetsockoptInt(c, IPPROTO_TCP, TCP_KEEPINTVL, 2))
			st.ok("TCP_KEEPCNT", p.SetsockoptInt(c, IPPROTO_TCP, TCP_KEEPCNT, 3))
			st.lose = func(segment) bool { return true }
			st.recvErr(p, c, ETIMEDOUT)
			st.wantState(p, "client", c, "CLOSE")
			st.lose = nil
		})
		st.want("probes",
			"5.112s c>s ACK 0",
			"7.16s c>s ACK 0",
			"9.208s c>s ACK 0",
			"11.256s c>s RST|ACK 0",
			"11.256s s>c FIN|ACK 0",
			"11.256s c>s RST 0")
	}},
	{"zero window", func(st *story) {
		st.run(func(p *Proc) {
			l := st.socket(p)
			st.ok("SO_RCVBUF", p.SetsockoptInt(l, SOL_SOCKET, SO_RCVBUF, 4096))
			st.ok("bind", p.Bind(l, at(5001)))
			st.ok("listen", p.Listen(l, 8))
			c := st.socket(p)
			st.ok("connect", p.Connect(c, at(5001)))
			s, _, err := p.Accept(l)
			st.ok("accept", err)
			st.mark()
			st.ok("SO_SNDBUF", p.SetsockoptInt(c, SOL_SOCKET, SO_SNDBUF, 4096))
			st.ok("O_NONBLOCK", p.SetNonblock(c, true))
			sent := 0
			for {
				n, err := p.Send(c, make([]byte, 1000), 0)
				if err != nil || sent > 1<<20 {
					st.errno("send into a full buffer", err, EAGAIN)
					break
				}
				sent += n
			}
			p.Sleep(3 * time.Second)
			got := 0
			buf := make([]byte, 1<<16)
			for got < sent {
				n, err := p.Recv(s, buf, 0)
				if err != nil || n == 0 {
					st.t.Errorf("recv: %d, %v after %d of %d bytes", n, err, got, sent)
					break
				}
				got += n
			}
			fds := []PollFd{{Fd: c, Events: POLLOUT}}
			n, err := p.Poll(fds, time.Second)
			if n != 1 || err != nil {
				st.t.Errorf("poll: %d, %v, want room to write", n, err)
			}
		})
		st.want("zero window",
			"0s c>s PSH|ACK 1000",
			"0s s>c ACK 0",
			"0s c>s PSH|ACK 1000",
			"0s s>c ACK 0",
			"0s c>s PSH|ACK 1000",
			"41ms s>c ACK 0",
			"248ms c>s PSH|ACK 1096",
			"248ms s>c ACK 0",
			"456ms c>s ACK 0",
			"456ms s>c ACK 0",
			"872ms c>s ACK 0",
			"1.72s c>s ACK 0",
			"1.72s s>c ACK 0",
			"3s s>c ACK 0",
			"3s c>s PSH|ACK 952",
			"3s c>s PSH|ACK 2048",
			"3s s>c ACK 0",
			"3s s>c ACK 0",
			"3s c>s FIN|ACK 0",
			"3s s>c FIN|ACK 0",
			"3s c>s ACK 0")
	}},
}
