// Neighbours: how their number is kept down (net/core/neighbour.c). A table with
// fewer than gc_thresh1 entries is left alone; above, those that nobody has used
// for gc_stale_time go every base_reachable_time/2; above gc_thresh2 whoever adds
// one clears the table first, and above gc_thresh3 there is no room.

package core

import "menuos/stack/internal/kernel"

// timeAfter reports whether the jiffy a is later than b (time_after).
func timeAfter(a, b uint64) bool { return int64(b-a) < 0 }

// gcAdd puts a neighbour at the end of those that may be collected. menuos counts
// it only then, because Linux 5.0.1 never takes an entry off its count that was
// refused before it was listed, so that its table fills for good.
func (tbl *NeighTable) gcAdd(neigh *Neighbour) {
	neigh.onGcList = true
	neigh.gcPrev, neigh.gcNext = tbl.gcLast, nil
	if tbl.gcLast != nil {
		tbl.gcLast.gcNext = neigh
	} else {
		tbl.gcFirst = neigh
	}
	tbl.gcLast = neigh
	tbl.GcEntries++
}

func (tbl *NeighTable) gcDel(neigh *Neighbour) {
	neigh.onGcList = false
	if neigh.gcPrev != nil {
		neigh.gcPrev.gcNext = neigh.gcNext
	} else {
		tbl.gcFirst = neigh.gcNext
	}
	if neigh.gcNext != nil {
		neigh.gcNext.gcPrev = neigh.gcPrev
	} else {
		tbl.gcLast = neigh.gcPrev
	}
	neigh.gcPrev, neigh.gcNext = nil, nil
	tbl.GcEntries--
}

// markDead notes that a neighbour has left its table (neigh_mark_dead).
func (neigh *Neighbour) markDead() {
	neigh.Dead = true
	if neigh.onGcList {
		neigh.Tbl.gcDel(neigh)
	}
}

// neighUpdateGcList lists a neighbour whose state has changed among those that may
// be collected, or takes it off: permanent ones and the user's own stay.
func (n *Net) neighUpdateGcList(neigh *Neighbour) {
	kernel.Fentry1(&n.Kernel, neigh) // neigh_update_gc_list net/core/neighbour.c:135

	exempt := neigh.NudState&NudPermanent != 0 || neigh.Flags&NtfExtLearned != 0
	switch {
	case neigh.Dead:
	case exempt && neigh.onGcList:
		neigh.Tbl.gcDel(neigh)
	case !exempt && !neigh.onGcList:
		neigh.Tbl.gcAdd(neigh)
	}
}

// neighDel takes the neighbour at *p out of its table, unless it is in use.
func (n *Net) neighDel(neigh *Neighbour, p **Neighbour, tbl *NeighTable) bool {
	kernel.Fentry2(&n.Kernel, neigh, tbl) // neigh_del net/core/neighbour.c:185

	if neigh.Refs != 1 {
		return false
	}
	*p = neigh.next
	neigh.markDead()
	n.neighCleanupAndRelease(neigh) // :197
	return true
}

// NeighRemoveOne takes a neighbour out of its table and reports whether it could:
// one that is in use stays (neigh_remove_one).
func (n *Net) NeighRemoveOne(ndel *Neighbour, tbl *NeighTable) bool {
	kernel.Fentry2(&n.Kernel, ndel, tbl) // neigh_remove_one net/core/neighbour.c:209

	for p := &tbl.buckets[neighHash(ndel.Key, ndel.Dev)]; *p != nil; p = &(*p).next {
		if *p == ndel {
			return n.neighDel(ndel, p, tbl) // :218
		}
	}
	return false
}

// neighForcedGc removes, the oldest first, entries that failed or that have not
// changed for five seconds, until gc_thresh2 are left. It returns how many went.
func (n *Net) neighForcedGc(tbl *NeighTable) int {
	kernel.Fentry1(&n.Kernel, tbl) // neigh_forced_gc net/core/neighbour.c:226

	maxClean := tbl.GcEntries - tbl.Parms.GcThresh2
	tref := n.Jiffies() - 5*kernel.HZ
	shrunk := 0
	tbl.Stats.ForcedGcRuns++
	for neigh := tbl.gcFirst; neigh != nil; {
		next := neigh.gcNext
		if neigh.Refs == 1 {
			remove := neigh.NudState == NudFailed || timeAfter(tref, neigh.Updated)
			if remove && n.NeighRemoveOne(neigh, tbl) { // :245
				shrunk++
			}
			if shrunk >= maxClean {
				break
			}
		}
		neigh = next
	}
	tbl.lastFlush = n.Jiffies()
	return shrunk
}

// neighGcSchedule has the collector run if there is work for it. menuos does not
// wake it while there are fewer than gc_thresh1 entries, because it would find
// nothing to do, nor has it a work queue: it runs in the softirq of its timer.
func (n *Net) neighGcSchedule(tbl *NeighTable) {
	if tbl.GcEntries > 0 && tbl.Entries >= tbl.Parms.GcThresh1 && !tbl.gcWork.Pending() {
		n.ModTimer(&tbl.gcWork, n.Jiffies()+uint64(max(tbl.Parms.BaseReachableTime>>1, 1)))
	}
}

// neighPeriodicWork removes the entries that failed, or that nobody has used for
// gc_stale_time.
func (n *Net) neighPeriodicWork(t *kernel.Timer) {
	kernel.Fentry1(&n.Kernel, t) // neigh_periodic_work net/core/neighbour.c:886

	tbl := t.Owner.(*NeighTable)
	tbl.Stats.PeriodicGcRuns++
	n.neighRedraw(tbl)
	if tbl.Entries >= tbl.Parms.GcThresh1 {
		for i := range tbl.buckets {
			for p := &tbl.buckets[i]; *p != nil; {
				neigh := *p
				if !n.neighStale(neigh) {
					p = &neigh.next
					continue
				}
				*p = neigh.next
				neigh.markDead()
				n.neighCleanupAndRelease(neigh) // :938
			}
		}
	}
	n.neighGcSchedule(tbl)
}

// neighRedraw draws reachable_time again if that was more than five minutes ago.
func (n *Net) neighRedraw(tbl *NeighTable) {
	if timeAfter(n.Jiffies(), tbl.lastRand+300*kernel.HZ) {
		tbl.lastRand = n.Jiffies()
		tbl.Parms.ReachableTime = int(n.neighRandReachTime(uint32(tbl.Parms.BaseReachableTime)))
	}
}

// neighStale is neigh_periodic_work's question whether an entry may go.
func (n *Net) neighStale(neigh *Neighbour) bool {
	if neigh.NudState&(NudPermanent|NudInTimer) != 0 || neigh.Flags&NtfExtLearned != 0 {
		return false
	}
	if timeAfter(neigh.Confirmed, neigh.Used) {
		neigh.Used = neigh.Confirmed
	}
	return neigh.Refs == 1 && (neigh.NudState == NudFailed ||
		timeAfter(n.Jiffies(), neigh.Used+uint64(neigh.Tbl.Parms.GcStaletime)))
}
