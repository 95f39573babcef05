// Small helpers of IP output (include/net/ip.h).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// ipcmInit readies the cookie of a sendmsg (ipcm_init).
func ipcmInit(ipcm *IpcmCookie) { *ipcm = IpcmCookie{Tos: -1} }

// ipcmInitSk readies it with what the socket says (ipcm_init_sk).
func ipcmInitSk(ipcm *IpcmCookie, inet *InetSock) {
	*ipcm = IpcmCookie{Tos: -1, Tsflags: inet.SkTsflags, Oif: int(inet.SkBoundDevIf), Addr: inet.InetSaddr}
}

// getRttos is the type of service of one sendmsg for a lookup (get_rttos).
func getRttos(ipc *IpcmCookie, inet *InetSock) uint8 {
	if ipc.Tos != -1 {
		return RtTos(uint8(ipc.Tos))
	}
	return RtTos(inet.Tos)
}

// getRtconnFlags is getRttos with SO_DONTROUTE (get_rtconn_flags).
func getRtconnFlags(ipc *IpcmCookie, sk *core.Sock) uint8 {
	if ipc.Tos != -1 {
		return RtConnFlagsTos(sk, uint8(ipc.Tos))
	}
	return RtConnFlags(sk)
}

// IpHdrlen is the length of a packet's IP header (ip_hdrlen).
func IpHdrlen(skb *core.SkBuff) int { return skb.Ip().IHL() }

// InetSdif is the slave device of an L3 master; there are none (inet_sdif).
func InetSdif(*core.SkBuff) int { return 0 }

// ipMtuLocked reports whether a route's MTU must not be lowered any further
// (ip_mtu_locked).
func ipMtuLocked(dst *core.DstEntry) bool { return RtableOf(dst).RtMtuLocked }

// IpDontFragment reports whether a socket's packets along dst get DF
// (ip_dont_fragment).
func IpDontFragment(sk *core.Sock, dst *core.DstEntry) bool {
	d := InetSk(sk).Pmtudisc
	return d == core.IpPmtudiscDo || d == core.IpPmtudiscWant && !ipMtuLocked(dst)
}

// IpSkAcceptPmtu reports whether a socket listens to path MTU messages
// (ip_sk_accept_pmtu).
func IpSkAcceptPmtu(sk *core.Sock) bool {
	d := InetSk(sk).Pmtudisc
	return d != ipPmtudiscInterface && d != ipPmtudiscOmit
}

// ipSkUsePmtu reports whether a socket uses the path MTU (ip_sk_use_pmtu).
func ipSkUsePmtu(sk *core.Sock) bool { return InetSk(sk).Pmtudisc < core.IpPmtudiscProbe }

// ipSkIgnoreDf reports whether a socket's packets may be fragmented here even
// with DF (ip_sk_ignore_df).
func ipSkIgnoreDf(sk *core.Sock) bool {
	d := InetSk(sk).Pmtudisc
	return d < core.IpPmtudiscDo || d == ipPmtudiscOmit
}

// fullSk is sk if it is a whole socket of this family, nil otherwise
// (sk_fullsock).
func fullSk(sk *core.Sock) *core.Sock {
	if sk == nil || sk.SkState == core.TcpTimeWait || sk.SkState == core.TcpNewSynRecv {
		return nil
	}
	return sk
}

// ipSkbDstMtu is the size above which a packet must be fragmented
// (ip_skb_dst_mtu).
func (n *Net) ipSkbDstMtu(sk *core.Sock, skb *core.SkBuff) int {
	if full := fullSk(sk); full == nil || ipSkUsePmtu(full) {
		if skb.Ipcb.Flags&IpskbForwarded == 0 || ipMtuLocked(skb.Dst) {
			return int(n.ipv4Mtu(skb.Dst))
		}
	}
	return min(skb.Dst.Dev.Mtu, IpMaxMtu)
}

// ipSelectTtl is the TTL of a socket's packets along dst (ip_select_ttl).
func (n *Net) ipSelectTtl(inet *InetSock, dst *core.DstEntry) uint8 {
	if inet.UcTtl >= 0 {
		return uint8(inet.UcTtl)
	}
	return uint8(n.Ip4DstHoplimit(dst))
}

// ipSelectIdentSegs gives a packet, or the segs packets that it will be cut
// into, an identification. With DF it means nothing, and a connected socket
// counts.
func (n *Net) ipSelectIdentSegs(skb *core.SkBuff, sk *core.Sock, segs int) {
	kernel.Fentry3(&n.Kernel, skb, sk, segs) // ip_select_ident_segs include/net/ip.h:461

	iph := skb.Ip()
	switch {
	case !iph.DF() || skb.IgnoreDf:
		n.ipSelectIdent__(iph, segs) // :476
	case sk != nil && sk.SkDaddr != 0:
		inet := InetSk(sk)
		iph.SetID(inet.InetId)
		inet.InetId += uint16(segs)
	default:
		iph.SetID(0)
	}
}

// ipSelectIdent is ip_select_ident_segs for one packet.
func (n *Net) ipSelectIdent(skb *core.SkBuff, sk *core.Sock) {
	kernel.Fentry2(&n.Kernel, skb, sk) // ip_select_ident include/net/ip.h:483

	n.ipSelectIdentSegs(skb, sk, 1) // :483
}

// IpQueueXmit sends a segment of a connected socket.
func (n *Net) IpQueueXmit(sk *core.Sock, skb *core.SkBuff, fl *Flowi4) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // ip_queue_xmit include/net/ip.h:198

	return n.ipQueueXmit__(sk, skb, fl, InetSk(sk).Tos) // :198
}

// ipFinishSkb makes one datagram of what a socket has pending.
func (n *Net) ipFinishSkb(sk *core.Sock, fl4 *Flowi4) *core.SkBuff {
	kernel.Fentry1(&n.Kernel, sk) // ip_finish_skb include/net/ip.h:203

	return n.ipMakeSkb__(sk, fl4, &sk.SkWriteQueue, InetSk(sk).corkBase()) // :203
}

// ipOptionsEcho builds the options of an answer to skb.
func (n *Net) ipOptionsEcho(dopt *IpOptions, skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // ip_options_echo include/net/ip.h:666

	return n.IpOptionsEcho__(dopt, skb, &skb.Ipcb) // :666
}

// IpCmsgRecv adds the ancillary messages that a socket asked for.
func (n *Net) IpCmsgRecv(msg *core.Msghdr, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, msg, skb) // ip_cmsg_recv include/net/ip.h:710

	n.ipCmsgRecvOffset(msg, skb.Sk, skb, 0, 0) // :710
}

// Ip4ReplyMark is the mark of an answer to a packet with mark (IP4_REPLY_MARK;
// the sysctl fwmark_reflect is 0).
func Ip4ReplyMark(uint32) uint32 { return 0 }

// inetComputePseudo is the sum of the pseudo header over a packet's payload
// (inet_compute_pseudo).
func inetComputePseudo(skb *core.SkBuff, proto uint8) uint32 {
	iph := skb.Ip()
	return wire.PseudoHeader(iph.Src(), iph.Dst(), proto, skb.Len)
}
