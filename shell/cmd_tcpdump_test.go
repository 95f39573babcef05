package shell

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"menuos/stack/wire"
)

// testFrame makes an Ethernet frame with an IPv4 packet from 10.0.0.1 to 10.0.0.2.
func testFrame(proto byte, sport, dport uint16, flags byte, frag uint16, options int) []byte {
	b := make([]byte, 14+20+options+20+10)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0})
	ip := wire.IPv4(b[14:])
	ip.SetVersionIHL(20 + options)
	ip.SetTotalLen(uint16(len(ip)))
	ip.SetTTL(64)
	ip.SetProtocol(proto)
	b[14+6], b[14+7] = byte(frag>>8), byte(frag)
	ip.SetSrc(wire.AddrFrom4([4]byte{10, 0, 0, 1}))
	ip.SetDst(wire.AddrFrom4([4]byte{10, 0, 0, 2}))
	ip.UpdateChecksum()
	t := ip[20+options:]
	t[0], t[1], t[2], t[3] = byte(sport>>8), byte(sport), byte(dport>>8), byte(dport)
	t[12], t[13] = 0x50, flags
	return b
}

func testARP() []byte {
	b, _ := hex.DecodeString("ffffffffffff" + "020000000001" + "0806" + "0001080006040001" + "020000000001" + "0a000001" + "000000000000" + "0a000002")
	return b
}

