package core

import (
	"embed"

	"menuos/stack/internal/kernel"
)

//go:embed *.go
var sourceFS embed.FS

// Net is the machine up to and with net/core (struct net, and what Linux keeps
// in global and per-CPU variables). The layers above embed it as their first
// field; there is one a machine.
type Net struct {
	kernel.Kernel

	Mib [MibMax]uint64 // counters, see snmp.go

	Devices     []*NetDevice // by ifindex
	Loopback    *NetDevice
	ArpTbl      NeighTable // IPv4's neighbours; arp.c sets its constructor
	softnet     softnetData
	sched       sched
	ptypes      []*PacketType
	offloads    []*PacketOffload
	netdevChain []func(event int, dev *NetDevice)
	hooks       [NfMaxHooks][]NfHookFn
	secret      [2]uint64 // key of secure_seq.go and of hashes
	tsSecret    [2]uint64
	lastIfindex int

	skbFree        *SkBuff // pools: see skbuff.go
	fcloneFree     *skbFclones
	headFree       [headClasses]*DataBuf
	pageFree       []*Page // of 32 KiB
	page0Free      []*Page // of 4 KiB
	made           PoolUse // what the pools have handed out for the first time
	skbID          uint64
	cookie         uint64
	eventSeq       uint64
	event          Event  // the one that is being told of
	eventRoom      []byte // for packets of events
	dropReason     string
	netstampNeeded bool

	// Every socket, request and TIME_WAIT remnant that exists, in the order of
	// creation, for snapshots.
	socks sockList

	Sysctl Sysctl

	// Trace, if set, hears of facts: see trace.go.
	Trace func(ev *Event)
	// TraceSnap is how much of a packet an event carries at most; 0 is all.
	TraceSnap int
	// Captures hear of every packet that a device sends or receives: see capture.go.
	Captures []*Capture

	// Functions that others point to, bound once, because binding allocates.
	// Packets' destructors may be compared with these (SameDestructor).
	SockWfreeFn, SockWfree__Fn, SockRfreeFn func(*SkBuff)
	SockEfreeFn, SockEdemuxFn               func(*SkBuff)
	SockRmemFreeFn                          func(*SkBuff)
	TcpWfreeFn                              func(*SkBuff) // set by TCP
	SkStreamWriteSpaceFn                    func(*Sock)
	DstDiscardFn                            func(*SkBuff) int
	DstDiscardOutFn                         func(*Net, *Sock, *SkBuff) int
	NeighHhOps                              *NeighOps // links with headers, resolved
	PfifoFastOps                            *QdiscOps

	ethHeaderOps     *HeaderOps
	neighBlackholeFn func(*Neighbour, *SkBuff) int
	neighTimer       kernel.TimerKind
	neighGc          kernel.TimerKind
	cb               struct {
		skDestruct                                          func(head any)
		wakeup, readable, writeSpace, errorReport, destruct func(*Sock)
		autoremove, receiver                                kernel.WaitFunc
	}
}

// sockList is a list of sockets in the order of creation.
type sockList struct {
	first, last *SockCommon
	n           int
}

// Init readies a machine that is embedded in another struct: the kernel under
// it, and net/core with the loopback device, which is down.
func (n *Net) Init(cfg kernel.Config) {
	n.Kernel.Init(cfg)
	n.AddSources(kernel.Source{Package: "menuos/stack/internal/core", FS: sourceFS})
	n.Sysctl.setDefaults()
	n.secret, n.tsSecret = n.RandomKey(), n.RandomKey()
	n.bind()
	n.netDevInit()
}

// bind makes the functions that others point to.
func (n *Net) bind() {
	n.SockWfreeFn, n.SockWfree__Fn = n.SockWfree, n.SockWfree__
	n.SockRfreeFn, n.SockEfreeFn = n.SockRfree, n.SockEfree
	n.SockEdemuxFn = n.SockEdemux
	n.SockRmemFreeFn = n.sockRmemFree
	n.SkStreamWriteSpaceFn = n.SkStreamWriteSpace
	n.DstDiscardFn, n.DstDiscardOutFn = n.dstDiscard, n.DstDiscardOut
	n.cb.wakeup, n.cb.readable = n.sockDefWakeup, n.sockDefReadable
	n.cb.writeSpace, n.cb.errorReport = n.sockDefWriteSpace, n.sockDefErrorReport
	n.cb.destruct = n.sockDefDestruct
	n.cb.skDestruct = n.skDestruct__
	n.cb.autoremove, n.cb.receiver = n.DefineWait().Func, n.receiverWakeFunction
	n.ethHeaderOps = &HeaderOps{Create: n.ethHeader, Cache: n.ethHeaderCache, CacheUpdate: n.ethHeaderCacheUpdate}
	n.neighBlackholeFn = n.neighBlackhole
	n.neighTimer = kernel.TimerKind{Name: "neigh", Runs: "neigh_timer_handler", Func: n.neighTimerHandler}
	n.neighGc = kernel.TimerKind{Name: "neighgc", Runs: "neigh_periodic_work", Func: n.neighPeriodicWork}
	n.NeighHhOps = &NeighOps{Output: n.NeighResolveOutput, ConnectedOutput: n.NeighResolveOutput}
	n.bindSched()
}

// netDevInit readies this CPU's queues and the loopback device (net_dev_init).
func (n *Net) netDevInit() {
	n.softnet.backlog = NapiStruct{Poll: n.processBacklog, Weight: n.Sysctl.DevWeight}
	n.OpenSoftirq(kernel.NetTxSoftirq, n.netTxAction)
	n.OpenSoftirq(kernel.NetRxSoftirq, n.netRxAction)
	n.ArpTbl.Id, n.ArpTbl.Protocol = "arp_cache", 0x0800
	n.NeighTableInit(&n.ArpTbl, &n.Sysctl.Neigh)
	n.loopbackNetInit()
}

// SockAdd lists a new socket, request or TIME_WAIT remnant and gives it its
// cookie, and an address if it has none.
func (n *Net) SockAdd(sk *SockCommon) {
	if sk.listed {
		panic("core: socket listed twice")
	}
	n.cookie++
	sk.Cookie = n.cookie
	if sk.addr == 0 {
		sk.addr = n.NewAddr(320)
	}
	sk.SkNet = n
	sk.listed = true
	sk.allPrev, sk.allNext = n.socks.last, nil
	if n.socks.last != nil {
		n.socks.last.allNext = sk
	} else {
		n.socks.first = sk
	}
	n.socks.last = sk
	n.socks.n++
}

// SockDel takes it off the list. Doing so twice does no harm.
func (n *Net) SockDel(sk *SockCommon) {
	if !sk.listed {
		return
	}
	sk.listed = false
	if sk.allPrev != nil {
		sk.allPrev.allNext = sk.allNext
	} else {
		n.socks.first = sk.allNext
	}
	if sk.allNext != nil {
		sk.allNext.allPrev = sk.allPrev
	} else {
		n.socks.last = sk.allPrev
	}
	sk.allPrev, sk.allNext = nil, nil
	n.socks.n--
}

// ForEachSock calls fn for every socket, request and TIME_WAIT remnant, oldest
// first. fn may take the one it is called with off the list.
func (n *Net) ForEachSock(fn func(sk *SockCommon)) {
	for sk := n.socks.first; sk != nil; {
		next := sk.allNext
		fn(sk)
		sk = next
	}
}

// SockCount is how many there are.
func (n *Net) SockCount() int { return n.socks.n }
