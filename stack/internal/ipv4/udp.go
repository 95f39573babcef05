// UDP: sockets, the table of ports, and how a socket gets its port and loses
// it (net/ipv4/udp.c, include/net/udp.h). udp_lookup.go finds sockets,
// udp_output.go sends, udp_input.go receives, udp_recv.go reads, udp_opt.go has
// the options, poll and ioctl, and icmp_rcv.go's errors come to udp_err.go.
//
// Left out: UDP-Lite, encapsulation, GRO and GSO (UDP_SEGMENT), busy polling,
// L3 master devices, and programs that choose among SO_REUSEPORT sockets.

package ipv4

import (
	"math/bits"
	"unsafe"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// The table of ports: UDP_HTABLE_SIZE_MIN slots, which Linux has on a machine
// with little memory.
const (
	udpHtableSize    = 256
	udpHtableMask    = udpHtableSize - 1
	udpHtableLog     = 8
	udpPortsPerChain = 65536 / udpHtableSize
)

// udpState is what UDP keeps of a machine.
type udpState struct {
	prot   core.Proto               // udp_prot
	hash   [udpHtableSize]udpHslot  // by port
	hash2  [udpHtableSize]udpHslot2 // by address and port
	secret uint32                   // udp_ehash_secret

	// Bound once: a method value allocates.
	getfrag             GetfragFunc
	sockEfree           func(skb *core.SkBuff)
	skbDestructor       func(sk *core.Sock, skb *core.SkBuff)
	skbDtorLocked       func(sk *core.Sock, skb *core.SkBuff)
	destruct            func(sk *core.Sock)
	pushPendingFramesFn func(sk *core.Sock) int
}

// udpHslot is a slot of the table by port (struct udp_hslot).
type udpHslot struct {
	head  *core.SockCommon // linked by HashNext
	count int
}

// udpHslot2 is a slot of the table by address and port.
type udpHslot2 struct {
	head  *udpSock // linked by portaddrNext
	count int
}

// udpSock is a UDP socket (struct udp_sock).
type udpSock struct {
	InetSock

	pending     int  // AF_INET while a datagram is being put together
	corkflag    bool // UDP_CORK
	len         int  // of what is pending
	readerQueue core.SkBuffHead
	// What readers have freed and not given back yet.
	forwardDeficit int

	udpPortHash                uint16
	udpPortaddrHash            uint32
	portaddrNext, portaddrPrev *udpSock
}

// udpSk is the UDP socket that sk is part of (udp_sk).
func udpSk(sk *core.Sock) *udpSock { return (*udpSock)(unsafe.Pointer(sk)) }

// initUdp readies udp_prot and registers the protocol with IP and with the
// socket layer.
func (n *Net) initUdp() {
	st := &n.udp
	st.getfrag = n.ipGenericGetfrag
	st.sockEfree = n.SockEfree
	st.skbDestructor = n.udpSkbDestructor
	st.skbDtorLocked = n.udpSkbDtorLocked
	st.destruct = n.udpDestructSock
	st.pushPendingFramesFn = n.udpPushPendingFrames
	st.prot = core.Proto{
		Name:       "UDP",
		Close:      n.udpLibClose,
		PreConnect: n.udpPreConnect,
		Connect:    n.ip4DatagramConnect,
		Disconnect: n.udpDisconnect,
		Ioctl:      n.udpIoctl,
		Init:       n.udpInitSock,
		Destroy:    n.udpDestroySock,
		Setsockopt: n.udpSetsockopt,
		Getsockopt: n.udpGetsockopt,
		Sendmsg:    n.udpSendmsg,
		Recvmsg:    n.udpRecvmsg,
		ReleaseCb:  n.ip4DatagramReleaseCb,
		Hash:       n.udpLibHash,
		Unhash:     n.udpLibUnhash,
		Rehash:     n.udpV4Rehash,
		GetPort:    n.udpV4GetPort,
		NewSock:    func() *core.Sock { return &new(udpSock).Sock },
	}
	for i, pages := range n.Sysctl.UdpMem {
		st.prot.SysctlMem[i] = int64(pages)
	}
	for i := range 3 { // proto.sysctl_rmem[0] is udp_rmem_min, the rest is not looked at
		st.prot.SysctlRmem[i], st.prot.SysctlWmem[i] = n.Sysctl.UdpRmemMin, n.Sysctl.UdpWmemMin
	}
	n.InetAddProtocol(&NetProtocol{
		EarlyDemux: n.udpV4EarlyDemux,
		Handler:    n.udpRcv,
		ErrHandler: n.udpErr,
		NoPolicy:   true,
	}, wire.ProtoUDP)
	n.InetRegisterProtosw(&Protosw{
		Type:     core.SockDgram,
		Protocol: int(wire.ProtoUDP),
		Prot:     &st.prot,
		Ops:      n.InetDgramOps,
		Flags:    InetProtoswPermanent,
	})
}

// udpHashfn is the slot of a port (udp_hashfn).
func udpHashfn(num uint16) int { return int(num) & udpHtableMask }

// ipv4PortaddrHash is the hash of a local address and port
// (ipv4_portaddr_hash).
func ipv4PortaddrHash(saddr wire.Addr, port uint16) uint32 {
	return jhash1word(uint32(saddr), 0) ^ uint32(port)
}

// jhashInitval and the functions below are Bob Jenkins' lookup3 for one and
// three words (include/linux/jhash.h).
const jhashInitval = 0xdeadbeef

func jhash1word(a, initval uint32) uint32 {
	return jhashFinal(a+initval+jhashInitval+1<<2, initval+jhashInitval+1<<2, initval+jhashInitval+1<<2)
}

func jhash3words(a, b, c, initval uint32) uint32 {
	initval += jhashInitval + 3<<2
	return jhashFinal(a+initval, b+initval, c+initval)
}

func jhashFinal(a, b, c uint32) uint32 {
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	return (c ^ b) - bits.RotateLeft32(b, 24)
}

// udpRcvSaddrEqual reports whether two sockets could receive the same packet,
// going by the addresses they are bound to; any address meets every other if
// wildcard is set (ipv4_rcv_saddr_equal).
func udpRcvSaddrEqual(a, b *core.SockCommon, wildcard bool) bool {
	return a.SkRcvSaddr == b.SkRcvSaddr || wildcard && (a.SkRcvSaddr == 0 || b.SkRcvSaddr == 0)
}

// udpConflict reports whether sk2 keeps sk from the port that both want.
func udpConflict(sk, sk2 *core.SockCommon) bool {
	if sk2 == sk || sk2.SkReuse != 0 && sk.SkReuse != 0 {
		return false
	}
	if sk2.SkBoundDevIf != 0 && sk.SkBoundDevIf != 0 && sk2.SkBoundDevIf != sk.SkBoundDevIf {
		return false
	}
	// All processes of menuos are root's, so the owner is always the same.
	return udpRcvSaddrEqual(sk, sk2, true) && !(sk2.SkReuseport && sk.SkReuseport)
}

// udpLibLportInuse reports whether port num is taken for sk, looking in its
// slot. With a bitmap it marks there all ports of the slot that are taken.
func (n *Net) udpLibLportInuse(num uint16, hslot *udpHslot, bitmap *[udpPortsPerChain]bool, sk *core.Sock) bool {
	kernel.Fentry2(&n.Kernel, num, sk) // udp_lib_lport_inuse net/ipv4/udp.c:149

	for sk2 := hslot.head; sk2 != nil; sk2 = sk2.HashNext {
		hash := udpSk(sk2.Full).udpPortHash
		if bitmap == nil && hash != num || !udpConflict(&sk.SockCommon, sk2) {
			continue
		}
		if bitmap == nil {
			return true
		}
		bitmap[hash>>udpHtableLog] = true
	}
	return false
}

// udpLibLportInuse2 does the same in a slot of the table by address and port,
// which is shorter when many sockets share a port.
func (n *Net) udpLibLportInuse2(num uint16, hslot2 *udpHslot2, sk *core.Sock) bool {
	kernel.Fentry2(&n.Kernel, num, sk) // udp_lib_lport_inuse2 net/ipv4/udp.c:185

	for sk2 := hslot2.head; sk2 != nil; sk2 = sk2.portaddrNext {
		if sk2.udpPortHash == num && udpConflict(&sk.SockCommon, &sk2.SockCommon) {
			return true
		}
	}
	return false
}

// udpLibGetPort gives sk port snum, or one of its own choice if snum is 0, and
// enters it into the tables. It reports 1 if there is none to have.
func (n *Net) udpLibGetPort(sk *core.Sock, snum uint16, hash2Nulladdr uint32) int {
	kernel.Fentry3(&n.Kernel, sk, snum, hash2Nulladdr) // udp_lib_get_port net/ipv4/udp.c:244

	up := udpSk(sk)
	if snum == 0 {
		low, high := n.Sysctl.IpLocalPortRange[0], n.Sysctl.IpLocalPortRange[1]
		remaining := uint32(high - low + 1)
		rand := n.PrandomU32()
		first := uint16(uint64(rand)*uint64(remaining)>>32) + uint16(low)
		// Steps of an odd multiple of the table's size visit every port of a
		// slot, in an order that nobody can guess.
		step := uint16((rand | 1) * udpHtableSize)
		last := first + udpHtableSize
		var bitmap [udpPortsPerChain]bool
		for found := false; !found; {
			clear(bitmap[:])
			n.LocalBhDisable()
			n.udpLibLportInuse(0, &n.udp.hash[udpHashfn(first)], &bitmap, sk) // :270
			for port := first; ; {
				if low <= int(port) && int(port) <= high && !bitmap[port>>udpHtableLog] {
					snum, found = port, true
					break
				}
				if port += step; port == first {
					break
				}
			}
			if !found {
				n.SpinUnlockBh() // :286
				n.CondResched()  // :287
				if first++; first == last {
					return 1
				}
			}
		}
	} else {
		n.LocalBhDisable()
		hslot := &n.udp.hash[udpHashfn(snum)]
		slot2, null := (up.udpPortaddrHash^uint32(snum))&udpHtableMask, hash2Nulladdr&udpHtableMask
		hslot2 := &n.udp.hash2[slot2]
		var exist bool
		if hslot.count > 10 && hslot.count >= hslot2.count {
			exist = n.udpLibLportInuse2(snum, hslot2, sk) // :304
			if !exist && null != slot2 {
				exist = n.udpLibLportInuse2(snum, &n.udp.hash2[null], sk) // :307
			}
		} else {
			exist = n.udpLibLportInuse(snum, hslot, nil, sk) // :316
		}
		if exist {
			n.SpinUnlockBh() // :351
			return 1
		}
	}

	sk.SkNum = snum
	up.udpPortHash = snum
	up.udpPortaddrHash ^= uint32(snum)
	if !sk.Hashed {
		hslot := &n.udp.hash[udpHashfn(snum)]
		hslot.add(&sk.SockCommon)
		sk.SkProt.Inuse++
		n.udp.hash2[up.udpPortaddrHash&udpHtableMask].add(up)
		n.SockHold(sk)
	}
	sk.SkFlags |= 1 << core.SockRcuFree
	n.SpinUnlockBh() // :351
	return 0
}

// udpV4GetPort gives sk port snum, or any if snum is 0.
func (n *Net) udpV4GetPort(sk *core.Sock, snum uint16) int {
	kernel.Fentry2(&n.Kernel, sk, snum) // udp_v4_get_port net/ipv4/udp.c:359

	udpSk(sk).udpPortaddrHash = ipv4PortaddrHash(sk.SkRcvSaddr, 0)
	return n.udpLibGetPort(sk, snum, ipv4PortaddrHash(0, snum)) // :366
}

// udpLibHash is never called: a socket is hashed when it gets its port.
func (n *Net) udpLibHash(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // udp_lib_hash include/net/udp.h:197

	panic("ipv4: udp_lib_hash")
}

// udpLibUnhash takes sk off the tables; its port is free again.
func (n *Net) udpLibUnhash(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // udp_lib_unhash net/ipv4/udp.c:1864

	if !sk.Hashed {
		return
	}
	up := udpSk(sk)
	n.LocalBhDisable()
	n.udp.hash[udpHashfn(up.udpPortHash)].del(&sk.SockCommon)
	sk.SkNum = 0
	sk.SkProt.Inuse--
	n.udp.hash2[up.udpPortaddrHash&udpHtableMask].del(up)
	core.SockPut__(sk)
	n.SpinUnlockBh() // :1885
}

// udpLibRehash moves sk in the table by address and port, after its address
// changed.
func (n *Net) udpLibRehash(sk *core.Sock, newhash uint16) {
	kernel.Fentry2(&n.Kernel, sk, newhash) // udp_lib_rehash net/ipv4/udp.c:1895

	if !sk.Hashed {
		return
	}
	up := udpSk(sk)
	hslot2 := &n.udp.hash2[up.udpPortaddrHash&udpHtableMask]
	nhslot2 := &n.udp.hash2[newhash&udpHtableMask]
	up.udpPortaddrHash = uint32(newhash)
	if hslot2 == nhslot2 {
		return
	}
	n.LocalBhDisable()
	hslot2.del(up)
	nhslot2.add(up)
	n.SpinUnlockBh() // :1925
}

// udpV4Rehash moves sk to where its address and port belong.
func (n *Net) udpV4Rehash(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // udp_v4_rehash net/ipv4/udp.c:1933

	newHash := uint16(ipv4PortaddrHash(sk.SkRcvSaddr, sk.SkNum))
	n.udpLibRehash(sk, newHash) // :1936
}

// add puts a socket in front of the slot.
func (h *udpHslot) add(sk *core.SockCommon) {
	sk.HashPrev, sk.HashNext = nil, h.head
	if h.head != nil {
		h.head.HashPrev = sk
	}
	h.head = sk
	sk.Hashed = true
	h.count++
}

// del takes a socket out of the slot.
func (h *udpHslot) del(sk *core.SockCommon) {
	if sk.HashPrev != nil {
		sk.HashPrev.HashNext = sk.HashNext
	} else {
		h.head = sk.HashNext
	}
	if sk.HashNext != nil {
		sk.HashNext.HashPrev = sk.HashPrev
	}
	sk.HashNext, sk.HashPrev, sk.Hashed = nil, nil, false
	h.count--
}

// add puts a socket in front of the slot.
func (h *udpHslot2) add(up *udpSock) {
	up.portaddrPrev, up.portaddrNext = nil, h.head
	if h.head != nil {
		h.head.portaddrPrev = up
	}
	h.head = up
	h.count++
}

// del takes a socket out of the slot.
func (h *udpHslot2) del(up *udpSock) {
	if up.portaddrPrev != nil {
		up.portaddrPrev.portaddrNext = up.portaddrNext
	} else {
		h.head = up.portaddrNext
	}
	if up.portaddrNext != nil {
		up.portaddrNext.portaddrPrev = up.portaddrPrev
	}
	up.portaddrNext, up.portaddrPrev = nil, nil
	h.count--
}
