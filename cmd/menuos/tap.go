package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"menuos/shell"
	"menuos/stack"
	"menuos/stack/wire"
	"menuos/tap"
)

// tapOptions are the flags of a link to the host.
type tapOptions struct {
	tap, tun       string
	addr, hostAddr string
	gw, mac        string
	mtu            int
	offload        bool
	netns          string
	netnsExec      string

	link *tap.Link
}

func (o *tapOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.tap, "tap", "", "make eth0 the far end of the host's TAP device `NAME` (it is made, or taken if it is there)")
	f.StringVar(&o.tun, "tun", "", "the same with the TUN device `NAME`: IP packets without Ethernet")
	f.StringVar(&o.addr, "addr", "192.168.40.254/24", "eth0's address, as `ADDRESS/LENGTH`")
	f.StringVar(&o.hostAddr, "host-addr", "", "the host's `ADDRESS[/LENGTH]` on the device (default: the first of the subnet)")
	f.StringVar(&o.gw, "gw", "", "the machine's default gateway, an `ADDRESS`")
	f.StringVar(&o.mac, "mac", "", "eth0's MAC `ADDRESS` (default: made from the device's name)")
	f.IntVar(&o.mtu, "mtu", 0, "the MTU of both ends, in `BYTES` (default: the device's)")
	f.BoolVar(&o.offload, "offload", false, "leave checksums and the cutting of segments to the other end: faster, but a capture shows unfinished checksums")
	f.StringVar(&o.netns, "netns", "", "`new` makes the device in a network namespace of its own, which needs no privilege")
	f.StringVar(&o.netnsExec, "netns-exec", "", "run `COMMAND` beside the device, in its namespace, and end with it")
}

func (o *tapOptions) given() bool { return o.tap != "" || o.tun != "" }

// config reads the flags.
func (o *tapOptions) config(cmd *cobra.Command) (c tap.Config, err error) {
	if o.tap != "" && o.tun != "" {
		return c, usageError{errors.New("--tap and --tun: one of them")}
	}
	for _, name := range []string{"addr", "host-addr", "gw", "mac", "mtu", "offload", "netns", "netns-exec"} {
		if !o.given() && cmd.Flags().Changed(name) {
			return c, usageError{fmt.Errorf("--%s goes with --tap or --tun", name)}
		}
	}
	c = tap.Config{Name: o.tap + o.tun, Tun: o.tun != "", MTU: o.mtu, Offload: o.offload && o.tun == "", NetNS: o.netns}
	bad := func(flag, value, want string) (tap.Config, error) {
		return c, usageError{fmt.Errorf("--%s %s: it is %s", flag, value, want)}
	}
	if c.Addr, err = netip.ParsePrefix(o.addr); err != nil {
		return bad("addr", o.addr, "an address with the length of its prefix, such as 192.168.40.254/24")
	}
	if o.hostAddr != "" {
		host, _, _ := strings.Cut(o.hostAddr, "/")
		a, err := netip.ParseAddr(host)
		if err != nil {
			return bad("host-addr", o.hostAddr, "an address of the same subnet, such as 192.168.40.1")
		}
		c.HostAddr = netip.PrefixFrom(a, c.Addr.Bits())
	}
	if o.gw != "" {
		if c.Gw, err = netip.ParseAddr(o.gw); err != nil {
			return bad("gw", o.gw, "an address of the same subnet, such as 192.168.40.1")
		}
	}
	if o.mac != "" {
		hw, err := net.ParseMAC(o.mac)
		if err != nil || len(hw) != len(c.MAC) {
			return bad("mac", o.mac, "six bytes, such as 52:54:00:12:34:56")
		}
		c.MAC = wire.MAC(hw)
	}
	if o.mtu < 0 || cmd.Flags().Changed("mtu") && o.mtu < tap.MinMTU {
		return bad("mtu", fmt.Sprint(o.mtu), fmt.Sprintf("%d to %d bytes", tap.MinMTU, tap.MaxMTU))
	}
	return c, nil
}

// connect has the session's machine attached to the device when it boots.
func (o *tapOptions) connect(cfg *shell.Config, c tap.Config) {
	lang := cfg.Lang
	cfg.Clock = stack.ClockReal
	cfg.Leaving = o.close
	cfg.Attach = func(m *stack.Stack, tell func(string)) (string, error) {
		c.Told = func(err error) { tell("menuos: " + inLanguage(err, lang)) }
		var err error
		if o.link, err = tap.Attach(m, c); err != nil {
			return "", told(err, lang)
		}
		return o.note(lang), nil
	}
}

// told is an error of a link in a language; what the flags say wrong is usage.
func told(err error, lang string) error {
	text := errors.New(inLanguage(err, lang))
	var e *tap.Error
	if !errors.As(err, &e) {
		return text
	}
	switch e.Kind {
	case tap.BadName, tap.BadMTU, tap.BadMAC, tap.BadAddr, tap.BadNetNS, tap.NotAHost, tap.SameAddr:
		return usageError{text}
	}
	return text
}

// note says where the two ends are, and how to get to the host's.
func (o *tapOptions) note(lang string) string {
	end, c := o.link.Host(), o.link.Config()
	text := [2]string{"%s is the host's %s: %s here, %s there\n", "%s 连到主机的 %s:这里 %s,那里 %s\n"}
	enter := [2]string{"From another terminal: %s\n", "从另一个终端:%s\n"}
	i := 0
	if lang == "zh" {
		i = 1
	}
	note := fmt.Sprintf(text[i], c.Iface, end.Name, c.Addr.Addr(), end.Addr.Addr())
	if end.NetNS != 0 {
		note += fmt.Sprintf(enter[i], end.Enter())
	}
	return note
}

// beside runs the command of --netns-exec, while the session's jobs go on, and
// returns its exit status.
func (o *tapOptions) beside(ctx context.Context, s *shell.Session) (code int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		code, err = o.link.Exec(ctx, []string{"/bin/sh", "-c", o.netnsExec}, os.Stdin, os.Stdout, os.Stderr)
	}()
	s.Idle(done)
	<-done
	return code, err
}

func (o *tapOptions) close() {
	if o.link != nil {
		o.link.Close()
	}
}

// inLanguage is an error of a link in a language.
func inLanguage(err error, lang string) string {
	var e *tap.Error
	if errors.As(err, &e) {
		return e.In(lang)
	}
	return err.Error()
}
