// Connections apart from TCP proper (net/ipv4/inet_connection_sock.c, second
// half): accept, timers, routes, and the end of a socket. Half-open connections
// and listeners are in inet_connection_sock_req.go, ports in
// inet_connection_sock_bind.go.
//
// Left out: fast open, the compat socket options (the tables hold the native
// ones), XFRM.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// inetCskWaitForConnect sleeps until a connection waits for accept; one sleeper
// wakes for each.
func (n *Net) inetCskWaitForConnect(sk *core.Sock, timeo int64) int {
	kernel.Fentry2(&n.Kernel, sk, timeo) // inet_csk_wait_for_connect net/ipv4/inet_connection_sock.c:396

	queue := &inetCsk(sk).IcskAcceptQueue
	wait := n.DefineWait()
	err := 0
	for {
		n.PrepareToWaitExclusive(core.SkSleep(sk), wait, kernel.TaskInterruptible)
		n.ReleaseSock(sk) // :416
		if reqskQueueEmpty(queue) {
			timeo = n.ScheduleTimeout(timeo)
		}
		n.LockSock(sk) // :420
		err = 0
		if !reqskQueueEmpty(queue) {
			break
		}
		err = -core.EINVAL
		if sk.SkState != core.TcpListen {
			break
		}
		err = core.SockIntrErrno(timeo)
		if n.SignalPending(n.Current()) {
			break
		}
		err = -core.EAGAIN
		if timeo == 0 {
			break
		}
	}
	n.FinishWait(wait)
	return err
}

// inetCskAccept takes the connection that has waited longest, and waits for one
// if flags allow it.
func (n *Net) inetCskAccept(sk *core.Sock, flags int, kern bool) (newsk *core.Sock, err int) {
	kernel.Fentry3(&n.Kernel, sk, flags, kern) // inet_csk_accept net/ipv4/inet_connection_sock.c:442

	queue := &inetCsk(sk).IcskAcceptQueue
	n.LockSock(sk) // :449
	switch {
	case sk.SkState != core.TcpListen:
		err = -core.EINVAL
	case reqskQueueEmpty(queue):
		timeo := core.SockRcvtimeo(sk, flags&core.SockNonblock != 0)
		if timeo == 0 {
			err = -core.EAGAIN
		} else {
			err = n.inetCskWaitForConnect(sk, timeo) // :467
		}
	}
	var req *RequestSock
	if err == 0 {
		req = n.reqskQueueRemove(queue, sk) // :471
		newsk = req.Sk
	}
	n.ReleaseSock(sk) // :490
	if req != nil {
		n.reqskPut(req) // :492
	}
	return newsk, err
}

// inetCskInitXmitTimers readies a connection's timers.
func (n *Net) inetCskInitXmitTimers(sk *core.Sock, retransmit, delack, keepalive *kernel.TimerKind) {
	kernel.Fentry1(&n.Kernel, sk) // inet_csk_init_xmit_timers net/ipv4/inet_connection_sock.c:514

	icsk := inetCsk(sk)
	icsk.IcskRetransmitTimer.Setup(retransmit, sk)
	icsk.IcskDelackTimer.Setup(delack, sk)
	sk.SkTimer.Setup(keepalive, sk)
	icsk.IcskPending, icsk.IcskAck.Pending = 0, 0
}

// inetCskClearXmitTimers stops them.
func (n *Net) inetCskClearXmitTimers(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_csk_clear_xmit_timers net/ipv4/inet_connection_sock.c:525

	icsk := inetCsk(sk)
	icsk.IcskPending, icsk.IcskAck.Pending, icsk.IcskAck.Blocked = 0, 0, false
	n.SkStopTimer(sk, &icsk.IcskRetransmitTimer) // :527
	n.SkStopTimer(sk, &icsk.IcskDelackTimer)     // :528
	n.SkStopTimer(sk, &sk.SkTimer)               // :529
}

// inetCskDeleteKeepaliveTimer stops the keepalive timer.
func (n *Net) inetCskDeleteKeepaliveTimer(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_csk_delete_keepalive_timer net/ipv4/inet_connection_sock.c:535

	n.SkStopTimer(sk, &sk.SkTimer) // :535
}

// inetCskResetKeepaliveTimer lets the keepalive timer run out in length jiffies.
func (n *Net) inetCskResetKeepaliveTimer(sk *core.Sock, length uint64) {
	kernel.Fentry2(&n.Kernel, sk, length) // inet_csk_reset_keepalive_timer net/ipv4/inet_connection_sock.c:541

	n.SkResetTimer(sk, &sk.SkTimer, n.Jiffies()+length) // :541
}

