package shell

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/spf13/pflag"

	"menuos/stack"
)

// diagnosticCommands look at the network and at what programs do with it.
var diagnosticCommands = []*Command{tcpdumpCommand, straceCommand, tracerouteCommand, udhcpcCommand, ethtoolCommand}

var tcpdumpCommand = &Command{
	Name:    "tcpdump",
	Usage:   "[-i IF|any] [-nveSXxAqtl#] [-c N] [-s SNAPLEN] [-Q in|out] [-w FILE] [-r FILE] [EXPRESSION]",
	Summary: text{"print the packets that an interface sends and receives", "打印接口收发的数据包"},
	Help: text{`EXPRESSION is a pcap-filter(7): tcp port 5001, host 10.0.0.1 and not arp, 'tcp[tcpflags] & tcp-syn != 0'.
Without -i it takes the first interface that is up and not lo; the laboratory's connections are on lo.
It goes on until Ctrl-C or for -c packets; with & behind it it prints while other commands run.
-w and -r name files of the machine. Numbers of a connection are relative to its first, with -S absolute.`,
		`EXPRESSION 为 pcap-filter(7) 表达式:tcp port 5001、host 10.0.0.1 and not arp、'tcp[tcpflags] & tcp-syn != 0'。
不带 -i 时取第一个已启动的非 lo 接口;实验室的连接在 lo 上。
它一直运行到 Ctrl-C,或抓到 -c 个包;末尾加 & 则在其他命令运行时打印。
-w 与 -r 使用机器内的文件。连接的序号为相对值,-S 显示绝对值。`},
	Group: groupNetwork, Drives: true,
	Flags: func(f *pflag.FlagSet) { tcpdumpFlagSet(f, new(tcpdump)) },
	Words: func(s *Session, args []string) []string {
		if len(args) > 0 && args[len(args)-1] == "-i" {
			return append(s.ifaceNames(), "any")
		}
		return []string{"-i", "-n", "-v", "-e", "-S", "-X", "-c", "-w", "-r", "tcp", "udp", "icmp", "arp", "port", "host", "net", "and", "or", "not", "src", "dst"}
	},
	Run: runTcpdump,
}

// tcpdump is one run.
type tcpdump struct {
	packetPrinter
	iface, write, read, way string
	limit, snap             int
	numeric                 int
	list, lineBuffered      bool
	noPromisc, noSums       bool

	c      *Cmd
	kind   linkKind
	filter predicate
	out    *pcapgo.Writer
	seen   int
}

func tcpdumpFlagSet(f *pflag.FlagSet, o *tcpdump) {
	f.StringVarP(&o.iface, "interface", "i", "", "interface, or any")
	f.IntVarP(&o.limit, "count", "c", 0, "end after this many packets")
	f.CountVarP(&o.verbose, "verbose", "v", "more of the headers, and whether checksums are right")
	f.BoolVarP(&o.link, "link", "e", false, "the link's header")
	f.BoolVarP(&o.absolute, "absolute-tcp-sequence-numbers", "S", false, "absolute TCP sequence numbers")
	f.CountVarP(&o.hexASCII, "hex-ascii", "X", "the packet in hexadecimal and ASCII; twice: with the link's header")
	f.CountVarP(&o.hex, "hex", "x", "the packet in hexadecimal; twice: with the link's header")
	f.CountVarP(&o.ascii, "ascii", "A", "the packet in ASCII")
	f.CountVarP(&o.times, "time", "t", "no time; twice: since the epoch; thrice: since the line before; four times: with the date")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "less of each packet")
	f.BoolVarP(&o.number, "number", "#", false, "number the packets")
	f.StringVarP(&o.write, "write", "w", "", "write the packets to this file (pcap)")
	f.StringVarP(&o.read, "read", "r", "", "read the packets from this file (pcap, pcapng)")
	f.IntVarP(&o.snap, "snapshot-length", "s", 262144, "bytes of a packet; 0: 262144")
	f.StringVarP(&o.way, "direction", "Q", "inout", "in, out or inout")
	f.BoolVarP(&o.list, "list-interfaces", "D", false, "list the interfaces")
	f.CountVarP(&o.numeric, "numeric", "n", "no names (none are ever looked up)")
	f.BoolVarP(&o.lineBuffered, "line-buffered", "l", false, "print each line at once (it always is)")
	f.BoolVarP(&o.noPromisc, "no-promiscuous-mode", "p", false, "not promiscuous (it never is)")
	f.BoolVarP(&o.noSums, "packet-buffered", "U", false, "write each packet at once (it always is)")
}

