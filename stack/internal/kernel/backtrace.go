// Backtraces: the Go stack that is running, read as Linux's.

package kernel

import (
	"runtime"
	"strings"
)

// MaxDepth bounds the frames that are kept of a stack.
const MaxDepth = 128

// Stack is a chain of calls, innermost first, as program counters. It becomes
// names only when somebody looks (Frames).
type Stack struct {
	pcs  []uintptr  // shared with equal stacks
	args *frameArgs // of the innermost function that recorded any
}

// Frame is one function of a backtrace.
type Frame struct {
	Func   string // Linux's name, or a Go name in brackets if it models nothing
	File   string // Linux's file
	Line   int    // of the call into the next inner frame; frame 0: where gdb stops
	Sym    *Sym   // nil for a Go helper
	Addr   uint64 // of the call
	Args   []Arg
	GoFunc string
	GoFile string
	GoLine int
}

// Arg is one argument of a frame.
type Arg struct {
	Name  string
	Value any
	Known bool // false: not recorded, gdb's <optimized out>
}

// Callers records the stack of its caller, which runs inside the machine; skip
// leaves out that many functions above Callers' own caller. While there is a
// budget (SetArgumentBudget) it has the arguments of the functions in it.
//
//go:noinline
func (k *Kernel) Callers(skip int) Stack {
	s := Stack{pcs: k.capture(skip + 1).pcs}
	if k.trace.budget > 0 {
		s.args = k.keepArgs(len(s.pcs))
	}
	return s
}

// EntryStack is the stack at the function entry that a Watcher is told of,
// with the arguments of all frames entered while watching.
func (k *Kernel) EntryStack() Stack {
	return k.WithArgs(Stack{pcs: k.trace.entry.pcs})
}

// WithArgs is a stack of the machine as it stands now, with the arguments that
// entries have recorded.
func (k *Kernel) WithArgs(s Stack) Stack {
	s.args = k.keepArgs(len(s.pcs))
	return s
}

// Frames translates a stack. Its outer end is where the machine begins: the
// system call's or interrupt's entry.
func (k *Kernel) Frames(s Stack) []Frame {
	out := make([]Frame, 0, len(s.pcs))
	last := 0 // frames up to the outermost modelled one
	args := s.args
	for i, pc := range s.pcs {
		depth := len(s.pcs) - i
		for args != nil && args.depth > depth {
			args = args.outer
		}
		fr, ok := k.frameOfPC(pc)
		if !ok {
			continue
		}
		if fr.Sym != nil {
			fr.Args = args.of(fr.Sym, depth)
			if len(out) == 0 {
				fr.Line, fr.Addr = fr.Sym.Line, fr.Sym.Addr
			}
		}
		out = append(out, fr)
		if fr.Sym != nil {
			last = len(out)
		}
	}
	return out[:last]
}

// pcFrame is what a program counter stands for; shown is false for a function
// that is no part of the machine.
type pcFrame struct {
	frame Frame // without arguments
	shown bool
}

// frameOfPC translates a program counter of a stack. Each stands for one function,
// inlined ones included, so that the answer can be kept.
func (k *Kernel) frameOfPC(pc uintptr) (Frame, bool) {
	tr := &k.trace
	f, ok := tr.byPC[pc]
	if !ok {
		goFrame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		f.frame, f.shown = k.frame(goFrame)
		if tr.byPC == nil {
			tr.byPC = make(map[uintptr]pcFrame)
		}
		tr.byPC[pc] = f
	}
	return f.frame, f.shown
}

func (k *Kernel) frame(f runtime.Frame) (Frame, bool) {
	st := k.symtab()
	pkg := PackageOf(f.Function)
	fr := Frame{GoFunc: f.Function, GoFile: f.File, GoLine: f.Line}
	sym := st.byGoFunc[f.Function]
	if sym == nil {
		if !strings.Contains(pkg, "stack/internal/") {
			return fr, false
		}
		fr.Func = "[" + f.Function[strings.LastIndexByte(f.Function, '.')+1:] + "]"
		return fr, true
	}
	fr.Sym, fr.Func, fr.File = sym, sym.Name, sym.File
	file, line := st.callSite(pkg, f.File, f.Line)
	if file != "" {
		fr.File = file
	}
	fr.Line = line
	fr.Addr = sym.Addr + 5
	if line > sym.Line {
		fr.Addr = sym.Addr + min(uint64(line-sym.Line)*12+5, sym.size-1)
	}
	return fr, true
}

// PackageOf is the import path in a runtime function name.
func PackageOf(fn string) string {
	slash := strings.LastIndexByte(fn, '/')
	if dot := strings.IndexByte(fn[slash+1:], '.'); dot >= 0 {
		return fn[:slash+1+dot]
	}
	return fn
}

// of lists a function's arguments: with the values that its entry recorded, if
// a is what it recorded at this depth.
func (a *frameArgs) of(sym *Sym, depth int) []Arg {
	known := a != nil && a.depth == depth && a.sym == sym
	args := make([]Arg, 0, len(sym.Params))
	for _, p := range sym.Params {
		arg := Arg{Name: p}
		for i, name := range sym.Args {
			if known && name == p && i < len(a.args) {
				arg.Value, arg.Known = a.args[i], true
			}
		}
		args = append(args, arg)
	}
	return args
}

// Key identifies a stack: equal stacks have equal keys.
func (s Stack) Key() string {
	b := make([]byte, 0, len(s.pcs)*8)
	for _, pc := range s.pcs {
		for i := range 8 {
			b = append(b, byte(pc>>(8*i)))
		}
	}
	return string(b)
}
