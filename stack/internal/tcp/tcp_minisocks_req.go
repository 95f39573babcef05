// From half-open connection to socket: the window to offer in a SYN-ACK, the
// segments that arrive for a half-open connection, and the child made by the one
// that completes the handshake; after net/ipv4/tcp_minisocks.c.
//
// Left out: Fast Open, whose request outlives its handshake (the fastopen
// parameter of tcp_check_req stands for its place), MD5 keys, SMC and BPF.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpOpenreqInitRwin chooses the window and its scale that the SYN-ACK offers.
func (n *Net) tcpOpenreqInitRwin(req *RequestSock, skListener *core.Sock, dst *core.DstEntry) {
	kernel.Fentry3(&n.Kernel, req, skListener, dst) // tcp_openreq_init_rwin net/ipv4/tcp_minisocks.c:355

	tp := tcpSk(skListener)
	fullSpace := n.tcpFullSpace(skListener)
	mss := int(tcpMssClamp(tp, uint16(n.DstMetricAdvmss(dst)))) // :364

	req.RskWindowClamp = tp.WindowClamp
	if req.RskWindowClamp == 0 {
		req.RskWindowClamp = dst.Metrics[core.RtaxWindow]
	}
	if skListener.SkUserlocks&core.SockRcvbufLock != 0 && (int(req.RskWindowClamp) > fullSpace || req.RskWindowClamp == 0) {
		req.RskWindowClamp = uint32(fullSpace)
	}
	if req.TstampOk {
		mss -= tcpolenTstampAligned
	}
	initRwnd := dst.Metrics[core.RtaxInitrwnd]
	n.tcpSelectInitialWindow(skListener, fullSpace, uint32(mss), &req.RskRcvWnd, &req.RskWindowClamp, req.WscaleOk, &req.RcvWscale, initRwnd) // :381
}

// tcpEcnOpenreqChild gives the child what the handshake agreed on.
func tcpEcnOpenreqChild(tp *TcpSock, req *RequestSock) {
	tp.EcnFlags = 0
	if req.EcnOk {
		tp.EcnFlags = tcpEcnOk
	}
}

// tcpCaOpenreqChild gives the child its congestion control: the listener's, if a
// program chose that, or else the default. menuos does not let a route choose
// the congestion control, because its ip command has no word for it.
func (n *Net) tcpCaOpenreqChild(sk *core.Sock, dst *core.DstEntry) {
	kernel.Fentry2(&n.Kernel, sk, dst) // tcp_ca_openreq_child net/ipv4/tcp_minisocks.c:400

	if !inetCsk(sk).IcskCaSetsockopt {
		n.tcpAssignCongestionControl(sk) // :421
	}
	n.tcpSetCaState(sk, tcpCaOpen) // :423
}

