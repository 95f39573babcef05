// Queues as a program configures them, and the watchdog that wakes one that
// holds packets back (net/sched/sch_api.c). Left out: netlink, so that options
// come as structs and the text of extended acknowledgements in the request; size
// tables, rate estimators, ingress queues.

package core

import (
	"time"

	"menuos/stack/internal/kernel"
)

// QdiscWatchdog wakes a queue at a given time (struct qdisc_watchdog).
type QdiscWatchdog struct {
	lastExpires time.Duration
	timer       kernel.Hrtimer
	qdisc       *Qdisc
}

// qdiscWatchdog has the queue run again by the transmit softirq.
func (n *Net) qdiscWatchdog(timer *kernel.Hrtimer) {
	kernel.Fentry1(&n.Kernel, timer) // qdisc_watchdog net/sched/sch_api.c:604

	n.NetifSchedule__(timer.Owner.(*QdiscWatchdog).qdisc.root()) // :608
}

func (n *Net) qdiscWatchdogInit(wd *QdiscWatchdog, qdisc *Qdisc) {
	kernel.Fentry2(&n.Kernel, wd, qdisc) // qdisc_watchdog_init net/sched/sch_api.c:624

	wd.timer.Setup(&n.sched.watchdog, wd)
	wd.qdisc = qdisc
}

func (n *Net) qdiscWatchdogScheduleNs(wd *QdiscWatchdog, expires time.Duration) {
	kernel.Fentry2(&n.Kernel, wd, expires) // qdisc_watchdog_schedule_ns net/sched/sch_api.c:630

	if wd.qdisc.root().Deactivated || wd.lastExpires == expires {
		return
	}
	wd.lastExpires = expires
	n.HrtimerStart(&wd.timer, expires)
}

func (n *Net) qdiscWatchdogCancel(wd *QdiscWatchdog) {
	kernel.Fentry1(&n.Kernel, wd) // qdisc_watchdog_cancel net/sched/sch_api.c:646

	n.HrtimerCancel(&wd.timer)
}

// leaf is the queue inside this one, nil if there is none.
func (q *Qdisc) leaf() *Qdisc {
	if q.Ops.Leaf == nil {
		return nil
	}
	return q.Ops.Leaf(q)
}

func (n *Net) qdiscLookup(dev *NetDevice, handle uint32) *Qdisc {
	kernel.Fentry2(&n.Kernel, dev, handle) // qdisc_lookup net/sched/sch_api.c:300

	if handle == 0 {
		return nil
	}
	return n.qdiscMatchFromRoot(dev.Qdisc, handle) // :305
}

func (n *Net) qdiscMatchFromRoot(root *Qdisc, handle uint32) *Qdisc {
	kernel.Fentry2(&n.Kernel, root, handle) // qdisc_match_from_root net/sched/sch_api.c:262

	if root == nil {
		return nil
	}
	return root.Dev.queue(handle)
}

// qdiscAllocHandle finds a handle that no queue of the device has.
func (n *Net) qdiscAllocHandle(dev *NetDevice) uint32 {
	kernel.Fentry1(&n.Kernel, dev) // qdisc_alloc_handle net/sched/sch_api.c:745

	for range 0x8000 {
		if n.sched.autohandle += 0x10000; n.sched.autohandle == tcHMajMask {
			n.sched.autohandle = 0x80000000
		}
		if n.qdiscLookup(dev, n.sched.autohandle) == nil { // :753
			return n.sched.autohandle
		}
	}
	return 0
}

// qdiscTreeReduceBacklog tells the queues around this one that it holds fewer
// packets and bytes than they think.
func (n *Net) qdiscTreeReduceBacklog(sch *Qdisc, packets, length int) {
	kernel.Fentry3(&n.Kernel, sch, packets, length) // qdisc_tree_reduce_backlog net/sched/sch_api.c:763

	if packets == 0 && length == 0 {
		return
	}
	for parentid := sch.Parent; parentid != 0; parentid = sch.Parent {
		sch = n.qdiscLookup(sch.Dev, parentid&tcHMajMask) // :793
		if sch == nil {
			return
		}
		sch.Qlen -= packets
		sch.Backlog -= length
		sch.Drops += uint64(max(packets, 0))
	}
}

// TcRequest is what tc asks for (struct tcmsg with its attributes). Extack is
// the kernel's own words for an error, if it has any.
type TcRequest struct {
	Dev                   *NetDevice
	Parent, Handle        uint32
	Kind                  string
	Options               any
	Create, Replace, Excl bool // NLM_F_*
	Extack                string
}

