// The command table: a command costs one literal.

package debug

import (
	"fmt"
	"slices"
	"strings"
)

// group orders the help.
type group int

const (
	running group = iota
	breakpoints
	stackFrames
	data
	files
	support
	groups
)

// argKind says what Tab completes behind a command.
type argKind int

const (
	argNone argKind = iota
	argFunc
	argExpr
	argBreak // function, then "if" and an expression
	argNumber
	argCommand
)

// text is a sentence of our own, in the two languages.
type text struct{ en, zh string }

// command is one entry of the table. Names are complete; shorter forms are the
// listed aliases and every unambiguous prefix.
type command struct {
	names  string // the name, then its aliases
	usage  string
	group  group
	arg    argKind
	repeat repeat
	run    func(*Debugger, *call) error
	sub    []command
	help   text
}

// repeat says what an empty line after the command does.
type repeat int

const (
	repeatNo   repeat = iota
	repeatLine        // the same line again
	repeatWord        // the command without its arguments
)

func (c *command) name() string {
	name, _, _ := strings.Cut(c.names, " ")
	return name
}

// find looks a name up: a full name or alias wins, then a single prefix.
func find(table []command, name string) (*command, []string) {
	var found *command
	var names []string
	for i := range table {
		c := &table[i]
		all := strings.Fields(c.names)
		if slices.Contains(all, name) {
			return c, nil
		}
		if strings.HasPrefix(all[0], name) {
			found = c
			names = append(names, all[0])
		}
	}
	if len(names) == 1 {
		return found, nil
	}
	slices.Sort(names)
	return nil, names
}

// Knows reports whether name is one of the debugger's commands or a short form
// of one.
func (d *Debugger) Knows(name string) bool {
	cmd, _ := find(d.cmds, name)
	return cmd != nil
}

// lookup finds a command, through prefix commands such as info.
func (d *Debugger) lookup(name, args string) (*command, string, error) {
	table, prefix := d.cmds, ""
	for {
		cmd, names := find(table, name)
		if cmd == nil {
			return nil, "", undefined(prefix, name, names)
		}
		if len(cmd.sub) == 0 || args == "" {
			return cmd, args, nil
		}
		word, rest := splitWord(args)
		if sub, _ := find(cmd.sub, word); sub == nil && cmd.arg != argNone {
			return cmd, args, nil // delete 1, as against delete display 1
		}
		table, prefix = cmd.sub, prefix+cmd.name()+" "
		name, args = word, rest
	}
}

func undefined(prefix, name string, names []string) error {
	if len(names) > 1 {
		return fmt.Errorf("Ambiguous %scommand \"%s\": %s.", prefix, name, strings.Join(names, ", "))
	}
	if prefix == "set " {
		return noSymbol(name)
	}
	return fmt.Errorf("Undefined %scommand: \"%s\".  Try \"help%s\".", prefix, name, strings.TrimRight(" "+prefix, " "))
}

// repeatable is the line that an empty line stands for after this one.
func (d *Debugger) repeatable(line string) string {
	name, args := splitWord(line)
	cmd, _, err := d.lookup(name, args)
	if line == "" || err != nil || d.user[name] != nil {
		return ""
	}
	switch cmd.repeat {
	case repeatLine:
		return line
	case repeatWord:
		return cmd.name()
	}
	return ""
}

func commands() []command {
	return slices.Concat(runCommands(), breakCommands(), stackCommands(), dataCommands(),
		fileCommands(), supportCommands())
}

func runCommands() []command {
	return []command{
		{names: "continue c cont fg", usage: "continue [N]", group: running, repeat: repeatWord, run: (*Debugger).cmdContinue, help: text{
			"Let the machine go on to the next stop. With N, pass the breakpoint it stands at N-1 times more.",
			"让机器继续运行到下一次停下。带 N 时,再经过当前断点 N-1 次而不停。"}},
		{names: "step s stepi si", usage: "step [N]", group: running, repeat: repeatLine, run: (*Debugger).cmdStep, help: text{
			"Go on to the next function entry. menuos stops at entries, not at source lines.",
			"运行到下一个函数入口。menuos 停在函数入口,而不是源代码行。"}},
		{names: "next n nexti ni", usage: "next [N]", group: running, repeat: repeatLine, run: (*Debugger).cmdNext, help: text{
			"Go on to the next entry, in the same task, that is not deeper than this frame: step over the calls made here.",
			"运行到同一任务中不比当前帧更深的下一个函数入口,即越过此处发出的调用。"}},
		{names: "finish fin", usage: "finish", group: running, repeat: repeatLine, run: (*Debugger).cmdFinish, help: text{
			"Go on until the selected frame has returned: to the next entry, in the same task, that is shallower. Entries are seen, returns are not, so no value is shown.",
			"运行到所选帧返回之后:停在同一任务中更浅的下一个函数入口。只能看到入口,看不到返回,所以不显示返回值。"}},
		{names: "until u", usage: "until [FUNCTION]", group: running, arg: argFunc, repeat: repeatLine, run: (*Debugger).cmdUntil, help: text{
			"Go on to the entry of FUNCTION, or until this frame has returned. Without FUNCTION the same as next.",
			"运行到 FUNCTION 的入口,或当前帧返回为止。不带参数时与 next 相同。"}},
		{names: "advance", usage: "advance FUNCTION", group: running, arg: argFunc, run: (*Debugger).cmdAdvance, help: text{
			"Go on to the entry of FUNCTION, or until this frame has returned.",
			"运行到 FUNCTION 的入口,或当前帧返回为止。"}},
		{names: "target", usage: "target remote ADDRESS", group: running, run: (*Debugger).cmdTarget, help: text{
			"Accepted so that command files of the real laboratory run: the machine is already attached.",
			"为了兼容真实实验的命令文件而接受:机器已经连接。"}},
	}
}

