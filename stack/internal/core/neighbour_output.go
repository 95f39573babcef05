// Neighbours: sending to them, and learning their addresses
// (net/core/neighbour.c, include/net/neighbour.h).

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// NeighOutput sends a packet to a neighbour (neigh_output).
func (n *Net) NeighOutput(neigh *Neighbour, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, neigh, skb) // neigh_output include/net/neighbour.h:505

	if neigh.NudState&NudConnected != 0 && neigh.Hh.Len != 0 {
		return n.neighHhOutput(&neigh.Hh, skb) // :506
	}
	return neigh.Output(neigh, skb) // :508
}

// neighHhOutput sends a packet with the cached link header.
func (n *Net) neighHhOutput(hh *HhCache, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, hh, skb) // neigh_hh_output include/net/neighbour.h:486

	if skb.Headroom() < hhDataMod {
		n.drop("headroom")
		n.KfreeSkb(skb) // :493
		return NetXmitDrop
	}
	copy(skb.Head.B[skb.Data-hhDataMod:skb.Data], hh.Data[:])
	skb.Push(hh.Len)
	return n.DevQueueXmit(skb) // :498
}

// NeighEventSend makes sure that the neighbour is being asked for; it returns
// 0 if its address is known, and otherwise has taken skb (neigh_event_send).
func (n *Net) NeighEventSend(neigh *Neighbour, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, neigh, skb) // neigh_event_send include/net/neighbour.h:438

	neigh.Used = n.Jiffies()
	if neigh.NudState&(NudConnected|NudDelay|NudProbe) == 0 {
		return n.neighEventSend__(neigh, skb) // :443
	}
	return 0
}

func (n *Net) neighEventSend__(neigh *Neighbour, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, neigh, skb) // __neigh_event_send net/core/neighbour.c:1104

	n.LocalBhDisable()
	rc := 0
	now := n.Jiffies()
	p := neigh.Tbl.Parms
	probe := false
	switch {
	case neigh.NudState&(NudConnected|NudDelay|NudProbe) != 0, neigh.Dead && neigh.NudState&NudStale != 0:
		n.LocalBhEnable() // :1167
		return 0
	case neigh.Dead:
		n.WriteUnlockBh() // :1173
		n.drop("neighbour dead")
		n.KfreeSkb(skb) // :1174
		return 1
	case neigh.NudState&(NudStale|NudIncomplete) == 0:
		if p.McastProbes+p.AppProbes == 0 {
			neigh.NudState = NudFailed
			neigh.Updated = now
			n.WriteUnlockBh() // :1130
			n.drop("neighbour failed")
			n.KfreeSkb(skb) // :1132
			return 1
		}
		neigh.Probes = p.UcastProbes
		neigh.NudState = NudIncomplete
		neigh.Updated = now
		n.neighAddTimer(neigh, now+uint64(max(p.RetransTime, kernel.HZ/2)))
		probe = true
	case neigh.NudState&NudStale != 0:
		neigh.NudState = NudDelay
		neigh.Updated = now
		n.neighAddTimer(neigh, now+uint64(p.DelayProbeTime))
	}
	if neigh.NudState == NudIncomplete {
		if skb != nil {
			// The packet waits until the address is known; the oldest make room.
			for neigh.ArpQueueLenBytes+skb.Truesize > p.QueueLenBytes {
				buff := neigh.ArpQueue.Dequeue()
				if buff == nil {
					break
				}
				neigh.ArpQueueLenBytes -= buff.Truesize
				n.drop("neighbour queue full")
				n.KfreeSkb(buff) // :1153
				neigh.Tbl.Stats.UnresDiscards++
			}
			SkbDstForce(skb)
			neigh.ArpQueue.QueueTail(skb)
			neigh.ArpQueueLenBytes += skb.Truesize
		}
		rc = 1
	}
	if probe {
		n.neighProbe(neigh) // :1164
	}
	n.LocalBhEnable() // :1167
	return rc
}

func (n *Net) neighHhInit(neigh *Neighbour) {
	kernel.Fentry1(&n.Kernel, neigh) // neigh_hh_init net/core/neighbour.c:1439

	if neigh.Hh.Len == 0 {
		neigh.Dev.HeaderOps.Cache(neigh, &neigh.Hh, neigh.Tbl.Protocol) // :1449
	}
}

