package tui

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
	"menuos/stack/steps"
)

func TestLadderGolden(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, lang == "zh"))
		p := new(ladderPane)
		goldenPane(t, "ladder-empty-"+lang, p, b.sc, 57, 9)
		b.run("replyhi", "hello")
		b.sc.sock = sockIn(t, b.sc, "TIME-WAIT")
		for _, w := range []int{24, 40, 57, 80, 120} {
			goldenPane(t, fmt.Sprintf("ladder-%d-%s", w, lang), p, b.sc, w, 14)
		}
		goldenPane(t, "ladder-past-"+lang, p, b.goTo(17), 80, 8)
		goldenPane(t, "ladder-between-"+lang, p, b.goTo(21), 80, 8) // a timer: no row of its own
		b.refresh()
		b.run(unanswered[2:]...)
		b.sc.sock = sockIn(t, b.sc, "SYN-SENT")
		goldenPane(t, "ladder-unanswered-"+lang, p, b.sc, 57, 9)
		p.act(b.sc, actFilter)
		goldenPane(t, "ladder-all-"+lang, p, b.sc, 80, 40)
	}
}

// TestLadderKeys: a row stands for a step; from below the last one is live.
func TestLadderKeys(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello")
	b.sc.sock = sockIn(t, b.sc, "TIME-WAIT")
	p := new(ladderPane)
	p.draw(b.sc, 80, 30)
	var rows []int
	for _, r := range p.ladder.Rows(1, 1, p.ladder.Len(1), 80, false) {
		rows = append(rows, r.Step)
	}
	last := len(rows) - 1
	press := func(a action, want selectStepMsg) {
		t.Helper()
		msg, used := p.act(b.sc, a)
		if msg != want || !used {
			t.Errorf("at step %d it asks for %+v, want %+v", b.sc.cur, msg, want)
		}
		if want.n == 0 {
			b.refresh()
		} else {
			b.goTo(want.n)
		}
		p.draw(b.sc, 80, 5)
	}
	press(actDown, selectStepMsg{})
	press(actUp, selectStepMsg{n: rows[last]})
	press(actUp, selectStepMsg{n: rows[last-1]})
	press(actEnter, selectStepMsg{n: rows[last-1], open: true})
	press(actHome, selectStepMsg{n: rows[0]})
	press(actUp, selectStepMsg{n: rows[0]})
	press(actPageDown, selectStepMsg{n: rows[4]})
	press(actPageUp, selectStepMsg{n: rows[0]})
	b.goTo(rows[last])
	press(actPageDown, selectStepMsg{})
	b.goTo(rows[0] + 2) // no row of its own: the one before stands for it
	press(actEnter, selectStepMsg{n: rows[0] + 2, open: true})
	press(actDown, selectStepMsg{n: rows[1]})
	if _, used := p.act(b.sc, actFold); used {
		t.Error("the pane took a key that it has no use for")
	}
	b.refresh()
	p.draw(b.sc, 80, 5)
	if msg := p.click(b.sc, 9, 4, true); msg != (selectStepMsg{n: rows[last], open: true}) {
		t.Errorf("a double click on the last row: %v", msg)
	}
	if msg := p.click(b.sc, 9, 0, false); msg != nil {
		t.Errorf("a click on the header: %v", msg)
	}
	p.wheel(b.sc, -2)
	p.draw(b.sc, 80, 5)
	if msg := p.click(b.sc, 9, 4, false); msg != (selectStepMsg{n: rows[last-2]}) {
		t.Errorf("a click on the last row, scrolled back by two: %v", msg)
	}
}

// TestLadderMarksTheCursor: the row is marked at the step of the departure, at
// that of the arrival and, if a step has no row, at the last one before.
func TestLadderMarksTheCursor(t *testing.T) {
	b := newBench(t, newLook("dark", "en", false))
	b.run("replyhi", "hello")
	b.sc.sock = sockIn(t, b.sc, "TIME-WAIT")
	p := new(ladderPane)
	for n := 1; n <= b.sc.rec.last; n++ {
		b.goTo(n)
		b.sc.sock = 6
		row := p.rows(b.sc).rowOf(n)
		var marked []int
		for i, line := range p.draw(b.sc, 80, 40) {
			if plain := ansi.Strip(line); strings.HasPrefix(plain, "›") {
				marked = append(marked, i-1) // below the header
				if full := strings.HasPrefix(line, b.sc.ink.selected.before); full != (p.rowIs(row, n)) {
					t.Errorf("step %d, %s: painted as selected %v\n%s", n, b.sc.step.line.What, full, plain)
				}
			}
		}
		if row < 0 && marked != nil || row >= 0 && fmt.Sprint(marked) != fmt.Sprint([]int{row}) {
			t.Errorf("step %d: marked %v, want %d", n, marked, row)
		}
	}
}

// rowIs tells whether the row of the first conversation is that of a step itself.
func (p *ladderPane) rowIs(row, n int) bool {
	r := p.ladder.Rows(1, row+1, row+2, 80, false)
	return len(r) == 1 && (r[0].Step == n || r[0].Got == n)
}

// TestLadderGrows: a ladder that is drawn after each command is the same as one
// that is drawn at the end.
func TestLadderGrows(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	grown := &ladderPane{all: true}
	for _, line := range append(unanswered, "hello --port 5002", "ping -c 2 127.0.0.1", "hello") {
		b.run(line)
		grown.draw(b.sc, 80, 10)
	}
	once := &ladderPane{all: true}
	if got, want := grown.text(b.sc), once.text(b.sc); got != want || strings.Count(got, "\n") < 30 {
		t.Errorf("grown:\n%s\nat once:\n%s", got, want)
	}
}

// TestLadderGap: where steps were lost a line says so.
func TestLadderGap(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello")
	b.sc.sock = sockIn(t, b.sc, "TIME-WAIT")
	cut := new(record)
	for i := range b.sc.rec.n {
		s := *b.sc.rec.at(i)
		if i >= 16 && i < 22 {
			continue
		}
		if i == 22 {
			s.Lost = 6
		}
		cut.add(&s)
	}
	b.sc.rec = cut
	p := new(ladderPane)
	goldenPane(t, "ladder-gap", p, b.sc, 80, 20)
	if lines := p.draw(b.sc, 80, 5); len(lines) != 5 {
		t.Errorf("%d lines, want 5:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}

func TestLadderEverySize(t *testing.T) {
	for _, look := range everyLook() {
		b := newBench(t, look)
		p := new(ladderPane)
		everySize(t, p, b.sc)
		everySize(t, p, b.run(unanswered...))
		p.act(b.sc, actFilter)
		everySize(t, p, b.sc)
		everySize(t, p, b.goTo(20))
	}
}

// BenchmarkLadderDraw draws while segments come, the record being full.
func BenchmarkLadderDraw(b *testing.B) {
	bench := newBench(b, newLook("dark", "en", false))
	bench.run("replyhi", "hello")
	var segments []*step
	for i := range bench.sc.rec.n {
		if s := bench.sc.rec.at(i); s.line.Kind == steps.Sent || s.line.Kind == steps.Received {
			segments = append(segments, s)
		}
	}
	next := 0
	more := func(n int) {
		for range n {
			s := &step{Step: stack.Step{Event: segments[next%len(segments)].Event}}
			next++
			bench.sc.rec.add(s)
		}
	}
	bench.sc.sock = sockIn(b, bench.sc, "TIME-WAIT")
	p := new(ladderPane)
	more(recordSize)
	p.draw(bench.sc, 80, 40)
	for b.Loop() {
		more(50)
		p.draw(bench.sc, 80, 40)
	}
}
