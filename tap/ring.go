// The ring between the machine, which must not wait, and the goroutine that
// writes to the device.
package tap

import "sync"

const (
	ringSize  = 256  // frames that wait to be written, as in virtio's queue
	pointSize = 8192 // the same of a TUN, whose packets nothing else holds back
	takenOnce = 64   // frames that are written before the machine hears of room
)

// sendRing is a bounded queue of frames, each behind its header. What is
// written gives its memory back to the free list, last in, first out: it is in
// the cache.
type sendRing struct {
	mu      sync.Mutex
	more    sync.Cond
	waiting [][]byte
	first   int
	n       int
	free    [][]byte
	refused bool // somebody waits for room
	closed  bool
}

func newSendRing(size int) *sendRing {
	r := &sendRing{waiting: make([][]byte, size)}
	r.more.L = &r.mu
	return r
}

// put copies a frame of two parts into the ring; false: it is full. What comes
// after close is swallowed, as by a cable that is not plugged in.
func (r *sendRing) put(hdr, data []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return true
	}
	if r.n == len(r.waiting) {
		r.refused = true
		return false
	}
	var b []byte
	if l := len(r.free); l > 0 {
		b, r.free = r.free[l-1][:0], r.free[:l-1]
	}
	r.waiting[(r.first+r.n)%len(r.waiting)] = append(append(b, hdr...), data...)
	r.n++
	if r.n == 1 {
		r.more.Signal()
	}
	return true
}

// take waits for frames and moves the first of them to buf; there are none only
// once the ring is closed.
func (r *sendRing) take(buf [][]byte) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.n == 0 && !r.closed {
		r.more.Wait()
	}
	for ; r.n > 0 && len(buf) < takenOnce; r.n-- {
		buf = append(buf, r.waiting[r.first])
		r.waiting[r.first] = nil
		r.first = (r.first + 1) % len(r.waiting)
	}
	return buf
}

// done gives back the memory of what was written and reports whether somebody
// is to be told that there is room.
func (r *sendRing) done(bufs [][]byte) (tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free = append(r.free, bufs...)
	tell, r.refused = r.refused, false
	return tell
}

func (r *sendRing) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.more.Signal()
}
