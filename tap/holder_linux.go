// The process that holds a network namespace: this program again, under another
// name. A Go program cannot enter a user namespace once it runs, since it has
// several threads, and only a process inside can configure the devices there. So
// the holder is born in the namespaces, opens the device, hands its file over,
// reports what becomes of it, and runs commands. It is the first process of a
// process namespace as well: when it ends, because its menuos has closed the
// socket or was killed, the kernel ends all that runs inside.
package tap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	holderName = "menuos-netns" // its name in ps, which is how it knows what it is
	holderSock = 3              // the file that it is born with
	maxMessage = 64 << 10       // bytes
)

// order is what menuos sends: a device to open, or a command to run, with
// the command's three files and a socket for its end.
type order struct {
	Open *Config  `json:",omitempty"`
	Run  []string `json:",omitempty"`
}

// report is what the holder sends: that the device is open, with its file; that
// it could not be opened; what has become of it; or, on a command's own socket,
// how it ended.
type report struct {
	Opened *End   `json:",omitempty"`
	Failed *Error `json:",omitempty"`
	State  *state `json:",omitempty"`
	Exit   *int   `json:",omitempty"`
	Why    string `json:",omitempty"`
}

// A holder never gets to main, or to a test.
func init() {
	if len(os.Args) == 1 && os.Args[0] == holderName {
		if err := hold(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", holderName, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// hold serves menuos until that closes the socket.
func hold() error {
	// The terminal's signals are meant for menuos and for what runs in here,
	// where one that is caught, other than one ignored, is itself again.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP)
	conn, err := socketOf(os.NewFile(holderSock, "menuos"))
	if err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return err
	}
	for {
		var o order
		files, err := receive(conn, &o)
		switch {
		case err != nil:
			return nil
		case o.Open != nil:
			if err := serveOpen(conn, *o.Open); err != nil {
				return err
			}
		case o.Run != nil && len(files) == 4:
			go serveRun(o.Run, files)
		}
	}
}

// serveOpen opens the device and hands it over; its file here is closed, so that
// the device goes when menuos does.
func serveOpen(conn *net.UnixConn, c Config) error {
	h, end, err := openLocal(c)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			e = problem(HostFailed, c.Name, err)
		}
		return send(conn, report{Failed: e})
	}
	if err := send(conn, report{Opened: &end}, h.f); err != nil {
		return err
	}
	h.f.Close()
	h.watch(func(s state) { _ = send(conn, report{State: &s}) })
	return nil
}

// serveRun runs a command with the first three files, and tells on the fourth
// how it ended. It is killed when nobody listens there any more.
func serveRun(argv []string, files []*os.File) {
	conn, err := socketOf(files[3])
	if err != nil {
		return
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		defer cancel()
		_, _ = conn.Read(make([]byte, 1))
	}()
	code, err := runCommand(ctx, argv, [3]*os.File(files[:3]))
	for _, f := range files[:3] {
		f.Close()
	}
	r := report{Exit: &code}
	if err != nil {
		r.Why = err.Error()
	}
	_ = send(conn, r)
}

// remoteEnd is the host's side as menuos sees it when a holder has it.
type remoteEnd struct {
	tunFile
	conn  *net.UnixConn
	proc  *os.Process
	user  bool // it has a user namespace
	loops sync.WaitGroup
}

// openNamespace makes the namespaces and opens the device in them.
func openNamespace(c Config) (hostEnd, End, error) {
	h := new(remoteEnd)
	if err := h.start(); err != nil {
		return nil, End{}, err
	}
	end, err := h.open(c)
	if err != nil {
		h.close()
		return nil, End{}, err
	}
	end.NetNS, end.User = h.proc.Pid, h.user
	return h, end, nil
}

// start starts the holder: as root with the namespaces it needs, and with a user
// namespace, in which it is root, where that is not allowed.
func (h *remoteEnd) start() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return hostProblem("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "holder")
	defer theirs.Close()
	ours := os.NewFile(uintptr(fds[0]), "menuos")
	if h.conn, err = socketOf(ours); err != nil {
		return err
	}
	err = unix.EPERM
	if os.Geteuid() == 0 {
		err = h.fork(theirs, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWPID})
	}
	if h.user = errors.Is(err, unix.EPERM); h.user {
		err = h.fork(theirs, &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWPID,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		})
	}
	if err != nil {
		h.conn.Close()
		return problem(NoNamespace, err).errno(err).cured("sudo sysctl -w user.max_user_namespaces=15000",
			"sudo sysctl -w kernel.unprivileged_userns_clone=1", "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
	}
	return nil
}

