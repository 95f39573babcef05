// The timer wheel (kernel/time/timer.c): nine levels of 64 buckets, each level
// eight times as coarse as the one below. A timer is never early and up to an
// eighth late, which is why a lost SYN is sent again after 1.046 s and not 1 s.

package kernel

import (
	"math/bits"
	"time"
)

const (
	lvlClkShift        = 3
	lvlBits            = 6
	lvlSize            = 1 << lvlBits
	lvlMask            = lvlSize - 1
	lvlDepth           = 9
	wheelTimeoutCutoff = (lvlSize - 1) << ((lvlDepth - 1) * lvlClkShift)
	wheelTimeoutMax    = wheelTimeoutCutoff - 1<<((lvlDepth-1)*lvlClkShift)

	bucketExpiring = -1 // Timer.idx of a timer on timerBase.expiring
)

// lvlStart is the first distance, in jiffies, that level n takes.
func lvlStart(n int) uint64 { return (lvlSize - 1) << ((n - 1) * lvlClkShift) }

// TimerKind is what the timers of one purpose share. A layer makes its kinds
// once for a machine, so that a timer stays small.
type TimerKind struct {
	Name string       // what a person calls it: "retransmit", "delack", …
	Runs string       // the Linux function that it calls
	Func func(*Timer) // runs in the timer softirq
}

// Timer is one timer of the wheel (struct timer_list). Its owner embeds it.
type Timer struct {
	Kind    *TimerKind
	Owner   any    // the object it belongs to
	Expires uint64 // in jiffies, as asked for
	ArmedAt time.Duration

	idx     int32 // bucket, while pending
	pending bool
	prev    *Timer
	next    *Timer
}

// Setup readies t; its kind's Func runs in softirq context when it expires
// (timer_setup).
func (t *Timer) Setup(kind *TimerKind, owner any) { t.Kind, t.Owner = kind, owner }

// Pending reports whether t is armed (timer_pending).
func (t *Timer) Pending() bool { return t.pending }

type timerBase struct {
	clk     uint64 // the jiffy that the wheel has reached
	buckets [lvlDepth * lvlSize]*Timer
	bitmap  [lvlDepth]uint64
	count   int
	running bool // __run_timers is at work: clk must not be forwarded

	expiring *Timer // the bucket that expire_timers works on
}

// calcWheelIndex is the bucket for a timer that expires at expires.
func calcWheelIndex(expires, clk uint64) int32 {
	if int64(expires-clk) < 0 {
		return int32(clk & lvlMask)
	}
	delta := expires - clk
	if delta >= wheelTimeoutCutoff {
		expires = clk + wheelTimeoutMax
		return calcIndex(expires, lvlDepth-1)
	}
	lvl := 0
	for lvl < lvlDepth-1 && delta >= lvlStart(lvl+1) {
		lvl++
	}
	return calcIndex(expires, lvl)
}

func calcIndex(expires uint64, lvl int) int32 {
	expires = (expires + 1<<(lvl*lvlClkShift)) >> (lvl * lvlClkShift)
	return int32(lvl*lvlSize + int(expires&lvlMask))
}

// ModTimer arms t, or moves it if it is armed, to expire at the given jiffy;
// it reports whether t was armed (mod_timer).
func (k *Kernel) ModTimer(t *Timer, expires uint64) bool {
	b := &k.timers
	was := t.pending
	if was && t.Expires == expires {
		return true
	}
	k.forwardTimerBase()
	idx := calcWheelIndex(expires, b.clk)
	t.Expires = expires
	t.ArmedAt = k.now
	if was {
		if t.idx == idx {
			if k.TimerEvents != nil {
				k.TimerEvents("timer_start", t)
			}
			return true
		}
		b.remove(t)
	}
	b.add(t, idx)
	if k.TimerEvents != nil {
		k.TimerEvents("timer_start", t)
	}
	return was
}

// DelTimer disarms t; it reports whether t was armed (del_timer).
func (k *Kernel) DelTimer(t *Timer) bool {
	if !t.pending {
		return false
	}
	k.timers.remove(t)
	if k.TimerEvents != nil {
		k.TimerEvents("timer_cancel", t)
	}
	return true
}

// forwardTimerBase lets an idle wheel catch up, so that a timer's distance is
// measured from now (forward_timer_base).
func (k *Kernel) forwardTimerBase() {
	b := &k.timers
	jnow := k.Jiffies()
	if b.running || int64(jnow-b.clk) < 2 {
		return
	}
	next, ok := b.nextExpiry()
	if !ok || next > jnow {
		b.clk = jnow
	} else if next > b.clk {
		b.clk = next
	}
}

func (b *timerBase) add(t *Timer, idx int32) {
	t.idx, t.pending = idx, true
	t.prev, t.next = nil, b.buckets[idx]
	if t.next != nil {
		t.next.prev = t
	}
	b.buckets[idx] = t
	b.bitmap[idx>>lvlBits] |= 1 << (idx & lvlMask)
	b.count++
}

