package core

import (
	"bytes"
	"testing"
)

// The sizes are those of a 5.0.1 kernel with SLUB on x86-64.
func TestTruesize(t *testing.T) {
	n := testNet(t)
	for _, tt := range []struct{ size, end, truesize int }{
		{0, 192, 768},
		{64, 192, 768},
		{MaxTcpHeader, 704, 1280},
		{704, 704, 1280},
		{705, 1728, 2304},
		{1500, 1728, 2304},
		{1728, 1728, 2304},
		{1729, 3776, 4352},
		{65536, 131072 - 320, 131072 + 256},
	} {
		skb := n.AllocSkb(tt.size)
		if skb.EndOffset() != tt.end || skb.Truesize != tt.truesize {
			t.Errorf("alloc_skb(%d): end %d truesize %d, want %d %d", tt.size, skb.EndOffset(), skb.Truesize, tt.end, tt.truesize)
		}
		n.KfreeSkb(skb)
	}
}

func fill(skb *SkBuff, length int) {
	for i, b := 0, skb.Put(length); i < length; i++ {
		b[i] = byte(i)
	}
}

// addFrag appends a page fragment whose bytes continue those of fill.
func addFrag(n *Net, skb *SkBuff, size int) {
	p := n.AllocPages(skbFragPageOrder)
	for i := range size {
		p.B[100+i] = byte(skb.Len + i)
	}
	skb.FillPageDesc(int(skb.Head.NrFrags), p, 100, size)
	skb.Len += size
	skb.DataLen += size
	skb.Truesize += size
}

func content(t *testing.T, n *Net, skb *SkBuff) []byte {
	t.Helper()
	b := make([]byte, skb.Len)
	if err := n.SkbCopyBits(skb, 0, b); err != 0 {
		t.Fatalf("skb_copy_bits = %d", err)
	}
	return b
}

// counting checks that b counts up from start.
func counting(t *testing.T, what string, b []byte, start, length int) {
	t.Helper()
	if len(b) != length {
		t.Errorf("%s: %d bytes, want %d", what, len(b), length)
	}
	for i := range b {
		if b[i] != byte(start+i) {
			t.Fatalf("%s: byte %d is %d, want %d", what, i, b[i], byte(start+i))
		}
	}
}

// balanced checks that everything that was allocated lies in the pools again:
// that another round of the same takes nothing new.
func balanced(t *testing.T, n *Net, round func()) {
	t.Helper()
	round()
	pages, addr := len(n.pageFree)+len(n.page0Free), n.NewAddr(0)
	round()
	if got := len(n.pageFree) + len(n.page0Free); got != pages {
		t.Errorf("%d pages in the pools, want %d: a page leaked or was freed twice", got, pages)
	}
	if got := n.NewAddr(0); got != addr {
		t.Errorf("new objects were made: packets leaked")
	}
}

func TestSplit(t *testing.T) {
	n := testNet(t)
	for _, at := range []int{0, 50, 100, 150, 300, 301, 499} {
		balanced(t, n, func() {
			skb := n.AllocSkb(512)
			fill(skb, 100)
			addFrag(n, skb, 200)
			addFrag(n, skb, 200)
			skb1 := n.AllocSkb(512)
			n.SkbSplit(skb, skb1, at)
			counting(t, "first", content(t, n, skb), 0, at)
			counting(t, "second", content(t, n, skb1), at, 500-at)
			n.KfreeSkb(skb)
			n.KfreeSkb(skb1)
		})
	}
}

func TestShift(t *testing.T) {
	n := testNet(t)
	for _, shift := range []int{1, 200, 250, 400} {
		balanced(t, n, func() {
			tgt, skb := n.AllocSkb(0), n.AllocSkb(0)
			addFrag(n, tgt, 100)
			skb.Len = 100 // so that the bytes go on counting
			addFrag(n, skb, 200)
			addFrag(n, skb, 200)
			skb.Len -= 100
			ts := tgt.Truesize + skb.Truesize
			if got := n.SkbShift(tgt, skb, shift); got != shift {
				t.Fatalf("skb_shift(%d) = %d", shift, got)
			}
			counting(t, "target", content(t, n, tgt), 0, 100+shift)
			counting(t, "rest", content(t, n, skb), 100+shift, 400-shift)
			if tgt.Truesize+skb.Truesize != ts {
				t.Errorf("truesize %d, want %d", tgt.Truesize+skb.Truesize, ts)
			}
			n.KfreeSkb(tgt)
			n.KfreeSkb(skb)
		})
	}
}

