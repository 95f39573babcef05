// TIME_WAIT: how a socket becomes a remnant, and what that answers; after
// net/ipv4/tcp_minisocks.c. The other half of the file, from half-open
// connection to socket, is in tcp_minisocks_req.go.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpInWindow reports whether [seq, endSeq) touches the window [sWin, eWin).
func tcpInWindow(seq, endSeq, sWin, eWin uint32) bool {
	if seq == sWin {
		return true
	}
	if wire.After(endSeq, sWin) && wire.Before(seq, eWin) {
		return true
	}
	return seq == eWin && seq == endSeq
}

// tcpTimewaitCheckOowRateLimit answers with an ACK, or with nothing if one was
// sent a moment ago. Its result is that of tcpTimewaitStateProcess.
func (n *Net) tcpTimewaitCheckOowRateLimit(tw *TimewaitSock, skb *core.SkBuff, mibIdx int) int {
	kernel.Fentry3(&n.Kernel, tw, skb, mibIdx) // tcp_timewait_check_oow_rate_limit net/ipv4/tcp_minisocks.c:45

	if !n.tcpOowRateLimited(skb, mibIdx, &tw.TwLastOowAckTime) { // :47
		return tcpTwAck
	}
	n.inetTwskPut(tw) // :56
	return tcpTwSuccess
}

// tcpTimewaitStateProcess processes a segment for a remnant in FIN_WAIT2 or
// TIME_WAIT and says what the caller is to do: nothing more, send an ACK, send a
// RST, or open a new connection with the SYN. In the first case it has released
// the caller's hold on tw.
func (n *Net) tcpTimewaitStateProcess(tw *TimewaitSock, skb *core.SkBuff, th wire.TCP) int {
	kernel.Fentry2(&n.Kernel, tw, skb) // tcp_timewait_state_process net/ipv4/tcp_minisocks.c:93

	var tmpOpt TcpOptionsReceived
	pawsReject := false
	flags := th.Flags()
	rst := flags&wire.RST != 0
	if th.DataOff() > wire.TCPMinLen && tw.TwTsRecentStamp != 0 {
		n.tcpParseOptions(skb, &tmpOpt, false) // :100
		if tmpOpt.SawTstamp {
			if tmpOpt.RcvTsecr != 0 {
				tmpOpt.RcvTsecr -= tw.TwTsOffset
			}
			tmpOpt.TsRecent = tw.TwTsRecent
			tmpOpt.TsRecentStamp = tw.TwTsRecentStamp
			pawsReject = n.tcpPawsReject(&tmpOpt, rst)
		}
	}
	cb := &skb.Cb

	if tw.TwSubstate == core.TcpFinWait2 {
		if pawsReject || !tcpInWindow(cb.Seq, cb.EndSeq, tw.TwRcvNxt, tw.TwRcvNxt+tw.TwRcvWnd) {
			return n.tcpTimewaitCheckOowRateLimit(tw, skb, core.MibTcpExtTCPACKSkippedFinWait2) // :119
		}
		if rst {
			n.inetTwskDeschedulePut(tw) // :184
			return tcpTwSuccess
		}
		if flags&wire.SYN != 0 && !wire.Before(cb.Seq, tw.TwRcvNxt) {
			return tcpTwRst
		}
		if flags&wire.ACK == 0 || !wire.After(cb.EndSeq, tw.TwRcvNxt) || cb.EndSeq == cb.Seq {
			n.inetTwskPut(tw) // :132
			return tcpTwSuccess
		}
		// It holds something new. Data nobody will read; a FIN is what we wait for.
		if flags&wire.FIN == 0 || cb.EndSeq != tw.TwRcvNxt+1 {
			return tcpTwRst
		}
		tw.TwSubstate = core.TcpTimeWait
		tw.TwRcvNxt = cb.EndSeq
		if tmpOpt.SawTstamp {
			tw.TwTsRecentStamp = n.ktimeGetSeconds()
			tw.TwTsRecent = tmpOpt.RcvTsval
		}
		n.inetTwskReschedule(tw, tcpTimewaitLen) // :151
		return tcpTwAck
	}

	if !pawsReject && cb.Seq == tw.TwRcvNxt && (cb.Seq == cb.EndSeq || rst) {
		// In window there can be a RST or a plain ACK only.
		if rst {
			if !n.Sysctl.TcpRfc1337 {
				n.inetTwskDeschedulePut(tw) // :184
				return tcpTwSuccess
			}
		} else {
			n.inetTwskReschedule(tw, tcpTimewaitLen) // :188
		}
		if tmpOpt.SawTstamp {
			tw.TwTsRecent = tmpOpt.RcvTsval
			tw.TwTsRecentStamp = n.ktimeGetSeconds()
		}
		n.inetTwskPut(tw) // :196
		return tcpTwSuccess
	}

	// Out of window. A SYN may reopen the connection if its sequence number or
	// its timestamp is newer than all of the old one (RFC 1122 section 4.2.2.13,
	// RFC 6191).
	newer := wire.After(cb.Seq, tw.TwRcvNxt) || tmpOpt.SawTstamp && int32(tw.TwTsRecent-tmpOpt.RcvTsval) < 0
	if flags&(wire.SYN|wire.RST|wire.ACK) == wire.SYN && !pawsReject && newer {
		isn := tw.TwSndNxt + 65535 + 2
		if isn == 0 {
			isn++
		}
		cb.TcpTwIsn = isn
		return tcpTwSyn
	}
	if pawsReject {
		n.Mib[core.MibTcpExtPAWSEstab]++
	}
	if !rst {
		// A SYN without ACK that was not good enough does not prolong the wait.
		if pawsReject || flags&wire.ACK != 0 {
			n.inetTwskReschedule(tw, tcpTimewaitLen) // :239
		}
		return n.tcpTimewaitCheckOowRateLimit(tw, skb, core.MibTcpExtTCPACKSkippedTimeWait) // :241
	}
	n.inetTwskPut(tw) // :244
	return tcpTwSuccess
}

