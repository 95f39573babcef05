// Package tcp is the Transmission Control Protocol of Linux 5.0.1 (net/ipv4/tcp*.c,
// inet_connection_sock.c, inet_hashtables.c, inet_timewait_sock.c and the
// congestion controls reno and cubic). It meets IP through net_protocol,
// protosw and the af_ops tables, as in Linux.
package tcp

import (
	"embed"
	"unsafe"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

//go:embed *.go
var sourceFS embed.FS

// Net is the machine with TCP on it.
type Net struct {
	ipv4.Net

	slabs      slabs
	hashinfo   inetHashinfo
	twRow      inetTimewaitDeathRow
	prot       *core.Proto    // tcp_prot
	streamOps  *core.ProtoOps // inet_stream_ops
	ctlSk      *core.Sock     // net->ipv4.tcp_sk: sends RSTs and ACKs that belong to no socket
	caList     []*CongestionOps
	metrics    tcpMetrics
	afOps      *AfOps             // ipv4_specific
	rskOps     *RequestSockOps    // tcp_request_sock_ops
	reqOps     *tcpRequestSockOps // tcp_request_sock_ipv4_ops
	tsq        tsqTasklet
	rep        tcpReply // header of an answer that no connection sends
	pressure   uint64   // jiffies at which memory pressure began (tcp_memory_pressure)
	challenge  struct{ timestamp, count uint32 }
	timerKinds struct{ retransmit, delack, keepalive, reqsk, timewait kernel.TimerKind }
	hrtKinds   struct{ pacing, compressedAck kernel.HrtimerKind }
}

// InetConnectionSock is a connection-oriented socket (struct inet_connection_sock).
type InetConnectionSock struct {
	ipv4.InetSock

	IcskAcceptQueue     RequestSockQueue
	IcskBindHash        *InetBindBucket
	IcskTimeout         uint64 // jiffies
	IcskRetransmitTimer kernel.Timer
	IcskDelackTimer     kernel.Timer
	IcskRto             uint32 // jiffies
	IcskPmtuCookie      uint32
	IcskCaOps           *CongestionOps
	IcskAfOps           *AfOps
	IcskCaState         uint8 // TCP_CA_*
	IcskCaSetsockopt    bool
	IcskCaDstLocked     bool
	IcskRetransmits     uint8
	IcskPending         uint8 // ICSK_TIME_*
	IcskBackoff         uint8
	IcskSynRetries      uint8
	IcskProbesOut       uint8
	IcskExtHdrLen       uint16
	IcskUserTimeout     uint32
	IcskAck             struct {
		Pending     uint8 // ICSK_ACK_*
		Quick       uint8
		Pingpong    uint8
		Blocked     bool
		Ato         uint32 // jiffies
		Timeout     uint64 // jiffies
		Lrcvtime    uint32
		LastSegSize uint16
		RcvMss      uint16
	}
	IcskMtup struct {
		SearchHigh     int
		SearchLow      int
		ProbeSize      int
		ProbeTimestamp uint32
		Enabled        bool
	}
	IcskCaPriv caPriv
}

// caPriv is the room for a congestion control's own state (icsk_ca_priv).
type caPriv struct {
	cubic bictcp
}

// RequestSockQueue is a listener's accept queue and its count of half-open
// requests (struct request_sock_queue).
type RequestSockQueue struct {
	RskqDeferAccept uint8
	SynfloodWarned  bool
	Qlen            int32 // requests in the SYN queue
	Young           int32 // of those, never retransmitted
	Head, Tail      *RequestSock
}

// RequestSock is a half-open connection (struct request_sock, inet_request_sock
// and tcp_request_sock in one: TCP is their only user here).
type RequestSock struct {
	core.SockCommon

	DlNext         *RequestSock
	RskListener    *core.Sock
	RskOps         *RequestSockOps
	Mss            uint16
	NumRetrans     uint8 // SYN-ACKs sent again
	NumTimeout     uint8
	CookieTs       bool
	RskRcvWnd      uint32
	RskWindowClamp uint32
	TsRecent       uint32
	RskTimer       kernel.Timer
	Sk             *core.Sock // the child, once there is one
	SavedSyn       []byte

	SndWscale, RcvWscale                     uint8
	TstampOk, SackOk, WscaleOk, EcnOk, Acked bool
	NoSrccheck                               bool
	IrMark                                   uint32

	SntSynack      uint64 // us
	TfoListener    bool
	Txhash         uint32
	RcvIsn, SntIsn uint32
	TsOff          uint32
	LastOowAckTime uint32
	RcvNxt         uint32

	IreqOpt []byte // IP options for the answers, compiled from the SYN's
}

// TimewaitSock is what is left of a connection in TIME_WAIT or FIN_WAIT2
// (struct inet_timewait_sock and tcp_timewait_sock).
type TimewaitSock struct {
	core.SockCommon

	TwSubstate       uint8
	TwRcvWscale      uint8
	TwTos            uint8
	TwTransparent    bool
	TwKill           bool
	TwRcvNxt         uint32
	TwSndNxt         uint32
	TwRcvWnd         uint32
	TwTsOffset       uint32
	TwTsRecent       uint32
	TwTsRecentStamp  int64
	TwLastOowAckTime uint32
	TwMark           uint32
	TwTimer          kernel.Timer
	TwTb             *InetBindBucket
}

// TcpOptionsReceived is what the other side's options said (struct tcp_options_received).
type TcpOptionsReceived struct {
	TsRecentStamp int64 // seconds
	TsRecent      uint32
	RcvTsval      uint32
	RcvTsecr      uint32
	SawTstamp     bool
	TstampOk      bool
	Dsack         bool
	WscaleOk      bool
	SackOk        uint8 // bit 0: SACK permitted, bit 2: D-SACK seen
	SndWscale     uint8
	RcvWscale     uint8
	NumSacks      uint8
	UserMss       uint16
	MssClamp      uint16
}

// TcpSackBlock is one block of a SACK option, in host order.
type TcpSackBlock struct {
	StartSeq, EndSeq uint32
}

// AfOps is what a connection needs of its address family (struct
// inet_connection_sock_af_ops).
type AfOps struct {
	QueueXmit     func(sk *core.Sock, skb *core.SkBuff, fl *ipv4.Flowi4) int
	SendCheck     func(sk *core.Sock, skb *core.SkBuff)
	RebuildHeader func(sk *core.Sock) int
	SkRxDstSet    func(sk *core.Sock, skb *core.SkBuff)
	ConnRequest   func(sk *core.Sock, skb *core.SkBuff) int
	SynRecvSock   func(sk *core.Sock, skb *core.SkBuff, req *RequestSock, dst *core.DstEntry, reqUnhash *RequestSock) (child *core.Sock, ownReq bool)
	NetHeaderLen  uint16
	SockaddrLen   uint16
	Setsockopt    func(sk *core.Sock, level, optname int, optval []byte) int
	Getsockopt    func(sk *core.Sock, level, optname int, optval []byte) (n int, err int)
	Addr2sockaddr func(sk *core.Sock, uaddr core.Sockaddr)
	MtuReduced    func(sk *core.Sock)
}

// RequestSockOps is what a half-open connection can do (struct request_sock_ops).
// SendReset takes what any hash table entry has, because TIME_WAIT remnants
// answer with it too.
type RequestSockOps struct {
	RtxSynAck     func(sk *core.Sock, req *RequestSock) int
	SendAck       func(sk *core.Sock, skb *core.SkBuff, req *RequestSock)
	SendReset     func(sk *core.SockCommon, skb *core.SkBuff)
	Destructor    func(req *RequestSock)
	SynAckTimeout func(req *RequestSock)
}

// tcpRequestSockOps is the address family's part in answering a SYN (struct
// tcp_request_sock_ops).
type tcpRequestSockOps struct {
	MssClamp      uint16
	InitReq       func(req *RequestSock, skListener *core.Sock, skb *core.SkBuff)
	CookieInitSeq func(skb *core.SkBuff, mss *uint16) uint32
	RouteReq      func(sk *core.Sock, fl *ipv4.Flowi4, req *RequestSock) *core.DstEntry
	InitSeq       func(skb *core.SkBuff) uint32
	InitTsOff     func(skb *core.SkBuff) uint32
	SendSynack    func(sk *core.Sock, dst *core.DstEntry, fl *ipv4.Flowi4, req *RequestSock, synackType int) int
}

// InetBindBucket is a local port in use and who uses it (struct
// inet_bind_bucket).
type InetBindBucket struct {
	Port          uint16
	Fastreuse     int8 // every owner has SO_REUSEADDR and does not listen; below 0: connect() took the port
	Fastreuseport int8 // FASTREUSEPORT_*, below 0 as above
	FastRcvSaddr  wire.Addr
	next, prev    *InetBindBucket
	Owners        *core.SockCommon // through BindNext
}

// inetEhashBucket and its kin are chains of the hash tables.
type inetEhashBucket struct{ chain *core.SockCommon }
type inetBindHashbucket struct{ chain *InetBindBucket }
type inetListenHashbucket struct {
	count int
	head  *core.SockCommon
}

// inetHashinfo holds the hash tables of TCP (struct inet_hashinfo). Linux sizes
// them at boot for the memory of the machine; here they start small and double
// as they fill, so that a machine with nothing open costs next to nothing.
type inetHashinfo struct {
	ehash      []inetEhashBucket
	ehashMask  uint32
	ehashCount int
	bhash      []inetBindHashbucket
	bhashSize  uint32
	bhashCount int
	lhash2     []inetListenHashbucket // listeners, by address and port
	lhash2Mask uint32

	ehashSecret uint32 // inet_ehash_secret
	hashMix     uint32 // net_hash_mix
	connectHint uint32 // hint of __inet_hash_connect
}

// inetTimewaitDeathRow counts the TIME_WAIT remnants (struct
// inet_timewait_death_row).
type inetTimewaitDeathRow struct {
	twCount            int
	sysctlMaxTwBuckets int
}

// minmax is a windowed minimum (lib/win_minmax.c).
type minmax struct {
	s [3]minmaxSample
}

type minmaxSample struct{ t, v uint32 }

// TcpSock is a TCP connection or listener (struct tcp_sock).
//
//	sent and acked | sent, not acked | may be sent | may not yet be sent
//	         snd_una           snd_nxt      snd_una+snd_wnd
//
//	read by the program | waits to be read | may come | may not come
//	            copied_seq           rcv_nxt    rcv_wup+rcv_wnd
type TcpSock struct {
	InetConnectionSock

	TcpHeaderLen              uint16
	GsoSegs                   uint16
	PredFlags                 uint32
	BytesReceived             uint64
	SegsIn                    uint32
	DataSegsIn                uint32
	RcvNxt                    uint32
	CopiedSeq                 uint32
	RcvWup                    uint32
	SndNxt                    uint32
	SegsOut                   uint32
	DataSegsOut               uint32
	BytesSent                 uint64
	BytesAcked                uint64
	DsackDups                 uint32
	SndUna                    uint32
	SndSml                    uint32
	RcvTstamp                 uint32 // jiffies
	Lsndtime                  uint32 // jiffies
	LastOowAckTime            uint32
	CompressedAckRcvNxt       uint32
	Tsoffset                  uint32
	TsortedFirst, TsortedLast *core.SkBuff // tsorted_sent_queue
	SndWl1                    uint32
	SndWnd                    uint32
	MaxWindow                 uint32
	MssCache                  uint32
	WindowClamp               uint32
	RcvSsthresh               uint32
	Rack                      struct {
		Mstamp        uint64 // us
		RttUs         uint32
		EndSeq        uint32
		LastDelivered uint32
		ReoWndSteps   uint8
		ReoWndPersist uint8
		DsackSeen     bool
		Advanced      bool
	}
	Advmss             uint16
	CompressedAck      uint8
	ChronoStart        uint32
	ChronoStat         [3]uint32
	ChronoType         uint8
	RateAppLimited     bool
	IsSackReneg        bool
	Nonagle            uint8
	ThinLto            bool
	RecvmsgInq         bool
	Repair             bool
	Frto               bool
	SaveSyn            bool
	IsCwndLimited      bool
	TcpWstampNs        uint64
	TcpClockCache      uint64 // ns
	TcpMstamp          uint64 // us
	SrttUs             uint32 // smoothed round trip time, in 1/8 us
	MdevUs             uint32
	MdevMaxUs          uint32
	RttvarUs           uint32
	RttSeq             uint32
	RttMin             minmax
	PacketsOut         uint32
	RetransOut         uint32
	MaxPacketsOut      uint32
	MaxPacketsSeq      uint32
	UrgData            uint16
	EcnFlags           uint8
	KeepaliveProbes    uint8
	Reordering         uint32
	ReordSeen          uint32
	SndUp              uint32
	TlpHighSeq         uint32
	RxOpt              TcpOptionsReceived
	SndSsthresh        uint32
	SndCwnd            uint32
	SndCwndCnt         uint32
	SndCwndClamp       uint32
	SndCwndUsed        uint32
	SndCwndStamp       uint32
	PriorCwnd          uint32
	PrrDelivered       uint32
	PrrOut             uint32
	Delivered          uint32
	DeliveredCe        uint32
	Lost               uint32
	FirstTxMstamp      uint64
	DeliveredMstamp    uint64
	RateDelivered      uint32
	RateIntervalUs     uint32
	RcvWnd             uint32
	WriteSeq           uint32
	NotsentLowat       uint32
	AppLimited         uint32
	PushedSeq          uint32
	LostOut            uint32
	SackedOut          uint32
	PacingTimer        *kernel.Hrtimer // nil until it is first armed: most connections never do
	CompressedAckTimer *kernel.Hrtimer // the same
	LostSkbHint        *core.SkBuff
	RetransmitSkbHint  *core.SkBuff
	OutOfOrderQueue    core.SkBuffHead // by sequence
	OooLastSkb         *core.SkBuff
	DuplicateSack      [1]TcpSackBlock
	SelectiveAcks      [4]TcpSackBlock
	RecvSackCache      [4]TcpSackBlock
	HighestSack        *core.SkBuff
	LostCntHint        int
	PriorSsthresh      uint32
	HighSeq            uint32
	RetransStamp       uint32
	UndoMarker         uint32
	UndoRetrans        int
	BytesRetrans       uint64
	TotalRetrans       uint32
	UrgSeq             uint32
	KeepaliveTime      uint32 // jiffies, 0: the sysctl's
	KeepaliveIntvl     uint32
	Linger2            int // jiffies
	RcvRttLastTsecr    uint32
	MtuInfo            uint32
	RcvRttEst          struct {
		RttUs uint32
		Seq   uint32
		Time  uint64
	}
	RcvqSpace struct {
		Space uint32
		Seq   uint32
		Time  uint64
	}
	MtuProbe struct {
		ProbeSeqStart, ProbeSeqEnd uint32
	}
	SavedSyn *[]byte // TCP_SAVE_SYN: the headers of the SYN
}

// tcpSk is the TCP socket that sk is part of (tcp_sk). Every TCP socket is
// allocated as a TcpSock whose first field, through the embedding, is the Sock.
func tcpSk(sk *core.Sock) *TcpSock { return (*TcpSock)(unsafe.Pointer(sk)) }

// inetCsk is the same up to the connection (inet_csk).
func inetCsk(sk *core.Sock) *InetConnectionSock {
	return (*InetConnectionSock)(unsafe.Pointer(sk))
}

// TcpSk is tcpSk for snapshots and the debugger: nil if sk is no TCP socket.
func TcpSk(sk *core.Sock) *TcpSock {
	if sk == nil || sk.SkProtocol != wire.ProtoTCP || sk.SkType != core.SockStream {
		return nil
	}
	return tcpSk(sk)
}

// inetReqsk is the request that a hash table entry is part of (inet_reqsk).
func inetReqsk(sk *core.SockCommon) *RequestSock { return (*RequestSock)(unsafe.Pointer(sk)) }

// reqToSk is the other way (req_to_sk).
func reqToSk(req *RequestSock) *core.SockCommon {
	if req == nil {
		return nil
	}
	return &req.SockCommon
}

// inetTwsk is the TIME_WAIT remnant that a hash table entry is part of (inet_twsk).
func inetTwsk(sk *core.SockCommon) *TimewaitSock { return (*TimewaitSock)(unsafe.Pointer(sk)) }
