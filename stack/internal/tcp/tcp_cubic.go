// CUBIC congestion control, with HyStart (net/ipv4/tcp_cubic.c). After a loss
// the window grows along a cubic curve whose flat part lies where the loss
// happened; where reno would be faster it does what reno does. HyStart leaves
// slow start when ACKs in a train or growing delay say that the pipe is full.
//
// All arithmetic is in integers of Linux's widths. The module's parameters
// have their default values and cannot be changed.

package tcp

import (
	"math/bits"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const (
	bictcpBetaScale = 1024
	bictcpHz        = 10 // the curve's clock ticks 2^10 times a second

	hystartAckTrain   = 0x1
	hystartDelay      = 0x2
	hystartMinSamples = 8
	hystartDelayMin   = 4 << 3
	hystartDelayMax   = 16 << 3

	// Parameters of the module.
	cubicBeta        = 717 // a loss leaves 717/1024 of the window
	cubicScale       = 41
	hystartDetect    = hystartAckTrain | hystartDelay
	hystartLowWindow = 16
	hystartAckDelta  = 2 // ms

	// What Linux computes from them when the module is loaded.
	cubeRttScale   = cubicScale * 10
	cubicBetaScale = 8 * (bictcpBetaScale + cubicBeta) / 3 / (bictcpBetaScale - cubicBeta)
	cubeFactor     = (1 << (10 + 3*bictcpHz)) / (cubicScale * 10)
)

// bictcp is a connection's CUBIC state (struct bictcp).
type bictcp struct {
	cnt            uint32 // acks that the window grows by one after
	lastMaxCwnd    uint32
	lastCwnd       uint32
	lastTime       uint32 // when lastCwnd was set
	bicOriginPoint uint32 // window at the curve's flat part
	bicK           uint32 // time from the epoch's begin to there
	delayMin       uint32 // ms << 3
	epochStart     uint32 // 0: a new one begins with the next ACK
	ackCnt         uint32
	tcpCwnd        uint32 // what reno would have
	sampleCnt      uint8
	found          uint8  // HyStart has left slow start, and why
	roundStart     uint32 // ms
	endSeq         uint32 // end of the round
	lastAck        uint32 // ms
	currRtt        uint32 // least delay of this round, ms << 3
}

// bictcpReset forgets the curve, not HyStart's round.
func bictcpReset(ca *bictcp) {
	ca.cnt = 0
	ca.lastMaxCwnd = 0
	ca.lastCwnd = 0
	ca.lastTime = 0
	ca.bicOriginPoint = 0
	ca.bicK = 0
	ca.delayMin = 0
	ca.epochStart = 0
	ca.ackCnt = 0
	ca.tcpCwnd = 0
	ca.found = 0
}

// bictcpClock is HyStart's clock in milliseconds.
func (n *Net) bictcpClock() uint32 { return uint32(n.Jiffies()) }

// bictcpHystartReset begins a round, which ends when what is sent now is acked.
func (n *Net) bictcpHystartReset(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // bictcp_hystart_reset net/ipv4/tcp_cubic.c:130

	ca := &inetCsk(sk).IcskCaPriv.cubic
	ca.lastAck = n.bictcpClock()
	ca.roundStart = ca.lastAck
	ca.endSeq = tcpSk(sk).SndNxt
	ca.currRtt = 0
	ca.sampleCnt = 0
}

// bictcpInit readies the state of a new connection.
func (n *Net) bictcpInit(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // bictcp_init net/ipv4/tcp_cubic.c:141

	bictcpReset(&inetCsk(sk).IcskCaPriv.cubic)
	n.bictcpHystartReset(sk) // :146
}

// bictcpCwndEvent moves the epoch on by the time that the sender was idle, so
// that the window stays on the curve.
func (n *Net) bictcpCwndEvent(sk *core.Sock, event int) {
	kernel.Fentry2(&n.Kernel, sk, event) // bictcp_cwnd_event net/ipv4/tcp_cubic.c:154

	if event != caEventTxStart {
		return
	}
	ca := &inetCsk(sk).IcskCaPriv.cubic
	now := n.TcpJiffies32()
	delta := int32(now - tcpSk(sk).Lsndtime)
	if ca.epochStart != 0 && delta > 0 {
		ca.epochStart += uint32(delta)
		if wire.After(ca.epochStart, now) {
			ca.epochStart = now
		}
	}
}

// cubicRoots are first guesses: the cube root of x<<18, less one, by x's value.
var cubicRoots = [64]uint8{
	0, 54, 54, 54, 118, 118, 118, 118,
	123, 129, 134, 138, 143, 147, 151, 156,
	157, 161, 164, 168, 170, 173, 176, 179,
	181, 185, 187, 190, 192, 194, 197, 199,
	200, 202, 204, 206, 209, 211, 213, 215,
	217, 219, 221, 222, 224, 225, 227, 229,
	231, 232, 234, 236, 237, 239, 240, 242,
	244, 245, 246, 248, 250, 251, 252, 254,
}

// cubicRoot is the cube root of a, to about 0.2 per cent: a table and one
// Newton step.
func cubicRoot(a uint64) uint32 {
	b := uint32(bits.Len64(a))
	if b < 7 {
		return (uint32(cubicRoots[a]) + 35) >> 6
	}
	b = (b*84)>>8 - 1
	shift := uint32(a >> (b * 3))
	x := ((uint32(cubicRoots[shift]) + 10) << b) >> 6
	x = 2*x + uint32(a/(uint64(x)*uint64(x-1)))
	return (x * 341) >> 10
}

// bictcpUpdate sets ca.cnt, the number of acks that the window is to grow by
// one after, for acked packets more at window cwnd.
func (n *Net) bictcpUpdate(ca *bictcp, cwnd, acked uint32) {
	kernel.Fentry2(&n.Kernel, cwnd, acked) // bictcp_update net/ipv4/tcp_cubic.c:229

	ca.ackCnt += acked
	now := n.TcpJiffies32()
	if ca.lastCwnd == cwnd && int32(now-ca.lastTime) <= kernel.HZ/32 {
		return
	}
	// The curve is looked at once a jiffy at most; a reduction of the window
	// ends the epoch and so forces it.
	if ca.epochStart == 0 || now != ca.lastTime {
		ca.lastCwnd = cwnd
		ca.lastTime = now
		if ca.epochStart == 0 {
			ca.epochStart = now
			ca.ackCnt = acked
			ca.tcpCwnd = cwnd
			if ca.lastMaxCwnd <= cwnd {
				ca.bicK = 0
				ca.bicOriginPoint = cwnd
			} else {
				ca.bicK = cubicRoot(cubeFactor * uint64(ca.lastMaxCwnd-cwnd))
				ca.bicOriginPoint = ca.lastMaxCwnd
			}
		}
		target := ca.target(now)
		if target > cwnd {
			ca.cnt = cwnd / (target - cwnd)
		} else {
			ca.cnt = 100 * cwnd
		}
		// Nothing is known yet of the path: grow by 5 per cent a round trip.
		if ca.lastMaxCwnd == 0 && ca.cnt > 20 {
			ca.cnt = 20
		}
	}

	// Never slower than reno with the same reduction would be.
	// menuos does not loop for ever at a window of 0, because delta is at least 1.
	delta := max((cwnd*cubicBetaScale)>>3, 1)
	for ca.ackCnt > delta {
		ca.ackCnt -= delta
		ca.tcpCwnd++
	}
	if ca.tcpCwnd > cwnd {
		ca.cnt = min(ca.cnt, cwnd/(ca.tcpCwnd-cwnd))
	}
	// Never more than half a window a round trip.
	ca.cnt = max(ca.cnt, 2)
}

// target is the curve's window one least round trip from now.
func (ca *bictcp) target(now uint32) uint32 {
	t := uint64(int64(int32(now - ca.epochStart)))
	t += uint64(ca.delayMin >> 3) // ms are jiffies
	t = (t << bictcpHz) / kernel.HZ
	k := uint64(ca.bicK)
	offs := t - k
	if t < k {
		offs = k - t
	}
	delta := uint32((cubeRttScale * offs * offs * offs) >> (10 + 3*bictcpHz))
	if t < k {
		return ca.bicOriginPoint - delta
	}
	return ca.bicOriginPoint + delta
}

// bictcpCongAvoid raises the window for acked packets, if the sender used it.
func (n *Net) bictcpCongAvoid(sk *core.Sock, ack, acked uint32) {
	kernel.Fentry3(&n.Kernel, sk, ack, acked) // bictcp_cong_avoid net/ipv4/tcp_cubic.c:336

	tp := tcpSk(sk)
	ca := &tp.IcskCaPriv.cubic
	if !tcpIsCwndLimited(sk) {
		return
	}
	if tcpInSlowStart(tp) {
		if wire.After(ack, ca.endSeq) {
			n.bictcpHystartReset(sk) // :344
		}
		acked = n.tcpSlowStart(tp, acked) // :345
		if acked == 0 {
			return
		}
	}
	n.bictcpUpdate(ca, tp.SndCwnd, acked) // :349
	n.tcpCongAvoidAi(tp, ca.cnt, acked)   // :350
}

// bictcpRecalcSsthresh ends the epoch and is where the window goes after a
// loss. A loss below the last one's window leaves room for new flows.
func (n *Net) bictcpRecalcSsthresh(sk *core.Sock) uint32 {
	kernel.Fentry1(&n.Kernel, sk) // bictcp_recalc_ssthresh net/ipv4/tcp_cubic.c:355

	tp := tcpSk(sk)
	ca := &tp.IcskCaPriv.cubic
	ca.epochStart = 0
	if tp.SndCwnd < ca.lastMaxCwnd {
		ca.lastMaxCwnd = (tp.SndCwnd * (bictcpBetaScale + cubicBeta)) / (2 * bictcpBetaScale)
	} else {
		ca.lastMaxCwnd = tp.SndCwnd
	}
	return max((tp.SndCwnd*cubicBeta)/bictcpBetaScale, 2)
}

// bictcpState starts all over after a timeout.
func (n *Net) bictcpState(sk *core.Sock, newState uint8) {
	kernel.Fentry2(&n.Kernel, sk, newState) // bictcp_state net/ipv4/tcp_cubic.c:372

	if newState == tcpCaLoss {
		bictcpReset(&inetCsk(sk).IcskCaPriv.cubic)
		n.bictcpHystartReset(sk) // :374
	}
}

// hystartUpdate looks for the end of slow start in an ACK's time and delay.
func (n *Net) hystartUpdate(sk *core.Sock, delay uint32) {
	kernel.Fentry2(&n.Kernel, sk, delay) // hystart_update net/ipv4/tcp_cubic.c:380

	tp := tcpSk(sk)
	ca := &tp.IcskCaPriv.cubic
	if ca.found&hystartDetect != 0 {
		return
	}

	// A train of ACKs that lasts half the least round trip.
	now := n.bictcpClock()
	if int32(now-ca.lastAck) <= hystartAckDelta {
		ca.lastAck = now
		if now-ca.roundStart > ca.delayMin>>4 {
			ca.found |= hystartAckTrain
			n.Mib[core.MibTcpExtTCPHystartTrainDetect]++
			n.Mib[core.MibTcpExtTCPHystartTrainCwnd] += uint64(tp.SndCwnd)
			tp.SndSsthresh = tp.SndCwnd
		}
	}

	// A round whose least delay is well above the least of all.
	if ca.sampleCnt < hystartMinSamples {
		if ca.currRtt == 0 || ca.currRtt > delay {
			ca.currRtt = delay
		}
		ca.sampleCnt++
		return
	}
	thresh := min(max(ca.delayMin>>3, hystartDelayMin), hystartDelayMax)
	if ca.currRtt > ca.delayMin+thresh {
		ca.found |= hystartDelay
		n.Mib[core.MibTcpExtTCPHystartDelayDetect]++
		n.Mib[core.MibTcpExtTCPHystartDelayCwnd] += uint64(tp.SndCwnd)
		tp.SndSsthresh = tp.SndCwnd
	}
}

// bictcpAcked takes note of an ACK's round trip time.
func (n *Net) bictcpAcked(sk *core.Sock, sample ackSample) {
	kernel.Fentry1(&n.Kernel, sk) // bictcp_acked net/ipv4/tcp_cubic.c:431

	tp := tcpSk(sk)
	ca := &tp.IcskCaPriv.cubic
	if sample.rttUs < 0 {
		return
	}
	// Right after a fast recovery delays mean little.
	if ca.epochStart != 0 && int32(n.TcpJiffies32()-ca.epochStart) < kernel.HZ {
		return
	}
	delay := max(uint32((sample.rttUs<<3)/usecPerMsec), 1)
	if ca.delayMin == 0 || ca.delayMin > delay {
		ca.delayMin = delay
	}
	if tcpInSlowStart(tp) && tp.SndCwnd >= hystartLowWindow {
		n.hystartUpdate(sk, delay) // :454
	}
}

// cubictcpRegister adds cubic to the controls.
func (n *Net) cubictcpRegister() int {
	kernel.Fentry0(&n.Kernel) // cubictcp_register net/ipv4/tcp_cubic.c:477

	cubictcp := &CongestionOps{
		Name:      "cubic",
		Init:      n.bictcpInit,
		Ssthresh:  n.bictcpRecalcSsthresh,
		CongAvoid: n.bictcpCongAvoid,
		SetState:  n.bictcpState,
		UndoCwnd:  n.tcpRenoUndoCwnd,
		CwndEvent: n.bictcpCwndEvent,
		PktsAcked: n.bictcpAcked,
	}
	return n.tcpRegisterCongestionControl(cubictcp) // :501
}
