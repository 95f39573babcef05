// The recorded steps, as lines, as a ladder, and each with its backtrace.

package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/width"

	"menuos/stack"
	"menuos/stack/debug"
	"menuos/stack/steps"
)

// recordSize is how many steps are kept.
const recordSize = 4096

// stepRecord keeps the last steps, however often they are looked at.
type stepRecord struct {
	rec    *stack.Recorder // nil: nothing more is recorded
	rel    steps.Relative
	ladder steps.Ladder
	kept   []recorded // oldest first, numbers rising
	last   int        // number of the newest step
}

// recorded is a step with its number and its line.
type recorded struct {
	n    int
	lost uint64 // steps lost directly before it
	ev   stack.Event
	line steps.Line
}

// take fetches what has come since the last look.
func (r *stepRecord) take(s *Session) {
	if r.rec == nil {
		return
	}
	for _, st := range r.rec.Next() {
		r.last += 1 + int(st.Lost)
		line := r.rel.Describe(&st.Event, s.m.Frames(&st.Event), s.cfg.Lang)
		r.ladder.Add(r.last, &st.Event)
		r.kept = append(r.kept, recorded{r.last, st.Lost, st.Event, line})
	}
	if over := len(r.kept) - recordSize; over > 0 {
		r.kept = slices.Clone(r.kept[over:])
		r.ladder.Forget(r.kept[0].n)
	}
}

// find is the step with a number, nil if it is not kept.
func (r *stepRecord) find(n int) *recorded {
	i, ok := slices.BinarySearchFunc(r.kept, n, func(st recorded, n int) int { return st.n - n })
	if !ok {
		return nil
	}
	return &r.kept[i]
}

// kindGroups are names for several kinds of steps.
var kindGroups = map[string][]steps.Kind{
	"packets": {steps.Sent, steps.Received, steps.Dropped, steps.Retransmit},
	"timers":  {steps.TimerArmed, steps.TimerCancelled, steps.TimerFired},
}

// kindNames are the words that -t takes.
func kindNames() []string {
	var out []string
	for name := range kindGroups {
		out = append(out, name)
	}
	for _, k := range steps.Kinds() {
		if k != steps.Other {
			out = append(out, k.String())
		}
	}
	slices.Sort(out)
	return out
}

// kindsOf reads the words of -t; unknown is the first that is none.
func kindsOf(names []string) (kinds []steps.Kind, unknown string) {
	all := steps.Kinds()
	for _, name := range names {
		if group, ok := kindGroups[name]; ok {
			kinds = append(kinds, group...)
			continue
		}
		i := slices.IndexFunc(all, func(k steps.Kind) bool { return k != steps.Other && k.String() == name })
		if i < 0 {
			return nil, name
		}
		kinds = append(kinds, all[i])
	}
	return kinds, ""
}

func (c *Cmd) showSteps(args []string, o *showFlags) int {
	kinds, unknown := kindsOf(o.kinds)
	switch {
	case unknown != "":
		return c.usage("%s; %s", c.msg("what", unknown), c.msg("known", strings.Join(kindNames(), ", ")))
	case o.last < 0:
		return c.usage("%s", c.msg("badNumber", strconv.Itoa(o.last)))
	case len(args) == 1 && (o.last != 0 || kinds != nil):
		return c.usage("%s", c.msg("notFor", "steps "+args[0]))
	case len(args) == 1:
		return c.switchSteps(args[0])
	}
	r, ok := c.record()
	if !ok {
		return 1
	}
	shown := r.pick(kinds, o.last)
	if len(shown) == 0 {
		c.printf("%s\n", c.msg("nothing"))
		return 0
	}
	r.print(c, shown)
	return 0
}

// pick takes the steps of some kinds (nil: all), of them the last n (0: all).
// What was lost before a step that is left out counts with the next.
func (r *stepRecord) pick(kinds []steps.Kind, n int) []recorded {
	var out []recorded
	lost := uint64(0)
	for _, st := range r.kept {
		lost += st.lost
		if kinds == nil || slices.Contains(kinds, st.line.Kind) {
			st.lost, lost = lost, 0
			out = append(out, st)
		}
	}
	if n > 0 {
		out = out[max(len(out)-n, 0):]
	}
	return out
}

// switchSteps is show steps on, off, clear.
func (c *Cmd) switchSteps(what string) int {
	r := c.S.steps
	on := r != nil && r.rec != nil
	switch {
	case what == "on" && !on:
		c.startSteps()
		fallthrough
	case what == "on":
		c.printf("%s\n", c.msg("stepsOn"))
	case what == "off" && on:
		r.take(c.S)
		r.rec.Close()
		r.rec = nil
	case what == "clear":
		c.S.steps = nil
		if on {
			r.rec.Close()
			c.startSteps()
		}
	case what != "off":
		return c.usage("%s", c.msg("what", what))
	}
	return 0
}

func (c *Cmd) startSteps() {
	c.S.steps = &stepRecord{rec: c.S.m.Record(recordSize, steps.Snap, steps.Names...)}
}

// record is what has been recorded so far; if nothing is, it says how to begin.
func (c *Cmd) record() (*stepRecord, bool) {
	r := c.S.steps
	if r == nil {
		c.fail("%s", c.msg("noSteps"))
		return nil, false
	}
	r.take(c.S)
	return r, true
}