// NeighResolveOutput sends a packet to a neighbour whose address may have to be
// asked for first (neigh_resolve_output).
func (n *Net) NeighResolveOutput(neigh *Neighbour, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, neigh, skb) // neigh_resolve_output net/core/neighbour.c:1458

	if n.NeighEventSend(neigh, skb) != 0 { // :1460
		return 0
	}
	dev := neigh.Dev
	if dev.HeaderOps.Cache != nil && neigh.Hh.Len == 0 {
		n.neighHhInit(neigh) // :1466
	}
	skb.Pull(skb.NetworkOffset())
	if n.DevHardHeader(skb, dev, skb.Protocol, &neigh.Ha, nil, skb.Len) >= 0 { // :1471
		return n.DevQueueXmit(skb) // :1476
	}
	n.drop("link header")
	n.KfreeSkb(skb) // :1484
	return -EINVAL
}

// NeighConnectedOutput sends a packet to a neighbour whose address is known
// (neigh_connected_output).
func (n *Net) NeighConnectedOutput(neigh *Neighbour, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, neigh, skb) // neigh_connected_output net/core/neighbour.c:1493

	skb.Pull(skb.NetworkOffset())
	if n.DevHardHeader(skb, neigh.Dev, skb.Protocol, &neigh.Ha, nil, skb.Len) >= 0 { // :1500
		return n.DevQueueXmit(skb) // :1505
	}
	n.drop("link header")
	n.KfreeSkb(skb) // :1508
	return -EINVAL
}

// NeighDirectOutput sends a packet on a link without headers
// (neigh_direct_output).
func (n *Net) NeighDirectOutput(neigh *Neighbour, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, neigh, skb) // neigh_direct_output net/core/neighbour.c:1516

	return n.DevQueueXmit(skb) // :1516
}

// neighUpdateHhs puts a new address into the cached link header.
func (n *Net) neighUpdateHhs(neigh *Neighbour) {
	kernel.Fentry1(&n.Kernel, neigh) // neigh_update_hhs net/core/neighbour.c:1182

	if ops := neigh.Dev.HeaderOps; ops != nil && ops.CacheUpdate != nil && neigh.Hh.Len != 0 {
		ops.CacheUpdate(&neigh.Hh, neigh.Dev, &neigh.Ha) // :1192
	}
}

// NeighUpdate tells what is known of a neighbour: its address, if lladdr is
// not nil, and its state (neigh_update).
func (n *Net) NeighUpdate(neigh *Neighbour, lladdr *wire.MAC, state uint8, flags uint32) int {
	kernel.Fentry3(&n.Kernel, neigh, state, flags) // neigh_update net/core/neighbour.c:1402

	return n.neighUpdate__(neigh, lladdr, state, flags) // :1402
}

func (n *Net) neighUpdate__(neigh *Neighbour, lladdr *wire.MAC, state uint8, flags uint32) int {
	kernel.Fentry3(&n.Kernel, neigh, state, flags) // __neigh_update net/core/neighbour.c:1223

	old := neigh.NudState
	if flags&NeighUpdateFAdmin == 0 && old&(NudNoarp|NudPermanent) != 0 || neigh.Dead {
		return -EPERM
	}
	learnt := neigh.updateExtLearned(flags)
	if state&NudValid == 0 {
		n.neighDelTimer(neigh) // :1247
		if old&NudConnected != 0 {
			neighSuspect(neigh)
		}
		neigh.NudState = state
		if old&(NudIncomplete|NudProbe) != 0 && state&NudFailed != 0 {
			n.neighInvalidate(neigh) // :1255
		}
	} else {
		ha, changed, err := n.neighBelieve(neigh, lladdr, &state, flags)
		if err < 0 {
			return err
		}
		if state != old {
			n.neighDelTimer(neigh) // :1321
			n.neighSetState(neigh, state)
		}
		if changed {
			neigh.Ha = ha
			n.neighUpdateHhs(neigh) // :1337
			if state&NudConnected == 0 {
				neigh.Confirmed = n.Jiffies() - uint64(neigh.Tbl.Parms.BaseReachableTime)<<1
			}
		}
	}
	if state != old && state&NudValid != 0 {
		if state&NudConnected != 0 {
			neighConnect(neigh)
		} else {
			neighSuspect(neigh)
		}
	}
	if state != old && state&NudValid != 0 && old&NudValid == 0 {
		for neigh.NudState&NudValid != 0 {
			skb := neigh.ArpQueue.Dequeue()
			if skb == nil {
				break
			}
			neigh.Output(neigh, skb) // :1375
		}
		n.SkbQueuePurge__(&neigh.ArpQueue) // :1382
		neigh.ArpQueueLenBytes = 0
	}
	if (state^old)&NudPermanent != 0 || learnt {
		n.neighUpdateGcList(neigh) // :1391
	}
	return 0
}

