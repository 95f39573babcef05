package stack

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// helloPackets runs replyhi and one hello and returns the packets sent over lo.
func helloPackets(t *testing.T, seed uint64) [][]byte {
	t.Helper()
	s := New(Config{Seed: seed})
	t.Cleanup(s.Close)
	if err := s.Boot(); err != nil {
		t.Fatal(err)
	}
	s.Spawn("replyhi", nil, replyhiProgram(t))
	s.Advance(time.Second)
	w := s.Watch(1<<10, "net_dev_queue")
	defer w.Close()
	if o := s.Wait(s.Exec("hello", nil, helloProgram(t))); o != Done {
		t.Fatalf("hello is %v", o)
	}
	evs, lost := w.Next()
	if lost != 0 {
		t.Fatalf("%d events lost", lost)
	}
	var out [][]byte
	for i := range evs {
		if evs[i].Truncated {
			t.Errorf("packet %d is not whole", i)
		}
		out = append(out, evs[i].Packet)
	}
	return out
}

// decode reads a packet with a library that knows nothing of this stack.
func decode(t *testing.T, packet []byte) (*layers.IPv4, *layers.TCP) {
	t.Helper()
	p := gopacket.NewPacket(packet, layers.LayerTypeIPv4, gopacket.Default)
	if e := p.ErrorLayer(); e != nil {
		t.Fatalf("%x: %v", packet, e.Error())
	}
	ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	tcp, _ := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if ip == nil || tcp == nil {
		t.Fatalf("%x is no TCP segment", packet)
	}
	return ip, tcp
}

