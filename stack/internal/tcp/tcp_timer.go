// The timers of a connection: retransmission with backoff, the zero-window
// probe and the limits at which TCP gives up (net/ipv4/tcp_timer.c of Linux
// 5.0.1). The delayed ACK, keep-alive and hrtimers are in
// tcp_timer_keepalive.go.
//
// Left out: the SYN-ACK timer of Fast Open sockets, its black hole detection,
// BPF hooks, and network namespaces that go away.

package tcp

import (
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// tcpRetransmitStamp is when, in ms, the segment that is being retransmitted
// was first sent; 0 if nothing is.
func tcpRetransmitStamp(sk *core.Sock) uint32 {
	if ts := tcpSk(sk).RetransStamp; ts != 0 {
		return ts
	}
	if head := tcpRtxQueueHead(sk); head != nil {
		return tcpSkbTimestamp(head)
	}
	return 0
}

// tcpClampRtoToUserTimeout is the RTO in jiffies, cut so that the timer fires
// when the user timeout ends.
func tcpClampRtoToUserTimeout(sk *core.Sock) uint32 {
	tp := tcpSk(sk)
	start := tcpRetransmitStamp(sk)
	if tp.IcskUserTimeout == 0 || start == 0 {
		return tp.IcskRto
	}
	remaining := int32(tp.IcskUserTimeout - (tcpTimeStamp(tp) - start))
	if remaining <= 0 {
		return 1
	}
	return min(tp.IcskRto, msecsToJiffies(uint32(remaining)))
}

// msecsToJiffies converts a time (msecs_to_jiffies).
func msecsToJiffies(ms uint32) uint32 { return ms * kernel.HZ / 1000 }

// tcpWriteErr gives the connection up with ETIMEDOUT, or with what an ICMP
// message has said.
func (n *Net) tcpWriteErr(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_write_err net/ipv4/tcp_timer.c:65

	sk.SkErr = sk.SkErrSoft
	if sk.SkErr == 0 {
		sk.SkErr = core.ETIMEDOUT
	}
	sk.SkErrorReport(sk)     // :66
	n.tcpWriteQueuePurge(sk) // :68
	n.tcpDone(sk)            // :69
	n.Mib[core.MibTcpExtTCPAbortOnTimeout]++
}

// tcpOutOfResources kills an orphan whose timer expired if there are too many
// orphans or too little memory, and reports whether it did. Orphans that have
// been silent for long count double.
func (n *Net) tcpOutOfResources(sk *core.Sock, doReset bool) bool {
	kernel.Fentry2(&n.Kernel, sk, doReset) // tcp_out_of_resources net/ipv4/tcp_timer.c:98

	tp := tcpSk(sk)
	idle := int32(n.TcpJiffies32() - tp.Lsndtime)
	shift := 0
	if idle > 2*tcpRtoMax || !doReset {
		shift++
	}
	if sk.SkErrSoft != 0 {
		shift++
	}
	if !n.tcpCheckOom(sk, shift) { // :111
		return false
	}
	if idle <= tcpTimewaitLen || tp.SndWnd == 0 && tp.PacketsOut == 0 {
		doReset = true
	}
	if doReset {
		n.tcpSendActiveReset(sk) // :119
	}
	n.tcpDone(sk) // :120
	n.Mib[core.MibTcpExtTCPAbortOnMemory]++
	return true
}

// tcpOrphanRetries is how often a connection without a program tries again.
func (n *Net) tcpOrphanRetries(sk *core.Sock, alive bool) int {
	kernel.Fentry2(&n.Kernel, sk, alive) // tcp_orphan_retries net/ipv4/tcp_timer.c:140

	retries := int(n.Sysctl.TcpOrphanRetries)
	if sk.SkErrSoft != 0 && !alive {
		retries = 0
	}
	if retries == 0 && alive {
		retries = 8 // some 100 s with the least RTO
	}
	return retries
}

// tcpMtuProbing turns to a smaller MSS when a path swallows large segments, if
// the sysctl allows it.
func (n *Net) tcpMtuProbing(icsk *InetConnectionSock, sk *core.Sock) {
	kernel.Fentry2(&n.Kernel, icsk, sk) // tcp_mtu_probing net/ipv4/tcp_timer.c:156

	if n.Sysctl.TcpMtuProbing == 0 {
		return
	}
	if !icsk.IcskMtup.Enabled {
		icsk.IcskMtup.Enabled = true
		icsk.IcskMtup.ProbeTimestamp = n.TcpJiffies32()
	} else {
		mss := n.tcpMtuToMss(sk, icsk.IcskMtup.SearchLow) >> 1 // :168
		mss = min(int(n.Sysctl.TcpBaseMss), mss)
		mss = max(mss, 68-int(tcpSk(sk).TcpHeaderLen))
		icsk.IcskMtup.SearchLow = n.tcpMssToMtu(sk, mss) // :171
	}
	n.tcpSyncMss(sk, icsk.IcskPmtuCookie) // :173
}

// backoffTime is how many jiffies boundary retransmissions take if each waits
// twice as long as the one before, from the least RTO up to the greatest.
func backoffTime(boundary uint32) uint32 {
	const thresh = 9 // the greatest RTO is 2^9 times the least, and some
	if boundary <= thresh {
		return (2<<boundary - 1) * tcpRtoMin
	}
	return (2<<thresh-1)*tcpRtoMin + (boundary-thresh)*tcpRtoMax
}

// retransmitsTimedOut reports whether the connection has gone unanswered for
// timeout milliseconds, or, with 0, for as long as boundary retransmissions
// take.
func (n *Net) retransmitsTimedOut(sk *core.Sock, boundary, timeout uint32) bool {
	kernel.Fentry3(&n.Kernel, sk, boundary, timeout) // retransmits_timed_out net/ipv4/tcp_timer.c:193

	tp := tcpSk(sk)
	if tp.IcskRetransmits == 0 {
		return false
	}
	start := tcpRetransmitStamp(sk)
	if start == 0 {
		return false
	}
	if timeout == 0 {
		timeout = jiffiesToMsecs(backoffTime(boundary))
	}
	return int32(tcpTimeStamp(tp)-start-timeout) >= 0
}

// tcpWriteTimeout decides, after a retransmission timeout, whether to go on; if
// not it gives the connection up and returns true.
func (n *Net) tcpWriteTimeout(sk *core.Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // tcp_write_timeout net/ipv4/tcp_timer.c:219

	tp := tcpSk(sk)
	var expired bool
	if 1<<sk.SkState&(core.TcpfSynSent|core.TcpfSynRecv) != 0 {
		if tp.IcskRetransmits != 0 {
			n.DstNegativeAdvice(sk) // :228
		} else {
			n.SkRethinkTxhash(sk)
		}
		retryUntil := int(tp.IcskSynRetries)
		if retryUntil == 0 {
			retryUntil = int(n.Sysctl.TcpSynRetries)
		}
		expired = int(tp.IcskRetransmits) >= retryUntil
	} else {
		if n.retransmitsTimedOut(sk, uint32(n.Sysctl.TcpRetries1), 0) { // :235
			n.tcpMtuProbing(&tp.InetConnectionSock, sk) // :237
			n.DstNegativeAdvice(sk)                     // :239
		} else {
			n.SkRethinkTxhash(sk)
		}
		retryUntil := int(n.Sysctl.TcpRetries2)
		if core.SockFlag(sk, core.SockDead) {
			alive := tp.IcskRto < tcpRtoMax
			retryUntil = n.tcpOrphanRetries(sk, alive) // :248
			doReset := alive
			if !alive {
				doReset = !n.retransmitsTimedOut(sk, uint32(retryUntil), 0) // :250
			}
			if n.tcpOutOfResources(sk, doReset) { // :252
				return true
			}
		}
		expired = n.retransmitsTimedOut(sk, uint32(retryUntil), tp.IcskUserTimeout) // :255
	}
	// Fast Open would look for a black hole here.
	if expired {
		n.tcpWriteErr(sk) // :267
		return true
	}
	return false
}

// tcpProbeTimer handles the zero-window probe timer: one more probe, or the end
// of a connection whose other side has not answered for too long.
func (n *Net) tcpProbeTimer(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_probe_timer net/ipv4/tcp_timer.c:603

	tp := tcpSk(sk)
	skb := tcpSendHead(sk)
	if tp.PacketsOut != 0 || skb == nil {
		tp.IcskProbesOut = 0
		return
	}
	start := tcpSkbTimestamp(skb)
	if start == 0 {
		skb.SkbMstampNs = tp.TcpClockCache
	} else if tp.IcskUserTimeout != 0 && int64(int32(tcpTimeStamp(tp)-start)) > int64(tp.IcskUserTimeout) {
		n.tcpWriteErr(sk) // :382
		return
	}
	maxProbes := int(n.Sysctl.TcpRetries2)
	if core.SockFlag(sk, core.SockDead) {
		alive := inetCskRtoBackoff(&tp.InetConnectionSock, tcpRtoMax) < tcpRtoMax
		maxProbes = n.tcpOrphanRetries(sk, alive) // :374
		if !alive && int(tp.IcskBackoff) >= maxProbes {
			n.tcpWriteErr(sk) // :382
			return
		}
		if n.tcpOutOfResources(sk, true) { // :377
			return
		}
	}
	if int(tp.IcskProbesOut) >= maxProbes {
		n.tcpWriteErr(sk) // :382
	} else {
		n.tcpSendProbe0(sk) // :385
	}
}

// tcpRetransmitTimer handles the retransmission timeout: the first unanswered
// segment goes again, all others count as lost, and the next timeout is twice
// as long.
func (n *Net) tcpRetransmitTimer(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_retransmit_timer net/ipv4/tcp_timer.c:432

	tp := tcpSk(sk)
	// A Fast Open server would repeat its SYN-ACK here.
	if tp.PacketsOut == 0 {
		return
	}
	tp.TlpHighSeq = 0
	if tp.SndWnd == 0 && !core.SockFlag(sk, core.SockDead) &&
		1<<sk.SkState&(core.TcpfSynSent|core.TcpfSynRecv) == 0 {
		// The receiver took its window back. What is sent again serves as a
		// probe; as long as the receiver answers this may go on for ever.
		if n.TcpJiffies32()-tp.RcvTstamp > tcpRtoMax {
			n.tcpWriteErr(sk) // :478
			return
		}
		n.tcpEnterLoss(sk)                             // :481
		n.tcpRetransmitSkb(sk, tcpRtxQueueHead(sk), 1) // :482
		n.SkDstReset__(sk)                             // :483
	} else {
		n.Mib[core.MibTcpExtTCPTimeouts]++
		if n.tcpWriteTimeout(sk) { // :488
			return
		}
		if tp.IcskRetransmits == 0 {
			if mib := timeoutMib(tp); mib != 0 {
				n.Mib[mib]++
			}
		}
		n.tcpEnterLoss(sk)                                      // :512
		if n.tcpRetransmitSkb(sk, tcpRtxQueueHead(sk), 1) > 0 { // :514
			// This machine is congested: no backoff.
			tp.IcskRetransmits = max(tp.IcskRetransmits, 1)
			n.inetCskResetXmitTimer(sk, icskTimeRetrans, uint64(min(tp.IcskRto, tcpResourceProbeInterval)), tcpRtoMax) // :520
			return
		}
		tp.IcskBackoff++
		tp.IcskRetransmits++
	}
	if sk.SkState == core.TcpEstablished &&
		(tp.ThinLto || n.Sysctl.TcpThinLinearTimeouts) &&
		tcpStreamIsThin(tp) && tp.IcskRetransmits <= tcpThinLinearRetries {
		// A thin stream has no fast retransmit to help it: no backoff at first.
		tp.IcskBackoff = 0
		tp.IcskRto = min(tcpSetRto__(tp), tcpRtoMax)
	} else {
		tp.IcskRto = min(tp.IcskRto<<1, tcpRtoMax)
	}
	n.inetCskResetXmitTimer(sk, icskTimeRetrans, uint64(tcpClampRtoToUserTimeout(sk)), tcpRtoMax) // :564
	if n.retransmitsTimedOut(sk, uint32(n.Sysctl.TcpRetries1)+1, 0) {                             // :566
		n.SkDstReset__(sk) // :567
	}
}

// timeoutMib is the counter for the recovery that a timeout has cut short; 0
// for none.
func timeoutMib(tp *TcpSock) int {
	sack := tcpIsSack(tp)
	switch {
	case tp.IcskCaState == tcpCaRecovery && sack:
		return core.MibTcpExtTCPSackRecoveryFail
	case tp.IcskCaState == tcpCaRecovery:
		return core.MibTcpExtTCPRenoRecoveryFail
	case tp.IcskCaState == tcpCaLoss:
		return core.MibTcpExtTCPLossFailures
	case tp.IcskCaState != tcpCaDisorder && tp.SackedOut == 0:
		return 0
	case sack:
		return core.MibTcpExtTCPSackFailures
	}
	return core.MibTcpExtTCPRenoFailures
}

// tcpWriteTimerHandler does what the write timer was armed for. Called with
// bottom halves off, for a socket that nobody owns.
func (n *Net) tcpWriteTimerHandler(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_write_timer_handler net/ipv4/tcp_timer.c:579

	tp := tcpSk(sk)
	switch {
	case 1<<sk.SkState&(core.TcpfClose|core.TcpfListen) != 0 || tp.IcskPending == 0:
	case int64(tp.IcskTimeout-n.Jiffies()) > 0:
		n.SkResetTimer(sk, &tp.IcskRetransmitTimer, tp.IcskTimeout) // :584
	default:
		n.tcpMstampRefresh(tp) // :588
		switch tp.IcskPending {
		case IcskTimeReoTimeout:
			n.tcpRackReoTimeout(sk) // :593
		case IcskTimeLossProbe:
			n.tcpSendLossProbe(sk) // :596
		case icskTimeRetrans:
			tp.IcskPending = 0
			n.tcpRetransmitTimer(sk) // :600
		case IcskTimeProbe0:
			tp.IcskPending = 0
			n.tcpProbeTimer(sk) // :604
		}
	}
	n.SkMemReclaim(sk) // :609
}

// tcpWriteTimer is the write timer: it hands on to tcpWriteTimerHandler, or to
// release_sock if a program owns the socket.
func (n *Net) tcpWriteTimer(t *kernel.Timer) {
	kernel.Fentry1(&n.Kernel, t) // tcp_write_timer net/ipv4/tcp_timer.c:616

	sk := t.Owner.(*core.Sock)
	if !core.SockOwnedByUser(sk) {
		n.tcpWriteTimerHandler(sk) // :620
	} else if sk.SkTsqFlags&tcpfWriteTimerDeferred == 0 {
		sk.SkTsqFlags |= tcpfWriteTimerDeferred
		core.SockHold(sk)
	}
	n.SockPut(sk) // :627
}

// tcpSynAckTimeout counts a SYN-ACK that got no answer in time.
func (n *Net) tcpSynAckTimeout(req *RequestSock) {
	kernel.Fentry1(&n.Kernel, req) // tcp_syn_ack_timeout net/ipv4/tcp_timer.c:631

	n.Mib[core.MibTcpExtTCPTimeouts]++
}

// initTimers fills in the kinds of a connection's timers, once for a machine.
func (n *Net) initTimers() {
	n.timerKinds.retransmit = kernel.TimerKind{Name: "retransmit", Runs: "tcp_write_timer", Func: n.tcpWriteTimer}
	n.timerKinds.delack = kernel.TimerKind{Name: "delack", Runs: "tcp_delack_timer", Func: n.tcpDelackTimer}
	n.timerKinds.keepalive = kernel.TimerKind{Name: "keepalive", Runs: "tcp_keepalive_timer", Func: n.tcpKeepaliveTimer}
	n.hrtKinds.pacing = kernel.HrtimerKind{Name: "pacing", Runs: "tcp_pace_kick", Func: n.tcpPaceKick}
	n.hrtKinds.compressedAck = kernel.HrtimerKind{Name: "compressedAck", Runs: "tcp_compressed_ack_kick", Func: n.tcpCompressedAckKick}
}

// tcpInitXmitTimers readies the timers of a new socket.
func (n *Net) tcpInitXmitTimers(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_init_xmit_timers net/ipv4/tcp_timer.c:761

	n.inetCskInitXmitTimers(sk, &n.timerKinds.retransmit, &n.timerKinds.delack, &n.timerKinds.keepalive) // :761
}

// startHrtimer arms a timer that a socket has from the first use on.
func (n *Net) startHrtimer(h **kernel.Hrtimer, kind *kernel.HrtimerKind, sk *core.Sock, expires time.Duration) {
	if *h == nil {
		*h = new(kernel.Hrtimer)
		(*h).Setup(kind, sk)
	}
	n.HrtimerStart(*h, expires)
}
