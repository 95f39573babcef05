package stack

import (
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"menuos/stack/internal/core"
	"menuos/stack/wire"
)

// startHello starts replyhi on a machine, and then a hello.
func startHello(t *testing.T, s *Stack) *Job {
	t.Helper()
	s.Spawn("replyhi", nil, replyhiProgram(t))
	s.Settle()
	return s.Exec("hello", nil, helloProgram(t))
}

// drained takes the steps of a recorder that must not have lost any.
func drained(t *testing.T, r *Recorder) []Step {
	t.Helper()
	steps := r.Next()
	if len(steps) > 0 && steps[0].Lost != 0 {
		t.Fatalf("%d steps lost", steps[0].Lost)
	}
	return steps
}

// infoOf finds the socket of a cookie and address.
func infoOf(socks []*SockInfo, cookie, addr uint64) *SockInfo {
	for _, sk := range socks {
		if sk.Cookie == cookie && sk.Addr == addr {
			return sk
		}
	}
	return nil
}

// checkMoment compares what was recorded at an event with a snapshot that was
// taken while the machine was held in it.
func checkMoment(t *testing.T, step *Step, snap *Snapshot) {
	t.Helper()
	m := step.At
	if m == nil {
		t.Fatalf("%s at %v has no moment", step.Name, step.Time)
	}
	if m.Time != snap.Time || !slices.Equal(m.Timers, snap.Timers) {
		t.Errorf("%s: recorded at %v %+v\nthe machine had at %v %+v", step.Name, m.Time, m.Timers, snap.Time, snap.Timers)
	}
	if len(m.Socks) != len(snap.Socks) {
		t.Fatalf("%s: %d sockets recorded, the machine had %d", step.Name, len(m.Socks), len(snap.Socks))
	}
	for i := range snap.Socks {
		got, want := m.Socks[i], &snap.Socks[i]
		if step.Name == "inet_sock_set_state" && want.Addr == step.Sock.Addr {
			if got.Addr != want.Addr || got.State != StateName(step.NewState) || got.Tcp != nil && got.Tcp.State != step.NewState {
				t.Errorf("%s: the socket is recorded as %s, want %s", step.Name, got.State, StateName(step.NewState))
			}
			continue
		}
		if !got.same(want) {
			t.Errorf("%s: socket %d was recorded as\n%+v\nand was\n%+v", step.Name, i, *got, *want)
		}
	}
}

// TestRecordMoments holds the machine at each event of a hello, of a SYN that is
// lost and of a ping of UDP: what was recorded is what the machine shows.
func TestRecordMoments(t *testing.T) {
	s := virtualMachine(t)
	defer s.Close()
	r := s.Record(100, 0)
	defer r.Close()
	count := 0
	states := make(map[string]bool)
	run := func(j *Job) {
		drained(t, r) // of what was started
		for <-s.RunToEvent(anyEvent) {
			steps := drained(t, r)
			if len(steps) != 1 || steps[0].Seq != s.Stopped().Event.Seq {
				t.Fatalf("%d steps at %s", len(steps), s.Stopped().Event.Name)
			}
			checkMoment(t, &steps[0], s.Snapshot())
			for _, sk := range steps[0].At.Socks {
				states[sk.State] = true
			}
			count++
		}
		if !j.Done() {
			t.Errorf("%s has not ended", j.Comm())
		}
	}
	run(startHello(t, s))
	run(s.Exec("udp", nil, udpProgram(t)))
	run(s.Exec("syn", nil, connectNobody))
	if count < 100 {
		t.Errorf("only %d events", count)
	}
	for _, want := range []string{"LISTEN", "SYN-SENT", "SYN-RECV", "ESTAB", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "LAST-ACK", "TIME-WAIT", "UNCONN"} {
		if !states[want] {
			t.Errorf("no moment shows %s", want)
		}
	}
}

