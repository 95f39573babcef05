package tcp

import "menuos/stack/internal/core"

// ProtOf is tcp_prot, for tests from outside.
func ProtOf(n *Net) *core.Proto { return n.prot }
