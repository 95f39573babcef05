package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// interpreter runs shell syntax with the session's commands. It reaches nothing
// of the host: no programs, no files, no environment.
type interpreter struct {
	s      *Session
	parser *syntax.Parser
	runner *interp.Runner
	env    expand.Environ
	user   *line          // that has used runner last
	stmts  []*syntax.Stmt // set aside by rewrite: what & starts
	pipes  int
}

// Words that rewrite puts into a program; no one can type them.
const (
	wordBackground = "\x00bg"
	wordTimeStart  = "\x00t0"
	wordTimeEnd    = "\x00t1"
)

// theirs are the builtins that the interpreter keeps; all other names are looked
// up in our table.
var theirs = map[string]bool{":": true, "true": true, "false": true, "echo": true, "printf": true, "test": true, "[": true,
	"read": true, "set": true, "unset": true, "shift": true, "eval": true, "source": true, ".": true, "exit": true,
	"break": true, "continue": true, "return": true, "pwd": true, "getopts": true, "alias": true, "unalias": true}

type lineKey struct{}

// lineOf is the line that a handler runs for.
func lineOf(ctx context.Context) *line { return ctx.Value(lineKey{}).(*line) }

func newInterpreter(s *Session) (*interpreter, error) {
	in := &interpreter{
		s:      s,
		parser: syntax.NewParser(syntax.Variant(syntax.LangBash)),
		env:    expand.ListEnviron("HOME=/", "PATH=/bin", "UID=0", "EUID=0", "GID=0", "USER=root", "TERM=dumb"),
	}
	var err error
	in.runner, err = interp.New(
		interp.Env(in.env),
		interp.Dir(string(os.PathSeparator)),
		interp.StdIO(nil, s.out, s.err),
		interp.CallHandler(in.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return in.exec }),
		interp.OpenHandler(func(_ context.Context, path string, flag int, _ os.FileMode) (io.ReadWriteCloser, error) {
			h, err := s.fs.open(path, flag)
			if err != nil {
				return nil, err
			}
			return h, nil
		}),
		interp.StatHandler(func(_ context.Context, name string, _ bool) (fs.FileInfo, error) { return s.fs.stat(name) }),
		interp.AccessHandler(func(_ context.Context, name string, _ interp.AccessMode) error {
			_, err := s.fs.stat(name)
			return err
		}),
		interp.ReadDirHandler2(func(_ context.Context, name string) ([]fs.DirEntry, error) {
			dir := base(name)
			if dir != "" {
				dir += "/"
			}
			if dir != "" && dir != etcDir {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			var out []fs.DirEntry
			for _, i := range s.fs.listDir(dir) {
				out = append(out, fs.FileInfoToDirEntry(i))
			}
			return out, nil
		}),
	)
	if err != nil {
		return nil, err
	}
	in.runner.Reset()
	return in, nil
}

// call lets our commands come before the interpreter's of the same name.
func (in *interpreter) call(_ context.Context, args []string) ([]string, error) {
	if interp.IsBuiltin(args[0]) && !theirs[args[0]] {
		args = append([]string{"\x00" + args[0]}, args[1:]...)
	}
	return args, nil
}

