// Listeners and half-open connections (net/ipv4/inet_connection_sock.c): the
// SYN-ACK's timer, the way of a request from the hash table to the accept queue,
// and what becomes of both when the listener closes. Left out: fast open.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
)

// synAckRecalc decides whether a request has waited long enough and whether its
// SYN-ACK goes out again. With TCP_DEFER_ACCEPT it does not while data is waited
// for, save at the end of that wait (syn_ack_recalc).
func synAckRecalc(req *RequestSock, thresh, maxRetries, deferAccept int) (expire, resend bool) {
	timeouts := int(req.NumTimeout)
	if deferAccept == 0 {
		return timeouts >= thresh, true
	}
	return timeouts >= thresh && (!req.Acked || timeouts >= maxRetries), !req.Acked || timeouts >= deferAccept-1
}

// inetRtxSynAck sends a SYN-ACK again and counts that.
func (n *Net) inetRtxSynAck(parent *core.Sock, req *RequestSock) int {
	kernel.Fentry2(&n.Kernel, parent, req) // inet_rtx_syn_ack net/ipv4/inet_connection_sock.c:647

	err := req.RskOps.RtxSynAck(parent, req) // :647
	if err == 0 {
		req.NumRetrans++
	}
	return err
}

// reqskQueueUnlink takes a request out of the hash table and stops its timer; it
// reports whether the request was there.
func (n *Net) reqskQueueUnlink(queue *RequestSockQueue, req *RequestSock) bool {
	kernel.Fentry2(&n.Kernel, queue, req) // reqsk_queue_unlink net/ipv4/inet_connection_sock.c:660

	found := n.hashinfo.ehashDel(&req.SockCommon)
	n.SockDel(&req.SockCommon) // what the accept queue keeps of it is no socket of its own
	if n.DelTimer(&req.RskTimer) {
		n.reqskPut(req) // :670
	}
	return found
}

// inetCskReqskQueueDrop takes a request off its listener.
func (n *Net) inetCskReqskQueueDrop(sk *core.Sock, req *RequestSock) {
	kernel.Fentry2(&n.Kernel, sk, req) // inet_csk_reqsk_queue_drop net/ipv4/inet_connection_sock.c:676

	queue := &inetCsk(sk).IcskAcceptQueue
	if n.reqskQueueUnlink(queue, req) { // :676
		reqskQueueRemoved(queue, req)
		n.reqskPut(req) // :678
	}
}

// inetCskReqskQueueDropAndPut also drops the caller's reference.
func (n *Net) inetCskReqskQueueDropAndPut(sk *core.Sock, req *RequestSock) {
	kernel.Fentry2(&n.Kernel, sk, req) // inet_csk_reqsk_queue_drop_and_put net/ipv4/inet_connection_sock.c:685

	n.inetCskReqskQueueDrop(sk, req) // :685
	n.reqskPut(req)                  // :686
}

// reqskThresh is how many timeouts a request lives through. The fuller the queue
// is of old requests, the fewer: at least half of the room is for young ones.
func reqskThresh(queue *RequestSockQueue, maxRetries int, backlog uint32) int {
	qlen := reqskQueueLen(queue)
	if qlen<<1 <= max(8, int(backlog)) {
		return maxRetries
	}
	for young := reqskQueueLenYoung(queue) << 1; maxRetries > 2 && qlen >= young; young <<= 1 {
		maxRetries--
	}
	return maxRetries
}

// reqskTimerHandler sends a SYN-ACK again whose ACK has not come, or gives the
// request up.
func (n *Net) reqskTimerHandler(t *kernel.Timer) {
	kernel.Fentry1(&n.Kernel, t) // reqsk_timer_handler net/ipv4/inet_connection_sock.c:692

	req := t.Owner.(*RequestSock)
	skListener := req.RskListener
	icsk := inetCsk(skListener)
	queue := &icsk.IcskAcceptQueue
	if skListener.SkState != core.TcpListen {
		n.inetCskReqskQueueDropAndPut(skListener, req) // :753
		return
	}
	maxRetries := int(icsk.IcskSynRetries)
	if maxRetries == 0 {
		maxRetries = n.Sysctl.TcpSynackRetries
	}
	thresh := reqskThresh(queue, maxRetries, skListener.SkMaxAckBacklog)
	deferAccept := int(queue.RskqDeferAccept)
	if deferAccept != 0 {
		maxRetries = deferAccept
	}
	expire, resend := synAckRecalc(req, thresh, maxRetries, deferAccept)
	req.RskOps.SynAckTimeout(req) // :739
	if !expire && resend {
		err := n.inetRtxSynAck(skListener, req) // :742
		expire = err != 0 && !req.Acked
	}
	if expire {
		n.inetCskReqskQueueDropAndPut(skListener, req) // :753
		return
	}
	if req.NumTimeout == 0 {
		queue.Young--
	}
	req.NumTimeout++
	timeo := min(uint64(tcpTimeoutInit)<<req.NumTimeout, tcpRtoMax)
	n.ModTimer(&req.RskTimer, n.Jiffies()+timeo)
}

// reqskQueueHashReq puts a request into the hash table and starts its timer. It
// then has three references: the table's, the timer's and the caller's.
func (n *Net) reqskQueueHashReq(req *RequestSock, timeout uint64) {
	kernel.Fentry2(&n.Kernel, req, timeout) // reqsk_queue_hash_req net/ipv4/inet_connection_sock.c:763

	req.NumRetrans, req.NumTimeout, req.Sk = 0, 0, nil
	req.RskTimer.Setup(&n.timerKinds.reqsk, req)
	n.ModTimer(&req.RskTimer, n.Jiffies()+timeout)
	n.inetEhashInsert(reqToSk(req), nil) // :766
	req.SkRefcnt = 2 + 1
}

