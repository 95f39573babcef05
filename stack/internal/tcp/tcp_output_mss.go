// The size of segments: path MTU, MSS, and probing for a larger MTU
// (net/ipv4/tcp_output.c).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// minMss leaves room for 40 bytes of options and 8 of data.
const minMss = 48

// tcpMtuToMss__ is the largest segment, options and data, that fits an MTU.
func tcpMtuToMss__(sk *core.Sock, pmtu int) int {
	tp := tcpSk(sk)
	mss := pmtu - int(tp.IcskAfOps.NetHeaderLen) - wire.TCPMinLen
	mss = min(mss, int(tp.RxOpt.MssClamp))
	mss -= int(tp.IcskExtHdrLen)
	return max(mss, minMss)
}

// tcpMtuToMss is how much data such a segment carries, if it has no SACK
// blocks.
func (n *Net) tcpMtuToMss(sk *core.Sock, pmtu int) int {
	kernel.Fentry2(&n.Kernel, sk, pmtu) // tcp_mtu_to_mss net/ipv4/tcp_output.c:1468

	return tcpMtuToMss__(sk, pmtu) - (int(tcpSk(sk).TcpHeaderLen) - wire.TCPMinLen)
}

// tcpMssToMtu is the reverse of tcpMtuToMss.
func (n *Net) tcpMssToMtu(sk *core.Sock, mss int) int {
	kernel.Fentry2(&n.Kernel, sk, mss) // tcp_mss_to_mtu net/ipv4/tcp_output.c:1476

	tp := tcpSk(sk)
	return mss + int(tp.TcpHeaderLen) + int(tp.IcskExtHdrLen) + int(tp.IcskAfOps.NetHeaderLen)
}

// tcpMtupInit sets the range in which MTU probing may search.
func (n *Net) tcpMtupInit(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_mtup_init net/ipv4/tcp_output.c:1499

	tp := tcpSk(sk)
	mtup := &tp.IcskMtup
	mtup.Enabled = n.Sysctl.TcpMtuProbing > 1
	mtup.SearchHigh = int(tp.RxOpt.MssClamp) + wire.TCPMinLen + int(tp.IcskAfOps.NetHeaderLen)
	mtup.SearchLow = n.tcpMssToMtu(sk, int(n.Sysctl.TcpBaseMss)) // :1507
	mtup.ProbeSize = 0
	if mtup.Enabled {
		mtup.ProbeTimestamp = n.TcpJiffies32()
	}
}

// tcpSyncMss computes the MSS anew from a path MTU, keeps it in MssCache and
// returns it.
func (n *Net) tcpSyncMss(sk *core.Sock, pmtu uint32) uint32 {
	kernel.Fentry2(&n.Kernel, sk, pmtu) // tcp_sync_mss net/ipv4/tcp_output.c:1542

	tp := tcpSk(sk)
	tp.IcskMtup.SearchHigh = min(tp.IcskMtup.SearchHigh, int(pmtu))
	mss := n.tcpMtuToMss(sk, int(pmtu)) // :1545
	mss = int(tcpBoundToHalfWnd(tp, mss))
	tp.IcskPmtuCookie = pmtu
	if tp.IcskMtup.Enabled {
		low := n.tcpMtuToMss(sk, tp.IcskMtup.SearchLow) // :1551
		mss = min(mss, low)
	}
	tp.MssCache = uint32(mss)
	return uint32(mss)
}

// tcpCurrentMss is how much data the next segment may carry: it takes a changed
// path MTU and the options that are due now into account.
func (n *Net) tcpCurrentMss(sk *core.Sock) uint32 {
	kernel.Fentry1(&n.Kernel, sk) // tcp_current_mss net/ipv4/tcp_output.c:1562

	tp := tcpSk(sk)
	mss := tp.MssCache
	if dst := sk.SkDstCache; dst != nil {
		mtu := n.DstMtu(dst) // :1573
		if mtu != tp.IcskPmtuCookie {
			mss = n.tcpSyncMss(sk, mtu) // :1575
		}
	}
	var opts tcpOutOptions
	headerLen := n.tcpEstablishedOptions(sk, nil, &opts) // :1578
	headerLen += wire.TCPMinLen
	// MssCache allows for the usual options; SACK blocks cost extra.
	return mss - uint32(headerLen-int(tp.TcpHeaderLen))
}

// tcpMtuCheckReprobe opens the search range again when the last search is long
// ago.
func (n *Net) tcpMtuCheckReprobe(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_mtu_check_reprobe net/ipv4/tcp_output.c:2009

	tp := tcpSk(sk)
	mtup := &tp.IcskMtup
	if n.TcpJiffies32()-mtup.ProbeTimestamp < uint32(n.Sysctl.TcpProbeInterval)*kernel.HZ {
		return
	}
	mss := n.tcpCurrentMss(sk) // :2019
	mtup.ProbeSize = 0
	mtup.SearchHigh = int(tp.RxOpt.MssClamp) + wire.TCPMinLen + int(tp.IcskAfOps.NetHeaderLen)
	mtup.SearchLow = n.tcpMssToMtu(sk, int(mss)) // :2026
	mtup.ProbeTimestamp = n.TcpJiffies32()
}

