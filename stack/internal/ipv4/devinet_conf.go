// A device's settings (net/ipv4/devinet.c, include/linux/inetdevice.h): its own
// joined with those for all devices, and the knobs net.ipv4.conf that set them.

package ipv4

import "menuos/stack/internal/core"

// Ipv4Devconf are a device's settings (struct ipv4_devconf).
type Ipv4Devconf struct {
	RouteLocalnet            bool
	AcceptLocal              bool
	AcceptRedirects          bool
	SendRedirects            bool
	RpFilter                 int // 0 off, 1 strict, 2 loose
	ArpNotify                int
	PromoteSecondaries       bool
	IgnoreRoutesWithLinkdown bool
	DropUnicastInL2Multicast bool
	Nopolicy, Noxfrm         bool
	ArpFilter                bool
	ArpIgnore, ArpAnnounce   int
	ArpAccept                bool
	DropGratuitousArp        bool
}

func (in *InDevice) routeLocalnet() bool   { return in.all.RouteLocalnet || in.Cnf.RouteLocalnet }
func (in *InDevice) acceptLocal() bool     { return in.all.AcceptLocal || in.Cnf.AcceptLocal }
func (in *InDevice) acceptRedirects() bool { return in.all.AcceptRedirects || in.Cnf.AcceptRedirects }
func (in *InDevice) sendRedirects() bool   { return in.all.SendRedirects || in.Cnf.SendRedirects }
func (in *InDevice) rpFilter() int         { return max(in.all.RpFilter, in.Cnf.RpFilter) }
func (in *InDevice) arpNotify() int        { return max(in.all.ArpNotify, in.Cnf.ArpNotify) }
func (in *InDevice) arpFilter() bool       { return in.all.ArpFilter || in.Cnf.ArpFilter }
func (in *InDevice) arpIgnore() int        { return max(in.all.ArpIgnore, in.Cnf.ArpIgnore) }
func (in *InDevice) arpAnnounce() int      { return max(in.all.ArpAnnounce, in.Cnf.ArpAnnounce) }
func (in *InDevice) arpAccept() bool       { return in.all.ArpAccept || in.Cnf.ArpAccept }
func (in *InDevice) promoteSecondaries() bool {
	return in.all.PromoteSecondaries || in.Cnf.PromoteSecondaries
}
func (in *InDevice) dropGratuitousArp() bool {
	return in.all.DropGratuitousArp || in.Cnf.DropGratuitousArp
}
func (in *InDevice) dropUnicastInL2Multicast() bool {
	return in.all.DropUnicastInL2Multicast || in.Cnf.DropUnicastInL2Multicast
}

// devconfVar is one setting's name, and whether a change makes routes void.
type devconfVar struct {
	name     string
	flushing bool
	at       func(c *Ipv4Devconf) any // *int or *bool
}

// devconfVars lists the settings. It is built for each use, so that no state is
// shared between machines.
func devconfVars() []devconfVar {
	return []devconfVar{
		{"accept_redirects", false, func(c *Ipv4Devconf) any { return &c.AcceptRedirects }},
		{"rp_filter", false, func(c *Ipv4Devconf) any { return &c.RpFilter }},
		{"send_redirects", false, func(c *Ipv4Devconf) any { return &c.SendRedirects }},
		{"accept_local", true, func(c *Ipv4Devconf) any { return &c.AcceptLocal }},
		{"arp_filter", false, func(c *Ipv4Devconf) any { return &c.ArpFilter }},
		{"arp_announce", false, func(c *Ipv4Devconf) any { return &c.ArpAnnounce }},
		{"arp_ignore", false, func(c *Ipv4Devconf) any { return &c.ArpIgnore }},
		{"arp_accept", false, func(c *Ipv4Devconf) any { return &c.ArpAccept }},
		{"arp_notify", false, func(c *Ipv4Devconf) any { return &c.ArpNotify }},
		{"ignore_routes_with_linkdown", false, func(c *Ipv4Devconf) any { return &c.IgnoreRoutesWithLinkdown }},
		{"drop_gratuitous_arp", false, func(c *Ipv4Devconf) any { return &c.DropGratuitousArp }},
		{"disable_xfrm", true, func(c *Ipv4Devconf) any { return &c.Noxfrm }},
		{"disable_policy", true, func(c *Ipv4Devconf) any { return &c.Nopolicy }},
		{"promote_secondaries", true, func(c *Ipv4Devconf) any { return &c.PromoteSecondaries }},
		{"route_localnet", true, func(c *Ipv4Devconf) any { return &c.RouteLocalnet }},
		{"drop_unicast_in_l2_multicast", true, func(c *Ipv4Devconf) any { return &c.DropUnicastInL2Multicast }},
	}
}

// eachConf lists the knobs net.ipv4.conf: those for all devices, the default of
// those that come, and each device's own.
func (n *Net) eachConf(fn func(name string, at any)) {
	list := func(who string, c *Ipv4Devconf) {
		for _, v := range devconfVars() {
			fn("net.ipv4.conf."+who+"."+v.name, v.at(c))
		}
	}
	list("all", &n.devinet.all)
	list("default", &n.devinet.dflt)
	for _, dev := range n.Devices {
		if dev != nil && inDevGet(dev) != nil {
			list(dev.Name, &inDevGet(dev).Cnf)
		}
	}
}

// confChanged follows a change of a knob of net.ipv4.conf, at the place in memory
// that it is at: a new default goes to the devices whose own value nobody has set
// (devinet_copy_dflt_conf).
func (n *Net) confChanged(at any) {
	for i, v := range devconfVars() {
		switch at {
		case v.at(&n.devinet.dflt):
			for _, dev := range n.Devices {
				if dev != nil && inDevGet(dev) != nil && inDevGet(dev).cnfSet>>i&1 == 0 {
					copyConf(v.at(&inDevGet(dev).Cnf), at)
				}
			}
		case v.at(&n.devinet.all):
		default:
			if in := n.confOwner(&v, at); in != nil {
				in.cnfSet |= 1 << i
				break
			}
			continue
		}
		if v.flushing {
			n.rtCacheFlush()
		}
		return
	}
}

// confOwner is the device that has a setting at a place in memory.
func (n *Net) confOwner(v *devconfVar, at any) *InDevice {
	for _, dev := range n.Devices {
		if dev != nil && inDevGet(dev) != nil && v.at(&inDevGet(dev).Cnf) == at {
			return inDevGet(dev)
		}
	}
	return nil
}

func copyConf(to, from any) {
	switch to := to.(type) {
	case *int:
		*to = *from.(*int)
	case *bool:
		*to = *from.(*bool)
	}
}

// confInit hooks the knobs in.
func (n *Net) confInit() {
	n.Sysctl.Conf = core.SysctlConf{Each: n.eachConf, Changed: n.confChanged}
}
