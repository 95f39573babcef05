package stack

import (
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/internal/tcp"
	"menuos/stack/wire"
)

// Simulation: one machine, its loopback link made bad by a netfilter hook, and
// programs that talk over it, all drawn from a seed. What must hold is checked
// at every packet and whenever the machine rests; at the end nothing may be
// left. A failing seed prints itself and the last segments of the link:
//
//	go test ./stack -run 'Simulation$' -sim.seed=N -sim.seeds=1 -sim.log

var (
	simSeed  = flag.Uint64("sim.seed", 1, "first seed of the simulation")
	simSeeds = flag.Int("sim.seeds", 0, "how many seeds to run (default: a few)")
	simLog   = flag.Bool("sim.log", false, "print every segment of the simulation")
)

const (
	simMark = 0x51a // of packets that the link has let through
	simTail = 40    // segments that a failure prints
)

// simLink is the bad link.
type simLink struct {
	s   *Stack
	r   *rand.Rand
	sim *simRun
	loss, dup, late, corrupt,
	burst float64
	latency time.Duration // of every packet
	jitter  time.Duration // of late ones, on top

	queue []simHeld // by due
	seq   uint64
	kind  kernel.TimerKind
	timer kernel.Timer
	lose  int // packets of a burst that are still to be lost

	log  [simTail]string
	logN int
}

type simHeld struct {
	due uint64 // jiffies
	seq uint64
	skb *core.SkBuff
}

func (l *simLink) start(s *Stack) {
	l.s = s
	l.kind = kernel.TimerKind{Name: "link", Runs: "link_deliver", Func: l.deliver}
	l.timer.Setup(&l.kind, l)
	s.n.NfRegisterNetHook(core.NfInetPreRouting, l.hook)
}

func (l *simLink) hook(skb *core.SkBuff, _ core.NfHookState) uint32 {
	l.sim.quick()
	if skb.Mark == simMark {
		skb.Mark = 0
		return core.NfAccept
	}
	switch x := l.r.Float64(); {
	case l.lose > 0:
		l.lose--
		l.note("lost", skb)
		return core.NfDrop
	case x < l.loss:
		l.note("lost", skb)
		return core.NfDrop
	case x < l.loss+l.burst:
		l.lose = l.r.IntN(5) // fewer than the retries of an orphan
		l.note("lost", skb)
		return core.NfDrop
	case x < l.loss+l.burst+l.corrupt:
		l.note("spoilt", skb)
		l.hold(l.spoil(skb), l.latency)
		return core.NfDrop
	}
	if l.r.Float64() < l.dup {
		c := skb
		if l.r.IntN(2) == 0 {
			c = l.s.n.SkbCopy(skb)
		} else {
			c = l.s.n.SkbClone(skb)
		}
		l.note("copied", skb)
		l.hold(c, l.latency+time.Duration(l.r.Int64N(int64(l.jitter)+1)))
	}
	if l.r.Float64() < l.late {
		l.note("late", skb)
		l.hold(skb, l.latency+time.Duration(l.r.Int64N(int64(l.jitter)+1)))
		return core.NfStolen
	}
	l.note("", skb)
	if l.latency > 0 {
		l.hold(skb, l.latency)
		return core.NfStolen
	}
	return core.NfAccept
}

// spoil makes a copy of a packet with its checksums in place and one bit wrong.
func (l *simLink) spoil(skb *core.SkBuff) *core.SkBuff {
	b := l.s.packetBytes(skb)
	bit := l.r.IntN(8 * len(b))
	b[bit/8] ^= 1 << (bit % 8)
	return l.s.newFrame(skb.Dev, b)
}

// packetBytes copies a packet from its network header on, with a checksum that
// was left to the device completed.
func (s *Stack) packetBytes(skb *core.SkBuff) []byte {
	b := make([]byte, skb.Len)
	s.n.SkbCopyBits(skb, 0, b)
	if skb.IpSummed == core.ChecksumPartial {
		start := skb.CsumStart - skb.Data
		sum := wire.Fold(wire.Sum(b[start:], 0))
		b[start+skb.CsumOffset], b[start+skb.CsumOffset+1] = byte(sum>>8), byte(sum)
	}
	return b
}

// newFrame makes a packet as a driver would that received b.
func (s *Stack) newFrame(dev *core.NetDevice, b []byte) *core.SkBuff {
	skb := s.n.AllocSkb(64 + len(b))
	skb.Reserve(64)
	skb.ResetMacHeader()
	skb.PutData(b)
	skb.Dev = dev
	skb.Protocol = wire.EtherTypeIPv4
	return skb
}

