// Tasks and who runs when (kernel/sched/core.c, kernel/fork.c, kernel/exit.c).
// The run queue is a CFS in which running costs nothing: a task's vruntime is
// what fork gave it. So a parent preempts its forked children when it wakes,
// children do not preempt it, and equals run in the order in which they woke.
// That reproduces the recorded runs. menuos does not charge run time, because
// a modelled instruction takes no time.

package kernel

import (
	"errors"
	"iter"
	"sort"
	"time"
)

// TaskState is a task's state (include/linux/sched.h).
type TaskState int

const (
	TaskRunning         TaskState = 0
	TaskInterruptible   TaskState = 1
	TaskUninterruptible TaskState = 2
	TaskDead            TaskState = 0x80
)

// forkDebit is how far behind its parent a new task starts (START_DEBIT:
// sched_vslice of two tasks), and wakeupGranularity how far ahead a waking task
// must be to preempt (kernel/sched/fair.c).
const (
	forkDebit         = 3 * time.Millisecond
	wakeupGranularity = 1 * time.Millisecond
)

type yieldReason int

const (
	yieldSwitch yieldReason = iota // the task gave up the CPU
	yieldIdle                      // idle has nothing to do before the limit
	yieldStop                      // a breakpoint
)

// Task is a process or kernel thread (struct task_struct): a coroutine with its
// own stack. Body is its user-mode program; it returns the exit status.
type Task struct {
	Pid    int
	Comm   string
	Parent *Task
	State  TaskState
	Files  Files // open files

	ExitCode int
	Exited   bool
	OnExit   func(*Task) // runs in the dying task after its files are closed

	k         *Kernel
	addr      uint64
	vruntime  time.Duration
	wokenSeq  uint64
	onRq      bool
	resched   bool
	signal    Signal
	works     []*File // closes that wait for the way back to user mode
	timeout   Timer   // schedule_timeout
	wait      WaitQueueEntry
	hrtimeout Hrtimer // schedule_hrtimeout
	next      func() (yieldReason, bool)
	stop      func()
	yieldFn   func(yieldReason) bool
	shadow    []entryRecord
	sleeps    []uintptr // where it sleeps, if entries were heard of then
	Regs      Regs
	Tracer    SyscallTracer // nil: nobody traces it
}

// Kaddr is the address that stands for the task.
func (t *Task) Kaddr() uint64 { return t.addr }

// Signal is a pending fatal signal, 0 for none.
type Signal int

const (
	SIGINT  Signal = 2
	SIGKILL Signal = 9
	SIGTERM Signal = 15
)

type cpu struct {
	current *Task
	stopped bool
	irqs    []*IrqDesc // interrupts that wait for the CPU
	late    bool       // Follow has passed a timer

	irqCount int // lines that drivers have asked for
}

type sched struct {
	running bool
	tasks   map[int]*Task
	rq      runqueue
	idle    *Task
	nextPid int
	seq     uint64
}

func (s *sched) runnable() bool { return len(s.rq) > 0 }

// errKilled unwinds a task whose machine is closed.
var errKilled = errors.New("kernel: machine closed")

// exitPanic unwinds a task out of its program (do_exit from a signal).
type exitPanic struct{ code int }

func (k *Kernel) initSched() {
	k.sched.tasks = make(map[int]*Task)
	k.wakeFuncs.autoremove = k.autoremoveWakeFunction
	k.wakeFuncs.woken = k.wokenWakeFunction
	k.wakeFuncs.timeout = TimerKind{"schedule_timeout", "process_timeout", k.processTimeout}
	k.wakeFuncs.hrtimeout = HrtimerKind{"schedule_hrtimeout", "hrtimer_wakeup", k.hrtimerWakeup}
	k.sched.idle = k.newTask("swapper/0", 0, nil, func(*Task) int { k.idleLoop(); return 0 })
	k.sched.nextPid = 1
	k.cpu.current = k.sched.idle
	k.softirq.ksoftirqd = k.newTask("ksoftirqd/0", 9, nil, k.ksoftirqdMain)
	k.softirq.ksoftirqd.State = TaskInterruptible
}

func (k *Kernel) newTask(comm string, pid int, parent *Task, body func(*Task) int) *Task {
	t := &Task{Pid: pid, Comm: comm, Parent: parent, k: k, addr: k.NewAddr(5952)}
	t.timeout.Setup(&k.wakeFuncs.timeout, t)
	t.hrtimeout.Setup(&k.wakeFuncs.hrtimeout, t)
	t.next, t.stop = iter.Pull(func(yield func(yieldReason) bool) {
		t.yieldFn = yield
		t.main(body)
	})
	k.sched.tasks[pid] = t
	return t
}

