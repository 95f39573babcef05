// The scrollback of a prompt: what was printed, kept as it came and made fit for
// the screen only when it is drawn, so that a flood costs no more than its copy.

package tui

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

const (
	// scrollLines is how many lines are kept; a mark says how many were dropped.
	scrollLines = 10_000
	// lineLimit is how many bytes of a line are kept; a mark says how many were not.
	lineLimit = 4096
	// tabStop is the distance of a terminal's tab stops in cells.
	tabStop = 8
)

// printed is a line as it was printed.
type printed struct {
	raw  []byte
	more int // bytes beyond lineLimit
}

// scrollback is a ring of lines. A line is known by its number, which counts all
// lines since the start from 0; the last one may still be open.
type scrollback struct {
	ring  []printed // line n at n % scrollLines
	first int       // number of the oldest line that is kept
	end   int       // number of the open line
	open  printed   // what was printed since the last line feed
}

// write adds output, which may end amid a line, a character or a sequence.
func (b *scrollback) write(s string) {
	if over := strings.Count(s, "\n") - scrollLines; over > 0 { // the first ones would not stay
		from := len(s)
		for range scrollLines + 1 {
			from = strings.LastIndexByte(s[:from], '\n')
		}
		s = s[from+1:]
		b.open = printed{raw: b.open.raw[:0]}
		b.end += over
	}
	for {
		i := strings.IndexByte(s, '\n')
		if i < 0 {
			b.open.add(s)
			return
		}
		b.open.add(s[:i])
		b.endLine()
		s = s[i+1:]
	}
}

// endLine closes the open line. The buffer of the line that is dropped for it
// becomes the next open one's.
func (b *scrollback) endLine() {
	if b.ring == nil {
		b.ring = make([]printed, scrollLines)
	}
	old := &b.ring[b.end%scrollLines]
	*old, b.open = b.open, printed{raw: old.raw[:0]}
	b.end++
	b.first = max(b.first, b.end-scrollLines)
}

// fresh closes the open line if anything stands on it.
func (b *scrollback) fresh() {
	if !b.open.empty() {
		b.endLine()
	}
}

func (p *printed) empty() bool { return len(p.raw) == 0 && p.more == 0 }

// add appends a part of a line.
func (p *printed) add(s string) {
	if len(s) > lineLimit { // of a line that is drawn over and over the end counts
		if i := strings.IndexByte(s[len(s)-lineLimit:], '\r'); i >= 0 {
			s = s[len(s)-lineLimit+i:]
		}
	}
	for p.more == 0 && s != "" {
		n := min(len(s), lineLimit-len(p.raw))
		p.raw, s = append(p.raw, s[:n]...), s[n:]
		if s != "" && !p.settle() {
			whole := wholeCharacters(p.raw)
			p.raw, p.more = whole, len(p.raw)-len(whole)
			break
		}
	}
	p.more += len(s)
}

// settle forgets what has been drawn over, up to the last carriage return; it
// reports whether that made room.
func (p *printed) settle() bool {
	i := bytes.LastIndexByte(p.raw, '\r')
	if i < 0 {
		return false
	}
	under, over := clean(p.raw[:i]), p.raw[i+1:]
	if utf8.RuneCountInString(under) <= utf8.RuneCountInString(clean(over)) {
		under = ""
	}
	settled := append([]byte(under), p.raw[i:]...)
	if len(settled) >= len(p.raw) {
		return false
	}
	p.raw = append(p.raw[:0], settled...)
	return true
}

// wholeCharacters is b without a character at its end that is not all there.
func wholeCharacters(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}

// lowest and highest are the numbers of the lines that can be shown: the mark of
// what was dropped is the line before the first.
func (b *scrollback) lowest() int {
	if b.first > 0 {
		return b.first - 1
	}
	return 0
}

func (b *scrollback) highest() int {
	if b.open.empty() {
		return b.end - 1
	}
	return b.end
}

// at is line n.
func (b *scrollback) at(n int) *printed {
	if n == b.end {
		return &b.open
	}
	return &b.ring[n%scrollLines]
}

// shown is a line made fit for the screen, and its inks.
type shown struct {
	s     string
	spans []span
}

// span is the part of a line that an ink covers, in bytes.
type span struct {
	from, to int
	ink      ink
}

// line makes line n fit for the screen.
func (b *scrollback) line(l *look, n int) shown {
	if n < b.first {
		rule := strings.Repeat(l.glyph.horizontal, 2)
		s := rule + " " + l.say("prompt.dropped", b.first) + " " + rule
		return shown{s, []span{{0, len(s), l.ink.dim}}}
	}
	p := b.at(n)
	raw := p.raw
	if n == b.end { // what is missing of a character may be on its way
		raw = wholeCharacters(raw)
	}
	s := clean(raw)
	spans := highlight(l, s)
	if p.more > 0 {
		from := len(s)
		s += l.say("prompt.cut", p.more)
		spans = append(spans, span{from, len(s), l.ink.dim})
	}
	return shown{s, spans}
}

