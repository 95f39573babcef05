// Words of gdb's expressions.

package debug

import (
	"fmt"
	"strconv"
	"strings"
)

type tokenKind int

const (
	tokEnd tokenKind = iota
	tokOp
	tokIdent
	tokDollar // $, $$, $1, $name
	tokInt
	tokChar
	tokString
)

type token struct {
	kind tokenKind
	text string
	num  uint64
	long bool // an integer with a suffix or too big for int
	uns  bool
	pos  int
}

var operators = []string{"->", "&&", "||", "==", "!=", "<=", ">=", "<<", ">>",
	"+", "-", "*", "/", "%", "&", "|", "^", "~", "!", "<", ">", "=", "?", ":", ".", ",", "(", ")", "[", "]"}

// lex cuts an expression into words; the last one is tokEnd.
func lex(s string) ([]token, error) {
	var toks []token
	for i := 0; i < len(s); {
		if strings.IndexByte(" \t\r\n", s[i]) >= 0 {
			i++
			continue
		}
		t, n, err := lexOne(s, i)
		if err != nil {
			return nil, err
		}
		toks = append(toks, t)
		i += n
	}
	return append(toks, token{kind: tokEnd, pos: len(s)}), nil
}

func lexOne(s string, i int) (token, int, error) {
	c := s[i]
	switch {
	case c >= '0' && c <= '9':
		n := 1
		for i+n < len(s) && isIdent(s[i+n]) {
			n++
		}
		t, err := lexNumber(s[i : i+n])
		t.pos = i
		return t, n, err
	case c == '$' || isIdent(c):
		n := 1
		for i+n < len(s) && (isIdent(s[i+n]) || c == '$' && n == 1 && s[i+1] == '$') {
			n++
		}
		kind := tokIdent
		if c == '$' {
			kind = tokDollar
		}
		return token{kind: kind, text: s[i : i+n], pos: i}, n, nil
	case c == '\'' || c == '"':
		return lexQuoted(s, i)
	}
	for _, op := range operators {
		if strings.HasPrefix(s[i:], op) {
			return token{kind: tokOp, text: op, pos: i}, len(op), nil
		}
	}
	return token{}, 0, fmt.Errorf("Invalid character '%c' in expression.", c)
}

func lexNumber(s string) (token, error) {
	body := strings.TrimRight(s, "uUlL")
	if strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X") {
		body = s[:2] + strings.TrimRight(s[2:], "uUlL")
	}
	suffix := strings.ToLower(s[len(body):])
	base := 10
	digits := body
	switch {
	case strings.HasPrefix(strings.ToLower(body), "0x"):
		base, digits = 16, body[2:]
	case len(body) > 1 && body[0] == '0':
		base, digits = 8, body[1:]
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
			return token{}, fmt.Errorf("Numeric constant too large.")
		}
		return token{}, fmt.Errorf("Invalid number \"%s\".", s)
	}
	t := token{kind: tokInt, text: s, num: n}
	t.uns = strings.Contains(suffix, "u") || base != 10 && (n>>31 == 1 && n>>32 == 0) || n>>63 == 1
	t.long = strings.Contains(suffix, "l") || n>>32 != 0 || n>>31 != 0 && !t.uns
	return t, nil
}

func lexQuoted(s string, i int) (token, int, error) {
	q := s[i]
	n := 1
	for i+n < len(s) && s[i+n] != q {
		if s[i+n] == '\\' {
			n++
		}
		n++
	}
	if i+n >= len(s) {
		if q == '"' {
			return token{}, 0, fmt.Errorf("Unterminated string in expression.")
		}
		return token{}, 0, fmt.Errorf("Unmatched single quote.")
	}
	text := unescape(s[i+1 : i+n])
	t := token{kind: tokString, text: text, pos: i}
	if q == '\'' {
		if text == "" {
			return token{}, 0, fmt.Errorf("Empty character constant.")
		}
		t.kind, t.num = tokChar, uint64(text[0])
	}
	return t, n + 1, nil
}

// unescape resolves C's escapes.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c >= '0' && c <= '7':
			n := 0
			for j := 0; j < 3 && i < len(s) && s[i] >= '0' && s[i] <= '7'; j++ {
				n = n*8 + int(s[i]-'0')
				i++
			}
			i--
			b.WriteByte(byte(n))
		case strings.IndexByte("abfnrtve", c) >= 0:
			b.WriteByte("\a\b\f\n\r\t\v\x1b"[strings.IndexByte("abfnrtve", c)])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
