package wire

import (
	"errors"
	"net/netip"
	"testing"
)

func TestAddrString(t *testing.T) {
	for _, s := range []string{"0.0.0.0", "127.0.0.1", "10.0.2.15", "192.168.100.200", "255.255.255.255"} {
		a, err := ParseAddr(s)
		if err != nil {
			t.Fatal(err)
		}
		if a.String() != s {
			t.Errorf("ParseAddr(%q) prints %q", s, a)
		}
		back, ok := AddrFrom(a.Netip())
		if !ok || back != a || AddrFrom4(a.As4()) != a {
			t.Errorf("%s does not survive netip and four bytes", s)
		}
	}
	if a, _ := ParseAddr("127.0.0.1"); a != AddrLoopback {
		t.Errorf("127.0.0.1 is %#x", uint32(a))
	}
}

func TestParseAddrRefuses(t *testing.T) {
	for _, s := range []string{"", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "::1", "::ffff:1.2.3.4", "a.b.c.d", "1.2.3.4 "} {
		if a, err := ParseAddr(s); !errors.Is(err, ErrAddr) {
			t.Errorf("ParseAddr(%q) = %v, %v; want ErrAddr", s, a, err)
		}
	}
}

func TestAddrFrom(t *testing.T) {
	if a, ok := AddrFrom(netip.MustParseAddr("::ffff:10.1.2.3")); !ok || a.String() != "10.1.2.3" {
		t.Errorf("mapped address: %v, %v", a, ok)
	}
	for _, ip := range []netip.Addr{{}, netip.IPv6Unspecified()} {
		if a, ok := AddrFrom(ip); ok || a != 0 {
			t.Errorf("AddrFrom(%v) = %v, %v", ip, a, ok)
		}
	}
}

func TestAddrKinds(t *testing.T) {
	tests := []struct {
		s                           string
		loop, multi, broadcast, zer bool
	}{
		{"0.0.0.0", false, false, false, true},
		{"0.255.255.255", false, false, false, true},
		{"1.0.0.0", false, false, false, false},
		{"126.255.255.255", false, false, false, false},
		{"127.0.0.0", true, false, false, false},
		{"127.255.255.255", true, false, false, false},
		{"128.0.0.0", false, false, false, false},
		{"223.255.255.255", false, false, false, false},
		{"224.0.0.1", false, true, false, false},
		{"239.255.255.255", false, true, false, false},
		{"240.0.0.0", false, false, false, false},
		{"255.255.255.254", false, false, false, false},
		{"255.255.255.255", false, false, true, false},
	}
	for _, tt := range tests {
		a, err := ParseAddr(tt.s)
		if err != nil {
			t.Fatal(err)
		}
		if a.IsLoopback() != tt.loop || a.IsMulticast() != tt.multi || a.IsBroadcast() != tt.broadcast || a.IsZeronet() != tt.zer {
			t.Errorf("%s: loopback %v multicast %v broadcast %v zeronet %v", tt.s,
				a.IsLoopback(), a.IsMulticast(), a.IsBroadcast(), a.IsZeronet())
		}
	}
}

func TestMask(t *testing.T) {
	for n, want := range map[int]string{
		-1: "0.0.0.0", 0: "0.0.0.0", 1: "128.0.0.0", 8: "255.0.0.0", 20: "255.255.240.0",
		24: "255.255.255.0", 31: "255.255.255.254", 32: "255.255.255.255", 33: "255.255.255.255",
	} {
		if got := MaskFromLen(n).String(); got != want {
			t.Errorf("MaskFromLen(%d) = %s, want %s", n, got, want)
		}
	}
	for n := range 33 {
		if got, ok := MaskLen(MaskFromLen(n)); got != n || !ok {
			t.Errorf("MaskLen of /%d = %d, %v", n, got, ok)
		}
	}
	for _, mask := range []Addr{1, 0xff00ff00, 0x7fffffff, 0xfffffffd} {
		if _, ok := MaskLen(mask); ok {
			t.Errorf("MaskLen takes %v for a mask", mask)
		}
	}
}

func TestMAC(t *testing.T) {
	m := MAC{0x52, 0x54, 0, 0x12, 0xab, 0xff}
	if m.String() != "52:54:00:12:ab:ff" || m.IsMulticast() || m.IsBroadcast() {
		t.Errorf("%s multicast %v broadcast %v", m, m.IsMulticast(), m.IsBroadcast())
	}
	if !MACBroadcast.IsBroadcast() || !MACBroadcast.IsMulticast() || !(MAC{1, 0, 0x5e}).IsMulticast() {
		t.Error("group addresses are not recognised")
	}
}

// Rows around the two points where naive comparison fails: the wrap at 2^32 and the horizon at 2^31.
func TestSequence(t *testing.T) {
	tests := []struct {
		a, b          uint32
		before, after bool
	}{
		{0, 0, false, false},
		{0, 1, true, false},
		{1, 0, false, true},
		{0xffffffff, 0, true, false},
		{0, 0xffffffff, false, true},
		{0xfffffff0, 0x10, true, false},
		{0, 0x7fffffff, true, false},
		{0, 0x80000001, false, true},
		{0, 0x80000000, true, true}, // after(a, b) is before(b, a), and int32 has one more negative number
	}
	for _, tt := range tests {
		if Before(tt.a, tt.b) != tt.before || After(tt.a, tt.b) != tt.after {
			t.Errorf("%#x, %#x: before %v after %v", tt.a, tt.b, Before(tt.a, tt.b), After(tt.a, tt.b))
		}
	}
	between := []struct {
		seq, low, high uint32
		want           bool
	}{
		{5, 5, 5, true}, {5, 4, 6, true}, {4, 5, 6, false}, {7, 5, 6, false},
		{0, 0xfffffff0, 0x10, true}, {0xffffffef, 0xfffffff0, 0x10, false}, {0x11, 0xfffffff0, 0x10, false},
	}
	for _, tt := range between {
		if got := Between(tt.seq, tt.low, tt.high); got != tt.want {
			t.Errorf("Between(%#x, %#x, %#x) = %v", tt.seq, tt.low, tt.high, got)
		}
	}
}