// TestRecordStories records every story that the tests tell: nothing is amiss
// inside any event, and the stacks have the arguments of every entry.
func TestRecordStories(t *testing.T) {
	known, told := 0, 0
	for _, sc := range stories {
		t.Run(strings.ReplaceAll(sc.name, " ", "-"), func(t *testing.T) {
			st := newStory(t, nil)
			r := st.s.Record(1<<17, 0)
			defer r.Close()
			sc.tell(st)
			for _, step := range drained(t, r) {
				frames := st.s.Frames(&step.Event)
				if len(frames) == 0 || frames[0].Sym == nil && step.Timer != "schedule_timeout" {
					t.Fatalf("%s happens in no function: %s", step.Name, chainString(frames))
				}
				for _, f := range frames {
					if f.Sym == nil {
						continue
					}
					for _, a := range f.Args {
						if !slices.Contains(f.Sym.Args, a.Name) {
							continue
						}
						told++
						if a.Known {
							known++
						} else if st.s.n.ArgumentBudget() > 0 { // it never was used up
							t.Errorf("%s: %s of %s is not known", step.Name, a.Name, f.Func)
						}
					}
				}
			}
		})
	}
	if known < 100_000 || known < told*9/10 {
		t.Errorf("%d arguments are known of %d that entries record", known, told)
	}
}

// TestRecordArguments compares recorded arguments with the event's packet.
func TestRecordArguments(t *testing.T) {
	s := virtualMachine(t)
	defer s.Close()
	r := s.Record(1000, 64, "netif_receive_skb")
	defer r.Close()
	s.Wait(startHello(t, s))
	n := 0
	for _, step := range drained(t, r) {
		frames := s.Frames(&step.Event)
		if frames[0].Func != "__netif_receive_skb_core" || len(frames[0].Args) == 0 {
			t.Fatalf("received in %s%v", frames[0].Func, frames[0].Args)
		}
		a := frames[0].Args[0]
		if skb, ok := a.Value.(*core.SkBuff); !ok || !a.Known || a.Name != "skb" || skb.Kaddr() != step.SkbAddr {
			t.Errorf("argument %+v, the event's packet is at %#x", a, step.SkbAddr)
		}
		if len(step.Packet) > 64 {
			t.Errorf("%d bytes of the packet, want 64 at most", len(step.Packet))
		}
		n++
	}
	if n != 10 {
		t.Errorf("%d segments, want 10", n)
	}
	r.Close()
	if s.n.ArgumentBudget() != 0 {
		t.Error("entries record their arguments after the recorder is closed")
	}
}

// TestRecordShares holds that moments share what has not changed, and only that.
func TestRecordShares(t *testing.T) {
	s := virtualMachine(t)
	defer s.Close()
	s.Spawn("idle", nil, func(p *Proc) int { listenTCP(p, at(6000), 1); p.Sleep(time.Hour); return 0 })
	r := s.Record(1<<12, 0)
	defer r.Close()
	s.Wait(startHello(t, s))
	steps := drained(t, r)
	var last *Moment
	infos := make(map[*SockInfo]bool)
	moments := make(map[*Moment]bool)
	total := 0
	for _, step := range steps {
		for _, sk := range step.At.Socks {
			infos[sk] = true
			total++
			if last == nil {
				continue
			}
			if old := infoOf(last.Socks, sk.Cookie, sk.Addr); old != nil && old != sk && old.same(sk) {
				t.Errorf("%s: the info of socket %d is not shared", step.Name, sk.Cookie)
			}
		}
		last = step.At
		moments[last] = true
	}
	if len(moments) >= len(steps) || len(infos) > total/2 {
		t.Errorf("%d steps have %d moments with %d infos, of which %d are distinct", len(steps), len(moments), total, len(infos))
	}
	t.Logf("%d steps, %d moments, %d infos, %d of them distinct", len(steps), len(moments), total, len(infos))
}

