package shell

// What the session's owner does while no line is typed, and how others reach it
// while one runs.

import (
	"context"
	"sync"

	"menuos/stack"
)

// interjections are what others want the owner to run. They cut its waits short.
type interjections struct {
	mu     sync.Mutex
	fns    []func()
	poked  bool   // there may be something to see to
	cutter func() // cuts the wait that the owner is in, nil if it is in none
	closed bool
}

func (in *interjections) add(fn func()) {
	in.mu.Lock()
	if !in.closed {
		in.fns = append(in.fns, fn)
	}
	in.mu.Unlock()
	in.poke()
}

// poke has the owner look around.
func (in *interjections) poke() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.poked = true
	if in.cutter != nil {
		in.cutter()
	}
}

func (in *interjections) close() {
	in.mu.Lock()
	in.closed, in.fns = true, nil
	in.mu.Unlock()
	in.poke()
}

// begin says how many there are, for one who is about to look around.
func (in *interjections) begin() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.poked = false
	return len(in.fns)
}

// next takes the oldest one, nil if there is none.
func (in *interjections) next() func() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.fns) == 0 {
		return nil
	}
	fn := in.fns[0]
	in.fns = in.fns[1:]
	return fn
}

// cut gives a context for a wait of the owner, which ends early when there is
// something to see to. The owner calls done after the wait.
func (in *interjections) cut(parent context.Context) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(parent)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.cutter = cancel
	if in.poked {
		cancel()
	}
	return ctx, func() {
		in.mu.Lock()
		in.cutter = nil
		in.mu.Unlock()
		cancel()
	}
}

// Interject has the owner run fn at its next safe point: in Idle, or in an Exec
// or ExecGdb whose foreground command waits for the machine, which then goes on
// waiting. It may be called from any goroutine and returns at once, without
// waiting for fn; fns run in the order in which they came. If the session is
// closed before that, fn is dropped.
//
// fn may use the session (ExecGdb, Complete, the prompts, Foreground, Jobs …),
// but must not call Exec, Idle or Close.
func (s *Session) Interject(fn func()) { s.outside.add(fn) }

// hear runs what others have interjected. What comes meanwhile has its turn
// later: the machine's is first.
func (s *Session) hear() {
	for range s.outside.begin() {
		if fn := s.outside.next(); fn != nil {
			fn()
		}
	}
}

// Idle is what the owner calls while no line is typed. It reports a stop of the
// machine when it comes, lets the lines of background jobs go on, tells a person
// of jobs that have ended, and runs what Interject brings, until done is closed
// or the session is over (Quit, Close). The machine's time is left to the clock:
// one that moves only while somebody waits stands still.
func (s *Session) Idle(done <-chan struct{}) {
	defer s.enter()()
	over := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-done:
			s.outside.poke()
		case <-over:
		}
	})
	defer watch.Wait()
	defer close(over)
	for {
		s.catchUp()
		select {
		case <-done:
			return
		default:
		}
		if s.quit || s.life.Err() != nil {
			return
		}
		s.rest()
	}
}

// rest waits until there is something to do for a session without a foreground
// line: the machine has stopped, gone on or been paused, a job has ended, or
// somebody pokes.
func (s *Session) rest() {
	ctx, done := s.outside.cut(s.life)
	defer done()
	held, paused := s.m.Stopped(), s.m.Paused()
	var jobs []*stack.Job
	if held == nil { // else lines go on only when the machine does
		jobs = s.awaited()
	}
	for _, j := range s.jobs {
		if j.proc != nil && !j.proc.Done() {
			jobs = append(jobs, j.proc)
		}
	}
	if held != s.told && held != nil {
		return
	}
	s.m.Await(ctx, func(stop *stack.Stop, p bool) bool { return stop != held || p != paused || anyDone(jobs) })
}

// Interrupt is Ctrl-C for the foreground command that runs or that a breakpoint
// holds, which ends when the machine goes on. It reports whether there is one that
// had not been interrupted before.
func (s *Session) Interrupt() bool {
	l := s.foreground()
	if l == nil || l.interrupted {
		return false
	}
	l.interrupt()
	return true
}

// foreground is the foreground line that runs or is held, nil if there is none.
func (s *Session) foreground() *line {
	for _, l := range []*line{s.running, s.fg} {
		if l != nil && !l.done {
			return l
		}
	}
	return nil
}

// front is what Foreground, ForegroundPid and Reads tell.
type front struct {
	text  string
	pid   int
	input *stack.Input
}

// publish lets others see which line is in the foreground.
func (s *Session) publish() {
	var f front
	if l := s.foreground(); l != nil {
		f.text, f.input = l.text, l.input
		for ; l != nil && f.pid == 0; l = l.behind {
			if len(l.waits) > 0 {
				f.pid = l.waits[0].Pid()
			}
		}
	}
	s.front.Store(&f)
}

// Foreground is the text of the foreground command that runs or is held, "" if
// there is none. It may be called from any goroutine.
func (s *Session) Foreground() string { return s.front.Load().text }

// ForegroundPid is the process that the foreground command waits for, 0 if it
// waits for none. It may be called from any goroutine.
func (s *Session) ForegroundPid() int { return s.front.Load().pid }
