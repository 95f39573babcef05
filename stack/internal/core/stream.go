// Waiting, for sockets that carry a stream (net/core/stream.c).

package core

import (
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const sigpipe = kernel.Signal(13)

func sumBlock(sum uint32, b []byte, offset int) uint32 {
	return wire.SumBlock(sum, wire.Sum(b, 0), offset)
}

// SkStreamMinWspace is how much room a sleeping writer waits for
// (sk_stream_min_wspace).
func SkStreamMinWspace(sk *Sock) int { return sk.SkWmemQueued >> 1 }

// SkStreamWspace is the room in the send buffer (sk_stream_wspace).
func SkStreamWspace(sk *Sock) int { return sk.SkSndbuf - sk.SkWmemQueued }

// SkStreamMemoryFree reports whether more may be written
// (sk_stream_memory_free).
func SkStreamMemoryFree(sk *Sock) bool {
	if sk.SkWmemQueued >= sk.SkSndbuf {
		return false
	}
	return sk.SkProt.StreamMemoryFree == nil || sk.SkProt.StreamMemoryFree(sk)
}

// SkStreamIsWriteable reports whether a writer should be woken
// (sk_stream_is_writeable).
func SkStreamIsWriteable(sk *Sock) bool {
	return SkStreamWspace(sk) >= SkStreamMinWspace(sk) && SkStreamMemoryFree(sk)
}

// SkStreamWriteSpace wakes writers if there is enough room
// (sk_stream_write_space).
func (n *Net) SkStreamWriteSpace(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_stream_write_space net/core/stream.c:32

	sock := sk.SkSocket
	if !SkStreamIsWriteable(sk) || sock == nil {
		return
	}
	sock.Flags &^= 1 << SockNospace
	if wq := sk.SkWq; wq != nil && wq.Wait.Active() {
		if n.Trace != nil {
			n.traceSkWake(sk, "write_space")
		}
		n.WakeUp(&wq.Wait, 1, POLLOUT|POLLWRNORM|POLLWRBAND)
	}
}

// SkStreamWaitConnect waits until the connection stands
// (sk_stream_wait_connect).
func (n *Net) SkStreamWaitConnect(sk *Sock, timeoP *int64) int {
	kernel.Fentry1(&n.Kernel, sk) // sk_stream_wait_connect net/core/stream.c:58

	for {
		if err := SockError(sk); err != 0 {
			return err
		}
		if 1<<sk.SkState&^(TcpfSynSent|TcpfSynRecv) != 0 {
			return -EPIPE
		}
		if *timeoP == 0 {
			return -EAGAIN
		}
		if n.SignalPending(n.Current()) {
			return SockIntrErrno(*timeoP)
		}
		wait := n.DefineWaitWoken()
		sk.SkWq.Wait.AddWaitQueue(wait)
		sk.SkWritePending++
		n.ReleaseSock(sk) // :75
		if !streamConnected(sk) {
			*timeoP = n.WaitWoken(wait, kernel.TaskInterruptible, *timeoP) // :75
		}
		n.LockSock(sk) // :75
		done := streamConnected(sk)
		wait.RemoveWaitQueue()
		sk.SkWritePending--
		if done {
			return 0
		}
	}
}

func streamConnected(sk *Sock) bool {
	return sk.SkErr == 0 && 1<<sk.SkState&^(TcpfEstablished|TcpfCloseWait) == 0
}

func skStreamClosing(sk *Sock) bool {
	return 1<<sk.SkState&(TcpfFinWait1|TcpfClosing|TcpfLastAck) != 0
}

// SkStreamWaitClose waits until the close has been answered, for a lingering
// socket (sk_stream_wait_close).
func (n *Net) SkStreamWaitClose(sk *Sock, timeout int64) {
	kernel.Fentry2(&n.Kernel, sk, timeout) // sk_stream_wait_close net/core/stream.c:98

	if timeout == 0 {
		return
	}
	wait := n.DefineWaitWoken()
	sk.SkWq.Wait.AddWaitQueue(wait)
	for {
		n.ReleaseSock(sk) // :104
		if skStreamClosing(sk) {
			timeout = n.WaitWoken(wait, kernel.TaskInterruptible, timeout) // :104
		}
		n.LockSock(sk) // :104
		if !skStreamClosing(sk) || n.SignalPending(n.Current()) || timeout == 0 {
			break
		}
	}
	wait.RemoveWaitQueue()
}

// SkStreamWaitMemory waits until more may be written (sk_stream_wait_memory).
func (n *Net) SkStreamWaitMemory(sk *Sock, timeoP *int64) int {
	kernel.Fentry1(&n.Kernel, sk) // sk_stream_wait_memory net/core/stream.c:120

	var vmWait int64
	current := *timeoP
	noblock := *timeoP == 0
	if SkStreamMemoryFree(sk) {
		vmWait = int64(n.PrandomU32()%(kernel.HZ/5)) + 2
		current = vmWait
	}
	wait := n.DefineWaitWoken()
	sk.SkWq.Wait.AddWaitQueue(wait)
	err := 0
	for {
		if sk.SkErr != 0 || sk.SkShutdown&SendShutdown != 0 {
			err = -EPIPE
			break
		}
		if *timeoP == 0 {
			if noblock {
				SkSetBit(SockNospace, sk)
			}
			err = -EAGAIN
			break
		}
		if n.SignalPending(n.Current()) {
			err = SockIntrErrno(*timeoP)
			break
		}
		if SkStreamMemoryFree(sk) && vmWait == 0 {
			break
		}
		SkSetBit(SockNospace, sk)
		sk.SkWritePending++
		n.ReleaseSock(sk) // :149
		if !streamWritable(sk, vmWait) {
			current = n.WaitWoken(wait, kernel.TaskInterruptible, current) // :149
		}
		n.LockSock(sk) // :149
		sk.SkWritePending--
		if vmWait != 0 {
			vmWait -= current
			current = *timeoP
			if current != kernel.MaxScheduleTimeout {
				current = max(current-vmWait, 0)
			}
			vmWait = 0
		}
		*timeoP = current
	}
	wait.RemoveWaitQueue()
	return err
}

func streamWritable(sk *Sock, vmWait int64) bool {
	return sk.SkErr != 0 || sk.SkShutdown&SendShutdown != 0 || SkStreamMemoryFree(sk) && vmWait == 0
}

// SkStreamError makes the result of a failed send: a pending error comes
// first, and a broken pipe sends SIGPIPE unless flags say not to
// (sk_stream_error).
func (n *Net) SkStreamError(sk *Sock, flags, err int) int {
	kernel.Fentry3(&n.Kernel, sk, flags, err) // sk_stream_error net/core/stream.c:183

	if err == -EPIPE {
		if e := SockError(sk); e != 0 {
			err = e
		}
	}
	if err == -EPIPE && flags&MsgNosignal == 0 {
		n.SendSignal(n.Current(), sigpipe)
	}
	return err
}

// SkStreamKillQueues frees what a dead stream socket still holds
// (sk_stream_kill_queues).
func (n *Net) SkStreamKillQueues(sk *Sock) {
	kernel.Fentry1(&n.Kernel, sk) // sk_stream_kill_queues net/core/stream.c:194

	n.SkbQueuePurge__(&sk.SkReceiveQueue) // :194
	n.SkbQueuePurge__(&sk.SkErrorQueue)   // :197
	n.SkMemReclaim(sk)                    // :203
}
