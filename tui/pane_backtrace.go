// The backtrace of the selected step, or of the stop: gdb's frames, innermost
// first, with rules between them that say in which context the ones below run.

package tui

import (
	"fmt"
	"path"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"menuos/stack"
	"menuos/stack/debug"
	"menuos/stack/steps"
)

var wordsBacktrace = map[string]text{
	"backtrace.stop":    {"stopped at %s", "停在 %s"},
	"backtrace.event":   {"stopped in %s at %s", "停在 %s 中的 %s"},
	"backtrace.step":    {"step #%d %s", "步骤 #%d %s"},
	"backtrace.in":      {"in %s", "进程 %s"},
	"backtrace.on":      {"%s on %s", "%s,在 %s 的栈上"},
	"backtrace.folded":  {"%d frames: %s %s %s", "%d 帧:%s %s %s"},
	"backtrace.folded1": {"1 frame: %s", "1 帧:%s"},
	"backtrace.empty": {"Select a step to see how the machine came to it, or type b tcp_v4_rcv at (gdb) and hello at MenuOS>>.",
		"选中一个步骤,看机器如何走到那里;或在 (gdb) 输入 b tcp_v4_rcv,再在 MenuOS>> 输入 hello。"},
	"backtrace.none": {"No function of Linux was running at step #%d.", "步骤 #%d 发生时没有 Linux 函数在运行。"},
}

// frameText is a frame in gdb's words.
type frameText = debug.FrameText

// frameTexts writes a backtrace as gdb does. It waits for the machine.
func frameTexts(m *stack.Stack, frames []stack.Frame) (texts []frameText) {
	m.Read(func() { texts = debug.FrameTexts(m, frames) })
	return texts
}

// backtracePane keeps which frame is selected and which bands are folded, as long
// as the backtrace is the same.
type backtracePane struct {
	of     traceID
	sel    int          // frame
	folded map[int]bool // bands, by their innermost frame
	left   int          // cells scrolled to the right
	what   string       // what is searched for

	top    int
	reveal bool // the selection is to be in sight
	form   frameForm
	rows   []traceRow
	h      int // rows that show
}

// traceID tells backtraces apart.
type traceID struct {
	of   backtraceOf
	stop *stack.Stop
}

// traceRow is a line of the pane.
type traceRow struct {
	kind  rowKind
	band  int    // index of the band that it belongs to
	frame int    // the frame; of a band its innermost
	text  string // of a row of arguments
}

type rowKind int

const (
	rowBand rowKind = iota
	rowFolded
	rowFrame
	rowArgs // more of the frame above
)

// trace is what is drawn: gdb's frames, the user's included, and their bands.
type trace struct {
	frames []stack.Frame
	texts  []frameText
	bands  []steps.Band
}

func traceIn(sc *scene) *trace {
	t := &trace{frames: sc.frames, texts: sc.texts}
	if len(sc.texts) < len(sc.frames) { // on their way
		t.texts = nil
		for _, f := range sc.frames {
			t.texts = append(t.texts, frameText{Func: f.Func, At: fmt.Sprintf("%s:%d", f.File, f.Line)})
		}
	}
	for len(t.frames) < len(t.texts) {
		t.frames = append(t.frames[:len(t.frames):len(t.frames)], stack.Frame{Func: t.texts[len(t.frames)].Func})
	}
	if len(t.frames) > 0 {
		t.bands = steps.Bands(t.frames, sc.whose.comm, sc.whose.pid, sc.lang)
	}
	return t
}

// bandOf is the band of a frame.
func (t *trace) bandOf(frame int) int {
	for i, b := range t.bands {
		if frame >= b.From && frame < b.To {
			return i
		}
	}
	return 0
}

func (p *backtracePane) title(sc *scene) string {
	name := sc.say("pane.7")
	whose := whoseTrace(sc)
	if whose == "" {
		return name
	}
	return name + " " + sc.glyph.dot + " " + whose
}

// whoseTrace says whose the backtrace is: of which stop or step, in which context
// and on behalf of which task.
func whoseTrace(sc *scene) string {
	of := sc.whose
	what := ""
	switch {
	case len(sc.frames) == 0 && of.step == 0:
		return ""
	case of.step != 0:
		name := ""
		if s := sc.rec.get(of.step); s != nil {
			name = s.Name
		}
		what = strings.TrimSpace(sc.say("backtrace.step", of.step, name))
	case sc.stop != nil && sc.stop.Event != nil:
		what = sc.say("backtrace.event", sc.frames[0].Func, sc.stop.Event.Name)
	default:
		what = sc.say("backtrace.stop", sc.frames[0].Func)
	}
	task := of.comm
	if of.pid != 0 {
		task = fmt.Sprintf("%s/%d", of.comm, of.pid)
	}
	context, more, _ := strings.Cut(of.context, ",")
	switch {
	case context == "":
		return what
	case context == "process":
		task = sc.say("backtrace.in", task)
	default:
		task = sc.say("backtrace.on", context, task)
	}
	if more != "" {
		task += ", " + more
	}
	return what + " " + sc.glyph.dot + " " + task
}

