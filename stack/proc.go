package stack

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/internal/socket"
)

// Proc is a process of the machine as the program in it sees it: a thing that
// makes system calls, 32-bit ones, through socketcall. A call may block; the
// machine goes on meanwhile. A Proc is used by its own program alone.
type Proc struct {
	s   *Stack
	t   *kernel.Task
	out io.Writer
	// sockaddr is where addresses pass; the program holds no pointer to it.
	sockaddr [sockaddrInLen]byte
}

const sockaddrInLen = 16

// Numbers of the socket interface, as Linux spells them.
const (
	AF_UNSPEC       = core.AfUnspec
	AF_INET         = core.AfInet
	SOCK_STREAM     = core.SockStream
	SOCK_DGRAM      = core.SockDgram
	SOCK_RAW        = core.SockRaw
	SOCK_NONBLOCK   = core.SockNonblock
	SOCK_CLOEXEC    = core.SockCloexec
	IPPROTO_IP      = 0
	IPPROTO_ICMP    = 1
	IPPROTO_TCP     = 6
	IPPROTO_UDP     = 17
	SOL_SOCKET      = core.SolSocket
	SO_REUSEADDR    = core.SoReuseaddr
	SO_ERROR        = core.SoError
	SO_BROADCAST    = core.SoBroadcast
	SO_SNDBUF       = core.SoSndbuf
	SO_RCVBUF       = core.SoRcvbuf
	SO_KEEPALIVE    = core.SoKeepalive
	SO_LINGER       = core.SoLinger
	SO_REUSEPORT    = core.SoReuseport
	SO_RCVLOWAT     = core.SoRcvlowat
	SO_RCVTIMEO     = core.SoRcvtimeo
	SO_SNDTIMEO     = core.SoSndtimeo
	SO_ACCEPTCONN   = core.SoAcceptconn
	SO_TYPE         = core.SoType
	IP_TTL          = core.IpTtl
	IP_TOS          = core.IpTos
	IP_HDRINCL      = core.IpHdrincl
	IP_RECVERR      = core.IpRecverr
	IP_MTU_DISCOVER = core.IpMtuDiscover
	MSG_OOB         = core.MsgOob
	MSG_PEEK        = core.MsgPeek
	MSG_DONTWAIT    = core.MsgDontwait
	MSG_TRUNC       = core.MsgTrunc
	MSG_WAITALL     = core.MsgWaitall
	MSG_NOSIGNAL    = core.MsgNosignal
	MSG_MORE        = core.MsgMore
	SHUT_RD         = 0
	SHUT_WR         = 1
	SHUT_RDWR       = 2
	POLLIN          = core.POLLIN
	POLLOUT         = core.POLLOUT
	POLLERR         = core.POLLERR
	POLLHUP         = core.POLLHUP
	POLLRDHUP       = core.POLLRDHUP

	TCP_NODELAY      = 1
	TCP_MAXSEG       = 2
	TCP_CORK         = 3
	TCP_KEEPIDLE     = 4
	TCP_KEEPINTVL    = 5
	TCP_KEEPCNT      = 6
	TCP_SYNCNT       = 7
	TCP_LINGER2      = 8
	TCP_DEFER_ACCEPT = 9
	TCP_WINDOW_CLAMP = 10
	TCP_INFO         = 11
	TCP_QUICKACK     = 12
	TCP_CONGESTION   = 13
	TCP_USER_TIMEOUT = 18
)

// PollFd is one descriptor to poll: Fd, Events, Revents.
type PollFd = socket.PollFd

// Pid is the process's number.
func (p *Proc) Pid() int { return p.t.Pid }

// Comm is the process's name.
func (p *Proc) Comm() string { return p.t.Comm }

// Out is the process's standard output.
func (p *Proc) Out() io.Writer { return p.out }

// Printf writes to the process's standard output.
func (p *Proc) Printf(format string, args ...any) { fmt.Fprintf(p.out, format, args...) }

