// Probes: the tail loss probe, the zero-window probe and the keep-alive probe
// (net/ipv4/tcp_output.c).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpScheduleLossProbe arms the tail loss probe two round trips from now, or
// when the RTO would come if that is earlier. It reports whether it did.
func (n *Net) tcpScheduleLossProbe(sk *core.Sock, advancingRto bool) bool {
	kernel.Fentry2(&n.Kernel, sk, advancingRto) // tcp_schedule_loss_probe net/ipv4/tcp_output.c:2447

	tp := tcpSk(sk)
	// A Fast Open server would not probe before its handshake is done.
	early := n.Sysctl.TcpEarlyRetrans
	if early != 3 && early != 4 || tp.PacketsOut == 0 || !tcpIsSack(tp) ||
		tp.IcskCaState != tcpCaOpen && tp.IcskCaState != tcpCaCWR {
		return false
	}
	timeout := uint32(tcpTimeoutInit)
	if tp.SrttUs != 0 {
		timeout = usecsToJiffies(tp.SrttUs >> 2)
		if tp.PacketsOut == 1 {
			timeout += tcpRtoMin // a lone segment's ACK may be delayed
		} else {
			timeout += tcpTimeoutMin
		}
	}
	rtoDeltaUs := jiffiesToUsecs(tp.IcskRto)
	if !advancingRto {
		rtoDeltaUs = uint32(tcpRtoDeltaUs(sk))
	}
	if rtoDeltaUs > 0 {
		timeout = min(timeout, usecsToJiffies(rtoDeltaUs))
	}
	n.tcpResetXmitTimer(sk, IcskTimeLossProbe, uint64(timeout), tcpRtoMax, nil) // :2481
	return true
}

// skbStillInHostQueue reports whether an earlier transmission of skb has not
// even left the machine.
func (n *Net) skbStillInHostQueue(sk *core.Sock, skb *core.SkBuff) bool {
	kernel.Fentry2(&n.Kernel, sk, skb) // skb_still_in_host_queue net/ipv4/tcp_output.c:2492

	if n.SkbFcloneBusy(sk, skb) {
		n.Mib[core.MibTcpExtTCPSpuriousRtxHostQueues]++
		return true
	}
	return false
}

// tcpSendLossProbe provokes an ACK that tells whether the tail of the data got
// lost: with new data if there is some, with the last segment again otherwise.
func (n *Net) tcpSendLossProbe(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_send_loss_probe net/ipv4/tcp_output.c:2509

	tp := tcpSk(sk)
	mss := n.tcpCurrentMss(sk) // :2509
	skb := tcpSendHead(sk)
	sent := false
	if skb != nil && tcpSndWndTest(tp, skb, mss) {
		pcount := tp.PacketsOut
		n.tcpWriteXmit(sk, mss, tcpNagleOff, 2) // :2514
		sent = tp.PacketsOut > pcount
	} else {
		skb = sk.TcpRtxQueue.Last
		if skb == nil {
			tp.IcskPending = 0
			return
		}
		pcount := uint32(skb.Cb.TcpGsoSegs)
		switch {
		case tp.TlpHighSeq != 0: // one probe is out already
		case n.skbStillInHostQueue(sk, skb): // :2532
		case pcount == 0:
		default:
			if pcount > 1 && uint32(skb.Len) > (pcount-1)*mss {
				if n.tcpFragment(sk, tcpFragInRtxQueue, skb, (pcount-1)*mss, mss) != 0 { // :2540
					break
				}
				skb = skb.Next
			}
			if n.tcpRetransmitSkb__(sk, skb, 1) != 0 { // :2550
				break
			}
			tp.TlpHighSeq = tp.SndNxt
			sent = true
		}
	}
	if sent {
		n.Mib[core.MibTcpExtTCPLossProbes]++
		tp.IcskPending = 0 // so that the RTO counts from now
	}
	n.tcpRearmRto(sk) // :2561
}

