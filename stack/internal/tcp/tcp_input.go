// Segments that arrive for an established connection, and the checks that every
// segment of a synchronized connection must pass: PAWS, sequence numbers, RST and
// SYN with the challenge ACKs of RFC 5961; after net/ipv4/tcp_input.c. The states
// other than ESTABLISHED are in tcp_input_state.go, acknowledgments in
// tcp_input_ack.go, data in tcp_input_data.go.
//
// Left out: turning Fast Open off when it seems to break (tcp_validate_incoming),
// SIGIO (sk_wake_async), security hooks and NAPI ids.

package tcp

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpHpBits are the bits of a header that header prediction looks at: all of
// data offset, flags and window but PSH and the reserved ones (TCP_HP_BITS).
const tcpHpBits = ^uint32(0x0f000000 | uint32(wire.PSH)<<16)

// tcpFlagWord is data offset, flags and window of a header (tcp_flag_word).
func tcpFlagWord(th wire.TCP) uint32 { return binary.BigEndian.Uint32(th[12:]) }

// tcpOowRateLimited__ reports whether an answer to a segment out of window would
// come too soon after the last one, and counts it then in mibIdx.
func (n *Net) tcpOowRateLimited__(mibIdx int, lastOowAckTime *uint32) bool {
	kernel.Fentry1(&n.Kernel, mibIdx) // __tcp_oow_rate_limited net/ipv4/tcp_input.c:3394

	now := n.TcpJiffies32()
	if *lastOowAckTime != 0 {
		elapsed := int32(now - *lastOowAckTime)
		if 0 <= elapsed && int(elapsed) < n.Sysctl.TcpInvalidRatelimit {
			n.Mib[mibIdx]++
			return true
		}
	}
	*lastOowAckTime = now
	return false
}

// tcpOowRateLimited does so for skb. Data without a SYN is never limited: it is
// no part of a loop of ACKs.
func (n *Net) tcpOowRateLimited(skb *core.SkBuff, mibIdx int, lastOowAckTime *uint32) bool {
	kernel.Fentry2(&n.Kernel, skb, mibIdx) // tcp_oow_rate_limited net/ipv4/tcp_input.c:3419

	if skb.Cb.Seq != skb.Cb.EndSeq && skb.Tcp().Flags()&wire.SYN == 0 {
		return false
	}
	return n.tcpOowRateLimited__(mibIdx, lastOowAckTime) // :3423
}

// tcpSendChallengeAck answers a segment that could be forged with an ACK, from
// which an honest sender learns what to send (RFC 5961). There are limits for the
// connection and for the machine, the latter of a size that nobody can count.
func (n *Net) tcpSendChallengeAck(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_send_challenge_ack net/ipv4/tcp_input.c:3437

	tp := tcpSk(sk)
	if n.tcpOowRateLimited__(core.MibTcpExtTCPACKSkippedChallenge, &tp.LastOowAckTime) { // :3437
		return
	}
	if now := uint32(n.Jiffies() / kernel.HZ); now != n.challenge.timestamp {
		limit := uint32(n.Sysctl.TcpChallengeAckLimit)
		n.challenge.timestamp = now
		n.challenge.count = (limit+1)>>1 + n.PrandomU32Max(limit)
	}
	if n.challenge.count > 0 {
		n.challenge.count--
		n.Mib[core.MibTcpExtTCPChallengeACK]++
		n.tcpSendAck(sk) // :3455
	}
}

// tcpSequence reports whether [seq, endSeq) touches what may come: from the last
// ACK that we sent to the end of the window.
func (n *Net) tcpSequence(tp *TcpSock, seq, endSeq uint32) bool {
	kernel.Fentry3(&n.Kernel, tp, seq, endSeq) // tcp_sequence net/ipv4/tcp_input.c:4037

	return !wire.Before(endSeq, tp.RcvWup) && !wire.After(seq, tp.RcvNxt+tcpReceiveWindow(tp))
}

// tcpReset ends the connection because the other side reset it.
func (n *Net) tcpReset(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_reset net/ipv4/tcp_input.c:4044

	if n.Trace != nil {
		n.TraceTcpReceiveReset(sk)
	}
	switch sk.SkState {
	case core.TcpSynSent:
		sk.SkErr = core.ECONNREFUSED
	case core.TcpCloseWait:
		sk.SkErr = core.EPIPE
	case core.TcpClose:
		return
	default:
		sk.SkErr = core.ECONNRESET
	}
	n.tcpWriteQueuePurge(sk) // :4062
	n.tcpDone(sk)            // :4063
	if !core.SockFlag(sk, core.SockDead) {
		sk.SkErrorReport(sk) // :4066
	}
}

