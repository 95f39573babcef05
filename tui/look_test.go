// What the tests of the panes share: looks, scenes of real machines, goldens.

package tui

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"menuos/shell"
	"menuos/stack"
	"menuos/stack/steps"
)

var update = flag.Bool("update", false, "write the golden files anew")

// bench is a laboratory without a screen: a session on a virtual clock whose
// steps are recorded.
type bench struct {
	t    testing.TB
	s    *shell.Session
	out  strings.Builder
	rec  *stack.Recorder
	tell teller
	sc   *scene
}

func newBench(t testing.TB, look *look) *bench {
	t.Helper()
	b := &bench{t: t}
	s, err := shell.New(shell.Config{Out: &b.out, Lang: look.lang})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	b.s = s
	b.rec = s.Machine().Record(1<<16, 0, steps.Names...)
	t.Cleanup(b.rec.Close)
	host := time.Unix(0, 0)
	b.sc = &scene{look: look, live: true, rec: new(record), from: func() time.Time { return host }, lit: make(map[uint64]litState)}
	b.refresh()
	return b
}

// run types lines at the MenuOS prompt (those that begin with gdb are the
// debugger's) and takes the steps into the scene, which is live.
func (b *bench) run(lines ...string) *scene {
	b.t.Helper()
	for _, line := range lines {
		b.s.Exec(b.t.Context(), line)
		b.refresh()
	}
	return b.sc
}

func (b *bench) refresh() {
	sc := b.sc
	for _, s := range b.rec.Next() {
		sc.rec.add(&step{Step: s, line: b.tell.describe(b.s.Machine(), &s.Event, sc.lang, true)})
	}
	snap := b.s.Machine().Snapshot()
	sc.live, sc.cur, sc.step = true, 0, nil
	sc.now, sc.timers, sc.tasks, sc.counters, sc.stop = snap.Time, snap.Timers, snap.Tasks, snap.Counters, snap.Stopped
	sc.socks = nil
	for i := range snap.Socks {
		sc.socks = append(sc.socks, &snap.Socks[i])
	}
	if sc.stop != nil {
		sc.frames, sc.whose = sc.stop.Frames, backtraceOf{0, sc.stop.Context, sc.stop.Comm, sc.stop.Pid}
	}
}

// goTo puts the cursor in time on a step, as the UI does.
func (b *bench) goTo(n int) *scene {
	sc := b.sc
	sc.goTo(n)
	if sc.step != nil {
		sc.frames = b.s.Machine().Frames(&sc.step.Event)
		sc.whose = backtraceOf{sc.step.n, sc.step.Context, sc.step.Comm, sc.step.Pid}
	}
	return sc
}

// goldenLook is the look of a golden: inks show as nothing.
func goldenLook(lang string, ascii bool) *look { return newLook("mono", lang, ascii) }

// checkCells fails if lines are not at most h of at most w cells, measured as a
// terminal does; exact asks for all of them.
func checkCells(t testing.TB, lines []string, w, h int, exact bool) {
	t.Helper()
	if w == 0 || h == 0 {
		return
	}
	if len(lines) > h || exact && len(lines) != h {
		t.Errorf("%d lines, the room is %d", len(lines), h)
	}
	for i, line := range lines {
		if got := lipgloss.Width(line); got > w || exact && got != w {
			t.Errorf("line %d has %d cells, the room is %d: %q", i, got, w, ansi.Strip(line))
		}
		if strings.ContainsAny(ansi.Strip(line), "\n\t\r") {
			t.Errorf("line %d has control characters: %q", i, line)
		}
	}
}

// addressRE matches kernel addresses and what is left of them where a line was
// cut: they move when functions or fields are added.
var addressRE = regexp.MustCompile(`0x[0-9a-f]{4,}`)

func sameAddresses(text string) string {
	return addressRE.ReplaceAllStringFunc(text, func(a string) string { return "0x" + strings.Repeat("f", len(a)-2) })
}

// golden compares lines, without their colours and with all addresses alike, with
// a file of testdata.
func golden(t testing.TB, name string, lines []string) {
	t.Helper()
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimRight(ansi.Strip(line), " ") + "\n")
	}
	text := sameAddresses(b.String())
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./tui -update writes it)", err)
	}
	if got := text; got != string(want) {
		t.Errorf("%s differs (go test ./tui -update takes it over)\n--- want\n%s\n--- got\n%s", file, want, got)
	}
}

// goldenPane draws a pane in both languages' looks that the caller gives and
// compares it with its golden.
func goldenPane(t testing.TB, name string, p pane, sc *scene, w, h int) {
	t.Helper()
	lines := p.draw(sc, w, h)
	checkCells(t, lines, w, h, false)
	golden(t, name, append([]string{"== " + p.title(sc)}, lines...))
}
