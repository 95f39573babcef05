// The Go source of a frame, in a window.

package tui

import (
	"fmt"
	"go/scanner"
	"go/token"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// sourceWindow shows a file around a line.
type sourceWindow struct {
	title string
	file  string
	lines []sourceLine
	at    int // index of the line that is marked

	scroll scroller
	left   int // cells scrolled to the right
	begun  bool
	asks   *askWindow // a search being typed
	what   string     // what was searched for
	found  int        // line of the match
	w, h   int        // as drawn last
}

// sourceLine is a line of a program in runs of one class.
type sourceLine []sourceRun

type sourceRun struct {
	text  string
	class sourceClass
}

// sourceClass is what a word of a program is.
type sourceClass int

const (
	sourcePlain sourceClass = iota
	sourceComment
	sourceKeyword
	sourceString
)

// newSource shows the lines of a file with one of them, counted from 1, marked.
func newSource(title, file string, line int, lines []string) *sourceWindow {
	return &sourceWindow{title: title, file: file, lines: readSource(lines), at: line - 1, found: line - 1}
}

// tabWidth is how many cells a tab of the source takes.
const tabWidth = 4

// readSource classes the words of a Go file.
func readSource(lines []string) []sourceLine {
	src := []byte(strings.Join(lines, "\n"))
	class := make([]sourceClass, len(src))
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		c := sourcePlain
		switch {
		case tok == token.COMMENT:
			c = sourceComment
		case tok == token.STRING || tok == token.CHAR:
			c = sourceString
		case tok.IsKeyword():
			c = sourceKeyword
		}
		from := file.Offset(pos)
		for i := from; i < min(from+len(lit), len(class)); i++ {
			class[i] = c
		}
	}
	out := make([]sourceLine, 0, len(lines))
	at := 0
	for _, line := range lines {
		out = append(out, runsOf(line, class[at:at+len(line)]))
		at += len(line) + 1
	}
	return out
}

// runsOf cuts a line where the class changes and makes blanks of its tabs.
func runsOf(line string, class []sourceClass) sourceLine {
	var out sourceLine
	col := 0
	for i, r := range line {
		text := string(r)
		switch {
		case r == '\t':
			text = blank(tabWidth - col%tabWidth)
		case r < ' ' || r == 0x7f:
			text = "?"
		}
		col += cells(text)
		if n := len(out); n > 0 && out[n-1].class == class[i] {
			out[n-1].text += text
		} else {
			out = append(out, sourceRun{text, class[i]})
		}
	}
	return out
}

func (l sourceLine) plain() string {
	s := ""
	for _, r := range l {
		s += r.text
	}
	return s
}

func (l sourceLine) paint(lk *look) string {
	in := map[sourceClass]ink{sourcePlain: lk.ink.plain, sourceComment: lk.ink.dim, sourceKeyword: lk.ink.bold, sourceString: lk.ink.good}
	s := ""
	for _, r := range l {
		s += in[r.class].on(r.text)
	}
	return s
}

// Widest and highest that the window gets, and what it leaves of the screen.
const (
	sourceWidth  = 110
	sourceHeight = 60
	sourceMargin = 4
)

func (s *sourceWindow) draw(sc *scene, w, h int) (lines []string, x, y int) {
	s.w, s.h = min(w, sourceWidth), min(h, sourceHeight)
	if w > 60 {
		s.w = min(s.w, w-sourceMargin)
	}
	if h > 20 {
		s.h = min(s.h, h-sourceMargin)
	}
	inner, room := max(s.w-2*frameEdge, 0), max(s.h-2, 1)
	ask := ""
	if s.asks != nil {
		lines, _, _ := s.asks.draw(sc, inner, 1)
		ask = lines[0]
		room = max(room-1, 1)
	}
	s.scroll.size(len(s.lines), room)
	if !s.begun {
		s.begun = true
		s.scroll.top = 0
		s.scroll.by(s.at - room/3)
	}
	for i := s.scroll.top; i < min(s.scroll.top+room, len(s.lines)); i++ {
		lines = append(lines, s.line(sc, i, inner))
	}
	if ask != "" {
		for len(lines) < room {
			lines = append(lines, "")
		}
		lines = append(lines, ask)
	}
	x, y = centred(s.w, s.h, w, h)
	right := fmt.Sprintf("%s:%d", s.file, s.at+1)
	return framed(sc.look, s.title, right, sc.say("source.hint"), lines, s.w, s.h), x, y
}

