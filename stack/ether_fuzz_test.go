package stack

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

// target is a machine that hostile frames come to: eth0 with a TCP and a UDP
// server behind it and a connection that is open, eth1 to forward to.
type target struct {
	*nic
	e1   *Ether
	out1 [][]byte
	seq  uint32 // that the connection expects
	ack  uint32
}

// peerPort is the port of whom the frames come from, 10.0.0.2.
const peerPort = 40000

func newTarget(t testing.TB) *target {
	m := &target{nic: newNIC(t, "10.0.0.1/24", 1, EtherConfig{Offload: true})}
	var err error
	m.e1, err = m.AttachEther(EtherConfig{Name: "eth1", MAC: wire.MAC{0x52, 0x54, 0, 0, 1, 1}, MTU: 600}, func(h VnetHdr, frame []byte) bool {
		m.out1 = append(m.out1, append([]byte(nil), frame...))
		return true
	})
	for _, err := range []error{err, m.AddAddr("eth1", netip.MustParsePrefix("10.1.0.1/24")), m.IfUp("eth1"), m.SysctlSet("net.ipv4.ip_forward", "1")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m.Spawn("udp", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		p.Bind(fd, netip.MustParseAddrPort("0.0.0.0:53"))
		for buf := make([]byte, 65536); ; {
			n, from, err := p.Recvfrom(fd, buf, 0)
			if err == nil {
				p.Sendto(fd, buf[:n], 0, from)
			}
		}
	})
	m.Spawn("tcp", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		p.Bind(fd, netip.MustParseAddrPort("0.0.0.0:80"))
		p.Listen(fd, 8)
		for buf := make([]byte, 65536); ; {
			c, _, err := p.Accept(fd)
			for err == nil {
				var n int
				if n, err = p.Recv(c, buf, 0); n <= 0 {
					break
				}
				p.Send(c, buf[:n], MSG_NOSIGNAL|MSG_DONTWAIT)
			}
			p.Close(c)
		}
	})
	m.Settle()
	m.handshake(t)
	return m
}

// handshake opens the connection.
func (m *target) handshake(t testing.TB) {
	m.e.Receive(EtherFrame{Data: arpRequest(m.nic, netip.MustParseAddr("10.0.0.2"))})
	m.e.Receive(EtherFrame{Data: m.segment(wire.SYN, 1000, 0, 80, nil)})
	m.Settle()
	for _, f := range m.take() {
		if ip := wire.IPv4(f.Data[14:]); wire.Ethernet(f.Data).Type() == wire.EtherTypeIPv4 && ip.Protocol() == wire.ProtoTCP {
			m.seq, m.ack = 1001, wire.TCP(ip.Payload()).Seq()+1
		}
	}
	m.e.Receive(EtherFrame{Data: m.segment(wire.ACK, m.seq, m.ack, 80, nil)})
	m.e.Receive(EtherFrame{Data: m.segment(wire.ACK|wire.PSH, m.seq, m.ack, 80, []byte("hello"))})
	m.Settle()
	if got := m.take(); len(got) != 2 {
		t.Fatalf("%d answers to a handshake and data", len(got))
	}
	m.seq += 5
}

// segment is a frame with a TCP segment from the peer.
func (m *target) segment(flags wire.TCPFlags, seq, ack uint32, port uint16, data []byte) []byte {
	th := wire.TCP(make([]byte, 20+len(data)))
	th.SetSrcPort(peerPort)
	th.SetDstPort(port)
	th.SetSeq(seq)
	th.SetAck(ack)
	th.SetDataOffFlags(20, flags)
	th.SetWindow(65535)
	copy(th[20:], data)
	return m.packet(wire.ProtoTCP, 0, 0, th)
}

