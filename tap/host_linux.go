// The host's configuration of the device, by netlink: looked at, changed, and
// put back.
package tap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"menuos/stack/wire"
)

// genModeNone is IN6_ADDR_GEN_MODE_NONE: no address of its own for IPv6.
const genModeNone = 1

// queueLen is how many packets wait in a device that we make. A full one drops
// without a word to the sender, and TCP may have a receive buffer of 6 MB on the
// way: some 4,000 segments.
const queueLen = 8192

// localEnd is the host's side in the network namespace of whoever opens it.
type localEnd struct {
	tunFile
	nl    *netlink.Handle
	index int
	undo  []func() error // what puts the host back, last first

	news    *nl.NetlinkSocket // of links
	watcher sync.WaitGroup
}

// openHost opens the host's side where the configuration says.
func openHost(c Config) (hostEnd, End, error) {
	if c.NetNS == NewNamespace {
		return openNamespace(c)
	}
	h, end, err := openLocal(c)
	if err != nil {
		return nil, end, err
	}
	return h, end, nil
}

// openLocal opens it in the namespace of the calling thread, which all that is
// opened here stays in.
func openLocal(c Config) (*localEnd, End, error) {
	h := new(localEnd)
	end, err := h.open(&c)
	if err != nil {
		h.close()
		return nil, end, err
	}
	return h, end, nil
}

func (h *localEnd) open(c *Config) (end End, err error) {
	if h.nl, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return end, hostProblem("netlink", err)
	}
	// Before the device is made, so that no news of it is missed.
	if h.news, err = nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK); err != nil {
		return end, hostProblem("netlink", err)
	}
	found, err := h.lookUp(c)
	if err != nil {
		return end, err
	}
	if err := h.freeSubnet(c); err != nil {
		return end, err
	}
	f, err := openTun(c)
	if err != nil {
		if found != nil {
			err = ownerProblem(c, found, err)
		}
		return end, err
	}
	if h.tunFile, err = newTunFile(f); err != nil {
		f.Close()
		return end, err
	}
	link, err := h.nl.LinkByName(c.Name)
	if err != nil {
		return end, hostProblem("look up "+c.Name, err)
	}
	h.index = link.Attrs().Index
	if err := h.configure(c, link, found == nil); err != nil {
		return end, err
	}
	if link, err = h.nl.LinkByIndex(h.index); err != nil {
		return end, hostProblem("look up "+c.Name, err)
	}
	if found == nil {
		h.undo = nil // it goes with the file
	}
	end = End{Name: c.Name, MTU: link.Attrs().MTU, Addr: c.HostAddr, Made: found == nil}
	if hw := link.Attrs().HardwareAddr; len(hw) == len(end.MAC) {
		end.MAC = wire.MAC(hw)
	}
	return end, nil
}

// lookUp finds the device if it is there, and refuses one of another kind.
func (h *localEnd) lookUp(c *Config) (*netlink.Tuntap, error) {
	link, err := h.nl.LinkByName(c.Name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil, nil
	}
	if err != nil {
		return nil, hostProblem("look up "+c.Name, err)
	}
	t, ok := link.(*netlink.Tuntap)
	switch {
	case !ok:
		return nil, problem(NotATap, c.Name, link.Type(), c.mode())
	case (t.Mode == netlink.TUNTAP_MODE_TUN) != c.Tun:
		return nil, problem(NotATap, c.Name, t.Mode, c.mode())
	}
	return t, nil
}

// ownerProblem names the owner of a device that somebody else may not take.
func ownerProblem(c *Config, t *netlink.Tuntap, err error) error {
	var e *Error
	if errors.As(err, &e) && e.Kind == NoPrivilege {
		e.Kind, e.Args = NotOwner, []string{c.Name, "root"}
		if t.Owner != ^uint32(0) {
			e.Args[1] = fmt.Sprint(t.Owner)
		}
		e.Cure = append([]string{fmt.Sprintf("sudo ip tuntap del dev %s mode %s", c.Name, c.mode())}, e.Cure...)
	}
	return err
}

// freeSubnet refuses addresses that the host has elsewhere: it would not ask
// the device for them.
func (h *localEnd) freeSubnet(c *Config) error {
	addrs, err := h.nl.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return hostProblem("list addresses", err)
	}
	for _, a := range addrs {
		p := prefixOf(a.IPNet)
		link, err := h.nl.LinkByIndex(a.LinkIndex)
		switch {
		case err != nil:
			continue // it has gone since
		case p.Addr() == c.Addr.Addr():
			return problem(AddrTaken, p.Addr(), link.Attrs().Name)
		case link.Attrs().Name == c.Name:
		case p.Addr() == c.HostAddr.Addr():
			return problem(AddrTaken, p.Addr(), link.Attrs().Name)
		case p.Overlaps(c.Addr):
			return problem(Overlap, c.Addr.Masked(), p, link.Attrs().Name)
		}
	}
	return nil
}

