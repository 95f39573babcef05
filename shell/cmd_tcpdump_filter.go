package shell

// Filter expressions of tcpdump (pcap-filter(7)), for IPv4 and ARP. An
// expression becomes a function that is asked of each frame; what it means is
// libpcap's: and and or have the same precedence and go from left to right, a
// bare name takes the qualifiers before it, and a load from beyond the packet
// makes the whole expression false.

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// frameView is a frame as a filter sees it.
type frameView struct {
	net       []byte // from the network header on
	link      []byte // the whole frame
	ethertype uint16
	hasMAC    bool // it begins with an Ethernet header
	size      int  // bytes on the wire
	beyond    bool // a load was beyond the packet
	absent    bool // a load was from a protocol that the packet does not have
}

type (
	predicate func(f *frameView) bool
	quantity  func(f *frameView) uint32
)

const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherRARP = 0x8035
)

// ipv4 is the frame's IPv4 header and payload.
func (f *frameView) ipv4() (head, rest []byte, ok bool) {
	if f.ethertype != etherIPv4 || len(f.net) < 20 {
		return nil, nil, false
	}
	n := int(f.net[0]&15) * 4
	if n < 20 || n > len(f.net) {
		return nil, nil, false
	}
	return f.net[:n], f.net[n:], true
}

func (f *frameView) proto(p byte) bool {
	head, _, ok := f.ipv4()
	return ok && head[9] == p
}

// transport is what follows the IP header, if it is not a later fragment.
func (f *frameView) transport() ([]byte, byte, bool) {
	head, rest, ok := f.ipv4()
	if !ok || be16(head[6:])&0x1fff != 0 {
		return nil, 0, false
	}
	return rest, head[9], true
}

func be16(b []byte) uint16 { return uint16(b[0])<<8 | uint16(b[1]) }

