// How raw sockets send (net/ipv4/raw.c).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// rawFragVec is a message on its way into packets: the first bytes, which were
// looked at for the lookup, and the rest (struct raw_frag_vec).
type rawFragVec struct {
	msg  *core.Msghdr
	hdr  [2]byte
	hlen int
}

// rawSendHdrinc sends a packet whose IP header the program wrote. What it left
// open there is filled in: source, identification, length and checksum. rtp's
// reference goes with the packet.
func (n *Net) rawSendHdrinc(sk *core.Sock, fl4 *Flowi4, msg *core.Msghdr, length int, rtp **Rtable, flags int) int {
	kernel.Fentry4(&n.Kernel, sk, msg, length, flags) // raw_send_hdrinc net/ipv4/raw.c:352

	inet, rt := InetSk(sk), *rtp
	dev := rt.Dev
	if length > dev.Mtu {
		n.ipLocalError(sk, core.EMSGSIZE, fl4.Daddr, sk.SkDport, uint32(dev.Mtu)) // :362
		return -core.EMSGSIZE
	}
	if length < wire.IPv4MinLen {
		return -core.EINVAL
	}
	if flags&msgProbe != 0 {
		return 0
	}
	hlen := core.LlReservedSpace(dev)
	skb, err := n.SockAllocSendSkb(sk, length+hlen+15, flags&core.MsgDontwait != 0) // :374
	if skb != nil {
		skb.Reserve(hlen)
		skb.Priority = sk.SkPriority
		skb.Mark = sk.SkMark
		skb.Dst, skb.NoRefDst = &rt.DstEntry, false
		*rtp = nil
		skb.ResetNetworkHeader()
		iph := wire.IPv4(skb.Put(length))
		skb.IpSummed = core.ChecksumNone
		if flags&msgConfirm != 0 {
			skb.DstPendingConfirm = true
		}
		skb.TransportHeader = skb.NetworkHeader
		msg.Iter = msg.Iter[copy(iph, msg.Iter[:length]):]

		iphlen := iph.IHL()
		if iphlen > length {
			n.KfreeSkb(skb) // :443
			err = -core.EINVAL
		} else {
			if iphlen >= wire.IPv4MinLen {
				if iph.Src() == 0 {
					iph.SetSrc(fl4.Saddr)
				}
				iph.SetTotalLen(uint16(length))
				if iph.ID() == 0 {
					n.ipSelectIdent(skb, nil) // :422
				}
				iph.UpdateChecksum()
				skb.TransportHeader += iphlen
				if iph.Protocol() == wire.ProtoICMP && length >= iphlen+wire.ICMPv4Len {
					n.icmpOutCount(skb.Icmp().Type()) // :428
				}
			}
			err = n.NFHOOK(core.NfprotoIpv4, core.NfInetLocalOut, sk.SkNet, sk, skb, nil, dev, n.ok.dstOutput) // :432
			if err > 0 {
				err = core.NetXmitErrno(err)
			}
		}
	}
	if err != 0 {
		n.Mib[core.MibIpOutDiscards]++
		if err == -core.ENOBUFS && !inet.Recverr {
			err = 0
		}
	}
	return err
}

// rawProbeProtoOpt reads the type and code of an ICMP message ahead, as a
// policy may route by them. menuos has no policy that routes by the type of an
// ICMP message, but the bytes are read.
func (n *Net) rawProbeProtoOpt(rfv *rawFragVec, fl4 *Flowi4) int {
	kernel.Fentry0(&n.Kernel) // raw_probe_proto_opt net/ipv4/raw.c:455

	if fl4.Proto != wire.ProtoICMP {
		return 0
	}
	if len(rfv.msg.Iter) < len(rfv.hdr) {
		return -core.EFAULT
	}
	rfv.hlen = copy(rfv.hdr[:], rfv.msg.Iter)
	rfv.msg.Iter = rfv.msg.Iter[rfv.hlen:]
	return 0
}

// rawGetfrag copies the next len bytes of a message, first what was read ahead.
func (n *Net) rawGetfrag(from any, to []byte, offset, len, odd int, skb *core.SkBuff) int {
	kernel.Fentry4(&n.Kernel, offset, len, odd, skb) // raw_getfrag net/ipv4/raw.c:473

	rfv := from.(*rawFragVec)
	if offset < rfv.hlen {
		head := rfv.hdr[offset:min(rfv.hlen, offset+len)]
		took := copy(to, head)
		if skb.IpSummed != core.ChecksumPartial {
			skb.Csum = wire.SumBlock(skb.Csum, wire.Sum(head, 0), odd)
		}
		odd = 0
		offset += took
		to = to[took:]
		if len -= took; len == 0 {
			return 0
		}
	}
	return n.ipGenericGetfrag(rfv.msg, to, offset-rfv.hlen, len, odd, skb) // :499
}

