// The network card of a machine that has a wire: virtio_net, with one pair of
// rings, mergeable receive buffers and no transmit NAPI, as Linux has it by
// default (drivers/net/virtio_net.c, include/linux/virtio_net.h). What arrives
// comes by an interrupt and a poll. Left out: XDP, several queues, VLAN filters,
// the control ring. The device itself, which is hardware to the driver, is in
// virtio_device.go.

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const (
	virtioNetHdrLen = 12 // struct virtio_net_hdr_mrg_rxbuf
	virtioMinMtu    = 68
	virtioMaxMtu    = 65535
	goodCopyLen     = 128                // GOOD_COPY_LEN: so much of a packet is copied, the rest stays in pages
	goodPacketLen   = ethHlen + 4 + 1500 // GOOD_PACKET_LEN
	virtioStop      = 2 + MaxSkbFrags    // fewer free slots stop the queue
	pktLenWeight    = 64                 // of the moving average of packets' lengths
)

// VirtnetInfo is the driver's state of one card (struct virtnet_info).
type VirtnetInfo struct {
	Dev  *NetDevice
	napi NapiStruct
	rq   Virtqueue
	sq   Virtqueue
	dev  virtioDevice

	allocFrag PageFrag
	pktLen    int // moving average of packets' lengths, times pktLenWeight
	linkUp    bool
	addr      uint64
}

// Kaddr is the address that stands for the driver's state.
func (vi *VirtnetInfo) Kaddr() uint64 { return vi.addr }

func (n *Net) virtqueueNapiSchedule(napi *NapiStruct, vq *Virtqueue) {
	kernel.Fentry2(&n.Kernel, napi, vq) // virtqueue_napi_schedule drivers/net/virtio_net.c:330

	if NapiSchedulePrep(napi) {
		vq.virtqueueDisableCb()
		n.napiSchedule__(napi) // :332
	}
}

func (n *Net) virtqueueNapiComplete(napi *NapiStruct, vq *Virtqueue, processed int) {
	kernel.Fentry3(&n.Kernel, napi, vq, processed) // virtqueue_napi_complete drivers/net/virtio_net.c:341

	opaque := vq.virtqueueEnableCbPrepare()
	if !n.NapiCompleteDone(napi, processed) { // :342
		vq.virtqueueDisableCb()
	} else if vq.virtqueuePoll(opaque) {
		n.virtqueueNapiSchedule(napi, vq) // :344
	}
}

func (n *Net) skbXmitDone(vq *Virtqueue) {
	kernel.Fentry1(&n.Kernel, vq) // skb_xmit_done drivers/net/virtio_net.c:352

	vq.virtqueueDisableCb()
	n.netifWakeSubqueue(vq.vi.Dev, 0) // :362
}

func (n *Net) netifWakeSubqueue(dev *NetDevice, queueIndex int) {
	kernel.Fentry2(&n.Kernel, dev, queueIndex) // netif_wake_subqueue include/linux/netdevice.h:3395

	n.netifTxWakeQueue(dev) // :3397
}

func (n *Net) skbRecvDone(rvq *Virtqueue) {
	kernel.Fentry1(&n.Kernel, rvq) // skb_recv_done drivers/net/virtio_net.c:1256

	n.virtqueueNapiSchedule(&rvq.vi.napi, rvq) // :1259
}

// tryFillRecv gives the device the receive slots that are free.
func (vi *VirtnetInfo) tryFillRecv() {
	vi.rq.availIdx += uint64(vi.rq.numFree())
}

// pageToSkb makes a packet of the first buffer of a frame.
func (n *Net) pageToSkb(vi *VirtnetInfo, page *Page, offset, length, truesize int) *SkBuff {
	kernel.Fentry5(&n.Kernel, vi, page, offset, length, truesize) // page_to_skb drivers/net/virtio_net.c:394

	skb := n.napiAllocSkb(&vi.napi, goodCopyLen) // :397
	at := min(length, skb.Tailroom())
	skb.PutData(page.B[offset : offset+at])
	if length > at {
		skb.addRxFrag(0, page, offset+at, length-at, truesize)
	} else {
		n.PutPage(page)
	}
	return skb
}

// receiveMergeable makes a packet of a frame's buffers; buf is the first.
func (n *Net) receiveMergeable(dev *NetDevice, vi *VirtnetInfo, buf *vringSlot) *SkBuff {
	kernel.Fentry2(&n.Kernel, dev, vi) // receive_mergeable drivers/net/virtio_net.c:800

	numBuf := buf.buffers
	skb := n.pageToSkb(vi, buf.page, buf.off, buf.len, buf.size) // :937
	buf.page = nil
	for numBuf--; numBuf > 0; numBuf-- {
		next := vi.rq.virtqueueGetBuf()
		frags := int(skb.Head.NrFrags)
		if skb.CanCoalesce(frags, next.page, next.off) {
			n.PutPage(next.page)
			skb.FragSizeAdd(frags-1, next.len)
			skb.Len += next.len
			skb.DataLen += next.len
			skb.Truesize += next.size
		} else {
			skb.addRxFrag(frags, next.page, next.off, next.len, next.size)
		}
		next.page = nil
	}
	if vi.pktLen == 0 {
		vi.pktLen = skb.Len * pktLenWeight
	}
	vi.pktLen += skb.Len - vi.pktLen/pktLenWeight
	return skb
}

