package tui

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"menuos/stack"
	"menuos/stack/steps"
	"menuos/stack/wire"
)

// TestStepIndexGrows: an index that is kept up to date is the same as one that is
// made at once, whatever comes, is lost and is forgotten.
func TestStepIndexGrows(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	sc := made(0)
	local, peer := wire.AddrFrom4([4]byte{127, 0, 0, 1}), wire.AddrFrom4([4]byte{10, 9, 9, 9})
	sc.sock = 1
	sc.socks = []*stack.SockInfo{{Cookie: 1, Local: netip.AddrPortFrom(local.Netip(), 1000), Peer: netip.AddrPortFrom(peer.Netip(), 2000)}}
	grown := make([]stepIndex, stepFilters)
	for round := range 300 {
		for range rnd.IntN(200) {
			s := &step{line: steps.Line{Kind: steps.Kinds()[rnd.IntN(len(steps.Kinds()))]}}
			if rnd.IntN(20) == 0 {
				s.Lost = uint64(rnd.IntN(300))
			}
			s.Sock = stack.Event{}.Sock
			s.Sock.Cookie = uint64(rnd.IntN(5))
			if s.Sock.Cookie == 1 || s.Sock.Cookie == 2 && rnd.IntN(3) == 0 {
				s.Sock.Saddr, s.Sock.Sport, s.Sock.Daddr, s.Sock.Dport = local, 1000, peer, 2000
			}
			sc.rec.add(s)
		}
		for f := range stepFilters {
			if rnd.IntN(4) == 0 {
				continue // it is not always on screen
			}
			grown[f].update(sc, f)
			var fresh stepIndex
			fresh.of.cookies = grown[f].of.cookies // what was learnt from steps that are forgotten
			fresh.update(sc, f)
			if f == stepsOfSocket && round > 40 {
				continue // sockets that were learnt of may have been forgotten
			}
			if got, want := grown[f].entries[grown[f].first:], fresh.entries[fresh.first:]; !slices.Equal(got, want) || grown[f].steps != fresh.steps {
				t.Fatalf("round %d, filter %d: %d steps, anew %d\n%v\n%v", round, f, grown[f].steps, fresh.steps, got, want)
			}
		}
	}
}

// TestConnectionFilter: a connection's steps are those of both its sockets and of
// the packets between them, whichever end is selected; a listener's, those of all
// connections to its port.
func TestConnectionFilter(t *testing.T) {
	b := newBench(t, goldenLook("en", false))
	b.run("replyhi")
	listener := sockIn(t, b.sc, "LISTEN")
	from := b.sc.rec.last
	b.run("hello")
	to := b.sc.rec.last
	b.run("hello --port 5002", "ping -c 1 127.0.0.1")
	client := sockIn(t, b.sc, "TIME-WAIT")
	server := uint64(0)
	for i := range b.sc.rec.n {
		if s := b.sc.rec.at(i); s.Sock.Sport == 5001 && s.line.What == "ESTAB -> CLOSE-WAIT" {
			server = s.Sock.Cookie
		}
	}
	of := func(x *stepIndex, cookie uint64) (numbers []int) {
		b.sc.sock = cookie
		x.update(b.sc, stepsOfSocket)
		return slices.Clone(x.entries[x.first:])
	}
	var all []int
	for n := from + 1; n <= to; n++ {
		if s := b.sc.rec.get(n); s.Sock.Cookie != listener {
			all = append(all, n)
		}
	}
	x := new(stepIndex)
	if got := of(x, client); !slices.Equal(got, all) {
		t.Errorf("of the client: %v\nwant %v", got, all)
	}
	if server == 0 {
		t.Fatal("no step of the server's socket")
	}
	b.goTo(to - 10) // there the server's socket is alive
	if got := of(x, server); !slices.Equal(got, all) {
		t.Errorf("of the server: %v\nwant %v", got, all)
	}
	for _, n := range of(new(stepIndex), listener) {
		s := b.sc.rec.get(n)
		if src, dst, ok := endsOf(s.Packet); ok && src.Port() != 5001 && dst.Port() != 5001 {
			t.Errorf("of the listener: step %d, %s", n, s.line.What)
		}
	}
	if got := of(new(stepIndex), listener); len(got) < len(all) {
		t.Errorf("of the listener: %v", got)
	}
	if got := of(new(stepIndex), 0); len(got) != 0 {
		t.Errorf("of no socket: %v", got)
	}
}

// FuzzEndsOf: no packet makes it panic.
func FuzzEndsOf(f *testing.F) {
	f.Add([]byte{0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, 0x13, 0x89, 0xee, 0x06})
	f.Add([]byte{0x4f, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1})
	f.Fuzz(func(t *testing.T, packet []byte) {
		src, dst, ok := endsOf(packet)
		if ok != (len(packet) >= wire.IPv4MinLen) {
			t.Errorf("%v %v %v for %d bytes", src, dst, ok, len(packet))
		}
	})
}
