// The line at a prompt: an editor with the keys of Emacs, its history, and the
// search in it.

package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
)

// promptLimit is how long a line may become, in characters: as long as a
// terminal's.
const promptLimit = 4096

// prompt is the line that is typed.
type prompt struct {
	edit   textinput.Model
	killed string // what was cut last
	shift  int    // characters that the view leaves out at the left

	hist   []string // oldest first
	recent int      // how many of them, the last ones, are of this session
	at     int      // the one in the line; len(hist): none
	draft  string   // the unfinished line while an older one is in its place

	search *search // nil: none
	sought string  // what was searched for last
}

// search is a search in the history, backward as one types.
type search struct {
	what   string
	at     int // the line that was found; len(hist): none
	failed bool
	line   string // what was in the line before
	pos    int
}

func newPrompt(history []string) *prompt {
	p := &prompt{edit: textinput.New(), at: len(history)}
	for _, line := range history { // from a file, in which anything may stand
		p.hist = append(p.hist, clean([]byte(line)))
	}
	p.edit.SetVirtualCursor(false)
	p.edit.CharLimit = promptLimit
	keys := &p.edit.KeyMap
	// The console completes and pastes, and history takes the place of suggestions.
	keys.AcceptSuggestion, keys.NextSuggestion, keys.PrevSuggestion, keys.Paste =
		key.NewBinding(), key.NewBinding(), key.NewBinding(), key.NewBinding()
	p.edit.Focus()
	return p
}

func (p *prompt) line() string { return p.edit.Value() }

func (p *prompt) empty() bool { return p.edit.Value() == "" }

// before and behind are the line up to the cursor, and the rest.
func (p *prompt) before() string { return string([]rune(p.edit.Value())[:p.edit.Position()]) }

func (p *prompt) behind() string { return string([]rune(p.edit.Value())[p.edit.Position():]) }

// set replaces the line; the cursor stands between the two parts.
func (p *prompt) set(before, behind string) {
	p.edit.SetValue(before + behind)
	p.edit.SetCursor(utf8.RuneCountInString(before))
}

// move moves the cursor by cells from the position pos, to the left if negative.
func (p *prompt) move(pos, by int) {
	line := []rune(p.edit.Value())
	pos = min(pos, len(line))
	for by < 0 && pos > 0 {
		pos--
		by += cells(string(line[pos]))
	}
	for by > 0 && pos < len(line) {
		if by -= cells(string(line[pos])); by >= 0 {
			pos++
		}
	}
	p.edit.SetCursor(pos)
}

// insert types a text.
func (p *prompt) insert(text string) {
	p.edit, _ = p.edit.Update(tea.PasteMsg{Content: text})
}

// cuts tells whether a key cuts text that ctrl+y brings back.
func (p *prompt) cuts(k tea.KeyPressMsg) bool {
	m := &p.edit.KeyMap
	return key.Matches(k, m.DeleteWordBackward, m.DeleteWordForward, m.DeleteAfterCursor, m.DeleteBeforeCursor)
}

// edits does what an editing key does; false: the key is none.
func (p *prompt) edits(k tea.KeyPressMsg) bool {
	m := &p.edit.KeyMap
	pos, old := p.edit.Position(), []rune(p.edit.Value())
	switch {
	case k.Keystroke() == "ctrl+y":
		p.insert(p.killed)
		return true
	case key.Matches(k, m.DeleteAfterCursor) && pos == len(old):
		return false // nothing to cut: the key is somebody else's
	case key.Matches(k, m.DeleteWordForward) && pos == len(old)-1:
		// textinput reads behind the end of the line when one character is left.
		p.killed = string(old[pos:])
		p.set(string(old[:pos]), "")
		return true
	case p.cuts(k):
		p.edit, _ = p.edit.Update(k)
		if n := len(old) - len([]rune(p.edit.Value())); n > 0 {
			from := p.edit.Position()
			p.killed = string(old[from : from+n])
		}
		return true
	case key.Matches(k, m.CharacterForward, m.CharacterBackward, m.WordForward, m.WordBackward,
		m.DeleteCharacterBackward, m.DeleteCharacterForward, m.LineStart, m.LineEnd):
		p.edit, _ = p.edit.Update(k)
		return true
	}
	return false
}

// take gives the line to be run, remembers it and empties the prompt.
func (p *prompt) take() string {
	line := p.line()
	p.remember(line)
	p.set("", "")
	return line
}

// remember adds a line to the history.
func (p *prompt) remember(line string) {
	if n := len(p.hist); strings.TrimSpace(line) != "" && (n == 0 || p.hist[n-1] != line) {
		p.hist = append(p.hist, line)
		p.recent++
	}
	p.at, p.draft = len(p.hist), ""
}

// walk puts an older (-1) or newer (1) line of the history in place.
func (p *prompt) walk(dir int) {
	to := p.at + dir
	if to < 0 || to > len(p.hist) {
		return
	}
	if p.at == len(p.hist) {
		p.draft = p.line()
	}
	p.at = to
	if to == len(p.hist) {
		p.set(p.draft, "")
		return
	}
	p.set(p.hist[to], "")
}

// startSearch begins to search in the history.
func (p *prompt) startSearch() {
	p.search = &search{at: len(p.hist), line: p.line(), pos: p.edit.Position()}
}

// find looks for what from a line on, in the direction dir. Without a match the
// last one stays.
func (p *prompt) find(what string, from, dir int) {
	s := p.search
	s.what, s.failed = what, false
	if what == "" {
		s.at = len(p.hist)
		return
	}
	for i := from; i >= 0 && i < len(p.hist); i += dir {
		if strings.Contains(p.hist[i], what) {
			s.at = i
			return
		}
	}
	s.failed = true
}

