// Output of TCP: the windows it offers, ECN marks, and the bookkeeping around
// every segment (net/ipv4/tcp_output.c of Linux 5.0.1). The rest of that file
// stands in tcp_output_*.go, a subject a file.
//
// Left out: Fast Open (its places are marked), MD5, BPF hooks, SMC, repair
// mode's network-free sending, and IPv6's fragment header.

package tcp

import (
	"math/bits"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpMstampRefresh brings the socket's clocks up to now; they never go back.
func (n *Net) tcpMstampRefresh(tp *TcpSock) {
	kernel.Fentry1(&n.Kernel, tp) // tcp_mstamp_refresh net/ipv4/tcp_output.c:52

	val := n.tcpClockNs()
	if val > tp.TcpClockCache {
		tp.TcpClockCache = val
	}
	val /= nsecPerUsec
	if val > tp.TcpMstamp {
		tp.TcpMstamp = val
	}
}

// tcpEventNewDataSent accounts for the segment at the head of the write queue,
// which was sent for the first time: it moves to the retransmit queue.
func (n *Net) tcpEventNewDataSent(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_event_new_data_sent net/ipv4/tcp_output.c:71

	tp := tcpSk(sk)
	prior := tp.PacketsOut
	tp.SndNxt = skb.Cb.EndSeq
	sk.SkWriteQueue.Unlink(skb)
	tcpRbtreeInsert(&sk.TcpRtxQueue, skb)
	tp.PacketsOut += uint32(tcpSkbPcount(skb))
	if prior == 0 || tp.IcskPending == IcskTimeLossProbe {
		n.tcpRearmRto(sk) // :80
	}
	n.Mib[core.MibTcpExtTCPOrigDataSent] += uint64(tcpSkbPcount(skb))
}

// tcpAcceptableSeq is the sequence number for a segment without data: SND.NXT,
// or the window's end if the window was truly shrunk below that.
func tcpAcceptableSeq(sk *core.Sock) uint32 {
	tp := tcpSk(sk)
	end := tcpWndEnd(tp)
	if !wire.Before(end, tp.SndNxt) ||
		tp.RxOpt.WscaleOk && tp.SndNxt-end < 1<<tp.RxOpt.RcvWscale {
		return tp.SndNxt
	}
	return end
}

// tcpAdvertiseMss is the MSS to announce in a SYN: the socket's, unless the
// route has come to allow less.
func (n *Net) tcpAdvertiseMss(sk *core.Sock) uint16 {
	kernel.Fentry1(&n.Kernel, sk) // tcp_advertise_mss net/ipv4/tcp_output.c:120

	tp := tcpSk(sk)
	if dst := sk.SkDstCache; dst != nil {
		metric := n.DstMetricAdvmss(dst) // :126
		if metric < uint32(tp.Advmss) {
			tp.Advmss = uint16(metric)
		}
	}
	return tp.Advmss
}

// tcpCwndRestart shrinks the congestion window after the connection was idle
// for delta jiffies: by half for each RTO, down to the initial window.
func (n *Net) tcpCwndRestart(sk *core.Sock, delta int32) {
	kernel.Fentry2(&n.Kernel, sk, delta) // tcp_cwnd_restart net/ipv4/tcp_output.c:141

	tp := tcpSk(sk)
	restart := n.tcpInitCwnd(tp, sk.SkDstCache) // :143
	cwnd := tp.SndCwnd
	n.tcpCaEvent(sk, caEventCwndRestart) // :146
	tp.SndSsthresh = tcpCurrentSsthresh(sk)
	restart = min(restart, cwnd)
	for delta -= int32(tp.IcskRto); delta > 0 && cwnd > restart; delta -= int32(tp.IcskRto) {
		cwnd >>= 1
	}
	tp.SndCwnd = max(cwnd, restart)
	tp.SndCwndStamp = n.TcpJiffies32()
	tp.SndCwndUsed = 0
}

// tcpEventDataSent keeps the congestion control and the delayed-ACK logic
// informed that data leaves now.
func (n *Net) tcpEventDataSent(tp *TcpSock, sk *core.Sock) {
	kernel.Fentry2(&n.Kernel, tp, sk) // tcp_event_data_sent net/ipv4/tcp_output.c:161

	now := n.TcpJiffies32()
	if tcpPacketsInFlight(tp) == 0 {
		n.tcpCaEvent(sk, caEventTxStart) // :166
	}
	tp.Lsndtime = now
	// Data that answers data within the delayed-ACK time makes the connection
	// interactive: its ACKs ride on data.
	if now-tp.IcskAck.Lrcvtime < tp.IcskAck.Ato {
		tp.IcskAck.Pingpong = 1
	}
}

// tcpEventAckSent notes that an ACK up to rcvNxt has left: nothing is owed any
// more.
func (n *Net) tcpEventAckSent(sk *core.Sock, pkts uint32, rcvNxt uint32) {
	kernel.Fentry3(&n.Kernel, sk, pkts, rcvNxt) // tcp_event_ack_sent net/ipv4/tcp_output.c:180

	tp := tcpSk(sk)
	if tp.CompressedAck > tcpFastretransThresh {
		n.Mib[core.MibTcpExtTCPAckCompressed] += uint64(tp.CompressedAck - tcpFastretransThresh)
		tp.CompressedAck = tcpFastretransThresh
		if n.HrtimerCancel(tp.CompressedAckTimer) {
			core.SockPut__(sk)
		}
	}
	if rcvNxt != tp.RcvNxt {
		return // an older ACK, which DCTCP sends to report ECN
	}
	tcpDecQuickackMode(sk, pkts)
	n.inetCskClearXmitTimer(sk, icskTimeDack) // :194
}

// tcpSelectInitialWindow chooses the first window to offer out of space bytes
// of buffer, a multiple of mss if there is room for one, and the scale that
// makes the largest window this socket may ever offer representable. The
// results go to rcvWnd, windowClamp (0 on entry: no clamp) and rcvWscale.
func (n *Net) tcpSelectInitialWindow(sk *core.Sock, space int, mss uint32, rcvWnd, windowClamp *uint32, wscaleOk bool, rcvWscale *uint8, initRcvWnd uint32) {
	kernel.Fentry4(&n.Kernel, sk, space, mss, initRcvWnd) // tcp_select_initial_window net/ipv4/tcp_output.c:209

	if *windowClamp == 0 {
		*windowClamp = u16Max << tcpMaxWscale
	}
	room := min(*windowClamp, uint32(max(space, 0)))
	if room > mss {
		room -= room % mss
	}
	if n.Sysctl.TcpWorkaroundSignedWindows {
		*rcvWnd = min(room, maxTcpWindow)
	} else {
		*rcvWnd = min(room, u16Max)
	}
	if initRcvWnd != 0 {
		*rcvWnd = min(*rcvWnd, initRcvWnd*mss)
	}
	*rcvWscale = 0
	if wscaleOk {
		room = max(room, uint32(n.Sysctl.TcpRmem[2]), uint32(n.Sysctl.RmemMax))
		room = min(room, *windowClamp)
		*rcvWscale = uint8(min(max(bits.Len32(room)-1-15, 0), tcpMaxWscale))
	}
	*windowClamp = min(u16Max<<*rcvWscale, *windowClamp)
}

// tcpSelectWindow settles the window to offer in the segment being built and
// returns it scaled, as it goes into the header. The right edge never moves
// back.
func (n *Net) tcpSelectWindow(sk *core.Sock) uint16 {
	kernel.Fentry1(&n.Kernel, sk) // tcp_select_window net/ipv4/tcp_output.c:256

	tp := tcpSk(sk)
	oldWin := tp.RcvWnd
	curWin := tcpReceiveWindow(tp)
	newWin := n.tcpSelectWindow__(sk) // :260
	if newWin < curWin {
		if newWin == 0 {
			n.Mib[core.MibTcpExtTCPWantZeroWindowAdv]++
		}
		newWin = alignUp(curWin, 1<<tp.RxOpt.RcvWscale)
	}
	tp.RcvWnd = newWin
	tp.RcvWup = tp.RcvNxt
	if tp.RxOpt.RcvWscale == 0 && n.Sysctl.TcpWorkaroundSignedWindows {
		newWin = min(newWin, maxTcpWindow)
	} else {
		newWin = min(newWin, u16Max<<tp.RxOpt.RcvWscale)
	}
	newWin >>= tp.RxOpt.RcvWscale
	if newWin == 0 {
		tp.PredFlags = 0 // a closed window needs the slow path
		if oldWin != 0 {
			n.Mib[core.MibTcpExtTCPToZeroWindowAdv]++
		}
	} else if oldWin == 0 {
		n.Mib[core.MibTcpExtTCPFromZeroWindowAdv]++
	}
	return uint16(newWin)
}

// tcpSelectWindow__ is the window, in bytes, that the receive buffer allows
// now. It avoids the silly window: less than a segment, or less than a
// sixteenth of the buffer, is offered as nothing.
func (n *Net) tcpSelectWindow__(sk *core.Sock) uint32 {
	kernel.Fentry1(&n.Kernel, sk) // __tcp_select_window net/ipv4/tcp_output.c:2648

	tp := tcpSk(sk)
	mss := int(tp.IcskAck.RcvMss)
	free := n.tcpSpace(sk)
	allowed := n.tcpFullSpace(sk)
	full := min(int(tp.WindowClamp), allowed)
	if mss > full {
		mss = full
		if mss <= 0 {
			return 0
		}
	}
	if free < full>>1 {
		tp.IcskAck.Quick = 0
		if n.tcpUnderMemoryPressure(sk) {
			tp.RcvSsthresh = min(tp.RcvSsthresh, 4*uint32(tp.Advmss))
		}
		free &^= 1<<tp.RxOpt.RcvWscale - 1
		if free < allowed>>4 || free < mss {
			return 0
		}
	}
	free = min(free, int(tp.RcvSsthresh))
	if tp.RxOpt.RcvWscale != 0 {
		// Scaling rounds down, so round up here: a window must not vanish.
		return alignUp(uint32(free), 1<<tp.RxOpt.RcvWscale)
	}
	window := int(tp.RcvWnd)
	if window <= free-mss || window > free {
		window = free - free%mss
	} else if mss == full && free > window+full>>1 {
		window = free
	}
	return uint32(window)
}

// alignUp rounds v up to a multiple of a, a power of two (ALIGN).
func alignUp(v, a uint32) uint32 { return (v + a - 1) &^ (a - 1) }

// tcpEcnSendSynack sets the ECN flags of a crossed SYN-ACK.
func (n *Net) tcpEcnSendSynack(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_ecn_send_synack net/ipv4/tcp_output.c:306

	skb.Cb.TcpFlags &^= tcphdrCwr
	if tcpSk(sk).EcnFlags&tcpEcnOk == 0 {
		skb.Cb.TcpFlags &^= tcphdrEce
	} else if tcpCaNeedsEcn(sk) {
		inetECNXmit(sk)
	}
}

// tcpEcnSendSyn asks for ECN in a SYN if the sysctl, the congestion control or
// the route wants it.
func (n *Net) tcpEcnSendSyn(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_ecn_send_syn net/ipv4/tcp_output.c:319

	tp := tcpSk(sk)
	useEcn := n.Sysctl.TcpEcn == 1 || tcpCaNeedsEcn(sk)
	if dst := sk.SkDstCache; !useEcn && dst != nil && dst.Metrics[core.RtaxFeatures]&rtaxFeatureEcn != 0 {
		useEcn = true
	}
	tp.EcnFlags = 0
	if useEcn {
		skb.Cb.TcpFlags |= tcphdrEce | tcphdrCwr
		tp.EcnFlags = tcpEcnOk
		if tcpCaNeedsEcn(sk) {
			inetECNXmit(sk)
		}
	}
}

// tcpEcnClearSyn gives up ECN for a SYN that is sent again, in case it was the
// ECN flags that got it dropped.
func (n *Net) tcpEcnClearSyn(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_ecn_clear_syn net/ipv4/tcp_output.c:343

	if n.Sysctl.TcpEcnFallback {
		skb.Cb.TcpFlags &^= tcphdrEce | tcphdrCwr
	}
}

// tcpEcnMakeSynack sets ECE in a SYN-ACK that accepts ECN.
func tcpEcnMakeSynack(req *RequestSock, th wire.TCP) {
	if req.EcnOk {
		th.SetFlags(th.Flags() | wire.ECE)
	}
}

// tcpEcnSend sets the ECN state of a segment of an established connection:
// new data is ECN-capable, ACKs and retransmissions are not.
func (n *Net) tcpEcnSend(sk *core.Sock, skb *core.SkBuff, th wire.TCP, tcpHeaderLen int) {
	kernel.Fentry3(&n.Kernel, sk, skb, tcpHeaderLen) // tcp_ecn_send net/ipv4/tcp_output.c:363

	tp := tcpSk(sk)
	if tp.EcnFlags&tcpEcnOk == 0 {
		return
	}
	if skb.Len != tcpHeaderLen && !wire.Before(skb.Cb.Seq, tp.SndNxt) {
		inetECNXmit(sk)
		if tp.EcnFlags&tcpEcnQueueCwrFlag != 0 {
			tp.EcnFlags &^= tcpEcnQueueCwrFlag
			th.SetFlags(th.Flags() | wire.CWR)
			skb.Head.GsoType |= skbGsoTcpEcn
		}
	} else if !tcpCaNeedsEcn(sk) {
		inetECNDontxmit(sk)
	}
	if tp.EcnFlags&tcpEcnDemandCwr != 0 {
		th.SetFlags(th.Flags() | wire.ECE)
	}
}

// skbGsoTcpEcn says that only the first segment of a GSO packet bears CWR.
const skbGsoTcpEcn = 1 << 2

// tcpInitNondataSkb readies the control block of a segment without data; SYN
// and FIN take a sequence number each.
func tcpInitNondataSkb(skb *core.SkBuff, seq uint32, flags uint8) {
	skb.IpSummed = core.ChecksumPartial
	skb.Cb.TcpFlags = flags
	skb.Cb.Sacked = 0
	skb.Cb.TcpGsoSegs = 1
	skb.Cb.Seq = seq
	if flags&(tcphdrSyn|tcphdrFin) != 0 {
		seq++
	}
	skb.Cb.EndSeq = seq
}

// tcpUrgMode reports whether urgent data is not yet acknowledged.
func tcpUrgMode(tp *TcpSock) bool { return tp.SndUna != tp.SndUp }

// Units of time, and the largest window without scaling.
const (
	nsecPerUsec = 1000
	nsecPerMsec = 1000000
	nsecPerSec  = 1000000000
	u16Max      = 0xffff
)