// tcpCreateOpenreqChild makes the socket of a connection whose handshake the
// segment skb completes, a copy of the listener in SYN_RECV. nil: there is no
// memory.
func (n *Net) tcpCreateOpenreqChild(sk *core.Sock, req *RequestSock, skb *core.SkBuff) *core.Sock {
	kernel.Fentry3(&n.Kernel, sk, req, skb) // tcp_create_openreq_child net/ipv4/tcp_minisocks.c:452

	newsk := n.inetCskCloneLock(sk, req) // :452
	if newsk == nil {
		return nil
	}
	tp := tcpSk(newsk)
	now := n.TcpJiffies32()

	tp.PredFlags = 0
	tp.RcvNxt = req.RcvIsn + 1
	tp.RcvWup = tp.RcvNxt
	tp.CopiedSeq = tp.RcvNxt
	tp.SegsIn = 1
	tp.SndNxt = req.SntIsn + 1
	tp.SndSml, tp.SndUna, tp.SndUp = tp.SndNxt, tp.SndNxt, tp.SndNxt
	tp.TsortedFirst, tp.TsortedLast = nil, nil
	tcpInitWl(tp, req.RcvIsn)

	tp.SrttUs = 0
	tp.MdevUs = tcpTimeoutInit * (1000000 / kernel.HZ)
	minmaxReset(&tp.RttMin, now, ^uint32(0))
	tp.IcskRto = tcpTimeoutInit
	tp.IcskAck.Lrcvtime = now

	tp.PacketsOut, tp.RetransOut, tp.SackedOut = 0, 0, 0
	tp.SndSsthresh = tcpInfiniteSsthresh
	tp.TlpHighSeq = 0
	tp.Lsndtime = now
	newsk.SkTxhash = req.Txhash
	tp.LastOowAckTime = 0
	tp.TotalRetrans = uint32(req.NumRetrans)
	tp.SndCwnd = tcpInitCwndDefault
	tp.SndCwndCnt = 0
	tp.AppLimited = ^uint32(0) // nothing is in flight before the first ACK

	n.tcpInitXmitTimers(newsk) // :509
	tp.WriteSeq = req.SntIsn + 1
	tp.PushedSeq = tp.WriteSeq
	tp.RxOpt.SawTstamp = false
	tp.RxOpt.Dsack = false
	tp.RxOpt.NumSacks = 0
	tp.UrgData = 0
	if core.SockFlag(newsk, core.SockKeepopen) {
		n.inetCskResetKeepaliveTimer(newsk, uint64(n.keepaliveTimeWhen(tp))) // :520
	}
	n.childOptions(tp, req)
	tp.SndWnd = uint32(skb.Tcp().Window()) << tp.RxOpt.SndWscale
	tp.MaxWindow = tp.SndWnd
	if skb.Len >= tcpMssDefault+int(tp.TcpHeaderLen) {
		tp.IcskAck.LastSegSize = uint16(skb.Len - int(tp.TcpHeaderLen))
	}
	tp.RxOpt.MssClamp = req.Mss
	tcpEcnOpenreqChild(tp, req)

	tp.Rack.Mstamp = 0
	tp.Rack.Advanced = false
	tp.Rack.ReoWndSteps = 1
	tp.Rack.LastDelivered = 0
	tp.Rack.ReoWndPersist = 0
	tp.Rack.DsackSeen = false

	n.Mib[core.MibTcpPassiveOpens]++
	return newsk
}

// childOptions gives the child the options and windows that the handshake agreed
// on. It stands for the middle of tcp_create_openreq_child.
func (n *Net) childOptions(tp *TcpSock, req *RequestSock) {
	opt := &tp.RxOpt
	opt.TstampOk = req.TstampOk
	opt.SackOk = 0
	if req.SackOk {
		opt.SackOk = tcpSackSeen
	}
	tp.WindowClamp = req.RskWindowClamp
	tp.RcvSsthresh = req.RskRcvWnd
	tp.RcvWnd = req.RskRcvWnd
	opt.WscaleOk = req.WscaleOk
	if opt.WscaleOk {
		opt.SndWscale, opt.RcvWscale = req.SndWscale, req.RcvWscale
	} else {
		opt.SndWscale, opt.RcvWscale = 0, 0
		tp.WindowClamp = min(tp.WindowClamp, 65535)
	}
	tp.TcpHeaderLen = wire.TCPMinLen
	opt.TsRecentStamp = 0
	if opt.TstampOk {
		opt.TsRecent = req.TsRecent
		opt.TsRecentStamp = n.ktimeGetSeconds()
		tp.TcpHeaderLen += tcpolenTstampAligned
	}
	tp.Tsoffset = req.TsOff
}

