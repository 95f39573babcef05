package stack

import (
	"net/netip"
	"sort"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/internal/tcp"
	"menuos/stack/wire"
)

// Snapshot is the machine at one moment. It holds copies only.
type Snapshot struct {
	Time     time.Duration
	Socks    []SockInfo
	Timers   []TimerInfo
	Tasks    []TaskInfo
	Ifaces   []Iface
	Counters []Counter
	Stopped  *Stop
}

// SockKind says what stands behind a SockInfo.
type SockKind int

const (
	SockFull     SockKind = iota // a socket
	SockRequest                  // a half-open connection of a listener: NEW_SYN_RECV
	SockTimewait                 // what is left of a connection: TIME_WAIT, FIN_WAIT2
)

// SockInfo is one socket, request or TIME_WAIT remnant.
type SockInfo struct {
	Kind   SockKind
	Netid  string // tcp, udp, raw
	State  string // as ss prints it: ESTAB, LISTEN, SYN-SENT, TIME-WAIT, UNCONN …
	Cookie uint64
	Addr   uint64 // kernel address
	Ino    uint64
	Local  netip.AddrPort
	Peer   netip.AddrPort
	Proto  uint8 // of a raw socket

	RecvQ, SendQ int // bytes; a listener: connections that wait, their limit

	Users    []SockUser // processes that hold it
	Listener uint64     // of a request: cookie of its listener
	Timer    *TimerInfo // the one that ss shows, nil if none
	Mem      SockMem
	Tcp      *TcpInfo

	Owned     bool // a system call holds it
	Shutdown  uint8
	SynQueue  []RequestInfo // of a listener: half open
	SynMax    int           // at so many no more SYNs are taken (sk_max_ack_backlog)
	Accept    []RequestInfo // of a listener: waiting for accept
	AcceptMax int
	Write     []SegInfo // not yet sent
	Rtx       []SegInfo // sent, not acknowledged
	Receive   []SegInfo
	Ooo       []SegInfo // out of order
	Backlog   []SegInfo // came while a system call held the socket
}

// SockUser is a process that holds a socket.
type SockUser struct {
	Comm string
	Pid  int
	Fd   int
}

// SockMem is ss's skmem.
type SockMem struct {
	RmemAlloc, Rcvbuf, WmemAlloc, Sndbuf, FwdAlloc, WmemQueued, Optmem, Backlog, Drops int
}

// RequestInfo is a connection in a listener's SYN queue or accept queue.
type RequestInfo struct {
	Peer    netip.AddrPort
	Age     time.Duration // since its SYN came
	Retrans int           // SYN-ACKs sent again
	Expires time.Duration // since boot: when its SYN-ACK is sent again or it is given up; 0 in the accept queue
}

// SegInfo is one packet of a queue.
type SegInfo struct {
	Seq, EndSeq uint32
	Len         int
	Truesize    int
	Flags       wire.TCPFlags
	Sacked      bool
	Lost        bool
	Retrans     bool
}

// TcpInfo is what TCP knows of a connection.
type TcpInfo struct {
	tcp.TcpInfo
	Congestion                 string
	CaName                     string // Open, Disorder, CWR, Recovery, Loss
	SndUna, SndNxt, WriteSeq   uint32
	RcvNxt, CopiedSeq, RcvWup  uint32
	SndWnd, RcvWnd             uint32
	WscaleOk, SackOk, TstampOk bool
	QuickAck                   int
	Pingpong                   bool
	RtoJiffies                 uint32
	Backoffs                   int
}

// TimerInfo is one armed timer.
type TimerInfo struct {
	Name    string        // as ss names it: on, keepalive, timewait, persist, or what it is
	Kind    string        // retransmit, delack, keepalive, reqsk, timewait, …
	Runs    string        // the function that it calls
	Sock    uint64        // cookie of its socket, request or TIME_WAIT remnant, 0 if it has none
	Task    int           // pid of the task that it wakes
	Neigh   netip.Addr    // the neighbour that it asks for, or lets age
	Armed   time.Duration // since boot: when it was last set
	Expires time.Duration // since boot
	Left    time.Duration
	Retrans int
}

// TaskInfo is one process or kernel thread.
type TaskInfo struct {
	Pid, PPid int
	Comm      string
	State     string // R running or runnable, S sleeping, D uninterruptible
	Kernel    bool   // a kernel thread
	Waits     string // the function that it sleeps in, if it fell asleep while entries were recorded
}

// Iface is one network interface.
type Iface struct {
	Name  string
	Index int
	Flags uint32
	MTU   int
	MAC   wire.MAC
	Type  uint16 // ARPHRD_*
	Qlen  int
	Qdisc string
	Addrs []IfaceAddr

	Driver  string // virtio_net, dummy, tun; "" if it has none
	Carrier bool   // the link is there
	Stats   IfaceStats
}

