// Neighbours: what the user asks for (net/core/neighbour.c's rtnetlink handlers,
// without netlink).

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// What NeighAdd does when there is an entry, or none (include/uapi/linux/netlink.h).
const (
	NlmFReplace = 0x100
	NlmFExcl    = 0x200
	NlmFCreate  = 0x400
)

// NeighMsg is a request about one neighbour (struct ndmsg and its attributes).
type NeighMsg struct {
	Dev     *NetDevice
	Dst     wire.Addr
	Lladdr  *wire.MAC // nil: not told
	State   uint8     // NUD_*
	Flags   uint8     // NTF_*
	NlFlags uint16    // NLM_F_*
}

// NeighAdd adds or changes an entry. Errors: ENOENT, EEXIST by NlFlags, EINVAL if
// the entry needs an address and has none, EPERM for one that has just gone,
// ENOBUFS when the table is full (neigh_add).
func (n *Net) NeighAdd(tbl *NeighTable, m *NeighMsg) int {
	kernel.Fentry1(&n.Kernel, tbl) // neigh_add net/core/neighbour.c:1841

	flags := uint32(NeighUpdateFAdmin | NeighUpdateFOverride)
	neigh := n.NeighLookup(tbl, m.Dst, m.Dev) // :1912
	if neigh == nil {
		if m.NlFlags&NlmFCreate == 0 {
			return -ENOENT
		}
		exempt := m.State&NudPermanent != 0 || m.Flags&NtfExtLearned != 0
		var err int
		if neigh, err = n.neighCreate___(tbl, m.Dst, m.Dev, exempt, true); err < 0 { // :1923
			return err
		}
	} else {
		if m.NlFlags&NlmFExcl != 0 {
			n.NeighRelease(neigh) // :1931
			return -EEXIST
		}
		if m.NlFlags&NlmFReplace == 0 {
			flags &^= NeighUpdateFOverride
		}
	}
	if m.Flags&NtfExtLearned != 0 {
		flags |= NeighUpdateFExtLearned
	}
	err := 0
	if m.Flags&NtfUse != 0 {
		n.NeighEventSend(neigh, nil) // :1947
	} else {
		err = n.neighUpdate__(neigh, m.Lladdr, m.State, flags) // :1950
	}
	n.NeighRelease(neigh) // :1956
	return err
}

// NeighDelete makes an entry fail, and removes it unless it is in use. ENOENT if
// there is none (neigh_delete).
func (n *Net) NeighDelete(tbl *NeighTable, pkey wire.Addr, dev *NetDevice) int {
	kernel.Fentry3(&n.Kernel, tbl, pkey, dev) // neigh_delete net/core/neighbour.c:1776

	neigh := n.NeighLookup(tbl, pkey, dev) // :1820
	if neigh == nil {
		return -ENOENT
	}
	err := n.neighUpdate__(neigh, nil, NudFailed, NeighUpdateFOverride|NeighUpdateFAdmin) // :1826
	n.NeighRelease(neigh)                                                                 // :1830
	n.NeighRemoveOne(neigh, tbl)                                                          // :1831
	return err
}

// ForEachNeigh calls fn for each neighbour, bucket by bucket.
func (tbl *NeighTable) ForEachNeigh(fn func(neigh *Neighbour)) {
	for i := range tbl.buckets {
		for neigh := tbl.buckets[i]; neigh != nil; neigh = neigh.next {
			fn(neigh)
		}
	}
}
