// What an ACK covers leaves the retransmit queue: the part of
// net/ipv4/tcp_input.c around tcp_clean_rtx_queue.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpSetXmitTimer schedules a loss probe or, where none is due, the RTO.
func (n *Net) tcpSetXmitTimer(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_set_xmit_timer net/ipv4/tcp_input.c:2997

	scheduled := n.tcpScheduleLossProbe(sk, true) // :2997
	if !scheduled {
		n.tcpRearmRto(sk) // :2998
	}
}

// tcpTsoAcked cuts the acked part off a segment that is acked in part and
// returns how many packets that was; 0 if it cannot be cut.
func (n *Net) tcpTsoAcked(sk *core.Sock, skb *core.SkBuff) uint32 {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_tso_acked net/ipv4/tcp_input.c:3004

	tp := tcpSk(sk)
	packetsAcked := tcpSkbPcount(skb)
	err := n.tcpTrimHead(sk, skb, tp.SndUna-skb.Cb.Seq) // :3010
	if err != 0 {
		return 0
	}
	return uint32(packetsAcked - tcpSkbPcount(skb))
}

// tcpCleanRtxQueue frees the acked segments of the retransmission queue, keeps
// the counters in step and measures the round trip. It returns flags.
func (n *Net) tcpCleanRtxQueue(sk *core.Sock, priorFack, priorSndUna uint32, sack *tcpSacktagState) int {
	kernel.Fentry3(&n.Kernel, sk, priorFack, priorSndUna) // tcp_clean_rtx_queue net/ipv4/tcp_input.c:3051

	tp := tcpSk(sk)
	var (
		firstAckt, lastAckt                = uint64(0), uint64(0)
		priorSacked                        = tp.SackedOut
		reord                              = tp.SndNxt // lowest acked that was neither sacked nor sent again
		fullyAcked                         = true
		sackRttUs, seqRttUs, caRttUs int64 = -1, -1, -1
		pktsAcked, lastInFlight            = uint32(0), uint32(0)
		flag                               = 0
	)
	skb := sk.TcpRtxQueue.First
	for skb != nil {
		scb := &skb.Cb
		startSeq := scb.Seq
		sacked := scb.Sacked
		var ackedPcount uint32

		if wire.After(scb.EndSeq, tp.SndUna) {
			if tcpSkbPcount(skb) == 1 || !wire.After(tp.SndUna, scb.Seq) {
				break
			}
			ackedPcount = n.tcpTsoAcked(sk, skb) // :3079
			if ackedPcount == 0 {
				break
			}
			fullyAcked = false
		} else {
			ackedPcount = uint32(tcpSkbPcount(skb))
		}

		if sacked&core.TcpcbRetrans != 0 {
			if sacked&core.TcpcbSackedRetrans != 0 {
				tp.RetransOut -= ackedPcount
			}
			flag |= flagRetransDataAcked
		} else if sacked&core.TcpcbSackedAcked == 0 {
			lastAckt = tcpSkbTimestampUs(skb)
			if firstAckt == 0 {
				firstAckt = lastAckt
			}
			lastInFlight = scb.TxInFlight
			if wire.Before(startSeq, reord) {
				reord = startSeq
			}
			if !wire.After(scb.EndSeq, tp.HighSeq) {
				flag |= flagOrigSackAcked
			}
		}

		if sacked&core.TcpcbSackedAcked != 0 {
			tp.SackedOut -= ackedPcount
		} else if tcpIsSack(tp) {
			tp.Delivered += ackedPcount
			if !tcpSkbSpuriousRetrans(tp, skb) {
				n.tcpRackAdvance(tp, sacked, scb.EndSeq, tcpSkbTimestampUs(skb)) // :3109
			}
		}
		if sacked&core.TcpcbLost != 0 {
			tp.LostOut -= ackedPcount
		}

		tp.PacketsOut -= ackedPcount
		pktsAcked += ackedPcount
		n.tcpRateSkbDelivered(sk, skb, &sack.rate) // :3117

		// A SYN waits in the queue as data does, but acking it acks no data.
		if scb.TcpFlags&tcphdrSyn == 0 {
			flag |= flagDataAcked
		} else {
			flag |= flagSynAcked
			tp.RetransStamp = 0
		}
		if !fullyAcked {
			break
		}

		next := skb.Next
		if skb == tp.RetransmitSkbHint {
			tp.RetransmitSkbHint = nil
		}
		if skb == tp.LostSkbHint {
			tp.LostSkbHint = nil
		}
		n.tcpRtxQueueUnlinkAndFree(skb, sk) // :3141
		skb = next
	}

	if skb == nil {
		n.tcpChronoStop(sk, tcpChronoBusy) // :3145
	}
	if wire.Between(tp.SndUp, priorSndUna, tp.SndUna) {
		tp.SndUp = tp.SndUna
	}
	if skb != nil && skb.Cb.Sacked&core.TcpcbSackedAcked != 0 {
		flag |= flagSackReneging
	}

	if firstAckt != 0 && flag&flagRetransDataAcked == 0 {
		seqRttUs = int64(tcpStampUsDelta(tp.TcpMstamp, firstAckt))
		caRttUs = int64(tcpStampUsDelta(tp.TcpMstamp, lastAckt))
		// A lone short packet, and all in order: its ACK may have waited.
		if pktsAcked == 1 && lastInFlight < tp.MssCache && lastInFlight != 0 &&
			priorSacked == 0 && fullyAcked &&
			sack.rate.PriorDelivered+1 == tp.Delivered && flag&(flagCaAlert|flagSynAcked) == 0 {
			flag |= flagAckMaybeDelayed
		}
	}
	if sack.firstSackt != 0 {
		sackRttUs = int64(tcpStampUsDelta(tp.TcpMstamp, sack.firstSackt))
		caRttUs = int64(tcpStampUsDelta(tp.TcpMstamp, sack.lastSackt))
	}
	rttUpdate := n.tcpAckUpdateRtt(sk, flag, seqRttUs, sackRttUs, caRttUs, &sack.rate) // :3172

	if flag&flagAcked != 0 {
		flag |= flagSetXmitTimer
		if tp.IcskMtup.ProbeSize != 0 && !wire.After(tp.MtuProbe.ProbeSeqEnd, tp.SndUna) {
			n.tcpMtupProbeSuccess(sk) // :3179
		}
		if tcpIsReno(tp) {
			n.tcpRemoveRenoSacks(sk, int(pktsAcked)) // :3183
			// Without SACK nobody can tell the original from its copy.
			if flag&flagRetransDataAcked != 0 {
				flag &^= flagOrigSackAcked
			}
		} else {
			if wire.Before(reord, priorFack) {
				n.tcpCheckSackReordering(sk, reord, false) // :3198
			}
			tp.LostCntHint -= min(tp.LostCntHint, int(int32(priorSacked-tp.SackedOut)))
		}
	} else if skb != nil && rttUpdate && sackRttUs >= 0 &&
		sackRttUs > int64(tcpStampUsDelta(tp.TcpMstamp, tcpSkbTimestampUs(skb))) {
		// Only if what was sacked left before the head last did: otherwise the
		// timeout could be put off for ever.
		flag |= flagSetXmitTimer
	}

	if tp.IcskCaOps.PktsAcked != nil {
		sample := ackSample{pktsAcked: pktsAcked, rttUs: int32(sack.rate.RttUs), inFlight: lastInFlight}
		tp.IcskCaOps.PktsAcked(sk, sample) // :3218
	}
	return flag
}
