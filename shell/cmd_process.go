package shell

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
)

var processCommands = []*Command{
	{
		Name: "ps", Usage: "[-k]", Group: groupProcess,
		Summary: text{"list the processes", "列出进程"},
		Flags:   psFlags(new(bool)),
		Run:     runPs,
	},
	{
		Name: "jobs", Group: groupProcess,
		Summary: text{"list what runs behind the prompt", "列出后台作业"},
		Run: func(c *Cmd) int {
			if st, ok := c.noArgs(); !ok {
				return st
			}
			for _, j := range c.S.jobs {
				c.printf("%s\n", c.S.jobLine(j))
			}
			c.S.jobs = slices.DeleteFunc(c.S.jobs, (*job).done) // told
			return 0
		},
	},
	{
		Name: "kill", Usage: "[-SIGNAL] PID|%JOB...", Group: groupProcess, Drives: true,
		Summary: text{"send a signal to a process or a job", "向进程或作业发送信号"},
		Help:    text{"Signals: INT (2), KILL (9), TERM (15, the default).", "信号:INT(2)、KILL(9)、TERM(15,默认)。"},
		Words:   func(s *Session, _ []string) []string { return s.jobWords() },
		Run:     runKill,
	},
	{
		Name: "wait", Usage: "[PID|%JOB]...", Group: groupProcess, Drives: true,
		Summary: text{"wait for what & has started, or for the jobs named", "等待 & 启动的命令或指定的作业结束"},
		Words:   func(s *Session, _ []string) []string { return s.jobWords() },
		Run:     runWait,
	},
	{
		Name: "fg", Usage: "[%JOB]", Group: groupProcess, Drives: true,
		Summary: text{"bring a job to the foreground", "把作业放到前台"},
		Words:   func(s *Session, _ []string) []string { return s.jobWords() },
		Run:     runFg,
	},
	{
		Name: "sleep", Usage: "SECONDS", Group: groupProcess, Drives: true,
		Summary: text{"let time pass (on a virtual clock at once); 0.5, 3m and 1h work", "让时间流逝(虚拟时钟下立即完成);支持 0.5、3m、1h"},
		Run: func(c *Cmd) int {
			if len(c.Args) != 1 {
				return c.usage("%s", c.msg("need"))
			}
			d, err := parseTime(c.Args[0])
			if err != nil {
				return c.usage("%s", c.msg("badTime", c.Args[0]))
			}
			return c.run(true, func(p *stack.Proc) int {
				if p.Sleep(d) != nil {
					return 128 + int(stack.SIGINT)
				}
				return 0
			})
		},
	},
}

