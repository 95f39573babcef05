package shell

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"menuos/stack"
)

var showCommands = []*Command{
	{
		Name: "show", Usage: "sockets|queues|timers|steps [on|off]", Group: groupSockets,
		Summary: text{"show the inside: sockets, queues, timers, the last steps", "查看内部:套接字、队列、定时器、最近的步骤"},
		Words: func(*Session, []string) []string {
			return []string{"sockets", "queues", "timers", "steps", "on", "off"}
		},
		Run: runShow,
	},
}

func runShow(c *Cmd) int {
	what := ""
	if len(c.Args) > 0 {
		what = c.Args[0]
	}
	switch what {
	case "sockets", "queues", "timers":
		if len(c.Args) > 1 {
			return c.usage("%s", c.msg("extra", c.Args[1]))
		}
	}
	snap := c.S.m.Snapshot()
	w := tabwriter.NewWriter(c.Out, 0, 8, 2, ' ', 0)
	defer w.Flush()
	switch what {
	case "":
		return c.usage("%s", c.msg("need"))
	case "sockets":
		fmt.Fprintln(w, "SK\tSTATE\tLOCAL\tPEER\tUSER\tSND_UNA\tSND_NXT\tRCV_NXT\tCWND\tRTO\tOWNED")
		for i := range snap.Socks {
			if k := &snap.Socks[i]; ssHas(k) {
				showSocket(w, k)
			}
		}
	case "queues":
		fmt.Fprintln(w, "SK\tLOCAL\tPEER\tQUEUE\tCONTENT")
		for i := range snap.Socks {
			showQueues(w, &snap.Socks[i])
		}
	case "timers":
		fmt.Fprintln(w, "TIMER\tOF\tLEFT\tRUNS")
		for _, t := range snap.Timers {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Kind, timerOwner(snap, &t), t.Left, t.Runs)
		}
	case "steps":
		return c.showSteps()
	default:
		return c.usage("%s", c.msg("what", what))
	}
	return 0
}

func showSocket(w *tabwriter.Writer, k *stack.SockInfo) {
	user := "-"
	if len(k.Users) > 0 {
		user = fmt.Sprintf("%s/%d", k.Users[0].Comm, k.Users[0].Pid)
	}
	una, nxt, rcv, cwnd, rto, owned := "-", "-", "-", "-", "-", ""
	if t := k.Tcp; t != nil && k.State != "LISTEN" {
		una, nxt, rcv = fmt.Sprint(t.SndUna), fmt.Sprint(t.SndNxt), fmt.Sprint(t.RcvNxt)
		cwnd, rto = fmt.Sprint(t.SndCwnd), (time.Duration(t.Rto) * time.Microsecond).String()
	}
	if k.Owned {
		owned = "*"
	}
	fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Cookie, k.State, hostPort(k, true), hostPort(k, false), user, una, nxt, rcv, cwnd, rto, owned)
}

func showQueues(w *tabwriter.Writer, k *stack.SockInfo) {
	row := func(name, content string) {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", k.Cookie, hostPort(k, true), hostPort(k, false), name, content)
	}
	if k.State == "LISTEN" {
		row("syn", requests(k.SynQueue)+fmt.Sprintf("%d", len(k.SynQueue)))
		row("accept", requests(k.Accept)+fmt.Sprintf("%d/%d", len(k.Accept), k.AcceptMax))
		return
	}
	for _, q := range []struct {
		name string
		segs []stack.SegInfo
	}{{"write", k.Write}, {"rtx", k.Rtx}, {"receive", k.Receive}, {"ofo", k.Ooo}, {"backlog", k.Backlog}} {
		if len(q.segs) > 0 {
			row(q.name, segments(q.segs))
		}
	}
}

func requests(list []stack.RequestInfo) string {
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "%s (%s old, %d sent again) ", r.Peer, r.Age, r.Retrans)
	}
	return b.String()
}

func segments(segs []stack.SegInfo) string {
	var out []string
	for _, s := range segs {
		t := fmt.Sprintf("%d..%d (%d bytes)", s.Seq, s.EndSeq, s.Len)
		for _, f := range []struct {
			on   bool
			mark string
		}{{s.Sacked, "S"}, {s.Lost, "L"}, {s.Retrans, "R"}} {
			if f.on {
				t += f.mark
			}
		}
		out = append(out, t)
	}
	return strings.Join(out, ", ")
}

func timerOwner(snap *stack.Snapshot, t *stack.TimerInfo) string {
	for i := range snap.Socks {
		if k := &snap.Socks[i]; t.Sock != 0 && k.Cookie == t.Sock {
			return hostPort(k, true) + " > " + hostPort(k, false)
		}
	}
	for _, task := range snap.Tasks {
		if t.Task != 0 && task.Pid == t.Task {
			return fmt.Sprintf("%s/%d", task.Comm, task.Pid)
		}
	}
	return "-"
}

// watchSize is how many steps are kept.
const watchSize = 4096

func (c *Cmd) showSteps() int {
	s := c.S
	arg := ""
	if len(c.Args) > 1 {
		arg = c.Args[1]
	}
	switch arg {
	case "on":
		if s.steps == nil {
			s.steps = s.m.Watch(watchSize)
		}
		c.printf("%s\n", c.msg("stepsOn"))
		return 0
	case "off":
		if s.steps != nil {
			s.steps.Close()
			s.steps = nil
		}
		return 0
	case "":
	default:
		return c.usage("%s", c.msg("what", arg))
	}
	if s.steps == nil {
		return c.fail("%s", c.msg("noSteps"))
	}
	events, lost := s.steps.Next()
	if lost > 0 {
		c.printf("%s\n", c.msg("stepsLost", lost))
	}
	for i := range events {
		ev := &events[i]
		at := ""
		if f := s.m.Frames(ev); len(f) > 0 {
			at = f[0].Func
		}
		c.printf("%12.6f  %-20s %-15s %-26s %s\n", ev.Time.Seconds(), ev.Name, ev.Context, at, stepText(ev))
	}
	return 0
}

// stepText is what a step was about.
func stepText(ev *stack.Event) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if ev.Sock.Cookie != 0 {
		k := ev.Sock
		add("%s:%d > %s:%d", k.Saddr.Netip(), k.Sport, k.Daddr.Netip(), k.Dport)
	}
	if ev.OldState != ev.NewState {
		add("%s -> %s", stack.StateName(ev.OldState), stack.StateName(ev.NewState))
	}
	if ev.SkbLen > 0 {
		add("len %d", ev.SkbLen)
	}
	if ev.Reason != "" {
		add("%s", ev.Reason)
	}
	if ev.Timer != "" {
		add("%s (%s)", ev.Timer, ev.Runs)
	}
	return strings.Join(parts, ", ")
}