// TestShiftCoalesces shifts data that continues the target's last fragment.
func TestShiftCoalesces(t *testing.T) {
	n := testNet(t)
	for _, shift := range []int{30, 100} {
		balanced(t, n, func() {
			p := n.AllocPages(skbFragPageOrder)
			tgt, skb := n.AllocSkb(0), n.AllocSkb(0)
			for i := range 200 {
				p.B[i] = byte(i)
			}
			GetPage(p)
			tgt.FillPageDesc(0, p, 0, 100)
			tgt.Len, tgt.DataLen = 100, 100
			skb.FillPageDesc(0, p, 100, 100)
			skb.Len, skb.DataLen = 100, 100
			if got := n.SkbShift(tgt, skb, shift); got != shift {
				t.Fatalf("skb_shift = %d", got)
			}
			if tgt.Head.NrFrags != 1 {
				t.Errorf("%d fragments, want 1", tgt.Head.NrFrags)
			}
			counting(t, "target", content(t, n, tgt), 0, 100+shift)
			counting(t, "rest", content(t, n, skb), 100+shift, 100-shift)
			n.KfreeSkb(tgt)
			n.KfreeSkb(skb)
		})
	}
}

func TestTrimAndPull(t *testing.T) {
	n := testNet(t)
	for _, length := range []int{0, 50, 100, 101, 300, 450} {
		balanced(t, n, func() {
			skb := n.AllocSkb(512)
			fill(skb, 100)
			addFrag(n, skb, 200)
			addFrag(n, skb, 200)
			c := n.SkbClone(skb)
			if err := n.PskbTrim(skb, length); err != 0 {
				t.Fatalf("pskb_trim = %d", err)
			}
			counting(t, "trimmed", content(t, n, skb), 0, length)
			counting(t, "clone", content(t, n, c), 0, 500)
			if !n.PskbMayPull(c, 350) || c.Headlen() < 350 {
				t.Errorf("pskb_may_pull: %d linear bytes", c.Headlen())
			}
			if n.PskbMayPull(c, 501) {
				t.Error("pskb_may_pull beyond the end")
			}
			counting(t, "pulled", content(t, n, c), 0, 500)
			n.KfreeSkb(skb)
			n.KfreeSkb(c)
		})
	}
}

func TestTryCoalesce(t *testing.T) {
	n := testNet(t)
	balanced(t, n, func() {
		to, from := n.AllocSkb(512), n.AllocSkb(512)
		fill(to, 100)
		from.Len = 100
		addFrag(n, from, 1000)
		from.Len = 1000
		truesize := from.Truesize
		stolen, delta, ok := n.SkbTryCoalesce(to, from)
		if !ok || stolen || delta != truesize-SkbTruesize(from.EndOffset()) {
			t.Fatalf("skb_try_coalesce = %v %d %v", stolen, delta, ok)
		}
		n.KfreeSkbPartial(from, stolen)
		counting(t, "joined", content(t, n, to), 0, 1100)
		small := n.AllocSkb(64)
		copy(small.Put(3), "abc")
		if _, _, ok := n.SkbTryCoalesce(to, small); ok {
			t.Error("linear data joined a packet with fragments")
		}
		n.KfreeSkb(small)
		n.KfreeSkb(to)
	})
}

func TestCloneAndExpand(t *testing.T) {
	n := testNet(t)
	balanced(t, n, func() {
		skb := n.AllocSkbFclone(200)
		skb.Reserve(20)
		fill(skb, 100)
		skb.HeaderRelease()
		c := n.SkbClone(skb)
		if !n.SkbFcloneBusy(nil, skb) {
			t.Error("the clone beside the packet is not busy")
		}
		if c.HeaderCloned() || !c.IsCloned() || !skb.IsCloned() {
			t.Error("a clone of a released header may not be written")
		}
		if err := n.PskbExpandHead(c, 300, 0); err != 0 || c.Headroom() < 300 {
			t.Errorf("pskb_expand_head: headroom %d", c.Headroom())
		}
		if skb.IsCloned() {
			t.Error("the original is still cloned")
		}
		c.Bytes()[0] = 0xff
		counting(t, "original", content(t, n, skb), 0, 100)
		n.KfreeSkb(c)
		d := n.SkbCopy(skb)
		counting(t, "copy", content(t, n, d), 0, 100)
		e := n.PskbCopy(skb)
		if !bytes.Equal(e.Bytes(), skb.Bytes()) || e.Headroom() != skb.Headroom() {
			t.Error("pskb_copy differs")
		}
		n.KfreeSkb(d)
		n.KfreeSkb(e)
		n.KfreeSkb(skb)
	})
}

