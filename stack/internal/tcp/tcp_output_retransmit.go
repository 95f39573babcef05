// Sending again (net/ipv4/tcp_output.c).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpSkbCollapseTstamp hands a wanted time stamp of a packet on to the one
// that swallows it.
func tcpSkbCollapseTstamp(skb, next *core.SkBuff) {
	if tcpHasTxTstamp(next) {
		skb.Head.TxFlags |= next.Head.TxFlags & skbtxAnyTstamp
		skb.Head.Tskey = next.Head.Tskey
		skb.Cb.TxstampAck = skb.Cb.TxstampAck || next.Cb.TxstampAck
	}
}

// tcpCollapseRetrans appends the packet behind skb in the retransmit queue to
// skb; false if that is not possible.
func (n *Net) tcpCollapseRetrans(sk *core.Sock, skb *core.SkBuff) bool {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_collapse_retrans net/ipv4/tcp_output.c:2742

	tp := tcpSk(sk)
	next := skb.Next
	if size := next.Len; size != 0 {
		if size <= skb.Availroom() {
			n.SkbCopyBits(next, 0, skb.Put(size)) // :2753
		} else if n.SkbShift(skb, next, size) == 0 { // :2755
			return false
		}
	}
	tcpHighestSackReplace(sk, next, skb)
	skb.Cb.EndSeq = next.Cb.EndSeq
	skb.Cb.TcpFlags |= next.Cb.TcpFlags
	skb.Cb.Sacked |= next.Cb.Sacked & core.TcpcbEverRetrans
	skb.Cb.Eor = next.Cb.Eor
	tcpClearRetransHintsPartial(tp)
	if tp.RetransmitSkbHint == next {
		tp.RetransmitSkbHint = skb
	}
	n.tcpAdjustPcount(sk, next, int(next.Cb.TcpGsoSegs)) // :2777
	tcpSkbCollapseTstamp(skb, next)
	n.tcpRtxQueueUnlinkAndFree(next, sk) // :2781
	return true
}

// tcpCanCollapse reports whether skb may be merged with a neighbour.
func tcpCanCollapse(skb *core.SkBuff) bool {
	return skb.Cb.TcpGsoSegs <= 1 && !skb.IsCloned() && skb.Cb.Sacked&core.TcpcbSackedAcked == 0
}

// tcpRetransTryCollapse fills to, which is to be sent again, up to space bytes
// with the packets behind it, so that fewer packets travel.
func (n *Net) tcpRetransTryCollapse(sk *core.Sock, to *core.SkBuff, space int) {
	kernel.Fentry3(&n.Kernel, sk, to, space) // tcp_retrans_try_collapse net/ipv4/tcp_output.c:2804

	if !n.Sysctl.TcpRetransCollapse || to.Cb.TcpFlags&tcphdrSyn != 0 {
		return
	}
	end := tcpWndEnd(tcpSk(sk))
	for skb := to; skb != nil; {
		next := skb.Next
		if !tcpCanCollapse(skb) || to.Cb.Eor {
			return
		}
		space -= skb.Len
		if skb != to {
			if space < 0 || wire.After(skb.Cb.EndSeq, end) {
				return
			}
			if !n.tcpCollapseRetrans(sk, to) { // :2834
				return
			}
		}
		skb = next
	}
}

