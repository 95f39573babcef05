// SYN cookies: a listener under a flood of SYNs keeps nothing of them, but sends
// all that it must remember as the sequence number of the SYN-ACK, and the
// options in the low bits of its timestamp; after net/ipv4/syncookies.c.
//
//	sequence number = hash(addresses) + their sequence number
//	                + minute << 24 + (hash(addresses, minute) + index of MSS) mod 2^24
//
//	timestamp  31 ... 6 |  5  |  4   | 3 2 1 0
//	           time     | ECN | SACK | window scale, 15: none

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const (
	cookieBits = 24
	cookieMask = 1<<cookieBits - 1

	tsOptWscaleMask = 0xf
	tsOptSack       = 1 << 4
	tsOptEcn        = 1 << 5
	tsBits          = 6
	tsMask          = 1<<tsBits - 1
)

// msstab is what a cookie can say of the MSS.
var msstab = [...]uint16{536, 1300, 1440, 1460}

// cookieHash is a keyed hash of a connection's addresses and a count; c tells
// its two uses apart. menuos draws no keys of its own for it but takes the secrets
// of the hash tables, which no packet shows.
func (n *Net) cookieHash(saddr, daddr wire.Addr, sport, dport uint16, count uint32, c int) uint32 {
	kernel.Fentry5(&n.Kernel, saddr, daddr, sport, dport, count) // cookie_hash net/ipv4/syncookies.c:55

	h := &n.hashinfo
	key := [2]uint64{uint64(h.ehashSecret)<<32 | uint64(h.hashMix), uint64(c)}
	return uint32(core.Siphash4u32(uint32(saddr), uint32(daddr), uint32(sport)<<16|uint32(dport), count, &key))
}

// cookieInitTimestamp is the time, in ns, whose timestamp says what options the
// SYN had. It is now or a little earlier.
func (n *Net) cookieInitTimestamp(req *RequestSock) uint64 {
	kernel.Fentry1(&n.Kernel, req) // cookie_init_timestamp net/ipv4/syncookies.c:72

	now := n.tcpTimeStampRaw()
	options := uint32(tsOptWscaleMask)
	if req.WscaleOk {
		options = uint32(req.SndWscale)
	}
	if req.SackOk {
		options |= tsOptSack
	}
	if req.EcnOk {
		options |= tsOptEcn
	}
	ts := now&^tsMask | options
	if ts > now {
		ts = ((ts>>tsBits)-1)<<tsBits | options
	}
	return uint64(ts) * 1000000
}

// secureTcpSynCookie makes a cookie that holds data.
func (n *Net) secureTcpSynCookie(saddr, daddr wire.Addr, sport, dport uint16, sseq, data uint32) uint32 {
	kernel.Fentry5(&n.Kernel, saddr, daddr, sport, dport, sseq) // secure_tcp_syn_cookie net/ipv4/syncookies.c:108

	count := n.tcpCookieTime()
	who := n.cookieHash(saddr, daddr, sport, dport, 0, 0)      // :109
	when := n.cookieHash(saddr, daddr, sport, dport, count, 1) // :111
	return who + sseq + count<<cookieBits + (when+data)&cookieMask
}

// checkTcpSynCookie is the data in a cookie. A cookie that is forged or too old
// gives some number, far too large in all likelihood.
func (n *Net) checkTcpSynCookie(cookie uint32, saddr, daddr wire.Addr, sport, dport uint16, sseq uint32) uint32 {
	kernel.Fentry5(&n.Kernel, cookie, saddr, daddr, sport, dport) // check_tcp_syn_cookie net/ipv4/syncookies.c:127

	count := n.tcpCookieTime()
	who := n.cookieHash(saddr, daddr, sport, dport, 0, 0) // :130
	cookie -= who + sseq
	age := (count - cookie>>cookieBits) & (^uint32(0) >> cookieBits)
	if age >= maxSyncookieAge {
		return ^uint32(0)
	}
	when := n.cookieHash(saddr, daddr, sport, dport, count-age, 1) // :138
	return (cookie - when) & cookieMask
}