// neighBelieve is the part of __neigh_update that decides what to believe of a
// message that an address is valid: which address it is then, whether that is new,
// and which state the neighbour gets. EINVAL if no address is known.
func (n *Net) neighBelieve(neigh *Neighbour, lladdr *wire.MAC, state *uint8, flags uint32) (ha wire.MAC, changed bool, err int) {
	old := neigh.NudState
	ha = neigh.Ha
	if neigh.Dev.AddrLen != 0 {
		if lladdr != nil {
			ha = *lladdr
		} else if old&NudValid == 0 {
			return ha, false, -EINVAL
		}
	}
	changed = ha != neigh.Ha || old&NudValid == 0 && neigh.Dev.AddrLen != 0 && lladdr != nil
	if *state&NudConnected != 0 {
		neigh.Confirmed = n.Jiffies()
	}
	if old&NudValid != 0 {
		if changed && flags&NeighUpdateFOverride == 0 {
			ha, changed = neigh.Ha, false
			if flags&NeighUpdateFWeakOverride == 0 || old&NudConnected == 0 {
				*state = old // it is not believed
			} else {
				*state = NudStale
			}
		} else if !changed && *state == NudStale && flags&NeighUpdateFAdmin == 0 {
			*state = old
		}
	}
	if *state != old || changed {
		neigh.Updated = n.Jiffies()
	}
	return ha, changed, 0
}

// updateExtLearned notes that the user has an entry from elsewhere, or has it no
// more; true if that is new (neigh_update_ext_learned).
func (neigh *Neighbour) updateExtLearned(flags uint32) bool {
	if flags&NeighUpdateFAdmin == 0 {
		return false
	}
	was := neigh.Flags
	neigh.Flags &^= NtfExtLearned
	if flags&NeighUpdateFExtLearned != 0 {
		neigh.Flags |= NtfExtLearned
	}
	return was != neigh.Flags
}

// neighSetState is the part of __neigh_update that changes the state and its
// timer.
func (n *Net) neighSetState(neigh *Neighbour, state uint8) {
	if state&NudProbe != 0 {
		neigh.Probes = 0
	}
	if state&NudInTimer != 0 {
		when := n.Jiffies()
		if state&NudReachable != 0 {
			n.neighRedraw(neigh.Tbl)
			when += uint64(neigh.Tbl.Parms.ReachableTime)
		}
		n.neighAddTimer(neigh, when)
	}
	neigh.NudState = state
}

// NeighEventNs notes that a neighbour was heard of, and makes it if it is new
// (neigh_event_ns). The caller gets a reference.
func (n *Net) NeighEventNs(tbl *NeighTable, lladdr *wire.MAC, saddr wire.Addr, dev *NetDevice) *Neighbour {
	kernel.Fentry3(&n.Kernel, tbl, saddr, dev) // neigh_event_ns net/core/neighbour.c:1427

	neigh := n.NeighLookup__(tbl, saddr, dev, lladdr != nil || dev.AddrLen == 0) // :1427
	if neigh != nil {
		n.NeighUpdate(neigh, lladdr, NudStale, NeighUpdateFOverride) // :1430
	}
	return neigh
}

// NeighLookup__ finds a neighbour, and makes it if creat is set
// (__neigh_lookup).
func (n *Net) NeighLookup__(tbl *NeighTable, pkey wire.Addr, dev *NetDevice, creat bool) *Neighbour {
	kernel.Fentry4(&n.Kernel, tbl, pkey, dev, creat) // __neigh_lookup include/net/neighbour.h:514

	neigh := n.NeighLookup(tbl, pkey, dev) // :514
	if neigh == nil && creat {
		neigh, _ = n.neighCreate___(tbl, pkey, dev, false, true) // :519
	}
	return neigh
}

// NeighLookupErrno__ finds a neighbour or makes it; a negative errno if its kind
// does not let it be or the table is full (__neigh_lookup_errno).
func (n *Net) NeighLookupErrno__(tbl *NeighTable, pkey wire.Addr, dev *NetDevice) (*Neighbour, int) {
	kernel.Fentry3(&n.Kernel, tbl, pkey, dev) // __neigh_lookup_errno include/net/neighbour.h:527

	if neigh := n.NeighLookup(tbl, pkey, dev); neigh != nil { // :527
		return neigh, 0
	}
	return n.neighCreate___(tbl, pkey, dev, false, true) // :532
}
