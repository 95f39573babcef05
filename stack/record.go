package stack

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

// Moment is what the sockets and timers were when an event happened: what
// Snapshot would have shown inside the function that the event happened in. One
// thing differs: Linux tells of a socket's new state just before it stores it,
// and the moment shows the socket in its new state.
//
// Moments share what has not changed, so nobody may modify them. Of a machine
// with more than 32 sockets a moment takes afresh only those that belong to the
// event: its socket, both ends of its connection, its listener. The others are
// as in the moment before, but none is missing and none is there that has gone;
// and the first moment after each Recorder.Next has them all afresh.
type Moment struct {
	Time   time.Duration // since boot
	Socks  []*SockInfo
	Timers []TimerInfo // Left is at Time
}

// Step is an event with the machine's state at that moment.
type Step struct {
	Event
	At   *Moment // nil: not recorded, because too many steps came at once
	Lost uint64  // steps lost directly before this one, because nobody took them
}

// What recording may cost. It is counted in steps and calls of Next, not in
// time, so that equal runs record alike.
const (
	// A moment costs a token, and more of a machine with many sockets. There are
	// enough for a whole history of a screen at first, and then for what a person
	// may follow: 64 a frame.
	momentTokens  = 4096
	tokensPerNext = 64

	// fewSocks is how many sockets are read afresh each time.
	fewSocks = 32

	// The entries of functions that record their arguments: a hello has some
	// 5,000. One takes a fraction of a microsecond, so that 60 calls of Next a
	// second allow for a fifth of a second or so of recording.
	argEntries     = 500_000
	entriesPerNext = 20_000
)

// Recorder collects steps in a ring: events, with the state of the machine and
// the arguments of the functions in their stacks (Stack.Frames). One that is
// slow loses the oldest and is told how many; it never holds the machine up.
type Recorder struct {
	Wake <-chan struct{} // something has come since the last Next

	s     *Stack
	wake  chan struct{}
	names map[string]bool // nil: all
	snap  int             // bytes of a packet; 0: all
	nexts atomic.Int64    // calls of Next that refill has not seen

	// Of whoever owns the machine:
	tokens int
	last   *Moment
	fresh  bool        // the next moment takes all sockets afresh
	socks  []*SockInfo // room to make a list in

	mu   sync.Mutex
	ring ring[Step]
}

// Record begins to record steps, at most size of them unread, with at most snap
// bytes of a packet (0: all of it). With names it records those tracepoints
// alone. Arguments are recorded of functions that are entered from now on.
func (s *Stack) Record(size, snap int, names ...string) *Recorder {
	wake := make(chan struct{}, 1)
	r := &Recorder{Wake: wake, s: s, wake: wake, names: nameSet(names), snap: snap, tokens: momentTokens, ring: newRing[Step](size)}
	s.lock()
	defer s.mu.Unlock()
	s.recorders = append(s.recorders, r)
	s.n.SetArgumentBudget(argEntries)
	s.setTrace()
	return r
}

// Close ends the recording.
func (r *Recorder) Close() {
	s := r.s
	s.lock()
	defer s.mu.Unlock()
	s.recorders = slices.DeleteFunc(slices.Clone(s.recorders), func(o *Recorder) bool { return o == r })
	if len(s.recorders) == 0 {
		s.n.SetArgumentBudget(0)
	}
	s.setTrace()
}

