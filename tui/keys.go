// The keys: one table, from which the help, the hints, the palette and the
// README's list are made.

package tui

import "slices"

// action is what a key or a command of the palette does.
type action int

const (
	actNone action = iota

	// Anywhere.
	actHelp
	actPalette
	actLanguage
	actTheme
	actFocusNext
	actFocusPrev
	actFocusPane // by number: actFocusPane+n, 1 to 10
	_
	_
	_
	_
	_
	_
	_
	_
	_
	_
	actPrompt // to the MenuOS prompt and back
	actZoom
	actWider
	actNarrower
	actTaller
	actShorter
	actSplitReset
	actInterrupt
	actQuit
	actSuspend
	actRedraw

	// Time.
	actPause
	actStepNext
	actStepPrev
	actSegmentNext
	actSegmentPrev
	actFollow
	actRunEvent
	actFaster
	actSlower

	// The debugger.
	actContinue
	actBreak
	actGdbStep
	actGdbNext
	actGdbFinish
	actFrameUp
	actFrameDown

	// Lists.
	actUp
	actDown
	actPageUp
	actPageDown
	actHome
	actEnd
	actLeft
	actRight
	actEnter
	actFold
	actFoldAll
	actSearch
	actSearchNext
	actSearchPrev
	actFilter
	actCopy
	actEscape
)

// scope is where a key has a meaning.
type scope int

const (
	anywhere scope = 1 << iota // at a prompt, too
	inView                     // where no prompt has the focus
	atPrompt                   // only at a prompt
)

// binding is one row of the key table.
type binding struct {
	keys  []string // as Bubble Tea names them; the first is the one that is shown
	act   action
	scope scope
	panes []paneID // where it counts; nil: everywhere
	hint  text     // a word for the bottom line; empty: not shown there
	help  text     // a sentence for the help
	group int      // of the help
}

// Groups of the help.
const (
	helpTime = iota
	helpGdb
	helpMove
	helpScreen
	helpPrompt
)

var helpGroups = []text{
	helpTime:   {"Time", "时间"},
	helpGdb:    {"The debugger", "调试器"},
	helpMove:   {"In a pane", "窗格内"},
	helpScreen: {"The screen", "屏幕"},
	helpPrompt: {"At a prompt", "提示符处"},
}