// TestSockInfoSame changes each field in turn: the comparison sees it.
func TestSockInfoSame(t *testing.T) {
	full := func() *SockInfo {
		return &SockInfo{Timer: &TimerInfo{}, Tcp: &TcpInfo{}, Users: []SockUser{{}}, SynQueue: []RequestInfo{{}}, Accept: []RequestInfo{{}},
			Write: []SegInfo{{}}, Rtx: []SegInfo{{}}, Receive: []SegInfo{{}}, Ooo: []SegInfo{{}}, Backlog: []SegInfo{{}}}
	}
	if a := full(); !a.same(a) || !a.same(full()) || !new(SockInfo).same(new(SockInfo)) {
		t.Error("equal infos are not the same")
	}
	fields := 0
	var change func(v reflect.Value, name string, info *SockInfo)
	change = func(v reflect.Value, name string, info *SockInfo) {
		old := reflect.ValueOf(v.Interface())
		differs := func(how string) {
			fields++
			if info.same(full()) || full().same(info) {
				t.Errorf("%s: %s is not noticed", name, how)
			}
			v.Set(old)
		}
		switch v.Kind() {
		case reflect.Pointer:
			v.SetZero()
			differs("nil")
			change(v.Elem(), name, info)
		case reflect.Slice:
			v.SetZero()
			differs("an empty list")
			change(v.Index(0), name, info)
		case reflect.Struct:
			if v.Type().PkgPath() == "net/netip" {
				other := reflect.ValueOf(at(1))
				if v.Type() != other.Type() {
					other = reflect.ValueOf(at(1).Addr())
				}
				v.Set(other)
				differs("another value")
				return
			}
			for i := range v.NumField() {
				change(v.Field(i), name+"."+v.Type().Field(i).Name, info)
			}
		case reflect.String:
			v.SetString("other")
			differs("another value")
		case reflect.Bool:
			v.SetBool(true)
			differs("another value")
		default:
			if v.CanInt() {
				v.SetInt(1)
			} else {
				v.SetUint(1)
			}
			differs("another value")
		}
	}
	info := full()
	change(reflect.ValueOf(info).Elem(), "SockInfo", info)
	if fields < 100 {
		t.Errorf("only %d fields", fields)
	}
}

// TestRecordManySocks has more sockets than are read afresh at each event: those
// of the event are right, and the list is.
func TestRecordManySocks(t *testing.T) {
	s := virtualMachine(t)
	defer s.Close()
	s.Spawn("many", nil, func(p *Proc) int {
		for i := range 3 * fewSocks {
			listenTCP(p, at(uint16(7000+i)), 1)
		}
		p.Sleep(time.Hour)
		return 0
	})
	s.Settle()
	r := s.Record(100, 0)
	defer r.Close()
	j := startHello(t, s)
	drained(t, r)
	full, part := 0, 0
	for n := 0; <-s.RunToEvent(func(ev *Event) bool { n++; return n%3 == 0 }) && !j.Done(); n = 0 {
		steps, snap := drained(t, r), s.Snapshot()
		if len(steps) != 3 {
			t.Fatalf("%d steps, want 3", len(steps))
		}
		first, last := &steps[0], &steps[2]
		for i := range snap.Socks {
			if i < len(last.At.Socks) && last.At.Socks[i].Addr != snap.Socks[i].Addr {
				t.Fatalf("%s: socket %d was recorded at %#x, and was %#x", last.Name, i, last.At.Socks[i].Addr, snap.Socks[i].Addr)
			}
		}
		own := partiesOf(&last.Event)
		s.n.ForEachSock(func(sk *core.SockCommon) {
			got := infoOf(last.At.Socks, sk.Cookie, sk.Kaddr())
			if !listed(sk) || last.Name == "inet_sock_set_state" && sk.Kaddr() == last.Sock.Addr {
				return
			}
			if want := s.sockInfo(sk, s.sockUsers()); own.include(sk) && !got.same(&want) {
				t.Errorf("%s: its socket was recorded as\n%+v\nand was\n%+v", last.Name, *got, want)
			}
		})
		full++
		for i, sk := range last.At.Socks {
			if i < len(first.At.Socks) && first.At.Socks[i] == sk {
				part++
			}
		}
		if len(last.At.Socks) != len(snap.Socks) {
			t.Fatalf("%s: %d sockets recorded, the machine had %d", last.Name, len(last.At.Socks), len(snap.Socks))
		}
	}
	if full < 10 || part < 3*fewSocks*full {
		t.Errorf("%d stops, %d infos shared", full, part)
	}
}

