package shell

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"

	"menuos/stack"
)

var networkCommands = []*Command{ifconfigCommand, ipCommand, routeCommand, arpCommand, tcCommand, pingCommand}

var ifconfigCommand = &Command{
	Name: "ifconfig", Usage: "[-a] [INTERFACE [ADDRESS] [netmask MASK] [mtu N] [up|down]]", Group: groupNetwork,
	Summary: text{"show or set up an interface, as net-tools does", "显示或配置接口(与 net-tools 相同)"},
	Words: func(s *Session, args []string) []string {
		if len(args) == 0 {
			return s.ifaceNames()
		}
		return []string{"up", "down", "netmask", "mtu"}
	},
	Run: runIfconfig,
}

func (s *Session) ifaceNames() []string {
	var out []string
	for _, i := range s.m.Ifaces() {
		out = append(out, i.Name)
	}
	return out
}

// mayConfigure: a change makes the machine run, so not while it is held.
func (c *Cmd) mayConfigure() bool {
	if !c.S.Held() {
		return true
	}
	c.fail("%s", c.msg("held", c.S.stoppedAt()))
	return false
}

func runIfconfig(c *Cmd) int {
	args, st, ok := c.Args, 0, true
	all := len(args) > 0 && args[0] == "-a"
	if all {
		args = args[1:]
	} else if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		_, st, ok = c.flags(func(*pflag.FlagSet) {})
		if !ok {
			return st
		}
	}
	if len(args) <= 1 {
		found := false
		for _, i := range c.S.m.Ifaces() {
			if len(args) == 1 && i.Name != args[0] || len(args) == 0 && !all && i.Flags&stack.IFF_UP == 0 {
				continue
			}
			found = true
			c.printf("%s\n", ifconfigText(&i))
		}
		if !found && len(args) == 1 {
			fmt.Fprintf(c.Err, "%s: error fetching interface information: Device not found\n", args[0])
			return 1
		}
		return 0
	}
	return ifconfigSet(c, args[0], args[1:])
}

func ifconfigSet(c *Cmd, name string, words []string) int {
	if !c.mayConfigure() {
		return 1
	}
	var addr netip.Addr
	bits, mtu, up := -1, 0, ""
	for i := 0; i < len(words); i++ {
		switch w := words[i]; w {
		case "up", "down":
			up = w
		case "netmask", "mtu":
			i++
			if i == len(words) {
				return c.usage("%s", c.msg("needArg", w))
			}
			if w == "mtu" {
				if _, err := fmt.Sscanf(words[i], "%d", &mtu); err != nil {
					return c.usage("%s", c.msg("badNumber", words[i]))
				}
				break
			}
			m, err := netip.ParseAddr(words[i])
			if err != nil || !m.Is4() || maskBits(m) < 0 {
				return c.usage("%s", c.msg("badAddr", words[i]))
			}
			bits = maskBits(m)
		case "broadcast":
			i++
		default:
			text, plen, hasLen := strings.Cut(w, "/")
			a, err := netip.ParseAddr(text)
			if err != nil || !a.Is4() {
				return c.usage("%s", c.msg("badAddr", w))
			}
			addr = a
			if hasLen {
				if _, err := fmt.Sscanf(plen, "%d", &bits); err != nil || bits < 0 || bits > 32 {
					return c.usage("%s", c.msg("badNumber", plen))
				}
			}
		}
	}
	m := c.S.m
	err := c.configure(func() error {
		if mtu > 0 {
			if err := m.SetMTU(name, mtu); err != nil {
				return err
			}
		}
		if addr.IsValid() {
			if bits < 0 {
				bits = classBits(addr)
			}
			if err := m.IfConfig(name, netip.PrefixFrom(addr, bits)); err != nil {
				return err
			}
		}
		switch up {
		case "up":
			return m.IfUp(name)
		case "down":
			return m.IfDown(name)
		}
		return nil
	})
	switch {
	case errors.Is(err, stack.ENODEV):
		fmt.Fprintf(c.Err, "%s: ERROR while getting interface flags: No such device\n", name)
		return 1
	case err != nil:
		return c.fail("%s: %v", name, err)
	}
	return 0
}

// maskBits is the length of a netmask, -1 if its ones are not in one piece.
func maskBits(m netip.Addr) int {
	b := m.As4()
	v := binary.BigEndian.Uint32(b[:])
	n := 0
	for v&0x80000000 != 0 {
		n++
		v <<= 1
	}
	if v != 0 {
		return -1
	}
	return n
}

func maskOf(bits int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(0xffffffff<<(32-bits)))
	return netip.AddrFrom4(b)
}

// classBits is the length of an address's class.
func classBits(a netip.Addr) int {
	switch b := a.As4()[0]; {
	case b < 128:
		return 8
	case b < 192:
		return 16
	}
	return 24
}

var ifFlagNames = []struct {
	bit  uint32
	name string
}{{stack.IFF_UP, "UP"}, {stack.IFF_BROADCAST, "BROADCAST"}, {stack.IFF_LOOPBACK, "LOOPBACK"}, {stack.IFF_POINTOPOINT, "POINTOPOINT"},
	{stack.IFF_RUNNING, "RUNNING"}, {stack.IFF_NOARP, "NOARP"}, {stack.IFF_MULTICAST, "MULTICAST"}}

// shownFlags are an interface's flags as a program gets them (dev_get_flags).
func shownFlags(i *stack.Iface) uint32 {
	f := i.Flags
	if f&stack.IFF_UP != 0 && i.Carrier {
		f |= stack.IFF_RUNNING | stack.IFF_LOWER_UP
	}
	return f
}

const arphrdLoopback = 772

