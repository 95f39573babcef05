package shell

import (
	"fmt"

	"mvdan.cc/sh/v3/interp"

	"menuos/stack/debug"
)

var shellCommands = []*Command{
	{
		Name: "history", Usage: "[N]", Group: groupShell,
		Summary: text{"list the lines that were typed", "列出输入过的命令"},
		Run: func(c *Cmd) int {
			from := 0
			if len(c.Args) > 0 {
				n := 0
				if _, err := fmt.Sscanf(c.Args[0], "%d", &n); err != nil || n < 0 {
					return c.usage("%s", c.msg("badNumber", c.Args[0]))
				}
				from = max(0, len(c.S.history)-n)
			}
			for i, l := range c.S.history[from:] {
				c.printf("%5d  %s\n", from+i+1, l)
			}
			return 0
		},
	},
	{
		Name: "clear", Group: groupShell,
		Summary: text{"clear the screen", "清屏"},
		Run: func(c *Cmd) int {
			if st, ok := c.noArgs(); !ok {
				return st
			}
			c.printf("\x1b[H\x1b[2J\x1b[3J")
			return 0
		},
	},
	{
		Name: "gdb", Usage: "[COMMAND]", Group: groupShell,
		Summary: text{"the debugger: gdb b tcp_v4_rcv; gdb alone opens its prompt", "调试器:gdb b tcp_v4_rcv;单独输入 gdb 进入其提示符"},
		Help: text{"A line that begins with gdb goes to the debugger as it is. A breakpoint holds the machine, its clock included;\nthe prompt goes on, and `gdb c` lets the machine go on. `gdb help` lists the debugger's commands.",
			"以 gdb 开头的行原样交给调试器。断点会停住整台机器(包括时钟);\n提示符仍可使用,gdb c 让机器继续。gdb help 列出调试器命令。"},
		Run: func(c *Cmd) int { // not at the start of a line: inside a loop, behind &&
			line := ""
			for i, a := range c.Args {
				if i > 0 {
					line += " "
				}
				line += a
			}
			var act debug.Action
			var err error
			c.S.m.Still(func() { act, err = c.S.dbg.Exec(line, c.Out) })
			switch {
			case err != nil:
				fmt.Fprintln(c.Err, err)
				return 1
			case resumes(act):
				c.line.awaitSettled()
			}
			return 0
		},
	},
}

// timed is "time COMMAND": what the command took of the machine's time.
func (s *Session) timed(l *line, hc interp.HandlerContext, args []string) int {
	if args[0] == wordTimeStart {
		l.timer = s.m.Now()
		return 0
	}
	d := s.m.Now() - l.timer
	fmt.Fprintf(hc.Stderr, "\nreal\t%dm%.3fs\n", int(d.Minutes()), d.Seconds()-60*float64(int(d.Minutes())))
	status := 0
	fmt.Sscanf(args[1], "%d", &status)
	return status
}
