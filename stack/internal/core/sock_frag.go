// The page that a socket fills with data before it becomes part of packets
// (sk_page_frag), after net/core/sock.c and include/net/sock.h, and how a
// program's data gets there.

package core

import "menuos/stack/internal/kernel"

// SkbPageFragRefill makes sure that pfrag has room for sz bytes
// (skb_page_frag_refill).
func (n *Net) SkbPageFragRefill(sz int, pfrag *PageFrag) bool {
	if pfrag.Page != nil {
		if pfrag.Page.Refs == 1 {
			pfrag.Offset = 0
			return true
		}
		if int(pfrag.Offset)+sz <= int(pfrag.Size) {
			return true
		}
		n.PutPage(pfrag.Page)
	}
	pfrag.Offset = 0
	pfrag.Page = n.AllocPages(skbFragPageOrder)
	pfrag.Size = pageSize << skbFragPageOrder
	return true
}

// SkPageFrag is where the socket's next data goes (sk_page_frag). menuos does
// not fill a page of the task's with the data of several sockets, because a
// socket's data is easier to follow in pages of its own.
func SkPageFrag(sk *Sock) *PageFrag { return &sk.SkFrag }

// SkPageFragRefill makes sure that a socket's page has some room
// (sk_page_frag_refill).
func (n *Net) SkPageFragRefill(sk *Sock, pfrag *PageFrag) bool {
	kernel.Fentry1(&n.Kernel, sk) // sk_page_frag_refill net/core/sock.c:2241

	return n.SkbPageFragRefill(32, pfrag)
}

// Copying what a program sends. An accumulator of checksums is kept only where
// the device cannot sum.

// SkbDoCopyDataNocache copies the next len(to) bytes of a message
// (skb_do_copy_data_nocache). offset is where they stand in the packet.
func (n *Net) SkbDoCopyDataNocache(sk *Sock, skb *SkBuff, from *Msghdr, to []byte, offset int) int {
	if len(from.Iter) < len(to) {
		return -EFAULT
	}
	copy(to, from.Iter)
	from.Iter = from.Iter[len(to):]
	if skb.IpSummed == ChecksumNone {
		skb.Csum = sumBlock(skb.Csum, to, offset)
	}
	return 0
}

// SkbAddDataNocache appends the next length bytes of a message to a packet's
// linear part (skb_add_data_nocache).
func (n *Net) SkbAddDataNocache(sk *Sock, skb *SkBuff, from *Msghdr, length int) int {
	offset := skb.Len
	err := n.SkbDoCopyDataNocache(sk, skb, from, skb.Put(length), offset)
	if err != 0 {
		skb.Trim(offset)
	}
	return err
}

// SkbCopyToPageNocache writes the next length bytes of a message into a page,
// which the packet's last fragment is to cover, and charges them
// (skb_copy_to_page_nocache).
func (n *Net) SkbCopyToPageNocache(sk *Sock, from *Msghdr, skb *SkBuff, page *Page, off, length int) int {
	if err := n.SkbDoCopyDataNocache(sk, skb, from, page.B[off:off+length], skb.Len); err != 0 {
		return err
	}
	skb.Len += length
	skb.DataLen += length
	skb.Truesize += length
	sk.SkWmemQueued += length
	n.SkMemCharge(sk, length)
	return 0
}