// TestRecordPartIsFreshAgain: of many sockets those that do not belong to an
// event are as they were, until Next has been called.
func TestRecordPartIsFreshAgain(t *testing.T) {
	s := virtualMachine(t)
	defer s.Close()
	s.Spawn("many", nil, func(p *Proc) int {
		for i := range 2 * fewSocks {
			listenTCP(p, at(uint16(7000+i)), 1)
		}
		p.Sleep(time.Hour)
		return 0
	})
	s.Settle()
	r := s.Record(100, 0, "probe")
	defer r.Close()
	var sk *core.SockCommon
	s.n.ForEachSock(func(o *core.SockCommon) {
		if o.SkNum == 7000 {
			sk = o
		}
	})
	backlog := func() int {
		s.n.Emit(s.n.NewEvent("probe", 0))
		m := r.last
		return infoOf(m.Socks, sk.Cookie, sk.Kaddr()).AcceptMax
	}
	for i, want := range []int{1, 1, 3, 3, 5} {
		sk.Full.SkMaxAckBacklog = uint32(i + 1)
		if i == 2 || i == 4 {
			r.Next()
		}
		if got := backlog(); got != want {
			t.Errorf("event %d shows a backlog of %d, want %d", i, got, want)
		}
	}
}

// TestRecordLoses gives a recorder little room: it loses the oldest steps and
// says where.
func TestRecordLoses(t *testing.T) {
	s := virtualMachine(t)
	defer s.Close()
	w := s.Watch(1 << 12)
	defer w.Close()
	r := s.Record(10, 0)
	defer r.Close()
	s.Wait(startHello(t, s))
	all, _ := w.Next()
	steps := r.Next()
	if len(steps) != 10 || steps[0].Lost != uint64(len(all)-10) || steps[9].Seq != all[len(all)-1].Seq {
		t.Fatalf("%d steps, %d lost, want 10 and %d", len(steps), steps[0].Lost, len(all)-10)
	}
	for _, step := range steps[1:] {
		if step.Lost != 0 {
			t.Errorf("%d lost before %d", step.Lost, step.Seq)
		}
	}
	select {
	case <-r.Wake:
	default:
		t.Error("nothing wakes the reader")
	}
	if steps := r.Next(); len(steps) != 0 {
		t.Errorf("%d steps again", len(steps))
	}
	s.Wait(s.Exec("hello", nil, helloProgram(t)))
	<-r.Wake
	if steps := r.Next(); len(steps) != 10 || steps[0].Lost == 0 {
		t.Errorf("%d steps, %d lost", len(steps), steps[0].Lost)
	}
}

// TestRecordBudget holds that recording has bounds, which do not depend on time,
// and that Next lifts them.
func TestRecordBudget(t *testing.T) {
	s := benchStack(t, 0)
	r := s.Record(1<<16, 64)
	defer r.Close()
	var got int64
	startSink(s, benchAddr, &got)
	var g gate
	s.Spawn("source", io.Discard, func(p *Proc) int {
		fd := connectTCP(p, benchAddr)
		buf := make([]byte, bulkChunk)
		for {
			for range 2000 {
				sendAll(p, fd, buf)
			}
			g.wait(p)
		}
	})
	s.Settle()
	momentsOf := func(steps []Step) (n, known int) {
		for i := range steps {
			if steps[i].At != nil {
				n++
			}
			if a := s.Frames(&steps[i].Event)[0].Args; len(a) > 0 && a[0].Known {
				known++
			}
		}
		return n, known
	}
	left := s.n.ArgumentBudget()
	steps := drained(t, r)
	n, known := momentsOf(steps)
	if n != momentTokens || len(steps) < 2*momentTokens || left != 0 || known == 0 || known > len(steps)*9/10 {
		t.Errorf("%d of %d steps have moments, %d have arguments, %d entries are left; want %d moments", n, len(steps), known, left, momentTokens)
	}
	for i := range steps {
		if (steps[i].At != nil) != (i < momentTokens) {
			t.Fatalf("step %d: moment %v", i, steps[i].At)
		}
	}
	for range 2 { // the first Next above has been counted, too
		r.Next()
	}
	g.open(s)
	s.Settle()
	steps = drained(t, r)
	if n, known = momentsOf(steps); n != 3*tokensPerNext || known == 0 {
		t.Errorf("after three Next %d steps have moments, want %d; %d have arguments", n, 3*tokensPerNext, known)
	}

	// A breakpoint needs the arguments whatever becomes of the budget.
	stops := 0
	s.SetHook(func(*Sym) bool {
		stops++
		if f := s.CallChain().Frames; len(f) < 20 || !f[0].Args[0].Known || !f[10].Args[0].Known {
			t.Errorf("stop %d: %+v", stops, f)
		}
		return false
	}, []*Sym{s.Lookup("tcp_v4_rcv")}, false)
	g.open(s)
	s.Settle()
	if s.n.ArgumentBudget() != 0 || stops < 100 {
		t.Errorf("%d entries are left, %d stops", s.n.ArgumentBudget(), stops)
	}
}