// parseTime reads sleep's argument: seconds, or a number with s, m, h or d.
func parseTime(s string) (time.Duration, error) {
	unit := time.Second
	if n := len(s); n > 1 {
		switch s[n-1] {
		case 'm':
			unit = time.Minute
		case 'h':
			unit = time.Hour
		case 'd':
			unit = 24 * time.Hour
		}
		if unit != time.Second || s[n-1] == 's' {
			s = s[:n-1]
		}
		if strings.HasSuffix(s, "m") && unit == time.Second { // 5ms
			s, unit = strings.TrimSuffix(s, "m"), time.Millisecond
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0) || f*float64(unit) > float64(1<<62) {
		return 0, errors.New("bad time")
	}
	return time.Duration(f * float64(unit)), nil
}

func psFlags(kernel *bool) func(f *pflag.FlagSet) {
	return func(f *pflag.FlagSet) { f.BoolVarP(kernel, "kernel", "k", false, "kernel threads too") }
}

func runPs(c *Cmd) int {
	if len(c.Args) == 1 && slices.Contains([]string{"aux", "ax", "a", "-e", "-ef", "-A"}, c.Args[0]) {
		c.Args = []string{"-k"}
	}
	var kernel bool
	args, st, ok := c.flags(psFlags(&kernel))
	if !ok {
		return st
	}
	if len(args) > 0 {
		return c.usage("%s", c.msg("extra", args[0]))
	}
	c.printf("  PID  PPID STAT WCHAN                    COMMAND\n")
	for _, t := range c.S.m.Snapshot().Tasks {
		if t.Kernel && !kernel {
			continue
		}
		comm, waits := t.Comm, t.Waits
		if t.Kernel {
			comm = "[" + comm + "]"
		}
		if waits == "" {
			waits = "-"
		}
		c.printf("%5d %5d %-4s %-24s %s\n", t.Pid, t.PPid, t.State, waits, comm)
	}
	return 0
}

func (s *Session) jobWords() []string {
	var out []string
	for _, j := range s.jobs {
		out = append(out, "%"+strconv.Itoa(j.n))
	}
	for _, t := range s.m.Snapshot().Tasks {
		if !t.Kernel && t.Pid > 1 {
			out = append(out, strconv.Itoa(t.Pid))
		}
	}
	return out
}

var signals = map[string]stack.Signal{"INT": stack.SIGINT, "2": stack.SIGINT, "KILL": stack.SIGKILL, "9": stack.SIGKILL,
	"TERM": stack.SIGTERM, "15": stack.SIGTERM}

func runKill(c *Cmd) int {
	sig := stack.SIGTERM
	args := c.Args
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name := strings.TrimPrefix(args[0][1:], "SIG")
		if args[0] == "-l" {
			c.printf(" 2) SIGINT\t 9) SIGKILL\t15) SIGTERM\n")
			return 0
		}
		if args[0] == "-s" && len(args) > 1 {
			name = strings.TrimPrefix(args[1], "SIG")
			args = args[1:]
		}
		var ok bool
		if sig, ok = signals[strings.ToUpper(name)]; !ok {
			return c.usage("%s", c.msg("badSignal", args[0]))
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return c.usage("%s", c.msg("need"))
	}
	status := 0
	for _, a := range args {
		pid, err := strconv.Atoi(a)
		if strings.HasPrefix(a, "%") {
			j := c.S.findJob(a)
			switch {
			case j == nil:
				status = c.fail("%s", c.msg("noJob", a))
				continue
			case j.line != nil:
				j.line.interrupt()
				continue
			}
			pid = j.pid
		} else if err != nil {
			status = c.usage("%s", c.msg("badNumber", a))
			continue
		}
		switch err := c.S.m.Kill(pid, sig); {
		case errors.Is(err, stack.ESRCH):
			status = c.fail("%s", c.msg("noProcess", a))
		case err != nil:
			status = c.fail("%s", c.msg("notPermit", pid))
		}
	}
	return status
}

func runWait(c *Cmd) int {
	if len(c.Args) == 0 {
		for _, j := range slices.Clone(c.S.jobs) {
			if j.line != nil && !j.line.done && j.line != c.line {
				c.line.awaitLine(j.line)
			}
		}
		return 0
	}
	status := 0
	for _, a := range c.Args {
		j := c.S.findJob(a)
		if pid, err := strconv.Atoi(a); err == nil {
			j = nil
			for _, o := range c.S.jobs {
				if o.pid == pid {
					j = o
				}
			}
		}
		if j == nil {
			status = 127
			fmt.Fprintf(c.Err, "wait: %s\n", c.msg("noJob", a))
			continue
		}
		status = c.await(j)
	}
	return status
}

// await waits for a job in the foreground.
func (c *Cmd) await(j *job) int {
	if j.line != nil {
		if !j.line.done {
			c.line.awaitLine(j.line)
		}
		if !j.line.done {
			j.line.interrupt()
			return 130
		}
		return j.line.status
	}
	if !j.done() {
		c.line.awaitJobs(j.proc)
	}
	if !j.done() {
		return 130
	}
	return j.status()
}

func runFg(c *Cmd) int {
	spec := ""
	if len(c.Args) > 0 {
		spec = c.Args[0]
	}
	j := c.S.findJob(spec)
	if j == nil {
		return c.fail("%s", c.msg("noJob", spec))
	}
	c.printf("%s\n", j.text)
	return c.await(j)
}
