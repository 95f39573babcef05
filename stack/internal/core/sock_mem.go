// Sockets: the memory that packets are charged to, and where it comes from
// (net/core/sock.c, include/net/sock.h). A socket buys pages from its
// protocol's account in advance and charges packets to them.

package core

import "menuos/stack/internal/kernel"

const (
	// SkMemQuantum is what memory is accounted in (SK_MEM_QUANTUM).
	SkMemQuantum      = 4096
	skMemQuantumShift = 12

	tcpSkbMinTruesize = 2048 + skBuffSize
	// SockMinSndbuf and SockMinRcvbuf bound what a program may ask for.
	SockMinSndbuf = 2 * tcpSkbMinTruesize
	SockMinRcvbuf = tcpSkbMinTruesize

	// SkMemSend and SkMemRecv say what memory is for.
	SkMemSend = 0
	SkMemRecv = 1
)

// SkMemPages is how many quanta so many bytes take (sk_mem_pages).
func SkMemPages(amt int) int { return (amt + SkMemQuantum - 1) >> skMemQuantumShift }

// SkHasAccount reports whether the protocol keeps an account (sk_has_account).
func SkHasAccount(sk *Sock) bool { return sk.SkProt.SysctlMem[2] != 0 }

// SkHasMemoryPressure reports whether the protocol knows memory pressure
// (sk_has_memory_pressure).
func SkHasMemoryPressure(sk *Sock) bool { return sk.SkProt.EnterMemoryPressure != nil }

// SkUnderMemoryPressure reports whether the protocol is short of memory
// (sk_under_memory_pressure).
func SkUnderMemoryPressure(sk *Sock) bool {
	return SkHasMemoryPressure(sk) && sk.SkProt.MemoryPressure
}

// SkProtMemLimits is one of the protocol's limits, in quanta
// (sk_prot_mem_limits).
func SkProtMemLimits(sk *Sock, index int) int64 { return sk.SkProt.SysctlMem[index] }

// SkMemoryAllocated is what the protocol has handed out (sk_memory_allocated).
func SkMemoryAllocated(sk *Sock) int64 { return sk.SkProt.MemoryAllocated }

func (n *Net) skLeaveMemoryPressure(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_leave_memory_pressure net/core/sock.c:2183

	if sk.SkProt.LeaveMemoryPressure != nil {
		sk.SkProt.LeaveMemoryPressure(sk) // :2184
	} else {
		sk.SkProt.MemoryPressure = false
	}
}

func (n *Net) skEnterMemoryPressure(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_enter_memory_pressure net/core/sock.c:2175

	if sk.SkProt.EnterMemoryPressure != nil {
		sk.SkProt.EnterMemoryPressure(sk) // :2178
	}
}

// SkMemRaiseAllocated__ takes amt quanta from the protocol's account; it
// reports whether it could (__sk_mem_raise_allocated).
func (n *Net) SkMemRaiseAllocated__(sk *Sock, size, amt, kind int) bool {
	kernel.Fentry4(&n.Kernel, sk, size, amt, kind) // __sk_mem_raise_allocated net/core/sock.c:2344

	prot := sk.SkProt
	prot.MemoryAllocated += int64(amt)
	allocated := prot.MemoryAllocated
	if allocated <= prot.SysctlMem[0] {
		n.skLeaveMemoryPressure(sk) // :2354
		return true
	}
	if allocated > prot.SysctlMem[1] {
		n.skEnterMemoryPressure(sk) // :2360
	}
	if allocated <= prot.SysctlMem[2] {
		if kind == SkMemRecv {
			if sk.SkBacklog.RmemAlloc < prot.SysctlRmem[0] {
				return true
			}
		} else if sk.SkType == SockStream {
			if sk.SkWmemQueued < prot.SysctlWmem[0] {
				return true
			}
		} else if sk.SkWmemAlloc < prot.SysctlWmem[0] {
			return true
		}
		if SkHasMemoryPressure(sk) {
			if !prot.MemoryPressure {
				return true
			}
			used := SkMemPages(sk.SkWmemQueued + sk.SkBacklog.RmemAlloc + sk.SkForwardAlloc)
			if prot.SysctlMem[2] > int64(max(prot.SocketsAllocated, 0)*used) {
				return true
			}
		}
	}
	if kind == SkMemSend && sk.SkType == SockStream {
		SkStreamModerateSndbuf(sk)
		if sk.SkWmemQueued+size >= sk.SkSndbuf {
			return true
		}
	}
	prot.MemoryAllocated -= int64(amt)
	return false
}

