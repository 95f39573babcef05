package wire

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// slowSum is RFC 1071 section 4.1, word by word.
func slowSum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
		sum = sum>>16 + sum&0xffff
	}
	if len(b) > 0 {
		sum += uint32(b[0]) << 8
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func TestChecksumVectors(t *testing.T) {
	tests := []struct {
		name string
		b    []byte
		want uint16
	}{
		{"RFC 1071 section 3", []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, ^uint16(0xddf2)},
		{"an odd length", []byte{0x00, 0x01, 0xf2}, ^uint16(0xf201)},
		{"empty", nil, 0xffff},
		{"one byte", []byte{0x12}, ^uint16(0x1200)},
		{"all ones", []byte{0xff, 0xff, 0xff, 0xff}, 0},
		{"carry twice", []byte{0xff, 0xff, 0x00, 0x01}, ^uint16(1)},
		{"an IPv4 header", []byte{0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7}, 0xb861},
	}
	for _, tt := range tests {
		if got := Fold(Sum(tt.b, 0)); got != tt.want {
			t.Errorf("%s: %#04x, want %#04x", tt.name, got, tt.want)
		}
	}
}

// fill returns n bytes; every third buffer is all ones, where a lost carry shows.
func fill(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	ones := r.IntN(3) == 0
	for i := range b {
		b[i] = byte(r.Uint32())
		if ones {
			b[i] = 0xff
		}
	}
	return b
}

func TestSumAgainstWords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 600 {
		for range 4 {
			b := fill(r, n)
			if got, want := Fold(Sum(b, 0)), slowSum(b); got != want {
				t.Fatalf("%d bytes: %#04x, want %#04x", n, got, want)
			}
		}
	}
	b := fill(r, 65535)
	if got, want := Fold(Sum(b, 0)), slowSum(b); got != want {
		t.Fatalf("65535 bytes: %#04x, want %#04x", got, want)
	}
}

func TestSumInPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		b := fill(r, 1+r.IntN(300))
		whole := slowSum(b)
		cut := r.IntN(len(b))

		even := cut &^ 1
		if got := Fold(Sum(b[even:], Sum(b[:even], 0))); got != whole {
			t.Fatalf("%d bytes cut at %d: %#04x, want %#04x", len(b), even, got, whole)
		}
		if got := Fold(SumBlock(Sum(b[:cut], 0), Sum(b[cut:], 0), cut)); got != whole {
			t.Fatalf("%d bytes as two blocks cut at %d: %#04x, want %#04x", len(b), cut, got, whole)
		}
	}
	// An accumulator near its top must carry around, not wrap.
	if got := Fold(Sum([]byte{0, 2}, 0xffffffff)); got != ^uint16(2) {
		t.Errorf("end-around carry: %#04x", got)
	}
}

func TestReplaceChecksum(t *testing.T) {
	// RFC 1624 section 4: the case that equation 2 gets wrong.
	if got := ReplaceChecksum(0xdd2f, 0x5555, 0x3285); got != 0x0000 {
		t.Errorf("RFC 1624 section 4: %#04x, want 0", got)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		ip := IPv4(fill(r, 20))
		ip.SetVersionIHL(20)
		ip.UpdateChecksum()
		ttl := ip.TTL()
		if left := ip.DecreaseTTL(); left != ttl-1 || !ip.ChecksumOK() {
			t.Fatalf("TTL %d to %d, checksum ok %v", ttl, left, ip.ChecksumOK())
		}
	}
}

func TestUDPZeroChecksum(t *testing.T) {
	u := UDP(make([]byte, 10))
	u.SetLength(10)
	src, dst := Addr(0), Addr(0)
	// The two bytes of payload bring the sum to 0xffff, so the complement is 0.
	rest := TransportChecksum(src, dst, ProtoUDP, u)
	u[8], u[9] = byte(rest>>8), byte(rest)
	if got := TransportChecksum(src, dst, ProtoUDP, u); got != 0 {
		t.Fatalf("setup: %#04x", got)
	}
	u.UpdateChecksum(src, dst)
	if u.Checksum() != 0xffff || !u.ChecksumOK(src, dst) {
		t.Errorf("computed zero is sent as %#04x, ok %v", u.Checksum(), u.ChecksumOK(src, dst))
	}
	u.SetChecksum(0)
	if !u.ChecksumOK(src, dst) {
		t.Error("an absent checksum is refused")
	}
	u.SetChecksum(0x1234)
	if u.ChecksumOK(src, dst) {
		t.Error("a wrong checksum is accepted")
	}
}

func BenchmarkSum(b *testing.B) {
	for _, n := range []int{20, 40, 64, 576, 1460, 65535} {
		buf := fill(rand.New(rand.NewPCG(1, 1)), n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			var s uint32
			for b.Loop() {
				s = Sum(buf, s)
			}
		})
	}
}
