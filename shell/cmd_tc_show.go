package shell

import (
	"fmt"
	"strings"
	"time"

	"menuos/stack"
)

// tcList is tc qdisc show.
func tcList(c *Cmd, args []string, stats bool) *tcFail {
	var r stack.QdiscRequest
	for a := tcArgs(args); len(a) > 0; a = a[1:] {
		w := a[0]
		switch {
		case w == "dev":
			r.Dev = "" // the last one counts
		case w == "root":
		case abbreviates(w, "parent"):
			a[0] = "parent"
		case abbreviates(w, "handle"):
			a[0] = "handle"
		case w == "ingress" || w == "clsact":
			return tcError(tcBad, "%s", c.msg("tcNotHere", w))
		case abbreviates(w, "help"):
			return &tcFail{tcQdiscUsage, tcBad}
		case w == "invisible":
			continue
		default:
			return tcError(tcBad, "What is \"%s\"? Try \"tc qdisc help\".", w)
		}
		if w != "dev" && r.Parent != 0 {
			return tcError(tcBad, "Error: argument \"%s\" is wrong: parent is already specified", w)
		}
		if w != "dev" && r.Handle != 0 {
			return tcError(tcBad, "Error: argument \"%s\" is wrong: handle is already specified", w)
		}
		if fail := a.place(&r); fail != nil {
			return fail
		}
	}
	found := r.Dev == ""
	for _, i := range c.S.m.Ifaces() {
		found = found || i.Name == r.Dev
	}
	if !found {
		return tcError(1, "Cannot find device \"%s\"", r.Dev)
	}
	for _, q := range c.S.m.Qdiscs() {
		if r.Dev != "" && q.Dev != r.Dev || r.Parent != 0 && q.Parent != r.Parent || r.Handle != 0 && q.Handle != r.Handle {
			continue
		}
		c.printf("%s", qdiscText(&q, r.Dev == ""))
		if stats {
			c.printf("%s", qdiscStats(&q))
		}
	}
	return nil
}

