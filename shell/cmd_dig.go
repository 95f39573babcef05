package shell

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"menuos/stack"
)

var digCommand = &Command{
	Name: "dig", Usage: "[@SERVER] [-p PORT] [-x ADDR] [-t TYPE] [NAME] [TYPE] [+short|+tcp|+norecurse|+noedns|+time=N|+tries=N|+[no]all …]",
	Group: groupNetwork, Drives: true,
	Summary: text{"ask a DNS server, as BIND's dig", "查询 DNS 服务器(与 BIND 的 dig 相同)"},
	Help: text{"The server is the first one of /etc/resolv.conf. +short, +tcp, +[no]ignore, +[no]recurse, +[no]edns, +time=SECONDS,\n" +
		"+tries=N; what is printed: +[no]all, +[no]cmd, +[no]comments, +[no]question, +[no]answer, +[no]authority,\n+[no]additional, +[no]stats. Without a network: dnsd & first.",
		"服务器取 /etc/resolv.conf 的第一个。可用 +short、+tcp、+[no]ignore、+[no]recurse、+[no]edns、+time=秒、+tries=次数;\n" +
			"控制输出:+[no]all、+[no]cmd、+[no]comments、+[no]question、+[no]answer、+[no]authority、\n+[no]additional、+[no]stats。没有网络时先运行 dnsd &。"},
	Words: digWords,
	Run:   runDig,
}

// ednsSize is the UDP payload that we say we take (RFC 6891; the size of the DNS
// flag day of 2020).
const ednsSize = 1232

// digOptions is what to ask, whom, and what to print.
type digOptions struct {
	server, name string
	port         uint16
	qtype        uint16
	wait         time.Duration
	tries        int

	short, tcp, ignore, recurse, edns                                bool
	cmd, comments, question, answerSection, authority, extras, stats bool
	line                                                             string // the command line
}

// flag is what +NAME switches, nil if it is not known.
func (o *digOptions) flag(name string) *bool {
	return map[string]*bool{"short": &o.short, "tcp": &o.tcp, "vc": &o.tcp, "ignore": &o.ignore, "recurse": &o.recurse, "rec": &o.recurse,
		"rdflag": &o.recurse, "edns": &o.edns, "cmd": &o.cmd, "comments": &o.comments, "question": &o.question, "answer": &o.answerSection,
		"authority": &o.authority, "additional": &o.extras, "stats": &o.stats}[name]
}

func (o *digOptions) sections() []*bool {
	return []*bool{&o.cmd, &o.comments, &o.question, &o.answerSection, &o.authority, &o.extras, &o.stats}
}

func digWords(s *Session, _ []string) []string {
	words := []string{"+short", "+tcp", "+norecurse", "+noedns", "+time=", "+tries=", "+noall", "+answer", "-x", "-p", "-t",
		"A", "AAAA", "ANY", "CNAME", "MX", "NS", "PTR", "SOA", "TXT"}
	for _, server := range s.nameservers() {
		words = append(words, "@"+server.Addr().String())
	}
	return append(words, hostWords(s, nil)...)
}

func runDig(c *Cmd) int {
	o := digOptions{port: dnsPort, wait: 5 * time.Second, tries: 3, recurse: true, edns: true, line: strings.Join(c.Args, " ")}
	for _, b := range o.sections() {
		*b = true
	}
	if len(c.Args) == 1 && (c.Args[0] == "--help" || c.Args[0] == "-h") {
		c.S.helpOn(c.Out, c.cmd)
		return 0
	}
	if err := o.arguments(c.Args); err != nil {
		fmt.Fprintf(c.Err, "%v\n", err)
		return 1
	}
	return c.run(true, func(p *stack.Proc) int { return dig(p, c, &o) })
}

// arguments reads the command line, in whatever order.
func (o *digOptions) arguments(args []string) error {
	typed := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case strings.HasPrefix(a, "@"):
			o.server = a[1:]
		case strings.HasPrefix(a, "+"):
			if err := o.plus(a[1:]); err != nil {
				return err
			}
		case a == "-4":
		case strings.HasPrefix(a, "-") && len(a) > 1:
			val := a[2:]
			if val == "" {
				if i++; i == len(args) {
					return plainError("Invalid option: " + a)
				}
				val = args[i]
			}
			if err := o.option(a[1], val); err != nil {
				return err
			}
			typed = typed || a[1] == 't' || a[1] == 'x'
		case o.name != "" && strings.EqualFold(a, "IN"):
		case o.name != "" && !typed && dns.StringToType[strings.ToUpper(a)] != 0:
			o.qtype, typed = dns.StringToType[strings.ToUpper(a)], true
		default:
			o.name = a
		}
	}
	if o.name == "" {
		o.name = "."
		if !typed {
			o.qtype = dns.TypeNS
		}
	}
	if o.qtype == 0 {
		o.qtype = dns.TypeA
	}
	if _, ok := dns.IsDomainName(o.name); !ok {
		return fmt.Errorf("dig: '%s' is not a legal name", o.name)
	}
	return nil
}

