package shell

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
)

var straceCommand = &Command{
	Name:    "strace",
	Usage:   "[-f] [-c] [-t|-tt|-r] [-T] [-s N] [-e trace=SET] [-o FILE] COMMAND [ARGS]... | -p PID",
	Summary: text{"print the system calls of a program", "打印程序的系统调用"},
	Help: text{`Runs COMMAND and prints each system call that its process makes: those of sockets, and close, poll, fork, fcntl and
nanosleep. What a program prints is no call of the machine. -f follows children. SET: network, desc, process, all, names
with commas between them; ! in front turns it round. A command that goes on behind the prompt is traced there.
The time in a call is the machine's: it passes only while a call sleeps.`,
		`运行 COMMAND,打印其进程的每个系统调用:套接字调用以及 close、poll、fork、fcntl、nanosleep。
程序的输出不是机器的系统调用。-f 跟踪子进程。SET:network、desc、process、all 或用逗号分隔的调用名;前加 ! 表示取反。
在提示符后面继续运行的命令会一直被跟踪。调用的时间是机器时间:只有睡眠时才流逝。`},
	Group: groupProcess, Drives: true,
	Flags: func(f *pflag.FlagSet) { straceFlagSet(f, new(strace)) },
	Words: func(s *Session, args []string) []string { return s.cmds.names() },
	Run:   runStrace,
}

// strace is one run.
type strace struct {
	straceText
	follow, count, relative, spent bool
	times, pid                     int
	set, file                      string

	show    func(name string) bool
	w       io.Writer
	c       *Cmd
	tracer  *stack.CallTracer
	ran     bool                   // the command has run a program
	several bool                   // there have been several processes
	open    int                    // process whose line has not ended, 0 for none
	calls   map[int]*straceCall    // under way, by process
	totals  map[string]*straceStat // -c
	column  int
	last    time.Duration
}

type straceCall struct {
	began time.Duration
	name  string
}

type straceStat struct {
	calls, errors int
	time          time.Duration
}

func straceFlagSet(f *pflag.FlagSet, o *strace) {
	f.BoolVarP(&o.follow, "follow-forks", "f", false, "children too")
	f.BoolVarP(&o.count, "summary-only", "c", false, "count calls, errors and time instead")
	f.CountVarP(&o.times, "absolute-timestamps", "t", "the time of day; twice: with microseconds")
	f.BoolVarP(&o.relative, "relative-timestamps", "r", false, "the time since the line before")
	f.BoolVarP(&o.spent, "syscall-times", "T", false, "the time that each call took")
	f.IntVarP(&o.limit, "string-limit", "s", 32, "bytes of a string to print")
	f.StringVarP(&o.set, "trace", "e", "", "trace=SET: which calls")
	f.StringVarP(&o.file, "output", "o", "", "print into this file of the machine")
	f.IntVarP(&o.pid, "attach", "p", 0, "trace the process of this pid, until it ends or Ctrl-C")
	f.SetInterspersed(false)
}

// callSets are the names of sets of calls; network is every call of a socket.
var callSets = map[string][]string{
	"desc":    {"close", "poll", "fcntl64", "ioctl"},
	"process": {"fork", "exit_group"},
	"file":    {}, "memory": {}, "signal": {}, "ipc": {},
}

