package tcp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/internal/socket"
	"menuos/stack/internal/tcp"
)

const loopback = 0x7f000001

// machine is a whole machine with its loopback device up.
type machine struct {
	*socket.Net
	t testing.TB
}

// proc is a program: its methods are its system calls.
type proc struct {
	m *machine
	*kernel.Task
}

func newMachine(t testing.TB) *machine {
	m := &machine{new(socket.Net), t}
	m.Init(kernel.Config{Seed: 3})
	t.Cleanup(m.Close)
	m.spawn(nil, func(p *proc) {
		lo := m.DevGetByName("lo")
		m.DevChangeFlags(lo, lo.Flags|core.IffUp)
	})
	m.Run(time.Second, nil)
	return m
}

func (m *machine) spawn(parent *proc, body func(p *proc)) {
	var task *kernel.Task
	if parent != nil {
		task = parent.Task
	}
	m.Fork(task, "prog", func(t *kernel.Task) int {
		body(&proc{m, t})
		return 0
	})
}

// run lets the machine run d longer.
func (m *machine) run(d time.Duration) { m.Run(m.Now()+d, nil) }

func (p *proc) call(nr int, addr, buf []byte, a ...int64) int {
	regs := &kernel.Regs{OrigAx: socket.NrSocketcall, Bx: nr, Addr: addr, Buf: buf}
	copy(regs.A[:], a)
	return int(p.m.EntrySYSCALLCompat(regs))
}

func (p *proc) sleep(d time.Duration) {
	p.State = kernel.TaskInterruptible
	p.m.ScheduleTimeout(int64(d / (time.Second / kernel.HZ)))
}

func sockaddr(addr uint32, port uint16) []byte {
	b := make([]byte, 16)
	binary.NativeEndian.PutUint16(b, core.AfInet)
	binary.BigEndian.PutUint16(b[2:], port)
	binary.BigEndian.PutUint32(b[4:], addr)
	return b
}

func (p *proc) socket() int {
	return p.call(socket.SysSocket, nil, nil, core.AfInet, core.SockStream, 0)
}
func (p *proc) bind(fd int, port uint16) int {
	return p.call(socket.SysBind, sockaddr(loopback, port), nil, int64(fd), 0, 16)
}
func (p *proc) listen(fd, backlog int) int {
	return p.call(socket.SysListen, nil, nil, int64(fd), int64(backlog))
}
func (p *proc) accept(fd int) int { return p.call(socket.SysAccept, nil, nil, int64(fd), 0, 0) }
func (p *proc) connect(fd int, port uint16) int {
	return p.call(socket.SysConnect, sockaddr(loopback, port), nil, int64(fd), 0, 16)
}
func (p *proc) send(fd int, data string, flags int) int {
	return p.call(socket.SysSend, nil, []byte(data), int64(fd), 0, int64(len(data)), int64(flags))
}
func (p *proc) recv(fd, length, flags int) (int, string) {
	buf := make([]byte, length)
	k := p.call(socket.SysRecv, nil, buf, int64(fd), 0, int64(length), int64(flags))
	return k, string(buf[:max(k, 0)])
}
func (p *proc) shutdown(fd, how int) int {
	return p.call(socket.SysShutdown, nil, nil, int64(fd), int64(how))
}
func (p *proc) setsockopt(fd, level, name int, val ...int32) int {
	var b []byte
	for _, v := range val {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return p.call(socket.SysSetsockopt, nil, b, int64(fd), int64(level), int64(name), 0, int64(len(b)))
}
func (p *proc) close(fd int) {
	regs := &kernel.Regs{OrigAx: socket.NrClose}
	regs.A[0] = int64(fd)
	p.m.EntrySYSCALLCompat(regs)
}

// want compares results of calls.
func (p *proc) want(what string, got, want any) {
	p.m.t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		p.m.t.Errorf("%s: %s, want %s", what, g, w)
	}
}

// pair is an established connection within one program.
func (p *proc) pair(port uint16) (client, server, listener int) {
	listener = p.socket()
	p.want("SO_REUSEADDR", p.setsockopt(listener, core.SolSocket, core.SoReuseaddr, 1), 0)
	p.want("bind", p.bind(listener, port), 0)
	p.want("listen", p.listen(listener, 5), 0)
	client = p.socket()
	p.want("connect", p.connect(client, port), 0)
	server = p.accept(listener)
	if server < 0 {
		p.m.t.Fatal("accept: ", server)
	}
	return client, server, listener
}

