package stack

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"menuos/stack/wire"
)

const broadcastIP = "192.168.40.255"

func ping(n int) []byte { return icmp(wire.ICMPEcho, 0, 1<<16|1, make([]byte, n)) }

// listenTCP has a process listen on a port for good.
func (l *lan) listenTCP(port uint16) {
	l.Spawn("listen", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_STREAM, 0)
		p.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), port))
		p.Listen(fd, 8)
		for {
			if _, _, err := p.Accept(fd); err != nil {
				return 1
			}
		}
	})
	l.Settle()
}

// hear has a process take datagrams on a port; what it got is told at the end.
func (l *lan) hear(port uint16, prepare func(p *Proc, fd int)) *[]string {
	var got []string
	l.Spawn("hear", nil, func(p *Proc) int {
		fd, _ := p.Socket(AF_INET, SOCK_DGRAM, 0)
		if prepare != nil {
			prepare(p, fd)
		}
		p.Bind(fd, netip.AddrPortFrom(netip.IPv4Unspecified(), port))
		buf := make([]byte, 65536)
		for {
			n, from, err := p.Recvfrom(fd, buf, 0)
			if err != nil {
				return 1
			}
			got = append(got, fmt.Sprintf("%d from %s", n, from.Addr()))
		}
	})
	l.Settle()
	return &got
}

// badTCP is a SYN that says that its header has so many bytes.
func badTCP(dataOff int) []byte {
	b := wire.TCP(tcpSegment(hostIP, ourIP, 4000, 80, 1, 0, wire.SYN, nil))
	b.SetDataOff(dataOff)
	b.UpdateChecksum(addr(hostIP), addr(ourIP))
	return b
}

