package shell

import (
	"context"
	"fmt"
	"io"
	"strings"

	"menuos/stack/debug"
)

// gdbMode says whether lines go to the debugger.
type gdbMode struct {
	prompt   bool // at the (gdb) prompt
	attached bool // the person came by "gdb" and lets the machine run: a stop brings the prompt back
}

// raw reports whether the next line is the debugger's, whatever it says.
func (g *gdbMode) raw(s *Session) bool {
	return g.prompt || s.dbg.Prompt() != gdbPrompt
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

// gdbLine runs a line for the debugger.
func (s *Session) gdbLine(ctx context.Context, text string) int {
	if isGdb(text) {
		text = strings.TrimSpace(strings.TrimLeft(text, " \t")[len("gdb"):])
		if text == "" && !s.gdb.raw(s) {
			s.gdb.prompt, s.gdb.attached = true, true
			return 0
		}
	}
	if s.gdb.prompt && !s.Held() && s.dbg.Prompt() == gdbPrompt && isContinue(text) {
		fmt.Fprintln(s.out, "Continuing.") // the person goes back to the shell; a stop brings the prompt back
		s.gdb.prompt = false
		return 0
	}
	act, err := s.dbg.Exec(text, s.out)
	if word, _, _ := strings.Cut(text, " "); err != nil && s.gdb.prompt && s.cmds.byName[word] != nil &&
		strings.HasPrefix(err.Error(), "Undefined command") {
		err = fmt.Errorf("%w\n%s", err, s.msg("atGdb", word))
	}
	return s.gdbAct(ctx, act, err)
}

func isContinue(text string) bool {
	return text == "c" || text == "fg" || text == "continue" || text == "cont"
}

// SourceGdb runs a gdb command file.
func (s *Session) SourceGdb(ctx context.Context, r io.Reader, name string) int {
	act, err := s.dbg.ExecReader(r, name, s.out)
	status := s.gdbAct(ctx, act, err)
	s.gdb.prompt = s.gdb.prompt && s.gdb.attached
	return status
}

func (s *Session) gdbAct(ctx context.Context, act debug.Action, err error) int {
	if err != nil {
		s.out.freshLine()
		fmt.Fprintln(s.err, err)
		return 1
	}
	switch act {
	case debug.Quit:
		if !s.gdb.prompt {
			fmt.Fprintln(s.out, s.msg("gdbQuit"))
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
	fg := s.fg
	s.fg = nil
	s.gdb.prompt = false
	if s.drive(ctx, fg) || fg == nil {
		return 0
	}
	return s.finish(fg)
}

// LeaveGdb is Ctrl-D at the (gdb) prompt: it leaves the prompt, and the
// breakpoints where they are. It reports whether there was one to leave.
func (s *Session) LeaveGdb() bool {
	if !s.gdb.raw(s) {
		return false
	}
	for i := 0; i < 100 && s.dbg.Prompt() != gdbPrompt; i++ {
		s.dbg.Exec("end", io.Discard)
	}
	s.gdb = gdbMode{}
	return true
}
