// Function entries. Every modelled function begins with FentryN, as a kernel
// built for ftrace begins each function with a call of __fentry__:
//
//	kernel.Fentry2(&n.Kernel, sk, skb) // tcp_v4_do_rcv net/ipv4/tcp_ipv4.c:1529
//
// The comment names the Linux function, its file, and the line at which gdb
// stops in it. The arguments are the function's own, by name; those that point
// to the caller's stack frame are left out, because passing them would move
// them to the heap. Unwatched, an entry costs a load and a branch.

package kernel

import "runtime"

// Fentry0 marks the entry of a function whose arguments are not recorded.
func Fentry0(k *Kernel) {
	if k.watch {
		k.entered()
	}
}

// Fentry1 marks the entry of a function and records one argument.
func Fentry1[A any](k *Kernel, a A) {
	if k.watch {
		entered1(k, a)
	}
}

// Fentry2 marks the entry of a function and records two arguments.
func Fentry2[A, B any](k *Kernel, a A, b B) {
	if k.watch {
		entered2(k, a, b)
	}
}

// Fentry3 marks the entry of a function and records three arguments.
func Fentry3[A, B, C any](k *Kernel, a A, b B, c C) {
	if k.watch {
		entered3(k, a, b, c)
	}
}

// Fentry4 marks the entry of a function and records four arguments.
func Fentry4[A, B, C, D any](k *Kernel, a A, b B, c C, d D) {
	if k.watch {
		entered4(k, a, b, c, d)
	}
}

// Fentry5 marks the entry of a function and records five arguments.
func Fentry5[A, B, C, D, E any](k *Kernel, a A, b B, c C, d D, e E) {
	if k.watch {
		entered5(k, a, b, c, d, e)
	}
}

//go:noinline
func entered1[A any](k *Kernel, a A) { k.entered(a) }

//go:noinline
func entered2[A, B any](k *Kernel, a A, b B) { k.entered(a, b) }

//go:noinline
func entered3[A, B, C any](k *Kernel, a A, b B, c C) { k.entered(a, b, c) }

//go:noinline
func entered4[A, B, C, D any](k *Kernel, a A, b B, c C, d D) { k.entered(a, b, c, d) }

//go:noinline
func entered5[A, B, C, D, E any](k *Kernel, a A, b B, c C, d D, e E) { k.entered(a, b, c, d, e) }

// Watcher hears of function entries. Its methods run inside the machine, at
// the very entry; they may read everything and call Kernel.Stop.
type Watcher interface {
	// Entry is called for each entry of a watched function.
	Entry(sym *Sym)
}

// entryRecord keeps the arguments of an entry for as long as its frame lives.
type entryRecord struct {
	depth int // of the stack, at the entry
	sym   *Sym
	args  []any
}

type tracing struct {
	watcher Watcher
	all     bool
	watched map[*Sym]bool
	syms    *symtab
	byPC    map[uintptr]*Sym
	inHook  bool
	pcs     [MaxDepth]uintptr
}

// Watch tells w of every entry of the named functions (symbols of this
// machine), or of all functions if all is set; nil or nothing to watch turns
// watching off. While anything is watched all entries record their arguments.
func (k *Kernel) Watch(w Watcher, syms []*Sym, all bool) {
	k.trace.watcher, k.trace.all = w, all
	k.trace.watched = make(map[*Sym]bool, len(syms))
	for _, s := range syms {
		k.trace.watched[s] = true
	}
	k.watch = w != nil && (all || len(syms) > 0)
	if !k.watch {
		for _, t := range k.sched.tasks {
			t.shadow = nil
		}
	}
}

// entered is what a watched function entry runs.
func (k *Kernel) entered(args ...any) {
	tr := &k.trace
	if tr.inHook {
		return
	}
	// Callers, entered, enteredN and FentryN stand above the function itself;
	// Fentry0 calls entered directly.
	skip := 4
	if len(args) == 0 {
		skip = 3
	}
	depth := runtime.Callers(skip, tr.pcs[:])
	if depth == 0 {
		return
	}
	sym := k.symOfPC(tr.pcs[0])
	if sym == nil {
		return
	}
	t := k.cpu.current
	for len(t.shadow) > 0 && t.shadow[len(t.shadow)-1].depth >= depth {
		t.shadow = t.shadow[:len(t.shadow)-1]
	}
	t.shadow = append(t.shadow, entryRecord{depth, sym, append([]any(nil), args...)})
	if tr.all || tr.watched[sym] {
		tr.inHook = true
		tr.watcher.Entry(sym)
		tr.inHook = false
	}
}
