// The breakpoint commands.

package debug

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"menuos/stack"
)

func (d *Debugger) cmdBreak(c *call) error  { return d.setBreak(c, "keep") }
func (d *Debugger) cmdTbreak(c *call) error { return d.setBreak(c, "del") }

func (d *Debugger) setBreak(c *call, disp string) error {
	spec, cond := splitIf(c.args)
	if spec == "" {
		f := d.selected()
		if f == nil || f.Sym == nil {
			return errors.New("No default breakpoint address now.")
		}
		spec = f.Sym.Name
	}
	if strings.ContainsAny(spec, " \t") {
		return fmt.Errorf("Junk at end of arguments.")
	}
	syms, note, err := d.resolve(spec)
	if err == errBooted {
		d.boot++
		c.printf("%s\n", d.msg("booted", spec))
		return nil
	}
	var missing notDefined
	if errors.As(err, &missing) && c.script.name != "" {
		c.printf("%s\n", err) // as in gdb, the rest of the file still counts
		return nil
	}
	if err != nil {
		return err
	}
	b := &breakpoint{name: spec, syms: syms, disp: disp, enabled: true}
	if err := d.setCondition(b, cond); err != nil {
		return err
	}
	if note != "" {
		c.printf("%s\n", note)
	}
	d.add(c, b)
	return nil
}

// splitIf cuts "FUNCTION if CONDITION".
func splitIf(s string) (spec, cond string) {
	for i := 0; i+2 <= len(s); i++ {
		if s[i:i+2] == "if" && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') && (i+2 == len(s) || !isIdent(s[i+2])) {
			return strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+2:])
		}
	}
	return s, ""
}

func (d *Debugger) add(c *call, b *breakpoint) {
	if also := d.alsoAt(b.syms[0]); also != "" {
		c.printf("Note: %s also set at pc %#x.\n", also, b.syms[0].Addr)
	}
	d.lastBp++
	b.num = d.lastBp
	d.breaks = append(d.breaks, b)
	d.vars["bpnum"] = intValue(int64(b.num))
	d.arm()
	kind := "Breakpoint"
	if b.disp == "del" {
		kind = "Temporary breakpoint"
	}
	s := b.syms[0]
	if len(b.syms) > 1 {
		c.printf("%s %d at %#x: %s. (%d locations)\n", kind, b.num, s.Addr, b.name, len(b.syms))
		return
	}
	c.printf("%s %d at %#x: file %s, line %d.\n", kind, b.num, s.Addr, shownFile(s.File), s.Line)
}

// alsoAt is gdb's note on other breakpoints at the same place.
func (d *Debugger) alsoAt(sym *stack.Sym) string {
	var at []string
	for _, o := range d.breaks {
		if o.at(sym) {
			s := strconv.Itoa(o.num)
			if !o.enabled {
				s += " (disabled)"
			}
			at = append(at, s)
		}
	}
	switch len(at) {
	case 0:
		return ""
	case 1:
		return "breakpoint " + at[0]
	}
	return "breakpoints " + strings.Join(at[:len(at)-1], ", ") + " and " + at[len(at)-1]
}

func (d *Debugger) setCondition(b *breakpoint, cond string) error {
	if cond == "" {
		b.cond, b.condText = nil, ""
		return nil
	}
	e, err := parseExpr(cond)
	if err != nil {
		return err
	}
	if err := d.checkNames(e, b.syms[0]); err != nil {
		return err
	}
	b.cond, b.condText = e, cond
	return nil
}

// numbers reads "1 3-5"; without any, it is all breakpoints.
func (d *Debugger) numbers(args string) ([]*breakpoint, error) {
	if args == "" {
		return slices.Clone(d.breaks), nil
	}
	var found []*breakpoint
	for _, w := range strings.Fields(args) {
		from, to, err := d.numberRange(w)
		if err != nil {
			return nil, err
		}
		for n := from; n <= to; n++ {
			b := d.breakpoint(n)
			if b == nil {
				return found, fmt.Errorf("No breakpoint number %d.", n)
			}
			found = append(found, b)
		}
	}
	return found, nil
}

func (d *Debugger) numberRange(w string) (from, to int, err error) {
	if v, ok := d.vars[strings.TrimPrefix(w, "$")]; ok && w[0] == '$' {
		return int(v.bits), int(v.bits), nil
	}
	first, last, isRange := strings.Cut(w, "-")
	if from, err = strconv.Atoi(first); err != nil {
		return 0, 0, fmt.Errorf("Bad breakpoint number '%s'", w)
	}
	to = from
	if isRange {
		if to, err = strconv.Atoi(last); err != nil || to > d.lastBp {
			return 0, 0, fmt.Errorf("Bad breakpoint number '%s'", w)
		}
		if to < from {
			return 0, 0, errors.New("inverted range")
		}
	}
	return from, to, nil
}

func (d *Debugger) cmdDelete(c *call) error {
	found, err := d.numbers(c.args)
	for _, b := range found {
		d.remove(b)
	}
	d.arm()
	return err
}

func (d *Debugger) cmdDisable(c *call) error {
	found, err := d.numbers(c.args)
	for _, b := range found {
		b.enabled = false
	}
	d.arm()
	return err
}

func (d *Debugger) cmdEnable(c *call) error {
	disp, args := "", c.args
	switch word, rest := splitWord(args); word {
	case "once":
		disp, args = "dis", rest
	case "delete":
		disp, args = "del", rest
	}
	found, err := d.numbers(args)
	for _, b := range found {
		b.enabled = true
		if disp != "" {
			b.disp = disp
		}
	}
	d.arm()
	return err
}

