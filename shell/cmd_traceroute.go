package shell

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
	"menuos/stack/wire"
)

var tracerouteCommand = &Command{
	Name:    "traceroute",
	Usage:   "[-nIUTF] [-f FIRST] [-m MAX] [-q N] [-N N] [-w SECONDS] [-p PORT] ADDRESS [LENGTH]",
	Summary: text{"print the routers on the way to an address", "打印通往某地址沿途的路由器"},
	Help: text{`Sends probes whose time to live grows from 1, as traceroute for Linux does: UDP to port 33434 and up, with -I echo
requests, with -U UDP to one port (53), with -T TCP SYNs (port 80). A router at which a probe dies answers with an ICMP error; * is no answer.`,
		`发送 TTL 从 1 递增的探测包(与 Linux 的 traceroute 相同):默认 UDP 端口 33434 起;-I 回显请求;-U 固定 UDP 端口(53);
-T TCP SYN(端口 80)。探测包到期处的路由器回以 ICMP 错误;* 表示没有应答。`},
	Group: groupNetwork, Drives: true,
	Flags: func(f *pflag.FlagSet) { tracerouteFlags(f, new(traceroute)) },
	Run:   runTraceroute,
}

// traceroute is one run.
type traceroute struct {
	first, last, queries, ahead int
	wait                        float64
	port, length                int
	numeric, icmp, udp, tcp, df bool

	c        *Cmd
	p        *stack.Proc
	name     string
	to, from netip.Addr
	raw, tfd int // raw sockets for ICMP, and for TCP with -T
	probes   []routeProbe
	end      int // probes up to the last hop that matters
	shown    int // probes printed
}

type routeProbe struct {
	sent, got time.Duration // got 0: no answer
	from      netip.Addr
	mark      string // !H …
	fd        int    // UDP socket, -1 for none
	port      uint16 // source port
	active    bool
	done      bool
	final     bool
}

func tracerouteFlags(f *pflag.FlagSet, o *traceroute) {
	f.IntVarP(&o.first, "first", "f", 1, "first time to live")
	f.IntVarP(&o.last, "max-hops", "m", 30, "last time to live")
	f.IntVarP(&o.queries, "queries", "q", 3, "probes a hop")
	f.IntVarP(&o.ahead, "sim-queries", "N", 16, "probes under way at a time")
	f.Float64VarP(&o.wait, "wait", "w", 5, "seconds to wait for an answer")
	f.IntVarP(&o.port, "port", "p", 0, "port, or first port; with -I the first number")
	f.BoolVarP(&o.numeric, "numeric", "n", false, "addresses only")
	f.BoolVarP(&o.icmp, "icmp", "I", false, "ICMP echo requests")
	f.BoolVarP(&o.udp, "udp", "U", false, "UDP to one port")
	f.BoolVarP(&o.tcp, "tcp", "T", false, "TCP SYNs")
	f.BoolVarP(&o.df, "dont-fragment", "F", false, "do not fragment probes")
}

const (
	maxHops     = 255
	maxQueries  = 10
	tracePort   = 33434
	traceLength = 60
)

func runTraceroute(c *Cmd) int {
	o := &traceroute{c: c, length: traceLength}
	args, st, ok := c.flags(func(f *pflag.FlagSet) { tracerouteFlags(f, o) })
	switch {
	case !ok:
		return st
	case len(args) == 0:
		return c.usage("%s", c.msg("need"))
	case len(args) > 2:
		return c.usage("%s", c.msg("extra", args[2]))
	case o.first < 1 || o.first > o.last:
		return c.fail("first hop out of range")
	case o.last > maxHops:
		return c.fail("max hops cannot be more than %d", maxHops)
	case o.queries < 1 || o.queries > maxQueries:
		return c.fail("no more than %d probes per hop", maxQueries)
	case !(o.wait >= 0) || o.ahead < 1 || o.port < 0 || o.port > 65535:
		return c.usage("%s", c.msg("badNumber", c.Args))
	}
	if len(args) == 2 {
		if _, err := fmt.Sscanf(args[1], "%d", &o.length); err != nil || o.length > 65000 {
			return c.fail("too big packetlen %s specified", args[1])
		}
	}
	o.length = max(o.length, 28)
	if o.tcp {
		o.length = max(o.length, 40)
	}
	o.name = args[0]
	var err error
	if o.to, err = c.resolve(args[0]); err != nil {
		fmt.Fprintf(c.Err, "%s: %v\nCannot handle \"host\" cmdline arg `%s' on position 1 (argc %d)\n", args[0], err, args[0], len(c.Args))
		return 2
	}
	if o.port == 0 {
		o.port = map[bool]int{true: 53, false: tracePort}[o.udp]
		if o.tcp {
			o.port = 80
		}
		if o.icmp {
			o.port = 1
		}
	}
	return c.run(true, o.program)
}

