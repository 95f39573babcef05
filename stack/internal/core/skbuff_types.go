// Package core is what all protocols stand on: packets, devices, sockets
// without a protocol, and the way of a packet between them (net/core, net/sched
// and the loopback and dummy drivers of Linux 5.0.1).
package core

import (
	"time"

	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// MaxSkbFrags is how many page fragments a packet holds (MAX_SKB_FRAGS).
const MaxSkbFrags = 17

// MaxTcpHeader is the room that TCP leaves in front of its data (MAX_TCP_HEADER).
const MaxTcpHeader = 320

// Values of SkBuff.IpSummed (include/linux/skbuff.h).
const (
	ChecksumNone        = 0 // nobody has looked at the checksum
	ChecksumUnnecessary = 1 // known to be right
	ChecksumComplete    = 2 // Csum is the sum over the whole packet
	ChecksumPartial     = 3 // outgoing: the pseudo header is summed, the rest is left to the device
)

// Values of SkBuff.PktType (include/uapi/linux/if_packet.h).
const (
	PacketHost      = 0
	PacketBroadcast = 1
	PacketMulticast = 2
	PacketOtherhost = 3
	PacketOutgoing  = 4
	PacketLoopback  = 5
)

// GSO types (include/linux/skbuff.h).
const (
	SkbGsoTcpv4  = 1 << 0
	SkbGsoDodgy  = 1 << 1 // from a source that may lie
	SkbGsoTcpEcn = 1 << 2
	SkbGsoTcpv6  = 1 << 4
	SkbGsoUdp    = 1 << 16
)

// Page is a refcounted piece of memory that fragments of packets point into.
type Page struct {
	B    []byte
	Refs int32

	order int8
	free  bool
}

// Frag is one fragment of a packet's data (skb_frag_t).
type Frag struct {
	Page *Page
	Off  int32
	Size int32
}

// DataBuf is a packet's buffer with what Linux keeps at its end, the
// skb_shared_info. Clones share it.
type DataBuf struct {
	B    []byte
	Refs int32 // dataref

	NrFrags  uint8
	GsoSize  uint16
	GsoSegs  uint16
	GsoType  uint32
	TxFlags  uint8
	Tskey    uint32
	FragList *SkBuff
	Frags    [MaxSkbFrags]Frag

	payloadRefs int32    // of Refs, those that promise not to touch the headers
	next        *DataBuf // free list
	class       int8     // size class of the pool it came from; -1 for none
}

// TcpSkbCb is TCP's part of a packet's control buffer (struct tcp_skb_cb).
type TcpSkbCb struct {
	Seq         uint32
	EndSeq      uint32
	TcpTwIsn    uint32 // receive: ISN for a SYN that reuses a TIME_WAIT pair
	TcpGsoSegs  uint16 // transmit
	TcpGsoSize  uint16
	TcpFlags    uint8 // flags as in the TCP header (TCPHDR_*)
	Sacked      uint8 // TCPCB_*
	IpDsfield   uint8
	TxstampAck  bool
	Eor         bool
	HasRxtstamp bool
	AckSeq      uint32

	TxInFlight        uint32 // transmit: see tcp_rate.go
	TxIsAppLimited    bool
	TxDelivered       uint32
	TxFirstTxMstamp   uint64
	TxDeliveredMstamp uint64
}

// IpSkbCb is IP's part of a packet's control buffer (struct inet_skb_parm).
type IpSkbCb struct {
	Iif           int
	Flags         uint16 // IPSKB_*
	FragMaxSize   uint16
	Optlen        uint8
	Rr, Ts, Srr   uint8 // offsets of options in the header
	IsStrictRoute bool
	RouterAlert   uint8
}

// SkBuff is a packet (struct sk_buff). Head.B[Data:Tail] is its linear part,
// Head.Frags the rest; Len counts both, DataLen the rest alone. Header offsets
// count from the start of Head.B.
type SkBuff struct {
	Next, Prev *SkBuff // neighbours in an SkBuffHead, or Next alone in a chain
	List       *SkBuffHead

	// tcp_tsorted_anchor: neighbours in the order of (re)transmission.
	TsortedNext, TsortedPrev *SkBuff

	Dev *NetDevice
	Sk  *Sock
	Dst *DstEntry // skb_dst

	// Destructor releases what the packet holds of its socket.
	Destructor func(*SkBuff)

	Head     *DataBuf
	Data     int
	Tail     int
	Len      int
	DataLen  int
	Truesize int
	Users    int32

	MacHeader       int
	NetworkHeader   int
	TransportHeader int
	MacLen          uint16

	Tstamp      time.Duration // receive: when the packet came; 0 not stamped
	SkbMstampNs uint64        // transmit: departure time (shares a word in Linux)

	Cb   TcpSkbCb
	Ipcb IpSkbCb

	Protocol          uint16 // ethertype
	PktType           uint8
	IpSummed          uint8
	Cloned            bool
	Fclone            bool // came with TCP's retransmit queue: a clone of it is cheap
	IgnoreDf          bool
	OooOkay           bool
	XmitMore          bool
	Peeked            bool
	NoRefDst          bool // Dst is borrowed (skb_dst_is_noref)
	DstPendingConfirm bool
	CsumStart         int // ChecksumPartial: offset in Head.B from which to sum
	CsumOffset        int // … and where to store, from there
	Csum              uint32
	Priority          uint32
	Mark              uint32
	Hash              uint32
	SkbIif            int
	QueueMapping      uint16

	Nohdr            bool // payload reference only: the headers may be rewritten by a clone
	CsumValid        bool // the transport checksum has been verified
	CsumCompleteSw   bool
	L4Hash           bool
	HdrLen           int           // of a clone: how far from the head it may be written (hdr_len)
	ReservedTailroom int           // room behind the data that is not to be used (skb_availroom)
	PktLen           int           // qdisc_skb_cb.pkt_len: length with the headers of all GSO segments
	timeToSend       time.Duration // netem_skb_cb.time_to_send

	fclone uint8       // skbFclone*
	fc     *skbFclones // the pair that it is half of

	gso struct { // SKB_GSO_CB
		macOffset  int
		dataOffset int
		csum       uint32
		csumStart  int
	}
	reason uint8 // dev_kfree_skb_irq: why it is freed

	ID   uint64 // counts packets of this machine; clones share it, so one frame can be followed
	addr uint64
}

// Kaddr is the address that stands for the packet.
func (skb *SkBuff) Kaddr() uint64 { return skb.addr }

// Bytes is the linear part of the packet.
func (skb *SkBuff) Bytes() []byte { return skb.Head.B[skb.Data:skb.Tail] }

// Headlen is the length of the linear part (skb_headlen).
func (skb *SkBuff) Headlen() int { return skb.Len - skb.DataLen }

// Headroom is the room in front of the data (skb_headroom).
func (skb *SkBuff) Headroom() int { return skb.Data }

// Tailroom is the room behind the linear data (skb_tailroom).
func (skb *SkBuff) Tailroom() int {
	if skb.DataLen != 0 {
		return 0
	}
	return len(skb.Head.B) - skb.Tail
}

// Ip is the network header as IPv4 (ip_hdr).
func (skb *SkBuff) Ip() wire.IPv4 { return wire.IPv4(skb.Head.B[skb.NetworkHeader:]) }

// Tcp is the transport header as TCP (tcp_hdr).
func (skb *SkBuff) Tcp() wire.TCP { return wire.TCP(skb.Head.B[skb.TransportHeader:]) }

// Udp is the transport header as UDP (udp_hdr).
func (skb *SkBuff) Udp() wire.UDP { return wire.UDP(skb.Head.B[skb.TransportHeader:]) }

// Icmp is the transport header as ICMP (icmp_hdr).
func (skb *SkBuff) Icmp() wire.ICMPv4 { return wire.ICMPv4(skb.Head.B[skb.TransportHeader:]) }

// SkBuffHead is a queue of packets (struct sk_buff_head). The zero value is
// empty. First.Prev and Last.Next are nil.
type SkBuffHead struct {
	First, Last *SkBuff
	Qlen        int
}

// NetDevice is an interface (struct net_device).
type NetDevice struct {
	Name           string
	Ifindex        int
	Type           uint16 // ARPHRD_*
	Flags          uint32 // IFF_*
	Mtu            int
	MinMtu         int
	MaxMtu         int
	DevAddr        wire.MAC
	Broadcast      wire.MAC
	AddrLen        int
	HardHeaderLen  int
	NeededHeadroom int
	TxQueueLen     int
	Features       uint64 // NETIF_F_*
	HwFeatures     uint64 // of these, those that may be changed
	WantedFeatures uint64 // … and those that are asked for
	GsoMaxSize     int
	GsoMaxSegs     uint16
	Ops            *NetDeviceOps
	HeaderOps      *HeaderOps
	Qdisc          *Qdisc // nil: noqueue
	IpPtr          any    // ipv4's *InDevice
	Priv           any    // the driver's
	Net            *Net
	Stats          NetDeviceStats
	Carrier        bool
	Promiscuity    int

	Xmitting    bool   // a transmit is under way (HARD_TX_LOCK): recursion is a dead loop
	NoqueueNext func() // unused: noqueue devices transmit at once

	Gflags     uint32 // IFF_PROMISC and IFF_ALLMULTI as the user asked for them
	Allmulti   int
	DstRelease bool // IFF_XMIT_DST_RELEASE: packets lose their route before they queue
	NoQueue    bool // IFF_NO_QUEUE: it has no queue by default

	qdiscAttached bool // Qdisc is what it shall be, even if that is nil
	TxStopped     bool // netif_stop_queue
	state         uint8
	recursion     int

	addr uint64
}

// Kaddr is the address that stands for the device.
func (dev *NetDevice) Kaddr() uint64 { return dev.addr }

// NetDeviceOps is a driver (struct net_device_ops). Any but NdoStartXmit may
// be nil.
type NetDeviceOps struct {
	NdoInit      func(dev *NetDevice) int
	NdoUninit    func(dev *NetDevice)
	NdoOpen      func(dev *NetDevice) int
	NdoStop      func(dev *NetDevice) int
	NdoStartXmit func(skb *SkBuff, dev *NetDevice) int // NETDEV_TX_*; it owns skb
	NdoChangeMtu func(dev *NetDevice, newMtu int) int
}

// HeaderOps builds link headers (struct header_ops).
type HeaderOps struct {
	Create func(skb *SkBuff, dev *NetDevice, typ uint16, daddr, saddr *wire.MAC, len int) int
	Cache  func(neigh *Neighbour, hh *HhCache, typ uint16) int

	CacheUpdate func(hh *HhCache, dev *NetDevice, haddr *wire.MAC)
}

// NetDeviceStats counts an interface's traffic (struct rtnl_link_stats64).
type NetDeviceStats struct {
	RxPackets, RxBytes, RxErrors, RxDropped      uint64
	TxPackets, TxBytes, TxErrors, TxDropped      uint64
	Multicast, Collisions                        uint64
	RxOverErrors, RxFrameErrors, TxCarrierErrors uint64
	RxLengthErrors, TxFifoErrors                 uint64
}

// HhCache is a link header ready to be copied (struct hh_cache).
type HhCache struct {
	Len  int
	Data [16]byte
}

// Neighbour is a next hop on a link (struct neighbour).
type Neighbour struct {
	Dev                      *NetDevice
	Key                      wire.Addr
	Ha                       wire.MAC
	NudState                 uint8
	Hh                       HhCache
	Output                   func(neigh *Neighbour, skb *SkBuff) int
	Used, Confirmed, Updated uint64 // jiffies
	Refs                     int
	ArpQueue                 SkBuffHead
	Timer                    kernel.Timer
	Tbl                      *NeighTable
	Ops                      *NeighOps
	Type                     uint8 // RTN_*
	Dead                     bool
	Probes                   int
	ArpQueueLenBytes         int
	Flags                    uint8      // NTF_*
	next                     *Neighbour // in its hash bucket
	onGcList                 bool       // it may be collected
	gcPrev, gcNext           *Neighbour
	addr                     uint64
}

// Kaddr is the address that stands for the neighbour.
func (n *Neighbour) Kaddr() uint64 { return n.addr }

// DstEntry is a route as a packet carries it (struct dst_entry). Protocols
// embed it first.
type DstEntry struct {
	Dev      *NetDevice
	Ops      *DstOps
	Metrics  [RtaxMax + 1]uint32
	Flags    uint16 // DST_*
	Error    int
	Obsolete int16
	Input    func(skb *SkBuff) int
	Output   func(net *Net, sk *Sock, skb *SkBuff) int
	Refs     int32
	Expires  uint64
	Lastuse  uint64
	Use      uint64
	Neigh    *Neighbour // cached answer of ip_neigh lookup
	addr     uint64
}

// Kaddr is the address that stands for the route.
func (dst *DstEntry) Kaddr() uint64 { return dst.addr }

// Route metrics (include/uapi/linux/rtnetlink.h).
const (
	RtaxMtu        = 2
	RtaxWindow     = 3
	RtaxRtt        = 4
	RtaxRttvar     = 5
	RtaxSsthresh   = 6
	RtaxCwnd       = 7
	RtaxAdvmss     = 8
	RtaxReordering = 9
	RtaxHoplimit   = 10
	RtaxInitcwnd   = 11
	RtaxFeatures   = 12
	RtaxRtoMin     = 13
	RtaxInitrwnd   = 14
	RtaxQuickack   = 15
	RtaxCcAlgo     = 16
	RtaxMax        = 17
)

// DstOps is what a family's routes can do (struct dst_ops).
type DstOps struct {
	Check          func(dst *DstEntry, cookie uint32) *DstEntry
	DefaultAdvmss  func(dst *DstEntry) uint32
	Mtu            func(dst *DstEntry) uint32
	NegativeAdvice func(dst *DstEntry) *DstEntry
	LinkFailure    func(skb *SkBuff)
	UpdatePmtu     func(dst *DstEntry, sk *Sock, skb *SkBuff, mtu uint32)
	NeighLookup    func(dst *DstEntry, skb *SkBuff, daddr wire.Addr) *Neighbour
	ConfirmNeigh   func(dst *DstEntry, daddr wire.Addr)
	Redirect       func(dst *DstEntry, sk *Sock, skb *SkBuff)
	LocalOut       func(net *Net, sk *Sock, skb *SkBuff) int
	Destroy        func(dst *DstEntry)
	Ifdown         func(dst *DstEntry, dev *NetDevice, how bool)
	Family         int
	Entries        int
}

// PacketType is a receiver of an ethertype (struct packet_type).
type PacketType struct {
	Type uint16
	Dev  *NetDevice // nil: any
	Func func(skb *SkBuff, dev *NetDevice, pt *PacketType, origDev *NetDevice) int
}
