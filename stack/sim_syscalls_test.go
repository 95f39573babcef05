package stack

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"menuos/stack/internal/kernel"
	"menuos/stack/internal/socket"
)

// callBytes hands out the fuzzer's input piece by piece.
type callBytes []byte

func (b *callBytes) next() int {
	if len(*b) == 0 {
		return 0
	}
	x := (*b)[0]
	*b = (*b)[1:]
	return int(x)
}

// number is an argument: mostly small, sometimes absurd.
func (b *callBytes) number() int64 {
	x := b.next()
	switch x >> 5 {
	case 7:
		return []int64{-1, -2, 1 << 31, 1<<31 - 1, -1 << 31, 1 << 40, -1 << 63, 1<<63 - 1}[x&7]
	case 6:
		return int64(x&31) << 12
	case 5:
		return -int64(x & 31)
	}
	return int64(x)
}

func (b *callBytes) fd() int64 {
	if x := b.next(); x < 224 {
		return int64(3 + x%8)
	}
	return b.number()
}

func (b *callBytes) bytes() []byte {
	n := b.next()
	if n >= 250 {
		return make([]byte, (n-249)*20000)
	}
	out := make([]byte, n%48)
	for i := range out {
		out[i] = byte(b.next())
	}
	return out
}

func (b *callBytes) addr() []byte {
	x := b.next()
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 4000+uint16(x&3))
	switch x >> 5 {
	case 0:
		to = simAnyAddr(to.Port())
	case 1:
		return b.bytes()
	case 2:
		to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 1)
	case 3:
		return Sockaddr(AF_UNSPEC, to)
	case 4:
		return Sockaddr(AF_INET, to)[:b.next()%17]
	}
	return Sockaddr(AF_INET, to)
}

// syscalls makes the calls that the input says, with registers as they come.
func syscalls(t *testing.T, p *Proc, in *callBytes) {
	// Something to begin with: a listener, which only one of them gets, and a
	// socket of each kind.
	fd, err := p.Socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0)
	check(err)
	p.Bind(fd, simAnyAddr(4000))
	check(p.Listen(fd, 5))
	for _, typ := range []int{SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM} {
		_, err := p.Socket(AF_INET, typ|SOCK_NONBLOCK, 0)
		check(err)
	}
	_, err = p.Socket(AF_INET, SOCK_RAW|SOCK_NONBLOCK, IPPROTO_ICMP)
	check(err)
	for calls := 0; len(*in) > 0 && calls < 300; calls++ {
		r := p.regs()
		var err error
		n := 0
		size := 0
		switch op := in.next() % 20; op {
		case 0:
			r.A = [6]int64{2, 1 + int64(in.next()%3), []int64{0, 0, 1, 6, 17, 99, 255}[in.next()%7]}
			if in.next()%16 != 0 {
				r.A[1] |= SOCK_NONBLOCK // or the first call that waits is the last one
			}
			_, err = p.socketcall(socket.SysSocket, r)
		case 1:
			r.A = [6]int64{in.number(), in.number(), in.number()}
			_, err = p.socketcall(socket.SysSocket, r)
		case 2, 3:
			err = p.ConnectRaw(int(in.fd()), in.addr())
		case 4:
			err = p.BindRaw(int(in.fd()), in.addr())
		case 5:
			_, err = p.socketcall(socket.SysListen, setRegs(r, in.fd(), in.number()))
		case 6:
			_, _, err = p.Accept4(int(in.fd()), int(in.number())|SOCK_NONBLOCK)
		case 7, 8:
			b := in.bytes()
			size = len(b)
			n, err = p.Send(int(in.fd()), b, int(in.number())|MSG_NOSIGNAL)
		case 9:
			r.A = [6]int64{in.fd(), 0, 0, in.number() | MSG_NOSIGNAL}
			r.Buf, r.Addr = in.bytes(), in.addr()
			r.A[5] = int64(len(r.Addr))
			size = len(r.Buf)
			n, err = p.socketcall(socket.SysSendto, r)
		case 10, 11:
			b := in.bytes()
			size = 1 << 20 // with MSG_TRUNC it is the datagram's size
			n, err = p.Recv(int(in.fd()), b, int(in.number()))
		case 12:
			size = 1 << 20
			n, _, err = p.Recvfrom(int(in.fd()), in.bytes(), int(in.number()))
		case 13:
			err = p.Shutdown(int(in.fd()), int(in.number()))
		case 14:
			err = p.Setsockopt(int(in.fd()), []int{0, 1, 6, 17, 255, int(in.number())}[in.next()%6], in.next(), in.bytes())
		case 15:
			_, err = p.Getsockopt(int(in.fd()), []int{0, 1, 6, 17, 255, int(in.number())}[in.next()%6], in.next(), in.next())
		case 16:
			err = p.Close(int(in.fd()))
		case 17:
			_, err = p.Getsockname(int(in.fd()))
			p.Getpeername(int(in.fd()))
		case 18:
			fds := []PollFd{{Fd: int(in.fd()), Events: uint16(in.next())}, {Fd: int(in.fd()), Events: uint16(in.next())}}
			_, err = p.Poll(fds, time.Duration(in.next())*time.Millisecond)
		case 19:
			r.A = [6]int64{in.number(), in.number(), in.number(), in.number(), in.number(), in.number()}
			_, err = p.socketcall(in.next(), r)
		}
		if _, ok := err.(Errno); err != nil && !ok {
			t.Errorf("error %T %v", err, err)
		}
		if err == nil && (n < 0 || n > size) {
			t.Errorf("a call of %d bytes returns %d", size, n)
		}
	}
}

func setRegs(r *kernel.Regs, a ...int64) *kernel.Regs {
	r.A = [6]int64{}
	copy(r.A[:], a)
	return r
}

func runSyscalls(t *testing.T, input []byte) {
	s := New(Config{Seed: 1})
	defer s.Close()
	noErr(t, s.IfUp("lo"))
	socks, pools, tasks := s.n.SockCount(), s.n.PoolUse(), len(s.n.Tasks())
	half := callBytes(input[len(input)/2:])
	first := callBytes(input[:len(input)/2])
	for _, in := range []*callBytes{&first, &half} {
		s.Spawn("caller", io.Discard, func(p *Proc) int {
			syscalls(t, p, in)
			return 0
		})
	}
	s.Advance(time.Minute)
	for _, task := range s.n.Tasks() {
		if task.Comm == "caller" {
			s.Kill(task.Pid, SIGKILL)
		}
	}
	s.Advance(30 * time.Minute)
	if n := len(s.n.Tasks()); n != tasks {
		t.Errorf("%d tasks are left", n-tasks)
	}
	if n := s.n.SockCount(); n != socks {
		t.Errorf("%d sockets are left", n-socks)
	}
	if u := s.n.PoolUse(); u != pools {
		t.Errorf("memory is left: %+v, at first %+v", u, pools)
	}
}

// FuzzSyscalls makes calls without sense: nothing may happen but errors.
func FuzzSyscalls(f *testing.F) {
	for i := range 4 {
		f.Add(randomCalls(uint64(i)))
	}
	f.Fuzz(runSyscalls)
}

func randomCalls(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 4))
	b := make([]byte, r.IntN(6000))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestSyscallsRandom(t *testing.T) {
	runs := 300
	if *simSeeds > 0 {
		runs = *simSeeds
	}
	for i := range runs {
		seed := *simSeed + uint64(i)
		if runSyscalls(t, randomCalls(seed)); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
