// Fast recovery (net/ipv4/tcp_input.c): finding what is lost, the states Open,
// Disorder, CWR, Recovery and Loss (tcp_fastretrans_alert), and lowering the
// window in proportion to what is delivered (PRR, RFC 6937).
//
//	in flight = PacketsOut - (SackedOut + LostOut) + RetransOut
//
// Timeouts and undoing are in tcp_input_loss.go, RACK in tcp_recovery.go.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpIsRack reports whether RACK finds the losses.
func (n *Net) tcpIsRack() bool { return n.Sysctl.TcpRecovery&tcpRackLossDetection != 0 }

// tcpVerifyRetransmitHint lets the retransmission begin no later than at skb,
// which is about to be marked lost.
func tcpVerifyRetransmitHint(tp *TcpSock, skb *core.SkBuff) {
	if tp.RetransmitSkbHint == nil || wire.Before(skb.Cb.Seq, tp.RetransmitSkbHint.Cb.Seq) {
		tp.RetransmitSkbHint = skb
	}
}

// tcpSumLost counts a segment that is lost, the first time or again.
func tcpSumLost(tp *TcpSock, skb *core.SkBuff) {
	sacked := skb.Cb.Sacked
	if sacked&core.TcpcbLost == 0 || sacked&core.TcpcbSackedRetrans != 0 {
		tp.Lost += uint32(tcpSkbPcount(skb))
	}
}

// tcpSkbMarkLost marks a segment lost unless it is, or has been sacked.
func (n *Net) tcpSkbMarkLost(tp *TcpSock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, tp, skb) // tcp_skb_mark_lost net/ipv4/tcp_input.c:930

	if skb.Cb.Sacked&(core.TcpcbLost|core.TcpcbSackedAcked) == 0 {
		tcpVerifyRetransmitHint(tp, skb)
		tp.LostOut += uint32(tcpSkbPcount(skb))
		tcpSumLost(tp, skb)
		skb.Cb.Sacked |= core.TcpcbLost
	}
}

// tcpSkbMarkLostUncondVerify marks a segment lost and has it sent again even
// if it bore the mark before.
func (n *Net) tcpSkbMarkLostUncondVerify(tp *TcpSock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, tp, skb) // tcp_skb_mark_lost_uncond_verify net/ipv4/tcp_input.c:941

	tcpVerifyRetransmitHint(tp, skb)
	tcpSumLost(tp, skb)
	if skb.Cb.Sacked&(core.TcpcbLost|core.TcpcbSackedAcked) == 0 {
		tp.LostOut += uint32(tcpSkbPcount(skb))
		skb.Cb.Sacked |= core.TcpcbLost
	}
}

// tcpCheckSackReneging waits a little, instead of an RTO, if the other side
// seems to have dropped what it had sacked; it reports whether that is so.
func (n *Net) tcpCheckSackReneging(sk *core.Sock, flag int) bool {
	kernel.Fentry2(&n.Kernel, sk, flag) // tcp_check_sack_reneging net/ipv4/tcp_input.c:2018

	if flag&flagSackReneging == 0 {
		return false
	}
	delay := max(uint64(usecsToJiffies(tcpSk(sk).SrttUs>>4)), 10*kernel.HZ/1000)
	n.inetCskResetXmitTimer(sk, icskTimeRetrans, delay, tcpRtoMax) // :2023
	return true
}

// tcpTimeToRecover reports whether a loss is certain enough to enter Recovery.
func (n *Net) tcpTimeToRecover(sk *core.Sock, flag int) bool {
	kernel.Fentry2(&n.Kernel, sk, flag) // tcp_time_to_recover net/ipv4/tcp_input.c:2145

	tp := tcpSk(sk)
	if tp.LostOut != 0 {
		return true
	}
	// The classic rule: more than the reordering distance above a hole.
	return !n.tcpIsRack() && tp.SackedOut+1 > tp.Reordering
}

