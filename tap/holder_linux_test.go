package tap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// said runs a command beside the device and returns what it says.
func said(t *testing.T, h hostEnd, argv ...string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	code, err := h.run(context.Background(), argv, [3]*os.File{nil, w, os.Stderr})
	w.Close()
	out, _ := io.ReadAll(r)
	if err != nil || code != 0 {
		t.Errorf("%q: exit status %d, %v, says %q", argv, code, err, out)
	}
	return string(out)
}

func TestNamespace(t *testing.T) {
	for _, as := range []string{"root", "user"} {
		t.Run(as, func(t *testing.T) {
			needTap(t)
			if as == "user" {
				runtime.LockOSThread()
				unprivileged(t)
			}
			h, end := open(t, Config{NetNS: NewNamespace, MTU: 1400})
			defer h.close()
			if !end.Made || end.MTU != 1400 || end.NetNS == 0 || end.User != (as == "user" || os.Geteuid() != 0) {
				t.Errorf("the host's end is %+v", end)
			}
			wantShown(t, "lab0", "none")
			if devs := said(t, h, "cat", "/proc/net/dev"); !strings.Contains(devs, "lab0:") || strings.Count(devs, ":") != 2 {
				t.Errorf("the namespace has other devices than lo and lab0:\n%s", devs)
			}
			code, err := h.run(context.Background(), []string{"sh", "-c", "exit 7"}, [3]*os.File{})
			if code != 7 || err != nil {
				t.Errorf("exit 7: %d, %v", code, err)
			}
			if _, err := h.run(context.Background(), []string{"/nowhere"}, [3]*os.File{}); err == nil || !strings.Contains(err.Error(), "/nowhere") {
				t.Errorf("a command that is not there: %v", err)
			}
		})
	}
}

// TestNamespaceEnds holds that nothing in the namespace outlives the link.
func TestNamespaceEnds(t *testing.T) {
	needTap(t)
	h, end := open(t, Config{NetNS: NewNamespace})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := h.run(context.Background(), []string{"sh", "-c", "sleep 1000 &"}, [3]*os.File{nil, w, nil}); err != nil {
		t.Fatal(err)
	}
	w.Close()

	ctx, cancel := context.WithCancel(context.Background())
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	go func() {
		_, _ = in.Read(make([]byte, 1)) // it runs
		cancel()
	}()
	_, err = h.run(ctx, []string{"sh", "-c", "echo; exec sleep 1000"}, [3]*os.File{nil, out, nil})
	out.Close()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a command that was cancelled: %v", err)
	}

	h.close()
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("the process that was left behind: %q, %v", rest, err)
	}
	if err := unix.Kill(end.NetNS, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("the holder, process %d, is still there: %v", end.NetNS, err)
	}
}

// TestHolderKilled ends the process that holds the namespace under a running
// link.
func TestHolderKilled(t *testing.T) {
	needTap(t)
	told := make(chan error, 1)
	l := attach(t, machine(t), Config{NetNS: NewNamespace, Told: func(err error) { told <- err }})
	if err := unix.Kill(l.Host().NetNS, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-l.Died()
	var e *Error
	if err := <-told; !errors.As(err, &e) || e.Kind != NamespaceEnd {
		t.Errorf("told %v; want %s", err, NamespaceEnd)
	}
	if _, err := l.Exec(context.Background(), []string{"true"}, nil, nil, nil); err == nil {
		t.Error("a command ran in a namespace that has ended")
	}
}

// shellAndLine is what a child does on a terminal: it gives it to a shell in a
// namespace, and reads a line of it afterwards.
func shellAndLine() {
	h, _, err := openHost(Config{Name: "lab0", NetNS: NewNamespace, Addr: labAddr, HostAddr: labAddr})
	if err == nil {
		_, err = h.run(context.Background(), []string{"sh", "-i"}, [3]*os.File{os.Stdin, os.Stdout, os.Stderr})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Printf("got %q %v\n", line, err)
	h.close()
	os.Exit(0)
}

// TestShellGivesTerminalBack holds that a shell with job control works in the
// namespace, and that we can read the terminal when it is done.
func TestShellGivesTerminalBack(t *testing.T) {
	needTap(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+shellChild, "PS1=prompt ", "ENV=")
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	tty.SetDeadline(time.Now().Add(limit))
	in := bufio.NewReader(tty)
	var text string
	until := func(want string) {
		for t.Helper(); !strings.HasSuffix(text, want); {
			b, err := in.ReadByte()
			if err != nil {
				t.Fatalf("the terminal says %q, %v; want %q", text, err, want)
			}
			text += string(b)
		}
	}
	fmt.Fprint(tty, "cat /proc/net/dev\n")
	until("lab0:")
	fmt.Fprint(tty, "exit\nhello\n")
	until("got \"hello\\n\" <nil>")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
