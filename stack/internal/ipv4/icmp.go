// ICMP: what the protocol keeps, its rate limits, its counters, and how its
// messages leave (net/ipv4/icmp.c). icmp_send.go has the errors that this
// machine reports, icmp_rcv.go what arrives.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Highest known type, and highest known code of a destination unreachable.
const (
	NrIcmpTypes   = 18
	NrIcmpUnreach = 15
)

// IcmpErr says what a code of a destination unreachable means to a socket
// (struct icmp_err).
type IcmpErr struct {
	Errno int
	Fatal bool // ends a connection, not just delays it
}

// IcmpErrConvert gives each code of a destination unreachable its errno
// (icmp_err_convert).
var IcmpErrConvert = [NrIcmpUnreach + 1]IcmpErr{
	wire.ICMPNetUnreach:    {core.ENETUNREACH, false},
	wire.ICMPHostUnreach:   {core.EHOSTUNREACH, false},
	wire.ICMPProtUnreach:   {core.ENOPROTOOPT, true},
	wire.ICMPPortUnreach:   {core.ECONNREFUSED, true},
	wire.ICMPFragNeeded:    {core.EMSGSIZE, false},
	wire.ICMPSRFailed:      {core.EOPNOTSUPP, false},
	wire.ICMPNetUnknown:    {core.ENETUNREACH, true},
	wire.ICMPHostUnknown:   {core.EHOSTDOWN, true},
	wire.ICMPHostIsolated:  {enonet, true},
	wire.ICMPNetAno:        {core.ENETUNREACH, true},
	wire.ICMPHostAno:       {core.EHOSTUNREACH, true},
	wire.ICMPNetUnrTOS:     {core.ENETUNREACH, false},
	wire.ICMPHostUnrTOS:    {core.EHOSTUNREACH, false},
	wire.ICMPPktFiltered:   {core.EHOSTUNREACH, true},
	wire.ICMPPrecViolation: {core.EHOSTUNREACH, true},
	wire.ICMPPrecCutoff:    {core.EHOSTUNREACH, true},
}

const enonet = 64 // ENONET

// icmpState is what ICMP keeps of a machine.
type icmpState struct {
	sk       *core.Sock // icmp_sk: sends what the kernel itself says
	locked   bool       // its sk_lock.slock
	pointers [NrIcmpTypes + 1]icmpControl
	bxm      icmpBxm // the message under construction; the lock allows one
	glueBits GetfragFunc

	global struct{ credit, stamp uint32 } // icmp_global
}

// icmpControl says how a type is handled (struct icmp_control).
type icmpControl struct {
	handler func(skb *core.SkBuff) bool
	error   bool // the type reports an error
}

// icmpBxm is a message that is being built (struct icmp_bxm): a header, then
// dataLen bytes of skb from offset on.
type icmpBxm struct {
	skb     *core.SkBuff
	offset  int
	dataLen int
	data    [wire.ICMPv4Len + 12]byte // header, and the three times of a timestamp
	headLen int

	replyopts IpOptions
}

func (b *icmpBxm) icmph() wire.ICMPv4 { return wire.ICMPv4(b.data[:]) }

// initIcmp registers the protocol and makes the socket that the kernel sends
// from (icmp_init). Raw sockets must be there already.
func (n *Net) initIcmp() {
	st := &n.icmp
	st.glueBits = n.icmpGlueBits
	discard := n.icmpDiscard
	unreach := n.icmpUnreach
	for _, typ := range []uint8{1, 2, 6, 7, 9, 10} {
		st.pointers[typ] = icmpControl{discard, true}
	}
	for _, typ := range []uint8{wire.ICMPTimestampReply, wire.ICMPInfoRequest, wire.ICMPInfoReply,
		wire.ICMPAddress, wire.ICMPAddressReply} {
		st.pointers[typ] = icmpControl{discard, false}
	}
	for _, typ := range []uint8{wire.ICMPDestUnreach, wire.ICMPSourceQuench, wire.ICMPTimeExceeded,
		wire.ICMPParameterProb} {
		st.pointers[typ] = icmpControl{unreach, true}
	}
	st.pointers[wire.ICMPRedirect] = icmpControl{n.icmpRedirect, true}
	st.pointers[wire.ICMPEchoReply] = icmpControl{n.pingRcv, false}
	st.pointers[wire.ICMPEcho] = icmpControl{n.icmpEcho, false}
	st.pointers[wire.ICMPTimestamp] = icmpControl{n.icmpTimestamp, false}

	n.InetAddProtocol(&NetProtocol{Handler: n.icmpRcv, ErrHandler: n.icmpErr, NoPolicy: true}, wire.ProtoICMP)
	sk, err := n.InetCtlSockCreate(core.AfInet, core.SockRaw, int(wire.ProtoICMP))
	if err < 0 {
		panic("ipv4: no socket for ICMP")
	}
	// Room for two messages of 64 KB with what the kernel adds to each.
	sk.SkSndbuf = 2 * core.SkbTruesize(64*1024)
	sk.SkFlags |= 1 << core.SockUseWriteQueue
	InetSk(sk).Pmtudisc = core.IpPmtudiscDont
	st.sk = sk
}

