package stack

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// hostTask is the process in which the machine makes the calls of Go programs
// that use its sockets from outside. Its calls never block: a caller that must
// wait waits outside, in Go.
type hostTask struct {
	task  *kernel.Task
	proc  *Proc
	wq    kernel.WaitQueueHead
	queue []*hostCall
	free  []*hostCall
	conns map[*conn]struct{}

	waits *hostCall   // the call that Run is to make
	turns int         // that tasks have had since
	over  func() bool // callOver, bound once
}

// hostCall is what the host process is to do: fn, or else send or receive b on
// a connection.
type hostCall struct {
	fn   func(p *Proc)
	send bool
	conn *conn
	b    []byte

	n    int
	err  error
	done bool
}

func (c *hostCall) run(p *Proc) {
	switch {
	case c.fn != nil:
		c.fn(p)
	case c.send:
		c.n, c.err = p.Send(c.conn.fd, c.b, MSG_NOSIGNAL)
	default:
		c.n, c.err = p.Recv(c.conn.fd, c.b, 0)
	}
	c.done = true
}

func (s *Stack) hostMain(t *kernel.Task) int {
	h := &s.host
	h.proc = &Proc{s: s, t: t, out: io.Discard}
	for {
		for len(h.queue) > 0 {
			c := h.queue[0]
			h.queue = h.queue[:copy(h.queue, h.queue[1:])]
			c.run(h.proc)
		}
		e := s.n.DefineWait()
		s.n.PrepareToWait(&h.wq, e, kernel.TaskUninterruptible)
		s.n.Schedule()
		s.n.FinishWait(e)
	}
}

// call runs fn in the host process and then whatever that made runnable. It
// waits while a breakpoint holds the machine, or it is paused.
func (s *Stack) call(fn func(p *Proc)) error {
	s.lock()
	defer s.mu.Unlock()
	return s.callLocked(&hostCall{fn: fn})
}

// transfer is call of a send or receive. Once connections are set up it
// allocates nothing.
func (s *Stack) transfer(send bool, conn *conn, b []byte) (int, error) {
	s.lock()
	defer s.mu.Unlock()
	h := &s.host
	var c *hostCall
	if l := len(h.free); l > 0 {
		c, h.free = h.free[l-1], h.free[:l-1]
	} else {
		c = new(hostCall)
	}
	c.send, c.conn, c.b = send, conn, b
	if err := s.callLocked(c); err != nil {
		return 0, err
	}
	n, err := c.n, c.err
	*c = hostCall{}
	h.free = append(h.free, c)
	return n, err
}

// enqueue gives a call to the host process.
func (s *Stack) enqueue(c *hostCall) {
	h := &s.host
	if h.task == nil && !s.closed {
		h.task = s.n.Fork(nil, "host", s.hostMain)
		h.conns = make(map[*conn]struct{})
		h.over = s.callOver
	}
	h.queue = append(h.queue, c)
	if h.task != nil {
		s.n.WakeUp(&h.wq, 1, 0)
	}
}

// callOver reports whether the call that somebody waits for is done, and what
// followed from it, too, unless the machine is never idle. It runs inside Run.
func (s *Stack) callOver() bool {
	s.follow()
	s.host.turns++
	return s.host.waits.done && s.host.turns > settleTurns
}

// post is call for whoever does not wait for its end. The caller owns the
// machine.
func (s *Stack) post(fn func(p *Proc)) {
	s.enqueue(&hostCall{fn: fn})
	s.wakePump()
}

func (s *Stack) callLocked(c *hostCall) error {
	s.enqueue(c)
	for !c.done {
		if s.closed {
			return net.ErrClosed
		}
		if s.still > 0 || s.paused || s.held() {
			s.changed.Wait()
			continue
		}
		if s.real() && s.search == nil {
			s.clock.resume()
		}
		s.host.waits, s.host.turns = c, 0
		switch s.n.Run(s.due(), s.host.over) {
		case kernel.HaltStop:
			s.hasStopped()
		case kernel.HaltIdle:
			s.busyFor = 0
		}
	}
	s.wakePump()
	return nil
}

