package shell

// The arithmetic of filter expressions: len > 100, tcp[tcpflags] & tcp-syn != 0.

import "fmt"

// relation is two quantities that are compared.
func (p *pcapFilter) relation() (predicate, error) {
	l, err := p.quantity(0)
	if err != nil {
		return nil, err
	}
	op := p.next()
	compare, ok := map[string]func(a, b uint32) bool{
		"=": func(a, b uint32) bool { return a == b }, "==": func(a, b uint32) bool { return a == b },
		"!=": func(a, b uint32) bool { return a != b }, "<": func(a, b uint32) bool { return a < b },
		">": func(a, b uint32) bool { return a > b }, "<=": func(a, b uint32) bool { return a <= b },
		">=": func(a, b uint32) bool { return a >= b }}[op]
	if !ok {
		p.at--
		return nil, p.syntax()
	}
	r, err := p.quantity(0)
	if err != nil {
		return nil, err
	}
	return func(f *frameView) bool {
		f.absent = false
		a, b := l(f), r(f)
		return !f.beyond && !f.absent && compare(a, b)
	}, nil
}

// arithmetic lists the operators by precedence, loosest first.
var arithmetic = []map[string]func(a, b uint32) uint32{
	{"|": func(a, b uint32) uint32 { return a | b }, "^": func(a, b uint32) uint32 { return a ^ b }},
	{"&": func(a, b uint32) uint32 { return a & b }},
	{"<<": func(a, b uint32) uint32 { return a << b }, ">>": func(a, b uint32) uint32 { return a >> b }},
	{"+": func(a, b uint32) uint32 { return a + b }, "-": func(a, b uint32) uint32 { return a - b }},
	{"*": func(a, b uint32) uint32 { return a * b }, "/": func(a, b uint32) uint32 { return a / b }, "%": func(a, b uint32) uint32 { return a % b }},
}

// quantity reads operators of a level of precedence and what binds closer.
func (p *pcapFilter) quantity(level int) (quantity, error) {
	if level == len(arithmetic) {
		return p.operand()
	}
	left, err := p.quantity(level + 1)
	for err == nil {
		op := p.peek()
		apply, ok := arithmetic[level][op]
		if !ok {
			return left, nil
		}
		p.at++
		l := left
		var r quantity
		r, err = p.quantity(level + 1)
		divides := op == "/" || op == "%"
		left = func(f *frameView) uint32 {
			a, b := l(f), r(f)
			if divides && b == 0 {
				f.beyond = true
				return 0
			}
			return apply(a, b)
		}
	}
	return nil, err
}

func (p *pcapFilter) operand() (quantity, error) {
	w := p.next()
	switch {
	case w == "(":
		q, err := p.quantity(0)
		if err == nil && !p.accept(")") {
			err = p.syntax()
		}
		return q, err
	case w == "-":
		q, err := p.operand()
		return func(f *frameView) uint32 { return -q(f) }, err
	case w == "len":
		return func(f *frameView) uint32 { return uint32(f.size) }, nil
	case p.peek() == "[":
		return p.load(w)
	}
	if n, ok := filterNumbers[w]; ok {
		return func(*frameView) uint32 { return n }, nil
	}
	n, err := parseFilterNumber(w)
	return func(*frameView) uint32 { return n }, err
}

// load is proto[offset] or proto[offset:size].
func (p *pcapFilter) load(proto string) (quantity, error) {
	_, upper := ipProtocols[proto]
	if !upper && proto != "ether" && etherProtocols[proto] == 0 {
		return nil, fmt.Errorf("unknown protocol '%s'", proto)
	}
	p.at++
	offset, err := p.quantity(0)
	if err != nil {
		return nil, err
	}
	size := uint32(1)
	if p.accept(":") {
		if size, err = parseFilterNumber(p.next()); err != nil || size != 1 && size != 2 && size != 4 {
			return nil, fmt.Errorf("data size must be 1, 2, or 4")
		}
	}
	if !p.accept("]") {
		return nil, p.syntax()
	}
	return func(f *frameView) uint32 {
		b, ok := f.header(proto)
		at := offset(f)
		if !ok {
			f.absent = true
			return 0
		}
		if uint64(at)+uint64(size) > uint64(len(b)) {
			f.beyond = true
			return 0
		}
		v := uint32(0)
		for _, c := range b[at : at+size] {
			v = v<<8 | uint32(c)
		}
		return v
	}, nil
}

// header is a frame from a protocol's header on.
func (f *frameView) header(proto string) ([]byte, bool) {
	if proto == "ether" {
		return f.link, f.hasMAC
	}
	if et, ok := etherProtocols[proto]; ok {
		return f.net, f.ethertype == et
	}
	b, number, ok := f.transport()
	return b, ok && number == ipProtocols[proto]
}
