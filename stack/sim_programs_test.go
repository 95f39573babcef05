package stack

import (
	"fmt"
	"math/rand/v2"
	"time"

	"menuos/stack/internal/core"
)

// How a side of a simulated connection behaves.
const (
	simFork = iota // one process writes, its child reads
	simPoll        // non-blocking, with poll
	simEcho        // sends back what it reads (servers only)
	simSink        // sends nothing but its FIN, then reads
	simWays
)

// How a side ends early, if it does.
const (
	simEndsWell = iota
	simKilled
	simReset    // linger 0
	simLeaves   // closes while data comes
	simShutRd   // gives up reading
	simShutBoth // shutdown of both directions, then close
	simEnds
)

// simSide is one side of a connection.
type simSide struct {
	way, end       int
	size           int // bytes to write
	chunk, take    int // at most so much a call
	pause, napPart int // milliseconds at most, one in napPart calls
	sndbuf, rcvbuf int
	nodelay, cork  bool
	endAfter       time.Duration

	sent     int // bytes that the kernel has taken
	got      int
	finished bool // sent all and its FIN
	eof      bool // read to the end
	err      error
	salt     byte
}

type simConn struct {
	m          *simRun
	id         int
	own        bool // it has a listener of its own, and connect picks its port
	c, s       simSide
	delay      time.Duration
	job        *Job
	connected  bool
	connectErr error
	accepted   bool
	clientDone bool
	serverDone bool
	left       [2]int // processes of each side that still run
}

func (c *simConn) port() uint16 {
	if c.own {
		return simListen + 1 + uint16(c.id)
	}
	return simListen
}

func (c *simConn) String() string {
	return fmt.Sprintf("connection %d to %d: connected %v %v, accepted %v\n  client %+v done %v\n  server %+v done %v",
		c.id, c.port(), c.connected, c.connectErr, c.accepted, c.c, c.clientDone, c.s, c.serverDone)
}

func (m *simRun) newConn(id int) *simConn {
	r := m.r
	c := &simConn{m: m, id: id, own: r.IntN(3) == 0, delay: time.Duration(r.IntN(500)) * time.Millisecond}
	side := func(server bool) simSide {
		a := simSide{way: r.IntN(simWays), size: simSize(r, 400_000), chunk: 1 + simSize(r, 100_000), take: 1 + simSize(r, 100_000),
			pause: simSize(r, 300), napPart: 1 + simSize(r, 200), nodelay: r.IntN(3) == 0, cork: r.IntN(8) == 0, salt: byte(r.Uint32())}
		if !server && a.way == simEcho {
			a.way = simFork
		}
		if a.way == simSink {
			a.size = 0
		}
		if r.IntN(4) == 0 {
			a.sndbuf = simSize(r, 200_000)
		}
		if r.IntN(4) == 0 {
			a.rcvbuf = simSize(r, 200_000)
		}
		// Small calls on much data take long; keep the number of calls bounded.
		a.chunk = max(a.chunk, a.size/400)
		a.take = max(a.take, 1000)
		if r.IntN(6) == 0 {
			a.end = r.IntN(simEnds)
			if a.end == simKilled && a.way == simFork {
				a.way = simPoll // or its reader would wait for ever
			}
			a.endAfter = time.Duration(simSize(r, 3000)) * time.Millisecond
		}
		return a
	}
	c.c, c.s = side(false), side(true)
	return c
}

// simByte is what a side sends at an offset.
func simByte(salt byte, off int) byte { return salt ^ byte(off*131>>3) ^ byte(off>>11) }

func (a *simSide) options(p *Proc, fd int) {
	if a.sndbuf > 0 {
		check(p.SetsockoptInt(fd, SOL_SOCKET, SO_SNDBUF, a.sndbuf))
	}
	if a.rcvbuf > 0 {
		check(p.SetsockoptInt(fd, SOL_SOCKET, SO_RCVBUF, a.rcvbuf))
	}
	if a.nodelay {
		check(p.SetsockoptInt(fd, IPPROTO_TCP, TCP_NODELAY, 1))
	}
	if a.cork {
		check(p.SetsockoptInt(fd, IPPROTO_TCP, TCP_CORK, 1))
	}
}

// client is the program of the connecting side.
func (c *simConn) client(p *Proc) int {
	c.left[0]++
	defer c.leave(0, &c.clientDone)
	p.Sleep(c.delay)
	fd, err := p.Socket(AF_INET, SOCK_STREAM, 0)
	check(err)
	if !c.own {
		check(p.Bind(fd, simAddr(0)))
		a, err := p.Getsockname(fd)
		check(err)
		c.m.byPort[a.Port()] = c
	}
	c.c.options(p, fd)
	if c.connectErr = p.Connect(fd, simAddr(c.port())); c.connectErr != nil {
		return 1
	}
	c.connected = true
	c.play(p, fd, &c.c, &c.s, 0, &c.clientDone)
	return 0
}

