// set and show.

package debug

import (
	"fmt"
	"strconv"
	"strings"
)

// setting is one that gdb has. Those that mean nothing here are accepted and
// kept, so that command files and habits work.
type setting struct {
	name  string
	value string // the default
	show  string // gdb's sentence
	count bool   // a number, 0 or -1 for unlimited
}

var settings = []setting{
	{name: "pagination", value: "on", show: "State of pagination is %s."},
	{name: "confirm", value: "on", show: "Whether to confirm potentially dangerous operations is %s."},
	{name: "height", value: "unlimited", count: true, show: "Number of lines gdb thinks are in a page is %s."},
	{name: "width", value: "unlimited", count: true, show: "Number of characters gdb thinks are in a line is %s."},
	{name: "listsize", value: "10", count: true, show: "Number of source lines gdb will list by default is %s."},
	{name: "print pretty", value: "off", show: "Pretty formatting of structures is %s."},
	{name: "print address", value: "on", show: "Printing of addresses is %s."},
	{name: "print elements", value: "200", count: true, show: "Limit on string chars or array elements to print is %s."},
	{name: "print symbol", value: "on", show: "Printing of symbol names when printing pointers is %s."},
	{name: "breakpoint pending", value: "auto", show: "Debugger's behavior regarding pending breakpoints is %s."},
	{name: "verbose", value: "off", show: "Verbosity is %s."},
	{name: "architecture", value: "auto", show: "The target architecture is set to \"%s\" (currently \"i386:x86-64\")."},
	{name: "language", value: "auto; currently c", show: "The current source language is \"%s\"."},
	{name: "logging", value: "off", show: "Logging is %s."},
	{name: "history save", value: "off", show: "Saving of the history record on exit is %s."},
	{name: "disassembly-flavor", value: "att", show: "The disassembly flavor is \"%s\"."},
	{name: "auto-load safe-path", value: "/", show: "List of directories from which it is safe to auto-load files is %s."},
	{name: "remotetimeout", value: "2", show: "Timeout limit to wait for target to respond is %s."},
	{name: "args", value: "", show: "Argument list to give program being debugged when it is started is \"%s\"."},
}

func defaultSettings() map[string]string {
	m := make(map[string]string)
	for _, s := range settings {
		m[s.name] = s.value
	}
	return m
}

// findSetting finds "print pretty" or "p pretty" and what stands behind it.
func findSetting(args string) (*setting, string) {
	word, rest := splitWord(args)
	for i := range settings {
		s := &settings[i]
		first, second, two := strings.Cut(s.name, " ")
		if word != first && (word != "p" || first != "print") {
			continue
		}
		if !two {
			return s, rest
		}
		if w, r := splitWord(rest); w == second {
			return s, r
		}
	}
	return nil, ""
}

func (d *Debugger) cmdSet(c *call) error {
	if word, rest := splitWord(c.args); word == "var" || word == "variable" {
		c.args = rest
		_, err := d.evalOrSet(rest)
		return err
	}
	if strings.HasPrefix(c.args, "$") {
		_, err := d.evalOrSet(c.args)
		return err
	}
	s, arg := findSetting(c.args)
	if s == nil {
		word, _ := splitWord(c.args)
		if word == "" {
			return fmt.Errorf("Argument required (expression to compute).")
		}
		if assignment(c.args) >= 0 {
			_, err := d.evalOrSet(c.args)
			return err
		}
		return noSymbol(word)
	}
	return d.setTo(s, strings.TrimSpace(strings.TrimPrefix(arg, "=")))
}

func (d *Debugger) setTo(s *setting, arg string) error {
	switch {
	case s.count:
		n, err := strconv.Atoi(arg)
		if err != nil && arg != "unlimited" {
			return fmt.Errorf("Argument required (integer to set it to, or \"unlimited\".).")
		}
		if n <= 0 {
			arg = "unlimited"
		}
	case s.value == "on" || s.value == "off":
		switch arg {
		case "", "on", "1", "yes", "enable":
			arg = "on"
		case "off", "0", "no", "disable":
			arg = "off"
		default:
			return fmt.Errorf("\"on\" or \"off\" expected.")
		}
	}
	d.settings[s.name] = arg
	return nil
}

func (d *Debugger) intSetting(name string, unlimited int) int {
	if n, err := strconv.Atoi(d.settings[name]); err == nil {
		return n
	}
	return unlimited
}

func (d *Debugger) cmdShow(c *call) error {
	switch word, rest := splitWord(c.args); word {
	case "":
		for _, s := range settings {
			c.printf("%s:  "+s.show+"\n", s.name, d.settings[s.name])
		}
		return nil
	case "user":
		return d.showUser(c, rest)
	case "convenience", "conv":
		return d.showVars(c)
	case "values":
		for i, v := range d.history {
			c.printf("$%d = %s\n", i+1, d.format(v, formatting{}))
		}
		return nil
	}
	s, _ := findSetting(c.args)
	if s == nil {
		return fmt.Errorf("Undefined show command: \"%s\".  Try \"help show\".", c.args)
	}
	c.printf(s.show+"\n", d.settings[s.name])
	return nil
}

func (d *Debugger) showVars(c *call) error {
	for _, name := range sortedKeys(d.vars) {
		c.printf("$%s = %s\n", name, d.format(d.vars[name], formatting{}))
	}
	return nil
}

func (d *Debugger) showUser(c *call, name string) error {
	if name != "" && d.user[name] == nil {
		return fmt.Errorf("Not a user command.")
	}
	for _, n := range sortedKeys(d.user) {
		if name != "" && n != name {
			continue
		}
		c.printf("User command \"%s\":\n", n)
		for _, l := range d.indent(d.user[n].lines) {
			c.printf("  %s\n", l)
		}
		c.printf("\n")
	}
	return nil
}
