package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// hostside is the host's part in these tests: it runs beside the TAP device, in
// its network namespace, with the host's own TCP.
//
//	hostside hello ADDR          what the laboratory's client does
//	hostside get URL             fetches a page
//	hostside serve ADDR N        answers N clients as replyhi does
//	hostside page ADDR           serves one page
//	hostside bulk ADDR N LISTEN  sends N random bytes, then takes bytes at LISTEN and compares
func hostside() int {
	if err := hostsideDo(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "hostside:", err)
		return 1
	}
	return 0
}

const hostPatience = 20 * time.Second

func hostsideDo(args []string) error {
	var d net.Dialer
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	switch args[0] {
	case "hello":
		c, err := dialUntil(ctx, &d, args[1])
		if err != nil {
			return err
		}
		defer c.Close()
		fmt.Fprint(c, "hello")
		answer, err := io.ReadAll(c)
		fmt.Printf("the machine answers %q\n", answer)
		return err
	case "get":
		r, err := http.Get(args[1])
		if err != nil {
			return err
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		fmt.Printf("%s, %d bytes\n", r.Status, len(body))
		return err
	case "serve":
		return hostServe(args[1], args[2])
	case "page":
		return hostPage(args[1])
	case "bulk":
		return hostBulk(ctx, &d, args[1], args[2], args[3])
	}
	return fmt.Errorf("unknown: %s", args[0])
}

// dialUntil dials until somebody listens.
func dialUntil(ctx context.Context, d *net.Dialer, addr string) (net.Conn, error) {
	for end := time.Now().Add(hostPatience); ; {
		c, err := d.DialContext(ctx, "tcp", addr)
		if err == nil || time.Now().After(end) {
			return c, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func hostServe(addr, count string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	n := 0
	fmt.Sscan(count, &n)
	for range n {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		buf := make([]byte, 64)
		k, _ := c.Read(buf)
		fmt.Printf("the host hears %q\n", buf[:k])
		fmt.Fprint(c, "hi")
		c.Close()
	}
	return nil
}

// hostPage answers one request with a page.
func hostPage(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	served := make(chan struct{}, 16)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the host's page for %s\n", r.UserAgent())
		served <- struct{}{}
	})}
	go func() {
		<-served
		ctx, cancel := context.WithTimeout(context.Background(), hostPatience)
		defer cancel()
		srv.Shutdown(ctx)
		ln.Close()
		close(served)
	}()
	srv.Serve(ln)
	<-served
	return nil
}

// hostBulk sends random bytes to one address and takes what comes to another:
// they must be the same.
func hostBulk(ctx context.Context, d *net.Dialer, addr, size, listen string) error {
	var n int64
	fmt.Sscan(size, &n)
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	defer ln.Close()
	sent, got := sha256.New(), sha256.New()
	c, err := dialUntil(ctx, d, addr)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(io.MultiWriter(c, sent), rand.NewChaCha8([32]byte{1}), n); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	c.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, c)
	c.Close()
	if c, err = ln.Accept(); err != nil {
		return err
	}
	defer c.Close()
	back, err := io.Copy(got, c)
	if err != nil || back != n || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		return fmt.Errorf("%d bytes went, %d came back, equal: %v (%v)", n, back, bytes.Equal(sent.Sum(nil), got.Sum(nil)), err)
	}
	fmt.Printf("%d bytes there and back\n", n)
	return nil
}

