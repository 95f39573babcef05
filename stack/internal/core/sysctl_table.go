// The names of the knobs, and how a value is read and written as text
// (kernel/sysctl.c's proc handlers).

package core

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"menuos/stack/internal/kernel"
)

// Errors of SysctlSet.
var (
	ErrSysctlUnknown  = errors.New("no such sysctl")
	ErrSysctlReadOnly = errors.New("sysctl is read-only")
	ErrSysctlValue    = errors.New("invalid argument")
)

// sysctlEntry is one line of the table. At is *int, *bool, *[2]int, *[3]int,
// *string or *time.Duration.
type sysctlEntry struct {
	name     string
	at       func(s *Sysctl) any
	unit     int64 // what 1 means in the field's own unit; 0 means 1
	min, max int64 // of the text's value; both 0: any int
	ms       bool  // text in milliseconds
	readOnly bool
	conf     bool // of Sysctl.Conf
}

const intMax = 1<<31 - 1

// sysctlTable lists the knobs. It is built for each use, so that no state is
// shared between machines.
func sysctlTable() []sysctlEntry {
	const sec = kernel.HZ
	core := func(name string, at func(*Sysctl) any) sysctlEntry {
		return sysctlEntry{name: "net.core." + name, at: at}
	}
	ip := func(name string, at func(*Sysctl) any) sysctlEntry {
		return sysctlEntry{name: "net.ipv4." + name, at: at}
	}
	within := func(e sysctlEntry, lo, hi int64) sysctlEntry { e.min, e.max = lo, hi; return e }
	seconds := func(e sysctlEntry) sysctlEntry { e.unit = sec; return e }
	millis := func(e sysctlEntry) sysctlEntry { e.ms = true; return e }
	hundredths := func(e sysctlEntry) sysctlEntry { e.unit = sec / 100; return e }
	ro := func(e sysctlEntry) sysctlEntry { e.readOnly = true; return e }
	neigh := func(name string, at func(*NeighParms) *int) sysctlEntry {
		return within(ip("neigh.default."+name, func(s *Sysctl) any { return at(&s.Neigh) }), 0, intMax)
	}
	return []sysctlEntry{
		within(core("wmem_max", func(s *Sysctl) any { return &s.WmemMax }), SockMinSndbuf, intMax),
		within(core("rmem_max", func(s *Sysctl) any { return &s.RmemMax }), SockMinRcvbuf, intMax),
		within(core("wmem_default", func(s *Sysctl) any { return &s.WmemDefault }), SockMinSndbuf, intMax),
		within(core("rmem_default", func(s *Sysctl) any { return &s.RmemDefault }), SockMinRcvbuf, intMax),
		core("optmem_max", func(s *Sysctl) any { return &s.OptmemMax }),
		within(core("somaxconn", func(s *Sysctl) any { return &s.Somaxconn }), 0, intMax),
		core("netdev_max_backlog", func(s *Sysctl) any { return &s.NetdevMaxBacklog }),
		core("netdev_budget", func(s *Sysctl) any { return &s.NetdevBudget }),
		within(core("netdev_budget_usecs", func(s *Sysctl) any { return &s.NetdevBudgetUsecs }), 0, intMax),
		core("netdev_tstamp_prequeue", func(s *Sysctl) any { return &s.NetdevTstampPrequeue }),
		core("dev_weight", func(s *Sysctl) any { return &s.DevWeight }),
		core("dev_weight_rx_bias", func(s *Sysctl) any { return &s.DevWeightRxBias }),
		core("dev_weight_tx_bias", func(s *Sysctl) any { return &s.DevWeightTxBias }),
		seconds(core("message_cost", func(s *Sysctl) any { return &s.MessageCost })),
		core("message_burst", func(s *Sysctl) any { return &s.MessageBurst }),
		within(core("max_skb_frags", func(s *Sysctl) any { return &s.MaxSkbFrags }), 1, MaxSkbFrags),
		core("tstamp_allow_data", func(s *Sysctl) any { return &s.TstampAllowData }),
		core("default_qdisc", func(s *Sysctl) any { return &s.DefaultQdisc }),

		ip("ip_forward", func(s *Sysctl) any { return &s.IpForward }),
		within(ip("ip_default_ttl", func(s *Sysctl) any { return &s.IpDefaultTtl }), 1, 255),
		ip("ip_no_pmtu_disc", func(s *Sysctl) any { return &s.IpNoPmtuDisc }),
		within(ip("ip_local_port_range", func(s *Sysctl) any { return &s.IpLocalPortRange }), 1, 65535),
		within(ip("ip_unprivileged_port_start", func(s *Sysctl) any { return &s.IpUnprivilegedPortStart }), 0, 65535),
		ip("ip_nonlocal_bind", func(s *Sysctl) any { return &s.IpNonlocalBind }),
		ip("ip_dynaddr", func(s *Sysctl) any { return &s.IpDynaddr }),
		ip("ip_early_demux", func(s *Sysctl) any { return &s.IpEarlyDemux }),
		ip("ip_forward_use_pmtu", func(s *Sysctl) any { return &s.IpForwardUsePmtu }),
		ip("ip_forward_update_priority", func(s *Sysctl) any { return &s.IpForwardUpdatePriority }),
		within(ip("ipfrag_high_thresh", func(s *Sysctl) any { return &s.IpfragHighThresh }), 0, intMax),
		within(ip("ipfrag_low_thresh", func(s *Sysctl) any { return &s.IpfragLowThresh }), 0, intMax),
		seconds(ip("ipfrag_time", func(s *Sysctl) any { return &s.IpfragTime })),
		within(ip("ipfrag_max_dist", func(s *Sysctl) any { return &s.IpfragMaxDist }), 0, intMax),
		seconds(ip("ipfrag_secret_interval", func(s *Sysctl) any { return &s.IpfragSecretInterval })),
		ip("fwmark_reflect", func(s *Sysctl) any { return &s.FwmarkReflect }),
		within(ip("route.min_pmtu", func(s *Sysctl) any { return &s.RouteMinPmtu }), 68, intMax),
		seconds(ip("route.mtu_expires", func(s *Sysctl) any { return &s.RouteMtuExpires })),
		ip("route.min_adv_mss", func(s *Sysctl) any { return &s.RouteMinAdvMss }),
		ip("route.error_cost", func(s *Sysctl) any { return &s.RouteErrorCost }),
		ip("route.error_burst", func(s *Sysctl) any { return &s.RouteErrorBurst }),
		ip("route.redirect_load", func(s *Sysctl) any { return &s.RouteRedirectLoad }),
		ip("route.redirect_number", func(s *Sysctl) any { return &s.RouteRedirectNumber }),
		ip("route.redirect_silence", func(s *Sysctl) any { return &s.RouteRedirectSilence }),
		seconds(ip("route.gc_timeout", func(s *Sysctl) any { return &s.RouteGcTimeout })),
		ip("route.max_size", func(s *Sysctl) any { return &s.RouteMaxSize }),
		ip("inet_peer_threshold", func(s *Sysctl) any { return &s.InetPeerThreshold }),
		seconds(ip("inet_peer_minttl", func(s *Sysctl) any { return &s.InetPeerMinttl })),
		seconds(ip("inet_peer_maxttl", func(s *Sysctl) any { return &s.InetPeerMaxttl })),
		ip("fib_multipath_use_neigh", func(s *Sysctl) any { return &s.FibMultipathUseNeigh }),
		within(ip("fib_multipath_hash_policy", func(s *Sysctl) any { return &s.FibMultipathHashPolicy }), 0, 1),
		ip("icmp_echo_ignore_all", func(s *Sysctl) any { return &s.IcmpEchoIgnoreAll }),
		ip("icmp_echo_ignore_broadcasts", func(s *Sysctl) any { return &s.IcmpEchoIgnoreBroadcasts }),
		ip("icmp_ignore_bogus_error_responses", func(s *Sysctl) any { return &s.IcmpIgnoreBogusErrorResponses }),
		ip("icmp_errors_use_inbound_ifaddr", func(s *Sysctl) any { return &s.IcmpErrorsUseInboundIfaddr }),
		millis(ip("icmp_ratelimit", func(s *Sysctl) any { return &s.IcmpRatelimit })),
		ip("icmp_ratemask", func(s *Sysctl) any { return &s.IcmpRatemask }),
		within(ip("icmp_msgs_per_sec", func(s *Sysctl) any { return &s.IcmpMsgsPerSec }), 0, intMax),
		within(ip("icmp_msgs_burst", func(s *Sysctl) any { return &s.IcmpMsgsBurst }), 0, intMax),
		within(ip("ping_group_range", func(s *Sysctl) any { return &s.PingGroupRange }), 0, intMax),
		ip("igmp_link_local_mcast_reports", func(s *Sysctl) any { return &s.IgmpLinkLocalMcastReports }),
		ip("igmp_max_memberships", func(s *Sysctl) any { return &s.IgmpMaxMemberships }),
		ip("igmp_max_msf", func(s *Sysctl) any { return &s.IgmpMaxMsf }),
		within(ip("igmp_qrv", func(s *Sysctl) any { return &s.IgmpQrv }), 1, intMax),

		neigh("mcast_solicit", func(p *NeighParms) *int { return &p.McastProbes }),
		neigh("ucast_solicit", func(p *NeighParms) *int { return &p.UcastProbes }),
		neigh("app_solicit", func(p *NeighParms) *int { return &p.AppProbes }),
		neigh("mcast_resolicit", func(p *NeighParms) *int { return &p.McastReprobes }),
		hundredths(neigh("retrans_time", func(p *NeighParms) *int { return &p.RetransTime })),
		millis(neigh("retrans_time_ms", func(p *NeighParms) *int { return &p.RetransTime })),
		seconds(neigh("base_reachable_time", func(p *NeighParms) *int { return &p.BaseReachableTime })),
		millis(neigh("base_reachable_time_ms", func(p *NeighParms) *int { return &p.BaseReachableTime })),
		seconds(neigh("delay_first_probe_time", func(p *NeighParms) *int { return &p.DelayProbeTime })),
		seconds(neigh("gc_stale_time", func(p *NeighParms) *int { return &p.GcStaletime })),
		neigh("unres_qlen_bytes", func(p *NeighParms) *int { return &p.QueueLenBytes }),
		hundredths(neigh("locktime", func(p *NeighParms) *int { return &p.Locktime })),
		seconds(neigh("gc_interval", func(p *NeighParms) *int { return &p.GcInterval })),
		neigh("gc_thresh1", func(p *NeighParms) *int { return &p.GcThresh1 }),
		neigh("gc_thresh2", func(p *NeighParms) *int { return &p.GcThresh2 }),
		neigh("gc_thresh3", func(p *NeighParms) *int { return &p.GcThresh3 }),

		within(ip("udp_mem", func(s *Sysctl) any { return &s.UdpMem }), 0, intMax),
		within(ip("udp_rmem_min", func(s *Sysctl) any { return &s.UdpRmemMin }), 1, intMax),
		within(ip("udp_wmem_min", func(s *Sysctl) any { return &s.UdpWmemMin }), 1, intMax),
		ip("udp_early_demux", func(s *Sysctl) any { return &s.UdpEarlyDemux }),

		within(ip("tcp_mem", func(s *Sysctl) any { return &s.TcpMem }), 0, intMax),
		within(ip("tcp_rmem", func(s *Sysctl) any { return &s.TcpRmem }), 1, intMax),
		within(ip("tcp_wmem", func(s *Sysctl) any { return &s.TcpWmem }), 1, intMax),
		ip("tcp_max_orphans", func(s *Sysctl) any { return &s.TcpMaxOrphans }),
		ip("tcp_max_tw_buckets", func(s *Sysctl) any { return &s.TcpMaxTwBuckets }),
		ip("tcp_max_syn_backlog", func(s *Sysctl) any { return &s.MaxSynBacklog }),
		ip("tcp_early_demux", func(s *Sysctl) any { return &s.TcpEarlyDemux }),
		ip("tcp_ecn", func(s *Sysctl) any { return &s.TcpEcn }),
		ip("tcp_ecn_fallback", func(s *Sysctl) any { return &s.TcpEcnFallback }),
		ip("tcp_mtu_probing", func(s *Sysctl) any { return &s.TcpMtuProbing }),
		ip("tcp_base_mss", func(s *Sysctl) any { return &s.TcpBaseMss }),
		within(ip("tcp_min_snd_mss", func(s *Sysctl) any { return &s.TcpMinSndMss }), 48, 65535),
		ip("tcp_probe_threshold", func(s *Sysctl) any { return &s.TcpProbeThreshold }),
		within(ip("tcp_probe_interval", func(s *Sysctl) any { return &s.TcpProbeInterval }), 0, (1<<32-1)/kernel.HZ),
		seconds(ip("tcp_keepalive_time", func(s *Sysctl) any { return &s.TcpKeepaliveTime })),
		ip("tcp_keepalive_probes", func(s *Sysctl) any { return &s.TcpKeepaliveProbes }),
		seconds(ip("tcp_keepalive_intvl", func(s *Sysctl) any { return &s.TcpKeepaliveIntvl })),
		within(ip("tcp_syn_retries", func(s *Sysctl) any { return &s.TcpSynRetries }), 1, 127),
		ip("tcp_synack_retries", func(s *Sysctl) any { return &s.TcpSynackRetries }),
		ip("tcp_syncookies", func(s *Sysctl) any { return &s.TcpSyncookies }),
		ip("tcp_reordering", func(s *Sysctl) any { return &s.TcpReordering }),
		within(ip("tcp_retries1", func(s *Sysctl) any { return &s.TcpRetries1 }), -1<<31, 255),
		ip("tcp_retries2", func(s *Sysctl) any { return &s.TcpRetries2 }),
		ip("tcp_orphan_retries", func(s *Sysctl) any { return &s.TcpOrphanRetries }),
		seconds(ip("tcp_fin_timeout", func(s *Sysctl) any { return &s.TcpFinTimeout })),
		within(ip("tcp_notsent_lowat", func(s *Sysctl) any { return &s.TcpNotsentLowat }), 0, 1<<32-1),
		within(ip("tcp_tw_reuse", func(s *Sysctl) any { return &s.TcpTwReuse }), 0, 2),
		ip("tcp_fastopen", func(s *Sysctl) any { return &s.TcpFastopen }),
		within(ip("tcp_fastopen_blackhole_timeout_sec", func(s *Sysctl) any { return &s.TcpFastopenBlackholeTimeout }), 0, intMax),
		ip("tcp_sack", func(s *Sysctl) any { return &s.TcpSack }),
		ip("tcp_window_scaling", func(s *Sysctl) any { return &s.TcpWindowScaling }),
		ip("tcp_timestamps", func(s *Sysctl) any { return &s.TcpTimestamps }),
		within(ip("tcp_early_retrans", func(s *Sysctl) any { return &s.TcpEarlyRetrans }), 0, 4),
		ip("tcp_recovery", func(s *Sysctl) any { return &s.TcpRecovery }),
		ip("tcp_thin_linear_timeouts", func(s *Sysctl) any { return &s.TcpThinLinearTimeouts }),
		ip("tcp_slow_start_after_idle", func(s *Sysctl) any { return &s.TcpSlowStartAfterIdle }),
		ip("tcp_retrans_collapse", func(s *Sysctl) any { return &s.TcpRetransCollapse }),
		ip("tcp_stdurg", func(s *Sysctl) any { return &s.TcpStdurg }),
		ip("tcp_rfc1337", func(s *Sysctl) any { return &s.TcpRfc1337 }),
		ip("tcp_abort_on_overflow", func(s *Sysctl) any { return &s.TcpAbortOnOverflow }),
		ip("tcp_fack", func(s *Sysctl) any { return &s.TcpFack }),
		ip("tcp_max_reordering", func(s *Sysctl) any { return &s.TcpMaxReordering }),
		ip("tcp_dsack", func(s *Sysctl) any { return &s.TcpDsack }),
		ip("tcp_app_win", func(s *Sysctl) any { return &s.TcpAppWin }),
		within(ip("tcp_adv_win_scale", func(s *Sysctl) any { return &s.TcpAdvWinScale }), -31, 31),
		ip("tcp_frto", func(s *Sysctl) any { return &s.TcpFrto }),
		ip("tcp_no_metrics_save", func(s *Sysctl) any { return &s.TcpNometricsSave }),
		ip("tcp_moderate_rcvbuf", func(s *Sysctl) any { return &s.TcpModerateRcvbuf }),
		ip("tcp_tso_win_divisor", func(s *Sysctl) any { return &s.TcpTsoWinDivisor }),
		ip("tcp_workaround_signed_windows", func(s *Sysctl) any { return &s.TcpWorkaroundSignedWindows }),
		ip("tcp_limit_output_bytes", func(s *Sysctl) any { return &s.TcpLimitOutputBytes }),
		ip("tcp_challenge_ack_limit", func(s *Sysctl) any { return &s.TcpChallengeAckLimit }),
		within(ip("tcp_min_tso_segs", func(s *Sysctl) any { return &s.TcpMinTsoSegs }), 1, 65535),
		ip("tcp_min_rtt_wlen", func(s *Sysctl) any { return &s.TcpMinRttWlen }),
		ip("tcp_autocorking", func(s *Sysctl) any { return &s.TcpAutocorking }),
		millis(ip("tcp_invalid_ratelimit", func(s *Sysctl) any { return &s.TcpInvalidRatelimit })),
		within(ip("tcp_pacing_ss_ratio", func(s *Sysctl) any { return &s.TcpPacingSsRatio }), 0, 1000),
		within(ip("tcp_pacing_ca_ratio", func(s *Sysctl) any { return &s.TcpPacingCaRatio }), 0, 1000),
		ip("tcp_comp_sack_delay_ns", func(s *Sysctl) any { return &s.TcpCompSackDelay }),
		within(ip("tcp_comp_sack_nr", func(s *Sysctl) any { return &s.TcpCompSackNr }), 0, 255),
		ip("tcp_low_latency", func(s *Sysctl) any { return &s.TcpLowLatency }),
		ip("tcp_fwmark_accept", func(s *Sysctl) any { return &s.TcpFwmarkAccept }),
		ip("tcp_congestion_control", func(s *Sysctl) any { return &s.TcpCongestionControl }),
		ro(ip("tcp_available_congestion_control", func(s *Sysctl) any { return &s.TcpAvailableCongestionControl })),
		ip("tcp_allowed_congestion_control", func(s *Sysctl) any { return &s.TcpAllowedCongestionControl }),
	}
}

