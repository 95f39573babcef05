package shell

import (
	"math"
	"strconv"

	"menuos/stack"
)

// tcOptions reads the options of a kind of queue; nil options if there are none.
func (c *Cmd) tcOptions(kind string, a tcArgs) (any, *tcFail) {
	var o any
	var fail *tcFail
	switch kind {
	case "netem":
		o, fail = c.netemOptions(a)
	case "tbf":
		o, fail = tbfOptions(a)
	case "fq":
		o, fail = fqOptions(a)
	case "pfifo", "bfifo":
		if o, fail = fifoOptions(kind, a); len(a) == 0 {
			o = nil
		}
	case "pfifo_fast", "noqueue":
		if len(a) > 0 {
			return nil, tcError(tcBad, "qdisc '%s' does not support option parsing", kind)
		}
	default:
		if len(a) > 0 {
			return nil, tcError(tcBadOption, "Unknown qdisc \"%s\", hence option \"%s\" is unparsable", kind, a[0])
		}
	}
	if fail != nil {
		return nil, fail
	}
	return o, nil
}

func fifoOptions(kind string, a tcArgs) (*stack.FifoOptions, *tcFail) {
	const usage = "Usage: ... <[p|b]fifo | pfifo_head_drop> [ limit NUMBER ]"
	o := new(stack.FifoOptions)
	for ; len(a) > 0; a = a[1:] {
		switch a[0] {
		case "limit":
			v, fail := a.next()
			if fail != nil {
				return nil, fail
			}
			var ok bool
			if o.Limit, ok = parseSize(v); !ok {
				return nil, tcError(tcBadOption, "%s: Illegal value for \"limit\": \"%s\"", kind, v)
			}
		case "help":
			return nil, tcError(tcBadOption, "%s", usage)
		default:
			return nil, tcError(tcBadOption, "%s: unknown parameter \"%s\"\n%s", kind, a[0], usage)
		}
	}
	return o, nil
}

const tbfUsage = `Usage: ... tbf limit BYTES burst BYTES[/BYTES] rate KBPS [ mtu BYTES[/BYTES] ]
	[ peakrate KBPS ] [ latency TIME ] [ overhead BYTES ] [ linklayer TYPE ]`

// tbfOptions reads tbf's options. latency, the longest that a packet may wait, is
// another way to say limit.
func tbfOptions(a tcArgs) (*stack.TbfOptions, *tcFail) {
	o := new(stack.TbfOptions)
	latency := 0.0 // seconds
	for ; len(a) > 0; a = a[1:] {
		w := a[0]
		if w == "help" {
			return nil, tcError(tcBadOption, "%s", tbfUsage)
		}
		size := map[string]*uint32{"burst": &o.Burst, "buffer": &o.Burst, "maxburst": &o.Burst, "mtu": &o.Mtu, "minburst": &o.Mtu, "limit": &o.Limit}[w]
		rate := map[string]*uint64{"rate": &o.Rate, "peakrate": &o.PeakRate}[w]
		if size == nil && rate == nil && w != "latency" && w != "overhead" {
			return nil, tcError(tcBadOption, "tbf: unknown parameter \"%s\"\n%s", w, tbfUsage)
		}
		v, fail := a.next()
		if fail != nil {
			return nil, fail
		}
		twice, ok := false, false
		switch {
		case w == "limit" && latency > 0:
			return nil, tcError(tcBadOption, "tbf: specifying both \"latency\" and \"limit\" is not allowed")
		case w == "latency" && o.Limit > 0:
			return nil, tcError(tcBadOption, "tbf: specifying both \"limit\" and \"/latency\" is not allowed")
		case size != nil:
			twice = *size != 0
			*size, ok = parseSize(v)
		case rate != nil:
			twice = *rate != 0
			*rate, ok = parseRate(v)
		case w == "latency":
			twice = latency != 0
			d, good := tcTime(v, timeUnits)
			latency, ok = d.Seconds(), good
		default:
			n, err := strconv.ParseUint(v, 10, 16)
			o.Overhead, ok = uint16(n), err == nil
		}
		if twice {
			return nil, tcError(tcBadOption, "tbf: duplicate \"%s\" specification", tbfNames[w])
		}
		if !ok {
			return nil, tcError(tcBadOption, "tbf: illegal value for \"%s\": \"%s\"", w, v)
		}
	}
	if fail := tbfMissing(o, latency); fail != nil {
		return nil, fail
	}
	if o.Limit == 0 {
		limit := float64(o.Rate)*latency + float64(o.Burst)
		if o.PeakRate != 0 {
			limit = min(limit, float64(o.PeakRate)*latency+float64(o.Mtu))
		}
		o.Limit = uint32(min(limit, math.MaxUint32))
	}
	return o, nil
}

