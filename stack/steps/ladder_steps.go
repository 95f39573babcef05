// How steps become rows of the ladder.

package steps

import (
	"net/netip"
	"slices"
	"time"

	"menuos/stack"
	"menuos/stack/wire"
)

// consumes is how many sequence numbers a TCP segment takes: those that its
// receiver acknowledges.
func (seg *Segment) consumes() uint32 {
	if seg.Proto != "tcp" {
		return 0
	}
	size := uint32(seg.Len)
	if seg.Flags&wire.SYN != 0 {
		size++
	}
	if seg.Flags&wire.FIN != 0 {
		size++
	}
	return size
}

// asks tells whether the packet is one that gets an answer, so that without any
// nothing shows that it arrived.
func (seg *Segment) asks() bool {
	switch seg.Proto {
	case "tcp":
		return seg.consumes() > 0
	case "icmp":
		return seg.icmp == wire.ICMPEcho
	}
	return false
}

// packet makes the row of a packet; nil if the event has none.
func (l *Ladder) packet(n int, ev *stack.Event) (*rung, *Segment) {
	seg, ok := SegmentOf(ev, &l.rel)
	if !ok {
		return nil, nil
	}
	t, from := l.talkOf(n, &seg)
	r := &rung{t: t, kind: Sent, step: n, time: ev.Time, from: from, skb: ev.SkbID, text: seg.Text,
		seqEnd: seg.Seq + seg.consumes(), nr: seg.nr}
	if seg.about != nil && seg.Src.Addr() != r.sender().Addr() {
		r.note = "from " + seg.Src.Addr().String()
	}
	return r, &seg
}

func (r *rung) sender() netip.AddrPort {
	if r.from == left {
		return r.t.Left
	}
	return r.t.Right
}

func (l *Ladder) sent(n int, ev *stack.Event) {
	r, seg := l.packet(n, ev)
	if r == nil {
		return
	}
	e := &r.t.ends[r.from]
	r.out = ev.Dev != "lo"
	r.awaits = r.out && seg.asks()
	if size := seg.consumes(); size > 0 {
		if seg.Flags&(wire.SYN|wire.ACK) == wire.SYN && e.next != seg.Seq+1 {
			r.t.anew()
		}
		r.again = e.sent && int32(r.seqEnd-e.next) <= 0 && seg.Flags&(wire.SYN|wire.ACK) != wire.SYN
		if !r.again {
			e.next, e.sent = r.seqEnd, true
		}
	}
	if seg.Flags&wire.RST != 0 {
		l.closing.undo(l, r.t, r.from, ev)
	}
	if ev.Sock.Cookie != 0 && ev.Sock.Sport == r.sender().Port() && seg.Proto == "tcp" {
		l.socks.put(ev.Sock.Cookie, end{r.t, r.from})
		e.state = stack.StateName(ev.Sock.State)
	}
	r.touch(r.from)
	l.add(r)
	if r.awaits {
		e.await(r)
	}
}

// anew begins another connection of the same two ends.
func (t *talk) anew() {
	for i := range t.ends {
		e := &t.ends[i]
		e.sent, e.fin, e.awaiting = false, false, nil
	}
}

// await remembers a packet until something shows that it arrived.
func (e *endState) await(r *rung) {
	if len(e.awaiting) == mostAwaiting {
		e.awaiting = append(e.awaiting[:0], e.awaiting[1:]...)
	}
	e.awaiting = append(e.awaiting, r)
}

// mostAwaiting is how many packets an end remembers as unanswered.
const mostAwaiting = 1024

// touch shows the state of an end on the row, if it is news.
func (r *rung) touch(side int) {
	e := &r.t.ends[side]
	if e.state != e.shown {
		r.state[side], e.shown = e.state, e.state
	}
}

