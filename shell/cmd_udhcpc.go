package shell

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/spf13/pflag"

	"menuos/stack"
)

var udhcpcCommand = &Command{
	Name:    "udhcpc",
	Usage:   "[-i IF] [-fnqb] [-t N] [-T SECONDS] [-A SECONDS] [-r ADDRESS]",
	Summary: text{"get an address by DHCP, as busybox's udhcpc does", "通过 DHCP 获取地址(与 busybox 的 udhcpc 相同)"},
	Help: text{`Sets the interface's address, the default route and /etc/resolv.conf from what the server says (RFC 2131), and goes on
behind the prompt to renew the lease, unless -q. It asks the server to broadcast its answers.`,
		`按服务器的应答(RFC 2131)设置接口地址、默认路由和 /etc/resolv.conf;除非给出 -q,否则在提示符后面继续运行以续租。
它请求服务器以广播应答。`},
	Group: groupNetwork, Drives: true,
	Flags: func(f *pflag.FlagSet) { udhcpcFlags(f, new(udhcpc)) },
	Words: func(s *Session, args []string) []string {
		if len(args) > 0 && args[len(args)-1] == "-i" {
			return s.ifaceNames()
		}
		return []string{"-i", "-n", "-q", "-f", "-t"}
	},
	Run: runUdhcpc,
}

// udhcpc is one run.
type udhcpc struct {
	iface, wanted          string
	foreground, fail, quit bool
	background             bool
	tries, pause, tryAgain int

	c     *Cmd
	p     *stack.Proc
	mac   net.HardwareAddr
	fd    int
	xid   uint32
	lease dhcpLease
}

// dhcpLease is what a server grants.
type dhcpLease struct {
	addr    netip.Prefix
	server  netip.Addr
	routers []netip.Addr
	dns     []netip.Addr
	domain  string
	length  time.Duration
	got     time.Duration // since boot
}

func udhcpcFlags(f *pflag.FlagSet, o *udhcpc) {
	f.StringVarP(&o.iface, "interface", "i", "eth0", "interface")
	f.BoolVarP(&o.foreground, "foreground", "f", false, "stay in the foreground")
	f.BoolVarP(&o.fail, "now", "n", false, "end if no lease is obtained")
	f.BoolVarP(&o.quit, "quit", "q", false, "end when a lease is obtained")
	f.BoolVarP(&o.background, "background", "b", false, "go behind the prompt if no lease is obtained")
	f.IntVarP(&o.tries, "retries", "t", 3, "discovers to send")
	f.IntVarP(&o.pause, "timeout", "T", 3, "seconds between two")
	f.IntVarP(&o.tryAgain, "tryagain", "A", 20, "seconds to wait after none was answered")
	f.StringVarP(&o.wanted, "request", "r", "", "address to ask for")
}

const (
	dhcpServerPort = 67
	dhcpClientPort = 68
	dhcpBroadcast  = 0x8000
	dhcpVendor     = "udhcp 1.30.1"
	resolvConfFile = "/" + etcDir + "resolv.conf"
)

func runUdhcpc(c *Cmd) int {
	o := &udhcpc{c: c}
	args, st, ok := c.flags(func(f *pflag.FlagSet) { udhcpcFlags(f, o) })
	switch {
	case !ok:
		return st
	case len(args) > 0:
		return c.usage("%s", c.msg("extra", args[0]))
	case o.tries < 1 || o.pause < 1 || o.tryAgain < 0:
		return c.usage("%s", c.msg("badNumber", c.Args))
	}
	if o.wanted != "" {
		if a, err := netip.ParseAddr(o.wanted); err != nil || !a.Is4() {
			return c.usage("%s", c.msg("badAddr", o.wanted))
		}
	}
	found := false
	for _, i := range c.S.m.Ifaces() {
		if i.Name == o.iface {
			found, o.mac = i.Type == stack.ARPHRD_ETHER, net.HardwareAddr(i.MAC[:])
		}
	}
	if !found {
		return c.fail("SIOCGIFINDEX: No such device")
	}
	if c.S.cfg.Clock == stack.ClockVirtual { // else it would try for ever, at once
		o.fail = true
	}
	fmt.Fprintln(c.Err, "udhcpc: started, v1.30.1")
	st = c.run(true, func(p *stack.Proc) int {
		o.p = p
		st := o.obtain()
		if st == 0 && o.foreground && !o.quit {
			st = o.keep()
		}
		return st
	})
	switch {
	case st == 0 && !o.quit && !o.foreground:
	case st == udhcpcLater:
		fmt.Fprintln(c.Err, "udhcpc: no lease, forking to background")
	default:
		return st
	}
	later := st == udhcpcLater
	c.Out, c.Err = c.outlasting(c.Out), c.outlasting(c.Err)
	c.spawn("udhcpc", func(p *stack.Proc) int {
		o.p = p
		if later {
			o.background = false
			if st := o.obtain(); st != 0 {
				return st
			}
		}
		return o.keep()
	})
	return 0
}

