// The socket options of level SOL_TCP (net/ipv4/tcp.c). Left out, and refused as
// unknown: TCP_REPAIR and its kin, TCP_MD5SIG, TCP_ULP, TCP_FASTOPEN and its kin,
// TCP_ZEROCOPY_RECEIVE.

package tcp

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// Options of SOL_TCP (include/uapi/linux/tcp.h).
const (
	TcpNodelay            = 1
	TcpMaxseg             = 2
	TcpCork               = 3
	TcpKeepidle           = 4
	TcpKeepintvl          = 5
	TcpKeepcnt            = 6
	TcpSyncnt             = 7
	TcpLinger2            = 8
	TcpDeferAccept        = 9
	TcpWindowClamp        = 10
	TcpInfoOpt            = 11
	TcpQuickack           = 12
	TcpCongestion         = 13
	TcpThinLinearTimeouts = 16
	TcpThinDupack         = 17
	TcpUserTimeout        = 18
	TcpTimestamp          = 24
	TcpNotsentLowat       = 25
	TcpCcInfo             = 26
	TcpSaveSyn            = 27
	TcpSavedSyn           = 28
	TcpInqOpt             = 36
)

const tcpInqOpt = TcpInqOpt

// le32 appends a 32-bit number as the programs' machine stores it.
func le32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

// secsToRetrans is after how many retransmissions so many seconds have passed
// (secs_to_retrans).
func secsToRetrans(seconds, timeout, rtoMax int) uint8 {
	if seconds <= 0 {
		return 0
	}
	res := uint8(1)
	for period := timeout; seconds > period && res < 255; period += timeout {
		res++
		timeout = min(timeout<<1, rtoMax)
	}
	return res
}

// retransToSecs is the other way (retrans_to_secs).
func retransToSecs(retrans uint8, timeout, rtoMax int) int {
	if retrans == 0 {
		return 0
	}
	period := timeout
	for retrans--; retrans > 0; retrans-- {
		timeout = min(timeout<<1, rtoMax)
		period += timeout
	}
	return period
}

