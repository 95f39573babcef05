package tui

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
	"menuos/stack/wire"
)

// plainAxis is an axis with marks named by letters and bare line between.
func plainAxis(base uint32, seqs ...uint32) *axis {
	a := &axis{base: base, number: base, between: func(int64) (string, ink, bool) { return "-", ink{}, false }}
	for i, s := range seqs {
		name := string(rune('a' + i))
		a.marks = append(a.marks, axisMark{s, name, name})
	}
	return a
}

func TestAxis(t *testing.T) {
	wrap := ^uint32(0) - 9
	full := func(a *axis, fills ...axisFill) *axis { a.fills = fills; return a }
	for _, c := range []struct {
		name         string
		a            *axis
		w            int
		labels, line string
	}{
		{"one mark", plainAxis(5, 5), 8, "a 0", "|"},
		{"two", plainAxis(0, 0, 10), 12, "a 0     b 10", "+----------+"},
		{"the same place", plainAxis(0, 0, 10, 0), 14, "a=c 0     b 10", "+------------+"},
		{"across the wrap", plainAxis(wrap, wrap, 10), 12, "a 0     b 20", "+----------+"},
		{"in any order", plainAxis(0, 10, 0, 4), 22, "b 0     c 4       a 10", "+-------+------------+"},
		{"far apart", plainAxis(0, 0, 4, 1000000), 30, "a 0 b 4              c 1000000", "+---+----------//------------+"},
		{"before the base", plainAxis(10, 10, 4), 16, "b 4294967290 a 0", "+--------------+"},
		{"names do not fit", plainAxis(0, 0, 1000, 2000), 11, "0 1000 2000", "+-+-------+"},
		{"no label fits", plainAxis(0, 1000, 2000, 3000), 5, "", "+-+-+"},
		{"ranges", full(plainAxis(0, 0, 30), axisFill{0, 10, "x", ink{}, 0}, axisFill{20, 25, "y", ink{}, 0}), 31, "a 0                        b 30", "+xxxxxxxxx---------yyyy-------+"},
		{"neighbours", full(plainAxis(0, 0, 30), axisFill{0, 10, "x", ink{}, 0}, axisFill{10, 20, "y", ink{}, 0}), 31, "a 0                        b 30", "+xxxxxxxxx|yyyyyyyy-----------+"},
		{"small ranges show", full(plainAxis(0, 0, 10000), axisFill{5000, 5001, "x", ink{}, 0}), 31, "a 0                     b 10000", "+-------------xxx-------------+"},
		{"the strongest shows", full(plainAxis(0, 0, 2), axisFill{0, 1, "x", ink{}, 1}, axisFill{1, 2, "y", ink{}, 0}), 3, "0 2", "+x+"},
		{"outside", full(plainAxis(0, 10, 20), axisFill{0, 10, "x", ink{}, 0}, axisFill{20, 30, "x", ink{}, 0}, axisFill{5, 2, "x", ink{}, 0}), 13, "a 10     b 20", "+-----------+"},
		{"over the edge", full(plainAxis(0, 10, 20), axisFill{0, 15, "x", ink{}, 0}, axisFill{18, 30, "y", ink{}, 0}), 13, "a 10     b 20", "+xxxxx---yyy+"},
	} {
		labels, line := c.a.draw(goldenLook("en", true), c.w)
		if got := strings.TrimRight(ansi.Strip(labels), " "); got != c.labels {
			t.Errorf("%s: the labels are\n%q, want\n%q", c.name, got, c.labels)
		}
		if got := strings.TrimRight(ansi.Strip(line), " "); got != c.line {
			t.Errorf("%s: the line is\n%q, want\n%q", c.name, got, c.line)
		}
	}
}

