// Values as gdb prints them.

package debug

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxElements is gdb's "print elements".
const maxElements = 200

// formatting says how to print: the letter behind the slash, and whether the
// value stands inside another one.
type formatting struct {
	letter byte
	nested bool
	depth  int
}

func (d *Debugger) format(v value, f formatting) string {
	switch v.kind {
	case kindVoid:
		return "void"
	case kindOpt:
		return optimizedOut
	case kindStruct:
		return d.formatStruct(v, f)
	case kindArray:
		return d.formatArray(v, f)
	case kindString:
		s, _ := v.raw.(string)
		return quoted([]byte(s))
	case kindFunc:
		return d.formatFunc(v, f)
	case kindPtr:
		return d.formatPtr(v, f)
	}
	if f.letter != 0 && f.letter != 's' {
		return d.formatLetter(v, f.letter)
	}
	switch {
	case v.kind == kindEnum:
		return v.name
	case v.kind == kindBool && v.bits < 2:
		return strconv.FormatBool(v.bits == 1)
	case v.size == 1 && v.kind == kindInt:
		return v.decimal() + " " + quotedChar(byte(v.bits))
	}
	return v.decimal()
}

func (v value) decimal() string {
	if v.unsigned {
		return strconv.FormatUint(v.bits, 10)
	}
	return strconv.FormatInt(int64(v.bits), 10)
}

// masked is an integer's bits without the extension of its sign.
func (v value) masked() uint64 {
	if v.kind == kindPtr || v.kind == kindFunc || v.size == 0 || v.size == 8 {
		return v.bits
	}
	return v.bits & (1<<(8*v.size) - 1)
}

func (d *Debugger) formatLetter(v value, letter byte) string {
	n := v.masked()
	switch letter {
	case 'x':
		return fmt.Sprintf("%#x", n)
	case 'z':
		return fmt.Sprintf("0x%0*x", 2*max(v.size, 1), n)
	case 'o':
		if n == 0 {
			return "0"
		}
		return fmt.Sprintf("0%o", n)
	case 't':
		return strconv.FormatUint(n, 2)
	case 'u':
		return strconv.FormatUint(n, 10)
	case 'c':
		v.size, v.kind = 1, kindInt
		v = v.wrap()
		return v.decimal() + " " + quotedChar(byte(v.bits))
	case 'a':
		if at := d.symbolAt(n); at != "" {
			return fmt.Sprintf("%#x <%s>", n, at)
		}
		return fmt.Sprintf("%#x", n)
	}
	v.unsigned = letter != 'd' && v.unsigned // 'd', 'f'
	if v.size == 0 {
		v.size = 8
	}
	return v.wrap().decimal()
}

// symbolAt is "tcp_v4_rcv+16" for an address inside a function, else "".
func (d *Debugger) symbolAt(addr uint64) string {
	s, off := d.symOf(addr)
	if s == nil {
		return ""
	}
	if off == 0 {
		return s.Name
	}
	return fmt.Sprintf("%s+%d", s.Name, off)
}

func (d *Debugger) formatPtr(v value, f formatting) string {
	if !v.placed {
		if f.nested || f.depth > 0 {
			return "{...}"
		}
		return fmt.Sprintf("(%s) %s", v.typ, d.formatStruct(v, f))
	}
	if f.letter != 0 && f.letter != 's' && f.letter != 'x' {
		return d.formatLetter(v, f.letter)
	}
	addr := fmt.Sprintf("%#x", v.bits)
	if f.nested || f.letter == 'x' {
		return addr
	}
	return fmt.Sprintf("(%s) %s", v.typ, addr)
}

func (d *Debugger) formatFunc(v value, f formatting) string {
	switch {
	case v.name == "" && v.placed:
		return "0x0"
	case v.name == "":
		return "{...}"
	case f.letter != 0:
		return d.formatLetter(v, f.letter)
	case f.nested:
		return fmt.Sprintf("%#x <%s>", v.bits, v.name)
	}
	return fmt.Sprintf("{%s} %#x <%s>", v.typ, v.bits, v.name)
}

// formatStruct prints one level of a structure; what is in it as {...}.
func (d *Debugger) formatStruct(v value, f formatting) string {
	if f.depth > 0 || f.nested {
		return "{...}"
	}
	var parts []string
	for _, name := range d.t.Fields(v.raw) {
		m, err := d.field(v, name)
		if err != nil {
			continue
		}
		inner := formatting{letter: f.letter, nested: true, depth: f.depth + 1}
		parts = append(parts, name+" = "+d.format(m, inner))
	}
	if d.settings["print pretty"] == "on" {
		return "{\n  " + strings.Join(parts, ",\n  ") + "\n}"
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (d *Debugger) formatArray(v value, f formatting) string {
	rv := reflect.ValueOf(v.raw)
	if rv.Len() > 0 && rv.Type().Elem().Kind() == reflect.Uint8 && f.letter == 0 {
		b := make([]byte, rv.Len())
		reflect.Copy(reflect.ValueOf(b), rv)
		return quoted(b)
	}
	var parts []string
	for i := range min(rv.Len(), maxElements) {
		if !rv.Index(i).CanInterface() {
			return "{...}"
		}
		el := d.valueOf(rv.Index(i).Interface())
		parts = append(parts, d.format(el, formatting{letter: f.letter, nested: true, depth: f.depth + 1}))
	}
	s := "{" + strings.Join(parts, ", ") + "}"
	if rv.Len() > maxElements {
		s = s[:len(s)-1] + "...}"
	}
	return s
}

func quoted(b []byte) string {
	more := ""
	if len(b) > maxElements {
		b, more = b[:maxElements], "..."
	}
	var s strings.Builder
	text := utf8.Valid(b)
	for i := 0; i < len(b); i++ {
		if text && b[i] >= utf8.RuneSelf {
			s.WriteByte(b[i])
			continue
		}
		s.WriteString(charText(b[i], '"'))
	}
	return `"` + s.String() + `"` + more
}

func quotedChar(c byte) string { return "'" + charText(c, '\'') + "'" }

// charText is a byte as gdb writes it in quotes.
func charText(c, quote byte) string {
	switch {
	case c == quote || c == '\\':
		return `\` + string(rune(c))
	case c >= ' ' && c < 0x7f:
		return string(rune(c))
	}
	if i := strings.IndexByte("\a\b\f\n\r\t\v", c); i >= 0 {
		return `\` + "abfnrtv"[i:i+1]
	}
	return fmt.Sprintf(`\%03o`, c)
}
