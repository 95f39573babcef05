package stack

import (
	"slices"
	"sync"

	"menuos/stack/internal/core"
)

// Event is a fact: a packet sent or received or dropped, a state change, a
// timer armed, cancelled or fired, a wake-up, a retransmission, a reset. Its Name is
// Linux's tracepoint. It holds copies only; its stack becomes frames when
// Watcher.Frames is asked.
type Event = core.Event

// Watcher collects events in a ring. A watcher that is slow loses the oldest
// and is told how many; it never holds the machine up.
type Watcher struct {
	s     *Stack
	names map[string]bool // nil: all
	snap  int             // bytes of a packet; 0: all

	mu   sync.Mutex
	ring ring[Event]
}

// ring holds the newest of what has not been read.
type ring[T any] struct {
	room  []T
	first int // index of the oldest
	n     int
	lost  uint64 // oldest ones that made room
}

func newRing[T any](size int) ring[T] { return ring[T]{room: make([]T, max(size, 1))} }

// next is the place for a new element.
func (r *ring[T]) next() *T {
	if r.n == len(r.room) {
		r.first = (r.first + 1) % len(r.room)
		r.n--
		r.lost++
	}
	r.n++
	return &r.room[(r.first+r.n-1)%len(r.room)]
}

// take empties the ring.
func (r *ring[T]) take() (all []T, lost uint64) {
	all = make([]T, r.n)
	head := copy(all, r.room[r.first:])
	copy(all[head:], r.room)
	clear(r.room[r.first:min(r.first+r.n, len(r.room))])
	clear(r.room[:r.n-head])
	lost = r.lost
	r.first, r.n, r.lost = 0, 0, 0
	return all, lost
}

func nameSet(names []string) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

// Watch begins to collect events, at most size of them unread. With names it
// collects those tracepoints alone.
func (s *Stack) Watch(size int, names ...string) *Watcher {
	return s.WatchSnap(size, 0, names...)
}

// WatchSnap is Watch for a watcher that needs no more than the first snap bytes
// of a packet (0: all of it): full segments are large, and copying them is most
// of what watching a transfer costs. Others who watch may ask for more.
func (s *Stack) WatchSnap(size, snap int, names ...string) *Watcher {
	w := &Watcher{s: s, ring: newRing[Event](size), names: nameSet(names), snap: snap}
	s.lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers, w)
	s.setTrace()
	return w
}

// Close ends the collecting.
func (w *Watcher) Close() {
	s := w.s
	s.lock()
	defer s.mu.Unlock()
	s.watchers = slices.DeleteFunc(slices.Clone(s.watchers), func(o *Watcher) bool { return o == w })
	s.setTrace()
}

// setTrace turns the machine's tracepoints on while anybody watches or searches.
func (s *Stack) setTrace() {
	var snaps []int
	for _, w := range s.watchers {
		snaps = append(snaps, w.snap)
	}
	for _, r := range s.recorders {
		snaps = append(snaps, r.snap)
	}
	if snaps == nil && s.search == nil {
		s.n.Trace = nil
		s.n.TimerEvents = nil
		return
	}
	s.n.TraceSnap = 0
	if len(snaps) > 0 && slices.Min(snaps) > 0 {
		s.n.TraceSnap = slices.Max(snaps)
	}
	s.n.Trace = s.event
	s.n.TraceTimers()
}

// event runs inside the machine.
func (s *Stack) event(ev *core.Event) {
	for _, w := range s.watchers {
		w.add(ev)
	}
	for _, r := range s.recorders {
		r.add(ev)
	}
	if q := s.search; q != nil && s.n.Running() && q.match(ev) {
		s.stopAt(ev)
	}
}

// stopAt holds the machine inside an event. One that happened in no modelled
// function is no place to stand.
func (s *Stack) stopAt(ev *core.Event) {
	c := *ev
	c.Stack = s.n.WithArgs(ev.Stack)
	frames := s.n.Frames(c.Stack)
	if len(frames) == 0 {
		return
	}
	s.stop = &Stop{Event: &c, Sym: frames[0].Sym, Frames: frames, Context: c.Context, Pid: c.Pid, Comm: c.Comm, Time: c.Time}
	s.released = false
	s.n.Stop()
}

func (w *Watcher) add(ev *core.Event) {
	if w.names != nil && !w.names[ev.Name] {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	*w.ring.next() = *ev
}

// Next takes the events that have come, oldest first, and how many were lost
// before them.
func (w *Watcher) Next() (events []Event, dropped uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ring.take()
}

// Frames is the backtrace of an event.
func (s *Stack) Frames(ev *Event) []Frame {
	s.lock()
	defer s.mu.Unlock()
	return s.n.Frames(ev.Stack)
}

// StateName is the name of a socket state as ss prints it.
func StateName(state uint8) string {
	if int(state) < len(ssStates) {
		return ssStates[state]
	}
	return ssStates[0]
}
