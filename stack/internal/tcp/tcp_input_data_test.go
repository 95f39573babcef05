package tcp

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// receivingSock is an established connection of which only the receiving half works.
func receivingSock(rcvbuf int) (*Net, *TcpSock) {
	n := new(Net)
	n.Init(kernel.Config{Seed: 1})
	tp := new(TcpSock)
	tp.SkState = core.TcpEstablished
	tp.SkProt = n.prot
	tp.SkRcvbuf = rcvbuf
	tp.SkRcvlowat = 1
	tp.SkDataReady = func(*core.Sock) {}
	tp.SkStateChange = func(*core.Sock) {}
	tp.IcskCaOps = &CongestionOps{}
	tp.IcskRto = 200
	tp.IcskAck.RcvMss = 536
	tp.Advmss = 1460
	tp.TcpHeaderLen = wire.TCPMinLen
	tp.RxOpt.SackOk = tcpSackSeen
	return n, tp
}

// segment makes a packet with the bytes [from, to) of stream behind a header;
// sequence numbers begin at base. Beyond the end of the stream stands its FIN.
func segment(n *Net, stream []byte, base uint32, from, to int) *core.SkBuff {
	data := stream[from:min(to, len(stream))]
	skb := n.AllocSkb(wire.TCPMinLen + len(data))
	skb.ResetTransportHeader()
	hdr := wire.TCP(skb.PutZero(wire.TCPMinLen))
	skb.PutData(data)
	flags := wire.ACK
	if to > len(stream) {
		flags |= wire.FIN
	}
	hdr.SetDataOffFlags(wire.TCPMinLen, flags)
	hdr.SetSeq(base + uint32(from))
	skb.Cb = core.TcpSkbCb{Seq: base + uint32(from), EndSeq: base + uint32(to), TcpFlags: uint8(flags)}
	return skb
}

// received reads the receive queue as recvmsg would, from copied_seq on, and
// empties it.
func received(t *testing.T, n *Net, tp *TcpSock) []byte {
	t.Helper()
	var got []byte
	next := tp.CopiedSeq
	for skb := tp.SkReceiveQueue.Dequeue(); skb != nil; skb = tp.SkReceiveQueue.Dequeue() {
		off := int(int32(next - skb.Cb.Seq))
		if off < 0 {
			t.Fatalf("a hole of %d bytes in the receive queue", -off)
		}
		if off < skb.Len {
			buf := make([]byte, skb.Len-off)
			n.SkbCopyBits(skb, off, buf)
			got = append(got, buf...)
			next += uint32(len(buf))
		}
		n.KfreeSkb__(skb)
	}
	n.SkMemReclaim(&tp.Sock)
	tp.CopiedSeq = next
	return got
}

func checkOfoQueue(t *testing.T, tp *TcpSock) {
	t.Helper()
	q := &tp.OutOfOrderQueue
	if tp.OooLastSkb != q.Last {
		t.Fatal("ooo_last_skb is not the last")
	}
	if (q.First == nil) != (tp.RxOpt.NumSacks == 0) {
		t.Fatalf("%d segments out of order and %d SACK blocks", q.Qlen, tp.RxOpt.NumSacks)
	}
	for skb := q.First; skb != nil; skb = skb.Next {
		if !wire.After(skb.Cb.Seq, tp.RcvNxt) {
			t.Fatalf("segment at rcv_nxt%+d waits", int32(skb.Cb.Seq-tp.RcvNxt))
		}
		if skb.Next != nil && wire.Before(skb.Next.Cb.Seq, skb.Cb.Seq) {
			t.Fatal("out-of-order queue out of order")
		}
	}
}