// outlasting is where a program writes when the command that has started it is
// over: to the screen, if the command wrote into what ends with it.
func (c *Cmd) outlasting(w io.Writer) io.Writer {
	switch w.(type) {
	case *syncWriter, *memHandle:
		return w
	}
	return c.S.err
}

// udhcpcLater is the status of obtain when it should go on behind the prompt.
const udhcpcLater = 111

func (o *udhcpc) say(format string, args ...any) {
	fmt.Fprintf(o.c.Err, "udhcpc: %s\n", fmt.Sprintf(format, args...))
}

// obtain gets a lease and configures the interface; its result is an exit status.
func (o *udhcpc) obtain() int {
	if err := o.p.IfConfig(o.iface, netip.PrefixFrom(netip.IPv4Unspecified(), 0)); err != nil {
		return o.c.fail("%s: %v", o.iface, err)
	}
	if err := o.open(); err != nil {
		return o.c.fail("%v", err)
	}
	defer o.p.Close(o.fd)
	o.xid = o.p.Random()
	for {
		for range o.tries {
			o.say("sending discover")
			offer, err := o.ask(o.message(layers.DHCPMsgTypeDiscover, nil), layers.DHCPMsgTypeOffer)
			if err != nil {
				return o.c.fail("%v", err)
			}
			if offer == nil {
				continue
			}
			if o.selectOffer(offer) {
				o.configure()
				return 0
			}
		}
		switch {
		case o.background:
			return udhcpcLater
		case o.fail:
			o.say("no lease, failing")
			return 1
		}
		o.p.Sleep(time.Duration(o.tryAgain) * time.Second)
	}
}

// open makes the socket: messages go from 0.0.0.0 through the interface alone.
func (o *udhcpc) open() (err error) {
	p := o.p
	if o.fd, err = p.Socket(stack.AF_INET, stack.SOCK_DGRAM, stack.IPPROTO_UDP); err != nil {
		return err
	}
	p.SetsockoptInt(o.fd, stack.SOL_SOCKET, stack.SO_REUSEADDR, 1)
	p.SetsockoptInt(o.fd, stack.SOL_SOCKET, stack.SO_BROADCAST, 1)
	if err := p.Setsockopt(o.fd, stack.SOL_SOCKET, soBindToDevice, append([]byte(o.iface), 0)); err != nil {
		return err
	}
	return p.Bind(o.fd, netip.AddrPortFrom(netip.IPv4Unspecified(), dhcpClientPort))
}

// message is a request of a type, with options of its own.
func (o *udhcpc) message(kind layers.DHCPMsgType, more layers.DHCPOptions) *layers.DHCPv4 {
	m := &layers.DHCPv4{Operation: layers.DHCPOpRequest, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, Xid: o.xid,
		Flags: dhcpBroadcast, ClientHWAddr: o.mac}
	m.Options = layers.DHCPOptions{
		layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(kind)}),
		layers.NewDHCPOption(layers.DHCPOptClientID, append([]byte{1}, o.mac...)),
	}
	if kind == layers.DHCPMsgTypeDiscover && o.wanted != "" {
		m.Options = append(m.Options, layers.NewDHCPOption(layers.DHCPOptRequestIP, net.ParseIP(o.wanted).To4()))
	}
	m.Options = append(m.Options, more...)
	m.Options = append(m.Options,
		layers.NewDHCPOption(layers.DHCPOptMaxMessageSize, []byte{2, 64}),
		layers.NewDHCPOption(layers.DHCPOptParamsRequest, []byte{1, 3, 6, 12, 15, 28, 42}),
		layers.NewDHCPOption(layers.DHCPOptClassID, []byte(dhcpVendor)),
		layers.NewDHCPOption(layers.DHCPOptEnd, nil))
	return m
}

