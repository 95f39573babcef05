//go:build linux || darwin || freebsd || netbsd || openbsd

package main

import "testing"

// TestTypingToNc: while nc runs it has the keyboard, Ctrl-D ends what it reads, and
// the line editor is back afterwards.
func TestTypingToNc(t *testing.T) {
	w := openTerminal(t, t.TempDir())
	w.expect("MenuOS>>")
	w.send("nc -l 7000 > got &\r")
	w.expect("MenuOS>>")
	w.send("nc -vN localhost 7000\r")
	w.expect("succeeded!")
	w.send("typed\r")
	w.expect("typed")
	w.send(ctrlD)
	w.expect("MenuOS>>")
	w.send("cat got | wc\r")
	w.expect("1       1       6")
	w.expect("MenuOS>>")
	w.send("nc -lv 7001\r")
	w.expect("Listening on 0.0.0.0 7001")
	w.send(ctrlC)
	w.expect("MenuOS>>")
	w.send("echo still $((6*7))\r")
	w.expect("still 42")
}
