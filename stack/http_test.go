package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// settleGoroutines waits until no more goroutines run than want, or tells which.
func settleGoroutines(t *testing.T, want int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > want {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, want %d:\n%s", runtime.NumGoroutine(), want, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

func realStack(t *testing.T) *Stack {
	t.Helper()
	s := New(Config{Seed: 1, Clock: ClockReal})
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestHTTP serves net/http over the machine's sockets, many clients at once, and
// leaves nothing behind.
func TestHTTP(t *testing.T) {
	before := runtime.NumGoroutine()
	s := realStack(t)
	l, err := s.Listen("127.0.0.1:80", 128)
	if err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("0123456789", 20000)
	mux := http.NewServeMux()
	mux.HandleFunc("/hi", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hi %s", r.URL.Query().Get("who")) })
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, big) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // a server reads all before it answers
		w.Write(b)
	})
	srv := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	tr := &http.Transport{DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return s.Dial(ctx, addr) }}
	c := &http.Client{Transport: tr, Timeout: 20 * time.Second}
	get := func(url string) string {
		r, err := c.Get(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			return ""
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 200 {
			t.Errorf("%s: status %d, %v", url, r.StatusCode, err)
		}
		return string(b)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 5 {
				if got, want := get(fmt.Sprintf("http://127.0.0.1/hi?who=%d.%d", i, j)), fmt.Sprintf("hi %d.%d", i, j); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			if got := get("http://127.0.0.1/big"); got != big {
				t.Errorf("%d bytes came, want %d", len(got), len(big))
			}
			r, err := c.Post("http://127.0.0.1/echo", "text/plain", strings.NewReader(big))
			if err != nil {
				t.Errorf("post: %v", err)
				return
			}
			defer r.Body.Close()
			if b, _ := io.ReadAll(r.Body); string(b) != big {
				t.Errorf("%d bytes echoed, want %d", len(b), len(big))
			}
		})
	}
	wg.Wait()
	tr.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("serve: %v", err)
	}
	s.Close()
	settleGoroutines(t, before)
}

// TestConnDeadlines lets reads, writes and accepts time out, and be woken.
func TestConnDeadlines(t *testing.T) {
	before := runtime.NumGoroutine()
	s := realStack(t)
	l, err := s.Listen("127.0.0.1:81", 4)
	if err != nil {
		t.Fatal(err)
	}
	timedOut := func(what string, began time.Time, err error) {
		t.Helper()
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %v, want a timeout", what, err)
		}
		if d := time.Since(began); d < 40*time.Millisecond || d > 3*time.Second {
			t.Errorf("%s took %v", what, d)
		}
	}
	began := time.Now()
	l.(interface{ SetDeadline(time.Time) error }).SetDeadline(began.Add(50 * time.Millisecond))
	_, err = l.Accept()
	timedOut("accept", began, err)
	l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Time{})

	c, err := s.Dial(context.Background(), "127.0.0.1:81")
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if a.RemoteAddr().String() != c.LocalAddr().String() || a.LocalAddr().String() != "127.0.0.1:81" {
		t.Errorf("addresses %v %v", a.RemoteAddr(), c.LocalAddr())
	}
	began = time.Now()
	c.SetReadDeadline(began.Add(50 * time.Millisecond))
	_, err = c.Read(make([]byte, 1))
	timedOut("read", began, err)
	began = time.Now()
	c.SetWriteDeadline(began.Add(50 * time.Millisecond))
	for err = nil; err == nil; {
		_, err = c.Write(make([]byte, 1<<20)) // nobody reads
	}
	timedOut("write", began, err)

	// A deadline that is set while a read waits ends the wait.
	c.SetDeadline(time.Time{})
	began = time.Now()
	time.AfterFunc(50*time.Millisecond, func() { c.SetReadDeadline(time.Now()) })
	_, err = c.Read(make([]byte, 1))
	timedOut("read, told later", began, err)

	// So does closing.
	c.SetDeadline(time.Time{})
	time.AfterFunc(20*time.Millisecond, func() { c.Close() })
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read of a closed connection: %v", err)
	}
	accepted := make(chan error, 1)
	go func() { _, err := l.Accept(); accepted <- err }()
	awaitWaiter(t, l)
	l.Close()
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept of a closed listener: %v", err)
	}
	a.Close()
	s.Close()
	settleGoroutines(t, before)
}

// TestCloseEndsWaiting closes the machine under programs and connections that wait.
func TestCloseEndsWaiting(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, clock := range []Clock{ClockVirtual, ClockReal} {
		s := New(Config{Clock: clock})
		if err := s.Boot(); err != nil {
			t.Fatal(err)
		}
		s.Spawn("replyhi", nil, replyhiProgram(t))
		s.Settle()
		l, err := s.Listen("127.0.0.1:82", 4)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 2)
		go func() { _, err := l.Accept(); ended <- err }()
		c, err := s.Dial(context.Background(), "127.0.0.1:5001")
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, err := c.Read(make([]byte, 1)); ended <- err }()
		awaitWaiter(t, c)
		s.Close()
		s.Close()
		for range 2 {
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("clock %v: %v, want a closed connection", clock, err)
			}
		}
		if _, err := s.Dial(context.Background(), "127.0.0.1:5001"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dial in a closed machine: %v", err)
		}
	}
	settleGoroutines(t, before)
}

// TestDialErrors tells errors as Go programs know them.
func TestDialErrors(t *testing.T) {
	s := realStack(t)
	defer s.Close()
	for _, c := range []struct {
		addr string
		want error
	}{
		{"127.0.0.1:5999", ECONNREFUSED},
		{"10.250.0.1:80", ENETUNREACH},
	} {
		_, err := s.Dial(context.Background(), c.addr)
		var op *net.OpError
		if !errors.As(err, &op) || !errors.Is(err, c.want) {
			t.Errorf("dial %s: %v, want %v", c.addr, err, c.want)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Dial(ctx, "192.168.40.7:80"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dial of nobody: %v", err)
	}
	if _, err := s.Dial(ctx, "nonsense"); err == nil {
		t.Error("dial of nonsense succeeds")
	}
	if _, err := s.Listen("10.1.1.1:80", 1); !errors.Is(err, EADDRNOTAVAIL) {
		t.Errorf("listen at another's address: %v", err)
	}
}

// awaitWaiter waits until a goroutine waits for a connection or listener.
func awaitWaiter(t *testing.T, on any) {
	t.Helper()
	var c *conn
	switch o := on.(type) {
	case *conn:
		c = o
	case *listener:
		c = o.c
	default:
		t.Fatalf("a %T is no socket of a machine", on)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
		c.mu.Lock()
		waits := c.ready != nil
		c.mu.Unlock()
		if waits {
			return
		}
	}
	t.Fatal("nobody waits")
}
