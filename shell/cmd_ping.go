package shell

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
	"menuos/stack/wire"
)

var pingCommand = &Command{
	Name:    "ping",
	Usage:   "[-bfnqD] [-c N] [-i SECONDS] [-s SIZE] [-t TTL] [-Q TOS] [-M do|want|dont] [-I IF|ADDRESS] [-W SECONDS] [-w SECONDS] ADDRESS",
	Summary: text{"send ICMP echo requests, as iputils does", "发送 ICMP 回显请求(与 iputils 相同)"},
	Group:   groupNetwork, Drives: true,
	Flags: func(f *pflag.FlagSet) { pingFlags(f, new(pingOptions)) },
	Run:   runPing,
}

type pingOptions struct {
	count, size, ttl, tos       int
	interval, wait, deadline    float64
	numeric, quiet, flood, ipv4 bool
	broadcast, stamps           bool
	discover, from              string
	name                        string
	to                          netip.Addr
	self                        netip.Addr // source, for the header of -I
	sent, got, dup, bad         int
	rtts                        []time.Duration
	ewma                        time.Duration // eight times the smoothed round trip
	began, ended                time.Duration
	fd                          int
	sentAt                      map[uint16]time.Duration // answered: -1
	p                           *stack.Proc
	c                           *Cmd
	floodDots                   int
}

func pingFlags(f *pflag.FlagSet, o *pingOptions) {
	f.IntVarP(&o.count, "count", "c", 0, "stop after this many")
	f.Float64VarP(&o.interval, "interval", "i", 1, "seconds between two")
	f.IntVarP(&o.size, "size", "s", 56, "data bytes")
	f.IntVarP(&o.ttl, "ttl", "t", 0, "time to live")
	f.IntVarP(&o.tos, "tos", "Q", 0, "type of service")
	f.StringVarP(&o.discover, "pmtudisc", "M", "", "path MTU discovery: do (DF, no larger than the path takes), want (DF, else fragments), dont")
	f.StringVarP(&o.from, "interface", "I", "", "interface, or source address")
	f.Float64VarP(&o.wait, "timeout", "W", 10, "seconds to wait for the last answer")
	f.Float64VarP(&o.deadline, "deadline", "w", 0, "seconds after which to end, whatever has come")
	f.BoolVarP(&o.flood, "flood", "f", false, "flood: a dot for each request, one less for each answer")
	f.BoolVarP(&o.broadcast, "broadcast", "b", false, "the address may be a broadcast address")
	f.BoolVarP(&o.stamps, "timestamps", "D", false, "print the time before each line")
	f.BoolVarP(&o.numeric, "numeric", "n", false, "no name resolution")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "the summary only")
	f.BoolVarP(&o.ipv4, "ipv4", "4", false, "IPv4 (there is no other)")
}

const (
	icmpEchoReply    = 0
	icmpUnreachable  = 3
	icmpEcho         = 8
	icmpTimeExceeded = 11
	maxPing          = 65507
	timedPing        = 16 // data bytes from which on a request carries its time

	ipPmtudiscDont = 0 // include/uapi/linux/in.h
	ipPmtudiscWant = 1
	ipPmtudiscDo   = 2
	ipMTU          = 14
	soBindToDevice = 25 // include/uapi/asm-generic/socket.h
)

var pmtudiscs = map[string]int{"dont": ipPmtudiscDont, "want": ipPmtudiscWant, "do": ipPmtudiscDo}

func runPing(c *Cmd) int {
	o := pingOptions{c: c, sentAt: make(map[uint16]time.Duration)}
	args, st, ok := c.flags(func(f *pflag.FlagSet) { pingFlags(f, &o) })
	_, known := pmtudiscs[o.discover]
	switch {
	case !ok:
		return st
	case len(args) == 0:
		return c.usage("%s", c.msg("need"))
	case len(args) > 1:
		return c.usage("%s", c.msg("extra", args[1]))
	case o.size < 0 || o.size > maxPing || o.count < 0 || o.ttl < 0 || o.ttl > 255 || o.tos < 0 || o.tos > 255 ||
		!(o.interval >= 0) || !(o.wait >= 0) || !(o.deadline >= 0):
		return c.usage("%s", c.msg("badNumber", c.Args))
	case o.discover != "" && !known:
		return c.usage("invalid -M argument: %s", o.discover)
	}
	to, err := c.resolve(args[0])
	if err != nil {
		fmt.Fprintf(c.Err, "ping: %s: %v\n", args[0], err)
		return 2
	}
	o.name, o.to = args[0], to
	if o.count == 0 && o.deadline == 0 && c.S.cfg.Clock == stack.ClockVirtual {
		o.count = 4
		fmt.Fprintln(c.Err, c.msg("pingFour"))
	}
	code := c.run(true, o.program)
	if o.sent == 0 {
		return code
	}
	return o.statistics()
}

