// The small operations on packets and their queues (include/linux/skbuff.h).
// They are part of the functions that use them, so most are no frames of
// their own.

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// EndOffset is the size of the packet's buffer (skb_end_offset).
func (skb *SkBuff) EndOffset() int { return len(skb.Head.B) }

// IsNonlinear reports whether part of the data lies in fragments
// (skb_is_nonlinear).
func (skb *SkBuff) IsNonlinear() bool { return skb.DataLen != 0 }

// IsGso reports whether the packet will be cut into segments (skb_is_gso).
func (skb *SkBuff) IsGso() bool { return skb.Head.GsoSize != 0 }

// IsCloned reports whether somebody else holds the data too (skb_cloned).
func (skb *SkBuff) IsCloned() bool { return skb.Cloned && skb.Head.Refs != 1 }

// HeaderCloned reports whether somebody else relies on the headers
// (skb_header_cloned).
func (skb *SkBuff) HeaderCloned() bool {
	return skb.Cloned && skb.Head.Refs-skb.Head.payloadRefs != 1
}

// HeaderRelease promises that this packet's owner needs the payload alone, so
// that clones may write headers (__skb_header_release).
func (skb *SkBuff) HeaderRelease() {
	skb.Nohdr = true
	skb.Head.Refs, skb.Head.payloadRefs = 1, 1
}

// CloneWritable reports whether the first length bytes may be written though
// the packet is cloned (skb_clone_writable).
func (skb *SkBuff) CloneWritable(length int) bool {
	return !skb.HeaderCloned() && skb.Headroom()+length <= skb.HdrLen
}

// Shared reports whether several hold the packet itself (skb_shared).
func (skb *SkBuff) Shared() bool { return skb.Users != 1 }

// Get takes another reference on the packet (skb_get).
func (skb *SkBuff) Get() *SkBuff { skb.Users++; return skb }

// Reserve moves the empty data area back by length, to leave headroom
// (skb_reserve).
func (skb *SkBuff) Reserve(length int) { skb.Data += length; skb.Tail += length }

// Put appends length bytes to the linear data and returns them (skb_put).
func (skb *SkBuff) Put(length int) []byte {
	tail := skb.Tail
	if skb.DataLen != 0 {
		panic("core: put on a packet with fragments")
	}
	skb.Tail += length
	skb.Len += length
	return skb.Head.B[tail:skb.Tail]
}

// PutZero is Put of zeroes (skb_put_zero).
func (skb *SkBuff) PutZero(length int) []byte {
	b := skb.Put(length)
	clear(b)
	return b
}

// PutData appends a copy of b (skb_put_data).
func (skb *SkBuff) PutData(b []byte) { copy(skb.Put(len(b)), b) }

// Push extends the data by length bytes in front and returns them (skb_push).
func (skb *SkBuff) Push(length int) []byte {
	skb.Data -= length
	skb.Len += length
	return skb.Head.B[skb.Data : skb.Data+length]
}

// Pull takes length bytes off the front; nil if there are not so many
// (skb_pull).
func (skb *SkBuff) Pull(length int) []byte {
	if length > skb.Len {
		return nil
	}
	skb.Len -= length
	if skb.Len < skb.DataLen {
		panic("core: pull beyond the linear data")
	}
	skb.Data += length
	return skb.Head.B[skb.Data:skb.Tail]
}

// SetLength sets the length of a packet without fragments (__skb_set_length).
func (skb *SkBuff) SetLength(length int) {
	skb.Len = length
	skb.Tail = skb.Data + length
}

// Trim cuts a packet without fragments to length (skb_trim).
func (skb *SkBuff) Trim(length int) {
	if skb.Len > length {
		skb.SetLength(length)
	}
}

// Availroom is Tailroom without what is reserved (skb_availroom).
func (skb *SkBuff) Availroom() int {
	if skb.DataLen != 0 {
		return 0
	}
	return len(skb.Head.B) - skb.Tail - skb.ReservedTailroom
}

