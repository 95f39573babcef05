package stack

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

// nic is a machine with one Ethernet interface, eth0.
type nic struct {
	*Stack
	e    *Ether
	out  []EtherFrame // on the wire
	room int          // frames that the wire takes
	addr netip.Addr
	port uint16 // that its last server had
}

func newNIC(t testing.TB, addr string, mac byte, cfg EtherConfig) *nic {
	t.Helper()
	m := &nic{Stack: New(Config{Seed: uint64(mac)}), room: 1 << 20, addr: netip.MustParsePrefix(addr).Addr()}
	t.Cleanup(m.Close)
	cfg.Name, cfg.MAC = "eth0", wire.MAC{0x52, 0x54, 0, 0, 0, mac}
	var err error
	m.e, err = m.AttachEther(cfg, func(h VnetHdr, frame []byte) bool {
		if len(m.out) >= m.room {
			return false
		}
		m.out = append(m.out, EtherFrame{h, bytes.Clone(frame)})
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.AddAddr("eth0", netip.MustParsePrefix(addr)), m.IfUp("lo"), m.IfUp("eth0")); err != nil {
		t.Fatal(err)
	}
	return m
}

// newPair is two machines to be wired, 10.0.0.1 and 10.0.0.2.
func newPair(t testing.TB, cfg EtherConfig) (a, b *nic) {
	return newNIC(t, "10.0.0.1/24", 1, cfg), newNIC(t, "10.0.0.2/24", 2, cfg)
}

func (m *nic) take() []EtherFrame {
	out := m.out
	m.out = nil
	return out
}

func (m *nic) stats() Iface {
	all := m.Ifaces()
	return all[slices.IndexFunc(all, func(i Iface) bool { return i.Name == "eth0" })]
}

// wireRun runs two machines with a wire between them until done holds; it reports
// whether it came to that within so much of their time. look sees every frame.
func wireRun(a, b *nic, limit time.Duration, look func(from *nic, f EtherFrame), done func() bool) bool {
	for at := a.Now(); a.Now() < at+limit; {
		a.Settle()
		b.Settle()
		moved := false
		for _, m := range []*nic{a, b} {
			to := a
			if m == a {
				to = b
			}
			for _, f := range m.take() {
				moved = true
				if look != nil {
					look(m, f)
				}
				if to.e.Receive(f) != 0 {
					panic("the receive ring is full between two turns")
				}
				to.Settle()
			}
		}
		switch {
		case done():
			return true
		case !moved:
			a.Advance(time.Millisecond)
			b.Advance(time.Millisecond)
		}
	}
	return false
}

// etherTransfer starts a server of size bytes on to and a client on from; done tells
// that the server has them all, byte for byte.
func etherTransfer(t testing.TB, from, to *nic, size int) (done func() bool) {
	t.Helper()
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*7 + i>>8)
	}
	got := make([]byte, 0, size)
	to.port++
	at := netip.AddrPortFrom(to.addr, 80+to.port)
	server := to.Spawn("server", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		p.Bind(fd, at)
		p.Listen(fd, 1)
		c, _, err := p.Accept(fd)
		if err != nil {
			return 1
		}
		buf := make([]byte, 65536)
		for {
			n, err := p.Recv(c, buf, 0)
			if n <= 0 || err != nil {
				return 0
			}
			got = append(got, buf[:n]...)
		}
	})
	to.Settle()
	client := from.Spawn("client", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		if p.Connect(fd, at) != nil {
			return 1
		}
		for sent := 0; sent < size; {
			n, err := p.Send(fd, data[sent:], 0)
			if err != nil {
				return 1
			}
			sent += n
		}
		p.Close(fd)
		return 0
	})
	return func() bool {
		if !client.Done() || !server.Done() {
			return false
		}
		if client.ExitCode() != 0 || server.ExitCode() != 0 || !bytes.Equal(got, data) {
			t.Errorf("client %d, server %d, %d bytes of %d, equal %v", client.ExitCode(), server.ExitCode(), len(got), size, bytes.Equal(got, data))
		}
		return true
	}
}

