// Putting datagrams together (net/ipv4/ip_output.c): UDP, ICMP and raw sockets add
// data piece by piece, then the whole leaves as one packet or a list of ready
// fragments. Left out: sendpage, zero copy, UDP segmentation and timestamps.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// ipGenericGetfrag copies from a message.
func (n *Net) ipGenericGetfrag(from any, to []byte, offset, len, odd int, skb *core.SkBuff) int {
	kernel.Fentry4(&n.Kernel, offset, len, odd, skb) // ip_generic_getfrag net/ipv4/ip_output.c:834

	msg := from.(*core.Msghdr)
	if copy(to[:len], msg.Iter) < len {
		return -core.EFAULT
	}
	if skb.IpSummed != core.ChecksumPartial {
		skb.Csum = wire.SumBlock(skb.Csum, wire.Sum(msg.Iter[:len], 0), odd)
	}
	msg.Iter = msg.Iter[len:]
	return 0
}

// corkSizes is what __ip_append_data works out before it begins: the MTU, the room
// for a link header, the length of IP's header, and the length of a fragment that
// others follow.
type corkSizes struct {
	mtu, hhLen, fragheaderlen, maxfraglen int
}

// next says how the fragment behind prev (nil: the first) is to be made for
// length more bytes: how many bytes of prev move into it because they are beyond
// a multiple of 8, how much payload it has, and its length.
func (c *corkSizes) next(prev *core.SkBuff, length int) (fraggap, datalen, fraglen int) {
	if prev != nil {
		fraggap = prev.Len - c.maxfraglen
	}
	datalen = length + fraggap
	if datalen > c.mtu-c.fragheaderlen {
		datalen = c.maxfraglen - c.fragheaderlen
	}
	return fraggap, datalen, datalen + c.fragheaderlen
}

