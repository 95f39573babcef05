//go:build !unix

package tui

import (
	"testing"
	"time"
)

func cpuTime(b *testing.B) time.Duration {
	b.Skip("no rusage here")
	return 0
}
