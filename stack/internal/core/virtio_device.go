// The card that the virtio driver drives: what a hypervisor and the wire behind
// it do. It takes frames from the wire into the receive ring, and frames from the
// send ring to the wire, until that has no room. It filters addresses as a card
// does.

package core

import "menuos/stack/wire"

// VirtnetConfig is what a card is made from.
type VirtnetConfig struct {
	Name    string
	MAC     wire.MAC // zero: a local one, drawn
	MTU     int      // bytes; 0: 1500
	Offload bool     // the wire takes partial checksums and large segments

	// Tx takes a frame to the wire; false: there is no room. The frame is its
	// own until it returns.
	Tx func(h VirtioNetHdr, frame []byte) bool
	// RxRoom, if set, hears that a full receive ring has room again.
	RxRoom func()
}

// virtioDevice is the card's own state.
type virtioDevice struct {
	tx       func(h VirtioNetHdr, frame []byte) bool
	rxRoom   func()
	linkUp   bool
	blocked  bool   // the wire has no room
	refused  bool   // the receive ring had no room
	notified uint64 // the driver has told of slots up to here
	filtered uint64
	buf      []byte
}

// maxFrame is the longest frame: as large as a segment can be, with a VLAN tag.
const maxFrame = 65535 + ethHlen + 4

// NewVirtnet makes a card and its interface, which is down.
func (n *Net) NewVirtnet(cfg VirtnetConfig) (*VirtnetInfo, int) {
	vi := &VirtnetInfo{addr: n.NewAddr(512)}
	vi.dev.tx, vi.dev.rxRoom = cfg.Tx, cfg.RxRoom
	if err := n.virtnetProbe(vi, cfg); err != 0 {
		return nil, err
	}
	return vi, 0
}

// Filtered counts the frames that came and were for somebody else.
func (vi *VirtnetInfo) Filtered() uint64 { return vi.dev.filtered }

// accepts is the card's address filter. Frames that are too short for an address
// are left to the driver to count.
func (vi *VirtnetInfo) accepts(frame []byte) bool {
	if len(frame) < ethHlen || vi.Dev.Flags&IffPromisc != 0 {
		return true
	}
	dst := wire.Ethernet(frame).Dst()
	return dst.IsMulticast() || dst == vi.Dev.DevAddr
}

// VirtnetReceive is a frame that comes from the wire: the bytes are copied. It
// reports whether there was room for it in the receive ring, or none was needed:
// what comes while the interface is down is lost. menuos does not receive a frame
// of more than the MTU, or 1500 bytes if that is more, unless it is still to be
// cut.
func (n *Net) VirtnetReceive(vi *VirtnetInfo, h VirtioNetHdr, frame []byte) bool {
	dev := vi.Dev
	switch {
	case !NetifRunning(dev) || !vi.dev.linkUp:
		dev.Stats.RxDropped++
		return true
	case !vi.accepts(frame):
		vi.dev.filtered++
		return true
	case len(frame) > maxFrame, h.GSOType == VirtioNetHdrGsoNone && len(frame) > max(dev.Mtu, ethDataLen)+ethHlen+4:
		dev.Stats.RxErrors++
		dev.Stats.RxLengthErrors++
		return true
	}
	bufLen := vi.recvBufLen()
	if need := (virtioNetHdrLen + len(frame) + bufLen - 1) / bufLen; need > int(vi.rq.availIdx-vi.rq.usedIdx) {
		vi.dev.refused = true
		return false
	}
	n.virtioFill(vi, h, frame, bufLen)
	return true
}

// recvBufLen is the size of a receive buffer: enough for most of the packets that
// came lately (get_mergeable_buf_len).
func (vi *VirtnetInfo) recvBufLen() int {
	avg := min(max(vi.pktLen/pktLenWeight, goodPacketLen), pageSize-virtioNetHdrLen)
	return SkbDataAlign(virtioNetHdrLen + avg)
}

// virtioFill copies a frame into as many buffers as it takes.
func (n *Net) virtioFill(vi *VirtnetInfo, h VirtioNetHdr, frame []byte, bufLen int) {
	rq := &vi.rq
	first := rq.slot(rq.usedIdx)
	frag := &vi.allocFrag
	count, reserve := 0, virtioNetHdrLen
	for count == 0 || len(frame) > 0 {
		n.SkbPageFragRefill(bufLen, frag)
		size := bufLen
		if hole := int(frag.Size-frag.Offset) - size; hole < bufLen {
			size += hole
		}
		slot := rq.slot(rq.usedIdx + uint64(count))
		*slot = vringSlot{page: frag.Page, off: int(frag.Offset) + reserve, size: size}
		GetPage(frag.Page)
		slot.len = copy(frag.Page.B[slot.off:int(frag.Offset)+size], frame)
		frame = frame[slot.len:]
		frag.Offset += int32(size)
		reserve = 0
		count++
	}
	first.hdr, first.buffers = h, count
	rq.use(n, count)
}

// roomForRx tells the wire that the receive ring takes frames again.
func (d *virtioDevice) roomForRx() {
	if d.refused {
		d.refused = false
		if d.rxRoom != nil {
			d.rxRoom()
		}
	}
}

// virtioFlushRx throws away what has come and the driver did not take.
func (n *Net) virtioFlushRx(vi *VirtnetInfo) {
	for slot := vi.rq.virtqueueGetBuf(); slot != nil; slot = vi.rq.virtqueueGetBuf() {
		if slot.buffers > 0 {
			vi.Dev.Stats.RxDropped++
		}
		n.PutPage(slot.page)
		slot.page = nil
	}
	vi.tryFillRecv()
	vi.dev.roomForRx()
}

// virtioNotify is the driver's word that there is something to send.
func (n *Net) virtioNotify(vi *VirtnetInfo) {
	vi.dev.notified = vi.sq.availIdx
	n.virtioSend(vi)
}

// virtioSend sends what there is, as long as the wire takes it. menuos counts a
// packet as sent when the card has sent it; Linux, when the driver frees it,
// which is when the next one leaves.
func (n *Net) virtioSend(vi *VirtnetInfo) {
	sq, d, stats := &vi.sq, &vi.dev, &vi.Dev.Stats
	for sq.usedIdx < d.notified && !d.blocked {
		slot := sq.slot(sq.usedIdx)
		length := slot.skb.Len
		if cap(d.buf) < length {
			d.buf = make([]byte, max(length, 2048))
		}
		frame := d.buf[:length]
		n.SkbCopyBits(slot.skb, 0, frame)
		switch {
		case !d.linkUp:
			stats.TxErrors++
			stats.TxCarrierErrors++
		case !d.tx(slot.hdr, frame):
			d.blocked = true
			return
		default:
			stats.TxPackets++
			stats.TxBytes += uint64(length)
		}
		sq.use(n, 1)
	}
}

// VirtnetTxDone is the wire's word that it has room again.
func (n *Net) VirtnetTxDone(vi *VirtnetInfo) {
	vi.dev.blocked = false
	n.virtioSend(vi)
}

// VirtnetSetLink is the wire's word that the link has come up or gone down. It
// runs in a process.
func (n *Net) VirtnetSetLink(vi *VirtnetInfo, up bool) {
	vi.dev.linkUp = up
	n.virtnetConfigChangedWork(vi)
	if !up {
		vi.dev.blocked = false
		n.virtioSend(vi)
	}
}
