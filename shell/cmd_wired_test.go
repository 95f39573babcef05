package shell

// Commands that need another machine at the other end of an Ethernet cable.

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"menuos/stack"
)

// cable wires two machines on the real clock: each gets an interface, which is up
// and has no address.
func cable(t *testing.T, a *stack.Stack, devA string, b *stack.Stack, devB string) {
	t.Helper()
	var ends sync.WaitGroup
	quit := make(chan struct{})
	attach := func(m *stack.Stack, dev string) (*stack.Ether, chan stack.EtherFrame) {
		sent := make(chan stack.EtherFrame, 1024)
		e, err := m.AttachEther(stack.EtherConfig{Name: dev}, func(h stack.VnetHdr, frame []byte) bool {
			select {
			case sent <- stack.EtherFrame{Hdr: h, Data: slices.Clone(frame)}:
			default: // a full cable loses
			}
			return true
		})
		if err == nil {
			err = m.IfUp(dev)
		}
		if err != nil {
			t.Fatal(err)
		}
		return e, sent
	}
	ea, fromA := attach(a, devA)
	eb, fromB := attach(b, devB)
	carry := func(from chan stack.EtherFrame, to *stack.Ether) {
		for {
			select {
			case f := <-from:
				to.Receive(f)
			case <-quit:
				return
			}
		}
	}
	ends.Go(func() { carry(fromA, eb) })
	ends.Go(func() { carry(fromB, ea) })
	t.Cleanup(func() {
		close(quit)
		ends.Wait()
	})
}

// other is a machine beside the session's.
func other(t *testing.T) *stack.Stack {
	t.Helper()
	m := stack.New(stack.Config{Seed: 7, Clock: stack.ClockReal})
	t.Cleanup(m.Close)
	if err := m.IfUp("lo"); err != nil {
		t.Fatal(err)
	}
	return m
}

func address(t *testing.T, m *stack.Stack, dev, addr string) {
	t.Helper()
	if err := m.AddAddr(dev, netip.MustParsePrefix(addr)); err != nil {
		t.Fatal(err)
	}
}

func route(t *testing.T, m *stack.Stack, dst, gw string) {
	t.Helper()
	if err := m.AddRoute(stack.Route{Dst: netip.MustParsePrefix(dst), Gw: netip.MustParseAddr(gw)}); err != nil {
		t.Fatal(err)
	}
}