// icmpXmitLock takes the kernel's ICMP socket; nil if it is sending already,
// as when the way out of one message reports that its next hop is dead.
func (n *Net) icmpXmitLock() *core.Sock {
	if n.icmp.locked {
		return nil
	}
	n.icmp.locked = true
	return n.icmp.sk
}

func (n *Net) icmpXmitUnlock() { n.icmp.locked = false }

// icmpGlobalAllow takes a token from the machine's bucket and reports whether
// there was one. The bucket gains icmp_msgs_per_sec tokens a second and holds
// icmp_msgs_burst.
func (n *Net) icmpGlobalAllow() bool {
	kernel.Fentry0(&n.Kernel) // icmp_global_allow net/ipv4/icmp.c:252

	st := &n.icmp
	now := n.TcpJiffies32()
	delta := min(now-st.global.stamp, kernel.HZ)
	if st.global.credit == 0 && delta < kernel.HZ/50 {
		return false
	}
	incr := uint32(0)
	if delta >= kernel.HZ/50 {
		if incr = uint32(n.Sysctl.IcmpMsgsPerSec) * delta / kernel.HZ; incr != 0 {
			st.global.stamp = now
		}
	}
	credit := min(st.global.credit+incr, uint32(n.Sysctl.IcmpMsgsBurst))
	allow := credit != 0
	if allow {
		credit--
	}
	st.global.credit = credit
	return allow
}

// icmpv4MaskAllow reports whether a message is of a kind that is never limited.
func (n *Net) icmpv4MaskAllow(typ, code int) bool {
	kernel.Fentry2(&n.Kernel, typ, code) // icmpv4_mask_allow net/ipv4/icmp.c:284

	switch {
	case typ > NrIcmpTypes:
		return true
	case typ == int(wire.ICMPDestUnreach) && code == int(wire.ICMPFragNeeded):
		return true // path MTU discovery hangs on it
	}
	return n.Sysctl.IcmpRatemask>>typ&1 == 0
}

// icmpv4GlobalAllow reports whether the machine's limit lets a message out.
func (n *Net) icmpv4GlobalAllow(typ, code int) bool {
	kernel.Fentry2(&n.Kernel, typ, code) // icmpv4_global_allow net/ipv4/icmp.c:300

	if n.icmpv4MaskAllow(typ, code) { // :301
		return true
	}
	return n.icmpGlobalAllow() // :304
}

// icmpv4XrlimAllow reports whether the limit of the peer at fl4's destination
// lets a message out. Nothing is limited on loopback.
func (n *Net) icmpv4XrlimAllow(rt *Rtable, fl4 *Flowi4, typ, code int) bool {
	kernel.Fentry3(&n.Kernel, rt, typ, code) // icmpv4_xrlim_allow net/ipv4/icmp.c:316

	if n.icmpv4MaskAllow(typ, code) { // :322
		return true
	}
	if dev := rt.Dev; dev != nil && dev.Flags&core.IffLoopback != 0 {
		return true
	}
	peer := n.inetGetpeerV4(fl4.Daddr, 0, true)               // :330
	return n.inetPeerXrlimAllow(peer, n.Sysctl.IcmpRatelimit) // :331
}

// icmpOutMibs and icmpInMibs name the counter of each type; 0 is none.
var (
	icmpOutMibs = [NrIcmpTypes + 1]int{
		wire.ICMPEchoReply:      core.MibIcmpOutEchoReps,
		wire.ICMPDestUnreach:    core.MibIcmpOutDestUnreachs,
		wire.ICMPSourceQuench:   core.MibIcmpOutSrcQuenchs,
		wire.ICMPRedirect:       core.MibIcmpOutRedirects,
		wire.ICMPEcho:           core.MibIcmpOutEchos,
		wire.ICMPTimeExceeded:   core.MibIcmpOutTimeExcds,
		wire.ICMPParameterProb:  core.MibIcmpOutParmProbs,
		wire.ICMPTimestamp:      core.MibIcmpOutTimestamps,
		wire.ICMPTimestampReply: core.MibIcmpOutTimestampReps,
		wire.ICMPAddress:        core.MibIcmpOutAddrMasks,
		wire.ICMPAddressReply:   core.MibIcmpOutAddrMaskReps,
	}
	icmpInMibs = [NrIcmpTypes + 1]int{
		wire.ICMPEchoReply:      core.MibIcmpInEchoReps,
		wire.ICMPDestUnreach:    core.MibIcmpInDestUnreachs,
		wire.ICMPSourceQuench:   core.MibIcmpInSrcQuenchs,
		wire.ICMPRedirect:       core.MibIcmpInRedirects,
		wire.ICMPEcho:           core.MibIcmpInEchos,
		wire.ICMPTimeExceeded:   core.MibIcmpInTimeExcds,
		wire.ICMPParameterProb:  core.MibIcmpInParmProbs,
		wire.ICMPTimestamp:      core.MibIcmpInTimestamps,
		wire.ICMPTimestampReply: core.MibIcmpInTimestampReps,
		wire.ICMPAddress:        core.MibIcmpInAddrMasks,
		wire.ICMPAddressReply:   core.MibIcmpInAddrMaskReps,
	}
)