// TailroomReserve keeps what mtu leaves free from being used
// (skb_tailroom_reserve).
func (skb *SkBuff) TailroomReserve(mtu, neededTailroom int) {
	if mtu < skb.Tailroom()-neededTailroom {
		skb.ReservedTailroom = skb.Tailroom() - mtu
	} else {
		skb.ReservedTailroom = neededTailroom
	}
}

// ResetMacHeader and those below are header offsets: the current data, or off
// bytes behind it, is the header.
func (skb *SkBuff) ResetMacHeader()             { skb.MacHeader = skb.Data }
func (skb *SkBuff) ResetNetworkHeader()         { skb.NetworkHeader = skb.Data }
func (skb *SkBuff) ResetTransportHeader()       { skb.TransportHeader = skb.Data }
func (skb *SkBuff) SetNetworkHeader(off int)    { skb.NetworkHeader = skb.Data + off }
func (skb *SkBuff) SetTransportHeader(off int)  { skb.TransportHeader = skb.Data + off }
func (skb *SkBuff) ResetMacLen()                { skb.MacLen = uint16(skb.NetworkHeader - skb.MacHeader) }
func (skb *SkBuff) MacHeaderWasSet() bool       { return skb.MacHeader >= 0 }
func (skb *SkBuff) TransportHeaderWasSet() bool { return skb.TransportHeader >= 0 }
func (skb *SkBuff) NetworkOffset() int          { return skb.NetworkHeader - skb.Data }
func (skb *SkBuff) TransportOffset() int        { return skb.TransportHeader - skb.Data }
func (skb *SkBuff) NetworkHeaderLen() int       { return skb.TransportHeader - skb.NetworkHeader }

// ChecksumStartOffset is where a partial checksum begins, from the data
// (skb_checksum_start_offset).
func (skb *SkBuff) ChecksumStartOffset() int { return skb.CsumStart - skb.Headroom() }

// Pagelen is how much of the data lies in fragments, fragment lists aside
// (skb_pagelen).
func (skb *SkBuff) Pagelen() int {
	length := skb.Headlen()
	for i := range int(skb.Head.NrFrags) {
		length += int(skb.Head.Frags[i].Size)
	}
	return length
}

// SetPage makes fragment i point at size bytes of a page; the reference is the
// caller's to give (skb_fill_page_desc).
func (skb *SkBuff) FillPageDesc(i int, page *Page, off, size int) {
	skb.Head.Frags[i] = Frag{Page: page, Off: int32(off), Size: int32(size)}
	skb.Head.NrFrags = uint8(i + 1)
}

// FragSizeAdd lengthens fragment i (skb_frag_size_add).
func (skb *SkBuff) FragSizeAdd(i, delta int) { skb.Head.Frags[i].Size += int32(delta) }

// CanCoalesce reports whether data at off of page continues the fragment
// before i (skb_can_coalesce).
func (skb *SkBuff) CanCoalesce(i int, page *Page, off int) bool {
	if i == 0 {
		return false
	}
	f := &skb.Head.Frags[i-1]
	return page == f.Page && int32(off) == f.Off+f.Size
}

// FragBytes is the data of fragment i.
func (skb *SkBuff) FragBytes(i int) []byte {
	f := &skb.Head.Frags[i]
	return f.Page.B[f.Off : f.Off+f.Size]
}

// SkbOrphan makes the packet nobody's: its owner is told that the memory is
// free (skb_orphan).
func (n *Net) SkbOrphan(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // skb_orphan include/linux/skbuff.h:2608

	if skb.Destructor != nil {
		skb.Destructor(skb) // :2609
		skb.Destructor = nil
		skb.Sk = nil
	} else if skb.Sk != nil {
		panic("core: packet has a socket and no destructor")
	}
}

// SkbFcloneBusy reports whether the clone that came with skb is still on its
// way for sk (skb_fclone_busy).
func (n *Net) SkbFcloneBusy(sk *Sock, skb *SkBuff) bool {
	return skb.fclone == skbFcloneOrig && skb.fc.ref > 1 && skb.fc.skb2.Sk == sk
}

