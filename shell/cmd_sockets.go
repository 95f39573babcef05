package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
)

var socketCommands = []*Command{
	{
		Name: "ss", Usage: "[-taluwxnoempisH] [FILTER]", Group: groupSockets,
		Summary: text{"show sockets, as iproute2 does", "显示套接字(与 iproute2 相同)"},
		Help: text{"Filters: state STATE, exclude STATE, sport = :5001, dport, src ADDR, dst ADDR, with and, or, not, ( ).",
			"过滤:state 状态、exclude 状态、sport = :5001、dport、src 地址、dst 地址,以及 and、or、not、( )。"},
		Flags: func(f *pflag.FlagSet) { ssFlags(f, new(ssOptions)) },
		Words: func(_ *Session, args []string) []string {
			if n := len(args); n > 0 && (args[n-1] == "state" || args[n-1] == "exclude") {
				return ssStateWords()
			}
			return []string{"state", "exclude", "sport", "dport", "src", "dst"}
		},
		Run: runSs,
	},
	{
		Name: "netstat", Usage: "[-antulp]", Group: groupSockets,
		Summary: text{"show sockets, as net-tools does", "显示套接字(与 net-tools 相同)"},
		Run:     runNetstat,
	},
}

type ssOptions struct {
	all, listen, options, extended, memory, processes, info, summary bool
	tcp, udp, raw, unix, noHeader, numeric, resolve, ipv4            bool
}

func ssFlags(f *pflag.FlagSet, o *ssOptions) {
	f.BoolVarP(&o.numeric, "numeric", "n", false, "don't resolve service names")
	f.BoolVarP(&o.resolve, "resolve", "r", false, "resolve host names")
	f.BoolVarP(&o.all, "all", "a", false, "display listening and non-listening sockets")
	f.BoolVarP(&o.listen, "listening", "l", false, "display listening sockets")
	f.BoolVarP(&o.options, "options", "o", false, "show timer information")
	f.BoolVarP(&o.extended, "extended", "e", false, "show detailed socket information")
	f.BoolVarP(&o.memory, "memory", "m", false, "show socket memory usage")
	f.BoolVarP(&o.processes, "processes", "p", false, "show process using socket")
	f.BoolVarP(&o.info, "info", "i", false, "show internal TCP information")
	f.BoolVarP(&o.summary, "summary", "s", false, "show socket usage summary")
	f.BoolVarP(&o.ipv4, "ipv4", "4", false, "display only IP version 4 sockets")
	f.BoolVarP(&o.tcp, "tcp", "t", false, "display only TCP sockets")
	f.BoolVarP(&o.udp, "udp", "u", false, "display only UDP sockets")
	f.BoolVarP(&o.raw, "raw", "w", false, "display only RAW sockets")
	f.BoolVarP(&o.unix, "unix", "x", false, "display only Unix domain sockets")
	f.BoolVarP(&o.noHeader, "no-header", "H", false, "suppress header line")
}

// ssStates are the state names that a filter takes, and what each stands for.
var ssStates = []struct {
	name   string
	states []string
}{
	{"established", []string{"ESTAB"}},
	{"syn-sent", []string{"SYN-SENT"}},
	{"syn-recv", []string{"SYN-RECV"}},
	{"fin-wait-1", []string{"FIN-WAIT-1"}},
	{"fin-wait-2", []string{"FIN-WAIT-2"}},
	{"time-wait", []string{"TIME-WAIT"}},
	{"closed", []string{"UNCONN"}},
	{"close-wait", []string{"CLOSE-WAIT"}},
	{"last-ack", []string{"LAST-ACK"}},
	{"listening", []string{"LISTEN"}},
	{"closing", []string{"CLOSING"}},
	{"all", allStates},
	{"connected", without(allStates, "LISTEN", "UNCONN")},
	{"synchronized", without(allStates, "LISTEN", "UNCONN", "SYN-SENT")},
	{"bucket", []string{"SYN-RECV", "TIME-WAIT"}},
	{"big", without(allStates, "SYN-RECV", "TIME-WAIT")},
}

var allStates = []string{"ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING"}

func without(list []string, drop ...string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(drop, s) {
			out = append(out, s)
		}
	}
	return out
}

func ssStateWords() []string {
	var out []string
	for _, s := range ssStates {
		out = append(out, s.name)
	}
	return out
}

