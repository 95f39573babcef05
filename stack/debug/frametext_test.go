package debug_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"menuos/stack"
	"menuos/stack/debug"
)

// TestFrameTextsAreBacktraces holds a stop's texts against what backtrace prints.
func TestFrameTextsAreBacktraces(t *testing.T) {
	s, d := laboratory(t)
	for _, fn := range []string{"tcp_v4_rcv", "__tcp_transmit_skb", "sock_def_readable"} {
		if _, err := d.Exec("break "+fn, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	j := s.Exec("hello", io.Discard, hello)
	stops := 0
	for ; s.Wait(j) == stack.Stopped; stops++ {
		d.Report(io.Discard)
		var out strings.Builder
		d.Exec("backtrace", &out)
		var got []string
		frames := s.Stopped().Frames
		s.Read(func() {
			for i, f := range debug.FrameTexts(s, frames) {
				got = append(got, fmt.Sprintf("#%-2d %s", i, f))
			}
		})
		if want := strings.Split(strings.TrimSpace(out.String()), "\n"); !slices.Equal(got, want) {
			t.Errorf("stop %d\n got %s\nwant %s", stops+1, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		d.Exec("continue", io.Discard)
	}
	if stops < 10 {
		t.Errorf("%d stops, want those of a whole hello", stops)
	}
}

// TestFrameTextsBesideTheMachine writes backtraces of recorded steps while the
// machine runs and the debugger is at work.
func TestFrameTextsBesideTheMachine(t *testing.T) {
	s, d := laboratory(t)
	rec := s.Record(1<<12, 0, "net_dev_queue")
	defer rec.Close()
	over := make(chan int)
	go func() {
		lines := 0
		for running := true; running; {
			select {
			case <-over:
				running = false
			case <-rec.Wake:
			}
			for _, step := range rec.Next() {
				frames := s.Frames(&step.Event)
				s.Read(func() { lines += len(debug.FrameTexts(s, frames)) })
			}
		}
		over <- lines
	}()
	d.Exec("break tcp_v4_rcv", io.Discard)
	for range 20 {
		j := s.Exec("hello", io.Discard, hello)
		for s.Wait(j) == stack.Stopped {
			d.Report(io.Discard)
			d.Exec("backtrace", io.Discard)
			d.Exec("continue", io.Discard)
		}
	}
	over <- 0
	if lines := <-over; lines < 20*10*10 {
		t.Errorf("%d frames were written, want those of twenty times ten segments", lines)
	}
}

// TestCommandsListed holds that each command can be asked for by the name that it
// is listed with, and says what it does.
func TestCommandsListed(t *testing.T) {
	d := debug.New(nil)
	all := debug.Commands()
	if len(all) < 30 {
		t.Errorf("%d commands are listed", len(all))
	}
	for _, c := range all {
		if !d.Knows(c.Name) || !strings.HasPrefix(c.Usage, c.Name) || c.Summary("en") == "" || c.Summary("zh") == "" {
			t.Errorf("%q: usage %q, %q, %q", c.Name, c.Usage, c.Summary("en"), c.Summary("zh"))
		}
		for _, alias := range c.Aliases {
			if !d.Knows(alias) {
				t.Errorf("%q is listed as short for %s, but unknown", alias, c.Name)
			}
		}
	}
}