// cString is a string as a program passes it: up to a zero byte.
func cString(b []byte, limit int) string {
	b = b[:min(len(b), limit)]
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// doTcpSetsockopt sets an option of the socket.
func (n *Net) doTcpSetsockopt(sk *core.Sock, level, optname int, optval []byte) int {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // do_tcp_setsockopt net/ipv4/tcp.c:2714

	if optname == TcpCongestion {
		if len(optval) < 1 {
			return -core.EINVAL
		}
		n.LockSock(sk)                                                                    // :2737
		err := n.tcpSetCongestionControl(sk, cString(optval, tcpCaNameMax-1), true, true) // :2738
		n.ReleaseSock(sk)                                                                 // :2739
		return err
	}
	if len(optval) < 4 {
		return -core.EINVAL
	}
	val := int(int32(binary.LittleEndian.Uint32(optval)))
	tp := tcpSk(sk)
	err := 0
	// within stores val if it lies in the range.
	within := func(low, high int) bool {
		if val < low || val > high {
			err = -core.EINVAL
			return false
		}
		return true
	}
	n.LockSock(sk) // :2782
	switch optname {
	case TcpMaxseg:
		if val == 0 || within(tcpMinMss, maxTcpWindow) {
			tp.RxOpt.UserMss = uint16(val)
		}
	case TcpNodelay:
		if val != 0 {
			tp.Nonagle |= tcpNagleOff | tcpNaglePush
			n.tcpPushPendingFrames(sk) // :2808
		} else {
			tp.Nonagle &^= tcpNagleOff
		}
	case TcpThinLinearTimeouts:
		if within(0, 1) {
			tp.ThinLto = val == 1
		}
	case TcpThinDupack:
		within(0, 1)
	case TcpCork:
		if val != 0 {
			tp.Nonagle |= tcpNagleCork
		} else {
			tp.Nonagle &^= tcpNagleCork
			if tp.Nonagle&tcpNagleOff != 0 {
				tp.Nonagle |= tcpNaglePush
			}
			n.tcpPushPendingFrames(sk) // :2894
		}
	case TcpKeepidle:
		if within(1, maxTcpKeepidle) {
			tp.KeepaliveTime = uint32(val * hz)
			if core.SockFlag(sk, core.SockKeepopen) && 1<<sk.SkState&(core.TcpfClose|core.TcpfListen) == 0 {
				elapsed := n.keepaliveTimeElapsed(tp)
				left := uint64(0)
				if tp.KeepaliveTime > elapsed {
					left = uint64(tp.KeepaliveTime - elapsed)
				}
				n.inetCskResetKeepaliveTimer(sk, left) // :2911
			}
		}
	case TcpKeepintvl:
		if within(1, maxTcpKeepintvl) {
			tp.KeepaliveIntvl = uint32(val * hz)
		}
	case TcpKeepcnt:
		if within(1, maxTcpKeepcnt) {
			tp.KeepaliveProbes = uint8(val)
		}
	case TcpSyncnt:
		if within(1, maxTcpSyncnt) {
			tp.IcskSynRetries = uint8(val)
		}
	case TcpSaveSyn:
		if within(0, 1) {
			tp.SaveSyn = val == 1
		}
	case TcpLinger2:
		switch {
		case val < 0:
			tp.Linger2 = -1
		case val > n.Sysctl.TcpFinTimeout/hz:
			tp.Linger2 = 0
		default:
			tp.Linger2 = val * hz
		}
	case TcpDeferAccept:
		tp.IcskAcceptQueue.RskqDeferAccept = secsToRetrans(val, tcpTimeoutInit/hz, tcpRtoMax/hz)
	case TcpWindowClamp:
		if val != 0 {
			tp.WindowClamp = uint32(max(val, core.SockMinRcvbuf/2))
		} else if sk.SkState != core.TcpClose {
			err = -core.EINVAL
		} else {
			tp.WindowClamp = 0
		}
	case TcpQuickack:
		if val == 0 {
			inetCskEnterPingpongMode(sk)
			break
		}
		inetCskExitPingpongMode(sk)
		if 1<<sk.SkState&(core.TcpfEstablished|core.TcpfCloseWait) != 0 && inetCskAckScheduled(sk) {
			tp.IcskAck.Pending |= icskAckPushed
			n.tcpCleanupRbuf(sk, 1) // :2978
			if val&1 == 0 {
				inetCskEnterPingpongMode(sk)
			}
		}
	case TcpUserTimeout:
		if within(0, 1<<31-1) {
			tp.IcskUserTimeout = uint32(val)
		}
	case TcpTimestamp:
		err = -core.EPERM // only under repair
	case TcpNotsentLowat:
		tp.NotsentLowat = uint32(val)
		sk.SkWriteSpace(sk) // :3045
	case TcpInqOpt:
		if within(0, 1) {
			tp.RecvmsgInq = val == 1
		}
	default:
		err = -core.ENOPROTOOPT
	}
	n.ReleaseSock(sk) // :3058
	return err
}

// tcpSetsockopt sets an option of the socket at any level. Programs here are
// 32-bit ones, so calls come through compatTcpSetsockopt.
func (n *Net) tcpSetsockopt(sk *core.Sock, level, optname int, optval []byte) int {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // tcp_setsockopt net/ipv4/tcp.c:3067

	if level != core.SolTcp {
		return inetCsk(sk).IcskAfOps.Setsockopt(sk, level, optname, optval) // :3068
	}
	return n.doTcpSetsockopt(sk, level, optname, optval) // :3070
}

// compatTcpSetsockopt is the same for a 32-bit program.
func (n *Net) compatTcpSetsockopt(sk *core.Sock, level, optname int, optval []byte) int {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // compat_tcp_setsockopt net/ipv4/tcp.c:3078

	if level != core.SolTcp {
		return inetCsk(sk).IcskAfOps.Setsockopt(sk, level, optname, optval) // :3079
	}
	return n.doTcpSetsockopt(sk, level, optname, optval) // :3081
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// doTcpGetsockopt writes an option's value into optval and returns its length.
func (n *Net) doTcpGetsockopt(sk *core.Sock, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // do_tcp_getsockopt net/ipv4/tcp.c:3307

	tp := tcpSk(sk)
	val := 0
	switch optname {
	case TcpMaxseg:
		val = int(tp.MssCache)
		if val == 0 && 1<<sk.SkState&(core.TcpfClose|core.TcpfListen) != 0 {
			val = int(tp.RxOpt.UserMss)
		}
	case TcpNodelay:
		val = b2i(tp.Nonagle&tcpNagleOff != 0)
	case TcpCork:
		val = b2i(tp.Nonagle&tcpNagleCork != 0)
	case TcpKeepidle:
		val = int(n.keepaliveTimeWhen(tp)) / hz
	case TcpKeepintvl:
		val = int(n.keepaliveIntvlWhen(tp)) / hz
	case TcpKeepcnt:
		val = int(n.keepaliveProbes(tp))
	case TcpSyncnt:
		if val = int(tp.IcskSynRetries); val == 0 {
			val = n.Sysctl.TcpSynRetries
		}
	case TcpLinger2:
		switch val = tp.Linger2; {
		case val == 0:
			val = n.Sysctl.TcpFinTimeout / hz
		case val > 0:
			val /= hz
		}
	case TcpDeferAccept:
		val = retransToSecs(tp.IcskAcceptQueue.RskqDeferAccept, tcpTimeoutInit/hz, tcpRtoMax/hz)
	case TcpWindowClamp:
		val = int(tp.WindowClamp)
	case TcpInfoOpt:
		var info TcpInfo
		n.TcpGetInfo(sk, &info) // :3364
		return copy(optval, info.AppendTo(nil)), 0
	case TcpCcInfo:
		return 0, 0
	case TcpQuickack:
		val = b2i(!inetCskInPingpongMode(sk))
	case TcpCongestion:
		var name [tcpCaNameMax]byte
		copy(name[:], tp.IcskCaOps.Name)
		return copy(optval, name[:]), 0
	case TcpThinLinearTimeouts:
		val = b2i(tp.ThinLto)
	case TcpThinDupack:
	case TcpUserTimeout:
		val = int(tp.IcskUserTimeout)
	case TcpTimestamp:
		val = int(n.tcpTimeStampRaw() + tp.Tsoffset)
	case TcpNotsentLowat:
		val = int(tp.NotsentLowat)
	case TcpInqOpt:
		val = b2i(tp.RecvmsgInq)
	case TcpSaveSyn:
		val = b2i(tp.SaveSyn)
	case TcpSavedSyn:
		n.LockSock(sk)          // :3526
		defer n.ReleaseSock(sk) // :3546
		if tp.SavedSyn == nil {
			return 0, 0
		}
		if len(optval) < len(*tp.SavedSyn) {
			return len(*tp.SavedSyn), -core.EINVAL
		}
		length = copy(optval, *tp.SavedSyn)
		tcpSavedSynFree(tp)
		return length, 0
	default:
		return 0, -core.ENOPROTOOPT
	}
	return copy(optval, le32(nil, uint32(val))), 0
}

// tcpGetsockopt reads an option of the socket at any level.
func (n *Net) tcpGetsockopt(sk *core.Sock, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // tcp_getsockopt net/ipv4/tcp.c:3588

	if level != core.SolTcp {
		return inetCsk(sk).IcskAfOps.Getsockopt(sk, level, optname, optval) // :3591
	}
	return n.doTcpGetsockopt(sk, level, optname, optval) // :3593
}

// compatTcpGetsockopt is the same for a 32-bit program.
func (n *Net) compatTcpGetsockopt(sk *core.Sock, level, optname int, optval []byte) (length, err int) {
	kernel.Fentry4(&n.Kernel, sk, level, optname, optval) // compat_tcp_getsockopt net/ipv4/tcp.c:3601

	if level != core.SolTcp {
		return inetCsk(sk).IcskAfOps.Getsockopt(sk, level, optname, optval) // :3602
	}
	return n.doTcpGetsockopt(sk, level, optname, optval) // :3604
}