func runSs(c *Cmd) int {
	var o ssOptions
	args, st, ok := c.flags(func(f *pflag.FlagSet) { ssFlags(f, &o) })
	if !ok {
		return st
	}
	snap := c.S.m.Snapshot()
	if o.summary {
		return ssSummary(c, snap)
	}
	states := without(allStates, "LISTEN", "UNCONN", "TIME-WAIT", "SYN-RECV")
	switch {
	case o.all:
		states = allStates
	case o.listen:
		states = []string{"LISTEN", "UNCONN"}
	}
	f, err := parseSsFilter(args, states)
	if err != nil {
		if e, ok := err.(ssFilterError); ok {
			return c.usage("%s", c.msg(e.key, e.args...))
		}
		return c.usage("%v", err)
	}
	var kinds []string
	for _, k := range []struct {
		on   bool
		name string
	}{{o.raw, "raw"}, {o.udp, "udp"}, {o.tcp, "tcp"}} {
		if k.on || !o.raw && !o.udp && !o.tcp && !o.unix {
			kinds = append(kinds, k.name)
		}
	}
	t := &ssTable{netid: len(kinds) != 1, state: len(f.states) != 1, header: !o.noHeader}
	for _, kind := range kinds {
		for _, listening := range []bool{true, false} { // the kernel's own order: listeners first
			for i := range snap.Socks {
				k := &snap.Socks[i]
				if k.Netid == kind && (k.State == "LISTEN") == listening && ssHas(k) && slices.Contains(f.states, k.State) && (f.match == nil || f.match(k)) {
					t.add(k, ssExtra(k, &o))
				}
			}
		}
	}
	c.printf("%s", t.render(80))
	return 0
}

// ssHas: a socket without a port is in none of the tables that ss reads, nor are
// the kernel's own raw sockets.
func ssHas(k *stack.SockInfo) bool {
	return k.Netid == "raw" && len(k.Users) > 0 || k.Netid != "raw" && k.Local.Port() != 0 && !(k.Netid == "tcp" && k.State == "UNCONN")
}

// ssExtra is what follows the addresses.
func ssExtra(k *stack.SockInfo, o *ssOptions) string {
	var b strings.Builder
	if o.processes && len(k.Users) > 0 {
		b.WriteString(" users:(")
		for i, u := range k.Users {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "(\"%s\",pid=%d,fd=%d)", u.Comm, u.Pid, u.Fd)
		}
		b.WriteByte(')')
	}
	if o.options && k.Timer != nil {
		fmt.Fprintf(&b, " timer:(%s,%s,%d)", k.Timer.Name, ssTime(k.Timer.Left), k.Timer.Retrans)
	}
	if o.extended {
		fmt.Fprintf(&b, " ino:%d sk:%x", k.Ino, k.Cookie)
		if k.Kind == stack.SockFull && k.Netid == "tcp" {
			l, r := '<', '>'
			if k.Shutdown&1 != 0 {
				l = '-'
			}
			if k.Shutdown&2 != 0 {
				r = '-'
			}
			fmt.Fprintf(&b, " %c-%c", l, r)
		}
	}
	if k.Kind != stack.SockFull || !o.memory && !(o.info && k.Netid == "tcp") {
		return b.String()
	}
	b.WriteString("\n\t")
	if o.memory {
		m := k.Mem
		fmt.Fprintf(&b, " skmem:(r%d,rb%d,t%d,tb%d,f%d,w%d,o%d,bl%d,d%d)", m.RmemAlloc, m.Rcvbuf, m.WmemAlloc, m.Sndbuf,
			m.FwdAlloc, m.WmemQueued, m.Optmem, m.Backlog, m.Drops)
	}
	if o.info && k.Tcp != nil {
		ssTCPInfo(&b, k)
	}
	return b.String()
}

// ssTime is ss's form of a timer: 1min59sec, 199ms, 4.250ms (4.25 s), 59sec.
func ssTime(d time.Duration) string {
	ms := int(max(d, 0) / time.Millisecond)
	secs, minutes := ms/1000, 0
	minutes, secs = secs/60, secs%60
	ms %= 1000
	var b strings.Builder
	if minutes > 0 {
		ms = 0
		fmt.Fprintf(&b, "%dmin", minutes)
		if minutes > 9 {
			secs = 0
		}
	}
	if secs > 0 {
		if secs > 9 {
			ms = 0
		}
		unit := "sec"
		if ms > 0 {
			unit = "."
		}
		fmt.Fprintf(&b, "%d%s", secs, unit)
	}
	if ms > 0 {
		fmt.Fprintf(&b, "%03dms", ms)
	}
	return b.String()
}

