// Lines that come in blocks: command files, commands … end, if, while, define.

package debug

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// scriptLine is a line and where it stands; one that was typed has no name.
type scriptLine struct {
	name string
	n    int
	text string
}

func (l scriptLine) word() string {
	w, _ := splitWord(strings.TrimSpace(l.text))
	return w
}

// block is a command that gathers lines up to its "end".
type block struct {
	head  scriptLine
	depth int // of blocks inside it
	lines []scriptLine
	done  func(lines []scriptLine, c *call) error
}

const (
	maxRounds = 100000 // of a while without a stop
	maxDepth  = 100    // of files and user commands inside each other
)

// open lets the lines that follow belong to a command.
func (d *Debugger) open(c *call, done func([]scriptLine, *call) error) {
	d.block = &block{head: c.script, done: done}
}

// blockWords are the commands that lines up to an "end" belong to.
var blockWords = []string{"if", "while", "commands", "define", "document"}

func opens(word string) bool { return slices.Contains(blockWords, word) }

// keyword is the line's first word, block commands written out in full.
func (d *Debugger) keyword(l scriptLine) string {
	w := l.word()
	for _, full := range blockWords {
		if w != "" && w != full && strings.HasPrefix(full, w) {
			if cmd, _ := find(d.cmds, w); cmd != nil && d.user[w] == nil {
				return cmd.name()
			}
		}
	}
	return w
}

// collect takes a line into the open block and runs the block when it is whole.
func (d *Debugger) collect(line scriptLine, out io.Writer) (Action, error) {
	b := d.block
	switch word := d.keyword(line); {
	case opens(word) && d.keyword(b.head) != "document":
		b.depth++
	case word == "end" && b.depth > 0:
		b.depth--
	case word == "end":
		d.block = nil
		c := &call{script: b.head, out: out}
		err := b.done(b.lines, c)
		return c.act, err
	}
	line.text = strings.TrimSpace(line.text)
	b.lines = append(b.lines, line)
	return None, nil
}

// indent is the text of lines, blocks inside them moved to the right.
func (d *Debugger) indent(lines []scriptLine) []string {
	var out []string
	depth := 0
	for _, l := range lines {
		w := d.keyword(l)
		if w == "end" || w == "else" {
			depth--
		}
		out = append(out, strings.Repeat("  ", max(depth, 0))+l.text)
		if opens(w) || w == "else" {
			depth++
		}
	}
	return out
}

// runLines runs lines in order. When one of them lets the machine go on, the
// rest waits for the next stop if keep is set and is dropped otherwise.
func (d *Debugger) runLines(lines []scriptLine, out io.Writer, keep bool) (Action, error) {
	rounds := 0
	for len(lines) > 0 {
		line := lines[0]
		lines = lines[1:]
		var act Action
		var err error
		switch word := d.keyword(line); {
		case d.block == nil && (word == "if" || word == "while"):
			if rounds++; rounds > maxRounds {
				return None, located(line, errors.New(d.msg("loop", maxRounds)))
			}
			lines, err = d.branch(line, lines)
		case d.block != nil:
			act, err = d.collect(line, out)
		default:
			act, err = d.command(line, out)
		}
		if err != nil {
			d.block = nil
			return None, located(line, err)
		}
		if act == Resume && keep {
			d.pending = append(d.pending, lines...)
		}
		if act != None {
			return act, nil
		}
	}
	return None, nil
}

// sourced is an error that already names its file and line.
type sourced struct{ error }

func (e sourced) Unwrap() error { return e.error }

func located(line scriptLine, err error) error {
	var done sourced
	if line.name == "" || errors.As(err, &done) {
		return err
	}
	return sourced{fmt.Errorf("%s:%d: Error in sourced command file:\n%w", line.name, line.n, err)}
}

// branch puts the lines that an if or while chooses in front of what follows.
func (d *Debugger) branch(head scriptLine, rest []scriptLine) ([]scriptLine, error) {
	body, other, after, ok := d.cutBlock(rest)
	if !ok {
		return nil, errors.New(d.msg("unfinished", d.keyword(head)))
	}
	word := d.keyword(head)
	_, cond := splitWord(strings.TrimSpace(head.text))
	if cond == "" {
		return nil, fmt.Errorf("if/while commands require arguments.")
	}
	v, err := d.eval(cond)
	if err != nil {
		return nil, err
	}
	yes, err := v.truth()
	if err != nil {
		return nil, err
	}
	next := body
	switch {
	case !yes && word == "while":
		next = nil
	case !yes:
		next = other
	case word == "while": // the body, then the whole loop once more
		again := append([]scriptLine{head}, rest[:len(rest)-len(after)]...)
		next = append(append([]scriptLine(nil), body...), again...)
	}
	return append(append([]scriptLine(nil), next...), after...), nil
}

