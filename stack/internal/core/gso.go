// Segmentation in software: what a device cannot cut itself is cut just before
// it is queued (net/core/dev.c, include/linux/skbuff.h, netdevice.h).

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// PacketOffload is how a protocol cuts its packets (struct packet_offload).
// GsoSegment returns the chain of segments; nil and 0 if the device can do it.
type PacketOffload struct {
	Type       uint16
	GsoSegment func(skb *SkBuff, features uint64) (*SkBuff, int)
}

// DevAddOffload registers a protocol's offload (dev_add_offload).
func (n *Net) DevAddOffload(po *PacketOffload) { n.offloads = append(n.offloads, po) }

// netifNeedsGso reports whether skb must be cut for a device with features.
func netifNeedsGso(skb *SkBuff, features uint64) bool {
	return skb.IsGso() && (!SkbGsoOk(skb, features) ||
		skb.IpSummed != ChecksumPartial && skb.IpSummed != ChecksumUnnecessary)
}

// SkbGsoOk reports whether a device with features cuts skb itself
// (skb_gso_ok).
func SkbGsoOk(skb *SkBuff, features uint64) bool {
	if skb.Head.GsoType&(SkbGsoUdp|SkbGsoTcpv6) != 0 {
		return false
	}
	return skb.Head.GsoType&SkbGsoTcpv4 == 0 || features&NetifFTso != 0
}

func skbNeedsCheck(skb *SkBuff, txPath bool) bool {
	if txPath {
		return skb.IpSummed != ChecksumPartial && skb.IpSummed != ChecksumUnnecessary
	}
	return skb.IpSummed == ChecksumNone
}

// skbMacGsoSegment finds the protocol that can cut skb.
func (n *Net) skbMacGsoSegment(skb *SkBuff, features uint64) (*SkBuff, int) {
	kernel.Fentry2(&n.Kernel, skb, features) // skb_mac_gso_segment net/core/dev.c:3016

	var segs *SkBuff
	err := -EPROTONOSUPPORT
	skb.Pull(int(skb.MacLen))
	for _, ptype := range n.offloads {
		if ptype.Type == skb.Protocol && ptype.GsoSegment != nil {
			segs, err = ptype.GsoSegment(skb, features) // :3029
			break
		}
	}
	skb.Push(skb.Data - skb.MacHeader)
	return segs, err
}

func (n *Net) skbGsoSegment__(skb *SkBuff, features uint64, txPath bool) (*SkBuff, int) {
	kernel.Fentry3(&n.Kernel, skb, features, txPath) // __skb_gso_segment net/core/dev.c:3071

	if skbNeedsCheck(skb, txPath) {
		if err := n.SkbCowHead(skb, 0); err < 0 { // :3075
			return nil, err
		}
	}
	skb.gso.macOffset = skb.Headroom()
	skb.ResetMacHeader()
	skb.ResetMacLen()
	return n.skbMacGsoSegment(skb, features) // :3102
}

// SkbGsoSegment cuts a packet for a device with features: a chain of segments,
// or nil if the device can do it itself (skb_gso_segment).
func (n *Net) SkbGsoSegment(skb *SkBuff, features uint64) (*SkBuff, int) {
	kernel.Fentry2(&n.Kernel, skb, features) // skb_gso_segment include/linux/netdevice.h:4335

	return n.skbGsoSegment__(skb, features, true) // :4335
}

// GsoResetChecksum notes that segment skb's checksum is partial
// (gso_reset_checksum).
func GsoResetChecksum(skb *SkBuff, res uint32) {
	skb.gso.csum = res
	skb.gso.csumStart = skb.CsumStart
}

// GsoMakeChecksum finishes a segment's transport checksum from the sum of its
// payload; res is the sum of the pseudo header, with the header's checksum
// field taken as it stands (gso_make_checksum).
func GsoMakeChecksum(skb *SkBuff, res uint32) uint16 {
	start := skb.TransportHeader
	partial := skb.gso.csum
	end := skb.gso.csumStart
	skb.gso.csum = res
	skb.gso.csumStart = start
	return wire.Fold(wire.Sum(skb.Head.B[start:end], partial))
}

