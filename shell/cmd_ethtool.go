package shell

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"menuos/stack"
)

var ethtoolCommand = &Command{
	Name:    "ethtool",
	Usage:   "DEVICE | -k DEVICE | -K DEVICE FEATURE on|off [FEATURE on|off]... | -i DEVICE | -S DEVICE",
	Summary: text{"show what a network card is and does, and switch its offloads", "显示网卡信息,开关其卸载功能"},
	Help: text{`-k lists the features; -K switches them: rx tx sg tso gso gro. Without offloads a capture shows every segment as it is on
the wire, with its checksum. -i tells of the driver, -S its counters.`,
		`-k 列出功能;-K 开关功能:rx tx sg tso gso gro。关闭卸载后,抓包显示线路上真实的每个段及其校验和。-i 显示驱动,-S 显示计数。`},
	Group: groupNetwork,
	Words: func(s *Session, args []string) []string {
		out := append(s.ifaceNames(), "-k", "-K", "-i", "-S", "on", "off")
		for _, f := range ethFeatures {
			out = append(out, f.short)
		}
		return out
	},
	Run: runEthtool,
}

// ethFeatures are the features in ethtool's order.
var ethFeatures = []struct {
	short, name string
	of          func(f *stack.Features) *bool
}{
	{"rx", "rx-checksumming", func(f *stack.Features) *bool { return &f.RxChecksum }},
	{"tx", "tx-checksumming", func(f *stack.Features) *bool { return &f.TxChecksum }},
	{"sg", "scatter-gather", func(f *stack.Features) *bool { return &f.ScatterGather }},
	{"tso", "tcp-segmentation-offload", func(f *stack.Features) *bool { return &f.TSO }},
	{"gso", "generic-segmentation-offload", func(f *stack.Features) *bool { return &f.GSO }},
	{"gro", "generic-receive-offload", func(f *stack.Features) *bool { return &f.GRO }},
}

func runEthtool(c *Cmd) int {
	mode, args := "", c.Args
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		mode, args = args[0], args[1:]
	}
	switch mode {
	case "-h", "--help":
		c.S.helpOn(c.Out, c.cmd)
		return 0
	case "--show-features", "--show-offload":
		mode = "-k"
	case "--features", "--offload":
		mode = "-K"
	case "--driver":
		mode = "-i"
	case "--statistics":
		mode = "-S"
	}
	if len(args) == 0 {
		return c.usage("%s", c.msg("need"))
	}
	ifaces := c.S.m.Ifaces()
	at := slices.IndexFunc(ifaces, func(i stack.Iface) bool { return i.Name == args[0] })
	if at < 0 {
		fmt.Fprintf(c.Err, "Cannot get device settings: No such device\n")
		return 71
	}
	if len(args) > 1 && mode != "-K" {
		return c.usage("%s", c.msg("extra", args[1]))
	}
	i := &ifaces[at]
	if (mode == "-k" || mode == "-K") && !c.mayConfigure() {
		return 1
	}
	switch mode {
	case "":
		return ethSettings(c, i)
	case "-k":
		return ethShow(c, i.Name)
	case "-K":
		return ethSwitch(c, i.Name, args[1:])
	case "-i":
		return ethDriverInfo(c, i)
	case "-S":
		return ethStatistics(c, i)
	}
	return c.usage("%s", c.msg("what", mode))
}

// ethDriverInfo is ethtool -i.
func ethDriverInfo(c *Cmd, i *stack.Iface) int {
	info, ok := map[string]struct{ version, bus string }{"virtio_net": {"1.0.0", "0000:00:03.0"}, "tun": {"1.6", "tun"}, "dummy": {"1.0", ""}}[i.Driver]
	if !ok {
		fmt.Fprintln(c.Err, "Cannot get driver information: Operation not supported")
		return 71
	}
	stats := "no"
	if i.Driver == virtioNet {
		stats = "yes"
	}
	c.printf("driver: %s\nversion: %s\nfirmware-version: \nexpansion-rom-version: \nbus-info: %s\n", i.Driver, info.version, info.bus)
	c.printf("supports-statistics: %s\nsupports-test: no\nsupports-eeprom-access: no\nsupports-register-dump: no\nsupports-priv-flags: no\n", stats)
	return 0
}

const virtioNet = "virtio_net"

