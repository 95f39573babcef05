// A TCP socket as a whole (net/ipv4/tcp.c): how it begins, its state, poll and
// ioctl, and how it ends. Sending is in tcp_sendmsg.go, receiving in
// tcp_recvmsg.go, close and disconnect in tcp_close.go, the socket options in
// tcp_sockopt.go and tcp_info.go.
//
// Left out: splice, sendpage, mmap and zero copy (programs here have plain
// buffers), fast open, repair, MD5, upper-layer protocols.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// Requests of tcp_ioctl.
const (
	siocinq     = 0x541b // FIONREAD
	siocatmark  = 0x8905
	siocoutq    = 0x5411 // TIOCOUTQ
	siocoutqnsd = 0x894b
)

// tcpEnterMemoryPressure notes that TCP has become short of memory.
func (n *Net) tcpEnterMemoryPressure(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_enter_memory_pressure net/ipv4/tcp.c:328

	if n.prot.MemoryPressure {
		return
	}
	n.prot.MemoryPressure = true
	n.pressure = n.Jiffies()
	n.Mib[core.MibTcpExtTCPMemoryPressures]++
}

// tcpLeaveMemoryPressure notes that it no longer is.
func (n *Net) tcpLeaveMemoryPressure(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_leave_memory_pressure net/ipv4/tcp.c:343

	if !n.prot.MemoryPressure {
		return
	}
	n.prot.MemoryPressure = false
	n.Mib[core.MibTcpExtTCPMemoryPressuresChrono] += (n.Jiffies() - n.pressure) * 1000 / hz
}

// tcpInitSock readies a new TCP socket, whatever its address family.
func (n *Net) tcpInitSock(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_init_sock net/ipv4/tcp.c:412

	tp := tcpSk(sk)
	n.tcpInitXmitTimers(sk) // :414
	tp.IcskRto = tcpTimeoutInit
	tp.MdevUs = jiffiesToUsecs(tcpTimeoutInit)
	minmaxReset(&tp.RttMin, n.TcpJiffies32(), ^uint32(0))
	tp.SndCwnd = tcpInitCwndDefault
	tp.AppLimited = ^uint32(0)
	tp.SndSsthresh = tcpInfiniteSsthresh
	tp.SndCwndClamp = ^uint32(0)
	tp.MssCache = tcpMssDefault
	tp.Reordering = uint32(n.Sysctl.TcpReordering)
	n.tcpAssignCongestionControl(sk) // :440
	tp.Tsoffset = 0
	tp.Rack.ReoWndSteps = 1
	sk.SkState = core.TcpClose
	sk.SkWriteSpace = n.SkStreamWriteSpaceFn
	core.SockSetFlag(sk, core.SockUseWriteQueue)
	sk.SkSndbuf = n.Sysctl.TcpWmem[1]
	sk.SkRcvbuf = n.Sysctl.TcpRmem[1]
	sk.SkRouteForcedCaps = core.NetifFGso
	n.prot.SocketsAllocated++
}

// tcpInitTransfer readies a connection for data, the handshake being done.
func (n *Net) tcpInitTransfer(sk *core.Sock, bpfOp int) {
	kernel.Fentry2(&n.Kernel, sk, bpfOp) // tcp_init_transfer net/ipv4/tcp.c:464

	n.tcpMtupInit(sk)                       // :464
	inetCsk(sk).IcskAfOps.RebuildHeader(sk) // :465
	n.tcpInitMetrics(sk)                    // :466
	n.tcpInitCongestionControl(sk)          // :468
	n.tcpInitBufferSpace(sk)                // :469
}

// tcpStreamIsReadable reports whether target bytes can be read
// (tcp_stream_is_readable).
func tcpStreamIsReadable(tp *TcpSock, target int, _ *core.Sock) bool {
	return int32(tp.RcvNxt-tp.CopiedSeq) >= int32(target)
}

