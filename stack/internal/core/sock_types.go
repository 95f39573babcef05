package core

import (
	"time"

	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// TCP states, which every socket's SkState uses (include/net/tcp_states.h).
const (
	TcpEstablished = 1
	TcpSynSent     = 2
	TcpSynRecv     = 3
	TcpFinWait1    = 4
	TcpFinWait2    = 5
	TcpTimeWait    = 6
	TcpClose       = 7
	TcpCloseWait   = 8
	TcpLastAck     = 9
	TcpListen      = 10
	TcpClosing     = 11
	TcpNewSynRecv  = 12
	TcpMaxStates   = 13
)

// Masks over states (TCPF_*).
const (
	TcpfEstablished = 1 << TcpEstablished
	TcpfSynSent     = 1 << TcpSynSent
	TcpfSynRecv     = 1 << TcpSynRecv
	TcpfFinWait1    = 1 << TcpFinWait1
	TcpfFinWait2    = 1 << TcpFinWait2
	TcpfTimeWait    = 1 << TcpTimeWait
	TcpfClose       = 1 << TcpClose
	TcpfCloseWait   = 1 << TcpCloseWait
	TcpfLastAck     = 1 << TcpLastAck
	TcpfListen      = 1 << TcpListen
	TcpfClosing     = 1 << TcpClosing
	TcpfNewSynRecv  = 1 << TcpNewSynRecv
)

// SockCommon is what the hash tables know of a socket, a request and a
// TIME_WAIT remnant alike (struct sock_common). All three embed it first.
// Addresses and ports are in host order.
type SockCommon struct {
	SkDaddr      wire.Addr
	SkRcvSaddr   wire.Addr
	SkHash       uint32
	SkDport      uint16
	SkNum        uint16
	SkFamily     uint16
	SkState      uint8
	SkReuse      uint8
	SkReuseport  bool
	Hashed       bool // HashNext and HashPrev link it
	listed       bool // allNext and allPrev link it
	SkBoundDevIf int32
	SkRefcnt     int32
	SkProt       *Proto
	SkNet        *Net

	// Links: in the established or listening hash (nulls_node), and in a bind
	// bucket's owners (bind_node).
	HashNext, HashPrev *SockCommon
	BindNext, BindPrev *SockCommon

	Full    *Sock // the socket, if this is one; nil in a request or TIME_WAIT
	Partial any   // the request or TIME_WAIT remnant otherwise

	Cookie uint64 // names the object for as long as the machine runs
	addr   uint64

	allNext, allPrev *SockCommon // Net.socks
}

// Kaddr is the address that stands for the socket.
func (sk *SockCommon) Kaddr() uint64 { return sk.addr }

// Sock is a socket without its protocol (struct sock).
type Sock struct {
	SockCommon

	SkLock struct { // sk_lock: who owns the socket
		Owned bool
		Owner *kernel.Task
		Wq    kernel.WaitQueueHead
	}
	SkBacklog struct {
		RmemAlloc  int
		Len        int
		Head, Tail *SkBuff
	}
	SkDrops             int
	SkRcvlowat          int
	SkErrorQueue        SkBuffHead
	SkReceiveQueue      SkBuffHead
	SkForwardAlloc      int
	SkRcvbuf            int
	SkFilter            any
	SkWq                *SocketWq
	SkRxDst             *DstEntry
	SkDstCache          *DstEntry
	SkOmemAlloc         int
	SkSndbuf            int
	SkWmemQueued        int
	SkWmemAlloc         int        // starts at 1, the socket's own reference
	TcpRtxQueue         SkBuffHead // sent and not yet acknowledged, by sequence
	SkWriteQueue        SkBuffHead // not yet sent
	SkSendHead          *SkBuff
	SkPeekOff           int
	SkWritePending      int
	SkSndtimeo          int64 // jiffies
	SkRcvtimeo          int64 // jiffies
	SkTimer             kernel.Timer
	SkPriority          uint32
	SkMark              uint32
	SkPacingRate        uint64 // bytes a second
	SkMaxPacingRate     uint64
	SkFrag              PageFrag
	SkRouteCaps         uint64
	SkRouteNocaps       uint64
	SkRouteForcedCaps   uint32
	SkGsoType           uint32
	SkTsqFlags          uint32
	SkGsoMaxSize        int
	SkGsoMaxSegs        uint16
	SkTsflags           uint16
	SkTxhash            uint32
	SkNoCheckTx         bool
	SkNoCheckRx         bool
	SkUserlocks         uint8
	SkProtocol          uint8
	SkType              uint8
	SkPacingShift       uint8
	SkShutdown          uint8
	SkPacingStatus      uint8
	SkFlags             uint32 // 1 << SOCK_*
	SkDstPendingConfirm bool
	SkNetRefcnt         bool // it counts as in use
	SkKern              bool
	SkLingertime        int64 // jiffies
	SkErr               int
	SkErrSoft           int
	SkAckBacklog        uint32
	SkMaxAckBacklog     uint32
	SkStamp             time.Duration
	SkSocket            *Socket
	SkIncomingCpu       int

	SkStateChange func(sk *Sock)
	SkDataReady   func(sk *Sock)
	SkWriteSpace  func(sk *Sock)
	SkErrorReport func(sk *Sock)
	SkBacklogRcv  func(sk *Sock, skb *SkBuff) int
	SkDestruct    func(sk *Sock)
}

// PageFrag is where the next bytes that a sender writes go (struct page_frag).
type PageFrag struct {
	Page   *Page
	Offset int32
	Size   int32
}

// SocketWq is where a socket's waiters wait (struct socket_wq).
type SocketWq struct {
	Wait kernel.WaitQueueHead
}

// Socket states (include/uapi/linux/net.h).
const (
	SsFree          = 0
	SsUnconnected   = 1
	SsConnecting    = 2
	SsConnected     = 3
	SsDisconnecting = 4
)

// Socket is a socket as a file (struct socket).
type Socket struct {
	State uint8
	Type  uint8
	Flags uint32
	Ops   *ProtoOps
	Sk    *Sock
	File  *kernel.File
	Wq    SocketWq
	addr  uint64
}

// Kaddr is the address that stands for the socket.
func (sock *Socket) Kaddr() uint64 { return sock.addr }

// NewSocket makes a socket's file part (sock_alloc).
func NewSocket(k *kernel.Kernel) *Socket { return &Socket{addr: k.NewAddr(128)} }

// Sockaddr is a socket address as the program passed it: struct sockaddr_in in
// network order, or less than that.
type Sockaddr []byte

// Msghdr is what sendmsg and recvmsg work on (struct msghdr).
type Msghdr struct {
	Name    Sockaddr // send: where to; receive: filled, its length is what was stored
	Iter    []byte   // send: what is left to send; receive: the room that is left
	Flags   int      // out: MSG_TRUNC …
	Control []Cmsg
}

// Cmsg is one ancillary message.
type Cmsg struct {
	Level, Type int
	Data        []byte
}

// ProtoOps is a family's face to the system calls (struct proto_ops). Results
// below zero are negative errnos.
type ProtoOps struct {
	Family           int
	Release          func(sock *Socket) int
	Bind             func(sock *Socket, uaddr Sockaddr, addrLen int) int
	Connect          func(sock *Socket, uaddr Sockaddr, addrLen int, flags int) int
	Accept           func(sock *Socket, newsock *Socket, flags int, kern bool) int
	Getname          func(sock *Socket, peer int) (Sockaddr, int)
	Poll             func(file *kernel.File, sock *Socket, wait *kernel.PollTable) uint32
	Ioctl            func(sock *Socket, cmd uint32, arg any) int
	Listen           func(sock *Socket, backlog int) int
	Shutdown         func(sock *Socket, how int) int
	Setsockopt       func(sock *Socket, level, optname int, optval []byte) int
	CompatSetsockopt func(sock *Socket, level, optname int, optval []byte) int
	CompatGetsockopt func(sock *Socket, level, optname int, optval []byte) (n int, err int)
	Getsockopt       func(sock *Socket, level, optname int, optval []byte) (n int, err int)
	Sendmsg          func(sock *Socket, msg *Msghdr, size int) int
	Recvmsg          func(sock *Socket, msg *Msghdr, size int, flags int) int

	SetPeekOff  func(sk *Sock, val int) int
	SetRcvlowat func(sk *Sock, val int) int
}

// Proto is a transport protocol (struct proto).
type Proto struct {
	Name                string
	Close               func(sk *Sock, timeout int64)
	PreConnect          func(sk *Sock, uaddr Sockaddr, addrLen int) int
	Connect             func(sk *Sock, uaddr Sockaddr, addrLen int) int
	Disconnect          func(sk *Sock, flags int) int
	Accept              func(sk *Sock, flags int, kern bool) (newsk *Sock, err int)
	Ioctl               func(sk *Sock, cmd uint32, arg any) int
	Init                func(sk *Sock) int
	Destroy             func(sk *Sock)
	Shutdown            func(sk *Sock, how int)
	Setsockopt          func(sk *Sock, level, optname int, optval []byte) int
	Getsockopt          func(sk *Sock, level, optname int, optval []byte) (n int, err int)
	CompatSetsockopt    func(sk *Sock, level, optname int, optval []byte) int
	CompatGetsockopt    func(sk *Sock, level, optname int, optval []byte) (n int, err int)
	Keepalive           func(sk *Sock, valbool bool)
	Sendmsg             func(sk *Sock, msg *Msghdr, size int) int
	Recvmsg             func(sk *Sock, msg *Msghdr, size int, nonblock bool, flags int, addrLen *int) int
	Bind                func(sk *Sock, uaddr Sockaddr, addrLen int) int
	BacklogRcv          func(sk *Sock, skb *SkBuff) int
	ReleaseCb           func(sk *Sock)
	Hash                func(sk *Sock) int
	Unhash              func(sk *Sock)
	Rehash              func(sk *Sock)
	GetPort             func(sk *Sock, snum uint16) int
	StreamMemoryFree    func(sk *Sock) bool
	EnterMemoryPressure func(sk *Sock)
	LeaveMemoryPressure func(sk *Sock)
	NewSock             func() *Sock   // allocates the protocol's own struct (obj_size)
	FreeSock            func(sk *Sock) // takes it back; nil: nothing to do (sk_prot_free)

	MemoryAllocated  int64 // pages
	MemoryPressure   bool
	SysctlMem        [3]int64
	SysctlWmem       [3]int
	SysctlRmem       [3]int
	MaxHeader        int
	NoAutobind       bool
	SocketsAllocated int
	OrphanCount      int
	Inuse            int
}