// program is the program: a raw socket, a request each interval, answers between.
func (o *pingOptions) program(p *stack.Proc) int {
	o.p = p
	if st := o.open(); st != 0 {
		return st
	}
	o.c.printf("PING %s (%s) ", o.name, o.to)
	if o.from != "" {
		o.c.printf("from %s %s: ", o.self, o.from)
	}
	o.c.printf("%d(%d) bytes of data.\n", o.size, o.size+wire.IPv4MinLen+wire.ICMPv4Len)
	interval := time.Duration(o.interval * float64(time.Second))
	o.began = p.Now()
	stop := time.Duration(math.MaxInt64)
	if o.deadline > 0 {
		stop = o.began + time.Duration(o.deadline*float64(time.Second))
	}
	for seq := 1; !o.over(seq, stop); seq++ {
		if st := o.request(uint16(seq)); st != 0 {
			return st
		}
		last := seq == o.count
		until := p.Now() + interval
		switch {
		case last && o.deadline == 0:
			until = p.Now() + time.Duration(o.wait*float64(time.Second))
		case last:
			until = stop
		case o.flood:
			until = p.Now() + 10*time.Millisecond
		}
		o.answers(min(until, stop), last)
	}
	p.Close(o.fd)
	return 0
}

// over reports whether enough has been sent.
func (o *pingOptions) over(seq int, stop time.Duration) bool {
	return o.count > 0 && seq > o.count || o.p.Now() >= stop
}

// open makes the socket; it prints what went wrong and gives the exit status.
func (o *pingOptions) open() int {
	p, c := o.p, o.c
	probe, err := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0) // to learn the source address
	if err == nil {
		o.fd, err = p.Socket(stack.AF_INET, stack.SOCK_RAW, stack.IPPROTO_ICMP)
	}
	if err != nil {
		return c.fail("socket: %v", err)
	}
	defer p.Close(probe)
	if src, err := netip.ParseAddr(o.from); err == nil {
		for _, fd := range []int{probe, o.fd} {
			if err := p.Bind(fd, netip.AddrPortFrom(src, 0)); err != nil {
				fmt.Fprintf(c.Err, "ping: bind: %v\n", err)
				return 2
			}
		}
	} else if o.from != "" {
		for _, fd := range []int{probe, o.fd} {
			if p.Setsockopt(fd, stack.SOL_SOCKET, soBindToDevice, append([]byte(o.from), 0)) != nil {
				fmt.Fprintf(c.Err, "ping: unknown iface: %s\n", o.from)
				return 2
			}
		}
	}
	if o.broadcast {
		fmt.Fprintln(c.Err, "WARNING: pinging broadcast address")
		p.SetsockoptInt(probe, stack.SOL_SOCKET, stack.SO_BROADCAST, 1)
		p.SetsockoptInt(o.fd, stack.SOL_SOCKET, stack.SO_BROADCAST, 1)
	}
	switch err := p.Connect(probe, netip.AddrPortFrom(o.to, 1025)); {
	case errors.Is(err, stack.EACCES):
		fmt.Fprintln(c.Err, "ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules")
		return 2
	case err != nil:
		fmt.Fprintf(c.Err, "ping: connect: %v\n", err)
		return 2
	}
	self, _ := p.Getsockname(probe)
	o.self = self.Addr()
	for _, opt := range []struct {
		on         bool
		name, what int
	}{{o.ttl > 0, stack.IP_TTL, o.ttl}, {o.tos > 0, stack.IP_TOS, o.tos}, {o.discover != "", stack.IP_MTU_DISCOVER, pmtudiscs[o.discover]}} {
		if opt.on {
			if err := p.SetsockoptInt(o.fd, stack.IPPROTO_IP, opt.name, opt.what); err != nil {
				return c.fail("setsockopt: %v", err)
			}
		}
	}
	return 0
}

