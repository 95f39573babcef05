// Retransmission timeouts and second thoughts (net/ipv4/tcp_input.c): entering
// Loss, finding out whether a timeout was spurious (F-RTO, RFC 5682), and
// undoing reductions of the window that D-SACKs or timestamps prove wrong.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpRackRecoveryThresh is for how many recoveries a wide reordering window
// stays (TCP_RACK_RECOVERY_THRESH).
const tcpRackRecoveryThresh = 16

// tcpClearRetrans forgets everything about losses and retransmissions.
func (n *Net) tcpClearRetrans(tp *TcpSock) {
	kernel.Fentry1(&n.Kernel, tp) // tcp_clear_retrans net/ipv4/tcp_input.c:1909

	tp.RetransOut = 0
	tp.LostOut = 0
	tp.UndoMarker = 0
	tp.UndoRetrans = -1
	tp.SackedOut = 0
}

// tcpInitUndo begins to watch whether a reduction was a mistake. What is being
// retransmitted already may be reported twice later.
func tcpInitUndo(tp *TcpSock) {
	tp.UndoMarker = tp.SndUna
	tp.UndoRetrans = -1
	if tp.RetransOut != 0 {
		tp.UndoRetrans = int(tp.RetransOut)
	}
}

// tcpTimeoutMarkLost marks everything lost after a timeout, but for what RACK
// says was sent too recently. If the head has been sacked the other side has
// dropped it, and nothing that was sacked counts.
func (n *Net) tcpTimeoutMarkLost(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_timeout_mark_lost net/ipv4/tcp_input.c:1934

	tp := tcpSk(sk)
	head := tcpRtxQueueHead(sk)
	isReneg := head != nil && head.Cb.Sacked&core.TcpcbSackedAcked != 0
	if isReneg {
		n.Mib[core.MibTcpExtTCPSACKReneging]++
		tp.SackedOut = 0
		tp.IsSackReneg = true
	} else if tcpIsReno(tp) {
		tcpResetRenoSack(tp)
	}

	for skb := head; skb != nil; skb = skb.Next {
		if isReneg {
			skb.Cb.Sacked &^= core.TcpcbSackedAcked
		} else if n.tcpIsRack() && skb != head {
			remaining := n.tcpRackSkbTimeout(tp, skb, 0) // :1954
			if remaining > 0 {
				continue
			}
		}
		n.tcpMarkSkbLost(sk, skb) // :1956
	}
	tcpVerifyLeftOut(tp)
	tcpClearAllRetransHints(tp)
}

// tcpEnterLoss enters Loss after a timeout: ssthresh goes down, once for each
// window of data, and the window to one packet more than is in flight.
func (n *Net) tcpEnterLoss(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_enter_loss net/ipv4/tcp_input.c:1965

	tp := tcpSk(sk)
	newRecovery := tp.IcskCaState < tcpCaRecovery
	n.tcpTimeoutMarkLost(sk) // :1970

	if tp.IcskCaState <= tcpCaDisorder || !wire.After(tp.HighSeq, tp.SndUna) ||
		tp.IcskCaState == tcpCaLoss && tp.IcskRetransmits == 0 {
		tp.PriorSsthresh = tcpCurrentSsthresh(sk)
		tp.PriorCwnd = tp.SndCwnd
		tp.SndSsthresh = tp.IcskCaOps.Ssthresh(sk) // :1978
		n.tcpCaEvent(sk, caEventLoss)              // :1979
		tcpInitUndo(tp)
	}
	tp.SndCwnd = tcpPacketsInFlight(tp) + 1
	tp.SndCwndCnt = 0
	tp.SndCwndStamp = n.TcpJiffies32()

	// A timeout in spite of so many duplicate ACKs: the reordering distance was
	// thought too large.
	reordering := uint32(n.Sysctl.TcpReordering)
	if tp.IcskCaState <= tcpCaDisorder && tp.SackedOut >= reordering {
		tp.Reordering = min(tp.Reordering, reordering)
	}
	n.tcpSetCaState(sk, tcpCaLoss) // :1993
	tp.HighSeq = tp.SndNxt
	tcpEcnQueueCwr(tp)

	// F-RTO is for the first timeout, and for more of them at the same SndUna,
	// not for a path MTU probe.
	tp.Frto = n.Sysctl.TcpFrto != 0 && (newRecovery || tp.IcskRetransmits != 0) && tp.IcskMtup.ProbeSize == 0
}

