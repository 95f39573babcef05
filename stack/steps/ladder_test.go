package steps_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"menuos/stack"
	"menuos/stack/steps"
	"menuos/stack/wire"
)

// TestRowsFit: at every width, in both sets of signs, no row is wider than asked
// nor has anything that is not one cell wide, and the columns of the states are
// where the row says.
func TestRowsFit(t *testing.T) {
	for _, st := range stories {
		l := newLab(t)
		st.run(l)
		ladder := ladderOf(l.steps())
		for width := range 130 {
			for _, ascii := range []bool{false, true} {
				for _, row := range ladder.Rows(0, 0, ladder.Len(0), width, ascii) {
					checkRow(t, row, width, ascii)
				}
			}
		}
		if rows := ladder.Rows(0, 0, ladder.Len(0), 0, false); rows != nil {
			t.Errorf("%s: no width has %d rows", st.name, len(rows))
		}
	}
}

func checkRow(t *testing.T, row steps.Row, width int, ascii bool) {
	t.Helper()
	if n := utf8.RuneCountInString(row.Text); n > width {
		t.Errorf("a row of %d cells, want at most %d: %q", n, width, row.Text)
	}
	for _, c := range row.Text {
		if c < ' ' || c > '~' && (ascii || c != '─' && c != '…') {
			t.Errorf("width %d, ascii %v: the row has %q: %q", width, ascii, c, row.Text)
		}
	}
	runes := []rune(row.Text)
	for _, s := range []struct {
		state string
		at    int
	}{{row.Left, row.LeftAt}, {row.Right, row.RightAt}} {
		if s.at >= 0 && s.state != "" && (s.at > len(runes) || !strings.HasPrefix(string(runes[s.at:]), s.state)) {
			t.Errorf("width %d: %q does not stand at cell %d: %q", width, s.state, s.at, row.Text)
		}
	}
}

// TestLadderAsItGrows: a ladder that is read after each step ends as one that is
// read once, and its rows never move.
func TestLadderAsItGrows(t *testing.T) {
	for _, st := range stories {
		l := newLab(t)
		st.run(l)
		evs := l.steps()
		var grown steps.Ladder
		for i := range evs {
			grown.Add(i+1, &evs[i])
			for _, row := range grown.Rows(0, 0, grown.Len(0), 80, false) {
				checkRow(t, row, 80, false)
				if row.Step > i+1 || row.Got > i+1 {
					t.Fatalf("%s: after step %d a row stands for steps %d and %d", st.name, i+1, row.Step, row.Got)
				}
			}
		}
		if got, want := drawn(&grown, 80, false), drawn(ladderOf(evs), 80, false); got != want {
			t.Errorf("%s read after each step:\n%s\nread once:\n%s", st.name, got, want)
		}
	}
}

// TestLadderRowsOfSteps: every packet's step finds its row, and every row's step
// is of its kind.
func TestLadderRowsOfSteps(t *testing.T) {
	l := newLab(t).serve("replyhi", replyhi).run("hello", hello(server())).run("ping", ping(server().Addr(), 1))
	evs := l.steps()
	ladder := ladderOf(evs)
	talks := ladder.Talks()
	if len(talks) != 2 || talks[0].Proto != "tcp" || talks[0].Right != server() || talks[1].Proto != "icmp" || talks[1].ID != 2 {
		t.Fatalf("conversations are %+v, want a tcp one to %v and an icmp one", talks, server())
	}
	for _, id := range []int{0, 1, 2} {
		n := ladder.Len(id)
		rows := ladder.Rows(id, -5, n+5, 80, false)
		if len(rows) != n {
			t.Fatalf("conversation %d has %d rows, Len says %d", id, len(rows), n)
		}
		for i := range evs {
			at := ladder.Find(id, i+1)
			kind := steps.KindOf(&evs[i])
			if at < 0 || kind != steps.Sent && kind != steps.Received || id == 1 && i+1 > talks[0].Last || id == 2 && i+1 < talks[1].First {
				continue
			}
			row := rows[at]
			if kind == steps.Sent && row.Step != i+1 || kind == steps.Received && row.Got != i+1 {
				t.Errorf("conversation %d: step %d (%v) is at row %d, which stands for steps %d and %d", id, i+1, kind, at, row.Step, row.Got)
			}
		}
		if got := ladder.Rows(id, 1, 2, 80, false); len(got) != 1 || got[0].Text != rows[1].Text {
			t.Errorf("row 1 alone is %+v, want %q", got, rows[1].Text)
		}
	}
	if got := ladder.Find(1, 0); got != -1 {
		t.Errorf("the row of step 0 is %d, want -1", got)
	}
	if n := ladder.Len(99); n != 0 {
		t.Errorf("a conversation that is not there has %d rows", n)
	}
	client := stack.Event{}
	for i := range evs {
		if evs[i].Name == "net_dev_queue" {
			client = evs[i]
			break
		}
	}
	if got := ladder.TalkOf(client.Sock.Cookie); got != 1 {
		t.Errorf("the client's socket is in conversation %d, want 1", got)
	}
	if got := ladder.TalkOf(1 << 40); got != 0 {
		t.Errorf("an unknown socket is in conversation %d", got)
	}
}