func (l *Ladder) received(n int, ev *stack.Event) {
	in, seg := l.packet(n, ev)
	if in == nil {
		return
	}
	r, _ := l.skbs.get(ev.SkbID)
	for r != nil && (r.t != in.t || r.from != in.from || r.arrived || r.lost) {
		r = r.before
	}
	if r == nil { // it comes from another machine, or its sending was not seen
		r = in
		l.add(r)
	}
	to := 1 - r.from
	r.arrived, r.got, r.awaits = true, n, false
	if seg.Flags&wire.FIN != 0 {
		r.t.ends[to].fin = true
	}
	r.t.answered(seg, to)
	r.touch(to)
}

// answered notes what a packet that has arrived at a side says of those that this
// side had sent. Of a segment that was sent several times nothing says which
// arrived: the last is taken to, the others stay open.
func (t *talk) answered(seg *Segment, side int) {
	e := &t.ends[side]
	waiting := e.awaiting[:0]
	for i, r := range e.awaiting {
		switch {
		case seg.Proto == "tcp" && (seg.Flags&wire.ACK == 0 || int32(r.seqEnd-seg.Ack) > 0),
			seg.Proto == "icmp" && seg.about == nil && r.nr != seg.nr:
			waiting = append(waiting, r)
		default:
			r.awaits = slices.ContainsFunc(e.awaiting[i+1:], r.sentAgainBy)
		}
	}
	clear(e.awaiting[len(waiting):])
	e.awaiting = waiting
}

// sentAgainBy tells whether a later packet of the same end is a copy of r.
func (r *rung) sentAgainBy(later *rung) bool {
	return later.again && int32(r.seqEnd-later.seqEnd) <= 0
}

// dropped marks the packet's row. Linux frees with the same tracepoint what was
// used up, so a packet that has arrived is lost only if there is a reason, and
// not if it is an echo's reply: raw sockets have their own copy of it.
func (l *Ladder) dropped(n int, ev *stack.Event) {
	in, seg := l.packet(n, ev)
	if in == nil {
		return
	}
	r := l.latest(ev.SkbID, end{in.t, in.from})
	used := ev.Reason == "" || seg.Proto == "icmp" && seg.icmp == wire.ICMPEchoReply
	switch {
	case r == nil && used:
		return
	case r == nil:
		r = in
		l.add(r)
	case r.arrived && used:
		return
	}
	r.lost, r.awaits, r.note = true, false, ev.Reason
}

func (l *Ladder) retransmitted(ev *stack.Event) {
	e, ok := l.socks.get(ev.Sock.Cookie)
	if !ok {
		return
	}
	if r := l.latest(ev.SkbID, e); r != nil {
		r.again = true
	}
}

// latest is the last row of a packet that an end sent, nil if there is none.
func (l *Ladder) latest(skb uint64, from end) *rung {
	r, _ := l.skbs.get(skb)
	for r != nil && (r.t != from.t || r.from != from.side) {
		r = r.before
	}
	return r
}

func (l *Ladder) stateChange(n int, ev *stack.Event) {
	s := &ev.Sock
	if s.Daddr == 0 && s.Dport == 0 {
		at := netip.AddrPortFrom(s.Saddr.Netip(), s.Sport)
		switch {
		case ev.NewState == tcpListen:
			if l.listens == nil {
				l.listens = make(map[netip.AddrPort]bool)
			}
			l.listens[at] = true
		case ev.OldState == tcpListen && ev.NewState == tcpClose:
			delete(l.listens, at)
		}
		return
	}
	l.setState(n, ev, stack.StateName(ev.NewState))
}

// timerArmed learns of the states that have no event of their own: a request's
// and a TIME_WAIT remnant's.
func (l *Ladder) timerArmed(n int, ev *stack.Event) {
	switch ev.Timer {
	case "reqsk":
		l.setState(n, ev, "SYN-RECV")
	case "timewait":
		at, ok := l.endOf(ev)
		if !ok {
			return
		}
		e := &at.t.ends[at.side]
		e.remnant = true
		state := "FIN-WAIT-2"
		if e.fin {
			state = "TIME-WAIT"
		}
		l.setState(n, ev, state)
	}
}

