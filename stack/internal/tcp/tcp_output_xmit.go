// Sending what the windows, Nagle and pacing allow (net/ipv4/tcp_output.c).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpCwndApplicationLimited brings the congestion window down toward what the
// program has used of it in the last RTO.
func (n *Net) tcpCwndApplicationLimited(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_cwnd_application_limited net/ipv4/tcp_output.c:1597

	tp := tcpSk(sk)
	if tp.IcskCaState == tcpCaOpen && sk.SkSocket != nil && !sockNospace(sk) {
		initWin := n.tcpInitCwnd(tp, sk.SkDstCache) // :1603
		winUsed := max(tp.SndCwndUsed, initWin)
		if winUsed < tp.SndCwnd {
			tp.SndSsthresh = tcpCurrentSsthresh(sk)
			tp.SndCwnd = (tp.SndCwnd + winUsed) >> 1
		}
		tp.SndCwndUsed = 0
	}
	tp.SndCwndStamp = n.TcpJiffies32()
}

// sockNospace reports whether the program waits for room in the send buffer.
func sockNospace(sk *core.Sock) bool { return core.SockTestBit(core.SockNospace, sk.SkSocket) }

// tcpCwndValidate notes whether the congestion window was the limit; if it was
// not, for an RTO, it no longer stands for anything the path has shown.
func (n *Net) tcpCwndValidate(sk *core.Sock, isCwndLimited bool) {
	kernel.Fentry2(&n.Kernel, sk, isCwndLimited) // tcp_cwnd_validate net/ipv4/tcp_output.c:1615

	tp := tcpSk(sk)
	if !wire.Before(tp.SndUna, tp.MaxPacketsSeq) || tp.PacketsOut > tp.MaxPacketsOut {
		tp.MaxPacketsOut = tp.PacketsOut
		tp.MaxPacketsSeq = tp.SndNxt
		tp.IsCwndLimited = isCwndLimited
	}
	if tcpIsCwndLimited(sk) {
		tp.SndCwndUsed = 0
		tp.SndCwndStamp = n.TcpJiffies32()
		return
	}
	tp.SndCwndUsed = max(tp.SndCwndUsed, tp.PacketsOut)
	if n.Sysctl.TcpSlowStartAfterIdle &&
		int32(n.TcpJiffies32()-tp.SndCwndStamp) >= int32(tp.IcskRto) &&
		tp.IcskCaOps.CongControl == nil {
		n.tcpCwndApplicationLimited(sk) // :1641
	}
	if tcpWriteQueueEmpty(sk) && sk.SkSocket != nil && sockNospace(sk) &&
		1<<sk.SkState&(core.TcpfEstablished|core.TcpfCloseWait) != 0 {
		n.tcpChronoStart(sk, tcpChronoSndbufLimited) // :1653
	}
}

// tcpMinshallCheck reports whether the last small segment is still on its way.
func tcpMinshallCheck(tp *TcpSock) bool {
	return wire.After(tp.SndSml, tp.SndUna) && !wire.After(tp.SndSml, tp.SndNxt)
}

// tcpMinshallUpdate remembers skb as the last small segment if it ends in one.
func tcpMinshallUpdate(tp *TcpSock, mssNow uint32, skb *core.SkBuff) {
	if uint32(skb.Len) < uint32(skb.Cb.TcpGsoSegs)*mssNow {
		tp.SndSml = skb.Cb.EndSeq
	}
}

// tcpNagleCheck reports whether Nagle's rule, in Minshall's form, holds back a
// segment: a partial one waits while the program corks, or while another small
// one is unacknowledged.
func tcpNagleCheck(partial bool, tp *TcpSock, nonagle int) bool {
	return partial && (nonagle&tcpNagleCork != 0 ||
		nonagle == 0 && tp.PacketsOut != 0 && tcpMinshallCheck(tp))
}