// same forgets selection, folds and scroll if the backtrace is another one.
func (p *backtracePane) same(sc *scene, n int) {
	of := traceID{of: sc.whose}
	if sc.whose.step == 0 {
		of.stop = sc.stop
	}
	if of != p.of {
		*p = backtracePane{of: of, what: p.what, reveal: true}
	}
	p.sel = max(0, min(p.sel, n-1))
}

// wideFrames is from how many cells on a frame is a line of gdb's; below that its
// function and its place alone, and the arguments of the selected one.
const wideFrames = 70

func (p *backtracePane) draw(sc *scene, w, h int) []string {
	t := traceIn(sc)
	p.same(sc, len(t.frames))
	p.h = h
	if len(t.frames) == 0 {
		p.rows = nil
		return p.empty(sc, w, h)
	}
	p.layout(t, w)
	p.scroll(t)
	var lines []string
	for _, row := range p.rows[p.top:min(p.top+h, len(p.rows))] {
		line := p.row(sc, t, row, w)
		if p.isSelected(t, row) {
			line = sc.ink.selected.on(fit(ansi.Strip(line), w, sc.glyph.ellipsis))
		} else if row.kind != rowBand {
			line = paintMatches(sc.look, line, p.what)
		}
		lines = append(lines, line)
	}
	return lines
}

func (p *backtracePane) empty(sc *scene, w, h int) []string {
	say := sc.say("backtrace.empty")
	if sc.whose.step != 0 {
		if sc.texts == nil { // on its way
			return nil
		}
		say = sc.say("backtrace.none", sc.whose.step)
	}
	lines := fold(say, max(w, 1))
	for i := range lines {
		lines[i] = sc.ink.dim.on(cut(lines[i], w, sc.glyph.ellipsis))
	}
	return lines[:max(0, min(len(lines), h))]
}

// layout makes the rows.
func (p *backtracePane) layout(t *trace, w int) {
	p.form = formOf(t, w-p.numberW(t)-1, w)
	p.rows = p.rows[:0]
	for i, b := range t.bands {
		if p.folded[b.From] {
			p.rows = append(p.rows, traceRow{kind: rowFolded, band: i, frame: b.From})
			continue
		}
		p.rows = append(p.rows, traceRow{kind: rowBand, band: i, frame: b.From})
		for f := b.From; f < b.To; f++ {
			p.rows = append(p.rows, traceRow{kind: rowFrame, band: i, frame: f})
			if f != p.sel || p.left > 0 {
				continue
			}
			if _, whole := p.form.line(t.texts[f], w-p.numberW(t)-1, ""); whole {
				continue
			}
			for _, line := range fold(t.texts[f].Args, max(w-argIndent, 8)) {
				if line != "" {
					p.rows = append(p.rows, traceRow{kind: rowArgs, band: i, frame: f, text: line})
				}
			}
		}
	}
}

// argIndent is how far the arguments below a frame are indented.
const argIndent = 7

