// The contexts that a backtrace runs through. On a loopback link the receiver's
// softirq runs on the stack of the sender's system call, so one backtrace is
// several contexts, one inside the other; bands tell where each begins.

package steps

import (
	"fmt"
	"strings"

	"menuos/stack"
)

// BandKind says what context a band is.
type BandKind int

// The contexts, from the outermost to those that interrupt them.
const (
	BandUser    BandKind = iota // the program itself, outside the kernel
	BandSyscall                 // a system call
	BandExit                    // on the way out of a system call: task work
	BandThread                  // a kernel thread
	BandIRQ                     // a hardware interrupt
	BandSoftirq                 // softirqs
	BandTimer                   // a timer's function
	BandBacklog                 // segments that came while a system call held the socket
	BandProcess                 // a task, and nothing in the backtrace says how it came here
)

// Band is a run of frames in one context: frames[From:To], innermost first.
type Band struct {
	From, To int
	Kind     BandKind
	Text     string // "system call connect of hello/1", "softirq NET_RX on hello/1's stack"
	Short    string // the same in a few cells: "connect hello/1", "softirq"
}

// Bands splits a backtrace, innermost frame first, into the contexts that it runs
// through, from the innermost to the outermost. Every frame is in one band. comm
// and pid are those of the task on whose stack it is; lang is "en" or "zh".
func Bands(frames []stack.Frame, comm string, pid int, lang string) []Band {
	var out []Band // outermost first
	b := bandSplitter{frames: frames, task: taskName(comm, pid), lang: lang}
	for i := len(frames) - 1; i >= 0; i-- {
		kind, begins := b.begins(i, out)
		if !begins && len(out) > 0 {
			out[len(out)-1].From = i
			continue
		}
		out = append(out, Band{From: i, To: i + 1, Kind: kind})
	}
	for i := range out {
		b.name(out, i)
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

func taskName(comm string, pid int) string {
	if comm == "" {
		return ""
	}
	return fmt.Sprintf("%s/%d", comm, pid)
}

// firstOf are the functions that begin a context, seen from outside.
var firstOf = map[string]BandKind{
	"??":                    BandUser,
	"entry_SYSCALL_compat":  BandSyscall,
	"exit_to_usermode_loop": BandExit,
	"ret_from_fork":         BandThread,
	"common_interrupt":      BandIRQ,
	"apic_timer_interrupt":  BandIRQ,
	"do_softirq_own_stack":  BandSoftirq,
	"__do_softirq":          BandSoftirq,
	"call_timer_fn":         BandTimer,
	"__run_hrtimer":         BandTimer,
	"__release_sock":        BandBacklog,
}

type bandSplitter struct {
	frames []stack.Frame
	task   string
	lang   string
}

// begins tells whether frame i begins a context within the bands found so far,
// outermost first.
func (b *bandSplitter) begins(i int, out []Band) (BandKind, bool) {
	kind, ok := firstOf[b.frames[i].Func]
	if !ok {
		return BandProcess, len(out) == 0 || out[len(out)-1].Kind == BandUser
	}
	if kind == BandSoftirq && i+1 < len(b.frames) && b.frames[i+1].Func == "do_softirq_own_stack" {
		return kind, false // the same softirq
	}
	return kind, true
}

// name says what band i, outermost first, is.
func (b *bandSplitter) name(out []Band, i int) {
	band := &out[i]
	frames := b.frames[band.From:band.To]
	switch band.Kind {
	case BandUser:
		band.Text = say(b.lang, "band.user", b.task)
	case BandSyscall:
		b.nameCall(band, callName(frames))
	case BandExit:
		band.Text = say(b.lang, "band.exit")
		band.Short = strings.TrimSpace("task work " + b.task)
	case BandThread:
		band.Text = say(b.lang, "band.thread", b.task)
	case BandIRQ:
		if has(frames, "apic_timer_interrupt") {
			band.Text = say(b.lang, "band.tick")
		} else {
			band.Text = say(b.lang, "band.irq")
		}
		band.Short = say(b.lang, "context.irq")
	case BandSoftirq:
		b.nameSoftirq(out, i)
	case BandTimer:
		band.Text = say(b.lang, "band.timer", timerFunc(frames))
		band.Short = say(b.lang, "context.timer")
	case BandBacklog:
		band.Text = say(b.lang, "band.backlog")
		band.Short = strings.TrimSpace(say(b.lang, "context.backlog") + " " + b.task)
	case BandProcess:
		band.Text = strings.TrimSpace(say(b.lang, "band.process", b.task))
	}
	if band.Short == "" {
		band.Short = b.task
	}
}

// nameCall says which system call it is; it has no name before the call is looked
// up in the table, and after it is done.
func (b *bandSplitter) nameCall(band *Band, call string) {
	if call == "" {
		band.Text = say(b.lang, "band.call", b.task)
		return
	}
	band.Text = say(b.lang, "band.syscall", call, b.task)
	band.Short = strings.TrimSpace(call + " " + b.task)
}

// nameSoftirq says which softirq runs, and on whose stack.
func (b *bandSplitter) nameSoftirq(out []Band, i int) {
	band := &out[i]
	nr := softirqName(b.frames[band.From:band.To])
	band.Short = say(b.lang, "context.softirq")
	where := BandProcess
	if i > 0 {
		where = out[i-1].Kind
	}
	switch where {
	case BandIRQ:
		band.Text = say(b.lang, "band.softirqIRQ", nr)
		return
	case BandThread:
		band.Text = say(b.lang, "band.softirqThread", nr, b.task)
		return
	}
	band.Text = say(b.lang, "band.softirqOn", nr, b.task)
	if b.task != "" {
		band.Short = say(b.lang, "context.softirqOn", b.task)
	}
}

var softirqs = []struct{ function, name string }{
	{"net_rx_action", "NET_RX"},
	{"net_tx_action", "NET_TX"},
	{"run_timer_softirq", "TIMER"},
	{"tasklet_action", "TASKLET"},
	{"rcu_process_callbacks", "RCU"},
}

func softirqName(frames []stack.Frame) string {
	for _, s := range softirqs {
		if has(frames, s.function) {
			return s.name
		}
	}
	return ""
}

func has(frames []stack.Frame, function string) bool {
	for i := range frames {
		if frames[i].Func == function {
			return true
		}
	}
	return false
}

// timerFunc is what the timer runs: the function that the band's outermost frame
// called.
func timerFunc(frames []stack.Frame) string {
	for i := len(frames) - 2; i >= 0; i-- {
		if frames[i].Sym != nil {
			return frames[i].Func
		}
	}
	return frames[len(frames)-1].Func
}

// callName is the system call of a chain of frames that begins at its entry:
// connect of entry_SYSCALL_compat … __ia32_compat_sys_socketcall …
// __sys_connect. It is "" if no frame tells.
func callName(frames []stack.Frame) string {
	name := ""
	for i := len(frames) - 1; i >= 0; i-- {
		if s, ok := sysName(frames[i].Func); ok {
			name = s
		} else if name != "" {
			break
		}
	}
	return name
}

// sysName takes the name of a system call out of that of one of its functions.
func sysName(function string) (string, bool) {
	s := function
	for _, prefix := range []string{"__ia32_", "__x64_", "__se_", "__do_"} {
		s = strings.TrimPrefix(s, prefix)
	}
	s = strings.TrimLeft(s, "_")
	s = strings.TrimPrefix(s, "compat_")
	name, ok := strings.CutPrefix(s, "sys_")
	return name, ok && name != ""
}
