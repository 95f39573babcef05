package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/peterh/liner"
	"golang.org/x/term"
)

// Terminal reports whether a person sits at both ends.
func Terminal() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// Interact prints what the boot printed and runs lines from standard input
// until quit or its end. It returns the exit status.
func (s *Session) Interact(ctx context.Context, banner bool) int {
	fmt.Fprint(s.out, s.BootText(banner))
	s.typing = Terminal()
	if Terminal() && os.Getenv("TERM") != "dumb" && liner.TerminalSupported() {
		return s.edit(ctx)
	}
	return s.read(ctx, os.Stdin)
}

// read takes lines as they come, without editing.
func (s *Session) read(ctx context.Context, in io.Reader) int {
	failed := 0
	r := bufio.NewReader(in)
	for {
		s.out.freshLine()
		fmt.Fprint(s.out, s.Prompt())
		text, err := r.ReadString('\n')
		if err != nil && text == "" {
			fmt.Fprintln(s.out)
			if s.LeaveGdb() && s.cfg.Interactive {
				continue
			}
			failed = max(failed, s.EndOfInput())
			return s.exitStatus(failed)
		}
		*s.out.nl = true // the line feed of the line that was typed
		text = strings.TrimRight(text, "\r\n")
		s.AddHistory(text)
		failed = max(failed, s.execInterruptible(ctx, text))
		if _, over := s.Quit(); over || ctx.Err() != nil {
			return s.exitStatus(failed)
		}
	}
}

// exitStatus: a person's mistakes are no failure of the program; a script's are.
func (s *Session) exitStatus(failed int) int {
	if s.quit && s.quitCode != 0 {
		return s.quitCode
	}
	if s.cfg.Interactive || failed == 0 {
		return 0
	}
	return 1
}

// execInterruptible is Exec that Ctrl-C interrupts.
func (s *Session) execInterruptible(ctx context.Context, text string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	return s.Exec(ctx, text)
}

// edit takes lines with a line editor: history, Ctrl-R, Tab, Ctrl-C, Ctrl-D.
func (s *Session) edit(ctx context.Context) int {
	cooked, err := liner.TerminalMode()
	if err != nil {
		return s.read(ctx, os.Stdin)
	}
	ed := liner.NewLiner()
	raw, _ := liner.TerminalMode()
	ed.SetCtrlCAborts(true)
	ed.SetTabCompletionStyle(liner.TabPrints)
	ed.SetWordCompleter(func(line string, pos int) (string, []string, string) { return s.Complete(line, pos) })
	for _, l := range LoadHistory() {
		ed.AppendHistory(l)
		s.AddHistory(l)
	}
	var typed typedLines
	defer func() {
		typed.save()
		ed.Close()
		cooked.ApplyMode()
	}()

	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(term)
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case got := <-term: // a read from the terminal cannot be called off
			typed.save()
			cooked.ApplyMode()
			if s.cfg.Leaving != nil {
				s.cfg.Leaving()
			}
			os.Exit(128 + int(got.(syscall.Signal)))
		case <-over:
		}
	}()

	for {
		s.out.freshLine()
		text, err := ed.Prompt(s.Prompt())
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			fmt.Fprintln(s.out, "^C")
			s.CancelLine()
			continue
		case err != nil: // Ctrl-D, or the terminal has gone
			fmt.Fprintln(s.out)
			if errors.Is(err, io.EOF) && s.LeaveGdb() {
				continue
			}
			return s.exitStatus(0)
		}
		if strings.TrimSpace(text) != "" {
			ed.AppendHistory(text)
			s.AddHistory(text)
			typed.add(text)
		}
		cooked.ApplyMode()
		s.execInterruptible(ctx, text)
		raw.ApplyMode()
		if _, over := s.Quit(); over || ctx.Err() != nil {
			return s.exitStatus(0)
		}
	}
}

// typedLines are the lines of one run that the history has not got yet.
type typedLines struct {
	mu    sync.Mutex
	lines []string
}

func (t *typedLines) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line)
}

// save appends them to the history. A prompt does without if that fails.
func (t *typedLines) save() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if SaveHistory(t.lines) == nil {
		t.lines = nil
	}
}
