// The dummy device (drivers/net/dummy.c): what is sent disappears.

package core

import "menuos/stack/internal/kernel"

func (n *Net) dummyXmit(skb *SkBuff, dev *NetDevice) int {
	kernel.Fentry2(&n.Kernel, skb, dev) // dummy_xmit drivers/net/dummy.c:81

	dev.Stats.TxPackets++
	dev.Stats.TxBytes += uint64(skb.Len)
	n.ConsumeSkb(skb) // :89
	return NetdevTxOk
}

func (n *Net) dummySetup(dev *NetDevice) {
	n.EtherSetup(dev)
	dev.Ops = &NetDeviceOps{NdoStartXmit: n.dummyXmit}
	dev.Flags |= IffNoarp
	dev.Flags &^= IffMulticast
	dev.NoQueue = true
	dev.Features |= NetifFSg | NetifFTso | NetifFHwCsum
	dev.HwFeatures |= dev.Features
	n.EthHwAddrRandom(dev)
	dev.MinMtu, dev.MaxMtu = 0, 0
}

// NewDummy makes and registers a dummy device; an empty name becomes dummy0,
// dummy1, …
func (n *Net) NewDummy(name string) (*NetDevice, int) {
	if name == "" {
		name = "dummy%d"
	}
	dev := n.AllocNetdev(name, n.dummySetup)
	if err := n.RegisterNetdevice(dev); err != 0 {
		return nil, err
	}
	return dev, 0
}