func (c *simConn) leave(side int, done *bool) {
	if c.left[side]--; c.left[side] == 0 {
		*done = true
	}
}

// serve accepts connections and gives each to a child.
func (m *simRun) serve(p *Proc, port uint16, backlog int) int {
	fd := listenTCP(p, simAddr(port), backlog)
	for {
		nfd, peer, err := p.Accept(fd)
		if err != nil {
			continue
		}
		c := m.byPort[peer.Port()]
		if port != simListen {
			c = m.conns[port-simListen-1]
		}
		if c.accepted {
			// A SYN cookie is good for every segment whose numbers lie as far
			// apart as the first ACK's: a late copy makes a connection again.
			if p.s.n.Mib[core.MibTcpExtSyncookiesRecv] < 2 {
				m.failf("connection %d is accepted twice", c.id)
			}
			p.Close(nfd)
			continue
		}
		c.accepted = true
		c.left[1]++
		p.Fork("handler", func(p *Proc) int {
			defer c.leave(1, &c.serverDone)
			p.Close(fd)
			c.s.options(p, nfd)
			c.play(p, nfd, &c.s, &c.c, 1, &c.serverDone)
			return 0
		})
		p.Close(nfd)
	}
}

// play is what a side does with its connection.
func (c *simConn) play(p *Proc, fd int, a, peer *simSide, n int, done *bool) {
	if a.end != simEndsWell {
		c.left[n]++
		pid := p.Pid()
		p.Fork("fate", func(q *Proc) int {
			defer c.leave(n, done)
			if a.end == simKilled {
				q.Close(fd)
			}
			q.Sleep(a.endAfter)
			switch a.end {
			case simKilled:
				if t := q.s.n.Task(pid); t != nil && t.Comm != "server" {
					q.s.n.SendSignal(t, SIGKILL)
				}
			case simReset:
				q.SetsockoptLinger(fd, true, 0)
				q.Shutdown(fd, SHUT_RDWR)
			case simLeaves, simShutBoth:
				q.Shutdown(fd, SHUT_RDWR)
			case simShutRd:
				q.Shutdown(fd, SHUT_RD)
			}
			return 0
		})
	}
	r := rand.New(rand.NewPCG(c.m.seed, uint64(100+2*c.id+n)))
	switch a.way {
	case simFork:
		c.left[n]++
		p.Fork("reader", func(q *Proc) int {
			defer c.leave(n, done)
			c.readAll(q, fd, a, peer, rand.New(rand.NewPCG(c.m.seed, uint64(200+2*c.id+n))))
			return 0
		})
		c.writeAll(p, fd, a, r)
	case simPoll:
		c.pollAll(p, fd, a, peer, r)
	case simEcho:
		c.echo(p, fd, a, peer, r)
	case simSink:
		a.finish(p, fd)
		c.readAll(p, fd, a, peer, r)
	}
	if a.end == simReset {
		p.SetsockoptLinger(fd, true, 0)
	}
	p.Close(fd)
}

func (a *simSide) nap(p *Proc, r *rand.Rand) {
	if a.pause > 0 && r.IntN(a.napPart) == 0 {
		p.Sleep(time.Duration(r.IntN(a.pause)) * time.Millisecond)
	}
}

func (a *simSide) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

func (a *simSide) finish(p *Proc, fd int) {
	if err := p.Shutdown(fd, SHUT_WR); err != nil {
		a.fail(err)
		return
	}
	a.finished = true
}

// next is the next piece that a side sends.
func (a *simSide) next(r *rand.Rand) []byte {
	b := make([]byte, min(1+r.IntN(a.chunk), a.size-a.sent))
	for i := range b {
		b[i] = simByte(a.salt, a.sent+i)
	}
	return b
}

func (c *simConn) writeAll(p *Proc, fd int, a *simSide, r *rand.Rand) {
	for a.sent < a.size {
		n, err := p.Send(fd, a.next(r), MSG_NOSIGNAL)
		if err != nil {
			a.fail(err)
			return
		}
		a.sent += n
		a.nap(p, r)
	}
	a.finish(p, fd)
}

// take checks what has come; echoed bytes bear the reader's own salt.
func (c *simConn) take(a, peer *simSide, b []byte) {
	salt := peer.salt
	if peer.way == simEcho {
		salt = a.salt
	}
	for i, x := range b {
		if want := simByte(salt, a.got+i); x != want && !c.m.cookies() {
			c.m.failf("connection %d: byte %d is %#x, want %#x", c.id, a.got+i, x, want)
			return
		}
	}
	a.got += len(b)
}

