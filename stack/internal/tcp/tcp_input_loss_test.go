package tcp

import (
	"testing"
	"time"

	"menuos/stack/internal/core"
)

// lossSock has six segments in flight and has just timed out.
func lossSock(t *testing.T) (*Net, *TcpSock) {
	n, tp := newSackSock(t, 6, time.Millisecond)
	n.Sysctl.TcpFrto = 2
	tp.SndCwnd = 20
	runTo(n, tp, n.Now()+300*time.Millisecond)
	n.tcpEnterLoss(&tp.Sock)
	tp.IcskRetransmits = 1
	head := tp.TcpRtxQueue.First
	head.Cb.Sacked |= core.TcpcbSackedRetrans | core.TcpcbEverRetrans
	tp.RetransOut++
	tp.RetransStamp = uint32(tp.TcpMstamp / 1000)
	tp.UndoRetrans = 1
	return n, tp
}

// F-RTO, a spurious timeout: the ACK after the retransmission asks for new
// data, and the next one acks what was sent only once.
func TestFrtoSpurious(t *testing.T) {
	n, tp := lossSock(t)
	sk := &tp.Sock
	if !tp.Frto || tags(tp) != "rLLLLL" {
		t.Fatalf("frto %v, %s", tp.Frto, tags(tp))
	}
	sk.SkWriteQueue.QueueTail(&core.SkBuff{Head: new(core.DataBuf)})
	rexmit := rexmitNone
	tp.SndUna += testMss
	n.tcpProcessLoss(sk, flagSndUnaAdvanced|flagDataAcked|flagRetransDataAcked, 0, &rexmit)
	if rexmit != rexmitNew || tp.HighSeq != tp.SndNxt || !tp.Frto {
		t.Fatalf("rexmit %d, frto %v", rexmit, tp.Frto)
	}
	tp.SndNxt += testMss
	rexmit = rexmitNone
	n.tcpProcessLoss(sk, flagSndUnaAdvanced|flagDataAcked|flagOrigSackAcked, 0, &rexmit)
	if tp.IcskCaState != tcpCaOpen || tp.SndCwnd != 20 || tp.LostOut != 0 || n.Mib[core.MibTcpExtTCPSpuriousRTOs] != 1 {
		t.Errorf("state %d, window %d, %d lost, %d spurious", tp.IcskCaState, tp.SndCwnd, tp.LostOut, n.Mib[core.MibTcpExtTCPSpuriousRTOs])
	}
}

// F-RTO, a real loss: the new data is sacked above the hole.
func TestFrtoReal(t *testing.T) {
	n, tp := lossSock(t)
	sk := &tp.Sock
	rexmit := rexmitNone
	tp.SndNxt += testMss
	n.tcpProcessLoss(sk, flagDataSacked, 0, &rexmit)
	if tp.Frto || rexmit != rexmitLost || tp.IcskCaState != tcpCaLoss {
		t.Errorf("frto %v, rexmit %d, state %d", tp.Frto, rexmit, tp.IcskCaState)
	}
}

// Nothing new to send: F-RTO gives up and the rest is retransmitted.
func TestFrtoNoData(t *testing.T) {
	n, tp := lossSock(t)
	rexmit := rexmitNone
	tp.SndUna += testMss
	n.tcpProcessLoss(&tp.Sock, flagSndUnaAdvanced|flagDataAcked|flagRetransDataAcked, 0, &rexmit)
	if tp.Frto || rexmit != rexmitLost {
		t.Errorf("frto %v, rexmit %d", tp.Frto, rexmit)
	}
}

// A timestamp older than the retransmission proves the timeout wrong at once.
func TestUndoLossTimestamp(t *testing.T) {
	n, tp := lossSock(t)
	rexmit := rexmitNone
	tp.RxOpt.SawTstamp = true
	tp.RxOpt.RcvTsecr = tp.RetransStamp - 5
	tp.SndUna += testMss
	n.tcpProcessLoss(&tp.Sock, flagSndUnaAdvanced|flagDataAcked|flagRetransDataAcked, 0, &rexmit)
	if tp.IcskCaState != tcpCaOpen || tp.SndCwnd != 20 || rexmit != rexmitNone {
		t.Errorf("state %d, window %d, rexmit %d", tp.IcskCaState, tp.SndCwnd, rexmit)
	}
}

// A tail loss probe that repaired a loss costs what a recovery would; one that
// was in vain costs nothing.
func TestTlpAck(t *testing.T) {
	for _, c := range []struct {
		name     string
		beyond   bool // the ACK is beyond what the probe was
		flag     int
		ended    bool
		ssthresh uint32
	}{
		{"D-SACK", false, flagDsackingAck, true, tcpInfiniteSsthresh},
		{"duplicate", false, 0, true, tcpInfiniteSsthresh},
		{"the probe", false, flagSndUnaAdvanced | flagDataAcked, false, tcpInfiniteSsthresh},
		{"beyond", true, flagSndUnaAdvanced | flagDataAcked, true, 14},
	} {
		n, tp := newSackSock(t, 4, time.Millisecond)
		tp.SndCwnd = 20
		tp.TlpHighSeq = tp.SndNxt - testMss
		ack := tp.TlpHighSeq
		if c.beyond {
			ack += testMss
		}
		n.tcpProcessTlpAck(&tp.Sock, ack, c.flag)
		if (tp.TlpHighSeq == 0) != c.ended || tp.SndSsthresh != c.ssthresh {
			t.Errorf("%s: tlp_high_seq %d, ssthresh %d", c.name, tp.TlpHighSeq, tp.SndSsthresh)
		}
		if c.beyond && tp.SndCwnd != 14 {
			t.Errorf("%s: window %d, want 14", c.name, tp.SndCwnd)
		}
	}
}
