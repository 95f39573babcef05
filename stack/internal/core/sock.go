// Sockets without a protocol: life and death, the lock and its backlog, who is
// charged for packets, and how waiters hear of events (net/core/sock.c).
// Left out: cgroups, filters, credentials, async notification (SIGIO) and the
// grace period that RCU gives a dying socket.

package core

import (
	"time"

	"menuos/stack/internal/kernel"
)

const (
	sockObjSize    = 2048         // about what struct tcp_sock takes
	skDefaultStamp = -time.Second // SK_DEFAULT_STAMP
)

// SkAlloc makes a socket of a protocol with one reference on its write memory
// (sk_alloc). SockInitData does the rest.
func (n *Net) SkAlloc(net *Net, family uint16, prot *Proto, kern bool) *Sock {
	kernel.Fentry4(&n.Kernel, net, family, prot, kern) // sk_alloc net/core/sock.c:1531

	sk := n.skProtAlloc(prot) // :1531
	sk.SkFamily = family
	sk.SkProt = prot
	sk.SkKern = kern
	sk.SkNetRefcnt = !kern
	sk.SkNet = net
	sk.SkWmemAlloc = 1
	n.SockAdd(&sk.SockCommon)
	return sk
}

func (n *Net) skProtAlloc(prot *Proto) *Sock {
	kernel.Fentry1(&n.Kernel, prot) // sk_prot_alloc net/core/sock.c:1469

	sk := prot.NewSock()
	sk.Full = sk
	sk.addr = n.NewAddr(sockObjSize)
	return sk
}

// SockInitData gives a new socket its defaults and ties it to its file
// (sock_init_data).
func (n *Net) SockInitData(sock *Socket, sk *Sock) {
	kernel.Fentry2(&n.Kernel, sock, sk) // sock_init_data net/core/sock.c:2701

	sk.SkSendHead = nil
	sk.SkRcvbuf = n.Sysctl.RmemDefault
	sk.SkSndbuf = n.Sysctl.WmemDefault
	sk.SkState = TcpClose
	SkSetSocket(sk, sock)
	SockSetFlag(sk, SockZapped)
	if sock != nil {
		sk.SkType = sock.Type
		sk.SkWq = &sock.Wq
		sock.Sk = sk
	}
	sk.SkStateChange = n.cb.wakeup
	sk.SkDataReady = n.cb.readable
	sk.SkWriteSpace = n.cb.writeSpace
	sk.SkErrorReport = n.cb.errorReport
	sk.SkDestruct = n.cb.destruct
	sk.SkPeekOff = -1
	sk.SkRcvlowat = 1
	sk.SkRcvtimeo = kernel.MaxScheduleTimeout
	sk.SkSndtimeo = kernel.MaxScheduleTimeout
	sk.SkStamp = skDefaultStamp
	sk.SkMaxPacingRate = ^uint64(0)
	sk.SkPacingRate = ^uint64(0)
	sk.SkPacingShift = 10
	sk.SkIncomingCpu = -1
	sk.SkRefcnt = 1
	sk.SkDrops = 0
}

// SkCloneLock readies newsk, which the protocol made as a copy of listener sk,
// as a socket of its own with two references and its lock held by the softirq
// (sk_clone_lock, without the copy itself).
func (n *Net) SkCloneLock(sk, newsk *Sock) *Sock {
	kernel.Fentry1(&n.Kernel, sk) // sk_clone_lock net/core/sock.c:1661

	newsk.SockCommon = sk.SockCommon
	newsk.Full = newsk
	newsk.HashNext, newsk.HashPrev, newsk.Hashed = nil, nil, false
	newsk.BindNext, newsk.BindPrev = nil, nil
	newsk.allNext, newsk.allPrev, newsk.listed = nil, nil, false
	newsk.addr = n.NewAddr(sockObjSize)
	newsk.Cookie = 0
	newsk.SkLock.Owned = false
	newsk.SkLock.Owner = nil
	newsk.SkLock.Wq = kernel.WaitQueueHead{}
	newsk.SkBacklog.Head, newsk.SkBacklog.Tail, newsk.SkBacklog.Len = nil, nil, 0
	newsk.SkBacklog.RmemAlloc = 0
	newsk.SkWmemAlloc = 1
	newsk.SkOmemAlloc = 0
	newsk.SkReceiveQueue, newsk.SkWriteQueue, newsk.SkErrorQueue = SkBuffHead{}, SkBuffHead{}, SkBuffHead{}
	newsk.TcpRtxQueue = SkBuffHead{}
	newsk.SkDstCache = nil
	newsk.SkRxDst = nil
	newsk.SkDstPendingConfirm = false
	newsk.SkWmemQueued = 0
	newsk.SkForwardAlloc = 0
	newsk.SkDrops = 0
	newsk.SkSendHead = nil
	newsk.SkFrag = PageFrag{}
	newsk.SkTimer = kernel.Timer{}
	newsk.SkUserlocks = sk.SkUserlocks &^ SockBindportLock
	SockResetFlag(newsk, SockDone)
	newsk.SkErr, newsk.SkErrSoft = 0, 0
	newsk.SkPriority = 0
	newsk.SkIncomingCpu = 0
	n.SockAdd(&newsk.SockCommon)
	newsk.SkRefcnt = 2
	SkSetSocket(newsk, nil)
	newsk.SkWq = nil
	if newsk.SkProt.EnterMemoryPressure != nil {
		newsk.SkProt.SocketsAllocated++
	}
	return newsk
}