var tbfNames = map[string]string{
	"burst": "buffer/burst/maxburst", "buffer": "buffer/burst/maxburst", "maxburst": "buffer/burst/maxburst",
	"mtu": "mtu/minburst", "minburst": "mtu/minburst", "limit": "limit", "rate": "rate", "peakrate": "peakrate", "latency": "latency",
}

// tbfMissing says all that tbf cannot do without and has not been given.
func tbfMissing(o *stack.TbfOptions, latency float64) *tcFail {
	text := ""
	if o.Rate == 0 {
		text += "tbf: the \"rate\" parameter is mandatory.\n"
	}
	if o.Burst == 0 {
		text += "tbf: the \"burst\" parameter is mandatory.\n"
	}
	if o.PeakRate != 0 && o.Mtu == 0 {
		text += "tbf: when \"peakrate\" is specified, \"mtu\" must also be specified.\n"
	}
	if o.Limit == 0 && latency == 0 {
		text += "tbf: either \"limit\" or \"latency\" is required.\n"
	}
	if text == "" {
		return nil
	}
	return &tcFail{text + tbfUsage, tcBadOption}
}

const fqUsage = `Usage: ... fq [ limit PACKETS ] [ flow_limit PACKETS ]
              [ quantum BYTES ] [ initial_quantum BYTES ]
              [ maxrate RATE ] [ buckets NUMBER ]
              [ [no]pacing ] [ refill_delay TIME ]
              [ low_rate_threshold RATE ]
              [ orphan_mask MASK]
              [ ce_threshold TIME ]`

func fqOptions(a tcArgs) (*stack.FqOptions, *tcFail) {
	o := new(stack.FqOptions)
	counts := map[string]**uint32{"limit": &o.Limit, "flow_limit": &o.FlowLimit, "buckets": &o.BucketsLog, "quantum": &o.Quantum,
		"initial_quantum": &o.InitialQuantum, "orphan_mask": &o.OrphanMask}
	rates := map[string]**uint32{"maxrate": &o.MaxRate, "low_rate_threshold": &o.LowRateThreshold}
	times := map[string]**uint32{"refill_delay": &o.RefillDelay, "ce_threshold": &o.CeThreshold}
	for ; len(a) > 0; a = a[1:] {
		w := a[0]
		switch {
		case w == "pacing":
			o.RateEnable = new(uint32(1))
			continue
		case w == "nopacing":
			o.RateEnable = new(uint32(0))
			continue
		case w == "help":
			return nil, tcError(tcBadOption, "%s", fqUsage)
		case counts[w] == nil && rates[w] == nil && times[w] == nil:
			return nil, tcError(tcBadOption, "What is \"%s\"?\n%s", w, fqUsage)
		}
		v, fail := a.next()
		if fail != nil {
			return nil, fail
		}
		var n uint64
		var err error
		ok := true
		dst := counts[w]
		switch {
		case dst != nil:
			n, err = strconv.ParseUint(v, 0, 32)
			ok = err == nil
		case rates[w] != nil:
			dst = rates[w]
			n, ok = parseRate(v)
		default:
			dst = times[w]
			d, good := tcTime(v, timeUnits)
			n, ok = uint64(d.Microseconds()), good
		}
		if !ok || n > math.MaxUint32 {
			return nil, tcError(tcBadOption, "Illegal \"%s\"", w)
		}
		*dst = new(uint32(n))
	}
	if o.BucketsLog != nil {
		*o.BucketsLog = uint32(math.Ceil(math.Log2(float64(*o.BucketsLog))))
	}
	return o, nil
}