// ipAppendData__ adds length bytes, the first transhdrlen of them the header of
// the transport protocol, to the fragments on queue. EMSGSIZE if the datagram
// becomes too large; what the socket's memory or getfrag says otherwise.
func (n *Net) ipAppendData__(sk *core.Sock, fl4 *Flowi4, queue *core.SkBuffHead, cork *inetCork, pfrag *core.PageFrag,
	getfrag GetfragFunc, from any, length, transhdrlen int, flags int) int {
	kernel.Fentry4(&n.Kernel, sk, length, transhdrlen, flags) // __ip_append_data net/ipv4/ip_output.c:870

	dev := cork.Dst.Dev
	optlen := 0
	if cork.Opt != nil {
		optlen = int(cork.Opt.Optlen)
	}
	c := corkSizes{mtu: cork.Fragsize, hhLen: core.LlReservedSpace(dev), fragheaderlen: wire.IPv4MinLen + optlen}
	c.maxfraglen = (c.mtu-c.fragheaderlen)&^7 + c.fragheaderlen
	maxnonfragsize := c.mtu
	if ipSkIgnoreDf(sk) {
		maxnonfragsize = 0xffff
	}
	if cork.Length+length > maxnonfragsize-c.fragheaderlen {
		n.ipLocalError(sk, core.EMSGSIZE, fl4.Daddr, sk.SkDport, uint32(c.mtu-optlen)) // :905
		return -core.EMSGSIZE
	}
	csummode := uint8(core.ChecksumNone)
	if transhdrlen != 0 && length+c.fragheaderlen <= c.mtu && dev.Features&(core.NetifFHwCsum|core.NetifFIpCsum) != 0 &&
		flags&core.MsgMore == 0 {
		csummode = core.ChecksumPartial
	}
	cork.Length += length

	skb := queue.PeekTail()
	wmem, offset, err := 0, 0, 0
	for first := skb == nil; (first || length > 0) && err == 0; first = false {
		room := 0
		if !first {
			if room = c.mtu - skb.Len; room < length {
				room = c.maxfraglen - skb.Len
			}
		}
		if room <= 0 {
			prev := skb
			fraggap, datalen, fraglen := c.next(prev, length)
			alloclen := fraglen
			if flags&core.MsgMore != 0 && dev.Features&core.NetifFSg == 0 {
				alloclen = c.mtu
			}
			skb = nil
			if transhdrlen != 0 {
				skb, err = n.SockAllocSendSkb(sk, alloclen+c.hhLen+15, flags&core.MsgDontwait != 0) // :998
			} else if sk.SkWmemAlloc+wmem <= 2*sk.SkSndbuf {
				skb = n.AllocSkb(alloclen + c.hhLen + 15) // :1005
			} else {
				err = -core.ENOBUFS
			}
			if skb == nil {
				break
			}
			skb.IpSummed, skb.Csum = csummode, 0
			skb.Reserve(c.hhLen)
			data := skb.Put(fraglen)[c.fragheaderlen:]
			skb.SetNetworkHeader(0)
			skb.TransportHeader = skb.NetworkHeader + c.fragheaderlen
			if fraggap > 0 {
				skb.Csum = n.SkbCopyAndCsumBits(prev, c.maxfraglen, data[transhdrlen:transhdrlen+fraggap], 0) // :1030
				prev.Csum = wire.SumBlock(prev.Csum, ^skb.Csum, 0)
				data = data[fraggap:]
				n.PskbTrim(prev, c.maxfraglen) // :1036
			}
			took := datalen - transhdrlen - max(fraggap, 0)
			if took > 0 {
				if getfrag(from, data[transhdrlen:transhdrlen+took], offset, took, fraggap, skb) < 0 { // :1040
					n.KfreeSkb(skb) // :1042
					err = -core.EFAULT
					break
				}
				offset += took
				length -= took
			}
			length -= transhdrlen
			transhdrlen = 0
			csummode = core.ChecksumNone
			if skb.Destructor == nil {
				skb.Destructor = n.SockWfreeFn
				skb.Sk = sk
				wmem += skb.Truesize
			}
			queue.QueueTail(skb)
			continue
		}

		room = min(room, length)
		if dev.Features&core.NetifFSg == 0 && skb.Tailroom() >= room {
			off := skb.Len
			if getfrag(from, skb.Put(room), offset, room, off, skb) < 0 { // :1082
				skb.Trim(off)
				err = -core.EFAULT
			}
		} else if !n.SkPageFragRefill(sk, pfrag) { // :1092
			err = -core.ENOMEM
		} else if to, i := corkPage(skb, pfrag, room); to == nil {
			err = -core.EMSGSIZE
		} else if getfrag(from, to, offset, len(to), skb.Len, skb) < 0 { // :1107
			err = -core.EFAULT
		} else {
			room = len(to)
			pfrag.Offset += int32(room)
			skb.FragSizeAdd(i, room)
			skb.Len += room
			skb.DataLen += room
			skb.Truesize += room
			wmem += room
		}
		if err == 0 {
			offset += room
			length -= room
		}
	}
	sk.SkWmemAlloc += wmem
	if err != 0 {
		cork.Length -= length
		n.Mib[core.MibIpOutDiscards]++
	}
	return err
}

// corkPage is where up to room more bytes of skb go, in the page that the socket
// writes to, and which fragment of skb that is; nil if it can have no more.
func corkPage(skb *core.SkBuff, pfrag *core.PageFrag, room int) ([]byte, int) {
	i := int(skb.Head.NrFrags)
	if !skb.CanCoalesce(i, pfrag.Page, int(pfrag.Offset)) {
		if i == core.MaxSkbFrags {
			return nil, 0
		}
		skb.FillPageDesc(i, pfrag.Page, int(pfrag.Offset), 0)
		i++
		core.GetPage(pfrag.Page)
	}
	room = min(room, int(pfrag.Size-pfrag.Offset))
	return pfrag.Page.B[pfrag.Offset : int(pfrag.Offset)+room], i - 1
}