// NetifSkbFeatures is what the device can do for this packet
// (netif_skb_features).
func (n *Net) NetifSkbFeatures(skb *SkBuff) uint64 {
	kernel.Fentry1(&n.Kernel, skb) // netif_skb_features net/core/dev.c:3238

	dev := skb.Dev
	features := dev.Features
	if skb.IsGso() && skb.Head.GsoSegs > dev.GsoMaxSegs {
		features &^= NetifFGsoSoftware
	}
	if skb.IpSummed != ChecksumNone && features&NetifFCsumMask == 0 {
		features &^= NetifFCsumMask | NetifFGsoSoftware
	}
	return features
}

// SkbChecksumHelp computes and stores the checksum that was left to the device
// (skb_checksum_help).
func (n *Net) SkbChecksumHelp(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // skb_checksum_help net/core/dev.c:2908

	if skb.IpSummed == ChecksumComplete {
		skb.IpSummed = ChecksumNone
		return 0
	}
	if skb.IsGso() {
		return -EINVAL
	}
	offset := skb.ChecksumStartOffset()
	csum := n.SkbChecksum(skb, offset, skb.Len-offset, 0) // :2929
	offset += skb.CsumOffset
	if skb.IsCloned() && !skb.CloneWritable(offset+2) {
		n.PskbExpandHead(skb, 0, 0) // :2936
	}
	sum := wire.Fold(csum)
	if sum == 0 {
		sum = 0xffff // CSUM_MANGLED_0: for UDP, 0 would mean that there is none
	}
	b := skb.Head.B[skb.Data+offset:]
	b[0], b[1] = byte(sum>>8), byte(sum)
	skb.IpSummed = ChecksumNone
	return 0
}

func (n *Net) skbCsumHwoffloadHelp(skb *SkBuff, features uint64) int {
	kernel.Fentry2(&n.Kernel, skb, features) // skb_csum_hwoffload_help net/core/dev.c:3324

	if features&NetifFCsumMask != 0 {
		return 0
	}
	return n.SkbChecksumHelp(skb) // :3328
}

// validateXmitSkb makes of skb what the device can send: segments, if need be
// with their checksums. nil if nothing is left to send.
func (n *Net) validateXmitSkb(skb *SkBuff, dev *NetDevice) *SkBuff {
	kernel.Fentry2(&n.Kernel, skb, dev) // validate_xmit_skb net/core/dev.c:3336

	features := n.NetifSkbFeatures(skb) // :3336
	if netifNeedsGso(skb, features) {
		segs, err := n.SkbGsoSegment(skb, features) // :3348
		if err < 0 {
			n.drop("gso")
			n.KfreeSkb(skb) // :3381
			dev.Stats.TxDropped++
			return nil
		}
		if segs != nil {
			n.ConsumeSkb(skb) // :3352
			skb = segs
		}
		return skb
	}
	if skb.IsNonlinear() && (skb.Head.NrFrags > 0 && features&NetifFSg == 0) {
		n.PskbPullTail__(skb, skb.DataLen) // :3357
	}
	if skb.IpSummed == ChecksumPartial {
		skb.SetTransportHeader(skb.ChecksumStartOffset())
		if n.skbCsumHwoffloadHelp(skb, features) != 0 { // :3371
			n.drop("checksum")
			n.KfreeSkb(skb) // :3381
			dev.Stats.TxDropped++
			return nil
		}
	}
	return skb
}

// validateXmitSkbList is validateXmitSkb for a chain of packets.
func (n *Net) validateXmitSkbList(skb *SkBuff, dev *NetDevice) *SkBuff {
	kernel.Fentry2(&n.Kernel, skb, dev) // validate_xmit_skb_list net/core/dev.c:3389

	var head, tail *SkBuff
	for skb != nil {
		next := skb.Next
		skb.Next = nil
		skb.Prev = skb
		skb = n.validateXmitSkb(skb, dev) // :3398
		if skb != nil {
			if head == nil {
				head = skb
			} else {
				tail.Next = skb
			}
			tail = skb.Prev
		}
		skb = next
	}
	for skb := head; skb != nil; skb = skb.Next {
		skb.Prev = nil
	}
	return head
}
