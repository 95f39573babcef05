package shell

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"menuos/stack"
)

var nslookupCommand = &Command{
	Name: "nslookup", Usage: "[-type=TYPE] [-port=N] [-timeout=N] [-retry=N] NAME [SERVER]", Group: groupNetwork, Drives: true,
	Summary: text{"ask a DNS server for a name or an address", "向 DNS 服务器查询名字或地址"},
	Words:   hostWords,
	Run:     runNslookup,
}

type nslookupOptions struct {
	name, server string
	qtype        uint16 // 0: A and AAAA
	port         uint16
	wait         time.Duration
	tries        int
}

func runNslookup(c *Cmd) int {
	o := nslookupOptions{port: dnsPort, wait: 5 * time.Second, tries: 3}
	for _, a := range c.Args {
		switch {
		case a == "--help" || a == "-h":
			c.S.helpOn(c.Out, c.cmd)
			return 0
		case strings.HasPrefix(a, "-"):
			if !o.option(strings.TrimPrefix(a, "-")) {
				fmt.Fprintf(c.Err, "*** Invalid option: %s\n", strings.TrimPrefix(a, "-"))
				return 1
			}
		case o.name == "":
			o.name = a
		case o.server == "":
			o.server = a
		default:
			return c.usage("%s", c.msg("extra", a))
		}
	}
	if o.name == "" {
		return c.usage("%s", c.msg("need"))
	}
	if _, ok := dns.IsDomainName(o.name); !ok {
		fmt.Fprintf(c.Err, "nslookup: '%s' is not a legal name\n", o.name)
		return 1
	}
	if reverse, err := dns.ReverseAddr(o.name); err == nil && o.qtype == 0 {
		o.name, o.qtype = reverse, dns.TypePTR
	}
	return c.run(true, func(p *stack.Proc) int { return nslookup(p, c, &o) })
}

func (o *nslookupOptions) option(a string) bool {
	name, val, _ := strings.Cut(a, "=")
	n, err := strconv.ParseUint(val, 10, 16)
	switch {
	case name == "type" || name == "querytype" || name == "q":
		o.qtype = dns.StringToType[strings.ToUpper(val)]
		return o.qtype != 0
	case err != nil:
		return false
	case name == "port":
		o.port = uint16(n)
	case name == "timeout":
		o.wait = time.Duration(max(1, n)) * time.Second
	case name == "retry":
		o.tries = int(n) + 1
	default:
		return false
	}
	return true
}

// nslookup is the program.
func nslookup(p *stack.Proc, c *Cmd, o *nslookupOptions) int {
	server := netip.AddrPortFrom(c.S.nameservers()[0].Addr(), o.port)
	if o.server != "" {
		addr, err := c.lookup(p, o.server)
		if err != nil {
			fmt.Fprintf(c.Err, "nslookup: couldn't get address for '%s': not found\n", o.server)
			return 1
		}
		server = netip.AddrPortFrom(addr, o.port)
	}
	types := []uint16{o.qtype}
	if o.qtype == 0 {
		types = []uint16{dns.TypeA, dns.TypeAAAA}
	}
	told := false
	for i, t := range types {
		a, ok := o.ask(p, c, server, t)
		if !ok {
			c.printf(";; no servers could be reached\n\n")
			return 1
		}
		if i == 0 {
			c.printf("Server:\t\t%s\nAddress:\t%s\n\n", server.Addr(), dnsServer(server))
		}
		switch m := a.msg; {
		case m.Rcode != dns.RcodeSuccess:
			c.printf("** server can't find %s: %s\n\n", strings.TrimSuffix(o.name, "."), dns.RcodeToString[m.Rcode])
			return 1
		case len(m.Answer) == 0 && o.qtype != 0:
			c.printf("*** Can't find %s: No answer\n\n", strings.TrimSuffix(o.name, "."))
			return 0
		case len(m.Answer) > 0:
			if !told && !m.Authoritative {
				c.printf("Non-authoritative answer:\n")
			}
			for _, rr := range m.Answer {
				if told && rr.Header().Rrtype == dns.TypeCNAME {
					continue // it was told with the first type
				}
				c.printf("%s\n", nslookupLine(rr))
			}
			told = true
		}
	}
	if !told {
		c.printf("*** Can't find %s: No answer\n", strings.TrimSuffix(o.name, "."))
	}
	c.printf("\n")
	return 0
}

