package stack

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"menuos/stack/wire"
)

// wired is a machine with one link.
type wired struct {
	*Stack
	link *Link
	out  [][]byte
}

func newWired(t *testing.T, addr string) *wired {
	t.Helper()
	m := &wired{Stack: New(Config{Seed: 3})}
	t.Cleanup(m.Close)
	var err error
	m.link, err = m.AttachLink("link0", 1500, func(pkt []byte) { m.out = append(m.out, append([]byte(nil), pkt...)) })
	if err != nil {
		t.Fatal(err)
	}
	if err := m.link.Configure(netip.MustParsePrefix(addr), netip.Prefix{}, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLinkBackToBack wires two machines together and moves data across.
func TestLinkBackToBack(t *testing.T) {
	a, b := newWired(t, "10.0.0.1/24"), newWired(t, "10.0.0.2/24")
	const size = 100_000
	got := 0
	server := b.Spawn("server", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		p.Bind(fd, netip.MustParseAddrPort("0.0.0.0:80"))
		p.Listen(fd, 1)
		c, peer, err := p.Accept(fd)
		if err != nil || peer.Addr() != netip.MustParseAddr("10.0.0.1") {
			return 1
		}
		buf := make([]byte, 4096)
		for {
			n, err := p.Recv(c, buf, 0)
			if n <= 0 || err != nil {
				return 0
			}
			got += n
		}
	})
	b.Settle()
	client := a.Spawn("client", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		if p.Connect(fd, netip.MustParseAddrPort("10.0.0.2:80")) != nil {
			return 1
		}
		p.Send(fd, make([]byte, size), 0)
		p.Close(fd)
		return 0
	})
	for range 2000 {
		for _, m := range []*wired{a, b} {
			m.Advance(time.Millisecond)
		}
		fromA, fromB := a.out, b.out
		a.out, b.out = nil, nil
		for _, pkt := range fromA {
			if ip := wire.IPv4(pkt); len(pkt) > 1500 || !ip.ChecksumOK() || !wire.TCP(ip.Payload()).ChecksumOK(ip.Src(), ip.Dst()) {
				t.Fatalf("%d bytes on the link: %s", len(pkt), wire.Packetdrill(pkt, nil))
			}
			b.link.Inject(pkt)
		}
		for _, pkt := range fromB {
			a.link.Inject(pkt)
		}
		if client.Done() && server.Done() {
			break
		}
	}
	if !client.Done() || !server.Done() || client.ExitCode() != 0 || server.ExitCode() != 0 || got != size {
		t.Errorf("client %v %d, server %v %d, %d bytes", client.Done(), client.ExitCode(), server.Done(), server.ExitCode(), got)
	}
}

// TestLinkInterrupt checks that what is injected comes by an interrupt, and that
// nothing comes through an interface that is down.
func TestLinkInterrupt(t *testing.T) {
	m := newWired(t, "10.0.0.1/24")
	var root, middle string
	m.SetHook(func(*Sym) bool {
		for _, f := range m.CallChain().Frames {
			root = f.Func
			if f.Func == "net_rx_action" {
				middle = f.Func
			}
		}
		return false
	}, []*Sym{m.Lookup("ip_rcv")}, false)
	seg := wire.TCP(make([]byte, wire.TCPMinLen))
	seg.SetDataOffFlags(wire.TCPMinLen, wire.SYN)
	seg.SetDstPort(9)
	ip := wire.IPv4(make([]byte, wire.IPv4MinLen+len(seg)))
	ip.SetVersionIHL(wire.IPv4MinLen)
	ip.SetTotalLen(uint16(len(ip)))
	ip.SetTTL(64)
	ip.SetProtocol(wire.ProtoTCP)
	src, _ := wire.ParseAddr("10.0.0.2")
	dst, _ := wire.ParseAddr("10.0.0.1")
	ip.SetSrc(src)
	ip.SetDst(dst)
	ip.UpdateChecksum()
	seg.UpdateChecksum(src, dst)
	copy(ip[wire.IPv4MinLen:], seg)

	m.link.Inject(ip)
	m.Settle()
	if root != "common_interrupt" || middle == "" || len(m.out) != 1 {
		t.Errorf("root %q, %q, %d packets out", root, middle, len(m.out))
	}
	m.IfDown("link0")
	m.link.Inject(ip)
	m.Settle()
	if len(m.out) != 1 {
		t.Error("an interface that is down receives")
	}
	if _, err := m.AttachLink("link0", 1500, nil); !errors.Is(err, EEXIST) {
		t.Errorf("a second link of the name: %v", err)
	}
	if _, err := m.AttachLink("link1", 10, nil); !errors.Is(err, EINVAL) {
		t.Errorf("an MTU of 10: %v", err)
	}
}

// TestWorker runs calls that block and calls that do not.
func TestWorker(t *testing.T) {
	m := newWired(t, "10.0.0.1/24")
	w := m.NewWorker("worker")
	var fd int
	if !w.Do(context.Background(), func(p *Proc) { fd, _ = p.Socket(AF_INET, SOCK_DGRAM, 0) }) || fd < 3 {
		t.Fatalf("socket %d", fd)
	}
	var err error
	done := false
	if w.Do(context.Background(), func(p *Proc) {
		p.SetsockoptTimeval(fd, SOL_SOCKET, SO_RCVTIMEO, time.Second)
		_, err = p.Recv(fd, make([]byte, 1), 0)
		done = true
	}) {
		t.Error("a receive without data does not block")
	}
	start := m.Now()
	m.AdvanceUntil(context.Background(), time.Minute, func() bool { return done })
	if d := m.Now() - start; w.Busy() || err != EAGAIN || d < time.Second || d > 1100*time.Millisecond {
		t.Errorf("back after %v with %v", d, err)
	}
}
