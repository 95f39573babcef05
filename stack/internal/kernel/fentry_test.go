package kernel

import (
	"testing"
	"time"
)

type recordEntries struct {
	k      *Kernel
	stacks [][]Frame
}

func (r *recordEntries) Entry(*Sym) {
	r.stacks = append(r.stacks, r.k.Frames(r.k.EntryStack()))
}

func TestTimerBacktraceIsTheChainThatRuns(t *testing.T) {
	k := New(Config{})
	defer k.Close()
	var fired time.Duration
	kind := TimerKind{Name: "test", Func: func(*Timer) { fired = k.Now() }}
	var tm Timer
	tm.Setup(&kind, nil)
	k.ModTimer(&tm, k.Jiffies()+1000)
	w := &recordEntries{k: k}
	k.Watch(w, []*Sym{k.LookupSym("call_timer_fn")}, false)
	if h := k.Run(Forever, nil); h != HaltIdle {
		t.Fatalf("Run = %v, want idle", h)
	}
	if fired < bootTime+time.Second || fired > bootTime+time.Second+64*time.Millisecond {
		t.Errorf("a timer of 1 s fired at %v since boot, want within the wheel's 64 ms after 1 s", fired)
	}
	want := []string{
		"call_timer_fn kernel/time/timer.c:1301",
		"expire_timers kernel/time/timer.c:1362",
		"__run_timers kernel/time/timer.c:1681",
		"run_timer_softirq kernel/time/timer.c:1694",
		"__do_softirq kernel/softirq.c:292",
		"invoke_softirq kernel/softirq.c:373",
		"irq_exit kernel/softirq.c:413",
		"exiting_irq arch/x86/include/asm/apic.h:536",
		"smp_apic_timer_interrupt arch/x86/kernel/apic/apic.c:1062",
		"apic_timer_interrupt arch/x86/entry/entry_64.S:807",
	}
	if len(w.stacks) != 1 {
		t.Fatalf("call_timer_fn was entered %d times, want once", len(w.stacks))
	}
	for i, f := range w.stacks[0] {
		got := f.Func + " " + f.File + ":" + itoa(f.Line)
		if i >= len(want) || got != want[i] {
			t.Errorf("frame %d is %s, want %s", i, got, at(want, i))
		}
	}
	if len(w.stacks[0]) != len(want) {
		t.Errorf("%d frames, want %d", len(w.stacks[0]), len(want))
	}
	if a := w.stacks[0][0].Args; len(a) != 1 || !a[0].Known || a[0].Value != any(&tm) {
		t.Errorf("arguments of call_timer_fn are %+v, want the timer", a)
	}
}

func at(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return "nothing"
}

func itoa(n int) string {
	var b [20]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}

func TestTasksRunInWakeOrderAndParentsPreempt(t *testing.T) {
	k := New(Config{})
	defer k.Close()
	var order []string
	var wq WaitQueueHead
	parent := k.Fork(nil, "init", func(p *Task) int {
		k.Fork(p, "child", func(c *Task) int {
			order = append(order, "child runs")
			k.WakeUp(&wq, 0, 0)
			k.CondResched()
			order = append(order, "child again")
			return 0
		})
		e := k.DefineWait()
		k.PrepareToWait(&wq, e, TaskInterruptible)
		order = append(order, "parent sleeps")
		k.Schedule()
		k.FinishWait(e)
		order = append(order, "parent woke")
		return 0
	})
	k.Run(Forever, nil)
	want := []string{"parent sleeps", "child runs", "parent woke", "child again"}
	for i := range want {
		if i >= len(order) || order[i] != want[i] {
			t.Fatalf("order is %q, want %q", order, want)
		}
	}
	if !parent.Exited {
		t.Error("the parent has not exited")
	}
}

func BenchmarkFentryOff(b *testing.B) {
	k := New(Config{})
	defer k.Close()
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		Fentry2(k, k, i)
	}
}
