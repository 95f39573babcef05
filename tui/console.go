// A console is a pane with a prompt: MenuOS's, or the debugger's. It shows what
// was printed and, directly behind it, the line that is typed.

package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// textLines is how many lines a copy of a console takes.
const textLines = 2000

// console is a pane with scrollback and a prompt. What is typed goes to the UI as
// messages; what is printed comes back through write, with the echo of each line
// when it begins to run.
type console struct {
	id     paneID
	back   scrollback
	prompt *prompt
	menu   *menu // nil: none is open
	sign   string
	busy   bool
	ahead  []string // lines that were sent, until they are echoed
	reads  bool     // the command that runs reads what is typed
	asks   int      // completions that were asked for
	asked  int      // the one whose answer is awaited; 0: none

	away bool  // scrolled back
	top  place // of the first row that shows

	// Of the last drawing.
	w, h  int
	cur   point
	curOn bool
	pos   int    // of the cursor in the line
	mark  string // at the bottom right, while scrolled back
}

// place is a row of the scrollback: a line by its number, and a byte in it that
// stands on the row.
type place struct{ line, off int }

// point is a cell of a pane.
type point struct{ x, y int }

type (
	// submitMsg has lines run, one after the other.
	submitMsg struct {
		pane  paneID
		lines []string
	}
	// completeMsg asks what the word before pos, in bytes, may become; a
	// completionMsg with the same seq answers.
	completeMsg struct {
		pane     paneID
		line     string
		pos, seq int
	}
	completionMsg struct {
		pane  paneID
		seq   int
		head  string
		words []string
		tail  string
	}
	// leaveMsg is Ctrl-D on an empty line.
	leaveMsg struct{ pane paneID }
	// endInputMsg is Ctrl-D for a command that reads what is typed.
	endInputMsg struct{}
)

// newConsole makes the console with a history, oldest line first.
func newConsole(id paneID, history []string) *console {
	return &console{id: id, prompt: newPrompt(history)}
}

// write shows output; it may end amid a line.
func (c *console) write(s string) {
	c.back.write(s)
	for c.echoed(s) {
	}
}

// echoed drops the line that was sent first among those that s echoes, and all
// that were sent before it.
func (c *console) echoed(s string) bool {
	for i, line := range c.ahead {
		for _, end := range []string{">", "> ", ") "} { // of MenuOS's prompts and gdb's
			if strings.Contains(s, end+line+"\n") {
				c.ahead = c.ahead[i+1:]
				return true
			}
		}
	}
	return false
}

// setPrompt tells which prompt stands before the line. While a command runs it
// does not show, and what is typed waits.
func (c *console) setPrompt(prompt string, busy bool) {
	switch {
	case c.busy && !busy:
		c.back.fresh()
	case !busy:
		c.ahead = nil // nothing waits any more
	}
	c.sign, c.busy = prompt, busy
}

// history is the lines that were typed since the start.
func (c *console) history() []string { return c.prompt.hist[len(c.prompt.hist)-c.prompt.recent:] }

func (c *console) title(sc *scene) string {
	if c.id == paneGdb {
		return "(gdb)"
	}
	return "MenuOS"
}

func (c *console) text(sc *scene) string { return c.back.text(sc.look, textLines) }

// key does what a key means here; used tells whether it meant something.
func (c *console) key(sc *scene, k tea.KeyPressMsg) (msg tea.Msg, used bool) {
	if c.scrollKey(sc, k.Keystroke()) {
		return nil, true
	}
	line, pos := c.prompt.line(), c.prompt.edit.Position()
	msg, used = c.lineKey(k)
	if used {
		c.away = false
	}
	if c.prompt.line() != line || c.prompt.edit.Position() != pos {
		c.asked = 0
		if c.menu != nil && !c.menu.narrow(c.prompt) {
			c.menu = nil
		}
	}
	return msg, used
}

