// Package socket is the system calls on sockets: net/socket.c and net/compat.c
// of Linux 5.0.1 as a 32-bit program reaches them, through socketcall. Left out:
// sendmsg and recvmsg with several buffers, socketpair, and every family but
// AF_INET.
package socket

import (
	"embed"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/internal/tcp"
)

//go:embed *.go
var sourceFS embed.FS

// Net is the whole machine.
type Net struct {
	tcp.Net

	ops     kernel.FileOps // socket_file_ops
	msghdrs []*core.Msghdr // free
}

// Numbers of the 32-bit system calls that are modelled
// (arch/x86/entry/syscalls/syscall_32.tbl).
const (
	NrClose      = 6
	NrIoctl      = 54
	NrSocketcall = 102
	NrPoll       = 168
)

// Init readies a machine with everything on it.
func (n *Net) Init(cfg kernel.Config) {
	n.Net.Init(cfg)
	n.AddSources(kernel.Source{Package: "menuos/stack/internal/socket", FS: sourceFS})
	n.ops = kernel.FileOps{Release: n.sockClose, Poll: n.sockPoll}
	n.Syscalls.Set(NrSocketcall, n.ia32CompatSysSocketcall__)
	n.Syscalls.Set(NrClose, n.sysClose)
	n.Syscalls.Set(NrIoctl, n.ia32CompatSysIoctl__)
	n.Syscalls.Set(NrPoll, n.ia32SysPoll__)
}

func (n *Net) sockAlloc() *core.Socket {
	return core.NewSocket(&n.Kernel)
}

// sockAllocFile makes the file through which a program holds sock.
func (n *Net) sockAllocFile(sock *core.Socket, flags int) *kernel.File {
	f := n.NewFile(&n.ops, sock)
	f.NonBlock = flags&core.SockNonblock != 0
	sock.File = f
	return f
}

// sockfdLookup is the socket behind a descriptor: EBADF if nothing is open,
// ENOTSOCK if it is no socket.
func (n *Net) sockfdLookup(fd int) (*core.Socket, int) {
	f := n.Current().Files.Get(fd)
	if f == nil {
		return nil, -core.EBADF
	}
	sock, ok := f.PrivateData.(*core.Socket)
	if !ok {
		return nil, -core.ENOTSOCK
	}
	return sock, 0
}

// maxSockaddr is sizeof(struct sockaddr_storage).
const maxSockaddr = 128

// moveAddrToKernel takes an address from a program: EINVAL if it claims an
// impossible length, EFAULT if it claims more than it passed.
func moveAddrToKernel(uaddr []byte, ulen int) (core.Sockaddr, int) {
	switch {
	case ulen < 0 || ulen > maxSockaddr:
		return nil, -core.EINVAL
	case ulen > len(uaddr):
		return nil, -core.EFAULT
	}
	return core.Sockaddr(uaddr[:ulen]), 0
}

// moveAddrToUser stores an address where the program's buffer has room; regs.A[5]
// takes its full length.
func moveAddrToUser(regs *kernel.Regs, addr core.Sockaddr) {
	copy(regs.Addr, addr)
	regs.A[5] = int64(len(addr))
}

func (n *Net) sysSocket__(family, typ, protocol int) int {
	kernel.Fentry3(&n.Kernel, family, typ, protocol) // __sys_socket net/socket.c:1327

	const typeMask = 0xf
	flags := typ &^ typeMask
	if flags&^(core.SockCloexec|core.SockNonblock) != 0 {
		return -core.EINVAL
	}
	sock, err := n.sockCreate(family, typ&typeMask, protocol) // :1346
	if err < 0 {
		return err
	}
	return n.sockMapFd(sock, flags) // :1350
}

func (n *Net) sockCreate(family, typ, protocol int) (*core.Socket, int) {
	kernel.Fentry3(&n.Kernel, family, typ, protocol) // sock_create net/socket.c:1315

	return n.sockCreate__(&n.Net.Net.Net, family, typ, protocol, false) // :1316
}

func (n *Net) sockCreate__(net *core.Net, family, typ, protocol int, kern bool) (*core.Socket, int) {
	kernel.Fentry5(&n.Kernel, net, family, typ, protocol, kern) // __sock_create net/socket.c:1215

	const nproto, sockMax = 45, 11
	if family < 0 || family >= nproto {
		return nil, -core.EAFNOSUPPORT
	}
	if typ < 0 || typ >= sockMax {
		return nil, -core.EINVAL
	}
	if family != core.AfInet {
		return nil, -core.EAFNOSUPPORT
	}
	sock := n.sockAlloc()
	sock.Type = uint8(typ)
	if err := n.InetCreate(net, sock, protocol, kern); err < 0 { // :1276
		sock.Ops = nil
		return nil, err
	}
	return sock, 0
}

