package shell

import (
	"context"
	"fmt"
	"time"

	"menuos/stack"
)

// line is a command line that runs in a goroutine of its own, so that a
// breakpoint can hold it while the prompt goes on. The goroutines of a session
// take turns: the session hands a line the floor and waits until the line gives
// it back, because it has ended or must wait for the machine. So at any moment
// one of them runs, in an order that depends on the input alone.
type line struct {
	s      *Session
	text   string
	job    *job // in the background
	ctx    context.Context
	cancel context.CancelFunc

	floor chan struct{} // the session hands it over
	back  chan struct{} // the line gives it back

	// What it waits for, set before the floor is given back.
	ready    func() bool
	waits    []*stack.Job
	settle   bool          // until the machine has nothing to do at this moment
	external chan struct{} // until a configuration call has returned

	interrupted bool
	done        bool
	status      int
	comm        string        // the command that runs
	timer       time.Duration // when "time COMMAND" began
}

// start makes a line that begins to run when the session drives.
func (s *Session) start(text string, bg *job, body func(l *line) int) *line {
	l := &line{s: s, text: text, job: bg, floor: make(chan struct{}), back: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	s.lines = append(s.lines, l)
	l.ready = func() bool { return true }
	go func() {
		defer close(l.back)
		<-l.floor
		if l.ctx.Err() == nil {
			l.status = body(l)
		}
		l.done = true
	}()
	return l
}

// abandon ends the goroutine of a line whose machine has gone.
func (l *line) abandon() {
	l.cancel()
	for !l.done {
		l.hand()
	}
}

// hand lets the line run until it gives the floor back.
func (l *line) hand() {
	l.ready, l.waits, l.settle, l.external = nil, nil, false, nil
	l.floor <- struct{}{}
	<-l.back
}

// give gives the floor back and waits to get it again. The line's goroutine
// calls it, with what it waits for set.
func (l *line) give() {
	l.back <- struct{}{}
	<-l.floor
}

// awaitJobs waits until one of the jobs has ended, or the line is interrupted.
func (l *line) awaitJobs(jobs ...*stack.Job) {
	l.waits = jobs
	l.ready = func() bool {
		for _, j := range jobs {
			if j.Done() {
				return true
			}
		}
		return false
	}
	l.give()
}

// awaitLine waits for a background line.
func (l *line) awaitLine(o *line) {
	l.ready = func() bool { return o.done || l.interrupted }
	l.give()
}

// awaitSettled waits until the machine has nothing to do at this moment.
func (l *line) awaitSettled() {
	l.settle = true
	l.give()
}

// awaitCall makes a configuration call, which drives the machine itself.
func (l *line) awaitCall(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	l.external = done
	l.ready = func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
	l.give()
}

// interrupt is Ctrl-C.
func (l *line) interrupt() {
	if l.interrupted {
		return
	}
	l.interrupted = true
	l.cancel()
	for _, j := range l.waits {
		l.s.m.Interrupt(j)
	}
}

// drive lets lines and machine run until the foreground line has ended or a
// breakpoint holds the machine. Without a foreground line it runs what can run
// without time passing. It reports whether the machine is held.
func (s *Session) drive(ctx context.Context, fg *line) (held bool) {
	settled := false
	if fg != nil {
		stop := context.AfterFunc(ctx, fg.cancel)
		defer stop()
	}
	for {
		if s.m.Stopped() != nil {
			if s.report() {
				if fg != nil {
					s.fg = fg
				}
				return true
			}
			continue
		}
		if fg != nil && !fg.done && ctx.Err() != nil {
			fg.interrupt()
		}
		if l := s.nextReady(); l != nil {
			l.hand()
			settled = false
			if l.done {
				s.ended(l)
			}
			continue
		}
		switch {
		case fg != nil && fg.done:
			s.dbg.Report(s.out)
			return false
		case s.wantsSettle() || fg == nil && !settled:
			if s.m.RunDue() != stack.Stopped {
				settled = true
				s.settled()
			}
		case fg == nil:
			return false
		case fg.external != nil:
			s.m.AwaitStop(fg.external)
		default:
			s.waitAny(ctx, fg)
		}
	}
}

// report shows a stop; it returns false if the debugger's commands let the
// machine go on.
func (s *Session) report() bool {
	s.out.freshLine()
	act, err := s.dbg.Report(s.out)
	if err != nil {
		fmt.Fprintln(s.err, err)
		s.status = 1
	}
	s.gdb.stopped()
	return s.m.Stopped() != nil && !resumes(act)
}

// pendingStop tells of a stop that came while nobody waited, on a real clock.
func (s *Session) pendingStop() {
	if s.m.Stopped() != nil {
		s.report()
	}
}

func (s *Session) nextReady() *line {
	for _, l := range s.lines {
		if !l.done && l.ready != nil && l.ready() {
			return l
		}
	}
	return nil
}

func (s *Session) wantsSettle() bool {
	for _, l := range s.lines {
		if l.settle {
			return true
		}
	}
	return false
}

// settled: nothing in the machine is left to do at this moment.
func (s *Session) settled() {
	for _, l := range s.lines {
		if l.settle {
			l.settle = false
			l.ready = func() bool { return true }
		}
	}
}

// ended takes a line off the list.
func (s *Session) ended(l *line) {
	l.cancel()
	for i, o := range s.lines {
		if o == l {
			s.lines = append(s.lines[:i:i], s.lines[i+1:]...)
			break
		}
	}
}

// waitAny lets the machine run until a job ends that a line waits for.
func (s *Session) waitAny(ctx context.Context, fg *line) {
	var jobs []*stack.Job
	for _, l := range s.lines {
		jobs = append(jobs, l.waits...)
	}
	if fg.interrupted {
		ctx = context.Background()
	}
	outcome, _ := s.m.WaitAny(ctx, jobs...)
	if outcome != stack.Stuck || fg.interrupted && len(fg.waits) == 0 {
		return
	}
	if fg.interrupted { // it ignores the interrupt
		for _, j := range fg.waits {
			s.m.Kill(j.Pid(), stack.SIGKILL)
		}
		return
	}
	if s.cfg.Interactive {
		<-ctx.Done()
		return
	}
	fmt.Fprintf(s.err, "%s: %s\n", fg.comm, s.whyStuck(fg))
	fg.interrupt()
}

// whyStuck says what a command waits for that nothing can bring about.
func (s *Session) whyStuck(l *line) string {
	if len(l.waits) == 0 {
		return s.msg("stuck")
	}
	pid := l.waits[0].Pid()
	for _, k := range s.m.Snapshot().Socks {
		for _, u := range k.Users {
			if u.Pid != pid {
				continue
			}
			switch {
			case k.State == "LISTEN":
				return s.msg("stuckAccept")
			case k.State == "ESTAB" || k.State == "UNCONN":
				return s.msg("stuckRecv")
			}
		}
	}
	return s.msg("stuck")
}
