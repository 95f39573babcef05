// One segment on its way to IP: the TCP header is built here
// (net/ipv4/tcp_output.c).

package tcp

import (
	"math"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpUpdateSkbAfterSend notes when skb, a packet of the retransmit queue, left,
// moves it to the end of the order of transmission and sets the earliest time
// of the next departure if the socket is paced.
func (n *Net) tcpUpdateSkbAfterSend(sk *core.Sock, skb *core.SkBuff, priorWstamp uint64) {
	kernel.Fentry3(&n.Kernel, sk, skb, priorWstamp) // tcp_update_skb_after_send net/ipv4/tcp_output.c:980

	tp := tcpSk(sk)
	skb.SkbMstampNs = tp.TcpWstampNs
	if sk.SkPacingStatus != core.SkPacingNone {
		// The first ten segments are not paced.
		if rate := sk.SkPacingRate; rate != math.MaxUint64 && rate != 0 && tp.DataSegsOut >= 10 {
			lenNs := uint64(skb.Len) * nsecPerSec / rate
			credit := tp.TcpWstampNs - priorWstamp
			lenNs -= min(lenNs/2, credit)
			tp.TcpWstampNs += lenNs
		}
	}
	tsortedMoveTail(tp, skb)
}

// tcpTransmitSkb__ builds the TCP header for skb and hands it to IP. With
// cloneIt the packet stays in a queue of the socket and a clone is sent. It
// returns 0, or a negative errno if the packet did not leave.
func (n *Net) tcpTransmitSkb__(sk *core.Sock, skb *core.SkBuff, cloneIt int, rcvNxt uint32) int {
	kernel.Fentry4(&n.Kernel, sk, skb, cloneIt, rcvNxt) // __tcp_transmit_skb net/ipv4/tcp_output.c:1016

	tp := tcpSk(sk)
	var oskb *core.SkBuff
	if cloneIt != 0 {
		skb.Cb.TxInFlight = skb.Cb.EndSeq - tp.SndUna
		oskb = skb
		if oskb.IsCloned() {
			skb = n.PskbCopy(oskb) // :1039
		} else {
			skb = n.SkbClone(oskb) // :1041
		}
		if skb == nil {
			return -core.ENOBUFS
		}
	}
	priorWstamp := tp.TcpWstampNs
	tp.TcpWstampNs = max(tp.TcpWstampNs, tp.TcpClockCache)
	skb.SkbMstampNs = tp.TcpWstampNs

	var opts tcpOutOptions
	var optionsSize int
	if skb.Cb.TcpFlags&tcphdrSyn != 0 {
		optionsSize = n.tcpSynOptions(sk, skb, &opts) // :1058
	} else {
		optionsSize = n.tcpEstablishedOptions(sk, skb, &opts) // :1060
	}
	headerSize := optionsSize + wire.TCPMinLen

	// With nothing of the connection below, the queue may change.
	skb.OooOkay = core.SkWmemAllocGet(sk) < core.SkbTruesize(1)
	skb.Push(headerSize)
	skb.ResetTransportHeader()

	n.SkbOrphan(skb) // :1083
	skb.Sk = sk
	if skbIsTcpPureAck(skb) {
		skb.Destructor = n.tsq.sockWfree
	} else {
		skb.Destructor = n.tsq.wfree
	}
	core.SkbSetHashFromSk(skb, sk)
	sk.SkWmemAlloc += skb.Truesize
	core.SkbSetDstPendingConfirm(skb, sk.SkDstPendingConfirm)

	seq, endSeq, flags := skb.Cb.Seq, skb.Cb.EndSeq, skb.Cb.TcpFlags
	th := skb.Tcp()
	th.SetSrcPort(tp.InetSport)
	th.SetDstPort(tp.SkDport)
	th.SetSeq(seq)
	th.SetAck(rcvNxt)
	th.SetDataOffFlags(headerSize, wire.TCPFlags(flags))
	th.SetChecksum(0)
	th.SetUrgent(0)
	if tcpUrgMode(tp) && wire.Before(seq, tp.SndUp) {
		if wire.Before(tp.SndUp, seq+0x10000) {
			th.SetUrgent(uint16(tp.SndUp - seq))
			th.SetFlags(th.Flags() | wire.URG)
		} else if wire.After(seq+0xffff, tp.SndNxt) {
			th.SetUrgent(0xffff)
			th.SetFlags(th.Flags() | wire.URG)
		}
	}
	n.tcpOptionsWrite(th[wire.TCPMinLen:headerSize], tp, &opts) // :1114
	skb.Head.GsoType = sk.SkGsoType
	if flags&tcphdrSyn == 0 {
		th.SetWindow(n.tcpSelectWindow(sk))   // :1117
		n.tcpEcnSend(sk, skb, th, headerSize) // :1118
	} else {
		th.SetWindow(uint16(min(tp.RcvWnd, u16Max))) // never scaled in a SYN
	}

	tp.IcskAfOps.SendCheck(sk, skb) // :1134

	pcount := uint32(tcpSkbPcount(skb))
	if flags&tcphdrAck != 0 {
		n.tcpEventAckSent(sk, pcount, rcvNxt) // :1137
	}
	if skb.Len != headerSize {
		n.tcpEventDataSent(tp, sk) // :1140
		tp.DataSegsOut += pcount
		tp.BytesSent += uint64(skb.Len - headerSize)
	}
	if wire.After(endSeq, tp.SndNxt) || seq == endSeq {
		n.Mib[core.MibTcpOutSegs] += uint64(pcount)
	}
	tp.SegsOut += pcount
	skb.Head.GsoSegs = uint16(pcount)
	skb.Head.GsoSize = skb.Cb.TcpGsoSize

	skb.Cb = core.TcpSkbCb{}
	skb.Ipcb = core.IpSkbCb{}

	err := tp.IcskAfOps.QueueXmit(sk, skb, &tp.Cork.Fl) // :1160
	if err > 0 {
		n.tcpEnterCwr(sk) // :1163
		err = core.NetXmitEval(err)
	}
	if err == 0 && oskb != nil {
		n.tcpUpdateSkbAfterSend(sk, oskb, priorWstamp) // :1167
		n.tcpRateSkbSent(sk, oskb)                     // :1168
	}
	return err
}

// tcpTransmitSkb is tcpTransmitSkb__ with an up-to-date acknowledgment.
func (n *Net) tcpTransmitSkb(sk *core.Sock, skb *core.SkBuff, cloneIt int) int {
	kernel.Fentry3(&n.Kernel, sk, skb, cloneIt) // tcp_transmit_skb net/ipv4/tcp_output.c:1176

	return n.tcpTransmitSkb__(sk, skb, cloneIt, tcpSk(sk).RcvNxt) // :1176
}

// tcpQueueSkb appends skb to the write queue; it does not send.
func (n *Net) tcpQueueSkb(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_queue_skb net/ipv4/tcp_output.c:1186

	tcpSk(sk).WriteSeq = skb.Cb.EndSeq
	skb.HeaderRelease()
	n.tcpAddWriteQueueTail(sk, skb) // :1192
	sk.SkWmemQueued += skb.Truesize
	n.SkMemCharge(sk, skb.Truesize)
}