func (l *simLink) hold(skb *core.SkBuff, d time.Duration) {
	l.seq++
	h := simHeld{l.s.n.Jiffies() + uint64(d/time.Millisecond), l.seq, skb}
	i, _ := slices.BinarySearchFunc(l.queue, h, func(a, b simHeld) int {
		if a.due != b.due {
			return int(int64(a.due - b.due))
		}
		return int(int64(a.seq - b.seq))
	})
	l.queue = slices.Insert(l.queue, i, h)
	if i == 0 {
		l.s.n.ModTimer(&l.timer, h.due)
	}
}

func (l *simLink) deliver(*kernel.Timer) {
	for len(l.queue) > 0 && l.queue[0].due <= l.s.n.Jiffies() {
		skb := l.queue[0].skb
		l.queue = l.queue[1:]
		skb.Mark = simMark
		l.s.n.NetifRx(skb)
	}
	if len(l.queue) > 0 {
		l.s.n.ModTimer(&l.timer, l.queue[0].due)
	}
}

func (l *simLink) note(fate string, skb *core.SkBuff) {
	b := l.s.packetBytes(skb)
	ip := wire.IPv4(b)
	ports := ""
	if len(b) >= 24 && ip.Protocol() == wire.ProtoTCP {
		th := wire.TCP(b[ip.IHL():])
		ports = fmt.Sprintf("%d>%d", th.SrcPort(), th.DstPort())
	}
	line := fmt.Sprintf("%12.6f %-12s %-7s %s", l.s.n.Kernel.Now().Seconds(), ports, fate, wire.Packetdrill(b, nil))
	l.log[l.logN%simTail] = line
	l.logN++
	if *simLog {
		l.sim.t.Log(line)
	}
}

func (l *simLink) tail() string {
	var b strings.Builder
	for i := max(0, l.logN-simTail); i < l.logN; i++ {
		fmt.Fprintln(&b, l.log[i%simTail])
	}
	return b.String()
}

// simRun is one simulation.
type simRun struct {
	t    testing.TB
	seed uint64
	r    *rand.Rand
	s    *Stack
	link simLink

	conns   []*simConn
	prot    *core.Proto
	edges   map[uint64]uint32 // right edges of windows by cookie
	failed  bool
	lostFin bool // a FIN has been lost by coalescing in a backlog
	heavy   bool // much is lost: connections may time out
	byPort  map[uint16]*simConn
}

func (m *simRun) failf(format string, args ...any) {
	if m.failed {
		return
	}
	m.failed = true
	m.t.Errorf("seed %d, at %v: %s\n%s\n%s", m.seed, m.s.n.Kernel.Now(), fmt.Sprintf(format, args...), m.describe(), m.link.tail())
}

func (m *simRun) describe() string {
	var b strings.Builder
	l := &m.link
	fmt.Fprintf(&b, "link: loss %.3f burst %.3f copied %.3f late %.3f spoilt %.3f latency %v jitter %v\n",
		l.loss, l.burst, l.dup, l.late, l.corrupt, l.latency, l.jitter)
	for _, c := range m.conns {
		fmt.Fprintln(&b, c)
	}
	m.s.n.ForEachSock(func(c *core.SockCommon) {
		fmt.Fprintf(&b, "%s %d>%d", ssStates[c.SkState], c.SkNum, c.SkDport)
		if tp := tcp.TcpSk(c.Full); tp != nil {
			fmt.Fprintf(&b, " una %d nxt %d write %d out %d sacked %d lost %d retrans %d cwnd %d wnd %d | rcv %d copied %d | pending %d backoff %d shut %d err %d owned %v ca %d",
				tp.SndUna, tp.SndNxt, tp.WriteSeq, tp.PacketsOut, tp.SackedOut, tp.LostOut, tp.RetransOut, tp.SndCwnd, tp.SndWnd,
				tp.RcvNxt, tp.CopiedSeq, tp.IcskPending, tp.IcskBackoff, tp.SkShutdown, tp.SkErr, tp.SkLock.Owned, tp.IcskCaState)
		}
		fmt.Fprintln(&b)
	})
	return b.String()
}

// simPick draws one of several.
func simPick[T any](r *rand.Rand, xs ...T) T { return xs[r.IntN(len(xs))] }