// text is the last lines that are kept, at most n.
func (b *scrollback) text(l *look, n int) string {
	var s strings.Builder
	for i := max(b.first, b.highest()-n+1); i <= b.highest(); i++ {
		s.WriteString(b.line(l, i).s + "\n")
	}
	return s.String()
}

// rows are the places, in bytes, at which the rows of w cells begin into which
// the line is cut; there is at least one.
func (s *shown) rows(w int) []int {
	starts := []int{0}
	col := 0
	for i := 0; i < len(s.s); {
		size, width := 1, 1
		if s.s[i] >= utf8.RuneSelf || i+1 < len(s.s) && s.s[i+1] >= utf8.RuneSelf {
			var cluster string
			cluster, width = ansi.FirstGraphemeCluster(s.s[i:], ansi.GraphemeWidth)
			size = len(cluster)
		}
		if col+width > w && col > 0 {
			starts = append(starts, i)
			col = 0
		}
		col += width
		i += size
	}
	return starts
}

// row is the i-th of the rows with its inks.
func (s *shown) row(starts []int, i int) string {
	from, to := starts[i], len(s.s)
	if i+1 < len(starts) {
		to = starts[i+1]
	}
	out := ""
	for _, sp := range s.spans {
		a, z := max(sp.from, from), min(sp.to, to)
		if a >= z {
			continue
		}
		out += s.s[from:a] + sp.ink.on(s.s[a:z])
		from = z
	}
	return out + s.s[from:to]
}

// highlight finds what has an ink in a line of output: a prompt with which it
// begins, or the number and the function of a frame.
func highlight(l *look, s string) []span {
	for _, prompt := range []string{"MenuOS>>", "(gdb) "} {
		if strings.HasPrefix(s, prompt) {
			return []span{{0, len(prompt), l.ink.prompt}}
		}
	}
	if !strings.HasPrefix(s, "#") {
		return nil
	}
	digits := 1
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	at := digits
	for at < len(s) && s[at] == ' ' {
		at++
	}
	if digits == 1 || at == digits {
		return nil
	}
	if addr, _, ok := strings.Cut(s[at:], " in "); ok && strings.HasPrefix(addr, "0x") && !strings.Contains(addr, " ") {
		at += len(addr) + len(" in ")
	}
	name, _, ok := strings.Cut(s[at:], " (")
	if !ok || strings.Contains(name, " ") {
		return nil
	}
	return []span{{0, digits, l.ink.number}, {at, at + len(name), l.ink.bold}}
}

// clean makes what a program printed on a line harmless: tabs become blanks,
// what follows a carriage return overwrites, escape sequences vanish, other
// control characters show as ^X and bytes that are no UTF-8 as \xNN.
func clean(raw []byte) string {
	if plainASCII(raw) {
		return string(raw)
	}
	line := ""
	for part := range bytes.SplitSeq(raw, []byte{'\r'}) {
		if len(part) > 0 {
			line = overwrite(line, cleanPart(string(part)))
		}
	}
	return line
}

func plainASCII(raw []byte) bool {
	for _, c := range raw {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// overwrite puts s over the beginning of a line, character by character.
func overwrite(line, s string) string {
	for range s {
		if line == "" {
			break
		}
		_, size := utf8.DecodeRuneInString(line)
		line = line[size:]
	}
	return s + line
}

// cleanPart is clean for what has no carriage return.
func cleanPart(s string) string {
	var out []byte
	col, measured := 0, 0 // cells of out, up to the byte measured
	for s != "" {
		c := s[0]
		switch {
		case c == '\t':
			col += cells(string(out[measured:]))
			n := tabStop - col%tabStop
			out = append(out, blank(n)...)
			col, measured = col+n, len(out)
		case c == ansi.ESC:
			if _, _, n, state := ansi.DecodeSequence(s, ansi.NormalState, nil); n > 1 && state == ansi.NormalState {
				s = s[n:]
				continue
			}
			out = append(out, "^["...)
		case c < ' ' || c == 0x7f:
			out = append(out, '^', c^0x40)
		case c < utf8.RuneSelf:
			out = append(out, c)
		default:
			r, size := utf8.DecodeRuneInString(s)
			if r == utf8.RuneError && size == 1 || unicode.IsControl(r) {
				out = fmt.Appendf(out, `\x%02x`, s[size-1])
			} else {
				out = append(out, s[:size]...)
			}
			s = s[size:]
			continue
		}
		s = s[1:]
	}
	return string(out)
}
