// Ancillary messages and the error queue of IP (net/ipv4/ip_sockglue.c).
// ip_sockglue_opt.go has the options. Left out: router alerts, security labels,
// checksums and retransmitted options as messages.

package ipv4

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Where an entry of the error queue comes from (SO_EE_ORIGIN_*).
const (
	soEeOriginLocal = 1
	soEeOriginIcmp  = 2
)

// sockExtendedErr is an entry of the error queue (struct sock_extended_err, with
// the port and the place of the address). It lies in the packet's control
// buffer.
type sockExtendedErr struct {
	errno, info       uint32
	origin, typ, code uint8
	port, addrOffset  uint16
}

func setExtErr(skb *core.SkBuff, ee sockExtendedErr) {
	skb.Cb = core.TcpSkbCb{Seq: ee.errno, EndSeq: ee.info, TcpFlags: ee.origin, Sacked: ee.typ, IpDsfield: ee.code,
		TcpGsoSegs: ee.port, TcpGsoSize: ee.addrOffset}
}

func extErr(skb *core.SkBuff) sockExtendedErr {
	cb := &skb.Cb
	return sockExtendedErr{errno: cb.Seq, info: cb.EndSeq, origin: cb.TcpFlags, typ: cb.Sacked, code: cb.IpDsfield,
		port: cb.TcpGsoSegs, addrOffset: cb.TcpGsoSize}
}

// Bytes is the entry as a program sees it, with the address of the offender.
func (ee *sockExtendedErr) bytes(offender wire.Addr, haveOffender bool) []byte {
	b := make([]byte, 16+sizeofSockaddrIn)
	binary.LittleEndian.PutUint32(b[0:], ee.errno)
	b[4], b[5], b[6] = ee.origin, ee.typ, ee.code
	binary.LittleEndian.PutUint32(b[8:], ee.info)
	if haveOffender {
		putSockaddrIn(b[16:16], offender, 0)
	}
	return b
}

// putCmsg adds an ancillary message (put_cmsg).
func putCmsg(msg *core.Msghdr, level, typ int, data []byte) {
	msg.Control = append(msg.Control, core.Cmsg{Level: level, Type: typ, Data: data})
}

func leInt(v int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }

// pktinfo is what the IP_PKTINFO message says; ipv4PktinfoPrepare left it in the
// packet's control buffer.
func pktinfo(skb *core.SkBuff) []byte {
	b := leInt(skb.Ipcb.Iif)
	b = binary.BigEndian.AppendUint32(b, skb.Cb.TcpTwIsn)
	return binary.BigEndian.AppendUint32(b, uint32(skb.Ip().Dst()))
}

// ipv4PktinfoPrepare notes in a packet that is about to be queued what
// IP_PKTINFO will say, and lets its route go.
func (n *Net) ipv4PktinfoPrepare(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // ipv4_pktinfo_prepare net/ipv4/ip_sockglue.c:1208

	if InetSk(sk).CmsgFlags&IpCmsgPktinfo != 0 && skb.Dst != nil {
		if skb.Ipcb.Iif == loopbackIfindex {
			skb.Ipcb.Iif = InetIif(skb)
		}
		skb.Cb.TcpTwIsn = uint32(n.fibComputeSpecDst(skb)) // :1230
	} else {
		skb.Ipcb.Iif = 0
		skb.Cb.TcpTwIsn = 0
	}
	n.SkbDstDrop(skb) // :1235
}

