// What must wait until nobody can look at it any more (kernel/rcu/tree.c).
// Nothing runs concurrently here, so a grace period is over at the next tick;
// the callbacks run in the RCU softirq of that tick, as on Linux.

package kernel

import "time"

// RcuSoftirq is the softirq that runs callbacks (include/linux/interrupt.h).
const RcuSoftirq = 9

// RcuHead is a callback that waits for a grace period (struct rcu_head).
type RcuHead struct {
	Func func(arg any)
	Arg  any
}

type rcuState struct {
	pending []RcuHead
	since   time.Duration // when the oldest was queued
}

// CallRcu queues a callback (call_rcu).
func (k *Kernel) CallRcu(head RcuHead) {
	if len(k.rcu.pending) == 0 {
		k.rcu.since = k.now
	}
	k.rcu.pending = append(k.rcu.pending, head)
}

// nextRcuTick is the tick that ends the grace period, Forever if none is on.
func (k *Kernel) nextRcuTick() time.Duration {
	if len(k.rcu.pending) == 0 {
		return Forever
	}
	const tick = time.Second / HZ
	return (k.rcu.since/tick + 1) * tick
}

func (k *Kernel) rcuDue() bool { return k.nextRcuTick() <= k.now }

func (k *Kernel) rcuCheckCallbacks() {
	Fentry0(k) // rcu_check_callbacks kernel/rcu/tree.c:2508

	if k.rcuDue() {
		k.invokeRcuCore() // :2522
	}
}

func (k *Kernel) invokeRcuCore() {
	Fentry0(k) // invoke_rcu_core kernel/rcu/tree.c:2781

	k.RaiseSoftirq(RcuSoftirq) // :2782
}

func (k *Kernel) rcuProcessCallbacks() {
	Fentry0(k) // rcu_process_callbacks kernel/rcu/tree.c:2720

	k.invokeRcuCallbacks() // :2754
}

func (k *Kernel) invokeRcuCallbacks() {
	Fentry0(k) // invoke_rcu_callbacks kernel/rcu/tree.c:2768

	k.rcuDoBatch() // :2773
}

func (k *Kernel) rcuDoBatch() {
	Fentry0(k) // rcu_do_batch kernel/rcu/tree.c:2419

	batch := k.rcu.pending
	k.rcu.pending = nil
	for _, head := range batch {
		k.rcuReclaim__(head) // :2452
	}
}

func (k *Kernel) rcuReclaim__(head RcuHead) {
	Fentry0(k) // __rcu_reclaim kernel/rcu/rcu.h:226

	head.Func(head.Arg) // :240
}
