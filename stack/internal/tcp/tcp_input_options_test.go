package tcp

import (
	"encoding/binary"
	"slices"
	"testing"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

// optionsNet is a machine with nothing but the sysctls that options depend on.
func optionsNet() *Net {
	n := new(Net)
	n.Sysctl.TcpWindowScaling = true
	n.Sysctl.TcpTimestamps = 1
	n.Sysctl.TcpSack = true
	n.Sysctl.TcpDsack = true
	return n
}

// headerWith makes a packet that is a TCP header with the given option bytes,
// padded with zeros, and nothing behind it.
func headerWith(flags wire.TCPFlags, opts []byte) *core.SkBuff {
	hdr := (wire.TCPMinLen + len(opts) + 3) &^ 3
	skb := &core.SkBuff{Head: &core.DataBuf{B: make([]byte, hdr)}, Tail: hdr, Len: hdr}
	copy(skb.Head.B[wire.TCPMinLen:], opts)
	skb.Tcp().SetDataOffFlags(hdr, flags)
	return skb
}

func TestTcpParseOptions(t *testing.T) {
	tstamp := []byte{wire.OptTimestamp, 10, 0, 0, 1, 2, 0, 0, 3, 4}
	withTstamp := func(o TcpOptionsReceived) TcpOptionsReceived {
		o.SawTstamp, o.RcvTsval, o.RcvTsecr = true, 0x102, 0x304
		return o
	}
	tests := []struct {
		name   string
		flags  wire.TCPFlags
		opts   []byte
		estab  bool
		before TcpOptionsReceived
		want   TcpOptionsReceived
	}{
		{name: "none", flags: wire.SYN},
		{name: "mss", flags: wire.SYN, opts: []byte{2, 4, 5, 180}, want: TcpOptionsReceived{MssClamp: 1460}},
		{name: "mss zero", flags: wire.SYN, opts: []byte{2, 4, 0, 0}},
		{name: "mss clamped by the user", flags: wire.SYN, opts: []byte{2, 4, 5, 180},
			before: TcpOptionsReceived{UserMss: 600}, want: TcpOptionsReceived{UserMss: 600, MssClamp: 600}},
		{name: "mss without syn", flags: wire.ACK, opts: []byte{2, 4, 5, 180}},
		{name: "mss established", flags: wire.SYN, opts: []byte{2, 4, 5, 180}, estab: true},
		{name: "mss wrong length", flags: wire.SYN, opts: []byte{2, 3, 5, 1}},
		{name: "window scale", flags: wire.SYN, opts: []byte{1, 3, 3, 7}, want: TcpOptionsReceived{WscaleOk: true, SndWscale: 7}},
		{name: "window scale too large", flags: wire.SYN, opts: []byte{1, 3, 3, 15}, want: TcpOptionsReceived{WscaleOk: true, SndWscale: 14}},
		{name: "timestamp in a syn", flags: wire.SYN, opts: tstamp, want: withTstamp(TcpOptionsReceived{})},
		{name: "timestamp agreed on", flags: wire.ACK, opts: tstamp, estab: true,
			before: TcpOptionsReceived{TstampOk: true}, want: withTstamp(TcpOptionsReceived{TstampOk: true})},
		{name: "timestamp not agreed on", flags: wire.ACK, opts: tstamp, estab: true},
		{name: "old timestamp is forgotten", flags: wire.ACK, estab: true, before: TcpOptionsReceived{SawTstamp: true}},
		{name: "sack permitted", flags: wire.SYN, opts: []byte{4, 2},
			before: TcpOptionsReceived{NumSacks: 2, Dsack: true}, want: TcpOptionsReceived{SackOk: tcpSackSeen}},
		{name: "end of list", flags: wire.SYN, opts: []byte{1, 0, 2, 4, 5, 180}},
		{name: "unknown option", flags: wire.SYN, opts: []byte{99, 4, 1, 1, 2, 4, 5, 180}, want: TcpOptionsReceived{MssClamp: 1460}},
		{name: "length 0", flags: wire.SYN, opts: []byte{99, 0, 2, 4, 5, 180}},
		{name: "length 1", flags: wire.SYN, opts: []byte{99, 1, 2, 4, 5, 180}},
		{name: "cut short", flags: wire.SYN, opts: []byte{1, 1, 1, 2}},
		{name: "longer than the header", flags: wire.SYN, opts: []byte{1, 1, 2, 4}},
		{name: "as linux sends it", flags: wire.SYN, opts: append(append([]byte{2, 4, 0xff, 0xd7, 4, 2}, tstamp...), 1, 3, 3, 7),
			want: withTstamp(TcpOptionsReceived{MssClamp: 65495, SackOk: tcpSackSeen, WscaleOk: true, SndWscale: 7})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, got := optionsNet(), tt.before
			n.tcpParseOptions(headerWith(tt.flags, tt.opts), &got, tt.estab)
			if got != tt.want {
				t.Errorf("options % x:\n got %+v\nwant %+v", tt.opts, got, tt.want)
			}
		})
	}
}

