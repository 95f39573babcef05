// Reassembly of fragments (net/ipv4/ip_fragment.c, inet_fragment.c). The fragments
// of a datagram wait in order of their offset, for at most ip_frag_time; any that
// overlap spoil the datagram, copies are dropped (RFC 5722). Left out: the limit
// on how far fragments of one source may be apart (ipfrag_max_dist), and
// reassembly for conntrack.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const (
	inetFragFirstIn  = 1
	inetFragLastIn   = 2
	inetFragComplete = 4

	ipqSize = 200 // what a queue itself counts for the memory limit
	e2big   = 7   // E2BIG
)

// netnsFrags are the datagrams that wait for fragments (struct netns_frags).
type netnsFrags struct {
	queues map[fragKey]*ipq
	mem    int // bytes of all waiting fragments
	kind   kernel.TimerKind
}

// fragKey is what fragments of one datagram have in common (struct
// frag_v4_compare_key).
type fragKey struct {
	saddr, daddr wire.Addr
	user         uint32
	id           uint16
	protocol     uint8
}

// ipq is one datagram that waits for fragments (struct ipq).
type ipq struct {
	key       fragKey
	timer     kernel.Timer
	flags     uint8
	refs      int
	len       int // of the whole, as far as known
	meat      int // how much of it is there
	fragments core.SkBuffHead
	iif       int
	ecn       uint8
	maxDfSize int
	maxSize   int
}

// A waiting fragment's place, in its control buffer (ip_defrag_offset).
func fragStart(skb *core.SkBuff) int { return int(skb.Cb.Seq) }
func fragEnd(skb *core.SkBuff) int   { return int(skb.Cb.Seq) + skb.Len }

// ipfragInit sets the limits (ipfrag_init, ipv4_frags_init_net).
func (n *Net) ipfragInit() {
	f := &n.frags
	f.queues = make(map[fragKey]*ipq)
	f.kind = kernel.TimerKind{Name: "ipfrag", Runs: "ip_expire", Func: n.ipExpire}
}

// fragEcnTable is, for the set of ECN marks that fragments bore, what the
// datagram bears: 0xff if that cannot be (ip_frag_ecn_table). Bit e is set in
// the index for mark e.
var fragEcnTable = [16]uint8{
	1 << 3:             0, // all CE: the first fragment's own mark stands
	1<<3 | 1<<2:        InetEcnCe,
	1<<3 | 1<<1:        InetEcnCe,
	1<<3 | 1<<2 | 1<<1: InetEcnCe,
	1 | 1<<3:           0xff,
	1 | 1<<2:           0xff,
	1 | 1<<1:           0xff,
	1 | 1<<1 | 1<<2:    0xff,
	1 | 1<<3 | 1<<2:    0xff,
	1 | 1<<3 | 1<<1:    0xff,
	15:                 0xff,
}

// inetFragKill takes a queue out, so that nothing is added any more.
func (n *Net) inetFragKill(fq *ipq) {
	kernel.Fentry0(&n.Kernel) // inet_frag_kill net/ipv4/inet_fragment.c:107

	if n.DelTimer(&fq.timer) {
		fq.refs--
	}
	if fq.flags&inetFragComplete == 0 {
		fq.flags |= inetFragComplete
		delete(n.frags.queues, fq.key)
		fq.refs--
	}
}

// ipqKill is inet_frag_kill.
func (n *Net) ipqKill(ipq *ipq) {
	kernel.Fentry0(&n.Kernel) // ipq_kill net/ipv4/ip_fragment.c:171

	n.inetFragKill(ipq) // :171
}

// ipqPut drops a reference to a queue; the last one frees what still waits.
func (n *Net) ipqPut(ipq *ipq) {
	kernel.Fentry0(&n.Kernel) // ipq_put net/ipv4/ip_fragment.c:163

	if ipq.refs--; ipq.refs == 0 {
		n.inetFragDestroy(ipq) // include/net/inet_frag.h:125
	}
}

