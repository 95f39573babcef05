// What earlier connections learned of a path (net/ipv4/tcp_metrics.c): round
// trip time and its variance, ssthresh, window and reordering of a pair of
// addresses, kept when a connection ends in order and used by the next one.
//
// Left out: fast open's part, netlink, and namespaces. The table has 256
// chains, not 16384: a chain is bounded as in Linux, and one machine of many
// must stay small.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Metrics of a tcpMetricsBlock (enum tcp_metric_index).
const (
	tcpMetricRtt    = iota // 8 times the smoothed round trip, us
	tcpMetricRttvar        // us
	tcpMetricSsthresh
	tcpMetricCwnd
	tcpMetricReordering
	tcpMetricMax
)

const (
	tcpMetricsHashLog      = 8
	tcpMetricsTimeout      = 60 * 60 * kernel.HZ
	tcpMetricsReclaimDepth = 5
	goldenRatio32          = 0x61c88647 // include/linux/hash.h
)

// tcpMetrics is the table of all that is known (tcp_metrics_hash).
type tcpMetrics struct {
	hash [1 << tcpMetricsHashLog]*tcpMetricsBlock
}

// tcpMetricsBlock is what is known of one pair of addresses (struct
// tcp_metrics_block).
type tcpMetricsBlock struct {
	next  *tcpMetricsBlock
	saddr wire.Addr
	daddr wire.Addr
	stamp uint64 // jiffies
	lock  uint32 // bit n: metric n is the route's and stays
	vals  [tcpMetricMax]uint32
}

func tcpMetricLocked(tm *tcpMetricsBlock, idx int) bool     { return tm.lock&(1<<idx) != 0 }
func tcpMetricGet(tm *tcpMetricsBlock, idx int) uint32      { return tm.vals[idx] }
func tcpMetricSet(tm *tcpMetricsBlock, idx int, val uint32) { tm.vals[idx] = val }
func tcpmHash(daddr wire.Addr) uint32 {
	return uint32(daddr) * goldenRatio32 >> (32 - tcpMetricsHashLog)
}
func tcpmSame(tm *tcpMetricsBlock, saddr, daddr wire.Addr) bool {
	return tm.saddr == saddr && tm.daddr == daddr
}

// tcpmSuckDst begins a block anew from what the route says.
func (n *Net) tcpmSuckDst(tm *tcpMetricsBlock, dst *core.DstEntry) {
	kernel.Fentry1(&n.Kernel, dst) // tcpm_suck_dst net/ipv4/tcp_metrics.c:100

	tm.stamp = n.Jiffies()
	tm.lock = 0
	for idx, rtax := range [tcpMetricMax]int{core.RtaxRtt, core.RtaxRttvar, core.RtaxSsthresh, core.RtaxCwnd, core.RtaxReordering} {
		if core.DstMetricLocked(dst, rtax) {
			tm.lock |= 1 << idx
		}
		tm.vals[idx] = core.DstMetricRaw(dst, rtax)
	}
	tm.vals[tcpMetricRtt] *= usecPerMsec
	tm.vals[tcpMetricRttvar] *= usecPerMsec
}

// tcpmCheckStamp begins a block anew that nobody has renewed for an hour.
func (n *Net) tcpmCheckStamp(tm *tcpMetricsBlock, dst *core.DstEntry) {
	kernel.Fentry1(&n.Kernel, dst) // tcpm_check_stamp net/ipv4/tcp_metrics.c:136

	if tm != nil && int64(tm.stamp+tcpMetricsTimeout-n.Jiffies()) < 0 {
		n.tcpmSuckDst(tm, dst) // :137
	}
}

// tcpmNew makes a block, in the place of the chain's oldest if the chain is
// full.
func (n *Net) tcpmNew(dst *core.DstEntry, saddr, daddr wire.Addr, hash uint32) *tcpMetricsBlock {
	kernel.Fentry4(&n.Kernel, dst, saddr, daddr, hash) // tcpm_new net/ipv4/tcp_metrics.c:153

	n.LocalBhDisable()
	tm, reclaim := n.tcpGetMetrics__(saddr, daddr, hash) // :161
	switch {
	case tm != nil:
		n.tcpmCheckStamp(tm, dst) // :167
		n.SpinUnlockBh()          // :198
		return tm
	case reclaim:
		tm = n.metrics.hash[hash]
		for e := tm.next; e != nil; e = e.next {
			if int64(e.stamp-tm.stamp) < 0 {
				tm = e
			}
		}
	default:
		tm = &tcpMetricsBlock{next: n.metrics.hash[hash]}
		n.metrics.hash[hash] = tm
	}
	tm.saddr, tm.daddr = saddr, daddr
	n.tcpmSuckDst(tm, dst) // :190
	n.SpinUnlockBh()       // :198
	return tm
}

