// Cutting packets into fragments (net/ipv4/ip_output.c).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// ipCopyMetadata gives a fragment what its packet has besides data.
func (n *Net) ipCopyMetadata(to, from *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, to, from) // ip_copy_metadata net/ipv4/ip_output.c:519

	to.PktType = from.PktType
	to.Priority = from.Priority
	to.Protocol = from.Protocol
	n.SkbDstDrop(to)
	core.SkbDstCopy(to, from)
	to.Dev = from.Dev
	to.Mark = from.Mark
	to.Hash, to.L4Hash = from.Hash, from.L4Hash
	to.Ipcb.Flags = from.Ipcb.Flags
}

// ipFragment sends a packet of more than mtu bytes in fragments; EMSGSIZE and an
// ICMP error if it must not be cut.
func (n *Net) ipFragment(net *core.Net, sk *core.Sock, skb *core.SkBuff, mtu int, output core.Okfn) int {
	kernel.Fentry4(&n.Kernel, net, sk, skb, mtu) // ip_fragment net/ipv4/ip_output.c:547

	if !skb.Ip().DF() {
		return n.ipDoFragment(net, sk, skb, output) // :550
	}
	if !skb.IgnoreDf || skb.Ipcb.FragMaxSize != 0 && int(skb.Ipcb.FragMaxSize) > mtu {
		n.Mib[core.MibIpFragFails]++
		n.icmpSend(skb, int(wire.ICMPDestUnreach), int(wire.ICMPFragNeeded), uint32(mtu)) // :556
		n.KfreeSkb(skb)                                                                   // :558
		return -core.EMSGSIZE
	}
	return n.ipDoFragment(net, sk, skb, output) // :562
}

// ipDoFragment cuts a packet and passes the pieces to output, one after the
// other, until one fails. A packet that came as a list of fragments of the right
// size is sent as that list; others are copied piece by piece.
func (n *Net) ipDoFragment(net *core.Net, sk *core.Sock, skb *core.SkBuff, output core.Okfn) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // ip_do_fragment net/ipv4/ip_output.c:581

	if skb.IpSummed == core.ChecksumPartial {
		if err := n.SkbChecksumHelp(skb); err != 0 { // :586
			n.KfreeSkb(skb) // :825
			n.Mib[core.MibIpFragFails]++
			return err
		}
	}
	mtu := n.ipSkbDstMtu(sk, skb)
	if fms := int(skb.Ipcb.FragMaxSize); fms != 0 && fms < mtu {
		mtu = fms
	}
	hlen := skb.Ip().IHL()
	mtu -= hlen
	llRs := core.LlReservedSpace(skb.Dst.Dev)
	skb.Ipcb.Flags |= IpskbFragComplete

	if skb.Head.FragList != nil && n.fraglistFits(skb, hlen, mtu) {
		frag := splitFraglist(skb)
		for offset := 0; ; {
			if frag != nil {
				beginFragment(frag, skb, hlen)
				n.ipCopyMetadata(frag, skb) // :668
				if offset == 0 {
					frag.Ipcb.Optlen = uint8(hlen - wire.IPv4MinLen)
					n.ipOptionsFragment(frag) // :670
				}
				offset += skb.Len - hlen
				setFragment(frag.Ip(), frag.Len, offset, frag.Next != nil, false)
			}
			err := output(net, sk, skb) // :679
			if err != 0 {
				n.KfreeSkbList(frag) // :698
				n.Mib[core.MibIpFragFails]++
				return err
			}
			n.Mib[core.MibIpFragCreates]++
			if frag == nil {
				n.Mib[core.MibIpFragOKs]++
				return 0
			}
			skb, frag = frag, frag.Next
			skb.Next = nil
		}
	}

	iph := skb.Ip()
	offset, notLast := iph.FragOff(), iph.MF()
	err := 0
	for left, ptr := skb.Len-hlen, hlen; left > 0; {
		length := min(left, mtu)
		if length < left {
			length &^= 7
		}
		if length <= 0 {
			err = -core.EMSGSIZE
			break
		}
		skb2 := n.AllocSkb(length + hlen + llRs) // :743
		n.ipCopyMetadata(skb2, skb)              // :753
		skb2.Reserve(llRs)
		skb2.Put(length + hlen)
		skb2.ResetNetworkHeader()
		skb2.TransportHeader = skb2.NetworkHeader + hlen
		if skb.Sk != nil {
			n.SkbSetOwnerW(skb2, skb.Sk) // :765
		}
		iph2 := skb2.Ip()
		copy(iph2, skb.Ip()[:hlen])
		if n.SkbCopyBits(skb, ptr, iph2[hlen:hlen+length]) != 0 { // :776
			panic("ipv4: a packet is shorter than it says")
		}
		left -= length
		if offset == 0 {
			skb.Ipcb.Optlen = uint8(hlen - wire.IPv4MinLen)
			n.ipOptionsFragment(skb) // :796
		}
		setFragment(iph2, length+hlen, offset, left > 0 || notLast, skb.Ipcb.Flags&IpskbFragPmtu != 0)
		ptr += length
		offset += length
		err = output(net, sk, skb2) // :814
		if err != 0 {
			break
		}
		n.Mib[core.MibIpFragCreates]++
	}
	if err != 0 {
		n.KfreeSkb(skb) // :825
		n.Mib[core.MibIpFragFails]++
		return err
	}
	n.ConsumeSkb(skb) // :820
	n.Mib[core.MibIpFragOKs]++
	return 0
}

