// TCP over IPv4 (net/ipv4/tcp_ipv4.c): connect, new connections, and the ops
// tables' smaller entries. Segments that come in are in tcp_ipv4_rcv.go, answers
// without a connection in tcp_ipv4_send.go, ICMP errors in tcp_ipv4_err.go.
//
// Left out: MD5 signatures, fast open, repair, /proc (snapshots take its place),
// BPF.

package tcp

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const sockaddrInLen = 16

// tcpV4InitSeq chooses the first sequence number of the answer to a SYN.
func (n *Net) tcpV4InitSeq(skb *core.SkBuff) uint32 {
	kernel.Fentry1(&n.Kernel, skb) // tcp_v4_init_seq net/ipv4/tcp_ipv4.c:100

	iph, th := skb.Ip(), skb.Tcp()
	return n.SecureTcpSeq(iph.Dst(), iph.Src(), th.DstPort(), th.SrcPort()) // :100
}

// tcpV4InitTsOff chooses the offset of its timestamps.
func (n *Net) tcpV4InitTsOff(skb *core.SkBuff) uint32 {
	kernel.Fentry1(&n.Kernel, skb) // tcp_v4_init_ts_off net/ipv4/tcp_ipv4.c:108

	iph := skb.Ip()
	return n.SecureTcpTsOff(&n.Net.Net, iph.Dst(), iph.Src()) // :108
}

// tcpTwskUnique reports whether a connection may take over the remnant of an
// older one between the same ends, and if so lets it go on from there: with
// timestamps, and by the sysctl, a second later. Without twp, which is when the
// program has chosen the port, timestamps are enough.
func (n *Net) tcpTwskUnique(sk *core.Sock, sktw *core.SockCommon, twp bool) bool {
	kernel.Fentry3(&n.Kernel, sk, sktw, twp) // tcp_twsk_unique net/ipv4/tcp_ipv4.c:113

	tw := inetTwsk(sktw)
	tp := tcpSk(sk)
	reuse := n.Sysctl.TcpTwReuse
	if reuse == 2 && tw.SkBoundDevIf != loopbackIfindex && !tw.SkDaddr.IsLoopback() && !tw.SkRcvSaddr.IsLoopback() {
		reuse = 0
	}
	if tw.TwTsRecentStamp == 0 || twp && (reuse == 0 || n.ktimeGetSeconds() <= tw.TwTsRecentStamp) {
		return false
	}
	tp.WriteSeq = tw.TwSndNxt + 65535 + 2
	if tp.WriteSeq == 0 {
		tp.WriteSeq = 1
	}
	tp.RxOpt.TsRecent = tw.TwTsRecent
	tp.RxOpt.TsRecentStamp = tw.TwTsRecentStamp
	sktw.SkRefcnt++
	return true
}

const loopbackIfindex = 1

// tcpV4PreConnect looks at the address before connect does.
func (n *Net) tcpV4PreConnect(sk *core.Sock, uaddr core.Sockaddr, addrLen int) int {
	kernel.Fentry3(&n.Kernel, sk, uaddr, addrLen) // tcp_v4_pre_connect net/ipv4/tcp_ipv4.c:193

	if addrLen < sockaddrInLen {
		return -core.EINVAL
	}
	return 0
}

