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

// Fentry0 marks the entry of a function whose arguments are not recorded.
func Fentry0(k *Kernel) {
	if k.watch {
		entered0(k)
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
func entered0(k *Kernel) {
	if r := k.enter(); r != nil {
		k.tell(r)
	}
}

//go:noinline
func entered1[A any](k *Kernel, a A) {
	if r := k.enter(); r != nil {
		r.n, r.args[0] = 1, a
		k.tell(r)
	}
}

//go:noinline
func entered2[A, B any](k *Kernel, a A, b B) {
	if r := k.enter(); r != nil {
		r.n, r.args[0], r.args[1] = 2, a, b
		k.tell(r)
	}
}

//go:noinline
func entered3[A, B, C any](k *Kernel, a A, b B, c C) {
	if r := k.enter(); r != nil {
		r.n, r.args[0], r.args[1], r.args[2] = 3, a, b, c
		k.tell(r)
	}
}

//go:noinline
func entered4[A, B, C, D any](k *Kernel, a A, b B, c C, d D) {
	if r := k.enter(); r != nil {
		r.n, r.args[0], r.args[1], r.args[2], r.args[3] = 4, a, b, c, d
		k.tell(r)
	}
}

//go:noinline
func entered5[A, B, C, D, E any](k *Kernel, a A, b B, c C, d D, e E) {
	if r := k.enter(); r != nil {
		r.n, r.args[0], r.args[1], r.args[2], r.args[3], r.args[4] = 5, a, b, c, d, e
		k.tell(r)
	}
}

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
	n     int // arguments
	args  [5]any

	kept   *frameArgs // the same for a stack that outlives the frame, once isKept
	isKept bool
}

type tracing struct {
	watcher Watcher
	all     bool
	watched map[*Sym]bool
	budget  int // entries that may yet be recorded for the stacks of events
	syms    *symtab
	byPC    map[uintptr]pcFrame
	inHook  bool

	phys    [MaxDepth]uintptr
	chains  map[uint64]*chain
	nchains int
	entry   *chain // the stack at the entry that the watcher is told of
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
	k.setWatch()
}

// SetArgumentBudget has all entries record their arguments, watched or not, so
// that Callers' stacks have them, until that many entries have done so. The
// frames of functions entered before have none. 0 ends it.
func (k *Kernel) SetArgumentBudget(entries int) {
	k.trace.budget = entries
	k.setWatch()
}

// ArgumentBudget is what is left of it.
func (k *Kernel) ArgumentBudget() int { return k.trace.budget }

// setWatch decides whether entries are heard of. What was recorded is forgotten
// when they are not, because nobody sees then which frames go.
func (k *Kernel) setWatch() {
	tr := &k.trace
	k.watch = tr.budget > 0 || tr.watcher != nil && (tr.all || len(tr.watched) > 0)
	if !k.watch {
		for _, t := range k.sched.tasks {
			t.shadow = nil
		}
	}
}

// enter notes the entry of the function that called FentryN, on top of those of
// the functions around it; nil if it is not to be heard of. enteredN fills in
// the arguments.
//
//go:noinline
func (k *Kernel) enter() *entryRecord {
	tr := &k.trace
	if tr.inHook {
		return nil
	}
	c := k.capture(3) // enter, enteredN and FentryN stand above the function itself
	if c.sym == nil {
		return nil
	}
	if tr.budget > 0 && !k.spend() {
		return nil
	}
	tr.entry = c
	t := k.cpu.current
	depth, top := len(c.pcs), len(t.shadow)
	for top > 0 && t.shadow[top-1].depth >= depth {
		top--
	}
	if top < cap(t.shadow) {
		t.shadow = t.shadow[:top+1]
	} else {
		t.shadow = append(t.shadow[:top], entryRecord{})
	}
	r := &t.shadow[top]
	r.depth, r.sym, r.n = depth, c.sym, 0
	r.kept, r.isKept = nil, false
	return r
}

// spend takes an entry off the budget; it reports whether entries are still
// heard of.
func (k *Kernel) spend() bool {
	k.trace.budget--
	if k.trace.budget == 0 {
		k.setWatch()
	}
	return k.watch
}

// tell tells the watcher of an entry that it watches.
func (k *Kernel) tell(r *entryRecord) {
	tr := &k.trace
	if tr.all || len(tr.watched) > 0 && tr.watched[r.sym] {
		tr.inHook = true
		tr.watcher.Entry(r.sym)
		tr.inHook = false
	}
}

// frameArgs are the arguments of one entry, kept for stacks that outlive its
// frame. They never change, so that the stacks of all that happens in one call
// share them.
type frameArgs struct {
	outer *frameArgs // of the next function further out that has any
	sym   *Sym
	depth int
	args  []any
}

// keepArgs keeps what the current task's entries down to this depth recorded.
func (k *Kernel) keepArgs(depth int) *frameArgs {
	shadow := k.cpu.current.shadow
	top := len(shadow)
	for top > 0 && shadow[top-1].depth > depth {
		top-- // it has returned
	}
	from := top
	for from > 0 && !shadow[from-1].isKept {
		from--
	}
	var kept *frameArgs
	if from > 0 {
		kept = shadow[from-1].kept
	}
	for i := from; i < top; i++ {
		r := &shadow[i]
		if r.n > 0 {
			kept = &frameArgs{outer: kept, sym: r.sym, depth: r.depth, args: append([]any(nil), r.args[:r.n]...)}
		}
		r.kept, r.isKept = kept, true
	}
	return kept
}
