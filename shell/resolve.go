package shell

// Names to addresses, as the C library does it: /etc/hosts, then the servers of
// /etc/resolv.conf.

import (
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"menuos/stack"
)

// etcFiles are what /etc has at boot.
var etcFiles = map[string]string{
	"hosts":       "127.0.0.1\tlocalhost\n" + stack.LabAddr.Addr().String() + "\tmenuos\n",
	"resolv.conf": "nameserver " + stack.LabGateway.String() + "\n",
	"dnsd.zone":   defaultZone,
}

// What getaddrinfo says.
const (
	errNoName   = plainError("Name or service not known")
	errTryAgain = plainError("Temporary failure in name resolution")
)

// The C library asks each server so often, and waits so long.
const (
	resolverTries = 2
	resolverWait  = 5 * time.Second
)

// etc reads a file of /etc; "" if there is none.
func (s *Session) etc(name string) string {
	h, err := s.fs.open(etcDir+name, os.O_RDONLY)
	if err != nil {
		return ""
	}
	b, _ := io.ReadAll(h)
	return string(b)
}

// fields gives the words of each line of a file of /etc, without comments.
func (s *Session) etcFields(name string) (out [][]string) {
	for _, l := range strings.Split(s.etc(name), "\n") {
		if i := strings.IndexAny(l, "#;"); i >= 0 {
			l = l[:i]
		}
		if f := strings.Fields(l); len(f) > 1 {
			out = append(out, f)
		}
	}
	return out
}

// hostOf is an address in dotted form or the name of one in /etc/hosts.
func (s *Session) hostOf(name string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(name); err == nil && a.Is4() {
		return a, true
	}
	for _, f := range s.etcFields("hosts") {
		if a, err := netip.ParseAddr(f[0]); err == nil && a.Is4() && slices.ContainsFunc(f[1:], func(n string) bool { return strings.EqualFold(n, name) }) {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// hostWords are the names of /etc/hosts, for completion.
func hostWords(s *Session, _ []string) []string {
	var out []string
	for _, f := range s.etcFields("hosts") {
		out = append(out, f[1:]...)
	}
	return out
}

// nameservers are the DNS servers of /etc/resolv.conf, at most three; without one
// it is this machine.
func (s *Session) nameservers() []netip.AddrPort {
	var out []netip.AddrPort
	for _, f := range s.etcFields("resolv.conf") {
		if a, err := netip.ParseAddr(f[1]); err == nil && f[0] == "nameserver" && a.Is4() && len(out) < 3 {
			out = append(out, netip.AddrPortFrom(a, dnsPort))
		}
	}
	if len(out) == 0 {
		out = append(out, netip.AddrPortFrom(labHost, dnsPort))
	}
	return out
}

// lookup gives the IPv4 address of a name: errNoName or errTryAgain if it has
// none. The program itself asks the DNS server.
func (c *Cmd) lookup(p *stack.Proc, name string) (netip.Addr, error) {
	if a, ok := c.S.hostOf(name); ok {
		return a, nil
	}
	if _, ok := dns.IsDomainName(name); !ok || name == "" || strings.HasPrefix(name, "-") {
		return netip.Addr{}, errNoName
	}
	for range resolverTries {
		for _, server := range c.S.nameservers() {
			m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeA)
			m.Id = uint16(p.Random())
			r, err := dnsQuery{server: server, wait: resolverWait}.exchange(p, m)
			if err != nil || r.msg.Rcode != dns.RcodeSuccess && r.msg.Rcode != dns.RcodeNameError {
				continue
			}
			for _, rr := range r.msg.Answer {
				if a, ok := rr.(*dns.A); ok {
					if addr, ok := netip.AddrFromSlice(a.A.To4()); ok {
						return addr, nil
					}
				}
			}
			return netip.Addr{}, errNoName
		}
	}
	return netip.Addr{}, errTryAgain
}

// resolve is lookup for a command whose program does not run yet; the query is a
// process of its own.
func (c *Cmd) resolve(name string) (addr netip.Addr, err error) {
	if a, ok := c.S.hostOf(name); ok {
		return a, nil
	}
	err = errTryAgain
	c.run(true, func(p *stack.Proc) int {
		addr, err = c.lookup(p, name)
		return 0
	})
	return addr, err
}