// tcpNagleTest reports whether Nagle lets skb go now. Urgent data and the FIN
// always go.
func tcpNagleTest(tp *TcpSock, skb *core.SkBuff, curMss uint32, nonagle int) bool {
	return nonagle&tcpNaglePush != 0 || tcpUrgMode(tp) || skb.Cb.TcpFlags&tcphdrFin != 0 ||
		!tcpNagleCheck(uint32(skb.Len) < curMss, tp, nonagle)
}

// tcpTsoAutosize is how many segments leave in about a millisecond at the
// socket's rate.
func tcpTsoAutosize(sk *core.Sock, mssNow uint32, minTsoSegs uint32) uint32 {
	bytes := min(sk.SkPacingRate>>sk.SkPacingShift, uint64(sk.SkGsoMaxSize-1-core.MaxTcpHeader))
	return max(uint32(bytes)/mssNow, minTsoSegs)
}

// tcpTsoSegs is how many segments one packet may hold.
func (n *Net) tcpTsoSegs(sk *core.Sock, mssNow uint32) uint32 {
	kernel.Fentry2(&n.Kernel, sk, mssNow) // tcp_tso_segs net/ipv4/tcp_output.c:1720

	minTso := uint32(n.Sysctl.TcpMinTsoSegs)
	if ca := inetCsk(sk).IcskCaOps; ca.MinTsoSegs != nil {
		minTso = ca.MinTsoSegs(sk) // :1725
	}
	return min(tcpTsoAutosize(sk, mssNow, minTso), uint32(sk.SkGsoMaxSegs))
}

// tcpMssSplitPoint is how many bytes of skb may leave in one packet.
func tcpMssSplitPoint(sk *core.Sock, skb *core.SkBuff, mssNow, maxSegs uint32, nonagle int) uint32 {
	tp := tcpSk(sk)
	window := tcpWndEnd(tp) - skb.Cb.Seq
	maxLen := mssNow * maxSegs
	if maxLen <= window && skb != tcpWriteQueueTail(sk) {
		return maxLen
	}
	needed := min(uint32(skb.Len), window)
	if maxLen <= needed {
		return maxLen
	}
	partial := needed % mssNow
	if tcpNagleCheck(partial != 0, tp, nonagle) {
		return needed - partial
	}
	return needed
}

// tcpCwndTest is how many segments the congestion window lets go now, at most
// half of it in one packet. A lone FIN always goes.
func tcpCwndTest(tp *TcpSock, skb *core.SkBuff) uint32 {
	if skb.Cb.TcpFlags&tcphdrFin != 0 && skb.Cb.TcpGsoSegs == 1 {
		return 1
	}
	inFlight, cwnd := tcpPacketsInFlight(tp), tp.SndCwnd
	if inFlight >= cwnd {
		return 0
	}
	return min(max(cwnd>>1, 1), cwnd-inFlight)
}

// tcpSndWndTest reports whether at least skb's first segment fits into the
// window that the receiver offers.
func tcpSndWndTest(tp *TcpSock, skb *core.SkBuff, curMss uint32) bool {
	end := skb.Cb.EndSeq
	if uint32(skb.Len) > curMss {
		end = skb.Cb.Seq + curMss
	}
	return !wire.After(end, tcpWndEnd(tp))
}

// What holds a packet back (the out parameters of tcp_tso_should_defer).
type tcpLimit uint8

const (
	limitedByCwnd tcpLimit = 1 << iota
	limitedByRwnd
)