// randomSock is a TCP socket of which nothing can be relied on.
func randomSock(r *rand.Rand) *stack.SockInfo {
	number := func() uint32 {
		switch r.IntN(4) {
		case 0:
			return r.Uint32()
		case 1:
			return r.Uint32N(100)
		case 2:
			return ^r.Uint32N(100)
		}
		return 1<<31 - 50 + r.Uint32N(100)
	}
	segs := func() []stack.SegInfo {
		out := make([]stack.SegInfo, r.IntN(4)*r.IntN(30))
		seq := number()
		for i := range out {
			if r.IntN(3) == 0 {
				seq = number()
			}
			out[i] = stack.SegInfo{Seq: seq, EndSeq: seq + number()%5000, Len: int(int32(number())), Truesize: int(int32(number())),
				Flags: wire.TCPFlags(number()), Sacked: r.IntN(3) == 0, Lost: r.IntN(3) == 0, Retrans: r.IntN(3) == 0}
			seq = out[i].EndSeq
		}
		return out
	}
	t := &stack.TcpInfo{SndUna: number(), SndNxt: number(), WriteSeq: number(), RcvNxt: number(), CopiedSeq: number(),
		RcvWup: number(), SndWnd: number(), RcvWnd: number()}
	t.BytesAcked, t.BytesSent, t.BytesRetrans, t.BytesReceived = r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()
	t.Unacked, t.Sacked, t.Lost, t.Retrans, t.SndCwnd = number(), number(), number(), number(), number()
	states := []string{"ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "CLOSE-WAIT", "LAST-ACK", "CLOSING", "LISTEN"}
	k := &stack.SockInfo{Netid: "tcp", State: states[r.IntN(len(states))], Cookie: 1, Tcp: t, Owned: r.IntN(2) == 0, Shutdown: uint8(r.IntN(4)),
		Local: netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(number()), 1, 2, 3}), uint16(number())), RecvQ: int(int32(number())),
		Write: segs(), Rtx: segs(), Receive: segs(), Ooo: segs(), Backlog: segs(), AcceptMax: int(int32(number())), SynMax: int(int32(number()))}
	k.Mem = stack.SockMem{Sndbuf: int(int32(number())), Rcvbuf: int(int32(number())), RmemAlloc: int(int32(number()))}
	if r.IntN(2) == 0 {
		k.Timer = &stack.TimerInfo{Name: "persist", Retrans: int(number())}
	}
	return k
}

// FuzzQueues draws sockets whose numbers make no sense: lines fit, and nothing
// takes long.
func FuzzQueues(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed, uint8(seed), uint8(20))
	}
	scenes := []*scene{newBench(f, newLook("dark", "en", false)).sc, newBench(f, newLook("mono", "zh", true)).sc}
	f.Fuzz(func(t *testing.T, seed uint64, w, h uint8) {
		for _, sc := range scenes {
			k := randomSock(rand.New(rand.NewPCG(seed, 0)))
			sc.socks, sc.sock = []*stack.SockInfo{k}, k.Cookie
			q, s := new(queuesPane), new(socketsPane)
			checkCells(t, q.draw(sc, int(w), int(h)), int(w), int(h), false)
			q.act(sc, actEnd)
			checkCells(t, q.draw(sc, int(w), int(h)), int(w), int(h), false)
			q.text(sc)
			checkCells(t, s.draw(sc, int(w), int(h)), int(w), int(h), false)
		}
	})
}

// TestAxisMarksInOrder draws random connections: each mark has a cell of its own,
// in the order of the numbers, if there is room for that.
func TestAxisMarksInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	l := goldenLook("en", false)
	for range 2000 {
		k := randomSock(r)
		a := sendAxis(l, k, 0)
		w := 4 + r.IntN(120)
		marks, all := a.place(w)
		for name, knots := range map[string][]knot{"marks": marks, "all": all} {
			if !slices.IsSortedFunc(knots, func(a, b knot) int { return min(1, max(-1, int(a.d-b.d))) }) {
				t.Fatalf("%s out of order: %+v", name, knots)
			}
			for i, n := range knots {
				if n.x < 0 || n.x >= w || i > 0 && n.x <= knots[i-1].x {
					t.Fatalf("%s on %d cells: %+v", name, w, knots)
				}
			}
		}
		if n := len(marks); n > 1 && marks[n-1].x != w-1 {
			t.Fatalf("the last mark stands at %d of %d", marks[n-1].x, w)
		}
	}
}