// receiveBuf receives one frame; buf is its first buffer.
func (n *Net) receiveBuf(vi *VirtnetInfo, rq *Virtqueue, buf *vringSlot, length int) {
	kernel.Fentry3(&n.Kernel, vi, rq, length) // receive_buf drivers/net/virtio_net.c:1028

	dev := vi.Dev
	if length < ethHlen {
		dev.Stats.RxErrors++
		dev.Stats.RxLengthErrors++
		n.PutPage(buf.page)
		buf.page = nil
		return
	}
	hdr := buf.hdr
	skb := n.receiveMergeable(dev, vi, buf) // :1046
	dev.Stats.RxPackets++
	dev.Stats.RxBytes += uint64(skb.Len)
	if hdr.Flags&VirtioNetHdrFDataValid != 0 {
		skb.IpSummed = ChecksumUnnecessary
	}
	if err := n.virtioNetHdrToSkb(skb, hdr); err != 0 { // :1061
		dev.Stats.RxErrors++
		dev.Stats.RxFrameErrors++
		n.drop("virtio header")
		n.KfreeSkb(skb) // :1078
		return
	}
	skb.Protocol = n.EthTypeTrans(skb, dev) // :1069
	n.NapiGroReceive(&vi.napi, skb)         // :1073
}

func (n *Net) virtnetReceive(vi *VirtnetInfo, rq *Virtqueue, budget int) int {
	kernel.Fentry3(&n.Kernel, vi, rq, budget) // virtnet_receive drivers/net/virtio_net.c:1324

	packets := 0
	for packets < budget {
		buf := rq.virtqueueGetBuf()
		if buf == nil {
			break
		}
		n.receiveBuf(vi, rq, buf, buf.len) // :1335
		packets++
	}
	if rq.numFree() > vringSize/2 {
		vi.tryFillRecv()
		vi.dev.roomForRx()
	}
	return packets
}

// freeOldXmitSkbs frees the packets that the device has sent.
func (n *Net) freeOldXmitSkbs(sq *Virtqueue, inNapi bool) {
	kernel.Fentry2(&n.Kernel, sq, inNapi) // free_old_xmit_skbs drivers/net/virtio_net.c:1367

	for slot := sq.virtqueueGetBuf(); slot != nil; slot = sq.virtqueueGetBuf() {
		skb := slot.skb
		slot.skb = nil
		n.napiConsumeSkb(skb, 0) // :1378
	}
}

func (n *Net) virtnetPollCleantx(vi *VirtnetInfo) {
	kernel.Fentry1(&n.Kernel, vi) // virtnet_poll_cleantx drivers/net/virtio_net.c:1412
}

func (n *Net) virtnetPoll(napi *NapiStruct, budget int) int {
	kernel.Fentry2(&n.Kernel, napi, budget) // virtnet_poll drivers/net/virtio_net.c:1431

	vi := napi.Dev.Priv.(*VirtnetInfo)
	n.virtnetPollCleantx(vi)                         // :1438
	received := n.virtnetReceive(vi, &vi.rq, budget) // :1440
	if received < budget {
		n.virtqueueNapiComplete(napi, &vi.rq, received) // :1444
	}
	return received
}

func (n *Net) virtnetOpen(dev *NetDevice) int {
	kernel.Fentry1(&n.Kernel, dev) // virtnet_open drivers/net/virtio_net.c:1463

	vi := dev.Priv.(*VirtnetInfo)
	vi.tryFillRecv()
	vi.dev.roomForRx()
	return 0
}

// xmitSkb puts a packet into the send ring.
func (n *Net) xmitSkb(sq *Virtqueue, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, sq, skb) // xmit_skb drivers/net/virtio_net.c:1519

	if sq.numFree() == 0 {
		return -ENOSPC
	}
	slot := sq.slot(sq.availIdx)
	var err int
	if slot.hdr, err = n.virtioNetHdrFromSkb(skb); err != 0 { // :1537
		return err
	}
	slot.skb = skb
	sq.availIdx++
	return 0
}