// TestTcpdumpFilter compares what expressions accept with what libpcap's would.
func TestTcpdumpFilter(t *testing.T) {
	frames := []struct {
		name string
		b    []byte
	}{
		{"syn", testFrame(6, 1000, 5001, 2, 0, 0)}, {"ack", testFrame(6, 5001, 1000, 16, 0, 0)}, {"udp", testFrame(17, 1000, 53, 0, 0, 0)},
		{"icmp", testFrame(1, 0x0800, 0, 0, 0, 0)}, {"arp", testARP()}, {"frag", testFrame(6, 1000, 5001, 2, 100, 0)},
		{"opt", testFrame(6, 1000, 5001, 2, 0, 8)},
	}
	for expr, want := range map[string]string{
		"":                                     "syn ack udp icmp arp frag opt",
		"tcp":                                  "syn ack frag opt",
		"ip":                                   "syn ack udp icmp frag opt",
		"arp":                                  "arp",
		"icmp or arp":                          "icmp arp",
		"not tcp":                              "udp icmp arp",
		"! ( tcp || udp )":                     "icmp arp",
		"port 5001":                            "syn ack opt",
		"tcp port 5001":                        "syn ack opt",
		"tcp src port 5001":                    "ack",
		"dst port 5001":                        "syn opt",
		"udp port domain":                      "udp",
		"port 53 or 5001":                      "syn ack udp opt",
		"tcp and not port 5001":                "frag",
		"portrange 5000-5002":                  "syn ack opt",
		"host 10.0.0.1":                        "syn ack udp icmp arp frag opt",
		"ip host 10.0.0.1":                     "syn ack udp icmp frag opt",
		"arp host 10.0.0.2":                    "arp",
		"src 10.0.0.2":                         "",
		"src host 10.0.0.1 and icmp":           "icmp",
		"src and dst host 10.0.0.1":            "",
		"src or dst host 10.0.0.2 and udp":     "udp",
		"10.0.0.2 and udp":                     "udp",
		"net 10.0.0.0/8":                       "syn ack udp icmp arp frag opt",
		"net 10":                               "syn ack udp icmp arp frag opt",
		"dst net 192.168.0.0/16":               "",
		"net 10.0.0.0 mask 255.0.0.0":          "syn ack udp icmp arp frag opt",
		"tcp[tcpflags] & tcp-syn != 0":         "syn opt",
		"tcp[tcpflags] & (tcp-syn|tcp-ack)!=0": "syn ack opt",
		"tcp[tcpflags] == tcp-ack":             "ack",
		"tcp[13]=2":                            "syn opt",
		"not tcp[13]=2":                        "ack udp icmp arp frag",
		"icmp[icmptype] = icmp-echo":           "icmp",
		"ip[9] == 17":                          "udp",
		"ip[0] & 0xf > 5":                      "opt",
		"ip[6:2] & 0x1fff != 0":                "frag",
		"tcp[2:2] = 5001 and ip[8] = 64":       "syn opt",
		"((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0": "syn ack opt",
		"not ip[200] = 0":              "arp",
		"len > 64":                     "opt",
		"less 42":                      "arp",
		"greater 72":                   "opt",
		"ip proto 6":                   "syn ack frag opt",
		"ip proto \\udp":               "udp",
		"ether proto 0x806":            "arp",
		"ether host 02:00:00:00:00:01": "syn ack udp icmp arp frag opt",
		"ether dst 02:00:00:00:00:02":  "syn ack udp icmp frag opt",
		"broadcast":                    "arp",
		"ip multicast":                 "",
		"arp or tcp and port 5001":     "syn ack opt", // and, or: from left to right
		"tcp port 1000 and (dst port 5001 or src port 5001)": "syn ack opt",
	} {
		pred, err := compileFilter(expr)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		var got []string
		for _, f := range frames {
			v := viewFrame(linkEthernet, f.b, len(f.b))
			if pred(&v) {
				got = append(got, f.name)
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%q accepts %q, want %q", expr, g, want)
		}
	}
}

func TestTcpdumpFilterErrors(t *testing.T) {
	for expr, want := range map[string]string{
		"bogus": "syntax error", "port": "syntax error", "tcp and": "it ends too early", "( tcp": "it ends too early", "tcp )": "syntax error",
		"port 99999": "illegal port", "host 1.2.3": "unknown host", "net 10.0.0.1/8": "non-network bits", "tcp host 10.0.0.1": "'tcp' modifier",
		"icmp port 7": "illegal qualifier", "tcp[0:3] = 1": "data size must be 1, 2, or 4", "ip proto foo": "unknown name", "ether host foo": "unknown ether host",
		"net 10.0.0.0/33": "mask length", "ip[": "unknown name", "less": "unknown name", "foo[0] = 1": "unknown protocol",
	} {
		if _, err := compileFilter(expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", expr, err, want)
		}
	}
}

func FuzzTcpdumpFilter(f *testing.F) {
	for _, s := range []string{"tcp port 5001", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "not (net 10/8 or ether host 02:00:00:00:00:01)", "ip[2:2]-4/0>len"} {
		f.Add(s, testFrame(6, 1, 2, 2, 0, 0))
	}
	f.Fuzz(func(t *testing.T, expr string, frame []byte) {
		pred, err := compileFilter(expr)
		if err != nil {
			return
		}
		for _, kind := range []linkKind{linkEthernet, linkRaw, linkCooked} {
			v := viewFrame(kind, frame, len(frame))
			pred(&v)
		}
	})
}

// FuzzTcpdumpPrint: no frame makes the printer panic.
func FuzzTcpdumpPrint(f *testing.F) {
	for _, b := range [][]byte{testARP(), testFrame(6, 1, 2, 2, 0, 8), testFrame(17, 53, 53, 0, 0, 0), testFrame(17, 68, 67, 0, 0, 0), testFrame(1, 0x0301, 0, 0, 0, 0), testFrame(2, 0x1600, 0, 0, 0, 0)} {
		f.Add(b, 0)
		f.Add(b, 60)
	}
	f.Fuzz(func(t *testing.T, frame []byte, more int) {
		for _, kind := range []linkKind{linkEthernet, linkRaw, linkCooked} {
			p := packetPrinter{verbose: 2, link: more%2 == 0, hexASCII: 1}
			if line := p.line(epoch, kind, frame, len(frame)+max(more, 0)%100); !strings.HasSuffix(line, "\n") {
				t.Errorf("no end of the line: %q", line)
			}
		}
	})
}

// printed is how a frame is printed.
func printed(p packetPrinter, frame []byte) string {
	p.times = 1
	return p.line(epoch, linkEthernet, frame, len(frame))
}

func TestTcpdumpLines(t *testing.T) {
	reply := slices.Clone(testARP())
	reply[14+7] = 2
	unreach := append(testFrame(1, 0x0303, 0, 0, 0, 0)[:34], make([]byte, 8+28)...)
	unreach[34], unreach[35] = 3, 3
	copy(unreach[42:], testFrame(17, 1000, 53, 0, 0, 0)[14:42])
	ip := wire.IPv4(unreach[14:])
	ip.SetTotalLen(uint16(len(ip)))
	ip.UpdateChecksum()
	udp := testFrame(17, 1000, 2000, 0, 0, 0)
	udp[14+20+5] = 30
	for _, c := range []struct {
		what  string
		p     packetPrinter
		frame []byte
		want  string
	}{
		{"who-has", packetPrinter{}, testARP(), "ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28\n"},
		{"is-at", packetPrinter{}, reply, "ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01, length 28\n"},
		{"-e", packetPrinter{link: true}, testARP(), "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 42: Request who-has 10.0.0.2 tell 10.0.0.1, length 28\n"},
		{"TCP", packetPrinter{}, testFrame(6, 1000, 5001, 2, 0, 0), "IP 10.0.0.1.1000 > 10.0.0.2.5001: Flags [S], seq 0:10, win 0, length 10\n"},
		{"TCP without flags", packetPrinter{}, testFrame(6, 1000, 5001, 0, 0, 0), "IP 10.0.0.1.1000 > 10.0.0.2.5001: Flags [none], seq 0:10, win 0, length 10\n"},
		{"-q", packetPrinter{quiet: true}, testFrame(6, 1000, 5001, 2, 0, 0), "IP 10.0.0.1.1000 > 10.0.0.2.5001: tcp 10\n"},
		{"UDP", packetPrinter{}, udp, "IP 10.0.0.1.1000 > 10.0.0.2.2000: UDP, length 22\n"},
		{"fragment", packetPrinter{}, testFrame(6, 1000, 5001, 2, 100, 0), "IP 10.0.0.1 > 10.0.0.2: ip-proto-6\n"},
		{"port unreachable", packetPrinter{}, unreach, "IP 10.0.0.1 > 10.0.0.2: ICMP 10.0.0.2 udp port 53 unreachable, length 36\n"},
		{"other protocol", packetPrinter{}, testFrame(99, 0, 0, 0, 0, 0), "IP 10.0.0.1 > 10.0.0.2:  ip-proto-99 30\n"},
	} {
		if got := printed(c.p, c.frame); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.what, got, c.want)
		}
	}
}

