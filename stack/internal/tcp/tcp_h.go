// What everything in TCP leans on (include/net/tcp.h): its constants, and the
// small functions about clocks and about TCP as a whole. Those about one
// connection are in tcp_h_sock.go, those about its queues in tcp_h_queue.go. Left
// out: fast open, MD5, upper-layer protocols, BPF, and the cgroup part of memory
// pressure.

package tcp

import (
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const hz = kernel.HZ

// Sizes and limits.
const (
	maxTcpWindow         = 32767 // the most that is offered without window scaling
	tcpMinMss            = 88
	tcpMssDefault        = 536
	tcpBaseMss           = 1024
	tcpProbeInterval     = 600 // seconds
	tcpProbeThreshold    = 8
	tcpFastretransThresh = 3
	tcpMaxQuickacks      = 16
	tcpInitCwndDefault   = 10
	tcpInfiniteSsthresh  = 0x7fffffff
	tcpThinLinearRetries = 6
	tcpNumSacks          = 4
)

// Retries, and times in jiffies.
const (
	tcpRetr1                 = 3
	tcpRetr2                 = 15
	tcpSynRetries            = 6
	tcpSynackRetries         = 5
	tcpTimewaitLen           = 60 * hz
	tcpFinTimeout            = tcpTimewaitLen
	tcpDelackMax             = hz / 5
	tcpDelackMin             = hz / 25
	tcpAtoMin                = hz / 25
	tcpRtoMax                = 120 * hz
	tcpRtoMin                = hz / 5
	tcpTimeoutMin            = 2
	tcpTimeoutInit           = hz
	tcpTimeoutFallback       = 3 * hz
	tcpResourceProbeInterval = hz / 2
	tcpKeepaliveTime         = 120 * 60 * hz
	tcpKeepaliveProbes       = 9
	tcpKeepaliveIntvl        = 75 * hz
	maxTcpKeepidle           = 32767
	maxTcpKeepintvl          = 32767
	maxTcpKeepcnt            = 127
	maxTcpSyncnt             = 127

	tcpPaws24days = 60 * 60 * 24 * 24 // seconds
	tcpPawsMsl    = 60                // seconds
	tcpPawsWindow = 1

	usecPerSec  = 1000000
	usecPerMsec = 1000
	usPerTick   = usecPerSec / tcpTsHz
	tcpTsHz     = 1000
)

// Flags of a segment, as in the TCP header.
const (
	tcphdrFin    = 0x01
	tcphdrSyn    = 0x02
	tcphdrRst    = 0x04
	tcphdrPsh    = 0x08
	tcphdrAck    = 0x10
	tcphdrUrg    = 0x20
	tcphdrEce    = 0x40
	tcphdrCwr    = 0x80
	tcphdrSynEcn = tcphdrSyn | tcphdrEce | tcphdrCwr

	tcpFlagAck = 0x00100000 // in the header's fourth word
)

// TcpSock.UrgData beyond the byte itself.
const (
	tcpUrgValid  = 0x0100
	tcpUrgNotyet = 0x0200
	tcpUrgRead   = 0x0400
)

// TcpSock.Nonagle.
const (
	tcpNagleOff  = 1 // TCP_NODELAY
	tcpNagleCork = 2 // TCP_CORK
	tcpNaglePush = 4 // what is queued goes although corked
)

// TcpSock.EcnFlags.
const (
	tcpEcnOk           = 1
	tcpEcnQueueCwrFlag = 2
	tcpEcnDemandCwr    = 4
	tcpEcnSeen         = 8
)

// Bits of TcpOptionsReceived.SackOk.
const (
	tcpSackSeen  = 1 << 0
	tcpDsackSeen = 1 << 2
)

// States of congestion avoidance (enum tcp_ca_state).
const (
	tcpCaOpen     = 0
	tcpCaDisorder = 1
	tcpCaCWR      = 2
	tcpCaRecovery = 3
	tcpCaLoss     = 4

	tcpfCaOpen     = 1 << tcpCaOpen
	tcpfCaDisorder = 1 << tcpCaDisorder
	tcpfCaCWR      = 1 << tcpCaCWR
	tcpfCaRecovery = 1 << tcpCaRecovery
	tcpfCaLoss     = 1 << tcpCaLoss
)

// Events for a congestion control (enum tcp_ca_event), and what an ACK is to it.
const (
	caEventTxStart     = 0
	caEventCwndRestart = 1
	caEventCompleteCwr = 2
	caEventLoss        = 3
	caEventEcnNoCe     = 4
	caEventEcnIsCe     = 5

	caAckSlowpath  = 1 << 0
	caAckWinUpdate = 1 << 1
	caAckEce       = 1 << 2
)

// What a sender waits for (enum tcp_chrono).
const (
	tcpChronoUnspec        = 0
	tcpChronoBusy          = 1
	tcpChronoRwndLimited   = 2
	tcpChronoSndbufLimited = 3
	tcpChronoMax           = 4
)

// Answers of tcp_timewait_state_process (enum tcp_tw_status).
const (
	tcpTwSuccess = 0
	tcpTwRst     = 1
	tcpTwAck     = 2
	tcpTwSyn     = 3
)

// Kinds of SYN-ACK (enum tcp_synack_type).
const (
	tcpSynackNormal   = 0
	tcpSynackFastopen = 1
	tcpSynackCookie   = 2
)

// Which queue tcp_fragment works on (enum tcp_queue).
const (
	tcpFragInWriteQueue = 0
	tcpFragInRtxQueue   = 1
)

// Bits of the sysctl tcp_recovery.
const (
	tcpRackLossDetection = 1
	tcpRackStaticReoWnd  = 2
	tcpRackNoDupthresh   = 4
)

// jiffiesToUsecs and its kin convert times (linux/jiffies.h); microseconds
// become jiffies rounded up.
func jiffiesToUsecs(j uint32) uint32 { return j * (usecPerSec / hz) }
func jiffiesToMsecs(j uint32) uint32 { return j * (1000 / hz) }
func usecsToJiffies(us uint32) uint32 {
	return uint32((uint64(us) + usecPerSec/hz - 1) / (usecPerSec / hz))
}

// tcpClockNs is the clock in nanoseconds (tcp_clock_ns).
func (n *Net) tcpClockNs() uint64 { return uint64(n.Now()) }

// tcpClockUs is the clock in microseconds (tcp_clock_us).
func (n *Net) tcpClockUs() uint64 { return uint64(n.Now() / time.Microsecond) }

// tcpTimeStamp is what goes into the timestamp option, without the
// connection's offset; TcpMstamp must be fresh (tcp_time_stamp).
func tcpTimeStamp(tp *TcpSock) uint32 { return uint32(tp.TcpMstamp / (usecPerSec / tcpTsHz)) }

// tcpTimeStampRaw is the same straight from the clock (tcp_time_stamp_raw).
func (n *Net) tcpTimeStampRaw() uint32 { return uint32(n.Now() / (time.Second / tcpTsHz)) }

// tcpStampUsDelta is t1 - t0, 0 if that is negative (tcp_stamp_us_delta).
func tcpStampUsDelta(t1, t0 uint64) uint32 { return uint32(max(int64(t1-t0), 0)) }

// tcpSkbTimestamp is a segment's departure as a timestamp (tcp_skb_timestamp).
func tcpSkbTimestamp(skb *core.SkBuff) uint32 {
	return uint32(skb.SkbMstampNs / uint64(time.Second/tcpTsHz))
}

// tcpSkbTimestampUs is the same in microseconds (tcp_skb_timestamp_us).
func tcpSkbTimestampUs(skb *core.SkBuff) uint64 { return skb.SkbMstampNs / 1000 }

// tcpUnderMemoryPressure reports whether TCP as a whole is short of memory
// (tcp_under_memory_pressure).
func (n *Net) tcpUnderMemoryPressure(*core.Sock) bool { return n.prot.MemoryPressure }

// tcpOutOfMemory reports whether a socket with data to send stands above TCP's
// memory limit (tcp_out_of_memory).
func (n *Net) tcpOutOfMemory(sk *core.Sock) bool {
	return sk.SkWmemQueued > core.SockMinSndbuf && n.prot.MemoryAllocated > n.prot.SysctlMem[2]
}

// tcpTooManyOrphans reports whether there are more sockets without a program
// than the sysctl allows (tcp_too_many_orphans).
func (n *Net) tcpTooManyOrphans(_ *core.Sock, shift int) bool {
	return n.prot.OrphanCount<<shift > n.Sysctl.TcpMaxOrphans
}

// tcpDecQuickackMode counts ACKs that were sent against those that are to go at
// once (tcp_dec_quickack_mode).
func tcpDecQuickackMode(sk *core.Sock, pkts uint32) {
	ack := &inetCsk(sk).IcskAck
	if ack.Quick == 0 {
		return
	}
	if pkts >= uint32(ack.Quick) {
		ack.Quick = 0
		ack.Ato = tcpAtoMin
	} else {
		ack.Quick -= uint8(pkts)
	}
}

// tcpSynqOverflow notes that a listener's SYN queue has overflowed: for a while
// cookies will be accepted (tcp_synq_overflow).
func (n *Net) tcpSynqOverflow(sk *core.Sock) {
	stamp := &tcpSk(sk).RxOpt.TsRecentStamp
	if now := n.TcpJiffies32(); wire.After(now, uint32(*stamp)+hz) {
		*stamp = int64(now)
	}
}

// tcpSynqNoRecentOverflow reports whether no cookie can be out there
// (tcp_synq_no_recent_overflow).
func (n *Net) tcpSynqNoRecentOverflow(sk *core.Sock) bool {
	return wire.After(n.TcpJiffies32(), uint32(tcpSk(sk).RxOpt.TsRecentStamp)+tcpSyncookieValid)
}

const (
	maxSyncookieAge    = 2
	tcpSyncookiePeriod = 60 * hz
	tcpSyncookieValid  = maxSyncookieAge * tcpSyncookiePeriod
)

// tcpCookieTime counts the periods of SYN cookies (tcp_cookie_time).
func (n *Net) tcpCookieTime() uint32 { return uint32(n.Jiffies() / tcpSyncookiePeriod) }
