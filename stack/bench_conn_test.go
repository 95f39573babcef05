package stack

import (
	"context"
	"net"
	"testing"
	"time"
)

// The same work through net.Conn, for menuos and for its peers.

type dialer struct {
	listen func() (net.Listener, error)
	dial   func(net.Listener) (net.Conn, error)
	pause  func() // lets TIME_WAIT pass, before the ports run out
}

func menuosDialer(s *Stack) dialer {
	return dialer{
		func() (net.Listener, error) { return s.Listen("127.0.0.1:0", 128) },
		func(l net.Listener) (net.Conn, error) { return s.Dial(context.Background(), l.Addr().String()) },
		func() { s.Advance(61 * time.Second) },
	}
}

var hostDialer = dialer{
	func() (net.Listener, error) { return net.Listen("tcp4", "127.0.0.1:0") },
	func(l net.Listener) (net.Conn, error) { return net.Dial("tcp4", l.Addr().String()) },
	func() {},
}

func (d dialer) pair(b *testing.B) (client, server net.Conn) {
	l, err := d.listen()
	if err != nil {
		b.Skip(err)
	}
	defer l.Close()
	ch := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		ch <- c
	}()
	client, err = d.dial(l)
	noErr(b, err)
	server = <-ch
	b.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func connBulk(b *testing.B, client, server net.Conn) {
	done := make(chan int64)
	go func() {
		buf := make([]byte, bulkChunk)
		var got int64
		for got < int64(b.N)*bulkChunk {
			n, err := server.Read(buf)
			if err != nil {
				break
			}
			got += int64(n)
		}
		done <- got
	}()
	buf := make([]byte, bulkChunk)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := client.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
	got := <-done
	b.StopTimer()
	if got != int64(b.N)*bulkChunk {
		b.Fatalf("%d bytes came", got)
	}
	gbits(b, got)
}

func connRoundTrip(b *testing.B, client, server net.Conn) {
	go func() {
		buf := make([]byte, 1)
		for {
			if _, err := server.Read(buf); err != nil {
				return
			}
			server.Write(buf)
		}
	}()
	buf := make([]byte, 1)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		client.Write(buf)
		if _, err := client.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	perSecond(b, "rt/s")
}

func connConnections(b *testing.B, d dialer) {
	l, err := d.listen()
	if err != nil {
		b.Skip(err)
	}
	defer l.Close()
	go func() {
		buf := make([]byte, 64)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(buf)
			c.Write([]byte("hi"))
			c.Close()
		}
	}()
	buf := make([]byte, 64)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i%10000 == 9999 {
			d.pause()
		}
		c, err := d.dial(l)
		noErr(b, err)
		c.Write([]byte("hello"))
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	b.StopTimer()
	perSecond(b, "conn/s")
}

func BenchmarkConnBulk(b *testing.B) {
	c, s := menuosDialer(benchStack(b, 0)).pair(b)
	connBulk(b, c, s)
}

func BenchmarkConnRoundTrip(b *testing.B) {
	c, s := menuosDialer(benchStack(b, 0)).pair(b)
	connRoundTrip(b, c, s)
}

func BenchmarkConnConnections(b *testing.B) { connConnections(b, menuosDialer(benchStack(b, 0))) }

func BenchmarkPeerHostBulk(b *testing.B) {
	c, s := hostDialer.pair(b)
	connBulk(b, c, s)
}

func BenchmarkPeerHostRoundTrip(b *testing.B) {
	c, s := hostDialer.pair(b)
	connRoundTrip(b, c, s)
}

func BenchmarkPeerHostConnections(b *testing.B) { connConnections(b, hostDialer) }

func BenchmarkPeerPipeBulk(b *testing.B) {
	c, s := net.Pipe()
	connBulk(b, c, s)
}

func BenchmarkPeerPipeRoundTrip(b *testing.B) {
	c, s := net.Pipe()
	connRoundTrip(b, c, s)
}
