// ARP: how neighbours' link addresses are asked for and answered
// (net/ipv4/arp.c). The state machine is core's neighbour.go, what arp(8) asks for
// is in arp_ioctl.go. Left out: proxy ARP, and links that are not like Ethernet.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Hooks of netfilter for ARP (NF_ARP_*).
const (
	nfArpIn  = 0
	nfArpOut = 1
)

// arphrdIeee802 is the hardware type that some stations give Ethernet
// (ARPHRD_IEEE802).
const arphrdIeee802 = 6

// arpState is what arp.c binds once.
type arpState struct {
	generic, hh, direct core.NeighOps
	xmitFinish, process core.Okfn
}

// arpInit makes IPv4's neighbours ARP's (arp_init).
func (n *Net) arpInit() {
	a := &n.arp
	a.generic = core.NeighOps{Solicit: n.arpSolicit, ErrorReport: n.arpErrorReport,
		Output: n.NeighResolveOutput, ConnectedOutput: n.NeighConnectedOutput}
	a.hh = a.generic
	a.hh.ConnectedOutput = n.NeighResolveOutput
	a.direct = core.NeighOps{Output: n.NeighDirectOutput, ConnectedOutput: n.NeighDirectOutput}
	a.xmitFinish, a.process = n.arpXmitFinish, n.arpProcess
	n.ArpTbl.Constructor = n.arpConstructor
	n.DevAddPack(&core.PacketType{Type: wire.EtherTypeARP, Func: n.arpRcv})
	n.RegisterNetdeviceNotifier(n.arpNetdevEvent)
}

// arpConstructor readies a new neighbour: it needs no asking on links without
// addresses, for multicasts and for broadcasts.
func (n *Net) arpConstructor(neigh *core.Neighbour) int {
	kernel.Fentry1(&n.Kernel, neigh) // arp_constructor net/ipv4/arp.c:225

	dev := neigh.Dev
	if dev.Flags&(core.IffLoopback|core.IffPointopoint) != 0 {
		neigh.Key = addrAny
	}
	if inDevGet(dev) == nil {
		return -core.EINVAL
	}
	typ := n.inetAddrTypeDevTable(dev, neigh.Key) // :243
	neigh.Type = typ
	if dev.HeaderOps == nil {
		neigh.NudState = core.NudNoarp
		neigh.Ops = &n.arp.direct
		neigh.Output = n.arp.direct.Output
		return 0
	}
	switch {
	case typ == RtnMulticast:
		neigh.NudState = core.NudNoarp
		neigh.Ha = arpMcMap(neigh.Key, dev)
	case dev.Flags&(core.IffNoarp|core.IffLoopback) != 0:
		neigh.NudState = core.NudNoarp
		neigh.Ha = dev.DevAddr
	case typ == RtnBroadcast || dev.Flags&core.IffPointopoint != 0:
		neigh.NudState = core.NudNoarp
		neigh.Ha = dev.Broadcast
	}
	neigh.Ops = &n.arp.generic
	if dev.HeaderOps.Cache != nil {
		neigh.Ops = &n.arp.hh
	}
	neigh.Output = neigh.Ops.Output
	if neigh.NudState&core.NudValid != 0 {
		neigh.Output = neigh.Ops.ConnectedOutput
	}
	return 0
}

// arpMcMap is the link address of a multicast (arp_mc_map, ip_eth_mc_map).
func arpMcMap(addr wire.Addr, dev *core.NetDevice) wire.MAC {
	if dev.Type != core.ArphrdEther {
		return dev.Broadcast
	}
	return wire.MAC{0x01, 0x00, 0x5e, byte(addr>>16) & 0x7f, byte(addr >> 8), byte(addr)}
}

// arpErrorReport gives up a packet whose neighbour does not answer.
func (n *Net) arpErrorReport(neigh *core.Neighbour, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, neigh, skb) // arp_error_report net/ipv4/arp.c:297

	core.DstLinkFailure(skb) // :297
	n.Drop("neighbour failed")
	n.KfreeSkb(skb) // :298
}

// arpSend sends an ARP message.
func (n *Net) arpSend(typ uint16, destIp wire.Addr, dev *core.NetDevice, srcIp wire.Addr, destHw, srcHw, targetHw *wire.MAC) {
	kernel.Fentry4(&n.Kernel, typ, destIp, dev, srcIp) // arp_send net/ipv4/arp.c:329

	n.arpSendDst(typ, destIp, dev, srcIp, destHw, srcHw, targetHw, nil) // :329
}

