package core

import (
	"testing"
	"time"

	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// testNet is a machine with lo up.
func testNet(t testing.TB) *Net {
	t.Helper()
	n := new(Net)
	n.Init(kernel.Config{Seed: 1})
	t.Cleanup(n.Close)
	if err := n.DevOpen(n.Loopback); err != 0 {
		t.Fatalf("dev_open(lo) = %d", err)
	}
	return n
}

// testSock is a datagram socket of a protocol that keeps an account.
func testSock(n *Net) (*Sock, *Socket) {
	prot := &Proto{
		Name:      "TEST",
		NewSock:   func() *Sock { return new(Sock) },
		SysctlMem: [3]int64{100, 200, 300}, SysctlWmem: [3]int{4096}, SysctlRmem: [3]int{4096},
		Unhash: func(*Sock) {},
	}
	sock := NewSocket(&n.Kernel)
	sock.Type = SockDgram
	sk := n.SkAlloc(n, AfInet, prot, false)
	n.SockInitData(sock, sk)
	return sk, sock
}

// inTask runs fn as a program and lets the machine run until it is done.
func inTask(t testing.TB, n *Net, fn func()) {
	t.Helper()
	done := false
	n.Fork(nil, "test", func(*kernel.Task) int { fn(); done = true; return 0 })
	n.Run(n.Now()+time.Hour, func() bool { return done })
	if !done {
		t.Fatal("the program did not end")
	}
}

// ipPacket makes an outgoing UDP packet on lo with a partial checksum.
func ipPacket(n *Net, payload int) *SkBuff {
	skb := n.AllocSkb(64 + 28 + payload)
	skb.Reserve(64)
	skb.ResetNetworkHeader()
	ip := wire.IPv4(skb.PutZero(20))
	ip.SetVersionIHL(20)
	ip.SetTotalLen(uint16(28 + payload))
	ip.SetProtocol(wire.ProtoUDP)
	ip.SetSrc(wire.AddrLoopback)
	ip.SetDst(wire.AddrLoopback)
	ip.UpdateChecksum()
	skb.TransportHeader = skb.Tail
	udp := wire.UDP(skb.PutZero(8))
	udp.SetLength(uint16(8 + payload))
	skb.PutZero(payload)
	skb.IpSummed = ChecksumPartial
	skb.CsumStart = skb.TransportHeader
	skb.CsumOffset = 6
	udp.SetChecksum(^wire.Fold(wire.PseudoHeader(wire.AddrLoopback, wire.AddrLoopback, wire.ProtoUDP, 8+payload)))
	skb.Protocol = wire.EtherTypeIPv4
	skb.Dev = n.Loopback
	return skb
}
