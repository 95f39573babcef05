// ioctl of a 32-bit program on a socket (fs/compat_ioctl.c, net/socket.c):
// interfaces are configured so.

package socket

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

func (n *Net) ia32CompatSysIoctl__(regs *kernel.Regs) int64 {
	kernel.Fentry1(&n.Kernel, regs) // __ia32_compat_sys_ioctl fs/compat_ioctl.c:998

	return n.seCompatSysIoctl__(int(regs.A[0]), uint32(regs.A[1]), regs) // :998
}

func (n *Net) seCompatSysIoctl__(fd int, cmd uint32, arg *kernel.Regs) int64 {
	kernel.Fentry2(&n.Kernel, fd, cmd) // __se_compat_sys_ioctl fs/compat_ioctl.c:998

	return n.doCompatSysIoctl__(fd, cmd, arg) // :998
}

func (n *Net) doCompatSysIoctl__(fd int, cmd uint32, arg *kernel.Regs) int64 {
	kernel.Fentry2(&n.Kernel, fd, cmd) // __do_compat_sys_ioctl fs/compat_ioctl.c:998

	f := n.Current().Files.Get(fd)
	if f == nil {
		return -core.EBADF
	}
	sock, ok := f.PrivateData.(*core.Socket)
	if !ok {
		return -core.ENOTTY
	}
	err := n.compatSockIoctl(sock, cmd, arg.P) // :1052
	if err == -core.ENOIOCTLCMD {
		err = -core.ENOTTY
	}
	return int64(err)
}

func (n *Net) compatSockIoctl(sock *core.Socket, cmd uint32, arg any) int {
	kernel.Fentry2(&n.Kernel, sock, cmd) // compat_sock_ioctl net/socket.c:3280

	return n.compatSockIoctlTrans(sock, cmd, arg) // :3297
}

// compatSockIoctlTrans gives a request the form of a 64-bit program's.
func (n *Net) compatSockIoctlTrans(sock *core.Socket, cmd uint32, arg any) int {
	kernel.Fentry2(&n.Kernel, sock, cmd) // compat_sock_ioctl_trans net/socket.c:3179

	if cmd>>8 != 0x89 { // SIOC…
		return -core.ENOIOCTLCMD
	}
	return n.compatIfreqIoctl(sock, cmd, arg) // :3266
}

func (n *Net) compatIfreqIoctl(sock *core.Socket, cmd uint32, arg any) int {
	kernel.Fentry2(&n.Kernel, sock, cmd) // compat_ifreq_ioctl net/socket.c:3011

	return n.sockDoIoctl(sock, cmd, arg) // :3015
}

func (n *Net) sockDoIoctl(sock *core.Socket, cmd uint32, arg any) int {
	kernel.Fentry2(&n.Kernel, sock, cmd) // sock_do_ioctl net/socket.c:946

	return sock.Ops.Ioctl(sock, cmd, arg) // :950
}
