// The program around the screen: the terminal, signals, and what is said when it
// ends.

package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	tea "charm.land/bubbletea/v2"
)

// Run shows the screen on the terminal until the person leaves. It returns the
// exit status: quit's, or 128 and the number of the signal that ended it. The
// terminal is as it was before.
func Run(ctx context.Context, cfg Config) (int, error) {
	return run(ctx, cfg, func(*UI) {})
}

// framesPerSecond is how often the picture may reach the terminal: more often than
// news come, so that a key's frame does not wait long for its turn. Each tick
// costs a wake-up, also when nothing has changed (BenchmarkIdle, BenchmarkKeys).
const framesPerSecond = 100

// run is Run; ready gets the screen before it starts.
func run(ctx context.Context, cfg Config, ready func(*UI), opts ...tea.ProgramOption) (int, error) {
	var p *tea.Program
	u, err := New(cfg, func(m tea.Msg) { p.Send(m) })
	if err != nil {
		return 1, err
	}
	opts = append([]tea.ProgramOption{tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithFPS(framesPerSecond)}, opts...)
	p = tea.NewProgram(u, opts...)
	defer catchSignals(p)()
	ready(u)
	u.Start()
	_, err = p.Run()
	closing := u.Close()
	switch {
	case u.fault != nil:
		return 1, *u.fault
	case u.quit:
		return u.code, closing
	case errors.Is(err, tea.ErrProgramKilled) && ctx.Err() == nil, errors.Is(err, io.EOF):
		return 1, errors.New("the terminal has gone")
	case err != nil:
		return 1, fmt.Errorf("the terminal: %w", err)
	}
	return u.code, closing
}

// Trace is the stack of a fault that Run returned, empty if err is none.
func Trace(err error) string {
	var f fault
	if errors.As(err, &f) {
		return f.stack
	}
	return ""
}

// catchSignals passes signals that end a program to the screen, which leaves in
// order; a second one does not wait for it.
func catchSignals(p *tea.Program) (stop func()) {
	ch := make(chan os.Signal, 2)
	over := make(chan struct{})
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGHUP, os.Interrupt)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-over:
				return
			case s := <-ch:
				if n > 0 {
					p.Kill()
					return
				}
				sig, _ := s.(syscall.Signal)
				go p.Send(signalMsg(sig))
			}
		}
	}()
	return func() {
		signal.Stop(ch)
		close(over)
	}
}