// option reads -x ADDR, -p PORT, -t TYPE and -q NAME.
func (o *digOptions) option(letter byte, val string) error {
	switch letter {
	case 'x':
		name, err := dns.ReverseAddr(val)
		if err != nil {
			return fmt.Errorf("dig: invalid address %s", val)
		}
		o.name, o.qtype = name, dns.TypePTR
	case 'p':
		n, err := strconv.ParseUint(val, 10, 16)
		if err != nil {
			return fmt.Errorf("dig: Couldn't parse port number '%s': not a valid number", val)
		}
		o.port = uint16(n)
	case 't':
		if o.qtype = dns.StringToType[strings.ToUpper(val)]; o.qtype == 0 {
			return fmt.Errorf("dig: invalid type %s", val)
		}
	case 'q':
		o.name = val
	default:
		return plainError("Invalid option: -" + string(letter))
	}
	return nil
}

// plus reads what stands behind a plus sign.
func (o *digOptions) plus(a string) error {
	name, val, valued := strings.Cut(a, "=")
	if valued {
		n, err := strconv.Atoi(val)
		switch {
		case err != nil || n < 0:
			return fmt.Errorf("dig: Couldn't parse %s '%s': not a valid number", name, val)
		case name == "time" || name == "timeout":
			o.wait = time.Duration(max(1, n)) * time.Second
		case name == "tries":
			o.tries = max(1, n)
		case name == "retry":
			o.tries = n + 1
		default:
			return plainError("Invalid option: +" + a)
		}
		return nil
	}
	bare, no := strings.CutPrefix(name, "no")
	switch b := o.flag(bare); {
	case bare == "all":
		for _, b := range o.sections() {
			*b = !no
		}
	case b != nil:
		*b = !no
	default:
		return plainError("Invalid option: +" + a)
	}
	return nil
}

// dig is the program.
func dig(p *stack.Proc, c *Cmd, o *digOptions) int {
	servers := c.S.nameservers()
	if o.server != "" {
		addr, err := c.lookup(p, o.server)
		if err != nil {
			fmt.Fprintf(c.Err, "dig: couldn't get address for '%s': not found\n", o.server)
			return 10
		}
		servers = []netip.AddrPort{netip.AddrPortFrom(addr, o.port)}
	}
	m := new(dns.Msg).SetQuestion(dns.Fqdn(o.name), o.qtype)
	m.Id, m.RecursionDesired = uint16(p.Random()), o.recurse
	if o.edns {
		m.SetEdns0(ednsSize, false)
	}
	for _, server := range servers {
		server = netip.AddrPortFrom(server.Addr(), o.port)
		for range o.tries {
			a, err := dnsQuery{server: server, wait: o.wait, tcp: o.tcp, noTCP: o.ignore}.exchange(p, m)
			if err == nil {
				o.print(c, p, a, server)
				return 0
			}
			if !o.short {
				c.printf(";; communications error to %s: %s\n", dnsServer(server), dnsError(err))
			}
		}
	}
	if !o.short {
		o.banner(c)
	}
	c.printf(";; no servers could be reached\n")
	return 9
}

func dnsServer(s netip.AddrPort) string { return fmt.Sprintf("%s#%d", s.Addr(), s.Port()) }

// dnsError is an error as BIND's library says it.
func dnsError(err error) string {
	var e stack.Errno
	switch {
	case errors.Is(err, errTimedOut):
		return "timed out"
	case errors.As(err, &e) && (e == stack.ENETUNREACH || e == stack.EHOSTUNREACH):
		return strings.TrimSuffix(strings.ToLower(strings.TrimPrefix(e.Error(), "No route to ")), "is unreachable") + "unreachable"
	}
	return strings.ToLower(err.Error())
}

func (o *digOptions) banner(c *Cmd) {
	if o.cmd {
		c.printf("\n; <<>> DiG menuos <<>> %s\n;; global options: +cmd\n", o.line)
	}
}