var ipProtocols = map[string]byte{"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "sctp": 132}

var etherProtocols = map[string]uint16{"ip": etherIPv4, "arp": etherARP, "rarp": etherRARP, "ip6": 0x86dd}

var portNames = map[string]uint16{"echo": 7, "discard": 9, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53,
	"bootps": 67, "bootpc": 68, "tftp": 69, "http": 80, "ntp": 123, "https": 443}

var filterNumbers = map[string]uint32{
	"icmptype": 0, "icmpcode": 1, "tcpflags": 13,
	"tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32, "tcp-ece": 64, "tcp-cwr": 128,
	"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
	"icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13, "icmp-tstampreply": 14,
}

// pcapFilter reads an expression.
type pcapFilter struct {
	words []string
	at    int
	last  qualifiers
}

// qualifiers stand before a name.
type qualifiers struct{ proto, dir, kind string }

// compileFilter makes a predicate of an expression; the empty one is always true.
func compileFilter(expr string) (predicate, error) {
	const longest = 4096 // bytes; reading it may take their square
	if len(expr) > longest {
		return nil, fmt.Errorf("expression is too long: %d bytes", len(expr))
	}
	words, err := filterWords(expr)
	if err != nil {
		return nil, err
	}
	p := &pcapFilter{words: words}
	if len(words) == 0 {
		return func(*frameView) bool { return true }, nil
	}
	pred, err := p.expression()
	if err != nil {
		return nil, err
	}
	if p.at < len(p.words) {
		return nil, p.syntax()
	}
	return func(f *frameView) bool {
		f.beyond = false
		return pred(f) && !f.beyond
	}, nil
}

// filterWords cuts an expression into names, numbers and operators.
func filterWords(s string) ([]string, error) {
	var out []string
	for s != "" {
		switch c := s[0]; {
		case c == ' ' || c == '\t' || c == '\n':
			s = s[1:]
			continue
		case strings.HasPrefix(s, "&&"), strings.HasPrefix(s, "||"), strings.HasPrefix(s, "<<"), strings.HasPrefix(s, ">>"),
			strings.HasPrefix(s, "<="), strings.HasPrefix(s, ">="), strings.HasPrefix(s, "!="), strings.HasPrefix(s, "=="):
			out, s = append(out, s[:2]), s[2:]
			continue
		case strings.IndexByte("()[]!<>=+-*/%&|^:", c) >= 0:
			out, s = append(out, s[:1]), s[1:]
			continue
		case c == '\\': // a name that is no keyword
			s = s[1:]
			continue
		}
		n := strings.IndexFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\n()[]!<>=+*%&|^:/\\", r) })
		if n < 0 {
			n = len(s)
		}
		if isMAC := n == 2 && len(s) >= 17 && strings.Count(s[:17], ":") == 5; isMAC {
			n = 17
		}
		w := s[:n]
		// A dash belongs to the names that have one, else it is an operator.
		if i := strings.IndexByte(w, '-'); i > 0 {
			if _, named := filterNumbers[w]; !named {
				n, w = i, s[:i]
			}
		}
		if n == 0 {
			return nil, fmt.Errorf("illegal character in expression at %q", s)
		}
		out, s = append(out, w), s[n:]
	}
	return out, nil
}

func (p *pcapFilter) peek() string {
	if p.at < len(p.words) {
		return p.words[p.at]
	}
	return ""
}

func (p *pcapFilter) next() string {
	w := p.peek()
	p.at++
	return w
}

// accept takes the next word if it is one of these.
func (p *pcapFilter) accept(words ...string) bool {
	if p.at < len(p.words) && slices.Contains(words, p.peek()) {
		p.at++
		return true
	}
	return false
}

func (p *pcapFilter) syntax() error {
	if p.at >= len(p.words) {
		return fmt.Errorf("syntax error in filter expression: it ends too early")
	}
	return fmt.Errorf("syntax error in filter expression at %q", strings.Join(p.words[p.at:], " "))
}

func (p *pcapFilter) expression() (predicate, error) {
	left, err := p.term()
	for err == nil {
		and := p.accept("and", "&&")
		if !and && !p.accept("or", "||") {
			return left, nil
		}
		l := left
		var r predicate
		if r, err = p.term(); and {
			left = func(f *frameView) bool { return l(f) && r(f) }
		} else {
			left = func(f *frameView) bool { return l(f) || r(f) }
		}
	}
	return nil, err
}

func (p *pcapFilter) term() (predicate, error) {
	if p.accept("not", "!") {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		return func(f *frameView) bool { return !t(f) }, nil
	}
	start, last := p.at, p.last
	rel, err := p.relation()
	if err == nil || start+1 < len(p.words) && p.words[start+1] == "[" {
		return rel, err
	}
	p.at, p.last = start, last
	if p.accept("(") {
		t, err := p.expression()
		if err == nil && !p.accept(")") {
			err = p.syntax()
		}
		return t, err
	}
	return p.primitive()
}

// primitive is [proto] [dir] [type] name, or one of the words that stand alone.
func (p *pcapFilter) primitive() (predicate, error) {
	var q qualifiers
	start := p.at
	w := p.peek()
	if _, ok := ipProtocols[w]; ok || w == "ether" || etherProtocols[w] != 0 {
		q.proto = p.next()
	}
	switch {
	case p.accept("src"):
		q.dir = "src"
		if p.at+1 < len(p.words) && p.words[p.at+1] == "dst" && p.accept("or", "and") {
			q.dir = map[string]string{"or": "", "and": "both"}[p.words[p.at-1]]
			p.at++
		}
	case p.accept("dst"):
		q.dir = "dst"
	}
	switch w := p.peek(); w {
	case "host", "net", "port", "portrange", "proto":
		q.kind = p.next()
	case "broadcast", "multicast":
		p.at++
		return castFilter(q.proto, w == "broadcast"), nil
	case "less", "greater":
		p.at++
		n, err := parseFilterNumber(p.next())
		if err != nil {
			return nil, err
		}
		if w == "less" {
			return func(f *frameView) bool { return f.size <= int(n) }, nil
		}
		return func(f *frameView) bool { return f.size >= int(n) }, nil
	}
	name := p.peek()
	if end := name == "" || slices.Contains([]string{"and", "or", "&&", "||", ")"}, name); end {
		if q.proto == "" || q.dir != "" || q.kind != "" || q.proto == "ether" {
			return nil, p.syntax()
		}
		return protocolFilter(q.proto), nil
	}
	p.at++
	if p.at == start+1 { // a name alone
		q = p.last
		if q == (qualifiers{}) && !looksLikeAddress(name) {
			p.at = start
			return nil, p.syntax()
		}
	}
	p.last = q
	return p.named(q, name)
}

// looksLikeAddress: an address alone is a host.
func looksLikeAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil || s == "localhost"
}

func protocolFilter(name string) predicate {
	if et, ok := etherProtocols[name]; ok {
		return func(f *frameView) bool { return f.ethertype == et }
	}
	n := ipProtocols[name]
	return func(f *frameView) bool { return f.proto(n) }
}

func castFilter(proto string, broadcast bool) predicate {
	if proto == "ip" {
		return func(f *frameView) bool {
			head, _, ok := f.ipv4()
			if !ok {
				return false
			}
			all := head[16] == 255 && head[17] == 255 && head[18] == 255 && head[19] == 255
			return broadcast && all || !broadcast && head[16]&0xf0 == 0xe0
		}
	}
	return func(f *frameView) bool {
		return f.hasMAC && (broadcast && string(f.link[:6]) == "\xff\xff\xff\xff\xff\xff" || !broadcast && f.link[0]&1 == 1)
	}
}

// named is a primitive with a name.
func (p *pcapFilter) named(q qualifiers, name string) (predicate, error) {
	switch q.kind {
	case "port", "portrange":
		return p.ports(q, name)
	case "proto":
		return protoNumber(q.proto, name)
	case "", "host", "net":
	}
	if q.proto == "ether" {
		return etherHost(q.dir, name)
	}
	if _, ok := ipProtocols[q.proto]; ok {
		return nil, fmt.Errorf("'%s' modifier applied to host", q.proto)
	}
	prefix, err := p.prefix(q.kind, name)
	if err != nil {
		return nil, err
	}
	return func(f *frameView) bool {
		src, dst, ok := f.addresses(q.proto)
		return ok && eitherWay(q.dir, prefix.Contains(src), prefix.Contains(dst))
	}, nil
}

