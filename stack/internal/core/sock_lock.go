// Sockets: the lock that system calls hold, the backlog of what comes
// meanwhile, and sleeping on a socket (net/core/sock.c, include/net/sock.h).

package core

import "menuos/stack/internal/kernel"

// LockSock makes the socket the current task's own; softirqs queue what comes
// meanwhile on the backlog (lock_sock).
func (n *Net) LockSock(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // lock_sock include/net/sock.h:1506

	n.LockSockNested(sk, 0) // :1506
}

// LockSockNested is LockSock of a second socket (lock_sock_nested).
func (n *Net) LockSockNested(sk *Sock, subclass int) {
	kernel.Fentry2(&n.Kernel, sk, subclass) // lock_sock_nested net/core/sock.c:2782

	n.LocalBhDisable()
	if sk.SkLock.Owned {
		n.lockSock__(sk) // :2785
	}
	sk.SkLock.Owned = true
	sk.SkLock.Owner = n.Current()
	n.LocalBhEnable() // :2792
}

// lockSock__ sleeps until nobody owns the socket.
func (n *Net) lockSock__(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // __lock_sock net/core/sock.c:2254

	// The task may wait on another queue at the same time, so the entry that
	// the task has of its own is not to be used here.
	wait := &kernel.WaitQueueEntry{Task: n.Current(), Func: n.cb.autoremove}
	for {
		n.PrepareToWaitExclusive(&sk.SkLock.Wq, wait, kernel.TaskUninterruptible)
		n.SpinUnlockBh() // :2259
		n.Schedule()     // :2260
		n.LocalBhDisable()
		if !sk.SkLock.Owned {
			break
		}
	}
	n.FinishWait(wait)
}

// LockSockFast locks out softirqs alone if nobody owns the socket; it reports
// whether it had to own it (lock_sock_fast).
func (n *Net) LockSockFast(sk *Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // lock_sock_fast net/core/sock.c:2830

	n.LocalBhDisable()
	if !sk.SkLock.Owned {
		return false
	}
	n.lockSock__(sk) // :2839
	sk.SkLock.Owned = true
	sk.SkLock.Owner = n.Current()
	n.LocalBhEnable() // :2846
	return true
}

// UnlockSockFast ends what LockSockFast began (unlock_sock_fast).
func (n *Net) UnlockSockFast(sk *Sock, slow bool) {
	kernel.Fentry2(&n.Kernel, sk, slow) // unlock_sock_fast include/net/sock.h:1530

	if slow {
		n.ReleaseSock(sk) // :1531
	} else {
		n.SpinUnlockBh() // :1533
	}
}

// ReleaseSock gives the socket back: it first handles what softirqs have
// queued meanwhile, then what the protocol has put off (release_sock).
func (n *Net) ReleaseSock(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // release_sock net/core/sock.c:2798

	n.LocalBhDisable()
	if sk.SkBacklog.Tail != nil {
		n.ReleaseSock__(sk) // :2800
	}
	if sk.SkProt.ReleaseCb != nil {
		sk.SkProt.ReleaseCb(sk) // :2806
	}
	sk.SkLock.Owned = false
	sk.SkLock.Owner = nil
	if sk.SkLock.Wq.Active() {
		n.WakeUp(&sk.SkLock.Wq, 1, 0)
	}
	n.SpinUnlockBh() // :2811
}

// ReleaseSock__ handles the backlog in the owner's context, with softirqs on,
// and lets others run between two packets (__release_sock).
func (n *Net) ReleaseSock__(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // __release_sock net/core/sock.c:2274

	for sk.SkBacklog.Head != nil {
		skb := sk.SkBacklog.Head
		sk.SkBacklog.Head, sk.SkBacklog.Tail = nil, nil
		n.SpinUnlockBh() // :2277
		for skb != nil {
			next := skb.Next
			skb.Next = nil
			n.skBacklogRcv(sk, skb) // :2284
			n.CondResched()         // :2286
			skb = next
		}
		n.LocalBhDisable()
	}
	sk.SkBacklog.Len = 0
}