// TestRecordChangesNothing compares runs with and without a recorder.
func TestRecordChangesNothing(t *testing.T) {
	run := func(record bool) (all []string) {
		s := virtualMachine(t)
		defer s.Close()
		w := s.Watch(1 << 14)
		if record {
			defer s.Record(100, 0).Close()
		}
		s.Wait(startHello(t, s))
		s.Wait(s.Exec("syn", nil, connectNobody))
		events, _ := w.Next()
		for i := range events {
			all = append(all, eventText(s, &events[i]))
		}
		return append(all, fmt.Sprint(s.Counters(), s.Now()))
	}
	sameEvents(t, "with a recorder", run(true), run(false))
}

// TestTaskWaits holds that a task says where it sleeps while entries are heard of.
func TestTaskWaits(t *testing.T) {
	s := virtualMachine(t)
	defer s.Close()
	r := s.Record(100, 0)
	defer r.Close()
	s.Spawn("replyhi", nil, replyhiProgram(t))
	s.Settle()
	s.Spawn("reader", nil, func(p *Proc) int { p.Recv(connectTCP(p, at(5001)), make([]byte, 1), 0); return 0 })
	s.Settle()
	r.Close()
	s.Spawn("later", nil, func(p *Proc) int { p.Accept(listenTCP(p, at(6000), 1)); return 0 })
	s.Settle()
	want := map[string]string{"init": "", "replyhi": "wait_woken", "reader": "wait_woken", "later": ""}
	for _, task := range s.Snapshot().Tasks {
		if w, ok := want[task.Comm]; ok && (task.Waits != w || task.State != "S") {
			t.Errorf("%s waits in %q as %s, want %q", task.Comm, task.Waits, task.State, w)
		}
		delete(want, task.Comm)
	}
	if len(want) != 0 {
		t.Errorf("no such tasks: %v", want)
	}
}

// TestSynQueueInfo looks at a request that waits for its ACK.
func TestSynQueueInfo(t *testing.T) {
	st := newStory(t, nil)
	st.lose = func(seg segment) bool { return seg.dst == 5001 && seg.flags&wire.SYN == 0 }
	st.s.Spawn("conn", nil, func(p *Proc) int {
		listenTCP(p, at(5001), 7)
		fd, _ := p.Socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0)
		p.Connect(fd, at(5001))
		p.Sleep(time.Hour)
		return 0
	})
	st.s.Advance(1500 * time.Millisecond)
	snap := st.s.Snapshot()
	var listener, request *SockInfo
	for i := range snap.Socks {
		switch sk := &snap.Socks[i]; {
		case sk.State == "LISTEN":
			listener = sk
		case sk.Kind == SockRequest:
			request = sk
		}
	}
	if listener == nil || request == nil || len(listener.SynQueue) != 1 {
		t.Fatalf("sockets: %+v", snap.Socks)
	}
	q := listener.SynQueue[0]
	if listener.SynMax != 7 || q.Expires != request.Timer.Expires || q.Expires <= snap.Time || q.Retrans != 1 || q.Peer != request.Peer || q.Age != 1500*time.Millisecond {
		t.Errorf("SYN queue of %d: %+v; the request is %+v, its timer %+v", listener.SynMax, q, *request, *request.Timer)
	}
	for _, tm := range snap.Timers {
		if tm.Kind == "reqsk" && (tm.Sock != request.Cookie || tm.Retrans != 1 || tm.Armed == 0) {
			t.Errorf("the request's timer: %+v", tm)
		}
	}
}

