package wire

import (
	"os/exec"
	"strings"
	"testing"
)

// What the receive path reads for every packet must cost a load, not a call.
func TestInlining(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the compiler")
	}
	goCmd, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	out, err := exec.Command(goCmd, "build", "-gcflags=-m", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, fn := range []string{
		"Before", "After", "Between", "Fold", "PseudoHeader", "MaskFromLen",
		"Addr.IsLoopback", "Addr.IsMulticast", "Addr.IsBroadcast", "Addr.IsZeronet",
		"IPv4.Check", "IPv4.IHL", "IPv4.TotalLen", "IPv4.ID", "IPv4.FragOff", "IPv4.DF", "IPv4.MF", "IPv4.IsFragment",
		"IPv4.TTL", "IPv4.Protocol", "IPv4.Src", "IPv4.Dst", "IPv4.Payload", "IPv4.SetSrc", "IPv4.SetTotalLen", "IPv4.SetFrag",
		"TCP.Check", "TCP.SrcPort", "TCP.DstPort", "TCP.Seq", "TCP.Ack", "TCP.DataOff", "TCP.Flags", "TCP.Window",
		"TCP.Urgent", "TCP.Options", "TCP.Payload", "TCP.SetSeq", "TCP.SetAck", "TCP.SetDataOffFlags", "TCP.SetWindow",
		"UDP.Check", "UDP.Length", "UDP.Payload", "ICMPv4.Type", "ICMPv4.Code", "ICMPv4.ID",
		"Ethernet.Dst", "Ethernet.Type", "Ethernet.SetDst", "ARP.Check", "ARP.SHA", "ARP.SPA", "NextOption",
	} {
		if !strings.Contains(string(out), ": can inline "+fn+"\n") {
			t.Errorf("%s does not inline", fn)
		}
	}
}

func TestAllocations(t *testing.T) {
	b := tcpPacket(AddrLoopback, AddrLoopback, 43116, 5001, 1, 2, ACK|PSH, 1024, timestamps, "hello")
	rel := &SeqBase{Src: AddrLoopback, Dst: AddrLoopback, SrcPort: 43116, DstPort: 5001}
	buf := make([]byte, 0, 256)
	var sink uint64
	tests := []struct {
		name string
		max  float64
		fn   func()
	}{
		{"getters", 0, func() {
			ip := IPv4(b)
			th := TCP(ip.Payload())
			if ip.Check() == nil && th.Check() == nil {
				sink += uint64(ip.Src()) + uint64(th.Seq()) + uint64(th.Flags()) + uint64(len(th.Options()))
			}
		}},
		{"options", 0, func() {
			for opts := TCP(IPv4(b).Payload()).Options(); len(opts) > 0; {
				kind, data, rest, err := NextOption(opts)
				if err != nil {
					panic(err)
				}
				sink += uint64(kind) + uint64(len(data))
				opts = rest
			}
		}},
		{"checksums", 0, func() {
			ip := IPv4(b)
			ip.UpdateChecksum()
			TCP(ip.Payload()).UpdateChecksum(ip.Src(), ip.Dst())
		}},
		{"AppendSummary", 0, func() { buf = AppendSummary(buf[:0], b, rel) }},
		{"Packetdrill", 1, func() { sink += uint64(len(Packetdrill(b, rel))) }},
		{"Addr.String", 1, func() { sink += uint64(len(AddrLoopback.String())) }},
	}
	for _, tt := range tests {
		if got := testing.AllocsPerRun(100, tt.fn); got > tt.max {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.max)
		}
	}
}

func BenchmarkAppendSummary(b *testing.B) {
	p := tcpPacket(AddrLoopback, AddrLoopback, 43116, 5001, 1, 2, ACK|PSH, 1024, timestamps, "hello")
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendSummary(buf[:0], p, nil)
	}
}
