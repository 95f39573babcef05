// Our own words, in two languages. What gdb itself says stays gdb's.

package debug

import "fmt"

var messages = map[string]text{
	"running": {"RUNNING", "运行中"},
	"stopped": {"STOPPED at %s in %s of %s (pid %d)", "停在 %s,上下文 %s,任务 %s(pid %d)"},
	"notRunning": {
		"The machine is running: it stops when a command enters a function that has an enabled breakpoint. Set one (b tcp_v4_rcv), then run a command that gets there (replyhi, hello).",
		"机器正在运行:当某个命令进入设有已启用断点的函数时才会停下。请先设置断点(b tcp_v4_rcv),再执行会到达那里的命令(replyhi、hello)。"},
	"noBreaks": {
		"There is no enabled breakpoint, so nothing will stop it.",
		"没有已启用的断点,所以不会停下。"},
	"booted": {
		"%s runs while the machine boots, and this one has booted already: nothing will stop there. No breakpoint is set.",
		"%s 在启动期间运行,而这台机器已经启动完毕:不会再停在那里。没有设置断点。"},
	"alias": {
		"%s is %s in this kernel.",
		"在这个内核中,%s 就是 %s。"},
	"didYouMean": {"Did you mean: %s?", "您是不是想输入:%s?"},
	"entriesOnly": {
		"menuos stops where a function is entered; the nearest such lines are %s.",
		"menuos 只停在函数入口;最近的入口行是 %s。"},
	"noAddress": {
		"menuos stops where a function is entered: give its name instead of an address.",
		"menuos 只停在函数入口:请给出函数名,而不是地址。"},
	"attached": {"The machine is already attached.", "机器已经连接。"},
	"builtin":  {"The symbols are built in; %s is not read.", "符号已经内置,不读取 %s。"},
	"readOnly": {
		"The machine's memory is read-only here; only $variables of the debugger can be set.",
		"这里不能修改机器的内存;只能设置调试器的 $变量。"},
	"noConvert": {"menuos cannot see %s as %s.", "menuos 不能把 %s 看作 %s。"},
	"noSize":    {"The size of %s in Linux is not modelled.", "没有为 %s 在 Linux 中的大小建模。"},
	"goSource":  {"(menuos's own source, not Linux's: %s)", "(menuos 自己的源代码,而非 Linux 的:%s)"},
	"noSource":  {"There is no source for %s.", "没有 %s 的源代码。"},
	"loop":      {"while: more than %d rounds without a stop.", "while:循环超过 %d 次仍未停下。"},
	"unfinished": {
		"\"%s\" is not closed by a line saying just \"end\".",
		"“%s”没有以单独一行 end 结束。"},
	"group0":    {"Running the machine", "运行机器"},
	"group1":    {"Breakpoints", "断点"},
	"group2":    {"The stack", "调用栈"},
	"group3":    {"Data", "数据"},
	"group4":    {"Files", "文件"},
	"group5":    {"Support", "其他"},
	"helpIntro": {"The commands are gdb's. The machine stops at function entries.", "命令与 gdb 相同。机器停在函数入口。"},
	"helpMore": {
		"Type \"help\" and a command's name for more. Unambiguous abbreviations do; an empty line repeats.",
		"输入 help 加命令名查看详情。无歧义的缩写均可;空行重复上一条命令。"},
	"usage":   {"Usage: %s", "用法:%s"},
	"aliases": {"Also: %s", "别名:%s"},
}

// msg is a sentence in the debugger's language.
func (d *Debugger) msg(key string, args ...any) string {
	m, ok := messages[key]
	if !ok {
		return key
	}
	return fmt.Sprintf(d.pick(m), args...)
}

func (d *Debugger) pick(t text) string { return t.in(d.Lang) }

func (t text) in(lang string) string {
	if lang == "zh" && t.zh != "" {
		return t.zh
	}
	return t.en
}
