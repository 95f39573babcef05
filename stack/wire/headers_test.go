package wire

import (
	"bytes"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// serialize lets gopacket write the layers, lengths and checksums computed.
func serialize(t *testing.T, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, ls...); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func netIP(a Addr) net.IP { b := a.As4(); return b[:] }

// writeIPv4 writes a header with this package's setters.
func writeIPv4(b []byte, proto uint8, src, dst Addr) IPv4 {
	ip := IPv4(b)
	ip.SetVersionIHL(IPv4MinLen)
	ip.SetTOS(0x10)
	ip.SetTotalLen(uint16(len(b)))
	ip.SetID(0x1234)
	ip.SetFrag(IPv4DF, 0)
	ip.SetTTL(64)
	ip.SetProtocol(proto)
	ip.SetSrc(src)
	ip.SetDst(dst)
	ip.UpdateChecksum()
	return ip
}

// What gopacket writes we read, and what we write is what gopacket writes.
func TestTCPRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		src, dst := Addr(r.Uint32()), Addr(r.Uint32())
		payload := fill(r, r.IntN(40))
		l4 := &layers.TCP{
			SrcPort: layers.TCPPort(r.Uint32()), DstPort: layers.TCPPort(r.Uint32()),
			Seq: r.Uint32(), Ack: r.Uint32(), Window: uint16(r.Uint32()), Urgent: uint16(r.Uint32()),
			SYN: r.IntN(2) == 0, ACK: r.IntN(2) == 0, FIN: r.IntN(2) == 0, RST: r.IntN(2) == 0,
			PSH: r.IntN(2) == 0, URG: r.IntN(2) == 0, ECE: r.IntN(2) == 0, CWR: r.IntN(2) == 0,
			Options: []layers.TCPOption{
				{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 0xb4}},
				{OptionType: layers.TCPOptionKindNop},
				{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}},
			},
		}
		l3 := &layers.IPv4{
			Version: 4, IHL: 5, TOS: 0x10, Id: 0x1234, Flags: layers.IPv4DontFragment, TTL: 64,
			Protocol: layers.IPProtocolTCP, SrcIP: netIP(src), DstIP: netIP(dst),
		}
		if err := l4.SetNetworkLayerForChecksum(l3); err != nil {
			t.Fatal(err)
		}
		want := serialize(t, l3, l4, gopacket.Payload(payload))

		ip := IPv4(want)
		if err := ip.Check(); err != nil || !ip.ChecksumOK() {
			t.Fatalf("gopacket's header: %v, checksum ok %v", err, ip.ChecksumOK())
		}
		th := TCP(ip.Payload())
		if err := th.Check(); err != nil || !th.ChecksumOK(ip.Src(), ip.Dst()) {
			t.Fatalf("gopacket's segment: %v, checksum ok %v", err, th.ChecksumOK(ip.Src(), ip.Dst()))
		}
		if th.DataOff() != 28 || !bytes.Equal(th.Payload(), payload) || th.Flags()&SYN != 0 != l4.SYN {
			t.Fatalf("data offset %d, payload %x, flags %v", th.DataOff(), th.Payload(), th.Flags())
		}

		got := make([]byte, len(want))
		ip2 := writeIPv4(got, ProtoTCP, ip.Src(), ip.Dst())
		th2 := TCP(ip2.Payload())
		th2.SetSrcPort(th.SrcPort())
		th2.SetDstPort(th.DstPort())
		th2.SetSeq(th.Seq())
		th2.SetAck(th.Ack())
		th2.SetDataOffFlags(th.DataOff(), th.Flags())
		th2.SetWindow(th.Window())
		th2.SetUrgent(th.Urgent())
		copy(th2.Options(), th.Options())
		copy(th2.Payload(), payload)
		th2.UpdateChecksum(src, dst)
		if !bytes.Equal(got, want) {
			t.Fatalf("wrote\n%x, want\n%x", got, want)
		}
		th2.SetDataOff(20)
		th2.SetFlags(ACK)
		if th2.DataOff() != 20 || th2.Flags() != ACK {
			t.Fatalf("single setters: %d %v", th2.DataOff(), th2.Flags())
		}
		p := gopacket.NewPacket(want, layers.LayerTypeIPv4, gopacket.Default).Layer(layers.LayerTypeTCP).(*layers.TCP)
		if uint16(p.SrcPort) != th.SrcPort() || uint16(p.DstPort) != th.DstPort() || p.Seq != th.Seq() || p.Ack != th.Ack() ||
			p.Window != th.Window() || p.Urgent != th.Urgent() || p.Checksum != th.Checksum() {
			t.Fatalf("getters differ from %+v", p)
		}
	}
}

