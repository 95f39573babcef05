// Softirqs (kernel/softirq.c): work that an interrupt, or code that holds off
// bottom halves, leaves for a moment later. It runs on whatever stack is in use
// when bottom halves come on again, which on loopback is the sender's own.

package kernel

// Softirq numbers (include/linux/interrupt.h).
const (
	TimerSoftirq = 1
	NetTxSoftirq = 2
	NetRxSoftirq = 3
)

const (
	softirqOffset        = 0x100
	softirqDisableOffset = 2 * softirqOffset
	softirqMask          = 0xff00
	hardirqOffset        = 0x10000
	hardirqMask          = 0xf0000

	maxSoftirqRestart = 10
)

type softirqs struct {
	pending   uint32
	vec       [10]func()
	ksoftirqd *Task
	served    [10]uint64
}

// OpenSoftirq sets what softirq nr does (open_softirq).
func (k *Kernel) OpenSoftirq(nr int, action func()) { k.softirq.vec[nr] = action }

// InInterrupt reports whether an interrupt or softirq runs, or bottom halves
// are off (in_interrupt).
func (k *Kernel) InInterrupt() bool { return k.preemptCount&(hardirqMask|softirqMask) != 0 }

// InServingSoftirq reports whether a softirq runs (in_serving_softirq).
func (k *Kernel) InServingSoftirq() bool { return k.preemptCount&softirqOffset != 0 }

// InHardirq reports whether an interrupt handler runs (in_irq).
func (k *Kernel) InHardirq() bool { return k.preemptCount&hardirqMask != 0 }

// Context names what runs: "process", "process,bh-off", "softirq", "hardirq".
func (k *Kernel) Context() string {
	switch {
	case k.InHardirq():
		return "hardirq"
	case k.InServingSoftirq():
		return "softirq"
	case k.preemptCount&softirqMask != 0:
		return "process,bh-off"
	}
	return "process"
}

// LocalBhDisable holds off softirqs (local_bh_disable).
func (k *Kernel) LocalBhDisable() { k.preemptCount += softirqDisableOffset }

// LocalBhEnable lets softirqs run again and runs those that are pending, here
// and now on the caller's stack (local_bh_enable).
func (k *Kernel) LocalBhEnable() {
	Fentry0(k) // local_bh_enable include/linux/bottom_half.h:30

	k.localBhEnableIp__() // :32
}

func (k *Kernel) localBhEnableIp__() {
	Fentry0(k) // __local_bh_enable_ip kernel/softirq.c:167

	k.preemptCount -= softirqDisableOffset
	if k.softirq.pending != 0 && !k.InInterrupt() {
		k.doSoftirq() // :189
	}
}

// SpinUnlockBh ends what LocalBhDisable began for a lock (spin_unlock_bh).
func (k *Kernel) SpinUnlockBh() {
	Fentry0(k) // spin_unlock_bh include/linux/spinlock.h:374

	k.rawSpinUnlockBh_() // :374
}

func (k *Kernel) rawSpinUnlockBh_() {
	Fentry0(k) // _raw_spin_unlock_bh kernel/locking/spinlock.c:207

	k.rawSpinUnlockBh__() // :207
}

func (k *Kernel) rawSpinUnlockBh__() {
	Fentry0(k) // __raw_spin_unlock_bh include/linux/spinlock_api_smp.h:175

	k.localBhEnableIp__() // :176
}

// WriteUnlockBh ends what LocalBhDisable began for a lock of readers and
// writers (write_unlock_bh).
func (k *Kernel) WriteUnlockBh() {
	Fentry0(k) // _raw_write_unlock_bh kernel/locking/spinlock.c:319

	k.rawWriteUnlockBh__() // :319
}

func (k *Kernel) rawWriteUnlockBh__() {
	Fentry0(k) // __raw_write_unlock_bh include/linux/rwlock_api_smp.h:274

	k.localBhEnableIp__() // :275
}

