// Local ports: who uses which, and how connect chooses one
// (net/ipv4/inet_hashtables.c, include/net/inet_hashtables.h). How bind chooses
// is in inet_connection_sock_bind.go.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
)

// inetBhashfn is the chain of a port (inet_bhashfn).
func (h *inetHashinfo) inetBhashfn(lport uint16) *inetBindHashbucket {
	return &h.bhash[(uint32(lport)+h.hashMix)&(h.bhashSize-1)]
}

// inetBindBucketFind is the bucket of a port in a chain, nil if the port is free
// (inet_bind_bucket_for_each).
func (head *inetBindHashbucket) inetBindBucketFind(port uint16) *InetBindBucket {
	for tb := head.chain; tb != nil; tb = tb.next {
		if tb.Port == port {
			return tb
		}
	}
	return nil
}

func (head *inetBindHashbucket) add(tb *InetBindBucket) {
	tb.next, tb.prev = head.chain, nil
	if head.chain != nil {
		head.chain.prev = tb
	}
	head.chain = tb
}

// inetBindBucketCreate makes the bucket of a free port.
func (n *Net) inetBindBucketCreate(head *inetBindHashbucket, snum uint16) *InetBindBucket {
	kernel.Fentry1(&n.Kernel, snum) // inet_bind_bucket_create net/ipv4/inet_hashtables.c:71

	h := &n.hashinfo
	if h.bhashCount++; h.bhashCount > len(h.bhash)*ehashFillGrow {
		h.bhashGrow()
		head = h.inetBhashfn(snum)
	}
	tb := &InetBindBucket{Port: snum}
	head.add(tb)
	return tb
}

func (h *inetHashinfo) bhashGrow() {
	old := h.bhash
	h.bhash = make([]inetBindHashbucket, 2*len(old))
	h.bhashSize = uint32(len(h.bhash))
	for i := range old {
		for tb := old[i].chain; tb != nil; {
			next := tb.next
			h.inetBhashfn(tb.Port).add(tb)
			tb = next
		}
	}
}

// inetBindBucketDestroy frees a port that nobody uses any more.
func (n *Net) inetBindBucketDestroy(tb *InetBindBucket) {
	kernel.Fentry1(&n.Kernel, tb) // inet_bind_bucket_destroy net/ipv4/inet_hashtables.c:90

	if tb.Owners != nil {
		return
	}
	h := &n.hashinfo
	if tb.prev != nil {
		tb.prev.next = tb.next
	} else {
		h.inetBhashfn(tb.Port).chain = tb.next
	}
	if tb.next != nil {
		tb.next.prev = tb.prev
	}
	h.bhashCount--
}

// addOwner puts a socket or remnant in front of a port's owners
// (sk_add_bind_node).
func (tb *InetBindBucket) addOwner(sk *core.SockCommon) {
	sk.BindNext, sk.BindPrev = tb.Owners, nil
	if tb.Owners != nil {
		tb.Owners.BindPrev = sk
	}
	tb.Owners = sk
}

// delOwner takes it out (__sk_del_bind_node).
func (tb *InetBindBucket) delOwner(sk *core.SockCommon) {
	if sk.BindPrev != nil {
		sk.BindPrev.BindNext = sk.BindNext
	} else {
		tb.Owners = sk.BindNext
	}
	if sk.BindNext != nil {
		sk.BindNext.BindPrev = sk.BindPrev
	}
	sk.BindNext, sk.BindPrev = nil, nil
}

// inetBindHash gives a socket its port.
func (n *Net) inetBindHash(sk *core.Sock, tb *InetBindBucket, snum uint16) {
	kernel.Fentry3(&n.Kernel, sk, tb, snum) // inet_bind_hash net/ipv4/inet_hashtables.c:99

	sk.SkNum = snum
	tb.addOwner(&sk.SockCommon)
	inetCsk(sk).IcskBindHash = tb
}

// inetPutPort__ takes a socket's port away.
func (n *Net) inetPutPort__(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // __inet_put_port net/ipv4/inet_hashtables.c:109

	icsk := inetCsk(sk)
	tb := icsk.IcskBindHash
	tb.delOwner(&sk.SockCommon)
	icsk.IcskBindHash = nil
	sk.SkNum = 0
	n.inetBindBucketDestroy(tb) // :120
}

// inetPutPort is inetPutPort__ with bottom halves off.
func (n *Net) inetPutPort(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // inet_put_port net/ipv4/inet_hashtables.c:126

	n.LocalBhDisable()
	n.inetPutPort__(sk) // :127
	n.LocalBhEnable()   // :128
}

// inetInheritPort__ lets a new connection use its listener's port.
func (n *Net) inetInheritPort__(sk, child *core.Sock) int {
	kernel.Fentry2(&n.Kernel, sk, child) // __inet_inherit_port net/ipv4/inet_hashtables.c:134

	port := child.SkNum
	tb := inetCsk(sk).IcskBindHash
	if tb == nil {
		return -core.ENOENT
	}
	if tb.Port != port {
		head := n.hashinfo.inetBhashfn(port)
		if tb = head.inetBindBucketFind(port); tb == nil {
			tb = n.inetBindBucketCreate(head, port) // :162
		}
	}
	n.inetBindHash(child, tb, port) // :171
	return 0
}

