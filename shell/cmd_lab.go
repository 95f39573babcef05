package shell

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
)

// labCommands are the laboratory's own, in the order of its menu.
var labCommands = []*Command{helpCommand, versionCommand, quitCommand, timeCommand, replyhiCommand, helloCommand, udpServerCommand, udpClientCommand, dnsCommand}

var (
	labHost = netip.MustParseAddr("127.0.0.1")
)

const (
	labPort    = 5001
	labBacklog = 1024
	labUDPPort = 8000
	bufLen     = 1024
)

// Where the laboratory's program prints its errors: FILE:LINE of the macros.
const (
	bindErrorAt    = "main.c:131"
	acceptErrorAt  = "main.c:134"
	connectErrorAt = "main.c:171"
)

var versionCommand = &Command{
	Name:    "version",
	Summary: text{"MenuOS V1.0(Based on Linux 3.18.6)", ""},
	Help:    text{"Prints the program's version and the Linux that it models.", "打印程序版本及其建模的 Linux 版本。"},
	Group:   groupLab,
	Run: func(c *Cmd) int {
		if st, ok := c.noArgs(); !ok {
			return st
		}
		version := c.S.cfg.Version
		if version == "" {
			version = "(devel)"
		}
		c.printf("%s\n", c.msg("models", version, LinuxVersion))
		return 0
	},
}

// LinuxVersion is the kernel that the machine models.
const LinuxVersion = "5.0.1"

var quitCommand = &Command{
	Name:    "quit",
	Usage:   "[STATUS]",
	Summary: text{"Quit from MenuOS", ""},
	Help:    text{"Leaves MenuOS, as exit and Ctrl-D do.", "退出 MenuOS,与 exit 和 Ctrl-D 相同。"},
	Group:   groupLab,
	Run: func(c *Cmd) int {
		status := 0
		if len(c.Args) > 0 {
			if _, err := fmt.Sscanf(c.Args[0], "%d", &status); err != nil || len(c.Args) > 1 {
				return c.usage("%s", c.msg("badNumber", c.Args[0]))
			}
		}
		c.S.quit, c.S.quitCode = true, status&255
		c.line.cancel()
		return status & 255
	},
}

var timeCommand = &Command{
	Name:    "time",
	Summary: text{"Show System Time", ""},
	Help: text{"Prints the machine's date and time. Its clock begins at 2019-03-10 12:00 and moves as the machine runs.",
		"打印机器的日期和时间。时钟从 2019-03-10 12:00 开始,随机器运行而前进。"},
	Group: groupLab,
	Run: func(c *Cmd) int {
		if st, ok := c.noArgs(); !ok {
			return st
		}
		t := c.S.wallClock()
		month := int(t.Month())
		if c.S.cfg.Faithful {
			month-- // the laboratory prints tm_mon as it is
		}
		c.printf("time:%d:%d:%d:%d:%d:%d\n", t.Year(), month, t.Day(), t.Hour(), t.Minute(), t.Second())
		return 0
	},
}

func endpoint(f *pflag.FlagSet, host *string, port *uint16, defPort uint16) {
	f.StringVar(host, "host", labHost.String(), "IPv4 address or name")
	f.Uint16Var(port, "port", defPort, "port")
}

// endpoint reads the address that a command's --host and --port name. If it
// cannot, ok is false and status is the command's.
func (c *Cmd) endpoint(defPort uint16) (at netip.AddrPort, status int, ok bool) {
	var host string
	var port uint16
	args, st, ok := c.flags(func(f *pflag.FlagSet) { endpoint(f, &host, &port, defPort) })
	if !ok {
		return at, st, false
	}
	if len(args) > 0 {
		return at, c.usage("%s", c.msg("extra", args[0])), false
	}
	addr, st, ok := c.address(host)
	return netip.AddrPortFrom(addr, port), st, ok
}

// address is what host names; a word that is no name, but looks like an address,
// is wrong usage.
func (c *Cmd) address(host string) (addr netip.Addr, status int, ok bool) {
	addr, err := c.resolve(host)
	switch {
	case err == nil:
		return addr, 0, true
	case strings.Trim(host, ".:0123456789") == "":
		return addr, c.usage("%s", c.msg("badAddr", host)), false
	}
	return addr, c.fail("%s: %v", host, err), false
}

