package shell

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/pflag"

	"menuos/stack"
)

// defaultZone is /etc/dnsd.zone at boot.
const defaultZone = `; What dnsd answers: a master file (RFC 1035). 192.0.2.0/24 and 2001:db8::/32
; are for documentation (RFC 5737, RFC 3849): nobody is there.
$TTL 60
menuos.test.     SOA   ns.menuos.test. root.menuos.test. 1 3600 600 86400 60
menuos.test.     NS    ns.menuos.test.
menuos.test.     MX    10 mail.menuos.test.
menuos.test.     TXT   "the laboratory"
menuos.test.     A     127.0.0.1
ns.menuos.test.  A     127.0.0.1
mail.menuos.test. A    127.0.0.1
www.menuos.test. CNAME menuos.test.
github.com.      A     192.0.2.1
github.com.      AAAA  2001:db8::1
1.0.0.127.in-addr.arpa. PTR localhost.
`

var dnsdCommand = &Command{
	Name: "dnsd", Usage: "[-a ADDR] [-p PORT] [-z FILE] [-v]", Group: groupNetwork, Drives: true,
	Summary: text{"a DNS server for the machine itself: dnsd &", "供本机使用的 DNS 服务器:dnsd &"},
	Help: text{"Answers from a master file, /etc/dnsd.zone, over UDP and TCP, and makes itself the first server of\n" +
		"/etc/resolv.conf. So DNS can be seen without a network: dnsd & then dig github.com.",
		"根据主文件 /etc/dnsd.zone 通过 UDP 和 TCP 应答,并把自己写成 /etc/resolv.conf 的第一个服务器。\n" +
			"这样没有网络也能观察 DNS:先 dnsd &,再 dig github.com。"},
	Flags: func(f *pflag.FlagSet) { dnsdFlags(f, new(dnsdOptions)) },
	Run:   runDnsd,
}

type dnsdOptions struct {
	addr, zone string
	port       uint16
	verbose    bool
}

func dnsdFlags(f *pflag.FlagSet, o *dnsdOptions) {
	f.StringVarP(&o.addr, "addr", "a", labHost.String(), "the address on this side")
	f.Uint16VarP(&o.port, "port", "p", dnsPort, "the port")
	f.StringVarP(&o.zone, "zone", "z", "/"+etcDir+"dnsd.zone", "the master file")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "tell of each question")
}

func runDnsd(c *Cmd) int {
	var o dnsdOptions
	args, st, ok := c.flags(func(f *pflag.FlagSet) { dnsdFlags(f, &o) })
	if !ok {
		return st
	}
	if len(args) > 0 {
		return c.usage("%s", c.msg("extra", args[0]))
	}
	addr, err := netip.ParseAddr(o.addr)
	if err != nil || !addr.Is4() {
		return c.usage("%s", c.msg("badAddr", o.addr))
	}
	text, st := c.input([]string{o.zone})
	if st != 0 {
		return st
	}
	d := &dnsd{c: c, o: &o, at: netip.AddrPortFrom(addr, o.port)}
	if err := d.load(string(text), o.zone); err != nil {
		return c.fail("%v", err)
	}
	return c.run(true, d.serve)
}

// dnsd is the server.
type dnsd struct {
	c    *Cmd
	o    *dnsdOptions
	at   netip.AddrPort
	rrs  []dns.RR
	soas []dns.RR
}

// load reads a master file.
func (d *dnsd) load(zone, name string) error {
	z := dns.NewZoneParser(strings.NewReader(zone), ".", name)
	for rr, ok := z.Next(); ok; rr, ok = z.Next() {
		d.rrs = append(d.rrs, rr)
		if rr.Header().Rrtype == dns.TypeSOA {
			d.soas = append(d.soas, rr)
		}
	}
	return z.Err()
}

