package steps_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"menuos/stack"
	"menuos/stack/steps"
	"menuos/stack/wire"
)

// stories are runs whose steps and ladders are compared with goldens.
var stories = []struct {
	name string
	run  func(l *lab)
}{
	{"hello", func(l *lab) { l.serve("replyhi", replyhi).run("hello", hello(server())) }},
	{"refused", func(l *lab) { l.run("hello", hello(server())) }},
	{"lost-syn", func(l *lab) { l.dummy().run("hello", hello(netip.MustParseAddrPort("10.9.9.9:5001"))) }},
	{"half-close", func(l *lab) {
		l.serve("late", lateServer).run("half", halfClose)
		l.s.Advance(2 * time.Minute)
	}},
	{"udp", func(l *lab) {
		l.serve("UDP_Server", udpServer).run("UDP_Client", udp(8000)).run("UDP_Client", udp(8001))
	}},
	{"ping", func(l *lab) {
		l.dummy().run("ping", ping(server().Addr(), 2)).run("ping", ping(netip.MustParseAddr("10.9.9.9"), 1))
	}},
	{"accept-full", func(l *lab) {
		l.serve("lazy", lazyServer).serve("hello", hello(server())).serve("hello", hello(server()))
		l.s.Advance(4 * time.Second)
	}},
}

func TestStories(t *testing.T) {
	for _, st := range stories {
		t.Run(st.name, func(t *testing.T) {
			l := newLab(t)
			st.run(l)
			evs := l.steps()
			ladder := ladderOf(evs)
			golden(t, st.name+".en", l.lines(evs, "en")+"\n"+drawn(ladder, 80, false))
			golden(t, st.name+".zh", l.lines(evs, "zh"))
			golden(t, st.name+".ascii", drawn(ladder, 78, true)+drawn(ladder, 50, true))
		})
	}
}

// TestNames holds Names and KindOf together: what is named is of a kind, what is
// not is Other, and every kind has a mark and a name of its own.
func TestNames(t *testing.T) {
	for _, name := range steps.Names {
		if k := steps.KindOf(&stack.Event{Name: name}); k == steps.Other {
			t.Errorf("%s is of kind %v", name, k)
		}
	}
	for _, name := range []string{"consume_skb", "netif_rx", "tcp_probe", ""} {
		if k := steps.KindOf(&stack.Event{Name: name}); k != steps.Other {
			t.Errorf("%q is of kind %v, want %v", name, k, steps.Other)
		}
	}
	marks, names := make(map[string]steps.Kind), make(map[string]steps.Kind)
	for _, k := range steps.Kinds() {
		if len(k.Mark()) != 1 {
			t.Errorf("the mark of %v is %q, want one ASCII character", k, k.Mark())
		}
		if other, twice := marks[k.Mark()]; twice {
			t.Errorf("%v and %v have the mark %q", other, k, k.Mark())
		}
		if other, twice := names[k.String()]; twice {
			t.Errorf("%d and %d have the name %q", other, k, k)
		}
		marks[k.Mark()], names[k.String()] = k, k
	}
	if got := steps.Kind(-1).Mark() + steps.Kind(99).String(); got != ".other" {
		t.Errorf("kinds out of range print %q", got)
	}
}

// tcpPacket is an IPv4 packet with a TCP header and size bytes behind it.
func tcpPacket(src, dst netip.AddrPort, flags wire.TCPFlags, seq, ack uint32, size int) []byte {
	b := make([]byte, wire.IPv4MinLen+wire.TCPMinLen+size)
	ip := wire.IPv4(b)
	ip.SetVersionIHL(wire.IPv4MinLen)
	ip.SetTotalLen(uint16(len(b)))
	ip.SetProtocol(wire.ProtoTCP)
	ip.SetSrc(wire.AddrFrom4(src.Addr().As4()))
	ip.SetDst(wire.AddrFrom4(dst.Addr().As4()))
	th := wire.TCP(b[wire.IPv4MinLen:])
	th.SetSrcPort(src.Port())
	th.SetDstPort(dst.Port())
	th.SetSeq(seq)
	th.SetAck(ack)
	th.SetDataOffFlags(wire.TCPMinLen, flags)
	th.SetWindow(100)
	return b
}

func packetEvent(b []byte) *stack.Event {
	return &stack.Event{Name: "net_dev_queue", Protocol: wire.EtherTypeIPv4, Packet: b, SkbID: 1, SkbLen: len(b)}
}