// tcpMarkHeadLost marks segments lost from the head on, or where the last call
// ended: with SACK as far as more than packets sacked ones lie above; with
// markHead the first alone. RACK does without it.
func (n *Net) tcpMarkHeadLost(sk *core.Sock, packets int, markHead bool) {
	kernel.Fentry3(&n.Kernel, sk, packets, markHead) // tcp_mark_head_lost net/ipv4/tcp_input.c:2166

	tp := tcpSk(sk)
	lossHigh := tp.HighSeq
	if tcpIsSack(tp) {
		lossHigh = tp.SndNxt
	}
	skb, cnt := tp.LostSkbHint, tp.LostCntHint
	if skb == nil {
		skb, cnt = tcpRtxQueueHead(sk), 0
	} else if markHead && wire.After(skb.Cb.Seq, tp.SndUna) {
		return
	}

	for ; skb != nil; skb = skb.Next {
		tp.LostSkbHint = skb
		tp.LostCntHint = cnt
		if wire.After(skb.Cb.EndSeq, lossHigh) {
			break
		}
		oldcnt := cnt
		isSacked := skb.Cb.Sacked&core.TcpcbSackedAcked != 0
		if tcpIsReno(tp) || isSacked {
			cnt += tcpSkbPcount(skb)
		}
		if cnt > packets {
			if tcpIsSack(tp) || isSacked || oldcnt >= packets {
				break
			}
			// Only the first part of the segment is within the count.
			mss := tcpSkbMss(skb)
			lost := (packets - oldcnt) * mss
			if lost < skb.Len {
				err := n.tcpFragment(sk, tcpFragInRtxQueue, skb, uint32(lost), uint32(mss)) // :2209
				if err < 0 {
					break
				}
			}
			cnt = packets
		}
		n.tcpSkbMarkLost(tp, skb) // :2215
		if markHead {
			break
		}
	}
	tcpVerifyLeftOut(tp)
}

// tcpUpdateScoreboard marks what SACK alone, without RACK, says is lost.
func (n *Net) tcpUpdateScoreboard(sk *core.Sock, fastRexmit bool) {
	kernel.Fentry2(&n.Kernel, sk, fastRexmit) // tcp_update_scoreboard net/ipv4/tcp_input.c:2227

	tp := tcpSk(sk)
	if !tcpIsSack(tp) {
		return
	}
	sackedUpto := int(int32(tp.SackedOut - tp.Reordering))
	if sackedUpto >= 0 {
		n.tcpMarkHeadLost(sk, sackedUpto, false) // :2232
	} else if fastRexmit {
		n.tcpMarkHeadLost(sk, 1, true) // :2234
	}
}

// tcpInitCwndReduction begins a reduction of the window to a new ssthresh.
func (n *Net) tcpInitCwndReduction(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_init_cwnd_reduction net/ipv4/tcp_input.c:2440

	tp := tcpSk(sk)
	tp.HighSeq = tp.SndNxt
	tp.TlpHighSeq = 0
	tp.SndCwndCnt = 0
	tp.PriorCwnd = tp.SndCwnd
	tp.PrrDelivered = 0
	tp.PrrOut = 0
	tp.SndSsthresh = tp.IcskCaOps.Ssthresh(sk) // :2448
	tcpEcnQueueCwr(tp)
}

// tcpCwndReduction sets the window in CWR and Recovery: above ssthresh it
// shrinks in proportion to what is delivered, below it what leaves the network
// may be replaced, and grows back to ssthresh as retransmissions succeed.
func (n *Net) tcpCwndReduction(sk *core.Sock, newlyAckedSacked int, flag int) {
	kernel.Fentry3(&n.Kernel, sk, newlyAckedSacked, flag) // tcp_cwnd_reduction net/ipv4/tcp_input.c:2454

	tp := tcpSk(sk)
	delta := int(int32(tp.SndSsthresh - tcpPacketsInFlight(tp)))
	if newlyAckedSacked <= 0 || tp.PriorCwnd == 0 {
		return
	}
	var sndcnt int
	tp.PrrDelivered += uint32(newlyAckedSacked)
	switch {
	case delta < 0:
		dividend := uint64(tp.SndSsthresh)*uint64(tp.PrrDelivered) + uint64(tp.PriorCwnd) - 1
		sndcnt = int(int32(uint32(dividend/uint64(tp.PriorCwnd)) - tp.PrrOut))
	case flag&(flagRetransDataAcked|flagLostRetrans) == flagRetransDataAcked:
		sndcnt = min(delta, max(int(int32(tp.PrrDelivered-tp.PrrOut)), newlyAckedSacked)+1)
	default:
		sndcnt = min(delta, newlyAckedSacked)
	}
	// The first retransmission goes out whatever the window says.
	if tp.PrrOut == 0 {
		sndcnt = max(sndcnt, 1)
	} else {
		sndcnt = max(sndcnt, 0)
	}
	tp.SndCwnd = tcpPacketsInFlight(tp) + uint32(sndcnt)
}