// serve is the program: it answers on UDP and TCP, one question at a time.
func (d *dnsd) serve(p *stack.Proc) int {
	tcp, err := listenOn(p, d.at, 5)
	if err != nil {
		return d.c.fail("bind %s: %v (%s)", d.at, err, errnoName(err))
	}
	udp, err := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
	if err == nil {
		err = p.Bind(udp, d.at)
	}
	if err != nil {
		return d.c.fail("bind %s: %v (%s)", d.at, err, errnoName(err))
	}
	if d.at.Port() == dnsPort {
		d.name()
	}
	buf := make([]byte, dnsMax)
	for {
		fds := []stack.PollFd{{Fd: udp, Events: stack.POLLIN}, {Fd: tcp, Events: stack.POLLIN}}
		if _, err := p.Poll(fds, -1); err != nil {
			return 1
		}
		if fds[0].Revents != 0 {
			if n, from, err := p.Recvfrom(udp, buf, stack.MSG_DONTWAIT); err == nil {
				if wire := d.reply(buf[:n], from, true); wire != nil {
					p.Sendto(udp, wire, 0, from)
				}
			}
		}
		if fds[1].Revents != 0 {
			d.overTCP(p, tcp)
		}
	}
}

// overTCP takes a connection and answers its question.
func (d *dnsd) overTCP(p *stack.Proc, tcp int) {
	fd, from, err := p.Accept(tcp)
	if err != nil {
		return
	}
	defer p.Close(fd)
	conn := &sockConn{p, fd, p.Now() + 5*time.Second}
	b, err := readDNS(conn)
	if err != nil {
		return
	}
	if wire := d.reply(b, from, false); wire != nil {
		writeDNS(conn, wire)
	}
}

// name makes the server the first one of /etc/resolv.conf.
func (d *dnsd) name() {
	line := "nameserver " + d.at.Addr().String() + "\n"
	old := d.c.S.etc("resolv.conf")
	if strings.HasPrefix(old, line) {
		return
	}
	if h, err := d.c.S.fs.open(etcDir+"resolv.conf", os.O_CREATE|os.O_WRONLY|os.O_TRUNC); err == nil {
		fmt.Fprint(h, line, old)
	}
}

// reply is the answer to a question; nil if it is none.
func (d *dnsd) reply(wire []byte, from netip.AddrPort, udp bool) []byte {
	q := new(dns.Msg)
	if err := q.Unpack(wire); err != nil || q.Response || len(q.Question) != 1 {
		return nil
	}
	if d.o.verbose {
		fmt.Fprintf(d.c.Out, "%s %s %s\n", from, q.Question[0].Name, dns.TypeToString[q.Question[0].Qtype])
	}
	m := new(dns.Msg).SetReply(q)
	d.answer(m, q.Question[0])
	limit := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		limit = max(limit, min(int(opt.UDPSize()), ednsSize))
		m.SetEdns0(ednsSize, false)
	}
	if udp {
		m.Truncate(limit)
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// answer fills in what the zone says, along its aliases.
func (d *dnsd) answer(m *dns.Msg, q dns.Question) {
	m.Authoritative = true
	name, exists := q.Name, false
	for range 8 {
		alias := ""
		for _, rr := range d.rrs {
			h := rr.Header()
			if !strings.EqualFold(h.Name, name) {
				continue
			}
			exists = true
			switch {
			case h.Rrtype == q.Qtype || q.Qtype == dns.TypeANY:
				m.Answer = append(m.Answer, rr)
			case h.Rrtype == dns.TypeCNAME:
				m.Answer = append(m.Answer, rr)
				alias = rr.(*dns.CNAME).Target
			}
		}
		if name = alias; name == "" {
			break
		}
	}
	if len(m.Answer) > 0 {
		return
	}
	if !exists {
		m.Rcode = dns.RcodeNameError
	}
	for _, soa := range d.soas {
		if dns.IsSubDomain(soa.Header().Name, q.Name) {
			m.Ns = append(m.Ns, soa)
			break
		}
	}
}
