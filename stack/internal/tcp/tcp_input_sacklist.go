// The SACK blocks that a receiver reports (RFC 2018) and the D-SACK block that
// says what came twice (RFC 2883); after net/ipv4/tcp_input.c. What a sender
// makes of such blocks is in tcp_input_sack.go.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpSackExtend makes sp cover [seq, endSeq) too, if the two overlap or touch.
func tcpSackExtend(sp *TcpSackBlock, seq, endSeq uint32) bool {
	if wire.After(seq, sp.EndSeq) || wire.After(sp.StartSeq, endSeq) {
		return false
	}
	if wire.Before(seq, sp.StartSeq) {
		sp.StartSeq = seq
	}
	if wire.After(endSeq, sp.EndSeq) {
		sp.EndSeq = endSeq
	}
	return true
}

// tcpDsackSet has the next ACK say that [seq, endSeq) came twice.
func (n *Net) tcpDsackSet(sk *core.Sock, seq, endSeq uint32) {
	kernel.Fentry3(&n.Kernel, sk, seq, endSeq) // tcp_dsack_set net/ipv4/tcp_input.c:4167

	tp := tcpSk(sk)
	if !tcpIsSack(tp) || !n.Sysctl.TcpDsack {
		return
	}
	if wire.Before(seq, tp.RcvNxt) {
		n.Mib[core.MibTcpExtTCPDSACKOldSent]++
	} else {
		n.Mib[core.MibTcpExtTCPDSACKOfoSent]++
	}
	tp.RxOpt.Dsack = true
	tp.DuplicateSack[0] = TcpSackBlock{seq, endSeq}
}

// tcpDsackExtend does the same, joined with what is already to be said.
func (n *Net) tcpDsackExtend(sk *core.Sock, seq, endSeq uint32) {
	kernel.Fentry3(&n.Kernel, sk, seq, endSeq) // tcp_dsack_extend net/ipv4/tcp_input.c:4187

	tp := tcpSk(sk)
	if !tp.RxOpt.Dsack {
		n.tcpDsackSet(sk, seq, endSeq) // :4190
		return
	}
	tcpSackExtend(&tp.DuplicateSack[0], seq, endSeq)
}

// tcpRcvSpuriousRetrans picks another transmit hash, and with it perhaps
// another path, when the same segment comes yet again: our ACKs may be lost.
func (n *Net) tcpRcvSpuriousRetrans(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_rcv_spurious_retrans net/ipv4/tcp_input.c:4202

	if skb.Cb.Seq == tcpSk(sk).DuplicateSack[0].StartSeq {
		n.SkRethinkTxhash(sk)
	}
}

// tcpSendDupack answers a segment that is out of window with an ACK that says
// what is expected, and, if its data is old, that it came twice.
func (n *Net) tcpSendDupack(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_send_dupack net/ipv4/tcp_input.c:4210

	tp := tcpSk(sk)
	if skb.Cb.EndSeq != skb.Cb.Seq && wire.Before(skb.Cb.Seq, tp.RcvNxt) {
		n.Mib[core.MibTcpExtDelayedACKLost]++
		n.tcpEnterQuickackMode(sk, tcpMaxQuickacks) // :4213
		if tcpIsSack(tp) && n.Sysctl.TcpDsack {
			n.tcpRcvSpuriousRetrans(sk, skb) // :4218
			endSeq := skb.Cb.EndSeq
			if wire.After(endSeq, tp.RcvNxt) {
				endSeq = tp.RcvNxt
			}
			n.tcpDsackSet(sk, skb.Cb.Seq, endSeq) // :4221
		}
	}
	n.tcpSendAck(sk) // :4225
}

// tcpSackMaybeCoalesce joins to the first block those that it has grown into.
func (n *Net) tcpSackMaybeCoalesce(tp *TcpSock) {
	kernel.Fentry1(&n.Kernel, tp) // tcp_sack_maybe_coalesce net/ipv4/tcp_input.c:4234

	sacks := &tp.SelectiveAcks
	for i := 1; i < int(tp.RxOpt.NumSacks); {
		if tcpSackExtend(&sacks[0], sacks[i].StartSeq, sacks[i].EndSeq) {
			copy(sacks[i:], sacks[i+1:tp.RxOpt.NumSacks])
			tp.RxOpt.NumSacks--
			continue
		}
		i++
	}
}

// tcpSackNewOfoSkb enters [seq, endSeq), which has come out of order, into the
// blocks. The block that holds it becomes the first (RFC 2018 section 4); of too
// many the last is forgotten.
func (n *Net) tcpSackNewOfoSkb(sk *core.Sock, seq, endSeq uint32) {
	kernel.Fentry3(&n.Kernel, sk, seq, endSeq) // tcp_sack_new_ofo_skb net/ipv4/tcp_input.c:4258

	tp := tcpSk(sk)
	sacks := &tp.SelectiveAcks
	cur := int(tp.RxOpt.NumSacks)
	for i := range cur {
		if !tcpSackExtend(&sacks[i], seq, endSeq) {
			continue
		}
		grown := sacks[i]
		copy(sacks[1:i+1], sacks[:i])
		sacks[0] = grown
		if cur > 1 {
			n.tcpSackMaybeCoalesce(tp) // :4272
		}
		return
	}
	if cur >= tcpNumSacks {
		// The sender should hear of the last block before it goes.
		if tp.CompressedAck > tcpFastretransThresh {
			n.tcpSendAck(sk) // :4285
		}
		cur--
		tp.RxOpt.NumSacks--
	}
	copy(sacks[1:cur+1], sacks[:cur])
	sacks[0] = TcpSackBlock{seq, endSeq}
	tp.RxOpt.NumSacks++
}

// tcpSackRemove forgets the blocks that rcv_nxt has passed.
func (n *Net) tcpSackRemove(tp *TcpSock) {
	kernel.Fentry1(&n.Kernel, tp) // tcp_sack_remove net/ipv4/tcp_input.c:4304

	if tp.OutOfOrderQueue.First == nil {
		tp.RxOpt.NumSacks = 0
		return
	}
	kept := 0
	for _, sp := range tp.SelectiveAcks[:tp.RxOpt.NumSacks] {
		if wire.Before(tp.RcvNxt, sp.StartSeq) {
			tp.SelectiveAcks[kept] = sp
			kept++
		}
	}
	tp.RxOpt.NumSacks = uint8(kept)
}