// lineKey is key for what concerns the line.
func (c *console) lineKey(k tea.KeyPressMsg) (msg tea.Msg, used bool) {
	p, stroke := c.prompt, k.Keystroke()
	if stroke == "ctrl+c" { // leaves what is open; else, or with a command to interrupt, the UI's
		open := p.search != nil || c.menu != nil
		if c.menu = nil; p.search != nil {
			p.endSearch(false)
		}
		return nil, open && !c.busy
	}
	if p.search != nil && p.searchKey(k) || c.menu != nil && c.menuKey(k) {
		return nil, true
	}
	if typed := typedText(k); typed != "" {
		p.insert(typed)
		return nil, true
	}
	switch stroke {
	case "enter", "ctrl+j", "ctrl+m":
		return c.submit(), true
	case "tab":
		if p.empty() {
			return nil, false
		}
		c.asks++
		c.asked = c.asks
		return completeMsg{c.id, p.line(), len(p.before()), c.asks}, true
	case "up", "ctrl+p":
		p.walk(-1)
		return nil, true
	case "down", "ctrl+n":
		p.walk(1)
		return nil, true
	case "ctrl+r":
		c.menu = nil
		p.startSearch()
		return nil, true
	case "ctrl+d":
		if p.empty() {
			if c.reads {
				return endInputMsg{}, true
			}
			if c.busy {
				return nil, true
			}
			return leaveMsg{c.id}, true
		}
	}
	return nil, p.edits(k)
}

// submit sends the line. While a command runs an empty one means nothing, unless
// the command reads: then lines are its own and not remembered.
func (c *console) submit() tea.Msg {
	c.menu = nil
	if c.reads {
		line := c.prompt.line()
		c.prompt.set("", "")
		return submitMsg{c.id, []string{line}}
	}
	if c.busy && c.prompt.empty() {
		return nil
	}
	line := c.prompt.take()
	c.ahead = append(c.ahead, line)
	return submitMsg{c.id, []string{line}}
}

// clear is Ctrl-C on a line: it is left undone, as it stands. It reports whether
// there was one.
func (c *console) clear() bool {
	if c.prompt.empty() {
		return false
	}
	if !c.busy {
		c.back.fresh()
		c.back.write(c.sign + c.prompt.line() + "^C\n")
	}
	c.prompt.set("", "")
	c.prompt.at, c.prompt.draft = len(c.prompt.hist), ""
	c.menu, c.asked, c.away = nil, 0, false
	return true
}

// paste types a text. Of several lines all but the last are sent; the debugger is
// spared the empty ones, which would repeat its last command.
func (c *console) paste(sc *scene, text string) tea.Msg {
	p := c.prompt
	if p.search != nil {
		p.endSearch(true)
	}
	c.menu, c.asked, c.away = nil, 0, false
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
	last := len(lines) - 1
	if last == 0 {
		p.insert(text)
		return nil
	}
	behind := p.behind()
	p.set(p.before(), "")
	var send []string
	for _, line := range lines[:last] {
		p.insert(line)
		if line := p.take(); line != "" || c.id != paneGdb {
			send = append(send, line)
		}
	}
	p.insert(lines[last])
	p.set(p.line(), behind)
	if len(send) == 0 {
		return nil
	}
	if !c.reads {
		c.ahead = append(c.ahead, send...)
	}
	return submitMsg{c.id, send}
}

// completed takes the answer to what Tab asked, unless the line has changed.
func (c *console) completed(m completionMsg) {
	if m.seq != c.asked || c.asked == 0 {
		return
	}
	c.asked = 0
	c.complete(m)
}

// cursor is where the terminal's cursor belongs within what was drawn last; false
// when scrolled back.
func (c *console) cursor(sc *scene) (x, y int, ok bool) { return c.cur.x, c.cur.y, c.curOn }

func (c *console) click(sc *scene, x, y int, double bool) tea.Msg {
	switch {
	case c.away:
		if y == c.h-1 && x >= c.w-cells(c.mark) {
			c.away = false
		}
	case c.menu != nil && c.menu.hit(x, y) >= 0:
		c.choose(c.menu.hit(x, y))
	case c.curOn && y == c.cur.y && c.prompt.search == nil:
		c.menu, c.asked = nil, 0
		c.prompt.move(c.pos, x-c.cur.x)
	default:
		c.menu = nil
	}
	return nil
}
