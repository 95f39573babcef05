package packetdrill

import (
	"strings"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokInt
	tokHex
	tokFloat
	tokWord
	tokString   // text without the quotes
	tokBack     // … without the backquotes
	tokCode     // … without %{ }%
	tokOption   // … without --
	tokEllipsis // ...
	tokAddr     // 1.2.3.4
	tokPunct    // one character
)

type token struct {
	kind     tokenKind
	text     string
	line     int
	pos, end int
}

// lexer cuts a script into tokens; each is the longest that fits.
type lexer struct {
	name string
	src  string
	pos  int
	line int
}

func (l *lexer) errorf(line int, what string) error {
	return &Error{File: l.name, Line: line, What: what}
}

// skip passes over white space and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case rest[0] == '\n':
			l.line++
			l.pos++
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			l.pos++
		case strings.HasPrefix(rest, "//"):
			i := strings.IndexByte(rest, '\n')
			if i < 0 {
				i = len(rest)
			}
			l.pos += i
		case strings.HasPrefix(rest, "/*"):
			i := strings.Index(rest[2:], "*/")
			if i < 0 {
				return l.errorf(l.line, "comment without end")
			}
			l.line += strings.Count(rest[:i+4], "\n")
			l.pos += i + 4
		default:
			return nil
		}
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func span(s string, ok func(byte) bool) int {
	i := 0
	for i < len(s) && ok(s[i]) {
		i++
	}
	return i
}

func (l *lexer) next() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	t := token{line: l.line, pos: l.pos}
	rest := l.src[l.pos:]
	if rest == "" {
		t.end = l.pos
		return t, nil
	}
	n := 0
	switch {
	case strings.HasPrefix(rest, "..."):
		t.kind, n = tokEllipsis, 3
		t.text = "..."
	case strings.HasPrefix(rest, "--") && span(rest[2:], isWord) > 0:
		n = 2 + span(rest[2:], isWord)
		t.kind, t.text = tokOption, rest[2:n]
	case strings.HasPrefix(rest, "%{"):
		i := strings.Index(rest, "}%")
		if i < 0 {
			return t, l.errorf(l.line, "%{ without }%")
		}
		n = i + 2
		t.kind, t.text = tokCode, rest[2:i]
	case rest[0] == '"' || rest[0] == '`':
		for n = 1; n < len(rest) && rest[n] != rest[0]; n++ {
			if rest[n] == '\\' {
				n++
			}
		}
		if n >= len(rest) {
			return t, l.errorf(l.line, "string without end")
		}
		t.kind, t.text = tokString, rest[1:n]
		if rest[0] == '`' {
			t.kind = tokBack
		}
		n++
	default:
		t.kind, n = scanPlain(rest)
		t.text = rest[:n]
	}
	l.line += strings.Count(rest[:n], "\n")
	l.pos += n
	t.end = l.pos
	return t, nil
}

// scanPlain finds the longest number, address or word at the start of s, or one
// character.
func scanPlain(s string) (tokenKind, int) {
	kind, best := tokPunct, 1
	try := func(k tokenKind, n int) {
		if n > best || n == best && kind == tokPunct && n > 0 {
			kind, best = k, n
		}
	}
	sign := 0
	if s[0] == '-' {
		sign = 1
	}
	whole := span(s[sign:], isDigit)
	if rest := s[sign+whole:]; len(rest) > 1 && rest[0] == '.' {
		if frac := span(rest[1:], isDigit); frac > 0 {
			try(tokFloat, sign+whole+1+frac)
		}
	}
	if whole > 0 {
		try(tokInt, sign+whole)
		if n := scanAddr(s); n > 0 {
			try(tokAddr, n)
		}
	}
	if strings.HasPrefix(s, "0x") {
		if n := span(s[2:], isHex); n > 0 {
			try(tokHex, 2+n)
		}
	}
	try(tokWord, span(s, isWord))
	return kind, best
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func scanAddr(s string) int {
	n := 0
	for i := range 4 {
		if i > 0 {
			if n >= len(s) || s[n] != '.' {
				return 0
			}
			n++
		}
		d := span(s[n:], isDigit)
		if d == 0 {
			return 0
		}
		n += d
	}
	return n
}
