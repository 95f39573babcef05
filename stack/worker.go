package stack

import (
	"context"
	"io"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// Worker is a process that does what the host gives it, call by call: a program
// that is written while it runs. Unlike the calls of a net.Conn, its system
// calls may block; the machine's time is moved by whoever drives the Stack.
type Worker struct {
	s    *Stack
	job  *Job
	wq   kernel.WaitQueueHead
	next func(p *Proc)
	busy bool
}

// NewWorker starts a worker.
func (s *Stack) NewWorker(comm string) *Worker {
	w := &Worker{s: s}
	w.job = s.Spawn(comm, io.Discard, w.main)
	return w
}

func (w *Worker) main(p *Proc) int {
	n := &w.s.n
	for !n.SignalPending(p.t) {
		if fn := w.next; fn != nil {
			w.next = nil
			fn(p)
			w.busy = false
			continue
		}
		e := n.DefineWait()
		n.PrepareToWait(&w.wq, e, kernel.TaskInterruptible)
		if w.next == nil && !n.SignalPending(p.t) {
			n.Schedule()
		}
		n.FinishWait(e)
	}
	return 128 + int(SIGINT)
}

// Do has the worker run fn, and whatever else can run without time passing. It
// reports whether fn has returned; if not, fn waits for something, and Busy
// tells when it is over. Only one fn runs at a time: Do panics if the worker is
// busy.
func (w *Worker) Do(ctx context.Context, fn func(p *Proc)) (done bool) {
	w.s.lock()
	if w.busy {
		w.s.mu.Unlock()
		panic("stack: the worker is busy")
	}
	w.next, w.busy = fn, true
	w.s.n.WakeUp(&w.wq, 1, 0)
	w.s.mu.Unlock()
	w.s.drive(ctx, -1, func() bool { return false })
	return !w.Busy()
}

// Busy reports whether the worker still runs what Do gave it.
func (w *Worker) Busy() bool {
	w.s.lock()
	defer w.s.mu.Unlock()
	return w.busy
}

// Job is the process that the worker is.
func (w *Worker) Job() *Job { return w.job }

// AdvanceUntil is AdvanceContext that returns at the very moment when done holds.
// done is asked after each event of the machine. The clock must be virtual.
func (s *Stack) AdvanceUntil(ctx context.Context, d time.Duration, done func() bool) Outcome {
	never := func() bool { return false }
	s.lock()
	until := s.n.Now() + d
	s.mu.Unlock()
	for {
		if o, err := s.drive(ctx, -1, never); o != Done || err != nil || done() {
			return o
		}
		s.lock()
		next := min(s.n.NextEvent(), until)
		s.mu.Unlock()
		if o, err := s.drive(ctx, next, never); o != Done || err != nil || next == until {
			return o
		}
	}
}

// Ioctl asks a socket for a number (ioctl(2): SIOCINQ, SIOCOUTQ, SIOCATMARK).
func (p *Proc) Ioctl(fd int, cmd uint32) (int, error) {
	f := p.t.Files.Get(fd)
	if f == nil {
		return -1, EBADF
	}
	sock, ok := f.PrivateData.(*core.Socket)
	if !ok || sock.Ops.Ioctl == nil {
		return -1, ENOTTY
	}
	var answer int
	if r := sock.Ops.Ioctl(sock, cmd, &answer); r < 0 {
		return -1, errnoOf(int64(r))
	}
	return answer, nil
}

// Nonblock reports whether O_NONBLOCK is set (fcntl(2), F_GETFL).
func (p *Proc) Nonblock(fd int) bool {
	f := p.t.Files.Get(fd)
	return f != nil && f.NonBlock
}
