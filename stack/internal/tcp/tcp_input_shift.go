// Joining sacked neighbours (net/ipv4/tcp_input.c): what a SACK block covers of
// a segment moves into the sacked segment before it, so that the queue of a
// window with few holes stays short.

package tcp

import (
	"math"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpShiftedSkb tags the first shifted bytes of skb, which have just been moved
// to the sacked segment prev before it, and frees skb if nothing is left of it,
// which it reports.
func (n *Net) tcpShiftedSkb(sk *core.Sock, prev, skb *core.SkBuff, state *tcpSacktagState, pcount, shifted, mss int, dupSack bool) bool {
	kernel.Fentry5(&n.Kernel, sk, prev, skb, pcount, shifted) // tcp_shifted_skb net/ipv4/tcp_input.c:1275

	tp := tcpSk(sk)
	startSeq := skb.Cb.Seq
	endSeq := startSeq + uint32(shifted)

	// Tags come before sequences: the highest sacked sequence may move with skb.
	n.tcpSacktagOne(sk, state, skb.Cb.Sacked, startSeq, endSeq, dupSack, pcount, tcpSkbTimestampUs(skb)) // :1287
	n.tcpRateSkbDelivered(sk, skb, &state.rate)                                                          // :1290

	if skb == tp.LostSkbHint {
		tp.LostCntHint += pcount
	}
	prev.Cb.EndSeq += uint32(shifted)
	skb.Cb.Seq += uint32(shifted)
	tcpSkbPcountAdd(prev, pcount)
	tcpSkbPcountAdd(skb, -pcount)
	if prev.Cb.TcpGsoSize == 0 {
		prev.Cb.TcpGsoSize = uint16(mss)
	}
	if tcpSkbPcount(skb) <= 1 {
		skb.Cb.TcpGsoSize = 0
	}
	prev.Cb.Sacked |= skb.Cb.Sacked & core.TcpcbEverRetrans

	if skb.Len > 0 {
		n.Mib[core.MibTcpExtTCPSackShifted]++
		return false
	}

	if skb == tp.RetransmitSkbHint {
		tp.RetransmitSkbHint = prev
	}
	if skb == tp.LostSkbHint {
		tp.LostSkbHint = prev
		tp.LostCntHint -= tcpSkbPcount(prev)
	}
	prev.Cb.TcpFlags |= skb.Cb.TcpFlags
	prev.Cb.Eor = skb.Cb.Eor
	if skb.Cb.TcpFlags&tcphdrFin != 0 {
		prev.Cb.EndSeq++
	}
	if skb == tcpHighestSack(sk) {
		tcpAdvanceHighestSack(sk, skb)
	}
	tcpSkbCollapseTstamp(prev, skb)
	prev.Cb.TxDeliveredMstamp = 0
	if state.near == skb {
		state.near = prev
	}
	n.tcpRtxQueueUnlinkAndFree(skb, sk) // :1344
	n.Mib[core.MibTcpExtTCPSackMerged]++
	return true
}

// tcpSkbSeglen is the size of a segment's packets.
func tcpSkbSeglen(skb *core.SkBuff) int {
	if tcpSkbPcount(skb) == 1 {
		return skb.Len
	}
	return tcpSkbMss(skb)
}

// skbCanShift reports whether a segment's data is all in fragments, which can
// be moved to another segment.
func skbCanShift(skb *core.SkBuff) bool { return skb.Headlen() == 0 && skb.DataLen != 0 }

// tcpShiftSkbData moves what the block covers of skb into the sacked segment
// before it, and the sacked segment behind it too if that closes the gap. It
// returns the segment at which the walk goes on, or nil if skb must be tagged
// where it is.
func (n *Net) tcpShiftSkbData(sk *core.Sock, skb *core.SkBuff, state *tcpSacktagState, startSeq, endSeq uint32, dupSack bool) *core.SkBuff {
	kernel.Fentry5(&n.Kernel, sk, skb, startSeq, endSeq, dupSack) // tcp_shift_skb_data net/ipv4/tcp_input.c:1373

	tp := tcpSk(sk)
	prev := skb.Prev
	// An R without L does not become a plain S.
	if !dupSack && skb.Cb.Sacked&(core.TcpcbLost|core.TcpcbSackedRetrans) == core.TcpcbSackedRetrans ||
		!skbCanShift(skb) || !wire.After(skb.Cb.EndSeq, tp.SndUna) ||
		prev == nil || prev.Cb.Sacked&core.TcpcbTagbits != core.TcpcbSackedAcked || !tcpSkbCanCollapseTo(prev) {
		n.Mib[core.MibTcpExtTCPSackShiftFallback]++
		return nil
	}

	var length, pcount, mss int
	if !wire.After(startSeq, skb.Cb.Seq) && !wire.Before(endSeq, skb.Cb.EndSeq) {
		length = skb.Len
		pcount = tcpSkbPcount(skb)
		mss = tcpSkbSeglen(skb)
		if mss != tcpSkbSeglen(prev) {
			n.Mib[core.MibTcpExtTCPSackShiftFallback]++
			return nil
		}
	} else {
		if !wire.After(skb.Cb.EndSeq, startSeq) || tcpSkbPcount(skb) <= 1 {
			return skb
		}
		mss = tcpSkbMss(skb)
		if wire.After(startSeq, skb.Cb.Seq) || mss != tcpSkbSeglen(prev) {
			n.Mib[core.MibTcpExtTCPSackShiftFallback]++
			return nil
		}
		// Whole packets only.
		length = int(int32(endSeq - skb.Cb.Seq))
		if length < mss {
			return skb
		}
		pcount = length / mss
		length = pcount * mss
	}
	// Below SndUna nothing is tagged.
	if !wire.After(skb.Cb.Seq+uint32(length), tp.SndUna) {
		n.Mib[core.MibTcpExtTCPSackShiftFallback]++
		return nil
	}

	// menuos does not let the count of packets overflow, because Linux 5.0.1
	// stops the machine when it does (CVE-2019-11477).
	if tcpSkbPcount(prev)+pcount > math.MaxUint16 || tcpSkbPcount(skb) < pcount {
		n.Mib[core.MibTcpExtTCPSackShiftFallback]++
		return nil
	}
	shifted := n.SkbShift(prev, skb, length) // :1470
	if shifted == 0 {
		n.Mib[core.MibTcpExtTCPSackShiftFallback]++
		return nil
	}
	eaten := n.tcpShiftedSkb(sk, prev, skb, state, pcount, length, mss, dupSack) // :1472
	if !eaten {
		return prev
	}

	// The hole is filled: the next segment may join as well.
	skb = prev.Next
	if skb == nil || !skbCanShift(skb) ||
		skb.Cb.Sacked&core.TcpcbTagbits != core.TcpcbSackedAcked || mss != tcpSkbSeglen(skb) ||
		tcpSkbPcount(prev)+tcpSkbPcount(skb) > math.MaxUint16 {
		return prev
	}
	length = skb.Len
	shifted = n.SkbShift(prev, skb, length) // :1488
	if shifted != 0 {
		n.tcpShiftedSkb(sk, prev, skb, state, tcpSkbPcount(skb), length, mss, false) // :1490
	}
	return prev
}
