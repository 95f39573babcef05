// The socket layer of the family: creating, binding, closing
// (net/ipv4/af_inet.c). af_inet_connect.go has connecting, accepting and data.
// Left out: BPF, capabilities, and TCP Fast Open.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// InetSockDestruct frees what a closed socket still has.
func (n *Net) InetSockDestruct(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_sock_destruct net/ipv4/af_inet.c:138

	n.SkbQueuePurge__(&sk.SkReceiveQueue) // :138
	n.SkbQueuePurge__(&sk.SkErrorQueue)   // :139
	n.SkMemReclaim(sk)                    // :141
	if sk.SkType == core.SockStream && sk.SkState != core.TcpClose {
		panic("ipv4: a TCP socket is freed that is not closed")
	}
	if !core.SockFlag(sk, core.SockDead) {
		panic("ipv4: a socket is freed that is in use")
	}
	InetSk(sk).InetOpt = nil
	n.DstRelease(sk.SkDstCache)
	n.DstRelease(sk.SkRxDst)
	sk.SkDstCache, sk.SkRxDst = nil, nil
}

// inetAutobind gives a socket a port, if it has none; EAGAIN if none is free.
func (n *Net) inetAutobind(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // inet_autobind net/ipv4/af_inet.c:179

	n.LockSock(sk) // :179
	if sk.SkNum == 0 {
		if sk.SkProt.GetPort(sk, 0) != 0 { // :182
			n.ReleaseSock(sk) // :183
			return -core.EAGAIN
		}
		InetSk(sk).InetSport = sk.SkNum
	}
	n.ReleaseSock(sk) // :188
	return 0
}

// inetListen makes a stream socket listen, or changes its backlog. EINVAL if it
// is connected or no stream.
func (n *Net) inetListen(sock *core.Socket, backlog int) int {
	kernel.Fentry2(&n.Kernel, sock, backlog) // inet_listen net/ipv4/af_inet.c:197

	sk := sock.Sk
	n.LockSock(sk) // :201
	err := -core.EINVAL
	if sock.State == core.SsUnconnected && sock.Type == core.SockStream && 1<<sk.SkState&(core.TcpfClose|core.TcpfListen) != 0 {
		oldState := sk.SkState
		sk.SkMaxAckBacklog = uint32(backlog)
		err = 0
		if oldState != core.TcpListen {
			err = n.Csk.ListenStart(sk, backlog) // :230
		}
	}
	n.ReleaseSock(sk) // :238
	return err
}

// findProtosw finds the entry for a type and protocol, 0 standing for any; it
// returns the protocol meant, or ESOCKTNOSUPPORT or EPROTONOSUPPORT.
func (n *Net) findProtosw(typ uint8, protocol int) (*Protosw, int, int) {
	if int(typ) >= len(n.sw) {
		return nil, 0, -core.ESOCKTNOSUPPORT
	}
	err := -core.ESOCKTNOSUPPORT
	for _, answer := range n.sw[typ] {
		switch {
		case protocol == answer.Protocol && protocol != 0:
			return answer, protocol, 0
		case protocol == 0 && answer.Protocol != 0:
			return answer, answer.Protocol, 0
		case protocol != 0 && answer.Protocol == 0:
			return answer, protocol, 0
		}
		err = -core.EPROTONOSUPPORT
	}
	return nil, 0, err
}

