package tui

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"menuos/stack"
	"menuos/stack/wire"
)

// spawn starts a program in the bench's machine and lets it run until all sleep.
func (b *bench) spawn(comm string, body func(p *stack.Proc) error) {
	b.t.Helper()
	b.s.Machine().Spawn(comm, &b.out, func(p *stack.Proc) int {
		if err := body(p); err != nil {
			b.t.Errorf("%s: %v", comm, err)
			return 1
		}
		return 0
	})
	b.s.Machine().Settle()
	b.refresh()
}

// server listens on 127.0.0.1:7000 and then does what after says with its socket.
func (b *bench) server(backlog int, after func(p *stack.Proc, fd int) error) {
	b.spawn("server", func(p *stack.Proc) error {
		fd, err := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		if err := p.Bind(fd, serverAddr); err != nil {
			return err
		}
		if err := p.Listen(fd, backlog); err != nil {
			return err
		}
		return after(p, fd)
	})
}

var serverAddr = netip.MustParseAddrPort("127.0.0.1:7000")

// client connects to the server and then does what after says.
func (b *bench) client(after func(p *stack.Proc, fd int) error) {
	b.spawn("client", func(p *stack.Proc) error {
		fd, err := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		if err := p.Connect(fd, serverAddr); err != nil {
			return err
		}
		return after(p, fd)
	})
}

// forever sleeps in a read of a socket that nobody writes to.
func forever(p *stack.Proc, fd int) error {
	_, err := p.Recv(fd, make([]byte, 1), stack.MSG_PEEK)
	return err
}

// sleepOn waits in accept on another socket, which nobody connects to.
func sleepOn(p *stack.Proc, port uint16) error {
	fd, err := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := p.Bind(fd, netip.AddrPortFrom(serverAddr.Addr(), port)); err != nil {
		return err
	}
	if err := p.Listen(fd, 1); err != nil {
		return err
	}
	_, _, err = p.Accept(fd)
	return err
}

// TestQueuesThroughHello shows both ends at the steps of a connection at which
// their queues differ from the step before.
func TestQueuesThroughHello(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello")
	var all []string
	for _, state := range []string{"SYN-SENT", "LISTEN"} {
		sock := sockWith(t, b.stepTo("SYN-SENT", 1), state).Cookie
		last := ""
		for i := range b.sc.rec.n {
			sc := b.goTo(b.sc.rec.at(i).n)
			sc.sock = sock
			p := new(queuesPane)
			lines := p.draw(sc, 57, 14)
			checkCells(t, lines, 57, 14, false)
			if now := strings.Join(lines, "\n"); sc.selected() != nil && now != last {
				last = now
				all = append(all, fmt.Sprintf("== %d. %s: %s", sc.cur, sc.step.Name, p.title(sc)))
				all = append(all, lines...)
			}
		}
	}
	golden(t, "queues_hello", all)
}

// segment is a packet from port of another host to the machine's 10.9.9.1.
func segment(t *testing.T, from, to uint16, flags wire.TCPFlags, seq, ack uint32) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{10, 9, 9, 9}, DstIP: net.IP{10, 9, 9, 1}}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(from), DstPort: layers.TCPPort(to), Seq: seq, Ack: ack,
		SYN: flags&wire.SYN != 0, ACK: flags&wire.ACK != 0, Window: 65535}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, tcp); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tap is a link to 10.0.0.0/8 whose other end takes what send does with it.
func (b *bench) tap(send func(pkt []byte)) *stack.Link {
	b.t.Helper()
	link, err := b.s.Machine().AttachLink("tap0", 1500, send)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := link.Configure(netip.MustParsePrefix("10.9.9.1/8"), netip.Prefix{}, netip.Addr{}); err != nil {
		b.t.Fatal(err)
	}
	return link
}

// halfOpen is a listener with n requests whose SYN-ACKs nobody answers.
func halfOpen(t *testing.T, b *bench, n int) *stack.SockInfo {
	t.Helper()
	link := b.tap(func([]byte) {})
	b.run("replyhi --host 10.9.9.1")
	for i := range n {
		link.Inject(segment(t, uint16(40000+i), 5001, wire.SYN, 1000, 0))
		b.s.Machine().Advance(200 * time.Millisecond)
	}
	b.s.Machine().Advance(2500 * time.Millisecond)
	b.refresh()
	k := sockWith(t, b.sc, "LISTEN")
	b.sc.sock = k.Cookie
	return k
}

