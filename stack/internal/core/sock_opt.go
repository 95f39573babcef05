// Socket options of level SOL_SOCKET, and the operations that a protocol may
// take as they are (net/core/sock.c). Values are bytes as the program passes
// them: little-endian C integers and structs, of a 32- or 64-bit program.
// Left out: filters, zero copy, SO_TXTIME, credentials and time stamps of
// transmission.

package core

import (
	"encoding/binary"

	"menuos/stack/internal/kernel"
)

// sockSetTimeout reads a struct timeval into jiffies.
func sockSetTimeout(timeoP *int64, optval []byte) int {
	var sec, usec int64
	switch {
	case len(optval) >= 16:
		sec = int64(binary.LittleEndian.Uint64(optval))
		usec = int64(binary.LittleEndian.Uint64(optval[8:]))
	case len(optval) >= 8:
		sec = int64(int32(binary.LittleEndian.Uint32(optval)))
		usec = int64(int32(binary.LittleEndian.Uint32(optval[4:])))
	default:
		return -EINVAL
	}
	if usec < 0 || usec >= 1e6 {
		return -EDOM
	}
	if sec < 0 {
		*timeoP = 0
		return 0
	}
	*timeoP = kernel.MaxScheduleTimeout
	if sec == 0 && usec == 0 {
		return 0
	}
	if sec < kernel.MaxScheduleTimeout/kernel.HZ-1 {
		const usecPerJiffy = 1e6 / kernel.HZ
		*timeoP = sec*kernel.HZ + (usec+usecPerJiffy-1)/usecPerJiffy
	}
	return 0
}

func (n *Net) sockSetbindtodevice(sk *Sock, optval []byte) int {
	kernel.Fentry1(&n.Kernel, sk) // sock_setbindtodevice net/core/sock.c:526

	name := optval[:min(len(optval), ifNameSize-1)]
	for i, c := range name {
		if c == 0 {
			name = name[:i]
			break
		}
	}
	index := int32(0)
	if len(name) > 0 {
		dev := n.DevGetByName(string(name))
		if dev == nil {
			return -ENODEV
		}
		index = int32(dev.Ifindex)
	}
	n.LockSock(sk) // :568
	sk.SkBoundDevIf = index
	if sk.SkProt.Rehash != nil {
		sk.SkProt.Rehash(sk) // :571
	}
	n.SkDstReset(sk)
	n.ReleaseSock(sk) // :573
	return 0
}

const ifNameSize = 16