// checkFrame says what is wrong with a frame that leaves without offload.
func checkFrame(f EtherFrame, mtu int) string {
	eth := wire.Ethernet(f.Data)
	if f.Hdr != (VnetHdr{}) {
		return "work is left to do"
	}
	if len(f.Data) > mtu+14 {
		return "longer than the MTU"
	}
	if eth.Type() != wire.EtherTypeIPv4 {
		return ""
	}
	ip := wire.IPv4(f.Data[14:])
	if !ip.ChecksumOK() || ip.Protocol() == wire.ProtoTCP && !wire.TCP(ip.Payload()).ChecksumOK(ip.Src(), ip.Dst()) {
		return "bad checksum"
	}
	return ""
}

// TestEtherTransfer moves data between two machines: ARP first, then TCP, with
// every frame fit for the wire.
func TestEtherTransfer(t *testing.T) {
	for _, mtu := range []int{1500, 576, 9000} {
		a, b := newPair(t, EtherConfig{MTU: mtu})
		done := etherTransfer(t, a, b, 1<<20)
		var types []uint16
		if !wireRun(a, b, time.Minute, func(from *nic, f EtherFrame) {
			types = append(types, wire.Ethernet(f.Data).Type())
			if wrong := checkFrame(f, mtu); wrong != "" {
				t.Fatalf("MTU %d: a frame of %d bytes, header %+v: %s", mtu, len(f.Data), f.Hdr, wrong)
			}
		}, done) {
			t.Fatalf("MTU %d: not done after a minute, %d frames", mtu, len(types))
		}
		if types[0] != wire.EtherTypeARP || types[1] != wire.EtherTypeARP || types[2] != wire.EtherTypeIPv4 {
			t.Errorf("MTU %d: the first frames are %x", mtu, types[:3])
		}
		wireRun(a, b, 100*time.Millisecond, nil, func() bool { return false }) // what is still on the wire
		sa, sb := a.stats().Stats, b.stats().Stats
		if sa.TxPackets != sb.RxPackets || sa.RxBytes != sb.TxBytes || sa.RxErrors+sb.RxErrors+sa.TxDropped+sb.TxDropped != 0 {
			t.Errorf("MTU %d: counters %+v and %+v", mtu, sa, sb)
		}
	}
}

// TestEtherOffload checks that with offload segments travel large and with the
// checksum left to the card, and that features can be taken away.
func TestEtherOffload(t *testing.T) {
	a, b := newPair(t, EtherConfig{Offload: true})
	want := Features{true, true, true, true, true, true}
	if on, fixed, err := a.Stack.Features("eth0"); on != want || fixed != (Features{RxChecksum: true}) || err != nil {
		t.Errorf("features %+v, fixed %+v, %v", on, fixed, err)
	}
	largest, partial := 0, 0
	look := func(from *nic, f EtherFrame) {
		largest = max(largest, len(f.Data))
		if f.Hdr.Flags&VIRTIO_NET_HDR_F_NEEDS_CSUM != 0 {
			partial++
		}
		if len(f.Data) > 1514 && (f.Hdr.GSOType != VIRTIO_NET_HDR_GSO_TCPV4 || f.Hdr.GSOSize != 1448) {
			t.Fatalf("%d bytes with %+v", len(f.Data), f.Hdr)
		}
	}
	if !wireRun(a, b, time.Minute, look, etherTransfer(t, a, b, 4<<20)) {
		t.Fatal("not done after a minute")
	}
	if largest < 20000 || partial == 0 {
		t.Errorf("the largest frame has %d bytes, %d have partial checksums", largest, partial)
	}
	off := want
	off.TxChecksum, off.ScatterGather = false, false
	if err := a.e.SetFeatures(off); err != nil {
		t.Fatal(err)
	}
	off.TSO, off.GSO = false, false // they need the others
	if on := a.e.Features(); on != off {
		t.Errorf("features %+v, want %+v", on, off)
	}
	wrong := ""
	if !wireRun(a, b, time.Minute, func(from *nic, f EtherFrame) {
		if from == a && wrong == "" {
			wrong = checkFrame(f, 1500)
		}
	}, etherTransfer(t, a, b, 1<<20)) || wrong != "" {
		t.Errorf("without offload: %q", wrong)
	}
	off.RxChecksum = false
	if err := a.e.SetFeatures(off); err != EOPNOTSUPP {
		t.Errorf("a fixed feature: %v", err)
	}
	if err := a.e.SetFeatures(want); err != EOPNOTSUPP && err != nil || a.e.Features() != want {
		t.Errorf("all on again: %v, %+v", err, a.e.Features())
	}
}

