package shell

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Numbers with units, as tc reads and prints them (iproute2's lib/utils.c and
// tc/tc_util.c).

// leadingFloat splits a number off the front of a word.
func leadingFloat(s string) (v float64, unit string, ok bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789.+-", r) })
	if end < 0 {
		end = len(s)
	}
	v, err := strconv.ParseFloat(s[:end], 64)
	return v, strings.ToLower(s[end:]), err == nil
}

// units maps suffixes in lower case to factors; "" is a number without one.
type units map[string]float64

func (u units) parse(s string) (float64, bool) {
	v, unit, ok := leadingFloat(s)
	f, known := u[unit]
	return v * f, ok && known && v >= 0
}

var (
	sizeUnits = units{"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30,
		"kbit": 1 << 7, "mbit": 1 << 17, "gbit": 1 << 27}
	timeUnits = units{"": 1e3, "s": 1e9, "sec": 1e9, "secs": 1e9, "ms": 1e6, "msec": 1e6, "msecs": 1e6, "us": 1e3, "usec": 1e3, "usecs": 1e3}
	// netem's times are finer, and a number alone is nanoseconds.
	fineTimeUnits = units{"": 1, "s": 1e9, "sec": 1e9, "secs": 1e9, "ms": 1e6, "msec": 1e6, "msecs": 1e6, "us": 1e3, "usec": 1e3,
		"usecs": 1e3, "ns": 1, "nsec": 1, "nsecs": 1}
	rateUnits = units{"": 1, "bit": 1, "kibit": 1 << 10, "kbit": 1e3, "mibit": 1 << 20, "mbit": 1e6, "gibit": 1 << 30, "gbit": 1e9,
		"tibit": 1 << 40, "tbit": 1e12, "bps": 8, "kibps": 8 << 10, "kbps": 8e3, "mibps": 8 << 20, "mbps": 8e6,
		"gibps": 8 << 30, "gbps": 8e9, "tibps": 8 << 40, "tbps": 8e12}
)

// parseSize reads a size in bytes, or a count.
func parseSize(s string) (uint32, bool) {
	v, ok := sizeUnits.parse(s)
	if !ok || v > math.MaxUint32 {
		return 0, false
	}
	return uint32(v), true
}

// parseRate reads a rate into bytes a second.
func parseRate(s string) (uint64, bool) {
	v, ok := rateUnits.parse(s)
	if !ok || v >= 1<<63 {
		return 0, false
	}
	return uint64(v / 8), true
}

// tcTime reads a time; in says what units there are.
func tcTime(s string, in units) (time.Duration, bool) {
	v, ok := in.parse(s)
	if !ok || v >= 1<<62 {
		return 0, false
	}
	return time.Duration(v), true
}

// parsePercent reads a share of the largest uint32.
func parsePercent(s string) (uint32, bool) {
	v, unit, ok := leadingFloat(s)
	if !ok || unit != "" && unit != "%" || v < 0 || v > 100 {
		return 0, false
	}
	return uint32(math.RoundToEven(v / 100 * math.MaxUint32)), true
}

// percentText prints a share of the largest uint32.
func percentText(v uint32) string { return fmt.Sprintf("%.6g%%", 100*float64(v)/math.MaxUint32) }

// ticks is a time in the kernel's units of 64 ns, which is how it tells tc of
// one; usec is what tc makes of them.
func ticks(d time.Duration) uint32 { return uint32(min(d>>6, math.MaxUint32)) }

func ticksToUsec(t uint32) uint32 { return uint32(float64(t) / 15.625) }

// timeText prints microseconds.
func timeText(usec uint32) string {
	switch {
	case usec >= 1e6:
		return fmt.Sprintf("%.1fs", float64(usec)/1e6)
	case usec >= 1e3:
		return fmt.Sprintf("%.1fms", float64(usec)/1e3)
	}
	return fmt.Sprintf("%dus", usec)
}

// sizeText prints bytes, as kilobytes or megabytes if they are nearly whole.
func sizeText(n uint32) string {
	v := float64(n)
	near := func(unit, off float64) bool { return v >= unit && math.Abs(unit*math.RoundToEven(v/unit)-v) < off }
	switch {
	case near(1<<20, 1024):
		return fmt.Sprintf("%gMb", math.RoundToEven(v/(1<<20)))
	case near(1<<10, 16):
		return fmt.Sprintf("%gKb", math.RoundToEven(v/(1<<10)))
	}
	return fmt.Sprintf("%db", n)
}

// rateText prints bytes a second as bits, in the largest unit that loses
// nothing, or little of a large number.
func rateText(rate uint64) string {
	bits, unit := rate*8, 0
	for ; unit < 4 && bits >= 1000 && (bits%1000 == 0 || bits >= 1000*1000); unit++ {
		bits /= 1000
	}
	return fmt.Sprintf("%d%sbit", bits, []string{"", "K", "M", "G", "T"}[unit])
}
