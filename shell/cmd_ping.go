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
)

var pingCommand = &Command{
	Name: "ping", Usage: "[-c N] [-i SECONDS] [-s SIZE] [-t TTL] [-W SECONDS] ADDRESS", Group: groupNetwork, Drives: true,
	Summary: text{"send ICMP echo requests, as iputils does", "发送 ICMP 回显请求(与 iputils 相同)"},
	Flags:   func(f *pflag.FlagSet) { pingFlags(f, new(pingOptions)) },
	Run:     runPing,
}

type pingOptions struct {
	count, size, ttl    int
	interval, wait      float64
	numeric, quiet      bool
	to                  netip.Addr
	sent, got, dup, bad int
	rtts                []time.Duration
	began, ended        time.Duration
}

func pingFlags(f *pflag.FlagSet, o *pingOptions) {
	f.IntVarP(&o.count, "count", "c", 0, "stop after this many")
	f.Float64VarP(&o.interval, "interval", "i", 1, "seconds between two")
	f.IntVarP(&o.size, "size", "s", 56, "data bytes")
	f.IntVarP(&o.ttl, "ttl", "t", 0, "time to live")
	f.Float64VarP(&o.wait, "timeout", "W", 10, "seconds to wait for the last answer")
	f.BoolVarP(&o.numeric, "numeric", "n", false, "no name resolution")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "the summary only")
}

const (
	icmpEchoReply    = 0
	icmpUnreachable  = 3
	icmpEcho         = 8
	icmpTimeExceeded = 11
	maxPing          = 65507
)

func runPing(c *Cmd) int {
	var o pingOptions
	args, st, ok := c.flags(func(f *pflag.FlagSet) { pingFlags(f, &o) })
	switch {
	case !ok:
		return st
	case len(args) == 0:
		return c.usage("%s", c.msg("need"))
	case len(args) > 1:
		return c.usage("%s", c.msg("extra", args[1]))
	case o.size < 0 || o.size > maxPing || o.count < 0 || o.ttl < 0 || o.ttl > 255 || !(o.interval >= 0) || !(o.wait >= 0):
		return c.usage("%s", c.msg("badNumber", c.Args))
	}
	to, err := netip.ParseAddr(args[0])
	if args[0] == "localhost" {
		to, err = labHost, nil
	}
	if err != nil || !to.Is4() {
		fmt.Fprintf(c.Err, "ping: %s: Name or service not known\n", args[0])
		return 2
	}
	o.to = to
	virtual := c.S.cfg.Clock == stack.ClockVirtual
	if o.count == 0 && virtual {
		o.count = 4
		fmt.Fprintln(c.Err, c.msg("pingFour"))
	}
	c.printf("PING %s (%s) %d(%d) bytes of data.\n", args[0], to, o.size, o.size+28)
	code := c.run(true, func(p *stack.Proc) int { return ping(p, c, &o) })
	if o.sent == 0 {
		return code
	}
	c.printf("\n--- %s ping statistics ---\n", args[0])
	c.printf("%d packets transmitted, %d received", o.sent, o.got)
	if o.dup > 0 {
		c.printf(", +%d duplicates", o.dup)
	}
	if o.bad > 0 {
		c.printf(", +%d errors", o.bad)
	}
	c.printf(", %d%% packet loss, time %dms\n", (o.sent-o.got)*100/o.sent, (o.ended-o.began)/time.Millisecond)
	if o.got > 0 {
		c.printf("%s\n", rttLine(o.rtts))
	} else {
		c.printf("\n")
	}
	if o.got == 0 {
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

// ping is the program: a raw socket, a request each interval, answers between.
func ping(p *stack.Proc, c *Cmd, o *pingOptions) int {
	fd, err := p.Socket(stack.AF_INET, stack.SOCK_RAW, stack.IPPROTO_ICMP)
	if err != nil {
		return c.fail("socket: %v", err)
	}
	if o.ttl > 0 {
		if err := p.SetsockoptInt(fd, stack.IPPROTO_IP, stack.IP_TTL, o.ttl); err != nil {
			return c.fail("setsockopt: %v", err)
		}
	}
	to := netip.AddrPortFrom(o.to, 0)
	sentAt := make(map[uint16]time.Duration)
	buf := make([]byte, 65536)
	interval := time.Duration(o.interval * float64(time.Second))
	o.began = p.Now()
	for seq := 1; o.count == 0 || seq <= o.count; seq++ {
		_, err := p.Sendto(fd, echoRequest(uint16(p.Pid()), uint16(seq), o.size), 0, to)
		sentAt[uint16(seq)] = p.Now()
		o.ended = p.Now()
		switch {
		case err != nil && o.sent == 0 && (errors.Is(err, stack.ENETUNREACH) || errors.Is(err, stack.EINVAL)):
			fmt.Fprintf(c.Err, "connect: %v\n", err)
			return 2
		case err != nil:
			fmt.Fprintf(c.Err, "ping: sendmsg: %v\n", err)
		}
		o.sent++
		wait := interval
		if seq == o.count {
			wait = time.Duration(o.wait * float64(time.Second))
		}
		deadline := p.Now() + wait
		for {
			if seq == o.count && o.got+o.bad >= o.sent {
				break
			}
			left := deadline - p.Now()
			if left <= 0 {
				break
			}
			n, err := p.Poll([]stack.PollFd{{Fd: fd, Events: stack.POLLIN}}, left)
			if err != nil || n == 0 {
				break
			}
			if n, from, err := p.Recvfrom(fd, buf, stack.MSG_DONTWAIT); err == nil {
				pingAnswer(p, c, o, buf[:n], from.Addr(), sentAt)
			}
		}
	}
	p.Close(fd)
	return 0
}

func echoRequest(id, seq uint16, size int) []byte {
	b := make([]byte, 8+size)
	b[0] = icmpEcho
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], seq)
	for i := range size {
		b[8+i] = byte(i)
	}
	binary.BigEndian.PutUint16(b[2:], inetChecksum(b))
	return b
}

func inetChecksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

var unreachable = []string{"Destination Net Unreachable", "Destination Host Unreachable", "Destination Protocol Unreachable",
	"Destination Port Unreachable", "Frag needed and DF set", "Source Route Failed"}

// pingAnswer handles one packet: a raw socket sees all that is ICMP.
func pingAnswer(p *stack.Proc, c *Cmd, o *pingOptions, pkt []byte, from netip.Addr, sentAt map[uint16]time.Duration) {
	if len(pkt) < 20 {
		return
	}
	ttl, ihl := pkt[8], int(pkt[0]&15)*4
	if len(pkt) < ihl+8 {
		return
	}
	icmp := pkt[ihl:]
	id := uint16(p.Pid())
	switch icmp[0] {
	case icmpEchoReply:
		seq := binary.BigEndian.Uint16(icmp[6:])
		at, ours := sentAt[seq]
		if binary.BigEndian.Uint16(icmp[4:]) != id || !ours {
			return
		}
		rtt, dup := p.Now()-at, ""
		if at < 0 {
			o.dup++
			dup = " (DUP!)"
		} else {
			o.got++
			o.rtts = append(o.rtts, rtt)
			sentAt[seq] = -1
		}
		if !o.quiet {
			c.printf("%d bytes from %s: icmp_seq=%d ttl=%d time=%.3f ms%s\n", len(icmp), from, seq, ttl, float64(rtt)/1e6, dup)
		}
	case icmpUnreachable, icmpTimeExceeded:
		inner := icmp[8:]
		if len(inner) < 20 || len(inner) < int(inner[0]&15)*4+8 {
			return
		}
		echo := inner[int(inner[0]&15)*4:]
		if echo[0] != icmpEcho || binary.BigEndian.Uint16(echo[4:]) != id {
			return
		}
		what := "Time to live exceeded"
		if icmp[0] == icmpUnreachable {
			what = "Destination Unreachable"
			if int(icmp[1]) < len(unreachable) {
				what = unreachable[icmp[1]]
			}
		}
		o.bad++
		if !o.quiet {
			c.printf("From %s icmp_seq=%d %s\n", from, binary.BigEndian.Uint16(echo[6:]), what)
		}
	}
}