// TestLadderAll: all conversations together, in the order of their steps, with a
// header wherever another begins.
func TestLadderAll(t *testing.T) {
	l := newLab(t).serve("replyhi", replyhi)
	for range 2 {
		l.serve("hello", hello(server()))
	}
	ladder := ladderOf(l.steps())
	last, headers := 0, 0
	rows := ladder.Rows(0, 0, ladder.Len(0), 80, true)
	for i, row := range rows {
		if row.Step < last {
			t.Errorf("row %d stands for step %d, the row before for %d", i, row.Step, last)
		}
		last = row.Step
		if row.Kind == steps.Other {
			headers++
			if i+1 == len(rows) || rows[i+1].Kind == steps.Other {
				t.Errorf("row %d is a header with nothing below: %q", i, row.Text)
			}
		}
	}
	if headers < 2 {
		t.Errorf("%d headers for two conversations", headers)
	}
}

// TestLadderForgets: old steps go, and what stays is below a header.
func TestLadderForgets(t *testing.T) {
	l := newLab(t).serve("replyhi", replyhi).run("hello", hello(server()))
	first := len(l.steps())
	evs := l.run("ping", ping(server().Addr(), 3)).steps()
	var ladder steps.Ladder
	for i := range evs {
		ladder.Add(first+i+1, &evs[i])
	}
	whole := ladder.Rows(0, 0, ladder.Len(0), 80, false)
	cut := whole[3].Step
	ladder.Forget(cut)
	for _, id := range []int{0, 1} {
		rows := ladder.Rows(id, 0, ladder.Len(id), 80, false)
		if len(rows) != len(whole)-2 || rows[0].Kind != steps.Other || rows[1].Text != whole[3].Text {
			t.Errorf("conversation %d after Forget(%d) is %v, want a header and what began at\n%s", id, cut, rows, whole[3].Text)
		}
	}
	ladder.Forget(1 << 20)
	if n := ladder.Len(0) + len(ladder.Talks()); n != 0 {
		t.Errorf("%d rows and conversations are left of nothing", n)
	}
	ladder.Add(1<<20, &evs[0])
	if n := ladder.Len(0); n != 2 {
		t.Errorf("a step after all was forgotten makes %d rows, want a header and one", n)
	}
}

// outside is a lab with a link to another machine, of which the test plays what
// it says.
type outside struct {
	*lab
	link *stack.Link
	out  [][]byte // packets that have left
	at   netip.AddrPort
	evs  []stack.Event
}

var peer = netip.MustParseAddrPort("192.0.2.9:80")

// newOutside lets a client send its SYN to the peer.
func newOutside(t *testing.T) (o *outside, isn uint32) {
	o = &outside{lab: newLab(t)}
	link, err := o.s.AttachLink("link0", 1500, func(pkt []byte) { o.out = append(o.out, append([]byte(nil), pkt...)) })
	o.ok(err)
	o.link = link
	o.ok(o.s.AddAddr("link0", netip.MustParsePrefix("192.0.2.1/24")))
	o.serve("client", hello(peer))
	if len(o.out) != 1 {
		t.Fatalf("%d packets have left, want a SYN", len(o.out))
	}
	syn := wire.TCP(wire.IPv4(o.out[0]).Payload())
	o.at = netip.AddrPortFrom(wire.IPv4(o.out[0]).Src().Netip(), syn.SrcPort())
	return o, syn.Seq()
}

