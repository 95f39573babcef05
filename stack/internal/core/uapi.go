// Numbers of the socket interface that programs and kernel share
// (include/uapi, include/linux/socket.h, include/linux/net.h).

package core

// Families and types.
const (
	AfUnspec = 0
	AfInet   = 2

	SockStream   = 1
	SockDgram    = 2
	SockRaw      = 3
	SockNonblock = 0o4000
	SockCloexec  = 0o2000000

	InaddrAny = 0
)

// Message flags.
const (
	MsgOob             = 0x1
	MsgPeek            = 0x2
	MsgDontroute       = 0x4
	MsgCtrunc          = 0x8
	MsgTrunc           = 0x20
	MsgDontwait        = 0x40
	MsgEor             = 0x80
	MsgWaitall         = 0x100
	MsgErrqueue        = 0x2000
	MsgNosignal        = 0x4000
	MsgMore            = 0x8000
	MsgSendpageNotlast = 0x20000
	MsgZerocopy        = 0x4000000
	MsgFastopen        = 0x20000000
)

// Poll events (include/uapi/asm-generic/poll.h).
const (
	POLLIN     = 0x1
	POLLPRI    = 0x2
	POLLOUT    = 0x4
	POLLERR    = 0x8
	POLLHUP    = 0x10
	POLLRDNORM = 0x40
	POLLRDBAND = 0x80
	POLLWRNORM = 0x100
	POLLWRBAND = 0x200
	POLLRDHUP  = 0x2000
)

// Levels and options of SOL_SOCKET.
const (
	SolSocket = 1
	SolIp     = 0
	SolTcp    = 6
	SolUdp    = 17
	SolRaw    = 255

	SoDebug         = 1
	SoReuseaddr     = 2
	SoType          = 3
	SoError         = 4
	SoDontroute     = 5
	SoBroadcast     = 6
	SoSndbuf        = 7
	SoRcvbuf        = 8
	SoKeepalive     = 9
	SoOobinline     = 10
	SoNoCheck       = 11
	SoPriority      = 12
	SoLinger        = 13
	SoReuseport     = 15
	SoRcvlowat      = 18
	SoSndlowat      = 19
	SoRcvtimeo      = 20
	SoSndtimeo      = 21
	SoBindtodevice  = 25
	SoPasscred      = 16
	SoTimestamp     = 29
	SoAcceptconn    = 30
	SoSndbufforce   = 32
	SoRcvbufforce   = 33
	SoMark          = 36
	SoTimestampns   = 35
	SoTimestamping  = 37
	SoProtocol      = 38
	SoDomain        = 39
	SoRxqOvfl       = 40
	SoPeekOff       = 42
	SoSelectErrQ    = 45
	SoMaxPacingRate = 47
	SoIncomingCpu   = 49
	SoMeminfo       = 55
	SoCookie        = 57
)

// Options of SOL_IP.
const (
	IpTos               = 1
	IpTtl               = 2
	IpHdrincl           = 3
	IpOptionsOpt        = 4
	IpRecvopts          = 6
	IpPktinfo           = 8
	IpMtuDiscover       = 10
	IpRecverr           = 11
	IpRecvttl           = 12
	IpRecvtos           = 13
	IpMtu               = 14
	IpFreebind          = 15
	IpMulticastIf       = 32
	IpMulticastTtl      = 33
	IpMulticastLoop     = 34
	IpAddMembership     = 35
	IpDropMembership    = 36
	IpBindAddressNoPort = 24

	IpPmtudiscDont  = 0
	IpPmtudiscWant  = 1
	IpPmtudiscDo    = 2
	IpPmtudiscProbe = 3
)

// Bits of Sock.SkFlags (enum sock_flags).
const (
	SockDead = iota
	SockDone
	SockUrginline
	SockKeepopen
	SockLinger
	SockDestroy
	SockBroadcast
	SockTimestamp
	SockZapped
	SockUseWriteQueue
	SockDbg
	SockRcvtstamp
	SockRcvtstampns
	SockLocalroute
	SockQueueShrunk
	SockMemalloc
	SockTimestampingRxSoftware
	SockFasync
	SockRxqOvfl
	SockZerocopy
	SockWifiStatus
	SockNofcs
	SockFilterLocked
	SockSelectErrQueue
	SockRcuFree
	SockTxtime
)

// Bits of Socket.Flags (include/linux/net.h) and of SkUserlocks, SkShutdown.
const (
	SockNospace      = 2
	SockAsyncNospace = 0
	SockPassCred     = 3

	SockSndbufLock   = 1
	SockRcvbufLock   = 2
	SockBindaddrLock = 4
	SockBindportLock = 8

	RcvShutdown  = 1
	SendShutdown = 2
	ShutdownMask = 3

	SkNoReuse  = 0
	SkCanReuse = 1
)

// Interface flags (include/uapi/linux/if.h) and link types.
const (
	IffUp          = 1 << 0
	IffBroadcast   = 1 << 1
	IffLoopback    = 1 << 3
	IffPointopoint = 1 << 4
	IffRunning     = 1 << 6
	IffNoarp       = 1 << 7
	IffPromisc     = 1 << 8
	IffAllmulti    = 1 << 9
	IffMulticast   = 1 << 12
	IffLowerUp     = 1 << 16

	ArphrdEther    = 1
	ArphrdLoopback = 772
	ArphrdNone     = 0xfffe
)

// Device features (include/linux/netdev_features.h), as far as modelled.
const (
	NetifFSg          = 1 << 0
	NetifFIpCsum      = 1 << 1
	NetifFHwCsum      = 1 << 3
	NetifFRxcsum      = 1 << 4
	NetifFGso         = 1 << 5
	NetifFGro         = 1 << 6
	NetifFTso         = 1 << 7
	NetifFLoopback    = 1 << 8
	NetifFGsoSoftware = NetifFTso
	NetifFCsumMask    = NetifFIpCsum | NetifFHwCsum
)

// Bits of a segment's Sacked (include/net/tcp.h).
const (
	TcpcbSackedAcked   = 0x01
	TcpcbSackedRetrans = 0x02
	TcpcbLost          = 0x04
	TcpcbTagbits       = 0x07
	TcpcbRepaired      = 0x10
	TcpcbEverRetrans   = 0x80
	TcpcbRetrans       = TcpcbSackedRetrans | TcpcbEverRetrans | TcpcbRepaired
)
