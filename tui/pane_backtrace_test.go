package tui

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
)

// traced brings the texts of the scene's backtrace, as the UI does.
func (b *bench) traced() *scene {
	b.sc.texts = frameTexts(b.s.Machine(), b.sc.frames)
	return b.sc
}

// plain are drawn lines without inks and without blanks at their ends.
func plain(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.TrimRight(ansi.Strip(line), " ")
	}
	return out
}

// framesDrawn are the frames of a pane that is drawn wide enough.
func framesDrawn(p *backtracePane, sc *scene) []string { return framesOf(p.draw(sc, 400, 400)) }

// framesOf are the lines that are frames, without the sign of selection.
func framesOf(lines []string) []string {
	var out []string
	for _, line := range plain(lines) {
		if _, frame, ok := strings.Cut(line[:min(len(line), 5)], "#"); ok {
			out = append(out, "#"+frame+line[min(len(line), 5):])
		}
	}
	return out
}

func TestBacktraceOfAStop(t *testing.T) {
	for _, c := range []struct {
		lang  string
		ascii bool
		width []int
	}{{"en", false, []int{120, 80, 60, 44}}, {"zh", false, []int{80, 44}}, {"en", true, []int{80, 44}}} {
		b := newBench(t, goldenLook(c.lang, c.ascii))
		b.run("replyhi", "gdb b tcp_v4_rcv", "hello")
		sc := b.traced()
		for _, w := range c.width {
			p := new(backtracePane)
			p.draw(sc, w, 50)
			p.act(sc, actDown)
			name := fmt.Sprintf("backtrace_%s_%d", c.lang, w)
			if c.ascii {
				name += "_ascii"
			}
			goldenPane(t, name, p, sc, w, 50)
		}
	}
}

func TestBacktraceFolded(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "gdb b tcp_v4_rcv", "hello")
	sc := b.traced()
	p := new(backtracePane)
	p.draw(sc, 100, 20)
	p.act(sc, actFold)
	goldenPane(t, "backtrace_folded", p, sc, 100, 12)
	p.act(sc, actFoldAll)
	goldenPane(t, "backtrace_folded_all", p, sc, 100, 12)
	p.act(sc, actDown)
	if msg, used := p.act(sc, actEnter); msg != nil || !used {
		t.Errorf("Enter on a folded band gave %v, want it unfolded", msg)
	}
	if got := p.sel; !strings.Contains(plain(p.draw(sc, 100, 40))[2], fmt.Sprintf("›#%d ", got)) {
		t.Errorf("frame %d is selected but does not stand below the softirq and a rule:\n%s", got, strings.Join(plain(p.draw(sc, 100, 40)), "\n"))
	}
}

func TestBacktraceOfAStep(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello")
	n := 0
	for i := range b.sc.rec.n {
		if s := b.sc.rec.at(i); s.Name == "inet_sock_set_state" && stack.StateName(s.OldState) == "SYN-SENT" {
			n = s.n
		}
	}
	if n == 0 {
		t.Fatal("no step says that the client is established")
	}
	b.goTo(n)
	goldenPane(t, "backtrace_step", new(backtracePane), b.traced(), 100, 50)
}

// TestBacktraceOfATimer stops where a lost SYN is sent again: an interrupt, its
// softirq, a timer.
func TestBacktraceOfATimer(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("ip link add dummy0 type dummy; ip addr add 10.9.9.1/8 dev dummy0; ip link set dummy0 up", "gdb b tcp_retransmit_skb", "hello --host 10.9.9.9")
	goldenPane(t, "backtrace_timer", new(backtracePane), b.traced(), 80, 50)
}

func TestBacktraceWhose(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	frames := []stack.Frame{{Func: "tcp_v4_rcv"}}
	at := func(of backtraceOf, stop *stack.Stop) string {
		sc := *b.sc
		sc.whose, sc.stop, sc.frames = of, stop, frames
		return new(backtracePane).title(&sc)
	}
	for _, c := range []struct{ got, want string }{
		{at(backtraceOf{context: "softirq", comm: "hello", pid: 1}, new(stack.Stop)), "Backtrace · stopped at tcp_v4_rcv · softirq on hello/1"},
		{at(backtraceOf{context: "softirq", comm: "swapper/0"}, new(stack.Stop)), "Backtrace · stopped at tcp_v4_rcv · softirq on swapper/0"},
		{at(backtraceOf{context: "process,bh-off", comm: "hello", pid: 1}, new(stack.Stop)), "Backtrace · stopped at tcp_v4_rcv · in hello/1, bh-off"},
		{at(backtraceOf{context: "process", comm: "hello", pid: 1}, &stack.Stop{Event: &stack.Event{Name: "sock_wakeup"}}), "Backtrace · stopped in tcp_v4_rcv at sock_wakeup · in hello/1"},
		{at(backtraceOf{step: 7, context: "hardirq", comm: "hello", pid: 1}, nil), "Backtrace · step #7 · hardirq on hello/1"},
		{at(backtraceOf{step: 7}, nil), "Backtrace · step #7"},
	} {
		if c.got != c.want {
			t.Errorf("the title is %q, want %q", c.got, c.want)
		}
	}
}

