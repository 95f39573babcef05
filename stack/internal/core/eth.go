// Ethernet (net/ethernet/eth.c).

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const (
	ethHlen    = 14
	ethAlen    = 6
	ethDataLen = 1500
	ethMinMtu  = 68

	// EthP8023 and EthP8022 stand for frames with a length in place of a type.
	EthP8023 = 0x0001
	EthP8022 = 0x0004
)

// ethHeader puts an Ethernet header in front of the packet; its length is
// negative if the destination is yet to be filled in.
func (n *Net) ethHeader(skb *SkBuff, dev *NetDevice, typ uint16, daddr, saddr *wire.MAC, length int) int {
	kernel.Fentry4(&n.Kernel, skb, dev, typ, length) // eth_header net/ethernet/eth.c:87

	eth := wire.Ethernet(skb.Push(ethHlen))
	if typ == EthP8023 || typ == EthP8022 {
		typ = uint16(length)
	}
	eth.SetType(typ)
	if saddr == nil {
		saddr = &dev.DevAddr
	}
	eth.SetSrc(*saddr)
	if daddr != nil {
		eth.SetDst(*daddr)
		return ethHlen
	}
	if dev.Flags&(IffLoopback|IffNoarp) != 0 {
		eth.SetDst(wire.MAC{})
		return ethHlen
	}
	return -ethHlen
}

// ethHeaderCache fills in a header to be copied in front of packets.
func (n *Net) ethHeaderCache(neigh *Neighbour, hh *HhCache, typ uint16) int {
	kernel.Fentry2(&n.Kernel, neigh, typ) // eth_header_cache net/ethernet/eth.c:234

	if typ == EthP8023 {
		return -1
	}
	eth := wire.Ethernet(hh.Data[hhDataMod-ethHlen:])
	eth.SetType(typ)
	eth.SetSrc(neigh.Dev.DevAddr)
	eth.SetDst(neigh.Ha)
	hh.Len = ethHlen
	return 0
}

// ethHeaderCacheUpdate changes the destination of such a header.
func (n *Net) ethHeaderCacheUpdate(hh *HhCache, dev *NetDevice, haddr *wire.MAC) {
	kernel.Fentry1(&n.Kernel, dev) // eth_header_cache_update net/ethernet/eth.c:261

	wire.Ethernet(hh.Data[hhDataMod-ethHlen:]).SetDst(*haddr)
}

// EthTypeTrans takes the Ethernet header off a received packet, notes whom it
// was for and returns its type (eth_type_trans).
func (n *Net) EthTypeTrans(skb *SkBuff, dev *NetDevice) uint16 {
	kernel.Fentry2(&n.Kernel, skb, dev) // eth_type_trans net/ethernet/eth.c:158

	skb.Dev = dev
	skb.ResetMacHeader()
	eth := wire.Ethernet(skb.Bytes())
	skb.Pull(ethHlen)
	if dst := eth.Dst(); dst != dev.DevAddr {
		switch {
		case !dst.IsMulticast():
			skb.PktType = PacketOtherhost
		case dst == dev.Broadcast:
			skb.PktType = PacketBroadcast
		default:
			skb.PktType = PacketMulticast
		}
	}
	if typ := eth.Type(); typ >= 0x600 {
		return typ
	}
	return EthP8022
}

// EtherSetup makes a device an Ethernet device (ether_setup).
func (n *Net) EtherSetup(dev *NetDevice) {
	dev.HeaderOps = n.ethHeaderOps
	dev.Type = ArphrdEther
	dev.HardHeaderLen = ethHlen
	dev.Mtu = ethDataLen
	dev.MinMtu = ethMinMtu
	dev.MaxMtu = ethDataLen
	dev.AddrLen = ethAlen
	dev.TxQueueLen = DefaultTxQueueLen
	dev.Flags = IffBroadcast | IffMulticast
	dev.Broadcast = wire.MACBroadcast
}

// isValidEtherAddr reports whether a card may have the address
// (is_valid_ether_addr).
func isValidEtherAddr(a wire.MAC) bool { return a != wire.MAC{} && !a.IsMulticast() }

// EthHwAddrRandom draws a local unicast address (eth_hw_addr_random).
func (n *Net) EthHwAddrRandom(dev *NetDevice) {
	hi, lo := n.PrandomU32(), n.PrandomU32()
	dev.DevAddr = wire.MAC{byte(hi>>8)&0xfe | 0x02, byte(hi), byte(lo >> 24), byte(lo >> 16), byte(lo >> 8), byte(lo)}
}
