// virtio's header of a frame (include/linux/virtio_net.h,
// include/uapi/linux/virtio_net.h), which says what is left to do to it.

package core

import "menuos/stack/internal/kernel"

// Flags and kinds of a VirtioNetHdr.
const (
	VirtioNetHdrFNeedsCsum = 1
	VirtioNetHdrFDataValid = 2

	VirtioNetHdrGsoNone  = 0
	VirtioNetHdrGsoTcpv4 = 1
	VirtioNetHdrGsoUdp   = 3
	VirtioNetHdrGsoTcpv6 = 4
	VirtioNetHdrGsoEcn   = 0x80
)

// VirtioNetHdr is the header (struct virtio_net_hdr). Lengths and offsets are in
// bytes, from the start of the frame; CsumOffset is from CsumStart.
type VirtioNetHdr struct {
	Flags, GSOType                         uint8
	HdrLen, GSOSize, CsumStart, CsumOffset uint16
}

// virtioGsoTypes are the kinds of large packets.
var virtioGsoTypes = map[uint8]uint32{
	VirtioNetHdrGsoTcpv4: SkbGsoTcpv4,
	VirtioNetHdrGsoTcpv6: SkbGsoTcpv6,
	VirtioNetHdrGsoUdp:   SkbGsoUdp,
}

// virtioNetHdrToSkb tells a received packet what its header says; EINVAL if that
// cannot be.
func (n *Net) virtioNetHdrToSkb(skb *SkBuff, hdr VirtioNetHdr) int {
	kernel.Fentry1(&n.Kernel, skb) // virtio_net_hdr_to_skb include/linux/virtio_net.h:30

	var gsoType uint32
	if hdr.GSOType != VirtioNetHdrGsoNone {
		gsoType = virtioGsoTypes[hdr.GSOType&^VirtioNetHdrGsoEcn]
		if gsoType == 0 || hdr.GSOSize == 0 {
			return -EINVAL
		}
		if hdr.GSOType&VirtioNetHdrGsoEcn != 0 {
			gsoType |= SkbGsoTcpEcn
		}
	}
	if hdr.Flags&VirtioNetHdrFNeedsCsum != 0 {
		if !n.skbPartialCsumSet(skb, hdr.CsumStart, hdr.CsumOffset) { // :58
			return -EINVAL
		}
	}
	if gsoType != 0 {
		skb.Head.GsoSize, skb.Head.GsoType, skb.Head.GsoSegs = hdr.GSOSize, gsoType|SkbGsoDodgy, 0
	}
	return 0
}

// skbPartialCsumSet makes a packet's checksum a partial one, if there is room for
// it in the linear part.
func (n *Net) skbPartialCsumSet(skb *SkBuff, start, off uint16) bool {
	kernel.Fentry3(&n.Kernel, skb, start, off) // skb_partial_csum_set net/core/skbuff.c:4470

	if int(start)+int(off)+2 > skb.Headlen() {
		return false
	}
	skb.IpSummed = ChecksumPartial
	skb.CsumStart = skb.Headroom() + int(start)
	skb.CsumOffset = int(off)
	skb.SetTransportHeader(int(start))
	return true
}

// virtioNetHdrFromSkb says what is left to do to a packet that leaves; EINVAL if
// the header has no word for it.
func (n *Net) virtioNetHdrFromSkb(skb *SkBuff) (hdr VirtioNetHdr, err int) {
	kernel.Fentry1(&n.Kernel, skb) // virtio_net_hdr_from_skb include/linux/virtio_net.h:101

	if skb.IsGso() {
		if skb.Head.GsoType&SkbGsoTcpv4 == 0 {
			return hdr, -EINVAL
		}
		hdr.GSOType = VirtioNetHdrGsoTcpv4
		if skb.Head.GsoType&SkbGsoTcpEcn != 0 {
			hdr.GSOType |= VirtioNetHdrGsoEcn
		}
		hdr.HdrLen = uint16(skb.Headlen())
		hdr.GSOSize = skb.Head.GsoSize
	}
	if skb.IpSummed == ChecksumPartial {
		hdr.Flags = VirtioNetHdrFNeedsCsum
		hdr.CsumStart = uint16(skb.ChecksumStartOffset())
		hdr.CsumOffset = uint16(skb.CsumOffset)
	}
	return hdr, 0
}
