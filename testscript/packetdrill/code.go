package packetdrill

import (
	"encoding/binary"
	"fmt"
	"strings"

	"menuos/stack"
)

// code runs a piece of Python: the assignments, assertions and print statements
// that scripts look into TCP_INFO with. It notes what else there is.
func (r *runner) code(st *step) error {
	if r.flow != nil && r.flow.fd >= 0 {
		fd := r.flow.fd
		var info []byte
		var err error
		r.worker.Do(r.ctx, func(p *stack.Proc) {
			info, err = p.Getsockopt(fd, stack.IPPROTO_TCP, stack.TCP_INFO, 512)
		})
		if err != nil {
			return &Error{What: fmt.Sprintf("TCP_INFO: %v", err)}
		}
		r.tcpInfo(info)
	}
	line := st.Line
	for _, text := range strings.Split(st.Code, "\n") {
		text = strings.TrimSpace(stripComment(text))
		for _, stmt := range splitStatements(text) {
			if err := r.statement(line, stmt); err != nil {
				return err
			}
		}
		line++
	}
	return nil
}

func stripComment(s string) string {
	var quote rune
	for i, c := range s {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '#':
			return s[:i]
		}
	}
	return s
}

// splitStatements cuts a line at its semicolons.
func splitStatements(s string) []string {
	var out []string
	for _, stmt := range strings.Split(s, ";") {
		if stmt = strings.TrimSpace(stmt); stmt != "" {
			out = append(out, stmt)
		}
	}
	return out
}

func (r *runner) statement(line int, s string) error {
	if cond, ok := strings.CutPrefix(s, "assert "); ok {
		e := &evaluator{vars: r.vars}
		e.load(cond)
		v := e.expr()
		if e.failed == "" && e.tok != "" && e.tok != "," {
			e.fail("%q", e.tok)
		}
		if e.failed != "" {
			r.notef(line, "code ignored: %s (%s)", s, e.failed)
			return nil
		}
		if !v.truth() {
			return &Error{What: "assertion failed", Expected: strings.TrimSpace(cond), Actual: e.used()}
		}
		return nil
	}
	if strings.HasPrefix(s, "print") {
		if r.opt.Log != nil {
			e := &evaluator{vars: r.vars}
			e.load(strings.TrimPrefix(s, "print"))
			v := e.expr()
			r.notef(line, "%s: %s", s, v)
		}
		return nil
	}
	name := s[:span(s, isWord)]
	rest := strings.TrimSpace(s[len(name):])
	for _, op := range []string{"+=", "-=", "*=", "="} {
		text, ok := strings.CutPrefix(rest, op)
		if !ok || name == "" || strings.HasPrefix(text, "=") {
			continue
		}
		e := &evaluator{vars: r.vars}
		if op != "=" {
			text = name + op[:1] + "(" + text + ")"
		}
		e.load(text)
		v := e.expr()
		if e.failed != "" || e.tok != "" {
			break
		}
		r.vars[name] = v
		return nil
	}
	r.notef(line, "code ignored: %s", s)
	return nil
}

// tcpInfo makes variables of struct tcp_info and its constants.
func (r *runner) tcpInfo(b []byte) {
	set := func(name string, v uint64) { r.vars[name] = value{n: float64(v)} }
	for i, name := range strings.Fields("TCP_CA_Open TCP_CA_Disorder TCP_CA_CWR TCP_CA_Recovery TCP_CA_Loss") {
		set(name, uint64(i))
	}
	for i, name := range strings.Fields("TCP_ESTABLISHED TCP_SYN_SENT TCP_SYN_RECV TCP_FIN_WAIT1 TCP_FIN_WAIT2 " +
		"TCP_TIME_WAIT TCP_CLOSE TCP_CLOSE_WAIT TCP_LAST_ACK TCP_LISTEN TCP_CLOSING") {
		set(name, uint64(i+1))
	}
	for i, name := range strings.Fields("TCPI_OPT_TIMESTAMPS TCPI_OPT_SACK TCPI_OPT_WSCALE TCPI_OPT_ECN " +
		"TCPI_OPT_ECN_SEEN TCPI_OPT_SYN_DATA") {
		set(name, 1<<i)
	}
	for _, group := range tcpInfoFields {
		for _, name := range strings.Fields(group.names) {
			if len(b) < group.size {
				return
			}
			var v uint64
			switch group.size {
			case 1:
				v = uint64(b[0])
			case 4:
				v = uint64(binary.LittleEndian.Uint32(b))
			default:
				v = binary.LittleEndian.Uint64(b)
			}
			b = b[group.size:]
			switch name {
			case "wscale":
				set("tcpi_snd_wscale", v&0xf)
				set("tcpi_rcv_wscale", v>>4)
			default:
				set("tcpi_"+name, v)
			}
		}
	}
}

// tcpInfoFields is the layout of struct tcp_info.
var tcpInfoFields = []struct {
	size  int
	names string
}{
	{1, "state ca_state retransmits probes backoff options wscale delivery_rate_app_limited"},
	{4, "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv " +
		"last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans"},
	{8, "pacing_rate max_pacing_rate bytes_acked bytes_received"},
	{4, "segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out"},
	{8, "delivery_rate busy_time rwnd_limited sndbuf_limited"},
	{4, "delivered delivered_ce"},
	{8, "bytes_sent bytes_retrans"},
	{4, "dsack_dups reord_seen"},
}
