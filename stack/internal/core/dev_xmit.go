// The way of a packet to its device (net/core/dev.c, include/linux/netdevice.h).
// Left out: packet sockets (capture.go stands in their place), traffic classes,
// several queues a device.

package core

import "menuos/stack/internal/kernel"

// Results of handing a packet to a queue or a driver (include/linux/netdevice.h).
const (
	NetXmitSuccess = 0
	NetXmitDrop    = 1
	NetXmitCn      = 2
	NetXmitMask    = 0x0f

	NetdevTxOk   = 0x00
	NetdevTxBusy = 0x10

	NetRxSuccess = 0
	NetRxDrop    = 1
)

const xmitRecursionLimit = 10

// NetXmitEval makes congestion no error (net_xmit_eval).
func NetXmitEval(e int) int {
	if e == NetXmitCn {
		return 0
	}
	return e
}

// NetXmitErrno is the errno of a drop on the way out (net_xmit_errno).
func NetXmitErrno(e int) int {
	if e == NetXmitCn {
		return 0
	}
	return -ENOBUFS
}

// DevQueueXmit sends a packet through its device; the packet is consumed
// whatever the result (dev_queue_xmit).
func (n *Net) DevQueueXmit(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // dev_queue_xmit net/core/dev.c:3897

	return n.devQueueXmit__(skb) // :3897
}

func (n *Net) devQueueXmit__(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // __dev_queue_xmit net/core/dev.c:3789

	dev := skb.Dev
	skb.ResetMacHeader()
	n.LocalBhDisable()
	qdiscPktLenInit(skb)
	if dev.DstRelease {
		n.SkbDstDrop(skb)
	} else {
		SkbDstForce(skb)
	}
	if n.Trace != nil {
		n.traceSkb("net_dev_queue", skb, dev)
	}
	if q := dev.Qdisc; q != nil {
		rc := n.devXmitSkb__(skb, q, dev) // :3832
		n.RcuReadUnlockBh()               // :3891
		return rc
	}
	rc := -ENETDOWN
	if dev.Flags&IffUp != 0 && !dev.Xmitting && dev.recursion <= xmitRecursionLimit {
		skb = n.validateXmitSkb(skb, dev) // :3856
		if skb == nil {
			n.RcuReadUnlockBh() // :3891
			return -ENOMEM
		}
		if !dev.TxStopped {
			dev.Xmitting = !dev.lltx()
			dev.recursion++
			skb, rc = n.devHardStartXmit(skb, dev) // :3864
			dev.recursion--
			dev.Xmitting = false
			if devXmitComplete(rc) {
				n.RcuReadUnlockBh() // :3891
				return rc
			}
		}
		rc = -ENETDOWN
	}
	n.RcuReadUnlockBh() // :3885
	dev.Stats.TxDropped++
	n.drop("device down")
	n.KfreeSkbList(skb) // :3888
	return rc
}

// lltx reports whether the driver locks for itself (NETIF_F_LLTX): software
// devices may send while they send.
func (dev *NetDevice) lltx() bool { return dev.NoQueue }

func devXmitComplete(rc int) bool { return rc < NetXmitMask }

// qdiscPktLenInit computes what the packet will take on the link, with the
// headers of all segments that it will be cut into.
func qdiscPktLenInit(skb *SkBuff) {
	skb.PktLen = skb.Len
	if skb.Head.GsoSize == 0 || !skb.TransportHeaderWasSet() {
		return
	}
	hdrLen := skb.TransportHeader - skb.MacHeader
	if skb.Head.GsoType&SkbGsoTcpv4 != 0 {
		hdrLen += skb.Tcp().DataOff()
	} else {
		hdrLen += 8
	}
	skb.PktLen += (int(skb.Head.GsoSegs) - 1) * hdrLen
}

// devHardStartXmit gives a chain of packets to the driver, until it takes no
// more; it returns the rest.
func (n *Net) devHardStartXmit(first *SkBuff, dev *NetDevice) (*SkBuff, int) {
	kernel.Fentry2(&n.Kernel, first, dev) // dev_hard_start_xmit net/core/dev.c:3290

	skb := first
	rc := NetdevTxOk
	for skb != nil {
		next := skb.Next
		skb.Next = nil
		rc = n.xmitOne(skb, dev, next != nil) // :3294
		if !devXmitComplete(rc) {
			skb.Next = next
			break
		}
		skb = next
		if dev.TxStopped && skb != nil {
			rc = NetdevTxBusy
			break
		}
	}
	return skb, rc
}

func (n *Net) xmitOne(skb *SkBuff, dev *NetDevice, more bool) int {
	kernel.Fentry3(&n.Kernel, skb, dev, more) // xmit_one net/core/dev.c:3276

	if len(n.Captures) > 0 {
		n.captureSkb(skb, dev, true)
	}
	return n.netdevStartXmit(skb, dev, more) // :3278
}

func (n *Net) netdevStartXmit(skb *SkBuff, dev *NetDevice, more bool) int {
	kernel.Fentry3(&n.Kernel, skb, dev, more) // netdev_start_xmit include/linux/netdevice.h:4391

	return n.netdevStartXmit__(dev.Ops, skb, dev, more) // :4394
}

func (n *Net) netdevStartXmit__(ops *NetDeviceOps, skb *SkBuff, dev *NetDevice, more bool) int {
	kernel.Fentry4(&n.Kernel, ops, skb, dev, more) // __netdev_start_xmit include/linux/netdevice.h:4384

	skb.XmitMore = more
	return ops.NdoStartXmit(skb, dev) // :4385
}

