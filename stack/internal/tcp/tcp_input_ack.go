// What an acknowledgment does to the sender (net/ipv4/tcp_input.c): tcp_ack
// with its fast path, the window, the timer, and the call of congestion control.
// The retransmission queue is in tcp_input_clean.go, round trip times are in
// tcp_input_rtt.go, SACK is in tcp_input_sack.go, recovery from losses in
// tcp_input_recovery.go and tcp_input_loss.go.
//
// Left out: fast open, TLS offload, and time stamps of acked data for the
// program (SCM_TSTAMP_ACK).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// What tcp_ack and its helpers tell each other of an ACK.
const (
	flagData             = 0x01    // the segment carries data
	flagWinUpdate        = 0x02    // it updates the window
	flagDataAcked        = 0x04    // it acks new data
	flagRetransDataAcked = 0x08    // … some of which was retransmitted
	flagSynAcked         = 0x10    // it acks our SYN
	flagDataSacked       = 0x20    // it sacks data for the first time
	flagEce              = 0x40    // it echoes a congestion mark
	flagLostRetrans      = 0x80    // a retransmission is now believed lost
	flagSlowpath         = 0x100   // the window must be looked at
	flagOrigSackAcked    = 0x200   // data never retransmitted was (s)acked
	flagSndUnaAdvanced   = 0x400   // SndUna moved, be it by data or not
	flagDsackingAck      = 0x800   // it reports a duplicate
	flagSetXmitTimer     = 0x1000  // the TLP or RTO timer is to be set
	flagSackReneging     = 0x2000  // SndUna now stands at a sacked segment
	flagUpdateTsRecent   = 0x4000  // its timestamp may be remembered
	flagNoChallengeAck   = 0x8000  // the caller wants no challenge ACK
	flagAckMaybeDelayed  = 0x10000 // probably a delayed ACK

	flagAcked           = flagDataAcked | flagSynAcked
	flagNotDup          = flagData | flagWinUpdate | flagAcked
	flagCaAlert         = flagDataSacked | flagEce | flagDsackingAck
	flagForwardProgress = flagAcked | flagDataSacked
)

// What is to be sent once an ACK has been dealt with.
const (
	rexmitNone = 0 // nothing out of turn
	rexmitLost = 1 // what is marked lost
	rexmitNew  = 2 // new data, to find out about a timeout (F-RTO)
)

// tcpCongAvoid lets congestion control raise the window.
func (n *Net) tcpCongAvoid(sk *core.Sock, ack, acked uint32) {
	kernel.Fentry3(&n.Kernel, sk, ack, acked) // tcp_cong_avoid net/ipv4/tcp_input.c:2956

	tp := tcpSk(sk)
	tp.IcskCaOps.CongAvoid(sk, ack, acked) // :2958
	tp.SndCwndStamp = n.TcpJiffies32()
}

// tcpRearmRto sets the retransmission timer after progress: an RTO from now,
// or from when the head was sent if a probe or reordering timer ran meanwhile.
func (n *Net) tcpRearmRto(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_rearm_rto net/ipv4/tcp_input.c:2973

	tp := tcpSk(sk)
	if tp.PacketsOut == 0 {
		n.inetCskClearXmitTimer(sk, icskTimeRetrans) // :2977
		return
	}
	rto := tp.IcskRto
	if tp.IcskPending == IcskTimeReoTimeout || tp.IcskPending == IcskTimeLossProbe {
		// The difference is not positive if the timer fired on an owned socket.
		deltaUs := max(int32(tcpRtoDeltaUs(sk)), 1)
		rto = uint32(usecsToJiffies(uint32(deltaUs)))
	}
	n.tcpResetXmitTimer(sk, icskTimeRetrans, uint64(rto), tcpRtoMax, tcpRtxQueueHead(sk)) // :2989
}

// tcpAckProbe deals with the zero window timer: it stops if the window is now
// open enough for the next segment, and starts again otherwise.
func (n *Net) tcpAckProbe(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_ack_probe net/ipv4/tcp_input.c:3249

	tp := tcpSk(sk)
	head := tcpSendHead(sk)
	if head == nil {
		return
	}
	if !wire.After(head.Cb.EndSeq, tcpWndEnd(tp)) {
		tp.IcskBackoff = 0
		n.inetCskClearXmitTimer(sk, IcskTimeProbe0) // :3258
	} else {
		when := tcpProbe0When(sk, tcpRtoMax)
		n.tcpResetXmitTimer(sk, IcskTimeProbe0, when, tcpRtoMax, nil) // :3265
	}
}

