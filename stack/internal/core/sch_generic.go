// Queueing disciplines: running a device's queue, and the one that devices have
// by default (net/sched/sch_generic.c, include/net/pkt_sched.h,
// include/linux/netdevice.h). menuos runs pfifo_fast under the queue's lock,
// since it has no other CPUs to let in.

package core

import "menuos/stack/internal/kernel"

// bindSched fills the table of queueing disciplines.
func (n *Net) bindSched() {
	n.PfifoFastOps = &QdiscOps{
		Id: "pfifo_fast", Enqueue: n.pfifoFastEnqueue, Dequeue: n.pfifoFastDequeue, Peek: pfifoFastPeek,
		Init: n.pfifoFastInit, Reset: n.pfifoFastReset, Dump: pfifoFastDump,
	}
	n.sched.autohandle = 0x80000000
	n.sched.watchdog = kernel.HrtimerKind{Name: "qdisc", Runs: "qdisc_watchdog", Func: n.qdiscWatchdog}
	n.sched.pfifo, n.sched.bfifo = n.fifoOps("pfifo", n.pfifoEnqueue), n.fifoOps("bfifo", n.bfifoEnqueue)
	n.sched.base = []*QdiscOps{n.PfifoFastOps, n.sched.pfifo, n.sched.bfifo, n.netemOps(), n.tbfOps(), n.fqOps()}
	n.softnet.noop.Invisible = true
	n.softnet.noop.Ops = &QdiscOps{Id: "noop", Enqueue: n.noopEnqueue, Dequeue: n.noopDequeue, Peek: n.noopDequeue}
}

// qdiscAlloc makes a queue for a device (qdisc_alloc).
func (n *Net) qdiscAlloc(dev *NetDevice, ops *QdiscOps) *Qdisc {
	kernel.Fentry2(&n.Kernel, dev, ops) // qdisc_alloc net/sched/sch_generic.c:818

	return &Qdisc{Ops: ops, Dev: dev, Refs: 1}
}

// qdiscCreateDflt makes a queue with its defaults, nil if the kind needs
// options.
func (n *Net) qdiscCreateDflt(dev *NetDevice, ops *QdiscOps, parentid uint32) *Qdisc {
	kernel.Fentry3(&n.Kernel, dev, ops, parentid) // qdisc_create_dflt net/sched/sch_generic.c:897

	sch := n.qdiscAlloc(dev, ops) // :906
	sch.Parent = parentid
	if ops.Init(sch, nil) == 0 { // :913
		return sch
	}
	n.qdiscPut(sch) // :916
	return nil
}

func (n *Net) qdiscDestroy(qdisc *Qdisc) {
	kernel.Fentry1(&n.Kernel, qdisc) // qdisc_destroy net/sched/sch_generic.c:964

	if qdisc.Ops.Reset != nil {
		qdisc.Ops.Reset(qdisc) // :975
	}
	if qdisc.Ops.Destroy != nil {
		qdisc.Ops.Destroy(qdisc) // :977
	}
	for skb := qdisc.GsoSkb.Dequeue(); skb != nil; skb = qdisc.GsoSkb.Dequeue() {
		n.KfreeSkbList(skb) // :984
	}
}

// qdiscPut drops a reference to a queue.
func (n *Net) qdiscPut(qdisc *Qdisc) {
	kernel.Fentry1(&n.Kernel, qdisc) // qdisc_put net/sched/sch_generic.c:996

	if qdisc == &n.softnet.noop {
		return
	}
	if qdisc.Refs--; qdisc.Refs == 0 {
		n.qdiscDestroy(qdisc) // :1001
	}
}

// devGraftQdisc gives a device another root queue, nil for none, and returns
// the one that it had.
func (n *Net) devGraftQdisc(dev *NetDevice, qdisc *Qdisc) *Qdisc {
	kernel.Fentry2(&n.Kernel, dev, qdisc) // dev_graft_qdisc net/sched/sch_generic.c:1023

	oqdisc := dev.Qdisc
	if qdisc != nil {
		qdisc.Deactivated = true
	}
	dev.Qdisc, dev.qdiscAttached = qdisc, qdisc != nil
	return oqdisc
}

func (n *Net) attachOneDefaultQdisc(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // attach_one_default_qdisc net/sched/sch_generic.c:1046

	if !dev.NoQueue {
		dev.Qdisc = n.qdiscCreateDflt(dev, n.PfifoFastOps, TcHRoot) // :1053
		if dev.Qdisc == nil {
			return
		}
		dev.Qdisc.Deactivated = true
	}
	dev.qdiscAttached = true
}

func (n *Net) attachDefaultQdiscs(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // attach_default_qdiscs net/sched/sch_generic.c:1064

	n.attachOneDefaultQdisc(dev) // :1072
	if dev.Qdisc != nil {
		dev.Qdisc.Refs++
	}
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

	if !dev.qdiscAttached {
		n.attachDefaultQdiscs(dev) // :1115
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

func (n *Net) devDeactivate(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // dev_deactivate net/sched/sch_generic.c:1238

	n.devDeactivateMany(dev) // :1242
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

func (n *Net) noopEnqueue(skb *SkBuff, qdisc *Qdisc) int {
	kernel.Fentry2(&n.Kernel, skb, qdisc) // noop_enqueue net/sched/sch_generic.c:541

	n.qdiscDrop__(skb, dropQdiscFull)
	return NetXmitCn
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
		return n.qdiscDrop(skb, qdisc, dropQdiscFull)
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
			qdisc.bstatsUpdate(skb)
			qdisc.Qlen--
			return skb
		}
	}
	return nil
}

func pfifoFastPeek(qdisc *Qdisc) *SkBuff {
	priv := qdisc.Priv.(*pfifoFastPriv)
	for band := range priv.bands {
		if skb := priv.bands[band].Peek(); skb != nil {
			return skb
		}
	}
	return nil
}

func (n *Net) pfifoFastInit(qdisc *Qdisc, opt any) int {
	kernel.Fentry2(&n.Kernel, qdisc, opt) // pfifo_fast_init net/sched/sch_generic.c:735

	if qdisc.Dev.TxQueueLen == 0 {
		return -EINVAL
	}
	qdisc.Priv = new(pfifoFastPriv)
	return 0
}

// PfifoFastQopt is how pfifo_fast puts priorities into its bands
// (struct tc_prio_qopt).
type PfifoFastQopt struct {
	Bands   int
	Priomap string // a byte for each priority
}

func pfifoFastDump(*Qdisc) any { return &PfifoFastQopt{pfifoFastBands, prio2band} }

func (n *Net) pfifoFastReset(qdisc *Qdisc) {
	kernel.Fentry1(&n.Kernel, qdisc) // pfifo_fast_reset net/sched/sch_generic.c:696

	priv := qdisc.Priv.(*pfifoFastPriv)
	for band := range priv.bands {
		for skb := priv.bands[band].Dequeue(); skb != nil; skb = priv.bands[band].Dequeue() {
			n.drop("queue reset")
			n.KfreeSkb(skb) // :710
		}
	}
}
