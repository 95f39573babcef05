// What a capture program gets to see. menuos has no packet sockets, because an
// observer sees the same frames at the same places (dev_queue_xmit_nit in
// xmit_one, and the taps of __netif_receive_skb_core) and leaves the way of the
// packet, and so its backtraces, as it is.

package core

import "time"

// Capture hears of packets: of those of one device, or of all.
type Capture struct {
	Dev  *NetDevice // nil: all
	Snap int        // bytes of a frame; 0: all
	// Frame runs inside the machine. The frame and its bytes are its own only
	// until it returns.
	Frame func(f *CapturedFrame)

	buf []byte
}

// CapturedFrame is a packet with the header of its link, if the link has one.
type CapturedFrame struct {
	Time     time.Duration // since boot
	Dev      string
	Type     uint16 // of the device: ARPHRD_*
	Outgoing bool
	PktType  uint8  // PACKET_HOST …, of one that came in
	Protocol uint16 // ethertype
	Len      int    // of the whole frame, in bytes
	Data     []byte // its first bytes
}

// captureSkb shows a packet to those who capture. As libpcap does, it leaves out
// what leaves through lo, which is seen when it comes in.
func (n *Net) captureSkb(skb *SkBuff, dev *NetDevice, outgoing bool) {
	if outgoing && dev.Flags&IffLoopback != 0 {
		return
	}
	for _, c := range n.Captures {
		if c.Dev != nil && c.Dev != dev {
			continue
		}
		pull := 0 // bytes of the link's header that are in front of the data
		if !outgoing && dev.HardHeaderLen > 0 {
			pull = skb.Data - skb.MacHeader
		}
		f := CapturedFrame{Time: n.Now(), Dev: dev.Name, Type: dev.Type, Outgoing: outgoing,
			PktType: skb.PktType, Protocol: skb.Protocol, Len: skb.Len + pull}
		size := f.Len
		if c.Snap > 0 {
			size = min(size, c.Snap)
		}
		if cap(c.buf) < size {
			c.buf = make([]byte, max(size, 2048))
		}
		b := appendUpTo(c.buf[:0:size], skb.Head.B[skb.Data-pull:skb.Tail])
		for i := range int(skb.Head.NrFrags) {
			b = appendUpTo(b, skb.FragBytes(i))
		}
		for list := skb.Head.FragList; list != nil; list = list.Next {
			b = appendUpTo(b, list.Bytes())
		}
		f.Data = b
		c.Frame(&f)
	}
}
