package shell

// The transfer of nc: what is read goes to the network, what comes is printed.

import (
	"bytes"
	"io"
	"time"

	"menuos/stack"
)

// ncBuf is how much nc reads at a time.
const ncBuf = 16384

// ncPipe is one transfer of nc.
type ncPipe struct {
	p  *stack.Proc
	c  *Cmd
	o  *ncOptions
	fd int

	buf    []byte
	toNet  []byte        // was read, and has not gone out yet
	input  bool          // there may be more to read
	net    bool          // there may be more to come
	quitAt time.Duration // -q: when to give up; 0: not yet
}

// ncTransfer moves data both ways until it is done, as -N, -q, -w and the two
// ends have it.
func ncTransfer(p *stack.Proc, c *Cmd, o *ncOptions, fd int) {
	t := &ncPipe{p: p, c: c, o: o, fd: fd, buf: make([]byte, ncBuf), input: !o.noInput, net: true}
	for !t.over() {
		fds := []stack.PollFd{{Fd: -1, Events: stack.POLLIN}, {Fd: -1}}
		if t.input && len(t.toNet) == 0 {
			fds[0].Fd = 0
		}
		if t.net {
			fds[1].Fd, fds[1].Events = fd, stack.POLLIN
		}
		if len(t.toNet) > 0 {
			fds[1].Fd = fd
			fds[1].Events |= stack.POLLOUT
		}
		n, err := p.Poll(fds, t.patience())
		if err != nil || n == 0 && t.timedOut() {
			return
		}
		if fds[1].Revents&^stack.POLLOUT != 0 && t.net {
			t.receive()
		}
		if fds[0].Revents != 0 {
			t.read()
		}
		if len(t.toNet) > 0 && fds[1].Revents&(stack.POLLOUT|stack.POLLERR|stack.POLLHUP) != 0 {
			t.send()
		}
	}
}

// over tells whether the transfer is done.
func (t *ncPipe) over() bool {
	if len(t.toNet) > 0 {
		return false
	}
	if !t.net && (t.o.listen || t.o.typed || !t.input) {
		return true
	}
	return t.quitAt != 0 && t.p.Now() >= t.quitAt
}

// patience is how long to wait for the next event; below zero for ever.
func (t *ncPipe) patience() time.Duration {
	wait := time.Duration(-1)
	if t.o.wait > 0 {
		wait = time.Duration(t.o.wait) * time.Second
	}
	if t.quitAt != 0 {
		if left := t.quitAt - t.p.Now(); wait < 0 || left < wait {
			wait = left
		}
	}
	return wait
}

// timedOut tells whether a wait that brought nothing ends the transfer: -w's
// does, and when -q's is over, over says so.
func (t *ncPipe) timedOut() bool {
	return t.o.wait > 0 && (t.quitAt == 0 || t.p.Now() < t.quitAt)
}

func (t *ncPipe) receive() {
	n, err := t.p.Recv(t.fd, t.buf, stack.MSG_DONTWAIT)
	switch {
	case err == stack.EAGAIN:
	case err != nil: // it prints nothing, as the other nc
		t.net, t.toNet = false, nil
		t.input = false
	case n == 0 && !t.o.udp:
		t.net = false
	default:
		t.c.Out.Write(t.buf[:n])
	}
}

func (t *ncPipe) read() {
	b := make([]byte, ncBuf)
	n, err := t.p.ReadInput(b)
	switch {
	case err == io.EOF:
		t.input = false
		if t.o.shut || t.o.quit >= 0 {
			t.p.Shutdown(t.fd, stack.SHUT_WR)
		}
		if t.o.quit >= 0 {
			t.quitAt = max(1, t.p.Now()+time.Duration(t.o.quit)*time.Second)
		}
	case err == nil:
		t.toNet = b[:n]
		if t.o.crlf {
			t.toNet = bytes.ReplaceAll(t.toNet, []byte("\n"), []byte("\r\n"))
		}
	}
}

func (t *ncPipe) send() {
	n, err := t.p.Send(t.fd, t.toNet, stack.MSG_NOSIGNAL|stack.MSG_DONTWAIT)
	switch {
	case err == stack.EAGAIN:
	case err != nil:
		t.toNet, t.input, t.net = nil, false, false
	default:
		t.toNet = t.toNet[n:]
	}
}
