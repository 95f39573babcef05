// Facts for observers: events that bear the names of Linux's tracepoints
// (include/trace/events). They are made only while Net.Trace is set.

package core

import (
	"time"

	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Event is one fact. What does not apply is zero.
type Event struct {
	Time    time.Duration // since boot
	Seq     uint64        // counts events
	Name    string        // tracepoint
	Context string        // process; process,bh-off; softirq; hardirq
	Pid     int
	Comm    string
	Stack   kernel.Stack // innermost frame: the function that the fact happened in

	Dev       string
	SkbID     uint64
	SkbAddr   uint64
	SkbLen    int
	Protocol  uint16 // ethertype
	Packet    []byte // the IP packet, with its checksums completed; nil if it has no headers
	Truncated bool   // Packet is a part: the rest has been taken off

	Sock     SockInfo
	OldState uint8
	NewState uint8
	Reason   string // kfree_skb: why; sock_wakeup: which of the callbacks

	Timer   string        // timer_*: its kind
	Runs    string        // timer_*: the function that it calls
	Expires time.Duration // timer_start: when

	Probe *TcpProbe // tcp_probe
}

// SockInfo names a socket.
type SockInfo struct {
	Cookie       uint64
	Addr         uint64
	Family       uint16
	Protocol     uint8
	State        uint8
	Saddr, Daddr wire.Addr
	Sport, Dport uint16
}

// TcpProbe is what tcp_probe tells of a connection when a segment arrives.
type TcpProbe struct {
	DataLen           int
	SndNxt, SndUna    uint32
	SndCwnd, Ssthresh uint32
	SndWnd, Srtt      uint32
	RcvWnd            uint32
}

// NewEvent starts an event of now; skip leaves out that many functions above
// its caller from the stack. Pass it to Emit when it is complete.
func (n *Net) NewEvent(name string, skip int) *Event {
	n.eventSeq++
	t := n.Current()
	ev := &n.event
	*ev = Event{
		Time: n.Now(), Seq: n.eventSeq, Name: name, Context: n.Context(),
		Pid: t.Pid, Comm: t.Comm, Stack: n.Callers(skip + 1),
	}
	return ev
}

// Emit hands an event to the observer, who copies what he keeps of it: the
// machine uses the same Event again.
func (n *Net) Emit(ev *Event) { n.Trace(ev) }

// packetRoom takes room for size bytes of a packet. Packets of events share
// pieces of memory, which last as long as any event in them.
func (n *Net) packetRoom(size int) []byte {
	const piece = 64 << 10
	if size > piece/4 {
		return make([]byte, 0, size)
	}
	if cap(n.eventRoom)-len(n.eventRoom) < size {
		n.eventRoom = make([]byte, 0, piece)
	}
	at := len(n.eventRoom)
	n.eventRoom = n.eventRoom[:at+size]
	return n.eventRoom[at : at : at+size]
}

// SockInfoOf names a socket, request or TIME_WAIT remnant.
func SockInfoOf(sk *SockCommon) SockInfo {
	info := SockInfo{
		Cookie: sk.Cookie, Addr: sk.addr, Family: sk.SkFamily, State: sk.SkState,
		Saddr: sk.SkRcvSaddr, Daddr: sk.SkDaddr, Sport: sk.SkNum, Dport: sk.SkDport,
		Protocol: wire.ProtoTCP,
	}
	if sk.Full != nil {
		info.Protocol = sk.Full.SkProtocol
	}
	return info
}

// WithSkb completes an event with a packet.
func (n *Net) WithSkb(ev *Event, skb *SkBuff, dev *NetDevice) *Event {
	ev.SkbID, ev.SkbAddr, ev.SkbLen, ev.Protocol = skb.ID, skb.addr, skb.Len, skb.Protocol
	if dev != nil {
		ev.Dev = dev.Name
	}
	if skb.Sk != nil {
		ev.Sock = SockInfoOf(&skb.Sk.SockCommon)
	}
	ev.Packet, ev.Truncated = n.ipPacket(skb)
	return ev
}

// WithSock completes an event with a socket.
func (ev *Event) WithSock(sk *SockCommon) *Event {
	ev.Sock = SockInfoOf(sk)
	return ev
}

// Common is what a socket has in common with requests and TIME_WAIT remnants,
// which have it by embedding.
func (sk *SockCommon) Common() *SockCommon { return sk }

// SockOwner is the socket, request or TIME_WAIT remnant that owns a timer, nil
// if something else does.
func SockOwner(owner any) *SockCommon {
	if o, ok := owner.(interface{ Common() *SockCommon }); ok {
		return o.Common()
	}
	return nil
}

// ipPacket copies the IP packet that skb carries, with a checksum that was left
// to the device completed: at most TraceSnap bytes of it. truncated says that
// part of the packet is missing, because it has been taken off or not copied;
// then a checksum that was left to the device stays as it is. It returns nil if
// skb has no IP header.
func (n *Net) ipPacket(skb *SkBuff) (packet []byte, truncated bool) {
	if skb.Head == nil || skb.Protocol != wire.EtherTypeIPv4 || skb.NetworkHeader <= 0 ||
		skb.Tail-skb.NetworkHeader < wire.IPv4MinLen {
		return nil, false
	}
	linear := skb.Head.B[skb.NetworkHeader:skb.Tail]
	ip := wire.IPv4(linear)
	if ip.Version() != 4 {
		return nil, false
	}
	size := len(linear)
	for i := range int(skb.Head.NrFrags) {
		size += int(skb.Head.Frags[i].Size)
	}
	for list := skb.Head.FragList; list != nil; list = list.Next {
		size += list.Headlen()
	}
	total := int(ip.TotalLen())
	if total >= wire.IPv4MinLen && total < size {
		size = total
	}
	if n.TraceSnap > 0 && size > n.TraceSnap {
		size = n.TraceSnap
	}
	b := appendUpTo(n.packetRoom(size), linear)
	for i := range int(skb.Head.NrFrags) {
		b = appendUpTo(b, skb.FragBytes(i))
	}
	for list := skb.Head.FragList; list != nil; list = list.Next {
		b = appendUpTo(b, list.Bytes())
	}
	truncated = len(b) < total
	if skb.IpSummed == ChecksumPartial && !truncated {
		completeChecksum(b, skb.CsumStart-skb.NetworkHeader, skb.CsumOffset)
	}
	return b, truncated
}

// appendUpTo appends what there is room for.
func appendUpTo(b, more []byte) []byte { return append(b, more[:min(len(more), cap(b)-len(b))]...) }

func completeChecksum(b []byte, start, offset int) {
	if start < 0 || start+offset+2 > len(b) {
		return
	}
	sum := wire.Fold(wire.Sum(b[start:], 0))
	if sum == 0 && wire.IPv4(b).Protocol() == wire.ProtoUDP {
		sum = 0xffff
	}
	b[start+offset], b[start+offset+1] = byte(sum>>8), byte(sum)
}

// traceSkb tells of a packet; its callers are the functions that Linux traces
// in.
func (n *Net) traceSkb(name string, skb *SkBuff, dev *NetDevice) {
	n.Emit(n.WithSkb(n.NewEvent(name, 1), skb, dev))
}

// drop notes why the next packet is freed, for kfree_skb's event.
func (n *Net) drop(reason string) {
	if n.Trace != nil {
		n.dropReason = reason
	}
}

// Drop is drop for the layers above.
func (n *Net) Drop(reason string) { n.drop(reason) }

func (n *Net) traceKfreeSkb(skb *SkBuff) {
	ev := n.WithSkb(n.NewEvent("kfree_skb", 1), skb, skb.Dev)
	n.queueDrop(skb)
	ev.Reason = n.dropReason
	n.dropReason = ""
	n.Emit(ev)
}

func (n *Net) traceSkWake(sk *Sock, callback string) {
	ev := n.NewEvent("sock_wakeup", 1).WithSock(&sk.SockCommon)
	ev.Reason = callback
	n.Emit(ev)
}

// TraceInetSockSetState tells that a socket changes its state.
func (n *Net) TraceInetSockSetState(sk *Sock, oldstate, newstate uint8) {
	n.traceSetState(&sk.SockCommon, oldstate, newstate)
}

// TraceSockSetState is the same for a request or a TIME_WAIT remnant.
func (n *Net) TraceSockSetState(sk *SockCommon, oldstate, newstate uint8) {
	n.traceSetState(sk, oldstate, newstate)
}

func (n *Net) traceSetState(sk *SockCommon, oldstate, newstate uint8) {
	ev := n.NewEvent("inet_sock_set_state", 2).WithSock(sk)
	ev.OldState, ev.NewState = oldstate, newstate
	n.Emit(ev)
}

// TraceTcpRetransmitSkb tells that a segment was sent again.
func (n *Net) TraceTcpRetransmitSkb(sk *Sock, skb *SkBuff) { n.traceTcp("tcp_retransmit_skb", sk, skb) }

// TraceTcpSendReset tells that a reset is sent; sk and skb may be nil.
func (n *Net) TraceTcpSendReset(sk *Sock, skb *SkBuff) { n.traceTcp("tcp_send_reset", sk, skb) }

// TraceTcpReceiveReset tells that a reset was accepted.
func (n *Net) TraceTcpReceiveReset(sk *Sock) { n.traceTcp("tcp_receive_reset", sk, nil) }

// TraceTcpDestroySock tells that a connection is gone.
func (n *Net) TraceTcpDestroySock(sk *Sock) { n.traceTcp("tcp_destroy_sock", sk, nil) }

// TraceTcpRcvSpaceAdjust tells that the receive buffer is being tuned.
func (n *Net) TraceTcpRcvSpaceAdjust(sk *Sock) { n.traceTcp("tcp_rcv_space_adjust", sk, nil) }

// TraceTcpProbe tells how a connection does when a segment arrives.
func (n *Net) TraceTcpProbe(sk *Sock, skb *SkBuff, probe *TcpProbe) {
	ev := n.WithSkb(n.NewEvent("tcp_probe", 2), skb, skb.Dev).WithSock(&sk.SockCommon)
	ev.Probe = probe
	n.Emit(ev)
}

func (n *Net) traceTcp(name string, sk *Sock, skb *SkBuff) {
	ev := n.NewEvent(name, 2)
	if skb != nil {
		n.WithSkb(ev, skb, skb.Dev)
	}
	if sk != nil {
		ev.WithSock(&sk.SockCommon)
	}
	n.Emit(ev)
}

// TraceTimers lets Trace hear of timers, too.
func (n *Net) TraceTimers() {
	n.TimerEvents = func(tracepoint string, t *kernel.Timer) {
		if n.Trace == nil {
			return
		}
		skip := 2 // ModTimer and DelTimer, which have no entry
		if tracepoint == "timer_expire_entry" {
			skip = 1
		}
		ev := n.NewEvent(tracepoint, skip)
		ev.Timer, ev.Runs = t.Kind.Name, t.Kind.Runs
		if left := int64(t.Expires - n.Jiffies()); left > 0 {
			ev.Expires = n.Now() + time.Duration(left)*(time.Second/kernel.HZ)
		}
		if sk := SockOwner(t.Owner); sk != nil {
			ev.WithSock(sk)
		}
		n.Emit(ev)
	}
}