func (n *Net) skFlushBacklog__(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // __sk_flush_backlog net/core/sock.c:2303

	n.LocalBhDisable()
	n.ReleaseSock__(sk) // :2304
	n.SpinUnlockBh()    // :2305
}

// SkFlushBacklog handles the backlog of a socket that stays locked; it reports
// whether there was one (sk_flush_backlog).
func (n *Net) SkFlushBacklog(sk *Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // sk_flush_backlog include/net/sock.h:1022

	if sk.SkBacklog.Tail == nil {
		return false
	}
	n.skFlushBacklog__(sk) // :1023
	return true
}

func (n *Net) skBacklogRcv(sk *Sock, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // sk_backlog_rcv include/net/sock.h:933

	return sk.SkBacklogRcv(sk, skb) // :936
}

// SkRcvqueuesFull reports whether backlog and receive queue hold more than
// limit (sk_rcvqueues_full).
func SkRcvqueuesFull(sk *Sock, limit int) bool {
	return sk.SkBacklog.Len+sk.SkBacklog.RmemAlloc > limit
}

// SkAddBacklog queues a packet for the owner of the socket; -ENOBUFS if limit
// is reached (sk_add_backlog).
func (n *Net) SkAddBacklog(sk *Sock, skb *SkBuff, limit int) int {
	kernel.Fentry3(&n.Kernel, sk, skb, limit) // sk_add_backlog include/net/sock.h:913

	if SkRcvqueuesFull(sk, limit) {
		return -ENOBUFS
	}
	SkAddBacklog__(sk, skb)
	sk.SkBacklog.Len += skb.Truesize
	return 0
}

// SkAddBacklog__ queues a packet for the owner without counting it
// (__sk_add_backlog).
func SkAddBacklog__(sk *Sock, skb *SkBuff) {
	SkbDstForce(skb)
	if sk.SkBacklog.Tail == nil {
		sk.SkBacklog.Head = skb
	} else {
		sk.SkBacklog.Tail.Next = skb
	}
	sk.SkBacklog.Tail = skb
	skb.Next = nil
}

// SkReceiveSkb__ hands a packet to a socket that a lookup found: at once, or
// through the backlog if it is owned (__sk_receive_skb).
func (n *Net) SkReceiveSkb__(sk *Sock, skb *SkBuff, nested bool, trimCap int, refcounted bool) int {
	kernel.Fentry3(&n.Kernel, sk, skb, trimCap) // __sk_receive_skb net/core/sock.c:452

	rc := 0
	switch {
	case n.SkFilterTrimCap(sk, skb, trimCap) != 0: // :454
		n.KfreeSkb(skb) // :488
	case SkRcvqueuesFull(sk, sk.SkRcvbuf):
		sk.SkDrops++
		n.drop("receive queue full")
		n.KfreeSkb(skb) // :488
	case !sk.SkLock.Owned:
		skb.Dev = nil
		rc = n.skBacklogRcv(sk, skb) // :473
	case n.SkAddBacklog(sk, skb, sk.SkRcvbuf) != 0: // :476
		sk.SkDrops++
		n.drop("backlog full")
		n.KfreeSkb(skb) // :488
	}
	if refcounted {
		n.SockPut(sk) // :485
	}
	return rc
}

// SkWaitData sleeps, with the socket released, until something other than skb
// is last in the receive queue; it reports whether that is so now
// (sk_wait_data).
func (n *Net) SkWaitData(sk *Sock, timeo *int64, skb *SkBuff) bool {
	kernel.Fentry2(&n.Kernel, sk, skb) // sk_wait_data net/core/sock.c:2320

	wait := n.DefineWaitWoken()
	sk.SkWq.Wait.AddWaitQueue(wait)
	n.ReleaseSock(sk) // :2326
	if sk.SkReceiveQueue.Last == skb {
		*timeo = n.WaitWoken(wait, kernel.TaskInterruptible, *timeo) // :2326
	}
	n.LockSock(sk) // :2326
	rc := sk.SkReceiveQueue.Last != skb
	wait.RemoveWaitQueue()
	return rc
}
