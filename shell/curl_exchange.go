package shell

// One request of curl and its answer.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"menuos/stack"
)

// curlHeaderMax is how long a header may be, in bytes.
const curlHeaderMax = 300 << 10

// exchange sends the request and prints the answer. next is where -L goes.
func (k *curl) exchange() (next *url.URL, err error) {
	req, err := k.request()
	if err != nil {
		return nil, err
	}
	conn, err := k.connect()
	if err != nil {
		return nil, err
	}
	defer k.p.Close(conn.fd)
	n := k.conns
	k.conns++
	if err := k.send(conn, req); err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(conn, 16384)
	resp, head, err := k.answer(r, req)
	if err != nil {
		k.note("Closing connection %d", n)
		return nil, err
	}
	k.status, k.header, k.kind = resp.StatusCode, len(head), resp.Header.Get("Content-Type")
	if k.o.fail && k.status >= 400 {
		return nil, curlErrorf(22, "The requested URL returned error: %d", k.status)
	}
	if loc := resp.Header.Get("Location"); k.o.follow && loc != "" && k.status/100 == 3 {
		if next, err = k.url.Parse(loc); err != nil {
			return nil, curlErrorf(3, "URL using bad/illegal format or missing URL")
		}
	}
	if err := k.print(resp, head, next != nil); err != nil {
		k.note("Closing connection %d", n)
		return nil, err
	}
	if resp.Close {
		k.note("Closing connection %d", n)
	} else {
		k.note("Connection #%d to host %s left intact", n, k.url.Hostname())
	}
	return next, nil
}

// request makes the request with its headers.
func (k *curl) request() (*http.Request, error) {
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body) // NewRequest takes its length
	}
	req, err := http.NewRequest(k.method, k.url.String(), body)
	if err != nil {
		return nil, curlErrorf(3, "URL using bad/illegal format or missing URL")
	}
	req.Header.Set("User-Agent", k.o.agent)
	req.Header.Set("Accept", "*/*")
	if k.body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if u := k.url.User; u != nil {
		password, _ := u.Password()
		req.SetBasicAuth(u.Username(), password)
	}
	for _, line := range k.o.headers {
		name, val, ok := strings.Cut(line, ":")
		val = strings.TrimSpace(val)
		switch {
		case !ok:
			if name, ok = strings.CutSuffix(line, ";"); ok {
				req.Header[name] = []string{""}
			}
		case strings.EqualFold(name, "Host"):
			req.Host = val
		case val == "" && strings.EqualFold(name, "User-Agent"):
			req.Header.Set(name, "") // else net/http puts its own
		case val == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, val)
		}
	}
	return req, nil
}

// send writes the request.
func (k *curl) send(conn *sockConn, req *http.Request) error {
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		return curlErrorf(3, "%v", err)
	}
	if k.o.verbose {
		head, _, _ := strings.Cut(wire.String(), "\r\n\r\n")
		for _, l := range append(strings.Split(head, "\r\n"), "") {
			fmt.Fprintf(k.c.Err, "> %s\n", l)
		}
	}
	if _, err := conn.Write(wire.Bytes()); err != nil {
		if errors.Is(err, errTimedOut) {
			return k.timedOut(-1)
		}
		return curlErrorf(55, "Send failure: %v", err)
	}
	if len(k.body) > 0 {
		k.note("upload completely sent off: %d out of %d bytes", len(k.body), len(k.body))
	}
	return nil
}

// answer reads the header of the answer, past those that say "go on". head is as
// it came.
func (k *curl) answer(r *bufio.Reader, req *http.Request) (resp *http.Response, head []byte, err error) {
	for {
		if head, err = k.readHead(r); err != nil {
			return nil, nil, err
		}
		resp, err = http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(head), r)), req)
		if err != nil {
			return nil, nil, curlErrorf(8, "Weird server reply")
		}
		if k.o.verbose {
			for _, l := range strings.Split(strings.TrimSuffix(string(head), "\n"), "\n") {
				fmt.Fprintf(k.c.Err, "< %s\n", strings.TrimSuffix(l, "\r"))
			}
		}
		if resp.StatusCode/100 != 1 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, head, nil
		}
	}
}

// readHead reads up to the empty line behind a header.
func (k *curl) readHead(r *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		line, err := r.ReadBytes('\n')
		if len(head) == 0 && len(line) > 0 {
			k.first = k.p.Now()
			if !strings.HasPrefix(string(line), "HTTP/") {
				return nil, curlErrorf(1, "Received HTTP/0.9 when not allowed")
			}
		}
		head = append(head, line...)
		switch {
		case errors.Is(err, io.EOF) && len(head) == 0:
			return nil, curlErrorf(52, "Empty reply from server")
		case errors.Is(err, io.EOF):
			return nil, curlErrorf(8, "Weird server reply")
		case err != nil:
			return nil, k.receiveError(err, -1)
		case len(head) > curlHeaderMax:
			return nil, curlErrorf(56, "Too large response headers: %d > %d", len(head), curlHeaderMax)
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			return head, nil
		}
	}
}

// print writes the answer out; the body of a redirect that is followed is read
// and dropped.
func (k *curl) print(resp *http.Response, head []byte, drop bool) error {
	out, err := k.output()
	if err != nil {
		return err
	}
	if k.o.include || k.o.head {
		if _, err := out.Write(head); err != nil {
			return k.writeError()
		}
	}
	if drop {
		out = io.Discard
	}
	if k.o.head {
		return nil
	}
	defer resp.Body.Close()
	buf := make([]byte, 16384)
	k.size = 0
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			k.size += int64(n)
			if _, err := out.Write(buf[:n]); err != nil {
				return k.writeError()
			}
		}
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF) && resp.ContentLength >= 0:
			return curlErrorf(18, "transfer closed with %d bytes remaining to read", resp.ContentLength-k.size)
		case errors.Is(err, io.ErrUnexpectedEOF):
			return curlErrorf(18, "transfer closed with outstanding read data remaining")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return k.receiveError(err, resp.ContentLength)
		}
	}
}

func (k *curl) writeError() error { return curlErrorf(23, "Failed writing body") }

// receiveError is what went wrong amid an answer of size bytes (-1: not known).
func (k *curl) receiveError(err error, size int64) error {
	var errno stack.Errno
	switch {
	case errors.Is(err, errTimedOut):
		return k.timedOut(size)
	case errors.As(err, &errno):
		return curlErrorf(56, "Recv failure: %v", errno)
	}
	return curlErrorf(56, "%v", err)
}

func (k *curl) timedOut(size int64) error {
	if size >= 0 {
		return curlErrorf(28, "Operation timed out after %d milliseconds with %d out of %d bytes received", k.since(), k.size, size)
	}
	return curlErrorf(28, "Operation timed out after %d milliseconds with %d bytes received", k.since(), k.size)
}