// tcpTsoptEcrBefore reports whether the echoed timestamp is older than when.
func tcpTsoptEcrBefore(tp *TcpSock, when uint32) bool {
	return tp.RxOpt.SawTstamp && tp.RxOpt.RcvTsecr != 0 && wire.Before(tp.RxOpt.RcvTsecr, when)
}

// tcpSkbSpuriousRetrans reports whether a segment was sent again in vain: the
// timestamp echoed is older than the retransmission.
func tcpSkbSpuriousRetrans(tp *TcpSock, skb *core.SkBuff) bool {
	return skb.Cb.Sacked&core.TcpcbRetrans != 0 && tcpTsoptEcrBefore(tp, tcpSkbTimestamp(skb))
}

// tcpPacketDelayed reports whether what was acked is an original: nothing has
// been sent again, or not before the echoed timestamp.
func tcpPacketDelayed(tp *TcpSock) bool {
	return tp.RetransStamp == 0 || tcpTsoptEcrBefore(tp, tp.RetransStamp)
}

// tcpAnyRetransDone reports whether anything in the queue was sent again. The
// head tells even if the retransmission itself failed.
func tcpAnyRetransDone(sk *core.Sock) bool {
	if tcpSk(sk).RetransOut != 0 {
		return true
	}
	skb := tcpRtxQueueHead(sk)
	return skb != nil && skb.Cb.Sacked&core.TcpcbEverRetrans != 0
}

// tcpUndoCwndReduction gives back the window and ssthresh from before the
// reduction, and with unmarkLoss takes back the marks.
func (n *Net) tcpUndoCwndReduction(sk *core.Sock, unmarkLoss bool) {
	kernel.Fentry2(&n.Kernel, sk, unmarkLoss) // tcp_undo_cwnd_reduction net/ipv4/tcp_input.c:2323

	tp := tcpSk(sk)
	if unmarkLoss {
		for skb := sk.TcpRtxQueue.First; skb != nil; skb = skb.Next {
			skb.Cb.Sacked &^= core.TcpcbLost
		}
		tp.LostOut = 0
		tcpClearAllRetransHints(tp)
	}
	if tp.PriorSsthresh != 0 {
		tp.SndCwnd = tp.IcskCaOps.UndoCwnd(sk) // :2338
		if tp.PriorSsthresh > tp.SndSsthresh {
			tp.SndSsthresh = tp.PriorSsthresh
			tcpEcnWithdrawCwr(tp)
		}
	}
	tp.SndCwndStamp = n.TcpJiffies32()
	tp.UndoMarker = 0
	tp.Rack.Advanced = true // have RACK look again
}

// tcpMayUndo reports whether the reduction was a mistake.
func tcpMayUndo(tp *TcpSock) bool {
	return tp.UndoMarker != 0 && (tp.UndoRetrans == 0 || tcpPacketDelayed(tp))
}

// tcpTryUndoRecovery is for the end of Recovery or Loss: it undoes the
// reduction if that was a mistake and goes to Open. It reports whether the
// state must stay until something more is acked, as it must without SACK.
func (n *Net) tcpTryUndoRecovery(sk *core.Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // tcp_try_undo_recovery net/ipv4/tcp_input.c:2358

	tp := tcpSk(sk)
	if tcpMayUndo(tp) {
		n.tcpUndoCwndReduction(sk, false) // :2367
		if tp.IcskCaState == tcpCaLoss {
			n.Mib[core.MibTcpExtTCPLossUndo]++
		} else {
			n.Mib[core.MibTcpExtTCPFullUndo]++
		}
	} else if tp.Rack.ReoWndPersist != 0 {
		tp.Rack.ReoWndPersist--
	}
	if tp.SndUna == tp.HighSeq && tcpIsReno(tp) {
		// Late duplicate ACKs must not start another fast retransmission.
		if !tcpAnyRetransDone(sk) {
			tp.RetransStamp = 0
		}
		return true
	}
	n.tcpSetCaState(sk, tcpCaOpen) // :2385
	tp.IsSackReneg = false
	return false
}

