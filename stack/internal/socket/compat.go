// The 32-bit entry: one system call, socketcall, for all socket calls
// (net/compat.c).

package socket

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// Calls of socketcall (include/uapi/linux/net.h).
const (
	SysSocket      = 1
	SysBind        = 2
	SysConnect     = 3
	SysListen      = 4
	SysAccept      = 5
	SysGetsockname = 6
	SysGetpeername = 7
	SysSend        = 9
	SysRecv        = 10
	SysSendto      = 11
	SysRecvfrom    = 12
	SysShutdown    = 13
	SysSetsockopt  = 14
	SysGetsockopt  = 15
	SysAccept4     = 18
)

func (n *Net) ia32CompatSysSocketcall__(regs *kernel.Regs) int64 {
	kernel.Fentry1(&n.Kernel, regs) // __ia32_compat_sys_socketcall net/compat.c:838

	return n.seCompatSysSocketcall__(regs.Bx, regs) // :838
}

func (n *Net) seCompatSysSocketcall__(call int, args *kernel.Regs) int64 {
	kernel.Fentry2(&n.Kernel, call, args) // __se_compat_sys_socketcall net/compat.c:838

	return int64(n.doCompatSysSocketcall__(call, args)) // :838
}

func (n *Net) doCompatSysSocketcall__(call int, args *kernel.Regs) int {
	kernel.Fentry2(&n.Kernel, call, args) // __do_compat_sys_socketcall net/compat.c:845

	a := &args.A
	a0, a1 := int(a[0]), int(a[1])
	switch call {
	case SysSocket:
		return n.sysSocket__(a0, a1, int(a[2])) // :863
	case SysBind:
		return n.sysBind__(a0, args.Addr, int(a[2])) // :866
	case SysConnect:
		return n.sysConnect__(a0, args.Addr, int(a[2])) // :869
	case SysListen:
		return n.sysListen__(a0, a1) // :872
	case SysAccept:
		return n.sysAccept4__(a0, args, 0) // :875
	case SysGetsockname:
		return n.sysGetsockname__(a0, args) // :878
	case SysGetpeername:
		return n.sysGetpeername__(a0, args) // :881
	case SysSend:
		return n.sysSendto__(a0, args.Buf, int(a[3]), nil, 0) // :887
	case SysSendto:
		return n.sysSendto__(a0, args.Buf, int(a[3]), args.Addr, int(a[5])) // :887 (gcc shares the call with SYS_SEND)
	case SysRecv:
		return n.compatSysRecvfrom__(a0, args, int(a[3])) // :894
	case SysRecvfrom:
		return n.compatSysRecvfrom__(a0, args, int(a[3])) // :898
	case SysShutdown:
		return n.sysShutdown__(a0, a1) // :903
	case SysSetsockopt:
		return n.compatSysSetsockopt__(a0, a1, int(a[2]), args.Buf) // :906
	case SysGetsockopt:
		return n.compatSysGetsockopt__(a0, a1, int(a[2]), args) // :910
	case SysAccept4:
		return n.sysAccept4__(a0, args, int(a[3])) // :929
	}
	return -core.EINVAL
}

func (n *Net) compatSysSetsockopt__(fd, level, optname int, optval []byte) int {
	kernel.Fentry3(&n.Kernel, fd, level, optname) // __compat_sys_setsockopt net/compat.c:389

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	if level == core.SolSocket {
		return n.compatSockSetsockopt(sock, level, optname, optval) // :405
	}
	return sock.Ops.CompatSetsockopt(sock, level, optname, optval) // :408
}

func (n *Net) compatSockSetsockopt(sock *core.Socket, level, optname int, optval []byte) int {
	kernel.Fentry4(&n.Kernel, sock, level, optname, optval) // compat_sock_setsockopt net/compat.c:376

	if optname == core.SoRcvtimeo || optname == core.SoSndtimeo {
		return n.doSetSockTimeout(sock, level, optname, optval) // :382
	}
	return n.SockSetsockopt(sock, level, optname, optval) // :384
}

// doSetSockTimeout widens a 32-bit struct timeval to the kernel's.
func (n *Net) doSetSockTimeout(sock *core.Socket, level, optname int, optval []byte) int {
	kernel.Fentry4(&n.Kernel, sock, level, optname, optval) // do_set_sock_timeout net/compat.c:359

	if len(optval) < 8 {
		return -core.EINVAL
	}
	ktime := make([]byte, 16)
	le := binary.LittleEndian
	le.PutUint64(ktime, uint64(int32(le.Uint32(optval))))
	le.PutUint64(ktime[8:], uint64(int32(le.Uint32(optval[4:]))))
	return n.SockSetsockopt(sock, level, optname, ktime) // :367
}

// compatSysGetsockopt__ stores the option in regs.Buf and its length in regs.A[5].
func (n *Net) compatSysGetsockopt__(fd, level, optname int, regs *kernel.Regs) int {
	kernel.Fentry4(&n.Kernel, fd, level, optname, regs) // __compat_sys_getsockopt net/compat.c:522

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	var length int
	if level == core.SolSocket {
		length, err = n.compatSockGetsockopt(sock, level, optname, regs.Buf) // :534
	} else {
		length, err = sock.Ops.CompatGetsockopt(sock, level, optname, regs.Buf) // :537
	}
	regs.A[5] = int64(length)
	return err
}

func (n *Net) compatSockGetsockopt(sock *core.Socket, level, optname int, optval []byte) (int, int) {
	kernel.Fentry4(&n.Kernel, sock, level, optname, optval) // compat_sock_getsockopt net/compat.c:456

	if optname == core.SoRcvtimeo || optname == core.SoSndtimeo {
		return n.doGetSockTimeout(sock, level, optname, optval) // :458
	}
	return n.SockGetsockopt(sock, level, optname, optval) // :459
}

// doGetSockTimeout narrows the kernel's struct timeval to a 32-bit one.
func (n *Net) doGetSockTimeout(sock *core.Socket, level, optname int, optval []byte) (int, int) {
	kernel.Fentry4(&n.Kernel, sock, level, optname, optval) // do_get_sock_timeout net/compat.c:427

	if len(optval) < 8 {
		return 0, -core.EINVAL
	}
	ktime := make([]byte, 16)
	if _, err := n.SockGetsockopt(sock, level, optname, ktime); err < 0 { // :440
		return 0, err
	}
	le := binary.LittleEndian
	le.PutUint32(optval, uint32(le.Uint64(ktime)))
	le.PutUint32(optval[4:], uint32(le.Uint64(ktime[8:])))
	return 8, 0
}