// tcpTimeWait leaves a remnant in TIME_WAIT, or in FIN_WAIT2 for timeo jiffies,
// in the socket's place and closes the socket.
func (n *Net) tcpTimeWait(sk *core.Sock, state, timeo int) {
	kernel.Fentry3(&n.Kernel, sk, state, timeo) // tcp_time_wait net/ipv4/tcp_minisocks.c:259

	tp := tcpSk(sk)
	tw := n.inetTwskAlloc(sk, &n.twRow, state) // :259
	if tw != nil {
		rto := int(tp.IcskRto<<2 - tp.IcskRto>>1)
		tw.TwTransparent = tp.Transparent
		tw.TwMark = sk.SkMark
		tw.TwRcvWscale = tp.RxOpt.RcvWscale
		tw.TwRcvNxt = tp.RcvNxt
		tw.TwSndNxt = tp.SndNxt
		tw.TwRcvWnd = tcpReceiveWindow(tp)
		tw.TwTsRecent = tp.RxOpt.TsRecent
		tw.TwTsRecentStamp = tp.RxOpt.TsRecentStamp
		tw.TwTsOffset = tp.Tsoffset
		tw.TwLastOowAckTime = 0

		timeo = max(timeo, rto)
		if state == core.TcpTimeWait {
			timeo = tcpTimewaitLen
		}
		n.LocalBhDisable()
		n.inetTwskSchedule(tw, timeo)            // :319
		n.inetTwskHashdance(tw, sk, &n.hashinfo) // :323
		n.LocalBhEnable()                        // :324
	} else {
		n.Mib[core.MibTcpExtTCPTimeWaitOverflow]++
	}
	n.tcpUpdateMetrics(sk) // :333
	n.tcpDone(sk)          // :334
}

// tcpTwskDestructor releases what a remnant holds beside itself: nothing, as
// there are no MD5 keys.
func (n *Net) tcpTwskDestructor(tw *TimewaitSock) {
	kernel.Fentry1(&n.Kernel, tw) // tcp_twsk_destructor net/ipv4/tcp_minisocks.c:346
}
