// The options of outgoing segments, in Linux's order and padding, which
// fingerprinting tools and some middleboxes know by heart
// (net/ipv4/tcp_output.c). Left out: MD5, SMC and Fast Open cookies.

package tcp

import (
	"encoding/binary"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Bits of tcpOutOptions.options.
const (
	optionSackAdvertise = 1 << 0
	optionTs            = 1 << 1
	optionWscale        = 1 << 3
)

// Lengths of options with the padding that goes with them (TCPOLEN_*_ALIGNED).
const (
	maxTcpOptionSpace      = 40
	tcpolenMssAligned      = 4
	tcpolenWscaleAligned   = 4
	tcpolenSackpermAligned = 4
	tcpolenSackBaseAligned = 4
	tcpolenSackPerblock    = 8
)

// tcpOutOptions is what the options of one segment will say (struct
// tcp_out_options).
type tcpOutOptions struct {
	options       uint16 // option* bits
	mss           uint16 // 0: no MSS option
	ws            uint8
	numSackBlocks uint8
	tsval, tsecr  uint32
}

// optWord stores the option word that begins with the four given bytes.
func optWord(ptr []byte, b0, b1, b2, b3 uint8) []byte {
	ptr[0], ptr[1], ptr[2], ptr[3] = b0, b1, b2, b3
	return ptr[4:]
}

// tcpOptionsWrite writes the options that opts describes to ptr, which has
// room for them. A D-SACK counts as reported once it is written. tp is nil for
// a request that has no socket yet.
func (n *Net) tcpOptionsWrite(ptr []byte, tp *TcpSock, opts *tcpOutOptions) {
	kernel.Fentry1(&n.Kernel, tp) // tcp_options_write net/ipv4/tcp_output.c:456

	options := opts.options
	if opts.mss != 0 {
		ptr = optWord(ptr, wire.OptMSS, wire.OptLenMSS, uint8(opts.mss>>8), uint8(opts.mss))
	}
	if options&optionTs != 0 {
		if options&optionSackAdvertise != 0 {
			ptr = optWord(ptr, wire.OptSACKPerm, wire.OptLenSACKPerm, wire.OptTimestamp, wire.OptLenTimestamp)
			options &^= optionSackAdvertise
		} else {
			ptr = optWord(ptr, wire.OptNOP, wire.OptNOP, wire.OptTimestamp, wire.OptLenTimestamp)
		}
		binary.BigEndian.PutUint32(ptr, opts.tsval)
		binary.BigEndian.PutUint32(ptr[4:], opts.tsecr)
		ptr = ptr[8:]
	}
	if options&optionSackAdvertise != 0 {
		ptr = optWord(ptr, wire.OptNOP, wire.OptNOP, wire.OptSACKPerm, wire.OptLenSACKPerm)
	}
	if options&optionWscale != 0 {
		ptr = optWord(ptr, wire.OptNOP, wire.OptWindow, wire.OptLenWindow, opts.ws)
	}
	if opts.numSackBlocks != 0 {
		ptr = optWord(ptr, wire.OptNOP, wire.OptNOP, wire.OptSACK, wire.OptLenSACKBase+opts.numSackBlocks*tcpolenSackPerblock)
		blocks := int(opts.numSackBlocks)
		if tp.RxOpt.Dsack {
			// The duplicate block comes first, the others stay behind it:
			// in Linux the two arrays adjoin.
			ptr = putSackBlock(ptr, tp.DuplicateSack[0])
			blocks--
		}
		for _, b := range tp.SelectiveAcks[:blocks] {
			ptr = putSackBlock(ptr, b)
		}
		tp.RxOpt.Dsack = false
	}
	// The Fast Open cookie would stand here.
}

func putSackBlock(ptr []byte, b TcpSackBlock) []byte {
	binary.BigEndian.PutUint32(ptr, b.StartSeq)
	binary.BigEndian.PutUint32(ptr[4:], b.EndSeq)
	return ptr[8:]
}

// tcpSynOptions decides the options of a SYN and returns their length.
func (n *Net) tcpSynOptions(sk *core.Sock, skb *core.SkBuff, opts *tcpOutOptions) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_syn_options net/ipv4/tcp_output.c:593

	tp := tcpSk(sk)
	remaining := maxTcpOptionSpace
	opts.mss = n.tcpAdvertiseMss(sk) // :616
	remaining -= tcpolenMssAligned
	if n.Sysctl.TcpTimestamps != 0 {
		opts.options |= optionTs
		opts.tsval = tcpSkbTimestamp(skb) + tp.Tsoffset
		opts.tsecr = tp.RxOpt.TsRecent
		remaining -= tcpolenTstampAligned
	}
	if n.Sysctl.TcpWindowScaling {
		opts.ws = tp.RxOpt.RcvWscale
		opts.options |= optionWscale
		remaining -= tcpolenWscaleAligned
	}
	if n.Sysctl.TcpSack {
		opts.options |= optionSackAdvertise
		if opts.options&optionTs == 0 {
			remaining -= tcpolenSackpermAligned
		}
	}
	// A Fast Open cookie, or the request for one, would be counted here.
	return maxTcpOptionSpace - remaining
}

// tcpSynackOptions decides the options of a SYN-ACK, which repeat what the SYN
// offered, and returns their length.
func (n *Net) tcpSynackOptions(sk *core.Sock, req *RequestSock, mss uint16, skb *core.SkBuff, opts *tcpOutOptions) int {
	kernel.Fentry4(&n.Kernel, sk, req, mss, skb) // tcp_synack_options net/ipv4/tcp_output.c:668

	remaining := maxTcpOptionSpace
	opts.mss = mss
	remaining -= tcpolenMssAligned
	if req.WscaleOk {
		opts.ws = req.RcvWscale
		opts.options |= optionWscale
		remaining -= tcpolenWscaleAligned
	}
	if req.TstampOk {
		opts.options |= optionTs
		opts.tsval = tcpSkbTimestamp(skb) + req.TsOff
		opts.tsecr = req.TsRecent
		remaining -= tcpolenTstampAligned
	}
	if req.SackOk {
		opts.options |= optionSackAdvertise
		if !req.TstampOk {
			remaining -= tcpolenSackpermAligned
		}
	}
	// A Fast Open cookie would be counted here.
	return maxTcpOptionSpace - remaining
}

// tcpEstablishedOptions decides the options of any segment after the
// handshake and returns their length. skb is nil when only the length is
// wanted.
func (n *Net) tcpEstablishedOptions(sk *core.Sock, skb *core.SkBuff, opts *tcpOutOptions) int {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_established_options net/ipv4/tcp_output.c:730

	tp := tcpSk(sk)
	size := 0
	opts.options = 0
	if tp.RxOpt.TstampOk {
		opts.options |= optionTs
		opts.tsval = 0
		if skb != nil {
			opts.tsval = tcpSkbTimestamp(skb) + tp.Tsoffset
		}
		opts.tsecr = tp.RxOpt.TsRecent
		size += tcpolenTstampAligned
	}
	effSacks := int(tp.RxOpt.NumSacks)
	if tp.RxOpt.Dsack {
		effSacks++
	}
	if effSacks != 0 {
		blocks := min(effSacks, (maxTcpOptionSpace-size-tcpolenSackBaseAligned)/tcpolenSackPerblock)
		opts.numSackBlocks = uint8(blocks)
		size += tcpolenSackBaseAligned + blocks*tcpolenSackPerblock
	}
	return size
}
