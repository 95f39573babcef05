package stack

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// NeighState is a set of states of a neighbour (NUD_*).
type NeighState uint8

// States of a neighbour.
const (
	NUD_NONE       NeighState = core.NudNone
	NUD_INCOMPLETE NeighState = core.NudIncomplete // asked for, nobody has answered
	NUD_REACHABLE  NeighState = core.NudReachable  // known to answer
	NUD_STALE      NeighState = core.NudStale      // known, but not whether it still answers
	NUD_DELAY      NeighState = core.NudDelay      // used while stale: something it sends may tell
	NUD_PROBE      NeighState = core.NudProbe      // asked again at its address
	NUD_FAILED     NeighState = core.NudFailed     // did not answer
	NUD_NOARP      NeighState = core.NudNoarp      // needs no asking
	NUD_PERMANENT  NeighState = core.NudPermanent  // set by the user

	// NUD_VALID are the states with a usable address.
	NUD_VALID NeighState = core.NudValid
)

// neighStateNames are the states in the words of ip neigh.
var neighStateNames = []struct {
	state NeighState
	name  string
}{{NUD_INCOMPLETE, "INCOMPLETE"}, {NUD_REACHABLE, "REACHABLE"}, {NUD_STALE, "STALE"}, {NUD_DELAY, "DELAY"},
	{NUD_PROBE, "PROBE"}, {NUD_FAILED, "FAILED"}, {NUD_NOARP, "NOARP"}, {NUD_PERMANENT, "PERMANENT"}}

// String is the state as ip neigh prints it; several are separated by spaces, and
// NUD_NONE is empty.
func (st NeighState) String() string {
	var names []string
	for _, n := range neighStateNames {
		if st&n.state != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, " ")
}

// Neigh is one entry of the neighbour table: a next hop and its link address.
type Neigh struct {
	Addr       netip.Addr
	Dev        string
	MAC        wire.MAC // of use in the states of NUD_VALID
	State      NeighState
	ExtLearned bool // the user learnt it elsewhere: it is not collected
	Refs       int  // who uses it, beside the table

	// How long ago it was used, confirmed and changed.
	Used, Confirmed, Updated time.Duration
	Probes                   int // how often it has been asked for since its state began
	Queued, QueuedBytes      int // packets that wait for it
}

// NeighStats counts what happened to the neighbours.
type NeighStats struct {
	core.NeighStats
	Entries int
}

// NeighHow says what AddNeigh does when there is such an entry, or none.
type NeighHow int

// What AddNeigh does, by the words of ip neigh.
const (
	NeighAdd     NeighHow = core.NlmFCreate | core.NlmFExcl    // EEXIST if there is one
	NeighChange  NeighHow = core.NlmFReplace                   // ENOENT if there is none
	NeighReplace NeighHow = core.NlmFCreate | core.NlmFReplace // whichever it takes
)

// Neighbours copies the neighbour table, in order of interface and address.
func (s *Stack) Neighbours() []Neigh {
	s.lock()
	defer s.mu.Unlock()
	var out []Neigh
	index := make(map[string]int)
	now := s.n.Jiffies()
	since := func(then uint64) time.Duration { return time.Duration(int64(now-then)) * (time.Second / kernel.HZ) }
	s.n.ArpTbl.ForEachNeigh(func(neigh *core.Neighbour) {
		index[neigh.Dev.Name] = neigh.Dev.Ifindex
		out = append(out, Neigh{Addr: neigh.Key.Netip(), Dev: neigh.Dev.Name, MAC: neigh.Ha, State: NeighState(neigh.NudState),
			ExtLearned: neigh.Flags&core.NtfExtLearned != 0, Refs: neigh.Refs - 1,
			Used: since(neigh.Used), Confirmed: since(neigh.Confirmed), Updated: since(neigh.Updated),
			Probes: neigh.Probes, Queued: neigh.ArpQueue.Qlen, QueuedBytes: neigh.ArpQueueLenBytes})
	})
	slices.SortFunc(out, func(a, b Neigh) int {
		if d := index[a.Dev] - index[b.Dev]; d != 0 {
			return d
		}
		return a.Addr.Compare(b.Addr)
	})
	return out
}

