// Receiving (net/ipv4/tcp.c, tcp_recvmsg and what it needs). Left out: busy
// polling, receive timestamps, peeking at the send queue (repair).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpCmInq is the type of the ancillary message that TCP_INQ asks for.
const tcpCmInq = tcpInqOpt

// tcpRecvUrg reads the urgent byte. It never waits.
func (n *Net) tcpRecvUrg(sk *core.Sock, msg *core.Msghdr, length, flags int) int {
	kernel.Fentry4(&n.Kernel, sk, msg, length, flags) // tcp_recv_urg net/ipv4/tcp.c:1460

	tp := tcpSk(sk)
	if core.SockFlag(sk, core.SockUrginline) || tp.UrgData == 0 || tp.UrgData == tcpUrgRead {
		return -core.EINVAL
	}
	if sk.SkState == core.TcpClose && !core.SockFlag(sk, core.SockDone) {
		return -core.ENOTCONN
	}
	if tp.UrgData&tcpUrgValid != 0 {
		c := byte(tp.UrgData)
		if flags&core.MsgPeek == 0 {
			tp.UrgData = tcpUrgRead
		}
		msg.Flags |= core.MsgOob
		if length <= 0 {
			msg.Flags |= core.MsgTrunc
			return length
		}
		if flags&core.MsgTrunc == 0 {
			if len(msg.Iter) == 0 {
				return -core.EFAULT
			}
			msg.Iter[0] = c
			msg.Iter = msg.Iter[1:]
		}
		return 1
	}
	if sk.SkState == core.TcpClose || sk.SkShutdown&core.RcvShutdown != 0 {
		return 0
	}
	return -core.EAGAIN
}

// tcpCleanupRbuf sends an ACK if the program has read enough for one: copied
// bytes in this call. That is if one was due but could not go, if it would tell
// of more than a segment, if the reader has caught up and the other side has
// pushed, or if the window has grown twofold.
func (n *Net) tcpCleanupRbuf(sk *core.Sock, copied int) {
	kernel.Fentry2(&n.Kernel, sk, copied) // tcp_cleanup_rbuf net/ipv4/tcp.c:1532

	tp := tcpSk(sk)
	ack := &tp.IcskAck
	timeToAck := false
	if inetCskAckScheduled(sk) {
		pushed := ack.Pending&icskAckPushed2 != 0 || ack.Pending&icskAckPushed != 0 && ack.Pingpong == 0
		timeToAck = ack.Blocked || tp.RcvNxt-tp.RcvWup > uint32(ack.RcvMss) ||
			copied > 0 && pushed && sk.SkBacklog.RmemAlloc == 0
	}
	if copied > 0 && !timeToAck && sk.SkShutdown&core.RcvShutdown == 0 {
		rcvWindowNow := tcpReceiveWindow(tp)
		if 2*rcvWindowNow <= tp.WindowClamp {
			newWindow := n.tcpSelectWindow__(sk) // :1573
			if newWindow != 0 && newWindow >= 2*rcvWindowNow {
				timeToAck = true
			}
		}
	}
	if timeToAck {
		n.tcpSendAck(sk) // :1585
	}
}

// tcpInqHint is how many bytes are left to read (tcp_inq_hint).
func tcpInqHint(sk *core.Sock) int {
	tp := tcpSk(sk)
	return int(tp.RcvNxt - tp.CopiedSeq)
}