func (n *Net) sockMapFd(sock *core.Socket, flags int) int {
	kernel.Fentry2(&n.Kernel, sock, flags) // sock_map_fd net/socket.c:411

	return n.Install(n.Current(), n.sockAllocFile(sock, flags))
}

func (n *Net) sysBind__(fd int, umyaddr core.Sockaddr, addrlen int) int {
	kernel.Fentry3(&n.Kernel, fd, umyaddr, addrlen) // __sys_bind net/socket.c:1469

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	address, err := moveAddrToKernel(umyaddr, addrlen)
	if err < 0 {
		return err
	}
	return sock.Ops.Bind(sock, address, addrlen) // :1482
}

func (n *Net) sysListen__(fd, backlog int) int {
	kernel.Fentry2(&n.Kernel, fd, backlog) // __sys_listen net/socket.c:1503

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	if somaxconn := int(n.Sysctl.Somaxconn); uint32(backlog) > uint32(somaxconn) {
		backlog = somaxconn
	}
	return sock.Ops.Listen(sock, backlog) // :1516
}

func (n *Net) sysAccept4__(fd int, regs *kernel.Regs, flags int) int {
	kernel.Fentry3(&n.Kernel, fd, regs, flags) // __sys_accept4 net/socket.c:1542

	if flags&^(core.SockCloexec|core.SockNonblock) != 0 {
		return -core.EINVAL
	}
	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	newsock := n.sockAlloc()
	newsock.Type, newsock.Ops = sock.Type, sock.Ops
	newfile := n.sockAllocFile(newsock, flags)
	err = sock.Ops.Accept(sock, newsock, fileFlags(sock.File), false) // :1589
	if err < 0 {
		n.Fput(newfile)
		return err
	}
	if regs.Addr != nil {
		addr, err := newsock.Ops.Getname(newsock, 2) // :1594
		if err < 0 {
			n.Fput(newfile)
			return -core.ECONNABORTED
		}
		moveAddrToUser(regs, addr)
	}
	return n.Install(n.Current(), newfile)
}

// fileFlags is f_flags, as far as sockets ask: O_NONBLOCK.
func fileFlags(f *kernel.File) int {
	if f.NonBlock {
		return core.SockNonblock
	}
	return 0
}

func (n *Net) sysConnect__(fd int, uservaddr core.Sockaddr, addrlen int) int {
	kernel.Fentry3(&n.Kernel, fd, uservaddr, addrlen) // __sys_connect net/socket.c:1646

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	address, err := moveAddrToKernel(uservaddr, addrlen)
	if err < 0 {
		return err
	}
	return sock.Ops.Connect(sock, address, addrlen, fileFlags(sock.File)) // :1663
}

func (n *Net) sysGetsockname__(fd int, regs *kernel.Regs) int {
	kernel.Fentry2(&n.Kernel, fd, regs) // __sys_getsockname net/socket.c:1684

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	addr, err := sock.Ops.Getname(sock, 0) // :1697
	if err < 0 {
		return err
	}
	moveAddrToUser(regs, addr)
	return 0
}

func (n *Net) sysGetpeername__(fd int, regs *kernel.Regs) int {
	kernel.Fentry2(&n.Kernel, fd, regs) // __sys_getpeername net/socket.c:1722

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	addr, err := sock.Ops.Getname(sock, 1) // :1735
	if err < 0 {
		return err
	}
	moveAddrToUser(regs, addr)
	return 0
}

func (n *Net) sysShutdown__(fd, how int) int {
	kernel.Fentry2(&n.Kernel, fd, how) // __sys_shutdown net/socket.c:1957

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	return sock.Ops.Shutdown(sock, how) // :1965
}

func (n *Net) sockClose(file *kernel.File) {
	kernel.Fentry1(&n.Kernel, file) // sock_close net/socket.c:1140

	n.sockRelease__(file.PrivateData.(*core.Socket)) // :1140
}

func (n *Net) sockRelease__(sock *core.Socket) {
	kernel.Fentry1(&n.Kernel, sock) // __sock_release net/socket.c:574

	if sock.Ops != nil {
		sock.Ops.Release(sock) // :579
		sock.Ops = nil
	}
	sock.File = nil
}

func (n *Net) sysClose(regs *kernel.Regs) int64 {
	if !n.Current().Files.Close(int(regs.A[0])) {
		return -core.EBADF
	}
	return 0
}