// tcpGetMetrics__ finds the block of a pair of addresses; where there is none
// it reports whether the chain is full.
func (n *Net) tcpGetMetrics__(saddr, daddr wire.Addr, hash uint32) (tm *tcpMetricsBlock, reclaim bool) {
	kernel.Fentry3(&n.Kernel, saddr, daddr, hash) // __tcp_get_metrics net/ipv4/tcp_metrics.c:216

	depth := 0
	for tm = n.metrics.hash[hash]; tm != nil; tm = tm.next {
		if tcpmSame(tm, saddr, daddr) {
			return tm, false
		}
		depth++
	}
	return nil, depth > tcpMetricsReclaimDepth
}

// tcpGetMetricsReq__ finds the block of a half-open connection; nil if there is
// none.
func (n *Net) tcpGetMetricsReq__(req *RequestSock, dst *core.DstEntry) *tcpMetricsBlock {
	kernel.Fentry2(&n.Kernel, req, dst) // __tcp_get_metrics_req net/ipv4/tcp_metrics.c:237

	saddr, daddr := req.SkRcvSaddr, req.SkDaddr
	tm := n.metrics.hash[tcpmHash(daddr)]
	for tm != nil && !tcpmSame(tm, saddr, daddr) {
		tm = tm.next
	}
	n.tcpmCheckStamp(tm, dst) // :267
	return tm
}

// tcpGetMetrics finds a connection's block, and makes one if asked to.
func (n *Net) tcpGetMetrics(sk *core.Sock, dst *core.DstEntry, create bool) *tcpMetricsBlock {
	kernel.Fentry3(&n.Kernel, sk, dst, create) // tcp_get_metrics net/ipv4/tcp_metrics.c:280

	saddr, daddr := ipv4.InetSk(sk).InetSaddr, sk.SkDaddr
	hash := tcpmHash(daddr)
	tm, _ := n.tcpGetMetrics__(saddr, daddr, hash) // :305
	if tm == nil && create {
		tm = n.tcpmNew(dst, saddr, daddr, hash) // :309
	} else {
		n.tcpmCheckStamp(tm, dst) // :311
	}
	return tm
}

// tcpUpdateMetrics keeps what a connection learned that ends in order.
func (n *Net) tcpUpdateMetrics(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_update_metrics net/ipv4/tcp_metrics.c:322

	tp := tcpSk(sk)
	dst := sk.SkDstCache
	sk.SkDstPendingConfirm = true
	if n.Sysctl.TcpNometricsSave || dst == nil {
		return
	}
	if tp.IcskBackoff != 0 || tp.SrttUs == 0 {
		// It never measured the round trip; what is stored is doubtful.
		tm := n.tcpGetMetrics(sk, dst, false) // :341
		if tm != nil && !tcpMetricLocked(tm, tcpMetricRtt) {
			tcpMetricSet(tm, tcpMetricRtt, 0)
		}
		return
	}
	tm := n.tcpGetMetrics(sk, dst, true) // :346
	if tm == nil {
		return
	}
	tcpMetricsRtt(tm, tp)

	switch {
	case tcpInInitialSlowstart(tp):
		// Slow start never ended.
		if val := tcpMetricGet(tm, tcpMetricSsthresh); !tcpMetricLocked(tm, tcpMetricSsthresh) {
			if val != 0 && tp.SndCwnd>>1 > val {
				tcpMetricSet(tm, tcpMetricSsthresh, tp.SndCwnd>>1)
			}
		}
		if !tcpMetricLocked(tm, tcpMetricCwnd) {
			tcpMetricSet(tm, tcpMetricCwnd, max(tcpMetricGet(tm, tcpMetricCwnd), tp.SndCwnd))
		}
	case !tcpInSlowStart(tp) && tp.IcskCaState == tcpCaOpen:
		// Congestion avoidance: the window means something.
		if !tcpMetricLocked(tm, tcpMetricSsthresh) {
			tcpMetricSet(tm, tcpMetricSsthresh, max(tp.SndCwnd>>1, tp.SndSsthresh))
		}
		if !tcpMetricLocked(tm, tcpMetricCwnd) {
			tcpMetricSet(tm, tcpMetricCwnd, (tcpMetricGet(tm, tcpMetricCwnd)+tp.SndCwnd)>>1)
		}
	default:
		// In the middle of something: only ssthresh is worth keeping.
		if !tcpMetricLocked(tm, tcpMetricCwnd) {
			tcpMetricSet(tm, tcpMetricCwnd, (tcpMetricGet(tm, tcpMetricCwnd)+tp.SndSsthresh)>>1)
		}
		if val := tcpMetricGet(tm, tcpMetricSsthresh); !tcpMetricLocked(tm, tcpMetricSsthresh) {
			if val != 0 && tp.SndSsthresh > val {
				tcpMetricSet(tm, tcpMetricSsthresh, tp.SndSsthresh)
			}
		}
		if val := tcpMetricGet(tm, tcpMetricReordering); !tcpMetricLocked(tm, tcpMetricReordering) {
			if val < tp.Reordering && tp.Reordering != uint32(n.Sysctl.TcpReordering) {
				tcpMetricSet(tm, tcpMetricReordering, tp.Reordering)
			}
		}
	}
	tm.stamp = n.Jiffies()
}

