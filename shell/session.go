// Package shell is MenuOS, the laboratory's shell: the prompt, the command
// table and the commands, run as processes of one machine, with gdb beside
// them.
//
// A Session is used from one goroutine, its owner. Exec runs one line and
// returns when it has ended or a breakpoint holds it; a held line goes on with
// "gdb continue". Lines run in goroutines of their own, but one at a time has
// the floor (see line), so that a run is the same, byte for byte, each time.
//
// Under a screen with two prompts (Config.GdbOut) the owner loops: it runs a
// line that was typed with Exec or ExecGdb, and while there is none it is in
// Idle. Others reach the session by Interject.
package shell

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"menuos/stack"
	"menuos/stack/debug"
)

// Config is what a session is made from. The zero value is a quiet session with
// a virtual clock that speaks English.
type Config struct {
	Seed        uint64
	Clock       stack.Clock
	Speed       float64
	Lang        string // "en" or "zh"
	Faithful    bool   // the laboratory's own texts, mistakes included
	Interactive bool   // a person types: commands that wait for ever do wait
	Out, Err    io.Writer
	// GdbOut is the screen of a prompt that the debugger has for itself: answers
	// to ExecGdb, and what a stop has to tell, go there. nil: there is one prompt,
	// and all goes to Out.
	//
	// The machine's programs write to these while they run: a writer must not
	// wait for anybody who may be waiting for the machine.
	GdbOut  io.Writer
	Version string

	// Attach, if set, gives the machine its eth0 in place of the laboratory's, which
	// has nothing behind it. tell says something to the person, at any time; note is
	// added to what the boot prints.
	Attach func(m *stack.Stack, tell func(string)) (note string, err error)

	// Leaving, if set, is called before a signal ends the program amid a read from
	// the terminal, which cannot be called off.
	Leaving func()
}

// Session is one machine with its shell and its debugger.
type Session struct {
	cfg Config
	m   *stack.Stack
	dbg *debug.Debugger
	out *syncWriter
	err *syncWriter
	at  ends // where the debugger tells of stops
	fs  *memFS

	life    context.Context // until Close
	end     context.CancelFunc
	owner   sync.Mutex // of the goroutine that is in Exec, ExecGdb or Idle
	inside  bool       // the owner is in one of them
	outside interjections
	atGdb   bool        // the owner is in ExecGdb
	told    *stack.Stop // the last stop that was reported

	cmds    *table
	shell   *interpreter
	lines   []*line // that run or wait, oldest first
	fg      *line   // the foreground line that a breakpoint holds
	running *line   // the foreground line that drive lets run
	front   atomic.Pointer[front]
	jobs    []*job // in the order of their numbers
	partial string // lines that await their rest
	typing  bool   // a person types on this process's terminal, whose lines a command that reads takes itself
	gdb     gdbMode
	history []string

	booted   string // what the boot printed
	quit     bool
	quitCode int
	status   int
	counted  map[string]uint64 // nstat's last reading
	steps    *stepRecord       // of show steps; nil: nothing was recorded
}

// epoch is the wall-clock time at which a machine boots: the day of Linux
// 5.0.1. A fixed one keeps runs alike.
var epoch = time.Date(2019, time.March, 10, 12, 0, 0, 0, time.UTC)