// print lists steps in columns. Steps that were lost have a line of their own.
func (r *stepRecord) print(c *Cmd, shown []recorded) {
	rows := make([][]string, len(shown))
	for i := range shown {
		rows[i] = r.columns(&shown[i])
	}
	var widths [4]int
	for _, row := range rows {
		for i := range widths {
			widths[i] = max(widths[i], cells(row[i]))
		}
	}
	if gone := r.kept[0].n - 1 - int(r.kept[0].lost); gone > 0 {
		c.printf("%s\n", c.msg("stepsGone", gone))
	}
	for i, row := range rows {
		if shown[i].lost > 0 {
			c.printf("%s\n", c.msg("stepsLost", shown[i].lost))
		}
		for j, w := range widths {
			c.printf("%s%*s  ", row[j], w-cells(row[j]), "")
		}
		c.printf("%s\n", row[len(row)-1])
	}
}

// columns are the parts of a step's line: number and time, end, context,
// function, what happened.
func (r *stepRecord) columns(st *recorded) []string {
	l := &st.line
	at := (st.ev.Time - r.kept[0].ev.Time).Seconds()
	return []string{fmt.Sprintf("#%-4d +%.6f", st.n, at), l.Mark + " " + l.Where, l.Context, l.By, l.What}
}

// cells is how many cells of a terminal a text takes.
func cells(s string) int {
	n := 0
	for _, c := range s {
		switch width.LookupRune(c).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// ladderWidth is how wide show ladder draws: a common terminal's width.
const ladderWidth = 80

func (c *Cmd) showLadder(args []string, ascii bool) int {
	var port uint64
	if len(args) == 1 {
		var err error
		if port, err = strconv.ParseUint(args[0], 10, 16); err != nil {
			return c.usage("%s", c.msg("badNumber", args[0]))
		}
	}
	r, ok := c.record()
	if !ok {
		return 1
	}
	drawn := 0
	marks := make(map[string]bool)
	for _, t := range r.ladder.Talks() {
		if port != 0 && uint64(t.Left.Port()) != port && uint64(t.Right.Port()) != port {
			continue
		}
		if drawn > 0 {
			c.printf("\n")
		}
		drawn++
		for _, row := range r.ladder.Rows(t.ID, 0, r.ladder.Len(t.ID), ladderWidth, ascii) {
			c.printf("%s\n", row.Text)
			marks["ladderAgain"] = marks["ladderAgain"] || row.Kind == steps.Retransmit
			marks["ladderLost"] = marks["ladderLost"] || row.Kind == steps.Dropped
			marks["ladderOpen"] = marks["ladderOpen"] || row.Open
		}
	}
	if drawn == 0 {
		c.printf("%s\n", c.msg("noLadder"))
	}
	var legend []string
	for _, key := range []string{"ladderAgain", "ladderLost", "ladderOpen"} {
		if marks[key] {
			legend = append(legend, c.msg(key))
		}
	}
	if legend != nil {
		c.printf("(%s)\n", strings.Join(legend, "; "))
	}
	return 0
}

var btCommand = &Command{
	Name: "bt", Usage: "[STEP]", Group: groupSockets,
	Summary: text{"the backtrace of the stop, or of a recorded step", "断点处或某一步的调用栈"},
	Help: text{"Without a number the backtrace of the stop, as gdb bt prints it. With the number of a step that show steps lists,\nthe backtrace of that moment; between its frames it says in which context they run.",
		"不带编号时显示断点处的调用栈,与 gdb bt 相同。给出 show steps 列出的编号时,显示那一刻的调用栈,\n并在栈帧之间标明所处的上下文。"},
	Run: runBt,
}

func runBt(c *Cmd) int {
	switch len(c.Args) {
	case 0:
		stop := c.S.m.Stopped()
		if stop == nil {
			return c.fail("%s %s", c.msg("noStop"), c.msg("btStep"))
		}
		for i, line := range c.frameTexts(stop.Frames) {
			c.printf("#%-2d %s\n", i, line)
		}
		return 0
	case 1:
	default:
		return c.usage("%s", c.msg("extra", c.Args[1]))
	}
	n, err := strconv.Atoi(c.Args[0])
	if err != nil {
		return c.usage("%s", c.msg("badNumber", c.Args[0]))
	}
	r, ok := c.record()
	if !ok {
		return 1
	}
	st := r.find(n)
	switch {
	case st != nil:
		c.printBacktrace(r, st)
		return 0
	case len(r.kept) == 0:
		return c.fail("%s", c.msg("noStep", n))
	}
	return c.fail("%s", c.msg("noStepOf", n, r.kept[0].n, r.last))
}

// printBacktrace prints a step and its frames, with a line where another context
// begins.
func (c *Cmd) printBacktrace(r *stepRecord, st *recorded) {
	c.printf("%s\n", strings.Join(slices.DeleteFunc(r.columns(st), func(s string) bool { return s == "" }), "  "))
	frames := c.S.m.Frames(&st.ev)
	lines := c.frameTexts(frames)
	if len(lines) > len(frames) { // the program below a system call
		frames = append(frames, stack.Frame{Func: lines[len(lines)-1].Func})
	}
	for _, band := range steps.Bands(frames, st.ev.Comm, st.ev.Pid, c.S.cfg.Lang) {
		c.printf("-- %s --\n", band.Text)
		for i := band.From; i < band.To; i++ {
			c.printf("#%-2d %s\n", i, lines[i])
		}
	}
}

// frameTexts is a backtrace as gdb prints it.
func (c *Cmd) frameTexts(frames []stack.Frame) (lines []debug.FrameText) {
	c.S.m.Still(func() { lines = debug.FrameTexts(c.S.m, frames) })
	return lines
}