func ethSettings(c *Cmd, i *stack.Iface) int {
	link := "no"
	if i.Carrier && i.Flags&stack.IFF_UP != 0 {
		link = "yes"
	}
	c.printf("Settings for %s:\n", i.Name)
	if i.Driver == virtioNet {
		c.printf("\tSupported ports: [ ]\n\tSupported link modes:   Not reported\n\tSpeed: Unknown!\n\tDuplex: Unknown! (255)\n\tPort: Other\n\tAuto-negotiation: off\n")
	}
	c.printf("\tLink detected: %s\n", link)
	return 0
}

func ethShow(c *Cmd, dev string) int {
	on, fixed, err := c.features(dev)
	if err != nil {
		return c.fail("%v", err)
	}
	c.printf("Features for %s:\n", dev)
	for _, f := range ethFeatures {
		state, mark := "off", ""
		if *f.of(&on) {
			state = "on"
		}
		if *f.of(&fixed) {
			mark = " [fixed]"
		}
		c.printf("%s: %s%s\n", f.name, state, mark)
	}
	return 0
}

// feature finds a feature by either of its names.
func ethFeature(name string) (of func(f *stack.Features) *bool) {
	for _, f := range ethFeatures {
		if f.short == name || f.name == name {
			return f.of
		}
	}
	return nil
}

// ethSwitch is ethtool -K.
func ethSwitch(c *Cmd, dev string, words []string) int {
	if len(words) == 0 || len(words)%2 != 0 {
		return c.usage("%s", c.msg("need"))
	}
	was, _, err := c.features(dev)
	if err != nil {
		return c.fail("%v", err)
	}
	want := was
	for k := 0; k < len(words); k += 2 {
		of, value := ethFeature(words[k]), words[k+1]
		if of == nil || value != "on" && value != "off" {
			return c.usage("bad command line argument(s)")
		}
		*of(&want) = value == "on"
	}
	err = c.configure(func() error { return c.S.m.SetFeatures(dev, want) })
	if err != nil && !errors.Is(err, stack.EOPNOTSUPP) {
		return c.fail("%v", err)
	}
	return ethActual(c, dev, was, want)
}

// features reads an interface's features.
func (c *Cmd) features(dev string) (on, fixed stack.Features, err error) {
	err = c.configure(func() (err error) {
		on, fixed, err = c.S.m.Features(dev)
		return err
	})
	return on, fixed, err
}

// ethActual prints what has changed beside what was asked for.
func ethActual(c *Cmd, dev string, was, want stack.Features) int {
	now, _, err := c.features(dev)
	if err != nil {
		return c.fail("%v", err)
	}
	changed, differs := false, false
	for _, f := range ethFeatures {
		changed = changed || *f.of(&now) != *f.of(&was)
		differs = differs || *f.of(&now) != *f.of(&want)
	}
	switch {
	case !changed && was != want:
		fmt.Fprintln(c.Err, "Could not change any device features")
		return 1
	case !differs:
		return 0
	}
	c.printf("Actual changes:\n")
	for _, f := range ethFeatures {
		if *f.of(&now) != *f.of(&was) {
			mark, state := "", "off"
			if *f.of(&now) {
				state = "on"
			}
			if *f.of(&now) != *f.of(&want) {
				mark = fmt.Sprintf(" [requested %s]", map[bool]string{true: "on", false: "off"}[*f.of(&want)])
			}
			c.printf("%s: %s%s\n", f.name, state, mark)
		}
	}
	return 0
}

// ethStatistics prints the driver's counters (drivers/net/virtio_net.c), of its
// one pair of queues.
func ethStatistics(c *Cmd, i *stack.Iface) int {
	if i.Driver != virtioNet {
		fmt.Fprintln(c.Err, "no stats available")
		return 94
	}
	s := &i.Stats
	c.printf("NIC statistics:\n")
	for _, n := range []struct {
		name string
		n    uint64
	}{{"rx_queue_0_packets", s.RxPackets}, {"rx_queue_0_bytes", s.RxBytes}, {"rx_queue_0_drops", s.RxDropped},
		{"tx_queue_0_packets", s.TxPackets}, {"tx_queue_0_bytes", s.TxBytes}} {
		c.printf("     %s: %d\n", n.name, n.n)
	}
	return 0
}
