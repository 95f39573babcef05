package stack

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/tcp"
	"menuos/stack/wire"
)

// Hostile frames: a machine with a listener, connections to a peer that the
// test plays, UDP and raw sockets is sent what no honest peer sends.

const (
	victimAddr = wire.Addr(192<<24 | 168<<16 | 40<<8 | 254)
	foeAddr    = wire.Addr(192<<24 | 168<<16 | 40<<8 | 9)
	loAddr     = wire.Addr(127<<24 | 1)
	foePort    = 7777
	webPort    = 80
	udpPort    = 53
)

// victim is the machine under fire.
type victim struct {
	t     testing.TB
	s     *Stack
	pools core.PoolUse
	socks int
	tasks int
	peer  *tcp.TcpSock // its end of the connection with the foe
	job   *Job
}

func newVictim(t testing.TB, seed uint64) *victim {
	v := &victim{t: t, s: New(Config{Seed: seed})}
	noErr(t, v.s.Boot())
	v.pools, v.socks, v.tasks = v.s.n.PoolUse(), v.s.n.SockCount(), len(v.s.n.Tasks())
	v.job = v.s.Spawn("victim", io.Discard, v.program)
	v.s.Settle()
	v.connect()
	return v
}

// program answers whatever comes, with poll.
func (v *victim) program(p *Proc) int {
	var fds []PollFd
	add := func(fd int, err error) {
		check(err)
		check(p.SetNonblock(fd, true))
		fds = append(fds, PollFd{Fd: fd, Events: POLLIN})
	}
	listen := listenTCP(p, simAnyAddr(webPort), 8)
	add(listen, nil)
	udp, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
	check(err)
	check(p.Bind(udp, simAnyAddr(udpPort)))
	check(p.SetsockoptInt(udp, IPPROTO_IP, IP_RECVERR, 1))
	add(udp, nil)
	add(p.Socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
	add(p.Socket(AF_INET, SOCK_RAW, IPPROTO_TCP))
	add(p.Socket(AF_INET, SOCK_RAW, 99))
	buf := make([]byte, 4096)
	turns, at := 0, p.Now()
	for {
		if turns++; p.Now() != at {
			turns, at = 0, p.Now()
		}
		if turns > 100_000 {
			v.t.Errorf("poll returns for ever: %+v", fds)
			return 1
		}
		if _, err := p.Poll(fds, -1); err != nil {
			return 1
		}
		for i := 0; i < len(fds); i++ {
			f := fds[i]
			if f.Revents == 0 {
				continue
			}
			if f.Fd == listen {
				if nfd, _, err := p.Accept4(listen, SOCK_NONBLOCK); err == nil {
					if len(fds) < 40 {
						fds = append(fds, PollFd{Fd: nfd, Events: POLLIN})
					} else {
						p.Close(nfd)
					}
				}
				continue
			}
			n, from, err := p.Recvfrom(f.Fd, buf, 0)
			switch {
			case i == 1 && err == nil && from.Port() != udpPort: // or it would talk to itself for ever
				p.Sendto(f.Fd, buf[:n], 0, from)
			case i >= 5 && err == nil && n > 0:
				p.Send(f.Fd, buf[:n], MSG_NOSIGNAL)
			case i >= 5 && err != EAGAIN:
				p.Close(f.Fd)
				fds = append(fds[:i], fds[i+1:]...)
				i--
			case err != nil && err != EAGAIN && f.Revents&POLLERR != 0:
				p.GetsockoptInt(f.Fd, SOL_SOCKET, SO_ERROR)
				p.Recv(f.Fd, buf, core.MsgErrqueue)
			}
		}
	}
}

// connect shakes hands with the victim as the foe does.
func (v *victim) connect() {
	const seq = 1_000_001
	v.inject("eth0", foeTCP(seq-1, 0, wire.SYN, 60000, []byte{2, 4, 5, 0xb4, 4, 2, 1, 1}, nil), false)
	var isn uint32
	v.s.n.ForEachSock(func(c *core.SockCommon) {
		if r, ok := c.Partial.(*tcp.RequestSock); ok && r.SkDport == foePort {
			isn = r.SntIsn
		}
	})
	v.inject("eth0", foeTCP(seq, isn+1, wire.ACK, 60000, nil, nil), false)
	v.s.n.ForEachSock(func(c *core.SockCommon) {
		if c.Full != nil && c.SkDport == foePort && c.SkState == core.TcpEstablished {
			v.peer = tcp.TcpSk(c.Full)
		}
	})
	if v.peer == nil {
		v.t.Fatal("no connection")
	}
}

func (v *victim) inject(dev string, b []byte, split bool) {
	s := v.s
	err := s.call(func(*Proc) {
		d := s.n.DevGetByName(dev)
		skb := s.newFrame(d, b)
		if split && len(b) > 1 && len(b) < 4096 {
			// The end of the frame lies in a page.
			at := 1 + int(b[len(b)-1])%(len(b)-1)
			page := s.n.AllocPages(0)
			copy(page.B, b[at:])
			skb.Trim(at)
			skb.FillPageDesc(0, page, 0, len(b)-at)
			skb.Len += len(b) - at
			skb.DataLen = len(b) - at
			skb.Truesize += 4096
		}
		s.n.NetifRxNi(skb)
	})
	noErr(v.t, err)
}

// foeTCP is a segment of the foe's connection.
func foeTCP(seq, ack uint32, flags wire.TCPFlags, win uint16, opts, data []byte) []byte {
	return tcpFrame(foeAddr, victimAddr, foePort, webPort, seq, ack, flags, win, opts, data)
}

func ipFrame(src, dst wire.Addr, proto uint8, payload []byte) []byte {
	b := make([]byte, wire.IPv4MinLen+len(payload))
	ip := wire.IPv4(b)
	ip.SetVersionIHL(wire.IPv4MinLen)
	ip.SetTotalLen(uint16(len(b)))
	ip.SetTTL(64)
	ip.SetProtocol(proto)
	ip.SetSrc(src)
	ip.SetDst(dst)
	copy(b[wire.IPv4MinLen:], payload)
	ip.UpdateChecksum()
	return b
}

func tcpFrame(src, dst wire.Addr, sport, dport uint16, seq, ack uint32, flags wire.TCPFlags, win uint16, opts, data []byte) []byte {
	opts = append(opts[:len(opts):len(opts)], make([]byte, -len(opts)&3)...)
	th := wire.TCP(make([]byte, wire.TCPMinLen+len(opts)+len(data)))
	th.SetSrcPort(sport)
	th.SetDstPort(dport)
	th.SetSeq(seq)
	th.SetAck(ack)
	th.SetDataOffFlags(wire.TCPMinLen+len(opts), flags)
	th.SetWindow(win)
	copy(th[wire.TCPMinLen:], opts)
	copy(th[wire.TCPMinLen+len(opts):], data)
	th.UpdateChecksum(src, dst)
	return ipFrame(src, dst, wire.ProtoTCP, th)
}

func udpFrame(src, dst wire.Addr, sport, dport uint16, data []byte) []byte {
	b := make([]byte, 8+len(data))
	binary.BigEndian.PutUint16(b, sport)
	binary.BigEndian.PutUint16(b[2:], dport)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	copy(b[8:], data)
	return ipFrame(src, dst, wire.ProtoUDP, b)
}

func icmpFrame(typ, code uint8, rest uint32, payload []byte) []byte {
	b := make([]byte, 8+len(payload))
	ic := wire.ICMPv4(b)
	ic.SetType(typ)
	ic.SetCode(code)
	ic.SetRest(rest)
	copy(b[8:], payload)
	ic.UpdateChecksum()
	return ipFrame(foeAddr, victimAddr, wire.ProtoICMP, b)
}

// withOptions gives a frame IP options.
func withOptions(b, opts []byte) []byte {
	opts = append(opts[:len(opts):len(opts)], make([]byte, -len(opts)&3)...)
	out := append(append(append([]byte(nil), b[:20]...), opts...), b[20:]...)
	wire.IPv4(out).SetVersionIHL(20 + len(opts))
	wire.IPv4(out).SetTotalLen(uint16(len(out)))
	fixIP(out)
	return out
}

func fragFrame(b []byte, flags uint16, off int) []byte {
	b = append([]byte(nil), b...)
	wire.IPv4(b).SetFrag(flags, off)
	wire.IPv4(b).SetID(77)
	fixIP(b)
	return b
}

func fixIP(b []byte) {
	if len(b) >= 20 && wire.IPv4(b).IHL() >= 20 && wire.IPv4(b).IHL() <= len(b) {
		wire.IPv4(b).UpdateChecksum()
	}
}

// fixTransport makes the checksums of a frame right, as far as it has any.
func fixTransport(b []byte) {
	fixIP(b)
	ip := wire.IPv4(b)
	if len(b) < 20 || ip.IHL() < 20 || ip.IHL() > len(b) || int(ip.TotalLen()) > len(b) || int(ip.TotalLen()) < ip.IHL() {
		return
	}
	p := b[ip.IHL():ip.TotalLen()]
	switch {
	case ip.Protocol() == wire.ProtoTCP && len(p) >= wire.TCPMinLen:
		wire.TCP(p).UpdateChecksum(ip.Src(), ip.Dst())
	case ip.Protocol() == wire.ProtoICMP && len(p) >= 8:
		wire.ICMPv4(p).UpdateChecksum()
	case ip.Protocol() == wire.ProtoUDP && len(p) >= 8:
		p[6], p[7] = 0, 0
	}
}

// seedFrames are attacks of the textbook. The foe's next byte is 1000001.
func seedFrames() [][]byte {
	const seq = 1_000_001
	data := bytes.Repeat([]byte("x"), 64)
	quote := tcpFrame(victimAddr, foeAddr, webPort, foePort, 1, seq, wire.ACK, 1000, nil, nil)
	udp := udpFrame(foeAddr, victimAddr, 9, udpPort, data)
	syn := []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7}
	frames := [][]byte{
		{}, {0x45}, make([]byte, 19), make([]byte, 20), bytes.Repeat([]byte{0xff}, 60),
		foeTCP(seq, 1, wire.ACK|wire.PSH, 1000, nil, data),
		foeTCP(seq+100, 1, wire.ACK|wire.PSH, 1000, nil, data), // out of order
		foeTCP(seq, 1, wire.SYN, 1000, syn, nil),               // SYN in window
		foeTCP(seq, 1, wire.SYN|wire.ACK, 1000, syn, nil),
		foeTCP(seq, 1, wire.RST, 0, nil, nil),
		foeTCP(seq+5, 1, wire.RST, 0, nil, nil), // RST in window
		foeTCP(seq-1, 1, wire.RST|wire.ACK, 0, nil, nil),
		foeTCP(seq, 1, wire.FIN|wire.ACK, 1000, nil, nil),
		foeTCP(seq, 1, 0xff, 1000, nil, data), // christmas tree
		foeTCP(seq, 1, 0, 0, nil, nil),
		foeTCP(seq, 1, wire.URG|wire.ACK, 1000, nil, data),
		foeTCP(seq, 1, wire.ACK, 0, nil, nil),
		foeTCP(seq, 0x7fffffff, wire.ACK, 1000, nil, nil),
		foeTCP(seq, 1, wire.ACK, 1000, []byte{5, 10, 0, 0, 0, 1, 0, 0, 0, 9}, nil),          // SACK of nothing
		foeTCP(seq, 1, wire.ACK, 1000, []byte{5, 34}, nil),                                  // SACK past the header
		foeTCP(seq, 1, wire.ACK, 1000, []byte{8, 0, 3, 1}, nil),                             // options of no length
		tcpFrame(foeAddr, victimAddr, 4000, webPort, 5, 0, wire.SYN, 100, syn, nil),         // SYN
		tcpFrame(foeAddr, victimAddr, 4000, webPort, 5, 0, wire.SYN|wire.FIN, 0, nil, data), // … with FIN and data
		tcpFrame(foeAddr, victimAddr, 4000, 81, 5, 0, wire.SYN, 100, nil, nil),
		tcpFrame(victimAddr, victimAddr, webPort, webPort, 5, 0, wire.SYN, 100, nil, nil), // land
		tcpFrame(loAddr, loAddr, webPort, webPort, 5, 0, wire.SYN, 100, syn, nil),
		udp, udpFrame(foeAddr, 0xffffffff, 9, udpPort, data), udpFrame(foeAddr, victimAddr, 9, 54, data),
		udpFrame(loAddr, loAddr, udpPort, udpPort, data), // echo to itself
		fragFrame(udp, wire.IPv4MF, 0), fragFrame(udp[:20+32], wire.IPv4MF, 0), fragFrame(udp, 0, 32), fragFrame(udp, 0, 65528),
		icmpFrame(8, 0, 1, data), icmpFrame(0, 0, 1, data), icmpFrame(13, 0, 1, data), icmpFrame(17, 0, 1, data),
		icmpFrame(3, 4, 68, quote), icmpFrame(3, 4, 0, quote), icmpFrame(3, 1, 0, quote), icmpFrame(3, 2, 0, quote),
		icmpFrame(11, 0, 0, quote), icmpFrame(12, 0, 0, quote), icmpFrame(4, 0, 0, quote), icmpFrame(5, 1, uint32(foeAddr), quote),
		icmpFrame(3, 3, 0, udpFrame(victimAddr, foeAddr, udpPort, 9, data)), icmpFrame(3, 4, 68, quote[:25]), icmpFrame(3, 4, 68, nil),
		withOptions(udp, []byte{7, 7, 4, 0, 0, 0, 0}), withOptions(udp, []byte{0x83, 7, 4, 1, 2, 3, 4}), withOptions(udp, []byte{0x44, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0}),
		withOptions(udp, []byte{0x94, 4, 0, 0}), withOptions(udp, []byte{7, 200, 4}), withOptions(udp, []byte{7, 0, 0}),
		withOptions(icmpFrame(8, 0, 1, data), []byte{7, 39, 4}), withOptions(icmpFrame(8, 0, 1, data), []byte{0x44, 36, 5, 3}),
		withOptions(foeTCP(seq, 1, wire.ACK|wire.PSH, 1000, nil, data), []byte{0x86, 4, 0, 0}),
		ipFrame(foeAddr, victimAddr, 99, data), ipFrame(foeAddr, victimAddr, 2, []byte{0x11, 0, 0, 0, 0, 0, 0, 0}), ipFrame(0, victimAddr, 17, data),
		ipFrame(foeAddr, 0xe0000001, 2, []byte{0x11, 100, 0xee, 0x9b, 0, 0, 0, 0}), ipFrame(0xffffffff, victimAddr, 1, data),
	}
	for _, n := range []int{21, 24, 33, 39} { // cut short
		frames = append(frames, foeTCP(seq, 1, wire.ACK, 1, syn, data)[:n])
	}
	return frames
}