// IfaceStats counts an interface's traffic.
type IfaceStats = core.NetDeviceStats

// IfaceAddr is one address of an interface.
type IfaceAddr struct {
	Prefix    netip.Prefix
	Broadcast netip.Addr
	Scope     uint8
	Label     string
}

// Counter is one of nstat's counters.
type Counter struct {
	Name  string
	Value uint64
}

// Snapshot copies the machine's state.
func (s *Stack) Snapshot() *Snapshot {
	s.lock()
	defer s.mu.Unlock()
	snap := &Snapshot{Time: s.n.Kernel.Now(), Stopped: s.stopped()}
	users := s.sockUsers()
	s.n.ForEachSock(func(sk *core.SockCommon) {
		if listed(sk) {
			snap.Socks = append(snap.Socks, s.sockInfo(sk, users))
		}
	})
	snap.Timers = s.timerInfos()
	snap.Tasks = s.taskInfos()
	snap.Ifaces = s.ifaces()
	snap.Counters = s.counters()
	return snap
}

// Counters reads all counters, in Linux's order.
func (s *Stack) Counters() []Counter {
	s.lock()
	defer s.mu.Unlock()
	return s.counters()
}

func (s *Stack) counters() []Counter {
	out := make([]Counter, core.MibMax)
	for i := range out {
		out[i] = Counter{core.MibNames[i], s.n.Mib[i]}
	}
	return out
}

// Ifaces copies the interfaces.
func (s *Stack) Ifaces() []Iface {
	s.lock()
	defer s.mu.Unlock()
	return s.ifaces()
}

func (s *Stack) ifaces() []Iface {
	var out []Iface
	for _, dev := range s.n.Devices {
		if dev == nil {
			continue
		}
		i := Iface{Name: dev.Name, Index: dev.Ifindex, Flags: dev.Flags, MTU: dev.Mtu, MAC: dev.DevAddr,
			Type: dev.Type, Qlen: dev.TxQueueLen, Qdisc: "noqueue", Stats: dev.Stats, Carrier: dev.Carrier, Driver: driverOf(dev)}
		if dev.Qdisc != nil {
			i.Qdisc = dev.Qdisc.Ops.Id
		}
		for _, a := range s.n.Addrs(dev.Name) {
			i.Addrs = append(i.Addrs, IfaceAddr{netip.PrefixFrom(a.Local.Netip(), a.Prefixlen), a.Broadcast.Netip(), a.Scope, a.Label})
		}
		out = append(out, i)
	}
	return out
}

func (s *Stack) taskInfos() []TaskInfo {
	var out []TaskInfo
	for _, t := range s.n.Tasks() {
		info := TaskInfo{Pid: t.Pid, Comm: t.Comm, State: "R", Kernel: t.Pid == 0 || t.Comm == "ksoftirqd/0" || t == s.host.task}
		if t.Parent != nil {
			info.PPid = t.Parent.Pid
		}
		switch t.State {
		case kernel.TaskInterruptible:
			info.State = "S"
		case kernel.TaskUninterruptible:
			info.State = "D"
		}
		if sym := s.n.SleepsIn(t); sym != nil {
			info.Waits = sym.Name
		}
		out = append(out, info)
	}
	return out
}

// sockUsers finds who holds each socket.
func (s *Stack) sockUsers() map[*core.Socket][]SockUser {
	users := make(map[*core.Socket][]SockUser)
	for _, t := range s.n.Tasks() {
		for _, fd := range t.Files.Open() {
			if sock, ok := t.Files.Get(fd).PrivateData.(*core.Socket); ok {
				users[sock] = append(users[sock], SockUser{t.Comm, t.Pid, fd})
			}
		}
	}
	return users
}

// ssStates are the states as ss prints them.
var ssStates = [core.TcpMaxStates]string{"UNKNOWN", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",
	"TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING", "SYN-RECV"}

func addrPort(a wire.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.Netip(), port) }

// listed reports whether a socket is one that ss shows: not the kernel's own.
func listed(sk *core.SockCommon) bool {
	full := sk.Full
	return sk.Partial != nil || full != nil && (full.SkSocket != nil || full.SkProtocol == wire.ProtoTCP)
}