func TestBacktraceText(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "gdb b __sys_connect", "hello")
	want := strings.Join([]string{"stopped at __sys_connect · in hello/1", "-- system call connect of hello/1 --"}, "\n") + "\n#0  __sys_connect (fd=3, "
	p := new(backtracePane)
	if got := p.text(b.traced()); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != len(b.sc.texts)+3 {
		t.Errorf("the text is\n%s\nwant it to begin\n%s", got, want)
	}
}

func TestBacktraceEmpty(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, false))
		goldenPane(t, "backtrace_empty_"+lang, new(backtracePane), b.sc, 44, 10)
	}
}

// TestBacktraceIsGdbs holds what the pane draws against what gdb's bt prints, at
// each stop of a hello.
func TestBacktraceIsGdbs(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi")
	for _, fn := range []string{"tcp_v4_rcv", "tcp_rcv_state_process", "__tcp_transmit_skb", "tcp_set_state", "sock_def_readable", "__sys_connect", "tcp_write_timer"} {
		b.run("gdb b " + fn)
	}
	b.run("hello")
	stops := 0
	for ; b.sc.stop != nil && stops < 200; stops++ {
		got := framesDrawn(new(backtracePane), b.traced())
		b.out.Reset()
		b.s.Exec(t.Context(), "gdb bt")
		want := strings.Split(strings.TrimRight(b.out.String(), "\n"), "\n")
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("stop %d\n--- the pane draws\n%s\n--- bt prints\n%s", stops+1, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		b.run("gdb c")
	}
	if stops < 30 {
		t.Errorf("%d stops, want those of a whole hello", stops)
	}
}

func TestBacktraceSelection(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "gdb b tcp_v4_rcv", "hello")
	sc := b.traced()
	p := new(backtracePane)
	p.draw(sc, 80, 10)
	if got := p.selectedFunc(sc); got != "tcp_v4_rcv" {
		t.Errorf("at a new stop %s is selected, want tcp_v4_rcv", got)
	}
	msg, _ := p.act(sc, actFrameUp)
	if msg != (gdbMsg{"frame 1"}) {
		t.Errorf("u sends %v, want gdb's frame 1", msg)
	}
	if got := p.selectedFunc(sc); got != "ip_protocol_deliver_rcu" {
		t.Errorf("u selects %s, want the caller ip_protocol_deliver_rcu", got)
	}
	if msg, _ := p.act(sc, actEnter); msg != (sourceMsg{1}) {
		t.Errorf("Enter sends %v, want the source of frame 1", msg)
	}
	p.act(sc, actEnd)
	if got := p.selectedFunc(sc); got != "" {
		t.Errorf("the user's frame is %q, want no function of Linux's", got)
	}
	last := plain(p.draw(sc, 80, 10))
	if got := last[len(last)-1]; !strings.HasPrefix(got, "›#41 0x00000000f7fd0549 in ?? ()") {
		t.Errorf("the last line is %q, want the selected frame #41", got)
	}
	b.run("gdb c")
	p.draw(b.traced(), 80, 10)
	if p.sel != 0 {
		t.Errorf("at the next stop frame %d is selected, want 0", p.sel)
	}
	p.act(sc, actDown)
	b.refresh() // the same stop again
	p.draw(b.traced(), 80, 10)
	if p.sel != 1 {
		t.Errorf("after a refresh of the same stop frame %d is selected, want 1", p.sel)
	}
}

func TestBacktraceSearch(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "gdb b tcp_v4_rcv", "hello")
	sc := b.traced()
	p := new(backtracePane)
	p.draw(sc, 80, 10)
	p.act(sc, actFoldAll)
	want := func(what string, dir int, fn string) {
		t.Helper()
		found := p.search(sc, what, dir)
		if got := p.selectedFunc(sc); !found || got != fn {
			t.Errorf("searching %q (%d) finds %v, %s; want %s", what, dir, found, got, fn)
		}
	}
	want("nf_", 1, "NF_HOOK")
	want("NF_HOOK", 1, "NF_HOOK")
	first := p.sel
	want("NF_HOOK", 1, "NF_HOOK")
	if p.sel <= first {
		t.Errorf("the next match is frame %d, want one behind frame %d", p.sel, first)
	}
	want("NF_HOOK", -1, "NF_HOOK")
	if p.sel != first {
		t.Errorf("the match before is frame %d, want %d again", p.sel, first)
	}
	want("protocol=6", 1, "ip_protocol_deliver_rcu")
	if p.search(sc, "no such thing", 1) {
		t.Error("found what is not there")
	}
}

