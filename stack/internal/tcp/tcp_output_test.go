package tcp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// outputNet is a machine with nothing but the sysctls that output reads.
func outputNet() *Net {
	n := new(Net)
	n.Kernel.Init(kernel.Config{})
	n.Sysctl.TcpTimestamps = 1
	n.Sysctl.TcpWindowScaling = true
	n.Sysctl.TcpSack = true
	n.Sysctl.TcpRmem = [3]int{4096, 131072, 3 << 20}
	n.Sysctl.RmemMax = 212992
	n.Sysctl.TcpMinTsoSegs = 2
	n.Sysctl.TcpBaseMss = 1024
	n.Sysctl.TcpRetries1 = 3
	n.Sysctl.TcpRetries2 = 15
	return n
}

// outputSock is a TCP socket with an address family of IPv4's header length.
func outputSock() (*core.Sock, *TcpSock) {
	tp := new(TcpSock)
	tp.IcskAfOps = &AfOps{NetHeaderLen: 20}
	tp.IcskCaOps = &CongestionOps{}
	tp.TcpHeaderLen = 32
	return &tp.Sock, tp
}

func TestTcpOptions(t *testing.T) {
	const ms = uint64(time.Millisecond)
	tests := []struct {
		name string
		opts func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int
		want string // hex, a word a group
	}{
		{"SYN of the recorded machine", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			tp.Advmss, tp.RxOpt.RcvWscale, tp.Tsoffset = 65495, 6, 0x100
			return n.tcpSynOptions(sk, skb, opts)
		}, "0204ffd7 0402080a 00000110 00000000 01030306"},
		{"SYN without timestamps", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			n.Sysctl.TcpTimestamps = 0
			tp.Advmss, tp.RxOpt.RcvWscale = 1460, 7
			return n.tcpSynOptions(sk, skb, opts)
		}, "020405b4 01010402 01030307"},
		{"SYN without SACK and scaling", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			n.Sysctl.TcpSack, n.Sysctl.TcpWindowScaling = false, false
			tp.Advmss = 1460
			return n.tcpSynOptions(sk, skb, opts)
		}, "020405b4 0101080a 00000010 00000000"},
		{"SYN-ACK", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			req := &RequestSock{WscaleOk: true, RcvWscale: 6, TstampOk: true, SackOk: true, TsOff: 1, TsRecent: 0xabcd}
			return n.tcpSynackOptions(sk, req, 65495, skb, opts)
		}, "0204ffd7 0402080a 00000011 0000abcd 01030306"},
		{"SYN-ACK to a bare SYN", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			return n.tcpSynackOptions(sk, &RequestSock{}, 536, skb, opts)
		}, "02040218"},
		{"SYN-ACK with SACK alone", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			return n.tcpSynackOptions(sk, &RequestSock{SackOk: true}, 536, skb, opts)
		}, "02040218 01010402"},
		{"established", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			tp.RxOpt.TstampOk, tp.RxOpt.TsRecent = true, 7
			return n.tcpEstablishedOptions(sk, skb, opts)
		}, "0101080a 00000010 00000007"},
		{"established with nothing", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			return n.tcpEstablishedOptions(sk, skb, opts)
		}, ""},
		{"four SACK blocks of which three fit", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			tp.RxOpt.TstampOk, tp.RxOpt.NumSacks = true, 4
			tp.SelectiveAcks = [4]TcpSackBlock{{1, 2}, {3, 4}, {5, 6}, {7, 8}}
			return n.tcpEstablishedOptions(sk, skb, opts)
		}, "0101080a 00000010 00000000 0101051a 00000001 00000002 00000003 00000004 00000005 00000006"},
		{"a D-SACK before the others", func(n *Net, sk *core.Sock, tp *TcpSock, skb *core.SkBuff, opts *tcpOutOptions) int {
			tp.RxOpt.Dsack, tp.RxOpt.NumSacks = true, 1
			tp.DuplicateSack[0] = TcpSackBlock{9, 10}
			tp.SelectiveAcks[0] = TcpSackBlock{11, 12}
			return n.tcpEstablishedOptions(sk, skb, opts)
		}, "01010512 00000009 0000000a 0000000b 0000000c"},
	}
	for _, tt := range tests {
		n := outputNet()
		sk, tp := outputSock()
		skb := &core.SkBuff{SkbMstampNs: 16 * ms}
		var opts tcpOutOptions
		size := tt.opts(n, sk, tp, skb, &opts)
		buf := bytes.Repeat([]byte{0xee}, maxTcpOptionSpace+4)
		n.tcpOptionsWrite(buf, tp, &opts)
		want, err := hex.DecodeString(strings.ReplaceAll(tt.want, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if size != len(want) || !bytes.Equal(buf[:len(want)], want) {
			t.Errorf("%s: %d bytes %x, want %d bytes %x", tt.name, size, buf[:len(want)], len(want), want)
		}
		if rest := buf[len(want):]; bytes.Count(rest, []byte{0xee}) != len(rest) {
			t.Errorf("%s: wrote beyond its options: %x", tt.name, rest)
		}
		if tp.RxOpt.Dsack {
			t.Errorf("%s: the D-SACK was not consumed", tt.name)
		}
	}
}

func TestTcpSelectInitialWindow(t *testing.T) {
	tests := []struct {
		name          string
		space         int
		mss, clamp    uint32
		wscaleOk      bool
		initRcvWnd    uint32
		rmem2         int
		signed        bool
		wnd, newClamp uint32
		wscale        uint8
	}{
		// A receive buffer of 131072 bytes counts half as window.
		{"SYN on lo, as recorded", 65536, 65495, 0, true, 0, 3 << 20, false, 65495, 65535 << 6, 6},
		{"SYN-ACK on lo, as recorded", 65536, 65483, 0, true, 0, 3 << 20, false, 65483, 65535 << 6, 6},
		{"SYN on Ethernet, as recorded", 65536, 1460, 0, true, 0, 3 << 20, false, 64240, 65535 << 6, 6},
		{"6 MB of tcp_rmem", 65536, 1460, 0, true, 0, 6291456, false, 64240, 65535 << 7, 7},
		{"no scaling", 65536, 1460, 0, false, 0, 6291456, false, 64240, 65535, 0},
		{"a small buffer", 1000, 1460, 0, true, 0, 131072, false, 1000, 65535 << 2, 2},
		{"a clamp", 65536, 1460, 20000, true, 0, 6291456, false, 18980, 20000, 0},
		{"an initial window of the route", 65536, 1460, 0, true, 4, 3 << 20, false, 5840, 65535 << 6, 6},
		{"signed windows", 65536, 1460, 0, true, 0, 3 << 20, true, 32767, 65535 << 6, 6},
		{"negative space", -1, 1460, 0, false, 0, 3 << 20, false, 0, 65535, 0},
	}
	for _, tt := range tests {
		n := outputNet()
		n.Sysctl.TcpRmem[2] = tt.rmem2
		n.Sysctl.TcpWorkaroundSignedWindows = tt.signed
		wnd, clamp, wscale := uint32(0), tt.clamp, uint8(0xff)
		n.tcpSelectInitialWindow(nil, tt.space, tt.mss, &wnd, &clamp, tt.wscaleOk, &wscale, tt.initRcvWnd)
		if wnd != tt.wnd || clamp != tt.newClamp || wscale != tt.wscale {
			t.Errorf("%s: window %d clamp %d scale %d, want %d %d %d", tt.name, wnd, clamp, wscale, tt.wnd, tt.newClamp, tt.wscale)
		}
	}
}

func TestTcpAcceptableSeq(t *testing.T) {
	tests := []struct {
		una, wnd, nxt uint32
		wscaleOk      bool
		wscale        uint8
		want          uint32
	}{
		{100, 50, 120, false, 0, 120},
		{100, 50, 150, false, 0, 150},
		{100, 10, 120, false, 0, 110}, // shrunk
		{100, 10, 120, true, 3, 110},
		{100, 10, 120, true, 4, 120},            // within what scaling loses
		{0xfffffff0, 0x20, 0x8, false, 0, 0x8},  // around zero
		{0xfffffff0, 0x10, 0x40, false, 0, 0x0}, // shrunk around zero
	}
	for _, tt := range tests {
		sk, tp := outputSock()
		tp.SndUna, tp.SndWnd, tp.SndNxt = tt.una, tt.wnd, tt.nxt
		tp.RxOpt.WscaleOk, tp.RxOpt.RcvWscale = tt.wscaleOk, tt.wscale
		if got := tcpAcceptableSeq(sk); got != tt.want {
			t.Errorf("%+v: %#x", tt, got)
		}
	}
}

func TestTcpMss(t *testing.T) {
	tests := []struct {
		pmtu, clamp, ext, header int
		mss, mtu                 int
	}{
		{1500, 65535, 0, 32, 1448, 1500},
		{1500, 65535, 0, 20, 1460, 1500},
		{65535, 65495, 0, 32, 65483, 65535},
		{1500, 536, 0, 32, 524, 576},     // the other side's MSS
		{1500, 65535, 8, 32, 1440, 1500}, // IP options
		{68, 65535, 0, 32, 36, 88},       // never less than 48 with options
	}
	n := outputNet()
	for _, tt := range tests {
		sk, tp := outputSock()
		tp.RxOpt.MssClamp, tp.IcskExtHdrLen, tp.TcpHeaderLen = uint16(tt.clamp), uint16(tt.ext), uint16(tt.header)
		if got := n.tcpMtuToMss(sk, tt.pmtu); got != tt.mss {
			t.Errorf("tcpMtuToMss of %+v: %d", tt, got)
		}
		if got := n.tcpMssToMtu(sk, tt.mss); got != tt.mtu {
			t.Errorf("tcpMssToMtu of %+v: %d", tt, got)
		}
		if got := n.tcpSyncMss(sk, uint32(tt.pmtu)); got != uint32(tt.mss) || tp.MssCache != got || tp.IcskPmtuCookie != uint32(tt.pmtu) {
			t.Errorf("tcpSyncMss of %+v: %d, cached %d for %d", tt, got, tp.MssCache, tp.IcskPmtuCookie)
		}
	}
}

func TestTcpCurrentMss(t *testing.T) {
	n := outputNet()
	sk, tp := outputSock()
	tp.MssCache, tp.RxOpt.TstampOk = 1448, true
	if got := n.tcpCurrentMss(sk); got != 1448 {
		t.Errorf("%d, want 1448", got)
	}
	tp.RxOpt.NumSacks = 2 // 4 bytes and 16
	if got := n.tcpCurrentMss(sk); got != 1428 {
		t.Errorf("with two SACK blocks %d, want 1428", got)
	}
}

func TestTcpTso(t *testing.T) {
	for _, tt := range []struct{ len, mss, segs, size int }{
		{0, 1448, 1, 0}, {1, 1448, 1, 0}, {1448, 1448, 1, 0}, {1449, 1448, 2, 1448}, {14480, 1448, 10, 1448}, {65160, 1448, 45, 1448},
	} {
		skb := &core.SkBuff{Len: tt.len}
		tcpSetSkbTsoSegs(skb, uint32(tt.mss))
		if int(skb.Cb.TcpGsoSegs) != tt.segs || int(skb.Cb.TcpGsoSize) != tt.size {
			t.Errorf("%d bytes at MSS %d: %d segments of %d, want %d of %d", tt.len, tt.mss, skb.Cb.TcpGsoSegs, skb.Cb.TcpGsoSize, tt.segs, tt.size)
		}
	}

	n := outputNet()
	sk, _ := outputSock()
	sk.SkPacingShift, sk.SkGsoMaxSize, sk.SkGsoMaxSegs = 10, 65536, 65535
	for _, tt := range []struct {
		rate uint64
		want uint32
	}{
		{^uint64(0), 45}, // as much as a packet holds
		{1 << 20, 2},     // the sysctl's least
		{14480 << 10, 10},
	} {
		sk.SkPacingRate = tt.rate
		if got := n.tcpTsoSegs(sk, 1448); got != tt.want {
			t.Errorf("%d bytes/s: %d segments, want %d", tt.rate, got, tt.want)
		}
	}

	// In mid queue the windows alone cut; at the end Nagle keeps the remainder.
	sk, tp := outputSock()
	tp.SndWnd = 100000
	skb := &core.SkBuff{Len: 3000}
	sk.SkWriteQueue.First, sk.SkWriteQueue.Last = skb, skb
	for _, tt := range []struct {
		wnd, segs uint32
		nonagle   int
		want      uint32
	}{
		{100000, 45, tcpNagleOff, 3000}, {100000, 2, 0, 2000}, {2500, 45, tcpNagleOff, 2500}, {100000, 45, tcpNagleCork, 3000}, {2500, 45, tcpNagleCork, 2000},
	} {
		tp.SndWnd = tt.wnd
		if got := tcpMssSplitPoint(sk, skb, 1000, tt.segs, tt.nonagle); got != tt.want {
			t.Errorf("window %d, %d segments, nonagle %d: %d, want %d", tt.wnd, tt.segs, tt.nonagle, got, tt.want)
		}
	}
}

func TestTcpNagle(t *testing.T) {
	tests := []struct {
		name    string
		len     int
		flags   uint8
		nonagle int
		out     uint32 // packets in flight
		small   bool   // one of them is small
		send    bool
	}{
		{"full", 1000, tcphdrAck, 0, 5, true, true},
		{"small, nothing in flight", 10, tcphdrAck, 0, 0, false, true},
		{"small, full ones in flight", 10, tcphdrAck, 0, 2, false, true},
		{"small, a small one in flight", 10, tcphdrAck, 0, 2, true, false},
		{"the same with TCP_NODELAY", 10, tcphdrAck, tcpNagleOff, 2, true, true},
		{"the same with a FIN", 10, tcphdrAck | tcphdrFin, 0, 2, true, true},
		{"corked", 10, tcphdrAck, tcpNagleCork, 0, false, false},
		{"corked, but pushed", 10, tcphdrAck, tcpNagleCork | tcpNaglePush, 0, false, true},
		{"corked and full", 1000, tcphdrAck, tcpNagleCork, 0, false, true},
	}
	for _, tt := range tests {
		_, tp := outputSock()
		tp.SndUna, tp.SndUp, tp.SndNxt, tp.PacketsOut = 100, 100, 200, tt.out
		tp.SndSml = tp.SndUna
		if tt.small {
			tp.SndSml = 150
		}
		skb := &core.SkBuff{Len: tt.len}
		skb.Cb.TcpFlags = tt.flags
		if got := tcpNagleTest(tp, skb, 1000, tt.nonagle); got != tt.send {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestTcpCwndTest(t *testing.T) {
	for _, tt := range []struct{ cwnd, out, want uint32 }{
		{10, 0, 5}, {10, 4, 5}, {10, 6, 4}, {10, 9, 1}, {10, 10, 0}, {10, 12, 0}, {1, 0, 1}, {2, 0, 1},
	} {
		_, tp := outputSock()
		tp.SndCwnd, tp.PacketsOut = tt.cwnd, tt.out
		if got := tcpCwndTest(tp, &core.SkBuff{}); got != tt.want {
			t.Errorf("window %d, %d in flight: %d, want %d", tt.cwnd, tt.out, got, tt.want)
		}
	}
	_, tp := outputSock()
	fin := &core.SkBuff{Cb: core.TcpSkbCb{TcpFlags: tcphdrFin, TcpGsoSegs: 1}}
	if got := tcpCwndTest(tp, fin); got != 1 {
		t.Errorf("a FIN with a full window: %d", got)
	}
}

func TestTcpSelectWindow(t *testing.T) {
	tests := []struct {
		name         string
		rcvbuf, used int
		ssthresh     uint32
		rcvWnd       uint32 // offered before
		wscale       uint8
		want         uint16
		wantWnd      uint32
	}{
		// The window that the recorded client offers from the third segment on.
		{"as recorded", 131072, 0, 65495, 65495, 6, 1024, 65536},
		{"half full", 131072, 60000, 65495, 0, 6, 556, 35584},
		{"never back", 131072, 120000, 65495, 65536, 6, 1024, 65536},
		{"full and nothing promised", 131072, 131072, 65495, 0, 6, 0, 0},
		{"unscaled, whole segments", 131072, 0, 5000, 0, 0, 4380, 4380},
	}
	for _, tt := range tests {
		n := outputNet()
		n.prot = &core.Proto{}
		n.Sysctl.TcpAdvWinScale = 1
		sk, tp := outputSock()
		sk.SkRcvbuf = tt.rcvbuf
		sk.SkBacklog.RmemAlloc = tt.used
		tp.IcskAck.RcvMss = 1460
		tp.WindowClamp = u16Max << tt.wscale
		tp.RcvSsthresh, tp.RcvWnd, tp.RxOpt.RcvWscale = tt.ssthresh, tt.rcvWnd, tt.wscale
		if got := n.tcpSelectWindow(sk); got != tt.want || tp.RcvWnd != tt.wantWnd {
			t.Errorf("%s: %d (%d bytes), want %d (%d)", tt.name, got, tp.RcvWnd, tt.want, tt.wantWnd)
		}
	}
}

func TestTcpInitNondataSkb(t *testing.T) {
	for _, tt := range []struct {
		flags uint8
		want  uint32
	}{{tcphdrAck, 7}, {tcphdrSyn, 8}, {tcphdrFin | tcphdrAck, 8}, {tcphdrRst, 7}} {
		skb := &core.SkBuff{}
		tcpInitNondataSkb(skb, 7, tt.flags)
		if skb.Cb.Seq != 7 || skb.Cb.EndSeq != tt.want || skb.Cb.TcpGsoSegs != 1 || skb.IpSummed != core.ChecksumPartial {
			t.Errorf("flags %v: %+v", wire.TCPFlags(tt.flags), skb.Cb)
		}
	}
}
