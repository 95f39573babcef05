// Selective acknowledgments (net/ipv4/tcp_input.c): tagging the retransmission
// queue with the blocks of an ACK, and finding duplicates (D-SACK) and
// reordering. How sacked neighbours are joined is in tcp_input_shift.go.
//
// A segment bears three tags: S it was sacked, R a retransmission of it is in
// flight, L it is believed lost. SackedOut, RetransOut and LostOut count them.
// L with S never stands; a sacked segment whose copy still flies is S and R.
//
// Linux finds a block's first segment in a tree. Here the queue is a list, and
// the search walks from the nearest of the places that are known.

package tcp

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const (
	tcpolenSackBase  = 2
	tcpolenSackBlock = 8
)

// tcpSacktagState gathers what tagging finds (struct tcp_sacktag_state). Times
// are of segments that were sent once: the earliest keeps the RTO safe, the
// latest is what congestion control wants.
type tcpSacktagState struct {
	reord      uint32 // lowest sequence that came late
	firstSackt uint64
	lastSackt  uint64
	rate       RateSample // Linux points to tcp_ack's
	flag       int
	mssNow     uint32
	near       *core.SkBuff // where the last search ended
}

// tcpDsackSeen notes that the other side reports duplicates.
func (n *Net) tcpDsackSeen(tp *TcpSock) {
	kernel.Fentry1(&n.Kernel, tp) // tcp_dsack_seen net/ipv4/tcp_input.c:863

	tp.RxOpt.SackOk |= tcpDsackSeen
	tp.Rack.DsackSeen = true
	tp.DsackDups++
}

// tcpCheckSackReordering takes note that lowSeq, sent once, came after higher
// sequences, and widens the reordering distance to match. ts says that a
// timestamp told so.
func (n *Net) tcpCheckSackReordering(sk *core.Sock, lowSeq uint32, ts bool) {
	kernel.Fentry3(&n.Kernel, sk, lowSeq, ts) // tcp_check_sack_reordering net/ipv4/tcp_input.c:875

	tp := tcpSk(sk)
	mss := tp.MssCache
	fack := tcpHighestSackSeq(tp)
	if !wire.Before(lowSeq, fack) {
		return
	}
	metric := fack - lowSeq
	if metric > tp.Reordering*mss && mss != 0 {
		tp.Reordering = min((metric+mss-1)/mss, uint32(n.Sysctl.TcpMaxReordering))
	}
	tp.ReordSeen++
	if ts {
		n.Mib[core.MibTcpExtTCPTSReorder]++
	} else {
		n.Mib[core.MibTcpExtTCPSACKReorder]++
	}
}

// tcpIsSackblockValid reports whether a block can be true: within what is in
// flight, or, for a D-SACK, wholly below SndUna and not older than what undo
// still cares about.
func tcpIsSackblockValid(tp *TcpSock, isDsack bool, startSeq, endSeq uint32) bool {
	if wire.After(endSeq, tp.SndNxt) || !wire.Before(startSeq, endSeq) {
		return false
	}
	// The sequence space is a circle: a start beyond SndNxt may look right.
	if !wire.Before(startSeq, tp.SndNxt) {
		return false
	}
	if wire.After(startSeq, tp.SndUna) {
		return true
	}
	if !isDsack || tp.UndoMarker == 0 {
		return false
	}
	if wire.After(endSeq, tp.SndUna) {
		return false
	}
	if !wire.Before(startSeq, tp.UndoMarker) {
		return true
	}
	if !wire.After(endSeq, tp.UndoMarker) {
		return false
	}
	return !wire.Before(startSeq, endSeq-tp.MaxWindow)
}

// sackBlock reads block i of a SACK option's blocks.
func sackBlock(sp []byte, i int) (startSeq, endSeq uint32) {
	b := sp[i*tcpolenSackBlock:]
	return binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
}

