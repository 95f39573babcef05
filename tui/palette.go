// The palette: everything that can be done, found by a few letters of it.

package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"menuos/shell"
	"menuos/stack/debug"
)

// typeMsg gives a prompt the focus and types text there, for a person to finish.
type typeMsg struct {
	pane paneID
	text string
}

// paletteItem is one thing to do.
type paletteItem struct {
	name string
	what string   // in the language of the screen
	also string   // further words that find it
	like []string // what it is called for short
	at   string   // at the right: its keys, or where it is typed
	msg  tea.Msg
}

// paletteWindow lists them.
type paletteWindow struct {
	line  typedLine
	items []paletteItem
	fit   []int // the items that fit what is typed, best first
	list  list

	w, h int // as drawn last
	x    int // of the cursor
}

// newPalette makes a palette in the language of the scene.
func newPalette(sc *scene) *paletteWindow {
	p := &paletteWindow{line: newTypedLine(""), items: slices.Concat(paletteKeys(sc), palettePanes(sc), paletteShell(sc), paletteGdb(sc))}
	p.filter()
	return p
}

// paletteKeys are the actions of the key table. Those that move within a pane are
// left out, because a window stands between them and the pane, and those that
// mean nothing in the pane that has the focus.
func paletteKeys(sc *scene) []paletteItem {
	var out []paletteItem
	where := make(map[action]int)
	for i := range bindings {
		b := &bindings[i]
		if !b.act.alone() || b.act == actPalette || b.panes != nil && !slices.Contains(b.panes, sc.focus) {
			continue
		}
		if at, twice := where[b.act]; twice {
			out[at].at += " " + strings.Join(keysShown(b), " ")
			continue
		}
		where[b.act] = len(out)
		name, what := b.hint.in(sc.lang), b.help.in(sc.lang)
		if head, rest := named(what); name == "" || head == name {
			name, what = head, rest
		}
		out = append(out, paletteItem{name: name, what: what, also: b.hint.en + " " + b.help.en,
			at: strings.Join(keysShown(b), " "), msg: actionMsg{b.act}})
	}
	for i := range out {
		out[i].at = strings.Join(slices.Compact(strings.Fields(out[i].at)), " ")
	}
	return out
}

func palettePanes(sc *scene) []paletteItem {
	var out []paletteItem
	for id := paneShell; id < paneEnd; id++ {
		out = append(out, paletteItem{name: sc.say(fmt.Sprintf("pane.%d", id)), what: sc.say(fmt.Sprintf("help.pane.%d", id)),
			also: words[fmt.Sprintf("pane.%d", id)].en, at: fmt.Sprintf("Alt-%d", id%10), msg: actionMsg{actFocusPane + action(id)}})
	}
	return out
}

// paletteShell are MenuOS's commands. One that takes arguments is typed for a
// person to finish.
func paletteShell(sc *scene) []paletteItem {
	var out []paletteItem
	for _, c := range shell.Commands() {
		if c.Hidden {
			continue
		}
		item := paletteItem{name: c.Name, what: c.SummaryIn(sc.lang), also: c.SummaryIn("en"), at: sc.say("pane.1"), msg: shellMsg{c.Name}}
		if c.Usage != "" {
			item.name += " " + c.Usage
			item.msg = typeMsg{paneShell, c.Name + " "}
		}
		out = append(out, item)
	}
	return out
}

func paletteGdb(sc *scene) []paletteItem {
	var out []paletteItem
	for _, c := range debug.Commands() {
		item := paletteItem{name: c.Usage, what: c.Summary(sc.lang), also: c.Summary("en"), at: sc.say("pane.2"), like: c.Aliases, msg: typeMsg{paneGdb, c.Name}}
		if c.Usage != c.Name {
			item.msg = typeMsg{paneGdb, c.Name + " "}
		}
		out = append(out, item)
	}
	return out
}

