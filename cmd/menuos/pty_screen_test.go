//go:build linux || darwin || freebsd || netbsd || openbsd

package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

const (
	altScreenOn  = "\x1b[?1049h"
	altScreenOff = "\x1b[?1049l"
	mouseOff     = "\x1b[?1002l"
	cursorOn     = "\x1b[?25h"
)

func openScreen(t *testing.T, cols, rows uint16) *terminal {
	t.Helper()
	return openTerminalOf(t, t.TempDir(), cols, rows, nil, "TERM=xterm-256color", "NO_COLOR=1")
}

func (w *terminal) size(cols, rows uint16) {
	w.t.Helper()
	if err := pty.Setsize(w.pty, &pty.Winsize{Rows: rows, Cols: cols}); err != nil {
		w.t.Fatal(err)
	}
}

// restored fails unless the screen was given back: the main screen, the mouse,
// the cursor. w.ends has compared the terminal's mode.
func (w *terminal) restored() {
	w.t.Helper()
	w.expect(altScreenOff)
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.out.String()
	for name, seq := range map[string]string{"the main screen": altScreenOff, "the mouse": mouseOff, "the cursor": cursorOn} {
		if strings.LastIndex(out, seq) < strings.LastIndex(out, altScreenOn) {
			w.t.Errorf("%s was not given back; the end of the output is %q", name, out[max(0, len(out)-300):])
		}
	}
}

func TestScreen(t *testing.T) {
	w := openScreen(t, 120, 35)
	w.expect("MenuOS>>")
	w.send("replyhi\r")
	w.expect("Please input hello...")
	w.send("hello\r")
	w.expect(`send "hi" to 127.0.0.1:`)
	w.size(80, 24)
	w.size(1, 1)
	w.size(200, 60)
	w.send("gdb b tcp_v4_rcv\r")
	w.expect("Breakpoint 1")
	w.send("hello\r")
	w.expect("STOPPED")
	w.send("\x1b[15~") // F5
	w.expect("Breakpoint 1, tcp_v4_rcv")
	w.send("quit\r")
	w.ends(0)
	w.restored()
}

func TestScreenAsksBeforeItLeaves(t *testing.T) {
	for answer, then := range map[string]string{"n": "quit\r", "y": ""} {
		w := openScreen(t, 80, 24)
		w.expect("MenuOS>>")
		w.send(ctrlC)
		w.expect("Leave menuos?")
		w.send(answer + then)
		w.ends(0)
		w.restored()
	}
}

func TestScreenEndsBySignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		w := openScreen(t, 80, 24)
		w.expect("MenuOS>>")
		w.send("hello --host 192.168.40.9\r") // waits for a SYN-ACK
		w.expect("WAITING")
		w.cmd.Process.Signal(sig)
		w.ends(128 + int(sig))
		w.restored()
	}
}

// TestScreenWithoutTerminal: the terminal's other end is closed, as when a window
// is shut. The program ends by itself.
func TestScreenWithoutTerminal(t *testing.T) {
	w := openScreen(t, 80, 24)
	w.expect("MenuOS>>")
	w.tty.Close()
	w.pty.Close()
	timer := time.AfterFunc(patience, func() {
		t.Error("the program goes on without a terminal")
		w.cmd.Process.Kill()
	})
	defer timer.Stop()
	w.cmd.Wait()
	if w.cmd.ProcessState.ExitCode() == 0 {
		t.Error("exit status 0")
	}
}

// TestSmallTerminalGetsTheLineMode: a word about it, and the prompt.
func TestSmallTerminalGetsTheLineMode(t *testing.T) {
	w := openTerminalOf(t, t.TempDir(), 40, 10, nil, "TERM=xterm")
	w.expect("this terminal is 40x10")
	w.line("echo here")
	w.expect("\nhere")
	w.line("quit")
	w.ends(0)
}
