//go:build !amd64 && !arm64

package kernel

import "runtime"

func frameReturns(pcs []uintptr) int { return runtime.Callers(2, pcs) }
