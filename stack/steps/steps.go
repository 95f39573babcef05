// Package steps tells the machine's events to people: as lines of a list, as a
// ladder of two ends with the segments between them, and a backtrace as the
// contexts that it runs through. It draws nothing and keeps no machine: it turns
// values of package stack into text, the same for a screen and for a shell.
//
// Words of our own are English or Chinese ("zh"); function names, states, flags
// and the notation of packets are those of Linux, ss and packetdrill, and are
// not translated. Signs are ASCII unless a caller asks for others.
package steps

import (
	"menuos/stack"
)

// Names are the tracepoints that make steps, for Watch and Record: every packet
// once where it is sent and once where it is received, what is dropped, state
// changes, retransmissions, resets, timers and wake-ups. What is left out says
// nothing new to a reader: netif_rx lies between sending and receiving,
// consume_skb is the end of every packet, tcp_probe repeats the connection's
// variables at each segment.
var Names = []string{
	"net_dev_queue", "netif_receive_skb", "kfree_skb", "inet_sock_set_state", "tcp_retransmit_skb", "tcp_send_reset",
	"tcp_receive_reset", "tcp_destroy_sock", "sock_wakeup", "timer_start", "timer_cancel", "timer_expire_entry",
}

// Snap is how many bytes of a packet the steps need (for WatchSnap and Record):
// the longest IP and TCP headers, and of an ICMP error what it quotes.
const Snap = 128

// Kind says what sort of step an event is.
type Kind int

// The kinds of steps.
const (
	Other          Kind = iota // none of those below
	Sent                       // a packet goes to a device
	Received                   // a packet comes from a device
	Dropped                    // a packet is thrown away
	State                      // a socket changes its state
	Retransmit                 // a segment was sent again
	Reset                      // a reset is sent or accepted
	TimerArmed                 // a timer is armed, or armed anew
	TimerCancelled             // a timer is cancelled
	TimerFired                 // a timer fires
	Wakeup                     // a socket wakes who waits for it
	Destroyed                  // a socket is gone
	kinds
)

// kindTable gives each kind its name, for options and filters, and its mark: one
// ASCII sign, so that no colour is needed to tell kinds apart.
var kindTable = [kinds]struct{ name, mark string }{
	Other:          {"other", "."},
	Sent:           {"sent", ">"},
	Received:       {"received", "<"},
	Dropped:        {"dropped", "x"},
	State:          {"state", "~"},
	Retransmit:     {"retransmit", "!"},
	Reset:          {"reset", "r"},
	TimerArmed:     {"armed", "+"},
	TimerCancelled: {"cancelled", "-"},
	TimerFired:     {"fired", "@"},
	Wakeup:         {"wakeup", "*"},
	Destroyed:      {"destroyed", "0"},
}

// Kinds lists all kinds, in the order of their constants.
func Kinds() []Kind {
	out := make([]Kind, kinds)
	for i := range out {
		out[i] = Kind(i)
	}
	return out
}

// String is the kind's name: "sent", "state", …
func (k Kind) String() string {
	if k < 0 || k >= kinds {
		return kindTable[Other].name
	}
	return kindTable[k].name
}

// Mark is the kind's sign, one ASCII character.
func (k Kind) Mark() string {
	if k < 0 || k >= kinds {
		return kindTable[Other].mark
	}
	return kindTable[k].mark
}

// KindOf says what kind of step an event is; Other if its tracepoint is not one
// of Names.
func KindOf(ev *stack.Event) Kind {
	switch ev.Name {
	case "net_dev_queue":
		return Sent
	case "netif_receive_skb":
		return Received
	case "kfree_skb":
		return Dropped
	case "inet_sock_set_state":
		return State
	case "tcp_retransmit_skb":
		return Retransmit
	case "tcp_send_reset", "tcp_receive_reset":
		return Reset
	case "timer_start":
		return TimerArmed
	case "timer_cancel":
		return TimerCancelled
	case "timer_expire_entry":
		return TimerFired
	case "sock_wakeup":
		return Wakeup
	case "tcp_destroy_sock":
		return Destroyed
	}
	return Other
}
