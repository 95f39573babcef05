// The socket layer of the family: connecting, accepting, data
// (net/ipv4/af_inet.c). Left out: BPF, TCP Fast Open, sendpage.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

const oNonblock = 0o4000 // O_NONBLOCK

// inetDgramConnect gives a datagram socket a peer, or for AF_UNSPEC takes it
// away.
func (n *Net) inetDgramConnect(sock *core.Socket, uaddr core.Sockaddr, addrLen int, flags int) int {
	kernel.Fentry4(&n.Kernel, sock, uaddr, addrLen, flags) // inet_dgram_connect net/ipv4/af_inet.c:555

	sk := sock.Sk
	if addrLen < 2 || len(uaddr) < 2 {
		return -core.EINVAL
	}
	if sinFamily(uaddr) == core.AfUnspec {
		return sk.SkProt.Disconnect(sk, flags) // :561
	}
	if sk.SkNum == 0 {
		if n.inetAutobind(sk) != 0 { // :569
			return -core.EAGAIN
		}
	}
	return sk.SkProt.Connect(sk, uaddr, addrLen) // :571
}

// inetWaitForConnect sleeps until a connection is made or has failed, a signal
// comes, or timeo jiffies are over; it returns what is left of them.
func (n *Net) inetWaitForConnect(sk *core.Sock, timeo int64, writebias int) int64 {
	kernel.Fentry3(&n.Kernel, sk, timeo, writebias) // inet_wait_for_connect net/ipv4/af_inet.c:577

	wait := n.DefineWaitWoken()
	core.SkSleep(sk).AddWaitQueue(wait)
	sk.SkWritePending += writebias
	for 1<<sk.SkState&(core.TcpfSynSent|core.TcpfSynRecv) != 0 {
		n.ReleaseSock(sk)                                          // :588
		timeo = n.WaitWoken(wait, kernel.TaskInterruptible, timeo) // :589
		n.LockSock(sk)                                             // :590
		if n.SignalPending(n.Current()) || timeo == 0 {
			break
		}
	}
	wait.RemoveWaitQueue()
	sk.SkWritePending -= writebias
	return timeo
}

// inetStreamConnect__ connects a stream socket that the caller has locked.
// Errors: EINVAL, EISCONN, EALREADY or EINPROGRESS for a non-blocking socket on
// its way, EINTR, those of the protocol, and ECONNABORTED.
func (n *Net) inetStreamConnect__(sock *core.Socket, uaddr core.Sockaddr, addrLen int, flags int, isSendmsg bool) int {
	kernel.Fentry5(&n.Kernel, sock, uaddr, addrLen, flags, isSendmsg) // __inet_stream_connect net/ipv4/af_inet.c:605

	sk := sock.Sk
	if uaddr != nil {
		if addrLen < 2 || len(uaddr) < 2 {
			return -core.EINVAL
		}
		if sinFamily(uaddr) == core.AfUnspec {
			err := sk.SkProt.Disconnect(sk, flags) // :624
			sock.State = core.SsUnconnected
			if err != 0 {
				sock.State = core.SsDisconnecting
			}
			return err
		}
	}

	var err int
	switch sock.State {
	case core.SsConnected:
		return -core.EISCONN
	case core.SsConnecting:
		err = -core.EALREADY
	case core.SsUnconnected:
		if sk.SkState != core.TcpClose {
			return -core.EISCONN
		}
		err = sk.SkProt.Connect(sk, uaddr, addrLen) // :655
		if err < 0 {
			return err
		}
		sock.State = core.SsConnecting
		err = -core.EINPROGRESS
	default:
		return -core.EINVAL
	}

	timeo := core.SockSndtimeo(sk, flags&oNonblock != 0)
	if 1<<sk.SkState&(core.TcpfSynSent|core.TcpfSynRecv) != 0 {
		if timeo == 0 {
			return err
		}
		timeo = n.inetWaitForConnect(sk, timeo, 0) // :680
		if timeo == 0 {
			return err
		}
		err = core.SockIntrErrno(timeo)
		if n.SignalPending(n.Current()) {
			return err
		}
	}
	if sk.SkState == core.TcpClose {
		err = core.SockError(sk)
		if err == 0 {
			err = -core.ECONNABORTED
		}
		sock.State = core.SsUnconnected
		if sk.SkProt.Disconnect(sk, flags) != 0 { // :707
			sock.State = core.SsDisconnecting
		}
		return err
	}
	sock.State = core.SsConnected
	return 0
}

// inetStreamConnect connects a stream socket.
func (n *Net) inetStreamConnect(sock *core.Socket, uaddr core.Sockaddr, addrLen int, flags int) int {
	kernel.Fentry4(&n.Kernel, sock, uaddr, addrLen, flags) // inet_stream_connect net/ipv4/af_inet.c:718

	n.LockSock(sock.Sk)                                              // :718
	err := n.inetStreamConnect__(sock, uaddr, addrLen, flags, false) // :719
	n.ReleaseSock(sock.Sk)                                           // :720
	return err
}