func (d *Debugger) cmdClear(c *call) error {
	spec := c.args
	if spec == "" {
		f := d.selected()
		if f == nil || f.Sym == nil {
			return errors.New("No source file specified.")
		}
		spec = f.Sym.Name
	}
	syms, _, err := d.resolve(spec)
	if err == errBooted {
		return fmt.Errorf("No breakpoint at %s.", spec)
	}
	if err != nil {
		return err
	}
	var nums []string
	for _, b := range slices.Clone(d.breaks) {
		if slices.ContainsFunc(syms, b.at) {
			nums = append(nums, strconv.Itoa(b.num))
			d.remove(b)
		}
	}
	if len(nums) == 0 {
		return fmt.Errorf("No breakpoint at %s.", spec)
	}
	d.arm()
	s := "s"
	if len(nums) == 1 {
		s = ""
	}
	c.printf("Deleted breakpoint%s %s \n", s, strings.Join(nums, " "))
	return nil
}

// numbered reads the breakpoint number that begins the arguments.
func (d *Debugger) numbered(args string) (*breakpoint, string, error) {
	word, rest, _ := strings.Cut(args, " ")
	n, _, err := d.numberRange(word)
	if err != nil {
		return nil, "", fmt.Errorf("Bad breakpoint argument: '%s'", word)
	}
	b := d.breakpoint(n)
	if b == nil {
		return nil, "", fmt.Errorf("No breakpoint number %d.", n)
	}
	return b, strings.TrimSpace(rest), nil
}

func (d *Debugger) cmdCondition(c *call) error {
	if c.args == "" {
		return errors.New("Argument required (breakpoint number).")
	}
	b, cond, err := d.numbered(c.args)
	if err != nil {
		return err
	}
	if cond == "" {
		c.printf("Breakpoint %d now unconditional.\n", b.num)
	}
	return d.setCondition(b, cond)
}

func (d *Debugger) cmdIgnore(c *call) error {
	if c.args == "" {
		return errors.New("Argument required (a breakpoint number).")
	}
	b, count, err := d.numbered(c.args)
	if err != nil {
		return err
	}
	if count == "" {
		return errors.New("Second argument (specified ignore-count) is missing.")
	}
	n, err := d.number(count)
	if err != nil {
		return err
	}
	c.printf("%s\n", b.setIgnore(int(n)))
	return nil
}

// setIgnore sets the count and says so as gdb does.
func (b *breakpoint) setIgnore(n int) string {
	b.ignore = max(n, 0)
	switch b.ignore {
	case 0:
		return fmt.Sprintf("Will stop next time breakpoint %d is reached.", b.num)
	case 1:
		return fmt.Sprintf("Will ignore next crossing of breakpoint %d.", b.num)
	}
	return fmt.Sprintf("Will ignore next %d crossings of breakpoint %d.", b.ignore, b.num)
}

func (d *Debugger) cmdCommands(c *call) error {
	args := c.args
	if args == "" && d.lastBp > 0 && len(d.breaks) > 0 {
		args = strconv.Itoa(d.breaks[len(d.breaks)-1].num)
	}
	if args == "" {
		return errors.New("No breakpoints specified.")
	}
	found, err := d.numbers(args)
	if err != nil {
		return err
	}
	if d.Interactive {
		c.printf("Type commands for breakpoint(s) %s, one per line.\nEnd with a line saying just \"end\".\n", args)
	}
	d.open(c, func(lines []scriptLine, _ *call) error {
		for _, b := range found {
			b.commands = lines
		}
		return nil
	})
	return nil
}

func (d *Debugger) infoBreakpoints(c *call) error {
	found, err := d.numbers(c.args)
	if err != nil && c.args != "" {
		c.printf("No breakpoint or watchpoint matching '%s'.\n", c.args)
		return nil
	}
	if len(found) == 0 {
		c.printf("No breakpoints or watchpoints.\n")
		return nil
	}
	c.printf("Num     Type           Disp Enb Address            What\n")
	for _, b := range found {
		d.showBreakpoint(c, b)
	}
	return nil
}

func (d *Debugger) showBreakpoint(c *call, b *breakpoint) {
	enb := "n"
	if b.enabled {
		enb = "y"
	}
	if len(b.syms) > 1 {
		c.printf("%-7d %-14s %-4s %-3s %-18s \n", b.num, "breakpoint", b.disp, enb, "<MULTIPLE>")
	} else {
		c.printf("%-7d %-14s %-4s %-3s %s\n", b.num, "breakpoint", b.disp, enb, where(b.syms[0]))
	}
	if b.cond != nil {
		c.printf("\tstop only if %s\n", b.condText)
	}
	if b.hits > 0 {
		c.printf("\tbreakpoint already hit %d time%s\n", b.hits, plural(b.hits))
	}
	if b.ignore > 0 {
		c.printf("\tignore next %d hits\n", b.ignore)
	}
	for _, l := range d.indent(b.commands) {
		c.printf("        %s\n", l)
	}
	if len(b.syms) > 1 {
		for i, s := range b.syms {
			c.printf("%-7s %-14s %-4s %-3s %s\n", fmt.Sprintf("%d.%d", b.num, i+1), "", "", "y", where(s))
		}
	}
}

func where(s *stack.Sym) string {
	return fmt.Sprintf("0x%016x in %s at %s:%d", s.Addr, s.Name, shownFile(s.File), s.Line)
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