// NeighStats reads the neighbours' counters.
func (s *Stack) NeighStats() NeighStats {
	s.lock()
	defer s.mu.Unlock()
	return NeighStats{s.n.ArpTbl.Stats, s.n.ArpTbl.Entries}
}

// AddNeigh makes or changes the entry of e.Addr on e.Dev: it gets e.State and, if
// that is not zero, e.MAC. Errors: NoDeviceError, EEXIST and ENOENT by how, EINVAL
// if the state needs an address and none is known, ENOBUFS if the table is full.
func (s *Stack) AddNeigh(e Neigh, how NeighHow) error {
	return s.withDev(e.Dev, func(dev *core.NetDevice) int {
		m := core.NeighMsg{Dev: dev, Dst: toAddr(e.Addr), State: uint8(e.State), NlFlags: uint16(how)}
		if e.MAC != (wire.MAC{}) {
			m.Lladdr = &e.MAC
		}
		if e.ExtLearned {
			m.Flags = core.NtfExtLearned
		}
		return s.n.NeighAdd(&s.n.ArpTbl, &m)
	})
}

// UseNeigh has an entry, made if there is none, asked for as if a packet were to
// be sent to it.
func (s *Stack) UseNeigh(dev string, addr netip.Addr) error {
	return s.withDev(dev, func(d *core.NetDevice) int {
		return s.n.NeighAdd(&s.n.ArpTbl, &core.NeighMsg{Dev: d, Dst: toAddr(addr), Flags: core.NtfUse, NlFlags: core.NlmFCreate})
	})
}

// DelNeigh removes an entry; one that is in use stays, as failed. Errors:
// NoDeviceError, ENOENT.
func (s *Stack) DelNeigh(dev string, addr netip.Addr) error {
	return s.withDev(dev, func(d *core.NetDevice) int { return s.n.NeighDelete(&s.n.ArpTbl, toAddr(addr), d) })
}

// FlushNeigh removes the entries that match accepts and reports how many.
func (s *Stack) FlushNeigh(match func(*Neigh) bool) (int, error) {
	flushed := 0
	for _, e := range s.Neighbours() {
		if !match(&e) {
			continue
		}
		if err := s.DelNeigh(e.Dev, e.Addr); err != nil && err != ENOENT {
			return flushed, err
		}
		flushed++
	}
	return flushed, nil
}

// ArpSet sets an entry as arp -s does: a permanent one, or with temp one that
// ages. dev may be empty: then the route tells it. Errors: NoDeviceError,
// ENETUNREACH, EINVAL for a link without addresses.
func (s *Stack) ArpSet(dev string, addr netip.Addr, mac wire.MAC, temp bool) error {
	flags := ipv4.AtfCom | ipv4.AtfPerm
	if temp {
		flags = ipv4.AtfCom
	}
	return s.arp(ipv4.SIOCSARP, dev, addr, mac, flags)
}

// ArpDelete removes an entry as arp -d does. Errors: NoDeviceError, ENXIO if there
// is none, ENETUNREACH.
func (s *Stack) ArpDelete(dev string, addr netip.Addr) error {
	return s.arp(ipv4.SIOCDARP, dev, addr, wire.MAC{}, 0)
}

func (s *Stack) arp(cmd uint32, dev string, addr netip.Addr, mac wire.MAC, flags int) error {
	err := s.errnoCall(func() int {
		return s.n.ArpIoctl(cmd, &ipv4.Arpreq{ArpPa: toAddr(addr), ArpHa: mac, ArpFlags: flags, ArpDev: dev})
	})
	if err == ENODEV && dev != "" {
		return &NoDeviceError{dev}
	}
	return err
}
