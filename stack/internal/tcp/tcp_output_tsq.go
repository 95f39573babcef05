// TCP small queues: how much of a connection may wait below TCP, and how the
// connection goes on when that drains; and what release_sock does for TCP
// (net/ipv4/tcp_output.c, with the tasklets of kernel/softirq.c that it needs).

package tcp

import (
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// taskletSoftirq is TASKLET_SOFTIRQ of include/linux/interrupt.h.
const taskletSoftirq = 6

// Bits of SkTsqFlags (enum tsq_flags of include/linux/tcp.h).
const (
	tsqfThrottled           = 1 << iota // too much waits below TCP
	tsqfQueued                          // the tasklet will serve it
	tcpfTsqDeferred                     // … or release_sock, as the next ones
	tcpfWriteTimerDeferred              //
	tcpfDelackTimerDeferred             //
	tcpfMtuReducedDeferred              //
)

// tcpDeferredAll are the bits of SkTsqFlags that release_sock works off.
const tcpDeferredAll = tcpfTsqDeferred | tcpfWriteTimerDeferred | tcpfDelackTimerDeferred | tcpfMtuReducedDeferred

// tsqTasklet is the tasklet that lets throttled sockets send again, and the
// destructors of outgoing packets, bound once (struct tsq_tasklet).
type tsqTasklet struct {
	head      []*core.Sock // sockets to serve; the newest comes first in Linux's list, last here
	spare     []*core.Sock // the other buffer of the two that take turns
	scheduled bool

	wfree     func(*core.SkBuff) // tcp_wfree
	sockWfree func(*core.SkBuff) // __sock_wfree
}

// tcpTsqWrite sends what the socket may send now: lost segments first, then
// new ones.
func (n *Net) tcpTsqWrite(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_tsq_write net/ipv4/tcp_output.c:787

	const states = core.TcpfEstablished | core.TcpfFinWait1 | core.TcpfClosing | core.TcpfCloseWait | core.TcpfLastAck
	if 1<<sk.SkState&states == 0 {
		return
	}
	tp := tcpSk(sk)
	if tp.LostOut > tp.RetransOut && tp.SndCwnd > tcpPacketsInFlight(tp) {
		n.tcpMstampRefresh(tp)       // :795
		n.tcpXmitRetransmitQueue(sk) // :796
	}
	mss := n.tcpCurrentMss(sk)                  // :799
	n.tcpWriteXmit(sk, mss, int(tp.Nonagle), 0) // :799
}

// tcpTsqHandler is tcpTsqWrite now, or at the next release_sock if a program
// owns the socket.
func (n *Net) tcpTsqHandler(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_tsq_handler net/ipv4/tcp_output.c:805

	if !core.SockOwnedByUser(sk) {
		n.tcpTsqWrite(sk) // :808
	} else if sk.SkTsqFlags&tcpfTsqDeferred == 0 {
		sk.SkTsqFlags |= tcpfTsqDeferred
		core.SockHold(sk)
	}
}

// taskletAction runs the tasklets that were scheduled; TCP has the only one.
func (n *Net) taskletAction() {
	kernel.Fentry0(&n.Kernel) // tasklet_action kernel/softirq.c:540

	n.taskletActionCommon() // :541
}

func (n *Net) taskletActionCommon() {
	kernel.Fentry0(&n.Kernel) // tasklet_action_common kernel/softirq.c:504

	if n.tsq.scheduled {
		n.tsq.scheduled = false
		n.tcpTaskletFunc() // :523
	}
}

// tcpTaskletFunc serves the sockets whose packets have left the queues below.
func (n *Net) tcpTaskletFunc() {
	kernel.Fentry0(&n.Kernel) // tcp_tasklet_func net/ipv4/tcp_output.c:820

	list := n.tsq.head
	n.tsq.head, n.tsq.spare = n.tsq.spare[:0], nil
	for i := len(list) - 1; i >= 0; i-- {
		sk := list[i]
		list[i] = nil
		sk.SkTsqFlags &^= tsqfQueued
		n.tcpTsqHandler(sk) // :840
		n.SkFree(sk)        // :841
	}
	n.tsq.spare = list[:0]
}

// tcpReleaseCb does, on behalf of a program that gives up the socket, what
// softirqs could not do while it owned it. Called with bottom halves off.
func (n *Net) tcpReleaseCb(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_release_cb net/ipv4/tcp_output.c:857

	flags := sk.SkTsqFlags
	if flags&tcpDeferredAll == 0 {
		return
	}
	sk.SkTsqFlags &^= tcpDeferredAll
	if flags&tcpfTsqDeferred != 0 {
		n.tcpTsqWrite(sk) // :869
		core.SockPut__(sk)
	}
	// What follows is written for softirqs, which expect a socket that nobody
	// owns.
	sk.SkLock.Owned, sk.SkLock.Owner = false, nil // sock_release_ownership
	if flags&tcpfWriteTimerDeferred != 0 {
		n.tcpWriteTimerHandler(sk) // :884
		core.SockPut__(sk)
	}
	if flags&tcpfDelackTimerDeferred != 0 {
		n.tcpDelackTimerHandler(sk) // :888
		core.SockPut__(sk)
	}
	if flags&tcpfMtuReducedDeferred != 0 {
		inetCsk(sk).IcskAfOps.MtuReduced(sk) // :892
		core.SockPut__(sk)
	}
}

// tcpTaskletInit readies the tasklet.
func (n *Net) tcpTaskletInit() {
	n.OpenSoftirq(taskletSoftirq, n.taskletAction)
	n.tsq.wfree = n.tcpWfree
	n.TcpWfreeFn = n.tsq.wfree
	n.tsq.sockWfree = n.SockWfree__
}

// tcpWfree releases what an outgoing packet holds of its socket's memory. A
// socket that was throttled gets a turn in the tasklet: this may run deep
// inside a driver, where sending is out of the question.
func (n *Net) tcpWfree(skb *core.SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // tcp_wfree net/ipv4/tcp_output.c:919

	sk := skb.Sk
	// One unit stays: it belongs to SkFree, here or in the tasklet.
	sk.SkWmemAlloc -= skb.Truesize - 1
	// menuos does not hold back while ksoftirqd runs, because there is no other
	// CPU whose ACKs could come first.
	if sk.SkTsqFlags&tsqfThrottled == 0 || sk.SkTsqFlags&tsqfQueued != 0 {
		n.SkFree(sk) // :961
		return
	}
	sk.SkTsqFlags = sk.SkTsqFlags&^tsqfThrottled | tsqfQueued
	empty := len(n.tsq.head) == 0
	n.tsq.head = append(n.tsq.head, sk)
	if empty && !n.tsq.scheduled {
		n.taskletSchedule() // :956
	}
}

func (n *Net) taskletSchedule() {
	kernel.Fentry0(&n.Kernel) // tasklet_schedule include/linux/interrupt.h:606

	n.tsq.scheduled = true
	n.taskletSchedule__() // :607
}

func (n *Net) taskletSchedule__() {
	kernel.Fentry0(&n.Kernel) // __tasklet_schedule kernel/softirq.c:489

	n.taskletScheduleCommon__() // :489
}

func (n *Net) taskletScheduleCommon__() {
	kernel.Fentry0(&n.Kernel) // __tasklet_schedule_common kernel/softirq.c:478

	n.RaiseSoftirqIrqoff(taskletSoftirq) // :483
}

// tcpPaceKick lets a paced socket send: its next departure time has come.
func (n *Net) tcpPaceKick(timer *kernel.Hrtimer) {
	kernel.Fentry1(&n.Kernel, timer) // tcp_pace_kick net/ipv4/tcp_output.c:968

	sk := timer.Owner.(*core.Sock)
	n.tcpTsqHandler(sk) // :972
	n.SockPut(sk)       // :973
}

// tcpPacingCheck reports whether pacing forbids to send now; it then makes
// sure that tcpPaceKick comes when it may.
func (n *Net) tcpPacingCheck(sk *core.Sock) bool {
	kernel.Fentry1(&n.Kernel, sk) // tcp_pacing_check net/ipv4/tcp_output.c:2199

	tp := tcpSk(sk)
	if !tcpNeedsInternalPacing(sk) || tp.TcpWstampNs <= tp.TcpClockCache {
		return false
	}
	if !tp.PacingTimer.Pending() {
		n.startHrtimer(&tp.PacingTimer, &n.hrtKinds.pacing, sk, time.Duration(tp.TcpWstampNs))
		core.SockHold(sk)
	}
	return true
}

// tcpSmallQueueCheck reports whether so much of the connection waits in the
// queues below TCP that skb should wait too; tcpWfree then calls it back.
func (n *Net) tcpSmallQueueCheck(sk *core.Sock, skb *core.SkBuff, factor uint) bool {
	kernel.Fentry3(&n.Kernel, sk, skb, factor) // tcp_small_queue_check net/ipv4/tcp_output.c:2230

	limit := max(uint64(2*skb.Truesize), sk.SkPacingRate>>sk.SkPacingShift)
	if sk.SkPacingStatus == core.SkPacingNone {
		limit = min(limit, uint64(n.Sysctl.TcpLimitOutputBytes))
	}
	limit <<= factor
	if uint64(sk.SkWmemAlloc) <= limit {
		return false
	}
	// With nothing in flight no ACK would come, and the packet goes anyway.
	if tcpRtxQueueEmpty(sk) {
		return false
	}
	sk.SkTsqFlags |= tsqfThrottled
	return true
}
