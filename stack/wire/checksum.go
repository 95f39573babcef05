package wire

import (
	"encoding/binary"
	"math/bits"
)

// The Internet checksum (RFC 1071) as Linux computes it: Sum accumulates, Fold ends.
//
// An accumulator is a uint32 that stands for a ones-complement sum of 16-bit big-endian words. Accumulators of the
// pieces of a packet add up in any order (RFC 1071 section 2 (A)), so the pseudo-header, the header and each page of
// payload may be summed apart.

// Sum adds the bytes of b to the accumulator initial and returns the new accumulator, as csum_partial. A trailing odd
// byte counts as if a zero followed it (RFC 1071 section 4.1); a piece that begins at an odd offset of the whole
// must be added by SumBlock instead.
func Sum(b []byte, initial uint32) uint32 {
	// "The sum of 16-bit integers can be computed in either byte order" (RFC 1071 section 2 (B)): little-endian
	// loads are the cheap ones, the two bytes of the result are swapped once. Words of 64 bits with end-around
	// carry hold the same sum as words of 16 (section 2 (C)).
	var sum, c uint64
	for len(b) >= 64 {
		p := b[:64]
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[0:]), 0)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[8:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[16:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[24:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[32:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[40:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[48:]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[56:]), c)
		sum += c // cannot overflow: a sum that carried is at most 2^64-2
		b = b[64:]
	}
	for len(b) >= 8 {
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(b), 0)
		sum += c
		b = b[8:]
	}
	if len(b) > 0 {
		sum, c = bits.Add64(sum, tail(b), 0)
		sum += c
	}
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>32 + sum&0xffffffff
	return addCarry(initial, uint32(bits.ReverseBytes16(fold16(uint32(sum)))))
}

// tail loads the last one to seven bytes, zeros above them.
func tail(b []byte) uint64 {
	var v uint64
	n := 0
	if len(b) >= 4 {
		v = uint64(binary.LittleEndian.Uint32(b))
		b, n = b[4:], 32
	}
	if len(b) >= 2 {
		v |= uint64(binary.LittleEndian.Uint16(b)) << n
		b, n = b[2:], n+16
	}
	if len(b) > 0 {
		v |= uint64(b[0]) << n
	}
	return v
}

// SumBlock adds to sum the accumulator part of a piece that begins at byte offset of the whole, as csum_block_add.
// At an odd offset the piece's bytes stand in the other halves of the words, so its sum is swapped (RFC 1071
// section 2 (B)).
func SumBlock(sum, part uint32, offset int) uint32 {
	if offset&1 != 0 {
		part = uint32(bits.ReverseBytes16(fold16(part)))
	}
	return addCarry(sum, part)
}

// Fold reduces an accumulator to the 16 bits that go into the header: the ones complement of the sum, as csum_fold.
// Over data that includes a correct checksum it is 0 (RFC 1071 section 1 (3)).
func Fold(sum uint32) uint16 { return ^fold16(sum) }

// PseudoHeader returns the accumulator of the pseudo-header that TCP and UDP prefix to their checksum (RFC 9293
// section 3.1, RFC 768). length is that of the transport header and payload, in bytes.
func PseudoHeader(src, dst Addr, proto uint8, length int) uint32 {
	return uint32(src>>16) + uint32(src&0xffff) + uint32(dst>>16) + uint32(dst&0xffff) +
		uint32(proto) + uint32(length)
}

// TransportChecksum returns the checksum of seg, a TCP or UDP header with its payload, under its pseudo-header. The
// checksum field counts like any other: zero it before computing; with a correct one in place the result is 0. UDP
// sends a computed 0 as 0xffff, because 0 there means that there is none (RFC 768).
func TransportChecksum(src, dst Addr, proto uint8, seg []byte) uint16 {
	return Fold(Sum(seg, PseudoHeader(src, dst, proto, len(seg))))
}

// ReplaceChecksum returns the header checksum check after one 16-bit word that it covers changed from was to now
// (RFC 1624 section 3, equation 3), as csum_replace2.
func ReplaceChecksum(check, was, now uint16) uint16 {
	return Fold(uint32(^check) + uint32(^was) + uint32(now))
}

// addCarry adds with end-around carry, as csum_add.
func addCarry(a, b uint32) uint32 {
	sum, c := bits.Add32(a, b, 0)
	return sum + c
}

// fold16 adds the two halves until 16 bits hold the sum.
func fold16(sum uint32) uint16 {
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum)
}