func prefixOf(n *net.IPNet) netip.Prefix {
	a, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits)
}

// configure gives the device what it lacks, and notes how to take it back from
// one that was there before. One that lacks nothing needs no privilege.
func (h *localEnd) configure(c *Config, link netlink.Link, made bool) error {
	at := *link.Attrs()
	if made {
		// The machine speaks IPv4 alone; a kernel without IPv6 need not be told
		// to be quiet.
		_ = h.nl.LinkSetIP6AddrGenMode(link, genModeNone)
		if err := h.nl.LinkSetTxQLen(link, queueLen); err != nil {
			return hostProblem("ip link set "+c.Name, err)
		}
	}
	if c.MTU != 0 && c.MTU != at.MTU {
		if err := h.nl.LinkSetMTU(link, c.MTU); err != nil {
			return h.lacks(c, err, fmt.Sprintf("an MTU of %d", c.MTU), fmt.Sprintf("sudo ip link set %s mtu %d", c.Name, c.MTU))
		}
		h.undo = append(h.undo, func() error { return h.nl.LinkSetMTU(link, at.MTU) })
	}
	if at.Flags&net.FlagUp == 0 {
		if err := h.nl.LinkSetUp(link); err != nil {
			return h.lacks(c, err, "\"up\"", fmt.Sprintf("sudo ip link set %s up", c.Name))
		}
		h.undo = append(h.undo, func() error { return h.nl.LinkSetDown(link) })
	}
	has, err := h.nl.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return hostProblem("list addresses", err)
	}
	for _, a := range has {
		if prefixOf(a.IPNet) == c.HostAddr {
			return nil
		}
	}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: c.HostAddr.Addr().AsSlice(), Mask: net.CIDRMask(c.HostAddr.Bits(), 32)}}
	if err := h.nl.AddrAdd(link, addr); err != nil {
		return h.lacks(c, err, "the address "+c.HostAddr.String(), fmt.Sprintf("sudo ip addr add %s dev %s", c.HostAddr, c.Name))
	}
	h.undo = append(h.undo, func() error { return h.nl.AddrDel(link, addr) })
	return nil
}

// lacks says what the device lacks and the user may not give it.
func (h *localEnd) lacks(c *Config, err error, what, command string) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return problem(NoConfigure, c.Name, what).errno(err).cured(command)
	}
	return hostProblem(command[len("sudo "):], err)
}

// watch looks at the device each time the kernel has news of it. What the news
// say is not read: it may be late, or part of it lost.
func (h *localEnd) watch(tell func(state)) {
	h.watcher.Go(func() {
		was := stateUp
		for {
			now := h.state()
			if now != was {
				tell(now)
			}
			if was = now; was == stateGone {
				return
			}
			if _, _, err := h.news.Receive(); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return // closed
			}
		}
	})
}

func (h *localEnd) state() state {
	link, err := h.nl.LinkByIndex(h.index)
	switch {
	case errors.As(err, new(netlink.LinkNotFoundError)):
		return stateGone
	case err == nil && link.Attrs().Flags&net.FlagUp == 0:
		return stateDown
	}
	return stateUp
}

// run runs a command in the namespace of the calling thread.
func (h *localEnd) run(ctx context.Context, argv []string, stdio [3]*os.File) (int, error) {
	return runCommand(ctx, argv, stdio)
}

func runCommand(ctx context.Context, argv []string, stdio [3]*os.File) (int, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if stdio[0] != nil { // or the interface would not be nil
		cmd.Stdin = stdio[0]
	}
	if stdio[1] != nil {
		cmd.Stdout = stdio[1]
	}
	if stdio[2] != nil {
		cmd.Stderr = stdio[2]
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return cmd.ProcessState.ExitCode(), err
}

// close ends the watching, puts back what was changed, as far as the device is
// still there, and lets go of it.
func (h *localEnd) close() {
	if h.news != nil {
		h.news.Close()
		h.watcher.Wait()
	}
	for i := len(h.undo) - 1; i >= 0; i-- {
		_ = h.undo[i]() // the device may have been deleted, with all that it had
	}
	if h.f != nil {
		h.f.Close()
	}
	if h.nl != nil {
		h.nl.Close()
	}
}
