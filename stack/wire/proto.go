package wire

// Protocol numbers of the IPv4 header (RFC 790, kept since by IANA).
const (
	ProtoICMP uint8 = 1
	ProtoIGMP uint8 = 2
	ProtoTCP  uint8 = 6
	ProtoUDP  uint8 = 17
	ProtoRaw  uint8 = 255 // reserved; a raw socket's "any"
)

// EtherTypes (RFC 894, RFC 826, RFC 2464).
const (
	EtherTypeIPv4 uint16 = 0x0800
	EtherTypeARP  uint16 = 0x0806
	EtherTypeVLAN uint16 = 0x8100
	EtherTypeIPv6 uint16 = 0x86dd
)

// ICMP types (RFC 792; address mask RFC 950 appendix I). Named after include/uapi/linux/icmp.h.
const (
	ICMPEchoReply      uint8 = 0
	ICMPDestUnreach    uint8 = 3
	ICMPSourceQuench   uint8 = 4 // deprecated by RFC 6633
	ICMPRedirect       uint8 = 5
	ICMPEcho           uint8 = 8
	ICMPTimeExceeded   uint8 = 11
	ICMPParameterProb  uint8 = 12
	ICMPTimestamp      uint8 = 13
	ICMPTimestampReply uint8 = 14
	ICMPInfoRequest    uint8 = 15
	ICMPInfoReply      uint8 = 16
	ICMPAddress        uint8 = 17
	ICMPAddressReply   uint8 = 18
)

// Codes of ICMPDestUnreach (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1).
const (
	ICMPNetUnreach    uint8 = 0
	ICMPHostUnreach   uint8 = 1
	ICMPProtUnreach   uint8 = 2
	ICMPPortUnreach   uint8 = 3
	ICMPFragNeeded    uint8 = 4 // with the next hop's MTU, RFC 1191 section 4
	ICMPSRFailed      uint8 = 5
	ICMPNetUnknown    uint8 = 6
	ICMPHostUnknown   uint8 = 7
	ICMPHostIsolated  uint8 = 8
	ICMPNetAno        uint8 = 9
	ICMPHostAno       uint8 = 10
	ICMPNetUnrTOS     uint8 = 11
	ICMPHostUnrTOS    uint8 = 12
	ICMPPktFiltered   uint8 = 13
	ICMPPrecViolation uint8 = 14
	ICMPPrecCutoff    uint8 = 15
)

// Codes of ICMPRedirect (RFC 792).
const (
	ICMPRedirNet     uint8 = 0
	ICMPRedirHost    uint8 = 1
	ICMPRedirNetTOS  uint8 = 2
	ICMPRedirHostTOS uint8 = 3
)

// Codes of ICMPTimeExceeded (RFC 792).
const (
	ICMPExcTTL      uint8 = 0
	ICMPExcFragTime uint8 = 1
)

// TCP option kinds (RFC 9293 section 3.2 and the RFC at each).
const (
	OptEOL       uint8 = 0
	OptNOP       uint8 = 1
	OptMSS       uint8 = 2
	OptWindow    uint8 = 3   // RFC 7323 section 2.2
	OptSACKPerm  uint8 = 4   // RFC 2018 section 2
	OptSACK      uint8 = 5   // RFC 2018 section 3
	OptTimestamp uint8 = 8   // RFC 7323 section 3.2
	OptMD5Sig    uint8 = 19  // RFC 2385 section 3.0
	OptFastOpen  uint8 = 34  // RFC 7413 section 4.1.1
	OptExp       uint8 = 254 // RFC 6994; Fast Open before its number carried FastOpenMagic here
)

// Lengths of TCP options in bytes, kind and length included.
const (
	OptLenMSS          = 4
	OptLenWindow       = 3
	OptLenSACKPerm     = 2
	OptLenSACKBase     = 2 // and OptLenSACKPerBlock for each block
	OptLenSACKPerBlock = 8
	OptLenTimestamp    = 10
	OptLenMD5Sig       = 18
	OptLenFastOpenBase = 2 // and the cookie
	OptLenExpBase      = 4 // and what the magic number says
)

// FastOpenMagic is the 16-bit experiment identifier of Fast Open under OptExp (RFC 7413 section 4.1.1).
const FastOpenMagic uint16 = 0xf989
