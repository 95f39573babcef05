package wire

import (
	"bytes"
	"testing"
	"unicode"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// seeds gives every fuzz target the same corpus of whole packets.
func seeds(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(seg(0, 0, SYN, 65495, synOptions, ""))
	f.Add(seg(1, 1, PSH|ACK, 1024, timestamps, "hello"))
	f.Add(seg(1, 1, ACK, 1024, []byte{5, 0, 5, 99}, ""))
	f.Add(packet(ProtoUDP, 0, 7, 0, 9, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o'))
	f.Add(packet(ProtoICMP, 3, 4, 0, 0, 0, 0, 5, 120))
	f.Add(fragment(packet(ProtoUDP, 1, 2, 3), IPv4MF, 1480))
}

// Whatever passes Check, every getter reads in range and agrees with gopacket.
func FuzzIPv4(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		ip := IPv4(b)
		if ip.Check() != nil {
			if ip.Valid() {
				t.Fatal("Valid contradicts Check")
			}
			return
		}
		if len(ip.Options())+IPv4MinLen+len(ip.Payload()) != int(ip.TotalLen()) {
			t.Fatalf("options %d, payload %d, total %d", len(ip.Options()), len(ip.Payload()), ip.TotalLen())
		}
		ip.ChecksumOK()
		var want layers.IPv4
		// gopacket also refuses bad IP options, which the view does not look into.
		if want.DecodeFromBytes(b, gopacket.NilDecodeFeedback) == nil {
			if want.TTL != ip.TTL() || uint8(want.Protocol) != ip.Protocol() || want.Id != ip.ID() || want.TOS != ip.TOS() ||
				int(want.FragOffset)*8 != ip.FragOff() || uint16(want.Flags)<<13 != ip.Flags() || want.Checksum != ip.Checksum() ||
				!want.SrcIP.Equal(netIP(ip.Src())) || !want.DstIP.Equal(netIP(ip.Dst())) {
				t.Fatalf("%x differs from %+v", b, want)
			}
		}
		if th := TCP(ip.Payload()); th.Valid() && len(th.Options())+TCPMinLen+len(th.Payload()) != len(th) {
			t.Fatalf("TCP options %d, payload %d of %d", len(th.Options()), len(th.Payload()), len(th))
		}
		if uh := UDP(ip.Payload()); uh.Valid() {
			uh.ChecksumOK(ip.Src(), ip.Dst())
			if len(uh.Payload())+UDPLen != int(uh.Length()) {
				t.Fatalf("UDP payload %d of %d", len(uh.Payload()), uh.Length())
			}
		}
		if got := slowSum(b); got != Fold(Sum(b, 0)) {
			t.Fatalf("checksum %#04x, word by word %#04x", Fold(Sum(b, 0)), got)
		}
		// A right checksum, once written, verifies and survives a hop.
		ip = bytes.Clone(b)
		ip.UpdateChecksum()
		ip.DecreaseTTL()
		if !ip.ChecksumOK() {
			t.Fatalf("checksum %#04x wrong after DecreaseTTL", ip.Checksum())
		}
	})
}

// The walk ends, moves forward and never hands out bytes that are not in the options.
func FuzzTCPOptions(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(synOptions)
	f.Add(timestamps)
	f.Add([]byte{2, 0})
	f.Add([]byte{254, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		used := 0
		for opts := b; len(opts) > 0; {
			kind, data, rest, err := NextOption(opts)
			if len(rest) >= len(opts) {
				t.Fatalf("no progress at %d of %x", used, b)
			}
			if kind != opts[0] {
				t.Fatalf("kind %d at %d of %x", kind, used, b)
			}
			if (err != nil || kind == OptEOL) && (data != nil || rest != nil) {
				t.Fatalf("%v at %d of %x leaves data or rest", err, used, b)
			}
			if err == nil && kind > OptNOP && len(data)+2+len(rest) != len(opts) {
				t.Fatalf("option at %d of %x loses bytes", used, b)
			}
			used += len(opts) - len(rest)
			opts = rest
		}
		if used != len(b) {
			t.Fatalf("walked %d of %d bytes", used, len(b))
		}
		appendOptions(nil, b, 0)
	})
}

// Any bytes print, on one line, and the packet is only read.
func FuzzPacketdrill(f *testing.F) {
	seeds(f)
	rel := &SeqBase{Src: AddrLoopback, Dst: AddrLoopback, SrcPort: 43116, DstPort: 5001, SrcISN: 1, DstISN: 2}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		for _, s := range []string{Packetdrill(b, nil), Packetdrill(b, rel), Summary(b, nil), Summary(b, rel)} {
			if s == "" {
				t.Fatalf("%x prints nothing", b)
			}
			for _, r := range s {
				if r > unicode.MaxASCII || !unicode.IsPrint(r) {
					t.Fatalf("%x prints %q", b, s)
				}
			}
		}
		if !bytes.Equal(b, before) {
			t.Fatal("printing changed the packet")
		}
	})
}
