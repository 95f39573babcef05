// Memory for sockets, requests and TIME_WAIT remnants, from pools of the
// machine's own, as Linux's slab caches keep it (mm/slab.c): what is freed last
// is taken first, and an object comes back empty.

package tcp

import (
	"unsafe"

	"menuos/stack/internal/core"
)

// slabPiece bounds the memory that a slab takes at once.
const slabPiece = 64 << 10

// slab is a pool of objects of one type, many of which share one piece of
// memory. It begins with a single object and takes more the more it has.
type slab[T any] struct {
	free  []*T
	piece []T
	made  int
}

func (s *slab[T]) alloc() *T {
	if l := len(s.free); l > 0 {
		p := s.free[l-1]
		s.free = s.free[:l-1]
		clear(unsafe.Slice(p, 1))
		return p
	}
	if len(s.piece) == 0 {
		var t T
		s.piece = make([]T, max(1, min(s.made, slabPiece/int(unsafe.Sizeof(t)))))
		s.made += len(s.piece)
	}
	p := &s.piece[0]
	s.piece = s.piece[1:]
	return p
}

// put takes an object back. It stays as it was until it is handed out again.
func (s *slab[T]) put(p *T) { s.free = append(s.free, p) }

// slabs are the pools of TCP.
type slabs struct {
	socks    slab[TcpSock]      // TCP (tcp_prot.slab)
	requests slab[RequestSock]  // request_sock_TCP (tcp_request_sock_ops.slab)
	timewait slab[TimewaitSock] // tw_sock_TCP (tcp_timewait_sock_ops.twsk_slab)
}

func (n *Net) newSock() *core.Sock        { return &n.slabs.socks.alloc().Sock }
func (n *Net) freeSock(sk *core.Sock)     { n.slabs.socks.put(tcpSk(sk)) }
func (n *Net) freeReqsk(req *RequestSock) { n.slabs.requests.put(req) }
