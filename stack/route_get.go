package stack

import (
	"net/netip"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
)

// RouteKind says what becomes of packets on a route (RTN_*).
type RouteKind uint8

// Kinds of a route.
const (
	RTN_UNICAST   RouteKind = ipv4.RtnUnicast
	RTN_LOCAL     RouteKind = ipv4.RtnLocal
	RTN_BROADCAST RouteKind = ipv4.RtnBroadcast
	RTN_MULTICAST RouteKind = ipv4.RtnMulticast
)

// RouteQuery is what ip route get asks: which way do packets take?
type RouteQuery struct {
	To   netip.Addr
	From netip.Addr // invalid: whatever suits
	Oif  string     // "": any interface
	TOS  uint8
}

// RouteAnswer is the way that packets take.
type RouteAnswer struct {
	Route
	Kind       RouteKind
	Local      bool          // they come to this machine (RTCF_LOCAL)
	Redirected bool          // a router told a better first hop (RTCF_REDIRECTED)
	MTU        int           // of the path in bytes, as far as it was learnt; 0: nothing was
	Expires    time.Duration // until that is forgotten
}

// AskRoute finds the way that packets take (ip route get). Errors: NoDeviceError,
// ENETUNREACH, EHOSTUNREACH, EINVAL for an address that is not the machine's.
func (s *Stack) AskRoute(q RouteQuery) (RouteAnswer, error) {
	var a ipv4.RouteAnswer
	ask := func(oif int) (err int) {
		a, err = s.n.RouteGet(toAddr(q.To), toAddr(q.From), q.TOS, oif)
		return err
	}
	var err error
	if q.Oif == "" {
		err = s.errnoCall(func() int { return ask(0) })
	} else {
		err = s.withDev(q.Oif, func(dev *core.NetDevice) int { return ask(dev.Ifindex) })
	}
	if err != nil {
		return RouteAnswer{}, err
	}
	return RouteAnswer{Route: Route{Dst: netip.PrefixFrom(q.To, 32), Gw: fromAddr(a.Gw), Dev: a.Dev, Src: fromAddr(a.Src)},
		Kind: RouteKind(a.Type), Local: a.Flags&ipv4.RtcfLocal != 0, Redirected: a.Flags&ipv4.RtcfRedirected != 0,
		MTU: int(a.Mtu), Expires: time.Duration(a.Expires) * (time.Second / kernel.HZ)}, nil
}