// New boots a machine and gives it a shell.
func New(cfg Config) (*Session, error) {
	if cfg.Lang == "" {
		cfg.Lang = "en"
	}
	if cfg.Out == nil {
		cfg.Out = io.Discard
	}
	if cfg.Err == nil {
		cfg.Err = cfg.Out
	}
	s := &Session{cfg: cfg, m: stack.New(stack.Config{Seed: cfg.Seed, Clock: cfg.Clock, Speed: cfg.Speed})}
	s.life, s.end = context.WithCancel(context.Background())
	shellEnds, gdbEnds := syncEnds(cfg.Out, cfg.Err, cfg.GdbOut)
	s.out, s.err, s.at = shellEnds.out, shellEnds.err, gdbEnds
	s.fs = newMemFS(func() time.Time { return epoch.Add(s.m.LastRan()) })
	s.publish()
	s.dbg = debug.New(s.m)
	s.dbg.Lang = cfg.Lang
	s.dbg.Interactive = cfg.Interactive
	s.dbg.Open = s.openHost
	s.cmds = newTable()
	note, err := s.boot()
	if err != nil {
		s.Close()
		if cfg.Attach != nil {
			return nil, err
		}
		return nil, fmt.Errorf("boot: %w", err)
	}
	s.m.Settle()
	s.booted = bootTranscript(s.m.Ifaces(), s.m.Routes()) + note
	if s.shell, err = newInterpreter(s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// openHost opens gdb command files, which are files of the host, unless the
// machine has one of the name.
func (s *Session) openHost(name string) (io.ReadCloser, error) {
	if h, err := s.fs.open(name, os.O_RDONLY); err == nil {
		return h, nil
	}
	return os.Open(name)
}

// Close ends the machine and every line that still runs, held ones included. It
// may be called from any goroutine, and twice: an Exec, ExecGdb or Idle under way
// returns. What Interject runs must not call it.
func (s *Session) Close() {
	s.outside.close()
	s.end()
	s.m.Close()
	s.owner.Lock()
	defer s.owner.Unlock()
	for _, l := range s.lines {
		l.abandon()
	}
	s.lines, s.fg = nil, nil
}

// Machine is the session's machine.
func (s *Session) Machine() *stack.Stack { return s.m }

// Debugger is the session's debugger.
func (s *Session) Debugger() *debug.Debugger { return s.dbg }

// BootText is what the machine printed while it booted, and the banner.
func (s *Session) BootText(banner bool) string {
	if banner {
		return s.booted + bannerText
	}
	return s.booted
}

// Quit tells whether the session is over, and its exit status.
func (s *Session) Quit() (code int, over bool) { return s.quitCode, s.quit }

// Held tells whether a breakpoint holds the machine.
func (s *Session) Held() bool { return s.m.Stopped() != nil }

// split tells whether the debugger has a prompt of its own.
func (s *Session) split() bool { return s.at.out != s.out }

// Prompt is what to show before the next line of Exec: the shell's prompt, or
// the debugger's in a session that has one prompt for both.
func (s *Session) Prompt() string {
	if s.gdb.raw(s) {
		return s.dbg.Prompt()
	}
	return s.ShellPrompt()
}

// ShellPrompt is the shell's: "> " while a command awaits its rest.
func (s *Session) ShellPrompt() string {
	switch {
	case s.split() && s.gdb.raw(s): // the rest of "gdb commands" that was begun here
		return s.dbg.Prompt()
	case s.partial != "":
		return "> "
	}
	return "MenuOS>>"
}

// GdbPrompt is the debugger's: "(gdb) ", or ">" while a command awaits its rest.
func (s *Session) GdbPrompt() string { return s.dbg.Prompt() }

// CancelLine forgets a command that awaits its rest, as Ctrl-C at the shell's
// prompt does.
func (s *Session) CancelLine() {
	s.partial = ""
	if s.split() && s.gdb.raw(s) {
		s.LeaveGdb()
	}
}

// AddHistory remembers a line for the command history.
func (s *Session) AddHistory(line string) {
	if line != "" && (len(s.history) == 0 || s.history[len(s.history)-1] != line) {
		s.history = append(s.history, line)
	}
}

func (s *Session) wallClock() time.Time { return epoch.Add(s.m.Now()) }

// enter makes the caller the session's owner until it calls leave. What Interject
// runs is inside the owner's call already.
func (s *Session) enter() (leave func()) {
	if s.inside {
		return func() {}
	}
	s.owner.Lock()
	s.inside = true
	return func() {
		s.inside = false
		s.owner.Unlock()
	}
}

// Exec runs one line. It returns its exit status when it has ended, or 0 when a
// breakpoint holds it. When ctx ends, the foreground command is interrupted, as
// by Ctrl-C; once Exec has returned, ctx is of no account. After Close it does
// nothing and returns 130. It must not be called from within Interject.
func (s *Session) Exec(ctx context.Context, line string) int {
	defer s.enter()()
	switch {
	case s.quit:
		return s.quitCode
	case s.life.Err() != nil:
		return statusInterrupted
	}
	s.pendingStop()
	s.status = s.exec(ctx, line)
	if s.quit {
		return s.quitCode
	}
	s.catchUp()
	if s.split() {
		s.out.freshLine()
	}
	return s.status
}

// statusInterrupted is the status of a command that Ctrl-C ended: 128 and SIGINT.
const statusInterrupted = 130

// catchUp runs what can run without time passing, and tells of jobs that ended.
func (s *Session) catchUp() {
	s.drive(s.life, nil)
	s.reportJobs()
}

func (s *Session) exec(ctx context.Context, text string) int {
	status := 0
	for _, seg := range splitGdb(text, s.gdb.raw(s), s.partial != "") {
		st := 0
		if seg.gdb {
			st = s.gdbLine(ctx, seg.text)
		} else {
			st = s.shellLine(ctx, seg.text)
		}
		status = max(status, st)
		if s.quit {
			break
		}
	}
	return status
}

// EndOfInput tells the session that no more lines come: a command that awaits
// its rest is wrong.
func (s *Session) EndOfInput() int {
	if s.partial == "" {
		return 0
	}
	s.partial = ""
	fmt.Fprintf(s.err, "%s\n", s.msg("unfinished"))
	return 2
}
