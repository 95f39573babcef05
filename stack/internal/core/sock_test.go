package core

import (
	"encoding/binary"
	"testing"
	"time"

	"menuos/stack/internal/kernel"
)

func TestWriteAccounting(t *testing.T) {
	n := testNet(t)
	sk, sock := testSock(n)
	skb := n.SockWmalloc(sk, 100, false)
	if SkWmemAllocGet(sk) != skb.Truesize {
		t.Errorf("wmem_alloc %d, want %d", SkWmemAllocGet(sk), skb.Truesize)
	}
	gone := false
	sk.SkDestruct = func(*Sock) { gone = true }
	if n.SockCount() != 1 {
		t.Errorf("%d sockets", n.SockCount())
	}
	sock.Sk = nil
	n.SkCommonRelease(sk)
	if gone {
		t.Error("the socket went before its packet")
	}
	n.KfreeSkb(skb)
	if !gone || n.SockCount() != 0 {
		t.Error("the last packet did not free the socket")
	}
}

func TestReceiveAccounting(t *testing.T) {
	n := testNet(t)
	sk, _ := testSock(n)
	sk.SkRcvbuf = 2000
	var kept int
	for {
		skb := n.AllocSkb(100)
		if err := n.SockQueueRcvSkb(sk, skb); err != 0 {
			if err != -ENOMEM {
				t.Errorf("sock_queue_rcv_skb = %d", err)
			}
			n.KfreeSkb(skb)
			break
		}
		kept++
	}
	// Like Linux it looks before it charges, so the last one may exceed.
	if kept != 3 || SkRmemAllocGet(sk) != 3*768 || sk.SkDrops != 1 {
		t.Errorf("kept %d, rmem %d, drops %d", kept, SkRmemAllocGet(sk), sk.SkDrops)
	}
	if sk.SkProt.MemoryAllocated != 1 || sk.SkForwardAlloc != 4096-3*768 {
		t.Errorf("%d pages, forward_alloc %d", sk.SkProt.MemoryAllocated, sk.SkForwardAlloc)
	}
	inTask(t, n, func() {
		for range kept {
			skb, err := n.SkbRecvDatagram(sk, 0, true)
			if err != 0 {
				t.Fatalf("skb_recv_datagram = %d", err)
			}
			n.SkbFreeDatagram(sk, skb)
		}
		if _, err := n.SkbRecvDatagram(sk, 0, true); err != -EAGAIN {
			t.Errorf("empty: %d", err)
		}
	})
	n.SkMemReclaim(sk)
	if SkRmemAllocGet(sk) != 0 || sk.SkForwardAlloc != 0 || sk.SkProt.MemoryAllocated != 0 {
		t.Errorf("left: rmem %d forward %d pages %d", SkRmemAllocGet(sk), sk.SkForwardAlloc, sk.SkProt.MemoryAllocated)
	}
}

func TestMemoryLimit(t *testing.T) {
	n := testNet(t)
	sk, _ := testSock(n)
	sk.SkBacklog.RmemAlloc = 1 << 20
	if !n.SkMemSchedule__(sk, 299*SkMemQuantum, SkMemSend) && sk.SkWmemAlloc < sk.SkProt.SysctlWmem[0] {
		t.Error("refused below the hard limit")
	}
	before := sk.SkForwardAlloc
	if n.SkMemSchedule__(sk, 10*SkMemQuantum, SkMemRecv) {
		t.Error("granted above the hard limit")
	}
	if sk.SkForwardAlloc != before || sk.SkProt.MemoryAllocated != 299 {
		t.Errorf("a refusal left forward %d, pages %d", sk.SkForwardAlloc, sk.SkProt.MemoryAllocated)
	}
}

func TestDatagramWaits(t *testing.T) {
	n := testNet(t)
	sk, _ := testSock(n)
	var err int
	var got *SkBuff
	n.Fork(nil, "reader", func(*kernel.Task) int {
		got, err = n.SkbRecvDatagram(sk, 0, false)
		return 0
	})
	n.Run(n.Now(), nil)
	if got != nil || !sk.SkWq.Wait.Active() {
		t.Fatal("the reader does not wait")
	}
	skb := n.AllocSkb(10)
	inTask(t, n, func() { n.SockQueueRcvSkb(sk, skb) })
	n.Run(n.Now(), nil)
	if got != skb || err != 0 {
		t.Errorf("got %v, %d", got, err)
	}
	sk.SkRcvtimeo = kernel.HZ
	start := n.Now()
	inTask(t, n, func() { _, err = n.SkbRecvDatagram(sk, 0, false) })
	if err != -EAGAIN || n.Now()-start < time.Second {
		t.Errorf("timeout: %d after %v", err, n.Now()-start)
	}
}