// request sends one.
func (o *pingOptions) request(seq uint16) int {
	p := o.p
	_, err := p.Sendto(o.fd, echoRequest(uint16(p.Pid()), seq, o.size), 0, netip.AddrPortFrom(o.to, 0))
	o.sentAt[seq] = p.Now()
	o.ended = p.Now()
	switch {
	case err != nil && o.sent == 0 && (errors.Is(err, stack.ENETUNREACH) || errors.Is(err, stack.EINVAL)):
		fmt.Fprintf(o.c.Err, "connect: %v\n", err)
		return 2
	case errors.Is(err, stack.EMSGSIZE):
		o.bad++
		fmt.Fprintf(o.c.Err, "ping: local error: Message too long, mtu=%d\n", o.pathMTU())
	case err != nil:
		fmt.Fprintf(o.c.Err, "ping: sendmsg: %v\n", err)
	}
	o.sent++
	if o.flood && err == nil {
		o.floodDots++
		o.c.printf(".")
	}
	return 0
}

// pathMTU is what the machine knows of the way, 0 if nothing.
func (o *pingOptions) pathMTU() int {
	fd, err := o.p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
	if err != nil {
		return 0
	}
	defer o.p.Close(fd)
	o.p.Connect(fd, netip.AddrPortFrom(o.to, 1025))
	mtu, _ := o.p.GetsockoptInt(fd, stack.IPPROTO_IP, ipMTU)
	return mtu
}

// answers handles what comes until the time, or, when the last request is out,
// until all is answered; a flood goes on with each answer.
func (o *pingOptions) answers(until time.Duration, last bool) {
	p := o.p
	buf := make([]byte, 65536)
	for {
		left := until - p.Now()
		if left <= 0 || last && o.got+o.bad >= o.sent {
			return
		}
		if n, err := p.Poll([]stack.PollFd{{Fd: o.fd, Events: stack.POLLIN}}, left); err != nil || n == 0 {
			return
		}
		n, from, err := p.Recvfrom(o.fd, buf, stack.MSG_DONTWAIT)
		if err != nil {
			continue
		}
		if o.answer(buf[:n], from.Addr()) && o.flood && !last {
			return
		}
	}
}

func echoRequest(id, seq uint16, size int) []byte {
	b := make([]byte, wire.ICMPv4Len+size)
	b[0] = icmpEcho
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], seq)
	for i := range size {
		b[wire.ICMPv4Len+i] = byte(i)
	}
	wire.ICMPv4(b).UpdateChecksum()
	return b
}

var unreachable = []string{"Destination Net Unreachable", "Destination Host Unreachable", "Destination Protocol Unreachable",
	"Destination Port Unreachable", "Frag needed and DF set", "Source Route Failed", "Destination Net Unknown",
	"Destination Host Unknown", "Source Host Isolated", "Destination Net Prohibited", "Destination Host Prohibited",
	"Destination Net Unreachable for Type of Service", "Destination Host Unreachable for Type of Service", "Packet filtered",
	"Precedence Violation", "Precedence Cutoff"}

// answer handles one packet: a raw socket sees all that is ICMP. It reports
// whether it is the answer to a request of ours.
func (o *pingOptions) answer(pkt []byte, from netip.Addr) bool {
	ip := wire.IPv4(pkt)
	if !ip.Valid() || len(ip.Payload()) < wire.ICMPv4Len {
		return false
	}
	m := wire.ICMPv4(ip.Payload())
	id := uint16(o.p.Pid())
	switch m.Type() {
	case icmpEchoReply:
		at, ours := o.sentAt[m.Seq()]
		if m.ID() != id || !ours {
			return false
		}
		o.reply(m, ip.TTL(), from, at)
		return true
	case icmpUnreachable, icmpTimeExceeded:
		inner := wire.IPv4(m.Payload())
		if len(inner) < wire.IPv4MinLen || len(inner) < inner.IHL()+wire.ICMPv4Len || inner.Protocol() != wire.ProtoICMP {
			return false
		}
		echo := wire.ICMPv4(inner[inner.IHL():])
		if echo.Type() != icmpEcho || echo.ID() != id {
			return false
		}
		o.failure(m, echo.Seq(), from)
		return true
	}
	return false
}

