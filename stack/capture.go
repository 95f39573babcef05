package stack

import (
	"slices"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// CapturedFrame is a packet as a capture program gets it: with the header of its
// link, and with what it leaves to the network card to do (a checksum that is
// not yet complete, segments that are not yet cut) not done. What leaves through
// lo is seen once, when it comes in.
type CapturedFrame = core.CapturedFrame

// Kinds of an interface (ARPHRD_*) and of a packet that came in (PACKET_*).
const (
	ARPHRD_ETHER     = core.ArphrdEther
	ARPHRD_LOOPBACK  = core.ArphrdLoopback
	ARPHRD_NONE      = core.ArphrdNone
	PACKET_HOST      = core.PacketHost
	PACKET_BROADCAST = core.PacketBroadcast
	PACKET_MULTICAST = core.PacketMulticast
	PACKET_OTHERHOST = core.PacketOtherhost
)

// captureRoom is how many bytes of frames wait for a capture program at most
// (tcpdump's buffer of 2 MiB), each with frameOverhead.
const (
	captureRoom   = 2 << 20
	frameOverhead = 128
)

// Capture is what a program that captures packets reads from.
type Capture struct {
	p      *Proc
	c      core.Capture
	filter func(*CapturedFrame) bool
	queue  []CapturedFrame
	bytes  int
	wq     kernel.WaitQueueHead

	received, dropped uint64
}

// OpenCapture begins to capture the packets of an interface, of all of them if
// dev is "": at most snap bytes of each (0: all). Only those are kept that filter
// accepts (nil: all); it runs inside the machine, must not call the Stack, and
// the frame is its own only until it returns. The error is ENODEV, or ENETDOWN
// if the interface is down.
func (p *Proc) OpenCapture(dev string, snap int, filter func(f *CapturedFrame) bool) (*Capture, error) {
	c := &Capture{p: p, filter: filter}
	c.c.Snap, c.c.Frame = snap, c.frame
	n := &p.s.n
	if dev != "" {
		c.c.Dev = n.DevGetByName(dev)
		switch {
		case c.c.Dev == nil:
			return nil, ENODEV
		case c.c.Dev.Flags&core.IffUp == 0:
			return nil, ENETDOWN
		}
	}
	n.Captures = append(slices.Clone(n.Captures), &c.c)
	return c, nil
}

// frame runs inside the machine.
func (c *Capture) frame(f *CapturedFrame) {
	if c.filter != nil && !c.filter(f) {
		return
	}
	c.received++
	size := len(f.Data) + frameOverhead
	if c.bytes+size > captureRoom {
		c.dropped++
		return
	}
	k := *f
	k.Data = slices.Clone(f.Data)
	c.queue = append(c.queue, k)
	c.bytes += size
	c.p.s.n.WakeUp(&c.wq, 1, 0)
}

// Next takes the next frame, and sleeps until there is one. It is false if a
// signal came instead.
func (c *Capture) Next() (f CapturedFrame, ok bool) {
	n, t := &c.p.s.n, c.p.t
	for !n.SignalPending(t) {
		if len(c.queue) > 0 {
			f = c.queue[0]
			c.queue = c.queue[1:]
			c.bytes -= len(f.Data) + frameOverhead
			return f, true
		}
		e := n.DefineWait()
		n.PrepareToWait(&c.wq, e, kernel.TaskInterruptible)
		if len(c.queue) == 0 && !n.SignalPending(t) {
			n.Schedule()
		}
		n.FinishWait(e)
	}
	return CapturedFrame{}, false
}

// Stats is how many frames the filter has let through, and how many of those
// were lost because the program was slow.
func (c *Capture) Stats() (received, dropped uint64) { return c.received, c.dropped }

// Close ends the capturing.
func (c *Capture) Close() {
	n := &c.p.s.n
	n.Captures = slices.DeleteFunc(slices.Clone(n.Captures), func(o *core.Capture) bool { return o == &c.c })
}
