package stack

import (
	"io"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// Input is what a program reads from outside the machine as its descriptor 0:
// what a person types, or what came through a pipe. Bytes are added from any
// goroutine while the program runs. menuos does not model the terminal's line
// discipline or pipes: lines come whole.
type Input struct {
	s      *Stack
	ops    kernel.FileOps
	wq     kernel.WaitQueueHead
	data   []byte
	closed bool
}

// NewInput makes an input that begins with data. A closed one has no more to
// come.
func (s *Stack) NewInput(data []byte, closed bool) *Input {
	in := &Input{s: s, data: data, closed: closed}
	in.ops = kernel.FileOps{Release: func(*kernel.File) {}, Poll: in.poll}
	return in
}

func (in *Input) poll(_ *kernel.File, wait *kernel.PollTable) uint32 {
	wait.PollWait(&in.wq)
	if len(in.data) > 0 || in.closed {
		return core.POLLIN
	}
	return 0
}

// Write adds bytes and wakes the program if it waits for them; io.ErrClosedPipe
// after Close. It must not be called from within the machine.
func (in *Input) Write(b []byte) (int, error) {
	in.s.lock()
	defer in.s.mu.Unlock()
	if in.closed {
		return 0, io.ErrClosedPipe
	}
	in.data = append(in.data, b...)
	in.announce()
	return len(b), nil
}

// Close tells the program that no more comes. It must not be called from within
// the machine.
func (in *Input) Close() error {
	in.s.lock()
	defer in.s.mu.Unlock()
	in.closed = true
	in.announce()
	return nil
}

func (in *Input) announce() {
	in.s.n.WakeUp(&in.wq, 0, core.POLLIN)
	in.s.wakePump()
}

// SetInput makes in the process's descriptor 0, which Poll and ReadInput take.
func (p *Proc) SetInput(in *Input) {
	p.t.Files.SetStdin(p.s.n.NewFile(&in.ops, in))
}

// ReadInput reads from descriptor 0 without waiting: EAGAIN if there is nothing
// yet, io.EOF when no more comes, EBADF if the process has no input.
func (p *Proc) ReadInput(b []byte) (int, error) {
	f := p.t.Files.Get(0)
	if f == nil {
		return 0, EBADF
	}
	in := f.PrivateData.(*Input)
	switch {
	case len(in.data) > 0:
		n := copy(b, in.data)
		in.data = in.data[n:]
		return n, nil
	case in.closed:
		return 0, io.EOF
	}
	return 0, EAGAIN
}
