// Where a function stands among the layers of the network.

package steps

import "strings"

// Layer is the part of the kernel that a function belongs to.
type Layer string

// The layers, from the program down to the driver. LayerKernel is what serves
// all of them: softirqs, timers, locks.
const (
	LayerApp    Layer = "app"    // the program, and its way into the kernel
	LayerSocket Layer = "socket" // system calls, struct sock
	LayerTCP    Layer = "tcp"
	LayerUDP    Layer = "udp" // and raw
	LayerIP     Layer = "ip"  // IP, routes, ICMP, ARP, IGMP
	LayerDev    Layer = "dev" // packets, devices, queues, neighbours
	LayerDriver Layer = "driver"
	LayerKernel Layer = "softirq" // softirqs, timers, locks, kernel threads
)

type byPathRule struct {
	prefix string
	layer  Layer
}

// byPath are the layers by the beginnings of Linux's file names; the first that
// fits counts.
var byPath = []byPathRule{
	{"arch/x86/entry/entry_64.S", LayerKernel}, // interrupts and softirq stacks
	{"arch/x86/entry/", LayerApp},
	{"arch/x86/", LayerKernel},
	{"drivers/", LayerDriver},
	{"fs/", LayerSocket},
	{"net/socket", LayerSocket},
	{"net/compat", LayerSocket},
	{"net/core/sock", LayerSocket},
	{"net/core/stream", LayerSocket},
	{"net/core/datagram", LayerSocket},
	{"net/core/filter", LayerSocket},
	{"net/core/secure_seq", LayerTCP},
	{"net/core/dst", LayerIP},
	{"net/core/", LayerDev},
	{"net/sched/", LayerDev},
	{"net/ethernet/", LayerDev},
	{"net/netfilter/", LayerIP},
	{"net/ipv4/tcp", LayerTCP},
	{"net/ipv4/inet_connection_sock", LayerTCP},
	{"net/ipv4/inet_hashtables", LayerTCP},
	{"net/ipv4/inet_timewait_sock", LayerTCP},
	{"net/ipv4/syncookies", LayerTCP},
	{"net/ipv4/udp", LayerUDP},
	{"net/ipv4/raw", LayerUDP},
	{"net/ipv4/ping", LayerUDP},
	{"net/ipv4/datagram", LayerUDP},
	{"net/ipv4/af_inet", LayerSocket},
	{"net/ipv4/ip_sockglue", LayerSocket},
	{"net/ipv4/", LayerIP},
	{"include/net/tcp", LayerTCP},
	{"include/net/inet_", LayerTCP},
	{"include/net/request_sock", LayerTCP},
	{"include/net/udp", LayerUDP},
	{"include/net/sock", LayerSocket},
	{"include/net/neighbour", LayerDev},
	{"include/net/pkt_sched", LayerDev},
	{"include/net/", LayerIP},
	{"include/linux/netfilter", LayerIP},
	{"include/linux/netdevice", LayerDev},
	{"include/linux/skbuff", LayerDev},
	{"include/linux/filter", LayerSocket},
	{"include/linux/poll", LayerSocket},
	{"lib/win_minmax", LayerTCP},
}

// LayerOf is the layer of a function, by its Linux name and file; LayerKernel if
// neither says.
func LayerOf(function, file string) Layer {
	switch function {
	case "??", "entry_SYSCALL_compat":
		return LayerApp
	}
	file = strings.TrimPrefix(file, "./")
	for _, l := range byPath {
		if strings.HasPrefix(file, l.prefix) {
			return l.layer
		}
	}
	return LayerKernel
}
