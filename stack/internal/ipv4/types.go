// Package ipv4 is IP version 4 of Linux 5.0.1 without TCP: routing, input and
// output, ICMP, UDP, raw sockets and the socket layer of the family (net/ipv4).
package ipv4

import (
	"embed"
	"unsafe"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

//go:embed *.go
var sourceFS embed.FS

// Net is the machine with IP on it.
type Net struct {
	core.Net

	protos   [256]*NetProtocol // inet_protos
	offloads [256]*NetOffload  // inet_offloads
	sw       [12][]*Protosw    // inetsw, by socket type
	fib      fibTables
	rt       routeState
	devinet  devinetState
	frags    netnsFrags
	arp      arpState
	peers    inetPeerBase
	icmp     icmpState
	udp      udpState
	raw      rawState
	ident    identState
	ok       okFns
	reply    replyBuf

	// The families' faces to the system calls. Whoever registers a stream
	// protocol also sets InetStreamOps.Poll, which Linux names tcp_poll.
	InetStreamOps  *core.ProtoOps
	InetDgramOps   *core.ProtoOps
	InetSockrawOps *core.ProtoOps

	// Csk is what the socket layer calls in the connection-oriented code above
	// it, which Linux calls by name.
	Csk CskOps
}

// CskOps is how this layer reaches inet_connection_sock.c and tcp.c.
type CskOps struct {
	ListenStart func(sk *core.Sock, backlog int) int // inet_csk_listen_start
	SetState    func(sk *core.Sock, state int)       // tcp_set_state
	ExtHdrLen   func(sk *core.Sock, delta int)       // changes icsk_ext_hdr_len and syncs the MSS
}

// okFns are the functions that netfilter's hooks and ip_fragment call back,
// bound once.
type okFns struct {
	ipRcvFinish          core.Okfn
	ipLocalDeliverFinish core.Okfn
	ipFinishOutput       core.Okfn
	ipFinishOutput2      core.Okfn
	ipMcFinishOutput     core.Okfn
	ipForwardFinish      core.Okfn
	dstOutput            core.Okfn
	ipReplyGlueBits      GetfragFunc
}

// GetfragFunc copies len bytes of what a program sends, from offset on, to the
// packet that is being built, and sums them into skb.Csum unless the device
// does that (the getfrag callback of ip_append_data). It returns 0 or -EFAULT.
type GetfragFunc = func(from any, to []byte, offset, len, odd int, skb *core.SkBuff) int

// NetOffload is how a transport protocol cuts a large packet (struct net_offload).
type NetOffload struct {
	GsoSegment func(skb *core.SkBuff, features uint64) (*core.SkBuff, int)
}

// NetProtocol is a transport protocol as IP sees it (struct net_protocol).
type NetProtocol struct {
	EarlyDemux              func(skb *core.SkBuff) int
	Handler                 func(skb *core.SkBuff) int
	ErrHandler              func(skb *core.SkBuff, info uint32) int
	NoPolicy                bool
	IcmpStrictTagValidation bool
}

// Protosw binds a protocol to a socket type (struct inet_protosw).
type Protosw struct {
	Type     int
	Protocol int
	Prot     *core.Proto
	Ops      *core.ProtoOps
	Flags    uint8 // INET_PROTOSW_*
}

// Flags of a Protosw.
const (
	InetProtoswReuse     = 1
	InetProtoswPermanent = 2
	InetProtoswIcsk      = 4
)

// Flowi4 is what a route is looked up by (struct flowi4).
type Flowi4 struct {
	Oif, Iif int
	Mark     uint32
	Tos      uint8
	Scope    uint8
	Proto    uint8
	Flags    uint8 // FLOWI_FLAG_*
	Saddr    wire.Addr
	Daddr    wire.Addr
	Sport    uint16
	Dport    uint16
}

// Rtable is an IPv4 route (struct rtable).
type Rtable struct {
	core.DstEntry

	RtGenid       int
	RtFlags       uint32 // RTCF_*
	RtType        uint8  // RTN_*
	RtIsInput     bool
	RtUsesGateway bool
	RtIif         int
	RtGateway     wire.Addr
	RtMtuLocked   bool
	RtPmtu        uint32
}

// RtableOf is the route that a packet's or socket's dst is part of.
func RtableOf(dst *core.DstEntry) *Rtable { return (*Rtable)(unsafe.Pointer(dst)) }

// InetSock is a socket of this family (struct inet_sock). Protocols embed it.
type InetSock struct {
	core.Sock

	InetSaddr         wire.Addr // source of what it sends; SkRcvSaddr is what it was bound to
	UcTtl             int16
	CmsgFlags         uint16
	InetSport         uint16
	InetId            uint16
	InetOpt           []byte // IP options, as the program set them, padded to four bytes
	RxDstIfindex      int
	Tos               uint8
	MinTtl            uint8
	McTtl             uint8
	Pmtudisc          uint8
	Recverr           bool
	IsIcsk            bool
	Freebind          bool
	Hdrincl           bool
	McLoop            bool
	Transparent       bool
	McAll             bool
	Nodefrag          bool
	BindAddressNoPort bool
	DeferConnect      bool
	RcvTos            uint8
	ConvertCsum       uint8
	UcIndex           int
	McIndex           int
	McAddr            wire.Addr
	McList            []mcMembership
	recvAddrLen       int          // where inet_recvmsg hears of the address's length
	Cork              InetCorkFull // the flow, and what MSG_MORE or UDP_CORK holds back
}

// InetCorkFull is a socket's pending datagram and its flow (struct inet_cork_full).
// Connected sockets keep the flow of their route here.
type InetCorkFull struct {
	Base *inetCork // nil until a datagram is begun
	Fl   Flowi4
}

// corkBase is the socket's Cork.Base, which comes with the first datagram.
func (inet *InetSock) corkBase() *inetCork {
	if inet.Cork.Base == nil {
		inet.Cork.Base = new(inetCork)
	}
	return inet.Cork.Base
}

// inetCork is what the header of a datagram under construction will need
// (struct inet_cork).
type inetCork struct {
	Flags    uint32
	Addr     wire.Addr
	Opt      *IpOptions
	Fragsize int
	Length   int // of all fragments
	Dst      *core.DstEntry
	TxFlags  uint8
	Ttl      uint8
	Tos      int16 // -1: the socket's
	Priority uint32
	GsoSize  uint16
}

// IpcmCookie is what one sendmsg says about its datagram (struct ipcm_cookie).
type IpcmCookie struct {
	Addr     wire.Addr
	Oif      int
	Opt      []byte // IP options as the program gives them
	Ttl      uint8
	Tos      int16 // -1: the socket's
	Priority uint32
	GsoSize  uint16
	Tsflags  uint16
}

type ipcmCookie = IpcmCookie

// IpReplyArg is what ip_send_unicast_reply sends (struct ip_reply_arg).
type IpReplyArg struct {
	Iov        []byte
	Flags      int    // IP_REPLY_ARG_NOSRCCHECK
	Csum       uint32 // partial sum to add
	Csumoffset int    // where the checksum goes, in 16-bit words; -1: nowhere
	BoundDevIf int
	Tos        uint8
}

// IpReplyArgNosrccheck lets a reply leave from an address that is not ours.
const IpReplyArgNosrccheck = 1

// IpOptions is a set of IP options and what parsing found in it (struct
// ip_options). Offsets count from the start of the IP header.
type IpOptions struct {
	Faddr         wire.Addr // first hop of a source route
	Nexthop       wire.Addr
	Optlen        uint8
	Srr           uint8
	Rr            uint8
	Ts            uint8
	IsStrictroute bool
	SrrIsHit      bool
	IsChanged     bool
	RrNeedaddr    bool
	TsNeedtime    bool
	TsNeedaddr    bool
	RouterAlert   uint8
	Data          [40]byte
}

type mcMembership struct {
	addr    wire.Addr
	ifindex int
}

// InetSk is the inet socket that sk is part of (inet_sk). Every socket of the
// family is allocated as a struct that begins with an InetSock.
func InetSk(sk *core.Sock) *InetSock { return (*InetSock)(unsafe.Pointer(sk)) }
