// Packets: splitting, shifting and joining their data, which TCP's queues live
// on (net/core/skbuff.c).

package core

import "menuos/stack/internal/kernel"

// SkbSplit moves the data behind the first length bytes of skb into skb1,
// which is empty (skb_split).
func (n *Net) SkbSplit(skb, skb1 *SkBuff, length int) {
	kernel.Fentry3(&n.Kernel, skb, skb1, length) // skb_split net/core/skbuff.c:3088

	pos := skb.Headlen()
	if length < pos {
		n.skbSplitInsideHeader(skb, skb1, length, pos) // :3094
	} else {
		n.skbSplitNoHeader(skb, skb1, length, pos) // :3096
	}
}

func (n *Net) skbSplitInsideHeader(skb, skb1 *SkBuff, length, pos int) {
	kernel.Fentry4(&n.Kernel, skb, skb1, length, pos) // skb_split_inside_header net/core/skbuff.c:3024

	copy(skb1.Put(pos-length), skb.Bytes()[length:])
	h, h1 := skb.Head, skb1.Head
	copy(h1.Frags[:], h.Frags[:h.NrFrags])
	h1.NrFrags, h.NrFrags = h.NrFrags, 0
	skb1.DataLen = skb.DataLen
	skb1.Len += skb1.DataLen
	skb.DataLen = 0
	skb.SetLength(length)
}

func (n *Net) skbSplitNoHeader(skb, skb1 *SkBuff, length, pos int) {
	kernel.Fentry4(&n.Kernel, skb, skb1, length, pos) // skb_split_no_header net/core/skbuff.c:3044

	h, h1 := skb.Head, skb1.Head
	nfrags, k := int(h.NrFrags), 0
	h.NrFrags = 0
	skb1.DataLen = skb.Len - length
	skb1.Len = skb1.DataLen
	skb.Len = length
	skb.DataLen = length - pos
	for i := range nfrags {
		size := int(h.Frags[i].Size)
		if pos+size <= length {
			h.NrFrags++
			pos += size
			continue
		}
		h1.Frags[k] = h.Frags[i]
		if pos < length {
			GetPage(h.Frags[i].Page)
			h1.Frags[0].Off += int32(length - pos)
			h1.Frags[0].Size -= int32(length - pos)
			h.Frags[i].Size = int32(length - pos)
			h.NrFrags++
		}
		k++
		pos += size
	}
	h1.NrFrags = uint8(k)
}

func (n *Net) skbPrepareForShift(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // skb_prepare_for_shift net/core/skbuff.c:3106

	if skb.IsCloned() {
		return n.PskbExpandHead(skb, 0, 0) // :3106
	}
	return 0
}

// SkbShift moves up to shiftlen bytes from the start of skb, whose data lies
// all in fragments, to the end of tgt. It returns how many, which is all or
// none (skb_shift).
func (n *Net) SkbShift(tgt, skb *SkBuff, shiftlen int) int {
	kernel.Fentry3(&n.Kernel, tgt, skb, shiftlen) // skb_shift net/core/skbuff.c:3130

	if shiftlen > skb.Len {
		panic("core: skb_shift of more than there is")
	}
	if skb.Headlen() != 0 {
		return 0
	}
	todo, from, to, merge := shiftlen, 0, int(tgt.Head.NrFrags), -1
	f0 := &skb.Head.Frags[0]
	if to > 0 && tgt.CanCoalesce(to, f0.Page, int(f0.Off)) {
		merge = to - 1
		todo -= int(f0.Size)
		if todo < 0 {
			if n.skbPrepareForShift(skb) != 0 { // :3156
				return 0
			}
			if n.skbPrepareForShift(tgt) != 0 { // :3157
				return 0
			}
			tgt.Head.Frags[merge].Size += int32(shiftlen)
			skb.Head.Frags[0].Size -= int32(shiftlen)
			skb.Head.Frags[0].Off += int32(shiftlen)
			shiftDone(tgt, skb, shiftlen)
			return shiftlen
		}
		from++
	}
	if shiftlen == skb.Len && int(skb.Head.NrFrags)-from > MaxSkbFrags-to {
		return 0
	}
	if n.skbPrepareForShift(skb) != 0 { // :3179
		return 0
	}
	if n.skbPrepareForShift(tgt) != 0 { // :3179
		return 0
	}
	h, ht := skb.Head, tgt.Head
	for todo > 0 && from < int(h.NrFrags) {
		if to == MaxSkbFrags {
			return 0
		}
		ff, ft := &h.Frags[from], &ht.Frags[to]
		*ft = *ff
		to++
		if todo >= int(ff.Size) {
			todo -= int(ff.Size)
			from++
			continue
		}
		GetPage(ff.Page)
		ft.Size = int32(todo)
		ff.Off += int32(todo)
		ff.Size -= int32(todo)
		todo = 0
	}
	ht.NrFrags = uint8(to)
	if merge >= 0 {
		ht.Frags[merge].Size += h.Frags[0].Size
		n.skbFragUnref(&h.Frags[0])
	}
	h.NrFrags = uint8(copy(h.Frags[:], h.Frags[from:h.NrFrags]))
	shiftDone(tgt, skb, shiftlen)
	return shiftlen
}

