//go:build !linux

package tap

import "runtime"

// openHost says what a link would take: no other system has a device that hands
// Ethernet frames of its own stack to a program as Linux's does.
func openHost(Config) (hostEnd, End, error) {
	return nil, End{}, problem(NoPlatform, runtime.GOOS)
}
