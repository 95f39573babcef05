// How UDP receives: from IP to the socket's queue (net/ipv4/udp.c).
//
// A socket pays for what it queues out of its receive buffer, and takes memory
// a page at a time. A reader returns it in batches (udp_rmem_release).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// udpRmemRelease returns size bytes of receive memory. A partial release is
// put off until a quarter of the buffer has come together.
func (n *Net) udpRmemRelease(sk *core.Sock, size, partial int, rxQueueLockHeld bool) {
	kernel.Fentry4(&n.Kernel, sk, size, partial, rxQueueLockHeld) // udp_rmem_release net/ipv4/udp.c:1343

	up := udpSk(sk)
	if partial != 0 {
		up.forwardDeficit += size
		size = up.forwardDeficit
		if size < sk.SkRcvbuf>>2 {
			return
		}
	} else {
		size += up.forwardDeficit
	}
	up.forwardDeficit = 0
	sk.SkForwardAlloc += size
	amt := (sk.SkForwardAlloc - partial) &^ (core.SkMemQuantum - 1)
	sk.SkForwardAlloc -= amt
	if amt != 0 {
		n.SkMemReduceAllocated__(sk, amt/core.SkMemQuantum) // :1370
	}
	sk.SkBacklog.RmemAlloc -= size
	up.readerQueue.SpliceTailInit(&sk.SkReceiveQueue)
}

// udpSkbDestructor pays back for a packet that a reader took.
func (n *Net) udpSkbDestructor(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // udp_skb_destructor net/ipv4/udp.c:1388

	n.udpRmemRelease(sk, skb.Truesize, 1, false) // :1389
}

// udpSkbDtorLocked is the same for one who holds the queue's lock.
func (n *Net) udpSkbDtorLocked(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // udp_skb_dtor_locked net/ipv4/udp.c:1396

	n.udpRmemRelease(sk, skb.Truesize, 1, true) // :1397
}

// udpEnqueueScheduleSkb__ charges skb to sk, queues it and wakes the readers.
// It fails with -ENOMEM if the buffer is full and with -ENOBUFS if the
// protocol is; the packet stays the caller's then.
func (n *Net) udpEnqueueScheduleSkb__(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // __udp_enqueue_schedule_skb net/ipv4/udp.c:1426

	// One packet is always allowed, however large.
	rmem := sk.SkBacklog.RmemAlloc
	if rmem > sk.SkRcvbuf {
		sk.SkDrops++
		return -core.ENOMEM
	}
	if rmem > sk.SkRcvbuf>>1 {
		n.SkbCondense(skb) // :1446
	}
	size := skb.Truesize
	sk.SkBacklog.RmemAlloc += size
	if sk.SkBacklog.RmemAlloc > size+sk.SkRcvbuf {
		sk.SkBacklog.RmemAlloc -= size
		sk.SkDrops++
		return -core.ENOMEM
	}
	if size >= sk.SkForwardAlloc {
		amt := core.SkMemPages(size)
		delta := amt * core.SkMemQuantum
		if !n.SkMemRaiseAllocated__(sk, delta, amt, core.SkMemRecv) { // :1464
			sk.SkBacklog.RmemAlloc -= size
			sk.SkDrops++
			return -core.ENOBUFS
		}
		sk.SkForwardAlloc += delta
	}
	sk.SkForwardAlloc -= size
	skb.Dev = nil // Linux keeps the size there from now on
	sk.SkReceiveQueue.QueueTail(skb)
	if sk.SkFlags&(1<<core.SockDead) == 0 {
		sk.SkDataReady(sk) // :1484
	}
	return 0
}

// udpQueueRcvSkb__ queues skb on sk or counts why not. It consumes skb.
func (n *Net) udpQueueRcvSkb__(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // __udp_queue_rcv_skb net/ipv4/udp.c:1943

	if sk.SkDaddr != 0 {
		core.SkIncomingCpuUpdate(sk)
	}
	rc := n.udpEnqueueScheduleSkb__(sk, skb) // :1951
	if rc < 0 {
		if rc == -core.ENOMEM {
			n.Mib[core.MibUdpRcvbufErrors]++
		}
		n.Mib[core.MibUdpInErrors]++
		n.Drop("receive queue full")
		n.KfreeSkb(skb) // :1960
		return -1
	}
	return 0
}

