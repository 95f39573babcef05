package stack

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

// story is a machine with a log of the segments that go over its lo, and a way
// to lose some of them.
type story struct {
	t     *testing.T
	s     *Stack
	w     *Watcher
	since time.Duration
	lose  func(seg segment) bool // asked at the input hook
	names map[uint16]string      // of ports
}

// segment is a TCP segment as the stories tell it.
type segment struct {
	at       time.Duration
	src, dst uint16
	flags    wire.TCPFlags
	seq, ack uint32
	win      uint16
	len      int
}

func segmentOf(packet []byte) (segment, bool) {
	ip := wire.IPv4(packet)
	if len(ip) < wire.IPv4MinLen || ip.Protocol() != wire.ProtoTCP || len(ip) < ip.IHL()+wire.TCPMinLen {
		return segment{}, false
	}
	th := wire.TCP(ip[ip.IHL():])
	return segment{src: th.SrcPort(), dst: th.DstPort(), flags: th.Flags(), seq: th.Seq(), ack: th.Ack(), win: th.Window(),
		len: int(ip.TotalLen()) - ip.IHL() - th.DataOff()}, true
}

// newStory boots a machine whose calls go into edges.
func newStory(t *testing.T, edges *edgeSet) *story {
	s := New(Config{Seed: 1})
	t.Cleanup(s.Close)
	st := &story{t: t, s: s, names: map[uint16]string{5001: "s"}}
	if edges != nil {
		edges.watch(s)
	}
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	s.n.NfRegisterNetHook(core.NfInetLocalIn, func(skb *core.SkBuff, _ core.NfHookState) uint32 {
		if st.lose == nil {
			return core.NfAccept
		}
		if seg, ok := segmentOf(skb.Head.B[skb.NetworkHeader:]); ok && st.lose(seg) {
			return core.NfDrop
		}
		return core.NfAccept
	})
	st.w = s.Watch(1<<14, "net_dev_queue")
	return st
}

// run runs a program to its end.
func (st *story) run(body func(p *Proc)) {
	st.t.Helper()
	j := st.s.Exec("story", nil, func(p *Proc) int { body(p); return 0 })
	if o := st.s.Wait(j); o != Done || j.ExitCode() != 0 {
		st.t.Fatalf("the program is %v, exit status %d", o, j.ExitCode())
	}
}

// mark makes the next segments' times count from now.
func (st *story) mark() {
	st.w.Next()
	st.since = st.s.n.Kernel.Now()
}

// segments are those sent since the last look: "time who flags len win".
func (st *story) segments() []segment {
	evs, lost := st.w.Next()
	if lost != 0 {
		st.t.Errorf("%d events lost", lost)
	}
	var out []segment
	for i := range evs {
		if seg, ok := segmentOf(evs[i].Packet); ok {
			seg.at = evs[i].Time - st.since
			out = append(out, seg)
		}
	}
	return out
}

func (st *story) who(port uint16) string {
	if n := st.names[port]; n != "" {
		return n
	}
	return "c"
}

func (st *story) tell(seg segment) string {
	return fmt.Sprintf("%s %s>%s %s %d", seg.at, st.who(seg.src), st.who(seg.dst), flagNames(seg.flags), seg.len)
}

// want compares the segments since the last look with lines "time c>s FLAGS len".
func (st *story) want(what string, lines ...string) {
	st.t.Helper()
	var got []string
	for _, seg := range st.segments() {
		got = append(got, st.tell(seg))
	}
	if len(got) > 40 {
		got = append(got[:40], fmt.Sprintf("and %d more", len(got)-40))
	}
	if strings.Join(got, "\n") != strings.Join(lines, "\n") {
		st.t.Errorf("%s:\n  got\n    %s\n  want\n    %s", what, strings.Join(got, "\n    "), strings.Join(lines, "\n    "))
	}
}