// cutBlock cuts lines at the else and end that belong to an opened block.
func (d *Debugger) cutBlock(lines []scriptLine) (body, other, after []scriptLine, ok bool) {
	depth, middle := 0, -1
	for i, l := range lines {
		switch w := d.keyword(l); {
		case opens(w):
			depth++
		case w == "else" && depth == 0:
			middle = i
		case w == "end" && depth > 0:
			depth--
		case w == "end":
			if middle < 0 {
				return lines[:i], nil, lines[i+1:], true
			}
			return lines[:middle], lines[middle+1 : i], lines[i+1:], true
		}
	}
	return nil, nil, nil, false
}

// cmdBlock is an if or while that was typed: it runs when it is whole.
func (d *Debugger) cmdBlock(c *call) error {
	if c.args == "" {
		return fmt.Errorf("if/while commands require arguments.")
	}
	d.open(c, func(lines []scriptLine, c *call) error {
		all := append([]scriptLine{c.script}, lines...)
		all = append(all, scriptLine{text: "end"})
		var err error
		c.act, err = d.runLines(all, c.out, true)
		return err
	})
	return nil
}

// ExecReader runs a command file. Errors name file and line and end it. If a
// command lets the machine go on, the rest of the file runs in the Report of
// the next stop.
func (d *Debugger) ExecReader(r io.Reader, name string, out io.Writer) (Action, error) {
	var lines []scriptLine
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		lines = append(lines, scriptLine{name, n, sc.Text()})
	}
	if err := sc.Err(); err != nil {
		return None, fmt.Errorf("%s: %w", name, err)
	}
	outer := d.block
	d.block = nil
	act, err := d.runLines(lines, out, true)
	if b := d.block; b != nil && err == nil {
		err = located(b.head, errors.New(d.msg("unfinished", d.keyword(b.head))))
	}
	d.block = outer
	return act, err
}

func (d *Debugger) cmdSource(c *call) error {
	name := strings.TrimSpace(strings.TrimPrefix(c.args, "-v"))
	if name == "" {
		return errors.New("source command requires file name of file to source.")
	}
	if d.depth >= maxDepth {
		return errors.New("Max user call depth exceeded -- command aborted.")
	}
	f, err := d.Open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: No such file or directory.", name)
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	defer f.Close()
	d.depth++
	defer func() { d.depth-- }()
	c.act, err = d.ExecReader(f, name, c.out)
	return err
}

// userCommand is what define makes.
type userCommand struct {
	lines []scriptLine
	doc   []string
}

func (d *Debugger) cmdDefine(c *call) error {
	name, rest := splitWord(c.args)
	if name == "" || rest != "" || isNumber(name) {
		return errors.New("Argument required (name of command to define).")
	}
	if cmd, _ := find(d.cmds, name); cmd != nil && cmd.name() == name {
		return fmt.Errorf("Command \"%s\" is built in.", name)
	}
	if d.Interactive {
		c.printf("Type commands for definition of \"%s\".\nEnd with a line saying just \"end\".\n", name)
	}
	d.open(c, func(lines []scriptLine, _ *call) error {
		d.user[name] = &userCommand{lines: lines}
		return nil
	})
	return nil
}

func (d *Debugger) cmdDocument(c *call) error {
	u := d.user[c.args]
	if u == nil {
		return fmt.Errorf("Undefined command: \"%s\".  Try \"help\".", c.args)
	}
	if d.Interactive {
		c.printf("Type documentation for \"%s\".\nEnd with a line saying just \"end\".\n", c.args)
	}
	d.open(c, func(lines []scriptLine, _ *call) error {
		u.doc = nil
		for _, l := range lines {
			u.doc = append(u.doc, l.text)
		}
		return nil
	})
	return nil
}

// runUser runs a defined command with its arguments put in.
func (d *Debugger) runUser(u *userCommand, args string, out io.Writer) (Action, error) {
	if d.depth >= maxDepth {
		return None, errors.New("Max user call depth exceeded -- command aborted.")
	}
	words := strings.Fields(args)
	repl := []string{"$argc", strconv.Itoa(len(words))}
	for i := len(words) - 1; i >= 0; i-- { // $arg10 before $arg1
		repl = append(repl, "$arg"+strconv.Itoa(i), words[i])
	}
	r := strings.NewReplacer(repl...)
	lines := make([]scriptLine, len(u.lines))
	for i, l := range u.lines {
		lines[i] = l
		lines[i].text = r.Replace(l.text)
	}
	d.depth++
	defer func() { d.depth-- }()
	return d.runLines(lines, out, true)
}

// cmdSilent outside of a breakpoint's commands has nothing to keep silent.
func (d *Debugger) cmdSilent(*call) error { return nil }