// PskbMayPull makes sure that the first length bytes are linear; it reports
// whether there are so many (pskb_may_pull).
func (n *Net) PskbMayPull(skb *SkBuff, length int) bool {
	kernel.Fentry2(&n.Kernel, skb, length) // pskb_may_pull include/linux/skbuff.h:2184

	if length <= skb.Headlen() {
		return true
	}
	if length > skb.Len {
		return false
	}
	return n.PskbPullTail__(skb, length-skb.Headlen()) // :2188
}

// PskbPull is Pull for any packet (pskb_pull).
func (n *Net) PskbPull(skb *SkBuff, length int) []byte {
	kernel.Fentry2(&n.Kernel, skb, length) // pskb_pull include/linux/skbuff.h:2179

	if length > skb.Len {
		return nil
	}
	return n.pskbPull__(skb, length) // :2179
}

func (n *Net) pskbPull__(skb *SkBuff, length int) []byte {
	kernel.Fentry2(&n.Kernel, skb, length) // __pskb_pull include/linux/skbuff.h:2170

	if length > skb.Headlen() && !n.PskbPullTail__(skb, length-skb.Headlen()) { // :2171
		return nil
	}
	return skb.Pull(length)
}

// PskbTrim cuts a packet to length (pskb_trim).
func (n *Net) PskbTrim(skb *SkBuff, length int) int {
	kernel.Fentry2(&n.Kernel, skb, length) // pskb_trim include/linux/skbuff.h:2566

	if length >= skb.Len {
		return 0
	}
	return n.pskbTrim__(skb, length) // :2566
}

func (n *Net) pskbTrim__(skb *SkBuff, length int) int {
	kernel.Fentry2(&n.Kernel, skb, length) // __pskb_trim include/linux/skbuff.h:2558

	if skb.DataLen != 0 {
		return n.pskbTrim___(skb, length) // :2559
	}
	skb.SetLength(length)
	return 0
}

// PskbTrimRcsum is PskbTrim for a packet whose checksum has been taken
// (pskb_trim_rcsum).
func (n *Net) PskbTrimRcsum(skb *SkBuff, length int) int {
	kernel.Fentry2(&n.Kernel, skb, length) // pskb_trim_rcsum include/linux/skbuff.h:3226

	if length >= skb.Len {
		return 0
	}
	return n.pskbTrimRcsumSlow(skb, length) // :3228
}

// SkbUnclone makes the data the packet's own (skb_unclone).
func (n *Net) SkbUnclone(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // skb_unclone include/linux/skbuff.h:1508

	if skb.IsCloned() {
		return n.PskbExpandHead(skb, 0, 0) // :1511
	}
	return 0
}

// SkbCow makes the headers writable and the headroom sufficient (skb_cow).
func (n *Net) SkbCow(skb *SkBuff, headroom int) int {
	kernel.Fentry2(&n.Kernel, skb, headroom) // skb_cow include/linux/skbuff.h:2989

	return n.skbCow__(skb, headroom, skb.IsCloned()) // :2989
}

// SkbCowHead is SkbCow for one who writes headers alone (skb_cow_head).
func (n *Net) SkbCowHead(skb *SkBuff, headroom int) int {
	kernel.Fentry2(&n.Kernel, skb, headroom) // skb_cow_head include/linux/skbuff.h:3004

	return n.skbCow__(skb, headroom, skb.HeaderCloned()) // :3004
}

func (n *Net) skbCow__(skb *SkBuff, headroom int, cloned bool) int {
	kernel.Fentry3(&n.Kernel, skb, headroom, cloned) // __skb_cow include/linux/skbuff.h:2964

	delta := max(headroom-skb.Headroom(), 0)
	if delta == 0 && !cloned {
		return 0
	}
	return n.PskbExpandHead(skb, (delta+netSkbPad-1)&^(netSkbPad-1), 0) // :2970
}

