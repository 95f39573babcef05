package shell

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// memFS is the machine's file system: a flat directory in memory, and /etc below
// it. Nothing the shell opens, lists or removes is a file of the host.
type memFS struct {
	mu    sync.Mutex
	files map[string]*memFile
	now   func() time.Time
}

type memFile struct {
	name  string
	data  []byte
	mtime time.Time
}

const maxFile = 256 << 20 // a file may not eat the host's memory

func newMemFS(now func() time.Time) *memFS {
	m := &memFS{files: make(map[string]*memFile), now: now}
	for name, text := range etcFiles {
		m.files[etcDir+name] = &memFile{name: etcDir + name, data: []byte(text), mtime: now()}
	}
	return m
}

// etcDir is the one directory that there is.
const etcDir = "etc/"

// base cuts a path down to a name in the one directory, "" for the directory.
func base(name string) string {
	name = path.Clean("/" + filepath.ToSlash(strings.TrimPrefix(name, filepath.VolumeName(name))))
	return strings.TrimPrefix(name, "/")
}

// pipePrefix begins the names of the buffers that stand for pipes.
const pipePrefix = "\x00pipe"

// open opens a file as os.OpenFile does.
func (m *memFS) open(name string, flag int) (*memHandle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := base(name)
	fail := func(err error) (*memHandle, error) { return nil, &fs.PathError{Op: "open", Path: name, Err: err} }
	switch {
	case key == "dev/null":
		return &memHandle{fs: m, f: &memFile{name: key}, null: true}, nil
	case key == "" || key+"/" == etcDir:
		return fail(errIsDir)
	case strings.Contains(strings.TrimPrefix(key, etcDir), "/"):
		return fail(fs.ErrNotExist)
	}
	f := m.files[key]
	if strings.HasPrefix(key, pipePrefix) {
		if flag&os.O_CREATE != 0 { // it is there to read once its writer has closed it
			return &memHandle{fs: m, f: &memFile{name: key}, write: true, pipe: true}, nil
		}
		if f == nil {
			f = &memFile{name: key}
		}
		delete(m.files, key)
	}
	if f == nil {
		if flag&os.O_CREATE == 0 {
			return fail(fs.ErrNotExist)
		}
		f = &memFile{name: key, mtime: m.now()}
		m.files[key] = f
	}
	if flag&os.O_TRUNC != 0 {
		f.data = nil
	}
	return &memHandle{fs: m, f: f, write: flag&(os.O_WRONLY|os.O_RDWR) != 0}, nil
}

func (m *memFS) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.files[base(name)]; !ok {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(m.files, base(name))
	return nil
}

// list is the directory: files in order of their names. /etc is not among them.
func (m *memFS) list() []fs.FileInfo { return m.listDir("") }

// listDir lists the files of a directory: "" or etcDir.
func (m *memFS) listDir(dir string) []fs.FileInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []fs.FileInfo
	for name, f := range m.files {
		name, in := strings.CutPrefix(name, dir)
		if in && !strings.HasPrefix(name, pipePrefix) && !strings.Contains(name, "/") {
			out = append(out, memInfo{name, int64(len(f.data)), f.mtime})
		}
	}
	slices.SortFunc(out, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
	return out
}

func (m *memFS) stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := base(name)
	switch key {
	case "":
		return memInfo{name: "/"}, nil
	case base(etcDir):
		return memInfo{name: etcDir}, nil
	}
	f := m.files[key]
	if f == nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return memInfo{key, int64(len(f.data)), f.mtime}, nil
}

// memHandle is an open file.
type memHandle struct {
	fs    *memFS
	f     *memFile
	pos   int
	write bool
	null  bool
	pipe  bool
}

func (h *memHandle) Read(b []byte) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.null || h.pos >= len(h.f.data) {
		return 0, io.EOF
	}
	n := copy(b, h.f.data[h.pos:])
	h.pos += n
	return n, nil
}

func (h *memHandle) Write(b []byte) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	switch {
	case h.null:
		return len(b), nil
	case !h.write:
		return 0, fs.ErrPermission
	case len(h.f.data)+len(b) > maxFile:
		return 0, errTooBig
	}
	h.f.data = append(h.f.data, b...)
	h.f.mtime = h.fs.now()
	return len(b), nil
}

// Close leaves the handle usable: a background process may hold it still.
func (h *memHandle) Close() error {
	if h.pipe && h.write {
		h.fs.mu.Lock()
		defer h.fs.mu.Unlock()
		h.fs.files[h.f.name] = h.f
	}
	return nil
}

type memInfo struct {
	name  string
	size  int64
	mtime time.Time
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) ModTime() time.Time { return i.mtime }
func (i memInfo) IsDir() bool        { return strings.HasSuffix(i.name, "/") }
func (i memInfo) Sys() any           { return nil }

func (i memInfo) Mode() fs.FileMode {
	if i.IsDir() {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

type plainError string

func (e plainError) Error() string { return string(e) }

const (
	errIsDir  = plainError("Is a directory")
	errTooBig = plainError("File too large")
)

// readLines splits text into lines without their ends.
func readLines(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(string(bytes.TrimSuffix(b, []byte("\n"))), "\n")
}