func breakCommands() []command {
	return []command{
		{names: "break b br bre brea hbreak", usage: "break [FUNCTION | FILE:LINE] [if CONDITION]", group: breakpoints, arg: argBreak, run: (*Debugger).cmdBreak, help: text{
			"Stop where FUNCTION is entered. FILE:LINE must be the line at which a function is entered.",
			"在进入 FUNCTION 时停下。FILE:LINE 必须是某个函数入口所在的行。"}},
		{names: "tbreak tb tbr thbreak", usage: "tbreak FUNCTION [if CONDITION]", group: breakpoints, arg: argBreak, run: (*Debugger).cmdTbreak, help: text{
			"Set a breakpoint that is deleted when it is hit.",
			"设置一次性断点,命中后自动删除。"}},
		{names: "delete d del", usage: "delete [N | N-M]...", group: breakpoints, arg: argNumber, run: (*Debugger).cmdDelete, help: text{
			"Delete breakpoints, all of them without numbers. Asks nothing.",
			"删除断点;不带编号时删除全部。不会询问。"},
			sub: []command{
				{names: "breakpoints br b", usage: "delete breakpoints [N]...", arg: argNumber, run: (*Debugger).cmdDelete, help: text{"Delete breakpoints.", "删除断点。"}},
				{names: "display", usage: "delete display [N]...", run: (*Debugger).cmdUndisplay, help: text{"Cancel displays.", "取消自动显示。"}},
			}},
		{names: "disable dis disa", usage: "disable [N]...", group: breakpoints, arg: argNumber, run: (*Debugger).cmdDisable, help: text{
			"Disable breakpoints; they stay in the list.",
			"禁用断点,但仍保留在列表中。"},
			sub: []command{{names: "breakpoints", usage: "disable breakpoints [N]...", arg: argNumber, run: (*Debugger).cmdDisable, help: text{"Disable breakpoints.", "禁用断点。"}}}},
		{names: "enable en", usage: "enable [once | delete] [N]...", group: breakpoints, arg: argNumber, run: (*Debugger).cmdEnable, help: text{
			"Enable breakpoints; \"once\" disables them again at the next hit, \"delete\" deletes them then.",
			"启用断点;once 在下次命中后再禁用,delete 则在那时删除。"},
			sub: []command{{names: "breakpoints", usage: "enable breakpoints [N]...", arg: argNumber, run: (*Debugger).cmdEnable, help: text{"Enable breakpoints.", "启用断点。"}}}},
		{names: "clear cl", usage: "clear [FUNCTION]", group: breakpoints, arg: argFunc, run: (*Debugger).cmdClear, help: text{
			"Delete the breakpoints at FUNCTION, or at the selected frame's function.",
			"删除 FUNCTION(或所选帧的函数)处的断点。"}},
		{names: "condition", usage: "condition N [EXPRESSION]", group: breakpoints, arg: argNumber, run: (*Debugger).cmdCondition, help: text{
			"Let breakpoint N stop only if EXPRESSION is true; without one, always.",
			"仅当 EXPRESSION 为真时断点 N 才停下;不带表达式则总是停下。"}},
		{names: "ignore", usage: "ignore N COUNT", group: breakpoints, arg: argNumber, run: (*Debugger).cmdIgnore, help: text{
			"Pass breakpoint N COUNT times before it stops again.",
			"经过断点 N 共 COUNT 次之后才再次停下。"}},
		{names: "commands", usage: "commands [N]...", group: breakpoints, arg: argNumber, run: (*Debugger).cmdCommands, help: text{
			"Give the commands, one a line up to \"end\", that run when breakpoint N stops the machine. A first line \"silent\" leaves the stop itself unprinted.",
			"输入断点 N 停下时要执行的命令,每行一条,以 end 结束。首行写 silent 则不打印停下的位置。"}},
	}
}