func TestQueuesOfListener(t *testing.T) {
	for _, look := range []*look{goldenLook("en", false), goldenLook("zh", false), goldenLook("en", true)} {
		name := look.lang
		if look.glyph.ascii {
			name += "_ascii"
		}
		b := newBench(t, look)
		goldenPane(t, "queues_empty_"+name, new(queuesPane), b.sc, 40, 5)
		k := halfOpen(t, b, 3)
		if len(k.SynQueue) != 3 {
			t.Fatalf("%d requests in the SYN queue", len(k.SynQueue))
		}
		p := new(queuesPane)
		goldenPane(t, "queues_syn_"+name, p, b.sc, 57, 12)
		goldenPane(t, "queues_syn_34_"+name, p, b.sc, 34, 12)
		p.draw(b.sc, 57, 12)
		request, ok := p.click(b.sc, 4, 3, true).(selectSockMsg)
		if r := b.sc.sockOf(request.cookie); !ok || r == nil || r.Kind != stack.SockRequest || r.Peer != k.SynQueue[1].Peer || !request.open {
			t.Fatalf("a double click on the second request gives %+v", request)
		}
		if msg := p.click(b.sc, 4, 0, false); msg != nil {
			t.Errorf("a click on the gauge gives %+v", msg)
		}
		b.sc.sock = request.cookie
		goldenPane(t, "queues_request_"+name, p, b.sc, 57, 12)
		b.sc.sock = 0
		goldenPane(t, "queues_none_"+name, p, b.sc, 57, 12)
	}
}

func TestQueuesOfFullListener(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, false))
		b.server(2, func(p *stack.Proc, fd int) error { return sleepOn(p, 7001) })
		for i := range 3 {
			b.client(func(p *stack.Proc, fd int) error {
				if i == 1 {
					if _, err := p.Send(fd, []byte("hello"), 0); err != nil {
						return err
					}
				}
				return forever(p, fd)
			})
			k := sockWith(t, b.sc, "LISTEN")
			for _, l := range b.sc.socks {
				if l.State == "LISTEN" && l.Local == serverAddr {
					k = l
				}
			}
			b.sc.sock = k.Cookie
			if len(k.Accept) != i+1 {
				t.Fatalf("%d wait for accept after %d connections", len(k.Accept), i+1)
			}
			if i > 0 {
				goldenPane(t, fmt.Sprintf("queues_accept_%d_%s", i+1, lang), new(queuesPane), b.sc, 57, 12)
			}
		}
	}
}

func TestQueuesOfTimewaitAndDatagrams(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, false))
		b.run("replyhi", "hello")
		b.s.Machine().Advance(22 * time.Second)
		b.refresh()
		b.sc.sock = sockWith(t, b.sc, "TIME-WAIT").Cookie
		goldenPane(t, "queues_timewait_"+lang, new(queuesPane), b.sc, 57, 8)

		b.spawn("udp", func(p *stack.Proc) error {
			fd, err := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
			if err != nil {
				return err
			}
			if err := p.Bind(fd, netip.MustParseAddrPort("0.0.0.0:8000")); err != nil {
				return err
			}
			return sleepOn(p, 7001)
		})
		b.run("UDP_Client", "UDP_Client 三次握手")
		for _, k := range b.sc.socks {
			if k.Netid == "udp" && k.Local.Port() == 8000 {
				b.sc.sock = k.Cookie
			}
		}
		goldenPane(t, "queues_udp_"+lang, new(queuesPane), b.sc, 57, 8)
		goldenPane(t, "queues_udp_80_"+lang, new(queuesPane), b.sc, 80, 8)
	}
}

// TestQueuesZeroWindow fills the buffers of both ends: the receiver never reads.
func TestQueuesZeroWindow(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, false))
		b.server(2, func(p *stack.Proc, fd int) error {
			if _, _, err := p.Accept(fd); err != nil {
				return err
			}
			return sleepOn(p, 7001)
		})
		b.client(func(p *stack.Proc, fd int) error {
			_, err := p.Send(fd, make([]byte, 8<<20), 0)
			return err
		})
		b.s.Machine().Advance(time.Second)
		b.refresh()
		p := new(queuesPane)
		for _, k := range b.sc.socks {
			if k.State != "ESTAB" {
				continue
			}
			b.sc.sock = k.Cookie
			side := "sender"
			if k.Local == serverAddr {
				side = "receiver"
			}
			goldenPane(t, "queues_zero_"+side+"_"+lang, p, b.sc, 57, 13)
		}
	}
}

