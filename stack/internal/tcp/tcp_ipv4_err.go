// What ICMP says about TCP connections (net/ipv4/tcp_ipv4.c).

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// tcpV4MtuReduced reacts to a smaller path MTU: segments become smaller, and
// those that were too large go out again.
func (n *Net) tcpV4MtuReduced(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_v4_mtu_reduced net/ipv4/tcp_ipv4.c:346

	inet := ipv4.InetSk(sk)
	if 1<<sk.SkState&(core.TcpfListen|core.TcpfClose) != 0 {
		return
	}
	mtu := tcpSk(sk).MtuInfo
	dst := n.inetCskUpdatePmtu(sk, mtu) // :349
	if dst == nil {
		return
	}
	if mtu < n.DstMtu(dst) && ipv4.IpDontFragment(sk, dst) { // :356
		sk.SkErrSoft = core.EMSGSIZE
	}
	mtu = n.DstMtu(dst) // :359
	if inet.Pmtudisc != core.IpPmtudiscDont && ipv4.IpSkAcceptPmtu(sk) && inetCsk(sk).IcskPmtuCookie > mtu {
		n.tcpSyncMss(sk, mtu)     // :364
		n.tcpSimpleRetransmit(sk) // :371
	}
}

// doRedirect follows an ICMP redirect with the socket's route.
func (n *Net) doRedirect(skb *core.SkBuff, sk *core.Sock) {
	kernel.Fentry2(&n.Kernel, skb, sk) // do_redirect net/ipv4/tcp_ipv4.c:378

	dst := n.SkDstCheck__(sk, 0) // :378
	if dst != nil {
		n.IpDoRedirect(dst, sk, skb) // :381
	}
}

// tcpReqErr drops a half-open connection whose other end is out of reach. It
// tells nobody: the program has not heard of it yet.
func (n *Net) tcpReqErr(sk *core.SockCommon, seq uint32, abort bool) {
	kernel.Fentry3(&n.Kernel, sk, seq, abort) // tcp_req_err net/ipv4/tcp_ipv4.c:388

	req := inetReqsk(sk)
	if seq != req.SntIsn {
		n.Mib[core.MibTcpExtOutOfWindowIcmps]++
	} else if abort {
		n.inetCskReqskQueueDrop(req.RskListener, req) // :403
		n.tcpListendrop(req.RskListener)              // :404
	}
	n.reqskPut(req) // :406
}

// tcpV4Err takes an ICMP error about one of our segments, the header of which
// lies in icmpSkb's data. A connection under construction fails; one that stands
// only remembers the error, unless the program wants to hear (IP_RECVERR). A
// program that holds the socket is not disturbed.
func (n *Net) tcpV4Err(icmpSkb *core.SkBuff, info uint32) int {
	kernel.Fentry2(&n.Kernel, icmpSkb, info) // tcp_v4_err net/ipv4/tcp_ipv4.c:428

	b := icmpSkb.Bytes()
	iph := wire.IPv4(b)
	th := wire.TCP(b[iph.IHL():]) // its first eight bytes
	typ, code := icmpSkb.Icmp().Type(), icmpSkb.Icmp().Code()
	sport, dport, seq := th.SrcPort(), th.DstPort(), th.Seq()
	skc := n.inetLookupEstablished__(&n.Net.Net, &n.hashinfo, iph.Dst(), dport, iph.Src(), sport, ipv4.InetIif(icmpSkb), 0) // :444
	if skc == nil {
		n.Mib[core.MibIcmpInErrors]++
		return -core.ENOENT
	}
	if skc.SkState == core.TcpTimeWait {
		n.inetTwskPut(inetTwsk(skc)) // :452
		return 0
	}
	if skc.SkState == core.TcpNewSynRecv {
		abort := typ == wire.ICMPParameterProb || typ == wire.ICMPTimeExceeded ||
			typ == wire.ICMPDestUnreach && (code == wire.ICMPNetUnreach || code == wire.ICMPHostUnreach)
		n.tcpReqErr(skc, seq, abort) // :457
		return 0
	}
	sk := skc.Full
	tp := tcpSk(sk)
	owned := core.SockOwnedByUser(sk)
	fragNeeded := typ == wire.ICMPDestUnreach && code == wire.ICMPFragNeeded
	if owned && !fragNeeded {
		n.Mib[core.MibTcpExtLockDroppedIcmps]++
	}
	err := 0
	switch {
	case sk.SkState == core.TcpClose:
	case iph.TTL() < tp.MinTtl:
		n.Mib[core.MibTcpExtTCPMinTTLDrop]++
	case sk.SkState != core.TcpListen && !wire.Between(seq, tp.SndUna, tp.SndNxt):
		n.Mib[core.MibTcpExtOutOfWindowIcmps]++
	case typ == wire.ICMPRedirect:
		if !owned {
			n.doRedirect(icmpSkb, sk) // :497
		}
	case typ == wire.ICMPParameterProb:
		err = core.EPROTO
	case typ == wire.ICMPTimeExceeded:
		err = core.EHOSTUNREACH
	case fragNeeded:
		if sk.SkState == core.TcpListen {
			break
		}
		tp.MtuInfo = info
		if !owned {
			n.tcpV4MtuReduced(sk) // :519
		} else if sk.SkTsqFlags&tcpfMtuReducedDeferred == 0 {
			sk.SkTsqFlags |= tcpfMtuReducedDeferred
			core.SockHold(sk)
		}
	case typ == wire.ICMPDestUnreach && code <= ipv4.NrIcmpUnreach:
		err = ipv4.IcmpErrConvert[code].Errno
		if (code == wire.ICMPNetUnreach || code == wire.ICMPHostUnreach) && seq == tp.SndUna &&
			tp.IcskRetransmits != 0 && tp.IcskBackoff != 0 && !owned && tcpRtxQueueHead(sk) != nil {
			// The retransmission got as far as a router: its timeout was not
			// congestion, so it does not count (RFC 6069).
			tp.IcskBackoff--
			tp.IcskRto = tcpTimeoutInit
			if tp.SrttUs != 0 {
				tp.IcskRto = tcpSetRto__(tp)
			}
			tp.IcskRto = uint32(inetCskRtoBackoff(&tp.InetConnectionSock, tcpRtoMax))
			n.tcpMstampRefresh(tp) // :549
			deltaUs := uint32(tp.TcpMstamp - tcpSkbTimestampUs(tcpRtxQueueHead(sk)))
			remaining := int32(tp.IcskRto - usecsToJiffies(deltaUs))
			if remaining > 0 {
				n.inetCskResetXmitTimer(sk, icskTimeRetrans, uint64(remaining), tcpRtoMax) // :555
			} else {
				n.tcpRetransmitTimer(sk) // :560
			}
		}
	}
	if err != 0 {
		switch {
		case sk.SkState == core.TcpSynSent || sk.SkState == core.TcpSynRecv:
			if !owned {
				sk.SkErr = err
				sk.SkErrorReport(sk) // :583
				n.tcpDone(sk)        // :585
			} else {
				sk.SkErrSoft = err
			}
		case !owned && tp.Recverr:
			sk.SkErr = err
			sk.SkErrorReport(sk) // :611
		default:
			sk.SkErrSoft = err
		}
	}
	n.SockPut(sk) // :618
	return 0
}
