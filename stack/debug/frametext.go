// A frame as text, for those who show backtraces without a debugger's prompt.

package debug

import (
	"fmt"
	"strings"

	"menuos/stack"
)

// FrameText is a frame in the pieces of which gdb makes its line.
type FrameText struct {
	Addr string // "0x…" where the frame is in the middle of a line, else empty
	Func string
	Args string // without the brackets
	At   string // file:line, empty if the frame is no function of Linux's
}

// String is the frame as gdb prints it, without its number.
func (f FrameText) String() string {
	s := f.Func + " (" + f.Args + ")"
	if f.Addr != "" {
		s = f.Addr + " in " + s
	}
	if f.At != "" {
		s += " at " + f.At
	}
	return s
}

// FrameTexts is a backtrace as "backtrace" prints it, innermost first, one entry
// a line, with the user's frame that gdb sees below a system call. It reads the
// objects that arguments point to, so the machine has to stand still meanwhile
// (stack.Stack.Read).
func FrameTexts(t Target, frames []stack.Frame) []FrameText {
	d := &Debugger{t: t}
	all := withUser(frames)
	texts := make([]FrameText, len(all))
	for i := range all {
		texts[i] = d.frameText(all, i)
	}
	return texts
}

// frameText is frame i. The address stands where the frame is in the middle of
// a line: in all frames but the innermost and those whose callee gcc inlined.
func (d *Debugger) frameText(frames []stack.Frame, i int) FrameText {
	f := frames[i]
	if f.Sym == nil && f.Func != "??" {
		return FrameText{Func: f.Func}
	}
	t := FrameText{Func: f.Func}
	if i > 0 && (frames[i-1].Sym == nil || !frames[i-1].Sym.Inline()) {
		t.Addr = fmt.Sprintf("0x%016x", f.Addr)
	}
	var args []string
	for _, a := range f.Args {
		args = append(args, a.Name+"="+d.argText(a))
	}
	t.Args = strings.Join(args, ", ")
	if f.Sym != nil {
		t.At = fmt.Sprintf("%s:%d", shownFile(f.File), f.Line)
	}
	return t
}
