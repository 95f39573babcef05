package shell

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"menuos/stack"
)

func ipRoute(c *Cmd, verb string, args []string) int {
	if abbreviates(verb, "get") {
		return ipRouteGet(c, args)
	}
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

// ipRouteGet is ip route get.
func ipRouteGet(c *Cmd, args []string) int {
	vals, rest, bad := ipWords(args, "to", "from", "oif", "dev", "tos", "dsfield")
	if bad != "" {
		return c.usage("%s", c.msg("needArg", bad))
	}
	if vals["to"] != "" {
		rest = append(rest, vals["to"])
	}
	if len(rest) == 0 {
		fmt.Fprintf(c.Err, "need at least a destination address\n")
		return 1
	}
	q := stack.RouteQuery{Oif: vals["oif"] + vals["dev"]}
	for _, a := range []struct {
		word string
		to   *netip.Addr
	}{{rest[0], &q.To}, {vals["from"], &q.From}} {
		if a.word == "" {
			continue
		}
		var err error
		if *a.to, err = netip.ParseAddr(strings.TrimSuffix(a.word, "/32")); err != nil || !a.to.Is4() {
			fmt.Fprintf(c.Err, "Error: any valid prefix is expected rather than \"%s\".\n", a.word)
			return 1
		}
	}
	if v := vals["tos"] + vals["dsfield"]; v != "" {
		n, err := strconv.ParseUint(v, 0, 8)
		if err != nil {
			return c.usage("%s", c.msg("badNumber", v))
		}
		q.TOS = uint8(n)
	}
	var a stack.RouteAnswer
	if st := c.answer(func() (err error) { a, err = c.S.m.AskRoute(q); return err }); st != 0 {
		return st
	}
	c.printf("%s", routeAnswerText(&q, &a))
	return 0
}

// routeAnswerText is a way as ip route get prints it.
func routeAnswerText(q *stack.RouteQuery, a *stack.RouteAnswer) string {
	var b strings.Builder
	kinds := map[stack.RouteKind]string{stack.RTN_LOCAL: "local ", stack.RTN_BROADCAST: "broadcast ", stack.RTN_MULTICAST: "multicast "}
	fmt.Fprintf(&b, "%s%s ", kinds[a.Kind], q.To)
	if q.From.IsValid() {
		fmt.Fprintf(&b, "from %s ", q.From)
	}
	if q.TOS != 0 {
		fmt.Fprintf(&b, "tos %#02x ", q.TOS)
	}
	if a.Gw.IsValid() {
		fmt.Fprintf(&b, "via %s ", a.Gw)
	}
	fmt.Fprintf(&b, "dev %s ", a.Dev)
	if !q.From.IsValid() {
		fmt.Fprintf(&b, "src %s ", a.Src)
	}
	b.WriteString("uid 0 \n    cache ")
	var flags []string
	for _, f := range []struct {
		on   bool
		name string
	}{{a.Local, "local"}, {a.Redirected, "redirected"}, {a.Kind == stack.RTN_MULTICAST, "mc"}, {a.Kind == stack.RTN_BROADCAST, "brd"}} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	if flags != nil {
		fmt.Fprintf(&b, "<%s> ", strings.Join(flags, ","))
	}
	if a.MTU != 0 {
		fmt.Fprintf(&b, "expires %dsec mtu %d ", a.Expires/time.Second, a.MTU)
	}
	b.WriteString("\n")
	return b.String()
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