func (h *hostTask) closeAll() {
	for c := range h.conns {
		c.signal()
	}
}

// conn is a socket of the machine as a Go program holds it. It is a net.Conn,
// a net.Listener's socket, or a net.PacketConn's.
type conn struct {
	s             *Stack
	fd            int // the host process's; -1 once closed
	net           string
	local, remote netip.AddrPort

	mu        sync.Mutex
	ready     chan struct{} // somebody waits: closed when the socket's state may have changed
	changes   uint64        // counts those times
	closed    bool
	readTill  time.Time
	writeTill time.Time

	entry kernel.WaitQueueEntry // on the socket's wait queue, for as long as it is open
}

func (s *Stack) newConn(p *Proc, fd int, network string) *conn {
	c := &conn{s: s, fd: fd, net: network}
	sock := p.t.Files.Get(fd).PrivateData.(*core.Socket)
	c.entry = kernel.WaitQueueEntry{Func: func(*kernel.WaitQueueEntry, uint32) bool {
		c.signal()
		return true
	}}
	sock.Wq.Wait.AddWaitQueue(&c.entry)
	p.SetNonblock(fd, true)
	c.local, _ = p.Getsockname(fd)
	c.remote, _ = p.Getpeername(fd)
	s.host.conns[c] = struct{}{}
	return c
}

// signal wakes everybody who waits for the socket.
func (c *conn) signal() {
	c.mu.Lock()
	c.changes++
	if c.ready != nil {
		close(c.ready)
		c.ready = nil
	}
	c.mu.Unlock()
}

// waiter is the channel that the next change closes; nil if the state has
// changed since seen was read.
func (c *conn) waiter(seen uint64) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != seen {
		return nil
	}
	if c.ready == nil {
		c.ready = make(chan struct{})
	}
	return c.ready
}

// begin looks at the socket before a call that may have to wait.
func (c *conn) begin(deadline *time.Time) (seen uint64, till time.Time, err error) {
	c.mu.Lock()
	seen, till = c.changes, *deadline
	closed := c.closed
	c.mu.Unlock()
	switch {
	case closed:
		return 0, till, net.ErrClosed
	case !till.IsZero() && !time.Now().Before(till):
		return 0, till, os.ErrDeadlineExceeded
	}
	return seen, till, nil
}

// await waits until the socket has changed since seen was read, or the
// deadline passes.
func (c *conn) await(seen uint64, till time.Time) {
	ready := c.waiter(seen)
	switch {
	case ready == nil:
	case till.IsZero():
		<-ready
	default:
		t := time.NewTimer(time.Until(till))
		select {
		case <-ready:
		case <-t.C:
		}
		t.Stop()
	}
}

// retry makes a non-blocking call again and again until it does not have to
// wait any more, its deadline passes or the socket is closed.
func (c *conn) retry(deadline *time.Time, call func(p *Proc) error) error {
	for {
		seen, till, err := c.begin(deadline)
		if err != nil {
			return err
		}
		if e := c.s.call(func(p *Proc) { err = call(p) }); e != nil {
			return e
		}
		if err != EAGAIN {
			return err
		}
		c.await(seen, till)
	}
}

// transfer is retry of a send or receive.
func (c *conn) transfer(deadline *time.Time, send bool, b []byte) (int, error) {
	for {
		seen, till, err := c.begin(deadline)
		if err != nil {
			return 0, err
		}
		n, err := c.s.transfer(send, c, b)
		if err != EAGAIN {
			return n, err
		}
		c.await(seen, till)
	}
}

func (c *conn) opError(op string, err error) error {
	switch err {
	case nil, io.EOF:
		return err
	case EBADF: // closed meanwhile
		err = net.ErrClosed
	}
	e := &net.OpError{Op: op, Net: c.net, Err: err}
	if c.local.IsValid() {
		e.Source = c.addr(c.local)
	}
	if c.remote.IsValid() {
		e.Addr = c.addr(c.remote)
	}
	return e
}

