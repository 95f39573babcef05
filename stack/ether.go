package stack

import (
	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

// Flags and kinds of a VnetHdr (include/uapi/linux/virtio_net.h).
const (
	VIRTIO_NET_HDR_F_NEEDS_CSUM = core.VirtioNetHdrFNeedsCsum // a checksum is to be filled in, from CsumStart on
	VIRTIO_NET_HDR_F_DATA_VALID = core.VirtioNetHdrFDataValid // its checksums have been looked at
	VIRTIO_NET_HDR_GSO_NONE     = core.VirtioNetHdrGsoNone
	VIRTIO_NET_HDR_GSO_TCPV4    = core.VirtioNetHdrGsoTcpv4
	VIRTIO_NET_HDR_GSO_UDP      = core.VirtioNetHdrGsoUdp
	VIRTIO_NET_HDR_GSO_TCPV6    = core.VirtioNetHdrGsoTcpv6
	VIRTIO_NET_HDR_GSO_ECN      = core.VirtioNetHdrGsoEcn
)

// VnetHdr is virtio's header of a frame: what is left to do to its checksum and
// its cutting. Lengths and offsets are in bytes, from the start of the frame;
// CsumOffset is from CsumStart.
type VnetHdr struct {
	Flags      uint8
	GSOType    uint8
	HdrLen     uint16
	GSOSize    uint16
	CsumStart  uint16
	CsumOffset uint16
}

// EtherFrame is an Ethernet frame without its check sequence, and its header.
type EtherFrame struct {
	Hdr  VnetHdr
	Data []byte
}

// EtherConfig is what an Ethernet interface is made from.
type EtherConfig struct {
	Name string
	MAC  wire.MAC // zero: a local address, drawn
	MTU  int      // bytes; 0: 1500

	// Offload says that the other end takes partial checksums and TCP segments
	// larger than the MTU, and may send such.
	Offload bool

	// RxRoom, if set, is called when a full receive ring has room again. It runs
	// inside the machine, must not wait and must not call the Stack.
	RxRoom func()
}

// Ether is an Ethernet interface of the machine whose other end is in the
// host's hands. Its driver is Linux's virtio_net.
type Ether struct {
	s *Stack
	v *core.VirtnetInfo
}

// AttachEther makes an Ethernet interface. It is down and has no address. tx
// gets every frame that leaves; it runs inside the machine, so it must not wait
// and must not call the Stack, and the frame is its own only until it returns.
// false: it has no room; the frame stays in the send ring, the queue stops once
// that is full too, and both go on with TxDone. The error is EEXIST if there is
// an interface of the name, EINVAL for an MTU out of 68 to 65535
// or a group's address.
func (s *Stack) AttachEther(cfg EtherConfig, tx func(h VnetHdr, frame []byte) bool) (*Ether, error) {
	e := &Ether{s: s}
	err := s.errnoCall(func() int {
		if s.n.DevGetByName(cfg.Name) != nil {
			return -core.EEXIST
		}
		var r int
		e.v, r = s.n.NewVirtnet(core.VirtnetConfig{
			Name: cfg.Name, MAC: cfg.MAC, MTU: cfg.MTU, Offload: cfg.Offload, RxRoom: cfg.RxRoom,
			Tx: func(h core.VirtioNetHdr, frame []byte) bool { return tx(VnetHdr(h), frame) },
		})
		return r
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Name is the interface's name.
func (e *Ether) Name() string { return e.v.Dev.Name }

// MAC is the interface's address.
func (e *Ether) MAC() wire.MAC {
	e.s.lock()
	defer e.s.mu.Unlock()
	return e.v.Dev.DevAddr
}

// Filtered counts the frames that came and were for another address.
func (e *Ether) Filtered() uint64 {
	e.s.lock()
	defer e.s.mu.Unlock()
	return e.v.Filtered()
}

// Receive puts frames into the interface's receive ring and raises its
// interrupt. The machine takes them when it is next driven: Settle, Advance,
// Wait, or at once on a real clock. The bytes are copied. The ring has 256
// buffers, each for a frame of up to 1518 bytes or for a part of a longer one;
// Receive takes as many of the first frames as there is room for and reports how
// many of the last it refused, which may be tried again after RxRoom. What comes
// while the interface is down, or has no link, is lost and counted.
func (e *Ether) Receive(frames ...EtherFrame) (refused int) {
	e.s.lock()
	defer e.s.mu.Unlock()
	if e.s.closed {
		return 0
	}
	taken := 0
	for taken < len(frames) && e.s.n.VirtnetReceive(e.v, core.VirtioNetHdr(frames[taken].Hdr), frames[taken].Data) {
		taken++
	}
	if taken > 0 {
		e.s.wakePump()
	}
	return len(frames) - taken
}

// TxDone says that tx takes frames again.
func (e *Ether) TxDone() {
	e.s.lock()
	defer e.s.mu.Unlock()
	if !e.s.closed {
		e.s.n.VirtnetTxDone(e.v)
		e.s.wakePump()
	}
}

// SetCarrier says whether there is a link: a device without one sends nothing,
// and its routes are dead. The machine hears of it when it is next driven.
func (e *Ether) SetCarrier(up bool) {
	e.s.lock()
	defer e.s.mu.Unlock()
	e.s.post(func(*Proc) { e.s.n.VirtnetSetLink(e.v, up) })
}

// Close takes the interface out of the machine, with its addresses and routes.
// Packets that it holds are dropped.
func (e *Ether) Close() error {
	return e.s.errnoCall(func() int {
		if e.s.n.DevGetByName(e.Name()) == e.v.Dev {
			e.s.n.VirtnetRemove(e.v)
		}
		return 0
	})
}

// Features are what an interface does by itself (ethtool -k).
type Features struct {
	RxChecksum    bool // rx-checksumming
	TxChecksum    bool // tx-checksumming
	ScatterGather bool // scatter-gather
	TSO           bool // tcp-segmentation-offload
	GSO           bool // generic-segmentation-offload
	GRO           bool // generic-receive-offload
}

// featureBits are the features' bits, in their order.
var featureBits = [...]uint64{core.NetifFRxcsum, core.NetifFHwCsum, core.NetifFSg, core.NetifFTso, core.NetifFGso, core.NetifFGro}

// features is all of them.
const features = core.NetifFRxcsum | core.NetifFHwCsum | core.NetifFSg | core.NetifFTso | core.NetifFGso | core.NetifFGro

func (f *Features) fields() [len(featureBits)]*bool {
	return [...]*bool{&f.RxChecksum, &f.TxChecksum, &f.ScatterGather, &f.TSO, &f.GSO, &f.GRO}
}

func (f Features) bits() uint64 {
	bits := uint64(0)
	for i, on := range f.fields() {
		if *on {
			bits |= featureBits[i]
		}
	}
	return bits
}

func featuresOf(bits uint64) Features {
	var f Features
	for i, on := range f.fields() {
		*on = bits&featureBits[i] != 0
	}
	return f
}

// Features reads an interface's features (ethtool -k NAME): those that are on,
// and those that cannot be changed.
func (s *Stack) Features(name string) (on, fixed Features, err error) {
	err = s.withDev(name, func(dev *core.NetDevice) int {
		on = featuresOf(dev.Features)
		fixed = featuresOf(^dev.HwFeatures)
		return 0
	})
	return on, fixed, err
}

// SetFeatures changes an interface's features (ethtool -K NAME) to f; what it
// cannot do without another feature is off until that is on, as Features tells.
// EOPNOTSUPP if something that is to be changed is fixed; the rest is done.
func (s *Stack) SetFeatures(name string, f Features) error {
	return s.withDev(name, func(dev *core.NetDevice) int {
		wanted := f.bits()
		if s.n.EthtoolSetFeatures(dev, wanted^dev.Features&features, wanted)&core.EthtoolFUnsupported != 0 {
			return -core.EOPNOTSUPP
		}
		return 0
	})
}

// Features reads the interface's features.
func (e *Ether) Features() Features {
	f, _, _ := e.s.Features(e.Name())
	return f
}

// SetFeatures changes the interface's features: see Stack.SetFeatures.
func (e *Ether) SetFeatures(f Features) error { return e.s.SetFeatures(e.Name(), f) }