// ipSetupCork readies a cork for a new datagram and takes over the route.
func (n *Net) ipSetupCork(sk *core.Sock, cork *inetCork, ipc *IpcmCookie, rtp **Rtable) int {
	kernel.Fentry1(&n.Kernel, sk) // ip_setup_cork net/ipv4/ip_output.c:1148

	rt := *rtp
	if rt == nil {
		return -core.EFAULT
	}
	if len(ipc.Opt) != 0 {
		cork.Opt = ipOptionsOf(ipc.Opt)
		cork.Flags |= ipcorkOpt
		cork.Addr = ipc.Addr
	}
	*rtp = nil
	cork.Fragsize = rt.Dev.Mtu
	if ipSkUsePmtu(sk) {
		cork.Fragsize = int(n.ipv4Mtu(&rt.DstEntry))
	}
	cork.Dst = &rt.DstEntry
	cork.Length = 0
	cork.Ttl, cork.Tos, cork.Priority = ipc.Ttl, ipc.Tos, ipc.Priority
	return 0
}

// ipAppendData adds data to a socket's pending datagram, or begins one. A route
// that begins one belongs to it from then on (*rtp becomes nil).
func (n *Net) ipAppendData(sk *core.Sock, fl4 *Flowi4, getfrag GetfragFunc, from any, length, transhdrlen int,
	ipc *IpcmCookie, rtp **Rtable, flags int) int {
	kernel.Fentry4(&n.Kernel, sk, length, transhdrlen, flags) // ip_append_data net/ipv4/ip_output.c:1209

	if flags&msgProbe != 0 {
		return 0
	}
	cork := InetSk(sk).corkBase()
	if sk.SkWriteQueue.Empty() {
		if err := n.ipSetupCork(sk, cork, ipc, rtp); err != 0 { // :1213
			return err
		}
	} else {
		transhdrlen = 0
	}
	return n.ipAppendData__(sk, fl4, &sk.SkWriteQueue, cork, core.SkPageFrag(sk), getfrag, from, length, transhdrlen, flags) // :1220
}

// ipCorkRelease empties a cork.
func (n *Net) ipCorkRelease(cork *inetCork) {
	kernel.Fentry0(&n.Kernel) // ip_cork_release net/ipv4/ip_output.c:1357

	cork.Flags &^= ipcorkOpt
	cork.Opt = nil
	n.DstRelease(cork.Dst)
	cork.Dst = nil
}

// ipMakeSkb__ makes one packet of the fragments on a queue, nil if there are none.
func (n *Net) ipMakeSkb__(sk *core.Sock, fl4 *Flowi4, queue *core.SkBuffHead, cork *inetCork) *core.SkBuff {
	kernel.Fentry1(&n.Kernel, sk) // __ip_make_skb net/ipv4/ip_output.c:1375

	skb := queue.Dequeue()
	if skb == nil {
		return nil
	}
	inet := InetSk(sk)
	rt := RtableOf(cork.Dst)
	tail := &skb.Head.FragList
	for tmp := queue.Dequeue(); tmp != nil; tmp = queue.Dequeue() {
		tmp.Pull(skb.NetworkHeaderLen())
		*tail = tmp
		tail = &tmp.Next
		skb.Len += tmp.Len
		skb.DataLen += tmp.Len
		skb.Truesize += tmp.Truesize
		tmp.Destructor, tmp.Sk = nil, nil
	}
	skb.IgnoreDf = ipSkIgnoreDf(sk)
	df := uint16(0)
	if inet.Pmtudisc == core.IpPmtudiscDo || inet.Pmtudisc == core.IpPmtudiscProbe ||
		skb.Len <= int(n.ipv4Mtu(&rt.DstEntry)) && IpDontFragment(sk, &rt.DstEntry) {
		df = wire.IPv4DF
	}
	ttl := cork.Ttl
	if ttl == 0 {
		ttl = n.ipSelectTtl(inet, &rt.DstEntry)
		if rt.RtType == RtnMulticast {
			ttl = inet.McTtl
		}
	}
	tos, priority := inet.Tos, sk.SkPriority
	if cork.Tos != -1 {
		tos, priority = uint8(cork.Tos), cork.Priority
	}
	iph := skb.Ip()
	iph.SetVersionIHL(wire.IPv4MinLen)
	iph.SetTOS(tos)
	iph.SetFrag(df, 0)
	iph.SetTTL(ttl)
	iph.SetProtocol(sk.SkProtocol)
	iph.SetSrc(fl4.Saddr)
	iph.SetDst(fl4.Daddr)
	n.ipSelectIdent(skb, sk) // :1435
	if cork.Flags&ipcorkOpt != 0 {
		iph.SetVersionIHL(wire.IPv4MinLen + int(cork.Opt.Optlen))
		n.ipOptionsBuild(skb, cork.Opt, cork.Addr, rt, false) // :1439
	}
	skb.Priority = priority
	skb.Mark = sk.SkMark
	cork.Dst = nil
	core.SkbDstSet(skb, &rt.DstEntry)
	if iph.Protocol() == wire.ProtoICMP {
		n.icmpOutCount(skb.Icmp().Type()) // :1453
	}
	n.ipCorkRelease(cork) // :1456
	return skb
}

