// Cutting packets of the send queues in pieces, and counting the segments they
// make (net/ipv4/tcp_output.c).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpSetSkbTsoSegs counts into how many segments of mssNow bytes skb falls.
func tcpSetSkbTsoSegs(skb *core.SkBuff, mssNow uint32) {
	if uint32(skb.Len) <= mssNow {
		skb.Cb.TcpGsoSegs = 1
		skb.Cb.TcpGsoSize = 0
		return
	}
	skb.Cb.TcpGsoSegs = uint16((uint32(skb.Len) + mssNow - 1) / mssNow)
	skb.Cb.TcpGsoSize = uint16(mssNow)
}

// tcpInitTsoSegs is tcpSetSkbTsoSegs where the count is missing or was made
// for another MSS; it returns the count.
func tcpInitTsoSegs(skb *core.SkBuff, mssNow uint32) uint32 {
	segs := skb.Cb.TcpGsoSegs
	if segs == 0 || segs > 1 && uint32(skb.Cb.TcpGsoSize) != mssNow {
		tcpSetSkbTsoSegs(skb, mssNow)
	}
	return uint32(skb.Cb.TcpGsoSegs)
}

// tcpAdjustPcount corrects the socket's counters after skb, which is already
// sent, has come to count for decr segments less.
func (n *Net) tcpAdjustPcount(sk *core.Sock, skb *core.SkBuff, decr int) {
	kernel.Fentry3(&n.Kernel, sk, skb, decr) // tcp_adjust_pcount net/ipv4/tcp_output.c:1216

	tp := tcpSk(sk)
	d := uint32(decr) // negative too: the sums are modulo 2^32
	tp.PacketsOut -= d
	if skb.Cb.Sacked&core.TcpcbSackedAcked != 0 {
		tp.SackedOut -= d
	}
	if skb.Cb.Sacked&core.TcpcbSackedRetrans != 0 {
		tp.RetransOut -= d
	}
	if skb.Cb.Sacked&core.TcpcbLost != 0 {
		tp.LostOut -= d
	}
	if tcpIsReno(tp) && decr > 0 {
		tp.SackedOut -= min(tp.SackedOut, d)
	}
	if tp.LostSkbHint != nil && wire.Before(skb.Cb.Seq, tp.LostSkbHint.Cb.Seq) &&
		skb.Cb.Sacked&core.TcpcbSackedAcked != 0 {
		tp.LostCntHint -= decr
	}
}

// tcpHasTxTstamp reports whether the program wants to know when skb left.
func tcpHasTxTstamp(skb *core.SkBuff) bool {
	return skb.Cb.TxstampAck || skb.Head.TxFlags&skbtxAnyTstamp != 0
}

// skbtxAnyTstamp are the bits of DataBuf.TxFlags that ask for a time stamp
// (SKBTX_ANY_TSTAMP).
const skbtxAnyTstamp = 1<<0 | 1<<1 | 1<<6

// tcpFragmentTstamp leaves a wanted time stamp with the half that holds the
// byte it is for.
func tcpFragmentTstamp(skb, skb2 *core.SkBuff) {
	if !tcpHasTxTstamp(skb) || wire.Before(skb.Head.Tskey, skb2.Cb.Seq) {
		return
	}
	flags := skb.Head.TxFlags & skbtxAnyTstamp
	skb.Head.TxFlags &^= flags
	skb2.Head.TxFlags |= flags
	skb.Head.Tskey, skb2.Head.Tskey = skb2.Head.Tskey, skb.Head.Tskey
	skb2.Cb.TxstampAck = skb.Cb.TxstampAck
	skb.Cb.TxstampAck = false
}

// tcpSkbFragmentEor moves the end-of-record mark to the second half.
func tcpSkbFragmentEor(skb, skb2 *core.SkBuff) {
	skb2.Cb.Eor = skb.Cb.Eor
	skb.Cb.Eor = false
}

// tcpInsertWriteQueueAfter puts buff behind skb on the queue that skb is on.
func (n *Net) tcpInsertWriteQueueAfter(skb, buff *core.SkBuff, sk *core.Sock, tcpQueue int) {
	kernel.Fentry4(&n.Kernel, skb, buff, sk, tcpQueue) // tcp_insert_write_queue_after net/ipv4/tcp_output.c:1274

	if tcpQueue == tcpFragInWriteQueue {
		sk.SkWriteQueue.InsertAfter(skb, buff)
	} else {
		tcpRbtreeInsert(&sk.TcpRtxQueue, buff)
	}
}

// tcpFragmentSeqs shares sequence numbers and flags of skb, cut at length,
// with buff, its second half: FIN and PSH go there.
func tcpFragmentSeqs(skb, buff *core.SkBuff, length uint32) {
	buff.Cb.Seq = skb.Cb.Seq + length
	buff.Cb.EndSeq = skb.Cb.EndSeq
	skb.Cb.EndSeq = buff.Cb.Seq
	buff.Cb.TcpFlags = skb.Cb.TcpFlags
	skb.Cb.TcpFlags &^= tcphdrFin | tcphdrPsh
}

