package tcp

import (
	"testing"
	"time"

	"menuos/stack/internal/core"
)

// The times after which tcp_retries1 and tcp_retries2 retransmissions have gone
// unanswered, in ms; 15 is Linux's well-known 924.6 s.
func TestBackoffTime(t *testing.T) {
	for _, tt := range []struct{ boundary, want uint32 }{
		{0, 200}, {1, 600}, {2, 1400}, {3, 3000}, {4, 6200}, {5, 12600}, {6, 25400}, {7, 51000}, {8, 102200}, {9, 204600},
		{10, 324600}, {11, 444600}, {12, 564600}, {13, 684600}, {14, 804600}, {15, 924600},
	} {
		if got := backoffTime(tt.boundary); got != tt.want {
			t.Errorf("%d retransmissions: %d, want %d", tt.boundary, got, tt.want)
		}
	}
}

func TestRetransmitsTimedOut(t *testing.T) {
	const start = 1000 // ms
	tests := []struct {
		name                         string
		retransmits                  uint8
		now, stamp, boundary, timout uint32
		want                         bool
	}{
		{"nothing retransmitted", 0, start + 10000000, start, 3, 0, false},
		{"no stamp", 1, start + 10000000, 0, 3, 0, false},
		{"just before", 3, start + 2999, start, 3, 0, false},
		{"just then", 3, start + 3000, start, 3, 0, true},
		{"a user timeout, before", 1, start + 499, start, 15, 500, false},
		{"a user timeout, after", 1, start + 500, start, 15, 500, true},
	}
	n := outputNet()
	for _, tt := range tests {
		sk, tp := outputSock()
		tp.IcskRetransmits, tp.RetransStamp, tp.TcpMstamp = tt.retransmits, tt.stamp, uint64(tt.now)*1000
		if got := n.retransmitsTimedOut(sk, tt.boundary, tt.timout); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestTcpClampRtoToUserTimeout(t *testing.T) {
	for _, tt := range []struct{ rto, user, elapsed, want uint32 }{
		{1000, 0, 500, 1000}, {1000, 5000, 500, 1000}, {1000, 1200, 500, 700}, {1000, 500, 500, 1}, {1000, 400, 500, 1},
	} {
		sk, tp := outputSock()
		tp.IcskRto, tp.IcskUserTimeout, tp.RetransStamp = tt.rto, tt.user, 100
		tp.TcpMstamp = uint64(100+tt.elapsed) * uint64(time.Millisecond/time.Microsecond)
		if got := tcpClampRtoToUserTimeout(sk); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}

func TestTcpOrphanRetries(t *testing.T) {
	for _, tt := range []struct {
		sysctl, soft int
		alive        bool
		want         int
	}{
		{0, 0, true, 8}, {0, 0, false, 0}, {3, 0, true, 3}, {3, 0, false, 3}, {3, core.EHOSTUNREACH, false, 0}, {3, core.EHOSTUNREACH, true, 3},
	} {
		n := outputNet()
		n.Sysctl.TcpOrphanRetries = tt.sysctl
		sk, _ := outputSock()
		sk.SkErrSoft = tt.soft
		if got := n.tcpOrphanRetries(sk, tt.alive); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}