// print prints an answer as dig does.
func (o *digOptions) print(c *Cmd, p *stack.Proc, a dnsAnswer, server netip.AddrPort) {
	m := a.msg
	if o.short {
		for _, rr := range m.Answer {
			c.printf("%s\n", rdata(rr))
		}
		return
	}
	if a.cut {
		c.printf(";; Truncated, retrying in TCP mode.\n")
	}
	o.banner(c)
	if o.comments {
		o.printHeader(c, m)
	}
	if o.question {
		o.section(c, "QUESTION", func() {
			for _, q := range m.Question {
				c.printf(";%s\n", columns(q.Name, "", dns.ClassToString[q.Qclass], dns.TypeToString[q.Qtype], ""))
			}
		})
	}
	for _, s := range []struct {
		name string
		show bool
		rrs  []dns.RR
	}{{"ANSWER", o.answerSection, m.Answer}, {"AUTHORITY", o.authority, m.Ns}, {"ADDITIONAL", o.extras, m.Extra}} {
		if rrs := withoutOPT(s.rrs); s.show && len(rrs) > 0 {
			o.section(c, s.name, func() {
				for _, rr := range rrs {
					h := rr.Header()
					c.printf("%s\n", columns(h.Name, strconv.Itoa(int(h.Ttl)), dns.ClassToString[h.Class], dns.TypeToString[h.Rrtype], rdata(rr)))
				}
			})
		}
	}
	if o.stats {
		proto := "UDP"
		if a.tcp {
			proto = "TCP"
		}
		c.printf(";; Query time: %d msec\n;; SERVER: %s(%s) (%s)\n", a.took/time.Millisecond, dnsServer(server), server.Addr(), proto)
		c.printf(";; WHEN: %s\n;; MSG SIZE  rcvd: %d\n\n", epoch.Add(p.Now()).Format("Mon Jan 02 15:04:05 MST 2006"), a.size)
	}
}

// section prints a section with its head and the empty line behind it.
func (o *digOptions) section(c *Cmd, name string, body func()) {
	if o.comments {
		c.printf(";; %s SECTION:\n", name)
	}
	body()
	if o.comments {
		c.printf("\n")
	}
}

func (o *digOptions) printHeader(c *Cmd, m *dns.Msg) {
	c.printf(";; Got answer:\n;; ->>HEADER<<- opcode: %s, status: %s, id: %d\n;; flags:", dns.OpcodeToString[m.Opcode], dns.RcodeToString[m.Rcode], m.Id)
	for _, f := range []struct {
		set  bool
		name string
	}{{m.Response, "qr"}, {m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"}, {m.RecursionAvailable, "ra"},
		{m.AuthenticatedData, "ad"}, {m.CheckingDisabled, "cd"}} {
		if f.set {
			c.printf(" %s", f.name)
		}
	}
	c.printf("; QUERY: %d, ANSWER: %d, AUTHORITY: %d, ADDITIONAL: %d\n", len(m.Question), len(m.Answer), len(m.Ns), len(m.Extra))
	if m.RecursionDesired && !m.RecursionAvailable {
		c.printf(";; WARNING: recursion requested but not available\n")
	}
	c.printf("\n")
	if opt := m.IsEdns0(); opt != nil {
		flags := ""
		if opt.Do() {
			flags = " do"
		}
		c.printf(";; OPT PSEUDOSECTION:\n; EDNS: version: %d, flags:%s; udp: %d\n", opt.Version(), flags, opt.UDPSize())
	}
}

func withoutOPT(rrs []dns.RR) []dns.RR {
	var out []dns.RR
	for _, rr := range rrs {
		if rr.Header().Rrtype != dns.TypeOPT {
			out = append(out, rr)
		}
	}
	return out
}

// rdata is a record without its name, TTL, class and type.
func rdata(rr dns.RR) string {
	return strings.ReplaceAll(strings.TrimPrefix(rr.String(), rr.Header().String()), "\t", " ")
}

// columns sets the parts of a record at the columns of a master file, with tabs.
func columns(name, ttl, class, kind, data string) string {
	var b strings.Builder
	at := 0
	put := func(column int, text string) {
		if column > 0 {
			to := max(column, at+1)
			if tabs := to/8 - at/8; tabs > 0 {
				b.WriteString(strings.Repeat("\t", tabs))
				at = to / 8 * 8
			}
			b.WriteString(strings.Repeat(" ", to-at))
			at = to
		}
		b.WriteString(text)
		at += len(text)
	}
	put(0, name)
	if ttl != "" {
		put(24, ttl)
	}
	put(32, class)
	put(40, kind)
	if data != "" {
		put(48, data)
	}
	return b.String()
}
