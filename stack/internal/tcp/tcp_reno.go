// NewReno congestion control (the second half of net/ipv4/tcp_cong.c): slow
// start below ssthresh, one segment a round trip above it, half the window
// after a loss. The other controls build on its parts.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// tcpReno makes the table of operations of reno (tcp_reno).
func (n *Net) tcpReno() *CongestionOps {
	return &CongestionOps{
		Name:      "reno",
		Ssthresh:  n.tcpRenoSsthresh,
		CongAvoid: n.tcpRenoCongAvoid,
		UndoCwnd:  n.tcpRenoUndoCwnd,
	}
}

// tcpSlowStart raises the window by what was acked, as far as ssthresh, and
// returns the acks that are left for congestion avoidance.
func (n *Net) tcpSlowStart(tp *TcpSock, acked uint32) uint32 {
	kernel.Fentry2(&n.Kernel, tp, acked) // tcp_slow_start net/ipv4/tcp_cong.c:395

	cwnd := min(tp.SndCwnd+acked, tp.SndSsthresh)
	acked -= cwnd - tp.SndCwnd
	tp.SndCwnd = min(cwnd, tp.SndCwndClamp)
	return acked
}

// tcpCongAvoidAi raises the window by one for each w packets acked.
func (n *Net) tcpCongAvoidAi(tp *TcpSock, w, acked uint32) {
	kernel.Fentry3(&n.Kernel, tp, w, acked) // tcp_cong_avoid_ai net/ipv4/tcp_cong.c:410

	// menuos does not divide by a window of 0, which a reduction can leave.
	w = max(w, 1)
	// Credit from a time when w was larger is worth one segment at most.
	if tp.SndCwndCnt >= w {
		tp.SndCwndCnt = 0
		tp.SndCwnd++
	}
	tp.SndCwndCnt += acked
	if tp.SndCwndCnt >= w {
		delta := tp.SndCwndCnt / w
		tp.SndCwndCnt -= delta * w
		tp.SndCwnd += delta
	}
	tp.SndCwnd = min(tp.SndCwnd, tp.SndCwndClamp)
}

// tcpRenoCongAvoid raises the window for acked packets, if the sender used it.
func (n *Net) tcpRenoCongAvoid(sk *core.Sock, ack, acked uint32) {
	kernel.Fentry3(&n.Kernel, sk, ack, acked) // tcp_reno_cong_avoid net/ipv4/tcp_cong.c:435

	tp := tcpSk(sk)
	if !tcpIsCwndLimited(sk) {
		return
	}
	if tcpInSlowStart(tp) {
		acked = n.tcpSlowStart(tp, acked) // :442
		if acked == 0 {
			return
		}
	}
	n.tcpCongAvoidAi(tp, tp.SndCwnd, acked) // :447
}

// tcpRenoSsthresh is half the window, and two segments at least.
func (n *Net) tcpRenoSsthresh(sk *core.Sock) uint32 {
	kernel.Fentry1(&n.Kernel, sk) // tcp_reno_ssthresh net/ipv4/tcp_cong.c:454

	return max(tcpSk(sk).SndCwnd>>1, 2)
}

// tcpRenoUndoCwnd is the window to return to when a reduction was a mistake.
func (n *Net) tcpRenoUndoCwnd(sk *core.Sock) uint32 {
	kernel.Fentry1(&n.Kernel, sk) // tcp_reno_undo_cwnd net/ipv4/tcp_cong.c:462

	tp := tcpSk(sk)
	return max(tp.SndCwnd, tp.PriorCwnd)
}
