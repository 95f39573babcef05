// Queues of packets (include/linux/skbuff.h).

package core

import "menuos/stack/internal/kernel"

// Len is the number of packets queued (skb_queue_len).
func (q *SkBuffHead) Len() int { return q.Qlen }

// Empty reports whether nothing is queued (skb_queue_empty).
func (q *SkBuffHead) Empty() bool { return q.First == nil }

// Peek is the first packet, nil if there is none (skb_peek).
func (q *SkBuffHead) Peek() *SkBuff { return q.First }

// PeekTail is the last packet, nil if there is none (skb_peek_tail).
func (q *SkBuffHead) PeekTail() *SkBuff { return q.Last }

// QueueTail appends skb (__skb_queue_tail).
func (q *SkBuffHead) QueueTail(skb *SkBuff) { q.InsertAfter(q.Last, skb) }

// QueueHead puts skb in front (__skb_queue_head).
func (q *SkBuffHead) QueueHead(skb *SkBuff) { q.InsertAfter(nil, skb) }

// InsertAfter puts skb behind prev, or in front if prev is nil
// (__skb_queue_after).
func (q *SkBuffHead) InsertAfter(prev, skb *SkBuff) {
	if skb.List != nil {
		panic("core: packet is on a queue already")
	}
	next := q.First
	if prev != nil {
		next = prev.Next
	}
	skb.Prev, skb.Next, skb.List = prev, next, q
	if prev != nil {
		prev.Next = skb
	} else {
		q.First = skb
	}
	if next != nil {
		next.Prev = skb
	} else {
		q.Last = skb
	}
	q.Qlen++
}

// InsertBefore puts skb in front of next, or at the end if next is nil
// (__skb_queue_before).
func (q *SkBuffHead) InsertBefore(next, skb *SkBuff) {
	if next == nil {
		q.InsertAfter(q.Last, skb)
		return
	}
	q.InsertAfter(next.Prev, skb)
}

// Unlink takes skb off the queue (__skb_unlink).
func (q *SkBuffHead) Unlink(skb *SkBuff) {
	if skb.List != q {
		panic("core: packet is not on this queue")
	}
	if skb.Prev != nil {
		skb.Prev.Next = skb.Next
	} else {
		q.First = skb.Next
	}
	if skb.Next != nil {
		skb.Next.Prev = skb.Prev
	} else {
		q.Last = skb.Prev
	}
	skb.Next, skb.Prev, skb.List = nil, nil, nil
	q.Qlen--
}

// Dequeue takes the first packet off, nil if there is none (__skb_dequeue).
func (q *SkBuffHead) Dequeue() *SkBuff {
	skb := q.First
	if skb != nil {
		q.Unlink(skb)
	}
	return skb
}

// DequeueTail takes the last packet off, nil if there is none
// (__skb_dequeue_tail).
func (q *SkBuffHead) DequeueTail() *SkBuff {
	skb := q.Last
	if skb != nil {
		q.Unlink(skb)
	}
	return skb
}

// Replace puts skb into the place of old.
func (q *SkBuffHead) Replace(old, skb *SkBuff) {
	prev := old.Prev
	q.Unlink(old)
	q.InsertAfter(prev, skb)
}

// SpliceTailInit moves all of list to the end of q (skb_queue_splice_tail_init).
func (q *SkBuffHead) SpliceTailInit(list *SkBuffHead) {
	if list.First == nil {
		return
	}
	for skb := list.First; skb != nil; skb = skb.Next {
		skb.List = q
	}
	list.First.Prev = q.Last
	if q.Last != nil {
		q.Last.Next = list.First
	} else {
		q.First = list.First
	}
	q.Last = list.Last
	q.Qlen += list.Qlen
	*list = SkBuffHead{}
}

// SkbQueuePurge__ frees all of a queue (__skb_queue_purge).
func (n *Net) SkbQueuePurge__(list *SkBuffHead) {
	kernel.Fentry1(&n.Kernel, list) // __skb_queue_purge include/linux/skbuff.h:2655

	for skb := list.Dequeue(); skb != nil; skb = list.Dequeue() {
		n.KfreeSkb(skb) // :2656
	}
}
