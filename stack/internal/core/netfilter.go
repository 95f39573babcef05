// Netfilter's hooks (include/linux/netfilter.h, net/netfilter/core.c). The
// recorded machine has connection tracking and tables at all of IPv4's hooks;
// here each hook has what is registered, which may be nothing, and accepts.

package core

import "menuos/stack/internal/kernel"

// Families, hooks of IPv4 and verdicts (include/uapi/linux/netfilter.h).
const (
	NfprotoIpv4 = 2
	NfprotoArp  = 3

	NfInetPreRouting  = 0
	NfInetLocalIn     = 1
	NfInetForward     = 2
	NfInetLocalOut    = 3
	NfInetPostRouting = 4
	NfMaxHooks        = 5

	NfDrop   = 0
	NfAccept = 1
	NfStolen = 2
)

// NfHookState is what a hook function knows besides the packet (struct
// nf_hook_state).
type NfHookState struct {
	Hook    uint
	Pf      uint8
	In, Out *NetDevice
	Sk      *Sock
}

// NfHookFn looks at a packet and says NfAccept, NfDrop (with a negative errno
// in the upper half, if not -EPERM) or NfStolen.
type NfHookFn func(skb *SkBuff, state NfHookState) uint32

// Okfn is what follows a hook that accepts.
type Okfn = func(net *Net, sk *Sock, skb *SkBuff) int

// NfRegisterNetHook appends a function to a hook of IPv4
// (nf_register_net_hook).
func (n *Net) NfRegisterNetHook(hook uint, fn NfHookFn) { n.hooks[hook] = append(n.hooks[hook], fn) }

// NfHook runs the functions of a hook; 1 means that the packet goes on
// (nf_hook).
func (n *Net) NfHook(pf uint8, hook uint, net *Net, sk *Sock, skb *SkBuff, indev, outdev *NetDevice, okfn Okfn) int {
	kernel.Fentry5(&n.Kernel, pf, hook, skb, indev, outdev) // nf_hook include/linux/netfilter.h:209

	if pf != NfprotoIpv4 {
		return 1
	}
	state := NfHookState{Hook: hook, Pf: pf, In: indev, Out: outdev, Sk: sk}
	return n.nfHookSlow(skb, state, n.hooks[hook], 0) // :244
}

func (n *Net) nfHookSlow(skb *SkBuff, state NfHookState, e []NfHookFn, s uint) int {
	kernel.Fentry1(&n.Kernel, skb) // nf_hook_slow net/netfilter/core.c:510

	for ; s < uint(len(e)); s++ {
		verdict := e[s](skb, state) // :511
		switch verdict & 0xff {
		case NfAccept:
		case NfDrop:
			n.drop("netfilter")
			n.KfreeSkb(skb) // :516
			if err := int(int16(verdict >> 16)); err != 0 {
				return err
			}
			return -EPERM
		default:
			return 0
		}
	}
	return 1
}

// NFHOOK calls okfn if the hook lets the packet go on (NF_HOOK).
func (n *Net) NFHOOK(pf uint8, hook uint, net *Net, sk *Sock, skb *SkBuff, in, out *NetDevice, okfn Okfn) int {
	kernel.Fentry5(&n.Kernel, pf, hook, net, sk, skb) // NF_HOOK include/linux/netfilter.h:283

	ret := n.NfHook(pf, hook, net, sk, skb, in, out, okfn) // :287
	if ret == 1 {
		ret = okfn(net, sk, skb) // :289
	}
	return ret
}

// NFHOOKCOND is NFHOOK that asks the hook only if cond holds (NF_HOOK_COND).
func (n *Net) NFHOOKCOND(pf uint8, hook uint, net *Net, sk *Sock, skb *SkBuff, in, out *NetDevice, okfn Okfn, cond bool) int {
	kernel.Fentry5(&n.Kernel, pf, hook, net, sk, skb) // NF_HOOK_COND include/linux/netfilter.h:276

	ret := 1
	if cond {
		ret = n.NfHook(pf, hook, net, sk, skb, in, out, okfn) // :277
	}
	if ret == 1 {
		ret = okfn(net, sk, skb) // :278
	}
	return ret
}
