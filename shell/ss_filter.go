package shell

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"menuos/stack"
)

// ssFilter chooses sockets.
type ssFilter struct {
	states []string
	match  func(k *stack.SockInfo) bool // nil: all
}

// ssFilterError is a mistake in a filter, as a message.
type ssFilterError struct {
	key  string
	args []any
}

func (e ssFilterError) Error() string { return message("en", e.key, e.args...) }

// ssParser reads "state established ( sport = :22 or dport = :22 )".
type ssParser struct{ words []string }

func parseSsFilter(args []string, states []string) (f ssFilter, err error) {
	p := &ssParser{}
	for _, a := range args {
		a = strings.NewReplacer("(", " ( ", ")", " ) ", "!=", " != ", "<=", " <= ", ">=", " >= ").Replace(a)
		for _, w := range strings.Fields(a) {
			p.words = append(p.words, splitOperator(w)...)
		}
	}
	f.states = states
	chosen := false
	for w := p.peek(); w == "state" || w == "exclude" || w == "excl"; w = p.peek() {
		p.next()
		name := p.next()
		if name == "" {
			return f, ssFilterError{"needArg", []any{w}}
		}
		var of []string
		for _, s := range ssStates {
			if s.name == name {
				of = s.states
			}
		}
		if of == nil {
			return f, ssFilterError{"badState", []any{name, strings.Join(ssStateWords(), " ")}}
		}
		switch {
		case w != "state":
			f.states = without(f.states, of...)
		case !chosen:
			f.states, chosen = slices.Clone(of), true
		default:
			f.states = append(f.states, of...)
		}
	}
	if len(p.words) == 0 {
		return f, nil
	}
	if f.match, err = p.or(); err == nil && len(p.words) > 0 {
		err = p.bad()
	}
	return f, err
}

// splitOperator cuts "sport=:22" where one sign stands between two words.
func splitOperator(w string) []string {
	i := strings.IndexAny(w, "=<>")
	if i <= 0 || len(w) <= 2 || strings.HasPrefix(w[max(0, i-1):], "!=") || strings.HasPrefix(w, "<") || strings.HasPrefix(w, ">") {
		return []string{w}
	}
	out := []string{w[:i], w[i : i+1]}
	if rest := w[i+1:]; rest != "" {
		out = append(out, rest)
	}
	return out
}

func (p *ssParser) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

func (p *ssParser) next() string {
	w := p.peek()
	if len(p.words) > 0 {
		p.words = p.words[1:]
	}
	return w
}

func (p *ssParser) bad() error { return ssFilterError{"badFilter", []any{p.peek()}} }

type ssMatch = func(k *stack.SockInfo) bool

func (p *ssParser) or() (ssMatch, error) {
	a, err := p.and()
	for err == nil && (p.peek() == "or" || p.peek() == "|" || p.peek() == "||") {
		p.next()
		left := a
		var right ssMatch
		if right, err = p.and(); err == nil {
			a = func(k *stack.SockInfo) bool { return left(k) || right(k) }
		}
	}
	return a, err
}

func (p *ssParser) and() (ssMatch, error) {
	a, err := p.one()
	for err == nil && len(p.words) > 0 && p.peek() != ")" && p.peek() != "or" && p.peek() != "|" && p.peek() != "||" {
		if w := p.peek(); w == "and" || w == "&" || w == "&&" {
			p.next()
		}
		left := a
		var right ssMatch
		if right, err = p.one(); err == nil {
			a = func(k *stack.SockInfo) bool { return left(k) && right(k) }
		}
	}
	return a, err
}

func (p *ssParser) one() (ssMatch, error) {
	switch p.peek() {
	case "(":
		p.next()
		m, err := p.or()
		if err == nil && p.next() != ")" {
			err = ssFilterError{"badFilter", []any{"("}}
		}
		return m, err
	case "not", "!":
		p.next()
		m, err := p.one()
		if err != nil {
			return nil, err
		}
		return func(k *stack.SockInfo) bool { return !m(k) }, nil
	case "sport", "dport":
		local := p.next() == "sport"
		return p.port(local)
	case "src", "dst":
		local := p.next() == "src"
		if w := p.peek(); w == "=" || w == "==" || w == "eq" {
			p.next()
		}
		return p.addr(local)
	}
	return nil, p.bad()
}

func side(k *stack.SockInfo, local bool) netip.AddrPort {
	if local {
		return k.Local
	}
	return k.Peer
}

func (p *ssParser) port(local bool) (ssMatch, error) {
	op := "="
	switch p.peek() {
	case "=", "==", "eq", "!=", "ne", "neq", "<", "lt", ">", "gt", "<=", "le", "leq", ">=", "ge", "geq":
		op = p.next()
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimPrefix(p.peek(), "*"), ":"), 10, 16)
	if err != nil {
		return nil, p.bad()
	}
	p.next()
	want := uint16(n)
	return func(k *stack.SockInfo) bool {
		got := side(k, local).Port()
		switch op {
		case "!=", "ne", "neq":
			return got != want
		case "<", "lt":
			return got < want
		case ">", "gt":
			return got > want
		case "<=", "le", "leq":
			return got <= want
		case ">=", "ge", "geq":
			return got >= want
		}
		return got == want
	}, nil
}

func (p *ssParser) addr(local bool) (ssMatch, error) {
	host, port, hasPort := strings.Cut(p.peek(), ":")
	var want uint64
	var err error
	if hasPort && port != "*" && port != "" {
		if want, err = strconv.ParseUint(port, 10, 16); err != nil {
			return nil, p.bad()
		}
	}
	prefix := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if host != "" && host != "*" {
		if !strings.Contains(host, "/") {
			host += "/32"
		}
		if prefix, err = netip.ParsePrefix(host); err != nil {
			return nil, p.bad()
		}
	}
	p.next()
	return func(k *stack.SockInfo) bool {
		a := side(k, local)
		return prefix.Contains(a.Addr()) && (want == 0 || a.Port() == uint16(want))
	}, nil
}
