package packetdrill

import (
	"math"
	"strconv"
)

// call reads a system call: [...end] name(args) = result [ERRNO (text)] [(note)].
func (p *parser) call() (*Call, error) {
	c := &Call{}
	if p.tok.kind == tokEllipsis {
		if err := p.advance(); err != nil {
			return nil, err
		}
		end, err := p.seconds()
		if err != nil {
			return nil, err
		}
		c.Blocking, c.End = true, end
	}
	if p.tok.kind != tokWord {
		return nil, p.errorf("%q where a packet, call, command or code should be", p.tok.text)
	}
	c.Name = p.tok.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var err error
	if c.Args, err = p.list(")"); err != nil {
		return nil, err
	}
	if err := p.expect("="); err != nil {
		return nil, err
	}
	if c.Result, err = p.expr(); err != nil {
		return nil, err
	}
	if p.tok.kind == tokWord {
		c.Errno = p.tok.text
		if err := p.advance(); err != nil {
			return nil, err
		}
		if !p.is("(") {
			return nil, p.errorf("%q where the text of %s should be", p.tok.text, c.Errno)
		}
		if err := p.note(); err != nil {
			return nil, err
		}
	}
	if p.is("(") {
		return c, p.note()
	}
	return c, nil
}

// note passes over words in parentheses.
func (p *parser) note() error {
	for !p.is(")") {
		if p.tok.kind == tokEOF {
			return p.errorf("( without )")
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	return p.advance()
}

// list reads expressions up to the closing character.
func (p *parser) list(end string) ([]Expr, error) {
	var out []Expr
	for !p.is(end) {
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
		if p.is(end) {
			break
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
	return out, p.advance()
}

const maxDepth = 50

// expr reads an expression, with | between its operands.
func (p *parser) expr() (Expr, error) {
	if p.depth++; p.depth > maxDepth {
		return Expr{}, p.errorf("expression too deep")
	}
	defer func() { p.depth-- }()
	e, err := p.operand()
	if err != nil {
		return e, err
	}
	for p.is("|") {
		if err := p.advance(); err != nil {
			return e, err
		}
		right, err := p.operand()
		if err != nil {
			return e, err
		}
		e = Expr{Kind: ExprOr, Parts: []Expr{e, right}}
	}
	return e, nil
}

func (p *parser) operand() (e Expr, err error) {
	switch p.tok.kind {
	case tokEllipsis:
		e.Kind = ExprAny
		return e, p.advance()
	case tokInt:
		// As large as 64 bits hold, with or without a sign.
		if u, err := strconv.ParseUint(p.tok.text, 10, 64); err == nil {
			e.Int = int64(u)
			return e, p.advance()
		}
		e.Int, err = p.integer("a number", math.MinInt64, math.MaxInt64)
		return e, err
	case tokHex:
		e.Int, err = p.integer("a number", math.MinInt64, math.MaxInt64)
		return e, err
	case tokString:
		e.Kind = ExprString
		for p.tok.kind == tokString {
			s, err := strconv.Unquote(`"` + p.tok.text + `"`)
			if err != nil {
				s = p.tok.text
			}
			e.Text += s
			if err := p.advance(); err != nil {
				return e, err
			}
		}
		if p.tok.kind == tokEllipsis {
			err = p.advance()
		}
		return e, err
	case tokWord:
		return p.named()
	}
	switch {
	case p.is("["):
		e.Kind = ExprList
		if err := p.advance(); err != nil {
			return e, err
		}
		e.Parts, err = p.list("]")
		return e, err
	case p.is("{"):
		e.Kind = ExprStruct
		if err := p.advance(); err != nil {
			return e, err
		}
		e.Parts, err = p.list("}")
		return e, err
	}
	return e, p.errorf("%q where an expression should be", p.tok.text)
}

// named reads what begins with a word: the word, name(args), name = value,
// name(args) = value.
func (p *parser) named() (Expr, error) {
	e := Expr{Kind: ExprWord, Text: p.tok.text}
	if err := p.advance(); err != nil {
		return e, err
	}
	if p.is("(") {
		if err := p.advance(); err != nil {
			return e, err
		}
		args, err := p.list(")")
		if err != nil {
			return e, err
		}
		e.Kind, e.Parts = ExprFunc, args
	}
	if p.is("=") {
		if err := p.advance(); err != nil {
			return e, err
		}
		v, err := p.expr()
		if err != nil {
			return e, err
		}
		e.Kind, e.Parts = ExprAssign, append(e.Parts, v)
	}
	return e, nil
}
