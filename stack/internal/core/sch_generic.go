// Queueing disciplines: running a device's queue, and the one that devices have
// by default (net/sched/sch_generic.c, include/net/pkt_sched.h,
// include/linux/netdevice.h). menuos runs pfifo_fast under the queue's lock,
// since it has no other CPUs to let in.

package core

import "menuos/stack/internal/kernel"

// QdiscOps is a kind of queueing discipline (struct Qdisc_ops). Enqueue takes
// skb and returns NetXmit*; what it drops it adds to sch's ToFree with
// QdiscDrop. Dequeue returns nil if nothing may leave now; a discipline that
// holds packets back calls NetifSchedule__ when that ends.
type QdiscOps struct {
	Id      string
	Enqueue func(skb *SkBuff, sch *Qdisc) int
	Dequeue func(sch *Qdisc) *SkBuff
	Init    func(sch *Qdisc) int
	Reset   func(sch *Qdisc)
	Destroy func(sch *Qdisc)
}

// Qdisc is a device's queue (struct Qdisc).
type Qdisc struct {
	Ops         *QdiscOps
	Dev         *NetDevice
	Handle      uint32
	Priv        any  // the discipline's own
	CanBypass   bool // an empty queue may be passed by
	Running     bool
	Scheduled   bool
	Deactivated bool
	GsoSkb      SkBuffHead // packets that the driver gave back
	ToFree      *SkBuff    // packets to be dropped once the queue is let go

	Qlen                        int
	Backlog                     int // bytes
	Bytes, Packets              uint64
	Drops, Requeues, Overlimits uint64

	nextSched *Qdisc
}

// QdiscDrop drops a packet that the discipline has no room for (qdisc_drop).
func QdiscDrop(skb *SkBuff, sch *Qdisc) int {
	skb.Next = sch.ToFree
	sch.ToFree = skb
	sch.Drops++
	return NetXmitDrop
}

func (q *Qdisc) runBegin() bool {
	if q.Running {
		return false
	}
	q.Running = true
	return true
}

// QdiscCreate gives a device a discipline in place of the one it has; nil ops
// leaves it without one.
func (n *Net) QdiscCreate(dev *NetDevice, ops *QdiscOps, handle uint32, priv any) (*Qdisc, int) {
	var sch *Qdisc
	if ops != nil {
		sch = &Qdisc{Ops: ops, Dev: dev, Handle: handle, Priv: priv}
		if ops.Init != nil {
			if err := ops.Init(sch); err != 0 {
				return nil, err
			}
		}
	}
	if old := dev.Qdisc; old != nil {
		old.Deactivated = true
		n.qdiscReset(old)
		if old.Ops.Destroy != nil {
			old.Ops.Destroy(old)
		}
	}
	dev.Qdisc = sch
	return sch, 0
}

func (n *Net) qdiscReset(qdisc *Qdisc) {
	kernel.Fentry1(&n.Kernel, qdisc) // qdisc_reset net/sched/sch_generic.c:924

	if qdisc.Ops.Reset != nil {
		qdisc.Ops.Reset(qdisc) // :928
	}
	for skb := qdisc.GsoSkb.Dequeue(); skb != nil; skb = qdisc.GsoSkb.Dequeue() {
		n.KfreeSkbList(skb) // :933
	}
	qdisc.Qlen, qdisc.Backlog = 0, 0
}

// devRequeueSkb keeps what the driver did not take for later.
func (n *Net) devRequeueSkb(skb *SkBuff, q *Qdisc) {
	kernel.Fentry2(&n.Kernel, skb, q) // dev_requeue_skb net/sched/sch_generic.c:163

	n.devRequeueSkb__(skb, q) // :166
}

func (n *Net) devRequeueSkb__(skb *SkBuff, q *Qdisc) {
	kernel.Fentry2(&n.Kernel, skb, q) // __dev_requeue_skb net/sched/sch_generic.c:124

	for skb != nil {
		next := skb.Next
		skb.Next = nil
		q.GsoSkb.QueueTail(skb)
		q.Requeues++
		q.Backlog += skb.PktLen
		q.Qlen++
		skb = next
	}
	n.NetifSchedule__(q) // :133
}

// dequeueSkb takes the next packet that may leave; validate says whether it
// has yet to be made fit for the device.
func (n *Net) dequeueSkb(q *Qdisc) (skb *SkBuff, validate bool) {
	kernel.Fentry1(&n.Kernel, q) // dequeue_skb net/sched/sch_generic.c:222

	if q.Dev != nil && q.Dev.TxStopped {
		return nil, false
	}
	if skb := q.GsoSkb.Dequeue(); skb != nil {
		q.Backlog -= skb.PktLen
		q.Qlen--
		return skb, false
	}
	return q.Ops.Dequeue(q), true // :277
}

// schDirectXmit gives a packet to the driver; it reports whether the queue may
// go on.
func (n *Net) schDirectXmit(skb *SkBuff, q *Qdisc, dev *NetDevice, validate bool) bool {
	kernel.Fentry4(&n.Kernel, skb, q, dev, validate) // sch_direct_xmit net/sched/sch_generic.c:303

	ret := NetdevTxBusy
	if validate {
		skb = n.validateXmitSkbList(skb, dev) // :312
	}
	if skb == nil {
		return true
	}
	if !dev.TxStopped {
		skb, ret = n.devHardStartXmit(skb, dev) // :327
	}
	if !devXmitComplete(ret) {
		n.devRequeueSkb(skb, q) // :345
		return false
	}
	return true
}

