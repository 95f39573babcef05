package tap

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"menuos/stack"
	"menuos/stack/wire"
)

// End is the host's end of a link, as it was found or made.
type End struct {
	Name  string       // of the device
	MAC   wire.MAC     // zero for TUN
	MTU   int          // bytes
	Addr  netip.Prefix // the host's
	Made  bool         // the device is ours, and goes with us
	NetNS int          // the process that holds its namespace; 0: it is in the caller's
	User  bool         // that process has a user namespace, too, in which it is root
}

// Enter is the command that opens a shell beside the device from another
// terminal; empty: no command is needed.
func (e End) Enter() string {
	switch {
	case e.NetNS == 0:
		return ""
	case e.User:
		return fmt.Sprintf("nsenter -t %d -U -n --preserve-credentials", e.NetNS)
	}
	return fmt.Sprintf("sudo nsenter -t %d -n", e.NetNS)
}

// Stats counts a link's frames; octets without their headers of virtio. In is
// what the machine gets.
type Stats struct {
	InFrames, InBytes, OutFrames, OutBytes uint64
	OutDropped                             uint64 // the device did not take them
	InRefused                              uint64 // times the machine's ring was full
}

// Link is a device of the host that a machine's interface is attached to.
type Link struct {
	cfg  Config
	end  End
	host hostEnd
	card card

	ring  *sendRing
	room  chan struct{} // the machine's receive ring has room again
	quit  chan struct{} // closed by Close
	loops sync.WaitGroup

	died   chan struct{} // closed when the device is gone
	closed sync.Once
	dead   sync.Once
	why    atomic.Pointer[Error]
	stats  struct {
		inFrames, inBytes, outFrames, outBytes, outDropped, inRefused atomic.Uint64
	}
}

// hostEnd is the host's side of an open link.
type hostEnd interface {
	// read waits for packets and takes those that are there, as many as b
	// holds. The error is errGone if the device is gone, another after stop.
	read(b *batch) error
	// write sends a packet behind its header. errGone: the device is gone;
	// another error: it did not take the packet.
	write(pkt []byte) error
	// stop makes reads and writes end.
	stop()
	// run runs a command beside the device.
	run(ctx context.Context, argv []string, stdio [3]*os.File) (int, error)
	// watch tells what becomes of the device, from now until close.
	watch(tell func(state))
	// close takes back what was changed.
	close()
}

var errGone = errors.New("the device is gone")

// Attach opens the host's device, gives both ends their addresses and brings
// them up. The machine must have no interface of the name yet; its clock should
// be real. Errors are of type *Error where there is something to do about them.
func Attach(m *stack.Stack, cfg Config) (*Link, error) {
	cfg, err := cfg.settled()
	if err != nil {
		return nil, err
	}
	size := ringSize
	if cfg.Tun {
		size = pointSize
	}
	l := &Link{
		cfg: cfg, ring: newSendRing(size), room: make(chan struct{}, 1),
		quit: make(chan struct{}), died: make(chan struct{}),
	}
	if l.host, l.end, err = openHost(cfg); err != nil {
		return nil, err
	}
	if err := l.attach(m); err != nil {
		l.Close()
		return nil, err
	}
	l.loops.Go(l.readLoop)
	l.host.watch(l.hostState)
	return l, nil
}

// attach makes the machine's end.
func (l *Link) attach(m *stack.Stack) error {
	if l.end.MAC == l.cfg.MAC {
		return problem(SameMAC, l.cfg.MAC)
	}
	if err := l.plug(m); err != nil {
		return machineProblem(l.cfg.Iface, err)
	}
	l.loops.Go(l.writeLoop)
	if err := m.AddAddr(l.cfg.Iface, l.cfg.Addr); err != nil {
		return machineProblem(l.cfg.Iface, err)
	}
	if err := m.IfUp(l.cfg.Iface); err != nil {
		return machineProblem(l.cfg.Iface, err)
	}
	if !l.cfg.Gw.IsValid() {
		return nil
	}
	def := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	return machineProblem(l.cfg.Iface, m.AddRoute(stack.Route{Dst: def, Gw: l.cfg.Gw, Dev: l.cfg.Iface}))
}

// Host is the host's end.
func (l *Link) Host() End { return l.end }

// Config is what the link was made from, with its defaults filled in.
func (l *Link) Config() Config { return l.cfg }

// Ether is the machine's interface; nil with TUN.
func (l *Link) Ether() *stack.Ether {
	e, _ := l.card.(*ether)
	if e == nil {
		return nil
	}
	return e.Ether
}

// Stats reads the counters.
func (l *Link) Stats() Stats {
	s := &l.stats
	return Stats{
		InFrames: s.inFrames.Load(), InBytes: s.inBytes.Load(),
		OutFrames: s.outFrames.Load(), OutBytes: s.outBytes.Load(),
		OutDropped: s.outDropped.Load(), InRefused: s.inRefused.Load(),
	}
}

// Died is closed when the device is gone for good.
func (l *Link) Died() <-chan struct{} { return l.died }

// Err says why the link is dead; nil while it is not.
func (l *Link) Err() error {
	if e := l.why.Load(); e != nil {
		return e
	}
	return nil
}

// Exec runs a command beside the device, in its network namespace, until it ends
// or ctx does, and returns its exit status. A nil file is /dev/null. A shell
// may have the terminal, unless the caller draws on it meanwhile.
func (l *Link) Exec(ctx context.Context, argv []string, stdin, stdout, stderr *os.File) (int, error) {
	return l.host.run(ctx, argv, [3]*os.File{stdin, stdout, stderr})
}

// state is what the host's side tells of its device.
type state int

const (
	stateUp      state = iota
	stateDown          // the host has taken it down: no carrier for the machine
	stateGone          // deleted
	stateNoSpace       // its namespace's holder ended
)

// hostState takes the host's news; in any goroutine.
func (l *Link) hostState(s state) {
	switch s {
	case stateUp, stateDown:
		l.card.setCarrier(s == stateUp)
	case stateGone:
		l.fail(problem(Gone, l.cfg.Name, l.cfg.Iface))
	case stateNoSpace:
		l.fail(problem(NamespaceEnd, l.cfg.Name, l.cfg.Iface))
	}
}

// fail notes that the device is gone: the machine's cable is unplugged, and Told
// hears of it.
func (l *Link) fail(err *Error) {
	l.dead.Do(func() {
		select {
		case <-l.quit:
			return // it went because we closed it
		default:
		}
		l.why.Store(err)
		close(l.died)
		l.ring.close()
		l.card.setCarrier(false)
		if l.cfg.Told != nil {
			go l.cfg.Told(err) // which may well call Close
		}
	})
}

// Close unplugs the machine and takes back what was done to the host; a device
// that was made for the link is gone. It does not wait for the machine, which a
// breakpoint may hold: its interface stays, without a carrier.
func (l *Link) Close() error {
	l.closed.Do(func() {
		close(l.quit)
		l.ring.close()
		l.host.stop()
		l.loops.Wait()
		if l.card != nil {
			l.card.setCarrier(false)
		}
		l.host.close()
	})
	return nil
}
