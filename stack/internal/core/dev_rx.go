// The way of a packet from its device to its protocol (net/core/dev.c). Left
// out: steering between CPUs, GRO, XDP, VLANs and ingress filters.

package core

import "menuos/stack/internal/kernel"

// Bits of NapiStruct.state.
const (
	napiStateSched   = 1 << 0
	napiStateMissed  = 1 << 1
	napiStateDisable = 1 << 2
)

// NapiStruct is a source of packets that is polled (struct napi_struct). Poll
// handles up to budget packets and returns how many; if it finds fewer it calls
// NapiCompleteDone.
type NapiStruct struct {
	Poll   func(napi *NapiStruct, budget int) int
	Weight int
	Dev    *NetDevice

	state  uint8
	next   *NapiStruct
	queued bool
}

// napiList is a list of sources that wait to be polled.
type napiList struct{ first, last *NapiStruct }

func (l *napiList) addTail(n *NapiStruct) {
	n.next, n.queued = nil, true
	if l.last != nil {
		l.last.next = n
	} else {
		l.first = n
	}
	l.last = n
}

func (l *napiList) pop() *NapiStruct {
	n := l.first
	l.first = n.next
	if l.first == nil {
		l.last = nil
	}
	n.next, n.queued = nil, false
	return n
}

func (l *napiList) spliceTail(from napiList) {
	if from.first == nil {
		return
	}
	if l.last != nil {
		l.last.next = from.first
	} else {
		l.first = from.first
	}
	l.last = from.last
}

// softnetData is a CPU's queues (struct softnet_data).
type softnetData struct {
	noop            Qdisc // what a device has in place of a queue while it is down
	inputPktQueue   SkBuffHead
	processQueue    SkBuffHead
	pollList        napiList
	backlog         NapiStruct
	outputQueue     *Qdisc
	outputTail      *Qdisc
	completionQueue *SkBuff

	processed, dropped, timeSqueeze uint64
}

// SoftnetStat is a CPU's counters (/proc/net/softnet_stat).
func (n *Net) SoftnetStat() (processed, dropped, timeSqueeze uint64) {
	return n.softnet.processed, n.softnet.dropped, n.softnet.timeSqueeze
}

// DevAddPack registers a receiver of an ethertype (dev_add_pack).
func (n *Net) DevAddPack(pt *PacketType) { n.ptypes = append(n.ptypes, pt) }

// DevRemovePack takes it off again (dev_remove_pack).
func (n *Net) DevRemovePack(pt *PacketType) {
	for i, p := range n.ptypes {
		if p == pt {
			n.ptypes = append(n.ptypes[:i:i], n.ptypes[i+1:]...)
			return
		}
	}
}

func (n *Net) napiSchedule____(sd *softnetData, napi *NapiStruct) {
	kernel.Fentry1(&n.Kernel, napi) // ____napi_schedule net/core/dev.c:3966

	sd.pollList.addTail(napi)
	n.RaiseSoftirqIrqoff__(kernel.NetRxSoftirq) // :3967
}

// enqueueToBacklog queues a packet for this CPU's next receive softirq.
func (n *Net) enqueueToBacklog(skb *SkBuff, cpu int) int {
	kernel.Fentry2(&n.Kernel, skb, cpu) // enqueue_to_backlog net/core/dev.c:4251

	sd := &n.softnet
	qlen := sd.inputPktQueue.Qlen
	if NetifRunning(skb.Dev) && qlen <= n.Sysctl.NetdevMaxBacklog {
		if qlen == 0 && sd.backlog.state&napiStateSched == 0 {
			sd.backlog.state |= napiStateSched
			n.napiSchedule____(sd, &sd.backlog) // :4274
		}
		sd.inputPktQueue.QueueTail(skb)
		return NetRxSuccess
	}
	sd.dropped++
	skb.Dev.Stats.RxDropped++
	n.drop("CPU backlog full")
	n.KfreeSkb(skb) // :4286
	return NetRxDrop
}

func (n *Net) netTimestampCheck(skb *SkBuff) {
	if n.netstampNeeded && skb.Tstamp == 0 {
		skb.Tstamp = n.Now()
	}
}

func (n *Net) netifRxInternal(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // netif_rx_internal net/core/dev.c:4481

	n.netTimestampCheck(skb)
	if n.Trace != nil {
		n.traceSkb("netif_rx", skb, skb.Dev)
	}
	return n.enqueueToBacklog(skb, 0) // :4526
}

