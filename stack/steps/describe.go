// A step as a line of a list.

package steps

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"menuos/stack"
	"menuos/stack/wire"
)

// Line is a step in the columns that a list shows.
type Line struct {
	Kind    Kind
	Mark    string // the kind's sign, one ASCII character
	Where   string // whose end of the connection: "127.0.0.1:5001"; "-": nobody's
	What    string // "S 0:0(0) win 43690 <…>", "SYN-SENT -> ESTAB"
	Context string // "connect hello/1", "softirq on hello/1", "timer"
	By      string // the function that brought it about, "" without frames
}

// Describe tells a step. frames are its backtrace (Stack.Frames); without them
// the context is told less exactly and By is empty. Steps must come in the order
// in which they happened.
func (r *Relative) Describe(ev *stack.Event, frames []stack.Frame, lang string) Line {
	kind := KindOf(ev)
	l := Line{Kind: kind, Mark: kind.Mark(), Where: hostPort(r.where(ev)), Context: Context(ev, frames, lang), By: Cause(frames)}
	seg, ok := SegmentOf(ev, r)
	packet := seg.Text
	if !ok && ev.SkbID != 0 {
		packet = fmt.Sprintf("%s (%d)", etherName(ev.Protocol), ev.SkbLen)
	}
	switch kind {
	case Sent:
		l.What = packet
		if ok {
			l.Where = hostPort(seg.Src)
			r.sent.put(ev.SkbID, seg.Text)
		}
	case Received:
		l.What = packet
		if ok {
			l.Where = hostPort(seg.Dst)
		}
	case Dropped:
		if ok && seg.Src != r.where(ev) {
			l.Where = hostPort(seg.Dst)
		}
		l.What = dropped(ev, packet, l.By, lang)
	case State:
		l.What = fmt.Sprintf("%s -> %s", stack.StateName(ev.OldState), stack.StateName(ev.NewState))
		if l.By == "tcp_time_wait" {
			l.What = say(lang, "remnant", l.What)
		}
	case Retransmit:
		what, known := r.sent.get(ev.SkbID)
		if !known {
			what = say(lang, "segment")
		}
		l.What = say(lang, "again", what)
	case Reset:
		l.What = reset(ev, packet, lang)
		if ok && ev.Sock.Cookie == 0 {
			l.Where = hostPort(seg.Dst)
		}
	case TimerArmed:
		l.What = say(lang, "armed", ev.Timer, max(ev.Expires-ev.Time, 0).Round(time.Microsecond), ev.Runs)
	case TimerCancelled:
		l.What = say(lang, "cancelled", ev.Timer)
	case TimerFired:
		l.What = say(lang, "fired", ev.Timer, ev.Runs)
	case Wakeup:
		l.What = say(lang, "wakes", ev.Reason)
	case Destroyed:
		l.What = say(lang, "destroyed")
	case Other:
		l.What = strings.TrimSpace(ev.Name + " " + seg.Text)
	}
	return l
}

// etherName names a protocol that is not read further.
func etherName(ethertype uint16) string {
	if ethertype == wire.EtherTypeARP {
		return "arp"
	}
	return fmt.Sprintf("ethertype 0x%04x", ethertype)
}

// purges are the functions that free what lies in a socket's queues with it.
var purges = setOf("sk_stream_kill_queues inet_sock_destruct tcp_disconnect tcp_write_queue_purge tcp_close")

// dropped says why a packet was thrown away, or if that is not known, where.
func dropped(ev *stack.Event, packet, by, lang string) string {
	switch {
	case ev.Reason != "":
		return say(lang, "droppedWhy", packet, reason(lang, ev.Reason))
	case purges[by]:
		return say(lang, "purged", packet, by)
	case by != "":
		return say(lang, "droppedIn", packet, by)
	}
	return say(lang, "dropped", packet)
}

func reset(ev *stack.Event, packet, lang string) string {
	switch {
	case ev.Name == "tcp_receive_reset":
		return say(lang, "resetReceived")
	case packet != "":
		return say(lang, "resetAnswer", packet)
	}
	return say(lang, "resetSent")
}

// hostPort is an endpoint as ss writes it; without a port the address alone, and
// "-" for none.
func hostPort(at netip.AddrPort) string {
	switch {
	case at.Port() != 0:
		return at.String()
	case !at.Addr().IsValid() || at.Addr().IsUnspecified():
		return "-"
	}
	return at.Addr().String()
}

// Context is the context in which an event happened, in a few words: "connect
// hello/1" in a system call, "softirq on hello/1", "backlog hello/1", "timer",
// "interrupt". Without frames only what the event itself says is known.
func Context(ev *stack.Event, frames []stack.Frame, lang string) string {
	if len(frames) > 0 {
		return Bands(frames, ev.Comm, ev.Pid, lang)[0].Short
	}
	task := taskName(ev.Comm, ev.Pid)
	switch {
	case ev.Context == "softirq" && ev.Pid == 0:
		return say(lang, "context.softirq")
	case ev.Context == "softirq":
		return say(lang, "context.softirqOn", task)
	case ev.Context == "hardirq":
		return say(lang, "context.irq")
	}
	return task
}

// plumbing are the functions through which a fact comes about and which say
// nothing of why: those that set a state, arm a timer, wake, free, and the way of
// a packet between TCP and the device.
var plumbing = setOf(`
	inet_sk_state_store inet_sk_set_state tcp_set_state tcp_close_state tcp_done inet_csk_clone_lock sk_clone_lock
	sk_reset_timer sk_stop_timer inet_csk_reset_xmit_timer tcp_reset_xmit_timer inet_csk_clear_xmit_timer
	inet_csk_clear_xmit_timers inet_csk_reset_keepalive_timer inet_csk_delete_keepalive_timer tcp_clear_xmit_timers
	__inet_twsk_schedule inet_twsk_schedule call_timer_fn expire_timers __run_timers
	sock_def_wakeup sock_def_readable sock_def_error_report sock_def_write_space sk_stream_write_space tcp_data_ready
	kfree_skb __kfree_skb kfree_skb_list tcp_drop __skb_queue_purge skb_queue_purge
	tcp_v4_destroy_sock inet_csk_destroy_sock
	dev_queue_xmit __dev_queue_xmit neigh_output neigh_hh_output neigh_resolve_output neigh_connected_output neigh_direct_output
	ip_finish_output2 ip_finish_output ip_output ip_mc_output dst_output ip_local_out __ip_local_out NF_HOOK NF_HOOK_COND nf_hook
	ip_queue_xmit __ip_queue_xmit ip_build_and_send_pkt ip_send_skb ip_push_pending_frames ip_fragment ip_do_fragment
	ip_finish_output_gso ip_send_unicast_reply icmp_push_reply __tcp_transmit_skb tcp_transmit_skb __tcp_send_ack
	__netif_receive_skb_core __netif_receive_skb_one_core __netif_receive_skb netif_receive_skb_internal netif_receive_skb`)

func setOf(names string) map[string]bool {
	set := make(map[string]bool)
	for _, name := range strings.Fields(names) {
		set[name] = true
	}
	return set
}

// Cause names the function that brought an event about: the innermost of its
// backtrace that is no plumbing, such as tcp_connect for the SYN that it sends and
// for the timer that it arms. It is "" for no frames.
func Cause(frames []stack.Frame) string {
	first := ""
	for i := range frames {
		f := &frames[i]
		if f.Sym == nil {
			continue
		}
		if !plumbing[f.Func] {
			return f.Func
		}
		if first == "" {
			first = f.Func
		}
	}
	return first
}
