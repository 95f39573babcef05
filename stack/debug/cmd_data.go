// The commands that show values.

package debug

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// display is an expression printed at each stop.
type display struct {
	num    int
	letter byte
	text   string
	expr   *expr
}

// slash cuts the format off "/x EXPRESSION".
func slash(args, command string) (letter byte, rest string, err error) {
	if !strings.HasPrefix(args, "/") {
		return 0, args, nil
	}
	word, rest, _ := strings.Cut(args[1:], " ")
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case strings.IndexByte("xduotacfsz", c) >= 0:
			letter = c
		case c == 'i':
			return 0, "", fmt.Errorf("Format letter \"i\" is meaningless in \"%s\" command.", command)
		case c >= '0' && c <= '9':
			return 0, "", fmt.Errorf("Item count other than 1 is meaningless in \"%s\" command.", command)
		case strings.IndexByte("bhwg", c) >= 0:
			return 0, "", fmt.Errorf("Size letters are meaningless in \"%s\" command.", command)
		default:
			return 0, "", fmt.Errorf("Undefined output format \"%c\".", c)
		}
	}
	return letter, strings.TrimSpace(rest), nil
}

func (d *Debugger) cmdPrint(c *call) error {
	letter, text, err := slash(c.args, "print")
	if err != nil {
		return err
	}
	if text == "" {
		text = "$"
	}
	v, err := d.evalOrSet(text)
	if err != nil {
		return err
	}
	d.history = append(d.history, v)
	c.printf("$%d = %s\n", len(d.history), d.format(v, formatting{letter: letter}))
	return nil
}

// evalOrSet evaluates, and first assigns if the text is "$name = EXPRESSION".
func (d *Debugger) evalOrSet(text string) (value, error) {
	i := assignment(text)
	if i < 0 {
		return d.eval(text)
	}
	name := strings.TrimSpace(text[:i])
	if len(name) < 2 || name[0] != '$' || isNumber(name[1:]) || strings.Trim(name[1:], identChars) != "" {
		return value{}, errors.New(d.msg("readOnly"))
	}
	v, err := d.eval(text[i+1:])
	if err == nil {
		d.vars[name[1:]] = v
	}
	return v, err
}

const identChars = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// assignment is the place of a single "=", or -1.
func assignment(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\'' {
			return -1
		}
		if s[i] != '=' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '=' || i > 0 && strings.IndexByte("=!<>", s[i-1]) >= 0 {
			return -1
		}
		return i
	}
	return -1
}

func (d *Debugger) cmdOutput(c *call) error {
	letter, text, err := slash(c.args, "output")
	if err != nil {
		return err
	}
	if text == "" {
		return errors.New("Argument required (expression to compute).")
	}
	v, err := d.eval(text)
	if err == nil {
		c.printf("%s", d.format(v, formatting{letter: letter}))
	}
	return err
}

func (d *Debugger) cmdDisplay(c *call) error {
	if c.args == "" {
		d.showDisplays(c.out)
		return nil
	}
	letter, text, err := slash(c.args, "display")
	if err != nil {
		return err
	}
	e, err := parseExpr(text)
	if err != nil {
		return err
	}
	show := &display{letter: letter, text: text, expr: e}
	s, err := d.displayText(show)
	if err != nil && d.t.Stopped() != nil {
		return err
	}
	d.lastDisp++
	show.num = d.lastDisp
	d.displays = append(d.displays, show)
	if err == nil {
		c.printf("%d: %s\n", show.num, s)
	}
	return nil
}

func (show *display) head() string {
	if show.letter != 0 {
		return fmt.Sprintf("/%c %s", show.letter, show.text)
	}
	return show.text
}

func (d *Debugger) displayText(show *display) (string, error) {
	v, err := d.evalIn(show.expr, scope{d.selected()})
	if err != nil {
		return "", err
	}
	return show.head() + " = " + d.format(v, formatting{letter: show.letter}), nil
}

// showDisplays prints the displays that mean something in this frame; gdb ties
// a display to the block it was made in, with the same effect.
func (d *Debugger) showDisplays(out io.Writer) {
	for _, show := range d.displays {
		if s, err := d.displayText(show); err == nil {
			fmt.Fprintf(out, "%d: %s\n", show.num, s)
		}
	}
}

func (d *Debugger) cmdUndisplay(c *call) error {
	if c.args == "" {
		d.displays = nil
		return nil
	}
	for _, w := range strings.Fields(c.args) {
		n, err := strconv.Atoi(w)
		if err != nil {
			return fmt.Errorf("Arguments must be display numbers.")
		}
		i := slices.IndexFunc(d.displays, func(s *display) bool { return s.num == n })
		if i < 0 {
			return fmt.Errorf("No display number %d.", n)
		}
		d.displays = slices.Delete(d.displays, i, i+1)
	}
	return nil
}

func (d *Debugger) infoDisplay(c *call) error {
	if len(d.displays) == 0 {
		c.printf("There are no auto-display expressions now.\n")
		return nil
	}
	c.printf("Auto-display expressions now in effect:\nNum Enb Expression\n")
	for _, s := range d.displays {
		c.printf("%d:   y  %s\n", s.num, s.head())
	}
	return nil
}

func (d *Debugger) cmdWhatis(c *call) error {
	v, err := d.eval(c.args)
	if err == nil {
		c.printf("type = %s\n", v.typeName())
	}
	return err
}

func (v value) typeName() string {
	switch {
	case v.kind == kindVoid:
		return "void"
	case v.kind == kindOpt:
		return optimizedOut
	}
	return v.typ
}

func (d *Debugger) cmdPtype(c *call) error {
	v, err := d.eval(c.args)
	if err != nil {
		return err
	}
	names := d.t.Fields(v.raw)
	if v.kind != kindPtr && v.kind != kindStruct || len(names) == 0 {
		c.printf("type = %s\n", v.typeName())
		return nil
	}
	star := ""
	if strings.HasSuffix(v.typ, "*") {
		star = " *"
	}
	c.printf("type = %s {\n", trimStar(v.typ))
	for _, name := range names {
		m, err := d.field(v, name)
		if err != nil {
			continue
		}
		sep := " "
		if strings.HasSuffix(m.typ, "*") {
			sep = ""
		}
		c.printf("    %s%s%s;\n", m.typeName(), sep, name)
	}
	c.printf("}%s\n", star)
	return nil
}

func (d *Debugger) cmdEcho(c *call) error {
	s := c.args
	if strings.HasSuffix(s, "\\") && !strings.HasSuffix(s, "\\\\") {
		s = s[:len(s)-1]
	}
	c.printf("%s", unescape(s))
	return nil
}