// tapRun runs menuos on a TAP of its own with a script, and a command beside it.
func tapRun(t *testing.T, script, beside string, flags ...string) string {
	t.Helper()
	args := append([]string{"--tap", "tap0", "--netns", "new", "-c", script, "--netns-exec", beside}, flags...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "menuos", args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "LANG=C")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	for _, cannot := range []string{"/dev/net/tun", "network namespace"} {
		if err != nil && strings.Contains(out.String(), cannot) {
			t.Skipf("no TAP here: %s", out.String())
		}
	}
	if err != nil {
		t.Fatalf("menuos %s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

func wantAll(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in\n%s", text, out)
		}
	}
}

// TestTapHostCalls: the host's TCP reaches replyhi.
func TestTapHostCalls(t *testing.T) {
	out := tapRun(t, "replyhi", "hostside hello 192.168.40.254:5001 && hostside hello 192.168.40.254:5001")
	if strings.Count(out, `the machine answers "hi"`) != 2 || strings.Count(out, `recv "hello" from 192.168.40.1:`) != 2 {
		t.Errorf("two hosts' calls give\n%s", out)
	}
}

// TestTapMachineCalls: hello reaches the host's listener.
func TestTapMachineCalls(t *testing.T) {
	out := tapRun(t, "(until hello --host 192.168.40.1 --port 7000; do sleep 0.1; done) &", "hostside serve 192.168.40.1:7000 1; sleep 0.3")
	wantAll(t, out, `the host hears "hello"`, `recv "hi" from 192.168.40.1:7000`)
}

// TestTapPages: the host's HTTP client reaches httpd, and curl the host's server;
// ping goes both ways below them.
func TestTapPages(t *testing.T) {
	out := tapRun(t, "httpd -q; ping -c 1 192.168.40.1; (until curl -s http://192.168.40.1:8080/; do sleep 0.1; done) &",
		"hostside get http://192.168.40.254/ && hostside page 192.168.40.1:8080; sleep 0.3")
	wantAll(t, out, "1 packets transmitted, 1 received, 0% packet loss", "200 OK, ", "the host's page for curl/")
}

// TestTapBulk: bytes go to the machine and come back as they were, with and
// without offloads, and through a bad link.
func TestTapBulk(t *testing.T) {
	for _, c := range []struct {
		name, before string
		size         int
		flags        []string
	}{
		{"plain", "", 100e6, nil},
		{"offload", "", 100e6, []string{"--offload"}},
		{"tun", "", 5e6, []string{"--tun", "tun0", "--tap", ""}},
		{"bad link", "tc qdisc add dev eth0 root netem delay 5ms 2ms loss 2% reorder 5%; ", 300e3, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			size := c.size
			if testing.Short() {
				size /= 20
			}
			out := tapRun(t, c.before+"(nc -l 7000 > got; nc -N 192.168.40.1 7001 < got) &",
				fmt.Sprintf("hostside bulk 192.168.40.254:7000 %d 192.168.40.1:7001", size), c.flags...)
			wantAll(t, out, fmt.Sprintf("%d bytes there and back", size))
		})
	}
}

// TestTapErrors: what is wrong is said, by usage (2) or the host (1).
func TestTapErrors(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"--addr 10.0.0.1/8", 2, "--addr goes with --tap or --tun"},
		{"--tap a --tun b", 2, "--tap and --tun: one of them"},
		{"--tap tap0 --addr 10.0.0.1", 2, "--addr 10.0.0.1: it is an address with the length of its prefix"},
		{"--tap tap0 --gw nowhere", 2, "--gw nowhere: it is an address"},
		{"--tap tap0 --mac 1:2:3", 2, "--mac 1:2:3: it is six bytes"},
		{"--tap tap0 --mtu 20", 2, "68 to 65521 bytes"},
		{"--tap tap0 --clock virtual", 2, "the clock is real"},
		{"--tap averyveryverylongname", 2, "longer than 15 bytes"},
		{"--tap tap0 --netns old", 2, "only \"new\" is known"},
		{"--tap tap0 --addr 10.1.0.5/24 --gw 10.2.0.1", 2, "10.2.0.1 is not a station's address in 10.1.0.0/24"},
	} {
		cmd := exec.Command("menuos", append(strings.Fields(c.args), "-c", "true")...)
		cmd.Env = append(os.Environ(), "LANG=C")
		out, err := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != c.status || !strings.Contains(string(out), c.says) {
			t.Errorf("menuos %s: status %d (%v), and it says\n%s", c.args, got, err, out)
		}
	}
}