// icmpOutCount counts a message of a type that leaves.
func (n *Net) icmpOutCount(typ uint8) {
	kernel.Fentry1(&n.Kernel, typ) // icmp_out_count net/ipv4/icmp.c:342

	if int(typ) < len(icmpOutMibs) && icmpOutMibs[typ] != 0 {
		n.Mib[icmpOutMibs[typ]]++
	}
	n.Mib[core.MibIcmpOutMsgs]++
}

// icmpGlueBits copies the next len bytes that the message from carries, from
// its own offset on, and adds them to the packet's checksum.
func (n *Net) icmpGlueBits(from any, to []byte, offset, len, odd int, skb *core.SkBuff) int {
	kernel.Fentry3(&n.Kernel, offset, len, skb) // icmp_glue_bits net/ipv4/icmp.c:353

	icmpParam := from.(*icmpBxm)
	to, offset = to[:len], offset+icmpParam.offset
	csum, took := uint32(0), 0
	if offset < 0 { // headers that have been pulled
		in := icmpParam.skb
		took = copy(to, in.Head.B[in.Data+offset:in.Data])
		csum = wire.Sum(to[:took], 0)
		offset += took
	}
	rest := n.SkbCopyAndCsumBits(icmpParam.skb, offset, to[took:], 0) // :357
	csum = wire.SumBlock(csum, rest, took)
	skb.Csum = wire.SumBlock(skb.Csum, csum, odd)
	return 0
}

// icmpPushReply sends the message under construction on rt, which it consumes
// no reference of.
func (n *Net) icmpPushReply(icmpParam *icmpBxm, fl4 *Flowi4, ipc *ipcmCookie, rt **Rtable) {
	kernel.Fentry0(&n.Kernel) // icmp_push_reply net/ipv4/icmp.c:374

	sk := n.icmp.sk
	if n.ipAppendData(sk, fl4, n.icmp.glueBits, icmpParam, icmpParam.dataLen+icmpParam.headLen, icmpParam.headLen, ipc, rt, core.MsgDontwait) < 0 { // :375
		n.Mib[core.MibIcmpOutErrors]++
		n.ipFlushPendingFrames(sk) // :380
		return
	}
	skb := sk.SkWriteQueue.First
	if skb == nil {
		return
	}
	csum := uint32(0)
	for skb1 := skb; skb1 != nil; skb1 = skb1.Next {
		csum = wire.SumBlock(csum, skb1.Csum, 0)
	}
	head := icmpParam.data[:icmpParam.headLen]
	copy(skb.Icmp(), head)
	skb.Icmp().SetChecksum(wire.Fold(wire.Sum(head, csum)))
	skb.IpSummed = core.ChecksumNone
	n.ipPushPendingFrames(sk, fl4) // :394
}

// icmpReply answers skb with the message under construction, to where skb came
// from.
func (n *Net) icmpReply(icmpParam *icmpBxm, skb *core.SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // icmp_reply net/ipv4/icmp.c:402

	typ, code := int(icmpParam.icmph().Type()), int(icmpParam.icmph().Code())
	if n.ipOptionsEcho(&icmpParam.replyopts, skb) != 0 { // :415
		return
	}
	n.LocalBhDisable()
	if !n.icmpv4GlobalAllow(typ, code) { // :422
		n.LocalBhEnable() // :461
		return
	}
	sk := n.icmpXmitLock()
	if sk == nil {
		n.LocalBhEnable() // :461
		return
	}
	icmpParam.icmph().SetChecksum(0)
	iph := skb.Ip()
	inet := InetSk(sk)
	inet.Tos = iph.TOS()
	var ipc ipcmCookie
	ipcmInit(&ipc)
	ipc.Addr = iph.Src()
	daddr := ipc.Addr
	saddr := n.fibComputeSpecDst(skb) // :436
	if opt := &icmpParam.replyopts; opt.Optlen != 0 {
		ipc.Opt = opt.Data[:opt.Optlen]
		if opt.Srr != 0 {
			daddr = opt.Faddr
		}
	}
	fl4 := Flowi4{Daddr: daddr, Saddr: saddr, Tos: RtTos(iph.TOS()), Proto: wire.ProtoICMP}
	rt, err := n.IpRouteOutputKey(&fl4) // :452
	if err == 0 {
		if n.icmpv4XrlimAllow(rt, &fl4, typ, code) { // :455
			n.icmpPushReply(icmpParam, &fl4, &ipc, &rt) // :456
		}
		n.IpRtPut(rt) // :457
	}
	n.icmpXmitUnlock()
	n.LocalBhEnable() // :461
}
