// Packets: allocation, release and cloning (net/core/skbuff.c).
//
// A machine keeps free packets, buffers and pages in pools of its own, as the
// slab allocator does: what is freed last is taken first, and an object keeps
// its address for life. Sizes are those of kmalloc's classes, because a
// packet's truesize, which socket buffers are charged with, is made of them.
// Left out: memory reserves (pfmemalloc), zero copy, DMA and NUMA.

package core

import (
	"math/bits"

	"menuos/stack/internal/kernel"
)

const (
	smpCacheBytes    = 64
	skBuffSize       = 256 // struct sk_buff on x86-64, aligned
	skbSharedInfo    = 320 // struct skb_shared_info, aligned
	pageSize         = 4096
	skbFragPageOrder = 3 // SKB_FRAG_PAGE_ORDER: fragments come out of 32 KiB

	headMinShift = 9  // the smallest class holds 512 bytes
	headClasses  = 14 // the largest 4 MiB
)

// Values of SkBuff.fclone.
const (
	skbFcloneUnavailable = iota // allocated alone
	skbFcloneOrig               // first of a pair
	skbFcloneClone              // second of a pair
)

const skbAllocFclone = 1

// skbFclones is a packet with a clone beside it, which costs nothing to make
// while it is free (struct sk_buff_fclones).
type skbFclones struct {
	skb1, skb2 SkBuff
	ref        int32
	next       *skbFclones
}

// SkbDataAlign rounds a size up to a cache line (SKB_DATA_ALIGN).
func SkbDataAlign(size int) int { return (size + smpCacheBytes - 1) &^ (smpCacheBytes - 1) }

// SkbTruesize is what a packet with so large a buffer costs (SKB_TRUESIZE).
func SkbTruesize(size int) int { return size + skBuffSize + skbSharedInfo }

// SkbWithOverhead is what is left of a buffer for data (SKB_WITH_OVERHEAD).
func SkbWithOverhead(size int) int { return size - skbSharedInfo }

// SkbMaxOrder is the most data that fits into 2^order pages behind a reserve
// (SKB_MAX_ORDER).
func SkbMaxOrder(reserve, order int) int { return pageSize<<order - reserve - skbSharedInfo }

// SkbMaxHead is SkbMaxOrder of one page (SKB_MAX_HEAD).
func SkbMaxHead(reserve int) int { return SkbMaxOrder(reserve, 0) }

// PoolUse counts what is taken from the machine's pools.
type PoolUse struct{ Skbs, Fclones, Heads, Pages int }

// PoolUse counts the packets, pairs, buffers and pages that are in use now. A
// buffer above the largest class is not counted.
func (n *Net) PoolUse() PoolUse {
	u := n.made
	for skb := n.skbFree; skb != nil; skb = skb.Next {
		u.Skbs--
	}
	for fc := n.fcloneFree; fc != nil; fc = fc.next {
		u.Fclones--
	}
	for _, h := range n.headFree {
		for ; h != nil; h = h.next {
			u.Heads--
		}
	}
	u.Pages -= len(n.pageFree) + len(n.page0Free)
	return u
}

// kmallocReserve takes a buffer for size bytes and the shared info behind them.
func (n *Net) kmallocReserve(size int) *DataBuf {
	class := bits.Len(uint(size+skbSharedInfo-1)) - headMinShift
	if class < 0 {
		class = 0
	}
	if class >= headClasses {
		return &DataBuf{B: make([]byte, size), Refs: 1, class: -1}
	}
	h := n.headFree[class]
	if h == nil {
		n.made.Heads++
		return &DataBuf{B: make([]byte, 1<<(class+headMinShift)-skbSharedInfo), Refs: 1, class: int8(class)}
	}
	n.headFree[class] = h.next
	h.next = nil
	h.Refs, h.payloadRefs = 1, 0
	h.NrFrags, h.GsoSize, h.GsoSegs, h.GsoType = 0, 0, 0, 0
	h.TxFlags, h.Tskey, h.FragList = 0, 0, nil
	return h
}

// kfree puts a buffer back into its pool.
func (n *Net) kfree(h *DataBuf) {
	if h.class < 0 {
		return
	}
	h.next = n.headFree[h.class]
	n.headFree[h.class] = h
}

