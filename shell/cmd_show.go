package shell

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
)

var showCommands = []*Command{showCommand, btCommand}

var showCommand = &Command{
	Name: "show", Usage: "sockets | queues | timers | steps [on|off|clear] [-n N] [-t KIND,…] | ladder [PORT] [--ascii]", Group: groupSockets,
	Summary: text{"show the inside: sockets, queues, timers, steps, the ladder of segments", "查看内部:套接字、队列、定时器、步骤、报文段时序图"},
	Help: text{`show steps on begins to record what happens, step by step: every packet sent and received, drops, state changes,
timers, wake-ups. show steps lists the last 4,096, each with its number, time, the socket's end, the context, the
function that brought it about; bt NUMBER gives the backtrace of one. show steps off ends the recording, clear
forgets what there is. -n N shows the last N alone, -t those of some kinds (packets, state, timers, wakeup, …).
The sign before the end of the connection tells the kind:
  > sent   < received   x dropped   ! sent again   ~ state   r reset
  + timer armed   - cancelled   @ fired   * wake-up   0 socket destroyed
show ladder draws the recorded packets between their two ends, with the states at both, as RFC 9293 does; with
a PORT only the connections of that port.`,
		`show steps on 开始逐步记录:发送和接收的每个包、丢弃、状态变化、定时器、唤醒。
show steps 列出最近 4,096 步:编号、时间、套接字的哪一端、上下文、引起它的函数;bt 编号 显示某一步的调用栈。
show steps off 停止记录,clear 清除记录。-n N 只显示最后 N 步,-t 只显示某些种类(packets、state、timers、wakeup……)。
连接端点前面的符号表示种类:
  > 发送   < 接收   x 丢弃   ! 重传   ~ 状态   r 复位
  + 启动定时器   - 取消   @ 触发   * 唤醒   0 套接字销毁
show ladder 画出两端之间的包和两端的状态,与 RFC 9293 相同;给出 PORT 则只画该端口的连接。`},
	Words: showWords,
	Flags: func(f *pflag.FlagSet) { new(showFlags).declare(f) },
	Run:   runShow,
}

// showFlags are show's options.
type showFlags struct {
	last  int
	kinds []string
	ascii bool
}

func (o *showFlags) declare(f *pflag.FlagSet) {
	f.IntVarP(&o.last, "last", "n", 0, "the last N steps alone")
	f.StringSliceVarP(&o.kinds, "type", "t", nil, "steps of these kinds")
	f.BoolVar(&o.ascii, "ascii", false, "a ladder without box-drawing characters")
}

func showWords(_ *Session, args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"sockets", "queues", "timers", "steps", "ladder"}
	case args[len(args)-1] == "-t" || args[len(args)-1] == "--type":
		return kindNames()
	case args[0] == "steps":
		return []string{"on", "off", "clear"}
	}
	return nil
}

func runShow(c *Cmd) int {
	var o showFlags
	args, st, ok := c.flags(o.declare)
	switch {
	case !ok:
		return st
	case len(args) == 0:
		return c.usage("%s", c.msg("need"))
	}
	what, rest := args[0], args[1:]
	most := 1 // steps and ladder take a word
	switch what {
	case "sockets", "queues", "timers":
		most = 0
	case "steps", "ladder":
	default:
		return c.usage("%s", c.msg("what", what))
	}
	switch {
	case len(rest) > most:
		return c.usage("%s", c.msg("extra", rest[most]))
	case what != "steps" && (o.last != 0 || o.kinds != nil), what != "ladder" && o.ascii:
		return c.usage("%s", c.msg("notFor", what))
	}
	switch what {
	case "steps":
		return c.showSteps(rest, &o)
	case "ladder":
		return c.showLadder(rest, o.ascii)
	}
	c.showState(what)
	return 0
}

// showState prints what the machine has now.
func (c *Cmd) showState(what string) {
	snap := c.S.m.Snapshot()
	w := tabwriter.NewWriter(c.Out, 0, 8, 2, ' ', 0)
	defer w.Flush()
	switch what {
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
			showQueues(w, snap, &snap.Socks[i])
		}
	case "timers":
		fmt.Fprintln(w, "TIMER\tOF\tLEFT\tRUNS")
		for _, t := range snap.Timers {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Kind, timerOwner(snap, &t), t.Left, t.Runs)
		}
	}
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

func showQueues(w *tabwriter.Writer, snap *stack.Snapshot, k *stack.SockInfo) {
	row := func(name, content string) {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", k.Cookie, hostPort(k, true), hostPort(k, false), name, content)
	}
	if k.State == "LISTEN" {
		row("syn", fmt.Sprintf("%d/%d", len(k.SynQueue), k.SynMax)+requests(k.SynQueue, snap.Time))
		row("accept", fmt.Sprintf("%d/%d", len(k.Accept), k.AcceptMax)+requests(k.Accept, snap.Time))
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

// requests lists who waits in a listener's queue: since when, how often its
// SYN-ACK was sent again, when that is due next.
func requests(list []stack.RequestInfo, now time.Duration) string {
	var b strings.Builder
	for i, r := range list {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s (%s old", sep, r.Peer, r.Age.Round(time.Millisecond))
		if r.Expires > 0 {
			fmt.Fprintf(&b, ", %d sent again, next in %s", r.Retrans, max(r.Expires-now, 0).Round(time.Millisecond))
		}
		b.WriteString(")")
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
