// How UDP sends (net/ipv4/udp.c).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Flags of sendmsg that only datagrams know.
const (
	msgProbe   = 0x10
	msgConfirm = 0x800
)

// udpMangled0 is what a checksum of zero is sent as, because zero says that
// there is none (CSUM_MANGLED_0).
const udpMangled0 = 0xffff

// udpFlushPendingFrames throws away what is being put together.
func (n *Net) udpFlushPendingFrames(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // udp_flush_pending_frames net/ipv4/udp.c:745

	up := udpSk(sk)
	if up.pending != 0 {
		up.len, up.pending = 0, 0
		n.ipFlushPendingFrames(sk) // :750
	}
}

// udp4Hwcsum leaves the checksum of skb to the device, or computes it if the
// datagram is going to leave in fragments.
func (n *Net) udp4Hwcsum(skb *core.SkBuff, src, dst wire.Addr) {
	kernel.Fentry3(&n.Kernel, skb, src, dst) // udp4_hwcsum net/ipv4/udp.c:764

	uh := skb.Udp()
	offset := skb.TransportHeader - skb.Data
	length := skb.Len - offset
	pseudo := wire.PseudoHeader(src, dst, wire.ProtoUDP, length)
	if skb.Head.FragList == nil {
		skb.CsumStart = skb.TransportHeader
		skb.CsumOffset = 6
		uh.SetChecksum(^wire.Fold(pseudo))
		return
	}
	csum, hlen := uint32(0), length
	for frags := skb.Head.FragList; frags != nil; frags = frags.Next {
		csum = wire.SumBlock(csum, frags.Csum, 0)
		hlen -= frags.Len
	}
	csum = n.SkbChecksum(skb, offset, hlen, csum) // :791
	skb.IpSummed = core.ChecksumNone
	uh.SetChecksum(udpChecksum(pseudo, csum))
}

// udpChecksum ends the sum of a datagram and its pseudo header.
func udpChecksum(pseudo, csum uint32) uint16 {
	if check := wire.Fold(wire.SumBlock(pseudo, csum, 0)); check != 0 {
		return check
	}
	return udpMangled0
}

// udpCsum adds up what the parts of a datagram have summed while they were
// copied, and its header (udp_csum).
func udpCsum(skb *core.SkBuff) uint32 {
	csum := wire.Sum(skb.Udp()[:wire.UDPLen], skb.Csum)
	for frag := skb.Head.FragList; frag != nil; frag = frag.Next {
		csum = wire.SumBlock(csum, frag.Csum, 0)
	}
	return csum
}

// udpSendSkb writes the header of a datagram and sends it. It consumes skb.
func (n *Net) udpSendSkb(skb *core.SkBuff, fl4 *Flowi4) int {
	kernel.Fentry1(&n.Kernel, skb) // udp_send_skb net/ipv4/udp.c:830

	sk := skb.Sk
	inet := InetSk(sk)
	length := skb.Len - (skb.TransportHeader - skb.Data)
	uh := skb.Udp()
	uh.SetSrcPort(inet.InetSport)
	uh.SetDstPort(fl4.Dport)
	uh.SetLength(uint16(length))
	uh.SetChecksum(0)
	switch {
	case sk.SkNoCheckTx:
		skb.IpSummed = core.ChecksumNone
	case skb.IpSummed == core.ChecksumPartial:
		n.udp4Hwcsum(skb, fl4.Saddr, fl4.Daddr) // :888
	default:
		pseudo := wire.PseudoHeader(fl4.Saddr, fl4.Daddr, sk.SkProtocol, length)
		uh.SetChecksum(udpChecksum(pseudo, udpCsum(skb)))
	}
	err := n.ipSendSkb(skb) // :901
	switch {
	case err == 0:
		n.Mib[core.MibUdpOutDatagrams]++
	case err == -core.ENOBUFS && !inet.Recverr:
		n.Mib[core.MibUdpSndbufErrors]++
		return 0
	}
	return err
}

