package shell

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// gdbFileFunctions are those at which the recorded session printed a backtrace
// from a file of gdb commands.
var gdbFileFunctions = []string{"tcp_v4_rcv", "tcp_rcv_state_process", "tcp_set_state", "__tcp_transmit_skb"}

// recordedBacktraces are the recorded stops of a hello in those functions, each as
// "function, then caller file:line, …", with what gcc split standing once.
func recordedBacktraces(t *testing.T) []string {
	t.Helper()
	rows := func(name string) [][]string {
		text, err := os.ReadFile("../stack/testdata/oracle/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var out [][]string
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
			out = append(out, strings.Split(line, "\t"))
		}
		return out
	}
	stacks := make(map[string]string)
	for _, r := range rows("hello.stacks.tsv") {
		stacks[r[0]] = r[1]
	}
	wanted := "|" + strings.Join(gdbFileFunctions, "|") + "|"
	var bts []string
	for _, r := range rows("hello.stops.tsv") {
		if !strings.Contains(wanted, "|"+r[3]+"|") {
			continue
		}
		bt, last := r[3], r[3]
		for _, frame := range strings.Split(stacks[r[6]], " < ")[1:] {
			fn, at, _ := strings.Cut(frame, "@")
			if fn != last && fn != "??" {
				bt += fmt.Sprintf(", %s %s", fn, at)
			}
			last = fn
		}
		bts = append(bts, bt)
	}
	return bts
}

var frameRE = regexp.MustCompile(`^#(\d+) +(?:0x[0-9a-f]+ in )?(\S+) \(.*\)(?: at (?:\./)?(\S+))?$`)

// printedBacktraces reads gdb's output the same way.
func printedBacktraces(t *testing.T, out string) []string {
	t.Helper()
	var bts []string
	for _, line := range strings.Split(out, "\n") {
		m := frameRE.FindStringSubmatch(line)
		switch {
		case m == nil || m[2] == "??":
			if m == nil && strings.HasPrefix(line, "#") {
				t.Errorf("not a frame as gdb prints it: %s", line)
			}
		case m[1] == "0":
			bts = append(bts, m[2])
		default:
			bts[len(bts)-1] += fmt.Sprintf(", %s %s", m[2], m[3])
		}
	}
	return bts
}

// TestGdbFileOfAWholeHello runs a file of gdb commands that prints the backtrace
// at each stop of a hello, and holds every one against the recorded kernel's.
func TestGdbFileOfAWholeHello(t *testing.T) {
	var file strings.Builder
	file.WriteString("set pagination off\n")
	for _, fn := range gdbFileFunctions {
		fmt.Fprintf(&file, "break %s\ncommands\nsilent\nbt\ncontinue\nend\n", fn)
	}
	var out bytes.Buffer
	s, err := New(Config{Out: &out, Err: &out})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	if status := s.Exec(ctx, "replyhi"); status != 0 {
		t.Fatalf("replyhi: status %d\n%s", status, out.String())
	}
	if status := s.SourceGdb(ctx, strings.NewReader(file.String()), "lab.gdb"); status != 0 {
		t.Fatalf("source: status %d\n%s", status, out.String())
	}
	out.Reset()
	if status := s.Exec(ctx, "hello"); status != 0 {
		t.Fatalf("hello: status %d\n%s", status, out.String())
	}
	got, want := printedBacktraces(t, out.String()), recordedBacktraces(t)
	for i := range max(len(got), len(want)) {
		g, w := "no stop", "no stop"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("stop %d:\n  menuos: %s\n  kernel: %s", i+1, g, w)
		}
	}
	if len(want) == 0 {
		t.Error("no recorded stop was read")
	}
}