func (c *simConn) readAll(p *Proc, fd int, a, peer *simSide, r *rand.Rand) {
	for {
		b := make([]byte, 1+r.IntN(a.take))
		n, err := p.Recv(fd, b, 0)
		if err != nil {
			a.fail(err)
			return
		}
		if n == 0 {
			a.eof = true
			return
		}
		c.take(a, peer, b[:n])
		a.nap(p, r)
	}
}

func (c *simConn) echo(p *Proc, fd int, a, peer *simSide, r *rand.Rand) {
	for {
		b := make([]byte, 1+r.IntN(a.take))
		n, err := p.Recv(fd, b, 0)
		if err != nil {
			a.fail(err)
			return
		}
		if n == 0 {
			a.eof = true
			a.finish(p, fd)
			return
		}
		c.take(a, peer, b[:n])
		for b = b[:n]; len(b) > 0; {
			m, err := p.Send(fd, b, MSG_NOSIGNAL)
			if err != nil {
				a.fail(err)
				return
			}
			a.sent += m
			b = b[m:]
		}
		a.nap(p, r)
	}
}

func (c *simConn) pollAll(p *Proc, fd int, a, peer *simSide, r *rand.Rand) {
	check(p.SetNonblock(fd, true))
	for !a.finished || !a.eof {
		if !a.finished && a.sent == a.size {
			if a.finish(p, fd); !a.finished {
				return
			}
			continue
		}
		var ev uint16
		if !a.eof {
			ev |= POLLIN
		}
		if !a.finished {
			ev |= POLLOUT
		}
		fds := []PollFd{{Fd: fd, Events: ev}}
		if n, err := p.Poll(fds, -1); n != 1 || err != nil {
			c.m.failf("connection %d: poll: %d, %v", c.id, n, err)
			return
		}
		if re := fds[0].Revents; !a.eof && re&(POLLIN|POLLERR|POLLHUP) != 0 {
			b := make([]byte, 1+r.IntN(a.take))
			n, err := p.Recv(fd, b, 0)
			switch {
			case err != nil:
				a.fail(err)
				return
			case n == 0:
				a.eof = true
			default:
				c.take(a, peer, b[:n])
			}
		}
		if !a.finished && fds[0].Revents&(POLLOUT|POLLERR|POLLHUP) != 0 {
			n, err := p.Send(fd, a.next(r), MSG_NOSIGNAL)
			if err == EAGAIN && !c.m.heavy && fds[0].Revents&POLLOUT != 0 {
				c.m.failf("connection %d: writable but EAGAIN", c.id)
			}
			if err != nil {
				a.fail(err)
				return
			}
			a.sent += n
		}
		a.nap(p, r)
	}
}

// over reports whether all processes of the connection have ended.
func (c *simConn) over() bool {
	return c.job.Done() && c.clientDone && (!c.accepted || c.serverDone)
}

// strict reports whether the connection must do all that its programs ask for:
// neither side ends it early, the link is no worse than TCP can stand, and no
// receive buffer is so small that the window it has offered is a lie.
func (c *simConn) strict() bool {
	for _, a := range []*simSide{&c.c, &c.s} {
		if a.rcvbuf > 0 && a.rcvbuf < 10000 {
			return false
		}
	}
	return !c.m.heavy && !c.m.cookies() && c.c.end == simEndsWell && c.s.end == simEndsWell
}

// cookies reports whether the machine has answered with SYN cookies. Such a
// connection may lose its first bytes: if the first segments are lost, a later
// one may pass for the first, or fail and be reset.
func (m *simRun) cookies() bool { return m.s.n.Mib[core.MibTcpExtSyncookiesSent] > 0 }

// judge checks a connection that has ended.
func (c *simConn) judge() {
	m := c.m
	if c.connectErr != nil {
		if c.strict() && c.connectErr != ETIMEDOUT {
			m.failf("connection %d: connect: %v", c.id, c.connectErr)
		}
		return
	}
	if !c.strict() {
		return
	}
	sent := func(a, peer *simSide) int {
		if a.way == simEcho {
			return peer.size
		}
		return a.size
	}
	for _, x := range []struct {
		name    string
		a, peer *simSide
	}{{"client", &c.c, &c.s}, {"server", &c.s, &c.c}} {
		switch a := x.a; {
		case a.err != nil:
			m.failf("connection %d: %s: %v", c.id, x.name, a.err)
		case !a.finished || !a.eof:
			m.failf("connection %d: %s did not finish", c.id, x.name)
		case a.sent != sent(a, x.peer) || a.got != sent(x.peer, a):
			m.failf("connection %d: %s sent %d of %d and got %d of %d", c.id, x.name, a.sent, sent(a, x.peer), a.got, sent(x.peer, a))
		}
	}
}