func (o *nslookupOptions) ask(p *stack.Proc, c *Cmd, server netip.AddrPort, t uint16) (dnsAnswer, bool) {
	m := new(dns.Msg).SetQuestion(dns.Fqdn(o.name), t)
	m.Id = uint16(p.Random())
	for range o.tries {
		a, err := dnsQuery{server: server, wait: o.wait}.exchange(p, m)
		if err == nil {
			return a, true
		}
		c.printf(";; communications error to %s: %s\n", dnsServer(server), dnsError(err))
	}
	return dnsAnswer{}, false
}

// nslookupLine is a record as nslookup prints it.
func nslookupLine(rr dns.RR) string {
	name := strings.TrimSuffix(rr.Header().Name, ".")
	switch rr := rr.(type) {
	case *dns.A:
		return fmt.Sprintf("Name:\t%s\nAddress: %s", name, rr.A)
	case *dns.AAAA:
		return fmt.Sprintf("Name:\t%s\nAddress: %s", name, rr.AAAA)
	case *dns.CNAME:
		return fmt.Sprintf("%s\tcanonical name = %s", name, rr.Target)
	case *dns.PTR:
		return fmt.Sprintf("%s\tname = %s", name, rr.Ptr)
	case *dns.MX:
		return fmt.Sprintf("%s\tmail exchanger = %d %s", name, rr.Preference, rr.Mx)
	case *dns.NS:
		return fmt.Sprintf("%s\tnameserver = %s", name, rr.Ns)
	case *dns.TXT:
		return fmt.Sprintf("%s\ttext = %s", name, rdata(rr))
	case *dns.SOA:
		return fmt.Sprintf("%s\n\torigin = %s\n\tmail addr = %s\n\tserial = %d\n\trefresh = %d\n\tretry = %d\n\texpire = %d\n\tminimum = %d",
			name, strings.TrimSuffix(rr.Ns, "."), strings.TrimSuffix(rr.Mbox, "."), rr.Serial, rr.Refresh, rr.Retry, rr.Expire, rr.Minttl)
	}
	return fmt.Sprintf("%s\trdata_%d = %s", name, rr.Header().Rrtype, rdata(rr))
}

var dnsCommand = &Command{
	Name:    "dns",
	Usage:   "[NAME]",
	Summary: text{"DNS Query github.com", ""},
	Help: text{"Asks for the address of github.com, or of NAME: /etc/hosts first, then the servers of /etc/resolv.conf.\nWithout a network: dnsd & first. dig shows the whole answer.",
		"查询 github.com(或 NAME)的地址:先查 /etc/hosts,再查 /etc/resolv.conf 中的服务器。\n没有网络时先运行 dnsd &。dig 显示完整的应答。"},
	Group:  groupLab,
	Drives: true,
	Words:  hostWords,
	Run: func(c *Cmd) int {
		if len(c.Args) == 1 && c.Args[0] == "--help" {
			c.S.helpOn(c.Out, c.cmd)
			return 0
		}
		name := "github.com"
		switch len(c.Args) {
		case 0:
		case 1:
			name = c.Args[0]
		default:
			return c.usage("%s", c.msg("extra", c.Args[1]))
		}
		return c.run(false, func(p *stack.Proc) int {
			addr, err := c.lookup(p, name)
			if err != nil {
				return c.fail("%s: %v", name, err)
			}
			c.printf("%s has address %s\n", name, addr)
			return 0
		})
	},
}