// tcpXmitProbeSkb sends a segment without data: with a sequence number below
// the window, which the other side must answer, or with urgent, one at its
// edge that carries the urgent pointer.
func (n *Net) tcpXmitProbeSkb(sk *core.Sock, urgent uint32, mib int) int {
	kernel.Fentry3(&n.Kernel, sk, urgent, mib) // tcp_xmit_probe_skb net/ipv4/tcp_output.c:3671

	skb := n.AllocSkb(core.MaxTcpHeader) // :3676
	if skb == nil {
		return -1
	}
	skb.Reserve(core.MaxTcpHeader)
	tcpInitNondataSkb(skb, tcpSk(sk).SndUna-(1-urgent), tcphdrAck)
	n.Mib[mib]++
	return n.tcpTransmitSkb(sk, skb, 0) // :3689
}

// tcpWriteWakeup probes the other side: with as much data as its window takes,
// without any if the window is closed or there is nothing to send. A result
// above 0 means that this machine is congested.
func (n *Net) tcpWriteWakeup(sk *core.Sock, mib int) int {
	kernel.Fentry2(&n.Kernel, sk, mib) // tcp_write_wakeup net/ipv4/tcp_output.c:3708

	tp := tcpSk(sk)
	if sk.SkState == core.TcpClose {
		return -1
	}
	skb := tcpSendHead(sk)
	if skb == nil || !wire.Before(skb.Cb.Seq, tcpWndEnd(tp)) {
		if wire.Between(tp.SndUp, tp.SndUna+1, tp.SndUna+0xffff) {
			n.tcpXmitProbeSkb(sk, 1, mib) // :3741
		}
		return n.tcpXmitProbeSkb(sk, 0, mib) // :3742
	}
	mss := n.tcpCurrentMss(sk) // :3714
	segSize := tcpWndEnd(tp) - skb.Cb.Seq
	if wire.Before(tp.PushedSeq, skb.Cb.EndSeq) {
		tp.PushedSeq = skb.Cb.EndSeq
	}
	if segSize < skb.Cb.EndSeq-skb.Cb.Seq || uint32(skb.Len) > mss {
		segSize = min(segSize, mss)
		skb.Cb.TcpFlags |= tcphdrPsh
		if n.tcpFragment(sk, tcpFragInWriteQueue, skb, segSize, mss) != 0 { // :3728
			return -1
		}
	} else if skb.Cb.TcpGsoSegs == 0 {
		tcpSetSkbTsoSegs(skb, mss)
	}
	skb.Cb.TcpFlags |= tcphdrPsh
	err := n.tcpTransmitSkb(sk, skb, 1) // :3735
	if err == 0 {
		n.tcpEventNewDataSent(sk, skb) // :3737
	}
	return err
}

// tcpSendProbe0 sends a zero-window probe and arms the timer for the next one,
// each time twice as late.
func (n *Net) tcpSendProbe0(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_send_probe0 net/ipv4/tcp_output.c:3750

	tp := tcpSk(sk)
	err := n.tcpWriteWakeup(sk, core.MibTcpExtTCPWinProbe) // :3757
	if tp.PacketsOut != 0 || tcpWriteQueueEmpty(sk) {
		tp.IcskProbesOut = 0
		tp.IcskBackoff = 0
		return
	}
	probeMax := uint64(tcpRtoMax)
	if err <= 0 {
		if int(tp.IcskBackoff) < int(n.Sysctl.TcpRetries2) {
			tp.IcskBackoff++
		}
		tp.IcskProbesOut++
	} else {
		// This machine is congested: that is no answer, so it does not count.
		tp.IcskProbesOut = max(tp.IcskProbesOut, 1)
		probeMax = tcpResourceProbeInterval
	}
	when := tcpProbe0When(sk, probeMax)
	n.tcpResetXmitTimer(sk, IcskTimeProbe0, when, tcpRtoMax, nil) // :3782
}
