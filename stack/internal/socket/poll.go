// poll (fs/select.c).

package socket

import (
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// PollFd is one descriptor to poll (struct pollfd). poll(2) takes them in
// Regs.P, and the timeout in milliseconds in Regs.A[2].
type PollFd struct {
	Fd      int
	Events  uint16
	Revents uint16
}

const pollNval = 0x20

func (n *Net) ia32SysPoll__(regs *kernel.Regs) int64 {
	kernel.Fentry1(&n.Kernel, regs) // __ia32_sys_poll fs/select.c:1052

	ufds, ok := regs.P.([]PollFd)
	if !ok {
		return -core.EFAULT
	}
	endTime := kernel.Forever
	if ms := regs.A[2]; ms >= 0 {
		endTime = n.Now() + time.Duration(ms)*time.Millisecond
	}
	return int64(n.doSysPoll(ufds, endTime)) // :1064
}

func (n *Net) doSysPoll(ufds []PollFd, endTime time.Duration) int {
	kernel.Fentry2(&n.Kernel, ufds, endTime) // do_sys_poll fs/select.c:967

	return n.doPoll(ufds, endTime) // :1006
}

// doPoll asks every file for its events, and sleeps on all of them until one
// has some, the time has come, or a signal does.
func (n *Net) doPoll(list []PollFd, endTime time.Duration) int {
	kernel.Fentry2(&n.Kernel, list, endTime) // do_poll fs/select.c:878

	task := n.Current()
	woken := false
	table := &kernel.PollTable{}
	if endTime > n.Now() {
		table.Wake = func(*kernel.WaitQueueEntry, uint32) bool {
			woken = true
			return n.WakeUpProcess(task)
		}
	}
	defer table.Free()
	for wait := table; ; wait = nil {
		count := 0
		for i := range list {
			if n.doPollfd(&list[i], wait) != 0 { // :912
				count++
				wait = nil
			}
		}
		if count == 0 && n.SignalPending(task) {
			return -core.EINTR
		}
		if count != 0 || endTime <= n.Now() {
			return count
		}
		task.State = kernel.TaskInterruptible
		if !woken {
			n.ScheduleHrtimeout(endTime)
		}
		task.State = kernel.TaskRunning
		woken = false
	}
}

func (n *Net) doPollfd(pollfd *PollFd, pwait *kernel.PollTable) uint16 {
	kernel.Fentry2(&n.Kernel, pollfd, pwait) // do_pollfd fs/select.c:849

	pollfd.Revents = 0
	if pollfd.Fd < 0 {
		return 0
	}
	file := n.Current().Files.Get(pollfd.Fd)
	if file == nil {
		pollfd.Revents = pollNval
		return pollNval
	}
	mask := n.vfsPoll(file, pwait) // :864
	pollfd.Revents = uint16(mask) & (pollfd.Events | core.POLLERR | core.POLLHUP)
	return pollfd.Revents
}

func (n *Net) vfsPoll(file *kernel.File, pt *kernel.PollTable) uint32 {
	kernel.Fentry2(&n.Kernel, file, pt) // vfs_poll include/linux/poll.h:84

	return file.Ops.Poll(file, pt) // :86
}

func (n *Net) sockPoll(file *kernel.File, wait *kernel.PollTable) uint32 {
	kernel.Fentry2(&n.Kernel, file, wait) // sock_poll net/socket.c:1113

	sock := file.PrivateData.(*core.Socket)
	if sock.Ops == nil || sock.Ops.Poll == nil {
		return 0
	}
	return sock.Ops.Poll(file, sock, wait) // :1128
}
