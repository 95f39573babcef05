// The rings between a virtio driver and its device (drivers/virtio/virtio_ring.c):
// the driver makes buffers available, the device uses them in their order, and
// says so by an interrupt where the driver wants one. A packet takes one slot
// (VIRTIO_RING_F_INDIRECT_DESC), and each side tells the other at which index it
// wants to be woken (VIRTIO_RING_F_EVENT_IDX). The functions that only count have
// no entries.

package core

import "menuos/stack/internal/kernel"

// vringSize is how many slots a ring has.
const vringSize = 256

// Virtqueue is a ring (struct virtqueue). Indexes count up for ever: from
// lastUsed to usedIdx the device is done, from there to availIdx it is not.
type Virtqueue struct {
	vi       *VirtnetInfo
	callback func(vq *Virtqueue)
	irq      *kernel.IrqDesc
	slots    [vringSize]vringSlot

	availIdx, usedIdx, lastUsed uint64

	usedEvent   uint64 // the driver wants an interrupt when this one is used
	noInterrupt bool
	addr        uint64
}

// vringSlot is one slot: a packet that leaves, or a piece of a page that a
// packet has come into.
type vringSlot struct {
	hdr     VirtioNetHdr
	skb     *SkBuff
	page    *Page
	off     int // of the data in the page
	len     int // of the data
	size    int // of the buffer
	buffers int // that the frame takes, in its first slot
}

// Kaddr is the address that stands for the ring.
func (vq *Virtqueue) Kaddr() uint64 { return vq.addr }

func (vq *Virtqueue) init(n *Net, vi *VirtnetInfo, callback func(vq *Virtqueue)) {
	*vq = Virtqueue{vi: vi, callback: callback, addr: n.NewAddr(192)}
	vq.irq = n.RequestIrq(n.vringInterrupt, vq)
}

func (vq *Virtqueue) slot(idx uint64) *vringSlot { return &vq.slots[idx%vringSize] }

// numFree is how many slots the driver may fill.
func (vq *Virtqueue) numFree() int { return vringSize - int(vq.availIdx-vq.lastUsed) }

// virtqueueGetBuf is the next slot that the device is done with, nil if there is
// none (virtqueue_get_buf).
func (vq *Virtqueue) virtqueueGetBuf() *vringSlot {
	if vq.lastUsed == vq.usedIdx {
		return nil
	}
	slot := vq.slot(vq.lastUsed)
	vq.lastUsed++
	if !vq.noInterrupt {
		vq.usedEvent = vq.lastUsed
	}
	return slot
}

// virtqueueDisableCb asks for no interrupts (virtqueue_disable_cb).
func (vq *Virtqueue) virtqueueDisableCb() { vq.noInterrupt = true }

// virtqueueEnableCbPrepare asks for an interrupt with the next slot that is used
// (virtqueue_enable_cb_prepare).
func (vq *Virtqueue) virtqueueEnableCbPrepare() uint64 {
	vq.noInterrupt = false
	vq.usedEvent = vq.lastUsed
	return vq.lastUsed
}

// virtqueuePoll reports whether more has been used since then (virtqueue_poll).
func (vq *Virtqueue) virtqueuePoll(lastUsed uint64) bool { return lastUsed != vq.usedIdx }

// virtqueueEnableCbDelayed asks for an interrupt when three quarters of what is
// available have been used; false if they have (virtqueue_enable_cb_delayed).
func (vq *Virtqueue) virtqueueEnableCbDelayed() bool {
	vq.noInterrupt = false
	bufs := (vq.availIdx - vq.lastUsed) * 3 / 4
	vq.usedEvent = vq.lastUsed + bufs
	return vq.usedIdx-vq.lastUsed <= bufs
}

// use is the device's part: it is done with count more slots, and raises its
// interrupt if the driver waits for one of them.
func (vq *Virtqueue) use(n *Net, count int) {
	old := vq.usedIdx
	vq.usedIdx += uint64(count)
	if vq.usedEvent >= old && vq.usedEvent < vq.usedIdx {
		n.Interrupt(vq.irq)
	}
}

func (n *Net) vringInterrupt(irq int, vq any) {
	kernel.Fentry2(&n.Kernel, irq, vq) // vring_interrupt drivers/virtio/virtio_ring.c:2029

	if q := vq.(*Virtqueue); q.lastUsed != q.usedIdx {
		q.callback(q) // :2041
	}
}