// Now is the time since boot.
func (p *Proc) Now() time.Duration { return p.s.n.Kernel.Now() }

// Random is 32 bits from the machine's random source (getrandom(2)).
func (p *Proc) Random() uint32 { return p.s.n.PrandomU32() }

// Exit ends the process.
func (p *Proc) Exit(code int) { p.s.n.Kernel.Exit(code) }

func (p *Proc) socketcall(call int, r *kernel.Regs) (int, error) {
	r.OrigAx, r.Bx = socket.NrSocketcall, call
	ret := p.s.n.EntrySYSCALLCompat(r)
	r.Buf, r.Addr, r.P = nil, nil, nil
	if ret < 0 {
		return -1, errnoOf(ret)
	}
	return int(ret), nil
}

// regs are the registers of the next call. The task keeps them, so that a call
// allocates nothing.
func (p *Proc) regs() *kernel.Regs { return &p.t.Regs }

// encodeSockaddr writes a struct sockaddr_in.
func (p *Proc) encodeSockaddr(a netip.AddrPort) []byte {
	b := p.sockaddr[:]
	clear(b)
	binary.LittleEndian.PutUint16(b, core.AfInet)
	binary.BigEndian.PutUint16(b[2:], a.Port())
	if a.Addr().Is4() {
		ip := a.Addr().As4()
		copy(b[4:], ip[:])
	}
	return b
}

// Sockaddr is a struct sockaddr_in as bytes, for BindRaw and ConnectRaw.
func Sockaddr(family int, a netip.AddrPort) []byte {
	var p Proc
	b := append([]byte(nil), p.encodeSockaddr(a)...)
	binary.LittleEndian.PutUint16(b, uint16(family))
	return b
}

func decodeSockaddr(b []byte, n int64) netip.AddrPort {
	if n < 8 || len(b) < 8 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:]))
}

// Socket makes a socket (socket(2)).
func (p *Proc) Socket(domain, typ, proto int) (fd int, err error) {
	r := p.regs()
	r.A = [6]int64{int64(domain), int64(typ), int64(proto)}
	return p.socketcall(socket.SysSocket, r)
}

// Bind gives a socket its address (bind(2)).
func (p *Proc) Bind(fd int, addr netip.AddrPort) error {
	return p.BindRaw(fd, p.encodeSockaddr(addr))
}

// BindRaw is Bind with a struct sockaddr of any length.
func (p *Proc) BindRaw(fd int, sockaddr []byte) error {
	r := p.regs()
	r.A = [6]int64{int64(fd), 0, int64(len(sockaddr))}
	r.Addr = sockaddr
	_, err := p.socketcall(socket.SysBind, r)
	return err
}

// Listen makes a socket take connections (listen(2)).
func (p *Proc) Listen(fd, backlog int) error {
	r := p.regs()
	r.A = [6]int64{int64(fd), int64(backlog)}
	_, err := p.socketcall(socket.SysListen, r)
	return err
}

// Accept takes the next connection (accept(2)).
func (p *Proc) Accept(fd int) (nfd int, peer netip.AddrPort, err error) {
	return p.accept(socket.SysAccept, fd, 0)
}

// Accept4 is Accept with SOCK_NONBLOCK or SOCK_CLOEXEC (accept4(2)).
func (p *Proc) Accept4(fd, flags int) (nfd int, peer netip.AddrPort, err error) {
	return p.accept(socket.SysAccept4, fd, flags)
}

func (p *Proc) accept(call, fd, flags int) (int, netip.AddrPort, error) {
	r := p.regs()
	r.A = [6]int64{int64(fd), 0, 0, int64(flags)}
	r.Addr = p.sockaddr[:]
	nfd, err := p.socketcall(call, r)
	if err != nil {
		return -1, netip.AddrPort{}, err
	}
	return nfd, decodeSockaddr(p.sockaddr[:], r.A[5]), nil
}

// Connect connects a socket, or sets a datagram socket's peer (connect(2)).
func (p *Proc) Connect(fd int, addr netip.AddrPort) error {
	return p.ConnectRaw(fd, p.encodeSockaddr(addr))
}

