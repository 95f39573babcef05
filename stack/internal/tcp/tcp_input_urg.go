// Urgent data (RFC 6093): one byte, which the urgent pointer marks, is kept
// apart from the stream; after net/ipv4/tcp_input.c. menuos sends no SIGURG,
// because its programs have no signal handlers.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpCheckUrg takes note of a new urgent pointer, unless it points at what has
// been received, or before one already known.
func (n *Net) tcpCheckUrg(sk *core.Sock, th wire.TCP) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_check_urg net/ipv4/tcp_input.c:5253

	tp := tcpSk(sk)
	ptr := uint32(th.Urgent())
	if ptr != 0 && !n.Sysctl.TcpStdurg {
		ptr--
	}
	ptr += th.Seq()
	if wire.After(tp.CopiedSeq, ptr) || wire.Before(ptr, tp.RcvNxt) {
		return
	}
	if tp.UrgData != 0 && !wire.After(ptr, tp.UrgSeq) {
		return
	}

	// The urgent byte that was to be read next gives way to the new one.
	if tp.UrgSeq == tp.CopiedSeq && tp.UrgData != 0 && !core.SockFlag(sk, core.SockUrginline) && tp.CopiedSeq != tp.RcvNxt {
		skb := sk.SkReceiveQueue.First
		tp.CopiedSeq++
		if skb != nil && !wire.Before(tp.CopiedSeq, skb.Cb.EndSeq) {
			sk.SkReceiveQueue.Unlink(skb)
			n.KfreeSkb__(skb) // :5305
		}
	}
	tp.UrgData = tcpUrgNotyet
	tp.UrgSeq = ptr
	tp.PredFlags = 0
}

// tcpUrg takes the urgent byte out of skb, if it has come. skb still has its
// header in front.
func (n *Net) tcpUrg(sk *core.Sock, skb *core.SkBuff, th wire.TCP) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_urg net/ipv4/tcp_input.c:5318

	tp := tcpSk(sk)
	if th.Flags()&wire.URG != 0 {
		n.tcpCheckUrg(sk, th) // :5323
	}
	if tp.UrgData != tcpUrgNotyet {
		return
	}
	ptr := tp.UrgSeq - th.Seq() + uint32(th.DataOff())
	if th.Flags()&wire.SYN != 0 {
		ptr--
	}
	if ptr >= uint32(skb.Len) {
		return
	}
	var b [1]byte
	n.SkbCopyBits(skb, int(ptr), b[:]) // :5333
	tp.UrgData = tcpUrgValid | uint16(b[0])
	if !core.SockFlag(sk, core.SockDead) {
		sk.SkDataReady(sk) // :5337
	}
}