// TestEtherInterrupt reads the way of a segment from the card to TCP.
func TestEtherInterrupt(t *testing.T) {
	a, b := newPair(t, EtherConfig{})
	var hard, soft, out []string
	names := func() (chain []string) {
		for _, f := range b.CallChain().Frames {
			chain = append(chain, f.Func)
		}
		return chain
	}
	b.SetHook(func(sym *Sym) bool {
		switch chain := names(); {
		case sym.Name == "virtqueue_napi_schedule" && hard == nil:
			hard = chain
		case sym.Name == "tcp_v4_rcv" && soft == nil:
			soft = chain
		case sym.Name == "xmit_skb" && slices.Contains(chain, "tcp_v4_rcv"):
			out = chain
		}
		return false
	}, []*Sym{b.Lookup("virtqueue_napi_schedule"), b.Lookup("tcp_v4_rcv"), b.Lookup("xmit_skb")}, false)
	if !wireRun(a, b, time.Minute, nil, etherTransfer(t, a, b, 1000)) {
		t.Fatal("not done after a minute")
	}
	wantHard := []string{"virtqueue_napi_schedule", "skb_recv_done", "vring_interrupt", "__handle_irq_event_percpu", "handle_irq_event_percpu",
		"handle_irq_event", "handle_edge_irq", "generic_handle_irq_desc", "handle_irq", "do_IRQ", "common_interrupt"}
	if !slices.Equal(hard, wantHard) {
		t.Errorf("the interrupt:\n%q\nwant\n%q", hard, wantHard)
	}
	wantSoft := []string{"netif_receive_skb_internal", "napi_skb_finish", "napi_gro_receive", "receive_buf", "virtnet_receive", "virtnet_poll", "napi_poll",
		"net_rx_action", "__do_softirq", "invoke_softirq", "irq_exit", "exiting_irq", "do_IRQ", "common_interrupt"}
	if at := slices.Index(soft, wantSoft[0]); at < 0 || !slices.Equal(soft[at:], wantSoft) {
		t.Errorf("the softirq:\n%q\nwant at its end\n%q", soft, wantSoft)
	}
	wantOut := []string{"xmit_skb", "start_xmit", "__netdev_start_xmit", "netdev_start_xmit", "xmit_one", "dev_hard_start_xmit", "sch_direct_xmit",
		"qdisc_restart", "__qdisc_run"}
	if len(out) < len(wantOut) || !slices.Equal(out[:len(wantOut)], wantOut) {
		t.Errorf("the way out:\n%q\nwant at its beginning\n%q", out, wantOut)
	}
}

// TestEtherRing fills the send ring: the queue stops, holds what comes, drops
// what it has no room for, and goes on when the wire does.
func TestEtherRing(t *testing.T) {
	a, b := newPair(t, EtherConfig{})
	if !wireRun(a, b, time.Minute, nil, etherTransfer(t, a, b, 10)) { // so that ARP is done
		t.Fatal("not done after a minute")
	}
	wireRun(a, b, time.Second, nil, func() bool { return false })
	if err := a.SysctlSet("net.core.wmem_max", "16777216"); err != nil {
		t.Fatal(err)
	}
	before := a.stats().Stats
	a.room = 10
	const sent = 2000
	sender := a.Spawn("sender", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		p.SetsockoptInt(fd, SOL_SOCKET, SO_SNDBUF, 1<<24)
		for i := range sent {
			p.Sendto(fd, []byte{byte(i >> 8), byte(i)}, 0, netip.MustParseAddrPort("10.0.0.2:9"))
		}
		return 0
	})
	a.Settle()
	if !sender.Done() {
		t.Fatal("the sender waits")
	}
	const ring, stop, queue = 256, 19, 1000
	after := a.stats().Stats
	if len(a.out) != 10 || after.TxPackets != before.TxPackets+10 {
		t.Errorf("%d frames on the wire, %d counted", len(a.out), after.TxPackets-before.TxPackets)
	}
	got := 0
	for range 1000 {
		n := len(a.take())
		got += n
		if n == 0 {
			break
		}
		a.e.TxDone()
		a.Settle()
	}
	// The card had ten, its ring kept all but a few slots, the queue is full.
	if want := 10 + ring - stop + 1 + queue; got != want {
		t.Errorf("%d frames of %d came out, want %d", got, sent, want)
	}
	if after := a.stats().Stats; after.TxPackets-before.TxPackets != uint64(got) || after.TxFifoErrors != 0 {
		t.Errorf("counted %d, %+v", after.TxPackets-before.TxPackets, after)
	}
}