// Bits of the byte before each frame of the fuzzer's input.
const (
	fireLo    = 1 << iota // through lo
	fireFix               // with right checksums
	fireAim               // with numbers relative to the connection's
	fireSplit             // partly in a page
	fireWait              // then time passes
	fireAck               // the foe's ACK is what the victim has sent
)

func packFrames(flags byte, frames ...[]byte) []byte {
	var out []byte
	for _, f := range frames {
		out = append(out, flags)
		out = binary.LittleEndian.AppendUint16(out, uint16(len(f)))
		out = append(out, f...)
	}
	return out
}

// fire injects the frames of input.
func (v *victim) fire(input []byte) {
	for count := 0; len(input) >= 3 && count < 200; count++ {
		flags := input[0]
		n := min(int(binary.LittleEndian.Uint16(input[1:])), len(input)-3)
		b := append([]byte(nil), input[3:3+n]...)
		input = input[3+n:]
		if flags&fireAim != 0 && len(b) >= 40 && b[9] == wire.ProtoTCP && wire.IPv4(b).IHL() == 20 {
			th := wire.TCP(b[20:])
			th.SetSeq(th.Seq() - 1_000_001 + v.peer.RcvNxt)
			if flags&fireAck != 0 {
				th.SetAck(v.peer.SndNxt)
			} else {
				th.SetAck(th.Ack() - 1 + v.peer.SndUna)
			}
		}
		if flags&fireFix != 0 {
			fixTransport(b)
		}
		dev := "eth0"
		if flags&fireLo != 0 {
			dev = "lo"
		}
		v.inject(dev, b, flags&fireSplit != 0)
		if flags&fireWait != 0 {
			v.s.Advance(300 * time.Millisecond)
		}
		if u := v.s.n.PoolUse(); u.Heads > 4000 {
			v.t.Fatalf("the machine holds %+v", u)
		}
	}
}