const netemUsage = `Usage: ... netem [ limit PACKETS ]
                 [ delay TIME [ JITTER [CORRELATION]]]
                 [ distribution {uniform|normal|pareto|paretonormal} ]
                 [ corrupt PERCENT [CORRELATION]]
                 [ duplicate PERCENT [CORRELATION]]
                 [ loss random PERCENT [CORRELATION]]
                 [ loss state P13 [P31 [P32 [P23 P14]]]
                 [ loss gemodel PERCENT [R [1-H [1-K]]]
                 [ ecn ]
                 [ reorder PERCENT [CORRELATION] [ gap DISTANCE ]]
                 [ rate RATE [PACKETOVERHEAD] [CELLSIZE] [CELLOVERHEAD]]`

// illegal is netem's word for a value that it cannot read.
func illegal(what string) *tcFail { return tcError(tcBadOption, "Illegal \"%s\"", what) }

// share reads a percentage and, if one follows, its correlation; has says that it
// does.
func (a *tcArgs) share(p, corr *uint32, what, corrWhat string) (has bool, fail *tcFail) {
	v, fail := a.next()
	if fail != nil {
		return false, fail
	}
	var ok bool
	if *p, ok = parsePercent(v); !ok {
		return false, illegal(what)
	}
	if !a.number(false) {
		return false, nil
	}
	v, _ = a.next()
	if *corr, ok = parsePercent(v); !ok {
		return false, illegal(corrWhat)
	}
	return true, nil
}

func (c *Cmd) netemOptions(a tcArgs) (*stack.NetemOptions, *tcFail) {
	o := &stack.NetemOptions{Limit: 1000}
	for ; len(a) > 0; a = a[1:] {
		if fail := c.netemOption(&a, o); fail != nil {
			return nil, fail
		}
	}
	switch {
	case o.Reorder != nil && o.Reorder.Probability != 0 && o.Latency == 0:
		return nil, tcError(tcBadOption, "reordering not possible without specifying some delay\n%s", netemUsage)
	case o.Reorder != nil && o.Reorder.Probability != 0:
		o.Gap = max(o.Gap, 1)
	case o.Gap > 0:
		return nil, tcError(tcBadOption, "gap specified without reorder probability\n%s", netemUsage)
	}
	if o.Ecn && o.Loss == 0 && o.LossModel == nil {
		return nil, tcError(tcBadOption, "ecn requested without loss model\n%s", netemUsage)
	}
	if o.DelayDist != nil && (o.Latency == 0 || o.Jitter == 0) {
		return nil, tcError(tcBadOption, "distribution specified but no latency and jitter values\n%s", netemUsage)
	}
	return o, nil
}

// netemOption reads one option of netem's with its values.
func (c *Cmd) netemOption(a *tcArgs, o *stack.NetemOptions) *tcFail {
	var corr stack.NetemCorrelation
	if o.Corr != nil {
		corr = *o.Corr
	}
	has, fail := false, (*tcFail)(nil)
	switch w := (*a)[0]; {
	case abbreviates(w, "limit"), abbreviates(w, "gap"):
		v, next := a.next()
		if next != nil {
			return next
		}
		var ok bool
		if abbreviates(w, "limit") {
			o.Limit, ok = parseSize(v)
		} else {
			n, err := strconv.ParseUint(v, 0, 32)
			o.Gap, ok = uint32(n), err == nil
		}
		if !ok {
			return illegal(map[bool]string{true: "limit", false: "gap"}[abbreviates(w, "limit")])
		}
	case abbreviates(w, "latency"), abbreviates(w, "delay"):
		has, fail = a.delay(o, &corr)
	case abbreviates(w, "loss"), abbreviates(w, "drop"):
		has, fail = a.loss(o, &corr)
	case abbreviates(w, "ecn"):
		o.Ecn = true
	case abbreviates(w, "reorder"):
		o.Reorder = new(stack.NetemProbability)
		has, fail = a.share(&o.Reorder.Probability, &o.Reorder.Correlation, "reorder", "reorder")
	case abbreviates(w, "corrupt"):
		o.Corrupt = new(stack.NetemProbability)
		has, fail = a.share(&o.Corrupt.Probability, &o.Corrupt.Correlation, "corrupt", "corrupt")
	case abbreviates(w, "duplicate"):
		has, fail = a.share(&o.Duplicate, &corr.Dup, "duplicate", "duplicate")
	case abbreviates(w, "distribution"):
		v, next := a.next()
		if next != nil {
			return next
		}
		if o.DelayDist = stack.NetemDistribution(v); o.DelayDist == nil {
			return tcError(tcBadOption, "No distribution data for %s (/usr/lib/tc//%s.dist: No such file or directory)", v, v)
		}
	case abbreviates(w, "rate"):
		fail = a.netemRate(o)
	case abbreviates(w, "slot"):
		return tcError(tcBadOption, "%s", c.msg("tcNotHere", "slot"))
	case w == "help":
		return tcError(tcBadOption, "%s", netemUsage)
	default:
		return tcError(tcBadOption, "What is \"%s\"?\n%s", w, netemUsage)
	}
	if has || o.Corr != nil {
		o.Corr = &corr
	}
	return fail
}