// TestEtherReceiveRing fills the receive ring while the machine stands.
func TestEtherReceiveRing(t *testing.T) {
	room := 0
	m := newNIC(t, "10.0.0.1/24", 1, EtherConfig{RxRoom: func() { room++ }})
	f := EtherFrame{Data: arpRequest(m, netip.MustParseAddr("10.0.0.2"))}
	frames := slices.Repeat([]EtherFrame{f}, 300)
	if refused := m.e.Receive(frames...); refused != 300-256 {
		t.Errorf("%d of 300 frames refused, want %d", refused, 300-256)
	}
	if m.Settle(); room != 1 || len(m.out) != 256 {
		t.Errorf("told of room %d times, %d answers", room, len(m.out))
	}
	// The driver gives buffers back when more than half of them are free.
	if refused := m.e.Receive(frames[:128]...); refused != 0 {
		t.Errorf("%d of 128 refused by an empty ring", refused)
	}
	if got := m.stats().Stats; got.RxPackets != 256 || got.RxDropped+got.RxErrors != 0 {
		t.Errorf("counters %+v", got)
	}
}

// arpRequest is a frame that asks who has m's address.
func arpRequest(m *nic, from netip.Addr) []byte {
	f := make([]byte, 14+28)
	copy(f, "\xff\xff\xff\xff\xff\xff\x52\x54\x00\x00\x00\x09\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x52\x54\x00\x00\x00\x09")
	copy(f[28:], from.AsSlice())
	copy(f[38:], m.addr.AsSlice())
	return f
}

// TestEtherRefused sends what a card drops, or its driver, and looks for the
// counter that tells.
func TestEtherRefused(t *testing.T) {
	good := func(m *nic) []byte { return arpRequest(m, netip.MustParseAddr("10.0.0.2")) }
	for _, tt := range []struct {
		name  string
		frame func(m *nic) EtherFrame
		count func(i Iface, m *nic) uint64
	}{
		{"runt", func(m *nic) EtherFrame { return EtherFrame{Data: good(m)[:13]} }, func(i Iface, m *nic) uint64 { return i.Stats.RxLengthErrors }},
		{"empty", func(m *nic) EtherFrame { return EtherFrame{} }, func(i Iface, m *nic) uint64 { return i.Stats.RxLengthErrors }},
		{"jumbo", func(m *nic) EtherFrame { return EtherFrame{Data: append(good(m), make([]byte, 1500)...)} }, func(i Iface, m *nic) uint64 { return i.Stats.RxLengthErrors }},
		{"giant", func(m *nic) EtherFrame {
			return EtherFrame{VnetHdr{GSOType: VIRTIO_NET_HDR_GSO_TCPV4, GSOSize: 1000}, append(good(m), make([]byte, 70000)...)}
		}, func(i Iface, m *nic) uint64 { return i.Stats.RxLengthErrors }},
		{"not for us", func(m *nic) EtherFrame {
			f := good(m)
			copy(f, "\x02\x00\x00\x00\x00\x77")
			return EtherFrame{Data: f}
		}, func(i Iface, m *nic) uint64 { return m.e.Filtered() }},
		{"bad GSO type", func(m *nic) EtherFrame { return EtherFrame{VnetHdr{GSOType: 9, GSOSize: 1}, good(m)} }, func(i Iface, m *nic) uint64 { return i.Stats.RxFrameErrors }},
		{"GSO of size 0", func(m *nic) EtherFrame { return EtherFrame{VnetHdr{GSOType: VIRTIO_NET_HDR_GSO_TCPV4}, good(m)} }, func(i Iface, m *nic) uint64 { return i.Stats.RxFrameErrors }},
		{"checksum behind the end", func(m *nic) EtherFrame {
			return EtherFrame{VnetHdr{Flags: VIRTIO_NET_HDR_F_NEEDS_CSUM, CsumStart: 30, CsumOffset: 11}, good(m)}
		}, func(i Iface, m *nic) uint64 { return i.Stats.RxFrameErrors }},
		{"unknown type", func(m *nic) EtherFrame {
			f := good(m)
			f[12] = 0x99
			return EtherFrame{Data: f}
		}, func(i Iface, m *nic) uint64 { return i.Stats.RxDropped }},
		{"IEEE 802.3", func(m *nic) EtherFrame {
			f := good(m)
			f[12], f[13] = 0, 28
			return EtherFrame{Data: f}
		}, func(i Iface, m *nic) uint64 { return i.Stats.RxDropped }},
	} {
		m := newNIC(t, "10.0.0.1/24", 1, EtherConfig{Offload: true})
		use := m.n.PoolUse()
		if m.e.Receive(tt.frame(m)) != 0 {
			t.Errorf("%s: refused by an empty ring", tt.name)
		}
		m.Settle()
		if got := tt.count(m.stats(), m); got != 1 || len(m.out) != 0 {
			t.Errorf("%s: counted %d, %d answers; %+v", tt.name, got, len(m.out), m.stats().Stats)
		}
		if now := m.n.PoolUse(); now.Skbs != use.Skbs || now.Heads != use.Heads {
			t.Errorf("%s: pools before %+v, after %+v", tt.name, use, now)
		}
		if m.e.Receive(EtherFrame{Data: good(m)}); m.Settle() != Done || len(m.out) != 1 {
			t.Errorf("%s: %d answers to a good frame", tt.name, len(m.out))
		}
	}
}