var replyhiCommand = &Command{
	Name:    "replyhi",
	Usage:   "[--host ADDRESS] [--port N]",
	Summary: text{"Reply hi TCP Service", ""},
	Help: text{"Forks a process that listens on 127.0.0.1:5001 (with a TAP on all addresses, so that the host reaches it) and answers each message with \"hi\".\nIt goes on behind the prompt: jobs lists it, kill %1 ends it.",
		"创建一个子进程,在 127.0.0.1:5001 上监听(有 TAP 时监听所有地址,主机可以访问),对每条消息回答 \"hi\"。\n它在提示符后面继续运行:jobs 列出它,kill %1 结束它。"},
	Group:  groupLab,
	Drives: true,
	Flags:  func(f *pflag.FlagSet) { endpoint(f, new(string), new(uint16), labPort) },
	Run: func(c *Cmd) int {
		at, st, ok := c.endpoint(labPort)
		if !ok {
			return st
		}
		if c.S.cfg.Attach != nil && !c.S.cfg.Faithful && !slices.ContainsFunc(c.Args, func(a string) bool { return strings.HasPrefix(a, "--host") }) {
			at = netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port())
		}
		failed := make(chan string, 1)
		c.spawn("replyhi", func(p *stack.Proc) int { return replyhi(p, c.S, at, failed) })
		c.printf("Please input hello...\n")
		c.line.awaitSettled()
		select {
		case what := <-failed:
			fmt.Fprint(c.Err, what)
			if errs := c.S.whoHolds(at); errs != "" {
				fmt.Fprint(c.Err, errs)
			}
			return 1
		default:
			return 0
		}
	},
}

// replyhi is the service: socket, bind, listen, then accept, recv, send and
// close again and again. The order of its calls is the laboratory's.
func replyhi(p *stack.Proc, s *Session, at netip.AddrPort, failed chan<- string) int {
	fd, err := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
	if err != nil {
		failed <- fmt.Sprintf("socket: %v\n", err)
		return 1
	}
	if err := p.Bind(fd, at); err != nil {
		p.Close(fd)
		text := fmt.Sprintf("Bind Error,%s\n", bindErrorAt)
		if !s.cfg.Faithful && !errors.Is(err, stack.EADDRINUSE) {
			text += fmt.Sprintf("replyhi: bind %s: %v (%s)\n", at, err, errnoName(err))
		}
		if s.cfg.Faithful {
			text += "Reply hi TCP Service Started!\n"
		}
		failed <- text
		return 1
	}
	if err := p.Listen(fd, labBacklog); err != nil {
		failed <- fmt.Sprintf("listen: %v\n", err)
		return 1
	}
	buf := make([]byte, bufLen)
	for {
		conn, peer, err := p.Accept(fd)
		if err != nil {
			p.Printf("Accept Error,%s\n", acceptErrorAt)
			return 1
		}
		if n, err := p.Recv(conn, buf, 0); err == nil && n > 0 {
			p.Printf("recv \"%s\" from %s\n", printable(buf[:n]), peer)
		}
		if n, err := p.Send(conn, []byte("hi"), stack.MSG_NOSIGNAL); err == nil && n > 0 {
			p.Printf("send \"hi\" to %s\n", peer)
		}
		p.Close(conn)
	}
}

// printable is what came over a connection, fit for a terminal.
func printable(b []byte) string {
	out := make([]rune, 0, len(b))
	for _, r := range string(b) {
		switch {
		case r == 0:
		case r < ' ' || r == 0x7f || r == 0xfffd:
			out = append(out, '.')
		default:
			out = append(out, r)
		}
	}
	return string(out)
}

// whoHolds says why an address cannot be bound.
func (s *Session) whoHolds(at netip.AddrPort) string {
	if s.cfg.Faithful {
		return ""
	}
	var out string
	for _, k := range s.m.Snapshot().Socks {
		if k.Local.Port() != at.Port() || k.Netid != "tcp" {
			continue
		}
		switch {
		case k.Kind == stack.SockTimewait && k.Timer != nil:
			secs := int((k.Timer.Left + time.Second - 1) / time.Second)
			out += s.msg("bindTw", k.Peer, k.State, ssTime(k.Timer.Left), secs) + "\n"
		case len(k.Users) > 0 && k.State == "LISTEN":
			u := k.Users[0]
			out += s.msg("bindHolder", u.Comm, u.Pid, k.State, u.Pid) + "\n"
		}
	}
	return s.msg("bindUse", "replyhi", at.Port()) + "\n" + out
}

// down reports whether an interface is down.
func (s *Session) down(name string) bool {
	for _, i := range s.m.Ifaces() {
		if i.Name == name {
			return i.Flags&stack.IFF_UP == 0
		}
	}
	return true
}

var helloCommand = &Command{
	Name:    "hello",
	Usage:   "[--host HOST] [--port N]",
	Summary: text{"Hello TCP Client", ""},
	Help: text{"Connects to 127.0.0.1:5001, sends \"hello\", prints the answer and closes. Needs replyhi.",
		"连接 127.0.0.1:5001,发送 \"hello\",打印回答,然后关闭。需要先运行 replyhi。"},
	Group:  groupLab,
	Drives: true,
	Flags:  func(f *pflag.FlagSet) { endpoint(f, new(string), new(uint16), labPort) },
	Run: func(c *Cmd) int {
		to, st, ok := c.endpoint(labPort)
		if !ok {
			return st
		}
		var failed error
		st = c.run(false, func(p *stack.Proc) int { return hello(p, c, to, &failed) })
		if failed != nil && !c.S.cfg.Faithful {
			c.explainConnect(failed, to)
		}
		return st
	},
}

