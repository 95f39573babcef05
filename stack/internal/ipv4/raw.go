// Raw sockets: the table of sockets, what they receive, and the errors that
// they hear of (net/ipv4/raw.c). raw_output.go sends, raw_opt.go has options.
//
// Left out: multicast routing, L3 master devices, and the router alert
// (IP_ROUTER_ALERT).

package ipv4

import (
	"unsafe"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const (
	rawHtableSize = 256 // RAW_HTABLE_SIZE
	rawHtableMask = rawHtableSize - 1
)

// rawState is what raw sockets keep of a machine.
type rawState struct {
	prot    core.Proto // raw_prot
	ht      [rawHtableSize]rawHead
	getfrag GetfragFunc // bound once: a method value allocates
}

// rawHead is a slot of the table, by protocol.
type rawHead struct{ first *core.SockCommon }

// rawSock is a raw socket (struct raw_sock).
type rawSock struct {
	InetSock

	filter uint32 // icmp_filter: a bit for each type that is not wanted
	rfv    rawFragVec
}

// rawSk is the raw socket that sk is part of (raw_sk).
func rawSk(sk *core.Sock) *rawSock { return (*rawSock)(unsafe.Pointer(sk)) }

// initRaw readies raw_prot and registers it with the socket layer.
func (n *Net) initRaw() {
	n.raw.getfrag = n.rawGetfrag
	n.raw.prot = core.Proto{
		Name:       "RAW",
		Close:      n.rawClose,
		Destroy:    n.rawDestroy,
		Connect:    n.ip4DatagramConnect,
		Disconnect: n.udpDisconnect__,
		Ioctl:      n.rawIoctl,
		Init:       n.rawSkInit,
		Setsockopt: n.rawSetsockopt,
		Getsockopt: n.rawGetsockopt,
		Sendmsg:    n.rawSendmsg,
		Recvmsg:    n.rawRecvmsg,
		Bind:       n.rawBind,
		BacklogRcv: n.rawRcvSkb,
		ReleaseCb:  n.ip4DatagramReleaseCb,
		Hash:       n.rawHashSk,
		Unhash:     n.rawUnhashSk,
		NewSock:    func() *core.Sock { return &new(rawSock).Sock },
	}
	n.InetRegisterProtosw(&Protosw{
		Type:  core.SockRaw, // of any protocol
		Prot:  &n.raw.prot,
		Ops:   n.InetSockrawOps,
		Flags: InetProtoswReuse,
	})
}

// rawHashSk enters sk into the table under its protocol.
func (n *Net) rawHashSk(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // raw_hash_sk net/ipv4/raw.c:99

	head := &n.raw.ht[sk.SkNum&rawHtableMask]
	n.LocalBhDisable()
	n.SockHold(sk)
	sk.HashPrev, sk.HashNext = nil, head.first
	if head.first != nil {
		head.first.HashPrev = &sk.SockCommon
	}
	head.first = &sk.SockCommon
	sk.Hashed = true
	sk.SkProt.Inuse++
	n.WriteUnlockBh() // :107
	return 0
}

// rawUnhashSk takes sk off the table.
func (n *Net) rawUnhashSk(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // raw_unhash_sk net/ipv4/raw.c:115

	n.LocalBhDisable()
	if sk.Hashed {
		if sk.HashPrev != nil {
			sk.HashPrev.HashNext = sk.HashNext
		} else {
			n.raw.ht[sk.SkNum&rawHtableMask].first = sk.HashNext
		}
		if sk.HashNext != nil {
			sk.HashNext.HashPrev = sk.HashPrev
		}
		sk.HashNext, sk.HashPrev, sk.Hashed = nil, nil, false
		core.SockPut__(sk)
		sk.SkProt.Inuse--
	}
	n.WriteUnlockBh() // :120
}

// rawV4Lookup__ finds the first socket, from sk on, that takes packets of
// protocol num from raddr to laddr.
func (n *Net) rawV4Lookup__(sk *core.SockCommon, num uint16, raddr, laddr wire.Addr, dif int) *core.Sock {
	kernel.Fentry4(&n.Kernel, sk, num, raddr, laddr) // __raw_v4_lookup net/ipv4/raw.c:128

	for ; sk != nil; sk = sk.HashNext {
		if sk.SkNum == num &&
			(sk.SkDaddr == 0 || sk.SkDaddr == raddr) &&
			(sk.SkRcvSaddr == 0 || sk.SkRcvSaddr == laddr) &&
			(sk.SkBoundDevIf == 0 || int(sk.SkBoundDevIf) == dif) {
			return sk.Full
		}
	}
	return nil
}

// icmpFilter reports whether sk's ICMP_FILTER keeps skb out.
func (n *Net) icmpFilter(sk *core.Sock, skb *core.SkBuff) bool {
	kernel.Fentry2(&n.Kernel, sk, skb) // icmp_filter net/ipv4/raw.c:152

	off := skb.TransportOffset()
	if off < 0 || off+wire.ICMPv4Len > skb.Len || !n.PskbMayPull(skb, off+wire.ICMPv4Len) { // :152
		return true
	}
	typ := skb.Icmp().Type()
	return typ < 32 && rawSk(sk).filter>>typ&1 != 0
}

// rawV4Input gives a clone of skb to each raw socket that wants it and reports
// whether there was one.
func (n *Net) rawV4Input(skb *core.SkBuff, iph wire.IPv4, hash int) bool {
	kernel.Fentry2(&n.Kernel, skb, hash) // raw_v4_input net/ipv4/raw.c:181

	protocol, saddr, daddr, dif := uint16(iph.Protocol()), iph.Src(), iph.Dst(), skb.Dev.Ifindex
	delivered := false
	sk := n.rawV4Lookup__(n.raw.ht[hash].first, protocol, saddr, daddr, dif) // :187
	for sk != nil {
		delivered = true
		wanted := protocol != uint16(wire.ProtoICMP) || !n.icmpFilter(sk, skb) // :193
		wanted = wanted && n.ipMcSfAllow(sk, daddr, saddr, dif, 0)             // :194
		if wanted {
			clone := n.SkbClone(skb) // :196
			n.rawRcv(sk, clone)      // :200
		}
		sk = n.rawV4Lookup__(sk.HashNext, protocol, saddr, daddr, dif) // :202
	}
	return delivered
}

// rawLocalDeliver gives skb to the raw sockets of its protocol. skb stays the
// caller's.
func (n *Net) rawLocalDeliver(skb *core.SkBuff, protocol int) bool {
	kernel.Fentry2(&n.Kernel, skb, protocol) // raw_local_deliver net/ipv4/raw.c:212

	hash := protocol & rawHtableMask
	if n.raw.ht[hash].first == nil {
		return false
	}
	return n.rawV4Input(skb, skb.Ip(), hash) // :222
}

// rawErr tells sk of an ICMP error about a packet of its protocol: if it is
// connected and the error is a hard one, or if it asked for all (IP_RECVERR).
func (n *Net) rawErr(sk *core.Sock, skb *core.SkBuff, info uint32) {
	kernel.Fentry3(&n.Kernel, sk, skb, info) // raw_err net/ipv4/raw.c:231

	inet := InetSk(sk)
	typ, code := skb.Icmp().Type(), skb.Icmp().Code()
	if typ == wire.ICMPDestUnreach && code == wire.ICMPFragNeeded {
		n.Ipv4SkUpdatePmtu(skb, sk, info) // :238
	} else if typ == wire.ICMPRedirect {
		n.Ipv4SkRedirect(skb, sk) // :240
		return
	}
	if !inet.Recverr && sk.SkState != core.TcpEstablished {
		return
	}
	err, harderr := core.EHOSTUNREACH, false
	switch typ {
	case wire.ICMPSourceQuench:
		return
	case wire.ICMPParameterProb:
		err, harderr = core.EPROTO, true
	case wire.ICMPDestUnreach:
		if code > NrIcmpUnreach {
			break
		}
		err, harderr = IcmpErrConvert[code].Errno, IcmpErrConvert[code].Fatal
		if code == wire.ICMPFragNeeded {
			err, harderr = core.EMSGSIZE, inet.Pmtudisc != core.IpPmtudiscDont
		}
	}
	if inet.Recverr {
		payload := skb.Data
		if !inet.Hdrincl {
			payload += wire.IPv4(skb.Bytes()).IHL()
		}
		n.ipIcmpError(sk, skb, err, 0, info, payload) // :281
	}
	if inet.Recverr || harderr {
		sk.SkErr = err
		sk.SkErrorReport(sk) // :286
	}
}

// rawIcmpError tells every raw socket that an ICMP error is about.
func (n *Net) rawIcmpError(skb *core.SkBuff, protocol int, info uint32) {
	kernel.Fentry3(&n.Kernel, skb, protocol, info) // raw_icmp_error net/ipv4/raw.c:297

	first := n.raw.ht[protocol&rawHtableMask].first
	if first == nil {
		return
	}
	iph, dif := wire.IPv4(skb.Bytes()), skb.Dev.Ifindex
	rawSk := n.rawV4Lookup__(first, uint16(protocol), iph.Dst(), iph.Src(), dif) // :308
	for rawSk != nil {
		n.rawErr(rawSk, skb, info) // :311
		iph = wire.IPv4(skb.Bytes())
		rawSk = n.rawV4Lookup__(rawSk.HashNext, uint16(protocol), iph.Dst(), iph.Src(), dif) // :308
	}
}

// rawRcvSkb queues skb on sk. It consumes skb.
func (n *Net) rawRcvSkb(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // raw_rcv_skb net/ipv4/raw.c:323

	n.ipv4PktinfoPrepare(sk, skb)       // :323
	if n.SockQueueRcvSkb(sk, skb) < 0 { // :324
		n.Drop("receive queue full")
		n.KfreeSkb(skb) // :325
		return core.NetRxDrop
	}
	return core.NetRxSuccess
}

// rawRcv gives sk a packet with its IP header. It consumes skb.
func (n *Net) rawRcv(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // raw_rcv net/ipv4/raw.c:339

	core.NfReset(skb)
	skb.Push(skb.Data - skb.NetworkHeader)
	n.rawRcvSkb(sk, skb) // :343
	return 0
}

// rawRecvmsg reads a packet, IP header and all.
func (n *Net) rawRecvmsg(sk *core.Sock, msg *core.Msghdr, len int, noblock bool, flags int, addrLen *int) int {
	kernel.Fentry5(&n.Kernel, sk, msg, len, noblock, flags) // raw_recvmsg net/ipv4/raw.c:756

	if flags&core.MsgOob != 0 {
		return -core.EOPNOTSUPP
	}
	if flags&core.MsgErrqueue != 0 {
		return n.ipRecvError(sk, msg, len, addrLen) // :767
	}
	skb, err := n.SkbRecvDatagram(sk, flags, noblock) // :771
	if skb == nil {
		return err
	}
	copied := skb.Len
	if len < copied {
		msg.Flags |= core.MsgTrunc
		copied = len
	}
	err = n.SkbCopyDatagramMsg(skb, 0, msg, copied) // :781
	if err == 0 {
		if msg.Name != nil {
			msg.Name = putSockaddrIn(msg.Name, skb.Ip().Src(), 0)
			*addrLen = sizeofSockaddrIn
		}
		if InetSk(sk).CmsgFlags != 0 {
			n.IpCmsgRecv(msg, skb) // :796
		}
		if flags&core.MsgTrunc != 0 {
			copied = skb.Len
		}
	}
	n.SkbFreeDatagram(sk, skb) // :800
	if err != 0 {
		return err
	}
	return copied
}
