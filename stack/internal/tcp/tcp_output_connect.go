// Segments that begin and end connections: SYN, SYN-ACK, FIN, RST
// (net/ipv4/tcp_output.c). Fast Open is left out; its places are marked.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// skForcedMemSchedule lets the socket hold size bytes more, whatever the
// limits say: a FIN must not fail for lack of memory.
func (n *Net) skForcedMemSchedule(sk *core.Sock, size int) {
	kernel.Fentry2(&n.Kernel, sk, size) // sk_forced_mem_schedule net/ipv4/tcp_output.c:3064

	if size <= sk.SkForwardAlloc {
		return
	}
	amt := core.SkMemPages(size)
	sk.SkForwardAlloc += amt * core.SkMemQuantum
	sk.SkProt.MemoryAllocated += int64(amt)
}

// tcpSendFin queues a FIN, on the last packet that was not yet sent if there is
// one, and sends what may be sent.
func (n *Net) tcpSendFin(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_send_fin net/ipv4/tcp_output.c:3081

	tp := tcpSk(sk)
	tskb := tcpWriteQueueTail(sk)
	if tskb == nil && n.tcpUnderMemoryPressure(sk) {
		tskb = sk.TcpRtxQueue.Last
	}
	if tskb != nil {
		tskb.Cb.TcpFlags |= tcphdrFin
		tskb.Cb.EndSeq++
		tp.WriteSeq++
		if tcpWriteQueueEmpty(sk) {
			// The packet was sent before: the FIN goes when it is sent again.
			tp.SndNxt++
			return
		}
	} else {
		skb := n.AllocSkbFclone(core.MaxTcpHeader) // :3109
		if skb == nil {
			return
		}
		skb.Reserve(core.MaxTcpHeader)
		n.skForcedMemSchedule(sk, skb.Truesize) // :3117
		tcpInitNondataSkb(skb, tp.WriteSeq, tcphdrAck|tcphdrFin)
		n.tcpQueueSkb(sk, skb) // :3121
	}
	mss := n.tcpCurrentMss(sk)                     // :3123
	n.tcpPushPendingFrames__(sk, mss, tcpNagleOff) // :3123
}

// tcpSendActiveReset tells the other side that the connection is no more.
func (n *Net) tcpSendActiveReset(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_send_active_reset net/ipv4/tcp_output.c:3132

	n.Mib[core.MibTcpOutRsts]++
	skb := n.AllocSkb(core.MaxTcpHeader) // :3138
	if skb == nil {
		n.Mib[core.MibTcpExtTCPAbortFailed]++
		return
	}
	skb.Reserve(core.MaxTcpHeader)
	tcpInitNondataSkb(skb, tcpAcceptableSeq(sk), tcphdrAck|tcphdrRst)
	n.tcpMstampRefresh(tcpSk(sk))          // :3148
	if n.tcpTransmitSkb(sk, skb, 0) != 0 { // :3150
		n.Mib[core.MibTcpExtTCPAbortFailed]++
	}
	if n.Trace != nil {
		n.TraceTcpSendReset(sk, nil)
	}
}

// tcpSendSynack answers a SYN that crossed ours: our SYN, still in the
// retransmit queue, is sent again with an ACK.
func (n *Net) tcpSendSynack(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // tcp_send_synack net/ipv4/tcp_output.c:3166

	skb := tcpRtxQueueHead(sk)
	if skb == nil || skb.Cb.TcpFlags&tcphdrSyn == 0 {
		return -core.EFAULT
	}
	if skb.Cb.TcpFlags&tcphdrAck == 0 {
		if skb.IsCloned() {
			nskb := n.SkbCopy(skb) // :3179
			if nskb == nil {
				return -core.ENOMEM
			}
			n.tcpRtxQueueUnlinkAndFree(skb, sk) // :3184
			nskb.HeaderRelease()
			tcpRbtreeInsert(&sk.TcpRtxQueue, nskb)
			sk.SkWmemQueued += nskb.Truesize
			n.SkMemCharge(sk, nskb.Truesize)
			skb = nskb
		}
		skb.Cb.TcpFlags |= tcphdrAck
		n.tcpEcnSendSynack(sk, skb) // :3193
	}
	return n.tcpTransmitSkb(sk, skb, 1) // :3195
}

