// Colours. A theme is a table of Lip Gloss styles; colour never carries a
// meaning alone, so without any the screen says the same.

package tui

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
)

// ink paints text: what a Lip Gloss style puts before and after it.
type ink struct{ before, after string }

// on paints s.
func (i ink) on(s string) string {
	if s == "" || i.before == "" {
		return s
	}
	return i.before + s + i.after
}

func inkOf(st lipgloss.Style) ink {
	before, after, _ := strings.Cut(st.Render("x"), "x")
	return ink{before, after}
}

// inks are the meanings that have a colour.
type inks struct {
	plain, bold, dim, heading ink

	title, titleFocus ink // of a pane
	tab, rule         ink
	selected, current ink // rows: the selected one; the one that the cursor in time stands on
	match             ink // what a search found
	lit               ink // has just changed
	prompt            ink
	err, warn, good   ink
	number, address   ink
	key               ink // a key in a hint

	running, paused, stopped, waiting ink // the status line

	sent, received, dropped, state, timer, wakeup, retrans ink // steps

	entry, socket, tcp, ip, dev, softirq, driver ink // frames, by layer
	band                                         ink

	bar, barSoon, barEmpty ink
}

// themeNames are the themes that --theme takes.
var themeNames = []string{"auto", "dark", "light", "high-contrast", "mono"}

// Themes lists them.
func Themes() []string { return slices.Clone(themeNames) }

// ThemeKnown tells whether --theme takes the name.
func ThemeKnown(name string) bool { return slices.Contains(themeNames, name) }

// palette is what differs between themes: colours by their use.
type palette struct {
	grey, rule, accent, onAccent                  string
	selectedBg, selectedFg, currentBg             string
	red, yellow, green, blue, magenta, cyan, text string
}

var palettes = map[string]palette{
	"dark": {grey: "245", rule: "239", accent: "80", onAccent: "16", selectedBg: "24", selectedFg: "231", currentBg: "237",
		red: "203", yellow: "221", green: "114", blue: "111", magenta: "176", cyan: "80", text: ""},
	"light": {grey: "242", rule: "250", accent: "25", onAccent: "231", selectedBg: "153", selectedFg: "16", currentBg: "254",
		red: "124", yellow: "94", green: "22", blue: "19", magenta: "90", cyan: "24", text: ""},
	"high-contrast": {grey: "15", rule: "15", accent: "11", onAccent: "0", selectedBg: "11", selectedFg: "0", currentBg: "8",
		red: "9", yellow: "11", green: "10", blue: "14", magenta: "13", cyan: "14", text: "15"},
	"mono": {},
}

// theme makes the inks of a theme.
func theme(name string) *inks {
	p, ok := palettes[name]
	if !ok {
		p = palettes["dark"]
	}
	fg := func(c string) lipgloss.Style {
		st := lipgloss.NewStyle()
		if c != "" {
			st = st.Foreground(lipgloss.Color(c))
		}
		return st
	}
	bg := func(f, b string) lipgloss.Style {
		if b == "" {
			return lipgloss.NewStyle().Reverse(true)
		}
		return fg(f).Background(lipgloss.Color(b))
	}
	dim := fg(p.grey)
	if name == "mono" {
		dim = dim.Faint(true)
	}
	bold := func(c string) ink { return inkOf(fg(c).Bold(true)) }
	plain := func(c string) ink { return inkOf(fg(c)) }
	in := &inks{
		plain: plain(p.text), bold: bold(p.text), dim: inkOf(dim), heading: inkOf(dim.Underline(false)),
		title: plain(p.grey), titleFocus: bold(p.accent), tab: plain(p.grey), rule: plain(p.rule),
		selected: inkOf(bg(p.selectedFg, p.selectedBg)), current: inkOf(bg("", p.currentBg)),
		match: inkOf(fg(p.yellow).Bold(true).Underline(true)), lit: inkOf(fg(p.yellow).Bold(true)),
		prompt: bold(p.green), err: plain(p.red), warn: plain(p.yellow), good: plain(p.green),
		number: plain(p.cyan), address: plain(p.grey), key: bold(p.accent),
		running: inkOf(bg(p.onAccent, p.green).Bold(true)), paused: inkOf(bg(p.onAccent, p.yellow).Bold(true)),
		stopped: inkOf(bg(p.onAccent, p.red).Bold(true)), waiting: inkOf(bg(p.onAccent, p.blue).Bold(true)),
		sent: plain(p.green), received: plain(p.blue), dropped: bold(p.red), state: plain(p.yellow), timer: plain(p.magenta),
		wakeup: plain(p.cyan), retrans: bold(p.yellow),
		entry: plain(p.grey), socket: plain(p.cyan), tcp: plain(p.green), ip: plain(p.blue), dev: plain(p.magenta),
		softirq: plain(p.yellow), driver: plain(p.red), band: inkOf(fg(p.accent).Bold(true)),
		bar: plain(p.cyan), barSoon: plain(p.red), barEmpty: plain(p.rule),
	}
	return in
}

// look is how the screen looks and speaks.
type look struct {
	theme string
	ink   *inks
	glyph *glyphs
	lang  string
}

func newLook(themeName, lang string, ascii bool) *look {
	l := &look{theme: themeName, ink: theme(themeName), glyph: &unicodeGlyphs, lang: lang}
	if ascii {
		l.glyph = &asciiGlyphs
	}
	return l
}
