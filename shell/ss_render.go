package shell

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"menuos/stack"
)

// ssTable lays sockets out as ss of iproute2 5.0 does: columns as wide as their
// widest field, and what is left of the screen's width spread over them.
type ssTable struct {
	netid, state, header bool
	rows                 [][]string
}

const (
	colNetid = iota
	colState
	colRecvQ
	colSendQ
	colLocal
	colLocalPort
	colPeer
	colPeerPort
	colExt
	colMax
)

var ssColumns = [colMax]struct {
	head, delim string
	right       bool
}{
	{"Netid", "", false},
	{"State", " ", false},
	{"Recv-Q", " ", false},
	{"Send-Q", " ", false},
	{"Local Address:", " ", true},
	{"Port", "", false},
	{"Peer Address:", " ", true},
	{"Port", "", false},
	{"", "", false},
}

// ssAddr is a socket's address with its colon, and its port.
func ssAddr(k *stack.SockInfo, local bool) (host, port string) {
	a := k.Peer
	if local {
		a = k.Local
	}
	port = strconv.Itoa(int(a.Port()))
	if a.Port() == 0 {
		port = "*"
	}
	if k.Netid == "raw" && local {
		switch k.Proto {
		case stack.IPPROTO_ICMP:
			port = "icmp"
		case stack.IPPROTO_TCP:
			port = "tcp"
		case stack.IPPROTO_UDP:
			port = "udp"
		default:
			port = "ipproto-" + strconv.Itoa(int(k.Proto))
		}
	} else if k.Netid == "raw" {
		port = "*"
	}
	return a.Addr().String() + ":", port
}

func (t *ssTable) add(k *stack.SockInfo, extra string) {
	lh, lp := ssAddr(k, true)
	ph, pp := ssAddr(k, false)
	t.rows = append(t.rows, []string{k.Netid, k.State, strconv.Itoa(k.RecvQ), strconv.Itoa(k.SendQ), lh, lp, ph, pp, extra})
}

