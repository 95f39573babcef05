// Small functions about the state of a connection: windows, timeouts, congestion
// avoidance, timestamps (include/net/tcp.h).

package tcp

import (
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpClearXmitTimers stops all timers of a connection.
func (n *Net) tcpClearXmitTimers(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_clear_xmit_timers include/net/tcp.h:589

	tp := tcpSk(sk)
	if n.HrtimerCancel(tp.PacingTimer) {
		core.SockPut__(sk)
	}
	if n.HrtimerCancel(tp.CompressedAckTimer) {
		core.SockPut__(sk)
	}
	n.inetCskClearXmitTimers(sk) // :595
}

// tcpBoundToHalfWnd keeps a packet to half of the largest window that the other
// side has offered (tcp_bound_to_half_wnd).
func tcpBoundToHalfWnd(tp *TcpSock, pktsize int) int {
	cutoff := int(tp.MaxWindow)
	if tp.MaxWindow > tcpMssDefault {
		cutoff >>= 1
	}
	if cutoff != 0 && pktsize > cutoff {
		return max(cutoff, 68-int(tp.TcpHeaderLen))
	}
	return pktsize
}

// tcpBoundRto keeps the retransmission timeout to two minutes (tcp_bound_rto).
func tcpBoundRto(sk *core.Sock) {
	icsk := inetCsk(sk)
	icsk.IcskRto = min(icsk.IcskRto, tcpRtoMax)
}

// tcpSetRto__ is the timeout that the measured round trips ask for (__tcp_set_rto).
func tcpSetRto__(tp *TcpSock) uint32 { return usecsToJiffies(tp.SrttUs>>3 + tp.RttvarUs) }

// tcpFastPathOn__ predicts the header of the next segment: an ACK without
// options but timestamps, and this window.
func (n *Net) tcpFastPathOn__(tp *TcpSock, sndWnd uint32) {
	kernel.Fentry2(&n.Kernel, tp, sndWnd) // __tcp_fast_path_on include/net/tcp.h:651

	tp.PredFlags = uint32(tp.TcpHeaderLen)<<26 | tcpFlagAck | sndWnd
}

// tcpFastPathOn turns header prediction on with the window of now.
func (n *Net) tcpFastPathOn(tp *TcpSock) {
	kernel.Fentry1(&n.Kernel, tp) // tcp_fast_path_on include/net/tcp.h:658

	n.tcpFastPathOn__(tp, tp.SndWnd>>tp.RxOpt.SndWscale) // :658
}

// tcpFastPathCheck turns header prediction on if nothing stands against it.
func (n *Net) tcpFastPathCheck(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_fast_path_check include/net/tcp.h:663

	tp := tcpSk(sk)
	if tp.OutOfOrderQueue.First == nil && tp.RcvWnd != 0 &&
		sk.SkBacklog.RmemAlloc < sk.SkRcvbuf && tp.UrgData == 0 {
		n.tcpFastPathOn(tp) // :669
	}
}

// tcpRtoMin is the least retransmission timeout, the route's if that locks one
// (tcp_rto_min).
func tcpRtoMinOf(sk *core.Sock) uint32 {
	if dst := sk.SkDstCache; dst != nil && core.DstMetricLocked(dst, core.RtaxRtoMin) {
		return uint32(core.DstMetricRtt(dst, core.RtaxRtoMin))
	}
	return tcpRtoMin
}

// tcpRtoMinUs is the same in microseconds (tcp_rto_min_us).
func tcpRtoMinUs(sk *core.Sock) uint32 { return jiffiesToUsecs(tcpRtoMinOf(sk)) }

// tcpMinRtt is the least round trip seen, in microseconds; all ones before the
// first (tcp_min_rtt).
func tcpMinRtt(tp *TcpSock) uint32 { return minmaxGet(&tp.RttMin) }

// tcpReceiveWindow is what is left of the window that was offered
// (tcp_receive_window).
func tcpReceiveWindow(tp *TcpSock) uint32 {
	return uint32(max(int32(tp.RcvWup+tp.RcvWnd-tp.RcvNxt), 0))
}

// tcpCaNeedsEcn reports whether a socket's congestion control wants ECN
// (tcp_ca_needs_ecn).
func tcpCaNeedsEcn(sk *core.Sock) bool { return inetCsk(sk).IcskCaOps.Flags&tcpCongNeedsEcn != 0 }

// tcpSetCaState moves a socket to another state of congestion avoidance.
func (n *Net) tcpSetCaState(sk *core.Sock, caState uint8) {
	kernel.Fentry2(&n.Kernel, sk, caState) // tcp_set_ca_state include/net/tcp.h:1095

	icsk := inetCsk(sk)
	if icsk.IcskCaOps.SetState != nil {
		icsk.IcskCaOps.SetState(sk, caState) // :1098
	}
	icsk.IcskCaState = caState
}

// tcpCaEvent tells a socket's congestion control what has happened.
func (n *Net) tcpCaEvent(sk *core.Sock, event int) {
	kernel.Fentry2(&n.Kernel, sk, event) // tcp_ca_event include/net/tcp.h:1104

	if icsk := inetCsk(sk); icsk.IcskCaOps.CwndEvent != nil {
		icsk.IcskCaOps.CwndEvent(sk, event) // :1107
	}
}

// tcpIsSack reports whether the other side takes SACKs (tcp_is_sack).
func tcpIsSack(tp *TcpSock) bool { return tp.RxOpt.SackOk != 0 }

// tcpIsReno reports the contrary (tcp_is_reno).
func tcpIsReno(tp *TcpSock) bool { return tp.RxOpt.SackOk == 0 }

// tcpLeftOut counts the segments that are believed to have left the network
// (tcp_left_out).
func tcpLeftOut(tp *TcpSock) uint32 { return tp.SackedOut + tp.LostOut }

// tcpPacketsInFlight counts the segments believed to be in the network
// (tcp_packets_in_flight).
func tcpPacketsInFlight(tp *TcpSock) uint32 { return tp.PacketsOut - tcpLeftOut(tp) + tp.RetransOut }

// tcpInSlowStart reports whether the congestion window grows by slow start
// (tcp_in_slow_start).
func tcpInSlowStart(tp *TcpSock) bool { return tp.SndCwnd < tp.SndSsthresh }

// tcpInInitialSlowstart reports whether nothing was ever lost
// (tcp_in_initial_slowstart).
func tcpInInitialSlowstart(tp *TcpSock) bool { return tp.SndSsthresh >= tcpInfiniteSsthresh }

// tcpInCwndReduction reports whether the congestion window is on its way down
// to ssthresh (tcp_in_cwnd_reduction).
func tcpInCwndReduction(sk *core.Sock) bool {
	return (tcpfCaCWR|tcpfCaRecovery)&(1<<inetCsk(sk).IcskCaState) != 0
}

// tcpCurrentSsthresh is ssthresh, raised to three quarters of the window unless
// that is on its way down (tcp_current_ssthresh).
func tcpCurrentSsthresh(sk *core.Sock) uint32 {
	tp := tcpSk(sk)
	if tcpInCwndReduction(sk) {
		return tp.SndSsthresh
	}
	return max(tp.SndSsthresh, tp.SndCwnd>>1+tp.SndCwnd>>2)
}

// tcpVerifyLeftOut would warn if more had left the network than was sent
// (tcp_verify_left_out).
func tcpVerifyLeftOut(*TcpSock) {}

// tcpMaxTsoDeferredMss is for how many segments of window TSO waits
// (tcp_max_tso_deferred_mss).
func tcpMaxTsoDeferredMss(*TcpSock) uint32 { return 3 }

// tcpWndEnd is the end of the other side's window (tcp_wnd_end).
func tcpWndEnd(tp *TcpSock) uint32 { return tp.SndUna + tp.SndWnd }

// tcpIsCwndLimited reports whether the congestion window, and not the program,
// limits what is sent (tcp_is_cwnd_limited).
func tcpIsCwndLimited(sk *core.Sock) bool {
	tp := tcpSk(sk)
	if tcpInSlowStart(tp) {
		return tp.SndCwnd < 2*tp.MaxPacketsOut
	}
	return tp.IsCwndLimited
}

// tcpNeedsInternalPacing reports whether TCP spaces out its segments itself
// (tcp_needs_internal_pacing).
func tcpNeedsInternalPacing(sk *core.Sock) bool { return sk.SkPacingStatus == core.SkPacingNeeded }

// tcpPacingDelay is for how many jiffies pacing holds a segment, or the next
// one if skb is nil (tcp_pacing_delay).
func tcpPacingDelay(sk *core.Sock, skb *core.SkBuff) uint64 {
	tp := tcpSk(sk)
	at := tp.TcpWstampNs
	if skb != nil {
		at = skb.SkbMstampNs
	}
	if delay := int64(at - tp.TcpClockCache); delay > 0 {
		return uint64(delay) / uint64(time.Second/hz)
	}
	return 0
}

// tcpResetXmitTimer arms a transmit timer, later by what pacing holds back.
func (n *Net) tcpResetXmitTimer(sk *core.Sock, what int, when, maxWhen uint64, skb *core.SkBuff) {
	kernel.Fentry5(&n.Kernel, sk, what, when, maxWhen, skb) // tcp_reset_xmit_timer include/net/tcp.h:1267

	n.inetCskResetXmitTimer(sk, what, when+tcpPacingDelay(sk, skb), maxWhen) // :1267
}

// tcpProbe0Base is the first interval of window probes (tcp_probe0_base).
func tcpProbe0Base(sk *core.Sock) uint64 { return uint64(max(inetCsk(sk).IcskRto, tcpRtoMin)) }

// tcpProbe0When is the next interval of window probes (tcp_probe0_when).
func tcpProbe0When(sk *core.Sock, maxWhen uint64) uint64 {
	return min(tcpProbe0Base(sk)<<inetCsk(sk).IcskBackoff, maxWhen)
}

// tcpCheckProbeTimer arms the window probe if no other timer would send.
func (n *Net) tcpCheckProbeTimer(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_check_probe_timer include/net/tcp.h:1293

	if tcpSk(sk).PacketsOut == 0 && inetCsk(sk).IcskPending == 0 {
		n.tcpResetXmitTimer(sk, IcskTimeProbe0, tcpProbe0Base(sk), tcpRtoMax, nil) // :1294
	}
}

// tcpInitWl and tcpUpdateWl remember the segment that last set the window
// (tcp_init_wl, tcp_update_wl).
func tcpInitWl(tp *TcpSock, seq uint32)   { tp.SndWl1 = seq }
func tcpUpdateWl(tp *TcpSock, seq uint32) { tp.SndWl1 = seq }

// tcpChecksumComplete reports whether a segment's checksum is wrong; it looks at
// the bytes only if nobody has yet.
func (n *Net) tcpChecksumComplete(skb *core.SkBuff) bool {
	kernel.Fentry1(&n.Kernel, skb) // tcp_checksum_complete include/net/tcp.h:1320

	if core.SkbCsumUnnecessary(skb) {
		return false
	}
	return n.SkbChecksumComplete__(skb) != 0 // :1321
}

// tcpSackReset forgets the SACK blocks to send (tcp_sack_reset).
func tcpSackReset(rxOpt *TcpOptionsReceived) { rxOpt.Dsack, rxOpt.NumSacks = false, 0 }

// tcpSlowStartAfterIdleCheck shrinks the congestion window of a connection that
// has sent nothing for a retransmission timeout (RFC 2861).
func (n *Net) tcpSlowStartAfterIdleCheck(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_slow_start_after_idle_check include/net/tcp.h:1341

	tp := tcpSk(sk)
	if !n.Sysctl.TcpSlowStartAfterIdle || tp.PacketsOut != 0 || tp.IcskCaOps.CongControl != nil {
		return
	}
	delta := int32(n.TcpJiffies32() - tp.Lsndtime)
	if delta > int32(tp.IcskRto) {
		n.tcpCwndRestart(sk, delta) // :1350
	}
}

// tcpWinFromSpace is how much window a piece of buffer is worth, the rest being
// the packets' overhead (tcp_win_from_space).
func (n *Net) tcpWinFromSpace(_ *core.Sock, space int) int {
	if scale := n.Sysctl.TcpAdvWinScale; scale > 0 {
		return space - space>>scale
	} else {
		return space >> -scale
	}
}

// tcpSpace is how much window the free receive buffer is worth; it may be
// negative (tcp_space).
func (n *Net) tcpSpace(sk *core.Sock) int {
	return n.tcpWinFromSpace(sk, sk.SkRcvbuf-sk.SkBacklog.Len-sk.SkBacklog.RmemAlloc)
}

// tcpFullSpace is the same for an empty buffer (tcp_full_space).
func (n *Net) tcpFullSpace(sk *core.Sock) int { return n.tcpWinFromSpace(sk, sk.SkRcvbuf) }

// keepaliveIntvlWhen is the interval of keepalive probes in jiffies
// (keepalive_intvl_when).
func (n *Net) keepaliveIntvlWhen(tp *TcpSock) uint32 {
	if tp.KeepaliveIntvl != 0 {
		return tp.KeepaliveIntvl
	}
	return uint32(n.Sysctl.TcpKeepaliveIntvl)
}

// keepaliveTimeWhen is the idle time before the first of them
// (keepalive_time_when).
func (n *Net) keepaliveTimeWhen(tp *TcpSock) uint32 {
	if tp.KeepaliveTime != 0 {
		return tp.KeepaliveTime
	}
	return uint32(n.Sysctl.TcpKeepaliveTime)
}

// keepaliveProbes is how many go unanswered before the connection is dead
// (keepalive_probes).
func (n *Net) keepaliveProbes(tp *TcpSock) int {
	if tp.KeepaliveProbes != 0 {
		return int(tp.KeepaliveProbes)
	}
	return n.Sysctl.TcpKeepaliveProbes
}

// keepaliveTimeElapsed is for how many jiffies nothing has come in
// (keepalive_time_elapsed).
func (n *Net) keepaliveTimeElapsed(tp *TcpSock) uint32 {
	now := n.TcpJiffies32()
	return min(now-tp.IcskAck.Lrcvtime, now-tp.RcvTstamp)
}

// tcpFinTime is for how long FIN_WAIT2 lasts, in jiffies: at least three and a
// half retransmission timeouts (tcp_fin_time).
func (n *Net) tcpFinTime(sk *core.Sock) int {
	t := tcpSk(sk).Linger2
	if t == 0 {
		t = n.Sysctl.TcpFinTimeout
	}
	rto := int(inetCsk(sk).IcskRto)
	return max(t, rto<<2-rto>>1)
}

// tcpPawsCheck reports whether a segment's timestamp is not older than the last
// one seen by more than pawsWin, or cannot be judged (tcp_paws_check).
func (n *Net) tcpPawsCheck(rxOpt *TcpOptionsReceived, pawsWin int32) bool {
	return int32(rxOpt.TsRecent-rxOpt.RcvTsval) <= pawsWin ||
		n.ktimeGetSeconds() >= rxOpt.TsRecentStamp+tcpPaws24days ||
		rxOpt.TsRecent == 0
}

// tcpPawsReject reports whether PAWS speaks against a segment. A RST is refused
// only within the time that a segment may live (tcp_paws_reject).
func (n *Net) tcpPawsReject(rxOpt *TcpOptionsReceived, rst bool) bool {
	if n.tcpPawsCheck(rxOpt, 0) {
		return false
	}
	return !rst || n.ktimeGetSeconds() < rxOpt.TsRecentStamp+tcpPawsMsl
}

// tcpMibInit sets the counters that are really constants (tcp_mib_init).
func (n *Net) tcpMibInit() {
	n.Mib[core.MibTcpRtoAlgorithm] = 1
	n.Mib[core.MibTcpRtoMin] = tcpRtoMin * 1000 / hz
	n.Mib[core.MibTcpRtoMax] = tcpRtoMax * 1000 / hz
	n.Mib[core.MibTcpMaxConn] = ^uint64(0)
}

// tcpClearRetransHintsPartial and tcpClearAllRetransHints drop remembered places
// in the retransmit queue.
func tcpClearRetransHintsPartial(tp *TcpSock) { tp.LostSkbHint = nil }
func tcpClearAllRetransHints(tp *TcpSock) {
	tcpClearRetransHintsPartial(tp)
	tp.RetransmitSkbHint = nil
}

// inetSkTransparent reports whether a socket, request or remnant may use
// addresses that are not ours (inet_sk_transparent).
func inetSkTransparent(sk *core.SockCommon) bool {
	switch sk.SkState {
	case core.TcpTimeWait:
		return inetTwsk(sk).TwTransparent
	case core.TcpNewSynRecv:
		return inetReqsk(sk).NoSrccheck
	}
	return ipv4.InetSk(sk.Full).Transparent
}

// tcpStreamIsThin reports whether a connection sends so little that losses hit
// it hard (tcp_stream_is_thin).
func tcpStreamIsThin(tp *TcpSock) bool { return tp.PacketsOut < 4 && !tcpInInitialSlowstart(tp) }

// tcpNotsentLowat is how much may wait unsent before the program must
// (tcp_notsent_lowat).
func (n *Net) tcpNotsentLowat(tp *TcpSock) uint32 {
	if tp.NotsentLowat != 0 {
		return tp.NotsentLowat
	}
	return uint32(n.Sysctl.TcpNotsentLowat)
}

// tcpStreamMemoryFree reports whether the program may write more, as far as
// TCP_NOTSENT_LOWAT is concerned; to wake it half of that is asked for
// (tcp_stream_memory_free).
func (n *Net) tcpStreamMemoryFree(sk *core.Sock, wake int) bool {
	tp := tcpSk(sk)
	return (tp.WriteSeq-tp.SndNxt)<<wake < n.tcpNotsentLowat(tp)
}

// tcpRtoDeltaUs is in how many microseconds the oldest segment's timeout falls
// due (tcp_rto_delta_us).
func tcpRtoDeltaUs(sk *core.Sock) int64 {
	tp := tcpSk(sk)
	due := tcpSkbTimestampUs(tcpRtxQueueHead(sk)) + uint64(jiffiesToUsecs(tp.IcskRto))
	return int64(due - tp.TcpMstamp)
}

// tcpV4SaveOptions compiles the IP options of an answer to a SYN; nil if it had
// none.
func (n *Net) tcpV4SaveOptions(net *core.Net, skb *core.SkBuff) []byte {
	kernel.Fentry2(&n.Kernel, net, skb) // tcp_v4_save_options include/net/tcp.h:1988

	if skb.Ipcb.Optlen == 0 {
		return nil
	}
	var dopt ipv4.IpOptions
	if n.IpOptionsEcho__(&dopt, skb, &skb.Ipcb) != 0 { // :1995
		return nil
	}
	return append([]byte(nil), dopt.Data[:dopt.Optlen]...)
}

// skbIsTcpPureAck and skbSetTcpPureAck mark our own ACKs without data, which
// queueing must not charge for (skb_is_tcp_pure_ack).
func skbIsTcpPureAck(skb *core.SkBuff) bool { return skb.Truesize == 2 }
func skbSetTcpPureAck(skb *core.SkBuff)     { skb.Truesize = 2 }

// tcpInq is how many bytes the program can read before an urgent one (tcp_inq).
func tcpInq(sk *core.Sock) int {
	tp := tcpSk(sk)
	if 1<<sk.SkState&(core.TcpfSynSent|core.TcpfSynRecv) != 0 {
		return 0
	}
	if core.SockFlag(sk, core.SockUrginline) || tp.UrgData == 0 ||
		wire.Before(tp.UrgSeq, tp.CopiedSeq) || !wire.Before(tp.UrgSeq, tp.RcvNxt) {
		answ := int(tp.RcvNxt - tp.CopiedSeq)
		if answ != 0 && core.SockFlag(sk, core.SockDone) {
			answ-- // the FIN
		}
		return answ
	}
	return int(tp.UrgSeq - tp.CopiedSeq)
}

// tcpSegsIn counts a segment that came in (tcp_segs_in).
func tcpSegsIn(tp *TcpSock, skb *core.SkBuff) {
	segs := max(1, uint32(skb.Head.GsoSegs))
	tp.SegsIn += segs
	if skb.Len > skb.Tcp().DataOff() {
		tp.DataSegsIn += segs
	}
}

// tcpListendrop counts a connection that a listener could not take
// (tcp_listendrop).
func (n *Net) tcpListendrop(sk *core.Sock) {
	sk.SkDrops++
	n.Mib[core.MibTcpExtListenDrops]++
}

// tcpSavedSynFree drops the SYN that TCP_SAVE_SYN has kept (tcp_saved_syn_free).
func tcpSavedSynFree(tp *TcpSock) { tp.SavedSyn = nil }

// tcpMssClamp is an MSS, or the program's limit if that is less (tcp_mss_clamp).
func tcpMssClamp(tp *TcpSock, mss uint16) uint16 {
	if u := tp.RxOpt.UserMss; u != 0 && u < mss {
		return u
	}
	return mss
}

// tcpMoveSyn hands a request's saved SYN to the child (tcp_move_syn).
func tcpMoveSyn(tp *TcpSock, req *RequestSock) {
	if syn := req.SavedSyn; syn != nil {
		tp.SavedSyn = &syn
		req.SavedSyn = nil
	}
}