func TestPeek(t *testing.T) {
	n := testNet(t)
	sk, _ := testSock(n)
	skb := n.AllocSkb(10)
	n.SockQueueRcvSkb(sk, skb)
	inTask(t, n, func() {
		p, err := n.SkbRecvDatagram(sk, MsgPeek, true)
		if p != skb || err != 0 || p.Users != 2 || sk.SkReceiveQueue.Qlen != 1 {
			t.Errorf("peek: %v %d", p, err)
		}
		n.SkbFreeDatagram(sk, p)
		p, _ = n.SkbRecvDatagram(sk, 0, true)
		if p != skb || p.Users != 1 {
			t.Error("the peeked packet is gone")
		}
		n.SkbFreeDatagram(sk, p)
	})
}

func TestBacklog(t *testing.T) {
	n := testNet(t)
	sk, _ := testSock(n)
	var order []uint32
	released := 0
	sk.SkBacklogRcv = func(sk *Sock, skb *SkBuff) int {
		order = append(order, skb.Mark)
		if n.Context() != "process" || !sk.SkLock.Owned {
			t.Errorf("backlog handled in %s, owned %v", n.Context(), sk.SkLock.Owned)
		}
		if skb.Mark == 1 {
			late := n.AllocSkb(0)
			late.Mark = 3
			n.SkAddBacklog(sk, late, 1<<20)
		}
		n.KfreeSkb(skb)
		return 0
	}
	sk.SkProt.ReleaseCb = func(*Sock) {
		released++
		if n.Context() != "process,bh-off" {
			t.Errorf("release_cb in %s", n.Context())
		}
	}
	inTask(t, n, func() {
		n.LockSock(sk)
		for i := range 2 {
			skb := n.AllocSkb(0)
			skb.Mark = uint32(i + 1)
			if err := n.SkAddBacklog(sk, skb, 768*2-1); err != 0 {
				t.Errorf("sk_add_backlog = %d", err)
			}
		}
		skb := n.AllocSkb(0)
		if err := n.SkAddBacklog(sk, skb, 768*2-1); err != -ENOBUFS {
			t.Errorf("full backlog: %d", err)
		}
		n.KfreeSkb(skb)
		n.ReleaseSock(sk)
	})
	if len(order) != 3 || order[0] != 1 || order[1] != 2 || order[2] != 3 || released != 1 || sk.SkBacklog.Len != 0 {
		t.Errorf("order %v, released %d, len %d", order, released, sk.SkBacklog.Len)
	}
}

func TestLockSockWaits(t *testing.T) {
	n := testNet(t)
	sk, _ := testSock(n)
	var order []string
	n.Fork(nil, "first", func(*kernel.Task) int {
		n.LockSock(sk)
		n.Current().State = kernel.TaskInterruptible
		n.ScheduleTimeout(10)
		order = append(order, "first")
		n.ReleaseSock(sk)
		return 0
	})
	n.Fork(nil, "second", func(*kernel.Task) int {
		n.LockSock(sk)
		order = append(order, "second")
		n.ReleaseSock(sk)
		return 0
	})
	n.Run(n.Now()+time.Second, nil)
	if len(order) != 2 || order[0] != "first" || sk.SkLock.Owned {
		t.Errorf("order %v, owned %v", order, sk.SkLock.Owned)
	}
}

