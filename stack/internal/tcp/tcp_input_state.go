// Segments that arrive in any state but ESTABLISHED and TIME_WAIT: opening from
// both sides, one after the other or at once, and closing; after
// net/ipv4/tcp_input.c, which follows RFC 793 section 3.9.
//
// Left out: Fast Open. Its place in Linux is where tp->fastopen_rsk and
// tp->syn_fastopen are looked at: before tcp_validate_incoming and in SYN_RECV
// and FIN_WAIT1 of tcp_rcv_state_process, and after tcp_finish_connect in
// tcp_rcv_synsent_state_process.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// What Linux tells BPF programs of, and an argument of tcp_init_transfer
// therefore (BPF_SOCK_OPS_*_ESTABLISHED_CB).
const (
	bpfActiveEstablished  = 4
	bpfPassiveEstablished = 5
)

// tcpFinishConnect makes a connection that we opened established. skb is the
// segment that did it.
func (n *Net) tcpFinishConnect(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_finish_connect net/ipv4/tcp_input.c:5676

	tp := tcpSk(sk)
	n.tcpSetState(sk, core.TcpEstablished) // :5676
	tp.IcskAck.Lrcvtime = n.TcpJiffies32()
	if skb != nil {
		tp.IcskAfOps.SkRxDstSet(sk, skb) // :5680
	}
	n.tcpInitTransfer(sk, bpfActiveEstablished) // :5685

	// Nothing was idle before the first data.
	tp.Lsndtime = n.TcpJiffies32()
	if core.SockFlag(sk, core.SockKeepopen) {
		n.inetCskResetKeepaliveTimer(sk, uint64(n.keepaliveTimeWhen(tp))) // :5693
	}
	if tp.RxOpt.SndWscale == 0 {
		n.tcpFastPathOn__(tp, tp.SndWnd) // :5696
	} else {
		tp.PredFlags = 0
	}
}

// undoOptions forgets what an unacceptable answer to our SYN said.
func undoOptions(tp *TcpSock, savedClamp uint16) {
	tcpClearOptions(&tp.RxOpt)
	tp.RxOpt.MssClamp = savedClamp
}