// exec runs a command of the table.
func (in *interpreter) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	l := lineOf(ctx)
	s := in.s
	switch args[0] {
	case wordBackground:
		n, _ := strconv.Atoi(args[1])
		in.background(l, hc, in.stmts[n])
		return nil
	case wordTimeStart, wordTimeEnd:
		return exitStatus(s.timed(l, hc, args))
	}
	name := strings.TrimPrefix(args[0], "\x00")
	cmd := s.cmds.byName[name]
	if cmd == nil {
		fmt.Fprintln(hc.Stderr, "This is a wrong cmd!")
		near := nearest(name, s.cmds.names())
		switch {
		case s.dbg.Knows(name):
			fmt.Fprintln(hc.Stderr, s.msg("gdbKnows", name))
		case len(near) > 0:
			fmt.Fprintln(hc.Stderr, s.msg("didYouMean", strings.Join(near, ", ")))
		default:
			fmt.Fprintln(hc.Stderr, s.msg("tryHelp"))
		}
		return exitStatus(127)
	}
	l.comm = name
	out := &limited{w: hc.Stdout}
	defer out.end()
	c := &Cmd{Name: name, Args: args[1:], S: s, cmd: cmd, line: l, ctx: ctx, Stdin: hc.Stdin, Out: hc.Stdout, Err: hc.Stderr, lasting: out}
	if f, ok := c.Stdin.(*os.File); ok && f == nil {
		c.Stdin = nil
	}
	if cmd.Drives && s.Held() {
		fmt.Fprintf(hc.Stderr, "%s: %s\n", name, s.msg("held", s.stoppedAt()))
		return exitStatus(1)
	}
	status := cmd.Run(c)
	if l.ctx.Err() != nil && status == 0 && !s.quit {
		status = 130
	}
	if cmd.Drives && !s.Held() && l.ctx.Err() == nil {
		l.awaitSettled()
	}
	return exitStatus(status)
}

func exitStatus(n int) error {
	if n == 0 {
		return nil
	}
	return interp.ExitStatus(uint8(n))
}

// background starts what stands before an &.
func (in *interpreter) background(l *line, hc interp.HandlerContext, st *syntax.Stmt) {
	s := in.s
	r := in.runner.Subshell()
	interp.StdIO(nil, hc.Stdout, hc.Stderr)(r)
	j := s.addJob(source(st))
	j.line = s.start(j.text, j, func(l *line) int { return in.run(l, r, st) })
	if s.cfg.Interactive {
		fmt.Fprintf(s.out, "[%d]\n", j.n)
	}
	l.awaitSettled()
}

// run interprets one statement in a line's goroutine.
func (in *interpreter) run(l *line, r *interp.Runner, st *syntax.Stmt) int {
	err := r.Run(context.WithValue(l.ctx, lineKey{}, l), st)
	if r.Exited() && l.job == nil && l.ctx.Err() == nil {
		in.s.quit = true
	}
	var code interp.ExitStatus
	switch {
	case in.s.quit && in.s.quitCode != 0:
		return in.s.quitCode
	case in.s.quit && l.ctx.Err() != nil: // quit called off the rest
		return 0
	case l.ctx.Err() != nil:
		return 130
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintln(in.s.err, err)
	return 1
}

// parse reads a line, or several that belong together; more means that the
// rest is still to come.
func (in *interpreter) parse(text string) (stmts []*syntax.Stmt, more bool, err error) {
	f, err := in.parser.Parse(strings.NewReader(text+"\n"), "")
	if err != nil {
		return nil, syntax.IsIncomplete(err), err
	}
	if err := in.rewrite(f); err != nil {
		return nil, false, err
	}
	return f.Stmts, false, nil
}

// rewrite puts in the place of what would run beside something else (pipes, &)
// what runs after it. A pipe is a buffer that the left side fills before the
// right side reads: so a session is the same each time.
func (in *interpreter) rewrite(f *syntax.File) error {
	var bad error
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			if n.Coprocess || n.Disown {
				bad = plainError(in.s.msg("noCoproc"))
			}
			in.rewriteStmt(n)
		case *syntax.ProcSubst:
			bad = plainError(in.s.msg("noProcSubst"))
		}
		return bad == nil
	})
	return bad
}