// NetifRx receives a packet from a driver that does not poll (netif_rx).
func (n *Net) NetifRx(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // netif_rx net/core/dev.c:4551

	return n.netifRxInternal(skb) // :4553
}

// NetifRxNi is NetifRx outside of interrupts: it runs the softirq at once
// (netif_rx_ni).
func (n *Net) NetifRxNi(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // netif_rx_ni net/core/dev.c:4564

	n.LocalBhDisable()
	err := n.netifRxInternal(skb) // :4567
	n.LocalBhEnable()             // :4569
	return err
}

// netifReceiveSkbCore__ finds who receives the packet; nil if nobody does, and
// then the packet is gone.
func (n *Net) netifReceiveSkbCore__(skb *SkBuff) (*PacketType, int) {
	kernel.Fentry1(&n.Kernel, skb) // __netif_receive_skb_core net/core/dev.c:4816

	n.netTimestampCheck(skb)
	skb.ResetNetworkHeader() // Linux traces first; the event is to have the packet
	if n.Trace != nil {
		n.traceSkb("netif_receive_skb", skb, skb.Dev)
	}
	if !skb.TransportHeaderWasSet() {
		skb.ResetTransportHeader()
	}
	skb.ResetMacLen()
	skb.SkbIif = skb.Dev.Ifindex
	n.softnet.processed++
	if len(n.Captures) > 0 {
		n.captureSkb(skb, skb.Dev, false)
	}
	var ptPrev *PacketType
	ret := NetRxDrop
	for _, pt := range n.ptypes {
		if pt.Type != skb.Protocol || pt.Dev != nil && pt.Dev != skb.Dev {
			continue
		}
		if ptPrev != nil {
			skb.Get()
			ret = ptPrev.Func(skb, skb.Dev, ptPrev, skb.Dev) // :1959
		}
		ptPrev = pt
	}
	if ptPrev == nil {
		skb.Dev.Stats.RxDropped++
		n.drop("unknown protocol")
		n.KfreeSkb(skb) // :4954
		ret = NetRxDrop
	}
	return ptPrev, ret
}

func (n *Net) netifReceiveSkbOneCore__(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // __netif_receive_skb_one_core net/core/dev.c:4966

	origDev := skb.Dev
	ptPrev, ret := n.netifReceiveSkbCore__(skb) // :4971
	if ptPrev != nil {
		ret = ptPrev.Func(skb, skb.Dev, ptPrev, origDev) // :4973
	}
	return ret
}

func (n *Net) netifReceiveSkb__(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // __netif_receive_skb net/core/dev.c:5067

	return n.netifReceiveSkbOneCore__(skb) // :5083
}

func (n *Net) netifReceiveSkbInternal(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // netif_receive_skb_internal net/core/dev.c:5155

	n.netTimestampCheck(skb)
	return n.netifReceiveSkb__(skb) // :5186
}

// NetifReceiveSkb receives a packet from a driver's poll (netif_receive_skb).
func (n *Net) NetifReceiveSkb(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // netif_receive_skb net/core/dev.c:5259

	return n.netifReceiveSkbInternal(skb) // :5261
}

// NapiGroReceive receives a packet from a driver's poll (napi_gro_receive).
// menuos does not merge packets, so that each arrives as it was sent.
func (n *Net) NapiGroReceive(napi *NapiStruct, skb *SkBuff) int {
	kernel.Fentry2(&n.Kernel, napi, skb) // napi_gro_receive net/core/dev.c:5693

	return n.napiSkbFinish(skb) // :5698
}

func (n *Net) napiSkbFinish(skb *SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // napi_skb_finish net/core/dev.c:5663

	return n.netifReceiveSkbInternal(skb) // :5665
}

// processBacklog polls the queue that netif_rx fills.
func (n *Net) processBacklog(napi *NapiStruct, quota int) int {
	kernel.Fentry2(&n.Kernel, napi, quota) // process_backlog net/core/dev.c:5905

	sd := &n.softnet
	work := 0
	napi.Weight = n.Sysctl.DevWeight * n.Sysctl.DevWeightRxBias
	for {
		for skb := sd.processQueue.Dequeue(); skb != nil; skb = sd.processQueue.Dequeue() {
			n.netifReceiveSkb__(skb) // :5923
			if work++; work >= quota {
				return work
			}
		}
		if sd.inputPktQueue.Empty() {
			napi.state = 0
			return work
		}
		sd.processQueue.SpliceTailInit(&sd.inputPktQueue)
	}
}

