package tcp

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

const testMss = 1000

// inFlight puts count segments of testMss into the retransmission queue, sent
// step apart from now on, and leaves the clock at the last of them.
func inFlight(n *Net, tp *TcpSock, count int, step time.Duration) {
	sk := &tp.Sock
	tp.SndUna, tp.SndNxt = 1, 1
	tp.HighSeq = tp.SndUna
	tp.SndWnd, tp.MaxWindow = 1<<20, 1<<20
	for i := range count {
		if i > 0 {
			runTo(n, tp, n.Now()+step)
		}
		skb := &core.SkBuff{Head: &core.DataBuf{B: make([]byte, testMss)}, Len: testMss, Tail: testMss, Users: 1}
		skb.Cb.Seq, skb.Cb.EndSeq = tp.SndNxt, tp.SndNxt+testMss
		skb.Cb.TcpGsoSegs, skb.Cb.TcpGsoSize = 1, testMss
		skb.SkbMstampNs = uint64(n.Now())
		n.tcpRateSkbSent(sk, skb)
		tcpRbtreeInsert(&sk.TcpRtxQueue, skb)
		tsortedAddTail(tp, skb)
		tp.SndNxt = skb.Cb.EndSeq
		tp.PacketsOut++
	}
}

// sackAck is an ACK of ackSeq with the given SACK blocks, counted in segments.
func sackAck(ackSeq uint32, blocks ...[2]uint32) *core.SkBuff {
	return sackAckMss(testMss, ackSeq, blocks...)
}

func sackAckMss(mss, ackSeq uint32, blocks ...[2]uint32) *core.SkBuff {
	b := make([]byte, 20+4+8*len(blocks))
	b[22], b[23] = 5, byte(2+8*len(blocks))
	for i, blk := range blocks {
		binary.BigEndian.PutUint32(b[24+8*i:], 1+blk[0]*mss)
		binary.BigEndian.PutUint32(b[28+8*i:], 1+blk[1]*mss)
	}
	skb := &core.SkBuff{Head: &core.DataBuf{B: b}, Tail: len(b), Len: len(b)}
	skb.Tcp().SetDataOffFlags(len(b), wire.ACK)
	skb.Cb.AckSeq = 1 + ackSeq*mss
	skb.Cb.Sacked = 22
	return skb
}

