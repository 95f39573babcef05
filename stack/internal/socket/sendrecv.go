package socket

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

func (n *Net) sysSendto__(fd int, buff []byte, flags int, addr []byte, addrLen int) int {
	kernel.Fentry3(&n.Kernel, fd, flags, addrLen) // __sys_sendto net/socket.c:1758

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	msg := n.msghdr()
	if addr != nil {
		if msg.Name, err = moveAddrToKernel(addr, addrLen); err < 0 {
			return err
		}
	}
	if sock.File.NonBlock {
		flags |= core.MsgDontwait
	}
	msg.Iter = buff
	msg.Flags = flags
	ret := n.sockSendmsg(sock, msg) // :1787
	n.putMsghdr(msg)
	return ret
}

func (n *Net) sockSendmsg(sock *core.Socket, msg *core.Msghdr) int {
	kernel.Fentry2(&n.Kernel, sock, msg) // sock_sendmsg net/socket.c:628

	return n.sockSendmsgNosec(sock, msg) // :632
}

func (n *Net) sockSendmsgNosec(sock *core.Socket, msg *core.Msghdr) int {
	kernel.Fentry2(&n.Kernel, sock, msg) // sock_sendmsg_nosec net/socket.c:623

	return sock.Ops.Sendmsg(sock, msg, len(msg.Iter)) // :622
}

func (n *Net) compatSysRecvfrom__(fd int, regs *kernel.Regs, flags int) int {
	kernel.Fentry3(&n.Kernel, fd, regs, flags) // __compat_sys_recvfrom net/compat.c:804

	return n.sysRecvfrom__(fd, regs, flags) // :804
}

func (n *Net) sysRecvfrom__(fd int, regs *kernel.Regs, flags int) int {
	kernel.Fentry3(&n.Kernel, fd, regs, flags) // __sys_recvfrom net/socket.c:1819

	sock, err := n.sockfdLookup(fd)
	if sock == nil {
		return err
	}
	msg := n.msghdr()
	if regs.Addr != nil {
		msg.Name = core.Sockaddr(regs.Addr)
	}
	msg.Iter = regs.Buf
	if sock.File.NonBlock {
		flags |= core.MsgDontwait
	}
	ret := n.sockRecvmsg(sock, msg, flags) // :1844
	if ret >= 0 && regs.Addr != nil {
		regs.A[5] = int64(len(msg.Name))
	}
	regs.A[4] = int64(msg.Flags)
	n.putMsghdr(msg)
	return ret
}

func (n *Net) sockRecvmsg(sock *core.Socket, msg *core.Msghdr, flags int) int {
	kernel.Fentry3(&n.Kernel, sock, msg, flags) // sock_recvmsg net/socket.c:800

	return n.sockRecvmsgNosec(sock, msg, flags) // :802
}

func (n *Net) sockRecvmsgNosec(sock *core.Socket, msg *core.Msghdr, flags int) int {
	kernel.Fentry3(&n.Kernel, sock, msg, flags) // sock_recvmsg_nosec net/socket.c:795

	return sock.Ops.Recvmsg(sock, msg, len(msg.Iter), flags) // :795
}

// msghdr takes a message header from the machine's free list. System calls may
// sleep, so each has its own; a list keeps them from allocating.
func (n *Net) msghdr() *core.Msghdr {
	if len(n.msghdrs) == 0 {
		return new(core.Msghdr)
	}
	m := n.msghdrs[len(n.msghdrs)-1]
	n.msghdrs = n.msghdrs[:len(n.msghdrs)-1]
	return m
}

func (n *Net) putMsghdr(m *core.Msghdr) {
	*m = core.Msghdr{}
	n.msghdrs = append(n.msghdrs, m)
}