func (n *Net) arpSendDst(typ uint16, destIp wire.Addr, dev *core.NetDevice, srcIp wire.Addr, destHw, srcHw, targetHw *wire.MAC, dst *core.DstEntry) {
	kernel.Fentry4(&n.Kernel, typ, destIp, dev, srcIp) // arp_send_dst net/ipv4/arp.c:312

	if dev.Flags&core.IffNoarp != 0 {
		return
	}
	skb := n.arpCreate(typ, destIp, dev, srcIp, destHw, srcHw, targetHw) // :315
	if skb == nil {
		return
	}
	if dst != nil {
		core.SkbDstSet(skb, core.DstClone(dst))
	}
	n.arpXmit(skb) // :321
}

// arpSolicit asks for a neighbour's address: by a packet to the address known so
// far while probes remain for that, by broadcast afterwards. skb is the first
// packet that waits.
func (n *Net) arpSolicit(neigh *core.Neighbour, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, neigh, skb) // arp_solicit net/ipv4/arp.c:336

	dev := neigh.Dev
	inDev := inDevGet(dev)
	if inDev == nil {
		return
	}
	target := neigh.Key
	var saddr wire.Addr
	if skb != nil && inDev.arpAnnounce() < 2 {
		src := skb.Ip().Src()
		typ := n.inetAddrTypeDevTable(dev, src) // :353
		if typ == RtnLocal {
			if inDev.arpAnnounce() == 0 || n.inetAddrOnlink(inDev, target, src) {
				saddr = src
			}
		}
	}
	if saddr == 0 {
		saddr = n.inetSelectAddr(dev, target, RtScopeLink) // :375
	}
	var dstHw *wire.MAC
	if p := neigh.Tbl.Parms; neigh.Probes < p.UcastProbes {
		dstHw = &neigh.Ha
	} else if neigh.Probes < p.UcastProbes+p.AppProbes {
		return
	}
	n.arpSendDst(wire.ARPRequest, target, dev, saddr, dstHw, &dev.DevAddr, nil, nil) // :393
}

// arpIgnore reports whether a question for one of our addresses is not to be
// answered.
func (n *Net) arpIgnore(inDev *InDevice, sip, tip wire.Addr) bool {
	kernel.Fentry3(&n.Kernel, inDev, sip, tip) // arp_ignore net/ipv4/arp.c:399

	scope := RtScopeHost
	switch inDev.arpIgnore() {
	case 1:
		sip = 0
	case 2:
	case 3:
		sip, scope, inDev = 0, RtScopeLink, nil
	case 8:
		return true
	default:
		return false
	}
	return n.inetConfirmAddr(inDev, sip, tip, scope) == 0 // :430
}

// arpFilter reports whether packets to sip would not leave through dev.
func (n *Net) arpFilter(sip, tip wire.Addr, dev *core.NetDevice) bool {
	kernel.Fentry3(&n.Kernel, sip, tip, dev) // arp_filter net/ipv4/arp.c:438

	fl4 := Flowi4{Daddr: sip, Saddr: tip}
	rt, err := n.IpRouteOutputKey(&fl4) // include/net/route.h:146
	if err != 0 {
		return true
	}
	other := rt.Dev != dev
	if other {
		n.Mib[core.MibTcpExtArpFilter]++
	}
	n.IpRtPut(rt)
	return other
}

// arpCreate builds an ARP message; without destHw it is a broadcast.
func (n *Net) arpCreate(typ uint16, destIp wire.Addr, dev *core.NetDevice, srcIp wire.Addr, destHw, srcHw, targetHw *wire.MAC) *core.SkBuff {
	kernel.Fentry4(&n.Kernel, typ, destIp, dev, srcIp) // arp_create net/ipv4/arp.c:534

	hlen := core.LlReservedSpace(dev)
	skb := n.AllocSkb(wire.ARPLen + hlen) // :541
	skb.Reserve(hlen)
	skb.ResetNetworkHeader()
	arp := wire.ARP(skb.Put(wire.ARPLen))
	skb.Dev = dev
	skb.Protocol = wire.EtherTypeARP
	if srcHw == nil {
		srcHw = &dev.DevAddr
	}
	if destHw == nil {
		destHw = &dev.Broadcast
	}
	if n.DevHardHeader(skb, dev, wire.EtherTypeARP, destHw, srcHw, skb.Len) < 0 { // :558
		n.KfreeSkb(skb) // :627
		return nil
	}
	arp.SetFormat()
	arp.SetOp(typ)
	arp.SetSHA(*srcHw)
	arp.SetSPA(srcIp)
	arp.SetTHA(wire.MAC{})
	if targetHw != nil {
		arp.SetTHA(*targetHw)
	}
	arp.SetTPA(destIp)
	return skb
}