// filter keeps what fits the line. What is called so comes before what is
// described so.
func (p *paletteWindow) filter() {
	const named = 1000
	query := strings.TrimSpace(p.line.value())
	score := make(map[int]int)
	p.fit = p.fit[:0]
	for i, item := range p.items {
		n, ok := fuzzy(query, item.name)
		switch {
		case slices.Contains(item.like, query):
			n, ok = 2*named, true
		case ok:
			n += named
		default:
			n, ok = fuzzy(query, item.name+" "+item.what+" "+item.also+" "+item.at)
		}
		if ok {
			score[i] = n
			p.fit = append(p.fit, i)
		}
	}
	if query != "" {
		slices.SortStableFunc(p.fit, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	}
	p.list = list{n: len(p.fit), h: p.list.h}
}

// Widest and highest that the palette gets.
const (
	paletteWidth  = 92
	paletteHeight = 24
)

func (p *paletteWindow) draw(sc *scene, w, h int) (lines []string, x, y int) {
	p.w, p.h = min(w, paletteWidth), min(h, paletteHeight)
	if w > paletteWidth/2 {
		p.w = min(p.w, w-2)
	}
	inner := max(p.w-2*frameEdge, 0)
	p.list.size(len(p.fit), p.h-4)
	mark := sc.glyph.selected + " "
	text, cursor := p.line.draw(inner - cells(mark))
	p.x = frameEdge + cells(mark) + cursor
	lines = append(lines, sc.ink.key.on(mark)+text, sc.ink.rule.on(strings.Repeat(sc.glyph.horizontal, inner)))
	if len(p.fit) == 0 {
		lines = append(lines, sc.ink.dim.on(sc.say("palette.none")))
	}
	from, to := p.list.span()
	for row := from; row < to; row++ {
		lines = append(lines, p.row(sc, p.items[p.fit[row]], row == p.list.sel, inner))
	}
	x, y = centred(p.w, p.h, w, h)
	count := fmt.Sprintf("%d/%d", min(p.list.sel+1, len(p.fit)), len(p.fit))
	return framed(sc.look, sc.say("palette.title"), count, sc.say("palette.hint"), lines, p.w, p.h), x, y
}

// row is a thing to do: what it is called, what it does, how else it is done.
func (p *paletteWindow) row(sc *scene, item paletteItem, selected bool, w int) string {
	tail := sc.glyph.ellipsis
	at := cut(item.at, w/3, tail)
	nameW := min(28, w/2)
	name := ""
	if item.name != "" {
		name = fit(sc.ours(item.name), nameW, tail) + " "
	}
	what := fit(sc.ours(item.what), max(w-2-cells(name)-cells(at), 0), tail)
	if selected {
		return sc.ink.selected.on(fit(sc.glyph.selected+name+what+" "+at, w, tail))
	}
	return " " + sc.ink.bold.on(name) + sc.ink.plain.on(what) + " " + sc.ink.key.on(at)
}

func (p *paletteWindow) key(sc *scene, k tea.KeyPressMsg) (msg tea.Msg, closed bool) {
	switch name := k.String(); name {
	case "enter", "ctrl+j", "ctrl+m":
		return p.choose(p.list.sel)
	case "esc", "ctrl+g", "ctrl+k":
		return nil, true
	case "up", "ctrl+p":
		p.list.act(actUp)
	case "down", "ctrl+n", "tab":
		p.list.act(actDown)
	case "pgup":
		p.list.act(actPageUp)
	case "pgdown":
		p.list.act(actPageDown)
	default:
		if p.line.key(k) {
			p.filter()
		}
	}
	return nil, false
}

func (p *paletteWindow) choose(row int) (msg tea.Msg, closed bool) {
	if row < 0 || row >= len(p.fit) {
		return nil, false
	}
	return p.items[p.fit[row]].msg, true
}

func (p *paletteWindow) paste(sc *scene, text string) tea.Msg {
	if p.line.paste(text) {
		p.filter()
	}
	return nil
}

// click chooses a row; outside of the window it closes it.
func (p *paletteWindow) click(sc *scene, x, y int) (msg tea.Msg, closed bool) {
	if !within(x, y, p.w, p.h) {
		return nil, true
	}
	from, to := p.list.span()
	if row := from + y - 3; y >= 3 && row < to {
		return p.choose(row)
	}
	return nil, false
}

func (p *paletteWindow) wheel(sc *scene, by int) { p.list.wheel(by) }

func (p *paletteWindow) cursor() (x, y int, ok bool) {
	return min(p.x, max(p.w-1, 0)), min(1, p.h-1), true
}