func (a *tcArgs) delay(o *stack.NetemOptions, corr *stack.NetemCorrelation) (has bool, fail *tcFail) {
	v, fail := a.next()
	if fail != nil {
		return false, fail
	}
	var ok bool
	if o.Latency, ok = tcTime(v, fineTimeUnits); !ok {
		return false, illegal("latency")
	}
	if !a.number(false) {
		return false, nil
	}
	v, _ = a.next()
	if o.Jitter, ok = tcTime(v, fineTimeUnits); !ok {
		return false, illegal("latency")
	}
	if !a.number(false) {
		return false, nil
	}
	v, _ = a.next()
	if corr.Delay, ok = parsePercent(v); !ok {
		return false, illegal("latency")
	}
	return true, nil
}

// loss reads one of the three models of loss.
func (a *tcArgs) loss(o *stack.NetemOptions, corr *stack.NetemCorrelation) (has bool, fail *tcFail) {
	if o.Loss > 0 || o.LossModel != nil {
		return false, illegal("duplicate loss argument\n")
	}
	if a.number(false) {
		return a.share(&o.Loss, &corr.Loss, "loss percent", "loss correlation")
	}
	model, fail := a.next()
	if fail != nil {
		return false, fail
	}
	switch model {
	case "random":
		return a.share(&o.Loss, &corr.Loss, "loss percent", "loss correlation")
	case "state":
		m := &stack.NetemLossModel{Model: stack.NetemLoss4States}
		o.LossModel = m
		p := &m.P
		fail = a.shares([]string{"loss p13", "loss p31", "loss p32", "loss p23", "loss p14"}, &p[0], &p[1], &p[2], &p[4], &p[3])
		return false, fail
	case "gemodel":
		m := &stack.NetemLossModel{Model: stack.NetemLossGilbEll}
		o.LossModel = m
		p := &m.P
		fail = a.shares([]string{"loss gemodel p", "loss gemodel r", "loss gemodel h", "loss gemodel k"}, &p[0], &p[1], &p[2], &p[3])
		return false, fail
	}
	return false, tcError(tcBadOption, "Unknown loss parameter: %s", model)
}

// shares reads the probabilities of a model of loss: the first, and as many more
// as there are. What is left out has its default: the second is what the first
// leaves, p23 is 100 %, all others nothing. gemodel's third is given as 1-h and
// kept as h.
func (a *tcArgs) shares(what []string, p ...*uint32) *tcFail {
	for i := range p {
		if i > 0 && !a.number(false) {
			break
		}
		v, fail := a.next()
		if fail != nil {
			return fail
		}
		var ok bool
		if *p[i], ok = parsePercent(v); !ok {
			return illegal(what[i])
		}
		switch {
		case i == 0:
			*p[1] = ^*p[0]
			if len(p) == 5 {
				*p[3] = math.MaxUint32
			}
		case i == 2 && len(p) == 4:
			*p[2] = ^*p[2]
		}
	}
	return nil
}

func (a *tcArgs) netemRate(o *stack.NetemOptions) *tcFail {
	v, fail := a.next()
	if fail != nil {
		return fail
	}
	r := new(stack.NetemRate)
	o.Rate = r
	var ok bool
	if r.Rate, ok = parseRate(v); !ok {
		return illegal("rate")
	}
	for i := 0; i < 3 && a.number(i != 1); i++ {
		v, _ = a.next()
		n, err := strconv.ParseInt(v, 0, 64)
		switch {
		case err != nil || n != int64(int32(n)) || i == 1 && n < 0:
			return illegal("rate")
		case i == 0:
			r.PacketOverhead = int32(n)
		case i == 1:
			r.CellSize = uint32(n)
		default:
			r.CellOverhead = int32(n)
		}
	}
	return nil
}
