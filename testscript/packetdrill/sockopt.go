package packetdrill

import (
	"encoding/binary"
	"fmt"

	"menuos/stack"
)

// symbols are the constants that scripts may use (Linux, 32-bit x86).
var symbols = map[string]int64{
	"NULL": 0, "AF_INET": 2, "PF_INET": 2, "AF_UNSPEC": 0,
	"SOCK_STREAM": 1, "SOCK_DGRAM": 2, "SOCK_RAW": 3, "SOCK_NONBLOCK": 0o4000, "SOCK_CLOEXEC": 0o2000000,
	"IPPROTO_IP": 0, "IPPROTO_ICMP": 1, "IPPROTO_TCP": 6, "IPPROTO_UDP": 17,
	"SOL_SOCKET": 1, "SOL_IP": 0, "SOL_TCP": 6, "SOL_UDP": 17,
	"SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2,
	"SO_REUSEADDR": 2, "SO_TYPE": 3, "SO_ERROR": 4, "SO_DONTROUTE": 5, "SO_BROADCAST": 6, "SO_SNDBUF": 7,
	"SO_RCVBUF": 8, "SO_KEEPALIVE": 9, "SO_OOBINLINE": 10, "SO_PRIORITY": 12, "SO_LINGER": 13, "SO_REUSEPORT": 15,
	"SO_RCVLOWAT": 18, "SO_SNDLOWAT": 19, "SO_RCVTIMEO": 20, "SO_SNDTIMEO": 21, "SO_TIMESTAMP": 29,
	"SO_ACCEPTCONN": 30, "SO_SNDBUFFORCE": 32, "SO_RCVBUFFORCE": 33, "SO_MARK": 36, "SO_TIMESTAMPING": 37,
	"SO_PROTOCOL": 38, "SO_DOMAIN": 39, "SO_BUSY_POLL": 46, "SO_MAX_PACING_RATE": 47, "SO_ZEROCOPY": 60,
	"IP_TOS": 1, "IP_TTL": 2, "IP_HDRINCL": 3, "IP_MTU_DISCOVER": 10, "IP_RECVERR": 11, "IP_MTU": 14,
	"IP_FREEBIND": 15, "IP_MINTTL": 21, "IP_BIND_ADDRESS_NO_PORT": 24,
	"IP_PMTUDISC_DONT": 0, "IP_PMTUDISC_WANT": 1, "IP_PMTUDISC_DO": 2, "IP_PMTUDISC_PROBE": 3,
	"TCP_NODELAY": 1, "TCP_MAXSEG": 2, "TCP_CORK": 3, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6,
	"TCP_SYNCNT": 7, "TCP_LINGER2": 8, "TCP_DEFER_ACCEPT": 9, "TCP_WINDOW_CLAMP": 10, "TCP_INFO": 11,
	"TCP_QUICKACK": 12, "TCP_CONGESTION": 13, "TCP_MD5SIG": 14, "TCP_THIN_LINEAR_TIMEOUTS": 16,
	"TCP_THIN_DUPACK": 17, "TCP_USER_TIMEOUT": 18, "TCP_FASTOPEN": 23, "TCP_TIMESTAMP": 24,
	"TCP_NOTSENT_LOWAT": 25, "TCP_FASTOPEN_CONNECT": 30, "TCP_INQ": 36,
	"MSG_OOB": 1, "MSG_PEEK": 2, "MSG_TRUNC": 0x20, "MSG_DONTWAIT": 0x40, "MSG_EOR": 0x80, "MSG_WAITALL": 0x100,
	"MSG_NOSIGNAL": 0x4000, "MSG_MORE": 0x8000, "MSG_ERRQUEUE": 0x2000, "MSG_ZEROCOPY": 0x4000000,
	"MSG_FASTOPEN": 0x20000000,
	"POLLIN":       1, "POLLPRI": 2, "POLLOUT": 4, "POLLERR": 8, "POLLHUP": 0x10, "POLLNVAL": 0x20, "POLLRDNORM": 0x40,
	"POLLWRNORM": 0x100, "POLLRDHUP": 0x2000,
	"F_GETFL": 3, "F_SETFL": 4, "O_RDONLY": 0, "O_WRONLY": 1, "O_RDWR": 2, "O_NONBLOCK": 0o4000,
	"FIONREAD": 0x541b, "SIOCINQ": 0x541b, "SIOCOUTQ": 0x5411, "SIOCATMARK": 0x8905, "SIOCOUTQNSD": 0x894b,
}

// optionArgs reads what setsockopt and getsockopt have in common.
func (r *runner) optionArgs(args []Expr) (fd, level, name int, err error) {
	if len(args) != 5 {
		return 0, 0, 0, badArg("five arguments should be here")
	}
	if fd, err = r.fd(args, 0); err != nil {
		return 0, 0, 0, err
	}
	l, err := r.arg(args, 1)
	if err != nil {
		return 0, 0, 0, err
	}
	n, err := r.arg(args, 2)
	return fd, int(l), int(n), err
}

// optionValue is an option's value as bytes: [int], {onoff=, linger=} or a string.
func (r *runner) optionValue(e Expr) ([]byte, error) {
	switch e.Kind {
	case ExprString:
		return []byte(e.Text), nil
	case ExprStruct:
		on, ok1 := e.Field("onoff")
		linger, ok2 := e.Field("linger")
		if !ok1 || !ok2 {
			return nil, badArg("{onoff=…, linger=…} should be here")
		}
		a, err := r.number(on)
		if err != nil {
			return nil, err
		}
		b, err := r.number(linger)
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(a)), uint32(b)), err
	case ExprList:
		if len(e.Parts) == 1 && (e.Parts[0].Kind == ExprStruct || e.Parts[0].Kind == ExprString) {
			return r.optionValue(e.Parts[0])
		}
	}
	v, err := r.number(e)
	return binary.LittleEndian.AppendUint32(nil, uint32(v)), err
}

func doSetsockopt(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, level, name, err := r.optionArgs(args)
	if err != nil {
		return -1, nil, err
	}
	b, err := r.optionValue(args[3])
	if err != nil {
		return -1, nil, err
	}
	size, err := r.arg(args, 4)
	if err != nil {
		return -1, nil, err
	}
	if size >= 0 && size < int64(len(b)) {
		b = b[:size]
	}
	err = p.Setsockopt(fd, level, name, b)
	return result(err), nil, err
}

func doGetsockopt(r *runner, p *stack.Proc, args []Expr) (int64, func() error, error) {
	fd, level, name, err := r.optionArgs(args)
	if err != nil {
		return -1, nil, err
	}
	size, err := r.arg(args, 4)
	if err != nil || size < 0 || size > 4096 {
		return -1, nil, badArg("a list of one size should be here")
	}
	got, err := p.Getsockopt(fd, level, name, int(size))
	check := func() error {
		if args[3].Kind == ExprAny {
			return nil
		}
		want, err := r.optionValue(args[3])
		if err != nil {
			return err
		}
		if args[3].Kind == ExprString {
			for len(got) > 0 && got[len(got)-1] == 0 {
				got = got[:len(got)-1]
			}
		}
		if string(got) != string(want[:min(len(want), len(got))]) || len(got) == 0 {
			if len(got) == 4 {
				return fmt.Errorf("[%d]", int32(binary.LittleEndian.Uint32(got)))
			}
			return fmt.Errorf("%q", got)
		}
		return nil
	}
	return result(err), check, err
}