func ifconfigText(i *stack.Iface) string {
	var b strings.Builder
	flags := shownFlags(i) & 0xffff
	var names []string
	for _, f := range ifFlagNames {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	fmt.Fprintf(&b, "%s: flags=%d<%s>  mtu %d\n", i.Name, flags, strings.Join(names, ","), i.MTU)
	for _, a := range i.Addrs {
		fmt.Fprintf(&b, "        inet %s  netmask %s", a.Prefix.Addr(), maskOf(a.Prefix.Bits()))
		if a.Broadcast.IsValid() && !a.Broadcast.IsUnspecified() {
			fmt.Fprintf(&b, "  broadcast %s", a.Broadcast)
		}
		b.WriteByte('\n')
	}
	if i.Type == arphrdLoopback {
		fmt.Fprintf(&b, "        loop  txqueuelen %d  (Local Loopback)\n", i.Qlen)
	} else {
		fmt.Fprintf(&b, "        ether %s  txqueuelen %d  (Ethernet)\n", i.MAC, i.Qlen)
	}
	s := &i.Stats
	fmt.Fprintf(&b, "        RX packets %d  bytes %d (%s)\n", s.RxPackets, s.RxBytes, humanBytes(s.RxBytes))
	fmt.Fprintf(&b, "        RX errors %d  dropped %d  overruns %d  frame %d\n", s.RxErrors, s.RxDropped, s.RxOverErrors, s.RxFrameErrors)
	fmt.Fprintf(&b, "        TX packets %d  bytes %d (%s)\n", s.TxPackets, s.TxBytes, humanBytes(s.TxBytes))
	fmt.Fprintf(&b, "        TX errors %d  dropped %d overruns 0  carrier %d  collisions %d\n", s.TxErrors, s.TxDropped, s.TxCarrierErrors, s.Collisions)
	return b.String()
}

// humanBytes is net-tools' form of a byte count.
func humanBytes(n uint64) string {
	unit := 0
	f := float64(n)
	for f >= 1024 && unit < 4 {
		f /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %s", f, []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit])
}

var routeCommand = &Command{
	Name: "route", Usage: "[-n] [add|del [-net|-host] TARGET [netmask MASK] [gw GATEWAY] [dev IF]]", Group: groupNetwork,
	Summary: text{"show or change the routing table, as net-tools does", "显示或修改路由表(与 net-tools 相同)"},
	Words: func(*Session, []string) []string {
		return []string{"-n", "add", "del", "default", "gw", "netmask", "dev"}
	},
	Run: runRoute,
}

func runRoute(c *Cmd) int {
	args := c.Args
	for len(args) > 0 && (args[0] == "-n" || args[0] == "-e") {
		args = args[1:]
	}
	if len(args) > 0 {
		return routeChange(c, args)
	}
	c.printf("Kernel IP routing table\n")
	c.printf("Destination     Gateway         Genmask         Flags Metric Ref    Use Iface\n")
	for _, r := range c.S.m.Routes() {
		flags, gw := "U", "0.0.0.0"
		if r.Linkdown {
			flags = "!"
		}
		if r.Gw.IsValid() {
			flags, gw = flags+"G", r.Gw.String()
		}
		if r.Dst.Bits() == 32 {
			flags += "H"
		}
		c.printf("%-15s %-15s %-15s %-5s %-6d %-2d %7d %s\n", r.Dst.Addr(), gw, maskOf(r.Dst.Bits()), flags, r.Metric, 0, 0, r.Dev)
	}
	return 0
}

func routeChange(c *Cmd, args []string) int {
	verb := args[0]
	if verb != "add" && verb != "del" {
		return c.usage("%s", c.msg("what", verb))
	}
	var r stack.Route
	bits := -1
	for i := 1; i < len(args); i++ {
		value := ""
		switch args[i] {
		case "gw", "netmask", "dev", "metric":
			if i++; i == len(args) {
				return c.usage("%s", c.msg("needArg", args[i-1]))
			}
			value = args[i]
		}
		var err error
		switch w := args[i]; {
		case value == "" && (w == "-net" || w == "-host"):
			if w == "-host" {
				bits = 32
			}
		case value == "" && w == "default":
			r.Dst = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		case value == "":
			r.Dst, err = parsePrefix(w)
		case args[i-1] == "gw":
			r.Gw, err = netip.ParseAddr(value)
		case args[i-1] == "dev":
			r.Dev = value
		case args[i-1] == "metric":
			_, err = fmt.Sscanf(value, "%d", &r.Metric)
		default:
			var m netip.Addr
			if m, err = netip.ParseAddr(value); err == nil {
				if bits = maskBits(m); bits < 0 {
					err = errors.New("bad mask")
				}
			}
		}
		if err != nil {
			return c.usage("%s", c.msg("badAddr", args[i]))
		}
	}
	if !r.Dst.IsValid() {
		return c.usage("%s", c.msg("need"))
	}
	if bits >= 0 {
		r.Dst = netip.PrefixFrom(r.Dst.Addr(), bits)
	}
	if !c.mayConfigure() {
		return 1
	}
	call, name := c.S.m.AddRoute, "SIOCADDRT"
	if verb == "del" {
		call, name = c.S.m.DelRoute, "SIOCDELRT"
	}
	if err := c.configure(func() error { return call(r) }); err != nil {
		fmt.Fprintf(c.Err, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// parsePrefix reads 10.0.0.0/8, an address alone or "default".
func parsePrefix(s string) (netip.Prefix, error) {
	if s == "default" || s == "all" || s == "any" {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), nil
	}
	if !strings.Contains(s, "/") {
		s += "/32"
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && !p.Addr().Is4() {
		err = errors.New("not IPv4")
	}
	return p, err
}
