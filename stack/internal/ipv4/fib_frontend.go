// What kind of address is this, and may a packet come from there
// (net/ipv4/fib_frontend.c). fib_ifaddr.go has the routes that addresses bring.
// Left out: netlink, policy rules and realms.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// ipFibInit makes the empty tables and hears of devices (ip_fib_init).
func (n *Net) ipFibInit() {
	trie := new(fibTrie)
	n.fib.main = &fibTable{TbId: RtTableMain, trie: trie}
	n.fib.local = &fibTable{TbId: RtTableLocal, trie: trie}
	n.RegisterNetdeviceNotifier(n.fibNetdevEvent)
}

// fibFlush removes every route whose next hop is dead.
func (n *Net) fibFlush() {
	kernel.Fentry0(&n.Kernel) // fib_flush net/ipv4/fib_frontend.c:197

	flushed := n.fibTableFlush(n.fib.main, false)  // :206
	flushed += n.fibTableFlush(n.fib.local, false) // :206
	if flushed != 0 {
		n.rtCacheFlush() // :210
	}
}

// inetDevAddrType__ says what kind of address addr is (RTN_*); with a device,
// only what it is there.
func (n *Net) inetDevAddrType__(dev *core.NetDevice, addr wire.Addr, tbId uint8) uint8 {
	kernel.Fentry3(&n.Kernel, dev, addr, tbId) // __inet_dev_addr_type net/ipv4/fib_frontend.c:221

	switch {
	case addr.IsZeronet() || addr.IsBroadcast():
		return RtnBroadcast
	case addr.IsMulticast():
		return RtnMulticast
	}
	table := n.fibGetTable(tbId)
	if table == nil {
		return RtnBroadcast
	}
	fl4 := Flowi4{Daddr: addr}
	var res fibResult
	if n.fibTableLookup(table, &fl4, &res, FibLookupNoref) == 0 { // :236
		if dev == nil || dev == res.Fi.FibNh.NhDev {
			return res.Type
		}
	}
	return RtnUnicast
}

// inetAddrTypeTable is the kind of an address as a table knows it.
func (n *Net) inetAddrTypeTable(addr wire.Addr, tbId uint8) uint8 {
	kernel.Fentry2(&n.Kernel, addr, tbId) // inet_addr_type_table net/ipv4/fib_frontend.c:247

	return n.inetDevAddrType__(nil, addr, tbId) // :248
}

// inetAddrType is the kind of an address.
func (n *Net) inetAddrType(addr wire.Addr) uint8 {
	kernel.Fentry1(&n.Kernel, addr) // inet_addr_type net/ipv4/fib_frontend.c:253

	return n.inetDevAddrType__(nil, addr, RtTableLocal) // :254
}

// inetAddrTypeDevTable is the kind of an address as the table of a device's
// domain knows it; there is one domain.
func (n *Net) inetAddrTypeDevTable(dev *core.NetDevice, addr wire.Addr) uint8 {
	kernel.Fentry2(&n.Kernel, dev, addr) // inet_addr_type_dev_table net/ipv4/fib_frontend.c:273

	return n.inetDevAddrType__(nil, addr, RtTableLocal) // :276
}

// fibComputeSpecDst is our address that a packet came to, or for broadcasts the
// one that an answer should come from.
func (n *Net) fibComputeSpecDst(skb *core.SkBuff) wire.Addr {
	kernel.Fentry1(&n.Kernel, skb) // fib_compute_spec_dst net/ipv4/fib_frontend.c:282

	rt := SkbRtable(skb)
	iph := skb.Ip()
	if rt.RtFlags&(RtcfBroadcast|RtcfMulticast|RtcfLocal) == RtcfLocal {
		return iph.Dst()
	}
	scope := RtScopeUniverse
	if iph.Src().IsZeronet() {
		scope = RtScopeLink
	} else {
		fl4 := Flowi4{Iif: loopbackIfindex, Daddr: iph.Src(), Tos: RtTos(iph.TOS()), Scope: RtScopeUniverse}
		var res fibResult
		if n.fibLookup(&fl4, &res, 0) == 0 { // :309
			addr, ok := res.prefsrc(n.rt.devAddrGenid)
			if !ok {
				addr = n.fibInfoUpdateNhSaddr(res.nh()) // :310
			}
			return addr
		}
	}
	return n.inetSelectAddr(skb.Dev, iph.Src(), scope) // :315
}

// fibValidateSource__ checks that packets to the source of skb would leave
// through the device it came from, as strictly as rpf says: EINVAL if the source
// is ours or a broadcast, EXDEV if the reverse path differs, 1 if the source is
// on the link itself, 0 otherwise.
func (n *Net) fibValidateSource__(skb *core.SkBuff, src, dst wire.Addr, tos uint8, oif int,
	dev *core.NetDevice, rpf int, idev *InDevice) int {
	kernel.Fentry5(&n.Kernel, skb, src, dst, tos, oif) // __fib_validate_source net/ipv4/fib_frontend.c:356

	iif := oif
	if iif == 0 {
		iif = loopbackIfindex
	}
	fl4 := Flowi4{Iif: iif, Daddr: src, Saddr: dst, Tos: tos, Scope: RtScopeUniverse}
	noAddr := idev.IfaList == nil
	var res fibResult
	found := n.fibLookup(&fl4, &res, 0) == 0 // :384
	if found {
		if res.Type != RtnUnicast && (res.Type != RtnLocal || !idev.acceptLocal()) {
			return -core.EINVAL
		}
		if res.nh().NhDev == dev {
			return scopeAtLeastHost(res.nh())
		}
	}
	if !found || noAddr {
		if rpf != 0 {
			return -exdev
		}
		return 0
	}
	if rpf == 1 {
		return -exdev
	}
	fl4.Oif = dev.Ifindex
	if n.fibLookup(&fl4, &res, FibLookupIgnoreLinkstate) == 0 && res.Type == RtnUnicast { // :403
		return scopeAtLeastHost(res.nh())
	}
	return 0
}

const exdev = 18 // EXDEV

func scopeAtLeastHost(nh *fibNh) int {
	if nh.NhScope >= RtScopeHost {
		return 1
	}
	return 0
}

// fibValidateSource is fibValidateSource__, with the short way for machines that
// do not filter by the reverse path.
func (n *Net) fibValidateSource(skb *core.SkBuff, src, dst wire.Addr, tos uint8, oif int,
	dev *core.NetDevice, idev *InDevice) int {
	kernel.Fentry5(&n.Kernel, skb, src, dst, tos, oif) // fib_validate_source net/ipv4/fib_frontend.c:426

	r := idev.rpFilter()
	if r == 0 && (dev.Ifindex != oif || !idev.sendRedirects()) {
		if idev.acceptLocal() {
			return 0
		}
		if !n.devinet.customLocalRoutes {
			if n.inetLookupIfaddrRcu(src) != nil { // :440
				return -core.EINVAL
			}
			return 0
		}
	}
	return n.fibValidateSource__(skb, src, dst, tos, oif, dev, r, idev) // :449
}