// tcpFin takes the FIN of the other side, once all before it has come: there is
// nothing more to read, and the state moves on.
func (n *Net) tcpFin(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_fin net/ipv4/tcp_input.c:4085

	tp := tcpSk(sk)
	inetCskScheduleAck(sk)
	sk.SkShutdown |= core.RcvShutdown
	core.SockSetFlag(sk, core.SockDone)
	switch sk.SkState {
	case core.TcpSynRecv, core.TcpEstablished:
		n.tcpSetState(sk, core.TcpCloseWait) // :4096
		tp.IcskAck.Pingpong = 1
	case core.TcpFinWait1: // both sides close at once
		n.tcpSendAck(sk)                   // :4115
		n.tcpSetState(sk, core.TcpClosing) // :4116
	case core.TcpFinWait2:
		n.tcpSendAck(sk)                       // :4120
		n.tcpTimeWait(sk, core.TcpTimeWait, 0) // :4121
	}
	// In CLOSE_WAIT, CLOSING and LAST_ACK the FIN has come again.

	n.SkbRbtreePurge(&tp.OutOfOrderQueue) // :4135
	tp.OooLastSkb = nil
	if tcpIsSack(tp) {
		tcpSackReset(&tp.RxOpt)
	}
	n.SkMemReclaim(sk) // :4138
	if !core.SockFlag(sk, core.SockDead) {
		sk.SkStateChange(sk) // :4141
	}
}

// tcpResetCheck accepts a RST with the sequence number of the FIN before it, as
// some systems send it when a program dies.
func (n *Net) tcpResetCheck(sk *core.Sock, skb *core.SkBuff) bool {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_reset_check net/ipv4/tcp_input.c:5352

	const finSeen = core.TcpfCloseWait | core.TcpfLastAck | core.TcpfClosing
	return skb.Cb.Seq == tcpSk(sk).RcvNxt-1 && 1<<sk.SkState&finSeen != 0
}

// tcpValidateIncoming checks timestamp, sequence numbers, RST and SYN. It
// reports whether the segment is to be processed further; if not, it has dealt
// with it and freed it.
func (n *Net) tcpValidateIncoming(sk *core.Sock, skb *core.SkBuff, th wire.TCP, synInerr bool) bool {
	kernel.Fentry3(&n.Kernel, sk, skb, synInerr) // tcp_validate_incoming net/ipv4/tcp_input.c:5365

	tp := tcpSk(sk)
	rst := th.Flags()&wire.RST != 0
	syn := th.Flags()&wire.SYN != 0

	if n.tcpFastParseOptions(skb, th, tp) && tp.RxOpt.SawTstamp { // :5369
		if n.tcpPawsDiscard(sk, skb) && !rst { // :5371
			n.Mib[core.MibTcpExtPAWSEstab]++
			if !n.tcpOowRateLimited(skb, core.MibTcpExtTCPACKSkippedPAWS, &tp.LastOowAckTime) { // :5374
				n.tcpSendDupack(sk, skb) // :5377
			}
			n.traceDrop(sk, skb, "old timestamp (PAWS)")
			n.tcpDrop(sk, skb) // :5466
			return false
		}
	}

	acceptable := n.tcpSequence(tp, skb.Cb.Seq, skb.Cb.EndSeq) // :5384
	reason := "out of window"
	switch {
	case !acceptable && rst:
		if n.tcpResetCheck(sk, skb) { // :5398
			n.tcpReset(sk) // :5399
		}
	case !acceptable && !syn:
		if !n.tcpOowRateLimited(skb, core.MibTcpExtTCPACKSkippedSeq, &tp.LastOowAckTime) { // :5394
			n.tcpSendDupack(sk, skb) // :5397
		}
	case rst:
		match := skb.Cb.Seq == tp.RcvNxt
		if !match {
			match = n.tcpResetCheck(sk, skb) // :5416
		}
		if !match && tcpIsSack(tp) && tp.RxOpt.NumSacks > 0 {
			// To a sender that saw our SACK blocks the end of the last one is
			// what comes next.
			highest := tp.SelectiveAcks[0].EndSeq
			for _, sp := range tp.SelectiveAcks[1:tp.RxOpt.NumSacks] {
				if wire.After(sp.EndSeq, highest) {
					highest = sp.EndSeq
				}
			}
			match = skb.Cb.Seq == highest
		}
		if match {
			n.tcpReset(sk)     // :5435
			n.tcpDrop(sk, skb) // :5466
			return false
		}
		reason = "RST not at rcv_nxt"
		n.tcpSendChallengeAck(sk, skb) // :5444
	case syn:
		if synInerr {
			n.Mib[core.MibTcpInErrs]++
		}
		n.Mib[core.MibTcpExtTCPSYNChallenge]++
		reason = "SYN in a synchronized state"
		n.tcpSendChallengeAck(sk, skb) // :5459
	default:
		return true
	}
	n.traceDrop(sk, skb, reason)
	n.tcpDrop(sk, skb) // :5466
	return false
}

