package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// The host's side: goroutines that use a machine's sockets at the same time.

// goroutinesSettle fails if more goroutines are left than there were.
func goroutinesSettle(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
		if runtime.NumGoroutine() <= before {
			return
		}
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d at first\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

func hostMachine(t *testing.T) *Stack {
	t.Helper()
	before := runtime.NumGoroutine()
	s := New(Config{Seed: 1, Clock: ClockReal})
	t.Cleanup(func() {
		s.Close()
		goroutinesSettle(t, before)
	})
	noErr(t, s.IfUp("lo"))
	return s
}

func echoServer(t *testing.T, s *Stack, addr string) (l net.Listener, wait func()) {
	t.Helper()
	l, err := s.Listen(addr, 64)
	noErr(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				io.Copy(c, c)
				c.Close()
			})
		}
	})
	return l, wg.Wait
}

// TestHostManyConns has many goroutines echo at once while others look on.
func TestHostManyConns(t *testing.T) {
	s := hostMachine(t)
	l, wait := echoServer(t, s, "127.0.0.1:80")
	stop := make(chan struct{})
	var look, wg sync.WaitGroup
	look.Go(func() {
		w := s.Watch(100)
		defer w.Close()
		for {
			select {
			case <-stop:
				return
			default:
				s.Snapshot()
				w.Next()
				s.Counters()
				runtime.Gosched()
			}
		}
	})
	for i := range 24 {
		wg.Go(func() {
			c, err := s.Dial(context.Background(), "127.0.0.1:80")
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(20 * time.Second))
			want := bytes.Repeat([]byte(fmt.Sprint(i, " ")), 10000)
			wg.Go(func() {
				c.Write(want)
				c.(interface{ CloseWrite() error }).CloseWrite()
			})
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
				t.Errorf("connection %d: %d bytes of %d, %v", i, len(got), len(want), err)
			}
		})
	}
	wg.Wait()
	close(stop)
	look.Wait()
	l.Close()
	wait()
}

// TestHostCloseWhileInUse closes connections and listeners that others wait on.
func TestHostCloseWhileInUse(t *testing.T) {
	s := hostMachine(t)
	l, wait := echoServer(t, s, "127.0.0.1:80")
	var wg sync.WaitGroup
	for range 8 {
		c, err := s.Dial(context.Background(), "127.0.0.1:80")
		noErr(t, err)
		for range 3 {
			wg.Go(func() {
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Read of a closed connection: %v", err)
				}
			})
		}
		wg.Go(func() {
			awaitWaiter(t, c)
			c.Close()
		})
	}
	wg.Wait()
	l.Close()
	wait()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of a closed listener: %v", err)
	}
}

// TestHostDeadlines lets deadlines pass, move and be taken back.
func TestHostDeadlines(t *testing.T) {
	s := hostMachine(t)
	l, wait := echoServer(t, s, "127.0.0.1:80")
	c, err := s.Dial(context.Background(), "127.0.0.1:80")
	noErr(t, err)
	b := make([]byte, 10)
	c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := c.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read after its deadline: %v", err)
	}
	c.SetReadDeadline(time.Time{})
	done := make(chan error)
	go func() {
		_, err := c.Read(b)
		done <- err
	}()
	awaitWaiter(t, c)
	c.SetReadDeadline(time.Now()) // wakes who waits already
	if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read whose deadline moves: %v", err)
	}
	c.SetReadDeadline(time.Time{})
	c.Write([]byte("hello"))
	if n, err := c.Read(b); n != 5 || err != nil {
		t.Errorf("Read after all: %d, %v", n, err)
	}
	c.Close()
	l.Close()
	wait()
}

// TestHostStackClose closes the machine under everybody's feet.
func TestHostStackClose(t *testing.T) {
	for range 5 {
		s := hostMachine(t)
		_, wait := echoServer(t, s, "127.0.0.1:80")
		var wg sync.WaitGroup
		for range 8 {
			c, err := s.Dial(context.Background(), "127.0.0.1:80")
			noErr(t, err)
			wg.Go(func() { io.Copy(io.Discard, c) })
			wg.Go(func() {
				for {
					if _, err := c.Write(make([]byte, 5000)); err != nil {
						return
					}
				}
			})
			wg.Go(func() {
				for {
					d, err := s.Dial(context.Background(), "127.0.0.1:80")
					if err != nil {
						return
					}
					d.Close()
				}
			})
		}
		wg.Go(func() { s.Advance(time.Hour) })
		awaitCounter(t, s, "TcpPassiveOpens", 10)
		s.Close()
		wg.Wait()
		wait()
		if err := s.IfUp("lo"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed machine: %v", err)
		}
	}
}

// awaitCounter waits until a counter of the machine has reached n.
func awaitCounter(t *testing.T, s *Stack, name string, n uint64) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
		for _, c := range s.Counters() {
			if c.Name == name && c.Value >= n {
				return
			}
		}
	}
	t.Fatalf("%s has not reached %d", name, n)
}
