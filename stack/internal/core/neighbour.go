// Neighbours: next hops on a link, and how their link addresses are found and
// kept fresh (net/core/neighbour.c). neighbour_gc.go keeps their number down,
// neighbour_admin.go has what ip neigh asks for. Left out: proxies, the user's own
// resolver, and messages about changes.

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// States of a neighbour and sets of them (include/uapi/linux/neighbour.h).
const (
	NudNone       = 0x00
	NudIncomplete = 0x01
	NudReachable  = 0x02
	NudStale      = 0x04
	NudDelay      = 0x08
	NudProbe      = 0x10
	NudFailed     = 0x20
	NudNoarp      = 0x40
	NudPermanent  = 0x80

	NudInTimer   = NudIncomplete | NudReachable | NudDelay | NudProbe
	NudValid     = NudPermanent | NudNoarp | NudReachable | NudProbe | NudStale | NudDelay
	NudConnected = NudPermanent | NudNoarp | NudReachable
)

// Flags of NeighUpdate (include/net/neighbour.h).
const (
	NeighUpdateFOverride     = 0x00000001
	NeighUpdateFWeakOverride = 0x00000002
	NeighUpdateFExtLearned   = 0x20000000
	NeighUpdateFAdmin        = 0x80000000
)

// Flags of an entry (NTF_* of include/uapi/linux/neighbour.h).
const (
	NtfUse        = 0x01
	NtfExtLearned = 0x10
)

// hhDataMod is what cached link headers are aligned to (HH_DATA_MOD).
const hhDataMod = 16

const neighHashSize = 64

// NeighOps is how a neighbour of a kind is resolved and sent to (struct
// neigh_ops).
type NeighOps struct {
	Solicit         func(neigh *Neighbour, skb *SkBuff)
	ErrorReport     func(neigh *Neighbour, skb *SkBuff)
	Output          func(neigh *Neighbour, skb *SkBuff) int
	ConnectedOutput func(neigh *Neighbour, skb *SkBuff) int
}

// NeighParms are the times and limits of a table, in jiffies, bytes and entries
// (struct neigh_parms, and the gc_ fields of struct neigh_table). menuos has one
// set of them for all devices, so that net.ipv4.neigh has no names but default.
type NeighParms struct {
	ReachableTime     int // drawn from BaseReachableTime
	BaseReachableTime int
	RetransTime       int
	DelayProbeTime    int
	GcStaletime       int
	Locktime          int
	UcastProbes       int
	McastProbes       int
	AppProbes         int
	McastReprobes     int
	QueueLenBytes     int
	GcInterval        int // nothing reads it, as in Linux
	GcThresh1         int // fewer entries are not collected
	GcThresh2         int // more are collected at once, but for those of the last five seconds
	GcThresh3         int // more there are not
}

// defaults are ARP's (arp_tbl).
func (p *NeighParms) defaults() {
	const hz = kernel.HZ
	*p = NeighParms{
		BaseReachableTime: 30 * hz, RetransTime: hz, DelayProbeTime: 5 * hz,
		GcStaletime: 60 * hz, Locktime: hz, UcastProbes: 3, McastProbes: 3,
		QueueLenBytes: SkbTruesize(256) * 256,
		GcInterval:    30 * hz, GcThresh1: 128, GcThresh2: 512, GcThresh3: 1024,
	}
}

// NeighStats counts what happens to the neighbours of a table (struct
// neigh_statistics).
type NeighStats struct {
	Allocs, Destroys             uint64
	Lookups, Hits                uint64
	ResFailed                    uint64 // resolutions that nobody answered
	PeriodicGcRuns, ForcedGcRuns uint64
	UnresDiscards                uint64 // packets that a full queue dropped
	TableFulls                   uint64 // entries that there was no room for

	Conflicts uint64 // ARP messages of others that claim an address of ours; Linux does not count them
}

// NeighTable holds the neighbours of a family (struct neigh_table).
type NeighTable struct {
	Id          string
	Protocol    uint16
	Constructor func(neigh *Neighbour) int
	Parms       *NeighParms
	Stats       NeighStats
	Entries     int
	GcEntries   int // those that may be collected

	buckets             [neighHashSize]*Neighbour
	gcFirst, gcLast     *Neighbour // those that may be collected, the oldest first
	gcWork              kernel.Timer
	lastFlush, lastRand uint64 // jiffies
}

// NeighTableInit sets a table up (neigh_table_init).
func (n *Net) NeighTableInit(tbl *NeighTable, parms *NeighParms) {
	tbl.Parms = parms
	parms.ReachableTime = int(n.neighRandReachTime(uint32(parms.BaseReachableTime)))
	tbl.gcWork.Setup(&n.neighGc, tbl)
	now := n.Jiffies()
	tbl.lastFlush = now
	tbl.lastRand = now + uint64(parms.ReachableTime)*20
}

