package shell

import (
	"bufio"
	"bytes"
	"errors"
	"html"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"menuos/stack"
)

var httpdCommand = &Command{
	Name: "httpd", Usage: "[-fq] [-p [ADDR:]PORT] [-h TEXT]", Group: groupNetwork, Drives: true,
	Summary: text{"a web server, as busybox's httpd", "网页服务器(类似 busybox 的 httpd)"},
	Help: text{"Serves the files of the machine (ls) behind the prompt and prints a line for each request; kill %1 ends it.\n" +
		"Without index.html, / is a page of its own, with TEXT in it. Each connection has a process.",
		"在后台提供机器中的文件(见 ls),每个请求打印一行;kill %1 结束它。\n没有 index.html 时,/ 是内置页面,其中含 TEXT。每个连接有一个进程。"},
	Flags: func(f *pflag.FlagSet) { httpdFlags(f, new(httpdOptions)) },
	Run:   runHttpd,
}

type httpdOptions struct {
	port, text        string
	foreground, quiet bool
}

func httpdFlags(f *pflag.FlagSet, o *httpdOptions) {
	f.StringVarP(&o.port, "port", "p", "80", "port, or address and port")
	f.StringVarP(&o.text, "home", "h", "", "text of the page at /")
	f.BoolVarP(&o.foreground, "foreground", "f", false, "stay in the foreground")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print no requests")
}

const (
	httpdBacklog = 9 // as busybox's
	httpdIdle    = 60 * time.Second
)

func runHttpd(c *Cmd) int {
	var o httpdOptions
	args, st, ok := c.flags(func(f *pflag.FlagSet) { httpdFlags(f, &o) })
	if !ok {
		return st
	}
	if len(args) > 0 {
		return c.usage("%s", c.msg("extra", args[0]))
	}
	if !strings.Contains(o.port, ":") {
		o.port = "0.0.0.0:" + o.port
	}
	at, err := netip.ParseAddrPort(o.port)
	if err != nil || !at.Addr().Is4() {
		return c.usage("%s", c.msg("badNumber", strings.TrimPrefix(o.port, "0.0.0.0:")))
	}
	failed := make(chan error, 1)
	body := func(p *stack.Proc) int { return (&httpd{p: p, s: c.S, o: &o}).serve(at, failed) }
	st = 0
	if o.foreground || c.line.job != nil {
		st = c.run(true, body)
	} else {
		c.spawn("httpd", body)
		c.line.awaitSettled()
	}
	select {
	case err := <-failed:
		return c.fail("bind %s: %v (%s)", at, err, errnoName(err))
	default:
		return st
	}
}

// httpd is the server, and the child of it that has a connection.
type httpd struct {
	p *stack.Proc
	s *Session
	o *httpdOptions
}

// serve is the program: a child for each connection.
func (h *httpd) serve(at netip.AddrPort, failed chan<- error) int {
	p := h.p
	fd, err := listenOn(p, at, httpdBacklog)
	if err != nil {
		failed <- err
		return 1
	}
	for {
		conn, peer, err := p.Accept(fd)
		if err != nil {
			p.Printf("httpd: accept: %v\n", err)
			return 1
		}
		p.Fork("httpd", func(child *stack.Proc) int {
			child.Close(fd)
			(&httpd{child, h.s, h.o}).talk(conn, peer)
			child.Close(conn)
			return 0
		})
		p.Close(conn)
	}
}

// talk answers the requests of a connection.
func (h *httpd) talk(fd int, peer netip.AddrPort) {
	conn := &sockConn{p: h.p, fd: fd}
	r, w := bufio.NewReader(conn), bufio.NewWriterSize(conn, 16384)
	for {
		conn.till = h.p.Now() + httpdIdle
		req, err := http.ReadRequest(r)
		var errno stack.Errno
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errTimedOut), errors.As(err, &errno):
			return
		case err != nil:
			h.log(peer, "-", http.StatusBadRequest, 0)
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		conn.till = 0
		page := &page{header: make(http.Header)}
		h.handle(page, req)
		resp := page.response(req, h.date())
		if resp.Write(w) != nil || w.Flush() != nil {
			return
		}
		h.log(peer, req.Method+" "+req.RequestURI+" "+req.Proto, resp.StatusCode, resp.ContentLength)
		if resp.Close {
			return
		}
	}
}

func (h *httpd) date() time.Time { return epoch.Add(h.p.Now()) }

// log prints a request in the common log format.
func (h *httpd) log(peer netip.AddrPort, request string, status int, size int64) {
	if !h.o.quiet {
		h.p.Printf("%s - - [%s] %q %d %d\n", peer.Addr(), h.date().Format("02/Jan/2006:15:04:05 -0700"), request, status, size)
	}
}

// handle answers GET and HEAD with a file or the page at /.
func (h *httpd) handle(w *page, req *http.Request) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		http.Error(w, "501 Not Implemented", http.StatusNotImplemented)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+req.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	f, err := h.s.fs.open(name, os.O_RDONLY)
	switch {
	case err == nil:
		data, _ := io.ReadAll(f)
		w.header.Set("Content-Type", contentType(name))
		http.ServeContent(w, req, name, time.Time{}, bytes.NewReader(data))
	case name == "index.html":
		w.header.Set("Content-Type", contentType(name))
		http.ServeContent(w, req, name, time.Time{}, strings.NewReader(h.front()))
	default:
		http.Error(w, "404 Not Found", http.StatusNotFound)
	}
}

// front is the page at / if there is no index.html.
func (h *httpd) front() string {
	said := h.o.text
	if said == "" {
		said = "The TCP/IP stack of Linux " + LinuxVersion + " sent this page."
	}
	return "<!DOCTYPE html>\n<html><head><title>menuos</title></head>\n<body><h1>menuos</h1>\n<p>" + html.EscapeString(said) + "</p>\n</body></html>\n"
}

// contentType is what a file is, by its name. The host's own list is not asked: a
// session is the same everywhere.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html", ".htm":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css"
	case ".js":
		return "text/javascript"
	case ".json":
		return "application/json"
	case "", ".txt", ".conf", ".zone":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// page is an answer while it is made (http.ResponseWriter).
type page struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *page) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *page) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *page) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// response is the answer to a request.
func (w *page) response(req *http.Request, date time.Time) *http.Response {
	w.header.Set("Date", date.UTC().Format(http.TimeFormat))
	w.header.Set("Server", "menuos")
	size := int64(w.body.Len())
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil && req.Method == http.MethodHead {
		size = n // ServeContent writes no body then
	}
	w.header.Del("Content-Length")
	return &http.Response{StatusCode: w.status, ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Request: req, ContentLength: size,
		Body: io.NopCloser(&w.body), Close: req.Close || req.Body != nil && req.ContentLength != 0}
}
