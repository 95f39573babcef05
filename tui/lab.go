// The laboratory behind the screen: the goroutine that owns the session runs
// what is typed and keeps what it prints until a frame takes it.

package tui

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"menuos/shell"
	"menuos/stack"
)

// lab owns a session. Its methods may be called from any goroutine.
type lab struct {
	s    *shell.Session
	m    *stack.Stack
	wake func()      // something has changed
	died func(fault) // the goroutine has panicked

	mu     sync.Mutex
	queue  []request
	idle   chan struct{}      // closed to end Session.Idle; nil while the owner is at work
	cancel context.CancelFunc // interrupts the line that runs; nil if none does
	shell  output
	gdb    output
	state  labState
	closed bool
	done   chan struct{}
}

// request is what the owner is to do.
type request struct {
	line string
	gdb  bool
	fn   func()
}

// labState is what the screen shows of the session.
type labState struct {
	running     bool   // a line runs
	foreground  string // the command that runs or is held
	pid         int    // the process that it waits for
	reads       bool   // it reads what is typed
	shellPrompt string
	gdbPrompt   string
	over        bool
	code        int
}

// partialPrompt is MenuOS's prompt while a command awaits its rest.
const partialPrompt = "> "

// outputLimit is how much output may wait for a frame; what comes faster loses
// its oldest part.
const outputLimit = 1 << 20

// output is what was printed since the last frame.
type output struct {
	l    *lab
	b    []byte
	lost int
	open bool // the last line has not ended
}

// Write keeps what a program prints. It never waits.
func (o *output) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	o.l.mu.Lock()
	o.open = b[len(b)-1] != '\n'
	o.b = append(o.b, b...)
	if len(o.b) > 2*outputLimit {
		o.lost += len(o.b) - outputLimit
		o.b = append(o.b[:0], o.b[len(o.b)-outputLimit:]...)
	}
	o.l.mu.Unlock()
	o.l.wake()
	return len(b), nil
}

// echo writes a line that was typed, on a line of its own.
func (o *output) echo(line string) {
	o.l.mu.Lock()
	if o.open {
		line = "\n" + line
	}
	o.l.mu.Unlock()
	o.Write([]byte(line + "\n"))
}

// take gives what was printed; the caller holds the lock.
func (o *output) take(l *look) string {
	s := string(o.b)
	if o.lost > 0 {
		s = "\n" + l.say("output.lost", o.lost) + "\n" + s
	}
	o.b, o.lost = o.b[:0], 0
	return s
}

// fault is a panic.
type fault struct {
	where string
	what  any
	stack string
}

func (f fault) Error() string { return fmt.Sprintf("%s: %v", f.where, f.what) }

// newLab boots a machine. Start begins to run what is typed.
func newLab(cfg shell.Config, wake func(), died func(fault)) (*lab, error) {
	l := &lab{wake: wake, died: died, done: make(chan struct{})}
	l.shell.l, l.gdb.l = l, l
	cfg.Out, cfg.Err, cfg.GdbOut, cfg.Interactive = &l.shell, &l.shell, &l.gdb, true
	s, err := shell.New(cfg)
	if err != nil {
		return nil, err
	}
	l.s, l.m = s, s.Machine()
	l.state = labState{shellPrompt: s.ShellPrompt(), gdbPrompt: s.GdbPrompt()}
	return l, nil
}

// start runs the owner; gdbFiles are sourced first.
func (l *lab) start(gdbFiles []string) {
	for _, name := range gdbFiles {
		l.do(func() {
			f, err := os.Open(name)
			if err != nil {
				fmt.Fprintln(&l.gdb, err)
				return
			}
			defer f.Close()
			l.s.SourceGdb(context.Background(), f, name)
		})
	}
	go l.own()
}

// own is the goroutine that owns the session.
func (l *lab) own() {
	defer close(l.done)
	defer func() {
		if r := recover(); r != nil {
			l.died(fault{"laboratory", r, string(debug.Stack())})
		}
	}()
	for {
		l.mu.Lock()
		l.note()
		if l.closed {
			l.mu.Unlock()
			return
		}
		if len(l.queue) > 0 {
			r := l.queue[0]
			l.queue = l.queue[1:]
			l.mu.Unlock()
			l.run(r)
			l.wake()
			continue
		}
		l.idle = make(chan struct{})
		idle, over := l.idle, l.state.over
		l.mu.Unlock()
		l.wake()
		if over { // nothing is run any more
			<-idle
			continue
		}
		l.s.Idle(idle)
	}
}