func (c *conn) addr(a netip.AddrPort) net.Addr {
	if c.net == "udp" {
		return net.UDPAddrFromAddrPort(a)
	}
	return net.TCPAddrFromAddrPort(a)
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err = c.transfer(&c.readTill, false, b)
	if err != nil {
		return 0, c.opError("read", err)
	}
	if n == 0 && c.net == "tcp" {
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (n int, err error) {
	for {
		m, err := c.transfer(&c.writeTill, true, b[n:])
		if err != nil {
			return n, c.opError("write", err)
		}
		if n += m; n >= len(b) {
			return n, nil
		}
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	c.mu.Unlock()
	err := c.s.call(func(p *Proc) {
		c.entry.RemoveWaitQueue()
		delete(c.s.host.conns, c)
		p.Close(c.fd)
		c.fd = -1 // the next socket takes its number
	})
	c.signal()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return c.opError("close", err)
	}
	return nil
}

// CloseWrite sends a FIN; reading goes on (shutdown, SHUT_WR).
func (c *conn) CloseWrite() error { return c.shutdown(SHUT_WR) }

// CloseRead gives up reading (shutdown, SHUT_RD).
func (c *conn) CloseRead() error { return c.shutdown(SHUT_RD) }

func (c *conn) shutdown(how int) error {
	var err error
	if e := c.s.call(func(p *Proc) { err = p.Shutdown(c.fd, how) }); e != nil {
		err = e
	}
	return c.opError("shutdown", err)
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.addr(c.local) }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.addr(c.remote) }

// SetDeadline implements net.Conn. Deadlines are of the host's clock.
func (c *conn) SetDeadline(t time.Time) error { return c.setDeadline(&t, &t) }

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&t, nil) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(nil, &t) }

func (c *conn) setDeadline(read, write *time.Time) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.opError("set", net.ErrClosed)
	}
	if read != nil {
		c.readTill = *read
	}
	if write != nil {
		c.writeTill = *write
	}
	c.mu.Unlock()
	c.signal() // whoever waits looks at the new deadline
	return nil
}

// Dial connects a TCP socket of the machine to addr ("127.0.0.1:5001"). The
// caller's goroutine waits; on a virtual clock time stands still meanwhile, so
// use a machine with ClockReal for peers that are not on the loopback link.
func (s *Stack) Dial(ctx context.Context, addr string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	var c *conn
	if e := s.call(func(p *Proc) {
		var fd int
		if fd, err = p.Socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0); err != nil {
			return
		}
		c = s.newConn(p, fd, "tcp")
		err = p.Connect(fd, to)
	}); e != nil {
		return fail(e)
	}
	if err == EINPROGRESS {
		err = c.waitConnected(ctx, to)
	}
	if err != nil {
		if c != nil {
			c.Close()
		}
		return fail(err)
	}
	err = s.call(func(p *Proc) {
		c.local, _ = p.Getsockname(c.fd)
		c.remote, _ = p.Getpeername(c.fd)
	})
	if err != nil {
		return fail(err)
	}
	return c, nil
}

func (c *conn) waitConnected(ctx context.Context, to netip.AddrPort) error {
	for {
		c.mu.Lock()
		seen := c.changes
		c.mu.Unlock()
		var err error
		pending := false
		if e := c.s.call(func(p *Proc) {
			fds := []PollFd{{Fd: c.fd, Events: POLLOUT}}
			if n, _ := p.Poll(fds, 0); n == 0 {
				pending = true
				return
			}
			var so int
			if so, err = p.GetsockoptInt(c.fd, SOL_SOCKET, SO_ERROR); err == nil && so != 0 {
				err = Errno(so)
			}
		}); e != nil {
			return e
		}
		if !pending {
			return err
		}
		ready := c.waiter(seen)
		if ready == nil {
			continue
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