// found is the line that the search stands on, and the place of the match in it
// in bytes.
func (p *prompt) found() (line string, at int) {
	s := p.search
	if s.at >= len(p.hist) {
		return "", 0
	}
	return p.hist[s.at], max(0, strings.Index(p.hist[s.at], s.what))
}

// endSearch leaves the search; take puts what was found in the line.
func (p *prompt) endSearch(take bool) {
	s := p.search
	line, at := p.found()
	p.search = nil
	if s.what != "" {
		p.sought = s.what
	}
	if take && s.at < len(p.hist) {
		if p.at == len(p.hist) {
			p.draft = s.line
		}
		p.at = s.at
		p.set(line[:at], line[at:])
	}
}

// searchKey does what a key means to the search; false: the search has ended, and
// the key is still to be handled.
func (p *prompt) searchKey(k tea.KeyPressMsg) bool {
	s := p.search
	if typed := typedText(k); typed != "" {
		p.find(s.what+typed, min(s.at, len(p.hist)-1), -1)
		return true
	}
	switch k.Keystroke() {
	case "ctrl+r":
		if s.what == "" {
			p.find(p.sought, len(p.hist)-1, -1)
			return true
		}
		p.find(s.what, s.at-1, -1)
	case "ctrl+s":
		p.find(s.what, s.at+1, 1)
	case "backspace", "ctrl+h":
		if s.what != "" {
			_, size := utf8.DecodeLastRuneInString(s.what)
			p.find(s.what[:len(s.what)-size], len(p.hist)-1, -1)
		}
	case "ctrl+g":
		p.endSearch(false)
	case "esc":
		p.endSearch(true)
	default:
		p.endSearch(true)
		return false
	}
	return true
}

// typedText is the text that a key types; empty: it is no such key.
func typedText(k tea.KeyPressMsg) string {
	if k.Mod&(tea.ModCtrl|tea.ModAlt|tea.ModMeta|tea.ModSuper|tea.ModHyper) != 0 || strings.IndexFunc(k.Text, unicode.IsControl) >= 0 {
		return ""
	}
	return k.Text
}

// row draws a prefix and the line behind it in one row of w cells; x is the
// cursor's cell. The prefix gives way where there is little room.
func (p *prompt) row(l *look, w int, prefix string) (row string, x int) {
	if p.search != nil {
		line, at := p.found()
		return p.rowOf(l, w, p.searchSign(l, w-leastRoom(line, w)), line, utf8.RuneCountInString(line[:at]))
	}
	return p.rowOf(l, w, prefix, p.line(), p.edit.Position())
}

// leastRoom is how many of w cells a line and its cursor have at least; what
// stands before it gives way for that.
func leastRoom(line string, w int) int { return max(1, min(cells(line)+1, w/2, 16)) }

// searchSign is what stands before the line that was found: as bash has it, or
// shorter if that takes more than w cells.
func (p *prompt) searchSign(l *look, w int) string {
	name := "prompt.search"
	if p.search.failed {
		name = "prompt.failed"
	}
	sign := l.say(name, p.search.what)
	if cells(sign) > w {
		sign = l.say(name+".short", p.search.what)
	}
	return l.ink.prompt.on(sign)
}

func (p *prompt) rowOf(l *look, w int, prefix, line string, pos int) (row string, x int) {
	taken := cells(prefix)
	if most := w - leastRoom(line, w); taken > most { // its end says more
		prefix = clip(prefix, taken-most, most)
		taken = cells(prefix)
	}
	text, x := p.view(l, []rune(line), pos, w-taken)
	return cut(prefix+text, w, ""), min(taken+x, w-1)
}

// view is the part of a line around the cursor that fits in w cells, with marks
// where something is left out.
func (p *prompt) view(l *look, line []rune, pos, w int) (text string, x int) {
	wide := make([]int, len(line))
	total := 0
	for i, r := range line {
		wide[i] = cells(string(r))
		total += wide[i]
	}
	if total < w {
		p.shift = 0
		return string(line), cells(string(line[:pos]))
	}
	mark := 0 // cells of a mark
	if w >= 4 {
		mark = 1
	}
	p.shift = shiftView(wide, p.shift, pos, w-mark, mark)
	left := ""
	if p.shift > 0 && mark > 0 {
		left = l.ink.dim.on(l.glyph.ellipsis)
	}
	room := w - cells(left)
	end := p.shift
	for end < len(line) && wide[end] <= room {
		room -= wide[end]
		end++
	}
	right := ""
	if end < len(line) && mark > 0 {
		for room < mark && end > p.shift {
			end--
			room += wide[end]
		}
		right = l.ink.dim.on(l.glyph.ellipsis)
	}
	return left + string(line[p.shift:end]) + right, cells(left) + cells(string(line[p.shift:pos]))
}

// shiftView moves the first character that shows so that the cursor stands within
// the w cells from there on, with a wide character and a mark behind it if the
// line goes on, and so that no room is wasted behind the line's end.
func shiftView(wide []int, shift, pos, w, mark int) int {
	shift = min(shift, len(wide))
	if pos < shift+mark {
		shift = max(0, pos-max(mark, w/4))
	}
	sum := func(cells []int) (n int) {
		for _, c := range cells {
			n += c
		}
		return n
	}
	most := w
	if pos < len(wide) {
		most = max(1, w-mark-1)
	}
	for n := sum(wide[shift:pos]); shift < pos && n >= most; shift++ {
		n -= wide[shift]
	}
	for n := sum(wide[shift:]); shift > 0 && n+wide[shift-1] < w; shift-- {
		n += wide[shift-1]
	}
	return shift
}