// inetCskReqskQueueHashAdd enters a request for a listener.
func (n *Net) inetCskReqskQueueHashAdd(sk *core.Sock, req *RequestSock, timeout uint64) {
	kernel.Fentry3(&n.Kernel, sk, req, timeout) // inet_csk_reqsk_queue_hash_add net/ipv4/inet_connection_sock.c:777

	n.reqskQueueHashReq(req, timeout) // :777
	inetCskReqskQueueAdded(sk)
}

// inetCskCloneLock makes a connection from its listener and a request. It comes
// with the softirq's lock and two references.
func (n *Net) inetCskCloneLock(sk *core.Sock, req *RequestSock) *core.Sock {
	kernel.Fentry2(&n.Kernel, sk, req) // inet_csk_clone_lock net/ipv4/inet_connection_sock.c:794

	tp := n.slabs.socks.alloc()
	*tp = *tcpSk(sk)
	tp.IcskRetransmitTimer, tp.IcskDelackTimer = kernel.Timer{}, kernel.Timer{}
	tp.PacingTimer, tp.CompressedAckTimer = nil, nil
	newsk := n.SkCloneLock(sk, &tp.Sock)     // :794
	n.InetSkSetState(newsk, core.TcpSynRecv) // :799
	tp.IcskBindHash = nil
	tp.SkDport = req.SkDport
	tp.SkNum = req.SkNum
	tp.InetSport = req.SkNum
	core.SockResetFlag(newsk, core.SockRcuFree)
	ipv4.InetSk(newsk).McList = nil
	newsk.SkMark = req.IrMark
	newsk.Cookie = req.Cookie
	tp.IcskRetransmits, tp.IcskBackoff, tp.IcskProbesOut = 0, 0, 0
	tp.IcskAcceptQueue = RequestSockQueue{}
	return newsk
}

// inetCskListenStart makes a socket a listener, if its port allows that.
func (n *Net) inetCskListenStart(sk *core.Sock, backlog int) int {
	kernel.Fentry2(&n.Kernel, sk, backlog) // inet_csk_listen_start net/ipv4/inet_connection_sock.c:882

	reqskQueueAlloc(&inetCsk(sk).IcskAcceptQueue)
	sk.SkAckBacklog = 0
	inetCskDelackInit(sk)
	n.InetSkStateStore(sk, core.TcpListen) // :892
	err := -core.EADDRINUSE
	if sk.SkProt.GetPort(sk, sk.SkNum) == 0 { // :893
		ipv4.InetSk(sk).InetSport = sk.SkNum
		n.SkDstReset(sk)
		if err = sk.SkProt.Hash(sk); err == 0 { // :897
			return 0
		}
	}
	n.InetSkSetState(sk, core.TcpClose) // :903
	return err
}

// inetChildForget ends a connection that nobody will accept.
func (n *Net) inetChildForget(sk *core.Sock, req *RequestSock, child *core.Sock) {
	kernel.Fentry3(&n.Kernel, sk, req, child) // inet_child_forget net/ipv4/inet_connection_sock.c:911

	sk.SkProt.Disconnect(child, core.SockNonblock) // :911
	n.SockOrphan(child)
	sk.SkProt.OrphanCount++
	n.inetCskDestroySock(child) // :929
}

// inetCskReqskQueueAdd puts a connection last in the accept queue; nil if the
// listener no longer listens.
func (n *Net) inetCskReqskQueueAdd(sk *core.Sock, req *RequestSock, child *core.Sock) *core.Sock {
	kernel.Fentry3(&n.Kernel, sk, req, child) // inet_csk_reqsk_queue_add net/ipv4/inet_connection_sock.c:938

	if sk.SkState != core.TcpListen {
		n.inetChildForget(sk, req, child) // :940
		return nil
	}
	queue := &inetCsk(sk).IcskAcceptQueue
	req.Sk = child
	req.DlNext = nil
	if queue.Head == nil {
		queue.Head = req
	} else {
		queue.Tail.DlNext = req
	}
	queue.Tail = req
	core.SkAcceptqAdded(sk)
	return child
}

// inetCskCompleteHashdance moves a request from the hash table to the accept
// queue, its child having taken its place in the table.
func (n *Net) inetCskCompleteHashdance(sk, child *core.Sock, req *RequestSock, ownReq bool) *core.Sock {
	kernel.Fentry4(&n.Kernel, sk, child, req, ownReq) // inet_csk_complete_hashdance net/ipv4/inet_connection_sock.c:960

	if ownReq {
		n.inetCskReqskQueueDrop(sk, req) // :961
		reqskQueueRemoved(&inetCsk(sk).IcskAcceptQueue, req)
		if n.inetCskReqskQueueAdd(sk, req, child) != nil { // :963
			return child
		}
	}
	n.SockPut(child) // :968
	return nil
}

// inetCskListenStop ends all connections that wait for accept. Requests end with
// their timers.
func (n *Net) inetCskListenStop(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_csk_listen_stop net/ipv4/inet_connection_sock.c:979

	queue := &inetCsk(sk).IcskAcceptQueue
	for {
		req := n.reqskQueueRemove(queue, sk) // :991
		if req == nil {
			return
		}
		child := req.Sk
		n.LocalBhDisable()
		core.SockHold(child)
		n.inetChildForget(sk, req, child) // :999
		n.reqskPut(req)                   // :1000
		n.LocalBhEnable()                 // :1002
		n.SockPut(child)                  // :1003
		n.CondResched()
	}
}
