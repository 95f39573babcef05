package core

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

func TestSysctl(t *testing.T) {
	n := testNet(t)
	for name, want := range map[string]string{
		"net.core.somaxconn":              "128",
		"net.core.rmem_max":               "212992",
		"net.ipv4.tcp_rmem":               "4096\t131072\t3912832",
		"net.ipv4.tcp_wmem":               "4096\t16384\t4194304",
		"net.ipv4.tcp_keepalive_time":     "7200",
		"net.ipv4.tcp_fin_timeout":        "60",
		"net.ipv4.tcp_invalid_ratelimit":  "500",
		"net.ipv4.tcp_comp_sack_delay_ns": "1000000",
		"net.ipv4.ip_local_port_range":    "32768\t60999",
		"net.ipv4.tcp_congestion_control": "cubic",
		"net.ipv4.tcp_sack":               "1",
		"net.ipv4.tcp_notsent_lowat":      "4294967295",
		"net/ipv4/tcp_syn_retries":        "6",
	} {
		if got, ok := n.SysctlGet(name); !ok || got != want {
			t.Errorf("%s = %q %v, want %q", name, got, ok, want)
		}
	}
	for _, name := range n.SysctlNames() {
		v, ok := n.SysctlGet(name)
		if !ok {
			t.Errorf("%s is listed and cannot be read", name)
		}
		if e, _ := n.findSysctl(name); e.readOnly || name == "net.ipv4.ping_group_range" {
			continue
		}
		if err := n.SysctlSet(name, v); err != nil {
			t.Errorf("its own value is refused: %v", err)
		}
		if w, _ := n.SysctlGet(name); w != v {
			t.Errorf("%s: %q became %q", name, v, w)
		}
	}
}

func TestSysctlSet(t *testing.T) {
	n := testNet(t)
	changed := ""
	n.Sysctl.Changed = func(name string) { changed = name }
	for _, tt := range []struct {
		name, value string
		err         error
	}{
		{"net.ipv4.tcp_syn_retries", "3", nil},
		{"net.ipv4.tcp_syn_retries", "0", ErrSysctlValue},
		{"net.ipv4.tcp_syn_retries", "128", ErrSysctlValue},
		{"net.ipv4.tcp_syn_retries", "x", ErrSysctlValue},
		{"net.ipv4.tcp_syn_retries", "1 2", ErrSysctlValue},
		{"net.ipv4.ip_local_port_range", "5000 6000", nil},
		{"net.ipv4.ip_local_port_range", "6000 5000", ErrSysctlValue},
		{"net.ipv4.tcp_available_congestion_control", "reno", ErrSysctlReadOnly},
		{"net.ipv4.nonsense", "1", ErrSysctlUnknown},
		{"net.ipv4.tcp_keepalive_time", "10", nil},
	} {
		if err := n.SysctlSet(tt.name, tt.value); !errors.Is(err, tt.err) {
			t.Errorf("%s=%s: %v, want %v", tt.name, tt.value, err, tt.err)
		}
	}
	if n.Sysctl.TcpSynRetries != 3 || n.Sysctl.TcpKeepaliveTime != 10*kernel.HZ || changed != "net.ipv4.tcp_keepalive_time" {
		t.Errorf("values are %d %d, last change %q", n.Sysctl.TcpSynRetries, n.Sysctl.TcpKeepaliveTime, changed)
	}
}

