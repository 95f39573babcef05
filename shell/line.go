package shell

import (
	"context"
	"fmt"
	"time"

	"menuos/stack"
	"menuos/stack/debug"
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
	behind   *line         // until this line has ended
	settle   bool          // until the machine has nothing to do at this moment
	external chan struct{} // until a configuration call has returned

	interrupted bool
	done        bool
	status      int
	comm        string        // the command that runs
	input       *stack.Input  // what a person types goes there; nil: the command does not read
	timer       time.Duration // when "time COMMAND" began
}

// start makes a line that begins to run when the session drives.
func (s *Session) start(text string, bg *job, body func(l *line) int) *line {
	l := &line{s: s, text: text, job: bg, floor: make(chan struct{}), back: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(s.life)
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
		if l.external != nil {
			<-l.external
		}
		l.hand()
	}
}

// hand lets the line run until it gives the floor back.
func (l *line) hand() {
	l.ready, l.waits, l.behind, l.settle, l.external = nil, nil, nil, false, nil
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
	l.ready = func() bool { return anyDone(jobs) }
	l.give()
}

// awaitLine waits for a background line.
func (l *line) awaitLine(o *line) {
	l.behind = o
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
		fn()
		close(done)
		l.s.outside.poke()
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
	if l.settle {
		l.settled()
	}
}

// settled ends awaitSettled.
func (l *line) settled() {
	l.settle = false
	l.ready = func() bool { return true }
}

// drive lets lines and machine run until the foreground line has ended or a
// breakpoint holds the machine. Without a foreground line it runs what can run
// without time passing. It reports whether the machine is held, and with it the
// foreground line.
func (s *Session) drive(ctx context.Context, fg *line) (held bool) {
	defer s.publish()
	if fg != nil {
		outer := s.running
		s.running = fg
		defer func() { s.running = outer }()
		stop := context.AfterFunc(ctx, fg.cancel)
		defer stop()
	}
	s.publish()
	settled := false
	for s.life.Err() == nil {
		s.hear()
		if s.m.Stopped() != nil {
			if !s.report() {
				continue
			}
			if fg == nil || fg.done {
				return fg == nil
			}
			s.hold(fg)
			return true
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
		paused := s.m.Paused()
		switch {
		case fg != nil && fg.done:
			s.stepped()
			return false
		case fg != nil && fg.interrupted && paused:
			return false // it ends when the machine goes on
		case !paused && (s.wantsSettle() || fg == nil && !settled):
			settled = s.settle()
		case fg == nil:
			return false
		default:
			s.publish()
			s.await(ctx, fg, paused)
		}
	}
	return false
}

// hold keeps the foreground line that a breakpoint holds for when the machine
// goes on. Where the debugger tells of the stop on another screen, the shell's
// says why the command does not end; not when it was let go on from there.
func (s *Session) hold(fg *line) {
	s.fg = fg
	if s.split() && !s.atGdb {
		s.out.freshLine()
		fmt.Fprintln(s.out, s.msg("heldHere", s.stoppedAt()))
	}
}

// stoppedAt is the function at which a breakpoint holds the machine.
func (s *Session) stoppedAt() string {
	if stop := s.m.Stopped(); stop != nil && len(stop.Frames) > 0 {
		return stop.Frames[0].Func
	}
	return "??"
}

// report shows a stop, once; it returns false if the debugger's commands let the
// machine go on.
func (s *Session) report() (held bool) {
	stop := s.m.Stopped()
	if stop == nil || stop == s.told {
		return stop != nil
	}
	s.told = stop
	s.at.out.freshLine()
	var act debug.Action
	var err error
	s.m.Still(func() { act, err = s.dbg.Report(s.at.out) })
	if err != nil {
		fmt.Fprintln(s.at.err, err)
		s.status = 1
	}
	s.gdb.stopped()
	return s.m.Stopped() != nil && !resumes(act)
}

// stepped tells the debugger that what it steps through may have ended.
func (s *Session) stepped() {
	s.m.Still(func() {
		if !s.Held() {
			s.dbg.Report(s.at.out)
		}
	})
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

// settle runs the machine until it has nothing left to do at this moment. It
// reports false if the machine is held or paused before. Interjections do not
// cut it short: else many of them would keep the machine from going on at all.
func (s *Session) settle() bool {
	if s.m.SettleContext(s.life) == stack.Stopped || s.m.Paused() {
		return false
	}
	for _, l := range s.lines {
		if l.settle {
			l.settled()
		}
	}
	return true
}

// ended takes a line off the list.
func (s *Session) ended(l *line) {
	l.cancel()
	if s.fg == l {
		s.fg = nil
	}
	for i, o := range s.lines {
		if o == l {
			s.lines = append(s.lines[:i:i], s.lines[i+1:]...)
			break
		}
	}
}

// await lets the machine run until a job ends that a line waits for, or there is
// something else to see to. A line whose machine is paused, or driven by the
// configuration call that the line waits for, waits without driving it.
func (s *Session) await(ctx context.Context, fg *line, paused bool) {
	if fg.interrupted {
		ctx = s.life
	}
	ctx, done := s.outside.cut(ctx)
	defer done()
	jobs := s.awaited()
	if paused || fg.external != nil {
		s.m.Await(ctx, func(stop *stack.Stop, p bool) bool { return stop != nil || p != paused || anyDone(jobs) })
		return
	}
	outcome, _ := s.m.WaitAny(ctx, jobs...)
	if outcome != stack.Stuck || s.life.Err() != nil || fg.interrupted && len(fg.waits) == 0 {
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

// awaited lists the jobs that lines wait for.
func (s *Session) awaited() []*stack.Job {
	var jobs []*stack.Job
	for _, l := range s.lines {
		jobs = append(jobs, l.waits...)
	}
	return jobs
}

func anyDone(jobs []*stack.Job) bool {
	for _, j := range jobs {
		if j.Done() {
			return true
		}
	}
	return false
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
