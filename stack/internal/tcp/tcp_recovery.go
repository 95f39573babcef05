// RACK, which tells losses by time, and NewReno's rule (net/ipv4/tcp_recovery.c).
// RACK takes a segment for lost if one that left later has arrived, and a round
// trip and a reordering window have passed since it left. That works for
// originals and retransmissions alike.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpMarkSkbLost marks a segment lost; if a retransmission of it was in flight
// that one is lost, too.
func (n *Net) tcpMarkSkbLost(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_mark_skb_lost net/ipv4/tcp_recovery.c:7

	tp := tcpSk(sk)
	n.tcpSkbMarkLostUncondVerify(tp, skb) // :9
	if skb.Cb.Sacked&core.TcpcbSackedRetrans != 0 {
		skb.Cb.Sacked &^= core.TcpcbSackedRetrans
		tp.RetransOut -= uint32(tcpSkbPcount(skb))
		n.Mib[core.MibTcpExtTCPLostRetransmit] += uint64(tcpSkbPcount(skb))
	}
}

// tcpRackSentAfter reports whether what was sent at t1 left after what was
// sent at t2; sequences decide between equal times.
func tcpRackSentAfter(t1, t2 uint64, seq1, seq2 uint32) bool {
	return t1 > t2 || t1 == t2 && wire.After(seq1, seq2)
}

// tcpRackReoWnd is how long, in microseconds, to wait for what may only be
// late.
func (n *Net) tcpRackReoWnd(sk *core.Sock) uint32 {
	kernel.Fentry1(&n.Kernel, sk) // tcp_rack_reo_wnd net/ipv4/tcp_recovery.c:26

	tp := tcpSk(sk)
	if tp.ReordSeen == 0 {
		if tp.IcskCaState >= tcpCaRecovery {
			return 0
		}
		if tp.SackedOut >= tp.Reordering && n.Sysctl.TcpRecovery&tcpRackNoDupthresh == 0 {
			return 0
		}
	}
	// A quarter of the least round trip for each step, a whole one at most.
	return min((tcpMinRtt(tp)>>2)*uint32(tp.Rack.ReoWndSteps), tp.SrttUs>>3)
}

// tcpRackSkbTimeout is how long, in microseconds, until a segment counts as
// lost; zero or less if it does.
func (n *Net) tcpRackSkbTimeout(tp *TcpSock, skb *core.SkBuff, reoWnd uint32) int32 {
	kernel.Fentry3(&n.Kernel, tp, skb, reoWnd) // tcp_rack_skb_timeout net/ipv4/tcp_recovery.c:52

	return int32(tp.Rack.RttUs + reoWnd - tcpStampUsDelta(tp.TcpMstamp, tcpSkbTimestampUs(skb)))
}

// tcpRackDetectLoss marks what RACK takes for lost, in the order of sending,
// and sets how long, in microseconds, the last of those that still have time
// may take; 0 if there is none.
func (n *Net) tcpRackDetectLoss(sk *core.Sock, reoTimeout *uint32) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_rack_detect_loss net/ipv4/tcp_recovery.c:78

	tp := tcpSk(sk)
	*reoTimeout = 0
	reoWnd := n.tcpRackReoWnd(sk) // :83
	var next *core.SkBuff
	for skb := tp.TsortedFirst; skb != nil; skb = next {
		next = skb.TsortedNext
		scb := &skb.Cb
		// Marked already and not sent again since.
		if scb.Sacked&core.TcpcbLost != 0 && scb.Sacked&core.TcpcbSackedRetrans == 0 {
			continue
		}
		if !tcpRackSentAfter(tp.Rack.Mstamp, tcpSkbTimestampUs(skb), tp.Rack.EndSeq, scb.EndSeq) {
			break
		}
		remaining := n.tcpRackSkbTimeout(tp, skb, reoWnd) // :102
		if remaining <= 0 {
			n.tcpMarkSkbLost(sk, skb) // :104
			tsortedDel(tp, skb)
		} else {
			*reoTimeout = max(*reoTimeout, uint32(remaining))
		}
	}
}

// tcpRackMarkLost looks for losses if RACK has news, and arms the reordering
// timer for those that are not certain yet.
func (n *Net) tcpRackMarkLost(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_rack_mark_lost net/ipv4/tcp_recovery.c:115

	tp := tcpSk(sk)
	if !tp.Rack.Advanced {
		return
	}
	tp.Rack.Advanced = false
	var timeout uint32
	n.tcpRackDetectLoss(sk, &timeout) // :123
	if timeout != 0 {
		when := uint64(usecsToJiffies(timeout)) + tcpTimeoutMin
		n.inetCskResetXmitTimer(sk, IcskTimeReoTimeout, when, uint64(tp.IcskRto)) // :126
	}
}

