package stack

import (
	"context"
	"net/netip"
	"time"

	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// WaitAny is WaitContext for whichever of several jobs ends first.
func (s *Stack) WaitAny(ctx context.Context, jobs ...*Job) (Outcome, error) {
	return s.drive(ctx, kernel.Forever, func() bool {
		for _, j := range jobs {
			if j.Done() {
				return true
			}
		}
		return false
	})
}

// Route is one entry of the main routing table.
type Route struct {
	Dst      netip.Prefix // 0.0.0.0/0 is the default route
	Gw       netip.Addr   // invalid: the destination is on the link
	Dev      string
	Src      netip.Addr // preferred source, invalid: none
	Metric   int
	Scope    uint8 // RT_SCOPE_*: 0 global, 253 link, 254 host
	Protocol uint8 // RTPROT_*: 2 kernel, 3 boot, 4 static
	Linkdown bool
}

func toAddr(a netip.Addr) wire.Addr {
	w, _ := wire.AddrFrom(a)
	return w
}

func fromAddr(a wire.Addr) netip.Addr {
	if a == 0 {
		return netip.Addr{}
	}
	return a.Netip()
}

func (r *Route) lower() ipv4.Route {
	return ipv4.Route{Dst: toAddr(r.Dst.Addr()), DstLen: max(r.Dst.Bits(), 0), Gw: toAddr(r.Gw), Dev: r.Dev,
		Src: toAddr(r.Src), Metric: uint32(r.Metric), Scope: r.Scope, Protocol: r.Protocol}
}

// AddRoute adds a route (ip route add): EEXIST, ENODEV, ENETDOWN, EINVAL,
// ENETUNREACH for a gateway that is on no link.
func (s *Stack) AddRoute(r Route) error {
	return s.errnoCall(func() int { return s.n.AddRoute(r.lower(), 0) })
}

// DelRoute removes the first route that fits (ip route del): ESRCH if none does.
func (s *Stack) DelRoute(r Route) error {
	return s.errnoCall(func() int { return s.n.DelRoute(r.lower()) })
}

// Routes lists the main table (ip route show).
func (s *Stack) Routes() []Route {
	s.lock()
	defer s.mu.Unlock()
	var out []Route
	for _, r := range s.n.Routes(ipv4.RtTableMain) {
		out = append(out, Route{Dst: netip.PrefixFrom(r.Dst.Netip(), r.DstLen), Gw: fromAddr(r.Gw), Dev: r.Dev,
			Src: fromAddr(r.Src), Metric: int(r.Metric), Scope: r.Scope, Protocol: r.Protocol, Linkdown: r.Dead || r.Linkdown})
	}
	return out
}

// RouteGet tells which way packets to an address take (ip route get).
func (s *Stack) RouteGet(to netip.Addr) (r Route, local bool, err error) {
	var a ipv4.RouteAnswer
	err = s.errnoCall(func() (e int) {
		a, e = s.n.RouteGet(toAddr(to), 0, 0, 0)
		return e
	})
	if err != nil {
		return Route{}, false, err
	}
	return Route{Dst: netip.PrefixFrom(to, 32), Gw: fromAddr(a.Gw), Dev: a.Dev, Src: fromAddr(a.Src)}, a.Type == ipv4.RtnLocal, nil
}

// RunDue runs what has fallen due, on either clock; on a virtual one it is
// Settle.
func (s *Stack) RunDue() Outcome {
	if s.pump == nil {
		return s.Settle()
	}
	defer s.wakePump()
	for {
		s.lock()
		closed, next := s.closed, time.Duration(0)
		if !closed {
			next = s.runDue()
		}
		stopped := s.stop != nil && !s.released
		s.mu.Unlock()
		switch {
		case closed:
			return Stuck
		case stopped:
			return Stopped
		case next > 0:
			return Done
		}
	}
}
