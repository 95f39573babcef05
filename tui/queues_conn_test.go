package tui

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"menuos/stack"
	"menuos/stack/wire"
)

// TestSendISN walks through connections step by step: what the pane takes for the
// start of each direction is always the number of the SYN that was sent.
func TestSendISN(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi", "hello", "hello")
	b.server(4, func(p *stack.Proc, fd int) error { // the passive side writes bytes one by one and closes first
		c, _, err := p.Accept(fd)
		for i := 0; i < 3 && err == nil; i++ {
			_, err = p.Send(c, []byte{'x'}, 0)
		}
		if err != nil {
			return err
		}
		return p.Close(c)
	})
	b.client(func(p *stack.Proc, fd int) error { // the active side does so, too
		for range 3 {
			if _, err := p.Send(fd, []byte{'y'}, 0); err != nil {
				return err
			}
		}
		if _, err := p.Recv(fd, make([]byte, 9), 0); err != nil {
			return err
		}
		return p.Close(fd)
	})
	checked, hard := checkISN(t, b)
	if checked < 200 || hard == 0 {
		t.Errorf("%d moments, of which %d do not tell by themselves: too few to prove anything", checked, hard)
	}
}

// TestSendISNAmidRetransmissions has segments that are never acknowledged.
func TestSendISNAmidRetransmissions(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	var syn []byte
	link := b.tap(func(pkt []byte) {
		if syn == nil {
			syn = append(syn, pkt...)
		}
	})
	b.spawn("client", func(p *stack.Proc) error {
		fd, err := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		if err := p.Connect(fd, netip.MustParseAddrPort("10.9.9.9:80")); err != nil {
			return err
		}
		for _, text := range []string{"x", "hello", "y", "z"} {
			if _, err := p.Send(fd, []byte(text), 0); err != nil {
				return err
			}
		}
		return forever(p, fd)
	})
	if syn == nil {
		t.Fatal("no SYN")
	}
	th := wire.TCP(wire.IPv4(syn).Payload())
	link.Inject(segment(t, 80, th.SrcPort(), wire.SYN|wire.ACK, 7000, th.Seq()+1))
	b.s.Machine().Advance(20 * time.Second)
	b.refresh()
	if k := sockWith(t, b.sc, "ESTAB"); k.Tcp.BytesRetrans == 0 {
		t.Fatal("nothing was sent again")
	}
	if checked, _ := checkISN(t, b); checked < 20 {
		t.Errorf("only %d moments", checked)
	}
}

// checkISN compares at each step what the pane takes for the start of a
// connection, in both directions, with the SYNs that were sent before. It returns
// how many sockets it looked at and how many moments did not tell by themselves.
func checkISN(t *testing.T, b *bench) (checked, hard int) {
	t.Helper()
	isn := make(map[[2]string]uint32) // by local and peer address
	for i := range b.sc.rec.n {
		sc := b.goTo(b.sc.rec.at(i).n)
		if ip := wire.IPv4(sc.step.Packet); strings.HasPrefix(sc.step.Name, "net") && ip.Check() == nil && ip.Protocol() == wire.ProtoTCP {
			if th := wire.TCP(ip.Payload()); th.Flags()&wire.SYN != 0 {
				isn[[2]string{addrText(ip.Src(), th.SrcPort()), addrText(ip.Dst(), th.DstPort())}] = th.Seq()
			}
		}
		for _, k := range sc.socks {
			want, ok := isn[[2]string{k.Local.String(), k.Peer.String()}]
			if k.Tcp == nil || k.State == "LISTEN" || k.State == "UNCONN" || !ok {
				continue
			}
			checked++
			q := &queueSheet{sc: sc}
			if got, known := q.isn(k); !known || got != want {
				t.Errorf("step %d, %s: %s %s > %s: isn %d, %v, the SYN had %d", sc.cur, sc.step.Name, k.State, k.Local, k.Peer, got, known, want)
			}
			if _, known := sendISN(k); !known {
				hard++
			}
			if k.State == "SYN-SENT" {
				continue
			}
			want = isn[[2]string{k.Peer.String(), k.Local.String()}]
			if got := k.Tcp.RcvNxt - uint32(k.Tcp.BytesReceived) - 1; got != want {
				t.Errorf("step %d: %s %s > %s: the peer's isn %d, its SYN had %d", sc.cur, k.State, k.Local, k.Peer, got, want)
			}
		}
	}
	return checked, hard
}

func addrText(a wire.Addr, port uint16) string { return netip.AddrPortFrom(a.Netip(), port).String() }