// AllocPages takes 2^order contiguous pages with one reference (alloc_pages);
// order is 0 or 3.
func (n *Net) AllocPages(order int) *Page {
	pool := &n.pageFree
	if order == 0 {
		pool = &n.page0Free
	}
	if l := len(*pool); l > 0 {
		p := (*pool)[l-1]
		*pool = (*pool)[:l-1]
		p.Refs, p.free = 1, false
		return p
	}
	n.made.Pages++
	return &Page{B: make([]byte, pageSize<<order), Refs: 1, order: int8(order)}
}

// GetPage takes a reference on a page (get_page).
func GetPage(p *Page) { p.Refs++ }

// PutPage drops a reference on a page (put_page).
func (n *Net) PutPage(p *Page) {
	if p.Refs--; p.Refs > 0 {
		return
	}
	if p.free || p.Refs < 0 {
		panic("core: page freed twice")
	}
	p.free = true
	if p.order == 0 {
		n.page0Free = append(n.page0Free, p)
		return
	}
	n.pageFree = append(n.pageFree, p)
}

func (n *Net) skbCacheAlloc() *SkBuff {
	skb := n.skbFree
	if skb == nil {
		n.made.Skbs++
		return &SkBuff{addr: n.NewAddr(skBuffSize)}
	}
	n.skbFree = skb.Next
	*skb = SkBuff{addr: skb.addr}
	return skb
}

func (n *Net) fcloneCacheAlloc() *skbFclones {
	fc := n.fcloneFree
	if fc == nil {
		n.made.Fclones++
		fc = new(skbFclones)
		fc.skb1.addr = n.NewAddr(2*skBuffSize + 64)
		fc.skb2 = SkBuff{addr: fc.skb1.addr + skBuffSize, fc: fc, fclone: skbFcloneClone}
	} else {
		n.fcloneFree = fc.next
		fc.next = nil
	}
	fc.skb1 = SkBuff{addr: fc.skb1.addr, fc: fc, fclone: skbFcloneOrig, Fclone: true}
	fc.ref = 1 // skb2 is filled in when it becomes a clone
	return fc
}

// AllocSkb__ makes an empty packet with room for at least size bytes; with
// skbAllocFclone a clone of it comes for free (__alloc_skb).
func (n *Net) AllocSkb__(size, flags int) *SkBuff {
	kernel.Fentry2(&n.Kernel, size, flags) // __alloc_skb net/core/skbuff.c:182

	var skb *SkBuff
	if flags&skbAllocFclone != 0 {
		skb = &n.fcloneCacheAlloc().skb1
	} else {
		skb = n.skbCacheAlloc()
	}
	head := n.kmallocReserve(SkbDataAlign(size))
	skb.Truesize = SkbTruesize(len(head.B))
	skb.Users = 1
	skb.Head = head
	skb.MacHeader, skb.TransportHeader = -1, -1
	n.skbID++
	skb.ID = n.skbID
	return skb
}

// AllocSkb makes an empty packet with room for at least size bytes (alloc_skb).
func (n *Net) AllocSkb(size int) *SkBuff {
	kernel.Fentry1(&n.Kernel, size) // alloc_skb include/linux/skbuff.h:1011

	return n.AllocSkb__(size, 0) // :1011
}

// AllocSkbFclone is AllocSkb for a packet that will be cloned (alloc_skb_fclone).
func (n *Net) AllocSkbFclone(size int) *SkBuff {
	kernel.Fentry1(&n.Kernel, size) // alloc_skb_fclone include/linux/skbuff.h:1053

	return n.AllocSkb__(size, skbAllocFclone) // :1053
}

// NetdevAllocSkb makes a packet for a driver to receive into, with the usual
// headroom (netdev_alloc_skb). menuos does not carve a driver's packet from a
// page, because only the network card's DMA would profit.
func (n *Net) NetdevAllocSkb(dev *NetDevice, length int) *SkBuff {
	kernel.Fentry2(&n.Kernel, dev, length) // netdev_alloc_skb include/linux/skbuff.h:2682

	return n.netdevAllocSkb__(dev, length) // :2682
}

func (n *Net) netdevAllocSkb__(dev *NetDevice, length int) *SkBuff {
	kernel.Fentry2(&n.Kernel, dev, length) // __netdev_alloc_skb net/core/skbuff.c:402

	skb := n.AllocSkb__(length+netSkbPad, 0) // :406
	skb.Reserve(netSkbPad)
	skb.Dev = dev
	return skb
}