// say lets the peer send a segment, a millisecond from now.
func (o *outside) say(flags wire.TCPFlags, seq, ack uint32) {
	b := tcpPacket(peer, o.at, flags, seq, ack, 0)
	wire.TCP(b[wire.IPv4MinLen:]).UpdateChecksum(wire.IPv4(b).Src(), wire.IPv4(b).Dst())
	wire.IPv4(b).SetTTL(64)
	wire.IPv4(b).UpdateChecksum()
	o.s.Advance(time.Millisecond)
	o.link.Inject(b)
	o.s.Advance(time.Millisecond)
}

// ladder is what the steps so far draw.
func (o *outside) ladder() string {
	o.evs = append(o.evs, o.steps()...)
	return drawn(ladderOf(o.evs), 80, false)
}

// TestLadderOutside: a link to another machine. Only one end is ours; what asks
// for an answer is open until one comes.
func TestLadderOutside(t *testing.T) {
	o, isn := newOutside(t)
	open := o.ladder()
	o.say(wire.RST|wire.ACK, 0, isn+1)
	golden(t, "outside-refused", open+o.ladder())

	o, isn = newOutside(t)
	o.say(wire.SYN|wire.ACK, 500, isn+1)
	o.s.Advance(time.Second) // nobody acknowledges the data
	open = o.ladder()
	o.say(wire.ACK, 501, isn+6)
	o.say(wire.ACK|wire.FIN, 501, isn+6)
	o.s.Advance(time.Millisecond)
	golden(t, "outside-lost", open+o.ladder())
}

// TestLadderInFlight: on a link within the machine a packet has no head before it
// arrives.
func TestLadderInFlight(t *testing.T) {
	l := newLab(t).serve("replyhi", replyhi).run("hello", hello(server()))
	evs := l.steps()
	var ladder steps.Ladder
	for i := range evs {
		ladder.Add(i+1, &evs[i])
		kind := steps.KindOf(&evs[i])
		if kind != steps.Sent && kind != steps.Received {
			continue
		}
		row := ladder.Rows(0, ladder.Find(0, i+1), ladder.Find(0, i+1)+1, 60, true)[0]
		if got, want := strings.ContainsAny(row.Text, "<>"), kind == steps.Received; got != want {
			t.Errorf("after step %d (%v) the row has a head: %v, want %v: %q", i+1, kind, got, want, row.Text)
		}
	}
}

// TestLadderBulk: a ladder of a long transfer stays within bounds and counts each
// packet once.
func TestLadderBulk(t *testing.T) {
	var ladder steps.Ladder
	a, b := netip.MustParseAddrPort("127.0.0.1:1000"), netip.MustParseAddrPort("127.0.0.1:80")
	const packets = 10_000
	for i := range packets {
		ev := packetEvent(tcpPacket(a, b, wire.ACK, uint32(i), 1, 1))
		ev.Dev, ev.SkbID = "lo", uint64(i+1)
		ladder.Add(2*i+1, ev)
		in := *ev
		in.Name = "netif_receive_skb"
		ladder.Add(2*i+2, &in)
		if i%1000 == 999 {
			ladder.Forget(2*i - 1000)
		}
	}
	if n := ladder.Len(1); n != 502 {
		t.Errorf("%d rows are left, want a header and the last 501", n)
	}
	rows := ladder.Rows(1, 1, 502, 60, true)
	for _, row := range rows {
		if row.Got != row.Step+1 {
			t.Fatalf("row %+v, want its arrival at step %d", row, row.Step+1)
		}
	}
}

func BenchmarkLadder(b *testing.B) {
	l := newLab(b).serve("replyhi", replyhi).run("hello", hello(server()))
	evs := l.steps()
	b.Run("Add", func(b *testing.B) {
		var ladder steps.Ladder
		for i := 0; b.Loop(); i++ {
			ladder.Add(i+1, &evs[i%len(evs)])
			if i%4096 == 4095 {
				ladder.Forget(i - 2048)
			}
		}
	})
	b.Run("Rows40", func(b *testing.B) {
		var ladder steps.Ladder
		for i := range 4096 {
			ladder.Add(i+1, &evs[i%len(evs)])
		}
		for b.Loop() {
			n := ladder.Len(0)
			if rows := ladder.Rows(0, n-40, n, 80, false); len(rows) != 40 {
				b.Fatal(len(rows))
			}
		}
	})
	b.Run("Describe", func(b *testing.B) {
		var r steps.Relative
		for i := 0; b.Loop(); i++ {
			if r.Describe(&evs[i%len(evs)], nil, "en").What == "" {
				b.Fatalf("nothing is said of %+v", evs[i%len(evs)])
			}
		}
	})
}