func (n *Net) inetFragDestroy(q *ipq) {
	kernel.Fentry0(&n.Kernel) // inet_frag_destroy net/ipv4/inet_fragment.c:133

	n.inetFragRbtreePurge(q) // :149
	n.frags.mem -= ipqSize
}

// inetFragRbtreePurge frees the fragments of a queue.
func (n *Net) inetFragRbtreePurge(q *ipq) {
	kernel.Fentry0(&n.Kernel) // inet_frag_rbtree_purge net/ipv4/ip_fragment.c:758

	for skb := q.fragments.Dequeue(); skb != nil; skb = q.fragments.Dequeue() {
		n.frags.mem -= skb.Truesize
		n.Drop("datagram incomplete")
		n.KfreeSkb(skb) // :770
	}
}

// ipExpire gives a datagram up and tells its sender, if the first fragment came.
func (n *Net) ipExpire(t *kernel.Timer) {
	kernel.Fentry1(&n.Kernel, t) // ip_expire net/ipv4/ip_fragment.c:188

	qp := t.Owner.(*ipq)
	if qp.flags&inetFragComplete != 0 {
		n.ipqPut(qp) // :264
		return
	}
	n.ipqKill(qp) // :204
	n.Mib[core.MibIpReasmFails]++
	n.Mib[core.MibIpReasmTimeout]++
	if head := qp.fragments.First; qp.flags&inetFragFirstIn != 0 && head != nil {
		qp.fragments.Unlink(head)
		n.frags.mem -= head.Truesize
		if head.Dev = n.devGetByIndex(qp.iif); head.Dev != nil {
			iph := head.Ip()
			err := n.ipRouteInputNoref(head, iph.Dst(), iph.Src(), iph.TOS(), head.Dev) // :243
			if err == 0 {
				n.icmpSend(head, int(wire.ICMPTimeExceeded), int(wire.ICMPExcFragTime), 0) // :256
			}
		}
		n.Drop("datagram incomplete")
		n.KfreeSkb(head) // :263
	}
	n.ipqPut(qp) // :264
}

// ipFind finds or makes the queue for a fragment; nil if too much waits already.
func (n *Net) ipFind(iph wire.IPv4, user uint32) *ipq {
	kernel.Fentry1(&n.Kernel, user) // ip_find net/ipv4/ip_fragment.c:273

	key := fragKey{iph.Src(), iph.Dst(), user, iph.ID(), iph.Protocol()}
	return n.inetFragFind(key) // :283
}

func (n *Net) inetFragFind(key fragKey) *ipq {
	kernel.Fentry0(&n.Kernel) // inet_frag_find net/ipv4/inet_fragment.c:210

	if n.frags.mem > n.Sysctl.IpfragHighThresh {
		return nil
	}
	if fq := n.frags.queues[key]; fq != nil {
		fq.refs++
		return fq
	}
	return n.inetFragCreate(key) // :217
}

func (n *Net) inetFragCreate(key fragKey) *ipq {
	kernel.Fentry0(&n.Kernel) // inet_frag_create net/ipv4/inet_fragment.c:184

	// One reference is the caller's, one the timer's, one the table's.
	q := &ipq{key: key, refs: 3}
	n.frags.mem += ipqSize
	q.timer.Setup(&n.frags.kind, q)
	n.ModTimer(&q.timer, n.Jiffies()+uint64(n.Sysctl.IpfragTime))
	n.frags.queues[key] = q
	return q
}

