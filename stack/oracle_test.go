package stack

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/tcp"
	"menuos/stack/wire"
)

// oracleStop is one stop of a run: the recorded kernel's or the machine's.
type oracleStop struct {
	num      int
	context  string
	function string
	socket   string
	segment  string
	frames   []string // innermost first; frame 0 is the function alone
}

// String prints a stop as one block, so that a failure shows both sides.
func (o oracleStop) String() string {
	return fmt.Sprintf("%d %s [%s] socket{%s} segment{%s}\n    %s",
		o.num, o.function, o.context, o.socket, o.segment, strings.Join(o.frames, "\n    "))
}

func readTSV(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "oracle", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows [][]string
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		rows = append(rows, strings.Split(sc.Text(), "\t"))
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// normalFrames writes a recorded stack as this test compares it: a function
// that gcc split in two stands once, with the line of its inner half, and frames
// begin at the function that was broken on.
func normalFrames(function, stack string) []string {
	var out []string
	last := ""
	for _, fr := range strings.Split(stack, " < ") {
		fn, at, _ := strings.Cut(fr, "@")
		if fn == "??" || fn == last {
			continue
		}
		if out == nil && fn != function {
			continue // a function inlined at the very start of this one
		}
		last = fn
		if out == nil {
			out = append(out, fn)
		} else {
			out = append(out, fn+"@"+at)
		}
	}
	return out
}

func readOracle(t *testing.T, scenario string) []oracleStop {
	stacks := make(map[string]string)
	for _, r := range readTSV(t, scenario+".stacks.tsv") {
		stacks[r[0]] = r[1]
	}
	var stops []oracleStop
	for _, r := range readTSV(t, scenario+".stops.tsv") {
		num, err := strconv.Atoi(r[0])
		if err != nil {
			t.Fatalf("%s: stop %q: %v", scenario, r[0], err)
		}
		s := oracleStop{num, r[2], r[3], normalSocket(r[4]), normalSegment(r[3], r[5]), normalFrames(r[3], stacks[r[6]])}
		if n := len(stops); n > 0 && sameEntry(stops[n-1], s) {
			continue // the second half of a function that gcc split
		}
		stops = append(stops, s)
	}
	return stops
}

// sameEntry reports whether b is the second breakpoint location of one function
// entry: same function, same callers.
func sameEntry(a, b oracleStop) bool {
	return a.function == b.function && strings.Join(a.frames, " ") == strings.Join(b.frames, " ") &&
		splitFunctions[a.function]
}

// splitFunctions are those that gcc split or of which gdb found a second
// location inside, so that one entry made two stops.
var splitFunctions = map[string]bool{
	"ip_finish_output": true, "tcp_schedule_loss_probe": true, "tcp_rearm_rto": true,
	"icmp_echo": true, "raw_rcv": true,
}

// ephemeralRE matches the ports that a machine chose.
var ephemeralRE = regexp.MustCompile(`:(3[2-9]\d{3}|4\d{4}|5\d{4}|60\d{3})\b`)

func normalPorts(s string) string { return ephemeralRE.ReplaceAllString(s, ":PORT") }

func normalSocket(s string) string { return normalPorts(s) }

var segRE = regexp.MustCompile(`^TCP (\S+) (\S+) seq=\d+ ack=\d+ win=(\d+) len=(-?\d+)$`)
var cbRE = regexp.MustCompile(`^cb: (\S+) seq=(\d+) end_seq=(\d+) len=(\d+)`)

// normalSegment keeps flags, window and length. Where the recording read
// headers that were not built yet, what it read is no fact.
func normalSegment(function, s string) string {
	if m := segRE.FindStringSubmatch(s); m != nil {
		if function == "__ip_local_out" {
			m[4] = "?" // tot_len is set in there
		}
		return fmt.Sprintf("TCP %s %s win=%s len=%s", normalPorts(m[1]), m[2], m[3], m[4])
	}
	if m := cbRE.FindStringSubmatch(s); m != nil {
		if m[1] == "-" {
			return "" // the clone's control block is IP's by then
		}
		seq, _ := strconv.ParseUint(m[2], 10, 32)
		end, _ := strconv.ParseUint(m[3], 10, 32)
		return fmt.Sprintf("cb %s %d len=%s", m[1], uint32(end)-uint32(seq), m[4])
	}
	if strings.HasPrefix(s, "UDP ") && function == "udp_send_skb" {
		return "" // the header is written in there
	}
	return normalPorts(s)
}

// flagNames are the recording's, in its order.
func flagNames(f wire.TCPFlags) string {
	var names []string
	for _, fl := range []struct {
		bit  wire.TCPFlags
		name string
	}{{wire.FIN, "FIN"}, {wire.SYN, "SYN"}, {wire.RST, "RST"}, {wire.PSH, "PSH"}, {wire.ACK, "ACK"}, {wire.URG, "URG"}} {
		if f&fl.bit != 0 {
			names = append(names, fl.name)
		}
	}
	if names == nil {
		return "-"
	}
	return strings.Join(names, "|")
}

// recorder notes every stop of the functions that the recording broke on.
type recorder struct {
	s     *Stack
	on    bool
	stops []oracleStop
}

func (r *recorder) hook(sym *Sym) bool {
	if !r.on {
		return false
	}
	here := r.s.CallChain()
	o := oracleStop{num: len(r.stops) + 1, context: here.Context, function: sym.Name}
	last := ""
	for i, f := range here.Frames {
		if f.Func == last {
			continue
		}
		last = f.Func
		if i == 0 {
			o.frames = append(o.frames, f.Func)
		} else {
			o.frames = append(o.frames, fmt.Sprintf("%s@%s:%d", f.Func, f.File, f.Line))
		}
	}
	o.socket = normalSocket(describeSocket(here.Frames[0]))
	o.segment = normalSegment(sym.Name, describeSegment(here.Frames[0]))
	r.stops = append(r.stops, o)
	return false
}

func describeSocket(f Frame) string {
	for _, a := range f.Args {
		switch v := a.Value.(type) {
		case *core.Sock:
			if v != nil {
				return sockString(&v.SockCommon)
			}
		case *core.SockCommon:
			if v != nil {
				return sockString(v)
			}
		case *core.Socket:
			if v != nil && v.Sk != nil {
				return sockString(&v.Sk.SockCommon)
			}
		case *tcp.RequestSock:
			if v != nil {
				return sockString(&v.SockCommon)
			}
		}
	}
	return ""
}

var oracleStates = []string{"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
	"CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV"}

func sockString(sk *core.SockCommon) string {
	s := fmt.Sprintf("%s %v:%d-%v:%d", oracleStates[sk.SkState], sk.SkRcvSaddr, sk.SkNum, sk.SkDaddr, sk.SkDport)
	if sk.Full != nil {
		owned := 0
		if sk.Full.SkLock.Owned {
			owned = 1
		}
		s += fmt.Sprintf(" owned=%d", owned)
	}
	return s
}

func describeSegment(f Frame) string {
	for _, a := range f.Args {
		skb, ok := a.Value.(*core.SkBuff)
		if !ok || skb == nil || skb.Head == nil {
			continue
		}
		ip := skb.Ip()
		if skb.NetworkHeader <= 0 || len(ip) < wire.IPv4MinLen || ip.Version() != 4 || skb.TransportHeader <= skb.NetworkHeader {
			return fmt.Sprintf("cb: %s seq=%d end_seq=%d len=%d (headers not built)",
				flagNames(wire.TCPFlags(skb.Cb.TcpFlags)), skb.Cb.Seq, skb.Cb.EndSeq, skb.Len)
		}
		src, dst := ip.Src(), ip.Dst()
		switch ip.Protocol() {
		case wire.ProtoTCP:
			th := skb.Tcp()
			return fmt.Sprintf("TCP %v:%d>%v:%d %s seq=%d ack=%d win=%d len=%d", src, th.SrcPort(), dst, th.DstPort(),
				flagNames(th.Flags()), th.Seq(), th.Ack(), th.Window(), int(ip.TotalLen())-ip.IHL()-th.DataOff())
		case wire.ProtoUDP:
			uh := skb.Udp()
			return fmt.Sprintf("UDP %v:%d>%v:%d len=%d", src, uh.SrcPort(), dst, uh.DstPort(), int(uh.Length())-8)
		case wire.ProtoICMP:
			ih := skb.Icmp()
			return fmt.Sprintf("ICMP %v>%v type=%d code=%d", src, dst, ih.Type(), ih.Code())
		}
	}
	return ""
}

// oracleMachine is the recorded laboratory: lo, and an eth0 that has an address
// and no driver behind it.
func oracleMachine(t *testing.T) (*Stack, *recorder) {
	t.Helper()
	s := New(Config{Seed: 1})
	t.Cleanup(s.Close)
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	r := &recorder{s: s}
	var syms []*Sym
	for _, name := range oracleBreakpoints(t) {
		if sym := s.Lookup(name); sym != nil {
			syms = append(syms, sym)
		}
	}
	s.SetHook(r.hook, syms, false)
	return s, r
}

// oracleBreakpoints are the functions that the recording stopped in anywhere.
func oracleBreakpoints(t *testing.T) []string {
	seen := make(map[string]bool)
	for _, sc := range oracleScenarios {
		for _, r := range readTSV(t, sc.name+".stops.tsv") {
			seen[r[3]] = true
		}
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

var loopback = netip.MustParseAddr("127.0.0.1")

func at(port uint16) netip.AddrPort { return netip.AddrPortFrom(loopback, port) }

// must fails the program that makes an unexpected error.
func must(t *testing.T, what string, err error) {
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func replyhiProgram(t *testing.T) func(p *Proc) int {
	return func(p *Proc) int {
		fd, err := p.Socket(AF_INET, SOCK_STREAM, 0)
		must(t, "socket", err)
		must(t, "bind", p.Bind(fd, at(5001)))
		must(t, "listen", p.Listen(fd, 1024))
		buf := make([]byte, 1024)
		for {
			c, _, err := p.Accept(fd)
			if err != nil {
				return 1
			}
			p.Recv(c, buf, 0)
			p.Send(c, []byte("hi\x00")[:2], 0)
			p.Close(c)
		}
	}
}

func helloProgram(t *testing.T) func(p *Proc) int {
	return func(p *Proc) int {
		fd, err := p.Socket(AF_INET, SOCK_STREAM, 0)
		must(t, "socket", err)
		must(t, "connect", p.Connect(fd, at(5001)))
		_, err = p.Send(fd, []byte("hello"), 0)
		must(t, "send", err)
		buf := make([]byte, 1024)
		n, err := p.Recv(fd, buf, 0)
		must(t, "recv", err)
		if got := string(buf[:max(n, 0)]); got != "hi" {
			t.Errorf("recv got %q, want hi", got)
		}
		must(t, "close", p.Close(fd))
		return 0
	}
}

func wantErrno(t *testing.T, what string, err, want error) {
	if err != want {
		t.Errorf("%s: error is %v, want %v", what, err, want)
	}
}

var oracleScenarios = []struct {
	name string
	run  func(t *testing.T, s *Stack, r *recorder)
}{
	{"replyhi", func(t *testing.T, s *Stack, r *recorder) {
		r.on = true
		s.Spawn("replyhi", nil, replyhiProgram(t))
		s.Settle()
	}},
	{"hello", func(t *testing.T, s *Stack, r *recorder) {
		s.Spawn("replyhi", nil, replyhiProgram(t))
		s.Advance(time.Second)
		r.on = true
		s.Wait(s.Exec("hello", nil, helloProgram(t)))
	}},
	{"refused", func(t *testing.T, s *Stack, r *recorder) {
		warmLoopback(t, s)
		r.on = true
		s.Wait(s.Exec("refused", nil, func(p *Proc) int {
			fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
			wantErrno(t, "connect", p.Connect(fd, at(5999)), ECONNREFUSED)
			p.Close(fd)
			return 0
		}))
	}},
	{"unreachable", func(t *testing.T, s *Stack, r *recorder) {
		r.on = true
		s.Wait(s.Exec("unreachable", nil, func(p *Proc) int {
			fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
			wantErrno(t, "connect", p.Connect(fd, netip.MustParseAddrPort("10.250.0.1:80")), ENETUNREACH)
			p.Close(fd)
			return 0
		}))
	}},
	{"syn-retransmit", func(t *testing.T, s *Stack, r *recorder) {
		must(t, "dummy0", s.AddDummy("dummy0"))
		must(t, "ifconfig", s.IfConfig("dummy0", netip.MustParsePrefix("10.9.9.1/8")))
		must(t, "up", s.IfUp("dummy0"))
		r.on = true
		s.Wait(s.Exec("synrt", nil, func(p *Proc) int {
			fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
			must(t, "setsockopt", p.SetsockoptTimeval(fd, SOL_SOCKET, SO_SNDTIMEO, 3500*time.Millisecond))
			wantErrno(t, "connect", p.Connect(fd, netip.MustParseAddrPort("10.9.9.9:80")), EINPROGRESS)
			p.Close(fd)
			return 0
		}))
	}},
	{"udp", func(t *testing.T, s *Stack, r *recorder) {
		warmLoopback(t, s)
		r.on = true
		s.Wait(s.Exec("udp", nil, udpProgram(t)))
	}},
	{"ping", func(t *testing.T, s *Stack, r *recorder) {
		warmLoopback(t, s)
		r.on = true
		s.Wait(s.Exec("ping", nil, func(p *Proc) int {
			fd, err := p.Socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
			must(t, "socket", err)
			echo := wire.ICMPv4{8, 0, 0, 0, 0, 1, 0, 1, 'm', 'e', 'n', 'u', 'o', 's', '!', '!'}
			echo.UpdateChecksum()
			_, err = p.Sendto(fd, echo, 0, at(0))
			must(t, "sendto", err)
			buf := make([]byte, 256)
			for _, want := range []byte{8, 0} { // a raw socket sees the request, too
				n, err := p.Recv(fd, buf, 0)
				must(t, "recv", err)
				if n != 36 || buf[20] != want {
					t.Errorf("recv gave %d bytes, ICMP type %d, want 36 and %d", n, buf[20], want)
				}
			}
			p.Close(fd)
			return 0
		}))
	}},
}

// warmLoopback sends a packet over lo, as the phases before had done when these
// were recorded: the next one finds the link header cached.
func warmLoopback(t *testing.T, s *Stack) {
	s.Wait(s.Exec("warm", nil, func(p *Proc) int {
		fd, err := p.Socket(AF_INET, SOCK_STREAM, 0)
		must(t, "socket", err)
		wantErrno(t, "connect", p.Connect(fd, at(5999)), ECONNREFUSED)
		p.Close(fd)
		return 0
	}))
}

func udpProgram(t *testing.T) func(p *Proc) int {
	return func(p *Proc) int {
		s, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		c, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		must(t, "bind", p.Bind(s, at(5002)))
		_, err := p.Sendto(c, []byte("hello"), 0, at(5002))
		must(t, "sendto", err)
		buf := make([]byte, 256)
		_, from, err := p.Recvfrom(s, buf, 0)
		must(t, "recvfrom", err)
		_, err = p.Sendto(s, []byte("hi"), 0, from)
		must(t, "sendto", err)
		_, _, err = p.Recvfrom(c, buf, 0)
		must(t, "recvfrom", err)
		must(t, "connect", p.Connect(c, at(5998)))
		_, err = p.Send(c, []byte("x"), 0)
		must(t, "send", err)
		_, err = p.Recv(c, buf, MSG_DONTWAIT)
		wantErrno(t, "recv", err, ECONNREFUSED)
		p.Close(s)
		p.Close(c)
		return 0
	}
}

// align pairs the stops of two runs by their longest common subsequence; -1
// stands for a stop that has no partner.
func align(a, b []oracleStop, same func(x, y oracleStop) bool) [][2]int {
	n, m := len(a), len(b)
	lcs := make([][]int16, n+1)
	for i := range lcs {
		lcs[i] = make([]int16, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if same(a[i], b[j]) {
				lcs[i][j] = lcs[i+1][j+1] + 1
			} else {
				lcs[i][j] = max(lcs[i+1][j], lcs[i][j+1])
			}
		}
	}
	var pairs [][2]int
	i, j := 0, 0
	for i < n || j < m {
		switch {
		case i < n && j < m && same(a[i], b[j]):
			pairs = append(pairs, [2]int{i, j})
			i++
			j++
		case j >= m || i < n && lcs[i+1][j] >= lcs[i][j+1]:
			pairs = append(pairs, [2]int{i, -1})
			i++
		default:
			pairs = append(pairs, [2]int{-1, j})
			j++
		}
	}
	return pairs
}

// sameStop compares all that the recording states.
func sameStop(x, y oracleStop) bool {
	return x.function == y.function && x.context == y.context &&
		(x.socket == "" || x.socket == y.socket) &&
		(x.segment == "" || x.segment == y.segment) &&
		strings.Join(x.frames, " ") == strings.Join(y.frames, " ")
}

// knownDifferences reads docs/linux-differences.md: rows of its table of
// stops, "| scenario | stop | function | reason |".
func knownDifferences(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/linux-differences.md")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]string)
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 {
			continue
		}
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `")
		}
		if cells[1] == "scenario" || strings.HasPrefix(cells[1], "-") {
			continue
		}
		for _, stop := range strings.Split(cells[2], ",") {
			known[cells[1]+" "+strings.TrimSpace(stop)+" "+cells[3]] = cells[4]
		}
	}
	return known
}

// TestOracle holds the machine against the recorded kernel, stop by stop.
func TestOracle(t *testing.T) {
	known := knownDifferences(t)
	used := make(map[string]bool)
	total, matched := 0, 0
	for _, sc := range oracleScenarios {
		t.Run(sc.name, func(t *testing.T) {
			want := readOracle(t, sc.name)
			s, r := oracleMachine(t)
			sc.run(t, s, r)
			for _, pair := range align(want, r.stops, sameStop) {
				switch {
				case pair[0] >= 0 && pair[1] >= 0:
					matched++
				case pair[0] >= 0:
					w := want[pair[0]]
					key := fmt.Sprintf("%s %d %s", sc.name, w.num, w.function)
					if used[key] = true; known[key] == "" {
						t.Errorf("the kernel stopped here and the machine did not:\n  %v", w)
					}
				default:
					g := r.stops[pair[1]]
					key := fmt.Sprintf("%s +%d %s", sc.name, g.num, g.function)
					if used[key] = true; known[key] == "" {
						t.Errorf("the machine stopped here and the kernel did not:\n  %v", g)
					}
				}
			}
			total += len(want)
			t.Logf("%d stops recorded, %d of the machine", len(want), len(r.stops))
		})
	}
	t.Logf("%d of %d recorded stops equal the kernel's (%.1f%%)", matched, total, 100*float64(matched)/float64(total))
	if matched*100 < total*95 {
		t.Errorf("%d of %d recorded stops match, want 95%%", matched, total)
	}
	for key, reason := range known {
		if !used[key] {
			t.Errorf("docs/linux-differences.md lists %q (%s), but there is no such difference", key, reason)
		}
	}
}
