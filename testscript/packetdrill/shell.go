package packetdrill

import (
	"net/netip"
	"strconv"
	"strings"

	"menuos/stack"
)

// shell does what a shell command is known to do to the machine: settings of
// kernel parameters and of the interface. The rest is noted.
func (r *runner) shell(c *Command) {
	text := strings.ReplaceAll(c.Text, "\\\n", " ")
	for _, line := range strings.FieldsFunc(text, func(c rune) bool { return c == '\n' || c == ';' }) {
		if i := strings.Index(line, "#"); i >= 0 {
			line = line[:i]
		}
		words := shellWords(line)
		if len(words) > 0 && !r.command(words) {
			r.notef(c.Line, "command ignored: %s", strings.TrimSpace(line))
		}
	}
}

// shellWords cuts a line at white space outside of quotes.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	in := false
	for _, c := range line {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteRune(c)
			}
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == ' ' || c == '\t':
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(c)
			in = true
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words
}

func (r *runner) command(words []string) bool {
	name := words[0][strings.LastIndexByte(words[0], '/')+1:]
	switch {
	case name == "defaults.sh":
		for _, kv := range commonDefaults {
			r.sysctl(kv[0], kv[1])
		}
		return true
	case name == "set_sysctls.py" || name == "sysctl":
		ok := true
		for _, w := range words[1:] {
			key, value, found := strings.Cut(w, "=")
			if !found {
				ok = ok && strings.HasPrefix(w, "-")
				continue
			}
			key = strings.ReplaceAll(strings.TrimPrefix(key, "/proc/sys/"), "/", ".")
			ok = r.sysctl(key, value) && ok
		}
		return ok
	case strings.HasPrefix(name, "sysctl_restore"):
		return true
	case name == "ip" && len(words) > 3 && words[1] == "route":
		return r.route(words[2:])
	case name == "ip" || name == "ifconfig":
		n, ok := after(words, "mtu")
		return ok && (name == "ifconfig" || words[1] == "link") && r.s.SetMTU(r.link.Name(), n) == nil
	case name == "tc" && len(words) > 2 && words[1] == "qdisc":
		n, ok := after(words, "limit")
		if !ok {
			n, ok = 1000, words[2] == "delete"
		}
		if ok {
			r.link.SetQueueLimit(n)
		}
		return ok
	case name == "ethtool" && strings.HasSuffix(strings.Join(words, " "), " off"):
		r.link.SetOffload(false)
		return true
	}
	return false
}

// after is the number that follows a word.
func after(words []string, name string) (int, bool) {
	for i, w := range words {
		if w == name {
			if i++; i < len(words) && words[i] == "lock" {
				i++
			}
			if i == len(words) {
				return 0, false
			}
			n, err := strconv.Atoi(words[i])
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}

// route does "change DST via GW dev DEV mtu lock N advmss N initcwnd N".
func (r *runner) route(words []string) bool {
	if words[0] != "change" && words[0] != "replace" && words[0] != "add" {
		return false
	}
	dst, err := netip.ParsePrefix(words[1])
	if err != nil {
		a, err := netip.ParseAddr(words[1])
		if err != nil {
			return false
		}
		dst = netip.PrefixFrom(a, a.BitLen())
	}
	gw := r.cfg.gateway
	var m stack.RouteMetrics
	for i, w := range words {
		if w == "via" && i+1 < len(words) {
			if gw, err = netip.ParseAddr(words[i+1]); err != nil {
				return false
			}
		}
		m.MTULock = m.MTULock || w == "lock"
	}
	for name, to := range map[string]*uint32{"mtu": &m.MTU, "advmss": &m.AdvMSS, "initcwnd": &m.InitCwnd, "initrwnd": &m.InitRwnd} {
		n, _ := after(words, name)
		*to = uint32(n)
	}
	return dst.Addr().Is4() && r.link.SetRoute(dst, gw, m) == nil
}

func (r *runner) sysctl(key, value string) bool {
	return r.s.SysctlSet(key, strings.Join(strings.Fields(value), "\t")) == nil
}
