package tcp

import (
	"math/rand/v2"
	"testing"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

// synPacket is an IP header with a TCP header behind it.
func synPacket(src, dst wire.Addr, sport, dport uint16, seq uint32) *core.SkBuff {
	skb := &core.SkBuff{Head: &core.DataBuf{B: make([]byte, 40)}, Tail: 40, Len: 20, Data: 20, TransportHeader: 20}
	iph, th := skb.Ip(), skb.Tcp()
	iph.SetSrc(src)
	iph.SetDst(dst)
	th.SetSrcPort(sport)
	th.SetDstPort(dport)
	th.SetSeq(seq)
	th.SetDataOffFlags(wire.TCPMinLen, wire.SYN)
	return skb
}

func TestSyncookieRoundTrip(t *testing.T) {
	n := new(Net)
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		src, dst := wire.Addr(rnd.Uint32()), wire.Addr(rnd.Uint32())
		sport, dport := uint16(rnd.Uint32()), uint16(rnd.Uint32())
		seq := rnd.Uint32()
		mss := uint16(rnd.Uint32())
		want := uint16(536)
		for _, m := range msstab {
			if mss >= m {
				want = m
			}
		}
		skb := synPacket(src, dst, sport, dport, seq)
		cookie := n.cookieV4InitSequence(skb, &mss)
		if mss != want {
			t.Fatalf("MSS became %d, want %d", mss, want)
		}

		ack := synPacket(src, dst, sport, dport, seq+1)
		check := func(ack *core.SkBuff, cookie uint32) uint16 {
			return n.cookieV4Check__(ack.Ip(), ack.Tcp(), cookie)
		}
		if got := check(ack, cookie); got != want {
			t.Fatalf("cookie %#x came back as MSS %d, want %d", cookie, got, want)
		}
		for _, forged := range []struct {
			what   string
			ack    *core.SkBuff
			cookie uint32
		}{
			{"another cookie", ack, cookie ^ 1<<30},
			{"another sequence number", synPacket(src, dst, sport, dport, seq+1+1<<24), cookie},
			{"another port", synPacket(src, dst, sport+1, dport, seq+1), cookie},
			{"another address", synPacket(src^1, dst, sport, dport, seq+1), cookie},
		} {
			if got := check(forged.ack, forged.cookie); got != 0 {
				t.Fatalf("%s is accepted, MSS %d", forged.what, got)
			}
		}
	}
}

func TestSyncookieTimestamp(t *testing.T) {
	n := optionsNet()
	for _, tt := range []struct {
		wscaleOk, sackOk, ecnOk bool
		wscale                  uint8
	}{{}, {true, false, false, 0}, {true, true, false, 7}, {true, true, true, 14}, {false, true, true, 0}, {false, false, true, 0}} {
		req := &RequestSock{WscaleOk: tt.wscaleOk, SackOk: tt.sackOk, EcnOk: tt.ecnOk, SndWscale: tt.wscale}
		now := n.tcpTimeStampRaw()
		ts := uint32(n.cookieInitTimestamp(req) / 1000000)
		if now >= 64 && ts > now {
			t.Errorf("timestamp %d lies after now, %d", ts, now)
		}
		got := TcpOptionsReceived{SawTstamp: true, RcvTsecr: ts}
		if !n.cookieTimestampDecode(&got) {
			t.Errorf("%+v: refused", tt)
		}
		dst := new(core.DstEntry)
		n.Sysctl.TcpEcn = 1
		if got.WscaleOk != tt.wscaleOk || got.SndWscale != tt.wscale || got.SackOk != 0 != tt.sackOk || n.cookieEcnOk(&got, dst) != tt.ecnOk {
			t.Errorf("%+v came back as %+v", tt, got)
		}
		n.Sysctl.TcpEcn = 0
		if n.cookieEcnOk(&got, dst) {
			t.Error("ECN though it is switched off")
		}
	}

	n.Sysctl.TcpSack = false
	if got := (TcpOptionsReceived{SawTstamp: true, RcvTsecr: tsOptSack}); n.cookieTimestampDecode(&got) {
		t.Error("SACK accepted though it is switched off")
	}
	got := TcpOptionsReceived{SackOk: tcpSackSeen, WscaleOk: true, SndWscale: 3}
	if !n.cookieTimestampDecode(&got) || got.SackOk != 0 || got.WscaleOk || got.SndWscale != 0 {
		t.Errorf("without a timestamp no option may survive: %+v", got)
	}
}