// tcpRecvmsg reads into msg and waits for data if it may. It returns how much
// was read, 0 at the end of the stream.
func (n *Net) tcpRecvmsg(sk *core.Sock, msg *core.Msghdr, length int, nonblock bool, flags int, addrLen *int) int {
	kernel.Fentry5(&n.Kernel, sk, msg, length, nonblock, flags) // tcp_recvmsg net/ipv4/tcp.c:1930

	if flags&core.MsgErrqueue != 0 {
		return n.InetRecvError(sk, msg, length, addrLen) // :1946
	}
	n.LockSock(sk) // :1952
	tp := tcpSk(sk)
	if sk.SkState == core.TcpListen {
		n.ReleaseSock(sk) // :2179
		return -core.ENOTCONN
	}
	timeo := core.SockRcvtimeo(sk, nonblock)
	if flags&core.MsgOob != 0 {
		err := n.tcpRecvUrg(sk, msg, length, flags) // :2183
		n.ReleaseSock(sk)                           // :2179
		return err
	}

	peek := flags&core.MsgPeek != 0
	seq := tp.CopiedSeq // where to read on; without MSG_PEEK CopiedSeq follows it
	copied := 0
	urgHole := uint32(0)
	target := core.SockRcvlowat(sk, flags&core.MsgWaitall != 0, length)
	for more := true; more; more = length > 0 {
		if tp.UrgData != 0 && tp.UrgSeq == seq {
			if copied != 0 {
				break
			}
			if n.SignalPending(n.Current()) {
				copied = -core.EAGAIN
				if timeo != 0 {
					copied = core.SockIntrErrno(timeo)
				}
				break
			}
		}

		// The packet that holds the next byte. A FIN that was read up to is no
		// such packet, but ends the search.
		last := sk.SkReceiveQueue.Last
		var offset uint32
		skb := sk.SkReceiveQueue.First
		for ; skb != nil; skb = skb.Next {
			last = skb
			if wire.Before(seq, skb.Cb.Seq) {
				skb = nil
				break
			}
			offset = seq - skb.Cb.Seq
			if offset < uint32(skb.Len) || skb.Cb.TcpFlags&tcphdrFin != 0 {
				break
			}
		}

		if skb == nil {
			if copied >= target && sk.SkBacklog.Tail == nil {
				break
			}
			if done, result := n.tcpRecvIdle(sk, copied, timeo); done {
				copied = result
				break
			}
			n.tcpCleanupRbuf(sk, copied) // :2072
			if copied >= target {
				n.ReleaseSock(sk) // :2076
				n.LockSock(sk)    // :2077
			} else {
				n.SkWaitData(sk, &timeo, last) // :2079
			}
			if peek && seq-uint32(copied)-urgHole != tp.CopiedSeq {
				seq = tp.CopiedSeq // another reader was here
			}
			if !peek {
				seq = tp.CopiedSeq
			}
			continue
		}

		if offset < uint32(skb.Len) {
			used := min(skb.Len-int(offset), length)
			skip := false
			if tp.UrgData != 0 {
				if urgOffset := tp.UrgSeq - seq; urgOffset < uint32(used) {
					if urgOffset != 0 {
						used = int(urgOffset)
					} else if !core.SockFlag(sk, core.SockUrginline) {
						seq++
						urgHole++
						offset++
						used--
						skip = used == 0
						if !peek {
							tp.CopiedSeq = seq
						}
					}
				}
			}
			if !skip {
				if flags&core.MsgTrunc == 0 {
					if n.SkbCopyDatagramMsg(skb, int(offset), msg, used) != 0 { // :2116
						if copied == 0 {
							copied = -core.EFAULT
						}
						break
					}
				}
				seq += uint32(used)
				if !peek {
					tp.CopiedSeq = seq
				}
				copied += used
				length -= used
				n.tcpRcvSpaceAdjust(sk) // :2129
			}
			if tp.UrgData != 0 && wire.After(tp.CopiedSeq, tp.UrgSeq) {
				tp.UrgData = 0
				n.tcpFastPathCheck(sk) // :2134
			}
			if used+int(offset) < skb.Len {
				continue
			}
			if skb.Cb.TcpFlags&tcphdrFin == 0 {
				if !peek {
					n.SkEatSkb(sk, skb) // :2147
				}
				continue
			}
		}
		// The FIN.
		seq++
		if !peek {
			tp.CopiedSeq = seq
			n.SkEatSkb(sk, skb) // :2154
		}
		break
	}

	n.tcpCleanupRbuf(sk, copied) // :2163
	n.ReleaseSock(sk)            // :2165
	if tp.RecvmsgInq {
		inq := tcpInqHint(sk)
		msg.Control = append(msg.Control, core.Cmsg{Level: core.SolTcp, Type: tcpCmInq, Data: le32(nil, uint32(inq))})
	}
	return copied
}

// tcpRecvIdle says whether a read that finds nothing more must end, and with
// what.
func (n *Net) tcpRecvIdle(sk *core.Sock, copied int, timeo int64) (done bool, result int) {
	if copied != 0 {
		return sk.SkErr != 0 || sk.SkState == core.TcpClose || sk.SkShutdown&core.RcvShutdown != 0 ||
			timeo == 0 || n.SignalPending(n.Current()), copied
	}
	switch {
	case core.SockFlag(sk, core.SockDone):
		return true, 0
	case sk.SkErr != 0:
		return true, core.SockError(sk)
	case sk.SkShutdown&core.RcvShutdown != 0:
		return true, 0
	case sk.SkState == core.TcpClose:
		return true, -core.ENOTCONN
	case timeo == 0:
		return true, -core.EAGAIN
	case n.SignalPending(n.Current()):
		return true, core.SockIntrErrno(timeo)
	}
	return false, 0
}