// tags is the queue's state, a letter a segment: . in flight, S, L, R, or r for
// L and R.
func tags(tp *TcpSock) string {
	var b strings.Builder
	for skb := tp.TcpRtxQueue.First; skb != nil; skb = skb.Next {
		c := byte('.')
		switch s := skb.Cb.Sacked; {
		case s&core.TcpcbSackedAcked != 0:
			c = 'S'
		case s&core.TcpcbLost != 0 && s&core.TcpcbSackedRetrans != 0:
			c = 'r'
		case s&core.TcpcbLost != 0:
			c = 'L'
		case s&core.TcpcbSackedRetrans != 0:
			c = 'R'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// checkCounts compares the counters with the tags.
func checkCounts(t *testing.T, tp *TcpSock) {
	t.Helper()
	var sacked, lost, retrans, packets, sorted uint32
	for skb := tp.TcpRtxQueue.First; skb != nil; skb = skb.Next {
		pcount := uint32(tcpSkbPcount(skb))
		packets += pcount
		if skb.Cb.Sacked&core.TcpcbSackedAcked != 0 {
			sacked += pcount
		}
		if skb.Cb.Sacked&core.TcpcbLost != 0 {
			lost += pcount
		}
		if skb.Cb.Sacked&core.TcpcbSackedRetrans != 0 {
			retrans += pcount
		}
	}
	for skb := tp.TsortedFirst; skb != nil; skb = skb.TsortedNext {
		sorted++
	}
	if sacked != tp.SackedOut || lost != tp.LostOut || retrans != tp.RetransOut || packets != tp.PacketsOut {
		t.Errorf("counters S %d L %d R %d of %d, tags say %d %d %d of %d", tp.SackedOut, tp.LostOut, tp.RetransOut,
			tp.PacketsOut, sacked, lost, retrans, packets)
	}
	if sorted+sacked > packets {
		t.Errorf("%d in the order of sending and %d sacked, of %d", sorted, sacked, packets)
	}
}

func newSackSock(t testing.TB, count int, step time.Duration) (*Net, *TcpSock) {
	n, tp := newTestSock(t)
	tp.RxOpt.SackOk = tcpSackSeen
	tp.TcpHeaderLen = 20
	inFlight(n, tp, count, step)
	return n, tp
}

// sacktag tags the queue and returns the flags.
func sacktag(n *Net, tp *TcpSock, skb *core.SkBuff) (int, tcpSacktagState) {
	var state tcpSacktagState
	flag := n.tcpSacktagWriteQueue(&tp.Sock, skb, tp.SndUna, &state)
	return flag, state
}

func TestSacktag(t *testing.T) {
	n, tp := newSackSock(t, 10, time.Millisecond)
	for i, c := range []struct {
		ack  *core.SkBuff
		want string
		fack uint32 // where the highest sacked ends, in segments
		flag int
	}{
		{sackAck(0, [2]uint32{2, 3}), "..S.......", 3, flagDataSacked},
		{sackAck(0, [2]uint32{2, 4}), "..SS......", 4, flagDataSacked},
		{sackAck(0, [2]uint32{6, 7}, [2]uint32{2, 4}), "..SS..S...", 7, flagDataSacked},
		{sackAck(0, [2]uint32{6, 7}, [2]uint32{2, 4}), "..SS..S...", 7, 0},
		{sackAck(0, [2]uint32{9, 10}, [2]uint32{6, 7}, [2]uint32{2, 4}), "..SS..S..S", 10, flagDataSacked},
		{sackAck(0, [2]uint32{6, 8}, [2]uint32{9, 10}, [2]uint32{2, 4}), "..SS..SS.S", 10, flagDataSacked},
		{sackAck(0, [2]uint32{1, 10}), ".SSSSSSSSS", 10, flagDataSacked},
	} {
		flag, _ := sacktag(n, tp, c.ack)
		if flag &^= flagOrigSackAcked; tags(tp) != c.want || flag != c.flag {
			t.Errorf("step %d: %s, flags %#x; want %s, %#x", i, tags(tp), flag, c.want, c.flag)
		}
		if got := tcpHighestSackSeq(tp); got != 1+c.fack*testMss {
			t.Errorf("step %d: highest sacked ends at %d, want %d", i, got, 1+c.fack*testMss)
		}
		checkCounts(t, tp)
	}
	if tp.ReordSeen == 0 || tp.Reordering < 8 {
		t.Errorf("reordering seen %d times, distance %d", tp.ReordSeen, tp.Reordering)
	}
	if tp.Delivered != 9 {
		t.Errorf("delivered %d, want 9", tp.Delivered)
	}
}

func TestSackDiscarded(t *testing.T) {
	n, tp := newSackSock(t, 4, time.Millisecond)
	for _, blk := range [][2]uint32{{3, 5}, {2, 2}, {3, 1}, {0, 2}} {
		if flag, _ := sacktag(n, tp, sackAck(0, blk)); flag != 0 || tags(tp) != "...." {
			t.Errorf("block %v: flags %#x, %s", blk, flag, tags(tp))
		}
	}
	if got := n.Mib[core.MibTcpExtTCPSACKDiscard]; got != 4 {
		t.Errorf("%d blocks discarded, want 4", got)
	}
}

// A D-SACK takes the R off and counts towards undoing.
func TestDsack(t *testing.T) {
	n, tp := newSackSock(t, 6, time.Millisecond)
	sk := &tp.Sock
	sacktag(n, tp, sackAck(0, [2]uint32{1, 4}))
	head := sk.TcpRtxQueue.First
	head.Cb.Sacked |= core.TcpcbRetrans &^ core.TcpcbRepaired
	tp.RetransOut = 1
	tp.UndoMarker, tp.UndoRetrans = 1, 1
	runTo(n, tp, n.Now()+time.Second)
	tp.SndUna = 1 + 4*testMss // acked, and reported twice
	flag, _ := sacktag(n, tp, sackAck(4, [2]uint32{0, 1}))
	if flag&flagDsackingAck == 0 || tp.UndoRetrans != 0 || !tp.Rack.DsackSeen || tp.RxOpt.SackOk&tcpDsackSeen == 0 {
		t.Errorf("flags %#x, undo_retrans %d, dsack_seen %v", flag, tp.UndoRetrans, tp.Rack.DsackSeen)
	}
	if got := n.Mib[core.MibTcpExtTCPDSACKRecv]; got != 1 {
		t.Errorf("counted %d", got)
	}
}

// RACK: three segments were lost of ten that left 1 ms apart; what arrived of
// those sent later proves it once the reordering window has passed.
func TestRackDetectLoss(t *testing.T) {
	n, tp := newSackSock(t, 10, time.Millisecond)
	sk := &tp.Sock
	tp.SrttUs = 40000 << 3
	minmaxReset(&tp.RttMin, n.TcpJiffies32(), 40000)
	runTo(n, tp, n.Now()+40*time.Millisecond)

	// Two sacked: below the reordering distance, so a quarter of the least
	// round trip is to pass first.
	sacktag(n, tp, sackAck(0, [2]uint32{3, 5}))
	var timeout uint32
	n.tcpRackDetectLoss(sk, &timeout)
	if tags(tp) != "...SS....." || timeout == 0 || timeout > 10000 {
		t.Errorf("two sacked: %s, %d us to wait", tags(tp), timeout)
	}
	// The third makes the wait unnecessary.
	sacktag(n, tp, sackAck(0, [2]uint32{3, 6}))
	n.tcpRackDetectLoss(sk, &timeout)
	if tags(tp) != "LLLSSS...." || timeout != 0 {
		t.Errorf("three sacked: %s, %d us to wait", tags(tp), timeout)
	}
	checkCounts(t, tp)
	if tp.Lost != 3 || tp.RetransmitSkbHint != sk.TcpRtxQueue.First {
		t.Errorf("%d lost", tp.Lost)
	}

	// A retransmission that is overtaken by a later one is lost again.
	runTo(n, tp, n.Now()+time.Millisecond)
	tp.IcskCaState = tcpCaRecovery
	skb := sk.TcpRtxQueue.First
	for i := range 2 {
		skb.Cb.Sacked |= core.TcpcbSackedRetrans | core.TcpcbEverRetrans
		tp.RetransOut++
		skb.SkbMstampNs = uint64(n.Now()) + uint64(i)*uint64(time.Millisecond)
		tsortedAddTail(tp, skb)
		skb = skb.Next
	}
	runTo(n, tp, n.Now()+45*time.Millisecond)
	sacktag(n, tp, sackAck(0, [2]uint32{1, 2}, [2]uint32{3, 6}))
	n.tcpRackDetectLoss(sk, &timeout)
	if got := tags(tp); got != "LSLSSSLLLL" {
		t.Errorf("lost again: %s", got)
	}
	if n.Mib[core.MibTcpExtTCPLostRetransmit] != 1 || tp.RetransOut != 0 {
		t.Errorf("%d retransmissions lost, %d out", n.Mib[core.MibTcpExtTCPLostRetransmit], tp.RetransOut)
	}
	checkCounts(t, tp)
}

func TestRackReoWnd(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	tp.SrttUs = 50000 << 3
	minmaxReset(&tp.RttMin, n.TcpJiffies32(), 40000)
	if got := n.tcpRackReoWnd(sk); got != 10000 {
		t.Errorf("%d us, want a quarter of 40 ms", got)
	}
	tp.IcskCaState = tcpCaRecovery
	if got := n.tcpRackReoWnd(sk); got != 0 {
		t.Errorf("%d us in Recovery where nothing is reordered", got)
	}
	tp.ReordSeen = 1
	tp.Delivered = 100
	for i, want := range []uint32{20000, 30000, 40000, 50000, 50000} {
		tp.Rack.DsackSeen = true
		rs := RateSample{PriorDelivered: tp.Delivered}
		tp.Delivered += 10
		n.tcpRackUpdateReoWnd(sk, &rs)
		tp.Rack.LastDelivered = 0
		if got := n.tcpRackReoWnd(sk); got != want {
			t.Errorf("after %d D-SACKs: %d us, want %d", i+1, got, want)
		}
	}
	tp.Rack.ReoWndPersist = 0
	n.tcpRackUpdateReoWnd(sk, &RateSample{PriorDelivered: 1})
	if got := n.tcpRackReoWnd(sk); got != 10000 {
		t.Errorf("%d us once the window has been given back", got)
	}
}

// PRR's arithmetic (RFC 6937): above ssthresh ssthresh/prior_cwnd of what is
// delivered may be sent, below it as much as is delivered and one more while
// retransmissions succeed.
func TestPrr(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	n.tcpSetCongestionControl(sk, "reno", true, true)
	tp.SndCwnd = 20
	tp.PacketsOut = 20
	n.tcpInitCwndReduction(sk)
	if tp.SndSsthresh != 10 || tp.PriorCwnd != 20 {
		t.Fatalf("ssthresh %d, prior_cwnd %d", tp.SndSsthresh, tp.PriorCwnd)
	}
	tp.LostOut, tp.SackedOut = 1, 3
	var sent []string
	send := func(sacked int, flag int) {
		tp.SackedOut += uint32(sacked)
		n.tcpCwndReduction(sk, sacked, flag)
		count := tp.SndCwnd - tcpPacketsInFlight(tp)
		tp.PrrOut += count
		tp.PacketsOut += count
		sent = append(sent, fmt.Sprint(count))
	}
	send(1, 0) // the fast retransmission itself
	for range 8 {
		send(1, 0) // every other ACK sends
	}
	if got := strings.Join(sent, ""); got != "101010101" {
		t.Errorf("proportional part: %s", got)
	}
	if got := tcpPacketsInFlight(tp); got != 12 {
		t.Errorf("in flight %d, want 12", got)
	}

	// Far below ssthresh: as much as is delivered, and once retransmissions
	// succeed what had been held back, up to ssthresh.
	tp.LostOut += 6
	sent = sent[:0]
	send(1, 0)
	send(2, 0)
	send(1, flagRetransDataAcked)
	if got := strings.Join(sent, " "); got != "1 2 5" {
		t.Errorf("reduction bound: %s", got)
	}
	if n.tcpCwndReduction(sk, 0, 0); tp.SndCwnd != tp.SndSsthresh {
		t.Errorf("window %d, ssthresh %d", tp.SndCwnd, tp.SndSsthresh)
	}
}

// Without SACK duplicate ACKs are counted, and cannot be more than there are
// segments above the hole.
func TestRenoSacks(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	inFlight(n, tp, 5, time.Millisecond)
	n.tcpAddRenoSack(sk, 3)
	if tp.SackedOut != 3 || tp.ReordSeen != 0 {
		t.Errorf("three: %d, reordering %d", tp.SackedOut, tp.ReordSeen)
	}
	n.tcpNewrenoMarkLost(sk, false)
	if tags(tp) != "L...." {
		t.Errorf("after three duplicates: %s", tags(tp))
	}
	n.tcpAddRenoSack(sk, 3)
	if tp.SackedOut != 4 || tp.ReordSeen != 1 || tp.Reordering != 5 {
		t.Errorf("six: %d, reordering %d, distance %d", tp.SackedOut, tp.ReordSeen, tp.Reordering)
	}
	if tp.Delivered != 4 {
		t.Errorf("delivered %d", tp.Delivered)
	}
}

// A timeout marks what RACK does not know to be recent, and a D-SACK for all
// that was sent again gives the window back.
func TestEnterLossAndUndo(t *testing.T) {
	n, tp := newSackSock(t, 6, time.Millisecond)
	sk := &tp.Sock
	n.Sysctl.TcpFrto = 2
	tp.SndCwnd = 20
	tp.Rack.RttUs = 10000
	runTo(n, tp, n.Now()+300*time.Millisecond)
	last := sk.TcpRtxQueue.Last
	last.SkbMstampNs = uint64(n.Now() - time.Millisecond)
	n.tcpEnterLoss(sk)
	if tags(tp) != "LLLLL." || tp.IcskCaState != tcpCaLoss || tp.SndCwnd != 2 || tp.SndSsthresh != 14 || !tp.Frto {
		t.Errorf("%s, state %d, window %d, ssthresh %d, frto %v", tags(tp), tp.IcskCaState, tp.SndCwnd, tp.SndSsthresh, tp.Frto)
	}
	checkCounts(t, tp)

	tp.UndoRetrans = 0
	if !n.tcpTryUndoLoss(sk, false) || tp.SndCwnd != 20 || tp.IcskCaState != tcpCaOpen || tags(tp) != "......" {
		t.Errorf("undo: %s, state %d, window %d", tags(tp), tp.IcskCaState, tp.SndCwnd)
	}
	if tp.UndoMarker != 0 || n.Mib[core.MibTcpExtTCPLossUndo] != 1 {
		t.Errorf("undo_marker %d, counted %d", tp.UndoMarker, n.Mib[core.MibTcpExtTCPLossUndo])
	}
}

// The whole machine, without the network: three sacked segments above a hole
// start Recovery, which lasts until all that was in flight is acked.
func TestFastretransAlert(t *testing.T) {
	n, tp := newSackSock(t, 10, time.Millisecond)
	sk := &tp.Sock
	tp.SndCwnd = 10
	tp.SrttUs = 40000 << 3
	minmaxReset(&tp.RttMin, n.TcpJiffies32(), 40000)
	runTo(n, tp, n.Now()+50*time.Millisecond)
	rexmit := rexmitNone
	flag, _ := sacktag(n, tp, sackAck(0, [2]uint32{1, 4}))
	n.tcpFastretransAlert(sk, tp.SndUna, 0, &flag, &rexmit)
	if tp.IcskCaState != tcpCaRecovery || rexmit != rexmitLost || tags(tp) != "LSSS......" {
		t.Fatalf("state %d, rexmit %d, %s", tp.IcskCaState, rexmit, tags(tp))
	}
	if tp.HighSeq != tp.SndNxt || tp.UndoMarker != tp.SndUna || tp.PriorSsthresh == 0 || tp.SndSsthresh != 7 {
		t.Errorf("high_seq %d, undo_marker %d, ssthresh %d", tp.HighSeq, tp.UndoMarker, tp.SndSsthresh)
	}
	checkCounts(t, tp)

	// All is acked by the originals, as the echoed timestamp proves.
	tp.SndUna = tp.HighSeq
	flag, rexmit = flagSndUnaAdvanced|flagDataAcked, rexmitNone
	n.tcpFastretransAlert(sk, 1, 0, &flag, &rexmit)
	if tp.SndCwnd != 10 || n.Mib[core.MibTcpExtTCPFullUndo] != 1 {
		t.Errorf("window %d, %d undone", tp.SndCwnd, n.Mib[core.MibTcpExtTCPFullUndo])
	}
}

func TestSackblockValid(t *testing.T) {
	tp := &TcpSock{SndUna: 1000, SndNxt: 5000, MaxWindow: 3000, UndoMarker: 500}
	for _, c := range []struct {
		dsack      bool
		start, end uint32
		want       bool
	}{
		{false, 2000, 3000, true},
		{false, 4000, 5000, true},
		{false, 4000, 5001, false},
		{false, 3000, 2000, false},
		{false, 1000, 2000, false}, // at SndUna it would be acked
		{false, 500, 900, false},
		{true, 600, 1000, true},
		{true, 600, 1001, false},         // across SndUna
		{true, 100, 400, false},          // older than undo cares for
		{true, 100, 600, true},           // across the marker, within a window
		{true, 1<<32 - 2401, 600, false}, // … beyond a window
		{false, 5000 + 1<<31, 5000, false},
	} {
		if got := tcpIsSackblockValid(tp, c.dsack, c.start, c.end); got != c.want {
			t.Errorf("D-SACK %v [%d, %d): %v", c.dsack, c.start, c.end, got)
		}
	}
}