// note copies what the screen shows of the session. The owner calls it, with the
// lock held.
func (l *lab) note() {
	st := &l.state
	st.shellPrompt, st.gdbPrompt = l.s.ShellPrompt(), l.s.GdbPrompt()
	st.code, st.over = l.s.Quit()
}

// run does one request.
func (l *lab) run(r request) {
	if r.fn != nil {
		r.fn()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l.mu.Lock()
	l.cancel, l.state.running = cancel, true
	l.mu.Unlock()
	if r.gdb {
		l.gdb.echo(l.s.GdbPrompt() + r.line)
		l.s.ExecGdb(ctx, r.line)
	} else {
		l.shell.echo(l.s.ShellPrompt() + r.line)
		l.s.Exec(ctx, r.line)
	}
	l.mu.Lock()
	l.cancel, l.state.running = nil, false
	l.mu.Unlock()
}

// submit has MenuOS or the debugger run a line when its turn comes. A command that
// reads what is typed gets MenuOS's lines.
func (l *lab) submit(line string, gdb bool) {
	if !gdb && l.s.Reads() {
		l.shell.echo(line)
		if l.s.Input(line) {
			return
		}
	}
	l.mu.Lock()
	beside := gdb && l.state.running
	if !beside {
		l.push(request{line: line, gdb: gdb})
	}
	l.mu.Unlock()
	if beside { // gdb's lines do not wait for the command to end
		l.s.Interject(func() { l.interjected(line) })
	}
}

// interjected runs a debugger's line while a command waits for the machine; if
// that has ended meanwhile, as any other.
func (l *lab) interjected(line string) {
	l.mu.Lock()
	running := l.state.running
	if !running {
		l.push(request{line: line, gdb: true})
	}
	l.mu.Unlock()
	if running {
		l.gdb.echo(l.s.GdbPrompt() + line)
		l.s.ExecGdb(context.Background(), line)
		l.mu.Lock()
		l.note()
		l.mu.Unlock()
		l.wake()
	}
}

// do has the owner call fn, at the next moment at which it may.
func (l *lab) do(fn func()) {
	l.mu.Lock()
	running := l.state.running
	if !running {
		l.push(request{fn: fn})
	}
	l.mu.Unlock()
	if running {
		l.s.Interject(fn)
	}
}

// push adds a request; the caller holds the lock.
func (l *lab) push(r request) {
	l.queue = append(l.queue, r)
	if l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
}

// interrupt is Ctrl-C: it reports whether there was a command that runs or awaits
// its rest. What was typed ahead is dropped.
func (l *lab) interrupt() bool {
	l.mu.Lock()
	running, partial := l.cancel, l.state.shellPrompt == partialPrompt
	if running != nil {
		running()
		kept := l.queue[:0]
		for _, r := range l.queue {
			if r.fn != nil {
				kept = append(kept, r)
			}
		}
		l.queue = kept
	}
	l.mu.Unlock()
	switch {
	case running != nil:
		l.shell.Write([]byte("^C\n"))
	case partial:
		l.do(l.s.CancelLine)
	default:
		return false
	}
	return true
}

// interruptHeld interrupts the command that a breakpoint holds, and reports
// whether there is one. It waits for the owner.
func (l *lab) interruptHeld() bool {
	if l.s.Foreground() == "" {
		return false
	}
	killed := make(chan bool, 1)
	l.do(func() { killed <- l.s.Interrupt() })
	select {
	case ok := <-killed:
		if ok {
			l.shell.Write([]byte("^C\n"))
		}
		return ok
	case <-l.done:
		return false
	}
}

// take gives what was printed since it was last called, and the session's state.
func (l *lab) take(look *look) (shellOut, gdbOut string, st labState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	st = l.state
	st.foreground, st.pid, st.reads = l.s.Foreground(), l.s.ForegroundPid(), l.s.Reads()
	return l.shell.take(look), l.gdb.take(look), st
}

// close ends the session and waits for its goroutine.
func (l *lab) close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return
	}
	l.closed = true
	if l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
	l.mu.Unlock()
	l.s.Close()
	<-l.done
}

// complete asks the session what a word may become.
func (l *lab) complete(gdb bool, line string, pos int, answer func(head string, words []string, tail string)) {
	l.do(func() {
		pos = min(pos, len(line))
		if gdb {
			answer(l.s.CompleteGdb(line, pos))
			return
		}
		if strings.TrimSpace(line) == "" {
			pos = len(line)
		}
		answer(l.s.Complete(line, pos))
	})
}