// TestIPReceived is what the machine does with packets of all kinds, each sent to a
// fresh machine that knows the host.
func TestIPReceived(t *testing.T) {
	raw := func(change func(ip wire.IPv4)) []byte {
		f := fromHost(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{})
		ip := wire.IPv4(f[wire.EthernetLen:])
		change(ip)
		return f
	}
	udpTo := func(src, dst string, port uint16) []byte { return udp(src, dst, 4000, port, []byte("hello")) }
	for _, tc := range []struct {
		name   string
		frame  []byte
		knobs  map[string]string
		want   []string
		counts map[string]int
	}{
		{"ping", fromHost(hostIP, ourIP, wire.ProtoICMP, ping(56), ipOpts{}), nil,
			[]string{"0.000 to host: 192.168.40.254 > 192.168.40.1 icmp 0/0 56 bytes"}, map[string]int{"IcmpInEchos": 1, "IcmpOutEchoReps": 1}},
		{"ping with a bad checksum", fromHost(hostIP, ourIP, wire.ProtoICMP, append(ping(8), 1), ipOpts{}), nil, nil,
			map[string]int{"IcmpInCsumErrors": 1, "IcmpInErrors": 1, "IcmpInEchos": 0}},
		{"ping to the broadcast", fromHost(hostIP, broadcastIP, wire.ProtoICMP, ping(8), ipOpts{}), nil, nil, map[string]int{"IcmpInErrors": 1, "IpExtInBcastPkts": 1}},
		{"ping to 255.255.255.255", fromHost(hostIP, "255.255.255.255", wire.ProtoICMP, ping(8), ipOpts{}), nil, nil, map[string]int{"IcmpInErrors": 1, "IpExtInBcastPkts": 1}},
		{"ping to the broadcast, welcome", fromHost(hostIP, broadcastIP, wire.ProtoICMP, ping(8), ipOpts{}),
			map[string]string{"net.ipv4.icmp_echo_ignore_broadcasts": "0"},
			[]string{"0.000 to host: 192.168.40.254 > 192.168.40.1 icmp 0/0 8 bytes"}, nil},
		{"ping from nobody", fromHost("0.0.0.0", ourIP, wire.ProtoICMP, ping(8), ipOpts{}), nil, nil, map[string]int{"IcmpInMsgs": 0}},
		{"smurf", fromHost(broadcastIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{}), map[string]string{"net.ipv4.conf.eth0.rp_filter": "1"}, nil, map[string]int{"IcmpInMsgs": 0}},
		{"smurf, and nobody looks at sources", fromHost(broadcastIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{}), nil,
			[]string{"0.000 to all: 192.168.40.254 > 192.168.40.255 icmp 0/0 8 bytes"}, nil}, // Linux answers, too
		{"land", fromHost(ourIP, ourIP, wire.ProtoTCP, tcpSegment(ourIP, ourIP, 80, 80, 1, 0, wire.SYN, nil), ipOpts{}), nil, nil, map[string]int{"TcpInSegs": 0}},
		{"loopback from outside", fromHost("127.0.0.1", ourIP, wire.ProtoICMP, ping(8), ipOpts{}), nil, nil, map[string]int{"IcmpInMsgs": 0}},
		{"to loopback from outside", fromHost(hostIP, "127.0.0.1", wire.ProtoICMP, ping(8), ipOpts{}), nil, nil, map[string]int{"IcmpInMsgs": 0}},
		{"to nobody", fromHost(hostIP, "0.0.0.0", wire.ProtoICMP, ping(8), ipOpts{}), nil, nil, map[string]int{"IcmpInMsgs": 0}},
		{"from a group", fromHost("224.0.0.5", ourIP, wire.ProtoICMP, ping(8), ipOpts{}), nil, nil, map[string]int{"IcmpInMsgs": 0}},
		{"from 255.255.255.255", fromHost("255.255.255.255", ourIP, wire.ProtoICMP, ping(8), ipOpts{}), nil, nil, map[string]int{"IcmpInMsgs": 0}},
		{"a source that is elsewhere", fromHost("10.1.2.3", ourIP, wire.ProtoUDP, udpTo("10.1.2.3", ourIP, 9), ipOpts{}),
			map[string]string{"net.ipv4.conf.all.rp_filter": "1"}, nil, map[string]int{"TcpExtIPReversePathFilter": 1, "UdpNoPorts": 0}},
		{"for another, no router", fromHost(hostIP, "10.1.1.1", wire.ProtoICMP, ping(8), ipOpts{}), nil, nil, map[string]int{"IpInAddrErrors": 1, "IcmpInMsgs": 0}},
		{"another's frame", ether(otherMAC, hostMAC, wire.EtherTypeIPv4, ipv4Packet(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{})), nil, nil, map[string]int{"IpInReceives": 0}},
		{"a group that nobody joined", ether(wire.MAC{1, 0, 0x5e, 1, 2, 3}, hostMAC, wire.EtherTypeIPv4, ipv4Packet(hostIP, "239.1.2.3", wire.ProtoUDP, udpTo(hostIP, "239.1.2.3", 9), ipOpts{})),
			nil, nil, map[string]int{"UdpNoPorts": 0, "IpExtInMcastPkts": 0}},
		{"to all hosts of the link", ether(wire.MAC{1, 0, 0x5e, 0, 0, 1}, hostMAC, wire.EtherTypeIPv4, ipv4Packet(hostIP, "224.0.0.1", wire.ProtoUDP, udpTo(hostIP, "224.0.0.1", 9), ipOpts{})),
			nil, nil, map[string]int{"UdpIgnoredMulti": 1, "IpExtInMcastPkts": 1}},

		{"version 5", raw(func(ip wire.IPv4) { ip[0] = 0x55; ip.UpdateChecksum() }), nil, nil, map[string]int{"IpInHdrErrors": 1}},
		{"a header of 16 bytes", raw(func(ip wire.IPv4) { ip[0] = 0x44; ip.SetChecksum(0) }), nil, nil, map[string]int{"IpInHdrErrors": 1}},
		{"a header beyond the packet", raw(func(ip wire.IPv4) { ip[0] = 0x4f }), nil, nil, map[string]int{"IpInHdrErrors": 1}},
		{"a length below the header's", raw(func(ip wire.IPv4) { ip.SetTotalLen(19); ip.UpdateChecksum() }), nil, nil, map[string]int{"IpInHdrErrors": 1}},
		{"a length beyond the packet", raw(func(ip wire.IPv4) { ip.SetTotalLen(99); ip.UpdateChecksum() }), nil, nil, map[string]int{"IpExtInTruncatedPkts": 1}},
		{"a bad header checksum", raw(func(ip wire.IPv4) { ip[10]++ }), nil, nil, map[string]int{"IpExtInCsumErrors": 1, "IpInHdrErrors": 1}},
		{"no header at all", ether(ourMAC, hostMAC, wire.EtherTypeIPv4, []byte{0x45, 0}), nil, nil, map[string]int{"IpInHdrErrors": 1}},
		{"padding behind it", append(fromHost(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{}), make([]byte, 20)...), nil,
			[]string{"0.000 to host: 192.168.40.254 > 192.168.40.1 icmp 0/0 8 bytes"}, nil},

		{"no such protocol", fromHost(hostIP, ourIP, 253, []byte("payload."), ipOpts{}), nil,
			[]string{"0.000 to host: 192.168.40.254 > 192.168.40.1 icmp 3/2 about 192.168.40.1 > 192.168.40.254, 28 bytes"}, map[string]int{"IpInUnknownProtos": 1}},
		{"no such port", fromHost(hostIP, ourIP, wire.ProtoUDP, udpTo(hostIP, ourIP, 9), ipOpts{}), nil,
			[]string{"0.000 to host: 192.168.40.254 > 192.168.40.1 icmp 3/3 about 192.168.40.1 > 192.168.40.254, 33 bytes"}, map[string]int{"UdpNoPorts": 1}},
		{"no such port, to all", fromHost(hostIP, broadcastIP, wire.ProtoUDP, udpTo(hostIP, broadcastIP, 9), ipOpts{}), nil, nil, map[string]int{"UdpIgnoredMulti": 1}},
		{"no such port, in a broadcast frame", ether(wire.MACBroadcast, hostMAC, wire.EtherTypeIPv4, ipv4Packet(hostIP, ourIP, wire.ProtoUDP, udpTo(hostIP, ourIP, 9), ipOpts{})),
			nil, nil, map[string]int{"UdpNoPorts": 1}},
		{"a bad UDP checksum", fromHost(hostIP, ourIP, wire.ProtoUDP, udpTo(hostIP, otherIP, 9), ipOpts{}), nil, nil, map[string]int{"UdpInCsumErrors": 1, "UdpInErrors": 1}},
		{"a UDP length beyond the packet", fromHost(hostIP, ourIP, wire.ProtoUDP, udpTo(hostIP, ourIP, 9)[:10], ipOpts{}), nil, nil, map[string]int{"UdpInErrors": 1}},
		{"an error about nothing of ours", fromHost(hostIP, ourIP, wire.ProtoICMP, icmp(wire.ICMPDestUnreach, 1, 0, ipv4Packet(ourIP, hostIP, wire.ProtoTCP, tcpSegment(ourIP, hostIP, 1, 2, 3, 4, wire.ACK, nil), ipOpts{})), ipOpts{}),
			nil, nil, map[string]int{"IcmpInDestUnreachs": 1, "IcmpInErrors": 1}},
		{"an error that quotes too little", fromHost(hostIP, ourIP, wire.ProtoICMP, icmp(wire.ICMPDestUnreach, 1, 0, make([]byte, 7)), ipOpts{}), nil, nil, map[string]int{"IcmpInErrors": 1}},
		{"an error about options beyond it", fromHost(hostIP, ourIP, wire.ProtoICMP, icmp(wire.ICMPDestUnreach, 1, 0, append([]byte{0x4f}, make([]byte, 27)...)), ipOpts{}), nil, nil, map[string]int{"IcmpInErrors": 1}},

		{"SYN to a closed port", fromHost(hostIP, ourIP, wire.ProtoTCP, tcpSegment(hostIP, ourIP, 4000, 81, 1, 0, wire.SYN, nil), ipOpts{}), nil,
			[]string{"0.000 to host: 192.168.40.254 > 192.168.40.1 tcp R., 0 bytes"}, map[string]int{"TcpOutRsts": 1}},
		{"SYN to all", fromHost(hostIP, broadcastIP, wire.ProtoTCP, tcpSegment(hostIP, broadcastIP, 4000, 80, 1, 0, wire.SYN, nil), ipOpts{}), nil, nil, map[string]int{"TcpInSegs": 1, "TcpOutRsts": 0}},
		{"SYN in a broadcast frame", ether(wire.MACBroadcast, hostMAC, wire.EtherTypeIPv4, ipv4Packet(hostIP, ourIP, wire.ProtoTCP, tcpSegment(hostIP, ourIP, 4000, 80, 1, 0, wire.SYN, nil), ipOpts{})),
			nil, nil, map[string]int{"TcpInSegs": 0}},
		{"Christmas tree", fromHost(hostIP, ourIP, wire.ProtoTCP, tcpSegment(hostIP, ourIP, 4000, 80, 1, 0, wire.FIN|wire.PSH|wire.URG, nil), ipOpts{}), nil, nil, nil},
		{"Christmas tree with all candles", fromHost(hostIP, ourIP, wire.ProtoTCP, tcpSegment(hostIP, ourIP, 4000, 80, 1, 0, 0xff, nil), ipOpts{}), nil, nil, nil},
		{"Christmas tree at a closed port", fromHost(hostIP, ourIP, wire.ProtoTCP, tcpSegment(hostIP, ourIP, 4000, 81, 1, 0, wire.FIN|wire.PSH|wire.URG, nil), ipOpts{}), nil,
			[]string{"0.000 to host: 192.168.40.254 > 192.168.40.1 tcp R., 0 bytes"}, nil},
		{"no flags at all", fromHost(hostIP, ourIP, wire.ProtoTCP, tcpSegment(hostIP, ourIP, 4000, 80, 1, 0, 0, nil), ipOpts{}), nil, nil, nil},
		{"a TCP header beyond the packet", fromHost(hostIP, ourIP, wire.ProtoTCP, badTCP(60), ipOpts{}), nil, nil, map[string]int{"TcpInSegs": 1, "TcpOutRsts": 0}},
		{"a TCP header of 16 bytes", fromHost(hostIP, ourIP, wire.ProtoTCP, badTCP(16), ipOpts{}), nil, nil, map[string]int{"TcpInErrs": 1}},

		{"a loose source route", fromHost(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{options: []byte{131, 7, 4, 10, 0, 0, 1, 0}}), nil, nil, map[string]int{"IcmpInMsgs": 0}},
		{"a strict source route", fromHost(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{options: []byte{137, 7, 4, 10, 0, 0, 1, 0}}), nil, nil, map[string]int{"IcmpInMsgs": 0}},
		{"an option past the header", fromHost(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{options: []byte{1, 1, 7, 99}}), nil,
			[]string{"0.000 to host: 192.168.40.254 > 192.168.40.1 icmp 12/0 about 192.168.40.1 > 192.168.40.254, 40 bytes"}, map[string]int{"IpInHdrErrors": 1, "IcmpInMsgs": 0}},
		{"an option of length 1", fromHost(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{options: []byte{7, 1, 0, 0}}), nil,
			[]string{"0.000 to host: 192.168.40.254 > 192.168.40.1 icmp 12/0 about 192.168.40.1 > 192.168.40.254, 40 bytes"}, map[string]int{"IpInHdrErrors": 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLAN(t)
			l.know(hostIP, hostMAC)
			l.listenTCP(80)
			for name, v := range tc.knobs {
				l.set(name, v)
			}
			before := l.Counters()
			drops := l.Watch(100, "kfree_skb", "consume_skb")
			defer drops.Close()
			l.mark()
			l.receive(tc.frame)
			l.sent(tc.want...)
			l.counts(before, tc.counts)
			// Below TCP, which speaks of its segments itself, each packet that the
			// card takes is used, or dropped for a reason.
			f := wire.Ethernet(tc.frame)
			if f.Dst() == otherMAC || len(f) > wire.EthernetLen+wire.IPv4MinLen && wire.IPv4(f.Payload()).Protocol() == wire.ProtoTCP {
				return
			}
			events, _ := drops.Next()
			for _, ev := range events {
				if ev.Name == "kfree_skb" && ev.Reason == "" {
					t.Errorf("it was dropped in %s without a word why", chainString(l.Frames(&ev)[:3]))
				}
			}
			if len(events) == 0 {
				t.Errorf("nothing tells what became of it")
			}
		})
	}
}

