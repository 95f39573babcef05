// Open files and their last close (fs/file.c, fs/file_table.c,
// kernel/task_work.c). Only sockets are files here.

package kernel

// FileOps is what a kind of file does (struct file_operations).
type FileOps struct {
	// Release is called when the last reference goes.
	Release func(file *File)
	// Poll returns the events that hold and, with a table, registers on the
	// wait queues that announce others.
	Poll func(file *File, wait *PollTable) uint32
}

// File is an open file (struct file).
type File struct {
	Ops         *FileOps
	PrivateData any
	NonBlock    bool // O_NONBLOCK
	refs        int
	addr        uint64
}

// Kaddr is the address that stands for the file.
func (f *File) Kaddr() uint64 { return f.addr }

// NewFile makes an open file with one reference (alloc_file).
func (k *Kernel) NewFile(ops *FileOps, private any) *File {
	return &File{Ops: ops, PrivateData: private, refs: 1, addr: k.NewAddr(256)}
}

// Files is a task's table of open files; the zero value is empty. Descriptors
// 0 to 2 are the terminal's; of them only 0 is ever a file.
type Files struct {
	k     *Kernel
	stdin *File
	fd    []*File
}

const firstFd = 3

// Install gives f the lowest free descriptor (get_unused_fd_flags, fd_install).
func (k *Kernel) Install(t *Task, f *File) int {
	t.Files.k = k
	for i, g := range t.Files.fd {
		if g == nil {
			t.Files.fd[i] = f
			return i + firstFd
		}
	}
	t.Files.fd = append(t.Files.fd, f)
	return len(t.Files.fd) - 1 + firstFd
}

// SetStdin makes f descriptor 0.
func (fs *Files) SetStdin(f *File) { fs.stdin = f }

// Get is the file behind a descriptor, nil if none is open (fget).
func (fs *Files) Get(fd int) *File {
	if fd == 0 {
		return fs.stdin
	}
	if fd < firstFd || fd-firstFd >= len(fs.fd) {
		return nil
	}
	return fs.fd[fd-firstFd]
}

// Open lists the descriptors in use from 3 on.
func (fs *Files) Open() []int {
	var fds []int
	for i, f := range fs.fd {
		if f != nil {
			fds = append(fds, i+firstFd)
		}
	}
	return fds
}

// Share gives the child of a fork the parent's open files (copy_files).
func (fs *Files) Share(parent *Files) {
	fs.k, fs.stdin = parent.k, parent.stdin
	fs.fd = append([]*File(nil), parent.fd...)
	for _, f := range fs.fd {
		if f != nil {
			f.refs++
		}
	}
}

// Close drops a descriptor; it reports whether it was open (__close_fd). The
// file itself goes on the way back to user mode.
func (fs *Files) Close(fd int) bool {
	f := fs.Get(fd)
	if f == nil {
		return false
	}
	if fd == 0 { // nothing is to be released of it
		fs.stdin = nil
		return true
	}
	fs.fd[fd-firstFd] = nil
	fs.k.Fput(f)
	return true
}

func (fs *Files) closeAll() {
	fs.stdin = nil
	for _, fd := range fs.Open() {
		fs.Close(fd)
	}
}

// Fput drops a reference. The last one queues the close as task work of the
// current task (fput).
func (k *Kernel) Fput(f *File) {
	if f.refs--; f.refs > 0 {
		return
	}
	t := k.cpu.current
	t.works = append(t.works, f)
}

// taskWorkRun releases the files whose last descriptor has gone.
func (k *Kernel) taskWorkRun() {
	Fentry0(k) // task_work_run kernel/task_work.c:92

	t := k.cpu.current
	for len(t.works) > 0 {
		work := t.works[0]
		t.works = t.works[:copy(t.works, t.works[1:])]
		k.fput____(work) // :113
		k.CondResched()
	}
}

func (k *Kernel) fput____(work *File) {
	Fentry1(k, work) // ____fput fs/file_table.c:309

	k.fput__(work) // :309
}

func (k *Kernel) fput__(file *File) {
	Fentry1(k, file) // __fput fs/file_table.c:255

	file.Ops.Release(file) // :278
}

// PollTable collects the wait queues that a poll hangs on (struct poll_wqueues).
type PollTable struct {
	Func    func(q *WaitQueueHead, e *WaitQueueEntry)
	Entries []*WaitQueueEntry
	Wake    WaitFunc
}

// PollWait registers on q, if there is a table to register in (poll_wait).
func (p *PollTable) PollWait(q *WaitQueueHead) {
	if p == nil || p.Wake == nil {
		return
	}
	e := &WaitQueueEntry{Func: p.Wake}
	q.AddWaitQueue(e)
	p.Entries = append(p.Entries, e)
}

// Free takes the table off its queues (poll_freewait).
func (p *PollTable) Free() {
	for _, e := range p.Entries {
		e.RemoveWaitQueue()
	}
	p.Entries = p.Entries[:0]
}
