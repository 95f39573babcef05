package shell

// Streams over a program's sockets, with a time by which they must be over.

import (
	"errors"
	"io"
	"net/netip"
	"time"

	"menuos/stack"
)

// errTimedOut says that the program gave up waiting; ETIMEDOUT is the kernel's.
var errTimedOut = errors.New("timed out")

// dial connects a stream or datagram socket; from, if valid, is its own address.
// It gives up after wait unless that is 0.
func dial(p *stack.Proc, kind int, from, to netip.AddrPort, wait time.Duration) (fd int, err error) {
	if fd, err = p.Socket(stack.AF_INET, kind|stack.SOCK_NONBLOCK, 0); err != nil {
		return -1, err
	}
	if from.IsValid() {
		p.SetsockoptInt(fd, stack.SOL_SOCKET, stack.SO_REUSEADDR, 1)
		err = p.Bind(fd, from)
	}
	if err == nil {
		err = p.Connect(fd, to)
	}
	if errors.Is(err, stack.EINPROGRESS) {
		err = awaitConnected(p, fd, wait)
	}
	if err != nil {
		p.Close(fd)
		return -1, err
	}
	p.SetNonblock(fd, false)
	return fd, nil
}

func awaitConnected(p *stack.Proc, fd int, wait time.Duration) error {
	if wait <= 0 {
		wait = -1
	}
	n, err := p.Poll([]stack.PollFd{{Fd: fd, Events: stack.POLLOUT}}, wait)
	switch {
	case err != nil:
		return err
	case n == 0:
		return errTimedOut
	}
	so, err := p.GetsockoptInt(fd, stack.SOL_SOCKET, stack.SO_ERROR)
	if err == nil && so != 0 {
		err = stack.Errno(so)
	}
	return err
}

// sockConn is a program's stream socket as an io.ReadWriter. Reading ends with
// io.EOF; a call that is not over at the time till ends with errTimedOut.
type sockConn struct {
	p    *stack.Proc
	fd   int
	till time.Duration // since boot; 0: never
}

// await waits until the socket has one of the events.
func (c *sockConn) await(events uint16) error {
	if c.till == 0 {
		return nil // the call itself waits
	}
	left := c.till - c.p.Now()
	if left <= 0 {
		return errTimedOut
	}
	n, err := c.p.Poll([]stack.PollFd{{Fd: c.fd, Events: events}}, left)
	if err == nil && n == 0 {
		err = errTimedOut
	}
	return err
}

// Read implements io.Reader.
func (c *sockConn) Read(b []byte) (int, error) {
	if err := c.await(stack.POLLIN); err != nil {
		return 0, err
	}
	n, err := c.p.Recv(c.fd, b, 0)
	switch {
	case err != nil:
		return 0, err
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements io.Writer.
func (c *sockConn) Write(b []byte) (n int, err error) {
	flags := stack.MSG_NOSIGNAL
	if c.till != 0 {
		flags |= stack.MSG_DONTWAIT
	}
	for n < len(b) {
		if err := c.await(stack.POLLOUT); err != nil {
			return n, err
		}
		m, err := c.p.Send(c.fd, b[n:], flags)
		switch {
		case errors.Is(err, stack.EAGAIN):
		case err != nil:
			return n, err
		default:
			n += m
		}
	}
	return n, nil
}

// listenOn makes a socket that takes connections at an address.
func listenOn(p *stack.Proc, at netip.AddrPort, backlog int) (fd int, err error) {
	if fd, err = p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0); err != nil {
		return -1, err
	}
	p.SetsockoptInt(fd, stack.SOL_SOCKET, stack.SO_REUSEADDR, 1)
	if err = p.Bind(fd, at); err == nil {
		err = p.Listen(fd, backlog)
	}
	if err != nil {
		p.Close(fd)
		return -1, err
	}
	return fd, nil
}
