package tap

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"menuos/stack/wire"
)

func TestSettled(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, c := range []struct {
		name string
		cfg  Config
		want Kind // empty: it is right
		host string
	}{
		{"the lab's", Config{Addr: prefix("192.168.40.254/24")}, "", "192.168.40.1/24"},
		{"the first is the machine's", Config{Addr: prefix("192.168.40.1/24")}, "", "192.168.40.2/24"},
		{"two stations", Config{Addr: prefix("10.0.0.0/31")}, "", "10.0.0.1/31"},
		{"the other of two", Config{Addr: prefix("10.0.0.1/31")}, "", "10.0.0.0/31"},
		{"four addresses", Config{Addr: prefix("10.0.0.5/30")}, "", "10.0.0.6/30"},
		{"given", Config{Addr: prefix("10.0.0.5/8"), HostAddr: prefix("10.9.9.9/8")}, "", "10.9.9.9/8"},
		{"no address", Config{}, BadAddr, ""},
		{"IPv6", Config{Addr: prefix("fe80::1/64")}, BadAddr, ""},
		{"no room for the host", Config{Addr: prefix("10.0.0.1/32")}, BadAddr, ""},
		{"the network", Config{Addr: prefix("10.0.0.0/24")}, NotAHost, ""},
		{"the broadcast", Config{Addr: prefix("10.0.0.255/24")}, NotAHost, ""},
		{"host elsewhere", Config{Addr: prefix("10.0.0.1/24"), HostAddr: prefix("10.0.1.1/24")}, NotAHost, ""},
		{"host the same", Config{Addr: prefix("10.0.0.1/24"), HostAddr: prefix("10.0.0.1/24")}, SameAddr, ""},
		{"gateway elsewhere", Config{Addr: prefix("10.0.0.1/24"), Gw: netip.MustParseAddr("10.0.1.1")}, NotAHost, ""},
		{"gateway itself", Config{Addr: prefix("10.0.0.1/24"), Gw: netip.MustParseAddr("10.0.0.1")}, SameAddr, ""},
		{"long name", Config{Name: "abcdefghijklmnop", Addr: prefix("10.0.0.1/24")}, BadName, ""},
		{"slash", Config{Name: "a/b", Addr: prefix("10.0.0.1/24")}, BadName, ""},
		{"template", Config{Name: "tap%d", Addr: prefix("10.0.0.1/24")}, BadName, ""},
		{"dots", Config{Name: "..", Addr: prefix("10.0.0.1/24")}, BadName, ""},
		{"space", Config{Name: "a b", Addr: prefix("10.0.0.1/24")}, BadName, ""},
		{"small MTU", Config{MTU: 67, Addr: prefix("10.0.0.1/24")}, BadMTU, ""},
		{"large MTU", Config{MTU: 65522, Addr: prefix("10.0.0.1/24")}, BadMTU, ""},
		{"largest MTU", Config{MTU: 65521, Addr: prefix("10.0.0.9/24")}, "", "10.0.0.1/24"},
		{"group's MAC", Config{MAC: wire.MAC{1}, Addr: prefix("10.0.0.1/24")}, BadMAC, ""},
		{"namespace", Config{NetNS: "old", Addr: prefix("10.0.0.1/24")}, BadNetNS, ""},
	} {
		got, err := c.cfg.settled()
		var e *Error
		switch {
		case c.want == "" && (err != nil || got.HostAddr.String() != c.host):
			t.Errorf("%s: %v, %v; want host %s", c.name, got.HostAddr, err, c.host)
		case c.want != "" && (!errors.As(err, &e) || e.Kind != c.want):
			t.Errorf("%s: %v; want %s", c.name, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	at := netip.MustParsePrefix("10.0.0.9/24")
	tap, _ := Config{Addr: at}.settled()
	tun, _ := Config{Addr: at, Tun: true}.settled()
	if tap.Name != "tap0" || tun.Name != "tun0" || tap.Iface != "eth0" {
		t.Errorf("names: %s and %s, on %s; want tap0, tun0, eth0", tap.Name, tun.Name, tap.Iface)
	}
	again, _ := Config{Addr: at}.settled()
	other, _ := Config{Addr: at, Name: "tap1"}.settled()
	if tap.MAC != again.MAC || tap.MAC == other.MAC || tap.MAC[0]&3 != 2 {
		t.Errorf("MAC addresses %v, %v again, %v of another name: want local ones, equal for equal names alone", tap.MAC, again.MAC, other.MAC)
	}
}

// TestSentences holds that each kind of error has its sentence in both
// languages, with the same arguments.
func TestSentences(t *testing.T) {
	for kind, s := range sentences {
		e := &Error{Kind: kind, Cure: []string{"sudo true"}}
		for range strings.Count(s[0], "%") {
			e.Args = append(e.Args, "X")
		}
		for _, lang := range []string{"en", "zh"} {
			text := e.In(lang)
			if strings.Contains(text, "%!") || strings.Count(text, "X") != len(e.Args) || !strings.HasSuffix(text, ":\n  sudo true") {
				t.Errorf("%s in %s: %q", kind, lang, text)
			}
		}
	}
}

func TestRing(t *testing.T) {
	r := newSendRing(ringSize)
	for i := range ringSize {
		if !r.put([]byte{byte(i)}, []byte("data")) {
			t.Fatalf("frame %d of %d was refused", i, ringSize)
		}
	}
	if r.put(nil, nil) {
		t.Fatalf("frame %d was taken", ringSize)
	}
	got := 0
	for got < ringSize {
		pkts := r.take(nil)
		for _, p := range pkts {
			if want := string(byte(got)) + "data"; string(p) != want && got < 128 {
				t.Fatalf("frame %d is %q, want %q", got, p, want)
			}
			got++
		}
		first := got <= takenOnce
		if tell := r.done(pkts); tell != first {
			t.Errorf("after %d frames it says that room is to be told: %t, want %t", got, tell, first)
		}
	}
	r.close()
	if pkts := r.take(nil); len(pkts) != 0 {
		t.Errorf("a closed ring still has %d frames", len(pkts))
	}
	if !r.put(nil, []byte("late")) {
		t.Error("a closed ring refuses a frame, so that its queue would wait for ever")
	}
}
