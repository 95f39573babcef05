package tui

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
	"menuos/stack/steps"
)

// made is a scene whose record has n steps without a machine.
func made(n int) *scene {
	sc := &scene{look: goldenLook("en", false), live: true, rec: new(record), from: func() time.Time { return time.Unix(0, 0) }}
	more(sc, n)
	return sc
}

func more(sc *scene, n int) {
	for range n {
		i := sc.rec.last + 1
		kind := steps.Kinds()[1+i%11]
		sc.rec.add(&step{Step: stack.Step{Event: stack.Event{Time: time.Duration(i) * time.Millisecond}},
			line: steps.Line{Kind: kind, Mark: kind.Mark(), Where: "127.0.0.1:5001", What: fmt.Sprintf("step %d %s", i, kind), Context: "softirq on hello/1", By: "tcp_v4_rcv"}})
	}
}

// stepsOn are the numbers of the steps that a pane's lines show; 0: another line.
func stepsOn(lines []string) (out []int) {
	for _, line := range lines {
		n := 0
		for _, f := range strings.Fields(ansi.Strip(line)) {
			if v, err := strconv.Atoi(strings.TrimLeft(f, "›>/")); err == nil {
				n = v
				break
			}
		}
		out = append(out, n)
	}
	return out
}

func TestStepsGolden(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, lang == "zh"))
		p := new(stepsPane)
		goldenPane(t, "steps-empty-"+lang, p, b.sc, 57, 9)
		b.run(unanswered...)
		for _, w := range []int{18, 38, 57, 80, 110, 150} {
			goldenPane(t, fmt.Sprintf("steps-%d-%s", w, lang), p, b.sc, w, 18)
		}
		goldenPane(t, "steps-hello-80-"+lang, new(stepsPane), b.goTo(9), 80, 60)
		p.draw(b.sc, 57, 9)
		p.search(b.sc, "listen", -1)
		goldenPane(t, "steps-found-"+lang, p, b.sc, 57, 9)
	}
}

// TestStepsGaps: where steps are missing a row says so, and how many.
func TestStepsGaps(t *testing.T) {
	sc := made(3)
	sc.rec.add(&step{Step: stack.Step{Lost: 1234}, line: steps.Line{Mark: ">", What: "after the gap"}})
	p := new(stepsPane)
	goldenPane(t, "steps-lost", p, sc, 57, 9)
	more(sc, recordSize)
	p.draw(sc, 57, 5)
	p.wheel(sc, -recordSize)
	goldenPane(t, "steps-forgotten", p, sc, 57, 5)
	if msg := p.click(sc, 3, 0, false); msg != nil {
		t.Errorf("a click on the row that says what is missing: %v", msg)
	}
}

// TestStepsFollow: live, the newest step is in the last line; whoever scrolls back
// stays where he is while more come, until he is at the end again.
func TestStepsFollow(t *testing.T) {
	sc := made(50)
	p := new(stepsPane)
	check := func(what string, first, last int) {
		t.Helper()
		got := stepsOn(p.draw(sc, 60, 10))
		if len(got) != 10 || got[0] != first || got[9] != last {
			t.Errorf("%s: it shows %v, want %d to %d", what, got, first, last)
		}
	}
	check("live", 41, 50)
	more(sc, 5)
	check("five more", 46, 55)
	p.wheel(sc, -20)
	check("scrolled back", 26, 35)
	more(sc, 5)
	check("scrolled back, five more", 26, 35)
	p.wheel(sc, 24)
	check("nearly at the end", 50, 59)
	p.wheel(sc, 3)
	more(sc, 1)
	check("at the end again", 52, 61)
	p.wheel(sc, -500)
	check("at the start", 1, 10)
	p.act(sc, actEnd)
	check("End", 52, 61)

	sc.goTo(30)
	check("the cursor has gone to 30", 30, 39)
	sc.goTo(34)
	check("within what shows", 30, 39)
	more(sc, 10)
	check("ten more while the cursor is in the past", 30, 39)
	p.wheel(sc, 5)
	check("scrolled, the cursor stays", 35, 44)
	sc.goTo(40)
	check("the cursor within what shows", 35, 44)
	sc.goTo(71)
	check("the cursor at the newest", 62, 71)
	more(sc, 1)
	check("… which it is no more", 62, 71)
	sc.live, sc.cur, sc.step = true, 0, nil
	check("live again", 63, 72)
}