// tcpCheckDsack reports whether the first of the blocks sp is a D-SACK (RFC
// 2883): below the ACK, or inside the second block.
func (n *Net) tcpCheckDsack(sk *core.Sock, ackSkb *core.SkBuff, sp []byte, numSacks int, priorSndUna uint32) bool {
	kernel.Fentry4(&n.Kernel, sk, ackSkb, numSacks, priorSndUna) // tcp_check_dsack net/ipv4/tcp_input.c:1084

	tp := tcpSk(sk)
	startSeq0, endSeq0 := sackBlock(sp, 0)
	dupSack := false
	if wire.Before(startSeq0, ackSkb.Cb.AckSeq) {
		dupSack = true
		n.tcpDsackSeen(tp) // :1091
		n.Mib[core.MibTcpExtTCPDSACKRecv]++
	} else if numSacks > 1 {
		startSeq1, endSeq1 := sackBlock(sp, 1)
		if !wire.After(endSeq0, endSeq1) && !wire.Before(startSeq0, startSeq1) {
			dupSack = true
			n.tcpDsackSeen(tp) // :1100
			n.Mib[core.MibTcpExtTCPDSACKOfoRecv]++
		}
	}

	// What it reports may be gone from the queue already: count it here.
	if dupSack && tp.UndoMarker != 0 && tp.UndoRetrans > 0 &&
		!wire.After(endSeq0, priorSndUna) && wire.After(endSeq0, tp.UndoMarker) {
		tp.UndoRetrans--
	}
	return dupSack
}

// tcpMatchSkbToSack returns 1 if skb lies within the block and 0 if not; a
// segment of several packets is split at a packet's border to make it so, and
// where that fails the result is a negative errno.
func (n *Net) tcpMatchSkbToSack(sk *core.Sock, skb *core.SkBuff, startSeq, endSeq uint32) int {
	kernel.Fentry4(&n.Kernel, sk, skb, startSeq, endSeq) // tcp_match_skb_to_sack net/ipv4/tcp_input.c:1144

	inSack := !wire.After(startSeq, skb.Cb.Seq) && !wire.Before(endSeq, skb.Cb.EndSeq)
	if tcpSkbPcount(skb) > 1 && !inSack && wire.After(skb.Cb.EndSeq, startSeq) {
		mss := uint32(tcpSkbMss(skb))
		inSack = !wire.After(startSeq, skb.Cb.Seq)
		var pktLen uint32
		if !inSack {
			pktLen = max(startSeq-skb.Cb.Seq, mss)
		} else {
			pktLen = endSeq - skb.Cb.Seq
			if pktLen < mss {
				return -core.EINVAL
			}
		}
		// Whole packets only, but for a short one at the end.
		if pktLen > mss {
			newLen := pktLen / mss * mss
			if !inSack && newLen < pktLen {
				newLen += mss
			}
			pktLen = newLen
		}
		if pktLen >= uint32(skb.Len) && !inSack {
			return 0
		}
		err := n.tcpFragment(sk, tcpFragInRtxQueue, skb, pktLen, mss) // :1175
		if err < 0 {
			return err
		}
	}
	if inSack {
		return 1
	}
	return 0
}