// TestIPOptionsAnswered: an answer carries on what a record route and a timestamp
// began.
func TestIPOptionsAnswered(t *testing.T) {
	l := newLAN(t)
	l.know(hostIP, hostMAC)
	for _, tc := range []struct {
		name          string
		options, want []byte
	}{
		{"record route", []byte{7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{7, 11, 12, 192, 168, 40, 254, 192, 168, 40, 254, 0}},
		{"record route, full", []byte{7, 7, 8, 10, 0, 0, 1, 0}, []byte{7, 7, 8, 10, 0, 0, 1, 0}},
		{"no room for a timestamp", []byte{68, 8, 9, 0, 0, 0, 0, 1}, []byte{68, 8, 9, 0x10, 0, 0, 0, 1}},
		{"nothing to do", []byte{1, 1, 1, 0}, nil},
	} {
		l.mark()
		l.receive(fromHost(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{options: tc.options}))
		if len(l.raw) != 1 {
			t.Errorf("%s: %d frames answer, want 1", tc.name, len(l.raw))
			continue
		}
		ip := wire.IPv4(l.raw[0][wire.EthernetLen:])
		if got := ip.Options(); !bytes.Equal(got, tc.want) || !ip.ChecksumOK() {
			t.Errorf("%s: the answer has options %v, want %v", tc.name, got, tc.want)
		}
	}
	l.mark()
	l.receive(fromHost(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{options: []byte{68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}}))
	if len(l.raw) != 1 {
		t.Fatalf("timestamp: %d frames answer, want 1", len(l.raw))
	}
	if o := wire.IPv4(l.raw[0][wire.EthernetLen:]).Options(); len(o) != 12 || o[2] != 13 || !bytes.Equal(o[4:8], o[8:12]) {
		t.Errorf("timestamp: the answer has options %v, want two equal times", o)
	}
}

// TestMulticast: a host receives the groups that it has joined, and no others.
func TestMulticast(t *testing.T) {
	const group = "239.1.2.3"
	l := newLAN(t)
	send := func(dst string) {
		m := addr(dst).As4()
		l.receive(ether(wire.MAC{1, 0, 0x5e, m[1] & 0x7f, m[2], m[3]}, hostMAC, wire.EtherTypeIPv4,
			ipv4Packet(hostIP, dst, wire.ProtoUDP, udp(hostIP, dst, 4000, 5000, []byte("hi")), ipOpts{})))
	}
	heard := l.hear(5000, func(p *Proc, fd int) {
		g, own := addr(group).As4(), addr(ourIP).As4()
		if err := p.Setsockopt(fd, IPPROTO_IP, 35, append(g[:], own[:]...)); err != nil { // IP_ADD_MEMBERSHIP
			t.Errorf("joining %s: %v", group, err)
		}
	})
	send(group)
	send("239.9.9.9")
	if len(*heard) != 1 || (*heard)[0] != "2 from "+hostIP {
		t.Errorf("the group's listener heard %v, want one datagram", *heard)
	}
	l.sent()
}

// TestICMPRateLimit: a host hears of six errors at once and of one a second from
// then on; and all hosts together of 50 at once.
func TestICMPRateLimit(t *testing.T) {
	l := newLAN(t)
	l.know(hostIP, hostMAC)
	l.Advance(2 * time.Second)
	flood := func(n int, src string) {
		for range n {
			l.receive(fromHost(src, ourIP, wire.ProtoUDP, udp(src, ourIP, 4000, 9, nil), ipOpts{}))
		}
	}
	l.mark()
	flood(20, hostIP)
	if len(l.out) != 6 {
		t.Errorf("20 datagrams to a closed port were answered %d times, want 6", len(l.out))
	}
	l.Advance(1100 * time.Millisecond)
	l.mark()
	flood(20, hostIP)
	if len(l.out) != 1 {
		t.Errorf("20 more a second later were answered %d times, want once", len(l.out))
	}
	// Echo replies are not in the mask of limited types.
	l.mark()
	for range 20 {
		l.receive(fromHost(hostIP, ourIP, wire.ProtoICMP, ping(8), ipOpts{}))
	}
	if len(l.out) != 20 {
		t.Errorf("20 pings were answered %d times", len(l.out))
	}
	l.Advance(2 * time.Second)
	l.mark()
	for i := range 100 {
		src := fmt.Sprintf("192.168.40.%d", 10+i)
		l.know(src, hostMAC)
		flood(1, src)
	}
	if len(l.out) != 50 {
		t.Errorf("100 hosts' datagrams were answered %d times, want 50", len(l.out))
	}
}
