package stack

import (
	"net/netip"

	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/socket"
	"menuos/stack/wire"
)

// What a program does to the network's configuration itself. It may call these,
// unlike the Stack's own methods of like names, which are for callers outside.

// IfConfig sets an interface's first address and netmask and brings it up
// (ifconfig NAME ADDR netmask MASK). The address 0.0.0.0 removes the one there is
// and leaves the netmask alone. ENODEV if there is no such interface.
func (p *Proc) IfConfig(name string, addr netip.Prefix) error {
	a, ok := wire.AddrFrom(addr.Addr())
	if !ok || !addr.IsValid() {
		return EINVAL
	}
	dev := p.s.n.DevGetByName(name)
	if dev == nil {
		return ENODEV
	}
	fd, err := p.Socket(AF_INET, SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer p.Close(fd)
	req := &ipv4.Ifreq{IfrName: name, IfrAddr: a}
	if err := p.ifreq(fd, ipv4.SIOCSIFADDR, req); err != nil {
		return err
	}
	if a != 0 {
		req.IfrAddr = wire.MaskFromLen(addr.Bits())
		if err := p.ifreq(fd, ipv4.SIOCSIFNETMASK, req); err != nil {
			return err
		}
	}
	req.IfrFlags = dev.Flags | core.IffUp
	return p.ifreq(fd, ipv4.SIOCSIFFLAGS, req)
}

// ifreq makes an ioctl about an interface.
func (p *Proc) ifreq(fd int, cmd uint32, req *ipv4.Ifreq) error {
	r := p.regs()
	r.OrigAx = socket.NrIoctl
	r.A = [6]int64{int64(fd), int64(cmd)}
	r.P = req
	ret := p.s.n.EntrySYSCALLCompat(r)
	r.P = nil
	return errnoOf(ret)
}

// AddRoute is Stack.AddRoute for a program.
func (p *Proc) AddRoute(r Route) error { return errnoOf(int64(p.s.n.AddRoute(r.lower(), 0))) }

// DelRoute is Stack.DelRoute for a program.
func (p *Proc) DelRoute(r Route) error { return errnoOf(int64(p.s.n.DelRoute(r.lower()))) }