// RcuReadUnlockBh is rcu_read_unlock_bh.
func (k *Kernel) RcuReadUnlockBh() {
	Fentry0(k) // rcu_read_unlock_bh include/linux/rcupdate.h:692

	k.LocalBhEnable() // :696
}

func (k *Kernel) doSoftirq() {
	Fentry0(k) // do_softirq kernel/softirq.c:329

	if k.InInterrupt() || k.ksoftirqdRunning() {
		return
	}
	k.doSoftirqOwnStack() // :337
}

func (k *Kernel) doSoftirqOwnStack() {
	Fentry0(k) // do_softirq_own_stack arch/x86/entry/entry_64.S:1024

	k.doSoftirq__() // :1027
}

func (k *Kernel) doSoftirq__() {
	Fentry0(k) // __do_softirq kernel/softirq.c:251

	restart := maxSoftirqRestart
	k.preemptCount += softirqOffset
	for {
		pending := k.softirq.pending
		k.softirq.pending = 0
		for nr := 0; pending != 0; nr, pending = nr+1, pending>>1 {
			if pending&1 != 0 {
				k.softirq.served[nr]++
				k.softirq.vec[nr]() // :292
			}
		}
		if k.softirq.pending == 0 {
			break
		}
		restart--
		if k.cpu.current.resched || restart == 0 {
			k.wakeupSoftirqd()
			break
		}
	}
	k.preemptCount -= softirqOffset
}

// RaiseSoftirq marks softirq nr pending (raise_softirq).
func (k *Kernel) RaiseSoftirq(nr uint32) {
	Fentry1(k, nr) // raise_softirq kernel/softirq.c:441

	k.RaiseSoftirqIrqoff(nr) // :445
}

// RaiseSoftirqIrqoff is RaiseSoftirq for callers with interrupts off; outside
// of interrupts it wakes ksoftirqd (raise_softirq_irqoff).
func (k *Kernel) RaiseSoftirqIrqoff(nr uint32) {
	Fentry1(k, nr) // raise_softirq_irqoff kernel/softirq.c:424

	k.RaiseSoftirqIrqoff__(nr) // :425
	if !k.InInterrupt() {
		k.wakeupSoftirqd()
	}
}

// RaiseSoftirqIrqoff__ only marks softirq nr pending (__raise_softirq_irqoff).
func (k *Kernel) RaiseSoftirqIrqoff__(nr uint32) {
	Fentry1(k, nr) // __raise_softirq_irqoff kernel/softirq.c:450

	k.softirq.pending |= 1 << nr
}

func (k *Kernel) ksoftirqdRunning() bool {
	return k.softirq.ksoftirqd.State == TaskRunning
}

func (k *Kernel) wakeupSoftirqd() { k.WakeUpProcess(k.softirq.ksoftirqd) }

// ksoftirqdMain is the program of the kernel thread that takes over when
// softirqs keep coming.
func (k *Kernel) ksoftirqdMain(*Task) int {
	k.retFromFork()
	return 0
}

func (k *Kernel) retFromFork() {
	Fentry0(k) // ret_from_fork arch/x86/entry/entry_64.S:335

	k.kthread() // :352
}

func (k *Kernel) kthread() {
	Fentry0(k) // kthread kernel/kthread.c:209

	k.smpbootThreadFn() // :246
}

func (k *Kernel) smpbootThreadFn() {
	Fentry0(k) // smpboot_thread_fn kernel/smpboot.c:109

	for {
		if k.softirq.pending == 0 {
			k.cpu.current.State = TaskInterruptible
			k.Schedule()
			continue
		}
		k.runKsoftirqd() // :164
	}
}

func (k *Kernel) runKsoftirqd() {
	Fentry0(k) // run_ksoftirqd kernel/softirq.c:647

	if k.softirq.pending != 0 {
		k.doSoftirq__() // :654
		k.CondResched()
	}
}
