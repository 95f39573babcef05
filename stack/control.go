package stack

import (
	"context"
	"math"
	"net/netip"
	"runtime"
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

// SetSpeed sets how many of a machine's seconds pass in one of the host's; it
// panics unless that is above zero. With math.Inf(1) waiting takes no time: while somebody waits for
// the machine (Wait, Advance, …) its time jumps from event to event, as on a
// virtual clock, and else it stands. Time is continuous across the change.
//
// On a virtual clock SetSpeed does nothing: it always jumps so.
func (s *Stack) SetSpeed(x float64) {
	if !(x > 0) {
		panic("stack: a speed that is not above zero")
	}
	if !s.real() {
		return
	}
	s.lock()
	defer s.mu.Unlock()
	s.clock.start(s.due(), x)
	s.changed.Broadcast()
	s.wakePump()
}

// Speed is how many of the machine's seconds pass in one of the host's; it is
// infinite on a virtual clock.
func (s *Stack) Speed() float64 {
	if !s.real() {
		return math.Inf(1)
	}
	s.lock()
	defer s.mu.Unlock()
	return s.clock.speed
}

// Pause has the machine and its clock stand still: nothing runs, not even what
// is due, until Unpause or Continue. Who waits for the machine goes on waiting,
// and so do calls of net.Conn and those that configure the machine. It can be
// looked at as ever. Pause ends a search that RunToEvent began.
//
// A machine with a virtual clock stands still whenever nobody drives it: there,
// Pause does nothing.
func (s *Stack) Pause() {
	if !s.real() {
		return
	}
	s.lock()
	defer s.mu.Unlock()
	s.endSearch(false)
	s.paused = true
	s.clock.hold()
	s.changed.Broadcast()
}

// Unpause ends a pause. A machine that a breakpoint holds is still held.
func (s *Stack) Unpause() {
	s.lock()
	defer s.mu.Unlock()
	s.paused = false
	s.changed.Broadcast()
	s.wakePump()
}

// Paused reports whether the machine is paused.
func (s *Stack) Paused() bool {
	s.lock()
	defer s.mu.Unlock()
	return s.paused
}

// search is a RunToEvent under way.
type search struct {
	match func(*Event) bool
	found chan bool
}

// RunToEvent lets the machine, be it running, paused or held, go on until an
// event has happened that match accepts, and holds it there, inside the function
// that the event happened in: Stopped tells where, and Continue lets it go on,
// as after a breakpoint. On the way its time jumps from event to event, at any
// speed. A machine that was paused is so still when it has been held.
//
// The channel gets true when the machine is held, by such an event or a
// breakpoint on the way, and false when nothing can happen any more, or Pause,
// Close or another RunToEvent ended the search; then the machine is as it was:
// paused, or running. On a virtual clock the caller drives the machine himself,
// and the answer is there when RunToEvent returns.
//
// match runs inside the machine and must not call the Stack.
func (s *Stack) RunToEvent(match func(*Event) bool) <-chan bool {
	q := &search{match: match, found: make(chan bool, 1)}
	s.lock()
	defer s.mu.Unlock()
	if s.closed {
		q.found <- false
		return q.found
	}
	s.endSearch(false)
	s.search = q
	s.setTrace()
	if s.stop != nil {
		s.released = true
	}
	if s.real() {
		s.clock.hold()
		s.changed.Broadcast()
		s.wakePump()
		return q.found
	}
	for s.search == q {
		s.searchOn()
		s.mu.Unlock()
		runtime.Gosched()
		s.lock()
	}
	return q.found
}

// searchOn lets the machine run towards the event for a slice, and returns how
// long the pump may sleep.
func (s *Stack) searchOn() time.Duration {
	s.held() // lets go of the stop that the search begins from
	switch s.run(kernel.Forever) {
	case kernel.HaltStop:
		return long
	case kernel.HaltIdle: // nothing can happen any more
		if s.real() {
			s.clock.reached(s.n.Now())
		}
		s.endSearch(false)
		s.changed.Broadcast()
	}
	return 0
}

// endSearch ends the search that is under way, if there is one.
func (s *Stack) endSearch(found bool) {
	if s.search == nil {
		return
	}
	s.search.found <- found
	s.search = nil
	s.setTrace()
}
