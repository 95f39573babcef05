package steps_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"menuos/stack"
	"menuos/stack/steps"
)

var update = flag.Bool("update", false, "write the golden files anew")

// lab is a machine whose steps are recorded.
type lab struct {
	t testing.TB
	s *stack.Stack
	w *stack.Watcher
}

func newLab(t testing.TB) *lab {
	t.Helper()
	s := stack.New(stack.Config{Seed: 1})
	t.Cleanup(s.Close)
	l := &lab{t, s, s.WatchSnap(1<<14, steps.Snap, steps.Names...)}
	l.ok(s.Boot())
	return l
}

func (l *lab) ok(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Error(err)
	}
}

// dummy adds a device behind which nobody is.
func (l *lab) dummy() *lab {
	l.t.Helper()
	l.ok(l.s.AddDummy("dummy0"))
	l.ok(l.s.AddAddr("dummy0", netip.MustParsePrefix("10.9.9.1/8")))
	l.ok(l.s.IfUp("dummy0"))
	return l
}

// run runs a program to its end, which must come.
func (l *lab) run(comm string, body func(p *stack.Proc)) *lab {
	l.t.Helper()
	j := l.s.Exec(comm, nil, func(p *stack.Proc) int { body(p); return 0 })
	if o := l.s.Wait(j); o != stack.Done {
		l.t.Fatalf("%s is %v, want %v", comm, o, stack.Done)
	}
	return l
}

// serve runs a program in the background until it waits.
func (l *lab) serve(comm string, body func(p *stack.Proc)) *lab {
	l.s.Spawn(comm, nil, func(p *stack.Proc) int { body(p); return 0 })
	l.s.Settle()
	return l
}

// steps are the events since the last look.
func (l *lab) steps() []stack.Event {
	l.t.Helper()
	evs, lost := l.w.Next()
	if lost != 0 {
		l.t.Fatalf("%d steps lost", lost)
	}
	return evs
}

func server() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:5001") }

// replyhi answers one connection after the other, as the laboratory's does.
func replyhi(p *stack.Proc) {
	fd, _ := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
	p.Bind(fd, server())
	p.Listen(fd, 1024)
	buf := make([]byte, 1024)
	for {
		conn, _, err := p.Accept(fd)
		if err != nil {
			return
		}
		p.Recv(conn, buf, 0)
		p.Send(conn, []byte("hi"), 0)
		p.Close(conn)
	}
}

// hello is the laboratory's client.
func hello(to netip.AddrPort) func(p *stack.Proc) {
	return func(p *stack.Proc) {
		fd, _ := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
		if p.Connect(fd, to) == nil {
			p.Send(fd, []byte("hello"), 0)
			p.Recv(fd, make([]byte, 1024), 0)
		}
		p.Close(fd)
	}
}

// halfClose is a client that says that it has no more to send, and then reads
// what the server still has.
func halfClose(p *stack.Proc) {
	fd, _ := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
	p.Connect(fd, server())
	p.Shutdown(fd, stack.SHUT_WR)
	buf := make([]byte, 1024)
	for {
		if n, err := p.Recv(fd, buf, 0); n == 0 || err != nil {
			break
		}
	}
	p.Close(fd)
}

// lateServer answers a client that has closed its side already.
func lateServer(p *stack.Proc) {
	fd, _ := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
	p.Bind(fd, server())
	p.Listen(fd, 1)
	conn, _, _ := p.Accept(fd)
	p.Recv(conn, make([]byte, 16), 0)
	p.Sleep(300 * time.Millisecond)
	p.Send(conn, []byte("late"), 0)
	p.Close(conn)
}

// lazyServer has room for one connection that waits, and takes the first after
// two seconds.
func lazyServer(p *stack.Proc) {
	fd, _ := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
	p.Bind(fd, server())
	p.Listen(fd, 0)
	p.Sleep(2 * time.Second)
	conn, _, _ := p.Accept(fd)
	p.Close(conn)
	p.Accept(fd)
}

// udp sends a datagram to a port.
func udp(port uint16) func(p *stack.Proc) {
	return func(p *stack.Proc) {
		fd, _ := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
		p.Sendto(fd, []byte("This is a test message"), 0, netip.AddrPortFrom(server().Addr(), port))
		p.Close(fd)
	}
}

func udpServer(p *stack.Proc) {
	fd, _ := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
	p.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), 8000))
	p.Recvfrom(fd, make([]byte, 100), 0)
	p.Close(fd)
}

// ping sends echo requests, a second apart, and takes what comes back.
func ping(to netip.Addr, count int) func(p *stack.Proc) {
	return func(p *stack.Proc) {
		fd, _ := p.Socket(stack.AF_INET, stack.SOCK_RAW, 1)
		for i := range count {
			b := []byte{8, 0, 0, 0, 0, 4, 0, byte(i + 1)}
			sum := ^uint16(0x0800 + 4 + i + 1)
			b[2], b[3] = byte(sum>>8), byte(sum)
			p.Sendto(fd, b, 0, netip.AddrPortFrom(to, 0))
			p.Sleep(time.Second)
		}
		p.Close(fd)
	}
}

// lines tells steps as a list, with backtraces.
func (l *lab) lines(evs []stack.Event, lang string) string {
	var r steps.Relative
	var b strings.Builder
	for i := range evs {
		ev := &evs[i]
		line := r.Describe(ev, l.s.Frames(ev), lang)
		fmt.Fprintf(&b, "#%-2d %10.6f %s %s [%s] %s: %s\n", i+1, (ev.Time - evs[0].Time).Seconds(), line.Mark, line.Where, line.Context, line.By, line.What)
	}
	return b.String()
}

// ladderOf takes steps into a ladder, numbered from 1.
func ladderOf(evs []stack.Event) *steps.Ladder {
	var l steps.Ladder
	for i := range evs {
		l.Add(i+1, &evs[i])
	}
	return &l
}

// drawn is a ladder's conversations one below the other.
func drawn(l *steps.Ladder, width int, ascii bool) string {
	var b strings.Builder
	for _, t := range l.Talks() {
		for _, row := range l.Rows(t.ID, 0, l.Len(t.ID), width, ascii) {
			b.WriteString(row.Text + "\n")
		}
	}
	return b.String()
}

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./stack/steps -update writes it)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./stack/steps -update takes it over)\n--- want\n%s\n--- got\n%s", file, want, got)
	}
}