// tcpMetricsRtt takes a connection's round trip time and variance into a
// block: at once if they grew, slowly if they shrank, because an RTO that is
// too long does less harm than one that is too short.
func tcpMetricsRtt(tm *tcpMetricsBlock, tp *TcpSock) {
	rtt := tcpMetricGet(tm, tcpMetricRtt)
	m := int32(rtt - tp.SrttUs)
	if !tcpMetricLocked(tm, tcpMetricRtt) {
		if m <= 0 {
			rtt = tp.SrttUs
		} else {
			rtt -= uint32(m >> 3)
		}
		tcpMetricSet(tm, tcpMetricRtt, rtt)
	}
	if !tcpMetricLocked(tm, tcpMetricRttvar) {
		if m < 0 {
			m = -m
		}
		dev := max(uint32(m>>1), tp.MdevUs)
		val := tcpMetricGet(tm, tcpMetricRttvar)
		if dev >= val {
			val = dev
		} else {
			val -= (val - dev) >> 2
		}
		tcpMetricSet(tm, tcpMetricRttvar, val)
	}
}

// tcpInitMetrics begins a connection with what is known of its path: ssthresh,
// the first RTO, the reordering distance and the initial window.
func (n *Net) tcpInitMetrics(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_init_metrics net/ipv4/tcp_metrics.c:442

	tp := tcpSk(sk)
	dst := sk.SkDstCache
	crtt := uint32(0)
	sk.SkDstPendingConfirm = true
	if dst != nil {
		tm := n.tcpGetMetrics(sk, dst, true) // :452
		if tcpMetricLocked(tm, tcpMetricCwnd) {
			tp.SndCwndClamp = tcpMetricGet(tm, tcpMetricCwnd)
		}
		if val := tcpMetricGet(tm, tcpMetricSsthresh); val != 0 {
			tp.SndSsthresh = min(val, tp.SndCwndClamp)
		} else {
			tp.SndSsthresh = tcpInfiniteSsthresh // the handshake may have lowered it
		}
		if val := tcpMetricGet(tm, tcpMetricReordering); val != 0 {
			tp.Reordering = val
		}
		crtt = tcpMetricGet(tm, tcpMetricRtt)
	}

	// A SYN is small and its round trip shorter than the data's: a longer one
	// that is known sets the first RTO. The estimator is left alone.
	if crtt > tp.SrttUs {
		crtt /= 8 * usecPerSec / kernel.HZ
		tp.IcskRto = crtt + max(2*crtt, tcpRtoMinOf(sk))
	} else if tp.SrttUs == 0 {
		// The handshake was retransmitted and nothing is known (RFC 6298, 5.7).
		tp.RttvarUs = jiffiesToUsecs(tcpTimeoutFallback)
		tp.MdevUs = tp.RttvarUs
		tp.MdevMaxUs = tp.RttvarUs
		tp.IcskRto = tcpTimeoutFallback
	}
	if tp.TotalRetrans > 1 {
		tp.SndCwnd = 1
	} else {
		tp.SndCwnd = n.tcpInitCwnd(tp, dst) // :523
	}
	tp.SndCwndStamp = n.TcpJiffies32()
}

// tcpPeerIsProven reports whether a connection with this peer has worked before.
func (n *Net) tcpPeerIsProven(req *RequestSock, dst *core.DstEntry) bool {
	kernel.Fentry2(&n.Kernel, req, dst) // tcp_peer_is_proven net/ipv4/tcp_metrics.c:532

	if dst == nil {
		return false
	}
	tm := n.tcpGetMetricsReq__(req, dst) // :536
	return tm != nil && tcpMetricGet(tm, tcpMetricRtt) != 0
}

// tcpMetricsInit empties the table.
func (n *Net) tcpMetricsInit() {
	kernel.Fentry0(&n.Kernel) // tcp_metrics_init net/ipv4/tcp_metrics.c:1033

	n.metrics = tcpMetrics{}
}