func (n *Net) qdiscRestart(q *Qdisc) bool {
	kernel.Fentry1(&n.Kernel, q) // qdisc_restart net/sched/sch_generic.c:372

	skb, validate := n.dequeueSkb(q) // :380
	if skb == nil {
		return false
	}
	return n.schDirectXmit(skb, q, q.Dev, validate) // :390
}

// qdiscRun__ sends what the queue lets go, up to a quota.
func (n *Net) qdiscRun__(q *Qdisc) {
	kernel.Fentry1(&n.Kernel, q) // __qdisc_run net/sched/sch_generic.c:394

	quota := n.Sysctl.DevWeight * n.Sysctl.DevWeightTxBias
	for n.qdiscRestart(q) { // :398
		if quota--; quota <= 0 || n.NeedResched() {
			n.NetifSchedule__(q) // :406
			return
		}
	}
}

func (n *Net) qdiscRun(q *Qdisc) {
	kernel.Fentry1(&n.Kernel, q) // qdisc_run include/net/pkt_sched.h:120

	if q.runBegin() {
		n.qdiscRun__(q) // :121
		q.Running = false
	}
}

// devActivate starts the queue of a device that opens, and gives it one if it
// has none and wants one.
func (n *Net) devActivate(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // dev_activate net/sched/sch_generic.c:1113

	if dev.Qdisc == nil && !dev.NoQueue {
		n.QdiscCreate(dev, n.PfifoFastOps, 0, new(pfifoFastPriv))
	}
	if dev.Qdisc != nil && dev.Carrier {
		dev.Qdisc.Deactivated = false
	}
}

func (n *Net) devDeactivateMany(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // dev_deactivate_many net/sched/sch_generic.c:1207

	n.devDeactivateQueue(dev) // :1209
	n.devWatchdogDown(dev)    // :1214
}

func (n *Net) devDeactivateQueue(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // dev_deactivate_queue net/sched/sch_generic.c:1136

	if dev.Qdisc != nil {
		dev.Qdisc.Deactivated = true
		n.qdiscReset(dev.Qdisc) // :1152
	}
}

func (n *Net) devWatchdogDown(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // dev_watchdog_down net/sched/sch_generic.c:493

	n.LocalBhDisable()
	n.netifTxUnlockBh(dev) // :496
}

func (n *Net) netifTxUnlockBh(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // netif_tx_unlock_bh include/linux/netdevice.h:3978

	n.netifTxUnlock(dev) // :3978
	n.LocalBhEnable()    // :3979
}

func (n *Net) netifTxUnlock(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // netif_tx_unlock include/linux/netdevice.h:3963

	n.netifScheduleQueue(dev) // :3971
}

func (n *Net) netifScheduleQueue(txq *NetDevice) {
	kernel.Fentry1(&n.Kernel, txq) // netif_schedule_queue net/core/dev.c:2764

	q := txq.Qdisc
	if q == nil || q.Deactivated {
		q = &n.softnet.noop
	}
	if !txq.TxStopped {
		n.NetifSchedule__(q) // :2767
	}
}

func (n *Net) noopDequeue(qdisc *Qdisc) *SkBuff {
	kernel.Fentry1(&n.Kernel, qdisc) // noop_dequeue net/sched/sch_generic.c:549

	return nil
}

const pfifoFastBands = 3

// prio2band maps a packet's priority to a band of pfifo_fast.
const prio2band = "\x01\x02\x02\x02\x01\x02\x00\x00\x01\x01\x01\x01\x01\x01\x01\x01"

type pfifoFastPriv struct {
	bands [pfifoFastBands]SkBuffHead
}

func (n *Net) pfifoFastEnqueue(skb *SkBuff, qdisc *Qdisc) int {
	kernel.Fentry2(&n.Kernel, skb, qdisc) // pfifo_fast_enqueue net/sched/sch_generic.c:637

	q := &qdisc.Priv.(*pfifoFastPriv).bands[prio2band[skb.Priority&15]]
	if q.Qlen >= qdisc.Dev.TxQueueLen {
		return QdiscDrop(skb, qdisc)
	}
	q.QueueTail(skb)
	qdisc.Qlen++
	qdisc.Backlog += skb.PktLen
	return NetXmitSuccess
}

func (n *Net) pfifoFastDequeue(qdisc *Qdisc) *SkBuff {
	kernel.Fentry1(&n.Kernel, qdisc) // pfifo_fast_dequeue net/sched/sch_generic.c:658

	priv := qdisc.Priv.(*pfifoFastPriv)
	for band := range priv.bands {
		if skb := priv.bands[band].Dequeue(); skb != nil {
			qdisc.Backlog -= skb.PktLen
			qdisc.Bytes += uint64(skb.PktLen)
			qdisc.Packets++
			qdisc.Qlen--
			return skb
		}
	}
	return nil
}

func (n *Net) pfifoFastReset(qdisc *Qdisc) {
	kernel.Fentry1(&n.Kernel, qdisc) // pfifo_fast_reset net/sched/sch_generic.c:696

	priv := qdisc.Priv.(*pfifoFastPriv)
	for band := range priv.bands {
		for skb := priv.bands[band].Dequeue(); skb != nil; skb = priv.bands[band].Dequeue() {
			n.KfreeSkb(skb) // :710
		}
	}
}