func (in *interpreter) rewriteStmt(st *syntax.Stmt) {
	if st.Background {
		inner := *st
		inner.Background = false
		in.stmts = append(in.stmts, &inner)
		in.rewriteStmt(&inner)
		*st = syntax.Stmt{Position: st.Position, Cmd: callExpr(wordBackground, strconv.Itoa(len(in.stmts)-1))}
		syntax.Walk(&inner, func(n syntax.Node) bool {
			if o, ok := n.(*syntax.Stmt); ok && o != &inner {
				in.rewriteStmt(o)
			}
			return true
		})
		return
	}
	switch cmd := st.Cmd.(type) {
	case *syntax.BinaryCmd:
		if cmd.Op != syntax.Pipe && cmd.Op != syntax.PipeAll {
			return
		}
		in.pipes++
		name := pipePrefix + strconv.Itoa(in.pipes)
		x := &syntax.Stmt{Cmd: &syntax.Subshell{Stmts: []*syntax.Stmt{cmd.X}}, Redirs: []*syntax.Redirect{{Op: syntax.RdrOut, Word: word(name)}}}
		if cmd.Op == syntax.PipeAll {
			x.Redirs[0].Op = syntax.RdrAll
		}
		y := &syntax.Stmt{Cmd: &syntax.Block{Stmts: []*syntax.Stmt{cmd.Y}}, Redirs: []*syntax.Redirect{{Op: syntax.RdrIn, Word: word(name)}}}
		st.Cmd = &syntax.Block{Stmts: []*syntax.Stmt{x, y}}
	case *syntax.TimeClause:
		if cmd.Stmt == nil {
			st.Cmd = callExpr("time")
			return
		}
		end := callExpr(wordTimeEnd)
		end.Args = append(end.Args, &syntax.Word{Parts: []syntax.WordPart{&syntax.ParamExp{Short: true, Param: &syntax.Lit{Value: "?"}}}})
		st.Cmd = &syntax.Block{Stmts: []*syntax.Stmt{{Cmd: callExpr(wordTimeStart)}, cmd.Stmt, {Cmd: end}}}
	}
}

func word(s string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Value: s}}}
}

func callExpr(args ...string) *syntax.CallExpr {
	c := &syntax.CallExpr{}
	for _, a := range args {
		c.Args = append(c.Args, word(a))
	}
	return c
}

// source is a statement as it was typed.
func source(n syntax.Node) string {
	var b bytes.Buffer
	syntax.NewPrinter(syntax.SingleLine(true)).Print(&b, n)
	return strings.TrimSpace(b.String())
}

// shellLine runs a line of shell syntax; each statement has its own status, and
// the result is the worst.
func (s *Session) shellLine(ctx context.Context, text string) int {
	if s.partial != "" {
		text = s.partial + "\n" + text
		s.partial = ""
	}
	in := s.shell
	stmts, more, err := in.parse(text)
	switch {
	case more:
		s.partial = text
		return 0
	case err != nil:
		fmt.Fprintln(s.err, s.msg("syntax", strings.TrimPrefix(err.Error(), "1:")))
		return 2
	}
	if len(stmts) == 0 {
		return 0
	}
	worst := 0
	for _, st := range stmts {
		status, interrupted := s.statement(ctx, st)
		worst = max(worst, status)
		if s.quit || interrupted || ctx.Err() != nil || s.life.Err() != nil {
			break
		}
	}
	return worst
}

// statement runs one statement in the foreground. A breakpoint holds it, and not
// those behind it on the line; an interrupt ends those too.
func (s *Session) statement(ctx context.Context, st *syntax.Stmt) (status int, interrupted bool) {
	in := s.shell
	r := in.runner
	busy := in.user != nil && !in.user.done
	if busy { // the shell's own state belongs to the statement that is held
		r = r.Subshell()
	}
	l := s.start(source(st), nil, func(l *line) int { return in.run(l, r, st) })
	if !busy {
		in.user = l
	}
	if s.Held() {
		s.runHeld(l)
	}
	if !l.done && s.drive(ctx, l) {
		return 0, false
	}
	if s.quit {
		s.quitCode = l.status
	}
	return s.finish(l), l.interrupted
}

// runHeld runs a line while a breakpoint holds the machine: one that only looks.
// It gives up if the line waits for the machine after all, because somebody has
// let it go on meanwhile.
func (s *Session) runHeld(l *line) {
	for !l.done && len(l.waits) == 0 && l.external == nil {
		l.hand()
	}
	if l.done {
		s.ended(l)
	}
}

// finish gives the status of a foreground line that has ended, or that one has
// given up waiting for.
func (s *Session) finish(l *line) int {
	if l.interrupted && s.cfg.Interactive {
		s.out.freshLine()
	}
	if !l.done {
		return statusInterrupted
	}
	return l.status
}