// tcpSacktagOne tags a range that was sacked, with the tags that it had, and
// keeps the counters. It returns the new tags.
func (n *Net) tcpSacktagOne(sk *core.Sock, state *tcpSacktagState, sacked uint8, startSeq, endSeq uint32, dupSack bool, pcount int, xmitTime uint64) uint8 {
	kernel.Fentry5(&n.Kernel, sk, sacked, startSeq, endSeq, dupSack) // tcp_sacktag_one net/ipv4/tcp_input.c:1191

	tp := tcpSk(sk)
	count := uint32(pcount)

	if dupSack && sacked&core.TcpcbRetrans != 0 {
		if tp.UndoMarker != 0 && tp.UndoRetrans > 0 && wire.After(endSeq, tp.UndoMarker) {
			tp.UndoRetrans--
		}
		if sacked&core.TcpcbSackedAcked != 0 && wire.Before(startSeq, state.reord) {
			state.reord = startSeq
		}
	}
	// What is acked as well is about to go.
	if !wire.After(endSeq, tp.SndUna) {
		return sacked
	}

	if sacked&core.TcpcbSackedAcked == 0 {
		n.tcpRackAdvance(tp, sacked, endSeq, xmitTime) // :1208

		if sacked&core.TcpcbSackedRetrans != 0 {
			// Without L the original came, and the copy is still on its way.
			if sacked&core.TcpcbLost != 0 {
				sacked &^= core.TcpcbLost | core.TcpcbSackedRetrans
				tp.LostOut -= count
				tp.RetransOut -= count
			}
		} else {
			if sacked&core.TcpcbRetrans == 0 {
				// A hole filled by what was sent once: it came late.
				if wire.Before(startSeq, tcpHighestSackSeq(tp)) && wire.Before(startSeq, state.reord) {
					state.reord = startSeq
				}
				if !wire.After(endSeq, tp.HighSeq) {
					state.flag |= flagOrigSackAcked
				}
				if state.firstSackt == 0 {
					state.firstSackt = xmitTime
				}
				state.lastSackt = xmitTime
			}
			if sacked&core.TcpcbLost != 0 {
				sacked &^= core.TcpcbLost
				tp.LostOut -= count
			}
		}

		sacked |= core.TcpcbSackedAcked
		state.flag |= flagDataSacked
		tp.SackedOut += count
		tp.Delivered += count

		if tp.LostSkbHint != nil && wire.Before(startSeq, tp.LostSkbHint.Cb.Seq) {
			tp.LostCntHint += pcount
		}
	}

	// A duplicate says that the copy arrived, too.
	if dupSack && sacked&core.TcpcbSackedRetrans != 0 {
		sacked &^= core.TcpcbSackedRetrans
		tp.RetransOut -= count
	}
	return sacked
}

// tcpSacktagWalk tags what the block covers from skb on and returns the first
// segment behind it. nextDup is a D-SACK that lies inside the block.
func (n *Net) tcpSacktagWalk(skb *core.SkBuff, sk *core.Sock, nextDup *TcpSackBlock, state *tcpSacktagState, startSeq, endSeq uint32, dupSackIn bool) *core.SkBuff {
	kernel.Fentry5(&n.Kernel, skb, sk, startSeq, endSeq, dupSackIn) // tcp_sacktag_walk net/ipv4/tcp_input.c:1511

	tp := tcpSk(sk)
	for ; skb != nil; skb = skb.Next {
		inSack := 0
		dupSack := dupSackIn
		if !wire.Before(skb.Cb.Seq, endSeq) {
			break
		}
		if nextDup != nil && wire.Before(skb.Cb.Seq, nextDup.EndSeq) {
			inSack = n.tcpMatchSkbToSack(sk, skb, nextDup.StartSeq, nextDup.EndSeq) // :1524
			if inSack > 0 {
				dupSack = true
			}
		}
		// Shifting may free this segment and the next.
		if inSack <= 0 {
			tmp := n.tcpShiftSkbData(sk, skb, state, startSeq, endSeq, dupSack) // :1536
			if tmp != nil {
				if tmp != skb {
					skb = tmp
					continue
				}
				inSack = 0
			} else {
				inSack = n.tcpMatchSkbToSack(sk, skb, startSeq, endSeq) // :1546
			}
		}
		if inSack < 0 {
			break
		}
		if inSack != 0 {
			skb.Cb.Sacked = n.tcpSacktagOne(sk, state, skb.Cb.Sacked, skb.Cb.Seq, skb.Cb.EndSeq, dupSack, tcpSkbPcount(skb), tcpSkbTimestampUs(skb)) // :1557
			n.tcpRateSkbDelivered(sk, skb, &state.rate)                                                                                              // :1565
			if skb.Cb.Sacked&core.TcpcbSackedAcked != 0 {
				tsortedDel(tp, skb)
			}
			if !wire.Before(skb.Cb.Seq, tcpHighestSackSeq(tp)) {
				tcpAdvanceHighestSack(sk, skb)
			}
		}
	}
	return skb
}

