package stack

import (
	"context"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"menuos/stack/internal/kernel"
	"menuos/stack/internal/socket"
)

// Stack is one machine. Its methods may be called from any goroutine; one at a
// time owns the machine.
type Stack struct {
	mu   sync.Mutex
	want atomic.Int32 // goroutines that wait for mu: whoever drives makes room
	ran  atomic.Int64 // the time at which a task last had a turn
	n    socket.Net

	cfg    Config
	closed bool
	init   *kernel.Task
	initWq kernel.WaitQueueHead
	execs  []*Job // jobs that init is to run
	busy   *Job   // the job that init runs

	hook     Hook
	stop     *Stop // where a breakpoint holds the machine
	released bool  // Continue was called: the next run leaves the stop

	clock   hostClock
	pump    *pump
	paused  bool
	still   int        // how many Still are under way
	search  *search    // the event that the machine is on the way to
	waiters []*waiter  // who waits for a machine with a real clock
	turns   uint64     // that tasks have had since the machine was made
	busyFor uint64     // … and since it was last idle
	changed *sync.Cond // on mu: a job ended, the machine stopped or went on

	host      hostTask
	watchers  []*Watcher
	recorders []*Recorder

	places places // addresses that Address has given
}

// New makes a machine: booted, its interfaces down, init asleep. Close it.
func New(cfg Config) *Stack {
	s := &Stack{cfg: cfg}
	s.changed = sync.NewCond(&s.mu)
	s.n.Init(kernel.Config{Seed: cfg.Seed})
	s.init = s.n.Fork(nil, "init", s.initMain)
	s.n.Run(s.n.Now(), nil)
	if s.real() {
		speed := cfg.Speed
		if speed <= 0 {
			speed = 1
		}
		s.clock.start(s.n.Now(), speed)
		s.pump = newPump(s)
	}
	return s
}

// Close ends all processes of the machine. It may be called twice.
func (s *Stack) Close() {
	s.lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.endSearch(false)
	s.n.Kernel.Close()
	s.changed.Broadcast()
	s.mu.Unlock()
	s.host.closeAll()
	if s.pump != nil {
		s.pump.close()
	}
}

func (s *Stack) lock() {
	s.want.Add(1)
	s.mu.Lock()
	s.want.Add(-1)
	if s.real() {
		s.catchUp()
	}
}

// Now is the machine's time since boot.
func (s *Stack) Now() time.Duration {
	s.lock()
	defer s.mu.Unlock()
	return s.n.Now()
}

// LastRan is the machine's time when one of its tasks last had a turn. Unlike
// Now it may be called from anywhere, a program of the machine included.
func (s *Stack) LastRan() time.Duration { return time.Duration(s.ran.Load()) }

// Job is a program that runs in the machine.
type Job struct {
	comm string
	out  io.Writer
	body func(*Proc) int
	task *kernel.Task
	pid  int
	done atomic.Bool
	code int
}

// Pid is the process that the program runs in.
func (j *Job) Pid() int { return j.pid }

// Comm is the program's name.
func (j *Job) Comm() string { return j.comm }

// Done reports whether the program has ended.
func (j *Job) Done() bool { return j.done.Load() }

// ExitCode is the program's result once it is done: 128 and the signal's number
// if a signal ended it.
func (j *Job) ExitCode() int { return j.code }

// Spawn starts a program as a child of init, which goes on meanwhile.
func (s *Stack) Spawn(comm string, out io.Writer, body func(*Proc) int) *Job {
	s.lock()
	defer s.mu.Unlock()
	return s.spawn(comm, out, body)
}

func (s *Stack) spawn(comm string, out io.Writer, body func(*Proc) int) *Job {
	j := &Job{comm: comm, out: out, body: body}
	j.task = s.n.Fork(s.init, comm, func(t *kernel.Task) int {
		p := &Proc{s: s, t: t, out: out}
		return body(p)
	})
	j.pid = j.task.Pid
	j.task.OnExit = func(t *kernel.Task) { s.finish(j, t.ExitCode) }
	s.wakePump()
	return j
}

// Exec runs a program in init itself, without a fork, as the lab's menu runs
// hello. If init is at work already it forks, as Spawn does.
func (s *Stack) Exec(comm string, out io.Writer, body func(*Proc) int) *Job {
	s.lock()
	defer s.mu.Unlock()
	if s.busy != nil || len(s.execs) > 0 || s.init.State == kernel.TaskDead {
		return s.spawn(comm, out, body)
	}
	j := &Job{comm: comm, out: out, body: body, task: s.init, pid: s.init.Pid}
	s.execs = append(s.execs, j)
	s.n.WakeUp(&s.initWq, 1, 0)
	s.wakePump()
	return j
}

func (s *Stack) finish(j *Job, code int) {
	j.code = code
	j.done.Store(true)
	s.changed.Broadcast()
}

