// A connection without SACK counts duplicate ACKs as if each reported one
// segment: the part of net/ipv4/tcp_input.c that keeps sacked_out then.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// tcpLimitRenoSacked keeps SackedOut, which without SACK is a count of
// duplicate ACKs, below what can be; it reports whether it had to.
func tcpLimitRenoSacked(tp *TcpSock) bool {
	holes := min(max(tp.LostOut, 1), tp.PacketsOut)
	if tp.SackedOut+holes > tp.PacketsOut {
		tp.SackedOut = tp.PacketsOut - holes
		return true
	}
	return false
}

// tcpCheckRenoReordering takes more duplicate ACKs than there can be for a
// sign of reordering.
func (n *Net) tcpCheckRenoReordering(sk *core.Sock, addend int) {
	kernel.Fentry2(&n.Kernel, sk, addend) // tcp_check_reno_reordering net/ipv4/tcp_input.c:1855

	tp := tcpSk(sk)
	if !tcpLimitRenoSacked(tp) {
		return
	}
	tp.Reordering = min(tp.PacketsOut+uint32(addend), uint32(n.Sysctl.TcpMaxReordering))
	tp.ReordSeen++
	n.Mib[core.MibTcpExtTCPRenoReorder]++
}

// tcpAddRenoSack counts duplicate ACKs as segments that have left the network.
func (n *Net) tcpAddRenoSack(sk *core.Sock, numDupack int) {
	kernel.Fentry2(&n.Kernel, sk, numDupack) // tcp_add_reno_sack net/ipv4/tcp_input.c:1870

	if numDupack == 0 {
		return
	}
	tp := tcpSk(sk)
	priorSacked := tp.SackedOut
	tp.SackedOut += uint32(numDupack)
	n.tcpCheckRenoReordering(sk, 0) // :1876
	if tp.SackedOut > priorSacked {
		tp.Delivered += tp.SackedOut - priorSacked
	}
	tcpVerifyLeftOut(tp)
}

// tcpRemoveRenoSacks settles the duplicate ACKs when acked packets are acked:
// one filled the hole, the others had been counted.
func (n *Net) tcpRemoveRenoSacks(sk *core.Sock, acked int) {
	kernel.Fentry2(&n.Kernel, sk, acked) // tcp_remove_reno_sacks net/ipv4/tcp_input.c:1888

	tp := tcpSk(sk)
	if acked > 0 {
		tp.Delivered += uint32(max(acked-int(tp.SackedOut), 1))
		if acked-1 >= int(tp.SackedOut) {
			tp.SackedOut = 0
		} else {
			tp.SackedOut -= uint32(acked - 1)
		}
	}
	n.tcpCheckRenoReordering(sk, acked) // :1898
	tcpVerifyLeftOut(tp)
}

// tcpResetRenoSack forgets the duplicate ACKs.
func tcpResetRenoSack(tp *TcpSock) { tp.SackedOut = 0 }