// devXmitSkb__ puts a packet into the device's queue and runs the queue.
func (n *Net) devXmitSkb__(skb *SkBuff, q *Qdisc, dev *NetDevice) int {
	kernel.Fentry3(&n.Kernel, skb, q, dev) // __dev_xmit_skb net/core/dev.c:3461

	rc := NetXmitSuccess
	switch {
	case q.Deactivated:
		n.qdiscDrop__(skb, dropQdiscDown)
		rc = NetXmitDrop
	case q.CanBypass && q.Qlen == 0 && q.runBegin():
		q.bstatsUpdate(skb)
		if n.schDirectXmit(skb, q, dev, true) { // :3505
			n.qdiscRun__(q) // :3510
		}
		q.Running = false
	default:
		rc = q.Ops.Enqueue(skb, q) & NetXmitMask // :3516
		if q.runBegin() {
			n.qdiscRun__(q) // :3522
			q.Running = false
		}
	}
	if toFree := n.takeToFree(); toFree != nil {
		n.KfreeSkbList(toFree) // :3528
	}
	return rc
}

// NetifStopQueue tells the stack that the driver takes no packets for now
// (netif_stop_queue).
func NetifStopQueue(dev *NetDevice) { dev.TxStopped = true }

// NetifWakeQueue tells the stack that the driver takes packets again
// (netif_wake_queue).
func (n *Net) NetifWakeQueue(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // netif_wake_queue include/linux/netdevice.h:3081

	n.netifTxWakeQueue(dev) // :3081
}

func (n *Net) netifTxWakeQueue(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // netif_tx_wake_queue net/core/dev.c:2775

	if !dev.TxStopped {
		return
	}
	dev.TxStopped = false
	if dev.Qdisc != nil {
		n.NetifSchedule__(dev.Qdisc) // :2780
	}
}

func (n *Net) netifReschedule__(q *Qdisc) {
	kernel.Fentry1(&n.Kernel, q) // __netif_reschedule net/core/dev.c:2736

	q.nextSched = nil
	if n.softnet.outputTail != nil {
		n.softnet.outputTail.nextSched = q
	} else {
		n.softnet.outputQueue = q
	}
	n.softnet.outputTail = q
	n.RaiseSoftirqIrqoff(kernel.NetTxSoftirq) // :2741
}

// NetifSchedule__ lets the transmit softirq run a queue (__netif_schedule).
func (n *Net) NetifSchedule__(q *Qdisc) {
	kernel.Fentry1(&n.Kernel, q) // __netif_schedule net/core/dev.c:2747

	if !q.Scheduled {
		q.Scheduled = true
		n.netifReschedule__(q) // :2748
	}
}

// Reasons to free a packet from an interrupt.
const (
	skbReasonConsumed = 0
	skbReasonDropped  = 1
)

func (n *Net) devKfreeSkbIrq__(skb *SkBuff, reason uint8) {
	kernel.Fentry2(&n.Kernel, skb, reason) // __dev_kfree_skb_irq net/core/dev.c:2790

	if !skbUnref(skb) {
		return
	}
	skb.reason = reason
	skb.Next = n.softnet.completionQueue
	n.softnet.completionQueue = skb
	n.RaiseSoftirqIrqoff(kernel.NetTxSoftirq) // :2803
}

// devKfreeSkbAny__ frees a packet in any context, dropped or sent.
func (n *Net) devKfreeSkbAny__(skb *SkBuff, reason uint8) {
	kernel.Fentry2(&n.Kernel, skb, reason) // __dev_kfree_skb_any net/core/dev.c:2810

	if n.InHardirq() {
		n.devKfreeSkbIrq__(skb, reason) // :2811
	} else {
		n.ConsumeSkb(skb) // :2813
	}
}

// DevKfreeSkbAny drops a packet in any context.
func (n *Net) DevKfreeSkbAny(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // dev_kfree_skb_any include/linux/netdevice.h:3589

	n.devKfreeSkbAny__(skb, skbReasonDropped) // :3589
}

// DevConsumeSkbAny frees a packet that did its duty in any context.
func (n *Net) DevConsumeSkbAny(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // dev_consume_skb_any include/linux/netdevice.h:3594

	n.devKfreeSkbAny__(skb, skbReasonConsumed) // :3594
}

// netTxAction is the transmit softirq: it frees what interrupts have sent and
// runs queues that wait.
func (n *Net) netTxAction() {
	kernel.Fentry0(&n.Kernel) // net_tx_action net/core/dev.c:4579

	clist := n.softnet.completionQueue
	n.softnet.completionQueue = nil
	for clist != nil {
		skb := clist
		clist = clist.Next
		skb.Next = nil
		if n.Trace != nil {
			if skb.reason == skbReasonConsumed {
				n.traceSkb("consume_skb", skb, skb.Dev)
			} else {
				n.traceKfreeSkb(skb)
			}
		}
		n.KfreeSkb__(skb) // :4601
	}
	head := n.softnet.outputQueue
	n.softnet.outputQueue, n.softnet.outputTail = nil, nil
	for head != nil {
		q := head
		head = head.nextSched
		q.Scheduled = false
		n.qdiscRun(q) // :4633
	}
}

// DevLoopbackXmit gives a copy of a sent packet back to this machine
// (dev_loopback_xmit).
func (n *Net) DevLoopbackXmit(net *Net, sk *Sock, skb *SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // dev_loopback_xmit net/core/dev.c:3570

	skb.ResetMacHeader()
	skb.Pull(skb.NetworkOffset())
	skb.PktType = PacketLoopback
	skb.IpSummed = ChecksumUnnecessary
	SkbDstForce(skb)
	n.NetifRxNi(skb) // :3576
	return 0
}
