package stack

import "menuos/stack/internal/core"

// driverOf names the driver of an interface. A link passes for a tun device.
func driverOf(dev *core.NetDevice) string {
	switch dev.Priv.(type) {
	case *core.VirtnetInfo:
		return "virtio_net"
	case *core.Link:
		return "tun"
	}
	if dev.Flags&core.IffLoopback != 0 {
		return ""
	}
	return "dummy"
}
