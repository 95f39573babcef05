// Changing and showing the routing tables: ip route (net/ipv4/fib_frontend.c,
// route.c). What iproute2 fills in for the user is filled in here.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Route is a route as ip route shows it.
type Route struct {
	Dst      wire.Addr
	DstLen   int
	Tos      uint8
	Type     uint8 // RTN_*; 0 stands for unicast
	Table    uint8 // RT_TABLE_*; 0 for main, or local for local routes
	Protocol uint8 // RTPROT_*; 0 for boot
	Scope    uint8 // RT_SCOPE_*; 0 for what suits the type
	Gw       wire.Addr
	Dev      string
	Src      wire.Addr // preferred source
	Metric   uint32
	Onlink   bool
	Metrics  [core.RtaxMax + 1]uint32 // by RTAX_*
	MtuLock  bool
	Dead     bool // shown only: the device is down
	Linkdown bool // shown only: no carrier
}

// config is the request for a route; ENODEV if its device does not exist.
func (n *Net) config(r *Route, cfg *FibConfig) int {
	*cfg = FibConfig{Dst: r.Dst, DstLen: uint8(r.DstLen), Tos: r.Tos, Protocol: r.Protocol, Scope: r.Scope, Type: r.Type,
		Table: r.Table, Gw: r.Gw, Priority: r.Metric, Prefsrc: r.Src, Metrics: r.Metrics, MtuLock: r.MtuLock}
	if r.DstLen < 0 || r.DstLen > 32 {
		return -core.EINVAL
	}
	if r.Dev != "" {
		dev := n.DevGetByName(r.Dev)
		if dev == nil {
			return -core.ENODEV
		}
		cfg.Oif = dev.Ifindex
	}
	if r.Onlink {
		cfg.Flags |= RtnhFOnlink
	}
	if cfg.Type == RtnUnspec {
		cfg.Type = RtnUnicast
	}
	if cfg.Table == RtTableUnspec {
		cfg.Table = RtTableMain
		if cfg.Type == RtnLocal || cfg.Type == RtnBroadcast || cfg.Type == RtnAnycast {
			cfg.Table = RtTableLocal
		}
	}
	return 0
}

// defaultScope is the scope that a new route gets unless it names one.
func defaultScope(cfg *FibConfig) uint8 {
	switch {
	case cfg.Type == RtnLocal:
		return RtScopeHost
	case cfg.Type == RtnBroadcast || cfg.Type == RtnMulticast || cfg.Type == RtnAnycast:
		return RtScopeLink
	case cfg.Type == RtnUnicast && cfg.Gw == 0:
		return RtScopeLink
	}
	return RtScopeUniverse
}

// AddRoute adds a route (ip route add); nlflags are NLM_F_*, 0 for what add sets.
// Errors: EINVAL, ENODEV, ENETDOWN, ENETUNREACH for a gateway that is not on a
// link, EEXIST, ENOENT.
func (n *Net) AddRoute(r Route, nlflags uint16) int {
	var cfg FibConfig
	if err := n.config(&r, &cfg); err != 0 {
		return err
	}
	if cfg.Protocol == RtprotUnspec {
		cfg.Protocol = RtprotBoot
	}
	if cfg.Scope == 0 {
		cfg.Scope = defaultScope(&cfg)
	}
	if cfg.Nlflags = nlflags; nlflags == 0 {
		cfg.Nlflags = NlmFCreate | NlmFExcl
	}
	return n.inetRtmNewroute(&cfg)
}

func (n *Net) inetRtmNewroute(cfg *FibConfig) int {
	kernel.Fentry0(&n.Kernel) // inet_rtm_newroute net/ipv4/fib_frontend.c:787

	tb := n.fibGetTable(cfg.Table)
	if tb == nil {
		return -core.EINVAL // menuos has the tables main and local.
	}
	err := n.fibTableInsert(tb, cfg) // :802
	if err == 0 && cfg.Type == RtnLocal {
		n.devinet.customLocalRoutes = true
	}
	return err
}