// tcpTryUndoDsack undoes the reduction if D-SACKs have reported everything
// that was sent again, and reports whether it did.
func (n *Net) tcpTryUndoDsack(sk *core.Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // tcp_try_undo_dsack net/ipv4/tcp_input.c:2393

	tp := tcpSk(sk)
	if tp.UndoMarker == 0 || tp.UndoRetrans != 0 {
		return false
	}
	tp.Rack.ReoWndPersist = min(tcpRackRecoveryThresh, tp.Rack.ReoWndPersist+1)
	n.tcpUndoCwndReduction(sk, false) // :2399
	n.Mib[core.MibTcpExtTCPDSACKUndo]++
	return true
}

// tcpTryUndoLoss undoes a timeout that F-RTO, D-SACKs or timestamps prove
// spurious, and reports whether it did.
func (n *Net) tcpTryUndoLoss(sk *core.Sock, frtoUndo bool) bool {
	kernel.Fentry2(&n.Kernel, sk, frtoUndo) // tcp_try_undo_loss net/ipv4/tcp_input.c:2409

	tp := tcpSk(sk)
	if !frtoUndo && !tcpMayUndo(tp) {
		return false
	}
	n.tcpUndoCwndReduction(sk, true) // :2412
	n.Mib[core.MibTcpExtTCPLossUndo]++
	if frtoUndo {
		n.Mib[core.MibTcpExtTCPSpuriousRTOs]++
	}
	tp.IcskRetransmits = 0
	if frtoUndo || tcpIsSack(tp) {
		n.tcpSetCaState(sk, tcpCaOpen) // :2421
		tp.IsSackReneg = false
	}
	return true
}

// tcpProcessLoss deals with an ACK in Loss: on to Open if all is recovered or
// the timeout was spurious, otherwise new data to find that out (F-RTO), or
// more retransmissions.
func (n *Net) tcpProcessLoss(sk *core.Sock, flag, numDupack int, rexmit *int) {
	kernel.Fentry3(&n.Kernel, sk, flag, numDupack) // tcp_process_loss net/ipv4/tcp_input.c:2646

	tp := tcpSk(sk)
	recovered := !wire.Before(tp.SndUna, tp.HighSeq)
	if flag&flagSndUnaAdvanced != 0 {
		if n.tcpTryUndoLoss(sk, false) { // :2650
			return
		}
	}

	if tp.Frto {
		// Step 3.b: something sent once has arrived, so not all was lost.
		if flag&flagOrigSackAcked != 0 {
			if n.tcpTryUndoLoss(sk, true) { // :2658
				return
			}
		}
		if wire.After(tp.SndNxt, tp.HighSeq) {
			if flag&flagDataSacked != 0 || numDupack != 0 {
				tp.Frto = false // step 3.a: the loss was real
			}
		} else if flag&flagSndUnaAdvanced != 0 && !recovered {
			tp.HighSeq = tp.SndNxt
			// Step 2.b: send new data, if there is any and the window is open.
			if !tcpWriteQueueEmpty(sk) && wire.After(tcpWndEnd(tp), tp.SndNxt) {
				*rexmit = rexmitNew
				return
			}
			tp.Frto = false
		}
	}

	if recovered {
		n.tcpTryUndoRecovery(sk) // :2681
		return
	}
	if tcpIsReno(tp) {
		// A duplicate ACK is for the new data of step 2.b.
		if wire.After(tp.SndNxt, tp.HighSeq) && numDupack != 0 {
			n.tcpAddRenoSack(sk, numDupack) // :2689
		} else if flag&flagSndUnaAdvanced != 0 {
			tcpResetRenoSack(tp)
		}
	}
	*rexmit = rexmitLost
}

// tcpTryUndoPartial is for an ACK that fills a hole in Recovery: if it was the
// original, late, that did so, there was reordering and no loss. It reports
// whether no more is to be marked lost.
func (n *Net) tcpTryUndoPartial(sk *core.Sock, priorSndUna uint32) bool {
	kernel.Fentry2(&n.Kernel, sk, priorSndUna) // tcp_try_undo_partial net/ipv4/tcp_input.c:2699

	tp := tcpSk(sk)
	if tp.UndoMarker == 0 || !tcpPacketDelayed(tp) {
		return false
	}
	n.tcpCheckSackReordering(sk, priorSndUna, true) // :2705
	if tp.RetransOut != 0 {
		return true
	}
	if !tcpAnyRetransDone(sk) {
		tp.RetransStamp = 0
	}
	n.tcpUndoCwndReduction(sk, true) // :2719
	n.Mib[core.MibTcpExtTCPPartialUndo]++
	n.tcpTryKeepOpen(sk) // :2721
	return true
}
