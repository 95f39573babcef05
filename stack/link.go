package stack

import (
	"net/netip"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
)

// Link is a network interface of the machine whose other end is in the host's
// hands: a script, another machine, a TUN device. It carries whole IP packets,
// without a link header.
type Link struct {
	s *Stack
	l *core.Link
}

// AttachLink makes an interface of the name and brings it up. It has no address
// yet: see Configure. send gets every packet that the machine transmits
// through it. It runs inside the machine, so it must not wait, and must not call
// the Stack; the packet is its own only until it returns. Two machines are wired
// back to back if what one sends is copied and injected into the other once the
// first does not run.
func (s *Stack) AttachLink(name string, mtu int, send func(pkt []byte)) (*Link, error) {
	l := &Link{s: s}
	err := s.errnoCall(func() int {
		if s.n.DevGetByName(name) != nil {
			return -core.EEXIST
		}
		var r int
		if l.l, r = s.n.NewLink(name, mtu, send); r < 0 {
			return r
		}
		return s.n.DevinetIoctl(ipv4.SIOCSIFFLAGS, &ipv4.Ifreq{IfrName: name, IfrFlags: l.l.Dev.Flags | core.IffUp})
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Name is the interface's name.
func (l *Link) Name() string { return l.l.Dev.Name }

// Now is the machine's time, for send alone.
func (l *Link) Now() time.Duration { return l.s.n.Now() }

// SetOffload says whether the other end takes what a network card would still
// have to cut into segments and to sum. It is off at first: then every packet
// fits the MTU and has its checksums.
func (l *Link) SetOffload(on bool) {
	l.s.lock()
	defer l.s.mu.Unlock()
	l.l.SetOffload(on)
}

// Configure gives the interface an address and, if remote is valid, routes
// remote through it.
func (l *Link) Configure(addr, remote netip.Prefix, gw netip.Addr) error {
	if err := l.s.AddAddr(l.Name(), addr); err != nil || !remote.IsValid() {
		return err
	}
	return l.s.AddRoute(Route{Dst: remote.Masked(), Gw: gw, Dev: l.Name()})
}

// Inject receives a packet from the other end, by an interrupt, as a network
// card does. The machine takes it when it is next driven: Settle, Advance, Wait,
// or at once on a real clock. The bytes are copied.
func (l *Link) Inject(pkt []byte) {
	l.s.lock()
	defer l.s.mu.Unlock()
	if !l.s.closed {
		l.s.n.LinkInject(l.l, pkt)
		l.s.wakePump()
	}
}

// SetQueueLimit makes the interface's queue hold at most limit packets; 0 drops
// every packet as a congested queue does.
func (l *Link) SetQueueLimit(limit int) {
	l.s.lock()
	defer l.s.mu.Unlock()
	l.l.SetQueueLimit(limit)
}

// RouteMetrics is what a route says of its path; 0 says nothing.
type RouteMetrics struct {
	MTU, AdvMSS, InitCwnd, InitRwnd uint32
	MTULock                         bool // nothing heard of the path changes the MTU
}

// SetRoute routes dst through the interface in place of the route that there is
// (ip route replace dst via gw dev NAME mtu N advmss N …).
func (l *Link) SetRoute(dst netip.Prefix, gw netip.Addr, m RouteMetrics) error {
	r := Route{Dst: dst.Masked(), Gw: gw, Dev: l.Name()}
	low := r.lower()
	low.Metrics[core.RtaxMtu], low.Metrics[core.RtaxAdvmss] = m.MTU, m.AdvMSS
	low.Metrics[core.RtaxInitcwnd], low.Metrics[core.RtaxInitrwnd] = m.InitCwnd, m.InitRwnd
	low.MtuLock = m.MTULock
	return l.s.errnoCall(func() int { return l.s.n.AddRoute(low, ipv4.NlmFCreate|ipv4.NlmFReplace) })
}