// states counts the sockets of TCP by state.
func (m *machine) states() map[int]int {
	c := make(map[int]int)
	m.ForEachSock(func(sk *core.SockCommon) {
		if sk.Full == nil || sk.Full.SkType == core.SockStream {
			c[int(sk.SkState)]++
		}
	})
	return c
}

// clean checks that nothing is left of TCP: no socket, no memory, no port.
func (m *machine) clean() {
	m.t.Helper()
	m.run(3 * time.Minute)
	if s := m.states(); len(s) != 0 {
		m.t.Errorf("sockets are left, by state: %v", s)
	}
	if p := tcp.ProtOf(&m.Net.Net); p.MemoryAllocated != 0 || p.SocketsAllocated != 0 || p.OrphanCount != 0 || p.Inuse != 0 {
		m.t.Errorf("memory %d, sockets %d, orphans %d, in tables %d", p.MemoryAllocated, p.SocketsAllocated, p.OrphanCount, p.Inuse)
	}
	if m.InInterrupt() {
		m.t.Error("bottom halves are off")
	}
}

func TestHello(t *testing.T) {
	m := newMachine(t)
	m.spawn(nil, func(p *proc) {
		m.spawn(p, func(p *proc) {
			fd := p.socket()
			p.want("bind", p.bind(fd, 5001), 0)
			p.want("listen", p.listen(fd, 1024), 0)
			c := p.accept(fd)
			k, s := p.recv(c, 1024, 0)
			p.want("recv", fmt.Sprintf("%d %s", k, s), "5 hello")
			p.want("send", p.send(c, "hi", 0), 2)
			p.close(c)
			p.close(fd)
		})
		p.sleep(time.Second)
		fd := p.socket()
		p.want("connect", p.connect(fd, 5001), 0)
		p.want("send", p.send(fd, "hello", 0), 5)
		k, s := p.recv(fd, 1024, 0)
		p.want("recv", fmt.Sprintf("%d %s", k, s), "2 hi")
		p.close(fd)
	})
	m.run(10 * time.Second)
	if got := m.Mib[core.MibTcpInSegs]; got != 10 {
		t.Errorf("%d segments", got)
	}
	if s := m.states(); s[core.TcpTimeWait] != 1 || len(s) != 1 {
		t.Errorf("states %v", s)
	}
	m.clean()
}

// TestRecvFlags peeks, waits for all, does not wait, discards and reads urgent
// data.
func TestRecvFlags(t *testing.T) {
	m := newMachine(t)
	m.spawn(nil, func(p *proc) {
		c, s, l := p.pair(80)
		k, _ := p.recv(s, 10, core.MsgDontwait)
		p.want("nothing there", k, -core.EAGAIN)
		p.send(c, "abcdef", 0)
		_, d := p.recv(s, 3, core.MsgPeek)
		p.want("peek", d, "abc")
		_, d = p.recv(s, 2, 0)
		p.want("recv", d, "ab")
		k, _ = p.recv(s, 2, core.MsgTrunc)
		p.want("discard", k, 2)
		m.spawn(p, func(p2 *proc) {
			p2.Files.Share(&p.Files)
			p2.sleep(time.Second)
			p2.send(c, "gh", 0)
		})
		_, d = p.recv(s, 4, core.MsgWaitall)
		p.want("wait for all", d, "efgh")

		p.want("urgent", p.send(c, "xyU", core.MsgOob), 3)
		p.send(c, "z", 0)
		_, d = p.recv(s, 10, 0)
		p.want("up to the mark", d, "xy")
		_, d = p.recv(s, 10, core.MsgOob)
		p.want("the urgent byte", d, "U")
		_, d = p.recv(s, 10, 0)
		p.want("behind the mark", d, "z")

		p.want("shutdown", p.shutdown(c, 1), 0)
		p.want("send after shutdown", p.send(c, "q", core.MsgNosignal), -core.EPIPE)
		k, _ = p.recv(s, 10, 0)
		p.want("end of stream", k, 0)
		p.want("the other way", p.send(s, "still", 0), 5)
		_, d = p.recv(c, 10, 0)
		p.want("the other way", d, "still")
		p.close(s)
		p.close(c)
		p.close(l)
	})
	m.clean()
}