// neighRandReachTime draws how long an answer is believed: half to one and a half
// times as long as is set, so that a station does not ask when all others do
// (neigh_rand_reach_time).
func (n *Net) neighRandReachTime(base uint32) uint32 {
	if base == 0 {
		return 0
	}
	return n.PrandomU32()%base + base>>1
}

func neighHash(key wire.Addr, dev *NetDevice) uint32 {
	return (uint32(key) ^ uint32(dev.Ifindex)) * 0x9e3779b1 >> 26
}

// NeighLookupNoref___ finds a neighbour without taking a reference
// (___neigh_lookup_noref).
func NeighLookupNoref___(tbl *NeighTable, pkey wire.Addr, dev *NetDevice) *Neighbour {
	for neigh := tbl.buckets[neighHash(pkey, dev)]; neigh != nil; neigh = neigh.next {
		if neigh.Dev == dev && neigh.Key == pkey {
			return neigh
		}
	}
	return nil
}

// NeighLookup finds a neighbour and takes a reference (neigh_lookup).
func (n *Net) NeighLookup(tbl *NeighTable, pkey wire.Addr, dev *NetDevice) *Neighbour {
	kernel.Fentry2(&n.Kernel, pkey, dev) // neigh_lookup net/core/neighbour.c:529

	tbl.Stats.Lookups++
	neigh := NeighLookupNoref___(tbl, pkey, dev)
	if neigh != nil {
		neigh.Refs++
		tbl.Stats.Hits++
	}
	return neigh
}

// neighAlloc makes a neighbour, unless the table is full.
func (n *Net) neighAlloc(tbl *NeighTable, dev *NetDevice, exemptFromGc bool) *Neighbour {
	kernel.Fentry3(&n.Kernel, tbl, dev, exemptFromGc) // neigh_alloc net/core/neighbour.c:382

	now := n.Jiffies()
	p := tbl.Parms
	if entries := tbl.GcEntries; !exemptFromGc && (entries >= p.GcThresh3 ||
		entries >= p.GcThresh2 && timeAfter(now, tbl.lastFlush+5*kernel.HZ)) {
		if n.neighForcedGc(tbl) == 0 && entries >= p.GcThresh3 { // :392
			tbl.Stats.TableFulls++
			return nil
		}
	}
	neigh := &Neighbour{Dev: dev, Tbl: tbl, Updated: now, Used: now, NudState: NudNone, Refs: 1, Dead: true}
	neigh.addr = n.NewAddr(384)
	neigh.Output = n.neighBlackholeFn
	neigh.Timer.Setup(&n.neighTimer, neigh)
	tbl.Stats.Allocs++
	tbl.Entries++
	return neigh
}

func (n *Net) neighBlackhole(neigh *Neighbour, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, neigh, skb) // neigh_blackhole net/core/neighbour.c:96

	n.drop("neighbour dead")
	n.KfreeSkb(skb) // :96
	return -ENETDOWN
}

func (n *Net) neighCreate___(tbl *NeighTable, pkey wire.Addr, dev *NetDevice, exemptFromGc, wantRef bool) (*Neighbour, int) {
	kernel.Fentry5(&n.Kernel, tbl, pkey, dev, exemptFromGc, wantRef) // ___neigh_create net/core/neighbour.c:580

	neigh := n.neighAlloc(tbl, dev, exemptFromGc) // :580
	if neigh == nil {
		return nil, -ENOBUFS
	}
	neigh.Key = pkey
	if tbl.Constructor == nil {
		n.neighNoarp(neigh)
	} else if err := tbl.Constructor(neigh); err < 0 { // :596
		n.NeighRelease(neigh) // :663
		return nil, err
	}
	neigh.Confirmed = n.Jiffies() - uint64(tbl.Parms.BaseReachableTime)<<1
	if n1 := NeighLookupNoref___(tbl, neigh.Key, dev); n1 != nil {
		if wantRef {
			n1.Refs++
		}
		n.NeighRelease(neigh) // :663
		return n1, 0
	}
	neigh.Dead = false
	if !exemptFromGc {
		tbl.gcAdd(neigh)
	}
	if wantRef {
		neigh.Refs++
	}
	h := neighHash(neigh.Key, dev)
	neigh.next = tbl.buckets[h]
	tbl.buckets[h] = neigh
	n.neighGcSchedule(tbl)
	return neigh, 0
}

// NeighCreate__ makes a neighbour of IPv4, or finds the one that is there; nil
// if its kind does not let it be (__neigh_create of arp_tbl).
func (n *Net) NeighCreate__(pkey wire.Addr, dev *NetDevice, wantRef bool) *Neighbour {
	kernel.Fentry3(&n.Kernel, pkey, dev, wantRef) // __neigh_create net/core/neighbour.c:670

	neigh, _ := n.neighCreate___(&n.ArpTbl, pkey, dev, false, wantRef) // :670
	return neigh
}