// ask broadcasts a message, or sends it to the server that has given the address
// in it, and waits for an answer of a type or a refusal; nil if there is none.
func (o *udhcpc) ask(m *layers.DHCPv4, want ...layers.DHCPMsgType) (*layers.DHCPv4, error) {
	buf := gopacket.NewSerializeBuffer()
	if err := m.SerializeTo(buf, gopacket.SerializeOptions{}); err != nil {
		return nil, err
	}
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), dhcpServerPort)
	if m.ClientIP != nil {
		to = netip.AddrPortFrom(o.lease.server, dhcpServerPort)
	}
	if _, err := o.p.Sendto(o.fd, buf.Bytes(), 0, to); err != nil {
		return nil, err
	}
	until := o.p.Now() + time.Duration(o.pause)*time.Second
	b := make([]byte, 2048)
	for {
		left := until - o.p.Now()
		if left <= 0 {
			return nil, nil
		}
		if n, err := o.p.Poll([]stack.PollFd{{Fd: o.fd, Events: stack.POLLIN}}, left); err != nil || n == 0 {
			return nil, err
		}
		n, _, err := o.p.Recvfrom(o.fd, b, stack.MSG_DONTWAIT)
		if err != nil {
			continue
		}
		d := new(layers.DHCPv4)
		if d.DecodeFromBytes(b[:n], gopacket.NilDecodeFeedback) != nil || d.Operation != layers.DHCPOpReply || d.Xid != o.xid ||
			d.ClientHWAddr.String() != o.mac.String() {
			continue
		}
		for _, w := range append(want, layers.DHCPMsgTypeNak) {
			if dhcpType(d) == w {
				return d, nil
			}
		}
	}
}

func dhcpOption(d *layers.DHCPv4, kind layers.DHCPOpt) []byte {
	for _, op := range d.Options {
		if op.Type == kind {
			return op.Data
		}
	}
	return nil
}

func dhcpType(d *layers.DHCPv4) layers.DHCPMsgType {
	if b := dhcpOption(d, layers.DHCPOptMessageType); len(b) == 1 {
		return layers.DHCPMsgType(b[0])
	}
	return layers.DHCPMsgTypeUnspecified
}

// selectOffer asks for what was offered; it reports whether that was granted.
func (o *udhcpc) selectOffer(offer *layers.DHCPv4) bool {
	server := dhcpOption(offer, layers.DHCPOptServerID)
	if len(server) != 4 || dhcpType(offer) != layers.DHCPMsgTypeOffer {
		return false
	}
	for range o.tries {
		o.say("sending select for %s", offer.YourClientIP)
		ack, err := o.ask(o.message(layers.DHCPMsgTypeRequest, layers.DHCPOptions{
			layers.NewDHCPOption(layers.DHCPOptRequestIP, offer.YourClientIP.To4()),
			layers.NewDHCPOption(layers.DHCPOptServerID, server)}), layers.DHCPMsgTypeAck)
		switch {
		case err != nil:
			return false
		case ack == nil:
			continue
		case dhcpType(ack) == layers.DHCPMsgTypeNak:
			o.say("received DHCP NAK")
			return false
		}
		return o.accept(ack)
	}
	return false
}