// TestAborts ends connections in the ways that send a RST.
func TestAborts(t *testing.T) {
	m := newMachine(t)
	m.spawn(nil, func(p *proc) {
		c, s, l := p.pair(80)
		p.send(c, "unread", 0)
		p.close(s)
		k, _ := p.recv(c, 10, 0)
		p.want("closed with unread data", k, -core.ECONNRESET)
		p.close(c)
		p.close(l)
		p.want("abort on close", m.Mib[core.MibTcpExtTCPAbortOnClose], 1)

		c, s, l = p.pair(81)
		p.setsockopt(s, core.SolSocket, core.SoLinger, 1, 0)
		p.close(s)
		k, _ = p.recv(c, 10, 0)
		p.want("closed with linger 0", k, -core.ECONNRESET)
		p.close(c)
		p.close(l)
		p.want("abort on data", m.Mib[core.MibTcpExtTCPAbortOnData], 1)

		// Two wait for accept when the listener goes.
		l = p.socket()
		p.bind(l, 82)
		p.listen(l, 5)
		c, s = p.socket(), p.socket()
		p.want("connect", p.connect(c, 82), 0)
		p.want("connect", p.connect(s, 82), 0)
		p.close(l)
		k, _ = p.recv(c, 10, 0)
		p.want("listener closed", k, -core.ECONNRESET)
		p.close(c)
		p.close(s)

		c = p.socket()
		p.want("refused", p.connect(c, 83), -core.ECONNREFUSED)
		p.close(c)
	})
	m.run(10 * time.Second)
	if s := m.states(); s[core.TcpTimeWait] != 0 {
		t.Errorf("states %v", s)
	}
	m.clean()
}

// TestBulk sends more than all windows and buffers hold, with a reader that
// sometimes sleeps.
func TestBulk(t *testing.T) {
	const size = 20 << 20
	m := newMachine(t)
	var got bytes.Buffer
	sent := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz "), size/37)
	m.spawn(nil, func(p *proc) {
		c, s, l := p.pair(80)
		p.close(l)
		m.spawn(p, func(p2 *proc) {
			p2.Files.Share(&p.Files)
			for i := 0; ; i++ {
				k, d := p2.recv(s, 100000, 0)
				if k <= 0 {
					break
				}
				got.WriteString(d)
				if i%50 == 0 {
					p2.sleep(100 * time.Millisecond)
				}
			}
			p2.close(s)
			p2.close(c)
		})
		for b := sent; len(b) > 0; {
			chunk := b[:min(len(b), 65536+7)]
			k := p.call(socket.SysSend, nil, chunk, int64(c), 0, int64(len(chunk)), 0)
			if k <= 0 {
				t.Errorf("send: %d", k)
				break
			}
			b = b[k:]
		}
		p.shutdown(c, 1)
		p.close(c)
		p.close(s)
	})
	m.run(10 * time.Minute)
	if !bytes.Equal(got.Bytes(), sent) {
		t.Errorf("%d bytes came, %d went", got.Len(), len(sent))
	}
	// Nothing is lost; only probes, while the reader sleeps, are sent again.
	if r, p := m.Mib[core.MibTcpRetransSegs], m.Mib[core.MibTcpExtTCPLossProbes]; r > p {
		t.Errorf("%d segments were sent again, %d of them as probes", r, p)
	}
	m.clean()
}

// TestOverflow fills the accept queue; what has no room is served later.
func TestOverflow(t *testing.T) {
	m := newMachine(t)
	connected := 0
	m.spawn(nil, func(p *proc) {
		l := p.socket()
		p.bind(l, 80)
		p.listen(l, 2)
		for range 6 {
			m.spawn(p, func(p *proc) {
				c := p.socket()
				if r := p.connect(c, 80); r == 0 {
					connected++
				}
				p.recv(c, 1, 0)
				p.close(c)
			})
		}
		p.sleep(500 * time.Millisecond)
		for range 6 {
			p.close(p.accept(l))
		}
		p.close(l)
	})
	m.run(time.Minute)
	if connected != 6 {
		t.Errorf("%d of 6 connected", connected)
	}
	if m.Mib[core.MibTcpExtListenOverflows] == 0 {
		t.Error("the queue has not overflowed")
	}
	m.clean()
}

// TestFinWait2 leaves a half-closed connection to its timer.
func TestFinWait2(t *testing.T) {
	m := newMachine(t)
	m.spawn(nil, func(p *proc) {
		c, s, l := p.pair(80)
		p.close(l)
		p.close(c)
		p.sleep(30 * time.Second)
		if st := m.states(); st[core.TcpTimeWait] != 1 || st[core.TcpCloseWait] != 1 {
			t.Errorf("after 30 s: %v", st)
		}
		p.sleep(60 * time.Second)
		if st := m.states(); st[core.TcpTimeWait] != 0 || st[core.TcpCloseWait] != 1 {
			t.Errorf("after 90 s: %v", st)
		}
		p.want("send to one that is gone", p.send(s, "x", 0), 1)
		p.want("and again", p.send(s, "x", core.MsgNosignal), -core.EPIPE)
		p.close(s)
	})
	m.clean()
}