// flushBacklog frees the packets of a device that goes.
func (n *Net) flushBacklog(dev *NetDevice) {
	kernel.Fentry1(&n.Kernel, dev) // flush_backlog net/core/dev.c:5301

	for _, q := range [...]*SkBuffHead{&n.softnet.inputPktQueue, &n.softnet.processQueue} {
		for skb := q.First; skb != nil; {
			next := skb.Next
			if skb.Dev == dev {
				q.Unlink(skb)
				n.KfreeSkb(skb) // :5309
			}
			skb = next
		}
	}
}

// NetifNapiAdd readies a source of packets (netif_napi_add).
func (n *Net) NetifNapiAdd(dev *NetDevice, napi *NapiStruct, poll func(napi *NapiStruct, budget int) int, weight int) {
	*napi = NapiStruct{Poll: poll, Weight: weight, Dev: dev}
}

// NapiSchedulePrep reports whether the source is to be scheduled now; if it is
// being polled it will be polled again (napi_schedule_prep).
func NapiSchedulePrep(napi *NapiStruct) bool {
	if napi.state&napiStateDisable != 0 {
		return false
	}
	was := napi.state
	napi.state |= napiStateSched
	if was&napiStateSched != 0 {
		napi.state |= napiStateMissed
	}
	return was&napiStateSched == 0
}

// NapiSchedule lets the receive softirq poll a source (napi_schedule). Drivers
// call it from their interrupt.
func (n *Net) NapiSchedule(napi *NapiStruct) {
	kernel.Fentry1(&n.Kernel, napi) // napi_schedule include/linux/netdevice.h:443

	if NapiSchedulePrep(napi) {
		n.napiSchedule__(napi) // :444
	}
}

func (n *Net) napiSchedule__(napi *NapiStruct) {
	kernel.Fentry1(&n.Kernel, napi) // __napi_schedule net/core/dev.c:5966

	n.napiSchedule____(&n.softnet, napi) // :5967
}

// NapiCompleteDone ends a poll that found no more; false if more has come
// meanwhile (napi_complete_done).
func (n *Net) NapiCompleteDone(napi *NapiStruct, workDone int) bool {
	kernel.Fentry2(&n.Kernel, napi, workDone) // napi_complete_done net/core/dev.c:6027

	missed := napi.state&napiStateMissed != 0
	napi.state &^= napiStateMissed | napiStateSched
	if missed {
		napi.state |= napiStateSched
		n.napiSchedule__(napi) // :6069
		return false
	}
	return true
}

func (n *Net) napiPoll(napi *NapiStruct, repoll *napiList) int {
	kernel.Fentry1(&n.Kernel, napi) // napi_poll net/core/dev.c:6332

	weight := napi.Weight
	work := 0
	if napi.state&napiStateSched != 0 {
		work = napi.Poll(napi, weight) // :6346
	}
	if work < weight || napi.queued {
		return work
	}
	repoll.addTail(napi)
	return work
}

// netRxAction is the receive softirq: it polls the sources that have packets,
// for a limited number of packets and time.
func (n *Net) netRxAction() {
	kernel.Fentry0(&n.Kernel) // net_rx_action net/core/dev.c:6390

	sd := &n.softnet
	timeLimit := n.Jiffies() + uint64(max(n.Sysctl.NetdevBudgetUsecs/(1e6/kernel.HZ), 1))
	budget := n.Sysctl.NetdevBudget
	var repoll napiList
	list := sd.pollList
	sd.pollList = napiList{}
	for {
		if list.first == nil {
			if repoll.first == nil {
				return
			}
			break
		}
		budget -= n.napiPoll(list.pop(), &repoll) // :6412
		if budget <= 0 || n.Jiffies() >= timeLimit {
			sd.timeSqueeze++
			break
		}
	}
	list.spliceTail(sd.pollList)
	list.spliceTail(repoll)
	sd.pollList = list
	if list.first != nil {
		n.RaiseSoftirqIrqoff__(kernel.NetRxSoftirq) // :6431
	}
}
