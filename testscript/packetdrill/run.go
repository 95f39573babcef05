package packetdrill

import (
	"context"
	"fmt"
	"io"
	"time"

	"menuos/stack"
	"menuos/stack/wire"
)

// Options say how to run a script.
type Options struct {
	Seed uint64
	// Set holds options that stand before the script's own, without the dashes:
	// {"tolerance_usecs", "1000"}.
	Set [][2]string
	// Log, if set, gets what the run thought notable: ignored commands, ignored
	// code, print statements.
	Log io.Writer
	// Trace, if set, gets every packet and call with its time, as it happens.
	Trace io.Writer
	// AnyPush leaves the PSH flag out of comparisons: kernels differ in where they
	// set it.
	AnyPush bool
	// Latency is how much later than the script has it a packet arrives and a call
	// is made, as on a real machine, which takes its time between two events.
	Latency time.Duration
	// Machine, if set, sees the machine before the script begins.
	Machine func(s *stack.Stack)
}

// patience is how long after its time an outbound packet is waited for.
const patience = 2 * time.Second

// hang is how long a call that should not block may take.
const hang = 10 * time.Minute

// Run reads the script and runs it on a machine of its own. The error is an
// *Error with the file's name and the line, or the context's.
func Run(ctx context.Context, name string, src io.Reader, opt Options) error {
	script, err := Parse(name, src)
	if err != nil {
		return err
	}
	return script.Run(ctx, opt)
}

// Run runs the script on a machine of its own.
func (sc *Script) Run(ctx context.Context, opt Options) error {
	r := &runner{ctx: ctx, script: sc, opt: opt, cfg: defaultConfig(),
		fds: map[int]int{}, flows: map[int]*flow{}, vars: map[string]value{}, port: 40000}
	for _, o := range opt.Set {
		if known, ok := r.cfg.set(o[0], o[1]); !known || !ok {
			return fmt.Errorf("packetdrill: bad option %s=%s", o[0], o[1])
		}
	}
	for _, o := range sc.Options {
		known, ok := r.cfg.set(o.Name, o.Value)
		if !ok {
			what := "bad value of --" + o.Name
			if !known {
				what = "unknown option --" + o.Name
			}
			return &Error{File: sc.Name, Line: o.Line, What: what}
		}
	}
	r.s = stack.New(stack.Config{Seed: opt.Seed})
	defer r.s.Close()
	if err := r.boot(); err != nil {
		return fmt.Errorf("packetdrill: %w", err)
	}
	return r.events()
}

type runner struct {
	ctx    context.Context
	script *Script
	opt    Options
	cfg    config
	s      *stack.Stack
	link   *stack.Link
	worker *stack.Worker

	start time.Duration // the machine's time when the script's is 0
	ev    *step         // under way
	last  *step
	sent  []frame // not yet looked at
	seen  int     // frames sent that are the tested flow's, of those above

	flow    *flow         // under test
	flows   map[int]*flow // by descriptor of the machine
	fds     map[int]int   // descriptors: the script's to the machine's
	port    uint16        // the next remote port
	pending *pendingCall  // a call that may still block

	wroteText bool
	vars      map[string]value // of the script's code
}

// step is an event with its times, counted from the script's start.
type step struct {
	*Event
	from, to time.Duration
}

func (r *runner) boot() error {
	var err error
	r.link, err = r.s.AttachLink("tun0", r.cfg.mtu, func(pkt []byte) {
		r.sent = append(r.sent, frame{at: r.link.Now(), pkt: append(wire.IPv4(nil), pkt...)})
	})
	if err != nil {
		return err
	}
	r.link.SetOffload(true)
	if err := r.link.Configure(r.cfg.local, r.cfg.remote, r.cfg.gateway); err != nil {
		return err
	}
	if r.opt.Machine != nil {
		r.opt.Machine(r.s)
	}
	r.worker = r.s.NewWorker("packetdrill")
	if r.script.Init != nil {
		r.shell(r.script.Init)
	}
	// Begin at a full second, when nothing of the boot is under way.
	r.start = r.s.Now().Truncate(time.Second) + time.Second
	r.s.AdvanceContext(r.ctx, r.start-r.s.Now())
	r.sent = nil
	return nil
}

// now is the time that the script has.
func (r *runner) now() time.Duration { return r.s.Now() - r.start }

