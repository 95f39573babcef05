package stack

import (
	"math/bits"

	"menuos/stack/wire"
)

// Protocol headers as the debugger sees them: struct tcphdr and struct iphdr in
// memory, so that numbers of two and four bytes print in network order, byte
// swapped on this machine, as gdb prints them.

var (
	tcphdrFields = []string{"source", "dest", "seq", "ack_seq", "doff", "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "window", "check", "urg_ptr"}
	iphdrFields  = []string{"version", "ihl", "tos", "tot_len", "id", "frag_off", "ttl", "protocol", "check", "saddr", "daddr"}
)

// headerField reads a field of a protocol header.
func headerField(v any, name string) (any, bool) {
	switch h := v.(type) {
	case wire.TCP:
		return tcphdrField(h, name)
	case wire.IPv4:
		return iphdrField(h, name)
	}
	return nil, false
}

// be16 and be32 are __be16 and __be32: numbers as they lie in memory.
type (
	be16 uint16
	be32 uint32
)

func toBe16(v uint16) be16 { return be16(bits.ReverseBytes16(v)) }
func toBe32(v uint32) be32 { return be32(bits.ReverseBytes32(v)) }

// flagBit is a one-bit field of struct tcphdr.
func flagBit(f, m wire.TCPFlags) uint16 {
	if f&m != 0 {
		return 1
	}
	return 0
}

func tcphdrField(th wire.TCP, name string) (any, bool) {
	if len(th) < wire.TCPMinLen {
		return nil, false
	}
	switch name {
	case "source":
		return toBe16(th.SrcPort()), true
	case "dest":
		return toBe16(th.DstPort()), true
	case "seq":
		return toBe32(th.Seq()), true
	case "ack_seq":
		return toBe32(th.Ack()), true
	case "doff":
		return uint16(th.DataOff() / 4), true
	case "window":
		return toBe16(th.Window()), true
	case "check":
		return toBe16(th.Checksum()), true
	case "urg_ptr":
		return toBe16(th.Urgent()), true
	case "fin":
		return flagBit(th.Flags(), wire.FIN), true
	case "syn":
		return flagBit(th.Flags(), wire.SYN), true
	case "rst":
		return flagBit(th.Flags(), wire.RST), true
	case "psh":
		return flagBit(th.Flags(), wire.PSH), true
	case "ack":
		return flagBit(th.Flags(), wire.ACK), true
	case "urg":
		return flagBit(th.Flags(), wire.URG), true
	case "ece":
		return flagBit(th.Flags(), wire.ECE), true
	case "cwr":
		return flagBit(th.Flags(), wire.CWR), true
	}
	return nil, false
}

func iphdrField(iph wire.IPv4, name string) (any, bool) {
	if len(iph) < wire.IPv4MinLen {
		return nil, false
	}
	switch name {
	case "version":
		return iph.Version(), true
	case "ihl":
		return uint8(iph.IHL() / 4), true
	case "tos":
		return iph.TOS(), true
	case "tot_len":
		return toBe16(iph.TotalLen()), true
	case "id":
		return toBe16(iph.ID()), true
	case "frag_off":
		return toBe16(iph.Frag()), true
	case "ttl":
		return iph.TTL(), true
	case "protocol":
		return iph.Protocol(), true
	case "check":
		return toBe16(iph.Checksum()), true
	case "saddr":
		return toBe32(uint32(iph.Src())), true
	case "daddr":
		return toBe32(uint32(iph.Dst())), true
	}
	return nil, false
}