func TestUDPRoundTrip(t *testing.T) {
	src, dst := Addr(0x0a000001), Addr(0x0a000002)
	l3 := &layers.IPv4{
		Version: 4, IHL: 5, TOS: 0x10, Id: 0x1234, Flags: layers.IPv4DontFragment, TTL: 64,
		Protocol: layers.IPProtocolUDP, SrcIP: netIP(src), DstIP: netIP(dst),
	}
	l4 := &layers.UDP{SrcPort: 40000, DstPort: 53}
	if err := l4.SetNetworkLayerForChecksum(l3); err != nil {
		t.Fatal(err)
	}
	want := serialize(t, l3, l4, gopacket.Payload("hello"))
	uh := UDP(IPv4(want).Payload())
	if err := uh.Check(); err != nil || !uh.ChecksumOK(src, dst) || uh.SrcPort() != 40000 || uh.DstPort() != 53 || string(uh.Payload()) != "hello" {
		t.Fatalf("gopacket's datagram: %v %x", err, uh)
	}
	got := make([]byte, len(want))
	u := UDP(writeIPv4(got, ProtoUDP, src, dst).Payload())
	u.SetSrcPort(40000)
	u.SetDstPort(53)
	u.SetLength(13)
	copy(u.Payload(), "hello")
	u.UpdateChecksum(src, dst)
	if !bytes.Equal(got, want) {
		t.Fatalf("wrote\n%x, want\n%x", got, want)
	}
}

func TestICMPRoundTrip(t *testing.T) {
	l4 := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 77, Seq: 3}
	want := serialize(t, l4, gopacket.Payload("ping"))
	ic := ICMPv4(want)
	if !ic.Valid() || !ic.ChecksumOK() || ic.Type() != ICMPEcho || ic.ID() != 77 || ic.Seq() != 3 || string(ic.Payload()) != "ping" {
		t.Fatalf("gopacket's echo: %x", ic)
	}
	got := ICMPv4(make([]byte, len(want)))
	got.SetType(ICMPEcho)
	got.SetCode(0)
	got.SetID(77)
	got.SetSeq(3)
	copy(got.Payload(), "ping")
	got.UpdateChecksum()
	if !bytes.Equal(got, want) {
		t.Fatalf("wrote\n%x, want\n%x", got, want)
	}
	got.SetRest(0)
	got.SetMTU(1400)
	if got.Rest() != 1400 || got.MTU() != 1400 {
		t.Errorf("MTU %d, rest %d", got.MTU(), got.Rest())
	}
	got.SetGateway(AddrLoopback)
	if got.Gateway() != AddrLoopback || got.Pointer() != 127 {
		t.Errorf("gateway %v, pointer %d", got.Gateway(), got.Pointer())
	}
	for typ := range 256 {
		got.SetType(uint8(typ))
		want := typ == 3 || typ == 4 || typ == 5 || typ == 11 || typ == 12
		if got.IsError() != want {
			t.Errorf("type %d: error %v", typ, got.IsError())
		}
	}
}