func TestStepsKeys(t *testing.T) {
	sc := made(50)
	p := new(stepsPane)
	p.draw(sc, 60, 10)
	press := func(a action, want selectStepMsg) {
		t.Helper()
		msg, used := p.act(sc, a)
		if msg != want || !used {
			t.Errorf("at step %d it asks for %+v, want %+v", sc.cur, msg, want)
		}
		if m, ok := msg.(selectStepMsg); ok { // as the UI does
			sc.live, sc.cur, sc.step = true, 0, nil
			sc.goTo(m.n)
		}
		p.draw(sc, 60, 10)
	}
	press(actDown, selectStepMsg{n: 0})
	press(actEnter, selectStepMsg{n: 50, open: true})
	press(actUp, selectStepMsg{n: 49})
	press(actUp, selectStepMsg{n: 48})
	press(actPageUp, selectStepMsg{n: 38})
	press(actDown, selectStepMsg{n: 39})
	press(actHome, selectStepMsg{n: 1})
	press(actUp, selectStepMsg{n: 1})
	press(actPageDown, selectStepMsg{n: 11})
	press(actEnter, selectStepMsg{n: 11, open: true})
	sc.goTo(48)
	press(actPageDown, selectStepMsg{n: 50})
	press(actPageDown, selectStepMsg{n: 0})
	press(actUp, selectStepMsg{n: 50})
	press(actDown, selectStepMsg{n: 0})
	if _, used := p.act(sc, actFold); used {
		t.Error("the pane took a key that it has no use for")
	}
	if msg := p.click(sc, 20, 3, false); msg != (selectStepMsg{n: 44}) {
		t.Errorf("a click on the fourth line: %v", msg)
	}
	if msg := p.click(sc, 20, 9, true); msg != (selectStepMsg{n: 50, open: true}) {
		t.Errorf("a double click on the last line: %v", msg)
	}
	if msg := p.click(sc, 20, 10, false); msg != nil {
		t.Errorf("a click below: %v", msg)
	}
	if msg, _ := new(stepsPane).act(made(0), actUp); msg != (selectStepMsg{}) {
		t.Errorf("up without any step: %v", msg)
	}
}

func TestStepsSearch(t *testing.T) {
	sc := made(50)
	p := new(stepsPane)
	p.draw(sc, 60, 10)
	find := func(what string, dir, want int) {
		t.Helper()
		ok := p.search(sc, what, dir)
		got := 0
		for i, line := range p.draw(sc, 60, 10) {
			if strings.HasPrefix(ansi.Strip(line), "/") {
				got = stepsOn(p.draw(sc, 60, 10))[i]
			}
		}
		if got != want || ok != (want != 0) {
			t.Errorf("%q in the direction %d: found %v, at %d; want %d", what, dir, ok, got, want)
		}
	}
	find("STEP 4", -1, 49)
	find("step 4", -1, 48)
	find("step 4", 1, 49)
	find("step 4", 1, 4)
	find("step 4", -1, 49)
	if want := "Steps 50 · /step 4 11/11"; p.title(sc) != want {
		t.Errorf("the title is %q, want %q", p.title(sc), want)
	}
	if msg, _ := p.act(sc, actEnter); msg != (selectStepMsg{n: 49, open: true}) {
		t.Errorf("Enter on what was found: %v", msg)
	}
	sc.goTo(20)
	find("step 1", -1, 19)
	if msg, _ := p.act(sc, actDown); msg != (selectStepMsg{n: 20}) {
		t.Errorf("down from what was found: %v", msg)
	}
	sc.goTo(12)
	if p.draw(sc, 60, 10); strings.Contains(p.title(sc), "/") {
		t.Errorf("the cursor has gone elsewhere, and the title still is %q", p.title(sc))
	}
	sc.goTo(20)
	p.draw(sc, 60, 10)
	find("nosuch", 1, 0)
	find("tcp_v4_rcv", 1, 21)
	find("", 1, 0)
}

func TestStepsFilters(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello", "hello --port 5002")
	b.sc.sock = sockIn(t, b.sc, "TIME-WAIT")
	p := new(stepsPane)
	p.act(b.sc, actFilter)
	goldenPane(t, "steps-of-socket", p, b.sc, 57, 60)
	p.act(b.sc, actFilter)
	goldenPane(t, "steps-segments", p, b.sc, 57, 60)
	p.act(b.sc, actFilter)
	if got, want := p.title(b.sc), fmt.Sprintf("Steps %d", b.sc.rec.last); got != want {
		t.Errorf("after three times the title is %q, want %q", got, want)
	}
	b.sc.sock = 0
	p.act(b.sc, actFilter)
	if got := ansi.Strip(strings.Join(p.draw(b.sc, 57, 9), " ")); !strings.Contains(got, "t shows all") {
		t.Errorf("without a socket it says %q", got)
	}
}

func TestStepsEverySize(t *testing.T) {
	for _, look := range everyLook() {
		b := newBench(t, look)
		p := new(stepsPane)
		everySize(t, p, b.sc)
		everySize(t, p, b.run(unanswered...))
		p.search(b.sc, "tcp", 1)
		everySize(t, p, b.goTo(20))
		for range 2 {
			p.act(b.sc, actFilter)
			everySize(t, p, b.sc)
		}
		sc := made(recordSize + 10)
		sc.rec.add(&step{Step: stack.Step{Lost: 99999}})
		sc.look = look
		everySize(t, p, sc)
		p.wheel(sc, -recordSize)
		everySize(t, p, sc)
	}
}

// BenchmarkStepsDraw draws while steps come: as many between two frames as a
// machine under load makes.
func BenchmarkStepsDraw(b *testing.B) {
	for _, filter := range []stepFilter{stepsAll, stepsOfSocket, stepsSegments} {
		b.Run(strconv.Itoa(int(filter)), func(b *testing.B) {
			bench := newBench(b, newLook("dark", "en", false))
			bench.run("replyhi", "hello")
			real := bench.sc.rec.n
			for i := range recordSize {
				s := *bench.sc.rec.at(i % real)
				bench.sc.rec.add(&s)
			}
			bench.sc.sock = bench.sc.socks[0].Cookie
			p := &stepsPane{filter: filter}
			p.draw(bench.sc, 80, 40)
			for b.Loop() {
				for range 50 {
					s := *bench.sc.rec.at(0)
					bench.sc.rec.add(&s)
				}
				p.draw(bench.sc, 80, 40)
			}
		})
	}
}
