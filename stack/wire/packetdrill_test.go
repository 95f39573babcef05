package wire

import (
	"encoding/hex"
	"errors"
	"testing"
)

var (
	synOptions = []byte{2, 4, 0xff, 0xd7, 4, 2, 8, 10, 0, 0, 0, 100, 0, 0, 0, 0, 1, 3, 3, 6}
	timestamps = []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}
)

// tcpPacket builds a whole packet; options must be padded to 4 bytes.
func tcpPacket(src, dst Addr, sport, dport uint16, seq, ack uint32, f TCPFlags, win uint16, opts []byte, payload string) []byte {
	b := make([]byte, IPv4MinLen+TCPMinLen+len(opts)+len(payload))
	th := TCP(writeIPv4(b, ProtoTCP, src, dst).Payload())
	th.SetSrcPort(sport)
	th.SetDstPort(dport)
	th.SetSeq(seq)
	th.SetAck(ack)
	th.SetDataOffFlags(TCPMinLen+len(opts), f)
	th.SetWindow(win)
	copy(th.Options(), opts)
	copy(th.Payload(), payload)
	th.UpdateChecksum(src, dst)
	return b
}

// packet builds a whole packet of any protocol from the bytes after the IPv4 header.
func packet(proto uint8, payload ...byte) []byte {
	b := make([]byte, IPv4MinLen+len(payload))
	copy(b[IPv4MinLen:], payload)
	writeIPv4(b, proto, 0x0a000001, 0x0a000002)
	return b
}

// seg is a segment of the one flow of these tests, from its first side.
func seg(seq, ack uint32, f TCPFlags, win uint16, opts []byte, payload string) []byte {
	return tcpPacket(AddrLoopback, AddrLoopback, 43116, 5001, seq, ack, f, win, opts, payload)
}

func fragment(b []byte, flags uint16, off int) []byte {
	IPv4(b).SetFrag(flags, off)
	return b
}