func runTcpdump(c *Cmd) int {
	o := &tcpdump{c: c}
	args, st, ok := c.flags(func(f *pflag.FlagSet) { tcpdumpFlagSet(f, o) })
	switch {
	case !ok:
		return st
	case o.list:
		for i, name := range append(c.S.ifaceNames(), "any") {
			c.printf("%d.%s\n", i+1, name)
		}
		return 0
	case o.limit < 0 || o.snap < 0:
		return c.usage("%s", c.msg("badNumber", strings.Join(c.Args, " ")))
	case !slices.Contains([]string{"in", "out", "inout"}, o.way):
		return c.fail("unknown capture direction `%s'", o.way)
	}
	var err error
	if o.filter, err = compileFilter(strings.Join(args, " ")); err != nil {
		return c.fail("%v", err)
	}
	if o.snap == 0 {
		o.snap = 262144
	}
	if o.read != "" {
		return o.fromFile()
	}
	if st := o.choose(); st != 0 {
		return st
	}
	return c.run(true, o.capture)
}

// choose finds the interface and the kind of its frames.
func (o *tcpdump) choose() int {
	up := func(i stack.Iface) bool { return i.Flags&stack.IFF_UP != 0 }
	ifaces := o.c.S.m.Ifaces()
	if o.iface == "any" {
		o.kind = linkCooked
		return 0
	}
	at := slices.IndexFunc(ifaces, func(i stack.Iface) bool { return i.Name == o.iface })
	if o.iface == "" {
		at = slices.IndexFunc(ifaces, func(i stack.Iface) bool { return up(i) && i.Flags&stack.IFF_LOOPBACK == 0 })
		if at < 0 {
			at = slices.IndexFunc(ifaces, up)
		}
	}
	switch {
	case at < 0 && o.iface == "":
		return o.c.fail("no suitable device found")
	case at < 0:
		return o.c.fail("%s: No such device exists\n(SIOCGIFHWADDR: No such device)", o.iface)
	case !up(ifaces[at]):
		return o.c.fail("%s: That device is not up", o.iface)
	}
	o.iface, o.kind = ifaces[at].Name, linkEthernet
	if ifaces[at].Type == stack.ARPHRD_NONE {
		o.kind = linkRaw
	}
	return 0
}

// frame is a captured frame as it is printed and written: with a cooked header
// if it may come from any interface.
func (o *tcpdump) frame(f *stack.CapturedFrame) (data []byte, size int) {
	if o.kind != linkCooked {
		return f.Data, f.Len
	}
	rest, size := f.Data, f.Len
	if f.Type != stack.ARPHRD_NONE {
		n := min(14, len(rest))
		rest, size = rest[n:], size-n
	}
	return append(cookedHeader(f), rest...), size + cookedLen
}

// keep is asked inside the machine.
func (o *tcpdump) keep(f *stack.CapturedFrame) bool {
	if o.way == "in" && f.Outgoing || o.way == "out" && !f.Outgoing {
		return false
	}
	data, size := o.frame(f)
	v := viewFrame(o.kind, data, size)
	return o.filter(&v)
}

