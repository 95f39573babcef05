// Packets: copying, growing and cutting their data (net/core/skbuff.c).

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

func (skb *SkBuff) headersOffsetUpdate(off int) {
	if skb.IpSummed == ChecksumPartial {
		skb.CsumStart += off
	}
	if skb.TransportHeaderWasSet() {
		skb.TransportHeader += off
	}
	skb.NetworkHeader += off
	if skb.MacHeaderWasSet() {
		skb.MacHeader += off
	}
}

func (n *Net) skbCopyHeader(to, from *SkBuff) {
	n.copySkbHeader(to, from)
	to.Head.GsoSize = from.Head.GsoSize
	to.Head.GsoSegs = from.Head.GsoSegs
	to.Head.GsoType = from.Head.GsoType
}

// SkbCopy makes a packet with its own linear copy of the data (skb_copy).
func (n *Net) SkbCopy(skb *SkBuff) *SkBuff {
	kernel.Fentry1(&n.Kernel, skb) // skb_copy net/core/skbuff.c:1352

	headerlen := skb.Headroom()
	c := n.AllocSkb__(skb.EndOffset()+skb.DataLen, 0) // :1354
	c.Reserve(headerlen)
	c.Put(skb.Len)
	copy(c.Head.B, skb.Head.B[:headerlen])
	n.SkbCopyBits(skb, 0, c.Bytes()) // :1365
	n.skbCopyHeader(c, skb)
	return c
}

// PskbCopy makes a packet with its own copy of the linear data and shared
// fragments (pskb_copy).
func (n *Net) PskbCopy(skb *SkBuff) *SkBuff {
	kernel.Fentry1(&n.Kernel, skb) // pskb_copy include/linux/skbuff.h:2929

	return n.pskbCopy__(skb, skb.Headroom()) // :2929
}

func (n *Net) pskbCopy__(skb *SkBuff, headroom int) *SkBuff {
	kernel.Fentry2(&n.Kernel, skb, headroom) // __pskb_copy include/linux/skbuff.h:1067

	return n.PskbCopyFclone__(skb, headroom, false) // :1067
}

// PskbCopyFclone__ is PskbCopy with a choice of headroom and kind
// (__pskb_copy_fclone).
func (n *Net) PskbCopyFclone__(skb *SkBuff, headroom int, fclone bool) *SkBuff {
	kernel.Fentry3(&n.Kernel, skb, headroom, fclone) // __pskb_copy_fclone net/core/skbuff.c:1392

	flags := 0
	if fclone {
		flags = skbAllocFclone
	}
	c := n.AllocSkb__(skb.Headlen()+headroom, flags) // :1394
	c.Reserve(headroom)
	copy(c.Put(skb.Headlen()), skb.Bytes())
	c.Truesize += skb.DataLen
	c.DataLen = skb.DataLen
	c.Len = skb.Len
	for i := range int(skb.Head.NrFrags) {
		c.Head.Frags[i] = skb.Head.Frags[i]
		GetPage(c.Head.Frags[i].Page)
	}
	c.Head.NrFrags = skb.Head.NrFrags
	if skb.Head.FragList != nil {
		c.Head.FragList = skb.Head.FragList
		skbCloneFraglist(c)
	}
	n.skbCopyHeader(c, skb)
	return c
}

func skbCloneFraglist(skb *SkBuff) {
	for list := skb.Head.FragList; list != nil; list = list.Next {
		list.Get()
	}
}

// PskbExpandHead gives the packet a buffer of its own with nhead more bytes in
// front and ntail more behind (pskb_expand_head).
func (n *Net) PskbExpandHead(skb *SkBuff, nhead, ntail int) int {
	kernel.Fentry3(&n.Kernel, skb, nhead, ntail) // pskb_expand_head net/core/skbuff.c:1456

	osize := skb.EndOffset()
	if nhead < 0 || skb.Shared() {
		panic("core: pskb_expand_head of a shared packet")
	}
	old := skb.Head
	h := n.kmallocReserve(SkbDataAlign(osize + nhead + ntail))
	copy(h.B[nhead:], old.B[:skb.Tail])
	h.GsoSize, h.GsoSegs, h.GsoType = old.GsoSize, old.GsoSegs, old.GsoType
	h.TxFlags, h.Tskey, h.FragList = old.TxFlags, old.Tskey, old.FragList
	h.NrFrags = old.NrFrags
	copy(h.Frags[:], old.Frags[:old.NrFrags])
	if skb.IsCloned() {
		for i := range int(h.NrFrags) {
			GetPage(h.Frags[i].Page)
		}
		if h.FragList != nil {
			skbCloneFraglist(skb)
		}
		n.skbReleaseData(skb) // :1500
	} else {
		n.kfree(old)
	}
	skb.Head = h
	skb.Data += nhead
	skb.Tail += nhead
	skb.headersOffsetUpdate(nhead)
	skb.Cloned, skb.Nohdr, skb.HdrLen = false, false, 0
	if skb.Sk == nil || sameFunc(skb.Destructor, n.SockEdemuxFn) {
		skb.Truesize += len(h.B) - osize
	}
	return 0
}

