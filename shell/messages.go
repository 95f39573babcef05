package shell

import (
	"errors"
	"fmt"
	"io/fs"

	"menuos/stack"
)

// messages are our own words on screen. What Linux's tools, gdb and the
// laboratory say stays theirs.
var messages = map[string]text{
	"usage":        {"Usage: %s", "用法:%s"},
	"extra":        {"unexpected argument %q", "多余的参数 %q"},
	"didYouMean":   {"Did you mean: %s?", "您是不是想输入:%s?"},
	"tryHelp":      {"Type help for the list of commands.", "输入 help 查看命令列表。"},
	"gdbKnows":     {"%[1]s is the debugger's: gdb %[1]s does it here, gdb alone opens its prompt.", "%[1]s 是调试器的命令:在这里输入 gdb %[1]s,或单独输入 gdb 进入其提示符。"},
	"syntax":       {"syntax error: %s", "语法错误:%s"},
	"unfinished":   {"syntax error: the last command is not complete", "语法错误:最后一条命令不完整"},
	"noCoproc":     {"coproc is not available", "不支持 coproc"},
	"noProcSubst":  {"process substitution is not available; use a file", "不支持进程替换;请使用文件"},
	"held":         {"the machine is stopped at %s; `gdb c` lets it go on", "机器停在 %s;输入 gdb c 让它继续"},
	"gdbQuit":      {"The debugger stays; breakpoints are where they were (gdb delete removes them).", "调试器仍在;断点保持不变(gdb delete 可删除)。"},
	"atGdb":        {"%s is a command of MenuOS: c (or quit) goes back to its prompt.", "%s 是 MenuOS 的命令:输入 c(或 quit)回到它的提示符。"},
	"heldHere":     {"(the machine is stopped at %s; `gdb c`, or c at the (gdb) prompt, lets it go on)", "(机器停在 %s;输入 gdb c,或在 (gdb) 提示符下输入 c,让它继续)"},
	"atGdbScreen":  {"%s is a command of MenuOS: type it at MenuOS's prompt.", "%s 是 MenuOS 的命令:请在 MenuOS 提示符下输入。"},
	"waitsAccept":  {"accept on %s", "%s 上的 accept"},
	"waitsSynAck":  {"SYN-ACK from %s", "%s 的 SYN-ACK"},
	"waitsSynAcks": {"SYN-ACK from %s (SYN sent %d times)", "%s 的 SYN-ACK(SYN 已发送 %d 次)"},
	"waitsRecv":    {"recv from %s", "来自 %s 的数据(recv)"},
	"waitsRecvOn":  {"recv on %s", "%s 上的数据(recv)"},
	"waitsSend":    {"send to %s (%d bytes are queued)", "向 %s 发送(send,队列中有 %d 字节)"},
	"waitsSleep":   {"sleep %s", "sleep %s"},
	"stuck":        {"waits for something that nothing in the machine can bring about", "等待的事情在机器中不可能发生"},
	"stuckAccept":  {"waits in accept for a connection that nobody makes", "在 accept 中等待连接,但没有人会发起连接"},
	"stuckRecv":    {"waits in recv for data that nobody sends", "在 recv 中等待数据,但没有人会发送"},
	"noCommand":    {"no such command: %s", "没有这个命令:%s"},
	"extras":       {"Also here (help NAME tells more; `gdb help` lists the debugger's commands):", "其他命令(help 命令名 查看详情;gdb help 列出调试器命令):"},
	"alsoKnown":    {"The shell's own: echo printf test true false read set unset eval source; | ; & && || > >> < $? and loops work.", "外壳自带:echo printf test true false read set unset eval source;支持 | ; & && || > >> < $? 和循环。"},
	"bindUse":      {"%s: 127.0.0.1:%d is taken (EADDRINUSE)", "%s:127.0.0.1:%d 已被占用(EADDRINUSE)"},
	"bindHolder":   {"  held by %s (pid %d, %s): the service runs already; type hello, or kill %d", "  占用者:%s(pid %d,%s):服务已在运行;请输入 hello,或 kill %d"},
	"bindTw":       {"  a connection to %s is in %s for another %s; without SO_REUSEADDR the port is free only then (`sleep %d`, then again)", "  与 %s 的连接还处于 %s 状态,剩余 %s;没有 SO_REUSEADDR 时要等它结束(先 sleep %d 再试)"},
	"refused":      {"%s: %s: %s (%s)", "%s:%s:%s(%s)"},
	"hintReplyhi":  {"  nobody listens on %s: type replyhi first", "  %s 上没有服务:请先输入 replyhi"},
	"hintLo":       {"  is the interface up? ifconfig lo 127.0.0.1 up", "  接口是否已启动?ifconfig lo 127.0.0.1 up"},
	"hintTimeout":  {"  no answer came: every SYN was lost", "  没有任何应答:所有 SYN 都丢失了"},
	"pingFour":     {"(on a virtual clock ping stops after 4 packets; -c changes that)", "(虚拟时钟下 ping 发送 4 个包后停止;可用 -c 修改)"},
	"noProcess":    {"(%s) - No such process", "(%s) - 没有这个进程"},
	"noJob":        {"%s: no such job", "%s:没有这个作业"},
	"notPermit":    {"(%d) - Operation not permitted", "(%d) - 不允许的操作"},
	"badSignal":    {"unknown signal %s; known are INT, KILL and TERM", "未知信号 %s;可用 INT、KILL、TERM"},
	"badNumber":    {"not a number: %q", "不是数字:%q"},
	"badTime":      {"invalid time interval %q", "无效的时间间隔 %q"},
	"badAddr":      {"not an IPv4 address: %q", "不是 IPv4 地址:%q"},
	"badState":     {"unknown state %q; known are %s", "未知状态 %q;可用:%s"},
	"badFilter":    {"cannot understand the filter at %q", "无法理解过滤条件 %q"},
	"needArg":      {"%s needs an argument", "%s 需要一个参数"},
	"need":         {"an argument is missing", "缺少参数"},
	"arpConflicts": {"Conflicts: %d (another station claims an address of this machine)", "冲突:%d(另一台主机声称拥有本机的地址)"},
	"what":         {"unknown: %q", "未知:%q"},
	"known":        {"known are %s", "可用:%s"},
	"nothing":      {"(none)", "(无)"},
	"models":       {"menuos %s: the TCP/IP stack of Linux %s in the laboratory's MenuOS V1.0", "menuos %s:实验室 MenuOS V1.0 中的 Linux %s TCP/IP 协议栈"},
	"udpWait":      {"UDP_Server runs behind the prompt; send it something with UDP_Client", "UDP_Server 在后台运行;用 UDP_Client 发送数据"},
	"noStop":       {"The machine is not stopped.", "机器没有停下。"},
	"noSteps":      {"nothing is recorded yet: type `show steps on`, then what you want to see (`hello`), then `show steps` or `show ladder`", "还没有记录:先输入 show steps on,再运行要观察的命令(如 hello),然后 show steps 或 show ladder"},
	"stepsOn":      {"recording steps", "开始记录步骤"},
	"stepsLost":    {"(%d earlier steps were lost)", "(丢失了之前的 %d 个步骤)"},
	"stepsGone":    {"(the first %d steps are not kept any more)", "(最早的 %d 个步骤已不再保留)"},
	"notFor":       {"that option is not for %s", "该选项不适用于 %s"},
	"noLadder":     {"(no packets among the recorded steps)", "(记录的步骤中没有包)"},
	"ladderAgain":  {"! sent again", "! 重传"},
	"ladderLost":   {"x lost", "x 丢失"},
	"ladderOpen":   {"? no answer so far", "? 尚无应答"},
	"btStep":       {"bt NUMBER gives the backtrace of a step that show steps lists", "bt 编号 显示 show steps 列出的某一步的调用栈"},
	"noStep":       {"there is no step %d: nothing has happened yet", "没有第 %d 步:还没有发生任何事"},
	"noProgram":    {"strace: %s runs no program in the machine", "strace:%s 不在机器中运行程序"},
	"curlHTTPS":    {"  the machine has no TLS: use http://", "  机器没有 TLS:请使用 http://"},
	"tcQdiscOnly":  {"%s is not here: tc knows qdiscs only, without classes and filters", "%s 不可用:tc 只支持 qdisc,没有 class 和 filter"},
	"tcNotHere":    {"tc: %s is not here", "tc:%s 不可用"},
	"noStepOf":     {"there is no step %d; the record has %d to %d", "没有第 %d 步;记录中有 %d 到 %d"},
}

// msg is a sentence in the session's language.
func (s *Session) msg(key string, args ...any) string { return message(s.cfg.Lang, key, args...) }

func message(lang, key string, args ...any) string {
	m, ok := messages[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return m.in(lang)
	}
	return fmt.Sprintf(m.in(lang), args...)
}

// reason is an error in a few words, without the path that it concerns.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "No such file or directory"
	case errors.Is(err, fs.ErrPermission):
		return "Permission denied"
	}
	return err.Error()
}

// errnoName is the symbolic name of a system call's error.
func errnoName(err error) string {
	var e stack.Errno
	if errors.As(err, &e) {
		return e.Name()
	}
	return err.Error()
}
