// The signs that are drawn with: box and block characters, or ASCII where a
// terminal draws those two cells wide, or a person asks for it.

package tui

// glyphs is a set of signs, each one cell wide.
type glyphs struct {
	ascii                                    bool
	horizontal, vertical                     string
	cornerTL, cornerTR                       string
	cornerBL, cornerBR                       string
	teeDown, teeUp, teeLeft, teeRight, cross string
	ellipsis                                 string
	focus                                    string   // before the title of the pane with the focus
	selected                                 string   // before a selected row
	full, half, empty                        string   // bars
	shade                                    string   // what is neither full nor empty
	eighths                                  []string // of a bar's last cell, from 1/8 to 7/8
	arrowRight, arrowLeft                    string
	lost                                     string
	folded, unfolded                         string
	dot                                      string // between two things on a line
	up, down                                 string
}

var unicodeGlyphs = glyphs{
	horizontal: "─", vertical: "│",
	cornerTL: "╭", cornerTR: "╮", cornerBL: "╰", cornerBR: "╯",
	teeDown: "┬", teeUp: "┴", teeLeft: "┤", teeRight: "├", cross: "┼",
	ellipsis: "…",
	focus:    "▌",
	selected: "›",
	full:     "█", half: "▌", empty: "░", shade: "▒",
	eighths:    []string{"▏", "▎", "▍", "▌", "▋", "▊", "▉"},
	arrowRight: "▶", arrowLeft: "◀",
	lost:   "✗",
	folded: "▸", unfolded: "▾",
	dot: "·",
	up:  "↑", down: "↓",
}

var asciiGlyphs = glyphs{
	ascii:      true,
	horizontal: "-", vertical: "|",
	cornerTL: "+", cornerTR: "+", cornerBL: "+", cornerBR: "+",
	teeDown: "+", teeUp: "+", teeLeft: "+", teeRight: "+", cross: "+",
	ellipsis: "~",
	focus:    "*",
	selected: ">",
	full:     "#", half: "#", empty: ".", shade: "=",
	arrowRight: ">", arrowLeft: "<",
	lost:   "x",
	folded: "+", unfolded: "-",
	dot: "|",
	up:  "^", down: "v",
}

// bar is w cells of which the part from 0 to 1 is filled.
func (g *glyphs) bar(w int, part float64) string {
	if w <= 0 {
		return ""
	}
	part = max(0, min(part, 1))
	eighths := int(part*float64(w)*8 + 0.5)
	n := eighths / 8
	s := ""
	for range n {
		s += g.full
	}
	if rest := eighths % 8; n < w && rest > 0 && len(g.eighths) > 0 {
		s += g.eighths[rest-1]
		n++
	}
	for ; n < w; n++ {
		s += g.empty
	}
	return s
}
