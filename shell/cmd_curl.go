package shell

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
)

var curlCommand = &Command{
	Name: "curl", Usage: "[OPTION]... URL...", Group: groupNetwork, Drives: true,
	Summary: text{"fetch a URL over HTTP", "通过 HTTP 获取 URL"},
	Help: text{"http only: the machine has no TLS. It prints no progress. Exit status as curl's: 6 no such host,\n" +
		"7 no connection, 28 timed out, 52 empty answer, 56 connection broken.",
		"仅支持 http:机器没有 TLS。不显示进度。退出状态与 curl 相同:6 无此主机,\n7 无法连接,28 超时,52 空应答,56 连接中断。"},
	Flags: func(f *pflag.FlagSet) { curlFlags(f, new(curlOptions)) },
	Words: hostWords,
	Run:   runCurl,
}

type curlOptions struct {
	verbose, head, include, silent, showError, follow, fail, get, four bool

	output, method, agent, write string
	data, headers, resolve       []string
	maxTime, connectTime         float64
}

func curlFlags(f *pflag.FlagSet, o *curlOptions) {
	f.BoolVarP(&o.verbose, "verbose", "v", false, "tell of the connection and the headers")
	f.BoolVarP(&o.head, "head", "I", false, "the headers only")
	f.BoolVarP(&o.include, "include", "i", false, "with the headers of the answer")
	f.StringVarP(&o.output, "output", "o", "", "write to this file")
	f.BoolVarP(&o.silent, "silent", "s", false, "no error messages")
	f.BoolVarP(&o.showError, "show-error", "S", false, "error messages in spite of -s")
	f.BoolVarP(&o.fail, "fail", "f", false, "an answer of 400 and above is an error (22)")
	f.StringArrayVarP(&o.data, "data", "d", nil, "send this by POST; @FILE: the file, @-: what is read")
	f.BoolVarP(&o.get, "get", "G", false, "send -d behind the URL, by GET")
	f.StringVarP(&o.method, "request", "X", "", "the method")
	f.StringArrayVarP(&o.headers, "header", "H", nil, "a header line; NAME: takes one away")
	f.StringVarP(&o.agent, "user-agent", "A", "curl/menuos", "the User-Agent")
	f.BoolVarP(&o.follow, "location", "L", false, "follow redirects")
	f.Float64VarP(&o.maxTime, "max-time", "m", 0, "give up after so many seconds")
	f.Float64Var(&o.connectTime, "connect-timeout", 0, "give up connecting after so many seconds")
	f.StringVarP(&o.write, "write-out", "w", "", "print this at the end: %{http_code}, %{size_download}, %{time_total} …")
	f.StringArrayVar(&o.resolve, "resolve", nil, "HOST:PORT:ADDR: this address for the host")
	f.BoolVarP(&o.four, "ipv4", "4", false, "IPv4 (it is all there is)")
}

// curlError is an error with curl's exit status.
type curlError struct {
	code int
	text string
}

func (e *curlError) Error() string { return e.text }

func curlErrorf(code int, format string, args ...any) error {
	return &curlError{code, fmt.Sprintf(format, args...)}
}

func runCurl(c *Cmd) int {
	var o curlOptions
	args, st, ok := c.flags(func(f *pflag.FlagSet) { curlFlags(f, &o) })
	if !ok {
		return st
	}
	if len(args) == 0 {
		fmt.Fprintln(c.Err, "curl: no URL specified!\ncurl: try 'curl --help' for more information")
		return 2
	}
	body, st := o.body(c)
	if st != 0 {
		return st
	}
	return c.run(true, func(p *stack.Proc) int {
		status := 0
		for _, arg := range args {
			k := &curl{c: c, p: p, o: &o, body: body, began: p.Now(), out: c.Out}
			status = k.transfer(arg)
		}
		return status
	})
}

