package packetdrill

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"menuos/stack"
)

func scripts(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.pkt"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	return files
}

// TestScripts runs every script of testdata; the same machine sends the same
// bytes at the same times again.
func TestScripts(t *testing.T) {
	for _, file := range scripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".pkt"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var trace [2]bytes.Buffer
			var log bytes.Buffer
			for i := range trace {
				opt := Options{Seed: 7, Trace: &trace[i], Log: &log}
				if err := Run(context.Background(), file, bytes.NewReader(src), opt); err != nil {
					t.Fatal(err)
				}
			}
			if trace[0].String() != trace[1].String() {
				t.Errorf("two runs differ:\n%s\n%s", &trace[0], &trace[1])
			}
			if log.Len() > 0 {
				t.Errorf("notes: %s", &log)
			}
		})
	}
}

const server = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000>
+0 > S. 0:0(0) ack 1 <mss 1460>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
`

// TestErrors checks what a failing script says.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, tail, want string }{
		{"window", "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1 win 5\n",
			"x.pkt:9: outbound packet: window is 64240 and not 5\n" +
				"\texpected: > P. 1:11(10) ack 1 win 5\n\tactual:   > P. 1:11(10) ack 1 win 64240"},
		{"flags", "+0 write(4, ..., 10) = 10\n+0 > . 1:11(10) ack 1\n",
			"x.pkt:9: outbound packet: flags are \"P.\" and not \".\"\n" +
				"\texpected: > . 1:11(10) ack 1\n\tactual:   > P. 1:11(10) ack 1 win 64240"},
		{"options", "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1 <nop,nop,TS val 1 ecr 2>\n",
			"x.pkt:9: outbound packet: there are other TCP options\n" +
				"\texpected: > P. 1:11(10) ack 1 <nop,nop,TS val 1 ecr 2>\n\tactual:   > P. 1:11(10) ack 1 win 64240"},
		{"no packet", "+0 > . 1:1(0) ack 1\n", "x.pkt:8: no packet came\n\texpected: > . 1:1(0) ack 1"},
		{"pieces", "+0 write(4, ..., 3500) = 3500\n+0 > P. 1:5001(5000) ack 1\n",
			"x.pkt:9: outbound packet comes in unequal pieces\n" +
				"\texpected: > P. 1:5001(5000) ack 1\n\tactual:   > P. 2001:3501(1500) ack 1 win 64240"},
		{"time", "+0 write(4, ..., 10) = 10\n+.02 > P. 1:11(10) ack 1\n",
			"x.pkt:9: outbound packet at another time (tolerance 0.004000)\n\texpected: 0.120000\n\tactual:   0.100000"},
		{"result", "+0 read(4, ..., 10) = -1 EBADF (Bad file descriptor)\n", "x.pkt:8: read does not return"},
		{"errno", "+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 read(4, ..., 10) = 5\n",
			"x.pkt:9: read returned something else\n\texpected: read(4, ..., 10) = 5\n" +
				"\tactual:   read(…) = -1 EAGAIN (Resource temporarily unavailable)"},
		{"option value", "+0 getsockopt(4, SOL_TCP, TCP_MAXSEG, [7], [4]) = 0\n",
			"x.pkt:8: getsockopt stored something else: [1000]\n\texpected: getsockopt(4, SOL_TCP, TCP_MAXSEG, [7], [4]) = 0"},
		{"blocking", "+0...0.2 read(4, ..., 10) = 10\n+.3 < P. 1:11(10) ack 1 win 1000\n+.1 close(4) = 0\n",
			"x.pkt:8: read returned at another time (tolerance 0.025000)\n\texpected: 0.300000\n\tactual:   0.400000"},
		{"assertion", "+0 %{ cwnd = 7; cwnd += 1\nassert tcpi_snd_cwnd == cwnd and tcpi_snd_mss > 1, 'no' }%\n",
			"x.pkt:8: assertion failed\n\texpected: tcpi_snd_cwnd == cwnd and tcpi_snd_mss > 1, 'no'\n" +
				"\tactual:   tcpi_snd_cwnd = 10, cwnd = 8, tcpi_snd_mss = 1000"},
		{"echoed timestamp", "+0 < . 1:1(0) ack 1 win 1 <nop,nop,TS val 1 ecr 9>\n",
			"x.pkt:8: nothing outbound had TS val 9, which this packet echoes"},
		{"unknown call", "+0 frobnicate(4) = 0\n", "x.pkt:8: system call frobnicate is not supported"},
		{"unknown symbol", "+0 shutdown(4, SHUT_UP) = 0\n", "x.pkt:8: unknown symbol SHUT_UP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Run(context.Background(), "x.pkt", strings.NewReader(server+c.tail), Options{})
			var e *Error
			if !errors.As(err, &e) || err.Error() != c.want {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// TestNotes checks that what cannot be done is told.
func TestNotes(t *testing.T) {
	const src = "`modprobe dummy; sysctl -q net.ipv4.tcp_nothing=1\n sysctl -q net.ipv4.tcp_sack=0`\n" + server +
		"+0 %{ import os; print(tcpi_snd_cwnd) }%\n+0 `ip link set dev tun0 mtu 1000`\n"
	var log bytes.Buffer
	var sack string
	opt := Options{Log: &log, Machine: func(s *stack.Stack) { sack, _ = s.SysctlGet("net.ipv4.tcp_sack") }}
	if err := Run(context.Background(), "n.pkt", strings.NewReader(src), opt); err != nil {
		t.Fatal(err)
	}
	const want = "n.pkt:1: command ignored: modprobe dummy\n" +
		"n.pkt:1: command ignored: sysctl -q net.ipv4.tcp_nothing=1\n" +
		"n.pkt:10: code ignored: import os\nn.pkt:10: print(tcpi_snd_cwnd): 10\n"
	if log.String() != want || sack != "1" {
		t.Errorf("log %q\nwant %q; tcp_sack was %q", log.String(), want, sack)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	src := server + strings.Repeat("+1 write(4, ..., 1) = 1\n", 50)
	if err := Run(ctx, "c.pkt", strings.NewReader(src), Options{}); err == nil {
		t.Error("a cancelled run succeeds")
	}
}

// TestLatency runs a script on a machine that takes its time between events.
func TestLatency(t *testing.T) {
	src := strings.NewReader(server + "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n+.1 < . 1:1(0) ack 11 win 9000\n" +
		"+0 %{ assert tcpi_rtt > 99000 and tcpi_rtt < 101000, tcpi_rtt }%\n")
	if err := Run(context.Background(), "l.pkt", src, Options{Latency: 50 * time.Microsecond}); err != nil {
		t.Error(err)
	}
}

func BenchmarkScript(b *testing.B) {
	src, err := os.ReadFile(filepath.Join("testdata", "fast-retransmit.pkt"))
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		if err := Run(context.Background(), "b.pkt", bytes.NewReader(src), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