func (n *Net) findSysctl(name string) (found sysctlEntry, ok bool) {
	name = strings.ReplaceAll(name, "/", ".")
	for _, e := range sysctlTable() {
		if e.name == name {
			return e, true
		}
	}
	n.eachConf(func(conf string, at any) {
		if conf == name {
			found, ok = sysctlEntry{name: name, at: func(*Sysctl) any { return at }, conf: true}, true
		}
	})
	return found, ok
}

func (n *Net) eachConf(fn func(name string, at any)) {
	if n.Sysctl.Conf.Each != nil {
		n.Sysctl.Conf.Each(fn)
	}
}

// fromField converts a field's value into the text's unit.
func (e *sysctlEntry) fromField(v int) int64 {
	switch {
	case e.ms:
		return int64(v) * 1000 / kernel.HZ
	case e.unit != 0:
		return int64(v) / e.unit
	}
	return int64(v)
}

func (e *sysctlEntry) toField(v int64) int {
	switch {
	case e.ms:
		return int((v*kernel.HZ + 999) / 1000)
	case e.unit != 0:
		return int(v * e.unit)
	}
	return int(v)
}

// SysctlNames lists the knobs by name.
func (n *Net) SysctlNames() []string {
	var names []string
	for _, e := range sysctlTable() {
		names = append(names, e.name)
	}
	n.eachConf(func(name string, at any) { names = append(names, name) })
	sort.Strings(names)
	return names
}