// inetCheckEstablished__ enters a socket into the table of connections with
// local port lport, unless the connection exists. A remnant of it that may be
// recycled leaves the table: it is returned if the caller wants it, and killed
// otherwise.
func (n *Net) inetCheckEstablished__(deathRow *inetTimewaitDeathRow, sk *core.Sock, lport uint16, wantTw bool) (tw *TimewaitSock, err int) {
	kernel.Fentry3(&n.Kernel, deathRow, sk, lport) // __inet_check_established net/ipv4/inet_hashtables.c:403

	inet := ipv4.InetSk(sk)
	daddr, saddr := sk.SkRcvSaddr, sk.SkDaddr
	dif := int(sk.SkBoundDevIf)
	hash := n.inetEhashfn(daddr, lport, saddr, sk.SkDport)
	for sk2 := n.hashinfo.inetEhashBucket(hash).chain; sk2 != nil; sk2 = sk2.HashNext {
		if sk2.SkHash != hash || !inetMatch(sk2, saddr, daddr, sk.SkDport, lport, dif, 0) {
			continue
		}
		if sk2.SkState != core.TcpTimeWait {
			return nil, -core.EADDRNOTAVAIL
		}
		tw = inetTwsk(sk2)
		if !n.tcpTwskUnique(sk, sk2, wantTw) { // :430
			return nil, -core.EADDRNOTAVAIL
		}
		break
	}

	sk.SkNum = lport
	inet.InetSport = lport
	sk.SkHash = hash
	n.hashinfo.ehashAdd(&sk.SockCommon)
	if tw != nil {
		n.hashinfo.ehashDel(&tw.SockCommon)
		tw.SkRefcnt--
		n.Mib[core.MibTcpExtTWRecycled]++
	}
	sk.SkProt.Inuse++
	if !wantTw && tw != nil {
		n.inetTwskDeschedulePut(tw) // :456
		tw = nil
	}
	return tw, 0
}

// inetSkPortOffset is where a destination's search for a port begins
// (inet_sk_port_offset).
func (n *Net) inetSkPortOffset(sk *core.Sock) uint32 {
	kernel.Fentry1(&n.Kernel, sk) // inet_sk_port_offset net/ipv4/inet_hashtables.c:467

	return n.SecureIpv4PortEphemeral(sk.SkRcvSaddr, sk.SkDaddr, sk.SkDport) // :469
}

// inetHashConnect__ gives a connecting socket a port, if it has none, and enters
// it into the table of connections. It tries ports of the parity of the range's
// lower end first, from a place that depends on the destination; bind does the
// opposite.
func (n *Net) inetHashConnect__(deathRow *inetTimewaitDeathRow, sk *core.Sock, portOffset uint32) int {
	kernel.Fentry3(&n.Kernel, deathRow, sk, portOffset) // __inet_hash_connect net/ipv4/inet_hashtables.c:628

	h := &n.hashinfo
	if port := sk.SkNum; port != 0 {
		n.LocalBhDisable()
		if tb := inetCsk(sk).IcskBindHash; tb.Owners == &sk.SockCommon && sk.BindNext == nil {
			n.inetEhashNolisten(sk, nil) // :646
			n.SpinUnlockBh()             // :647
			return 0
		}
		_, ret := n.inetCheckEstablished__(deathRow, sk, port, false) // :652
		n.LocalBhEnable()                                             // :653
		return ret
	}

	low, high := n.inetGetLocalPortRange()
	high++
	remaining := high - low
	if remaining > 1 {
		remaining &^= 1
	}
	offset := int((h.connectHint+portOffset)%uint32(remaining)) &^ 1
	for {
		port := low + offset
		for i := 0; i < remaining; i, port = i+2, port+2 {
			if port >= high {
				port -= remaining
			}
			n.LocalBhDisable()
			head := h.inetBhashfn(uint16(port))
			var tw *TimewaitSock
			tb := head.inetBindBucketFind(uint16(port))
			switch {
			case tb == nil:
				tb = n.inetBindBucketCreate(head, uint16(port)) // :698
				tb.Fastreuse, tb.Fastreuseport = -1, -1
			case tb.Fastreuse >= 0 || tb.Fastreuseport >= 0:
				tb = nil // bind's
			default:
				var err int
				tw, err = n.inetCheckEstablished__(deathRow, sk, uint16(port), true) // :691
				if err != 0 {
					tb = nil
				}
			}
			if tb == nil {
				n.SpinUnlockBh() // :708
				n.CondResched()
				continue
			}

			h.connectHint += uint32(i) + 2
			n.inetBindHash(sk, tb, uint16(port)) // :722
			if !sk.Hashed {
				ipv4.InetSk(sk).InetSport = uint16(port)
				n.inetEhashNolisten(sk, nil) // :725
			}
			if tw != nil {
				n.inetTwskBindUnhash(tw)    // :728
				n.inetTwskDeschedulePut(tw) // :731
			}
			n.LocalBhEnable() // :732
			return 0
		}
		offset++
		if offset&1 == 0 || remaining <= 1 {
			return -core.EADDRNOTAVAIL
		}
	}
}

// inetHashConnect is what connect calls.
func (n *Net) inetHashConnect(deathRow *inetTimewaitDeathRow, sk *core.Sock) int {
	kernel.Fentry2(&n.Kernel, deathRow, sk) // inet_hash_connect net/ipv4/inet_hashtables.c:744

	var portOffset uint32
	if sk.SkNum == 0 {
		portOffset = n.inetSkPortOffset(sk) // :745
	}
	return n.inetHashConnect__(deathRow, sk, portOffset) // :746
}
