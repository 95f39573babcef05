package shell

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"menuos/stack"
)

// TestWaitsFor asks a machine whose commands wait.
func TestWaitsFor(t *testing.T) {
	bubble(t, Config{}, func(sc *screen) {
		m := sc.s.Machine()
		r := m.Record(16, 0) // entries are heard of, so that sleepers are seen in their functions
		defer r.Close()
		sc.exec("replyhi", "UDP_Server", "ip link add dummy0 type dummy", "ip addr add 10.9.9.1/8 dev dummy0", "ip link set dummy0 up")
		for _, tt := range []struct{ line, want string }{
			{"fg %1", "accept on 127.0.0.1:5001"},
			{"fg %2", "recv on 0.0.0.0:8000"},
			{"hello --host 10.9.9.9", "SYN-ACK from 10.9.9.9:5001 (SYN sent 2 times)"},
			{"sleep 100", "sleep 1m38s"},
			{"sleep 3.25", "sleep 1.3s"},
			{"sleep 100 & wait", "sleep 1m38s"},
			{"ping 10.9.9.9", "recv on 0.0.0.0:icmp"},
			{"echo at once", "nobody asked"},
		} {
			got := "nobody asked"
			ask := time.AfterFunc(2*time.Second, func() {
				sc.s.Interject(func() {
					got = sc.s.WaitsFor()
					sc.s.Interrupt()
				})
			})
			sc.exec(tt.line)
			ask.Stop()
			if got != tt.want {
				t.Errorf("%s waits for %q, want %q", tt.line, got, tt.want)
			}
		}
		if got := sc.s.WaitsFor(); got != "" {
			t.Errorf("nobody waits for %q", got)
		}
	})
}

// TestWaitsForWhat has what is hard to bring about, and the other language.
func TestWaitsForWhat(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	listener := stack.SockInfo{Netid: "tcp", State: "LISTEN", Local: at("127.0.0.1:5001"), Users: []stack.SockUser{{Comm: "srv", Pid: 3, Fd: 5}}}
	conn := stack.SockInfo{Netid: "tcp", State: "ESTAB", Local: at("127.0.0.1:5001"), Peer: at("127.0.0.1:40000"), Users: []stack.SockUser{{Comm: "srv", Pid: 3, Fd: 4}}}
	full := conn
	full.SendQ, full.Mem = 90000, stack.SockMem{WmemQueued: 100000, Sndbuf: 87040}
	udp := stack.SockInfo{Netid: "udp", State: "ESTAB", Local: at("127.0.0.1:9"), Peer: at("127.0.0.1:8000"), Users: conn.Users}
	task := func(state, waits string) []stack.TaskInfo {
		return []stack.TaskInfo{{Pid: 3, Comm: "srv", State: state, Waits: waits}}
	}
	for _, tt := range []struct {
		snap   stack.Snapshot
		en, zh string
	}{
		{stack.Snapshot{Tasks: task("S", ""), Socks: []stack.SockInfo{listener, conn}}, "recv from 127.0.0.1:40000", "来自 127.0.0.1:40000 的数据(recv)"},
		{stack.Snapshot{Tasks: task("S", "inet_csk_wait_for_connect"), Socks: []stack.SockInfo{listener, conn}}, "accept on 127.0.0.1:5001", "127.0.0.1:5001 上的 accept"},
		{stack.Snapshot{Tasks: task("S", ""), Socks: []stack.SockInfo{full}}, "send to 127.0.0.1:40000 (90000 bytes are queued)", "向 127.0.0.1:40000 发送(send,队列中有 90000 字节)"},
		{stack.Snapshot{Tasks: task("S", ""), Socks: []stack.SockInfo{udp}}, "recv from 127.0.0.1:8000", "来自 127.0.0.1:8000 的数据(recv)"},
		{stack.Snapshot{Tasks: task("R", ""), Socks: []stack.SockInfo{conn}}, "", ""},
		{stack.Snapshot{Tasks: task("S", ""), Socks: []stack.SockInfo{conn}, Stopped: &stack.Stop{}}, "", ""},
		{stack.Snapshot{Tasks: task("S", "")}, "", ""},
		{stack.Snapshot{}, "", ""},
	} {
		if got := WaitsFor(&tt.snap, 3, "en"); got != tt.en {
			t.Errorf("%q, want %q", got, tt.en)
		}
		if got := WaitsFor(&tt.snap, 3, "zh"); got != tt.zh {
			t.Errorf("%q, want %q", got, tt.zh)
		}
	}
	if en, zh := message("en", "waitsSynAcks", "a", 2), message("zh", "waitsSynAcks", "a", 2); !strings.Contains(en, "sent 2 times") || !strings.Contains(zh, "已发送 2 次") {
		t.Errorf("%q, %q", en, zh)
	}
}