// setFragment writes what differs in a fragment's header.
func setFragment(iph wire.IPv4, length, offset int, more, df bool) {
	var flags uint16
	if df {
		flags |= wire.IPv4DF
	}
	if more {
		flags |= wire.IPv4MF
	}
	iph.SetTotalLen(uint16(length))
	iph.SetFrag(flags, offset)
	iph.UpdateChecksum()
}

// fraglistFits reports whether the list of fragments that a packet came with can
// be sent as it is, and if so hands the packet's memory out among them.
func (n *Net) fraglistFits(skb *core.SkBuff, hlen, mtu int) bool {
	llRs := core.LlReservedSpace(skb.Dst.Dev)
	firstLen := skb.Pagelen()
	if firstLen-hlen > mtu || (firstLen-hlen)&7 != 0 || skb.Ip().IsFragment() || skb.IsCloned() || skb.Headroom() < llRs {
		return false
	}
	for frag := skb.Head.FragList; frag != nil; frag = frag.Next {
		if frag.Len > mtu || frag.Len&7 != 0 && frag.Next != nil || frag.Headroom() < hlen+llRs || frag.Shared() {
			return false
		}
	}
	for frag := skb.Head.FragList; frag != nil; frag = frag.Next {
		if skb.Sk != nil {
			frag.Sk = skb.Sk
			frag.Destructor = n.SockWfreeFn
		}
		skb.Truesize -= frag.Truesize
	}
	return true
}

// splitFraglist takes a packet's list off it and makes the packet the first
// fragment. It returns the list.
func splitFraglist(skb *core.SkBuff) *core.SkBuff {
	firstLen := skb.Pagelen()
	frag := skb.Head.FragList
	skb.Head.FragList = nil
	skb.DataLen = firstLen - skb.Headlen()
	skb.Len = firstLen
	setFragment(skb.Ip(), firstLen, 0, true, false)
	return frag
}

// beginFragment puts a copy of the header of skb, the fragment before, in front of
// a fragment's data.
func beginFragment(frag, skb *core.SkBuff, hlen int) {
	frag.IpSummed = core.ChecksumNone
	frag.ResetTransportHeader()
	frag.Push(hlen)
	frag.ResetNetworkHeader()
	copy(frag.Ip(), skb.Ip()[:hlen])
}