func ssSummary(c *Cmd, snap *stack.Snapshot) int {
	var tcp, udp, raw, estab, closed, orphaned, synrecv, timewait int
	for i := range snap.Socks {
		k := &snap.Socks[i]
		switch {
		case k.Kind == stack.SockRequest:
			synrecv++
		case k.Kind == stack.SockTimewait:
			timewait++
			tcp++
			closed++
		case k.Netid == "tcp":
			tcp++
			switch {
			case k.State == "ESTAB":
				estab++
			case k.State == "UNCONN":
				closed++
			}
			if len(k.Users) == 0 && k.State != "LISTEN" {
				orphaned++
			}
		case k.Netid == "udp":
			udp++
		default:
			raw++
		}
	}
	live := tcp - timewait
	total := live + udp + raw
	c.printf("Total: %d (kernel %d)\n", total, total)
	c.printf("TCP:   %d (estab %d, closed %d, orphaned %d, synrecv %d, timewait %d/0), ports 0\n\n", tcp, estab, closed, orphaned, synrecv, timewait)
	c.printf("Transport Total     IP        IPv6\n")
	c.printf("*\t  %-9d -         -        \n", total)
	for _, r := range []struct {
		name string
		n    int
	}{{"RAW", raw}, {"UDP", udp}, {"TCP", live}, {"INET", total}, {"FRAG", 0}} {
		c.printf("%s\t  %-9d %-9d %-9d\n", r.name, r.n, r.n, 0)
	}
	c.printf("\n")
	return 0
}

var netstatStates = map[string]string{"ESTAB": "ESTABLISHED", "SYN-SENT": "SYN_SENT", "SYN-RECV": "SYN_RECV", "FIN-WAIT-1": "FIN_WAIT1",
	"FIN-WAIT-2": "FIN_WAIT2", "TIME-WAIT": "TIME_WAIT", "UNCONN": "", "CLOSE-WAIT": "CLOSE_WAIT", "LAST-ACK": "LAST_ACK", "LISTEN": "LISTEN", "CLOSING": "CLOSING"}

func runNetstat(c *Cmd) int {
	var all, numeric, tcp, udp, listen, programs bool
	args, st, ok := c.flags(func(f *pflag.FlagSet) {
		f.BoolVarP(&all, "all", "a", false, "display all sockets (default: connected)")
		f.BoolVarP(&numeric, "numeric", "n", false, "don't resolve names")
		f.BoolVarP(&tcp, "tcp", "t", false, "TCP sockets")
		f.BoolVarP(&udp, "udp", "u", false, "UDP sockets")
		f.BoolVarP(&listen, "listening", "l", false, "display listening server sockets")
		f.BoolVarP(&programs, "programs", "p", false, "display PID/Program name for sockets")
	})
	if !ok {
		return st
	}
	if len(args) > 0 {
		return c.usage("%s", c.msg("extra", args[0]))
	}
	what := "(w/o servers)"
	switch {
	case all:
		what = "(servers and established)"
	case listen:
		what = "(only servers)"
	}
	c.printf("Active Internet connections %s\n", what)
	head := "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
	if programs {
		head += " PID/Program name    "
	}
	c.printf("%s\n", strings.TrimRight(head, " "))
	for _, kind := range []string{"tcp", "udp", "raw"} {
		if (tcp || udp) && !(kind == "tcp" && tcp) && !(kind == "udp" && udp) {
			continue
		}
		for _, k := range c.S.m.Snapshot().Socks {
			server := k.State == "LISTEN" || k.State == "UNCONN"
			if k.Netid != kind || !ssHas(&k) || server && !all && !listen || !server && listen && !all {
				continue
			}
			sendQ := k.SendQ
			if k.State == "LISTEN" {
				sendQ = 0
			}
			line := fmt.Sprintf("%-5s %6d %6d %-23s %-23s %-11s", k.Netid, k.RecvQ, sendQ, hostPort(&k, true), hostPort(&k, false), netstatStates[k.State])
			if programs {
				user := "-"
				if len(k.Users) > 0 {
					user = strconv.Itoa(k.Users[0].Pid) + "/" + k.Users[0].Comm
				}
				line += " " + user
			}
			c.printf("%s\n", strings.TrimRight(line, " "))
		}
	}
	return 0
}

func hostPort(k *stack.SockInfo, local bool) string {
	h, p := ssAddr(k, local)
	return h + p
}
