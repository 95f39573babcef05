package stack

import (
	"context"
	"testing"
	"time"
)

// busyMachine is a machine with a real clock that is never idle: a client and a
// server send one byte back and forth.
func busyMachine(t *testing.T) *Stack {
	t.Helper()
	s := New(Config{Seed: 1, Clock: ClockReal})
	t.Cleanup(s.Close)
	noErr(t, s.Boot())
	startEcho(s, benchAddr)
	s.Spawn("client", nil, func(p *Proc) int {
		fd := connectTCP(p, benchAddr)
		for b := []byte{1}; ; {
			sendAll(p, fd, b)
			if _, err := p.Recv(fd, b, 0); err != nil {
				return 1
			}
		}
	})
	return s
}

// TestBusyClock checks that timers expire in a machine that is never idle.
func TestBusyClock(t *testing.T) {
	s := busyMachine(t)
	began := s.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	j := s.Spawn("sleeper", nil, sleeper(10*time.Millisecond))
	if o, err := s.WaitContext(ctx, j); o != Done || err != nil || !j.Done() {
		t.Fatalf("a sleep of 10 ms: %v, %v, done %v at %v", o, err, j.Done(), s.Now()-began)
	}
	if passed := s.Now() - began; passed < 10*time.Millisecond {
		t.Errorf("a sleep of 10 ms took %v", passed)
	}
}

// TestBusyCall checks that a call from outside comes back from a machine that is
// never idle.
func TestBusyCall(t *testing.T) {
	s := busyMachine(t)
	for range 3 {
		if err := s.SetMTU("eth0", 1400); err != nil {
			t.Error(err)
		}
	}
}
