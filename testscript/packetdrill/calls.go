package packetdrill

import (
	"fmt"
	"net/netip"
	"time"

	"menuos/stack"
	"menuos/stack/wire"
)

// fdCalls return descriptors.
var fdCalls = map[string]bool{"socket": true, "accept": true, "accept4": true}

var calls = map[string]callFunc{
	"socket": doSocket, "bind": doBind, "listen": doListen, "accept": doAccept, "accept4": doAccept,
	"connect": doConnect, "close": doClose, "shutdown": doShutdown,
	"send": doSend, "sendto": doSend, "write": doSend, "writev": doSend, "sendmsg": doSend,
	"recv": doRecv, "recvfrom": doRecv, "read": doRecv, "readv": doRecv, "recvmsg": doRecv,
	"setsockopt": doSetsockopt, "getsockopt": doGetsockopt,
	"fcntl": doFcntl, "ioctl": doIoctl, "poll": doPoll,
}

func doSocket(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	typ, err := r.arg(args, 1)
	if err != nil {
		return -1, nil, err
	}
	proto, err := r.arg(args, 2)
	if err != nil {
		return -1, nil, err
	}
	fd, err := p.Socket(stack.AF_INET, int(typ), int(proto))
	if err == nil {
		fl := r.newFlow()
		if typ&0xf == stack.SOCK_DGRAM {
			fl.proto = wire.ProtoUDP
		}
		fl.fd = fd
		r.flows[fd] = fl
	}
	return int64(fd), nil, err
}

func result(err error) int64 {
	if err != nil {
		return -1
	}
	return 0
}

func doBind(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	err = p.Bind(fd, netip.AddrPortFrom(r.cfg.local.Addr(), r.cfg.bindPort))
	if fl := r.flows[fd]; fl != nil && err == nil {
		fl.lport = r.cfg.bindPort
	}
	return result(err), nil, err
}

func doListen(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	backlog, err := r.arg(args, 1)
	if err != nil {
		return -1, nil, err
	}
	err = p.Listen(fd, int(backlog))
	if fl := r.flows[fd]; fl != nil && err == nil {
		fl.state, r.flow = flowListening, fl
	}
	return result(err), nil, err
}

func doAccept(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	flags := int64(0)
	if len(args) > 3 {
		if flags, err = r.arg(args, 3); err != nil {
			return -1, nil, err
		}
	}
	nfd, peer, err := p.Accept4(fd, int(flags))
	if fl := r.flow; err == nil && fl != nil && fl.rport == peer.Port() {
		fl.fd = nfd
		r.flows[nfd] = fl
	}
	return int64(nfd), nil, err
}

func doConnect(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	err = p.Connect(fd, netip.AddrPortFrom(r.cfg.remote.Addr(), r.cfg.connectPort))
	return result(err), nil, err
}

func doClose(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	v, _ := r.arg(args, 0)
	delete(r.fds, int(v))
	if fl := r.flows[fd]; fl != nil {
		fl.fd = -1
		delete(r.flows, fd)
	}
	err = p.Close(fd)
	return result(err), nil, err
}

func doShutdown(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	how, err := r.arg(args, 1)
	if err != nil {
		return -1, nil, err
	}
	err = p.Shutdown(fd, int(how))
	return result(err), nil, err
}

// maxBuffer bounds what a script may ask to be sent or received at once.
const maxBuffer = 64 << 20

// buffer is the bytes of "...", count or of a list of {..., count}; nil with no
// error if the script passes no buffer at all.
func (r *runner) buffer(e Expr, count int64) ([]byte, error) {
	if count < 0 || count > maxBuffer {
		return nil, badArg("buffer too large")
	}
	switch e.Kind {
	case ExprAny:
		return make([]byte, count), nil
	case ExprString:
		b := make([]byte, count)
		copy(b, e.Text)
		return b, nil
	case ExprWord:
		if e.Text == "NULL" {
			return nil, nil
		}
	}
	return nil, badArg("a buffer should be here")
}