func TestChecksumAcrossFrags(t *testing.T) {
	n := testNet(t)
	skb := n.AllocSkb(512)
	fill(skb, 101)
	addFrag(n, skb, 33)
	addFrag(n, skb, 78)
	linear := content(t, n, skb)
	for _, at := range []int{0, 3, 101, 120} {
		want := n.AllocSkb(512)
		want.PutData(linear[at:])
		a, b := n.SkbChecksum(skb, at, skb.Len-at, 7), n.SkbChecksum(want, 0, want.Len, 7)
		fold := func(s uint32) uint32 { s = s>>16 + s&0xffff; return s>>16 + s&0xffff }
		if fold(a) != fold(b) {
			t.Errorf("sum from %d: %#x, want %#x", at, fold(a), fold(b))
		}
	}
}

func TestSegment(t *testing.T) {
	n := testNet(t)
	for _, features := range []uint64{0, NetifFSg, NetifFSg | NetifFHwCsum} {
		balanced(t, n, func() {
			skb := n.AllocSkb(512)
			skb.Reserve(64)
			skb.ResetMacHeader()
			skb.SetNetworkHeader(14)
			skb.SetTransportHeader(34)
			fill(skb, 54+40)
			addFrag(n, skb, 250)
			skb.Protocol = 0x0800
			skb.IpSummed = ChecksumPartial
			skb.CsumStart, skb.CsumOffset = skb.TransportHeader, 16
			skb.Head.GsoSize = 100
			skb.Pull(54)
			segs, err := n.SkbSegment(skb, features)
			if err != 0 {
				t.Fatalf("skb_segment = %d", err)
			}
			at := 54
			count := 0
			for seg := segs; seg != nil; seg = seg.Next {
				b := content(t, n, seg)
				counting(t, "header", b[:54], 0, 54)
				counting(t, "payload", b[54:], at, min(100, 54+290-at))
				at += 100
				count++
			}
			if count != 3 {
				t.Errorf("%d segments, want 3", count)
			}
			segs.Prev = nil
			n.KfreeSkbList(segs)
			n.KfreeSkb(skb)
		})
	}
}

func TestQueue(t *testing.T) {
	n := testNet(t)
	var q, r SkBuffHead
	var skbs []*SkBuff
	for range 5 {
		skbs = append(skbs, n.AllocSkb(0))
	}
	q.QueueTail(skbs[1])
	q.QueueHead(skbs[0])
	q.QueueTail(skbs[4])
	q.InsertAfter(skbs[1], skbs[2])
	q.InsertBefore(skbs[4], skbs[3])
	check := func(q *SkBuffHead, want ...*SkBuff) {
		t.Helper()
		var prev *SkBuff
		i := 0
		for skb := q.First; skb != nil; skb = skb.Next {
			if i >= len(want) || skb != want[i] || skb.Prev != prev || skb.List != q {
				t.Fatalf("packet %d is out of place", i)
			}
			prev = skb
			i++
		}
		if q.Last != prev || q.Qlen != len(want) || i != len(want) {
			t.Fatalf("%d packets, qlen %d, want %d", i, q.Qlen, len(want))
		}
	}
	check(&q, skbs...)
	q.Unlink(skbs[2])
	check(&q, skbs[0], skbs[1], skbs[3], skbs[4])
	r.QueueTail(skbs[2])
	r.SpliceTailInit(&q)
	check(&r, skbs[2], skbs[0], skbs[1], skbs[3], skbs[4])
	check(&q)
	if r.Dequeue() != skbs[2] || r.DequeueTail() != skbs[4] {
		t.Error("wrong ends")
	}
	check(&r, skbs[0], skbs[1], skbs[3])
	n.SkbQueuePurge(&r)
	check(&r)
}

func TestFreedTwicePanics(t *testing.T) {
	n := testNet(t)
	skb := n.AllocSkb(10)
	n.KfreeSkb(skb)
	defer func() {
		if recover() == nil {
			t.Error("a second kfree_skb went unnoticed")
		}
	}()
	n.KfreeSkb(skb)
}

func TestSkbAllocs(t *testing.T) {
	n := testNet(t)
	for name, fn := range map[string]func(){
		"alloc": func() { n.KfreeSkb(n.AllocSkb(1000)) },
		"clone": func() {
			skb := n.AllocSkbFclone(1000)
			c, d := n.SkbClone(skb), n.SkbClone(skb)
			n.KfreeSkb(c)
			n.ConsumeSkb(skb)
			n.KfreeSkb(d)
		},
		"page": func() { n.PutPage(n.AllocPages(3)) },
	} {
		fn()
		if got := testing.AllocsPerRun(100, fn); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func BenchmarkAllocFree(b *testing.B) {
	n := testNet(b)
	b.ReportAllocs()
	for b.Loop() {
		n.KfreeSkb(n.AllocSkb(1000))
	}
}