// outlive lets the machine get over it: it must still serve an honest client,
// and once its programs are gone nothing may be left.
func (v *victim) outlive() {
	s := v.s
	s.Advance(time.Second)
	if v.job.Done() {
		v.t.Fatal("the victim's program has ended")
	}
	got := ""
	client := s.Spawn("client", io.Discard, func(p *Proc) int {
		fd := connectTCP(p, simAddr(webPort))
		sendAll(p, fd, []byte("are you there?"))
		b := make([]byte, 100)
		for len(got) < 14 {
			n, err := p.Recv(fd, b, 0)
			if n == 0 || err != nil {
				return 1
			}
			got += string(b[:n])
		}
		p.Close(fd)
		return 0
	})
	s.Advance(5 * time.Minute)
	// The foe may have left the listener's queue and the program's descriptors
	// full; that is no fault.
	if client.Done() && client.ExitCode() == 0 && got != "are you there?" {
		v.t.Fatalf("an honest client got %q", got)
	}
	for _, task := range s.n.Tasks() {
		if task.Comm == "victim" || task.Comm == "client" {
			s.Kill(task.Pid, SIGKILL)
		}
	}
	for range 30 {
		s.Advance(time.Minute)
	}
	if n := s.n.SockCount(); n != v.socks {
		s.n.ForEachSock(func(c *core.SockCommon) {
			v.t.Logf("%s %v:%d > %v:%d", ssStates[c.SkState], c.SkRcvSaddr, c.SkNum, c.SkDaddr, c.SkDport)
		})
		v.t.Fatalf("%d sockets are left", n-v.socks)
	}
	if u := s.n.PoolUse(); u != v.pools {
		v.t.Fatalf("memory is left: %+v, at first %+v", u, v.pools)
	}
	s.Close()
}

