// The TUN/TAP device itself: /dev/net/tun and what is read from it and written.
package tap

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const tunPath = "/dev/net/tun"

// openTun attaches to the device of the configuration's name, and makes it if it
// is not there, for as long as the file is open.
func openTun(c *Config) (*os.File, error) {
	fd, err := unix.Open(tunPath, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return nil, problem(NoTunAccess, err).errno(err).cured("sudo chmod 0666 " + tunPath)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return nil, problem(NoTun).errno(err).cured("sudo modprobe tun",
			"docker run --device "+tunPath+" --cap-add NET_ADMIN …")
	case err != nil:
		return nil, hostProblem("open "+tunPath, err)
	}
	if err := setTun(fd, c); err != nil {
		unix.Close(fd)
		return nil, err
	}
	// The file is made only now: a device that is not attached to anything yet
	// would tell the poller of an error.
	return os.NewFile(uintptr(fd), tunPath), nil
}

func setTun(fd int, c *Config) error {
	ifr, err := unix.NewIfreq(c.Name)
	if err != nil {
		return problem(BadName, c.Name, err)
	}
	flags := uint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if c.Tun {
		flags = unix.IFF_TUN | unix.IFF_NO_PI
	}
	ifr.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return attachProblem(c, err)
	}
	if c.Tun {
		return nil
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnetLen); err != nil {
		return hostProblem("TUNSETVNETHDRSZ "+c.Name, err)
	}
	// What the host may leave to us; what we may leave to it, it always takes.
	offload := 0
	if c.Offload {
		offload = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO_ECN
	}
	return hostProblem("TUNSETOFFLOAD "+c.Name, unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, offload))
}

// attachProblem says why TUNSETIFF failed. What the device is has been looked at
// before.
func attachProblem(c *Config, err error) error {
	switch {
	case errors.Is(err, unix.EBUSY):
		return problem(Busy, c.Name, userOf(c.Name)).errno(err)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return problem(NoPrivilege, c.Name).errno(err).cured(append(makeCommands(c), "menuos … --netns "+NewNamespace)...)
	case errors.Is(err, unix.EINVAL):
		return problem(NotATap, c.Name, "another kind", c.mode()).errno(err)
	}
	return hostProblem("TUNSETIFF "+c.Name, err)
}

// mode is the kind of device as ip calls it.
func (c *Config) mode() string {
	if c.Tun {
		return "tun"
	}
	return "tap"
}

// makeCommands make a device that the user may take, as root.
func makeCommands(c *Config) []string {
	return []string{
		fmt.Sprintf("sudo ip tuntap add dev %s mode %s user $USER", c.Name, c.mode()),
		fmt.Sprintf("sudo ip addr add %s dev %s", c.HostAddr, c.Name),
		fmt.Sprintf("sudo ip link set %s up", c.Name),
	}
}

// userOf finds who has a device open, among the processes that we may look at.
func userOf(name string) string {
	user := "another process"
	infos, _ := filepath.Glob("/proc/[0-9]*/fdinfo/*")
	for _, info := range infos {
		text, err := os.ReadFile(info)
		if err != nil || !strings.Contains(string(text), "\niff:\t"+name+"\n") {
			continue
		}
		pid := strings.Split(info, "/")[2]
		comm, _ := os.ReadFile("/proc/" + pid + "/comm")
		if n, err := strconv.Atoi(pid); err == nil && n != os.Getpid() {
			return fmt.Sprintf("process %d (%s)", n, strings.TrimSpace(string(comm)))
		}
		user = "this process"
	}
	return user
}

// tunFile reads and writes packets, each one call.
type tunFile struct {
	f   *os.File
	raw syscall.RawConn
}

func newTunFile(f *os.File) (tunFile, error) {
	raw, err := f.SyscallConn()
	return tunFile{f, raw}, err
}

func (t tunFile) read(b *batch) error {
	var failed error
	err := t.raw.Read(func(fd uintptr) bool {
		for space := b.space(); space != nil; space = b.space() {
			n, err := unix.Read(int(fd), space)
			switch {
			case errors.Is(err, unix.EINTR):
				continue
			case errors.Is(err, unix.EAGAIN):
				return len(b.pkts) > 0
			case err != nil:
				failed = err
				return true
			}
			b.add(n)
		}
		return true
	})
	if err == nil {
		err = failed
	}
	if len(b.pkts) > 0 {
		return nil // an error comes again
	}
	return deviceError(err)
}

// space is where the next packet goes; nil: the batch is full.
func (b *batch) space() []byte {
	if len(b.pkts) == batchPkts || len(b.mem)-b.used < maxPacket {
		return nil
	}
	return b.mem[b.used : b.used+maxPacket]
}

// add takes the packet of n bytes that was put into space.
func (b *batch) add(n int) {
	b.pkts = append(b.pkts, b.mem[b.used:b.used+n:b.used+n])
	b.used += n
}

func (t tunFile) write(pkt []byte) error {
	_, err := t.f.Write(pkt)
	return deviceError(err)
}

// deviceError tells the end of the device from its troubles.
func deviceError(err error) error {
	if errors.Is(err, unix.EBADFD) || errors.Is(err, unix.ENODEV) {
		return errGone
	}
	return err
}

// patience is how long a device may take, at the end, for what is still to be
// written.
const patience = time.Second

// stop wakes who waits to read, and soon who waits to write.
func (t tunFile) stop() {
	t.f.SetReadDeadline(time.Unix(1, 0))
	t.f.SetWriteDeadline(time.Now().Add(patience))
}

func (e *Error) errno(err error) *Error {
	errors.As(err, &e.Errno)
	return e
}

func (e *Error) cured(commands ...string) *Error {
	e.Cure = commands
	return e
}

// hostProblem says that something that was done to the host failed.
func hostProblem(doing string, err error) error {
	if err == nil {
		return nil
	}
	return problem(HostFailed, doing, err).errno(err)
}
