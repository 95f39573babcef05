package steps_test

import (
	"fmt"
	"strings"
	"testing"

	"menuos/stack"
	"menuos/stack/steps"
)

// texts are bands from the innermost out, with the function at which each begins.
func texts(frames []stack.Frame, bands []steps.Band) string {
	var b strings.Builder
	for i, band := range bands {
		if i > 0 {
			b.WriteString(" | ")
		}
		fmt.Fprintf(&b, "%s (%s)", band.Text, frames[band.To-1].Func)
	}
	return b.String()
}

// TestBandsOfHello stops a whole hello at functions of each layer and tells the
// contexts of each stop.
func TestBandsOfHello(t *testing.T) {
	for _, lang := range []string{"en", "zh"} {
		l := newLab(t).serve("replyhi", replyhi)
		var syms []*stack.Sym
		for _, name := range []string{"tcp_v4_rcv", "tcp_set_state", "tcp_transmit_skb", "sock_def_readable", "tcp_close", "tcp_recvmsg", "tcp_time_wait"} {
			sym := l.s.Lookup(name)
			if sym == nil {
				t.Fatalf("%s is not modelled", name)
			}
			syms = append(syms, sym)
		}
		l.s.SetHook(func(*stack.Sym) bool { return true }, syms, false)
		j := l.s.Exec("hello", nil, func(p *stack.Proc) int { hello(server())(p); return 0 })
		var b strings.Builder
		for n := 1; l.s.Wait(j) == stack.Stopped; n++ {
			stop := l.s.Stopped()
			bands := steps.Bands(stop.Frames, stop.Comm, stop.Pid, lang)
			fmt.Fprintf(&b, "%d %s [%s]: %s\n", n, stop.Sym.Name, bands[0].Short, texts(stop.Frames, bands))
			l.s.Continue()
		}
		golden(t, "bands."+lang, b.String())
	}
}

// TestBandsCoverAndAgree: the bands of every step of every story cover its
// frames, and the innermost is what the event itself says of its context.
func TestBandsCoverAndAgree(t *testing.T) {
	softirq := map[steps.BandKind]bool{steps.BandSoftirq: true, steps.BandTimer: true}
	for _, st := range stories {
		l := newLab(t)
		st.run(l)
		evs := l.steps()
		if len(evs) == 0 {
			t.Fatalf("%s makes no steps", st.name)
		}
		for i := range evs {
			ev := &evs[i]
			frames := l.s.Frames(ev)
			bands := steps.Bands(frames, ev.Comm, ev.Pid, "en")
			at := 0
			for _, band := range bands {
				if band.From != at || band.To <= band.From || band.Text == "" || band.Short == "" {
					t.Errorf("%s, step %d: band %+v begins at frame %d, want %d and a text", st.name, i+1, band, band.From, at)
				}
				at = band.To
			}
			if at != len(frames) {
				t.Errorf("%s, step %d: bands cover %d of %d frames: %s", st.name, i+1, at, len(frames), texts(frames, bands))
			}
			if got, want := softirq[bands[0].Kind], ev.Context == "softirq"; got != want {
				t.Errorf("%s, step %d in context %q is in band %q", st.name, i+1, ev.Context, bands[0].Text)
			}
		}
	}
}

// TestBandsOfOthers: contexts that the laboratory's runs do not come to.
func TestBandsOfOthers(t *testing.T) {
	for _, c := range []struct{ chain, comm, want string }{
		{"tcp_v4_rcv net_rx_action __do_softirq run_ksoftirqd smpboot_thread_fn kthread ret_from_fork", "ksoftirqd/0",
			"softirq NET_RX in ksoftirqd/0/9 (__do_softirq) | kernel thread ksoftirqd/0/9 (ret_from_fork)"},
		{"tcp_v4_rcv net_rx_action __do_softirq invoke_softirq irq_exit exiting_irq do_IRQ common_interrupt", "swapper/0",
			"softirq NET_RX at the end of the interrupt (__do_softirq) | interrupt of a device (common_interrupt)"},
		{"tcp_pace_kick __run_hrtimer __hrtimer_run_queues hrtimer_interrupt local_apic_timer_interrupt smp_apic_timer_interrupt apic_timer_interrupt", "hello",
			"timer: tcp_pace_kick (__run_hrtimer) | interrupt of the clock (apic_timer_interrupt)"},
		{"tcp_connect __sys_connect entry_SYSCALL_compat ??", "hello",
			"system call connect of hello/9 (entry_SYSCALL_compat) | hello/9 itself, in user space (??)"},
		{"inet_bind", "", "process (inet_bind)"},
	} {
		var frames []stack.Frame
		for _, f := range strings.Fields(c.chain) {
			frames = append(frames, stack.Frame{Func: f, Sym: new(stack.Sym)})
		}
		if got := texts(frames, steps.Bands(frames, c.comm, 9, "en")); got != c.want {
			t.Errorf("%s\n  is %s\n  want %s", c.chain, got, c.want)
		}
	}
	if got := steps.Bands(nil, "hello", 1, "en"); len(got) != 0 {
		t.Errorf("no frames have bands: %+v", got)
	}
}