// tcpRcvSynsentStateProcess processes a segment in SYN_SENT. It returns 1 if the
// sender is to be reset, 0 if the segment is dealt with and freed, and below zero
// if the caller is to look at its urgent data and free it.
func (n *Net) tcpRcvSynsentStateProcess(sk *core.Sock, skb *core.SkBuff, th wire.TCP) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_rcv_synsent_state_process net/ipv4/tcp_input.c:5777

	tp := tcpSk(sk)
	opt := &tp.RxOpt
	savedClamp := opt.MssClamp
	n.tcpParseOptions(skb, opt, false) // :5781
	if opt.SawTstamp && opt.RcvTsecr != 0 {
		opt.RcvTsecr -= tp.Tsoffset
	}

	if th.Flags()&wire.ACK == 0 {
		paws := false
		if th.Flags()&wire.RST == 0 && opt.TsRecentStamp != 0 && opt.SawTstamp {
			paws = n.tcpPawsReject(opt, false)
		}
		if th.Flags()&wire.RST != 0 || paws || th.Flags()&wire.SYN == 0 {
			undoOptions(tp, savedClamp)
			n.tcpDrop(sk, skb) // :5906
			return 0
		}

		// The other side opens too: the SYNs have crossed.
		n.tcpSetState(sk, core.TcpSynRecv) // :5936
		tp.TcpHeaderLen = wire.TCPMinLen
		if opt.SawTstamp {
			opt.TstampOk = true
			n.tcpStoreTsRecent(tp) // :5940
			tp.TcpHeaderLen += tcpolenTstampAligned
		}
		tp.RcvNxt = skb.Cb.Seq + 1
		tp.CopiedSeq = tp.RcvNxt
		tp.RcvWup = tp.RcvNxt
		tp.SndWnd = uint32(th.Window()) // never scaled in a SYN
		tp.SndWl1 = skb.Cb.Seq
		tp.MaxWindow = tp.SndWnd
		tcpEcnRcvSyn(tp, th)
		n.tcpMtupInit(sk)                   // :5960
		n.tcpSyncMss(sk, tp.IcskPmtuCookie) // :5961
		n.tcpInitializeRcvMss(sk)           // :5962
		n.tcpSendSynack(sk)                 // :5964
		// What else the segment holds comes again with the ACK.
		n.tcpDrop(sk, skb) // :5906
		return 0
	}

	if !wire.After(skb.Cb.AckSeq, tp.SndUna) || wire.After(skb.Cb.AckSeq, tp.SndNxt) {
		undoOptions(tp, savedClamp)
		return 1
	}
	if opt.SawTstamp && opt.RcvTsecr != 0 && !wire.Between(opt.RcvTsecr, tp.RetransStamp, tcpTimeStamp(tp)) {
		n.Mib[core.MibTcpExtPAWSActive]++
		undoOptions(tp, savedClamp)
		return 1
	}
	if th.Flags()&wire.RST != 0 {
		n.tcpReset(sk)     // :5815
		n.tcpDrop(sk, skb) // :5906
		return 0
	}
	if th.Flags()&wire.SYN == 0 {
		undoOptions(tp, savedClamp)
		n.tcpDrop(sk, skb) // :5906
		return 0
	}

	tcpEcnRcvSynack(tp, th)
	tcpInitWl(tp, skb.Cb.Seq)
	n.tcpAck(sk, skb, flagSlowpath) // :5839
	tp.RcvNxt = skb.Cb.Seq + 1
	tp.RcvWup = tp.RcvNxt
	tp.SndWnd = uint32(th.Window()) // never scaled in a SYN
	if !opt.WscaleOk {
		opt.SndWscale, opt.RcvWscale = 0, 0
		tp.WindowClamp = min(tp.WindowClamp, 65535)
	}
	tp.TcpHeaderLen = wire.TCPMinLen
	if opt.SawTstamp {
		opt.TstampOk = true
		tp.TcpHeaderLen += tcpolenTstampAligned
		tp.Advmss -= tcpolenTstampAligned
		n.tcpStoreTsRecent(tp) // :5862
	}
	n.tcpSyncMss(sk, tp.IcskPmtuCookie) // :5867
	n.tcpInitializeRcvMss(sk)           // :5868
	tp.CopiedSeq = tp.RcvNxt
	n.tcpFinishConnect(sk, skb) // :5879
	if !core.SockFlag(sk, core.SockDead) {
		sk.SkStateChange(sk) // :5885
	}
	if sk.SkWritePending != 0 || tp.IcskAcceptQueue.RskqDeferAccept != 0 || tp.IcskAck.Pingpong != 0 {
		// Data will follow soon and can carry the ACK.
		inetCskScheduleAck(sk)
		n.tcpEnterQuickackMode(sk, tcpMaxQuickacks)                        // :5901
		n.inetCskResetXmitTimer(sk, icskTimeDack, tcpDelackMax, tcpRtoMax) // :5902
		n.tcpDrop(sk, skb)                                                 // :5906
		return 0
	}
	n.tcpSendAck(sk) // :5909
	return -1
}

