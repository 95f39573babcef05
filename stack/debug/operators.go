// C's operators over numbers and pointers.

package debug

import (
	"errors"
	"fmt"
)

func (d *Debugger) unary(op string, v value) (value, error) {
	switch op {
	case "!":
		yes, err := v.truth()
		return boolInt(!yes), err
	case "*":
		return d.deref(v)
	case "&":
		if v.kind == kindFunc {
			return v, nil
		}
		if v.kind == kindStruct && v.typ != "" { // &*sk
			if addr, ok := d.t.Address(v.raw); ok {
				v.kind, v.bits, v.placed, v.typ = kindPtr, addr, true, v.typ+" *"
				return v, nil
			}
		}
		return v, errors.New("Attempt to take address of value not located in memory.")
	}
	if !v.scalar() {
		return v, errNotNumber
	}
	v = v.promote()
	switch op {
	case "-":
		v.bits = -v.bits
	case "~":
		v.bits = ^v.bits
	}
	return v.wrap(), nil
}

func (d *Debugger) deref(v value) (value, error) {
	switch {
	case v.scalar():
		return v, fmt.Errorf("Cannot access memory at address %#x", v.bits)
	case v.kind == kindFunc:
		return v, nil
	case v.kind != kindPtr:
		return v, errors.New("Attempt to take contents of a non-pointer value.")
	case v.isNil() && v.typ == "void *":
		return v, errors.New("Attempt to take contents of a non-pointer value.")
	case v.isNil() || v.raw == nil:
		return v, fmt.Errorf("Cannot access memory at address %#x", v.bits)
	}
	v.kind = kindStruct
	v.typ = trimStar(v.typ)
	return v, nil
}

func trimStar(typ string) string {
	if n := len(typ); n > 1 && typ[n-1] == '*' {
		typ = typ[:n-1]
	}
	for len(typ) > 0 && typ[len(typ)-1] == ' ' {
		typ = typ[:len(typ)-1]
	}
	return typ
}

func binary(op string, a, b value) (value, error) {
	if a.kind == kindPtr || b.kind == kindPtr || a.kind == kindFunc || b.kind == kindFunc {
		return pointers(op, a, b)
	}
	if a.kind == kindString && b.kind == kindString && (op == "==" || op == "!=") {
		return boolInt((a.raw == b.raw) == (op == "==")), nil
	}
	if !a.scalar() || !b.scalar() {
		return a, errNotNumber
	}
	if op == "<<" || op == ">>" {
		return shift(op, a.promote(), b.promote())
	}
	a, b = common(a, b)
	switch op {
	case "+":
		a.bits += b.bits
	case "-":
		a.bits -= b.bits
	case "*":
		a.bits *= b.bits
	case "&":
		a.bits &= b.bits
	case "|":
		a.bits |= b.bits
	case "^":
		a.bits ^= b.bits
	case "/", "%":
		return divide(op, a, b)
	default:
		return compare(op, a, b)
	}
	return a.wrap(), nil
}

func shift(op string, a, b value) (value, error) {
	n := b.bits
	if n >= uint64(8*a.size) {
		a.bits = 0
		return a, nil
	}
	switch {
	case op == "<<":
		a.bits <<= n
	case a.unsigned:
		a.bits >>= n
	default:
		a.bits = uint64(int64(a.bits) >> n)
	}
	return a.wrap(), nil
}

func divide(op string, a, b value) (value, error) {
	switch {
	case b.bits == 0:
		return a, errors.New("Division by zero")
	case a.unsigned && op == "/":
		a.bits /= b.bits
	case a.unsigned:
		a.bits %= b.bits
	case b.bits == ^uint64(0): // also what would overflow
		if op == "%" {
			a.bits = 0
		} else {
			a.bits = -a.bits
		}
	case op == "/":
		a.bits = uint64(int64(a.bits) / int64(b.bits))
	default:
		a.bits = uint64(int64(a.bits) % int64(b.bits))
	}
	return a.wrap(), nil
}

func compare(op string, a, b value) (value, error) {
	less := int64(a.bits) < int64(b.bits)
	if a.unsigned {
		less = a.bits < b.bits
	}
	equal := a.bits == b.bits
	switch op {
	case "==":
		return boolInt(equal), nil
	case "!=":
		return boolInt(!equal), nil
	case "<":
		return boolInt(less), nil
	case "<=":
		return boolInt(less || equal), nil
	case ">":
		return boolInt(!less && !equal), nil
	case ">=":
		return boolInt(!less), nil
	}
	return a, fmt.Errorf("A syntax error in expression, near `%s'.", op)
}

// pointers compares addresses; menuos's objects have no arithmetic.
func pointers(op string, a, b value) (value, error) {
	for _, v := range []value{a, b} {
		if v.kind != kindPtr && v.kind != kindFunc && !v.scalar() {
			return a, errNotNumber
		}
	}
	equal := a.bits == b.bits && a.address() == b.address()
	switch op {
	case "==", "!=":
		return boolInt(equal == (op == "==")), nil
	case "<", "<=", ">", ">=":
		a.unsigned, b.unsigned = true, true
		return compare(op, a, b)
	}
	return a, errNotNumber
}

// address reports whether the bits are an address or number at all.
func (v value) address() bool { return v.placed || v.scalar() }
