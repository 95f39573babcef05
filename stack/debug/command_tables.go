// The command table, second part.

package debug

func stackCommands() []command {
	return []command{
		{names: "backtrace bt where", usage: "backtrace [full] [N | -N]", group: stackFrames, repeat: repeatLine, run: (*Debugger).cmdBacktrace, help: text{
			"Print the chain of functions that is executing: all frames, the innermost N, or the outermost N. \"full\" adds the locals. A name in [brackets] models no Linux function.",
			"打印正在执行的函数调用链:全部、最内 N 层,或最外 N 层;full 同时显示局部变量。[方括号] 中的名字不对应任何 Linux 函数。"}},
		{names: "frame f", usage: "frame [N]", group: stackFrames, run: (*Debugger).cmdFrame, help: text{
			"Select and print frame N, or print the selected one.",
			"选择并打印第 N 帧;不带参数则打印所选帧。"}},
		{names: "up", usage: "up [N]", group: stackFrames, repeat: repeatLine, run: (*Debugger).cmdUp, help: text{
			"Select the caller's frame.", "选择调用者的帧。"}},
		{names: "down dow", usage: "down [N]", group: stackFrames, repeat: repeatLine, run: (*Debugger).cmdDown, help: text{
			"Select the callee's frame.", "选择被调用者的帧。"}},
		{names: "list l", usage: "list [FUNCTION | N | N,M | -]", group: stackFrames, arg: argFunc, repeat: repeatWord, run: (*Debugger).cmdList, help: text{
			"Show ten lines of menuos's own Go source around the selected frame, then the ten after them.",
			"显示所选帧附近十行 menuos 自己的 Go 源代码,再次执行显示后面十行。"}},
	}
}

func dataCommands() []command {
	return []command{
		{names: "print p inspect call", usage: "print[/FORMAT] [EXPRESSION]", group: data, arg: argExpr, repeat: repeatLine, run: (*Debugger).cmdPrint, help: text{
			"Print a value and keep it as $N. FORMAT: x hex, d signed, u unsigned, o octal, t binary, c character, a address, z padded hex. Known are arguments and locals, C's operators, ->, casts, tcp_sk(sk), inet_csk(sk), inet_sk(sk), tcp_hdr(skb), ip_hdr(skb), the TCP states by name, jiffies, $ and $N.",
			"打印一个值并存为 $N。格式:x 十六进制,d 有符号,u 无符号,o 八进制,t 二进制,c 字符,a 地址,z 补零十六进制。可用:参数和局部变量、C 运算符、->、类型转换、tcp_sk(sk)、inet_csk(sk)、inet_sk(sk)、tcp_hdr(skb)、ip_hdr(skb)、TCP 状态名、jiffies、$ 和 $N。"}},
		{names: "output", usage: "output[/FORMAT] EXPRESSION", group: data, arg: argExpr, run: (*Debugger).cmdOutput, help: text{
			"Print a value and nothing else.", "只打印值本身。"}},
		{names: "display disp", usage: "display[/FORMAT] [EXPRESSION]", group: data, arg: argExpr, repeat: repeatWord, run: (*Debugger).cmdDisplay, help: text{
			"Print EXPRESSION now and at each stop.", "现在以及每次停下时打印 EXPRESSION。"}},
		{names: "undisplay", usage: "undisplay [N]...", group: data, run: (*Debugger).cmdUndisplay, help: text{
			"Cancel displays, all of them without numbers.", "取消自动显示;不带编号时取消全部。"}},
		{names: "printf", usage: "printf \"FORMAT\", EXPRESSION...", group: data, arg: argExpr, run: (*Debugger).cmdPrintf, help: text{
			"Print values as C's printf does.", "像 C 的 printf 一样打印。"}},
		{names: "echo", usage: "echo TEXT", group: data, run: (*Debugger).cmdEcho, help: text{
			"Print TEXT; \\n is a new line.", "打印 TEXT;\\n 表示换行。"}},
		{names: "whatis", usage: "whatis EXPRESSION", group: data, arg: argExpr, run: (*Debugger).cmdWhatis, help: text{
			"Print the type of an expression.", "打印表达式的类型。"}},
		{names: "ptype pt", usage: "ptype EXPRESSION", group: data, arg: argExpr, run: (*Debugger).cmdPtype, help: text{
			"Print the type of an expression with its fields.", "打印表达式的类型及其字段。"}},
		{names: "info i inf", usage: "info SUBJECT", group: data, run: (*Debugger).cmdSubs, help: text{
			"Show something about the machine or the debugger.", "显示机器或调试器的信息。"},
			sub: infoCommands()},
	}
}

