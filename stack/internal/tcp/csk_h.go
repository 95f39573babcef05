// Small functions of connection-oriented sockets (include/net/inet_connection_sock.h)
// and of half-open connections (include/net/request_sock.h).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// Timers of a connection, as IcskPending names them.
const (
	icskTimeRetrans      = 1
	icskTimeDack         = 2
	IcskTimeProbe0       = 3
	icskTimeEarlyRetrans = 4
	IcskTimeLossProbe    = 5
	IcskTimeReoTimeout   = 6
)

// Bits of IcskAck.Pending.
const (
	icskAckSched   = 1
	icskAckTimer   = 2
	icskAckPushed  = 4
	icskAckPushed2 = 8
	icskAckNow     = 16
)

// inetCskScheduleAck notes that an ACK is owed (inet_csk_schedule_ack).
func inetCskScheduleAck(sk *core.Sock) { inetCsk(sk).IcskAck.Pending |= icskAckSched }

// inetCskAckScheduled reports whether an ACK is owed (inet_csk_ack_scheduled).
func inetCskAckScheduled(sk *core.Sock) bool {
	return inetCsk(sk).IcskAck.Pending&icskAckSched != 0
}

// inetCskDelackInit forgets all about delayed ACKs (inet_csk_delack_init).
func inetCskDelackInit(sk *core.Sock) {
	ack := &inetCsk(sk).IcskAck
	ack.Pending, ack.Quick, ack.Pingpong, ack.Blocked = 0, 0, 0, false
	ack.Ato, ack.Timeout, ack.Lrcvtime, ack.LastSegSize, ack.RcvMss = 0, 0, 0, 0, 0
}

// inetCskEnterPingpongMode and its kin tell whether both sides talk, in which
// case ACKs can wait for data.
func inetCskEnterPingpongMode(sk *core.Sock)   { inetCsk(sk).IcskAck.Pingpong = 1 }
func inetCskExitPingpongMode(sk *core.Sock)    { inetCsk(sk).IcskAck.Pingpong = 0 }
func inetCskInPingpongMode(sk *core.Sock) bool { return inetCsk(sk).IcskAck.Pingpong != 0 }

// inetCskClearXmitTimer calls a timer off. The timer itself runs on and finds
// nothing to do.
func (n *Net) inetCskClearXmitTimer(sk *core.Sock, what int) {
	kernel.Fentry2(&n.Kernel, sk, what) // inet_csk_clear_xmit_timer include/net/inet_connection_sock.h:201

	icsk := inetCsk(sk)
	switch what {
	case icskTimeRetrans, IcskTimeProbe0:
		icsk.IcskPending = 0
	case icskTimeDack:
		icsk.IcskAck.Blocked, icsk.IcskAck.Pending = false, 0
	}
}

// inetCskResetXmitTimer arms a timer of a connection, when jiffies from now but
// no later than maxWhen.
func (n *Net) inetCskResetXmitTimer(sk *core.Sock, what int, when, maxWhen uint64) {
	kernel.Fentry4(&n.Kernel, sk, what, when, maxWhen) // inet_csk_reset_xmit_timer include/net/inet_connection_sock.h:236

	icsk := inetCsk(sk)
	when = min(when, maxWhen)
	switch what {
	case icskTimeRetrans, IcskTimeProbe0, icskTimeEarlyRetrans, IcskTimeLossProbe, IcskTimeReoTimeout:
		icsk.IcskPending = uint8(what)
		icsk.IcskTimeout = n.Jiffies() + when
		n.SkResetTimer(sk, &icsk.IcskRetransmitTimer, icsk.IcskTimeout) // :238
	case icskTimeDack:
		icsk.IcskAck.Pending |= icskAckTimer
		icsk.IcskAck.Timeout = n.Jiffies() + when
		n.SkResetTimer(sk, &icsk.IcskDelackTimer, icsk.IcskAck.Timeout) // :242
	}
}

// inetCskRtoBackoff is the retransmission timeout after as many doublings as
// have happened (inet_csk_rto_backoff).
func inetCskRtoBackoff(icsk *InetConnectionSock, maxWhen uint64) uint64 {
	return min(uint64(icsk.IcskRto)<<icsk.IcskBackoff, maxWhen)
}

