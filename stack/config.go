package stack

import (
	"fmt"
	"net/netip"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/socket"
	"menuos/stack/wire"
)

// Interface flags (include/uapi/linux/if.h).
const (
	IFF_UP          = core.IffUp
	IFF_BROADCAST   = core.IffBroadcast
	IFF_LOOPBACK    = core.IffLoopback
	IFF_POINTOPOINT = core.IffPointopoint
	IFF_RUNNING     = core.IffRunning
	IFF_NOARP       = core.IffNoarp
	IFF_MULTICAST   = core.IffMulticast
	IFF_LOWER_UP    = core.IffLowerUp
)

// LabAddr is the address that the laboratory gives eth0, LabGateway its
// default gateway.
var (
	LabAddr    = netip.MustParsePrefix("192.168.40.254/24")
	LabGateway = netip.MustParseAddr("192.168.40.1")
)

// Boot brings the laboratory's interfaces up: lo with 127.0.0.1/8, and eth0,
// which has an address and nothing behind it.
func (s *Stack) Boot() error {
	if err := s.IfUp("lo"); err != nil {
		return err
	}
	if err := s.AddDummy("eth0"); err != nil {
		return err
	}
	return s.AddAddr("eth0", LabAddr)
}

func (s *Stack) errnoCall(fn func() int) error {
	var r int
	if err := s.call(func(*Proc) { r = fn() }); err != nil {
		return err
	}
	return errnoOf(int64(r))
}

// NoDeviceError says that there is no interface of the name.
type NoDeviceError struct{ Name string }

func (e *NoDeviceError) Error() string { return fmt.Sprintf("Cannot find device %q", e.Name) }

// Unwrap makes it an ENODEV.
func (e *NoDeviceError) Unwrap() error { return ENODEV }

func (s *Stack) withDev(name string, fn func(dev *core.NetDevice) int) error {
	missing := false
	err := s.errnoCall(func() int {
		dev := s.n.DevGetByName(name)
		if missing = dev == nil; missing {
			return 0
		}
		return fn(dev)
	})
	if missing {
		return &NoDeviceError{name}
	}
	return err
}

// ioctl configures an interface as ifconfig does: by a system call on a socket
// made for it.
func (s *Stack) ioctl(cmd uint32, req *ipv4.Ifreq) int {
	p := s.host.proc
	fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
	if err != nil {
		return -int(err.(Errno))
	}
	r := p.regs()
	r.OrigAx = socket.NrIoctl
	r.A = [6]int64{int64(fd), int64(cmd)}
	r.P = req
	ret := int(s.n.EntrySYSCALLCompat(r))
	r.P = nil
	p.Close(fd)
	return ret
}

// IfUp brings an interface up (ifconfig NAME up).
func (s *Stack) IfUp(name string) error {
	return s.withDev(name, func(dev *core.NetDevice) int {
		return s.ioctl(ipv4.SIOCSIFFLAGS, &ipv4.Ifreq{IfrName: name, IfrFlags: dev.Flags | core.IffUp})
	})
}

// IfDown takes an interface down (ifconfig NAME down).
func (s *Stack) IfDown(name string) error {
	return s.withDev(name, func(dev *core.NetDevice) int {
		return s.ioctl(ipv4.SIOCSIFFLAGS, &ipv4.Ifreq{IfrName: name, IfrFlags: dev.Flags &^ core.IffUp})
	})
}

// IfConfig sets an interface's first address and netmask and brings it up
// (ifconfig NAME ADDR netmask MASK).
func (s *Stack) IfConfig(name string, addr netip.Prefix) error {
	a, ok := wire.AddrFrom(addr.Addr())
	if !ok || !addr.IsValid() {
		return EINVAL
	}
	return s.withDev(name, func(dev *core.NetDevice) int {
		req := &ipv4.Ifreq{IfrName: name, IfrAddr: a}
		if r := s.ioctl(ipv4.SIOCSIFADDR, req); r < 0 {
			return r
		}
		req.IfrAddr = wire.MaskFromLen(addr.Bits())
		if r := s.ioctl(ipv4.SIOCSIFNETMASK, req); r < 0 {
			return r
		}
		req.IfrFlags = dev.Flags | core.IffUp
		return s.ioctl(ipv4.SIOCSIFFLAGS, req)
	})
}

// SetMTU changes an interface's MTU (ip link set NAME mtu N).
func (s *Stack) SetMTU(name string, mtu int) error {
	return s.withDev(name, func(dev *core.NetDevice) int { return s.n.DevSetMtu(dev, mtu) })
}

// AddAddr adds an address to an interface (ip addr add).
func (s *Stack) AddAddr(name string, addr netip.Prefix) error {
	a, ok := wire.AddrFrom(addr.Addr())
	if !ok || !addr.IsValid() {
		return EINVAL
	}
	return s.withDev(name, func(dev *core.NetDevice) int {
		na := ipv4.Addr{Dev: name, Local: a, Prefixlen: addr.Bits()}
		if dev.Flags&core.IffBroadcast != 0 && addr.Bits() < 31 {
			na.Broadcast = a | ^wire.MaskFromLen(addr.Bits())
		}
		return s.n.AddAddr(na)
	})
}

// DelAddr removes an address from an interface (ip addr del).
func (s *Stack) DelAddr(name string, addr netip.Prefix) error {
	a, ok := wire.AddrFrom(addr.Addr())
	if !ok {
		return EINVAL
	}
	return s.withDev(name, func(*core.NetDevice) int { return s.n.DelAddr(name, a, addr.Bits()) })
}

// AddDummy makes a dummy interface, which swallows what is sent through it, and
// brings it up (ip link add NAME type dummy).
func (s *Stack) AddDummy(name string) error {
	err := s.errnoCall(func() int {
		if s.n.DevGetByName(name) != nil {
			return -core.EEXIST
		}
		dev, r := s.n.NewDummy(name)
		if r < 0 {
			return r
		}
		return s.ioctl(ipv4.SIOCSIFFLAGS, &ipv4.Ifreq{IfrName: name, IfrFlags: dev.Flags | core.IffUp})
	})
	return err
}

// SysctlGet reads a kernel parameter; the error names it if there is none.
func (s *Stack) SysctlGet(name string) (string, error) {
	s.lock()
	defer s.mu.Unlock()
	v, ok := s.n.SysctlGet(name)
	if !ok {
		return "", &UnknownSysctlError{name}
	}
	return v, nil
}

// UnknownSysctlError says that there is no parameter of the name.
type UnknownSysctlError struct{ Name string }

func (e *UnknownSysctlError) Error() string {
	return fmt.Sprintf("cannot stat /proc/sys/%s: No such file or directory", e.Name)
}

// SysctlSet changes a kernel parameter.
func (s *Stack) SysctlSet(name, value string) error {
	s.lock()
	defer s.mu.Unlock()
	if _, ok := s.n.SysctlGet(name); !ok {
		return &UnknownSysctlError{name}
	}
	return s.n.SysctlSet(name, value)
}

// SysctlNames lists the parameters, sorted.
func (s *Stack) SysctlNames() []string {
	s.lock()
	defer s.mu.Unlock()
	return s.n.SysctlNames()
}
