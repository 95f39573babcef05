// What is on screen against what a real kernel did: the stops and the steps of a
// whole hello.

package tui

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"menuos/stack"
)

// kernelStop is a stop of the recorded kernel.
type kernelStop struct {
	num    int
	fn     string
	frames string // "fn, caller file:line, …", innermost first
}

// kernelStops reads the recorded stops of a hello. A function that gcc split in
// two stands once, and so does a stop that gdb made at both halves. Stops that
// docs/linux-differences.md says come of ticks and of security modules are left
// out: the machine has none of these.
func kernelStops(t *testing.T) []kernelStop {
	t.Helper()
	stacks := make(map[string]string)
	for _, r := range oracleRows(t, "../stack/testdata/oracle/hello.stacks.tsv", "\t") {
		stacks[r[0]] = r[1]
	}
	never := make(map[string]bool)
	for _, r := range oracleRows(t, "../docs/linux-differences.md", "|") {
		if len(r) == 6 && strings.TrimSpace(r[1]) == "hello" && !strings.Contains(r[4], "all else is equal") {
			for _, num := range strings.Split(r[2], ",") {
				never[strings.TrimSpace(num)] = true
			}
		}
	}
	var out []kernelStop
	for _, r := range oracleRows(t, "../stack/testdata/oracle/hello.stops.tsv", "\t") {
		num, err := strconv.Atoi(r[0])
		if err != nil {
			t.Fatal(err)
		}
		s := kernelStop{num, r[3], kernelFrames(r[3], stacks[r[6]])}
		if n := len(out); never[r[0]] || n > 0 && out[n-1].frames == s.frames && slices.Contains(twice, s.fn) {
			continue
		}
		out = append(out, s)
	}
	return out
}

// twice are the functions in which gdb found a second place for a breakpoint, so
// that one entry was two stops.
var twice = []string{"ip_finish_output", "tcp_schedule_loss_probe", "tcp_rearm_rto"}

func oracleRows(t *testing.T, file, sep string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		out = append(out, strings.Split(line, sep))
	}
	return out
}

// kernelFrames begins at the function that was broken on: what gcc inlined at
// its very start stands before it.
func kernelFrames(fn, stack string) string {
	out, last := "", ""
	for _, fr := range strings.Split(stack, " < ") {
		name, at, _ := strings.Cut(fr, "@")
		switch {
		case name == "??", name == last, out == "" && name != fn:
			continue
		case out == "":
			out = name
		default:
			out += ", " + name + " " + at
		}
		last = name
	}
	return out
}

var drawnFrame = regexp.MustCompile(`^#(\d+) +(?:0x[0-9a-f]{16} in )?(\S+) \(.*?\)(?: at (?:\./)?(\S+))?$`)

// drawn is what a pane shows, in the form of kernelFrames, from frame first on.
func drawn(t *testing.T, lines []string, first int) string {
	t.Helper()
	out := ""
	for i, line := range lines {
		m := drawnFrame.FindStringSubmatch(line)
		if m == nil || m[1] != fmt.Sprint(i) {
			t.Fatalf("line %d is no frame as gdb prints it: %q", i, line)
		}
		switch {
		case i < first, m[2] == "??":
		case i == first:
			out = m[2]
		default:
			out += ", " + m[2] + " " + m[3]
		}
	}
	return out
}

// TestStopsAreTheKernels stops at each function that the recording stopped in and
// holds the pane, frame by frame, against the recorded stop.
func TestStopsAreTheKernels(t *testing.T) {
	want := kernelStops(t)
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi")
	for _, fn := range functionsOf(want) {
		b.run("gdb b " + fn)
	}
	b.run("hello")
	p := new(backtracePane)
	for i, w := range want {
		if b.sc.stop == nil {
			t.Fatalf("the kernel stopped %d times; the machine came to an end after %d, before %v", len(want), i, w)
		}
		if got := drawn(t, framesDrawn(p, b.traced()), 0); got != w.frames {
			t.Fatalf("stop %d, recorded as %d\n on screen: %s\nthe kernel: %s", i+1, w.num, got, w.frames)
		}
		b.run("gdb c")
	}
	if b.sc.stop != nil {
		t.Errorf("after the kernel's %d stops the machine stopped again, in %s", len(want), b.sc.stop.Sym.Name)
	}
	t.Logf("%d stops on screen equal the kernel's", len(want))
}

func functionsOf(stops []kernelStop) []string {
	var out []string
	for _, s := range stops {
		if !slices.Contains(out, s.fn) {
			out = append(out, s.fn)
		}
	}
	return out
}

// TestStepsAreTheKernels selects each step of a hello. Its backtrace on screen,
// from the innermost function that the recording stopped in, is the one that the
// kernel had at such a stop.
func TestStepsAreTheKernels(t *testing.T) {
	stops := kernelStops(t)
	known := make(map[string]kernelStop)
	for _, s := range stops {
		known[s.frames] = s
	}
	functions := functionsOf(stops)
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi")
	from := b.sc.rec.last
	b.run("hello")
	p := new(backtracePane)
	held, kinds := 0, make(map[string]int)
	for n := from + 1; n <= b.sc.rec.last; n++ {
		b.goTo(n)
		sc := b.traced()
		first := slices.IndexFunc(sc.frames, func(f stack.Frame) bool { return slices.Contains(functions, f.Func) })
		if sc.step == nil || first < 0 {
			continue
		}
		got := drawn(t, framesDrawn(p, sc), first)
		if _, ok := known[got]; !ok {
			t.Errorf("step %d (%s)\non screen: %s\nthe kernel never was there", n, sc.step.Name, got)
			continue
		}
		held++
		kinds[sc.step.Name]++
	}
	t.Logf("%d of %d steps of a hello have a backtrace that the kernel had too: %v", held, b.sc.rec.last-from, kinds)
	for _, name := range []string{"net_dev_queue", "netif_receive_skb", "inet_sock_set_state", "timer_start", "timer_cancel", "sock_wakeup"} {
		if kinds[name] == 0 {
			t.Errorf("no step %s was held against the kernel", name)
		}
	}
}
