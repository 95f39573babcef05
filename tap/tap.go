// Package tap is a machine's cable to the host that menuos runs on: a TAP or TUN
// device of Linux whose far end is the machine's interface, so that the host's
// own ping, nc and curl talk to the machine, and the machine to them.
//
// A Link has one goroutine that reads frames and queues them, and one that
// writes what the machine sends. Both wait on the device or on a bounded ring;
// a machine that a breakpoint holds, or that is paused, fills its ring, and what
// comes then waits in the device's queue, where the host's own rules drop it.
package tap

import (
	"hash/fnv"
	"net/netip"

	"menuos/stack/wire"
)

// NewNamespace is a Config's NetNS that asks for a network namespace of its own.
const NewNamespace = "new"

// Config says which device to take, or to make, and what both ends are called.
type Config struct {
	Name     string       // the host's device; empty: tap0, or tun0
	Iface    string       // the machine's interface; empty: eth0
	Addr     netip.Prefix // the machine's address; IPv4, at most a /31
	HostAddr netip.Prefix // the host's; none: the first of the subnet that is not the machine's
	Gw       netip.Addr   // of the machine's default route; none: no such route
	MAC      wire.MAC     // the machine's; zero: made from Name
	MTU      int          // of both ends, in bytes; 0: what the device has, 1500 if it is made
	Tun      bool         // whole IP packets, without Ethernet, ARP and offloads
	Offload  bool         // leave checksums and the cutting of TCP segments to the other end, both ways
	NetNS    string       // empty: the caller's network namespace; NewNamespace: one made for it

	// Told, if set, hears once why the link is dead: its device is gone, or the
	// namespace with it. It runs in a goroutine of the Link.
	Told func(error) `json:"-"`
}

// Limits of an MTU in bytes: IPv4's least, and the largest frame of the device
// less an Ethernet header.
const (
	MinMTU = 68
	MaxMTU = 65521
)

// maxName is the longest name of an interface (IFNAMSIZ less its NUL).
const maxName = 15

// settled is the configuration with its defaults filled in, or what is wrong
// with it.
func (c Config) settled() (Config, error) {
	if c.Name == "" {
		c.Name = "tap0"
		if c.Tun {
			c.Name = "tun0"
		}
	}
	if c.Iface == "" {
		c.Iface = "eth0"
	}
	if why := nameFault(c.Name); why != "" {
		return c, problem(BadName, c.Name, why)
	}
	if c.MTU != 0 && (c.MTU < MinMTU || c.MTU > MaxMTU) {
		return c, problem(BadMTU, c.MTU, MinMTU, MaxMTU)
	}
	if c.MAC == (wire.MAC{}) {
		c.MAC = localMAC(c.Name)
	}
	if c.MAC.IsMulticast() {
		return c, problem(BadMAC, c.MAC)
	}
	if c.NetNS != "" && c.NetNS != NewNamespace {
		return c, problem(BadNetNS, c.NetNS)
	}
	return c, c.settleAddrs()
}

// nameFault is what a kernel would not like in a device's name; %, because it
// asks the kernel for a number.
func nameFault(name string) string {
	if len(name) > maxName {
		return "long"
	}
	if name == "." || name == ".." {
		return "dots"
	}
	for _, r := range name {
		switch {
		case r <= ' ' || r == 0x7f || r == 0xa0 || r == 0x85:
			return "space"
		case r == '/' || r == ':' || r == '%':
			return "mark"
		}
	}
	return ""
}

func (c *Config) settleAddrs() error {
	if !c.Addr.IsValid() || !c.Addr.Addr().Is4() || c.Addr.Bits() < 1 || c.Addr.Bits() > 31 {
		return problem(BadAddr, c.Addr)
	}
	if !isHost(c.Addr, c.Addr.Addr()) {
		return problem(NotAHost, c.Addr.Addr(), c.Addr.Masked())
	}
	if !c.HostAddr.IsValid() {
		c.HostAddr = netip.PrefixFrom(firstBut(c.Addr), c.Addr.Bits())
	}
	switch a := c.HostAddr.Addr(); {
	case !a.Is4() || !c.Addr.Contains(a) || !isHost(c.Addr, a):
		return problem(NotAHost, a, c.Addr.Masked())
	case a == c.Addr.Addr():
		return problem(SameAddr, a)
	}
	switch {
	case !c.Gw.IsValid():
	case c.Gw == c.Addr.Addr():
		return problem(SameAddr, c.Gw)
	case !c.Addr.Contains(c.Gw) || !isHost(c.Addr, c.Gw):
		return problem(NotAHost, c.Gw, c.Addr.Masked())
	}
	return nil
}

// isHost reports whether a can be a station's: in a subnet of more than two, the
// first and the last address cannot.
func isHost(subnet netip.Prefix, a netip.Addr) bool {
	return subnet.Bits() == 31 || a != subnet.Masked().Addr() && subnet.Contains(a.Next())
}

// firstBut is the first address for a station in addr's subnet that is not addr.
func firstBut(addr netip.Prefix) netip.Addr {
	a := addr.Masked().Addr()
	for !isHost(addr, a) || a == addr.Addr() {
		a = a.Next()
	}
	return a
}

// localMAC is a locally administered unicast address that a name always gets.
func localMAC(name string) wire.MAC {
	h := fnv.New64a()
	h.Write([]byte("menuos/" + name))
	sum := h.Sum64()
	m := wire.MAC{0x02, 0x50}
	for i := 2; i < len(m); i++ {
		m[i] = byte(sum >> (8 * i))
	}
	return m
}