// cookieV4InitSequence__ makes the cookie that answers a SYN with that header.
// *mssp becomes what the cookie can say of the MSS.
func (n *Net) cookieV4InitSequence__(iph wire.IPv4, th wire.TCP, mssp *uint16) uint32 {
	kernel.Fentry0(&n.Kernel) // __cookie_v4_init_sequence net/ipv4/syncookies.c:169

	i := len(msstab) - 1
	for i > 0 && *mssp < msstab[i] {
		i--
	}
	*mssp = msstab[i]
	return n.secureTcpSynCookie(iph.Src(), iph.Dst(), th.SrcPort(), th.DstPort(), th.Seq(), uint32(i)) // :176
}

// cookieV4InitSequence does that for the SYN skb.
func (n *Net) cookieV4InitSequence(skb *core.SkBuff, mssp *uint16) uint32 {
	kernel.Fentry1(&n.Kernel, skb) // cookie_v4_init_sequence net/ipv4/syncookies.c:184

	return n.cookieV4InitSequence__(skb.Ip(), skb.Tcp(), mssp) // :187
}

// cookieV4Check__ is the MSS that a cookie, which came back with that header,
// holds; 0 if it is none of ours.
func (n *Net) cookieV4Check__(iph wire.IPv4, th wire.TCP, cookie uint32) uint16 {
	kernel.Fentry1(&n.Kernel, cookie) // __cookie_v4_check net/ipv4/syncookies.c:197

	i := n.checkTcpSynCookie(cookie, iph.Src(), iph.Dst(), th.SrcPort(), th.DstPort(), th.Seq()-1) // :198
	if i >= uint32(len(msstab)) {
		return 0
	}
	return msstab[i]
}

// cookieInitSequence makes the cookie that answers skb, and notes that the SYN
// queue of sk has overflowed.
func (n *Net) cookieInitSequence(ops *tcpRequestSockOps, sk *core.Sock, skb *core.SkBuff, mss *uint16) uint32 {
	kernel.Fentry2(&n.Kernel, sk, skb) // cookie_init_sequence include/net/tcp.h:1943

	n.tcpSynqOverflow(sk)
	n.Mib[core.MibTcpExtSyncookiesSent]++
	return ops.CookieInitSeq(skb, mss) // :1945
}

// tcpGetCookieSock makes the socket of a connection whose cookie came back and
// puts it into the accept queue. It uses up req, and dst if there is a child.
func (n *Net) tcpGetCookieSock(sk *core.Sock, skb *core.SkBuff, req *RequestSock, dst *core.DstEntry, tsoff uint32) *core.Sock {
	kernel.Fentry5(&n.Kernel, sk, skb, req, dst, tsoff) // tcp_get_cookie_sock net/ipv4/syncookies.c:209

	child, _ := inetCsk(sk).IcskAfOps.SynRecvSock(sk, skb, req, dst, nil) // :213
	if child == nil {
		n.reqskFree(req) // :221
		return nil
	}
	req.SkRefcnt = 1
	tcpSk(child).Tsoffset = tsoff
	n.inetCskReqskQueueAdd(sk, req, child) // :219
	return child
}

// cookieTimestampDecode reads the options of the SYN out of the timestamp that
// came back. False: it names an option that is switched off.
func (n *Net) cookieTimestampDecode(tcpOpt *TcpOptionsReceived) bool {
	kernel.Fentry0(&n.Kernel) // cookie_timestamp_decode net/ipv4/syncookies.c:239

	if !tcpOpt.SawTstamp {
		tcpClearOptions(tcpOpt)
		return true
	}
	if n.Sysctl.TcpTimestamps == 0 {
		return false
	}
	options := tcpOpt.RcvTsecr
	tcpOpt.SackOk = 0
	if options&tsOptSack != 0 {
		tcpOpt.SackOk = tcpSackSeen
		if !n.Sysctl.TcpSack {
			return false
		}
	}
	if options&tsOptWscaleMask == tsOptWscaleMask {
		return true
	}
	tcpOpt.WscaleOk = true
	tcpOpt.SndWscale = uint8(options & tsOptWscaleMask)
	return n.Sysctl.TcpWindowScaling
}

// cookieEcnOk reports whether the connection may use ECN: the timestamp says
// that the SYN asked for it, and we still agree.
func (n *Net) cookieEcnOk(tcpOpt *TcpOptionsReceived, dst *core.DstEntry) bool {
	kernel.Fentry1(&n.Kernel, dst) // cookie_ecn_ok net/ipv4/syncookies.c:267

	if tcpOpt.RcvTsecr&tsOptEcn == 0 {
		return false
	}
	return n.Sysctl.TcpEcn != 0 || dst.Metrics[core.RtaxFeatures]&rtaxFeatureEcn != 0
}