// TestSiphash uses the reference vectors of SipHash-2-4: key and input count up
// from 0.
func TestSiphash(t *testing.T) {
	key := [2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	if got := Siphash2u32(0x03020100, 0x07060504, &key); got != 0x93f5f5799a932462 {
		t.Errorf("8 bytes: %#x", got)
	}
	if got := Siphash4u32(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, &key); got != 0x3f2acc7f57c29bdb {
		t.Errorf("16 bytes: %#x", got)
	}
}

func TestSecureSeq(t *testing.T) {
	n, m := testNet(t), testNet(t)
	before := n.Now()
	a := n.SecureTcpSeq(1, 2, 3, 4)
	if b := m.SecureTcpSeq(1, 2, 3, 4); a != b {
		t.Errorf("equal machines differ: %d %d", a, b)
	}
	if b := n.SecureTcpSeq(1, 2, 3, 5); a == b {
		t.Error("another port has the same number")
	}
	inTask(t, n, func() {
		n.Current().State = kernel.TaskInterruptible
		n.ScheduleTimeout(kernel.HZ)
	})
	want := uint32(uint64(n.Now())>>6) - uint32(uint64(before)>>6)
	if b := n.SecureTcpSeq(1, 2, 3, 4); b-a != want {
		t.Errorf("%d higher after %v, want %d", b-a, n.Now()-before, want)
	}
	if n.SecureTcpTsOff(n, 1, 2) == 0 {
		t.Error("no time stamp offset")
	}
	n.Sysctl.TcpTimestamps = 2
	if n.SecureTcpTsOff(n, 1, 2) != 0 {
		t.Error("time stamp offset without randomisation")
	}
}

// echo receives IPv4 packets and counts them.
type echo struct {
	n   *Net
	got int
}

func (e *echo) rcv(skb *SkBuff, dev *NetDevice, pt *PacketType, orig *NetDevice) int {
	e.got++
	e.n.ConsumeSkb(skb)
	return 0
}

// frames is a stack as the recorded ones are written, without files.
func frames(n *Net, s kernel.Stack) string {
	text := ""
	for i, f := range n.Frames(s) {
		if i > 0 {
			text += fmt.Sprintf(" < %s:%d", f.Func, f.Line)
		} else {
			text = f.Func
		}
	}
	return text
}

func TestLoopback(t *testing.T) {
	n := testNet(t)
	e := &echo{n: n}
	n.DevAddPack(&PacketType{Type: wire.EtherTypeIPv4, Func: e.rcv})
	var names []string
	var packets [][]byte
	stacks := make(map[string]string)
	n.Trace = func(ev *Event) {
		names = append(names, ev.Name)
		stacks[ev.Name] = frames(n, ev.Stack)
		packets = append(packets, ev.Packet)
	}
	send := func() {
		neigh := n.Ipv4NeighLookupNoref__(n.Loopback, wire.AddrLoopback)
		if neigh == nil {
			neigh = n.NeighCreate__(wire.AddrLoopback, n.Loopback, false)
		}
		if rc := n.NeighOutput(neigh, ipPacket(n, 100)); rc != 0 {
			t.Errorf("neigh_output = %d", rc)
		}
	}
	inTask(t, n, send)
	want := []string{"net_dev_queue", "netif_rx", "netif_receive_skb", "consume_skb"}
	if len(names) != len(want) {
		t.Fatalf("events %v, want %v", names, want)
	}
	for i := range want {
		if names[i] != want[i] {
			t.Errorf("event %d is %s, want %s", i, names[i], want[i])
		}
		ip := wire.IPv4(packets[i])
		if ip.Check() != nil || wire.TransportChecksum(ip.Src(), ip.Dst(), wire.ProtoUDP, ip.Payload()) != 0 {
			t.Errorf("%s: the packet's checksum is not completed", names[i])
		}
	}
	for name, want := range map[string]string{
		"net_dev_queue": "__dev_queue_xmit < dev_queue_xmit:3897 < neigh_resolve_output:1476 < neigh_output:508",
		"netif_rx": "netif_rx_internal < netif_rx:4553 < loopback_xmit:89 < __netdev_start_xmit:4385 < " +
			"netdev_start_xmit:4394 < xmit_one:3278 < dev_hard_start_xmit:3294 < __dev_queue_xmit:3864 < " +
			"dev_queue_xmit:3897 < neigh_resolve_output:1476 < neigh_output:508",
		"netif_receive_skb": "__netif_receive_skb_core < __netif_receive_skb_one_core:4971 < __netif_receive_skb:5083 < " +
			"process_backlog:5923 < napi_poll:6346 < net_rx_action:6412 < __do_softirq:292 < do_softirq_own_stack:1027 < " +
			"do_softirq:337 < __local_bh_enable_ip:189 < local_bh_enable:32 < rcu_read_unlock_bh:696 < __dev_queue_xmit:3891 < " +
			"dev_queue_xmit:3897 < neigh_resolve_output:1476 < neigh_output:508",
	} {
		if got := stacks[name]; got != want {
			t.Errorf("%s:\n  %s\nwant\n  %s", name, got, want)
		}
	}
	if e.got != 1 || n.Loopback.Stats.RxPackets != 1 || n.Loopback.Stats.TxBytes != 128 {
		t.Errorf("received %d, stats %+v", e.got, n.Loopback.Stats)
	}
	if n.Ipv4NeighLookupNoref__(n.Loopback, 0x7f000002) == nil {
		t.Error("another address of lo is another neighbour")
	}
	n.Trace = nil
	inTask(t, n, func() {
		send()
		if got := testing.AllocsPerRun(50, send); got != 0 {
			t.Errorf("%v allocations a packet", got)
		}
	})
}

func TestLoopbackDown(t *testing.T) {
	n := testNet(t)
	n.DevClose(n.Loopback)
	reason := ""
	n.Trace = func(ev *Event) {
		if ev.Name == "kfree_skb" {
			reason = ev.Reason
		}
	}
	inTask(t, n, func() {
		if rc := n.DevQueueXmit(ipPacket(n, 10)); rc != -ENETDOWN {
			t.Errorf("dev_queue_xmit = %d", rc)
		}
	})
	if reason != "device down" {
		t.Errorf("dropped because %q", reason)
	}
}

func TestDummySwallows(t *testing.T) {
	n := testNet(t)
	dev, err := n.NewDummy("")
	if err != 0 || dev.Name != "dummy0" || dev.Ifindex != 2 {
		t.Fatalf("NewDummy: %d, %+v", err, dev)
	}
	heard := []int{}
	n.RegisterNetdeviceNotifier(func(event int, d *NetDevice) {
		if d == dev {
			heard = append(heard, event)
		}
	})
	n.DevChangeFlags(dev, dev.Flags|IffUp)
	skb := ipPacket(n, 10)
	skb.Dev = dev
	inTask(t, n, func() { n.DevQueueXmit(skb) })
	if dev.Stats.TxPackets != 1 {
		t.Errorf("sent %d", dev.Stats.TxPackets)
	}
	n.DevChangeFlags(dev, dev.Flags&^IffUp)
	want := []int{NetdevRegister, NetdevPreUp, NetdevUp, NetdevGoingDown, NetdevDown}
	if len(heard) != len(want) {
		t.Fatalf("events %v, want %v", heard, want)
	}
	for i := range want {
		if heard[i] != want[i] {
			t.Errorf("events %v, want %v", heard, want)
		}
	}
}

// nic is a device with a queue whose driver can refuse.
type nic struct {
	n    *Net
	sent []*SkBuff
	room int
}

func (d *nic) xmit(skb *SkBuff, dev *NetDevice) int {
	if d.room == 0 {
		return NetdevTxBusy
	}
	d.room--
	if d.room == 0 {
		NetifStopQueue(dev)
	}
	d.sent = append(d.sent, skb)
	return NetdevTxOk
}

func TestPfifoFast(t *testing.T) {
	n := testNet(t)
	d := &nic{n: n, room: 2}
	dev := n.AllocNetdev("eth%d", func(dev *NetDevice) {
		n.EtherSetup(dev)
		dev.TxQueueLen = 3
		dev.Ops = &NetDeviceOps{NdoStartXmit: d.xmit}
	})
	n.RegisterNetdevice(dev)
	n.DevOpen(dev)
	if dev.Name != "eth0" || dev.Qdisc == nil || dev.Qdisc.Ops.Id != "pfifo_fast" {
		t.Fatalf("device %s has no queue", dev.Name)
	}
	inTask(t, n, func() {
		for i := range 8 {
			skb := ipPacket(n, 10)
			skb.Dev = dev
			skb.Mark = uint32(i)
			if i == 4 {
				skb.Priority = 6 // interactive: the first band
			}
			rc := n.DevQueueXmit(skb)
			if drop := i > 5; (rc == NetXmitDrop) != drop {
				t.Errorf("packet %d: %d", i, rc)
			}
		}
		if dev.Qdisc.Qlen != 4 || dev.Qdisc.Drops != 2 {
			t.Errorf("qlen %d drops %d", dev.Qdisc.Qlen, dev.Qdisc.Drops)
		}
		d.room = 10
		n.LocalBhDisable()
		n.NetifWakeQueue(dev)
		n.LocalBhEnable()
	})
	var order []uint32
	for _, skb := range d.sent {
		order = append(order, skb.Mark)
		if skb.IpSummed != ChecksumNone {
			t.Error("a checksum was left to a device that cannot")
		}
	}
	want := []uint32{0, 1, 4, 2, 3, 5}
	if len(order) != len(want) {
		t.Fatalf("sent %v, want %v", order, want)
	}
	for i := range want {
		if order[i] != want[i] {
			t.Errorf("sent %v, want %v", order, want)
		}
	}
}

func TestNapi(t *testing.T) {
	n := testNet(t)
	e := &echo{n: n}
	n.DevAddPack(&PacketType{Type: wire.EtherTypeIPv4, Func: e.rcv})
	left := 100
	var napi NapiStruct
	n.NetifNapiAdd(n.Loopback, &napi, func(napi *NapiStruct, budget int) int {
		work := 0
		for ; work < budget && left > 0; work++ {
			left--
			n.NetifReceiveSkb(ipPacket(n, 10))
		}
		if work < budget {
			n.NapiCompleteDone(napi, work)
		}
		return work
	}, 64)
	n.Interrupt(n.RequestIrq(func(int, any) { n.NapiSchedule(&napi) }, nil))
	n.Run(n.Now()+time.Second, func() bool { return e.got == 100 })
	if e.got != 100 || napi.state != 0 {
		t.Errorf("received %d, state %d", e.got, napi.state)
	}
}

func TestNfHook(t *testing.T) {
	n := testNet(t)
	accepted := 0
	okfn := func(net *Net, sk *Sock, skb *SkBuff) int { accepted++; n.ConsumeSkb(skb); return 0 }
	if rc := n.NFHOOK(NfprotoIpv4, NfInetLocalIn, n, nil, n.AllocSkb(0), nil, nil, okfn); rc != 0 || accepted != 1 {
		t.Errorf("no hook: %d, accepted %d", rc, accepted)
	}
	n.NfRegisterNetHook(NfInetLocalIn, func(*SkBuff, NfHookState) uint32 { return NfDrop })
	if rc := n.NFHOOK(NfprotoIpv4, NfInetLocalIn, n, nil, n.AllocSkb(0), nil, nil, okfn); rc != -EPERM || accepted != 1 {
		t.Errorf("drop: %d, accepted %d", rc, accepted)
	}
	if rc := n.NFHOOKCOND(NfprotoIpv4, NfInetLocalIn, n, nil, n.AllocSkb(0), nil, nil, okfn, false); rc != 0 || accepted != 2 {
		t.Errorf("not asked: %d, accepted %d", rc, accepted)
	}
}
