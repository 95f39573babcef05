package shell

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
)

var ncCommand = &Command{
	Name: "nc", Usage: "[-uklnvzdNC] [-p PORT] [-s ADDR] [-w SECONDS] [-q SECONDS] [HOST] [PORT[-PORT]]", Group: groupNetwork, Drives: true,
	Summary: text{"TCP and UDP connections by hand, as OpenBSD's nc", "手工收发 TCP 和 UDP(与 OpenBSD 的 nc 相同)"},
	Help: text{"Sends what it reads (a pipe, a file, or lines that you type; Ctrl-D ends them) and prints what comes.\n" +
		"nc -l PORT waits for a connection first. Without -N or -q it goes on until the other side closes.",
		"发送读到的内容(管道、文件或键入的行;Ctrl-D 结束输入),并打印收到的内容。\n" +
			"nc -l PORT 先等待连接。不加 -N 或 -q 时一直运行到对方关闭。"},
	Flags: func(f *pflag.FlagSet) { ncFlags(f, new(ncOptions)) },
	Words: hostWords,
	Run:   runNc,
}

type ncOptions struct {
	listen, udp, keep, shut, verbose, zero, numeric, noInput, crlf, four bool

	port, source string
	wait, quit   int // seconds; less than 0: no limit

	host  string
	ports [2]int // the first and the last
	from  netip.AddrPort
	typed bool // a person types the input
}

func ncFlags(f *pflag.FlagSet, o *ncOptions) {
	f.BoolVarP(&o.listen, "listen", "l", false, "wait for a connection")
	f.BoolVarP(&o.udp, "udp", "u", false, "UDP instead of TCP")
	f.BoolVarP(&o.keep, "keep", "k", false, "with -l: wait for the next connection when one has ended")
	f.BoolVarP(&o.shut, "shutdown", "N", false, "send a FIN at the end of the input")
	f.StringVarP(&o.port, "port", "p", "", "the port on this side")
	f.StringVarP(&o.source, "source", "s", "", "the address on this side")
	f.IntVarP(&o.wait, "wait", "w", -1, "give up after so many seconds without a connection or data")
	f.IntVarP(&o.quit, "quit", "q", -1, "quit so many seconds after the end of the input")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "tell of connections")
	f.BoolVarP(&o.zero, "zero", "z", false, "only see whether anybody listens")
	f.BoolVarP(&o.numeric, "numeric", "n", false, "no names, addresses only")
	f.BoolVarP(&o.noInput, "detach", "d", false, "do not read")
	f.BoolVarP(&o.crlf, "crlf", "C", false, "send CR LF at the end of a line")
	f.BoolVarP(&o.four, "ipv4", "4", false, "IPv4 (it is all there is)")
}

func runNc(c *Cmd) int {
	var o ncOptions
	args, st, ok := c.flags(func(f *pflag.FlagSet) { ncFlags(f, &o) })
	if !ok {
		return st
	}
	if err := o.arguments(args); err != nil {
		return c.fail("%v", err)
	}
	if o.ports[0] < 0 {
		return c.usage("")
	}
	in, typed, done := c.stdin()
	defer done()
	o.typed = typed
	return c.run(true, func(p *stack.Proc) int {
		p.SetInput(in)
		if o.listen {
			return ncListen(p, c, &o)
		}
		return ncClient(p, c, &o)
	})
}

// arguments reads HOST and PORT. The first port is -1 if there is none.
func (o *ncOptions) arguments(args []string) error {
	ports := ""
	switch {
	case o.listen && len(args) == 0:
		ports, o.port = o.port, ""
	case o.listen && len(args) == 1 && o.port == "":
		ports = args[0]
	case o.listen && len(args) == 1:
		o.source, ports, o.port = args[0], o.port, ""
	case len(args) == 2:
		o.host, ports = args[0], args[1]
		if o.listen {
			o.source = o.host
		}
	case len(args) == 1:
		return errors.New("missing port number")
	}
	if ports == "" || len(args) > 2 {
		o.ports[0] = -1
		return nil
	}
	first, last, ranged := strings.Cut(ports, "-")
	var err error
	if o.ports[0], err = ncPort(first); err != nil {
		return err
	}
	if o.ports[1] = o.ports[0]; ranged {
		if o.ports[1], err = ncPort(last); err != nil {
			return err
		}
	}
	if o.ports[0] > o.ports[1] {
		o.ports[0], o.ports[1] = o.ports[1], o.ports[0]
	}
	return o.ownAddress()
}

// ownAddress reads -s and -p.
func (o *ncOptions) ownAddress() error {
	if o.source == "" && o.port == "" && !o.listen {
		return nil
	}
	addr, port := netip.IPv4Unspecified(), o.ports[0]
	if o.source != "" {
		var err error
		if addr, err = netip.ParseAddr(o.source); err != nil || !addr.Is4() {
			return fmt.Errorf("getaddrinfo for %q: %w", o.source, errNoName)
		}
	}
	if !o.listen {
		port = 0
		if o.port != "" {
			var err error
			if port, err = ncPort(o.port); err != nil {
				return err
			}
		}
	}
	o.from = netip.AddrPortFrom(addr, uint16(port))
	return nil
}