// explainConnect says why a connection was not made, and what to do.
func (c *Cmd) explainConnect(err error, to netip.AddrPort) {
	fmt.Fprintln(c.Err, c.msg("refused", c.Name, to, err, errnoName(err)))
	switch {
	case errors.Is(err, stack.ECONNREFUSED):
		fmt.Fprintln(c.Err, c.msg("hintReplyhi", to))
	case errors.Is(err, stack.ENETUNREACH), errors.Is(err, stack.ETIMEDOUT) && to.Addr().IsLoopback() && c.S.down("lo"):
		fmt.Fprintln(c.Err, c.msg("hintLo"))
	case errors.Is(err, stack.ETIMEDOUT):
		fmt.Fprintln(c.Err, c.msg("hintTimeout"))
	}
}

// hello is the client: socket, connect, send, recv, close, and nothing between.
func hello(p *stack.Proc, c *Cmd, to netip.AddrPort, failed *error) int {
	fd, err := p.Socket(stack.AF_INET, stack.SOCK_STREAM, 0)
	if err != nil {
		return c.fail("socket: %v", err)
	}
	if err := p.Connect(fd, to); err != nil {
		p.Close(fd)
		fmt.Fprintf(c.Err, "Connect Error,%s\n", connectErrorAt)
		*failed = err
		return 1
	}
	status := 0
	n, err := p.Send(fd, []byte("hello"), stack.MSG_NOSIGNAL)
	switch {
	case err != nil:
		status = c.fail("send: %v (%s)", err, errnoName(err))
	case n > 0 && c.S.cfg.Faithful:
		c.printf("send \"hi\" to %s\n", to)
	case n > 0:
		c.printf("send \"hello\" to %s\n", to)
	}
	buf := make([]byte, bufLen)
	n, err = p.Recv(fd, buf, 0)
	switch {
	case err != nil:
		status = c.fail("recv: %v (%s)", err, errnoName(err))
	case n > 0:
		c.printf("recv \"%s\" from %s\n", printable(buf[:n]), to)
	}
	p.Close(fd)
	return status
}

var udpServerCommand = &Command{
	Name:    "UDP_Server",
	Usage:   "[--port N]",
	Summary: text{"UDP Server", ""},
	Help: text{"Waits behind the prompt for one datagram on port 8000 and prints it.",
		"在后台等待 8000 端口上的一个数据报并打印。"},
	Group:  groupLab,
	Drives: true,
	Flags:  func(f *pflag.FlagSet) { f.Uint16("port", labUDPPort, "port") },
	Run: func(c *Cmd) int {
		var port uint16
		args, st, ok := c.flags(func(f *pflag.FlagSet) { f.Uint16Var(&port, "port", labUDPPort, "port") })
		if !ok {
			return st
		}
		if len(args) > 0 {
			return c.usage("%s", c.msg("extra", args[0]))
		}
		at := netip.AddrPortFrom(netip.IPv4Unspecified(), port)
		failed := make(chan error, 1)
		c.spawn("UDP_Server", func(p *stack.Proc) int {
			fd, err := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
			if err == nil {
				err = p.Bind(fd, at)
			}
			if err != nil {
				failed <- err
				return 1
			}
			p.Printf("waiting for a packet...\n")
			buf := make([]byte, 8192)
			n, from, err := p.Recvfrom(fd, buf, 0)
			if err != nil {
				p.Printf("recvfrom: %v\n", err)
				return 1
			}
			p.Printf("received packet from %s:\ncontents: %s\n", from.Addr(), printable(buf[:n]))
			p.Close(fd)
			return 0
		})
		c.line.awaitSettled()
		select {
		case err := <-failed:
			return c.fail("bind %s: %v (%s)", at, err, errnoName(err))
		default:
			return 0
		}
	},
}

var udpClientCommand = &Command{
	Name:    "UDP_Client",
	Usage:   "[--host HOST] [--port N] [TEXT]",
	Summary: text{"UDP Client", ""},
	Help:    text{"Sends one datagram to 127.0.0.1:8000.", "向 127.0.0.1:8000 发送一个数据报。"},
	Group:   groupLab,
	Drives:  true,
	Flags:   func(f *pflag.FlagSet) { endpoint(f, new(string), new(uint16), labUDPPort) },
	Run: func(c *Cmd) int {
		var host string
		var port uint16
		args, st, ok := c.flags(func(f *pflag.FlagSet) { endpoint(f, &host, &port, labUDPPort) })
		if !ok {
			return st
		}
		addr, st, ok := c.address(host)
		if !ok {
			return st
		}
		what := "This is a test message"
		if len(args) > 0 {
			what = args[0]
		}
		return c.run(false, func(p *stack.Proc) int {
			fd, err := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
			if err != nil {
				return c.fail("socket: %v", err)
			}
			defer p.Close(fd)
			c.printf("sending: '%s'\n", what)
			if _, err := p.Sendto(fd, []byte(what), 0, netip.AddrPortFrom(addr, port)); err != nil {
				return c.fail("sendto: %v (%s)", err, errnoName(err))
			}
			return 0
		})
	},
}
