package stack

import (
	"net"
	"net/netip"
	"time"
)

// listener is a net.Listener.
type listener struct{ c *conn }

// Listen makes a TCP listener in the machine at addr ("127.0.0.1:80", port 0
// for any).
func (s *Stack) Listen(addr string, backlog int) (net.Listener, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: err}
	}
	var c *conn
	if e := s.call(func(p *Proc) {
		var fd int
		if fd, err = p.Socket(AF_INET, SOCK_STREAM, 0); err != nil {
			return
		}
		p.SetsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
		if err = p.Bind(fd, at); err == nil {
			err = p.Listen(fd, backlog)
		}
		if err != nil {
			p.Close(fd)
			return
		}
		c = s.newConn(p, fd, "tcp")
	}); e != nil {
		err = e
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(at), Err: err}
	}
	return &listener{c}, nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	var c *conn
	err := l.c.retry(&l.c.readTill, func(p *Proc) error {
		fd, _, err := p.Accept(l.c.fd)
		if err == nil {
			c = l.c.s.newConn(p, fd, "tcp")
		}
		return err
	})
	if err != nil {
		return nil, l.c.opError("accept", err)
	}
	return c, nil
}

// Close implements net.Listener.
func (l *listener) Close() error { return l.c.Close() }

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.c.LocalAddr() }

// SetDeadline bounds Accept.
func (l *listener) SetDeadline(t time.Time) error { return l.c.SetReadDeadline(t) }
