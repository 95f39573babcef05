package packetdrill

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxScript is how large a script may be.
const maxScript = 4 << 20

// Parse reads a script. Its errors are *Error.
func Parse(name string, r io.Reader) (*Script, error) {
	src, err := io.ReadAll(io.LimitReader(r, maxScript+1))
	if err != nil {
		return nil, err
	}
	if len(src) > maxScript {
		return nil, &Error{File: name, Line: 1, What: "script too large"}
	}
	p := &parser{lex: lexer{name: name, src: string(src), line: 1}, defines: map[string]token{}}
	s := &Script{Name: name}
	if err := p.script(s); err != nil {
		return nil, err
	}
	return s, nil
}

type parser struct {
	lex     lexer
	tok     token
	last    token
	depth   int
	defines map[string]token // --define
}

func (p *parser) errorf(format string, args ...any) error {
	return &Error{File: p.lex.name, Line: p.tok.line, What: fmt.Sprintf(format, args...)}
}

func (p *parser) advance() error {
	p.last = p.tok
	t, err := p.lex.next()
	if err != nil {
		return err
	}
	if t.kind == tokWord {
		if d, ok := p.defines[t.text]; ok {
			t.kind, t.text = d.kind, d.text
		}
	}
	p.tok = t
	return nil
}

func (p *parser) is(text string) bool {
	return (p.tok.kind == tokPunct || p.tok.kind == tokWord) && p.tok.text == text
}

// accept passes over a word or character if it is next.
func (p *parser) accept(text string) (bool, error) {
	if !p.is(text) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(texts ...string) error {
	for _, text := range texts {
		if !p.is(text) {
			return p.errorf("%q where %q should be", p.tok.text, text)
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	return nil
}

// integer reads a number between low and high.
func (p *parser) integer(what string, low, high int64) (int64, error) {
	var v int64
	var err error
	switch p.tok.kind {
	case tokInt:
		v, err = strconv.ParseInt(p.tok.text, 10, 64)
	case tokHex:
		var u uint64
		u, err = strconv.ParseUint(p.tok.text[2:], 16, 64)
		v = int64(u)
	default:
		return 0, p.errorf("%q where %s should be", p.tok.text, what)
	}
	if err != nil || v < low || v > high {
		return 0, p.errorf("%s out of range: %s", what, p.tok.text)
	}
	return v, p.advance()
}

func (p *parser) script(s *Script) error {
	if err := p.advance(); err != nil {
		return err
	}
	for p.tok.kind == tokOption {
		if err := p.option(s); err != nil {
			return err
		}
	}
	if p.tok.kind == tokBack {
		s.Init = &Command{Line: p.tok.line, Text: p.tok.text}
		if err := p.advance(); err != nil {
			return err
		}
	}
	for p.tok.kind != tokEOF {
		if p.tok.kind == tokBack { // the clean-up command: nothing is left to clean
			if err := p.advance(); err != nil {
				return err
			}
			break
		}
		ev, err := p.event()
		if err != nil {
			return err
		}
		s.Events = append(s.Events, ev)
	}
	if p.tok.kind != tokEOF {
		return p.errorf("%q after the last command", p.tok.text)
	}
	if len(s.Events) == 0 {
		return p.errorf("no events")
	}
	return nil
}

func (p *parser) option(s *Script) error {
	o := Option{Line: p.tok.line, Name: p.tok.text}
	if err := p.advance(); err != nil {
		return err
	}
	ok, err := p.accept("=")
	if err != nil {
		return err
	}
	if ok {
		if p.tok.kind == tokEOF {
			return p.errorf("--%s without a value", o.Name)
		}
		start, line := p.tok.pos, p.tok.line
		for {
			if err := p.advance(); err != nil {
				return err
			}
			// What touches the value belongs to it: 192.168.0.1/16, A=B.
			if p.tok.kind == tokEOF || p.tok.line != line || p.tok.pos != p.last.end {
				break
			}
		}
		o.Value = p.lex.src[start:p.last.end]
	}
	if o.Name == "define" {
		name, value, _ := strings.Cut(o.Value, "=")
		sub := lexer{name: p.lex.name, src: value, line: o.Line}
		t, err := sub.next()
		if err != nil || name == "" || t.kind == tokEOF {
			return &Error{File: p.lex.name, Line: o.Line, What: "--define wants NAME=VALUE"}
		}
		p.defines[name] = t
	}
	s.Options = append(s.Options, o)
	return nil
}

// seconds reads a time.
func (p *parser) seconds() (time.Duration, error) {
	if p.tok.kind != tokInt && p.tok.kind != tokFloat {
		return 0, p.errorf("%q where a time should be", p.tok.text)
	}
	v, err := strconv.ParseFloat(p.tok.text, 64)
	if err != nil || v < 0 || v > 1e7 {
		return 0, p.errorf("time out of range: %s", p.tok.text)
	}
	return time.Duration(math.Round(v*1e6)) * time.Microsecond, p.advance()
}

func (p *parser) eventTime(ev *Event) error {
	if ok, err := p.accept("*"); ok || err != nil {
		ev.Kind = AnyTime
		return err
	}
	rel, err := p.accept("+")
	if err != nil {
		return err
	}
	if ev.From, err = p.seconds(); err != nil {
		return err
	}
	if rel {
		ev.Kind = Relative
	}
	if ok, err := p.accept("~"); !ok || err != nil {
		return err
	}
	ev.Kind = AbsoluteRange
	if rel {
		ev.Kind = RelativeRange
		if err := p.expect("+"); err != nil {
			return err
		}
	}
	if ev.To, err = p.seconds(); err != nil {
		return err
	}
	if ev.To < ev.From {
		return p.errorf("the range of time is backwards")
	}
	return nil
}

func (p *parser) event() (ev Event, err error) {
	ev.Line = p.tok.line
	if err := p.eventTime(&ev); err != nil {
		return ev, err
	}
	start := p.tok.pos
	switch {
	case p.is("<") || p.is(">"):
		ev.Packet, err = p.packet()
	case p.tok.kind == tokBack:
		ev.Command = &Command{Line: p.tok.line, Text: p.tok.text}
		err = p.advance()
	case p.tok.kind == tokCode:
		ev.Code = strings.TrimSpace(p.tok.text) + "\n"
		err = p.advance()
	default:
		ev.Call, err = p.call()
	}
	if err != nil {
		return ev, err
	}
	ev.Source = strings.Join(strings.Fields(p.lex.src[start:p.last.end]), " ")
	if ranged := ev.Kind == AbsoluteRange || ev.Kind == RelativeRange || ev.Kind == AnyTime; ranged &&
		(ev.Packet == nil || ev.Packet.Inbound) {
		return ev, &Error{File: p.lex.name, Line: ev.Line, What: "ranges of time and * are for outbound packets alone"}
	}
	return ev, nil
}
