// Echo replies (net/ipv4/ping.c). menuos has no ping sockets (SOCK_DGRAM with
// IPPROTO_ICMP): ping uses a raw socket, which has its copy by the time that
// an echo reply comes here.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// pingRcv looks for the ping socket that waits for an echo reply. There is
// none, so the reply is dropped.
func (n *Net) pingRcv(skb *core.SkBuff) bool {
	kernel.Fentry1(&n.Kernel, skb) // ping_rcv net/ipv4/ping.c:966

	skb.Push(skb.Data - skb.TransportHeader)
	n.Drop("no socket")
	return false
}