func (s *Stack) sockInfo(sk *core.SockCommon, users map[*core.Socket][]SockUser) SockInfo {
	info := SockInfo{Netid: "tcp", State: ssStates[sk.SkState], Cookie: sk.Cookie, Addr: sk.Kaddr(),
		Local: addrPort(sk.SkRcvSaddr, sk.SkNum), Peer: addrPort(sk.SkDaddr, sk.SkDport)}
	switch o := sk.Partial.(type) {
	case *tcp.RequestSock:
		info.Kind = SockRequest
		if o.RskListener != nil {
			info.Listener = o.RskListener.Cookie
		}
		info.Timer = s.pendingTimer(&o.RskTimer, "on", int(o.NumRetrans))
		return info
	case *tcp.TimewaitSock:
		info.Kind = SockTimewait
		info.State = ssStates[o.TwSubstate]
		info.Timer = s.pendingTimer(&o.TwTimer, "timewait", 0)
		return info
	}
	full := sk.Full
	if sock := full.SkSocket; sock != nil {
		info.Users = users[sock]
		info.Ino = sk.Cookie + 1000
	}
	info.RecvQ, info.SendQ = core.SkRmemAllocGet(full), core.SkWmemAllocGet(full)
	info.Owned, info.Shutdown = full.SkLock.Owned, full.SkShutdown
	info.Mem = SockMem{core.SkRmemAllocGet(full), full.SkRcvbuf, core.SkWmemAllocGet(full), full.SkSndbuf,
		full.SkForwardAlloc, full.SkWmemQueued, full.SkOmemAlloc, full.SkBacklog.Len, full.SkDrops}
	switch {
	case full.SkType == core.SockDgram:
		info.Netid = "udp"
	case full.SkType == core.SockRaw:
		info.Netid, info.Proto = "raw", full.SkProtocol
	default:
		if tp := tcp.TcpSk(full); tp != nil {
			s.tcpInfo(&info, tp)
		}
	}
	info.Receive = segInfos(full.SkReceiveQueue.First)
	info.Backlog = segInfos(full.SkBacklog.Head)
	return info
}

func segInfos(skb *core.SkBuff) []SegInfo {
	var out []SegInfo
	for ; skb != nil; skb = skb.Next {
		out = append(out, SegInfo{Seq: skb.Cb.Seq, EndSeq: skb.Cb.EndSeq, Len: skb.Len, Truesize: skb.Truesize,
			Flags:   wire.TCPFlags(skb.Cb.TcpFlags),
			Sacked:  skb.Cb.Sacked&core.TcpcbSackedAcked != 0,
			Lost:    skb.Cb.Sacked&core.TcpcbLost != 0,
			Retrans: skb.Cb.Sacked&core.TcpcbRetrans != 0})
	}
	return out
}

var caNames = []string{"Open", "Disorder", "CWR", "Recovery", "Loss"}

func (s *Stack) tcpInfo(info *SockInfo, tp *tcp.TcpSock) {
	sk := &tp.Sock
	t := &TcpInfo{CaName: caNames[tp.IcskCaState%5]}
	s.n.TcpInfoOf(sk, &t.TcpInfo)
	if tp.IcskCaOps != nil {
		t.Congestion = tp.IcskCaOps.Name
	}
	t.SndUna, t.SndNxt, t.WriteSeq = tp.SndUna, tp.SndNxt, tp.WriteSeq
	t.RcvNxt, t.CopiedSeq, t.RcvWup = tp.RcvNxt, tp.CopiedSeq, tp.RcvWup
	t.SndWnd, t.RcvWnd = tp.SndWnd, tp.RcvWnd
	t.WscaleOk, t.SackOk, t.TstampOk = tp.RxOpt.WscaleOk, tp.RxOpt.SackOk != 0, tp.RxOpt.TstampOk
	t.QuickAck, t.Pingpong = int(tp.IcskAck.Quick), tp.IcskAck.Pingpong != 0
	t.RtoJiffies, t.Backoffs = tp.IcskRto, int(tp.IcskBackoff)
	info.Tcp = t
	if sk.SkState == core.TcpListen {
		info.RecvQ, info.SendQ = int(sk.SkAckBacklog), int(sk.SkMaxAckBacklog)
		info.AcceptMax, info.SynMax = int(sk.SkMaxAckBacklog), int(sk.SkMaxAckBacklog)
		for r := tp.IcskAcceptQueue.Head; r != nil; r = r.DlNext {
			info.Accept = append(info.Accept, s.requestInfo(r))
		}
		if tp.IcskAcceptQueue.Qlen == 0 {
			return // no need to look for them
		}
		s.n.ForEachSock(func(c *core.SockCommon) {
			if r, ok := c.Partial.(*tcp.RequestSock); ok && r.RskListener == sk && r.Sk == nil {
				info.SynQueue = append(info.SynQueue, s.requestInfo(r))
			}
		})
		return
	}
	info.RecvQ = int(tp.RcvNxt - tp.CopiedSeq)
	if sk.SkState == core.TcpClose || info.RecvQ < 0 {
		info.RecvQ = 0
	}
	info.SendQ = int(tp.WriteSeq - tp.SndUna)
	info.Write = segInfos(sk.SkWriteQueue.First)
	info.Rtx = segInfos(sk.TcpRtxQueue.First)
	info.Ooo = segInfos(tp.OutOfOrderQueue.First)
	info.Timer = s.ssTimer(tp)
}