// body is what -d sends; nil: there is none.
func (o *curlOptions) body(c *Cmd) (body []byte, status int) {
	for i, d := range o.data {
		b := []byte(d)
		if name, file := strings.CutPrefix(d, "@"); file {
			var st int
			if name == "-" {
				b, st = c.input(nil)
			} else {
				b, st = c.input([]string{name})
			}
			if st != 0 {
				return nil, 26
			}
			b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\n"), nil), []byte("\r"), nil)
		}
		if i > 0 {
			body = append(body, '&')
		}
		body = append(body, b...)
	}
	if o.data != nil && body == nil {
		body = []byte{}
	}
	return body, 0
}

// curl is the transfer of one URL.
type curl struct {
	c    *Cmd
	p    *stack.Proc
	o    *curlOptions
	body []byte
	out  io.Writer

	url            *url.URL
	method         string
	redirects      int
	began          time.Duration
	named, linked  time.Duration // when the address was known, and the connection made
	first          time.Duration // when the first byte came
	local, remote  netip.AddrPort
	status, header int // of the last answer: its code, its header's bytes
	kind           string
	size           int64
	conns          int
}

const curlRedirects = 50

// transfer fetches a URL and says what went wrong; it gives the exit status.
func (k *curl) transfer(arg string) int {
	err := k.fetch(arg)
	code := 0
	var ce *curlError
	if errors.As(err, &ce) {
		code = ce.code
	}
	if err != nil && (!k.o.silent || k.o.showError) {
		fmt.Fprintf(k.c.Err, "curl: (%d) %v\n", code, err)
		if code == 1 && k.url != nil && k.url.Scheme == "https" {
			fmt.Fprintln(k.c.Err, k.c.msg("curlHTTPS"))
		}
	}
	if k.o.write != "" {
		io.WriteString(k.c.Out, k.writeOut(code)) // whatever -o says
	}
	return code
}

func (k *curl) fetch(arg string) error {
	if !strings.Contains(arg, "://") {
		arg = "http://" + arg
	}
	u, err := url.Parse(arg)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return curlErrorf(3, "URL using bad/illegal format or missing URL")
	}
	k.url = u
	if k.method = k.o.method; k.method == "" {
		switch {
		case k.o.head:
			k.method = http.MethodHead
		case k.body != nil && !k.o.get:
			k.method = http.MethodPost
		default:
			k.method = http.MethodGet
		}
	}
	if k.o.get && len(k.body) > 0 {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += string(k.body)
		k.body = nil
	}
	for {
		next, err := k.exchange()
		if err != nil || next == nil {
			return err
		}
		if k.redirects++; k.redirects > curlRedirects {
			return curlErrorf(47, "Maximum (%d) redirects followed", curlRedirects)
		}
		if k.o.verbose {
			k.note("Issue another request to this URL: '%s'", next)
		}
		k.url = next
		if k.o.method == "" && k.method == http.MethodPost && k.status != http.StatusTemporaryRedirect && k.status != http.StatusPermanentRedirect {
			k.method, k.body = http.MethodGet, nil
		}
	}
}

// note is a line that -v prints about the connection.
func (k *curl) note(format string, args ...any) {
	if k.o.verbose {
		fmt.Fprintf(k.c.Err, "* "+format+"\n", args...)
	}
}

// address is what the URL's host names.
func (k *curl) address() (netip.AddrPort, error) {
	port := uint64(80)
	if s := k.url.Port(); s != "" {
		var err error
		if port, err = strconv.ParseUint(s, 10, 16); err != nil {
			return netip.AddrPort{}, curlErrorf(3, "URL using bad/illegal format or missing URL")
		}
	}
	host := k.url.Hostname()
	for _, r := range k.o.resolve {
		f := strings.SplitN(r, ":", 3)
		if len(f) != 3 {
			return netip.AddrPort{}, curlErrorf(49, "Couldn't parse CURLOPT_RESOLVE entry '%s'", r)
		}
		if a, err := netip.ParseAddr(f[2]); err == nil && strings.EqualFold(f[0], host) && f[1] == strconv.FormatUint(port, 10) {
			return netip.AddrPortFrom(a, uint16(port)), nil
		}
	}
	a, err := k.c.lookup(k.p, host)
	if err != nil {
		return netip.AddrPort{}, curlErrorf(6, "Could not resolve host: %s", host)
	}
	return netip.AddrPortFrom(a, uint16(port)), nil
}

