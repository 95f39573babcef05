package shell

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
	"menuos/stack/wire"
)

// neighQuery is what ip neigh show and flush look for.
type neighQuery struct {
	dev    string
	to     netip.Prefix
	states stack.NeighState
	none   bool // entries without a state, too
	unused bool
}

func (q *neighQuery) match(e *stack.Neigh) bool {
	return (q.dev == "" || e.Dev == q.dev) && (!q.to.IsValid() || q.to.Contains(e.Addr)) &&
		(e.State&q.states != 0 || e.ExtLearned || e.State == stack.NUD_NONE && q.none) && (!q.unused || e.Refs == 0)
}

// nudNames are the states in iproute2's words.
var nudNames = []struct {
	name  string
	state stack.NeighState
}{{"permanent", stack.NUD_PERMANENT}, {"reachable", stack.NUD_REACHABLE}, {"noarp", stack.NUD_NOARP}, {"none", stack.NUD_NONE},
	{"stale", stack.NUD_STALE}, {"incomplete", stack.NUD_INCOMPLETE}, {"delay", stack.NUD_DELAY}, {"probe", stack.NUD_PROBE},
	{"failed", stack.NUD_FAILED}}

func nudState(w string) (stack.NeighState, bool) {
	for _, n := range nudNames {
		if n.name == w {
			return n.state, true
		}
	}
	return 0, false
}

// ipNeigh is ip neigh; stats is how often -s was given.
func ipNeigh(c *Cmd, verb string, args []string, stats int) int {
	switch {
	case abbreviates(verb, "add"):
		return neighModify(c, args, stack.NeighAdd)
	case abbreviates(verb, "change", "chg"):
		return neighModify(c, args, stack.NeighChange)
	case abbreviates(verb, "replace"):
		return neighModify(c, args, stack.NeighReplace)
	case abbreviates(verb, "delete"):
		return neighDelete(c, args)
	case abbreviates(verb, "get"):
		return neighGet(c, args, stats)
	case abbreviates(verb, "show", "lst", "list"):
		return neighShow(c, args, stats)
	case abbreviates(verb, "flush"):
		return neighFlush(c, args, stats)
	}
	return c.unknownVerb(verb, "neigh")
}

// neighQueryOf reads what to look for; all are the states that nud all stands for.
func (c *Cmd) neighQueryOf(args []string, q neighQuery, all stack.NeighState) (_ neighQuery, status int) {
	given := false
	for i := 0; i < len(args); i++ {
		value := func() bool { i++; return i < len(args) }
		w := args[i]
		switch {
		case w == "unused":
			q.unused = true
			continue
		case w == "dev" || w == "nud" || w == "to":
			if !value() {
				fmt.Fprintf(c.Err, "Command line is not complete. Try option \"help\"\n")
				return q, 255
			}
		}
		switch w {
		case "dev":
			q.dev = args[i]
			if !slices.Contains(c.S.ifaceNames(), q.dev) {
				fmt.Fprintf(c.Err, "Cannot find device \"%s\"\n", q.dev)
				return q, 1
			}
		case "nud":
			st, ok := nudState(args[i])
			if !ok && args[i] != "all" {
				fmt.Fprintf(c.Err, "Error: argument \"%s\" is wrong: nud state is bad\n", args[i])
				return q, 255
			}
			if !given {
				given, q.states = true, 0
			}
			q.none = q.none || st == stack.NUD_NONE
			if !ok {
				st = all
			}
			q.states |= st
		default:
			p, err := parsePrefix(args[i])
			if err != nil {
				fmt.Fprintf(c.Err, "Error: argument \"%s\" is wrong: to value is invalid\n\n", args[i])
				return q, 255
			}
			q.to = p
		}
	}
	return q, 0
}

func neighShow(c *Cmd, args []string, stats int) int {
	q, st := c.neighQueryOf(args, neighQuery{states: 0xff &^ stack.NUD_NOARP}, 0xff)
	if st != 0 {
		return st
	}
	for _, e := range c.S.m.Neighbours() {
		if q.match(&e) {
			c.printf("%s\n", neighText(&e, q.dev == "", stats))
		}
	}
	return 0
}