// InetCreate makes the socket's protocol part. Errors: EINVAL for what cannot be
// a protocol, ESOCKTNOSUPPORT, EPROTONOSUPPORT, and those of the protocol.
func (n *Net) InetCreate(net *core.Net, sock *core.Socket, protocol int, kern bool) int {
	kernel.Fentry4(&n.Kernel, net, sock, protocol, kern) // inet_create net/ipv4/af_inet.c:258

	if protocol < 0 || protocol >= 256 {
		return -core.EINVAL
	}
	sock.State = core.SsUnconnected
	answer, protocol, err := n.findProtosw(sock.Type, protocol)
	if err != 0 {
		return err
	}
	sock.Ops = answer.Ops
	sk := n.SkAlloc(net, core.AfInet, answer.Prot, kern) // :321
	if sk == nil {
		return -core.ENOBUFS
	}
	if answer.Flags&InetProtoswReuse != 0 {
		sk.SkReuse = core.SkCanReuse
	}
	inet := InetSk(sk)
	inet.IsIcsk = answer.Flags&InetProtoswIcsk != 0
	if sock.Type == core.SockRaw {
		sk.SkNum = uint16(protocol)
		inet.Hdrincl = protocol == int(wire.ProtoRaw)
	}
	inet.Pmtudisc = core.IpPmtudiscWant
	if n.Sysctl.IpNoPmtuDisc != 0 {
		inet.Pmtudisc = core.IpPmtudiscDont
	}
	n.SockInitData(sock, sk) // :347
	sk.SkDestruct = n.rt.inetSockDestruct
	sk.SkProtocol = uint8(protocol)
	sk.SkBacklogRcv = sk.SkProt.BacklogRcv
	inet.UcTtl = -1
	inet.McLoop, inet.McAll = true, true
	inet.McTtl = 1
	if sk.SkNum != 0 {
		inet.InetSport = sk.SkNum
		if err := sk.SkProt.Hash(sk); err != 0 { // :371
			n.SkCommonRelease(sk) // :373
			return err
		}
	}
	if sk.SkProt.Init != nil {
		if err := sk.SkProt.Init(sk); err != 0 { // :379
			n.SkCommonRelease(sk) // :381
			return err
		}
	}
	return 0
}

// inetRelease closes a socket whose file is gone.
func (n *Net) inetRelease(sock *core.Socket) int {
	kernel.Fentry1(&n.Kernel, sock) // inet_release net/ipv4/af_inet.c:408

	sk := sock.Sk
	if sk == nil {
		return 0
	}
	n.ipMcDropSocket(sk)
	var timeout int64
	if core.SockFlag(sk, core.SockLinger) {
		timeout = sk.SkLingertime
	}
	sock.Sk = nil
	sk.SkProt.Close(sk, timeout) // :428
	return 0
}

// inetBind gives a socket an address and port of its own. Errors: EINVAL for a
// short address or a second bind, EAFNOSUPPORT, EADDRNOTAVAIL, EADDRINUSE.
func (n *Net) inetBind(sock *core.Socket, uaddr core.Sockaddr, addrLen int) int {
	kernel.Fentry3(&n.Kernel, sock, uaddr, addrLen) // inet_bind net/ipv4/af_inet.c:436

	sk := sock.Sk
	if sk.SkProt.Bind != nil {
		return sk.SkProt.Bind(sk, uaddr, addrLen) // :441
	}
	if addrLen < sizeofSockaddrIn || len(uaddr) < sizeofSockaddrIn {
		return -core.EINVAL
	}
	return n.inetBind__(sk, uaddr, addrLen, false, true) // :453
}

func (n *Net) inetBind__(sk *core.Sock, uaddr core.Sockaddr, addrLen int, forceBindAddressNoPort, withLock bool) int {
	kernel.Fentry5(&n.Kernel, sk, uaddr, addrLen, forceBindAddressNoPort, withLock) // __inet_bind net/ipv4/af_inet.c:462

	inet := InetSk(sk)
	addr, snum := sinAddr(uaddr), sinPort(uaddr)
	if f := sinFamily(uaddr); f != core.AfInet && (f != core.AfUnspec || addr != addrAny) {
		return -core.EAFNOSUPPORT
	}
	chkAddrRet := n.inetAddrTypeTable(addr, RtTableLocal) // :479
	group := chkAddrRet == RtnMulticast || chkAddrRet == RtnBroadcast
	if !n.inetCanNonlocalBind(inet) && addr != addrAny && chkAddrRet != RtnLocal && !group {
		return -core.EADDRNOTAVAIL
	}
	if withLock {
		n.LockSock(sk) // :510
	}
	err := 0
	switch {
	case sk.SkState != core.TcpClose || sk.SkNum != 0:
		err = -core.EINVAL
	default:
		sk.SkRcvSaddr, inet.InetSaddr = addr, addr
		if group {
			inet.InetSaddr = 0 // the device's
		}
		if snum != 0 || !(inet.BindAddressNoPort || forceBindAddressNoPort) {
			if sk.SkProt.GetPort(sk, snum) != 0 { // :524
				sk.SkRcvSaddr, inet.InetSaddr = 0, 0
				err = -core.EADDRINUSE
				break
			}
		}
		if sk.SkRcvSaddr != 0 {
			sk.SkUserlocks |= core.SockBindaddrLock
		}
		if snum != 0 {
			sk.SkUserlocks |= core.SockBindportLock
		}
		inet.InetSport = sk.SkNum
		sk.SkDaddr, sk.SkDport = 0, 0
		n.SkDstReset(sk) // :543
	}
	if withLock {
		n.ReleaseSock(sk) // :547
	}
	return err
}