// socks lists the machine's TCP sockets: "STATE local>peer", ports by name.
func (st *story) socks() string {
	var out []string
	st.s.n.ForEachSock(func(sk *core.SockCommon) {
		if sk.Full != nil && sk.Full.SkProtocol != wire.ProtoTCP || sk.SkState == core.TcpListen || sk.SkNum < 1024 {
			return
		}
		out = append(out, fmt.Sprintf("%s %s>%s", oracleStates[sk.SkState], st.who(sk.SkNum), st.who(sk.SkDport)))
	})
	return strings.Join(out, ", ")
}

func (st *story) wantSocks(what, want string) {
	st.t.Helper()
	if got := st.socks(); got != want {
		st.t.Errorf("%s: sockets are %q, want %q", what, got, want)
	}
}

func (st *story) wantState(p *Proc, what string, fd int, want string) {
	st.t.Helper()
	b, err := p.Getsockopt(fd, IPPROTO_TCP, TCP_INFO, 8)
	if err != nil {
		st.t.Errorf("%s: TCP_INFO: %v", what, err)
		return
	}
	if got := oracleStates[b[0]]; got != want {
		st.t.Errorf("%s: state is %s, want %s", what, got, want)
	}
}

func (st *story) ok(what string, err error) {
	st.t.Helper()
	if err != nil {
		st.t.Errorf("%s: %v", what, err)
	}
}

func (st *story) errno(what string, err, want error) {
	st.t.Helper()
	if err != want {
		st.t.Errorf("%s: error is %v, want %v", what, err, want)
	}
}

func (st *story) socket(p *Proc) int {
	st.t.Helper()
	fd, err := p.Socket(AF_INET, SOCK_STREAM, 0)
	st.ok("socket", err)
	return fd
}

// listen makes a listener at port 5001.
func (st *story) listen(p *Proc, backlog int) int {
	st.t.Helper()
	fd := st.socket(p)
	st.ok("SO_REUSEADDR", p.SetsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1))
	st.ok("bind", p.Bind(fd, at(5001)))
	st.ok("listen", p.Listen(fd, backlog))
	return fd
}

// pair makes a connection to port 5001, both ends in one program.
func (st *story) pair(p *Proc) (c, s, l int) {
	st.t.Helper()
	l = st.listen(p, 8)
	c = st.socket(p)
	st.ok("connect", p.Connect(c, at(5001)))
	s, _, err := p.Accept(l)
	st.ok("accept", err)
	st.mark()
	return c, s, l
}

func (st *story) send(p *Proc, fd int, data string) {
	st.t.Helper()
	n, err := p.Send(fd, []byte(data), 0)
	if err != nil || n != len(data) {
		st.t.Errorf("send: %d, %v, want %d", n, err, len(data))
	}
}

func (st *story) recv(p *Proc, fd int, want string) {
	st.t.Helper()
	buf := make([]byte, 1<<16)
	n, err := p.Recv(fd, buf, 0)
	if got := string(buf[:max(n, 0)]); err != nil || got != want {
		st.t.Errorf("recv: %q, %v, want %q", got, err, want)
	}
}

func (st *story) recvErr(p *Proc, fd int, want error) {
	st.t.Helper()
	n, err := p.Recv(fd, make([]byte, 16), 0)
	if err != want {
		st.t.Errorf("recv: %d, %v, want %v", n, err, want)
	}
}

// count is what a counter stands at.
func (st *story) count(name string) uint64 {
	for i, n := range core.MibNames {
		if n == name {
			return st.s.n.Mib[i]
		}
	}
	st.t.Errorf("no counter %s", name)
	return 0
}

// isData is for segments that carry data.
func isData(seg segment) bool { return seg.len > 0 }

// storyCase is one story by its name.
type storyCase struct {
	name string
	tell func(st *story)
}

// stories are what programs do with connections; each tells what is on the
// wire and in the sockets, and all of their calls are held against the recorded
// kernel's.
var stories = slices.Concat(closeStories, lossStories, abortStories, connectStories, transferStories)

// TestStories tells each story alone.
func TestStories(t *testing.T) {
	for _, sc := range stories {
		t.Run(strings.ReplaceAll(sc.name, " ", "-"), func(t *testing.T) { sc.tell(newStory(t, nil)) })
	}
}
