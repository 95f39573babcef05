// What a device does by itself, and changing it (net/core/dev.c,
// net/core/ethtool.c).

package core

import "menuos/stack/internal/kernel"

// What EthtoolSetFeatures reports (ETHTOOL_F_*).
const (
	EthtoolFUnsupported = 1 << 0 // some of it is not to be changed
	EthtoolFWish        = 1 << 1 // some of it is noted, but something else is in the way
)

// softFeatures are those that the stack has for any device (NETIF_F_SOFT_FEATURES).
const softFeatures = NetifFGso | NetifFGro

func netdevGetWantedFeatures(dev *NetDevice) uint64 {
	return dev.Features&^dev.HwFeatures | dev.WantedFeatures
}

// netdevFixFeatures takes away what makes no sense without something else.
func (n *Net) netdevFixFeatures(dev *NetDevice, features uint64) uint64 {
	kernel.Fentry2(&n.Kernel, dev, features) // netdev_fix_features net/core/dev.c:8194

	if features&NetifFSg == 0 || features&NetifFCsumMask == 0 {
		features &^= NetifFTso
	}
	if features&NetifFSg == 0 {
		features &^= NetifFGso
	}
	return features
}

// netdevUpdateFeatures__ makes a device's features what is wanted of it, as far
// as that can be; it reports whether they changed.
func (n *Net) netdevUpdateFeatures__(dev *NetDevice) int {
	kernel.Fentry1(&n.Kernel, dev) // __netdev_update_features net/core/dev.c:8274

	features := netdevGetWantedFeatures(dev)
	features = n.netdevFixFeatures(dev, features) // :8284
	if dev.Features == features {
		return 0
	}
	dev.Features = features
	return 1
}

// EthtoolSetFeatures asks for the features of valid to be as in wanted
// (ethtool_set_features); it returns EthtoolF*.
func (n *Net) EthtoolSetFeatures(dev *NetDevice, valid, wanted uint64) int {
	kernel.Fentry3(&n.Kernel, dev, valid, wanted) // ethtool_set_features net/core/ethtool.c:181

	ret := 0
	if valid&^dev.HwFeatures != 0 {
		valid &= dev.HwFeatures
		ret |= EthtoolFUnsupported
	}
	dev.WantedFeatures = dev.WantedFeatures&^valid | wanted&valid
	n.netdevUpdateFeatures__(dev) // :209
	if (dev.WantedFeatures^dev.Features)&valid != 0 {
		ret |= EthtoolFWish
	}
	return ret
}
