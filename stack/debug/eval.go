// What expressions mean at a stop.

package debug

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"menuos/stack"
)

// localNames are the locals that Target.Var may know.
var localNames = strings.Fields("sk skb tp icsk inet th iph req tw net dst rt dev sock newsk child neigh fl4 daddr saddr")

// tcpStates are the constants that conditions are made of (include/net/tcp_states.h).
var tcpStates = []string{1: "TCP_ESTABLISHED", 2: "TCP_SYN_SENT", 3: "TCP_SYN_RECV", 4: "TCP_FIN_WAIT1",
	5: "TCP_FIN_WAIT2", 6: "TCP_TIME_WAIT", 7: "TCP_CLOSE", 8: "TCP_CLOSE_WAIT", 9: "TCP_LAST_ACK",
	10: "TCP_LISTEN", 11: "TCP_CLOSING", 12: "TCP_NEW_SYN_RECV"}

// view is one of Linux's functions from one view of an object to another:
// either a cast, or the local that such a call is the value of.
type view struct {
	typ        string
	arg, local string
}

var views = map[string]view{
	"tcp_sk":   {typ: "struct tcp_sock *"},
	"inet_csk": {typ: "struct inet_connection_sock *"},
	"inet_sk":  {typ: "struct inet_sock *"},
	"tcp_hdr":  {arg: "skb", local: "th"},
	"ip_hdr":   {arg: "skb", local: "iph"},
	"skb_dst":  {arg: "skb", local: "dst"},
	"sock_net": {arg: "sk", local: "net"},
}

// scope is the frame that names are looked up in; nil outside of a stop.
type scope struct{ frame *stack.Frame }

func scopeOf(stop *stack.Stop, n int) scope {
	if stop == nil || n >= len(stop.Frames) {
		return scope{}
	}
	return scope{&stop.Frames[n]}
}

func noSymbol(name string) error {
	return fmt.Errorf("No symbol \"%s\" in current context.", name)
}

// eval evaluates in the selected frame.
func (d *Debugger) eval(s string) (value, error) {
	e, err := parseExpr(s)
	if err != nil {
		return value{}, err
	}
	return d.evalIn(e, scope{d.selected()})
}

// number evaluates to an integer, as counts and frame numbers are given.
func (d *Debugger) number(s string) (int64, error) {
	v, err := d.eval(s)
	if err != nil {
		return 0, err
	}
	if !v.scalar() {
		return 0, errors.New("Value can't be converted to integer.")
	}
	return int64(v.bits), nil
}

func (d *Debugger) evalIn(e *expr, sc scope) (value, error) {
	switch e.op {
	case "int", "str":
		return e.val, nil
	case "name":
		return d.lookName(e.text, sc)
	case "$":
		return d.dollar(e.text)
	case "->":
		return d.member(e, sc)
	case "call":
		return d.callView(e, sc)
	case "sizeof":
		return d.sizeof(e, sc)
	case "&&", "||", "?":
		return d.lazy(e, sc)
	}
	args := make([]value, len(e.args))
	for i, a := range e.args {
		v, err := d.evalIn(a, sc)
		if err != nil {
			return v, err
		}
		args[i] = v
	}
	for _, v := range args {
		if err := v.readable(); err != nil {
			return v, err
		}
	}
	switch {
	case e.op == "cast":
		return d.cast(e.text, args[0])
	case e.op == "[]":
		return d.index(args[0], args[1])
	case strings.HasPrefix(e.op, "unary"):
		return d.unary(e.op[5:], args[0])
	}
	return binary(e.op, args[0], args[1])
}

// lazy are the operators that leave an operand out.
func (d *Debugger) lazy(e *expr, sc scope) (value, error) {
	left, err := d.evalIn(e.args[0], sc)
	if err != nil {
		return left, err
	}
	yes, err := left.truth()
	switch {
	case err != nil:
		return left, err
	case e.op == "?" && yes:
		return d.evalIn(e.args[1], sc)
	case e.op == "?":
		return d.evalIn(e.args[2], sc)
	case yes == (e.op == "||"):
		return boolInt(yes), nil
	}
	right, err := d.evalIn(e.args[1], sc)
	if err != nil {
		return right, err
	}
	yes, err = right.truth()
	return boolInt(yes), err
}

