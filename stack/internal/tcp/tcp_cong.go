// Congestion controls as a table (net/ipv4/tcp_cong.c): registering them,
// choosing the default, and giving a socket one by name. Reno itself is in
// tcp_reno.go. The names of the default control, of those that any program may
// choose and of all there are stand in the sysctls and nowhere else.
//
// Left out: modules (both controls are built in) and capabilities (every
// program of the laboratory runs as root).

package tcp

import (
	"slices"
	"strings"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
)

// Flags of a CongestionOps.
const (
	tcpCongNeedsEcn = 0x2 // wants ECT on every packet
)

const (
	tcpCaNameMax = 16
	inetEcnMask  = 3
	inetEcnEct0  = 2
)

// nsCapable is whether the running program has CAP_NET_ADMIN.
const nsCapable = true

// CongestionOps is a congestion control (struct tcp_congestion_ops). Ssthresh,
// UndoCwnd and one of CongAvoid and CongControl must be there, the rest may be
// nil.
type CongestionOps struct {
	Name  string
	Flags uint32

	Init         func(sk *core.Sock)
	Release      func(sk *core.Sock)
	Ssthresh     func(sk *core.Sock) uint32
	CongAvoid    func(sk *core.Sock, ack, acked uint32)
	SetState     func(sk *core.Sock, newState uint8)
	CwndEvent    func(sk *core.Sock, event int)
	InAckEvent   func(sk *core.Sock, flags uint32)
	UndoCwnd     func(sk *core.Sock) uint32
	PktsAcked    func(sk *core.Sock, sample ackSample)
	MinTsoSegs   func(sk *core.Sock) uint32
	SndbufExpand func(sk *core.Sock) uint32
	CongControl  func(sk *core.Sock, rs RateSample)
}

// ackSample is what an ACK tells a congestion control (struct ack_sample).
type ackSample struct {
	pktsAcked uint32
	rttUs     int32
	inFlight  uint32
}