func (b *timerBase) remove(t *Timer) {
	switch {
	case t.prev != nil:
		t.prev.next = t.next
	case t.idx == bucketExpiring:
		b.expiring = t.next
	default:
		b.buckets[t.idx] = t.next
		if t.next == nil {
			b.bitmap[t.idx>>lvlBits] &^= 1 << (t.idx & lvlMask)
		}
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.prev, t.next, t.pending = nil, nil, false
	b.count--
}

// nextExpiry is the first jiffy at which a bucket falls due
// (__next_timer_interrupt).
func (b *timerBase) nextExpiry() (uint64, bool) {
	if b.count == 0 {
		return 0, false
	}
	var next uint64
	found := false
	clk := b.clk
	for lvl := range lvlDepth {
		if m := b.bitmap[lvl]; m != 0 {
			// The distance, in this level's clock, to the next bucket in use.
			d := bits.TrailingZeros64(bits.RotateLeft64(m, -int(clk&lvlMask)))
			at := (clk + uint64(d)) << (lvl * lvlClkShift)
			if !found || at < next {
				next, found = at, true
			}
		}
		adj := uint64(0)
		if clk&(1<<lvlClkShift-1) != 0 {
			adj = 1
		}
		clk = clk>>lvlClkShift + adj
	}
	return next, found
}

func (k *Kernel) nextTimerEvent() time.Duration {
	at := Forever
	if j, ok := k.timers.nextExpiry(); ok {
		at = time.Duration(j-initialJiffies) * (time.Second / HZ)
		at = max(at, k.now)
	}
	if h := k.hrtimers.first(); h != nil {
		at = min(at, max(h.Expires, k.now))
	}
	return min(at, max(k.nextRcuTick(), k.now))
}

// timersDue reports whether a bucket of the wheel has fallen due.
func (k *Kernel) timersDue() bool {
	j, ok := k.timers.nextExpiry()
	return ok && j <= k.Jiffies()
}

func (k *Kernel) runTimerSoftirq() {
	Fentry0(k) // run_timer_softirq kernel/time/timer.c:1692

	k.runTimers__() // :1694
}

func (k *Kernel) runTimers__() {
	Fentry0(k) // __run_timers kernel/time/timer.c:1649

	b := &k.timers
	b.running = true
	for b.clk <= k.Jiffies() {
		if next, ok := b.nextExpiry(); !ok || next > b.clk {
			// Nothing falls due until then: the wheel may turn there at once.
			stop := k.Jiffies() + 1
			if ok && next < stop {
				stop = next
			}
			b.clk = stop
			continue
		}
		var heads [lvlDepth]int32
		levels := 0
		clk := b.clk
		for lvl := range lvlDepth {
			idx := int32(lvl*lvlSize) + int32(clk&lvlMask)
			if b.bitmap[lvl]&(1<<(clk&lvlMask)) != 0 {
				heads[levels] = idx
				levels++
			}
			if clk&(1<<lvlClkShift-1) != 0 {
				break
			}
			clk >>= lvlClkShift
		}
		b.clk++
		for levels--; levels >= 0; levels-- {
			k.expireTimers(heads[levels]) // :1681
		}
	}
	b.running = false
}

// expireTimers runs the timers of a bucket that has fallen due, those armed
// meanwhile excepted.
func (k *Kernel) expireTimers(bucket int32) {
	Fentry0(k) // expire_timers kernel/time/timer.c:1343

	b := &k.timers
	head := b.buckets[bucket]
	b.buckets[bucket] = nil
	b.bitmap[bucket>>lvlBits] &^= 1 << (bucket & lvlMask)
	// The detached list hangs on a bucket of its own kind, so that a timer
	// function may still delete a timer that waits in it.
	b.expiring = head
	for t := head; t != nil; t = t.next {
		t.idx = bucketExpiring
	}
	for b.expiring != nil {
		t := b.expiring
		b.remove(t)
		k.callTimerFn(t) // :1362
	}
}

func (k *Kernel) callTimerFn(timer *Timer) {
	Fentry1(k, timer) // call_timer_fn kernel/time/timer.c:1301

	if k.TimerEvents != nil {
		k.TimerEvents("timer_expire_entry", timer)
	}
	timer.Kind.Func(timer) // :1325
}

// ForEachTimer calls fn for every armed timer of the wheel, in no order that
// means anything but the same in equal runs.
func (k *Kernel) ForEachTimer(fn func(*Timer)) {
	for _, t := range k.timers.buckets {
		for ; t != nil; t = t.next {
			fn(t)
		}
	}
	for t := k.timers.expiring; t != nil; t = t.next {
		fn(t)
	}
}