func eitherWay(dir string, src, dst bool) bool {
	switch dir {
	case "src":
		return src
	case "dst":
		return dst
	case "both":
		return src && dst
	}
	return src || dst
}

// addresses are the IP addresses of a packet of a protocol ("": any that has some).
func (f *frameView) addresses(proto string) (src, dst netip.Addr, ok bool) {
	if proto != "" && etherProtocols[proto] != f.ethertype {
		return src, dst, false
	}
	switch b := f.net; {
	case f.ethertype == etherIPv4 && len(b) >= 20:
		return netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:])), true
	case (f.ethertype == etherARP || f.ethertype == etherRARP) && len(b) >= 28:
		return netip.AddrFrom4([4]byte(b[14:])), netip.AddrFrom4([4]byte(b[24:])), true
	}
	return src, dst, false
}

// prefix reads what follows host or net.
func (p *pcapFilter) prefix(kind, name string) (netip.Prefix, error) {
	bad := func(what string) (netip.Prefix, error) { return netip.Prefix{}, fmt.Errorf("%s", what) }
	if name == "localhost" {
		name = "127.0.0.1"
	}
	octets := strings.Count(name, ".") + 1
	if kind == "net" && octets < 4 {
		name += strings.Repeat(".0", 4-octets)
	}
	addr, err := netip.ParseAddr(name)
	if err != nil || !addr.Is4() {
		return bad(fmt.Sprintf("unknown host '%s'", name))
	}
	bits := 32
	switch {
	case kind != "net":
	case p.accept("/"):
		if bits, err = strconv.Atoi(p.next()); err != nil || bits < 0 || bits > 32 {
			return bad("mask length must be <= 32")
		}
	case p.accept("mask"):
		mask, err := netip.ParseAddr(p.next())
		if err != nil || !mask.Is4() || maskBits(mask) < 0 {
			return bad("that is no netmask")
		}
		bits = maskBits(mask)
	default:
		bits = 8 * octets
	}
	prefix := netip.PrefixFrom(addr, bits)
	if kind == "net" && prefix.Masked().Addr() != addr {
		return bad(fmt.Sprintf("non-network bits set in \"%s\"", prefix))
	}
	return prefix, nil
}

func etherHost(dir, name string) (predicate, error) {
	var mac [6]byte
	if n, err := fmt.Sscanf(name, "%02x:%02x:%02x:%02x:%02x:%02x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]); n != 6 || err != nil {
		return nil, fmt.Errorf("unknown ether host '%s'", name)
	}
	return func(f *frameView) bool {
		return f.hasMAC && eitherWay(dir, [6]byte(f.link[6:]) == mac, [6]byte(f.link[:6]) == mac)
	}, nil
}

func protoNumber(proto, name string) (predicate, error) {
	if proto == "ether" {
		if etherProtocols[name] != 0 {
			return protocolFilter(name), nil
		}
		n, err := parseFilterNumber(name)
		return func(f *frameView) bool { return uint32(f.ethertype) == n }, err
	}
	if _, ok := ipProtocols[name]; ok {
		return protocolFilter(name), nil
	}
	n, err := parseFilterNumber(name)
	return func(f *frameView) bool { return n < 256 && f.proto(byte(n)) }, err
}

func (p *pcapFilter) ports(q qualifiers, name string) (predicate, error) {
	lo, err := parsePort(name)
	if err != nil {
		return nil, err
	}
	hi := lo
	if q.kind == "portrange" && p.accept("-") {
		if hi, err = parsePort(p.next()); err != nil {
			return nil, err
		}
	}
	only, known := ipProtocols[q.proto]
	if q.proto != "" && q.proto != "ip" && (!known || only == 1 || only == 2) {
		return nil, fmt.Errorf("illegal qualifier of 'port'")
	}
	within := func(n uint16) bool { return lo <= n && n <= hi }
	return func(f *frameView) bool {
		b, proto, ok := f.transport()
		if !ok || len(b) < 4 || known && proto != only || proto != 6 && proto != 17 && proto != 132 {
			return false
		}
		return eitherWay(q.dir, within(be16(b)), within(be16(b[2:])))
	}, nil
}

func parsePort(s string) (uint16, error) {
	if n, ok := portNames[s]; ok {
		return n, nil
	}
	n, err := strconv.ParseUint(s, 0, 16)
	if err != nil {
		return 0, fmt.Errorf("illegal port '%s'", s)
	}
	return uint16(n), nil
}

func parseFilterNumber(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		return 0, fmt.Errorf("unknown name or number '%s'", s)
	}
	return uint32(n), nil
}