// simSize draws a size up to top, small ones as often as large ones.
func simSize(r *rand.Rand, top int) int {
	if r.IntN(20) == 0 {
		return 0
	}
	return int(math.Exp(r.Float64() * math.Log(float64(top))))
}

// quick checks what holds at every moment.
func (m *simRun) quick() {
	if m.failed {
		return
	}
	m.s.n.ForEachSock(func(c *core.SockCommon) {
		tp := tcp.TcpSk(c.Full)
		if tp == nil || tp.SkState == core.TcpListen {
			return
		}
		bad := func(what string, a, b any) {
			m.failf("%d>%d %s: %s: %v, %v", tp.SkNum, tp.SkDport, ssStates[tp.SkState], what, a, b)
		}
		switch {
		case tp.SkState == core.TcpClose:
		case tp.SackedOut+tp.LostOut > tp.PacketsOut:
			bad("sacked_out + lost_out above packets_out", tp.SackedOut+tp.LostOut, tp.PacketsOut)
		case tp.RetransOut > tp.PacketsOut:
			bad("retrans_out above packets_out", tp.RetransOut, tp.PacketsOut)
		case tp.SkForwardAlloc < 0 && (m.s.n.Mib[core.MibTcpExtTCPRcvCollapsed] == 0 || tp.SkForwardAlloc < -16*core.SkMemQuantum):
			// Collapsing may charge more than it gives back, as in Linux.
			bad("forward_alloc", tp.SkForwardAlloc, 0)
		case tp.SkBacklog.RmemAlloc < 0 || tp.SkBacklog.Len < 0:
			bad("rmem, backlog", tp.SkBacklog.RmemAlloc, tp.SkBacklog.Len)
		case tp.SkWmemQueued < 0 || tp.SkWmemAlloc < 1:
			bad("wmem_queued, wmem_alloc", tp.SkWmemQueued, tp.SkWmemAlloc)
		case wire.After(tp.SndUna, tp.SndNxt):
			bad("snd_una after snd_nxt", tp.SndUna, tp.SndNxt)
		case wire.After(tp.SndNxt, tp.WriteSeq):
			bad("snd_nxt after write_seq", tp.SndNxt, tp.WriteSeq)
		case tp.SndCwnd == 0 && m.s.n.Mib[core.MibTcpExtTCPMTUPSuccess] == 0: // a probe of the path MTU may leave 0, as in Linux 5.0
			bad("snd_cwnd", tp.SndCwnd, 0)
		}
		if tp.SkState == core.TcpEstablished {
			edge := tp.RcvWup + tp.RcvWnd
			if old, ok := m.edges[tp.Cookie]; ok && wire.Before(edge, old) {
				bad("the window shrinks", edge, old)
			}
			m.edges[tp.Cookie] = edge
		}
	})
}

// rest checks what holds when no softirq runs.
func (m *simRun) rest() {
	m.quick()
	if m.failed {
		return
	}
	memory, estab := 0, 0
	tw := 0
	m.s.n.ForEachSock(func(c *core.SockCommon) {
		if _, ok := c.Partial.(*tcp.TimewaitSock); ok {
			tw++
		}
		tp := tcp.TcpSk(c.Full)
		if tp == nil {
			return
		}
		m.prot = tp.SkProt
		memory += tp.SkForwardAlloc + tp.SkWmemQueued + tp.SkBacklog.RmemAlloc
		if tp.SkState == core.TcpEstablished {
			estab++
		}
		if !tp.SkLock.Owned && tp.SkState != core.TcpListen {
			if what := m.settled(tp); what != "" {
				m.failf("%d>%d %s: %s", tp.SkNum, tp.SkDport, ssStates[tp.SkState], what)
			}
		}
	})
	if m.prot != nil && int(m.prot.MemoryAllocated)*core.SkMemQuantum != memory {
		m.failf("memory_allocated is %d bytes, sockets have %d", int(m.prot.MemoryAllocated)*core.SkMemQuantum, memory)
	}
	if n := m.s.n.Mib[core.MibTcpCurrEstab]; n != uint64(estab) {
		m.failf("CurrEstab %d, %d connections are", n, estab)
	}
}