// packet is a frame with an IP packet from the peer; its transport checksum is
// made right.
func (m *target) packet(proto uint8, fragFlags uint16, fragOff int, payload []byte) []byte {
	f := make([]byte, 34+len(payload))
	eth, ip := wire.Ethernet(f), wire.IPv4(f[14:])
	eth.SetDst(wire.MAC{0x52, 0x54, 0, 0, 0, 1})
	eth.SetSrc(wire.MAC{0x52, 0x54, 0, 0, 0, 9})
	eth.SetType(wire.EtherTypeIPv4)
	copy(f[34:], payload)
	ip.SetVersionIHL(20)
	ip.SetTotalLen(uint16(20 + len(payload)))
	ip.SetTTL(64)
	ip.SetProtocol(proto)
	ip.SetFrag(fragFlags, fragOff)
	ip.SetSrc(wire.Addr(0x0a000002))
	ip.SetDst(wire.Addr(0x0a000001))
	fixChecksums(f)
	return f
}

// fixChecksums makes a frame's checksums right, where it has any.
func fixChecksums(f []byte) {
	if len(f) < 34 || wire.Ethernet(f).Type() != wire.EtherTypeIPv4 {
		return
	}
	ip := wire.IPv4(f[14:])
	if ip.IHL() < 20 || ip.IHL() > len(ip) {
		return
	}
	ip.UpdateChecksum()
	at := map[uint8]int{wire.ProtoTCP: 16, wire.ProtoUDP: 6, wire.ProtoICMP: 2}
	off, ok := at[ip.Protocol()]
	p := []byte(ip[ip.IHL():min(max(int(ip.TotalLen()), ip.IHL()), len(ip))])
	if !ok || len(p) < off+2 || ip.FragOff() != 0 {
		return
	}
	binary.BigEndian.PutUint16(p[off:], 0)
	sum := wire.Fold(wire.Sum(p, 0))
	if ip.Protocol() != wire.ProtoICMP {
		sum = wire.TransportChecksum(ip.Src(), ip.Dst(), ip.Protocol(), p)
	}
	binary.BigEndian.PutUint16(p[off:], sum)
}

// What a record of the fuzzer's input asks for: its first byte.
const (
	opRaw    = 0 // the frame as it is
	opFix    = 1 // … with checksums made right
	opTCP    = 2 // a TCP header and data on the open connection, near its window
	opIP     = 3 // an IP packet's protocol, fragment field and payload
	opKind   = 3
	opHdr    = 1 << 2 // a virtio header comes first
	opOther  = 1 << 3 // to eth1
	opWait   = 1 << 4 // time passes before
	opSource = 1 << 5 // from another host
	opTo     = 1 << 6 // through this machine, to one behind eth1
)

// records cuts the fuzzer's input into frames: one byte of op, two of length,
// and so many bytes.
func records(data []byte, frame func(op byte, b []byte)) {
	for n := 0; len(data) >= 3 && n < 64; n++ {
		op, size := data[0], int(binary.BigEndian.Uint16(data[1:]))
		data = data[3:]
		size = min(size, len(data))
		frame(op, append([]byte(nil), data[:size]...))
		data = data[size:]
	}
}

// record is a record of the fuzzer's input.
func record(op byte, b []byte) []byte {
	return append([]byte{op, byte(len(b) >> 8), byte(len(b))}, b...)
}

// build makes a frame of a record.
func (m *target) build(op byte, b []byte) EtherFrame {
	var f EtherFrame
	if op&opHdr != 0 && len(b) >= 10 {
		f.Hdr = VnetHdr{b[0], b[1], binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:]), binary.BigEndian.Uint16(b[8:])}
		b = b[10:]
	}
	switch op & opKind {
	case opRaw, opFix:
		f.Data = b
	case opTCP:
		b = append(b, make([]byte, max(20-len(b), 0))...)
		th := wire.TCP(b)
		th.SetSrcPort(peerPort)
		th.SetDstPort(80)
		th.SetSeq(m.seq + uint32(int32(int16(th.Seq()))))
		th.SetAck(m.ack + uint32(int32(int16(th.Ack()))))
		f.Data = m.packet(wire.ProtoTCP, 0, 0, b)
	case opIP:
		b = append(b, make([]byte, max(3-len(b), 0))...)
		frag := binary.BigEndian.Uint16(b[1:])
		f.Data = m.packet(b[0], frag&0xe000, int(frag&0x1fff)<<3, b[3:])
	}
	if len(f.Data) >= 34 && op&opKind != opRaw {
		if op&opSource != 0 {
			wire.IPv4(f.Data[14:]).SetSrc(wire.Addr(0x0a000003))
		}
		if op&opTo != 0 {
			wire.IPv4(f.Data[14:]).SetDst(wire.Addr(0x0a010002))
		}
		if f.Hdr.Flags&VIRTIO_NET_HDR_F_NEEDS_CSUM == 0 {
			fixChecksums(f.Data)
		}
	}
	return f
}