func TestTcpParseOptionsFindsSackBlocks(t *testing.T) {
	n := optionsNet()
	for _, tt := range []struct {
		size int
		ok   bool
	}{{10, true}, {18, true}, {34, true}, {2, false}, {9, false}, {12, false}} {
		opts := make([]byte, 2+tt.size)
		opts[0], opts[1], opts[2], opts[3] = wire.OptNOP, wire.OptNOP, wire.OptSACK, byte(tt.size)
		for _, agreed := range []uint8{0, tcpSackSeen} {
			skb := headerWith(wire.ACK, opts)
			n.tcpParseOptions(skb, &TcpOptionsReceived{SackOk: agreed}, true)
			want := uint8(0)
			if tt.ok && agreed != 0 {
				want = wire.TCPMinLen + 2
			}
			if skb.Cb.Sacked != want {
				t.Errorf("SACK option of %d bytes, agreed %d: found at %d, want %d", tt.size, agreed, skb.Cb.Sacked, want)
			}
		}
	}
}

func TestTcpParseOptionsSwitchedOff(t *testing.T) {
	opts := []byte{2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7}
	var n Net
	var got TcpOptionsReceived
	n.tcpParseOptions(headerWith(wire.SYN, opts), &got, false)
	if want := (TcpOptionsReceived{MssClamp: 1460}); got != want {
		t.Errorf("with every sysctl off: got %+v, want %+v", got, want)
	}
}

// The header of the fuzzed packet ends where its buffer ends, so that a read
// past it panics.
func FuzzTcpParseOptions(f *testing.F) {
	f.Add([]byte{2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7}, uint8(wire.SYN), false)
	f.Add([]byte{1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9}, uint8(wire.ACK), true)
	f.Add([]byte{34, 2, 254, 4, 0xf9, 0x89, 1}, uint8(wire.SYN), false)
	f.Add([]byte{8}, uint8(wire.SYN), false)
	f.Fuzz(func(t *testing.T, opts []byte, flags uint8, estab bool) {
		opts = opts[:min(len(opts), tcpMaxOptionSpace)]
		n := optionsNet()
		skb := headerWith(wire.TCPFlags(flags), opts)
		wireBytes := slices.Clone(skb.Head.B)
		before := TcpOptionsReceived{TstampOk: true, SackOk: tcpSackSeen, MssClamp: 536}
		got := before
		n.tcpParseOptions(skb, &got, estab)

		if !slices.Equal(wireBytes, skb.Head.B) {
			t.Fatal("parsing changed the packet")
		}
		if got.SndWscale > tcpMaxWscale {
			t.Fatalf("window scale %d", got.SndWscale)
		}
		if at := int(skb.Cb.Sacked); at != 0 {
			if th := skb.Tcp(); at+int(th[at+1]) > th.DataOff() || (th[at+1]-wire.OptLenSACKBase)%wire.OptLenSACKPerBlock != 0 {
				t.Fatalf("SACK option at %d does not fit into % x", at, wireBytes)
			}
		}
		if (estab || wire.TCPFlags(flags)&wire.SYN == 0) && (got.MssClamp != before.MssClamp || got.WscaleOk) {
			t.Fatalf("options of a SYN taken from a segment that is none: %+v", got)
		}
		if got.SawTstamp {
			// The option stands in the bytes as it was read.
			want := binary.BigEndian.AppendUint32([]byte{wire.OptTimestamp, wire.OptLenTimestamp}, got.RcvTsval)
			want = binary.BigEndian.AppendUint32(want, got.RcvTsecr)
			found := false
			for i := range len(wireBytes) - len(want) + 1 {
				found = found || slices.Equal(wireBytes[i:i+len(want)], want)
			}
			if !found {
				t.Fatalf("timestamp %d, %d is not in % x", got.RcvTsval, got.RcvTsecr, wireBytes)
			}
		}
	})
}

func TestTcpFastParseOptions(t *testing.T) {
	aligned := []byte{1, 1, 8, 10, 0, 0, 0, 100, 0, 0, 0, 50}
	n := optionsNet()
	for _, tt := range []struct {
		name      string
		opts      []byte
		tstampOk  bool
		any, seen bool
		tsecr     uint32
	}{
		{"nothing", nil, true, false, false, 0},
		{"aligned", aligned, true, true, true, 43},
		{"not echoed yet", []byte{1, 1, 8, 10, 0, 0, 0, 100, 0, 0, 0, 0}, true, true, true, 0},
		{"not agreed on", aligned, false, true, false, 0},
		{"another layout", []byte{8, 10, 0, 0, 0, 100, 0, 0, 0, 50, 1, 1}, true, true, true, 43},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tp := new(TcpSock)
			tp.Tsoffset = 7
			tp.RxOpt.TstampOk = tt.tstampOk
			tp.RxOpt.SawTstamp = true
			skb := headerWith(wire.ACK, tt.opts)
			any := n.tcpFastParseOptions(skb, skb.Tcp(), tp)
			if any != tt.any || tp.RxOpt.SawTstamp != tt.seen || tp.RxOpt.RcvTsecr != tt.tsecr {
				t.Errorf("got %v, seen %v, tsecr %d; want %v, %v, %d", any, tp.RxOpt.SawTstamp, tp.RxOpt.RcvTsecr, tt.any, tt.seen, tt.tsecr)
			}
		})
	}
}
