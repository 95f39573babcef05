package shell

import (
	"context"
	"fmt"
	"io"
	"strings"

	"menuos/stack/debug"
)

// gdbMode says whether lines of Exec go to the debugger.
type gdbMode struct {
	prompt   bool // at the (gdb) prompt
	attached bool // the person came by "gdb" and lets the machine run: a stop brings the prompt back
	block    bool // a command that awaits its rest was begun at the (gdb) prompt of another screen
}

// raw reports whether the next line of Exec is the debugger's, whatever it says.
func (g *gdbMode) raw(s *Session) bool {
	return g.prompt || s.dbg.Prompt() != gdbPrompt && !g.block
}

func (g *gdbMode) stopped() {
	if g.attached {
		g.prompt = true
	}
}

const gdbPrompt = "(gdb) "

func resumes(a debug.Action) bool { return a == debug.Resume }

// isGdb reports whether a line begins with the word gdb.
func isGdb(text string) bool {
	text = strings.TrimLeft(text, " \t")
	return text == "gdb" || strings.HasPrefix(text, "gdb ") || strings.HasPrefix(text, "gdb\t")
}

// segment is a part of a line between semicolons.
type segment struct {
	text string
	gdb  bool
}

// splitGdb cuts the debugger's commands out of a line, which the shell's grammar
// would not understand ("gdb p *sk; hello"). What is the shell's stays whole.
// raw: the whole line is the debugger's; open: it continues a shell command.
func splitGdb(text string, raw, open bool) []segment {
	if raw {
		return []segment{{text, true}}
	}
	if open || !strings.Contains(text, "gdb") {
		return []segment{{text, false}}
	}
	var out []segment
	for _, part := range splitSemicolons(text) {
		g := isGdb(part)
		if n := len(out); !g && n > 0 && !out[n-1].gdb {
			out[n-1].text += ";" + part
			continue
		}
		out = append(out, segment{part, g})
	}
	return out
}

// splitSemicolons cuts at the semicolons outside of quotes and brackets.
func splitSemicolons(text string) []string {
	var out []string
	var quote rune
	depth, from, escaped := 0, 0, false
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"' || r == '`':
			quote = r
		case r == '(' || r == '{':
			depth++
		case (r == ')' || r == '}') && depth > 0:
			depth--
		case r == '#' && (i == 0 || text[i-1] == ' '):
			return append(out, text[from:])
		case r == ';' && depth == 0:
			out = append(out, text[from:i])
			from = i + 1
		}
	}
	return append(out, text[from:])
}

// ExecGdb runs a line that was typed at the debugger's prompt, and returns its
// status as Exec does. A command that lets the machine go on waits for the
// foreground command that a breakpoint holds. While a foreground command runs
// (the call comes by Interject then) nothing can be let go on, as gdb says.
func (s *Session) ExecGdb(ctx context.Context, line string) int {
	defer s.enter()()
	switch {
	case s.quit:
		return s.quitCode
	case s.life.Err() != nil:
		return statusInterrupted
	}
	s.pendingStop()
	before := s.atGdb
	s.atGdb = true
	status := s.gdbTyped(ctx, line)
	s.atGdb = before
	if s.running == nil {
		s.catchUp()
	}
	if s.split() {
		s.at.out.freshLine()
	}
	return status
}

// gdbTyped runs a line of the debugger's prompt; "gdb" before it is allowed.
func (s *Session) gdbTyped(ctx context.Context, text string) int {
	if isGdb(text) && s.dbg.Prompt() == gdbPrompt {
		if text = gdbCommand(text); text == "" {
			return 0
		}
	}
	if !s.Held() && s.dbg.Prompt() == gdbPrompt && isContinue(text) && s.running == nil {
		return s.letGo(ctx, s.at)
	}
	return s.gdbExec(ctx, text, s.at)
}

// gdbCommand is what stands behind the word gdb.
func gdbCommand(text string) string {
	return strings.TrimSpace(strings.TrimLeft(text, " \t")[len("gdb"):])
}