// feed gives the machine a frame and answers what it asks by ARP on eth1.
func (m *target) feed(op byte, f EtherFrame) {
	if op&opWait != 0 {
		m.Advance(time.Second)
	}
	e := m.e
	if op&opOther != 0 {
		e = m.e1
	}
	e.Receive(f)
	m.Settle()
	m.take()
	for _, q := range m.out1 {
		if wire.Ethernet(q).Type() == wire.EtherTypeARP && len(q) >= 42 {
			r := append([]byte(nil), q...)
			copy(r, q[6:12])
			copy(r[6:], "\x52\x54\x00\x00\x01\x02")
			r[21] = 2
			copy(r[22:], "\x52\x54\x00\x00\x01\x02")
			copy(r[28:], q[38:42])
			copy(r[32:], q[22:32])
			m.e1.Receive(EtherFrame{Data: r})
		}
	}
	m.out1 = m.out1[:0]
	m.Settle()
}

// FuzzEtherReceive gives a machine hostile frames. It must not panic, every frame
// must be counted, every drop have a reason, and in the end nothing be left of
// them.
func FuzzEtherReceive(f *testing.F) {
	m := newTarget(f)
	for _, seed := range etherSeeds(m) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := newTarget(t)
		w := m.WatchSnap(4096, 64, "kfree_skb")
		defer w.Close()
		first := m.stats().Stats
		fed, filtered := uint64(0), m.e.Filtered()
		records(data, func(op byte, b []byte) {
			if op&opOther == 0 {
				fed++
			}
			before := m.n.Mib
			m.feed(op, m.build(op, b))
			m.explained(t, w, &before)
		})
		got := m.stats().Stats
		if n := got.RxPackets - first.RxPackets + got.RxLengthErrors - first.RxLengthErrors + m.e.Filtered() - filtered; n != fed {
			t.Errorf("%d frames came, %d counted: %+v", fed, n, got)
		}
		m.drained(t)
	})
}

// plainCounters count what comes in, whatever becomes of it.
var plainCounters = []int{core.MibIpInReceives, core.MibIpInDelivers, core.MibTcpInSegs, core.MibIpExtInOctets, core.MibIpExtInNoECTPkts,
	core.MibIpOutRequests, core.MibIpExtOutOctets, core.MibTcpOutSegs, core.MibIcmpInMsgs}

// usedUp are functions that free packets which have done their duty with
// kfree_skb, as Linux does, or count the others at their socket.
var usedUp = map[string]bool{"tcp_drop": true, "tcp_v4_do_rcv": true, "kfree_skb_list": true}

// explained looks for a reason for each packet that was dropped: the event's, or
// a counter that has moved since before. Nobody answers a reset.
func (m *target) explained(t *testing.T, w *Watcher, before *[core.MibMax]uint64) {
	now := m.n.Mib
	for _, plain := range plainCounters {
		now[plain] = before[plain]
	}
	events, _ := w.Next()
	for i := range events {
		if ev := &events[i]; ev.Reason == "" && now == *before {
			var chain []string
			for _, f := range m.Frames(ev) {
				chain = append(chain, f.Func)
			}
			reset := false
			if ip := wire.IPv4(ev.Packet); len(ip) >= 40 && ip.Protocol() == wire.ProtoTCP && len(ip) >= ip.IHL()+20 {
				reset = wire.TCP(ip[ip.IHL():]).Flags()&wire.RST != 0
			}
			if !reset && !slices.ContainsFunc(chain[:min(3, len(chain))], func(f string) bool { return usedUp[f] }) {
				t.Errorf("dropped without a reason in %v: % x", chain, ev.Packet)
			}
		}
	}
}