func TestPacketdrill(t *testing.T) {
	urgent := seg(1, 1, URG|ACK, 257, nil, "x")
	TCP(IPv4(urgent).Payload()).SetUrgent(100)
	tests := []struct {
		b    []byte
		want string
	}{
		{seg(0, 0, SYN, 65495, synOptions, ""), "S 0:0(0) win 65495 <mss 65495,sackOK,TS val 100 ecr 0,nop,wscale 6>"},
		{seg(0, 1, SYN|ACK, 65483, nil, ""), "S. 0:0(0) ack 1 win 65483"},
		{seg(1, 1, ACK, 1024, nil, ""), ". 1:1(0) ack 1 win 1024"},
		{seg(1, 1, PSH|ACK, 1024, timestamps, "hello"), "P. 1:6(5) ack 1 win 1024 <nop,nop,TS val 1 ecr 2>"},
		{seg(6, 1, FIN|ACK, 1024, nil, ""), "F. 6:6(0) ack 1 win 1024"},
		{seg(6, 1, FIN|PSH|ACK, 1024, nil, "ab"), "FP. 6:8(2) ack 1 win 1024"},
		{seg(1, 0, RST, 0, nil, ""), "R 1:1(0) win 0"},
		{seg(0, 1, RST|ACK, 0, nil, ""), "R. 0:0(0) ack 1 win 0"},
		{seg(0, 0, SYN|ECE|CWR, 1, nil, ""), "SEW 0:0(0) win 1"},
		{seg(0, 1, SYN|ECE|ACK, 1, nil, ""), "SE. 0:0(0) ack 1 win 1"},
		{seg(0, 1, 0xff, 1, nil, ""), "FSRPUEW. 0:0(0) ack 1 win 1 urg 0"},
		{seg(0, 1, 0, 1, nil, ""), "- 0:0(0) win 1"},
		{urgent, "U. 1:2(1) ack 1 win 257 urg 100"},
		{seg(0xffffffff, 0, ACK, 1, nil, "abc"), ". 4294967295:2(3) ack 0 win 1"},

		{packet(ProtoUDP, 0, 7, 0, 9, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o'), "udp (5)"},
		{packet(ProtoUDP, 0, 7, 0, 9, 0, 8, 0, 0), "udp (0)"},
		{packet(ProtoUDP, 0, 7, 0, 9, 0, 99, 0, 0), "[udp: length beyond the data]"},
		{fragment(packet(ProtoUDP, 0, 7, 0, 9, 0, 99, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8), IPv4MF, 0), "udp (8) (frag 4660:16@0+)"},
		{fragment(packet(ProtoUDP, 1, 2, 3), 0, 1480), "ip-proto-17 (3) (frag 4660:3@1480)"},

		{packet(ProtoICMP, 8, 0, 0, 0, 0, 1, 0, 1), "icmp echo_request id 1 seq 1"},
		{packet(ProtoICMP, 0, 0, 0, 0, 0, 9, 1, 0), "icmp echo_reply id 9 seq 256"},
		{packet(ProtoICMP, 3, 0, 0, 0, 0, 0, 0, 0), "icmp unreachable net_unreachable"},
		{packet(ProtoICMP, 3, 3, 0, 0, 0, 0, 0, 0), "icmp unreachable port_unreachable"},
		{packet(ProtoICMP, 3, 4, 0, 0, 0, 0, 5, 120), "icmp unreachable frag_needed mtu 1400"},
		{packet(ProtoICMP, 3, 99, 0, 0, 0, 0, 0, 0), "icmp unreachable code_99"},
		{packet(ProtoICMP, 11, 0, 0, 0, 0, 0, 0, 0), "icmp time_exceeded"},
		{packet(ProtoICMP, 11, 1, 0, 0, 0, 0, 0, 0), "icmp time_exceeded code_1"},
		{packet(ProtoICMP, 5, 1, 0, 0, 10, 0, 0, 1), "icmp redirect code_1"},
		{packet(ProtoICMP, 1, 0, 0, 0, 0, 0, 0, 0), "icmp type_1"},
		{packet(ProtoICMP, 200, 7, 0, 0, 0, 0, 0, 0), "icmp type_200 code_7"},
		{packet(ProtoICMP, 8, 0), "[icmp: shorter than its header]"},

		{packet(89, 1, 2, 3, 4), "ip-proto-89 (4)"},
		{packet(ProtoTCP, 1, 2, 3), "[tcp: shorter than its header]"},
		{packet(ProtoTCP, make([]byte, 20)...), "[tcp: bad header length]"},
		{nil, "[ip: shorter than its header]"},
		{make([]byte, 20), "[ip: not IP version 4]"},
	}
	for _, tt := range tests {
		if got := Packetdrill(tt.b, nil); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestPacketdrillOptions(t *testing.T) {
	tests := []struct{ opts, want string }{
		{"01010101", "nop,nop,nop,nop"},
		{"01000000", "nop,eol"},
		{"0101050a0000000100000005", "nop,nop,sack 1:5"},
		{"0101051200000001000000050000000900000010", "nop,nop,sack 1:5 9:16"},
		{"2202", "FO"},
		{"220aaabbccdd00112233", "FO aabbccdd00112233"},
		{"fe04f989", "FOEXP"},
		{"fe06f989aabb", "FOEXP aabb"},
		{"fe04abcd", "unknown-254 0xabcd"},
		{"1312000102030405060708090a0b0c0d0e0f", "md5 000102030405060708090a0b0c0d0e0f"},
		{"0203ff01", "unknown-2 0xff,nop"},
		{"0302", "unknown-3"},
		{"0502", "unknown-5"},
		{"01020500", "nop,[kind 2: option beyond the header]"},
		{"0100", "nop,eol"},
		{"08", "[kind 8: option beyond the header]"},
		{"0800", "[kind 8: option length below 2]"},
		{"0801", "[kind 8: option length below 2]"},
	}
	for _, tt := range tests {
		opts, err := hex.DecodeString(tt.opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendOptions(nil, opts, 0)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.opts, got, tt.want)
		}
	}
}

func TestNextOption(t *testing.T) {
	kind, data, rest, err := NextOption(synOptions)
	if kind != OptMSS || len(data) != 2 || len(rest) != 16 || err != nil {
		t.Errorf("first: %d %x %x %v", kind, data, rest, err)
	}
	for _, tt := range []struct {
		opts []byte
		want error
	}{{nil, nil}, {[]byte{0, 9}, nil}, {[]byte{2}, ErrOptionTruncated}, {[]byte{2, 4, 0}, ErrOptionTruncated}, {[]byte{2, 0}, ErrOptionLen}, {[]byte{2, 1}, ErrOptionLen}} {
		_, data, rest, err := NextOption(tt.opts)
		if !errors.Is(err, tt.want) || data != nil || rest != nil {
			t.Errorf("%x: %x %x %v, want %v and the end", tt.opts, data, rest, err, tt.want)
		}
	}
}

// A connection as it is seen on the wire, numbers of both directions relative.
func TestSeqBase(t *testing.T) {
	const iss, irs = 0xfffffffe, 1000000
	rel := &SeqBase{Src: AddrLoopback, SrcPort: 43116, SrcISN: iss, Dst: AddrLoopback, DstPort: 5001, DstISN: irs}
	back := func(seq, ack uint32, f TCPFlags, opts []byte) []byte {
		return tcpPacket(AddrLoopback, AddrLoopback, 5001, 43116, seq, ack, f, 1024, opts, "")
	}
	start := uint32(iss) // the edges of the SACK block lie behind the wrap
	edges := []byte{1, 1, 5, 10, 0, 0, 0, byte(start + 11), 0, 0, 0, byte(start + 21)}
	tests := []struct {
		b    []byte
		want string
	}{
		{seg(iss, 0, SYN, 1024, nil, ""), "127.0.0.1.43116 > 127.0.0.1.5001: S 0:0(0) win 1024"},
		{back(irs, start+1, SYN|ACK, nil), "127.0.0.1.5001 > 127.0.0.1.43116: S. 0:0(0) ack 1 win 1024"},
		{seg(start+1, irs+1, ACK, 1024, nil, ""), "127.0.0.1.43116 > 127.0.0.1.5001: . 1:1(0) ack 1 win 1024"},
		{seg(start+1, irs+1, PSH|ACK, 1024, nil, "hello"), "127.0.0.1.43116 > 127.0.0.1.5001: P. 1:6(5) ack 1 win 1024"},
		{back(irs+1, start+1, ACK, edges), "127.0.0.1.5001 > 127.0.0.1.43116: . 1:1(0) ack 1 win 1024 <nop,nop,sack 11:21>"},
		{
			tcpPacket(AddrLoopback, AddrLoopback, 43117, 5001, 5, 6, ACK, 1, nil, ""),
			"127.0.0.1.43117 > 127.0.0.1.5001: . 5:5(0) ack 6 win 1",
		},
		{packet(ProtoICMP, 8, 0, 0, 0, 0, 1, 0, 1), "10.0.0.1 > 10.0.0.2: icmp echo_request id 1 seq 1"},
		{packet(ProtoUDP, 0, 7, 0, 9, 0, 8, 0, 0), "10.0.0.1.7 > 10.0.0.2.9: udp (0)"},
		{fragment(packet(ProtoUDP, 0, 7, 0, 9), 0, 8), "10.0.0.1 > 10.0.0.2: ip-proto-17 (4) (frag 4660:4@8)"},
		{packet(ProtoTCP, 0, 7), "10.0.0.1 > 10.0.0.2: [tcp: shorter than its header]"},
		{[]byte{0x45}, "[ip: shorter than its header]"},
	}
	for _, tt := range tests {
		if got := Summary(tt.b, rel); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}