// inetAccept takes a connection off a listener's queue into newsock.
func (n *Net) inetAccept(sock, newsock *core.Socket, flags int, kern bool) int {
	kernel.Fentry4(&n.Kernel, sock, newsock, flags, kern) // inet_accept net/ipv4/af_inet.c:731

	sk1 := sock.Sk
	sk2, err := sk1.SkProt.Accept(sk1, flags, kern) // :734
	if sk2 == nil {
		return err
	}
	n.LockSock(sk2) // :739
	n.SockGraft(sk2, newsock)
	newsock.State = core.SsConnected
	n.ReleaseSock(sk2) // :750
	return 0
}

// inetGetname is a socket's own address, or with peer the other side's; with
// peer 2 also while it is being connected. It returns the address's length or
// ENOTCONN.
func (n *Net) inetGetname(sock *core.Socket, peer int) (core.Sockaddr, int) {
	kernel.Fentry2(&n.Kernel, sock, peer) // inet_getname net/ipv4/af_inet.c:763

	sk := sock.Sk
	inet := InetSk(sk)
	addr, port := sk.SkRcvSaddr, inet.InetSport
	if addr == 0 {
		addr = inet.InetSaddr
	}
	if peer != 0 {
		if sk.SkDport == 0 || peer == 1 && 1<<sk.SkState&(core.TcpfClose|core.TcpfSynSent) != 0 {
			return nil, -core.ENOTCONN
		}
		addr, port = sk.SkDaddr, sk.SkDport
	}
	return putSockaddrIn(nil, addr, port), sizeofSockaddrIn
}

// inetSendmsg sends through a socket, which gets a port first if it needs one.
func (n *Net) inetSendmsg(sock *core.Socket, msg *core.Msghdr, size int) int {
	kernel.Fentry3(&n.Kernel, sock, msg, size) // inet_sendmsg net/ipv4/af_inet.c:789

	sk := sock.Sk
	if sk.SkNum == 0 && !sk.SkProt.NoAutobind {
		if n.inetAutobind(sk) != 0 { // :795
			return -core.EAGAIN
		}
	}
	return sk.SkProt.Sendmsg(sk, msg, size) // :798
}

// inetRecvmsg receives from a socket.
func (n *Net) inetRecvmsg(sock *core.Socket, msg *core.Msghdr, size int, flags int) int {
	kernel.Fentry4(&n.Kernel, sock, msg, size, flags) // inet_recvmsg net/ipv4/af_inet.c:822

	sk := sock.Sk
	addrLen := &InetSk(sk).recvAddrLen
	*addrLen = 0
	err := sk.SkProt.Recvmsg(sk, msg, size, flags&core.MsgDontwait != 0, flags&^core.MsgDontwait, addrLen) // :830
	if err >= 0 && msg.Name != nil && *addrLen == 0 {
		msg.Name = msg.Name[:0]
	}
	return err
}

// inetShutdown ends one direction of a connection or both. EINVAL for a how that
// is none, ENOTCONN.
func (n *Net) inetShutdown(sock *core.Socket, how int) int {
	kernel.Fentry2(&n.Kernel, sock, how) // inet_shutdown net/ipv4/af_inet.c:840

	sk := sock.Sk
	how++ // now bit 0 is receiving, bit 1 sending
	if how&^core.ShutdownMask != 0 || how == 0 {
		return -core.EINVAL
	}
	n.LockSock(sk) // :852
	if sock.State == core.SsConnecting {
		sock.State = core.SsConnected
		if 1<<sk.SkState&(core.TcpfSynSent|core.TcpfSynRecv|core.TcpfClose) != 0 {
			sock.State = core.SsDisconnecting
		}
	}
	err := 0
	switch {
	case sk.SkState == core.TcpListen && how&core.RcvShutdown == 0:
	case sk.SkState == core.TcpListen || sk.SkState == core.TcpSynSent:
		err = sk.SkProt.Disconnect(sk, oNonblock) // :882
		sock.State = core.SsUnconnected
		if err != 0 {
			sock.State = core.SsDisconnecting
		}
	default:
		if sk.SkState == core.TcpClose {
			err = -core.ENOTCONN
		}
		sk.SkShutdown |= uint8(how)
		if sk.SkProt.Shutdown != nil {
			sk.SkProt.Shutdown(sk, how) // :870
		}
	}
	sk.SkStateChange(sk) // :888
	n.ReleaseSock(sk)    // :889
	return err
}

// inetIoctl configures interfaces (arg is an *Ifreq) or asks the protocol.
func (n *Net) inetIoctl(sock *core.Socket, cmd uint32, arg any) int {
	kernel.Fentry2(&n.Kernel, sock, cmd) // inet_ioctl net/ipv4/af_inet.c:905

	sk := sock.Sk
	switch cmd {
	case SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK, SIOCGIFDSTADDR:
		ifr, ok := arg.(*Ifreq)
		if !ok {
			return -core.EFAULT
		}
		return n.DevinetIoctl(cmd, ifr) // :941
	case SIOCSIFADDR, SIOCSIFBRDADDR, SIOCSIFNETMASK, SIOCSIFDSTADDR, SIOCSIFFLAGS:
		ifr, ok := arg.(*Ifreq)
		if !ok {
			return -core.EFAULT
		}
		return n.DevinetIoctl(cmd, ifr) // :954
	}
	if sk.SkProt.Ioctl == nil {
		return -core.ENOIOCTLCMD
	}
	return sk.SkProt.Ioctl(sk, cmd, arg) // :958
}
