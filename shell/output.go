package shell

import (
	"io"
	"sync"
)

// syncWriter is one end of the session's output. All ends share a lock: on a
// real clock the machine's programs write while the shell does.
type syncWriter struct {
	mu *sync.Mutex
	w  io.Writer
	nl *bool // the last byte that was written ended a line
}

func (w *syncWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(b) > 0 {
		*w.nl = b[len(b)-1] == '\n'
	}
	return w.w.Write(b)
}

// ends are where a prompt's answers and errors go: to the same screen.
type ends struct{ out, err *syncWriter }

// syncEnds makes the shell's ends, and those of the debugger's prompt: the same
// if it has no screen of its own (gdb is nil).
func syncEnds(out, err, gdb io.Writer) (shell, debugger ends) {
	mu := new(sync.Mutex)
	screen := func(out, err io.Writer) ends {
		nl := new(bool)
		*nl = true
		return ends{&syncWriter{mu, out, nl}, &syncWriter{mu, err, nl}}
	}
	shell = screen(out, err)
	if gdb == nil {
		return shell, shell
	}
	return shell, screen(gdb, gdb)
}

// freshLine ends a line that was begun.
func (w *syncWriter) freshLine() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !*w.nl {
		*w.nl = true
		w.w.Write([]byte("\n"))
	}
}

// atLineStart reports whether what was written last has ended a line.
func (w *syncWriter) atLineStart() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.nl
}

// limited passes on to a writer that is there only while a command runs. What a
// background process writes later is lost, as into a pipe that nobody reads.
type limited struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *limited) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w == nil {
		return len(b), nil
	}
	return l.w.Write(b)
}

func (l *limited) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w = nil
}
