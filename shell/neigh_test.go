package shell

import (
	"net/netip"
	"testing"

	"menuos/stack"
	"menuos/stack/wire"
)

// openLAN makes a session on an Ethernet that nobody else is on.
func openLAN(t *testing.T) func(line string) string {
	s, out := open(t, Config{Seed: 3, Attach: func(m *stack.Stack, _ func(string)) (string, error) {
		_, err := m.AttachEther(stack.EtherConfig{Name: "eth0", MAC: wire.MAC{2, 0, 0, 0, 0, 0xfe}},
			func(stack.VnetHdr, []byte) bool { return true })
		if err == nil {
			err = m.AddAddr("eth0", netip.MustParsePrefix("192.168.40.254/24"))
		}
		if err == nil {
			err = m.IfUp("eth0")
		}
		return "", err
	}})
	return func(line string) string { return run(t, s, out, line) }
}

// TestNeighCommands: ip neigh and arp take and print what iproute2 and net-tools do.
func TestNeighCommands(t *testing.T) {
	do := openLAN(t)
	for _, tc := range []struct{ line, want string }{
		{"ip neigh", ""},
		{"arp -n", ""},
		{"ip neigh add 192.168.40.1 lladdr 52:54:00:12:34:56 dev eth0", ""},
		{"ip n", "192.168.40.1 dev eth0 lladdr 52:54:00:12:34:56 PERMANENT\n"},
		{"ip neigh add 192.168.40.1 lladdr 52:54:00:12:34:56 dev eth0", "RTNETLINK answers: File exists\n"},
		{"ip neighbour change 192.168.40.1 lladdr 52:54:00:12:34:57 nud stale dev eth0", ""},
		{"ip neigh show dev eth0", "192.168.40.1 lladdr 52:54:00:12:34:57 STALE\n"},
		{"ip -s neigh show to 192.168.40.0/24 nud stale", "192.168.40.1 dev eth0 lladdr 52:54:00:12:34:57 used 0/60/0 probes 0 STALE\n"},
		{"ip neigh show nud permanent", ""},
		{"ip neigh change 192.168.40.9 lladdr 52:54:00:12:34:57 dev eth0", "RTNETLINK answers: No such file or directory\n"},
		{"ip neigh replace 192.168.40.9 lladdr 52:54:00:12:34:58 nud permanent dev eth0", ""},
		{"ip neigh get 192.168.40.9 dev eth0", "192.168.40.9 dev eth0 lladdr 52:54:00:12:34:58 PERMANENT\n"},
		{"arp -n", "Address                  HWtype  HWaddress           Flags Mask            Iface\n" +
			"192.168.40.1             ether   52:54:00:12:34:57   C                     eth0\n" +
			"192.168.40.9             ether   52:54:00:12:34:58   CM                    eth0\n"},
		{"arp -a", "? (192.168.40.1) at 52:54:00:12:34:57 [ether] on eth0\n? (192.168.40.9) at 52:54:00:12:34:58 [ether] PERM on eth0\n"},
		{"ip neigh del 192.168.40.9 dev eth0", ""},
		{"ip neigh del 192.168.40.9 dev eth0", "RTNETLINK answers: No such file or directory\n"},
		{"ip -s neigh flush dev eth0", "\n*** Round 1, deleting 1 entries ***\n*** Flush is complete after 1 round ***\n"},
		{"ip -s neigh flush dev eth0", "Nothing to flush.\n"},
		{"arp -s 192.168.40.7 52:54:00:00:00:07", ""},
		{"arp -d 192.168.40.7", ""},
		{"arp -d 192.168.40.7", "No ARP entry for 192.168.40.7\n"},
		{"arp 192.168.40.8", "192.168.40.8 (192.168.40.8) -- no entry\n"},
		{"arp -s 10.9.9.9 52:54:00:00:00:07", "SIOCSARP: Network is unreachable\n"},
		{"arp -s 192.168.40.7 52:54", "arp: invalid hardware address\n"},
		{"ip neigh flush", "Flush requires arguments.\n"},
		{"ip neigh add 192.168.40.1 lladdr 52:54:00:12:34:56", "Device and destination are required arguments.\n"},
		{"ip neigh add 192.168.40.1 lladdr 52:54:00:12:34:56 dev eth9", "Cannot find device \"eth9\"\n"},
		{"ip neigh add 192.168.40.1 lladdr 52:54:00 dev eth0", "\"52:54:00\" is invalid lladdr.\n"},
		{"ip neigh add 192.168.40.1 nud great dev eth0", "Error: argument \"great\" is wrong: nud state is bad\n"},
		{"ip neigh add 192.168.40.1 dev eth0", "RTNETLINK answers: Invalid argument\n"},
		{"ip link show eth0", "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast state UP mode DEFAULT group default qlen 1000\n" +
			"    link/ether 02:00:00:00:00:fe brd ff:ff:ff:ff:ff:ff\n"},
		{"ip -s link show lo", "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\n" +
			"    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n" +
			"    RX: bytes  packets  errors  dropped overrun mcast   \n    0          0        0       0       0       0       \n" +
			"    TX: bytes  packets  errors  dropped carrier collsns \n    0          0        0       0       0       0       \n"},
		{"ip neigh frob", "Command \"frob\" is unknown, try \"ip neigh help\".\n"},
		{"ip route get 192.168.40.1", "192.168.40.1 dev eth0 src 192.168.40.254 uid 0 \n    cache \n"},
		{"ip route get 192.168.40.254", "local 192.168.40.254 dev lo src 192.168.40.254 uid 0 \n    cache <local> \n"},
		{"ip route get 192.168.40.255", "broadcast 192.168.40.255 dev eth0 src 192.168.40.254 uid 0 \n    cache <local,brd> \n"},
		{"ip route get 192.168.40.1 from 192.168.40.254 oif eth0", "192.168.40.1 from 192.168.40.254 dev eth0 uid 0 \n    cache \n"},
		{"ip route get 192.168.40.1 from 10.9.9.9", "RTNETLINK answers: Invalid argument\n"},
		{"ip route get 203.0.113.1", "RTNETLINK answers: Network is unreachable\n"},
		{"ip neigh use", "Command \"use\" is unknown, try \"ip neigh help\".\n"},
		{"ip neigh add 192.168.40.5 use dev eth0", ""},
		{"arp -n 192.168.40.5", "Address                  HWtype  HWaddress           Flags Mask            Iface\n" +
			"192.168.40.5                     (incomplete)                              eth0\n"},
		{"ip neigh show nud incomplete", "192.168.40.5 dev eth0  INCOMPLETE\n"},
		{"sleep 4; ip neigh", "192.168.40.5 dev eth0  FAILED\n"},
	} {
		if got := do(tc.line); got != tc.want {
			t.Errorf("%s\nprinted %q\nwant    %q", tc.line, got, tc.want)
		}
	}
}
