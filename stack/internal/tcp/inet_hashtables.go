// The hash tables that find a socket for a segment (net/ipv4/inet_hashtables.c,
// include/net/inet_hashtables.h): connections by their four numbers, listeners
// by address and port. Local ports are in inet_hashtables_bind.go.
//
// Left out: the locks of the buckets, the second table of listeners by port
// alone (nothing looks there once the first is in use), L3 master devices.

package tcp

import (
	"math/bits"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// The tables' sizes at boot, and the sizes that Linux gives them on a machine of
// 2 GB, from which it derives limits.
const (
	ehashMin      = 64
	bhashMin      = 64
	lhash2Size    = 64
	linuxEhash    = 16384
	ehashFillGrow = 2 // entries a bucket before a table doubles
)

// initHashinfo makes empty tables.
func (n *Net) initHashinfo() {
	h := &n.hashinfo
	h.ehash, h.ehashMask = make([]inetEhashBucket, ehashMin), ehashMin-1
	h.bhash, h.bhashSize = make([]inetBindHashbucket, bhashMin), bhashMin
	h.lhash2, h.lhash2Mask = make([]inetListenHashbucket, lhash2Size), lhash2Size-1
	h.ehashSecret = n.PrandomU32()
	h.hashMix = n.PrandomU32()
}

// jhash3words mixes three words and a start value (linux/jhash.h).
func jhash3words(a, b, c, initval uint32) uint32 {
	const jhashInitval = 0xdeadbeef
	init := initval + jhashInitval + 3<<2
	a, b, c = a+init, b+init, c+init
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	return (c ^ b) - bits.RotateLeft32(b, 24)
}

// inetEhashfn hashes a connection (inet_ehashfn).
func (n *Net) inetEhashfn(laddr wire.Addr, lport uint16, faddr wire.Addr, fport uint16) uint32 {
	return jhash3words(uint32(laddr), uint32(faddr), uint32(lport)<<16|uint32(fport),
		n.hashinfo.ehashSecret+n.hashinfo.hashMix)
}

// skEhashfn is the same of a socket, request or remnant (sk_ehashfn).
func (n *Net) skEhashfn(sk *core.SockCommon) uint32 {
	return n.inetEhashfn(sk.SkRcvSaddr, sk.SkNum, sk.SkDaddr, sk.SkDport)
}

// ipv4PortaddrHash hashes a listener (ipv4_portaddr_hash).
func (n *Net) ipv4PortaddrHash(saddr wire.Addr, port uint16) uint32 {
	return jhash3words(uint32(saddr), n.hashinfo.hashMix, 0, 0) ^ uint32(port)
}

// inetMatch reports whether sk is the connection between the remote saddr, sport
// and the local daddr, hnum (INET_MATCH).
func inetMatch(sk *core.SockCommon, saddr, daddr wire.Addr, sport, hnum uint16, dif, sdif int) bool {
	return sk.SkDport == sport && sk.SkNum == hnum && sk.SkDaddr == saddr && sk.SkRcvSaddr == daddr &&
		(sk.SkBoundDevIf == 0 || int(sk.SkBoundDevIf) == dif || int(sk.SkBoundDevIf) == sdif)
}

// add puts sk in front of a chain (__sk_nulls_add_node_rcu).
func (b *inetEhashBucket) add(sk *core.SockCommon) {
	sk.HashNext, sk.HashPrev, sk.Hashed = b.chain, nil, true
	if b.chain != nil {
		b.chain.HashPrev = sk
	}
	b.chain = sk
}

// del takes sk off its chain.
func (b *inetEhashBucket) del(sk *core.SockCommon) {
	if sk.HashPrev != nil {
		sk.HashPrev.HashNext = sk.HashNext
	} else {
		b.chain = sk.HashNext
	}
	if sk.HashNext != nil {
		sk.HashNext.HashPrev = sk.HashPrev
	}
	sk.HashNext, sk.HashPrev, sk.Hashed = nil, nil, false
}

// inetEhashBucket is the chain for a hash (inet_ehash_bucket).
func (h *inetHashinfo) inetEhashBucket(hash uint32) *inetEhashBucket {
	return &h.ehash[hash&h.ehashMask]
}

// ehashAdd puts sk, whose hash is set, into the table of connections.
func (h *inetHashinfo) ehashAdd(sk *core.SockCommon) {
	if h.ehashCount++; h.ehashCount > len(h.ehash)*ehashFillGrow {
		h.ehashGrow()
	}
	h.inetEhashBucket(sk.SkHash).add(sk)
}

// ehashDel takes sk out of it; it reports whether sk was there
// (sk_nulls_del_node_init_rcu).
func (h *inetHashinfo) ehashDel(sk *core.SockCommon) bool {
	if !sk.Hashed {
		return false
	}
	h.ehashCount--
	h.inetEhashBucket(sk.SkHash).del(sk)
	return true
}

func (h *inetHashinfo) ehashGrow() {
	old := h.ehash
	h.ehash = make([]inetEhashBucket, 2*len(old))
	h.ehashMask = uint32(len(h.ehash) - 1)
	for i := range old {
		for sk := old[i].chain; sk != nil; {
			next := sk.HashNext
			h.inetEhashBucket(sk.SkHash).add(sk)
			sk = next
		}
	}
}

// computeScore rates how well a listener fits; below zero: not at all
// (compute_score).
func computeScore(sk *core.SockCommon, hnum uint16, daddr wire.Addr, dif, sdif int) int {
	if sk.SkNum != hnum || sk.SkRcvSaddr != daddr || !ipv4.InetBoundDevEq(int(sk.SkBoundDevIf), dif, sdif) {
		return -1
	}
	return 3 // its family, and the only CPU
}

// inetLhash2Lookup searches a chain of listeners for the best one.
func (n *Net) inetLhash2Lookup(ilb2 *inetListenHashbucket, skb *core.SkBuff, saddr wire.Addr, sport uint16, daddr wire.Addr, hnum uint16, dif, sdif int) *core.Sock {
	kernel.Fentry5(&n.Kernel, skb, saddr, sport, daddr, hnum) // inet_lhash2_lookup net/ipv4/inet_hashtables.c:268

	var result *core.Sock
	hiscore := 0
	for sk := ilb2.head; sk != nil; sk = sk.HashNext {
		score := computeScore(sk, hnum, daddr, dif, sdif)
		if score <= hiscore {
			continue
		}
		if sk.SkReuseport {
			phash := n.inetEhashfn(daddr, hnum, saddr, sport)
			group := ilb2.reuseportGroup(sk)
			return ilb2.reuseportMember(sk, group-1-n.ReuseportSelectSock(sk, phash, group)) // :282
		}
		result, hiscore = sk.Full, score
	}
	return result
}

// reuseportGroup counts the listeners that share sk's address with
// SO_REUSEPORT.
func (ilb2 *inetListenHashbucket) reuseportGroup(sk *core.SockCommon) uint32 {
	group := uint32(0)
	for sk2 := ilb2.head; sk2 != nil; sk2 = sk2.HashNext {
		if reuseportSame(sk, sk2) {
			group++
		}
	}
	return group
}

// reuseportMember is one of them, counted from the newest, which comes first in
// the chain.
func (ilb2 *inetListenHashbucket) reuseportMember(sk *core.SockCommon, index uint32) *core.Sock {
	for sk2 := ilb2.head; sk2 != nil; sk2 = sk2.HashNext {
		if reuseportSame(sk, sk2) {
			if index == 0 {
				return sk2.Full
			}
			index--
		}
	}
	return sk.Full
}

// reuseportSame reports whether two listeners share their address.
func reuseportSame(a, b *core.SockCommon) bool {
	return b.SkReuseport && a.SkNum == b.SkNum && a.SkRcvSaddr == b.SkRcvSaddr && a.SkBoundDevIf == b.SkBoundDevIf
}

// inetLookupListener__ finds the listener for a segment to daddr, hnum: one on
// that address before one on all. It takes no reference.
func (n *Net) inetLookupListener__(net *core.Net, hashinfo *inetHashinfo, skb *core.SkBuff, doff int, saddr wire.Addr, sport uint16, daddr wire.Addr, hnum uint16, dif, sdif int) *core.Sock {
	kernel.Fentry5(&n.Kernel, skb, saddr, sport, daddr, hnum) // __inet_lookup_listener net/ipv4/inet_hashtables.c:306

	ilb2 := &hashinfo.lhash2[n.ipv4PortaddrHash(daddr, hnum)&hashinfo.lhash2Mask]
	result := n.inetLhash2Lookup(ilb2, skb, saddr, sport, daddr, hnum, dif, sdif) // :309
	if result != nil {
		return result
	}
	ilb2 = &hashinfo.lhash2[n.ipv4PortaddrHash(core.InaddrAny, hnum)&hashinfo.lhash2Mask]
	return n.inetLhash2Lookup(ilb2, skb, saddr, sport, core.InaddrAny, hnum, dif, sdif) // :319
}

// inetLookupListener is the same.
func (n *Net) inetLookupListener(net *core.Net, hashinfo *inetHashinfo, skb *core.SkBuff, doff int, saddr wire.Addr, sport uint16, daddr wire.Addr, dport uint16, dif, sdif int) *core.Sock {
	kernel.Fentry5(&n.Kernel, skb, saddr, sport, daddr, dport) // inet_lookup_listener include/net/inet_hashtables.h:262

	return n.inetLookupListener__(net, hashinfo, skb, doff, saddr, sport, daddr, dport, dif, sdif) // :262
}

// inetLookupEstablished__ finds the connection, request or remnant between the
// remote saddr, sport and the local daddr, hnum, and takes a reference to it.
func (n *Net) inetLookupEstablished__(net *core.Net, hashinfo *inetHashinfo, saddr wire.Addr, sport uint16, daddr wire.Addr, hnum uint16, dif, sdif int) *core.SockCommon {
	kernel.Fentry4(&n.Kernel, saddr, sport, daddr, hnum) // __inet_lookup_established net/ipv4/inet_hashtables.c:356

	hash := n.inetEhashfn(daddr, hnum, saddr, sport)
	for sk := hashinfo.inetEhashBucket(hash).chain; sk != nil; sk = sk.HashNext {
		if sk.SkHash == hash && inetMatch(sk, saddr, daddr, sport, hnum, dif, sdif) {
			sk.SkRefcnt++
			return sk
		}
	}
	return nil
}

// inetLookup__ looks among connections and then among listeners; refcounted says
// whether it took a reference.
func (n *Net) inetLookup__(net *core.Net, hashinfo *inetHashinfo, skb *core.SkBuff, doff int, saddr wire.Addr, sport uint16, daddr wire.Addr, dport uint16, dif, sdif int) (sk *core.SockCommon, refcounted bool) {
	kernel.Fentry5(&n.Kernel, skb, saddr, sport, daddr, dport) // __inet_lookup include/net/inet_hashtables.h:341

	sk = n.inetLookupEstablished__(net, hashinfo, saddr, sport, daddr, dport, dif, sdif) // :344
	if sk != nil {
		return sk, true
	}
	lsk := n.inetLookupListener__(net, hashinfo, skb, doff, saddr, sport, daddr, dport, dif, sdif) // :350
	if lsk == nil {
		return nil, false
	}
	return &lsk.SockCommon, false
}

// inetLookupSkb__ finds the socket of a segment: the one that early demux has
// found, or by its addresses.
func (n *Net) inetLookupSkb__(hashinfo *inetHashinfo, skb *core.SkBuff, doff int, sport, dport uint16, sdif int) (sk *core.SockCommon, refcounted bool) {
	kernel.Fentry4(&n.Kernel, skb, doff, sport, dport) // __inet_lookup_skb include/net/inet_hashtables.h:380

	if stolen := skb.Sk; stolen != nil {
		skb.Destructor, skb.Sk = nil, nil
		return &stolen.SockCommon, true
	}
	iph := skb.Ip()
	return n.inetLookup__(&n.Net.Net, hashinfo, skb, doff, iph.Src(), sport, iph.Dst(), dport, ipv4.InetIif(skb), sdif) // :387
}

// inetEhashInsert puts sk into the table of connections, in the place of osk if
// that is given; it fails if osk is no longer there.
func (n *Net) inetEhashInsert(sk, osk *core.SockCommon) bool {
	kernel.Fentry2(&n.Kernel, sk, osk) // inet_ehash_insert net/ipv4/inet_hashtables.c:479

	sk.SkHash = n.skEhashfn(sk)
	if osk != nil {
		if !n.hashinfo.ehashDel(osk) {
			return false
		}
		osk.SkRefcnt-- // the table's
	}
	n.hashinfo.ehashAdd(sk)
	return true
}

// inetEhashNolisten is inetEhashInsert for a socket, which dies if that fails.
func (n *Net) inetEhashNolisten(sk *core.Sock, osk *core.SockCommon) bool {
	kernel.Fentry2(&n.Kernel, sk, osk) // inet_ehash_nolisten net/ipv4/inet_hashtables.c:505

	ok := n.inetEhashInsert(&sk.SockCommon, osk) // :505
	if ok {
		sk.SkProt.Inuse++
	} else {
		sk.SkProt.OrphanCount++
		n.InetSkSetState(sk, core.TcpClose) // :511
		core.SockSetFlag(sk, core.SockDead)
		n.inetCskDestroySock(sk) // :513
	}
	return ok
}

// inetHash__ puts a socket where segments will find it.
func (n *Net) inetHash__(sk *core.Sock, osk *core.SockCommon) int {
	kernel.Fentry2(&n.Kernel, sk, osk) // __inet_hash net/ipv4/inet_hashtables.c:543

	if sk.SkState != core.TcpListen {
		n.inetEhashNolisten(sk, osk) // :548
		return 0
	}
	n.inetHash2(&n.hashinfo, sk) // :565
	core.SockSetFlag(sk, core.SockRcuFree)
	sk.SkProt.Inuse++
	return 0
}

// inetHash2 puts a listener into its table.
func (n *Net) inetHash2(h *inetHashinfo, sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_hash2 net/ipv4/inet_hashtables.c:200

	ilb2 := &h.lhash2[n.ipv4PortaddrHash(sk.SkRcvSaddr, sk.SkNum)&h.lhash2Mask]
	b := inetEhashBucket{ilb2.head}
	b.add(&sk.SockCommon)
	ilb2.head = b.chain
	ilb2.count++
}

// inetUnhash2 takes a listener out of its table.
func (n *Net) inetUnhash2(h *inetHashinfo, sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_unhash2 net/ipv4/inet_hashtables.c:220

	ilb2 := &h.lhash2[n.ipv4PortaddrHash(sk.SkRcvSaddr, sk.SkNum)&h.lhash2Mask]
	b := inetEhashBucket{ilb2.head}
	b.del(&sk.SockCommon)
	ilb2.head = b.chain
	ilb2.count--
}

// inetHash is inetHash__ with bottom halves off, for any socket that is not
// closed.
func (n *Net) inetHash(sk *core.Sock) int {
	kernel.Fentry1(&n.Kernel, sk) // inet_hash net/ipv4/inet_hashtables.c:580

	err := 0
	if sk.SkState != core.TcpClose {
		n.LocalBhDisable()
		err = n.inetHash__(sk, nil) // :582
		n.LocalBhEnable()           // :583
	}
	return err
}

// inetUnhash takes a socket out of the tables, if it is in one.
func (n *Net) inetUnhash(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_unhash net/ipv4/inet_hashtables.c:596

	if !sk.Hashed {
		return
	}
	n.LocalBhDisable()
	if sk.SkState == core.TcpListen {
		n.inetUnhash2(&n.hashinfo, sk) // :612
	} else {
		n.hashinfo.ehashDel(&sk.SockCommon)
	}
	sk.SkProt.Inuse--
	n.SpinUnlockBh() // :620
}
