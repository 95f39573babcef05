// Values: what an expression is worth.

package debug

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

type kind int

const (
	kindVoid kind = iota
	kindInt
	kindBool
	kindEnum
	kindPtr
	kindStruct
	kindArray
	kindString
	kindFunc
	kindOpt // optimized out
)

const optimizedOut = "<optimized out>"

// value is one of C's, or the machine's object that stands for it.
type value struct {
	kind     kind
	bits     uint64 // integers, sign-extended; pointers' addresses
	size     int    // of an integer, in bytes
	unsigned bool
	typ      string // in C
	name     string // of an enumerator or function
	raw      any    // the machine's object
	placed   bool   // a pointer with an address
	base     any    // of a member: the object that path starts at
	path     []string
}

func intValue(n int64) value { return value{kind: kindInt, bits: uint64(n), size: 4, typ: "int"} }

func boolInt(b bool) value {
	if b {
		return intValue(1)
	}
	return intValue(0)
}

// valueOf makes a value of what the machine gave.
func (d *Debugger) valueOf(raw any) value {
	if raw == nil {
		return value{kind: kindPtr, typ: "void *", placed: true}
	}
	if v, ok := raw.(value); ok {
		return v
	}
	v := value{raw: raw, typ: d.t.TypeName(raw)}
	rv := reflect.ValueOf(raw)
	switch rv.Kind() {
	case reflect.Bool:
		v.kind, v.size, v.unsigned = kindBool, 1, true
		if rv.Bool() {
			v.bits = 1
		}
		if strings.Contains(v.typ, "int") || strings.Contains(v.typ, "char") {
			v.kind, v.size = kindInt, 4
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.kind, v.bits, v.size = kindInt, uint64(rv.Int()), int(rv.Type().Size())
		if rv.Kind() == reflect.Int && !strings.Contains(v.typ, "long") {
			v.size = 4 // Go's int models C's
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.kind, v.bits, v.size, v.unsigned = kindInt, rv.Uint(), int(rv.Type().Size()), true
	case reflect.String:
		v.kind = kindString
		v.raw = rv.String()
	case reflect.Func:
		v.kind = kindFunc
		v.placed = rv.IsNil()
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.UnsafePointer:
		d.pointTo(&v, rv)
	case reflect.Slice:
		v.kind = kindArray
		if strings.HasPrefix(v.typ, "struct ") && strings.HasSuffix(v.typ, "*") {
			d.pointTo(&v, rv) // a header in a packet
		}
	case reflect.Array:
		v.kind = kindArray
	default:
		v.kind = kindStruct
		if strings.HasSuffix(v.typ, "*") {
			v.kind = kindPtr
			v.bits, v.placed = d.t.Address(raw)
		}
	}
	return v
}

func (d *Debugger) pointTo(v *value, rv reflect.Value) {
	v.kind = kindPtr
	if rv.IsNil() {
		v.placed = true
		return
	}
	v.bits, v.placed = d.t.Address(v.raw)
}

// isNil reports whether a pointer is C's NULL.
func (v value) isNil() bool { return v.placed && v.bits == 0 }

var errNotNumber = errors.New("Argument to arithmetic operation not a number or boolean.")

// scalar reports whether a value is a number.
func (v value) scalar() bool { return v.kind == kindInt || v.kind == kindBool || v.kind == kindEnum }

func (v value) readable() error {
	if v.kind == kindOpt {
		return errors.New("value has been optimized out")
	}
	return nil
}

// truth is what a condition makes of a value.
func (v value) truth() (bool, error) {
	switch v.kind {
	case kindInt, kindBool, kindEnum:
		return v.bits != 0, nil
	case kindPtr, kindFunc:
		return !v.isNil(), nil
	case kindString, kindArray:
		return true, nil
	case kindOpt:
		return false, v.readable()
	}
	return false, fmt.Errorf("Attempt to take contents of a non-pointer value.")
}

// wrap cuts an integer to its size and extends its sign.
func (v value) wrap() value {
	shift := 64 - 8*v.size
	if v.unsigned {
		v.bits = v.bits << shift >> shift
	} else {
		v.bits = uint64(int64(v.bits<<shift) >> shift)
	}
	return v
}

// promote is C's integer promotion of one operand.
func (v value) promote() value {
	if v.size < 4 || v.kind != kindInt {
		v.size, v.unsigned = 4, false
	}
	return value{kind: kindInt, bits: v.bits, size: v.size, unsigned: v.unsigned, typ: intTypeName(v.size, v.unsigned)}.wrap()
}

func intTypeName(size int, unsigned bool) string {
	name := map[int]string{1: "char", 2: "short", 4: "int", 8: "long"}[size]
	if unsigned {
		return "unsigned " + name
	}
	return name
}

// common brings two operands to C's common type.
func common(a, b value) (value, value) {
	a, b = a.promote(), b.promote()
	size := max(a.size, b.size)
	uns := a.size == size && a.unsigned || b.size == size && b.unsigned
	for _, v := range []*value{&a, &b} {
		v.size, v.unsigned, v.typ = size, uns, intTypeName(size, uns)
		*v = v.wrap()
	}
	return a, b
}