// tcpV4Connect sends a SYN to uaddr: it finds the route, gives the socket its
// addresses and a port, and chooses the first sequence number.
func (n *Net) tcpV4Connect(sk *core.Sock, uaddr core.Sockaddr, addrLen int) int {
	kernel.Fentry3(&n.Kernel, sk, uaddr, addrLen) // tcp_v4_connect net/ipv4/tcp_ipv4.c:203

	inet := ipv4.InetSk(sk)
	tp := tcpSk(sk)
	if addrLen < sockaddrInLen {
		return -core.EINVAL
	}
	if binary.NativeEndian.Uint16(uaddr) != core.AfInet {
		return -core.EAFNOSUPPORT
	}
	origSport, origDport := inet.InetSport, binary.BigEndian.Uint16(uaddr[2:])
	nexthop := wire.Addr(binary.BigEndian.Uint32(uaddr[4:]))
	fl4 := &inet.Cork.Fl
	rt, err := n.IpRouteConnect(fl4, nexthop, inet.InetSaddr, ipv4.RtConnFlags(sk), int(sk.SkBoundDevIf), wire.ProtoTCP, origSport, origDport, sk) // :233
	if err != 0 {
		if err == -core.ENETUNREACH {
			n.Mib[core.MibIpOutNoRoutes]++
		}
		return err
	}
	if rt.RtFlags&(ipv4.RtcfMulticast|ipv4.RtcfBroadcast) != 0 {
		n.IpRtPut(rt)
		return -core.ENETUNREACH
	}
	daddr := fl4.Daddr
	if inet.InetSaddr == 0 {
		inet.InetSaddr = fl4.Saddr
	}
	sk.SkRcvSaddr = inet.InetSaddr
	if tp.RxOpt.TsRecentStamp != 0 && sk.SkDaddr != daddr {
		tp.RxOpt.TsRecent, tp.RxOpt.TsRecentStamp = 0, 0
		tp.WriteSeq = 0
	}
	sk.SkDport = origDport
	sk.SkDaddr = daddr
	tp.IcskExtHdrLen = uint16(len(inet.InetOpt))
	tp.RxOpt.MssClamp = tcpMssDefault

	n.tcpSetState(sk, core.TcpSynSent)    // :278
	err = n.inetHashConnect(&n.twRow, sk) // :279
	if err == 0 {
		n.SkSetTxhash(sk)
		rt, err = n.IpRouteNewports(fl4, rt, origSport, origDport, inet.InetSport, sk.SkDport, sk) // :285
	}
	if err == 0 {
		sk.SkGsoType = core.SkbGsoTcpv4
		n.SkSetupCaps(sk, &rt.DstEntry) // :294
		rt = nil
		if tp.WriteSeq == 0 {
			tp.WriteSeq = n.SecureTcpSeq(inet.InetSaddr, sk.SkDaddr, inet.InetSport, origDport) // :299
		}
		tp.Tsoffset = n.SecureTcpTsOff(&n.Net.Net, inet.InetSaddr, sk.SkDaddr) // :303
		inet.InetId = uint16(tp.WriteSeq ^ uint32(n.Jiffies()))
		err = n.tcpConnect(sk) // :315
	}
	if err != 0 {
		n.tcpSetState(sk, core.TcpClose) // :327
		n.IpRtPut(rt)
		sk.SkRouteCaps = 0
		sk.SkDport = 0
	}
	return err
}

// tcpV4InitReq fills the addresses of a half-open connection.
func (n *Net) tcpV4InitReq(req *RequestSock, skListener *core.Sock, skb *core.SkBuff) {
	kernel.Fentry3(&n.Kernel, req, skListener, skb) // tcp_v4_init_req net/ipv4/tcp_ipv4.c:1345

	iph := skb.Ip()
	req.SkRcvSaddr, req.SkDaddr = iph.Dst(), iph.Src()
	req.IreqOpt = n.tcpV4SaveOptions(skListener.SkNet, skb) // :1349
}

// tcpV4RouteReq finds its route.
func (n *Net) tcpV4RouteReq(sk *core.Sock, fl *ipv4.Flowi4, req *RequestSock) *core.DstEntry {
	kernel.Fentry2(&n.Kernel, sk, req) // tcp_v4_route_req net/ipv4/tcp_ipv4.c:1356

	return n.inetCskRouteReq(sk, fl, req) // :1356
}

// tcpV4ReqskDestructor drops the IP options that a request has kept.
func (n *Net) tcpV4ReqskDestructor(req *RequestSock) {
	kernel.Fentry1(&n.Kernel, req) // tcp_v4_reqsk_destructor net/ipv4/tcp_ipv4.c:966

	req.IreqOpt = nil
}

// tcpV4ConnRequest takes a SYN for a listener; those to many are not answered.
func (n *Net) tcpV4ConnRequest(sk *core.Sock, skb *core.SkBuff) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_v4_conn_request net/ipv4/tcp_ipv4.c:1391

	if ipv4.SkbRtable(skb).RtFlags&(ipv4.RtcfBroadcast|ipv4.RtcfMulticast) != 0 {
		n.tcpListendrop(sk)
		return 0
	}
	return n.tcpConnRequest(n.rskOps, n.reqOps, sk, skb) // :1391
}

