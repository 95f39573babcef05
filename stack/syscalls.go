package stack

import (
	"time"

	"menuos/stack/internal/kernel"
	"menuos/stack/internal/socket"
)

// CallKind is what a CallEvent tells.
type CallKind int

const (
	CallEnter  CallKind = iota // a system call begins
	CallExit                   // it has ended
	CallSignal                 // a signal ends the process
	CallEnded                  // the process has ended
)

// Numbers of calls that the machine makes without its system call table
// (arch/x86/entry/syscalls/syscall_32.tbl).
const (
	nrFork      = 2
	nrNanosleep = 162
	nrFcntl64   = 221
)

// restartBlock is what a sleep that a signal ends returns to the entry code
// (ERESTART_RESTARTBLOCK).
const restartBlock = 516

// CallEvent is a fact of a process that is being traced.
type CallEvent struct {
	Kind CallKind
	Time time.Duration // since boot
	Pid  int
	Comm string

	Name string   // of the call, one of socketcall by its own: "connect"
	Args [6]int64 // its arguments; what points somewhere is in Buf, Addr and Fds
	Buf  []byte   // buffer or option
	Addr []byte   // struct sockaddr
	Fds  []PollFd // poll's
	Ret  int64    // CallExit: result or negative errno, -512 if the call would be begun again after a signal

	Signal Signal // CallSignal: which; CallEnded: which has ended it, 0 for none
	Code   int    // CallEnded: exit status
}

// CallTracer hears of the system calls of processes. It runs inside the machine
// and must not call the Stack; the event and what it points to are its own only
// until it returns.
type CallTracer struct {
	Event  func(ev *CallEvent)
	Follow bool // children too

	s      *Stack
	signal map[*kernel.Task]Signal
	live   int // processes that it hears of
	wq     kernel.WaitQueueHead
}

var callNames = map[int]string{nrFork: "fork", socket.NrClose: "close", socket.NrIoctl: "ioctl", socket.NrPoll: "poll",
	nrNanosleep: "nanosleep", nrFcntl64: "fcntl64"}

var socketcallNames = map[int]string{socket.SysSocket: "socket", socket.SysBind: "bind", socket.SysConnect: "connect",
	socket.SysListen: "listen", socket.SysAccept: "accept", socket.SysGetsockname: "getsockname",
	socket.SysGetpeername: "getpeername", socket.SysSend: "send", socket.SysRecv: "recv", socket.SysSendto: "sendto",
	socket.SysRecvfrom: "recvfrom", socket.SysShutdown: "shutdown", socket.SysSetsockopt: "setsockopt",
	socket.SysGetsockopt: "getsockopt", socket.SysAccept4: "accept4"}

// CallNames lists the system calls that a CallEvent may name.
func CallNames() []string {
	var out []string
	for _, table := range []map[int]string{callNames, socketcallNames} {
		for _, name := range table {
			out = append(out, name)
		}
	}
	return out
}

func (tr *CallTracer) event(kind CallKind, t *kernel.Task) *CallEvent {
	return &CallEvent{Kind: kind, Time: tr.s.n.Now(), Pid: t.Pid, Comm: t.Comm}
}

func (tr *CallTracer) call(kind CallKind, t *kernel.Task, r *kernel.Regs) {
	ev := tr.event(kind, t)
	ev.Args, ev.Buf, ev.Addr, ev.Ret = r.A, r.Buf, r.Addr, r.Ax
	ev.Fds, _ = r.P.([]PollFd)
	ev.Name = callNames[r.OrigAx]
	if r.OrigAx == socket.NrSocketcall {
		ev.Name = socketcallNames[r.Bx]
	}
	tr.Event(ev)
}

// SyscallEnter, SyscallExit, Signalled and Exited are the kernel's.
func (tr *CallTracer) SyscallEnter(t *kernel.Task, r *kernel.Regs) { tr.call(CallEnter, t, r) }

// SyscallExit is the kernel's.
func (tr *CallTracer) SyscallExit(t *kernel.Task, r *kernel.Regs) { tr.call(CallExit, t, r) }

// Signalled is the kernel's.
func (tr *CallTracer) Signalled(t *kernel.Task, sig Signal) {
	tr.signal[t] = sig
	ev := tr.event(CallSignal, t)
	ev.Signal = sig
	tr.Event(ev)
}

// Exited is the kernel's.
func (tr *CallTracer) Exited(t *kernel.Task) {
	ev := tr.event(CallEnded, t)
	ev.Code, ev.Signal = t.ExitCode, tr.signal[t]
	delete(tr.signal, t)
	tr.live--
	tr.Event(ev)
	if tr.live == 0 {
		tr.s.n.WakeUp(&tr.wq, 1, 0)
	}
}

// Live is how many processes tr hears of. Event may ask.
func (tr *CallTracer) Live() int { return tr.live }

// Wait sleeps until no process is left that tr hears of; it is false if a signal
// came before. p is the program that waits.
func (tr *CallTracer) Wait(p *Proc) bool {
	n := &p.s.n
	for tr.live > 0 && !n.SignalPending(p.t) {
		e := n.DefineWait()
		n.PrepareToWait(&tr.wq, e, kernel.TaskInterruptible)
		if tr.live > 0 && !n.SignalPending(p.t) {
			n.Schedule()
		}
		n.FinishWait(e)
	}
	return tr.live == 0
}

// TraceCalls has tr hear of the process's system calls from now on, in place of
// whoever did before.
func (p *Proc) TraceCalls(tr *CallTracer) {
	tr.attach(p.s, p.t)
}

func (tr *CallTracer) attach(s *Stack, t *kernel.Task) {
	if t.Tracer != kernel.SyscallTracer(tr) {
		tr.live++
	}
	tr.s, t.Tracer = s, tr
	if tr.signal == nil {
		tr.signal = make(map[*kernel.Task]Signal)
	}
}

// TraceCalls has tr hear of a process's system calls: ESRCH if there is none,
// EPERM if somebody traces it already or it is the kernel's own.
func (s *Stack) TraceCalls(pid int, tr *CallTracer) error {
	s.lock()
	defer s.mu.Unlock()
	t := s.n.Task(pid)
	switch {
	case t == nil:
		return ESRCH
	case t.Tracer != nil || t == s.host.task || t.Parent == nil && t != s.init:
		return EPERM
	}
	tr.attach(s, t)
	return nil
}

// UntraceCalls ends what TraceCalls began, for every process that tr hears of.
func (s *Stack) UntraceCalls(tr *CallTracer) {
	s.lock()
	defer s.mu.Unlock()
	for _, t := range s.n.Tasks() {
		if t.Tracer == kernel.SyscallTracer(tr) {
			t.Tracer = nil
			tr.live--
		}
	}
}

// traced tells a tracer of a call that is not in the system call table, and
// returns what tells it of the end.
func (p *Proc) traced(nr int, args ...int64) (exit func(ret int64)) {
	tr := p.t.Tracer
	if tr == nil {
		return func(int64) {}
	}
	r := &kernel.Regs{OrigAx: nr}
	copy(r.A[:], args)
	tr.SyscallEnter(p.t, r)
	return func(ret int64) {
		if r.Ax = ret; p.t.Tracer == tr {
			tr.SyscallExit(p.t, r)
		}
	}
}