// tcpMakeSynack builds the SYN-ACK for req, a request to the listener sk. It
// consumes a reference of dst.
func (n *Net) tcpMakeSynack(sk *core.Sock, dst *core.DstEntry, req *RequestSock, synackType int) *core.SkBuff {
	kernel.Fentry4(&n.Kernel, sk, dst, req, synackType) // tcp_make_synack net/ipv4/tcp_output.c:3211

	skb := n.AllocSkb(core.MaxTcpHeader) // :3221
	if skb == nil {
		n.DstRelease(dst) // :3223
		return nil
	}
	skb.Reserve(core.MaxTcpHeader)
	// menuos does not charge the packet to the request, because requests are
	// not socks here; nothing waits for its memory.
	core.SkbDstSet(skb, dst)
	advmss := n.DstMetricAdvmss(dst) // :3248
	mss := tcpMssClamp(tcpSk(sk), uint16(advmss))
	if req.CookieTs {
		skb.SkbMstampNs = n.cookieInitTimestamp(req) // :3253
	} else {
		skb.SkbMstampNs = n.tcpClockNs()
	}
	skb.Hash = req.Txhash
	var opts tcpOutOptions
	headerSize := n.tcpSynackOptions(sk, req, mss, skb, &opts) // :3263
	headerSize += wire.TCPMinLen
	skb.Push(headerSize)
	skb.ResetTransportHeader()

	th := skb.Tcp()
	th.SetSrcPort(req.SkNum)
	th.SetDstPort(req.SkDport)
	th.SetSeq(req.SntIsn)
	th.SetAck(req.RcvNxt)
	th.SetDataOffFlags(headerSize, wire.SYN|wire.ACK)
	tcpEcnMakeSynack(req, th)
	th.SetWindow(uint16(min(req.RskRcvWnd, u16Max)))
	th.SetChecksum(0)
	th.SetUrgent(0)
	skb.Mark = req.IrMark
	skb.IpSummed = core.ChecksumPartial
	n.tcpOptionsWrite(th[wire.TCPMinLen:headerSize], nil, &opts) // :3284
	n.Mib[core.MibTcpOutSegs]++
	skb.SkbMstampNs = 0
	return skb
}

// tcpCaDstInit would take the congestion control from the route.
func (n *Net) tcpCaDstInit(sk *core.Sock, dst *core.DstEntry) {
	kernel.Fentry2(&n.Kernel, sk, dst) // tcp_ca_dst_init net/ipv4/tcp_output.c:3303

	// menuos has no congestion control in a route's metrics, because no
	// command sets one.
}

// tcpConnectInit readies the socket for its first SYN.
func (n *Net) tcpConnectInit(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_connect_init net/ipv4/tcp_output.c:3323

	tp := tcpSk(sk)
	dst := sk.SkDstCache
	tp.TcpHeaderLen = wire.TCPMinLen
	if n.Sysctl.TcpTimestamps != 0 {
		tp.TcpHeaderLen += tcpolenTstampAligned
	}
	if tp.RxOpt.UserMss != 0 {
		tp.RxOpt.MssClamp = tp.RxOpt.UserMss
	}
	tp.MaxWindow = 0
	n.tcpMtupInit(sk)       // :3345
	mtu := n.DstMtu(dst)    // :3346
	n.tcpSyncMss(sk, mtu)   // :3346
	n.tcpCaDstInit(sk, dst) // :3348
	if tp.WindowClamp == 0 {
		tp.WindowClamp = dst.Metrics[core.RtaxWindow]
	}
	advmss := n.DstMetricAdvmss(dst) // :3352
	tp.Advmss = tcpMssClamp(tp, uint16(advmss))
	n.tcpInitializeRcvMss(sk) // :3354

	full := n.tcpFullSpace(sk)
	if sk.SkUserlocks&core.SockRcvbufLock != 0 && (tp.WindowClamp > uint32(full) || tp.WindowClamp == 0) {
		tp.WindowClamp = uint32(full)
	}
	mss := uint32(tp.Advmss)
	if tp.RxOpt.TsRecentStamp != 0 {
		mss -= uint32(tp.TcpHeaderLen) - wire.TCPMinLen
	}
	wscaleOk := n.Sysctl.TcpWindowScaling
	initRwnd := dst.Metrics[core.RtaxInitrwnd]
	n.tcpSelectInitialWindow(sk, full, mss, &tp.RcvWnd, &tp.WindowClamp, wscaleOk, &tp.RxOpt.RcvWscale, initRwnd) // :3365
	tp.RcvSsthresh = tp.RcvWnd

	sk.SkErr = 0
	core.SockResetFlag(sk, core.SockDone)
	tp.SndWnd = 0
	tp.SndWl1 = 0
	n.tcpWriteQueuePurge(sk) // :3380
	tp.SndUna = tp.WriteSeq
	tp.SndSml = tp.WriteSeq
	tp.SndUp = tp.WriteSeq
	tp.SndNxt = tp.WriteSeq
	tp.RcvNxt = 0
	tp.RcvWup = tp.RcvNxt
	tp.CopiedSeq = tp.RcvNxt
	tp.IcskRto = tcpTimeoutInit
	tp.IcskRetransmits = 0
	n.tcpClearRetrans(tp) // :3395
}