// tcpRcvEstablished processes a segment of an established connection, which the
// caller has locked, and owns it. A segment that header prediction expects, the
// next data or a plain ACK and nothing else, takes the short way.
func (n *Net) tcpRcvEstablished(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_rcv_established net/ipv4/tcp_input.c:5494

	th := skb.Tcp()
	tp := tcpSk(sk)
	if n.Trace != nil {
		n.traceTcpProbe(sk, skb)
	}
	n.tcpMstampRefresh(tp) // :5502
	if sk.SkRxDst == nil {
		tp.IcskAfOps.SkRxDstSet(sk, skb) // :5504
	}
	tp.RxOpt.SawTstamp = false

	const withTstamp = wire.TCPMinLen + tcpolenTstampAligned
	headerLen := int(tp.TcpHeaderLen)
	predicted := tcpFlagWord(th)&tcpHpBits == tp.PredFlags && skb.Cb.Seq == tp.RcvNxt && !wire.After(skb.Cb.AckSeq, tp.SndNxt)
	if predicted && headerLen == withTstamp {
		predicted = n.tcpParseAlignedTimestamp(tp, th) // :5544
		// One that is older than the last is for PAWS to judge.
		predicted = predicted && int32(tp.RxOpt.RcvTsval-tp.RxOpt.TsRecent) >= 0
	}
	validated := false
	if predicted {
		newTstamp := headerLen == withTstamp && tp.RcvNxt == tp.RcvWup
		switch {
		case skb.Len < headerLen:
			n.Mib[core.MibTcpInErrs]++
			n.traceDrop(sk, skb, "short header")
			n.tcpDrop(sk, skb) // :5667
			return
		case skb.Len == headerLen: // a plain ACK: we send, the other side receives
			if newTstamp {
				n.tcpStoreTsRecent(tp) // :5568
			}
			n.tcpAck(sk, skb, 0)  // :5573
			n.KfreeSkb__(skb)     // :5574
			n.tcpDataSndCheck(sk) // :5575
			tp.RcvRttLastTsecr = tp.RxOpt.RcvTsecr
			return
		case n.tcpChecksumComplete(skb): // :5590
			n.Mib[core.MibTcpInCsumErrors]++
			n.Mib[core.MibTcpInErrs]++
			n.traceDrop(sk, skb, "checksum")
			n.tcpDrop(sk, skb) // :5667
			return
		case skb.Truesize <= sk.SkForwardAlloc: // data, and memory for it at hand
			if newTstamp {
				n.tcpStoreTsRecent(tp) // :5603
			}
			n.tcpRcvRttMeasureTs(sk, skb) // :5605
			n.Mib[core.MibTcpExtTCPHPHits]++
			skb.Pull(headerLen)
			eaten, fragstolen := n.tcpQueueRcv(sk, skb) // :5611
			n.tcpEventDataRecv(sk, skb)                 // :5613
			ackDone := false
			if skb.Cb.AckSeq != tp.SndUna {
				n.tcpAck(sk, skb, flagData) // :5617
				n.tcpDataSndCheck(sk)       // :5618
				ackDone = !inetCskAckScheduled(sk)
			}
			if !ackDone {
				n.tcpAckSndCheck__(sk, false) // :5623
			}
			if eaten {
				n.KfreeSkbPartial(skb, fragstolen) // :5626
			}
			n.tcpDataReady(sk) // :5627
			return
		}
		validated = true // only memory is missing
	}

	if !validated {
		bad := skb.Len < th.DataOff()
		if !bad {
			bad = n.tcpChecksumComplete(skb) // :5633
		}
		if bad {
			n.Mib[core.MibTcpInCsumErrors]++
			n.Mib[core.MibTcpInErrs]++
			n.traceDrop(sk, skb, "checksum")
			n.tcpDrop(sk, skb) // :5667
			return
		}
		if th.Flags()&(wire.ACK|wire.RST|wire.SYN) == 0 {
			n.traceDrop(sk, skb, "no ACK")
			n.tcpDrop(sk, skb) // :5667
			return
		}
		if !n.tcpValidateIncoming(sk, skb, th, true) { // :5643
			return
		}
	}
	if n.tcpAck(sk, skb, flagSlowpath|flagUpdateTsRecent) < 0 { // :5647
		n.traceDrop(sk, skb, "acknowledges what was not sent")
		n.tcpDrop(sk, skb) // :5667
		return
	}
	n.tcpRcvRttMeasureTs(sk, skb) // :5650
	n.tcpUrg(sk, skb, th)         // :5653
	n.tcpDataQueue(sk, skb)       // :5656
	n.tcpDataSndCheck(sk)         // :5658
	n.tcpAckSndCheck(sk)          // :5659
}