// SkbReallocHeadroom makes a private copy with at least headroom
// (skb_realloc_headroom).
func (n *Net) SkbReallocHeadroom(skb *SkBuff, headroom int) *SkBuff {
	kernel.Fentry2(&n.Kernel, skb, headroom) // skb_realloc_headroom net/core/skbuff.c:1545

	delta := headroom - skb.Headroom()
	if delta <= 0 {
		return n.PskbCopy(skb) // :1548
	}
	skb2 := n.SkbClone(skb)                        // :1550
	n.PskbExpandHead(skb2, SkbDataAlign(delta), 0) // :1551
	return skb2
}

// pskbTrim___ cuts a packet that may have fragments to length.
func (n *Net) pskbTrim___(skb *SkBuff, length int) int {
	kernel.Fentry2(&n.Kernel, skb, length) // ___pskb_trim net/core/skbuff.c:1770

	if skb.IsCloned() {
		n.PskbExpandHead(skb, 0, 0) // :1776
	}
	h := skb.Head
	offset := skb.Headlen()
	nfrags := int(h.NrFrags)
	i := 0
	if offset < length {
		for ; i < nfrags; i++ {
			end := offset + int(h.Frags[i].Size)
			if end < length {
				offset = end
				continue
			}
			h.Frags[i].Size = int32(length - offset)
			i++
			offset = length
			break
		}
	}
	if offset >= length || h.FragList == nil {
		h.NrFrags = uint8(i)
		for ; i < nfrags; i++ {
			n.skbFragUnref(&h.Frags[i])
		}
		if h.FragList != nil {
			n.KfreeSkbList(h.FragList) // :1800
			h.FragList = nil
		}
	} else {
		n.trimFragList(skb, length, offset)
	}
	if length > skb.Headlen() {
		skb.DataLen -= skb.Len - length
		skb.Len = length
	} else {
		skb.Len = length
		skb.DataLen = 0
		skb.Tail = skb.Data + length
	}
	if skb.Sk == nil || sameFunc(skb.Destructor, n.SockEdemuxFn) {
		n.SkbCondense(skb) // :1846
	}
	return 0
}

// trimFragList is the part of ___pskb_trim that cuts a chain of packets whose
// first byte is at offset.
func (n *Net) trimFragList(skb *SkBuff, length, offset int) {
	for fragp := &skb.Head.FragList; *fragp != nil; fragp = &(*fragp).Next {
		frag := *fragp
		end := offset + frag.Len
		if frag.Shared() {
			nfrag := n.SkbClone(frag)
			nfrag.Next = frag.Next
			n.ConsumeSkb(frag)
			frag = nfrag
			*fragp = frag
		}
		if end < length {
			offset = end
			continue
		}
		if end > length {
			n.PskbTrim(frag, length-offset)
		}
		if frag.Next != nil {
			n.KfreeSkbList(frag.Next)
			frag.Next = nil
		}
		return
	}
}

func (n *Net) pskbTrimRcsumSlow(skb *SkBuff, length int) int {
	kernel.Fentry2(&n.Kernel, skb, length) // pskb_trim_rcsum_slow net/core/skbuff.c:1855

	if skb.IpSummed == ChecksumComplete {
		rest := n.SkbChecksum(skb, length, skb.Len-length, 0) // :1859
		skb.Csum = wire.SumBlock(skb.Csum, ^rest, length)
	}
	return n.pskbTrim__(skb, length) // :1862
}