// tcpEndCwndReduction ends a reduction: the window is ssthresh, unless the
// reduction was undone.
func (n *Net) tcpEndCwndReduction(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_end_cwnd_reduction net/ipv4/tcp_input.c:2481

	tp := tcpSk(sk)
	if tp.IcskCaOps.CongControl != nil {
		return
	}
	if tp.SndSsthresh < tcpInfiniteSsthresh && (tp.IcskCaState == tcpCaCWR || tp.UndoMarker != 0) {
		tp.SndCwnd = tp.SndSsthresh
		tp.SndCwndStamp = n.TcpJiffies32()
	}
	n.tcpCaEvent(sk, caEventCompleteCwr) // :2492
}

// tcpEnterCwr enters CWR, where the window shrinks because of a mark or a full
// queue. It cannot be undone.
func (n *Net) tcpEnterCwr(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_enter_cwr net/ipv4/tcp_input.c:2498

	tp := tcpSk(sk)
	tp.PriorSsthresh = 0
	if tp.IcskCaState < tcpCaCWR {
		tp.UndoMarker = 0
		n.tcpInitCwndReduction(sk)    // :2503
		n.tcpSetCaState(sk, tcpCaCWR) // :2504
	}
}

// tcpTryKeepOpen goes to Open, or to Disorder if anything is out of order.
func (n *Net) tcpTryKeepOpen(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_try_keep_open net/ipv4/tcp_input.c:2511

	tp := tcpSk(sk)
	state := uint8(tcpCaOpen)
	if tcpLeftOut(tp) != 0 || tcpAnyRetransDone(sk) {
		state = tcpCaDisorder
	}
	if tp.IcskCaState != state {
		n.tcpSetCaState(sk, state) // :2518
		tp.HighSeq = tp.SndNxt
	}
}

// tcpTryToOpen is for an ACK that shows no loss: on to CWR if it bears a mark,
// to Open or Disorder otherwise.
func (n *Net) tcpTryToOpen(sk *core.Sock, flag int) {
	kernel.Fentry2(&n.Kernel, sk, flag) // tcp_try_to_open net/ipv4/tcp_input.c:2525

	tp := tcpSk(sk)
	tcpVerifyLeftOut(tp)
	if !tcpAnyRetransDone(sk) {
		tp.RetransStamp = 0
	}
	if flag&flagEce != 0 {
		n.tcpEnterCwr(sk) // :2533
	}
	if tp.IcskCaState != tcpCaCWR {
		n.tcpTryKeepOpen(sk) // :2536
	}
}

// tcpMtupProbeFailed takes the probed size for too large.
func (n *Net) tcpMtupProbeFailed(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_mtup_probe_failed net/ipv4/tcp_input.c:2542

	icsk := inetCsk(sk)
	icsk.IcskMtup.SearchHigh = icsk.IcskMtup.ProbeSize - 1
	icsk.IcskMtup.ProbeSize = 0
	n.Mib[core.MibTcpExtTCPMTUPFail]++
}

// tcpMtupProbeSuccess goes over to the probed size; the window, counted in
// packets, shrinks to match.
func (n *Net) tcpMtupProbeSuccess(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_mtup_probe_success net/ipv4/tcp_input.c:2551

	tp := tcpSk(sk)
	tp.PriorSsthresh = tcpCurrentSsthresh(sk)
	mtu := n.tcpMssToMtu(sk, int(tp.MssCache)) // :2557
	tp.SndCwnd = tp.SndCwnd * uint32(mtu) / uint32(tp.IcskMtup.ProbeSize)
	tp.SndCwndCnt = 0
	tp.SndCwndStamp = n.TcpJiffies32()
	tp.SndSsthresh = tcpCurrentSsthresh(sk)

	tp.IcskMtup.SearchLow = tp.IcskMtup.ProbeSize
	tp.IcskMtup.ProbeSize = 0
	n.tcpSyncMss(sk, tp.IcskPmtuCookie) // :2565
	n.Mib[core.MibTcpExtTCPMTUPSuccess]++
}