func (n *Net) arpXmitFinish(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // arp_xmit_finish net/ipv4/arp.c:634

	return n.DevQueueXmit(skb) // :634
}

// arpXmit sends an ARP message that arp_create built.
func (n *Net) arpXmit(skb *core.SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // arp_xmit net/ipv4/arp.c:643

	n.NFHOOK(core.NfprotoArp, nfArpOut, &n.Net, nil, skb, nil, skb.Dev, n.arp.xmitFinish) // :643
}

// arpIsGarp reports whether a message announces its sender's own address.
func (n *Net) arpIsGarp(dev *core.NetDevice, op uint16, sip, tip wire.Addr, sha, tha wire.MAC) bool {
	kernel.Fentry4(&n.Kernel, dev, op, sip, tip) // arp_is_garp net/ipv4/arp.c:654

	if tip != sip || op == wire.ARPReply && sha != tha {
		return false
	}
	return n.inetAddrTypeDevTable(dev, sip) == RtnUnicast // :668
}

// arpMatters reports whether a message is about IPv4, a question or an answer, and
// not about addresses that no station can have.
func (in *InDevice) arpMatters(arp wire.ARP) bool {
	switch {
	case arp.PType() != wire.EtherTypeIPv4,
		arp.HType() != wire.ARPHTypeEthernet && arp.HType() != arphrdIeee802,
		arp.Op() != wire.ARPRequest && arp.Op() != wire.ARPReply,
		arp.TPA().IsMulticast(),
		arp.TPA().IsLoopback() && !in.routeLocalnet(),
		arp.SPA() == arp.TPA() && in.dropGratuitousArp():
		return false
	}
	return true
}

// arpProcess answers questions for our addresses and learns from messages of
// neighbours that we know or that ask for us.
func (n *Net) arpProcess(net *core.Net, sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, net, sk, skb) // arp_process net/ipv4/arp.c:681

	dev := skb.Dev
	inDev := inDevGet(dev)
	arp := wire.ARP(skb.Head.B[skb.NetworkHeader:])
	if inDev == nil || !inDev.arpMatters(arp) {
		n.Drop("ARP message")
		n.KfreeSkb(skb) // :926
		return core.NetRxDrop
	}
	op, sip, tip, sha := arp.Op(), arp.SPA(), arp.TPA(), arp.SHA()
	n.noteConflict(inDev, sip, sha)
	if sip == 0 {
		// Somebody wants to know whether an address is free (RFC 2131).
		if op == wire.ARPRequest && n.inetAddrTypeDevTable(dev, tip) == RtnLocal { // :810
			if !n.arpIgnore(inDev, sip, tip) { // :811
				n.arpSendDst(wire.ARPReply, sip, dev, tip, &sha, &dev.DevAddr, &sha, nil) // :812
			}
		}
		n.ConsumeSkb(skb) // :919
		return core.NetRxSuccess
	}
	if op == wire.ARPRequest && n.ipRouteInputNoref(skb, tip, sip, 0, dev) == 0 { // :818
		if SkbRtable(skb).RtType == RtnLocal {
			dontSend := n.arpIgnore(inDev, sip, tip) // :826
			if !dontSend && inDev.arpFilter() {
				dontSend = n.arpFilter(sip, tip, dev) // :828
			}
			if !dontSend {
				neigh := n.NeighEventNs(&n.ArpTbl, &sha, sip, dev) // :830
				if neigh != nil {
					n.arpSendDst(wire.ARPReply, sip, dev, tip, &sha, &dev.DevAddr, &sha, nil) // :832
					n.NeighRelease(neigh)                                                     // :836
				}
			}
			n.ConsumeSkb(skb) // :919
			return core.NetRxSuccess
		}
	}

	neigh := n.NeighLookup__(&n.ArpTbl, sip, dev, false) // :869
	garp := false
	if neigh != nil || inDev.arpAccept() {
		garp = n.arpIsGarp(dev, op, sip, tip, sha, arp.THA()) // :873
	}
	if neigh == nil && inDev.arpAccept() {
		if garp || op == wire.ARPReply && n.inetAddrTypeDevTable(dev, sip) == RtnUnicast { // :888
			neigh = n.NeighLookup__(&n.ArpTbl, sip, dev, true) // :890
		}
	}
	if neigh != nil {
		state := uint8(core.NudReachable)
		if op != wire.ARPReply || skb.PktType != core.PacketHost {
			state = core.NudStale
		}
		var flags uint32
		if garp || timeAfter(n.Jiffies(), neigh.Updated+uint64(neigh.Tbl.Parms.Locktime)) {
			flags = core.NeighUpdateFOverride
		}
		n.NeighUpdate(neigh, &sha, state, flags) // :913
		n.NeighRelease(neigh)                    // :915
	}
	n.ConsumeSkb(skb) // :919
	return core.NetRxSuccess
}

