package stack

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"menuos/stack/wire"
)

var hostPort = netip.MustParseAddrPort(hostIP + ":7")

// ask has a process send a datagram to the host's echo port and tells what it gets:
// an answer is not waited for.
func (l *lan) ask() {
	l.t.Helper()
	j := l.Spawn("ask", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		p.Sendto(fd, []byte("hi"), 0, hostPort)
		return 0
	})
	l.Settle()
	if !j.Done() {
		l.t.Fatal("sending a datagram waits")
	}
}

func (l *lan) wantHistory(ip string, d time.Duration, want ...string) {
	l.t.Helper()
	if got := l.history(ip, d); got != strings.Join(want, "\n") {
		l.t.Errorf("the entry of %s was\n%s\nwant\n%s", ip, got, strings.Join(want, "\n"))
	}
}

// TestNeighUnanswered: three questions, a second apart by the timer wheel, then the
// entry fails and whoever sent hears that the host is unreachable.
func TestNeighUnanswered(t *testing.T) {
	l := newLAN(t)
	heard := func(recverr int) *error {
		var err error
		l.Spawn("udp", nil, func(p *Proc) int {
			fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
			p.SetsockoptInt(fd, IPPROTO_IP, IP_RECVERR, recverr)
			p.Connect(fd, hostPort)
			p.Send(fd, []byte("hi"), 0)
			_, err = p.Recv(fd, make([]byte, 8), 0)
			return 0
		})
		l.Settle()
		return &err
	}
	curious, calm := heard(1), heard(0)
	l.wantHistory(hostIP, 4*time.Second, "0.000 INCOMPLETE", "3.064 FAILED")
	if *curious != EHOSTUNREACH || *calm != nil {
		t.Errorf("recv said %v with IP_RECVERR and %v without, want EHOSTUNREACH and nothing yet", *curious, *calm)
	}
	l.sent("0.000 to all: who-has 192.168.40.1 tell 192.168.40.254",
		"1.016 to all: who-has 192.168.40.1 tell 192.168.40.254",
		"2.040 to all: who-has 192.168.40.1 tell 192.168.40.254")
	if st := l.NeighStats(); st.ResFailed != 1 {
		t.Errorf("%d resolutions failed, want 1", st.ResFailed)
	}

	// A failed entry is asked for again by whoever sends next.
	l.mark()
	l.ask()
	if got := l.neigh(hostIP); got != "INCOMPLETE" {
		t.Errorf("the failed entry is %s after a packet, want INCOMPLETE", got)
	}
}

// TestNeighConnect: a TCP connect to a station that is not there ends with
// EHOSTUNREACH after three seconds, without waiting for TCP's own patience.
func TestNeighConnect(t *testing.T) {
	l := newLAN(t)
	var err error
	var took time.Duration
	j := l.Spawn("connect", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		began := p.Now()
		err = p.Connect(fd, hostPort)
		took = p.Now() - began
		return 0
	})
	if l.Wait(j) != Done || err != EHOSTUNREACH || took < 3*time.Second || took > 3200*time.Millisecond {
		t.Errorf("connect said %v after %v, want EHOSTUNREACH after three seconds", err, took)
	}
}

// TestNeighLife follows an entry from the first question to the last.
func TestNeighLife(t *testing.T) {
	l := newLAN(t)
	l.ask()
	l.ask()
	l.sent("0.000 to all: who-has 192.168.40.1 tell 192.168.40.254")
	if e := l.Neighbours()[0]; e.Queued != 2 || e.QueuedBytes == 0 {
		t.Errorf("%d packets (%d bytes) wait, want 2", e.Queued, e.QueuedBytes)
	}
	l.receive(arpReply(hostMAC, hostIP))
	if len(l.out) != 2 || !strings.HasPrefix(l.out[0], "0.000 to host: 192.168.40.254 > 192.168.40.1 udp") {
		t.Errorf("the answer let go\n%s\nwant the two datagrams", strings.Join(l.out, "\n"))
	}
	l.out = nil

	// Reachable for as long as was drawn, 15 to 45 s, then stale for ever.
	l.wantHistory(hostIP, 2*time.Minute, "0.000 52:54:00:12:34:56 REACHABLE", "36.856 52:54:00:12:34:56 STALE")
	l.sent()

	// Used while stale: five seconds of hope, three questions to the station itself.
	l.mark()
	l.ask()
	l.out = nil
	l.wantHistory(hostIP, 10*time.Second, "0.000 52:54:00:12:34:56 DELAY", "5.432 52:54:00:12:34:56 PROBE", "8.504 FAILED")
	l.sent("5.432 to host: who-has 192.168.40.1 tell 192.168.40.254",
		"6.456 to host: who-has 192.168.40.1 tell 192.168.40.254",
		"7.480 to host: who-has 192.168.40.1 tell 192.168.40.254")
}

