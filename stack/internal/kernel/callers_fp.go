//go:build amd64 || arm64

package kernel

// frameReturns stores the return addresses of its caller and of all functions
// further out, and returns how many there are.
//
//go:noescape
func frameReturns(pcs []uintptr) int