func ncPort(s string) (int, error) {
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		for port, name := range services {
			if name == s {
				return int(port), nil
			}
		}
		return 0, fmt.Errorf("port number invalid: %s", s)
	case n < 1:
		return 0, fmt.Errorf("port number too small: %s", s)
	case n > 65535:
		return 0, fmt.Errorf("port number too large: %s", s)
	}
	return n, nil
}

// services are the names of ports that a student meets (/etc/services).
var services = map[uint16]string{7: "echo", 9: "discard", 20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "domain",
	80: "http", 110: "pop3", 123: "ntp", 143: "imap2", 443: "https"}

func (o *ncOptions) proto() string {
	if o.udp {
		return "udp"
	}
	return "tcp"
}

func (o *ncOptions) kind() int {
	if o.udp {
		return stack.SOCK_DGRAM
	}
	return stack.SOCK_STREAM
}

// ncClient connects to each port in turn.
func ncClient(p *stack.Proc, c *Cmd, o *ncOptions) int {
	addr, err := c.lookup(p, o.host)
	if err != nil {
		return c.fail("getaddrinfo for host %q port %d: %v", o.host, o.ports[0], err)
	}
	shown := o.host
	if addr.String() != o.host && !o.numeric {
		shown += " (" + addr.String() + ")"
	}
	status := 1
	for port := o.ports[0]; port <= o.ports[1]; port++ {
		to := netip.AddrPortFrom(addr, uint16(port))
		fd, err := dial(p, o.kind(), o.from, to, time.Duration(o.wait)*time.Second)
		if err != nil {
			o.sayFailed(c, shown, port, err)
			continue
		}
		if o.zero && o.udp && !udpAnswers(p, fd) {
			p.Close(fd)
			continue
		}
		status = 0
		if o.verbose || o.zero {
			name := "*"
			if s := services[uint16(port)]; s != "" && !o.numeric {
				name = s
			}
			fmt.Fprintf(c.Err, "Connection to %s %d port [%s/%s] succeeded!\n", shown, port, o.proto(), name)
		}
		if !o.zero {
			ncTransfer(p, c, o, fd)
		}
		p.Close(fd)
	}
	return status
}

// sayFailed tells of a connection that was not made. menuos tells without -v,
// too; only a scan (-z) is silent.
func (o *ncOptions) sayFailed(c *Cmd, host string, port int, err error) {
	if o.zero && !o.verbose {
		return
	}
	failed := "failed"
	if errors.Is(err, errTimedOut) {
		failed, err = "timed out", stack.EINPROGRESS
	}
	fmt.Fprintf(c.Err, "nc: connect to %s port %d (%s) %s: %v\n", host, port, o.proto(), failed, err)
}

// udpAnswers sends a few datagrams and sees whether the port is unreachable.
func udpAnswers(p *stack.Proc, fd int) bool {
	for range 4 {
		if _, err := p.Send(fd, []byte("X"), stack.MSG_NOSIGNAL); err != nil {
			return false
		}
		if p.Sleep(time.Second/4) != nil {
			return false
		}
	}
	return true
}

// ncListen takes one connection, or one after the other.
func ncListen(p *stack.Proc, c *Cmd, o *ncOptions) int {
	if o.udp {
		return ncListenUDP(p, c, o)
	}
	fd, err := listenOn(p, o.from, 1)
	if err != nil {
		return c.fail("%v", err)
	}
	defer p.Close(fd)
	o.sayListening(c)
	for {
		conn, peer, err := p.Accept(fd)
		if err != nil {
			return c.fail("accept: %v", err)
		}
		o.sayReceived(c, peer)
		ncTransfer(p, c, o, conn)
		p.Close(conn)
		if !o.keep {
			return 0
		}
	}
}

func (o *ncOptions) sayListening(c *Cmd) {
	if o.verbose {
		fmt.Fprintf(c.Err, "Listening on %s %d\n", o.from.Addr(), o.from.Port())
	}
}

func (o *ncOptions) sayReceived(c *Cmd, peer netip.AddrPort) {
	if o.verbose {
		fmt.Fprintf(c.Err, "Connection received on %s %d\n", peer.Addr(), peer.Port())
	}
}

// ncListenUDP talks to whom the first datagram comes from; with -k it prints what
// comes from anybody.
func ncListenUDP(p *stack.Proc, c *Cmd, o *ncOptions) int {
	fd, err := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
	if err != nil {
		return c.fail("%v", err)
	}
	defer p.Close(fd)
	p.SetsockoptInt(fd, stack.SOL_SOCKET, stack.SO_REUSEADDR, 1)
	if err := p.Bind(fd, o.from); err != nil {
		return c.fail("%v", err)
	}
	o.sayListening(c)
	if o.keep {
		o.noInput = true // there is nobody to send it to
		ncTransfer(p, c, o, fd)
		return 0
	}
	_, peer, err := p.Recvfrom(fd, make([]byte, 1), stack.MSG_PEEK)
	if err != nil {
		return c.fail("recvfrom: %v", err)
	}
	if err := p.Connect(fd, peer); err != nil {
		return c.fail("connect: %v", err)
	}
	o.sayReceived(c, peer)
	ncTransfer(p, c, o, fd)
	return 0
}
