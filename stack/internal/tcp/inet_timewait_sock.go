// What is left of a connection in TIME_WAIT (net/ipv4/inet_timewait_sock.c):
// enough to answer old segments, in the place of the socket in all tables. Left
// out: purging a network namespace.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
)

// inetTwskBindUnhash takes a remnant from its port's owners.
func (n *Net) inetTwskBindUnhash(tw *TimewaitSock) {
	kernel.Fentry1(&n.Kernel, tw) // inet_twsk_bind_unhash net/ipv4/inet_timewait_sock.c:31

	tb := tw.TwTb
	if tb == nil {
		return
	}
	tb.delOwner(&tw.SockCommon)
	tw.TwTb = nil
	n.inetBindBucketDestroy(tb) // :38
	tw.SkRefcnt--
}

// inetTwskKill takes a remnant out of all tables.
func (n *Net) inetTwskKill(tw *TimewaitSock) {
	kernel.Fentry1(&n.Kernel, tw) // inet_twsk_kill net/ipv4/inet_timewait_sock.c:45

	if n.hashinfo.ehashDel(&tw.SockCommon) {
		tw.SkRefcnt--
	}
	n.inetTwskBindUnhash(tw) // :58
	n.twRow.twCount--
	n.inetTwskPut(tw) // :62
}

// inetTwskFree ends a remnant.
func (n *Net) inetTwskFree(tw *TimewaitSock) {
	kernel.Fentry1(&n.Kernel, tw) // inet_twsk_free net/ipv4/inet_timewait_sock.c:67

	n.tcpTwskDestructor(tw) // :68
	n.SockDel(&tw.SockCommon)
	n.slabs.timewait.put(tw)
}

// inetTwskPut drops a reference to a remnant.
func (n *Net) inetTwskPut(tw *TimewaitSock) {
	kernel.Fentry1(&n.Kernel, tw) // inet_twsk_put net/ipv4/inet_timewait_sock.c:78

	if tw.SkRefcnt--; tw.SkRefcnt == 0 {
		n.inetTwskFree(tw) // :79
	}
}

// inetTwskHashdance puts a remnant into the tables in its socket's place. The
// socket keeps its port.
func (n *Net) inetTwskHashdance(tw *TimewaitSock, sk *core.Sock, hashinfo *inetHashinfo) {
	kernel.Fentry3(&n.Kernel, tw, sk, hashinfo) // inet_twsk_hashdance net/ipv4/inet_timewait_sock.c:105

	tw.TwTb = inetCsk(sk).IcskBindHash
	tw.TwTb.addOwner(&tw.SockCommon)
	hashinfo.ehashAdd(&tw.SockCommon)
	if hashinfo.ehashDel(&sk.SockCommon) {
		sk.SkProt.Inuse--
	}
	tw.SkRefcnt = 3 // the two tables and the timer
}

// twTimerHandler ends a wait that has lasted long enough.
func (n *Net) twTimerHandler(t *kernel.Timer) {
	kernel.Fentry1(&n.Kernel, t) // tw_timer_handler net/ipv4/inet_timewait_sock.c:145

	tw := t.Owner.(*TimewaitSock)
	if tw.TwKill {
		n.Mib[core.MibTcpExtTWKilled]++
	} else {
		n.Mib[core.MibTcpExtTW]++
	}
	n.inetTwskKill(tw) // :151
}

// inetTwskAlloc makes the remnant of a connection; nil if there are too many.
func (n *Net) inetTwskAlloc(sk *core.Sock, dr *inetTimewaitDeathRow, state int) *TimewaitSock {
	kernel.Fentry3(&n.Kernel, sk, dr, state) // inet_twsk_alloc net/ipv4/inet_timewait_sock.c:160

	if dr.twCount >= n.Sysctl.TcpMaxTwBuckets {
		return nil
	}
	inet := ipv4.InetSk(sk)
	tw := n.slabs.timewait.alloc()
	tw.SkDaddr, tw.SkRcvSaddr = sk.SkDaddr, sk.SkRcvSaddr
	tw.SkNum, tw.SkDport = sk.SkNum, sk.SkDport
	tw.SkHash = sk.SkHash
	tw.SkFamily = sk.SkFamily
	tw.SkState = core.TcpTimeWait
	tw.SkReuse, tw.SkReuseport = sk.SkReuse, sk.SkReuseport
	tw.SkBoundDevIf = sk.SkBoundDevIf
	tw.SkProt, tw.SkNet = sk.SkProt, sk.SkNet
	tw.Partial = tw
	n.SockAdd(&tw.SockCommon)
	tw.Cookie = sk.Cookie
	tw.TwSubstate = uint8(state)
	tw.TwTos = inet.Tos
	tw.TwTransparent = inet.Transparent
	tw.TwTimer.Setup(&n.timerKinds.timewait, tw)
	tw.SkRefcnt = 0
	return tw
}

// inetTwskDeschedulePut ends a wait early and drops the caller's reference.
func (n *Net) inetTwskDeschedulePut(tw *TimewaitSock) {
	kernel.Fentry1(&n.Kernel, tw) // inet_twsk_deschedule_put net/ipv4/inet_timewait_sock.c:213

	if n.DelTimer(&tw.TwTimer) {
		n.inetTwskKill(tw) // :214
	}
	n.inetTwskPut(tw) // :215
}

// inetTwskSchedule__ sets the end of a wait; rearm moves one that is under way.
func (n *Net) inetTwskSchedule__(tw *TimewaitSock, timeo int, rearm bool) {
	kernel.Fentry3(&n.Kernel, tw, timeo, rearm) // __inet_twsk_schedule net/ipv4/inet_timewait_sock.c:246

	tw.TwKill = timeo <= 4*hz
	if !rearm {
		n.ModTimer(&tw.TwTimer, n.Jiffies()+uint64(timeo))
		n.twRow.twCount++
	} else if tw.TwTimer.Pending() {
		n.ModTimer(&tw.TwTimer, n.Jiffies()+uint64(timeo))
	}
}

// inetTwskSchedule begins a wait.
func (n *Net) inetTwskSchedule(tw *TimewaitSock, timeo int) {
	kernel.Fentry2(&n.Kernel, tw, timeo) // inet_twsk_schedule include/net/inet_timewait_sock.h:105

	n.inetTwskSchedule__(tw, timeo, false) // :105
}

// inetTwskReschedule prolongs one.
func (n *Net) inetTwskReschedule(tw *TimewaitSock, timeo int) {
	kernel.Fentry2(&n.Kernel, tw, timeo) // inet_twsk_reschedule include/net/inet_timewait_sock.h:110

	n.inetTwskSchedule__(tw, timeo, true) // :110
}
