package tcp

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"menuos/stack/internal/core"
)

// receiver says what a receiver that follows RFC 2018 would sack: the block of
// the newest segment first, then the blocks reported before it.
type receiver struct {
	got    []bool
	recent [][2]uint32
}

func (r *receiver) receive(seg int) [][2]uint32 {
	r.got[seg] = true
	lo, hi := seg, seg+1
	for lo > 0 && r.got[lo-1] {
		lo--
	}
	for hi < len(r.got) && r.got[hi] {
		hi++
	}
	blocks := [][2]uint32{{uint32(lo), uint32(hi)}}
	for _, b := range r.recent {
		if b[1] <= uint32(lo) || b[0] >= uint32(hi) {
			blocks = append(blocks, b)
		}
	}
	r.recent = blocks
	return blocks[:min(len(blocks), 4)]
}

// Whatever order the segments arrive in, and whatever ACKs are lost or come
// late, what is tagged is what was reported, and the counters agree.
func TestSacktagRandom(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 7))
		const count = 60
		n, tp := newSackSock(t, count, time.Microsecond*100)
		recv := receiver{got: make([]bool, count)}
		want := []byte(strings.Repeat(".", count))
		var late *core.SkBuff
		var lateBlocks [][2]uint32
		apply := func(ack *core.SkBuff, blocks [][2]uint32) {
			sacktag(n, tp, ack)
			for _, b := range blocks {
				for i := b[0]; i < b[1]; i++ {
					want[i] = 'S'
				}
			}
			if got := tags(tp); got != string(want) {
				t.Fatalf("seed %d, blocks %v:\n%s, want\n%s", seed, blocks, got, want)
			}
			checkCounts(t, tp)
			if hi := strings.LastIndexByte(string(want), 'S'); tcpHighestSackSeq(tp) != 1+uint32(hi+1)*testMss {
				t.Fatalf("seed %d: highest sacked ends at %d, want %d", seed, tcpHighestSackSeq(tp), 1+uint32(hi+1)*testMss)
			}
		}
		for _, i := range rng.Perm(count - 1)[:40] {
			blocks := recv.receive(i + 1)
			ack := sackAck(0, blocks...)
			switch rng.IntN(6) {
			case 0: // lost
			case 1: // late
				late, lateBlocks = ack, blocks
			default:
				apply(ack, blocks)
			}
			if late != nil && rng.IntN(3) == 0 {
				apply(late, lateBlocks)
				late = nil
			}
		}
	}
}

// The same with data in page fragments, as programs' data is: sacked neighbours
// become one segment. In the end everything is acked, bit by bit.
func TestSackShift(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 8))
		const count = 60
		n, tp := newTestSock(t)
		sk := &tp.Sock
		tp.RxOpt.SackOk = tcpSackSeen
		tp.SndUna, tp.SndNxt, tp.HighSeq = 1, 1, 1
		tp.SndWnd, tp.MaxWindow = 1<<20, 1<<20
		page := n.AllocPages(3)
		off := 0
		for tp.PacketsOut < count {
			pcount := min(1+rng.IntN(4), count-int(tp.PacketsOut))
			skb := n.AllocSkbFclone(core.MaxTcpHeader)
			length := pcount * 500
			if off+length > len(page.B) {
				page, off = n.AllocPages(3), 0
			}
			skb.Head.Frags[0] = core.Frag{Page: page, Off: int32(off), Size: int32(length)}
			skb.Head.NrFrags = 1
			core.GetPage(page)
			off += length
			skb.Len, skb.DataLen = length, length
			skb.Truesize += length
			sk.SkWmemQueued += skb.Truesize
			sk.SkForwardAlloc -= skb.Truesize
			skb.Cb.Seq, skb.Cb.EndSeq = tp.SndNxt, tp.SndNxt+uint32(length)
			skb.Cb.TcpGsoSegs, skb.Cb.TcpGsoSize = uint16(pcount), 500
			if pcount == 1 {
				skb.Cb.TcpGsoSize = 0
			}
			skb.SkbMstampNs = uint64(n.Now())
			n.tcpRateSkbSent(sk, skb)
			tcpRbtreeInsert(&sk.TcpRtxQueue, skb)
			tsortedAddTail(tp, skb)
			tp.SndNxt = skb.Cb.EndSeq
			tp.PacketsOut += uint32(pcount)
		}
		tp.MssCache = 500
		runTo(n, tp, n.Now()+10*time.Millisecond)

		recv := receiver{got: make([]bool, count)}
		want := []byte(strings.Repeat(".", count))
		for _, i := range rng.Perm(count - 1)[:50] {
			blocks := recv.receive(i + 1)
			sacktag(n, tp, sackAckMss(500, 0, blocks...))
			for _, b := range blocks {
				for i := b[0]; i < b[1]; i++ {
					want[i] = 'S'
				}
			}
			if got := packetTags(tp); got != string(want) {
				t.Fatalf("seed %d, blocks %v:\n%s, want\n%s", seed, blocks, got, want)
			}
			checkCounts(t, tp)
		}
		if n.Mib[core.MibTcpExtTCPSackMerged] == 0 {
			t.Errorf("seed %d: nothing was merged", seed)
		}

		for una := 1 + uint32(rng.IntN(4)); tp.PacketsOut > 0; una += 1 + uint32(rng.IntN(9)) {
			prior, fack := tp.SndUna, tcpHighestSackSeq(tp)
			tp.SndUna = 1 + min(una, count)*500
			var state tcpSacktagState
			if flag := n.tcpCleanRtxQueue(sk, fack, prior, &state); flag&flagDataAcked == 0 {
				t.Fatalf("seed %d: flags %#x", seed, flag)
			}
			checkCounts(t, tp)
			if got := packetTags(tp); got != string(want[min(una, count):]) {
				t.Fatalf("seed %d, acked %d:\n%s, want\n%s", seed, una, got, want[min(una, count):])
			}
		}
		if sk.TcpRtxQueue.Qlen != 0 || tp.TsortedFirst != nil || sk.SkWmemQueued != 0 || tp.Delivered != count {
			t.Errorf("seed %d: %d left, %d bytes, delivered %d", seed, sk.TcpRtxQueue.Qlen, sk.SkWmemQueued, tp.Delivered)
		}
	}
}

// packetTags is tags with a letter a packet.
func packetTags(tp *TcpSock) string {
	var b strings.Builder
	for skb := tp.TcpRtxQueue.First; skb != nil; skb = skb.Next {
		c := "."
		if skb.Cb.Sacked&core.TcpcbSackedAcked != 0 {
			c = "S"
		}
		b.WriteString(strings.Repeat(c, tcpSkbPcount(skb)))
	}
	return b.String()
}

func BenchmarkSacktag(b *testing.B) {
	n, tp := newSackSock(b, 2000, 0)
	acks := make([]*core.SkBuff, 1000)
	for i := range acks {
		acks[i] = sackAck(0, [2]uint32{500, uint32(502 + i)}, [2]uint32{100, 101})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		sacktag(n, tp, acks[i%len(acks)])
	}
}