// onesSum is the Internet checksum's sum.
func onesSum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, b := range parts {
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		if len(b)%2 == 1 {
			sum += uint32(b[len(b)-1]) << 8
		}
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

func tcpFlags(th *layers.TCP) string {
	var out []string
	for _, f := range []struct {
		on   bool
		name string
	}{{th.FIN, "FIN"}, {th.SYN, "SYN"}, {th.RST, "RST"}, {th.PSH, "PSH"}, {th.ACK, "ACK"}, {th.URG, "URG"}} {
		if f.on {
			out = append(out, f.name)
		}
	}
	return strings.Join(out, "|")
}

// tcpOptions writes options as tcpdump names them; timestamps without values.
func tcpOptions(th *layers.TCP) string {
	var out []string
	for _, o := range th.Options {
		switch o.OptionType {
		case layers.TCPOptionKindMSS:
			out = append(out, fmt.Sprintf("mss %d", binary.BigEndian.Uint16(o.OptionData)))
		case layers.TCPOptionKindSACKPermitted:
			out = append(out, "sackOK")
		case layers.TCPOptionKindTimestamps:
			out = append(out, "TS")
		case layers.TCPOptionKindNop:
			out = append(out, "nop")
		case layers.TCPOptionKindWindowScale:
			out = append(out, fmt.Sprintf("wscale %d", o.OptionData[0]))
		default:
			out = append(out, fmt.Sprint(o))
		}
	}
	return strings.Join(out, ",")
}

// TestWire holds the ten segments of a hello against what Linux puts on the wire.
func TestWire(t *testing.T) {
	const synOpts = "mss 65495,sackOK,TS,nop,wscale 6"
	const opts = "nop,nop,TS"
	want := []struct {
		from, flags string
		win         uint16
		payload     string
		options     string
	}{
		{"client", "SYN", 65495, "", synOpts},
		{"server", "SYN|ACK", 65483, "", synOpts},
		{"client", "ACK", 1024, "", opts},
		{"client", "PSH|ACK", 1024, "hello", opts},
		{"server", "ACK", 1024, "", opts},
		{"server", "PSH|ACK", 1024, "hi", opts},
		{"client", "ACK", 1024, "", opts},
		{"client", "FIN|ACK", 1024, "", opts},
		{"server", "FIN|ACK", 1024, "", opts},
		{"client", "ACK", 1024, "", opts},
	}
	packets := helloPackets(t, 1)
	if len(packets) != len(want) {
		t.Fatalf("%d packets, want %d", len(packets), len(want))
	}
	next := map[string]uint32{} // sequence number that each side sends next
	ids := map[string]uint16{}
	var lastTS uint32
	for i, packet := range packets {
		ip, th := decode(t, packet)
		w := want[i]
		from := "client"
		if th.SrcPort == 5001 {
			from = "server"
		}
		if got := tcpFlags(th); from != w.from || got != w.flags || th.Window != w.win || string(th.Payload) != w.payload {
			t.Errorf("segment %d: %s %s win %d %q, want %s %s win %d %q", i+1, from, got, th.Window, th.Payload, w.from, w.flags, w.win, w.payload)
		}
		if got := tcpOptions(th); got != w.options {
			t.Errorf("segment %d: options %s, want %s", i+1, got, w.options)
		}
		if ip.TTL != 64 || ip.Flags != layers.IPv4DontFragment || ip.TOS != 0 || ip.IHL != 5 || ip.FragOffset != 0 {
			t.Errorf("segment %d: TTL %d, flags %v, TOS %d, header length %d", i+1, ip.TTL, ip.Flags, ip.TOS, ip.IHL)
		}
		if int(ip.Length) != len(packet) {
			t.Errorf("segment %d: total length %d, want %d", i+1, ip.Length, len(packet))
		}
		// Sequence numbers follow from what was sent before.
		if !th.SYN && th.Seq != next[from] {
			t.Errorf("segment %d: seq %d, want %d", i+1, th.Seq, next[from])
		}
		next[from] = th.Seq + uint32(len(th.Payload))
		if th.SYN || th.FIN {
			next[from]++
		}
		// The SYN-ACK has id 0: there is no socket yet that could count. Each
		// socket's own segments count up by one.
		switch {
		case w.flags == "SYN|ACK":
			if ip.Id != 0 {
				t.Errorf("segment %d: id %d, want 0", i+1, ip.Id)
			}
		case ids[from] != 0 && ip.Id != ids[from]+1:
			t.Errorf("segment %d: id %d, want %d", i+1, ip.Id, ids[from]+1)
		default:
			ids[from] = ip.Id
		}
		if ip.Id != 0 {
			ids[from] = ip.Id
		}
		// Both checksums, each over its own bytes.
		if got := onesSum(packet[:20]); got != 0xffff {
			t.Errorf("segment %d: IP checksum is wrong: %#x", i+1, got)
		}
		pseudo := append(append([]byte{}, packet[12:20]...), 0, 6, 0, 0)
		binary.BigEndian.PutUint16(pseudo[10:], uint16(len(packet)-20))
		if got := onesSum(pseudo, packet[20:]); got != 0xffff {
			t.Errorf("segment %d: TCP checksum is wrong: %#x", i+1, got)
		}
		for _, o := range th.Options {
			if o.OptionType == layers.TCPOptionKindTimestamps {
				val, ecr := binary.BigEndian.Uint32(o.OptionData), binary.BigEndian.Uint32(o.OptionData[4:])
				if i == 0 && ecr != 0 {
					t.Errorf("segment 1 echoes %d", ecr)
				}
				if i > 0 && ecr != lastTS && ecr == 0 {
					t.Errorf("segment %d echoes nothing", i+1)
				}
				lastTS = val
			}
		}
	}
}

// TestWireBytes looks at the options' bytes of the SYN.
func TestWireBytes(t *testing.T) {
	p := helloPackets(t, 1)
	syn, ack := p[0][40:], p[2][40:]
	if len(syn) != 20 || len(ack) != 12 {
		t.Fatalf("%d bytes of options in the SYN, %d in the ACK, want 20 and 12", len(syn), len(ack))
	}
	if got, want := fmt.Sprintf("%x", syn[:8]), "0204ffd70402080a"; got != want {
		t.Errorf("the SYN's options begin %s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%x", syn[12:]), "0000000001030306"; got != want {
		t.Errorf("the SYN's options end %s, want %s", got, want)
	}
	if got, want := fmt.Sprintf("%x", ack[:4]), "0101080a"; got != want {
		t.Errorf("the ACK's options begin %s, want %s", got, want)
	}
}

// TestWireManySeeds decodes the packets of other runs.
func TestWireManySeeds(t *testing.T) {
	for seed := uint64(2); seed < 12; seed++ {
		packets := helloPackets(t, seed)
		if len(packets) != 10 {
			t.Errorf("seed %d: %d packets", seed, len(packets))
		}
		for _, p := range packets {
			decode(t, p)
		}
	}
}