// inetCskRouteReq finds the route of a half-open connection and leaves its flow
// in fl4. menuos does not follow the source route of a SYN, because answers
// along one are not built.
func (n *Net) inetCskRouteReq(sk *core.Sock, fl4 *ipv4.Flowi4, req *RequestSock) *core.DstEntry {
	kernel.Fentry2(&n.Kernel, sk, req) // inet_csk_route_req net/ipv4/inet_connection_sock.c:549

	ipv4.Flowi4InitOutput(fl4, int(req.SkBoundDevIf), req.IrMark, ipv4.RtConnFlags(sk), ipv4.RtScopeUniverse,
		sk.SkProtocol, ipv4.InetSkFlowiFlags(sk), req.SkDaddr, req.SkRcvSaddr, req.SkDport, req.SkNum)
	rt, err := n.IpRouteOutputFlow(fl4, sk) // :564
	if err != 0 {
		n.Mib[core.MibIpOutNoRoutes]++
		return nil
	}
	return &rt.DstEntry
}

// inetCskRouteChildSock finds the route of a new connection and leaves its flow
// in the socket.
func (n *Net) inetCskRouteChildSock(sk, newsk *core.Sock, req *RequestSock) *core.DstEntry {
	kernel.Fentry3(&n.Kernel, sk, newsk, req) // inet_csk_route_child_sock net/ipv4/inet_connection_sock.c:585

	fl4 := &ipv4.InetSk(newsk).Cork.Fl
	ipv4.Flowi4InitOutput(fl4, int(req.SkBoundDevIf), req.IrMark, ipv4.RtConnFlags(sk), ipv4.RtScopeUniverse,
		sk.SkProtocol, ipv4.InetSkFlowiFlags(sk), req.SkDaddr, req.SkRcvSaddr, req.SkDport, req.SkNum)
	rt, err := n.IpRouteOutputFlow(fl4, sk) // :602
	if err != 0 {
		n.Mib[core.MibIpOutNoRoutes]++
		return nil
	}
	return &rt.DstEntry
}

// inetCskDestroySock ends a closed socket that no program holds.
func (n *Net) inetCskDestroySock(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_csk_destroy_sock net/ipv4/inet_connection_sock.c:836

	sk.SkProt.Destroy(sk)    // :845
	n.SkStreamKillQueues(sk) // :847
	sk.SkProt.OrphanCount--
	n.SockPut(sk) // :855
}

// inetCskPrepareForcedClose makes a new connection fit for tcp_done though no
// program has ever had it.
func (n *Net) inetCskPrepareForcedClose(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_csk_prepare_forced_close net/ipv4/inet_connection_sock.c:866

	n.SockPut(sk) // :867
	core.SockSetFlag(sk, core.SockDead)
	sk.SkProt.OrphanCount++
	sk.SkNum = 0
}

// inetCskAddr2sockaddr is the other side's address as a program sees it
// (inet_csk_addr2sockaddr).
func (n *Net) inetCskAddr2sockaddr(sk *core.Sock, uaddr core.Sockaddr) {
	putSockaddrIn(uaddr, sk.SkDaddr, sk.SkDport)
}

// inetCskRebuildRoute finds a new route for a connection.
func (n *Net) inetCskRebuildRoute(sk *core.Sock, fl4 *ipv4.Flowi4) *core.DstEntry {
	kernel.Fentry1(&n.Kernel, sk) // inet_csk_rebuild_route net/ipv4/inet_connection_sock.c:1064

	inet := ipv4.InetSk(sk)
	rt, err := n.IpRouteOutputPorts(fl4, sk, sk.SkDaddr, inet.InetSaddr, sk.SkDport, inet.InetSport, sk.SkProtocol, ipv4.RtConnFlags(sk), int(sk.SkBoundDevIf)) // :1075
	if err != 0 {
		return nil
	}
	n.SkSetupCaps(sk, &rt.DstEntry) // :1082
	return &rt.DstEntry
}

// inetCskUpdatePmtu tells a connection's route of a smaller path MTU and returns
// the route that holds afterwards.
func (n *Net) inetCskUpdatePmtu(sk *core.Sock, mtu uint32) *core.DstEntry {
	kernel.Fentry2(&n.Kernel, sk, mtu) // inet_csk_update_pmtu net/ipv4/inet_connection_sock.c:1090

	fl4 := &ipv4.InetSk(sk).Cork.Fl
	dst := n.SkDstCheck__(sk, 0) // :1090
	if dst == nil {
		if dst = n.inetCskRebuildRoute(sk, fl4); dst == nil { // :1094
			return nil
		}
	}
	dst.Ops.UpdatePmtu(dst, sk, nil, mtu)        // :1098
	if dst = n.SkDstCheck__(sk, 0); dst == nil { // :1100
		dst = n.inetCskRebuildRoute(sk, fl4) // :1102
	}
	return dst
}

// putSockaddrIn writes a struct sockaddr_in.
func putSockaddrIn(b core.Sockaddr, addr wire.Addr, port uint16) {
	a := addr.As4()
	b[0], b[1] = core.AfInet, 0
	b[2], b[3] = byte(port>>8), byte(port)
	copy(b[4:8], a[:])
	clear(b[8:])
}
