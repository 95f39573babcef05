// What a timer's row says, and in which columns.

package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"menuos/stack"
)

// housekeeping tells whether a timer is the kernel's own and no person's concern.
func housekeeping(t *stack.TimerInfo) bool {
	return t.Sock == 0 && t.Task == 0 && !t.Neigh.IsValid() && t.Kind != "ipfrag" && !strings.HasPrefix(t.Kind, "schedule_")
}

// timerName is what people call a timer, and how often it has had something sent
// again. One timer of a socket serves several purposes.
func timerName(sc *scene, t *stack.TimerInfo, k *stack.SockInfo) string {
	kind, retrans := t.Name, t.Retrans
	if k != nil && k.Timer != nil && k.Timer.Kind == t.Kind && t.Name == t.Kind {
		kind, retrans = k.Timer.Name, k.Timer.Retrans
	}
	if kind == "on" && t.Kind == "reqsk" {
		kind = t.Kind
	}
	if (kind == "keepalive" || kind == "timewait") && k != nil && k.State == "FIN-WAIT-2" {
		kind = "finwait2"
	}
	name := kind
	if _, ok := wordsTimers["timers.is."+kind]; ok {
		name = sc.say("timers.is." + kind)
	}
	if retrans > 0 {
		name += " x" + strconv.Itoa(retrans)
	}
	return name
}

// leftText is the time that is left, in ss's units, without digits that nobody
// can follow.
func leftText(sc *scene, d time.Duration) string {
	switch {
	case d <= 0:
		return sc.say("timers.due")
	case d < time.Millisecond:
		return fmt.Sprintf("%dus", max(d.Microseconds(), 1))
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%d.%dsec", d/time.Second, d%time.Second/(time.Second/10))
	case d < time.Minute:
		return fmt.Sprintf("%dsec", d/time.Second)
	case d < 10*time.Minute && d%time.Minute >= time.Second:
		return fmt.Sprintf("%dmin%dsec", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%dmin", d/time.Minute)
}

// ownerForm is how much of its owner a timer's row tells.
type ownerForm int

const (
	ownerNone  ownerForm = iota
	ownerPorts           // :60934>:5001
	ownerPeer            // :60934 > 10.9.9.9:5001; the address only if it is another host's
	ownerFull            // 127.0.0.1:60934 > 127.0.0.1:5001
	ownerForms
)

// timerOwner names a timer's owner, in all forms.
func timerOwner(sc *scene, t *stack.TimerInfo, k *stack.SockInfo) (forms [ownerForms]string) {
	word := "-"
	switch {
	case k != nil:
		local, peer := ":"+strconv.Itoa(int(k.Local.Port())), ":"+strconv.Itoa(int(k.Peer.Port()))
		forms[ownerPorts], forms[ownerPeer] = local+">"+peer, local+" > "+peer
		if k.Peer.Addr() != k.Local.Addr() {
			forms[ownerPeer] = local + " > " + k.Peer.String()
		}
		forms[ownerFull] = k.Local.String() + " > " + k.Peer.String()
		return forms
	case t.Neigh.IsValid():
		word = t.Neigh.String()
	case t.Task != 0:
		word = "pid " + strconv.Itoa(t.Task)
		for i := range sc.tasks {
			if sc.tasks[i].Pid == t.Task {
				word = sc.tasks[i].Comm + "/" + strconv.Itoa(t.Task)
			}
		}
	}
	for f := ownerPorts; f < ownerForms; f++ {
		forms[f] = word
	}
	return forms
}

// barMost is how wide the bars are at most.
const barMost = 24

// timerPlans are what rows may consist of, the richest first.
var timerPlans = []timerPlan{
	{ownerFull, 12, true, true},
	{ownerFull, 8, true, false},
	{ownerPeer, 8, true, false},
	{ownerPeer, 5, true, false},
	{ownerPorts, 5, true, false},
	{ownerPorts, 3, true, false},
	{ownerPeer, 6, false, false},
	{ownerPorts, 4, false, false},
	{ownerNone, 4, false, false},
	{ownerNone, 0, false, false},
}

// timerPlan is what rows consist of.
type timerPlan struct {
	owner      ownerForm
	bar        int // least width
	runs, kind bool
}

// timerText is a row's text.
type timerText struct {
	name, left, runs, kind string
	owner                  [ownerForms]string
}

// timerWidths are the columns' widths.
type timerWidths struct {
	timerPlan
	name, owner, left, runs, kind int
	narrow                        bool // there is not even room for the last plan
}

// leastLeft is how wide the column of times is at least, so that it does not
// move when a digit goes.
const leastLeft = 6

// planTimers lays out the columns for w cells.
func planTimers(texts []timerText, w int) timerWidths {
	var name, left, runs, kind int
	var owner [ownerForms]int
	for i := range texts {
		t := &texts[i]
		name, left = max(name, cells(t.name)), max(left, cells(t.left), leastLeft)
		runs, kind = max(runs, cells(t.runs)), max(kind, cells(t.kind))
		for f := range owner {
			owner[f] = max(owner[f], cells(t.owner[f]))
		}
	}
	for _, plan := range timerPlans {
		width := timerWidths{timerPlan: plan, name: name, owner: owner[plan.owner], left: left}
		need := 2 + name + 1 + left
		if plan.owner != ownerNone {
			need += 1 + width.owner
		}
		if plan.runs {
			width.runs = runs
			need += 1 + runs
		}
		if plan.kind {
			width.kind = kind
			need += 1 + kind
		}
		if plan.bar > 0 {
			need += 1 + plan.bar
		}
		if need <= w {
			if plan.bar > 0 {
				width.bar += min(w-need, barMost-plan.bar)
			}
			return width
		}
	}
	return timerWidths{name: max(0, w-3-left), left: left, narrow: true}
}

// line joins a row's columns.
func (width *timerWidths) line(sc *scene, t *timerText, bar string) string {
	line := fit(t.name, width.name, sc.glyph.ellipsis)
	if width.owner > 0 {
		line += " " + fit(t.owner[width.timerPlan.owner], width.owner, sc.glyph.ellipsis)
	}
	if width.bar > 0 {
		line += " " + bar
	}
	line += " " + flushRight(t.left, width.left, sc.glyph.ellipsis)
	if width.runs > 0 {
		line += " " + fit(t.runs, width.runs, sc.glyph.ellipsis)
	}
	if width.kind > 0 {
		line += " " + sc.ink.dim.on(t.kind)
	}
	return line
}

// paintBar is a bar with its filled and its empty part in their inks.
func paintBar(l *look, filled ink, w int, part float64) string {
	s := l.glyph.bar(w, part)
	i := strings.Index(s, l.glyph.empty)
	if i < 0 {
		return filled.on(s)
	}
	return filled.on(s[:i]) + l.ink.barEmpty.on(s[i:])
}
