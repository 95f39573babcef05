package packetdrill

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, src string) *Script {
	t.Helper()
	s, err := Parse("p.pkt", strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParse(t *testing.T) {
	s := parse(t, `// a comment
--mtu=1400 --local_ip=10.0.0.1/8
--define=N=5
`+"`first \\`command\\``"+`
0.100~0.200 > [tos 0x1c] FP. 1:3(2) ack 7 win 9 urg 2 <mss 1000,sackOK,TS val 1 ecr 2,nop,wscale 3>
+.5 /* and
another */ < (ttl 9) 80 > 81 - 5:5(0) ack 1
* > udp (12)
+0 < [ce] icmp unreachable frag_needed mtu 600 [1:11(10)]
+1...2.5 f(N, [1, {a=1|2, b(3)=...}], "x" "y"...) = -1 EINVAL (Invalid argument) (a note)
2 %{ assert 1 }%
`+"`last`")
	if len(s.Options) != 3 || s.Options[0].Value != "1400" || s.Options[1].Value != "10.0.0.1/8" || s.Options[2].Value != "N=5" {
		t.Errorf("options %+v", s.Options)
	}
	if s.Init == nil || s.Init.Text != "first \\`command\\`" || len(s.Events) != 6 {
		t.Fatalf("init %+v, %d events", s.Init, len(s.Events))
	}
	ev := s.Events[0]
	if ev.Kind != AbsoluteRange || ev.From != 100*time.Millisecond || ev.To != 200*time.Millisecond || ev.Line != 5 {
		t.Errorf("time %+v", ev)
	}
	k := ev.Packet
	if k.Inbound || k.TOSCheck != TOSWhole || k.TOS != 0x1c || k.TCP.Flags != 0x19 || k.TCP.Seq != 1 || k.TCP.Len != 2 ||
		k.TCP.Ack != 7 || k.TCP.Win != 9 || k.TCP.Urg != 2 || len(k.TCP.Options) != 20 {
		t.Errorf("%+v %+v", k, k.TCP)
	}
	k = s.Events[1].Packet
	if s.Events[1].Line != 6 || !k.Inbound || k.TTL != 9 || k.SrcPort != 80 || k.DstPort != 81 || k.TCP.Flags != 0 || k.TCP.Win != 0 {
		t.Errorf("%+v %+v", k, k.TCP)
	}
	if s.Events[2].Kind != AnyTime || s.Events[2].Packet.UDP.Len != 12 {
		t.Errorf("%+v", s.Events[2])
	}
	m := s.Events[3].Packet.ICMP
	if m.Type != 3 || m.Code != 4 || m.MTU != 600 || !m.Echoed || m.Seq != 1 || m.Len != 10 {
		t.Errorf("%+v", m)
	}
	c := s.Events[4].Call
	if !c.Blocking || c.End != 2500*time.Millisecond || c.Name != "f" || c.Errno != "EINVAL" || len(c.Args) != 3 ||
		c.Args[0].Int != 5 || c.Args[2].Text != "xy" {
		t.Errorf("%+v", c)
	}
	if f, ok := c.Args[1].Parts[1].Field("a"); !ok || f.Kind != ExprOr {
		t.Errorf("%+v", c.Args[1])
	}
	if f, ok := c.Args[1].Parts[1].Field("b"); !ok || f.Kind != ExprAny {
		t.Errorf("%+v", c.Args[1])
	}
}

func TestParseErrors(t *testing.T) {
	for src, want := range map[string]string{
		"":                               "p.pkt:1: no events",
		"\n\n0 > . 1:2(3) ack 1":         "p.pkt:3: sequence numbers 1:2 do not fit the payload of 3",
		"0 > . 1:1(0) ack 1 <nop>":       "p.pkt:1: TCP options of 1 bytes: not a multiple of 4",
		"0 < . 1:1(0) ack 1 <...>":       "p.pkt:1: <...> is for outbound packets alone",
		"0 > Q 1:1(0)":                   `p.pkt:1: "Q" where a packet's protocol or TCP flags should be`,
		"0 < S 0:0(0) win 70000":         "p.pkt:1: a number out of range: 70000",
		"* < S 0:0(0)":                   "p.pkt:1: ranges of time and * are for outbound packets alone",
		"1~0 > S 0:0(0)":                 "p.pkt:1: the range of time is backwards",
		"0 f(":                           `p.pkt:1: "" where an expression should be`,
		"0 f(1) =":                       `p.pkt:1: "" where an expression should be`,
		"0 f(1) = 0 EINVAL":              `p.pkt:1: "" where the text of EINVAL should be`,
		"0 %{ assert":                    "p.pkt:1: %{ without }%",
		"0 \"x":                          "p.pkt:1: string without end",
		"/* \n":                          "p.pkt:1: comment without end",
		"0 > icmp nonsense":              `p.pkt:1: unknown ICMP type "nonsense"`,
		"0 > gre: . 1:1(0)":              "p.pkt:1: gre: encapsulation is not supported",
		"x":                              `p.pkt:1: "x" where a time should be`,
		"0 f(" + strings.Repeat("[", 99): "p.pkt:1: expression too deep",
	} {
		_, err := Parse("p.pkt", strings.NewReader(src))
		var e *Error
		if !errors.As(err, &e) || err.Error() != want {
			t.Errorf("%.20q: %v\nwant %s", src, err, want)
		}
	}
}

func TestEvaluator(t *testing.T) {
	vars := map[string]value{"a": {n: 4}, "s": {s: "x", text: true}}
	for src, want := range map[string]string{
		"1 + 2 * 3": "7", "7 // 2": "3", "7 % 4": "3", "-a": "-4", "(1 + 2) * a": "12", "0x10 | 1": "17",
		"1 < a <= 4": "1", "1 < a < 4": "0", "not a": "0", "a and 0 or 5 > 4": "1", "s == 'x'": "1", "s != 'x'": "0",
		"abs(2 - 9)": "7", "min(3, a)": "3", "max(3, a)": "4", "a & 6": "4", "2.5 * 2": "5", "True": "1",
	} {
		e := &evaluator{vars: vars}
		e.load(src)
		if v := e.expr(); e.failed != "" || e.tok != "" || v.String() != want {
			t.Errorf("%s = %s (%s), want %s", src, v, e.failed, want)
		}
	}
	for _, src := range []string{"", "nobody", "1 / 0", "(1", "f(1)", "1 +", "$"} {
		e := &evaluator{vars: vars}
		e.load(src)
		if v := e.expr(); e.failed == "" {
			t.Errorf("%q = %s", src, v)
		}
	}
}

// FuzzParse checks that any bytes parse or give an error with a place.
func FuzzParse(f *testing.F) {
	for _, file := range scripts(f) {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(src))
	}
	f.Add("0 f({a=1, b(2)=[\"x\"...]}) = 0x5 (flags X)\n* > [ect01] SEW. 1:2(1) <...>")
	f.Fuzz(func(t *testing.T, src string) {
		s, err := Parse("f.pkt", strings.NewReader(src))
		if err == nil {
			if len(s.Events) == 0 {
				t.Error("no events")
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.File != "f.pkt" || e.Line < 1 || e.Line > strings.Count(src, "\n")+1 || e.What == "" {
			t.Errorf("error %v", err)
		}
	})
}