// TestIdleCost says what an idle connection takes, both ends and their files.
func TestIdleCost(t *testing.T) {
	if testing.Short() {
		t.Skip("takes memory")
	}
	const pairs = 10000
	m := newMachine(t)
	var before, after runtime.MemStats
	m.spawn(nil, func(p *proc) {
		l := p.socket()
		p.bind(l, 80)
		p.listen(l, 100)
		for i := range pairs + 10 {
			if i == 10 {
				runtime.GC()
				runtime.ReadMemStats(&before)
			}
			c := p.socket()
			if r := p.connect(c, 80); r != 0 {
				t.Fatal("connect: ", r)
			}
			p.accept(l)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		p.sleep(time.Hour)
	})
	m.run(time.Minute)
	cost := (after.HeapAlloc - before.HeapAlloc) / pairs
	t.Logf("%d bytes a pair", cost)
	if cost > 6000 {
		t.Errorf("an idle pair takes %d bytes", cost)
	}
}

// BenchmarkEcho sends a byte to and fro.
func BenchmarkEcho(b *testing.B) {
	m := newMachine(b)
	m.spawn(nil, func(p *proc) {
		c, s, _ := p.pair(80)
		buf := make([]byte, 1)
		sendRegs, recvRegs := new(kernel.Regs), new(kernel.Regs)
		echo := func(from, to int) {
			*sendRegs = kernel.Regs{OrigAx: socket.NrSocketcall, Bx: socket.SysSend, Buf: buf}
			sendRegs.A = [6]int64{int64(from), 0, 1, 0}
			m.EntrySYSCALLCompat(sendRegs)
			*recvRegs = kernel.Regs{OrigAx: socket.NrSocketcall, Bx: socket.SysRecv, Buf: buf}
			recvRegs.A = [6]int64{int64(to), 0, 1, 0}
			if m.EntrySYSCALLCompat(recvRegs); recvRegs.Ax != 1 {
				b.Fatal("recv: ", recvRegs.Ax)
			}
		}
		for range 1000 {
			echo(c, s)
			echo(s, c)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			echo(c, s)
			echo(s, c)
		}
		b.StopTimer()
	})
	m.run(time.Second)
}

// BenchmarkBulk sends 64 KiB at a time through one connection.
func BenchmarkBulk(b *testing.B) {
	m := newMachine(b)
	const size = 65536
	m.spawn(nil, func(p *proc) {
		c, s, _ := p.pair(80)
		buf, sink := make([]byte, size), make([]byte, size)
		sendRegs, recvRegs := new(kernel.Regs), new(kernel.Regs)
		round := func() {
			*sendRegs = kernel.Regs{OrigAx: socket.NrSocketcall, Bx: socket.SysSend, Buf: buf}
			sendRegs.A = [6]int64{int64(c), 0, size, 0}
			m.EntrySYSCALLCompat(sendRegs)
			for left := sendRegs.Ax; left > 0; left -= recvRegs.Ax {
				*recvRegs = kernel.Regs{OrigAx: socket.NrSocketcall, Bx: socket.SysRecv, Buf: sink}
				recvRegs.A = [6]int64{int64(s), 0, size, 0}
				if m.EntrySYSCALLCompat(recvRegs); recvRegs.Ax <= 0 {
					b.Fatal("recv: ", recvRegs.Ax)
				}
			}
		}
		for range 500 {
			round()
		}
		b.SetBytes(size)
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			round()
		}
		b.StopTimer()
	})
	m.run(time.Hour)
}

// BenchmarkConnect opens and closes connections.
func BenchmarkConnect(b *testing.B) {
	m := newMachine(b)
	m.spawn(nil, func(p *proc) {
		l := p.socket()
		p.bind(l, 80)
		p.listen(l, 100)
		one := func() {
			c := p.socket()
			if r := p.connect(c, 80); r != 0 {
				b.Fatal("connect: ", r)
			}
			s := p.accept(l)
			p.setsockopt(c, core.SolSocket, core.SoLinger, 1, 0)
			p.close(c)
			p.close(s)
		}
		for range 100 {
			one()
		}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			one()
		}
		b.StopTimer()
	})
	m.run(time.Hour)
}