// tcpAckIsDubious reports whether an ACK may mean loss or congestion.
func tcpAckIsDubious(sk *core.Sock, flag int) bool {
	return flag&flagNotDup == 0 || flag&flagCaAlert != 0 || inetCsk(sk).IcskCaState != tcpCaOpen
}

// tcpMayRaiseCwnd reports whether an ACK lets the window grow: delivery in
// order does, and any delivery where the path is known to reorder.
func (n *Net) tcpMayRaiseCwnd(sk *core.Sock, flag int) bool {
	if tcpSk(sk).Reordering > uint32(n.Sysctl.TcpReordering) {
		return flag&flagForwardProgress != 0
	}
	return flag&flagDataAcked != 0
}

// tcpCongControl lowers or raises the window and sets the pacing rate, when
// all else is known of an ACK.
func (n *Net) tcpCongControl(sk *core.Sock, ack, ackedSacked uint32, flag int, rs *RateSample) {
	kernel.Fentry4(&n.Kernel, sk, ack, ackedSacked, flag) // tcp_cong_control net/ipv4/tcp_input.c:3696

	icsk := inetCsk(sk)
	if icsk.IcskCaOps.CongControl != nil {
		icsk.IcskCaOps.CongControl(sk, *rs) // :3302
		return
	}
	if tcpInCwndReduction(sk) {
		n.tcpCwndReduction(sk, int(int32(ackedSacked)), flag) // :3308
	} else if n.tcpMayRaiseCwnd(sk, flag) {
		n.tcpCongAvoid(sk, ack, ackedSacked) // :3311
	}
	n.tcpUpdatePacingRate(sk) // :3313
}

// tcpMayUpdateWindow reports whether a segment's window is newer than what is
// known (RFC 9293, section 3.10.7.4).
func tcpMayUpdateWindow(tp *TcpSock, ack, ackSeq, nwin uint32) bool {
	return wire.After(ack, tp.SndUna) || wire.After(ackSeq, tp.SndWl1) ||
		ackSeq == tp.SndWl1 && nwin > tp.SndWnd
}

// tcpSndUnaUpdate moves SndUna and counts the bytes acked.
func tcpSndUnaUpdate(tp *TcpSock, ack uint32) {
	tp.BytesAcked += uint64(ack - tp.SndUna)
	tp.SndUna = ack
}

// tcpAckUpdateWindow takes the window and SndUna from a segment and returns
// flags.
func (n *Net) tcpAckUpdateWindow(sk *core.Sock, skb *core.SkBuff, ack, ackSeq uint32) int {
	kernel.Fentry4(&n.Kernel, sk, skb, ack, ackSeq) // tcp_ack_update_window net/ipv4/tcp_input.c:3356

	tp := tcpSk(sk)
	flag := 0
	th := skb.Tcp()
	nwin := uint32(th.Window())
	if th.Flags()&wire.SYN == 0 {
		nwin <<= tp.RxOpt.SndWscale
	}

	if tcpMayUpdateWindow(tp, ack, ackSeq, nwin) {
		flag |= flagWinUpdate
		tcpUpdateWl(tp, ackSeq)
		if tp.SndWnd != nwin {
			tp.SndWnd = nwin
			tp.PredFlags = 0
			n.tcpFastPathCheck(sk) // :3374
			if !tcpWriteQueueEmpty(sk) {
				n.tcpSlowStartAfterIdleCheck(sk) // :3377
			}
			if nwin > tp.MaxWindow {
				tp.MaxWindow = nwin
				n.tcpSyncMss(sk, tp.IcskPmtuCookie) // :3381
			}
		}
	}
	tcpSndUnaUpdate(tp, ack)
	return flag
}