// tcpCheckReq processes a segment for the half-open connection req of the
// listener sk. It returns the child if the handshake is complete, sk if the
// listener is to answer, with a RST, and nil if skb is dealt with or to be
// dropped. reqStolen says that another segment has made the child meanwhile.
func (n *Net) tcpCheckReq(sk *core.Sock, skb *core.SkBuff, req *RequestSock, fastopen bool) (nsk *core.Sock, reqStolen bool) {
	kernel.Fentry4(&n.Kernel, sk, skb, req, fastopen) // tcp_check_req net/ipv4/tcp_minisocks.c:587

	var tmpOpt TcpOptionsReceived
	th := skb.Tcp()
	flg := th.Flags() & (wire.RST | wire.SYN | wire.ACK)
	pawsReject := false
	if th.DataOff() > wire.TCPMinLen {
		n.tcpParseOptions(skb, &tmpOpt, false) // :597
		if tmpOpt.SawTstamp {
			tmpOpt.TsRecent = req.TsRecent
			if tmpOpt.RcvTsecr != 0 {
				tmpOpt.RcvTsecr -= req.TsOff
			}
			// When ts_recent was stored is not kept, but follows from how often
			// the SYN-ACK has been sent.
			tmpOpt.TsRecentStamp = n.ktimeGetSeconds() - tcpTimeoutInit/kernel.HZ<<req.NumTimeout
			pawsReject = n.tcpPawsReject(&tmpOpt, flg&wire.RST != 0)
		}
	}

	// The SYN again: so is the SYN-ACK, and its timer starts over.
	if skb.Cb.Seq == req.RcvIsn && flg == wire.SYN && !pawsReject {
		if !n.tcpOowRateLimited(skb, core.MibTcpExtTCPACKSkippedSynRecv, &req.LastOowAckTime) { // :639
			if n.inetRtxSynAck(sk, req) == 0 { // :643
				if req.RskTimer.Pending() {
					n.ModTimer(&req.RskTimer, n.Jiffies()+uint64(min(tcpTimeoutInit<<req.NumTimeout, tcpRtoMax)))
				}
			}
		}
		return nil, false
	}

	if flg&wire.ACK != 0 && skb.Cb.AckSeq != req.SntIsn+1 {
		return sk, false
	}
	if pawsReject || !tcpInWindow(skb.Cb.Seq, skb.Cb.EndSeq, req.RcvNxt, req.RcvNxt+req.RskRcvWnd) {
		if flg&wire.RST == 0 && !n.tcpOowRateLimited(skb, core.MibTcpExtTCPACKSkippedSynRecv, &req.LastOowAckTime) { // :729
			req.RskOps.SendAck(sk, skb, req) // :732
		}
		if pawsReject {
			n.Mib[core.MibTcpExtPAWSEstab]++
		}
		return nil, false
	}
	if tmpOpt.SawTstamp && !wire.After(skb.Cb.Seq, req.RcvNxt) {
		req.TsRecent = tmpOpt.RcvTsval
	}
	if skb.Cb.Seq == req.RcvIsn {
		flg &^= wire.SYN // before the window: as good as not there
	}
	switch {
	case flg&(wire.RST|wire.SYN) != 0:
		n.Mib[core.MibTcpAttemptFails]++
	case flg&wire.ACK == 0:
		return nil, false
	case req.NumTimeout < tcpSk(sk).IcskAcceptQueue.RskqDeferAccept && skb.Cb.EndSeq == req.RcvIsn+1:
		req.Acked = true // TCP_DEFER_ACCEPT waits for data
		n.Mib[core.MibTcpExtTCPDeferAcceptDrop]++
		return nil, false
	default:
		child, ownReq := tcpSk(sk).IcskAfOps.SynRecvSock(sk, skb, req, nil, req) // :786
		if child != nil {
			n.tcpSynackRttMeas(child, req)                           // :792
			nsk = n.inetCskCompleteHashdance(sk, child, req, ownReq) // :794
			return nsk, !ownReq
		}
		if !n.Sysctl.TcpAbortOnOverflow {
			req.Acked = true
			return nil, false
		}
	}
	if flg&wire.RST == 0 {
		req.RskOps.SendReset(&sk.SockCommon, skb) // :809
	}
	n.inetCskReqskQueueDrop(sk, req) // :815
	n.Mib[core.MibTcpExtEmbryonicRsts]++
	return nil, false
}

// tcpChildProcess hands the segment that made child to it, and wakes a program
// that waits for connections. It releases the lock and the hold that child came
// with.
func (n *Net) tcpChildProcess(parent, child *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, parent, child, skb) // tcp_child_process net/ipv4/tcp_minisocks.c:838

	ret := 0
	state := child.SkState
	tcpSegsIn(tcpSk(child), skb)
	if !core.SockOwnedByUser(child) {
		ret = n.tcpRcvStateProcess(child, skb) // :845
		if state == core.TcpSynRecv && child.SkState != state {
			parent.SkDataReady(parent) // :848
		}
	} else {
		core.SkAddBacklog__(child, skb)
	}
	n.SockPut(child) // :858
	return ret
}