var bindings = []binding{
	{[]string{"space"}, actPause, inView, nil, text{"pause", "暂停"}, text{"pause the machine, or let it run", "暂停机器或继续运行"}, helpTime},
	{[]string{"f8"}, actPause, anywhere, nil, text{}, text{"the same, at a prompt too", "同上,在提示符处也可用"}, helpTime},
	{[]string{".", "f10"}, actStepNext, inView, nil, text{"step on", "下一步"}, text{"the next step of the record", "记录中的下一步"}, helpTime},
	{[]string{",", "f9"}, actStepPrev, inView, nil, text{"back", "上一步"}, text{"the step before, back in time", "记录中的上一步,回到过去"}, helpTime},
	{[]string{"f10"}, actStepNext, atPrompt, nil, text{"step on", "下一步"}, text{"the next step of the record", "记录中的下一步"}, helpTime},
	{[]string{"f9"}, actStepPrev, atPrompt, nil, text{"back", "上一步"}, text{"the step before", "记录中的上一步"}, helpTime},
	{[]string{"]"}, actSegmentNext, inView, nil, text{}, text{"the next segment", "下一个报文段"}, helpTime},
	{[]string{"["}, actSegmentPrev, inView, nil, text{}, text{"the segment before", "上一个报文段"}, helpTime},
	{[]string{"n"}, actRunEvent, inView, nil, text{"next event", "下一事件"}, text{"let the machine run to its next event, and hold it there", "让机器运行到下一个事件并停住"}, helpTime},
	{[]string{"f11"}, actRunEvent, anywhere, nil, text{}, text{"the same, at a prompt too", "同上,在提示符处也可用"}, helpTime},
	{[]string{"end", "G"}, actFollow, inView, nil, text{"live", "实时"}, text{"follow the machine live again", "回到实时状态"}, helpTime},
	{[]string{"f12"}, actFollow, anywhere, nil, text{}, text{"the same, at a prompt too", "同上,在提示符处也可用"}, helpTime},
	{[]string{"+", "="}, actFaster, inView, nil, text{}, text{"the machine's time runs ten times faster, at last without waiting", "机器时间加快十倍,最后不再等待"}, helpTime},
	{[]string{"-", "_"}, actSlower, inView, nil, text{}, text{"the machine's time runs ten times slower, down to 1/1000", "机器时间放慢十倍,直到 1/1000"}, helpTime},

	{[]string{"c"}, actContinue, inView, nil, text{"continue", "继续"}, text{"continue: let the machine go on from a stop", "continue:从停下的地方继续"}, helpGdb},
	{[]string{"f5"}, actContinue, anywhere, nil, text{"continue", "继续"}, text{"the same, at a prompt too", "同上,在提示符处也可用"}, helpGdb},
	{[]string{"b"}, actBreak, inView, nil, text{"break", "断点"}, text{"break at the function that is selected, or remove the breakpoint", "在所选函数处设置或删除断点"}, helpGdb},
	{[]string{"s"}, actGdbStep, inView, nil, text{}, text{"step: to the next function entry", "step:到下一个函数入口"}, helpGdb},
	{[]string{"o"}, actGdbNext, inView, nil, text{}, text{"next: over the calls made here", "next:越过此处的调用"}, helpGdb},
	{[]string{"f"}, actGdbFinish, inView, nil, text{}, text{"finish: until the selected frame returns", "finish:直到所选帧返回"}, helpGdb},
	{[]string{"u"}, actFrameUp, inView, nil, text{}, text{"up: select the caller's frame", "up:选择调用者的帧"}, helpGdb},
	{[]string{"d"}, actFrameDown, inView, nil, text{}, text{"down: select the callee's frame", "down:选择被调用者的帧"}, helpGdb},

	{[]string{"up", "k"}, actUp, inView, nil, text{}, text{"up", "上移"}, helpMove},
	{[]string{"down", "j"}, actDown, inView, nil, text{}, text{"down", "下移"}, helpMove},
	{[]string{"pgup", "ctrl+u"}, actPageUp, inView, nil, text{}, text{"a page up", "上一页"}, helpMove},
	{[]string{"pgdown", "ctrl+d"}, actPageDown, inView, nil, text{}, text{"a page down", "下一页"}, helpMove},
	{[]string{"home", "g"}, actHome, inView, nil, text{}, text{"to the first row", "到第一行"}, helpMove},
	{[]string{"left", "h"}, actLeft, inView, nil, text{}, text{"scroll to the left", "向左滚动"}, helpMove},
	{[]string{"right", "l"}, actRight, inView, nil, text{}, text{"scroll to the right", "向右滚动"}, helpMove},
	{[]string{"enter", "ctrl+j"}, actEnter, inView, nil, text{}, text{"open what is selected: a frame's source, a socket's queues, a step's backtrace", "打开所选项:帧的源代码、套接字的队列、步骤的调用栈"}, helpMove},
	{[]string{"x"}, actFold, inView, []paneID{paneBacktrace}, text{"fold", "折叠"}, text{"fold the selected frame's layer, or unfold it", "折叠或展开所选帧所在的层"}, helpMove},
	{[]string{"X"}, actFoldAll, inView, []paneID{paneBacktrace}, text{}, text{"fold all layers, or unfold them", "折叠或展开所有层"}, helpMove},
	{[]string{"/"}, actSearch, inView, []paneID{paneSteps, paneBacktrace, paneCounters, paneHelp}, text{"search", "搜索"}, text{"search in the pane", "在窗格中搜索"}, helpMove},
	{[]string{"ctrl+n"}, actSearchNext, inView, []paneID{paneSteps, paneBacktrace, paneCounters, paneHelp}, text{}, text{"the next match", "下一个匹配"}, helpMove},
	{[]string{"ctrl+p"}, actSearchPrev, inView, []paneID{paneSteps, paneBacktrace, paneCounters, paneHelp}, text{}, text{"the match before", "上一个匹配"}, helpMove},
	{[]string{"t"}, actFilter, inView, []paneID{paneSteps, paneLadder, paneTimers, paneSockets}, text{"filter", "过滤"}, text{"the next filter: all, the selected socket's, segments or TCP alone (the title tells)", "切换过滤:全部、所选套接字、仅报文段或仅 TCP(标题中显示)"}, helpMove},
	{[]string{"y"}, actCopy, inView, nil, text{}, text{"copy the pane's text to the clipboard", "把窗格文本复制到剪贴板"}, helpMove},

	{[]string{"tab"}, actFocusNext, inView, nil, text{}, text{"the next pane (at a prompt: complete, or the next pane if the line is empty)", "下一个窗格(提示符处:补全;空行时切换窗格)"}, helpScreen},
	{[]string{"shift+tab"}, actFocusPrev, anywhere, nil, text{}, text{"the pane before", "上一个窗格"}, helpScreen},
	{[]string{"alt+1…0"}, actFocusPane, anywhere, nil, text{}, text{"the pane with that number (1 to 9, 0 without Alt where no prompt has the focus)", "切换到该编号的窗格(焦点不在提示符时不需要 Alt)"}, helpScreen},
	{[]string{"esc"}, actPrompt, anywhere, nil, text{"prompt", "提示符"}, text{"to the MenuOS prompt, and from there back", "到 MenuOS 提示符,再按返回"}, helpScreen},
	{[]string{"z"}, actZoom, inView, nil, text{"zoom", "放大"}, text{"the pane alone on the whole screen, or all panes again", "窗格占满屏幕,或恢复"}, helpScreen},
	{[]string{"alt+z"}, actZoom, anywhere, nil, text{}, text{"the same, at a prompt too", "同上,在提示符处也可用"}, helpScreen},
	{[]string{">"}, actWider, inView, nil, text{}, text{"the pane wider", "加宽窗格"}, helpScreen},
	{[]string{"<"}, actNarrower, inView, nil, text{}, text{"narrower", "收窄窗格"}, helpScreen},
	{[]string{"}"}, actTaller, inView, nil, text{}, text{"taller", "加高窗格"}, helpScreen},
	{[]string{"{"}, actShorter, inView, nil, text{}, text{"lower", "降低窗格"}, helpScreen},
	{[]string{"~"}, actSplitReset, inView, nil, text{}, text{"the splits as they were", "恢复分割比例"}, helpScreen},
	{[]string{"ctrl+k"}, actPalette, anywhere, nil, text{}, text{"a palette of all commands and keys (at a prompt with text behind the cursor: cut it)", "命令面板(提示符光标后有文字时:剪切)"}, helpScreen},
	{[]string{"?"}, actHelp, inView, nil, text{"help", "帮助"}, text{"help", "帮助"}, helpScreen},
	{[]string{"f1"}, actHelp, anywhere, nil, text{"help", "帮助"}, text{"the same, at a prompt too", "同上,在提示符处也可用"}, helpScreen},
	{[]string{"f2"}, actLanguage, anywhere, nil, text{}, text{"English or Chinese", "切换中文或英文"}, helpScreen},
	{[]string{"f3"}, actTheme, anywhere, nil, text{}, text{"the next theme", "下一个主题"}, helpScreen},
	{[]string{"ctrl+l"}, actRedraw, anywhere, nil, text{}, text{"draw the screen anew", "重绘屏幕"}, helpScreen},
	{[]string{"ctrl+z"}, actSuspend, anywhere, nil, text{}, text{"suspend menuos; fg brings it back", "挂起 menuos;fg 恢复"}, helpScreen},
	{[]string{"ctrl+c"}, actInterrupt, anywhere, nil, text{}, text{"interrupt the command; with none running, ask whether to leave", "中断命令;没有命令运行时询问是否退出"}, helpScreen},
	{[]string{"q"}, actQuit, inView, nil, text{}, text{"leave menuos (it asks)", "退出 menuos(会询问)"}, helpScreen},

	{[]string{"tab"}, actNone, atPrompt, nil, text{"complete", "补全"}, text{"complete the word; again: choose from the list", "补全单词;再按从列表中选择"}, helpPrompt},
	{[]string{"up"}, actNone, atPrompt, nil, text{"history", "历史"}, text{"the line before in the history; Down: the one after", "历史中的上一行;Down 为下一行"}, helpPrompt},
	{[]string{"ctrl+r"}, actNone, atPrompt, nil, text{}, text{"search the history", "搜索历史"}, helpPrompt},
	{[]string{"pgup"}, actNone, atPrompt, nil, text{}, text{"scroll back; PgDn: forward", "向上滚动;PgDn 向下"}, helpPrompt},
	{[]string{"ctrl+a"}, actNone, atPrompt, nil, text{}, text{"to the line's start; Ctrl-E: its end; Ctrl-W, Ctrl-U: cut; Ctrl-Y: paste", "行首;Ctrl-E 行尾;Ctrl-W、Ctrl-U 剪切;Ctrl-Y 粘贴"}, helpPrompt},
	{[]string{"ctrl+d"}, actNone, atPrompt, nil, text{}, text{"on an empty line: leave", "空行时退出"}, helpPrompt},
}

// lookup is what a key does: prompt tells whether a prompt has the focus, pane
// which pane has it.
func lookup(key string, prompt bool, pane paneID) action {
	if a := paneByKey(key, prompt); a != actNone {
		return a
	}
	for i := range bindings {
		b := &bindings[i]
		switch {
		case !slices.Contains(b.keys, key):
		case prompt && b.scope == inView, !prompt && b.scope == atPrompt:
		case b.panes != nil && !slices.Contains(b.panes, pane):
		default:
			return b.act
		}
	}
	return actNone
}

// paneByKey is the action of a pane's number.
func paneByKey(key string, prompt bool) action {
	digit := key
	if len(key) == len("alt+1") && key[:4] == "alt+" {
		digit = key[4:]
	} else if prompt {
		return actNone
	}
	if len(digit) != 1 || digit[0] < '0' || digit[0] > '9' {
		return actNone
	}
	n := int(digit[0] - '0')
	if n == 0 {
		n = 10
	}
	return actFocusPane + action(n)
}
