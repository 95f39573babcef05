// The help: what the pane one was in shows and which keys count there, all keys,
// what to type first, and how the screen can look. It is made from the key table.

package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// helpPane shows entries, of which those that are keys can be selected.
type helpPane struct {
	scroll scroller
	sel    int // index of an entry; 0, a heading, is none
	what   string
	rows   []int // of each line drawn last: its entry
	reveal bool  // the selection is to be in sight
	from   paneID
}

// helpEntry is a heading, a paragraph or a key.
type helpEntry struct {
	kind helpKind
	keys string
	text string
	act  action // that Enter runs; actNone: none
}

type helpKind int

const (
	helpHeading helpKind = iota
	helpText
	helpTyped // a line to type, and what it does
	helpKey
	helpGap
)

func (p *helpPane) title(sc *scene) string { return sc.say("pane.10") }

// helpEntries is the whole help for a scene.
func helpEntries(sc *scene) []helpEntry {
	out := helpOfPane(sc)
	out = append(out, helpEntry{kind: helpHeading, text: sc.say("help.first")})
	for _, key := range []string{"help.first.1", "help.first.2", "help.first.3"} {
		typed, what, _ := strings.Cut(sc.say(key), "|")
		out = append(out, helpEntry{kind: helpTyped, keys: typed, text: what})
	}
	for g := range helpGroups {
		out = append(out, helpEntry{kind: helpGap}, helpEntry{kind: helpHeading, text: helpGroups[g].in(sc.lang)})
		for _, row := range keyRows(g) {
			out = append(out, keyEntry(sc, row))
		}
	}
	for _, key := range []string{"help.prompt", "help.mouse", "help.plain", "help.colour"} {
		out = append(out, helpEntry{kind: helpGap}, helpEntry{kind: helpHeading, text: sc.say(key)},
			helpEntry{kind: helpText, text: sc.say(key + ".text")})
	}
	for i := range out {
		out[i].text = sc.ours(out[i].text)
	}
	return out
}

// helpOfPane is about the pane that had the focus before.
func helpOfPane(sc *scene) []helpEntry {
	id := sc.helpFor
	if id <= paneNone || id >= paneHelp {
		return nil
	}
	name := fmt.Sprintf("pane.%d", id)
	out := []helpEntry{{kind: helpHeading, text: sc.say(name)}, {kind: helpText, text: sc.say("help." + name)}}
	for g := range helpGroups {
		for _, row := range keyRows(g) {
			if slices.Contains(row.panes, id) {
				out = append(out, keyEntry(sc, row))
			}
		}
	}
	return append(out, helpEntry{kind: helpGap})
}

func keyEntry(sc *scene, row keyRow) helpEntry {
	e := helpEntry{kind: helpKey, keys: sc.ours(strings.Join(row.keys, " ")), text: row.help.in(sc.lang)}
	if row.act.alone() && row.panes == nil && row.scope != atPrompt && row.act != actHelp && row.act != actFocusPane {
		e.act = row.act
	}
	return e
}

func (p *helpPane) draw(sc *scene, w, h int) []string {
	entries := helpEntries(sc)
	if p.from != sc.helpFor { // about another pane
		*p = helpPane{from: sc.helpFor}
	}
	p.sel = min(p.sel, len(entries)-1)
	keyW := 0
	for _, e := range entries {
		if e.kind == helpKey {
			keyW = max(keyW, cells(e.keys))
		}
	}
	keyW = min(keyW, max(w/3, 6))
	var lines []string
	p.rows = p.rows[:0]
	first, last := 0, 0 // lines of the selection
	for i, e := range entries {
		if i == p.sel {
			first = len(lines)
		}
		for _, line := range p.entry(sc, e, i == p.sel && e.kind == helpKey, keyW, w) {
			lines = append(lines, line)
			p.rows = append(p.rows, i)
		}
		if i == p.sel {
			last = len(lines)
		}
	}
	p.scroll.size(len(lines), h)
	if p.reveal {
		p.reveal = false
		p.scroll.by(min(0, first-p.scroll.top))
		p.scroll.by(max(0, last-p.scroll.top-p.scroll.h))
	}
	top := p.scroll.top
	return lines[top:min(top+h, len(lines))]
}

// typedW is the width of the longest line of the help's that is to be typed.
const typedW = len("(gdb) break tcp_v4_rcv")