func TestARPRoundTrip(t *testing.T) {
	sha, tha := MAC{2, 0, 0, 0, 0, 1}, MAC{2, 0, 0, 0, 0, 2}
	spa, tpa := Addr(0x0a000001), Addr(0x0a000002)
	eth := &layers.Ethernet{SrcMAC: sha[:], DstMAC: MACBroadcast[:], EthernetType: layers.EthernetTypeARP}
	arp := &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: layers.ARPReply, SourceHwAddress: sha[:], SourceProtAddress: netIP(spa),
		DstHwAddress: tha[:], DstProtAddress: netIP(tpa),
	}
	want := serialize(t, eth, arp)

	got := make([]byte, EthernetLen+ARPLen)
	e := Ethernet(got)
	e.SetDst(MACBroadcast)
	e.SetSrc(sha)
	e.SetType(EtherTypeARP)
	a := ARP(e.Payload())
	a.SetFormat()
	a.SetOp(ARPReply)
	a.SetSHA(sha)
	a.SetSPA(spa)
	a.SetTHA(tha)
	a.SetTPA(tpa)
	if !bytes.Equal(got, want[:len(got)]) { // gopacket pads the frame to 60 bytes
		t.Fatalf("wrote\n%x, want\n%x", got, want)
	}
	e, a = Ethernet(want), ARP(Ethernet(want).Payload())
	if !e.Valid() || e.Dst() != MACBroadcast || e.Src() != sha || e.Type() != EtherTypeARP {
		t.Errorf("Ethernet: %v %v %#x", e.Dst(), e.Src(), e.Type())
	}
	if !a.Valid() || a.Op() != ARPReply || a.SHA() != sha || a.SPA() != spa || a.THA() != tha || a.TPA() != tpa {
		t.Errorf("ARP: %d %v %v %v %v", a.Op(), a.SHA(), a.SPA(), a.THA(), a.TPA())
	}
	a[4] = 8
	if a.Check() != ErrARPFormat || ARP(a[:27]).Check() != ErrShort || e[:13].Check() != ErrShort {
		t.Error("malformed ARP or Ethernet passes Check")
	}
}

func TestFragFields(t *testing.T) {
	ip := IPv4(make([]byte, 20))
	tests := []struct {
		flags  uint16
		off    int
		df, mf bool
		frag   bool
	}{
		{0, 0, false, false, false},
		{IPv4DF, 0, true, false, false},
		{IPv4MF, 0, false, true, true},
		{IPv4MF, 1480, false, true, true},
		{0, 65528, false, false, true},
		{IPv4DF | IPv4MF | IPv4CE, 8, true, true, true},
	}
	for _, tt := range tests {
		ip.SetFrag(tt.flags, tt.off)
		if ip.Flags() != tt.flags || ip.FragOff() != tt.off || ip.DF() != tt.df || ip.MF() != tt.mf || ip.IsFragment() != tt.frag {
			t.Errorf("%+v reads flags %#x offset %d DF %v MF %v fragment %v", tt, ip.Flags(), ip.FragOff(), ip.DF(), ip.MF(), ip.IsFragment())
		}
	}
}

func TestCheck(t *testing.T) {
	good := func(proto uint8, size int) IPv4 { return writeIPv4(make([]byte, size), proto, 1, 2) }
	tests := []struct {
		name string
		got  error
		want error
	}{
		{"valid", good(ProtoTCP, 40).Check(), nil},
		{"padding after the packet", append(good(ProtoTCP, 40), 0, 0, 0).Check(), nil},
		{"nothing", IPv4(nil).Check(), ErrShort},
		{"19 bytes", good(ProtoTCP, 40)[:19].Check(), ErrShort},
		{"version 6", func() error { ip := good(6, 40); ip[0] = 0x65; return ip.Check() }(), ErrVersion},
		{"IHL 16", func() error { ip := good(6, 40); ip.SetVersionIHL(16); return ip.Check() }(), ErrHeaderLen},
		{"IHL beyond", func() error { ip := good(6, 40); ip.SetVersionIHL(60); return ip.Check() }(), ErrHeaderLen},
		{"total length beyond", good(6, 40)[:30].Check(), ErrTruncated},
		{"total length 19", func() error { ip := good(6, 40); ip.SetTotalLen(19); return ip.Check() }(), ErrTotalLen},

		{"TCP of 19", TCP(make([]byte, 19)).Check(), ErrShort},
		{"TCP offset 0", TCP(make([]byte, 20)).Check(), ErrHeaderLen},
		{"TCP offset beyond", TCP(append(make([]byte, 12), 0x60, 0, 0, 0, 0, 0, 0, 0)).Check(), ErrHeaderLen},
		{"TCP", TCP(append(make([]byte, 12), 0x50, 0, 0, 0, 0, 0, 0, 0)).Check(), nil},

		{"UDP of 7", UDP(make([]byte, 7)).Check(), ErrShort},
		{"UDP length 7", UDP{0, 0, 0, 0, 0, 7, 0, 0}.Check(), ErrTotalLen},
		{"UDP length 9 in 8", UDP{0, 0, 0, 0, 0, 9, 0, 0}.Check(), ErrTruncated},
		{"UDP", UDP{0, 0, 0, 0, 0, 8, 0, 0}.Check(), nil},
		{"ICMP of 7", ICMPv4(make([]byte, 7)).Check(), ErrShort},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}
