// Recording a stack, fast. Most stacks that a run records it has recorded
// before: the chain of return addresses, which the frame pointers give for a
// load each, is looked up among those seen, and only a new one is unwound with
// its inlined functions.

package kernel

import (
	"math/bits"
	"runtime"
)

// chain is a stack that was seen. It never changes, so whoever records the
// stack again shares it.
type chain struct {
	phys []uintptr // return addresses, as the frame pointers give them
	skip int
	pcs  []uintptr // program counters for runtime.CallersFrames, inlined calls included
	sym  *Sym      // of the innermost function, nil if it models nothing
	next *chain    // with the same hash
}

// maxChains bounds what is kept; past it all is forgotten.
const maxChains = 1 << 16

// capture is the stack of its caller, less skip logical frames above it.
//
//go:noinline
func (k *Kernel) capture(skip int) *chain {
	tr := &k.trace
	n := frameReturns(tr.phys[:])
	phys := tr.phys[:n]
	const k1, k2 = 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f
	h, g := uint64(skip), uint64(n)
	for i := 0; i+1 < len(phys); i += 2 { // two sums, which do not wait for each other
		h = (h ^ uint64(phys[i])) * k1
		g = (g ^ uint64(phys[i+1])) * k2
	}
	if n&1 != 0 {
		h = (h ^ uint64(phys[n-1])) * k1
	}
	h ^= bits.RotateLeft64(g, 31)
	h ^= h >> 32
	first := tr.chains[h]
find:
	for c := first; c != nil; c = c.next {
		if c.skip != skip || len(c.phys) != n {
			continue
		}
		for i, pc := range c.phys {
			if pc != phys[i] {
				continue find
			}
		}
		return c
	}
	return k.newChain(h, first, n, skip)
}

//go:noinline
func (k *Kernel) newChain(h uint64, next *chain, n, skip int) *chain {
	tr := &k.trace
	var pcs [MaxDepth]uintptr
	// Above the frame that is wanted first stand Callers, newChain and capture.
	depth := runtime.Callers(skip+3, pcs[:])
	c := &chain{
		phys: append([]uintptr(nil), tr.phys[:n]...),
		skip: skip,
		pcs:  append([]uintptr(nil), pcs[:depth]...),
		next: next,
	}
	if depth > 0 {
		c.sym = k.symOfPC(pcs[0])
	}
	if tr.chains == nil || tr.nchains >= maxChains {
		tr.chains, tr.nchains = make(map[uint64]*chain), 0
		c.next = nil
	}
	tr.chains[h] = c
	tr.nchains++
	return c
}
