package packetdrill

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// value is what Python code computes with here: a number or a string.
type value struct {
	n    float64
	s    string
	text bool
}

func (v value) truth() bool { return v.text && v.s != "" || !v.text && v.n != 0 }

func (v value) String() string {
	if v.text {
		return v.s
	}
	return strconv.FormatFloat(v.n, 'f', -1, 64)
}

func boolean(b bool) value {
	if b {
		return value{n: 1}
	}
	return value{}
}

// evaluator reads and computes one expression: or, and, not, chained
// comparisons, | & + - * / // %, abs, min, max.
type evaluator struct {
	vars   map[string]value
	rest   string
	tok    string
	failed string
	depth  int
	names  []string // variables read
}

func (e *evaluator) load(s string) {
	e.rest = s
	e.next()
}

func (e *evaluator) fail(format string, args ...any) value {
	if e.failed == "" {
		e.failed = "cannot make sense of " + fmt.Sprintf(format, args...)
	}
	e.rest, e.tok = "", ""
	return value{}
}

// used tells the values of the variables that the expression has read.
func (e *evaluator) used() string {
	var parts []string
	for _, name := range e.names {
		parts = append(parts, name+" = "+e.vars[name].String())
	}
	return strings.Join(parts, ", ")
}

func (e *evaluator) next() {
	s := strings.TrimSpace(e.rest)
	n := 0
	switch {
	case s == "":
	case s[0] == '\'' || s[0] == '"':
		if i := strings.IndexByte(s[1:], s[0]); i >= 0 {
			n = i + 2
		} else {
			n = len(s)
		}
	case isWord(s[0]) || s[0] == '.':
		n = span(s, func(c byte) bool { return isWord(c) || c == '.' })
	default:
		n = 1
		for _, op := range []string{"==", "!=", "<=", ">=", "//"} {
			if strings.HasPrefix(s, op) {
				n = 2
			}
		}
	}
	e.tok, e.rest = s[:n], s[n:]
}

func (e *evaluator) accept(tok string) bool {
	if e.tok != tok {
		return false
	}
	e.next()
	return true
}

func (e *evaluator) expr() value {
	v := e.and()
	for e.accept("or") {
		w := e.and()
		v = boolean(v.truth() || w.truth())
	}
	return v
}

func (e *evaluator) and() value {
	v := e.not()
	for e.accept("and") {
		w := e.not()
		v = boolean(v.truth() && w.truth())
	}
	return v
}

func (e *evaluator) not() value {
	if e.depth++; e.depth > maxDepth {
		return e.fail("so deep an expression")
	}
	defer func() { e.depth-- }()
	if e.accept("not") {
		return boolean(!e.not().truth())
	}
	left := e.binary(0)
	all, compared := true, false
	for {
		op := e.tok
		switch op {
		case "==", "!=", "<", "<=", ">", ">=":
		default:
			if compared {
				return boolean(all)
			}
			return left
		}
		e.next()
		right := e.binary(0)
		all, compared = all && compare(op, left, right), true
		left = right
	}
}

func compare(op string, a, b value) bool {
	if a.text || b.text {
		return (op == "==") == (a == b) && (op == "==" || op == "!=")
	}
	switch op {
	case "==":
		return a.n == b.n
	case "!=":
		return a.n != b.n
	case "<":
		return a.n < b.n
	case "<=":
		return a.n <= b.n
	case ">":
		return a.n > b.n
	}
	return a.n >= b.n
}

var operators = [][]string{{"|"}, {"&"}, {"+", "-"}, {"*", "//", "/", "%"}}

func (e *evaluator) binary(level int) value {
	if level == len(operators) {
		return e.unary()
	}
	v := e.binary(level + 1)
	for {
		op := ""
		for _, o := range operators[level] {
			if e.tok == o {
				op = o
			}
		}
		if op == "" {
			return v
		}
		e.next()
		w := e.binary(level + 1)
		if v.text || w.text {
			continue // 'cwnd=%d' % n: only ever a message
		}
		switch op {
		case "|":
			v.n = float64(int64(v.n) | int64(w.n))
		case "&":
			v.n = float64(int64(v.n) & int64(w.n))
		case "+":
			v.n += w.n
		case "-":
			v.n -= w.n
		case "*":
			v.n *= w.n
		default:
			if w.n == 0 {
				return e.fail("a division by zero")
			}
			switch op {
			case "/":
				v.n /= w.n
			case "//":
				v.n = math.Floor(v.n / w.n)
			case "%":
				v.n -= w.n * math.Floor(v.n/w.n)
			}
		}
	}
}

func (e *evaluator) unary() value {
	if e.depth++; e.depth > maxDepth {
		return e.fail("so deep an expression")
	}
	defer func() { e.depth-- }()
	tok := e.tok
	switch {
	case tok == "-":
		e.next()
		return value{n: -e.unary().n}
	case tok == "(":
		e.next()
		v := e.expr()
		if !e.accept(")") {
			return e.fail("( without )")
		}
		return v
	case tok == "":
		return e.fail("what is missing at the end")
	case tok[0] == '\'' || tok[0] == '"':
		e.next()
		return value{s: strings.Trim(tok, `'"`), text: true}
	case isDigit(tok[0]) || tok[0] == '.':
		e.next()
		if n, err := strconv.ParseInt(tok, 0, 64); err == nil {
			return value{n: float64(n)}
		}
		f, err := strconv.ParseFloat(tok, 64)
		if err != nil {
			return e.fail("%q", tok)
		}
		return value{n: f}
	case tok == "True" || tok == "False":
		e.next()
		return boolean(tok == "True")
	case isWord(tok[0]):
		e.next()
		if e.tok == "(" {
			return e.function(tok)
		}
		v, ok := e.vars[tok]
		if !ok {
			return e.fail("%s", tok)
		}
		e.names = append(e.names, tok)
		return v
	}
	return e.fail("%q", tok)
}

func (e *evaluator) function(name string) value {
	e.next()
	var args []value
	for e.failed == "" && e.tok != ")" {
		args = append(args, e.expr())
		if !e.accept(",") {
			break
		}
	}
	if !e.accept(")") || len(args) == 0 {
		return e.fail("the call of %s", name)
	}
	v := args[0]
	for _, a := range args {
		switch name {
		case "abs", "int":
			v.n = math.Abs(v.n)
		case "min":
			v.n = math.Min(v.n, a.n)
		case "max":
			v.n = math.Max(v.n, a.n)
		default:
			return e.fail("%s()", name)
		}
	}
	return v
}