// tcpRackAdvance notes that a segment sent at xmitTime has arrived: the one
// sent last of all that have is what others are measured by.
func (n *Net) tcpRackAdvance(tp *TcpSock, sacked uint8, endSeq uint32, xmitTime uint64) {
	kernel.Fentry4(&n.Kernel, tp, sacked, endSeq, xmitTime) // tcp_rack_advance net/ipv4/tcp_recovery.c:140

	rttUs := tcpStampUsDelta(tp.TcpMstamp, xmitTime)
	// So soon after a retransmission it is the original that has arrived.
	if rttUs < tcpMinRtt(tp) && sacked&core.TcpcbRetrans != 0 {
		return
	}
	tp.Rack.Advanced = true
	tp.Rack.RttUs = rttUs
	if tcpRackSentAfter(xmitTime, tp.Rack.Mstamp, endSeq, tp.Rack.EndSeq) {
		tp.Rack.Mstamp = xmitTime
		tp.Rack.EndSeq = endSeq
	}
}

// tcpRackReoTimeout is the reordering timer: what has not come by now is lost.
func (n *Net) tcpRackReoTimeout(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_rack_reo_timeout net/ipv4/tcp_recovery.c:168

	tp := tcpSk(sk)
	priorInflight := tcpPacketsInFlight(tp)
	var timeout uint32
	n.tcpRackDetectLoss(sk, &timeout) // :172
	if priorInflight != tcpPacketsInFlight(tp) {
		if tp.IcskCaState != tcpCaRecovery {
			n.tcpEnterRecovery(sk, false) // :175
			if tp.IcskCaOps.CongControl == nil {
				n.tcpCwndReduction(sk, 1, 0) // :177
			}
		}
		n.tcpXmitRetransmitQueue(sk) // :179
	}
	if tp.IcskPending != icskTimeRetrans {
		n.tcpRearmRto(sk) // :182
	}
}

// tcpRackUpdateReoWnd widens the reordering window by a step, once a round
// trip, when D-SACKs say that retransmissions were not needed, and takes it
// back after sixteen recoveries without.
func (n *Net) tcpRackUpdateReoWnd(sk *core.Sock, rs *RateSample) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_rack_update_reo_wnd net/ipv4/tcp_recovery.c:204

	tp := tcpSk(sk)
	if n.Sysctl.TcpRecovery&tcpRackStaticReoWnd != 0 || rs.PriorDelivered == 0 {
		return
	}
	if wire.Before(rs.PriorDelivered, tp.Rack.LastDelivered) {
		tp.Rack.DsackSeen = false
	}
	if tp.Rack.DsackSeen {
		tp.Rack.ReoWndSteps = uint8(min(0xff, int(tp.Rack.ReoWndSteps)+1))
		tp.Rack.DsackSeen = false
		tp.Rack.LastDelivered = tp.Delivered
		tp.Rack.ReoWndPersist = tcpRackRecoveryThresh
	} else if tp.Rack.ReoWndPersist == 0 {
		tp.Rack.ReoWndSteps = 1
	}
}

// tcpNewrenoMarkLost marks the head lost on a connection without SACK: on the
// third duplicate ACK, and on each partial ACK in recovery (RFC 6582).
func (n *Net) tcpNewrenoMarkLost(sk *core.Sock, sndUnaAdvanced bool) {
	kernel.Fentry2(&n.Kernel, sk, sndUnaAdvanced) // tcp_newreno_mark_lost net/ipv4/tcp_recovery.c:233

	tp := tcpSk(sk)
	state := tp.IcskCaState
	if state < tcpCaRecovery && tp.SackedOut >= tp.Reordering || state == tcpCaRecovery && sndUnaAdvanced {
		skb := tcpRtxQueueHead(sk)
		if skb.Cb.Sacked&core.TcpcbLost != 0 {
			return
		}
		mss := tcpSkbMss(skb)
		if tcpSkbPcount(skb) > 1 && skb.Len > mss {
			n.tcpFragment(sk, tcpFragInRtxQueue, skb, uint32(mss), uint32(mss)) // :246
		}
		n.tcpSkbMarkLostUncondVerify(tp, skb) // :249
	}
}
