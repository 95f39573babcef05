// TCP_INFO: the state of a connection as numbers (net/ipv4/tcp.c).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// Bits of TcpInfo.Options.
const (
	TcpiOptTimestamps = 1
	TcpiOptSack       = 2
	TcpiOptWscale     = 4
	TcpiOptEcn        = 8
	TcpiOptEcnSeen    = 16
	TcpiOptSynData    = 32
)

// TcpInfo is what TCP_INFO tells (struct tcp_info). Times are in microseconds
// where the comment says so, in milliseconds otherwise.
type TcpInfo struct {
	State, CaState, Retransmits, Probes, Backoff, Options uint8
	SndWscale, RcvWscale                                  uint8
	DeliveryRateAppLimited                                bool

	Rto, Ato, SndMss, RcvMss                             uint32 // us, us, bytes
	Unacked, Sacked, Lost, Retrans, Fackets              uint32 // segments; listeners: in the accept queue, its limit
	LastDataSent, LastAckSent, LastDataRecv, LastAckRecv uint32 // ms ago
	Pmtu, RcvSsthresh, Rtt, Rttvar                       uint32 // us
	SndSsthresh, SndCwnd, Advmss, Reordering             uint32
	RcvRtt, RcvSpace, TotalRetrans                       uint32
	PacingRate, MaxPacingRate, BytesAcked, BytesReceived uint64
	SegsOut, SegsIn, NotsentBytes, MinRtt                uint32
	DataSegsIn, DataSegsOut                              uint32
	DeliveryRate, BusyTime, RwndLimited, SndbufLimited   uint64 // bytes a second, us
	Delivered, DeliveredCe                               uint32
	BytesSent, BytesRetrans                              uint64
	DsackDups, ReordSeen                                 uint32
}

// AppendTo appends the struct as a program sees it.
func (i *TcpInfo) AppendTo(b []byte) []byte {
	b = append(b, i.State, i.CaState, i.Retransmits, i.Probes, i.Backoff, i.Options,
		i.SndWscale&0xf|i.RcvWscale<<4, uint8(b2i(i.DeliveryRateAppLimited)))
	for _, v := range [...]uint32{i.Rto, i.Ato, i.SndMss, i.RcvMss,
		i.Unacked, i.Sacked, i.Lost, i.Retrans, i.Fackets,
		i.LastDataSent, i.LastAckSent, i.LastDataRecv, i.LastAckRecv,
		i.Pmtu, i.RcvSsthresh, i.Rtt, i.Rttvar, i.SndSsthresh, i.SndCwnd, i.Advmss, i.Reordering,
		i.RcvRtt, i.RcvSpace, i.TotalRetrans} {
		b = le32(b, v)
	}
	for _, v := range [...]uint64{i.PacingRate, i.MaxPacingRate, i.BytesAcked, i.BytesReceived} {
		b = le64(b, v)
	}
	for _, v := range [...]uint32{i.SegsOut, i.SegsIn, i.NotsentBytes, i.MinRtt, i.DataSegsIn, i.DataSegsOut} {
		b = le32(b, v)
	}
	for _, v := range [...]uint64{i.DeliveryRate, i.BusyTime, i.RwndLimited, i.SndbufLimited} {
		b = le64(b, v)
	}
	b = le32(le32(b, i.Delivered), i.DeliveredCe)
	b = le64(le64(b, i.BytesSent), i.BytesRetrans)
	return le32(le32(b, i.DsackDups), i.ReordSeen)
}

func le64(b []byte, v uint64) []byte { return le32(le32(b, uint32(v)), uint32(v>>32)) }

// tcpComputeDeliveryRate is the latest measured rate in bytes a second
// (tcp_compute_delivery_rate).
func tcpComputeDeliveryRate(tp *TcpSock) uint64 {
	if tp.RateDelivered == 0 || tp.RateIntervalUs == 0 {
		return 0
	}
	return uint64(tp.RateDelivered) * uint64(tp.MssCache) * usecPerSec / uint64(tp.RateIntervalUs)
}

// tcpGetInfoChronoStats tells for how long the connection was busy and what held
// it up (tcp_get_info_chrono_stats).
func (n *Net) tcpGetInfoChronoStats(tp *TcpSock, info *TcpInfo) {
	var stats [tcpChronoMax]uint64
	total := uint64(0)
	for i := tcpChronoBusy; i < tcpChronoMax; i++ {
		stats[i] = uint64(tp.ChronoStat[i-1])
		if i == int(tp.ChronoType) {
			stats[i] += uint64(n.TcpJiffies32() - tp.ChronoStart)
		}
		stats[i] *= usecPerSec / hz
		total += stats[i]
	}
	info.BusyTime = total
	info.RwndLimited = stats[tcpChronoRwndLimited]
	info.SndbufLimited = stats[tcpChronoSndbufLimited]
}

