package shell

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"menuos/stack"
)

var ipCommand = &Command{
	Name: "ip", Usage: "[-br] addr|link|route [show|add|del|set|get ...]", Group: groupNetwork,
	Summary: text{"show or change addresses, links and routes, as iproute2 does", "显示或修改地址、链路和路由(与 iproute2 相同)"},
	Help: text{"ip addr [show [dev IF]] | add|del ADDR/LEN dev IF\nip link [show [dev IF]] | set [dev] IF up|down|mtu N | add NAME type dummy\nip route [show] | add|del PREFIX [via ADDR] [dev IF] [src ADDR] [metric N] | get ADDR",
		"ip addr [show [dev IF]] | add|del ADDR/LEN dev IF\nip link [show [dev IF]] | set [dev] IF up|down|mtu N | add NAME type dummy\nip route [show] | add|del PREFIX [via ADDR] [dev IF] [src ADDR] [metric N] | get ADDR"},
	Words: func(s *Session, args []string) []string {
		if len(args) == 0 {
			return []string{"addr", "link", "route", "-br"}
		}
		return append(s.ifaceNames(), "show", "add", "del", "set", "get", "dev", "via", "up", "down", "mtu", "src")
	},
	Run: runIP,
}

func runIP(c *Cmd) int {
	args := c.Args
	brief := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-br", "-brief":
			brief = true
		case "-4", "-o", "-s", "-d":
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
		return ipAddr(c, verb, args, brief)
	case abbreviates(object, "link"):
		return ipLink(c, verb, args, brief)
	case abbreviates(object, "route"):
		return ipRoute(c, verb, args)
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

func ipAddr(c *Cmd, verb string, args []string, brief bool) int {
	vals, rest, bad := ipWords(args, "dev", "brd", "broadcast", "label", "scope")
	if bad != "" {
		return c.usage("%s", c.msg("needArg", bad))
	}
	m := c.S.m
	switch {
	case abbreviates(verb, "show", "list", "lst"):
		return ipShow(c, vals["dev"], rest, true, brief)
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

func ipLink(c *Cmd, verb string, args []string, brief bool) int {
	vals, rest, bad := ipWords(args, "dev", "mtu", "type", "name")
	if bad != "" {
		return c.usage("%s", c.msg("needArg", bad))
	}
	m := c.S.m
	dev := vals["dev"]
	switch {
	case abbreviates(verb, "show", "list", "lst"):
		return ipShow(c, dev, rest, false, brief)
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

// ipShow is ip addr show and ip link show.
func ipShow(c *Cmd, dev string, rest []string, addrs, brief bool) int {
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
		state := "DOWN"
		if i.Flags&stack.IFF_UP != 0 {
			state = "UNKNOWN"
		}
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
		if !addrs {
			continue
		}
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
	if !found && dev != "" {
		fmt.Fprintf(c.Err, "Device \"%s\" does not exist.\n", dev)
		return 1
	}
	return 0
}

func ipRoute(c *Cmd, verb string, args []string) int {
	vals, rest, bad := ipWords(args, "via", "dev", "src", "metric", "proto", "scope")
	if bad != "" {
		return c.usage("%s", c.msg("needArg", bad))
	}
	m := c.S.m
	switch {
	case abbreviates(verb, "show", "list", "lst"):
		for _, r := range m.Routes() {
			if vals["dev"] == "" || vals["dev"] == r.Dev {
				c.printf("%s\n", routeText(&r))
			}
		}
		return 0
	case abbreviates(verb, "get"):
		if len(rest) == 0 {
			return c.usage("%s", c.msg("need"))
		}
		to, err := netip.ParseAddr(rest[0])
		if err != nil || !to.Is4() {
			fmt.Fprintf(c.Err, "Error: any valid prefix is expected rather than \"%s\".\n", rest[0])
			return 2
		}
		var r stack.Route
		var local bool
		if st := c.answer(func() (err error) { r, local, err = m.RouteGet(to); return err }); st != 0 {
			return st
		}
		if local {
			c.printf("local ")
		}
		c.printf("%s ", to)
		if r.Gw.IsValid() {
			c.printf("via %s ", r.Gw)
		}
		c.printf("dev %s src %s uid 0 \n    cache ", r.Dev, r.Src)
		if local {
			c.printf("<local> ")
		}
		c.printf("\n")
		return 0
	case abbreviates(verb, "add"), abbreviates(verb, "del", "delete"):
		if len(rest) == 0 {
			return c.usage("%s", c.msg("need"))
		}
		var r stack.Route
		var err error
		if r.Dst, err = parsePrefix(rest[0]); err != nil {
			fmt.Fprintf(c.Err, "Error: inet prefix is expected rather than \"%s\".\n", rest[0])
			return 2
		}
		r.Dev = vals["dev"]
		for _, a := range []struct {
			key string
			to  *netip.Addr
		}{{"via", &r.Gw}, {"src", &r.Src}} {
			if v := vals[a.key]; v != "" {
				if *a.to, err = netip.ParseAddr(v); err != nil || !a.to.Is4() {
					fmt.Fprintf(c.Err, "Error: inet address is expected rather than \"%s\".\n", v)
					return 2
				}
			}
		}
		if v := vals["metric"]; v != "" {
			if r.Metric, err = strconv.Atoi(v); err != nil {
				return c.usage("%s", c.msg("badNumber", v))
			}
		}
		if verb[0] == 'a' {
			return c.answer(func() error { return m.AddRoute(r) })
		}
		return c.answer(func() error { return m.DelRoute(r) })
	}
	return c.unknownVerb(verb, "route")
}

var routeProtocols = map[uint8]string{1: "redirect", 2: "kernel", 4: "static"}

func routeText(r *stack.Route) string {
	var b strings.Builder
	switch r.Dst.Bits() {
	case 0:
		b.WriteString("default ")
	case 32:
		fmt.Fprintf(&b, "%s ", r.Dst.Addr())
	default:
		fmt.Fprintf(&b, "%s ", r.Dst)
	}
	if r.Gw.IsValid() {
		fmt.Fprintf(&b, "via %s ", r.Gw)
	}
	if r.Dev != "" {
		fmt.Fprintf(&b, "dev %s ", r.Dev)
	}
	if p := routeProtocols[r.Protocol]; p != "" {
		fmt.Fprintf(&b, "proto %s ", p)
	}
	if r.Scope != 0 {
		fmt.Fprintf(&b, "scope %s ", scopeName(r.Scope))
	}
	if r.Src.IsValid() {
		fmt.Fprintf(&b, "src %s ", r.Src)
	}
	if r.Metric != 0 {
		fmt.Fprintf(&b, "metric %d ", r.Metric)
	}
	if r.Linkdown {
		b.WriteString("linkdown ")
	}
	return b.String()
}
