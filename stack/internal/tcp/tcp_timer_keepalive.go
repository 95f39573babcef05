// The timers that do not retransmit: delayed ACK, keep-alive, FIN_WAIT2 of an
// orphan, and compressed ACKs (net/ipv4/tcp_timer.c).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// tcpDelackTimerHandler sends the ACK that was delayed. Called with bottom
// halves off, for a socket that nobody owns.
func (n *Net) tcpDelackTimerHandler(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_delack_timer_handler net/ipv4/tcp_timer.c:276

	tp := tcpSk(sk)
	ack := &tp.IcskAck
	n.SkMemReclaimPartial(sk) // :279
	switch {
	case 1<<sk.SkState&(core.TcpfClose|core.TcpfListen) != 0 || ack.Pending&icskAckTimer == 0:
	case int64(ack.Timeout-n.Jiffies()) > 0:
		n.SkResetTimer(sk, &tp.IcskDelackTimer, ack.Timeout) // :286
	default:
		ack.Pending &^= icskAckTimer
		if !inetCskAckScheduled(sk) {
			break
		}
		if ack.Pingpong == 0 {
			ack.Ato = min(ack.Ato<<1, tp.IcskRto) // no data came: wait longer
		} else {
			// No answer came for the ACK to ride on: not interactive after all.
			ack.Pingpong = 0
			ack.Ato = tcpAtoMin
		}
		n.tcpMstampRefresh(tp) // :302
		n.tcpSendAck(sk)       // :303
		n.Mib[core.MibTcpExtDelayedACKs]++
	}
	if n.tcpUnderMemoryPressure(sk) {
		n.SkMemReclaim(sk) // :309
	}
}

// tcpDelackTimer is the delayed-ACK timer: it hands on to
// tcpDelackTimerHandler, or to release_sock if a program owns the socket.
func (n *Net) tcpDelackTimer(t *kernel.Timer) {
	kernel.Fentry1(&n.Kernel, t) // tcp_delack_timer net/ipv4/tcp_timer.c:326

	sk := t.Owner.(*core.Sock)
	if !core.SockOwnedByUser(sk) {
		n.tcpDelackTimerHandler(sk) // :330
	} else {
		inetCsk(sk).IcskAck.Blocked = true
		n.Mib[core.MibTcpExtDelayedACKLocked]++
		if sk.SkTsqFlags&tcpfDelackTimerDeferred == 0 {
			sk.SkTsqFlags |= tcpfDelackTimerDeferred
			core.SockHold(sk)
		}
	}
	n.SockPut(sk) // :339
}

// tcpSetKeepalive arms or disarms the keep-alive timer as SO_KEEPALIVE changes.
func (n *Net) tcpSetKeepalive(sk *core.Sock, val bool) {
	kernel.Fentry2(&n.Kernel, sk, val) // tcp_set_keepalive net/ipv4/tcp_timer.c:640

	if 1<<sk.SkState&(core.TcpfClose|core.TcpfListen) != 0 {
		return
	}
	if val && !core.SockFlag(sk, core.SockKeepopen) {
		n.inetCskResetKeepaliveTimer(sk, uint64(n.keepaliveTimeWhen(tcpSk(sk)))) // :644
	} else if !val {
		n.inetCskDeleteKeepaliveTimer(sk) // :646
	}
}

// tcpKeepaliveTimer is the socket's own timer: it ends FIN_WAIT2 of an orphan,
// and it probes a connection that has been silent for long.
func (n *Net) tcpKeepaliveTimer(t *kernel.Timer) {
	kernel.Fentry1(&n.Kernel, t) // tcp_keepalive_timer net/ipv4/tcp_timer.c:653

	sk := t.Owner.(*core.Sock)
	tp := tcpSk(sk)
	switch {
	case core.SockOwnedByUser(sk):
		n.inetCskResetKeepaliveTimer(sk, kernel.HZ/20) // :662
	case sk.SkState == core.TcpListen:
	default:
		n.tcpMstampRefresh(tp) // :671
		if sk.SkState == core.TcpFinWait2 && core.SockFlag(sk, core.SockDead) {
			if tmo := n.tcpFinTime(sk) - tcpTimewaitLen; tp.Linger2 >= 0 && tmo > 0 {
				n.tcpTimeWait(sk, core.TcpFinWait2, tmo) // :677
				break
			}
			n.tcpSendActiveReset(sk) // :681
			n.tcpDone(sk)            // :731
			break
		}
		if !core.SockFlag(sk, core.SockKeepopen) || 1<<sk.SkState&(core.TcpfClose|core.TcpfSynSent) != 0 {
			break
		}
		when := n.keepaliveTimeWhen(tp)
		next := when
		if tp.PacketsOut == 0 && tcpWriteQueueEmpty(sk) { // else it is alive anyway
			elapsed := n.keepaliveTimeElapsed(tp)
			if elapsed < when {
				next = when - elapsed
			} else {
				var dead bool
				if tp.IcskUserTimeout != 0 {
					dead = elapsed >= msecsToJiffies(tp.IcskUserTimeout) && tp.IcskProbesOut > 0
				} else {
					dead = int(tp.IcskProbesOut) >= n.keepaliveProbes(tp)
				}
				if dead {
					n.tcpSendActiveReset(sk) // :706
					n.tcpWriteErr(sk)        // :707
					break
				}
				if n.tcpWriteWakeup(sk, core.MibTcpExtTCPKeepAlive) <= 0 { // :710
					tp.IcskProbesOut++
					next = n.keepaliveIntvlWhen(tp)
				} else {
					next = tcpResourceProbeInterval
				}
			}
			n.SkMemReclaim(sk) // :724
		}
		n.inetCskResetKeepaliveTimer(sk, uint64(next)) // :727
	}
	n.SockPut(sk) // :735
}

// tcpCompressedAckKick sends the ACK that stands for several, held back while
// segments out of order came in a burst.
func (n *Net) tcpCompressedAckKick(timer *kernel.Hrtimer) {
	kernel.Fentry1(&n.Kernel, timer) // tcp_compressed_ack_kick net/ipv4/tcp_timer.c:739

	sk := timer.Owner.(*core.Sock)
	if !core.SockOwnedByUser(sk) {
		if tcpSk(sk).CompressedAck > tcpFastretransThresh {
			n.tcpSendAck(sk) // :746
		}
	} else if sk.SkTsqFlags&tcpfDelackTimerDeferred == 0 {
		sk.SkTsqFlags |= tcpfDelackTimerDeferred
		core.SockHold(sk)
	}
	n.SockPut(sk) // :754
}
