package shell

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"menuos/stack"
)

var systemCommands = []*Command{
	{
		Name: "sysctl", Usage: "[-a] [-n] [-w] [NAME[=VALUE]]...", Group: groupSystem,
		Summary: text{"show or change kernel parameters", "显示或修改内核参数"},
		Flags:   func(f *pflag.FlagSet) { sysctlFlags(f, new(sysctlOptions)) },
		Words:   func(s *Session, _ []string) []string { return s.m.SysctlNames() },
		Run:     runSysctl,
	},
	{
		Name: "nstat", Usage: "[-azsrn] [PATTERN]...", Group: groupSystem,
		Summary: text{"show the network counters, as iproute2 does", "显示网络计数器(与 iproute2 相同)"},
		Help: text{"Without -a it shows what was counted since the last nstat; -z shows zeros too, -s keeps the last reading.",
			"不带 -a 时显示自上次 nstat 以来的增量;-z 也显示零值,-s 不更新记录。"},
		Flags: func(f *pflag.FlagSet) { nstatFlags(f, new(nstatOptions)) },
		Words: func(s *Session, _ []string) []string {
			var out []string
			for _, n := range s.m.Counters() {
				out = append(out, n.Name)
			}
			return out
		},
		Run: runNstat,
	},
	{
		Name: "dmesg", Group: groupSystem,
		Summary: text{"show what was printed at boot", "显示启动时的输出"},
		Run: func(c *Cmd) int {
			if st, ok := c.noArgs(); !ok {
				return st
			}
			c.printf("%s", c.S.booted)
			return 0
		},
	},
	{
		Name: "uname", Usage: "[-a]", Group: groupSystem,
		Summary: text{"print the kernel's name", "打印内核名称"},
		Run: func(c *Cmd) int {
			if len(c.Args) == 0 {
				c.printf("Linux\n")
				return 0
			}
			switch c.Args[0] {
			case "-r":
				c.printf("%s\n", LinuxVersion)
			case "-a":
				c.printf("Linux MenuOS %s x86_64 GNU/Linux\n", LinuxVersion)
			default:
				return c.usage("%s", c.msg("what", c.Args[0]))
			}
			return 0
		},
	},
}

type sysctlOptions struct{ all, values, write bool }

func sysctlFlags(f *pflag.FlagSet, o *sysctlOptions) {
	f.BoolVarP(&o.all, "all", "a", false, "all parameters")
	f.BoolVarP(&o.values, "values", "n", false, "values without names")
	f.BoolVarP(&o.write, "write", "w", false, "change parameters")
}

func runSysctl(c *Cmd) int {
	var o sysctlOptions
	args, st, ok := c.flags(func(f *pflag.FlagSet) { sysctlFlags(f, &o) })
	if !ok {
		return st
	}
	m := c.S.m
	show := func(name string) bool {
		v, err := m.SysctlGet(name)
		if err != nil {
			return false
		}
		if o.values {
			c.printf("%s\n", v)
		} else {
			c.printf("%s = %s\n", name, v)
		}
		return true
	}
	if o.all {
		for _, n := range m.SysctlNames() {
			show(n)
		}
		return 0
	}
	if len(args) == 0 {
		return c.usage("%s", c.msg("need"))
	}
	status := 0
	// "NAME = VALUE" may come as three words.
	joined := strings.NewReplacer(" = ", "=", "= ", "=", " =", "=").Replace(strings.Join(args, "\x00"))
	joined = strings.NewReplacer("\x00=\x00", "=", "=\x00", "=", "\x00=", "=").Replace(joined)
	for _, a := range strings.Split(joined, "\x00") {
		name, value, set := strings.Cut(a, "=")
		name = strings.ReplaceAll(strings.TrimSpace(name), "/", ".")
		if set {
			value = strings.TrimSpace(value)
			if _, err := m.SysctlGet(name); err != nil {
				status = c.noSysctl(name)
				continue
			}
			if err := m.SysctlSet(name, value); err != nil {
				status = c.fail("setting key \"%s\": %v", name, err)
				continue
			}
			show(name)
			continue
		}
		if o.write {
			status = c.usage("\"%s\" must be of the form name=value", a)
			continue
		}
		if show(name) {
			continue
		}
		found := false
		for _, n := range m.SysctlNames() {
			if strings.HasPrefix(n, name+".") {
				found = true
				show(n)
			}
		}
		if !found {
			status = c.noSysctl(name)
		}
	}
	return status
}

func (c *Cmd) noSysctl(name string) int {
	st := c.fail("cannot stat /proc/sys/%s: No such file or directory", strings.ReplaceAll(name, ".", "/"))
	if near := nearest(name, c.S.m.SysctlNames()); len(near) > 0 {
		fmt.Fprintln(c.Err, c.msg("didYouMean", strings.Join(near, ", ")))
	}
	return st
}

type nstatOptions struct{ absolute, zeros, noUpdate, reset, quiet bool }

func nstatFlags(f *pflag.FlagSet, o *nstatOptions) {
	f.BoolVarP(&o.absolute, "ignore", "a", false, "absolute values")
	f.BoolVarP(&o.zeros, "zeros", "z", false, "zeros too")
	f.BoolVarP(&o.noUpdate, "noupdate", "s", false, "keep the last reading")
	f.BoolVarP(&o.reset, "reset", "r", false, "forget the last reading")
	f.BoolVarP(&o.quiet, "nooutput", "n", false, "only remember the reading")
}

// nstatHidden are no counters; nstat leaves them out.
var nstatHidden = []string{"IpForwarding", "IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn", "TcpCurrEstab"}

// nstatGroup orders the counters as /proc/net/snmp and /proc/net/netstat do.
func nstatGroup(name string) int {
	for i, prefix := range []string{"TcpExt", "IpExt", "IcmpMsg", "Icmp", "Ip", "Tcp", "UdpLite", "Udp"} {
		if strings.HasPrefix(name, prefix) {
			return [...]int{6, 7, 2, 1, 0, 3, 5, 4}[i]
		}
	}
	return 8
}

// NstatOrder is which of all counters nstat shows, as their places, in its order.
func NstatOrder(all []stack.Counter) []int {
	var order []int
	for i := range all {
		if !slices.Contains(nstatHidden, all[i].Name) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return nstatGroup(all[a].Name) - nstatGroup(all[b].Name) })
	return order
}

func runNstat(c *Cmd) int {
	var o nstatOptions
	args, st, ok := c.flags(func(f *pflag.FlagSet) { nstatFlags(f, &o) })
	if !ok {
		return st
	}
	for _, a := range args {
		if _, err := path.Match(a, ""); err != nil {
			return c.usage("%s", c.msg("what", a))
		}
	}
	if o.reset {
		c.S.counted = nil
	}
	now := make(map[string]uint64)
	found := len(args) == 0
	if !o.quiet {
		c.printf("#kernel\n")
	}
	counters := c.S.m.Counters()
	for _, i := range NstatOrder(counters) {
		n := counters[i]
		now[n.Name] = n.Value
		v := n.Value
		if !o.absolute {
			v -= c.S.counted[n.Name]
		}
		match := len(args) == 0
		for _, a := range args {
			if ok, _ := path.Match(strings.ToLower(a), strings.ToLower(n.Name)); ok {
				match, found = true, true
			}
		}
		if o.quiet || !match || v == 0 && !o.zeros {
			continue
		}
		c.printf("%-32s%-16d%6.1f\n", n.Name, v, 0.0)
	}
	if !o.noUpdate {
		c.S.counted = now
	}
	if !found {
		return c.fail("%s", c.msg("what", strings.Join(args, " ")))
	}
	return 0
}