// noteConflict counts messages of other stations that claim an address of ours
// (RFC 5227 section 2.4).
func (n *Net) noteConflict(inDev *InDevice, sip wire.Addr, sha wire.MAC) {
	for ifa := inDev.IfaList; ifa != nil; ifa = ifa.IfaNext {
		if ifa.IfaLocal == sip && sha != inDev.Dev.DevAddr {
			n.ArpTbl.Stats.Conflicts++
		}
	}
}

// arpRcv takes ARP messages from devices.
func (n *Net) arpRcv(skb *core.SkBuff, dev *core.NetDevice, pt *core.PacketType, origDev *core.NetDevice) int {
	kernel.Fentry4(&n.Kernel, skb, dev, pt, origDev) // arp_rcv net/ipv4/arp.c:946

	if dev.Flags&core.IffNoarp != 0 || skb.PktType == core.PacketOtherhost || skb.PktType == core.PacketLoopback {
		n.ConsumeSkb(skb) // :970
		return core.NetRxSuccess
	}
	skb = n.SkbShareCheck(skb) // :951
	if skb == nil {
		return core.NetRxDrop
	}
	if !n.PskbMayPull(skb, wire.ARPLen) { // :956
		n.Drop("ARP message")
		n.KfreeSkb(skb) // :973
		return core.NetRxDrop
	}
	if arp := wire.ARP(skb.Head.B[skb.NetworkHeader:]); int(arp.HLen()) != dev.AddrLen || arp.PLen() != 4 {
		n.Drop("ARP message")
		n.KfreeSkb(skb) // :973
		return core.NetRxDrop
	}
	return n.NFHOOK(core.NfprotoArp, nfArpIn, &n.Net, nil, skb, dev, nil, n.arp.process) // :965
}

// arpNetdevEvent hears of devices that change their address.
func (n *Net) arpNetdevEvent(event int, dev *core.NetDevice) {
	kernel.Fentry2(&n.Kernel, event, dev) // arp_netdev_event net/ipv4/arp.c:1246

	switch event {
	case core.NetdevChangeaddr:
		n.NeighChangeaddr(&n.ArpTbl, dev) // :1251
		n.rtCacheFlush()                  // :1252
	case core.NetdevChange:
		if !core.NetifCarrierOk(dev) {
			n.NeighCarrierDown(&n.ArpTbl, dev) // :1259
		}
	}
}

// arpIfdown forgets the neighbours on a device that went down.
func (n *Net) arpIfdown(dev *core.NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // arp_ifdown net/ipv4/arp.c:1278

	n.NeighIfdown(&n.ArpTbl, dev) // :1278
}

// inetdevSendGratuitousArp announces a device's addresses.
func (n *Net) inetdevSendGratuitousArp(dev *core.NetDevice, inDev *InDevice) {
	kernel.Fentry2(&n.Kernel, dev, inDev) // inetdev_send_gratuitous_arp net/ipv4/devinet.c:1457

	for ifa := inDev.IfaList; ifa != nil; ifa = ifa.IfaNext {
		n.arpSend(wire.ARPRequest, ifa.IfaLocal, dev, ifa.IfaLocal, nil, &dev.DevAddr, nil) // :1461
	}
}
