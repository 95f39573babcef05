// Which steps of the record a filter lets through, kept up to date as the record
// grows.

package tui

import (
	"net/netip"
	"sort"

	"menuos/stack"
	"menuos/stack/steps"
	"menuos/stack/wire"
)

// stepFilter is which steps show.
type stepFilter int

const (
	stepsAll stepFilter = iota
	stepsOfSocket
	stepsSegments
	stepFilters
)

// stepIndex lists the steps that a filter lets through, by number, and the gaps
// where steps were lost: -n is the gap before step n. Bringing it up to date costs
// only what has been added to the record.
type stepIndex struct {
	filter  stepFilter
	of      connection
	entries []int
	first   int  // entries before it are of steps that the record has forgotten
	steps   int  // entries that are steps
	next    int  // number of the first step that was not looked at
	within  bool // the packet that was seen last passes
}

// connection is what steps must have to do with to pass a filter: a socket, and
// if that is connected, the socket at the other end and the packets between them.
type connection struct {
	cookie      uint64
	local, peer netip.AddrPort
	open        bool            // it has no peer: whoever sends to its address is meant
	cookies     map[uint64]bool // sockets that were seen at one of its ends
}

// update brings the index to the end of the record.
func (x *stepIndex) update(sc *scene, filter stepFilter) {
	of := x.of
	if filter == stepsOfSocket {
		of = connectionOf(sc, &x.of)
	}
	rec := sc.rec
	if filter != x.filter || !of.is(&x.of) || x.next > rec.last+1 {
		*x = stepIndex{filter: filter, of: of, entries: x.entries[:0]}
		x.of.cookies = make(map[uint64]bool)
		if filter == stepsOfSocket { // a socket's first steps come before it has an address
			for i := range rec.n {
				x.of.learn(&rec.at(i).Event)
			}
		}
	}
	for i := rec.find(x.next-1) + 1; i < rec.n; i++ {
		x.add(rec.at(i))
	}
	x.next = rec.last + 1
	x.forget(rec)
}

func (x *stepIndex) add(s *step) {
	if s.Lost > 0 {
		x.entries = append(x.entries, -s.n)
	}
	if x.filter == stepsOfSocket {
		x.of.learn(&s.Event)
	}
	if x.passes(s) {
		x.entries = append(x.entries, s.n)
		x.steps++
	}
}

func (x *stepIndex) passes(s *step) bool {
	switch x.filter {
	case stepsOfSocket:
		has := x.of.has(&s.Event)
		if len(s.Packet) > 0 {
			x.within = has
		}
		return has || x.within && isBirth(&s.Event)
	case stepsSegments:
		return s.line.Kind == steps.Sent || s.line.Kind == steps.Received || s.line.Kind == steps.Dropped
	}
	return true
}

// isBirth tells whether a socket has just been cloned from a listener: it has no
// peer yet, but comes from the packet that is at hand.
func isBirth(ev *stack.Event) bool {
	return ev.Sock.Dport == 0 && stack.StateName(ev.OldState) == "LISTEN" && stack.StateName(ev.NewState) == "SYN-RECV"
}

// forget drops the entries whose steps the record keeps no more.
func (x *stepIndex) forget(rec *record) {
	if rec.n == 0 {
		return
	}
	oldest := rec.at(0).n
	for x.first < len(x.entries) && abs(x.entries[x.first]) < oldest {
		if x.entries[x.first] > 0 {
			x.steps--
		}
		x.first++
	}
	if x.first > len(x.entries)/2 {
		x.entries = append(x.entries[:0], x.entries[x.first:]...)
		x.first = 0
	}
}

func (x *stepIndex) len() int     { return len(x.entries) - x.first }
func (x *stepIndex) at(i int) int { return x.entries[x.first+i] }

// find is the place of the step with the number n, or of the next older one that
// passes; -1 if there is none.
func (x *stepIndex) find(n int) int {
	list := x.entries[x.first:]
	i := sort.Search(len(list), func(i int) bool { return abs(list[i]) > n })
	for i--; i >= 0 && list[i] < 0; i-- {
	}
	return i
}

// step is the number of the next step from the place i on in the direction dir;
// 0 if there is none.
func (x *stepIndex) step(i, dir int) int {
	for ; i >= 0 && i < x.len(); i += dir {
		if n := x.at(i); n > 0 {
			return n
		}
	}
	return 0
}

func abs(n int) int { return max(n, -n) }

// connectionOf is that of the selected socket. One that is gone is the same as
// when it was last seen.
func connectionOf(sc *scene, was *connection) connection {
	k := sc.selected()
	switch {
	case k == nil && sc.sock == was.cookie, k != nil && k.Local.Port() == 0 && sc.sock == was.cookie:
		return *was
	case k == nil:
		return connection{cookie: sc.sock}
	case was.cookies[k.Cookie] && !was.open && k.Peer.Port() != 0:
		return *was // the other end of the same connection
	}
	return connection{cookie: k.Cookie, local: k.Local, peer: k.Peer, open: k.Peer.Port() == 0}
}

// is reports whether two are of the same socket.
func (c *connection) is(o *connection) bool {
	return c.cookie == o.cookie && c.local == o.local && c.peer == o.peer && c.open == o.open
}

// learn remembers the socket of an event that has the connection's addresses.
func (c *connection) learn(ev *stack.Event) {
	if s := &ev.Sock; s.Cookie != 0 && s.Cookie != c.cookie && c.between(netip.AddrPortFrom(s.Saddr.Netip(), s.Sport), netip.AddrPortFrom(s.Daddr.Netip(), s.Dport)) {
		c.cookies[s.Cookie] = true
	}
}

// has tells whether an event has to do with the connection.
func (c *connection) has(ev *stack.Event) bool {
	if s := &ev.Sock; s.Cookie != 0 && (s.Cookie == c.cookie || c.cookies[s.Cookie]) {
		return true
	}
	src, dst, ok := endsOf(ev.Packet)
	return ok && c.between(src, dst)
}

// between reports whether a and b, either way round, are the connection's ends;
// of one without a peer, whether one of them is its own address.
func (c *connection) between(a, b netip.AddrPort) bool {
	if c.local.Port() == 0 {
		return false
	}
	if c.open {
		return c.isLocal(a) || c.isLocal(b)
	}
	return a == c.local && b == c.peer || a == c.peer && b == c.local
}

func (c *connection) isLocal(a netip.AddrPort) bool {
	return a.Port() == c.local.Port() && (c.local.Addr().IsUnspecified() || a.Addr() == c.local.Addr())
}

// endsOf reads the ends of a packet; without ports, of the hosts.
func endsOf(packet []byte) (src, dst netip.AddrPort, ok bool) {
	ip := wire.IPv4(packet)
	if len(ip) < wire.IPv4MinLen {
		return src, dst, false
	}
	var sport, dport uint16
	if p := ip.Protocol(); p == wire.ProtoTCP || p == wire.ProtoUDP {
		if ports := ip[min(max(ip.IHL(), wire.IPv4MinLen), len(ip)):]; len(ports) >= 4 && ip.FragOff() == 0 {
			sport, dport = uint16(ports[0])<<8|uint16(ports[1]), uint16(ports[2])<<8|uint16(ports[3])
		}
	}
	return netip.AddrPortFrom(ip.Src().Netip(), sport), netip.AddrPortFrom(ip.Dst().Netip(), dport), true
}