// Ipv4NeighLookupNoref__ finds a neighbour of IPv4 without a reference; on
// links where there is only one to send to, all addresses are one
// (__ipv4_neigh_lookup_noref of include/net/arp.h).
func (n *Net) Ipv4NeighLookupNoref__(dev *NetDevice, key wire.Addr) *Neighbour {
	if dev.Flags&(IffLoopback|IffPointopoint) != 0 {
		key = InaddrAny
	}
	return NeighLookupNoref___(&n.ArpTbl, key, dev)
}

// neighNoarp makes a neighbour that needs no resolving, for a table without a
// constructor.
func (n *Net) neighNoarp(neigh *Neighbour) {
	if neigh.Dev.Flags&(IffLoopback|IffPointopoint) != 0 {
		neigh.Key = InaddrAny
	}
	neigh.NudState = NudNoarp
	neigh.Ha = neigh.Dev.DevAddr
	neigh.Ops = n.NeighHhOps
	neigh.Output = neigh.Ops.ConnectedOutput
}

// NeighRelease drops a reference on a neighbour (neigh_release).
func (n *Net) NeighRelease(neigh *Neighbour) {
	kernel.Fentry1(&n.Kernel, neigh) // neigh_release include/net/neighbour.h:423

	if neigh.Refs--; neigh.Refs == 0 {
		n.neighDestroy(neigh) // :424
	}
}

func (n *Net) neighDestroy(neigh *Neighbour) {
	kernel.Fentry1(&n.Kernel, neigh) // neigh_destroy net/core/neighbour.c:829

	neigh.Tbl.Stats.Destroys++
	n.neighDelTimer(neigh)             // :839
	n.SkbQueuePurge__(&neigh.ArpQueue) // :843
	neigh.ArpQueueLenBytes = 0
	neigh.Tbl.Entries--
}

// NeighChangeaddr forgets the neighbours on a device that changes its own
// address (neigh_changeaddr).
func (n *Net) NeighChangeaddr(tbl *NeighTable, dev *NetDevice) {
	kernel.Fentry2(&n.Kernel, tbl, dev) // neigh_changeaddr net/core/neighbour.c:345

	n.neighFlushDev(tbl, dev, false) // :346
}

// NeighIfdown forgets the neighbours on a device (neigh_ifdown).
func (n *Net) NeighIfdown(tbl *NeighTable, dev *NetDevice) {
	kernel.Fentry2(&n.Kernel, tbl, dev) // neigh_ifdown net/core/neighbour.c:372

	n.neighIfdown__(tbl, dev, false) // :372
}

// NeighCarrierDown forgets the neighbours on a link that is gone, but for those
// that are permanent (neigh_carrier_down).
func (n *Net) NeighCarrierDown(tbl *NeighTable, dev *NetDevice) {
	kernel.Fentry2(&n.Kernel, tbl, dev) // neigh_carrier_down net/core/neighbour.c:365

	n.neighIfdown__(tbl, dev, true) // :365
}

func (n *Net) neighIfdown__(tbl *NeighTable, dev *NetDevice, skipPerm bool) {
	kernel.Fentry3(&n.Kernel, tbl, dev, skipPerm) // __neigh_ifdown net/core/neighbour.c:354

	n.neighFlushDev(tbl, dev, skipPerm) // :355
}

func (n *Net) neighFlushDev(tbl *NeighTable, dev *NetDevice, skipPerm bool) {
	kernel.Fentry3(&n.Kernel, tbl, dev, skipPerm) // neigh_flush_dev net/core/neighbour.c:295

	for i := range tbl.buckets {
		for p := &tbl.buckets[i]; *p != nil; {
			neigh := *p
			if neigh.Dev != dev || skipPerm && neigh.NudState&NudPermanent != 0 {
				p = &neigh.next
				continue
			}
			*p = neigh.next
			n.neighDelTimer(neigh) // :316
			neigh.markDead()
			if neigh.Refs != 1 { // somebody still sends to it
				n.SkbQueuePurge__(&neigh.ArpQueue) // :328
				neigh.ArpQueueLenBytes = 0
				neigh.Output = n.neighBlackholeFn
				if neigh.NudState&NudValid != 0 {
					neigh.NudState = NudNoarp
				} else {
					neigh.NudState = NudNone
				}
			}
			n.neighCleanupAndRelease(neigh) // :338
		}
	}
}

func (n *Net) neighCleanupAndRelease(neigh *Neighbour) {
	kernel.Fentry1(&n.Kernel, neigh) // neigh_cleanup_and_release net/core/neighbour.c:102

	n.NeighRelease(neigh) // :107
}