// rawDest is where a packet is to go: the address it was given or else the one
// that the socket is connected to.
func rawDest(sk *core.Sock, name core.Sockaddr) (wire.Addr, int) {
	if len(name) == 0 {
		if sk.SkState != core.TcpEstablished {
			return 0, -core.EDESTADDRREQ
		}
		return sk.SkDaddr, 0
	}
	if len(name) < sizeofSockaddrIn {
		return 0, -core.EINVAL
	}
	if f := sinFamily(name); f != core.AfInet && f != core.AfUnspec {
		return 0, -core.EAFNOSUPPORT
	}
	return sinAddr(name), 0
}

// rawSendmsg sends len bytes of msg as the payload of an IP packet, or as all
// of it with IP_HDRINCL. It returns how much it took.
func (n *Net) rawSendmsg(sk *core.Sock, msg *core.Msghdr, len int) int {
	kernel.Fentry3(&n.Kernel, sk, msg, len) // raw_sendmsg net/ipv4/raw.c:503

	inet := InetSk(sk)
	hdrincl := inet.Hdrincl
	if len > 0xffff {
		return -core.EMSGSIZE
	}
	if msg.Flags&core.MsgOob != 0 {
		return -core.EOPNOTSUPP
	}
	daddr, err := rawDest(sk, msg.Name)
	if err < 0 {
		return err
	}
	var ipc ipcmCookie
	ipcmInitSk(&ipc, inet)
	if msg.Control != nil {
		if err = n.ipCmsgSend(sk, msg, &ipc, false); err != 0 { // :567
			return err
		}
	}
	saddr := ipc.Addr
	ipc.Addr = daddr
	faddr := daddr
	if ipc.Opt == nil {
		ipc.Opt = inet.InetOpt
		faddr = sourceRouteDst(inet, daddr)
	}
	if ipc.Opt != nil && (hdrincl || faddr != daddr && daddr == 0) {
		return -core.EINVAL // a header of the program's own has its options already
	}
	daddr = faddr
	tos := getRtconnFlags(&ipc, sk)
	if msg.Flags&core.MsgDontroute != 0 {
		tos |= RtoOnlink
	}
	if daddr.IsMulticast() {
		if ipc.Oif == 0 {
			ipc.Oif = inet.McIndex
		}
		if saddr == 0 {
			saddr = inet.McAddr
		}
	} else if ipc.Oif == 0 {
		ipc.Oif = inet.UcIndex
	}
	proto, flowFlags := sk.SkProtocol, InetSkFlowiFlags(sk)
	if hdrincl {
		proto = wire.ProtoRaw
		flowFlags |= FlowiFlagKnownNh
	}
	var fl4 Flowi4
	Flowi4InitOutput(&fl4, ipc.Oif, sk.SkMark, tos, RtScopeUniverse, proto, flowFlags, daddr, saddr, 0, 0)
	rfv := rawFragVec{msg: msg}
	if !hdrincl {
		if err = n.rawProbeProtoOpt(&rfv, &fl4); err != 0 { // :641
			return err
		}
	}

	rt, err := n.IpRouteOutputFlow(&fl4, sk) // :647
	if err != 0 {
		return err
	}
	confirmed := false
	if msg.Flags&(msgConfirm|msgProbe) == msgConfirm|msgProbe {
		core.DstConfirmNeigh(&rt.DstEntry, fl4.Daddr) // :694
		confirmed = len == 0
	}
	switch {
	case rt.RtFlags&RtcfBroadcast != 0 && sk.SkFlags&(1<<core.SockBroadcast) == 0:
		err = -core.EACCES
	case confirmed:
	case hdrincl:
		err = n.rawSendHdrinc(sk, &fl4, msg, len, &rt, msg.Flags) // :663
	default:
		if ipc.Addr == 0 {
			ipc.Addr = fl4.Daddr
		}
		n.LockSock(sk) // :669
		// The copy on the stack would move to the heap, and only one of those
		// who send builds a packet at a time.
		rs := rawSk(sk)
		rs.rfv = rfv
		err = n.ipAppendData(sk, &fl4, n.raw.getfrag, &rs.rfv, len, 0, &ipc, &rt, msg.Flags) // :670
		rs.rfv.msg = nil
		if err != 0 {
			n.ipFlushPendingFrames(sk) // :674
		} else if msg.Flags&core.MsgMore == 0 {
			err = n.ipPushPendingFrames(sk, &fl4) // :676
			if err == -core.ENOBUFS && !inet.Recverr {
				err = 0
			}
		}
		n.ReleaseSock(sk) // :680
	}
	n.IpRtPut(rt) // :685
	if err < 0 {
		return err
	}
	return len
}