// settled checks one connection that nobody works on.
func (m *simRun) settled(tp *tcp.TcpSock) string {
	var out, sacked, lost, retrans uint32
	queued, rmem := 0, 0
	next, first := uint32(0), true
	for skb := tp.TcpRtxQueue.First; skb != nil; skb = skb.Next {
		n := uint32(skb.Cb.TcpGsoSegs)
		out += n
		if skb.Cb.Sacked&core.TcpcbSackedAcked != 0 {
			sacked += n
		}
		if skb.Cb.Sacked&core.TcpcbLost != 0 {
			lost += n
		}
		if skb.Cb.Sacked&core.TcpcbSackedRetrans != 0 {
			retrans += n
		}
		if !first && skb.Cb.Seq != next {
			return fmt.Sprintf("hole in the retransmit queue at %d", next)
		}
		first, next = false, skb.Cb.EndSeq
		queued += skb.Truesize
	}
	for skb := tp.SkWriteQueue.First; skb != nil; skb = skb.Next {
		if !first && skb.Cb.Seq != next {
			return fmt.Sprintf("hole in the write queue at %d", next)
		}
		first, next = false, skb.Cb.EndSeq
		queued += skb.Truesize
	}
	for skb := tp.SkReceiveQueue.First; skb != nil; skb = skb.Next {
		rmem += skb.Truesize
	}
	start := uint32(0)
	for skb := tp.OutOfOrderQueue.First; skb != nil; skb = skb.Next {
		rmem += skb.Truesize
		if skb != tp.OutOfOrderQueue.First && wire.Before(skb.Cb.Seq, start) {
			return fmt.Sprintf("out of order queue is not in order at %d", skb.Cb.Seq)
		}
		start = skb.Cb.Seq
		if !wire.After(skb.Cb.EndSeq, tp.RcvNxt) {
			return fmt.Sprintf("out of order queue holds %d, which has been received", skb.Cb.Seq)
		}
	}
	closed := tp.SkState == core.TcpClose // with its counters as they were
	armed := tp.IcskPending != 0 && tp.IcskRetransmitTimer.Pending()
	switch {
	case out != tp.PacketsOut:
		return fmt.Sprintf("packets_out %d, the queue has %d", tp.PacketsOut, out)
	case !closed && tp.RxOpt.SackOk != 0 && sacked != tp.SackedOut:
		return fmt.Sprintf("sacked_out %d, the queue has %d", tp.SackedOut, sacked)
	case !closed && lost != tp.LostOut:
		return fmt.Sprintf("lost_out %d, the queue has %d", tp.LostOut, lost)
	case !closed && retrans != tp.RetransOut:
		return fmt.Sprintf("retrans_out %d, the queue has %d", tp.RetransOut, retrans)
	case queued != tp.SkWmemQueued:
		return fmt.Sprintf("wmem_queued %d, the queues have %d", tp.SkWmemQueued, queued)
	case rmem != tp.SkBacklog.RmemAlloc:
		return fmt.Sprintf("rmem_alloc %d, the queues have %d", tp.SkBacklog.RmemAlloc, rmem)
	case tp.SkBacklog.Head != nil || tp.SkBacklog.Len != 0:
		return "backlog of a socket that nobody holds"
	case closed:
		return ""
	case tp.PacketsOut > 0 && !armed:
		return "segments are out and no timer runs"
	case tp.SkWriteQueue.First != nil && tp.PacketsOut == 0 && !armed && !tp.PacingTimer.Pending() && tp.SkTsqFlags == 0:
		return "data waits to be sent and no timer runs"
	}
	return ""
}

