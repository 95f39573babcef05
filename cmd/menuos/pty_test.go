//go:build linux || darwin || freebsd || netbsd || openbsd

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal is menuos in a terminal, as a person has it.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	pty  *os.File
	tty  *os.File
	mode *term.State

	mu   sync.Mutex
	cond *sync.Cond
	out  bytes.Buffer
	read int // what expect has passed
	done bool
}

const patience = 20 * time.Second

// openTerminal starts the line mode.
func openTerminal(t *testing.T, state string, env ...string) *terminal {
	t.Helper()
	return openTerminalOf(t, state, 80, 24, []string{"--plain"}, env...)
}

func openTerminalOf(t *testing.T, state string, cols, rows uint16, args []string, env ...string) *terminal {
	t.Helper()
	p, tty, err := pty.Open()
	if err != nil {
		t.Skip("no pty:", err)
	}
	pty.Setsize(p, &pty.Winsize{Rows: rows, Cols: cols})
	w := &terminal{t: t, pty: p, tty: tty}
	w.cond = sync.NewCond(&w.mu)
	if w.mode, err = term.GetState(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	w.cmd = exec.Command("menuos", args...)
	w.cmd.Env = append(os.Environ(), "TERM=xterm", "LANG=C", "LC_ALL=", "XDG_STATE_HOME="+state)
	w.cmd.Env = append(w.cmd.Env, env...)
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = tty, tty, tty
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := p.Read(buf)
			w.mu.Lock()
			w.out.Write(buf[:n])
			w.done = err != nil
			w.cond.Broadcast()
			w.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		w.cmd.Process.Kill()
		tty.Close()
		p.Close()
	})
	return w
}

// expect waits until text has come behind what was expected before.
func (w *terminal) expect(text string) {
	w.t.Helper()
	timer := time.AfterFunc(patience, func() {
		w.mu.Lock()
		w.done = true
		w.cond.Broadcast()
		w.mu.Unlock()
	})
	defer timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if i := strings.Index(w.out.String()[w.read:], text); i >= 0 {
			w.read += i + len(text)
			return
		}
		if w.done {
			w.t.Fatalf("%q did not come; since the last match:\n%q", text, w.out.String()[w.read:])
		}
		w.cond.Wait()
	}
}

func (w *terminal) send(text string) {
	w.t.Helper()
	if _, err := w.pty.WriteString(text); err != nil {
		w.t.Fatal(err)
	}
}

// line types a line at the prompt.
func (w *terminal) line(text string) {
	w.t.Helper()
	w.expect("MenuOS>>")
	w.send(text + "\r")
}

// ends waits for the program's end; the terminal has to be as it was.
func (w *terminal) ends(status int) {
	w.t.Helper()
	timer := time.AfterFunc(patience, func() { w.cmd.Process.Kill() })
	defer timer.Stop()
	w.cmd.Wait()
	if got := w.cmd.ProcessState.ExitCode(); got != status {
		w.t.Errorf("exit status %d, want %d", got, status)
	}
	mode, err := term.GetState(int(w.tty.Fd()))
	if err != nil {
		w.t.Fatal(err)
	}
	if *mode != *w.mode {
		w.t.Errorf("the terminal's mode is %+v, was %+v", mode, w.mode)
	}
}

// awaitCooked waits until the terminal makes signals of keys: a command runs.
func (w *terminal) awaitCooked() {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if m, err := unix.IoctlGetTermios(int(w.tty.Fd()), ioctlGetTermios); err == nil && m.Lflag&unix.ICANON != 0 {
			return
		}
	}
	w.t.Fatal("no command runs")
}

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	ctrlR = "\x12"
	up    = "\x1b[A"
)

func TestTerminal(t *testing.T) {
	w := openTerminal(t, t.TempDir())
	w.expect("Bring up interface:lo")
	w.line("echo first")
	w.expect("first\r\nfirst")
	w.line("replyhi")
	w.expect("Please input hello...")

	// History, Ctrl-R, Tab, and Ctrl-C at the prompt.
	w.expect("MenuOS>>")
	w.send(up + up)
	w.expect("echo first")
	w.send(ctrlC)
	w.expect("^C")
	w.expect("MenuOS>>")
	w.send(ctrlR + "fir")
	w.expect("echo first")
	w.send("\r")
	w.expect("\nfirst")
	w.expect("MenuOS>>")
	w.send("hel\t\t")
	w.expect("hello")
	w.expect("help")
	w.send("lo\r")
	w.expect(`recv "hi" from 127.0.0.1:5001`)
	w.expect("MenuOS>>")
	w.send("gdb b tcp_v4_connec\t\r")
	w.expect("Breakpoint 1 at 0x")

	// A breakpoint: the prompt stays, the machine goes on when told.
	w.line("hello")
	w.expect("Breakpoint 1, tcp_v4_connect (sk=")
	w.line("ss -ltn")
	w.expect("LISTEN")
	w.line("hello")
	w.expect("stopped at tcp_v4_connect")
	w.line("gdb bt 1")
	w.expect("#0  tcp_v4_connect")
	w.line("gdb delete")
	w.line("gdb c")
	w.expect(`recv "hi" from 127.0.0.1:5001`)

	// Ctrl-C in a command that waits for ever.
	w.line("fg")
	w.expect("replyhi")
	w.awaitCooked()
	w.send(ctrlC)
	w.line("echo 三个字 again")
	w.expect("\n三个字 again")

	// Ctrl-D leaves the (gdb) prompt, then the program.
	w.line("gdb")
	w.expect("(gdb) ")
	w.send(ctrlD)
	w.expect("MenuOS>>")
	w.send(ctrlD)
	w.ends(0)
}

func TestTerminalQuit(t *testing.T) {
	state := t.TempDir()
	w := openTerminal(t, state)
	w.line("echo remembered")
	w.line("helo")
	w.expect("This is a wrong cmd!")
	w.expect("hello")
	w.line("quit")
	w.ends(0)
	if b, err := os.ReadFile(filepath.Join(state, "menuos", "history")); err != nil || !strings.Contains(string(b), "echo remembered") {
		t.Errorf("history: %q, %v", b, err)
	}
	w = openTerminal(t, state)
	w.expect("MenuOS>>")
	w.send(up + up + up)
	w.expect("echo remembered")
	w.cmd.Process.Signal(syscall.SIGTERM)
	w.ends(128 + int(syscall.SIGTERM))
}

func TestTerminalDumb(t *testing.T) {
	w := openTerminalOf(t, t.TempDir(), 80, 24, nil, "TERM=dumb")
	w.line("echo plain")
	w.expect("\nplain")
	w.expect("MenuOS>>")
	w.send(ctrlD)
	w.ends(0)
}

func TestPromptComesAtOnce(t *testing.T) {
	w := openTerminal(t, t.TempDir())
	began := time.Now()
	w.expect("MenuOS>>")
	t.Logf("at the prompt after %v", time.Since(began))
	w.send("quit\r")
	w.ends(0)
}
