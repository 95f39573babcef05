// info about symbols.

package debug

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"menuos/stack"
)

// symOf is the function that an address lies in.
func (d *Debugger) symOf(addr uint64) (*stack.Sym, uint64) {
	var best *stack.Sym
	for _, s := range d.t.Syms() {
		if s.Addr <= addr && (best == nil || s.Addr > best.Addr) {
			best = s
		}
	}
	const widest = 1 << 16 // no function is longer
	if best == nil || addr-best.Addr >= widest {
		return nil, 0
	}
	return best, addr - best.Addr
}

func (d *Debugger) infoSymbol(c *call) error {
	if c.args == "" {
		return errors.New("Argument required (address).")
	}
	v, err := d.eval(c.args)
	if err != nil {
		return err
	}
	if !v.scalar() && v.kind != kindPtr && v.kind != kindFunc {
		return errors.New("Value can't be converted to integer.")
	}
	s, off := d.symOf(v.bits)
	switch {
	case s == nil:
		c.printf("No symbol matches %s.\n", c.args)
	case off == 0:
		c.printf("%s in section .text\n", s.Name)
	default:
		c.printf("%s + %d in section .text\n", s.Name, off)
	}
	return nil
}

func (d *Debugger) infoAddress(c *call) error {
	if c.args == "" {
		return errors.New("Argument required.")
	}
	s := d.t.Lookup(c.args)
	if s == nil {
		return d.meant(noSymbol(c.args), c.args, d.funcNames())
	}
	c.printf("Symbol \"%s\" is a function at address %#x.\n", s.Name, s.Addr)
	return nil
}

func (d *Debugger) infoLine(c *call) error {
	spec := c.args
	if spec == "" {
		f := d.selected()
		if f == nil || f.Sym == nil {
			return errors.New("No line number information available.")
		}
		c.printf("Line %d of \"%s\" is at address %#x <%s>.\n", f.Line, shownFile(f.File), f.Addr, d.symbolAt(f.Addr))
		return nil
	}
	syms, _, err := d.resolve(spec)
	if err == errBooted {
		return errors.New(d.msg("booted", spec))
	}
	if err != nil {
		return err
	}
	for _, s := range syms {
		c.printf("Line %d of \"%s\" starts at address %#x <%s>.\n", s.Line, shownFile(s.File), s.Addr, s.Name)
	}
	return nil
}

func (d *Debugger) infoFunctions(c *call) error {
	re, err := regexp.Compile(c.args)
	if err != nil {
		return fmt.Errorf("Invalid regexp: %s", c.args)
	}
	if c.args == "" {
		c.printf("All defined functions:\n")
	} else {
		c.printf("All functions matching regular expression \"%s\":\n", c.args)
	}
	byFile := make(map[string][]*stack.Sym)
	var files []string
	for _, s := range d.t.Syms() {
		if !re.MatchString(s.Name) {
			continue
		}
		file := shownFile(s.File)
		if byFile[file] == nil {
			files = append(files, file)
		}
		byFile[file] = append(byFile[file], s)
	}
	slices.Sort(files)
	for _, file := range files {
		c.printf("\nFile %s:\n", file)
		syms := byFile[file]
		slices.SortStableFunc(syms, func(a, b *stack.Sym) int { return strings.Compare(a.Name, b.Name) })
		for _, s := range syms {
			c.printf("%d:\t%s(%s);\n", s.Line, s.Name, strings.Join(s.Params, ", "))
		}
	}
	return nil
}