// tcpSimpleRetransmit sends again what has become too large for the path. The
// window stays: no congestion is to be seen, the packets are smaller.
func (n *Net) tcpSimpleRetransmit(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_simple_retransmit net/ipv4/tcp_input.c:2575

	tp := tcpSk(sk)
	mss := int(n.tcpCurrentMss(sk)) // :2578
	for skb := sk.TcpRtxQueue.First; skb != nil; skb = skb.Next {
		if tcpSkbSeglen(skb) > mss && skb.Cb.Sacked&core.TcpcbSackedAcked == 0 {
			if skb.Cb.Sacked&core.TcpcbSackedRetrans != 0 {
				skb.Cb.Sacked &^= core.TcpcbSackedRetrans
				tp.RetransOut -= uint32(tcpSkbPcount(skb))
			}
			n.tcpSkbMarkLostUncondVerify(tp, skb) // :2587
		}
	}
	tcpClearRetransHintsPartial(tp)
	if tp.LostOut == 0 {
		return
	}
	if tcpIsReno(tp) {
		tcpLimitRenoSacked(tp)
	}
	tcpVerifyLeftOut(tp)

	if tp.IcskCaState != tcpCaLoss {
		tp.HighSeq = tp.SndNxt
		tp.SndSsthresh = tcpCurrentSsthresh(sk)
		tp.PriorSsthresh = 0
		tp.UndoMarker = 0
		n.tcpSetCaState(sk, tcpCaLoss) // :2611
	}
	n.tcpXmitRetransmitQueue(sk) // :2613
}

// tcpEnterRecovery enters Recovery and begins to lower the window, unless CWR
// has done so. A mark makes that final.
func (n *Net) tcpEnterRecovery(sk *core.Sock, eceAck bool) {
	kernel.Fentry2(&n.Kernel, sk, eceAck) // tcp_enter_recovery net/ipv4/tcp_input.c:2619

	tp := tcpSk(sk)
	if tcpIsReno(tp) {
		n.Mib[core.MibTcpExtTCPRenoRecovery]++
	} else {
		n.Mib[core.MibTcpExtTCPSackRecovery]++
	}
	tp.PriorSsthresh = 0
	tcpInitUndo(tp)
	if !tcpInCwndReduction(sk) {
		if !eceAck {
			tp.PriorSsthresh = tcpCurrentSsthresh(sk)
		}
		n.tcpInitCwndReduction(sk) // :2635
	}
	n.tcpSetCaState(sk, tcpCaRecovery) // :2637
}

// tcpIdentifyPacketLoss marks what an ACK shows to be lost.
func (n *Net) tcpIdentifyPacketLoss(sk *core.Sock, ackFlag *int) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_identify_packet_loss net/ipv4/tcp_input.c:2729

	tp := tcpSk(sk)
	if tcpRtxQueueEmpty(sk) {
		return
	}
	if tcpIsReno(tp) {
		n.tcpNewrenoMarkLost(sk, *ackFlag&flagSndUnaAdvanced != 0) // :2735
	} else if n.tcpIsRack() {
		priorRetrans := tp.RetransOut
		n.tcpRackMarkLost(sk) // :2739
		if priorRetrans > tp.RetransOut {
			*ackFlag |= flagLostRetrans
		}
	}
}

// tcpForceFastRetransmit reports whether more than the reordering distance is
// sacked above SndUna.
func tcpForceFastRetransmit(sk *core.Sock) bool {
	tp := tcpSk(sk)
	return wire.After(tcpHighestSackSeq(tp), tp.SndUna+tp.Reordering*tp.MssCache)
}