// TestTcpdumpLab captures the laboratory's connection, prints it, writes it and
// reads it again.
func TestTcpdumpLab(t *testing.T) {
	s, out := open(t, Config{})
	got := run(t, s, out, "replyhi", "tcpdump -i lo -c 6 port 5001 &", "hello", "wait")
	for _, want := range []string{
		"tcpdump: verbose output suppressed, use -v or -vv for full protocol decode\nlistening on lo, link-type EN10MB (Ethernet), capture size 262144 bytes\n",
		"127.0.0.1.5001: Flags [S], seq ", "win 65495, options [mss 65495,sackOK,TS val ", " ecr 0,nop,wscale 6], length 0\n",
		"12:00:01.000000 IP 127.0.0.1.5001 > 127.0.0.1.60934: Flags [S.], seq ",
		"IP 127.0.0.1.60934 > 127.0.0.1.5001: Flags [.], ack 1, win 1024, options [nop,nop,TS val ",
		"IP 127.0.0.1.60934 > 127.0.0.1.5001: Flags [P.], seq 1:6, ack 1, win 1024",
		"6 packets captured\n", " packets dropped by kernel\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	live := run(t, s, out, "tcpdump -i lo -S -t tcp > live &", "tcpdump -i lo -w f.pcap tcp &", "hello", "kill %2 %3", "cat live")
	again := run(t, s, out, "tcpdump -r f.pcap -S -t")
	lines := func(s string) (out []string) {
		for l := range strings.Lines(s) {
			if strings.HasPrefix(l, "IP ") {
				out = append(out, l)
			}
		}
		return out
	}
	if a, b := lines(live), lines(again); len(a) != 10 || !slices.Equal(a, b) {
		t.Errorf("live:\n%s\nread again:\n%s", live, again)
	}
	if got := run(t, s, out, "tcpdump -r f.pcap -t 'tcp[tcpflags] & tcp-syn != 0'"); len(lines(got)) != 2 {
		t.Errorf("two SYNs of the file: %s", got)
	}
}

func TestTcpdumpVerbose(t *testing.T) {
	s, out := open(t, Config{})
	got := run(t, s, out, "tcpdump -i any -e -v icmp &", "ping -c 1 127.0.0.1", "kill %1", "tcpdump -i lo -X -t -c 1 &", "ping -c 1 -s 4 127.0.0.1", "ethtool -K lo tx off",
		"tcpdump -i lo -c 1 -v -t &", "hello")
	for _, want := range []string{
		"listening on any, link-type LINUX_SLL (Linux cooked)",
		" In 00:00:00:00:00:00 ethertype IPv4 (0x0800), length 100: (tos 0x0, ttl 64, id ", "proto ICMP (1), length 84)\n    127.0.0.1 > 127.0.0.1: ICMP echo request, id ", ", seq 1, length 64\n",
		"\t0x0000:  4500 0020 ", "  E...", "\n\t0x0010:  7f00 0001 0800 ",
		"ICMP echo request, id ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestTcpdumpErrors(t *testing.T) {
	s, out := open(t, Config{})
	for line, want := range map[string]string{
		"tcpdump -i eth7":          "tcpdump: eth7: No such device exists\n",
		"tcpdump -i lo foo bar":    "tcpdump: syntax error in filter expression at \"foo bar\"\n",
		"tcpdump -r nothing":       "nothing: No such file or directory\n",
		"tcpdump -Q up":            "unknown capture direction `up'",
		"echo x > f; tcpdump -r f": "f: unknown file format\n",
		"tcpdump -D":               "1.lo\n2.eth0\n3.any\n",
	} {
		if got := run(t, s, out, line); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// TestProgramWritesFile: what a program prints into a file is there, with the
// time at which it was written.
func TestProgramWritesFile(t *testing.T) {
	s, out := open(t, Config{})
	got := run(t, s, out, "replyhi", "sleep 90", "hello > f", "sleep 300", "cat f")
	if !strings.Contains(got, `recv "hi" from 127.0.0.1:5001`) {
		t.Errorf("the file has %q", got)
	}
	info, err := s.fs.stat("f")
	if want := epoch.Add(91 * time.Second); err != nil || !info.ModTime().Equal(want) {
		t.Errorf("written at %v (%v), want %v", info.ModTime(), err, want)
	}
}
