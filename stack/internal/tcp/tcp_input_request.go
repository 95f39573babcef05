// A SYN that arrives at a listener: the half-open connection made for it, and
// what keeps a flood of SYNs off; after the end of net/ipv4/tcp_input.c.
//
// Left out: Fast Open (tcp_try_fastopen would stand before the request is
// hashed) and security hooks.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// dstFeatureEcnCa says that the route's congestion control wants ECN; of the
// route's features it and ECN itself bear on a request (DST_FEATURE_ECN_MASK).
const (
	rtaxFeatureEcn    = 1 << 0
	dstFeatureEcnCa   = 1 << 31
	dstFeatureEcnMask = dstFeatureEcnCa | rtaxFeatureEcn
)

// prDropReq is where Linux logs a request that was dropped; menuos has no log.
func (n *Net) prDropReq(req *RequestSock, port uint16) {
	kernel.Fentry2(&n.Kernel, req, port) // pr_drop_req net/ipv4/tcp_input.c:6264
}

// tcpEcnCreateRequest notes in req whether the connection may use ECN: the SYN
// asked for it, and was not itself marked as capable, which it must not be.
func (n *Net) tcpEcnCreateRequest(req *RequestSock, skb *core.SkBuff, listenSk *core.Sock, dst *core.DstEntry) {
	kernel.Fentry4(&n.Kernel, req, skb, listenSk, dst) // tcp_ecn_create_request net/ipv4/tcp_input.c:6293

	const both = wire.ECE | wire.CWR
	if skb.Tcp().Flags()&both != both {
		return
	}
	ect := skb.Cb.IpDsfield&inetEcnMask != inetEcnNotEct
	features := dst.Metrics[core.RtaxFeatures] & dstFeatureEcnMask
	ecnOk := n.Sysctl.TcpEcn != 0 || features != 0
	if !ect && ecnOk || tcpCaNeedsEcn(listenSk) || features&dstFeatureEcnCa != 0 {
		req.EcnOk = true
	}
}

// tcpOpenreqInit fills req from the SYN skb, whose options are in rxOpt.
func (n *Net) tcpOpenreqInit(req *RequestSock, rxOpt *TcpOptionsReceived, skb *core.SkBuff, sk *core.Sock) {
	kernel.Fentry3(&n.Kernel, req, skb, sk) // tcp_openreq_init net/ipv4/tcp_input.c:6316

	th := skb.Tcp()
	req.RskRcvWnd = 0
	req.CookieTs = false
	req.RcvIsn = skb.Cb.Seq
	req.RcvNxt = skb.Cb.Seq + 1
	req.SntSynack = n.tcpClockUs()
	req.LastOowAckTime = 0
	req.Mss = rxOpt.MssClamp
	req.TsRecent = 0
	if rxOpt.SawTstamp {
		req.TsRecent = rxOpt.RcvTsval
	}
	req.TstampOk = rxOpt.TstampOk
	req.SackOk = rxOpt.SackOk != 0
	req.SndWscale = rxOpt.SndWscale
	req.WscaleOk = rxOpt.WscaleOk
	req.Acked = false
	req.EcnOk = false
	req.SkDport = th.SrcPort()
	req.SkNum = th.DstPort()
	req.IrMark = ipv4.InetRequestMark(sk, skb)
}

// inetReqskAlloc makes a half-open connection for a listener. Unless
// attachListener is set it does not hold the listener, as one for a SYN cookie.
func (n *Net) inetReqskAlloc(ops *RequestSockOps, skListener *core.Sock, attachListener bool) *RequestSock {
	kernel.Fentry2(&n.Kernel, skListener, attachListener) // inet_reqsk_alloc net/ipv4/tcp_input.c:6344

	req := n.reqskAlloc(ops, skListener, attachListener) // :6344
	if req != nil {
		req.IreqOpt = nil
		req.SkState = core.TcpNewSynRecv
		req.SkNet = skListener.SkNet
		req.SkFamily = skListener.SkFamily
	}
	return req
}

// tcpSynFloodAction is asked when the queue of half-open connections is full. It
// counts that and reports whether to answer with a SYN cookie.
func (n *Net) tcpSynFloodAction(sk *core.Sock, skb *core.SkBuff) bool {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_syn_flood_action net/ipv4/tcp_input.c:6371

	wantCookie := n.Sysctl.TcpSyncookies != 0
	if wantCookie {
		n.Mib[core.MibTcpExtTCPReqQFullDoCookies]++
	} else {
		n.Mib[core.MibTcpExtTCPReqQFullDrop]++
	}
	if n.Sysctl.TcpSyncookies != 2 {
		inetCsk(sk).IcskAcceptQueue.SynfloodWarned = true
	}
	return wantCookie
}