func (h *remoteEnd) fork(sock *os.File, attr *syscall.SysProcAttr) (err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	h.proc, err = os.StartProcess("/proc/self/exe", []string{holderName}, &os.ProcAttr{
		Files: []*os.File{null, null, os.Stderr, sock},
		Env:   os.Environ(),
		Sys:   attr,
	})
	return err
}

// open has the holder open the device, and takes its file.
func (h *remoteEnd) open(c Config) (End, error) {
	c.NetNS = ""
	if err := send(h.conn, order{Open: &c}); err != nil {
		return End{}, hostProblem(holderName, err)
	}
	var r report
	files, err := receive(h.conn, &r)
	switch {
	case err != nil:
		return End{}, hostProblem(holderName, err)
	case r.Failed != nil:
		return End{}, r.Failed
	case r.Opened == nil || len(files) != 1:
		return End{}, problem(HostFailed, holderName, "no device")
	}
	h.tunFile, err = newTunFile(files[0])
	return *r.Opened, err
}

// watch hears what the holder tells, and when it ends.
func (h *remoteEnd) watch(tell func(state)) {
	h.loops.Go(func() {
		for {
			var r report
			if _, err := receive(h.conn, &r); err != nil {
				tell(stateNoSpace)
				return
			}
			if r.State != nil {
				tell(*r.State)
			}
		}
	})
}

// run has the holder run a command.
func (h *remoteEnd) run(ctx context.Context, argv []string, stdio [3]*os.File) (int, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, hostProblem("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "holder")
	defer theirs.Close()
	conn, err := socketOf(os.NewFile(uintptr(fds[0]), "command"))
	if err != nil {
		return -1, err
	}
	defer conn.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return -1, err
	}
	defer null.Close()
	for i, f := range stdio {
		if f == nil {
			stdio[i] = null
		}
	}
	defer keepTerminal(stdio[0])()
	if err := send(h.conn, order{Run: argv}, stdio[0], stdio[1], stdio[2], theirs); err != nil {
		return -1, hostProblem(holderName, err)
	}
	theirs.Close() // or the holder's end would not be seen
	stop := context.AfterFunc(ctx, func() { conn.CloseWrite() })
	defer stop()
	var r report
	if _, err := receive(conn, &r); err != nil || r.Exit == nil {
		return -1, hostProblem(holderName, errors.Join(err, ctx.Err()))
	}
	switch {
	case ctx.Err() != nil:
		return *r.Exit, ctx.Err()
	case r.Why != "":
		return *r.Exit, errors.New(r.Why)
	}
	return *r.Exit, nil
}

// keepTerminal returns what makes us the terminal's foreground again. A shell
// cannot give it back: our process group has no number in its namespace.
func keepTerminal(tty *os.File) func() {
	if tty == nil {
		return func() {}
	}
	raw, err := tty.SyscallConn()
	if err != nil {
		return func() {}
	}
	group := 0
	_ = raw.Control(func(fd uintptr) { group, err = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) })
	if err != nil || group != unix.Getpgrp() {
		return func() {} // no terminal, or not ours
	}
	return func() {
		signal.Ignore(syscall.SIGTTOU)
		defer signal.Reset(syscall.SIGTTOU)
		_ = raw.Control(func(fd uintptr) { _ = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPGRP, group) })
	}
}

// close ends the holder, and everything in its namespaces with it.
func (h *remoteEnd) close() {
	if h.f != nil {
		h.f.Close()
	}
	h.conn.Close()
	h.loops.Wait()
	_, _ = h.proc.Wait()
}

// socketOf takes a connected socket that is a file.
func socketOf(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, hostProblem("socket", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, problem(HostFailed, "socket", "no unix socket")
	}
	return u, nil
}

// send sends a message, and copies of files with it.
func send(c *net.UnixConn, msg any, files ...*os.File) error {
	text, err := json.Marshal(msg)
	if err != nil {
		return err
	}
	var fds []int
	return withFds(files, &fds, func() error {
		var oob []byte
		if len(fds) > 0 {
			oob = unix.UnixRights(fds...)
		}
		_, _, err := c.WriteMsgUnix(text, oob, nil)
		return err
	})
}

// withFds calls fn while fds are those of the files. Fd would make them block,
// in every process that has them.
func withFds(files []*os.File, fds *[]int, fn func() error) error {
	if len(files) == 0 {
		return fn()
	}
	raw, err := files[0].SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) {
		*fds = append(*fds, int(fd))
		err = withFds(files[1:], fds, fn)
	}); e != nil {
		return e
	}
	return err
}

// receive takes a message and its files.
func receive(c *net.UnixConn, msg any) (files []*os.File, err error) {
	text, oob := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4*4))
	n, oobn, _, _, err := c.ReadMsgUnix(text, oob)
	switch {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, net.ErrClosed
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, err
	}
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, json.Unmarshal(text[:n], msg)
}