// neighText is an entry as ip neigh show prints it.
func neighText(e *stack.Neigh, dev bool, stats int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s ", e.Addr)
	if dev {
		fmt.Fprintf(&b, "dev %s ", e.Dev)
	}
	if e.State&stack.NUD_VALID != 0 {
		fmt.Fprintf(&b, "lladdr %s", e.MAC)
	}
	if e.ExtLearned {
		b.WriteString(" extern_learn ")
	}
	if stats > 0 {
		if e.Refs > 0 {
			fmt.Fprintf(&b, " ref %d", e.Refs)
		}
		fmt.Fprintf(&b, " used %d/%d/%d probes %d", e.Used/time.Second, e.Confirmed/time.Second, e.Updated/time.Second, e.Probes)
	}
	if e.State != stack.NUD_NONE {
		fmt.Fprintf(&b, " %s", e.State)
	}
	return b.String()
}

// neighFlush removes entries, as often as it takes for none to be left; failed
// ones that are still in use do not count.
func neighFlush(c *Cmd, args []string, stats int) int {
	if len(args) == 0 {
		fmt.Fprintf(c.Err, "Flush requires arguments.\n")
		return 255
	}
	keep := stack.NUD_PERMANENT | stack.NUD_NOARP
	q, st := c.neighQueryOf(args, neighQuery{states: 0xff &^ keep}, 0xff&^stack.NUD_NOARP)
	if st != 0 {
		return st
	}
	const maxRounds = 10
	for round := range maxRounds {
		flushed := 0
		if st := c.answer(func() (err error) {
			flushed, err = c.S.m.FlushNeigh(q.match)
			return err
		}); st != 0 {
			return st
		}
		switch {
		case flushed > 0:
		case stats == 0:
			return 0
		case round == 0:
			c.printf("Nothing to flush.\n")
			return 0
		default:
			plural := "s"
			if round == 1 {
				plural = ""
			}
			c.printf("*** Flush is complete after %d round%s ***\n", round, plural)
			return 0
		}
		if stats > 0 {
			c.printf("\n*** Round %d, deleting %d entries ***\n", round+1, flushed)
		}
		q.states &^= stack.NUD_FAILED
	}
	c.printf("*** Flush not complete bailing out after %d rounds\n", maxRounds)
	return 1
}

// neighModify is ip neigh add, change and replace.
func neighModify(c *Cmd, args []string, how stack.NeighHow) int {
	e := stack.Neigh{State: stack.NUD_PERMANENT}
	use := false
	for i := 0; i < len(args); i++ {
		w := args[i]
		switch w {
		case "use":
			use = true
			continue
		case "extern_learn":
			e.ExtLearned = true
			e.State = stack.NUD_STALE
			continue
		case "lladdr", "nud", "dev", "to":
			if i++; i == len(args) {
				fmt.Fprintf(c.Err, "Command line is not complete. Try option \"help\"\n")
				return 255
			}
		}
		var st int
		switch w {
		case "lladdr":
			var ok bool
			if e.MAC, ok = parseMAC(args[i]); !ok {
				fmt.Fprintf(c.Err, "\"%s\" is invalid lladdr.\n", args[i])
				return 255
			}
		case "nud":
			var ok bool
			if e.State, ok = nudState(args[i]); !ok {
				fmt.Fprintf(c.Err, "Error: argument \"%s\" is wrong: nud state is bad\n", args[i])
				return 255
			}
		case "dev":
			e.Dev = args[i]
		default:
			if e.Addr, st = c.neighAddr(args[i], e.Addr); st != 0 {
				return st
			}
		}
	}
	if e.Dev == "" || !e.Addr.IsValid() {
		fmt.Fprintf(c.Err, "Device and destination are required arguments.\n")
		return 255
	}
	if use {
		return c.answer(func() error { return c.S.m.UseNeigh(e.Dev, e.Addr) })
	}
	return c.answer(func() error { return c.S.m.AddNeigh(e, how) })
}