// SysctlGet returns a knob's value as sysctl(8) prints it; several numbers are
// separated by tabs.
func (n *Net) SysctlGet(name string) (string, bool) {
	e, ok := n.findSysctl(name)
	if !ok {
		return "", false
	}
	switch p := e.at(&n.Sysctl).(type) {
	case *int:
		return strconv.FormatInt(e.fromField(*p), 10), true
	case *bool:
		return strconv.Itoa(b2i(*p)), true
	case *time.Duration:
		return strconv.FormatInt(int64(*p), 10), true
	case *[2]int:
		return fmt.Sprintf("%d\t%d", p[0], p[1]), true
	case *[3]int:
		return fmt.Sprintf("%d\t%d\t%d", p[0], p[1], p[2]), true
	case *string:
		return *p, true
	}
	return "", false
}

// SysctlSet sets a knob from text. A number out of range is refused with
// ErrSysctlValue and changes nothing.
func (n *Net) SysctlSet(name, value string) error {
	e, ok := n.findSysctl(name)
	if !ok {
		return fmt.Errorf("%s: %w", name, ErrSysctlUnknown)
	}
	if e.readOnly {
		return fmt.Errorf("%s: %w", name, ErrSysctlReadOnly)
	}
	if err := e.set(&n.Sysctl, strings.Fields(value)); err != nil {
		return fmt.Errorf("%s = %q: %w", name, value, err)
	}
	if strings.HasPrefix(e.name, "net.ipv4.neigh.default.base_reachable_time") {
		n.Sysctl.Neigh.ReachableTime = int(n.neighRandReachTime(uint32(n.Sysctl.Neigh.BaseReachableTime)))
	}
	if e.conf {
		n.Sysctl.Conf.Changed(e.at(&n.Sysctl))
	}
	if n.Sysctl.Changed != nil {
		n.Sysctl.Changed(e.name)
	}
	return nil
}