// Next takes the steps that have come, oldest first.
func (r *Recorder) Next() []Step {
	r.nexts.Add(1)
	if r.s.mu.TryLock() { // else the machine refills at its next event
		r.refill()
		r.s.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	steps, lost := r.ring.take()
	if len(steps) > 0 {
		steps[0].Lost = lost
	}
	return steps
}

// refill allows for what the calls of Next have made room for.
func (r *Recorder) refill() {
	if r.nexts.Load() == 0 {
		return
	}
	n := int(r.nexts.Swap(0))
	k := &r.s.n.Kernel
	r.fresh = true
	r.tokens = min(r.tokens+n*tokensPerNext, momentTokens)
	k.SetArgumentBudget(min(k.ArgumentBudget()+n*entriesPerNext, argEntries))
}

// add runs inside the machine.
func (r *Recorder) add(ev *core.Event) {
	r.refill()
	if r.names != nil && !r.names[ev.Name] {
		return
	}
	m := r.moment(ev)
	r.mu.Lock()
	first := r.ring.n == 0
	*r.ring.next() = Step{Event: *ev, At: m}
	r.mu.Unlock()
	if first {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// moment is the machine's state at an event, nil if there are too many.
func (r *Recorder) moment(ev *core.Event) *Moment {
	s := r.s
	count := s.n.SockCount()
	part := count > fewSocks && !r.fresh && r.last != nil
	cost := 1
	switch {
	case part:
		cost += count / fewSocks // a list of them all, at least
	case count > fewSocks:
		cost += 4 * count / fewSocks
	}
	if cost = min(cost, momentTokens); r.tokens < cost || s.closed {
		return nil
	}
	r.tokens -= cost
	r.fresh = false
	last := r.last
	if last == nil {
		last = new(Moment)
	}
	m := &Moment{Time: ev.Time, Socks: last.Socks, Timers: s.timerInfos()}
	changed := false
	if socks := r.sockets(last.Socks, ev, part); !slices.Equal(socks, last.Socks) {
		m.Socks, changed = slices.Clone(socks), true
	}
	if m.Time == last.Time && slices.Equal(m.Timers, last.Timers) {
		if !changed && r.last != nil {
			return r.last
		}
		m.Timers = last.Timers
	}
	r.last = m
	return m
}

// sockets lists the machine's sockets at an event, those that are as they were by
// the info that they had. Of a part, only those that belong to the event are
// looked at. The list lasts until the next call.
func (r *Recorder) sockets(was []*SockInfo, ev *core.Event, part bool) []*SockInfo {
	s := r.s
	var own parties
	if part {
		own = partiesOf(ev)
	}
	users := s.sockUsers()
	at := 0 // in was, which has the same order
	out := r.socks[:0]
	s.n.ForEachSock(func(sk *core.SockCommon) {
		if !listed(sk) {
			return
		}
		var old *SockInfo
		for i := at; i < len(was) && old == nil; i++ {
			if was[i].Cookie == sk.Cookie && was[i].Addr == sk.Kaddr() {
				old, at = was[i], i+1
			}
		}
		if old == nil || !part || own.include(sk) {
			if info := s.sockInfoAt(sk, ev, users); old == nil || !old.same(&info) {
				old = new(SockInfo)
				*old = info
			}
		}
		out = append(out, old)
	})
	r.socks = out
	return out
}

// sockInfoAt is a socket at an event, which it shows in the state that the
// event tells of.
func (s *Stack) sockInfoAt(sk *core.SockCommon, ev *core.Event, users map[*core.Socket][]SockUser) SockInfo {
	if ev.Name != "inet_sock_set_state" || ev.Sock.Addr != sk.Kaddr() {
		return s.sockInfo(sk, users)
	}
	old := sk.SkState
	sk.SkState = ev.NewState
	info := s.sockInfo(sk, users)
	sk.SkState = old
	return info
}

// parties are the two ends that an event is about.
type parties struct {
	cookie uint64 // of its socket, 0 if it names none
	addr   [2]wire.Addr
	port   [2]uint16
}

func partiesOf(ev *core.Event) parties {
	p := parties{cookie: ev.Sock.Cookie}
	if p.cookie != 0 {
		p.addr = [2]wire.Addr{ev.Sock.Saddr, ev.Sock.Daddr}
		p.port = [2]uint16{ev.Sock.Sport, ev.Sock.Dport}
		return p
	}
	ip := wire.IPv4(ev.Packet)
	if len(ip) < wire.IPv4MinLen || ip.Protocol() != wire.ProtoTCP && ip.Protocol() != wire.ProtoUDP || len(ip) < ip.IHL()+4 {
		return p
	}
	ports := ip[ip.IHL():]
	p.addr = [2]wire.Addr{ip.Src(), ip.Dst()}
	p.port = [2]uint16{uint16(ports[0])<<8 | uint16(ports[1]), uint16(ports[2])<<8 | uint16(ports[3])}
	return p
}

// include reports whether a socket is one of the two, or listens for one.
func (p *parties) include(sk *core.SockCommon) bool {
	if p.cookie != 0 && sk.Cookie == p.cookie {
		return true
	}
	for i := range 2 {
		if sk.SkNum != p.port[i] || sk.SkNum == 0 {
			continue
		}
		if sk.SkDport == 0 || sk.SkDport == p.port[1-i] && sk.SkRcvSaddr == p.addr[i] && sk.SkDaddr == p.addr[1-i] {
			return true
		}
	}
	return false
}

// same reports whether two infos say the same.
func (a *SockInfo) same(b *SockInfo) bool {
	return a.Kind == b.Kind && a.Netid == b.Netid && a.State == b.State && a.Cookie == b.Cookie && a.Addr == b.Addr && a.Ino == b.Ino &&
		a.Local == b.Local && a.Peer == b.Peer && a.Proto == b.Proto && a.RecvQ == b.RecvQ && a.SendQ == b.SendQ &&
		a.Listener == b.Listener && a.Mem == b.Mem && a.Owned == b.Owned && a.Shutdown == b.Shutdown &&
		a.SynMax == b.SynMax && a.AcceptMax == b.AcceptMax &&
		equal(a.Timer, b.Timer) && equal(a.Tcp, b.Tcp) && slices.Equal(a.Users, b.Users) &&
		slices.Equal(a.SynQueue, b.SynQueue) && slices.Equal(a.Accept, b.Accept) &&
		slices.Equal(a.Write, b.Write) && slices.Equal(a.Rtx, b.Rtx) && slices.Equal(a.Receive, b.Receive) &&
		slices.Equal(a.Ooo, b.Ooo) && slices.Equal(a.Backlog, b.Backlog)
}

// equal compares what two pointers point to, either of which may be nil.
func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }
