// The way of a segment from IP to its socket (net/ipv4/tcp_ipv4.c).
//
// Left out: XFRM policy, MD5, filters' effects, receive packet steering.

package tcp

import (
	"bytes"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpV4CookieCheck gives a listener's ACK to the SYN cookies: it returns the
// connection that the ACK completes, or the listener if it is none.
func (n *Net) tcpV4CookieCheck(sk *core.Sock, skb *core.SkBuff) *core.Sock {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_v4_cookie_check net/ipv4/tcp_ipv4.c:1509

	if skb.Tcp().Flags()&wire.SYN == 0 {
		sk = n.cookieV4Check(sk, skb) // :1512
	}
	return sk
}

// tcpV4DoRcv processes a segment for a socket that the caller has locked, or for
// a listener. The segment is used up.
func (n *Net) tcpV4DoRcv(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_v4_do_rcv net/ipv4/tcp_ipv4.c:1529

	if sk.SkState == core.TcpEstablished {
		if dst := sk.SkRxDst; dst != nil {
			if ipv4.InetSk(sk).RxDstIfindex != skb.SkbIif || dst.Ops.Check(dst, 0) == nil { // :1536
				n.DstRelease(dst) // :1537
				sk.SkRxDst = nil
			}
		}
		n.tcpRcvEstablished(sk, skb) // :1541
		return 0
	}
	if n.tcpChecksumComplete(skb) { // :1545
		n.Mib[core.MibTcpInCsumErrors]++
		n.Mib[core.MibTcpInErrs]++
		n.Drop("checksum")
		n.KfreeSkb(skb) // :1572
		return 0
	}
	if sk.SkState == core.TcpListen {
		nsk := n.tcpV4CookieCheck(sk, skb) // :1549
		if nsk == nil {
			n.KfreeSkb(skb) // :1572
			return 0
		}
		if nsk != sk {
			if n.tcpChildProcess(sk, nsk, skb) != 0 { // :1554
				n.tcpV4SendReset(&nsk.SockCommon, skb) // :1570
				n.KfreeSkb(skb)                        // :1572
			}
			return 0
		}
	}
	if n.tcpRcvStateProcess(sk, skb) != 0 { // :1563
		n.tcpV4SendReset(&sk.SockCommon, skb) // :1570
		n.KfreeSkb(skb)                       // :1572
	}
	return 0
}

// tcpV4EarlyDemux looks for a connection before IP looks for a route, which it
// then takes from the socket. menuos finds whole sockets only so early, because a
// packet's owner is one; a request or remnant is found again later.
func (n *Net) tcpV4EarlyDemux(skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // tcp_v4_early_demux net/ipv4/tcp_ipv4.c:1593

	if skb.PktType != core.PacketHost {
		return 0
	}
	if !n.PskbMayPull(skb, skb.TransportOffset()+wire.TCPMinLen) { // :1596
		return 0
	}
	iph, th := skb.Ip(), skb.Tcp()
	if th.DataOff() < wire.TCPMinLen {
		return 0
	}
	skc := n.inetLookupEstablished__(&n.Net.Net, &n.hashinfo, iph.Src(), th.SrcPort(), iph.Dst(), th.DstPort(), skb.SkbIif, 0) // :1605
	if skc == nil {
		return 0
	}
	sk := skc.Full
	if sk == nil {
		skc.SkRefcnt-- // not the last: it is in the table
		return 0
	}
	skb.Sk = sk
	skb.Destructor = n.SockEdemuxFn
	if dst := sk.SkRxDst; dst != nil {
		dst = core.DstCheck(dst, 0) // :1616
		if dst != nil && ipv4.InetSk(sk).RxDstIfindex == skb.SkbIif {
			core.SkbDstSetNoref(skb, dst)
		}
	}
	return 0
}

// tcpAddBacklog queues a segment for the program that holds the socket, as part
// of the last one there if it follows upon that. It reports whether the segment
// must be dropped.
func (n *Net) tcpAddBacklog(sk *core.Sock, skb *core.SkBuff) bool {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_add_backlog net/ipv4/tcp_ipv4.c:1626

	limit := sk.SkRcvbuf + sk.SkSndbuf
	n.SkbCondense(skb)              // :1643
	n.SkbDstDrop(skb)               // :1645
	if n.tcpChecksumComplete(skb) { // :1647
		n.Mib[core.MibTcpInCsumErrors]++
		n.Mib[core.MibTcpInErrs]++
		return true
	}
	th := wire.TCP(skb.Bytes())
	hdrlen := th.DataOff()
	shinfo := skb.Head
	if shinfo.GsoSize == 0 {
		shinfo.GsoSize = uint16(skb.Len - hdrlen)
	}
	if shinfo.GsoSegs == 0 {
		shinfo.GsoSegs = 1
	}
	if tail := sk.SkBacklog.Tail; tail != nil && tcpBacklogFollows(tail, skb) {
		skb.Pull(hdrlen)
		if fragstolen, delta, ok := n.SkbTryCoalesce(tail, skb); ok { // :1687
			// The tail's header keeps its flags, so the fast path does not see a
			// FIN that joins it, as in Linux until ca2fe2956ace.
			wire.TCP(tail.Bytes()).SetWindow(th.Window())
			tcb, cb := &tail.Cb, &skb.Cb
			tcb.EndSeq = cb.EndSeq
			if wire.After(cb.AckSeq, tcb.AckSeq) {
				tcb.AckSeq = cb.AckSeq
			}
			tcb.TcpFlags |= cb.TcpFlags
			if cb.HasRxtstamp {
				tcb.HasRxtstamp = true
				tail.Tstamp = skb.Tstamp
			}
			tail.Head.GsoSize = max(tail.Head.GsoSize, shinfo.GsoSize)
			tail.Head.GsoSegs = uint16(min(uint32(tail.Head.GsoSegs)+uint32(shinfo.GsoSegs), 0xffff))
			sk.SkBacklog.Len += delta
			n.Mib[core.MibTcpExtTCPBacklogCoalesce]++
			n.KfreeSkbPartial(skb, fragstolen) // :1713
			return false
		}
		skb.Push(hdrlen)
	}
	// Only the owner can shrink the receive queue, so there is some leeway.
	limit += 64 * 1024
	if n.SkAddBacklog(sk, skb, limit) != 0 { // :1725
		n.Mib[core.MibTcpExtTCPBacklogDrop]++
		return true
	}
	return false
}

// tcpBacklogFollows reports whether skb goes on where tail ends, with the same
// options and marks.
func tcpBacklogFollows(tail, skb *core.SkBuff) bool {
	t, s := &tail.Cb, &skb.Cb
	if t.EndSeq != s.Seq || t.IpDsfield != s.IpDsfield || (t.TcpFlags|s.TcpFlags)&tcphdrUrg != 0 ||
		(t.TcpFlags^s.TcpFlags)&(tcphdrEce|tcphdrCwr) != 0 {
		return false
	}
	return bytes.Equal(wire.TCP(tail.Bytes()).Options(), wire.TCP(skb.Bytes()).Options())
}

// tcpFilter asks the socket's filter about a segment; not 0: it is refused.
func (n *Net) tcpFilter(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_filter net/ipv4/tcp_ipv4.c:1737

	eaten := skb.Len
	err := n.SkFilterTrimCap(sk, skb, wire.TCP(skb.Bytes()).DataOff()) // :1740
	if err == 0 {
		skb.Cb.EndSeq -= uint32(eaten - skb.Len)
	}
	return err
}

// tcpV4FillCb notes in the control buffer what the headers say.
func (n *Net) tcpV4FillCb(skb *core.SkBuff, iph wire.IPv4, th wire.TCP) {
	kernel.Fentry1(&n.Kernel, skb) // tcp_v4_fill_cb net/ipv4/tcp_ipv4.c:1761

	cb := &skb.Cb
	flags := th.Flags()
	cb.Seq = th.Seq()
	cb.EndSeq = cb.Seq + uint32(skb.Len-th.DataOff())
	if flags&wire.SYN != 0 {
		cb.EndSeq++
	}
	if flags&wire.FIN != 0 {
		cb.EndSeq++
	}
	cb.AckSeq = th.Ack()
	cb.TcpFlags = uint8(flags)
	cb.TcpTwIsn = 0
	cb.IpDsfield = iph.TOS()
	cb.Sacked = 0
	cb.HasRxtstamp = skb.Tstamp != 0
}

// skDropsAdd counts the segments of a dropped packet (sk_drops_add).
func skDropsAdd(sk *core.Sock, skb *core.SkBuff) { sk.SkDrops += max(1, int(skb.Head.GsoSegs)) }

// tcpV4Rcv takes a packet from IP: it finds the socket, request or remnant that
// the segment is for and lets it process the segment, or queues it if a program
// holds the socket. A segment for nobody is answered with a RST.
func (n *Net) tcpV4Rcv(skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // tcp_v4_rcv net/ipv4/tcp_ipv4.c:1782

	if skb.PktType != core.PacketHost {
		n.Drop("other host")
		n.KfreeSkb(skb) // :1944
		return 0
	}
	n.Mib[core.MibTcpInSegs]++
	if !n.PskbMayPull(skb, wire.TCPMinLen) { // :1797
		n.Drop("short header")
		n.KfreeSkb(skb) // :1944
		return 0
	}
	th := wire.TCP(skb.Bytes())
	if th.DataOff() < wire.TCPMinLen {
		n.Mib[core.MibTcpInErrs]++
		n.Drop("short header")
		n.KfreeSkb(skb) // :1944
		return 0
	}
	if !n.PskbMayPull(skb, th.DataOff()) { // :1804
		n.Drop("short header")
		n.KfreeSkb(skb) // :1944
		return 0
	}
	iph := skb.Ip()
	pseudo := wire.PseudoHeader(iph.Src(), iph.Dst(), wire.ProtoTCP, skb.Len)
	if core.SkbChecksumValidateNeeded__(skb, false, 0) && n.SkbChecksumValidateComplete__(skb, false, pseudo) != 0 { // :1812
		n.Mib[core.MibTcpInCsumErrors]++
		n.Mib[core.MibTcpInErrs]++
		n.Drop("checksum")
		n.KfreeSkb(skb) // :1944
		return 0
	}
	th = wire.TCP(skb.Bytes())
	iph = skb.Ip()

lookup:
	skc, refcounted := n.inetLookupSkb__(&n.hashinfo, skb, th.DataOff(), th.SrcPort(), th.DstPort(), 0) // :1818
	if skc == nil {
		n.tcpV4FillCb(skb, iph, th)     // :1931
		if n.tcpChecksumComplete(skb) { // :1933
			n.Mib[core.MibTcpInCsumErrors]++
			n.Mib[core.MibTcpInErrs]++
			n.Drop("checksum")
		} else {
			n.tcpV4SendReset(nil, skb) // :1939
		}
		n.KfreeSkb(skb) // :1944
		return 0
	}

	if skc.SkState == core.TcpTimeWait {
		tw := inetTwsk(skc)
		n.tcpV4FillCb(skb, iph, th)     // :1959
		if n.tcpChecksumComplete(skb) { // :1961
			n.inetTwskPut(tw) // :1962
			n.Mib[core.MibTcpInCsumErrors]++
			n.Mib[core.MibTcpInErrs]++
			n.Drop("checksum")
			n.KfreeSkb(skb) // :1944
			return 0
		}
		var sk2 *core.Sock
		status := n.tcpTimewaitStateProcess(tw, skb, th) // :1965
		if status == tcpTwSyn {
			sk2 = n.inetLookupListener(&n.Net.Net, &n.hashinfo, skb, th.DataOff(), iph.Src(), th.SrcPort(), iph.Dst(), th.DstPort(), ipv4.InetIif(skb), 0) // :1967
			if sk2 == nil {
				status = tcpTwAck
			}
		}
		switch status {
		case tcpTwAck:
			n.tcpV4TimewaitAck(skc, skb) // :1985
		case tcpTwRst:
			n.tcpV4SendReset(skc, skb)  // :1988
			n.inetTwskDeschedulePut(tw) // :1989
		}
		if sk2 == nil {
			n.KfreeSkb(skb) // :1944
			return 0
		}
		n.inetTwskDeschedulePut(tw) // :1975
		skc, refcounted = &sk2.SockCommon, false
	}

	sk := skc.Full
	if skc.SkState == core.TcpNewSynRecv {
		req := inetReqsk(skc)
		sk = req.RskListener
		if n.tcpChecksumComplete(skb) { // :1838
			n.reqskPut(req) // :1839
			n.Mib[core.MibTcpInCsumErrors]++
			n.Mib[core.MibTcpInErrs]++
			n.Drop("checksum")
			n.KfreeSkb(skb) // :1944
			return 0
		}
		if sk.SkState != core.TcpListen {
			n.inetCskReqskQueueDropAndPut(sk, req) // :1843
			goto lookup
		}
		core.SockHold(sk)
		refcounted = true
		var nsk *core.Sock
		reqStolen := false
		if n.tcpFilter(sk, skb) == 0 { // :1852
			th = wire.TCP(skb.Bytes())
			iph = skb.Ip()
			n.tcpV4FillCb(skb, iph, th)                         // :1855
			nsk, reqStolen = n.tcpCheckReq(sk, skb, req, false) // :1856
		}
		switch {
		case nsk == nil:
			n.reqskPut(req) // :1859
			if reqStolen {
				n.SockPut(sk) // :1867
				goto lookup
			}
			skDropsAdd(sk, skb)
			n.SockPut(sk)   // :1950
			n.KfreeSkb(skb) // :1944
			return 0
		case nsk == sk:
			n.reqskPut(req) // :1873
		case n.tcpChildProcess(sk, nsk, skb) != 0: // :1875
			n.tcpV4SendReset(&nsk.SockCommon, skb) // :1876
			skDropsAdd(sk, skb)
			n.SockPut(sk)   // :1950
			n.KfreeSkb(skb) // :1944
			return 0
		default:
			n.SockPut(sk) // :1879
			return 0
		}
	}

	discard := false
	ret := 0
	if iph.TTL() < ipv4.InetSk(sk).MinTtl {
		n.Mib[core.MibTcpExtTCPMinTTLDrop]++
		discard = true
	} else if n.tcpFilter(sk, skb) != 0 { // :1896
		discard = true
	} else {
		th = wire.TCP(skb.Bytes())
		iph = skb.Ip()
		n.tcpV4FillCb(skb, iph, th) // :1900
		skb.Dev = nil
		if sk.SkState == core.TcpListen {
			ret = n.tcpV4DoRcv(sk, skb) // :1905
		} else {
			tcpSegsIn(tcpSk(sk), skb)
			if !core.SockOwnedByUser(sk) {
				ret = n.tcpV4DoRcv(sk, skb) // :1915
			} else if n.tcpAddBacklog(sk, skb) { // :1916
				discard = true
			}
		}
	}
	if discard {
		skDropsAdd(sk, skb)
		if refcounted {
			n.SockPut(sk) // :1950
		}
		n.KfreeSkb(skb) // :1944
		return 0
	}
	if refcounted {
		n.SockPut(sk) // :1923
	}
	return ret
}
