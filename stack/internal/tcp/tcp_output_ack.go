// ACKs without data, now or delayed (net/ipv4/tcp_output.c).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// tcpSendDelayedAck arms the timer of the delayed ACK, or sends the ACK if that
// timer is about to expire. Whether delay is allowed is the caller's business.
func (n *Net) tcpSendDelayedAck(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_send_delayed_ack net/ipv4/tcp_output.c:3566

	tp := tcpSk(sk)
	ack := &tp.IcskAck
	ato := ack.Ato
	if ato > tcpDelackMin {
		maxAto := uint32(kernel.HZ / 2)
		if ack.Pingpong != 0 || ack.Pending&icskAckPushed != 0 {
			maxAto = tcpDelackMax
		}
		// Not longer than a round trip, if one was measured.
		if tp.SrttUs != 0 {
			maxAto = min(maxAto, max(usecsToJiffies(tp.SrttUs>>3), tcpDelackMin))
		}
		ato = min(ato, maxAto)
	}
	timeout := n.Jiffies() + uint64(ato)
	if ack.Pending&icskAckTimer != 0 {
		if ack.Blocked || int64(ack.Timeout-(n.Jiffies()+uint64(ato>>2))) <= 0 {
			n.tcpSendAck(sk) // :3604
			return
		}
		if int64(timeout-ack.Timeout) >= 0 {
			timeout = ack.Timeout
		}
	}
	ack.Pending |= icskAckSched | icskAckTimer
	ack.Timeout = timeout
	n.SkResetTimer(sk, &tp.IcskDelackTimer, timeout) // :3613
}

// tcpSendAck__ sends an ACK up to rcvNxt, and with it the current window.
func (n *Net) tcpSendAck__(sk *core.Sock, rcvNxt uint32) {
	kernel.Fentry2(&n.Kernel, sk, rcvNxt) // __tcp_send_ack net/ipv4/tcp_output.c:3622

	if sk.SkState == core.TcpClose {
		return
	}
	buff := n.AllocSkb(core.MaxTcpHeader) // :3629
	if buff == nil {
		inetCskScheduleAck(sk)
		inetCsk(sk).IcskAck.Ato = tcpAtoMin
		n.inetCskResetXmitTimer(sk, icskTimeDack, tcpDelackMax, tcpRtoMax) // :3634
		return
	}
	buff.Reserve(core.MaxTcpHeader)
	tcpInitNondataSkb(buff, tcpAcceptableSeq(sk), tcphdrAck)
	// The mark keeps ACKs out of the account of what the connection has queued.
	skbSetTcpPureAck(buff)
	n.tcpTransmitSkb__(sk, buff, 0, rcvNxt) // :3650
}

// tcpSendAck acknowledges all that was received in order.
func (n *Net) tcpSendAck(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_send_ack net/ipv4/tcp_output.c:3655

	n.tcpSendAck__(sk, tcpSk(sk).RcvNxt) // :3656
}
