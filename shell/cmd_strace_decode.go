package shell

// How strace prints a system call: what is known when it begins, and what is
// known only when it ends.

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"menuos/stack"
)

// straceText is the text of a call's arguments.
type straceText struct{ limit int } // bytes of a string

var (
	straceTypes   = map[int64]string{1: "SOCK_STREAM", 2: "SOCK_DGRAM", 3: "SOCK_RAW"}
	straceProtos  = map[int64]string{0: "IPPROTO_IP", 1: "IPPROTO_ICMP", 6: "IPPROTO_TCP", 17: "IPPROTO_UDP", 255: "IPPROTO_RAW"}
	straceLevels  = map[int64]string{0: "SOL_IP", 1: "SOL_SOCKET", 6: "SOL_TCP", 17: "SOL_UDP", 255: "SOL_RAW"}
	straceOptions = map[int64]map[int64]string{
		0: {1: "IP_TOS", 2: "IP_TTL", 3: "IP_HDRINCL", 4: "IP_OPTIONS", 6: "IP_RECVOPTS", 8: "IP_PKTINFO", 10: "IP_MTU_DISCOVER",
			11: "IP_RECVERR", 12: "IP_RECVTTL", 13: "IP_RECVTOS", 14: "IP_MTU", 32: "IP_MULTICAST_IF", 33: "IP_MULTICAST_TTL",
			34: "IP_MULTICAST_LOOP", 35: "IP_ADD_MEMBERSHIP", 36: "IP_DROP_MEMBERSHIP"},
		1: {1: "SO_DEBUG", 2: "SO_REUSEADDR", 3: "SO_TYPE", 4: "SO_ERROR", 5: "SO_DONTROUTE", 6: "SO_BROADCAST", 7: "SO_SNDBUF",
			8: "SO_RCVBUF", 9: "SO_KEEPALIVE", 10: "SO_OOBINLINE", 12: "SO_PRIORITY", 13: "SO_LINGER", 15: "SO_REUSEPORT", 18: "SO_RCVLOWAT",
			20: "SO_RCVTIMEO", 21: "SO_SNDTIMEO", 25: "SO_BINDTODEVICE", 29: "SO_TIMESTAMP", 30: "SO_ACCEPTCONN", 36: "SO_MARK"},
		6: {1: "TCP_NODELAY", 2: "TCP_MAXSEG", 3: "TCP_CORK", 4: "TCP_KEEPIDLE", 5: "TCP_KEEPINTVL", 6: "TCP_KEEPCNT", 7: "TCP_SYNCNT",
			8: "TCP_LINGER2", 9: "TCP_DEFER_ACCEPT", 10: "TCP_WINDOW_CLAMP", 11: "TCP_INFO", 12: "TCP_QUICKACK", 13: "TCP_CONGESTION",
			18: "TCP_USER_TIMEOUT", 23: "TCP_FASTOPEN", 25: "TCP_NOTSENT_LOWAT"},
		255: {1: "ICMP_FILTER"},
	}
	straceMsg  = []straceBit{{1, "MSG_OOB"}, {2, "MSG_PEEK"}, {4, "MSG_DONTROUTE"}, {0x20, "MSG_TRUNC"}, {0x40, "MSG_DONTWAIT"}, {0x100, "MSG_WAITALL"}, {0x2000, "MSG_ERRQUEUE"}, {0x4000, "MSG_NOSIGNAL"}, {0x8000, "MSG_MORE"}}
	stracePoll = []straceBit{{1, "POLLIN"}, {2, "POLLPRI"}, {4, "POLLOUT"}, {8, "POLLERR"}, {16, "POLLHUP"}, {32, "POLLNVAL"}, {64, "POLLRDNORM"}, {128, "POLLRDBAND"}, {256, "POLLWRNORM"}, {0x2000, "POLLRDHUP"}}
	straceType = []straceBit{{0x800, "SOCK_NONBLOCK"}, {0x80000, "SOCK_CLOEXEC"}}
	straceFile = []straceBit{{2, "O_RDWR"}, {0x800, "O_NONBLOCK"}}
)

type straceBit struct {
	bit  int64
	name string
}