// tcpConnectQueueSkb accounts for the SYN as for a packet that is sent.
func (n *Net) tcpConnectQueueSkb(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_connect_queue_skb net/ipv4/tcp_output.c:3399

	tp := tcpSk(sk)
	skb.Cb.EndSeq += uint32(skb.Len)
	skb.HeaderRelease()
	sk.SkWmemQueued += skb.Truesize
	n.SkMemCharge(sk, skb.Truesize)
	tp.WriteSeq = skb.Cb.EndSeq
	tp.PacketsOut += uint32(skb.Cb.TcpGsoSegs)
}

// tcpConnect sends the SYN and arms the timer that repeats it. The addresses,
// the route and the initial sequence number are already chosen.
func (n *Net) tcpConnect(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // tcp_connect net/ipv4/tcp_output.c:3506

	tp := tcpSk(sk)
	if tp.IcskAfOps.RebuildHeader(sk) != 0 { // :3513
		return -core.EHOSTUNREACH
	}
	n.tcpConnectInit(sk)                    // :3516
	buff := n.skStreamAllocSkb(sk, 0, true) // :3523
	if buff == nil {
		return -core.ENOBUFS
	}
	tcpInitNondataSkb(buff, tp.WriteSeq, tcphdrSyn)
	tp.WriteSeq++
	n.tcpMstampRefresh(tp) // :3528
	tp.RetransStamp = tcpTimeStamp(tp)
	n.tcpConnectQueueSkb(sk, buff) // :3530
	n.tcpEcnSendSyn(sk, buff)      // :3531
	tcpRbtreeInsert(&sk.TcpRtxQueue, buff)
	// With Fast Open the SYN would go through tcp_send_syn_data here.
	err := n.tcpTransmitSkb(sk, buff, 1) // :3535
	if err == -core.ECONNREFUSED {
		return err
	}
	// SND.NXT moves only now, so that the SYN counted as new in OutSegs.
	tp.SndNxt = tp.WriteSeq
	tp.PushedSeq = tp.WriteSeq
	if buff = tcpSendHead(sk); buff != nil {
		tp.SndNxt = buff.Cb.Seq
		tp.PushedSeq = buff.Cb.Seq
	}
	n.Mib[core.MibTcpActiveOpens]++
	n.inetCskResetXmitTimer(sk, icskTimeRetrans, uint64(tp.IcskRto), tcpRtoMax) // :3553
	return 0
}

// tcpRtxSynack sends the SYN-ACK for req again.
func (n *Net) tcpRtxSynack(sk *core.Sock, req *RequestSock) int {
	kernel.Fentry2(&n.Kernel, sk, req) // tcp_rtx_synack net/ipv4/tcp_output.c:3789

	var fl ipv4.Flowi4
	req.Txhash = n.NetTxRndhash()
	res := n.reqOps.SendSynack(sk, nil, &fl, req, tcpSynackNormal) // :3795
	if res == 0 {
		n.Mib[core.MibTcpRetransSegs]++
		n.Mib[core.MibTcpExtTCPSynRetrans]++
	}
	return res
}