func (t *ssTable) render(screen int) string {
	rows := t.rows
	if t.header {
		head := make([]string, colMax)
		for i, c := range ssColumns {
			head[i] = c.head
		}
		rows = append([][]string{head}, rows...)
	}
	width := t.widths(rows, screen)
	var b strings.Builder
	for _, r := range rows {
		var line strings.Builder
		for i, f := range r {
			if width[i] == 0 && i != colExt {
				continue
			}
			printed := 0
			if line.Len() > 0 {
				line.WriteString(ssColumns[i].delim)
				printed = len(ssColumns[i].delim)
			}
			n := utf8.RuneCountInString(f)
			if ssColumns[i].right {
				line.WriteString(strings.Repeat(" ", max(0, width[i]-n-printed)))
				line.WriteString(f)
				continue
			}
			line.WriteString(f)
			if i != colExt {
				line.WriteString(strings.Repeat(" ", max(0, width[i]-n-printed)))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// widths follows render_calc_width of ss.c.
func (t *ssTable) widths(rows [][]string, screen int) [colMax]int {
	var width [colMax]int
	first := true
	for i := range width {
		if i == colNetid && !t.netid || i == colState && !t.state {
			continue
		}
		for _, r := range rows {
			width[i] = max(width[i], utf8.RuneCountInString(r[i]))
		}
		if !first && width[i] > 0 {
			width[i] += len(ssColumns[i].delim)
		}
		width[i] = min(width[i], screen)
		if width[i] > 0 {
			first = false
		}
	}
	eol, length, cols := -1, 0, 0
	for i := 0; i < colMax; i++ {
		if width[i] == 0 {
			continue
		}
		cols++
		length += width[i]
		last := true
		for _, w := range width[i+1:] {
			last = last && w == 0
		}
		if !last && length < screen {
			continue
		}
		if length != screen {
			if length > screen && cols > 1 {
				length -= width[i]
				i--
				cols--
			}
			pad := max(0, screen-length)
			spacing, rem := pad/cols, pad%cols
			for j := i; j > eol; j-- {
				if width[j] == 0 {
					continue
				}
				width[j] += spacing
				if rem > 0 {
					width[j]++
					rem--
				}
			}
		}
		eol, length, cols = i, 0, 0
	}
	return width
}

// ssTCPInfo is tcp_stats_print of ss.c.
func ssTCPInfo(b *strings.Builder, k *stack.SockInfo) {
	t := k.Tcp
	num := func(name string, v uint64) {
		if v != 0 {
			fmt.Fprintf(b, " %s:%d", name, v)
		}
	}
	ms := func(name string, us uint32) {
		if us != 0 {
			fmt.Fprintf(b, " %s:%g", name, float64(us)/1000)
		}
	}
	flag := func(bit uint8, name string) {
		if t.Options&bit != 0 {
			b.WriteString(" " + name)
		}
	}
	flag(1, "ts")
	flag(2, "sack")
	flag(8, "ecn")
	flag(16, "ecnseen")
	flag(32, "fastopen")
	if t.Congestion != "" {
		b.WriteString(" " + t.Congestion)
	}
	if t.Options&4 != 0 {
		fmt.Fprintf(b, " wscale:%d,%d", t.SndWscale, t.RcvWscale)
	}
	if t.Rto != 3000000 {
		ms("rto", t.Rto)
	}
	num("backoff", uint64(t.Backoff))
	if t.Rtt != 0 {
		fmt.Fprintf(b, " rtt:%g/%g", float64(t.Rtt)/1000, float64(t.Rttvar)/1000)
	}
	ms("ato", t.Ato)
	num("mss", uint64(t.SndMss))
	num("pmtu", uint64(t.Pmtu))
	num("rcvmss", uint64(t.RcvMss))
	num("advmss", uint64(t.Advmss))
	num("cwnd", uint64(t.SndCwnd))
	if t.SndSsthresh < 0xFFFF {
		num("ssthresh", uint64(t.SndSsthresh))
	}
	num("bytes_sent", t.BytesSent)
	num("bytes_retrans", t.BytesRetrans)
	num("bytes_acked", t.BytesAcked)
	num("bytes_received", t.BytesReceived)
	num("segs_out", uint64(t.SegsOut))
	num("segs_in", uint64(t.SegsIn))
	num("data_segs_out", uint64(t.DataSegsOut))
	num("data_segs_in", uint64(t.DataSegsIn))
	bps := func(name string, v float64) {
		if v > 0 {
			fmt.Fprintf(b, " %s %sbps", name, ssBandwidth(v))
		}
	}
	if t.Rtt > 0 && t.SndMss > 0 && t.SndCwnd > 0 {
		bps("send", float64(t.SndCwnd)*float64(t.SndMss)*8000000/float64(t.Rtt))
	}
	num("lastsnd", uint64(t.LastDataSent))
	num("lastrcv", uint64(t.LastDataRecv))
	num("lastack", uint64(t.LastAckRecv))
	if t.PacingRate != ^uint64(0) {
		bps("pacing_rate", float64(t.PacingRate)*8)
	}
	bps("delivery_rate", float64(t.DeliveryRate)*8)
	num("delivered", uint64(t.Delivered))
	num("delivered_ce", uint64(t.DeliveredCe))
	if t.DeliveryRateAppLimited {
		b.WriteString(" app_limited")
	}
	if t.BusyTime > 0 {
		fmt.Fprintf(b, " busy:%dms", t.BusyTime/1000)
		for _, l := range []struct {
			name string
			us   uint64
		}{{"rwnd_limited", t.RwndLimited}, {"sndbuf_limited", t.SndbufLimited}} {
			if l.us > 0 {
				fmt.Fprintf(b, " %s:%dms(%.1f%%)", l.name, l.us/1000, 100*float64(l.us)/float64(t.BusyTime))
			}
		}
	}
	num("unacked", uint64(t.Unacked))
	if t.Retrans != 0 || t.TotalRetrans != 0 {
		fmt.Fprintf(b, " retrans:%d/%d", t.Retrans, t.TotalRetrans)
	}
	num("lost", uint64(t.Lost))
	if k.State != "LISTEN" {
		num("sacked", uint64(t.Sacked))
	}
	num("dsack_dups", uint64(t.DsackDups))
	if t.Reordering != 3 {
		num("reordering", uint64(t.Reordering))
	}
	num("reord_seen", uint64(t.ReordSeen))
	ms("rcv_rtt", t.RcvRtt)
	num("rcv_space", uint64(t.RcvSpace))
	num("rcv_ssthresh", uint64(t.RcvSsthresh))
	num("notsent", uint64(t.NotsentBytes))
	if t.MinRtt != ^uint32(0) {
		ms("minrtt", t.MinRtt)
	}
}

// ssBandwidth is sprint_bw of ss.c.
func ssBandwidth(v float64) string {
	switch {
	case v > 1000000:
		return fmt.Sprintf("%.1fM", v/1000000)
	case v > 1000:
		return fmt.Sprintf("%.1fK", v/1000)
	}
	return fmt.Sprintf("%g", v)
}