// simConfigure draws the machine and its link.
func (m *simRun) configure() {
	r := m.r
	s := m.s
	noErr(m.t, s.IfUp("lo"))
	if r.IntN(2) == 0 {
		noErr(m.t, s.SetMTU("lo", simPick(r, 1500, 1500, 576, 9000, 296)))
	}
	set := func(name string, choices ...string) {
		if r.IntN(3) == 0 {
			noErr(m.t, s.SysctlSet(name, simPick(r, choices...)))
		}
	}
	set("net.ipv4.tcp_sack", "0")
	set("net.ipv4.tcp_dsack", "0")
	set("net.ipv4.tcp_timestamps", "0", "2")
	set("net.ipv4.tcp_window_scaling", "0")
	set("net.ipv4.tcp_congestion_control", "reno")
	set("net.ipv4.tcp_recovery", "0", "2", "3", "5")
	set("net.ipv4.tcp_ecn", "1")
	set("net.ipv4.tcp_early_retrans", "0", "4")
	set("net.ipv4.tcp_frto", "0")
	set("net.ipv4.tcp_retrans_collapse", "0")
	set("net.ipv4.tcp_autocorking", "0")
	set("net.ipv4.tcp_slow_start_after_idle", "0")
	set("net.ipv4.tcp_moderate_rcvbuf", "0")
	set("net.ipv4.tcp_tw_reuse", "0", "1")
	set("net.ipv4.tcp_syncookies", "2", "0")
	set("net.ipv4.tcp_mtu_probing", "1", "2")
	set("net.ipv4.tcp_early_demux", "0")
	set("net.ipv4.tcp_abort_on_overflow", "0")
	set("net.ipv4.tcp_no_metrics_save", "1")
	set("net.ipv4.tcp_rmem", "4096 16384 65536", "4096 8192 8192")
	set("net.ipv4.tcp_wmem", "4096 4096 16384", "4096 16384 65536")
	set("net.ipv4.tcp_comp_sack_nr", "0")
	set("net.ipv4.tcp_limit_output_bytes", "4096")
	set("net.ipv4.tcp_adv_win_scale", "2", "-1")
	if r.IntN(12) == 0 {
		noErr(m.t, s.SysctlSet("net.ipv4.tcp_mem", "20 40 80"))
		m.heavy = true
	}

	l := &m.link
	l.sim, l.r = m, rand.New(rand.NewPCG(m.seed, 2))
	if r.IntN(6) > 0 {
		some := func(top float64) float64 {
			if r.IntN(2) == 0 {
				return 0
			}
			return top * r.Float64()
		}
		l.loss, l.dup, l.late, l.corrupt, l.burst = some(0.08), some(0.1), some(0.2), some(0.03), some(0.01)
		l.jitter = time.Duration(1+r.IntN(200)) * time.Millisecond
		if r.IntN(8) == 0 {
			l.loss += 0.2 * r.Float64()
			m.heavy = true
		}
		if r.IntN(2) == 0 {
			l.latency = time.Duration(simSize(r, 300)) * time.Millisecond
		}
	}
	if !m.heavy {
		// An orphan that gives up early leaves its peer waiting for ever.
		noErr(m.t, s.SysctlSet("net.ipv4.tcp_orphan_retries", "40"))
	}
	l.start(s)
}

const simListen = 5000

func (m *simRun) run() {
	m.edges = make(map[uint64]uint32)
	m.byPort = make(map[uint16]*simConn)
	m.configure()
	s := m.s
	baseSocks, basePools, baseTimers := s.n.SockCount(), s.n.PoolUse(), m.timers()
	baseTasks := make(map[*kernel.Task]bool)
	for _, task := range s.n.Tasks() {
		baseTasks[task] = true
	}

	backlog := simPick(m.r, 1, 4, 128)
	s.Spawn("server", io.Discard, func(p *Proc) int { return m.serve(p, simListen, backlog) })
	s.Advance(time.Millisecond)
	for i := range 1 + simSize(m.r, 8) {
		m.conns = append(m.conns, m.newConn(i))
	}
	for _, c := range m.conns {
		if c.own {
			s.Spawn("server", io.Discard, func(p *Proc) int { return m.serve(p, c.port(), 1) })
		}
		c.job = s.Spawn("client", io.Discard, c.client)
	}
	m.until(time.Hour, func() bool {
		for _, c := range m.conns {
			if !c.over() {
				return false
			}
		}
		return true
	})
	if m.failed {
		return
	}
	for _, c := range m.conns {
		if !m.lostFin {
			c.judge()
		}
	}
	for _, task := range s.n.Tasks() {
		if !baseTasks[task] {
			s.Kill(task.Pid, SIGKILL)
		}
	}
	m.until(time.Minute, func() bool {
		return len(s.n.Tasks()) == len(baseTasks)
	})
	for range 20 {
		s.Advance(time.Minute)
		m.rest()
	}
	if m.failed {
		return
	}
	if n := s.n.SockCount(); n != baseSocks {
		m.failf("%d sockets are left", n-baseSocks)
	}
	if p := s.n.PoolUse(); p != basePools {
		m.failf("memory is left: %+v, at first %+v", p, basePools)
	}
	if n := m.timers(); n != baseTimers {
		m.failf("timers are left: %s, at first %s", n, baseTimers)
	}
	if p := m.prot; p != nil && (p.MemoryAllocated != 0 || p.OrphanCount != 0 || p.SocketsAllocated != 0 || p.Inuse != 0) {
		m.failf("memory %d, orphans %d, sockets %d, in tables %d", p.MemoryAllocated, p.OrphanCount, p.SocketsAllocated, p.Inuse)
	}
	for i, v := range s.n.Mib {
		if v > 1<<40 && i != core.MibTcpMaxConn {
			m.failf("counter %s is %d", core.MibNames[i], int64(v))
		}
	}
}

