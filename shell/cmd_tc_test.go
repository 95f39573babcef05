package shell

import (
	"fmt"
	"testing"
	"time"

	"menuos/stack"
)

// TestTCUnits holds what tc reads and prints against iproute2's own.
func TestTCUnits(t *testing.T) {
	size := func(s string) string { v, ok := parseSize(s); return fmt.Sprint(v, ok) }
	rate := func(s string) string { v, ok := parseRate(s); return fmt.Sprint(v, ok) }
	usec := func(s string) string { v, ok := tcTime(s, timeUnits); return fmt.Sprint(v, ok) }
	fine := func(s string) string { v, ok := tcTime(s, fineTimeUnits); return fmt.Sprint(v, ok) }
	share := func(s string) string { v, ok := parsePercent(s); return fmt.Sprint(v, ok) }
	class := func(s string) string { v, ok := qdiscClass(s); return fmt.Sprintf("%x %v", v, ok) }
	handle := func(s string) string { v, ok := qdiscHandle(s); return fmt.Sprintf("%x %v", v, ok) }
	for _, tt := range []struct {
		what, got, want string
	}{
		{"size 10k", size("10k"), "10240 true"}, {"size 1.5MB", size("1.5MB"), "1572864 true"}, {"size 8kbit", size("8kbit"), "1024 true"},
		{"size x", size("x"), "0 false"}, {"size 5g", size("5g"), "0 false"}, {"size -1", size("-1"), "0 false"},
		{"rate 1mbit", rate("1mbit"), "125000 true"}, {"rate 8", rate("8"), "1 true"}, {"rate 1Mibit", rate("1Mibit"), "131072 true"},
		{"rate 1MBps", rate("1MBps"), "1000000 true"}, {"rate 10gbit", rate("10gbit"), "1250000000 true"}, {"rate 1x", rate("1x"), "0 false"},
		{"time 70ms", usec("70ms"), "70ms true"}, {"time 5", usec("5"), "5µs true"}, {"time 1.5s", usec("1.5s"), "1.5s true"}, {"time 1ns", usec("1ns"), "0s false"},
		{"netem's 5", fine("5"), "5ns true"}, {"netem's 250us", fine("250us"), "250µs true"},
		{"share 50%", share("50%"), "2147483648 true"}, {"share 100", share("100"), "4294967295 true"}, {"share 0.3%", share("0.3%"), "12884902 true"},
		{"class 1:1", class("1:1"), "10001 true"}, {"class 1:", class("1:"), "10000 true"}, {"class :a", class(":a"), "a true"},
		{"class root", class("root"), "ffffffff true"}, {"class x:", class("x:"), "0 false"}, {"handle 1a:", handle("1a:"), "1a0000 true"},
		{"print 10240", sizeText(10240), "10Kb"}, {"print 1540", sizeText(1540), "1540b"}, {"print 32760", sizeText(32760), "32Kb"},
		{"print 1M", sizeText(1 << 20), "1Mb"},
		{"print 125000", rateText(125000), "1Mbit"}, {"print 64000", rateText(64000), "512Kbit"}, {"print 12", rateText(12), "96bit"},
		{"print 68750", rateText(68750), "550Kbit"}, {"print 1.25e9", rateText(1250000000), "10Gbit"}, {"print 154321", rateText(154321), "1234Kbit"},
		{"print 100ms", timeText(ticksToUsec(ticks(100 * time.Millisecond))), "100.0ms"},
		{"print 500us", timeText(ticksToUsec(ticks(500 * time.Microsecond))), "499us"}, // by the kernel's units of 64 ns
		{"print 2.5s", timeText(2500000), "2.5s"},
		{"print 12884902", percentText(12884902), "0.3%"}, {"print 1/3", percentText(0x55555555), "33.3333%"},
		{"print 1:a", qdiscClassName(1<<16 | 10), "1:a"}, {"print 1:", qdiscClassName(1 << 16), "1:"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.what, tt.got, tt.want)
		}
	}
}

// TestTCLossModels holds what is left out of a model of loss has its default.
func TestTCLossModels(t *testing.T) {
	share := func(p float64) uint32 { v, _ := parsePercent(fmt.Sprint(p)); return v }
	const all = ^uint32(0)
	for _, tt := range []struct {
		words []string
		want  stack.NetemLossModel
	}{
		{[]string{"loss", "state", "5%"}, stack.NetemLossModel{Model: stack.NetemLoss4States, P: [5]uint32{share(5), ^share(5), 0, 0, all}}},
		{[]string{"loss", "state", "5", "40", "10", "20", "1"}, stack.NetemLossModel{Model: stack.NetemLoss4States,
			P: [5]uint32{share(5), share(40), share(10), share(1), share(20)}}},
		{[]string{"loss", "gemodel", "5%"}, stack.NetemLossModel{Model: stack.NetemLossGilbEll, P: [5]uint32{share(5), ^share(5), 0, 0}}},
		{[]string{"loss", "gemodel", "5%", "20%", "70%", "1%"}, stack.NetemLossModel{Model: stack.NetemLossGilbEll,
			P: [5]uint32{share(5), share(20), ^share(70), share(1)}}},
	} {
		o, fail := (&Cmd{}).netemOptions(tt.words)
		if fail != nil {
			t.Errorf("%v: %s", tt.words, fail.text)
		} else if *o.LossModel != tt.want {
			t.Errorf("%v: %v, want %v", tt.words, *o.LossModel, tt.want)
		}
	}
}

// TestTCCompletes holds that words are offered where they fit.
func TestTCCompletes(t *testing.T) {
	s, _ := open(t, Config{})
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "qdisc"}, {[]string{"qdisc"}, "add"}, {[]string{"qdisc", "add"}, "dev"}, {[]string{"qdisc", "add", "dev"}, "lo"},
		{[]string{"qdisc", "add", "dev", "lo"}, "root"}, {[]string{"qdisc", "add", "dev", "lo", "root"}, "netem"},
		{[]string{"qdisc", "add", "dev", "lo", "root", "netem"}, "delay"},
		{[]string{"qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms", "1ms", "distribution"}, "normal"},
	} {
		got := tcWords(s, tt.args)
		found := false
		for _, w := range got {
			found = found || w == tt.want
		}
		if !found {
			t.Errorf("after %v: %v, want %s among them", tt.args, got, tt.want)
		}
	}
}