// tcpV4SynRecvSock makes the connection of a request whose handshake is
// complete, and puts it into the hash table in the place of reqUnhash. ownReq is
// false if another one was faster.
func (n *Net) tcpV4SynRecvSock(sk *core.Sock, skb *core.SkBuff, req *RequestSock, dst *core.DstEntry, reqUnhash *RequestSock) (newsk *core.Sock, ownReq bool) {
	kernel.Fentry5(&n.Kernel, sk, skb, req, dst, reqUnhash) // tcp_v4_syn_recv_sock net/ipv4/tcp_ipv4.c:1420

	if core.SkAcceptqIsFull(sk) {
		n.Mib[core.MibTcpExtListenOverflows]++
		n.DstRelease(dst) // :1494
		n.tcpListendrop(sk)
		return nil, false
	}
	newsk = n.tcpCreateOpenreqChild(sk, req, skb) // :1423
	if newsk == nil {
		n.DstRelease(dst) // :1494
		n.tcpListendrop(sk)
		return nil, false
	}
	newsk.SkGsoType = core.SkbGsoTcpv4
	n.inetSkRxDstSet(newsk, skb) // :1428

	newtp := tcpSk(newsk)
	newsk.SkDaddr, newsk.SkRcvSaddr = req.SkDaddr, req.SkRcvSaddr
	newsk.SkBoundDevIf = req.SkBoundDevIf
	newtp.InetSaddr = req.SkRcvSaddr
	newtp.InetOpt = req.IreqOpt
	newtp.McIndex = ipv4.InetIif(skb)
	newtp.McTtl = skb.Ip().TTL()
	newtp.RcvTos = skb.Ip().TOS()
	newtp.IcskExtHdrLen = uint16(len(newtp.InetOpt))
	newtp.InetId = uint16(newtp.WriteSeq ^ uint32(n.Jiffies()))

	if dst == nil {
		dst = n.inetCskRouteChildSock(sk, newsk, req) // :1448
	}
	if dst != nil {
		n.SkSetupCaps(newsk, dst)                                             // :1454
		n.tcpCaOpenreqChild(newsk, dst)                                       // :1456
		mtu := n.DstMtu(dst)                                                  // :1458
		n.tcpSyncMss(newsk, mtu)                                              // :1458
		newtp.Advmss = tcpMssClamp(tcpSk(sk), uint16(n.DstMetricAdvmss(dst))) // :1459
		n.tcpInitializeRcvMss(newsk)                                          // :1461
		if n.inetInheritPort__(sk, newsk) == 0 {                              // :1480
			ownReq = n.inetEhashNolisten(newsk, reqToSk(reqUnhash)) // :1482
			if ownReq {
				tcpMoveSyn(newtp, req)
				req.IreqOpt = nil
			} else {
				newtp.InetOpt = nil
			}
			return newsk, ownReq
		}
	}
	newtp.InetOpt = nil
	n.inetCskPrepareForcedClose(newsk) // :1500
	n.tcpDone(newsk)                   // :1501
	n.tcpListendrop(sk)
	return nil, false
}

// inetSkRxDstSet remembers the route that a socket's segments come in by.
func (n *Net) inetSkRxDstSet(sk *core.Sock, skb *core.SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // inet_sk_rx_dst_set net/ipv4/tcp_ipv4.c:2004

	if dst := skb.Dst; dst != nil && core.DstHoldSafe(dst) {
		sk.SkRxDst = dst
		ipv4.InetSk(sk).RxDstIfindex = skb.SkbIif
	}
}

// tcpV4InitSock readies a new socket.
func (n *Net) tcpV4InitSock(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // tcp_v4_init_sock net/ipv4/tcp_ipv4.c:2048

	n.tcpInitSock(sk) // :2048
	inetCsk(sk).IcskAfOps = n.afOps
	return 0
}

// tcpV4DestroySock releases what a closed socket still has.
func (n *Net) tcpV4DestroySock(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_v4_destroy_sock net/ipv4/tcp_ipv4.c:2063

	tp := tcpSk(sk)
	if n.Trace != nil {
		n.TraceTcpDestroySock(sk)
	}
	n.tcpClearXmitTimers(sk)              // :2065
	n.tcpCleanupCongestionControl(sk)     // :2067
	n.tcpWriteQueuePurge(sk)              // :2072
	n.SkbRbtreePurge(&tp.OutOfOrderQueue) // :2078
	if tp.IcskBindHash != nil {
		n.inetPutPort(sk) // :2091
	}
	tcpSavedSynFree(tp)
	n.prot.SocketsAllocated--
}