// FuzzFrames throws frames at a machine.
func FuzzFrames(f *testing.F) {
	frames := seedFrames()
	for _, b := range frames {
		f.Add(packFrames(fireFix|fireWait, b))
		f.Add(packFrames(fireAim|fireFix|fireSplit|fireAck, b))
	}
	f.Add(packFrames(fireAim|fireFix|fireAck, frames...))
	f.Fuzz(func(t *testing.T, input []byte) {
		v := newVictim(t, 1)
		defer v.s.Close()
		v.fire(input)
		v.outlive()
	})
}

// TestFramesRandom fires sequences of spoilt attacks.
func TestFramesRandom(t *testing.T) {
	runs := 150
	if testing.Short() {
		runs = 20
	}
	if *simSeeds > 0 {
		runs = *simSeeds
	}
	frames := seedFrames()
	for i := range runs {
		seed := *simSeed + uint64(i)
		r := rand.New(rand.NewPCG(seed, 3))
		var input []byte
		for range 1 + r.IntN(40) {
			b := append([]byte(nil), frames[r.IntN(len(frames))]...)
			for range r.IntN(4) {
				if len(b) > 0 {
					b[r.IntN(len(b))] = simPick(r, 0, 1, 0xff, 0x80, byte(r.Uint32()))
				}
			}
			if r.IntN(8) == 0 && len(b) > 0 {
				b = b[:r.IntN(len(b))]
			}
			if len(b) >= 40 && r.IntN(3) == 0 && b[9] == wire.ProtoTCP {
				wire.TCP(b[20:]).SetSeq(1_000_001 + uint32(r.IntN(3000)) - 500)
			}
			flags := byte(r.Uint32())
			if r.IntN(4) > 0 {
				flags |= fireFix | fireAim
			}
			input = append(input, packFrames(flags, b)...)
		}
		if !t.Run("", func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}()
			v := newVictim(t, seed)
			defer v.s.Close()
			v.fire(input)
			v.outlive()
		}) {
			t.Fatalf("seed %d", seed)
		}
	}
}