// tcpReqskRecordSyn keeps the headers of the SYN for TCP_SAVED_SYN.
func (n *Net) tcpReqskRecordSyn(sk *core.Sock, req *RequestSock, skb *core.SkBuff) {
	kernel.Fentry3(&n.Kernel, sk, req, skb) // tcp_reqsk_record_syn net/ipv4/tcp_input.c:6398

	if tcpSk(sk).SaveSyn {
		end := skb.TransportHeader + skb.Tcp().DataOff()
		req.SavedSyn = append([]byte(nil), skb.Head.B[skb.NetworkHeader:end]...)
	}
}

// tcpConnRequest answers a SYN with a SYN-ACK: after it has put a half-open
// connection into the hash table, or, when there are too many of them, with all
// that must be known in the SYN-ACK's own sequence number. It returns 0 also when
// it drops the SYN; skb stays the caller's.
func (n *Net) tcpConnRequest(rskOps *RequestSockOps, afOps *tcpRequestSockOps, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_conn_request net/ipv4/tcp_input.c:6414

	var (
		tmpOpt     TcpOptionsReceived
		fl         ipv4.Flowi4
		tp         = tcpSk(sk)
		isn        = skb.Cb.TcpTwIsn // nonzero: the SYN follows upon a TIME_WAIT
		wantCookie bool
	)
	if (n.Sysctl.TcpSyncookies == 2 || inetCskReqskQueueIsFull(sk)) && isn == 0 {
		wantCookie = n.tcpSynFloodAction(sk, skb) // :6432
		if !wantCookie {
			n.traceDrop(sk, skb, "SYN queue full")
			n.tcpListendrop(sk) // :6547
			return 0
		}
	}
	if core.SkAcceptqIsFull(sk) {
		n.Mib[core.MibTcpExtListenOverflows]++
		n.traceDrop(sk, skb, "accept queue full")
		n.tcpListendrop(sk) // :6547
		return 0
	}
	req := n.inetReqskAlloc(rskOps, sk, !wantCookie) // :6442
	if req == nil {
		n.tcpListendrop(sk) // :6547
		return 0
	}
	req.TsOff = 0

	tmpOpt.MssClamp = afOps.MssClamp
	tmpOpt.UserMss = tp.RxOpt.UserMss
	n.tcpParseOptions(skb, &tmpOpt, false) // :6452
	if wantCookie && !tmpOpt.SawTstamp {
		tcpClearOptions(&tmpOpt) // no room to remember them
	}
	tmpOpt.TstampOk = tmpOpt.SawTstamp
	n.tcpOpenreqInit(req, &tmpOpt, skb, sk) // :6462
	req.NoSrccheck = tp.Transparent
	req.SkBoundDevIf = ipv4.InetRequestBoundDevIf(sk, skb)
	afOps.InitReq(req, sk, skb) // :6468
	if tmpOpt.TstampOk {
		req.TsOff = afOps.InitTsOff(skb) // :6474
	}

	dst := afOps.RouteReq(sk, &fl, req) // :6476
	if dst == nil {
		n.reqskFree(req)    // :6545
		n.tcpListendrop(sk) // :6547
		return 0
	}
	if !wantCookie && isn == 0 {
		// Without cookies the last quarter of the queue is for those who were
		// seen alive.
		backlog := n.Sysctl.MaxSynBacklog
		if n.Sysctl.TcpSyncookies == 0 && backlog-inetCskReqskQueueLen(sk) < backlog>>2 {
			if !n.tcpPeerIsProven(req, dst) { // :6485
				n.traceDrop(sk, skb, "SYN queue nearly full")
				n.prDropReq(req, skb.Tcp().SrcPort()) // :6493
				n.DstRelease(dst)                     // :6543
				n.reqskFree(req)                      // :6545
				n.tcpListendrop(sk)                   // :6547
				return 0
			}
		}
		isn = afOps.InitSeq(skb) // :6498
	}
	n.tcpEcnCreateRequest(req, skb, sk, dst) // :6501
	if wantCookie {
		isn = n.cookieInitSequence(afOps, sk, skb, &req.Mss) // :6504
		req.CookieTs = tmpOpt.TstampOk
		if !tmpOpt.TstampOk {
			req.EcnOk = false
		}
	}
	req.SntIsn = isn
	req.Txhash = n.NetTxRndhash()
	n.tcpOpenreqInitRwin(req, sk, dst) // :6512
	if !wantCookie {
		n.tcpReqskRecordSyn(sk, req, skb) // :6515
	}
	req.TfoListener = false

	if wantCookie {
		afOps.SendSynack(sk, dst, &fl, req, tcpSynackCookie) // :6531
		n.reqskFree(req)                                     // :6535
		return 0
	}
	n.inetCskReqskQueueHashAdd(sk, req, tcpTimeoutInit)  // :6529
	afOps.SendSynack(sk, dst, &fl, req, tcpSynackNormal) // :6531
	n.reqskPut(req)                                      // :6539
	return 0
}