// tcpFastretransAlert moves the state machine on for an ACK that is not plain:
// it finds what left the network and what is lost, changes state, and sets
// *rexmit to what is to be sent. It does not change the window but to undo.
func (n *Net) tcpFastretransAlert(sk *core.Sock, priorSndUna uint32, numDupack int, ackFlag, rexmit *int) {
	kernel.Fentry3(&n.Kernel, sk, priorSndUna, numDupack) // tcp_fastretrans_alert net/ipv4/tcp_input.c:2768

	tp := tcpSk(sk)
	fastRexmit, flag := false, *ackFlag
	doLost := numDupack != 0 || flag&flagDataSacked != 0 && tcpForceFastRetransmit(sk)

	if tp.PacketsOut == 0 && tp.SackedOut != 0 {
		tp.SackedOut = 0
	}
	// A. A mark: the reduction is due and cannot be undone.
	if flag&flagEce != 0 {
		tp.PriorSsthresh = 0
	}
	// B. Has the other side dropped what it had sacked?
	if n.tcpCheckSackReneging(sk, flag) { // :2783
		return
	}
	// C. The counts must fit.
	tcpVerifyLeftOut(tp)

	// D. All that was in flight when the state was entered is acked: leave it.
	if tp.IcskCaState == tcpCaOpen {
		tp.RetransStamp = 0
	} else if !wire.Before(tp.SndUna, tp.HighSeq) {
		switch tp.IcskCaState {
		case tcpCaCWR:
			// Something sent after the reduction must be acked, too.
			if tp.SndUna != tp.HighSeq {
				n.tcpEndCwndReduction(sk)      // :2800
				n.tcpSetCaState(sk, tcpCaOpen) // :2801
			}
		case tcpCaRecovery:
			if tcpIsReno(tp) {
				tcpResetRenoSack(tp)
			}
			if n.tcpTryUndoRecovery(sk) { // :2808
				return
			}
			n.tcpEndCwndReduction(sk) // :2810
		}
	}

	// E. What the state calls for.
	switch tp.IcskCaState {
	case tcpCaRecovery:
		if flag&flagSndUnaAdvanced == 0 {
			if tcpIsReno(tp) {
				n.tcpAddRenoSack(sk, numDupack) // :2820
			}
		} else {
			if n.tcpTryUndoPartial(sk, priorSndUna) { // :2822
				return
			}
			doLost = tcpIsReno(tp) || tcpForceFastRetransmit(sk)
		}
		if n.tcpTryUndoDsack(sk) { // :2828
			n.tcpTryKeepOpen(sk) // :2829
			return
		}
		n.tcpIdentifyPacketLoss(sk, ackFlag) // :2832
	case tcpCaLoss:
		n.tcpProcessLoss(sk, flag, numDupack, rexmit) // :2835
		n.tcpIdentifyPacketLoss(sk, ackFlag)          // :2836
		if tp.IcskCaState != tcpCaOpen && *ackFlag&flagLostRetrans == 0 {
			return
		}
		fallthrough // undone, or a retransmission was lost again
	default:
		if tcpIsReno(tp) {
			if flag&flagSndUnaAdvanced != 0 {
				tcpResetRenoSack(tp)
			}
			n.tcpAddRenoSack(sk, numDupack) // :2846
		}
		if tp.IcskCaState <= tcpCaDisorder {
			n.tcpTryUndoDsack(sk) // :2850
		}
		n.tcpIdentifyPacketLoss(sk, ackFlag) // :2852
		if !n.tcpTimeToRecover(sk, flag) {   // :2853
			n.tcpTryToOpen(sk, flag) // :2854
			return
		}
		// A path MTU probe that is lost means its size, not congestion.
		if tp.IcskCaState < tcpCaCWR && tp.IcskMtup.ProbeSize != 0 && tp.SndUna == tp.MtuProbe.ProbeSeqStart {
			n.tcpMtupProbeFailed(sk) // :2862
			tp.SndCwnd++
			n.tcpSimpleRetransmit(sk) // :2865
			return
		}
		n.tcpEnterRecovery(sk, flag&flagEce != 0) // :2870
		fastRexmit = true
	}

	if !n.tcpIsRack() && doLost {
		n.tcpUpdateScoreboard(sk, fastRexmit) // :2875
	}
	*rexmit = rexmitLost
}
