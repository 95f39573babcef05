// TCP options and what hangs on timestamps: the option parser with its fast
// path, ts_recent, and protection against wrapped sequence numbers (RFC 7323
// section 5), after net/ipv4/tcp_input.c.
//
// Left out: the options of Fast Open (RFC 7413), MD5 signatures (RFC 2385) and
// SMC; a segment that carries them is read as if it did not.

package tcp

import (
	"encoding/binary"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Options as they are laid out in a header (TCPOLEN_*, TCP_MAX_WSCALE).
const (
	tcpolenTstampAligned = 12
	tcpMaxWscale         = 14
	tcpMaxOptionSpace    = 40

	// tstampAlignedWord is how an aligned timestamp option begins: two NOPs,
	// kind, length.
	tstampAlignedWord = uint32(wire.OptNOP)<<24 | uint32(wire.OptNOP)<<16 | uint32(wire.OptTimestamp)<<8 | wire.OptLenTimestamp
)

// ktimeGetSeconds is the time since boot in whole seconds (ktime_get_seconds).
// The machine boots at one and not at zero, because a zero stamp means that no
// timestamp was ever seen.
func (n *Net) ktimeGetSeconds() int64 { return 1 + int64(n.Now()/time.Second) }

// tcpClearOptions forgets what options said, but for the MSS and the timestamp
// (tcp_clear_options).
func tcpClearOptions(rxOpt *TcpOptionsReceived) {
	rxOpt.TstampOk, rxOpt.SackOk = false, 0
	rxOpt.WscaleOk, rxOpt.SndWscale = false, 0
}

// tcpParseOptions reads the options of skb into optRx. estab says that the
// connection is established: what only a SYN may say is then left alone. An
// option that does not fit into the header ends the reading.
func (n *Net) tcpParseOptions(skb *core.SkBuff, optRx *TcpOptionsReceived, estab bool) {
	kernel.Fentry2(&n.Kernel, skb, estab) // tcp_parse_options net/ipv4/tcp_input.c:3780

	th := skb.Tcp()
	optRx.SawTstamp = false
	end := th.DataOff()
	if end > len(th) {
		return
	}
	syn := th.Flags()&wire.SYN != 0
	for i := wire.TCPMinLen; i < end; {
		kind := th[i]
		if kind == wire.OptEOL {
			return
		}
		if kind == wire.OptNOP {
			i++
			continue
		}
		if i+1 >= end {
			return
		}
		size := int(th[i+1])
		if size < 2 || i+size > end {
			return
		}
		data := th[i+2 : i+size]
		switch kind {
		case wire.OptMSS:
			if size == wire.OptLenMSS && syn && !estab {
				if mss := binary.BigEndian.Uint16(data); mss != 0 {
					if optRx.UserMss != 0 && optRx.UserMss < mss {
						mss = optRx.UserMss
					}
					optRx.MssClamp = mss
				}
			}
		case wire.OptWindow:
			if size == wire.OptLenWindow && syn && !estab && n.Sysctl.TcpWindowScaling {
				optRx.WscaleOk = true
				optRx.SndWscale = min(data[0], tcpMaxWscale)
			}
		case wire.OptTimestamp:
			if size == wire.OptLenTimestamp && (estab && optRx.TstampOk || !estab && n.Sysctl.TcpTimestamps != 0) {
				optRx.SawTstamp = true
				optRx.RcvTsval = binary.BigEndian.Uint32(data)
				optRx.RcvTsecr = binary.BigEndian.Uint32(data[4:])
			}
		case wire.OptSACKPerm:
			if size == wire.OptLenSACKPerm && syn && !estab && n.Sysctl.TcpSack {
				optRx.SackOk = tcpSackSeen
				tcpSackReset(optRx)
			}
		case wire.OptSACK:
			blocks := size - wire.OptLenSACKBase
			if blocks >= wire.OptLenSACKPerBlock && blocks%wire.OptLenSACKPerBlock == 0 && optRx.SackOk != 0 {
				skb.Cb.Sacked = uint8(i) // where tcp_sacktag_write_queue finds it
			}
		}
		i += size
	}
}

// tcpParseAlignedTimestamp reads a timestamp option in the layout that nearly
// every sender uses; it reports false for any other.
func (n *Net) tcpParseAlignedTimestamp(tp *TcpSock, th wire.TCP) bool {
	kernel.Fentry1(&n.Kernel, tp) // tcp_parse_aligned_timestamp net/ipv4/tcp_input.c:3892

	opt := th[wire.TCPMinLen : wire.TCPMinLen+tcpolenTstampAligned]
	if binary.BigEndian.Uint32(opt) != tstampAlignedWord {
		return false
	}
	tp.RxOpt.SawTstamp = true
	tp.RxOpt.RcvTsval = binary.BigEndian.Uint32(opt[4:])
	tp.RxOpt.RcvTsecr = binary.BigEndian.Uint32(opt[8:])
	if tp.RxOpt.RcvTsecr != 0 {
		tp.RxOpt.RcvTsecr -= tp.Tsoffset
	}
	return true
}

// tcpFastParseOptions reads the options of a segment of an established
// connection, which carries a timestamp or nothing if all is usual. It reports
// whether there was anything to read.
func (n *Net) tcpFastParseOptions(skb *core.SkBuff, th wire.TCP, tp *TcpSock) bool {
	kernel.Fentry1(&n.Kernel, skb) // tcp_fast_parse_options net/ipv4/tcp_input.c:3919

	switch th.DataOff() {
	case wire.TCPMinLen:
		tp.RxOpt.SawTstamp = false
		return false
	case wire.TCPMinLen + tcpolenTstampAligned:
		if tp.RxOpt.TstampOk {
			if n.tcpParseAlignedTimestamp(tp, th) { // :3924
				return true
			}
		}
	}
	n.tcpParseOptions(skb, &tp.RxOpt, true) // :3928
	if tp.RxOpt.SawTstamp && tp.RxOpt.RcvTsecr != 0 {
		tp.RxOpt.RcvTsecr -= tp.Tsoffset
	}
	return true
}

// tcpStoreTsRecent makes the timestamp just received the one that later ones
// are held against.
func (n *Net) tcpStoreTsRecent(tp *TcpSock) {
	kernel.Fentry1(&n.Kernel, tp) // tcp_store_ts_recent net/ipv4/tcp_input.c:3461

	tp.RxOpt.TsRecent = tp.RxOpt.RcvTsval
	tp.RxOpt.TsRecentStamp = n.ktimeGetSeconds()
}

// tcpReplaceTsRecent does the same for a segment that begins at seq, if it
// covers the left edge of what was last acknowledged and PAWS lets it pass.
func (n *Net) tcpReplaceTsRecent(tp *TcpSock, seq uint32) {
	kernel.Fentry2(&n.Kernel, tp, seq) // tcp_replace_ts_recent net/ipv4/tcp_input.c:3467

	if tp.RxOpt.SawTstamp && !wire.After(seq, tp.RcvWup) {
		if n.tcpPawsCheck(&tp.RxOpt, 0) {
			n.tcpStoreTsRecent(tp) // :3476
		}
	}
}

// tcpDisorderedAck reports whether skb fails PAWS only because the network
// reordered it: a pure duplicate ACK that changes no window and is at most about
// one RTO old.
func (n *Net) tcpDisorderedAck(sk *core.Sock, skb *core.SkBuff) bool {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_disordered_ack net/ipv4/tcp_input.c:3995

	tp := tcpSk(sk)
	th := skb.Tcp()
	seq, ack := skb.Cb.Seq, skb.Cb.AckSeq
	if th.Flags()&wire.ACK == 0 || seq != skb.Cb.EndSeq || seq != tp.RcvNxt || ack != tp.SndUna {
		return false
	}
	if tcpMayUpdateWindow(tp, ack, seq, uint32(th.Window())<<tp.RxOpt.SndWscale) {
		return false
	}
	return int32(tp.RxOpt.TsRecent-tp.RxOpt.RcvTsval) <= int32(tp.IcskRto*1024/kernel.HZ)
}

// tcpPawsDiscard reports whether the timestamp of skb is so old that skb cannot
// belong here.
func (n *Net) tcpPawsDiscard(sk *core.Sock, skb *core.SkBuff) bool {
	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_paws_discard net/ipv4/tcp_input.c:4016

	if n.tcpPawsCheck(&tcpSk(sk).RxOpt, tcpPawsWindow) {
		return false
	}
	disordered := n.tcpDisorderedAck(sk, skb) // :4019
	return !disordered
}