// bitText is a set of flags; what has no name is a number.
func bitText(v int64, bits []straceBit) string {
	var out []string
	for _, b := range bits {
		if v&b.bit != 0 {
			out = append(out, b.name)
			v &^= b.bit
		}
	}
	if v != 0 || out == nil {
		if v == 0 {
			return "0"
		}
		out = append(out, fmt.Sprintf("%#x", v))
	}
	return strings.Join(out, "|")
}

func nameOr(m map[int64]string, v int64) string {
	if s, ok := m[v]; ok {
		return s
	}
	return fmt.Sprintf("%#x", v)
}

// begin is what is known of a call's arguments when it begins.
func (x straceText) begin(ev *stack.CallEvent) string {
	a := &ev.Args
	fd := fmt.Sprint(a[0])
	switch ev.Name {
	case "socket":
		return fmt.Sprintf("%s, %s, %s", domainText(a[0]), socketTypeText(a[1]), nameOr(straceProtos, a[2]))
	case "bind", "connect":
		return fmt.Sprintf("%s, %s, %d", fd, sockaddrText(ev.Addr, a[2]), a[2])
	case "listen":
		return fmt.Sprintf("%s, %d", fd, a[1])
	case "shutdown":
		return fmt.Sprintf("%s, %s", fd, nameOr(map[int64]string{0: "SHUT_RD", 1: "SHUT_WR", 2: "SHUT_RDWR"}, a[1]))
	case "send", "sendto":
		text := fmt.Sprintf("%s, %s, %d, %s", fd, x.quote(ev.Buf), a[2], bitText(a[3], straceMsg))
		if ev.Name == "sendto" {
			text += fmt.Sprintf(", %s, %d", sockaddrText(ev.Addr, a[5]), a[5])
		}
		return text
	case "setsockopt":
		return fmt.Sprintf("%s, %s, %d", x.option(ev), x.optionValue(a[1], a[2], ev.Buf), a[4])
	case "getsockopt":
		return x.option(ev) + ", "
	case "poll":
		return fmt.Sprintf("%s, %d, %d", pollText(ev.Fds, false), len(ev.Fds), a[2])
	case "nanosleep":
		d := time.Duration(a[0])
		return fmt.Sprintf("{tv_sec=%d, tv_nsec=%d}, NULL", d/time.Second, d%time.Second)
	case "fcntl64":
		return fmt.Sprintf("%s, F_SETFL, %s", fd, bitText(a[2], straceFile))
	case "accept", "accept4", "getsockname", "getpeername", "recv", "recvfrom":
		return fd + ", "
	case "close":
		return fd
	case "fork":
		return ""
	}
	return fmt.Sprintf("%s, %#x", fd, a[1])
}

// end is what is known only when the call has ended.
func (x straceText) end(ev *stack.CallEvent) string {
	a := &ev.Args
	addr := "NULL, NULL"
	if ev.Ret >= 0 && a[5] > 0 {
		addr = fmt.Sprintf("%s, [%d]", sockaddrText(ev.Addr, a[5]), a[5])
	}
	got := "NULL"
	if ev.Ret >= 0 && ev.Ret <= int64(len(ev.Buf)) {
		got = x.quote(ev.Buf[:ev.Ret])
	}
	switch ev.Name {
	case "accept", "getsockname", "getpeername":
		return addr
	case "accept4":
		return addr + ", " + bitText(a[3], straceType)
	case "recv":
		return fmt.Sprintf("%s, %d, %s", got, a[2], bitText(a[3], straceMsg))
	case "recvfrom":
		return fmt.Sprintf("%s, %d, %s, %s", got, a[2], bitText(a[3], straceMsg), addr)
	case "getsockopt":
		if ev.Ret < 0 {
			return fmt.Sprintf("NULL, [%d]", len(ev.Buf))
		}
		n := min(max(a[5], 0), int64(len(ev.Buf)))
		return fmt.Sprintf("%s, [%d]", x.optionValue(a[1], a[2], ev.Buf[:n]), n)
	}
	return ""
}

// restarts are results that a signal makes (include/linux/errno.h).
var restarts = map[int64]string{
	512: "ERESTARTSYS (To be restarted if SA_RESTART is set)",
	513: "ERESTARTNOINTR (To be restarted)",
	514: "ERESTARTNOHAND (To be restarted if no handler)",
	516: "ERESTART_RESTARTBLOCK (Interrupted by signal)",
}