// tcpRetransmitSkb__ sends skb, or its first segs segments, again. Whether that
// is right, and the state of the retransmit queue, are the caller's business.
// It returns 0, or a negative errno if nothing was sent.
func (n *Net) tcpRetransmitSkb__(sk *core.Sock, skb *core.SkBuff, segs int) int {
	kernel.Fentry3(&n.Kernel, sk, skb, segs) // __tcp_retransmit_skb net/ipv4/tcp_output.c:2852

	tp := tcpSk(sk)
	tp.IcskMtup.ProbeSize = 0
	if sk.SkWmemAlloc > min(sk.SkWmemQueued+sk.SkWmemQueued>>2, sk.SkSndbuf) {
		return -core.EAGAIN
	}
	if n.skbStillInHostQueue(sk, skb) { // :2863
		return -core.EBUSY
	}
	if wire.Before(skb.Cb.Seq, tp.SndUna) {
		if wire.Before(skb.Cb.EndSeq, tp.SndUna) {
			return -core.EINVAL
		}
		if n.tcpTrimHead(sk, skb, tp.SndUna-skb.Cb.Seq) != 0 { // :2871
			return -core.ENOMEM
		}
	}
	if tp.IcskAfOps.RebuildHeader(sk) != 0 { // :2875
		return -core.EHOSTUNREACH
	}
	curMss := n.tcpCurrentMss(sk) // :2878
	// Beyond a window that was shrunk only the first segment goes, as a probe.
	if !wire.Before(skb.Cb.Seq, tcpWndEnd(tp)) && skb.Cb.Seq != tp.SndUna {
		return -core.EAGAIN
	}
	if length := curMss * uint32(segs); uint32(skb.Len) > length {
		if n.tcpFragment(sk, tcpFragInRtxQueue, skb, length, curMss) != 0 { // :2891
			return -core.ENOMEM
		}
	} else {
		if n.SkbUnclone(skb) != 0 { // :2895
			return -core.ENOMEM
		}
		diff := int(skb.Cb.TcpGsoSegs)
		tcpSetSkbTsoSegs(skb, curMss)
		if diff -= int(skb.Cb.TcpGsoSegs); diff != 0 {
			n.tcpAdjustPcount(sk, skb, diff) // :2902
		}
		if uint32(skb.Len) < curMss {
			n.tcpRetransTryCollapse(sk, skb, int(curMss)) // :2904
		}
	}
	const synEcn = tcphdrSyn | tcphdrEce | tcphdrCwr
	if skb.Cb.TcpFlags&synEcn == synEcn {
		n.tcpEcnClearSyn(sk, skb) // :2909
	}
	segs = int(skb.Cb.TcpGsoSegs)
	n.Mib[core.MibTcpRetransSegs] += uint64(segs)
	if skb.Cb.TcpFlags&tcphdrSyn != 0 {
		n.Mib[core.MibTcpExtTCPSynRetrans]++
	}
	tp.TotalRetrans += uint32(segs)
	tp.BytesRetrans += uint64(skb.Len)

	// menuos needs no copy for alignment or for a head room beyond 64 kB,
	// because its checksum offset is an int.
	err := n.tcpTransmitSkb(sk, skb, 1) // :2938
	if err == 0 {
		skb.Cb.Sacked |= core.TcpcbEverRetrans
		if n.Trace != nil {
			n.TraceTcpRetransmitSkb(sk, skb)
		}
	} else if err != -core.EBUSY {
		n.Mib[core.MibTcpExtTCPRetransFail] += uint64(segs)
	}
	return err
}

// tcpRetransmitSkb is tcpRetransmitSkb__ with the counts of what is in flight.
func (n *Net) tcpRetransmitSkb(sk *core.Sock, skb *core.SkBuff, segs int) int {
	kernel.Fentry3(&n.Kernel, sk, skb, segs) // tcp_retransmit_skb net/ipv4/tcp_output.c:2957

	tp := tcpSk(sk)
	err := n.tcpRetransmitSkb__(sk, skb, segs) // :2957
	if err == 0 {
		skb.Cb.Sacked |= core.TcpcbRetrans
		tp.RetransOut += uint32(skb.Cb.TcpGsoSegs)
		if tp.RetransStamp == 0 {
			tp.RetransStamp = tcpSkbTimestamp(skb)
		}
	}
	tp.UndoRetrans = max(tp.UndoRetrans, 0) + int(skb.Cb.TcpGsoSegs)
	return err
}

// tcpXmitRetransmitQueue sends the segments marked lost again, as far as the
// congestion window allows.
func (n *Net) tcpXmitRetransmitQueue(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_xmit_retransmit_queue net/ipv4/tcp_output.c:2993

	tp := tcpSk(sk)
	if tp.PacketsOut == 0 {
		return
	}
	rtxHead := tcpRtxQueueHead(sk)
	skb := tp.RetransmitSkbHint
	if skb == nil {
		skb = rtxHead
	}
	curMss := n.tcpCurrentMss(sk)       // :2998
	maxSegs := n.tcpTsoSegs(sk, curMss) // :2998
	var hole *core.SkBuff
	for ; skb != nil; skb = skb.Next {
		if n.tcpPacingCheck(sk) { // :3003
			return
		}
		if hole == nil {
			tp.RetransmitSkbHint = skb
		}
		segs := int(int32(tp.SndCwnd - tcpPacketsInFlight(tp)))
		if segs <= 0 {
			return
		}
		segs = min(segs, int(maxSegs))
		sacked := skb.Cb.Sacked
		if tp.RetransOut >= tp.LostOut {
			return
		}
		if sacked&core.TcpcbLost == 0 {
			if hole == nil && sacked&(core.TcpcbSackedRetrans|core.TcpcbSackedAcked) == 0 {
				hole = skb
			}
			continue
		}
		mib := core.MibTcpExtTCPSlowStartRetrans
		if tp.IcskCaState != tcpCaLoss {
			mib = core.MibTcpExtTCPFastRetrans
		}
		if sacked&(core.TcpcbSackedAcked|core.TcpcbSackedRetrans) != 0 {
			continue
		}
		if n.tcpSmallQueueCheck(sk, skb, 1) { // :3036
			return
		}
		if n.tcpRetransmitSkb(sk, skb, segs) != 0 { // :3039
			return
		}
		n.Mib[mib] += uint64(skb.Cb.TcpGsoSegs)
		if tcpInCwndReduction(sk) {
			tp.PrrOut += uint32(skb.Cb.TcpGsoSegs)
		}
		if skb == rtxHead && tp.IcskPending != IcskTimeReoTimeout {
			n.tcpResetXmitTimer(sk, icskTimeRetrans, uint64(tp.IcskRto), tcpRtoMax, skb) // :3049
		}
	}
}