// scroll brings the selection into sight if it was moved, its arguments and the
// rule above it too if there is room.
func (p *backtracePane) scroll(t *trace) {
	first, last := -1, -1
	for i, row := range p.rows {
		if p.isSelected(t, row) || row.kind == rowArgs {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if p.reveal && first >= 0 {
		p.reveal = false
		if first > 0 && p.rows[first-1].kind == rowBand {
			first--
		}
		p.top = max(p.top, last-p.h+1)
		p.top = min(p.top, first)
	}
	p.top = max(0, min(p.top, len(p.rows)-p.h))
}

// numberW is the width of gdb's frame numbers.
func (p *backtracePane) numberW(t *trace) int { return len(frameNumber(len(t.frames) - 1)) }

func frameNumber(i int) string { return fmt.Sprintf("#%-2d ", i) }

// isSelected tells whether a row is painted as the selected one.
func (p *backtracePane) isSelected(t *trace, row traceRow) bool {
	switch row.kind {
	case rowFrame:
		return row.frame == p.sel
	case rowFolded:
		return t.bandOf(p.sel) == row.band
	}
	return false
}

// row is a line of the pane. Its first cell is left for the sign of selection.
func (p *backtracePane) row(sc *scene, t *trace, row traceRow, w int) string {
	mark := " "
	if p.isSelected(t, row) {
		mark = sc.glyph.selected
	}
	b := t.bands[row.band]
	switch row.kind {
	case rowBand:
		return bandRule(sc, b.Text, w)
	case rowFolded:
		said := sc.say("backtrace.folded1", t.texts[b.From].Func)
		if n := b.To - b.From; n > 1 {
			said = sc.say("backtrace.folded", n, t.texts[b.From].Func, sc.glyph.ellipsis, t.texts[b.To-1].Func)
		}
		return cut(mark+sc.ink.band.on(sc.glyph.folded+" "+b.Text)+" "+sc.ink.dim.on(sc.glyph.dot+" "+said), w, sc.glyph.ellipsis)
	case rowArgs:
		return cut(blank(argIndent)+sc.ink.plain.on(row.text), w, sc.glyph.ellipsis)
	}
	head := mark + sc.ink.number.on(fit(frameNumber(row.frame), p.numberW(t), ""))
	room := w - cells(head)
	text := t.texts[row.frame]
	if p.left > 0 {
		return cut(head+clip(paintFrame(sc.look, t, row.frame, text.String()), p.left, max(room, 0)), w, "")
	}
	line, _ := p.form.line(text, room, sc.glyph.ellipsis)
	return cut(head+paintFrame(sc.look, t, row.frame, line), w, sc.glyph.ellipsis)
}

// bandRule is the rule above the frames of a context.
func bandRule(sc *scene, text string, w int) string {
	g := sc.glyph
	text = cut(text, max(w-6, 1), g.ellipsis)
	line := strings.Repeat(g.horizontal, 2) + " "
	rest := strings.Repeat(g.horizontal, max(w-cells(line)-cells(text)-1, 0))
	return cut(sc.ink.rule.on(line)+sc.ink.band.on(text)+" "+sc.ink.rule.on(rest), w, "")
}

// frameForm is how much of a frame is written.
type frameForm int

const (
	frameWhole     frameForm = iota // gdb's line
	frameNoAddress                  // … without the address
	framePath                       // the function and, flush right, its place
	frameFile                       // … with the file's name alone
)

// addressFrames is from how many cells on there is room for addresses beside
// arguments.
const addressFrames = 136

// formOf chooses the form of all frames, so that they line up, for a pane of w
// cells with room for a frame in it.
func formOf(t *trace, room, w int) frameForm {
	short := 0 // frames whose path has no room
	whole := true
	for _, f := range t.texts {
		whole = whole && len(f.String()) <= room
		if len(f.Func)+1+len(f.At) > room {
			short++
		}
	}
	const few = 3
	switch {
	case whole || w >= addressFrames:
		return frameWhole
	case w >= wideFrames:
		return frameNoAddress
	case short <= few:
		return framePath
	}
	return frameFile
}

// line writes a frame in w cells; whole tells whether all arguments stand in it.
// Where there is no room for them they are cut; the place stays.
func (form frameForm) line(f frameText, w int, ellipsis string) (line string, whole bool) {
	if f.At == "" {
		return cut(f.String(), w, ellipsis), true
	}
	if form >= framePath {
		return form.short(f, w, ellipsis), f.Args == ""
	}
	if form == frameNoAddress {
		f.Addr = ""
	}
	if line = f.String(); len(line) <= w {
		return line, true
	}
	if room := w - (len(line) - len(f.Args)); room > 3 {
		f.Args = cut(f.Args, room, ellipsis)
		return f.String(), false
	}
	return framePath.short(f, w, ellipsis), false
}

// short is a frame's function and, flush right, its place.
func (form frameForm) short(f frameText, w int, ellipsis string) string {
	at := f.At
	if form == frameFile || cells(f.Func)+1+cells(at) > w {
		at = path.Base(at)
	}
	if cells(at)+8 > w {
		return cut(f.Func, w, ellipsis)
	}
	return fit(f.Func, w-cells(at)-1, ellipsis) + " " + at
}

// paintFrame gives the parts of a frame's line their inks.
func paintFrame(l *look, t *trace, i int, line string) string {
	f := t.frames[i]
	in := layerInk(l, steps.LayerOf(f.Func, f.File))
	before, rest := "", line
	if addr := t.texts[i].Addr + " in "; t.texts[i].Addr != "" && strings.HasPrefix(line, addr) {
		before, rest = l.ink.address.on(addr), line[len(addr):]
	}
	name, rest, _ := cutName(rest)
	args, at := rest, ""
	if k := strings.LastIndex(rest, " at "); k >= 0 {
		args, at = rest[:k], rest[k:]
	} else if k := strings.LastIndexByte(rest, ' '); k >= 0 && !strings.Contains(rest, "(") {
		args, at = rest[:k], rest[k:]
	}
	return before + in.on(name) + l.ink.plain.on(args) + l.ink.dim.on(at)
}

// cutName cuts a function's name from what follows it.
func cutName(s string) (name, rest string, ok bool) {
	if i := strings.IndexByte(s, ' '); i >= 0 {
		return s[:i], s[i:], true
	}
	return s, "", false
}

func layerInk(l *look, layer steps.Layer) ink {
	switch layer {
	case steps.LayerApp:
		return l.ink.entry
	case steps.LayerSocket:
		return l.ink.socket
	case steps.LayerTCP, steps.LayerUDP:
		return l.ink.tcp
	case steps.LayerIP:
		return l.ink.ip
	case steps.LayerDev:
		return l.ink.dev
	case steps.LayerDriver:
		return l.ink.driver
	}
	return l.ink.softirq
}
