package packetdrill

import (
	"errors"
	"fmt"
	"time"

	"menuos/stack"
)

// pendingCall is a system call that was begun.
type pendingCall struct {
	line   int
	call   *Call
	source string
	end    time.Duration // when the script has it return, if it blocks
	last   *step
	doneAt time.Duration
	ret    int64
	err    error
	check  func() error // compares what it has stored, once it is back
}

// callFunc makes a call. It runs in the process; then, if set, check runs
// outside.
type callFunc func(r *runner, p *stack.Proc, args []Expr) (ret int64, check func() error, err error)

// badArg is an argument that a call cannot make sense of.
type badArg string

func (e badArg) Error() string { return string(e) }

func (r *runner) call(c *Call) error {
	fn, ok := calls[c.Name]
	if !ok {
		return &Error{What: fmt.Sprintf("system call %s is not supported", c.Name)}
	}
	args, err := r.prepare(c)
	if err != nil {
		return &Error{What: err.Error()}
	}
	pc := &pendingCall{line: r.ev.Line, call: c, source: r.ev.Source, last: r.last, doneAt: -1}
	if c.Blocking {
		pc.end = c.End
		if r.ev.Kind == Relative {
			pc.end += r.ev.from - r.ev.From
		}
	}
	r.pending = pc
	r.tracef(r.now(), "%s", r.ev.Source)
	r.worker.Do(r.ctx, func(p *stack.Proc) {
		pc.ret, pc.check, pc.err = fn(r, p, args)
		pc.doneAt = p.Now() - r.start
	})
	if c.Blocking {
		return nil
	}
	return r.finishCall()
}

// finishCall waits for the call that is under way and compares its result.
func (r *runner) finishCall() error {
	pc := r.pending
	if pc == nil {
		return nil
	}
	r.pending = nil
	if pc.doneAt < 0 {
		r.s.AdvanceUntil(r.ctx, hang, func() bool { return pc.doneAt >= 0 })
	}
	if pc.doneAt < 0 {
		return &Error{File: r.script.Name, Line: pc.line, What: pc.call.Name + " does not return"}
	}
	if err := r.checkCall(pc); err != nil {
		return r.at(pc.line, err)
	}
	if !pc.call.Blocking {
		return nil
	}
	was := r.last
	r.last = pc.last
	err := r.checkTime(pc.call.Name+" returned", Absolute, pc.end, 0, pc.doneAt)
	r.last = was
	return r.at(pc.line, err)
}

func (r *runner) checkCall(pc *pendingCall) error {
	var bad badArg
	if errors.As(pc.err, &bad) {
		return &Error{What: string(bad)}
	}
	text := fmt.Sprint(pc.ret)
	name := ""
	var errno stack.Errno
	if errors.As(pc.err, &errno) {
		name = errno.Name()
		text = fmt.Sprintf("-1 %s (%v)", name, errno)
	} else if pc.err != nil {
		return &Error{What: pc.err.Error()}
	}
	mismatch := &Error{What: pc.call.Name + " returned something else", Expected: pc.source, Actual: pc.call.Name + "(…) = " + text}
	if pc.call.Errno != name {
		return mismatch
	}
	if pc.call.Result.Kind != ExprAny {
		want, err := r.number(pc.call.Result)
		if err != nil {
			return &Error{What: err.Error()}
		}
		if fdCalls[pc.call.Name] && pc.err == nil {
			r.fds[int(want)] = int(pc.ret)
		} else if want != pc.ret {
			return mismatch
		}
	}
	if pc.check != nil && pc.err == nil {
		if err := pc.check(); err != nil {
			return &Error{What: fmt.Sprintf("%s stored something else: %v", pc.call.Name, err), Expected: pc.source}
		}
	}
	return nil
}

// prepare does what a call means for the flow under test, before it is made.
func (r *runner) prepare(c *Call) ([]Expr, error) {
	if c.Name == "connect" {
		fd, err := r.fd(c.Args, 0)
		if err != nil {
			return nil, err
		}
		fl := r.flows[fd]
		if fl == nil {
			fl = r.newFlow()
			r.flows[fd] = fl
		}
		fl.fd = fd
		if fl.state == flowNew {
			fl.state = flowConnecting
			fl.rport = r.cfg.connectPort
		}
		r.flow = fl
	}
	return c.Args, nil
}

// number is an expression's value.
func (r *runner) number(e Expr) (int64, error) {
	switch e.Kind {
	case ExprInt:
		return e.Int, nil
	case ExprWord:
		if v, ok := symbols[e.Text]; ok {
			return v, nil
		}
		return 0, badArg(fmt.Sprintf("unknown symbol %s", e.Text))
	case ExprOr:
		a, err := r.number(e.Parts[0])
		if err != nil {
			return 0, err
		}
		b, err := r.number(e.Parts[1])
		return a | b, err
	case ExprFunc:
		if e.Text == "htons" && len(e.Parts) == 1 {
			return r.number(e.Parts[0])
		}
	case ExprList:
		if len(e.Parts) == 1 {
			return r.number(e.Parts[0])
		}
	}
	return 0, badArg("a number should be here")
}

func (r *runner) arg(args []Expr, i int) (int64, error) {
	if i >= len(args) {
		return 0, badArg("too few arguments")
	}
	return r.number(args[i])
}

// fd is the machine's descriptor for the script's.
func (r *runner) fd(args []Expr, i int) (int, error) {
	v, err := r.arg(args, i)
	if err != nil {
		return 0, err
	}
	if live, ok := r.fds[int(v)]; ok {
		return live, nil
	}
	return 1 << 20, nil // nothing is open there
}