// SkMemSchedule__ buys memory for size bytes; it reports whether it could
// (__sk_mem_schedule).
func (n *Net) SkMemSchedule__(sk *Sock, size, kind int) bool {
	kernel.Fentry3(&n.Kernel, sk, size, kind) // __sk_mem_schedule net/core/sock.c:2431

	amt := SkMemPages(size)
	sk.SkForwardAlloc += amt << skMemQuantumShift
	ok := n.SkMemRaiseAllocated__(sk, size, amt, kind) // :2434
	if !ok {
		sk.SkForwardAlloc -= amt << skMemQuantumShift
	}
	return ok
}

// SkMemReduceAllocated__ gives quanta back to the protocol's account
// (__sk_mem_reduce_allocated).
func (n *Net) SkMemReduceAllocated__(sk *Sock, amount int) {
	kernel.Fentry2(&n.Kernel, sk, amount) // __sk_mem_reduce_allocated net/core/sock.c:2450

	sk.SkProt.MemoryAllocated -= int64(amount)
	if SkUnderMemoryPressure(sk) && sk.SkProt.MemoryAllocated < sk.SkProt.SysctlMem[0] {
		n.skLeaveMemoryPressure(sk) // :2457
	}
}

// SkMemReclaim__ gives back what amount bytes hold in whole quanta
// (__sk_mem_reclaim).
func (n *Net) SkMemReclaim__(sk *Sock, amount int) {
	kernel.Fentry2(&n.Kernel, sk, amount) // __sk_mem_reclaim net/core/sock.c:2468

	amount >>= skMemQuantumShift
	sk.SkForwardAlloc -= amount << skMemQuantumShift
	n.SkMemReduceAllocated__(sk, amount) // :2470
}

// SkWmemSchedule makes sure that size bytes can be charged for sending
// (sk_wmem_schedule).
func (n *Net) SkWmemSchedule(sk *Sock, size int) bool {
	kernel.Fentry2(&n.Kernel, sk, size) // sk_wmem_schedule include/net/sock.h:1401

	if !SkHasAccount(sk) || size <= sk.SkForwardAlloc {
		return true
	}
	return n.SkMemSchedule__(sk, size, SkMemSend) // :1404
}

// SkRmemSchedule makes sure that size bytes can be charged for receiving
// (sk_rmem_schedule).
func (n *Net) SkRmemSchedule(sk *Sock, skb *SkBuff, size int) bool {
	kernel.Fentry3(&n.Kernel, sk, skb, size) // sk_rmem_schedule include/net/sock.h:1410

	if !SkHasAccount(sk) || size <= sk.SkForwardAlloc {
		return true
	}
	return n.SkMemSchedule__(sk, size, SkMemRecv) // :1413
}

// SkMemReclaim gives back what the socket has bought and does not need
// (sk_mem_reclaim).
func (n *Net) SkMemReclaim(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_mem_reclaim include/net/sock.h:1419

	if SkHasAccount(sk) && sk.SkForwardAlloc >= SkMemQuantum {
		n.SkMemReclaim__(sk, sk.SkForwardAlloc) // :1422
	}
}

// SkMemReclaimPartial is SkMemReclaim that leaves a little
// (sk_mem_reclaim_partial).
func (n *Net) SkMemReclaimPartial(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_mem_reclaim_partial include/net/sock.h:1427

	if SkHasAccount(sk) && sk.SkForwardAlloc > SkMemQuantum {
		n.SkMemReclaim__(sk, sk.SkForwardAlloc-1) // :1430
	}
}

// SkMemCharge charges size bytes (sk_mem_charge).
func (n *Net) SkMemCharge(sk *Sock, size int) {
	if SkHasAccount(sk) {
		sk.SkForwardAlloc -= size
	}
}

// SkMemUncharge takes a charge back, and gives back memory if the socket
// hoards it (sk_mem_uncharge).
func (n *Net) SkMemUncharge(sk *Sock, size int) {
	kernel.Fentry2(&n.Kernel, sk, size) // sk_mem_uncharge include/net/sock.h:1442

	if !SkHasAccount(sk) {
		return
	}
	sk.SkForwardAlloc += size
	if sk.SkForwardAlloc >= 1<<21 {
		n.SkMemReclaim__(sk, 1<<20) // :1454
	}
}