// SockSetsockopt sets an option of level SOL_SOCKET (sock_setsockopt).
func (n *Net) SockSetsockopt(sock *Socket, level, optname int, optval []byte) int {
	kernel.Fentry3(&n.Kernel, sock, level, optname) // sock_setsockopt net/core/sock.c:657

	sk := sock.Sk
	if optname == SoBindtodevice {
		return n.sockSetbindtodevice(sk, optval) // :670
	}
	if len(optval) < 4 {
		return -EINVAL
	}
	val := int(int32(binary.LittleEndian.Uint32(optval)))
	valbool := val != 0
	ret := 0
	n.LockSock(sk) // :680
	switch optname {
	case SoDebug:
		SockValboolFlag(sk, SockDbg, valbool)
	case SoReuseaddr:
		sk.SkReuse = SkNoReuse
		if valbool {
			sk.SkReuse = SkCanReuse
		}
	case SoReuseport:
		sk.SkReuseport = valbool
	case SoType, SoProtocol, SoDomain, SoError:
		ret = -ENOPROTOOPT
	case SoDontroute:
		SockValboolFlag(sk, SockLocalroute, valbool)
		n.SkDstReset(sk)
	case SoBroadcast:
		SockValboolFlag(sk, SockBroadcast, valbool)
	case SoSndbuf, SoSndbufforce:
		if optname == SoSndbuf {
			val = int(min(uint32(val), uint32(n.Sysctl.WmemMax)))
		}
		sk.SkUserlocks |= SockSndbufLock
		sk.SkSndbuf = max(val*2, SockMinSndbuf)
		sk.SkWriteSpace(sk) // :719
	case SoRcvbuf, SoRcvbufforce:
		if optname == SoRcvbuf {
			val = int(min(uint32(val), uint32(n.Sysctl.RmemMax)))
		}
		sk.SkUserlocks |= SockRcvbufLock
		sk.SkRcvbuf = max(val*2, SockMinRcvbuf)
	case SoKeepalive:
		if sk.SkProt.Keepalive != nil {
			sk.SkProt.Keepalive(sk, valbool) // :765
		}
		SockValboolFlag(sk, SockKeepopen, valbool)
	case SoOobinline:
		SockValboolFlag(sk, SockUrginline, valbool)
	case SoNoCheck:
		sk.SkNoCheckTx = valbool
	case SoPriority:
		sk.SkPriority = uint32(val)
	case SoLinger:
		ret = sockSetLinger(sk, optval)
	case SoPasscred:
		sock.Flags &^= 1 << SockPassCred
		if valbool {
			sock.Flags |= 1 << SockPassCred
		}
	case SoTimestamp, SoTimestampns:
		if valbool {
			SockValboolFlag(sk, SockRcvtstampns, optname == SoTimestampns)
			SockSetFlag(sk, SockRcvtstamp)
			n.SockEnableTimestamp(sk, SockTimestamp)
		} else {
			SockResetFlag(sk, SockRcvtstamp)
			SockResetFlag(sk, SockRcvtstampns)
		}
	case SoRcvlowat:
		if val < 0 {
			val = 1<<31 - 1
		}
		if sock.Ops != nil && sock.Ops.SetRcvlowat != nil {
			ret = sock.Ops.SetRcvlowat(sk, val) // :873
		} else {
			sk.SkRcvlowat = max(val, 1)
		}
	case SoRcvtimeo:
		ret = sockSetTimeout(&sk.SkRcvtimeo, optval)
	case SoSndtimeo:
		ret = sockSetTimeout(&sk.SkSndtimeo, optval)
	case SoMark:
		if uint32(val) != sk.SkMark {
			sk.SkMark = uint32(val)
			n.SkDstReset(sk)
		}
	case SoRxqOvfl:
		SockValboolFlag(sk, SockRxqOvfl, valbool)
	case SoPeekOff:
		ret = -EOPNOTSUPP
		if sock.Ops != nil && sock.Ops.SetPeekOff != nil {
			ret = sock.Ops.SetPeekOff(sk, val) // :974
		}
	case SoSelectErrQ:
		SockValboolFlag(sk, SockSelectErrQueue, valbool)
	case SoMaxPacingRate:
		setMaxPacingRate(sk, uint32(val))
	case SoIncomingCpu:
		sk.SkIncomingCpu = val
	default:
		ret = -ENOPROTOOPT
	}
	n.ReleaseSock(sk) // :1062
	return ret
}

func sockSetLinger(sk *Sock, optval []byte) int {
	if len(optval) < 8 {
		return -EINVAL
	}
	if binary.LittleEndian.Uint32(optval) == 0 {
		SockResetFlag(sk, SockLinger)
		return 0
	}
	sk.SkLingertime = int64(binary.LittleEndian.Uint32(optval[4:])) * kernel.HZ
	SockSetFlag(sk, SockLinger)
	return 0
}

// Values of Sock.SkPacingStatus (enum sk_pacing).
const (
	SkPacingNone   = 0
	SkPacingNeeded = 1 // by TCP's own timer
	SkPacingFq     = 2 // by the queueing discipline
)

