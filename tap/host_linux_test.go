package tap

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// netns moves the test into a network namespace of its own, which ends with it:
// its goroutine keeps the thread, so that nobody else gets it. On such a thread
// no machine can run.
func netns(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespace to be had: %v", err)
	}
	needTap(t)
}

// shown is an interface of the host in a line: flags, MTU, addresses.
func shown(t testing.TB, name string) string {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	s := fmt.Sprintf("%s up=%t mtu=%d", link.Type(), link.Attrs().Flags&net.FlagUp != 0, link.Attrs().MTU)
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		s += " " + a.IPNet.String()
	}
	return s
}

func wantShown(t testing.TB, name, want string) {
	t.Helper()
	if got := shown(t, name); got != want {
		t.Errorf("%s on the host: %s; want %s", name, got, want)
	}
}

// lab is a configuration of lab0 with the lab's addresses.
func lab(t testing.TB, c Config) Config {
	t.Helper()
	if c.Addr = labAddr; c.Name == "" {
		c.Name = "lab0"
	}
	c, err := c.settled()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, c Config) (hostEnd, End) {
	t.Helper()
	h, end, err := openHost(lab(t, c))
	if err != nil {
		t.Fatal(err)
	}
	return h, end
}

func persistent(t testing.TB, name string, mode netlink.TuntapMode, owner uint32) netlink.Link {
	t.Helper()
	err := netlink.LinkAdd(&netlink.Tuntap{LinkAttrs: netlink.LinkAttrs{Name: name}, Mode: mode, Owner: owner,
		Flags: netlink.TUNTAP_NO_PI})
	if err != nil && owner != 0 {
		t.Skipf("a namespace without a user %d: %v", owner, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func addAddr(t testing.TB, link netlink.Link, addr string) {
	t.Helper()
	a, err := netlink.ParseAddr(addr)
	if err == nil {
		err = netlink.AddrAdd(link, a)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestPersistentDevice(t *testing.T) {
	netns(t)
	dev := persistent(t, "lab0", netlink.TUNTAP_MODE_TAP, 0)
	h, end := open(t, Config{Name: "lab0", MTU: 1300})
	wantShown(t, "lab0", "tuntap up=true mtu=1300 192.168.40.1/24")
	if end.Made {
		t.Error("the host's end says that the device is ours")
	}
	h.close()
	wantShown(t, "lab0", "tuntap up=false mtu=1500")

	addAddr(t, dev, "192.168.40.1/24")
	if err := netlink.LinkSetUp(dev); err != nil {
		t.Fatal(err)
	}
	h, _ = open(t, Config{Name: "lab0"})
	h.close()
	wantShown(t, "lab0", "tuntap up=true mtu=1500 192.168.40.1/24")
}

// unprivileged takes CAP_NET_ADMIN and CAP_SYS_ADMIN from the test's thread.
func unprivileged(t *testing.T) {
	t.Helper()
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	err := unix.Capget(&hdr, &data[0])
	if err == nil {
		data[0].Effective &^= 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_SYS_ADMIN
		data[0].Permitted = data[0].Effective
		err = unix.Capset(&hdr, &data[0])
	}
	if err != nil {
		t.Skipf("no capabilities to give up: %v", err)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		prep func(t *testing.T)
		cfg  Config
		want Kind
		says string
	}{
		{"another kind", func(*testing.T) {}, Config{Name: "lo"}, NotATap, "lo, of type device, not tap"},
		{"a TUN", func(t *testing.T) { persistent(t, "lab0", netlink.TUNTAP_MODE_TUN, 0) }, Config{}, NotATap, "lab0, of type tun, not tap"},
		{"a TAP", func(t *testing.T) { persistent(t, "lab0", netlink.TUNTAP_MODE_TAP, 0) }, Config{Tun: true}, NotATap, "lab0, of type tap, not tun"},
		{"the machine's address", func(t *testing.T) { addAddr(t, persistent(t, "o0", netlink.TUNTAP_MODE_TAP, 0), "192.168.40.254/32") }, Config{}, AddrTaken, "192.168.40.254 is the address of o0"},
		{"the host's address", func(t *testing.T) { addAddr(t, persistent(t, "o0", netlink.TUNTAP_MODE_TAP, 0), "192.168.40.1/32") }, Config{}, AddrTaken, "192.168.40.1 is the address of o0"},
		{"the subnet", func(t *testing.T) { addAddr(t, persistent(t, "o0", netlink.TUNTAP_MODE_TAP, 0), "192.168.1.1/16") }, Config{}, Overlap, "192.168.40.0/24 overlaps 192.168.1.1/16 on o0"},
		{"no privilege", unprivileged, Config{}, NoPrivilege, "sudo ip tuntap add dev lab0 mode tap user $USER\n  sudo ip addr add 192.168.40.1/24 dev lab0\n"},
		{"somebody else's", func(t *testing.T) {
			persistent(t, "lab0", netlink.TUNTAP_MODE_TAP, 4711)
			unprivileged(t)
		}, Config{}, NotOwner, "lab0 belongs to user 4711"},
		{"not up", func(t *testing.T) {
			persistent(t, "lab0", netlink.TUNTAP_MODE_TAP, 0)
			unprivileged(t)
		}, Config{}, NoConfigure, "sudo ip link set lab0 up"},
		{"no host address", func(t *testing.T) {
			if err := netlink.LinkSetUp(persistent(t, "lab0", netlink.TUNTAP_MODE_TAP, 0)); err != nil {
				t.Fatal(err)
			}
			unprivileged(t)
		}, Config{}, NoConfigure, "sudo ip addr add 192.168.40.1/24 dev lab0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			netns(t)
			c.prep(t)
			before := shown(t, "lab0")
			h, _, err := openHost(lab(t, c.cfg))
			if err == nil {
				h.close()
				t.Fatalf("opened; want %s", c.want)
			}
			var e *Error
			if !errors.As(err, &e) || e.Kind != c.want || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v\nwant %s: … %s …", err, c.want, c.says)
			}
			wantShown(t, "lab0", before)
		})
	}
}

// TestOwnDevice attaches, without any privilege, to a device that root made.
func TestOwnDevice(t *testing.T) {
	netns(t)
	dev := persistent(t, "lab0", netlink.TUNTAP_MODE_TAP, 0)
	addAddr(t, dev, "192.168.40.1/24")
	if err := netlink.LinkSetUp(dev); err != nil {
		t.Fatal(err)
	}
	unprivileged(t)
	h, _ := open(t, Config{Name: "lab0"})
	h.close()
	wantShown(t, "lab0", "tuntap up=true mtu=1500 192.168.40.1/24")
}
