package tui

// wordsUI are the sentences of the screen itself.
var wordsUI = map[string]text{
	"pane.1":  {"MenuOS", "MenuOS"},
	"pane.2":  {"(gdb)", "(gdb)"},
	"pane.3":  {"Sockets", "套接字"},
	"pane.4":  {"Queues", "队列"},
	"pane.5":  {"Timers", "定时器"},
	"pane.6":  {"Steps", "步骤"},
	"pane.7":  {"Backtrace", "调用栈"},
	"pane.8":  {"Ladder", "时序图"},
	"pane.9":  {"Counters", "计数器"},
	"pane.10": {"Help", "帮助"},

	"first": {"Type replyhi, then hello: a TCP server, its client.\n" +
		"gdb b tcp_v4_rcv stops at each segment; F5 goes on.\n" +
		"F1 help, Esc to the panes, F9 F10 walk the steps.",
		"输入 replyhi,再输入 hello:TCP 服务器和客户端。\n" +
			"gdb b tcp_v4_rcv 停在每个报文段;F5 继续。\n" +
			"F1 帮助,Esc 到窗格,F9 F10 浏览步骤。"},
	"first.gdb": {"Attached. Try b tcp_v4_rcv, then hello at MenuOS>>.",
		"已连接。试试 b tcp_v4_rcv,再在 MenuOS>> 输入 hello。"},

	"tiny":        {"menuos needs 60x16 for its panes; this is %dx%d", "menuos 的窗格需要 60x16;现在是 %dx%d"},
	"toosmall":    {"The screen needs 60x16; this terminal is %dx%d. Here is the line mode (menuos --plain).", "屏幕模式需要 60x16;这个终端是 %dx%d。以下是行模式(menuos --plain)。"},
	"output.lost": {"(%d bytes of output came too fast and are not kept)", "(有 %d 字节输出来得太快,没有保留)"},
	"norecord":    {"no step there: the record begins with the first event", "那里没有步骤:记录从第一个事件开始"},
	"nothing":     {"nothing in the machine is going to happen", "机器中不会再发生任何事情"},
	"theme":       {"theme: %s", "主题:%s"},
	"speed":       {"speed: %s", "速度:%s"},
	"speed.max":   {"no waiting", "不等待"},
	"copied":      {"%d lines copied", "已复制 %d 行"},
	"search":      {"search: ", "搜索:"},
	"breakat":     {"break at: ", "断点位置:"},
	"notfound":    {"not found: %s", "没有找到:%s"},
	"nosource":    {"%s models no function of Linux: there is no source to show", "%s 不对应 Linux 函数:没有源代码可显示"},
	"leave":       {"Leave menuos?", "退出 menuos?"},
	"leave.yes":   {"leave", "退出"},
	"leave.no":    {"stay", "留下"},

	"status.running": {"RUNNING", "运行"},
	"status.paused":  {"PAUSED", "暂停"},
	"status.stopped": {"STOPPED", "停止"},
	"status.waiting": {"WAITING", "等待"},
	"status.past":    {"PAST", "过去"},
	"status.at":      {"at %s in %s (%s)", "于 %s,%s(%s)"},
	"status.step":    {"step %d of %d", "第 %d 步,共 %d 步"},
	"status.up":      {"up %.6f s", "已运行 %.6f s"},
	"status.end":     {"End: live", "End:实时"},
}
