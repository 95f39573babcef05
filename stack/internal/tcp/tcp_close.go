// The end of a connection, as the program asks for it (net/ipv4/tcp.c): close,
// shutdown and disconnect. Left out: repair and fast open.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
)

const (
	tcpStateMask = 0xf
	tcpActionFin = 1 << 7
)

// tcpNewState is the state after a close in each state, and whether a FIN is to
// be sent (new_state).
func tcpNewState(state uint8) int {
	switch state {
	case core.TcpEstablished, core.TcpSynRecv:
		return core.TcpFinWait1 | tcpActionFin
	case core.TcpCloseWait:
		return core.TcpLastAck | tcpActionFin
	case core.TcpFinWait1, core.TcpFinWait2, core.TcpLastAck, core.TcpClosing:
		return int(state)
	}
	return core.TcpClose
}

// tcpCloseState moves the socket on and reports whether a FIN is to be sent.
func (n *Net) tcpCloseState(sk *core.Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // tcp_close_state net/ipv4/tcp.c:2273

	next := tcpNewState(sk.SkState)
	n.tcpSetState(sk, next&tcpStateMask) // :2276
	return next&tcpActionFin != 0
}

// tcpShutdown ends sending; what is queued goes out first.
func (n *Net) tcpShutdown(sk *core.Sock, how int) {
	kernel.Fentry2(&n.Kernel, sk, how) // tcp_shutdown net/ipv4/tcp.c:2292

	if how&core.SendShutdown == 0 {
		return
	}
	if 1<<sk.SkState&(core.TcpfEstablished|core.TcpfSynSent|core.TcpfSynRecv|core.TcpfCloseWait) != 0 {
		if n.tcpCloseState(sk) { // :2300
			n.tcpSendFin(sk) // :2301
		}
	}
}

// tcpClose takes the socket from the program. The connection ends with a FIN, or
// with a RST if data was not read or SO_LINGER is 0; meanwhile it lives on as an
// orphan, at the end as a remnant.
func (n *Net) tcpClose(sk *core.Sock, timeout int64) {
	kernel.Fentry2(&n.Kernel, sk, timeout) // tcp_close net/ipv4/tcp.c:2323

	n.LockSock(sk) // :2326
	sk.SkShutdown = core.ShutdownMask
	if sk.SkState == core.TcpListen {
		n.tcpSetState(sk, core.TcpClose) // :2330
		n.inetCskListenStop(sk)          // :2333
	} else {
		unread := uint32(0)
		for skb := sk.SkReceiveQueue.Dequeue(); skb != nil; skb = sk.SkReceiveQueue.Dequeue() {
			unread += skb.Cb.EndSeq - skb.Cb.Seq
			if skb.Cb.TcpFlags&tcphdrFin != 0 {
				unread--
			}
			n.KfreeSkb__(skb) // :2348
		}
		n.SkMemReclaim(sk) // :2351
		if sk.SkState != core.TcpClose {
			if unread != 0 {
				n.Mib[core.MibTcpExtTCPAbortOnClose]++
				n.tcpSetState(sk, core.TcpClose) // :2369
				n.tcpSendActiveReset(sk)         // :2370
			} else if core.SockFlag(sk, core.SockLinger) && sk.SkLingertime == 0 {
				sk.SkProt.Disconnect(sk, 0) // :2373
				n.Mib[core.MibTcpExtTCPAbortOnData]++
			} else if n.tcpCloseState(sk) { // :2375
				n.tcpSendFin(sk) // :2405
			}
			n.SkStreamWaitClose(sk, timeout) // :2408
		}
	}

	state := sk.SkState
	core.SockHold(sk)
	n.SockOrphan(sk)
	n.LocalBhDisable()
	n.ReleaseSock__(sk) // :2418
	sk.SkProt.OrphanCount++
	if state != core.TcpClose && sk.SkState == core.TcpClose {
		// The backlog has already brought the end.
		n.LocalBhEnable() // :2486
		n.ReleaseSock(sk) // :2487
		n.SockPut(sk)     // :2488
		return
	}
	handedOver := false
	if sk.SkState == core.TcpFinWait2 {
		tmo := n.tcpFinTime(sk)
		switch {
		case tcpSk(sk).Linger2 < 0:
			n.tcpSetState(sk, core.TcpClose) // :2443
			n.tcpSendActiveReset(sk)         // :2444
			n.Mib[core.MibTcpExtTCPAbortOnLinger]++
		case tmo > tcpTimewaitLen:
			n.inetCskResetKeepaliveTimer(sk, uint64(tmo-tcpTimewaitLen)) // :2451
		default:
			n.tcpTimeWait(sk, core.TcpFinWait2, tmo) // :2454
			handedOver = true
		}
	}
	if !handedOver {
		if sk.SkState != core.TcpClose {
			n.SkMemReclaim(sk)        // :2460
			if n.tcpCheckOom(sk, 0) { // :2461
				n.tcpSetState(sk, core.TcpClose) // :2462
				n.tcpSendActiveReset(sk)         // :2463
				n.Mib[core.MibTcpExtTCPAbortOnMemory]++
			}
		}
		if sk.SkState == core.TcpClose {
			n.inetCskDestroySock(sk) // :2480
		}
	}
	n.LocalBhEnable() // :2486
	n.ReleaseSock(sk) // :2487
	n.SockPut(sk)     // :2488
}