// lossy is a connection in recovery: segments that were lost, sacked, sent
// again, islands out of order and a backlog. Its numbers wrap.
func lossy(sc *scene) *stack.SockInfo {
	const mss = 1448
	una, nxt := ^uint32(0)-4000, uint32(5001)
	seg := func(from uint32, n int, flags wire.TCPFlags) stack.SegInfo {
		return stack.SegInfo{Seq: from, EndSeq: from + uint32(n), Len: n, Truesize: 2304, Flags: flags}
	}
	t := &stack.TcpInfo{SndUna: una, SndNxt: una + 10*mss, WriteSeq: una + 12*mss + 100, SndWnd: 65535,
		RcvNxt: nxt, CopiedSeq: nxt - 700, RcvWup: nxt, RcvWnd: 30000}
	t.SndCwnd, t.Unacked, t.BytesAcked, t.BytesReceived = 7, 10, 20001, 5000
	t.BytesSent = t.BytesAcked - 1 + 10*mss
	k := &stack.SockInfo{Netid: "tcp", State: "ESTAB", Cookie: 77, Tcp: t, Owned: true, RecvQ: 700,
		Local: netip.MustParseAddrPort("10.9.9.1:5001"), Peer: netip.MustParseAddrPort("10.9.9.9:40000"),
		Mem: stack.SockMem{Sndbuf: 87040, Rcvbuf: 131072, RmemAlloc: 9000}}
	for i := range 10 {
		s := seg(una+uint32(i*mss), mss, wire.ACK)
		s.Lost, s.Retrans = i == 0 || i == 4, i == 0
		s.Sacked = i == 2 || i == 3 || i > 6
		k.Rtx = append(k.Rtx, s)
	}
	k.Write = []stack.SegInfo{seg(una+10*mss, mss, wire.ACK), seg(una+11*mss, mss, wire.ACK), seg(una+12*mss, 100, wire.ACK|wire.PSH)}
	k.Receive = []stack.SegInfo{seg(nxt-1000, 500, wire.ACK), seg(nxt-500, 500, wire.ACK|wire.PSH)}
	k.Ooo = []stack.SegInfo{seg(nxt+mss, mss, wire.ACK), seg(nxt+5*mss, 2*mss, wire.ACK)}
	k.Backlog = []stack.SegInfo{seg(nxt+7*mss, mss, wire.ACK), seg(nxt+8*mss, 0, wire.ACK)}
	sc.socks = append(sc.socks, k)
	sc.sock = k.Cookie
	return k
}

func TestQueuesOfLossyConnection(t *testing.T) {
	for _, look := range []*look{goldenLook("en", false), goldenLook("zh", false), goldenLook("en", true)} {
		name := look.lang
		if look.glyph.ascii {
			name += "_ascii"
		}
		sc := newBench(t, look).sc
		lossy(sc)
		for _, at := range []struct{ w, h int }{{36, 8}, {57, 8}, {57, 13}, {80, 11}, {80, 16}, {110, 24}} {
			goldenPane(t, fmt.Sprintf("queues_lossy_%dx%d_%s", at.w, at.h, name), new(queuesPane), sc, at.w, at.h)
		}
	}
}

// TestQueuesPartial shows what was recorded before a step at which nothing was.
func TestQueuesPartial(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		b := newBench(t, goldenLook(lang, false))
		b.run("replyhi", "hello")
		sc := b.stepTo("ESTAB", 1)
		sc.sock = sc.step.Sock.Cookie
		sc.partial, sc.asOf = true, sc.now-time.Millisecond
		goldenPane(t, "queues_partial_"+lang, new(queuesPane), sc, 57, 12)
	}
}

func TestQueuesScroll(t *testing.T) {
	sc := newBench(t, goldenLook("en", false)).sc
	lossy(sc)
	p := new(queuesPane)
	top := p.draw(sc, 80, 14)
	if last := ansi.Strip(top[13]); !strings.Contains(last, "more") {
		t.Errorf("nothing says that there is more: %q", last)
	}
	if _, used := p.act(sc, actEnd); !used {
		t.Error("End is not used")
	}
	end := p.draw(sc, 80, 14)
	if last := ansi.Strip(end[13]); strings.Contains(last, "more") || !strings.Contains(last, "B") {
		t.Errorf("the last line is %q", last)
	}
	p.wheel(sc, -1000)
	if got := p.draw(sc, 80, 14); strings.Join(got, "\n") != strings.Join(top, "\n") {
		t.Errorf("back at the top:\n%s\nwas\n%s", strings.Join(got, "\n"), strings.Join(top, "\n"))
	}
	p.act(sc, actPageDown)
	p.draw(sc, 80, 14)
	sc.sock = 0
	p.draw(sc, 80, 14)
	if p.scroll.top != 0 {
		t.Errorf("another socket's queues begin at line %d", p.scroll.top)
	}
}

func TestQueuesInEverySize(t *testing.T) {
	for _, look := range everyLook() {
		b := newBench(t, look)
		everySize(t, new(queuesPane), b.sc)
		lossy(b.sc)
		everySize(t, new(queuesPane), b.sc)
		b.sc.live, b.sc.partial = false, true
		everySize(t, new(queuesPane), b.sc)
		b.sc.live, b.sc.partial = true, false
		halfOpen(t, b, 3)
		everySize(t, new(queuesPane), b.sc)
		b.run("hello")
		for _, k := range b.sc.socks {
			b.sc.sock = k.Cookie
			everySize(t, new(queuesPane), b.sc)
		}
	}
}

func BenchmarkQueuesDraw(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			sc := newBench(b, newLook("dark", "en", false)).sc
			k := lossy(sc)
			for len(k.Rtx) < n {
				s := k.Rtx[len(k.Rtx)-1]
				s.Seq, s.EndSeq = s.EndSeq, s.EndSeq+1448
				k.Rtx = append(k.Rtx, s)
			}
			k.Tcp.SndNxt = k.Rtx[len(k.Rtx)-1].EndSeq
			p := new(queuesPane)
			b.ReportAllocs()
			for b.Loop() {
				p.draw(sc, 80, 40)
			}
		})
	}
}
