package stack

import (
	"time"
)

// lossStories tell of segments that come late or never.
var lossStories = []storyCase{
	{"delayed ACK", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.ok("TCP_QUICKACK", p.SetsockoptInt(s, IPPROTO_TCP, TCP_QUICKACK, 0))
			st.send(p, c, "a")
			p.Sleep(100 * time.Millisecond)
			st.recv(p, s, "a")
			st.send(p, s, "b")
			p.Sleep(100 * time.Millisecond)
		})
		st.want("delayed ACK",
			"0s c>s PSH|ACK 1",
			"41ms s>c ACK 0",
			"100ms s>c PSH|ACK 1",
			"100ms c>s ACK 0",
			"200ms c>s RST|ACK 0")
	}},
	{"data is lost once", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			lost := 0
			st.lose = func(seg segment) bool {
				if isData(seg) && lost == 0 {
					lost++
					return true
				}
				return false
			}
			st.send(p, c, "hello")
			st.recv(p, s, "hello")
		})
		st.want("loss probe",
			"0s c>s PSH|ACK 5",
			"208ms c>s PSH|ACK 5",
			"208ms s>c ACK 0",
			"208ms c>s FIN|ACK 0",
			"208ms s>c FIN|ACK 0",
			"208ms c>s ACK 0")
	}},
	{"data is lost for long", func(st *story) {
		st.run(func(p *Proc) {
			c, s, _ := st.pair(p)
			st.lose = isData
			st.send(p, c, "hello")
			p.Sleep(3 * time.Second)
			st.lose = nil
			st.recv(p, s, "hello")
			p.Sleep(time.Millisecond)
			st.send(p, c, "again")
			st.recv(p, s, "again")
		})
		st.want("retransmissions",
			"0s c>s PSH|ACK 5",
			"208ms c>s PSH|ACK 5",
			"416ms c>s PSH|ACK 5",
			"824ms c>s PSH|ACK 5",
			"1.656s c>s PSH|ACK 5",
			"3.32s c>s PSH|ACK 5",
			"3.32s s>c ACK 0",
			"3.321s c>s PSH|ACK 5",
			"3.321s s>c ACK 0",
			"3.321s c>s FIN|ACK 0",
			"3.321s s>c FIN|ACK 0",
			"3.321s c>s ACK 0")
	}},
	{"data is lost for good", func(st *story) {
		st.run(func(p *Proc) {
			c, _, _ := st.pair(p)
			st.lose = isData
			st.ok("TCP_USER_TIMEOUT", p.SetsockoptInt(c, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000))
			st.send(p, c, "hello")
			st.recvErr(p, c, ETIMEDOUT)
			st.lose = nil
		})
		st.want("retransmissions",
			"0s c>s PSH|ACK 5",
			"208ms c>s PSH|ACK 5",
			"416ms c>s PSH|ACK 5",
			"824ms c>s PSH|ACK 5",
			"1.656s c>s PSH|ACK 5",
			"3.32s c>s PSH|ACK 5",
			"5.432s s>c FIN|ACK 0",
			"5.432s c>s RST 0")
	}},
}
