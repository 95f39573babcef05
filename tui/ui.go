// Package tui is the screen: MenuOS, the debugger, sockets, queues, timers, the
// steps and their backtraces side by side.
//
// UI is the only tea.Model. A pane is a plain struct in a file pane_*.go that
// draws a scene; the layout is a pure function of the screen's size; the keys are
// a table. Two goroutines stand behind it: the lab owns the session and runs what
// is typed, the feed takes recorded steps and snapshots and brings them as
// messages, at most sixty times a second and only if something has changed. The
// screen never sees the machine, only copies.
package tui

import (
	"runtime/debug"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"menuos/shell"
	"menuos/stack"
)

// Config is what a screen is made from.
type Config struct {
	Shell    shell.Config // of the session; its writers and clock are the screen's own
	Speed    float64      // machine seconds a second at the start; +Inf: waiting takes no time
	Theme    string       // one of themeNames; auto: by the terminal's background
	ASCII    bool         // draw with ASCII alone
	Mouse    bool         // take clicks and the wheel
	GdbFiles []string     // gdb command files to run first
	Width    int          // of the screen before the terminal tells
	Height   int
}

// UI is the screen.
type UI struct {
	cfg  Config
	lab  *lab
	feed *feed
	post func(tea.Msg) // to the program, from any goroutine

	w, h   int
	moved  shares
	layout layout
	shown  []paneID // panes as they were brought to the front, the latest first
	zoom   paneID   // alone on the screen, 0: none
	focus  paneID
	before paneID // pane that had the focus before the prompt got it
	window window // overlay that is open, nil: none
	drag   *divider
	click  clicked

	scene   *scene
	live    backtrace       // to be shown while the scene is live
	chosen  bool            // a person has selected the socket
	newest  *stack.Snapshot // of the last look
	recent  []uint64        // sockets that changed their state, the last one last
	wanted  int             // step whose backtrace is on its way
	search  string
	note    note
	shell   *console
	gdb     *console
	panes   [paneEnd]pane
	picture picture
	fault   *fault
	quit    bool
	code    int
}

// note is a line of ours in the status line, for a while.
type note struct {
	text string
	at   time.Time
}

// clicked is the last click, to know a double one.
type clicked struct {
	x, y int
	at   time.Time
}

// bannerWidth is how many cells the laboratory's banner takes: in a narrower pane
// it would be a heap of stars.
const bannerWidth = 58

// doubleClick is the time in which two clicks are one double click.
const doubleClick = 400 * time.Millisecond

// New boots a machine and makes its screen. post passes messages to the program
// that runs it, from any goroutine; Start begins to look and to run.
func New(cfg Config, post func(tea.Msg)) (*UI, error) {
	u := &UI{cfg: cfg, post: post, w: cfg.Width, h: cfg.Height, moved: make(shares), focus: paneShell}
	name := cfg.Theme
	if name == "" || name == "auto" {
		name = "dark"
	}
	look := newLook(name, cfg.Shell.Lang, cfg.ASCII)
	u.scene = &scene{look: look, live: true, rec: new(record), from: time.Now, lit: make(map[uint64]litState), focus: paneShell}
	cfg.Shell.Clock = stack.ClockReal
	var err error
	u.lab, err = newLab(cfg.Shell, func() {
		if u.feed != nil {
			u.feed.poke()
		}
	}, u.broken)
	if err != nil {
		return nil, err
	}
	u.lab.m.SetSpeed(cfg.Speed)
	u.scene.status.speed = cfg.Speed
	u.feed = newFeed(u.lab, look, func(m feedMsg) { u.post(m) }, u.broken)
	u.shell = newConsole(paneShell, shell.LoadHistory())
	u.gdb = newConsole(paneGdb, shell.LoadGdbHistory())
	u.panes = [paneEnd]pane{paneShell: u.shell, paneGdb: u.gdb, paneSockets: new(socketsPane), paneQueues: new(queuesPane),
		paneTimers: new(timersPane), paneSteps: new(stepsPane), paneBacktrace: new(backtracePane), paneLadder: new(ladderPane),
		paneCounters: new(countersPane), paneHelp: new(helpPane)}
	u.arrange()
	w := u.room(u.layout.slots[u.layout.slotOf(paneShell)]).w
	u.shell.write(u.lab.s.BootText(w >= bannerWidth) + folded(look.say("first"), w))
	u.gdb.write(folded(look.say("first.gdb"), w))
	return u, nil
}

// folded is a text whose lines are folded to w cells.
func folded(text string, w int) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(strings.Join(foldText(line, w), "\n") + "\n")
	}
	return b.String()
}

// Start lets the goroutines behind the screen run.
func (u *UI) Start() {
	u.lab.start(u.cfg.GdbFiles)
	u.feed.start()
}

