// How bind and listen choose and refuse ports (net/ipv4/inet_connection_sock.c,
// first half).
//
// Left out: user ids (everybody is root), reserved ports, IPv6, SK_FORCE_REUSE.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Values of InetBindBucket.Fastreuseport: any owner's address will do, or the
// address must be compared.
const (
	fastreuseportAny    = 1
	fastreuseportStrict = 2
)

// ipv4RcvSaddrEqual reports whether two local addresses are the same; with
// matchWildcard 0.0.0.0 is the same as any (ipv4_rcv_saddr_equal).
func ipv4RcvSaddrEqual(a, b wire.Addr, matchWildcard bool) bool {
	return a == b || (a == 0 || b == 0) && matchWildcard
}

// inetGetLocalPortRange is the range of ports that are given out
// (inet_get_local_port_range).
func (n *Net) inetGetLocalPortRange() (low, high int) {
	return n.Sysctl.IpLocalPortRange[0], n.Sysctl.IpLocalPortRange[1]
}

// inetCskBindConflict reports whether an owner of tb keeps sk from its port. Two
// may share one if they are bound to different devices or addresses, if both
// have SO_REUSEADDR and the owner does not listen (which relax allows), or if
// both have SO_REUSEPORT (which reuseportOk allows).
func (n *Net) inetCskBindConflict(sk *core.Sock, tb *InetBindBucket, relax, reuseportOk bool) bool {
	kernel.Fentry4(&n.Kernel, sk, tb, relax, reuseportOk) // inet_csk_bind_conflict net/ipv4/inet_connection_sock.c:137

	reuse := sk.SkReuse != 0
	reuseport := sk.SkReuseport && reuseportOk
	for sk2 := tb.Owners; sk2 != nil; sk2 = sk2.BindNext {
		if sk2 == &sk.SockCommon ||
			sk.SkBoundDevIf != 0 && sk2.SkBoundDevIf != 0 && sk.SkBoundDevIf != sk2.SkBoundDevIf ||
			!ipv4RcvSaddrEqual(sk.SkRcvSaddr, sk2.SkRcvSaddr, true) {
			continue
		}
		bothReuse := reuse && sk2.SkReuse != 0 && sk2.SkState != core.TcpListen
		if !bothReuse && !(reuseport && sk2.SkReuseport) {
			return true
		}
		if !relax && bothReuse {
			return true
		}
	}
	return false
}

// inetCskFindOpenPort finds a port for sk, preferring the parity that connect
// does not; tb is its bucket if it has one. With SO_REUSEADDR the lower half of
// the range comes first.
func (n *Net) inetCskFindOpenPort(sk *core.Sock) (tb *InetBindBucket, port int, ok bool) {
	kernel.Fentry1(&n.Kernel, sk) // inet_csk_find_open_port net/ipv4/inet_connection_sock.c:179

	attemptHalf := 0
	if sk.SkReuse == core.SkCanReuse {
		attemptHalf = 1
	}
	for {
		low, high := n.inetGetLocalPortRange()
		high++
		if high-low < 4 {
			attemptHalf = 0
		}
		if attemptHalf != 0 {
			half := low + (high-low)>>2<<1
			if attemptHalf == 1 {
				high = half
			} else {
				low = half
			}
		}
		remaining := high - low
		if remaining > 1 {
			remaining &^= 1
		}
		offset := int(n.PrandomU32()%uint32(remaining)) | 1
		for range 2 {
			port = low + offset
			for i := 0; i < remaining; i, port = i+2, port+2 {
				if port >= high {
					port -= remaining
				}
				n.LocalBhDisable()
				tb = n.hashinfo.inetBhashfn(uint16(port)).inetBindBucketFind(uint16(port))
				if tb == nil {
					return nil, port, true
				}
				if !n.inetCskBindConflict(sk, tb, false, false) { // :226
					return tb, port, true
				}
				n.SpinUnlockBh() // :233
				n.CondResched()
			}
			offset--
		}
		if attemptHalf != 1 {
			return nil, 0, false
		}
		attemptHalf = 2
	}
}

// skReuseportMatch reports whether sk can join the owners of tb without a look at
// each of them (sk_reuseport_match).
func skReuseportMatch(tb *InetBindBucket, sk *core.Sock) bool {
	if tb.Fastreuseport <= 0 || !sk.SkReuseport {
		return false
	}
	return tb.Fastreuseport == fastreuseportAny || ipv4RcvSaddrEqual(tb.FastRcvSaddr, sk.SkRcvSaddr, true)
}

// inetCskGetPort gives sk the local port snum, or any if that is 0. It returns 0,
// or 1 if it cannot.
func (n *Net) inetCskGetPort(sk *core.Sock, snum uint16) int {
	kernel.Fentry2(&n.Kernel, sk, snum) // inet_csk_get_port net/ipv4/inet_connection_sock.c:292

	reuse := sk.SkReuse != 0 && sk.SkState != core.TcpListen
	port := int(snum)
	var tb *InetBindBucket
	if port == 0 {
		var ok bool
		tb, port, ok = n.inetCskFindOpenPort(sk) // :304
		if !ok {
			return 1
		}
		if tb == nil {
			tb = n.inetBindBucketCreate(n.hashinfo.inetBhashfn(uint16(port)), uint16(port)) // :319
		}
	} else {
		n.LocalBhDisable()
		head := n.hashinfo.inetBhashfn(snum)
		if tb = head.inetBindBucketFind(snum); tb == nil {
			tb = n.inetBindBucketCreate(head, snum) // :319
		}
		if tb.Owners != nil && !(tb.Fastreuse > 0 && reuse) && !skReuseportMatch(tb, sk) {
			if n.inetCskBindConflict(sk, tb, true, true) { // :331
				n.SpinUnlockBh() // :384
				return 1
			}
		}
	}
	n.inetCskUpdateFastreuse(tb, sk, reuse)
	if inetCsk(sk).IcskBindHash == nil {
		n.inetBindHash(sk, tb, uint16(port)) // :379
	}
	n.SpinUnlockBh() // :384
	return 0
}

// inetCskUpdateFastreuse keeps the summary of tb's owners true when sk joins
// them.
func (n *Net) inetCskUpdateFastreuse(tb *InetBindBucket, sk *core.Sock, reuse bool) {
	if tb.Owners == nil {
		tb.Fastreuse = 0
		if reuse {
			tb.Fastreuse = 1
		}
		tb.Fastreuseport = 0
		if sk.SkReuseport {
			tb.Fastreuseport = fastreuseportAny
			tb.FastRcvSaddr = sk.SkRcvSaddr
		}
		return
	}
	if !reuse {
		tb.Fastreuse = 0
	}
	switch {
	case !sk.SkReuseport:
		tb.Fastreuseport = 0
	case !skReuseportMatch(tb, sk):
		tb.Fastreuseport = fastreuseportStrict
		tb.FastRcvSaddr = sk.SkRcvSaddr
	}
}