func (t *Task) main(body func(*Task) int) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			if r != errKilled {
				panic(r)
			}
		default:
			panic(r)
		}
	}()
	t.ExitCode = t.Run(body)
	t.k.doExit(t)
}

// Run runs a program in the task; a fatal signal ends the program and its exit
// status says so.
func (t *Task) Run(body func(*Task) int) (code int) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(exitPanic)
			if !ok {
				panic(r)
			}
			code = e.code
		}
	}()
	return body(t)
}

// Fork starts a child of parent (nil: of nobody) that runs body as its
// user-mode program. The child is runnable at once but does not preempt.
func (k *Kernel) Fork(parent *Task, comm string, body func(*Task) int) *Task {
	for k.sched.tasks[k.sched.nextPid] != nil {
		k.sched.nextPid++
	}
	t := k.newTask(comm, k.sched.nextPid, parent, body)
	k.sched.nextPid++
	if parent != nil {
		t.vruntime = parent.vruntime + forkDebit
	}
	k.enqueue(t)
	return t
}

// Current is the task on the CPU. Softirqs run on behalf of it, whoever it is.
func (k *Kernel) Current() *Task { return k.cpu.current }

// Task finds a task by pid, nil if there is none.
func (k *Kernel) Task(pid int) *Task { return k.sched.tasks[pid] }

// Tasks lists all tasks by pid.
func (k *Kernel) Tasks() []*Task {
	ts := make([]*Task, 0, len(k.sched.tasks))
	for _, t := range k.sched.tasks {
		ts = append(ts, t)
	}
	sort.Slice(ts, func(i, j int) bool { return ts[i].Pid < ts[j].Pid })
	return ts
}

func (k *Kernel) enqueue(t *Task) {
	if t.onRq {
		return
	}
	t.onRq = true
	k.sched.seq++
	t.wokenSeq = k.sched.seq
	k.sched.rq.push(t)
}

// runqueue holds the runnable tasks as a heap: the task with the least vruntime
// first, of equals the one that woke first.
type runqueue []*Task

func (t *Task) before(o *Task) bool {
	return t.vruntime < o.vruntime || t.vruntime == o.vruntime && t.wokenSeq < o.wokenSeq
}