// PskbPullTail__ moves delta bytes from the fragments into the linear part
// (__pskb_pull_tail); it reports whether it could.
func (n *Net) PskbPullTail__(skb *SkBuff, delta int) bool {
	kernel.Fentry2(&n.Kernel, skb, delta) // __pskb_pull_tail net/core/skbuff.c:1897

	if eat := skb.Tail + delta - skb.EndOffset(); eat > 0 || skb.IsCloned() {
		ntail := 0
		if eat > 0 {
			ntail = eat + 128
		}
		n.PskbExpandHead(skb, 0, ntail) // :1900
	}
	h := skb.Head
	n.SkbCopyBits(skb, skb.Headlen(), h.B[skb.Tail:skb.Tail+delta]) // :1905
	eat := delta
	for i := 0; i < int(h.NrFrags) && eat > 0; i++ {
		eat -= int(h.Frags[i].Size)
	}
	if eat > 0 && h.FragList != nil {
		n.eatFragList(skb, eat)
	}
	eat = delta
	k := 0
	for i := range int(h.NrFrags) {
		f := &h.Frags[i]
		if int(f.Size) <= eat {
			eat -= int(f.Size)
			n.skbFragUnref(f)
			continue
		}
		f.Off += int32(eat)
		f.Size -= int32(eat)
		eat = 0
		h.Frags[k] = *f
		k++
	}
	h.NrFrags = uint8(k)
	skb.Tail += delta
	skb.DataLen -= delta
	return true
}

// eatFragList is the part of __pskb_pull_tail that takes eat bytes off the
// packet's chain of packets.
func (n *Net) eatFragList(skb *SkBuff, eat int) {
	list := skb.Head.FragList
	for list != nil && list.Len <= eat {
		eat -= list.Len
		next := list.Next
		n.KfreeSkb(list)
		list = next
	}
	if list != nil && eat > 0 {
		if list.Shared() {
			clone := n.SkbClone(list)
			clone.Next = list.Next
			n.KfreeSkb(list)
			list = clone
		}
		n.PskbPull(list, eat)
	}
	skb.Head.FragList = list
}

// SkbCopyBits copies len(to) bytes at offset of a packet (skb_copy_bits).
func (n *Net) SkbCopyBits(skb *SkBuff, offset int, to []byte) int {
	kernel.Fentry2(&n.Kernel, skb, offset) // skb_copy_bits net/core/skbuff.c:2029

	if offset < 0 || offset > skb.Len-len(to) {
		return -EFAULT
	}
	start := skb.Headlen()
	if offset < start {
		c := copy(to, skb.Head.B[skb.Data+offset:skb.Data+start])
		to, offset = to[c:], offset+c
	}
	for i := 0; i < int(skb.Head.NrFrags) && len(to) > 0; i++ {
		end := start + int(skb.Head.Frags[i].Size)
		if offset < end {
			c := copy(to, skb.FragBytes(i)[offset-start:])
			to, offset = to[c:], offset+c
		}
		start = end
	}
	for list := skb.Head.FragList; list != nil && len(to) > 0; list = list.Next {
		end := start + list.Len
		if offset < end {
			c := min(end-offset, len(to))
			if n.SkbCopyBits(list, offset-start, to[:c]) < 0 { // :2087
				return -EFAULT
			}
			to, offset = to[c:], offset+c
		}
		start = end
	}
	return 0
}

// SkbStoreBits overwrites len(from) bytes at offset of a packet
// (skb_store_bits).
func (n *Net) SkbStoreBits(skb *SkBuff, offset int, from []byte) int {
	kernel.Fentry2(&n.Kernel, skb, offset) // skb_store_bits net/core/skbuff.c:2390

	if offset < 0 || offset > skb.Len-len(from) {
		return -EFAULT
	}
	start := skb.Headlen()
	if offset < start {
		c := copy(skb.Head.B[skb.Data+offset:skb.Data+start], from)
		from, offset = from[c:], offset+c
	}
	for i := 0; i < int(skb.Head.NrFrags) && len(from) > 0; i++ {
		end := start + int(skb.Head.Frags[i].Size)
		if offset < end {
			c := copy(skb.FragBytes(i)[offset-start:], from)
			from, offset = from[c:], offset+c
		}
		start = end
	}
	if len(from) > 0 {
		return -EFAULT // menuos does not write into chains of packets (frag_list), because nobody asks for it.
	}
	return 0
}

// csumAdd adds two accumulators (csum_add).
func csumAdd(a, b uint32) uint32 {
	a += b
	if a < b {
		a++
	}
	return a
}

// SkbChecksum adds length bytes at offset of a packet to the accumulator csum
// (skb_checksum).
func (n *Net) SkbChecksum(skb *SkBuff, offset, length int, csum uint32) uint32 {
	kernel.Fentry4(&n.Kernel, skb, offset, length, csum) // skb_checksum net/core/skbuff.c:2547

	return n.skbChecksum__(skb, offset, length, csum) // :2552
}