// capture is the program.
func (o *tcpdump) capture(p *stack.Proc) int {
	c := o.c
	if st := o.create(); st != 0 {
		return st
	}
	dev := o.iface
	if dev == "any" {
		dev = ""
	}
	tap, err := p.OpenCapture(dev, o.snap, o.keep)
	if err != nil {
		return c.fail("%s: %v", o.iface, err)
	}
	defer tap.Close()
	if o.verbose == 0 && o.out == nil {
		fmt.Fprintln(c.Err, "tcpdump: verbose output suppressed, use -v or -vv for full protocol decode")
	} else {
		fmt.Fprint(c.Err, "tcpdump: ")
	}
	fmt.Fprintf(c.Err, "listening on %s, link-type %s, capture size %d bytes\n", o.iface, linkNames[o.kind], o.snap)
	st := 0
	for o.limit == 0 || o.seen < o.limit {
		f, ok := tap.Next()
		if !ok {
			break
		}
		data, size := o.frame(&f)
		if err := o.packet(epoch.Add(f.Time), data, size); err != nil {
			st = c.fail("%s: %s", o.write, reason(err))
			break
		}
	}
	received, dropped := tap.Stats()
	for _, n := range []struct {
		what string
		n    uint64
	}{{"captured", uint64(o.seen)}, {"received by filter", received}, {"dropped by kernel", dropped}} {
		s := "s"
		if n.n == 1 {
			s = ""
		}
		fmt.Fprintf(c.Err, "%d packet%s %s\n", n.n, s, n.what)
	}
	return st
}

// create makes the file to write to.
func (o *tcpdump) create() int {
	if o.write == "" {
		return 0
	}
	w := o.c.Out
	if o.write != "-" {
		h, err := o.c.S.fs.open(o.write, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
		if err != nil {
			return o.c.fail("%s: %s", o.write, reason(err))
		}
		w = h
	}
	o.out = pcapgo.NewWriter(w)
	if err := o.out.WriteFileHeader(uint32(o.snap), layers.LinkType(o.kind)); err != nil {
		return o.c.fail("%s: %s", o.write, reason(err))
	}
	return 0
}

// packet prints or writes one.
func (o *tcpdump) packet(at time.Time, data []byte, size int) error {
	o.seen++
	if o.out != nil {
		return o.out.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(data), Length: size}, data)
	}
	_, err := io.WriteString(o.c.Out, o.line(at, o.kind, data, size))
	return err
}

// packetFile is what both kinds of capture files are to who reads them.
type packetFile interface {
	ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	LinkType() layers.LinkType
}

func openPackets(h io.ReadSeeker) (packetFile, error) {
	r, err := pcapgo.NewReader(h)
	if err == nil {
		return r, nil
	}
	if _, err := h.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if ng, err := pcapgo.NewNgReader(h, pcapgo.DefaultNgReaderOptions); err == nil {
		return ng, nil
	}
	return nil, plainError("unknown file format")
}

// fromFile prints, or writes again, the packets of a file.
func (o *tcpdump) fromFile() int {
	c := o.c
	text, st := c.input([]string{o.read})
	if st != 0 {
		return st
	}
	r, err := openPackets(strings.NewReader(string(text)))
	if err != nil {
		return c.fail("%s: %v", o.read, err)
	}
	switch o.kind = linkKind(r.LinkType()); {
	case linkNames[o.kind] == "" && o.kind == 12:
		o.kind = linkRaw // DLT_RAW
	case linkNames[o.kind] == "":
		return c.fail("%s: unsupported link type %d", o.read, o.kind)
	}
	if st := o.create(); st != 0 {
		return st
	}
	fmt.Fprintf(c.Err, "reading from file %s, link-type %s\n", o.read, linkNames[o.kind])
	for o.limit == 0 || o.seen < o.limit {
		data, info, err := r.ReadPacketData()
		switch {
		case errors.Is(err, io.EOF):
			return 0
		case err != nil:
			return c.fail("%s: %v", o.read, err)
		}
		v := viewFrame(o.kind, data, info.Length)
		if !o.filter(&v) {
			continue
		}
		if err := o.packet(info.Timestamp.UTC(), data, info.Length); err != nil {
			return c.fail("%s: %s", o.write, reason(err))
		}
	}
	return 0
}
