package shell

// What a command reads while it runs: a pipe or file, or what a person types.

import (
	"io"
	"os"

	"github.com/muesli/cancelreader"

	"menuos/stack"
)

// stdin makes the input of the command's program: all of a pipe or file, or,
// where a person sits, what is typed while the command runs. typed tells which.
// The command calls done when its program has ended.
func (c *Cmd) stdin() (in *stack.Input, typed bool, done func()) {
	none := func() {}
	if c.Stdin != nil {
		b, _ := io.ReadAll(c.Stdin)
		return c.S.m.NewInput(b, true), false, none
	}
	if !c.S.cfg.Interactive || c.line.job != nil {
		return c.S.m.NewInput(nil, true), false, none
	}
	in = c.S.m.NewInput(nil, false)
	stop := none
	if c.S.typing {
		stop = c.S.listen(in)
	}
	c.line.input = in
	return in, true, func() {
		c.line.input = nil
		stop()
	}
}

// Reads tells whether the foreground command reads what a person types. It may
// be called from any goroutine.
func (s *Session) Reads() bool { return s.front.Load().input != nil }

// Input gives the foreground command a line that was typed, without its line
// feed. It reports false if there is none that reads. It may be called from any
// goroutine.
func (s *Session) Input(line string) bool {
	in := s.front.Load().input
	if in == nil {
		return false
	}
	_, err := in.Write([]byte(line + "\n"))
	s.outside.poke()
	return err == nil
}

// CloseInput is Ctrl-D for a foreground command that reads what a person types.
// It reports false if there is none. It may be called from any goroutine.
func (s *Session) CloseInput() bool {
	in := s.front.Load().input
	if in == nil {
		return false
	}
	in.Close()
	s.outside.poke()
	return true
}

// listen passes on what is typed on the terminal, line by line, until stop is
// called.
func (s *Session) listen(in *stack.Input) (stop func()) {
	r, err := cancelreader.NewReader(os.Stdin)
	if err != nil {
		in.Close()
		return func() {}
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			if n > 0 {
				in.Write(buf[:n])
			}
			if err != nil {
				in.Close()
			}
			s.outside.poke()
			if err != nil {
				return
			}
		}
	}()
	return func() {
		if r.Cancel() { // else nothing ends the read
			<-over
		}
		r.Close()
	}
}
