// gdb's expressions: C's, without assignment. Conditions are the same.

package debug

import "fmt"

// expr is a node of a parsed expression.
type expr struct {
	op   string  // operator, or "int", "str", "name", "$", "cast", "call", "->", "[]", "sizeof"
	text string  // name, member or type
	args []*expr // operands
	val  value   // of a literal
}

const maxNesting = 200

type parser struct {
	src   string
	toks  []token
	depth int
}

func parseExpr(s string) (*expr, error) {
	toks, err := lex(s)
	if err != nil {
		return nil, err
	}
	p := &parser{src: s, toks: toks}
	e, err := p.ternary()
	if err != nil {
		return nil, err
	}
	if p.toks[0].kind != tokEnd {
		return nil, p.syntax()
	}
	return e, nil
}

// parseArgs parses expressions between commas.
func parseArgs(s string) ([]*expr, error) {
	toks, err := lex(s)
	if err != nil {
		return nil, err
	}
	p := &parser{src: s, toks: toks}
	var list []*expr
	for {
		e, err := p.ternary()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		if p.toks[0].kind == tokEnd {
			return list, nil
		}
		if !p.accept(",") {
			return nil, p.syntax()
		}
	}
}

func (p *parser) syntax() error {
	return fmt.Errorf("A syntax error in expression, near `%s'.", p.src[p.toks[0].pos:])
}

func (p *parser) is(op string) bool { return p.toks[0].kind == tokOp && p.toks[0].text == op }

func (p *parser) accept(op string) bool {
	if !p.is(op) {
		return false
	}
	p.toks = p.toks[1:]
	return true
}

func (p *parser) expect(op string) error {
	if !p.accept(op) {
		return p.syntax()
	}
	return nil
}

func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return fmt.Errorf("Expression is nested too deeply.")
	}
	return nil
}

func (p *parser) ternary() (*expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	cond, err := p.binary(1)
	if err != nil || !p.accept("?") {
		return cond, err
	}
	yes, err := p.ternary()
	if err != nil {
		return nil, err
	}
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	no, err := p.ternary()
	return &expr{op: "?", args: []*expr{cond, yes, no}}, err
}