// TestNeighProbeAnswered: one answer to a probe makes the entry reachable.
func TestNeighProbeAnswered(t *testing.T) {
	l := newLAN(t)
	l.ok(l.AddNeigh(Neigh{Addr: hostPort.Addr(), Dev: "eth0", MAC: hostMAC, State: NUD_STALE}, NeighAdd))
	l.ask()
	l.history(hostIP, 5200*time.Millisecond)
	if got := l.neigh(hostIP); got != "52:54:00:12:34:56 PROBE" {
		t.Fatalf("the entry is %s, want PROBE", got)
	}
	l.receive(arpReply(hostMAC, hostIP))
	if got := l.neigh(hostIP); got != "52:54:00:12:34:56 REACHABLE" {
		t.Errorf("the entry is %s after an answer, want REACHABLE", got)
	}
}

// TestNeighQueue: what waits for an address is bounded by its memory; the oldest
// make room.
func TestNeighQueue(t *testing.T) {
	l := newLAN(t)
	l.set("net.ipv4.neigh.default.unres_qlen_bytes", "3000")
	for range 10 {
		l.ask()
	}
	e, st := l.Neighbours()[0], l.NeighStats()
	if e.Queued == 0 || e.QueuedBytes > 3000 || e.Queued+int(st.UnresDiscards) != 10 {
		t.Errorf("%d packets wait (%d bytes) and %d were dropped, want ten in all and at most 3000 bytes", e.Queued, e.QueuedBytes, st.UnresDiscards)
	}
	l.out = nil
	l.receive(arpReply(hostMAC, hostIP))
	if len(l.out) != e.Queued {
		t.Errorf("%d packets left when the answer came, want the %d that waited", len(l.out), e.Queued)
	}
}