// entry is an entry in lines of at most w cells.
func (p *helpPane) entry(sc *scene, e helpEntry, selected bool, keyW, w int) []string {
	tail := sc.glyph.ellipsis
	var lines []string
	add := func(s string) { lines = append(lines, paintMatches(sc.look, cut(s, w, tail), p.what)) }
	switch e.kind {
	case helpGap:
		add("")
	case helpHeading:
		add(sc.ink.band.on(e.text))
	case helpTyped:
		if typed := fit(e.keys, typedW, tail); 1+typedW+2+cells(e.text) <= w {
			add(" " + sc.ink.prompt.on(typed) + "  " + sc.ink.plain.on(e.text))
			break
		}
		add(" " + sc.ink.prompt.on(e.keys))
		for _, line := range foldText(e.text, max(w-4, 1)) {
			add("    " + sc.ink.plain.on(line))
		}
	case helpText:
		for _, line := range foldText(e.text, max(w-1, 1)) {
			add(" " + sc.ink.plain.on(line))
		}
	case helpKey:
		for n, line := range foldText(e.text, max(w-keyW-3, 1)) {
			keys := ""
			if n == 0 {
				keys = e.keys
			}
			keys = fit(keys, keyW, tail)
			if selected {
				mark := " "
				if n == 0 {
					mark = sc.glyph.selected
				}
				lines = append(lines, sc.ink.selected.on(fit(mark+keys+"  "+line, w, tail)))
				continue
			}
			add(" " + sc.ink.key.on(keys) + "  " + sc.ink.plain.on(line))
		}
	}
	return lines
}

func (p *helpPane) act(sc *scene, a action) (tea.Msg, bool) {
	entries := helpEntries(sc)
	p.sel = min(p.sel, len(entries)-1)
	switch a {
	case actUp:
		p.step(entries, -1)
	case actDown:
		p.step(entries, 1)
	case actEnter:
		return p.enter(sc, entries)
	default:
		return nil, p.scroll.act(a)
	}
	return nil, true
}

// step selects the next key; where the next one is not near, it scrolls.
func (p *helpPane) step(entries []helpEntry, dir int) {
	if p.sel > 0 && !p.inSight(p.sel) { // a person has scrolled away
		p.sel = 0
	}
	from := p.sel
	if from == 0 {
		from = p.firstInSight() - dir
	}
	for i := from + dir; i > 0 && i < len(entries); i += dir {
		if entries[i].kind == helpKey {
			if p.near(i) {
				p.sel, p.reveal = i, true
				return
			}
			break
		}
	}
	p.scroll.by(dir)
}

// inSight tells whether a line of the entry shows.
func (p *helpPane) inSight(entry int) bool {
	for y := p.scroll.top; y < min(p.scroll.top+p.scroll.h, len(p.rows)); y++ {
		if p.rows[y] == entry {
			return true
		}
	}
	return false
}

// near tells whether an entry shows or would after scrolling by a few lines.
func (p *helpPane) near(entry int) bool {
	const few = 3
	for y := max(p.scroll.top-few, 0); y < min(p.scroll.top+p.scroll.h+few, len(p.rows)); y++ {
		if p.rows[y] == entry {
			return true
		}
	}
	return false
}

func (p *helpPane) firstInSight() int {
	if p.scroll.top < len(p.rows) {
		return p.rows[p.scroll.top]
	}
	return 0
}

// enter runs the selected key where that makes sense.
func (p *helpPane) enter(sc *scene, entries []helpEntry) (tea.Msg, bool) {
	e := entries[p.sel]
	switch {
	case e.kind != helpKey:
		return nil, false
	case e.act == actNone:
		return noteMsg(sc.say("help.elsewhere", e.keys)), true
	}
	return actionMsg{e.act}, true
}

// search goes to the next entry that contains what.
func (p *helpPane) search(sc *scene, what string, dir int) bool {
	entries := helpEntries(sc)
	at := p.sel
	if what == p.what {
		at += dir
	}
	p.what = what
	if what == "" {
		return false
	}
	n := len(entries)
	for i := range n {
		j := ((at+i*dir)%n + n) % n
		if containsFold(entries[j].keys+"  "+entries[j].text, what) {
			p.sel, p.reveal = j, true
			return true
		}
	}
	return false
}

// click selects a key; a second one runs it.
func (p *helpPane) click(sc *scene, x, y int, double bool) tea.Msg {
	entries := helpEntries(sc)
	if double {
		msg, _ := p.enter(sc, entries)
		return msg
	}
	if y += p.scroll.top; y >= 0 && y < len(p.rows) && entries[p.rows[y]].kind == helpKey {
		p.sel = p.rows[y]
	}
	return nil
}

func (p *helpPane) wheel(sc *scene, by int) { p.scroll.by(by) }

func (p *helpPane) text(sc *scene) string {
	const width = 100
	fresh := &helpPane{from: sc.helpFor, sel: -1}
	var b strings.Builder
	for _, line := range fresh.draw(sc, width, 1<<20) {
		b.WriteString(strings.TrimRight(ansi.Strip(line), " ") + "\n")
	}
	return b.String()
}

// helpTable is the key table in Markdown, for the README.
func helpTable(lang string) string {
	var b strings.Builder
	b.WriteString("| | |\n| --- | --- |\n")
	for g := range helpGroups {
		fmt.Fprintf(&b, "| **%s** | |\n", helpGroups[g].in(lang))
		for _, row := range keyRows(g) {
			var keys []string
			for _, name := range row.keys {
				keys = append(keys, "`"+strings.ReplaceAll(name, "|", `\|`)+"`")
			}
			fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(keys, " "), strings.ReplaceAll(row.help.in(lang), "|", `\|`))
		}
	}
	return b.String()
}