// program is the program.
func (o *traceroute) program(p *stack.Proc) int {
	o.p, o.tfd = p, -1
	probe, err := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
	if err == nil { // which address the probes come from
		if err = p.Connect(probe, netip.AddrPortFrom(o.to, 9)); err != nil {
			fmt.Fprintf(o.c.Err, "connect: %v\n", err)
			return 1
		}
		var self netip.AddrPort
		self, err = p.Getsockname(probe)
		o.from = self.Addr()
		p.Close(probe)
	}
	if err == nil {
		o.raw, err = p.Socket(stack.AF_INET, stack.SOCK_RAW, stack.IPPROTO_ICMP)
	}
	if err == nil && o.tcp {
		o.tfd, err = p.Socket(stack.AF_INET, stack.SOCK_RAW, stack.IPPROTO_TCP)
	}
	if err != nil {
		return o.c.fail("socket: %v", err)
	}
	o.c.printf("traceroute to %s (%s), %d hops max, %d byte packets", o.name, o.to, o.last, o.length)
	o.probes = make([]routeProbe, (o.last-o.first+1)*o.queries)
	o.end = len(o.probes)
	st := o.loop()
	o.c.printf("\n")
	return st
}

// loop sends, waits and prints until all is told.
func (o *traceroute) loop() int {
	next, active := 0, 0
	wait := time.Duration(o.wait * float64(time.Second))
	for o.shown < o.end {
		for ; next < o.end && active < o.ahead; next++ {
			if err := o.send(next); err != nil {
				o.c.printf("\n")
				fmt.Fprintf(o.c.Err, "send: %v\n", err)
				return 1
			}
			active++
		}
		deadline := time.Duration(1<<63 - 1)
		for i := range next {
			if pr := &o.probes[i]; pr.active {
				deadline = min(deadline, pr.sent+wait)
			}
		}
		if left := deadline - o.p.Now(); active > 0 && left > 0 {
			o.receive(next, left)
		}
		active = 0
		for i := range next {
			pr := &o.probes[i]
			if pr.active && (pr.got > 0 || pr.sent+wait <= o.p.Now()) {
				o.finish(i)
			}
			if pr.active {
				active++
			}
		}
		for ; o.shown < o.end && o.probes[o.shown].done; o.shown++ {
			o.show(o.shown)
		}
	}
	return 0
}

// finish ends the wait for a probe. A final answer makes its hop the last.
func (o *traceroute) finish(i int) {
	pr := &o.probes[i]
	pr.active, pr.done = false, true
	if pr.fd >= 0 {
		o.p.Close(pr.fd)
		pr.fd = -1
	}
	if pr.final {
		o.end = min(o.end, (i/o.queries+1)*o.queries)
	}
}

// show prints one probe as traceroute does.
func (o *traceroute) show(i int) {
	pr := &o.probes[i]
	if i%o.queries == 0 {
		o.c.printf("\n%2d ", i/o.queries+o.first)
	}
	if pr.got == 0 {
		o.c.printf(" *")
		return
	}
	told := false // the address stands there already
	for k := i - 1; k >= i-i%o.queries; k-- {
		if o.probes[k].got > 0 {
			told = o.probes[k].from == pr.from
			break
		}
	}
	switch {
	case told:
	case o.numeric:
		o.c.printf(" %s", pr.from)
	default:
		o.c.printf(" %s (%s)", o.c.S.nameOf(pr.from), pr.from)
	}
	o.c.printf("  %.3f ms", float64(pr.got-pr.sent)/1e6)
	if pr.mark != "" {
		o.c.printf(" %s", pr.mark)
	}
}

// send sends probe i.
func (o *traceroute) send(i int) error {
	pr := &o.probes[i]
	p, ttl := o.p, i/o.queries+o.first
	*pr = routeProbe{fd: -1, active: true}
	fd, to := o.raw, netip.AddrPortFrom(o.to, 0)
	payload := make([]byte, o.length-wire.IPv4MinLen)
	switch {
	case o.icmp:
		payload = echoRequest(uint16(p.Pid()), uint16(o.port+i), len(payload)-wire.ICMPv4Len)
	case o.tcp:
		fd, pr.port = o.tfd, uint16(32768+(p.Pid()*61+i)%28000)
		payload = o.syn(pr.port, payload)
	default:
		var err error
		if fd, err = p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0); err != nil {
			return err
		}
		pr.fd = fd
		if err := p.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 0)); err != nil {
			return err
		}
		at, err := p.Getsockname(fd)
		if err != nil {
			return err
		}
		pr.port = at.Port()
		payload = payload[wire.UDPLen:]
		for k := range payload {
			payload[k] = 0x40 + byte(k&0x3f)
		}
		to = netip.AddrPortFrom(o.to, o.dport(i))
	}
	if err := p.SetsockoptInt(fd, stack.IPPROTO_IP, stack.IP_TTL, ttl); err != nil {
		return err
	}
	if o.df {
		if err := p.SetsockoptInt(fd, stack.IPPROTO_IP, stack.IP_MTU_DISCOVER, ipPmtudiscDo); err != nil {
			return err
		}
	}
	pr.sent = p.Now()
	_, err := p.Sendto(fd, payload, 0, to)
	return err
}

// dport is the port that probe i goes to.
func (o *traceroute) dport(i int) uint16 {
	if o.udp || o.tcp {
		return uint16(o.port)
	}
	return uint16(o.port + i)
}