func (r *TcRequest) err(errno int, extack string) int {
	r.Extack = extack
	return -errno
}

func (n *Net) qdiscLookupOps(kind string) *QdiscOps {
	for _, ops := range n.sched.base {
		if ops.Id == kind {
			return ops
		}
	}
	return nil
}

func (n *Net) qdiscCreate(dev *NetDevice, r *TcRequest) (*Qdisc, int) {
	kernel.Fentry2(&n.Kernel, dev, r) // qdisc_create net/sched/sch_api.c:1149

	ops := n.qdiscLookupOps(r.Kind)
	if ops == nil {
		return nil, r.err(ENOENT, "Specified qdisc not found")
	}
	sch := n.qdiscAlloc(dev, ops) // :1191
	sch.Parent, sch.Handle = r.Parent, r.Handle
	if sch.Handle == 0 {
		if sch.Handle = n.qdiscAllocHandle(dev); sch.Handle == 0 { // :1204
			return nil, -ENOMEM
		}
	}
	if err := ops.Init(sch, r.Options); err != 0 { // :1231
		if ops.Destroy != nil {
			ops.Destroy(sch) // :1279
		}
		return nil, err
	}
	return sch, 0
}

func (n *Net) qdiscChange(sch *Qdisc, r *TcRequest) int {
	kernel.Fentry2(&n.Kernel, sch, r) // qdisc_change net/sched/sch_api.c:1302

	if r.Options == nil {
		return 0
	}
	if sch.Ops.Change == nil {
		return r.err(EINVAL, "Change operation not supported by specified qdisc")
	}
	return sch.Ops.Change(sch, r.Options) // :1315
}

// qdiscGraft puts a queue, or none, into the place of another: of the root of
// the device, or in parent.
func (n *Net) qdiscGraft(dev *NetDevice, parent, child *Qdisc, r *TcRequest) int {
	kernel.Fentry4(&n.Kernel, dev, parent, child, r) // qdisc_graft net/sched/sch_api.c:1020

	if parent != nil {
		if parent.Ops.Graft == nil {
			return -EOPNOTSUPP
		}
		old := parent.Ops.Graft(parent, child) // :1096
		n.notifyAndDestroy(old)                // :1099
		return 0
	}
	up := dev.Flags&IffUp != 0
	if up {
		n.devDeactivate(dev) // :1040
	}
	old := n.devGraftQdisc(dev, child) // :1053
	if old != nil {
		n.qdiscPut(old) // :1058
	}
	n.notifyAndDestroy(old) // :1063
	if child != nil {
		child.Refs++
	}
	if up {
		n.devActivate(dev) // :1076
	}
	return 0
}

func (n *Net) notifyAndDestroy(old *Qdisc) {
	kernel.Fentry1(&n.Kernel, old) // notify_and_destroy net/sched/sch_api.c:999

	if old != nil {
		n.qdiscPut(old) // :1004
	}
}

// find finds the queue at a request's parent, and the one that this is in.
func (r *TcRequest) find(notFound string) (q, p *Qdisc, err int) {
	if r.Parent == TcHRoot {
		return r.Dev.Qdisc, nil, 0
	}
	if p = r.Dev.queue(r.Parent & tcHMajMask); p == nil {
		return nil, nil, r.err(ENOENT, notFound)
	}
	return p.leaf(), p, 0
}

// queue finds the queue of a handle, nil if the device has none.
func (dev *NetDevice) queue(handle uint32) *Qdisc {
	for q := dev.Qdisc; q != nil && handle != 0; q = q.leaf() {
		if q.Handle == handle {
			return q
		}
	}
	return nil
}

