// What has to be remembered of earlier steps to tell a later one.

package steps

import (
	"net/netip"

	"menuos/stack"
	"menuos/stack/wire"
)

// memory is how many connections, sockets and packets a Relative remembers; it
// forgets the oldest.
const memory = 4096

// Relative remembers of the steps seen so far what later ones need: initial
// sequence numbers, so that segments print relative to them in both directions,
// as packetdrill and tcpdump do; the ports of sockets that have given theirs
// back; the text of segments that may be sent again. Steps must be shown to it
// in the order in which they happened. Of a connection whose SYN it has not seen,
// numbers print absolute. The zero value is ready; it is not safe for concurrent
// use.
type Relative struct {
	flows aging[flow, *isns]
	local aging[uint64, netip.AddrPort] // by cookie
	sent  aging[uint64, string]         // by SkbID: what was sent
	pad   []byte                        // room to complete a packet that was cut
}

// flow is a pair of endpoints, the lower one first.
type flow struct {
	proto uint8
	a, b  netip.AddrPort
}

func flowOf(proto uint8, a, b netip.AddrPort) flow {
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	return flow{proto, a, b}
}

// isns are the initial sequence numbers of a connection: of the side that
// printed first as its source, and of the other.
type isns struct {
	wire.SeqBase
	srcKnown, dstKnown bool
}

// aging is a map that holds at most memory entries; a new one pushes the oldest
// out.
type aging[K comparable, V any] struct {
	m     map[K]V
	order []K // a ring
	next  int
}

func (a *aging[K, V]) get(k K) (V, bool) {
	v, ok := a.m[k]
	return v, ok
}

func (a *aging[K, V]) put(k K, v V) {
	if a.m == nil {
		a.m = make(map[K]V)
	}
	if _, ok := a.m[k]; !ok {
		if len(a.order) < memory {
			a.order = append(a.order, k)
		} else {
			delete(a.m, a.order[a.next])
			a.order[a.next] = k
			a.next = (a.next + 1) % memory
		}
	}
	a.m[k] = v
}

// base is what the numbers of a TCP segment are printed relative to; a SYN is
// learnt from. nil: absolute.
func (r *Relative) base(ip wire.IPv4, th wire.TCP) *wire.SeqBase {
	if r == nil {
		return nil
	}
	src := netip.AddrPortFrom(ip.Src().Netip(), th.SrcPort())
	dst := netip.AddrPortFrom(ip.Dst().Netip(), th.DstPort())
	key := flowOf(wire.ProtoTCP, src, dst)
	f, ok := r.flows.get(key)
	if th.Flags()&wire.SYN == 0 {
		if !ok {
			return nil
		}
		return &f.SeqBase
	}
	if !ok {
		f = r.begin(key, ip, th)
	}
	f.learn(ip, th)
	return &f.SeqBase
}

func (r *Relative) begin(key flow, ip wire.IPv4, th wire.TCP) *isns {
	f := &isns{SeqBase: wire.SeqBase{Src: ip.Src(), Dst: ip.Dst(), SrcPort: th.SrcPort(), DstPort: th.DstPort()}}
	r.flows.put(key, f)
	return f
}

// learn takes the initial sequence number from a SYN. A number other than the
// one that its side had begins another connection, of which the other side's
// number is not known yet.
func (f *isns) learn(ip wire.IPv4, th wire.TCP) {
	own, known, other := &f.SrcISN, &f.srcKnown, &f.dstKnown
	otherISN := &f.DstISN
	if ip.Src() != f.Src || th.SrcPort() != f.SrcPort {
		own, known, other, otherISN = otherISN, other, known, own
	}
	if *known && *own != th.Seq() && th.Flags()&wire.ACK == 0 {
		*other, *otherISN = false, 0
	}
	*own, *known = th.Seq(), true
}

// where is the local end of the event's socket. A socket that has given its port
// back is still known by the one that it had.
func (r *Relative) where(ev *stack.Event) netip.AddrPort {
	s := &ev.Sock
	at := netip.AddrPortFrom(s.Saddr.Netip(), s.Sport)
	if r == nil || s.Cookie == 0 {
		return at
	}
	if s.Sport != 0 {
		r.local.put(s.Cookie, at)
		return at
	}
	if had, ok := r.local.get(s.Cookie); ok {
		return had
	}
	return at
}