// startXmit is how a packet leaves.
func (n *Net) startXmit(skb *SkBuff, dev *NetDevice) int {
	kernel.Fentry2(&n.Kernel, skb, dev) // start_xmit drivers/net/virtio_net.c:1565

	vi := dev.Priv.(*VirtnetInfo)
	sq := &vi.sq
	kick := !skb.XmitMore
	n.freeOldXmitSkbs(sq, false)             // :1574
	if err := n.xmitSkb(sq, skb); err != 0 { // :1583
		dev.Stats.TxFifoErrors++
		dev.Stats.TxDropped++
		n.drop("send ring full")
		n.DevKfreeSkbAny(skb) // :1592
		return NetdevTxOk
	}
	n.SkbOrphan(skb) // :1598
	NfReset(skb)
	if sq.numFree() < virtioStop {
		NetifStopQueue(dev)
		if !sq.virtqueueEnableCbDelayed() {
			n.freeOldXmitSkbs(sq, false) // :1617
			if sq.numFree() >= virtioStop {
				dev.TxStopped = false
				sq.virtqueueDisableCb()
			}
		}
	}
	if kick || dev.TxStopped {
		n.virtioNotify(vi)
	}
	return NetdevTxOk
}

// virtnetClose lets go of what has come and was not taken.
func (n *Net) virtnetClose(dev *NetDevice) int {
	kernel.Fentry1(&n.Kernel, dev) // virtnet_close drivers/net/virtio_net.c:1812

	n.virtioFlushRx(dev.Priv.(*VirtnetInfo))
	return 0
}

// virtnetConfigChangedWork follows what the device says of its link. menuos does
// not run it in a kernel worker, because it has none.
func (n *Net) virtnetConfigChangedWork(vi *VirtnetInfo) {
	kernel.Fentry1(&n.Kernel, vi) // virtnet_config_changed_work drivers/net/virtio_net.c:2614

	if vi.linkUp == vi.dev.linkUp {
		return
	}
	vi.linkUp = vi.dev.linkUp
	if vi.linkUp {
		n.NetifCarrierOn(vi.Dev)   // :2637
		n.netifTxWakeQueue(vi.Dev) // :2638
	} else {
		n.NetifCarrierOff(vi.Dev) // :2640
		NetifStopQueue(vi.Dev)
	}
}

// freeUnusedBufs frees what is left in the rings.
func (n *Net) freeUnusedBufs(vi *VirtnetInfo) {
	kernel.Fentry1(&n.Kernel, vi) // free_unused_bufs drivers/net/virtio_net.c:2708

	for sq := &vi.sq; sq.lastUsed != sq.availIdx; sq.lastUsed++ {
		slot := sq.slot(sq.lastUsed)
		if sq.lastUsed >= sq.usedIdx {
			vi.Dev.Stats.TxDropped++
		}
		skb := slot.skb
		slot.skb = nil
		n.ConsumeSkb(skb) // :2712
	}
	vi.sq.usedIdx = vi.sq.availIdx
	n.virtioFlushRx(vi)
}

// virtnetProbe sets up a card that has been found.
func (n *Net) virtnetProbe(vi *VirtnetInfo, cfg VirtnetConfig) int {
	kernel.Fentry1(&n.Kernel, vi) // virtnet_probe drivers/net/virtio_net.c:3001

	dev := n.AllocNetdev(cfg.Name, n.EtherSetup)
	dev.Ops = &NetDeviceOps{NdoOpen: n.virtnetOpen, NdoStop: n.virtnetClose, NdoStartXmit: n.startXmit}
	dev.Priv = vi
	if cfg.Offload {
		dev.HwFeatures = NetifFHwCsum | NetifFSg | NetifFTso
		dev.Features = dev.HwFeatures | NetifFRxcsum
	}
	dev.MinMtu, dev.MaxMtu = virtioMinMtu, virtioMaxMtu
	if cfg.MTU != 0 {
		dev.Mtu = cfg.MTU
	}
	dev.DevAddr = cfg.MAC
	if cfg.MAC == (wire.MAC{}) {
		n.EthHwAddrRandom(dev)
	}
	if dev.Mtu < dev.MinMtu || dev.Mtu > dev.MaxMtu || !isValidEtherAddr(dev.DevAddr) {
		return -EINVAL
	}
	dev.NeededHeadroom = virtioNetHdrLen
	vi.Dev = dev
	vi.rq.init(n, vi, n.skbRecvDone)
	vi.sq.init(n, vi, n.skbXmitDone)
	n.NetifNapiAdd(dev, &vi.napi, n.virtnetPoll, 64)
	vi.linkUp, vi.dev.linkUp = true, true
	return n.RegisterNetdevice(dev) // :3162
}

// VirtnetRemove takes a card out.
func (n *Net) VirtnetRemove(vi *VirtnetInfo) {
	kernel.Fentry1(&n.Kernel, vi) // virtnet_remove drivers/net/virtio_net.c:3230

	n.UnregisterNetdevice(vi.Dev) // :3237
	n.removeVqCommon(vi)          // :3241
}

func (n *Net) removeVqCommon(vi *VirtnetInfo) {
	kernel.Fentry1(&n.Kernel, vi) // remove_vq_common drivers/net/virtio_net.c:3216

	n.freeUnusedBufs(vi) // :3219
	if vi.allocFrag.Page != nil {
		n.PutPage(vi.allocFrag.Page)
		vi.allocFrag.Page = nil
	}
}