// ipCmsgRecvOffset adds the ancillary messages that a socket asked for.
func (n *Net) ipCmsgRecvOffset(msg *core.Msghdr, sk *core.Sock, skb *core.SkBuff, tlen, offset int) {
	kernel.Fentry5(&n.Kernel, msg, sk, skb, tlen, offset) // ip_cmsg_recv_offset net/ipv4/ip_sockglue.c:174

	flags := InetSk(sk).CmsgFlags
	iph := skb.Ip()
	if flags&IpCmsgPktinfo != 0 {
		putCmsg(msg, core.SolIp, core.IpPktinfo, pktinfo(skb))
	}
	if flags&IpCmsgTtl != 0 {
		putCmsg(msg, core.SolIp, core.IpTtl, leInt(int(iph.TTL())))
	}
	if flags&IpCmsgTos != 0 {
		putCmsg(msg, core.SolIp, core.IpTos, []byte{iph.TOS()})
	}
	if flags&IpCmsgRecvopts != 0 && skb.Ipcb.Optlen != 0 {
		putCmsg(msg, core.SolIp, core.IpRecvopts, append([]byte(nil), iph.Options()...))
	}
	if flags&IpCmsgOrigdstaddr != 0 {
		const ipOrigdstaddr = 20
		putCmsg(msg, core.SolIp, ipOrigdstaddr, putSockaddrIn(nil, iph.Dst(), skb.Udp().DstPort()))
	}
	if flags&IpCmsgRecvfragsize != 0 && skb.Ipcb.FragMaxSize != 0 {
		const ipRecvfragsize = 25
		putCmsg(msg, core.SolIp, ipRecvfragsize, leInt(int(skb.Ipcb.FragMaxSize)))
	}
}

// ipCmsgSend reads the ancillary messages of a sendmsg. EINVAL if one makes no
// sense.
func (n *Net) ipCmsgSend(sk *core.Sock, msg *core.Msghdr, ipc *IpcmCookie, allowIpv6 bool) int {
	kernel.Fentry2(&n.Kernel, sk, msg) // ip_cmsg_send net/ipv4/ip_sockglue.c:247

	for i := range msg.Control {
		cmsg := &msg.Control[i]
		if cmsg.Level != core.SolIp {
			continue
		}
		switch cmsg.Type {
		case ipRetopts:
			opt, err := n.ipOptionsGet(cmsg.Data[:min(len(cmsg.Data), 40)]) // :283
			if err != 0 {
				return err
			}
			ipc.Opt = opt
		case core.IpPktinfo:
			if len(cmsg.Data) != 12 {
				return -core.EINVAL
			}
			if ifindex := int(int32(binary.LittleEndian.Uint32(cmsg.Data))); ifindex != 0 {
				ipc.Oif = ifindex
			}
			ipc.Addr = wire.Addr(binary.BigEndian.Uint32(cmsg.Data[4:]))
		case core.IpTtl:
			if len(cmsg.Data) != 4 {
				return -core.EINVAL
			}
			val := int32(binary.LittleEndian.Uint32(cmsg.Data))
			if val < 1 || val > 255 {
				return -core.EINVAL
			}
			ipc.Ttl = uint8(val)
		case core.IpTos:
			var val int32
			switch len(cmsg.Data) {
			case 4:
				val = int32(binary.LittleEndian.Uint32(cmsg.Data))
			case 1:
				val = int32(cmsg.Data[0])
			default:
				return -core.EINVAL
			}
			if val < 0 || val > 255 {
				return -core.EINVAL
			}
			ipc.Tos = int16(val)
			ipc.Priority = rtTos2priority(uint8(val))
		default:
			return -core.EINVAL
		}
	}
	return 0
}

const ipRetopts = 7 // IP_RETOPTS

// ipIcmpError queues an ICMP error for the program. skb is the ICMP message; port
// is where the packet that it answers went, payload where that packet's data
// begin in the buffer.
func (n *Net) ipIcmpError(sk *core.Sock, skb *core.SkBuff, err int, port uint16, info uint32, payload int) {
	kernel.Fentry5(&n.Kernel, sk, skb, err, port, info) // ip_icmp_error net/ipv4/ip_sockglue.c:395

	skb = n.SkbClone(skb) // :395
	if skb == nil {
		return
	}
	icmph := skb.Icmp()
	setExtErr(skb, sockExtendedErr{errno: uint32(err), origin: soEeOriginIcmp, typ: icmph.Type(), code: icmph.Code(),
		info: info, port: port, addrOffset: uint16(skb.TransportHeader + wire.ICMPv4Len + 16 - skb.NetworkHeader)})
	if payload >= skb.Data && payload-skb.Data <= skb.Len {
		skb.Pull(payload - skb.Data)
		skb.ResetTransportHeader()
		if n.SockQueueErrSkb(sk, skb) == 0 { // :413
			return
		}
	}
	n.KfreeSkb(skb) // :416
}

