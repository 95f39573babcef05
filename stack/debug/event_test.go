package debug_test

import (
	"regexp"
	"strings"
	"testing"

	"menuos/stack"
	"menuos/stack/debug"
)

// TestStopAtEvent holds that the debugger takes a stop at an event as one that no
// breakpoint made, even when the machine came to it from a breakpoint.
func TestStopAtEvent(t *testing.T) {
	s, d := laboratory(t)
	rec := s.Record(100, 0)
	defer rec.Close()
	exec(t, d, "break tcp_v4_connect")
	j := s.Spawn("hello", nil, hello)
	report := func(what string) string {
		t.Helper()
		var out strings.Builder
		if act, err := d.Report(&out); act != debug.None || err != nil {
			t.Fatalf("%s: %v, %v", what, act, err)
		}
		return out.String()
	}
	if s.Wait(j) != stack.Stopped {
		t.Fatal("no stop")
	}
	if got := report("breakpoint"); !strings.HasPrefix(got, "\nBreakpoint 1, tcp_v4_connect (sk=0x") {
		t.Errorf("at the breakpoint: %q", got)
	}
	if !<-s.RunToEvent(func(ev *stack.Event) bool { return ev.Name == "net_dev_queue" }) {
		t.Fatal("nothing is sent")
	}
	if got := report("event"); !regexp.MustCompile(`^__dev_queue_xmit \(skb=0x\w+\) at net/core/dev\.c:\d+\n$`).MatchString(got) {
		t.Errorf("at the event: %q", got)
	}
	if got := report("event, again"); got != "" {
		t.Errorf("told again: %q", got)
	}
	for _, c := range []struct{ line, want string }{
		{"frame", `#0  __dev_queue_xmit \(skb=0x\w+\) at net/core/dev\.c:\d+`},
		{"bt 2", `#0  __dev_queue_xmit .*\n#1  0x\w+ in dev_queue_xmit \(skb=0x\w+\) at net/core/dev\.c:3897\n\(More stack frames follow...\)`},
		{"p skb->len", `\$1 = 74`},
		{"up", `#1  0x\w+ in dev_queue_xmit .*`},
		{"c 2", `Not stopped at any breakpoint; argument ignored\.\nContinuing\.`},
	} {
		if got := exec(t, d, c.line); !regexp.MustCompile(`^` + c.want + `\n$`).MatchString(got) {
			t.Errorf("%s: %q, want %s", c.line, got, c.want)
		}
	}
	if o := s.Wait(j); o != stack.Done {
		t.Errorf("hello is %v", o)
	}
}

// TestStepFromEvent steps from a stop at an event.
func TestStepFromEvent(t *testing.T) {
	s, d := laboratory(t)
	j := s.Spawn("hello", nil, hello)
	if !<-s.RunToEvent(func(ev *stack.Event) bool { return ev.Name == "net_dev_queue" }) {
		t.Fatal("nothing is sent")
	}
	for _, c := range []struct{ line, want string }{
		{"step", "validate_xmit_skb (skb=0x"},
		{"finish", ""},
	} {
		exec(t, d, c.line)
		if o := s.Wait(j); o != stack.Stopped {
			t.Fatalf("%s: hello is %v", c.line, o)
		}
		var out strings.Builder
		if _, err := d.Report(&out); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
	exec(t, d, "c")
	if o := s.Wait(j); o != stack.Done {
		t.Errorf("hello is %v", o)
	}
}
