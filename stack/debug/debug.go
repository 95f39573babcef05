// Package debug is a machine's debugger: gdb's command language over the public
// hooks of package stack. A Debugger runs one command line at a time; its
// answers have gdb's own forms, so that what one learns here, and a command
// file written here, serves at a real kernel too.
//
// The debugger never drives the machine. A command that lets it go on tells the
// Target to continue and returns Resume; the shell then waits for the machine
// and, when it has stopped again, calls Report:
//
//	act, err := d.Exec("continue", out)
//	for act == debug.Resume {
//		if machine.Wait(job) != stack.Stopped {
//			break
//		}
//		act, err = d.Report(out)
//	}
//
// The machine stops at function entries and nowhere else: step, next, finish
// and until mean the next entry that fits (help says so).
package debug

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"menuos/stack"
)

// Target is the machine as the debugger sees it; *stack.Stack is one.
type Target interface {
	Now() time.Duration
	Lookup(name string) *stack.Sym
	Syms() []*stack.Sym
	SetHook(hook stack.Hook, syms []*stack.Sym, all bool)
	CallChain() *stack.Stop // inside a hook: where it is being asked
	Stopped() *stack.Stop
	Continue()
	Field(v any, path ...string) (any, error)
	Var(f stack.Frame, name string) (any, bool)
	Fields(v any) []string
	TypeName(v any) string
	Address(v any) (addr uint64, ok bool) // of a kernel object
	Cast(v any, typ string) (any, error)
	SourceLine(f stack.Frame) (file string, line int, lines []string)
}

// Action is what the shell has to do after a command.
type Action int

const (
	None   Action = iota
	Resume        // the machine may go on: wait for it, then call Report
	Quit          // leave the debugger
)

func (a Action) String() string {
	switch a {
	case None:
		return "none"
	case Resume:
		return "resume"
	case Quit:
		return "quit"
	}
	return fmt.Sprintf("Action(%d)", int(a))
}

// Debugger holds what gdb holds: breakpoints, the selected frame, the value
// history, displays and settings. It is not safe for concurrent use.
type Debugger struct {
	Lang        string // "en" or "zh": the language of our own words
	Interactive bool   // a person types: say what the debugger waits for
	Open        func(name string) (io.ReadCloser, error)

	t      Target
	cmds   []command
	breaks []*breakpoint
	lastBp int           // number of the newest breakpoint
	hits   []*breakpoint // that hold the machine, lowest number first
	step   *stepping
	shown  *stack.Stop // the stop that Report has shown
	frame  int         // the selected one

	displays []*display
	lastDisp int
	history  []value
	vars     map[string]value
	settings map[string]string
	list     listing

	block   *block // a command that expects more lines
	pending []scriptLine
	depth   int // of sourced files and user commands
	boot    int // breakpoints asked for in functions of the boot
	user    map[string]*userCommand
	last    string // the line an empty line repeats
}

// New makes a debugger for a machine.
func New(t Target) *Debugger {
	d := &Debugger{
		Lang: "en",
		Open: func(name string) (io.ReadCloser, error) { return os.Open(name) },
		t:    t,
		cmds: commands(),
		vars: make(map[string]value),
		user: make(map[string]*userCommand),
	}
	d.settings = defaultSettings()
	return d
}

// Exec runs one command line. An empty line repeats the last command if it is
// one that gdb repeats. The error is what gdb would say, for the shell to print.
func (d *Debugger) Exec(line string, out io.Writer) (Action, error) {
	if d.block != nil {
		return d.collect(scriptLine{text: line}, out)
	}
	line = strings.TrimSpace(line)
	if line == "" {
		line = d.last
	} else {
		d.last = ""
	}
	act, err := d.command(scriptLine{text: line}, out)
	if again := d.repeatable(line); again != "" {
		d.last = again
	}
	return act, err
}

// Prompt is "(gdb) ", or ">" while a command expects more lines.
func (d *Debugger) Prompt() string {
	if d.block == nil {
		return "(gdb) "
	}
	return strings.Repeat(" ", d.block.depth) + ">"
}

// Status says in a word whether the machine runs, and where it is held.
func (d *Debugger) Status() string {
	stop := d.t.Stopped()
	if stop == nil {
		return d.msg("running")
	}
	name := "??"
	if len(stop.Frames) > 0 {
		name = stop.Frames[0].Func
	}
	return d.msg("stopped", name, stop.Context, stop.Comm, stop.Pid)
}

// call is one command being run.
type call struct {
	name   string // as the table has it
	args   string // behind the name, trimmed
	script scriptLine
	out    io.Writer
	act    Action
}

func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// command runs a line that is not part of a block.
func (d *Debugger) command(line scriptLine, out io.Writer) (Action, error) {
	text := strings.TrimSpace(line.text)
	if text == "" || text[0] == '#' {
		return None, nil
	}
	name, args := splitWord(text)
	if u := d.user[name]; u != nil {
		return d.runUser(u, args, out)
	}
	cmd, args, err := d.lookup(name, args)
	if err != nil {
		return None, err
	}
	c := &call{name: cmd.name(), args: args, script: line, out: out}
	err = cmd.run(d, c)
	return c.act, err
}

// splitWord cuts a command's name from its arguments: "print/x foo" is "print"
// and "/x foo".
func splitWord(s string) (word, rest string) {
	n := 0
	for n < len(s) && (isIdent(s[n]) || s[n] == '-' && n > 0 || s[n] == '.') {
		n++
	}
	if n == 0 && s != "" {
		n = strings.IndexAny(s, " \t")
		if n < 0 {
			n = len(s)
		}
	}
	return s[:n], strings.TrimSpace(s[n:])
}

func isIdent(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
