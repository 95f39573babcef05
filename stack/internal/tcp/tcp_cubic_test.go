package tcp

import (
	"math"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
)

// newTestSock is a machine with one connection that nothing but a test drives:
// it has no route and no device.
func newTestSock(t testing.TB) (*Net, *TcpSock) {
	t.Helper()
	n := new(Net)
	n.Init(kernel.Config{Seed: 1})
	t.Cleanup(n.Close)
	sk := n.prot.NewSock()
	tp := tcpSk(sk)
	sk.SkProt = n.prot
	sk.SkMaxPacingRate = math.MaxUint64
	n.tcpAssignCongestionControl(sk)
	tp.MssCache = 1000
	tp.SndCwnd = 10
	tp.SndCwndClamp = math.MaxUint32
	tp.SndSsthresh = tcpInfiniteSsthresh
	tp.Reordering = 3
	tp.Rack.ReoWndSteps = 1
	tp.MdevUs = 1000000
	tp.UndoRetrans = -1
	minmaxReset(&tp.RttMin, n.TcpJiffies32(), ^uint32(0))
	runTo(n, tp, time.Second)
	n.tcpInitCongestionControl(sk)
	return n, tp
}

// runTo moves the clock on.
func runTo(n *Net, tp *TcpSock, at time.Duration) {
	n.Run(at, nil)
	tp.TcpMstamp = uint64(at / time.Microsecond)
	tp.TcpClockCache = uint64(at)
}

func TestCubicRoot(t *testing.T) {
	for _, c := range []struct {
		a    uint64
		want uint32
	}{{0, 0}, {1, 1}, {8, 2}, {27, 3}, {63, 4}} {
		if got := cubicRoot(c.a); got != c.want {
			t.Errorf("cubicRoot(%d) = %d, want %d", c.a, got, c.want)
		}
	}
	for a := uint64(64); a < 1<<50; a += a/7 + 1 {
		got, want := float64(cubicRoot(a)), math.Cbrt(float64(a))
		if math.Abs(got-want) > 1+want*0.01 {
			t.Fatalf("cubicRoot(%d) = %v, the root is %.1f", a, got, want)
		}
	}
}

func TestCubicConstants(t *testing.T) {
	if cubicBetaScale != 15 || cubeRttScale != 410 || cubeFactor != 2681735677 {
		t.Errorf("beta_scale %d, cube_rtt_scale %d, cube_factor %d", cubicBetaScale, cubeRttScale, cubeFactor)
	}
}

func TestCubicSsthresh(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	ca := &tp.IcskCaPriv.cubic
	for _, c := range []struct{ cwnd, ssthresh, lastMax uint32 }{
		{100, 70, 100}, // 717/1024 of the window
		{70, 49, 59},   // lost earlier than last time: fast convergence
		{80, 56, 80},
		{1, 2, 0}, // never below two
	} {
		tp.SndCwnd = c.cwnd
		if got := n.bictcpRecalcSsthresh(sk); got != c.ssthresh || ca.lastMaxCwnd != c.lastMax {
			t.Errorf("cwnd %d: ssthresh %d, W_max %d; want %d, %d", c.cwnd, got, ca.lastMaxCwnd, c.ssthresh, c.lastMax)
		}
	}
}

// After a loss at 1000 packets the window follows W(t) = C(t-K)^3 + W_max with
// C = 0.4 (RFC 8312, section 4.1), one round trip ahead.
func TestCubicCurve(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	ca := &tp.IcskCaPriv.cubic
	tp.SndCwnd = 1000
	tp.SndSsthresh = n.bictcpRecalcSsthresh(sk)
	if tp.SndSsthresh != 700 {
		t.Fatalf("ssthresh %d, want 700", tp.SndSsthresh)
	}
	tp.SndCwnd = tp.SndSsthresh
	tp.IsCwndLimited = true
	ca.delayMin = 100 << 3
	const rtt = 100 * time.Millisecond
	start := n.Now()
	k := math.Cbrt(300 / 0.4)
	for r := 1; r <= 150; r++ {
		at := n.Now()
		sent := tp.SndCwnd
		for range sent { // ACKs spread over a round trip
			at += rtt / time.Duration(sent)
			runTo(n, tp, at)
			n.bictcpCongAvoid(sk, 0, 1)
		}
		since := (n.Now() - start).Seconds()
		want := 0.4*math.Pow(since-k, 3) + 1000
		if got := float64(tp.SndCwnd); math.Abs(got-want) > 0.03*want {
			t.Fatalf("after %.1f s: window %v, the curve says %.0f", since, got, want)
		}
	}
	if tp.SndCwnd < 1000 {
		t.Errorf("the window never went beyond W_max: %d", tp.SndCwnd)
	}
}

