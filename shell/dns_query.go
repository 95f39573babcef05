package shell

// A question to a DNS server over UDP, and over TCP if the answer is too long.

import (
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"menuos/stack"
)

const (
	dnsPort = 53
	dnsMax  = 65535 // bytes of a message
)

// dnsQuery says whom to ask and how.
type dnsQuery struct {
	server netip.AddrPort
	wait   time.Duration
	tcp    bool
	noTCP  bool // a truncated answer will do
}

// dnsAnswer is what came.
type dnsAnswer struct {
	msg  *dns.Msg
	size int
	took time.Duration
	tcp  bool
	cut  bool // the answer over UDP was truncated
}

// exchange asks once. The error is the socket's, or errTimedOut, or that of a
// message that cannot be read.
func (q dnsQuery) exchange(p *stack.Proc, m *dns.Msg) (a dnsAnswer, err error) {
	wire, err := m.Pack()
	if err != nil {
		return a, err
	}
	began := p.Now()
	if !q.tcp {
		a, err = q.overUDP(p, m, wire)
		a.took = p.Now() - began
		if err != nil || !a.msg.Truncated || q.noTCP {
			return a, err
		}
		began = p.Now()
	}
	cut := !q.tcp
	a, err = q.overTCP(p, m, wire)
	a.took, a.tcp, a.cut = p.Now()-began, true, cut
	return a, err
}

func (q dnsQuery) overUDP(p *stack.Proc, m *dns.Msg, wire []byte) (a dnsAnswer, err error) {
	fd, err := dial(p, stack.SOCK_DGRAM, netip.AddrPort{}, q.server, 0)
	if err != nil {
		return a, err
	}
	defer p.Close(fd)
	if _, err := p.Send(fd, wire, stack.MSG_NOSIGNAL); err != nil {
		return a, err
	}
	c := sockConn{p, fd, p.Now() + q.wait}
	buf := make([]byte, dnsMax)
	for {
		n, err := c.Read(buf)
		if err != nil && !errors.Is(err, io.EOF) {
			return a, err
		}
		if r := new(dns.Msg); r.Unpack(buf[:n]) == nil && answers(r, m) {
			return dnsAnswer{msg: r, size: n}, nil
		}
	}
}

func (q dnsQuery) overTCP(p *stack.Proc, m *dns.Msg, wire []byte) (a dnsAnswer, err error) {
	fd, err := dial(p, stack.SOCK_STREAM, netip.AddrPort{}, q.server, q.wait)
	if err != nil {
		return a, err
	}
	defer p.Close(fd)
	c := &sockConn{p, fd, p.Now() + q.wait}
	if err := writeDNS(c, wire); err != nil {
		return a, err
	}
	b, err := readDNS(c)
	if err != nil {
		return a, err
	}
	r := new(dns.Msg)
	if err := r.Unpack(b); err != nil {
		return a, err
	}
	if !answers(r, m) {
		return a, errors.New("ID mismatch")
	}
	return dnsAnswer{msg: r, size: len(b)}, nil
}

// answers tells whether r is an answer to m.
func answers(r, m *dns.Msg) bool {
	if r.Id != m.Id || !r.Response {
		return false
	}
	if len(r.Question) == 0 { // an error may leave it out
		return r.Rcode != dns.RcodeSuccess
	}
	a, b := r.Question[0], m.Question[0]
	return strings.EqualFold(a.Name, b.Name) && a.Qtype == b.Qtype && a.Qclass == b.Qclass
}

// writeDNS writes a message as TCP has it, behind its length.
func writeDNS(w io.Writer, wire []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...))
	return err
}

// readDNS reads such a message.
func readDNS(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}