// inetCskReqskQueueAdded, inetCskReqskQueueLen and inetCskReqskQueueIsFull are
// about a listener's half-open connections.
func inetCskReqskQueueAdded(sk *core.Sock)   { reqskQueueAdded(&inetCsk(sk).IcskAcceptQueue) }
func inetCskReqskQueueLen(sk *core.Sock) int { return reqskQueueLen(&inetCsk(sk).IcskAcceptQueue) }
func inetCskReqskQueueIsFull(sk *core.Sock) bool {
	return inetCskReqskQueueLen(sk) >= int(sk.SkMaxAckBacklog)
}

// inetCskListenPoll is what poll says of a listener (inet_csk_listen_poll).
func inetCskListenPoll(sk *core.Sock) uint32 {
	if reqskQueueEmpty(&inetCsk(sk).IcskAcceptQueue) {
		return 0
	}
	return core.POLLIN | core.POLLRDNORM
}

// reqskAlloc makes a request of a listener, which it holds if attachListener
// (reqsk_alloc).
func (n *Net) reqskAlloc(ops *RequestSockOps, skListener *core.Sock, attachListener bool) *RequestSock {
	kernel.Fentry3(&n.Kernel, ops, skListener, attachListener) // reqsk_alloc include/net/request_sock.h:88

	req := n.slabs.requests.alloc()
	req.RskOps = ops
	if attachListener {
		core.SockHold(skListener)
		req.RskListener = skListener
	}
	req.SkProt = skListener.SkProt
	req.Partial = req
	n.SockAdd(&req.SockCommon)
	return req
}

// reqskFree drops what a request holds.
func (n *Net) reqskFree(req *RequestSock) {
	kernel.Fentry1(&n.Kernel, req) // reqsk_free include/net/request_sock.h:112

	req.RskOps.Destructor(req) // :114
	if req.RskListener != nil {
		n.SockPut(req.RskListener) // :116
	}
	req.SavedSyn = nil
	n.SockDel(&req.SockCommon)
	n.freeReqsk(req)
}

// reqskPut drops a reference to a request.
func (n *Net) reqskPut(req *RequestSock) {
	kernel.Fentry1(&n.Kernel, req) // reqsk_put include/net/request_sock.h:123

	if req.SkRefcnt--; req.SkRefcnt == 0 {
		n.reqskFree(req) // :124
	}
}

// reqskQueueAlloc readies a listener's queues (reqsk_queue_alloc).
func reqskQueueAlloc(queue *RequestSockQueue) {
	*queue = RequestSockQueue{RskqDeferAccept: queue.RskqDeferAccept}
}

// reqskQueueEmpty reports whether nothing waits for accept (reqsk_queue_empty).
func reqskQueueEmpty(queue *RequestSockQueue) bool { return queue.Head == nil }

// reqskQueueRemove takes what has waited longest for accept, nil if nothing
// does (reqsk_queue_remove).
func (n *Net) reqskQueueRemove(queue *RequestSockQueue, parent *core.Sock) *RequestSock {
	kernel.Fentry1(&n.Kernel, parent) // reqsk_queue_remove include/net/request_sock.h:194

	n.LocalBhDisable()
	req := queue.Head
	if req != nil {
		core.SkAcceptqRemoved(parent)
		queue.Head = req.DlNext
		if queue.Head == nil {
			queue.Tail = nil
		}
	}
	n.SpinUnlockBh() // :202
	return req
}

// reqskQueueRemoved and reqskQueueAdded count a listener's requests.
func reqskQueueRemoved(queue *RequestSockQueue, req *RequestSock) {
	if req.NumTimeout == 0 {
		queue.Young--
	}
	queue.Qlen--
}

func reqskQueueAdded(queue *RequestSockQueue) {
	queue.Young++
	queue.Qlen++
}

func reqskQueueLen(queue *RequestSockQueue) int      { return int(queue.Qlen) }
func reqskQueueLenYoung(queue *RequestSockQueue) int { return int(queue.Young) }
