// Package stack is the machine's public face: a Stack is one machine with its
// own clock, tasks, devices and sockets. Programs run in it as processes (Proc)
// and make system calls; Go programs use its sockets as net.Conn and
// net.Listener; observers read snapshots and events, which are copies; the
// debugger's hooks stop it at function entries and read backtraces.
//
// A machine is deterministic: the same Config and the same inputs give the same
// run, byte for byte, as long as its clock is virtual.
package stack

import (
	"fmt"
	"time"

	"menuos/stack/internal/kernel"
)

// Clock says what moves a machine's time.
type Clock int

const (
	// ClockVirtual: time moves only while somebody waits for the machine (Wait,
	// Advance) and then jumps from event to event.
	ClockVirtual Clock = iota
	// ClockReal: time follows the host's, from New on, at a speed (SetSpeed).
	ClockReal
)

// Config is what a machine is made from. The zero value is a machine with seed
// 0 and a virtual clock.
type Config struct {
	Seed  uint64
	Clock Clock
	Speed float64 // of a real clock: machine seconds a host second (SetSpeed); 0 means 1
}

// Errno is a Linux error number; it prints as strerror does.
type Errno int

// Stop says where the machine is held: by a breakpoint, at the entry of a
// function, or at an event (RunToEvent).
type Stop struct {
	Event   *Event        // a copy of the event; nil at a breakpoint
	Sym     *Sym          // the function whose entry was reached, or that the event happened in
	Frames  []Frame       // the backtrace, innermost first
	Context string        // "process", "process,bh-off", "softirq", "hardirq"
	Pid     int           // of the task on whose behalf it runs
	Comm    string        // … and its name
	Time    time.Duration // since boot
}

// Sym is a modelled function: Name, File, Line, Params, Addr, GoFile, GoLine.
type Sym = kernel.Sym

// Frame is one function of a backtrace: Func, File, Line, Sym, Addr, Args.
type Frame = kernel.Frame

// Arg is one argument of a frame: Name, Value, Known.
type Arg = kernel.Arg

// Hook is asked at each entry of a watched function whether to stop there. It
// runs inside the machine: it may read (Stack.Field, Stack.CallChain) and must
// not call anything that drives the machine.
type Hook func(sym *Sym) (stop bool)

// Outcome says why Wait or Advance returned.
type Outcome int

const (
	Done    Outcome = iota // the job has ended, the time is reached
	Stopped                // a breakpoint holds the machine: Stack.Stopped tells where
	Stuck                  // nothing in the machine can ever happen again
)

func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case Stopped:
		return "stopped"
	case Stuck:
		return "stuck"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}