// result is what stands behind the =.
func (x straceText) result(ev *stack.CallEvent) string {
	if text, ok := restarts[-ev.Ret]; ok {
		return "? " + text
	}
	if ev.Ret < 0 {
		e := stack.Errno(-ev.Ret)
		return fmt.Sprintf("-1 %s (%s)", e.Name(), e.Error())
	}
	text := fmt.Sprint(ev.Ret)
	switch {
	case ev.Name == "poll" && ev.Ret == 0:
		text += " (Timeout)"
	case ev.Name == "poll":
		text += " (" + pollText(ev.Fds, true) + ")"
	}
	return text
}

func domainText(v int64) string {
	return nameOr(map[int64]string{0: "AF_UNSPEC", 1: "AF_UNIX", 2: "AF_INET", 10: "AF_INET6", 16: "AF_NETLINK", 17: "AF_PACKET"}, v)
}

func socketTypeText(v int64) string {
	text := nameOr(straceTypes, v&15)
	if flags := v &^ 15; flags != 0 {
		text += "|" + bitText(flags, straceType)
	}
	return text
}

// sockaddrText is a struct sockaddr of n bytes.
func sockaddrText(b []byte, n int64) string {
	b = b[:min(max(n, 0), int64(len(b)))]
	if len(b) < 2 {
		return "NULL"
	}
	family := int64(binary.LittleEndian.Uint16(b))
	if family != stack.AF_INET || len(b) < 8 {
		return fmt.Sprintf("{sa_family=%s}", domainText(family))
	}
	return fmt.Sprintf("{sa_family=AF_INET, sin_port=htons(%d), sin_addr=inet_addr(\"%s\")}",
		binary.BigEndian.Uint16(b[2:]), netip.AddrFrom4([4]byte(b[4:8])))
}

func (x straceText) option(ev *stack.CallEvent) string {
	return fmt.Sprintf("%d, %s, %s", ev.Args[0], nameOr(straceLevels, ev.Args[1]), nameOr(straceOptions[ev.Args[1]], ev.Args[2]))
}

func (x straceText) optionValue(level, name int64, b []byte) string {
	le := binary.LittleEndian
	switch {
	case level == stack.SOL_SOCKET && name == stack.SO_LINGER && len(b) == 8:
		return fmt.Sprintf("{l_onoff=%d, l_linger=%d}", int32(le.Uint32(b)), int32(le.Uint32(b[4:])))
	case level == stack.SOL_SOCKET && (name == stack.SO_RCVTIMEO || name == stack.SO_SNDTIMEO) && len(b) == 8:
		return fmt.Sprintf("{tv_sec=%d, tv_usec=%d}", int32(le.Uint32(b)), int32(le.Uint32(b[4:])))
	case level == stack.IPPROTO_TCP && name == stack.TCP_CONGESTION:
		return x.quote(b)
	case len(b) == 4:
		return fmt.Sprintf("[%d]", int32(le.Uint32(b)))
	}
	return x.quote(b)
}

func pollText(fds []stack.PollFd, after bool) string {
	var out []string
	for _, f := range fds {
		switch {
		case !after:
			out = append(out, fmt.Sprintf("{fd=%d, events=%s}", f.Fd, bitText(int64(f.Events), stracePoll)))
		case f.Revents != 0:
			out = append(out, fmt.Sprintf("{fd=%d, revents=%s}", f.Fd, bitText(int64(f.Revents), stracePoll)))
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// quote is a buffer as a string of C.
func (x straceText) quote(b []byte) string {
	more := ""
	if len(b) > x.limit {
		b, more = b[:x.limit], "..."
	}
	var out strings.Builder
	out.WriteByte('"')
	for i, c := range b {
		if at := strings.IndexByte("\"\\\n\r\t\v\f", c); at >= 0 {
			out.WriteByte('\\')
			out.WriteByte(`"\nrtvf`[at])
			continue
		}
		switch {
		case c >= ' ' && c < 127:
			out.WriteByte(c)
		case i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '9':
			fmt.Fprintf(&out, "\\%03o", c)
		default:
			fmt.Fprintf(&out, "\\%o", c)
		}
	}
	return out.String() + "\"" + more
}
