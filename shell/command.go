package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"menuos/stack"
)

// text is a sentence in both languages.
type text struct{ en, zh string }

func (t text) in(lang string) string {
	if lang == "zh" && t.zh != "" {
		return t.zh
	}
	return t.en
}

// group is where help lists a command.
type group int

const (
	groupLab group = iota
	groupProcess
	groupSockets
	groupNetwork
	groupSystem
	groupText
	groupShell
)

var groups = map[group]text{
	groupProcess: {"Processes", "进程"},
	groupSockets: {"Sockets and the inside of TCP", "套接字与 TCP 内部"},
	groupNetwork: {"Network", "网络"},
	groupSystem:  {"System", "系统"},
	groupText:    {"Text", "文本"},
	groupShell:   {"Shell", "外壳"},
}

// Command is one command of the shell.
type Command struct {
	Name    string
	Usage   string // the arguments, without the name
	Summary text
	Help    text // more, for help NAME
	Group   group
	Drives  bool // the machine runs meanwhile: not while a breakpoint holds it
	Run     func(c *Cmd) int
	Flags   func(f *pflag.FlagSet)                           // for help and completion
	Words   func(s *Session, args []string) (words []string) // what may follow, for completion
	Hidden  bool
}

// table holds the commands.
type table struct {
	all    []*Command // in the order of help
	byName map[string]*Command
}

func newTable() *table {
	t := &table{byName: make(map[string]*Command)}
	for _, list := range [][]*Command{labCommands, processCommands, socketCommands, showCommands, networkCommands, diagnosticCommands,
		clientCommands, systemCommands, textCommands, shellCommands} {
		t.all = append(t.all, list...)
	}
	for _, c := range t.all {
		t.byName[c.Name] = c
	}
	t.byName["exit"] = t.byName["quit"]
	return t
}

// names lists what one may type first, sorted.
func (t *table) names() []string {
	out := []string{"gdb", "echo", "printf", "true", "false", "test", "exit"}
	for _, c := range t.all {
		if !c.Hidden {
			out = append(out, c.Name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Commands lists the command table, for what is generated from it.
func Commands() []*Command { return newTable().all }

// SummaryIn is a command's summary in a language.
func (c *Command) SummaryIn(lang string) string { return c.Summary.in(lang) }

// Cmd is one run of a command.
type Cmd struct {
	Name  string
	Args  []string
	S     *Session
	Stdin io.Reader // nil: nothing to read
	Out   io.Writer
	Err   io.Writer

	cmd     *Command
	line    *line
	ctx     context.Context
	lasting *limited
	trace   *strace // that runs the command, nil: none does
}

func (c *Cmd) printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

// fail prints "NAME: what" and gives status 1.
func (c *Cmd) fail(format string, args ...any) int {
	fmt.Fprintf(c.Err, "%s: %s\n", c.Name, fmt.Sprintf(format, args...))
	return 1
}

// usage prints what was wrong, and the usage; status 2.
func (c *Cmd) usage(format string, args ...any) int {
	if format != "" {
		fmt.Fprintf(c.Err, "%s: %s\n", c.Name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(c.Err, "%s\n", c.msg("usage", strings.TrimSpace(c.Name+" "+c.cmd.Usage)))
	return 2
}

func (c *Cmd) msg(key string, args ...any) string { return c.S.msg(key, args...) }

// flags parses options; the command ends with status when ok is false.
func (c *Cmd) flags(declare func(f *pflag.FlagSet)) (args []string, status int, ok bool) {
	f := pflag.NewFlagSet(c.Name, pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.SortFlags = false
	declare(f)
	err := f.Parse(c.Args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		c.S.helpOn(c.Out, c.cmd)
		return nil, 0, false
	case err != nil:
		return nil, c.usage("%v", err), false
	}
	return f.Args(), 0, true
}

// noArgs refuses arguments.
func (c *Cmd) noArgs() (status int, ok bool) {
	if len(c.Args) > 0 {
		return c.usage("%s", c.msg("extra", c.Args[0])), false
	}
	return 0, true
}

// run runs a program in the machine and waits for it: in init itself as the
// laboratory's menu does, or in a child if fork is set or it is in the background.
func (c *Cmd) run(fork bool, body func(p *stack.Proc) int) int {
	if c.line.ctx.Err() != nil {
		return 130
	}
	start := c.S.m.Exec
	if fork || c.line.job != nil || c.trace != nil {
		start = c.S.m.Spawn
	}
	j := start(c.Name, c.Out, c.traced(body))
	if c.line.job != nil {
		c.line.job.pid = j.Pid()
	}
	c.line.awaitJobs(j)
	if !j.Done() {
		return 130
	}
	return j.ExitCode()
}

// traced is a program whose system calls strace hears of, if strace runs it.
func (c *Cmd) traced(body func(p *stack.Proc) int) func(p *stack.Proc) int {
	if c.trace == nil {
		return body
	}
	c.trace.ran = true
	return func(p *stack.Proc) int {
		p.TraceCalls(c.trace.tracer)
		return body(p)
	}
}

// spawn starts a program that goes on behind the prompt.
func (c *Cmd) spawn(comm string, body func(p *stack.Proc) int) *job {
	var out io.Writer = c.lasting
	switch c.Out.(type) {
	case *syncWriter, *memHandle:
		out = c.Out
	}
	j := c.S.addJob(strings.Join(append([]string{c.Name}, c.Args...), " "))
	j.proc = c.S.m.Spawn(comm, out, c.traced(body))
	j.pid = j.proc.Pid()
	return j
}

// configure makes a call that changes the machine's configuration.
func (c *Cmd) configure(fn func() error) error {
	var err error
	c.line.awaitCall(func() { err = fn() })
	return err
}

// input is what the command reads: files, or what comes through a pipe.
func (c *Cmd) input(files []string) (text []byte, status int) {
	if len(files) == 0 {
		if c.Stdin == nil {
			return nil, 0
		}
		b, err := io.ReadAll(c.Stdin)
		if err != nil {
			return b, c.fail("%v", err)
		}
		return b, 0
	}
	for _, name := range files {
		if name == "-" {
			b, st := c.input(nil)
			text, status = append(text, b...), max(status, st)
			continue
		}
		h, err := c.S.fs.open(name, 0)
		if err != nil {
			status = c.fail("%s: %s", name, reason(err))
			continue
		}
		b, _ := io.ReadAll(h)
		text = append(text, b...)
	}
	return text, status
}
