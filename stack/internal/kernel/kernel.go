// Package kernel is the machine that the network stack runs on: one CPU, its
// tasks and run queue, wait queues, softirqs, timers, a clock, a random source,
// and the function-entry tracing that gdb's breakpoints and backtraces rest on.
//
// It follows kernel/, kernel/time/, kernel/sched/ and arch/x86/entry of Linux
// 5.0.1. Left out: SMP, memory management, RCU (nothing runs concurrently) and
// every scheduler class but a CFS of two rules (see sched.go).
//
// A Kernel is single-threaded. Whoever calls Run owns it until Run returns;
// nothing in it reads a clock, draws from a global random source or starts a
// goroutine that runs by itself.
package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// HZ is the number of jiffies a second (CONFIG_HZ of the recorded kernel).
const HZ = 1000

// initialJiffies makes jiffies wrap five minutes after boot, as Linux does
// (include/linux/jiffies.h), so that wrap bugs show early.
const initialJiffies = 1<<32 - 300*HZ

// bootTime is what the clock shows when a machine is made. It is above zero,
// because Linux uses a time stamp of zero for "none".
const bootTime = time.Second

// Forever is a limit for Run that no event lies behind.
const Forever = time.Duration(math.MaxInt64)

// Config is what a machine is made from. The same Config and the same inputs
// give the same run, byte for byte.
type Config struct {
	Seed uint64 // seed of the machine's only random source
}

// Kernel is one machine. Layers above embed it as their first field, so the
// whole machine is one struct and &n.Kernel costs nothing.
type Kernel struct {
	// watch is true while somebody wants to hear of function entries. It is the
	// only thing that an unwatched function entry looks at.
	watch bool

	now   time.Duration // since boot
	limit time.Duration // how far idle may move now in this Run
	rng   *rand.Rand
	addr  uint64 // next free kernel address

	preemptCount int
	cpu          cpu
	sched        sched
	timers       timerBase
	hrtimers     hrtimerBase
	softirq      softirqs
	rcu          rcuState
	trace        tracing
	sources      []Source

	Syscalls SyscallTable

	// TimerEvents, if set, hears of timers: "timer_start", "timer_cancel",
	// "timer_expire_entry" (include/trace/events/timer.h).
	TimerEvents func(tracepoint string, t *Timer)

	wakeFuncs struct { // bound once: a method value allocates
		autoremove, woken WaitFunc
		timeout           TimerKind
		hrtimeout         HrtimerKind
	}
}

// New returns a machine that has just booted, with the idle task and
// ksoftirqd. Close ends its coroutines.
func New(cfg Config) *Kernel {
	k := new(Kernel)
	k.Init(cfg)
	return k
}

// Init readies a Kernel that is embedded in another struct.
func (k *Kernel) Init(cfg Config) {
	k.rng = rand.New(rand.NewPCG(cfg.Seed, 0x6d656e756f73))
	k.addr = firstObjectAddr
	k.now = bootTime
	k.timers.clk = k.Jiffies()
	k.AddSources(Source{Package: "menuos/stack/internal/kernel", FS: sourceFS})
	k.initSched()
	k.OpenSoftirq(TimerSoftirq, k.runTimerSoftirq)
	k.OpenSoftirq(RcuSoftirq, k.rcuProcessCallbacks)
}

// Now is the time since boot (ktime_get).
func (k *Kernel) Now() time.Duration { return k.now }

// Jiffies counts ticks of 1/HZ second (jiffies_64).
func (k *Kernel) Jiffies() uint64 {
	return initialJiffies + uint64(k.now/(time.Second/HZ))
}

// TcpJiffies32 is the low half of jiffies (tcp_jiffies32).
func (k *Kernel) TcpJiffies32() uint32 { return uint32(k.Jiffies()) }

// PrandomU32 draws 32 bits from the machine's random source (prandom_u32).
func (k *Kernel) PrandomU32() uint32 { return k.rng.Uint32() }

// PrandomU32Max draws from [0, max) (prandom_u32_max).
func (k *Kernel) PrandomU32Max(max uint32) uint32 {
	return uint32(uint64(k.rng.Uint32()) * uint64(max) >> 32)
}

// firstObjectAddr is where the addresses that stand for kernel objects begin:
// the direct mapping of a machine with 2 GB.
const firstObjectAddr = 0xffff888006800000

// NewAddr gives an object of size bytes a kernel address. Addresses depend on
// nothing but the order of allocations, so two equal runs print equal pointers.
func (k *Kernel) NewAddr(size uint64) uint64 {
	a := k.addr
	k.addr += (size + 63) &^ 63
	return a
}

// Halt says why Run returned.
type Halt int

const (
	HaltIdle  Halt = iota // nothing can run before the limit
	HaltUntil             // the caller's condition holds
	HaltStop              // a breakpoint holds the machine; Run resumes it
)

func (h Halt) String() string {
	switch h {
	case HaltIdle:
		return "idle"
	case HaltUntil:
		return "until"
	case HaltStop:
		return "stopped"
	}
	return fmt.Sprintf("Halt(%d)", int(h))
}

// Run lets the machine run until until reports true (it is asked each time a
// task gives up the CPU; nil never does), a breakpoint stops it, or nothing
// can happen up to the time limit. Time moves only while the CPU is idle, from
// event to event, and never past limit, but for Follow. With HaltIdle the clock stands at
// limit unless that is Forever.
func (k *Kernel) Run(limit time.Duration, until func() bool) Halt {
	if k.sched.running {
		panic("kernel: Run called from inside the machine")
	}
	k.sched.running = true
	defer func() { k.sched.running = false }()
	k.limit = limit
	for {
		if !k.cpu.stopped {
			if until != nil && until() {
				return HaltUntil
			}
			k.pickNext()
		}
		k.cpu.stopped = false
		switch k.resume() {
		case yieldStop:
			k.cpu.stopped = true
			return HaltStop
		case yieldIdle:
			if limit != Forever && limit > k.now {
				k.now = limit
			}
			if until != nil && until() {
				return HaltUntil
			}
			return HaltIdle
		}
	}
}

// Follow lets time move up to now while tasks run, for a machine whose time is
// somebody else's: what falls due by then runs when the next system call ends.
// It never goes back. Only Run's until may call it.
func (k *Kernel) Follow(now time.Duration) {
	if now > k.now {
		k.now = now
		k.cpu.late = k.hrtimerDue() || k.timersDue() || k.rcuDue()
	}
}

// Running reports whether Run is at work: whoever is called then is called from
// inside the machine.
func (k *Kernel) Running() bool { return k.sched.running }

// Stopped reports whether a breakpoint holds the machine.
func (k *Kernel) Stopped() bool { return k.cpu.stopped }

// Stop holds the machine where it stands: Run returns HaltStop, and the next
// Run goes on from here. Only code that runs inside the machine may call it.
func (k *Kernel) Stop() { k.yield(yieldStop) }

// NextEvent is when the machine has something to do by itself: now if a task
// is runnable or an interrupt pending, the next timer otherwise, Forever if
// nothing is armed.
func (k *Kernel) NextEvent() time.Duration {
	if k.cpu.stopped || len(k.cpu.irqs) > 0 || k.sched.runnable() || k.softirq.pending != 0 {
		return k.now
	}
	return k.nextTimerEvent()
}

// Close ends every coroutine of the machine. The machine cannot run again.
func (k *Kernel) Close() { k.closeSched() }
