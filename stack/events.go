package stack

import (
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
	s *Stack

	mu      sync.Mutex
	ring    []Event
	first   int // index of the oldest
	n       int
	dropped uint64
	names   map[string]bool // nil: all
	snap    int             // bytes of a packet; 0: all
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
	w := &Watcher{s: s, ring: make([]Event, max(size, 1)), snap: snap}
	if len(names) > 0 {
		w.names = make(map[string]bool, len(names))
		for _, name := range names {
			w.names[name] = true
		}
	}
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
	for i, o := range s.watchers {
		if o == w {
			s.watchers = append(s.watchers[:i:i], s.watchers[i+1:]...)
			break
		}
	}
	s.setTrace()
}

// setTrace turns the machine's tracepoints on while anybody watches.
func (s *Stack) setTrace() {
	if len(s.watchers) == 0 {
		s.n.Trace = nil
		s.n.TimerEvents = nil
		return
	}
	s.n.Trace = s.event
	s.n.TraceSnap = s.watchers[0].snap
	for _, w := range s.watchers[1:] {
		if w.snap == 0 || s.n.TraceSnap == 0 {
			s.n.TraceSnap = 0
		} else {
			s.n.TraceSnap = max(s.n.TraceSnap, w.snap)
		}
	}
	s.n.TraceTimers()
}

// event runs inside the machine.
func (s *Stack) event(ev *core.Event) {
	for _, w := range s.watchers {
		w.add(ev)
	}
}

func (w *Watcher) add(ev *core.Event) {
	if w.names != nil && !w.names[ev.Name] {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n == len(w.ring) {
		w.ring[w.first] = *ev
		w.first = (w.first + 1) % len(w.ring)
		w.dropped++
		return
	}
	w.ring[(w.first+w.n)%len(w.ring)] = *ev
	w.n++
}

// Next takes the events that have come, oldest first, and how many were lost
// before them.
func (w *Watcher) Next() (events []Event, dropped uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	events = make([]Event, w.n)
	for i := range events {
		events[i] = w.ring[(w.first+i)%len(w.ring)]
		w.ring[(w.first+i)%len(w.ring)] = Event{}
	}
	dropped, w.dropped = w.dropped, 0
	w.first, w.n = 0, 0
	return events, dropped
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