const netSkbPad = 64 // NET_SKB_PAD

// napiAllocSkb is NetdevAllocSkb for a driver's poll.
func (n *Net) napiAllocSkb(napi *NapiStruct, length int) *SkBuff {
	kernel.Fentry2(&n.Kernel, napi, length) // napi_alloc_skb include/linux/skbuff.h:2726

	return n.napiAllocSkb__(napi, length) // :2726
}

func (n *Net) napiAllocSkb__(napi *NapiStruct, length int) *SkBuff {
	kernel.Fentry2(&n.Kernel, napi, length) // __napi_alloc_skb net/core/skbuff.c:465

	skb := n.AllocSkb__(length+netSkbPad, 0) // :473
	skb.Reserve(netSkbPad)
	skb.Dev = napi.Dev
	return skb
}

// addRxFrag appends a received piece of a page, whose reference the packet takes
// over (skb_add_rx_frag).
func (skb *SkBuff) addRxFrag(i int, page *Page, off, size, truesize int) {
	skb.FillPageDesc(i, page, off, size)
	skb.Len += size
	skb.DataLen += size
	skb.Truesize += truesize
}

// napiConsumeSkb frees a packet that has been sent; budget is 0 outside of a
// poll.
func (n *Net) napiConsumeSkb(skb *SkBuff, budget int) {
	kernel.Fentry2(&n.Kernel, skb, budget) // napi_consume_skb net/core/skbuff.c:764

	n.DevConsumeSkbAny(skb) // :769
}

func (n *Net) skbFragUnref(f *Frag) {
	n.PutPage(f.Page)
	f.Page = nil
}

// skbReleaseData drops the packet's share of its buffer and frees the buffer
// with the last one.
func (n *Net) skbReleaseData(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // skb_release_data net/core/skbuff.c:562

	h := skb.Head
	if skb.Cloned {
		h.Refs--
		if skb.Nohdr {
			h.payloadRefs--
		}
		if h.Refs != 0 || h.payloadRefs != 0 {
			return
		}
	}
	for i := range int(h.NrFrags) {
		n.skbFragUnref(&h.Frags[i])
	}
	if h.FragList != nil {
		n.KfreeSkbList(h.FragList) // :574
	}
	n.kfree(h)
}

func (n *Net) kfreeSkbmem(skb *SkBuff) {
	skb.Users = 0
	skb.Head = nil
	fc := skb.fc
	if fc == nil {
		skb.Next = n.skbFree
		n.skbFree = skb
		return
	}
	if fc.ref--; fc.ref == 0 {
		fc.next = n.fcloneFree
		n.fcloneFree = fc
	}
}

// SkbReleaseHeadState drops what the packet holds besides its data: the route,
// and through the destructor its share of a socket's memory.
func (n *Net) SkbReleaseHeadState(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // skb_release_head_state net/core/skbuff.c:615

	n.SkbDstDrop(skb)
	if skb.Destructor != nil {
		skb.Destructor(skb) // :618
	}
}

func (n *Net) skbReleaseAll(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // skb_release_all net/core/skbuff.c:629

	n.SkbReleaseHeadState(skb) // :629
	if skb.Head != nil {
		n.skbReleaseData(skb) // :631
	}
}

// KfreeSkb__ frees a packet whose last reference is the caller's.
func (n *Net) KfreeSkb__(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // __kfree_skb net/core/skbuff.c:645

	if skb.Head == nil {
		panic("core: packet freed twice")
	}
	n.skbReleaseAll(skb) // :645
	n.kfreeSkbmem(skb)
}

// skbUnref drops a reference; it reports whether that was the last (skb_unref).
func skbUnref(skb *SkBuff) bool {
	if skb == nil {
		return false
	}
	if skb.Users <= 0 {
		panic("core: packet freed twice")
	}
	skb.Users--
	return skb.Users == 0
}

// KfreeSkb drops a reference to a packet that did not reach its end.
func (n *Net) KfreeSkb(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // kfree_skb net/core/skbuff.c:662

	if !skbUnref(skb) {
		return
	}
	if n.Trace != nil {
		n.traceKfreeSkb(skb)
	}
	n.KfreeSkb__(skb) // :663
}

