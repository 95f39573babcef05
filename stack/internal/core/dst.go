// Routes as packets carry them (include/net/dst.h, net/core/dst.c).

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Flags of a DstEntry and values of its Obsolete (include/net/dst.h).
const (
	DstHost       = 0x0001
	DstNoxfrm     = 0x0002
	DstNopolicy   = 0x0004
	DstNocount    = 0x0008
	DstFakeRtable = 0x0010

	DstObsoleteNone     = 0
	DstObsoleteDead     = 2
	DstObsoleteForceChk = -1
	DstObsoleteKill     = -2

	RtaxLock = 1 // index of the mask of locked metrics
)

// DstInit readies a route. It has one reference for each holder that
// initialRef counts (dst_init).
func (n *Net) DstInit(dst *DstEntry, ops *DstOps, dev *NetDevice, initialRef int, initialObsolete int16, flags uint16) {
	kernel.Fentry5(&n.Kernel, dst, ops, dev, initialRef, initialObsolete) // dst_init net/core/dst.c:67

	dst.Dev = dev
	dst.Ops = ops
	dst.Metrics = [RtaxMax + 1]uint32{}
	dst.Expires = 0
	dst.Input = n.DstDiscardFn
	dst.Output = n.DstDiscardOutFn
	dst.Error = 0
	dst.Obsolete = initialObsolete
	dst.Refs = int32(initialRef)
	dst.Lastuse = n.Jiffies()
	dst.Flags = flags
	if dst.addr == 0 {
		dst.addr = n.NewAddr(192)
	}
	if flags&DstNocount == 0 {
		ops.Entries++
	}
}

func (n *Net) dstDiscard(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // dst_discard include/net/dst.h:389

	return n.DstDiscardOut(n, skb.Sk, skb) // :389
}

// DstDiscardOut drops a packet whose route has gone (dst_discard_out).
func (n *Net) DstDiscardOut(net *Net, sk *Sock, skb *SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // dst_discard_out net/core/dst.c:48

	n.drop("route gone")
	n.KfreeSkb(skb) // :48
	return 0
}

// DstOutput hands a packet to its route (dst_output).
func (n *Net) DstOutput(net *Net, sk *Sock, skb *SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // dst_output include/net/dst.h:444

	return skb.Dst.Output(net, sk, skb) // :444
}

// DstInput hands a received packet to its route (dst_input).
func (n *Net) DstInput(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // dst_input include/net/dst.h:450

	return skb.Dst.Input(skb) // :450
}

// DstHold takes a reference (dst_hold).
func DstHold(dst *DstEntry) { dst.Refs++ }

// DstClone takes a reference, if there is a route (dst_clone).
func DstClone(dst *DstEntry) *DstEntry {
	if dst != nil {
		dst.Refs++
	}
	return dst
}

// DstHoldSafe takes a reference unless the route is being freed
// (dst_hold_safe).
func DstHoldSafe(dst *DstEntry) bool {
	if dst.Refs == 0 {
		return false
	}
	dst.Refs++
	return true
}

// DstUseNoref notes that the route was used (dst_use_noref).
func DstUseNoref(dst *DstEntry, time uint64) {
	if time != dst.Lastuse {
		dst.Use++
		dst.Lastuse = time
	}
}

// DstRelease drops a reference (dst_release). menuos does not wait for a grace
// period to destroy a route.
func (n *Net) DstRelease(dst *DstEntry) {
	if dst == nil {
		return
	}
	dst.Refs--
	if dst.Refs < 0 {
		panic("core: route released twice")
	}
	if dst.Refs == 0 {
		n.dstDestroy(dst)
	}
}

func (n *Net) dstDestroy(dst *DstEntry) {
	if dst.Flags&DstNocount == 0 {
		dst.Ops.Entries--
	}
	if dst.Ops.Destroy != nil {
		dst.Ops.Destroy(dst)
	}
}

// DstDevPut makes a route dead because its device goes (dst_dev_put).
func (n *Net) DstDevPut(dst *DstEntry) {
	kernel.Fentry1(&n.Kernel, dst) // dst_dev_put net/core/dst.c:168

	dev := dst.Dev
	dst.Obsolete = DstObsoleteDead
	if dst.Ops.Ifdown != nil {
		dst.Ops.Ifdown(dst, dev, true) // :172
	}
	dst.Input = n.DstDiscardFn
	dst.Output = n.DstDiscardOutFn
	dst.Dev = n.Loopback
}

// DstCheck is dst, or nil if it must be looked up again (dst_check).
func DstCheck(dst *DstEntry, cookie uint32) *DstEntry {
	if dst.Obsolete != 0 {
		dst = dst.Ops.Check(dst, cookie)
	}
	return dst
}

// DstMtu is the route's MTU (dst_mtu).
func (n *Net) DstMtu(dst *DstEntry) uint32 {
	kernel.Fentry1(&n.Kernel, dst) // dst_mtu include/net/dst.h:210

	return dst.Ops.Mtu(dst) // :210
}

