package shell

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"menuos/stack"
)

var ipCommand = &Command{
	Name: "ip", Usage: "[-br] [-s] addr|link|route|neigh [show|add|del|set|get ...]", Group: groupNetwork,
	Summary: text{"show or change addresses, links, routes and neighbours, as iproute2 does", "显示或修改地址、链路、路由和邻居(与 iproute2 相同)"},
	Help: text{"ip addr [show [dev IF]] | add|del ADDR/LEN dev IF\nip link [show [dev IF]] | set [dev] IF up|down|mtu N | add NAME type dummy\nip route [show] | add|del PREFIX [via ADDR] [dev IF] [src ADDR] [metric N] | get ADDR [from ADDR] [oif IF]\nip neigh [show|flush] [to PREFIX] [dev IF] [nud STATE] | add|change|replace ADDR [lladdr MAC] [nud STATE] dev IF | del|get ADDR dev IF",
		"ip addr [show [dev IF]] | add|del ADDR/LEN dev IF\nip link [show [dev IF]] | set [dev] IF up|down|mtu N | add NAME type dummy\nip route [show] | add|del PREFIX [via ADDR] [dev IF] [src ADDR] [metric N] | get ADDR [from ADDR] [oif IF]\nip neigh [show|flush] [to PREFIX] [dev IF] [nud STATE] | add|change|replace ADDR [lladdr MAC] [nud STATE] dev IF | del|get ADDR dev IF"},
	Words: func(s *Session, args []string) []string {
		if len(args) == 0 {
			return []string{"addr", "link", "route", "neigh", "-br", "-s"}
		}
		return append(s.ifaceNames(), "show", "add", "del", "set", "get", "dev", "via", "up", "down", "mtu", "src", "lladdr", "nud", "flush")
	},
	Run: runIP,
}

func runIP(c *Cmd) int {
	args := c.Args
	brief, stats := false, 0
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-br", "-brief":
			brief = true
		case "-s", "-stats", "-statistics":
			stats++
		case "-4", "-o", "-d":
		default:
			fmt.Fprintf(c.Err, "Option \"%s\" is unknown, try \"ip -help\".\n", args[0])
			return 2
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return c.usage("")
	}
	object, args := args[0], args[1:]
	verb := "show"
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	switch {
	case object == "help" || verb == "help":
		c.S.helpOn(c.Out, c.cmd)
		return 0
	case abbreviates(object, "address", "addr"):
		return ipAddr(c, verb, args, brief, stats)
	case abbreviates(object, "link"):
		return ipLink(c, verb, args, brief, stats)
	case abbreviates(object, "route"):
		return ipRoute(c, verb, args)
	case abbreviates(object, "neighbor", "neighbour"):
		return ipNeigh(c, verb, args, stats)
	}
	fmt.Fprintf(c.Err, "Object \"%s\" is unknown, try \"ip help\".\n", object)
	return 2
}

// abbreviates: iproute2 takes the beginnings of its words.
func abbreviates(w string, of ...string) bool {
	for _, o := range of {
		if w != "" && strings.HasPrefix(o, w) {
			return true
		}
	}
	return false
}

// ipWords reads KEY VALUE pairs; a word that is no key is rest.
func ipWords(args []string, keys ...string) (vals map[string]string, rest []string, bad string) {
	vals = make(map[string]string)
	for i := 0; i < len(args); i++ {
		key := ""
		for _, k := range keys {
			if args[i] == k {
				key = k
			}
		}
		if key == "" {
			rest = append(rest, args[i])
			continue
		}
		if i++; i == len(args) {
			return nil, nil, key
		}
		vals[key] = args[i]
	}
	return vals, rest, ""
}

func (c *Cmd) unknownVerb(verb, object string) int {
	fmt.Fprintf(c.Err, "Command \"%s\" is unknown, try \"ip %s help\".\n", verb, object)
	return 2
}

func (c *Cmd) garbage(w string) int {
	fmt.Fprintf(c.Err, "Error: either \"dev\" is duplicate, or \"%s\" is a garbage.\n", w)
	return 2
}