// timers lists what is armed but the link's own.
func (m *simRun) timers() string {
	var names []string
	m.s.n.ForEachTimer(func(t *kernel.Timer) { names = append(names, t.Kind.Name) })
	m.s.n.ForEachHrtimer(func(t *kernel.Hrtimer) { names = append(names, t.Kind.Name) })
	slices.Sort(names)
	return strings.Join(names, " ")
}

// until lets the machine run in steps until done holds, checking it at each.
func (m *simRun) until(limit time.Duration, done func() bool) {
	end := m.s.n.Kernel.Now() + limit
	for !m.failed && !done() {
		if m.s.n.Kernel.Now() > end {
			for _, c := range m.conns {
				if c.strict() && !c.over() && m.s.n.Mib[core.MibTcpExtTCPBacklogCoalesce] == 0 {
					m.failf("stuck")
				}
			}
			m.lostFin = true // by tcp_add_backlog, as Linux 5.0.1 does
			return
		}
		step := time.Duration(1+m.r.IntN(20)) * time.Millisecond
		if next := m.s.n.NextEvent(); next != kernel.Forever && next > m.s.n.Kernel.Now()+step {
			step = next - m.s.n.Kernel.Now()
		}
		m.s.n.Run(m.s.n.Kernel.Now()+min(step, time.Minute), func() bool { m.rest(); return m.failed })
		m.rest()
	}
}

// event prints what -sim.log shows besides the segments.
func (m *simRun) event(ev *core.Event) {
	switch ev.Name {
	case "inet_sock_set_state", "tcp_retransmit_skb", "tcp_send_reset", "tcp_receive_reset", "tcp_destroy_sock", "kfree_skb":
		var chain []string
		for _, f := range m.s.n.Frames(ev.Stack) {
			chain = append(chain, f.Func)
		}
		m.t.Logf("%12.6f %s %d>%d %d>%d %s: %s", ev.Time.Seconds(), ev.Name, ev.Sock.Sport, ev.Sock.Dport, ev.OldState, ev.NewState, ev.Reason,
			strings.Join(chain[:min(len(chain), 8)], " < "))
	}
}

func simulate(t testing.TB, seed uint64, watch func(s *Stack)) {
	m := &simRun{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 1))}
	m.s = New(Config{Seed: seed})
	defer m.s.Close()
	if watch != nil {
		watch(m.s)
	} else if *simLog {
		m.s.n.Trace = m.event
	}
	defer func() {
		if r := recover(); r != nil {
			m.failf("panic: %v", r)
			panic(r)
		}
	}()
	m.run()
}

// TestSimulation runs random programs over a bad link.
func TestSimulation(t *testing.T) {
	seeds := *simSeeds
	if seeds == 0 {
		seeds = 400
		if testing.Short() {
			seeds = 10
		}
	}
	for i := range seeds {
		simulate(t, *simSeed+uint64(i), nil)
		if t.Failed() && os.Getenv("SIM_GO_ON") == "" {
			return
		}
	}
}

// TestSimulationRepeats runs the same seeds twice and compares all events.
func TestSimulationRepeats(t *testing.T) {
	for seed := uint64(1); seed <= 6; seed++ {
		var sums [2]string
		for i := range sums {
			h := fnv.New64a()
			n := 0
			simulate(t, seed, func(s *Stack) {
				w := s.Watch(1)
				_ = w
				s.n.Trace = func(ev *core.Event) {
					n++
					fmt.Fprint(h, ev.Time, ev.Seq, ev.Name, ev.Context, ev.Pid, ev.SkbID, ev.SkbAddr, ev.Sock, ev.OldState, ev.NewState, ev.Reason, ev.Timer, ev.Expires)
					h.Write(ev.Packet)
				}
			})
			sums[i] = fmt.Sprintf("%d events, %x", n, h.Sum64())
		}
		if sums[0] != sums[1] {
			t.Errorf("seed %d: %s, then %s", seed, sums[0], sums[1])
		}
	}
}

func simAddr(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

func simAnyAddr(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.IPv4Unspecified(), port)
}
