package stack

import (
	"menuos/stack/internal/core"
)

// Options of the kinds of queueing disciplines, as tc gives and shows them. A
// pointer that is nil leaves what there is.
type (
	NetemOptions     = core.NetemQopt
	NetemCorrelation = core.NetemCorr
	NetemProbability = core.NetemProb
	NetemRate        = core.NetemRate
	NetemLossModel   = core.NetemLoss
	TbfOptions       = core.TbfQopt
	FqOptions        = core.FqQopt
	FqStats          = core.FqStats
	FifoOptions      = core.FifoQopt
	PfifoFastOptions = core.PfifoFastQopt
)

// Models of loss with memory (NetemLossModel.Model).
const (
	NetemLoss4States = core.NetemLoss4States
	NetemLossGilbEll = core.NetemLossGilbEll
)

// QdiscRoot is the parent of a device's root queue (TC_H_ROOT).
const QdiscRoot = core.TcHRoot

// NetemDistribution is the table of a named distribution of delays ("uniform",
// "normal", "pareto", "paretonormal"), nil if the name is none of them.
func NetemDistribution(name string) []int16 { return core.NetemDistribution(name) }

// Qdisc is a copy of a queueing discipline.
type Qdisc struct {
	Kind           string
	Dev            string
	Handle, Parent uint32 // the major number in the upper half; Parent may be QdiscRoot
	Refs           int
	Options        any // *NetemOptions, *TbfOptions, …; nil if it has none
	Own            any // counters of its own kind: *FqStats; nil if it has none

	Bytes, Packets              uint64 // that it let go
	Drops, Overlimits, Requeues uint64
	Backlog, Qlen               int // bytes and packets that wait
}

// Qdiscs copies the queues of all interfaces, each root before what is in it.
func (s *Stack) Qdiscs() []Qdisc {
	s.lock()
	defer s.mu.Unlock()
	var out []Qdisc
	for _, dev := range s.n.Devices {
		s.n.ForEachQdisc(dev, func(q *core.Qdisc) {
			if q == nil {
				out = append(out, Qdisc{Kind: "noqueue", Dev: dev.Name, Parent: QdiscRoot, Refs: 2})
				return
			}
			c := Qdisc{
				Kind: q.Ops.Id, Dev: dev.Name, Handle: q.Handle, Parent: q.Parent, Refs: q.Refs,
				Bytes: q.Bytes, Packets: q.Packets, Drops: q.Drops, Overlimits: q.Overlimits, Requeues: q.Requeues,
				Backlog: q.Backlog, Qlen: q.Qlen,
			}
			if q.Ops.Dump != nil {
				c.Options = q.Ops.Dump(q)
			}
			if q.Ops.DumpStats != nil {
				c.Own = q.Ops.DumpStats(q)
			}
			out = append(out, c)
		})
	}
	return out
}

// QdiscRequest is what tc asks of a device's queues: to make one of the kind at
// the parent, to change the one that there is, or both (Create with Replace).
// Handle 0 lets the machine choose.
type QdiscRequest struct {
	Dev                   string
	Parent, Handle        uint32
	Kind                  string
	Options               any
	Create, Replace, Excl bool // NLM_F_CREATE, NLM_F_REPLACE, NLM_F_EXCL
}

// QdiscError is an error with what the kernel says of it (an extended
// acknowledgement).
type QdiscError struct {
	Errno error
	Text  string
}

func (e *QdiscError) Error() string { return e.Text }

// Unwrap is the errno.
func (e *QdiscError) Unwrap() error { return e.Errno }

// ModifyQdisc makes or changes a queue (RTM_NEWQDISC). It fails with a
// *NoDeviceError, a *QdiscError where the kernel has words for it, or an Errno.
func (s *Stack) ModifyQdisc(r QdiscRequest) error { return s.qdiscCall(r, s.n.TcModifyQdisc) }

// DeleteQdisc takes a queue away (RTM_DELQDISC), with what waits in it; a root
// gives way to the device's default. Its errors are those of ModifyQdisc.
func (s *Stack) DeleteQdisc(r QdiscRequest) error { return s.qdiscCall(r, s.n.TcGetQdisc) }

func (s *Stack) qdiscCall(r QdiscRequest, call func(*core.TcRequest) int) error {
	req := &core.TcRequest{
		Parent: r.Parent, Handle: r.Handle, Kind: r.Kind, Options: r.Options,
		Create: r.Create, Replace: r.Replace, Excl: r.Excl,
	}
	err := s.withDev(r.Dev, func(dev *core.NetDevice) int {
		req.Dev = dev
		return call(req)
	})
	if err != nil && req.Extack != "" {
		return &QdiscError{err, req.Extack}
	}
	return err
}
