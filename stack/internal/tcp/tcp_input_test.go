package tcp

import (
	"math/rand/v2"
	"testing"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

// RFC 793 section 3.3 has four cases for whether a segment is acceptable; Linux
// widens them by what our last ACK left open (rcv_wup to rcv_nxt), and takes a
// segment that only touches the window.
func TestTcpSequence(t *testing.T) {
	const base = 0xfffffff0 // so that the window wraps
	n := new(Net)
	for _, tt := range []struct {
		name         string
		wnd          uint32
		unacked      uint32 // received since our last ACK
		seq, segLen  int32  // relative to rcv_nxt
		acceptable   bool
		rfc793Differ bool
	}{
		{"empty, zero window, at rcv_nxt", 0, 0, 0, 0, true, false},
		{"empty, zero window, one beyond", 0, 0, 1, 0, false, false},
		{"empty, zero window, one before", 0, 0, -1, 0, false, false},
		{"empty, at rcv_nxt", 100, 0, 0, 0, true, false},
		{"empty, last byte of the window", 100, 0, 99, 0, true, false},
		{"empty, right edge", 100, 0, 100, 0, true, true},
		{"empty, beyond the right edge", 100, 0, 101, 0, false, false},
		{"empty, before rcv_nxt", 100, 0, -1, 0, false, false},
		{"empty, before rcv_nxt, not acked yet", 120, 20, -20, 0, true, true},
		{"data, zero window", 0, 0, 0, 1, true, true},
		{"data, in the window", 100, 0, 10, 20, true, false},
		{"data, ends in the window", 100, 0, -10, 20, true, false},
		{"data, ends at rcv_nxt", 100, 0, -10, 10, true, true},
		{"data, all old", 100, 0, -10, 9, false, false},
		{"data, begins in the window", 100, 0, 90, 50, true, false},
		{"data, covers the window", 100, 0, -10, 200, true, true},
		{"data, right edge", 100, 0, 100, 1, true, true},
		{"data, beyond", 100, 0, 101, 1, false, false},
		{"half the circle away", 100, 0, -1 << 31, 1, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tp := new(TcpSock)
			tp.RcvNxt = base
			tp.RcvWup = base - tt.unacked
			tp.RcvWnd = tt.wnd
			seq := uint32(base + int64(tt.seq))
			if got := n.tcpSequence(tp, seq, seq+uint32(tt.segLen)); got != tt.acceptable {
				t.Errorf("seq rcv_nxt%+d, %d bytes, window %d: acceptable %v, want %v", tt.seq, tt.segLen, tt.wnd, got, tt.acceptable)
			}
			win := tt.wnd - tt.unacked
			rfc := rfc793Acceptable(int64(tt.seq), int64(tt.segLen), int64(win))
			if rfc != tt.acceptable && !tt.rfc793Differ {
				t.Errorf("the RFC says %v; if that difference is meant, say so in the table", rfc)
			}
		})
	}
}

// rfc793Acceptable is the table of RFC 793 section 3.3; numbers are relative to
// RCV.NXT.
func rfc793Acceptable(seq, segLen, wnd int64) bool {
	inWnd := func(s int64) bool { return 0 <= s && s < wnd }
	switch {
	case segLen == 0 && wnd == 0:
		return seq == 0
	case segLen == 0:
		return inWnd(seq)
	case wnd == 0:
		return false
	}
	return inWnd(seq) || inWnd(seq+segLen-1)
}

func TestTcpResetCheck(t *testing.T) {
	n := new(Net)
	for state := range uint8(core.TcpMaxStates) {
		for off := range uint32(3) {
			tp := new(TcpSock)
			tp.SkState = state
			tp.RcvNxt = 1000
			skb := &core.SkBuff{Cb: core.TcpSkbCb{Seq: 998 + off}}
			finSeen := state == core.TcpCloseWait || state == core.TcpLastAck || state == core.TcpClosing
			want := finSeen && off == 1
			if got := n.tcpResetCheck(&tp.Sock, skb); got != want {
				t.Errorf("state %d, RST at rcv_nxt%+d: %v, want %v", state, int(off)-2, got, want)
			}
		}
	}
}

func TestTcpOowRateLimited(t *testing.T) {
	n := optionsNet()
	n.Sysctl.TcpInvalidRatelimit = 500
	ack := headerWith(wire.ACK, nil)
	data := headerWith(wire.ACK, nil)
	data.Cb.EndSeq = 10
	var last uint32
	if n.tcpOowRateLimited(ack, core.MibTcpExtTCPACKSkippedSeq, &last) {
		t.Error("the first ACK out of window is limited")
	}
	if !n.tcpOowRateLimited(ack, core.MibTcpExtTCPACKSkippedSeq, &last) {
		t.Error("the second at the same time is not limited")
	}
	if got := n.Mib[core.MibTcpExtTCPACKSkippedSeq]; got != 1 {
		t.Errorf("counted %d, want 1", got)
	}
	if n.tcpOowRateLimited(data, core.MibTcpExtTCPACKSkippedSeq, &last) {
		t.Error("data is limited")
	}
	last -= 500
	if n.tcpOowRateLimited(ack, core.MibTcpExtTCPACKSkippedSeq, &last) {
		t.Error("limited after half a second")
	}
}

func TestTcpInWindow(t *testing.T) {
	for _, tt := range []struct {
		seq, end, s, e uint32
		want           bool
	}{
		{10, 10, 10, 20, true}, {9, 9, 10, 20, false}, {5, 11, 10, 20, true}, {5, 10, 10, 20, false},
		{20, 20, 10, 20, true}, {20, 21, 10, 20, false}, {19, 30, 10, 20, true}, {21, 21, 10, 20, false},
		{10, 11, 10, 10, true}, {1, 5, 0xfffffff0, 8, true},
	} {
		if got := tcpInWindow(tt.seq, tt.end, tt.s, tt.e); got != tt.want {
			t.Errorf("tcpInWindow(%d, %d, %d, %d) = %v", tt.seq, tt.end, tt.s, tt.e, got)
		}
	}
}