// udpPushPendingFrames sends what has been put together as one datagram. The
// caller owns sk.
func (n *Net) udpPushPendingFrames(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // udp_push_pending_frames net/ipv4/udp.c:919

	up := udpSk(sk)
	err := 0
	fl4 := &up.Cork.Fl
	if skb := n.ipFinishSkb(sk, fl4); skb != nil { // :925
		err = n.udpSendSkb(skb, fl4) // :929
	}
	up.len, up.pending = 0, 0
	return err
}

// udpCmsgSend looks through ancillary messages: 1 if IP has to see them, a
// negative errno if one is not understood.
func (n *Net) udpCmsgSend(sk *core.Sock, msg *core.Msghdr) int {
	kernel.Fentry2(&n.Kernel, sk, msg) // udp_cmsg_send net/ipv4/udp.c:953

	needIp := 0
	for i := range msg.Control {
		if msg.Control[i].Level == core.SolUdp {
			return -core.EINVAL // menuos does not do UDP_SEGMENT.
		}
		needIp = 1
	}
	return needIp
}

// udpDest is where a datagram is to go: the address it was given or else the
// one that the socket is connected to.
func udpDest(sk *core.Sock, name core.Sockaddr) (daddr wire.Addr, dport uint16, connected bool, err int) {
	if name == nil {
		if sk.SkState != core.TcpEstablished {
			return 0, 0, false, -core.EDESTADDRREQ
		}
		return sk.SkDaddr, sk.SkDport, true, 0
	}
	if len(name) < sizeofSockaddrIn {
		return 0, 0, false, -core.EINVAL
	}
	if f := sinFamily(name); f != core.AfInet && f != core.AfUnspec {
		return 0, 0, false, -core.EAFNOSUPPORT
	}
	if sinPort(name) == 0 {
		return 0, 0, false, -core.EINVAL
	}
	return sinAddr(name), sinPort(name), false, 0
}