// TcGetQdisc removes a queue (tc_get_qdisc, as RTM_DELQDISC uses it): what it
// holds is lost, and a root gives way to the device's default.
func (n *Net) TcGetQdisc(r *TcRequest) int {
	kernel.Fentry1(&n.Kernel, r) // tc_get_qdisc net/sched/sch_api.c:1403

	var q, p *Qdisc
	if r.Parent != 0 {
		var err int
		if q, p, err = r.find("Failed to find qdisc with specified classid"); err < 0 {
			return err
		}
		if q == nil && r.Parent == TcHRoot && r.Dev.qdiscAttached {
			q = &n.softnet.noop // noqueue, whose handle is 0, too
		}
		if q == nil {
			return r.err(ENOENT, "Cannot find specified qdisc on specified device")
		}
		if r.Handle != 0 && q.Handle != r.Handle {
			return r.err(EINVAL, "Invalid handle")
		}
	} else {
		q = n.qdiscLookup(r.Dev, r.Handle) // :1452
		if q == nil {
			return r.err(ENOENT, "Failed to find qdisc with specified handle")
		}
	}
	if r.Kind != "" && r.Kind != q.Ops.Id {
		return r.err(EINVAL, "Invalid qdisc name")
	}
	if r.Parent == 0 {
		return r.err(EINVAL, "Classid cannot be zero")
	}
	if q.Handle == 0 {
		return r.err(ENOENT, "Cannot delete qdisc with handle of zero")
	}
	return n.qdiscGraft(r.Dev, p, nil, r) // :1473
}

// TcModifyQdisc makes a queue, or changes one (tc_modify_qdisc).
func (n *Net) TcModifyQdisc(r *TcRequest) int {
	kernel.Fentry1(&n.Kernel, r) // tc_modify_qdisc net/sched/sch_api.c:1488

	q, p, err := n.tcChoose(r)
	if err < 0 {
		return err
	}
	if q != nil {
		return n.qdiscChange(q, r) // :1617
	}
	if q, err = n.qdiscCreate(r.Dev, r); err < 0 { // :1646
		return err
	}
	err = n.qdiscGraft(r.Dev, p, q, r) // :1657
	if err < 0 {
		n.qdiscPut(q) // :1660
	}
	return err
}

// tcChoose finds the queue that a request is to change, or, if q is nil, the one
// that the new queue goes into, if it is not to be the root.
func (n *Net) tcChoose(r *TcRequest) (q, p *Qdisc, err int) {
	create := false
	if r.Parent == 0 {
		if r.Handle == 0 {
			return nil, nil, r.err(EINVAL, "Handle cannot be zero")
		}
		q = r.Dev.queue(r.Handle)
	} else {
		if q, p, err = r.find("Failed to find specified qdisc"); err < 0 {
			return nil, nil, err
		}
		if q != nil && q.Handle == 0 {
			q = nil // a default
		}
		switch {
		case r.Handle != 0 && (q == nil || q.Handle != r.Handle):
			if err = r.mayCreate(q); err < 0 {
				return nil, nil, err
			}
			q, create = nil, true
		case r.Handle == 0 && (q == nil || r.Create && r.Replace && (r.Excl || r.Kind != "" && r.Kind != q.Ops.Id)):
			q, create = nil, true
		}
	}
	switch {
	case create && !r.Create:
		err = r.err(ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag")
	case create:
	case q == nil:
		err = r.err(ENOENT, "Specified qdisc not found")
	case r.Excl:
		err = r.err(EEXIST, "Exclusivity flag on, cannot modify")
	case r.Kind != "" && r.Kind != q.Ops.Id:
		err = r.err(EINVAL, "Invalid qdisc name")
	}
	return q, p, err
}

// mayCreate reports whether a queue of the handle asked for may take the place
// of q, nil if there is none.
func (r *TcRequest) mayCreate(q *Qdisc) int {
	if q != nil && !r.Replace {
		return r.err(EEXIST, "NLM_F_REPLACE needed to override")
	}
	if r.Handle&tcHMinMask != 0 {
		return r.err(EINVAL, "Invalid minor handle")
	}
	there := r.Dev.queue(r.Handle)
	switch {
	case there == nil:
		return 0
	case r.Excl:
		return r.err(EEXIST, "Exclusivity flag on, cannot override")
	case r.Kind != "" && r.Kind != there.Ops.Id:
		return r.err(EINVAL, "Invalid qdisc name")
	}
	// Linux moves the queue. As each has one class, it could only move out of
	// the queue that goes, or into itself.
	return r.err(ELOOP, "Qdisc parent/child loop detected")
}

// ForEachQdisc calls fn for the queues of a device as tc lists them, the root
// first; q is nil for noqueue.
func (n *Net) ForEachQdisc(dev *NetDevice, fn func(q *Qdisc)) {
	if dev.Qdisc == nil && dev.qdiscAttached {
		fn(nil)
	}
	for q := dev.Qdisc; q != nil; q = q.leaf() {
		if !q.Invisible {
			fn(q)
		}
	}
}
