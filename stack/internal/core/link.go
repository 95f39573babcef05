// The link device: a point-to-point device for IP packets whose other end is
// outside of the machine. It stands where Linux has tun (drivers/net/tun.c), but
// receives as a network card does, by an interrupt and a poll. Linux has no such
// driver, so its functions have no Linux names.

package core

import "menuos/stack/internal/kernel"

// linkTxQueueLen is how many packets the device queues (TUN_READQ_SIZE).
const linkTxQueueLen = 500

// Link is a device with an end outside.
type Link struct {
	Dev  *NetDevice
	napi NapiStruct
	rx   [][]byte
	send func(pkt []byte)
	irq  *kernel.IrqDesc
	buf  []byte
}

// NewLink makes and registers a link. send gets each packet that leaves, whole;
// the bytes are its own only until it returns. It runs inside the machine.
func (n *Net) NewLink(name string, mtu int, send func(pkt []byte)) (*Link, int) {
	l := &Link{send: send}
	dev := n.AllocNetdev(name, func(dev *NetDevice) {
		dev.Type = ArphrdNone
		dev.Mtu = mtu
		dev.MinMtu, dev.MaxMtu = ethMinMtu, 65535
		dev.Flags = IffPointopoint | IffNoarp | IffMulticast
		dev.TxQueueLen = linkTxQueueLen
		dev.Features = NetifFSg
		dev.Ops = &NetDeviceOps{NdoStartXmit: n.linkXmit}
		dev.Priv = l
	})
	if mtu < dev.MinMtu || mtu > dev.MaxMtu {
		return nil, -EINVAL
	}
	l.Dev = dev
	l.irq = n.RequestIrq(n.linkInterrupt, l)
	n.NetifNapiAdd(dev, &l.napi, n.linkPoll, 64)
	if err := n.RegisterNetdevice(dev); err != 0 {
		return nil, err
	}
	return l, 0
}

// SetOffload says whether the other end takes packets that a card would still
// cut and sum: TCP segments as large as the stack makes them, without a
// transport checksum.
func (l *Link) SetOffload(on bool) {
	const offload = NetifFHwCsum | NetifFTso
	l.Dev.Features &^= offload
	if on {
		l.Dev.Features |= offload
	}
}

// LinkInject receives a packet from outside: the device raises its interrupt.
// Whatever comes while the device is down is lost.
func (n *Net) LinkInject(l *Link, pkt []byte) {
	if !NetifRunning(l.Dev) {
		l.Dev.Stats.RxDropped++
		return
	}
	l.rx = append(l.rx, append([]byte(nil), pkt...))
	n.Interrupt(l.irq)
}

func (n *Net) linkInterrupt(_ int, devID any) {
	n.NapiSchedule(&devID.(*Link).napi)
}

func (n *Net) linkPoll(napi *NapiStruct, budget int) int {
	l := napi.Dev.Priv.(*Link)
	done := 0
	for ; done < budget; done++ {
		if len(l.rx) == 0 {
			n.NapiCompleteDone(napi, done)
			break
		}
		skb := n.NetdevAllocSkb(l.Dev, len(l.rx[0]))
		skb.PutData(l.rx[0])
		l.rx = l.rx[1:]
		l.Dev.Stats.RxPackets++
		l.Dev.Stats.RxBytes += uint64(skb.Len)
		skb.Dev = l.Dev
		skb.ResetMacHeader()
		skb.Protocol = linkProtocol(skb.Bytes())
		n.NapiGroReceive(napi, skb)
	}
	return done
}

// linkProtocol is the ethertype of a packet without a link header.
func linkProtocol(b []byte) uint16 {
	if len(b) > 0 && b[0]>>4 == 6 {
		return 0x86dd
	}
	return 0x0800
}

func (n *Net) linkXmit(skb *SkBuff, dev *NetDevice) int {
	l := dev.Priv.(*Link)
	if cap(l.buf) < skb.Len {
		l.buf = make([]byte, max(skb.Len, 2048))
	}
	b := l.buf[:skb.Len]
	n.SkbCopyBits(skb, 0, b)
	dev.Stats.TxPackets++
	dev.Stats.TxBytes += uint64(skb.Len)
	n.ConsumeSkb(skb)
	l.send(b)
	return NetdevTxOk
}

// SetQueueLimit makes the device's queue a plain one of at most limit packets
// (tc qdisc replace dev NAME root pfifo limit N); 0 drops every packet.
func (l *Link) SetQueueLimit(limit int) {
	l.Dev.TxQueueLen = limit
	if l.Dev.Qdisc != nil {
		l.Dev.Qdisc.CanBypass = limit > 0
	}
}