// ipFragQueue adds a fragment to its queue. 0 means that skb has become the whole
// datagram, -EINPROGRESS that it waits, anything else that it is gone.
func (n *Net) ipFragQueue(qp *ipq, skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // ip_frag_queue net/ipv4/ip_fragment.c:346

	var (
		iph                   wire.IPv4
		ihl, offset, end, err int
		prev                  *core.SkBuff
		fresh                 bool
		dev                   = skb.Dev
	)
	if qp.flags&inetFragComplete != 0 {
		err = -core.ENOENT
		goto free
	}
	iph = skb.Ip()
	ihl, offset = iph.IHL(), iph.FragOff()
	end = offset + skb.Len - skb.NetworkOffset() - ihl
	if !qp.learnLength(iph.MF(), &end, skb) || end == offset {
		err = -core.EINVAL
		goto discardQp
	}
	if n.PskbPull(skb, skb.NetworkOffset()+ihl) == nil { // :404
		err = -core.ENOMEM
		goto discardQp
	}
	err = n.PskbTrimRcsum(skb, end-offset) // :407
	if err != 0 {
		goto discardQp
	}
	prev, fresh = qp.place(offset, end)
	if !fresh {
		err = -core.EINVAL
		if prev != nil { // nothing new: a copy
			goto free
		}
		n.Mib[core.MibIpExtReasmOverlaps]++
		goto discardQp
	}
	qp.fragments.InsertAfter(prev, skb)
	skb.Cb.Seq = uint32(offset)
	n.frags.mem += skb.Truesize
	qp.count(skb, offset, ihl)
	if qp.flags == inetFragFirstIn|inetFragLastIn && qp.meat == qp.len {
		orefdst, noref := skb.Dst, skb.NoRefDst
		skb.Dst, skb.NoRefDst = nil, false
		err = n.ipFragReasm(qp, skb, dev) // :494
		skb.Dst, skb.NoRefDst = orefdst, noref
		if err != 0 {
			n.inetFragKill(qp) // :497
		}
		return err
	}
	n.SkbDstDrop(skb)
	return -core.EINPROGRESS

discardQp:
	n.inetFragKill(qp) // :507
free:
	n.Drop("fragment")
	n.KfreeSkb(skb) // :509
	return err
}

// count adds a fragment that was queued to what is known of the datagram.
func (qp *ipq) count(skb *core.SkBuff, offset, ihl int) {
	iph := skb.Ip()
	if skb.Dev != nil {
		qp.iif = skb.Dev.Ifindex
	}
	qp.meat += skb.Len
	qp.ecn |= 1 << (iph.TOS() & inetEcnMask)
	if offset == 0 {
		qp.flags |= inetFragFirstIn
	}
	fragsize := skb.Len + ihl
	qp.maxSize = max(qp.maxSize, fragsize)
	if iph.DF() {
		qp.maxDfSize = max(qp.maxDfSize, fragsize)
	}
}

// learnLength takes a fragment's word on how long the datagram is; false if that
// contradicts what others said. Fragments but the last end on a multiple of 8.
func (qp *ipq) learnLength(mf bool, end *int, skb *core.SkBuff) bool {
	last := qp.flags&inetFragLastIn != 0
	if !mf {
		if *end < qp.len || last && *end != qp.len {
			return false
		}
		qp.flags |= inetFragLastIn
		qp.len = *end
		return true
	}
	if *end&7 != 0 {
		*end &^= 7
		if skb.IpSummed != core.ChecksumUnnecessary {
			skb.IpSummed = core.ChecksumNone
		}
	}
	if *end > qp.len {
		if last {
			return false
		}
		qp.len = *end
	}
	return true
}

// place finds the fragment behind which [offset, end) belongs, nil for the front.
// If it is not fresh, either all of it is there already (and a fragment that has
// some of it is returned), or it overlaps (nil).
func (qp *ipq) place(offset, end int) (prev *core.SkBuff, fresh bool) {
	prev = qp.fragments.Last
	for prev != nil && fragStart(prev) >= end {
		prev = prev.Prev
	}
	if prev == nil || fragEnd(prev) <= offset {
		return prev, true
	}
	// prev overlaps: it is a copy if one run of fragments without a gap has it all.
	if end > fragEnd(prev) {
		return nil, false
	}
	for f := prev; f != nil; f = f.Prev {
		if fragStart(f) <= offset {
			return f, false
		}
		if f.Prev == nil || fragEnd(f.Prev) != fragStart(f) {
			break
		}
	}
	return nil, false
}

