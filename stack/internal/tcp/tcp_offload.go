// Cutting a large TCP segment into those that go on the wire, for devices that
// cannot (net/ipv4/tcp_offload.c). Left out: GRO, timestamps of segments, IPv6.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcp4GsoSegment cuts an IPv4 segment.
func (n *Net) tcp4GsoSegment(skb *core.SkBuff, features uint64) (*core.SkBuff, int) {
	kernel.Fentry2(&n.Kernel, skb, features) // tcp4_gso_segment net/ipv4/tcp_offload.c:36

	if skb.Head.GsoType&core.SkbGsoTcpv4 == 0 {
		return nil, -core.EINVAL
	}
	if !n.PskbMayPull(skb, wire.TCPMinLen) { // :39
		return nil, -core.EINVAL
	}
	if skb.IpSummed != core.ChecksumPartial {
		iph := skb.Ip()
		skb.Tcp().SetChecksum(0)
		skb.IpSummed = core.ChecksumPartial
		n.tcpV4SendCheck__(skb, iph.Src(), iph.Dst()) // :52
	}
	return n.tcpGsoSegment(skb, features) // :55
}

// tcpGsoSegment returns the chain of segments, each with its sequence number and
// checksum; FIN and PSH stay with the last, CWR with the first. It returns nil
// and 0 if the device can do the work. The charge for the large segment moves to
// the small ones.
func (n *Net) tcpGsoSegment(skb *core.SkBuff, features uint64) (*core.SkBuff, int) {
	kernel.Fentry2(&n.Kernel, skb, features) // tcp_gso_segment net/ipv4/tcp_offload.c:61

	gsoSkb := skb
	thlen := skb.Tcp().DataOff()
	if thlen < wire.TCPMinLen || !n.PskbMayPull(skb, thlen) { // :78
		return nil, -core.EINVAL
	}
	oldlen := uint32(uint16(^skb.Len))
	skb.Pull(thlen)
	mss := int(skb.Head.GsoSize)
	if skb.Len <= mss {
		return nil, -core.EINVAL
	}
	if core.SkbGsoOk(skb, features) {
		skb.Head.GsoSegs = uint16((skb.Len + mss - 1) / mss)
		return nil, 0
	}
	copyDestructor := core.SameDestructor(gsoSkb, n.TcpWfreeFn)
	oooOkay := gsoSkb.OooOkay
	skb.OooOkay = false
	segs, err := n.SkbSegment(skb, features) // :102
	if err != 0 {
		return nil, err
	}
	segs.OooOkay = oooOkay

	skb = segs
	th := skb.Tcp()
	seq := th.Seq()
	newcheck := ^wire.Fold(uint32(th.Checksum()) + oldlen + uint32(thlen+mss))
	sumTruesize := 0
	for skb.Next != nil {
		th.SetFlags(th.Flags() &^ (wire.FIN | wire.PSH))
		tcpGsoChecksum(skb, th, newcheck)
		seq += uint32(mss)
		if copyDestructor {
			skb.Destructor, skb.Sk = gsoSkb.Destructor, gsoSkb.Sk
			sumTruesize += skb.Truesize
		}
		skb = skb.Next
		th = skb.Tcp()
		th.SetSeq(seq)
		th.SetFlags(th.Flags() &^ wire.CWR)
	}
	if copyDestructor {
		gsoSkb.Sk, skb.Sk = skb.Sk, gsoSkb.Sk
		gsoSkb.Destructor, skb.Destructor = skb.Destructor, gsoSkb.Destructor
		sumTruesize += skb.Truesize
		skb.Sk.SkWmemAlloc += sumTruesize - gsoSkb.Truesize
	}
	last := uint32(skb.Tail - skb.TransportHeader + skb.DataLen)
	tcpGsoChecksum(skb, th, ^wire.Fold(uint32(th.Checksum())+oldlen+last))
	return segs, 0
}

// tcpGsoChecksum gives a segment its checksum, of which check is the pseudo
// header's part, or leaves the rest to the device.
func tcpGsoChecksum(skb *core.SkBuff, th wire.TCP, check uint16) {
	th.SetChecksum(check)
	if skb.IpSummed == core.ChecksumPartial {
		core.GsoResetChecksum(skb, uint32(^check))
	} else {
		th.SetChecksum(core.GsoMakeChecksum(skb, uint32(^check)))
	}
}