// ConnectRaw is Connect with a struct sockaddr of any length.
func (p *Proc) ConnectRaw(fd int, sockaddr []byte) error {
	r := p.regs()
	r.A = [6]int64{int64(fd), 0, int64(len(sockaddr))}
	r.Addr = sockaddr
	_, err := p.socketcall(socket.SysConnect, r)
	return err
}

// Send sends b on a connected socket (send(2)).
func (p *Proc) Send(fd int, b []byte, flags int) (int, error) {
	r := p.regs()
	r.A = [6]int64{int64(fd), 0, int64(len(b)), int64(flags)}
	r.Buf = b
	return p.socketcall(socket.SysSend, r)
}

// Sendto sends b to an address (sendto(2)).
func (p *Proc) Sendto(fd int, b []byte, flags int, to netip.AddrPort) (int, error) {
	r := p.regs()
	r.A = [6]int64{int64(fd), 0, int64(len(b)), int64(flags), 0, sockaddrInLen}
	r.Buf, r.Addr = b, p.encodeSockaddr(to)
	return p.socketcall(socket.SysSendto, r)
}

// Recv receives into b; 0 means the other side has closed (recv(2)).
func (p *Proc) Recv(fd int, b []byte, flags int) (int, error) {
	r := p.regs()
	r.A = [6]int64{int64(fd), 0, int64(len(b)), int64(flags)}
	r.Buf = b
	return p.socketcall(socket.SysRecv, r)
}

// Recvfrom is Recv that tells the sender (recvfrom(2)).
func (p *Proc) Recvfrom(fd int, b []byte, flags int) (n int, from netip.AddrPort, err error) {
	r := p.regs()
	r.A = [6]int64{int64(fd), 0, int64(len(b)), int64(flags)}
	r.Buf, r.Addr = b, p.sockaddr[:]
	n, err = p.socketcall(socket.SysRecvfrom, r)
	if err != nil {
		return n, from, err
	}
	return n, decodeSockaddr(p.sockaddr[:], r.A[5]), nil
}

// Shutdown ends one direction of a connection or both (shutdown(2)).
func (p *Proc) Shutdown(fd, how int) error {
	r := p.regs()
	r.A = [6]int64{int64(fd), int64(how)}
	_, err := p.socketcall(socket.SysShutdown, r)
	return err
}

// Close closes a descriptor (close(2)).
func (p *Proc) Close(fd int) error {
	r := p.regs()
	r.OrigAx = socket.NrClose
	r.A = [6]int64{int64(fd)}
	return errnoOf(p.s.n.EntrySYSCALLCompat(r))
}

// Getsockname is a socket's own address (getsockname(2)).
func (p *Proc) Getsockname(fd int) (netip.AddrPort, error) {
	return p.name(socket.SysGetsockname, fd)
}

// Getpeername is the address of a socket's peer (getpeername(2)).
func (p *Proc) Getpeername(fd int) (netip.AddrPort, error) {
	return p.name(socket.SysGetpeername, fd)
}

func (p *Proc) name(call, fd int) (netip.AddrPort, error) {
	r := p.regs()
	r.A = [6]int64{int64(fd)}
	r.Addr = p.sockaddr[:]
	if _, err := p.socketcall(call, r); err != nil {
		return netip.AddrPort{}, err
	}
	return decodeSockaddr(p.sockaddr[:], r.A[5]), nil
}

// Setsockopt sets an option of a socket (setsockopt(2)).
func (p *Proc) Setsockopt(fd, level, name int, val []byte) error {
	r := p.regs()
	r.A = [6]int64{int64(fd), int64(level), int64(name), 0, int64(len(val))}
	r.Buf = val
	_, err := p.socketcall(socket.SysSetsockopt, r)
	return err
}

// SetsockoptInt is Setsockopt with an int.
func (p *Proc) SetsockoptInt(fd, level, name, val int) error {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], uint32(val))
	return p.Setsockopt(fd, level, name, b[:])
}

