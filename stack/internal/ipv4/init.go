// Bringing IP up (inet_init of net/ipv4/af_inet.c).

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// Init readies the machine up to and with IP. TCP registers itself afterwards.
func (n *Net) Init(cfg kernel.Config) {
	n.Net.Init(cfg)
	n.AddSources(kernel.Source{Package: "menuos/stack/internal/ipv4", FS: sourceFS})
	n.bindOnce()
	n.arpInit()
	n.ipRtInit()
	n.ipfragInit()
	n.initRaw()
	n.initUdp()
	n.initIcmp()
	n.DevAddPack(&core.PacketType{Type: wire.EtherTypeIPv4, Func: n.ipRcv})
	n.DevAddOffload(&core.PacketOffload{Type: wire.EtherTypeIPv4, GsoSegment: n.inetGsoSegment})
}

// bindOnce makes the function values that the layer passes around: a method value
// made on the way would allocate.
func (n *Net) bindOnce() {
	n.ok = okFns{
		ipRcvFinish:          n.ipRcvFinish,
		ipLocalDeliverFinish: n.ipLocalDeliverFinish,
		ipFinishOutput:       n.ipFinishOutput,
		ipFinishOutput2:      n.ipFinishOutput2,
		ipMcFinishOutput:     n.ipMcFinishOutput,
		ipForwardFinish:      n.ipForwardFinish,
		dstOutput:            n.DstOutput,
		ipReplyGlueBits:      n.ipReplyGlueBits,
	}
	ops := core.ProtoOps{
		Family:           core.AfInet,
		Release:          n.inetRelease,
		Bind:             n.inetBind,
		Accept:           n.noAccept,
		Getname:          n.inetGetname,
		Ioctl:            n.inetIoctl,
		Listen:           n.noListen,
		Shutdown:         n.inetShutdown,
		Connect:          n.inetDgramConnect,
		Setsockopt:       n.SockCommonSetsockopt,
		CompatSetsockopt: n.CompatSockCommonSetsockopt,
		CompatGetsockopt: n.CompatSockCommonGetsockopt,
		Getsockopt:       n.SockCommonGetsockopt,
		Sendmsg:          n.inetSendmsg,
		Recvmsg:          n.inetRecvmsg,
	}
	stream, dgram, raw := ops, ops, ops
	stream.Connect, stream.Accept, stream.Listen = n.inetStreamConnect, n.inetAccept, n.inetListen
	dgram.Poll = n.udpPoll
	raw.Poll = n.DatagramPoll
	n.InetStreamOps, n.InetDgramOps, n.InetSockrawOps = &stream, &dgram, &raw
}

// noAccept and noListen are accept and listen of datagram sockets
// (sock_no_accept, sock_no_listen).
func (n *Net) noAccept(sock, newsock *core.Socket, flags int, kern bool) int { return -core.EOPNOTSUPP }
func (n *Net) noListen(sock *core.Socket, backlog int) int                   { return -core.EOPNOTSUPP }