// connect makes the connection for the URL.
func (k *curl) connect() (*sockConn, error) {
	if k.url.Scheme != "http" {
		return nil, curlErrorf(1, "Protocol \"%s\" not supported or disabled in libcurl", k.url.Scheme)
	}
	to, err := k.address()
	if err != nil {
		return nil, err
	}
	k.named = k.p.Now()
	wait := time.Duration(k.o.connectTime * float64(time.Second))
	if left := k.left(); left != 0 && (wait == 0 || left < wait) {
		wait = left
	}
	if k.o.verbose {
		fmt.Fprintf(k.c.Err, "*   Trying %s...\n", to)
	}
	fd, err := dial(k.p, stack.SOCK_STREAM, netip.AddrPort{}, to, wait)
	switch {
	case errors.Is(err, errTimedOut):
		return nil, curlErrorf(28, "Connection timed out after %d milliseconds", k.since())
	case err != nil:
		k.note("connect to %s port %d failed: %v", to.Addr(), to.Port(), err)
		code := 7
		if errors.Is(err, stack.ETIMEDOUT) {
			code = 28
		}
		return nil, curlErrorf(code, "Failed to connect to %s port %d: %v", k.url.Hostname(), to.Port(), err)
	}
	k.linked = k.p.Now()
	k.local, _ = k.p.Getsockname(fd)
	k.remote = to
	k.note("Connected to %s (%s) port %d (#%d)", k.url.Hostname(), to.Addr(), to.Port(), k.conns)
	conn := &sockConn{p: k.p, fd: fd}
	if k.o.maxTime > 0 {
		conn.till = k.deadline()
	}
	return conn, nil
}

func (k *curl) deadline() time.Duration {
	return k.began + time.Duration(k.o.maxTime*float64(time.Second))
}

// left is what -m leaves, 0 if there is no limit.
func (k *curl) left() time.Duration {
	if k.o.maxTime <= 0 {
		return 0
	}
	return max(1, k.deadline()-k.p.Now())
}

// since is the time of the transfer so far, in milliseconds.
func (k *curl) since() int64 { return int64((k.p.Now() - k.began) / time.Millisecond) }

// output is where the answer goes: the file of -o is made when the first answer
// comes.
func (k *curl) output() (io.Writer, error) {
	if k.o.output == "" || k.o.output == "-" || k.out != k.c.Out {
		return k.out, nil
	}
	h, err := k.c.S.fs.open(k.o.output, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return nil, curlErrorf(23, "Failed to open the file %s: %s", k.o.output, reason(err))
	}
	k.out = h
	return h, nil
}

// writeOut is the text of -w.
func (k *curl) writeOut(code int) string {
	seconds := func(at time.Duration) string {
		if at == 0 {
			at = k.began
		}
		return fmt.Sprintf("%.6f", (at - k.began).Seconds())
	}
	effective := ""
	if k.url != nil {
		effective = k.url.String()
	}
	vars := map[string]string{
		"http_code": fmt.Sprintf("%03d", k.status), "response_code": fmt.Sprintf("%03d", k.status), "size_download": strconv.FormatInt(k.size, 10),
		"size_header": strconv.Itoa(k.header), "content_type": k.kind, "num_redirects": strconv.Itoa(k.redirects), "num_connects": strconv.Itoa(k.conns),
		"url_effective": effective, "method": k.method, "exitcode": strconv.Itoa(code), "remote_ip": k.remote.Addr().String(),
		"remote_port": strconv.Itoa(int(k.remote.Port())), "local_ip": k.local.Addr().String(), "local_port": strconv.Itoa(int(k.local.Port())),
		"time_namelookup": seconds(k.named), "time_connect": seconds(k.linked), "time_starttransfer": seconds(k.first), "time_total": seconds(k.p.Now()),
	}
	var pairs []string
	for name, v := range vars {
		pairs = append(pairs, "%{"+name+"}", v)
	}
	pairs = append(pairs, `\n`, "\n", `\t`, "\t", `\r`, "\r", "%%", "%")
	return strings.NewReplacer(pairs...).Replace(k.o.write)
}
