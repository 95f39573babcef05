// High-resolution timers (kernel/time/hrtimer.c), which TCP uses for pacing
// and for compressed ACKs. They run in softirq-like context on the way out of
// the timer interrupt.

package kernel

import (
	"container/heap"
	"time"
)

// HrtimerKind is what the hrtimers of one purpose share.
type HrtimerKind struct {
	Name string
	Runs string // the Linux function that it calls
	Func func(*Hrtimer)
}

// Hrtimer is one high-resolution timer (struct hrtimer).
type Hrtimer struct {
	Kind    *HrtimerKind
	Owner   any
	Expires time.Duration // since boot
	ArmedAt time.Duration

	pos int // index in the heap plus one; 0 when not armed
	seq uint64
}

// Setup readies h (hrtimer_init).
func (h *Hrtimer) Setup(kind *HrtimerKind, owner any) { h.Kind, h.Owner = kind, owner }

// Pending reports whether h is armed (hrtimer_is_queued).
func (h *Hrtimer) Pending() bool { return h != nil && h.pos != 0 }

type hrtimerBase struct {
	heap hrtimerHeap
	seq  uint64
}

func (b *hrtimerBase) first() *Hrtimer {
	if len(b.heap) == 0 {
		return nil
	}
	return b.heap[0]
}

// HrtimerStart arms or moves h to expire at the given time since boot
// (hrtimer_start, HRTIMER_MODE_ABS).
func (k *Kernel) HrtimerStart(h *Hrtimer, expires time.Duration) {
	k.HrtimerCancel(h)
	h.Expires, h.ArmedAt = expires, k.now
	k.hrtimers.seq++
	h.seq = k.hrtimers.seq
	heap.Push(&k.hrtimers.heap, h)
}

// HrtimerCancel disarms h; it reports whether h was armed (hrtimer_try_to_cancel). A
// nil h is one that was never readied.
func (k *Kernel) HrtimerCancel(h *Hrtimer) bool {
	if h == nil || h.pos == 0 {
		return false
	}
	heap.Remove(&k.hrtimers.heap, h.pos-1)
	return true
}

type hrtimerHeap []*Hrtimer

func (q hrtimerHeap) Len() int { return len(q) }
func (q hrtimerHeap) Less(i, j int) bool {
	if q[i].Expires != q[j].Expires {
		return q[i].Expires < q[j].Expires
	}
	return q[i].seq < q[j].seq
}
func (q hrtimerHeap) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].pos, q[j].pos = i+1, j+1
}
func (q *hrtimerHeap) Push(x any) {
	h := x.(*Hrtimer)
	*q = append(*q, h)
	h.pos = len(*q)
}
func (q *hrtimerHeap) Pop() any {
	old := *q
	h := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	h.pos = 0
	return h
}

// ForEachHrtimer calls fn for every armed high-resolution timer.
func (k *Kernel) ForEachHrtimer(fn func(*Hrtimer)) {
	for _, h := range k.hrtimers.heap {
		fn(h)
	}
}
