// Numbers of IPv4's headers: include/uapi/linux/rtnetlink.h, in_route.h, icmp.h,
// in.h, include/net/route.h, ip.h, flow.h and dst.h.

package ipv4

// Route types (RTN_*).
const (
	RtnUnspec      = 0
	RtnUnicast     = 1
	RtnLocal       = 2
	RtnBroadcast   = 3
	RtnAnycast     = 4
	RtnMulticast   = 5
	RtnBlackhole   = 6
	RtnUnreachable = 7
	RtnProhibit    = 8
	RtnThrow       = 9
	rtnMax         = 11
)

// Scopes of addresses and routes (RT_SCOPE_*).
const (
	RtScopeUniverse = 0
	RtScopeSite     = 200
	RtScopeLink     = 253
	RtScopeHost     = 254
	RtScopeNowhere  = 255
)

// Routing tables (RT_TABLE_*).
const (
	RtTableUnspec  = 0
	RtTableDefault = 253
	RtTableMain    = 254
	RtTableLocal   = 255
)

// Who made a route (RTPROT_*).
const (
	RtprotUnspec = 0
	RtprotKernel = 2
	RtprotBoot   = 3
	RtprotStatic = 4
)

// Flags of a cached route (RTCF_*).
const (
	RtcfDoredirect = 0x01000000
	RtcfRedirected = 0x00040000
	RtcfBroadcast  = 0x10000000
	RtcfMulticast  = 0x20000000
	RtcfLocal      = 0x80000000
)

// Flags of a next hop (RTNH_F_*).
const (
	RtnhFDead     = 1
	RtnhFOnlink   = 4
	RtnhFLinkdown = 16
)

// How a route is to be added (NLM_F_*).
const (
	NlmFReplace = 0x100
	NlmFExcl    = 0x200
	NlmFCreate  = 0x400
	NlmFAppend  = 0x800
)

// Types of the messages that change routes (RTM_*).
const (
	rtmNewroute = 24
	rtmDelroute = 25
)

// Flags of an address (IFA_F_*).
const (
	IfaFSecondary     = 0x01
	IfaFPermanent     = 0x80
	IfaFNoprefixroute = 0x200
)

// Flags of a lookup.
const (
	FibLookupNoref           = 1
	FibLookupIgnoreLinkstate = 2

	FlowiFlagAnysrc  = 0x01
	FlowiFlagKnownNh = 0x02

	RtoOnlink = 1 // in a flow's Tos: only direct destinations
)

// Type of service: what routing looks at.
const (
	iptosTosMask = 0x1e
	iptosRtMask  = iptosTosMask &^ 3
	inetEcnMask  = 3
	InetEcnCe    = 3
)

// Bits of IpSkbCb.Flags (IPSKB_*).
const (
	IpskbForwarded    = 1 << 0
	IpskbFragComplete = 1 << 3
	IpskbRerouted     = 1 << 4
	IpskbDoredirect   = 1 << 5
	IpskbFragPmtu     = 1 << 6
)

// Bits of InetSock.CmsgFlags (IP_CMSG_*).
const (
	IpCmsgPktinfo      = 1 << 0
	IpCmsgTtl          = 1 << 1
	IpCmsgTos          = 1 << 2
	IpCmsgRecvopts     = 1 << 3
	IpCmsgRetopts      = 1 << 4
	IpCmsgPasssec      = 1 << 5
	IpCmsgOrigdstaddr  = 1 << 6
	IpCmsgChecksum     = 1 << 7
	IpCmsgRecvfragsize = 1 << 8
)

// Sizes and limits.
const (
	IpMaxMtu    = 0xffff
	ipv4MaxPmtu = 65535
	ipv4MinMtu  = 68
	ipcorkOpt   = 1

	loopbackIfindex = 1

	ipPmtudiscInterface = 4
	ipPmtudiscOmit      = 5
)

// Numbers of IP options (IPOPT_*).
const (
	ipoptEnd       = 0
	ipoptNoop      = 1
	ipoptRr        = 7
	ipoptTimestamp = 68
	ipoptLsrr      = 131
	ipoptSsrr      = 137
	ipoptRa        = 148

	ipoptTsTsonly    = 0
	ipoptTsTsandaddr = 1
	ipoptTsPrespec   = 3
)

// Users of the reassembler (enum ip_defrag_users).
const (
	ipDefragLocalDeliver = 0
	ipDefragCallRaChain  = 1
)
