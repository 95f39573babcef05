// Delivery rate samples (net/ipv4/tcp_rate.c): each segment remembers how much
// had been delivered when it left, so that its acknowledgment tells how much
// the path delivers in how much time, and whether the sender had run dry.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// RateSample is what one ACK tells of the path (struct rate_sample). It is
// invalid if Delivered or IntervalUs is negative.
type RateSample struct {
	PriorMstamp    uint64 // us: begin of the interval
	PriorDelivered uint32 // packets delivered by then
	Delivered      int32  // packets delivered in the interval
	IntervalUs     int64
	SndIntervalUs  uint32
	RcvIntervalUs  uint32
	RttUs          int64  // of the last packet (s)acked, or -1
	Losses         int    // packets marked lost by this ACK
	AckedSacked    uint32 // packets newly (s)acked by it
	PriorInFlight  uint32 // packets in flight before it
	IsAppLimited   bool
	IsRetrans      bool
	IsAckDelayed   bool
}

// tcpRateSkbSent notes in a segment that leaves what has been delivered so far.
func (n *Net) tcpRateSkbSent(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_rate_skb_sent net/ipv4/tcp_rate.c:41

	tp := tcpSk(sk)
	// With nothing in flight an interval begins here. PacketsOut says so for
	// certain, whatever is believed lost.
	if tp.PacketsOut == 0 {
		tstampUs := tcpSkbTimestampUs(skb)
		tp.FirstTxMstamp = tstampUs
		tp.DeliveredMstamp = tstampUs
	}
	skb.Cb.TxFirstTxMstamp = tp.FirstTxMstamp
	skb.Cb.TxDeliveredMstamp = tp.DeliveredMstamp
	skb.Cb.TxDelivered = tp.Delivered
	skb.Cb.TxIsAppLimited = tp.AppLimited != 0
}

// tcpRateSkbDelivered takes a segment that was (s)acked into the sample rs. Of
// several segments the one sent last counts.
func (n *Net) tcpRateSkbDelivered(sk *core.Sock, skb *core.SkBuff, rs *RateSample) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_rate_skb_delivered net/ipv4/tcp_rate.c:80

	tp := tcpSk(sk)
	scb := &skb.Cb
	if scb.TxDeliveredMstamp == 0 {
		return
	}
	if rs.PriorDelivered == 0 || wire.After(scb.TxDelivered, rs.PriorDelivered) {
		rs.PriorDelivered = scb.TxDelivered
		rs.PriorMstamp = scb.TxDeliveredMstamp
		rs.IsAppLimited = scb.TxIsAppLimited
		rs.IsRetrans = scb.Sacked&core.TcpcbRetrans != 0

		tp.FirstTxMstamp = tcpSkbTimestampUs(skb)
		rs.IntervalUs = int64(tcpStampUsDelta(tp.FirstTxMstamp, scb.TxFirstTxMstamp))
	}
	// A segment that was sacked must not count again when it is acked.
	if scb.Sacked&core.TcpcbSackedAcked != 0 {
		scb.TxDeliveredMstamp = 0
	}
}

// tcpRateGen completes the sample rs of an ACK that delivered so many packets
// and had so many marked lost, and keeps it as the connection's rate if it is
// one that the path, not the sender, has limited.
func (n *Net) tcpRateGen(sk *core.Sock, delivered, lost uint32, isSackReneg bool, rs *RateSample) {
	kernel.Fentry4(&n.Kernel, sk, delivered, lost, isSackReneg) // tcp_rate_gen net/ipv4/tcp_rate.c:112

	tp := tcpSk(sk)
	if tp.AppLimited != 0 && wire.After(tp.Delivered, tp.AppLimited) {
		tp.AppLimited = 0
	}
	if delivered != 0 {
		tp.DeliveredMstamp = tp.TcpMstamp
	}
	rs.AckedSacked = delivered
	rs.Losses = int(int32(lost))
	if rs.PriorMstamp == 0 || isSackReneg {
		rs.Delivered = -1
		rs.IntervalUs = -1
		return
	}
	rs.Delivered = int32(tp.Delivered - rs.PriorDelivered)

	// Sending and being acknowledged are two phases of the same window; the
	// longer of them bounds the rate.
	sndUs := uint32(rs.IntervalUs)
	ackUs := tcpStampUsDelta(tp.TcpMstamp, rs.PriorMstamp)
	rs.IntervalUs = int64(max(sndUs, ackUs))
	rs.SndIntervalUs = sndUs
	rs.RcvIntervalUs = ackUs

	if rs.IntervalUs < int64(tcpMinRtt(tp)) {
		rs.IntervalUs = -1
		return
	}
	if !rs.IsAppLimited ||
		uint64(rs.Delivered)*uint64(tp.RateIntervalUs) >= uint64(tp.RateDelivered)*uint64(rs.IntervalUs) {
		tp.RateDelivered = uint32(rs.Delivered)
		tp.RateIntervalUs = uint32(rs.IntervalUs)
		tp.RateAppLimited = rs.IsAppLimited
	}
}

// tcpRateCheckAppLimited notes that the sender has run dry: less than a
// segment left to send, and neither the window nor a device holds it back.
func (n *Net) tcpRateCheckAppLimited(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_rate_check_app_limited net/ipv4/tcp_rate.c:184

	tp := tcpSk(sk)
	if tp.WriteSeq-tp.SndNxt < tp.MssCache &&
		sk.SkWmemAlloc-1 < core.SkbTruesize(1) &&
		tcpPacketsInFlight(tp) < tp.SndCwnd &&
		tp.LostOut <= tp.RetransOut {
		tp.AppLimited = max(tp.Delivered+tcpPacketsInFlight(tp), 1)
	}
}
