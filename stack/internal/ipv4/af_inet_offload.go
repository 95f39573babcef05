// Cutting large packets in software (net/ipv4/af_inet.c). Left out: merging
// received ones (GRO), tunnels and UDP fragmentation offload.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// inetGsoSegment cuts a packet whose data begins with the IP header: the
// transport protocol cuts its part, then each piece gets its IP header right.
func (n *Net) inetGsoSegment(skb *core.SkBuff, features uint64) (*core.SkBuff, int) {
	kernel.Fentry2(&n.Kernel, skb, features) // inet_gso_segment net/ipv4/af_inet.c:1303

	skb.ResetNetworkHeader()
	nhoff := skb.NetworkHeader - skb.MacHeader
	if !n.PskbMayPull(skb, wire.IPv4MinLen) { // :1306
		return nil, -core.EINVAL
	}
	iph := skb.Ip()
	ihl, id := iph.IHL(), iph.ID()
	if ihl < wire.IPv4MinLen || !n.PskbMayPull(skb, ihl) { // :1318
		return nil, -core.EINVAL
	}
	ops := n.offloads[skb.Ip().Protocol()]
	skb.Pull(ihl)
	skb.ResetTransportHeader()
	if ops == nil || ops.GsoSegment == nil {
		return nil, -core.EPROTONOSUPPORT
	}
	segs, err := ops.GsoSegment(skb, features) // :1342
	if err != 0 || segs == nil {
		return segs, err
	}
	for seg := segs; seg != nil; seg = seg.Next {
		seg.NetworkHeader = seg.MacHeader + nhoff
		iph := seg.Ip()
		iph.SetID(id)
		id += max(1, seg.Head.GsoSegs)
		iph.SetTotalLen(uint16(seg.Len - nhoff))
		iph.UpdateChecksum()
		seg.ResetMacLen()
	}
	return segs, 0
}
