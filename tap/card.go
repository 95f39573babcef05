// The machine's end of a link, and the two goroutines between the ends.
package tap

import (
	"encoding/binary"
	"errors"

	"menuos/stack"
)

// vnetLen is the size in bytes of virtio's header before a frame.
const vnetLen = 10

// card is the machine's interface.
type card interface {
	// receive gives packets to the machine and reports how many of the last it
	// has no room for.
	receive(pkts [][]byte) (refused int)
	sendDone()
	setCarrier(up bool)
}

// plug makes the machine's interface.
func (l *Link) plug(m *stack.Stack) error {
	if l.cfg.Tun {
		k, err := m.AttachLink(l.cfg.Iface, l.end.MTU, func(pkt []byte) {
			if !l.ring.put(nil, pkt) {
				l.stats.outDropped.Add(1)
			}
		})
		if err != nil {
			return err
		}
		l.card = point{k}
		return nil
	}
	var hdr [vnetLen]byte // send is never called twice at once
	e, err := m.AttachEther(stack.EtherConfig{
		Name: l.cfg.Iface, MAC: l.cfg.MAC, MTU: l.end.MTU, Offload: l.cfg.Offload, RxRoom: l.hasRoom,
	}, func(h stack.VnetHdr, frame []byte) bool {
		putVnetHdr(hdr[:], h)
		return l.ring.put(hdr[:], frame)
	})
	if err != nil {
		return err
	}
	l.card = &ether{Ether: e}
	return nil
}

// hasRoom runs inside the machine.
func (l *Link) hasRoom() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}

// putVnetHdr writes the header as the device reads it: in the host's byte order.
func putVnetHdr(b []byte, h stack.VnetHdr) {
	b[0], b[1] = h.Flags, h.GSOType
	binary.NativeEndian.PutUint16(b[2:], h.HdrLen)
	binary.NativeEndian.PutUint16(b[4:], h.GSOSize)
	binary.NativeEndian.PutUint16(b[6:], h.CsumStart)
	binary.NativeEndian.PutUint16(b[8:], h.CsumOffset)
}

func vnetHdr(b []byte) stack.VnetHdr {
	return stack.VnetHdr{
		Flags: b[0], GSOType: b[1],
		HdrLen:     binary.NativeEndian.Uint16(b[2:]),
		GSOSize:    binary.NativeEndian.Uint16(b[4:]),
		CsumStart:  binary.NativeEndian.Uint16(b[6:]),
		CsumOffset: binary.NativeEndian.Uint16(b[8:]),
	}
}

// ether is a card with Ethernet, a TAP's.
type ether struct {
	*stack.Ether
	frames []stack.EtherFrame
}

func (e *ether) receive(pkts [][]byte) int {
	e.frames = e.frames[:0]
	for _, p := range pkts {
		if len(p) >= vnetLen {
			e.frames = append(e.frames, stack.EtherFrame{Hdr: vnetHdr(p), Data: p[vnetLen:]})
		}
	}
	return e.Receive(e.frames...)
}

func (e *ether) sendDone()          { e.TxDone() }
func (e *ether) setCarrier(up bool) { e.SetCarrier(up) }

// point is a card without a link header, a TUN's. It knows neither a carrier
// nor a full ring: what does not fit is lost.
type point struct{ *stack.Link }

func (p point) receive(pkts [][]byte) int {
	for _, pkt := range pkts {
		p.Inject(pkt)
	}
	return 0
}

func (point) sendDone()       {}
func (point) setCarrier(bool) {}

// Sizes of a batch in bytes: all of it, and the largest packet.
const (
	batchSize = 256 << 10
	maxPacket = vnetLen + 14 + 65535
	batchPkts = 64
)

// batch is what one turn of reading brings.
type batch struct {
	mem  []byte
	used int
	pkts [][]byte
}

func newBatch() *batch { return &batch{mem: make([]byte, batchSize)} }

func (b *batch) reset() { b.used, b.pkts = 0, b.pkts[:0] }

// readLoop carries what the host sends into the machine. A packet that the
// machine has no room for waits here, and those behind it in the device.
func (l *Link) readLoop() {
	b := newBatch()
	for {
		b.reset()
		if err := l.host.read(b); err != nil {
			if errors.Is(err, errGone) {
				l.fail(problem(Gone, l.cfg.Name, l.cfg.Iface))
			}
			return
		}
		l.stats.inFrames.Add(uint64(len(b.pkts)))
		l.stats.inBytes.Add(uint64(b.used - len(b.pkts)*l.hdrLen()))
		pkts := b.pkts
		for {
			refused := l.card.receive(pkts)
			if refused == 0 {
				break
			}
			l.stats.inRefused.Add(1)
			pkts = pkts[len(pkts)-refused:]
			select {
			case <-l.room:
			case <-l.quit:
				return
			}
		}
	}
}

// hdrLen is the size in bytes of the header that is no part of a packet.
func (l *Link) hdrLen() int {
	if l.cfg.Tun {
		return 0
	}
	return vnetLen
}

// writeLoop carries what the machine sends to the host, until Close and until
// nothing is left.
func (l *Link) writeLoop() {
	var pkts [][]byte
	for {
		pkts = l.ring.take(pkts[:0])
		if len(pkts) == 0 {
			return
		}
		for _, p := range pkts {
			switch err := l.host.write(p); {
			case err == nil:
				l.stats.outFrames.Add(1)
				l.stats.outBytes.Add(uint64(len(p) - l.hdrLen()))
			case errors.Is(err, errGone):
				l.fail(problem(Gone, l.cfg.Name, l.cfg.Iface))
				fallthrough
			default:
				l.stats.outDropped.Add(1)
			}
		}
		if l.ring.done(pkts) {
			l.card.sendDone()
		}
	}
}