func setMaxPacingRate(sk *Sock, val uint32) {
	if val == ^uint32(0) {
		sk.SkMaxPacingRate = ^uint64(0)
	} else {
		if sk.SkPacingStatus == SkPacingNone {
			sk.SkPacingStatus = SkPacingNeeded
		}
		sk.SkMaxPacingRate = uint64(val)
	}
	sk.SkPacingRate = min(sk.SkPacingRate, sk.SkMaxPacingRate)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func putTimeval(v *[16]byte, timeo int64, optlen int) int {
	var sec, usec int64
	if timeo != kernel.MaxScheduleTimeout {
		sec = timeo / kernel.HZ
		usec = timeo % kernel.HZ * 1e6 / kernel.HZ
	}
	if optlen < 16 {
		binary.LittleEndian.PutUint32(v[:], uint32(sec))
		binary.LittleEndian.PutUint32(v[4:], uint32(usec))
		return 8
	}
	binary.LittleEndian.PutUint64(v[:], uint64(sec))
	binary.LittleEndian.PutUint64(v[8:], uint64(usec))
	return 16
}

// SockGetsockopt stores an option of level SOL_SOCKET into optval and returns
// how many bytes that took, or a negative errno (sock_getsockopt).
func (n *Net) SockGetsockopt(sock *Socket, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry3(&n.Kernel, sock, level, optname) // sock_getsockopt net/core/sock.c:1096

	sk := sock.Sk
	var v [16]byte
	val, lv := 0, 4
	switch optname {
	case SoDebug:
		val = b2i(SockFlag(sk, SockDbg))
	case SoDontroute:
		val = b2i(SockFlag(sk, SockLocalroute))
	case SoBroadcast:
		val = b2i(SockFlag(sk, SockBroadcast))
	case SoSndbuf:
		val = sk.SkSndbuf
	case SoRcvbuf:
		val = sk.SkRcvbuf
	case SoReuseaddr:
		val = int(sk.SkReuse)
	case SoReuseport:
		val = b2i(sk.SkReuseport)
	case SoKeepalive:
		val = b2i(SockFlag(sk, SockKeepopen))
	case SoType:
		val = int(sk.SkType)
	case SoProtocol:
		val = int(sk.SkProtocol)
	case SoDomain:
		val = int(sk.SkFamily)
	case SoError:
		val = -SockError(sk)
		if val == 0 {
			val = sk.SkErrSoft
			sk.SkErrSoft = 0
		}
	case SoOobinline:
		val = b2i(SockFlag(sk, SockUrginline))
	case SoNoCheck:
		val = b2i(sk.SkNoCheckTx)
	case SoPriority:
		val = int(sk.SkPriority)
	case SoLinger:
		lv = 8
		val = b2i(SockFlag(sk, SockLinger))
		binary.LittleEndian.PutUint32(v[4:], uint32(sk.SkLingertime/kernel.HZ))
	case SoTimestamp:
		val = b2i(SockFlag(sk, SockRcvtstamp) && !SockFlag(sk, SockRcvtstampns))
	case SoTimestampns:
		val = b2i(SockFlag(sk, SockRcvtstampns))
	case SoTimestamping:
		val = int(sk.SkTsflags)
	case SoRcvtimeo:
		return copy(optval, v[:putTimeval(&v, sk.SkRcvtimeo, len(optval))]), 0
	case SoSndtimeo:
		return copy(optval, v[:putTimeval(&v, sk.SkSndtimeo, len(optval))]), 0
	case SoRcvlowat:
		val = sk.SkRcvlowat
	case SoSndlowat:
		val = 1
	case SoPasscred:
		val = b2i(SockTestBit(SockPassCred, sock))
	case SoAcceptconn:
		val = b2i(sk.SkState == TcpListen)
	case SoMark:
		val = int(sk.SkMark)
	case SoRxqOvfl:
		val = b2i(SockFlag(sk, SockRxqOvfl))
	case SoPeekOff:
		if sock.Ops == nil || sock.Ops.SetPeekOff == nil {
			return 0, -EOPNOTSUPP
		}
		val = sk.SkPeekOff
	case SoSelectErrQ:
		val = b2i(SockFlag(sk, SockSelectErrQueue))
	case SoBindtodevice:
		return n.sockGetbindtodevice(sk, optval) // :1319
	case SoMaxPacingRate:
		val = int(min(sk.SkMaxPacingRate, uint64(^uint32(0))))
	case SoIncomingCpu:
		val = sk.SkIncomingCpu
	case SoMeminfo:
		return copy(optval, skMeminfo(sk)), 0
	case SoCookie:
		if len(optval) < 8 {
			return 0, -EINVAL
		}
		binary.LittleEndian.PutUint64(optval, sk.Cookie)
		return 8, 0
	default:
		return 0, -ENOPROTOOPT
	}
	binary.LittleEndian.PutUint32(v[:], uint32(val))
	return copy(optval, v[:lv]), 0
}

func (n *Net) sockGetbindtodevice(sk *Sock, optval []byte) (length, err int) {
	kernel.Fentry1(&n.Kernel, sk) // sock_getbindtodevice net/core/sock.c:586

	if sk.SkBoundDevIf == 0 {
		return 0, 0
	}
	if len(optval) < ifNameSize {
		return 0, -EINVAL
	}
	dev := n.DevGetByIndex(int(sk.SkBoundDevIf))
	if dev == nil {
		return 0, -ENODEV
	}
	l := copy(optval, dev.Name)
	optval[l] = 0
	return l + 1, 0
}

// skMeminfo is what SO_MEMINFO returns (sk_get_meminfo).
func skMeminfo(sk *Sock) []byte {
	b := make([]byte, 0, 36)
	for _, v := range [...]int{sk.SkBacklog.RmemAlloc, sk.SkRcvbuf, SkWmemAllocGet(sk), sk.SkSndbuf,
		sk.SkForwardAlloc, sk.SkWmemQueued, sk.SkOmemAlloc, sk.SkBacklog.Len, sk.SkDrops} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// SockEnableTimestamp lets received packets be stamped for this socket
// (sock_enable_timestamp).
func (n *Net) SockEnableTimestamp(sk *Sock, flag uint) {
	if !SockFlag(sk, flag) {
		SockSetFlag(sk, flag)
		n.netstampNeeded = true
	}
}

// SockCommonSetsockopt and those below hand a call on to the protocol
// (sock_common_setsockopt).
func (n *Net) SockCommonSetsockopt(sock *Socket, level, optname int, optval []byte) int {
	kernel.Fentry3(&n.Kernel, sock, level, optname) // sock_common_setsockopt net/core/sock.c:2989

	sk := sock.Sk
	return sk.SkProt.Setsockopt(sk, level, optname, optval) // :2991
}

// CompatSockCommonSetsockopt is the same for a 32-bit program
// (compat_sock_common_setsockopt).
func (n *Net) CompatSockCommonSetsockopt(sock *Socket, level, optname int, optval []byte) int {
	kernel.Fentry3(&n.Kernel, sock, level, optname) // compat_sock_common_setsockopt net/core/sock.c:2999

	sk := sock.Sk
	if sk.SkProt.CompatSetsockopt != nil {
		return sk.SkProt.CompatSetsockopt(sk, level, optname, optval) // :3002
	}
	return sk.SkProt.Setsockopt(sk, level, optname, optval) // :3004
}

// SockCommonGetsockopt asks the protocol (sock_common_getsockopt).
func (n *Net) SockCommonGetsockopt(sock *Socket, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry3(&n.Kernel, sock, level, optname) // sock_common_getsockopt net/core/sock.c:2948

	sk := sock.Sk
	return sk.SkProt.Getsockopt(sk, level, optname, optval) // :2950
}

// CompatSockCommonGetsockopt is the same for a 32-bit program
// (compat_sock_common_getsockopt). No protocol has an option that differs.
func (n *Net) CompatSockCommonGetsockopt(sock *Socket, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry3(&n.Kernel, sock, level, optname) // compat_sock_common_getsockopt net/core/sock.c:2958

	sk := sock.Sk
	if sk.SkProt.CompatGetsockopt != nil {
		return sk.SkProt.CompatGetsockopt(sk, level, optname, optval) // :2961
	}
	return sk.SkProt.Getsockopt(sk, level, optname, optval) // :2963
}

// SockCommonRecvmsg receives through the protocol (sock_common_recvmsg).
func (n *Net) SockCommonRecvmsg(sock *Socket, msg *Msghdr, size, flags int) int {
	kernel.Fentry4(&n.Kernel, sock, msg, size, flags) // sock_common_recvmsg net/core/sock.c:2971

	sk := sock.Sk
	addrLen := 0
	err := sk.SkProt.Recvmsg(sk, msg, size, flags&MsgDontwait != 0, flags&^MsgDontwait, &addrLen) // :2975
	if err >= 0 && addrLen <= len(msg.Name) {
		msg.Name = msg.Name[:addrLen]
	}
	return err
}

// SockNoBind and those below are what a protocol without an operation has in
// its place.
func SockNoBind(*Socket, Sockaddr, int) int                        { return -EOPNOTSUPP }
func SockNoConnect(*Socket, Sockaddr, int, int) int                { return -EOPNOTSUPP }
func SockNoAccept(*Socket, *Socket, int, bool) int                 { return -EOPNOTSUPP }
func SockNoGetname(*Socket, int) (Sockaddr, int)                   { return nil, -EOPNOTSUPP }
func SockNoIoctl(*Socket, uint32, any) int                         { return -EOPNOTSUPP }
func SockNoListen(*Socket, int) int                                { return -EOPNOTSUPP }
func SockNoShutdown(*Socket, int) int                              { return -EOPNOTSUPP }
func SockNoSetsockopt(*Socket, int, int, []byte) int               { return -EOPNOTSUPP }
func SockNoGetsockopt(*Socket, int, int, []byte) (length, err int) { return 0, -EOPNOTSUPP }
func SockNoSendmsg(*Socket, *Msghdr, int) int                      { return -EOPNOTSUPP }
func SockNoRecvmsg(*Socket, *Msghdr, int, int) int                 { return -EOPNOTSUPP }