// SkFreeUnlockClone frees a clone that is not wanted after all
// (sk_free_unlock_clone).
func (n *Net) SkFreeUnlockClone(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_free_unlock_clone net/core/sock.c:1771

	sk.SkDestruct = nil
	n.SkFree(sk) // :1773
}

// SkFree drops the socket's own reference on its write memory; with the last
// packet under way the socket goes (sk_free).
func (n *Net) SkFree(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_free net/core/sock.c:1625

	if sk.SkWmemAlloc--; sk.SkWmemAlloc == 0 {
		n.SkFree__(sk) // :1626
	}
}

// SkFree__ ends a socket that nothing refers to (__sk_free).
func (n *Net) SkFree__(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // __sk_free net/core/sock.c:1609

	n.skDestruct(sk) // :1615
}

func (n *Net) skDestruct(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_destruct net/core/sock.c:1601

	if SockFlag(sk, SockRcuFree) {
		n.CallRcu(kernel.RcuHead{Func: n.cb.skDestruct, Arg: sk})
		return
	}
	n.skDestruct__(sk) // :1604
}

// skDestruct__ takes the socket as the argument of an RCU callback.
func (n *Net) skDestruct__(head any) {
	kernel.Fentry1(&n.Kernel, head) // __sk_destruct net/core/sock.c:1565

	sk := head.(*Sock)
	if sk.SkDestruct != nil {
		sk.SkDestruct(sk) // :1569
	}
	if sk.SkFrag.Page != nil {
		n.PutPage(sk.SkFrag.Page)
		sk.SkFrag.Page = nil
	}
	n.SockDel(&sk.SockCommon)
	if sk.SkProt.FreeSock != nil {
		sk.SkProt.FreeSock(sk)
	}
}

// SockHold takes a reference on a socket (sock_hold).
func SockHold(sk *Sock) { sk.SkRefcnt++ }

// SockHold is the function for callers that hold the machine.
func (n *Net) SockHold(sk *Sock) { sk.SkRefcnt++ }

// SockPut__ drops a reference that is known not to be the last (__sock_put).
func SockPut__(sk *Sock) { sk.SkRefcnt-- }

// SockPut drops a reference; with the last one the socket frees itself
// (sock_put).
func (n *Net) SockPut(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sock_put include/net/sock.h:1706

	sk.SkRefcnt--
	if sk.SkRefcnt < 0 {
		panic("core: socket put once too often")
	}
	if sk.SkRefcnt == 0 {
		n.SkFree(sk) // :1707
	}
}

// SkCommonRelease closes a socket of a connectionless protocol
// (sk_common_release).
func (n *Net) SkCommonRelease(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_common_release net/core/sock.c:3011

	if sk.SkProt.Destroy != nil {
		sk.SkProt.Destroy(sk) // :3012
	}
	sk.SkProt.Unhash(sk) // :3022
	n.SockOrphan(sk)
	n.SockPut(sk) // :3042
}

// SockOrphan cuts the tie between a socket and its file (sock_orphan).
func (n *Net) SockOrphan(sk *Sock) {
	SockSetFlag(sk, SockDead)
	SkSetSocket(sk, nil)
	sk.SkWq = nil
}

// SockGraft ties a socket to a file (sock_graft).
func (n *Net) SockGraft(sk *Sock, parent *Socket) {
	sk.SkWq = &parent.Wq
	parent.Sk = sk
	SkSetSocket(sk, parent)
}

// The default reactions to events of a socket: wake whoever waits.

func (n *Net) sockDefWakeup(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sock_def_wakeup net/core/sock.c:2618

	if wq := sk.SkWq; wq != nil && wq.Wait.Active() {
		if n.Trace != nil {
			n.traceSkWake(sk, "state_change")
		}
		n.WakeUp(&wq.Wait, 0, 0)
	}
}

func (n *Net) sockDefErrorReport(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sock_def_error_report net/core/sock.c:2628

	if wq := sk.SkWq; wq != nil && wq.Wait.Active() {
		if n.Trace != nil {
			n.traceSkWake(sk, "error_report")
		}
		n.WakeUp(&wq.Wait, 1, POLLERR)
	}
}

func (n *Net) sockDefReadable(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sock_def_readable net/core/sock.c:2641

	if wq := sk.SkWq; wq != nil && wq.Wait.Active() {
		if n.Trace != nil {
			n.traceSkWake(sk, "data_ready")
		}
		n.WakeUp(&wq.Wait, 1, POLLIN|POLLPRI|POLLRDNORM|POLLRDBAND)
	}
}