// TestSackBlocks lets segments come in random order and holds the blocks against
// a plain record of what has come: the newest first, no two that touch, and each
// of them wholly received.
func TestSackBlocks(t *testing.T) {
	const space = 64
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		n := optionsNet()
		tp := new(TcpSock)
		tp.RxOpt.SackOk = tcpSackSeen
		base := rnd.Uint32()
		if round%4 == 0 {
			base = ^uint32(0) - space/2 // the numbers wrap
		}
		tp.RcvNxt = base
		var have [space]bool
		for range 12 {
			from := 1 + rnd.IntN(space-8)
			to := from + 1 + rnd.IntN(7)
			for i := from; i < to; i++ {
				have[i] = true
			}
			n.tcpSackNewOfoSkb(&tp.Sock, base+uint32(from), base+uint32(to))
			checkSackBlocks(t, tp, base, have[:], from, to)
			if t.Failed() {
				t.FailNow()
			}
		}
		// rcv_nxt moves to the end of some received range.
		for i := range have {
			if have[i] && (i+1 == space || !have[i+1]) && rnd.IntN(2) == 0 {
				tp.RcvNxt = base + uint32(i) + 1
				break
			}
		}
		tp.OutOfOrderQueue.First = new(core.SkBuff)
		n.tcpSackRemove(tp)
		for _, sp := range tp.SelectiveAcks[:tp.RxOpt.NumSacks] {
			if !wire.Before(tp.RcvNxt, sp.StartSeq) {
				t.Fatalf("block %d-%d is left at rcv_nxt %d", sp.StartSeq-base, sp.EndSeq-base, tp.RcvNxt-base)
			}
		}
		tp.OutOfOrderQueue.First = nil
		n.tcpSackRemove(tp)
		if tp.RxOpt.NumSacks != 0 {
			t.Fatal("blocks are left though the queue is empty")
		}
	}
}

func checkSackBlocks(t *testing.T, tp *TcpSock, base uint32, have []bool, from, to int) {
	t.Helper()
	blocks := tp.SelectiveAcks[:tp.RxOpt.NumSacks]
	if len(blocks) == 0 || len(blocks) > tcpNumSacks {
		t.Fatalf("%d blocks", len(blocks))
	}
	first := blocks[0]
	if first.StartSeq-base > uint32(from) || first.EndSeq-base < uint32(to) {
		t.Errorf("first block %d-%d does not hold the newest segment %d-%d", first.StartSeq-base, first.EndSeq-base, from, to)
	}
	for i, b := range blocks {
		s, e := b.StartSeq-base, b.EndSeq-base
		if s >= e || e > uint32(len(have)) {
			t.Fatalf("block %d-%d", s, e)
		}
		for _, got := range have[s:e] {
			if !got {
				t.Errorf("block %d-%d holds what never came", s, e)
				break
			}
		}
		for _, o := range blocks[i+1:] {
			if !wire.After(b.StartSeq, o.EndSeq) && !wire.After(o.StartSeq, b.EndSeq) {
				t.Errorf("blocks %d-%d and %d-%d touch", s, e, o.StartSeq-base, o.EndSeq-base)
			}
		}
	}
}

func TestTcpDsack(t *testing.T) {
	n := optionsNet()
	tp := new(TcpSock)
	tp.RcvNxt = 100
	n.tcpDsackSet(&tp.Sock, 10, 20)
	if tp.RxOpt.Dsack {
		t.Error("D-SACK without SACK")
	}
	tp.RxOpt.SackOk = tcpSackSeen
	n.tcpDsackExtend(&tp.Sock, 10, 20)
	n.tcpDsackExtend(&tp.Sock, 20, 30)
	n.tcpDsackExtend(&tp.Sock, 50, 60) // does not touch: the first stays
	if want := (TcpSackBlock{10, 30}); !tp.RxOpt.Dsack || tp.DuplicateSack[0] != want {
		t.Errorf("got %v %v, want %v", tp.RxOpt.Dsack, tp.DuplicateSack[0], want)
	}
	n.tcpDsackSet(&tp.Sock, 150, 160)
	if n.Mib[core.MibTcpExtTCPDSACKOldSent] != 1 || n.Mib[core.MibTcpExtTCPDSACKOfoSent] != 1 {
		t.Errorf("counted %d old, %d out of order; want 1 and 1", n.Mib[core.MibTcpExtTCPDSACKOldSent], n.Mib[core.MibTcpExtTCPDSACKOfoSent])
	}
}

func TestTcpRcvRttUpdate(t *testing.T) {
	n := new(Net)
	tp := new(TcpSock)
	n.tcpRcvRttUpdate(tp, 1000, true)
	if tp.RcvRttEst.RttUs != 8000 {
		t.Errorf("first sample: %d, want 8000", tp.RcvRttEst.RttUs)
	}
	n.tcpRcvRttUpdate(tp, 5000, true) // depends on the window: only less counts
	if tp.RcvRttEst.RttUs != 8000 {
		t.Errorf("larger window sample: %d, want 8000", tp.RcvRttEst.RttUs)
	}
	n.tcpRcvRttUpdate(tp, 1800, false)
	if tp.RcvRttEst.RttUs != 8800 {
		t.Errorf("smoothed: %d, want 8800", tp.RcvRttEst.RttUs)
	}
}