// ipLocalError queues an error of our own, such as a packet that is too large,
// for a program that asked for that.
func (n *Net) ipLocalError(sk *core.Sock, err int, daddr wire.Addr, port uint16, info uint32) {
	kernel.Fentry5(&n.Kernel, sk, err, daddr, port, info) // ip_local_error net/ipv4/ip_sockglue.c:421

	if !InetSk(sk).Recverr {
		return
	}
	skb := n.AllocSkb(wire.IPv4MinLen) // :429
	clear(skb.Put(wire.IPv4MinLen))
	skb.ResetNetworkHeader()
	skb.Ip().SetDst(daddr)
	setExtErr(skb, sockExtendedErr{errno: uint32(err), origin: soEeOriginLocal, info: info, port: port, addrOffset: 16})
	skb.Pull(skb.Tail - skb.Data)
	skb.ResetTransportHeader()
	if n.SockQueueErrSkb(sk, skb) != 0 { // :452
		n.KfreeSkb(skb) // :453
	}
}

// isIcmpErrSkb reports whether an entry of the error queue came by ICMP
// (is_icmp_err_skb).
func isIcmpErrSkb(skb *core.SkBuff) bool { return skb != nil && extErr(skb).origin == soEeOriginIcmp }

// sockDequeueErrSkb takes the first entry off the error queue; the next one
// becomes the socket's error.
func (n *Net) sockDequeueErrSkb(sk *core.Sock) *core.SkBuff {
	kernel.Fentry1(&n.Kernel, sk) // sock_dequeue_err_skb net/core/skbuff.c:4248

	skb := sk.SkErrorQueue.Dequeue()
	if skb == nil {
		return nil
	}
	next := sk.SkErrorQueue.Peek()
	if isIcmpErrSkb(next) {
		sk.SkErr = int(extErr(next).origin)
	} else if isIcmpErrSkb(skb) {
		sk.SkErr = 0
	}
	if next != nil {
		sk.SkErrorReport(sk) // :4266
	}
	return skb
}

// ipRecvError takes an entry off the error queue (MSG_ERRQUEUE): the data of the
// packet concerned, where it went, and an IP_RECVERR message. EAGAIN if there is
// none.
func (n *Net) ipRecvError(sk *core.Sock, msg *core.Msghdr, length int, addrLen *int) int {
	kernel.Fentry3(&n.Kernel, sk, msg, length) // ip_recv_error net/ipv4/ip_sockglue.c:501

	skb := n.sockDequeueErrSkb(sk) // :511
	if skb == nil {
		return -core.EAGAIN
	}
	copied := skb.Len
	if copied > length {
		msg.Flags |= core.MsgTrunc
		copied = length
	}
	if err := n.SkbCopyDatagramMsg(skb, 0, msg, copied); err != 0 { // :520
		n.KfreeSkb(skb) // :522
		return err
	}
	ee := extErr(skb)
	b := skb.Head.B[skb.NetworkHeader:]
	if msg.Name != nil {
		addr := wire.Addr(binary.BigEndian.Uint32(b[ee.addrOffset:]))
		msg.Name = putSockaddrIn(msg.Name, addr, ee.port)
		*addrLen = sizeofSockaddrIn
	}
	icmp := ee.origin == soEeOriginIcmp
	var offender wire.Addr
	if icmp {
		offender = skb.Ip().Src()
		if InetSk(sk).CmsgFlags != 0 {
			n.ipCmsgRecvOffset(msg, sk, skb, 0, 0) // include/net/ip.h:710
		}
	}
	putCmsg(msg, core.SolIp, core.IpRecverr, ee.bytes(offender, icmp))
	msg.Flags |= core.MsgErrqueue
	n.ConsumeSkb(skb) // :556
	return copied
}

// InetRecvError is ip_recv_error for TCP (inet_recv_error).
func (n *Net) InetRecvError(sk *core.Sock, msg *core.Msghdr, length int, addrLen *int) int {
	kernel.Fentry3(&n.Kernel, sk, msg, length) // inet_recv_error net/ipv4/af_inet.c:1555

	return n.ipRecvError(sk, msg, length, addrLen) // :1556
}