// tcpCanCoalesceSendQueueHead reports whether the first length bytes of the
// write queue may become one segment: no record ends among them.
func tcpCanCoalesceSendQueueHead(sk *core.Sock, length int) bool {
	for skb := tcpSendHead(sk); skb != nil; skb = skb.Next {
		if length <= skb.Len {
			break
		}
		if skb.Cb.Eor {
			return false
		}
		length -= skb.Len
	}
	return true
}

// tcpMtuProbe sends a segment larger than the path is known to carry, if it is
// time for that. It returns 1 if one was sent, 0 to wait until the window has
// room for one, -1 otherwise.
func (n *Net) tcpMtuProbe(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // tcp_mtu_probe net/ipv4/tcp_output.c:2061

	tp := tcpSk(sk)
	mtup := &tp.IcskMtup
	if !mtup.Enabled || mtup.ProbeSize != 0 || tp.IcskCaState != tcpCaOpen ||
		tp.SndCwnd < 11 || tp.RxOpt.NumSacks != 0 || tp.RxOpt.Dsack {
		return -1
	}
	mssNow := n.tcpCurrentMss(sk)                                       // :2088
	probeSize := n.tcpMtuToMss(sk, (mtup.SearchHigh+mtup.SearchLow)>>1) // :2089
	sizeNeeded := uint32(probeSize) + (tp.Reordering+1)*tp.MssCache
	interval := mtup.SearchHigh - mtup.SearchLow
	highest := n.tcpMtuToMss(sk, mtup.SearchHigh) // :2097
	if probeSize > highest || interval < int(n.Sysctl.TcpProbeThreshold) {
		n.tcpMtuCheckReprobe(sk) // :2102
		return -1
	}
	if tp.WriteSeq-tp.SndNxt < sizeNeeded || tp.SndWnd < sizeNeeded {
		return -1
	}
	if wire.After(tp.SndNxt+sizeNeeded, tcpWndEnd(tp)) {
		return 0
	}
	if inFlight := tcpPacketsInFlight(tp); inFlight+2 > tp.SndCwnd {
		if inFlight == 0 {
			return -1
		}
		return 0
	}
	if !tcpCanCoalesceSendQueueHead(sk, probeSize) {
		return -1
	}
	nskb := n.skStreamAllocSkb(sk, probeSize, false) // :2127
	if nskb == nil {
		return -1
	}
	sk.SkWmemQueued += nskb.Truesize
	n.SkMemCharge(sk, nskb.Truesize)
	skb := tcpSendHead(sk)
	nskb.Cb.Seq = skb.Cb.Seq
	nskb.Cb.EndSeq = skb.Cb.Seq + uint32(probeSize)
	nskb.Cb.TcpFlags = tcphdrAck
	nskb.Cb.Sacked = 0
	nskb.Csum = 0
	nskb.IpSummed = core.ChecksumPartial
	tcpInsertWriteQueueBefore(nskb, skb, sk)
	tcpHighestSackReplace(sk, skb, nskb)
	for length := 0; length < probeSize; {
		next := skb.Next
		size := min(skb.Len, probeSize-length)
		n.SkbCopyBits(skb, 0, nskb.Put(size)) // :2148
		length += size
		if skb.Len <= size {
			nskb.Cb.TcpFlags |= skb.Cb.TcpFlags
			nskb.Cb.Eor = skb.Cb.Eor
			tcpUnlinkWriteQueue(skb, sk)
			n.SkWmemFreeSkb(sk, skb) // :2159
		} else {
			nskb.Cb.TcpFlags |= skb.Cb.TcpFlags &^ (tcphdrFin | tcphdrPsh)
			if skb.Head.NrFrags == 0 {
				skb.Pull(size)
			} else {
				n.pskbTrimHead__(skb, size) // :2166
				tcpSetSkbTsoSegs(skb, mssNow)
			}
			skb.Cb.Seq += uint32(size)
		}
		skb = next
	}
	tcpInitTsoSegs(nskb, uint32(nskb.Len))
	if n.tcpTransmitSkb(sk, nskb, 1) != 0 { // :2182
		return -1 // the queue is cut to size again by tcp_write_xmit
	}
	tp.SndCwnd--                                 // it counts for two packets
	n.tcpEventNewDataSent(sk, nskb)              // :2186
	mtup.ProbeSize = n.tcpMssToMtu(sk, nskb.Len) // :2188
	tp.MtuProbe.ProbeSeqStart = nskb.Cb.Seq
	tp.MtuProbe.ProbeSeqEnd = nskb.Cb.EndSeq
	return 1
}