// syn is a TCP SYN.
func (o *traceroute) syn(sport uint16, b []byte) []byte {
	th := wire.TCP(b)
	th.SetSrcPort(sport)
	th.SetDstPort(uint16(o.port))
	th.SetSeq(uint32(sport) << 16)
	th.SetWindow(5840)
	th.SetDataOffFlags(wire.TCPMinLen, wire.SYN)
	src, _ := wire.AddrFrom(o.from)
	dst, _ := wire.AddrFrom(o.to)
	th.UpdateChecksum(src, dst)
	return b
}

// receive waits for answers to the first n probes.
func (o *traceroute) receive(n int, left time.Duration) {
	fds := []stack.PollFd{{Fd: o.raw, Events: stack.POLLIN}}
	if o.tfd >= 0 {
		fds = append(fds, stack.PollFd{Fd: o.tfd, Events: stack.POLLIN})
	}
	for i := range n {
		if fd := o.probes[i].fd; fd >= 0 {
			fds = append(fds, stack.PollFd{Fd: fd, Events: stack.POLLIN})
		}
	}
	if got, err := o.p.Poll(fds, left); err != nil || got == 0 {
		return
	}
	buf := make([]byte, 65536)
	for _, f := range fds {
		for f.Revents&stack.POLLIN != 0 {
			k, from, err := o.p.Recvfrom(f.Fd, buf, stack.MSG_DONTWAIT)
			if err != nil {
				break
			}
			switch f.Fd {
			case o.raw:
				o.icmpAnswer(buf[:k], from.Addr())
			case o.tfd:
				o.tcpAnswer(buf[:k], from.Addr())
			default:
				o.answer(func(_ int, pr *routeProbe) bool { return pr.fd == f.Fd }, from.Addr(), "", true)
			}
		}
	}
}

// answer notes the answer to the probe that is meant.
func (o *traceroute) answer(is func(i int, pr *routeProbe) bool, from netip.Addr, mark string, final bool) {
	for i := range o.probes {
		if pr := &o.probes[i]; pr.active && pr.got == 0 && is(i, pr) {
			pr.got, pr.from, pr.mark, pr.final = o.p.Now(), from, mark, final
			return
		}
	}
}

// icmpAnswer handles what the raw socket hears: all ICMP.
func (o *traceroute) icmpAnswer(pkt []byte, from netip.Addr) {
	ip := wire.IPv4(pkt)
	if !ip.Valid() || len(ip.Payload()) < wire.ICMPv4Len {
		return
	}
	m := wire.ICMPv4(ip.Payload())
	id := uint16(o.p.Pid())
	if o.icmp && m.Type() == icmpEchoReply && m.ID() == id {
		o.answer(func(i int, _ *routeProbe) bool { return uint16(o.port+i) == m.Seq() }, from, "", true)
		return
	}
	inner := wire.IPv4(m.Payload())
	if m.Type() != icmpUnreachable && m.Type() != icmpTimeExceeded || len(inner) < wire.IPv4MinLen ||
		inner.IHL() < wire.IPv4MinLen || len(inner) < inner.IHL()+8 || inner.Dst().Netip() != o.to {
		return
	}
	mark := ""
	if m.Type() == icmpUnreachable {
		mark = unreachableMark(m)
	}
	head := inner[inner.IHL():]
	sport, dport := binary.BigEndian.Uint16(head), binary.BigEndian.Uint16(head[2:])
	o.answer(func(i int, pr *routeProbe) bool {
		switch inner.Protocol() {
		case wire.ProtoICMP:
			echo := wire.ICMPv4(head)
			return o.icmp && echo.ID() == id && echo.Seq() == uint16(o.port+i)
		case wire.ProtoTCP:
			return o.tcp && pr.port == sport
		}
		return pr.fd >= 0 && pr.port == sport && o.dport(i) == dport
	}, from, mark, m.Type() == icmpUnreachable)
}

func unreachableMark(m wire.ICMPv4) string {
	switch m.Code() {
	case 0:
		return "!N"
	case 1:
		return "!H"
	case 2:
		return "!P"
	case 3:
		return ""
	case 4:
		return fmt.Sprintf("!F-%d", m.MTU())
	case 5:
		return "!S"
	case 9, 10, 13:
		return "!X"
	case 14:
		return "!V"
	case 15:
		return "!C"
	}
	return fmt.Sprintf("!<%d>", m.Code())
}

// tcpAnswer handles what the raw socket hears of TCP: SYN-ACK or reset, both end
// the way.
func (o *traceroute) tcpAnswer(pkt []byte, from netip.Addr) {
	ip := wire.IPv4(pkt)
	if !ip.Valid() || len(ip.Payload()) < wire.TCPMinLen || from != o.to {
		return
	}
	th := wire.TCP(ip.Payload())
	if th.SrcPort() != uint16(o.port) || th.Flags()&(wire.RST|wire.ACK) == 0 {
		return
	}
	o.answer(func(_ int, pr *routeProbe) bool { return pr.port == th.DstPort() }, from, "", true)
}