// accept reads what the server grants.
func (o *udhcpc) accept(ack *layers.DHCPv4) bool {
	addr, ok := netip.AddrFromSlice(ack.YourClientIP.To4())
	if !ok {
		return false
	}
	bits := classBits(addr)
	if m := dhcpOption(ack, layers.DHCPOptSubnetMask); len(m) == 4 {
		bits = maskBits(netip.AddrFrom4([4]byte(m)))
	}
	l := dhcpLease{addr: netip.PrefixFrom(addr, bits), length: time.Hour, got: o.p.Now(),
		routers: dhcpAddrs(dhcpOption(ack, layers.DHCPOptRouter)), dns: dhcpAddrs(dhcpOption(ack, layers.DHCPOptDNS)),
		domain: string(dhcpOption(ack, layers.DHCPOptDomainName))}
	if s := dhcpAddrs(dhcpOption(ack, layers.DHCPOptServerID)); len(s) > 0 {
		l.server = s[0]
	}
	if t := dhcpOption(ack, layers.DHCPOptLeaseTime); len(t) == 4 {
		l.length = time.Duration(binary.BigEndian.Uint32(t)) * time.Second
	}
	if bits < 0 || !l.server.IsValid() {
		return false
	}
	o.lease = l
	o.say("lease of %s obtained, lease time %d", addr, l.length/time.Second)
	return true
}

func dhcpAddrs(b []byte) (out []netip.Addr) {
	for ; len(b) >= 4; b = b[4:] {
		out = append(out, netip.AddrFrom4([4]byte(b)))
	}
	return out
}

// configure is what busybox's example script does with a lease.
func (o *udhcpc) configure() {
	l := &o.lease
	o.c.printf("Setting IP address %s on %s\n", l.addr.Addr(), o.iface)
	if err := o.p.IfConfig(o.iface, l.addr); err != nil {
		o.c.fail("%s: %v", o.iface, err)
		return
	}
	if len(l.routers) > 0 {
		o.c.printf("Deleting routers\n")
		all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		for o.p.DelRoute(stack.Route{Dst: all, Dev: o.iface}) == nil {
		}
		for i, r := range l.routers {
			o.c.printf("Adding router %s\n", r)
			if err := o.p.AddRoute(stack.Route{Dst: all, Gw: r, Dev: o.iface, Metric: i}); err != nil {
				o.c.fail("%s: %v", r, err)
			}
		}
	}
	o.resolvers()
}

// resolvers writes /etc/resolv.conf.
func (o *udhcpc) resolvers() {
	if len(o.lease.dns) == 0 {
		return
	}
	o.c.printf("Recreating %s\n", resolvConfFile)
	var text strings.Builder
	if o.lease.domain != "" {
		fmt.Fprintf(&text, "search %s\n", o.lease.domain)
	}
	for _, a := range o.lease.dns {
		o.c.printf(" Adding DNS server %s\n", a)
		fmt.Fprintf(&text, "nameserver %s\n", a)
	}
	h, err := o.c.S.fs.open(resolvConfFile, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		o.c.fail("%s: %s", resolvConfFile, reason(err))
		return
	}
	h.Write([]byte(text.String()))
	h.Close()
}

// keep renews the lease until a signal ends it.
func (o *udhcpc) keep() int {
	for {
		if err := o.open(); err != nil {
			return o.c.fail("%v", err)
		}
		renewed := o.renew()
		o.p.Close(o.fd)
		if renewed {
			continue
		}
		if st := o.obtain(); st != 0 {
			return st
		}
	}
}

// renew waits for half of the lease, then asks for more until it has gone; it
// reports whether it was given.
func (o *udhcpc) renew() bool {
	end := o.lease.got + o.lease.length
	o.p.Sleep(o.lease.got + o.lease.length/2 - o.p.Now())
	for o.p.Now() < end {
		o.say("sending renew to %s", o.lease.server)
		m := o.message(layers.DHCPMsgTypeRequest, nil)
		m.ClientIP, m.Flags = net.IP(o.lease.addr.Addr().AsSlice()), 0
		was := o.lease.addr
		ack, err := o.ask(m, layers.DHCPMsgTypeAck)
		switch {
		case err == nil && ack != nil && dhcpType(ack) == layers.DHCPMsgTypeNak:
			o.say("received DHCP NAK")
			return false
		case err == nil && ack != nil && o.accept(ack):
			if o.lease.addr != was {
				o.configure()
			}
			return true
		}
		o.p.Sleep(max((end-o.p.Now())/2, min(end-o.p.Now(), time.Minute)))
	}
	o.say("lease lost, entering init state")
	return false
}