// tcpPoll returns what a program could do with the socket now, and registers on
// its wait queue for more.
func (n *Net) tcpPoll(file *kernel.File, sock *core.Socket, wait *kernel.PollTable) uint32 {
	kernel.Fentry3(&n.Kernel, file, sock, wait) // tcp_poll net/ipv4/tcp.c:510

	sk := sock.Sk
	tp := tcpSk(sk)
	core.SockPollWait(sock, wait)
	state := sk.SkState
	if state == core.TcpListen {
		return inetCskListenPoll(sk)
	}
	var mask uint32
	if sk.SkShutdown == core.ShutdownMask || state == core.TcpClose {
		mask |= core.POLLHUP
	}
	if sk.SkShutdown&core.RcvShutdown != 0 {
		mask |= core.POLLIN | core.POLLRDNORM | core.POLLRDHUP
	}
	if state != core.TcpSynSent && state != core.TcpSynRecv {
		target := core.SockRcvlowat(sk, false, 1<<31-1)
		if tp.UrgSeq == tp.CopiedSeq && !core.SockFlag(sk, core.SockUrginline) && tp.UrgData != 0 {
			target++
		}
		if tcpStreamIsReadable(tp, target, sk) {
			mask |= core.POLLIN | core.POLLRDNORM
		}
		if sk.SkShutdown&core.SendShutdown != 0 || core.SkStreamIsWriteable(sk) {
			mask |= core.POLLOUT | core.POLLWRNORM
		} else {
			core.SkSetBit(core.SockAsyncNospace, sk)
			sock.Flags |= 1 << core.SockNospace
		}
		if tp.UrgData&tcpUrgValid != 0 {
			mask |= core.POLLPRI
		}
	}
	if sk.SkErr != 0 || !sk.SkErrorQueue.Empty() {
		mask |= core.POLLERR
	}
	return mask
}

// tcpIoctl answers questions about the queues. arg is an *int.
func (n *Net) tcpIoctl(sk *core.Sock, cmd uint32, arg any) int {
	kernel.Fentry2(&n.Kernel, sk, cmd) // tcp_ioctl net/ipv4/tcp.c:611

	tp := tcpSk(sk)
	if sk.SkState == core.TcpListen && cmd != siocatmark {
		switch cmd {
		case siocinq, siocoutq, siocoutqnsd:
			return -core.EINVAL
		}
	}
	handshake := 1<<sk.SkState&(core.TcpfSynSent|core.TcpfSynRecv) != 0
	answ := 0
	switch cmd {
	case siocinq:
		slow := n.LockSockFast(sk) // :616
		answ = tcpInq(sk)
		n.UnlockSockFast(sk, slow) // :618
	case siocatmark:
		if tp.UrgData != 0 && tp.UrgSeq == tp.CopiedSeq {
			answ = 1
		}
	case siocoutq:
		if !handshake {
			answ = int(tp.WriteSeq - tp.SndUna)
		}
	case siocoutqnsd:
		if !handshake {
			answ = int(tp.WriteSeq - tp.SndNxt)
		}
	default:
		return -core.ENOIOCTLCMD
	}
	out, ok := arg.(*int)
	if !ok {
		return -core.EFAULT
	}
	*out = answ
	return 0
}

// tcpSetRcvlowat sets how much must have come before a reader wakes, and makes
// room for that.
func (n *Net) tcpSetRcvlowat(sk *core.Sock, val int) int {
	kernel.Fentry2(&n.Kernel, sk, val) // tcp_set_rcvlowat net/ipv4/tcp.c:1706

	limit := n.Sysctl.TcpRmem[2] >> 1
	if sk.SkUserlocks&core.SockRcvbufLock != 0 {
		limit = sk.SkRcvbuf >> 1
	}
	val = min(val, limit)
	sk.SkRcvlowat = max(val, 1)
	n.tcpDataReady(sk) // :1714
	if sk.SkUserlocks&core.SockRcvbufLock != 0 {
		return 0
	}
	val <<= 1
	if val > sk.SkRcvbuf {
		sk.SkRcvbuf = val
		tcpSk(sk).WindowClamp = uint32(n.tcpWinFromSpace(sk, val))
	}
	return 0
}