// recordedMemory is what the steps of connections take up, some want of them.
func recordedMemory(t *testing.T, want int) (bytes uint64, steps []Step) {
	s := benchStack(t, 0)
	r := s.Record(want, 128)
	defer r.Close()
	s.Spawn("server", io.Discard, func(p *Proc) int { connServer(p, listenTCP(p, benchAddr, 128)); return 0 })
	client := s.Spawn("client", io.Discard, func(p *Proc) int {
		buf := make([]byte, 64)
		for range want / 72 {
			fd := connectTCP(p, benchAddr)
			sendAll(p, fd, []byte("hello"))
			_, err := p.Recv(fd, buf, 0)
			check(err)
			check(p.Close(fd))
			p.Sleep(25 * time.Second) // until most TIME_WAITs are over
		}
		return 0
	})
	s.n.SetArgumentBudget(1 << 40)
	before := heapInUse()
	if s.Wait(client) != Done {
		t.Fatal("the client is stuck")
	}
	steps = drained(t, r)
	after := heapInUse()
	runtime.KeepAlive(r)
	return after - before, steps
}

// TestRecordMemory prints what a step takes up and bounds a history of them.
func TestRecordMemory(t *testing.T) {
	bytes, steps := recordedMemory(t, 4096)
	socks, moments := 0, 0
	for _, step := range steps {
		if step.At != nil {
			moments++
			socks += len(step.At.Socks)
		}
	}
	t.Logf("%d steps, %d of them with moments of %.1f sockets: %d bytes each, %.1f MB", len(steps), moments,
		float64(socks)/float64(moments), int(bytes)/len(steps), float64(bytes)/1e6)
	if len(steps) < 3500 || moments < len(steps)*9/10 || socks < 3*moments || bytes > 12<<20 {
		t.Errorf("%d bytes for %d steps with %d moments and %d sockets", bytes, len(steps), moments, socks)
	}
}

// bulkTime is how long n chunks take over lo; each is called after each of them.
func bulkTime(b *testing.B, s *Stack, n int, each func(i int)) time.Duration {
	var got int64
	sink := startSink(s, benchAddr, &got)
	var g gate
	src := s.Spawn("source", io.Discard, func(p *Proc) int {
		fd := connectTCP(p, benchAddr)
		buf := make([]byte, bulkChunk)
		sendAll(p, fd, buf)
		g.wait(p)
		for i := range n {
			sendAll(p, fd, buf)
			each(i)
		}
		return 0
	})
	s.Settle()
	began := time.Now()
	g.open(s)
	if s.Wait(src) != Done || s.Wait(sink) != Done || got != int64(n+1)*bulkChunk {
		b.Fatalf("the transfer is stuck after %d bytes", got)
	}
	return time.Since(began)
}

// BenchmarkRecordBulk is a transfer with a recorder that is read every 4,096
// events, and how many times longer that takes than one that nobody watches.
func BenchmarkRecordBulk(b *testing.B) {
	bare := bulkTime(b, benchStack(b, 0), b.N, func(int) {})
	s := benchStack(b, 0)
	r := s.Record(4096, 128)
	defer r.Close()
	steps, moments := 0, 0
	read := func() {
		for _, step := range r.Next() {
			steps++
			if step.At != nil {
				moments++
			}
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	recorded := bulkTime(b, s, b.N, func(i int) {
		if i%256 == 255 { // of 16 events each
			read()
		}
	})
	b.StopTimer()
	read()
	b.SetBytes(bulkChunk)
	b.ReportMetric(float64(steps)/float64(b.N), "steps/op")
	b.ReportMetric(float64(moments)/float64(b.N), "moments/op")
	b.ReportMetric(recorded.Seconds()/bare.Seconds(), "x-unwatched")
}