// timewaitOver ends a TIME_WAIT remnant.
func (l *Ladder) timewaitOver(n int, ev *stack.Event) {
	if at, ok := l.endOf(ev); ok && ev.Timer == "timewait" {
		at.t.ends[at.side].remnant = false
		l.setState(n, ev, stack.StateName(tcpClose))
	}
}

// endOf finds the end that the event's socket is.
func (l *Ladder) endOf(ev *stack.Event) (end, bool) {
	s := &ev.Sock
	if s.Cookie == 0 {
		return end{}, false
	}
	if s.Sport != 0 {
		local, peer := netip.AddrPortFrom(s.Saddr.Netip(), s.Sport), netip.AddrPortFrom(s.Daddr.Netip(), s.Dport)
		t := l.byKey[talkKey{flow: flowOf(wire.ProtoTCP, local, peer)}]
		if t == nil {
			return end{}, false
		}
		e := end{t, left}
		if local != t.Left {
			e.side = right
		}
		l.socks.put(s.Cookie, e)
		return e, true
	}
	e, ok := l.socks.get(s.Cookie)
	return e, ok && l.byKey[e.t.key] == e.t
}

// withDeparture are the states that a segment announces: they stand at the row of
// that segment, not at the one before.
var withDeparture = map[string]bool{"SYN-SENT": true, "FIN-WAIT-1": true, "LAST-ACK": true}

// lastAt is the last packet that left or reached an end, nil if there is none
// among the latest.
func (t *talk) lastAt(side int) *rung {
	for i := len(t.rungs) - 1; i >= 0 && i > len(t.rungs)-recent; i-- {
		if r := t.rungs[i]; r.kind == Sent && (r.from == side || r.arrived) {
			return r
		}
	}
	return nil
}

// setState notes a change at the end of the event's socket. It belongs to the
// segment that has just left or arrived there; a change at another time has a row
// of its own.
func (l *Ladder) setState(n int, ev *stack.Event, state string) {
	at, ok := l.endOf(ev)
	if !ok {
		return
	}
	e := &at.t.ends[at.side]
	if e.state == state || e.remnant && KindOf(ev) == State { // the full socket is gone, not the connection
		return
	}
	e.state, at.t.Last = state, n
	if withDeparture[state] {
		return
	}
	change := stateShown{end: at, time: ev.Time, shown: e.shown}
	if r := at.t.lastAt(at.side); r != nil && r.time == ev.Time {
		change.r, change.before = r, r.state[at.side]
		r.state[at.side], e.shown = state, state
	} else {
		change.r = &rung{t: at.t, kind: State, step: n, time: ev.Time, from: at.side}
		if l.fired.Time == ev.Time && l.fired.Sock.Cookie == ev.Sock.Cookie {
			change.r.note = l.fired.Runs
		}
		change.r.touch(at.side)
		l.add(change.r)
	}
	if state == stack.StateName(tcpClose) {
		l.closing = change
	}
}

// stateShown is where a change to CLOSE stands. An end that closes with a reset
// changes its state first and sends the reset then: the change belongs to that
// segment, as those of withDeparture do.
type stateShown struct {
	end
	r      *rung
	time   time.Duration
	before string // what stood there
	shown  string // what the end had shown
}

// undo takes the change back if the reset that an end now sends is the one that
// the change was for.
func (c *stateShown) undo(l *Ladder, t *talk, side int, ev *stack.Event) {
	if c.r == nil || c.t != t || c.side != side || c.time != ev.Time {
		return
	}
	if c.r.kind == Sent {
		c.r.state[side] = c.before
	} else if last := len(t.rungs) - 1; t.rungs[last] == c.r && l.all[len(l.all)-1] == c.r {
		t.rungs, l.all = t.rungs[:last], l.all[:len(l.all)-1]
	} else {
		return
	}
	t.ends[side].shown = c.shown
	c.r = nil
}