// InetCtlSockCreate makes a socket for the kernel's own use (inet_ctl_sock_create).
func (n *Net) InetCtlSockCreate(family uint16, typ uint8, protocol int) (*core.Sock, int) {
	kernel.Fentry3(&n.Kernel, family, typ, protocol) // inet_ctl_sock_create net/ipv4/af_inet.c:1612

	sock := &core.Socket{Type: typ}
	if err := n.InetCreate(&n.Net, sock, protocol, true); err != 0 { // net/socket.c:1276
		return nil, err
	}
	sk := sock.Sk
	sk.SkProt.Unhash(sk) // :1623
	return sk, 0
}

// InetSkSetState changes a socket's state where that may be observed.
func (n *Net) InetSkSetState(sk *core.Sock, state int) {
	kernel.Fentry2(&n.Kernel, sk, state) // inet_sk_set_state net/ipv4/af_inet.c:1280

	if n.Trace != nil {
		n.TraceInetSockSetState(sk, sk.SkState, uint8(state))
	}
	sk.SkState = uint8(state)
}

// InetSkStateStore is InetSkSetState for states that others read without a lock.
func (n *Net) InetSkStateStore(sk *core.Sock, newstate int) {
	kernel.Fentry2(&n.Kernel, sk, newstate) // inet_sk_state_store net/ipv4/af_inet.c:1287

	if n.Trace != nil {
		n.TraceInetSockSetState(sk, sk.SkState, uint8(newstate))
	}
	sk.SkState = uint8(newstate)
}

// InetSkRebuildHeader finds a socket's route again after it went; 0 or an errno,
// which also becomes the socket's soft error.
func (n *Net) InetSkRebuildHeader(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // inet_sk_rebuild_header net/ipv4/af_inet.c:1231

	inet := InetSk(sk)
	if n.SkDstCheck__(sk, 0) != nil { // :1233
		return 0
	}
	rt, err := n.IpRouteOutputPorts(&inet.Cork.Fl, sk, sourceRouteDst(inet, sk.SkDaddr), inet.InetSaddr, sk.SkDport, inet.InetSport, sk.SkProtocol, RtConnFlags(sk), int(sk.SkBoundDevIf)) // :1251
	if err == 0 {
		n.SkSetupCaps(sk, &rt.DstEntry) // :1257
		return 0
	}
	sk.SkRouteCaps = 0
	if n.Sysctl.IpDynaddr != 0 && sk.SkState == core.TcpSynSent && sk.SkUserlocks&core.SockBindaddrLock == 0 {
		if err = n.inetSkReselectSaddr(sk); err == 0 { // :1270
			return 0
		}
	}
	sk.SkErrSoft = -err
	return err
}

// inetSkReselectSaddr moves a socket that is about to connect to another source
// address, because its own is gone.
func (n *Net) inetSkReselectSaddr(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // inet_sk_reselect_saddr net/ipv4/af_inet.c:1184

	inet := InetSk(sk)
	oldSaddr := inet.InetSaddr
	fl4 := &inet.Cork.Fl
	rt, err := n.IpRouteConnect(fl4, sourceRouteDst(inet, sk.SkDaddr), 0, RtConnFlags(sk), int(sk.SkBoundDevIf), sk.SkProtocol, inet.InetSport, sk.SkDport, sk) // :1199
	if err != 0 {
		return err
	}
	n.SkSetupCaps(sk, &rt.DstEntry) // :1205
	if fl4.Saddr == oldSaddr {
		return 0
	}
	inet.InetSaddr, sk.SkRcvSaddr = fl4.Saddr, fl4.Saddr
	sk.SkProt.Unhash(sk)      // :1227
	return sk.SkProt.Hash(sk) // :1227
}