// SetsockoptTimeval is Setsockopt with a struct timeval (SO_RCVTIMEO, SO_SNDTIMEO).
func (p *Proc) SetsockoptTimeval(fd, level, name int, d time.Duration) error {
	var b [8]byte
	binary.LittleEndian.PutUint32(b[:], uint32(d/time.Second))
	binary.LittleEndian.PutUint32(b[4:], uint32(d%time.Second/time.Microsecond))
	return p.Setsockopt(fd, level, name, b[:])
}

// SetsockoptLinger is Setsockopt with a struct linger (SO_LINGER).
func (p *Proc) SetsockoptLinger(fd int, on bool, d time.Duration) error {
	var b [8]byte
	if on {
		b[0] = 1
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(d/time.Second))
	return p.Setsockopt(fd, SOL_SOCKET, SO_LINGER, b[:])
}

// Getsockopt reads an option of at most n bytes (getsockopt(2)).
func (p *Proc) Getsockopt(fd, level, name, n int) ([]byte, error) {
	r := p.regs()
	r.A = [6]int64{int64(fd), int64(level), int64(name), 0, 0}
	buf := make([]byte, n)
	r.Buf = buf
	if _, err := p.socketcall(socket.SysGetsockopt, r); err != nil {
		return nil, err
	}
	return buf[:min(int(r.A[5]), n)], nil
}

// GetsockoptInt is Getsockopt of an int.
func (p *Proc) GetsockoptInt(fd, level, name int) (int, error) {
	b, err := p.Getsockopt(fd, level, name, 4)
	if err != nil {
		return 0, err
	}
	var v [4]byte
	copy(v[:], b)
	return int(int32(binary.LittleEndian.Uint32(v[:]))), nil
}

// SetNonblock sets or clears O_NONBLOCK (fcntl(2), F_SETFL).
func (p *Proc) SetNonblock(fd int, on bool) error {
	f := p.t.Files.Get(fd)
	if f == nil {
		return EBADF
	}
	const fSetfl, oRdwr, oNonblock = 4, 2, 0x800
	flags := int64(oRdwr)
	if on {
		flags |= oNonblock
	}
	exit := p.traced(nrFcntl64, int64(fd), fSetfl, flags)
	f.NonBlock = on
	exit(0)
	return nil
}

// Poll waits until one of the descriptors has an event; below zero the timeout
// is forever (poll(2)).
func (p *Proc) Poll(fds []PollFd, timeout time.Duration) (int, error) {
	r := p.regs()
	r.OrigAx = socket.NrPoll
	ms := int64(-1)
	if timeout >= 0 {
		ms = int64((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	r.A = [6]int64{0, 0, ms}
	r.P = fds
	ret := p.s.n.EntrySYSCALLCompat(r)
	r.P = nil
	return int(ret), errnoOf(ret)
}

// Sleep sleeps for d; EINTR if a signal ends it.
func (p *Proc) Sleep(d time.Duration) error {
	n := &p.s.n.Kernel
	exit := p.traced(nrNanosleep, int64(d))
	for until := n.Now() + d; n.Now() < until && !n.SignalPending(p.t); {
		p.t.State = kernel.TaskInterruptible
		n.ScheduleHrtimeout(until)
	}
	if n.SignalPending(p.t) {
		exit(-restartBlock)
		n.DieOfSignal()
	}
	exit(0)
	return nil
}

// Fork starts a child that shares the open files and runs body (fork(2)).
func (p *Proc) Fork(comm string, body func(*Proc) int) (pid int) {
	exit := p.traced(nrFork)
	child := p.s.n.Fork(p.t, comm, func(t *kernel.Task) int {
		return body(&Proc{s: p.s, t: t, out: p.out})
	})
	child.Files.Share(&p.t.Files)
	if tr, ok := p.t.Tracer.(*CallTracer); ok && tr.Follow {
		tr.attach(p.s, child)
	}
	exit(int64(child.Pid))
	return child.Pid
}
