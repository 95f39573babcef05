package wire

// Sequence numbers live on a circle of 2^32 (RFC 9293 section 3.4): a is before b when the shorter way from a to b
// is forward. The three functions are before, after and between of include/net/tcp.h. At a distance of exactly 2^31
// Before is true both ways, as in Linux.

// Before reports whether sequence number a comes before b.
func Before(a, b uint32) bool { return int32(a-b) < 0 }

// After reports whether sequence number a comes after b.
func After(a, b uint32) bool { return int32(b-a) < 0 }

// Between reports whether low <= seq <= high on the circle.
func Between(seq, low, high uint32) bool { return high-low >= seq-low }