// udpCsumPullHeader takes the header off and leaves skb.Csum so that the rest
// can be checked while it is copied (udp_csum_pull_header).
func udpCsumPullHeader(skb *core.SkBuff) {
	header := skb.Bytes()[:wire.UDPLen]
	if !skb.CsumValid && skb.IpSummed == core.ChecksumNone {
		skb.Csum = wire.Sum(header, skb.Csum)
	}
	skb.Pull(wire.UDPLen)
	if skb.IpSummed == core.ChecksumComplete {
		skb.Csum = wire.SumBlock(skb.Csum, ^wire.Sum(header, 0), 0)
	}
}

// udpQueueRcvOneSkb gives sk a datagram, which it consumes.
func (n *Net) udpQueueRcvOneSkb(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // udp_queue_rcv_one_skb net/ipv4/udp.c:1979

	core.NfReset(skb)
	if sk.SkFilter != nil {
		if n.udpLibChecksumComplete(skb) != 0 { // :2059
			n.Mib[core.MibUdpInCsumErrors]++
			n.Mib[core.MibUdpInErrors]++
			sk.SkDrops++
			n.Drop("checksum")
			n.KfreeSkb(skb) // :2075
			return -1
		}
	}
	if n.SkFilterTrimCap(sk, skb, wire.UDPLen) != 0 { // :2062
		n.Mib[core.MibUdpInErrors]++
		sk.SkDrops++
		n.Drop("socket filter")
		n.KfreeSkb(skb) // :2075
		return -1
	}
	udpCsumPullHeader(skb)
	n.ipv4PktinfoPrepare(sk, skb)      // :2067
	return n.udpQueueRcvSkb__(sk, skb) // :2068
}

// udpQueueRcvSkb gives sk a datagram, which it consumes.
func (n *Net) udpQueueRcvSkb(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // udp_queue_rcv_skb net/ipv4/udp.c:2080

	return n.udpQueueRcvOneSkb(sk, skb) // :2085
}

// udpSkRxDstSet remembers the route that sk's packets come in by.
func (n *Net) udpSkRxDstSet(sk *core.Sock, dst *core.DstEntry) bool {
	kernel.Fentry2(&n.Kernel, sk, dst) // udp_sk_rx_dst_set net/ipv4/udp.c:2107

	if !core.DstHoldSafe(dst) {
		return false
	}
	old := sk.SkRxDst
	sk.SkRxDst = dst
	n.DstRelease(old) // :2109
	return old != dst
}

// udp4LibMcastDeliver__ gives a packet that went to many to every socket that
// wants it; the one found first gets the packet itself, the others a clone.
func (n *Net) udp4LibMcastDeliver__(skb *core.SkBuff, uh wire.UDP, saddr, daddr wire.Addr) int {
	kernel.Fentry3(&n.Kernel, skb, saddr, daddr) // __udp4_lib_mcast_deliver net/ipv4/udp.c:2128

	// menuos looks through the slot of the port however long it is.
	var first *core.Sock
	sport, hnum, dif := uh.SrcPort(), uh.DstPort(), skb.Dev.Ifindex
	for node := n.udp.hash[udpHashfn(hnum)].head; node != nil; node = node.HashNext {
		sk := node.Full
		if !n.udpIsMcastSock__(sk, hnum, daddr, sport, saddr, dif) { // :2147
			continue
		}
		if first == nil {
			first = sk
			continue
		}
		nskb := n.SkbClone(skb)             // :2155
		if n.udpQueueRcvSkb(sk, nskb) > 0 { // :2165
			n.ConsumeSkb(nskb) // :2166
		}
	}
	if first == nil {
		n.Drop("no socket")
		n.KfreeSkb(skb) // :2179
		n.Mib[core.MibUdpIgnoredMulti]++
		return 0
	}
	if n.udpQueueRcvSkb(first, skb) > 0 { // :2176
		n.ConsumeSkb(skb) // :2177
	}
	return 0
}

