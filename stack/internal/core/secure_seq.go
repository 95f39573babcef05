// Sequence numbers and ports that a stranger cannot guess
// (net/core/secure_seq.c, lib/siphash.c).

package core

import (
	"math/bits"

	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// sipState is SipHash-2-4 over words of 64 bits.
type sipState struct{ v0, v1, v2, v3 uint64 }

func newSip(key *[2]uint64) sipState {
	return sipState{
		0x736f6d6570736575 ^ key[0], 0x646f72616e646f6d ^ key[1],
		0x6c7967656e657261 ^ key[0], 0x7465646279746573 ^ key[1],
	}
}

func (s *sipState) round() {
	s.v0 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v0 = bits.RotateLeft64(s.v0, 32)
	s.v2 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v2 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v2 = bits.RotateLeft64(s.v2, 32)
}

func (s *sipState) word(m uint64) {
	s.v3 ^= m
	s.round()
	s.round()
	s.v0 ^= m
}

func (s *sipState) sum(last uint64) uint64 {
	s.word(last)
	s.v2 ^= 0xff
	for range 4 {
		s.round()
	}
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

// Siphash3u32 hashes three words with a key (siphash_3u32).
func Siphash3u32(a, b, c uint32, key *[2]uint64) uint64 {
	s := newSip(key)
	s.word(uint64(b)<<32 | uint64(a))
	return s.sum(12<<56 | uint64(c))
}

// Siphash2u32 hashes two words with a key (siphash_2u32).
func Siphash2u32(a, b uint32, key *[2]uint64) uint64 {
	s := newSip(key)
	s.word(uint64(b)<<32 | uint64(a))
	return s.sum(8 << 56)
}

// Siphash4u32 hashes four words with a key (siphash_4u32).
func Siphash4u32(a, b, c, d uint32, key *[2]uint64) uint64 {
	s := newSip(key)
	s.word(uint64(b)<<32 | uint64(a))
	s.word(uint64(d)<<32 | uint64(c))
	return s.sum(16 << 56)
}

// RandomKey draws a key from the machine's random source (get_random_once).
func (n *Net) RandomKey() [2]uint64 {
	var k [2]uint64
	for i := range k {
		k[i] = uint64(n.PrandomU32())<<32 | uint64(n.PrandomU32())
	}
	return k
}

// seqScale adds the clock, which ticks every 64 ns.
func (n *Net) seqScale(seq uint32) uint32 { return seq + uint32(uint64(n.Now())>>6) }

// SecureTcpSeq is the first sequence number of a connection: a secret for each
// pair of endpoints, that grows with time (secure_tcp_seq).
func (n *Net) SecureTcpSeq(saddr, daddr wire.Addr, sport, dport uint16) uint32 {
	kernel.Fentry4(&n.Kernel, saddr, daddr, sport, dport) // secure_tcp_seq net/core/secure_seq.c:134

	hash := Siphash3u32(uint32(saddr), uint32(daddr), uint32(sport)<<16|uint32(dport), &n.secret)
	return n.seqScale(uint32(hash))
}

// SecureTcpTsOff is where a connection's time stamps begin (secure_tcp_ts_off).
func (n *Net) SecureTcpTsOff(net *Net, saddr, daddr wire.Addr) uint32 {
	kernel.Fentry3(&n.Kernel, net, saddr, daddr) // secure_tcp_ts_off net/core/secure_seq.c:119

	if n.Sysctl.TcpTimestamps != 1 {
		return 0
	}
	return uint32(Siphash2u32(uint32(saddr), uint32(daddr), &n.tsSecret))
}

// SecureIpv4PortEphemeral is where the search for a port begins
// (secure_ipv4_port_ephemeral).
func (n *Net) SecureIpv4PortEphemeral(saddr, daddr wire.Addr, dport uint16) uint32 {
	kernel.Fentry3(&n.Kernel, saddr, daddr, dport) // secure_ipv4_port_ephemeral net/core/secure_seq.c:147

	return uint32(Siphash3u32(uint32(saddr), uint32(daddr), uint32(dport), &n.secret))
}
