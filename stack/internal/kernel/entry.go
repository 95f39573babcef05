// How a 32-bit program enters and leaves the kernel (arch/x86/entry/common.c).
// Leaving is where a closed socket is released and a woken parent takes over.

package kernel

// Regs is what a program passes to a system call: the registers of the 32-bit
// ABI, and Go values where they would point into user memory.
type Regs struct {
	OrigAx int      // number of the system call
	Bx     int      // first argument: of socketcall, the call
	A      [6]int64 // socketcall's argument array, or the arguments from Cx on
	Buf    []byte   // the buffer that an argument points to
	Addr   []byte   // the socket address that an argument points to
	P      any      // any other thing pointed to
	Ax     int64    // result: >= 0, or a negative errno
}

// Syscall is one entry of the system call table.
type Syscall func(regs *Regs) int64

// SyscallTable is ia32_sys_call_table, as far as it is modelled.
type SyscallTable struct {
	calls [512]Syscall
}

// Set puts a call into the table.
func (t *SyscallTable) Set(nr int, call Syscall) { t.calls[nr] = call }

const enosys = 38

// SyscallTracer hears of a task's system calls, as a debugger does that traces
// them (PTRACE_SYSCALL). It runs inside the machine.
type SyscallTracer interface {
	SyscallEnter(t *Task, regs *Regs)
	SyscallExit(t *Task, regs *Regs) // regs.Ax is the result
	Signalled(t *Task, sig Signal)   // a signal ends it
	Exited(t *Task)                  // with t.ExitCode
}

// EntrySYSCALLCompat runs the system call that the current task's registers
// ask for and returns its result. A task with a fatal signal does not return.
func (k *Kernel) EntrySYSCALLCompat(regs *Regs) int64 {
	Fentry0(k) // entry_SYSCALL_compat arch/x86/entry/entry_64_compat.S:201

	k.doFastSyscall32(regs) // :257
	return regs.Ax
}

func (k *Kernel) doFastSyscall32(regs *Regs) {
	Fentry1(k, regs) // do_fast_syscall_32 arch/x86/entry/common.c:353

	k.doSyscall32IrqsOn(regs) // :397
}

func (k *Kernel) doSyscall32IrqsOn(regs *Regs) {
	Fentry1(k, regs) // do_syscall_32_irqs_on arch/x86/entry/common.c:307

	regs.Ax = -enosys
	if k.cpu.current.Tracer != nil {
		k.syscallTraceEnter(regs) // :320
	}
	if nr := regs.OrigAx; nr >= 0 && nr < len(k.Syscalls.calls) && k.Syscalls.calls[nr] != nil {
		regs.Ax = k.Syscalls.calls[nr](regs) // :326
	}
	k.syscallReturnSlowpath(regs) // :341
}

// syscallTraceEnter tells a tracer of a call that begins. Linux would stop the
// task until the tracer lets it go on.
func (k *Kernel) syscallTraceEnter(regs *Regs) {
	Fentry1(k, regs) // syscall_trace_enter arch/x86/entry/common.c:68

	t := k.cpu.current
	t.Tracer.SyscallEnter(t, regs) // :85
}

// syscallSlowExitWork tells a tracer of a call that has ended.
func (k *Kernel) syscallSlowExitWork(regs *Regs) {
	Fentry1(k, regs) // syscall_slow_exit_work arch/x86/entry/common.c:222

	t := k.cpu.current
	t.Tracer.SyscallExit(t, regs) // :240
}

func (k *Kernel) syscallReturnSlowpath(regs *Regs) {
	Fentry1(k, regs) // syscall_return_slowpath arch/x86/entry/common.c:250

	if k.cpu.current.Tracer != nil {
		k.syscallSlowExitWork(regs) // :265
	}
	k.prepareExitToUsermode(regs) // :268
}

func (k *Kernel) prepareExitToUsermode(regs *Regs) {
	Fentry1(k, regs) // prepare_exit_to_usermode arch/x86/entry/common.c:187

	t := k.cpu.current
	if t.resched || t.signal != 0 || len(t.works) > 0 || k.cpu.late || len(k.cpu.irqs) > 0 {
		k.exitToUsermodeLoop(regs) // :197
	}
}

func (k *Kernel) exitToUsermodeLoop(regs *Regs) {
	Fentry1(k, regs) // exit_to_usermode_loop arch/x86/entry/common.c:139

	t := k.cpu.current
	for {
		for len(k.cpu.irqs) > 0 {
			k.handleInterrupts()
		}
		if k.cpu.late {
			k.cpu.late = false
			k.handleInterrupts()
		}
		switch {
		case t.resched:
			k.Schedule()
		case len(t.works) > 0:
			k.tracehookNotifyResume(regs) // :166
		case t.signal != 0:
			k.DieOfSignal()
		default:
			return
		}
	}
}

// DieOfSignal ends the program of the current task, which a signal kills.
func (k *Kernel) DieOfSignal() {
	t := k.cpu.current
	if t.Tracer != nil {
		t.Tracer.Signalled(t, t.signal)
	}
	panic(exitPanic{128 + int(t.signal)})
}

func (k *Kernel) tracehookNotifyResume(regs *Regs) {
	Fentry1(k, regs) // tracehook_notify_resume include/linux/tracehook.h:187

	k.taskWorkRun() // :188
}
