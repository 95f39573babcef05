package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

func TestCountersGolden(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, lang == "zh"))
		p := new(countersPane)
		goldenPane(t, "counters-empty-"+lang, p, b.sc, 57, 8)
		p.draw(b.run("replyhi", "hello"), 57, 20)
		host := b.sc.from().Add(fade) // nothing is news any more
		b.sc.from = func() time.Time { return host }
		goldenPane(t, "counters-57-"+lang, p, b.sc, 57, 24)
		goldenPane(t, "counters-110-"+lang, p, b.sc, 110, 12)
		goldenPane(t, "counters-24-"+lang, p, b.sc, 24, 6)
		p.act(b.sc, actEnter)
		b.run("hello")
		goldenPane(t, "counters-since-57-"+lang, p, b.sc, 57, 24)
	}
}

// TestCountersAreNstats: name, value and order of what is shown are nstat's.
func TestCountersAreNstats(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello", "hello --port 5002", "ping -c 2 127.0.0.1")
	b.out.Reset()
	b.run("nstat -az")
	var want []string
	for line := range strings.Lines(b.out.String()) {
		if f := strings.Fields(line); len(f) == 3 && f[1] != "0" {
			want = append(want, f[0]+" "+f[1])
		}
	}
	p := new(countersPane)
	var got, copied []string
	for _, line := range p.draw(b.sc, 40, 200) {
		if f := strings.Fields(strings.TrimLeft(ansi.Strip(line), "* ")); len(f) == 2 {
			got = append(got, f[0]+" "+f[1])
		}
	}
	for line := range strings.Lines(p.text(b.sc)) {
		copied = append(copied, strings.Join(strings.Fields(line), " "))
	}
	if len(want) < 15 || !slices.Equal(got, want) || !slices.Equal(copied, want) {
		t.Errorf("the pane shows\n%s\na copy is\n%s\nnstat -az says\n%s", strings.Join(got, "\n"), strings.Join(copied, "\n"), strings.Join(want, "\n"))
	}
	if title := p.title(b.sc); title != fmt.Sprintf("Counters %d", len(want)) {
		t.Errorf("the title is %q, nstat shows %d", title, len(want))
	}
}

// TestCountersLit: what has changed has a mark for a moment; what was there when
// the pane was first drawn has none.
func TestCountersLit(t *testing.T) {
	b := newBench(t, newLook("dark", "en", false))
	now := time.Unix(100, 0)
	b.sc.from = func() time.Time { return now }
	p := new(countersPane)
	b.run("replyhi", "hello")
	lit := func() (names []string) {
		for _, line := range p.draw(b.sc, 40, 100) {
			if f := strings.Fields(ansi.Strip(line)); len(f) > 1 && f[0] == "*" {
				names = append(names, f[1])
			}
		}
		return names
	}
	if got := lit(); got != nil {
		t.Errorf("lit before anything changed: %v", got)
	}
	b.run("hello --port 5002")
	now = now.Add(fade - 1)
	want := []string{"IpInReceives", "IpInDelivers", "IpOutRequests", "TcpActiveOpens", "TcpAttemptFails", "TcpInSegs", "TcpOutSegs", "TcpOutRsts",
		"IpExtInOctets", "IpExtOutOctets", "IpExtInNoECTPkts"}
	if got := lit(); !slices.Equal(got, want) {
		t.Errorf("lit after a refused connect: %v\nwant %v", got, want)
	}
	now = now.Add(fade)
	if got := lit(); got != nil {
		t.Errorf("lit a moment later: %v", got)
	}
}

func TestCountersSearch(t *testing.T) {
	b := newBench(t, newLook("dark", "en", false))
	p := new(countersPane)
	p.draw(b.run("replyhi", "hello"), 40, 4)
	hit := func() string {
		for _, line := range p.draw(b.sc, 40, 4) {
			if plain := ansi.Strip(line); strings.HasPrefix(plain, "›") {
				return strings.Fields(plain)[1]
			}
		}
		return ""
	}
	for i, want := range []string{"TcpExtTCPPureAcks", "TcpExtTCPHPAcks", "TcpExtTCPPureAcks"} {
		if ok := p.search(b.sc, "aCkS", 1); !ok || hit() != want {
			t.Errorf("search %d found %q, want %q", i, hit(), want)
		}
	}
	if p.search(b.sc, "acks", -1); hit() != "TcpExtTCPHPAcks" {
		t.Errorf("backwards it found %q", hit())
	}
	if p.search(b.sc, "nosuch", 1) {
		t.Error("it found what is not there")
	}
	if p.search(b.sc, "", 1); hit() != "" {
		t.Errorf("the search has ended and %q is still marked", hit())
	}
}

func TestCountersScroll(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	p := new(countersPane)
	first := func() string { return strings.Fields(ansi.Strip(p.draw(b.sc, 40, 5)[0]))[0] }
	b.run("replyhi", "hello")
	p.draw(b.sc, 40, 5)
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"nothing", func() {}, "IpInReceives"},
		{"down", func() { p.act(b.sc, actDown) }, "IpInDelivers"},
		{"wheel", func() { p.wheel(b.sc, 2) }, "TcpActiveOpens"},
		{"home", func() { p.act(b.sc, actHome) }, "IpInReceives"},
		{"wheel up at the top", func() { p.wheel(b.sc, -3) }, "IpInReceives"},
	} {
		step.do()
		if got := first(); got != step.want {
			t.Errorf("after %s the first row is %s, want %s", step.what, got, step.want)
		}
	}
	if _, used := p.act(b.sc, actFold); used {
		t.Error("the pane took a key that it has no use for")
	}
}

func TestCountersEverySize(t *testing.T) {
	for _, look := range everyLook() {
		b := newBench(t, look)
		p := new(countersPane)
		everySize(t, p, b.sc)
		b.run("replyhi", "hello")
		p.act(b.sc, actEnter)
		everySize(t, p, b.run("hello"))
		p.search(b.sc, "tcp", 1)
		everySize(t, p, b.sc)
	}
}

func BenchmarkCountersDraw(b *testing.B) {
	bench := newBench(b, newLook("dark", "en", false))
	bench.run("replyhi", "hello")
	p := new(countersPane)
	for b.Loop() {
		p.draw(bench.sc, 80, 40)
	}
}