func shiftDone(tgt, skb *SkBuff, shiftlen int) {
	tgt.IpSummed, skb.IpSummed = ChecksumPartial, ChecksumPartial
	skb.Len -= shiftlen
	skb.DataLen -= shiftlen
	skb.Truesize -= shiftlen
	tgt.Len += shiftlen
	tgt.DataLen += shiftlen
	tgt.Truesize += shiftlen
}

// SkbTryCoalesce appends the data of from to to, by copying it into the
// tailroom or by taking over its fragments. It reports whether it could, and
// by how much to's truesize grew; the caller then frees from
// (skb_try_coalesce). menuos never makes a packet's head a fragment of
// another, because its heads do not lie in pages, as loopback's do not in Linux.
func (n *Net) SkbTryCoalesce(to, from *SkBuff) (fragstolen bool, delta int, ok bool) {
	kernel.Fentry2(&n.Kernel, to, from) // skb_try_coalesce net/core/skbuff.c:4833

	length := from.Len
	if to.IsCloned() {
		return false, 0, false
	}
	if length <= to.Tailroom() {
		if length > 0 {
			n.SkbCopyBits(from, 0, to.Put(length)) // :4842
		}
		return false, 0, true
	}
	ht, hf := to.Head, from.Head
	if ht.FragList != nil || hf.FragList != nil || from.Headlen() != 0 ||
		int(ht.NrFrags)+int(hf.NrFrags) > MaxSkbFrags {
		return false, 0, false
	}
	delta = from.Truesize - SkbTruesize(from.EndOffset())
	copy(ht.Frags[ht.NrFrags:], hf.Frags[:hf.NrFrags])
	ht.NrFrags += hf.NrFrags
	if from.IsCloned() {
		for i := range int(hf.NrFrags) {
			GetPage(hf.Frags[i].Page)
		}
	} else {
		hf.NrFrags = 0
	}
	to.Truesize += delta
	to.Len += length
	to.DataLen += length
	return false, delta, true
}

// SkbSegment cuts a packet that is too large for its link into packets of at
// most GsoSize bytes of data, each with a copy of the headers, which lie from
// the MAC header to the data (skb_segment). It returns the first of a chain
// whose Prev is the last, or nil and a negative errno. Fragment lists and
// partial offload are left out.
func (n *Net) SkbSegment(headSkb *SkBuff, features uint64) (*SkBuff, int) {
	kernel.Fentry2(&n.Kernel, headSkb, features) // skb_segment net/core/skbuff.c:3481

	mss := int(headSkb.Head.GsoSize)
	doffset := headSkb.Data - headSkb.MacHeader
	headSkb.Push(doffset)
	if headSkb.Protocol == 0 || headSkb.Head.FragList != nil {
		return nil, -EINVAL
	}
	sg := features&NetifFSg != 0
	csum := features&NetifFCsumMask != 0
	headroom := headSkb.Headroom()
	var segs, tail *SkBuff
	for offset := doffset; offset < headSkb.Len; {
		length := min(headSkb.Len-offset, mss)
		hsize := max(headSkb.Headlen()-offset, 0)
		if hsize > length || !sg {
			hsize = length
		}
		nskb := n.AllocSkb__(hsize+doffset+headroom, 0) // :3618
		nskb.Reserve(headroom)
		nskb.Put(doffset)
		if segs != nil {
			tail.Next = nskb
		} else {
			segs = nskb
		}
		tail = nskb
		n.copySkbHeader(nskb, headSkb)
		nskb.ResetMacLen()
		copy(nskb.Bytes(), headSkb.Bytes()[:doffset])
		if !sg {
			nskb.IpSummed = ChecksumNone
			nskb.gso.csum = n.SkbCopyAndCsumBits(headSkb, offset, nskb.Put(length), 0) // :3651
			nskb.gso.csumStart = nskb.Headroom() + doffset
			offset += length
			continue
		}
		if hsize > 0 {
			n.SkbCopyBits(headSkb, offset, nskb.Put(hsize)) // :3661
		}
		nskb.shareFrags(headSkb, offset+hsize, offset+length)
		nskb.DataLen = length - hsize
		nskb.Len += nskb.DataLen
		nskb.Truesize += nskb.DataLen
		if !csum {
			nskb.IpSummed = ChecksumNone
			nskb.gso.csum = n.SkbChecksum(nskb, doffset, nskb.Len-doffset, 0) // :3739
			nskb.gso.csumStart = nskb.Headroom() + doffset
		}
		offset += length
	}
	segs.Prev = tail
	if sameFunc(headSkb.Destructor, n.SockWfreeFn) {
		tail.Truesize, headSkb.Truesize = headSkb.Truesize, tail.Truesize
		tail.Destructor, headSkb.Destructor = headSkb.Destructor, tail.Destructor
		tail.Sk, headSkb.Sk = headSkb.Sk, tail.Sk
	}
	return segs, 0
}

// shareFrags makes skb's fragments cover the bytes from start to end of from.
func (skb *SkBuff) shareFrags(from *SkBuff, start, end int) {
	pos := from.Headlen()
	for i := 0; i < int(from.Head.NrFrags) && pos < end; i++ {
		f := from.Head.Frags[i]
		next := pos + int(f.Size)
		if next > start {
			if pos < start {
				f.Off += int32(start - pos)
				f.Size -= int32(start - pos)
			}
			if next > end {
				f.Size -= int32(next - end)
			}
			GetPage(f.Page)
			skb.Head.Frags[skb.Head.NrFrags] = f
			skb.Head.NrFrags++
		}
		pos = next
	}
}