// Close ends the machine and the goroutines behind the screen. The history is
// saved.
func (u *UI) Close() error {
	u.feed.close()
	u.lab.close()
	err := shell.SaveHistory(u.shell.history())
	if e := shell.SaveGdbHistory(u.gdb.history()); err == nil {
		err = e
	}
	return err
}

// broken has the program end because a goroutine behind the screen panicked.
func (u *UI) broken(f fault) { u.post(f) }

// Init asks the terminal for its background.
func (u *UI) Init() tea.Cmd {
	if u.cfg.Theme == "" || u.cfg.Theme == "auto" {
		return tea.RequestBackgroundColor
	}
	return nil
}

// Update takes a message.
func (u *UI) Update(msg tea.Msg) (m tea.Model, cmd tea.Cmd) {
	defer func() {
		if r := recover(); r != nil {
			u.fault = &fault{"screen", r, string(debug.Stack())}
			m, cmd = u, tea.Quit
		}
	}()
	u.picture.stale = true
	return u, u.update(msg)
}

func (u *UI) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		u.w, u.h = msg.Width, msg.Height
		u.arrange()
	case tea.KeyPressMsg:
		return u.key(msg)
	case tea.PasteMsg:
		return u.paste(msg.Content)
	case tea.MouseClickMsg:
		return u.mouseClick(msg.Mouse())
	case tea.MouseMotionMsg:
		u.mouseMotion(msg.Mouse())
	case tea.MouseReleaseMsg:
		u.drag = nil
	case tea.MouseWheelMsg:
		u.mouseWheel(msg.Mouse())
	case tea.BackgroundColorMsg:
		if !msg.IsDark() {
			u.setLook("light", u.scene.lang)
		}
	case feedMsg:
		return u.news(&msg)
	case traceMsg:
		u.trace(msg)
	case retoldMsg:
		u.retold(msg)
	case fault:
		u.fault = &msg
		return tea.Quit
	case signalMsg:
		u.code, u.quit = 128+int(msg), true
		return tea.Quit
	default:
		return u.do(msg)
	}
	return nil
}

// signalMsg is a signal that ends the program.
type signalMsg int

// do does what a pane, a window or a key asked for.
func (u *UI) do(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case nil:
	case actionMsg:
		return u.act(msg.act)
	case submitMsg:
		for _, line := range msg.lines {
			u.submit(msg.pane, line)
		}
	case completeMsg:
		u.lab.complete(msg.pane == paneGdb, msg.line, msg.pos, func(head string, words []string, tail string) {
			go u.post(completionMsg{msg.pane, msg.seq, head, words, tail})
		})
	case completionMsg:
		u.console(msg.pane).completed(msg)
	case endInputMsg:
		u.lab.s.CloseInput()
	case leaveMsg:
		if msg.pane == paneGdb {
			u.setFocus(paneShell)
			return nil
		}
		return u.leave()
	case selectSockMsg:
		u.scene.sock, u.chosen = msg.cookie, msg.cookie != 0
		if msg.open {
			u.show(paneQueues)
		}
	case selectStepMsg:
		if msg.open {
			u.show(paneBacktrace)
		}
		return u.goTo(msg.n)
	case gdbMsg:
		u.submit(paneGdb, msg.line)
	case shellMsg:
		u.submit(paneShell, msg.line)
	case typeMsg:
		u.setFocus(msg.pane)
		u.console(msg.pane).paste(u.scene, msg.text)
	case breakMsg:
		u.breakAt(msg.fn)
	case sourceMsg:
		return u.source(msg.frame)
	case sourceTextMsg:
		u.window = newSource(msg.title, msg.file, msg.line, msg.lines)
	case searchMsg:
		return u.searchFor(msg)
	case copyMsg:
		return u.copy(msg.text)
	case noteMsg:
		u.say(string(msg))
	case quitMsg:
		u.quit = true
		return tea.Quit
	}
	return nil
}

type (
	// noteMsg is something to tell in the status line.
	noteMsg string
	// quitMsg leaves the program.
	quitMsg struct{}
	// traceMsg brings the backtrace of a step.
	traceMsg struct {
		step  int
		trace *backtrace
	}
	// sourceTextMsg brings a frame's source.
	sourceTextMsg struct {
		title, file string
		line        int
		lines       []string
	}
)

func (u *UI) console(id paneID) *console {
	if id == paneGdb {
		return u.gdb
	}
	return u.shell
}

// submit runs a line of a prompt.
func (u *UI) submit(id paneID, line string) {
	if id == paneShell && isGdbAlone(line) {
		u.show(paneGdb)
		u.setFocus(paneGdb)
		return
	}
	u.lab.submit(line, id == paneGdb)
}

// say tells something in the status line for a while.
func (u *UI) say(text string) { u.note = note{text, time.Now()} }

// setLook changes theme and language.
func (u *UI) setLook(themeName, lang string) {
	u.scene.look = newLook(themeName, lang, u.cfg.ASCII)
	u.feed.speak(u.scene.look)
}