// ipSendSkb sends a packet that ip_make_skb made.
func (n *Net) ipSendSkb(skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // ip_send_skb net/ipv4/ip_output.c:1465

	err := n.ipLocalOut(&n.Net, skb.Sk, skb) // :1465
	if err > 0 {
		err = core.NetXmitErrno(err)
	}
	if err != 0 {
		n.Mib[core.MibIpOutDiscards]++
	}
	return err
}

// ipPushPendingFrames sends a socket's pending datagram.
func (n *Net) ipPushPendingFrames(sk *core.Sock, fl4 *Flowi4) int {
	kernel.Fentry1(&n.Kernel, sk) // ip_push_pending_frames net/ipv4/ip_output.c:1480

	skb := n.ipFinishSkb(sk, fl4) // :1480
	if skb == nil {
		return 0
	}
	return n.ipSendSkb(skb) // :1485
}

// ipFlushPendingFrames__ throws away the fragments on a queue.
func (n *Net) ipFlushPendingFrames__(sk *core.Sock, queue *core.SkBuffHead, cork *inetCork) {
	kernel.Fentry1(&n.Kernel, sk) // __ip_flush_pending_frames net/ipv4/ip_output.c:1497

	for skb := queue.DequeueTail(); skb != nil; skb = queue.DequeueTail() {
		n.KfreeSkb(skb) // :1498
	}
	n.ipCorkRelease(cork) // :1500
}

// ipFlushPendingFrames throws away a socket's pending datagram.
func (n *Net) ipFlushPendingFrames(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // ip_flush_pending_frames net/ipv4/ip_output.c:1505

	n.ipFlushPendingFrames__(sk, &sk.SkWriteQueue, InetSk(sk).corkBase()) // :1505
}

// ipMakeSkb makes a packet at once, without a cork in the socket; nil with 0 or
// an errno if there is none.
func (n *Net) ipMakeSkb(sk *core.Sock, fl4 *Flowi4, getfrag GetfragFunc, from any, length, transhdrlen int,
	ipc *IpcmCookie, rtp **Rtable, flags int) (*core.SkBuff, int) {
	kernel.Fentry4(&n.Kernel, sk, length, transhdrlen, flags) // ip_make_skb net/ipv4/ip_output.c:1515

	if flags&msgProbe != 0 {
		return nil, 0
	}
	c := n.reply.takeCork()
	err := n.ipSetupCork(sk, &c.cork, ipc, rtp) // :1527
	if err != 0 {
		n.reply.giveCork(c)
		return nil, err
	}
	err = n.ipAppendData__(sk, fl4, &c.queue, &c.cork, &n.reply.frag, getfrag, from, length, transhdrlen, flags) // :1531
	if err != 0 {
		n.ipFlushPendingFrames__(sk, &c.queue, &c.cork) // :1535
		n.reply.giveCork(c)
		return nil, err
	}
	skb := n.ipMakeSkb__(sk, fl4, &c.queue, &c.cork) // :1539
	n.reply.giveCork(c)
	return skb, 0
}

// replyBuf is room that output needs for the time of one call, so that it need
// not be allocated: what ip_send_unicast_reply sends, the page that ip_make_skb
// writes to, and its corks. A sender that sleeps keeps its cork.
type replyBuf struct {
	iov   [64]byte
	frag  core.PageFrag
	corks []*makeCork
}

