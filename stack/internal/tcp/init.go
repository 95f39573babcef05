// Bringing TCP up (tcp_init and tcp_sk_init of net/ipv4/tcp.c and tcp_ipv4.c,
// and TCP's part of inet_init): all tables of functions that lead here are made
// and registered once.

package tcp

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/ipv4"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Init readies the machine with TCP on it.
func (n *Net) Init(cfg kernel.Config) {
	n.Net.Init(cfg)
	n.AddSources(kernel.Source{Package: "menuos/stack/internal/tcp", FS: sourceFS})
	n.initHashinfo()
	n.initTimers()
	n.timerKinds.reqsk = kernel.TimerKind{Name: "reqsk", Runs: "reqsk_timer_handler", Func: n.reqskTimerHandler}
	n.timerKinds.timewait = kernel.TimerKind{Name: "timewait", Runs: "tw_timer_handler", Func: n.twTimerHandler}
	n.initOps()
	n.tcpMibInit()
	n.tcpMetricsInit()
	n.tcpRegisterCongestionControl(n.tcpReno())
	n.cubictcpRegister()
	n.tcpCongestionDefault()
	n.tcpTaskletInit()
	n.initSysctl()

	n.Csk = ipv4.CskOps{
		ListenStart: n.inetCskListenStart,
		SetState:    n.tcpSetState,
		ExtHdrLen:   n.changeExtHdrLen,
	}
	n.InetStreamOps.Poll = n.tcpPoll
	n.InetStreamOps.SetRcvlowat = n.tcpSetRcvlowat
	n.streamOps = n.InetStreamOps
	n.InetRegisterProtosw(&ipv4.Protosw{
		Type: core.SockStream, Protocol: int(wire.ProtoTCP), Prot: n.prot, Ops: n.streamOps,
		Flags: ipv4.InetProtoswPermanent | ipv4.InetProtoswIcsk,
	})
	n.InetAddProtocol(&ipv4.NetProtocol{
		EarlyDemux:              n.tcpV4EarlyDemux,
		Handler:                 n.tcpV4Rcv,
		ErrHandler:              n.tcpV4Err,
		NoPolicy:                true,
		IcmpStrictTagValidation: true,
	}, wire.ProtoTCP)
	n.InetAddOffload(&ipv4.NetOffload{GsoSegment: n.tcp4GsoSegment}, wire.ProtoTCP)

	ctl, err := n.InetCtlSockCreate(core.AfInet, core.SockRaw, int(wire.ProtoTCP))
	if err != 0 {
		panic("tcp: no control socket")
	}
	core.SockSetFlag(ctl, core.SockUseWriteQueue)
	ipv4.InetSk(ctl).Pmtudisc = core.IpPmtudiscDo // answers go with DF and identification 0
	n.ctlSk = ctl
}

// initOps makes the tables of functions.
func (n *Net) initOps() {
	n.prot = &core.Proto{
		Name:                "TCP",
		Close:               n.tcpClose,
		PreConnect:          n.tcpV4PreConnect,
		Connect:             n.tcpV4Connect,
		Disconnect:          n.tcpDisconnect,
		Accept:              n.inetCskAccept,
		Ioctl:               n.tcpIoctl,
		Init:                n.tcpV4InitSock,
		Destroy:             n.tcpV4DestroySock,
		Shutdown:            n.tcpShutdown,
		Setsockopt:          n.tcpSetsockopt,
		Getsockopt:          n.tcpGetsockopt,
		CompatSetsockopt:    n.compatTcpSetsockopt,
		CompatGetsockopt:    n.compatTcpGetsockopt,
		Keepalive:           n.tcpSetKeepalive,
		Sendmsg:             n.tcpSendmsg,
		Recvmsg:             n.tcpRecvmsg,
		BacklogRcv:          n.tcpV4DoRcv,
		ReleaseCb:           n.tcpReleaseCb,
		Hash:                n.inetHash,
		Unhash:              n.inetUnhash,
		GetPort:             n.inetCskGetPort,
		StreamMemoryFree:    func(sk *core.Sock) bool { return n.tcpStreamMemoryFree(sk, 0) },
		EnterMemoryPressure: n.tcpEnterMemoryPressure,
		LeaveMemoryPressure: n.tcpLeaveMemoryPressure,
		NewSock:             n.newSock,
		FreeSock:            n.freeSock,
		MaxHeader:           core.MaxTcpHeader,
		NoAutobind:          true,
	}
	n.afOps = &AfOps{
		QueueXmit:     n.IpQueueXmit,
		SendCheck:     n.tcpV4SendCheck,
		RebuildHeader: n.InetSkRebuildHeader,
		SkRxDstSet:    n.inetSkRxDstSet,
		ConnRequest:   n.tcpV4ConnRequest,
		SynRecvSock:   n.tcpV4SynRecvSock,
		NetHeaderLen:  wire.IPv4MinLen,
		SockaddrLen:   sockaddrInLen,
		Setsockopt:    n.IpSetsockopt,
		Getsockopt:    n.IpGetsockopt,
		Addr2sockaddr: n.inetCskAddr2sockaddr,
		MtuReduced:    n.tcpV4MtuReduced,
	}
	n.rskOps = &RequestSockOps{
		RtxSynAck:     n.tcpRtxSynack,
		SendAck:       n.tcpV4ReqskSendAck,
		SendReset:     n.tcpV4SendReset,
		Destructor:    n.tcpV4ReqskDestructor,
		SynAckTimeout: n.tcpSynAckTimeout,
	}
	n.reqOps = &tcpRequestSockOps{
		MssClamp:      tcpMssDefault,
		InitReq:       n.tcpV4InitReq,
		CookieInitSeq: n.cookieV4InitSequence,
		RouteReq:      n.tcpV4RouteReq,
		InitSeq:       n.tcpV4InitSeq,
		InitTsOff:     n.tcpV4InitTsOff,
		SendSynack:    n.tcpV4SendSynack,
	}
}

// initSysctl lets the protocol's own copies of its limits follow the knobs.
func (n *Net) initSysctl() {
	n.syncSysctl("")
	n.Sysctl.CheckCongestionControl = func(name string) bool { return n.tcpCaFind(name) != nil }
	changed := n.Sysctl.Changed
	n.Sysctl.Changed = func(name string) {
		if changed != nil {
			changed(name)
		}
		n.syncSysctl(name)
	}
}

// syncSysctl copies what has changed; all for the empty name.
func (n *Net) syncSysctl(name string) {
	s := &n.Sysctl
	for i := range s.TcpMem {
		n.prot.SysctlMem[i] = int64(s.TcpMem[i])
	}
	n.prot.SysctlWmem, n.prot.SysctlRmem = s.TcpWmem, s.TcpRmem
	n.twRow.sysctlMaxTwBuckets = s.TcpMaxTwBuckets
	if name == "net.ipv4.tcp_congestion_control" {
		n.TcpSetDefaultCongestionControl(s.TcpCongestionControl)
	}
}