// tcpRcvStateProcess processes a segment for a socket in any state but
// ESTABLISHED and TIME_WAIT. It returns 0 if it is dealt with and freed; if not,
// the caller resets the sender and frees it.
func (n *Net) tcpRcvStateProcess(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_rcv_state_process net/ipv4/tcp_input.c:6005

	tp := tcpSk(sk)
	th := skb.Tcp()
	flags := th.Flags()

	switch sk.SkState {
	case core.TcpClose:
		n.tcpDrop(sk, skb) // :6256
		return 0

	case core.TcpListen:
		if flags&wire.ACK != 0 {
			return 1
		}
		if flags&wire.RST != 0 || flags&wire.SYN == 0 || flags&wire.FIN != 0 {
			n.tcpDrop(sk, skb) // :6256
			return 0
		}
		n.LocalBhDisable()                                   // SYNs come from the backlog, too
		acceptable := tp.IcskAfOps.ConnRequest(sk, skb) >= 0 // :6032
		n.LocalBhEnable()                                    // :6033
		if !acceptable {
			return 1
		}
		n.ConsumeSkb(skb) // :6038
		return 0

	case core.TcpSynSent:
		tp.RxOpt.SawTstamp = false
		n.tcpMstampRefresh(tp)                             // :6045
		queued := n.tcpRcvSynsentStateProcess(sk, skb, th) // :6046
		if queued >= 0 {
			return queued
		}
		n.tcpUrg(sk, skb, th) // :6051
		n.KfreeSkb__(skb)     // :6052
		n.tcpDataSndCheck(sk) // :6053
		return 0
	}

	n.tcpMstampRefresh(tp) // :6057
	tp.RxOpt.SawTstamp = false
	if flags&(wire.ACK|wire.RST|wire.SYN) == 0 {
		n.tcpDrop(sk, skb) // :6256
		return 0
	}
	if !n.tcpValidateIncoming(sk, skb, th, false) { // :6073
		return 0
	}

	if n.tcpAck(sk, skb, flagSlowpath|flagUpdateTsRecent|flagNoChallengeAck) <= 0 { // :6077
		if sk.SkState == core.TcpSynRecv {
			return 1
		}
		n.tcpSendChallengeAck(sk, skb) // :6084
		n.tcpDrop(sk, skb)             // :6256
		return 0
	}
	fin := uint32(flags & wire.FIN)
	newData := skb.Cb.EndSeq != skb.Cb.Seq && wire.After(skb.Cb.EndSeq-fin, tp.RcvNxt)

	switch sk.SkState {
	case core.TcpSynRecv:
		tp.Delivered++ // the SYN-ACK, which tcp_ack does not count
		if tp.SrttUs == 0 {
			n.tcpSynackRttMeas(sk, nil) // :6091
		}
		n.tcpInitTransfer(sk, bpfPassiveEstablished) // :6109
		tp.CopiedSeq = tp.RcvNxt
		n.tcpSetState(sk, core.TcpEstablished) // :6113
		sk.SkStateChange(sk)                   // :6114

		tp.SndUna = skb.Cb.AckSeq
		tp.SndWnd = uint32(th.Window()) << tp.RxOpt.SndWscale
		tcpInitWl(tp, skb.Cb.Seq)
		if tp.RxOpt.TstampOk {
			tp.Advmss -= tcpolenTstampAligned
		}
		if tp.IcskCaOps.CongControl == nil {
			n.tcpUpdatePacingRate(sk) // :6131
		}
		tp.Lsndtime = n.TcpJiffies32()
		n.tcpInitializeRcvMss(sk) // :6136
		n.tcpFastPathOn(tp)       // :6137

	case core.TcpFinWait1:
		if tp.SndUna != tp.WriteSeq {
			break
		}
		n.tcpSetState(sk, core.TcpFinWait2) // :6156
		sk.SkShutdown |= core.SendShutdown
		core.SkDstConfirm(sk)
		if !core.SockFlag(sk, core.SockDead) {
			sk.SkStateChange(sk) // :6163
			break
		}

		// The program has closed: nobody will read data that still comes.
		if tp.Linger2 < 0 {
			n.tcpDone(sk) // :6168
			n.Mib[core.MibTcpExtTCPAbortOnData]++
			return 1
		}
		if newData {
			n.tcpDone(sk) // :6177
			n.Mib[core.MibTcpExtTCPAbortOnData]++
			return 1
		}
		tmo := n.tcpFinTime(sk)
		if tmo > tcpTimewaitLen {
			n.inetCskResetKeepaliveTimer(sk, uint64(tmo-tcpTimewaitLen)) // :6184
		} else if fin != 0 || core.SockOwnedByUser(sk) {
			n.inetCskResetKeepaliveTimer(sk, uint64(tmo)) // :6192
		} else {
			n.tcpTimeWait(sk, core.TcpFinWait2, tmo) // :6194
			n.tcpDrop(sk, skb)                       // :6256
			return 0
		}

	case core.TcpClosing:
		if tp.SndUna == tp.WriteSeq {
			n.tcpTimeWait(sk, core.TcpTimeWait, 0) // :6202
			n.tcpDrop(sk, skb)                     // :6256
			return 0
		}

	case core.TcpLastAck:
		if tp.SndUna == tp.WriteSeq {
			n.tcpUpdateMetrics(sk) // :6209
			n.tcpDone(sk)          // :6210
			n.tcpDrop(sk, skb)     // :6256
			return 0
		}
	}

	n.tcpUrg(sk, skb, th) // :6217
	queued := false
	switch sk.SkState {
	case core.TcpCloseWait, core.TcpClosing, core.TcpLastAck:
		queued = wire.Before(skb.Cb.Seq, tp.RcvNxt)
	case core.TcpFinWait1, core.TcpFinWait2, core.TcpEstablished:
		queued = true
	}
	if queued {
		// Data that nobody can read any more resets the connection (RFC 1122
		// section 4.2.2.13).
		if sk.SkState != core.TcpEstablished && sk.SkShutdown&core.RcvShutdown != 0 {
			if skb.Cb.EndSeq != skb.Cb.Seq && wire.After(skb.Cb.EndSeq-fin, tp.RcvNxt) {
				n.Mib[core.MibTcpExtTCPAbortOnData]++
				n.tcpReset(sk) // :6237
				return 1
			}
		}
		n.tcpDataQueue(sk, skb) // :6243
	}
	if sk.SkState != core.TcpClose {
		n.tcpDataSndCheck(sk) // :6250
		n.tcpAckSndCheck(sk)  // :6251
	}
	if !queued {
		n.tcpDrop(sk, skb) // :6256
	}
	return 0
}