// cookieV4Check looks for a cookie in the ACK skb, which belongs to no half-open
// connection of the listener sk. It returns the new connection's socket; nil, if
// it could not be made; or sk, if there is no cookie.
func (n *Net) cookieV4Check(sk *core.Sock, skb *core.SkBuff) *core.Sock {
	kernel.Fentry2(&n.Kernel, sk, skb) // cookie_v4_check net/ipv4/syncookies.c:289

	var tcpOpt TcpOptionsReceived
	tp := tcpSk(sk)
	th := skb.Tcp()
	iph := skb.Ip()
	cookie := th.Ack() - 1
	if n.Sysctl.TcpSyncookies == 0 || th.Flags()&(wire.ACK|wire.RST) != wire.ACK || n.tcpSynqNoRecentOverflow(sk) {
		return sk
	}
	mss := n.cookieV4Check__(iph, th, cookie) // :306
	if mss == 0 {
		n.Mib[core.MibTcpExtSyncookiesFailed]++
		return sk
	}
	n.Mib[core.MibTcpExtSyncookiesRecv]++

	n.tcpParseOptions(skb, &tcpOpt, false) // :316
	tsoff := uint32(0)
	if tcpOpt.SawTstamp && tcpOpt.RcvTsecr != 0 {
		tsoff = n.SecureTcpTsOff(sk.SkNet, iph.Dst(), iph.Src()) // :319
		tcpOpt.RcvTsecr -= tsoff
	}
	if !n.cookieTimestampDecode(&tcpOpt) { // :325
		return sk
	}

	req := n.inetReqskAlloc(n.rskOps, sk, false) // :329
	if req == nil {
		return nil
	}
	req.RcvIsn = th.Seq() - 1
	req.SntIsn = cookie
	req.TsOff = 0
	req.Txhash = n.NetTxRndhash()
	req.Mss = mss
	req.SkNum = th.DstPort()
	req.SkDport = th.SrcPort()
	req.SkRcvSaddr = iph.Dst()
	req.SkDaddr = iph.Src()
	req.IrMark = ipv4.InetRequestMark(sk, skb)
	req.SndWscale = tcpOpt.SndWscale
	req.SackOk = tcpOpt.SackOk != 0
	req.WscaleOk = tcpOpt.WscaleOk
	req.TstampOk = tcpOpt.SawTstamp
	if tcpOpt.SawTstamp {
		req.TsRecent = tcpOpt.RcvTsval
	}
	req.SntSynack = 0
	req.TfoListener = false
	req.SkBoundDevIf = ipv4.InetRequestBoundDevIf(sk, skb)
	req.IreqOpt = n.tcpV4SaveOptions(sk.SkNet, skb) // :360
	req.NumRetrans = 0

	// The window must be what the SYN-ACK offered, for which the route is asked
	// again.
	var fl4 ipv4.Flowi4
	ipv4.Flowi4InitOutput(&fl4, int(req.SkBoundDevIf), req.IrMark, ipv4.RtConnFlags(sk), ipv4.RtScopeUniverse,
		wire.ProtoTCP, ipv4.InetSkFlowiFlags(sk), req.SkDaddr, req.SkRcvSaddr, th.SrcPort(), th.DstPort())
	rt, err := n.IpRouteOutputKey(&fl4) // :381
	if err != 0 {
		n.reqskFree(req) // :383
		return nil
	}
	dst := &rt.DstEntry
	req.RskWindowClamp = tp.WindowClamp
	if req.RskWindowClamp == 0 {
		req.RskWindowClamp = dst.Metrics[core.RtaxWindow]
	}
	initRwnd := dst.Metrics[core.RtaxInitrwnd]
	n.tcpSelectInitialWindow(sk, n.tcpFullSpace(sk), uint32(req.Mss), &req.RskRcvWnd, &req.RskWindowClamp, req.WscaleOk, &req.RcvWscale, initRwnd) // :390
	req.EcnOk = n.cookieEcnOk(&tcpOpt, dst)                                                                                                        // :396
	ret := n.tcpGetCookieSock(sk, skb, req, dst, tsoff)                                                                                            // :398
	if ret != nil {
		ipv4.InetSk(ret).Cork.Fl = fl4
	}
	return ret
}