// tcpNeedReset reports whether an abort in this state tells the other side
// (tcp_need_reset).
func tcpNeedReset(state int) bool {
	return 1<<state&(core.TcpfEstablished|core.TcpfCloseWait|core.TcpfFinWait1|core.TcpfFinWait2|core.TcpfSynRecv) != 0
}

// tcpRtxQueuePurge frees the retransmit queue.
func (n *Net) tcpRtxQueuePurge(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_rtx_queue_purge net/ipv4/tcp.c:2503

	for skb := sk.TcpRtxQueue.First; skb != nil; skb = sk.TcpRtxQueue.First {
		skb.TsortedNext, skb.TsortedPrev = nil, nil
		tcpRtxQueueUnlink(skb, sk)
		n.SkWmemFreeSkb(sk, skb) // :2513
	}
}

// tcpWriteQueuePurge frees all that was to be sent, or sent again.
func (n *Net) tcpWriteQueuePurge(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_write_queue_purge net/ipv4/tcp.c:2521

	tp := tcpSk(sk)
	n.tcpChronoStop(sk, tcpChronoBusy) // :2521
	for skb := sk.SkWriteQueue.Dequeue(); skb != nil; skb = sk.SkWriteQueue.Dequeue() {
		tcpSkbTsortedAnchorCleanup(skb)
		n.SkWmemFreeSkb(sk, skb) // :2524
	}
	n.tcpRtxQueuePurge(sk) // :2526
	tp.TsortedFirst, tp.TsortedLast = nil, nil
	n.SkMemReclaim(sk) // :2528
	tcpClearAllRetransHints(tp)
	tp.PacketsOut = 0
	tp.IcskBackoff = 0
}

// tcpDisconnect aborts a connection and leaves a socket that can connect again.
func (n *Net) tcpDisconnect(sk *core.Sock, flags int) int {
	kernel.Fentry2(&n.Kernel, sk, flags) // tcp_disconnect net/ipv4/tcp.c:2539

	inet := ipv4.InetSk(sk)
	tp := tcpSk(sk)
	oldState := int(sk.SkState)
	if oldState != core.TcpClose {
		n.tcpSetState(sk, core.TcpClose) // :2542
	}
	switch {
	case oldState == core.TcpListen:
		n.inetCskListenStop(sk) // :2546
	case tcpNeedReset(oldState) ||
		tp.SndNxt != tp.WriteSeq && 1<<oldState&(core.TcpfClosing|core.TcpfLastAck) != 0:
		n.tcpSendActiveReset(sk) // :2555
		sk.SkErr = core.ECONNRESET
	case oldState == core.TcpSynSent:
		sk.SkErr = core.ECONNRESET
	}
	n.tcpClearXmitTimers(sk)              // :2560
	n.SkbQueuePurge__(&sk.SkReceiveQueue) // :2561
	tp.CopiedSeq = tp.RcvNxt
	tp.UrgData = 0
	n.tcpWriteQueuePurge(sk)              // :2564
	n.SkbRbtreePurge(&tp.OutOfOrderQueue) // :2566
	tp.OooLastSkb = nil
	sk.SkDport = 0
	if sk.SkUserlocks&core.SockBindaddrLock == 0 {
		inet.InetSaddr, sk.SkRcvSaddr = 0, 0
	}
	sk.SkShutdown = 0
	core.SockResetFlag(sk, core.SockDone)
	tp.SrttUs = 0
	tp.RcvRttLastTsecr = 0
	tp.WriteSeq += tp.MaxWindow + 2
	if tp.WriteSeq == 0 {
		tp.WriteSeq = 1
	}
	tp.SndCwnd = 2
	tp.IcskProbesOut = 0
	tp.SndSsthresh = tcpInfiniteSsthresh
	tp.SndCwndCnt = 0
	tp.WindowClamp = 0
	tp.DeliveredCe = 0
	n.tcpSetCaState(sk, tcpCaOpen) // :2586
	tp.IsSackReneg = false
	n.tcpClearRetrans(tp) // :2588
	inetCskDelackInit(sk)
	tp.IcskAck.RcvMss = tcpMinMss // never 0: it is divided by
	tp.RxOpt = TcpOptionsReceived{}
	n.SkDstReset__(sk)
	n.DstRelease(sk.SkRxDst) // :2596
	sk.SkRxDst = nil
	tcpSavedSynFree(tp)
	tp.CompressedAck = 0
	tp.BytesSent, tp.BytesRetrans = 0, 0
	tp.DuplicateSack[0] = TcpSackBlock{}
	tp.DsackDups = 0
	tp.ReordSeen = 0
	inet.DeferConnect = false
	if sk.SkFrag.Page != nil {
		n.PutPage(sk.SkFrag.Page)
		sk.SkFrag = core.PageFrag{}
	}
	sk.SkErrorReport(sk) // :2619
	return 0
}