func (r *runner) notef(line int, format string, args ...any) {
	if r.opt.Log != nil {
		fmt.Fprintf(r.opt.Log, "%s:%d: %s\n", r.script.Name, line, fmt.Sprintf(format, args...))
	}
}

func (r *runner) tracef(at time.Duration, format string, args ...any) {
	if r.opt.Trace != nil {
		fmt.Fprintf(r.opt.Trace, "%10.6f %s\n", at.Seconds(), fmt.Sprintf(format, args...))
	}
}

func (r *runner) events() error {
	for i := range r.script.Events {
		st := &step{Event: &r.script.Events[i]}
		r.last, r.ev = r.ev, st
		if i == 0 && st.From != 0 {
			return r.at(st.Line, &Error{What: "the first event is not at time 0"})
		}
		r.schedule(st)
		if err := r.event(st); err != nil {
			return r.at(st.Line, err)
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
	}
	if c := r.pending; c != nil {
		return r.at(c.line, r.finishCall())
	}
	return nil
}

// at gives an error its place, if it has none.
func (r *runner) at(line int, err error) error {
	e, ok := err.(*Error)
	if !ok || e == nil {
		return err
	}
	if e.File == "" {
		e.File, e.Line = r.script.Name, line
	}
	return e
}

// schedule gives a relative event its times. An inbound packet counts from the
// inbound packet before it, anything else from now.
func (r *runner) schedule(st *step) {
	st.from, st.to = st.From, st.To
	if st.Kind != Relative && st.Kind != RelativeRange && st.Kind != AnyTime {
		return
	}
	base := r.now()
	anchored := func(s *step) bool { return s != nil && s.Packet != nil && s.Packet.Inbound }
	if anchored(st) && anchored(r.last) {
		base = r.last.from
	}
	st.from += base
	st.to += base
}

func (r *runner) event(st *step) error {
	if st.Packet != nil && !st.Packet.Inbound {
		return r.outbound(st.Packet)
	}
	if st.Call != nil {
		if err := r.finishCall(); err != nil {
			return err
		}
	}
	if wait := st.from - r.now() + r.opt.Latency; wait > 0 {
		r.s.AdvanceContext(r.ctx, wait)
	}
	if r.last != nil {
		what := "a command"
		switch {
		case st.Packet != nil:
			what = "an inbound packet"
		case st.Call != nil:
			what = "a system call"
		}
		if err := r.checkTime(what, st.Kind, st.from, st.to, r.now()); err != nil {
			return err
		}
	}
	switch {
	case st.Packet != nil:
		return r.inbound(st.Packet)
	case st.Call != nil:
		return r.call(st.Call)
	case st.Command != nil:
		r.shell(st.Command)
		return nil
	}
	return r.code(st)
}

func (r *runner) newFlow() *flow {
	addr := func(p [4]byte) wire.Addr { return wire.AddrFrom4(p) }
	return &flow{proto: wire.ProtoTCP, fd: -1, tsMap: map[uint32]uint32{},
		local: addr(r.cfg.local.Addr().As4()), remote: addr(r.cfg.remote.Addr().As4())}
}

// inbound injects a packet.
func (r *runner) inbound(k *Packet) error {
	if k.TCP != nil && (r.flow == nil || r.flow.state == flowListening) {
		fl := r.newFlow()
		fl.state = flowSynReceived
		fl.lport, fl.rport = r.cfg.bindPort, r.port
		r.port++
		fl.remoteISN = k.TCP.Seq
		r.flow = fl
	}
	fl := r.flow
	if fl == nil {
		return &Error{What: "no socket for this packet"}
	}
	if k.TCP != nil && k.TCP.Flags&flagACK != 0 {
		switch fl.state {
		case flowSynackSent:
			fl.state = flowOpen
		case flowSynSent:
			if k.TCP.Flags&flagSYN != 0 {
				fl.state, fl.remoteISN = flowOpen, k.TCP.Seq
			}
		}
	}
	pkt, err := fl.inbound(k)
	if err != nil {
		return &Error{What: err.Error()}
	}
	r.tracef(r.now(), "< %s", r.ev.Source[2:])
	r.link.Inject(pkt)
	r.s.Settle()
	return nil
}

// outbound waits for the next packet of the flow and compares it.
func (r *runner) outbound(k *Packet) error {
	fl := r.flow
	if fl == nil {
		return &Error{What: "no socket for this packet"}
	}
	if k.TCP != nil {
		syn, ack := k.TCP.Flags&flagSYN != 0, k.TCP.Flags&flagACK != 0
		if syn && !ack && fl.state == flowConnecting {
			fl.state, fl.scriptISN = flowSynSent, k.TCP.Seq
		}
		if syn && ack && fl.state == flowSynReceived {
			fl.scriptISN = k.TCP.Seq
		}
	}
	f, ok := r.nextFrame(fl)
	if !ok {
		return &Error{What: "no packet came", Expected: r.ev.Source}
	}
	if th := f.tcp(); th != nil && fl.state == flowSynReceived && k.TCP != nil && k.TCP.Flags&(flagSYN|flagACK) == flagSYN|flagACK {
		fl.state = flowSynackSent
	}
	mapped := fl.toScript(f.pkt, k)
	if k.TCP != nil && !r.cfg.strict {
		if mapped, f.at, ok = r.pieces(fl, k, mapped, f.at); !ok {
			return &Error{What: "outbound packet comes in unequal pieces", Expected: r.ev.Source, Actual: "> " + wire.Packetdrill(mapped, nil)}
		}
	}
	text := "> " + wire.Packetdrill(mapped, nil)
	if what := r.differ(k, mapped); what != "" {
		return &Error{What: "outbound packet: " + what, Expected: r.ev.Source, Actual: text}
	}
	if err := r.checkTime("outbound packet", r.ev.Kind, r.ev.from, r.ev.to, f.at-r.start); err != nil {
		return err
	}
	return nil
}

// pieces joins the segments that follow the first one until they are as long as
// the script's: the stack cuts what it sends as its pacing rate has it, and a
// script says so only with --strict_segments. All but the last must be of one
// size. If they do not fit, what is returned is the segment that does not.
func (r *runner) pieces(fl *flow, k *Packet, first wire.IPv4, at time.Duration) (wire.IPv4, time.Duration, bool) {
	th := frame{pkt: first}.tcp()
	if th == nil || len(th.Payload()) == 0 || len(th.Payload()) >= k.TCP.Len {
		return first, at, true
	}
	size, total := len(th.Payload()), len(th.Payload())
	seq, cwr := th.Seq(), th.Flags()&wire.CWR
	last := first
	for total < k.TCP.Len {
		f, ok := r.nextFrame(fl)
		if !ok {
			return last, at, total == size
		}
		last, at = fl.toScript(f.pkt, k), f.at
		next := frame{pkt: last}.tcp()
		if next == nil {
			return last, at, false
		}
		n := len(next.Payload())
		if next.Seq() != seq+uint32(total) || n == 0 || n != size && n < k.TCP.Len-total || total+n > 0xffff-60 {
			return last, at, false
		}
		total += n
	}
	joined := append(wire.IPv4(nil), last[:len(last)-len(frame{pkt: last}.tcp().Payload())]...)
	joined = append(joined, make([]byte, total)...)
	joined.SetTotalLen(uint16(len(joined)))
	th = frame{pkt: joined}.tcp()
	th.SetSeq(seq)
	th.SetFlags(th.Flags()&^wire.CWR | cwr)
	return joined, at, true
}

// nextFrame takes the next packet of the flow, and lets the machine run for it
// if there is none yet.
func (r *runner) nextFrame(fl *flow) (frame, bool) {
	limit := max(r.ev.from, r.ev.to) + patience
	if r.ev.Kind == AnyTime {
		limit = r.now() + hang
	}
	r.seen = 0
	for {
		for r.seen < len(r.sent) {
			f := r.sent[r.seen]
			r.seen++
			ours := fl.from(f)
			if th := f.tcp(); ours && th != nil && th.Flags()&wire.SYN != 0 {
				fl.localISN = th.Seq()
			}
			r.tracef(f.at-r.start, "> %s", wire.Packetdrill(fl.toScript(f.pkt, &Packet{TCP: &TCPSpec{}}), nil))
			if ours {
				r.sent = append([]frame(nil), r.sent[r.seen:]...)
				return f, true
			}
		}
		wait := limit - r.now()
		if wait <= 0 || r.ctx.Err() != nil {
			return frame{}, false
		}
		r.s.AdvanceUntil(r.ctx, wait, func() bool { return len(r.sent) > r.seen })
		if len(r.sent) == r.seen && r.now() >= limit {
			return frame{}, false
		}
	}
}