// TcpGetInfo fills info for a socket that the caller does not hold.
func (n *Net) TcpGetInfo(sk *core.Sock, info *TcpInfo) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_get_info net/ipv4/tcp.c:3108

	*info = TcpInfo{}
	if sk.SkType != core.SockStream {
		return
	}
	if sk.SkState == core.TcpListen {
		n.TcpInfoOf(sk, info)
		return
	}
	slow := n.LockSockFast(sk) // :3143
	n.TcpInfoOf(sk, info)
	n.UnlockSockFast(sk, slow) // :3217
}

// TcpInfoOf is TcpGetInfo for observers, which take no lock and disturb nothing.
func (n *Net) TcpInfoOf(sk *core.Sock, info *TcpInfo) {
	tp := tcpSk(sk)
	*info = TcpInfo{
		State:         sk.SkState,
		PacingRate:    sk.SkPacingRate,
		MaxPacingRate: sk.SkMaxPacingRate,
		Reordering:    tp.Reordering,
		SndCwnd:       tp.SndCwnd,
	}
	if sk.SkState == core.TcpListen {
		info.Unacked = sk.SkAckBacklog
		info.Sacked = sk.SkMaxAckBacklog
		return
	}
	info.CaState = tp.IcskCaState
	info.Retransmits = tp.IcskRetransmits
	info.Probes = tp.IcskProbesOut
	info.Backoff = tp.IcskBackoff
	if tp.RxOpt.TstampOk {
		info.Options |= TcpiOptTimestamps
	}
	if tcpIsSack(tp) {
		info.Options |= TcpiOptSack
	}
	if tp.RxOpt.WscaleOk {
		info.Options |= TcpiOptWscale
		info.SndWscale, info.RcvWscale = tp.RxOpt.SndWscale, tp.RxOpt.RcvWscale
	}
	if tp.EcnFlags&tcpEcnOk != 0 {
		info.Options |= TcpiOptEcn
	}
	if tp.EcnFlags&tcpEcnSeen != 0 {
		info.Options |= TcpiOptEcnSeen
	}
	info.Rto, info.Ato = jiffiesToUsecs(tp.IcskRto), jiffiesToUsecs(tp.IcskAck.Ato)
	info.SndMss, info.RcvMss = tp.MssCache, uint32(tp.IcskAck.RcvMss)
	info.Unacked, info.Sacked, info.Lost, info.Retrans = tp.PacketsOut, tp.SackedOut, tp.LostOut, tp.RetransOut
	now := n.TcpJiffies32()
	info.LastDataSent = jiffiesToMsecs(now - tp.Lsndtime)
	info.LastDataRecv = jiffiesToMsecs(now - tp.IcskAck.Lrcvtime)
	info.LastAckRecv = jiffiesToMsecs(now - tp.RcvTstamp)
	info.Pmtu = tp.IcskPmtuCookie
	info.RcvSsthresh = tp.RcvSsthresh
	info.Rtt, info.Rttvar = tp.SrttUs>>3, tp.MdevUs>>2
	info.SndSsthresh = tp.SndSsthresh
	info.Advmss = uint32(tp.Advmss)
	info.RcvRtt = tp.RcvRttEst.RttUs >> 3
	info.RcvSpace = tp.RcvqSpace.Space
	info.TotalRetrans = tp.TotalRetrans
	info.BytesAcked, info.BytesReceived = tp.BytesAcked, tp.BytesReceived
	info.NotsentBytes = uint32(max(0, int32(tp.WriteSeq-tp.SndNxt)))
	n.tcpGetInfoChronoStats(tp, info)
	info.SegsOut, info.SegsIn = tp.SegsOut, tp.SegsIn
	info.MinRtt = tcpMinRtt(tp)
	info.DataSegsIn, info.DataSegsOut = tp.DataSegsIn, tp.DataSegsOut
	info.DeliveryRateAppLimited = tp.RateAppLimited
	info.DeliveryRate = tcpComputeDeliveryRate(tp)
	info.Delivered, info.DeliveredCe = tp.Delivered, tp.DeliveredCe
	info.BytesSent, info.BytesRetrans = tp.BytesSent, tp.BytesRetrans
	info.DsackDups, info.ReordSeen = tp.DsackDups, tp.ReordSeen
}