// SkWmemFreeSkb frees a packet of the write queue (sk_wmem_free_skb).
func (n *Net) SkWmemFreeSkb(sk *Sock, skb *SkBuff) {
	kernel.Fentry2(&n.Kernel, sk, skb) // sk_wmem_free_skb include/net/sock.h:1459

	SockSetFlag(sk, SockQueueShrunk)
	sk.SkWmemQueued -= skb.Truesize
	n.SkMemUncharge(sk, skb.Truesize) // :1461
	n.KfreeSkb__(skb)                 // :1462
}

// SkStreamModerateSndbuf shrinks the send buffer when memory is short, unless
// the program has set it (sk_stream_moderate_sndbuf).
func SkStreamModerateSndbuf(sk *Sock) {
	if sk.SkUserlocks&SockSndbufLock != 0 {
		return
	}
	sk.SkSndbuf = max(min(sk.SkSndbuf, sk.SkWmemQueued>>1), SockMinSndbuf)
}

// SkbSetOwnerW charges a packet to the socket that sends it (skb_set_owner_w).
func (n *Net) SkbSetOwnerW(skb *SkBuff, sk *Sock) {
	kernel.Fentry2(&n.Kernel, skb, sk) // skb_set_owner_w net/core/sock.c:1843

	n.SkbOrphan(skb) // :1843
	skb.Sk = sk
	skb.Destructor = n.SockWfreeFn
	SkbSetHashFromSk(skb, sk)
	sk.SkWmemAlloc += skb.Truesize
}

// SkbSetOwnerR charges a packet to the socket that receives it
// (skb_set_owner_r).
func (n *Net) SkbSetOwnerR(skb *SkBuff, sk *Sock) {
	kernel.Fentry2(&n.Kernel, skb, sk) // skb_set_owner_r include/net/sock.h:2121

	n.SkbOrphan(skb) // :2121
	skb.Sk = sk
	skb.Destructor = n.SockRfreeFn
	sk.SkBacklog.RmemAlloc += skb.Truesize
	n.SkMemCharge(sk, skb.Truesize)
}

// SockWfree ends the charge for sending and tells the socket that there is
// room; the last packet of a dead socket frees it.
func (n *Net) SockWfree(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // sock_wfree net/core/sock.c:1809

	sk := skb.Sk
	length := skb.Truesize
	if !SockFlag(sk, SockUseWriteQueue) {
		sk.SkWmemAlloc -= length - 1
		sk.SkWriteSpace(sk) // :1818
		length = 1
	}
	if sk.SkWmemAlloc -= length; sk.SkWmemAlloc == 0 {
		n.SkFree__(sk) // :1826
	}
}

// SockWfree__ is SockWfree that tells nobody (__sock_wfree).
func (n *Net) SockWfree__(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // __sock_wfree net/core/sock.c:1835

	sk := skb.Sk
	if sk.SkWmemAlloc -= skb.Truesize; sk.SkWmemAlloc == 0 {
		n.SkFree__(sk) // :1838
	}
}

// SockRfree ends the charge for receiving.
func (n *Net) SockRfree(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // sock_rfree net/core/sock.c:1896

	sk := skb.Sk
	sk.SkBacklog.RmemAlloc -= skb.Truesize
	n.SkMemUncharge(sk, skb.Truesize) // :1900
}

// SockEfree drops the reference that a packet holds on its socket.
func (n *Net) SockEfree(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // sock_efree net/core/sock.c:1910

	n.SockPut(skb.Sk) // :1910
}

// SockEdemux drops the reference that early demultiplexing took.
func (n *Net) SockEdemux(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // sock_edemux net/ipv4/inet_hashtables.c:346

	n.SockPut(skb.Sk) // :346
}

// SkbOrphanPartial makes a packet hold its socket, not its memory
// (skb_orphan_partial).
func (n *Net) SkbOrphanPartial(skb *SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // skb_orphan_partial net/core/sock.c:1871

	if skb.Truesize == 2 {
		return // TCP's pure ACK
	}
	if sameFunc(skb.Destructor, n.SockWfreeFn) || n.TcpWfreeFn != nil && sameFunc(skb.Destructor, n.TcpWfreeFn) {
		sk := skb.Sk
		if sk.SkRefcnt > 0 {
			sk.SkRefcnt++
			sk.SkWmemAlloc -= skb.Truesize
			skb.Destructor = n.SockEfreeFn
		}
		return
	}
	n.SkbOrphan(skb) // :1886
}

