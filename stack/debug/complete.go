// Tab.

package debug

import (
	"slices"
	"strconv"
	"strings"

	"menuos/stack"
)

// Complete lists the lines that a line may become: commands, functions,
// breakpoint numbers, names of the frame and, behind -> or ., fields.
func (d *Debugger) Complete(line string) []string {
	text := strings.TrimLeft(line, " \t")
	indent := line[:len(line)-len(text)]
	var out []string
	for _, s := range d.complete(text) {
		out = append(out, indent+s)
	}
	return out
}

func (d *Debugger) complete(line string) []string {
	table, done := d.cmds, ""
	for {
		word, _ := splitWord(line)
		if len(word) == len(line) {
			return d.completeName(table, done, word)
		}
		cmd, _ := find(table, word)
		if cmd == nil {
			return nil
		}
		rest := strings.TrimLeft(line[len(word):], " \t")
		done += line[:len(line)-len(rest)]
		line = rest
		if word, _ := splitWord(line); len(cmd.sub) > 0 && (cmd.arg == argNone || word != "" && !isNumber(word)) {
			table = cmd.sub
			continue
		}
		return d.completeArg(cmd, done, line)
	}
}

func (d *Debugger) completeName(table []command, done, word string) []string {
	var names []string
	for _, c := range table {
		names = append(names, c.name())
	}
	if done == "" {
		names = append(names, sortedKeys(d.user)...)
	}
	return extend(done, word, names)
}

// extend is every name that begins with the word, behind what is already there.
func extend(done, word string, names []string) []string {
	var out []string
	for _, n := range names {
		if strings.HasPrefix(n, word) {
			out = append(out, done+n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (d *Debugger) completeArg(cmd *command, done, rest string) []string {
	switch cmd.arg {
	case argFunc:
		return extend(done, rest, d.functionNames())
	case argBreak:
		if spec, _ := splitIf(rest); spec != rest {
			i := strings.Index(rest[len(spec):], "if") + len(spec) + 2
			return d.completeExpr(done+rest[:i], rest[i:], d.paramsOf(spec))
		}
		if fn, word, ok := strings.Cut(rest, " "); ok {
			return extend(done+fn+" ", word, []string{"if"})
		}
		return extend(done, rest, d.functionNames())
	case argNumber:
		i := strings.LastIndexAny(rest, " -") + 1
		var nums []string
		for _, b := range d.breaks {
			nums = append(nums, strconv.Itoa(b.num))
		}
		return extend(done+rest[:i], rest[i:], nums)
	case argCommand:
		return d.completeName(d.cmds, done, rest)
	case argExpr:
		return d.completeExpr(done, rest, d.selected())
	}
	if cmd.name() == "set" || cmd.name() == "show" {
		var names []string
		for _, s := range settings {
			names = append(names, s.name)
		}
		return extend(done, rest, names)
	}
	return nil
}

func (d *Debugger) functionNames() []string {
	names := d.funcNames()
	for a := range aliases {
		if d.alias(a) != "" {
			names = append(names, a)
		}
	}
	return names
}

// paramsOf is a frame that has a function's parameters, without values.
func (d *Debugger) paramsOf(spec string) *stack.Frame {
	syms, _, err := d.resolve(spec)
	if err != nil {
		return nil
	}
	f := &stack.Frame{Sym: syms[0]}
	for _, p := range syms[0].Params {
		f.Args = append(f.Args, stack.Arg{Name: p})
	}
	return f
}

func (d *Debugger) completeExpr(done, text string, f *stack.Frame) []string {
	i := len(text)
	for i > 0 && (isIdent(text[i-1]) || text[i-1] == '$') {
		i--
	}
	done, word := done+text[:i], text[i:]
	head, isMember := strings.CutSuffix(text[:i], "->")
	if !isMember {
		head, isMember = strings.CutSuffix(text[:i], ".")
	}
	if isMember {
		return extend(done, word, d.fieldsOf(head, f))
	}
	names := d.scopeNames(f)
	names = append(names, sortedKeys(views)...)
	for n := range d.vars {
		names = append(names, "$"+n)
	}
	return extend(done, word, names)
}

// fieldsOf are the fields of the longest expression that text ends in.
func (d *Debugger) fieldsOf(text string, f *stack.Frame) []string {
	for i := range text {
		e, err := parseExpr(text[i:])
		if err != nil {
			continue
		}
		v, err := d.evalIn(e, scope{f})
		if err != nil || v.kind != kindPtr && v.kind != kindStruct || v.raw == nil || v.isNil() {
			continue
		}
		return d.t.Fields(v.raw)
	}
	return nil
}

func (d *Debugger) cmdComplete(c *call) error {
	for _, s := range d.Complete(c.args) {
		c.printf("%s\n", s)
	}
	return nil
}