// TestArpReceived is what the machine believes and answers.
func TestArpReceived(t *testing.T) {
	ask := func(mac wire.MAC, spa, tpa string) []byte {
		return arp(wire.MACBroadcast, wire.ARPRequest, mac, spa, wire.MAC{}, tpa)
	}
	t.Run("a question for our address", func(t *testing.T) {
		l := newLAN(t)
		l.receive(ask(hostMAC, hostIP, ourIP))
		l.sent("0.000 to host: 192.168.40.254 is-at us")
		if got := l.neigh(hostIP); got != "52:54:00:12:34:56 STALE" {
			t.Errorf("who asked is %s, want known and STALE", got)
		}
	})
	t.Run("a question for another's", func(t *testing.T) {
		l := newLAN(t)
		l.receive(ask(hostMAC, hostIP, otherIP))
		l.sent()
		if got := l.neigh(hostIP); got != "none" {
			t.Errorf("who asked is %s, want none", got)
		}
	})
	t.Run("is this address free", func(t *testing.T) {
		l := newLAN(t)
		l.receive(ask(hostMAC, "0.0.0.0", ourIP))
		l.sent("0.000 to host: 192.168.40.254 is-at us")
	})
	t.Run("an answer to nothing", func(t *testing.T) {
		l := newLAN(t)
		l.receive(arpReply(hostMAC, hostIP))
		if got := l.neigh(hostIP); got != "none" {
			t.Errorf("it became %s, want none", got)
		}
		l.set("net.ipv4.conf.eth0.arp_accept", "1")
		l.receive(arpReply(hostMAC, hostIP))
		if got := l.neigh(hostIP); got != "52:54:00:12:34:56 REACHABLE" {
			t.Errorf("with arp_accept it became %s, want REACHABLE", got)
		}
	})
	t.Run("the first of two answers", func(t *testing.T) {
		l := newLAN(t)
		l.ask()
		l.receive(arpReply(hostMAC, hostIP), arpReply(otherMAC, hostIP))
		if got := l.neigh(hostIP); got != "52:54:00:12:34:56 REACHABLE" {
			t.Errorf("within locktime it is %s, want the first", got)
		}
		l.Advance(1100 * time.Millisecond)
		l.receive(arpReply(otherMAC, hostIP))
		if got := l.neigh(hostIP); got != "52:54:00:00:00:07 REACHABLE" {
			t.Errorf("after locktime it is %s, want the new one", got)
		}
	})
	t.Run("gratuitous", func(t *testing.T) {
		l := newLAN(t)
		l.ask()
		l.receive(arpReply(hostMAC, hostIP), ask(otherMAC, hostIP, hostIP))
		if got := l.neigh(hostIP); got != "52:54:00:00:00:07 STALE" {
			t.Errorf("it is %s, want moved at once and STALE", got)
		}
		l.set("net.ipv4.conf.all.drop_gratuitous_arp", "1")
		l.receive(ask(hostMAC, hostIP, hostIP))
		if got := l.neigh(hostIP); got != "52:54:00:00:00:07 STALE" {
			t.Errorf("with drop_gratuitous_arp it is %s, want unchanged", got)
		}
	})
	t.Run("conflict", func(t *testing.T) {
		l := newLAN(t)
		l.receive(ask(otherMAC, ourIP, ourIP), ask(otherMAC, ourIP, hostIP), ask(ourMAC, ourIP, ourIP))
		l.sent()
		if st := l.NeighStats(); st.Conflicts != 2 || st.Entries != 0 {
			t.Errorf("%d conflicts, %d entries, want 2 and 0", st.Conflicts, st.Entries)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		l := newLAN(t)
		good := ask(hostMAC, hostIP, ourIP)
		for at, v := range map[int]byte{14 + 1: 9, 14 + 2: 9, 14 + 4: 8, 14 + 5: 16, 14 + 7: 3} {
			bad := append([]byte(nil), good...)
			bad[at] = v
			l.receive(bad)
		}
		l.receive(good[:14+20], good[:14])
		multicast := ask(hostMAC, hostIP, "224.0.0.1")
		l.receive(multicast, ask(hostMAC, hostIP, "127.0.0.1"))
		l.sent()
		if n := len(l.Neighbours()); n != 0 {
			t.Errorf("garbage made %d entries, want none", n)
		}
	})
	t.Run("arp_ignore", func(t *testing.T) {
		l := newLAN(t)
		l.set("net.ipv4.conf.all.arp_ignore", "1")
		l.ok(l.AddAddr("lo", netip.MustParsePrefix("10.1.1.1/32")))
		l.receive(ask(hostMAC, hostIP, "10.1.1.1"))
		l.sent()
		l.set("net.ipv4.conf.all.arp_ignore", "0")
		l.receive(ask(hostMAC, hostIP, "10.1.1.1"))
		l.sent("0.000 to host: 10.1.1.1 is-at us")
	})
	t.Run("arp_notify", func(t *testing.T) {
		l := newLAN(t)
		l.ok(l.IfDown("eth0"))
		l.set("net.ipv4.conf.default.arp_notify", "1")
		l.ok(l.IfUp("eth0"))
		l.sent("0.000 to all: who-has 192.168.40.254 tell 192.168.40.254")
	})
}

// TestArpFlood: a thousand stations that ask for us fill the table to its limit and
// no further; once the flood is over they are forgotten.
func TestArpFlood(t *testing.T) {
	l := newLAN(t)
	for i := range 3000 {
		mac := wire.MAC{2, 1, 0, 0, byte(i >> 8), byte(i)}
		ip := wire.AddrFrom4([4]byte{192, 168, 40, 1}) + wire.Addr(i%250)
		l.receive(arp(wire.MACBroadcast, wire.ARPRequest, mac, ip.String(), wire.MAC{}, ourIP))
	}
	if st := l.NeighStats(); st.Entries != 250 {
		t.Errorf("250 addresses made %d entries", st.Entries)
	}
	l.ok(l.AddAddr("eth0", netip.MustParsePrefix("10.0.0.1/8")))
	for i := range 3000 {
		mac := wire.MAC{2, 2, 0, 0, byte(i >> 8), byte(i)}
		ip := wire.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		l.receive(arp(wire.MACBroadcast, wire.ARPRequest, mac, ip.String(), wire.MAC{}, "10.0.0.1"))
	}
	st := l.NeighStats()
	if st.Entries != 1024 || st.TableFulls != 3250-1024 {
		t.Errorf("%d entries, %d refused, want 1024 and %d", st.Entries, st.TableFulls, 3250-1024)
	}
	// Entries that are not five seconds old are not collected to make room; older
	// ones are.
	l.Advance(6 * time.Second)
	l.receive(arp(wire.MACBroadcast, wire.ARPRequest, hostMAC, "10.9.9.9", wire.MAC{}, "10.0.0.1"))
	if st := l.NeighStats(); st.Entries != 512+1 || l.neigh("10.9.9.9") == "none" {
		t.Errorf("%d entries, the new one is %s, want 513 with it", st.Entries, l.neigh("10.9.9.9"))
	}
	// Whoever is used goes last, and below gc_thresh1 nobody has to.
	l.Advance(2 * time.Minute)
	if st := l.NeighStats(); st.Entries != 1 || st.PeriodicGcRuns == 0 || l.neigh("10.9.9.9") == "none" {
		t.Errorf("%d entries after two quiet minutes and %d rounds, want the newest alone", st.Entries, st.PeriodicGcRuns)
	}
	waits := l.Spawn("wait", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		p.Recv(fd, make([]byte, 1), 0)
		return 0
	})
	if o := l.Wait(waits); o != Stuck {
		t.Errorf("with nothing left to collect the machine says %v, want that it is at rest", o)
	}
}