func (e *sysctlEntry) set(s *Sysctl, fields []string) error {
	if p, ok := e.at(s).(*string); ok {
		return e.setString(s, p, fields)
	}
	nums := make([]int64, 0, 3)
	for _, f := range fields {
		v, err := strconv.ParseInt(f, 0, 64)
		if err != nil || !e.inRange(v) {
			return ErrSysctlValue
		}
		nums = append(nums, v)
	}
	switch p := e.at(s).(type) {
	case *int:
		if len(nums) != 1 {
			return ErrSysctlValue
		}
		*p = e.toField(nums[0])
	case *bool:
		if len(nums) != 1 {
			return ErrSysctlValue
		}
		*p = nums[0] != 0
	case *time.Duration:
		if len(nums) != 1 || nums[0] < 0 {
			return ErrSysctlValue
		}
		*p = time.Duration(nums[0])
	case *[2]int:
		if len(nums) != 2 || nums[0] > nums[1] {
			return ErrSysctlValue
		}
		p[0], p[1] = int(nums[0]), int(nums[1])
	case *[3]int:
		if len(nums) == 0 || len(nums) > 3 {
			return ErrSysctlValue
		}
		for i, v := range nums {
			p[i] = int(v)
		}
	}
	return nil
}

func (e *sysctlEntry) inRange(v int64) bool {
	if e.min == 0 && e.max == 0 {
		return v >= -1<<31 && v <= intMax
	}
	return v >= e.min && v <= e.max
}

func (e *sysctlEntry) setString(s *Sysctl, p *string, fields []string) error {
	if len(fields) == 0 {
		return ErrSysctlValue
	}
	if e.name == "net.ipv4.tcp_congestion_control" {
		if len(fields) != 1 || s.CheckCongestionControl != nil && !s.CheckCongestionControl(fields[0]) {
			return ErrSysctlValue
		}
	}
	*p = strings.Join(fields, " ")
	return nil
}