// DstMetric is one metric of the route (dst_metric, dst_metric_raw).
func DstMetric(dst *DstEntry, metric int) uint32 { return dst.Metrics[metric] }

// DstMetricRaw is the metric as it was set (dst_metric_raw).
func DstMetricRaw(dst *DstEntry, metric int) uint32 { return dst.Metrics[metric] }

// DstMetricAdvmss is the MSS to advertise (dst_metric_advmss).
func (n *Net) DstMetricAdvmss(dst *DstEntry) uint32 {
	kernel.Fentry1(&n.Kernel, dst) // dst_metric_advmss include/net/dst.h:180

	if advmss := dst.Metrics[RtaxAdvmss]; advmss != 0 {
		return advmss
	}
	return dst.Ops.DefaultAdvmss(dst) // :183
}

// DstMetricRtt is a metric of time in jiffies (dst_metric_rtt).
func DstMetricRtt(dst *DstEntry, metric int) uint64 {
	return uint64(dst.Metrics[metric]) * kernel.HZ / 1000
}

// DstMetricLocked reports whether the user locked the metric
// (dst_metric_locked).
func DstMetricLocked(dst *DstEntry, metric int) bool {
	return dst.Metrics[RtaxLock]&(1<<metric) != 0
}

// DstFeature is the set of asked-for features the route has (dst_feature).
func DstFeature(dst *DstEntry, feature uint32) uint32 { return dst.Metrics[RtaxFeatures] & feature }

// DstSetExpires lets the route expire in timeout jiffies, if not sooner
// (dst_set_expires).
func (n *Net) DstSetExpires(dst *DstEntry, timeout uint64) {
	expires := n.Jiffies() + timeout
	if dst.Expires == 0 || expires < dst.Expires {
		dst.Expires = expires
	}
}

// DstLinkFailure tells a packet's route that the link failed
// (dst_link_failure).
func DstLinkFailure(skb *SkBuff) {
	if dst := skb.Dst; dst != nil && dst.Ops != nil && dst.Ops.LinkFailure != nil {
		dst.Ops.LinkFailure(skb)
	}
}

// DstNeighLookup is the neighbour that the route sends daddr's packets to
// (dst_neigh_lookup).
func DstNeighLookup(dst *DstEntry, daddr wire.Addr) *Neighbour {
	return dst.Ops.NeighLookup(dst, nil, daddr)
}

// DstConfirmNeigh notes that the neighbour answers (dst_confirm_neigh).
func DstConfirmNeigh(dst *DstEntry, daddr wire.Addr) {
	if dst.Ops.ConfirmNeigh != nil {
		dst.Ops.ConfirmNeigh(dst, daddr)
	}
}

// DstConfirm does nothing (dst_confirm).
func DstConfirm(dst *DstEntry) {}

// SkbDst is the packet's route (skb_dst).
func SkbDst(skb *SkBuff) *DstEntry { return skb.Dst }

// SkbDstSet gives the packet a route with its reference (skb_dst_set).
func SkbDstSet(skb *SkBuff, dst *DstEntry) { skb.Dst, skb.NoRefDst = dst, false }

// SkbDstSetNoref lends the packet a route (skb_dst_set_noref).
func SkbDstSetNoref(skb *SkBuff, dst *DstEntry) { skb.Dst, skb.NoRefDst = dst, true }

// SkbDstIsNoref reports whether the packet's route is borrowed
// (skb_dst_is_noref).
func SkbDstIsNoref(skb *SkBuff) bool { return skb.NoRefDst && skb.Dst != nil }

// SkbDstForce makes a borrowed route the packet's own (skb_dst_force).
func SkbDstForce(skb *SkBuff) {
	if skb.NoRefDst && skb.Dst != nil {
		if !DstHoldSafe(skb.Dst) {
			skb.Dst = nil
		}
	}
	skb.NoRefDst = false
}

// SkbDstForce is the function for callers that hold the machine.
func (n *Net) SkbDstForce(skb *SkBuff) { SkbDstForce(skb) }

// SkbDstDrop drops the packet's route (skb_dst_drop).
func (n *Net) SkbDstDrop(skb *SkBuff) {
	if skb.Dst == nil {
		return
	}
	if !skb.NoRefDst {
		n.DstRelease(skb.Dst)
	}
	skb.Dst, skb.NoRefDst = nil, false
}

// SkbDstCopy gives nskb the route of oskb (skb_dst_copy).
func SkbDstCopy(nskb, oskb *SkBuff) {
	nskb.Dst, nskb.NoRefDst = oskb.Dst, oskb.NoRefDst
	if !nskb.NoRefDst {
		DstClone(nskb.Dst)
	}
}

// SkbDstUpdatePmtu tells the packet's route of a smaller MTU
// (skb_dst_update_pmtu).
func SkbDstUpdatePmtu(skb *SkBuff, mtu uint32) {
	if dst := skb.Dst; dst != nil && dst.Ops.UpdatePmtu != nil {
		dst.Ops.UpdatePmtu(dst, nil, skb, mtu)
	}
}
