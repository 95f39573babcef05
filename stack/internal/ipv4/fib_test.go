package ipv4

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

func ip4(t testing.TB, s string) wire.Addr {
	t.Helper()
	a, err := wire.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// dummyMachine has, besides lo, dummy0 with 10.9.9.1/8 and dummy1 with
// 192.168.40.254/24, all up.
func dummyMachine(t testing.TB) *Net {
	n := testMachine(t)
	n.process(func() {
		for _, a := range []Addr{
			{Dev: "dummy0", Local: ip4(t, "10.9.9.1"), Prefixlen: 8},
			{Dev: "dummy1", Local: ip4(t, "192.168.40.254"), Prefixlen: 24},
		} {
			dev, err := n.NewDummy(a.Dev)
			if err != 0 {
				t.Fatalf("%s: %d", a.Dev, err)
			}
			if err := n.AddAddr(a); err != 0 {
				t.Fatalf("address of %s: %d", a.Dev, err)
			}
			if err := n.DevinetIoctl(SIOCSIFFLAGS, &Ifreq{IfrName: a.Dev, IfrFlags: dev.Flags | core.IffUp}); err != 0 {
				t.Fatalf("%s up: %d", a.Dev, err)
			}
		}
	})
	return n
}

// TestFibTrie compares lookups with the definition: of all prefixes that an
// address lies in the longest.
func TestFibTrie(t *testing.T) {
	n := dummyMachine(t)
	rng := rand.New(rand.NewPCG(1, 2))
	type prefix struct {
		key  wire.Addr
		plen int
	}
	var have []prefix
	for range 400 {
		if len(have) > 50 && rng.IntN(3) == 0 {
			i := rng.IntN(len(have))
			if err := n.DelRoute(Route{Dst: have[i].key, DstLen: have[i].plen, Metric: 7}); err != 0 {
				t.Fatalf("delete %v/%d: %d", have[i].key, have[i].plen, err)
			}
			have = append(have[:i], have[i+1:]...)
			continue
		}
		p := prefix{plen: 1 + rng.IntN(32)}
		p.key = wire.Addr(20<<24|rng.Uint32()&0x3ffffff) & wire.MaskFromLen(p.plen)
		err := n.AddRoute(Route{Dst: p.key, DstLen: p.plen, Gw: ip4(t, "10.0.0.2"), Metric: 7}, 0)
		known := false
		for _, q := range have {
			known = known || q == p
		}
		switch {
		case known && err != -core.EEXIST:
			t.Fatalf("add %v/%d again: %d", p.key, p.plen, err)
		case !known && err != 0:
			t.Fatalf("add %v/%d: %d", p.key, p.plen, err)
		case !known:
			have = append(have, p)
		}
		for range 20 {
			a := wire.Addr(20<<24 | rng.Uint32()&0x3ffffff)
			best := -1
			for _, q := range have {
				if a&wire.MaskFromLen(q.plen) == q.key {
					best = max(best, q.plen)
				}
			}
			var res fibResult
			err := n.fibLookup(&Flowi4{Daddr: a}, &res, 0)
			switch {
			case best < 0 && err != -core.ENETUNREACH:
				t.Fatalf("%v: %d, want no route", a, err)
			case best >= 0 && (err != 0 || int(res.Prefixlen) != best || res.Prefix != a&wire.MaskFromLen(best)):
				t.Fatalf("%v: %d %v/%d, want /%d", a, err, res.Prefix, res.Prefixlen, best)
			}
		}
	}
}

func TestRouteGet(t *testing.T) {
	n := dummyMachine(t)
	check := func(when, dst, src string, want RouteAnswer, wantErr int) {
		t.Helper()
		var s wire.Addr
		if src != "" {
			s = ip4(t, src)
		}
		got, err := n.RouteGet(ip4(t, dst), s, 0, 0)
		want.Dst = ip4(t, dst)
		got.Oif, got.Flags = 0, 0
		if wantErr != 0 {
			want = RouteAnswer{}
		}
		if err != wantErr || got != want {
			t.Errorf("%s: route to %s from %q: %+v %d, want %+v %d", when, dst, src, got, err, want, wantErr)
		}
	}
	lo := ip4(t, "127.0.0.1")
	check("at first", "127.0.0.1", "", RouteAnswer{Type: RtnLocal, Dev: "lo", Src: lo}, 0)
	check("at first", "127.1.2.3", "", RouteAnswer{Type: RtnLocal, Dev: "lo", Src: lo}, 0)
	check("at first", "10.9.9.1", "", RouteAnswer{Type: RtnLocal, Dev: "lo", Src: ip4(t, "10.9.9.1")}, 0)
	check("at first", "10.1.2.3", "", RouteAnswer{Type: RtnUnicast, Dev: "dummy0", Src: ip4(t, "10.9.9.1")}, 0)
	check("at first", "192.168.40.255", "", RouteAnswer{Type: RtnBroadcast, Dev: "dummy1", Src: ip4(t, "192.168.40.254")}, 0)
	check("at first", "8.8.8.8", "", RouteAnswer{}, -core.ENETUNREACH)
	check("with a foreign source", "10.1.2.3", "1.2.3.4", RouteAnswer{}, -core.EINVAL)
	check("with a multicast source", "10.1.2.3", "224.0.0.9", RouteAnswer{}, -core.EINVAL)

	for _, tc := range []struct {
		r    Route
		want int
	}{
		{Route{Gw: ip4(t, "8.8.4.4")}, -core.ENETUNREACH},
		{Route{Dev: "eth7"}, -core.ENODEV},
		{Route{Dst: ip4(t, "10.0.0.1"), DstLen: 8, Dev: "dummy0"}, -core.EINVAL},
		{Route{Gw: ip4(t, "192.168.40.1"), Src: ip4(t, "1.1.1.1")}, -core.EINVAL},
		{Route{Gw: ip4(t, "192.168.40.1")}, 0},
		{Route{Gw: ip4(t, "192.168.40.1")}, -core.EEXIST},
		{Route{Dst: ip4(t, "172.16.0.0"), DstLen: 12, Type: RtnUnreachable}, 0},
		{Route{Dst: ip4(t, "172.17.0.0"), DstLen: 16, Type: RtnProhibit}, 0},
		{Route{Dst: ip4(t, "172.18.0.0"), DstLen: 16, Type: RtnBlackhole}, 0},
	} {
		if got := n.AddRoute(tc.r, 0); got != tc.want {
			t.Errorf("add %+v: %d, want %d", tc.r, got, tc.want)
		}
	}
	gw := ip4(t, "192.168.40.1")
	check("with a default route", "8.8.8.8", "", RouteAnswer{Type: RtnUnicast, Dev: "dummy1", Gw: gw, Src: ip4(t, "192.168.40.254")}, 0)
	check("with a default route", "172.16.0.1", "", RouteAnswer{}, -core.EHOSTUNREACH)
	check("with a default route", "172.17.0.1", "", RouteAnswer{}, -core.EACCES)
	check("with a default route", "172.18.0.1", "", RouteAnswer{}, -core.EINVAL)

	n.process(func() { n.DevinetIoctl(SIOCSIFFLAGS, &Ifreq{IfrName: "dummy1"}) })
	check("after dummy1 went down", "8.8.8.8", "", RouteAnswer{}, -core.ENETUNREACH)
	if got := n.DelRoute(Route{Gw: gw}); got != -esrch {
		t.Errorf("the default route is still there: %d", got)
	}
}

// TestAddrRoutes follows the routes that addresses bring and take with them.
func TestAddrRoutes(t *testing.T) {
	n := dummyMachine(t)
	types := func(table uint8, dev string) map[string]uint8 {
		m := make(map[string]uint8)
		for _, r := range n.Routes(table) {
			if r.Dev == dev {
				m[fmt.Sprintf("%v/%d", r.Dst, r.DstLen)] = r.Type
			}
		}
		return m
	}
	same := func(when string, got, want map[string]uint8) {
		t.Helper()
		for k := range want {
			if got[k] != want[k] {
				t.Errorf("%s: %s has type %d, want %d", when, k, got[k], want[k])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	same("lo", types(RtTableLocal, "lo"), map[string]uint8{
		"127.0.0.0/8": RtnLocal, "127.0.0.0/32": RtnBroadcast, "127.0.0.1/32": RtnLocal, "127.255.255.255/32": RtnBroadcast})
	same("dummy1", types(RtTableLocal, "dummy1"), map[string]uint8{
		"192.168.40.0/32": RtnBroadcast, "192.168.40.254/32": RtnLocal, "192.168.40.255/32": RtnBroadcast})
	same("dummy1", types(RtTableMain, "dummy1"), map[string]uint8{"192.168.40.0/24": RtnUnicast})

	second := Addr{Dev: "dummy1", Local: ip4(t, "192.168.40.7"), Prefixlen: 24}
	n.process(func() {
		if err := n.AddAddr(second); err != 0 {
			t.Errorf("second address: %d", err)
		}
		if err := n.AddAddr(second); err != -core.EEXIST {
			t.Errorf("second address again: %d", err)
		}
	})
	if a := n.Addrs("dummy1"); len(a) != 2 || a[0].Secondary || !a[1].Secondary {
		t.Errorf("addresses: %+v", a)
	}
	if got := n.inetAddrType(second.Local); got != RtnLocal {
		t.Errorf("second address has type %d", got)
	}
	n.process(func() {
		if err := n.DelAddr("dummy1", ip4(t, "192.168.40.254"), 24); err != 0 {
			t.Errorf("delete: %d", err)
		}
		if err := n.DelAddr("dummy1", ip4(t, "192.168.40.254"), 24); err != -core.EADDRNOTAVAIL {
			t.Errorf("delete again: %d", err)
		}
	})
	// The secondary address goes with its primary one.
	same("without addresses", types(RtTableLocal, "dummy1"), nil)
	same("without addresses", types(RtTableMain, "dummy1"), nil)

	n.process(func() {
		ifr := Ifreq{IfrName: "dummy1", IfrAddr: ip4(t, "172.20.1.1")}
		if err := n.DevinetIoctl(SIOCSIFADDR, &ifr); err != 0 {
			t.Errorf("ifconfig: %d", err)
		}
		ifr.IfrAddr = ip4(t, "255.255.255.0")
		if err := n.DevinetIoctl(SIOCSIFNETMASK, &ifr); err != 0 {
			t.Errorf("ifconfig netmask: %d", err)
		}
	})
	same("after ifconfig", types(RtTableMain, "dummy1"), map[string]uint8{"172.20.1.0/24": RtnUnicast})
	if a := n.Addrs("dummy1"); len(a) != 1 || a[0].Prefixlen != 24 || a[0].Broadcast != ip4(t, "172.20.1.255") {
		t.Errorf("after ifconfig: %+v", a)
	}
}

// TestRouteCache looks the same flow up again and again: the same route, and
// nothing is allocated. A change of the tables makes it stale.
func TestRouteCache(t *testing.T) {
	n := dummyMachine(t)
	get := func() *Rtable {
		fl4 := Flowi4{Daddr: 0x0a010203, Proto: wire.ProtoTCP}
		rt, err := n.IpRouteOutputFlow(&fl4, nil)
		if err != 0 {
			t.Fatalf("no route: %d", err)
		}
		n.IpRtPut(rt)
		return rt
	}
	first := get()
	if allocs := testing.AllocsPerRun(100, func() {
		if get() != first {
			t.Error("another route")
		}
	}); allocs != 0 {
		t.Errorf("%v allocations for a cached route", allocs)
	}
	n.AddRoute(Route{Dst: 20 << 24, DstLen: 8, Dev: "dummy0"}, 0)
	if n.ipv4DstCheck(&first.DstEntry, 0) != nil {
		t.Error("the route is good for ever")
	}
	if get() == first {
		t.Error("a stale route was handed out")
	}
}

// TestPmtu learns a path MTU and forgets it after ten minutes.
func TestPmtu(t *testing.T) {
	n := dummyMachine(t)
	mtu := func() uint32 {
		fl4 := Flowi4{Daddr: 0x0a010203}
		rt, err := n.IpRouteOutputFlow(&fl4, nil)
		if err != 0 {
			t.Fatalf("no route: %d", err)
		}
		defer n.IpRtPut(rt)
		return n.ipv4Mtu(&rt.DstEntry)
	}
	if got := mtu(); got != 1500 {
		t.Fatalf("MTU %d", got)
	}
	fl4 := Flowi4{Daddr: 0x0a010203}
	rt, _ := n.IpRouteOutputFlow(&fl4, nil)
	n.ipRtUpdatePmtu__(rt, &fl4, 1280)
	if n.ipv4DstCheck(&rt.DstEntry, 0) != nil {
		t.Error("users of the old route do not look again")
	}
	n.IpRtPut(rt)
	if got := mtu(); got != 1280 {
		t.Errorf("MTU %d after 1280 was learnt", got)
	}
	other := Flowi4{Daddr: 0x0a010204}
	rt, _ = n.IpRouteOutputFlow(&other, nil)
	if got := n.ipv4Mtu(&rt.DstEntry); got != 1500 {
		t.Errorf("MTU %d for a neighbour", got)
	}
	n.IpRtPut(rt)
	n.Run(n.Now()+601e9, nil)
	if got := mtu(); got != 1500 {
		t.Errorf("MTU %d after ten minutes", got)
	}
}

// TestFibValidateSource says which sources may come in through dummy0.
func TestFibValidateSource(t *testing.T) {
	n := dummyMachine(t)
	dev := n.DevGetByName("dummy0")
	skb := n.AllocSkb(64)
	for _, tc := range []struct {
		src    string
		filter int
		want   int
	}{
		{"10.1.2.3", 0, 0},
		{"8.8.8.8", 0, 0},
		{"10.9.9.1", 0, -core.EINVAL}, // ours
		{"10.1.2.3", 1, 1},            // on the link
		{"8.8.8.8", 1, -exdev},
		{"192.168.40.1", 1, -exdev}, // on another link
		{"192.168.40.1", 2, 0},
	} {
		inDevGet(dev).Cnf.RpFilter = tc.filter
		if got := n.fibValidateSource(skb, ip4(t, tc.src), ip4(t, "10.9.9.1"), 0, 0, dev, inDevGet(dev)); got != tc.want {
			t.Errorf("source %s with rp_filter %d: %d, want %d", tc.src, tc.filter, got, tc.want)
		}
	}
	n.KfreeSkb(skb)
}
