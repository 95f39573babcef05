package tap

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"menuos/stack"
)

const (
	childEnv   = "MENUOS_TEST_TAP" // the process is to hold a link of that name
	shellChild = "a shell"
	insideEnv  = "MENUOS_TEST_NETNS" // the process has a namespace of its own
)

// TestMain runs the tests in a process with a network namespace of its own, and
// a user namespace where they are not run by root; all goes with the process.
// And it is the processes that tests start.
func TestMain(m *testing.M) {
	switch name := os.Getenv(childEnv); name {
	case "":
	case shellChild:
		shellAndLine()
	default:
		holdLink(name)
	}
	if os.Getenv(insideEnv) == "" {
		runtime.LockOSThread() // whose end is the other process's
		cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
		cmd.Env = append(os.Environ(), insideEnv+"=1")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
		if os.Geteuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
		}
		if noNamespace = cmd.Start(); noNamespace == nil {
			_ = cmd.Wait()
			os.Exit(cmd.ProcessState.ExitCode())
		}
	}
	os.Exit(m.Run())
}

// noNamespace says why the tests have no network namespace of their own.
var noNamespace error

// needTap skips a test where there are no devices to be had, and brings lo up
// where there are.
func needTap(t testing.TB) {
	t.Helper()
	if noNamespace != nil {
		t.Skipf("no network namespace to be had: %v", noNamespace)
	}
	f, err := os.OpenFile(tunPath, os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no TAP to be had: %v", err)
	}
	f.Close()
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func machine(t testing.TB) *stack.Stack {
	t.Helper()
	m := stack.New(stack.Config{Seed: 1, Clock: stack.ClockReal})
	t.Cleanup(m.Close)
	if err := m.IfUp("lo"); err != nil {
		t.Fatal(err)
	}
	return m
}

var labAddr = netip.MustParsePrefix("192.168.40.254/24")

// attach links a machine to the namespace, for as long as the test runs.
func attach(t testing.TB, m *stack.Stack, cfg Config) *Link {
	t.Helper()
	if !cfg.Addr.IsValid() {
		cfg.Addr = labAddr
	}
	l, err := Attach(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestDeviceComesAndGoes(t *testing.T) {
	for _, tun := range []bool{false, true} {
		t.Run(fmt.Sprint("tun=", tun), func(t *testing.T) {
			needTap(t)
			l := attach(t, machine(t), Config{Name: "lab0", Tun: tun, MTU: 1400})
			wantShown(t, "lab0", "tuntap up=true mtu=1400 192.168.40.1/24")
			if h := l.Host(); !h.Made || h.MTU != 1400 || h.Addr.String() != "192.168.40.1/24" || (h.MAC[0]|h.MAC[5] != 0) == tun {
				t.Errorf("the host's end is %+v", h)
			}
			l.Close()
			wantShown(t, "lab0", "none")
			if err := l.Err(); err != nil {
				t.Errorf("a closed link says %v", err)
			}
		})
	}
}

// TestMachineSaysNo holds that a machine that cannot take the link leaves
// nothing on the host.
func TestMachineSaysNo(t *testing.T) {
	needTap(t)
	m := machine(t)
	if err := m.AddDummy("eth0"); err != nil {
		t.Fatal(err)
	}
	if l, err := Attach(m, Config{Addr: labAddr}); err == nil {
		l.Close()
		t.Error("attached to an interface that the machine has already")
	}
	wantShown(t, "tap0", "none")
}

// holdLink is what the child does: it attaches, says so, and waits to be killed.
func holdLink(name string) {
	m := stack.New(stack.Config{Clock: stack.ClockReal})
	if _, err := Attach(m, Config{Name: name, Addr: labAddr}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("attached")
	select {}
}

// TestKilled has two processes want one device, and then kills the one that has
// it.
func TestKilled(t *testing.T) {
	needTap(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"=lab0")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "attached\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	_, err = Attach(machine(t), Config{Name: "lab0", Addr: labAddr})
	var e *Error
	if want := fmt.Sprintf("process %d (", cmd.Process.Pid); !errors.As(err, &e) || e.Kind != Busy || !strings.Contains(err.Error(), want) {
		t.Errorf("a second link to the device: %v\nwant %s: … %s …", err, Busy, want)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	wantShown(t, "lab0", "none")
	attach(t, machine(t), Config{Name: "lab0"}).Close()
}

// TestDeleted deletes the device under a running link.
func TestDeleted(t *testing.T) {
	needTap(t)
	told := make(chan error, 2)
	m := machine(t)
	l := attach(t, m, Config{Name: "lab0", Told: func(err error) { told <- err }})
	link, err := netlink.LinkByName("lab0")
	if err == nil {
		err = netlink.LinkDel(link)
	}
	if err != nil {
		t.Fatal(err)
	}
	<-l.Died()
	var e *Error
	if err := <-told; !errors.As(err, &e) || e.Kind != Gone || l.Err() != error(e) {
		t.Errorf("told %v, and Err says %v; want both %s", err, l.Err(), Gone)
	}
	if carrier(m) {
		t.Error("the machine's interface has a carrier without a device")
	}
	l.Close()
	if len(told) > 0 {
		t.Errorf("told again: %v", <-told)
	}
	attach(t, machine(t), Config{Name: "lab0"}).Close()
}

// carrier reports whether the machine's eth0 has a link.
func carrier(m *stack.Stack) bool {
	for _, i := range m.Snapshot().Ifaces {
		if i.Name == "eth0" {
			return i.Carrier
		}
	}
	return false
}

// await waits until cond holds, or the test fails.
func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for began := time.Now(); !cond(); runtime.Gosched() {
		if time.Since(began) > limit {
			t.Fatalf("after %v it does not hold that %s", limit, what)
		}
	}
}

// TestHostTakesItDown takes the device down and up again: for the machine a
// cable that is pulled and plugged in.
func TestHostTakesItDown(t *testing.T) {
	needTap(t)
	m := machine(t)
	attach(t, m, Config{Name: "lab0"})
	link, err := netlink.LinkByName("lab0")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := netlink.LinkSetDown(link); err != nil {
			t.Fatal(err)
		}
		await(t, "eth0 has no carrier", func() bool { return !carrier(m) })
		if err := netlink.LinkSetUp(link); err != nil {
			t.Fatal(err)
		}
		await(t, "eth0 has a carrier", func() bool { return carrier(m) })
	}
	ping(t, 56)
}

// TestClosed holds that a link may be closed while the machine stands still, and
// leaves it an interface without a carrier.
func TestClosed(t *testing.T) {
	needTap(t)
	m := machine(t)
	l := attach(t, m, Config{Name: "lab0"})
	m.Pause()
	l.Close()
	wantShown(t, "lab0", "none")
	m.Unpause()
	await(t, "eth0 has no carrier", func() bool { return !carrier(m) })
}

func counter(m *stack.Stack, name string) uint64 {
	for _, c := range m.Counters() {
		if c.Name == name {
			return c.Value
		}
	}
	return 0
}

// TestWireWaits sends more packets to a paused machine than its ring holds. None
// is lost: the rest waits in the device.
func TestWireWaits(t *testing.T) {
	const n = 600
	needTap(t)
	m := machine(t)
	l := attach(t, m, Config{Name: "lab0"})
	ping(t, 56) // after which the host knows the machine's address
	c, err := net.ListenPacket("udp4", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m.Pause()
	for range n {
		if _, err := c.WriteTo([]byte("x"), &net.UDPAddr{IP: labAddr.Addr().AsSlice(), Port: 9}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the machine's ring is full", func() bool { return l.Stats().InRefused > 0 })
	if got := counter(m, "UdpNoPorts"); got != 0 {
		t.Errorf("a paused machine has received %d datagrams", got)
	}
	m.Unpause()
	await(t, "all datagrams have arrived", func() bool { return counter(m, "UdpNoPorts") >= n })
}
