// Segments that TCP sends without a connection's help (net/ipv4/tcp_ipv4.c):
// RSTs, the ACKs of half-open connections and remnants, SYN-ACKs.

package tcp

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const (
	tcpCheckOffset = 16 // of the checksum in the TCP header
	tsAlignedWord  = uint32(wire.OptNOP)<<24 | uint32(wire.OptNOP)<<16 | uint32(wire.OptTimestamp)<<8 | wire.OptLenTimestamp
)

// tcpReply is room for the header of an answer (rep of tcp_v4_send_ack). It
// belongs to the machine, so that an answer allocates nothing.
type tcpReply struct {
	b   [wire.TCPMinLen + tcpolenTstampAligned]byte
	arg ipv4.IpReplyArg
}

// tcpV4SendCheck__ sums the pseudo header and leaves the rest to the device.
func (n *Net) tcpV4SendCheck__(skb *core.SkBuff, saddr, daddr wire.Addr) {
	kernel.Fentry3(&n.Kernel, skb, saddr, daddr) // __tcp_v4_send_check net/ipv4/tcp_ipv4.c:624

	skb.Tcp().SetChecksum(^wire.Fold(wire.PseudoHeader(saddr, daddr, wire.ProtoTCP, skb.Len)))
	skb.CsumStart = skb.TransportHeader
	skb.CsumOffset = tcpCheckOffset
}

// tcpV4SendCheck does that for a connection's segment.
func (n *Net) tcpV4SendCheck(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_v4_send_check net/ipv4/tcp_ipv4.c:634

	n.tcpV4SendCheck__(skb, ipv4.InetSk(sk).InetSaddr, sk.SkDaddr) // :636
}

// skMarkOf is the mark of what answers for sk; 0 without one.
func skMarkOf(sk *core.SockCommon) uint32 {
	switch {
	case sk == nil || sk.SkState == core.TcpNewSynRecv:
		return 0
	case sk.SkState == core.TcpTimeWait:
		return inetTwsk(sk).TwMark
	}
	return sk.Full.SkMark
}

// tcpV4SendReset answers a segment with a RST made from it alone. sk is what it
// was for, nil if there is none.
func (n *Net) tcpV4SendReset(sk *core.SockCommon, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_v4_send_reset net/ipv4/tcp_ipv4.c:654

	th := skb.Tcp()
	flags := th.Flags()
	if flags&wire.RST != 0 {
		return
	}
	if sk == nil && ipv4.SkbRtable(skb).RtType != ipv4.RtnLocal {
		return
	}
	rep := &n.rep
	rep.b = [len(rep.b)]byte{}
	rth := wire.TCP(rep.b[:wire.TCPMinLen])
	rth.SetDstPort(th.SrcPort())
	rth.SetSrcPort(th.DstPort())
	if flags&wire.ACK != 0 {
		rth.SetDataOffFlags(wire.TCPMinLen, wire.RST)
		rth.SetSeq(th.Ack())
	} else {
		rth.SetDataOffFlags(wire.TCPMinLen, wire.RST|wire.ACK)
		ack := th.Seq() + uint32(skb.Len-th.DataOff())
		if flags&wire.SYN != 0 {
			ack++
		}
		if flags&wire.FIN != 0 {
			ack++
		}
		rth.SetAck(ack)
	}

	iph := skb.Ip()
	rep.arg = ipv4.IpReplyArg{
		Iov:        rth,
		Csum:       wire.PseudoHeader(iph.Dst(), iph.Src(), wire.ProtoTCP, len(rth)),
		Csumoffset: tcpCheckOffset / 2,
		Tos:        iph.TOS(),
	}
	if sk != nil {
		if inetSkTransparent(sk) {
			rep.arg.Flags = ipv4.IpReplyArgNosrccheck
		}
		rep.arg.BoundDevIf = int(sk.SkBoundDevIf)
		if sk.Full != nil && n.Trace != nil {
			n.TraceTcpSendReset(sk.Full, skb)
		}
	}
	n.LocalBhDisable()
	n.ctlSk.SkMark = skMarkOf(sk)
	n.IpSendUnicastReply(n.ctlSk, skb, &skb.Ipcb, iph.Src(), iph.Dst(), &rep.arg, len(rth)) // :778
	n.ctlSk.SkMark = 0
	n.Mib[core.MibTcpOutSegs]++
	n.Mib[core.MibTcpOutRsts]++
	n.LocalBhEnable() // :786
}

// tcpV4SendAck answers a segment with an ACK made from the arguments.
func (n *Net) tcpV4SendAck(sk *core.SockCommon, skb *core.SkBuff, seq, ack, win, tsval, tsecr uint32, oif int, replyFlags int, tos uint8) {
	kernel.Fentry5(&n.Kernel, sk, skb, seq, ack, win) // tcp_v4_send_ack net/ipv4/tcp_ipv4.c:803

	th := skb.Tcp()
	rep := &n.rep
	rep.b = [len(rep.b)]byte{}
	length := wire.TCPMinLen
	if tsecr != 0 {
		binary.BigEndian.PutUint32(rep.b[20:], tsAlignedWord)
		binary.BigEndian.PutUint32(rep.b[24:], tsval)
		binary.BigEndian.PutUint32(rep.b[28:], tsecr)
		length += tcpolenTstampAligned
	}
	rth := wire.TCP(rep.b[:length])
	rth.SetDstPort(th.SrcPort())
	rth.SetSrcPort(th.DstPort())
	rth.SetDataOffFlags(length, wire.ACK)
	rth.SetSeq(seq)
	rth.SetAck(ack)
	rth.SetWindow(uint16(win))

	iph := skb.Ip()
	rep.arg = ipv4.IpReplyArg{
		Iov:        rth,
		Flags:      replyFlags,
		Csum:       wire.PseudoHeader(iph.Dst(), iph.Src(), wire.ProtoTCP, length),
		Csumoffset: tcpCheckOffset / 2,
		BoundDevIf: oif,
		Tos:        tos,
	}
	n.LocalBhDisable()
	n.ctlSk.SkMark = skMarkOf(sk)
	n.IpSendUnicastReply(n.ctlSk, skb, &skb.Ipcb, iph.Src(), iph.Dst(), &rep.arg, length) // :870
	n.ctlSk.SkMark = 0
	n.Mib[core.MibTcpOutSegs]++
	n.LocalBhEnable() // :877
}

// tcpV4TimewaitAck answers for a remnant and drops the caller's reference to it.
func (n *Net) tcpV4TimewaitAck(sk *core.SockCommon, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_v4_timewait_ack net/ipv4/tcp_ipv4.c:896

	tw := inetTwsk(sk)
	flags := 0
	if tw.TwTransparent {
		flags = ipv4.IpReplyArgNosrccheck
	}
	n.tcpV4SendAck(sk, skb, tw.TwSndNxt, tw.TwRcvNxt, tw.TwRcvWnd>>tw.TwRcvWscale, n.tcpTimeStampRaw()+tw.TwTsOffset, tw.TwTsRecent, int(tw.SkBoundDevIf), flags, tw.TwTos) // :885
	n.inetTwskPut(tw)                                                                                                                                                       // :896
}

// tcpV4ReqskSendAck answers for a half-open connection.
func (n *Net) tcpV4ReqskSendAck(sk *core.Sock, skb *core.SkBuff, req *RequestSock) {
	kernel.Fentry3(&n.Kernel, sk, skb, req) // tcp_v4_reqsk_send_ack net/ipv4/tcp_ipv4.c:905

	seq := req.SntIsn + 1
	if sk.SkState != core.TcpListen {
		seq = tcpSk(sk).SndNxt
	}
	flags := 0
	if req.NoSrccheck {
		flags = ipv4.IpReplyArgNosrccheck
	}
	n.tcpV4SendAck(&sk.SockCommon, skb, seq, req.RcvNxt, req.RskRcvWnd>>req.RcvWscale, n.tcpTimeStampRaw()+req.TsOff, req.TsRecent, 0, flags, skb.Ip().TOS()) // :913
}

// tcpV4SendSynack sends the SYN-ACK of a half-open connection; dst may be nil.
func (n *Net) tcpV4SendSynack(sk *core.Sock, dst *core.DstEntry, fl *ipv4.Flowi4, req *RequestSock, synackType int) int {
	kernel.Fentry4(&n.Kernel, sk, dst, req, synackType) // tcp_v4_send_synack net/ipv4/tcp_ipv4.c:935

	if dst == nil {
		var fl4 ipv4.Flowi4
		if dst = n.inetCskRouteReq(sk, &fl4, req); dst == nil { // :942
			return -1
		}
	}
	skb := n.tcpMakeSynack(sk, dst, req, synackType) // :945
	if skb == nil {
		return -1
	}
	n.tcpV4SendCheck__(skb, req.SkRcvSaddr, req.SkDaddr)                          // :948
	err := n.IpBuildAndSendPkt(skb, sk, req.SkRcvSaddr, req.SkDaddr, req.IreqOpt) // :953
	return core.NetXmitEval(err)
}