func infoCommands() []command {
	return []command{
		{names: "breakpoints b", usage: "info breakpoints [N]...", arg: argNumber, run: (*Debugger).infoBreakpoints, help: text{
			"The breakpoints, their conditions, hits and commands.", "断点及其条件、命中次数和命令。"}},
		{names: "frame f", usage: "info frame", run: (*Debugger).infoFrame, help: text{
			"The selected frame.", "所选的帧。"}},
		{names: "args", usage: "info args", run: (*Debugger).infoArgs, help: text{
			"The arguments of the selected frame.", "所选帧的参数。"}},
		{names: "locals lo", usage: "info locals", run: (*Debugger).infoLocals, help: text{
			"The locals of the selected frame that menuos knows.", "所选帧中 menuos 知道的局部变量。"}},
		{names: "display", usage: "info display", run: (*Debugger).infoDisplay, help: text{
			"The expressions printed at each stop.", "每次停下时打印的表达式。"}},
		{names: "symbol sy", usage: "info symbol ADDRESS", arg: argExpr, run: (*Debugger).infoSymbol, help: text{
			"The function at an address.", "某地址处的函数。"}},
		{names: "address", usage: "info address FUNCTION", arg: argFunc, run: (*Debugger).infoAddress, help: text{
			"The address of a function.", "函数的地址。"}},
		{names: "line", usage: "info line FUNCTION", arg: argFunc, run: (*Debugger).infoLine, help: text{
			"The file, line and address of a function.", "函数的文件、行号和地址。"}},
		{names: "functions fu", usage: "info functions [REGEXP]", arg: argFunc, run: (*Debugger).infoFunctions, help: text{
			"The modelled functions, by file.", "已建模的函数,按文件列出。"}},
		{names: "stack s", usage: "info stack [N]", run: (*Debugger).cmdBacktrace, help: text{
			"The backtrace.", "调用链。"}},
	}
}

func fileCommands() []command {
	return []command{
		{names: "source", usage: "source FILE", group: files, run: (*Debugger).cmdSource, help: text{
			"Run the commands in FILE. After continue, the rest of the file runs at the next stop.",
			"执行 FILE 中的命令。遇到 continue 后,其余部分在下一次停下时执行。"}},
		{names: "file", usage: "file NAME", group: files, run: (*Debugger).cmdFile, help: text{
			"Accepted so that command files of the real laboratory run: the symbols are built in.",
			"为了兼容真实实验的命令文件而接受:符号已经内置。"}},
		{names: "symbol-file add-symbol-file", usage: "symbol-file NAME", group: files, run: (*Debugger).cmdFile, help: text{
			"The same as file.", "与 file 相同。"}},
	}
}

func supportCommands() []command {
	return []command{
		{names: "help h", usage: "help [COMMAND]", group: support, arg: argCommand, run: (*Debugger).cmdHelp, help: text{
			"Print the commands, or what one of them does.", "列出命令,或说明某个命令。"}},
		{names: "set", usage: "set SETTING VALUE", group: support, run: (*Debugger).cmdSet, help: text{
			"Change a setting, or a variable of the debugger: set $n = 3.", "修改设置,或调试器变量:set $n = 3。"}},
		{names: "show", usage: "show SETTING", group: support, run: (*Debugger).cmdShow, help: text{
			"Show a setting.", "显示一项设置。"}},
		{names: "define", usage: "define NAME", group: support, run: (*Debugger).cmdDefine, help: text{
			"Define a command: its lines follow, up to \"end\"; $arg0 … and $argc stand for its arguments.",
			"定义一个命令:随后输入各行,以 end 结束;$arg0 … 和 $argc 代表参数。"}},
		{names: "document", usage: "document NAME", group: support, run: (*Debugger).cmdDocument, help: text{
			"Document a defined command: the text follows, up to \"end\".", "为自定义命令写说明,以 end 结束。"}},
		{names: "if", usage: "if EXPRESSION", group: support, arg: argExpr, run: (*Debugger).cmdBlock, help: text{
			"Run the lines up to \"else\" or \"end\" if EXPRESSION is true.", "EXPRESSION 为真时执行到 else 或 end 为止的各行。"}},
		{names: "while", usage: "while EXPRESSION", group: support, arg: argExpr, run: (*Debugger).cmdBlock, help: text{
			"Run the lines up to \"end\" as long as EXPRESSION is true.", "EXPRESSION 为真时反复执行到 end 为止的各行。"}},
		{names: "complete", usage: "complete TEXT", group: support, run: (*Debugger).cmdComplete, help: text{
			"List what Tab would make of TEXT.", "列出 Tab 键对 TEXT 的补全。"}},
		{names: "silent", usage: "silent", group: support, run: (*Debugger).cmdSilent, help: text{
			"As the first line of a breakpoint's commands: do not print the stop.", "作为断点命令的首行:不打印停下的位置。"}},
		{names: "quit q exit", usage: "quit", group: support, run: (*Debugger).cmdQuit, help: text{
			"Leave the debugger.", "退出调试器。"}},
	}
}