// SkbShareCheck returns a packet that is the caller's alone (skb_share_check).
func (n *Net) SkbShareCheck(skb *SkBuff) *SkBuff {
	kernel.Fentry1(&n.Kernel, skb) // skb_share_check include/linux/skbuff.h:1584

	if skb.Shared() {
		nskb := n.SkbClone(skb) // :1585
		n.ConsumeSkb(skb)       // :1588
		skb = nskb
	}
	return skb
}

// SkbUnshare returns a packet whose data is the caller's alone (skb_unshare).
func (n *Net) SkbUnshare(skb *SkBuff) *SkBuff {
	kernel.Fentry1(&n.Kernel, skb) // skb_unshare include/linux/skbuff.h:1620

	if skb.IsCloned() {
		nskb := n.SkbCopy(skb) // :1621
		nskb.PktLen = skb.PktLen
		n.ConsumeSkb(skb) // :1625
		skb = nskb
	}
	return skb
}

// SkbCsumUnnecessary reports whether the transport checksum needs no look
// (skb_csum_unnecessary).
func SkbCsumUnnecessary(skb *SkBuff) bool {
	return skb.IpSummed == ChecksumUnnecessary || skb.CsumValid ||
		skb.IpSummed == ChecksumPartial && skb.ChecksumStartOffset() >= 0
}

// SkbChecksumComplete is 0 if the checksum over the packet and skb.Csum, which
// holds the pseudo header, is right (skb_checksum_complete).
func (n *Net) SkbChecksumComplete(skb *SkBuff) uint16 {
	kernel.Fentry1(&n.Kernel, skb) // skb_checksum_complete include/linux/skbuff.h:3696

	if SkbCsumUnnecessary(skb) {
		return 0
	}
	return n.SkbChecksumComplete__(skb) // :3697
}

const checksumBreak = 76 // shorter packets are summed at once

// SkbChecksumValidateNeeded__ reports whether a received packet's checksum has
// to be summed; if not it counts as valid (__skb_checksum_validate_needed).
// With zeroOkay a check of 0 means that there is none.
func SkbChecksumValidateNeeded__(skb *SkBuff, zeroOkay bool, check uint16) bool {
	skb.CsumValid = false
	if SkbCsumUnnecessary(skb) || zeroOkay && check == 0 {
		skb.CsumValid = true
		if skb.IpSummed == ChecksumUnnecessary {
			skb.IpSummed = ChecksumNone
		}
		return false
	}
	return true
}

// SkbChecksumValidateComplete__ checks a packet's checksum: of short packets,
// or if complete is set, at once, of others when they are copied. psum is the
// sum of the pseudo header (__skb_checksum_validate_complete).
func (n *Net) SkbChecksumValidateComplete__(skb *SkBuff, complete bool, psum uint32) uint16 {
	kernel.Fentry3(&n.Kernel, skb, complete, psum) // __skb_checksum_validate_complete include/linux/skbuff.h:3769

	if skb.IpSummed == ChecksumComplete && wire.Fold(csumAdd(psum, skb.Csum)) == 0 {
		skb.CsumValid = true
		return 0
	}
	skb.Csum = psum
	if complete || skb.Len <= checksumBreak {
		csum := n.SkbChecksumComplete__(skb) // :3781
		skb.CsumValid = csum == 0
		return csum
	}
	return 0
}

// SkbCopyDatagramMsg copies size bytes at offset of a packet to where a
// receive system call wants them (skb_copy_datagram_msg).
func (n *Net) SkbCopyDatagramMsg(from *SkBuff, offset int, msg *Msghdr, size int) int {
	kernel.Fentry4(&n.Kernel, from, offset, msg, size) // skb_copy_datagram_msg include/linux/skbuff.h:3339

	return n.SkbCopyDatagramIter(from, offset, msg, size) // :3339
}

// NfReset forgets what connection tracking knew of the packet (nf_reset).
// menuos tracks no connections.
func NfReset(skb *SkBuff) {}