// tcpSacktagBsearch finds the segment that holds seq; nil if none does.
func (n *Net) tcpSacktagBsearch(sk *core.Sock, state *tcpSacktagState, seq uint32) *core.SkBuff {
	kernel.Fentry2(&n.Kernel, sk, seq) // tcp_sacktag_bsearch net/ipv4/tcp_input.c:1581

	tp := tcpSk(sk)
	skb := sk.TcpRtxQueue.First
	if skb == nil || wire.Before(seq, skb.Cb.Seq) || !wire.Before(seq, sk.TcpRtxQueue.Last.Cb.EndSeq) {
		return nil
	}
	// Walk from the nearest place that is known.
	near := [...]*core.SkBuff{sk.TcpRtxQueue.Last, tp.HighestSack, state.near, tp.RetransmitSkbHint}
	dist := seq - skb.Cb.Seq
	for _, p := range near {
		if p == nil {
			continue
		}
		d := p.Cb.Seq - seq
		if wire.Before(p.Cb.Seq, seq) {
			d = seq - p.Cb.Seq
		}
		if d < dist {
			skb, dist = p, d
		}
	}
	for skb != nil && wire.Before(seq, skb.Cb.Seq) {
		skb = skb.Prev
	}
	for skb != nil && !wire.Before(seq, skb.Cb.EndSeq) {
		skb = skb.Next
	}
	state.near = skb
	return skb
}

// tcpSacktagSkip is the segment that holds skipToSeq, or skb if that lies
// behind it already.
func (n *Net) tcpSacktagSkip(skb *core.SkBuff, sk *core.Sock, state *tcpSacktagState, skipToSeq uint32) *core.SkBuff {
	kernel.Fentry3(&n.Kernel, skb, sk, skipToSeq) // tcp_sacktag_skip net/ipv4/tcp_input.c:1604

	if skb != nil && wire.After(skb.Cb.Seq, skipToSeq) {
		return skb
	}
	return n.tcpSacktagBsearch(sk, state, skipToSeq) // :1607
}

// tcpMaybeSkippingDsack tags a D-SACK that lies in a part which is skipped.
func (n *Net) tcpMaybeSkippingDsack(skb *core.SkBuff, sk *core.Sock, nextDup *TcpSackBlock, state *tcpSacktagState, skipToSeq uint32) *core.SkBuff {
	kernel.Fentry3(&n.Kernel, skb, sk, skipToSeq) // tcp_maybe_skipping_dsack net/ipv4/tcp_input.c:1616

	if nextDup == nil {
		return skb
	}
	if wire.Before(nextDup.StartSeq, skipToSeq) {
		skb = n.tcpSacktagSkip(skb, sk, state, nextDup.StartSeq)                            // :1620
		skb = n.tcpSacktagWalk(skb, sk, nil, state, nextDup.StartSeq, nextDup.EndSeq, true) // :1621
	}
	return skb
}