// line is a line of the file: its mark, its number, its text.
func (s *sourceWindow) line(sc *scene, i, w int) string {
	digits := len(fmt.Sprint(len(s.lines)))
	mark := " "
	if i == s.at {
		mark = sc.glyph.arrowRight
	}
	head := fmt.Sprintf("%s%*d ", mark, digits, i+1)
	text := clip(paintMatches(sc.look, s.lines[i].paint(sc.look), s.what), s.left, max(w-cells(head), 0))
	switch i {
	case s.at:
		return sc.ink.lit.on(head) + text
	case s.found:
		return sc.ink.match.on(head) + text
	}
	return sc.ink.dim.on(head) + text
}

func (s *sourceWindow) key(sc *scene, k tea.KeyPressMsg) (msg tea.Msg, closed bool) {
	name := k.String()
	if s.asks != nil {
		msg, done := s.asks.key(sc, k)
		if done {
			s.asks = nil
		}
		if m, ok := msg.(searchMsg); ok {
			s.search(m.text, m.dir)
		}
		return nil, false
	}
	switch name {
	case "esc", "q":
		if s.what != "" && name == "esc" {
			s.search("", 1)
			return nil, false
		}
		return nil, true
	case "/":
		s.asks = newSearch(sc.say("search"), s.what)
	case "n", "ctrl+n":
		s.search(s.what, 1)
	case "N", "shift+n", "ctrl+p":
		s.search(s.what, -1)
	case "y":
		return copyMsg{s.text()}, false
	default:
		s.move(lookup(name, false, paneNone))
	}
	return nil, false
}

func (s *sourceWindow) move(a action) {
	switch a {
	case actLeft:
		s.left = max(s.left-8, 0)
	case actRight:
		s.left = min(s.left+8, max(s.widest()-8, 0))
	case actFollow: // the End key
		s.scroll.act(actEnd)
	default:
		s.scroll.act(a)
	}
}

func (s *sourceWindow) widest() int {
	w := 0
	for _, line := range s.lines {
		w = max(w, cells(line.plain()))
	}
	return w
}

// search goes to the next line that contains what: from the last match on if
// what is new, else beyond it.
func (s *sourceWindow) search(what string, dir int) {
	at := s.found
	if what == s.what {
		at += dir
	}
	s.what = what
	if what == "" {
		s.found = s.at
		return
	}
	n := len(s.lines)
	for i := range n {
		j := ((at+i*dir)%n + n) % n
		if containsFold(s.lines[j].plain(), what) {
			s.found = j
			if j < s.scroll.top || j >= s.scroll.top+s.scroll.h {
				s.scroll.by(j - s.scroll.h/3 - s.scroll.top)
			}
			return
		}
	}
}

func (s *sourceWindow) text() string {
	var b strings.Builder
	for _, line := range s.lines {
		b.WriteString(line.plain() + "\n")
	}
	return b.String()
}

func (s *sourceWindow) paste(sc *scene, text string) tea.Msg {
	if s.asks != nil {
		if m, ok := s.asks.paste(sc, text).(searchMsg); ok {
			s.search(m.text, m.dir)
		}
	}
	return nil
}

func (s *sourceWindow) click(sc *scene, x, y int) (tea.Msg, bool) {
	return nil, !within(x, y, s.w, s.h)
}

func (s *sourceWindow) wheel(sc *scene, by int) { s.scroll.by(by) }

func (s *sourceWindow) cursor() (x, y int, ok bool) {
	if s.asks == nil || !framable(s.w, s.h) {
		return 0, 0, false
	}
	x, _, ok = s.asks.cursor()
	return x + frameEdge, s.h - 2, ok
}