func TestBacktraceClicks(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "gdb b tcp_v4_rcv", "hello")
	sc := b.traced()
	p := new(backtracePane)
	lines := plain(p.draw(sc, 120, 20))
	row := func(has string) int {
		t.Helper()
		for y, line := range plain(p.draw(sc, 120, 20)) {
			if strings.Contains(line, has) {
				return y
			}
		}
		t.Fatalf("no line has %q:\n%s", has, strings.Join(lines, "\n"))
		return 0
	}
	p.click(sc, 5, row("#4 "), false)
	if p.sel != 4 {
		t.Errorf("a click on #4 selects frame %d", p.sel)
	}
	if msg := p.click(sc, 5, row("#4 "), true); msg != (sourceMsg{4}) {
		t.Errorf("a second click sends %v, want the source of frame 4", msg)
	}
	p.click(sc, 5, row("softirq NET_RX"), false)
	if got := len(framesDrawn(p, sc)); got >= len(sc.texts) {
		t.Errorf("a click on the softirq's rule leaves all %d frames", got)
	}
	p.click(sc, 5, row("softirq NET_RX"), false)
	if got := len(framesDrawn(p, sc)); got != len(sc.texts) {
		t.Errorf("a second click leaves %d of %d frames", got, len(sc.texts))
	}
	p.draw(sc, 120, 20)
	p.wheel(sc, 3)
	moved := plain(p.draw(sc, 120, 20))
	if moved[0] != lines[3] {
		t.Errorf("after the wheel the first line is %q, want %q", moved[0], lines[3])
	}
	p.click(sc, 5, 500, false) // beyond the last row
}

// TestBacktraceSideways scrolls to the right: numbers stay, gdb's whole line
// comes into sight.
func TestBacktraceSideways(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "gdb b tcp_v4_rcv", "hello")
	sc := b.traced()
	p := new(backtracePane)
	p.draw(sc, 60, 10)
	p.act(sc, actRight)
	for i, line := range framesOf(p.draw(sc, 60, 100)) {
		want := frameNumber(i) + sc.texts[i].String()[min(scrollCells, len(sc.texts[i].String())):]
		if want = strings.TrimRight(want[:min(59, len(want))], " "); line != want {
			t.Errorf("frame %d scrolled by %d is %q, want %q", i, scrollCells, line, want)
		}
	}
	p.act(sc, actLeft)
	if got := framesOf(p.draw(sc, 60, 100))[0]; !strings.HasSuffix(got, ":1782") {
		t.Errorf("back at the left frame 0 is %q", got)
	}
}

// TestBacktraceSizes draws every size, in the states that a pane can be in.
func TestBacktraceSizes(t *testing.T) {
	for _, look := range []*look{goldenLook("en", false), goldenLook("zh", true), newLook("dark", "zh", false)} {
		b := newBench(t, look)
		b.run("replyhi", "gdb b tcp_v4_rcv", "hello")
		stopped := *b.traced()
		waiting := stopped
		waiting.texts = nil
		empty := scene{look: look, live: true, rec: new(record)}
		for i, sc := range []*scene{&stopped, &waiting, &empty} {
			for k, acts := range [][]action{nil, {actFoldAll}, {actEnd, actRight}, {actDown, actDown, actFold}} {
				p := new(backtracePane)
				p.draw(sc, 80, 20)
				for _, a := range acts {
					p.act(sc, a)
				}
				p.search(sc, "tcp", 1)
				for w := 0; w <= 90; w += 1 + 6*k {
					for _, h := range []int{0, 1, 2, 3, 9, 40} {
						checkCells(t, p.draw(sc, w, h), w, h, false)
					}
				}
				if t.Failed() {
					t.Fatalf("scene %d, actions %v", i, acts)
				}
			}
		}
	}
}

func BenchmarkBacktraceDraw(b *testing.B) {
	bench := newBench(b, newLook("dark", "en", false))
	bench.run("replyhi", "gdb b tcp_v4_rcv", "hello")
	sc := bench.traced()
	p := new(backtracePane)
	for b.Loop() {
		p.draw(sc, 80, 40)
	}
}