// neighAddr reads the address of an entry, of which there is but one.
func (c *Cmd) neighAddr(w string, had netip.Addr) (netip.Addr, int) {
	if had.IsValid() {
		fmt.Fprintf(c.Err, "Error: duplicate \"address\": \"%s\" is the second value.\n", w)
		return had, 255
	}
	a, err := netip.ParseAddr(w)
	if err != nil || !a.Is4() {
		fmt.Fprintf(c.Err, "Error: inet address is expected rather than \"%s\".\n", w)
		return had, 1
	}
	return a, 0
}

// neighTarget reads ADDR dev IF.
func (c *Cmd) neighTarget(args []string) (dev string, a netip.Addr, status int) {
	vals, rest, bad := ipWords(args, "dev", "to", "lladdr", "nud")
	if bad != "" {
		fmt.Fprintf(c.Err, "Command line is not complete. Try option \"help\"\n")
		return "", a, 255
	}
	if vals["to"] != "" {
		rest = append(rest, vals["to"])
	}
	for _, w := range rest {
		if a, status = c.neighAddr(w, a); status != 0 {
			return "", a, status
		}
	}
	if vals["dev"] == "" || !a.IsValid() {
		fmt.Fprintf(c.Err, "Device and address are required arguments.\n")
		return "", a, 255
	}
	return vals["dev"], a, 0
}

func neighDelete(c *Cmd, args []string) int {
	dev, a, st := c.neighTarget(args)
	if st != 0 {
		return st
	}
	return c.answer(func() error { return c.S.m.DelNeigh(dev, a) })
}

func neighGet(c *Cmd, args []string, stats int) int {
	dev, a, st := c.neighTarget(args)
	if st != 0 {
		return st
	}
	for _, e := range c.S.m.Neighbours() {
		if e.Addr == a && e.Dev == dev {
			c.printf("%s\n", neighText(&e, true, stats))
			return 0
		}
	}
	if !slices.Contains(c.S.ifaceNames(), dev) {
		fmt.Fprintf(c.Err, "Cannot find device \"%s\"\n", dev)
		return 1
	}
	fmt.Fprintf(c.Err, "RTNETLINK answers: %v\n", stack.ENOENT)
	return 2
}

// parseMAC reads an Ethernet address.
func parseMAC(s string) (wire.MAC, bool) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != len(wire.MAC{}) {
		return wire.MAC{}, false
	}
	return wire.MAC(hw), true
}

var arpCommand = &Command{
	Name: "arp", Usage: "[-vn] [-a] [-i IF] [HOST] | -d HOST [-i IF] | -s HOST HWADDR [-i IF] [temp]", Group: groupNetwork,
	Summary: text{"show or change the ARP cache, as net-tools does", "显示或修改 ARP 缓存(与 net-tools 相同)"},
	Help: text{"-a  BSD style   -n  numbers only (always)   -v  totals, and address conflicts seen\n-i IF  of this interface   -d HOST  delete   -s HOST HWADDR [temp]  set",
		"-a  BSD 格式   -n  只显示数字(总是如此)   -v  合计,以及发现的地址冲突\n-i IF  只针对该接口   -d HOST  删除   -s HOST HWADDR [temp]  设置"},
	Flags: arpFlags(&arpOptions{}),
	Words: func(s *Session, args []string) []string { return append(s.ifaceNames(), "temp") },
	Run:   runArp,
}

type arpOptions struct {
	bsd, numeric, verbose, del, set bool
	dev                             string
}

func arpFlags(o *arpOptions) func(f *pflag.FlagSet) {
	return func(f *pflag.FlagSet) {
		f.BoolVarP(&o.bsd, "all", "a", false, "BSD style")
		f.BoolVarP(&o.numeric, "numeric", "n", false, "numbers only")
		f.BoolVarP(&o.verbose, "verbose", "v", false, "totals")
		f.BoolVarP(&o.del, "delete", "d", false, "delete an entry")
		f.BoolVarP(&o.set, "set", "s", false, "set an entry")
		f.StringVarP(&o.dev, "device", "i", "", "interface")
	}
}