// tcpProcessTlpAck ends a tail loss probe when its ACK is in: if the probe
// repaired a loss, the window is reduced as it would have been.
func (n *Net) tcpProcessTlpAck(sk *core.Sock, ack uint32, flag int) {
	kernel.Fentry3(&n.Kernel, sk, ack, flag) // tcp_process_tlp_ack net/ipv4/tcp_input.c:3487

	tp := tcpSk(sk)
	if wire.Before(ack, tp.TlpHighSeq) {
		return
	}
	if flag&flagDsackingAck != 0 {
		tp.TlpHighSeq = 0 // the original arrived as well
	} else if wire.After(ack, tp.TlpHighSeq) {
		n.tcpInitCwndReduction(sk)    // :3499
		n.tcpSetCaState(sk, tcpCaCWR) // :3500
		n.tcpEndCwndReduction(sk)     // :3501
		n.tcpTryKeepOpen(sk)          // :3502
		n.Mib[core.MibTcpExtTCPLossProbeRecovery]++
	} else if flag&(flagSndUnaAdvanced|flagNotDup|flagDataSacked) == 0 {
		tp.TlpHighSeq = 0 // a bare duplicate ACK: the original arrived as well
	}
}

// tcpInAckEvent tells congestion control of an ACK.
func (n *Net) tcpInAckEvent(sk *core.Sock, flags uint32) {
	kernel.Fentry2(&n.Kernel, sk, flags) // tcp_in_ack_event net/ipv4/tcp_input.c:3514

	icsk := inetCsk(sk)
	if icsk.IcskCaOps.InAckEvent != nil {
		icsk.IcskCaOps.InAckEvent(sk, flags) // :3517
	}
}

// tcpXmitRecovery sends what recovery calls for, now that the window is known.
func (n *Net) tcpXmitRecovery(sk *core.Sock, rexmit int) {
	kernel.Fentry2(&n.Kernel, sk, rexmit) // tcp_xmit_recovery net/ipv4/tcp_input.c:3526

	tp := tcpSk(sk)
	if rexmit == rexmitNone {
		return
	}
	if rexmit == rexmitNew {
		mss := n.tcpCurrentMss(sk)                     // :3532
		n.tcpPushPendingFrames__(sk, mss, tcpNagleOff) // :3532
		if wire.After(tp.SndNxt, tp.HighSeq) {
			return
		}
		tp.Frto = false
	}
	n.tcpXmitRetransmitQueue(sk) // :3538
}

// tcpNewlyDelivered is how many packets this ACK (s)acked, which it counts.
func (n *Net) tcpNewlyDelivered(sk *core.Sock, priorDelivered uint32, flag int) uint32 {
	kernel.Fentry3(&n.Kernel, sk, priorDelivered, flag) // tcp_newly_delivered net/ipv4/tcp_input.c:3544

	tp := tcpSk(sk)
	delivered := tp.Delivered - priorDelivered
	n.Mib[core.MibTcpExtTCPDelivered] += uint64(delivered)
	if flag&flagEce != 0 {
		tp.DeliveredCe += delivered
		n.Mib[core.MibTcpExtTCPDeliveredCE] += uint64(delivered)
	}
	return delivered
}

