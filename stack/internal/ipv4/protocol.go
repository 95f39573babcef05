// The tables of transport protocols (net/ipv4/protocol.c, af_inet.c).

package ipv4

import (
	"slices"

	"menuos/stack/internal/kernel"
)

// InetAddProtocol registers a transport protocol; -1 if there is one.
func (n *Net) InetAddProtocol(prot *NetProtocol, protocol uint8) int {
	kernel.Fentry1(&n.Kernel, protocol) // inet_add_protocol net/ipv4/protocol.c:38

	if n.protos[protocol] != nil {
		return -1
	}
	n.protos[protocol] = prot
	return 0
}

// InetAddOffload registers how a transport protocol cuts its packets; -1 if it
// has said so already.
func (n *Net) InetAddOffload(prot *NetOffload, protocol uint8) int {
	kernel.Fentry1(&n.Kernel, protocol) // inet_add_offload net/ipv4/protocol.c:51

	if n.offloads[protocol] != nil {
		return -1
	}
	n.offloads[protocol] = prot
	return 0
}

// InetRegisterProtosw says which protocol a kind of socket speaks. Permanent
// entries come first and are never overridden.
func (n *Net) InetRegisterProtosw(p *Protosw) {
	kernel.Fentry0(&n.Kernel) // inet_register_protosw net/ipv4/af_inet.c:1124

	if p.Type < 0 || p.Type >= len(n.sw) {
		return
	}
	at := 0
	for _, answer := range n.sw[p.Type] {
		if answer.Flags&InetProtoswPermanent == 0 {
			break
		}
		if answer.Protocol == p.Protocol {
			return
		}
		at++
	}
	n.sw[p.Type] = slices.Insert(n.sw[p.Type], at, p)
}

// InetUnregisterProtosw takes an entry out again, unless it is permanent.
func (n *Net) InetUnregisterProtosw(p *Protosw) {
	kernel.Fentry0(&n.Kernel) // inet_unregister_protosw net/ipv4/af_inet.c:1169

	if p.Flags&InetProtoswPermanent != 0 {
		return
	}
	n.sw[p.Type] = slices.DeleteFunc(n.sw[p.Type], func(q *Protosw) bool { return q == p })
}