func (r *runner) iovec(e Expr) ([]byte, error) {
	var all []byte
	if e.Kind != ExprList {
		return nil, badArg("a list of buffers should be here")
	}
	for _, v := range e.Parts {
		if v.Kind != ExprStruct || len(v.Parts) != 2 {
			return nil, badArg("{..., size} should be here")
		}
		n, err := r.number(v.Parts[1])
		if err != nil {
			return nil, err
		}
		b, err := r.buffer(v.Parts[0], n)
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return all, nil
}

// message reads the buffer and flags of a read or write call, which each has at
// its own place.
func (r *runner) message(name string, args []Expr) (b []byte, flags int64, err error) {
	if len(args) < 3 {
		return nil, 0, badArg("too few arguments")
	}
	switch name {
	case "sendmsg", "recvmsg":
		iov, ok := args[1].Field("msg_iov")
		if !ok {
			return nil, 0, badArg("a message should be here")
		}
		if _, ok := args[1].Field("msg_control"); ok {
			return nil, 0, badArg("control messages are not supported")
		}
		if b, err = r.iovec(iov); err != nil {
			return nil, 0, err
		}
		flags, err = r.arg(args, 2)
		return b, flags, err
	case "writev", "readv":
		b, err = r.iovec(args[1])
		return b, 0, err
	}
	n, err := r.arg(args, 2)
	if err != nil {
		return nil, 0, err
	}
	if b, err = r.buffer(args[1], n); err != nil || name == "read" || name == "write" {
		return b, 0, err
	}
	flags, err = r.arg(args, 3)
	return b, flags, err
}

func doSend(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	name := r.pending.call.Name
	b, flags, err := r.message(name, args)
	if err != nil {
		return -1, nil, err
	}
	if b == nil && len(args) > 2 && args[2].Int > 0 && name != "sendmsg" && name != "writev" {
		return -1, nil, stack.EFAULT
	}
	for _, c := range b {
		if c != 0 {
			r.wroteText = true
			break
		}
	}
	fl := r.flows[fd]
	var n int
	if fl != nil && fl.proto == wire.ProtoUDP && name == "sendto" {
		fl.rport, fl.state, r.flow = r.cfg.connectPort, flowConnecting, fl
		n, err = p.Sendto(fd, b, int(flags), netip.AddrPortFrom(r.cfg.remote.Addr(), r.cfg.connectPort))
	} else {
		n, err = p.Send(fd, b, int(flags)|stack.MSG_NOSIGNAL)
	}
	return int64(n), nil, err
}

func doRecv(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	b, flags, err := r.message(r.pending.call.Name, args)
	if err != nil {
		return -1, nil, err
	}
	if b == nil {
		return -1, nil, stack.EFAULT
	}
	n, err := p.Recv(fd, b, int(flags))
	return int64(n), nil, err
}

func doFcntl(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	cmd, err := r.arg(args, 1)
	if err != nil {
		return -1, nil, err
	}
	switch cmd {
	case symbols["F_GETFL"]:
		flags := symbols["O_RDWR"]
		if p.Nonblock(fd) {
			flags |= symbols["O_NONBLOCK"]
		}
		return flags, nil, nil
	case symbols["F_SETFL"]:
		flags, err := r.arg(args, 2)
		if err != nil {
			return -1, nil, err
		}
		err = p.SetNonblock(fd, flags&symbols["O_NONBLOCK"] != 0)
		return result(err), nil, err
	}
	return -1, nil, badArg("fcntl knows F_GETFL and F_SETFL")
}

func doIoctl(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, err := r.fd(args, 0)
	if err != nil {
		return -1, nil, err
	}
	cmd, err := r.arg(args, 1)
	if err != nil {
		return -1, nil, err
	}
	want, err := r.arg(args, 2)
	if err != nil {
		return -1, nil, err
	}
	got, err := p.Ioctl(fd, uint32(cmd))
	check := func() error {
		if int64(got) != want {
			return fmt.Errorf("%d", got)
		}
		return nil
	}
	return result(err), check, err
}

func doPoll(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	if len(args) < 3 || args[0].Kind != ExprList {
		return -1, nil, badArg("a list of descriptors should be here")
	}
	var fds []stack.PollFd
	var want []uint16
	for _, e := range args[0].Parts {
		var v [3]int64
		for i, name := range []string{"fd", "events", "revents"} {
			f, ok := e.Field(name)
			if !ok {
				continue
			}
			n, err := r.number(f)
			if err != nil {
				return -1, nil, err
			}
			v[i] = n
		}
		fd, err := r.fd([]Expr{{Int: v[0]}}, 0)
		if err != nil {
			return -1, nil, err
		}
		fds = append(fds, stack.PollFd{Fd: fd, Events: uint16(v[1])})
		want = append(want, uint16(v[2]))
	}
	ms, err := r.arg(args, 2)
	if err != nil {
		return -1, nil, err
	}
	n, err := p.Poll(fds, time.Duration(ms)*time.Millisecond)
	check := func() error {
		for i := range fds {
			if fds[i].Revents != want[i] {
				return fmt.Errorf("revents of the %d. is %#x and not %#x", i+1, fds[i].Revents, want[i])
			}
		}
		return nil
	}
	return int64(n), check, err
}