// tcpTsoShouldDefer reports whether skb, which the windows would cut short,
// should wait for the next ACK to leave whole; the second result says which
// window is to blame.
func (n *Net) tcpTsoShouldDefer(sk *core.Sock, skb *core.SkBuff, maxSegs uint32) (bool, tcpLimit) {
	kernel.Fentry3(&n.Kernel, sk, skb, maxSegs) // tcp_tso_should_defer net/ipv4/tcp_output.c:1910

	tp := tcpSk(sk)
	if tp.IcskCaState >= tcpCaRecovery {
		return false, 0
	}
	if int64(tp.TcpClockCache-tp.TcpWstampNs-nsecPerMsec) > 0 {
		return false, 0 // the last write is more than a millisecond ago
	}
	inFlight := tcpPacketsInFlight(tp)
	sendWin := tcpWndEnd(tp) - skb.Cb.Seq
	congWin := (tp.SndCwnd - inFlight) * tp.MssCache
	limit := min(sendWin, congWin)
	if limit >= maxSegs*tp.MssCache {
		return false, 0
	}
	if skb != tcpWriteQueueTail(sk) && limit >= uint32(skb.Len) {
		return false, 0
	}
	if div := uint32(n.Sysctl.TcpTsoWinDivisor); div != 0 {
		if limit >= min(tp.SndWnd, tp.SndCwnd*tp.MssCache)/div {
			return false, 0
		}
	} else if limit > tcpMaxTsoDeferredMss(tp)*tp.MssCache {
		return false, 0
	}
	head := tcpRtxQueueHead(sk)
	if head == nil {
		return false, 0
	}
	// An ACK that is more than half a round trip away is too late.
	if age := tp.TcpClockCache - head.SkbMstampNs; int64(age-nsecPerUsec*uint64(tp.SrttUs>>4)) < 0 {
		return false, 0
	}
	if congWin < sendWin {
		if congWin <= uint32(skb.Len) {
			return true, limitedByCwnd
		}
	} else if sendWin <= uint32(skb.Len) {
		return true, limitedByRwnd
	}
	// Nothing will be added to this packet.
	if skb.Cb.TcpFlags&tcphdrFin != 0 || skb.Cb.Eor {
		return false, 0
	}
	return true, 0
}

// tcpChronoSet ends one stopwatch and starts another.
func (n *Net) tcpChronoSet(tp *TcpSock, chrono uint8) {
	now := n.TcpJiffies32()
	if tp.ChronoType > tcpChronoUnspec {
		tp.ChronoStat[tp.ChronoType-1] += now - tp.ChronoStart
	}
	tp.ChronoStart = now
	tp.ChronoType = chrono
}

// tcpChronoStart notes that something holds the connection up from now on,
// unless something of more interest does already.
func (n *Net) tcpChronoStart(sk *core.Sock, typ uint8) {
	kernel.Fentry2(&n.Kernel, sk, typ) // tcp_chrono_start net/ipv4/tcp_output.c:2274

	if tp := tcpSk(sk); typ > tp.ChronoType {
		n.tcpChronoSet(tp, typ)
	}
}

// tcpChronoStop notes that it does no longer.
func (n *Net) tcpChronoStop(sk *core.Sock, typ uint8) {
	kernel.Fentry2(&n.Kernel, sk, typ) // tcp_chrono_stop net/ipv4/tcp_output.c:2300

	tp := tcpSk(sk)
	if tcpRtxAndWriteQueuesEmpty(sk) {
		n.tcpChronoSet(tp, tcpChronoUnspec)
	} else if typ == tp.ChronoType {
		n.tcpChronoSet(tp, tcpChronoBusy)
	}
}