func (n *Net) sockDefWriteSpace(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sock_def_write_space net/core/sock.c:2658

	if sk.SkWmemAlloc<<1 > sk.SkSndbuf {
		return
	}
	if wq := sk.SkWq; wq != nil && wq.Wait.Active() {
		if n.Trace != nil {
			n.traceSkWake(sk, "write_space")
		}
		n.WakeUp(&wq.Wait, 1, POLLOUT|POLLWRNORM|POLLWRBAND)
	}
}

func (n *Net) sockDefDestruct(sk *Sock) {}

// SkResetTimer arms a timer that holds a reference on the socket while it runs
// (sk_reset_timer).
func (n *Net) SkResetTimer(sk *Sock, timer *kernel.Timer, expires uint64) {
	kernel.Fentry3(&n.Kernel, sk, timer, expires) // sk_reset_timer net/core/sock.c:2687

	if !n.ModTimer(timer, expires) { // :2687
		SockHold(sk)
	}
}

// SkStopTimer disarms a timer and drops its reference (sk_stop_timer).
func (n *Net) SkStopTimer(sk *Sock, timer *kernel.Timer) {
	kernel.Fentry2(&n.Kernel, sk, timer) // sk_stop_timer net/core/sock.c:2694

	if n.DelTimer(timer) { // :2694
		SockPut__(sk)
	}
}

// SkSendSigurg would send SIGURG to the socket's owner (sk_send_sigurg).
// menuos does not send SIGURG, because its programs have no F_SETOWN.
func (n *Net) SkSendSigurg(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_send_sigurg net/core/sock.c:2678
}

// SockQueueRcvSkb appends a packet to the receive queue, if the filter and the
// buffer let it, and tells the reader (sock_queue_rcv_skb).
func (n *Net) SockQueueRcvSkb(sk *Sock, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // sock_queue_rcv_skb net/core/sock.c:441

	if err := n.SkFilter(sk, skb); err != 0 { // :441
		return err
	}
	return n.SockQueueRcvSkb__(sk, skb) // :445
}

// SockQueueRcvSkb__ is SockQueueRcvSkb without the filter
// (__sock_queue_rcv_skb).
func (n *Net) SockQueueRcvSkb__(sk *Sock, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // __sock_queue_rcv_skb net/core/sock.c:405

	if sk.SkBacklog.RmemAlloc >= sk.SkRcvbuf {
		sk.SkDrops++
		return -ENOMEM
	}
	if !n.SkRmemSchedule(sk, skb, skb.Truesize) { // :413
		sk.SkDrops++
		return -ENOBUFS
	}
	skb.Dev = nil
	n.SkbSetOwnerR(skb, sk) // :419
	SkbDstForce(skb)
	sk.SkReceiveQueue.QueueTail(skb)
	if !SockFlag(sk, SockDead) {
		sk.SkDataReady(sk) // :432
	}
	return 0
}

// SockQueueErrSkb appends a packet that tells of an error to the error queue
// (sock_queue_err_skb).
func (n *Net) SockQueueErrSkb(sk *Sock, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // sock_queue_err_skb net/core/skbuff.c:4220

	if sk.SkBacklog.RmemAlloc+skb.Truesize >= sk.SkRcvbuf {
		return -ENOMEM
	}
	n.SkbOrphan(skb) // :4224
	skb.Sk = sk
	skb.Destructor = n.SockRmemFreeFn
	sk.SkBacklog.RmemAlloc += skb.Truesize
	skb.PktType = PacketOutgoing
	SkbDstForce(skb)
	sk.SkErrorQueue.QueueTail(skb)
	if !SockFlag(sk, SockDead) {
		sk.SkErrorReport(sk) // :4235
	}
	return 0
}

func (n *Net) sockRmemFree(skb *SkBuff) { skb.Sk.SkBacklog.RmemAlloc -= skb.Truesize }

// SkEatSkb frees a packet that has been read (sk_eat_skb).
func (n *Net) SkEatSkb(sk *Sock, skb *SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // sk_eat_skb include/net/sock.h:2429

	sk.SkReceiveQueue.Unlink(skb)
	n.KfreeSkb__(skb) // :2429
}

// SkFilter lets the socket's filter look at a packet (sk_filter).
func (n *Net) SkFilter(sk *Sock, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // sk_filter include/linux/filter.h:731

	return n.SkFilterTrimCap(sk, skb, 1) // :731
}

// SkFilterTrimCap is SkFilter that may cut the packet, but not below trimCap
// (sk_filter_trim_cap). menuos has no socket
// filters (SO_ATTACH_FILTER, SO_ATTACH_BPF).
func (n *Net) SkFilterTrimCap(sk *Sock, skb *SkBuff, trimCap int) int {
	kernel.Fentry3(&n.Kernel, sk, skb, trimCap) // sk_filter_trim_cap net/core/filter.c:91

	return 0
}