func (n *Net) skbChecksum__(skb *SkBuff, offset, length int, csum uint32) uint32 {
	kernel.Fentry4(&n.Kernel, skb, offset, length, csum) // __skb_checksum net/core/skbuff.c:2469

	start, pos := skb.Headlen(), 0
	if c := min(start-offset, length); c > 0 {
		csum = wire.Sum(skb.Head.B[skb.Data+offset:skb.Data+offset+c], csum)
		length -= c
		offset += c
		pos = c
	}
	for i := 0; i < int(skb.Head.NrFrags) && length > 0; i++ {
		end := start + int(skb.Head.Frags[i].Size)
		if c := min(end-offset, length); c > 0 {
			csum = wire.SumBlock(csum, wire.Sum(skb.FragBytes(i)[offset-start:offset-start+c], 0), pos)
			length -= c
			offset += c
			pos += c
		}
		start = end
	}
	for list := skb.Head.FragList; list != nil && length > 0; list = list.Next {
		end := start + list.Len
		if c := min(end-offset, length); c > 0 {
			part := n.skbChecksum__(list, offset-start, c, 0) // :2528
			csum = wire.SumBlock(csum, part, pos)
			length -= c
			offset += c
			pos += c
		}
		start = end
	}
	return csum
}

// SkbCopyAndCsumBits copies len(to) bytes at offset of a packet and returns
// csum with their sum added (skb_copy_and_csum_bits).
func (n *Net) SkbCopyAndCsumBits(skb *SkBuff, offset int, to []byte, csum uint32) uint32 {
	kernel.Fentry3(&n.Kernel, skb, offset, csum) // skb_copy_and_csum_bits net/core/skbuff.c:2561

	n.SkbCopyBits(skb, offset, to) // :2570
	return wire.Sum(to, csum)
}

// SkbChecksumCompleteHead__ is SkbChecksumComplete__ of the first length bytes
// (__skb_checksum_complete_head).
func (n *Net) SkbChecksumCompleteHead__(skb *SkBuff, length int) uint16 {
	kernel.Fentry2(&n.Kernel, skb, length) // __skb_checksum_complete_head net/core/skbuff.c:2646

	sum := wire.Fold(n.SkbChecksum(skb, 0, length, skb.Csum)) // :2646
	if !skb.Shared() {
		skb.CsumValid = sum == 0
	}
	return sum
}

// SkbChecksumComplete__ sums the whole packet and skb.Csum; 0 is right. It
// keeps the sum for later (__skb_checksum_complete).
func (n *Net) SkbChecksumComplete__(skb *SkBuff) uint16 {
	kernel.Fentry1(&n.Kernel, skb) // __skb_checksum_complete net/core/skbuff.c:2673

	csum := n.SkbChecksum(skb, 0, skb.Len, 0) // :2673
	sum := wire.Fold(csumAdd(skb.Csum, csum))
	if !skb.Shared() {
		skb.Csum = csum
		skb.IpSummed = ChecksumComplete
		skb.CsumCompleteSw = true
		skb.CsumValid = sum == 0
	}
	return sum
}

// SkbCondense frees what a packet that nobody is charged for does not need: it
// pulls in fragments that fit into the tailroom and sets truesize to what the
// packet really takes (skb_condense).
func (n *Net) SkbCondense(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // skb_condense net/core/skbuff.c:5578

	if skb.DataLen != 0 {
		if skb.DataLen > skb.EndOffset()-skb.Tail || skb.IsCloned() {
			return
		}
		n.PskbPullTail__(skb, skb.DataLen) // :5584
	}
	skb.Truesize = SkbTruesize(skb.EndOffset())
}

// SkbQueuePurge frees all of a queue (skb_queue_purge).
func (n *Net) SkbQueuePurge(list *SkBuffHead) {
	kernel.Fentry1(&n.Kernel, list) // skb_queue_purge net/core/skbuff.c:2905

	for skb := list.Dequeue(); skb != nil; skb = list.Dequeue() {
		n.KfreeSkb(skb) // :2906
	}
}

// SkbRbtreePurge frees all of a queue that is ordered by sequence and returns
// what it cost (skb_rbtree_purge).
func (n *Net) SkbRbtreePurge(root *SkBuffHead) int {
	kernel.Fentry1(&n.Kernel, root) // skb_rbtree_purge net/core/skbuff.c:2922

	sum := 0
	for skb := root.Dequeue(); skb != nil; skb = root.Dequeue() {
		sum += skb.Truesize
		n.KfreeSkb(skb) // :2931
	}
	return sum
}