// ipFragReasm makes skb, the fragment that came last, the whole datagram.
func (n *Net) ipFragReasm(qp *ipq, skb *core.SkBuff, dev *core.NetDevice) int {
	kernel.Fentry2(&n.Kernel, skb, dev) // ip_frag_reasm net/ipv4/ip_fragment.c:517

	n.ipqKill(qp) // :528
	ecn := fragEcnTable[qp.ecn]
	if ecn == 0xff {
		n.Mib[core.MibIpReasmFails]++
		return -core.EINVAL
	}
	head := qp.fragments.First
	if head != skb {
		// The caller goes on with skb, so that has to become the head.
		fp := n.SkbClone(skb) // :537
		fp.Cb = skb.Cb
		qp.fragments.Replace(skb, fp)
		qp.fragments.Unlink(head)
		n.SkbMorph(skb, head) // :548
		skb.Cb = head.Cb
		n.ConsumeSkb(head) // :552
		qp.fragments.QueueHead(skb)
		head = skb
	}
	ihlen := head.Ip().IHL()
	length := ihlen + qp.len
	if length > 65535 {
		n.Mib[core.MibIpReasmFails]++
		return -e2big
	}
	was := head.Truesize
	if n.SkbUnclone(head) != 0 { // :569
		n.Mib[core.MibIpReasmFails]++
		return -core.ENOMEM
	}
	n.frags.mem += head.Truesize - was
	qp.fragments.Unlink(head)
	head.Push(head.Data - head.NetworkHeader) // :601
	next := &head.Head.FragList
	n.frags.mem -= head.Truesize
	for fp := qp.fragments.Dequeue(); fp != nil; fp = qp.fragments.Dequeue() {
		n.frags.mem -= fp.Truesize
		*next = fp
		next = &fp.Next
		fp.Sk = nil
		head.DataLen += fp.Len
		head.Len += fp.Len
		if head.IpSummed != fp.IpSummed {
			head.IpSummed = core.ChecksumNone
		} else if head.IpSummed == core.ChecksumComplete {
			head.Csum = wire.SumBlock(head.Csum, fp.Csum, 0)
		}
		head.Truesize += fp.Truesize
	}
	head.Dev = dev
	head.Ipcb.FragMaxSize = uint16(max(qp.maxDfSize, qp.maxSize))
	iph := head.Ip()
	iph.SetTotalLen(uint16(length))
	iph.SetTOS(iph.TOS() | ecn)
	iph.SetFrag(0, 0)
	if qp.maxDfSize == qp.maxSize {
		head.Ipcb.Flags |= IpskbFragPmtu
		iph.SetFrag(wire.IPv4DF, 0)
	}
	iph.UpdateChecksum()
	n.Mib[core.MibIpReasmOKs]++
	return 0
}

// ipDefrag takes a fragment. It returns 0 when skb has become the whole datagram;
// otherwise skb belongs to the reassembler or is gone.
func (n *Net) ipDefrag(skb *core.SkBuff, user uint32) int {
	kernel.Fentry2(&n.Kernel, skb, user) // ip_defrag net/ipv4/ip_fragment.c:687

	n.Mib[core.MibIpReasmReqds]++
	n.SkbOrphan(skb)               // :692
	qp := n.ipFind(skb.Ip(), user) // :695
	if qp == nil {
		n.Mib[core.MibIpReasmFails]++
		n.Drop("fragment memory")
		n.KfreeSkb(skb) // :709
		return -core.ENOMEM
	}
	ret := n.ipFragQueue(qp, skb) // :701
	n.ipqPut(qp)                  // :704
	return ret
}
