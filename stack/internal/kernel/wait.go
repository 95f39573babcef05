// Wait queues (kernel/sched/wait.c).

package kernel

// WaitFunc is called for each entry of a queue that is woken; it reports
// whether it woke somebody (wait_queue_func_t).
type WaitFunc func(e *WaitQueueEntry, key uint32) bool

const (
	wqFlagExclusive = 1
	wqFlagWoken     = 2
)

// WaitQueueEntry is one waiter on a queue (struct wait_queue_entry).
type WaitQueueEntry struct {
	Task  *Task
	Func  WaitFunc
	Owner any
	flags int
	queue *WaitQueueHead
	prev  *WaitQueueEntry
	next  *WaitQueueEntry
}

// WaitQueueHead is a queue of waiters (struct wait_queue_head). The zero value
// is empty.
type WaitQueueHead struct {
	first, last *WaitQueueEntry
}

// Active reports whether anybody waits (skwq_has_sleeper).
func (q *WaitQueueHead) Active() bool { return q.first != nil }

// DefineWait is the current task's entry, readied for PrepareToWait
// (DEFINE_WAIT). It lives in the task, which waits for one thing at a time, so
// that sleeping allocates nothing.
func (k *Kernel) DefineWait() *WaitQueueEntry {
	t := k.cpu.current
	t.wait = WaitQueueEntry{Task: t, Func: k.wakeFuncs.autoremove}
	return &t.wait
}

// DefineWaitWoken is the same for WaitWoken (woken_wake_function).
func (k *Kernel) DefineWaitWoken() *WaitQueueEntry {
	t := k.cpu.current
	t.wait = WaitQueueEntry{Task: t, Func: k.wakeFuncs.woken}
	return &t.wait
}

// AddWaitQueue queues e in front (add_wait_queue).
func (q *WaitQueueHead) AddWaitQueue(e *WaitQueueEntry) {
	e.queue = q
	e.prev, e.next = nil, q.first
	if q.first != nil {
		q.first.prev = e
	} else {
		q.last = e
	}
	q.first = e
}

func (q *WaitQueueHead) addTail(e *WaitQueueEntry) {
	e.queue = q
	e.prev, e.next = q.last, nil
	if q.last != nil {
		q.last.next = e
	} else {
		q.first = e
	}
	q.last = e
}

// RemoveWaitQueue takes e off its queue, if it is on one (remove_wait_queue).
func (e *WaitQueueEntry) RemoveWaitQueue() {
	q := e.queue
	if q == nil {
		return
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		q.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		q.last = e.prev
	}
	e.queue, e.prev, e.next = nil, nil, nil
}

// PrepareToWait queues e and sets the current task's state (prepare_to_wait).
func (k *Kernel) PrepareToWait(q *WaitQueueHead, e *WaitQueueEntry, state TaskState) {
	if e.queue == nil {
		q.AddWaitQueue(e)
	}
	k.cpu.current.State = state
}

// PrepareToWaitExclusive is PrepareToWait for a waiter of which a wake-up wakes
// one (prepare_to_wait_exclusive).
func (k *Kernel) PrepareToWaitExclusive(q *WaitQueueHead, e *WaitQueueEntry, state TaskState) {
	e.flags |= wqFlagExclusive
	if e.queue == nil {
		q.addTail(e)
	}
	k.cpu.current.State = state
}

// FinishWait ends a wait (finish_wait).
func (k *Kernel) FinishWait(e *WaitQueueEntry) {
	k.cpu.current.State = TaskRunning
	e.RemoveWaitQueue()
}

// WakeUp wakes every non-exclusive waiter and nrExclusive exclusive ones (0:
// all); key is the set of poll events that happened (__wake_up).
func (k *Kernel) WakeUp(q *WaitQueueHead, nrExclusive int, key uint32) {
	for e := q.first; e != nil; {
		next := e.next
		exclusive := e.flags&wqFlagExclusive != 0
		if e.Func(e, key) && exclusive && nrExclusive > 0 {
			if nrExclusive--; nrExclusive == 0 {
				return
			}
		}
		e = next
	}
}

func (k *Kernel) autoremoveWakeFunction(e *WaitQueueEntry, _ uint32) bool {
	if !k.WakeUpProcess(e.Task) {
		return false
	}
	e.RemoveWaitQueue()
	return true
}

func (k *Kernel) wokenWakeFunction(e *WaitQueueEntry, _ uint32) bool {
	e.flags |= wqFlagWoken
	return k.WakeUpProcess(e.Task)
}

// WaitWoken sleeps until e is woken, for at most timeout jiffies, and returns
// what is left of them. A wake-up that came before is not lost: it returns at
// once (wait_woken).
func (k *Kernel) WaitWoken(wqEntry *WaitQueueEntry, mode TaskState, timeout int64) int64 {
	Fentry3(k, wqEntry, mode, timeout) // wait_woken kernel/sched/wait.c:419

	k.cpu.current.State = mode
	if wqEntry.flags&wqFlagWoken == 0 {
		timeout = k.ScheduleTimeout(timeout)
	}
	k.cpu.current.State = TaskRunning
	wqEntry.flags &^= wqFlagWoken
	return timeout
}