// qdiscText is a queue as tc lists it.
func qdiscText(q *stack.Qdisc, dev bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "qdisc %s %x: ", q.Kind, q.Handle>>16)
	if dev {
		fmt.Fprintf(&b, "dev %s ", q.Dev)
	}
	if q.Parent == stack.QdiscRoot {
		b.WriteString("root ")
	} else if q.Parent != 0 {
		fmt.Fprintf(&b, "parent %s ", qdiscClassName(q.Parent))
	}
	if q.Refs != 1 {
		fmt.Fprintf(&b, "refcnt %d ", q.Refs)
	}
	switch o := q.Options.(type) {
	case *stack.NetemOptions:
		b.WriteString(netemText(o))
	case *stack.TbfOptions:
		b.WriteString(tbfText(o))
	case *stack.FqOptions:
		b.WriteString(fqText(o))
	case *stack.FifoOptions:
		if q.Kind == "bfifo" {
			fmt.Fprintf(&b, "limit %s", sizeText(o.Limit))
		} else {
			fmt.Fprintf(&b, "limit %dp", o.Limit)
		}
	case *stack.PfifoFastOptions:
		fmt.Fprintf(&b, "bands %d priomap ", o.Bands)
		for i := range len(o.Priomap) {
			fmt.Fprintf(&b, " %d", o.Priomap[i])
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// qdiscStats is what tc -s adds.
func qdiscStats(q *stack.Qdisc) string {
	s := fmt.Sprintf(" Sent %d bytes %d pkt (dropped %d, overlimits %d requeues %d) \n backlog %s %dp requeues %d\n",
		q.Bytes, q.Packets, q.Drops, q.Overlimits, q.Requeues, sizeText(uint32(q.Backlog)), q.Qlen, q.Requeues)
	if st, ok := q.Own.(*stack.FqStats); ok {
		s += fqStats(st)
	}
	return s
}

func netemText(o *stack.NetemOptions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "limit %d", o.Limit)
	if ticks(o.Latency) != 0 {
		fmt.Fprintf(&b, " delay %s", timeText(ticksToUsec(ticks(o.Latency))))
		if ticks(o.Jitter) != 0 {
			fmt.Fprintf(&b, "  %s%s", timeText(ticksToUsec(ticks(o.Jitter))), correlationText(o.Corr.Delay))
		}
	}
	if o.Loss != 0 {
		fmt.Fprintf(&b, " loss %s%s", percentText(o.Loss), correlationText(o.Corr.Loss))
	}
	if l := o.LossModel; l != nil {
		p := l.P
		if l.Model == stack.NetemLoss4States {
			fmt.Fprintf(&b, " loss state p13 %s p31 %s p32 %s p23 %s p14 %s",
				percentText(p[0]), percentText(p[1]), percentText(p[2]), percentText(p[4]), percentText(p[3]))
		} else {
			fmt.Fprintf(&b, " loss gemodel p %s r %s 1-h %s 1-k %s",
				percentText(p[0]), percentText(p[1]), percentText(^p[2]), percentText(p[3]))
		}
	}
	if o.Duplicate != 0 {
		fmt.Fprintf(&b, " duplicate %s%s", percentText(o.Duplicate), correlationText(o.Corr.Dup))
	}
	if o.Reorder.Probability != 0 {
		fmt.Fprintf(&b, " reorder %s%s", percentText(o.Reorder.Probability), correlationText(o.Reorder.Correlation))
	}
	if o.Corrupt.Probability != 0 {
		fmt.Fprintf(&b, " corrupt %s%s", percentText(o.Corrupt.Probability), correlationText(o.Corrupt.Correlation))
	}
	if r := o.Rate; r.Rate != 0 {
		fmt.Fprintf(&b, " rate %s", rateText(r.Rate))
		if r.PacketOverhead != 0 {
			fmt.Fprintf(&b, " packetoverhead %d", r.PacketOverhead)
		}
		if r.CellSize != 0 {
			fmt.Fprintf(&b, " cellsize %d", r.CellSize)
		}
		if r.CellOverhead != 0 {
			fmt.Fprintf(&b, " celloverhead %d", r.CellOverhead)
		}
	}
	if o.Ecn {
		b.WriteString(" ecn ")
	}
	if o.Gap != 0 {
		fmt.Fprintf(&b, " gap %d", o.Gap)
	}
	return b.String()
}

func correlationText(v uint32) string {
	if v == 0 {
		return ""
	}
	return " " + percentText(v)
}

func tbfText(o *stack.TbfOptions) string {
	var b strings.Builder
	bytesIn := func(rate uint64, d time.Duration) uint32 { // tc_calc_xmitsize
		return uint32(float64(rate) * float64(ticksToUsec(ticks(d))) / 1e6)
	}
	fmt.Fprintf(&b, "rate %s burst %s ", rateText(o.Rate), sizeText(bytesIn(o.Rate, o.Buffer)))
	if o.PeakRate != 0 {
		fmt.Fprintf(&b, "peakrate %s ", rateText(o.PeakRate))
		if ticks(o.MtuTime) != 0 {
			fmt.Fprintf(&b, "minburst %s ", sizeText(bytesIn(o.PeakRate, o.MtuTime)))
		}
	}
	latency := 1e6*(float64(o.Limit)/float64(o.Rate)) - float64(ticksToUsec(ticks(o.Buffer)))
	if o.PeakRate != 0 {
		latency = max(latency, 1e6*(float64(o.Limit)/float64(o.PeakRate))-float64(ticksToUsec(ticks(o.MtuTime))))
	}
	if latency >= 0 {
		fmt.Fprintf(&b, "lat %s ", timeText(uint32(latency)))
	} else {
		fmt.Fprintf(&b, "limit %s ", sizeText(o.Limit))
	}
	if o.Overhead != 0 {
		fmt.Fprintf(&b, "overhead %d ", o.Overhead)
	}
	return b.String()
}

func fqText(o *stack.FqOptions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "limit %dp flow_limit %dp buckets %d orphan_mask %d ", *o.Limit, *o.FlowLimit, 1<<*o.BucketsLog, *o.OrphanMask)
	if *o.RateEnable == 0 {
		b.WriteString("nopacing ")
	}
	fmt.Fprintf(&b, "quantum %d initial_quantum %d ", *o.Quantum, *o.InitialQuantum)
	if *o.MaxRate != ^uint32(0) {
		fmt.Fprintf(&b, "maxrate %s ", rateText(uint64(*o.MaxRate)))
	}
	if *o.LowRateThreshold != 0 {
		fmt.Fprintf(&b, "low_rate_threshold %s ", rateText(uint64(*o.LowRateThreshold)))
	}
	fmt.Fprintf(&b, "refill_delay %s ", timeText(*o.RefillDelay))
	if *o.CeThreshold != ^uint32(0) {
		fmt.Fprintf(&b, "ce_threshold %s ", timeText(*o.CeThreshold))
	}
	return b.String()
}

func fqStats(st *stack.FqStats) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %d flows (%d inactive, %d throttled)", st.Flows, st.InactiveFlows, st.ThrottledFlows)
	if st.TimeNextDelayedFlow > 0 {
		fmt.Fprintf(&b, ", next packet delay %d ns", st.TimeNextDelayedFlow)
	}
	fmt.Fprintf(&b, "\n  %d gc, %d highprio, %d throttled", st.GcFlows, st.HighprioPackets, st.Throttled)
	if st.UnthrottleLatency != 0 {
		fmt.Fprintf(&b, ", %d ns latency", st.UnthrottleLatency)
	}
	if st.CeMark != 0 {
		fmt.Fprintf(&b, ", %d ce_mark", st.CeMark)
	}
	if st.FlowsPlimit != 0 {
		fmt.Fprintf(&b, ", %d flows_plimit", st.FlowsPlimit)
	}
	if st.PktsTooLong != 0 {
		fmt.Fprintf(&b, "\n  %d too long pkts, 0 alloc errors", st.PktsTooLong)
	}
	b.WriteByte('\n')
	return b.String()
}
