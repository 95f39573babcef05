package stack

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSeedBacktrace stops at tcp_v4_rcv for the first SYN of a hello and holds
// the backtrace against the one that the laboratory's own text prints.
func TestSeedBacktrace(t *testing.T) {
	text, err := os.ReadFile("testdata/oracle/seed.bt")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	last := ""
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		f := strings.Split(line, "\t")
		if f[1] == "??" || f[1] == last {
			continue // the program's own frame; the other half of a split function
		}
		last = f[1]
		want = append(want, f[1]+" at "+f[2])
	}
	s := New(Config{})
	defer s.Close()
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	s.Spawn("replyhi", nil, replyhiProgram(t))
	s.Advance(time.Second)
	s.SetHook(func(*Sym) bool { return true }, []*Sym{s.Lookup("tcp_v4_rcv")}, false)
	hello := s.Exec("hello", nil, helloProgram(t))
	if o := s.Wait(hello); o != Stopped {
		t.Fatalf("Wait = %v, want stopped", o)
	}
	var got []string
	for _, f := range s.Stopped().Frames {
		got = append(got, fmt.Sprintf("%s at %s:%d", f.Func, f.File, f.Line))
	}
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("frame %d: %s, want %s", i, g, w)
		}
	}
	stops := 1
	for s.Continue(); s.Wait(hello) == Stopped; s.Continue() {
		stops++
	}
	if stops != 10 {
		t.Errorf("a hello stops %d times at tcp_v4_rcv, want once a segment: 10", stops)
	}
}