// tcpFragment cuts skb, which has no headers, after length bytes; the rest
// becomes a packet behind it on the same queue. It returns 0 or a negative
// errno.
func (n *Net) tcpFragment(sk *core.Sock, tcpQueue int, skb *core.SkBuff, length, mssNow uint32) int {
	kernel.Fentry5(&n.Kernel, sk, tcpQueue, skb, length, mssNow) // tcp_fragment net/ipv4/tcp_output.c:1289

	if length > uint32(skb.Len) {
		return -core.EINVAL
	}
	tp := tcpSk(sk)
	nsize := max(skb.Headlen()-int(length), 0)
	if n.SkbUnclone(skb) != 0 { // :1303
		return -core.ENOMEM
	}
	buff := n.skStreamAllocSkb(sk, nsize, true) // :1307
	if buff == nil {
		return -core.ENOMEM
	}
	sk.SkWmemQueued += buff.Truesize
	n.SkMemCharge(sk, buff.Truesize)
	nlen := skb.Len - int(length) - nsize
	buff.Truesize += nlen
	skb.Truesize -= nlen

	tcpFragmentSeqs(skb, buff, length)
	buff.Cb.Sacked = skb.Cb.Sacked
	tcpSkbFragmentEor(skb, buff)
	n.SkbSplit(skb, buff, int(length)) // :1329
	buff.IpSummed = core.ChecksumPartial
	buff.SkbMstampNs = skb.SkbMstampNs
	tcpFragmentTstamp(skb, buff)

	oldFactor := int(skb.Cb.TcpGsoSegs)
	tcpSetSkbTsoSegs(skb, mssNow)
	tcpSetSkbTsoSegs(buff, mssNow)
	buff.Cb.TxInFlight = skb.Cb.TxInFlight
	buff.Cb.TxIsAppLimited = skb.Cb.TxIsAppLimited
	buff.Cb.TxDelivered = skb.Cb.TxDelivered
	buff.Cb.TxFirstTxMstamp = skb.Cb.TxFirstTxMstamp
	buff.Cb.TxDeliveredMstamp = skb.Cb.TxDeliveredMstamp

	if !wire.Before(tp.SndNxt, buff.Cb.EndSeq) { // it was sent already
		if diff := oldFactor - int(skb.Cb.TcpGsoSegs) - int(buff.Cb.TcpGsoSegs); diff != 0 {
			n.tcpAdjustPcount(sk, skb, diff) // :1353
		}
	}
	n.tcpInsertWriteQueueAfter(skb, buff, sk, tcpQueue) // :1358
	if tcpQueue == tcpFragInRtxQueue {
		tsortedAddAfter(tp, buff, skb)
	}
	return 0
}

// tsoFragment is tcpFragment for a packet that was never sent and keeps all
// its data in page fragments.
func (n *Net) tsoFragment(sk *core.Sock, tcpQueue int, skb *core.SkBuff, length, mssNow uint32) int {
	kernel.Fentry5(&n.Kernel, sk, tcpQueue, skb, length, mssNow) // tso_fragment net/ipv4/tcp_output.c:1853

	if skb.Len != skb.DataLen {
		return n.tcpFragment(sk, tcpQueue, skb, length, mssNow) // :1860
	}
	buff := n.skStreamAllocSkb(sk, 0, true) // :1862
	if buff == nil {
		return -core.ENOMEM
	}
	sk.SkWmemQueued += buff.Truesize
	n.SkMemCharge(sk, buff.Truesize)
	nlen := skb.Len - int(length)
	buff.Truesize += nlen
	skb.Truesize -= nlen

	tcpFragmentSeqs(skb, buff, length)
	buff.Cb.Sacked = 0
	tcpSkbFragmentEor(skb, buff)
	buff.IpSummed = core.ChecksumPartial
	n.SkbSplit(skb, buff, int(length)) // :1887
	tcpFragmentTstamp(skb, buff)
	tcpSetSkbTsoSegs(skb, mssNow)
	tcpSetSkbTsoSegs(buff, mssNow)
	n.tcpInsertWriteQueueAfter(skb, buff, sk, tcpQueue) // :1896
	return 0
}

// pskbTrimHead__ drops the first length bytes of skb's data and returns how
// many of them lay in page fragments.
func (n *Net) pskbTrimHead__(skb *core.SkBuff, length int) int {
	kernel.Fentry2(&n.Kernel, skb, length) // __pskb_trim_head net/ipv4/tcp_output.c:1369

	if eat := min(length, skb.Headlen()); eat != 0 {
		skb.Data += eat
		skb.Len -= eat
		length -= eat
		if length == 0 {
			return 0
		}
	}
	eat, k := int32(length), uint8(0)
	frags := &skb.Head.Frags
	for i := range skb.Head.NrFrags {
		if frags[i].Size <= eat {
			eat -= frags[i].Size
			n.PutPage(frags[i].Page)
			frags[i] = core.Frag{}
			continue
		}
		f := frags[i]
		frags[i] = core.Frag{}
		f.Off += eat
		f.Size -= eat
		eat = 0
		frags[k] = f
		k++
	}
	skb.Head.NrFrags = k
	skb.DataLen -= length
	skb.Len = skb.DataLen
	return length
}

// tcpTrimHead drops the first length bytes of a packet of the retransmit
// queue: they are acknowledged.
func (n *Net) tcpTrimHead(sk *core.Sock, skb *core.SkBuff, length uint32) int {
	kernel.Fentry3(&n.Kernel, sk, skb, length) // tcp_trim_head net/ipv4/tcp_output.c:1408

	if n.SkbUnclone(skb) != 0 { // :1411
		return -core.ENOMEM
	}
	delta := n.pskbTrimHead__(skb, int(length)) // :1414
	skb.Cb.Seq += length
	skb.IpSummed = core.ChecksumPartial
	if delta != 0 {
		skb.Truesize -= delta
		sk.SkWmemQueued -= delta
		n.SkMemUncharge(sk, delta) // :1422
		core.SockSetFlag(sk, core.SockQueueShrunk)
	}
	if skb.Cb.TcpGsoSegs > 1 {
		tcpSetSkbTsoSegs(skb, uint32(skb.Cb.TcpGsoSize))
	}
	return 0
}