// DelRoute removes the first route that is as r says, where it says something
// (ip route del). ESRCH if there is none.
func (n *Net) DelRoute(r Route) int {
	var cfg FibConfig
	if err := n.config(&r, &cfg); err != 0 {
		return err
	}
	if r.Type == RtnUnspec {
		cfg.Type = RtnUnspec
	}
	if cfg.Scope == 0 {
		cfg.Scope = RtScopeNowhere
	}
	return n.inetRtmDelroute(&cfg)
}

func (n *Net) inetRtmDelroute(cfg *FibConfig) int {
	kernel.Fentry0(&n.Kernel) // inet_rtm_delroute net/ipv4/fib_frontend.c:757

	tb := n.fibGetTable(cfg.Table)
	if tb == nil {
		return -esrch
	}
	return n.fibTableDelete(tb, cfg) // :779
}

// Routes lists a table's routes in the order of their prefixes (ip route show).
func (n *Net) Routes(table uint8) []Route {
	tb := n.fibGetTable(table)
	if tb == nil {
		return nil
	}
	type entry struct {
		l  *fibLeaf
		fa *fibAlias
	}
	var all []entry
	for plen := range tb.trie.leaves {
		for _, l := range tb.trie.leaves[plen] {
			for _, fa := range l.aliases {
				if fa.TbId == tb.TbId {
					all = append(all, entry{l, fa})
				}
			}
		}
	}
	// By address, and for one address the longer prefix first, as in the trie.
	for i := 1; i < len(all); i++ {
		for j := i; j > 0 && (all[j].l.key < all[j-1].l.key || all[j].l.key == all[j-1].l.key && all[j].l.plen > all[j-1].l.plen); j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
	routes := make([]Route, 0, len(all))
	for _, e := range all {
		routes = append(routes, showRoute(e.l, e.fa))
	}
	return routes
}

func showRoute(l *fibLeaf, fa *fibAlias) Route {
	fi := fa.FaInfo
	r := Route{Dst: l.key, DstLen: int(l.plen), Tos: fa.FaTos, Type: fa.FaType, Table: fa.TbId, Protocol: fi.FibProtocol,
		Scope: fi.FibScope, Gw: fi.FibNh.NhGw, Src: fi.FibPrefsrc, Metric: fi.FibPriority, Metrics: fi.FibMetrics,
		MtuLock: fi.FibMtuLock, Onlink: fi.FibNh.NhFlags&RtnhFOnlink != 0,
		Dead: fi.FibNh.NhFlags&RtnhFDead != 0, Linkdown: fi.FibNh.NhFlags&RtnhFLinkdown != 0}
	if fi.FibNh.NhDev != nil {
		r.Dev = fi.FibNh.NhDev.Name
	}
	return r
}

// RouteAnswer is what ip route get shows.
type RouteAnswer struct {
	Type uint8 // RTN_*
	Dst  wire.Addr
	Gw   wire.Addr // 0: direct
	Dev  string
	Src  wire.Addr
	Mtu  uint32 // learnt of the path; 0 none
	Oif  int

	Expires uint64 // jiffies until that is forgotten; 0: it is not
	Flags   uint32 // RTCF_*
}

// RouteGet asks which route packets take (ip route get); saddr, tos and oif may
// be 0. It returns the errno that a sender would see.
func (n *Net) RouteGet(daddr, saddr wire.Addr, tos uint8, oif int) (RouteAnswer, int) {
	fl4 := Flowi4{Daddr: daddr, Saddr: saddr, Tos: tos & iptosRtMask, Oif: oif}
	rt, err := n.IpRouteOutputKey(&fl4)
	if err != 0 {
		return RouteAnswer{}, err
	}
	a := RouteAnswer{Type: rt.RtType, Dst: daddr, Dev: rt.Dev.Name, Src: fl4.Saddr, Oif: rt.Dev.Ifindex, Flags: rt.RtFlags}
	if rt.RtUsesGateway {
		a.Gw = rt.RtGateway
	}
	if rt.Expires != 0 && timeAfter(rt.Expires, n.Jiffies()) {
		a.Mtu, a.Expires = rt.RtPmtu, rt.Expires-n.Jiffies()
	}
	n.IpRtPut(rt)
	return a, 0
}
