package tcp

import (
	"testing"
	"time"
)

// The estimator's numbers, by hand: srtt in eighths, the deviation as it moves
// towards four times the mean error, the variance held by its floor of 200 ms
// and lowered by a quarter once a round trip.
func TestRttEstimator(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	tp.SndUna, tp.SndNxt = 1000, 2000
	type state struct{ srtt, mdev, mdevMax, rttvar, rto uint32 }
	for i, c := range []struct {
		rtt     int64
		advance bool // SndUna passes RttSeq
		want    state
	}{
		{100000, false, state{800000, 200000, 200000, 200000, 300}},
		{100000, false, state{800000, 150000, 200000, 200000, 300}},
		{500000, false, state{1200000, 512500, 512500, 512500, 663}},
		{50000, false, state{1100000, 512500 - 28125, 512500, 512500, 650}},
		{137500, true, state{1100000, 363282, 200000, 512500, 650}},
		{137500, true, state{1100000, 272462, 200000, 452491, 590}},
		// Far below what was expected: the deviation grows with a finer gain.
		{10000, false, state{972500, 279885, 279885, 452491, 575}},
	} {
		if c.advance {
			tp.SndUna, tp.SndNxt = tp.RttSeq+1, tp.RttSeq+1000
		}
		n.tcpRttEstimator(sk, c.rtt)
		n.tcpSetRto(sk)
		got := state{tp.SrttUs, tp.MdevUs, tp.MdevMaxUs, tp.RttvarUs, tp.IcskRto}
		if got != c.want {
			t.Errorf("step %d, %d us: %+v, want %+v", i, c.rtt, got, c.want)
		}
	}
}

func TestRtoNeverBelowMin(t *testing.T) {
	n, tp := newTestSock(t)
	for range 100 {
		tp.SndUna, tp.SndNxt = tp.RttSeq+1, tp.RttSeq+1000
		n.tcpRttEstimator(&tp.Sock, 10)
		n.tcpSetRto(&tp.Sock)
		if tp.IcskRto < tcpRtoMin || tp.IcskRto > tcpRtoMin+1 {
			t.Fatalf("RTO %d ms at a round trip of 10 us", tp.IcskRto)
		}
	}
	n.tcpRttEstimator(&tp.Sock, 3600*1000000)
	n.tcpSetRto(&tp.Sock)
	if tp.IcskRto != tcpRtoMax {
		t.Errorf("RTO %d ms after a round trip of an hour", tp.IcskRto)
	}
}

// Without SACK or fresh data the echoed timestamp is what is left to measure.
func TestAckUpdateRttTimestamp(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	runTo(n, tp, 5*time.Second)
	tp.RxOpt.SawTstamp = true
	tp.RxOpt.RcvTsecr = 4970
	var rs RateSample
	if n.tcpAckUpdateRtt(sk, 0, -1, -1, -1, &rs) {
		t.Error("measured although nothing was acked")
	}
	tp.IcskBackoff = 3
	if !n.tcpAckUpdateRtt(sk, flagDataAcked, -1, -1, -1, &rs) || rs.RttUs != 30000 {
		t.Errorf("round trip %d us, want 30000", rs.RttUs)
	}
	if tp.SrttUs != 8*30000 || tp.IcskBackoff != 0 || tcpMinRtt(tp) != 30000 {
		t.Errorf("srtt %d, backoff %d, least %d", tp.SrttUs, tp.IcskBackoff, tcpMinRtt(tp))
	}
}

func TestPacingRate(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	tp.SrttUs = 8 * 100000
	tp.SndCwnd, tp.PacketsOut = 10, 4
	n.tcpUpdatePacingRate(sk)
	if sk.SkPacingRate != 2*10*1000*10 {
		t.Errorf("slow start: %d bytes a second, want 200000", sk.SkPacingRate)
	}
	tp.SndSsthresh = 10
	n.tcpUpdatePacingRate(sk)
	if sk.SkPacingRate != 120000 {
		t.Errorf("congestion avoidance: %d bytes a second, want 120000", sk.SkPacingRate)
	}
}