func TestSockopt(t *testing.T) {
	n := testNet(t)
	sk, sock := testSock(n)
	set := func(opt int, vals ...uint32) int {
		var b []byte
		for _, v := range vals {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return n.SockSetsockopt(sock, SolSocket, opt, b)
	}
	get := func(opt int) uint32 {
		b := make([]byte, 8)
		if l, err := n.SockGetsockopt(sock, SolSocket, opt, b); err != 0 || l < 4 {
			t.Errorf("getsockopt(%d): %d %d", opt, l, err)
		}
		return binary.LittleEndian.Uint32(b)
	}
	inTask(t, n, func() {
		for _, tt := range []struct {
			opt       int
			val, want uint32
		}{
			{SoSndbuf, 10000, 20000}, {SoSndbuf, 1, SockMinSndbuf}, {SoSndbuf, 1 << 30, 425984},
			{SoRcvbuf, 10000, 20000}, {SoRcvbuf, 1, SockMinRcvbuf},
			{SoReuseaddr, 5, 1}, {SoKeepalive, 1, 1}, {SoBroadcast, 1, 1}, {SoRcvlowat, 0, 1},
			{SoPriority, 4, 4}, {SoMark, 9, 9}, {SoMaxPacingRate, 1000, 1000},
		} {
			if err := set(tt.opt, tt.val); err != 0 || get(tt.opt) != tt.want {
				t.Errorf("option %d = %d: %d, reads %d, want %d", tt.opt, tt.val, err, get(tt.opt), tt.want)
			}
		}
		if set(SoSndtimeo, 3, 500000) != 0 || sk.SkSndtimeo != 3500 {
			t.Errorf("SO_SNDTIMEO: %d jiffies", sk.SkSndtimeo)
		}
		if set(SoRcvtimeo, 0, 1000000) != -EDOM || set(SoRcvtimeo, 0, 0) != 0 || sk.SkRcvtimeo != kernel.MaxScheduleTimeout {
			t.Errorf("SO_RCVTIMEO: %d jiffies", sk.SkRcvtimeo)
		}
		if set(SoLinger, 1, 7) != 0 || !SockFlag(sk, SockLinger) || sk.SkLingertime != 7*kernel.HZ {
			t.Error("SO_LINGER")
		}
		if set(SoType, 1) != -ENOPROTOOPT || set(9999, 1) != -ENOPROTOOPT {
			t.Error("options that cannot be set")
		}
		sk.SkErr = ECONNRESET
		if get(SoError) != ECONNRESET || get(SoError) != 0 {
			t.Error("SO_ERROR")
		}
		if err := n.SockSetsockopt(sock, SolSocket, SoBindtodevice, []byte("lo\x00")); err != 0 || sk.SkBoundDevIf != 1 {
			t.Errorf("SO_BINDTODEVICE: %d, index %d", err, sk.SkBoundDevIf)
		}
		if err := n.SockSetsockopt(sock, SolSocket, SoBindtodevice, []byte("no")); err != -ENODEV {
			t.Errorf("SO_BINDTODEVICE no: %d", err)
		}
	})
}

func TestNeighbourAges(t *testing.T) {
	n := testNet(t)
	dev := n.AllocNetdev("eth0", func(dev *NetDevice) {
		n.EtherSetup(dev)
		dev.NoQueue = true
		dev.Ops = &NetDeviceOps{NdoStartXmit: func(skb *SkBuff, dev *NetDevice) int { n.ConsumeSkb(skb); dev.Stats.TxPackets++; return 0 }}
	})
	n.RegisterNetdevice(dev)
	n.DevOpen(dev)
	asked, failed := 0, 0
	ops := &NeighOps{
		Solicit:         func(*Neighbour, *SkBuff) { asked++ },
		ErrorReport:     func(_ *Neighbour, skb *SkBuff) { failed++; n.KfreeSkb(skb) },
		Output:          n.NeighResolveOutput,
		ConnectedOutput: n.NeighResolveOutput,
	}
	n.ArpTbl.Constructor = func(neigh *Neighbour) int {
		neigh.Ops = ops
		neigh.Output = ops.Output
		return 0
	}
	packet := func() *SkBuff {
		skb := ipPacket(n, 1)
		skb.Dev = dev
		return skb
	}
	neigh := n.NeighCreate__(1, dev, false)
	inTask(t, n, func() { n.NeighOutput(neigh, packet()) })
	if neigh.NudState != NudIncomplete || asked != 1 || neigh.ArpQueue.Qlen != 1 {
		t.Fatalf("state %#x, asked %d, queued %d", neigh.NudState, asked, neigh.ArpQueue.Qlen)
	}
	ha := dev.DevAddr
	n.NeighUpdate(neigh, &ha, NudReachable, NeighUpdateFOverride)
	if neigh.NudState != NudReachable || dev.Stats.TxPackets != 1 || neigh.Hh.Len != 14 {
		t.Fatalf("state %#x, sent %d, header %d", neigh.NudState, dev.Stats.TxPackets, neigh.Hh.Len)
	}
	n.Run(n.Now()+5*time.Minute, nil)
	if neigh.NudState != NudStale {
		t.Errorf("state %#x after five idle minutes", neigh.NudState)
	}
	inTask(t, n, func() { n.NeighOutput(neigh, packet()) })
	if neigh.NudState != NudDelay {
		t.Errorf("state %#x after use", neigh.NudState)
	}
	asked = 0
	n.Run(n.Now()+time.Minute, nil)
	if neigh.NudState != NudFailed || asked != 3 {
		t.Errorf("state %#x after %d unanswered probes", neigh.NudState, asked)
	}
	other := n.NeighCreate__(2, dev, false)
	asked = 0
	inTask(t, n, func() { n.NeighOutput(other, packet()) })
	n.Run(n.Now()+time.Minute, nil)
	if other.NudState != NudFailed || asked != 3 || failed != 1 {
		t.Errorf("state %#x, asked %d, failed %d", other.NudState, asked, failed)
	}
}
