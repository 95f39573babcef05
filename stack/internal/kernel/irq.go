// The idle loop and the interrupts that end it (kernel/sched/idle.c,
// arch/x86/kernel/irq.c, arch/x86/kernel/apic/apic.c, kernel/time/tick-sched.c).
// Interrupts come while the CPU is idle or between two system calls; menuos does
// not interrupt a running task, because running takes no time.

package kernel

// idleLoop is what swapper/0 does: hand the CPU to whoever is runnable, take
// interrupts, and let time pass up to the limit of Run.
func (k *Kernel) idleLoop() {
	for {
		switch {
		case k.handleInterrupts():
		case k.sched.runnable():
			k.sched.idle.resched = false
			k.yield(yieldSwitch)
		case k.nextTimerEvent() <= k.limit && k.nextTimerEvent() != Forever:
			k.now = k.nextTimerEvent()
		default:
			k.yield(yieldIdle)
		}
	}
}

// HandleInterrupts takes the interrupts that have come up; it reports whether
// there were any. Tasks call it on their way out of a system call.
func (k *Kernel) HandleInterrupts() bool { return k.handleInterrupts() }

func (k *Kernel) handleInterrupts() bool {
	if len(k.cpu.irqs) > 0 {
		desc := k.cpu.irqs[0]
		k.cpu.irqs = k.cpu.irqs[:copy(k.cpu.irqs, k.cpu.irqs[1:])]
		k.commonInterrupt(desc)
		return true
	}
	if k.hrtimerDue() || k.timersDue() || k.rcuDue() {
		k.apicTimerInterrupt()
		return true
	}
	return false
}

func (k *Kernel) commonInterrupt(desc *IrqDesc) {
	Fentry0(k) // common_interrupt arch/x86/entry/entry_64.S:580

	k.doIRQ(desc) // :583
}

func (k *Kernel) doIRQ(desc *IrqDesc) {
	Fentry0(k) // do_IRQ arch/x86/kernel/irq.c:234

	k.preemptCount += hardirqOffset
	k.handleIrq(desc) // :246
	k.exitingIrq()    // :258
}

func (k *Kernel) apicTimerInterrupt() {
	Fentry0(k) // apic_timer_interrupt arch/x86/entry/entry_64.S:807

	k.smpApicTimerInterrupt() // :807
}

func (k *Kernel) smpApicTimerInterrupt() {
	Fentry0(k) // smp_apic_timer_interrupt arch/x86/kernel/apic/apic.c:1047

	k.preemptCount += hardirqOffset
	k.localApicTimerInterrupt() // :1060
	k.exitingIrq()              // :1062
}

func (k *Kernel) localApicTimerInterrupt() {
	Fentry0(k) // local_apic_timer_interrupt arch/x86/kernel/apic/apic.c:1008

	k.hrtimerInterrupt() // :1035
}

func (k *Kernel) hrtimerInterrupt() {
	Fentry0(k) // hrtimer_interrupt kernel/time/hrtimer.c:1481

	k.hrtimerRunQueues__() // :1509
}

func (k *Kernel) hrtimerDue() bool {
	h := k.hrtimers.first()
	return h != nil && h.Expires <= k.now
}

func (k *Kernel) hrtimerRunQueues__() {
	Fentry0(k) // __hrtimer_run_queues kernel/time/hrtimer.c:1421

	for k.hrtimerDue() {
		h := k.hrtimers.first()
		k.HrtimerCancel(h)
		k.runHrtimer__(h.Kind.Func, h) // :1451
	}
	if k.timersDue() || k.rcuDue() {
		k.runHrtimer__(k.tickSchedTimer, nil) // :1451
	}
}

func (k *Kernel) runHrtimer__(fn func(*Hrtimer), timer *Hrtimer) {
	Fentry1(k, timer) // __run_hrtimer kernel/time/hrtimer.c:1349

	fn(timer) // :1389
}

// tickSchedTimer is the tick. Nobody sees a tick that finds nothing to do, so
// menuos does not take those.
func (k *Kernel) tickSchedTimer(timer *Hrtimer) {
	Fentry1(k, timer) // tick_sched_timer kernel/time/tick-sched.c:1257

	k.tickSchedHandle() // :1271
}

func (k *Kernel) tickSchedHandle() {
	Fentry0(k) // tick_sched_handle kernel/time/tick-sched.c:149

	k.updateProcessTimes() // :161
}

func (k *Kernel) updateProcessTimes() {
	Fentry0(k) // update_process_times kernel/time/timer.c:1628

	k.runLocalTimers()    // :1634
	k.rcuCheckCallbacks() // :1635
}

func (k *Kernel) runLocalTimers() {
	Fentry0(k) // run_local_timers kernel/time/timer.c:1704

	if k.timersDue() {
		k.RaiseSoftirq(TimerSoftirq) // :1716
	}
}

func (k *Kernel) exitingIrq() {
	Fentry0(k) // exiting_irq arch/x86/include/asm/apic.h:536

	k.irqExit() // :536
}

func (k *Kernel) irqExit() {
	Fentry0(k) // irq_exit kernel/softirq.c:403

	k.preemptCount -= hardirqOffset
	if k.softirq.pending != 0 && !k.InInterrupt() {
		k.invokeSoftirq() // :413
	}
}

func (k *Kernel) invokeSoftirq() {
	Fentry0(k) // invoke_softirq kernel/softirq.c:363

	if k.ksoftirqdRunning() {
		return
	}
	k.doSoftirq__() // :373
}
