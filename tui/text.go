// Text in cells: what is on screen is measured in the cells of a terminal, of
// which a Chinese character takes two. Strings may carry SGR sequences.

package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// cells is how many cells s takes.
func cells(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return ansi.StringWidth(s)
		}
	}
	return len(s) // most of what is on screen
}

// cut shortens s to at most w cells; tail marks that something is missing.
func cut(s string, w int, tail string) string {
	if w <= 0 {
		return ""
	}
	if cells(s) <= w {
		return s
	}
	return ansi.Truncate(s, w, tail)
}

// fit makes s exactly w cells wide: cut, or padded at the right.
func fit(s string, w int, tail string) string {
	s = cut(s, w, tail)
	return s + blank(w-cells(s))
}

// flushRight makes s exactly w cells wide, padded at the left.
func flushRight(s string, w int, tail string) string {
	s = cut(s, w, tail)
	return blank(w-cells(s)) + s
}

const blanks = "                                                                                                                                "

// blank is n blanks.
func blank(n int) string {
	switch {
	case n <= 0:
		return ""
	case n <= len(blanks):
		return blanks[:n]
	}
	return strings.Repeat(" ", n)
}

// box makes exactly h lines of exactly w cells.
func box(lines []string, w, h int, tail string) []string {
	out := make([]string, max(h, 0))
	for i := range out {
		if i < len(lines) {
			out[i] = fit(lines[i], w, tail)
		} else {
			out[i] = blank(w)
		}
	}
	return out
}

// clip is the part of a line that stands in w cells from the cell at.
func clip(s string, at, w int) string { return ansi.Cut(s, at, at+w) }

// overlay puts the lines of top onto base, with its corner at x, y.
func overlay(base, top []string, x, y int) {
	for i, line := range top {
		if y+i < 0 || y+i >= len(base) {
			continue
		}
		under := base[y+i]
		w := cells(line)
		total := cells(under)
		left := clip(under, 0, x)
		left += blank(x - cells(left)) // a wide character cut in half
		rest := ""
		if x+w < total {
			rest = clip(under, x+w, total-x-w)
			rest = blank(total-x-w-cells(rest)) + rest
		}
		base[y+i] = left + resetSGR + line + resetSGR + rest
	}
}

const resetSGR = "\x1b[m"

// fold cuts a line into pieces of at most w cells, at blanks where there are any.
func fold(s string, w int) []string {
	if w <= 0 || cells(s) <= w {
		return []string{s}
	}
	return strings.Split(ansi.Wrap(s, w, ""), "\n")
}
