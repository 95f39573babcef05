// printf, as C has it.

package debug

import (
	"errors"
	"fmt"
	"strings"
)

func (d *Debugger) cmdPrintf(c *call) error {
	if c.args == "" {
		return errors.New("Argument required (format-control string and values to print).")
	}
	if c.args[0] != '"' {
		return errors.New("Bad format string")
	}
	t, n, err := lexQuoted(c.args, 0)
	if err != nil {
		return errors.New("Bad format string, non-terminated '\"'")
	}
	var args []value
	if rest := strings.TrimSpace(c.args[n:]); rest != "" {
		if rest[0] != ',' {
			return errors.New("Invalid argument syntax")
		}
		if args, err = d.evalList(rest[1:]); err != nil {
			return err
		}
	}
	s, err := d.sprintf(t.text, args)
	if err == nil {
		c.printf("%s", s)
	}
	return err
}

func (d *Debugger) evalList(s string) ([]value, error) {
	exprs, err := parseArgs(s)
	if err != nil {
		return nil, err
	}
	var args []value
	for _, e := range exprs {
		v, err := d.evalIn(e, scope{d.selected()})
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return args, nil
}

var errArgCount = errors.New("Wrong number of arguments for specified format-string")

// sprintf walks the format once, a conversion an argument.
func (d *Debugger) sprintf(format string, args []value) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		flags := ""
		for i++; i < len(format) && strings.IndexByte("-+ #0123456789.", format[i]) >= 0; i++ {
			flags += format[i : i+1]
		}
		if len(flags) > 8 {
			return "", errors.New("Bad format string")
		}
		size := 4
		for ; i < len(format) && strings.IndexByte("hlzjt", format[i]) >= 0; i++ {
			if format[i] != 'h' {
				size = 8
			}
		}
		if i == len(format) {
			return "", errors.New("Incomplete format specifier at end of format string")
		}
		if format[i] == '%' {
			b.WriteByte('%')
			continue
		}
		if len(args) == 0 {
			return "", errArgCount
		}
		s, err := d.convert(flags, size, format[i], args[0])
		if err != nil {
			return "", err
		}
		b.WriteString(s)
		args = args[1:]
	}
	if len(args) > 0 {
		return "", errArgCount
	}
	return b.String(), nil
}

func (d *Debugger) convert(flags string, size int, verb byte, v value) (string, error) {
	if err := v.readable(); err != nil {
		return "", err
	}
	if verb == 's' {
		s, ok := v.raw.(string)
		if v.kind != kindString || !ok {
			s = d.format(v, formatting{nested: true})
		}
		return fmt.Sprintf("%"+flags+"s", s), nil
	}
	if strings.IndexByte("diuxXocp", verb) < 0 {
		return "", fmt.Errorf("Unrecognized format specifier '%c' in printf", verb)
	}
	if !v.scalar() && v.kind != kindPtr && v.kind != kindFunc {
		return "", errors.New("Value can't be converted to integer.")
	}
	if v.kind != kindPtr && v.kind != kindFunc {
		v.size, v.unsigned, v.kind = size, verb != 'd' && verb != 'i', kindInt
		v = v.wrap()
	}
	switch verb {
	case 'c':
		return string([]byte{byte(v.bits)}), nil
	case 'p':
		return fmt.Sprintf("%#x", v.bits), nil
	case 'd', 'i':
		return fmt.Sprintf("%"+flags+"d", int64(v.bits)), nil
	case 'u':
		return fmt.Sprintf("%"+flags+"d", v.bits), nil
	}
	return fmt.Sprintf("%"+flags+string(rune(verb)), v.bits), nil
}
