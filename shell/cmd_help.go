package shell

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

var helpCommand = &Command{
	Name:    "help",
	Usage:   "[COMMAND | lab-bugs]",
	Summary: text{"Menu List:", ""},
	Help: text{"Lists the commands; with a name it tells of one. help lab-bugs lists the laboratory's mistakes that are mended here.",
		"列出命令;给出命令名则显示其说明。help lab-bugs 列出实验室程序中已修正的错误。"},
	Group: groupLab,
	Words: func(s *Session, args []string) []string { return append(s.cmds.names(), "lab-bugs") },
}

func init() { helpCommand.Run = runHelp } // the table holds help, and help the table

func runHelp(c *Cmd) int {
	switch {
	case len(c.Args) > 1:
		return c.usage("%s", c.msg("extra", c.Args[1]))
	case len(c.Args) == 1 && c.Args[0] == "lab-bugs":
		for i, bug := range labBugs {
			c.printf("%2d. %s\n", i+1, bug.in(c.S.cfg.Lang))
		}
		return 0
	case len(c.Args) == 1:
		cmd := c.S.cmds.byName[c.Args[0]]
		if cmd == nil {
			near := nearest(c.Args[0], c.S.cmds.names())
			st := c.fail("%s", c.msg("noCommand", c.Args[0]))
			if len(near) > 0 {
				fmt.Fprintln(c.Err, c.msg("didYouMean", strings.Join(near, ", ")))
			}
			return st
		}
		c.S.helpOn(c.Out, cmd)
		return 0
	}
	for _, cmd := range labCommands {
		c.printf("%s - %s\n", cmd.Name, cmd.Summary.in(c.S.cfg.Lang))
	}
	if c.S.cfg.Faithful {
		return 0
	}
	c.printf("\n%s\n", c.msg("extras"))
	for g := groupProcess; g <= groupShell; g++ {
		c.printf("\n%s\n", groups[g].in(c.S.cfg.Lang))
		for _, cmd := range c.S.cmds.all {
			if cmd.Group == g && !cmd.Hidden {
				c.printf("%s - %s\n", cmd.Name, cmd.Summary.in(c.S.cfg.Lang))
			}
		}
	}
	c.printf("\n%s\n", c.msg("alsoKnown"))
	return 0
}

// helpOn tells of one command.
func (s *Session) helpOn(w io.Writer, cmd *Command) {
	fmt.Fprintf(w, "%s - %s\n", cmd.Name, cmd.Summary.in(s.cfg.Lang))
	fmt.Fprintln(w, s.msg("usage", strings.TrimSpace(cmd.Name+" "+cmd.Usage)))
	if h := cmd.Help.in(s.cfg.Lang); h != "" {
		fmt.Fprintln(w, h)
	}
	if cmd.Flags != nil {
		f := pflag.NewFlagSet(cmd.Name, pflag.ContinueOnError)
		f.SortFlags = false
		cmd.Flags(f)
		fmt.Fprint(w, f.FlagUsages())
	}
}

// labBugs are the mistakes in the laboratory's program that are mended.
var labBugs = []text{
	{"version does nothing (its handler is NULL). Here it prints the version.", "version 什么也不做(处理函数为 NULL)。这里会打印版本。"},
	{"quit does not quit (its handler is empty). Here it does, and so does the end of input, at which the laboratory spins for ever.", "quit 不退出(处理函数为空)。这里会退出;输入结束时也会退出,而实验室程序会死循环。"},
	{"A command with arguments keeps its line feed, so its last argument never matches. Here it is cut.", "带参数的命令保留换行符,最后一个参数因此无法匹配。这里已去掉。"},
	{"An empty line is a wrong command. Here it is nothing.", "空行被当作错误命令。这里忽略空行。"},
	{"hello prints that it sent \"hi\", to an address that was never filled in. Here it prints what it sent, and to whom.", "hello 打印发送了 \"hi\",且地址从未填写。这里打印真实的数据和对端。"},
	{"After Bind Error the child prints \"Reply hi TCP Service Started!\" and falls back into the menu, so two menus read one terminal. Here it ends.", "Bind Error 之后子进程打印 \"Reply hi TCP Service Started!\" 并回到菜单,两个菜单同时读取一个终端。这里子进程直接结束。"},
	{"A connection that cannot be made leaves its socket open. Here it is closed.", "连接失败后套接字没有关闭。这里会关闭。"},
	{"recv may fill the whole buffer and leave no room for the end of the string. Here lengths are kept.", "recv 可能填满缓冲区,没有空间放字符串结束符。这里使用长度。"},
	{"time prints the month from 0. Here March is 3.", "time 打印的月份从 0 开始。这里三月是 3。"},
	{"The errors name a file and a line, not what went wrong. Here they name the error and what to do.", "错误信息只有文件和行号。这里还说明原因和解决办法。"},
	{"listen(1024) is cut to 128 by net.core.somaxconn: ss shows 128, as the kernel does.", "listen(1024) 被 net.core.somaxconn 限制为 128:ss 与内核一样显示 128。"},
}
