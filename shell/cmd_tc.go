package shell

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"menuos/stack"
)

var tcCommand = &Command{
	Name: "tc", Usage: "[-s] qdisc [add|change|replace|del|show] dev IF [root|parent P] [handle H:] KIND ...", Group: groupNetwork,
	Summary: text{"show or set an interface's queue: delay, loss, rate, fair queueing (iproute2's)", "显示或设置接口的队列:延迟、丢包、速率、公平排队(与 iproute2 相同)"},
	Help: text{`tc qdisc add dev lo root netem delay 100ms 20ms loss 1%      a line that is slow and loses packets, lo included
tc qdisc change dev lo root netem delay 10ms rate 1mbit       other options for the queue that there is
tc qdisc add dev lo root tbf rate 1mbit burst 10kb latency 70ms
tc qdisc replace dev lo root fq maxrate 10mbit                pacing, and sockets that take turns
tc -s qdisc show dev lo                                       what it let go, dropped, and holds
tc qdisc del dev lo root                                      the default again
kinds: netem, tbf, fq, pfifo, bfifo, pfifo_fast; tc qdisc add KIND help has a kind's options.
Chance comes from the machine's seed: the same session loses the same packets. The tables of
"distribution" are computed from the distributions' formulas.`,
		`tc qdisc add dev lo root netem delay 100ms 20ms loss 1%      慢且会丢包的线路,lo 也可以
tc qdisc change dev lo root netem delay 10ms rate 1mbit       修改现有队列的选项
tc qdisc add dev lo root tbf rate 1mbit burst 10kb latency 70ms
tc qdisc replace dev lo root fq maxrate 10mbit                发送节奏控制,各套接字轮流发送
tc -s qdisc show dev lo                                       发送、丢弃和排队的数量
tc qdisc del dev lo root                                      恢复默认
种类:netem、tbf、fq、pfifo、bfifo、pfifo_fast;tc qdisc add 种类 help 显示其选项。
随机数来自机器的种子:同样的会话丢同样的包。distribution 的表由分布公式计算得出。`},
	Words: tcWords,
	Run:   runTC,
}

func tcWords(s *Session, args []string) []string {
	if len(args) == 0 {
		return []string{"qdisc", "-s"}
	}
	switch last := args[len(args)-1]; last {
	case "qdisc":
		return []string{"add", "change", "replace", "del", "show"}
	case "add", "change", "replace", "del", "show":
		return []string{"dev"}
	case "dev":
		return s.ifaceNames()
	case "-s":
		return []string{"qdisc"}
	case "distribution":
		return []string{"uniform", "normal", "pareto", "paretonormal"}
	}
	for i := len(args) - 1; i >= 0; i-- {
		if words := tcKindWords[args[i]]; words != nil {
			return words
		}
	}
	return []string{"root", "parent", "handle", "dev", "netem", "tbf", "fq", "pfifo", "bfifo", "pfifo_fast"}
}

var tcKindWords = map[string][]string{
	"netem": {"limit", "delay", "distribution", "loss", "duplicate", "corrupt", "reorder", "gap", "rate", "ecn", "help"},
	"tbf":   {"rate", "burst", "limit", "latency", "peakrate", "mtu", "overhead", "help"},
	"fq": {"limit", "flow_limit", "quantum", "initial_quantum", "maxrate", "buckets", "pacing", "nopacing", "refill_delay",
		"low_rate_threshold", "orphan_mask", "ce_threshold", "help"},
	"pfifo": {"limit", "help"},
	"bfifo": {"limit", "help"},
}

// tcFail is an error of tc's: what it prints, and the status it ends with.
type tcFail struct {
	text   string
	status int
}

func tcError(status int, format string, args ...any) *tcFail {
	return &tcFail{fmt.Sprintf(format, args...), status}
}

// Statuses of tc: what a shell makes of -1, and of an option that a kind cannot
// read.
const (
	tcBad       = 255
	tcBadOption = 1
)

var tcIncomplete = &tcFail{"Command line is not complete. Try option \"help\"", tcBad}

// tcArgs are the words of a command line that have not been read.
type tcArgs []string

