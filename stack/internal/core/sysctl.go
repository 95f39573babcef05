// The knobs of net.core and net.ipv4 (net/core/sysctl_net_core.c,
// net/ipv4/sysctl_net_ipv4.c), with the defaults of a machine of 2 GB.

package core

import (
	"time"

	"menuos/stack/internal/kernel"
)

// Sysctl holds the values that the stack reads. Times are in jiffies unless
// they say otherwise.
type Sysctl struct {
	// net.core
	WmemMax, RmemMax         int
	WmemDefault, RmemDefault int
	OptmemMax                int
	Somaxconn                int
	NetdevMaxBacklog         int
	NetdevBudget             int
	NetdevBudgetUsecs        int
	NetdevTstampPrequeue     bool
	DevWeight                int
	DevWeightRxBias          int
	DevWeightTxBias          int
	MessageCost              int
	MessageBurst             int
	MaxSkbFrags              int
	TstampAllowData          bool
	DefaultQdisc             string

	// net.ipv4, IP
	IpForward                     bool
	IpDefaultTtl                  int
	IpNoPmtuDisc                  int
	IpLocalPortRange              [2]int
	IpUnprivilegedPortStart       int
	IpNonlocalBind                bool
	IpDynaddr                     int
	IpEarlyDemux                  bool
	IpForwardUsePmtu              bool
	IpForwardUpdatePriority       bool
	IpfragHighThresh              int
	IpfragLowThresh               int
	IpfragTime                    int
	IpfragMaxDist                 int
	IpfragSecretInterval          int
	FwmarkReflect                 bool
	RouteMinPmtu                  int
	RouteMtuExpires               int
	RouteMinAdvMss                int
	RouteErrorCost                int
	RouteErrorBurst               int
	RouteRedirectLoad             int
	RouteRedirectNumber           int
	RouteRedirectSilence          int
	RouteGcTimeout                int
	RouteMaxSize                  int
	InetPeerThreshold             int
	InetPeerMinttl                int
	InetPeerMaxttl                int
	FibMultipathUseNeigh          bool
	FibMultipathHashPolicy        int
	IcmpEchoIgnoreAll             bool
	IcmpEchoIgnoreBroadcasts      bool
	IcmpIgnoreBogusErrorResponses bool
	IcmpErrorsUseInboundIfaddr    bool
	IcmpRatelimit                 int
	IcmpRatemask                  int
	IcmpMsgsPerSec                int
	IcmpMsgsBurst                 int
	PingGroupRange                [2]int
	IgmpLinkLocalMcastReports     bool
	IgmpMaxMemberships            int
	IgmpMaxMsf                    int
	IgmpQrv                       int

	Neigh NeighParms // net.ipv4.neigh.default

	// net.ipv4, UDP
	UdpMem        [3]int // pages
	UdpRmemMin    int
	UdpWmemMin    int
	UdpEarlyDemux bool

	// net.ipv4, TCP
	TcpMem                        [3]int // pages
	TcpRmem                       [3]int
	TcpWmem                       [3]int
	TcpMaxOrphans                 int
	TcpMaxTwBuckets               int
	MaxSynBacklog                 int
	TcpEarlyDemux                 bool
	TcpEcn                        int
	TcpEcnFallback                bool
	TcpMtuProbing                 int
	TcpBaseMss                    int
	TcpMinSndMss                  int
	TcpProbeThreshold             int
	TcpProbeInterval              int // seconds
	TcpKeepaliveTime              int
	TcpKeepaliveProbes            int
	TcpKeepaliveIntvl             int
	TcpSynRetries                 int
	TcpSynackRetries              int
	TcpSyncookies                 int
	TcpReordering                 int
	TcpRetries1                   int
	TcpRetries2                   int
	TcpOrphanRetries              int
	TcpFinTimeout                 int
	TcpNotsentLowat               int
	TcpTwReuse                    int
	TcpFastopen                   int
	TcpFastopenBlackholeTimeout   int // seconds
	TcpSack                       bool
	TcpWindowScaling              bool
	TcpTimestamps                 int
	TcpEarlyRetrans               int
	TcpRecovery                   int
	TcpThinLinearTimeouts         bool
	TcpSlowStartAfterIdle         bool
	TcpRetransCollapse            bool
	TcpStdurg                     bool
	TcpRfc1337                    bool
	TcpAbortOnOverflow            bool
	TcpFack                       int
	TcpMaxReordering              int
	TcpDsack                      bool
	TcpAppWin                     int
	TcpAdvWinScale                int
	TcpFrto                       int
	TcpNometricsSave              bool
	TcpModerateRcvbuf             bool
	TcpTsoWinDivisor              int
	TcpWorkaroundSignedWindows    bool
	TcpLimitOutputBytes           int
	TcpChallengeAckLimit          int
	TcpMinTsoSegs                 int
	TcpMinRttWlen                 int // seconds
	TcpAutocorking                bool
	TcpInvalidRatelimit           int
	TcpPacingSsRatio              int
	TcpPacingCaRatio              int
	TcpCompSackDelay              time.Duration
	TcpCompSackNr                 int
	TcpLowLatency                 bool
	TcpFwmarkAccept               bool
	TcpCongestionControl          string
	TcpAvailableCongestionControl string
	TcpAllowedCongestionControl   string

	// Changed, if set, hears of every value that SysctlSet has changed.
	Changed func(name string)
	// Conf are the knobs net.ipv4.conf of the layer above.
	Conf SysctlConf
	// CheckCongestionControl, if set, says whether a congestion control exists.
	CheckCongestionControl func(name string) bool
}

