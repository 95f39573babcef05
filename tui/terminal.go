// What the terminal is like, asked before the screen takes it.

package tui

import (
	"bytes"
	"io"
	"os"
	"strings"
	"time"

	"github.com/muesli/cancelreader"
	"golang.org/x/term"
)

// Fits tells whether a terminal of w×h cells has room for the panes.
func Fits(w, h int) bool { return classOf(w, h) != sizeTiny }

// TooSmall says that it has not.
func TooSmall(w, h int, lang string) string {
	return (&look{lang: lang}).say("toosmall", w, h)
}

// probeTime is how long a terminal may take to tell where its cursor stands.
const probeTime = 100 * time.Millisecond

// WideBoxes tells whether the terminal draws box characters two cells wide, as
// some do in Chinese, Japanese and Korean locales; then they would break every
// line. It asks the terminal only where that may be so.
func WideBoxes(in, out *os.File) bool {
	if os.Getenv("RUNEWIDTH_EASTASIAN") == "1" {
		return true
	}
	if !eastAsian() {
		return false
	}
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return false
	}
	defer term.Restore(int(in.Fd()), old)
	r, err := cancelreader.NewReader(in)
	if err != nil {
		return false
	}
	defer r.Close()
	io.WriteString(out, "\r─\x1b[6n\r\x1b[K")
	stop := time.AfterFunc(probeTime, func() { r.Cancel() })
	defer stop.Stop()
	return cursorColumn(r) == 3
}

func eastAsian() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return strings.HasPrefix(v, "zh") || strings.HasPrefix(v, "ja") || strings.HasPrefix(v, "ko")
		}
	}
	return false
}

// cursorColumn reads a cursor position report, ESC [ row ; column R; 0 if none
// comes.
func cursorColumn(r io.Reader) int {
	var got []byte
	buf := make([]byte, 32)
	for len(got) < 256 {
		n, err := r.Read(buf)
		got = append(got, buf[:n]...)
		if i := bytes.LastIndex(got, []byte("\x1b[")); i >= 0 {
			if j := bytes.IndexByte(got[i:], 'R'); j > 0 {
				return columnOf(got[i+2 : i+j])
			}
		}
		if err != nil {
			return 0
		}
	}
	return 0
}

func columnOf(report []byte) int {
	_, col, ok := bytes.Cut(report, []byte(";"))
	if !ok || len(col) > 4 {
		return 0
	}
	n := 0
	for _, c := range col {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}
