package tap

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"menuos/stack"
	"menuos/stack/wire"
)

// kinds are the links that carry the tests' traffic.
var kinds = []Config{
	{Name: "lab0", Tun: true},
	{Name: "lab0"},
	{Name: "lab0", Offload: true},
	{Name: "lab0", Offload: true, MTU: 9000},
	{Name: "lab0", MTU: 576},
}

func (c Config) String() string {
	return fmt.Sprintf("tun=%t,offload=%t,mtu=%d", c.Tun, c.Offload, c.MTU)
}

func eachKind(t *testing.T, fn func(t *testing.T, m *stack.Stack, l *Link)) {
	for _, c := range kinds {
		t.Run(c.String(), func(t *testing.T) {
			needTap(t)
			m := machine(t)
			fn(t, m, attach(t, m, c))
		})
	}
}

// limit ends a test whose packets do not come.
const limit = time.Minute

// echo is an ICMP echo request of the host, with n bytes of data.
func echo(id, seq uint16, n int) []byte {
	b := make([]byte, 8+n)
	b[0] = 8
	binary.BigEndian.PutUint16(b[4:], id)
	binary.BigEndian.PutUint16(b[6:], seq)
	for i := range b[8:] {
		b[8+i] = byte(i)
	}
	binary.BigEndian.PutUint16(b[2:], wire.Fold(wire.Sum(b, 0)))
	return b
}

func TestHostPings(t *testing.T) {
	eachKind(t, func(t *testing.T, m *stack.Stack, l *Link) {
		ping(t, 0, 1, 56, 1000, 4000) // the last one in fragments
	})
}

// ping has the host send echo requests of some sizes, and compares the answers.
func ping(t testing.TB, sizes ...int) {
	t.Helper()
	c, err := net.DialIP("ip4:icmp", nil, &net.IPAddr{IP: labAddr.Addr().AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(limit))
	for seq, n := range sizes {
		req := echo(7, uint16(seq), n)
		if _, err := c.Write(req); err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(req)
		want[0], want[2], want[3] = 0, 0, 0
		binary.BigEndian.PutUint16(want[2:], wire.Fold(wire.Sum(want, 0)))
		got := make([]byte, 8192)
		k, _, err := c.ReadFrom(got)
		if err != nil {
			t.Fatalf("no answer to an echo of %d bytes: %v", n, err)
		}
		if !bytes.Equal(got[:k], want) {
			t.Errorf("the answer to an echo of %d bytes is %d bytes, %x …, want %x …", n, k-8, got[:min(k, 64)], want[:min(len(want), 64)])
		}
	}
}

// pour sends n bytes that a seed determines.
func pour(w io.Writer, seed uint64, n int64) error {
	_, err := io.CopyN(w, stream(seed), n)
	return err
}

// drink receives n bytes, which must be those that the seed determines.
func drink(r io.Reader, seed uint64, n int64) error {
	want := stream(seed)
	got, exp := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); at < n; {
		k, err := r.Read(got[:min(n-at, int64(len(got)))])
		_, _ = want.Read(exp[:k])
		if !bytes.Equal(got[:k], exp[:k]) {
			return fmt.Errorf("other bytes than were sent, between %d and %d", at, at+int64(k))
		}
		if at += int64(k); err != nil && at < n {
			return fmt.Errorf("after %d of %d bytes: %w", at, n, err)
		}
	}
	return nil
}

func stream(seed uint64) io.Reader {
	var key [32]byte
	binary.NativeEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// both sends n bytes each way over a connection whose ends are a and b.
func both(a, b net.Conn, n int64) error {
	deadline := time.Now().Add(limit)
	a.SetDeadline(deadline)
	b.SetDeadline(deadline)
	errs := make(chan error)
	for _, fn := range []func() error{
		func() error { return pour(a, 1, n) },
		func() error { return pour(b, 2, n) },
		func() error { return drink(a, 2, n) },
		func() error { return drink(b, 1, n) },
	} {
		go func() { errs <- fn() }()
	}
	return errors.Join(<-errs, <-errs, <-errs, <-errs)
}

// accepted takes one connection.
func accepted(l net.Listener) <-chan net.Conn {
	ch := make(chan net.Conn, 1)
	go func() {
		defer close(ch)
		if c, err := l.Accept(); err == nil {
			ch <- c
		}
	}()
	return ch
}

// bulkOf is how many bytes a test sends each way.
func bulkOf(c Config) int64 {
	if testing.Short() || c.MTU != 0 || c.Tun {
		return 10 << 20
	}
	return 100 << 20
}

// complaints are the host's counters of packets that it found wrong.
func complaints(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/thread-self/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	lines := strings.Split(string(text), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for j, name := range names {
			if strings.Contains(name, "Err") && name != "RcvbufErrors" {
				found = append(found, names[0]+name+"="+values[j])
			}
		}
	}
	return strings.Join(found, " ")
}

// TestConnections has each end connect to the other, and both ends send at once;
// the host finds nothing wrong with a packet, and its device drops none.
func TestConnections(t *testing.T) {
	eachKind(t, func(t *testing.T, m *stack.Stack, l *Link) {
		before := complaints(t)
		ln, err := m.Listen("0.0.0.0:5001", 5)
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		in := accepted(ln)
		host, err := net.DialTimeout("tcp4", labAddr.Addr().String()+":5001", limit)
		if err != nil {
			t.Fatalf("the host connects: %v", err)
		}
		defer host.Close()
		if err := both(host, <-in, bulkOf(l.cfg)); err != nil {
			t.Errorf("on the host's connection: %v", err)
		}

		hln, err := net.Listen("tcp4", l.Host().Addr.Addr().String()+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer hln.Close()
		in = accepted(hln)
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		mine, err := m.Dial(ctx, hln.Addr().String())
		if err != nil {
			t.Fatalf("the machine connects: %v", err)
		}
		defer mine.Close()
		if err := both(mine, <-in, bulkOf(l.cfg)); err != nil {
			t.Errorf("on the machine's connection: %v", err)
		}
		if after := complaints(t); after != before {
			t.Errorf("the host's counters before and after:\n%s\n%s", before, after)
		}
		dev, err := netlink.LinkByName("lab0")
		if err != nil {
			t.Fatal(err)
		}
		if n := dev.Attrs().Statistics; n.TxDropped != 0 || n.RxDropped != 0 || l.Stats().OutDropped != 0 {
			t.Errorf("the host's device has dropped %d packets to the machine and %d from it, the link %d; want none", n.TxDropped, n.RxDropped, l.Stats().OutDropped)
		}
	})
}