// udp4CsumInit checks the checksum of a short datagram and prepares that of a
// long one; it reports whether it is wrong. A checksum of zero is none.
func (n *Net) udp4CsumInit(skb *core.SkBuff, uh wire.UDP) bool {
	kernel.Fentry1(&n.Kernel, skb) // udp4_csum_init net/ipv4/udp.c:2196

	pseudo := inetComputePseudo(skb, wire.ProtoUDP)
	if core.SkbChecksumValidateNeeded__(skb, true, uh.Checksum()) && n.SkbChecksumValidateComplete__(skb, false, pseudo) != 0 { // :2213
		return true
	}
	return skb.IpSummed == core.ChecksumComplete && !skb.CsumValid && skb.CsumCompleteSw
}

// udpUnicastRcvSkb gives sk a datagram that was sent to it alone.
func (n *Net) udpUnicastRcvSkb(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // udp_unicast_rcv_skb net/ipv4/udp.c:2241

	ret := n.udpQueueRcvSkb(sk, skb) // :2245
	// IP takes a protocol to deliver to again as a negative number.
	return min(-ret, 0)
}

// udp4LibRcv__ checks a datagram, finds whom it is for and queues it there.
// Nobody's is answered with a port unreachable. It consumes skb.
func (n *Net) udp4LibRcv__(skb *core.SkBuff, proto int) int {
	kernel.Fentry2(&n.Kernel, skb, proto) // __udp4_lib_rcv net/ipv4/udp.c:2265

	if !n.PskbMayPull(skb, wire.UDPLen) { // :2272
		n.Mib[core.MibUdpInErrors]++
		n.Drop("datagram length")
		n.KfreeSkb(skb) // :2352
		return 0
	}
	uh := skb.Udp()
	ulen := int(uh.Length())
	saddr, daddr := skb.Ip().Src(), skb.Ip().Dst()
	if ulen > skb.Len || ulen < wire.UDPLen || n.PskbTrimRcsum(skb, ulen) != 0 { // :2285
		n.Mib[core.MibUdpInErrors]++
		n.Drop("datagram length")
		n.KfreeSkb(skb) // :2352
		return 0
	}
	uh = skb.Udp()
	if n.udp4CsumInit(skb, uh) { // :2290
		n.Mib[core.MibUdpInCsumErrors]++
		n.Mib[core.MibUdpInErrors]++
		n.Drop("checksum")
		n.KfreeSkb(skb) // :2352
		return 0
	}

	if sk := skb.Sk; sk != nil { // early demux found it
		skb.Destructor, skb.Sk = nil, nil
		if dst := skb.Dst; sk.SkRxDst != dst {
			n.udpSkRxDstSet(sk, dst) // :2299
		}
		ret := n.udpUnicastRcvSkb(sk, skb) // :2301
		n.SockPut(sk)                      // :2302
		return ret
	}
	if RtableOf(skb.Dst).RtFlags&(RtcfBroadcast|RtcfMulticast) != 0 {
		return n.udp4LibMcastDeliver__(skb, uh, saddr, daddr) // :2307
	}
	sk := n.udp4LibLookupSkb__(skb, uh.SrcPort(), uh.DstPort()) // :2310
	if sk != nil {
		return n.udpUnicastRcvSkb(sk, skb) // :2312
	}

	core.NfReset(skb)
	if n.udpLibChecksumComplete(skb) != 0 { // :2319
		n.Mib[core.MibUdpInCsumErrors]++
		n.Mib[core.MibUdpInErrors]++
		n.Drop("checksum")
		n.KfreeSkb(skb) // :2352
		return 0
	}
	n.Mib[core.MibUdpNoPorts]++
	n.icmpSend(skb, int(wire.ICMPDestUnreach), int(wire.ICMPPortUnreach), 0) // :2323
	n.Drop("no socket")
	n.KfreeSkb(skb) // :2329
	return 0
}

// udpRcv receives a datagram from IP. It consumes skb.
func (n *Net) udpRcv(skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // udp_rcv net/ipv4/udp.c:2482

	return n.udp4LibRcv__(skb, int(wire.ProtoUDP)) // :2482
}