// tcpAck deals with the acknowledgment in skb. It returns 1 for one that is
// acceptable, 0 for an old one, and -1 for one that makes the segment invalid.
func (n *Net) tcpAck(sk *core.Sock, skb *core.SkBuff, flag int) int {
	kernel.Fentry3(&n.Kernel, sk, skb, flag) // tcp_ack net/ipv4/tcp_input.c:3559

	tp := tcpSk(sk)
	var sackState tcpSacktagState
	rs := &sackState.rate
	priorSndUna := tp.SndUna
	isSackReneg := tp.IsSackReneg
	ackSeq, ack := skb.Cb.Seq, skb.Cb.AckSeq
	numDupack, rexmit := 0, rexmitNone
	priorPackets, delivered, lost := tp.PacketsOut, tp.Delivered, tp.Lost

	if wire.Before(ack, priorSndUna) {
		if wire.Before(ack, priorSndUna-tp.MaxWindow) {
			if flag&flagNoChallengeAck == 0 {
				n.tcpSendChallengeAck(sk, skb) // :3588
			}
			return -1
		}
		// An old ACK, but what it says of SACK may be news.
		if skb.Cb.Sacked != 0 {
			flag |= n.tcpSacktagWriteQueue(sk, skb, priorSndUna, &sackState)  // :3726
			n.tcpFastretransAlert(sk, priorSndUna, numDupack, &flag, &rexmit) // :3728
			n.tcpNewlyDelivered(sk, delivered, flag)                          // :3730
			n.tcpXmitRecovery(sk, rexmit)                                     // :3731
		}
		return 0
	}
	if wire.After(ack, tp.SndNxt) {
		return -1
	}
	if wire.After(ack, priorSndUna) {
		flag |= flagSndUnaAdvanced
		tp.IcskRetransmits = 0
	}
	priorFack := tp.SndUna
	if tcpIsSack(tp) {
		priorFack = tcpHighestSackSeq(tp)
	}
	rs.PriorInFlight = tcpPacketsInFlight(tp)

	if flag&flagUpdateTsRecent != 0 {
		n.tcpReplaceTsRecent(tp, skb.Cb.Seq) // :3618
	}

	if flag&(flagSlowpath|flagSndUnaAdvanced) == flagSndUnaAdvanced {
		// Header prediction: the window is the same, SndUna goes on.
		tcpUpdateWl(tp, ackSeq)
		tcpSndUnaUpdate(tp, ack)
		flag |= flagWinUpdate
		n.tcpInAckEvent(sk, caAckWinUpdate) // :3630
		n.Mib[core.MibTcpExtTCPHPAcks]++
	} else {
		ackEvFlags := uint32(caAckSlowpath)
		if ackSeq != skb.Cb.EndSeq {
			flag |= flagData
		} else {
			n.Mib[core.MibTcpExtTCPPureAcks]++
		}
		flag |= n.tcpAckUpdateWindow(sk, skb, ack, ackSeq) // :3641
		if skb.Cb.Sacked != 0 {
			flag |= n.tcpSacktagWriteQueue(sk, skb, priorSndUna, &sackState) // :3644
		}
		if tcpEcnRcvEcnEcho(tp, skb.Tcp()) {
			flag |= flagEce
			ackEvFlags |= caAckEce
		}
		if flag&flagWinUpdate != 0 {
			ackEvFlags |= caAckWinUpdate
		}
		n.tcpInAckEvent(sk, ackEvFlags) // :3655
	}

	sk.SkErrSoft = 0
	tp.IcskProbesOut = 0
	tp.RcvTstamp = n.TcpJiffies32()
	if priorPackets == 0 {
		// Nothing was in flight. Data that was reported twice may undo a
		// reduction; and the window may have opened.
		if flag&flagDsackingAck != 0 {
			n.tcpFastretransAlert(sk, priorSndUna, numDupack, &flag, &rexmit) // :3703
			n.tcpNewlyDelivered(sk, delivered, flag)                          // :3705
		}
		n.tcpAckProbe(sk) // :3711
		if tp.TlpHighSeq != 0 {
			n.tcpProcessTlpAck(sk, ack, flag) // :3714
		}
		return 1
	}

	flag |= n.tcpCleanRtxQueue(sk, priorFack, priorSndUna, &sackState) // :3668
	n.tcpRackUpdateReoWnd(sk, rs)                                      // :3670
	if tp.TlpHighSeq != 0 {
		n.tcpProcessTlpAck(sk, ack, flag) // :3673
	}
	if flag&flagSetXmitTimer != 0 {
		n.tcpSetXmitTimer(sk) // :3676
	}

	if tcpAckIsDubious(sk, flag) {
		if flag&(flagSndUnaAdvanced|flagNotDup) == 0 {
			numDupack = 1
			// Pure ACKs that tcp_add_backlog joined count each.
			if flag&flagData == 0 {
				numDupack = max(1, int(skb.Head.GsoSegs))
			}
		}
		n.tcpFastretransAlert(sk, priorSndUna, numDupack, &flag, &rexmit) // :3685
	}
	if flag&flagForwardProgress != 0 || flag&flagNotDup == 0 {
		sk.SkDstPendingConfirm = true
	}

	delivered = n.tcpNewlyDelivered(sk, delivered, flag) // :3692
	lost = tp.Lost - lost
	rs.IsAckDelayed = flag&flagAckMaybeDelayed != 0
	n.tcpRateGen(sk, delivered, lost, isSackReneg, rs) // :3695
	n.tcpCongControl(sk, ack, delivered, flag, rs)     // :3696
	n.tcpXmitRecovery(sk, rexmit)                      // :3697
	return 1
}