func (s *Stack) requestInfo(r *tcp.RequestSock) RequestInfo {
	info := RequestInfo{Peer: addrPort(r.SkDaddr, r.SkDport), Retrans: int(r.NumRetrans),
		Age: s.n.Kernel.Now() - time.Duration(r.SntSynack)*time.Microsecond}
	if r.RskTimer.Pending() {
		info.Expires = s.expiry(&r.RskTimer)
	}
	return info
}

// ssTimer is the timer that ss shows of a connection: the retransmission, probe
// or keepalive timer.
func (s *Stack) ssTimer(tp *tcp.TcpSock) *TimerInfo {
	if tp.IcskPending != 0 && tp.IcskRetransmitTimer.Pending() {
		name, n := "on", int(tp.IcskRetransmits)
		if tp.IcskPending == tcp.IcskTimeProbe0 {
			name, n = "persist", int(tp.IcskProbesOut)
		}
		return s.pendingTimer(&tp.IcskRetransmitTimer, name, n)
	}
	if tp.SkTimer.Pending() {
		return s.pendingTimer(&tp.SkTimer, "keepalive", int(tp.IcskProbesOut))
	}
	return nil
}

// pendingTimer is a timer under the name that ss has for it, nil if it is not
// armed.
func (s *Stack) pendingTimer(t *kernel.Timer, name string, retrans int) *TimerInfo {
	if !t.Pending() {
		return nil
	}
	info := s.timerInfo(t)
	info.Name, info.Retrans = name, retrans
	return &info
}

// expiry is when a timer expires, since boot.
func (s *Stack) expiry(t *kernel.Timer) time.Duration {
	return s.n.Kernel.Now() + time.Duration(int64(t.Expires-s.n.Jiffies()))*(time.Second/kernel.HZ)
}

func (s *Stack) timerInfo(t *kernel.Timer) TimerInfo {
	at := s.expiry(t)
	info := TimerInfo{Name: t.Kind.Name, Kind: t.Kind.Name, Runs: t.Kind.Runs, Armed: t.ArmedAt, Expires: at, Left: at - s.n.Kernel.Now()}
	info.own(t.Owner)
	switch o := t.Owner.(type) {
	case *tcp.RequestSock:
		info.Retrans = int(o.NumRetrans)
	case *core.Sock:
		if tp := tcp.TcpSk(o); tp != nil && t == &tp.IcskRetransmitTimer {
			info.Name, info.Retrans = pendingNames[tp.IcskPending], int(tp.IcskRetransmits)
			if tp.IcskPending == tcp.IcskTimeProbe0 {
				info.Retrans = int(tp.IcskProbesOut)
			}
		}
	}
	return info
}

// pendingNames tell what a connection's retransmission timer is armed for
// (icsk_pending).
var pendingNames = map[uint8]string{tcp.IcskTimeProbe0: "persist", tcp.IcskTimeLossProbe: "tlp", tcp.IcskTimeReoTimeout: "rack",
	0: "retransmit", 1: "retransmit"}

// own says whose timer it is.
func (info *TimerInfo) own(owner any) {
	if sk := core.SockOwner(owner); sk != nil {
		info.Sock = sk.Cookie
	}
	if t, ok := owner.(*kernel.Task); ok {
		info.Task = t.Pid
	}
	if neigh, ok := owner.(*core.Neighbour); ok {
		info.Neigh = neigh.Key.Netip()
	}
}

func (s *Stack) timerInfos() []TimerInfo {
	var out []TimerInfo
	s.n.ForEachTimer(func(t *kernel.Timer) { out = append(out, s.timerInfo(t)) })
	s.n.ForEachHrtimer(func(t *kernel.Hrtimer) {
		info := TimerInfo{Name: t.Kind.Name, Kind: t.Kind.Name, Runs: t.Kind.Runs, Armed: t.ArmedAt, Expires: t.Expires, Left: t.Expires - s.n.Kernel.Now()}
		info.own(t.Owner)
		out = append(out, info)
	})
	sort.SliceStable(out, func(i, j int) bool { return out[i].Expires < out[j].Expires })
	return out
}