func runArp(c *Cmd) int {
	var o arpOptions
	args, st, ok := c.flags(arpFlags(&o))
	if !ok {
		return st
	}
	var host netip.Addr
	if len(args) > 0 {
		var err error
		if host, err = netip.ParseAddr(args[0]); err != nil || !host.Is4() {
			fmt.Fprintf(c.Err, "%s: Unknown host\n", args[0])
			return 255
		}
	}
	switch {
	case o.set:
		return arpSet(c, &o, host, args)
	case o.del:
		if !host.IsValid() {
			fmt.Fprintf(c.Err, "arp: need host name\n")
			return 255
		}
		return arpDelete(c, &o, host)
	}
	return arpShow(c, &o, host)
}

func arpSet(c *Cmd, o *arpOptions, host netip.Addr, args []string) int {
	switch {
	case !host.IsValid():
		fmt.Fprintf(c.Err, "arp: need host name\n")
		return 255
	case len(args) < 2:
		fmt.Fprintf(c.Err, "arp: need hardware address\n")
		return 255
	}
	mac, ok := parseMAC(args[1])
	if !ok {
		fmt.Fprintf(c.Err, "arp: invalid hardware address\n")
		return 255
	}
	return arpAnswer(c, "SIOCSARP", func() error {
		return c.S.m.ArpSet(o.dev, host, mac, slices.Contains(args[2:], "temp"))
	})
}

func arpDelete(c *Cmd, o *arpOptions, host netip.Addr) int {
	gone := false
	st := arpAnswer(c, "SIOCDARP(dontpub)", func() error {
		err := c.S.m.ArpDelete(o.dev, host)
		if gone = errors.Is(err, stack.ENXIO); gone {
			return nil
		}
		return err
	})
	if gone {
		c.printf("No ARP entry for %s\n", host)
		return 255
	}
	return st
}

// arpAnswer makes a call and says what went wrong in it.
func arpAnswer(c *Cmd, call string, fn func() error) int {
	if !c.mayConfigure() {
		return 1
	}
	err := c.configure(fn)
	if err == nil {
		return 0
	}
	var missing *stack.NoDeviceError
	if errors.As(err, &missing) {
		err = stack.ENODEV
	}
	fmt.Fprintf(c.Err, "%s: %v\n", call, err)
	return 255
}

func arpShow(c *Cmd, o *arpOptions, host netip.Addr) int {
	entries, shown := 0, 0
	for _, e := range c.S.m.Neighbours() {
		if e.State == stack.NUD_NOARP {
			continue
		}
		entries++
		if host.IsValid() && e.Addr != host || o.dev != "" && e.Dev != o.dev {
			continue
		}
		if o.bsd {
			c.printf("%s\n", arpBSD(&e))
		} else {
			if shown == 0 {
				c.printf("Address                  HWtype  HWaddress           Flags Mask            Iface\n")
			}
			c.printf("%s\n", arpRow(&e))
		}
		shown++
	}
	if o.verbose {
		c.printf("Entries: %d\tSkipped: %d\tFound: %d\n", entries, entries-shown, shown)
		if n := c.S.m.NeighStats().Conflicts; n > 0 {
			c.printf("%s\n", c.msg("arpConflicts", n))
		}
	}
	switch {
	case shown > 0:
	case host.IsValid():
		c.printf("%s (%s) -- no entry\n", host, host)
	case o.dev != "":
		c.printf("arp: in %d entries no match found.\n", entries)
	}
	return 0
}

// arpRow is an entry as arp prints it; its Flags: C complete, M permanent.
func arpRow(e *stack.Neigh) string {
	hw, addr, flags := "ether", e.MAC.String(), "C"
	switch {
	case e.State&stack.NUD_VALID == 0:
		hw, addr, flags = "", "(incomplete)", ""
	case e.State&stack.NUD_PERMANENT != 0:
		flags = "CM"
	}
	return fmt.Sprintf("%-23s  %-8s%-20s%-6s%-15s %s", e.Addr, hw, addr, flags, "", e.Dev)
}

// arpBSD is an entry as arp -a prints it.
func arpBSD(e *stack.Neigh) string {
	s := fmt.Sprintf("? (%s) at ", e.Addr)
	if e.State&stack.NUD_VALID == 0 {
		s += "<incomplete> "
	} else {
		s += fmt.Sprintf("%s [ether] ", e.MAC)
	}
	if e.State&stack.NUD_PERMANENT != 0 {
		s += "PERM "
	}
	return s + "on " + e.Dev
}
