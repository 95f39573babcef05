package tcp

import (
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

func TestMetricsKeepAndUse(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	dst := new(core.DstEntry)
	sk.SkDstCache = dst
	sk.SkDaddr, tp.InetSaddr = 0x0a000001, 0x0a000002

	n.tcpInitMetrics(sk)
	if tp.SndCwnd != 10 || tp.SndSsthresh != tcpInfiniteSsthresh || tp.IcskRto != tcpTimeoutFallback {
		t.Errorf("a new path: window %d, ssthresh %d, RTO %d", tp.SndCwnd, tp.SndSsthresh, tp.IcskRto)
	}
	tp.SrttUs, tp.MdevUs = 8*300000, 50000
	tp.SndCwnd, tp.SndSsthresh = 40, 30
	tp.IcskCaState = tcpCaOpen
	n.tcpUpdateMetrics(sk)

	// The next connection: its SYN came back fast, its data will not.
	tp.SrttUs, tp.RttvarUs = 8*1000, 200000
	tp.TotalRetrans = 2
	n.tcpInitMetrics(sk)
	if tp.SndSsthresh != 30 || tp.IcskRto != 900 || tp.SndCwnd != 1 {
		t.Errorf("a known path: ssthresh %d, RTO %d, window %d; want 30, 900, 1", tp.SndSsthresh, tp.IcskRto, tp.SndCwnd)
	}
	req := new(RequestSock)
	req.SkRcvSaddr, req.SkDaddr = tp.InetSaddr, sk.SkDaddr
	if !n.tcpPeerIsProven(req, dst) {
		t.Error("the peer is not proven")
	}

	// An hour without use, and all is forgotten.
	runTo(n, tp, 2*time.Hour)
	if n.tcpPeerIsProven(req, dst) {
		t.Error("the peer is still proven after two hours")
	}
}

// The table is bounded: a chain keeps six, and the oldest gives way.
func TestMetricsBounded(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	dst := new(core.DstEntry)
	for i := range 5000 {
		runTo(n, tp, n.Now()+time.Millisecond)
		sk.SkDaddr = wire.Addr(0x0a000000 + i)
		if n.tcpGetMetrics(sk, dst, true) == nil {
			t.Fatal("no block")
		}
	}
	for hash, tm := range n.metrics.hash {
		depth := 0
		for ; tm != nil; tm = tm.next {
			depth++
		}
		if depth > tcpMetricsReclaimDepth+1 {
			t.Fatalf("chain %d has %d", hash, depth)
		}
	}
	if n.tcpGetMetrics(sk, dst, false) == nil {
		t.Error("the newest is gone")
	}
}