// initMain is the program of init: it runs what Exec gives it. A signal ends
// the job, not init.
func (s *Stack) initMain(t *kernel.Task) int {
	for {
		for len(s.execs) == 0 {
			e := s.n.DefineWait()
			s.n.PrepareToWaitExclusive(&s.initWq, e, kernel.TaskInterruptible)
			s.n.Schedule()
			s.n.FinishWait(e)
			t.ClearSignal()
		}
		j := s.execs[0]
		s.execs = s.execs[1:]
		s.busy = j
		t.Comm = j.comm
		code := t.Run(func(t *kernel.Task) int { return j.body(&Proc{s: s, t: t, out: j.out}) })
		t.CloseFiles()
		t.Comm = "init"
		t.ClearSignal()
		s.busy = nil
		s.finish(j, code)
	}
}

// Wait lets the machine run until the job has ended and all that was due by
// then has happened. It returns early if a breakpoint stops the machine, or, on
// a virtual clock, if nothing can happen any more and the job still waits.
func (s *Stack) Wait(j *Job) Outcome {
	o, _ := s.WaitContext(context.Background(), j)
	return o
}

// WaitContext is Wait until ctx is done; its error is ctx's.
func (s *Stack) WaitContext(ctx context.Context, j *Job) (Outcome, error) {
	return s.drive(ctx, kernel.Forever, j.Done)
}

// Settle lets run what can run without time passing.
func (s *Stack) Settle() Outcome {
	o, _ := s.drive(context.Background(), -1, func() bool { return false })
	return o
}

// Advance lets the machine run for d of its time.
func (s *Stack) Advance(d time.Duration) Outcome {
	return s.AdvanceContext(context.Background(), d)
}

// AdvanceContext is Advance until ctx is done.
func (s *Stack) AdvanceContext(ctx context.Context, d time.Duration) Outcome {
	s.lock()
	until := s.due() + d
	s.mu.Unlock()
	o, _ := s.drive(ctx, until, func() bool { return false })
	return o
}

// drive runs the machine until done holds, limit is reached (-1: time stands
// still), a breakpoint stops it or ctx ends.
func (s *Stack) drive(ctx context.Context, limit time.Duration, done func() bool) (Outcome, error) {
	s.lock()
	defer s.mu.Unlock()
	if s.pump != nil {
		return s.driveReal(ctx, limit, done)
	}
	if limit < 0 {
		limit = s.n.Now()
	}
	turns := 0
	until := func() bool {
		turns++
		s.ran.Store(int64(s.n.Now()))
		return done() || s.want.Load() > 0 || turns&63 == 0 && ctx.Err() != nil
	}
	for {
		if s.closed {
			return Stuck, nil
		}
		if s.still > 0 {
			s.changed.Wait()
			continue
		}
		if s.held() {
			return Stopped, nil
		}
		switch s.n.Run(limit, until) {
		case kernel.HaltStop:
			s.hasStopped()
			return Stopped, nil
		case kernel.HaltUntil:
			if done() {
				if s.n.Run(s.n.Now(), nil) == kernel.HaltStop {
					s.hasStopped()
					return Stopped, nil
				}
				return Done, nil
			}
		case kernel.HaltIdle:
			switch {
			case done() || limit != kernel.Forever:
				return Done, nil
			case ctx.Done() == nil:
				return Stuck, nil
			default:
				return Stuck, ctx.Err()
			}
		}
		if err := ctx.Err(); err != nil {
			return Done, err
		}
		s.mu.Unlock()
		runtime.Gosched()
		s.lock()
	}
}

// held reports whether a breakpoint holds the machine, and lets go of one that
// Continue has released.
func (s *Stack) held() bool {
	if s.stop == nil {
		return false
	}
	if !s.released {
		return true
	}
	s.stop, s.released = nil, false
	return false
}

// Signal is a signal that Kill sends.
type Signal = kernel.Signal

// Signals.
const (
	SIGINT  = kernel.SIGINT
	SIGKILL = kernel.SIGKILL
	SIGTERM = kernel.SIGTERM
)

// Kill sends a fatal signal to a process: ESRCH if there is none, EPERM for
// init and kernel threads.
func (s *Stack) Kill(pid int, sig Signal) error {
	s.lock()
	defer s.mu.Unlock()
	t := s.n.Task(pid)
	switch {
	case t == nil:
		return ESRCH
	case t.Parent == nil:
		return EPERM
	}
	s.n.SendSignal(t, sig)
	s.wakePump()
	return nil
}

// Interrupt sends SIGINT to a job, as Ctrl-C does.
func (s *Stack) Interrupt(j *Job) {
	s.lock()
	defer s.mu.Unlock()
	switch i := slices.Index(s.execs, j); {
	case i >= 0: // init has not begun it
		s.execs = slices.Delete(s.execs, i, i+1)
		s.finish(j, 128+int(SIGINT))
	case !j.Done():
		s.n.SendSignal(j.task, kernel.SIGINT)
	}
	s.wakePump()
}
