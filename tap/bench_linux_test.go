package tap

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"menuos/stack"
)

// benchKinds are the links that are measured; the host's kernel is the peer.
var benchKinds = []Config{
	{Name: "lab0", Offload: true},
	{Name: "lab0"},
	{Name: "lab0", Tun: true},
}

// pair is a connection over a link: the machine's end and the host's.
func pair(b *testing.B, m *stack.Stack) (mine, host net.Conn) {
	b.Helper()
	ln, err := m.Listen("0.0.0.0:5001", 5)
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	in := accepted(ln)
	host, err = net.DialTimeout("tcp4", labAddr.Addr().String()+":5001", limit)
	if err != nil {
		b.Fatal(err)
	}
	mine = <-in
	b.Cleanup(func() {
		host.Close()
		mine.Close()
	})
	return mine, host
}

// chunk is how many bytes a measured call moves.
const chunk = 1 << 20

// BenchmarkThroughput measures one connection, in: to the machine, and out.
func BenchmarkThroughput(b *testing.B) {
	for _, c := range benchKinds {
		for _, way := range []string{"in", "out"} {
			b.Run(fmt.Sprintf("tun=%t/offload=%t/%s", c.Tun, c.Offload, way), func(b *testing.B) {
				needTap(b)
				m := machine(b)
				attach(b, m, c)
				to, from := pair(b, m)
				if way == "out" {
					to, from = from, to
				}
				sent := make(chan error, 1)
				b.SetBytes(chunk)
				b.ResetTimer()
				go func() {
					buf := make([]byte, chunk)
					for range b.N {
						if _, err := from.Write(buf); err != nil {
							sent <- err
							return
						}
					}
					sent <- nil
				}()
				if n, err := io.CopyBuffer(onlyWriter{}, io.LimitReader(to, int64(b.N)*chunk), make([]byte, 256<<10)); err != nil || n != int64(b.N)*chunk {
					b.Fatalf("received %d of %d bytes: %v", n, int64(b.N)*chunk, err)
				}
				if err := <-sent; err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// onlyWriter hides what io.Discard does by itself, with a small buffer.
type onlyWriter struct{}

func (onlyWriter) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkRoundTrip measures one byte there and back; the host asks.
func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range benchKinds {
		b.Run(fmt.Sprintf("tun=%t/offload=%t", c.Tun, c.Offload), func(b *testing.B) {
			needTap(b)
			m := machine(b)
			attach(b, m, c)
			mine, host := pair(b, m)
			go func() { _, _ = io.Copy(mine, mine) }()
			buf := make([]byte, 1)
			for b.Loop() {
				if _, err := host.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(host, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkConnect measures a connection that the machine opens to the host,
// and closes.
func BenchmarkConnect(b *testing.B) {
	for _, c := range benchKinds {
		b.Run(fmt.Sprintf("tun=%t/offload=%t", c.Tun, c.Offload), func(b *testing.B) {
			needTap(b)
			m := machine(b)
			l := attach(b, m, c)
			ln, err := net.Listen("tcp4", l.Host().Addr.Addr().String()+":0")
			if err != nil {
				b.Fatal(err)
			}
			defer ln.Close()
			go func() {
				for {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					_ = c.(*net.TCPConn).SetLinger(0)
					_, _ = io.Copy(io.Discard, c)
					c.Close()
				}
			}()
			for b.Loop() {
				c, err := m.Dial(context.Background(), ln.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		})
	}
}