// SysctlConf are knobs that come and go with devices: Each lists them with where
// their values are, *int or *bool, and Changed hears of a place that SysctlSet has
// written to.
type SysctlConf struct {
	Each    func(fn func(name string, at any))
	Changed func(at any)
}

// recordedRmemMax is tcp_rmem[2] of the recorded machine: it asks for a window
// scale of 6, so tcp_init found it between 2 and 4 MiB.
const recordedRmemMax = 3912832

// nrFreePages is what nr_free_buffer_pages finds on a machine of 2 GB; the
// limits in pages derive from it.
const nrFreePages = 489104

// setDefaults gives every knob the value it has after boot.
func (s *Sysctl) setDefaults() {
	const hz = kernel.HZ
	skMax := SkbTruesize(256) * 256 // SK_WMEM_MAX
	*s = Sysctl{
		WmemMax: skMax, RmemMax: skMax, WmemDefault: skMax, RmemDefault: skMax,
		OptmemMax: 20480, Somaxconn: 128,
		NetdevMaxBacklog: 1000, NetdevBudget: 300, NetdevBudgetUsecs: 2000, NetdevTstampPrequeue: true,
		DevWeight: 64, DevWeightRxBias: 1, DevWeightTxBias: 1,
		MessageCost: 5 * hz, MessageBurst: 10, MaxSkbFrags: MaxSkbFrags, TstampAllowData: true,
		DefaultQdisc: "pfifo_fast",

		IpDefaultTtl: 64, IpLocalPortRange: [2]int{32768, 60999}, IpUnprivilegedPortStart: 1024,
		IpEarlyDemux: true, IpForwardUpdatePriority: true,
		IpfragHighThresh: 4 << 20, IpfragLowThresh: 3 << 20, IpfragTime: 30 * hz, IpfragMaxDist: 64,
		RouteMinPmtu: 552, RouteMtuExpires: 600 * hz, RouteMinAdvMss: 256,
		RouteErrorCost: hz, RouteErrorBurst: 5 * hz, RouteRedirectLoad: hz / 50, RouteRedirectNumber: 9,
		RouteRedirectSilence: (hz / 50) << 10, RouteGcTimeout: 300 * hz, RouteMaxSize: 1<<31 - 1,
		InetPeerThreshold: 65536 + 128, InetPeerMinttl: 120 * hz, InetPeerMaxttl: 600 * hz,
		IcmpEchoIgnoreBroadcasts: true, IcmpIgnoreBogusErrorResponses: true,
		IcmpRatelimit: hz, IcmpRatemask: 0x1818, IcmpMsgsPerSec: 1000, IcmpMsgsBurst: 50,
		PingGroupRange: [2]int{1, 0}, IgmpLinkLocalMcastReports: true,
		IgmpMaxMemberships: 20, IgmpMaxMsf: 10, IgmpQrv: 2,

		UdpMem: memLimits(nrFreePages / 8), UdpRmemMin: SkMemQuantum, UdpWmemMin: SkMemQuantum, UdpEarlyDemux: true,

		TcpMem:        memLimits(nrFreePages / 16),
		TcpRmem:       [3]int{SkMemQuantum, 131072, recordedRmemMax},
		TcpWmem:       [3]int{SkMemQuantum, 16384, 4 << 20},
		TcpMaxOrphans: 8192, TcpMaxTwBuckets: 8192, MaxSynBacklog: 128,
		TcpEarlyDemux: true, TcpEcn: 2, TcpEcnFallback: true,
		TcpBaseMss: 1024, TcpMinSndMss: 48, TcpProbeThreshold: 8, TcpProbeInterval: 600,
		TcpKeepaliveTime: 7200 * hz, TcpKeepaliveProbes: 9, TcpKeepaliveIntvl: 75 * hz,
		TcpSynRetries: 6, TcpSynackRetries: 5, TcpSyncookies: 1, TcpReordering: 3,
		TcpRetries1: 3, TcpRetries2: 15, TcpFinTimeout: 60 * hz, TcpNotsentLowat: 1<<32 - 1,
		TcpTwReuse: 2, TcpFastopen: 1, TcpFastopenBlackholeTimeout: 3600,
		TcpSack: true, TcpWindowScaling: true, TcpTimestamps: 1, TcpEarlyRetrans: 3, TcpRecovery: 1,
		TcpSlowStartAfterIdle: true, TcpRetransCollapse: true, TcpMaxReordering: 300, TcpDsack: true,
		TcpAppWin: 31, TcpAdvWinScale: 1, TcpFrto: 2, TcpModerateRcvbuf: true, TcpTsoWinDivisor: 3,
		TcpLimitOutputBytes: 16 * 65536, TcpChallengeAckLimit: 1000, TcpMinTsoSegs: 2, TcpMinRttWlen: 300,
		TcpAutocorking: true, TcpInvalidRatelimit: hz / 2, TcpPacingSsRatio: 200, TcpPacingCaRatio: 120,
		TcpCompSackDelay: time.Millisecond, TcpCompSackNr: 44,
		TcpCongestionControl: "cubic", TcpAvailableCongestionControl: "reno cubic",
		TcpAllowedCongestionControl: "reno cubic",
	}
	s.Neigh.defaults()
}

// memLimits derives the three limits of a protocol's memory from the middle one
// (tcp_init_mem, udp_init).
func memLimits(limit int) [3]int {
	limit = max(limit, 128)
	low := limit / 4 * 3
	return [3]int{low, limit, low * 2}
}
