// The loopback device (drivers/net/loopback.c): what is sent is received.

package core

import "menuos/stack/internal/kernel"

// LoopbackIfindex is lo's index on every machine (LOOPBACK_IFINDEX).
const LoopbackIfindex = 1

func (n *Net) loopbackXmit(skb *SkBuff, dev *NetDevice) int {
	kernel.Fentry2(&n.Kernel, skb, dev) // loopback_xmit drivers/net/loopback.c:71

	skb.Tstamp = 0
	n.SkbOrphan(skb) // :76
	SkbDstForce(skb)
	skb.Protocol = n.EthTypeTrans(skb, dev) // :83
	length := skb.Len
	if n.NetifRx(skb) == NetRxSuccess { // :89
		dev.Stats.RxPackets++
		dev.Stats.TxPackets++
		dev.Stats.RxBytes += uint64(length)
		dev.Stats.TxBytes += uint64(length)
	}
	return NetdevTxOk
}

func (n *Net) loopbackSetup(dev *NetDevice) {
	dev.Mtu = 64 * 1024
	dev.HardHeaderLen = ethHlen
	dev.AddrLen = ethAlen
	dev.Type = ArphrdLoopback
	dev.Flags = IffLoopback
	dev.NoQueue = true
	dev.DstRelease = false
	dev.Features = NetifFSg | NetifFTso | NetifFHwCsum | NetifFRxcsum | NetifFLoopback
	dev.HwFeatures = NetifFGsoSoftware
	dev.HeaderOps = n.ethHeaderOps
	dev.Ops = &NetDeviceOps{NdoStartXmit: n.loopbackXmit}
}

// loopbackNetInit gives the machine its lo; as on any machine it starts down.
func (n *Net) loopbackNetInit() {
	dev := n.AllocNetdev("lo", n.loopbackSetup)
	if err := n.RegisterNetdevice(dev); err != 0 || dev.Ifindex != LoopbackIfindex {
		panic("core: lo is not the first device")
	}
	n.Loopback = dev
}
