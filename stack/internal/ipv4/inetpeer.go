// What is remembered of other hosts: how often errors went to them
// (net/ipv4/inetpeer.c). menuos forgets the host it has known longest once it
// knows inetPeerMax of them; Linux scans for idle ones.

package ipv4

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const inetPeerMax = 1024

// inetPeer is one host (struct inet_peer).
type inetPeer struct {
	Daddr      wire.Addr
	RateTokens uint64
	RateLast   uint64 // jiffies
	NRedirects int
}

// inetPeerBase are the hosts known (struct inet_peer_base).
type inetPeerBase struct {
	byAddr map[wire.Addr]*inetPeer
	order  []wire.Addr // a ring, by age
	next   int
}

// inetGetpeerV4 is the peer at an address, made if there is none and create is
// set.
func (n *Net) inetGetpeerV4(v4daddr wire.Addr, vif int, create bool) *inetPeer {
	kernel.Fentry3(&n.Kernel, v4daddr, vif, create) // inet_getpeer_v4 include/net/inetpeer.h:107

	return n.inetGetpeer(v4daddr, create) // :111
}

func (n *Net) inetGetpeer(daddr wire.Addr, create bool) *inetPeer {
	kernel.Fentry2(&n.Kernel, daddr, create) // inet_getpeer net/ipv4/inetpeer.c:189

	b := &n.peers
	if p := b.byAddr[daddr]; p != nil || !create {
		return p
	}
	if b.byAddr == nil {
		b.byAddr = make(map[wire.Addr]*inetPeer)
	}
	if len(b.order) < inetPeerMax {
		b.order = append(b.order, daddr)
	} else {
		delete(b.byAddr, b.order[b.next])
		b.order[b.next] = daddr
		b.next = (b.next + 1) % inetPeerMax
	}
	// Its bucket is full: tokens are counted from a minute ago.
	p := &inetPeer{Daddr: daddr, RateLast: n.Jiffies() - 60*kernel.HZ}
	b.byAddr[daddr] = p
	return p
}

// inetPutpeer ends the use of a peer.
func (n *Net) inetPutpeer(p *inetPeer) {
	kernel.Fentry0(&n.Kernel) // inet_putpeer net/ipv4/inetpeer.c:240
}

// inetPeerXrlimAllow takes timeout jiffies' worth of tokens from a peer's bucket,
// which holds six times that, and reports whether they were there.
func (n *Net) inetPeerXrlimAllow(peer *inetPeer, timeout int) bool {
	kernel.Fentry1(&n.Kernel, timeout) // inet_peer_xrlim_allow net/ipv4/inetpeer.c:268

	const xrlimBurstFactor = 6
	if peer == nil {
		return true
	}
	now, cost := n.Jiffies(), uint64(timeout)
	token := min(peer.RateTokens+now-peer.RateLast, xrlimBurstFactor*cost)
	peer.RateLast = now
	allow := token >= cost
	if allow {
		token -= cost
	}
	peer.RateTokens = token
	return allow
}