// reply handles an echo reply to the request that was sent at a time, -1 if it
// has been answered.
func (o *pingOptions) reply(m wire.ICMPv4, ttl uint8, from netip.Addr, at time.Duration) {
	dup := ""
	rtt := o.p.Now() - at
	if at < 0 {
		o.dup++
		dup, rtt = " (DUP!)", 0
	} else {
		o.got++
		o.rtts = append(o.rtts, rtt)
		if o.ewma == 0 {
			o.ewma = rtt * 8
		} else {
			o.ewma += rtt - o.ewma/8
		}
		o.sentAt[m.Seq()] = -1
	}
	switch {
	case o.flood:
		if o.floodDots > 0 {
			o.floodDots--
			o.c.printf("\b \b")
		}
	case !o.quiet:
		o.stamp()
		o.c.printf("%d bytes from %s: icmp_seq=%d ttl=%d", len(m), from, m.Seq(), ttl)
		if o.size >= timedPing {
			o.c.printf(" time=%s ms", pingTime(rtt))
		}
		o.c.printf("%s\n", dup)
	}
}

func (o *pingOptions) stamp() {
	if o.stamps {
		at := epoch.Add(o.p.Now())
		o.c.printf("[%d.%06d] ", at.Unix(), at.Nanosecond()/1000)
	}
}

// pingTime is a round trip in milliseconds: the more there are, the fewer
// digits behind the point.
func pingTime(d time.Duration) string {
	us := int64(d / time.Microsecond)
	switch {
	case us >= 100000-50:
		return fmt.Sprint((us + 500) / 1000)
	case us >= 10000-5:
		return fmt.Sprintf("%d.%01d", (us+50)/1000, (us+50)%1000/100)
	case us >= 1000:
		return fmt.Sprintf("%d.%02d", (us+5)/1000, (us+5)%1000/10)
	}
	return fmt.Sprintf("%d.%03d", us/1000, us%1000)
}

// failure handles an ICMP error about a request of ours.
func (o *pingOptions) failure(m wire.ICMPv4, seq uint16, from netip.Addr) {
	what := "Time to live exceeded"
	switch {
	case m.Type() == icmpTimeExceeded && m.Code() == 1:
		what = "Frag reassembly time exceeded"
	case m.Type() == icmpTimeExceeded:
	case m.Code() == 4:
		what = fmt.Sprintf("Frag needed and DF set (mtu = %d)", m.MTU())
	case int(m.Code()) < len(unreachable):
		what = unreachable[m.Code()]
	default:
		what = fmt.Sprintf("Dest Unreachable, Bad Code: %d", m.Code())
	}
	o.bad++
	switch {
	case o.quiet:
	case o.flood:
		o.c.printf("\bE")
	default:
		o.stamp()
		o.c.printf("From %s icmp_seq=%d %s\n", from, seq, what)
	}
}

// statistics prints the summary and gives the exit status.
func (o *pingOptions) statistics() int {
	c := o.c
	c.printf("\n--- %s ping statistics ---\n", o.name)
	c.printf("%d packets transmitted, %d received", o.sent, o.got)
	if o.dup > 0 {
		c.printf(", +%d duplicates", o.dup)
	}
	if o.bad > 0 {
		c.printf(", +%d errors", o.bad)
	}
	spent := o.ended - o.began
	c.printf(", %g%% packet loss, time %dms\n", float64(o.sent-o.got)*100/float64(o.sent), spent/time.Millisecond)
	if len(o.rtts) > 0 && o.size >= timedPing {
		c.printf("%s", rttLine(o.rtts))
		if o.sent > 1 && (o.flood || o.interval == 0) {
			c.printf(", ipg/ewma %.3f/%.3f ms", float64(spent)/float64(o.sent-1)/1e6, float64(o.ewma)/8e6)
		}
	}
	c.printf("\n")
	if o.got == 0 || o.deadline > 0 && o.got < o.count {
		return 1
	}
	return 0
}

func rttLine(rtts []time.Duration) string {
	lo, hi, sum, sq := rtts[0], rtts[0], 0.0, 0.0
	for _, d := range rtts {
		lo, hi = min(lo, d), max(hi, d)
		ms := float64(d) / 1e6
		sum += ms
		sq += ms * ms
	}
	n := float64(len(rtts))
	mdev := math.Sqrt(max(0, sq/n-sum/n*sum/n))
	return fmt.Sprintf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms", float64(lo)/1e6, sum/n, float64(hi)/1e6, mdev)
}

// nameOf is what /etc/hosts calls an address, or the address.
func (s *Session) nameOf(a netip.Addr) string {
	for _, f := range s.etcFields("hosts") {
		if at, err := netip.ParseAddr(f[0]); err == nil && at == a && len(f) > 1 {
			return f[1]
		}
	}
	return a.String()
}