func (q *runqueue) push(t *Task) {
	*q = append(*q, t)
	h := *q
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !t.before(h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = t
}

func (q *runqueue) pop() *Task {
	h := *q
	first, last := h[0], h[len(h)-1]
	h[len(h)-1] = nil
	h = h[:len(h)-1]
	*q = h
	if len(h) == 0 {
		return first
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && h[down+1].before(h[down]) {
			down++
		}
		if !h[down].before(last) {
			break
		}
		h[i] = h[down]
		i = down
	}
	h[i] = last
	return first
}

// pickNext puts the task that should run next on the CPU: the leftmost by
// vruntime, idle if none is runnable.
func (k *Kernel) pickNext() {
	if len(k.sched.rq) == 0 {
		k.cpu.current = k.sched.idle
		return
	}
	t := k.sched.rq.pop()
	t.onRq = false
	t.resched = false
	k.cpu.current = t
}

// resume switches to the current task's coroutine until it yields.
func (k *Kernel) resume() yieldReason {
	y, ok := k.cpu.current.next()
	if !ok {
		return yieldSwitch // it exited
	}
	return y
}

func (k *Kernel) yield(y yieldReason) {
	if !k.cpu.current.yieldFn(y) {
		panic(errKilled)
	}
}

// Schedule gives up the CPU. A task in TaskRunning stays runnable; any other
// sleeps until something wakes it.
func (k *Kernel) Schedule() {
	t := k.cpu.current
	if k.preemptCount != 0 {
		panic("kernel: scheduling while atomic")
	}
	if t.State == TaskInterruptible && t.signal != 0 {
		t.State = TaskRunning
	}
	if t.State == TaskRunning {
		k.enqueue(t)
	}
	t.sleeps = nil
	if k.watch {
		t.sleeps = k.capture(1).pcs
	}
	k.yield(yieldSwitch)
}

// SleepsIn is the modelled function that a task sleeps in, nil if it does not
// sleep or fell asleep while entries were not heard of.
func (k *Kernel) SleepsIn(t *Task) *Sym {
	if t.State != TaskInterruptible && t.State != TaskUninterruptible {
		return nil
	}
	for _, pc := range t.sleeps {
		if sym := k.symOfPC(pc); sym != nil {
			return sym
		}
	}
	return nil
}

// CondResched yields if a task that should run first has woken (cond_resched).
func (k *Kernel) CondResched() {
	if k.cpu.current.resched && k.preemptCount == 0 {
		k.Schedule()
	}
}

// NeedResched reports whether the current task should yield.
func (k *Kernel) NeedResched() bool { return k.cpu.current.resched }

// WakeUpProcess makes a sleeping task runnable; it reports whether the task
// slept (try_to_wake_up). A task that is ahead of the current one by the wakeup
// granularity asks it to yield (check_preempt_wakeup).
func (k *Kernel) WakeUpProcess(t *Task) bool {
	if t.State == TaskRunning || t.State == TaskDead {
		return false
	}
	t.State = TaskRunning
	if t == k.cpu.current && (k.sched.running || k.cpu.stopped) {
		return true // it is about to sleep; Schedule will find it running
	}
	k.enqueue(t)
	cur := k.cpu.current
	if cur == k.sched.idle || cur.vruntime-t.vruntime > wakeupGranularity {
		cur.resched = true
	}
	return true
}

// MaxScheduleTimeout makes ScheduleTimeout sleep without a timer.
const MaxScheduleTimeout = int64(1<<63 - 1)

// ScheduleTimeout sleeps for at most timeout jiffies and returns what is left
// of them (schedule_timeout). The caller has set the task's state.
func (k *Kernel) ScheduleTimeout(timeout int64) int64 {
	if timeout == MaxScheduleTimeout {
		k.Schedule()
		return timeout
	}
	t := k.cpu.current
	if timeout < 0 {
		t.State = TaskRunning
		return 0
	}
	expire := k.Jiffies() + uint64(timeout)
	k.ModTimer(&t.timeout, expire)
	k.Schedule()
	k.DelTimer(&t.timeout)
	left := int64(expire - k.Jiffies())
	if left < 0 {
		left = 0
	}
	return left
}

// ScheduleHrtimeout sleeps until the given time since boot, Forever for no
// limit; it reports whether something else woke the task before
// (schedule_hrtimeout). The caller has set the task's state.
func (k *Kernel) ScheduleHrtimeout(expires time.Duration) (woken bool) {
	t := k.cpu.current
	if expires == Forever {
		k.Schedule()
		return true
	}
	if expires <= k.now {
		t.State = TaskRunning
		return false
	}
	k.HrtimerStart(&t.hrtimeout, expires)
	k.Schedule()
	return k.HrtimerCancel(&t.hrtimeout)
}

func (k *Kernel) hrtimerWakeup(h *Hrtimer) {
	k.WakeUpProcess(h.Owner.(*Task))
}

func (k *Kernel) processTimeout(tm *Timer) {
	k.WakeUpProcess(tm.Owner.(*Task))
}

// SendSignal makes a fatal signal pending and wakes an interruptible sleeper.
func (k *Kernel) SendSignal(t *Task, sig Signal) {
	if t.State == TaskDead {
		return
	}
	t.signal = sig
	if t.State == TaskInterruptible {
		k.WakeUpProcess(t)
	}
}

// SignalPending reports whether the task must leave its system call
// (signal_pending).
func (k *Kernel) SignalPending(t *Task) bool { return t.signal != 0 }

// CloseFiles closes what the current task has open (exit_files).
func (t *Task) CloseFiles() {
	t.Files.closeAll()
	if len(t.works) > 0 {
		t.k.taskWorkRun()
	}
}

// ClearSignal forgets a pending signal.
func (t *Task) ClearSignal() { t.signal = 0 }

// Exit ends the program that the current task runs (exit(2)).
func (k *Kernel) Exit(code int) { panic(exitPanic{code}) }

// doExit closes the task's files and takes it out of the machine.
func (k *Kernel) doExit(t *Task) {
	if t.Tracer != nil {
		t.Tracer.Exited(t)
	}
	t.CloseFiles()
	if t.OnExit != nil {
		t.OnExit(t)
	}
	t.State = TaskDead
	t.Exited = true
	delete(k.sched.tasks, t.Pid)
}

func (k *Kernel) closeSched() {
	for _, t := range k.Tasks() {
		t.stop()
	}
}