// drained ends all and looks whether anything is left.
func (m *target) drained(t *testing.T) {
	for _, task := range m.Snapshot().Tasks {
		m.Kill(task.Pid, SIGKILL)
	}
	m.Settle()
	for range 40 {
		m.Advance(time.Minute)
		m.take()
		m.out1 = nil
	}
	if err := fmt.Sprint(m.e.Close(), m.e1.Close()); err != "<nil> <nil>" {
		t.Error(err)
	}
	m.Advance(time.Hour)
	if use := m.n.PoolUse(); use.Skbs != 0 || use.Fclones != 0 || use.Heads != 0 || use.Pages != 0 {
		t.Errorf("left behind: %+v", use)
	}
}

// etherSeeds are inputs to begin with.
func etherSeeds(m *target) [][]byte {
	tcp := func(flags wire.TCPFlags, options string, data string) []byte {
		th := make([]byte, 20, 64)
		th = append(append(th, options...), data...)
		wire.TCP(th).SetDataOffFlags(20+len(options), flags)
		wire.TCP(th).SetWindow(1000)
		return th
	}
	udp := func(port byte, data string) string {
		return "\x9c\x40\x00" + string(port) + "\x00" + string(rune(8+len(data))) + "\x00\x00" + data
	}
	seq := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	syn := m.segment(wire.SYN, 7, 0, 80, nil)
	land := append([]byte(nil), syn...)
	wire.IPv4(land[14:]).SetSrc(wire.IPv4(land[14:]).Dst())
	gso := "\x01\x01\x00\x36\x02\x00\x00\x22\x00\x10"
	return [][]byte{
		record(opRaw, arpRequest(m.nic, netip.MustParseAddr("10.0.0.7"))),
		record(opFix, syn), record(opFix, land),
		record(opFix, m.segment(wire.FIN|wire.SYN|wire.RST|wire.PSH|wire.ACK|wire.URG, 7, 9, 80, []byte("tree"))),
		record(opTCP, tcp(wire.ACK|wire.PSH, "", "data")),
		record(opTCP, tcp(wire.ACK, "\x01\x01\x05\x0a\x00\x00\x00\x01\x00\x00\x00\x02", "")),
		record(opTCP, tcp(wire.ACK|wire.FIN, "", "")), record(opTCP, tcp(wire.RST, "", "")), record(opTCP, tcp(wire.SYN, "", "")),
		record(opTCP, tcp(wire.ACK|wire.URG, "\x02\x04\x00\x01\xfe\x00\x00\x00", "x")),
		record(opIP, []byte("\x11\x00\x00"+udp(53, "question"))), record(opIP, []byte("\x11\x00\x00"+udp(54, "nobody"))),
		seq(record(opIP, []byte("\x11\x20\x00"+udp(53, "12345678"))), record(opIP, []byte("\x11\x00\x02end"))),
		seq(record(opIP, []byte("\x11\x20\x00"+udp(53, "12345678"))), record(opIP, []byte("\x11\x20\x01overlaps")), record(opWait|opIP, []byte("\x11\x1f\xffhuge"))),
		record(opIP, []byte("\x01\x00\x00\x08\x00\x00\x00\x00\x01\x00\x01ping")), record(opIP, []byte("\x01\x00\x00\x03\x04\x00\x00\x00\x00\x02\x00"+string(syn[14:]))),
		record(opIP|opTo, []byte("\x11\x00\x00"+udp(53, "through"))),
		record(opFix|opTo|opHdr, append([]byte(gso), m.segment(wire.ACK|wire.PSH, 1, 1, 80, make([]byte, 3000))...)),
		record(opTCP|opHdr, append([]byte(gso), tcp(wire.ACK|wire.PSH, "", string(make([]byte, 3000)))...)),
		record(opRaw|opOther, arpRequest(m.nic, netip.MustParseAddr("10.1.0.2"))), record(opRaw, nil), record(opRaw|opHdr, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
	}
}