// Whatever the order in which segments come, cut as they may be and twice as
// they may come, the program reads the stream.
func TestTcpDataQueueReassembles(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for round := range 300 {
		n, tp := receivingSock(8 << 20)
		base := rnd.Uint32()
		if round%3 == 0 {
			base = ^uint32(0) - 300
		}
		stream := make([]byte, 200+rnd.IntN(4000))
		for i := range stream {
			stream[i] = byte(rnd.Uint32())
		}
		tp.RcvNxt, tp.CopiedSeq, tp.RcvWup = base, base, base
		tp.RcvWnd, tp.WindowClamp = 1<<20, 1<<20
		whole := len(stream) + 1 // with the FIN

		arrive := func(from, to int) {
			n.tcpDataQueue(&tp.Sock, segment(n, stream, base, from, to))
			if tp.SkState == core.TcpEstablished {
				checkOfoQueue(t, tp)
			}
		}
		for range 60 {
			from := rnd.IntN(whole)
			arrive(from, min(whole, from+1+rnd.IntN(600)))
		}
		got := received(t, n, tp)
		for tp.SkState == core.TcpEstablished { // what is missing comes in order
			from := int(tp.RcvNxt - base)
			arrive(max(0, from-rnd.IntN(50)), min(whole, from+1+rnd.IntN(600)))
		}
		got = append(got, received(t, n, tp)...)
		if !bytes.Equal(got, stream) {
			t.Fatalf("round %d: read %d bytes, of which the stream has %d", round, len(got), len(stream))
		}
		if tp.SkState != core.TcpCloseWait || tp.RcvNxt != base+uint32(whole) || tp.BytesReceived != uint64(whole) {
			t.Fatalf("round %d: state %d, rcv_nxt %d of %d, %d bytes", round, tp.SkState, tp.RcvNxt-base, whole, tp.BytesReceived)
		}
	}
}

// With too small a buffer segments are collapsed, pruned and dropped; what is
// left is still the stream.
func TestTcpDataQueueUnderPressure(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	stream := make([]byte, 60000)
	for i := range stream {
		stream[i] = byte(rnd.Uint32())
	}
	n, tp := receivingSock(30000)
	tp.SkUserlocks = core.SockRcvbufLock
	tp.RcvWnd, tp.WindowClamp = 1<<20, 1<<20
	var got []byte
	for range 20000 {
		from := int(tp.RcvNxt)
		if rnd.IntN(3) != 0 {
			from += rnd.IntN(12000)
		}
		if from >= len(stream) {
			continue
		}
		n.tcpDataQueue(&tp.Sock, segment(n, stream, 0, from, min(len(stream), from+1+rnd.IntN(300))))
		if tp.OooLastSkb != tp.OutOfOrderQueue.Last {
			t.Fatal("ooo_last_skb is not the last")
		}
		if rnd.IntN(200) == 0 {
			got = append(got, received(t, n, tp)...)
		}
		if int(tp.RcvNxt) == len(stream) {
			break
		}
	}
	got = append(got, received(t, n, tp)...)
	if !bytes.Equal(got, stream[:len(got)]) {
		t.Fatal("the stream is damaged")
	}
	if len(got) != len(stream) {
		t.Errorf("only %d of %d bytes came through", len(got), len(stream))
	}
	for _, c := range []struct {
		name string
		mib  int
	}{{"PruneCalled", core.MibTcpExtPruneCalled}, {"TCPRcvCollapsed", core.MibTcpExtTCPRcvCollapsed}, {"OfoPruned", core.MibTcpExtOfoPruned}} {
		if n.Mib[c.mib] == 0 {
			t.Errorf("%s stayed 0: the test puts on no pressure", c.name)
		}
	}
}

func BenchmarkTcpQueueRcv(b *testing.B) {
	n, tp := receivingSock(8 << 20)
	stream := make([]byte, 1448)
	b.ReportAllocs()
	for b.Loop() {
		skb := segment(n, stream, tp.RcvNxt, 0, len(stream))
		tp.RcvWnd = 1 << 20
		n.tcpDataQueue(&tp.Sock, skb)
		for skb := tp.SkReceiveQueue.Dequeue(); skb != nil; skb = tp.SkReceiveQueue.Dequeue() {
			n.KfreeSkb__(skb)
		}
		tp.CopiedSeq = tp.RcvNxt
	}
}