// TestEtherLink takes the link away and the interface down, and both back.
func TestEtherLink(t *testing.T) {
	a, b := newPair(t, EtherConfig{})
	ask := EtherFrame{Data: arpRequest(a, netip.MustParseAddr("10.0.0.2"))}
	answers := func() int {
		a.e.Receive(ask)
		a.Settle()
		return len(a.take())
	}
	link := func() (up, carrier bool) {
		i := a.stats()
		return i.Flags&IFF_UP != 0, i.Carrier
	}
	if n := answers(); n != 1 {
		t.Errorf("%d answers", n)
	}
	a.e.SetCarrier(false)
	a.Settle()
	up, carrier := link()
	if n := answers(); n != 0 || !up || carrier {
		t.Errorf("without a link %d answers, up %v, carrier %v", n, up, carrier)
	}
	a.e.SetCarrier(true)
	a.Settle()
	up, carrier = link()
	if n := answers(); n != 1 || !up || !carrier {
		t.Errorf("with a link again %d answers, up %v, carrier %v", n, up, carrier)
	}
	a.IfDown("eth0")
	up, _ = link()
	if n := answers(); n != 0 || up {
		t.Errorf("down %d answers, up %v", n, up)
	}
	a.IfUp("eth0")
	if n := answers(); n != 1 {
		t.Errorf("up again %d answers", n)
	}
	if got := a.stats().Stats.RxDropped; got != 2 {
		t.Errorf("%d frames counted as dropped, want 2", got)
	}
	if !wireRun(a, b, time.Minute, nil, etherTransfer(t, a, b, 100_000)) {
		t.Error("no transfer after all that")
	}
}

// TestEtherClose takes the card out of a machine that uses it.
func TestEtherClose(t *testing.T) {
	a, b := newPair(t, EtherConfig{Offload: true})
	done := etherTransfer(t, a, b, 1<<20)
	frames := 0
	wireRun(a, b, time.Minute, func(*nic, EtherFrame) { frames++ }, func() bool { return frames > 40 })
	a.room = 0
	a.e.Receive(EtherFrame{Data: arpRequest(a, b.addr)})
	if err := a.e.Close(); err != nil {
		t.Fatal(err)
	}
	if done() || slices.ContainsFunc(a.Ifaces(), func(i Iface) bool { return i.Name == "eth0" }) {
		t.Errorf("interfaces %+v", a.Ifaces())
	}
	a.e.Receive(EtherFrame{Data: arpRequest(a, b.addr)})
	a.e.TxDone()
	a.e.SetCarrier(false)
	a.Advance(time.Minute)
	if err := errors.Join(a.e.Close(), a.e.Close()); err != nil {
		t.Error(err)
	}
	if _, err := a.AttachEther(EtherConfig{Name: "eth0"}, func(VnetHdr, []byte) bool { return true }); err != nil {
		t.Errorf("a card of the same name: %v", err)
	}
	if _, err := a.AttachEther(EtherConfig{Name: "eth0"}, nil); !errors.Is(err, EEXIST) {
		t.Errorf("a second one: %v", err)
	}
	for _, mtu := range []int{67, 65536} {
		if _, err := a.AttachEther(EtherConfig{Name: "eth1", MTU: mtu}, nil); !errors.Is(err, EINVAL) {
			t.Errorf("an MTU of %d: %v", mtu, err)
		}
	}
	if _, err := a.AttachEther(EtherConfig{Name: "eth1", MAC: wire.MAC{1}}, nil); !errors.Is(err, EINVAL) {
		t.Errorf("a multicast address: %v", err)
	}
}