// answer prints what the kernel says to a change.
func (c *Cmd) answer(fn func() error) int {
	if !c.mayConfigure() {
		return 1
	}
	err := c.configure(fn)
	var missing *stack.NoDeviceError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &missing):
		fmt.Fprintf(c.Err, "Cannot find device \"%s\"\n", missing.Name)
		return 1
	}
	fmt.Fprintf(c.Err, "RTNETLINK answers: %v\n", err)
	return 2
}

func ipAddr(c *Cmd, verb string, args []string, brief bool, stats int) int {
	vals, rest, bad := ipWords(args, "dev", "brd", "broadcast", "label", "scope")
	if bad != "" {
		return c.usage("%s", c.msg("needArg", bad))
	}
	m := c.S.m
	switch {
	case abbreviates(verb, "show", "list", "lst"):
		return ipShow(c, vals["dev"], rest, true, brief, stats)
	case abbreviates(verb, "add"), abbreviates(verb, "del", "delete"):
		if len(rest) == 0 || vals["dev"] == "" {
			fmt.Fprintf(c.Err, "Not enough information: \"dev\" argument is required.\n")
			return 2
		}
		p, err := parsePrefix(rest[0])
		if err != nil {
			fmt.Fprintf(c.Err, "Error: any valid prefix is expected rather than \"%s\".\n", rest[0])
			return 2
		}
		if verb[0] == 'a' {
			return c.answer(func() error { return m.AddAddr(vals["dev"], p) })
		}
		return c.answer(func() error { return m.DelAddr(vals["dev"], p) })
	}
	return c.unknownVerb(verb, "address")
}

func ipLink(c *Cmd, verb string, args []string, brief bool, stats int) int {
	vals, rest, bad := ipWords(args, "dev", "mtu", "type", "name")
	if bad != "" {
		return c.usage("%s", c.msg("needArg", bad))
	}
	m := c.S.m
	dev := vals["dev"]
	switch {
	case abbreviates(verb, "show", "list", "lst"):
		return ipShow(c, dev, rest, false, brief, stats)
	case abbreviates(verb, "set"):
		if dev == "" && len(rest) > 0 {
			dev, rest = rest[0], rest[1:]
		}
		if dev == "" {
			fmt.Fprintf(c.Err, "Not enough information: \"dev\" argument is required.\n")
			return 2
		}
		mtu := 0
		if v := vals["mtu"]; v != "" {
			var err error
			if mtu, err = strconv.Atoi(v); err != nil {
				fmt.Fprintf(c.Err, "Error: argument \"%s\" is wrong: Invalid \"mtu\" value\n\n", v)
				return 2
			}
		}
		for _, w := range rest {
			if w != "up" && w != "down" {
				return c.garbage(w)
			}
		}
		return c.answer(func() error {
			if mtu > 0 {
				if err := m.SetMTU(dev, mtu); err != nil {
					return err
				}
			}
			for _, w := range rest {
				set := m.IfDown
				if w == "up" {
					set = m.IfUp
				}
				if err := set(dev); err != nil {
					return err
				}
			}
			return nil
		})
	case abbreviates(verb, "add"):
		name := vals["name"]
		if name == "" {
			name = dev
		}
		if name == "" && len(rest) > 0 {
			name = rest[0]
		}
		if name == "" || vals["type"] != "dummy" {
			return c.usage("%s", c.msg("known", "ip link add NAME type dummy"))
		}
		return c.answer(func() error { return m.AddDummy(name) })
	}
	return c.unknownVerb(verb, "link")
}

var linkFlagNames = []struct {
	bit  uint32
	name string
}{{stack.IFF_LOOPBACK, "LOOPBACK"}, {stack.IFF_BROADCAST, "BROADCAST"}, {stack.IFF_POINTOPOINT, "POINTOPOINT"},
	{stack.IFF_MULTICAST, "MULTICAST"}, {stack.IFF_NOARP, "NOARP"}, {stack.IFF_UP, "UP"}, {stack.IFF_LOWER_UP, "LOWER_UP"}}