// A slow start whose delay grows ends by HyStart before anything is lost.
func TestHystartDelay(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	tp.SndCwnd = 100
	for range 8 {
		n.bictcpAcked(sk, ackSample{pktsAcked: 1, rttUs: 40000})
	}
	if tp.SndSsthresh != tcpInfiniteSsthresh {
		t.Fatal("slow start ended at the least delay")
	}
	runTo(n, tp, 2*time.Second)
	n.bictcpHystartReset(sk)
	for range 9 {
		runTo(n, tp, n.Now()+5*time.Millisecond) // no train
		n.bictcpAcked(sk, ackSample{pktsAcked: 1, rttUs: 46000})
	}
	if tp.SndSsthresh != 100 || n.Mib[core.MibTcpExtTCPHystartDelayDetect] != 1 {
		t.Errorf("ssthresh %d, %d detections; want 100, 1", tp.SndSsthresh, n.Mib[core.MibTcpExtTCPHystartDelayDetect])
	}
}

func TestRenoCongAvoid(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	tp.SndCwnd, tp.SndSsthresh, tp.MaxPacketsOut = 10, 14, 10
	n.tcpRenoCongAvoid(sk, 0, 10) // four to ssthresh, six left
	if tp.SndCwnd != 14 || tp.SndCwndCnt != 6 {
		t.Errorf("window %d, credit %d; want 14, 6", tp.SndCwnd, tp.SndCwndCnt)
	}
	tp.IsCwndLimited = true
	n.tcpRenoCongAvoid(sk, 0, 9)
	if tp.SndCwnd != 15 || tp.SndCwndCnt != 1 {
		t.Errorf("window %d, credit %d; want 15, 1", tp.SndCwnd, tp.SndCwndCnt)
	}
	tp.IsCwndLimited = false
	n.tcpRenoCongAvoid(sk, 0, 100)
	if tp.SndCwnd != 15 {
		t.Errorf("a window that was not used grew to %d", tp.SndCwnd)
	}
}

func TestSetCongestionControl(t *testing.T) {
	n, tp := newTestSock(t)
	sk := &tp.Sock
	if got := n.TcpGetAvailableCongestionControl(); got != "reno cubic" {
		t.Errorf("available: %q", got)
	}
	if got := n.tcpSetCongestionControl(sk, "vegas", true, true); got != -core.ENOENT {
		t.Errorf("vegas: %d", got)
	}
	if got := n.tcpSetCongestionControl(sk, "reno", true, true); got != 0 || tp.IcskCaOps.Name != "reno" {
		t.Errorf("reno: %d, %s", got, tp.IcskCaOps.Name)
	}
	tp.IcskCaDstLocked = true
	if got := n.tcpSetCongestionControl(sk, "cubic", true, true); got != -core.EPERM {
		t.Errorf("locked by the route: %d", got)
	}
	if got := n.TcpSetAllowedCongestionControl("cubic vegas"); got != -core.ENOENT || n.TcpGetAllowedCongestionControl() != "reno cubic" {
		t.Errorf("allowed: %d, %q", got, n.TcpGetAllowedCongestionControl())
	}
	if n.TcpSetDefaultCongestionControl("reno"); n.TcpGetDefaultCongestionControl() != "reno" {
		t.Errorf("default: %q", n.TcpGetDefaultCongestionControl())
	}
}