// SockWmalloc makes a packet charged to a sender, nil if its buffer is full
// and force is not set (sock_wmalloc).
func (n *Net) SockWmalloc(sk *Sock, size int, force bool) *SkBuff {
	kernel.Fentry3(&n.Kernel, sk, size, force) // sock_wmalloc net/core/sock.c:1942

	if !force && sk.SkWmemAlloc >= sk.SkSndbuf {
		return nil
	}
	skb := n.AllocSkb(size) // :1943
	n.SkbSetOwnerW(skb, sk) // :1945
	return skb
}

// SockKmalloc charges size bytes of option memory; it reports whether it could
// (sock_kmalloc).
func (n *Net) SockKmalloc(sk *Sock, size int) bool {
	if size > n.Sysctl.OptmemMax || sk.SkOmemAlloc+size >= n.Sysctl.OptmemMax {
		return false
	}
	sk.SkOmemAlloc += size
	return true
}

// SockKfreeS takes that charge back (sock_kfree_s).
func (n *Net) SockKfreeS(sk *Sock, size int) { sk.SkOmemAlloc -= size }

func (n *Net) sockWaitForWmem(sk *Sock, timeo int64) int64 {
	kernel.Fentry2(&n.Kernel, sk, timeo) // sock_wait_for_wmem net/core/sock.c:2034

	wait := n.DefineWait()
	for timeo != 0 && !n.SignalPending(n.Current()) {
		SkSetBit(SockNospace, sk)
		n.PrepareToWait(SkSleep(sk), wait, kernel.TaskInterruptible)
		if sk.SkWmemAlloc < sk.SkSndbuf || sk.SkShutdown&SendShutdown != 0 || sk.SkErr != 0 {
			break
		}
		timeo = n.ScheduleTimeout(timeo) // :2050
	}
	n.FinishWait(wait)
	return timeo
}

// SockAllocSendPskb makes a packet of headerLen linear and dataLen paged bytes
// charged to a sender, and waits for room unless noblock is set. nil and a
// negative errno if there is none (sock_alloc_send_pskb).
func (n *Net) SockAllocSendPskb(sk *Sock, headerLen, dataLen int, noblock bool, maxPageOrder int) (*SkBuff, int) {
	kernel.Fentry4(&n.Kernel, sk, headerLen, dataLen, noblock) // sock_alloc_send_pskb net/core/sock.c:2069

	timeo := SockSndtimeo(sk, noblock)
	for {
		if err := SockError(sk); err != 0 {
			return nil, err
		}
		if sk.SkShutdown&SendShutdown != 0 {
			return nil, -EPIPE
		}
		if SkWmemAllocGet(sk) < sk.SkSndbuf {
			break
		}
		SkSetBit(SockNospace, sk)
		if timeo == 0 {
			return nil, -EAGAIN
		}
		if n.SignalPending(n.Current()) {
			return nil, SockIntrErrno(timeo)
		}
		timeo = n.sockWaitForWmem(sk, timeo) // :2089
	}
	skb, err := n.allocSkbWithFrags(headerLen, dataLen, maxPageOrder) // :2091
	if skb != nil {
		n.SkbSetOwnerW(skb, sk) // :2094
	}
	return skb, err
}

// SockAllocSendSkb is SockAllocSendPskb of a linear packet
// (sock_alloc_send_skb).
func (n *Net) SockAllocSendSkb(sk *Sock, size int, noblock bool) (*SkBuff, int) {
	kernel.Fentry3(&n.Kernel, sk, size, noblock) // sock_alloc_send_skb net/core/sock.c:2108

	return n.SockAllocSendPskb(sk, size, 0, noblock, 0) // :2108
}

func (n *Net) allocSkbWithFrags(headerLen, dataLen, maxPageOrder int) (*SkBuff, int) {
	kernel.Fentry3(&n.Kernel, headerLen, dataLen, maxPageOrder) // alloc_skb_with_frags net/core/skbuff.c:5273

	npages := (dataLen + pageSize - 1) / pageSize
	if npages > MaxSkbFrags {
		return nil, -EMSGSIZE
	}
	skb := n.AllocSkb(headerLen) // :5287
	skb.Truesize += npages * pageSize
	for i := 0; dataLen > 0; i++ {
		chunk := min(dataLen, pageSize)
		skb.FillPageDesc(i, n.AllocPages(0), 0, chunk)
		dataLen -= chunk
	}
	return skb, 0
}