func (d *Debugger) lookName(name string, sc scope) (value, error) {
	if sc.frame != nil {
		if raw, ok := d.t.Var(*sc.frame, name); ok {
			return d.valueOf(raw), nil
		}
		if hasParam(sc.frame, name) {
			return value{kind: kindOpt}, nil
		}
	}
	if n := slices.Index(tcpStates, name); n > 0 {
		return value{kind: kindEnum, bits: uint64(n), size: 4, unsigned: true, name: name, typ: "enum tcp_state"}, nil
	}
	switch name {
	case "jiffies", "jiffies_64":
		const hz, initial = 1000, 1<<32 - 300*1000
		ticks := initial + uint64(d.t.Now()/(time.Second/hz))
		return value{kind: kindInt, bits: ticks, size: 8, unsigned: true, typ: "unsigned long"}, nil
	}
	if s := d.t.Lookup(name); s != nil {
		return value{kind: kindFunc, bits: s.Addr, name: s.Name, placed: true, typ: "<text variable, no debug info>"}, nil
	}
	err := noSymbol(name)
	if sc.frame == nil {
		return value{}, err
	}
	return value{}, d.meant(err, name, d.scopeNames(sc.frame))
}

// scopeNames are the names that mean something in a frame.
func (d *Debugger) scopeNames(f *stack.Frame) []string {
	names := slices.Clone(tcpStates[1:])
	if f == nil {
		return append(names, "jiffies")
	}
	for _, a := range f.Args {
		names = append(names, a.Name)
	}
	for _, n := range localNames {
		if _, ok := d.t.Var(*f, n); ok && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return append(names, "jiffies")
}

// checkNames refuses a condition that names what its function does not have.
func (d *Debugger) checkNames(e *expr, sym *stack.Sym) error {
	if e.op == "name" && !slices.Contains(sym.Params, e.text) && !slices.Contains(localNames, e.text) {
		if _, err := d.lookName(e.text, scope{}); err != nil {
			return d.meant(err, e.text, slices.Concat(sym.Params, localNames, tcpStates[1:]))
		}
	}
	if e.op == "call" {
		if _, ok := views[e.text]; !ok {
			return noSymbol(e.text)
		}
	}
	for _, a := range e.args {
		if err := d.checkNames(a, sym); err != nil {
			return err
		}
	}
	return nil
}

// dollar is $, $$, $N, $$N or a variable of the debugger.
func (d *Debugger) dollar(name string) (value, error) {
	if name == "$_" || len(name) > 1 && name[1] != '$' && !isNumber(name[1:]) {
		return d.vars[name[1:]], nil // void if never set
	}
	n := len(d.history)
	switch {
	case name == "$":
	case name == "$$":
		n--
	case strings.HasPrefix(name, "$$"):
		back, err := strconv.Atoi(name[2:])
		if err != nil {
			return d.vars[name[1:]], nil
		}
		n -= back
	default:
		n, _ = strconv.Atoi(name[1:])
		if n > len(d.history) {
			return value{}, fmt.Errorf("History has not yet reached $%d.", n)
		}
	}
	if n < 1 || n > len(d.history) {
		return value{}, nil
	}
	return d.history[n-1], nil
}

// member is x->name or x.name; gdb takes either for pointers and structures.
func (d *Debugger) member(e *expr, sc scope) (value, error) {
	v, err := d.evalIn(e.args[0], sc)
	if err != nil {
		if inner := e.args[0]; inner.op == "->" { // a member that exists only with its own members
			if base, berr := d.evalIn(inner.args[0], sc); berr == nil && base.raw != nil {
				if raw, ferr := d.t.Field(base.raw, inner.text, e.text); ferr == nil {
					return d.valueOf(raw), nil
				}
			}
		}
		return v, err
	}
	if err := v.readable(); err != nil {
		return v, err
	}
	switch {
	case v.kind != kindPtr && v.kind != kindStruct:
		return v, errors.New("Attempt to extract a component of a value that is not a structure pointer.")
	case v.isNil() && v.kind == kindPtr:
		return v, fmt.Errorf("Cannot access memory at address 0x0")
	}
	return d.field(v, e.text)
}

func (d *Debugger) field(v value, name string) (value, error) {
	raw, err := d.t.Field(v.raw, name)
	if err != nil && v.base != nil {
		raw, err = d.t.Field(v.base, append(slices.Clone(v.path), name)...)
	}
	if err == nil {
		m := d.valueOf(raw)
		if m.kind == kindPtr && !m.placed { // what has no address stands inside
			m.kind, m.typ = kindStruct, trimStar(m.typ)
		}
		if m.kind == kindStruct {
			m.base, m.path = v.raw, []string{name}
			if v.base != nil {
				m.base, m.path = v.base, append(slices.Clone(v.path), name)
			}
		}
		return m, nil
	}
	names := d.t.Fields(v.raw)
	if slices.Contains(names, name) {
		return value{}, err
	}
	return value{}, d.meant(fmt.Errorf("There is no member named %s.", name), name, names)
}

// callView is tcp_sk(sk) and its like.
func (d *Debugger) callView(e *expr, sc scope) (value, error) {
	if _, ok := views[e.text]; !ok {
		return value{}, noSymbol(e.text)
	}
	if len(e.args) == 0 {
		return value{}, errors.New("Too few arguments in function call.")
	}
	if len(e.args) > 1 {
		return value{}, errors.New("Too many arguments in function call.")
	}
	v, err := d.evalIn(e.args[0], sc)
	if err != nil {
		return v, err
	}
	return d.view(e.text, v)
}

func (d *Debugger) view(name string, v value) (value, error) {
	if err := v.readable(); err != nil {
		return v, err
	}
	w := views[name]
	if w.typ != "" {
		return d.cast(w.typ, v)
	}
	if v.kind != kindPtr || v.isNil() {
		return v, errors.New(d.msg("noConvert", v.typ, name))
	}
	f := stack.Frame{Args: []stack.Arg{{Name: w.arg, Value: v.raw, Known: true}}}
	raw, ok := d.t.Var(f, w.local)
	if !ok {
		return v, errors.New(d.msg("noConvert", v.typ, name))
	}
	return d.valueOf(raw), nil
}

func (d *Debugger) cast(typ string, v value) (value, error) {
	typ = strings.TrimPrefix(strings.TrimPrefix(typ, "const "), "volatile ")
	if strings.HasSuffix(typ, "*") {
		return d.castPointer(typ, v)
	}
	words := strings.Fields(typ)
	if len(words) == 0 {
		return v, errors.New("Invalid cast.")
	}
	it, ok := intTypes[words[0]]
	for _, w := range words[1:] {
		if t, known := intTypes[w]; known && w != "int" {
			it.size = t.size
		} else if !known {
			ok = false
		}
	}
	if words[0] == "enum" {
		it, ok = intType{4, true}, true
	}
	if !ok {
		return v, fmt.Errorf("No struct type named %s.", words[len(words)-1])
	}
	if !v.scalar() && v.kind != kindPtr && v.kind != kindFunc {
		return v, errors.New("Invalid cast.")
	}
	return value{kind: kindInt, bits: v.bits, size: it.size, unsigned: it.unsigned, typ: typ}.wrap(), nil
}

// castPointer has the target find the other view of an object; the address
// stays, since Linux's sockets begin with one another.
func (d *Debugger) castPointer(typ string, v value) (value, error) {
	switch {
	case v.scalar():
		return value{kind: kindPtr, bits: v.bits, placed: true, typ: typ}, nil
	case v.kind != kindPtr:
		return v, errors.New("Invalid cast.")
	case v.typ == typ || v.raw == nil || v.isNil() || typ == "void *":
		v.typ = typ
		return v, nil
	}
	raw, err := d.t.Cast(v.raw, typ)
	if err != nil {
		return v, err
	}
	other := d.valueOf(raw)
	other.typ = typ
	return other, nil
}

func (d *Debugger) sizeof(e *expr, sc scope) (value, error) {
	size, typ := 0, e.text
	if len(e.args) == 1 {
		v, err := d.evalIn(e.args[0], sc)
		if err != nil {
			return v, err
		}
		size, typ = v.size, v.typ
	}
	switch {
	case strings.HasSuffix(typ, "*"):
		size = 8
	case typ == "void" || typ == "":
		size = 1
	case size == 0:
		v, err := d.cast(typ, intValue(0))
		if err != nil {
			return v, errors.New(d.msg("noSize", typ))
		}
		size = v.size
	}
	return value{kind: kindInt, bits: uint64(size), size: 8, unsigned: true, typ: "unsigned long"}, nil
}

func (d *Debugger) index(a, i value) (value, error) {
	if !i.scalar() {
		return a, errNotNumber
	}
	rv := reflect.ValueOf(a.raw)
	if a.kind != kindArray && a.kind != kindString {
		return a, fmt.Errorf("cannot subscript something of type `%s'", a.typ)
	}
	n := int64(i.bits)
	if n < 0 || n >= int64(rv.Len()) {
		return a, fmt.Errorf("no such vector element")
	}
	el := rv.Index(int(n))
	if !el.CanInterface() {
		return a, fmt.Errorf("no such vector element")
	}
	return d.valueOf(el.Interface()), nil
}
