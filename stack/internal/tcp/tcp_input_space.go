// The receive window and the buffers behind it: rcv_ssthresh, the guess at the
// sender's MSS, receive buffer auto-tuning with its own RTT measure, and the
// growth of the send buffer; after net/ipv4/tcp_input.c.

package tcp

import (
	"math/bits"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpMeasureRcvMss learns from skb what segments the other side sends, which
// is what the delayed ACK counts in.
func (n *Net) tcpMeasureRcvMss(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_measure_rcv_mss net/ipv4/tcp_input.c:158

	tp := tcpSk(sk)
	lss := int(tp.IcskAck.LastSegSize)
	tp.IcskAck.LastSegSize = 0

	size := int(skb.Head.GsoSize)
	if size == 0 {
		size = skb.Len
	}
	if size >= int(tp.IcskAck.RcvMss) {
		tp.IcskAck.RcvMss = uint16(min(size, int(tp.Advmss)))
		return
	}
	// A short segment may be a full one whose room went to SACK blocks: count
	// its header too, which varies against the data.
	size += skb.Data - skb.TransportHeader
	const remnant = wire.FIN | wire.URG | wire.SYN | wire.PSH
	if size >= tcpMssDefault+wire.TCPMinLen || size >= tcpMinMss+wire.TCPMinLen && skb.Tcp().Flags()&remnant == 0 {
		size -= int(tp.TcpHeaderLen)
		tp.IcskAck.LastSegSize = uint16(size)
		if size == lss {
			tp.IcskAck.RcvMss = uint16(size)
			return
		}
	}
	if tp.IcskAck.Pending&icskAckPushed != 0 {
		tp.IcskAck.Pending |= icskAckPushed2
	}
	tp.IcskAck.Pending |= icskAckPushed
}

// tcpSndbufExpand lets the send buffer hold what the congestion window may
// have in flight, with room to spare.
func (n *Net) tcpSndbufExpand(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_sndbuf_expand net/ipv4/tcp_input.c:330

	tp := tcpSk(sk)
	sharedInfo := -core.SkbWithOverhead(0)
	perMss := int(max(uint32(tp.RxOpt.MssClamp), tp.MssCache)) + core.MaxTcpHeader + sharedInfo
	perMss = 1<<bits.Len(uint(perMss-1)) + core.SkbTruesize(0) - sharedInfo
	segs := max(tcpInitCwndDefault, tp.SndCwnd, tp.Reordering+1)

	sndmem := 2
	if ca := tp.IcskCaOps; ca.SndbufExpand != nil {
		sndmem = int(ca.SndbufExpand(sk)) // :352
	}
	sndmem *= int(segs) * perMss
	if sk.SkSndbuf < sndmem {
		sk.SkSndbuf = min(sndmem, n.Sysctl.TcpWmem[2])
	}
}

// tcpGrowWindow__ decides by how much rcv_ssthresh may grow after a segment
// whose buffer is large for its data: by two segments if such buffers would
// still fit when the window has grown, by nothing otherwise.
func (n *Net) tcpGrowWindow__(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // __tcp_grow_window net/ipv4/tcp_input.c:387

	tp := tcpSk(sk)
	truesize := n.tcpWinFromSpace(sk, skb.Truesize) >> 1
	window := n.tcpWinFromSpace(sk, n.Sysctl.TcpRmem[2]) >> 1
	for int(tp.RcvSsthresh) <= window {
		if truesize <= skb.Len {
			return 2 * int(tp.IcskAck.RcvMss)
		}
		truesize >>= 1
		window >>= 1
	}
	return 0
}

// tcpGrowWindow raises rcv_ssthresh, the slow start of the window that we
// offer, after a segment that used its memory well.
func (n *Net) tcpGrowWindow(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_grow_window net/ipv4/tcp_input.c:404

	tp := tcpSk(sk)
	if tp.RcvSsthresh >= tp.WindowClamp || int(tp.RcvSsthresh) >= n.tcpSpace(sk) || n.tcpUnderMemoryPressure(sk) {
		return
	}
	incr := 2 * int(tp.Advmss)
	if n.tcpWinFromSpace(sk, skb.Truesize) > skb.Len {
		incr = n.tcpGrowWindow__(sk, skb) // :418
	}
	if incr != 0 {
		incr = max(incr, 2*skb.Len)
		tp.RcvSsthresh = min(tp.RcvSsthresh+uint32(incr), tp.WindowClamp)
		tp.IcskAck.Quick |= 1
	}
}

// tcpInitBufferSpace sizes the buffers and bounds the window of a connection
// that has just been established.
func (n *Net) tcpInitBufferSpace(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_init_buffer_space net/ipv4/tcp_input.c:434

	tp := tcpSk(sk)
	appWin := n.Sysctl.TcpAppWin
	if sk.SkUserlocks&core.SockSndbufLock == 0 {
		n.tcpSndbufExpand(sk) // :439
	}
	tp.RcvqSpace.Space = min(tp.RcvWnd, tcpInitCwndDefault*uint32(tp.Advmss))
	n.tcpMstampRefresh(tp) // :442
	tp.RcvqSpace.Time = tp.TcpMstamp
	tp.RcvqSpace.Seq = tp.CopiedSeq

	maxwin := n.tcpFullSpace(sk)
	advmss := int(tp.Advmss)
	if int(tp.WindowClamp) >= maxwin {
		tp.WindowClamp = uint32(maxwin)
		if appWin != 0 && maxwin > 4*advmss {
			tp.WindowClamp = uint32(max(maxwin-maxwin>>appWin, 4*advmss))
		}
	}
	// One segment stays reserved for the program's sake.
	if clamp := int(tp.WindowClamp); appWin != 0 && clamp > 2*advmss && clamp+advmss > maxwin {
		tp.WindowClamp = uint32(max(2*advmss, maxwin-advmss))
	}
	tp.RcvSsthresh = min(tp.RcvSsthresh, tp.WindowClamp)
	tp.SndCwndStamp = n.TcpJiffies32()
}

// tcpClampWindow answers a receive queue that has outgrown its buffer: the
// buffer grows if it may, or else the window shrinks to two segments.
func (n *Net) tcpClampWindow(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_clamp_window net/ipv4/tcp_input.c:470

	tp := tcpSk(sk)
	tp.IcskAck.Quick = 0
	limit := n.Sysctl.TcpRmem[2]
	if sk.SkRcvbuf < limit && sk.SkUserlocks&core.SockRcvbufLock == 0 && !n.tcpUnderMemoryPressure(sk) &&
		sk.SkProt.MemoryAllocated < sk.SkProt.SysctlMem[0] {
		sk.SkRcvbuf = min(sk.SkBacklog.RmemAlloc, limit)
	}
	if sk.SkBacklog.RmemAlloc > sk.SkRcvbuf {
		tp.RcvSsthresh = min(tp.WindowClamp, 2*uint32(tp.Advmss))
	}
}

// tcpInitializeRcvMss makes a first guess at the segments that will come, low
// rather than high: too low only costs ACKs.
func (n *Net) tcpInitializeRcvMss(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_initialize_rcv_mss net/ipv4/tcp_input.c:500

	tp := tcpSk(sk)
	hint := min(uint32(tp.Advmss), tp.MssCache)
	hint = min(hint, tp.RcvWnd/2)
	hint = min(hint, tcpMssDefault)
	hint = max(hint, tcpMinMss)
	tp.IcskAck.RcvMss = uint16(hint)
}

// tcpRcvRttUpdate takes a sample, in microseconds, into the receiver's RTT. A
// sample that depends on the window (winDep) may be far too long, so that only
// the minimum counts; others are smoothed.
func (n *Net) tcpRcvRttUpdate(tp *TcpSock, sample uint32, winDep bool) {
	kernel.Fentry3(&n.Kernel, tp, sample, winDep) // tcp_rcv_rtt_update net/ipv4/tcp_input.c:520

	est := int64(tp.RcvRttEst.RttUs)
	m := int64(sample)
	switch {
	case est == 0:
		est = m << 3
	case !winDep:
		est += m - est>>3
	default:
		est = min(est, m<<3)
	}
	tp.RcvRttEst.RttUs = uint32(est)
}

// tcpRcvRttMeasure measures the RTT without timestamps: the time that the
// other side takes to fill a window.
func (n *Net) tcpRcvRttMeasure(tp *TcpSock) {
	kernel.Fentry1(&n.Kernel, tp) // tcp_rcv_rtt_measure net/ipv4/tcp_input.c:554

	if tp.RcvRttEst.Time != 0 {
		if wire.Before(tp.RcvNxt, tp.RcvRttEst.Seq) {
			return
		}
		delta := max(tcpStampUsDelta(tp.TcpMstamp, tp.RcvRttEst.Time), 1)
		n.tcpRcvRttUpdate(tp, delta, true) // :561
	}
	tp.RcvRttEst.Seq = tp.RcvNxt + tp.RcvWnd
	tp.RcvRttEst.Time = tp.TcpMstamp
}

// tcpRcvRttMeasureTs measures it with the timestamp that came back, once for
// each value and on full segments only.
func (n *Net) tcpRcvRttMeasureTs(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_rcv_rtt_measure_ts net/ipv4/tcp_input.c:571

	tp := tcpSk(sk)
	if tp.RxOpt.RcvTsecr == tp.RcvRttLastTsecr {
		return
	}
	tp.RcvRttLastTsecr = tp.RxOpt.RcvTsecr
	if skb.Cb.EndSeq-skb.Cb.Seq < uint32(tp.IcskAck.RcvMss) {
		return
	}
	const usPerTick = 1000
	if delta := tcpTimeStamp(tp) - tp.RxOpt.RcvTsecr; delta < (1<<31-1)/usPerTick {
		n.tcpRcvRttUpdate(tp, max(delta, 1)*usPerTick, false) // :586
	}
}

// tcpRcvSpaceAdjust runs each time a program has read data. Once a round trip
// it lets the receive buffer follow what was read in the last one.
func (n *Net) tcpRcvSpaceAdjust(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_rcv_space_adjust net/ipv4/tcp_input.c:597

	tp := tcpSk(sk)
	if n.Trace != nil {
		n.TraceTcpRcvSpaceAdjust(sk)
	}
	n.tcpMstampRefresh(tp) // :603
	elapsed := tcpStampUsDelta(tp.TcpMstamp, tp.RcvqSpace.Time)
	if elapsed < tp.RcvRttEst.RttUs>>3 || tp.RcvRttEst.RttUs == 0 {
		return
	}
	if copied := tp.CopiedSeq - tp.RcvqSpace.Seq; copied > tp.RcvqSpace.Space {
		if n.Sysctl.TcpModerateRcvbuf && sk.SkUserlocks&core.SockRcvbufLock == 0 {
			n.rcvbufFor(sk, copied)
		}
		tp.RcvqSpace.Space = copied
	}
	tp.RcvqSpace.Seq = tp.CopiedSeq
	tp.RcvqSpace.Time = tp.TcpMstamp
}

// rcvbufFor makes the receive buffer hold two windows of what was read in one
// round trip, and more if that has been growing.
func (n *Net) rcvbufFor(sk *core.Sock, copied uint32) {
	tp := tcpSk(sk)
	rcvwin := uint64(copied)<<1 + 16*uint64(tp.Advmss)
	if space := tp.RcvqSpace.Space; space != 0 {
		rcvwin += rcvwin * uint64(copied-space) / uint64(space) << 1
	}
	rcvmem := core.SkbTruesize(int(tp.Advmss) + core.MaxTcpHeader)
	for n.tcpWinFromSpace(sk, rcvmem) < int(tp.Advmss) {
		rcvmem += 128
	}
	rcvwin /= uint64(max(tp.Advmss, 1))
	rcvbuf := int(min(rcvwin*uint64(rcvmem), uint64(n.Sysctl.TcpRmem[2])))
	if rcvbuf > sk.SkRcvbuf {
		sk.SkRcvbuf = rcvbuf
		tp.WindowClamp = uint32(n.tcpWinFromSpace(sk, rcvbuf))
	}
}

// tcpShouldExpandSndbuf reports whether a full send buffer is what holds the
// sender back, and may grow.
func (n *Net) tcpShouldExpandSndbuf(sk *core.Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // tcp_should_expand_sndbuf net/ipv4/tcp_input.c:5108

	tp := tcpSk(sk)
	return sk.SkUserlocks&core.SockSndbufLock == 0 && !n.tcpUnderMemoryPressure(sk) &&
		sk.SkProt.MemoryAllocated < sk.SkProt.SysctlMem[0] && tcpPacketsInFlight(tp) < tp.SndCwnd
}

// tcpNewSpace tells the writer that there is room again.
func (n *Net) tcpNewSpace(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_new_space net/ipv4/tcp_input.c:5139

	if n.tcpShouldExpandSndbuf(sk) { // :5141
		n.tcpSndbufExpand(sk) // :5142
		tcpSk(sk).SndCwndStamp = n.TcpJiffies32()
	}
	sk.SkWriteSpace(sk) // :5146
}

// tcpCheckSpace wakes a writer that waits for room, if ACKs have freed some.
func (n *Net) tcpCheckSpace(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_check_space net/ipv4/tcp_input.c:5151

	if !core.SockFlag(sk, core.SockQueueShrunk) {
		return
	}
	core.SockResetFlag(sk, core.SockQueueShrunk)
	if sk.SkSocket == nil || !core.SockTestBit(core.SockNospace, sk.SkSocket) {
		return
	}
	n.tcpNewSpace(sk) // :5157
	if !core.SockTestBit(core.SockNospace, sk.SkSocket) {
		n.tcpChronoStop(sk, tcpChronoSndbufLimited) // :5159
	}
}