// makeCork is the queue and the cork of one ip_make_skb.
type makeCork struct {
	queue core.SkBuffHead
	cork  inetCork
}

func (r *replyBuf) takeCork() *makeCork {
	if l := len(r.corks); l > 0 {
		c := r.corks[l-1]
		r.corks = r.corks[:l-1]
		*c = makeCork{}
		return c
	}
	return new(makeCork)
}

func (r *replyBuf) giveCork(c *makeCork) { r.corks = append(r.corks, c) }

// ipReplyGlueBits copies from a replyBuf.
func (n *Net) ipReplyGlueBits(dptr any, to []byte, offset, len, odd int, skb *core.SkBuff) int {
	kernel.Fentry4(&n.Kernel, offset, len, odd, skb) // ip_reply_glue_bits net/ipv4/ip_output.c:1550

	b := dptr.(*replyBuf).iov[offset : offset+len]
	copy(to, b)
	skb.Csum = wire.SumBlock(skb.Csum, wire.Sum(b, 0), odd)
	return 0
}

// IpSendUnicastReply answers skb with a segment of len bytes that no socket
// sends: TCP's resets, and ACKs without a socket. sk is the socket that the
// kernel itself sends from. Segments have at most 64 bytes.
func (n *Net) IpSendUnicastReply(sk *core.Sock, skb *core.SkBuff, sopt *core.IpSkbCb, daddr, saddr wire.Addr, arg *IpReplyArg, len int) {
	kernel.Fentry5(&n.Kernel, sk, skb, daddr, saddr, len) // ip_send_unicast_reply net/ipv4/ip_output.c:1564

	var replyopts IpOptions
	if n.IpOptionsEcho__(&replyopts, skb, sopt) != 0 { // :1574
		return
	}
	var ipc IpcmCookie
	ipcmInit(&ipc)
	ipc.Addr = daddr
	if replyopts.Optlen != 0 {
		ipc.Opt = append([]byte(nil), replyopts.Data[:replyopts.Optlen]...)
	}
	mark := Ip4ReplyMark(skb.Mark)
	if mark == 0 {
		mark = sk.SkMark
	}
	flags := uint8(0)
	if arg.Flags&IpReplyArgNosrccheck != 0 {
		flags = FlowiFlagAnysrc
	}
	iph, th := skb.Ip(), skb.Tcp()
	var fl4 Flowi4
	Flowi4InitOutput(&fl4, arg.BoundDevIf, mark, RtTos(arg.Tos), RtScopeUniverse, iph.Protocol(), flags, daddr, saddr, th.SrcPort(), th.DstPort())
	rt, err := n.IpRouteOutputKey(&fl4) // :1600
	if err != 0 {
		return
	}
	InetSk(sk).Tos = arg.Tos
	sk.SkPriority = skb.Priority
	sk.SkProtocol = iph.Protocol()
	sk.SkBoundDevIf = int32(arg.BoundDevIf)
	sk.SkSndbuf = n.Sysctl.WmemDefault
	sk.SkMark = fl4.Mark
	copy(n.reply.iov[:], arg.Iov[:len])
	err = n.ipAppendData(sk, &fl4, n.ok.ipReplyGlueBits, &n.reply, len, 0, &ipc, &rt, core.MsgDontwait) // :1611
	if err != 0 {
		n.ipFlushPendingFrames(sk) // :1614
		n.IpRtPut(rt)
		return
	}
	if nskb := sk.SkWriteQueue.Peek(); nskb != nil {
		if arg.Csumoffset >= 0 {
			sum := wire.Fold(wire.SumBlock(nskb.Csum, arg.Csum, 0))
			at := nskb.TransportHeader + 2*arg.Csumoffset
			nskb.Head.B[at], nskb.Head.B[at+1] = byte(sum>>8), byte(sum)
		}
		nskb.IpSummed = core.ChecksumNone
		n.ipPushPendingFrames(sk, &fl4) // :1625
	}
	n.IpRtPut(rt) // :1628
}
