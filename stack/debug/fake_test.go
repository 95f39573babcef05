package debug

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"menuos/stack"
)

// fakeSock, fakeSkb and fakeTcp stand for the machine's objects.
type fakeSock struct {
	addr   uint64
	fields map[string]any
	typ    string
}

func (s *fakeSock) Kaddr() uint64 { return s.addr }

// entry is a function entry that the fake machine will come to.
type entry struct {
	chain []stack.Frame
	pid   int
	comm  string
}

// fake is a machine that runs through a list of entries.
type fake struct {
	syms    []*stack.Sym
	entries []entry
	next    int
	hook    stack.Hook
	watched []*stack.Sym
	all     bool
	stop    *stack.Stop
	asked   *stack.Stop
}

func (f *fake) Now() time.Duration     { return time.Second }
func (f *fake) Syms() []*stack.Sym     { return f.syms }
func (f *fake) Stopped() *stack.Stop   { return f.stop }
func (f *fake) CallChain() *stack.Stop { return f.asked }
func (f *fake) Continue()              { f.stop = nil }

func (f *fake) Lookup(name string) *stack.Sym {
	for _, s := range f.syms {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func (f *fake) SetHook(hook stack.Hook, syms []*stack.Sym, all bool) {
	f.hook, f.watched, f.all = hook, syms, all
}

// run is what a shell's wait does; it reports whether the machine stopped.
func (f *fake) run() bool {
	for f.stop == nil && f.next < len(f.entries) {
		e := f.entries[f.next]
		f.next++
		sym := e.chain[0].Sym
		if f.hook == nil || !f.all && !slices.Contains(f.watched, sym) {
			continue
		}
		f.asked = &stack.Stop{Sym: sym, Frames: e.chain, Context: "softirq", Pid: e.pid, Comm: e.comm}
		if f.hook(sym) {
			f.stop = f.asked
		}
		f.asked = nil
	}
	return f.stop != nil
}

func (f *fake) Field(v any, path ...string) (any, error) {
	for _, name := range path {
		s, ok := v.(*fakeSock)
		if !ok {
			return nil, errors.New("not a structure")
		}
		if v, ok = s.fields[name]; !ok {
			return nil, fmt.Errorf("no field %s", name)
		}
	}
	return v, nil
}

func (f *fake) Fields(v any) []string {
	if s, ok := v.(*fakeSock); ok && s != nil {
		return sortedKeys(s.fields)
	}
	return nil
}

func (f *fake) TypeName(v any) string {
	switch v := v.(type) {
	case *fakeSock:
		if v == nil {
			return "struct sock *"
		}
		return v.typ
	case uint8:
		return "unsigned char"
	case uint32:
		return "u32"
	case bool:
		return "_Bool"
	}
	return "int"
}

func (f *fake) Var(fr stack.Frame, name string) (any, bool) {
	for _, a := range fr.Args {
		if a.Name == name && a.Known {
			return a.Value, true
		}
		if a.Name == "sk" && a.Known && name == "tp" {
			return tp, true
		}
	}
	return nil, false
}

func (f *fake) Cast(v any, typ string) (any, error) {
	if s, ok := v.(*fakeSock); ok && s == sk && typ == "struct tcp_sock *" {
		return tp, nil
	}
	return nil, errors.New("Invalid cast.")
}

func (f *fake) SourceLine(fr stack.Frame) (string, int, []string) {
	if fr.Sym == nil {
		return "", 0, nil
	}
	lines := make([]string, 23)
	for i := range lines {
		lines[i] = fmt.Sprintf("source %d", i+1)
	}
	return "tcp_ipv4.go", 12, lines
}

var (
	sk  = &fakeSock{0xffff888006a01200, map[string]any{"sk_state": uint8(10), "sk_err": 0, "sk_reuse": true, "sk_socket": (*fakeSock)(nil)}, "struct sock *"}
	tp  = &fakeSock{0xffff888006a01200, map[string]any{"snd_una": uint32(3000000000), "snd_cwnd": uint32(10)}, "struct tcp_sock *"}
	skb = &fakeSock{0xffff8880069d20e0, map[string]any{"len": uint32(40)}, "struct sk_buff *"}
)

func sym(name, file string, line int, addr uint64, params ...string) *stack.Sym {
	return &stack.Sym{Name: name, File: file, Line: line, Addr: addr, Params: params}
}

// newFake is a machine on the way to two tcp_v4_rcv.
func newFake() *fake {
	rcv := sym("tcp_v4_rcv", "net/ipv4/tcp_ipv4.c", 1782, 0xffffffff81936870, "skb")
	doRcv := sym("tcp_v4_do_rcv", "net/ipv4/tcp_ipv4.c", 1529, 0xffffffff81936500, "sk", "skb")
	deliver := sym("ip_protocol_deliver_rcu", "net/ipv4/ip_input.c", 189, 0xffffffff8190c300, "net", "skb", "protocol")
	input := sym("dst_input", "include/net/dst.h", 450, 0xffffffff8190c700, "skb")
	rcvFinish := sym("ip_rcv_finish", "net/ipv4/ip_input.c", 402, 0xffffffff8190c600, "net", "sk", "skb")
	compat := sym("entry_SYSCALL_compat", "arch/x86/entry/entry_64_compat.S", 201, 0xffffffff81c00000)
	call := sym("__ia32_compat_sys_socketcall", "net/compat.c", 838, 0xffffffff81890000, "regs")

	at := func(s *stack.Sym, line int, addr uint64, args ...stack.Arg) stack.Frame {
		return stack.Frame{Func: s.Name, File: s.File, Line: line, Sym: s, Addr: addr, Args: args}
	}
	known := func(name string, v any) stack.Arg { return stack.Arg{Name: name, Value: v, Known: true} }
	outer := []stack.Frame{
		at(deliver, 208, 0xffffffff8190c375, stack.Arg{Name: "net"}, known("skb", skb), known("protocol", 6)),
		at(input, 450, 0xffffffff8190c710, known("skb", skb)),
		at(rcvFinish, 414, 0xffffffff8190c64d, stack.Arg{Name: "net"}, known("sk", (*fakeSock)(nil)), known("skb", skb)),
		{Func: "[drain]", GoFunc: "menuos/stack/internal/core.drain"},
		at(compat, 257, 0xffffffff81c0005f),
	}
	on := func(fr ...stack.Frame) []stack.Frame { return append(fr, outer...) }
	e1 := on(at(rcv, 1782, rcv.Addr, known("skb", skb)))
	inner := on(at(doRcv, 1529, doRcv.Addr, known("sk", sk), known("skb", skb)), at(rcv, 1919, 0xffffffff81936c00, known("skb", skb)))
	sys := []stack.Frame{at(call, 838, call.Addr, stack.Arg{Name: "regs"}), at(compat, 257, 0xffffffff81c0005f)}
	return &fake{
		syms: []*stack.Sym{rcv, doRcv, deliver, input, rcvFinish, compat, call},
		entries: []entry{
			{e1, 7, "hello"}, {inner, 7, "hello"}, {sys, 5, "replyhi"}, {sys, 7, "hello"}, {e1, 7, "hello"}, {inner, 7, "hello"},
		},
	}
}

// session types lines at a debugger over the fake machine, runs the machine when
// it may and returns the transcript. "run" lets the machine go on by itself.
type session struct {
	m   *fake
	d   *Debugger
	out strings.Builder
}

func newSession() *session {
	s := &session{m: newFake()}
	s.d = New(s.m)
	s.d.Open = func(name string) (io.ReadCloser, error) { return nil, fs.ErrNotExist }
	return s
}

func (s *session) finish(act Action, err error) {
	for act == Resume && err == nil && s.m.run() {
		act, err = s.d.Report(&s.out)
	}
	if act == Resume && s.m.stop == nil {
		s.d.Report(&s.out)
	}
	if err != nil {
		s.out.WriteString(err.Error() + "\n")
	}
}

func (s *session) run() {
	if s.m.run() {
		s.finish(s.d.Report(&s.out))
	}
}

func (s *session) line(line string) {
	s.out.WriteString(s.d.Prompt() + line + "\n")
	if line == "run" {
		s.run()
		return
	}
	s.finish(s.d.Exec(line, &s.out))
}

// expect types the lines that begin with a prompt in want, and compares all.
func (s *session) expect(t *testing.T, want string) {
	t.Helper()
	want = strings.TrimPrefix(want, "\n")
	s.out.Reset()
	for _, l := range strings.Split(want, "\n") {
		text, ok := strings.CutPrefix(l, "(gdb) ")
		if !ok {
			text, ok = strings.CutPrefix(strings.TrimLeft(l, " "), ">")
		}
		if ok {
			s.line(text)
		}
	}
	got, lines := strings.Split(s.out.String(), "\n"), strings.Split(want, "\n")
	for i := range max(len(got), len(lines)) {
		if i >= len(got) || i >= len(lines) || got[i] != lines[i] {
			t.Errorf("transcript differs at line %d\n--- got\n%s\n--- want\n%s", i+1,
				strings.Join(got[min(i, len(got)):], "\n"), strings.Join(lines[min(i, len(lines)):], "\n"))
			return
		}
	}
}

// Address is the address that the fake object bears.
func (f *fake) Address(v any) (uint64, bool) {
	if a, ok := v.(interface{ Kaddr() uint64 }); ok {
		return a.Kaddr(), true
	}
	return 0, false
}