// gdbLine runs a line of Exec for the debugger.
func (s *Session) gdbLine(ctx context.Context, text string) int {
	if isGdb(text) {
		text = gdbCommand(text)
		if text == "" && !s.gdb.raw(s) {
			if !s.split() {
				s.gdb.prompt, s.gdb.attached = true, true
			}
			return 0
		}
	}
	if !s.Held() && s.dbg.Prompt() == gdbPrompt && isContinue(text) && (s.gdb.prompt || s.fg != nil || s.m.Paused()) {
		return s.letGo(ctx, ends{s.out, s.err})
	}
	return s.gdbExec(ctx, text, ends{s.out, s.err})
}

// letGo is continue while no breakpoint holds the machine: the person wants to
// see it run, so it must not be paused. A stop brings the prompt back.
func (s *Session) letGo(ctx context.Context, at ends) int {
	fmt.Fprintln(at.out, "Continuing.")
	s.m.Continue()
	return s.resume(ctx)
}

// gdbExec has the debugger run a line and answer at a prompt.
func (s *Session) gdbExec(ctx context.Context, text string, at ends) int {
	open := s.dbg.Prompt() != gdbPrompt
	var act debug.Action
	var err error
	s.m.Still(func() { act, err = s.dbg.Exec(text, at.out) })
	if !open {
		s.gdb.block = at != ends{s.out, s.err}
	}
	if word, _, _ := strings.Cut(text, " "); err != nil && s.cmds.byName[word] != nil && strings.HasPrefix(err.Error(), "Undefined command") {
		switch {
		case s.gdb.prompt:
			err = fmt.Errorf("%w\n%s", err, s.msg("atGdb", word))
		case s.split() && at == s.at:
			err = fmt.Errorf("%w\n%s", err, s.msg("atGdbScreen", word))
		}
	}
	if err != nil && s.running != nil && strings.HasPrefix(err.Error(), "The program is not being run.") {
		err = plainError("Cannot execute this command while the target is running.")
	}
	return s.gdbAct(ctx, act, err, at)
}

func isContinue(text string) bool {
	return text == "c" || text == "fg" || text == "continue" || text == "cont"
}

// SourceGdb runs a gdb command file.
func (s *Session) SourceGdb(ctx context.Context, r io.Reader, name string) int {
	defer s.enter()()
	var act debug.Action
	var err error
	s.m.Still(func() { act, err = s.dbg.ExecReader(r, name, s.at.out) })
	status := s.gdbAct(ctx, act, err, s.at)
	s.gdb.prompt = s.gdb.prompt && s.gdb.attached
	return status
}

func (s *Session) gdbAct(ctx context.Context, act debug.Action, err error, at ends) int {
	if err != nil {
		at.out.freshLine()
		fmt.Fprintln(at.err, err)
		return 1
	}
	switch act {
	case debug.Quit:
		if !s.gdb.prompt {
			fmt.Fprintln(at.out, s.msg("gdbQuit"))
		}
		s.gdb = gdbMode{}
		return 0
	case debug.Resume:
		return s.resume(ctx)
	}
	return 0
}

// resume lets the machine go on, and the line that a breakpoint held with it.
func (s *Session) resume(ctx context.Context) int {
	if s.running != nil { // drive is under way, and goes on
		return 0
	}
	fg := s.fg
	s.fg = nil
	s.gdb.prompt = false
	if s.drive(ctx, fg) || fg == nil {
		return 0
	}
	return s.finish(fg)
}

// LeaveGdb is Ctrl-D at the (gdb) prompt: it leaves the prompt, and the
// breakpoints where they are. It reports whether there was one to leave; where
// the debugger has a prompt of its own, that is a command that awaits its rest.
func (s *Session) LeaveGdb() bool {
	if !s.gdb.prompt && s.dbg.Prompt() == gdbPrompt {
		return false
	}
	for i := 0; i < 100 && s.dbg.Prompt() != gdbPrompt; i++ {
		s.m.Still(func() { s.dbg.Exec("end", io.Discard) })
	}
	s.gdb = gdbMode{}
	return true
}
