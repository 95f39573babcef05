// The ladder: conversations as two ends with the packets between them.

package steps

import (
	"net/netip"
	"sort"
	"time"

	"menuos/stack"
	"menuos/stack/wire"
)

// Ladder collects steps into conversations: a TCP connection, the datagrams
// between two UDP ports, an echo and its replies. The left end is the one that
// sent the first SYN, or the first packet. Each packet is one row, however many
// steps tell of it; states stand at the ends as in RFC 9293's figures: the state
// after the departure or arrival of that row's segment. The zero value is ready;
// a Ladder is not safe for concurrent use.
type Ladder struct {
	rel   Relative
	began bool
	since time.Duration // time 0 of the rows
	talks []*talk
	byKey map[talkKey]*talk
	ids   int
	all   []*rung              // of all conversations as they came, headers between
	socks aging[uint64, end]   // by cookie
	skbs  aging[uint64, *rung] // the last row of a packet

	// listens are the local ends with a listener, as far as its state change was
	// seen.
	listens map[netip.AddrPort]bool
	fired   stack.Event // the last timer that fired
	closing stateShown  // the last change to CLOSE
}

// Talk is a conversation.
type Talk struct {
	ID          int    // counts them, from 1
	Proto       string // tcp, udp, icmp …
	Left, Right netip.AddrPort
	First, Last int // numbers of its first and its latest step
}

type talkKey struct {
	flow
	id uint16 // of an ICMP query
}

// The two ends of a conversation.
const (
	left = iota
	right
)

// end is one end of a conversation.
type end struct {
	t    *talk
	side int
}

type talk struct {
	Talk
	key   talkKey
	rungs []*rung // a header first
	ends  [2]endState
}

// endState is what is known of one end.
type endState struct {
	state    string  // as ss names it, "" if nothing is known
	shown    string  // what of it a row has shown
	fin      bool    // the peer's FIN has arrived
	remnant  bool    // a TIME_WAIT remnant stands for it
	next     uint32  // behind the last sequence number sent
	sent     bool    // … if any was
	awaiting []*rung // sent, and nothing has shown yet that it arrived
}

// rung is a row: a header, a packet, or a state change by itself.
type rung struct {
	t        *talk
	kind     Kind // Other: a header; State; Sent: a packet
	step     int
	got      int // step of the packet's arrival
	time     time.Duration
	from     int // side
	skb      uint64
	text     string
	note     string
	state    [2]string // what changed with it
	arrived  bool
	lost     bool
	again    bool
	out      bool // to another machine: its arrival is no step of ours
	awaits   bool // nothing has shown yet that it arrived
	seqEnd   uint32
	nr       uint16
	isHeader bool
	before   *rung // the row before of the same packet
}

// Add takes the next step into the ladder. n is its number, greater than that of
// the step before.
func (l *Ladder) Add(n int, ev *stack.Event) {
	if !l.began {
		l.began, l.since = true, ev.Time
	}
	switch KindOf(ev) {
	case Sent:
		l.sent(n, ev)
	case Received:
		l.received(n, ev)
	case Dropped:
		l.dropped(n, ev)
	case Retransmit:
		l.retransmitted(ev)
	case State:
		l.stateChange(n, ev)
	case TimerArmed:
		l.timerArmed(n, ev)
	case TimerCancelled:
		l.timewaitOver(n, ev)
	case TimerFired:
		l.fired = *ev
		l.timewaitOver(n, ev)
	}
}

// Linux's numbers of the states that the ladder reads (include/net/tcp_states.h).
const (
	tcpClose  = 7
	tcpListen = 10
)

// talkOf finds or begins the conversation of a packet and tells which side sent
// it.
func (l *Ladder) talkOf(n int, seg *Segment) (t *talk, from int) {
	src, dst, proto := seg.Src, seg.Dst, seg.proto
	if q := seg.about; q != nil { // an error goes back to who sent what it is about
		src, dst, proto = q.dst, q.src, q.proto
	}
	key := talkKey{flow: flowOf(proto, src, dst), id: seg.id}
	t = l.byKey[key]
	if t == nil {
		t = l.begin(n, key, seg, src, dst)
	}
	t.Last = n
	switch {
	case src == dst && seg.icmp == wire.ICMPEchoReply && seg.Proto == "icmp":
		return t, right
	case src == t.Left:
		return t, left
	}
	return t, right
}