// tcpSetState moves a socket to another state. With CLOSE it leaves the hash
// tables, and gives its port back unless bind chose that.
func (n *Net) tcpSetState(sk *core.Sock, state int) {
	kernel.Fentry2(&n.Kernel, sk, state) // tcp_set_state net/ipv4/tcp.c:2194

	oldstate := int(sk.SkState)
	switch state {
	case core.TcpEstablished:
		if oldstate != core.TcpEstablished {
			n.Mib[core.MibTcpCurrEstab]++
		}
	case core.TcpClose:
		if oldstate == core.TcpCloseWait || oldstate == core.TcpEstablished {
			n.Mib[core.MibTcpEstabResets]++
		}
		sk.SkProt.Unhash(sk) // :2230
		if inetCsk(sk).IcskBindHash != nil && sk.SkUserlocks&core.SockBindportLock == 0 {
			n.inetPutPort(sk) // :2233
		}
		fallthrough
	default:
		if oldstate == core.TcpEstablished {
			n.Mib[core.MibTcpCurrEstab]--
		}
	}
	n.InetSkStateStore(sk, state) // :2243
}

// tcpCheckOom reports whether a socket without a program must go, because there
// are too many of its kind or too little memory.
func (n *Net) tcpCheckOom(sk *core.Sock, shift int) bool {
	kernel.Fentry2(&n.Kernel, sk, shift) // tcp_check_oom net/ipv4/tcp.c:2310

	return n.tcpTooManyOrphans(sk, shift) || n.tcpOutOfMemory(sk)
}

// tcpDone closes a connection at once. Without a program it is destroyed.
func (n *Net) tcpDone(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_done net/ipv4/tcp.c:3746

	if sk.SkState == core.TcpSynSent || sk.SkState == core.TcpSynRecv {
		n.Mib[core.MibTcpAttemptFails]++
	}
	n.tcpSetState(sk, core.TcpClose) // :3751
	n.tcpClearXmitTimers(sk)         // :3752
	sk.SkShutdown = core.ShutdownMask
	if !core.SockFlag(sk, core.SockDead) {
		sk.SkStateChange(sk) // :3759
	} else {
		n.inetCskDestroySock(sk) // :3761
	}
}

// TcpAbort kills a connection, as ss -K does; err is what the program gets.
func (n *Net) TcpAbort(skc *core.SockCommon, err int) int {
	kernel.Fentry2(&n.Kernel, skc, err) // tcp_abort net/ipv4/tcp.c:3767

	if !core.SkFullsock(skc) {
		if skc.SkState == core.TcpNewSynRecv {
			req := inetReqsk(skc)
			n.LocalBhDisable()
			n.inetCskReqskQueueDrop(req.RskListener, req) // :3772
			n.LocalBhEnable()                             // :3773
			return 0
		}
		return -core.EOPNOTSUPP
	}
	sk := skc.Full
	n.LockSock(sk) // :3780
	if sk.SkState == core.TcpListen {
		n.tcpSetState(sk, core.TcpClose) // :3783
		n.inetCskListenStop(sk)          // :3784
	}
	n.LocalBhDisable()
	if !core.SockFlag(sk, core.SockDead) {
		sk.SkErr = err
		sk.SkErrorReport(sk) // :3795
		if tcpNeedReset(int(sk.SkState)) {
			n.tcpSendActiveReset(sk) // :3797
		}
		n.tcpDone(sk) // :3798
	}
	n.LocalBhEnable()        // :3802
	n.tcpWriteQueuePurge(sk) // :3803
	n.ReleaseSock(sk)        // :3804
	return 0
}

// changeExtHdrLen follows a change of the socket's IP options by delta bytes.
func (n *Net) changeExtHdrLen(sk *core.Sock, delta int) {
	icsk := inetCsk(sk)
	icsk.IcskExtHdrLen = uint16(int(icsk.IcskExtHdrLen) + delta)
	n.tcpSyncMss(sk, icsk.IcskPmtuCookie)
}