// tcpCaFind finds a control by name; nil if there is none.
func (n *Net) tcpCaFind(name string) *CongestionOps {
	kernel.Fentry1(&n.Kernel, name) // tcp_ca_find net/ipv4/tcp_cong.c:24

	for _, e := range n.caList {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// tcpCaFindAutoload is tcpCaFind: there are no modules to load.
func (n *Net) tcpCaFindAutoload(name string) *CongestionOps {
	kernel.Fentry1(&n.Kernel, name) // tcp_ca_find_autoload net/ipv4/tcp_cong.c:39

	return n.tcpCaFind(name) // :39
}

// tcpRegisterCongestionControl adds a control to those that sockets can have.
func (n *Net) tcpRegisterCongestionControl(ca *CongestionOps) int {
	kernel.Fentry0(&n.Kernel) // tcp_register_congestion_control net/ipv4/tcp_cong.c:71

	if ca.Ssthresh == nil || ca.UndoCwnd == nil || ca.CongAvoid == nil && ca.CongControl == nil {
		return -core.EINVAL
	}
	for _, e := range n.caList {
		if e.Name == ca.Name {
			return -core.EEXIST
		}
	}
	n.caList = append(n.caList, ca)
	n.Sysctl.TcpAvailableCongestionControl = n.caNames()
	return 0
}

// caNames lists the controls there are.
func (n *Net) caNames() string {
	names := make([]string, len(n.caList))
	for i, e := range n.caList {
		names[i] = e.Name
	}
	return strings.Join(names, " ")
}

// defaultCa is the control of new sockets; reno, the first registered, if the
// sysctl names none.
func (n *Net) defaultCa() *CongestionOps {
	for _, e := range n.caList {
		if e.Name == n.Sysctl.TcpCongestionControl {
			return e
		}
	}
	return n.caList[0]
}

// caAllowed reports whether any program may choose a control.
func (n *Net) caAllowed(ca *CongestionOps) bool {
	return slices.Contains(strings.Fields(n.Sysctl.TcpAllowedCongestionControl), ca.Name)
}

// tcpAssignCongestionControl gives a new socket the default control.
func (n *Net) tcpAssignCongestionControl(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_assign_congestion_control net/ipv4/tcp_cong.c:158

	icsk := inetCsk(sk)
	ca := n.defaultCa()
	icsk.IcskCaOps = ca
	icsk.IcskCaPriv = caPriv{}
	if ca.Flags&tcpCongNeedsEcn != 0 {
		inetECNXmit(sk)
	} else {
		inetECNDontxmit(sk)
	}
}

// tcpInitCongestionControl starts the socket's control as the connection comes
// into being.
func (n *Net) tcpInitCongestionControl(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_init_congestion_control net/ipv4/tcp_cong.c:180

	icsk := inetCsk(sk)
	tcpSk(sk).PriorSsthresh = 0
	if icsk.IcskCaOps.Init != nil {
		icsk.IcskCaOps.Init(sk) // :182
	}
	if tcpCaNeedsEcn(sk) {
		inetECNXmit(sk)
	} else {
		inetECNDontxmit(sk)
	}
}

// tcpReinitCongestionControl replaces the control of a socket in use.
func (n *Net) tcpReinitCongestionControl(sk *core.Sock, ca *CongestionOps) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_reinit_congestion_control net/ipv4/tcp_cong.c:192

	icsk := inetCsk(sk)
	n.tcpCleanupCongestionControl(sk) // :194
	icsk.IcskCaOps = ca
	icsk.IcskCaSetsockopt = true
	icsk.IcskCaPriv = caPriv{}
	if sk.SkState != core.TcpClose {
		n.tcpInitCongestionControl(sk) // :200
	}
}

// tcpCleanupCongestionControl lets the control release what it holds.
func (n *Net) tcpCleanupCongestionControl(sk *core.Sock) {
	kernel.Fentry1(&n.Kernel, sk) // tcp_cleanup_congestion_control net/ipv4/tcp_cong.c:206

	icsk := inetCsk(sk)
	if icsk.IcskCaOps.Release != nil {
		icsk.IcskCaOps.Release(sk) // :209
	}
}

// TcpSetDefaultCongestionControl chooses what new sockets get; -ENOENT if
// there is no such control.
func (n *Net) TcpSetDefaultCongestionControl(name string) int {
	kernel.Fentry1(&n.Kernel, name) // tcp_set_default_congestion_control net/ipv4/tcp_cong.c:220

	ca := n.tcpCaFindAutoload(name) // :221
	if ca == nil {
		return -core.ENOENT
	}
	n.Sysctl.TcpCongestionControl = ca.Name
	if !n.caAllowed(ca) {
		n.Sysctl.TcpAllowedCongestionControl = strings.TrimSpace(n.Sysctl.TcpAllowedCongestionControl + " " + ca.Name)
	}
	return 0
}

// tcpCongestionDefault chooses the default of the kernel's configuration.
func (n *Net) tcpCongestionDefault() int {
	kernel.Fentry0(&n.Kernel) // tcp_congestion_default net/ipv4/tcp_cong.c:242

	return n.TcpSetDefaultCongestionControl("cubic") // :242
}

// TcpGetAvailableCongestionControl lists the controls there are.
func (n *Net) TcpGetAvailableCongestionControl() string {
	kernel.Fentry0(&n.Kernel) // tcp_get_available_congestion_control net/ipv4/tcp_cong.c:251

	return n.caNames()
}

// TcpGetDefaultCongestionControl names what new sockets get.
func (n *Net) TcpGetDefaultCongestionControl() string {
	kernel.Fentry0(&n.Kernel) // tcp_get_default_congestion_control net/ipv4/tcp_cong.c:267

	return n.defaultCa().Name
}

// TcpGetAllowedCongestionControl lists the controls that any program may choose.
func (n *Net) TcpGetAllowedCongestionControl() string {
	kernel.Fentry0(&n.Kernel) // tcp_get_allowed_congestion_control net/ipv4/tcp_cong.c:277

	return n.Sysctl.TcpAllowedCongestionControl
}

// TcpSetAllowedCongestionControl makes the controls named in val, separated by
// spaces, those that any program may choose; -ENOENT, and nothing changes, if
// one of them does not exist.
func (n *Net) TcpSetAllowedCongestionControl(val string) int {
	kernel.Fentry1(&n.Kernel, val) // tcp_set_allowed_congestion_control net/ipv4/tcp_cong.c:296

	names := strings.Fields(val)
	for _, name := range names {
		ca := n.tcpCaFind(name) // :305
		if ca == nil {
			return -core.ENOENT
		}
	}
	n.Sysctl.TcpAllowedCongestionControl = strings.Join(names, " ")
	return 0
}

// tcpSetCongestionControl gives a socket the control of that name. With load
// it is a program's wish, which may be refused with -EPERM; without, the caller
// starts the control itself unless reinit is set.
func (n *Net) tcpSetCongestionControl(sk *core.Sock, name string, load, reinit bool) int {
	kernel.Fentry4(&n.Kernel, sk, name, load, reinit) // tcp_set_congestion_control net/ipv4/tcp_cong.c:337

	icsk := inetCsk(sk)
	if icsk.IcskCaDstLocked {
		return -core.EPERM
	}
	var ca *CongestionOps
	if !load {
		ca = n.tcpCaFind(name) // :346
	} else {
		ca = n.tcpCaFindAutoload(name) // :348
	}
	switch {
	case ca == nil:
		return -core.ENOENT
	case ca == icsk.IcskCaOps:
		icsk.IcskCaSetsockopt = true
	case !load && reinit:
		n.tcpReinitCongestionControl(sk, ca) // :363
	case !load:
		icsk.IcskCaOps = ca
	case !nsCapable && !n.caAllowed(ca):
		return -core.EPERM
	default:
		n.tcpReinitCongestionControl(sk, ca) // :377
	}
	return 0
}

// inetECNXmit has the socket send ECT(0) (INET_ECN_xmit).
func inetECNXmit(sk *core.Sock) { ipv4.InetSk(sk).Tos |= inetEcnEct0 }

// inetECNDontxmit has the socket send packets without ECT (INET_ECN_dontxmit).
func inetECNDontxmit(sk *core.Sock) { ipv4.InetSk(sk).Tos &^= inetEcnMask }