// next takes the argument of a word.
func (a *tcArgs) next() (string, *tcFail) {
	if len(*a) < 2 {
		return "", tcIncomplete
	}
	*a = (*a)[1:]
	return (*a)[0], nil
}

// number reports whether the word after this one is a number (NEXT_IS_NUMBER).
func (a tcArgs) number(signed bool) bool {
	return len(a) > 1 && a[1] != "" && (a[1][0] >= '0' && a[1][0] <= '9' || signed && a[1][0] == '-')
}

const tcUsage = `Usage: tc [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { qdisc }
       OPTIONS := { -V[ersion] | -s[tatistics] }`

const tcQdiscUsage = `Usage: tc qdisc [ add | del | replace | change | show ] dev STRING
       [ handle QHANDLE ] [ root | parent CLASSID ]
       [ [ QDISC_KIND ] [ help | OPTIONS ] ]

       tc qdisc show [ dev STRING ] [ QDISC_ID ]
Where:
QDISC_KIND := { netem | tbf | fq | [p|b]fifo | pfifo_fast }
OPTIONS := ... try tc qdisc add <desired QDISC_KIND> help
QDISC_ID := { root | handle QHANDLE | parent CLASSID }`

func runTC(c *Cmd) int {
	args, stats := c.Args, false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		switch w := args[0]; {
		case len(w) > 1 && strings.HasPrefix("-statistics", w):
			stats = true
		case len(w) > 1 && strings.HasPrefix("-Version", w):
			c.printf("tc utility, iproute2-ss190107\n")
			return 0
		case w == "--help" || len(w) > 1 && strings.HasPrefix("-help", w):
			fmt.Fprintln(c.Err, tcUsage)
			return 0
		default:
			fmt.Fprintf(c.Err, "Option \"%s\" is unknown, try \"tc -help\".\n", w)
			return tcBad
		}
		args = args[1:]
	}
	var fail *tcFail
	switch {
	case len(args) == 0 || abbreviates(args[0], "help") && !abbreviates(args[0], "qdisc"):
		fmt.Fprintln(c.Err, tcUsage)
		return 0
	case abbreviates(args[0], "qdisc"):
		fail = tcQdisc(c, args[1:], stats)
	case abbreviates(args[0], "class", "filter", "chain", "actions", "monitor", "exec"):
		return c.fail("%s", c.msg("tcQdiscOnly", args[0]))
	default:
		fail = tcError(tcBad, "Object \"%s\" is unknown, try \"tc help\".", args[0])
	}
	if fail == nil {
		return 0
	}
	if fail.text != "" {
		fmt.Fprintln(c.Err, fail.text)
	}
	return fail.status
}

func tcQdisc(c *Cmd, args []string, stats bool) *tcFail {
	if len(args) == 0 {
		return tcList(c, nil, stats)
	}
	verb, rest := args[0], args[1:]
	m := c.S.m
	switch {
	case abbreviates(verb, "add"):
		return tcModify(c, rest, stack.QdiscRequest{Create: true, Excl: true}, m.ModifyQdisc)
	case abbreviates(verb, "change"):
		return tcModify(c, rest, stack.QdiscRequest{}, m.ModifyQdisc)
	case abbreviates(verb, "replace"):
		return tcModify(c, rest, stack.QdiscRequest{Create: true, Replace: true}, m.ModifyQdisc)
	case abbreviates(verb, "link"):
		return tcModify(c, rest, stack.QdiscRequest{Replace: true}, m.ModifyQdisc)
	case abbreviates(verb, "delete"):
		return tcModify(c, rest, stack.QdiscRequest{}, m.DeleteQdisc)
	case abbreviates(verb, "list", "show", "lst"):
		return tcList(c, rest, stats)
	case abbreviates(verb, "help"):
		return &tcFail{tcQdiscUsage, 0}
	}
	return tcError(tcBad, "Command \"%s\" is unknown, try \"tc qdisc help\".", verb)
}

