// IP options (net/ipv4/ip_options.c). A socket keeps its options as the program
// gave them; they are parsed when a packet is built. Left out: source routes of
// received packets, which are refused, and CIPSO.

package ipv4

import (
	"encoding/binary"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// optError is where parsing failed, as an offset in the IP header; 0 is nowhere.
type optError = int

// ipOptionsOf parses options that ip_options_get accepted.
func ipOptionsOf(raw []byte) *IpOptions {
	opt := new(IpOptions)
	opt.Optlen = uint8(copy(opt.Data[:], raw))
	p := optParser{opt: opt, own: true}
	for at := 0; at < int(opt.Optlen); {
		if at = p.next(opt.Data[:opt.Optlen], at); at < 0 {
			break
		}
	}
	return opt
}

// sourceRouteDst is where a socket's packets to daddr go first: the first hop of
// its source route, if it has one.
func sourceRouteDst(inet *InetSock, daddr wire.Addr) wire.Addr {
	for o := inet.InetOpt; len(o) > 0 && o[0] != ipoptEnd; {
		switch {
		case o[0] == ipoptNoop:
			o = o[1:]
			continue
		case o[0] == ipoptLsrr || o[0] == ipoptSsrr:
			return wire.Addr(binary.BigEndian.Uint32(o[3:]))
		}
		o = o[o[1]:]
	}
	return daddr
}

// saveIpcb notes in a packet what its options are.
func (opt *IpOptions) saveIpcb(skb *core.SkBuff) {
	cb := &skb.Ipcb
	cb.Optlen, cb.Rr, cb.Ts, cb.Srr = opt.Optlen, opt.Rr, opt.Ts, opt.Srr
	cb.IsStrictRoute, cb.RouterAlert = opt.IsStrictroute, opt.RouterAlert
}

// ipOptionsBuild writes options behind the IP header of a packet to daddr, with
// the addresses and times that they record; is_frag leaves those out.
func (n *Net) ipOptionsBuild(skb *core.SkBuff, opt *IpOptions, daddr wire.Addr, rt *Rtable, isFrag bool) {
	kernel.Fentry4(&n.Kernel, skb, daddr, rt, isFrag) // ip_options_build net/ipv4/ip_options.c:47

	opt.saveIpcb(skb)
	iph := skb.Ip()
	copy(iph[wire.IPv4MinLen:], opt.Data[:opt.Optlen])
	if opt.Srr != 0 {
		o := iph[opt.Srr:]
		binary.BigEndian.PutUint32(o[o[1]-4:], uint32(daddr))
	}
	if isFrag {
		return
	}
	if opt.RrNeedaddr {
		o := iph[opt.Rr:]
		addr := n.ipRtGetSource(skb, rt) // :58
		binary.BigEndian.PutUint32(o[o[2]-5:], uint32(addr))
	}
	if opt.TsNeedaddr {
		o := iph[opt.Ts:]
		addr := n.ipRtGetSource(skb, rt) // :60
		binary.BigEndian.PutUint32(o[o[2]-9:], uint32(addr))
	}
	if opt.TsNeedtime {
		o := iph[opt.Ts:]
		binary.BigEndian.PutUint32(o[o[2]-5:], n.inetCurrentTimestamp())
	}
}

// inetCurrentTimestamp is the time of day in milliseconds
// (inet_current_timestamp); a machine boots at midnight.
func (n *Net) inetCurrentTimestamp() uint32 {
	return uint32(n.Now() % (24 * time.Hour) / time.Millisecond)
}

// IpOptionsEcho__ copies the options of a received packet that belong into an
// answer: record route and timestamp, which go on where they stopped.
func (n *Net) IpOptionsEcho__(dopt *IpOptions, skb *core.SkBuff, sopt *core.IpSkbCb) int {
	kernel.Fentry1(&n.Kernel, skb) // __ip_options_echo net/ipv4/ip_options.c:97

	*dopt = IpOptions{}
	if sopt.Optlen == 0 {
		return 0
	}
	iph := skb.Ip()
	for _, off := range [2]uint8{sopt.Rr, sopt.Ts} {
		if off == 0 {
			continue
		}
		o := iph[off:]
		if int(dopt.Optlen)+int(o[1]) > len(dopt.Data) {
			return -core.EINVAL
		}
		dopt.Optlen += uint8(copy(dopt.Data[dopt.Optlen:], o[:o[1]]))
	}
	for dopt.Optlen&3 != 0 {
		dopt.Data[dopt.Optlen] = ipoptEnd
		dopt.Optlen++
	}
	return 0
}

// ipOptionsFragment blots out the options that only a first fragment bears.
func (n *Net) ipOptionsFragment(skb *core.SkBuff) {
	kernel.Fentry1(&n.Kernel, skb) // ip_options_fragment net/ipv4/ip_options.c:210

	o := skb.Ip()[wire.IPv4MinLen : wire.IPv4MinLen+int(skb.Ipcb.Optlen)]
	for len(o) > 0 && o[0] != ipoptEnd {
		if o[0] == ipoptNoop {
			o = o[1:]
			continue
		}
		if len(o) < 2 || o[1] < 2 || int(o[1]) > len(o) {
			return
		}
		length := o[1]
		if o[0]&0x80 == 0 {
			for i := range o[:length] {
				o[i] = ipoptNoop
			}
		}
		o = o[length:]
	}
	skb.Ipcb.Ts, skb.Ipcb.Rr = 0, 0
}

// optParser goes through options one by one.
type optParser struct {
	opt     *IpOptions
	own     bool      // a program's, not a received packet's
	specDst wire.Addr // our address, for a received packet to record
	now     uint32    // for a received packet to record
	local   bool      // the address that a prespecified timestamp names is ours
}

// next parses the option at offset at of all and returns the offset of the one
// behind it, len(all) at the end, or -1-where if it is wrong, where counting from
// the start of the header.
func (p *optParser) next(all []byte, at int) int {
	o := all[at:]
	pos := wire.IPv4MinLen + at
	switch o[0] {
	case ipoptEnd:
		clear(o)
		return len(all)
	case ipoptNoop:
		return at + 1
	}
	if len(o) < 2 || o[1] < 2 || int(o[1]) > len(o) {
		return -1 - pos
	}
	o = o[:o[1]]
	bad := -1
	switch o[0] {
	case ipoptSsrr, ipoptLsrr:
		bad = p.srr(o, pos)
	case ipoptRr:
		bad = p.rr(o, pos)
	case ipoptTimestamp:
		bad = p.ts(o, pos)
	case ipoptRa:
		if len(o) < 4 {
			bad = 1
		} else if o[2] == 0 && o[3] == 0 {
			p.opt.RouterAlert = uint8(pos)
		}
	}
	if bad >= 0 {
		return -1 - pos - bad
	}
	return at + len(o)
}

// srr parses a source route. The first hop of a program's goes into opt.Faddr and
// the others move up.
func (p *optParser) srr(o []byte, pos int) int {
	opt := p.opt
	switch {
	case len(o) < 3:
		return 1
	case o[2] < 4:
		return 2
	case opt.Srr != 0:
		return 0
	}
	if p.own {
		if o[2] != 4 || len(o) < 7 || (len(o)-3)&3 != 0 {
			return 1
		}
		opt.Faddr = wire.Addr(binary.BigEndian.Uint32(o[3:]))
		copy(o[3:], o[7:])
	}
	opt.IsStrictroute = o[0] == ipoptSsrr
	opt.Srr = uint8(pos)
	return -1
}

// rr parses a record route option.
func (p *optParser) rr(o []byte, pos int) int {
	switch {
	case p.opt.Rr != 0:
		return 0
	case len(o) < 3:
		return 1
	case o[2] < 4:
		return 2
	}
	if int(o[2]) <= len(o) {
		if int(o[2])+3 > len(o) {
			return 2
		}
		if !p.own {
			binary.BigEndian.PutUint32(o[o[2]-1:], uint32(p.specDst))
			p.opt.IsChanged = true
		}
		o[2] += 4
		p.opt.RrNeedaddr = true
	}
	p.opt.Rr = uint8(pos)
	return -1
}

// ts parses a timestamp option.
func (p *optParser) ts(o []byte, pos int) int {
	switch {
	case p.opt.Ts != 0:
		return 0
	case len(o) < 4:
		return 1
	case o[2] < 5:
		return 2
	}
	kind := o[3] & 0xf
	switch {
	case int(o[2]) > len(o):
		if kind != ipoptTsPrespec {
			overflow := o[3] >> 4
			if overflow == 15 {
				return 3
			}
			if !p.own {
				o[3] = kind | (overflow+1)<<4
				p.opt.IsChanged = true
			}
		}
	case int(o[2])+3 > len(o), kind != ipoptTsTsonly && int(o[2])+7 > len(o):
		return 2
	default:
		p.stamp(o, kind)
	}
	p.opt.Ts = uint8(pos)
	return -1
}

// stamp fills the next slot of a timestamp option.
func (p *optParser) stamp(o []byte, kind byte) {
	slot := o[o[2]-1:]
	stamp := slot
	switch kind {
	case ipoptTsTsonly:
		o[2] += 4
	case ipoptTsTsandaddr:
		if !p.own {
			binary.BigEndian.PutUint32(slot, uint32(p.specDst))
		}
		p.opt.TsNeedaddr = true
		stamp = slot[4:]
		o[2] += 8
	case ipoptTsPrespec:
		if !p.local {
			return
		}
		stamp = slot[4:]
		o[2] += 8
	default:
		return
	}
	p.opt.TsNeedtime = true
	if !p.own {
		binary.BigEndian.PutUint32(stamp, p.now)
		p.opt.IsChanged = true
	}
}

// prespecified is the address that a timestamp option waits for, 0 if o is none.
func prespecified(o []byte) wire.Addr {
	if len(o) < 4 || o[0] != ipoptTimestamp || o[3]&0xf != ipoptTsPrespec || o[2] < 5 || int(o[2])+3 > len(o) {
		return 0
	}
	return wire.Addr(binary.BigEndian.Uint32(o[o[2]-1:]))
}

// ipOptionsCompile__ parses the options of a received packet, or with a nil skb
// those in opt that a program gave, and records what they ask to record. It
// returns where in the header they are wrong.
func (n *Net) ipOptionsCompile__(opt *IpOptions, skb *core.SkBuff) optError {
	kernel.Fentry1(&n.Kernel, skb) // __ip_options_compile net/ipv4/ip_options.c:258

	p := optParser{opt: opt, own: skb == nil, now: n.inetCurrentTimestamp()}
	all := opt.Data[:opt.Optlen]
	if skb != nil {
		all = skb.Ip()[wire.IPv4MinLen : wire.IPv4MinLen+int(opt.Optlen)]
		p.specDst = n.fibComputeSpecDst(skb) // :245
	}
	for at := 0; at < len(all); {
		p.local = false
		if addr := prespecified(all[at:]); addr != 0 {
			p.local = n.inetAddrType(addr) != RtnUnicast // :400
		}
		at = p.next(all, at)
		if at < 0 {
			return -1 - at
		}
	}
	return 0
}

// ipOptionsCompile is ipOptionsCompile__ that tells the sender of a packet what
// is wrong with its options.
func (n *Net) ipOptionsCompile(opt *IpOptions, skb *core.SkBuff) int {
	kernel.Fentry1(&n.Kernel, skb) // ip_options_compile net/ipv4/ip_options.c:483

	bad := n.ipOptionsCompile__(opt, skb) // :483
	if bad == 0 {
		return 0
	}
	if skb != nil {
		n.icmpSend(skb, int(wire.ICMPParameterProb), 0, uint32(bad)<<24) // :485
	}
	return -core.EINVAL
}

// ipOptionsGet checks the options that a program wants and returns them as a
// socket keeps them (ip_options_get).
func (n *Net) ipOptionsGet(data []byte) ([]byte, int) {
	kernel.Fentry0(&n.Kernel) // ip_options_get net/ipv4/ip_options.c:559

	if len(data) > 40 {
		return nil, -core.EINVAL
	}
	raw := append(make([]byte, 0, 40), data...)
	for len(raw)&3 != 0 {
		raw = append(raw, ipoptEnd)
	}
	var opt IpOptions
	opt.Optlen = uint8(copy(opt.Data[:], raw))
	if len(raw) != 0 && n.ipOptionsCompile(&opt, nil) != 0 { // :533
		return nil, -core.EINVAL
	}
	return raw, 0
}