// TestRelative follows one pair of endpoints through two connections.
func TestRelative(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:1000"), netip.MustParseAddrPort("10.0.0.2:80")
	var r steps.Relative
	for i, c := range []struct {
		src, dst netip.AddrPort
		flags    wire.TCPFlags
		seq, ack uint32
		size     int
		want     string
	}{
		{a, b, wire.PSH | wire.ACK, 5000, 7000, 3, "P. 5000:5003(3) ack 7000 win 100"}, // no SYN seen
		{a, b, wire.SYN, 100, 0, 0, "S 0:0(0) win 100"},
		{a, b, wire.SYN, 100, 0, 0, "S 0:0(0) win 100"}, // again
		{b, a, wire.SYN | wire.ACK, 4294967295, 101, 0, "S. 0:0(0) ack 1 win 100"},
		{a, b, wire.ACK, 101, 0, 0, ". 1:1(0) ack 1 win 100"},
		{b, a, wire.PSH | wire.ACK, 0, 101, 9, "P. 1:10(9) ack 1 win 100"}, // its numbers have wrapped
		{a, b, wire.SYN, 900, 0, 0, "S 0:0(0) win 100"},                    // another connection
		{b, a, wire.RST | wire.ACK, 0, 901, 0, "R. 0:0(0) ack 1 win 100"},  // … of which the server's number is not known
		{b, a, wire.SYN, 40, 0, 0, "S 0:0(0) win 100"},                     // both at once
		{a, b, wire.SYN | wire.ACK, 900, 41, 0, "S. 0:0(0) ack 1 win 100"},
	} {
		seg, ok := steps.SegmentOf(packetEvent(tcpPacket(c.src, c.dst, c.flags, c.seq, c.ack, c.size)), &r)
		if !ok || seg.Text != c.want {
			t.Errorf("segment %d is %q, want %q", i, seg.Text, c.want)
		}
		if seg.Src != c.src || seg.Dst != c.dst || seg.Len != c.size || seg.Flags != c.flags || seg.Win != 100 || seg.Proto != "tcp" {
			t.Errorf("segment %d is %+v, want %+v", i, seg, c)
		}
		if !strings.Contains(seg.Text, " ack ") {
			continue
		}
		abs, _ := steps.SegmentOf(packetEvent(tcpPacket(c.src, c.dst, c.flags, c.seq, c.ack, c.size)), nil)
		if abs.Seq != c.seq || abs.Ack != c.ack {
			t.Errorf("without a memory segment %d has numbers %d and %d, want %d and %d", i, abs.Seq, abs.Ack, c.seq, c.ack)
		}
	}
}

// TestSegmentCut: a packet of which only the beginning was copied tells the
// same, unless its headers are not there.
func TestSegmentCut(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.0.0.1:1000"), netip.MustParseAddrPort("10.0.0.2:80")
	whole := tcpPacket(a, b, wire.PSH|wire.ACK, 5, 6, 1000)
	for size, want := range map[int]string{
		len(whole): "P. 5:1005(1000) ack 6 win 100",
		steps.Snap: "P. 5:1005(1000) ack 6 win 100",
		40:         "P. 5:1005(1000) ack 6 win 100",
		39:         "tcp [cut]",
		20:         "tcp [cut]",
	} {
		for _, r := range []*steps.Relative{nil, new(steps.Relative)} {
			if seg, ok := steps.SegmentOf(packetEvent(whole[:size]), r); !ok || seg.Text != want {
				t.Errorf("of %d bytes: %q, %v, want %q", size, seg.Text, ok, want)
			}
		}
	}
	if seg, ok := steps.SegmentOf(packetEvent(whole[:19]), nil); ok {
		t.Errorf("19 bytes make a segment: %+v", seg)
	}
}

// FuzzSegmentOf: no bytes make it panic, or print what a terminal would not take.
func FuzzSegmentOf(f *testing.F) {
	a, b := netip.MustParseAddrPort("10.0.0.1:1000"), netip.MustParseAddrPort("10.0.0.2:80")
	f.Add([]byte(nil))
	f.Add(tcpPacket(a, b, wire.SYN, 1, 2, 3))
	f.Add(tcpPacket(a, b, wire.SYN, 1, 2, 300)[:50])
	quote := append([]byte{0x45, 0, 0, 48, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1, 3, 3, 0, 0, 0, 0, 0, 0},
		tcpPacket(a, b, wire.SYN, 1, 2, 3)[:28]...)
	f.Add(quote)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r steps.Relative
		var l steps.Ladder
		for i := range 2 { // the second time with a memory
			ev := packetEvent(b)
			seg, ok := steps.SegmentOf(ev, &r)
			if ok && seg.Text == "" {
				t.Errorf("%x prints nothing", b)
			}
			line := r.Describe(ev, nil, "en")
			for _, c := range seg.Text + line.What + line.Where {
				if c < ' ' || c > '~' {
					t.Errorf("%x prints %q", b, seg.Text+line.What)
				}
			}
			l.Add(i+1, ev)
		}
		for width := range 90 {
			for _, row := range l.Rows(0, 0, l.Len(0), width, true) {
				if len(row.Text) > width {
					t.Errorf("a row of %d cells, want at most %d: %q", len(row.Text), width, row.Text)
				}
			}
		}
	})
}