func (l *Ladder) begin(n int, key talkKey, seg *Segment, src, dst netip.AddrPort) *talk {
	if l.byKey == nil {
		l.byKey = make(map[talkKey]*talk)
	}
	l.ids++
	t := &talk{key: key, Talk: Talk{ID: l.ids, Proto: protoName(key.proto), Left: src, Right: dst, First: n}}
	if seg.about != nil || seg.Flags&(wire.SYN|wire.ACK) == wire.SYN|wire.ACK {
		t.Left, t.Right = dst, src // an answer: what it answers was not seen
	}
	if t.Proto == "tcp" && (l.listens[t.Right] || l.listens[netip.AddrPortFrom(netip.IPv4Unspecified(), t.Right.Port())]) {
		e := &t.ends[right]
		e.state = stack.StateName(tcpListen)
		e.shown = e.state
	}
	t.rungs = []*rung{l.header(t, n, t.ends[right].state)}
	l.byKey[key] = t
	l.talks = append(l.talks, t)
	return t
}

func (l *Ladder) header(t *talk, n int, rightState string) *rung {
	return &rung{t: t, isHeader: true, step: n, state: [2]string{right: rightState}}
}

// add appends a row to its conversation and to all.
func (l *Ladder) add(r *rung) {
	r.t.rungs = append(r.t.rungs, r)
	if r.kind == Sent {
		r.before, _ = l.skbs.get(r.skb)
		if r.before != nil && r.before.before != nil {
			r.before.before.before = nil // no more than three are looked at
		}
		l.skbs.put(r.skb, r)
	}
	if len(l.all) == 0 || l.all[len(l.all)-1].t != r.t {
		state := ""
		if len(r.t.rungs) == 2 {
			state = r.t.rungs[0].state[right]
		}
		l.all = append(l.all, l.header(r.t, r.step, state))
	}
	l.all = append(l.all, r)
}

// Talks lists the conversations, oldest first.
func (l *Ladder) Talks() []Talk {
	out := make([]Talk, len(l.talks))
	for i, t := range l.talks {
		out[i] = t.Talk
	}
	return out
}

// TalkOf is the ID of the conversation in which the socket with a cookie was
// last, 0 if none is known.
func (l *Ladder) TalkOf(cookie uint64) int {
	if e, ok := l.socks.get(cookie); ok && l.byKey[e.t.key] == e.t {
		return e.t.ID
	}
	return 0
}

// Forget drops the rows of the steps before number n.
func (l *Ladder) Forget(n int) {
	l.all = l.after(l.all, n)
	kept := l.talks[:0]
	for _, t := range l.talks {
		if t.Last < n {
			delete(l.byKey, t.key)
			continue
		}
		if t.rungs = l.after(t.rungs, n); t.rungs == nil {
			t.rungs = []*rung{l.header(t, n, "")}
		}
		kept = append(kept, t)
	}
	clear(l.talks[len(kept):])
	l.talks = kept
}

// after leaves the rows from step n on, below a header.
func (l *Ladder) after(rows []*rung, n int) []*rung {
	i := sort.Search(len(rows), func(i int) bool { return rows[i].step >= n })
	if i == 0 {
		return rows
	}
	if i == len(rows) {
		return nil
	}
	if !rows[i].isHeader {
		i--
		rows[i] = l.header(rows[i+1].t, n, "")
	}
	return rows[i:]
}

// rows are those of a conversation, or of all for ID 0.
func (l *Ladder) rows(id int) []*rung {
	if id == 0 {
		return l.all
	}
	i := sort.Search(len(l.talks), func(i int) bool { return l.talks[i].ID >= id })
	if i < len(l.talks) && l.talks[i].ID == id {
		return l.talks[i].rungs
	}
	return nil
}

// Len is how many rows a conversation has, headers included; all of them
// together for ID 0.
func (l *Ladder) Len(id int) int { return len(l.rows(id)) }

// Find is the index of the row that stands for a step, or of the last one before
// it; -1 if there is none.
func (l *Ladder) Find(id, step int) int {
	rows := l.rows(id)
	i := sort.Search(len(rows), func(i int) bool { return rows[i].step > step }) - 1
	for j := i; j >= 0 && j > i-recent; j-- {
		if rows[j].got == step {
			return j
		}
	}
	return i
}

// recent is how many rows back a packet is looked for that has just arrived: as
// many as the CPU's backlog holds (net.core.netdev_max_backlog).
const recent = 1000