func (n *Net) neighAddTimer(neigh *Neighbour, when uint64) {
	neigh.Refs++
	n.ModTimer(&neigh.Timer, when)
}

func (n *Net) neighDelTimer(neigh *Neighbour) {
	kernel.Fentry1(&n.Kernel, neigh) // neigh_del_timer net/core/neighbour.c:271

	if neigh.NudState&NudInTimer != 0 && n.DelTimer(&neigh.Timer) {
		n.NeighRelease(neigh) // :273
	}
}

func neighSuspect(neigh *Neighbour) { neigh.Output = neigh.Ops.Output }
func neighConnect(neigh *Neighbour) { neigh.Output = neigh.Ops.ConnectedOutput }

func neighMaxProbes(neigh *Neighbour) int {
	p := neigh.Tbl.Parms
	if neigh.NudState&NudProbe != 0 {
		return p.UcastProbes + p.AppProbes + p.McastReprobes
	}
	return p.UcastProbes + p.AppProbes + p.McastProbes
}

// neighInvalidate tells the senders of queued packets that nobody answers.
func (n *Net) neighInvalidate(neigh *Neighbour) {
	kernel.Fentry1(&n.Kernel, neigh) // neigh_invalidate net/core/neighbour.c:980

	neigh.Tbl.Stats.ResFailed++
	neigh.Updated = n.Jiffies()
	for neigh.NudState == NudFailed {
		skb := neigh.ArpQueue.Dequeue()
		if skb == nil {
			break
		}
		neigh.Ops.ErrorReport(neigh, skb) // :992
	}
	n.SkbQueuePurge__(&neigh.ArpQueue) // :995
	neigh.ArpQueueLenBytes = 0
}

// neighProbe asks for the neighbour's address.
func (n *Net) neighProbe(neigh *Neighbour) {
	kernel.Fentry1(&n.Kernel, neigh) // neigh_probe net/core/neighbour.c:1002

	skb := neigh.ArpQueue.PeekTail()
	if skb != nil {
		skb = n.SkbClone(skb) // :1005
	}
	if neigh.Ops.Solicit != nil {
		neigh.Ops.Solicit(neigh, skb) // :1008
	}
	neigh.Probes++
	n.ConsumeSkb(skb) // :1010
}

// neighTimerHandler lets a neighbour age, or asks for it again.
func (n *Net) neighTimerHandler(t *kernel.Timer) {
	kernel.Fentry1(&n.Kernel, t) // neigh_timer_handler net/core/neighbour.c:1018

	neigh := t.Owner.(*Neighbour)
	if neigh.NudState&NudInTimer != 0 {
		next := n.neighAge(neigh)
		if neigh.NudState&(NudIncomplete|NudProbe) != 0 && neigh.Probes >= neighMaxProbes(neigh) {
			neigh.NudState = NudFailed
			n.neighInvalidate(neigh) // :1078
		} else {
			if neigh.NudState&NudInTimer != 0 && !n.ModTimer(&neigh.Timer, max(next, n.Jiffies()+kernel.HZ/2)) {
				neigh.Refs++
			}
			if neigh.NudState&(NudIncomplete|NudProbe) != 0 {
				n.neighProbe(neigh) // :1089
			}
		}
	}
	n.NeighRelease(neigh) // :1098
}

// neighAge is the part of neigh_timer_handler that moves a neighbour to its
// next state; it returns when to look again.
func (n *Net) neighAge(neigh *Neighbour) (next uint64) {
	p := neigh.Tbl.Parms
	now := n.Jiffies()
	next = now + kernel.HZ
	switch {
	case neigh.NudState&NudReachable != 0:
		switch {
		case now <= neigh.Confirmed+uint64(p.ReachableTime):
			next = neigh.Confirmed + uint64(p.ReachableTime)
		case now <= neigh.Used+uint64(p.DelayProbeTime):
			neigh.NudState = NudDelay
			neigh.Updated = now
			neighSuspect(neigh)
			next = now + uint64(p.DelayProbeTime)
		default:
			neigh.NudState = NudStale
			neigh.Updated = now
			neighSuspect(neigh)
		}
	case neigh.NudState&NudDelay != 0:
		if now <= neigh.Confirmed+uint64(p.DelayProbeTime) {
			neigh.NudState = NudReachable
			neigh.Updated = now
			neighConnect(neigh)
			next = neigh.Confirmed + uint64(p.ReachableTime)
		} else {
			neigh.NudState = NudProbe
			neigh.Updated = now
			neigh.Probes = 0
			next = now + uint64(p.RetransTime)
		}
	default:
		next = now + uint64(p.RetransTime)
	}
	return next
}