func linkFlags(i *stack.Iface) string {
	var names []string
	if i.Flags&stack.IFF_UP != 0 && !i.Carrier {
		names = append(names, "NO-CARRIER")
	}
	for _, f := range linkFlagNames {
		if shownFlags(i)&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ",")
}

func scopeName(scope uint8) string {
	switch scope {
	case 0:
		return "global"
	case 253:
		return "link"
	case 254:
		return "host"
	}
	return strconv.Itoa(int(scope))
}

// operState is what an interface can do (IF_OPER_*): those that have no link to
// lose do not say.
func operState(i *stack.Iface) string {
	switch {
	case i.Flags&stack.IFF_UP == 0, !i.Carrier:
		return "DOWN"
	case i.Flags&(stack.IFF_NOARP|stack.IFF_LOOPBACK|stack.IFF_POINTOPOINT) != 0:
		return "UNKNOWN"
	}
	return "UP"
}

func showAddrs(c *Cmd, i *stack.Iface) {
	for _, a := range i.Addrs {
		c.printf("    inet %s ", a.Prefix)
		if a.Broadcast.IsValid() && !a.Broadcast.IsUnspecified() {
			c.printf("brd %s ", a.Broadcast)
		}
		label := a.Label
		if label == "" {
			label = i.Name
		}
		c.printf("scope %s %s\n       valid_lft forever preferred_lft forever\n", scopeName(a.Scope), label)
	}
}

func showStats(c *Cmd, s *stack.IfaceStats) {
	c.printf("    RX: bytes  packets  errors  dropped overrun mcast   \n")
	c.printf("    %-10d %-8d %-7d %-7d %-7d %-7d \n", s.RxBytes, s.RxPackets, s.RxErrors, s.RxDropped, s.RxOverErrors, s.Multicast)
	c.printf("    TX: bytes  packets  errors  dropped carrier collsns \n")
	c.printf("    %-10d %-8d %-7d %-7d %-7d %-7d \n", s.TxBytes, s.TxPackets, s.TxErrors, s.TxDropped, s.TxCarrierErrors, s.Collisions)
}

// ipShow is ip addr show and ip link show.
func ipShow(c *Cmd, dev string, rest []string, addrs, brief bool, stats int) int {
	up := false
	for _, w := range rest {
		switch {
		case w == "up":
			up = true
		case dev == "":
			dev = w
		default:
			return c.garbage(w)
		}
	}
	found := false
	for _, i := range c.S.m.Ifaces() {
		if dev != "" && i.Name != dev || up && i.Flags&stack.IFF_UP == 0 {
			continue
		}
		found = true
		state := operState(&i)
		if brief {
			c.printf("%-16s %-14s ", i.Name, state)
			if addrs {
				for _, a := range i.Addrs {
					c.printf("%s ", a.Prefix)
				}
			} else {
				c.printf("%s <%s> ", i.MAC, linkFlags(&i))
			}
			c.printf("\n")
			continue
		}
		c.printf("%d: %s: <%s> mtu %d qdisc %s state %s ", i.Index, i.Name, linkFlags(&i), i.MTU, i.Qdisc, state)
		if !addrs {
			c.printf("mode DEFAULT ")
		}
		c.printf("group default qlen %d\n", i.Qlen)
		if i.Type == arphrdLoopback {
			c.printf("    link/loopback %s brd 00:00:00:00:00:00\n", i.MAC)
		} else {
			c.printf("    link/ether %s brd ff:ff:ff:ff:ff:ff\n", i.MAC)
		}
		if addrs {
			showAddrs(c, &i)
		}
		if stats > 0 {
			showStats(c, &i.Stats)
		}
	}
	if !found && dev != "" {
		fmt.Fprintf(c.Err, "Device \"%s\" does not exist.\n", dev)
		return 1
	}
	return 0
}