func runStrace(c *Cmd) int {
	o := &strace{c: c, calls: make(map[int]*straceCall)}
	args, st, ok := c.flags(func(f *pflag.FlagSet) { straceFlagSet(f, o) })
	switch {
	case !ok:
		return st
	case o.limit < 0 || o.pid < 0:
		return c.usage("%s", c.msg("badNumber", strings.Join(c.Args, " ")))
	case o.pid == 0 && len(args) == 0:
		return c.usage("%s", c.msg("need"))
	case o.pid != 0 && len(args) > 0:
		return c.usage("%s", c.msg("extra", args[0]))
	}
	if o.show = callSet(o.set); o.show == nil {
		return c.fail("invalid system call '%s'", o.set)
	}
	o.w = c.outlasting(c.Err)
	if o.file != "" {
		h, err := c.S.fs.open(o.file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
		if err != nil {
			return c.fail("%s: %s", o.file, reason(err))
		}
		o.w = h
	}
	o.last = c.S.m.Now()
	o.tracer = &stack.CallTracer{Event: o.event, Follow: o.follow}
	if o.pid != 0 {
		return o.attach()
	}
	cmd := c.S.cmds.byName[args[0]]
	if cmd == nil {
		return c.fail("Can't stat '%s': No such file or directory", args[0])
	}
	inner := *c
	inner.Name, inner.Args, inner.cmd, inner.trace = args[0], args[1:], cmd, o
	st = cmd.Run(&inner)
	if !o.ran {
		fmt.Fprintln(c.Err, c.msg("noProgram", args[0]))
	}
	return st
}

// attach traces a process that runs already.
func (o *strace) attach() int {
	c := o.c
	if err := c.S.m.TraceCalls(o.pid, o.tracer); err != nil {
		var e stack.Errno
		errors.As(err, &e)
		return c.fail("attach: ptrace(PTRACE_SEIZE, %d): %v", o.pid, e)
	}
	fmt.Fprintf(o.w, "strace: Process %d attached\n", o.pid)
	ended := false
	st := c.run(true, func(p *stack.Proc) int {
		ended = o.tracer.Wait(p)
		return 0
	})
	if !ended {
		c.S.m.UntraceCalls(o.tracer)
		o.endLine()
		fmt.Fprintf(o.w, "strace: Process %d detached\n", o.pid)
		o.summary()
	}
	return st
}

// callSet reads -e; nil if a name in it is unknown.
func callSet(set string) func(name string) bool {
	set = strings.TrimPrefix(set, "trace=")
	turned := strings.HasPrefix(set, "!")
	set = strings.TrimPrefix(set, "!")
	if set == "" || set == "all" {
		return func(string) bool { return true }
	}
	known := append(stack.CallNames(), "exit_group")
	chosen := make(map[string]bool)
	for name := range strings.SplitSeq(set, ",") {
		name = strings.TrimPrefix(name, "%")
		list, ok := callSets[name]
		switch {
		case name == "network" || name == "net":
			for _, k := range known {
				if k != "fork" && k != "nanosleep" && k != "exit_group" && !slices.Contains(callSets["desc"], k) {
					chosen[k] = true
				}
			}
		case name == "none":
		case ok:
			for _, k := range list {
				chosen[k] = true
			}
		case name == "fcntl":
			chosen["fcntl64"] = true
		case slices.Contains(known, name):
			chosen[name] = true
		default:
			return nil
		}
	}
	return func(name string) bool { return chosen[name] != turned }
}

// event runs inside the machine.
func (o *strace) event(ev *stack.CallEvent) {
	o.several = o.several || o.tracer.Live() > 1
	switch ev.Kind {
	case stack.CallEnter:
		o.enter(ev)
	case stack.CallExit:
		o.exit(ev)
	case stack.CallSignal:
		if name := signalNames[ev.Signal]; ev.Signal != stack.SIGKILL && !o.count {
			code := "SI_USER, si_pid=1, si_uid=0"
			if ev.Signal == stack.SIGINT {
				code = "SI_KERNEL"
			}
			o.begin(ev)
			o.print("--- %s {si_signo=%s, si_code=%s} ---", name, name, code)
			o.endLine()
		}
	case stack.CallEnded:
		o.ended(ev)
	}
}

var signalNames = map[stack.Signal]string{stack.SIGINT: "SIGINT", stack.SIGKILL: "SIGKILL", stack.SIGTERM: "SIGTERM"}

func (o *strace) enter(ev *stack.CallEvent) {
	o.calls[ev.Pid] = &straceCall{ev.Time, ev.Name}
	if o.count || !o.show(ev.Name) {
		return
	}
	o.begin(ev)
	o.print("%s(%s", ev.Name, o.straceText.begin(ev))
	o.open = ev.Pid
}

func (o *strace) exit(ev *stack.CallEvent) {
	call := o.calls[ev.Pid]
	delete(o.calls, ev.Pid)
	if call == nil || !o.show(ev.Name) { // it began before strace came
		return
	}
	if o.count {
		o.add(ev, ev.Time-call.began)
		return
	}
	if o.open == ev.Pid && o.column > 0 && o.cut() {
		o.open, o.column = 0, 0
	}
	if o.open != ev.Pid {
		o.begin(ev)
		o.print("<... %s resumed>", ev.Name)
	}
	o.print("%s) ", o.straceText.end(ev))
	o.pad()
	o.print("= %s", o.result(ev))
	if o.spent {
		d := ev.Time - call.began
		o.print(" <%d.%06d>", d/time.Second, d%time.Second/time.Microsecond)
	}
	o.open = 0
	o.endLine()
	if ev.Name == "fork" && o.follow && ev.Ret > 0 {
		fmt.Fprintf(o.w, "strace: Process %d attached\n", ev.Ret)
	}
}

func (o *strace) ended(ev *stack.CallEvent) {
	if !o.count {
		if o.open == ev.Pid { // it died inside the call
			o.print(" <unfinished ...>")
			o.open = 0
			o.endLine()
		}
		o.begin(ev)
		switch {
		case ev.Signal != 0:
			o.print("+++ killed by %s +++", signalNames[ev.Signal])
		default:
			if o.show("exit_group") {
				o.print("exit_group(%d) ", ev.Code)
				o.pad()
				o.print("= ?")
				o.endLine()
				o.begin(ev)
			}
			o.print("+++ exited with %d +++", ev.Code)
		}
		o.endLine()
	}
	if o.tracer.Live() == 0 {
		o.summary()
	}
}

// begin starts a line; one that has not ended is told to be unfinished.
func (o *strace) begin(ev *stack.CallEvent) {
	if o.open != 0 && o.cut() {
		o.open, o.column = 0, 0
	}
	if o.open != 0 {
		o.print(" <unfinished ...>")
		o.open = 0
		o.endLine()
	}
	switch {
	case o.file != "" && o.follow:
		o.print("%-5d ", ev.Pid)
	case o.several && o.file == "":
		o.print("[pid %5d] ", ev.Pid)
	}
	at := epoch.Add(ev.Time)
	switch {
	case o.relative:
		d := ev.Time - o.last
		o.last = ev.Time
		o.print("%6d.%06d ", d/time.Second, d%time.Second/time.Microsecond)
	case o.times == 1:
		o.print("%s ", at.Format("15:04:05"))
	case o.times > 1:
		o.print("%s ", at.Format("15:04:05.000000"))
	}
}

func (o *strace) print(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	o.column += len(text)
	io.WriteString(o.w, text)
}

// cut reports whether somebody else has ended the line that is open.
func (o *strace) cut() bool {
	w, ok := o.w.(*syncWriter)
	return ok && w.atLineStart()
}

// pad brings the result to its column.
func (o *strace) pad() {
	const resultColumn = 40
	if o.column < resultColumn {
		o.print("%s", strings.Repeat(" ", resultColumn-o.column))
	}
}

func (o *strace) endLine() {
	if o.column > 0 {
		io.WriteString(o.w, "\n")
	}
	o.column = 0
}

func (o *strace) add(ev *stack.CallEvent, d time.Duration) {
	if o.totals == nil {
		o.totals = make(map[string]*straceStat)
	}
	s := o.totals[ev.Name]
	if s == nil {
		s = new(straceStat)
		o.totals[ev.Name] = s
	}
	s.calls++
	s.time += d
	if ev.Ret < 0 {
		s.errors++
	}
}

// summary is the table of -c.
func (o *strace) summary() {
	if !o.count || o.totals == nil {
		return
	}
	var names []string
	var all straceStat
	for name, s := range o.totals {
		names = append(names, name)
		all.calls, all.errors, all.time = all.calls+s.calls, all.errors+s.errors, all.time+s.time
	}
	slices.SortFunc(names, func(a, b string) int {
		if x, y := o.totals[a].time, o.totals[b].time; x != y {
			return int(min(max(y-x, -1), 1))
		}
		return strings.Compare(a, b)
	})
	const rule = "------ ----------- ----------- --------- --------- ----------------\n"
	fmt.Fprintf(o.w, "%% time     seconds  usecs/call     calls    errors syscall\n%s", rule)
	row := func(name string, s *straceStat) {
		share, errs := 0.0, ""
		if all.time > 0 {
			share = 100 * float64(s.time) / float64(all.time)
		}
		if s.errors > 0 {
			errs = fmt.Sprint(s.errors)
		}
		fmt.Fprintf(o.w, "%6.2f %11.6f %11d %9d %9s %s\n", share, s.time.Seconds(), int(s.time/time.Microsecond)/s.calls, s.calls, errs, name)
	}
	for _, name := range names {
		row(name, o.totals[name])
	}
	io.WriteString(o.w, rule)
	row("total", &all)
	o.totals = nil
}
