// How fast the screen is. Each benchmark runs a whole program on a terminal of
// pipes and prints what a person would feel:
//
//	go test ./tui -run - -bench .
//
// BenchmarkLoad takes as long as -screen.load says; for ten minutes of it:
//
//	go test ./tui -run - -bench Load -screen.load 10m -timeout 20m

package tui

import (
	"bytes"
	"context"
	"flag"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"menuos/shell"
	"menuos/stack"
)

var loadTime = flag.Duration("screen.load", 5*time.Second, "how long BenchmarkLoad runs")

// pipes is a terminal: keys go in, bytes of the screen come out.
type pipes struct {
	keys *io.PipeWriter
	in   *io.PipeReader

	mu    sync.Mutex
	cond  *sync.Cond
	tail  []byte // the last bytes that came
	all   []byte // the first bytes that came
	bytes int
}

func newPipes() *pipes {
	p := new(pipes)
	p.in, p.keys = io.Pipe()
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *pipes) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tail = append(p.tail, b...)
	if len(p.all) < 1<<16 {
		p.all = append(p.all, b...)
	}
	if len(p.tail) > 1<<16 {
		p.tail = append(p.tail[:0], p.tail[len(p.tail)-1<<15:]...)
	}
	p.bytes += len(b)
	p.cond.Broadcast()
	return len(b), nil
}

// await waits until text comes and forgets all before it.
func (p *pipes) await(b testing.TB, text string) {
	b.Helper()
	late := time.AfterFunc(20*time.Second, func() {
		p.mu.Lock()
		p.tail = append(p.tail, "\x00late"...)
		p.mu.Unlock()
		p.cond.Broadcast()
	})
	defer late.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if i := bytes.Index(p.tail, []byte(text)); i >= 0 {
			p.tail = p.tail[i+len(text):]
			return
		}
		if bytes.HasSuffix(p.tail, []byte("\x00late")) {
			b.Fatalf("%q did not come", text)
		}
		p.cond.Wait()
	}
}

// screenOn runs the program on pipes.
func screenOn(b *testing.B, p *pipes, w, h int) (u *UI, end func()) {
	b.Helper()
	ready := make(chan *UI, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := run(context.Background(), Config{Shell: shell.Config{Lang: "en"}, Speed: 1, Theme: "dark", Width: w, Height: h},
			func(u *UI) { ready <- u },
			tea.WithInput(p.in), tea.WithOutput(p), tea.WithWindowSize(w, h), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
		if err != nil {
			b.Error(err)
		}
	}()
	u = <-ready
	return u, func() {
		p.keys.Write([]byte("\x15quit\r"))
		<-done
		p.keys.Close()
	}
}

// BenchmarkStart: from nothing to the first full frame.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		p := newPipes()
		_, end := screenOn(b, p, 160, 45)
		p.await(b, "RUNNING")
		b.StopTimer()
		end()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/start")
}

// load is a bulk transfer over lo for as long as ctx lasts; it returns how many
// bytes came through.
func load(ctx context.Context, b *testing.B, m *stack.Stack) *int64 {
	b.Helper()
	ln, err := m.Listen("127.0.0.1:7001", 8)
	if err != nil {
		b.Fatal(err)
	}
	n := new(int64)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		*n, _ = io.Copy(io.Discard, c)
	}()
	c, err := m.Dial(ctx, "127.0.0.1:7001")
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		buf := make([]byte, 64<<10)
		for ctx.Err() == nil {
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
		c.Close()
	}()
	return n
}

// BenchmarkKeys: from a key to its sign on the terminal, alone and while a bulk
// transfer runs.
func BenchmarkKeys(b *testing.B) {
	for _, name := range []string{"idle", "bulk"} {
		b.Run(name, func(b *testing.B) {
			p := newPipes()
			u, end := screenOn(b, p, 160, 45)
			defer end()
			p.await(b, "RUNNING")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if name == "bulk" {
				load(ctx, b, u.lab.m)
			}
			var took []time.Duration
			sign := '一'
			for i := 0; b.Loop(); i++ {
				if i%20 == 19 {
					p.keys.Write([]byte("\x15"))
				}
				sign = '一' + (sign-'一'+1)%20000
				began := time.Now()
				p.keys.Write([]byte(string(sign)))
				p.await(b, string(sign))
				took = append(took, time.Since(began))
				time.Sleep(7 * time.Millisecond) // a fast typist is slower, and the phase changes
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/key-p50")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/key-p99")
		})
	}
}

// BenchmarkIdle: what a screen costs on which nothing happens, and one with a
// TIME_WAIT timer that runs down, in percent of a core.
func BenchmarkIdle(b *testing.B) {
	for _, name := range []string{"nothing", "timer"} {
		b.Run(name, func(b *testing.B) {
			p := newPipes()
			_, end := screenOn(b, p, 160, 45)
			defer end()
			p.await(b, "RUNNING")
			if name == "timer" {
				p.keys.Write([]byte("replyhi\rhello\r"))
				p.await(b, "TIME-WAIT")
			}
			time.Sleep(2 * time.Second)
			began, cpu := time.Now(), cpuTime(b)
			for b.Loop() {
				time.Sleep(time.Second)
			}
			b.ReportMetric(100*float64(cpuTime(b)-cpu)/float64(time.Since(began)), "%core")
		})
	}
}

// BenchmarkLoad: memory while a bulk transfer and connections run beside the
// screen: the live heap after a tenth of the time and at its end.
func BenchmarkLoad(b *testing.B) {
	p := newPipes()
	u, end := screenOn(b, p, 160, 45)
	defer end()
	p.await(b, "RUNNING")
	p.keys.Write([]byte("replyhi\r"))
	p.await(b, "Please input hello")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	load(ctx, b, u.lab.m)
	heap := func() float64 {
		runtime.GC()
		var ms runtime.MemStats
		runtime.ReadMemStats(&ms)
		return float64(ms.HeapAlloc) / (1 << 20)
	}
	var first float64
	for b.Loop() {
		until := time.Now().Add(*loadTime)
		first = 0
		for time.Now().Before(until) {
			p.keys.Write([]byte("hello\r"))
			time.Sleep(50 * time.Millisecond)
			if first == 0 && time.Until(until) < *loadTime*9/10 {
				first = heap()
			}
		}
	}
	last := heap()
	b.ReportMetric(first, "MB-early")
	b.ReportMetric(last, "MB-late")
	b.ReportMetric(float64(p.bytes)/(1<<20)/b.Elapsed().Seconds(), "MB/s-screen")
	if strings.Contains(string(p.tail), "panic") {
		b.Error("a fault")
	}
}
