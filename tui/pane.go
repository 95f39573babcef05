// A pane: what every file pane_*.go holds one of.

package tui

import tea "charm.land/bubbletea/v2"

// paneID names a pane; its number is the key that selects it.
type paneID int

const (
	paneNone paneID = iota
	paneShell
	paneGdb
	paneSockets
	paneQueues
	paneTimers
	paneSteps
	paneBacktrace
	paneLadder
	paneCounters
	paneHelp // key 0
	paneEnd
)

// pane draws a part of the scene. A pane is no tea.Model: the UI is the only one.
type pane interface {
	// title is the pane's name and, if it says more, what it shows.
	title(sc *scene) string
	// draw gives at most h lines of at most w cells.
	draw(sc *scene, w, h int) []string
	// act does what an action means here. The message, nil or not, goes to the UI;
	// used tells whether the action meant something.
	act(sc *scene, a action) (msg tea.Msg, used bool)
	// click is a click on the cell x, y of what was drawn last; double is a second
	// one at once.
	click(sc *scene, x, y int, double bool) tea.Msg
	// wheel scrolls by lines, down if positive.
	wheel(sc *scene, by int)
	// text is what a copy takes: the pane's content, not only what fits.
	text(sc *scene) string
}

// searcher is a pane in which one can search.
type searcher interface {
	// search selects the next match of what, in the direction dir (1, -1), from the
	// selection on; it reports whether there is one. An empty what ends the search.
	search(sc *scene, what string, dir int) bool
}

// What panes ask of the UI.
type (
	// selectSockMsg selects a socket; open shows its queues as well.
	selectSockMsg struct {
		cookie uint64
		open   bool
	}
	// selectStepMsg moves the cursor in time to a step (0: live); open shows its
	// backtrace as well.
	selectStepMsg struct {
		n    int
		open bool
	}
	// gdbMsg has the debugger run a line, as if it was typed at its prompt.
	gdbMsg struct{ line string }
	// shellMsg has MenuOS run a line, as if it was typed at its prompt.
	shellMsg struct{ line string }
	// sourceMsg opens the Go source of a frame of the backtrace on screen.
	sourceMsg struct{ frame int }
	// breakMsg sets a breakpoint at a function, or removes it.
	breakMsg struct{ fn string }
)
