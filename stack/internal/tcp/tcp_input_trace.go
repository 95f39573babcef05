// What observers hear of segments that arrive (include/trace/events/tcp.h).

package tcp

import "menuos/stack/internal/core"

// traceTcpProbe tells how a connection does when skb arrives.
func (n *Net) traceTcpProbe(sk *core.Sock, skb *core.SkBuff) {
	tp := tcpSk(sk)
	n.TraceTcpProbe(sk, skb, &core.TcpProbe{
		DataLen: skb.Len - skb.Tcp().DataOff(),
		SndNxt:  tp.SndNxt, SndUna: tp.SndUna,
		SndCwnd: tp.SndCwnd, Ssthresh: tcpCurrentSsthresh(sk),
		SndWnd: tp.SndWnd, Srtt: tp.SrttUs >> 3,
		RcvWnd: tp.RcvWnd,
	})
}

// traceDrop tells why skb is lost to sk. Linux 5.0 traces no segment that TCP
// itself drops, because tcp_drop frees without the tracepoint; later kernels do,
// under this name.
func (n *Net) traceDrop(sk *core.Sock, skb *core.SkBuff, reason string) {
	if n.Trace == nil {
		return
	}
	ev := n.WithSkb(n.NewEvent("kfree_skb", 1), skb, skb.Dev).WithSock(&sk.SockCommon)
	ev.Reason = reason
	n.Emit(ev)
}
