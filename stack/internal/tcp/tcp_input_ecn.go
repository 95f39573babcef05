// When to acknowledge: quick-ack mode, the delayed-ACK estimate that each data
// segment feeds, compressed ACKs, and the receiver's half of Explicit Congestion
// Notification (RFC 3168); after net/ipv4/tcp_input.c.

package tcp

import (
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Values of the ECN bits of the IP header (include/net/inet_ecn.h).
const (
	inetEcnNotEct = 0
	inetEcnCe     = 3
)

// tcpIncrQuickack lets the next segments, maxQuickacks at most, be acknowledged
// one by one.
func (n *Net) tcpIncrQuickack(sk *core.Sock, maxQuickacks uint32) {
	kernel.Fentry2(&n.Kernel, sk, maxQuickacks) // tcp_incr_quickack net/ipv4/tcp_input.c:209

	tp := tcpSk(sk)
	quickacks := tp.RcvWnd / (2 * uint32(max(tp.IcskAck.RcvMss, 1)))
	if quickacks == 0 {
		quickacks = 2
	}
	quickacks = min(quickacks, maxQuickacks)
	if quickacks > uint32(tp.IcskAck.Quick) {
		tp.IcskAck.Quick = uint8(quickacks)
	}
}

// tcpEnterQuickackMode ends delayed ACKs for a while.
func (n *Net) tcpEnterQuickackMode(sk *core.Sock, maxQuickacks uint32) {
	kernel.Fentry2(&n.Kernel, sk, maxQuickacks) // tcp_enter_quickack_mode net/ipv4/tcp_input.c:221

	icsk := inetCsk(sk)
	n.tcpIncrQuickack(sk, maxQuickacks) // :223
	icsk.IcskAck.Pingpong = 0
	icsk.IcskAck.Ato = tcpAtoMin
}

// tcpInQuickackMode reports whether the next ACK is due at once: quick ACKs are
// left and the connection is not a dialogue, or the route asks for it.
func (n *Net) tcpInQuickackMode(sk *core.Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // tcp_in_quickack_mode net/ipv4/tcp_input.c:235

	icsk := inetCsk(sk)
	if dst := sk.SkDstCache; dst != nil && dst.Metrics[core.RtaxQuickack] != 0 {
		return true
	}
	return icsk.IcskAck.Quick != 0 && icsk.IcskAck.Pingpong == 0
}

// tcpEcnQueueCwr makes the next data segment say CWR.
func tcpEcnQueueCwr(tp *TcpSock) {
	if tp.EcnFlags&tcpEcnOk != 0 {
		tp.EcnFlags |= tcpEcnQueueCwrFlag
	}
}

// tcpEcnWithdrawCwr stops echoing congestion.
func tcpEcnWithdrawCwr(tp *TcpSock) { tp.EcnFlags &^= tcpEcnDemandCwr }

// tcpEcnAcceptCwr stops echoing congestion when the sender says that it has
// slowed down, and acknowledges that at once.
func (n *Net) tcpEcnAcceptCwr(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_ecn_accept_cwr net/ipv4/tcp_input.c:250

	if skb.Tcp().Flags()&wire.CWR != 0 {
		tp := tcpSk(sk)
		tp.EcnFlags &^= tcpEcnDemandCwr
		tp.IcskAck.Pending |= icskAckNow
	}
}

// tcpEcnCheckCe__ acts on what the network did to the ECN bits of skb.
func (n *Net) tcpEcnCheckCe__(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // __tcp_ecn_check_ce net/ipv4/tcp_input.c:268

	tp := tcpSk(sk)
	switch skb.Cb.IpDsfield & inetEcnMask {
	case inetEcnNotEct:
		// Marked segments came before: an unmarked one is likely sent again.
		if tp.EcnFlags&tcpEcnSeen != 0 {
			n.tcpEnterQuickackMode(sk, 2) // :277
		}
	case inetEcnCe:
		if tcpCaNeedsEcn(sk) {
			n.tcpCaEvent(sk, caEventEcnIsCe) // :281
		}
		if tp.EcnFlags&tcpEcnDemandCwr == 0 {
			n.tcpEnterQuickackMode(sk, 2) // :285
			tp.EcnFlags |= tcpEcnDemandCwr
		}
		tp.EcnFlags |= tcpEcnSeen
	default:
		if tcpCaNeedsEcn(sk) {
			n.tcpCaEvent(sk, caEventEcnNoCe) // :292
		}
		tp.EcnFlags |= tcpEcnSeen
	}
}

// tcpEcnCheckCe does that if the connection uses ECN.
func (n *Net) tcpEcnCheckCe(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_ecn_check_ce net/ipv4/tcp_input.c:300

	if tcpSk(sk).EcnFlags&tcpEcnOk != 0 {
		n.tcpEcnCheckCe__(sk, skb) // :301
	}
}

// tcpEcnRcvSynack gives ECN up unless the SYN-ACK agrees to it.
func tcpEcnRcvSynack(tp *TcpSock, th wire.TCP) {
	if th.Flags()&(wire.ECE|wire.CWR) != wire.ECE {
		tp.EcnFlags &^= tcpEcnOk
	}
}

// tcpEcnRcvSyn gives ECN up unless a crossing SYN asks for it too.
func tcpEcnRcvSyn(tp *TcpSock, th wire.TCP) {
	if th.Flags()&(wire.ECE|wire.CWR) != wire.ECE|wire.CWR {
		tp.EcnFlags &^= tcpEcnOk
	}
}

// tcpEcnRcvEcnEcho reports whether the other side echoes congestion to us.
func tcpEcnRcvEcnEcho(tp *TcpSock, th wire.TCP) bool {
	return th.Flags()&(wire.ECE|wire.SYN) == wire.ECE && tp.EcnFlags&tcpEcnOk != 0
}

// tcpEventDataRecv takes account of a data segment: an ACK is owed, and the
// gaps between segments set how long it may wait.
func (n *Net) tcpEventDataRecv(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_event_data_recv net/ipv4/tcp_input.c:670

	tp := tcpSk(sk)
	ack := &tp.IcskAck
	inetCskScheduleAck(sk)
	n.tcpMeasureRcvMss(sk, skb) // :676
	n.tcpRcvRttMeasure(tp)      // :678

	now := n.TcpJiffies32()
	if ack.Ato == 0 {
		n.tcpIncrQuickack(sk, tcpMaxQuickacks) // :686
		ack.Ato = tcpAtoMin
	} else {
		switch m := int32(now - ack.Lrcvtime); {
		case m <= tcpAtoMin/2:
			ack.Ato = ack.Ato>>1 + tcpAtoMin/2
		case uint32(m) < ack.Ato:
			ack.Ato = min(ack.Ato>>1+uint32(m), tp.IcskRto)
		case uint32(m) > tp.IcskRto:
			// The sender paused for so long that its window may have restarted.
			n.tcpIncrQuickack(sk, tcpMaxQuickacks) // :702
			n.SkMemReclaim(sk)                     // :703
		}
	}
	ack.Lrcvtime = now
	n.tcpEcnCheckCe(sk, skb) // :708
	if skb.Len >= 128 {
		n.tcpGrowWindow(sk, skb) // :711
	}
}

// tcpDataSndCheck sends what an ACK has made sendable, and wakes a writer that
// waits for room.
func (n *Net) tcpDataSndCheck(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_data_snd_check net/ipv4/tcp_input.c:5166

	n.tcpPushPendingFrames(sk) // :5166
	n.tcpCheckSpace(sk)        // :5167
}

// tcpAckSndCheck__ sends an ACK now, or later. ofoPossible says that segments
// may wait out of order: then ACKs are duplicates that the sender counts, the
// first few go at once and the others wait for the compressed-ACK timer.
func (n *Net) tcpAckSndCheck__(sk *core.Sock, ofoPossible bool) {
	kernel.Fentry2(&n.Kernel, sk, ofoPossible) // __tcp_ack_snd_check net/ipv4/tcp_input.c:5179

	tp := tcpSk(sk)
	now := false
	if tp.RcvNxt-tp.RcvWup > uint32(tp.IcskAck.RcvMss) {
		// More than a segment: at once if the window moves on with it, or if
		// the program waits for more than there is.
		now = tp.RcvNxt-tp.CopiedSeq < uint32(sk.SkRcvlowat)
		if !now {
			win := n.tcpSelectWindow__(sk) // :5186
			now = win >= tp.RcvWnd
		}
	}
	if !now {
		now = n.tcpInQuickackMode(sk) // :5188
	}
	if now || tp.IcskAck.Pending&icskAckNow != 0 {
		n.tcpSendAck(sk) // :5192
		return
	}
	if !ofoPossible || tp.OutOfOrderQueue.First == nil {
		n.tcpSendDelayedAck(sk) // :5197
		return
	}
	if !tcpIsSack(tp) || int(tp.CompressedAck) >= n.Sysctl.TcpCompSackNr {
		n.tcpSendAck(sk) // :5192
		return
	}
	if tp.CompressedAckRcvNxt != tp.RcvNxt {
		tp.CompressedAckRcvNxt = tp.RcvNxt
		if tp.CompressedAck > tcpFastretransThresh {
			n.Mib[core.MibTcpExtTCPAckCompressed] += uint64(tp.CompressedAck - tcpFastretransThresh)
		}
		tp.CompressedAck = 0
	}
	tp.CompressedAck++
	if tp.CompressedAck <= tcpFastretransThresh {
		n.tcpSendAck(sk) // :5192
		return
	}
	if tp.CompressedAckTimer.Pending() {
		return
	}
	// 5 % of the round trip; both estimates are in eighths.
	rtt := tp.RcvRttEst.RttUs
	if tp.SrttUs != 0 && tp.SrttUs < rtt {
		rtt = tp.SrttUs
	}
	delay := min(n.Sysctl.TcpCompSackDelay, time.Duration(rtt)*(1000>>3)/20)
	core.SockHold(sk)
	n.startHrtimer(&tp.CompressedAckTimer, &n.hrtKinds.compressedAck, sk, n.Now()+delay)
}

// tcpAckSndCheck sends an ACK, now or later, if one is owed and no data segment
// has carried it.
func (n *Net) tcpAckSndCheck(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_ack_snd_check net/ipv4/tcp_input.c:5234

	if !inetCskAckScheduled(sk) {
		return
	}
	n.tcpAckSndCheck__(sk, true) // :5238
}