// TestTracerouteRouter asks for the way to a machine behind a router.
func TestTracerouteRouter(t *testing.T) {
	s, out := open(t, Config{Clock: stack.ClockReal})
	router, far := other(t), other(t)
	cable(t, s.m, "eth1", router, "eth0")
	cable(t, router, "eth1", far, "eth0")
	address(t, s.m, "eth1", "10.1.0.2/24")
	address(t, router, "eth0", "10.1.0.1/24")
	address(t, router, "eth1", "10.2.0.1/24")
	address(t, far, "eth0", "10.2.0.2/24")
	route(t, s.m, "10.2.0.0/24", "10.1.0.1")
	route(t, far, "10.1.0.0/24", "10.2.0.1")
	for _, m := range []*stack.Stack{router, far} { // every probe is to be answered
		for name, value := range map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.icmp_ratelimit": "0"} {
			if err := m.SysctlSet(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, how := range []string{"", "-I", "-T", "-U", "-n"} {
		got := run(t, s, out, strings.TrimSpace("traceroute -q 2 -w 2 "+how)+" 10.2.0.2")
		lines := strings.Split(strings.TrimSpace(got), "\n")
		if len(lines) != 3 || lines[0] != "traceroute to 10.2.0.2 (10.2.0.2), 30 hops max, 60 byte packets" {
			t.Errorf("traceroute %s: not two hops:\n%s", how, got)
			continue
		}
		for i, hop := range []string{"10.1.0.1", "10.2.0.2"} {
			name := fmt.Sprintf(" %d  %s (%s)  ", i+1, hop, hop)
			if how == "-n" {
				name = fmt.Sprintf(" %d  %s  ", i+1, hop)
			}
			if !strings.HasPrefix(lines[i+1], name) || strings.Count(lines[i+1], " ms") != 2 || strings.Contains(lines[i+1], "*") {
				t.Errorf("traceroute %s, hop %d: %q, want %q and two times", how, i+1, lines[i+1], name)
			}
		}
	}
	got := run(t, s, out, "traceroute -q 1 -m 3 -w 1 10.2.0.9") // a neighbour that is not there
	if !strings.Contains(got, "\n 1  10.1.0.1 (10.1.0.1)  ") {
		t.Errorf("no router: %s", got)
	}
	got = run(t, s, out, "ping -c 1 -t 1 10.2.0.2", "ping -c 1 -s 1472 -M do 10.2.0.2")
	if !strings.Contains(got, "From 10.1.0.1 icmp_seq=1 Time to live exceeded\n") || !strings.Contains(got, "1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n") ||
		!strings.Contains(got, "1480 bytes from 10.2.0.2: icmp_seq=1 ttl=63 time=") {
		t.Errorf("ping: %s", got)
	}
	if err := router.SetMTU("eth1", 1400); err != nil {
		t.Fatal(err)
	}
	got = run(t, s, out, "ping -c 1 -s 1472 -M do 10.2.0.2", "ping -c 1 -s 1472 -M do 10.2.0.2", "ping -c 1 -s 1472 -M want 10.2.0.2")
	if !strings.Contains(got, "From 10.1.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)\n") || !strings.Contains(got, "ping: local error: Message too long, mtu=1400\n") ||
		!strings.Contains(got, "1480 bytes from 10.2.0.2: icmp_seq=1") {
		t.Errorf("path MTU: %s", got)
	}
}

// dhcpServer answers on an interface with an address of 10.3.0.0/24; what it has
// heard goes to heard.
func dhcpServer(heard chan<- layers.DHCPMsgType, refuse *bool) func(p *stack.Proc) int {
	return func(p *stack.Proc) int {
		fd, _ := p.Socket(stack.AF_INET, stack.SOCK_DGRAM, 0)
		p.SetsockoptInt(fd, stack.SOL_SOCKET, stack.SO_BROADCAST, 1)
		p.Setsockopt(fd, stack.SOL_SOCKET, soBindToDevice, []byte("eth0\x00"))
		p.Bind(fd, netip.MustParseAddrPort("0.0.0.0:67"))
		heard <- layers.DHCPMsgTypeUnspecified // it listens
		buf := make([]byte, 2048)
		for {
			n, from, err := p.Recvfrom(fd, buf, 0)
			var d layers.DHCPv4
			if err != nil || d.DecodeFromBytes(buf[:n], gopacket.NilDecodeFeedback) != nil {
				return 1
			}
			kind := dhcpType(&d)
			heard <- kind
			answer := layers.DHCPMsgTypeOffer
			if kind == layers.DHCPMsgTypeRequest {
				answer = layers.DHCPMsgTypeAck
				if *refuse {
					*refuse, answer = false, layers.DHCPMsgTypeNak
				}
			}
			r := layers.DHCPv4{Operation: layers.DHCPOpReply, HardwareType: layers.LinkTypeEthernet, HardwareLen: 6, Xid: d.Xid,
				YourClientIP: net.IP{10, 3, 0, 50}, ClientHWAddr: d.ClientHWAddr, Options: layers.DHCPOptions{
					layers.NewDHCPOption(layers.DHCPOptMessageType, []byte{byte(answer)}), layers.NewDHCPOption(layers.DHCPOptServerID, []byte{10, 3, 0, 1}),
					layers.NewDHCPOption(layers.DHCPOptSubnetMask, []byte{255, 255, 255, 0}), layers.NewDHCPOption(layers.DHCPOptRouter, []byte{10, 3, 0, 1}),
					layers.NewDHCPOption(layers.DHCPOptDNS, []byte{10, 3, 0, 1, 10, 3, 0, 2}), layers.NewDHCPOption(layers.DHCPOptLeaseTime, []byte{0, 0, 0, 2}),
					layers.NewDHCPOption(layers.DHCPOptDomainName, []byte("lab.test")), layers.NewDHCPOption(layers.DHCPOptEnd, nil)}}
			b := gopacket.NewSerializeBuffer()
			r.SerializeTo(b, gopacket.SerializeOptions{})
			to := netip.MustParseAddrPort("255.255.255.255:68")
			if d.Flags&dhcpBroadcast == 0 {
				to = from
			}
			p.Sendto(fd, b.Bytes(), 0, to)
		}
	}
}

func TestUdhcpc(t *testing.T) {
	s, out := open(t, Config{Clock: stack.ClockReal})
	server := other(t)
	cable(t, s.m, "eth1", server, "eth0")
	address(t, server, "eth0", "10.3.0.1/24")
	heard := make(chan layers.DHCPMsgType, 64)
	refuse := true
	server.Spawn("dhcpd", nil, dhcpServer(heard, &refuse))
	<-heard
	got := run(t, s, out, "udhcpc -i eth1 -q -T 30", "ip -br addr show eth1", "ip route show default", "cat /etc/resolv.conf", "ping -c 1 10.3.0.1")
	for _, want := range []string{
		"udhcpc: started, v1.30.1\nudhcpc: sending discover\nudhcpc: sending select for 10.3.0.50\nudhcpc: received DHCP NAK\n" +
			"udhcpc: sending discover\nudhcpc: sending select for 10.3.0.50\nudhcpc: lease of 10.3.0.50 obtained, lease time 2\n" +
			"Setting IP address 10.3.0.50 on eth1\nDeleting routers\nAdding router 10.3.0.1\nRecreating /etc/resolv.conf\n" +
			" Adding DNS server 10.3.0.1\n Adding DNS server 10.3.0.2\n",
		"10.3.0.50/24", "default via 10.3.0.1 dev eth1", "search lab.test\nnameserver 10.3.0.1\nnameserver 10.3.0.2\n", "64 bytes from 10.3.0.1: icmp_seq=1",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	for _, want := range []layers.DHCPMsgType{layers.DHCPMsgTypeDiscover, layers.DHCPMsgTypeRequest, layers.DHCPMsgTypeDiscover, layers.DHCPMsgTypeRequest} {
		if kind := <-heard; kind != want {
			t.Errorf("the server heard %v, want %v", kind, want)
		}
	}
	// Behind the prompt, it asks for more when half of the lease has gone.
	got = run(t, s, out, "udhcpc -i eth1 -T 30 > log 2>&1", "cat log")
	if len(s.Jobs()) != 1 || !strings.Contains(got, "lease of 10.3.0.50 obtained") {
		t.Fatalf("%+v after\n%s", s.Jobs(), got)
	}
	for range 2 {
		<-heard
	}
	select {
	case kind := <-heard:
		if kind != layers.DHCPMsgTypeRequest {
			t.Errorf("it renews by %v", kind)
		}
	case <-time.After(30 * time.Second):
		t.Error("it does not renew")
	}
	if got := run(t, s, out, "kill %1", "wait", "cat log"); !strings.Contains(got, "udhcpc: sending renew to 10.3.0.1\n") {
		t.Errorf("it does not say that it renews: %s", got)
	}
}

func TestUdhcpcErrors(t *testing.T) {
	s, out := open(t, Config{})
	for line, want := range map[string]string{
		"udhcpc -i eth9":  "udhcpc: SIOCGIFINDEX: No such device\n",
		"udhcpc -i lo":    "udhcpc: SIOCGIFINDEX: No such device\n",
		"udhcpc -t 2 -n":  "udhcpc: sending discover\nudhcpc: sending discover\nudhcpc: no lease, failing\n",
		"udhcpc -r x":     "not an IPv4 address",
		"udhcpc -t 0":     "not a number",
		"udhcpc -q extra": "unexpected argument",
	} {
		if got := run(t, s, out, line); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestTracerouteSelf(t *testing.T) {
	s, out := open(t, Config{})
	for line, want := range map[string]string{
		"traceroute localhost":                 "traceroute to localhost (127.0.0.1), 30 hops max, 60 byte packets\n 1  localhost (127.0.0.1)  0.000 ms  0.000 ms  0.000 ms\n",
		"traceroute -n -I 127.0.0.1 100":       "traceroute to 127.0.0.1 (127.0.0.1), 30 hops max, 100 byte packets\n 1  127.0.0.1  0.000 ms  0.000 ms  0.000 ms\n",
		"traceroute -T -q 1 127.0.0.1":         " 1  localhost (127.0.0.1)  0.000 ms\n",
		"traceroute -n -m 2 192.168.40.7":      "\n 1  * * *\n 2  * * *\n",
		"traceroute -n -m 3 -f 3 192.168.40.7": "\n 3  * * *\n",
		"traceroute 9.9.9.9":                   "connect: Network is unreachable\n",
		"traceroute":                           "an argument is missing",
		"traceroute -m 300 127.0.0.1":          "max hops cannot be more than 255\n",
		"traceroute -f 9 -m 8 127.0.0.1":       "first hop out of range\n",
		"traceroute -q 11 127.0.0.1":           "no more than 10 probes per hop\n",
		"traceroute 127.0.0.1 66000":           "too big packetlen 66000 specified\n",
	} {
		if got := run(t, s, out, line); !strings.HasSuffix(got, want) && !strings.Contains(got, want) {
			t.Errorf("%s:\n%s\nwant\n%s", line, got, want)
		}
	}
}

func TestEthtool(t *testing.T) {
	s, out := open(t, Config{Clock: stack.ClockReal})
	cable(t, s.m, "eth1", other(t), "eth0")
	for _, c := range []struct{ line, want string }{
		{"ethtool lo", "Settings for lo:\n\tLink detected: yes\n"},
		{"ethtool -k lo", "Features for lo:\nrx-checksumming: on [fixed]\n"},
		{"ethtool -i eth1", "driver: virtio_net\nversion: 1.0.0\n"},
		{"ethtool -i lo", "Cannot get driver information: Operation not supported\n"},
		{"ethtool -S eth1", "NIC statistics:\n     rx_queue_0_packets: "},
		{"ethtool -S lo", "no stats available\n"},
		{"ethtool eth9", "Cannot get device settings: No such device\n"},
		{"ethtool -K eth0 tx off", "Actual changes:\ntx-checksumming: off\ntcp-segmentation-offload: off [requested on]\n"},
		{"ethtool -k eth0", "tx-checksumming: off\nscatter-gather: on\ntcp-segmentation-offload: off\n"},
		{"ethtool -K eth0 tx on tso on", ""},
		{"ethtool -K lo rx off", "Could not change any device features\n"},
		{"ethtool -K lo nonsense on", "bad command line argument(s)"},
	} {
		if got := run(t, s, out, c.line); !strings.Contains(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.line, got, c.want)
		}
	}
}

func TestPingFlags(t *testing.T) {
	s, out := open(t, Config{})
	for line, want := range map[string]string{
		"ping -c 2 -q localhost":               "PING localhost (127.0.0.1) 56(84) bytes of data.\n\n--- localhost ping statistics ---\n2 packets transmitted, 2 received, 0% packet loss, time 1000ms\nrtt ",
		"ping -c 1 -s 8 127.0.0.1":             "16 bytes from 127.0.0.1: icmp_seq=1 ttl=64\n",
		"ping -c 3 -f 127.0.0.1":               "bytes of data.\n.\b \b.\b \b.\b \b\n--- 127.0.0.1",
		"ping -w 3 127.0.0.1":                  "3 packets transmitted, 3 received",
		"ping -c 1 -D 127.0.0.1":               "\n[15522",
		"ping -c 1 -I lo 127.0.0.1":            "PING 127.0.0.1 (127.0.0.1) from 127.0.0.1 lo: 56(84) bytes of data.\n",
		"ping -c 1 -I 127.0.0.2 127.0.0.1":     "PING 127.0.0.1 (127.0.0.1) from 127.0.0.2 127.0.0.2: 56(84)",
		"ping -I eth9 127.0.0.1":               "ping: unknown iface: eth9\n",
		"ping -I 1.2.3.4 127.0.0.1":            "ping: bind: Cannot assign requested address\n",
		"ping 192.168.40.255":                  "ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules\n",
		"ping -b -c 1 -W 1 192.168.40.255":     "WARNING: pinging broadcast address\nPING 192.168.40.255",
		"ping -M maybe 127.0.0.1":              "invalid -M argument: maybe\n",
		"ping -c 1 -M do -s 2000 192.168.40.9": "ping: local error: Message too long, mtu=1500\n\n--- 192.168.40.9 ping statistics ---\n1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n",
	} {
		if got := run(t, s, out, line); !strings.Contains(got, want) {
			t.Errorf("%s:\n%q\nwant\n%q", line, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0.000", 12345 * time.Nanosecond: "0.012", 1234 * time.Microsecond: "1.23", 12345 * time.Microsecond: "12.3", 123456 * time.Microsecond: "123"} {
		if got := pingTime(d); got != want {
			t.Errorf("%v prints as %s, want %s", d, got, want)
		}
	}
}