var precedence = map[string]int{
	"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
	"<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}

func (p *parser) binary(level int) (*expr, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for {
		op := p.toks[0]
		prec := precedence[op.text]
		if op.kind != tokOp || prec < level {
			return left, nil
		}
		p.toks = p.toks[1:]
		right, err := p.binary(prec + 1)
		if err != nil {
			return nil, err
		}
		left = &expr{op: op.text, args: []*expr{left, right}}
	}
}

func (p *parser) unary() (*expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.toks[0]
	if t.kind == tokOp {
		switch t.text {
		case "!", "~", "-", "+", "*", "&":
			p.toks = p.toks[1:]
			e, err := p.unary()
			return &expr{op: "unary" + t.text, args: []*expr{e}}, err
		}
	}
	if t.kind == tokIdent && t.text == "sizeof" {
		p.toks = p.toks[1:]
		return p.sizeof()
	}
	if typ, ok := p.cast(); ok {
		e, err := p.unary()
		return &expr{op: "cast", text: typ, args: []*expr{e}}, err
	}
	return p.postfix()
}

func (p *parser) sizeof() (*expr, error) {
	if typ, ok := p.cast(); ok {
		return &expr{op: "sizeof", text: typ}, nil
	}
	e, err := p.unary()
	return &expr{op: "sizeof", args: []*expr{e}}, err
}

func (p *parser) postfix() (*expr, error) {
	e, err := p.primary()
	for err == nil {
		switch {
		case p.accept("->"), p.accept("."):
			t := p.toks[0]
			if t.kind != tokIdent {
				return nil, p.syntax()
			}
			p.toks = p.toks[1:]
			e = &expr{op: "->", text: t.text, args: []*expr{e}}
		case p.accept("["):
			var index *expr
			if index, err = p.ternary(); err == nil {
				err = p.expect("]")
			}
			e = &expr{op: "[]", args: []*expr{e, index}}
		case p.is("(") && e.op == "name":
			e, err = p.call(e)
		default:
			return e, nil
		}
	}
	return e, err
}

func (p *parser) call(fn *expr) (*expr, error) {
	p.toks = p.toks[1:]
	e := &expr{op: "call", text: fn.text}
	if p.accept(")") {
		return e, nil
	}
	for {
		arg, err := p.ternary()
		if err != nil {
			return nil, err
		}
		e.args = append(e.args, arg)
		if p.accept(")") {
			return e, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

func (p *parser) primary() (*expr, error) {
	t := p.toks[0]
	if t.kind == tokEnd {
		return nil, p.syntax()
	}
	p.toks = p.toks[1:]
	switch t.kind {
	case tokInt:
		v := value{kind: kindInt, bits: t.num, size: 4, unsigned: t.uns, typ: "int"}
		switch {
		case t.long && t.uns:
			v.size, v.typ = 8, "unsigned long"
		case t.long:
			v.size, v.typ = 8, "long"
		case t.uns:
			v.typ = "unsigned int"
		}
		return &expr{op: "int", val: v}, nil
	case tokChar:
		return &expr{op: "int", val: value{kind: kindInt, bits: t.num, size: 1, typ: "char"}}, nil
	case tokString:
		return &expr{op: "str", val: value{kind: kindString, raw: t.text, typ: fmt.Sprintf("char [%d]", len(t.text)+1)}}, nil
	case tokIdent:
		return &expr{op: "name", text: t.text}, nil
	case tokDollar:
		return &expr{op: "$", text: t.text}, nil
	}
	if t.text == "(" {
		e, err := p.ternary()
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	}
	return nil, fmt.Errorf("A syntax error in expression, near `%s'.", p.src[t.pos:])
}

// cast takes a "(type)" off the input if one stands there.
func (p *parser) cast() (string, bool) {
	if !p.is("(") || p.toks[1].kind != tokIdent || !isTypeWord(p.toks[1].text) {
		return "", false
	}
	typ, i := "", 1
	for ; ; i++ {
		t := p.toks[i]
		switch {
		case t.kind == tokIdent:
			if typ != "" {
				typ += " "
			}
			typ += t.text
			continue
		case t.kind == tokOp && t.text == "*":
			if typ[len(typ)-1] != '*' {
				typ += " "
			}
			typ += "*"
			continue
		case t.kind == tokOp && t.text == ")":
			p.toks = p.toks[i+1:]
			return typ, true
		}
		return "", false
	}
}

func isTypeWord(s string) bool {
	switch s {
	case "struct", "union", "enum", "const", "volatile", "void":
		return true
	}
	_, ok := intTypes[s]
	return ok
}

type intType struct {
	size     int
	unsigned bool
}

// intTypes are the words that a C integer type may begin with or be.
var intTypes = map[string]intType{
	"char": {1, false}, "short": {2, false}, "int": {4, false}, "long": {8, false},
	"signed": {4, false}, "unsigned": {4, true}, "_Bool": {1, true}, "bool": {1, true},
	"s8": {1, false}, "s16": {2, false}, "s32": {4, false}, "s64": {8, false},
	"u8": {1, true}, "u16": {2, true}, "u32": {4, true}, "u64": {8, true},
	"__u8": {1, true}, "__u16": {2, true}, "__u32": {4, true}, "__u64": {8, true},
	"__be16": {2, true}, "__be32": {4, true}, "size_t": {8, true}, "ssize_t": {8, false},
	"int8_t": {1, false}, "int16_t": {2, false}, "int32_t": {4, false}, "int64_t": {8, false},
	"uint8_t": {1, true}, "uint16_t": {2, true}, "uint32_t": {4, true}, "uint64_t": {8, true},
	"gfp_t": {4, true}, "ktime_t": {8, false},
}