// TestNeighAdmin is what ip neigh and arp ask for.
func TestNeighAdmin(t *testing.T) {
	l := newLAN(t)
	entry := Neigh{Addr: hostPort.Addr(), Dev: "eth0", MAC: hostMAC, State: NUD_PERMANENT}
	is := func(what string, got, want error) {
		t.Helper()
		if got != want {
			t.Errorf("%s says %v, want %v", what, got, want)
		}
	}
	is("change of nothing", l.AddNeigh(entry, NeighChange), ENOENT)
	is("del of nothing", l.DelNeigh("eth0", entry.Addr), ENOENT)
	is("add", l.AddNeigh(entry, NeighAdd), nil)
	is("add again", l.AddNeigh(entry, NeighAdd), EEXIST)
	is("arp -d of nothing", l.ArpDelete("eth0", netip.MustParseAddr(otherIP)), ENXIO)
	is("arp -s where no route leads", l.ArpSet("", netip.MustParseAddr("10.0.0.9"), hostMAC, false), ENETUNREACH)
	if err := l.AddNeigh(Neigh{Addr: entry.Addr, Dev: "eth7"}, NeighAdd); err == nil || err.Error() != `Cannot find device "eth7"` {
		t.Errorf("add on no device says %v", err)
	}
	bare := entry
	bare.Addr, bare.MAC = netip.MustParseAddr(otherIP), wire.MAC{}
	is("add without an address", l.AddNeigh(bare, NeighAdd), EINVAL)

	// A permanent entry asks nobody and believes nobody.
	l.mark()
	l.ask()
	l.receive(arpReply(otherMAC, hostIP))
	l.Advance(10 * time.Minute)
	if got := l.neigh(hostIP); got != "52:54:00:12:34:56 PERMANENT" || len(l.out) != 1 {
		t.Errorf("it is %s and %d frames left, want PERMANENT and the one datagram", got, len(l.out))
	}
	entry.MAC, entry.State = otherMAC, NUD_STALE
	is("replace", l.AddNeigh(entry, NeighReplace), nil)
	if got := l.neigh(hostIP); got != "52:54:00:00:00:07 STALE" {
		t.Errorf("replaced it is %s", got)
	}
	is("del", l.DelNeigh("eth0", entry.Addr), nil)
	is("arp -s", l.ArpSet("", netip.MustParseAddr(otherIP), otherMAC, false), nil)
	if got := l.neigh(otherIP); got != "52:54:00:00:00:07 PERMANENT" || l.neigh(hostIP) != "none" {
		t.Errorf("the entries are %s and %s", got, l.neigh(hostIP))
	}
	is("arp -d", l.ArpDelete("", netip.MustParseAddr(otherIP)), nil)

	// A link that goes down takes its entries along.
	is("add", l.AddNeigh(entry, NeighAdd), nil)
	is("down", l.IfDown("eth0"), nil)
	if n := len(l.Neighbours()); n != 0 {
		t.Errorf("%d entries are left when the link is down", n)
	}
}