// KfreeSkbList frees a chain of packets.
func (n *Net) KfreeSkbList(segs *SkBuff) {
	kernel.Fentry1(&n.Kernel, segs) // kfree_skb_list net/core/skbuff.c:669

	reason := n.dropReason
	for segs != nil {
		next := segs.Next
		n.dropReason = reason
		n.KfreeSkb(segs) // :672
		segs = next
	}
}

// ConsumeSkb drops a reference to a packet that has done its work.
func (n *Net) ConsumeSkb(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // consume_skb net/core/skbuff.c:701

	if !skbUnref(skb) {
		return
	}
	if n.Trace != nil {
		n.traceSkb("consume_skb", skb, skb.Dev)
	}
	n.KfreeSkb__(skb) // :705
}

// KfreeSkbPartial frees a packet whose data has moved into another
// (kfree_skb_partial).
func (n *Net) KfreeSkbPartial(skb *SkBuff, headStolen bool) {
	kernel.Fentry2(&n.Kernel, skb, headStolen) // kfree_skb_partial net/core/skbuff.c:4813

	if headStolen {
		n.SkbReleaseHeadState(skb) // :4814
		n.kfreeSkbmem(skb)
		return
	}
	n.KfreeSkb__(skb) // :4817
}

// copySkbHeader copies everything that describes a packet and is not its data
// (__copy_skb_header).
func (n *Net) copySkbHeader(to, from *SkBuff) {
	addr, fc, fclone, isFclone := to.addr, to.fc, to.fclone, to.Fclone
	head, data, tail, length := to.Head, to.Data, to.Tail, to.Len
	dataLen, truesize, users := to.DataLen, to.Truesize, to.Users
	next, prev, list, sk, destructor := to.Next, to.Prev, to.List, to.Sk, to.Destructor
	cloned, nohdr, macLen := to.Cloned, to.Nohdr, to.MacLen
	*to = *from
	to.addr, to.fc, to.fclone, to.Fclone = addr, fc, fclone, isFclone
	to.Head, to.Data, to.Tail, to.Len = head, data, tail, length
	to.DataLen, to.Truesize, to.Users = dataLen, truesize, users
	to.Next, to.Prev, to.List, to.Sk, to.Destructor = next, prev, list, sk, destructor
	to.Cloned, to.Nohdr, to.MacLen = cloned, nohdr, macLen
	to.TsortedNext, to.TsortedPrev = nil, nil
	to.Peeked, to.ReservedTailroom = false, 0
	if to.Dst != nil && !to.NoRefDst {
		DstHold(to.Dst)
	}
}

// skbClone__ makes c, which is freshly allocated or released, a clone of skb
// (__skb_clone).
func (n *Net) skbClone__(c, skb *SkBuff) *SkBuff {
	kernel.Fentry2(&n.Kernel, c, skb) // __skb_clone net/core/skbuff.c:852

	c.Next, c.Prev, c.List, c.Sk, c.Destructor = nil, nil, nil, nil, nil
	n.copySkbHeader(c, skb)
	c.Len, c.DataLen, c.MacLen = skb.Len, skb.DataLen, skb.MacLen
	if skb.Nohdr {
		c.HdrLen = skb.Headroom()
	}
	c.Cloned, c.Nohdr = true, false
	c.Tail, c.Head, c.Data = skb.Tail, skb.Head, skb.Data
	c.Truesize = skb.Truesize
	c.Users = 1
	skb.Head.Refs++
	skb.Cloned = true
	return c
}

// SkbMorph turns dst into a clone of src (skb_morph).
func (n *Net) SkbMorph(dst, src *SkBuff) *SkBuff {
	kernel.Fentry2(&n.Kernel, dst, src) // skb_morph net/core/skbuff.c:892

	n.skbReleaseAll(dst)          // :892
	return n.skbClone__(dst, src) // :893
}

// SkbClone makes a second packet with the same data and no owner (skb_clone).
func (n *Net) SkbClone(skb *SkBuff) *SkBuff {
	kernel.Fentry1(&n.Kernel, skb) // skb_clone net/core/skbuff.c:1273

	var c *SkBuff
	if skb.fclone == skbFcloneOrig && skb.fc.ref == 1 {
		c = &skb.fc.skb2
		skb.fc.ref = 2
	} else {
		c = n.skbCacheAlloc()
	}
	return n.skbClone__(c, skb) // :1296
}