// tcpWriteXmit sends from the write queue what may be sent. With pushOne 1 it
// sends at most one packet, with 2 one even if the congestion window is full
// (a loss probe). It reports whether there is something to send, nothing is in
// flight and nothing could be sent: then a probe timer must run.
func (n *Net) tcpWriteXmit(sk *core.Sock, mssNow uint32, nonagle int, pushOne int) bool {
	kernel.Fentry4(&n.Kernel, sk, mssNow, nonagle, pushOne) // tcp_write_xmit net/ipv4/tcp_output.c:2320

	tp := tcpSk(sk)
	sentPkts := uint32(0)
	limited := tcpLimit(0)
	n.tcpMstampRefresh(tp) // :2331
	if pushOne == 0 {
		switch n.tcpMtuProbe(sk) { // :2334
		case 0:
			return false
		case 1:
			sentPkts = 1
		}
	}
	maxSegs := n.tcpTsoSegs(sk, mssNow) // :2342
	for skb := tcpSendHead(sk); skb != nil; skb = tcpSendHead(sk) {
		if n.tcpPacingCheck(sk) { // :2354
			break
		}
		tsoSegs := tcpInitTsoSegs(skb, mssNow)
		cwndQuota := tcpCwndTest(tp, skb)
		if cwndQuota == 0 {
			if pushOne != 2 {
				break
			}
			cwndQuota = 1
		}
		if !tcpSndWndTest(tp, skb, mssNow) {
			limited |= limitedByRwnd
			break
		}
		if tsoSegs == 1 {
			rule := tcpNaglePush // nothing can join a packet in mid queue
			if tcpSkbIsLast(sk, skb) {
				rule = nonagle
			}
			if !tcpNagleTest(tp, skb, mssNow, rule) {
				break
			}
		} else if pushOne == 0 {
			wait, why := n.tcpTsoShouldDefer(sk, skb, maxSegs) // :2381
			limited |= why
			if wait {
				break
			}
		}
		limit := mssNow
		if tsoSegs > 1 && !tcpUrgMode(tp) {
			limit = tcpMssSplitPoint(sk, skb, mssNow, min(cwndQuota, maxSegs), nonagle)
		}
		if uint32(skb.Len) > limit {
			if n.tsoFragment(sk, tcpFragInWriteQueue, skb, limit, mssNow) != 0 { // :2395
				break
			}
		}
		if n.tcpSmallQueueCheck(sk, skb, 0) { // :2399
			break
		}
		if n.tcpTransmitSkb(sk, skb, 1) != 0 { // :2402
			break
		}
		n.tcpEventNewDataSent(sk, skb) // :2409
		tcpMinshallUpdate(tp, mssNow, skb)
		sentPkts += uint32(skb.Cb.TcpGsoSegs)
		if pushOne != 0 {
			break
		}
	}
	if limited&limitedByRwnd != 0 {
		n.tcpChronoStart(sk, tcpChronoRwndLimited) // :2419
	} else {
		n.tcpChronoStop(sk, tcpChronoRwndLimited) // :2421
	}
	if sentPkts == 0 {
		return tp.PacketsOut == 0 && !tcpWriteQueueEmpty(sk)
	}
	if tcpInCwndReduction(sk) {
		tp.PrrOut += sentPkts
	}
	if pushOne != 2 {
		n.tcpScheduleLossProbe(sk, false) // :2429
	}
	full := limited&limitedByCwnd != 0 || tcpPacketsInFlight(tp) >= tp.SndCwnd
	n.tcpCwndValidate(sk, full) // :2431
	return false
}

// tcpPushPendingFrames__ sends what waits in the write queue, as far as the
// windows and nonagle allow.
func (n *Net) tcpPushPendingFrames__(sk *core.Sock, curMss uint32, nonagle int) {
	kernel.Fentry3(&n.Kernel, sk, curMss, nonagle) // __tcp_push_pending_frames net/ipv4/tcp_output.c:2575

	if sk.SkState == core.TcpClose {
		return
	}
	if n.tcpWriteXmit(sk, curMss, nonagle, 0) { // :2578
		n.tcpCheckProbeTimer(sk) // :2580
	}
}

// tcpPushOne sends the one full packet at the head of the write queue.
func (n *Net) tcpPushOne(sk *core.Sock, mssNow uint32) {
	kernel.Fentry2(&n.Kernel, sk, mssNow) // tcp_push_one net/ipv4/tcp_output.c:2587

	n.tcpWriteXmit(sk, mssNow, tcpNaglePush, 1) // :2592
}