// TestEtherMTU changes the MTU of a machine that has connections: what it sends
// follows, and a longer frame is received when it allows.
func TestEtherMTU(t *testing.T) {
	a, b := newPair(t, EtherConfig{})
	for _, mtu := range []int{1500, 900, 4000} {
		for _, m := range []*nic{a, b} {
			if err := m.SetMTU("eth0", mtu); err != nil {
				t.Fatal(err)
			}
		}
		longest := 0
		if !wireRun(a, b, time.Minute, func(_ *nic, f EtherFrame) { longest = max(longest, len(f.Data)) }, etherTransfer(t, a, b, 100_000)) {
			t.Fatalf("MTU %d: not done after a minute", mtu)
		}
		if longest != mtu+14 {
			t.Errorf("MTU %d: the longest frame has %d bytes", mtu, longest)
		}
	}
	for _, mtu := range []int{67, 65536} {
		if err := a.SetMTU("eth0", mtu); !errors.Is(err, EINVAL) {
			t.Errorf("an MTU of %d: %v", mtu, err)
		}
	}
}

// TestEtherPromiscuous looks at a frame for somebody else with a card that
// filters and with one that does not.
func TestEtherPromiscuous(t *testing.T) {
	m := newTarget(t)
	f := EtherFrame{Data: m.segment(wire.SYN, 1, 0, 80, nil)}
	copy(f.Data, "\x02\x00\x00\x00\x00\x77")
	w := m.Watch(16, "kfree_skb")
	defer w.Close()
	m.e.Receive(f)
	m.Settle()
	if events, _ := w.Next(); len(events) != 0 || m.e.Filtered() != 1 {
		t.Errorf("%d packets dropped, %d frames filtered", len(events), m.e.Filtered())
	}
	if err := m.withDev("eth0", func(dev *core.NetDevice) int { return m.n.DevChangeFlags(dev, dev.Flags|core.IffPromisc) }); err != nil {
		t.Fatal(err)
	}
	m.e.Receive(f)
	m.Settle()
	if events, _ := w.Next(); len(events) != 1 || events[0].Reason != "other host" || m.e.Filtered() != 1 || len(m.out) != 0 {
		t.Errorf("%d packets dropped: %+v; %d frames filtered, %d answers", len(events), events, m.e.Filtered(), len(m.out))
	}
}

// TestEtherChecksum receives datagrams whose checksum is right, wrong, known to
// be right, and still to be filled in.
func TestEtherChecksum(t *testing.T) {
	for _, tt := range []struct {
		hdr   VnetHdr
		wrong bool
		want  int
	}{
		{VnetHdr{}, false, 1},
		{VnetHdr{}, true, 0},
		{VnetHdr{Flags: VIRTIO_NET_HDR_F_DATA_VALID}, true, 1},
		{VnetHdr{Flags: VIRTIO_NET_HDR_F_NEEDS_CSUM, CsumStart: 34, CsumOffset: 6}, true, 1},
	} {
		m := newTarget(t)
		data := []byte("\x9c\x40\x00\x35\x00\x0c\x00\x00ping")
		f := EtherFrame{tt.hdr, m.packet(wire.ProtoUDP, 0, 0, data)}
		if tt.wrong {
			f.Data[40] ^= 0x55
		}
		m.e.Receive(f)
		m.Settle()
		if len(m.out) != tt.want || m.n.Mib[core.MibUdpInCsumErrors] != uint64(1-tt.want) {
			t.Errorf("%+v, wrong %v: %d answers, want %d; %d errors", tt.hdr, tt.wrong, len(m.out), tt.want, m.n.Mib[core.MibUdpInCsumErrors])
		}
	}
}

// BenchmarkEther moves data between two cards, with and without offload.
func BenchmarkEther(b *testing.B) {
	for _, offload := range []bool{true, false} {
		b.Run(fmt.Sprintf("offload=%v", offload), func(b *testing.B) {
			const size = 16 << 20
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				x, y := newPair(b, EtherConfig{Offload: offload})
				if !wireRun(x, y, time.Minute, nil, etherTransfer(b, x, y, size)) {
					b.Fatal("not done after a minute")
				}
				x.Close()
				y.Close()
			}
		})
	}
}