// TestNeighTimer: a snapshot says which neighbour a timer is of.
func TestNeighTimer(t *testing.T) {
	l := newLAN(t)
	l.ask()
	for _, tm := range l.Snapshot().Timers {
		if tm.Neigh == hostPort.Addr() && tm.Runs == "neigh_timer_handler" {
			return
		}
	}
	t.Errorf("no timer of %s among %+v", hostIP, l.Snapshot().Timers)
}

// TestNeighCarrier: a link that is pulled out takes along what was learnt through
// it, and leaves what the user set.
func TestNeighCarrier(t *testing.T) {
	l := newLAN(t)
	l.know(otherIP, otherMAC)
	l.receive(arp(wire.MACBroadcast, wire.ARPRequest, hostMAC, hostIP, wire.MAC{}, ourIP))
	l.eth.SetCarrier(false)
	l.Advance(2 * time.Second)
	if host, other := l.neigh(hostIP), l.neigh(otherIP); host != "none" || other != "52:54:00:00:00:07 PERMANENT" {
		t.Errorf("without a carrier the entries are %s and %s, want none and PERMANENT", host, other)
	}
}

// TestNeighConfirmedByTCP: an acknowledgment tells that the station is there, and
// the next segment to it says so to the neighbour entry: nobody has to ask.
func TestNeighConfirmedByTCP(t *testing.T) {
	l := newLAN(t)
	l.Spawn("connect", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		if p.Connect(fd, hostPort) != nil {
			return 1
		}
		for range 60 {
			p.Sleep(2 * time.Second)
			p.Send(fd, []byte("hi"), 0)
		}
		p.Sleep(time.Hour)
		return 0
	})
	l.Settle()
	l.receive(arpReply(hostMAC, hostIP))
	// The host acknowledges whatever comes.
	asked := 0
	answer := func() {
		frames := l.raw
		l.raw, l.out = nil, nil
		for _, f := range frames {
			if wire.Ethernet(f).Type() == wire.EtherTypeARP {
				asked++
				continue
			}
			seg := wire.TCP(wire.IPv4(f[wire.EthernetLen:]).Payload())
			ack, flags := seg.Seq()+uint32(len(seg.Payload())), wire.ACK
			switch {
			case seg.Flags()&wire.SYN != 0:
				ack, flags = ack+1, wire.SYN|wire.ACK
			case len(seg.Payload()) == 0:
				continue
			}
			seq := uint32(1000)
			if flags == wire.ACK {
				seq++
			}
			l.receive(fromHost(hostIP, ourIP, wire.ProtoTCP, tcpSegment(hostIP, ourIP, seg.DstPort(), seg.SrcPort(), seq, ack, flags, nil), ipOpts{}))
		}
	}
	for range 900 {
		answer()
		l.Advance(100 * time.Millisecond)
	}
	if asked != 1 {
		t.Errorf("the host was asked %d times in 90 seconds of a conversation, want once", asked)
	}
	if got := l.neigh(hostIP); !strings.HasPrefix(got, hostMAC.String()) {
		t.Errorf("the entry is %s, want the host's address", got)
	}
}
