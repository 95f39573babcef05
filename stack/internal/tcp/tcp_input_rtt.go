// Round trip times (net/ipv4/tcp_input.c): the estimator of Jacobson with
// Linux's own view of the variance, the RTO, the windowed minimum, and the
// pacing rate that follows from them.

package tcp

import (
	"math"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpRttEstimator takes a measurement in microseconds into SrttUs and RttvarUs.
func (n *Net) tcpRttEstimator(sk *core.Sock, mrttUs int64) {
	kernel.Fentry2(&n.Kernel, sk, mrttUs) // tcp_rtt_estimator net/ipv4/tcp_input.c:725

	tp := tcpSk(sk)
	m := mrttUs
	srtt := tp.SrttUs
	if srtt == 0 {
		srtt = uint32(m << 3)
		tp.MdevUs = uint32(m << 1)
		tp.RttvarUs = max(tp.MdevUs, tcpRtoMinUs(sk))
		tp.MdevMaxUs = tp.RttvarUs
		tp.RttSeq = tp.SndNxt
		tp.SrttUs = max(1, srtt)
		return
	}

	m -= int64(srtt >> 3) // now the error
	srtt += uint32(m)     // 7/8 of the old, 1/8 of the new
	if m < 0 {
		m = -m - int64(tp.MdevUs>>2)
		// A round trip that gets shorter must neither raise the RTO nor let it
		// fall too fast: a finer gain.
		if m > 0 {
			m >>= 3
		}
	} else {
		m -= int64(tp.MdevUs >> 2)
	}
	tp.MdevUs += uint32(m)
	if tp.MdevUs > tp.MdevMaxUs {
		tp.MdevMaxUs = tp.MdevUs
		if tp.MdevMaxUs > tp.RttvarUs {
			tp.RttvarUs = tp.MdevMaxUs
		}
	}
	// The variance goes down once a round trip at most.
	if wire.After(tp.SndUna, tp.RttSeq) {
		if tp.MdevMaxUs < tp.RttvarUs {
			tp.RttvarUs -= (tp.RttvarUs - tp.MdevMaxUs) >> 2
		}
		tp.RttSeq = tp.SndNxt
		tp.MdevMaxUs = tcpRtoMinUs(sk)
	}
	tp.SrttUs = max(1, srtt)
}

// tcpUpdatePacingRate sets the rate at which to send: twice the window a round
// trip in slow start, 1.2 times above half of ssthresh.
func (n *Net) tcpUpdatePacingRate(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_update_pacing_rate net/ipv4/tcp_input.c:793

	tp := tcpSk(sk)
	rate := uint64(tp.MssCache) * ((usecPerSec / 100) << 3)
	if tp.SndCwnd < tp.SndSsthresh/2 {
		rate *= uint64(n.Sysctl.TcpPacingSsRatio)
	} else {
		rate *= uint64(n.Sysctl.TcpPacingCaRatio)
	}
	rate *= uint64(max(tp.SndCwnd, tp.PacketsOut))
	if tp.SrttUs != 0 {
		rate /= uint64(tp.SrttUs)
	}
	sk.SkPacingRate = min(rate, sk.SkMaxPacingRate)
}

// tcpSetRto computes the RTO, without backoff.
func (n *Net) tcpSetRto(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_set_rto net/ipv4/tcp_input.c:826

	tp := tcpSk(sk)
	tp.IcskRto = tcpSetRto__(tp)
	tcpBoundRto(sk)
}

// tcpInitCwnd is the window that a connection over the route dst begins with.
func (n *Net) tcpInitCwnd(tp *TcpSock, dst *core.DstEntry) uint32 {
	kernel.Fentry2(&n.Kernel, tp, dst) // tcp_init_cwnd net/ipv4/tcp_input.c:853

	cwnd := uint32(0)
	if dst != nil {
		cwnd = core.DstMetric(dst, core.RtaxInitcwnd)
	}
	if cwnd == 0 {
		cwnd = tcpInitCwndDefault
	}
	return min(cwnd, tp.SndCwndClamp)
}

// tcpUpdateRttMin takes a measurement into the windowed minimum.
func (n *Net) tcpUpdateRttMin(sk *core.Sock, rttUs uint32, flag int) {
	kernel.Fentry3(&n.Kernel, sk, rttUs, flag) // tcp_update_rtt_min net/ipv4/tcp_input.c:2881

	tp := tcpSk(sk)
	wlen := uint32(n.Sysctl.TcpMinRttWlen) * kernel.HZ
	// Delayed ACKs alone would lift the minimum in the end.
	if flag&flagAckMaybeDelayed != 0 && rttUs > tcpMinRtt(tp) {
		return
	}
	if rttUs == 0 {
		rttUs = jiffiesToUsecs(1)
	}
	n.minmaxRunningMin(&tp.RttMin, wlen, n.TcpJiffies32(), rttUs) // :2891
}

// tcpAckUpdateRtt measures the round trip of an ACK: from what it acks, from
// what it sacks, or from the timestamp that it echoes. It sets rs.RttUs and
// reports whether there was anything to measure.
func (n *Net) tcpAckUpdateRtt(sk *core.Sock, flag int, seqRttUs, sackRttUs, caRttUs int64, rs *RateSample) bool {
	kernel.Fentry5(&n.Kernel, sk, flag, seqRttUs, sackRttUs, caRttUs) // tcp_ack_update_rtt net/ipv4/tcp_input.c:2906

	tp := tcpSk(sk)
	if seqRttUs < 0 {
		seqRttUs = sackRttUs
	}
	// The echoed timestamp counts only if new data was acked (RFC 7323), and
	// only where time itself does not help: it may be damaged on the way.
	if seqRttUs < 0 && tp.RxOpt.SawTstamp && tp.RxOpt.RcvTsecr != 0 && flag&flagAcked != 0 {
		delta := tcpTimeStamp(tp) - tp.RxOpt.RcvTsecr
		if delta < math.MaxInt32/1000 {
			seqRttUs = int64(delta) * 1000
			caRttUs = seqRttUs
		}
	}
	rs.RttUs = caRttUs
	if seqRttUs < 0 {
		return false
	}
	n.tcpUpdateRttMin(sk, uint32(caRttUs), flag) // :2932
	n.tcpRttEstimator(sk, seqRttUs)              // :2933
	n.tcpSetRto(sk)                              // :2934

	tp.IcskBackoff = 0
	return true
}

// tcpSynackRttMeas measures the round trip of the SYN-ACK, unless it was sent
// more than once.
func (n *Net) tcpSynackRttMeas(sk *core.Sock, req *RequestSock) {
	kernel.Fentry2(&n.Kernel, sk, req) // tcp_synack_rtt_meas net/ipv4/tcp_input.c:2943

	var rs RateSample
	rttUs := int64(-1)
	if req != nil && req.NumRetrans == 0 && req.SntSynack != 0 {
		rttUs = int64(tcpStampUsDelta(n.tcpClockUs(), req.SntSynack))
	}
	n.tcpAckUpdateRtt(sk, flagSynAcked, rttUs, -1, rttUs, &rs) // :2950
}
