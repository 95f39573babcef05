package packetdrill

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// config is what a script's options say.
type config struct {
	local, remote netip.Prefix
	gateway       netip.Addr
	mtu           int
	bindPort      uint16
	connectPort   uint16
	tolerance     time.Duration
	percent       float64
	tsTick        time.Duration
	strict        bool // no segment may come in pieces
}

func defaultConfig() config {
	return config{
		local:       netip.MustParsePrefix("192.168.0.2/16"),
		remote:      netip.MustParsePrefix("192.0.2.1/24"),
		gateway:     netip.MustParseAddr("192.168.0.1"),
		mtu:         1500,
		bindPort:    8080,
		connectPort: 8080,
		tolerance:   4 * time.Millisecond,
		percent:     12.5,
	}
}

// set takes an option of a script or of the command line; ok is false if it has
// no such value.
func (c *config) set(name, value string) (known, ok bool) {
	value = strings.Trim(value, `"`)
	number := func(max int) (int, bool) {
		v, err := strconv.Atoi(value)
		return v, err == nil && v >= 0 && v <= max
	}
	var n int
	switch name {
	case "tolerance_usecs":
		n, ok = number(1e9)
		c.tolerance = time.Duration(n) * time.Microsecond
	case "tcp_ts_tick_usecs":
		n, ok = number(1e6)
		c.tsTick = time.Duration(n) * time.Microsecond
	case "mtu":
		n, ok = number(65535)
		c.mtu = n
	case "bind_port":
		n, ok = number(65535)
		c.bindPort = uint16(n)
	case "connect_port":
		n, ok = number(65535)
		c.connectPort = uint16(n)
	case "tolerance_percent":
		v, err := strconv.ParseFloat(value, 64)
		c.percent, ok = v, err == nil && v >= 0 && v <= 100
	case "local_ip":
		ok = setAddr(&c.local, value)
	case "remote_ip":
		ok = setAddr(&c.remote, value)
	case "netmask_ip":
		m, err := netip.ParseAddr(value)
		bits := 0
		if ok = err == nil && m.Is4(); ok {
			for _, b := range m.As4() {
				for ; b&0x80 != 0; b <<= 1 {
					bits++
				}
			}
			c.local = netip.PrefixFrom(c.local.Addr(), bits)
		}
	case "gateway_ip":
		a, err := netip.ParseAddr(value)
		c.gateway, ok = a, err == nil && a.Is4()
	case "ip_version":
		ok = value == "ipv4"
	case "strict_segments":
		c.strict, ok = true, true
	case "define", "so_flags", "so_filename", "code_sockopt", "code_command", "code_format",
		"non_fatal", "verbose", "debug", "tcp_ts_ecr_scaled", "mss", "speed", "init_scripts", "send_omit_free":
		return true, true
	default:
		return false, false
	}
	return true, ok
}

func setAddr(to *netip.Prefix, value string) bool {
	if p, err := netip.ParsePrefix(value); err == nil && p.Addr().Is4() {
		*to = p
		return true
	}
	a, err := netip.ParseAddr(value)
	if err != nil || !a.Is4() {
		return false
	}
	*to = netip.PrefixFrom(a, to.Bits())
	return true
}

// commonDefaults are the kernel parameters that the common/defaults.sh of the
// public scripts sets.
var commonDefaults = [][2]string{
	{"net.ipv4.tcp_rmem", "4096 540000 15728640"},
	{"net.ipv4.tcp_wmem", "4096 262144 4194304"},
	{"net.ipv4.tcp_timestamps", "1"},
	{"net.ipv4.tcp_syn_retries", "5"},
	{"net.ipv4.tcp_synack_retries", "5"},
	{"net.ipv4.tcp_frto", "2"},
	{"net.ipv4.tcp_sack", "1"},
	{"net.ipv4.tcp_dsack", "1"},
	{"net.ipv4.tcp_fack", "0"},
	{"net.ipv4.tcp_reordering", "3"},
	{"net.ipv4.tcp_congestion_control", "cubic"},
	{"net.ipv4.tcp_slow_start_after_idle", "0"},
	{"net.ipv4.tcp_early_retrans", "4"},
	{"net.ipv4.tcp_recovery", "1"},
	{"net.ipv4.tcp_tso_win_divisor", "3"},
	{"net.ipv4.tcp_ecn", "0"},
	{"net.ipv4.tcp_pacing_ss_ratio", "200"},
	{"net.ipv4.tcp_pacing_ca_ratio", "120"},
	{"net.ipv4.tcp_notsent_lowat", "4294967295"},
	{"net.ipv4.tcp_syncookies", "1"},
}