// tcModify reads the rest of a command that changes a queue, and makes it.
func tcModify(c *Cmd, args []string, r stack.QdiscRequest, call func(stack.QdiscRequest) error) *tcFail {
	a := tcArgs(args)
	for ; len(a) > 0 && r.Kind == ""; a = a[1:] {
		var fail *tcFail
		switch w := a[0]; {
		case w == "dev" || w == "handle" || w == "parent" || w == "root":
			fail = a.place(&r)
		case w == "ingress" || w == "clsact" || abbreviates(w, "estimator") || abbreviates(w, "stab"):
			fail = tcError(tcBad, "%s", c.msg("tcNotHere", w))
		case abbreviates(w, "help"):
			return &tcFail{tcQdiscUsage, tcBad}
		default:
			r.Kind = w
		}
		if fail != nil {
			return fail
		}
	}
	if r.Kind != "" {
		var fail *tcFail
		if r.Options, fail = c.tcOptions(r.Kind, a); fail != nil {
			return fail
		}
	}
	if !c.mayConfigure() {
		return &tcFail{"", 1}
	}
	if r.Dev == "" {
		return tcError(2, "RTNETLINK answers: %v", stack.ENODEV)
	}
	return tcAnswer(c.configure(func() error { return call(r) }))
}

// place reads where a queue is: dev, handle, parent or root.
func (a *tcArgs) place(r *stack.QdiscRequest) *tcFail {
	w := (*a)[0]
	if w == "root" {
		if r.Parent != 0 {
			return tcError(tcBad, "Error: \"root\" is duplicate parent ID")
		}
		r.Parent = stack.QdiscRoot
		return nil
	}
	v, fail := a.next()
	if fail != nil {
		return fail
	}
	ok := true
	switch {
	case w == "dev" && r.Dev != "", w == "handle" && r.Handle != 0, w == "parent" && r.Parent != 0:
		return tcError(tcBad, "Error: duplicate \"%s\": \"%s\" is the second value.", w, v)
	case w == "dev":
		r.Dev = v
	case w == "handle":
		if r.Handle, ok = qdiscHandle(v); !ok {
			return tcError(tcBad, "Error: argument \"%s\" is wrong: invalid qdisc ID", v)
		}
	default:
		if r.Parent, ok = qdiscClass(v); !ok {
			return tcError(tcBad, "Error: argument \"%s\" is wrong: invalid parent ID", v)
		}
	}
	return nil
}

// tcAnswer is what tc says of the kernel's answer.
func tcAnswer(err error) *tcFail {
	var missing *stack.NoDeviceError
	var said *stack.QdiscError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return tcError(1, "Cannot find device \"%s\"", missing.Name)
	case errors.As(err, &said):
		return tcError(2, "Error: %s.", said.Text)
	}
	return tcError(2, "RTNETLINK answers: %v", err)
}

// qdiscHandle reads a handle: "1:", in hexadecimal.
func qdiscHandle(s string) (uint32, bool) {
	if s == "none" {
		return 0, true
	}
	major, _, _ := strings.Cut(s, ":")
	h, err := strconv.ParseUint(major, 16, 16)
	return uint32(h) << 16, err == nil
}

// qdiscClass reads the class of a queue: "1:1", "root" or "none".
func qdiscClass(s string) (uint32, bool) {
	switch s {
	case "root":
		return stack.QdiscRoot, true
	case "none":
		return 0, true
	}
	major, minor, colon := strings.Cut(s, ":")
	if !colon {
		h, err := strconv.ParseUint(s, 16, 32)
		return uint32(h), err == nil
	}
	var parts [2]uint64
	for i, p := range []string{major, minor} {
		if p == "" {
			continue
		}
		v, err := strconv.ParseUint(p, 16, 16)
		if err != nil {
			return 0, false
		}
		parts[i] = v
	}
	return uint32(parts[0]<<16 | parts[1]), true
}

// qdiscClassName prints a class (print_tc_classid).
func qdiscClassName(h uint32) string {
	switch {
	case h>>16 == 0:
		return fmt.Sprintf(":%x", h&0xffff)
	case h&0xffff == 0:
		return fmt.Sprintf("%x:", h>>16)
	}
	return fmt.Sprintf("%x:%x", h>>16, h&0xffff)
}