// udpSendmsg sends len bytes of msg as one datagram; with MSG_MORE or UDP_CORK
// it only begins one or adds to it. It returns how much it took.
func (n *Net) udpSendmsg(sk *core.Sock, msg *core.Msghdr, len int) int {
	kernel.Fentry3(&n.Kernel, sk, msg, len) // udp_sendmsg net/ipv4/udp.c:976

	inet, up := InetSk(sk), udpSk(sk)
	corkreq := up.corkflag || msg.Flags&core.MsgMore != 0
	if len > 0xffff {
		return -core.EMSGSIZE
	}
	if msg.Flags&core.MsgOob != 0 {
		return -core.EOPNOTSUPP
	}
	var (
		ipc       ipcmCookie
		rt        *Rtable
		flow      Flowi4
		daddr     wire.Addr
		faddr     wire.Addr
		dport     uint16
		connected bool
		saddr     wire.Addr
		tos       uint8
		skb       *core.SkBuff
		err       int
	)
	fl4 := &inet.Cork.Fl
	ulen := len
	if up.pending != 0 {
		n.LockSock(sk) // :1014
		if up.pending != 0 {
			goto doAppendData
		}
		n.ReleaseSock(sk) // :1022
	}
	ulen += wire.UDPLen
	if daddr, dport, connected, err = udpDest(sk, msg.Name); err < 0 {
		return err
	}
	ipcmInitSk(&ipc, inet)
	if msg.Control != nil {
		err = n.udpCmsgSend(sk, msg) // :1056
		if err > 0 {
			err = n.ipCmsgSend(sk, msg, &ipc, false) // :1058
		}
		if err < 0 {
			return err
		}
		connected = false
	}
	saddr = ipc.Addr
	ipc.Addr = daddr
	faddr = daddr
	if ipc.Opt == nil {
		ipc.Opt = inet.InetOpt
		if hop := sourceRouteDst(inet, daddr); hop != daddr {
			if daddr == 0 {
				return -core.EINVAL
			}
			faddr = hop
			connected = false
		}
	}
	tos = getRttos(&ipc, inet)
	if sk.SkFlags&(1<<core.SockLocalroute) != 0 || msg.Flags&core.MsgDontroute != 0 {
		tos |= RtoOnlink
		connected = false
	}
	if daddr.IsMulticast() {
		if ipc.Oif == 0 {
			ipc.Oif = inet.McIndex
		}
		if saddr == 0 {
			saddr = inet.McAddr
		}
		connected = false
	} else if ipc.Oif == 0 {
		ipc.Oif = inet.UcIndex
	}

	if connected {
		if dst := n.SkDstCheck(sk, 0); dst != nil { // :1139
			rt = RtableOf(dst) // and fl4 as connect left it
		}
	}
	if rt == nil {
		fl4 = &flow
		Flowi4InitOutput(fl4, ipc.Oif, sk.SkMark, tos, RtScopeUniverse, sk.SkProtocol, InetSkFlowiFlags(sk), faddr, saddr, dport, inet.InetSport)
		rt, err = n.IpRouteOutputFlow(fl4, sk) // :1154
		if err < 0 {
			rt = nil
			if err == -core.ENETUNREACH {
				n.Mib[core.MibIpOutNoRoutes]++
			}
			goto out
		}
		if rt.RtFlags&RtcfBroadcast != 0 && sk.SkFlags&(1<<core.SockBroadcast) == 0 {
			err = -core.EACCES
			goto out
		}
		if connected {
			core.DstHold(&rt.DstEntry)
			n.SkDstSet(sk, &rt.DstEntry) // :1168
		}
	}
	if msg.Flags&msgConfirm != 0 {
		if msg.Flags&msgProbe != 0 {
			core.DstConfirmNeigh(&rt.DstEntry, fl4.Daddr) // :1247
			if len == 0 {
				err = 0
				goto out
			}
		}
	}
	if ipc.Addr == 0 {
		daddr = fl4.Daddr
		ipc.Addr = daddr
	}
	if !corkreq {
		skb, err = n.ipMakeSkb(sk, fl4, n.udp.getfrag, msg, ulen, wire.UDPLen, &ipc, &rt, msg.Flags) // :1183
		if skb != nil {
			err = n.udpSendSkb(skb, fl4) // :1188
		}
		goto out
	}

	n.LockSock(sk) // :1192
	if up.pending != 0 {
		n.ReleaseSock(sk) // :1196
		err = -core.EINVAL
		goto out
	}
	saddr = fl4.Saddr
	fl4 = &inet.Cork.Fl
	fl4.Daddr, fl4.Saddr, fl4.Dport, fl4.Sport = daddr, saddr, dport, inet.InetSport
	up.pending = core.AfInet

doAppendData:
	up.len += ulen
	if corkreq {
		err = n.ipAppendData(sk, fl4, n.udp.getfrag, msg, ulen, wire.UDPLen, &ipc, &rt, msg.Flags|core.MsgMore) // :1214
	} else {
		err = n.ipAppendData(sk, fl4, n.udp.getfrag, msg, ulen, wire.UDPLen, &ipc, &rt, msg.Flags) // :1214
	}
	if err != 0 {
		n.udpFlushPendingFrames(sk) // :1218
	} else if !corkreq {
		err = n.udpPushPendingFrames(sk) // :1220
	} else if sk.SkWriteQueue.Qlen == 0 {
		up.pending = 0
	}
	n.ReleaseSock(sk) // :1223

out:
	n.IpRtPut(rt) // :1226
	if err == 0 {
		return len
	}
	if err == -core.ENOBUFS || sk.SkSocket != nil && sk.SkSocket.Flags&(1<<core.SockNospace) != 0 {
		n.Mib[core.MibUdpSndbufErrors]++
	}
	return err
}
