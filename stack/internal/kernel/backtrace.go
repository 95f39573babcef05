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
	pcs  []uintptr // shared with equal stacks
	args []entryRecord
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
// leaves out that many functions above Callers' own caller.
//
//go:noinline
func (k *Kernel) Callers(skip int) Stack {
	return Stack{pcs: k.capture(skip + 1).pcs}
}

// EntryStack is the stack at the function entry that a Watcher is told of,
// with the arguments of all frames entered while watching.
func (k *Kernel) EntryStack() Stack {
	t := k.cpu.current
	return Stack{
		pcs:  k.trace.entry.pcs,
		args: append([]entryRecord(nil), t.shadow...),
	}
}

// Frames translates a stack. Its outer end is where the machine begins: the
// system call's or interrupt's entry.
func (k *Kernel) Frames(s Stack) []Frame {
	st := k.symtab()
	var out []Frame
	last := 0 // frames up to the outermost modelled one
	frames := runtime.CallersFrames(s.pcs)
	for depth := len(s.pcs); ; depth-- {
		f, more := frames.Next()
		if fr, ok := k.frame(st, f); ok {
			if fr.Sym != nil {
				fr.Args = s.argsOf(fr.Sym, depth)
			}
			if len(out) == 0 && fr.Sym != nil {
				fr.Line, fr.Addr = fr.Sym.Line, fr.Sym.Addr
			}
			out = append(out, fr)
			if fr.Sym != nil {
				last = len(out)
			}
		}
		if !more {
			break
		}
	}
	return out[:last]
}

func (k *Kernel) frame(st *symtab, f runtime.Frame) (Frame, bool) {
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

// argsOf finds what the entry at this depth recorded.
func (s Stack) argsOf(sym *Sym, depth int) []Arg {
	var rec *entryRecord
	for i := range s.args {
		if s.args[i].depth == depth && s.args[i].sym == sym {
			rec = &s.args[i]
		}
	}
	args := make([]Arg, 0, len(sym.Params))
	for _, p := range sym.Params {
		a := Arg{Name: p}
		for i, name := range sym.Args {
			if rec != nil && name == p && i < rec.n {
				a.Value, a.Known = rec.args[i], true
			}
		}
		args = append(args, a)
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