// tcpSacktagWriteQueue tags the retransmission queue with the SACK blocks of
// an ACK and returns flags. Blocks that the last ACK had are not walked again.
func (n *Net) tcpSacktagWriteQueue(sk *core.Sock, ackSkb *core.SkBuff, priorSndUna uint32, state *tcpSacktagState) int {
	kernel.Fentry3(&n.Kernel, sk, ackSkb, priorSndUna) // tcp_sacktag_write_queue net/ipv4/tcp_input.c:1638

	tp := tcpSk(sk)
	ptr := ackSkb.Tcp()[ackSkb.Cb.Sacked:]
	spWire := ptr[2:]
	numSacks := min(tcpNumSacks, (int(ptr[1])-tcpolenSackBase)>>3)

	state.flag = 0
	state.reord = tp.SndNxt
	if tp.SackedOut == 0 {
		tcpHighestSackReset(sk)
	}
	foundDupSack := n.tcpCheckDsack(sk, ackSkb, spWire, numSacks, priorSndUna) // :1657
	if foundDupSack {
		state.flag |= flagDsackingAck
		tp.Delivered++
	}
	// Old ACKs may still have news, very old ones have not.
	if wire.Before(ackSkb.Cb.AckSeq, priorSndUna-tp.MaxWindow) {
		return 0
	}
	if tp.PacketsOut == 0 {
		return state.flag
	}

	// The blocks worth looking at.
	var sp [tcpNumSacks]TcpSackBlock
	usedSacks, firstSackIndex := 0, 0
	for i := range numSacks {
		dupSack := i == 0 && foundDupSack
		startSeq, endSeq := sackBlock(spWire, i)
		sp[usedSacks] = TcpSackBlock{StartSeq: startSeq, EndSeq: endSeq}
		if !tcpIsSackblockValid(tp, dupSack, startSeq, endSeq) {
			switch {
			case dupSack && tp.UndoMarker == 0:
				n.Mib[core.MibTcpExtTCPDSACKIgnoredNoUndo]++
			case dupSack:
				n.Mib[core.MibTcpExtTCPDSACKIgnoredOld]++
			case ackSkb.Cb.AckSeq != tp.SndUna && !wire.After(endSeq, tp.SndUna):
				continue // reordered ACKs bring old blocks
			default:
				n.Mib[core.MibTcpExtTCPSACKDiscard]++
			}
			if i == 0 {
				firstSackIndex = -1
			}
			continue
		}
		if !wire.After(endSeq, priorSndUna) {
			continue
		}
		usedSacks++
	}

	// In order of sequence, so that one walk does for all.
	for i := usedSacks - 1; i > 0; i-- {
		for j := range i {
			if wire.After(sp[j].StartSeq, sp[j+1].StartSeq) {
				sp[j], sp[j+1] = sp[j+1], sp[j]
				if j == firstSackIndex {
					firstSackIndex = j + 1
				}
			}
		}
	}

	state.mssNow = uint32(n.tcpCurrentMss(sk)) // :1726
	var skb *core.SkBuff
	cache := tp.RecvSackCache[:]
	if tp.SackedOut == 0 {
		cache = nil
	}
	for len(cache) > 0 && cache[0].StartSeq == 0 && cache[0].EndSeq == 0 {
		cache = cache[1:]
	}

	for i := 0; i < usedSacks; {
		startSeq, endSeq := sp[i].StartSeq, sp[i].EndSeq
		dupSack := foundDupSack && i == firstSackIndex
		var nextDup *TcpSackBlock
		if foundDupSack && i+1 == firstSackIndex {
			nextDup = &sp[i+1]
		}
		for len(cache) > 0 && !wire.Before(startSeq, cache[0].EndSeq) {
			cache = cache[1:]
		}

		if len(cache) > 0 && !dupSack && wire.After(endSeq, cache[0].StartSeq) {
			known := cache[0]
			// What comes before the known part.
			if wire.Before(startSeq, known.StartSeq) {
				skb = n.tcpSacktagSkip(skb, sk, state, startSeq)                                   // :1761
				skb = n.tcpSacktagWalk(skb, sk, nextDup, state, startSeq, known.StartSeq, dupSack) // :1763
			}
			if !wire.After(endSeq, known.EndSeq) {
				i++
				continue
			}
			skb = n.tcpMaybeSkippingDsack(skb, sk, nextDup, state, known.EndSeq) // :1774
			// What comes behind it.
			cache = cache[1:]
			if tcpHighestSackSeq(tp) != known.EndSeq {
				skb = n.tcpSacktagSkip(skb, sk, state, known.EndSeq) // :1788
				continue
			}
			skb = tcpHighestSack(sk)
			if skb == nil {
				break
			}
		} else {
			if !wire.Before(startSeq, tcpHighestSackSeq(tp)) {
				skb = tcpHighestSack(sk)
				if skb == nil {
					break
				}
			}
			skb = n.tcpSacktagSkip(skb, sk, state, startSeq) // :1799
		}
		skb = n.tcpSacktagWalk(skb, sk, nextDup, state, startSeq, endSeq, dupSack) // :1802
		i++
	}

	// Remember the blocks, at the end of the cache.
	clear(tp.RecvSackCache[:len(tp.RecvSackCache)-usedSacks])
	copy(tp.RecvSackCache[len(tp.RecvSackCache)-usedSacks:], sp[:usedSacks])

	if tp.IcskCaState != tcpCaLoss || tp.UndoMarker != 0 {
		n.tcpCheckSackReordering(sk, state.reord, false) // :1818
	}
	tcpVerifyLeftOut(tp)
	return state.flag
}
